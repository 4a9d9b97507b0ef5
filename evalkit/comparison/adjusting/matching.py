"""Difference between people and their nearest neighbours in the other group, with who found none counted.

Not for finding the neighbours: `pairing` does it.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from evalkit.comparison.adjusting.effect import Means, estimate_row, rows_of_means
from evalkit.comparison.adjusting.logit import Logit
from evalkit.comparison.adjusting.options import Options
from evalkit.comparison.adjusting.pairing import DECIMALS, Pairs, nearest
from evalkit.comparison.adjusting.sample import NotEstimable, Sample
from evalkit.comparison.core.rows import row
from evalkit.comparison.groups.plan import GroupPlan
from evalkit.disclosure import Headcount
from evalkit.wording import message

#: Neighbours in one's own group from which the spread of the outcome is taken (Abadie & Imbens).
_NEIGHBOURS = 2


def matched_rows(sample: Sample, score: Logit, plan: GroupPlan, options: Options, size: float) -> list[dict[str, Any]]:  # fmt: skip
    """Return the matched difference, how many found no partner and, with replacement, how many partners there are.

    Without replacement people of a pair count as one in the variance, as MatchIt's authors advise; with replacement the variance is
    Abadie and Imbens', which looks at how often a partner is used. Both take the score as known.

    Raises
    ------
    NotEstimable
        Survey weights or clusters; everybody as the target without replacement; nobody matched.

    References
    ----------
    Ho, Imai, King & Stuart (2011), Journal of Statistical Software 42(8). Abadie & Imbens (2006), Econometrica 74:235, theorems 6 and
    7. Austin & Small (2014), Statistics in Medicine 33:4306.
    """
    if sample.weighted:
        raise NotEstimable(message("comparison_adjusting.matching_weights"))
    if sample.cluster is not None:
        raise NotEstimable(message("comparison_adjusting.matching_cluster"))
    if plan.estimand == "ate" and not options.replace:
        raise NotEstimable(message("comparison_adjusting.matching_ate"))
    directions = {"att": (True,), "atc": (False,), "ate": (True, False)}[plan.estimand]
    made = {treated: pairs_of(sample, score, options, treated) for treated in directions}
    unmatched = sum(int((~p.matched).sum()) for p in made.values())
    wanted = sum(len(p.focal) for p in made.values())
    if wanted - unmatched < 2:
        raise NotEstimable(message("comparison_adjusting.nobody_matched"))
    if options.replace:
        rows = _with_replacement(sample, score, made, plan, size)
    else:
        rows = _without_replacement(sample, made[directions[0]], plan, size)
    why = (
        message("comparison_adjusting.unmatched", n=Headcount(unmatched), total=wanted) if unmatched else None
    )
    rows.append(row("without_partner", plan.estimand, "matching", count=unmatched, n=wanted, reason=why))
    if options.replace:
        used = np.unique(np.concatenate([p.partner for p in made.values()]))
        rows.append(row("partners", plan.estimand, "matching", count=len(used), n=sample.n))
    return rows


def pairs_of(sample: Sample, score: Logit, options: Options, treated: bool = True) -> Pairs:
    """Return the neighbours of the treated (or of the reference people) on the logit of their chance.

    Parameters
    ----------
    sample : Sample
    score : Logit
    options : Options
        The caliper counts in standard deviations of the logit of the chance, over everybody.
    treated : bool
        Whose neighbours.
    """
    alike = None
    if options.exact:
        codes = np.column_stack([sample.columns[c] for c in options.exact])
        alike = np.unique(codes, axis=0, return_inverse=True)[1].ravel()
    order = options.order or ("largest" if treated else "smallest")
    caliper = np.inf if options.caliper is None else options.caliper * float(score.linear.std(ddof=1))
    return nearest(
        score.linear, sample.treated == treated, ratio=options.ratio, replace=options.replace, caliper=caliper,
        alike=alike, order=order,
    )  # fmt: skip


def _without_replacement(sample: Sample, pairs: Pairs, plan: GroupPlan, size: float) -> list[dict[str, Any]]:
    weights = pairs.weights(sample.n)
    pair = np.full(sample.n, -1)
    pair[pairs.focal] = np.arange(len(pairs.focal))
    pair[pairs.partner] = pairs.link
    used = np.flatnonzero(weights > 0)
    y, own, w = sample.outcome[used], sample.treated[used], weights[used]
    halves = []
    for member in (own, ~own):
        share = w * member / (w * member).sum()
        mean = float(share @ y)
        halves.append((mean, share * (y - mean)))
    n = len(used)
    means = Means(
        halves[0][0], halves[1][0], halves[0][1], halves[1][1], n, pair[used], factor=(n - 1) / (n - 2)
    )
    return rows_of_means(means, plan, plan.estimand, "matching", sample.binary, size)


def _with_replacement(
    sample: Sample, score: Logit, made: dict[bool, Pairs], plan: GroupPlan, size: float
) -> list[dict[str, Any]]:
    gaps, times, again = [], np.zeros(sample.n), np.zeros(sample.n)
    for treated, pairs in made.items():
        there = np.bincount(
            pairs.link, weights=pairs.share * sample.outcome[pairs.partner], minlength=len(pairs.focal)
        )
        gap = (sample.outcome[pairs.focal] - there) * (1 if treated else -1)
        gaps.append(gap[pairs.matched])
        times += np.bincount(pairs.partner, weights=pairs.share, minlength=sample.n)
        again += np.bincount(pairs.partner, weights=pairs.share**2, minlength=sample.n)
    gap = np.concatenate(gaps)
    estimate, n = float(gap.mean()), len(gap)
    # K² less what the spread of the gaps holds already: K/M² for one's partners, and, when all are focal, plus twice one's own share.
    extra = times**2 - again + (2 * times if len(made) == 2 else 0.0)
    needed = np.flatnonzero(extra > 0)
    spread = own_spread(score.linear, sample.outcome, sample.treated, needed)
    variance = (float(((gap - estimate) ** 2).sum()) + float(extra[needed] @ spread)) / n**2
    counted = n + int((times > 0).sum()) if len(made) == 1 else sample.n
    return [
        estimate_row("adjusted_difference", plan.estimand, "matching", estimate, math.sqrt(variance), math.nan, counted, plan, size)
    ]  # fmt: skip


def own_spread(
    distance: np.ndarray, outcome: np.ndarray, group: np.ndarray, needed: np.ndarray
) -> np.ndarray:
    """Return the variance of the outcome around each person of `needed`: with the nearest two of the own group, and those as near.

    References
    ----------
    Abadie, Drukker, Herr & Imbens (2004), Stata Journal 4:290, section 4 (the variance among a person and the neighbours).
    """
    out = np.empty(len(needed))
    for side in (True, False):
        members = np.flatnonzero(group == side)
        here = np.flatnonzero(group[needed] == side)
        if len(here) and len(members) <= _NEIGHBOURS:
            raise NotEstimable(message("comparison_adjusting.too_few_neighbours"))
        for k in here:
            gap = np.round(np.abs(distance[members] - distance[needed[k]]), DECIMALS)
            gap[members == needed[k]] = np.inf
            near = members[gap <= np.partition(gap, _NEIGHBOURS - 1)[_NEIGHBOURS - 1]]
            out[k] = np.var(outcome[np.append(near, needed[k])], ddof=1)
    return out
