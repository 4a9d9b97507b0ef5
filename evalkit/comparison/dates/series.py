"""A series read from a table: its points in order of time, what they are counted over, and the series it is compared with.

Not the model: `segments` cuts it.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from evalkit.comparison.core.people import number_values, rows_of
from evalkit.comparison.dates.calendar import Calendar, calendar
from evalkit.errors import InputError
from evalkit.wording import Message

FUNCTION = "interrupted_time_series"


@dataclass(frozen=True, eq=False)
class Series:
    """Points in order of time.

    Parameters
    ----------
    calendar : Calendar
    outcome : float array, shape (n,)
    size : float array, shape (n,), optional
        What counts are counted over, or how many were asked.
    other, other_size : float arrays, shape (n,), optional
        The control series.
    """

    calendar: Calendar
    outcome: np.ndarray
    size: np.ndarray | None = None
    other: np.ndarray | None = None
    other_size: np.ndarray | None = None


def read(
    data: pd.DataFrame | pd.Series,
    outcome: str | None,
    time: str | None,
    kind: str,
    denominator: str | None,
    control: str | None,
    control_denominator: str | None,
    missing: str,
) -> tuple[Series, tuple[Message, ...]]:
    """Return the series, and who was left out.

    Raises
    ------
    InputError
        Columns or times that are wrong; counts that are not; shares without their denominator, or above it.
    """
    if isinstance(data, pd.Series):
        outcome, time = outcome or "outcome", time or "time"
        data = pd.DataFrame({time: data.index, outcome: data.to_numpy()})
    if outcome is None or time is None:
        raise InputError(f"{FUNCTION}: name the columns: outcome=… and time=…")
    if kind == "share" and denominator is None:
        raise InputError(
            f"{FUNCTION}: kind='share' needs denominator=…, the column that says out of how many; outcome holds how many said yes"
        )
    if kind == "share" and control is not None:
        raise InputError(
            f"{FUNCTION}: a control of kind='share' is not offered; compute both shares and use kind='continuous'"
        )
    if kind == "continuous" and (denominator or control_denominator):
        raise InputError(f"{FUNCTION}: denominator goes with kind='count' or kind='share'")
    if control is not None and kind == "count" and (denominator is None) != (control_denominator is None):
        raise InputError(
            f"{FUNCTION}: give both denominators or none: denominator=… and control_denominator=…"
        )
    columns = [c for c in (time, outcome, denominator, control, control_denominator) if c is not None]
    frame, _, said = rows_of(data, columns, FUNCTION, missing)
    grid, order = calendar(frame[time], time, FUNCTION)
    frame = frame.iloc[order]
    found = {c: number_values(frame[c], c, FUNCTION) for c in columns if c != time}
    for counted in (outcome, control):
        if counted is not None and kind != "continuous":
            _whole(found[counted], counted)
    for size in (denominator, control_denominator):
        if size is not None and (low := int((found[size] <= 0).sum())):
            raise InputError(f"{FUNCTION}: {size} must be above 0, but is not in {low} of {len(frame)} rows")
    if kind == "share" and (above := int((found[outcome] > found[str(denominator)]).sum())):
        raise InputError(f"{FUNCTION}: {outcome} is above {denominator} in {above} of {len(frame)} rows")
    series = Series(
        grid,
        found[outcome],
        *(None if c is None else found[c] for c in (denominator, control, control_denominator)),
    )
    return series, said


def _whole(values: np.ndarray, column: str) -> None:
    wrong = int(((values < 0) | (values != np.rint(values))).sum())
    if wrong:
        raise InputError(
            f"{FUNCTION}: {column} must hold whole numbers, 0 or more, but does not in {wrong} of {len(values)} rows; "
            "for means or rates use kind='continuous'"
        )
