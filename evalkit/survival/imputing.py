"""Missing covariates of times filled in several times, the exit taken into account, and the answers pooled.

Not for missing times or exits: a row whose end is not known is censored.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

import numpy as np
import pandas as pd

from evalkit.disclosure import Headcount
from evalkit.errors import InputError
from evalkit.numerics.arguments import generator
from evalkit.numerics.imputation import chained
from evalkit.numerics.rubin import pooled
from evalkit.survival.core.sample import accept
from evalkit.survival.core.sums import RiskSums
from evalkit.timetoevent import TimeToEvent
from evalkit.wording import message

__all__ = ["impute", "pooled"]


def impute(
    tte: TimeToEvent,
    columns: Sequence[str] | None = None,
    using: Sequence[str] = (),
    m: int = 20,
    iterations: int = 10,
    seed: int = 0,
) -> tuple[TimeToEvent, ...]:
    """Fill in missing covariates several times.

    Parameters
    ----------
    tte : TimeToEvent
        One row per person.
    columns : list of str, optional
        Covariates to complete and that help to complete each other: those of the model to be fitted. All that have something missing
        otherwise.
    using : list of str
        Complete or incomplete covariates that help too.
    m : int
        How many data sets; as a rule at least the percentage of people with something missing.
    iterations : int
        Rounds over the columns.
    seed : int

    Returns
    -------
    tuple of TimeToEvent, length m
        For `pooled`. Their rule says what was filled in.

    Raises
    ------
    InputError
        Nothing missing; unknown columns; several rows of one person; a column that cannot be filled in.

    Notes
    -----
    Each column is predicted by the others, by the exits, and by the cumulative hazard of each exit while the row was observed:
    White & Royston (2009), Statistics in Medicine 28:1982. Values must be missing at random given these.

    Examples
    --------
    >>> people = pd.DataFrame({"age": [17, 18, None, 20, 19, None, 18, 17, 21, 20]})
    >>> tte = TimeToEvent(range(1, 11), [1, 0] * 5, ("relapse",), covariates=people)
    >>> sets = impute(tte, m=5, seed=1)
    >>> len(sets), int(sets[0].covariates["age"].isna().sum())
    (5, 0)
    """
    tte = accept(tte, "impute")
    if tte.id is not None and not pd.Index(tte.id).is_unique:
        raise InputError(
            "impute: some people have several rows; fill in one row per person, then split (Spells.split_by, split_at)"
        )
    if m < 2 or iterations < 1:
        raise InputError(f"m, iterations: at least 2 data sets and 1 round, but were {m} and {iterations}")
    lacking = [str(c) for c in tte.covariates if tte.covariates[c].isna().any()]
    wanted = lacking if columns is None else list(columns)
    wanted = list(dict.fromkeys([*wanted, *using]))
    absent = [c for c in wanted if c not in tte.covariates]
    if absent:
        have = ", ".join(map(str, tte.covariates.columns)) or "none"
        raise InputError(f"columns: no {', '.join(map(repr, absent))} among the covariates; they are {have}")
    holes = [c for c in wanted if c in lacking]
    if not holes:
        raise InputError("impute: nothing is missing in these columns; fit the data as they are")
    frame = tte.covariates[wanted]
    made = chained(frame, _outcome(tte), m, iterations, generator(seed))
    n = int(frame[holes].isna().any(axis=1).sum())
    said = message("pooling.imputed", n=Headcount(n), columns=holes)
    return tuple(
        dataclasses.replace(tte, covariates=tte.covariates.assign(**one), rule=(*tte.rule, said))
        for one in made
    )


def _outcome(tte: TimeToEvent) -> np.ndarray:
    """Return, per cause, whether the row ended so, and the cumulative hazard of it while the row was observed."""
    sums = RiskSums.of(tte.time, tte.cause, tte.entry, tte.weight, n_causes=len(tte.causes))
    at_risk = sums.n_risk()[0]
    steps = np.divide(sums.exits[0, 1:], at_risk, out=np.zeros_like(sums.exits[0, 1:]), where=at_risk > 0)
    upto = np.concatenate([np.zeros((len(tte.causes), 1)), np.cumsum(steps, axis=1)], axis=1)
    hazard = upto[:, np.searchsorted(sums.times, tte.time, side="right")]
    if tte.entry is not None:
        hazard = hazard - np.where(
            tte.entry > 0, upto[:, np.searchsorted(sums.times, tte.entry, side="right")], 0.0
        )
    exits = (tte.cause == np.arange(1, len(tte.causes) + 1)[:, None]).astype(float)
    # An exit that never happens tells nothing.
    return np.vstack([exits, hazard])[np.r_[exits.any(axis=1), exits.any(axis=1)]].T
