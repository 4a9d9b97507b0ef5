"""How far apart the groups are on each term, before and after each way of making them alike.

Not a test: see `evalkit.numerics.balance`.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from evalkit.comparison.adjusting.logit import Logit
from evalkit.comparison.adjusting.matching import pairs_of
from evalkit.comparison.adjusting.options import Options
from evalkit.comparison.adjusting.sample import NotEstimable, Sample
from evalkit.comparison.adjusting.weighting import balancing_weights, weights_of
from evalkit.comparison.core.rows import missing_row, row
from evalkit.wording import Message, message

#: A standardised difference above this is usually called an imbalance.
LARGE = 0.1


def likeness_rows(
    sample: Sample, score: Logit | Message, estimand: str, options: Options
) -> list[dict[str, Any]]:
    """Return the standardised difference of each term before and after weighting, matching and balancing, and the largest.

    Parameters
    ----------
    sample : Sample
    score : Logit or Message
        A reason when there is none.
    estimand : {"att", "ate", "atc"}
    options : Options

    Returns
    -------
    list of dict
        Rows ``smd`` by ``part`` (term) and ``method``; ``largest_smd`` by ``method``. Signed: mean of the treated less that of the
        reference, over the root of the mean of both variances before anything was done.

    References
    ----------
    Austin (2009), Statistics in Medicine 28:3083. Stuart (2010), Statistical Science 25:1, section 5.1 (the same scale before and
    after).
    """
    rows: list[dict[str, Any]] = []
    scale = _scale(sample)
    for method in ("unadjusted", "iptw", "matching", "entropy"):
        try:
            gap = differences(sample, _weights(sample, score, estimand, options, method), scale)
        except NotEstimable as why:
            rows.append(missing_row("largest_smd", "", method, sample.n, why.reason))
            continue
        rows += [
            row("smd", term, method, estimate=float(g), n=sample.n)
            for term, g in zip(sample.terms, gap, strict=True)
        ]
        rows.append(row("largest_smd", "", method, estimate=float(np.abs(gap).max(initial=0.0)), n=sample.n))
    return rows


def differences(sample: Sample, weights: np.ndarray, scale: np.ndarray) -> np.ndarray:
    """Return weighted mean of the treated less that of the reference, in units of `scale`, shape (p,)."""
    means = [
        (weights * own) @ sample.matrix / (weights * own).sum() for own in (sample.treated, ~sample.treated)
    ]
    # A gap made of rounding is none.
    gap = np.where(
        np.abs(means[0] - means[1]) > 1e-10 * np.abs(sample.matrix).max(axis=0), means[0] - means[1], 0.0
    )
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.where(gap == 0, 0.0, gap / scale)


def _scale(sample: Sample) -> np.ndarray:
    spread = []
    for own in (sample.treated, ~sample.treated):
        w = sample.weight * own
        mean = w @ sample.matrix / w.sum()
        # Unbiased where all weights are equal.
        spread.append(w @ (sample.matrix - mean) ** 2 / w.sum() * own.sum() / (own.sum() - 1))
    return np.sqrt((spread[0] + spread[1]) / 2)


def _weights(
    sample: Sample, score: Logit | Message, estimand: str, options: Options, method: str
) -> np.ndarray:
    if method == "unadjusted":
        return sample.weight
    if method == "entropy":
        target = sample.target(estimand) * sample.weight
        out = np.where(target > 0, target, 0.0)
        for own, name in ((sample.treated, sample.levels[1]), (~sample.treated, sample.levels[0])):
            if estimand == "ate" or not target[own].any():
                out = np.where(own, balancing_weights(sample, own, target, name), out)
        return out
    if not isinstance(score, Logit):
        raise NotEstimable(score)
    if method == "iptw":
        treated, reference = weights_of(score.chance, estimand)[:2]
        return sample.weight * np.where(sample.treated, treated, reference)
    if sample.weighted:
        raise NotEstimable(message("comparison_adjusting.matching_weights"))
    if estimand == "ate" and not options.replace:
        raise NotEstimable(message("comparison_adjusting.matching_ate"))
    directions = {"att": (True,), "atc": (False,), "ate": (True, False)}[estimand]
    weights = sum(
        (pairs_of(sample, score, options, side).weights(sample.n) for side in directions), np.zeros(sample.n)
    )
    if min(weights[sample.treated].sum(), weights[~sample.treated].sum()) == 0:
        raise NotEstimable(message("comparison_adjusting.nobody_matched"))
    return weights
