"""The answer about two groups: how it is drawn, and what of it may leave the room.

Not estimates: each kind of outcome has its module.
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from evalkit import wording
from evalkit.comparison.adjusting.gate import telling
from evalkit.comparison.core.answer import Comparison, masked, still_said
from evalkit.disclosure import Policy, suppress_partition, too_small
from evalkit.wording import message

#: What is drawn of each kind (terms), where nothing happens, and whether on a scale of ratios.
_DRAWN = {
    "binary": (("difference", "adjusted_difference"), 0.0, False),
    "continuous": (("difference", "adjusted_difference"), 0.0, False),
    "ordinal": (("superiority",), 0.5, False),
    "nominal": (("share_difference",), 0.0, False),
    "count": (("rate_ratio", "adjusted_ratio"), 1.0, True),
}
#: Rows that count people, not what they answered.
_PEOPLE = ("people_compared", "people_without_group", "effective_n")
#: Sentences that say a figure, and a column and term that must still be shown for them to stay.
_RESTS_ON = {
    "comparison_groups.floor_binds": ("p_floor", "group_test"),
    "comparison_groups.dispersed": ("estimate", "rate_ratio"),
    "comparison_groups.few_expected": ("statistic", "group_test"),
    "comparison_adjusting.few_people": ("estimate", "adjusted_difference"),
}


@dataclass(frozen=True, repr=False)
class TwoGroups(Comparison):
    """A comparison of two groups; difference = other − reference. See `evalkit.comparison.two_groups`.

    Parameters
    ----------
    kind : str
        Kind of outcome.
    fewest : int
        The smallest number of people, above 0, that the comparison rests on; 0 after `publish`.
    """

    kind: str = "binary"
    fewest: int = 0

    def plot(self, ax: Any = None, lang: str | None = None) -> Any:
        """Draw the differences (of an ordinal outcome superiority, of counts the ratios) and return the matplotlib Axes."""
        from evalkit import figures

        lang = wording.language(lang)
        terms, no_effect, log = _DRAWN[self.kind]
        table = self.table
        if self.kind == "ordinal" and "superiority" not in set(table["term"]):
            # Weighted samples and clusters have differences of places, or of scores.
            term = "rank_difference" if "rank_difference" in set(table["term"]) else "score_difference"
            terms, no_effect = (term,), 0.0
        drawn = table[table["term"].isin(terms) & (table["conf_low"].notna() | (table["status"] != "ok"))]
        names = [self._name(row, lang) for row in drawn.to_dict("records")]
        frame = drawn[["estimate", "conf_low", "conf_high", "conf_level", "status"]].assign(term=names)
        return figures.estimates(
            frame, self.question.text(lang), ax=ax, lang=lang, no_effect=no_effect, log=log
        )

    def _name(self, row: dict[str, Any], lang: str) -> str:
        words = [self._label(row[c], lang) for c in ("term", "part", "method") if row[c]]
        return " · ".join([str(row["category"]), *words] if row.get("category") is not None else words)

    def _cell(self, column: str, value: Any, lang: str) -> str:
        # A category called "other" is no code.
        return (
            str(value) if column == "category" and value is not None else super()._cell(column, value, lang)
        )

    def publish(self, policy: Policy | None = None) -> TwoGroups:
        """Pass the gate; see `Result.publish`.

        When a cell of the table is small, or few people are away from the commonest value, everything that could be solved for
        their number is hidden; of an ordinal outcome with three categories or more superiority itself stays, of a nominal one the
        categories that are large in both groups.
        """
        out = super().publish(policy)
        hidden = message("comparison_groups.few_hidden")
        said = [hidden] if any(reason == hidden for reason in out.table["reason"]) else []
        caveats = still_said(out.caveats, out.table, _RESTS_ON)
        return dataclasses.replace(out, caveats=caveats, fewest=0).with_caveats(*said)

    def _suppressed(self, policy: Policy) -> tuple[pd.DataFrame, int]:
        table = self.table
        term = table["term"].to_numpy()
        people = np.isin(term, _PEOPLE)
        hide = self._small(policy)
        hide |= telling(table, hide)
        trim = np.zeros(len(table), dtype=bool)
        if 0 < self.fewest < policy.threshold:
            kept = people
            if self.kind == "ordinal" and self._categories() > 2:
                # One figure about two whole distributions: no cell can be solved from it, once the cells are hidden.
                trim = term == "superiority"
                kept = people | trim
            elif self.kind == "nominal":
                kept = people | self._seen_in_both(hide)
            hide |= ~kept
        told = (hide | trim) & ~people & (term != "category_share")
        return masked(table, hide, trim, message("comparison_groups.few_hidden"), told)

    def _seen_in_both(self, hide: np.ndarray) -> np.ndarray:
        """Return the rows of categories whose counts are shown in both groups: their difference follows from them."""
        table = self.table
        cell = (table["term"] == "category_share").to_numpy()
        veiled = set(table["category"][cell & hide])
        shown = cell | (table["term"] == "share_difference").to_numpy()
        return shown & ~table["category"].isin(veiled).to_numpy()

    def _small(self, policy: Policy) -> np.ndarray:
        """Return which rows hold small counts, or give one away through a total."""
        table = self.table
        hide = too_small(table, policy)
        rows = np.flatnonzero(table["term"] == "category_share")
        if not len(rows):
            return hide
        part, category = table["part"].to_numpy(), table["category"].to_numpy()
        lines = [(None, rows[part[rows] == p].tolist()) for p in pd.unique(part[rows])]
        lines += [(None, rows[category[rows] == c].tolist()) for c in pd.unique(category[rows])]
        cells, _ = suppress_partition(table, policy, lines)
        return hide | (cells["status"] == "suppressed").to_numpy()

    def _categories(self) -> int:
        return int(self.table["category"].nunique()) if "category" in self.table else 0
