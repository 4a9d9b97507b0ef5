"""Rows of the standardised sizes of a paired difference.

Not the sizes: `effect_sizes` computes them.
"""

from __future__ import annotations

import numpy as np

from evalkit.comparison.core.rows import missing_row, row
from evalkit.comparison.paired import effect_sizes as sizes
from evalkit.comparison.paired.number_rows import Pairs, no_spread
from evalkit.comparison.paired.plan import Plan
from evalkit.wording import Message, message


def size_rows(pairs: Pairs, plan: Plan, stop: Message | None) -> list[dict]:
    """Return the sizes made of means and standard deviations."""
    reason = stop or no_spread(pairs)
    if reason:
        return [
            missing_row(term, "pairs", method, pairs.n, reason)
            for term, method in (("d_z", "noncentral_t"), ("d_av", "bonett"), ("g_av", "bonett"))
        ]
    average, unbiased = sizes.d_av(pairs.before, pairs.after, plan.conf_level)
    return [
        _size("d_z", "noncentral_t", sizes.d_z(pairs.difference, plan.conf_level), pairs.n, plan),
        _size("d_av", "bonett", average, pairs.n, plan),
        _size("g_av", "bonett", unbiased, pairs.n, plan)
        if pairs.n > 2
        else missing_row("g_av", "pairs", "bonett", pairs.n, message("comparison_ranks.two_pairs")),
    ]


def biserial_row(pairs: Pairs, plan: Plan, stop: Message | None) -> dict:
    """Return the matched rank-biserial correlation."""
    method = f"u_statistic_{plan.zeros}"
    if stop is None and len(pairs.changed) == 0:
        stop = message("comparison_ranks.no_size")
    if stop:
        return missing_row("rank_biserial", "pairs", method, pairs.n, stop)
    found = sizes.rank_biserial(pairs.difference, plan.zeros, plan.conf_level)
    if np.isnan(found.conf_low):
        reason = message("comparison_ranks.one_way")
        return row("rank_biserial", "pairs", method, estimate=found.estimate, n=pairs.n, reason=reason)
    return _size("rank_biserial", method, found, pairs.n, plan)


def _size(term: str, method: str, size: sizes.Size, n: int, plan: Plan) -> dict:
    return row(
        term, "pairs", method, estimate=size.estimate, std_error=size.std_error, conf_low=size.conf_low,
        conf_high=size.conf_high, conf_level=plan.conf_level, n=n,
    )  # fmt: skip
