"""The answers of a survey in two waves, read from one row per answer: who answered when, and what as numbers.

Not estimates.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from evalkit.comparison.core.people import binary_values, number_values, rows_of
from evalkit.errors import Fault, InputError
from evalkit.numerics.arguments import numbers

KINDS = ("binary", "ordinal", "continuous")
_ME = "survey_waves"


@dataclass(frozen=True)
class Answers:
    """Answers that say something, one row each.

    Parameters
    ----------
    frame : DataFrame
        Columns ``respondent``, ``late`` (False at the first wave), ``value``, and ``structure`` and ``mix`` where given.
    invited : tuple of (int or None, int or None)
        How many were asked at each wave.
    empty : tuple of (int, int)
        Rows of each wave without an answer.
    span : tuple of float, or None
        Least and largest possible value, known for shares and scores.
    """

    frame: pd.DataFrame
    invited: tuple[int | None, int | None]
    empty: tuple[int, int]
    span: tuple[float, float] | None

    @property
    def two(self) -> bool:
        """Whether every answer is one of two."""
        return self.span is not None and bool(self.frame["value"].isin(self.span).all())

    def wave(self, late: bool) -> pd.DataFrame:
        """Return the answers of one wave."""
        return self.frame[self.frame["late"] == late]

    def pairs(self) -> pd.DataFrame:
        """Return one row per respondent of both waves: columns ``before``, ``after``, and where they belong at first."""
        one, two = (self.wave(late).set_index("respondent") for late in (False, True))
        both = one.index.intersection(two.index)
        kept = one.loc[both, [c for c in ("structure", "mix") if c in one]]
        return kept.assign(before=one.loc[both, "value"], after=two.loc[both, "value"])


def read(
    data: Any, outcome: str, respondent: str, wave: str, waves: tuple[Any, Any], structure: str | None, mix: str | None,
    kind: str, order: Sequence[Any] | None, scores: Sequence[float] | None, asked: Mapping[Any, int] | None,
) -> Answers:  # fmt: skip
    """Return the answers; see `survey_waves`."""
    about = [c for c in (respondent, wave, structure, mix) if c is not None]
    _need_outcome(data, outcome)
    rows, _, _ = rows_of(data, about, _ME)
    if waves[0] == waves[1]:
        raise InputError(
            f"{_ME}: before and after must be two different values of {wave!r}, but both were {waves[0]!r}"
        )
    if waves[0] not in set(rows[wave]):
        raise InputError(
            f"{_ME}: no row of {wave!r} is before={waves[0]!r}; it holds {pd.unique(rows[wave]).tolist()}"
        )
    taken = rows[wave].isin(waves)
    rows, values = rows[taken], data.loc[taken.to_numpy(), outcome]
    late = (rows[wave] == waves[1]).to_numpy()
    twice = rows[[respondent, wave]].duplicated()
    if twice.any():
        who = rows.loc[twice, respondent].astype(str).unique()
        shown = ", ".join(who[:5]) + (", …" if len(who) > 5 else "")
        raise InputError(f"{_ME}: {len(who)} respondents answer twice at a wave ({shown}); keep one row each")
    known = values.notna().to_numpy()
    if not known[~late].any():
        raise InputError(
            f"{_ME}: nobody answers {outcome!r} at before={waves[0]!r}; there is nothing to describe"
        )
    value, span = _values(values[known], outcome, kind, order, scores)
    columns = {
        "respondent": rows[respondent],
        "structure": rows[structure] if structure else None,
        "mix": rows[mix] if mix else None,
    }
    frame = pd.DataFrame({k: v[known].to_numpy() for k, v in columns.items() if v is not None})
    frame = frame.assign(late=late[known], value=value)
    empty = (int((~known & ~late).sum()), int((~known & late).sum()))
    return Answers(frame, _invited(asked, waves, frame, empty), empty, span)


def _need_outcome(data: Any, outcome: str) -> None:
    if isinstance(data, pd.DataFrame) and outcome not in data.columns:
        raise InputError(f"{_ME}: no column {outcome!r} in data; it has {data.columns.tolist()}")


def _values(
    values: pd.Series, outcome: str, kind: str, order: Sequence[Any] | None, scores: Sequence[float] | None
) -> tuple[np.ndarray, tuple[float, float] | None]:
    if kind == "binary":
        return binary_values(values, outcome, _ME), (0.0, 1.0)
    if kind == "continuous":
        return number_values(values, outcome, _ME), None
    named = _order(values, order, outcome)
    points = np.arange(1.0, len(named) + 1) if scores is None else numbers(scores, "scores")
    if len(points) != len(named):
        raise InputError(f"{_ME}: scores has {len(points)} numbers for {len(named)} categories")
    if not (np.diff(points) > 0).all():
        raise InputError(
            f"{_ME}: scores must go up with the order of the categories, but were {points.tolist()}"
        )
    place = {category: point for category, point in zip(named, points, strict=True)}
    odd = sorted({repr(v) for v in values if v not in place})
    if odd:
        raise InputError(f"{_ME}: {outcome} holds {', '.join(odd[:5])}, which order does not name")
    return np.array([place[v] for v in values]), (float(points[0]), float(points[-1]))


def _order(values: pd.Series, order: Sequence[Any] | None, outcome: str) -> list:
    if order is not None:
        if len(set(order)) != len(order) or len(order) < 2:
            raise InputError(
                f"{_ME}: order must name at least two different categories, but was {list(order)}"
            )
        return list(order)
    if isinstance(values.dtype, pd.CategoricalDtype) and values.cat.ordered:
        return list(values.cat.categories)
    if pd.api.types.is_numeric_dtype(values):
        return sorted(pd.unique(values).tolist())
    raise InputError(
        f"{_ME}: the categories of {outcome} have no order of their own; name them with order=, lowest first"
    )


def _invited(
    asked: Mapping[Any, int] | None, waves: tuple[Any, Any], frame: pd.DataFrame, empty: tuple[int, int]
) -> tuple[int | None, int | None]:
    if asked is None:
        return None, None
    unknown = [w for w in asked if w not in waves]
    faults = [f"asked names {unknown}, which are no waves"] if unknown else []
    found: list[int | None] = []
    for late, w in enumerate(waves):
        n = asked.get(w)
        answered = int((frame["late"] == bool(late)).sum()) + empty[late]
        if n is not None and (not isinstance(n, (int, np.integer)) or n < answered):
            faults.append(
                f"asked[{w!r}] must be a whole number, at least the {answered} rows of that wave, but was {n!r}"
            )
        found.append(None if n is None else n)
    if faults:
        raise InputError([Fault({"en": f"{_ME}: {text}"}) for text in faults])
    return found[0], found[1]
