"""Designs on two groups of people, or of clusters of people, seen once or before and after.

Not the same people alone, nor one series of dates.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from scipy import stats

from evalkit.comparison.planning.design import Design, Playable, inside, normal_chance, t_chance

#: Beyond so many people the normal formula is as good as every table.
_MOST_TABLES = 100_000


def split(n: int, share: float) -> tuple[int, int]:
    """Return how many of n are treated, and how many are not: whole people, at least one of each."""
    treated = min(max(round(n * share), 1), n - 1)
    return treated, n - treated


@dataclass(frozen=True)
class TwoMeans(Playable):
    """Means of two groups, by Welch's test.

    Parameters
    ----------
    difference : float
        Treated − reference.
    sd, sd_reference : float
        Standard deviations of the treated and of the others (by default the same).
    share_treated : float
    """

    EFFECT: ClassVar[str] = "difference"
    difference: float = 0.0
    sd: float = 1.0
    sd_reference: float | None = None
    share_treated: float = 0.5

    def faults(self) -> list[str]:
        other = self.sd if self.sd_reference is None else self.sd_reference
        return [
            *inside("difference", self.difference, -math.inf, math.inf),
            *inside("sd", self.sd, 0, math.inf),
            *inside("sd_reference", other, 0, math.inf),
            *inside("share_treated", self.share_treated, 0, 1),
        ]

    def _variances(self, n: int) -> tuple[float, float, int, int]:
        m, k = split(n, self.share_treated)
        other = self.sd if self.sd_reference is None else self.sd_reference
        return self.sd**2 / m, other**2 / k, m, k

    def chance(self, n: int, alpha: float, alternative: str) -> float:
        one, two, m, k = self._variances(n)
        if self.sd_reference is None or self.sd_reference == self.sd:
            df = float(n - 2)
        else:
            df = (one + two) ** 2 / sum(v**2 / (size - 1) for v, size in ((one, m), (two, k)) if size > 1)
        return t_chance(self.difference / math.sqrt(one + two), df, alpha, alternative)

    def draw(self, rng: np.random.Generator, n: int) -> tuple[np.ndarray, np.ndarray]:
        m, k = split(n, self.share_treated)
        other = self.sd if self.sd_reference is None else self.sd_reference
        return rng.normal(self.difference, self.sd, m), rng.normal(0.0, other, k)

    def p_value(self, data: tuple[np.ndarray, np.ndarray], alternative: str) -> float:
        if min(map(len, data)) < 2:
            return math.nan
        return float(stats.ttest_ind(*data, equal_var=False, alternative=alternative).pvalue)


@dataclass(frozen=True)
class TwoProportions(Playable):
    """Shares of two groups.

    Parameters
    ----------
    difference : float
        Treated − reference.
    reference : float
        Share in the reference group.
    share_treated : float
    test : {"score", "fisher", "asymptotic"}
        "score": the chi-squared test without correction, and "fisher", both by going through every table; "asymptotic": the score
        test by the usual normal formula, which may be four points off with 100 people (and serves "score" beyond 100,000).
    """

    EFFECT: ClassVar[str] = "difference"
    difference: float = 0.0
    reference: float = 0.5
    share_treated: float = 0.5
    test: str = "score"

    def faults(self) -> list[str]:
        found = [
            *inside("reference", self.reference, 0, 1, True),
            *inside("reference + difference", self.reference + self.difference, -1e-12, 1 + 1e-12, True),
            *inside("share_treated", self.share_treated, 0, 1),
        ]
        if self.test not in ("score", "fisher", "asymptotic"):
            found.append(f"test must be one of 'score', 'fisher', 'asymptotic', but was {self.test!r}")
        return found

    @property
    def method(self) -> str:
        return "score" if self.test == "asymptotic" else "every_table"

    def furthest(self, up: bool) -> float:
        return 1 - self.reference if up else -self.reference

    def _shares(self) -> tuple[float, float]:
        return min(max(self.reference + self.difference, 0.0), 1.0), self.reference

    def chance(self, n: int, alpha: float, alternative: str) -> float:
        p, q = self._shares()
        m, k = split(n, self.share_treated)
        if self.test == "fisher":
            return self._every_table(p, q, m, k, alpha, alternative)
        if self.test == "score" and n <= _MOST_TABLES:
            return self._every_score(p, q, m, k, alpha, alternative)
        pooled = (m * p + k * q) / n
        null = math.sqrt(pooled * (1 - pooled) * (1 / m + 1 / k))
        if null == 0:
            return 0.0
        spread = math.sqrt(p * (1 - p) / m + q * (1 - q) / k)
        return normal_chance((p - q) / null, alpha, alternative, spread / null) if spread > 0 else 1.0

    def _every_score(self, p: float, q: float, m: int, k: int, alpha: float, alternative: str) -> float:
        one, two = _likely(m, p), _likely(k, q)
        z = _score(one[:, None], m, two[None, :], k)
        if alternative != "two-sided":
            z = z if alternative == "greater" else -z
            shown = z >= stats.norm.isf(alpha)
        else:
            shown = np.abs(z) >= stats.norm.isf(alpha / 2)
        return float(stats.binom.pmf(one, m, p) @ shown @ stats.binom.pmf(two, k, q))

    def _every_table(self, p: float, q: float, m: int, k: int, alpha: float, alternative: str) -> float:
        one, two = stats.binom.pmf(np.arange(m + 1), m, p), stats.binom.pmf(np.arange(k + 1), k, q)
        total = 0.0
        for ones in range(m + k + 1):
            x = np.arange(max(0, ones - k), min(m, ones) + 1)
            weight = one[x] * two[ones - x]
            if weight.sum() < 1e-14:
                continue
            point = stats.hypergeom.pmf(x, m + k, ones, m)
            total += weight[_fisher_p(point, alternative) <= alpha].sum()
        return float(total)

    def draw(self, rng: np.random.Generator, n: int) -> tuple[int, int, int, int]:
        m, k = split(n, self.share_treated)
        p, q = self._shares()
        return int(rng.binomial(m, p)), m, int(rng.binomial(k, q)), k

    def p_value(self, data: tuple[int, int, int, int], alternative: str) -> float:
        x, m, y, k = data
        if self.test == "fisher":
            return float(stats.fisher_exact([[x, m - x], [y, k - y]], alternative=alternative).pvalue)
        if x + y in (0, m + k):
            return math.nan
        z = float(_score(np.array(x), m, np.array(y), k))
        tail = {"greater": stats.norm.sf(z), "less": stats.norm.cdf(z)}
        return float(tail.get(alternative, 2 * stats.norm.sf(abs(z))))


def _likely(n: int, share: float) -> np.ndarray:
    """Return the counts that hold all but 1e-13 of a binomial law."""
    low, high = stats.binom.ppf(1e-13, n, share), stats.binom.isf(1e-13, n, share)
    return np.arange(int(low), int(high) + 1)


def _score(x: np.ndarray, m: int, y: np.ndarray, k: int) -> np.ndarray:
    """Return the pooled z statistic of two shares; 0 where all answers are the same, which shows nothing."""
    pooled = (x + y) / (m + k)
    error = np.sqrt(pooled * (1 - pooled) * (1 / m + 1 / k))
    return np.where(error > 0, (x / m - y / k) / np.where(error > 0, error, 1.0), 0.0)


def _fisher_p(point: np.ndarray, alternative: str) -> np.ndarray:
    """Return Fisher's p-values of every table with given margins, from their probabilities in order."""
    if alternative == "less":
        return np.cumsum(point)
    if alternative == "greater":
        return np.cumsum(point[::-1])[::-1]
    # Tables as likely as the one seen count with it, rounding apart, as in R and SciPy.
    return np.array([point[point <= at * (1 + 1e-7)].sum() for at in point])


@dataclass(frozen=True)
class TwoRanks(Playable):
    """Two groups ranked, by the Mann-Whitney test: Noether's formula; played on normal values.

    Parameters
    ----------
    superiority : float
        Chance that a treated person lies above one of the others, ties counted for half; 0.5 without effect.
    share_treated : float
    """

    EFFECT: ClassVar[str] = "superiority"
    NULL: ClassVar[float] = 0.5
    METHOD: ClassVar[str] = "noether"
    superiority: float = 0.5
    share_treated: float = 0.5

    def faults(self) -> list[str]:
        return [
            *inside("superiority", self.superiority, 0, 1, True),
            *inside("share_treated", self.share_treated, 0, 1),
        ]

    def furthest(self, up: bool) -> float:
        return 1.0 if up else 0.0

    def chance(self, n: int, alpha: float, alternative: str) -> float:
        c = split(n, self.share_treated)[0] / n
        return normal_chance((self.superiority - 0.5) * math.sqrt(12 * c * (1 - c) * n), alpha, alternative)

    def draw(self, rng: np.random.Generator, n: int) -> tuple[np.ndarray, np.ndarray]:
        m, k = split(n, self.share_treated)
        shift = math.sqrt(2) * stats.norm.ppf(min(max(self.superiority, 1e-9), 1 - 1e-9))
        return rng.normal(shift, 1.0, m), rng.normal(0.0, 1.0, k)

    def p_value(self, data: tuple[np.ndarray, np.ndarray], alternative: str) -> float:
        return float(stats.mannwhitneyu(*data, alternative=alternative).pvalue)


@dataclass(frozen=True)
class TwoCounts(Design):
    """Rates of two groups, by the logarithm of their ratio.

    Parameters
    ----------
    ratio : float
        Treated over reference.
    rate : float
        Mean number of events per person in the reference group.
    dispersion : float
        Of people around their group: variance = mean + dispersion × mean²; 0 for Poisson counts.
    share_treated : float
    """

    EFFECT: ClassVar[str] = "ratio"
    NULL: ClassVar[float] = 1.0
    METHOD: ClassVar[str] = "log_ratio"
    ratio: float = 1.0
    rate: float = 1.0
    dispersion: float = 0.0
    share_treated: float = 0.5

    def faults(self) -> list[str]:
        return [
            *inside("ratio", self.ratio, 0, math.inf),
            *inside("rate", self.rate, 0, math.inf),
            *inside("dispersion", self.dispersion, -1e-300, math.inf),
            *inside("share_treated", self.share_treated, 0, 1),
        ]

    def furthest(self, up: bool) -> float:
        return math.inf if up else 0.0

    def chance(self, n: int, alpha: float, alternative: str) -> float:
        m, k = split(n, self.share_treated)
        variance = (1 / (self.rate * self.ratio) + self.dispersion) / m + (
            1 / self.rate + self.dispersion
        ) / k
        return normal_chance(math.log(self.ratio) / math.sqrt(variance), alpha, alternative)


@dataclass(frozen=True)
class BeforeAfterMeans(Design):
    """Means of two groups seen before and after: after only, change (difference in differences), or adjusted for before (ANCOVA).

    Parameters
    ----------
    difference : float
        Treated − reference, after.
    sd : float
        Of people at one date.
    correlation : float
        Between two dates of the same person, the same for all pairs of dates.
    dates_before, dates_after : int
        How many measures, averaged, on each side.
    analysis : {"ancova", "change", "after"}
    share_treated : float

    References
    ----------
    Frison & Pocock (1992), Statistics in Medicine 11:1685.
    """

    EFFECT: ClassVar[str] = "difference"
    LEAST: ClassVar[int] = 5
    difference: float = 0.0
    sd: float = 1.0
    correlation: float = 0.5
    dates_before: int = 1
    dates_after: int = 1
    analysis: str = "ancova"
    share_treated: float = 0.5

    def faults(self) -> list[str]:
        found = [
            *inside("difference", self.difference, -math.inf, math.inf),
            *inside("sd", self.sd, 0, math.inf),
            *inside("correlation", self.correlation, -1, 1),
            *inside("share_treated", self.share_treated, 0, 1),
        ]
        for name in ("dates_before", "dates_after"):
            value = getattr(self, name)
            if not isinstance(value, int) or isinstance(value, bool) or value < 1:
                found.append(f"{name} must be a whole number, 1 or more, but was {value!r}")
        if self.analysis not in ("ancova", "change", "after"):
            found.append(f"analysis must be one of 'ancova', 'change', 'after', but was {self.analysis!r}")
        return found

    def _variance(self) -> float:
        """Return the variance of one person's contribution (their eq. 3 to 5)."""
        r, p, q = self.correlation, self.dates_before, self.dates_after
        after, before = (1 + (q - 1) * r) / q, (1 + (p - 1) * r) / p
        if self.analysis == "after":
            return self.sd**2 * after
        if self.analysis == "change":
            return self.sd**2 * (after + before - 2 * r)
        return self.sd**2 * (after - r**2 / before)

    def chance(self, n: int, alpha: float, alternative: str) -> float:
        m, k = split(n, self.share_treated)
        error = math.sqrt(max(self._variance(), 0.0) * (1 / m + 1 / k))
        df = n - 2 - (self.analysis == "ancova")
        ncp = self.difference / error if error > 0 else math.copysign(math.inf, self.difference or 1)
        return t_chance(ncp, df, alpha, alternative) if error > 0 or self.difference else 0.0


@dataclass(frozen=True)
class Clusters(Playable):
    """Means (or shares) of two groups of clusters, by a t test on the means of the clusters.

    Parameters
    ----------
    difference : float
        Treated − reference.
    sd : float
        Of people, clusters mixed; for a share p, √(p (1 − p)).
    icc : float
        Share of that variance that lies between clusters.
    size : float
        People per cluster, on average.
    size_cv : float
        Coefficient of variation of the sizes.
    share_treated : float
        Of the clusters.

    References
    ----------
    Donner & Klar (2000), Design and Analysis of Cluster Randomization Trials, eq. 5.1; Eldridge, Ashby & Kerry (2006),
    International Journal of Epidemiology 35:1292, eq. 5 (unequal sizes).
    """

    EFFECT: ClassVar[str] = "difference"
    COUNTED: ClassVar[str] = "clusters"
    difference: float = 0.0
    sd: float = 1.0
    icc: float = 0.05
    size: float = 20.0
    size_cv: float = 0.0
    share_treated: float = 0.5

    def faults(self) -> list[str]:
        return [
            *inside("difference", self.difference, -math.inf, math.inf),
            *inside("sd", self.sd, 0, math.inf),
            *inside("icc", self.icc, 0, 1, True),
            *inside("size", self.size, 1, math.inf, True),
            *inside("size_cv", self.size_cv, 0, math.inf, True),
            *inside("share_treated", self.share_treated, 0, 1),
        ]

    @property
    def design_effect(self) -> float:
        """By how much clusters inflate the variance."""
        return 1 + ((1 + self.size_cv**2) * self.size - 1) * self.icc

    def chance(self, n: int, alpha: float, alternative: str) -> float:
        m, k = split(n, self.share_treated)
        error = self.sd * math.sqrt(self.design_effect / self.size * (1 / m + 1 / k))
        return t_chance(self.difference / error, n - 2, alpha, alternative)

    def draw(self, rng: np.random.Generator, n: int) -> tuple[np.ndarray, np.ndarray]:
        m, k = split(n, self.share_treated)
        sizes = np.maximum(1, np.round(rng.normal(self.size, self.size_cv * self.size, n)))
        spread = self.sd * np.sqrt(self.icc + (1 - self.icc) / sizes)
        means = rng.normal(0.0, spread)
        means[:m] += self.difference
        return means[:m], means[m:]

    def p_value(self, data: tuple[np.ndarray, np.ndarray], alternative: str) -> float:
        if sum(map(len, data)) < 3:
            return math.nan
        return float(stats.ttest_ind(*data, alternative=alternative).pvalue)
