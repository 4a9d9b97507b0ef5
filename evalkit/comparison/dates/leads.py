"""The difference between two groups date by date: was it moving before, and how much of that would overturn the answer.

Not a proof of parallel trends: what would have happened after is seen by nobody.
"""

from __future__ import annotations

import math
import warnings
from dataclasses import dataclass
from numbers import Real
from typing import Any

import numpy as np
import pandas as pd
from scipy import optimize, stats

from evalkit.comparison.core.rows import missing_row, row
from evalkit.comparison.dates.sampling import Sample, written
from evalkit.comparison.dates.student import Asked
from evalkit.comparison.dates.twofold import method_of, told, why
from evalkit.numerics.clustered import Contrast, LeastSquares, least_squares
from evalkit.wording import message

_DRAWS = 20_000
#: Power at which a pre-trend counts as one that would have been seen.
_POWER = 0.8


@dataclass(frozen=True, eq=False)
class Profile:
    """The model with one difference per date, the last before being the one compared with.

    Parameters
    ----------
    fit : LeastSquares
    sample : Sample
    """

    fit: LeastSquares
    sample: Sample

    @property
    def reference(self) -> int:
        """Number of the date compared with."""
        return self.sample.first_after - 1

    @property
    def others(self) -> list[int]:
        """Numbers of the other dates, in order."""
        return [k for k in range(len(self.sample.dates)) if k != self.reference]

    def weights(self, by_date: np.ndarray) -> np.ndarray:
        """Return the weights of the coefficients that sum differences by date, shape (dates,); the reference counts for 0."""
        out = np.zeros(len(self.fit.coef))
        out[-len(self.others) :] = by_date[self.others]
        return out


def profile(sample: Sample) -> Profile | None:
    """Return the model, None when some group is not there at some date."""
    dates = len(sample.dates)
    for treated in (False, True):
        if len(np.unique(sample.date[sample.treated == treated])) < dates:
            return None
    dummies = np.equal.outer(sample.date, np.arange(dates)).astype(float)
    others = [k for k in range(dates) if k != sample.first_after - 1]
    treated = sample.treated.astype(float)
    x = np.column_stack([dummies, treated, treated[:, None] * dummies[:, others]])
    cluster = sample.unit if sample.cluster is None else sample.cluster
    return Profile(least_squares(sample.y, x, sample.weight, cluster), sample)


def profile_rows(sample: Sample, part: str, asked: Asked, seed: np.random.Generator) -> list[dict]:
    """Return all that is read date by date, or why nothing is."""
    model = profile(sample)
    if model is None:
        return [missing_row("effect_at", part, "", len(sample), message("comparison_dates.absent_date"))]
    return date_rows(model, part, asked, seed) + trend_rows(model, part, asked)


def date_rows(model: Profile, part: str, asked: Asked, seed: np.random.Generator) -> list[dict]:
    """Return the difference at each date from that at the last before: pointwise intervals, then a simultaneous band."""
    sample, method = model.sample, _named(model.sample)
    found = {k: model.fit.contrast(model.weights(_unit(model, k))) for k in model.others}
    rows = []
    for k, contrast in found.items():
        rows += [
            r | {"time": written(sample.dates[k])}
            for r in told("effect_at", part, method, contrast, _size(sample, k), asked)
        ]
    if all(contrast.reason is None for contrast in found.values()):
        reach = _band(model, min(c.df for c in found.values()), asked.conf_level, seed)
        rows += [
            row(
                "effect_at", part, "simultaneous", estimate=c.estimate, conf_low=c.estimate - reach * c.std_error,
                conf_high=c.estimate + reach * c.std_error, conf_level=asked.conf_level, n=_size(sample, k),
                time=written(sample.dates[k]),
            )
            for k, c in found.items()
        ]  # fmt: skip
    return rows


def trend_rows(model: Profile, part: str, asked: Asked) -> list[dict]:
    """Return the joint test of the dates before, the least trend it would see, and what follows if a trend went on."""
    sample, method = model.sample, _named(model.sample)
    n = len(np.unique(sample.unit)) if sample.unit is not None else len(sample)
    after = np.arange(len(sample.dates)) >= sample.first_after
    mean = model.fit.contrast(model.weights(after / after.sum()))
    rows = told("average_effect", part, method, mean, n, asked)
    rows += violation_rows(model, mean, part, n, asked)
    if model.reference == 0:
        return rows
    before = [k for k in model.others if not after[k]]
    wald = model.fit.wald([model.weights(_unit(model, k)) for k in before])
    if wald.reason is not None:
        reason = message(f"comparison_dates.{why(wald.reason, method)}")
        rows.append(missing_row("pretrend_test", part, "htz", n, reason))
    else:
        rows.append(
            row("pretrend_test", part, "htz", statistic=wald.statistic, df=wald.df_den, p_value=wald.p_value,
                count=len(before), n=n)
        )  # fmt: skip
        least = least_trend(model, before, wald.df_num, wald.df_den, 1 - asked.conf_level)
        rows.append(
            missing_row("least_pretrend_seen", part, "htz", n, message("comparison_dates.no_power"))
            if math.isnan(least)
            else row("least_pretrend_seen", part, "htz", estimate=least, n=n)
        )
    weights = model.weights(linear_extrapolation(places(sample.dates), sample.first_after))
    trend = model.fit.contrast(weights)
    return rows + told("effect_if_trend_goes_on", part, "linear_extrapolation", trend, n, asked)


def violation_rows(model: Profile, mean: Contrast, part: str, n: int, asked: Asked) -> list[dict]:
    """Return by how much the groups would have to part, from each date to the next, for the interval to reach zero.

    A divergence of at most b at each step moves the average effect by at most b times the average number of steps since the last
    date before; where there are earlier dates, b is also given as a multiple of the largest step seen among them (Rambachan & Roth
    2023, Review of Economic Studies 90:2555, relative magnitudes, that step being taken as known).
    """
    if mean.reason is not None:
        return []
    low, high = mean.interval(asked.conf_level)
    margin = max(low, -high)
    if margin <= 0:
        return [
            row(
                "violation_per_step",
                part,
                "",
                estimate=0.0,
                n=n,
                reason=message("comparison_dates.reaches_zero"),
            )
        ]
    steps = np.arange(1, len(model.sample.dates) - model.reference).mean()
    rows = [row("violation_per_step", part, "", estimate=margin / float(steps), n=n)]
    if model.reference > 0:
        path = np.append(model.fit.coef[-len(model.others) :][: model.reference], 0.0)
        largest = float(np.abs(np.diff(path)).max())
        if largest <= 1e-9 * mean.std_error:
            reason = message("comparison_dates.flat_before")
            return [*rows, missing_row("violation_over_pretrend", part, "", n, reason)]
        rows.append(row("violation_over_pretrend", part, "", estimate=margin / float(steps) / largest, n=n))
    return rows


def places(dates: tuple[Any, ...]) -> np.ndarray:
    """Return where dates stand in time: days or numbers as they are, categories one step apart.

    Examples
    --------
    >>> places((2008, 2010, 2011)).tolist(), places(("before", "after")).tolist()
    ([2008.0, 2010.0, 2011.0], [0.0, 1.0])
    """
    if all(isinstance(d, pd.Timestamp) for d in dates):
        return np.array([(d - dates[0]).days for d in dates], dtype=float)
    if all(isinstance(d, Real) for d in dates):
        return np.array(dates, dtype=float)
    return np.arange(len(dates), dtype=float)


def linear_extrapolation(place: np.ndarray, first_after: int) -> np.ndarray:
    """Return the weights by date of the mean after, less what a straight line through the dates before gives there.

    Parameters
    ----------
    place : float array, shape (dates,)
    first_after : int

    Examples
    --------
    >>> linear_extrapolation(np.arange(3.0), 2).tolist()
    [1.0, -2.0, 1.0]
    """
    before = np.arange(len(place)) < first_after
    centre, there = place[before].mean(), place[~before].mean()
    spread = ((place[before] - centre) ** 2).sum()
    line = 1 / before.sum() + (there - centre) * (place - centre) / spread
    return np.where(before, -line, 1 / (~before).sum()) + 0.0


def least_trend(model: Profile, before: list[int], q: float, df: float, alpha: float) -> float:
    """Return the steady divergence per step that the joint test would miss one time in five (Roth 2022, AER: Insights 4:305).

    Nan where the test has so few degrees of freedom that its power cannot be computed.
    """
    size = len(model.others)
    kept = [model.others.index(k) for k in before]
    covariance = model.fit.covariance[-size:, -size:][np.ix_(kept, kept)]
    line = np.array([k - model.reference for k in before], dtype=float)
    unit = float(line @ np.linalg.solve(covariance, line))
    critical = stats.f.isf(alpha, q, df)
    power = lambda shift: stats.ncf.sf(critical, q, df, shift) - _POWER
    high = 10.0
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        try:
            while power(high) < 0:
                high *= 2
            return math.sqrt(optimize.brentq(power, 1e-9, high) / unit)
        except RuntimeWarning:  # the series of the law does not arrive
            return math.nan


def _band(model: Profile, df: float, conf_level: float, generator: np.random.Generator) -> float:
    """Return how many standard errors hold all dates at once: the quantile of the largest of correlated Student variables."""
    size = len(model.others)
    covariance = model.fit.covariance[-size:, -size:]
    error = np.sqrt(np.diag(covariance))
    return largest_of(covariance / np.outer(error, error), df, conf_level, generator)


def largest_of(
    correlation: np.ndarray, df: float, conf_level: float, generator: np.random.Generator
) -> float:
    """Return the quantile of the largest |t| among correlated Student variables (Montiel Olea & Plagborg-Møller 2019).

    Parameters
    ----------
    correlation : float array, shape (m, m)
    df : float
    conf_level : float
    generator : numpy Generator
    """
    values, vectors = np.linalg.eigh(correlation)
    root = vectors * np.sqrt(np.maximum(values, 0.0))
    largest = np.abs(generator.standard_normal((_DRAWS, len(correlation))) @ root.T).max(axis=1)
    return float(np.quantile(largest / np.sqrt(generator.chisquare(df, _DRAWS) / df), conf_level))


def _unit(model: Profile, date: int) -> np.ndarray:
    return np.eye(len(model.sample.dates))[date]


def _named(sample: Sample) -> str:
    method = method_of(sample)
    return "hc2" if method == "welch" else method


def _size(sample: Sample, date: int) -> int:
    return int((sample.date == date).sum())
