"""What of a pre/post answer about numbers may leave the room: counts, whatever could be solved for them, somebody's own difference.

Not for estimates: `number_rows` makes the rows.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd

from evalkit.comparison.core.answer import masked, still_said
from evalkit.comparison.paired.answer import PrePost
from evalkit.disclosure import Policy, suppress_partition
from evalkit.wording import Message, message

_DIRECTIONS = ("went_up", "went_down", "stayed")
_ANSWERS = ("answers_before", "answers_after")
_UNPAIRED = ("people_only_before", "people_only_after", "people_neither")
_EMPTY = ("empty_before", "empty_after")
_DRAWN = ("difference", "hodges_lehmann", "median_difference")
#: Sentences that say a figure, and a column and term that must still be shown for them to stay.
_RESTS_ON = {
    "comparison_ranks.trend_up": ("estimate", "difference"),
    "comparison_ranks.trend_down": ("estimate", "difference"),
    "comparison_ranks.trend_bound": ("conf_low", "difference"),
    "comparison.floor_binds": ("p_floor", "change_test"),
}


@dataclass(frozen=True, repr=False)
class NumberPrePost(PrePost):
    """A pre/post comparison of a measure, or of ordered answers by their scores.

    Parameters
    ----------
    crowds : mapping of int to int
        Rows of order statistics to the number of people who have one of the differences shown; forgotten when published.
    """

    crowds: Mapping[int, int] = field(default_factory=dict)

    def plot(self, ax: Any = None, lang: str | None = None) -> Any:
        """Draw the differences that have an interval, all in the unit of the outcome, and return the matplotlib Axes."""
        drawn = self.table[self.table["term"].isin(_DRAWN) & self.table["part"].eq("pairs")]
        return super(NumberPrePost, dataclasses.replace(self, table=drawn)).plot(ax, lang)

    def publish(self, policy: Policy | None = None) -> NumberPrePost:
        """Pass the gate; see `Result.publish`.

        When few people went up, went down or stayed, the tests whose p-value follows from these counts are hidden with them. A median,
        or a limit, that is the difference of few people is hidden. The mean difference stays; of ordered answers without its spread.
        """
        out = super().publish(policy)
        gone = _reasons_gone(self.table, out.table)
        kept = tuple(c for c in still_said(out.caveats, out.table, _RESTS_ON) if c not in gone)
        said = [
            message(f"comparison_ranks.{key}")
            for key in ("directions_hidden", "own_difference_hidden", "answers_hidden")
            if any(reason == message(f"comparison_ranks.{key}") for reason in out.table["reason"])
        ]
        return dataclasses.replace(out, caveats=kept, crowds={}).with_caveats(*said)

    def _suppressed(self, policy: Policy) -> tuple[pd.DataFrame, int]:
        gate = _Gate(self.table, policy)
        directions, own, answers = gate.directions(), gate.own(self.crowds), gate.answers()
        spread = gate.spread((directions | answers[0]).any())
        hide, trim = gate.small | directions | own | answers[0] | gate.unpaired(), answers[1] | spread
        reasons = (
            (own, "own_difference_hidden"),
            (answers[0] | answers[1] | (spread & answers[0].any()), "answers_hidden"),
            (
                (directions | (spread & directions.any())) & ~gate.where(*_DIRECTIONS),
                "directions_hidden",
            ),
        )
        table, lost = masked(self.table, hide, trim)
        lacking = (table["status"] == "suppressed").to_numpy()
        table["reason"] = [None if gone else old for gone, old in zip(lacking, table["reason"], strict=True)]
        for rows, key in reasons:
            gone = rows & (table["status"] == "suppressed").to_numpy()
            table["reason"] = [
                message(f"comparison_ranks.{key}") if now else old
                for now, old in zip(gone, table["reason"], strict=True)
            ]
        if "level_achieved" in table:
            table["level_achieved"] = (
                table["level_achieved"].astype(float).mask(table["status"] == "suppressed")
            )
        return table, lost


def _reasons_gone(before: pd.DataFrame, after: pd.DataFrame) -> list[Message]:
    """Return the reasons that only hidden rows gave: the level of an interval, say, tells how many people it is of."""
    hidden = (after["status"] == "suppressed").to_numpy()
    shown = [r for r, gone in zip(before["reason"], hidden, strict=True) if r is not None and not gone]
    return [
        r
        for r, gone in zip(before["reason"], hidden, strict=True)
        if r is not None and gone and r not in shown
    ]


class _Gate:
    """Which rows of the table give small counts away."""

    def __init__(self, table: pd.DataFrame, policy: Policy):
        self.table, self.policy = table, policy
        self.of_scores = "category" in table
        self.term = table["term"].to_numpy()
        self.part = table["part"].to_numpy()
        self.count = table["count"].to_numpy(dtype=float)
        self.n = table["n"].to_numpy(dtype=float)
        parts = [np.flatnonzero(self.where(*names)) for names in (_DIRECTIONS, _UNPAIRED)]
        parts += [
            np.flatnonzero(self.where(term) & (self.part == part))
            for term in _ANSWERS
            for part in ("pairs", "observed")
        ]
        hidden, _ = suppress_partition(table, policy, [(None, list(rows)) for rows in parts if len(rows)])
        self.told = self._told_by_the_rest()
        self.small = (hidden["status"] == "suppressed").to_numpy() | self.told

    def where(self, *terms: str) -> np.ndarray:
        """Return which rows have one of these terms."""
        return np.isin(self.term, terms)

    def directions(self) -> np.ndarray:
        """Return what goes with a hidden direction: all three counts, and what depends on how many changed."""
        cells = self.where(*_DIRECTIONS)
        if not (self.small & cells).any():
            return np.zeros(len(self.term), dtype=bool)
        exact = ~self.table["method"].isin(["paired_t", "scored_asymptotic"]).to_numpy()
        told = self.where("change_test", "equivalence") & exact | self.where("superiority", "rank_biserial")
        if self.of_scores:
            # Nearly all differences are tied: one of known rank tells how many stand before it.
            told |= self.where("hodges_lehmann", "median_difference")
        return cells | told | (self.part == "changed")

    def own(self, crowds: Mapping[int, int]) -> np.ndarray:
        """Return which rows show a difference that fewer people than the threshold have."""
        alone = np.zeros(len(self.term), dtype=bool)
        alone[[at for at, people in crowds.items() if people < self.policy.threshold]] = True
        return alone

    def answers(self) -> tuple[np.ndarray, np.ndarray]:
        """Return what goes with a hidden category: rows that lose everything, and rows that lose their spread.

        A mean and a standard error are two equations in the counts of the categories. With all counts hidden and the spread gone,
        three categories or more cannot be solved for; two can, from the mean alone.
        """
        cells = self.where(*_ANSWERS)
        nothing = np.zeros(len(self.term), dtype=bool)
        if not (self.small & cells).any():
            return nothing, nothing
        means = self.where("mean_before", "mean_after")
        if len(set(self.table.loc[cells, "category"])) > 2:
            return cells, means
        return cells | means | self.where("difference", "superiority") | (self.part == "everyone"), nothing

    def spread(self, secret: bool) -> np.ndarray:
        """Return which rows lose their spread when how many changed, or answered what, is hidden.

        Scores lie few steps apart: the sum of the differences and that of their squares give the numbers who changed.
        """
        if not secret or not self.of_scores:
            return np.zeros(len(self.term), dtype=bool)
        squares = self.table["method"].isin(["paired_t", "scored_asymptotic"]).to_numpy()
        return squares & self.where("difference", "change_test", "equivalence")

    def unpaired(self) -> np.ndarray:
        """Return which rows, set beside those about the pairs, tell of fewer people than the threshold."""
        hide = np.zeros(len(self.term), dtype=bool)
        people = self.where(*_UNPAIRED)
        few = 0 < self.count[people].sum() < self.policy.threshold
        hidden = bool((self.small & people).any())
        if few:
            hide |= self.part == ""  # the rows about everybody known carry the total
        if hidden:
            hide |= self.where(*_EMPTY)  # answers left empty are those of people not seen twice
        if few or hidden or self.told.any():
            hide |= np.isin(self.part, ["everyone", "observed"])
        return hide

    def _told_by_the_rest(self) -> np.ndarray:
        """Return which rows about every answer tell, less those about pairs, of fewer people than the threshold."""
        told = np.zeros(len(self.term), dtype=bool)
        category = self.table["category"].to_numpy() if "category" in self.table else np.full(len(told), "")
        for at in np.flatnonzero(self.part == "observed"):
            same = (self.term == self.term[at]) & (self.part == "pairs") & (category == category[at])
            twin = np.flatnonzero(same)[0]
            more = self.n[at] - self.n[twin], self.count[at] - self.count[twin]
            told[at] = any(0 < k < self.policy.threshold for k in more)
        return told
