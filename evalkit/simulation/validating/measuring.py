"""What the validation pack reads off a tape: batch means of waits, shares and numbers inside, and curves.

Not the outputs of a scenario: see `tape.outcomes`.

Every function returns values that are as good as independent of one another: one per batch of time, or per group of people. Where
a value is a sum over a number that is random too, both are returned, as two columns: the mean of ratios would be biased.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from evalkit.simulation.engines.stays import BALKED, DONE, LATE, OPEN
from evalkit.simulation.luck.sampler import TICKS_PER_DAY
from evalkit.simulation.tape.log import Tape

#: Of a play to steady state: the share of its time left out at the start, and at the end, where waits are still open.
WARM, TAIL = 0.1, 0.05
#: Batches of a play, each of two hundred days or so: long beside the time in which these queues forget.
BATCHES = 8
Measure = Callable[[Tape], np.ndarray]


def wait(state: str, served: bool = False) -> Measure:
    """Measure the mean wait in days in a state, per batch; of those served only, if so asked."""
    return _batched(
        state, lambda log: (log[:, 5] - log[:, 4]) / TICKS_PER_DAY, (DONE,) if served else (DONE, LATE)
    )


def delayed(state: str) -> Measure:
    """Measure the share of people who had to wait at all."""
    return _batched(state, lambda log: log[:, 5] > log[:, 4], (DONE, LATE))


def gave_up(state: str) -> Measure:
    """Measure the share of people whose patience ended first."""
    return _batched(state, lambda log: log[:, 6] == LATE, (DONE, LATE))


def turned_away(state: str) -> Measure:
    """Measure the share of people who were turned away."""
    return _batched(state, lambda log: log[:, 6] == BALKED, (DONE, LATE, BALKED))


def _batched(state: str, value: Callable[[np.ndarray], np.ndarray], ended: Sequence[int]) -> Measure:
    def measure(tape: Tape) -> np.ndarray:
        log = tape.log[(tape.log[:, 2] == tape.plan.states.index(state)) & np.isin(tape.log[:, 6], ended)]
        return _sums(tape, log[:, 4], value(log))

    return measure


def _sums(tape: Tape, ticks: np.ndarray, values: np.ndarray) -> np.ndarray:
    """Return the sum and the number of the values in each batch, by the tick at which each began."""
    edges = np.linspace(WARM, 1.0 - TAIL, BATCHES + 1) * tape.plan.horizon
    batch = np.searchsorted(edges, ticks, side="right") - 1
    inside = (batch >= 0) & (batch < BATCHES)
    sums = np.bincount(batch[inside], weights=np.asarray(values, dtype=float)[inside], minlength=BATCHES)
    return np.column_stack([sums, np.bincount(batch[inside], minlength=BATCHES)])


def in_system(source: str) -> Measure:
    """Measure the mean time from arrival to exit of the people of a source, per batch."""

    def measure(tape: Tape) -> np.ndarray:
        log = tape.log
        last = np.append(np.diff(log[:, 0]) != 0, True)
        left = log[last & (log[:, 6] != OPEN)]
        left = left[tape.people.codes["source"][left[:, 0]] == tape.plan.sources.index(source)]
        came = tape.people.arrival[left[:, 0]]
        return _sums(tape, came, (left[:, 5] - came) / TICKS_PER_DAY)

    return measure


def number_inside(*states: str) -> Measure:
    """Measure the mean number of people in some states, over the time of each batch."""

    def measure(tape: Tape) -> np.ndarray:
        log = tape.log[_in(tape, states)]
        edges = np.linspace(WARM, 1.0 - TAIL, BATCHES + 1) * tape.plan.horizon
        spent = []
        for first, last in zip(edges, edges[1:], strict=False):
            inside = np.minimum(log[:, 5], last) - np.maximum(log[:, 4], first)
            spent.append(np.clip(inside, 0.0, None).sum())
        return np.array(spent) / np.diff(edges)

    return measure


def number_at(state: str, day: float) -> Measure:
    """Measure how many people are in a state at an instant: one value per play."""

    def measure(tape: Tape) -> np.ndarray:
        tick = day * TICKS_PER_DAY
        log = tape.log[_in(tape, [state])]
        return np.array([float(((log[:, 4] <= tick) & (log[:, 5] > tick)).sum())])

    return measure


def full(states: Sequence[str], beds: int, first_day: int) -> Measure:
    """Measure P(N = beds)/P(N <= beds) of the number of people in some states, seen at the start of each day: one value per play."""

    def measure(tape: Tape) -> np.ndarray:
        log = tape.log[_in(tape, states)]
        days = np.arange(first_day, tape.plan.horizon // TICKS_PER_DAY) * TICKS_PER_DAY
        came = np.searchsorted(np.sort(log[:, 4]), days, side="right")
        went = np.searchsorted(np.sort(log[:, 5]), days, side="right")
        inside = came - went
        return np.array([[(inside == beds).sum(), (inside <= beds).sum()]], dtype=float)

    return measure


def reached(state: str, by: float | None = None) -> Measure:
    """Measure the share of people who enter a state, by a day if one is given, per group of people."""

    def measure(tape: Tape) -> np.ndarray:
        log = tape.log[_in(tape, [state])]
        if by is not None:
            log = log[log[:, 4] <= by * TICKS_PER_DAY]
        return _by_group(tape, np.isin(np.arange(len(tape.people)), log[:, 0]))

    return measure


def lifetime(tape: Tape) -> np.ndarray:
    """Measure the mean time from arrival to exit, per group of people, in a play at whose end everybody has left."""
    last = np.append(np.diff(tape.log[:, 0]) != 0, True)
    return _by_group(tape, (tape.log[last, 5] - tape.people.arrival) / TICKS_PER_DAY)


def stayed(state: str, days: float) -> Measure:
    """Measure the share of people who stay longer than so many days in a state, per group of people."""

    def measure(tape: Tape) -> np.ndarray:
        log = tape.log[_in(tape, [state])]
        return _by_group(tape, log[:, 5] - log[:, 4] > days * TICKS_PER_DAY)

    return measure


def incidence(state: str, cause: str, day: float) -> Measure:
    """Measure the cumulative incidence of leaving a state for another by a day since entry, per group of people (Aalen-Johansen).

    Notes
    -----
    Those still inside at the end are censored there. Aalen and Johansen (1978), Scandinavian Journal of Statistics 5(3), 141-150.
    """

    def measure(tape: Tape) -> np.ndarray:
        here = np.flatnonzero(_in(tape, [state]))
        log = tape.log[here]
        follows = np.append(tape.log[:, 2], -1)[here + 1]
        gone = np.where(log[:, 6] == OPEN, -1, follows)
        time = log[:, 5] - log[:, 4]
        wanted = tape.plan.states.index(cause)
        groups = [np.arange(g, len(log), BATCHES) for g in range(BATCHES)]
        return np.array([_aalen_johansen(time[g], gone[g], wanted, day * TICKS_PER_DAY) for g in groups])

    return measure


def _aalen_johansen(time: np.ndarray, cause: np.ndarray, wanted: int, upto: float) -> float:
    ever, free = 0.0, 1.0
    for t in np.unique(time[(cause >= 0) & (time <= upto)]):
        at_risk, gone = (time >= t).sum(), (time == t) & (cause >= 0)
        ever += free * (gone & (cause == wanted)).sum() / at_risk
        free *= 1.0 - gone.sum() / at_risk
    return ever


def off_by(state: str, served: Callable[[np.ndarray], np.ndarray]) -> Measure:
    """Measure by how much, in days and at most, a queue differs from its recursion on the same arrivals: 0 if the engine is right."""

    def measure(tape: Tape) -> np.ndarray:
        log = tape.log[_in(tape, [state])]
        log = log[np.lexsort((log[:, 0], log[:, 4]))]
        told = np.where(log[:, 6] == OPEN, np.inf, log[:, 5].astype(float))
        expected = served(log[:, 4])
        if len(log) == 0 or (np.isinf(told) != np.isinf(expected)).any():
            return np.array([np.inf])
        known = np.isfinite(told)
        return np.array([np.abs(told[known] - expected[known]).max() / TICKS_PER_DAY])

    return measure


def _in(tape: Tape, states: Sequence[str]) -> np.ndarray:
    return np.isin(tape.log[:, 2], [tape.plan.states.index(s) for s in states])


def _by_group(tape: Tape, values: np.ndarray) -> np.ndarray:
    """Return the mean of one value per person in each of a few groups of people."""
    return np.array([np.asarray(values, dtype=float)[g::BATCHES].mean() for g in range(BATCHES)])
