"""One row per person where a person has several: what a subdistribution model needs, or why it cannot have it.

Not for models of rates (Cox), which take rows as they are.
"""

from __future__ import annotations

import dataclasses

import numpy as np
import pandas as pd

from evalkit.errors import InputError
from evalkit.timetoevent import TimeToEvent


def one_row_each(tte: TimeToEvent, matrix: np.ndarray) -> tuple[TimeToEvent, np.ndarray]:
    """Join the contiguous rows of a person, and keep the model's columns of the last one.

    Raises
    ------
    InputError
        Model columns, strata or weights that change within a person; rows of a person with a gap between them.

    Notes
    -----
    On the gap clock every episode begins again at 0 and stays a row of its own.
    """
    if tte.id is None or tte.entry is None or tte.clock == "gap":
        return tte, matrix
    who = pd.factorize(tte.id)[0]
    if len(who) == who.max() + 1:
        return tte, matrix
    order = np.lexsort((tte.time, tte.entry, who))
    person, entry, time = who[order], tte.entry[order], tte.time[order]
    same = person[1:] == person[:-1]
    _refuse(same & (entry[1:] != time[:-1]), person, "rows with a gap between them: once away they are neither at risk nor gone; "
            "fill the gap, or give one id per episode")  # fmt: skip
    changed = (matrix[order][1:] != matrix[order][:-1]).any(axis=1)
    for value in (tte.weight, tte.stratum):
        if value is not None:
            changed = changed | (value[order][1:] != value[order][:-1])
    _refuse(same & changed, person, "covariates, strata or weights that change in time: after a competing exit a person stays in the "
            "risk set and a changing covariate has no value there; use its value at the origin, or a landmark, or model "
            "the rates with cox(of=...)")  # fmt: skip
    first, last = np.flatnonzero(np.r_[True, ~same]), np.flatnonzero(np.r_[~same, True])
    end = order[last]
    kept = {
        name: None if (value := getattr(tte, name)) is None else value[end]
        for name in ("time", "cause", "id", "weight", "stratum")
    }
    covariates = tte.covariates.iloc[end].reset_index(drop=True)
    joined = dataclasses.replace(tte, entry=entry[first], covariates=covariates, **kept)
    return joined, np.asfortranarray(matrix[end])


def _refuse(where: np.ndarray, person: np.ndarray, what: str) -> None:
    if where.any():
        n = len(np.unique(person[1:][where]))
        raise InputError(f"fine_gray: {n} ids have {what}")
