"""The answer about two groups before and after: how it is drawn, and what of it may leave the room.

Not estimates: `twofold` and `leads` make the rows.
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from evalkit import wording
from evalkit.comparison.core.answer import Comparison, masked, still_said
from evalkit.disclosure import Policy, suppress_partition
from evalkit.wording import message

#: Codes of the table.
WORDS = (
    "difference_in_differences", "change_reference", "change_treated", "mean_reference_before", "mean_reference_after",
    "mean_treated_before", "mean_treated_after", "effect_at", "average_effect", "violation_per_step",
    "violation_over_pretrend", "pretrend_test", "least_pretrend_seen", "effect_if_trend_goes_on", "people_all",
    "people_every", "people_some", "people_only_before", "people_only_after", "people_never", "pairs", "observed", "reference",
    "treated",
    "welch", "hc2", "cr2", "cr2_person", "regression", "doubly_robust", "simultaneous", "htz", "linear_extrapolation",
    "description", "time", "n", "count",
)  # fmt: skip
_UNSEEN = ("people_some", "people_only_before", "people_only_after", "people_never")
_MEANS = ("mean_reference_before", "mean_reference_after", "mean_treated_before", "mean_treated_after")
#: Rows whose estimate says how few people changed: it stays when intervals and tests are hidden.
_KEPT = ("difference_in_differences", "change_reference", "change_treated", "effect_at", "average_effect")
_RESTS_ON = {
    "comparison_dates.violation": ("conf_low", "difference_in_differences"),
    "comparison_dates.violation_steps": ("estimate", "violation_per_step"),
    "comparison_dates.pretrend_power": ("estimate", "least_pretrend_seen"),
}


@dataclass(frozen=True, repr=False)
class DifferenceInDifferences(Comparison):
    """Two groups before and after.

    Parameters
    ----------
    dates : tuple
        The dates in order.
    first_after : int
        Number of the first date after.
    smallest : int
        The smallest count above 0 of people who answered, or moved, in one way; of no use for numbers that are not yes and no.
    alike : bool
        Whether a whole group gave one answer at some date, so that its change is the share of those who moved.
    """

    dates: tuple[Any, ...] = ()
    first_after: int = 1
    smallest: int = 0
    alike: bool = False

    def plot(self, ax: Any = None, lang: str | None = None) -> Any:
        """Draw the difference date by date when there are several before or after, else the changes; return the matplotlib Axes."""
        from evalkit import figures

        lang = wording.language(lang)
        at = self.table[(self.table["term"] == "effect_at") & self.table["conf_low"].notna()]
        if at.empty:
            return super().plot(ax, lang)
        at = at[at["part"] == at["part"].iloc[0]]
        band = at[at["method"] == "simultaneous"].set_index("time")
        drawn = at[at["method"] != "simultaneous"].set_index("time")
        drawn = drawn[["estimate", "conf_low", "conf_high"]].assign(
            band_low=band["conf_low"], band_high=band["conf_high"]
        )
        drawn.loc[self.dates[self.first_after - 1], "estimate"] = 0.0
        places = {d: k for k, d in enumerate(self.dates)}
        drawn["place"] = [places[d] for d in drawn.index]
        drawn = drawn.assign(label=[str(d) for d in drawn.index]).sort_values("place")
        drawn["after"] = drawn["place"] >= self.first_after
        axis = wording.text("comparison_dates.axis", lang, what=wording.text("comparison_dates.time", lang))
        return figures.around(drawn, self.question.text(lang), axis=axis, ax=ax, lang=lang)

    def publish(self, policy: Policy | None = None) -> DifferenceInDifferences:
        """Pass the gate; see `Result.publish`.

        A group with few people hides everything. Few people who answered, or moved, in one way hide the means, the intervals and
        the tests, which can be solved for their number; the differences themselves stay.
        """
        out = super().publish(policy)
        kept = still_said(out.caveats, out.table, _RESTS_ON)
        hidden = message("comparison_dates.changes_hidden")
        said = [hidden] if any(reason == hidden for reason in out.table["reason"]) else []
        return dataclasses.replace(out, caveats=kept, smallest=0).with_caveats(*said)

    def _suppressed(self, policy: Policy) -> tuple[pd.DataFrame, int]:
        table = self.table
        term, part, n = table["term"], table["part"], table["n"].astype(float)
        people = term.str.startswith("people_").to_numpy()
        lines = [
            (None, np.flatnonzero((part == arm) & term.isin(("people_every", *_UNSEEN))))
            for arm in ("reference", "treated")
        ]
        counted, _ = suppress_partition(
            table[["count", "n"]].where(np.column_stack([people, people])), policy, lines
        )
        hide = (
            people & (counted["status"] == "suppressed").to_numpy() if "status" in counted else people & False
        )
        cells = term.isin(_MEANS).to_numpy()
        for name in part[cells].unique():
            if policy.small(n[cells & (part == name).to_numpy()]).any():
                hide |= ~people & (part == name).to_numpy()
        hide |= ~people & np.asarray(policy.small(n))
        if hide[people & term.isin(_UNSEEN).to_numpy()].any():
            # Everybody less those seen at every date is those who are not.
            hide |= ~people & (part == "observed").to_numpy()
        trim = np.zeros(len(table), dtype=bool)
        if 0 < self.smallest < policy.threshold:
            trim = term.isin(_KEPT).to_numpy() & (not self.alike)
            hide |= ~people & ~trim
        return masked(table, hide, trim, message("comparison_dates.changes_hidden"), (hide | trim) & ~people)
