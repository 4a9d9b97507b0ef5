"""Precision of what is made of sums over a sample drawn with weights, by clusters and strata: linearised variances.

Not for weights that make groups alike: their variance is another.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from scipy import special, stats

from evalkit.numerics.tails import positive


@dataclass(frozen=True, eq=False)
class Design:
    """How n people were drawn.

    Parameters
    ----------
    weights : float array, shape (n,)
        How many people each stands for, above 0.
    cluster : int array, shape (n,), optional
        Clusters drawn at the first stage; without, people.
    strata : int array, shape (n,), optional

    Examples
    --------
    >>> design = Design(np.array([1.0, 2.0, 2.0]))
    >>> design.df, round(design.effective_n, 3)
    (2, 2.778)
    """

    weights: np.ndarray
    cluster: np.ndarray | None = None
    strata: np.ndarray | None = None

    @property
    def units(self) -> np.ndarray:
        """Return the code of the cluster (or person) of everybody."""
        return np.arange(len(self.weights)) if self.cluster is None else self.cluster

    @property
    def df(self) -> int:
        """Clusters less strata."""
        return self.df_of(np.ones(len(self.weights), dtype=bool))

    def df_of(self, kept: np.ndarray) -> int:
        """Return clusters less strata, among some people."""
        strata = 1 if self.strata is None else len(np.unique(self.strata[kept]))
        return len(np.unique(self.units[kept])) - strata

    @property
    def effective_n(self) -> float:
        """Kish's effective sample size, (Σw)² / Σw²."""
        return kish(self.weights)

    def covariance(self, moved: np.ndarray) -> np.ndarray:
        """Return the covariance of sums over the sample, clusters taken as drawn with replacement within strata.

        Parameters
        ----------
        moved : float array, shape (n, k)
            What each person adds to each sum, weight included.

        Returns
        -------
        float array, shape (k, k)
            nan when a stratum has a single cluster.

        References
        ----------
        Binder (1983), International Statistical Review 51:279; as R's ``survey::svyrecvar`` without finite populations.

        Examples
        --------
        >>> Design(np.ones(3)).covariance(np.array([[1.0], [2.0], [4.0]])).round(3).tolist()
        [[7.0]]
        """
        codes, first = np.unique(self.units, return_index=True)
        place = np.searchsorted(codes, self.units)
        sums = np.zeros((len(codes), moved.shape[1]))
        np.add.at(sums, place, moved)
        stratum = np.zeros(len(codes), dtype=int) if self.strata is None else self.strata[first]
        out = np.zeros((moved.shape[1], moved.shape[1]))
        for code in np.unique(stratum):
            own = sums[stratum == code]
            if len(own) < 2:
                return np.full_like(out, math.nan)
            own = own - own.mean(axis=0)
            out += len(own) / (len(own) - 1) * own.T @ own
        return out


def kish(weights: np.ndarray) -> float:
    """Return how many people of equal weight are as precise, (Σw)² / Σw².

    References
    ----------
    Kish (1965), Survey Sampling, section 11.7.

    Examples
    --------
    >>> kish(np.array([1.0, 1.0, 2.0]))
    2.6666666666666665
    """
    return float(weights.sum() ** 2 / (weights**2).sum())


@dataclass(frozen=True, eq=False)
class Ratios:
    """Ratios of weighted sums (means, shares, rates) in the reference group and in the other.

    Parameters
    ----------
    values : float array, shape (2,)
    covariance : float array, shape (2, 2)
    """

    values: np.ndarray
    covariance: np.ndarray

    def error(self, slope: tuple[float, float]) -> float:
        """Return the standard error of a function of both with this slope."""
        way = np.asarray(slope)
        return math.sqrt(max(float(way @ self.covariance @ way), 0.0))


def two_ratios(design: Design, treated: np.ndarray, above: np.ndarray, below: np.ndarray) -> Ratios:
    """Return Σw·above / Σw·below in each group (below = 1: weighted means), with their covariance.

    Parameters
    ----------
    design : Design
    treated : bool array, shape (n,)
    above, below : float array, shape (n,)

    Returns
    -------
    Ratios

    Examples
    --------
    >>> made = two_ratios(Design(np.ones(4)), np.array([0, 0, 1, 1], dtype=bool), np.array([1.0, 3, 4, 8]), np.ones(4))
    >>> made.values.tolist()
    [2.0, 6.0]
    """
    w = design.weights
    values, moved = [], []
    for mine in (~treated, treated):
        total = float((w * below)[mine].sum())
        value = float((w * above)[mine].sum()) / total
        values.append(value)
        moved.append(w * mine * (above - value * below) / total)
    return Ratios(np.array(values), design.covariance(np.column_stack(moved)))


def wald_f(design: Design, treated: np.ndarray, values: np.ndarray) -> tuple[float, float, float, float]:
    """Test that no weighted mean of several differs between the groups.

    Parameters
    ----------
    design : Design
    treated : bool array, shape (n,)
    values : float array, shape (n, k)
        Of categories: all but one.

    Returns
    -------
    statistic, df_above, df_below, p_value : float
        Hotelling's F with clusters − strata − 1 in the place of n − 1; nan when the clusters are too few for it.

    References
    ----------
    Thomas & Rao (1987), Journal of the American Statistical Association 82:630: the adjusted Wald test.

    Examples
    --------
    >>> y = np.array([[1.0], [3], [2], [4], [8], [9]])
    >>> [round(v, 3) for v in wald_f(Design(np.ones(6)), np.arange(6) > 2, y)]
    [11.719, 1, 4, 0.027]
    """
    w, k = design.weights, values.shape[1]
    means, moved = [], []
    for mine in (~treated, treated):
        means.append((w * mine) @ values / (w @ mine))
        moved.append((w * mine / (w @ mine))[:, None] * (values - means[-1]))
    gap, covariance = means[1] - means[0], design.covariance(moved[1] - moved[0])
    below = design.df - k
    if below < 1 or np.linalg.matrix_rank(covariance) < k:
        return math.nan, float(k), float(below), math.nan
    f = float(gap @ np.linalg.solve(covariance, gap)) * below / (k * (design.df - 1))
    return f, k, below, positive(stats.f.sf(f, k, below))


def logit_interval(
    share: float, std_error: float, df: float, conf_level: float = 0.95
) -> tuple[float, float]:
    """Return the interval of a share on the logit scale, with Student's law.

    References
    ----------
    As R's ``survey::svyciprop(method = "logit")``.

    Examples
    --------
    >>> [round(v, 3) for v in logit_interval(0.2, 0.05, 50)]
    [0.118, 0.319]
    """
    half = float(stats.t.isf((1 - conf_level) / 2, df)) * std_error / (share * (1 - share))
    centre = math.log(share / (1 - share))
    return float(special.expit(centre - half)), float(special.expit(centre + half))


def korn_graubard(
    share: float, std_error: float, n: int, df: float, conf_level: float = 0.95
) -> tuple[float, float]:
    """Return Korn and Graubard's interval of a share: Clopper and Pearson's at the effective sample size.

    References
    ----------
    Korn & Graubard (1998), Survey Methodology 24:193; as R's ``survey::svyciprop(method = "beta")``.

    Examples
    --------
    >>> [round(v, 3) for v in korn_graubard(0.2, 0.05, 80, 79)]
    [0.11, 0.319]
    """
    tail = (1 - conf_level) / 2
    n_eff = share * (1 - share) / std_error**2 * (stats.t.ppf(tail, n - 1) / stats.t.ppf(tail, df)) ** 2
    low = stats.beta.ppf(tail, n_eff * share, n_eff * (1 - share) + 1)
    high = stats.beta.isf(tail, n_eff * share + 1, n_eff * (1 - share))
    return float(low), float(high)


def rank_scores(values: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Return each person's place in the weighted order, from 0 to 1, those alike in the middle of theirs.

    References
    ----------
    Lumley & Scott (2013), Biometrika 100:831.

    Examples
    --------
    >>> rank_scores(np.array([5.0, 1.0, 5.0]), np.array([1.0, 2.0, 1.0])).tolist()
    [0.75, 0.25, 0.75]
    """
    _, place = np.unique(values, return_inverse=True)
    mass = np.bincount(place, weights=weights)
    return ((mass.cumsum() - mass / 2) / mass.sum())[place]


def student_p(t: float, df: float, alternative: str = "two-sided") -> float:
    """Return the p-value of a statistic from Student's law, never 0.

    Examples
    --------
    >>> round(student_p(2.0, 20), 4), round(student_p(2.0, 20, "less"), 4)
    (0.0593, 0.9704)
    """
    if alternative == "two-sided":
        return positive(2 * stats.t.sf(abs(t), df))
    return positive(stats.t.sf(t if alternative == "greater" else -t, df))
