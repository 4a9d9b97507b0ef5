"""Rows saying who is lost: by arm, by level of each characteristic, for which reason, and how far they are from those seen.

Not estimates of the outcome.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from evalkit.comparison.core.rows import missing_row, row
from evalkit.comparison.missingness.intervals import newcombe
from evalkit.comparison.missingness.people import People, level_name
from evalkit.numerics.balance import smd_means, smd_shares
from evalkit.numerics.imputation import describe
from evalkit.numerics.proportions import wilson
from evalkit.wording import message

#: The level of people whose characteristic is empty.
NOT_GIVEN = "not_given"


def by_arm(people: People, conf_level: float) -> list[dict]:
    """Return how many are lost, in all and by arm, and the differences between arms."""
    lost = ~people.seen
    rows = [_share(lost, "", "", conf_level)]
    if not people.arm_column:
        return rows
    for name, own in people.groups():
        rows.append(_share(lost[own], people.arm_column, name, conf_level))
    for name, one, other in people.contrasts():
        a, b = lost[people.arm == one], lost[people.arm == other]
        low, high = newcombe(a.sum(), len(a), b.sum(), len(b), conf_level)
        rows.append(row(
            "lost_difference", people.arm_column, "newcombe", group=name, estimate=float(a.mean() - b.mean()),
            conf_low=low, conf_high=high, conf_level=conf_level, n=len(a) + len(b),
        ))  # fmt: skip
    return rows


def by_characteristic(people: People, conf_level: float) -> list[dict]:
    """Return who is lost at each level of each characteristic, and the standardised difference of lost and seen."""
    rows = []
    lost = ~people.seen
    for name in people.characteristics:
        column = people.frame[name]
        empty = column.isna().to_numpy()
        levels = _levels(column)
        if levels is None:
            values = column.to_numpy(dtype=float, na_value=np.nan)
            rows += _means(values, lost, name)
            apart = smd_means(values[lost], values[~lost])
        else:
            members = [(column == level).fillna(False).to_numpy(dtype=bool) for level in levels]
            rows += [
                _share(lost[own], name, level_name(level), conf_level)
                for own, level in zip(members, levels, strict=True)
            ]
            inside = [np.array([own[who].sum() for own in members]) for who in (lost, ~lost)]
            apart = smd_shares(*inside)
        if empty.any():
            rows.append(_share(lost[empty], name, NOT_GIVEN, conf_level))
        rows.append(_apart(name, apart, int((~empty).sum())))
    return rows


def _levels(column: pd.Series) -> tuple | None:
    """Return the levels of a category, None for numbers; one or two numbers are levels: the mean of 0 and 1 is a count in disguise."""
    what = describe(column)
    if what.kind == "category":
        return what.levels
    found = np.sort(column.dropna().unique())
    return tuple(found.tolist()) if len(found) <= 2 else None


def by_reason(people: People, conf_level: float) -> list[dict]:
    """Return how many are lost for each stated reason, among the lost."""
    if people.reason is None:
        return []
    stated = people.frame[people.reason][~people.seen]
    named = stated.dropna().astype(str)
    counts = {str(k): int(v) for k, v in named.value_counts().sort_index().items()}
    if len(named) < len(stated):
        counts[NOT_GIVEN] = len(stated) - len(named)
    rows = []
    for name, k in counts.items():
        low, high = wilson(k, len(stated), conf_level)
        rows.append(row(
            "lost_reason", people.reason, "wilson", group=name, estimate=k / len(stated), conf_low=low, conf_high=high,
            conf_level=conf_level, count=k, n=len(stated),
        ))  # fmt: skip
    return rows


def _share(lost: np.ndarray, part: str, group: str, conf_level: float) -> dict:
    k, n = int(lost.sum()), len(lost)
    low, high = wilson(k, n, conf_level)
    return row(
        "lost", part, "wilson", group=group, estimate=k / n, conf_low=low, conf_high=high, conf_level=conf_level,
        count=k, n=n,
    )  # fmt: skip


def _means(values: np.ndarray, lost: np.ndarray, name: str) -> list[dict]:
    rows = []
    for term, who in (("mean_lost", lost), ("mean_seen", ~lost)):
        known = pd.Series(values[who]).dropna()
        if known.empty:
            rows.append(
                missing_row(term, name, "", 0, message("comparison_missingness.nobody")) | {"group": ""}
            )
        else:
            rows.append(row(term, name, group="", estimate=float(known.mean()), n=len(known)))
    return rows


def _apart(name: str, value: float, n: int) -> dict:
    if np.isnan(value):
        reason = message("comparison_missingness.no_smd")
        return missing_row("smd", name, "", n, reason) | {"group": ""}
    return row("smd", name, group="", estimate=value, n=n)
