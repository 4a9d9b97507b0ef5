"""Where single plays lie: quantiles with order-statistic intervals, and shares of plays with exact ones.

Not the error of a mean: more plays do not bring quantiles closer together, they only place them better.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np
import pandas as pd

from evalkit.errors import InputError
from evalkit.simulation.experiments.precision import check_level
from evalkit.wording import fault, message


def quantiles(values: np.ndarray, at: Sequence[float], conf_level: float) -> pd.DataFrame:
    """Return quantiles of plays with intervals that assume nothing about their law.

    Parameters
    ----------
    values : array of shape (plays,)
        Missing ones are left out.
    at : sequence of float
        Between 0 and 1.
    conf_level : float

    Returns
    -------
    DataFrame
        quantile, estimate, conf_low, conf_high (two of the plays, ranked), conf_level (at least), n, status, reason. With too few
        plays for an interval the estimate stands alone.

    Notes
    -----
    Ranks l < u with P(l <= B < u) at least the level, B binomial (n, quantile), the tails cut apart: David and Nagaraja (2003),
    Order Statistics, 3rd ed., section 7.1. The estimate is Hyndman and Fan's definition 8 (1996).

    Examples
    --------
    >>> quantiles(np.arange(1.0, 101.0), [0.5], 0.95)[["conf_low", "conf_high"]].values.tolist()
    [[40.0, 61.0]]
    """
    from scipy import stats

    check_level(conf_level)
    if not isinstance(at, Iterable) or isinstance(at, str):
        raise InputError(fault("simulation_experiments.quantile", value=str(at)))
    known = np.sort(values[np.isfinite(values)])
    n, tail = len(known), (1.0 - conf_level) / 2.0
    rows = []
    for p in at:
        if not isinstance(p, int | float | np.number) or not 0 < p < 1:
            raise InputError(fault("simulation_experiments.quantile", value=str(p)))
        estimate = float(np.quantile(known, p, method="median_unbiased")) if n else float("nan")
        # The largest l with P(B < l) <= tail, the smallest u with P(B >= u) <= tail.
        low, high = int(stats.binom.ppf(tail, n, p)), int(stats.binom.isf(tail, n, p)) + 1
        fits = low >= 1 and high <= n
        needed = int(np.ceil(np.log(tail) / np.log(max(p, 1.0 - p))))
        reason = "" if fits else message("simulation_experiments.few_for_quantile", n=n, needed=needed)
        ends = (float(known[low - 1]), float(known[high - 1])) if fits else (np.nan, np.nan)
        rows.append((p, estimate, *ends, conf_level, n, "ok" if fits else "not_estimable", reason))
    columns = ["quantile", "estimate", "conf_low", "conf_high", "conf_level", "n", "status", "reason"]
    return pd.DataFrame(rows, columns=columns)


def share(values: np.ndarray, above: float, conf_level: float) -> pd.DataFrame:
    """Return the share of plays whose value lies above a number, with its exact interval (Clopper and Pearson 1934).

    Examples
    --------
    >>> share(np.array([1.0, 2.0, 3.0, -1.0]), 0.0, 0.95).round(3)[["estimate", "conf_low", "conf_high"]].values.tolist()
    [[0.75, 0.194, 0.994]]
    """
    from scipy import stats

    check_level(conf_level)
    if not isinstance(above, int | float | np.number) or np.isnan(above):
        raise InputError(fault("simulation_experiments.threshold", value=str(above)))
    known = values[np.isfinite(values)]
    n, k, tail = len(known), int((known > above).sum()), (1.0 - conf_level) / 2.0
    low = float(stats.beta.ppf(tail, k, n - k + 1)) if k else 0.0
    high = float(stats.beta.isf(tail, k + 1, n - k)) if k < n else 1.0
    row = {
        "above": above, "estimate": k / n if n else np.nan, "conf_low": low if n else np.nan, "conf_high": high if n else np.nan,
        "conf_level": conf_level, "n": n, "status": "ok" if n else "not_estimable",
        "reason": "" if n else message("simulation.never_defined"),
    }  # fmt: skip
    return pd.DataFrame([row])
