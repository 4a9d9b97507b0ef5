"""Whose events fell when, and who was there to have one: rows of people who may meet the event several times.

Not an estimator, and not for exits that end a curve: `core.sample` prepares those.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd

from evalkit.errors import InputError
from evalkit.survival.core.sample import levels
from evalkit.survival.core.sums import RiskSums, merged
from evalkit.timetoevent import TimeToEvent
from evalkit.timetoevent.checks import rows as rows_in_words

#: Value of `until` that takes a person's last row as the end of observation, whatever it ends with.
LAST_ROW = "last_row"


@dataclass(frozen=True, eq=False)
class Histories:
    """People, the spans during which they count, and their events.

    Parameters
    ----------
    times : float array, shape (m,)
        Distinct times at which an event fell or a span ended.
    came, left : int arrays, shape (r,)
        A span is at risk at the times ``came <= j <= left``.
    gone : bool array, shape (r,)
        Whether the span ended with a terminal exit.
    owner : int array, shape (r,)
    event, who : int arrays, shape (e,)
        Place of each event, and whose it is.
    weight : float array, shape (n,)
    squared : bool
        Whether weights are sampling weights: a person's influence is multiplied by it before squaring.
    group : int array, shape (n,)
    groups : tuple of tuple
    by : tuple of str
    """

    times: np.ndarray
    came: np.ndarray
    left: np.ndarray
    gone: np.ndarray
    owner: np.ndarray
    event: np.ndarray
    who: np.ndarray
    weight: np.ndarray
    squared: bool
    group: np.ndarray
    groups: tuple[tuple, ...]
    by: tuple[str, ...]

    @property
    def scale(self) -> np.ndarray:
        """What multiplies each person's square."""
        return self.weight**2 if self.squared else self.weight

    def part(self, group: int) -> Histories:
        """Return one group, people as they were numbered."""
        spans, events = self.group[self.owner] == group, self.group[self.who] == group
        return replace(
            self, came=self.came[spans], left=self.left[spans], gone=self.gone[spans], owner=self.owner[spans],
            event=self.event[events], who=self.who[events],
        )  # fmt: skip

    def sums(self) -> RiskSums:
        """Return who came and who left by group, the terminal exits as the one cause."""
        m, g = len(self.times), len(self.groups)
        whom, weight = self.group[self.owner], self.weight[self.owner]
        place = (whom * 2 + self.gone) * m + self.left
        exits = np.bincount(place, weight, g * 2 * m).reshape(g, 2, m)
        late = (self.came > 0) & (self.came <= m)
        entries = np.bincount(whom[late] * m + self.came[late] - 1, weight[late], g * m).reshape(g, m)
        start = np.bincount(whom[self.came == 0], weight[self.came == 0], g).astype(float)
        return RiskSums(self.times, exits, entries, start, self.groups)

    def counted(self) -> np.ndarray:
        """Return the weight of events, shape (g, m)."""
        m, g = len(self.times), len(self.groups)
        place = self.group[self.who] * m + self.event
        return np.bincount(place, self.weight[self.who], g * m).reshape(g, m).astype(float)


def read(
    tte: TimeToEvent,
    event: np.ndarray,
    terminal: np.ndarray,
    by: str | Sequence[str] | None,
    until: str | None,
    whole_observation: bool,
    estimator: str,
) -> Histories:
    """Return the histories of all people.

    Parameters
    ----------
    tte : TimeToEvent
    event, terminal : bool arrays, shape (n,)
        Which rows end with an event that counts, and with an exit nobody comes back from.
    by : str or list of str, optional
    until : str, optional
        Covariate that says until when each person was observed, or ``"last_row"``.
    whole_observation : bool
        Whether a person is there from the first row to the end of observation, absences included; else row by row.
    estimator : str
        What errors call it.

    Raises
    ------
    InputError
        Ids missing; rows after a terminal exit; weights or groups that change within a person; an end of observation that is
        unknown, missing, or before the last row.
    """
    who, n = people(tte, estimator)
    order = np.lexsort((tte.time, who))
    who, time = who[order], tte.time[order]
    entry = np.zeros(tte.n) if tte.entry is None else tte.entry[order]
    event, terminal = event[order], terminal[order]
    last = np.append(who[1:] != who[:-1], True)
    after = int((terminal & ~last).sum())
    if after:
        raise InputError(
            f"{estimator}: {after} rows end with a terminal exit and are followed by others of the same id; "
            "an exit people come back from is not terminal: take it out of terminal, or mend the rows"
        )
    columns, groups, group = levels(tte, by)
    group = constant(group[order], who, n, f"by: {', '.join(columns)}", estimator)
    weight = np.ones(tte.n) if tte.weight is None else tte.weight[order]
    weight = constant(weight, who, n, "weight", estimator)
    came_at, left_at, gone = entry, time, terminal
    # Whoever had an event on the day of origin and stays is there once on that day, not twice.
    again = (entry == 0) & np.append(False, (who[1:] == who[:-1]) & (time[:-1] == 0))
    owner = who
    if whole_observation:
        first = np.append(True, who[1:] != who[:-1])
        end = _ends(tte, until, order, who, last, n, time, event, terminal, estimator)
        came_at, left_at, gone, owner = entry[first], end, terminal[last], who[last]
        again = np.zeros(n, dtype=bool)
    times, place = merged(np.concatenate([left_at, time[event]]))
    left, happened = place[: len(left_at)], place[len(left_at) :]
    came = np.where((came_at > 0) | again, _passed(times, came_at), 0)
    return Histories(
        times, came, left, gone, owner, happened, who[event], weight, tte.weight_kind == "sampling", group,
        groups, columns,
    )  # fmt: skip


def people(tte: TimeToEvent, estimator: str) -> tuple[np.ndarray, int]:
    """Return the number of each row's person and how many there are; ids and one clock for all rows are needed."""
    if tte.id is None:
        raise InputError(
            f"{estimator}: counts what happens to one person several times, so it needs ids; "
            "give id= when making the times"
        )
    if tte.clock == "gap":
        raise InputError(
            f"{estimator}: on the gap clock every episode begins again at 0, and a person's rows have no order; "
            "make the times on the entry or calendar clock"
        )
    code, found = pd.factorize(tte.id)
    if (code < 0).any():
        raise InputError(
            f"{estimator}: id: missing in {rows_in_words(code < 0)}; fill it in or leave those rows out"
        )
    return code.astype(np.int64), len(found)


def constant(values: np.ndarray, who: np.ndarray, n: int, what: str, estimator: str) -> np.ndarray:
    """Return one value per person, or say for how many it changes."""
    own = np.empty(n, dtype=values.dtype)
    own[who] = values
    changing = np.unique(who[values != own[who]])
    if len(changing):
        raise InputError(
            f"{estimator}: {what} changes between the rows of {len(changing)} of {n} people; the answer is per person, "
            "so give each person one value"
        )
    return own


def _ends(
    tte: TimeToEvent,
    until: str | None,
    order: np.ndarray,
    who: np.ndarray,
    last: np.ndarray,
    n: int,
    time: np.ndarray,
    event: np.ndarray,
    terminal: np.ndarray,
    estimator: str,
) -> np.ndarray:
    """Return the end of observation of each person."""
    known = terminal[last]
    if until is None or until == LAST_ROW:
        open_end = last & (tte.cause[order] > 0) & ~terminal
        if until is None and open_end.any():
            raise InputError(
                f"{estimator}: for {int(open_end.sum())} of {n} people the last row ends with an exit that is not terminal, so "
                "the rows do not say until when they were observed afterwards. Name the covariate that does: "
                "until='column'; or say until='last_row' if observation ended with that exit"
            )
        return time[last]
    if until not in tte.covariates:
        have = ", ".join(map(str, tte.covariates.columns)) or "none"
        raise InputError(f"until: no column {until!r} among the covariates; they are {have}")
    given = _numbers(tte.covariates[until], until)[order]
    given = constant(given, who, n, f"until: {until}", estimator)
    if tte.horizon is not None:
        # Nothing was kept of what came after.
        given = np.minimum(given, tte.horizon)
    end = np.where(known, time[last], given)
    short = end < time[last]
    if short.any():
        raise InputError(
            f"until: {until!r} is before the end of the last row for {int(short.sum())} of {n} people; "
            "it is the day until which a person was observed, on the clock of the times"
        )
    return end


def _numbers(values: pd.Series, name: str) -> np.ndarray:
    try:
        found = values.to_numpy(dtype=float, na_value=np.nan)
    except (TypeError, ValueError):
        raise InputError(f"until: {name!r} must hold numbers, on the clock of the times") from None
    if not np.isfinite(found).all():
        raise InputError(
            f"until: {name!r} missing or infinite in {rows_in_words(~np.isfinite(found))}; say until when each was observed"
        )
    return found


def _passed(times: np.ndarray, entry: np.ndarray) -> np.ndarray:
    """Return how many times had passed by each entry, times equal but for rounding being one."""
    return np.searchsorted(times * (1 - 1e-12), entry, side="right")


def chosen(tte: TimeToEvent, names: Any, argument: str) -> np.ndarray:
    """Return which rows end with one of these causes.

    Raises
    ------
    InputError
        A name that is no cause.
    """
    names = [names] if isinstance(names, str) else list(names)
    unknown = [name for name in names if name not in tte.causes]
    if unknown:
        raise InputError(
            f"{argument}: {', '.join(map(repr, unknown))} is no cause; they are {', '.join(tte.causes)}"
        )
    return np.isin(tte.cause, [tte.causes.index(name) + 1 for name in names])
