"""Models of the outcome: lines that may differ between the groups, or a logit whose predictions are averaged.

Not weights, nor matching.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy import special

from evalkit.comparison.adjusting import logit
from evalkit.comparison.adjusting.effect import Means, estimate_row, rows_of_means
from evalkit.comparison.adjusting.robust import refuse_thin
from evalkit.comparison.adjusting.sample import NotEstimable, Sample, independent
from evalkit.comparison.groups.plan import GroupPlan
from evalkit.numerics.clustered import least_squares
from evalkit.wording import message


def regression_rows(sample: Sample, plan: GroupPlan, size: float) -> list[dict[str, Any]]:
    """Return the regression's answer: standardised predictions of a logit for yes/no outcomes, Lin's regression for others.

    Raises
    ------
    NotEstimable
        Terms that separate; a group too small or too uniform for a line of its own; somebody who alone decides a slope.
    """
    if sample.binary:
        means = standardised_means(sample, plan.estimand)
        return rows_of_means(means, plan, plan.estimand, "regression", True, size)
    return [_line(sample, plan, size, plan.estimand, "regression")]


def ancova_rows(sample: Sample, plan: GroupPlan, size: float) -> list[dict[str, Any]]:
    """Return the coefficient of the group in a linear regression with the same slopes in both groups."""
    return [_line(sample, plan, size, "common", "ancova")]


def standardised_means(sample: Sample, estimand: str) -> Means:
    """Return the mean predictions of one logit of group and terms, everybody of the target put in either group.

    References
    ----------
    Robins (1986), Mathematical Modelling 7:1393 (g-formula). Ge, Durham, Meyer, Xie & Thomas (2011), Drug Information Journal 45:481.
    """
    both = np.column_stack([sample.treated.astype(float), sample.matrix])
    fitted = logit.fit(
        both,
        (f"{sample.group}[{sample.levels[1]}]", *sample.terms),
        sample.outcome > 0.5,
        sample.weight,
        "outcome",
    )
    target = sample.weight * sample.target(estimand)
    total = target.sum()
    made = []
    for group in (1.0, 0.0):
        as_if = both.copy()
        as_if[:, 0] = group
        columns = fitted.encode(as_if)
        predicted = special.expit(columns @ fitted.beta)
        mean = float(target @ predicted / total)
        through = columns.T @ (target * predicted * (1 - predicted)) / total
        made.append((mean, target * (predicted - mean) / total + fitted.influence @ through))
    return Means(made[0][0], made[1][0], made[0][1], made[1][1], sample.n, sample.cluster)


def _line(sample: Sample, plan: GroupPlan, size: float, part: str, method: str) -> dict[str, Any]:
    """Return the row of a linear regression, slopes apart by group ("regression") or common ("ancova").

    References
    ----------
    Lin (2013), Annals of Applied Statistics 7:295, section 3. Bell & McCaffrey (2002), Survey Methodology 28:169 (HC2, CR2 and their
    degrees of freedom).
    """
    target = sample.weight * (sample.target(plan.estimand) if method == "regression" else 1.0)
    terms = sample.matrix - target @ sample.matrix / target.sum()
    scale = terms.std(axis=0)
    terms = terms / np.where(scale > 0, scale, 1.0)
    group = sample.treated.astype(float)
    columns = [np.ones(sample.n), group, terms]
    if method == "regression":
        for own, name in ((sample.treated, sample.levels[1]), (~sample.treated, sample.levels[0])):
            # A group that is the whole target needs no line: its own mean is the answer, whatever its terms do.
            if plan.estimand == "ate" or not target[own].any():
                refuse_thin(sample.matrix[own], sample.terms, name)
        columns.append(terms * group[:, None])
    matrix = np.column_stack(columns)
    if not independent(np.column_stack([sample.matrix, group]))[-1]:
        raise NotEstimable(message("comparison_adjusting.aliased"))
    if sample.n <= matrix.shape[1]:
        raise NotEstimable(
            message("comparison_adjusting.too_few_in_all", n=sample.n, terms=len(sample.terms))
        )
    cluster = None if sample.cluster is None else sample.cluster.tolist()
    fitted = least_squares(
        sample.outcome, matrix, sample.weight if sample.weighted else None, cluster
    ).contrast(np.eye(matrix.shape[1])[1])
    if fitted.reason is not None:
        raise NotEstimable(message(f"comparison_adjusting.{fitted.reason}"))
    return estimate_row(
        "adjusted_difference",
        part,
        method,
        fitted.estimate,
        fitted.std_error,
        fitted.df,
        sample.n,
        plan,
        size,
    )
