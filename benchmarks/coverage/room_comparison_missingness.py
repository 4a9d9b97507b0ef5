"""Coverage under loss: what holds when the lost differ by what is known of them, and when they differ by what is not.

Not an experiment of its own: `run.py` plays it.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
from case import Case

from evalkit.comparison import attrition, tipping_point
from evalkit.errors import InputError

SIZES = (20, 79, 170)
NONE = (np.nan, np.nan)
#: Kinds of interval to the method's rows.
METHODS = {
    "complete cases": "complete",
    "Imbens-Manski (Manski)": "manski",
    "Imbens-Manski (Lee)": "lee",
    "weighting": "ipw",
    "imputation": "mi",
}
_EFFECT = 0.5


def _people(
    rng: np.random.Generator, n: int, binary: bool, depends_on: str
) -> tuple[pd.DataFrame, np.ndarray]:
    """Return people of two arms and what all would have answered; half drawn into each arm."""
    arm = np.repeat([0, 1], [n // 2, n - n // 2])
    age = rng.normal(0, 1, n)
    answer = age + _EFFECT * arm + rng.normal(0, 1, n)
    if binary:
        answer = (answer > 0.5).astype(float)
    # One in four is lost: in the second arm mostly the young (known of all) and in the first mostly the old, or in the second arm
    # mostly those who do badly (not known).
    if depends_on == "age":
        drives = age * (2 * arm - 1)
    else:
        drives = arm * (2 * answer - 1 if binary else answer)
    chance = 1 / (1 + np.exp(-(1.2 + 0.9 * drives)))
    seen = np.where(rng.random(n) < chance, answer, np.nan)
    return pd.DataFrame({"arm": arm, "age": age, "answer": seen}), answer


def _truth(binary: bool) -> float:
    """Return the true difference between arms."""
    from scipy.stats import norm

    if not binary:
        return _EFFECT
    return float(norm.sf((0.5 - _EFFECT) / np.sqrt(2)) - norm.sf(0.5 / np.sqrt(2)))


# One column has gaps, so one round of the imputation is all it takes.
def _intervals(data: pd.DataFrame, binary: bool) -> dict[str, tuple[float, float]]:
    kind = {} if binary else {"kind": "continuous", "scale": (-6.0, 7.0)}
    try:
        table = attrition(
            data, "answer", arm="arm", characteristics="age", formula="arm * age", m=10, iterations=1, **kind
        ).table
    except InputError:
        return dict.fromkeys(METHODS, NONE)
    table = table[table["term"] == "difference"]
    found = {}
    for name, method in METHODS.items():
        row = table[table["method"].str.startswith(method)].iloc[0]
        found[name] = (row["conf_low"], row["conf_high"])
    return found


def _loss(binary: bool, depends_on: str) -> Case:
    def play(rng: np.random.Generator, n: int) -> dict[str, tuple[float, float]]:
        data, _ = _people(rng, n, binary, depends_on)
        return _intervals(data.assign(answer=data["answer"].clip(-6.0, 7.0)), binary)

    what = "share" if binary else "mean"
    why = "by age, which is known" if depends_on == "age" else "by the answer itself"
    truth = dict.fromkeys([k for k in METHODS if k != "Imbens-Manski (Lee)"], _truth(binary))
    return Case(
        f"difference of a {what} between arms, a quarter lost {why}, not alike in the two arms",
        truth,
        play,
        SIZES,
        300,
    )


def _lee() -> Case:
    """Return the case of people kept by the second arm: the truth is about those always seen."""

    def play(rng: np.random.Generator, n: int) -> dict[str, tuple[float, float]]:
        arm = np.repeat([0, 1], [n // 2, n - n // 2])
        # 60 % are always seen, 20 % only in the second arm, and they do worse.
        kind = rng.random(n)
        answer = rng.normal(0, 1, n) + _EFFECT * arm - 1.0 * (kind > 0.6)
        seen = (kind < 0.6) | ((kind < 0.8) & (arm == 1))
        data = pd.DataFrame(
            {"arm": arm, "age": rng.normal(0, 1, n), "answer": np.where(seen, answer, np.nan)}
        )
        return _intervals(data, False)

    truth = {"Imbens-Manski (Lee)": _EFFECT, "complete cases": _EFFECT}
    return Case(
        "difference of a mean among those seen in either arm, the second keeps more", truth, play, SIZES, 400
    )


def _supposed() -> Case:
    """Return the case in which the lost are shifted by what the grid supposes."""

    def play(rng: np.random.Generator, n: int) -> dict[str, tuple[float, float]]:
        arm = np.repeat([0, 1], [n // 2, n - n // 2])
        lost = rng.random(n) < 0.25
        answer = rng.normal(0, 1, n) + _EFFECT * arm - lost
        data = pd.DataFrame({"arm": arm, "answer": np.where(lost, np.nan, answer)})
        grid = tipping_point(data, "answer", "continuous", arm="arm", grid=[-1.0]).grid.iloc[0]
        return {"delta": (grid["conf_low"], grid["conf_high"])}

    return Case("difference of a mean, the lost lower by 1 as supposed", {"delta": _EFFECT}, play, SIZES, 300)


def cases() -> list[Case]:
    """Return the cases."""
    return [
        _loss(False, "age"), _loss(True, "age"), _loss(False, "answer"), _loss(True, "answer"), _lee(), _supposed()
    ]  # fmt: skip
