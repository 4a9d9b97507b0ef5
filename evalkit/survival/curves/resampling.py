"""Bootstrap of the quantiles of survival curves: people drawn again, counted per time, all draws in one pass.

Not a correction for what was not seen: a quantile past the follow-up stays unknown.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from evalkit.errors import InputError
from evalkit.numerics.arguments import generator, numbers
from evalkit.result import Result
from evalkit.survival.core.sample import Sample
from evalkit.survival.core.sums import merged
from evalkit.survival.curves.readings import FLAT, passed, unit_name
from evalkit.wording import message

if TYPE_CHECKING:
    from evalkit.survival.curves.curveset import Curves

#: How many numbers one pass may hold.
_CELLS = 4_000_000


def resampled(curves: Curves, p: float | Iterable[float], n: int, seed: int) -> Result:
    """Return quantiles with percentile intervals; see `Curves.bootstrap`."""
    if n < 100:
        raise InputError(f"n: an interval needs at least 100 draws, but was {n}")
    wanted = numbers(p, "p")
    table = curves.quantile(wanted).table
    rng = generator(seed)
    tail = (1 - curves.conf_level) / 2
    found: dict[str, list] = {"std_error": [], "conf_low": [], "conf_high": [], "reason": []}
    drawn_whole = False
    for i in range(len(curves.rows.groups)):
        rows = curves.rows.part(i) if len(curves.rows.groups) > 1 else curves.rows
        if _counts_say_all(rows, curves.greenwood):
            draws = _from_counts(curves.sums.times, curves.sums.exits[i], wanted, n, rng)
        else:
            draws = _from_people(rows, wanted, n, rng, curves.greenwood)
            drawn_whole |= rows.id is not None and not pd.Index(rows.id).is_unique
        for column in draws.T:
            # A draw that does not get there does so later than can be seen: it has its place among the longest.
            low = np.quantile(column, tail, method="lower")
            high = np.quantile(column, 1 - tail, method="higher")
            short = np.isinf(column)
            found["std_error"].append(np.nan if short.any() else column.std(ddof=1))
            found["conf_low"].append(low if np.isfinite(low) else np.nan)
            found["conf_high"].append(high if np.isfinite(high) else np.nan)
            found["reason"].append(
                message("survival_curves.draws_not_reached", share=float(short.mean()))
                if short.any()
                else None
            )
    reasons = [own or more for own, more in zip(table["reason"], found.pop("reason"), strict=True)]
    table = table.assign(**found, reason=reasons, method="bootstrap")
    columns = [c for c in table if c != "std_error"]
    columns.insert(columns.index("estimate") + 1, "std_error")
    said = [message("survival_curves.bootstrap", n=n, seed=seed)]
    if drawn_whole:
        said.append(message("survival_curves.bootstrap_clusters"))
    return Result(
        table[columns],
        message("survival.question_quantile", event=curves.event, unit=unit_name(curves.unit, 2)),
        (*curves.caveats, *said),
        curves.provenance,
        labels=curves.labels,
    )


def _counts_say_all(rows: Sample, people_count_alike: bool) -> bool:
    """Return whether the numbers leaving at each time are all there is to know about the people."""
    alone = rows.id is None or pd.Index(rows.id).is_unique
    return rows.entry is None and alone and people_count_alike


def _from_counts(
    times: np.ndarray, exits: np.ndarray, wanted: np.ndarray, n: int, rng: np.random.Generator
) -> np.ndarray:
    """Return the quantiles of n draws of people who are but a time and a way of leaving, shape (n, len(wanted))."""
    left = np.flatnonzero(exits.any(axis=0))
    counts = np.rint(exits[:, left]).astype(np.int64)
    way, place = np.nonzero(counts)
    held = counts[way, place]
    people = int(held.sum())
    one_by_one = people < 10 * len(held)
    whose = np.repeat(np.arange(len(held)), held) if one_by_one else np.zeros(0, dtype=np.int64)
    step = max(1, _CELLS // max(people if one_by_one else len(held), len(left)))
    out = []
    for first in range(0, n, step):
        b = min(step, n - first)
        if one_by_one:
            cell = whose[rng.integers(0, people, (b, people), dtype=np.int32)]
            cell += np.arange(b)[:, None] * len(held)
            drawn = np.bincount(cell.ravel(), minlength=b * len(held)).reshape(b, -1)
        else:
            drawn = rng.multinomial(people, held / people, size=b)
        gone = np.zeros((b, 2, len(left)))
        gone[:, way, place] = drawn
        events = gone[:, 1]
        at_risk = np.cumsum((gone[:, 0] + events)[:, ::-1], axis=1)[:, ::-1]
        out.append(_reached(times[left], events, at_risk, wanted))
    return np.concatenate(out)


def _from_people(
    rows: Sample, wanted: np.ndarray, n: int, rng: np.random.Generator, people_count_alike: bool
) -> np.ndarray:
    """Return the quantiles of n draws of people with all their rows, entries and weights, shape (n, len(wanted))."""
    weight = np.ones(len(rows.time)) if rows.weight is None else rows.weight
    row = np.arange(len(rows.time))
    person = row if rows.id is None else pd.factorize(rows.id)[0]
    if people_count_alike and rows.weight is not None:
        # A row stands for so many people, who are drawn one by one.
        times_counted = weight.astype(np.int64)
        row = np.repeat(row, times_counted)
        which = np.arange(len(row)) - np.repeat(np.cumsum(times_counted) - times_counted, times_counted)
        person = np.unique(person[row] * times_counted.max() + which, return_inverse=True)[1]
        weight = np.ones(len(row))
    people = int(person.max()) + 1
    times, at = merged(rows.time[row])
    event = rows.cause[row] > 0
    came = np.zeros(len(row), dtype=np.int64) if rows.entry is None else passed(times, rows.entry[row])
    m = len(times)
    step = max(1, _CELLS // m)
    out = []
    for first in range(0, n, step):
        b = min(step, n - first)
        events, at_risk = np.empty((b, m)), np.empty((b, m))
        for k in range(b):
            drawn = np.bincount(rng.integers(0, people, people), minlength=people)
            own = drawn[person] * weight
            events[k] = np.bincount(at[event], own[event], m)
            leaving = np.cumsum(np.bincount(at, own, m))
            at_risk[k] = np.cumsum(np.bincount(came, own, m + 1)[:m]) - np.concatenate([[0.0], leaving[:-1]])
        out.append(_reached(times, events, at_risk, wanted))
    return np.concatenate(out)


def _reached(times: np.ndarray, events: np.ndarray, at_risk: np.ndarray, wanted: np.ndarray) -> np.ndarray:
    """Return when each curve has lost each share, the middle of a flat piece, inf when it never does."""
    staying = np.divide(events, at_risk, out=np.zeros_like(at_risk), where=at_risk > 1e-9)
    np.subtract(1, staying, out=staying)
    curve = np.multiply.accumulate(staying, axis=1, out=staying)
    out = np.empty((len(curve), len(wanted)))
    ends = len(times) - 1 - np.argmax((at_risk > 1e-9)[:, ::-1], axis=1)
    for j, share in enumerate(wanted):
        there, past = curve <= 1 - share + FLAT, curve < 1 - share - FLAT
        first, second = there.argmax(axis=1), past.argmax(axis=1)
        never, flat_to_the_end = ~there[:, -1], ~past[:, -1]
        second = np.where(flat_to_the_end, ends, second)
        out[:, j] = np.where(never, np.inf, (times[first] + times[second]) / 2)
    return out
