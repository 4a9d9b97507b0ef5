"""Takes a DataFrame as a table of texts, so that a frame passes the very checks a file passes.

Not a way to skip them.
"""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from evalkit.errors import InputError
from evalkit.followup.faults import Faults
from evalkit.followup.tables import Column, RawTable, clean
from evalkit.followup.values import number_text
from evalkit.wording import fault


def as_table(frame: pd.DataFrame, file: str, faults: Faults, blank: frozenset[str] = frozenset()) -> RawTable:
    """Return a frame as text; rows are numbered from 0, as `iloc` numbers them."""
    headings = tuple(clean(str(c)) for c in frame.columns)
    columns = tuple(_column(frame.iloc[:, i], file, h, faults, blank) for i, h in enumerate(headings))
    return RawTable(file, file, headings, columns, np.arange(len(frame), dtype=np.int64), "row")


def read_parquet(path: Path, faults: Faults, blank: frozenset[str]) -> RawTable | None:
    """Read a Parquet file.

    Raises
    ------
    InputError
        If pyarrow is not installed.
    """
    try:
        import pyarrow.parquet as parquet
    except ImportError:
        raise InputError(fault("records.no_parquet", file=path.name)) from None
    try:
        frame = parquet.read_table(path).to_pandas()
    except (OSError, ValueError):
        faults.add("not_parquet", file=path.name)
        return None
    return as_table(frame, path.name, faults, blank)


def _column(series: pd.Series, file: str, heading: str, faults: Faults, blank: frozenset[str]) -> Column:
    if pd.api.types.is_datetime64_any_dtype(series.dtype):
        return _days(series, blank)
    if pd.api.types.is_bool_dtype(series.dtype):
        series = series.astype("Float64")
    if pd.api.types.is_numeric_dtype(series.dtype):
        values = series.to_numpy(dtype=np.float64, na_value=np.nan)
        infinite = np.flatnonzero(np.isinf(values))
        if len(infinite):
            faults.add("infinite", file=file, row=int(infinite[0]), column=heading, count=len(infinite))
        if pd.api.types.is_integer_dtype(series.dtype):  # exact beyond 2^53, which a float is not
            codes, distinct = pd.factorize(series)
            return Column.of(codes, [str(v) for v in distinct], blank)
        codes, distinct = pd.factorize(values)
        return Column.of(codes, [number_text(v) for v in distinct], blank)
    codes, distinct = pd.factorize(series.astype(object))
    return Column.of(codes, [_text(v) for v in distinct], blank)


def _days(series: pd.Series, blank: frozenset[str]) -> Column:
    """A time zone is left off: the day is the one that was written."""
    local = series.dt.tz_localize(None) if series.dt.tz is not None else series
    codes, distinct = pd.factorize(local)
    return Column.of(codes, [_text(v) for v in distinct], blank)


def _text(value: Any) -> str:
    if isinstance(value, np.datetime64):
        value = pd.Timestamp(value)
    if isinstance(value, dt.datetime):
        return value.strftime("%Y-%m-%d" if value.time() == dt.time() else "%Y-%m-%d %H:%M:%S")
    if isinstance(value, dt.date):
        return value.isoformat()
    if isinstance(value, bool | np.bool_):
        return str(int(value))
    if isinstance(value, int | float | np.number):
        return number_text(float(value)) if not float(value).is_integer() else str(int(value))
    return str(value)
