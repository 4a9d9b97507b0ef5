"""The shape of every comparison's answer: how its table is shown, drawn and passed through the gate.

Not estimates: each room makes its rows.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from evalkit import wording
from evalkit.comparison.core.rows import FIGURES
from evalkit.result import Result
from evalkit.wording import Message, message

#: Columns that only programs need; they stay in `tidy`.
_UNREAD = ("reason", "std_error", "statistic", "df")


@dataclass(frozen=True, repr=False)
class Comparison(Result):
    """A comparison: rows by ``term`` (what), ``part`` (about whom) and ``method`` (how).

    A row that cannot be estimated has the status "not_estimable" and its reason, which is also said among the caveats.
    """

    def plot(self, ax: Any = None, lang: str | None = None) -> Any:
        """Draw the estimates that have an interval, and return the matplotlib Axes."""
        from evalkit import figures

        lang = wording.language(lang)
        drawn = self.table[self.table["estimate"].notna() & self.table["conf_low"].notna()]
        names = [
            f"{self._label(term, lang)} ({self._label(method, lang)})" if method else self._label(term, lang)
            for term, method in zip(drawn["term"], drawn["method"], strict=True)
        ]
        frame = drawn[["estimate", "conf_low", "conf_high", "conf_level", "status"]].assign(term=names)
        return figures.estimates(frame, self.question.text(lang), ax=ax, lang=lang, no_effect=0.0)

    def _display_frame(self, lang: str) -> pd.DataFrame:
        shown = self.table.drop(columns=[c for c in _UNREAD if c in self.table])
        table = shown.dropna(axis="columns", how="all")
        table = table.drop(columns=[c for c in ("part", "method") if c in table and (table[c] == "").all()])
        return Result._display_frame(dataclasses.replace(self, table=table), lang)

    def _cell(self, column: str, value: Any, lang: str) -> str:
        if column == "p_floor" and value == value:
            return wording.p_value(value, lang)
        return super()._cell(column, value, lang)


def reasons(table: pd.DataFrame) -> tuple[Message, ...]:
    """Return what the rows' reasons say, each once: why something is not estimable, or what was done."""
    said: list[Message] = []
    for reason, status in zip(table["reason"], table["status"], strict=True):
        if reason is None:
            continue
        caveat = reason if status == "ok" else message("result.not_estimable", reason=reason)
        if caveat not in said:
            said.append(caveat)
    return tuple(said)


def masked(
    table: pd.DataFrame,
    hide: np.ndarray,
    trim: np.ndarray | None = None,
    why: Message | None = None,
    told: np.ndarray | None = None,
) -> tuple[pd.DataFrame, int]:
    """Return the table without some figures, and how many rows lost something.

    Parameters
    ----------
    table : DataFrame
    hide, trim : bool array, one per row
        Rows that lose all figures; rows that keep ``estimate``, ``count`` and ``n``.
    why : Message, optional
        Reason written in the rows of `told` (default: all that lost something).
    told : bool array, optional
    """
    estimable = (table["status"] != "not_estimable").to_numpy()
    asked, hide = hide, hide & estimable
    trim = np.zeros(len(table), dtype=bool) if trim is None else trim & estimable & ~hide
    out = table.copy()
    for column in [c for c in FIGURES if c in table]:
        # A row that says why it has no interval keeps its reason, not its number of people nor their mean.
        lost = asked if column in ("count", "n", "estimate") else hide | trim
        out[column] = out[column].astype(float).mask(lost)
    out["status"] = out["status"].mask(hide | trim, "suppressed")
    if why is not None:
        said = (hide | trim) if told is None else told & (hide | trim)
        out["reason"] = [why if now else old for now, old in zip(said, out["reason"], strict=True)]
    return out, int((hide | trim).sum())


def still_said(
    caveats: tuple[Message, ...], table: pd.DataFrame, rests_on: Mapping[str, tuple[str, str]]
) -> tuple[Message, ...]:
    """Return the caveats whose figure the table still shows: `rests_on` gives, per sentence, the column and term it reads."""
    kept = []
    for caveat in caveats:
        column, term = rests_on.get(caveat.key, (None, None))
        if column is None or table.loc[table["term"] == term, column].notna().any():
            kept.append(caveat)
    return tuple(kept)
