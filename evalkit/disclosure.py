"""Small cells are hidden before anything leaves the analyst's hands: primary suppression on tidy frames.

Not a guarantee against differencing: secondary suppression and linked tables are for the person who publishes to weigh; what is
hidden here is a missing value with status "suppressed", never a zero.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import pandas as pd

#: Columns that count people. `n` is the base of a row: when it is small, so is everything in the row.
COUNTS = ("n", "n_risk", "n_event", "n_censor", "n_missing", "numerator", "denominator", "count")
#: Columns computed from them, hidden with them.
DERIVED = ("estimate", "std_error", "statistic", "df", "p_value", "conf_low", "conf_high", "share", "smd")


@dataclass(frozen=True)
class Policy:
    """How few people make a cell too small to publish.

    Parameters
    ----------
    threshold : int
        Counts from 1 to ``threshold - 1`` are hidden. 11 is the strictest French rule found for natural persons.
    reason : str, optional
        Required, in writing, when the threshold is lowered.

    Raises
    ------
    ValueError
        If the threshold is below 11 and no reason is given.
    """

    threshold: int = 11
    reason: str | None = None

    def __post_init__(self) -> None:
        if self.threshold < 1:
            raise ValueError(f"threshold must be at least 1, but was {self.threshold}")
        if self.threshold < 11 and not (self.reason or "").strip():
            raise ValueError(f"a threshold of {self.threshold}, below 11, needs a written reason")

    def small(self, counts: pd.Series) -> pd.Series:
        """Return which counts must be hidden."""
        values = counts.to_numpy(dtype=float, na_value=np.nan)
        return (values > 0) & (values < self.threshold)  # type: ignore[return-value]


def suppress(table: pd.DataFrame, policy: Policy) -> tuple[pd.DataFrame, int]:
    """Hide small counts and what follows from them.

    A row with any small count loses all its counts and all its derived columns: a share beside its denominator
    gives the numerator away. A complement gives it away too, so a numerator within ``threshold`` of its base is hidden as well.

    Returns
    -------
    table : DataFrame
        With ``status`` set to "suppressed" on the rows concerned.
    n_hidden : int
        How many rows lost a value.
    """
    counts = [c for c in COUNTS if c in table]
    if not counts or policy.threshold <= 1:
        return table, 0
    hide = np.zeros(len(table), dtype=bool)
    for column in counts:
        hide |= np.asarray(policy.small(table[column]))
    for part, base in (("numerator", "denominator"), ("count", "n"), ("n_event", "n_risk"), ("n_event", "n")):
        if part in table and base in table:
            rest = table[base].astype(float) - table[part].astype(float)
            hide |= np.asarray(policy.small(rest)) & (np.asarray(table[part].astype(float)) > 0)
    if not hide.any():
        return table, 0
    out = table.copy()
    for column in [*counts, *(c for c in DERIVED if c in table)]:
        out[column] = out[column].astype(float).mask(hide)
    if "status" not in out:
        out["status"] = "ok"
    out.loc[hide, "status"] = "suppressed"
    return out, int(hide.sum())
