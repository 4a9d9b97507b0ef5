"""Doubly robust means: a model of the outcome corrected by weights, right when either of the two models is.

Not protection against what was not recorded.
"""

from __future__ import annotations

import numpy as np
from scipy import special

from evalkit.comparison.adjusting import logit
from evalkit.comparison.adjusting.effect import Means
from evalkit.comparison.adjusting.logit import Logit
from evalkit.comparison.adjusting.sample import NotEstimable, Sample, independent, standardised
from evalkit.comparison.adjusting.weighting import weights_of
from evalkit.wording import message


def corrected_means(sample: Sample, score: Logit, estimand: str) -> Means:
    """Return the augmented weighted means, the uncertainty of all models counted.

    A model of the outcome in each group (linear, or logit when it is yes or no) predicts for the target; weighted residuals correct
    it.

    References
    ----------
    Robins, Rotnitzky & Zhao (1994), Journal of the American Statistical Association 89:846. Lunceford & Davidian (2004), Statistics
    in Medicine 23:2937, section 2.4. For the treated: Moodie, Saarela & Stephens (2018), Statistics in Medicine 37:1607.
    """
    target = sample.weight * sample.target(estimand)
    total = target.sum()
    treated, reference, slope_treated, slope_reference = weights_of(score.chance, estimand)
    made = []
    for own, weight, slope, name in (
        (sample.treated, treated, slope_treated, sample.levels[1]),
        (~sample.treated, reference, slope_reference, sample.levels[0]),
    ):
        if estimand != "ate" and (target[own] > 0).all():
            # The target is the group itself: its own mean, whatever a model would say.
            mean = float(target @ sample.outcome / total)
            made.append((mean, target * (sample.outcome - mean) / total))
            continue
        predicted, gradient, influence = _outcome_model(sample, own, name)
        correcting = sample.weight * own * weight
        rest = sample.outcome - predicted
        mean = float((target @ predicted + correcting @ rest) / total)
        moved = (target * (predicted - mean) + correcting * rest) / total
        moved += influence @ (gradient.T @ (target - correcting)) / total
        moved += score.influence @ (score.columns.T @ (sample.weight * own * slope * rest)) / total
        made.append((mean, moved))
    return Means(made[0][0], made[1][0], made[0][1], made[1][1], sample.n, sample.cluster)


def _outcome_model(sample: Sample, own: np.ndarray, name: str) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return predictions for everybody, their derivatives (n, q), and what each person moves in the coefficients (n, q)."""
    matrix, answers, weight = sample.matrix[own], sample.outcome[own], sample.weight[own]
    influence = np.zeros((sample.n, matrix.shape[1] + 1))
    refuse_thin(matrix, sample.terms, name)
    if sample.binary:
        fitted = logit.fit(matrix, sample.terms, answers > 0.5, weight, "outcome")
        columns = fitted.encode(sample.matrix)
        predicted = special.expit(columns @ fitted.beta)
        influence[own] = fitted.influence
        return predicted, columns * (predicted * (1 - predicted))[:, None], influence
    inner, centre, scale = standardised(matrix)
    mine = np.column_stack([np.ones(len(inner)), inner])
    bread = np.linalg.inv(mine.T @ (mine * weight[:, None]))
    beta = bread @ (mine.T @ (weight * answers))
    influence[own] = (weight * (answers - mine @ beta))[:, None] * mine @ bread
    columns = np.column_stack([np.ones(sample.n), (sample.matrix - centre) / scale])
    return columns @ beta, columns, influence


def refuse_thin(matrix: np.ndarray, terms: tuple[str, ...], name: str) -> None:
    """Refuse a group too small, or too uniform, for a model of its own with these terms.

    Raises
    ------
    NotEstimable
    """
    if len(matrix) < matrix.shape[1] + 2:
        raise NotEstimable(message("comparison_adjusting.too_few", group=name, terms=matrix.shape[1]))
    kept = independent(matrix)
    if not kept.all():
        left = [t for t, k in zip(terms, kept, strict=True) if not k]
        raise NotEstimable(message("comparison_adjusting.no_room_in_group", terms=left, group=name))
