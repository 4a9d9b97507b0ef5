"""Rows made of those seen alone (complete cases): right when the lost are like the seen of their group.

Not a correction.
"""

from __future__ import annotations

import math

import numpy as np

from evalkit.comparison.core.rows import missing_row, row
from evalkit.comparison.missingness.intervals import newcombe, spread, t_value, welch_df
from evalkit.comparison.missingness.people import People
from evalkit.numerics.proportions import PairedCounts, newcombe_paired, wilson
from evalkit.wording import Message, message


def complete_cases(people: People, conf_level: float) -> list[dict]:
    """Return each group's mean response among those seen, and the differences between arms.

    Shares: Wilson, and Newcombe for their difference; change of a share: Newcombe's paired interval; everything else Student and
    Welch.
    """
    responses = [people.response[own & people.seen] for _, own in people.groups()]
    rows = []
    for (name, own), values in zip(people.groups(), responses, strict=True):
        rows.append(_one(people, own & people.seen, values, conf_level) | {"group": name})
    for name, one, other in people.contrasts():
        made = _difference(people, responses[one], responses[other], conf_level)
        rows.append(made | {"group": name})
    return rows


def _one(people: People, who: np.ndarray, values: np.ndarray, conf_level: float) -> dict:
    n, method = len(values), "complete_t"
    if people.binary:
        method = "complete_wilson" if people.before is None else "complete_newcombe"
    if n == 0:
        return missing_row(people.term, "seen", method, 0, message("comparison_missingness.nobody_seen"))
    mean, variance, df = float(values.mean()), spread(values), math.nan
    if method == "complete_wilson":
        low, high = wilson(values.sum(), n, conf_level)
    elif method == "complete_newcombe":
        low, high = newcombe_paired(_pairs(people, who), conf_level)
    elif reason := without_spread(values):
        return missing_row(people.term, "seen", method, n, reason)
    else:
        df = n - 1.0
        half = t_value(df, conf_level) * math.sqrt(variance)
        low, high = mean - half, mean + half
    return row(
        people.term, "seen", method, estimate=mean, std_error=_error(variance), df=df, conf_low=low, conf_high=high,
        conf_level=conf_level, n=n,
    )  # fmt: skip


def _difference(people: People, one: np.ndarray, other: np.ndarray, conf_level: float) -> dict:
    n = len(one) + len(other)
    shares = people.binary and people.before is None
    method = "complete_newcombe" if shares else "complete_welch"
    if not len(one) or not len(other):
        reason = message("comparison_missingness.arm_unseen")
        return missing_row(people.contrast_term, "seen", method, n, reason)
    gap, df = float(one.mean() - other.mean()), math.nan
    parts = spread(one), spread(other)
    if shares:
        low, high = newcombe(one.sum(), len(one), other.sum(), len(other), conf_level)
    elif reason := without_spread(one, other):
        return missing_row(people.contrast_term, "seen", method, n, reason)
    else:
        df = welch_df((parts[0], len(one) - 1), (parts[1], len(other) - 1))
        half = t_value(df, conf_level) * math.sqrt(sum(parts))
        low, high = gap - half, gap + half
    return row(
        people.contrast_term, "seen", method, estimate=gap, std_error=_error(sum(parts)), df=df, conf_low=low,
        conf_high=high, conf_level=conf_level, n=n,
    )  # fmt: skip


def without_spread(*groups: np.ndarray) -> Message | None:
    """Return why no interval can be made of these groups' values, or None."""
    if any(len(values) < 2 for values in groups):
        return message("comparison_missingness.one_seen")
    if all(np.ptp(values) == 0 for values in groups):
        return message("comparison_missingness.all_alike")
    return None


def _error(variance: float) -> float:
    """Return the standard error, nan where it would be 0 and be taken for certainty."""
    return math.sqrt(variance) if variance > 0 else math.nan


def _pairs(people: People, who: np.ndarray) -> PairedCounts:
    before, after = people.before[who], people.after[who]
    return PairedCounts(*(
        int(((before == b) & (after == a)).sum()) for b, a in ((1, 1), (1, 0), (0, 1), (0, 0))
    ))  # fmt: skip
