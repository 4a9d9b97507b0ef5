"""Whether two groups hold people alike: the chance of being in the group compared, who has no counterpart, what each method mends.

Not a comparison of outcomes: none is read, so that it can be looked at before.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from evalkit import wording
from evalkit.comparison.adjusting.gate import telling
from evalkit.comparison.adjusting.likeness import LARGE, likeness_rows
from evalkit.comparison.adjusting.logit import Logit
from evalkit.comparison.adjusting.options import ESTIMANDS, options_of
from evalkit.comparison.adjusting.rows import effective_rows, left_out, scored
from evalkit.comparison.adjusting.sample import Sample, sample_of
from evalkit.comparison.adjusting.weighting import weights_of
from evalkit.comparison.core.answer import Comparison, masked, reasons, still_said
from evalkit.comparison.core.rows import frame, missing_row, row
from evalkit.comparison.groups.people import read_groups
from evalkit.disclosure import Headcount, Policy, protected, too_small
from evalkit.errors import InputError
from evalkit.numerics.arguments import column_names, one_of
from evalkit.provenance import Provenance, digest
from evalkit.wording import Message, labels, message

#: Below this chance of being in one of the groups, a person hardly has a counterpart there.
UNLIKELY = 0.01
_BINS = 20
_QUANTILES = {"chance_low": 0.05, "chance_median": 0.5, "chance_high": 0.95}
_WORDS = (
    "people", "chance_low", "chance_median", "chance_high", "outside_common", "unlikely", "effective_n", "largest_weight",
    "one_sided", "smd", "largest_smd", "unadjusted", "iptw", "matching", "entropy", "trimmed", "terms_left_out", "among_treated",
    "among_reference",
)  # fmt: skip


#: Sentences that say a figure, and a column and term that must still be shown for them to stay.
_RESTS_ON = {
    "comparison_adjusting.thin": ("estimate", "effective_n"),
    "comparison_adjusting.outside": ("n", "outside_common"),
    "comparison_adjusting.still_apart": ("estimate", "largest_smd"),
}


@dataclass(frozen=True, repr=False)
class Overlap(Comparison):
    """What `overlap` finds; ``bins`` are the histograms of its plot.

    Parameters
    ----------
    bins : DataFrame
        Columns ``group``, ``lower``, ``upper``, ``count``, ``share``; empty when there is no chance to show.
    cells : mapping of str to int
        Yes/no terms to the number of people in their smallest cell (group × value) with anybody: what the gate looks at.
    """

    bins: pd.DataFrame = dataclasses.field(default_factory=pd.DataFrame)
    cells: dict[str, int] = dataclasses.field(default_factory=dict)

    def plot(self, ax: Any = None, lang: str | None = None) -> Any:
        """Draw the chance of being in the group compared, one group above the line and the other below."""
        from evalkit import figures

        lang = wording.language(lang)
        if not len(self.bins):
            return super().plot(ax, lang)
        named = self.bins.assign(group=[self._label(g, lang) for g in self.bins["group"]])
        return figures.mirrored(
            named, wording.text("comparison_adjusting.plot_title", lang), wording.text("comparison_adjusting.plot_axis", lang),
            wording.text("comparison_adjusting.plot_side", lang), ax, lang,
        )  # fmt: skip

    def publish(self, policy: Policy | None = None) -> Overlap:
        """Pass the gate; see `Result.publish`. Bins of few people are hidden in the plot, and what would give them away."""
        out = super().publish(policy)
        if self.provenance.kind != "records":
            return out
        out = dataclasses.replace(out, caveats=still_said(out.caveats, out.table, _RESTS_ON))
        if not len(self.bins):
            return out
        policy = policy or Policy()
        hide = too_small(self.bins[["count"]].assign(n=np.nan), policy)
        # A bar's count over its share is the size of its group after trimming.
        hide |= bool((out.table.loc[out.table["term"] == "trimmed", "status"] == "suppressed").any())
        parts = [
            (None, np.flatnonzero(self.bins["group"] == g).tolist()) for g in self.bins["group"].unique()
        ]
        hide = protected(self.bins["count"], hide, parts, policy)
        shown = self.bins.assign(**{c: self.bins[c].astype(float).mask(hide) for c in ("count", "share")})
        out = dataclasses.replace(out, bins=shown, cells={})
        return out.with_caveats(message("comparison_adjusting.bins_hidden")) if hide.any() else out

    def _suppressed(self, policy: Policy) -> tuple[pd.DataFrame, int]:
        table, term, n = self.table, self.table["term"], self.table["n"].to_numpy(float)
        hide = too_small(table, policy)
        groups = np.flatnonzero(term == "people").tolist()
        hide = protected(table["count"], hide, [(None, groups)], policy)
        for name, share in _QUANTILES.items():
            # Fewer than the threshold lie beyond: the quantile is all but somebody's own.
            hide |= ((term == name) & (n * min(share, 1 - share) < policy.threshold)).to_numpy()
        few = [t for t, k in self.cells.items() if k < policy.threshold]
        hide |= ((term == "smd") & table["part"].isin(few)).to_numpy()
        hide |= telling(table, hide)
        return masked(table, hide | (hide[groups].any() & (term != "people").to_numpy()))


def overlap(
    group: Any,
    adjust: str | Sequence[str],
    data: pd.DataFrame,
    *,
    estimand: str = "att",
    reference: Any = None,
    weights: Any = None,
    missing: str = "error",
    options: Mapping[str, Any] | None = None,
    provenance: Provenance | None = None,
) -> Overlap:
    """Look, before any outcome, whether two groups hold people alike in what was recorded.

    Parameters
    ----------
    group : str or Series
        Column with two groups.
    adjust : str or sequence of str
        Columns, or the right-hand side of a formula.
    data : DataFrame
    estimand : {"att", "ate", "atc"}
        Whom the weights are for: people of the group compared, everybody, people of the reference group.
    reference : optional
        Value of the reference group; default: the first in order.
    weights : str or Series, optional
        Survey weights.
    missing : {"error", "drop"}
    options : mapping, optional
        As for `two_groups`: ``trim``, and for matching ``ratio``, ``replace``, ``caliper``, ``exact``, ``order``.
    provenance : Provenance, optional
        Default: records of real people.

    Returns
    -------
    Overlap
        Rows by ``term``, ``part`` and ``method``: ``people``; ``chance_low``, ``_median``, ``_high`` (5 %, 50 %, 95 % of the chance
        in each group); ``outside_common`` (chance outside the range of the other group); ``unlikely`` (chance below 1 % of being in
        one of the groups); ``effective_n`` and ``largest_weight`` after weighting; ``one_sided`` (a yes/no value that one group
        lacks); ``smd`` of each term before and after each method, and ``largest_smd``.

    Raises
    ------
    InputError
        What `evalkit.formula.design` refuses, no two groups, unknown options.

    References
    ----------
    Stuart (2010), Statistical Science 25:1. Crump, Hotz, Imbens & Mitnik (2009), Biometrika 96:187. Petersen, Porter, Gruber, Wang &
    van der Laan (2012), Statistical Methods in Medical Research 21:31 (positivity).

    Examples
    --------
    >>> youths = pd.DataFrame({"arm": [0, 1] * 20, "age": [16 + (i * i) % 7 + i % 2 for i in range(40)]})
    >>> found = overlap("arm", "age", youths).tidy().set_index(["term", "method"])["estimate"]
    >>> found[[("largest_smd", "unadjusted"), ("largest_smd", "entropy")]].round(2).tolist()
    [0.8, 0.0]
    """
    one_of(estimand, ESTIMANDS, "estimand")
    if not isinstance(data, pd.DataFrame):
        raise InputError(f"overlap: data must be a DataFrame, but was {type(data).__name__}")
    formula = adjust if isinstance(adjust, str) else " + ".join(column_names(adjust, "adjust"))
    nothing = pd.Series(0.0, index=data.index)
    groups = read_groups(
        nothing, group, data, "overlap", kind="continuous", reference=reference, adjust=formula, missing=missing, weights=weights
    )  # fmt: skip
    asked = options_of(options or {}, list(groups.covariates), "overlap")
    sample, constant, explained = sample_of(groups, formula, binary=False)
    rows = [_people(own, who, sample.n) for own, who in _sides(sample)]
    score: Logit | Message
    if (few := min(sample.sizes)) < 2:
        level = groups.levels[int(np.argmin(sample.sizes))]
        score = message("comparison_adjusting.group_of_one", group=level, n=Headcount(few))
        rows.append(missing_row("chance_median", "", "", sample.n, score))
    else:
        rows += left_out("constant", constant) + left_out("collinear", explained) + _one_sided(sample)
        sample, score, trimmed = scored(sample, asked)
        rows += trimmed
        rows += _chances(sample, score, estimand)
        if min(sample.sizes) > 1:
            rows += likeness_rows(sample, score, estimand, asked)
    table = frame(rows)
    caveats = (
        *groups.caveats(),
        *reasons(table),
        *_verdicts(table),
        message("comparison_adjusting.only_recorded"),
    )
    reference, treated = groups.levels
    return Overlap(
        table,
        message("comparison_adjusting.question_overlap", group=groups.names["group"], treated=treated, reference=reference),
        caveats,
        provenance or Provenance(inputs={"overlap": digest(groups.covariates)}),
        {"n_total": groups.n_total, "n": sample.n, "estimand": estimand},
        labels("comparison_adjusting", *_WORDS) | labels("comparison", "count", "n"),
        bins=_histograms(sample, score) if isinstance(score, Logit) else pd.DataFrame(),
        cells=_cells(sample),
    )  # fmt: skip


def _sides(sample: Sample) -> list[tuple[np.ndarray, str]]:
    return [(sample.treated, "among_treated"), (~sample.treated, "among_reference")]


def _people(own: np.ndarray, who: str, n: int) -> dict[str, Any]:
    return row("people", who, count=int(own.sum()), n=n)


def _chances(sample: Sample, score: Logit | Message, estimand: str) -> list[dict[str, Any]]:
    if not isinstance(score, Logit):
        return [missing_row("chance_median", "", "", sample.n, score)]
    rows = []
    for own, who in _sides(sample):
        mine, theirs = np.round(score.chance[own], 12), np.round(score.chance[~own], 12)
        n = len(mine)
        found = np.quantile(mine, list(_QUANTILES.values()))
        rows += [row(name, who, estimate=float(q), n=n) for name, q in zip(_QUANTILES, found, strict=True)]
        outside = int(((mine < theirs.min()) | (mine > theirs.max())).sum())
        rows.append(row("outside_common", who, estimate=outside / n, count=outside, n=n))
        unlikely = int(((mine < UNLIKELY) | (mine > 1 - UNLIKELY)).sum())
        rows.append(row("unlikely", who, estimate=unlikely / n, count=unlikely, n=n))
    rows += effective_rows(sample, score, estimand, "iptw")
    for (own, who), weight in zip(_sides(sample), weights_of(score.chance, estimand)[:2], strict=True):
        w = (sample.weight * weight)[own]
        rows.append(row("largest_weight", who, "iptw", estimate=float(w.max() / w.sum()), n=len(w)))
    return rows


def _one_sided(sample: Sample) -> list[dict[str, Any]]:
    """Return the values of yes/no terms that one group lacks, with how many people of the other have them."""
    rows = []
    for term, column in zip(sample.terms, sample.matrix.T, strict=True):
        values = np.unique(column)
        for value in values if len(values) == 2 else []:
            has = column == value
            for own, other in ((sample.treated, sample.levels[0]), (~sample.treated, sample.levels[1])):
                if not has[~own].any():
                    k = Headcount(int(has.sum()))
                    why = message(
                        "comparison_adjusting.lacks", term=term, value=float(value), n=k, group=other
                    )
                    rows.append(row("one_sided", term, count=int(k), n=int(own.sum()), reason=why))
    return rows


def _cells(sample: Sample) -> dict[str, int]:
    found = {}
    for term, column in zip(sample.terms, sample.matrix.T, strict=True):
        if len(np.unique(column)) == 2:
            counts = pd.crosstab(sample.treated, column).to_numpy()
            found[term] = int(counts[counts > 0].min())
    return found


def _histograms(sample: Sample, score: Logit) -> pd.DataFrame:
    edges = np.linspace(0, 1, _BINS + 1)
    made = []
    for own, who in _sides(sample):
        counts = np.histogram(score.chance[own], edges)[0]
        made.append(pd.DataFrame({
            "group": who, "lower": edges[:-1], "upper": edges[1:], "count": counts, "share": counts / max(int(own.sum()), 1)
        }))  # fmt: skip
    return pd.concat(made, ignore_index=True)


def _verdicts(table: pd.DataFrame) -> list[Message]:
    """Return what the figures say, where they say something to act on."""
    said = []
    shown = table[table["status"] == "ok"]
    for _, r in shown[shown["term"] == "effective_n"].iterrows():
        if r["estimate"] < 0.5 * r["n"]:
            who = message(f"comparison_adjusting.{r['part']}")
            said.append(
                message("comparison_adjusting.thin", who=who, effective=float(r["estimate"]), n=int(r["n"]))
            )
    for _, r in shown[(shown["term"] == "outside_common") & (shown["count"] > 0)].iterrows():
        who = message(f"comparison_adjusting.{r['part']}")
        said.append(
            message("comparison_adjusting.outside", who=who, n=Headcount(int(r["count"])), total=int(r["n"]))
        )
    for _, r in shown[(shown["term"] == "largest_smd") & (shown["estimate"] > LARGE)].iterrows():
        if r["method"] != "unadjusted":
            how = message(f"comparison_adjusting.{r['method']}")
            said.append(message("comparison_adjusting.still_apart", method=how, gap=float(r["estimate"])))
    return said
