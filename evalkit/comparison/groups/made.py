"""What the modules of the kinds hand over, and the rows that every kind has: who is compared, shares, why there is nothing to compare.

Not estimates.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from evalkit.comparison.core.rows import missing_row, row
from evalkit.comparison.groups.people import Groups
from evalkit.comparison.groups.plan import GroupPlan
from evalkit.numerics import proportions as prop
from evalkit.wording import Message, message

PARTS = ("reference", "other")


@dataclass(frozen=True)
class Made:
    """Rows of one kind, and what to bear in mind.

    Parameters
    ----------
    rows : list of dict
    caveats : tuple of Message
        What the rows do not say.
    """

    rows: list[dict[str, Any]]
    caveats: tuple[Message, ...] = ()


def people_rows(groups: Groups) -> list[dict[str, Any]]:
    """Return how many of each group are compared, of how many, and how many have no group."""
    rows = [
        row("people_compared", part, count=used, n=given)
        for part, used, given in zip(PARTS, groups.sizes, groups.n_group, strict=True)
    ]
    if groups.n_without_group:
        rows.append(row("people_without_group", count=groups.n_without_group, n=groups.n_total))
    return rows


def obstacle(groups: Groups) -> Message | None:
    """Return why there is nothing to compare, or None."""
    for size, level in zip(groups.sizes, groups.levels, strict=True):
        if size == 0:
            return message("comparison_groups.group_empty", level=level)
    return None


def share_row(term: str, part: str, x: int, n: int, plan: GroupPlan) -> dict[str, Any]:
    """Return a share with Wilson's interval."""
    low, high = prop.wilson(x, n, plan.conf_level)
    return row(
        term, part, "wilson", estimate=x / n, conf_low=low, conf_high=high, conf_level=plan.conf_level, count=x, n=n
    )  # fmt: skip


def fewest_of(groups: Groups, kind: str) -> int:
    """Return the smallest number of people, above 0, that a comparison rests on: a group, a cell of the table of categories.

    Of numbers and counts, also the people away from the commonest value: when they are few, a mean tells of them.
    """
    cells = list(groups.sizes)
    for values in groups.split(groups.outcome):
        counts = np.unique(values, return_counts=True)[1]
        if kind in ("continuous", "count"):
            cells.append(len(values) - int(counts.max(initial=0)))
        else:
            cells += counts.tolist()
    return min((c for c in cells if c > 0), default=0)


def described_rows(groups: Groups, kind: str) -> list[dict[str, Any]]:
    """Return the share, mean or rate of each group without any precision, of an outcome that is not of categories."""
    term = {"binary": "proportion", "continuous": "mean", "ordinal": "mean_score", "count": "rate"}[kind]
    values = groups.outcome if groups.scores is None else groups.scores[groups.outcome.astype(int)]
    below = np.ones(groups.n) if groups.exposure is None else groups.exposure
    rows = []
    for part, own, base in zip(PARTS, groups.split(values), groups.split(below), strict=True):
        if len(own):
            count = {"count": int(own.sum())} if kind == "binary" else {}
            rows.append(row(term, part, "", estimate=float(own.sum() / base.sum()), n=len(own), **count))
    return rows


def margin_rows(
    above: float, below: float, plan: GroupPlan, method: str, figures: Mapping[str, float], n: int
) -> list[dict[str, Any]]:
    """Return the row of a test of equivalence, or on one side of non-inferiority or non-superiority.

    Parameters
    ----------
    above, below : float
        p-values that the difference lies above the lower margin, and below the upper one.
    plan : GroupPlan
        Its `margin` says which sides there are.
    method : str
    figures : mapping
        What else the row says.
    n : int
    """
    low, high = plan.margin  # type: ignore[misc]
    sides = [p for p, there in ((above, _limits(low)), (below, _limits(high))) if there]
    term = "equivalence" if len(sides) == 2 else "non_inferiority" if _limits(low) else "non_superiority"
    return [row(
        term, "", method, p_value=max(sides), margin_low=low if _limits(low) else math.nan,
        margin_high=high if _limits(high) else math.nan, n=n, **figures,
    )]  # fmt: skip


def _limits(margin: float) -> bool:
    return math.isfinite(margin) and margin != 0


def none_rows(terms: Mapping[str, str], n: int, reason: Message) -> list[dict[str, Any]]:
    """Return rows of what cannot be estimated: term to method."""
    return [missing_row(term, "", method, n, reason) for term, method in terms.items()]
