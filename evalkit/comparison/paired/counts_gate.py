"""What of a pre/post answer about counts may leave the room: totals carried by few people, and whatever they could be solved from.

Not for estimates: `counts` makes the rows.
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
from evalkit.disclosure import Policy, suppress_partition
from evalkit.wording import message

_UNPAIRED = ("people_only_before", "people_only_after", "people_neither")
_EMPTY = ("empty_before", "empty_after")
_PEOPLE = ("people_all", "people_paired", *_UNPAIRED, *_EMPTY)
_RESTS_ON = {
    "comparison_tables.trend_ratio": ("estimate", "rate_ratio"),
    "comparison_tables.trend_ratio_bound": ("conf_low", "rate_ratio"),
    "comparison_tables.clumped": ("estimate", "dispersion"),
    "comparison_tables.floor_events": ("p_floor", "change_test"),
    "comparison.floor_binds": ("p_floor", "change_test"),
    "comparison_tables.natural_level": ("estimate", "rate_after"),
    "comparison_tables.few_carry": ("count", "carriers_before"),
    "comparison_tables.no_event_at": ("estimate", "rate_ratio"),
    "comparison_tables.no_event_before": ("estimate", "rate_ratio"),
}


@dataclass(frozen=True, repr=False)
class CountPrePost(PrePost):
    """A pre/post comparison of counts."""

    def plot(self, ax: Any = None, lang: str | None = None) -> Any:
        """Draw the ratio with each interval, on a logarithmic axis."""
        from evalkit import figures

        lang = wording.language(lang)
        drawn = self.table[
            self.table["term"].eq("rate_ratio") & np.isfinite(self.table["estimate"].astype(float))
        ]
        frame = drawn[["estimate", "conf_low", "conf_high", "conf_level", "status"]].assign(
            term=[self._label(method, lang) for method in drawn["method"]]
        )
        axis = self._label("rate_ratio", lang)
        return figures.estimates(
            frame, self.question.text(lang), ax=ax, lang=lang, no_effect=1.0, log=True, axis=axis
        )

    def publish(self, policy: Policy | None = None) -> CountPrePost:
        """Pass the gate; see `Result.publish`.

        When fewer people than the threshold have an event at a date, every figure made of the events is hidden; when so few
        changed, the ratio and the difference stay without interval or test, from which their number could be solved.
        """
        out = super().publish(policy)
        hidden = message("comparison_tables.counts_hidden")
        said = [hidden] if any(reason == hidden for reason in out.table["reason"]) else []
        return dataclasses.replace(out, caveats=still_said(out.caveats, out.table, _RESTS_ON)).with_caveats(
            *said
        )

    def _suppressed(self, policy: Policy) -> tuple[pd.DataFrame, int]:
        term, part = (self.table[c].to_numpy() for c in ("term", "part"))
        count, n = (self.table[c].to_numpy(dtype=float) for c in ("count", "n"))
        unpaired = np.isin(term, _UNPAIRED)
        # Only the rows of people are counts of people out of people; events are judged by who carries them.
        people = np.isin(term, _PEOPLE)
        of_people = self.table.assign(count=np.where(people, count, np.nan), n=np.where(people, n, np.nan))
        known = np.flatnonzero(unpaired | (term == "people_paired"))
        everybody = int(np.flatnonzero(term == "people_all")[0])
        parts = [(None, list(np.flatnonzero(unpaired))), (everybody, list(known))]
        table, _ = suppress_partition(of_people, policy, parts)
        hide = (table["status"] == "suppressed").to_numpy()
        few = _small(count[unpaired].sum(), policy)
        if few:
            hide |= part == ""
        if hide[unpaired].any():
            hide |= np.isin(term, _EMPTY)  # answers left empty are those of people not seen twice
        rows = _Rows(term, part, count, n, policy)
        told = rows.of_few("pairs")
        if few or hide[unpaired].any():
            told |= part == "people_only_after"
        else:
            told |= rows.of_few("people_only_after")
        trim = np.zeros(len(hide), dtype=bool)
        if rows.few_changed():
            told |= np.isin(term, ["change_test", "dispersion", "changed"])
            trim |= np.isin(term, ["rate_ratio", "mean_difference", "equivalence"])
        if rows.few_unchanged():
            # The least p of the exchange is a power of the number who changed.
            told |= self.table["method"].isin(["exchange", "exchange_drawn"]).to_numpy()
        hide |= told | rows.all_but_few()
        return masked(self.table, hide, trim, message("comparison_tables.counts_hidden"), told | trim)


@dataclass(frozen=True)
class _Rows:
    """What rows about counts give away about how few people are behind them."""

    term: np.ndarray
    part: np.ndarray
    count: np.ndarray
    n: np.ndarray
    policy: Policy

    def _carriers(self) -> np.ndarray:
        return np.isin(self.term, ["carriers_before", "carriers_after"])

    def of_few(self, group: str) -> np.ndarray:
        """Return all rows of a group in which few people have events at a date, or are seen at all."""
        own = self.part == group
        carriers = np.flatnonzero(own & self._carriers())
        secret = any(_small(v, self.policy) for i in carriers for v in (self.count[i], self.n[i]))
        return own & secret

    def few_changed(self) -> bool:
        """Tell whether few people's count changed."""
        return any(_small(v, self.policy) for v in self.count[self.term == "changed"])

    def few_unchanged(self) -> bool:
        """Tell whether the count of all people but a few changed."""
        return any(_small(v, self.policy) for v in (self.n - self.count)[self.term == "changed"])

    def all_but_few(self) -> np.ndarray:
        """Return the rows that count all people but a few."""
        heads = self._carriers() | (self.term == "changed")
        rest = self.n - self.count
        return heads & np.array([_small(v, self.policy) for v in rest])


def _small(value: float, policy: Policy) -> bool:
    return bool(np.isfinite(value)) and 0 < round(value) < policy.threshold
