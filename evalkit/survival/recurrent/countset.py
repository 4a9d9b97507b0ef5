"""Mean counts as a result: asked at a time, compared between groups, tested, drawn with who is there to count.

Not an estimator: `counts` fills it.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any, Self

import numpy as np
import pandas as pd

from evalkit import wording
from evalkit.disclosure import Policy
from evalkit.errors import InputError
from evalkit.numerics.normal import chi2_p, two_sided_p, z_value
from evalkit.result import Result
from evalkit.survival.core.sample import by_columns
from evalkit.survival.curves.curveset import Curves, CurveValues
from evalkit.survival.curves.readings import both, unit_name
from evalkit.survival.ranks.family import RankTest
from evalkit.survival.recurrent.gate import coarsen_counts, hidden
from evalkit.survival.recurrent.histories import Histories
from evalkit.survival.recurrent.marginal import Mean
from evalkit.wording import message


@dataclass(frozen=True, repr=False)
class MeanCounts(Curves):
    """Mean number of events per person, by time and group.

    Parameters
    ----------
    rows : Histories, optional
        Whose events fell when; a published result no longer has it.
    means : tuple of Mean
        One per group.
    """

    rows: Histories | None = field(default=None)
    means: tuple[Mean, ...] = ()

    # -- questions ---------------------------------------------------------------------------------------------------
    def at(self, times: float | Iterable[float]) -> CountValues:
        """Return the mean counts at these times; ``n_event`` counts events since the time asked before."""
        found = super().at(times)
        return CountValues(
            **{f.name: getattr(found, f.name) for f in dataclasses.fields(found)}, rows=self.rows
        )

    def difference(self, t: float, reference: Any = None) -> Result:
        """Return each group's mean count at `t` less that of the reference group.

        Parameters
        ----------
        t : number, in the curve's unit
        reference : value or tuple of values of `by`, optional
            The first group otherwise.

        Returns
        -------
        Result
            With a normal interval and test; people of different groups are independent.
        """
        return self._compared(t, reference, "difference")

    def ratio(self, t: float, reference: Any = None) -> Result:
        """Return each group's mean count at `t` over that of the reference group, with an interval on the log scale.

        Parameters
        ----------
        t, reference
            As in `difference`.
        """
        return self._compared(t, reference, "ratio")

    def test(self) -> CountTest:
        """Test whether the mean count grows alike in all groups.

        Returns
        -------
        CountTest
            First row ``part = "test"``: statistic, df, p_value; then the groups: people, events, expected and score (observed less
            expected), both as weighted: an event after exits for good counts for the share that has not left.

        Notes
        -----
        Q_k = Σ Y_k(u) {dμ_k(u) - dμ(u)}, dμ the average of the groups' dμ_j weighted by their numbers at risk Y_j. With two groups
        it is Ghosh & Lin's (2000, §3) statistic with weight Y₁Y₂/(Y₁ + Y₂), and without terminal exits that of Lawless & Nadeau
        (1995), the log-rank score of an Andersen-Gill model with a robust variance. The variance is that of the
        sum over people of their influence: dependence within a person and terminal exits are accounted for.
        """
        self._refuse_published("test")
        if not self.by:
            raise InputError("test: there is one group; give by= to mean_cumulative_count")
        rows, k = self.rows, len(self.means)
        y = np.stack([mean.at_risk for mean in self.means])
        everyone = y.sum(axis=0)
        share = np.divide(y, everyone, out=np.zeros_like(y), where=everyone > 0)
        gap, covariance = np.zeros(k), np.zeros((k, k))
        expected = np.zeros(k)
        for j, mean in enumerate(self.means):
            own = rows.part(j)
            influence = np.zeros((k, len(rows.weight)))
            for i in range(k):
                weighted = dataclasses.replace(mean, multiplier=y[i] * ((i == j) - share[j]))
                gap[i] += weighted.value[-1]
                influence[i] = weighted.final(own)
                expected[i] += dataclasses.replace(mean, multiplier=y[i] * share[j]).value[-1]
            covariance += (influence * rows.scale) @ influence.T
        return self._tested(gap, covariance, expected)

    # -- showing -----------------------------------------------------------------------------------------------------
    def plot(self, ax: Any = None, lang: str | None = None) -> Any:
        """Draw the mean counts with their bands and who is there to count under them, and return the Axes."""
        from evalkit import figures

        lang = wording.language(lang)
        _, counts = self.risk_table()
        drawn = figures.steps(
            self._named(self.table, lang),
            self._named(counts, lang),
            title=self.question.text(lang),
            unit=self.unit,
            probability=False,
            start=0.0,
            joined=self.sums is None,
            ax=ax,
            lang=lang,
        )
        drawn.set_ylabel(wording.text("survival_recurrent.mean_count", lang))
        return drawn

    def publish(self, policy: Policy | None = None) -> Self:
        """Pass the disclosure gate: steps made by a few people are merged, however many events they had."""
        published = super().publish(policy)
        if self.provenance.kind != "records":
            return published
        return dataclasses.replace(published, rows=None, means=())

    # -- plumbing ----------------------------------------------------------------------------------------------------
    def _suppressed(self, policy: Policy) -> tuple[pd.DataFrame, int]:
        return _coarsened(self.table, self.by, self.rows, policy, keep_rows=False)

    def _size(self, group: pd.DataFrame) -> dict[str, float]:
        position = self._position(tuple(group[c].iloc[0] for c in self.by))
        n = float(self.rows.weight[self.rows.group == position].sum())
        return {"n": n, **{c: float(group[c].sum()) for c in ("n_event", "n_censor")}}

    def _compared(self, t: float, reference: Any, what: str) -> Result:
        self._refuse_published(what)
        groups = self.rows.groups
        if len(groups) < 2:
            raise InputError(f"{what}: there is one group; give by= to mean_cumulative_count")
        wanted = (
            groups[0] if reference is None else reference if isinstance(reference, tuple) else (reference,)
        )
        if wanted not in groups:
            raise InputError(f"reference: no group {reference!r}; they are {', '.join(map(str, groups))}")
        values = self.at(t).table
        base, z = groups.index(wanted), z_value(self.conf_level)
        mean, error = (values[c].to_numpy(dtype=float) for c in ("estimate", "std_error"))
        others = [i for i in range(len(groups)) if i != base]
        rows = []
        for i in others:
            reason = None
            if what == "difference":
                estimate, spread = mean[i] - mean[base], np.hypot(error[i], error[base])
                centre, low, high = estimate, estimate - z * spread, estimate + z * spread
            elif mean[i] > 0 and mean[base] > 0:
                spread = np.hypot(error[i] / mean[i], error[base] / mean[base])
                centre = np.log(mean[i] / mean[base])
                estimate, low, high = (float(np.exp(centre + k * z * spread)) for k in (0, -1, 1))
            else:
                estimate = spread = centre = low = high = np.nan
                reason = message("survival_recurrent.no_ratio")
            if reason is None and not spread > 0:
                low = high = np.nan
                reason = message("survival_recurrent.no_spread")
            rows.append({
                "term": what, "time": float(t), "estimate": estimate, "std_error": spread,
                "statistic": centre / spread if reason is None else np.nan,
                "p_value": float(two_sided_p(centre / spread)) if reason is None else np.nan,
                "conf_low": low, "conf_high": high, "conf_level": self.conf_level,
                "n": self._group_size(i) + self._group_size(base),
                "status": "ok" if reason is None else "not_estimable", "reason": reason,
            })  # fmt: skip
        table = pd.DataFrame(rows).assign(**by_columns(self.by, [groups[i] for i in others], 1))
        first = ["term", *self.by]
        question = message(
            f"survival_recurrent.question_{what}", event=self.event, unit=unit_name(self.unit, 2), t=float(t),
            reference=[str(v) for v in wanted],
        )  # fmt: skip
        return Comparison(
            table[[*first, *(c for c in table if c not in first)]], question, self.caveats, self.provenance,
            labels={**self.labels, what: both(f"survival_recurrent.{what}")}, ratio=what == "ratio",
            heads=np.array([min(self._heads(i, t) or np.inf, self._heads(base, t) or np.inf) for i in others]),
        )  # fmt: skip

    def _heads(self, group: int, t: float = np.inf) -> float:
        """Return how many people of a group had an event by `t`."""
        own = self.rows.part(group)
        return float(self.rows.weight[np.unique(own.who[self.rows.times[own.event] <= t])].sum())

    def _group_size(self, group: int) -> float:
        return float(self.rows.weight[self.rows.group == group].sum())

    def _tested(self, gap: np.ndarray, covariance: np.ndarray, expected: np.ndarray) -> CountTest:
        groups = self.rows.groups
        size = np.array([self._group_size(i) for i in range(len(groups))])
        events = np.array([mean.events.sum() for mean in self.means])
        reason, statistic, df = None, np.nan, np.nan
        scale = max(float(np.diag(covariance).max(initial=0.0)), 1e-300)
        if len(groups) < 2:
            reason = message("survival.one_group")
        elif events.sum() == 0:
            reason = message("survival.no_event")
        elif size.min() < 2:
            reason = message("survival_recurrent.alone", n=int((size < 2).sum()))
        elif not (df := float(np.linalg.matrix_rank(covariance, tol=1e-10 * scale))):
            reason = message("survival.no_comparison")
        else:
            statistic = float(gap @ np.linalg.pinv(covariance, rcond=1e-10, hermitian=True) @ gap)
        k, known = len(groups), reason is None
        table = pd.DataFrame({
            "part": ["test"] + ["group"] * k,
            "statistic": [statistic] + [np.nan] * k,
            "df": [df if known else np.nan] + [np.nan] * k,
            "p_value": [float(chi2_p(statistic, df)) if known else np.nan] + [np.nan] * k,
            "n": [size.sum(), *size],
            "n_event": [events.sum(), *events],
            "expected": [np.nan, *expected],
            "score": [np.nan, *gap],
            "status": ["ok" if known else "not_estimable"] + ["ok"] * k,
            "reason": [reason] + [None] * k,
            "method": ["Ghosh-Lin"] + [None] * k,
        })  # fmt: skip
        named = {c: [None, *values] for c, values in by_columns(self.by, groups, 1).items()}
        table = table.assign(**named)[["part", *self.by, *(c for c in table if c != "part")]]
        words = {"expected": "survival.expected", "test": "survival.part_test", "group": "survival.part_group",
                 "score": "survival_ranks.score"}  # fmt: skip
        return CountTest(
            table,
            message("survival_recurrent.question_test", event=self.event, by=list(self.by)),
            self.caveats,
            self.provenance,
            labels={**self.labels, **{code: both(word) for code, word in words.items()}},
            by=self.by,
            heads=np.array([self._heads(i) for i in range(k)]),
        )


@dataclass(frozen=True, repr=False)
class CountValues(CurveValues):
    """Mean counts read at a few times; publishing hides the steps that too few people make."""

    rows: Histories | None = field(default=None)

    def publish(self, policy: Policy | None = None) -> Self:
        """Pass the disclosure gate; what is left knows no person."""
        published = super().publish(policy)
        return published if self.provenance.kind != "records" else dataclasses.replace(published, rows=None)

    def _suppressed(self, policy: Policy) -> tuple[pd.DataFrame, int]:
        return _coarsened(self.table, self.by, self.rows, policy, keep_rows=True)


@dataclass(frozen=True, repr=False)
class CountTest(RankTest):
    """One row for the test, then one per group: people, events, and events expected were the means the same.

    `heads` holds how many people of each group had an event: publishing counts them, not events.
    """

    heads: np.ndarray | None = None

    def _suppressed(self, policy: Policy) -> tuple[pd.DataFrame, int]:
        table, n = super()._suppressed(policy)
        if not ((self.heads > 0) & (self.heads < policy.threshold)).any():
            return table, n
        # What one group has follows from the others and the statistic.
        return hidden(table, np.ones(len(table), dtype=bool)).assign(expected=np.nan, score=np.nan), len(
            table
        )


@dataclass(frozen=True, repr=False)
class Comparison(Result):
    """Differences, or ratios, of mean counts.

    `heads` holds, by row, how many people had an event in the smaller of its two groups: publishing counts them.
    """

    ratio: bool = False
    heads: np.ndarray | None = None

    def _suppressed(self, policy: Policy) -> tuple[pd.DataFrame, int]:
        table, n = super()._suppressed(policy)
        few = self.heads < policy.threshold
        return (hidden(table, few), max(n, int(few.sum()))) if few.any() else (table, n)

    def plot(self, ax: Any = None, lang: str | None = None) -> Any:
        """Draw the comparisons with their intervals, and return the Axes."""
        from evalkit import figures

        lang = wording.language(lang)
        word = "ratio" if self.ratio else "difference"
        return figures.estimates(
            self._worded(lang).drop(columns=["term", "time"]), self.question.text(lang), ax=ax, lang=lang, log=self.ratio,
            no_effect=1.0 if self.ratio else 0.0, axis=wording.text(f"survival_recurrent.{word}", lang),
        )  # fmt: skip


def _coarsened(
    table: pd.DataFrame, by: tuple[str, ...], rows: Histories, policy: Policy, keep_rows: bool
) -> tuple[pd.DataFrame, int]:
    parts, total = [], 0
    split = [((), table)] if not by else table.groupby(list(by), sort=False, observed=True)
    for key, part in split:
        own = rows.part(rows.groups.index(tuple(key)))
        coarse, n = coarsen_counts(
            part.reset_index(drop=True), rows.times[own.event], own.who, rows.weight, policy, keep_rows
        )
        parts.append(coarse)
        total += n
    return pd.concat(parts, ignore_index=True), total
