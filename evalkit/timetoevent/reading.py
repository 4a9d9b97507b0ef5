"""From the columns of a frame to times, exits and strata, with every fault found.

Not for judging whether the times are possible: `checks` does, for any `TimeToEvent`.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Mapping

import numpy as np
import pandas as pd

from evalkit.errors import Fault, InputError
from evalkit.timetoevent.checks import CENSORED, SHOWN, fault, plain, rows


def need_columns(df: pd.DataFrame, names: Iterable[str | None]) -> None:
    """Refuse a frame that lacks a column or has no rows."""
    missing = [str(name) for name in names if name is not None and name not in df.columns]
    if missing:
        have = ", ".join(str(c) for c in df.columns[:12])
        raise InputError(f"columns: no {', '.join(map(repr, missing))} in the frame; it has {have}")
    if len(df) == 0:
        raise InputError("frame: it has no rows; give at least one observed person")


def numbers(column: pd.Series, name: str, faults: list[Fault]) -> np.ndarray:
    """Return a column as floats, missing as nan; text and dates are a fault."""
    if pd.api.types.is_bool_dtype(column) or not pd.api.types.is_numeric_dtype(column):
        faults.append(
            fault(
                f"{name}: must be numbers, but was {column.dtype}; turn dates into days since the origin first"
            )
        )
        return np.zeros(len(column))
    return column.to_numpy(dtype=float, na_value=np.nan, copy=True)


def decode(
    column: pd.Series, name: str, codes: Mapping[Hashable, str] | None, faults: list[Fault]
) -> tuple[tuple[str, ...], np.ndarray]:
    """Return the names of the exits and the number of each row's exit."""
    nothing = ((name,), np.zeros(len(column), dtype=np.int64))
    missing = column.isna().to_numpy()
    if missing.any():
        faults.append(
            fault(f"{name}: missing in {rows(missing)}; a row whose end is not known is censored: code it so")
        )
        return nothing
    if codes is None:
        return decode_plain(column, name, faults) or nothing
    causes = tuple(dict.fromkeys(str(v) for v in codes.values() if v != CENSORED))
    if not causes:
        faults.append(
            fault(f"codes: {dict(codes)} names no event; give at least one name other than 'censored'")
        )
        return nothing
    number = {code: 0 if said == CENSORED else causes.index(str(said)) + 1 for code, said in codes.items()}
    level, values = _distinct(column)
    unexplained = [v for v in values if v is not None and v not in number]
    if unexplained:
        counts = column.value_counts()
        said = ", ".join(f"{plain(v)!r} ({counts[v]} rows)" for v in unexplained[:SHOWN])
        faults.append(
            fault(f"{name}: values not explained by codes: {said}; say what each means, 'censored' included")
        )
        return nothing
    return causes, np.array([number.get(v, 0) for v in values], dtype=np.int64)[level]


def decode_plain(
    column: pd.Series, name: str, faults: list[Fault]
) -> tuple[tuple[str, ...], np.ndarray] | None:
    """Read a true/false or 0/1 column; anything else is a fault that hints at the likely coding."""
    if pd.api.types.is_bool_dtype(column):
        return (name,), column.to_numpy(dtype=bool).astype(np.int64)
    values = set(_distinct(column)[1]) - {None}
    if values <= {0, 1}:
        return (name,), column.to_numpy(dtype=float).astype(np.int64)
    counts = column.value_counts()
    said = ", ".join(f"{plain(v)!r} ({c} rows)" for v, c in list(counts.items())[:SHOWN])
    hint = "give codes={value: name, ...} with 'censored' for the rows without an event"
    if values <= {1, 2}:
        hint = "this looks like 1 = censored, 2 = event: if so, give codes={1: 'censored', 2: 'event'}"
    elif values <= {0, 2}:
        hint = "if 0 means censored and 2 the event, give codes={0: 'censored', 2: 'event'}"
    faults.append(
        fault(f"{name}: must be true/false or 0/1 unless codes are given, but holds {said}; {hint}")
    )
    return None


def renumbered(frame: pd.DataFrame) -> pd.DataFrame:
    """Return a frame that is ours already with rows numbered from 0: no column is copied a second time."""
    frame = frame.copy(deep=False)
    frame.index = pd.RangeIndex(len(frame))
    return frame


def _distinct(column: pd.Series) -> tuple[np.ndarray, list]:
    """Return where each row's value is in a list, and that list; small whole codes are their own place, None where nobody is."""
    values = column.to_numpy()
    if values.dtype.kind in "iu" and values.min() >= 0 and values.max() < 1000:
        return values, [code if count else None for code, count in enumerate(np.bincount(values))]
    level, found = pd.factorize(column)
    return level, list(found)


def stratum_of(df: pd.DataFrame, strata: list[str]) -> np.ndarray | None:
    """Return one label per row for one or several stratum columns."""
    if not strata:
        return None
    if len(strata) == 1:
        return df[strata[0]].to_numpy()
    return df[strata].astype(str).agg(" / ".join, axis=1).to_numpy()
