"""Designs on the same people at two dates: means, shares, counts, equivalence of means.

Not two groups, nor more dates.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, ClassVar, Self

import numpy as np
from scipy import stats

from evalkit.comparison.planning.design import (
    Design,
    Playable,
    equivalence_chance,
    inside,
    normal_chance,
    t_chance,
)
from evalkit.numerics import proportions as prop

#: Totals of counts this unlikely are not gone through.
_TAIL = 1e-12


@dataclass(frozen=True)
class PairedMeans(Playable):
    """Mean change of the same people, by the paired t test.

    Parameters
    ----------
    difference : float
        Mean of after − before.
    sd : float
        Standard deviation of the changes; that of one date times √(2 (1 − correlation)).
    """

    EFFECT: ClassVar[str] = "difference"
    COUNTED: ClassVar[str] = "pairs"
    LEAST: ClassVar[int] = 2
    difference: float = 0.0
    sd: float = 1.0

    def faults(self) -> list[str]:
        return [
            *inside("difference", self.difference, -math.inf, math.inf),
            *inside("sd", self.sd, 0, math.inf),
        ]

    def chance(self, n: int, alpha: float, alternative: str) -> float:
        return t_chance(self.difference / self.sd * math.sqrt(n), n - 1, alpha, alternative)

    def draw(self, rng: np.random.Generator, n: int) -> np.ndarray:
        return rng.normal(self.difference, self.sd, n)

    def p_value(self, data: np.ndarray, alternative: str) -> float:
        return float(stats.ttest_1samp(data, 0.0, alternative=alternative).pvalue)


@dataclass(frozen=True)
class PairedProportions(Playable):
    """Share of the same people, by McNemar's test: only those who change tell.

    Parameters
    ----------
    gained : float
        Share that moves from 0 to 1.
    lost : float
        Share that moves from 1 to 0.
    test : {"mid_p", "exact", "asymptotic"}
        The first two by going through every table; "asymptotic" is Miettinen's formula.
    """

    EFFECT: ClassVar[str] = "difference"
    COUNTED: ClassVar[str] = "pairs"
    LEAST: ClassVar[int] = 1
    gained: float = 0.0
    lost: float = 0.0
    test: str = "mid_p"

    def faults(self) -> list[str]:
        found = [*inside("gained", self.gained, 0, 1, True), *inside("lost", self.lost, 0, 1, True)]
        if not found and self.gained + self.lost > 1 + 1e-12:
            found.append(f"gained and lost must sum to 1 at most, but were {self.gained:g} and {self.lost:g}")
        if self.test not in ("mid_p", "exact", "asymptotic"):
            found.append(f"test must be one of 'mid_p', 'exact', 'asymptotic', but was {self.test!r}")
        return found

    @property
    def effect(self) -> float:
        return self.gained - self.lost

    @property
    def method(self) -> str:
        return {"mid_p": "every_table", "exact": "every_table", "asymptotic": "miettinen"}[self.test]

    def with_effect(self, effect: float) -> Self:
        # The share that loses stays as supposed; more or fewer gain.
        return type(self)(gained=self.lost + effect, lost=self.lost, test=self.test)

    def furthest(self, up: bool) -> float:
        return 1 - 2 * self.lost if up else -self.lost

    def chance(self, n: int, alpha: float, alternative: str) -> float:
        discordant = self.gained + self.lost
        if discordant == 0:
            return 0.0
        if self.test == "asymptotic":
            spread = discordant - self.effect**2
            shift = self.effect * math.sqrt(n / discordant)
            return (
                normal_chance(shift, alpha, alternative, math.sqrt(spread / discordant))
                if spread > 0
                else 1.0
            )
        changes = np.arange(n + 1)
        weight = stats.binom.pmf(changes, n, min(discordant, 1.0))
        m = changes[weight > _TAIL]
        gained = self.gained / discordant
        side, share = (alternative, alpha) if alternative != "two-sided" else ("less", alpha / 2)
        out = _last_rejected(m, share, side, self.test == "mid_p", 0.5)
        total = np.zeros(len(m))
        if alternative != "greater":
            total += stats.binom.cdf(out, m, gained)
        if alternative != "less":
            total += stats.binom.sf(m - out - 1, m, gained)
        return float((weight[m] * total).sum())

    def draw(self, rng: np.random.Generator, n: int) -> tuple[int, int]:
        gained, lost, _ = rng.multinomial(n, [self.gained, self.lost, max(0.0, 1 - self.gained - self.lost)])
        return int(lost), int(gained)

    def p_value(self, data: tuple[int, int], alternative: str) -> float:
        if self.test == "asymptotic":
            return prop.mcnemar_asymptotic(*data, alternative)[1]
        return (prop.mcnemar_mid_p if self.test == "mid_p" else prop.mcnemar_exact)(*data, alternative)


def _last_rejected(m: np.ndarray, alpha: float, side: str, mid: bool, share: float) -> np.ndarray:
    """Return, for each total m of a binomial test, how far from this end a count may lie and be rejected; −1 if none is."""
    low, high = np.full(len(m), -1), m + 1  # rejected, and not
    while (high - low > 1).any():
        middle = np.where(high - low > 1, (low + high) // 2, low)
        count = middle if side == "less" else m - middle
        rejected = one_sided_or_two(count, m, share, side, mid) <= alpha
        low, high = np.where(rejected, middle, low), np.where(rejected | (middle == low), high, middle)
    return low


def one_sided_or_two(k: np.ndarray, m: int, share: float, alternative: str, mid: bool) -> np.ndarray:
    """Return the binomial p-values of every count k out of m: exact, or with the outcome seen counted for half.

    Two-sided p-values are twice the smaller tail, as in McNemar's test.
    """
    point = stats.binom.pmf(k, m, share)
    half = point / 2 if mid else 0.0
    below, above = stats.binom.cdf(k, m, share) - half, stats.binom.sf(k - 1, m, share) - half
    if alternative == "greater":
        return above
    if alternative == "less":
        return below
    return np.minimum(1.0, 2 * np.minimum(below, above))


@dataclass(frozen=True)
class PairedCounts(Playable):
    """Rate of events of the same people, by the exact test on the total: before against after, given their sum.

    Parameters
    ----------
    ratio : float
        Rate after over rate before.
    rate : float
        Mean number of events per person before.
    exposure : float
        Time after over time before.
    """

    EFFECT: ClassVar[str] = "ratio"
    NULL: ClassVar[float] = 1.0
    COUNTED: ClassVar[str] = "pairs"
    LEAST: ClassVar[int] = 1
    METHOD: ClassVar[str] = "every_table"
    ratio: float = 1.0
    rate: float = 1.0
    exposure: float = 1.0

    def faults(self) -> list[str]:
        return [
            *inside("ratio", self.ratio, 0, math.inf),
            *inside("rate", self.rate, 0, math.inf),
            *inside("exposure", self.exposure, 0, math.inf),
        ]

    def furthest(self, up: bool) -> float:
        return math.inf if up else 0.0

    def chance(self, n: int, alpha: float, alternative: str) -> float:
        before, after = n * self.rate, n * self.rate * self.ratio * self.exposure
        mean, share = before + after, after / (before + after)
        null = self.exposure / (1 + self.exposure)
        totals = np.arange(int(stats.poisson.ppf(_TAIL, mean)), int(stats.poisson.isf(_TAIL, mean)) + 1)
        # Many events: a grid of totals, each standing for those around it, keeps three digits of the answer.
        m = totals[:: max(1, len(totals) // 400)]
        weight = stats.poisson.pmf(m, mean)
        level = alpha / 2 if alternative == "two-sided" else alpha
        shown = np.zeros(len(m))
        if alternative != "greater":
            shown += stats.binom.cdf(_last_rejected(m, level, "less", False, null), m, share)
        if alternative != "less":
            shown += stats.binom.sf(m - _last_rejected(m, level, "greater", False, null) - 1, m, share)
        return float((weight * shown).sum() / weight.sum())

    def draw(self, rng: np.random.Generator, n: int) -> tuple[int, int]:
        return int(rng.poisson(n * self.rate)), int(rng.poisson(n * self.rate * self.ratio * self.exposure))

    def p_value(self, data: tuple[int, int], alternative: str) -> float:
        before, after = data
        null = self.exposure / (1 + self.exposure)
        return float(one_sided_or_two(np.array([after]), before + after, null, alternative, False)[0])


@dataclass(frozen=True)
class PairedEquivalence(Design):
    """Mean change shown to lie within margins, by two one-sided paired t tests.

    Parameters
    ----------
    margin : float or (low, high)
        Changes that would not matter.
    difference : float
        The true change.
    sd : float
        Standard deviation of the changes.
    """

    EFFECT: ClassVar[str] = "difference"
    COUNTED: ClassVar[str] = "pairs"
    LEAST: ClassVar[int] = 2
    METHOD: ClassVar[str] = "owen"
    margin: Any = 0.0
    difference: float = 0.0
    sd: float = 1.0

    @property
    def margins(self) -> tuple[float, float]:
        """The two margins."""
        low, high = self.margin if isinstance(self.margin, (tuple, list)) else (-self.margin, self.margin)
        return float(low), float(high)

    def faults(self) -> list[str]:
        found = [
            *inside("difference", self.difference, -math.inf, math.inf),
            *inside("sd", self.sd, 0, math.inf),
        ]
        try:
            low, high = self.margins
        except (TypeError, ValueError):
            return [*found, f"margin must be a number or (low, high), but was {self.margin!r}"]
        if not found and not low < self.difference < high:
            found.append(
                f"the difference supposed, {self.difference:g}, must lie within the margins ({low:g}, {high:g})"
            )
        return found

    def chance(self, n: int, alpha: float, alternative: str) -> float:
        return equivalence_chance(self.difference, self.sd / math.sqrt(n), n - 1, self.margins, alpha)
