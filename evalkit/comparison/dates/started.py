"""The answer about staggered starts: how it is drawn, and what of it may leave the room.

Not estimates: `grouptime` makes them.
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from evalkit import wording
from evalkit.comparison.core.answer import Comparison, masked
from evalkit.disclosure import Policy, suppress_partition
from evalkit.wording import message

#: Codes of the table.
WORDS = (
    "average_by_start", "average_by_date", "average_by_length", "effect_of_start", "effect_since", "effect_cell",
    "pretrend_test", "units_starting", "units_all", "units_not_at_every_date", "units_treated_from_first", "units_never",
    "influence", "simultaneous", "htz", "description", "begins", "time", "since", "n", "count",
)  # fmt: skip


@dataclass(frozen=True, repr=False)
class EventStudy(Comparison):
    """Effects of staggered starts; see `evalkit.comparison.event_study`.

    Parameters
    ----------
    smallest : int
        Of a yes/no outcome, the smallest count above 0 of units of one start with the same pair of answers; 0 for numbers.
    alike : bool
        Whether all units of a start gave one answer at some date, so that its change is the share of those who moved.
    """

    smallest: int = 0
    alike: bool = False

    def plot(self, ax: Any = None, lang: str | None = None) -> Any:
        """Draw the effect by number of dates since the start, with intervals and the simultaneous band; return the matplotlib Axes."""
        from evalkit import figures

        lang = wording.language(lang)
        at = self.table[(self.table["term"] == "effect_since") & self.table["conf_low"].notna()]
        band = at[at["method"] == "simultaneous"].set_index("since")
        drawn = at[at["method"] != "simultaneous"].set_index("since")[["estimate", "conf_low", "conf_high"]]
        drawn = drawn.assign(band_low=band["conf_low"], band_high=band["conf_high"])
        if len(drawn) and -1 not in drawn.index:
            drawn.loc[-1, "estimate"] = 0.0
        drawn = drawn.sort_index().assign(
            place=lambda d: d.index.to_numpy(float), label=lambda d: [str(int(e)) for e in d.index]
        )
        drawn["after"] = drawn["place"] >= 0
        axis = wording.text("comparison_dates.axis", lang, what=wording.text("comparison_dates.since", lang))
        return figures.around(drawn, self.question.text(lang), axis=axis, ax=ax, lang=lang)

    def publish(self, policy: Policy | None = None) -> EventStudy:
        """Pass the gate; see `Result.publish`.

        Starts of few units go, with what gives them away; of a yes/no outcome that few answered in one way, intervals and tests.
        """
        out = super().publish(policy)
        said = [message(f"comparison_dates.{name}") for name in ("start_hidden", "changes_hidden")]
        told = [hidden for hidden in said if any(reason == hidden for reason in out.table["reason"])]
        return dataclasses.replace(out, smallest=0).with_caveats(*told)

    def _label(self, code: object, lang: str) -> str:
        return super()._label("begins" if code == "start" else code, lang)

    def _suppressed(self, policy: Policy) -> tuple[pd.DataFrame, int]:
        """Hide starts of few units, enough others that averages do not give them away, and what mixes starts date by date."""
        table = self.table
        units = table["term"].str.startswith("units_").to_numpy()
        starting = (table["term"] == "units_starting").to_numpy()
        rest = (
            table["term"]
            .isin(["units_not_at_every_date", "units_treated_from_first", "units_never"])
            .to_numpy()
        )
        counted, _ = suppress_partition(
            table[["count"]].where(units.reshape(-1, 1)), policy, [(None, np.flatnonzero(starting | rest))]
        )
        hide = np.zeros(len(table), dtype=bool)
        if "status" in counted:
            hide = units & (counted["status"] == "suppressed").to_numpy()
        small = set(table["start"][hide & starting])
        if small:
            hide |= table["start"].isin(small).to_numpy() & ~units
            hide |= table["term"].isin(["effect_since", "pretrend_test"]).to_numpy()
        hide |= ~units & np.asarray(policy.small(table["n"].astype(float)))
        told = message("comparison_dates.start_hidden")
        few = 0 < self.smallest < policy.threshold
        trim = np.full(len(table), few) & ~units
        if few:
            hide |= trim & (self.alike | table["method"].eq("simultaneous").to_numpy())
            told = message("comparison_dates.changes_hidden")
        return masked(table, hide, trim, told, (hide | trim) & ~units)
