"""What of two survey waves may leave the room: who answered when, and whatever could be solved for few of them.

Not estimates: `entry` makes the rows.
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass

import numpy as np
import pandas as pd

from evalkit.comparison.core.answer import Comparison, masked
from evalkit.disclosure import Policy
from evalkit.disclosure.tables import protected, too_small
from evalkit.wording import message

_SEEN = ("answered_both", "answered_only_before", "answered_only_after")
#: Rows about others than those who answered twice.
_OTHERS = ("everyone", "same_mix", "before_answers", "after_answers")


@dataclass(frozen=True, repr=False)
class SurveyWaves(Comparison):
    """Two waves of a survey: rows by ``term``, ``part`` (about whom), ``method``, and ``group`` for one kind of respondent.

    Parameters
    ----------
    cells : tuple of int
        The 2 × 2 table of those who answered twice, where answers are two; forgotten when published.
    """

    cells: tuple[int, ...] = ()

    def publish(self, policy: Policy | None = None) -> SurveyWaves:
        """Pass the gate; see `Result.publish`."""
        return dataclasses.replace(super().publish(policy), cells=())

    def _suppressed(self, policy: Policy) -> tuple[pd.DataFrame, int]:
        table, part = self.table, self.table["part"]
        terms = table["term"].tolist()
        both, *once = (terms.index(name) for name in _SEEN)
        grouped = (table["group"] != "").to_numpy()
        hide = too_small(table, policy)
        if hide[once].any():
            hide[once] = True  # those who answered twice keep their rows
        counts = table["count"].where(~grouped, table["n"])
        hide = protected(counts, hide, [(None, [both, *once]), (None, list(np.flatnonzero(grouped)))], policy)
        if few := 0 < table["count"].iloc[once].sum() < policy.threshold:
            # The pairs' rows stay, so the number of all must not.
            hide |= table["term"].isin([*_SEEN, "structures"]).to_numpy()
        elif hide[both]:
            hide |= (part == "pairs").to_numpy()
        if few or hide[[both, *once]].any():
            # With the pairs' rows at hand, the others would tell of the few who answered once.
            hide |= part.isin(_OTHERS).to_numpy()
            hide |= table["term"].str.startswith(("response_", "empty_")).to_numpy()
        elif hide[table["term"].str.startswith("level_").to_numpy()].any():
            # A level is the other one less the difference, or follows from bounds.
            hide |= part.isin(["everyone", "same_mix"]).to_numpy()
            hide |= (table["term"] == "detectable_change").to_numpy()
        elif hide[grouped].any():
            hide |= grouped
        # Errors by respondent hold the covariance of the two waves, from which the 2 × 2 table follows.
        solvable = any(0 < cell < policy.threshold for cell in self.cells)
        trim = (table["term"] == "difference").to_numpy() & solvable & ~grouped
        return masked(table, hide, trim, message("comparison_surveying.hidden"))
