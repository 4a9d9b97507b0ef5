"""The compiled engine: the same tape as the readable one, to the bit.

Not another model: it reads the flat form of the same plan, in the same order of simultaneous events (time, kind, identity).

Sites that share no pool have nothing to do with each other: they are played one after the other, each in the cache of a core.
"""

from __future__ import annotations

import hashlib
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
    BASE,
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
    rows, heap, written = np.empty((4 * len(a) + 4096, 4), np.int64), np.empty((4096, 2), np.int64), 0
    for g, openings in enumerate(sheet.openings):
        mine = a[first[g] : first[g + 1]]
        if len(mine):
            came = comes[come[g] : come[g + 1]] - first[g]
            rows, heap, written = _play(sheet, luck, mine, came, openings, first[g], rows, heap, written)
    stays, changes = _in_order(rows, written, who)
    arrival = people.arrival
    if plan.brings:
        arrival = np.empty(len(a), dtype=np.int64)
        arrival[who] = a[:, ARRIVAL]
    return Log(stays, in_order(changes), arrival)


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
    sheet: Sheet, luck: Luck, a: np.ndarray, comes: np.ndarray, openings: np.ndarray, base: int, rows: np.ndarray,
    heap: np.ndarray, written: int,
) -> tuple[np.ndarray, np.ndarray, int]:  # fmt: skip
    """Play one group of sites; return the log, what was due (to be used again), and how many rows of the log are written."""
    slack = 1024
    while True:
        c = lucky(sheet.c, luck)
        c[BASE], c[ROWS], c[BITS] = base, written, max(len(a) - 1, 1).bit_length()
        p = np.zeros((len(a), MOVING + 3 * c[N_TRACKS] + c[N_POOLS]), dtype=np.int64)
        p[:, [STATE, GRANTED_POOL, END_QUEUE, LEFT_STATE]] = -1
        p[:, MOVING + c[N_TRACKS] : MOVING + 2 * c[N_TRACKS]] = -1
        v, q = np.zeros((len(a), len(sheet.s)), dtype=np.int32), sheet.q.copy()
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


def _sorted(rows, written, who):
    """Return stays in the order of persons and stays (each knows its number, so a count is enough), and changes as they came."""
    first, moves = np.zeros(len(who) + 1, dtype=np.int64), 0
    for k in range(written):
        if rows[k, 1] & 255 == MOVED:
            moves += 1
        else:
            first[who[rows[k, 0] >> 32] + 1] += 1
    for i in range(len(who)):
        first[i + 1] += first[i]
    stays, changes = np.empty((written - moves, 7), dtype=np.int64), np.empty((moves, 4), dtype=np.int64)
    moves = 0
    for k in range(written):
        i, number, what = who[rows[k, 0] >> 32], rows[k, 0] & 0xFFFFFFFF, rows[k, 1]
        if what & 255 == MOVED:
            changes[moves, 0], changes[moves, 1] = i, number
            changes[moves, 2], changes[moves, 3] = what >> 8, rows[k, 2]
            moves += 1
        else:
            at = first[i] + number
            stays[at, 0], stays[at, 1], stays[at, 2] = i, number, (what >> 8) & 0xFFFFFF
            stays[at, 3], stays[at, 4], stays[at, 5] = what >> 32, rows[k, 2], rows[k, 3]
            stays[at, 6] = what & 255
    return stays, changes


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
_in_order = numba.njit(error_model="numpy", cache=True)(_sorted)
