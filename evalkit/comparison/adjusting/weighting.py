"""Means of people weighted by their chance of being in their group, or so that the groups' means agree exactly.

Not for matching, nor for models of the outcome.
"""

from __future__ import annotations

import numpy as np

from evalkit.comparison.adjusting.effect import Means
from evalkit.comparison.adjusting.logit import Logit
from evalkit.comparison.adjusting.sample import NotEstimable, Sample, standardised
from evalkit.wording import message

_MOST_STEPS = 200


def weights_of(chance: np.ndarray, estimand: str) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Return the weights of a treated and of a reference person, and their derivatives by the logit of the chance.

    Parameters
    ----------
    chance : float array, shape (n,)
        Of being treated.
    estimand : {"att", "ate", "atc", "ato"}

    Returns
    -------
    treated, reference, slope_treated, slope_reference : float array, shape (n,)

    References
    ----------
    Li, Morgan & Zaslavsky (2018), Journal of the American Statistical Association 113:390, table 1.

    Examples
    --------
    >>> [float(w[0]) for w in weights_of(np.array([0.8]), "ate")[:2]]
    [1.25, 5.000000000000001]
    """
    one = np.ones_like(chance)
    odds, back = chance / (1 - chance), (1 - chance) / chance
    if estimand == "att":
        return one, odds, 0 * one, odds
    if estimand == "atc":
        return back, one, -back, 0 * one
    if estimand == "ate":
        return 1 / chance, 1 / (1 - chance), -back, odds
    both = chance * (1 - chance)
    return 1 - chance, chance, -both, both


def weighted_means(sample: Sample, score: Logit, estimand: str) -> Means:
    """Return weighted means (Hájek's: weights add up to one), the score's own uncertainty counted.

    References
    ----------
    Lunceford & Davidian (2004), Statistics in Medicine 23:2937, equations 4, 9 and 19. Stefanski & Boos (2002), The American
    Statistician 56:29.
    """
    treated, reference, slope_treated, slope_reference = weights_of(score.chance, estimand)
    made = []
    for own, weight, slope in (
        (sample.treated, treated, slope_treated),
        (~sample.treated, reference, slope_reference),
    ):
        used = sample.weight * own * weight
        total = used.sum()
        mean = float(used @ sample.outcome / total)
        away = sample.outcome - mean
        through = score.columns.T @ (sample.weight * own * slope * away) / total
        made.append((mean, used * away / total + score.influence @ through))
    return Means(made[0][0], made[1][0], made[0][1], made[1][1], sample.n, sample.cluster)


def balanced_means(sample: Sample, estimand: str) -> Means:
    """Return means under the weights nearest to equal that make the mean of every term exactly that of the target.

    References
    ----------
    Hainmueller (2012), Political Analysis 20:25, equations 3-8. Zhao & Percival (2017), Journal of Causal Inference 5.
    """
    target = sample.target(estimand) * sample.weight
    made = []
    for own, name in ((sample.treated, sample.levels[1]), (~sample.treated, sample.levels[0])):
        if estimand != "ate" and (target[own] > 0).all():
            share = target / target.sum()
            mean = float(share @ sample.outcome)
            made.append((mean, share * (sample.outcome - mean)))
        else:
            made.append(_balanced(sample, own, target, name))
    return Means(made[0][0], made[1][0], made[0][1], made[1][1], sample.n, sample.cluster)


def balancing_weights(sample: Sample, own: np.ndarray, target: np.ndarray, name: str) -> np.ndarray:
    """Return weights, 0 outside of a group, that give its terms the target's means.

    Parameters
    ----------
    sample : Sample
    own : bool array, shape (n,)
        Members of the group.
    target : float array, shape (n,)
        How much each person counts in the target.
    name : str
        Of the group, for the reason.

    Returns
    -------
    float array, shape (n,)
        Survey weight included; they add up to the target's total.

    Raises
    ------
    NotEstimable
        No positive weights do it: the target lies outside of the group.
    """
    return _solve(sample, own, target, name)[0]


def _solve(sample: Sample, own: np.ndarray, target: np.ndarray, name: str) -> tuple[np.ndarray, np.ndarray]:
    """Return the weights and the terms, standardised, less the target's mean."""
    terms, _, _ = standardised(sample.matrix)
    terms = terms - target @ terms / target.sum()
    mine, base = terms[own], sample.weight[own]
    rows = np.flatnonzero(own)
    factor = np.zeros(mine.shape[1])

    def dual(at: np.ndarray) -> tuple[float, np.ndarray]:
        exponent = mine @ at
        top = exponent.max()
        raw = base * np.exp(exponent - top)
        return float(np.log(raw.sum()) + top), raw / raw.sum()

    value, share = dual(factor)
    for _ in range(_MOST_STEPS):
        gradient = share @ mine
        if np.abs(gradient).max(initial=0.0) < 1e-12:
            break
        centred = mine - gradient
        hessian = centred.T @ (centred * share[:, None])
        step = np.linalg.pinv(hessian, rcond=1e-13, hermitian=True) @ gradient
        size = 1.0
        while dual(factor - size * step)[0] > value - 1e-4 * size * float(gradient @ step) and size > 1e-6:
            size /= 2
        factor = factor - size * step
        value, share = dual(factor)
    # Weights that pile up on the border of the group do reach the means in the limit, but leave nobody to compare with.
    if np.abs(share @ mine).max(initial=0.0) > 1e-8 or np.abs(mine @ factor).max() > 200:
        outside = (mine.min(axis=0) >= 0) | (mine.max(axis=0) <= 0)
        listed = [t for t, o in zip(sample.terms, outside, strict=True) if o] or list(sample.terms)
        raise NotEstimable(message("comparison_adjusting.out_of_reach", terms=listed, group=name))
    weights = np.zeros(sample.n)
    weights[rows] = share * target.sum()
    return weights, terms


def _balanced(sample: Sample, own: np.ndarray, target: np.ndarray, name: str) -> tuple[float, np.ndarray]:
    weights, terms = _solve(sample, own, target, name)
    total = weights.sum()
    mean = float(weights @ sample.outcome / total)
    moved = weights * (sample.outcome - mean) / total
    spread = terms.T @ (terms * weights[:, None])
    through = np.linalg.pinv(spread, rcond=1e-13, hermitian=True) @ (terms.T @ moved)
    # The factors move with the group's people and, the other way, with those of the target.
    return mean, moved - (weights - target) * (terms @ through)
