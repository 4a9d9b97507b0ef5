"""Rows that answers about clusters share: a contrast, how many clusters and people each arm has, how alike people of one are.

Not the answers: each function has its module. `cluster_rows` is what `two_groups` shows when people come in clusters.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from evalkit.comparison.clusters.alike import alike
from evalkit.comparison.clusters.few import FEW, Arms, count_arms, why_not
from evalkit.comparison.core.rows import missing_row, row
from evalkit.disclosure import Headcount
from evalkit.formula import design
from evalkit.numerics.clustered import Contrast, least_squares
from evalkit.wording import Message, message

if TYPE_CHECKING:
    from evalkit.comparison.groups.people import Groups
    from evalkit.comparison.groups.plan import GroupPlan

#: Codes that every answer about clusters uses.
WORDS = (
    "difference", "score_difference", "equivalence", "clusters", "clusters_reference", "clusters_other", "people_reference",
    "people_other", "icc", "design_effect", "effective_people", "within_arms", "anova", "CR2", "CR2_adjusted",
)  # fmt: skip


def contrast_row(
    term: str,
    part: str,
    method: str,
    contrast: Contrast,
    n: int,
    conf_level: float,
    *,
    alternative: str = "two-sided",
    obstacle: Message | None = None,
) -> dict[str, Any]:
    """Return the row of a contrast; with an obstacle its estimate stands as a description, without any precision.

    Parameters
    ----------
    obstacle : Message, optional
        Why it has no standard error, a test or an interval.
    """
    if obstacle is not None:
        return {**missing_row(term, part, method, n, obstacle), "estimate": contrast.estimate}
    low, high = contrast.interval(conf_level)
    return row(
        term,
        part,
        method,
        estimate=contrast.estimate,
        std_error=contrast.std_error,
        statistic=contrast.statistic,
        df=contrast.df,
        p_value=contrast.p_value(alternative=alternative),
        conf_low=low,
        conf_high=high,
        conf_level=conf_level,
        n=n,
    )


def arm_rows(arms: Arms) -> list[dict[str, Any]]:
    """Return clusters and people of each arm."""
    return [
        line
        for arm, name in ((0, "reference"), (1, "other"))
        for line in (
            row(f"clusters_{name}", estimate=arms.clusters[arm], n=arms.people[arm]),
            row(f"people_{name}", count=arms.people[arm], n=sum(arms.people)),
        )
    ]


def alike_rows(
    outcome: np.ndarray, cluster: np.ndarray, treated: np.ndarray | None, conf_level: float
) -> list[dict[str, Any]]:
    """Return the intracluster correlation, the design effect and the effective number of people."""
    found, part, n = (
        alike(outcome, cluster, treated, conf_level),
        "" if treated is None else "within_arms",
        len(outcome),
    )
    if math.isnan(found.icc):
        why = message("comparison_clusters.nobody_alike")
        return [missing_row("icc", part, "anova", n, why)]
    alone = message("comparison_clusters.all_alike_within") if math.isnan(found.low) else None
    return [
        row("icc", part, "anova", estimate=found.icc, conf_low=found.low, conf_high=found.high,
            conf_level=math.nan if alone else conf_level, n=n, reason=alone),
        row("design_effect", part, "anova", estimate=found.design_effect, n=n),
        row("effective_people", part, "anova", estimate=n / found.design_effect, n=n),
    ]  # fmt: skip


def few_caveats(term: str, contrast: Contrast) -> list[Message]:
    """Return what few degrees of freedom mean for a coefficient."""
    # Three clusters of one size per arm leave 4, but for rounding.
    if contrast.reason is not None or contrast.df >= FEW - 1e-6:
        return []
    key = "comparison_clusters.no_df" if contrast.df < 1 else "comparison_clusters.few_df"
    return [message(key, term=term, df=contrast.df)]


def arm_caveats(arms: Arms) -> list[Message]:
    """Return what the clusters make of the number of people, and that some have both arms."""
    said = [
        message("comparison_clusters.between_clusters", clusters=arms.total, n=Headcount(sum(arms.people)))
    ]
    if arms.mixed > 0:
        said.append(message("comparison_clusters.mixed", mixed=arms.mixed, total=arms.total))
    return said


def cluster_rows(groups: Groups, plan: GroupPlan) -> tuple[list[dict[str, Any]], tuple[Message, ...]]:
    """Return what two groups whose people come in clusters show: rows, and what to bear in mind.

    Parameters
    ----------
    groups : Groups
        With ``cluster``.
    plan : GroupPlan
        Level, side, margin and covariates; the difference is of means (shares when binary), of mean scores when ordinal.

    Returns
    -------
    rows : list of dict
        ``difference`` (or ``score_difference``) by CR2 with Satterthwaite degrees of freedom, adjusted for ``plan.adjust`` beside it;
        ``equivalence`` with a margin; clusters and people by arm; intracluster correlation within arms. Where one arm has a single
        cluster the estimate stands as a description, not estimable.
    caveats : tuple of Message
    """
    arms = count_arms(groups.treated, groups.cluster)
    term = "score_difference" if plan.kind == "ordinal" else "difference"
    if plan.kind == "nominal":
        why = message("comparison_clusters.no_method")
        return [missing_row(term, "", "CR2", groups.n, why), *arm_rows(arms)], ()
    y = groups.scores[groups.outcome.astype(int)] if plan.kind == "ordinal" else groups.outcome
    if plan.kind == "count" and groups.exposure is not None:
        y = y / groups.exposure
    base = np.column_stack([np.ones(groups.n), groups.treated])
    designs = {"CR2": base}
    if plan.adjust:
        designs["CR2_adjusted"] = np.column_stack([base, design(plan.adjust, groups.covariates).matrix])
    weights = _weights(groups, plan)
    rows: list[dict[str, Any]] = []
    said = arm_caveats(arms)
    for method, x in designs.items():
        fit = least_squares(y, x, weights, groups.cluster)
        effect = fit.contrast("x1")
        obstacle = arms.obstacle or (why_not(effect.reason, fit) if effect.reason else None)
        rows.append(
            contrast_row(term, "", method, effect, groups.n, plan.conf_level, alternative=plan.alternative, obstacle=obstacle)
        )  # fmt: skip
        rows += _equivalence(plan, method, effect, groups.n, obstacle)
        said += [] if obstacle else few_caveats(groups.names["group"], effect)
    rows += arm_rows(arms)
    if weights is None:
        rows += alike_rows(y, groups.cluster, groups.treated, plan.conf_level)
    return rows, tuple(said)


def _weights(groups: Groups, plan: GroupPlan) -> np.ndarray | None:
    """Return the weights under which a difference of means is that of the groups; rates weigh by exposure."""
    if plan.kind != "count" or groups.exposure is None:
        return groups.weights
    return groups.exposure if groups.weights is None else groups.exposure * groups.weights


def _equivalence(
    plan: GroupPlan, method: str, effect: Contrast, n: int, obstacle: Message | None
) -> list[dict[str, Any]]:
    """Return two one-sided tests against the margin of differences, when one was given."""
    if plan.margin is None or plan.kind == "count":
        return []
    low, high = plan.margin
    if obstacle is not None:
        return [missing_row("equivalence", "", method, n, obstacle)]
    tests = [
        effect.p_value(end, side) for end, side in ((low, "greater"), (high, "less")) if math.isfinite(end)
    ]
    return [
        row("equivalence", "", method, estimate=effect.estimate, df=effect.df, p_value=max(tests), conf_level=plan.conf_level,
            margin_low=low, margin_high=high, n=n)
    ]  # fmt: skip
