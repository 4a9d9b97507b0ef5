"""Plays the models of the pack on an engine and says, number by number, whether it comes to what is known.

Not a proof: an error smaller than the half-width printed beside it would not be seen.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from evalkit.errors import InputError
from evalkit.provenance import Provenance
from evalkit.result import Result
from evalkit.simulation.experiments.playing import play_pathway
from evalkit.simulation.validating.models import Model, Quantity, all_models
from evalkit.wording import catalogue, message

#: Of a right engine, the probability that every verdict of a run is good: one level for all of them together.
JOINT = 0.999


@dataclass(frozen=True, repr=False)
class Validation(Result):
    """The verdicts of a run of the pack.

    Tidy table: model, quantity, part, expected, estimate (simulated), half_width, tolerance (what the expected number itself may be
    off by), conf_level (of one half-width), n (independent values), n_plays, verdict (``good`` or ``failed``), source, status, reason.
    """

    @property
    def ok(self) -> bool:
        """Whether every verdict is good."""
        return bool((self.table["verdict"] == "good").all())


def validate(
    engine: str = "simpy", quick: bool = False, models: Sequence[Model] | None = None,
    progress: Callable[[str], None] | None = None, seed: int = 20_240_101,
) -> Validation:  # fmt: skip
    """Play models whose answer is known and compare.

    Parameters
    ----------
    engine : {"simpy", "compiled", "auto"}
    quick : bool
        A sixth of the plays: half-widths about two and a half times as wide.
    models : sequence of Model, optional
        Those of the pack by default.
    progress : callable, optional
        Called with the name of each model.
    seed : int
        Fixed by default, so that a right engine gives the same table every time.

    Returns
    -------
    Validation

    Notes
    -----
    A number is good when the expected one lies within the half-width (Student's t over batch means: Law 2015, section 9.5.3) of the
    simulated one, widened by what the expected one may be off by. The level of the half-widths is such that, of a right engine,
    all are good with probability 99.9 % (Šidák 1967); equalities must hold to the bit.

    Examples
    --------
    >>> one = validate(quick=True, models=[m for m in all_models() if m.name == "weekly_slots"])
    >>> one.ok, one.tidy()[["quantity", "expected", "estimate"]].values.tolist()
    (True, [['off_by', 0.0, 0.0]])
    """
    chosen = list(all_models() if models is None else models)
    if not chosen:
        raise InputError("models: no model to play; give at least one")
    level = JOINT ** (1.0 / sum(len(one.quantities) for one in chosen))
    rows: list[dict[str, Any]] = []
    digests = {}
    for one in chosen:
        if progress is not None:
            progress(one.name)
        found, digests[one.name] = _played(one, engine, one.quick if quick else one.plays, seed, level)
        rows += found
    table = pd.DataFrame(rows)
    failed = int((table["verdict"] == "failed").sum())
    said = message(
        "simulation_validating.failed" if failed else "simulation_validating.good", n=failed or len(table)
    )
    return Validation(
        table, message("simulation_validating.question", engine=engine),
        (said, message("simulation_validating.joint", joint=JOINT)),
        Provenance("simulated", digests, seed, {"engine": engine, "quick": quick}), labels=_labels(table),
    )  # fmt: skip


def _played(
    model: Model, engine: str, plays: int, seed: int, level: float
) -> tuple[list[dict[str, Any]], str]:
    scenario = model.scenario()
    pathway = scenario.compile()
    tapes = (play_pathway(pathway, seed, r, engine, model.name) for r in range(plays))
    values = [[q.measure(tape) for q in model.quantities] for tape in tapes]
    return [
        _verdict(model, q, np.concatenate([v[k] for v in values]), plays, level)
        for k, q in enumerate(model.quantities)
    ], scenario.digest


def _verdict(
    model: Model, quantity: Quantity, values: np.ndarray, plays: int, level: float
) -> dict[str, Any]:
    from scipy import stats

    n, expected = len(values), quantity.expected()
    if model.exact:
        estimate, half = float(values[np.abs(values - expected).argmax()]), 0.0
    else:
        estimate, error = _mean(values)
        half = float(stats.t.ppf(0.5 + level / 2, n - 1)) * error
    good = abs(estimate - expected) <= half + quantity.within  # a value that is not a number is not good
    return {
        "model": model.name, "quantity": quantity.name, "part": quantity.part, "expected": expected, "estimate": estimate,
        "half_width": half, "tolerance": quantity.within, "conf_level": 1.0 if model.exact else level, "n": n, "n_plays": plays,
        "verdict": "good" if good else "failed", "source": model.source, "status": "ok", "reason": "",
    }  # fmt: skip


def _mean(values: np.ndarray) -> tuple[float, float]:
    """Return a mean and its standard error; of a ratio, by linear approximation (Law 2015, section 9.5.3, of regenerative ratios)."""
    if values.ndim == 1:
        return float(values.mean()), float(values.std(ddof=1) / np.sqrt(len(values)))
    top, bottom = values.sum(axis=0)
    if bottom == 0:
        return float("nan"), float("nan")
    ratio = top / bottom
    left = (values[:, 0] - ratio * values[:, 1]) / values[:, 1].mean()
    return float(ratio), float(left.std(ddof=1) / np.sqrt(len(values)))


def _labels(table: pd.DataFrame) -> dict[str, dict[str, str]]:
    """Return the words of headings, models and quantities."""
    words = {
        k.removeprefix("word_"): dict(v)
        for k, v in catalogue("simulation_validating").items()
        if k.startswith("word_")
    }
    titles = {
        one.name: one.scenario().data["title"] for one in all_models() if one.name in set(table["model"])
    }
    return {**words, **{name: dict(title) for name, title in titles.items()}}
