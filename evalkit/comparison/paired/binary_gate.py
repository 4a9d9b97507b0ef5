"""What of a yes/no pre/post answer may leave the room: the 2 × 2 table, and whatever could be solved for it.

Not for estimates: `binary` makes the rows.
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from evalkit import wording
from evalkit.comparison.core.answer import masked, still_said
from evalkit.comparison.paired.answer import PrePost
from evalkit.comparison.paired.solving import gives_away
from evalkit.disclosure import Policy, suppress_partition
from evalkit.wording import message

_CELLS = ("stayed_1", "moved_1_to_0", "moved_0_to_1", "stayed_0")
#: Rows whose estimate follows from the shares before and after, and gives one of them away when it stands beside the other.
_OF_MARGINS = ("difference", "ratio", "equivalence")
_EMPTY = ("empty_before", "empty_after")
_UNPAIRED = ("people_only_before", "people_only_after", "people_neither")
#: Sentences that say a figure, and a column and term that must still be shown for them to stay.
_RESTS_ON = {
    "comparison.trend_up": ("estimate", "difference"),
    "comparison.trend_down": ("estimate", "difference"),
    "comparison.trend_bound": ("conf_low", "difference"),
    "comparison.floor_binds": ("p_floor", "change_test"),
    "comparison.natural_return": ("estimate", "natural_rate"),
    "comparison.natural_departure": ("estimate", "natural_rate"),
}


@dataclass(frozen=True, repr=False)
class BinaryPrePost(PrePost):
    """A pre/post comparison of a yes/no outcome, with its 2 × 2 table."""

    def plot(self, ax: Any = None, lang: str | None = None) -> Any:
        """Draw the differences by method and the shares by who is in them, and return the matplotlib Axes.

        Ratios, which have another axis, are left to the table.
        """
        from evalkit import figures

        lang = wording.language(lang)
        table = self.table[~self.table["term"].isin(["ratio", "equivalence"])]
        drawn = table[table["estimate"].notna() & table["conf_low"].notna()]
        drawn = drawn[drawn["method"] != "clopper_pearson"]
        names = [
            f"{self._label(r.term, lang)} ({self._label(r.method if r.term == 'difference' else r.part, lang)})"
            for r in drawn.itertuples()
        ]
        frame = drawn[["estimate", "conf_low", "conf_high", "conf_level", "status"]].assign(term=names)
        return figures.estimates(frame, self.question.text(lang), ax=ax, lang=lang, no_effect=0.0)

    def publish(self, policy: Policy | None = None) -> BinaryPrePost:
        """Pass the gate; see `Result.publish`.

        When a cell of the 2 × 2 table is small, the intervals and tests, which can be solved for it, are hidden with it; the
        difference itself, which cannot, stays, unless a share it is made of is hidden.
        """
        out = super().publish(policy)
        kept = still_said(out.caveats, out.table, _RESTS_ON)
        hidden = message("comparison.changes_hidden")
        said = [hidden] if any(reason == hidden for reason in out.table["reason"]) else []
        return dataclasses.replace(out, caveats=kept).with_caveats(*said)

    def _suppressed(self, policy: Policy) -> tuple[pd.DataFrame, int]:
        rows = _Rows(self.table)
        cells, unpaired = rows.where(*_CELLS), rows.where(*_UNPAIRED)
        table, _ = suppress_partition(self.table, policy, [*rows.lines(), *rows.people()])
        hide = (table["status"] == "suppressed").to_numpy()
        for wider in (cells, rows.where("proportion_before", "proportion_after", "natural_rate")):
            if rows.solvable(hide, policy):
                hide[wider] = True
        trim = np.zeros(len(table), dtype=bool)
        if hide[cells].any():
            hide[rows.where("change_test")] = True
            trim[rows.where(*_OF_MARGINS)] = True
        if a_margin := rows.a_margin_is_hidden(hide):
            hide[rows.where(*_OF_MARGINS)] = True
        hide |= rows.telling_of_the_unpaired(policy, bool(hide[unpaired].any()), a_margin)
        told = trim | (hide & table["term"].isin(["change_test", *_OF_MARGINS]).to_numpy())
        return masked(self.table, hide, trim, message("comparison.changes_hidden"), told)


class _Rows:
    """Positions of the rows of a pre/post table, and what they give away about people not seen twice."""

    def __init__(self, table: pd.DataFrame):
        self.table = table
        self.term = table["term"].to_numpy()
        self.part = table["part"].to_numpy()
        self.count = table["count"].to_numpy(dtype=float)
        self.n = table["n"].to_numpy(dtype=float)

    def where(self, *terms: str) -> list[int]:
        return [i for i, term in enumerate(self.term) if term in terms]

    def lines(self) -> list[tuple[int | None, list[int]]]:
        """Return the lines and columns of the 2 × 2 table; the shares before and after are its margins."""
        stayed_1, lost, gained, stayed_0 = (self.where(term)[0] for term in _CELLS)
        before, after = (
            next((i for i in self.where(term) if self.part[i] == "pairs"), None)
            for term in ("proportion_before", "proportion_after")
        )
        return [
            (None, [stayed_1, lost, gained, stayed_0]),
            (before, [stayed_1, lost]),
            (after, [stayed_1, gained]),
            (None, [gained, stayed_0]),
            (None, [lost, stayed_0]),
        ]

    def people(self) -> list[tuple[int | None, list[int]]]:
        """Return how people seen at both dates, at one or at none add up."""
        unpaired, paired, everybody = (
            self.where(*t) for t in (_UNPAIRED, ("people_paired",), ("people_all",))
        )
        return [(None, unpaired), (everybody[0], [*paired, *unpaired])]

    def a_margin_is_hidden(self, hide: np.ndarray) -> bool:
        """Tell whether the share before or the share after, among pairs, is hidden."""
        return bool(hide[self._margins()].any())

    def _margins(self) -> list[int]:
        return [i for i in self.where("proportion_before", "proportion_after") if self.part[i] == "pairs"]

    def solvable(self, hide: np.ndarray, policy: Policy) -> bool:
        """Tell whether what is shown of the 2 × 2 table gives a small hidden number by sums and differences."""
        cells = [self.where(term)[0] for term in _CELLS]
        before, after = np.array([1, 1, 0, 0]), np.array([1, 0, 1, 0])
        margins = [(i, before if self.term[i] == "proportion_before" else after) for i in self._margins()]
        known = [np.ones(4), *(line for i, line in margins if not hide[i])]
        known += [np.eye(4)[at] for at, i in enumerate(cells) if not hide[i]]
        secret = [np.eye(4)[at] for at, i in enumerate(cells) if hide[i] and _small(self.count[i], policy)]
        for i, line in margins:
            if hide[i] and (_small(self.count[i], policy) or _small(self.n[i] - self.count[i], policy)):
                secret.append(line)
        return gives_away(known, secret)

    def telling_of_the_unpaired(self, policy: Policy, hidden: bool, a_margin: bool) -> np.ndarray:
        """Return which rows, set beside those about the pairs, tell of fewer people than the threshold.

        With a share of the pairs hidden (`a_margin`) they would give that share away.
        """
        hide = np.zeros(len(self.term), dtype=bool)
        unpaired = self.count[self.where(*_UNPAIRED)].sum()
        if _small(unpaired, policy):
            hide |= self.part == ""  # the rows about everybody known carry the total
        if hidden:
            hide[self.where(*_EMPTY)] = True  # answers left empty are those of people not seen twice
        told = hidden or a_margin or _small(unpaired, policy)
        for i in np.flatnonzero(self.part == "observed"):
            twin = next(j for j in self.where(self.term[i]) if self.part[j] == "pairs")
            more = self.n[i] - self.n[twin]
            ones = self.count[i] - np.nan_to_num(self.count[twin])  # without pairs there is no count
            told |= _small(ones, policy) or _small(more - ones, policy)
        if told:
            hide |= np.isin(self.part, ["everyone", "observed", "people_only_after"])
        return hide


def _small(value: float, policy: Policy) -> bool:
    return bool(np.isfinite(value)) and 0 < round(value) < policy.threshold
