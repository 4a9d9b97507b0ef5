"""One row per person, all there from the origin: what pseudo-values, weights by propensity and validation stand on.

Not for delayed entry: those who left before they could be observed are in nobody's data, and these methods average over people.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from evalkit.errors import InputError
from evalkit.survival.core.sample import Sample, refuse_second_exits, sample
from evalkit.timetoevent import TimeToEvent


def from_origin(
    tte: TimeToEvent, cause: np.ndarray, by: str | Sequence[str] | None, what: str
) -> tuple[Sample, np.ndarray]:
    """Return people joined into one row each, and the position in `tte` of each one's first row.

    Parameters
    ----------
    tte : TimeToEvent
    cause : int array, shape (n,)
        0 for censored.
    by : str or list of str, optional
    what : str
        Who asks, for the errors.

    Raises
    ------
    InputError
        Delayed entry, gaps, groups that change; several exits or episodes of one person.
    """
    refuse_second_exits(tte, cause, what)
    rows = sample(tte, cause, by)
    late = 0 if rows.entry is None else int((rows.entry > 0).sum())
    if late:
        raise InputError(
            f"{what}: {late} rows came under observation after the origin, return after a gap or change group; it averages over "
            "people all observed from the origin. Keep those, or set the origin where observation begins"
        )
    if rows.id is None:
        return rows, np.arange(tte.n)
    again = int(pd.Index(rows.id).duplicated().sum())
    if again:
        raise InputError(f"{what}: {again} rows are further episodes of an id; give one id per episode")
    by_start = np.argsort(tte.time, kind="stable")
    first = pd.Series(by_start, index=pd.Index(tte.id[by_start]))
    return rows, first[~first.index.duplicated()].loc[rows.id].to_numpy()


def counts(rows: Sample) -> np.ndarray:
    """Return the weight of each row, 1 without weights."""
    return np.ones(len(rows.time)) if rows.weight is None else rows.weight


def asked_times(times: object, rows: Sample, what: str, argument: str = "times") -> np.ndarray:
    """Return distinct times, each within the follow-up of every group.

    Raises
    ------
    InputError
        Not positive, not finite, or past the last observation of a group.
    """
    asked = np.unique(np.atleast_1d(np.asarray(times, dtype=float)))
    if not len(asked) or not np.isfinite(asked).all() or asked[0] <= 0:
        raise InputError(
            f"{argument}: {what} needs one or more times after the origin, but was given {times}"
        )
    for g, name in enumerate(rows.groups):
        time, cause = rows.time[rows.group == g], rows.cause[rows.group == g]
        last = float(time.max())
        if asked[-1] > last and not (cause[time == last] > 0).all():
            where = f" of {', '.join(map(str, name))}" if name else ""
            raise InputError(
                f"{argument}: {asked[-1]:g} is beyond the last observation{where} ({last:g}); nothing is known there: ask earlier"
            )
    return asked
