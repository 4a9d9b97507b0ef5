"""The compiled engine: the same tape as the readable one, to the bit.

Not another model: it reads the flat form of the same plan, in the same order of simultaneous events (time, kind, identity).

Sites that share no pool have nothing to do with each other: they are played one after the other, each in the cache of a core.
"""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numba
import numpy as np

from evalkit.simulation.engines import draws_numba, layout, moves_numba
from evalkit.simulation.engines.draws_numba import part
from evalkit.simulation.engines.layout import (
    ARRIVAL,
    AT,
    BITS,
    CAME,
    END_QUEUE,
    ENTERS,
    ENTERS_HOW,
    ENTERS_LAST,
    ENTERS_NEXT,
    ENTERS_STATE,
    FREE,
    FULL,
    GRANTED_POOL,
    HEAD,
    HEAP,
    HORIZON,
    LEFT_STATE,
    MOVING,
    N_POOLS,
    N_TRACKS,
    NOW,
    OPEN_NUMBER,
    OPEN_POOL,
    OPEN_QUEUE,
    OPEN_WHAT,
    OPENED,
    ROWS,
    STATE,
    STAY,
    World,
)
from evalkit.simulation.engines.moves_numba import (
    ARRIVE,
    ENDS,
    MOVED,
    USUAL,
    catch_up,
    enter,
    enters,
    go_on,
    leave,
    out_of_line,
    serve,
)
from evalkit.simulation.engines.sheet import Sheet, crowd, lucky
from evalkit.simulation.engines.sheet import sheet as flat
from evalkit.simulation.engines.stays import LATE, OPEN, Log, in_order
from evalkit.simulation.luck import philox_numba, sampler
from evalkit.simulation.luck.keyed import Luck
from evalkit.simulation.luck.population import People
from evalkit.simulation.plan.capacity import ADD
from evalkit.simulation.plan.numbers import Plan

_LATEST = np.int64(1 << 62)


class _Room(threading.local):
    """Memory kept from one play to the next, by each thread for itself: to the system, fresh pages are dearer than a small play."""

    #: Numbers of an array that is kept at most: 64 MB.
    most = 1 << 23

    def __init__(self) -> None:
        self.kept: dict[str, np.ndarray] = {}

    def of(self, name: str, shape: tuple[int, int], dtype: type = np.int64) -> np.ndarray:
        """Return an array of a shape, with whatever stands in it."""
        size = shape[0] * shape[1]
        kept = self.kept.get(name)
        if kept is None or len(kept) < size:
            kept = np.empty(size, dtype=dtype)
            self.keep(name, kept)
        return kept[:size].reshape(shape)

    def keep(self, name: str, values: np.ndarray) -> None:
        """Keep an array for the next play, unless it is very large or a larger one is there."""
        if len(self.kept.get(name, ())) < values.size <= self.most:
            self.kept[name] = values.reshape(-1)


_ROOM = _Room()


def run(plan: Plan, people: People, luck: Luck) -> Log:
    """Play once and return what happened."""
    sheet, a = flat(plan), crowd(plan, people)
    group = sheet.group[people.codes["site"]]
    who, first = _apart(group, int(sheet.group.max()) + 1)
    if len(first) > 2:
        a = _regrouped(a, who, people, layout.TRAITS + len(sheet.traits), first[group[who]])
    comes = np.flatnonzero(a[:, ARRIVAL] < plan.horizon)
    comes = comes[np.lexsort((a[comes, ARRIVAL], group[who[comes]]))]
    come = np.searchsorted(comes, first)
    rows, heap = _ROOM.of("rows", (16 * int(np.diff(first).max()) + 4096, 3)), _ROOM.of("heap", (4096, 2))
    stays = np.zeros(len(a), dtype=np.int64)
    played, changes = [], [np.zeros((0, 4), dtype=np.int64)]
    for g, openings in enumerate(sheet.openings):
        here = slice(first[g], first[g + 1])
        if first[g] < first[g + 1]:
            came = comes[come[g] : come[g + 1]] - first[g]
            rows, heap, written = _play(sheet, luck, a[here], came, openings, rows, heap)
            stays[who[here]], packed, moved = _pack(rows, written, who[here])
            played.append((here, packed))
            changes.append(moved)
    arrival = people.arrival.copy()
    arrival[who] = a[:, ARRIVAL]
    _ROOM.keep("rows", rows)
    _ROOM.keep("heap", heap)
    del a, rows, heap
    return Log(
        _unpacked(stays, played, who, arrival, len(sheet.s)), in_order(np.concatenate(changes)), arrival
    )


def _unpacked(
    stays: np.ndarray,
    played: list[tuple[slice, np.ndarray]],
    who: np.ndarray,
    arrival: np.ndarray,
    states: int,
) -> np.ndarray:
    """Return everybody's stays in the order of identities; what is unpacked is dropped, since a million youths fill a gigabyte."""
    begin = np.cumsum(stays) - stays
    out = np.empty((int(stays.sum()), 7), dtype=np.int64)
    while played:
        here, packed = played.pop()
        _unpack(out, begin, stays, packed, who[here], arrival, np.zeros(states, dtype=np.int64))
    return out


def _apart(group: np.ndarray, groups: int) -> tuple[np.ndarray, np.ndarray]:
    """Return the people group by group, in the order of identities within each, and where each group begins."""
    if groups == 1:
        return np.arange(len(group)), np.array([0, len(group)])
    who = np.argsort(group, kind="stable")
    return who, np.searchsorted(group[who], np.arange(groups + 1))


def _regrouped(a: np.ndarray, who: np.ndarray, people: People, bring: int, begins: np.ndarray) -> np.ndarray:
    """Return the rows of people group by group; those whom somebody may bring are named by their place within the group."""
    a = a[who]
    if people.bring:
        place = np.empty(len(who) + 1, dtype=np.int64)
        place[who], place[-1] = np.arange(len(who)), -1
        child = place[a[:, bring:]]
        a[:, bring:] = np.where(child >= 0, child - begins[:, None], -1)
    return a


def _play(
    sheet: Sheet, luck: Luck, a: np.ndarray, comes: np.ndarray, openings: np.ndarray, rows: np.ndarray, heap: np.ndarray
) -> tuple[np.ndarray, np.ndarray, int]:  # fmt: skip
    """Play one group of sites; return its log and what was due, to be used again, and how many rows of the log are written."""
    slack = 1024
    while True:
        c = lucky(sheet.c, luck)
        c[BITS] = max(len(a) - 1, 1).bit_length()
        p = _ROOM.of("people", (len(a), MOVING + 3 * int(c[N_TRACKS]) + int(c[N_POOLS])))
        p[:] = 0
        p[:, [STATE, GRANTED_POOL, END_QUEUE, LEFT_STATE]] = -1
        p[:, MOVING + c[N_TRACKS] : MOVING + 2 * c[N_TRACKS]] = -1
        v, q = _ROOM.of("visits", (len(a), len(sheet.s)), np.int32), sheet.q.copy()
        v[:] = 0
        while not _go(c, sheet.t, sheet.f, sheet.s, sheet.d, a, p, v, q, heap, rows, comes, openings, slack):
            heap = _roomier(heap, int(c[HEAP]), slack)
            rows = _roomier(rows, int(c[ROWS]), slack + len(a) * (1 + int(c[N_TRACKS])))
        if not c[FULL]:
            return rows, heap, int(c[ROWS])
        # More happened within one instant than there was room for: the same group again, with more.
        slack *= 4


def _roomier(values: np.ndarray, used: int, more: int) -> np.ndarray:
    """Return an array with room for so many rows more."""
    if used + more <= len(values):
        return values
    out = np.empty((len(values) + (len(values) >> 1) + more, values.shape[1]), dtype=np.int64)
    out[:used] = values[:used]
    return out


# ---- one group of sites -------------------------------------------------------------------------------------------------
@part
def _settle(w):
    """Let those enter who are to, in the order in which they were set moving."""
    while w.c[ENTERS] >= 0:
        i = w.c[ENTERS]
        w.c[ENTERS] = w.p[i, ENTERS_NEXT]
        if w.c[ENTERS] < 0:
            w.c[ENTERS_LAST] = -1
        enter(w, i, w.p[i, ENTERS_STATE], w.p[i, ENTERS_HOW])


@part
def _pop(w):
    """Take the first off what is due; its key and value were read before."""
    n = w.c[HEAP] - 1
    w.c[HEAP] = n
    key, value = w.heap[n, 0], w.heap[n, 1]
    k = 0
    while True:
        child = 4 * k + 1
        if child >= n:
            break
        least, least_key = child, w.heap[child, 0]
        for other in range(child + 1, min(child + 4, n)):
            if w.heap[other, 0] < least_key:
                least, least_key = other, w.heap[other, 0]
        if least_key >= key:
            break
        w.heap[k, 0], w.heap[k, 1] = least_key, w.heap[least, 1]
        k = least
    w.heap[k, 0], w.heap[k, 1] = key, value


@part
def _happen(w):
    """Let the first thing due happen: an arrival, the end of a delay, or a limit, unless the person has left that stay."""
    key, value, bits = w.heap[0, 0], w.heap[0, 1], w.c[BITS]
    i, kind = key & ((1 << bits) - 1), (key >> bits) & 3
    _pop(w)
    if kind == ARRIVE:
        enters(w, i, w.a[i, HEAD], USUAL)
    elif w.p[i, STAY] == value >> 1:
        if kind == ENDS:
            go_on(w, i, value & 1)
        else:
            out_of_line(w, i)
            w.p[i, LEFT_STATE] = -1
            go_on(w, i, LATE)


@part
def _open(w, openings, k):
    """Let everything of one instant open or change, from row k on; return the row after."""
    tick = openings[k, AT]
    while k < len(openings) and openings[k, AT] == tick:
        q = openings[k, OPEN_QUEUE]
        before = w.q[q, FREE] if openings[k, OPEN_WHAT] == ADD else 0
        w.q[q, FREE] = before + openings[k, OPEN_NUMBER]
        serve(w, openings[k, OPEN_POOL], q)
        k += 1
    return k


@part
def _close(w):
    """Write those still inside at the horizon."""
    w.c[NOW] = w.c[HORIZON]
    for i in range(len(w.a)):
        if w.p[i, STATE] >= 0:
            catch_up(w, i, w.c[HORIZON] - 1)
            leave(w, i, OPEN)


@part
def _through(w, comes, openings, slack):
    """Play on to the horizon, or until there is no room for what one instant more may bring; tell which."""
    c = w.c
    shift = c[BITS] + 2
    while not c[FULL]:
        if c[HEAP] + slack > len(w.heap) or c[ROWS] + slack > len(w.rows):
            return False
        opens = openings[c[OPENED], AT] << shift if c[OPENED] < len(openings) else _LATEST
        arrives = _LATEST
        if c[CAME] < len(comes):
            i = comes[c[CAME]]
            arrives = (((w.a[i, ARRIVAL] << 2) | ARRIVE) << c[BITS]) | i
        first = min(opens, arrives, w.heap[0, 0] if c[HEAP] > 0 else _LATEST)
        if first >> shift >= c[HORIZON]:
            if c[ROWS] + len(w.a) * (1 + c[N_TRACKS]) > len(w.rows):
                return False
            _close(w)
            return True
        c[NOW] = first >> shift
        if first == opens:
            c[OPENED] = _open(w, openings, c[OPENED])
        elif first == arrives:
            enters(w, comes[c[CAME]], w.a[comes[c[CAME]], HEAD], USUAL)
            c[CAME] += 1
        else:
            _happen(w)
        _settle(w)
    return True


# ---- the log ------------------------------------------------------------------------------------------------------------
def _to_pack(rows, written, who):
    """Return how many stays each person of a group has, the stays in the order of persons, and changes of tracks as they came.

    A stay knows its number, so a count is enough to place it. It begins when the one before it ends: last tick, state and how it
    ended, in one whole number, are enough.
    """
    many, moves = np.zeros(len(who), dtype=np.int64), 0
    for k in range(written):
        if rows[k, 1] & 255 == MOVED:
            moves += 1
        else:
            many[rows[k, 0] >> 32] += 1
    at = 0
    first = np.empty(len(who), dtype=np.int64)
    for i in range(len(who)):
        first[i] = at
        at += many[i]
    packed, changes = np.empty(at, dtype=np.int64), np.empty((moves, 4), dtype=np.int64)
    moves = 0
    for k in range(written):
        i, number, what = rows[k, 0] >> 32, rows[k, 0] & 0xFFFFFFFF, rows[k, 1]
        if what & 255 == MOVED:
            changes[moves, 0], changes[moves, 1] = who[i], number
            changes[moves, 2], changes[moves, 3] = what >> 8, rows[k, 2]
            moves += 1
        else:
            packed[first[i] + number] = (rows[k, 2] << 24) | what
    return many, packed, changes


def _to_unpack(out, begin, stays, packed, who, arrival, visits):
    """Write the stays of a group where they belong: person, stay, state, visit, first tick, last tick, how it ended."""
    at = 0
    for i in who:
        start, row, first = arrival[i], begin[i], at
        for number in range(stays[i]):
            s, stop = (packed[at] >> 8) & 0xFFFF, packed[at] >> 24
            out[row, 0], out[row, 1], out[row, 2], out[row, 3] = i, number, s, visits[s]
            out[row, 4], out[row, 5], out[row, 6] = start, stop, packed[at] & 255
            visits[s] += 1
            start = stop
            at += 1
            row += 1
        for k in range(first, at):
            visits[(packed[k] >> 8) & 0xFFFF] = 0


# ---- what is kept on disk -----------------------------------------------------------------------------------------------
def _sources() -> str:
    """Return the digest of all that is compiled: numba looks at one file alone to see whether what it kept still holds."""
    files = [Path(m.__file__ or "") for m in (sampler, philox_numba, layout, draws_numba, moves_numba)]
    return hashlib.sha256(b"".join(f.read_bytes() for f in (*files, Path(__file__)))).hexdigest()


def _entry(digest: str) -> Callable[..., Any]:
    """Return the entry to the engine, kept on disk under a digest."""

    def go(c, t, f, s, d, a, p, v, q, heap, rows, comes, openings, slack):
        return len(digest) > 0 and _through(
            World(c, t, f, s, d, a, p, v, q, heap, rows), comes, openings, slack
        )

    return numba.njit(_nrt=False, error_model="numpy", cache=True)(go)


_go = _entry(_sources())
_pack = numba.njit(error_model="numpy", cache=True)(_to_pack)
_unpack = numba.njit(_nrt=False, error_model="numpy", cache=True)(_to_unpack)
