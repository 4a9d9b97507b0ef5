"""Tails of a law on whole numbers, as exact tests use them: one side or two, whole or mid-p, never 0.

Not a place for tests: each hall computes its own statistic.
"""

from __future__ import annotations

import sys

import numpy as np

#: A probability smaller than a float can hold is given as the smallest float, which is an upper bound: never as 0.
SMALLEST = sys.float_info.min


def positive(p: float) -> float:
    """Return a probability as a float that is not 0, and not above 1 by rounding.

    Examples
    --------
    >>> positive(0.0) > 0, positive(1.0000000000000002)
    (True, 1.0)
    """
    return min(max(float(p), SMALLEST), 1.0)


def from_tails(at_most: float, at_least: float, point: float, alternative: str, mid_p: bool = False) -> float:
    """Return the p-value of a whole number, given the chances of at most, at least, and exactly what was seen.

    Two-sided: twice the smaller tail, as intervals with equal tails have it, so that test and interval agree.

    Parameters
    ----------
    at_most, at_least, point : float
    alternative : {"two-sided", "greater", "less"}
    mid_p : bool
        Count what was seen for half.

    Returns
    -------
    float
        In (0, 1].

    Examples
    --------
    >>> from_tails(0.9, 0.2, 0.1, "two-sided"), from_tails(0.9, 0.2, 0.1, "greater", mid_p=True)
    (0.4, 0.15000000000000002)
    """
    half = point / 2 if mid_p else 0.0
    below, above = at_most - half, at_least - half
    if alternative == "two-sided":
        return positive(2 * min(below, above))
    return positive(above if alternative == "greater" else below)


def log_chances(steps: np.ndarray) -> np.ndarray:
    """Return the logarithms of the chances of 0, 1, …, given the falling logarithms of each chance over the one before.

    SciPy's binomial and hypergeometric laws take minutes for all values of a hundred thousand people; a sum does not. It runs
    outwards from the likeliest value, so that what is likely is not rounded.

    Examples
    --------
    >>> np.exp(log_chances(np.log([3.0, 1.0, 1 / 3]))).round(3).tolist()
    [0.125, 0.375, 0.375, 0.125]
    """
    top = int(np.count_nonzero(steps > 0))
    out = np.concatenate([-np.cumsum(steps[:top][::-1])[::-1], [0.0], np.cumsum(steps[top:])])
    return out - np.log(np.exp(out).sum())
