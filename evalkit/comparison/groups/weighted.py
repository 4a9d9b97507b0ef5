"""Rows of two groups of a sample drawn with weights: means, shares and rates of the people it stands for, with linearised variances.

Not for weights that make groups alike: those are `adjusting`'s. Exact tests do not exist for weighted samples.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from scipy import stats

from evalkit.comparison.core.rows import missing_row, ratio_of, row
from evalkit.comparison.groups.made import PARTS, Made, margin_rows, none_rows, obstacle
from evalkit.comparison.groups.people import Groups
from evalkit.comparison.groups.plan import GroupPlan
from evalkit.errors import InputError
from evalkit.numerics import survey
from evalkit.numerics.multiple import adjusted
from evalkit.wording import Message, message

#: A standard error below this share of the outcome's size is made of rounding.
_ROUNDING = 1e-11
_TERM = {
    "binary": "difference",
    "continuous": "difference",
    "ordinal": "score_difference",
    "count": "rate_difference",
}
_DESCRIBED = {"binary": "proportion", "continuous": "mean", "ordinal": "mean_score", "count": "rate"}


def rows_of(groups: Groups, plan: GroupPlan) -> Made:
    """Return the rows.

    Raises
    ------
    InputError
        A cluster that lies in two strata.
    """
    design = survey.Design(groups.weights, groups.cluster, groups.strata)  # type: ignore[arg-type]
    _refuse_crossed(groups)
    stop = obstacle(groups) or _unsure(groups, design)
    effective = _effective(groups, design)
    if plan.kind == "nominal":
        return _nominal(groups, plan, design, stop, effective)
    above = groups.outcome if groups.scores is None else groups.scores[groups.outcome.astype(int)]
    below = np.ones(groups.n) if plan.kind != "count" or groups.exposure is None else groups.exposure
    if stop:
        return Made([*none_rows({_TERM[plan.kind]: "linearised"}, groups.n, stop), *effective], _said(groups))
    made = survey.two_ratios(design, groups.treated, above, below)
    size = float(np.abs(above).max())
    rows = _difference(made, design, groups, plan, size)
    if plan.kind in ("binary", "count"):
        rows += _ratio(made, design, groups, plan)
    if plan.kind == "binary":
        rows += _odds_ratio(made, design, groups, plan)
    if plan.kind in ("continuous", "ordinal"):
        rows += _ranks(design, groups, plan)
    return Made([*rows, *_described(made, design, groups, plan), *effective], _said(groups))


def _refuse_crossed(groups: Groups) -> None:
    if groups.strata is None or groups.cluster is None:
        return
    pairs = len(np.unique(np.column_stack([groups.strata, groups.cluster]), axis=0))
    crossed = pairs - len(np.unique(groups.cluster))
    if crossed:
        raise InputError(
            f"two_groups: {crossed} clusters of {groups.names['cluster']} lie in several strata of {groups.names['strata']}; "
            "give clusters of different strata different names"
        )


def _unsure(groups: Groups, design: survey.Design) -> Message | None:
    """Return why the sample tells nothing of its own precision, or None."""
    for own, level in zip((~groups.treated, groups.treated), groups.levels, strict=True):
        if len(np.unique(design.units[own])) < 2:
            key = "group_of_one" if groups.cluster is None else "one_cluster"
            return message(f"comparison_groups.{key}", **({} if groups.cluster is None else {"level": level}))
    if groups.strata is not None:
        alone = sum(len(np.unique(design.units[groups.strata == s])) < 2 for s in np.unique(groups.strata))
        if alone:
            return message("comparison_groups.lonely", count=int(alone))
    return None if design.df > 1 else message("comparison_groups.few_clusters")


def _student(
    term: str, method: str, estimate: float, se: float, df: float, plan: GroupPlan, n: int, log: bool = False
) -> dict[str, Any]:
    half = float(stats.t.isf((1 - plan.conf_level) / 2, df)) * se
    ends = (estimate, estimate - half, estimate + half)
    shown = [ratio_of(v) for v in ends] if log else ends
    return row(
        term, "", method, estimate=shown[0], std_error=se, statistic=estimate / se, df=float(df),
        p_value=survey.student_p(estimate / se, df, plan.alternative), conf_low=shown[1], conf_high=shown[2],
        conf_level=plan.conf_level, n=n,
    )  # fmt: skip


def _difference(
    made: survey.Ratios, design: survey.Design, groups: Groups, plan: GroupPlan, size: float
) -> list[dict[str, Any]]:
    estimate, se, df = float(made.values[1] - made.values[0]), made.error((-1.0, 1.0)), design.df - 1
    term = _TERM[plan.kind]
    if not se > _ROUNDING * size:
        why = message("comparison_groups.no_spread")
        return [row(term, "", "linearised", estimate=estimate, n=groups.n, ok=False, reason=why)]
    rows = [_student(term, "linearised", estimate, se, df, plan, groups.n)]
    if plan.margin is not None and plan.kind != "count":
        above, below = (
            survey.student_p((estimate - m) / se, df, side)
            for m, side in zip(plan.margin, ("greater", "less"), strict=True)
        )
        rows += margin_rows(
            above, below, plan, "linearised", {"estimate": estimate, "df": float(df)}, groups.n
        )
    return rows


def _ratio(
    made: survey.Ratios, design: survey.Design, groups: Groups, plan: GroupPlan
) -> list[dict[str, Any]]:
    term = "risk_ratio" if plan.kind == "binary" else "rate_ratio"
    low, high = made.values
    if min(low, high) <= 0:
        return none_rows({term: "linearised"}, groups.n, message("comparison_groups.weighted_ratio"))
    se = made.error((-1 / low, 1 / high))
    if not se > _ROUNDING:
        return none_rows({term: "linearised"}, groups.n, message("comparison_groups.no_spread"))
    rows = [_student(term, "linearised", math.log(high / low), se, design.df - 1, plan, groups.n, log=True)]
    if plan.kind == "count" and plan.margin is not None:
        above, below = (
            survey.student_p((math.log(high / low) - (math.log(m) if m > 0 else -math.inf)) / se, design.df - 1, side)
            for m, side in zip(plan.margin, ("greater", "less"), strict=True)
        )  # fmt: skip
        rows += margin_rows(above, below, plan, "linearised", {"estimate": high / low}, groups.n)
    return rows


def _odds_ratio(
    made: survey.Ratios, design: survey.Design, groups: Groups, plan: GroupPlan
) -> list[dict[str, Any]]:
    p = made.values
    if (p <= 0).any() or (p >= 1).any():
        return none_rows({"odds_ratio": "linearised"}, groups.n, message("comparison_groups.weighted_ratio"))
    slope = 1 / (p * (1 - p))
    log = float(np.log(p[1] / (1 - p[1])) - np.log(p[0] / (1 - p[0])))
    se = made.error((-slope[0], slope[1]))
    return [_student("odds_ratio", "linearised", log, se, design.df - 1, plan, groups.n, log=True)]


def _ranks(design: survey.Design, groups: Groups, plan: GroupPlan) -> list[dict[str, Any]]:
    """Return the design-based rank test (Lumley & Scott 2013): difference of mean places in the weighted order."""
    score = survey.rank_scores(groups.outcome, design.weights)
    made = survey.two_ratios(design, groups.treated, score, np.ones(groups.n))
    estimate, se = float(made.values[1] - made.values[0]), made.error((-1.0, 1.0))
    if not se > _ROUNDING:
        return none_rows(
            {"rank_difference": "lumley_scott"}, groups.n, message("comparison_groups.no_spread")
        )
    return [_student("rank_difference", "lumley_scott", estimate, se, design.df - 1, plan, groups.n)]


def _described(
    made: survey.Ratios, design: survey.Design, groups: Groups, plan: GroupPlan
) -> list[dict[str, Any]]:
    rows = []
    for k, part in enumerate(PARTS):
        own = groups.treated == bool(k)
        n, value = int(own.sum()), float(made.values[k])
        se, df = math.sqrt(max(float(made.covariance[k, k]), 0.0)), design.df_of(own)
        term = _DESCRIBED[plan.kind]
        sure = not se > _ROUNDING * max(abs(value), 1e-300)
        count = {"count": int(groups.outcome[own].sum())} if plan.kind == "binary" else {}
        if sure or df < 1:
            why = message(f"comparison_groups.{'mean_of_alike' if sure else 'mean_of_one'}")
            rows.append(row(term, part, "linearised", estimate=value, n=n, reason=why, **count))
            continue
        if plan.kind == "binary":
            ends = {"logit": survey.logit_interval(value, se, df, plan.conf_level),
                    "korn_graubard": survey.korn_graubard(value, se, n, df, plan.conf_level)}  # fmt: skip
        else:
            half = float(stats.t.isf((1 - plan.conf_level) / 2, df)) * se
            ends = {"linearised": (value - half, value + half)}
        rows += [
            row(term, part, method, estimate=value, std_error=se, conf_low=low, conf_high=high, conf_level=plan.conf_level,
                n=n, **count)
            for method, (low, high) in ends.items()
        ]  # fmt: skip
    return rows


def _nominal(
    groups: Groups,
    plan: GroupPlan,
    design: survey.Design,
    stop: Message | None,
    effective: list[dict[str, Any]],
) -> Made:
    if stop:
        return Made(
            [*none_rows({"share_difference": "linearised"}, groups.n, stop), *effective],
            _said(groups),
        )
    rows, p = [], []
    for k, category in enumerate(groups.categories):
        made = survey.two_ratios(
            design, groups.treated, (groups.outcome == k).astype(float), np.ones(groups.n)
        )
        estimate, se = float(made.values[1] - made.values[0]), made.error((-1.0, 1.0))
        if se > _ROUNDING:
            one = _student("share_difference", "linearised", estimate, se, design.df - 1, plan, groups.n)
        else:
            one = missing_row(
                "share_difference", "", "linearised", groups.n, message("comparison_groups.no_spread")
            )
        p.append(one["p_value"])
        rows.append(one | {"category": str(category), "p_value": math.nan})
        rows += [
            row("category_share", part, "linearised", category=str(category), estimate=float(made.values[j]),
                count=int(((groups.outcome == k) & (groups.treated == bool(j))).sum()), n=groups.sizes[j])
            for j, part in enumerate(PARTS)
        ]  # fmt: skip
    for category, value in zip(groups.categories, adjusted(p), strict=True):
        if value == value:
            one = row("share_test", "", "linearised_holm", p_value=float(value), n=groups.n)
            rows.append(one | {"category": str(category)})
    rows.append(_overall(groups, design))
    order = {"group_test": -1, "share_difference": 0, "share_test": 1, "category_share": 2}
    return Made([*sorted(rows, key=lambda r: order[r["term"]]), *effective], _said(groups))


def _overall(groups: Groups, design: survey.Design) -> dict[str, Any]:
    """Return the test that no share differs."""
    if len(groups.categories) < 2:
        return missing_row("group_test", "", "wald_f", groups.n, message("comparison_groups.one_category"))
    shares = groups.outcome[:, None] == np.arange(len(groups.categories) - 1)
    f, df, _, p = survey.wald_f(design, groups.treated, shares.astype(float))
    if math.isnan(p):
        why = message("comparison_groups.few_for_all")
        return missing_row("group_test", "", "wald_f", groups.n, why)
    return row("group_test", "", "wald_f", statistic=f, df=float(df), p_value=p, n=groups.n)


def _effective(groups: Groups, design: survey.Design) -> list[dict[str, Any]]:
    """Return Kish's effective number of each group."""
    return [
        row("effective_n", part, "kish", estimate=survey.kish(design.weights[own]), n=int(own.sum()))
        for part, own in zip(PARTS, (~groups.treated, groups.treated), strict=True) if own.any()
    ]  # fmt: skip


def _said(groups: Groups) -> tuple[Message, ...]:
    said = [message("comparison_groups.weights_mean", column=groups.names["weights"])]
    if groups.cluster is not None:
        said.append(message("comparison_groups.clusters_drawn", column=groups.names["cluster"]))
    return tuple(said)
