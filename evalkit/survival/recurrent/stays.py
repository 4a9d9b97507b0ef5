"""Who was in which state from when to when and where they went next, as arrays: from `Spells` or from any table of stays.

Not an estimator: `product` reads it. Cuts inside a stay change nothing here: they are joined.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd

from evalkit import wording
from evalkit.disclosure import Headcount
from evalkit.errors import InputError
from evalkit.numerics.arguments import column_names
from evalkit.provenance import Provenance
from evalkit.spells import AT_RISK, CENSORED, INTERIOR, Spells, leads_to, pseudonym
from evalkit.survival.core.sums import merged
from evalkit.survival.recurrent.histories import constant
from evalkit.wording import Message, message

COLUMNS = ("person", "state", "start", "stop", "exit")
#: Names of result columns that a `by` column may not have.
_TAKEN = ("state", "time", "estimate", "std_error", "status", "reason", "exit", "n")


@dataclass(frozen=True, eq=False)
class Stays:
    """One row per stay in a state, sorted by person and time.

    Parameters
    ----------
    person : int array, shape (r,)
    state, to : int arrays, shape (r,)
        Positions in `states`; `to` is -1 when observation ended in the stay.
    start, stop : float arrays, shape (r,)
    came, left : int arrays, shape (r,)
        Moments, in order: a stay is at risk at the moments ``came < k <= left``. Moments tell apart what happens one after
        the other on one day: a stay that begins and ends on a day is gone through. A stay from the origin came at -1.
    day : float array
        The time of each moment.
    states : tuple of str
    weight : float array, shape (n,)
    group : int array, shape (n,)
    groups : tuple of tuple
    by : tuple of str
    """

    person: np.ndarray
    state: np.ndarray
    to: np.ndarray
    start: np.ndarray
    stop: np.ndarray
    came: np.ndarray
    left: np.ndarray
    day: np.ndarray
    states: tuple[str, ...]
    weight: np.ndarray
    group: np.ndarray
    groups: tuple[tuple, ...]
    by: tuple[str, ...]

    def rows_of(self, group: int) -> np.ndarray:
        """Return the positions of the rows of one group."""
        return np.flatnonzero(self.group[self.person] == group)


@dataclass(frozen=True, eq=False)
class Context:
    """What came with the stays: unit, words, caveats, provenance."""

    unit: str = "day"
    caveats: tuple[Message, ...] = ()
    provenance: Provenance = field(default_factory=Provenance)
    labels: dict[str, dict[str, str]] = field(default_factory=dict)


def read(
    source: Spells | pd.DataFrame,
    by: str | Sequence[str] | None,
    weight: str | None,
    unit: str,
    provenance: str | None,
    estimator: str,
) -> tuple[Stays, Context]:
    """Return the stays and their context.

    Raises
    ------
    InputError
        Columns missing; times impossible; stays of one person that overlap or do not follow from each other; `by` or weights that
        change within a person.
    """
    if isinstance(source, Spells):
        frame, context = _of_spells(source)
    elif isinstance(source, pd.DataFrame):
        frame, context = (
            source,
            Context(unit, provenance=Provenance(kind=provenance) if provenance else Provenance()),
        )
    else:
        raise InputError(
            f"{estimator}: needs Spells or a DataFrame of stays, but was given {type(source).__name__}"
        )
    columns = column_names(by)
    absent = [c for c in (*COLUMNS, *columns, *([weight] if weight else [])) if c not in frame]
    if absent:
        raise InputError(
            f"{estimator}: no column {', '.join(map(repr, absent))}; there are {', '.join(map(str, frame))}"
        )
    if not len(frame):
        raise InputError(f"{estimator}: there are no rows; give at least one person")
    taken = [c for c in columns if c in _TAKEN]
    if taken:
        raise InputError(f"by: {', '.join(map(repr, taken))} is the name of a column of results; rename it")
    return _stays(frame, columns, weight, estimator), context


def _of_spells(spells: Spells) -> tuple[pd.DataFrame, Context]:
    """Return spells as stays: an exit that leads to no state is a state of its own, from which one may come back."""
    frame = spells.frame
    codes = [c for c in pd.unique(frame["exit"]) if c not in (INTERIOR, CENSORED)]
    target = {code: leads_to(code, spells.vocabulary) or code for code in codes}
    outside = set(target.values()) - {leads_to(code, spells.vocabulary) for code in codes}
    to = frame["exit"].map({**target, CENSORED: CENSORED, INTERIOR: INTERIOR})
    frame = frame.assign(exit=to)
    person = frame["person"].to_numpy()
    goes_on = np.append(person[1:] == person[:-1], False)
    left = to.isin(outside).to_numpy(dtype=bool)
    returned = left & goes_on
    said = [*spells.rule, *spells.caveats]
    if returned.any():
        # Whoever is away and may come back is observed away, until the return or the end of the records (no longer than anybody).
        end = (frame["origin"] + pd.to_timedelta(frame["stop"], unit="D")).max()
        following = np.append(frame["start"].to_numpy()[1:], np.nan)
        last = ((end - frame["origin"]) / pd.Timedelta(days=1)).clip(upper=frame["stop"].max()).to_numpy()
        revisited = set(to[returned])
        away = left & to.isin(revisited).to_numpy(dtype=bool)
        away &= goes_on | (last > frame["stop"].to_numpy())
        stays = frame[away].assign(
            state=to[away], start=frame["stop"][away], stop=np.where(goes_on, following, last)[away],
            exit=np.where(goes_on, np.append(frame["state"].to_numpy()[1:], ""), CENSORED)[away],
        )  # fmt: skip
        # Each beside the stay it follows: stays of no length on one day have no other order.
        beside = np.argsort(np.append(np.arange(len(frame)), np.flatnonzero(away) + 0.5))
        frame = pd.concat([frame, stays], ignore_index=True).iloc[beside].reset_index(drop=True)
        said.append(message("survival_recurrent.away_from_exit", exits=sorted(revisited), n=Headcount(
            len(pd.unique(person[away & ~goes_on])))))  # fmt: skip
    words = wording.labels("spells", *AT_RISK.values(), "disengaged", "solution", "interruption")
    return frame, Context(
        "day", tuple(said), spells.provenance, {**words, **spells.exit_labels(), **words, **spells.labels}
    )


def _stays(frame: pd.DataFrame, by: tuple[str, ...], weight: str | None, estimator: str) -> Stays:
    who, found = pd.factorize(frame["person"])
    start, stop = (_days(frame[c], c, estimator) for c in ("start", "stop"))
    exits = frame["exit"].astype(object).where(frame["exit"].notna(), CENSORED).astype(str).to_numpy()
    exits[exits == INTERIOR] = CENSORED
    names = frame["state"].astype(object).to_numpy()
    if (who < 0).any() or pd.isna(names).any():
        n = int(((who < 0) | pd.isna(names)).sum())
        raise InputError(
            f"{estimator}: person or state missing in {n} of {len(frame)} rows; fill them in or leave those rows out"
        )
    names = names.astype(str)
    if CENSORED in names:
        raise InputError(f"{estimator}: 'censored' is the end of observation and can be no state; rename it")
    states = tuple(dict.fromkeys([*names, *(e for e in exits if e != CENSORED)]))
    position = {name: i for i, name in enumerate(states)}
    state = np.array([position[name] for name in names])
    to = np.array([position.get(name, -1) for name in exits])
    order = np.lexsort((stop, start, who))
    who, state, to, start, stop = who[order], state[order], to[order], start[order], stop[order]
    _check(found, who, state, to, start, stop, states, estimator)
    codes, groups = _groups(frame, by, order)
    group = constant(codes, who, len(found), f"by: {', '.join(by)}", estimator)
    weights = np.ones(len(frame)) if weight is None else _weights(frame[weight], weight, estimator)[order]
    weights = constant(weights, who, len(found), f"weight: {weight}", estimator)
    follows = np.append(False, (who[1:] == who[:-1]) & (start[1:] == stop[:-1]))
    joined = follows & (np.append(-1, state[:-1]) == state)
    first, last = np.flatnonzero(~joined), np.flatnonzero(np.append(~joined[1:], True))
    state, to, begun, ended = state[first], to[last], start[first], stop[last]
    # Who leaves a state for itself stays.
    to = np.where(to == state, -1, to)
    came, left, day = _moments(begun, ended, follows[first])
    return Stays(who[first], state, to, begun, ended, came, left, day, states, weights, group, groups, by)


def _moments(
    start: np.ndarray, stop: np.ndarray, follows: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return the moment after which each stay is at risk, the one at which it ends, and the time of each moment.

    A stay that others of no length follow on the day ends before them: so many moments earlier.
    """
    times, place = merged(np.concatenate([start, stop]))
    begins, ends = place[: len(start)], place[len(start) :]
    empty = follows & (begins == ends)
    ahead = np.zeros(len(start), dtype=np.int64)
    for i in np.flatnonzero(empty)[::-1]:
        ahead[i - 1] = ahead[i] + 1
    width = int(ahead.max(initial=0)) + 2
    left = ends * width + width - 1 - ahead
    came = np.where(begins == ends, left - 1, begins * width + width - 1)
    came = np.where(follows, np.append(0, left[:-1]), came)
    came[(start == 0) & ~follows] = -1
    return came, left, np.repeat(times, width)


def _check(
    found: Any,
    who: np.ndarray,
    state: np.ndarray,
    to: np.ndarray,
    start: np.ndarray,
    stop: np.ndarray,
    states: tuple[str, ...],
    estimator: str,
) -> None:
    """Refuse stays that overlap or do not follow from each other."""
    same = who[1:] == who[:-1]
    latest = pd.Series(stop).groupby(who).cummax().to_numpy()
    wrong = {
        "end before they start": stop < start,
        "overlap an earlier one of the same person": np.append(False, same & (start[1:] < latest[:-1])),
        "begin in another state than the one the stay before led to": np.append(
            False, same & (start[1:] == stop[:-1]) & (np.where(to[:-1] < 0, state[:-1], to[:-1]) != state[1:])
        ),
    }
    for what, where in wrong.items():
        if where.any():
            people = pd.unique(who[where])
            named = ", ".join(pseudonym(found[p]) for p in people[:5]) + (", …" if len(people) > 5 else "")
            raise InputError(
                f"{estimator}: {int(where.sum())} stays {what} ({len(people)} people: {named}); mend the rows"
            )


def _groups(
    frame: pd.DataFrame, by: tuple[str, ...], order: np.ndarray
) -> tuple[np.ndarray, tuple[tuple, ...]]:
    code, names = np.zeros(len(frame), dtype=np.int64), [()]
    for column in by:
        values = frame[column]
        if values.isna().any():
            raise InputError(
                f"by: {column!r} is missing in {int(values.isna().sum())} of {len(frame)} rows; "
                "give the missing a level of their own or leave those rows out"
            )
        own, found = pd.factorize(values, sort=True)
        code = code * len(found) + own
        names = [(*name, value) for name in names for value in found]
    used, code = np.unique(code, return_inverse=True)
    return code[order], tuple(names[i] for i in used)


def _days(values: pd.Series, name: str, estimator: str) -> np.ndarray:
    try:
        found = values.to_numpy(dtype=float, na_value=np.nan)
    except (TypeError, ValueError):
        raise InputError(f"{estimator}: {name} must hold numbers") from None
    bad = ~np.isfinite(found) | (found < 0)
    if bad.any():
        raise InputError(
            f"{estimator}: {name} missing, infinite or negative in {int(bad.sum())} of {len(found)} rows; mend them"
        )
    return found


def _weights(values: pd.Series, name: str, estimator: str) -> np.ndarray:
    found = _days(values, name, estimator)
    if (found == 0).any():
        raise InputError(f"{estimator}: {name} is 0 in {int((found == 0).sum())} rows; leave them out")
    return found
