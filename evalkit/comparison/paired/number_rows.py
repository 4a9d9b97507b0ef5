"""Rows that a pre/post comparison of numbers (measures, or scores of ordered answers) is made of.

Not the choice of rows: `continuous` and `ordinal` make it, and word the answer.
"""

from __future__ import annotations

import math
import sys
from dataclasses import dataclass

import numpy as np
import pandas as pd

from evalkit.comparison.core.rows import missing_row, row
from evalkit.comparison.paired.plan import Plan
from evalkit.numerics import proportions as prop
from evalkit.numerics.ranks import Shift, SignedRank, SignFlip, sign_flip, sign_median, signed_rank
from evalkit.numerics.ranks.signed import paired_shift
from evalkit.wording import Message, message

_ROOM = "comparison_ranks"


@dataclass(frozen=True, eq=False)
class Pairs:
    """The numbers of the people seen at both dates.

    Parameters
    ----------
    before, after, difference : float array, shape (n,)
        Differences are rounded to 12 digits of the largest number, so that 3.3 − 3.2 and 0.1 are the same change.
    """

    before: np.ndarray
    after: np.ndarray
    difference: np.ndarray

    @property
    def n(self) -> int:
        """Number of pairs."""
        return len(self.difference)

    @property
    def mean(self) -> float:
        """Mean difference; nan without pairs."""
        return float(self.difference.mean()) if self.n else math.nan

    @property
    def std_error(self) -> float:
        """Standard error of the mean difference; nan below two pairs, or when all differences are equal."""
        if self.n < 2 or np.ptp(self.difference) == 0:
            return math.nan
        return float(self.difference.std(ddof=1)) / math.sqrt(self.n)

    @property
    def changed(self) -> np.ndarray:
        """The differences that are not zero."""
        return self.difference[self.difference != 0]

    def beyond(self, margin: float) -> np.ndarray:
        """Return the differences less a margin, rounded alike: 0.3 − 0.1 and 0.1 + 0.1 are as far from it, and have one rank."""
        return _settled(self.after - self.before - margin, self.before, self.after)


def pairs_of(before: np.ndarray, after: np.ndarray) -> Pairs:
    """Return the pairs among two waves in which nan is missing.

    Examples
    --------
    >>> pairs_of(np.array([3.2, 0.0, np.nan]), np.array([3.3, 0.1, 1.0])).difference.tolist()
    [0.1, 0.1]
    """
    both = np.isfinite(before) & np.isfinite(after)
    before, after = before[both], after[both]
    return Pairs(before, after, _settled(after - before, before, after))


def _settled(difference: np.ndarray, before: np.ndarray, after: np.ndarray) -> np.ndarray:
    """Return differences rounded to 12 digits of the largest number that they are made of."""
    largest = float(np.abs(np.concatenate([before, after])).max(initial=0.0))
    digits = 0 if largest == 0 else min(300, 12 - math.ceil(math.log10(largest)))
    unit = 10.0 ** abs(digits)
    settled = np.rint(difference * unit) / unit if digits >= 0 else np.rint(difference / unit) * unit
    return settled + 0.0


def no_spread(pairs: Pairs) -> Message | None:
    """Return why the differences have no standard error, or None."""
    if pairs.n == 1:
        return message(f"{_ROOM}.one_pair")
    if math.isnan(pairs.std_error):
        return message(f"{_ROOM}.same_difference")
    return None


def mean_row(pairs: Pairs, plan: Plan, stop: Message | None) -> dict:
    """Return the mean difference with its t interval."""
    if stop:
        return missing_row("difference", "pairs", "paired_t", pairs.n, stop)
    known = {"estimate": pairs.mean, "n": pairs.n}
    if reason := no_spread(pairs):
        return row(
            "difference", "pairs", "paired_t", reason=message(f"{_ROOM}.no_interval", why=reason), **known
        )
    low, high = t_limits(pairs.mean, pairs.std_error, pairs.n - 1, plan.conf_level)
    return row(
        "difference", "pairs", "paired_t", **known, std_error=pairs.std_error, df=pairs.n - 1.0,
        conf_low=low, conf_high=high, conf_level=plan.conf_level,
    )  # fmt: skip


def t_limits(estimate: float, std_error: float, df: float, conf_level: float) -> tuple[float, float]:
    """Return the two-sided t interval."""
    from scipy import special

    half = float(special.stdtrit(df, (1 + conf_level) / 2)) * std_error
    return estimate - half, estimate + half


def t_p(t: float, df: float, alternative: str) -> float:
    """Return the p-value of a t statistic, never 0.

    Examples
    --------
    >>> round(t_p(2.262157, 9, "two-sided"), 6)
    0.05
    """
    from scipy import special

    if alternative == "two-sided":
        return max(2 * float(special.stdtr(df, -abs(t))), sys.float_info.min)
    return max(float(special.stdtr(df, -t if alternative == "greater" else t)), sys.float_info.min)


def t_row(pairs: Pairs, plan: Plan, stop: Message | None) -> dict:
    """Return the paired t test."""
    reason = stop or no_spread(pairs)
    if reason:
        return missing_row("change_test", "pairs", "paired_t", pairs.n, reason)
    t, df = pairs.mean / pairs.std_error, pairs.n - 1.0
    return row(
        "change_test", "pairs", "paired_t", statistic=t, df=df, p_value=t_p(t, df, plan.alternative), n=pairs.n
    )  # fmt: skip


def flip_row(pairs: Pairs, plan: Plan, stop: Message | None, name: str = "sign_flip") -> dict:
    """Return the permutation test, or for scores the exact test of marginal homogeneity, which is the same."""
    if stop:
        return missing_row("change_test", "pairs", f"{name}_exact", pairs.n, stop)
    found: SignFlip = sign_flip(pairs.difference, plan.alternative, plan.seed)
    reason = message(f"{_ROOM}.nobody_changed") if found.n_changed == 0 else None
    if found.draws:
        reason = message(f"{_ROOM}.drawn", draws=found.draws, seed=plan.seed)
    return row(
        "change_test", "pairs", f"{name}_{found.method}", p_value=found.p_value, p_floor=found.p_floor, n=pairs.n,
        reason=reason,
    )  # fmt: skip


def rank_row(pairs: Pairs, plan: Plan, stop: Message | None) -> dict:
    """Return Wilcoxon's signed-rank test, its law and its treatment of zeros in the method."""
    if stop:
        return missing_row("change_test", "pairs", f"{plan.zeros}_exact", pairs.n, stop)
    found: SignedRank = signed_rank(pairs.difference, plan.zeros, plan.alternative, plan.conf_level)
    return row(
        "change_test", "pairs", f"{plan.zeros}_{found.method}", statistic=found.statistic, p_value=found.p_value,
        p_floor=found.p_floor, n=pairs.n, reason=_about_zeros(pairs, plan.zeros),
    )  # fmt: skip


def sign_row(pairs: Pairs, plan: Plan, stop: Message | None) -> dict:
    """Return the sign test; who did not change is left out."""
    if stop:
        return missing_row("change_test", "pairs", "sign_test", pairs.n, stop)
    down, up = int((pairs.difference < 0).sum()), int((pairs.difference > 0).sum())
    return row(
        "change_test", "pairs", "sign_test", statistic=float(up), p_value=prop.mcnemar_exact(down, up, plan.alternative),
        p_floor=prop.mcnemar_floor(down + up, plan.alternative), n=pairs.n, reason=_about_zeros(pairs, "sign"),
    )  # fmt: skip


def _about_zeros(pairs: Pairs, treatment: str) -> Message | None:
    if len(pairs.changed) == 0:
        return message(f"{_ROOM}.nobody_changed")
    return message(f"{_ROOM}.zeros_{treatment}") if len(pairs.changed) < pairs.n else None


def shift_rows(pairs: Pairs, plan: Plan, stop: Message | None) -> list[dict]:
    """Return the Hodges-Lehmann shift of all pairs, of those who changed when some did not, and the median."""
    if stop:
        return [
            missing_row("hodges_lehmann", "pairs", "walsh_exact", pairs.n, stop),
            missing_row("median_difference", "pairs", "sign_interval", pairs.n, stop),
        ]
    shift = paired_shift(pairs.difference, plan.conf_level)
    rows = [shift_row("hodges_lehmann", "pairs", f"walsh_{shift.method}", shift, pairs.n)]
    if 1 < len(pairs.changed) < pairs.n:
        own = paired_shift(pairs.changed, plan.conf_level)
        rows.append(shift_row("hodges_lehmann", "changed", f"walsh_{own.method}", own, len(pairs.changed)))
    median = sign_median(pairs.difference, plan.conf_level)
    return [*rows, shift_row("median_difference", "pairs", "sign_interval", median, pairs.n)]


def shift_row(term: str, part: str, method: str, shift: Shift, n: int) -> dict:
    """Return one shift with the level that its interval has, and why when that is below the level asked."""
    there = {"conf_low": shift.conf_low, "conf_high": shift.conf_high, "conf_level": shift.conf_level}
    there = there if shift.level_achieved > 0 else {}
    return row(
        term, part, method, estimate=shift.estimate, **there, level_achieved=shift.level_achieved, n=n,
        reason=about_level(shift),
    )  # fmt: skip


def about_level(shift: Shift) -> Message | None:
    """Return what a reader must know of the interval of order statistics, or None."""
    if shift.level_achieved <= 0:
        return message(f"{_ROOM}.no_interval", why=message(f"{_ROOM}.one_pair"))
    if shift.level_achieved < shift.conf_level and shift.method == "exact":
        return message(f"{_ROOM}.level_out_of_reach", level=shift.level_achieved, asked=shift.conf_level)
    return message(f"{_ROOM}.point_interval") if shift.conf_low == shift.conf_high else None


def wave_rows(before: np.ndarray, after: np.ndarray, pairs: Pairs, plan: Plan) -> list[dict]:
    """Return the means before and after, among pairs and among every answer when some are not paired."""
    rows = []
    for term, paired, values in (("mean_before", pairs.before, before), ("mean_after", pairs.after, after)):
        rows.append(_wave_row(term, "pairs", paired, plan, "comparison.no_pair"))
        known = values[np.isfinite(values)]
        if len(known) != pairs.n:
            rows.append(_wave_row(term, "observed", known, plan, "comparison.no_person"))
    return rows


def _wave_row(term: str, part: str, values: np.ndarray, plan: Plan, empty: str) -> dict:
    n = len(values)
    if n == 0:
        return missing_row(term, part, "t_interval", 0, message(empty))
    mean = float(values.mean())
    if n == 1 or np.ptp(values) == 0:
        reason = message(f"{_ROOM}.same_value" if n > 1 else f"{_ROOM}.one_value")
        return row(term, part, "t_interval", estimate=mean, n=n, reason=reason)
    error = float(values.std(ddof=1)) / math.sqrt(n)
    low, high = t_limits(mean, error, n - 1, plan.conf_level)
    return row(
        term, part, "t_interval", estimate=mean, std_error=error, df=n - 1.0, conf_low=low, conf_high=high,
        conf_level=plan.conf_level, n=n,
    )  # fmt: skip


def direction_rows(pairs: Pairs) -> list[dict]:
    """Return how many went up, went down and stayed."""
    named = {
        "went_up": pairs.difference > 0, "went_down": pairs.difference < 0, "stayed": pairs.difference == 0
    }  # fmt: skip
    return [row(term, "pairs", count=int(who.sum()), n=pairs.n) for term, who in named.items()]


def bound_rows(before: np.ndarray, after: np.ndarray, scale: tuple[float, float]) -> list[dict]:
    """Return the mean difference among everybody known, missing numbers at the ends of the scale (Manski 1989)."""
    n = len(before)
    ends = (("difference_if_worst", scale), ("difference_if_best", scale[::-1]))
    if n == 0:
        return [
            missing_row(term, "everyone", "manski", 0, message("comparison.no_person")) for term, _ in ends
        ]
    return [
        row(term, "everyone", "manski", n=n,
            estimate=float((np.where(np.isnan(after), a, after) - np.where(np.isnan(before), b, before)).mean()))
        for term, (a, b) in ends
    ]  # fmt: skip


#: Rows whose figures are order statistics: differences of people, or averages of two.
ORDERED = ("hodges_lehmann", "median_difference", "equivalence")


def crowds(table: pd.DataFrame, pairs: Pairs) -> dict[int, int]:
    """Return, per row of order statistics, how few people have exactly one of the differences it shows.

    Returns
    -------
    dict of int to int
        Position of the row to the number of people; rows that show nobody's difference are left out.
    """
    found = {}
    for at, shown in enumerate(table.to_dict("records")):
        if shown["term"] not in ORDERED or str(shown["method"]) == "paired_t":
            continue
        owners = [int((pairs.difference == shown[c]).sum()) for c in ("estimate", "conf_low", "conf_high")]
        if any(owners):
            found[at] = min(k for k in owners if k)
    return found
