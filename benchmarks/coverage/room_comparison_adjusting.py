"""Adjusted differences: two groups that differ in age and score, an effect that grows with the score, true values by quadrature."""

from __future__ import annotations

import numpy as np
import pandas as pd
from case import Case

from evalkit.comparison.adjusting.rows import adjusted_rows
from evalkit.comparison.groups.people import read_groups
from evalkit.comparison.groups.plan import GroupPlan
from evalkit.errors import InputError

ONCE = "matching without replacement"
METHODS = ("regression", "iptw", "matching", "aipw", "entropy", "overlap_weights")
FORMULA = "age + score"


def _chance(score: np.ndarray, age: np.ndarray) -> np.ndarray:
    return 1 / (1 + np.exp(0.4 - 0.6 * score - 0.3 * age))


def _yes(score: np.ndarray, age: np.ndarray, treated: np.ndarray | float) -> np.ndarray:
    return 1 / (1 + np.exp(-(-0.2 + 0.6 * score + 0.4 * age + 0.7 * treated)))


def _grid() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    nodes, weight = np.polynomial.hermite_e.hermegauss(80)
    score, age = np.meshgrid(nodes, [-1.0, 1.0], indexing="ij")
    return score, age, np.outer(weight / weight.sum(), [0.5, 0.5])


def _truth(kind: str) -> dict[str, float]:
    """Return the true effect among the treated, and among those found in both groups (overlap weights)."""
    score, age, weight = _grid()
    e = _chance(score, age)
    effect = 1 + 0.5 * score if kind == "continuous" else _yes(score, age, 1.0) - _yes(score, age, 0.0)
    of = {"att": e, "ato": e * (1 - e)}
    return {who: float((weight * w * effect).sum() / (weight * w).sum()) for who, w in of.items()}


def _play(kind: str):
    def play(rng: np.random.Generator, n: int) -> dict[str, tuple[float, float]]:
        score, age = rng.normal(size=n), rng.choice([-1.0, 1.0], n)
        t = (rng.random(n) < _chance(score, age)).astype(int)
        if kind == "continuous":
            y = score + 0.7 * age + t * (1 + 0.5 * score) + rng.normal(size=n)
        else:
            y = (rng.random(n) < _yes(score, age, t)).astype(int)
        data = pd.DataFrame({"t": t, "age": age, "score": score, "y": y})
        nothing = dict.fromkeys((*METHODS, ONCE), (np.nan, np.nan))
        try:
            groups = read_groups("y", "t", data, "two_groups", kind=kind, adjust=FORMULA)
        except InputError:
            return nothing
        rows = adjusted_rows(groups, GroupPlan(kind=kind, adjust=FORMULA, method=METHODS))
        rows += [
            {**r, "method": ONCE}
            for r in adjusted_rows(
                groups, GroupPlan(kind=kind, adjust=FORMULA, method=("matching",), options={"replace": False})
            )
        ]
        found = {
            r["method"]: (r["conf_low"], r["conf_high"]) for r in rows if r["term"] == "adjusted_difference"
        }
        return nothing | found

    return play


def cases() -> list[Case]:
    """Return the cases."""
    made = []
    for kind, what in (("continuous", "means"), ("binary", "shares")):
        truth = _truth(kind)
        of = {m: truth["ato" if m == "overlap_weights" else "att"] for m in (*METHODS, ONCE)}
        made.append(
            Case(f"difference of {what} among the treated", of, _play(kind), sizes=(20, 79, 170), plays=1_000)
        )
    return made
