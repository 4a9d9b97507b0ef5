"""Two one-sided tests of a paired difference of numbers against its margins: by t, and by signed ranks.

Not a choice of margins: they are fixed before the data are seen, by what would matter.
"""

from __future__ import annotations

import math

from evalkit.comparison.paired.equivalence import equivalence_row, tost_level
from evalkit.comparison.paired.number_rows import Pairs, about_level, no_spread, t_limits, t_p
from evalkit.comparison.paired.plan import Plan
from evalkit.numerics.ranks import signed_rank
from evalkit.numerics.ranks.signed import paired_shift
from evalkit.wording import Message


def margin_rows(pairs: Pairs, plan: Plan, stop: Message | None) -> list[dict]:
    """Return the test of the mean difference and that of the centre of the differences, if there are margins.

    The p-value is the larger of the two one-sided ones; with one margin it is that one. The interval beside it has the
    level 1 − 2 (1 − conf_level): the t test rejects exactly when it lies within the margins.

    References
    ----------
    Schuirmann (1987), Journal of Pharmacokinetics and Biopharmaceutics 15:657. Wellek (2010), Testing Statistical Hypotheses of
    Equivalence and Noninferiority, §5.4 (signed ranks).
    """
    if plan.margin is None:
        return []
    return [_by_t(pairs, plan, stop), _by_ranks(pairs, plan, stop)]


def _by_t(pairs: Pairs, plan: Plan, stop: Message | None) -> dict:
    reason = stop or no_spread(pairs)
    if reason:
        return equivalence_row("pairs", "paired_t", plan, pairs.n, reason)
    df, error = pairs.n - 1.0, pairs.std_error
    sides = zip(plan.margin, ("greater", "less"), strict=True)
    p = max(t_p((pairs.mean - m) / error, df, side) for m, side in sides if math.isfinite(m))
    low, high = t_limits(pairs.mean, error, df, tost_level(plan.conf_level))
    return equivalence_row(
        "pairs", "paired_t", plan, pairs.n, estimate=pairs.mean, std_error=error, df=df, p_value=p,
        conf_low=low, conf_high=high,
    )  # fmt: skip


def _by_ranks(pairs: Pairs, plan: Plan, stop: Message | None) -> dict:
    if stop:
        return equivalence_row("pairs", f"{plan.zeros}_exact", plan, pairs.n, stop)
    sides = zip(plan.margin, ("greater", "less"), strict=True)
    tests = [signed_rank(pairs.beyond(m), plan.zeros, side) for m, side in sides if math.isfinite(m)]
    worst = max(tests, key=lambda t: t.p_value)
    shift = paired_shift(pairs.difference, tost_level(plan.conf_level))
    limits = {"conf_low": shift.conf_low, "conf_high": shift.conf_high} if shift.level_achieved > 0 else {}
    return equivalence_row(
        "pairs", f"{plan.zeros}_{worst.method}", plan, pairs.n, estimate=shift.estimate, p_value=worst.p_value,
        p_floor=max(t.p_floor for t in tests), level_achieved=shift.level_achieved, reason=about_level(shift), **limits,
    )  # fmt: skip
