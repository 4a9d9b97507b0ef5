"""Durations of the language in the form the engines read.

Not a draw: the sampler reads them.
"""

from __future__ import annotations

import numpy as np

from evalkit.simulation.language.durations import Duration
from evalkit.simulation.luck.sampler import (
    CONSTANT,
    EXPONENTIAL,
    LOGNORMAL,
    WEIBULL,
    Distribution,
    log,
)


def distribution(given: Duration) -> Distribution:
    """Return a duration in the form both engines read; gamma, empirical and fitted ones are frozen as cumulative-hazard tables."""
    if given.family == "constant":
        return Distribution(CONSTANT, float(given.value or 0.0))
    if given.family == "exponential":
        return Distribution(EXPONENTIAL, float(given.mean or 0.0))
    if given.family == "weibull":
        return Distribution(WEIBULL, float(given.scale or 0.0), 1.0 / float(given.shape or 1.0))
    if given.family == "lognormal":
        return Distribution(LOGNORMAL, log(float(given.median or 1.0)), float(given.sigma or 0.0))
    if given.family == "gamma":
        return _gamma(float(given.mean or 1.0), float(given.shape or 1.0))
    if given.family == "fitted":
        return _fitted(given)
    if given.family == "uniform":
        return _quantiles(np.array([given.low, given.high], dtype=float))
    return _quantiles(np.sort(np.array(given.values, dtype=float)))


def _gamma(mean: float, shape: float) -> Distribution:
    from scipy import stats

    hazard = np.concatenate([np.geomspace(1e-6, 1.0, 192), np.linspace(1.0, 40.0, 313)[1:]])
    days = stats.gamma.isf(np.exp(-hazard), shape, scale=mean / shape)
    hazard, days = np.insert(hazard, 0, 0.0), np.insert(days, 0, 0.0)
    return Distribution.table(hazard, days, mean / shape)


def _quantiles(values: np.ndarray) -> Distribution:
    """Return the distribution whose quantile function joins the sorted values by straight lines, on a fine hazard grid."""
    p = np.unique(
        np.concatenate([np.linspace(0.0, 1.0, 513)[:-1], np.arange(len(values) - 1) / (len(values) - 1)])
    )
    p = np.concatenate([p, 1.0 - 2.0 ** -np.arange(10, 50)])
    days = np.interp(p, np.arange(len(values)) / (len(values) - 1), values)
    return Distribution.table(-np.log1p(-p), days, 0.0)


def _fitted(given: Duration) -> Distribution:
    """Return the law of a curve: on each of its days the share that leaves, and by which cause."""
    curves = np.array(list((given.incidence or {}).values()), dtype=float)
    gone = curves.sum(axis=0)
    # Whoever is certain to have left has an infinite hazard; a draw never reaches 700.
    hazard = -np.log1p(-np.minimum(gone, 1.0 - 1e-16))
    hazard[gone >= 1.0 - 1e-12] = 700.0
    steps = np.diff(curves, axis=1, prepend=0.0)
    leaves = steps.sum(axis=0) > 0
    causes = np.cumsum(steps[:, leaves], axis=0) / steps[:, leaves].sum(axis=0)
    causes[-1] = 1.0
    return Distribution.steps(
        hazard[leaves], np.array(given.days)[leaves], causes.T, float((given.days or (0,))[-1])
    )


def as_table(of: Distribution) -> Distribution:
    """Return a log-normal duration as a table of cumulative hazard, whose hazard by a given time can be told too."""
    if of.family != LOGNORMAL:
        return of
    hazard = np.concatenate([np.geomspace(1e-6, 1.0, 192), np.linspace(1.0, 40.0, 313)[1:]])
    days = np.array([of.days_at(float(e)) for e in hazard])
    hazard, days = np.insert(hazard, 0, 0.0), np.insert(days, 0, 0.0)
    return Distribution.table(hazard, days, float((days[-1] - days[-2]) / (hazard[-1] - hazard[-2])))
