"""Ordered answers: which categories there are, in which order, and the score of each answer.

Not for estimates, and not for categories without an order.
"""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass
from numbers import Real
from typing import Any

import numpy as np
import pandas as pd

from evalkit.comparison.paired.plan import Plan
from evalkit.comparison.paired.waves import Waves
from evalkit.errors import Fault, InputError
from evalkit.wording import fault

#: More categories than this are a measure, not an ordinal outcome.
_MOST = 30


@dataclass(frozen=True, eq=False)
class Ordered:
    """The answers of everybody by their scores.

    Parameters
    ----------
    names : tuple of str
        Categories in order, as they are written.
    scores : float array, shape (k,)
        Number of each category, rising.
    before, after : float array, shape (people,)
        Score of each answer; nan where missing.
    listed : bool
        The categories were listed (by `order` or an ordered column), so that nobody can lie outside them.
    named : {"ranks", "numbers", "given"}
        Where the scores come from: 1, 2, 3 …; the numbers that the answers are; what was given.
    """

    names: tuple[str, ...]
    scores: np.ndarray
    before: np.ndarray
    after: np.ndarray
    listed: bool
    named: str


def ordered_answers(waves: Waves, plan: Plan) -> Ordered:
    """Return the answers by their scores.

    Categories are `plan.order`, else those of an ordered categorical column, else the numbers seen. Scores are `plan.scores`, else the
    numbers themselves when the answers are numbers and no order was given, else 1, 2, 3 …

    Raises
    ------
    InputError
        Text without an order, answers outside the order, an order or scores that do not fit: all faults of the data at once.
    """
    _check_single(waves, plan)
    values, listed = _categories(waves, plan)
    named, scores = _scores(values, listed, plan)
    at = dict(zip(values, scores, strict=True))
    faults: list[Fault] = []
    coded = {}
    for name in ("before", "after"):
        answers = waves.frame[name]
        known = answers.notna().to_numpy()
        raw = answers.to_numpy(dtype=object)
        coded[name] = np.array(
            [at.get(v, np.nan) if k else np.nan for v, k in zip(raw, known, strict=True)], dtype=float
        )
        bad = raw[known & np.isnan(coded[name])]
        if len(bad):
            shown = sorted({repr(v) if isinstance(v, str) else str(v) for v in bad})
            shown = shown[:5] + (["…"] if len(shown) > 5 else [])
            faults.append(fault("comparison_ranks.not_in_order", column=name, count=len(bad), values=shown))
    if faults:
        raise InputError(faults)
    return Ordered(tuple(map(_written, values)), scores, coded["before"], coded["after"], listed, named)


def _check_single(waves: Waves, plan: Plan) -> None:
    """Refuse answers, or categories, that are lists or tables themselves."""
    found = [*(plan.order or ()), *waves.frame["before"], *waves.frame["after"]]
    odd = [v for v in found if not isinstance(v, Hashable)]
    if odd:
        raise InputError(
            f"pre_post: an ordered answer must be a text or a number, but {len(odd)} are none, such as {odd[0]!r}"
        )


def _categories(waves: Waves, plan: Plan) -> tuple[list[Any], bool]:
    """Return the categories in order, and whether they were listed."""
    columns = [waves.frame[name] for name in ("before", "after")]
    if plan.order is not None:
        return _checked(list(plan.order)), True
    # One ordered column is enough: the other may be text, or a wave that never took place.
    orders = [
        list(c.cat.categories) for c in columns if isinstance(c.dtype, pd.CategoricalDtype) and c.cat.ordered
    ]
    if orders:
        if orders[0] != orders[-1]:
            raise InputError(
                f"pre_post: before and after must have the same categories in the same order, but have {orders[0]} and {orders[1]}; "
                "give them with order="
            )
        return _checked(orders[0]), True
    seen = {v for c in columns for v in c.dropna().to_numpy(dtype=object)}
    text = sorted({repr(v) for v in seen if not isinstance(v, Real)})
    if text:
        raise InputError(
            "pre_post: kind='ordinal' must know the order of the answers: give order=[least, …, most], an ordered categorical column, "
            f"or numbers; found {', '.join(text[:5])}{', …' if len(text) > 5 else ''}"
        )
    if len(seen) > _MOST:
        raise InputError(
            f"pre_post: kind='ordinal' takes at most {_MOST} categories, but {len(seen)} different numbers were found; "
            "say kind='continuous', or list the categories with order="
        )
    return sorted(seen), False


def _checked(order: list[Any]) -> list[Any]:
    twice = sorted({repr(v) for v in order if order.count(v) > 1})
    if len(order) < 2 or twice or any(pd.isna(v) for v in order):
        raise InputError(
            f"pre_post: order must list at least two categories, each once and none missing, but was {order!r}"
        )
    return order


def _scores(values: list[Any], listed: bool, plan: Plan) -> tuple[str, np.ndarray]:
    if plan.scores is not None:
        scores = np.asarray(plan.scores, dtype=float)
        if len(scores) != len(values) or not np.isfinite(scores).all() or (np.diff(scores) <= 0).any():
            raise InputError(
                f"pre_post: scores must be {len(values)} rising numbers, one per category ({', '.join(map(_written, values))}), "
                f"but were {plan.scores}"
            )
        return "given", scores
    if not listed:
        return "numbers", np.array(values, dtype=float)
    return "ranks", np.arange(1.0, len(values) + 1)


def _written(value: Any) -> str:
    """Return a category as it is shown: whole numbers without decimals, whatever the column became for want of an answer."""
    if isinstance(value, (float, np.floating)) and float(value).is_integer():
        return str(int(value))
    return str(value)
