"""Rows that say what is certain without knowing the lost: Manski's bounds, and Lee's between two arms.

Not estimates: the truth may lie anywhere between the bounds.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from evalkit.comparison.core.rows import missing_row, row
from evalkit.comparison.missingness.intervals import imbens_manski, spread
from evalkit.comparison.missingness.people import People
from evalkit.wording import Message, message

LOWEST, HIGHEST = "lowest", "highest"


@dataclass(frozen=True)
class Bounds:
    """Two bounds and the variances of their estimates.

    Parameters
    ----------
    low, high : float
    variance_low, variance_high : float
        nan when they cannot be estimated.
    """

    low: float
    high: float
    variance_low: float
    variance_high: float


def manski(people: People, conf_level: float) -> list[dict]:
    """Return the bounds when every lost person has the least, then the greatest value of the scale.

    References
    ----------
    Manski (1989), Journal of Human Resources 24:343; Horowitz & Manski (2000), Journal of the American Statistical Association 95:77.
    Interval of the parameter: Imbens & Manski (2004), Econometrica 72:1845.
    """
    stop = message("comparison_missingness.no_scale") if people.scale is None else None
    groups, rows = [], []
    for name, own in people.groups():
        n = int(own.sum())
        if stop:
            rows += _refused(people.term, name, "manski", n, stop)
            continue
        low, high = (people.filled(value)[own] for value in people.scale)
        groups.append(Bounds(float(low.mean()), float(high.mean()), spread(low), spread(high)))
        rows += _pair(people.term, name, "manski", groups[-1], n, conf_level, people.limits)
    for name, one, other in people.contrasts():
        n = int(((people.arm == one) | (people.arm == other)).sum())
        if stop:
            rows += _refused(people.contrast_term, name, "manski", n, stop)
            continue
        a, b = groups[one], groups[other]
        apart = Bounds(
            a.low - b.high,
            a.high - b.low,
            a.variance_low + b.variance_high,
            a.variance_high + b.variance_low,
        )
        rows += _pair(people.contrast_term, name, "manski", apart, n, conf_level, people.contrast_limits)
    return rows


def lee(people: People, conf_level: float) -> list[dict]:
    """Return Lee's bounds of each difference between arms, about those who would be seen in either arm."""
    rows = []
    limits = people.contrast_limits
    for name, one, other in people.contrasts():
        responses, sizes = [], []
        for place in (one, other):
            own = people.arm == place
            responses.append(people.response[own & people.seen])
            sizes.append(int(own.sum()))
        n = len(responses[0]) + len(responses[1])
        if not (len(responses[0]) and len(responses[1])):
            why = message("comparison_missingness.arm_unseen")
            rows += _refused(people.contrast_term, name, "lee", n, why)
            continue
        found = lee_bounds_of(responses[0], sizes[0], responses[1], sizes[1])
        share = trimmed_share(len(responses[0]), sizes[0], len(responses[1]), sizes[1])
        told = message("comparison_missingness.lee_none")
        if share:
            longest = people.levels[one if share > 0 else other]
            told = message("comparison_missingness.lee_trimmed", group=longest, share=abs(share))
        rows += _pair(people.contrast_term, name, "lee", found, n, conf_level, limits, told, "always_seen")
    return rows


def trimmed_share(seen_one: int, n_one: int, seen_other: int, n_other: int) -> float:
    """Return which share of the seen is trimmed: above 0 in the first group, below 0 in the other, 0 nowhere.

    Examples
    --------
    >>> trimmed_share(80, 100, 60, 100), trimmed_share(60, 100, 80, 100)
    (0.25, -0.25)
    """
    more = seen_one * n_other - seen_other * n_one
    if more == 0:
        return 0.0
    return more / (seen_one * n_other) if more > 0 else more / (seen_other * n_one)


def lee_bounds_of(one: np.ndarray, n_one: int, other: np.ndarray, n_other: int) -> Bounds:
    """Return Lee's bounds of the mean of `one` less that of `other`.

    Parameters
    ----------
    one, other : float array
        Responses of those seen, at least one each.
    n_one, n_other : int
        Numbers of people, the lost included.

    Returns
    -------
    Bounds

    Notes
    -----
    Lee (2009), Review of Economic Studies 76:1071, proposition 1a (bounds), 2 and 3 (variance). The group with the larger share
    seen keeps exactly the share of the other: whole people from one end, and of the next person the fraction that is left. So
    people with tied values count alike, and 0/1 answers need no rule of their own. With equal shares nothing is trimmed, and the
    variance is that of the complete cases.

    Examples
    --------
    >>> found = lee_bounds_of(np.arange(1.0, 9.0), 8, np.array([1.0, 2.0, 3.0]), 4)
    >>> found.low, found.high
    (1.5, 3.5)
    """
    share = trimmed_share(len(one), n_one, len(other), n_other)
    if share < 0:
        turned = lee_bounds_of(other, n_other, one, n_one)
        return Bounds(-turned.high, -turned.low, turned.variance_high, turned.variance_low)
    centre, rest = float(other.mean()), spread(other)
    if share == 0:
        same, variance = float(one.mean()) - centre, spread(one) + rest
        return Bounds(same, same, variance, variance)
    # In whole numbers, so that no rounding decides whether somebody is kept.
    whole, part = divmod(n_one * len(other), n_other)
    moved = (1 - len(one) / n_one) / len(one) + (1 - len(other) / n_other) / len(other)
    ends = []
    for sign in (1.0, -1.0):
        mean, variance = _kept(np.sort(sign * one), whole, part / n_other, share, moved)
        ends.append((sign * mean - centre, variance + rest))
    (low, variance_low), (high, variance_high) = ends
    return Bounds(low, high, variance_low, variance_high)


def _kept(ordered: np.ndarray, whole: int, part: float, share: float, moved: float) -> tuple[float, float]:
    """Return the mean of the lowest so many values, and its variance, the trimmed share being estimated too (Lee, proposition 3)."""
    weight = np.zeros(len(ordered))
    weight[:whole] = 1.0
    if part:
        weight[whole] = part
    kept = whole + part
    mean = float(weight @ ordered / kept)
    if kept <= 1:
        return mean, math.nan
    within = float(weight @ (ordered - mean) ** 2 / (kept - 1))
    edge = float(ordered[whole if part else whole - 1]) - mean
    return mean, within / kept + edge**2 * share / kept + edge**2 * moved


def _pair(
    term: str,
    group: str,
    method: str,
    found: Bounds,
    n: int,
    conf_level: float,
    limits: tuple[float, float],
    told: Message | None = None,
    part: str = "everyone",
) -> list[dict]:
    """Return the rows of a lower and an upper bound; both carry the interval that holds the truth."""
    errors = math.sqrt(found.variance_low), math.sqrt(found.variance_high)
    why = _no_interval(found, errors, limits)
    low = high = math.nan
    if why is None and max(errors) == 0:
        low, high = limits
    elif why is None:
        low, high = imbens_manski(found.low, found.high, *errors, conf_level)
        low, high = max(low, limits[0]), min(high, limits[1])
    return [
        row(
            term, f"{part}_{end}", method, group=group, estimate=value, std_error=error if error > 0 else math.nan,
            conf_low=low, conf_high=high, conf_level=math.nan if why else conf_level, n=n, reason=why or told,
        )
        for end, value, error in ((LOWEST, found.low, errors[0]), (HIGHEST, found.high, errors[1]))
    ]  # fmt: skip


def _no_interval(found: Bounds, errors: tuple[float, float], limits: tuple[float, float]) -> Message | None:
    """Return why there are bounds but no interval, or None. A bound at the end of the scale needs no standard error."""
    if not all(math.isfinite(error) for error in errors):
        return message("comparison_missingness.bounds_one")
    at_end = found.low <= limits[0], found.high >= limits[1]
    if any(error == 0 and not end for error, end in zip(errors, at_end, strict=True)):
        return message("comparison_missingness.bounds_alike")
    return None


def _refused(term: str, group: str, method: str, n: int, why: Message) -> list[dict]:
    part = "always_seen" if method == "lee" else "everyone"
    return [
        missing_row(term, f"{part}_{end}", method, n, why) | {"group": group} for end in (LOWEST, HIGHEST)
    ]
