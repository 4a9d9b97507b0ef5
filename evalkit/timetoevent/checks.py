"""What makes times impossible: every fault found, with rows, counts and what to do.

Not for reading frames (`reading`): these checks hold for any `TimeToEvent`, however it was made.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from evalkit.errors import Fault

if TYPE_CHECKING:
    from evalkit.timetoevent import TimeToEvent

CENSORED = "censored"
CLOCKS = ("entry", "calendar", "gap")
WEIGHT_KINDS = ("frequency", "sampling")
#: How many rows or values a message names before "…".
SHOWN = 5


def frozen(values: Any, kind: Any) -> np.ndarray:
    """Return a read-only view of `values` as an array."""
    array = np.asarray(values, dtype=kind).view()
    array.flags.writeable = False
    return array


def fault(sentence: str) -> Fault:
    """Make a fault of the programming interface, in English."""
    return Fault({"en": sentence})


def plain(value: Any) -> Any:
    """Return a NumPy scalar as Python writes it."""
    return value.item() if hasattr(value, "item") else value


def whole(values: np.ndarray) -> bool:
    """Return whether every value is a whole number."""
    return bool(np.all(values == np.rint(values)))


def rows(where: np.ndarray) -> str:
    """Write how many rows and which, counted from 0 as pandas does."""
    found = np.flatnonzero(where)
    shown = ", ".join(str(i) for i in found[:SHOWN]) + (", …" if len(found) > SHOWN else "")
    word = "row" if len(found) == 1 else "rows"
    return f"{len(found)} of {len(where)} rows ({word} {shown}, counted from 0)"


def faults_of(tte: TimeToEvent) -> list[Fault]:
    """Return everything wrong with the times, shapes first: the rest cannot be read when they disagree."""
    return shape_faults(tte) or [
        *time_faults("time", tte.time),
        *entry_faults(tte),
        *weight_faults(tte.weight, tte.weight_kind),
    ]


def shape_faults(tte: TimeToEvent) -> list[Fault]:
    """Return the columns that do not have one value per row, and names that do not fit."""
    found = []
    for name in ("time", "cause", "entry", "id", "weight", "stratum"):
        value = getattr(tte, name)
        if value is not None and value.shape != (tte.n,):
            found.append(fault(f"{name}: shape {value.shape} for {tte.n} times; give one value per row"))
    if len(tte.covariates) != tte.n:
        found.append(
            fault(f"covariates: {len(tte.covariates)} rows for {tte.n} times; give one row per time")
        )
    if not tte.causes or len(set(tte.causes)) < len(tte.causes) or CENSORED in tte.causes:
        found.append(fault(f"causes: need distinct names other than 'censored', but were {tte.causes}"))
    elif tte.n and not 0 <= tte.cause.min() <= tte.cause.max() <= len(tte.causes):
        found.append(
            fault(f"cause: must be 0 (censored) to {len(tte.causes)}, one number per name in causes")
        )
    if tte.clock not in CLOCKS:
        found.append(fault(f"clock: must be one of {', '.join(CLOCKS)}, but was {tte.clock!r}"))
    return found


def time_faults(name: str, values: np.ndarray) -> list[Fault]:
    """Return the missing, infinite and negative values."""
    # Missing values fail every comparison: one look at both ends tells that nothing is wrong.
    if len(values) == 0 or (values.min() >= 0 and values.max() < np.inf):
        return []
    unknown = "a time that is not known cannot be used: mend or leave out those rows"
    endless = "write when observation ended, and code the row as censored"
    found = []
    for what, where, remedy in (
        ("missing", np.isnan(values), unknown),
        ("infinite", np.isinf(values), endless),
        ("negative", values < 0, "check the order of the dates behind it"),
    ):
        if where.any():
            found.append(fault(f"{name}: {what} in {rows(where)}; {remedy}"))
    return found


def entry_faults(tte: TimeToEvent) -> list[Fault]:
    """Return entries that are impossible or, when they are all possible, intervals of one id that overlap."""
    if tte.entry is None:
        return overlap_faults(tte, np.zeros(tte.n))
    found = time_faults("entry", tte.entry)
    if found:
        return found
    impossible = (tte.entry >= tte.time) & ~((tte.entry == 0) & (tte.time == 0))
    if impossible.any():
        return [fault(
            f"entry: not before time in {rows(impossible)}; a row is observed on (entry, time], and only "
            "entry = time = 0 (an exit on the day of origin) has no length"
        )]  # fmt: skip
    return overlap_faults(tte, tte.entry)


def overlap_faults(tte: TimeToEvent, entry: np.ndarray) -> list[Fault]:
    """Return the intervals that put one id at risk twice at once; the gap clock starts every episode at 0."""
    if tte.id is None or tte.clock == "gap" or pd.Index(tte.id).is_unique:
        return []
    code = pd.factorize(tte.id)[0]
    order = np.lexsort((tte.time, entry, code))
    who, start, stop = code[order], entry[order], tte.time[order]
    # A row may lie inside an earlier, longer one of the same id: compare with the latest end so far, not the last.
    latest = pd.Series(stop).groupby(who).cummax().to_numpy()
    twice = (start[1:] < latest[:-1]) | ((start[1:] == start[:-1]) & (stop[1:] == stop[:-1]))
    clash = twice & (who[1:] == who[:-1])
    if not clash.any():
        return []
    people = pd.unique(tte.id[order[1:][clash]])
    named = ", ".join(repr(plain(p)) for p in people[:SHOWN]) + (", …" if len(people) > SHOWN else "")
    return [fault(
        f"id: intervals of one id overlap in {int(clash.sum())} places, for {len(people)} ids ({named}); "
        "nobody is at risk twice at once: mend the intervals, give entry, or say clock='gap' for gap times"
    )]  # fmt: skip


def weight_faults(weight: np.ndarray | None, kind: str | None) -> list[Fault]:
    """Return what is wrong with the weights or with what they are said to count."""
    if weight is None:
        return []
    bad = ~(np.isfinite(weight) & (weight > 0))
    if bad.any():
        remedy = "give positive weights or leave the rows out"
        return [fault(f"weight: zero, negative, missing or infinite in {rows(bad)}; {remedy}")]
    if kind is None:
        return [fault(
            "weight_kind: the weights are not whole numbers, so say what they are: 'sampling' (how many people each "
            "row stands for) or 'frequency' (how many identical rows there were)"
        )]  # fmt: skip
    if kind not in WEIGHT_KINDS:
        return [fault(f"weight_kind: must be one of {', '.join(WEIGHT_KINDS)}, but was {kind!r}")]
    if kind == "frequency" and not whole(weight):
        return [fault(
            "weight: frequency weights count people and must be whole numbers; "
            "for others say weight_kind='sampling'"
        )]  # fmt: skip
    return []
