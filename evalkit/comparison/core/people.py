"""People of a comparison read from a table: columns that must be there, rows with something missing, groups.

Not for the same people at two dates: `paired.waves` matches them.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
import pandas as pd

from evalkit.disclosure import Headcount
from evalkit.errors import Fault, InputError
from evalkit.numerics.arguments import one_of
from evalkit.wording import Message, message


def rows_of(
    data: Any, columns: Iterable[str], function: str, missing: str = "error"
) -> tuple[pd.DataFrame, np.ndarray, tuple[Message, ...]]:
    """Return the rows that have every column, which rows they are, and what was left out.

    Parameters
    ----------
    data : DataFrame
    columns : iterable of str
        Columns that must be there and filled.
    function : str
        Public name of who asks, for errors.
    missing : {"error", "drop"}

    Returns
    -------
    frame : DataFrame
        The columns asked, rows kept.
    kept : bool array, shape (rows of `data`,)
    caveats : tuple of Message
        Who was left out: one sentence per column with its count.

    Raises
    ------
    InputError
        No table, no such columns, no row; missing values unless dropped: all columns at once, with counts.
    """
    one_of(missing, ("error", "drop"), "missing")
    if not isinstance(data, pd.DataFrame):
        raise InputError(f"{function}: data must be a DataFrame, but was {type(data).__name__}")
    columns = list(dict.fromkeys(columns))
    absent = [c for c in columns if c not in data.columns]
    if absent:
        raise InputError(f"{function}: no column {absent} in data; it has {data.columns.tolist()}")
    twice = [c for c in columns if isinstance(data[c], pd.DataFrame)]
    if twice:
        raise InputError(f"{function}: several columns of data are called {twice}; rename all but one")
    frame = data[columns]
    lacking = {c: int(frame[c].isna().sum()) for c in columns}
    lacking = {c: k for c, k in lacking.items() if k}
    if lacking and missing == "error":
        raise InputError([
            Fault({"en": f"{function}: {c} is missing in {k} of {len(frame)} rows; fill it in, or say missing='drop' to leave "
                         "those rows out and have them counted"})
            for c, k in lacking.items()
        ])  # fmt: skip
    kept = frame.notna().all(axis=1).to_numpy()
    if not kept.any():
        raise InputError(
            f"{function}: no row of data has all of {columns}; "
            + ("data has no rows" if len(data) == 0 else f"missing by column: {lacking}")
        )
    said = tuple(
        message("comparison_core.left_out", column=c, count=Headcount(k)) for c, k in lacking.items()
    )
    return frame[kept], kept, said


def binary_values(values: pd.Series, column: str, function: str) -> np.ndarray:
    """Return answers of 0, 1, False and True as floats; anything else is refused with what was seen."""
    raw = values.to_numpy(dtype=object)
    good = np.array([is_binary(v) for v in raw], dtype=bool)
    if not good.all():
        shown = sorted({repr(v) for v in raw[~good]})
        listed = ", ".join(shown[:5] + (["…"] if len(shown) > 5 else []))
        raise InputError(
            f"{function}: {column} must hold 0 and 1 (or False and True), but {int((~good).sum())} of {len(raw)} rows hold {listed}"
        )
    return raw.astype(float)


def number_values(values: pd.Series, column: str, function: str) -> np.ndarray:
    """Return finite numbers as floats; text, dates and infinities are refused with counts."""
    if pd.api.types.is_bool_dtype(values) or not pd.api.types.is_numeric_dtype(values):
        raise InputError(f"{function}: {column} must hold numbers, but holds {values.dtype}")
    found = values.to_numpy(dtype=float, na_value=np.nan)
    if infinite := int(np.isinf(found).sum()):
        raise InputError(f"{function}: {column} is infinite in {infinite} of {len(found)} rows; mend them")
    return found


def is_binary(value: Any) -> bool:
    """Tell whether one answer is 0 or 1. Text "0" is not: what else the column holds as text must be looked at first."""
    return isinstance(value, (bool, int, float, np.bool_, np.integer, np.floating)) and value in (0, 1)


def two_levels(values: pd.Series, column: str, function: str, reference: Any = None) -> tuple[Any, Any]:
    """Return the reference level and the other, of a column that holds exactly two.

    The reference is `reference`, else the first in order (False, 0, the first category).
    """
    found = [v.item() if isinstance(v, np.generic) else v for v in pd.unique(values)]
    if isinstance(values.dtype, pd.CategoricalDtype):
        found = [c for c in values.cat.categories if c in set(found)]
    else:
        found = sorted(found, key=lambda v: (str(type(v)), v) if isinstance(v, str) else ("", v))
    if len(found) != 2:
        shown = ", ".join(map(repr, found[:6])) + (", …" if len(found) > 6 else "")
        raise InputError(
            f"{function}: {column} must hold exactly two groups, but holds {len(found)}: {shown}"
        )
    if reference is None:
        return found[0], found[1]
    if reference not in found:
        raise InputError(f"{function}: reference={reference!r} is no value of {column}, which holds {found}")
    return reference, next(v for v in found if v != reference)
