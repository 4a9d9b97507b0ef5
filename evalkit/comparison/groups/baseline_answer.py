"""The answer about how alike two groups are: how it is shown and drawn, and what of it may leave the room.

Not the figures: `baseline` makes them.
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from evalkit import wording
from evalkit.disclosure import Policy, protected
from evalkit.result import Result

#: Beyond it one usually speaks of imbalance.
LARGE = 0.1
_FIGURES = (
    "mean_reference", "mean_other", "smd_before", "variance_ratio", "mean_reference_after", "mean_other_after", "smd_after",
    "variance_ratio_after", "count_reference", "count_other",
)  # fmt: skip
_COUNTS = ("count_reference", "count_other")
_MISSING = ("missing_reference", "missing_other")


@dataclass(frozen=True, repr=False)
class Balance(Result):
    """Two groups side by side; see `evalkit.comparison.balance`.

    Parameters
    ----------
    fewest : tuple of int
        Per row, the smallest number of people it rests on (see `groups.made.fewest_of`); empty after `publish`.
    """

    fewest: tuple[int, ...] = ()

    def publish(self, policy: Policy | None = None) -> Balance:
        """Pass the gate; see `Result.publish`."""
        return dataclasses.replace(super().publish(policy), fewest=())

    def plot(self, ax: Any = None, lang: str | None = None) -> Any:
        """Draw the standardised differences, before and after when there is an after, and return the matplotlib Axes."""
        from evalkit import figures

        lang = wording.language(lang)
        rows = self.table[self.table["smd_before"].notna() | (self.table["status"] == "suppressed")]
        frame = pd.DataFrame({
            "label": [self._name(r, lang) for r in rows.to_dict("records")],
            wording.text("comparison_groups.before", lang): rows["smd_before"].to_numpy(float),
        })  # fmt: skip
        if "smd_after" in rows:
            frame[wording.text("comparison_groups.after", lang)] = rows["smd_after"].to_numpy(float)
        axis = wording.text("comparison_groups.balance_axis", lang)
        return figures.dots(frame, self.question.text(lang), axis, band=LARGE, ax=ax, lang=lang)

    def _name(self, row: dict[str, Any], lang: str) -> str:
        return f"{row['term']} · {row['level']}" if row["level"] else str(row["term"])

    def _display_frame(self, lang: str) -> pd.DataFrame:
        shown = self.table.dropna(axis="columns", how="all")
        if (shown["level"] == "").all():
            shown = shown.drop(columns="level")
        if (self.table[list(_MISSING)] == 0).where(self.table[list(_MISSING)].notna(), True).all(axis=None):
            shown = shown.drop(columns=[c for c in _MISSING if c in shown])
        return Result._display_frame(dataclasses.replace(self, table=shown), lang)

    def _cell(self, column: str, value: Any, lang: str) -> str:
        # A covariate or a level called as a code of ours is what it is.
        if column == "level" or (column == "term" and value not in ("people", "effective_n")):
            return str(value)
        if column.startswith("smd") and value == value and value is not None:
            return wording.number(value, lang, 3)
        return super()._cell(column, value, lang)

    def _suppressed(self, policy: Policy) -> tuple[pd.DataFrame, int]:
        """Hide the rows of small cells, enough of the others of a covariate that no total gives them away, and few missing."""
        table = self.table.copy()
        hide = self._small(policy)
        few = (
            ((table[list(_MISSING)] > 0) & (table[list(_MISSING)] < policy.threshold)).any(axis=1).to_numpy()
        )
        for column in [c for c in _FIGURES if c in table]:
            table[column] = table[column].astype(float).mask(hide)
        # The number beside its share gives the number of people known, and so of those missing.
        for column in (*_MISSING, *_COUNTS):
            table[column] = table[column].astype(float).mask(few)
        table.loc[hide, "status"] = "suppressed"
        table["reason"] = [None if h else r for h, r in zip(hide, table["reason"], strict=True)]
        return table, int((hide | few).sum())

    def _small(self, policy: Policy) -> np.ndarray:
        table, threshold = self.table, policy.threshold
        people = table[table["term"] == "people"].iloc[0]
        hide = np.array([0 < k < threshold for k in self.fewest or np.zeros(len(table))])
        for part in ("reference", "other"):
            n = people[f"count_{part}"]
            left = n - people.get(f"mean_{part}_after", n)
            hide |= bool(0 < n < threshold)
            if 0 < left < threshold or 0 < n - left < threshold:
                hide |= table["term"].isin(["people", "effective_n"]).to_numpy()
        covariate = table["term"].where(table["level"] != "").to_numpy(object)
        parts = [
            (None, np.flatnonzero(covariate == name).tolist()) for name in pd.unique(table["term"]) if (covariate == name).any()
        ]  # fmt: skip
        for column in _COUNTS:
            hide = protected(table[column], hide, parts, policy)
        return hide
