"""The permutation test of paired differences (signs exchanged within each person), and the median with its sign-test interval.

Not rank statistics, but the same laws of signs: a person's two answers could as well have come in the other order.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from evalkit.numerics.arguments import generator
from evalkit.numerics.ranks.laws import Law, sign_law, sign_work, whole
from evalkit.numerics.ranks.order import Shift, counted

#: Signs drawn when they can be neither counted nor enumerated.
DRAWS = 19_999
#: Differences that are enumerated whatever their values: 2^20 arrangements.
ENUMERATED = 20
#: Additions, and values of the sum, that counting may take.
_WORK, _WIDTH = 300_000_000, 5_000_000
#: Signs held at a time.
_BLOCK = 4_000_000


@dataclass(frozen=True)
class SignFlip:
    """The permutation test of the sum of paired differences.

    Parameters
    ----------
    n_changed : int
        Differences that are not zero; the others have no sign to exchange.
    p_value : float
        1 when nobody changed. Never 0.
    p_floor : float
        Least p that so many differences, or draws, can give.
    method : {"exact", "drawn"}
    draws : int
        Arrangements drawn; 0 when all were counted.
    """

    n_changed: int
    p_value: float
    p_floor: float
    method: str
    draws: int


def sign_flip(differences: np.ndarray, alternative: str = "two-sided", seed: int = 1) -> SignFlip:
    """Test that each person's difference could as well have had the other sign, by the sum of the differences.

    Exact by counting when the differences are whole numbers of a common unit (points, tenths), by enumeration up to 20 that are not
    zero; otherwise 19 999 arrangements are drawn and p = (b + 1) / (draws + 1).

    Parameters
    ----------
    differences : float array, shape (n,)
        Finite.
    alternative : {"two-sided", "greater", "less"}
        "greater": the sum is above 0.
    seed : int
        Of the draws, if any.

    Returns
    -------
    SignFlip

    References
    ----------
    Fisher (1935), The Design of Experiments, §21. Pagano & Tritchler (1983), JASA 78:435. Phipson & Smyth (2010), Statistical
    Applications in Genetics and Molecular Biology 9:39 (the + 1).

    Examples
    --------
    >>> found = sign_flip(np.array([3.0, 1.0, 2.0, 0.0, -1.0]))
    >>> found.p_value, found.p_floor, found.method
    (0.375, 0.125, 'exact')
    """
    d = np.asarray(differences, dtype=float)
    d = d[d != 0]
    if len(d) == 0:
        return SignFlip(0, 1.0, 1.0, "exact", 0)
    law, seen = _law(d)
    if law is not None:
        return SignFlip(len(d), law.p_value(seen, alternative), law.floor(alternative), "exact", 0)
    if len(d) <= ENUMERATED:
        sums = np.zeros(1)
        for size in np.abs(d):
            sums = np.concatenate([sums - size, sums + size])
        floor = (2.0 if alternative == "two-sided" else 1.0) / len(sums)
        return SignFlip(len(d), float(_extreme(sums, d, alternative).mean()), floor, "exact", 0)
    rng = generator(seed)
    extreme, left = 0, DRAWS
    while left:
        now = min(left, max(1, _BLOCK // len(d)))
        sums = (2.0 * rng.integers(0, 2, size=(now, len(d))) - 1.0) @ np.abs(d)
        extreme += int(_extreme(sums, d, alternative).sum())
        left -= now
    return SignFlip(len(d), (extreme + 1) / (DRAWS + 1), 1 / (DRAWS + 1), "drawn", DRAWS)


def _law(d: np.ndarray) -> tuple[Law | None, int]:
    """Return the law of the sum of the positive differences, in units, and its value; None when there is no unit."""
    found = whole(d)
    if found is None:
        return None, 0
    units = found[0]
    sizes = np.abs(units)
    if sign_work(sizes) > _WORK or sizes.sum() > _WIDTH:
        return None, 0
    return sign_law(sizes), int(units[units > 0].sum())


def _extreme(sums: np.ndarray, d: np.ndarray, alternative: str) -> np.ndarray:
    # Sums of the same numbers in another order differ in their last digits: they count as equal.
    slack = 1e-10 * np.abs(d).sum()
    if alternative == "two-sided":
        return np.abs(sums) >= abs(d.sum()) - slack
    return sums >= d.sum() - slack if alternative == "greater" else sums <= d.sum() + slack


def sign_median(differences: np.ndarray, conf_level: float = 0.95) -> Shift:
    """Return the median difference with the interval of the sign test: two of the differences themselves.

    Parameters
    ----------
    differences : float array, shape (n,)
        Finite; zeros count like any other.
    conf_level : float

    Returns
    -------
    Shift
        With ties the closed interval covers at least as often as `level_achieved` says.

    References
    ----------
    Thompson (1936), Annals of Mathematical Statistics 7:122. Hollander & Wolfe (1999), Nonparametric Statistical Methods, §3.4-3.6.

    Examples
    --------
    >>> found = sign_median(np.arange(1.0, 11.0))
    >>> found.estimate, found.conf_low, found.conf_high, round(found.level_achieved, 4)
    (5.5, 2.0, 9.0, 0.9785)
    """
    from scipy import stats

    ordered = np.sort(np.asarray(differences, dtype=float)) + 0.0
    n = len(ordered)
    k, achieved = counted(stats.binom.cdf(np.arange(n + 1), n, 0.5), conf_level)
    low, high = (ordered[k - 1], ordered[n - k]) if achieved > 0 else (math.nan, math.nan)
    return Shift(float(np.median(ordered)), float(low), float(high), conf_level, achieved, "exact")
