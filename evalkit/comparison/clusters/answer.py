"""The answer of everything about clusters and draws by lot, and what of it may leave the room.

Not estimates: each function makes its rows.
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from evalkit.comparison.core.answer import Comparison, masked, still_said
from evalkit.disclosure import Policy, suppress_partition
from evalkit.wording import Message, labels, message

#: Headings every answer about clusters shares with other comparisons.
SHARED = labels("comparison", "count", "n", "p_floor")
#: Rows that say how many, whatever the outcome.
_COUNTED = (
    "clusters", "clusters_reference", "clusters_other", "people_reference", "people_other", "people_left_out", "arrangements"
)  # fmt: skip
#: Sentences that say the least p.
_FLOORS = ("comparison_clusters.lot_floor", "comparison_clusters.flip_floor")
#: Sentences that say a figure, and the column and term that must still be shown for them to stay.
_RESTS_ON = {
    "comparison_clusters.enumerated": ("estimate", "arrangements"),
    "comparison_clusters.drawn": ("estimate", "arrangements"),
    "comparison_clusters.only_lot": ("estimate", "arrangements"),
    "comparison_clusters.one_armed": ("count", "people_left_out"),
}


@dataclass(frozen=True, repr=False)
class ClusterAnswer(Comparison):
    """A comparison of people in clusters, or of people drawn by lot.

    Parameters
    ----------
    cells : tuple of int
        People on each side of a yes/no outcome, by arm; empty for other outcomes. A published answer no longer has them.
    small : tuple of (str, int)
        Coefficient and the people of the smaller side of its column, when that is 0/1.
    """

    cells: tuple[int, ...] = ()
    small: tuple[tuple[str, int], ...] = ()

    def plot(self, ax: Any = None, lang: str | None = None) -> Any:
        """Draw coefficients or differences with their intervals, without constant or ratios, and return the matplotlib Axes.

        The intracluster correlation, which has another scale, is drawn only where it is the whole answer.
        """
        drawn = self.table[~self.table["term"].isin(["icc", "intercept"]) & (self.table["part"] != "ratio")]
        finite = np.isfinite(drawn["conf_low"].astype(float)) & np.isfinite(drawn["conf_high"].astype(float))
        shown = drawn[finite] if finite.any() else self.table[self.table["term"] == "icc"]
        return Comparison.plot(dataclasses.replace(self, table=shown), ax, lang)

    def publish(self, policy: Policy | None = None) -> ClusterAnswer:
        """Pass the gate; see `Result.publish`.

        With few people in an arm, or on one side of a yes/no outcome, nothing of the comparison is shown: from a difference of
        shares and the sizes of the arms both counts of yes can be solved.
        """
        out = super().publish(policy)
        if self.provenance.kind != "records":
            return out
        hidden = message("comparison_clusters.small_arm_hidden")
        said = [hidden] if any(reason == hidden for reason in out.table["reason"]) else []
        kept = still_said(out.caveats, out.table, _RESTS_ON)
        if not out.table["p_floor"].notna().any():
            kept = tuple(c for c in kept if c.key not in _FLOORS)
        return dataclasses.replace(out, caveats=kept, cells=(), small=()).with_caveats(*said)

    def _suppressed(self, policy: Policy) -> tuple[pd.DataFrame, int]:
        table = self.table.assign(count=self.table["count"].where(self.table["term"].isin(_COUNTED)))
        term = table["term"]
        parts = np.flatnonzero(term.isin(["people_reference", "people_other"]))
        partly = [(None, parts)] if len(parts) else []
        hide = (suppress_partition(table, policy, partly)[0]["status"] == "suppressed").to_numpy()
        counted = term.isin(_COUNTED).to_numpy()
        if hide[parts].any():
            hide[:] = True
        for name, people in self.small:
            if 0 < people < policy.threshold:
                hide |= (term == name).to_numpy()
        if any(0 < cell < policy.threshold for cell in self.cells):
            hide |= ~counted
        tell = hide & ~counted
        return _without(self.table, hide, message("comparison_clusters.small_arm_hidden"), tell)


def _without(
    table: pd.DataFrame, hide: np.ndarray, why: Message, told: np.ndarray
) -> tuple[pd.DataFrame, int]:
    """Return the table without these figures; a description that has an estimate loses it too."""
    described = hide & (table["status"] == "not_estimable").to_numpy() & table["estimate"].notna().to_numpy()
    out, count = masked(table, hide, None, why, told)
    if "level_achieved" in out:
        out["level_achieved"] = out["level_achieved"].astype(float).mask(hide)
    out["estimate"] = out["estimate"].mask(described)
    out["n"] = out["n"].astype(float).mask(described)
    return out, count + int(described.sum())


def cells_of(outcome: np.ndarray, treated: np.ndarray | None = None) -> tuple[int, ...]:
    """Return how many people each arm has on each side of a yes/no outcome; nothing for other outcomes.

    Examples
    --------
    >>> cells_of(np.array([0.0, 1, 1, 1]), np.array([False, False, True, True]))
    (1, 1, 0, 2)
    >>> cells_of(np.array([0.5, 1.0, 2.0]))
    ()
    """
    if len(np.unique(outcome)) > 2:
        return ()
    arms = [np.ones(len(outcome), dtype=bool)] if treated is None else [~treated, treated]
    high = outcome > outcome.min()
    return tuple(int((high[arm] == side).sum()) for arm in arms for side in (False, True))
