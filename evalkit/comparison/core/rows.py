"""Rows of a comparison's table: the columns they may have, and one row made of what is known.

Not the answer: `answer` shows and publishes the table.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any

import pandas as pd

from evalkit.wording import Message

#: Columns every table has.
COLUMNS = (
    "term", "part", "method", "estimate", "std_error", "statistic", "df", "p_value", "p_floor",
    "conf_low", "conf_high", "conf_level", "count", "n", "status", "reason",
)  # fmt: skip
#: Columns a table has when some row uses them: the level an exact interval really has, the margins of an equivalence test.
OPTIONAL = ("level_achieved", "margin_low", "margin_high")
#: Columns that say figures, in the order they are shown.
FIGURES = (
    "estimate", "std_error", "statistic", "df", "p_value", "p_floor", "conf_low", "conf_high", "count", "n"
)  # fmt: skip


def row(
    term: str,
    part: str = "",
    method: str = "",
    *,
    ok: bool = True,
    reason: Message | None = None,
    **values: Any,
) -> dict[str, Any]:
    """Return one row; figures not given are nan, and so not shown.

    Parameters
    ----------
    term, part, method : str
        What, about whom, how.
    ok : bool
        False: not estimable, and `reason` says why.
    reason : Message, optional
        With `ok`: what was done that a reader must know.
    **values
        Figures, and further keys (``group``, ``time``, ``outcome`` …).
    """
    unknown = dict.fromkeys(COLUMNS, math.nan)
    return unknown | {
        "term": term,
        "part": part,
        "method": method,
        "status": "ok" if ok else "not_estimable",
        "reason": reason,
        **values,
    }


def ratio_of(logarithm: float) -> float:
    """Return the ratio of a logarithm, infinite past what a float holds: with two people a limit may lie that far.

    Examples
    --------
    >>> ratio_of(0.0), ratio_of(1e4)
    (1.0, inf)
    """
    return math.exp(logarithm) if logarithm < 709 else math.inf


def missing_row(term: str, part: str, method: str, n: int, reason: Message) -> dict[str, Any]:
    """Return the row of what cannot be estimated, and why."""
    return row(term, part, method, n=n, ok=False, reason=reason)


def frame(rows: Iterable[dict[str, Any]], keys: tuple[str, ...] = ()) -> pd.DataFrame:
    """Return the table: further `keys` first, then `COLUMNS`, then those of `OPTIONAL` that some row uses."""
    rows = list(rows)
    used = [c for c in OPTIONAL if any(c in r for r in rows)]
    head = list(COLUMNS[: COLUMNS.index("conf_level") + 1])
    tail = list(COLUMNS[COLUMNS.index("conf_level") + 1 :])
    return pd.DataFrame(rows, columns=[*keys, *head, *used, *tail])
