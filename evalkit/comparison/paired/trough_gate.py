"""The answer about people chosen at a trough: how it is drawn, and what of it may leave the room.

Not the estimates: `trough` makes the rows.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pandas as pd

from evalkit import wording
from evalkit.comparison.core.answer import Comparison, masked, still_said
from evalkit.disclosure import Policy, suppress_partition

#: Sentences that say a figure, and the column and term that must still be shown for them to stay.
_RESTS_ON = {
    "comparison_trough.part_expected": ("estimate", "expected_return"),
    "comparison_trough.cancelling_mean": ("estimate", "mean_that_cancels"),
}


@dataclass(frozen=True, repr=False)
class RegressionToTheMean(Comparison):
    """The difference of people chosen at a trough (or a peak), what would have come back by itself, and what is left."""

    def publish(self, policy: Policy | None = None) -> RegressionToTheMean:
        """Pass the gate; see `Result.publish`."""
        out = super().publish(policy)
        return type(out)(**{**vars(out), "caveats": still_said(out.caveats, out.table, _RESTS_ON)})

    def _suppressed(self, policy: Policy) -> tuple[pd.DataFrame, int]:
        terms = self.table["term"].tolist()
        once = [terms.index(t) for t in ("people_only_before", "people_only_after", "people_neither")]
        everybody, paired = terms.index("people_all"), terms.index("people_paired")
        table, _ = suppress_partition(self.table, policy, [(None, once), (everybody, [paired, *once])])
        hide = (table["status"] == "suppressed").to_numpy()
        if hide[once].any():
            hide |= self.table["term"].str.startswith("empty_").to_numpy()
        if 0 < self.table["count"].iloc[once].sum() < policy.threshold:
            # Every row of people carries the total.
            hide |= self.table["term"].str.startswith(("people_", "empty_")).to_numpy()
        return masked(self.table, hide)

    def plot(self, ax: Any = None, lang: str | None = None) -> Any:
        """Draw the difference as observed and as corrected, and return the matplotlib Axes."""
        from evalkit import figures

        lang = wording.language(lang)
        drawn = self.table[
            self.table["term"].isin(["difference", "corrected_difference"]) & self.table["conf_low"].notna()
        ]
        names = [self._name(r, lang) for r in drawn.to_dict("records")]
        shown = drawn[["estimate", "conf_low", "conf_high", "conf_level", "status"]].assign(term=names)
        return figures.estimates(shown, self.question.text(lang), ax=ax, lang=lang, no_effect=0.0)

    def _name(self, r: dict, lang: str) -> str:
        if r["correlation"] == r["correlation"]:
            how = f"{self._label('correlation', lang)} {wording.number(r['correlation'], lang, digits=1)}"
        else:
            how = self._label(r["method"], lang)
        return f"{self._label(r['term'], lang)} ({how})"
