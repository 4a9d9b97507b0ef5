"""Tails of a law on whole numbers, as exact tests use them: one side or two, whole or mid-p, never 0.

Not a place for tests: each hall computes its own statistic.
"""

from __future__ import annotations

import sys

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
