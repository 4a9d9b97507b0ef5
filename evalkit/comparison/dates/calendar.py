"""Times of a series as whole steps: months, days or numbers, with their gaps, and where an interruption falls among them.

Not for people: one row is one point of the series.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from evalkit.errors import InputError


@dataclass(frozen=True, eq=False)
class Calendar:
    """Points of time on a regular grid.

    Parameters
    ----------
    labels : tuple
        The times as given, in order.
    place : int array, shape (n,)
        Steps since the first; a gap keeps its length.
    unit : {"month", "day", "number"}
    step : float
        Units in one step.
    """

    labels: tuple[Any, ...]
    place: np.ndarray
    unit: str
    step: float

    @property
    def absent(self) -> int:
        """How many points of the grid between the first and the last are not there."""
        return int(self.place[-1]) + 1 - len(self.place)

    def at(self, time: Any, argument: str, function: str) -> int:
        """Return the step of the first grid point at or after a time."""
        first = self.labels[0]
        try:
            if self.unit == "number":
                return math.ceil((float(time) - float(first)) / self.step - 1e-9)
            day = pd.Timestamp(time)
            if pd.isna(day):
                raise ValueError
        except (TypeError, ValueError):
            raise InputError(
                f"{function}: {argument} must be a time like {first!r}, but was {time!r}"
            ) from None
        if self.unit == "day":
            return math.ceil((day.normalize() - first).days / self.step)
        months = 12 * (day.year - first.year) + day.month - first.month
        # Month ends stand for each other: 28 February is the point after 31 January.
        last = first.is_month_end and all(label.is_month_end for label in self.labels)
        late = not last and day.day > first.day
        return math.ceil((months + late) / self.step)

    def label(self, place: int) -> Any:
        """Return the time of a step, as people write it: a date, or a number as text (a year takes no separator)."""
        if self.unit == "number":
            return f"{float(self.labels[0]) + place * self.step:.10g}"
        if self.unit == "day":
            return (self.labels[0] + pd.Timedelta(days=place * self.step)).date()
        return (self.labels[0] + pd.DateOffset(months=int(place * self.step))).date()


def calendar(times: pd.Series, column: str, function: str) -> tuple[Calendar, np.ndarray]:
    """Return the grid, and the order that sorts the rows.

    Raises
    ------
    InputError
        Times listed twice, fewer than two, neither numbers nor dates, or too irregular to have a step.
    """
    if isinstance(times.dtype, pd.PeriodDtype):
        times = times.dt.to_timestamp()
    if not (pd.api.types.is_datetime64_any_dtype(times) or _numeric(times)):
        try:
            times = pd.to_datetime(times, format="ISO8601")
        except (TypeError, ValueError):
            raise InputError(
                f"{function}: {column} must hold dates (text as 2011-02-28) or numbers, but holds {times.iloc[0]!r}"
            ) from None
    if not _numeric(times):
        # Seconds reach centuries that nanoseconds do not; the clock of a place does not matter to days.
        times = times.dt.tz_localize(None).astype("datetime64[s]")
    twice = times[times.duplicated()]
    if len(twice):
        raise InputError(
            f"{function}: {column} lists {len(twice)} times more than once (first: {twice.iloc[0]}); "
            "add them up, or compare one series at a time (control= for the other)"
        )
    if len(times) < 2:
        raise InputError(f"{function}: a series needs at least two points, but {len(times)} was given")
    order = np.argsort(times.to_numpy(), kind="stable")
    times = times.iloc[order].reset_index(drop=True)
    raw, unit = _raw(times)
    gaps = np.diff(raw)
    if gaps.min() <= 0:
        raise InputError(
            f"{function}: {column} holds several times on one day; add the outcome up by day, or number the points"
        )
    step = float(np.gcd.reduce(gaps.astype(int))) if unit != "number" else _step(gaps)
    place = np.rint((raw - raw[0]) / step).astype(int)
    if not np.allclose(raw, raw[0] + place * step, rtol=0, atol=1e-6 * step) or place[-1] > 20 * len(place):
        raise InputError(
            f"{function}: {column} is too irregular to be a series (gaps from {gaps.min():g} to {gaps.max():g}); "
            "add the outcome up by month, week or day first"
        )
    labels = tuple(times) if unit != "number" else tuple(times.tolist())
    return Calendar(labels, place, unit, step), order


def _numeric(times: pd.Series) -> bool:
    return pd.api.types.is_numeric_dtype(times) and not pd.api.types.is_bool_dtype(times)


def _raw(times: pd.Series) -> tuple[np.ndarray, str]:
    """Return times as numbers, and their unit."""
    if _numeric(times):
        return times.to_numpy(dtype=float), "number"
    same_day = times.dt.day.nunique() == 1 or times.dt.is_month_end.all()
    months = (12 * times.dt.year + times.dt.month).to_numpy(dtype=float)
    if same_day and len(np.unique(months)) == len(months):
        return months, "month"
    return (times.dt.normalize() - times.iloc[0].normalize()).dt.days.to_numpy(dtype=float), "day"


def _step(gaps: np.ndarray) -> float:
    """Return the step of numbers: 1 for whole ones that have gaps of 1, else the smallest gap."""
    if (gaps == np.rint(gaps)).all():
        return float(np.gcd.reduce(gaps.astype(int)))
    return float(gaps.min())
