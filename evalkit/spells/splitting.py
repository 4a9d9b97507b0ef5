"""Cuts spells without changing them: at given days, or where a dated situation begins or ends.

Not a place for rules: cutting conserves the time spent and the exits, whatever the cuts.
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import pandas as pd

from evalkit.errors import InputError
from evalkit.spells.flaws import INTERIOR


def at_pairs(frame: pd.DataFrame, row: np.ndarray, day: np.ndarray) -> pd.DataFrame:
    """Return the frame with row ``row[i]`` cut at ``day[i]``, for all i; days not strictly inside their row are ignored.

    Parameters
    ----------
    frame : DataFrame
        Spells in order.
    row : int array, shape (k,)
        Positions in `frame`.
    day : float array, shape (k,), days from the origin
    """
    start, stop = (frame[c].to_numpy(dtype=float) for c in ("start", "stop"))
    inside = (day > start[row]) & (day < stop[row])
    cuts = np.unique(np.column_stack([row[inside], day[inside]]), axis=0)
    if not len(cuts):
        return frame
    at = cuts[:, 0].astype(np.int64)
    source = np.concatenate([np.arange(len(frame)), at])
    begins = np.concatenate([start, cuts[:, 1]])
    order = np.lexsort((begins, source))
    source, begins = source[order], begins[order]
    last = np.append(source[1:] != source[:-1], True)
    ends = np.where(last, stop[source], np.append(begins[1:], np.nan))
    cut = frame.iloc[source].reset_index(drop=True)
    return cut.assign(start=begins, stop=ends, exit=cut["exit"].where(last, INTERIOR))


def days_of(cuts: object, frame: pd.DataFrame) -> tuple[np.ndarray, np.ndarray]:
    """Return the rows and days of cuts given as days from the origin or as dates; a number or date alone is one cut.

    Raises
    ------
    InputError
        If the cuts are neither all numbers nor all dates, or a number is negative.
    """
    cuts = list(cuts) if isinstance(cuts, Iterable) and not isinstance(cuts, str) else [cuts]
    numbers = [
        isinstance(c, int | float | np.integer | np.floating) and not isinstance(c, bool) for c in cuts
    ]
    rows = np.tile(np.arange(len(frame)), len(cuts))
    if all(numbers):
        days = np.repeat(np.array(cuts, dtype=float), len(frame))
    elif any(numbers):
        raise InputError(f"cuts: give days from the origin or dates, not both, but were {cuts!r}")
    else:
        try:
            dates = pd.to_datetime(cuts)
        except (ValueError, TypeError) as error:
            raise InputError(f"cuts: must be days from the origin or dates: {error}") from None
        origin = frame["origin"].to_numpy(dtype="datetime64[D]")
        days = np.concatenate(
            [(d.to_datetime64().astype("datetime64[D]") - origin) / np.timedelta64(1, "D") for d in dates]
        )
    if not np.isfinite(days).all():
        raise InputError(f"cuts: must be finite days or known dates, but were {cuts!r}")
    if all(numbers) and (days < 0).any():
        raise InputError(f"cuts: days from the origin must be 0 or more, but were {cuts!r}")
    return rows, days


class Track:
    """The situations of one track, placed on each person's clock, to be asked what holds on a day.

    A situation holds from its first day up to, not including, its last: a change is known from its date on, never before.
    Situations of one track of one person do not overlap (`FollowUp` refuses it).

    Parameters
    ----------
    situations : DataFrame
        person, state, start, end (NaT while open).
    origin : Series
        Date of origin, indexed by person.
    """

    def __init__(self, situations: pd.DataFrame, origin: pd.Series):
        known = situations[situations["person"].isin(origin.index)]
        self._index = origin.index
        code = self._index.get_indexer(known["person"])
        zero = origin.to_numpy(dtype="datetime64[D]")[code]
        start = (known["start"].to_numpy(dtype="datetime64[D]") - zero) / np.timedelta64(1, "D")
        end = (known["end"].to_numpy(dtype="datetime64[D]") - zero) / np.timedelta64(1, "D")
        # A situation of a single day lasts that day.
        end = np.where(np.isnan(end), np.inf, np.maximum(end, start + 1))
        order = np.lexsort((start, code))
        self._code, self._start, self._end = code[order], start[order], end[order]
        self._state = known["state"].to_numpy(dtype=object)[order]

    def changes(self, frame: pd.DataFrame) -> tuple[np.ndarray, np.ndarray]:
        """Return the rows of `frame` and the days on which something changes in them."""
        rows = pd.DataFrame({"code": self._index.get_indexer(frame["person"]), "row": np.arange(len(frame))})
        ends = pd.DataFrame({
            "code": np.concatenate([self._code, self._code]),
            "day": np.concatenate([self._start, self._end]),
        })  # fmt: skip
        pairs = rows.merge(ends, on="code")
        return pairs["row"].to_numpy(dtype=np.int64), pairs["day"].to_numpy(dtype=float)

    def on(self, person: pd.Series, day: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return, for each person and day, whether a situation holds, and its state (missing when none does)."""
        if not len(self._code):
            return np.zeros(len(day), dtype=bool), np.full(len(day), None, dtype=object)
        code = self._index.get_indexer(person)
        # One sorted key for person and day: the last situation begun by that day, if it is the same person's.
        low = min(float(self._start.min()), float(day.min(initial=0.0)))
        width = max(float(self._start.max()), float(day.max(initial=0.0))) - low + 2.0
        last = (
            np.searchsorted(self._code * width + (self._start - low), code * width + (day - low), "right") - 1
        )
        found = np.maximum(last, 0)
        holds = (last >= 0) & (self._code[found] == code) & (day < self._end[found])
        state = self._state[found]
        state[~holds] = None
        return holds, state
