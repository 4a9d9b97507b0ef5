"""What every pre/post comparison of numbers says beside its table, and the starts from which nothing can be compared.

Not the table.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from evalkit.comparison.core.answer import reasons
from evalkit.comparison.paired.equivalence import said_of_margins
from evalkit.comparison.paired.number_rows import Pairs
from evalkit.comparison.paired.plan import Plan
from evalkit.errors import InputError
from evalkit.numerics import proportions as prop
from evalkit.wording import Message, labels, message

#: Codes of every kind made of numbers.
WORDS = (
    "hodges_lehmann", "median_difference", "rank_biserial", "mean_before", "mean_after", "went_up", "went_down", "stayed", "changed",
    "paired_t", "walsh_exact", "walsh_normal", "sign_interval", "wilcoxon_exact", "wilcoxon_normal", "pratt_exact", "pratt_normal",
    "sign_test", "t_interval", "u_statistic_wilcoxon", "u_statistic_pratt", "equivalence", "difference",
)  # fmt: skip
#: Codes whose words are those of the yes/no kind.
SHARED_WORDS = ("difference_if_worst", "difference_if_best", "manski")


def labelled() -> dict[str, dict[str, str]]:
    """Return the labels of these codes."""
    return {**labels("comparison", *SHARED_WORDS), **labels("comparison_ranks", *WORDS)}


def refused_selection(plan: Plan) -> None:
    """Refuse a selection on the first value, which another function corrects.

    Raises
    ------
    InputError
    """
    if plan.selected_on not in (None, "none"):
        raise InputError(
            f"pre_post: selected_on={plan.selected_on!r} is for yes/no outcomes, categories and counts; for people chosen as "
            "their first value was low (or high), ask evalkit.comparison.regression_to_the_mean; otherwise say selected_on='none'"
        )


def same_start(before: np.ndarray, plan: Plan) -> Message | None:
    """Return why nothing is tested when everybody has the same first value, or None."""
    known = before[np.isfinite(before)]
    if plan.selected_on is None and len(known) > 1 and (known == known[0]).all():
        return message("comparison_ranks.same_start")
    return None


def caveats(
    table: pd.DataFrame, pairs: Pairs, plan: Plan, stop: Message | None, amount: str
) -> tuple[Message, ...]:
    """Return what a reader must know: no counterfactual, the trend that cancels, floors, sides, who is missing."""
    said = [message("result.no_counterfactual")]
    if stop is None:
        said += _trend(table, pairs, amount)
        floor = prop.mcnemar_floor(len(pairs.changed), plan.alternative)
        alpha = 1 - plan.conf_level
        if len(pairs.changed) and floor > alpha:
            said.append(message("comparison.floor_binds", floor=floor, alpha=alpha))
        if plan.alternative != "two-sided":
            side = message(f"comparison_ranks.{plan.alternative}")
            said.append(message("comparison.one_sided", side=side, level=plan.conf_level))
        said.append(message("comparison_ranks.symmetry"))
        if 1 < len(pairs.changed) < pairs.n:
            said.append(message("comparison_ranks.two_shifts"))
        if len(np.unique(np.abs(pairs.difference))) < pairs.n:
            said.append(message("comparison_ranks.ties"))
        said += said_of_margins(plan)
    return (*said, *reasons(table), *_attrition(table))


def _trend(table: pd.DataFrame, pairs: Pairs, amount: str) -> list[Message]:
    """Return how much the outcome would have had to move by itself to give the difference, and to hide its sign."""
    # A mean of 1e-17 is rounding.
    if abs(pairs.mean) <= 1e-12 * np.abs(pairs.difference).max():
        return [message("comparison.trend_none")]
    up = pairs.mean > 0
    written = lambda value: message(f"comparison_ranks.{amount}", amount=value)
    said = [message(f"comparison_ranks.trend_{'up' if up else 'down'}", amount=written(abs(pairs.mean)))]
    mean = table[(table["term"] == "difference") & (table["method"] == "paired_t")].iloc[0]
    nearest = mean["conf_low"] if up else -mean["conf_high"]
    if nearest > 0:
        said.append(message("comparison_ranks.trend_bound", amount=written(nearest)))
    return said


def _attrition(table: pd.DataFrame) -> tuple[Message, ...]:
    seen = table.set_index("term")["count"]
    if seen["people_paired"] == seen["people_all"]:
        return ()
    bounded = table["term"].eq("difference_if_worst").any()
    return (message("comparison.attrition" if bounded else "comparison_ranks.attrition"),)
