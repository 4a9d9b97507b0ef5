"""The compiled engine: the same tape as the readable one, to the bit.

Not another model: it reads the flat form of the same plan, in the same order of simultaneous events (time, kind, identity).
"""

from __future__ import annotations

from collections import namedtuple

import numba
import numpy as np

from evalkit.simulation.engines.draws_numba import log, philox, ticks_of, uniform, visit
from evalkit.simulation.engines.sheet import crowd as flat_people
from evalkit.simulation.engines.sheet import sheet as flat_plan
from evalkit.simulation.engines.stays import BALKED, DONE, LATE, LEFT, OPEN, PREEMPTED, Log
from evalkit.simulation.luck.keyed import Luck
from evalkit.simulation.luck.population import People
from evalkit.simulation.luck.sampler import NEVER
from evalkit.simulation.plan.capacity import ADD
from evalkit.simulation.plan.numbers import EXIT, WAIT, Plan

jit = numba.njit(cache=True)
_NEVER = np.int64(NEVER)
_ARRIVE, _END, _LIMIT = 1, 2, 3
_USUAL, _FIRST, _RESUME = 0, 1, 2
#: Places of the counters: log rows, heap size, ring first and length, turns, track changes, and whether something did not fit.
_ROWS, _HEAP, _RING, _RINGED, _TURN, _MOVES, _FULL = range(7)

#: What is true of each person now, and of each queue and line.
World = namedtuple(
    "World",
    "now count state since stay visits done late previous next held granted_pool granted_from queue_of_end end how "
    "served_previous served_next served_from served_turn left_state left_rest left_how left_done left_late "
    "standing coming_tick coming_level arrived free waiting head tail served ring_person ring_state ring_how",
)
#: What happened so far, and what is due.
Book = namedtuple("Book", "person stay state visit start stop how key value track_person track level tick")


def run(plan: Plan, people: People, luck: Luck) -> Log:
    """Play once and return what happened."""
    sheet, crowd = flat_plan(plan), flat_people(plan, people, luck)
    room = 4 * len(people) + 4096
    while True:
        full, stays, changes, arrived = _play(sheet, crowd, room)
        if not full:
            return Log.of(stays, changes, arrived)
        # More happened within one instant than there was room for: the same play again, with more.
        room *= 4


@jit
def _ints(n, fill):
    return np.full(n, fill, dtype=np.int32)


@jit
def _world(sheet, crowd):
    n, pools = len(crowd.identity), sheet.pools
    lines, queues, tracks = pools.line_start[-1], len(pools.free), sheet.n_tracks
    return World(
        np.zeros(1, dtype=np.int64), np.zeros(7, dtype=np.int64), _ints(n, -1), np.zeros(n, dtype=np.int64), _ints(n, 0),
        np.zeros((n, len(sheet.states.kind)), dtype=np.int32), _ints(n, -1), _ints(n, -1), _ints(n, -1), _ints(n, -1),
        np.zeros(n, dtype=np.uint64), _ints(n, -1), _ints(n, -1), _ints(n, -1), np.zeros(n, dtype=np.int64), _ints(n, 0),
        _ints(n, -1), _ints(n, -1), _ints(n, -1), np.zeros(n, dtype=np.int64), _ints(n, -1), np.zeros(n, dtype=np.int64),
        _ints(n, 0), _ints(n, -1), _ints(n, -1), np.zeros((n, tracks), dtype=np.int32),
        np.full((n, tracks), -1, dtype=np.int64), np.zeros((n, tracks), dtype=np.int32), crowd.arrival.copy(),
        pools.free.copy(), np.zeros(queues, dtype=np.int64), _ints(lines, -1), _ints(lines, -1), _ints(queues, -1),
        _ints(n + 1, 0), _ints(n + 1, 0), _ints(n + 1, 0),
    )  # fmt: skip


@jit
def _book(rows, due, moves):
    return Book(
        _ints(rows, 0), _ints(rows, 0), np.empty(rows, dtype=np.int16), _ints(rows, 0), np.empty(rows, dtype=np.int64),
        np.empty(rows, dtype=np.int64), np.empty(rows, dtype=np.int8), np.empty(due, dtype=np.int64),
        np.empty(due, dtype=np.int64), _ints(moves, 0), np.empty(moves, dtype=np.int16), _ints(moves, 0),
        np.empty(moves, dtype=np.int64),
    )  # fmt: skip


@jit
def _more(values, size):
    out = np.empty(size, dtype=values.dtype)
    out[: len(values)] = values
    return out


@jit
def _roomier(book, world, slack):
    """Return a book with room for what one instant may bring."""
    rows, due, moves = len(book.person), len(book.key), len(book.track_person)
    if world.count[_ROWS] + slack > rows:
        rows = 2 * rows + slack
    if world.count[_HEAP] + slack > due:
        due = 2 * due + slack
    if world.count[_MOVES] + slack > moves and moves > 0:
        moves = 2 * moves + slack
    if rows == len(book.person) and due == len(book.key) and moves == len(book.track_person):
        return book
    return Book(
        _more(book.person, rows), _more(book.stay, rows), _more(book.state, rows), _more(book.visit, rows),
        _more(book.start, rows), _more(book.stop, rows), _more(book.how, rows), _more(book.key, due), _more(book.value, due),
        _more(book.track_person, moves), _more(book.track, moves), _more(book.level, moves), _more(book.tick, moves),
    )  # fmt: skip


# ---- what is due: a heap of keys, four children to a place --------------------------------------------------------------
@jit
def _push(world, book, key, value):
    k = world.count[_HEAP]
    if k >= len(book.key):
        world.count[_FULL] = 1
        return
    world.count[_HEAP] = k + 1
    keys, values = book.key, book.value
    while k > 0:
        above = (k - 1) >> 2
        if keys[above] <= key:
            break
        keys[k], values[k] = keys[above], values[above]
        k = above
    keys[k], values[k] = key, value


@jit
def _pop(world, book):
    """Take the first off; its key and value were read before."""
    n = world.count[_HEAP] - 1
    world.count[_HEAP] = n
    keys, values = book.key, book.value
    key, value = keys[n], values[n]
    k = 0
    while True:
        first = 4 * k + 1
        if first >= n:
            break
        least = first
        for child in range(first + 1, min(first + 4, n)):
            if keys[child] < keys[least]:
                least = child
        if keys[least] >= key:
            break
        keys[k], values[k] = keys[least], values[least]
        k = least
    keys[k], values[k] = key, value


@jit
def _due(world, book, n, tick, kind, i, value):
    _push(world, book, tick * (4 * n) + kind * n + i, value)


# ---- moves --------------------------------------------------------------------------------------------------------------
@jit
def _will_enter(world, i, s, how):
    size = len(world.ring_person)
    k = (world.count[_RING] + world.count[_RINGED]) % size
    world.ring_person[k], world.ring_state[k], world.ring_how[k] = i, s, how
    world.count[_RINGED] += 1


@jit
def _leave(world, book, i, how):
    k = world.count[_ROWS]
    if k >= len(book.person):
        world.count[_FULL] = 1
    else:
        s = world.state[i]
        book.person[k], book.stay[k], book.state[k] = i, world.stay[i], s
        book.visit[k], book.start[k] = world.visits[i, s] - 1, world.since[i]
        book.stop[k], book.how[k] = world.now[0], how
        world.count[_ROWS] = k + 1
    world.stay[i] += 1
    world.state[i] = -1
    if world.queue_of_end[i] >= 0:
        _cannot_be_preempted(world, i)


@jit
def _go_on(world, book, i, how):
    _leave(world, book, i, how)
    _will_enter(world, i, world.done[i] if how == DONE else world.late[i], _USUAL)


@jit
def _enter(sheet, crowd, world, book, i, s, entered):
    states, now = sheet.states, world.now[0]
    pool_granted, waited_in = world.granted_pool[i], world.granted_from[i]
    world.granted_pool[i] = -1
    while True:
        number = world.visits[i, s]
        world.visits[i, s] = number + 1
        world.state[i], world.since[i] = s, now
        if entered == _RESUME:
            world.done[i], world.late[i] = world.left_done[i], world.left_late[i]
            world.left_state[i] = -1
            rest = world.left_rest[i]
            _stay_until(sheet, crowd, world, book, i, rest, world.left_how[i], pool_granted, waited_in)
            return
        for k in range(states.release_start[s], states.release_start[s + 1]):
            _release(sheet, crowd, world, book, i, states.release[k])
        if sheet.n_tracks > 0:
            _change_tracks(sheet, crowd, world, book, i, s, number)
        for k in range(states.bring_start[s], states.bring_start[s + 1]):
            _bring(sheet, crowd, world, book, i, states.bring_rule[k], number)
        if states.kind[s] == EXIT:
            _leave(world, book, i, LEFT)
            return
        duration, limit, done, late = visit(
            sheet, crowd, s, number, i, now, world.standing, world.coming_tick, world.coming_level
        )
        world.done[i], world.late[i] = done, late
        if states.kind[s] == WAIT:
            if states.balk_to[s] >= 0 and entered == _USUAL and _turned_away(sheet, crowd, world, i, s):
                _leave(world, book, i, BALKED)
                s = states.balk_to[s]
                continue
            _queue(sheet, crowd, world, book, i, s, limit, entered)
            return
        how = LATE if limit < duration else DONE
        delay = limit if how == LATE else max(duration, states.not_before[s] - now)
        if delay > 0:
            _stay_until(sheet, crowd, world, book, i, delay, how, pool_granted, waited_in)
            return
        pool_granted = -1
        _leave(world, book, i, how)
        s = done if how == DONE else late


@jit
def _stay_until(sheet, crowd, world, book, i, delay, how, pool, waited_in):
    end = world.now[0] + delay
    if end < sheet.horizon:
        _due(world, book, len(crowd.identity), end, _END, i, (np.int64(world.stay[i]) << 1) | how)
    if pool >= 0:
        q = sheet.pools.queue[pool, crowd.site[i]]
        world.count[_TURN] += 1
        world.queue_of_end[i], world.end[i], world.how[i] = q, end, how
        world.served_from[i], world.served_turn[i] = waited_in, world.count[_TURN]
        first = world.served[q]
        world.served_previous[i], world.served_next[i] = -1, first
        if first >= 0:
            world.served_previous[first] = i
        world.served[q] = i


# ---- tracks and those whom one brings -----------------------------------------------------------------------------------
@jit
def _catch_up(world, book, i, tick):
    for t in range(world.standing.shape[1]):
        when = world.coming_tick[i, t]
        if when >= 0 and when <= tick:
            level = world.coming_level[i, t]
            if level != world.standing[i, t]:
                k = world.count[_MOVES]
                if k >= len(book.track_person):
                    world.count[_FULL] = 1
                else:
                    book.track_person[k], book.track[k], book.level[k], book.tick[k] = i, t, level, when
                    world.count[_MOVES] = k + 1
            world.standing[i, t] = level
            world.coming_tick[i, t] = -1


@jit
def _change_tracks(sheet, crowd, world, book, i, s, number):
    states, now = sheet.states, world.now[0]
    _catch_up(world, book, i, now)
    for k in range(states.change_start[s], states.change_start[s + 1]):
        words = philox(
            crowd.identity[i], states.change_key[k], np.uint64(number), crowd.seed, crowd.replication
        )
        if uniform(words[2]) < states.change_share[k]:
            e = -log(uniform(words[0])) / 1.0
            t = states.change_track[k]
            world.coming_tick[i, t] = now + ticks_of(sheet.laws, states.change_law[k], e)
            world.coming_level[i, t] = states.change_level[k]
    _catch_up(world, book, i, now)


@jit
def _bring(sheet, crowd, world, book, i, rule, number):
    most = sheet.most[rule]
    if number >= most:
        return
    child = crowd.bring[crowd.bring_start[rule] + np.int64(i) * most + number]
    if child >= 0:
        tick = world.now[0] + crowd.after[child]
        if tick < sheet.horizon:
            world.arrived[child] = tick
            _due(world, book, len(crowd.identity), tick, _ARRIVE, child, np.int64(0))


# ---- pools --------------------------------------------------------------------------------------------------------------
@jit
def _turned_away(sheet, crowd, world, i, s):
    p = sheet.states.pool[s]
    q = sheet.pools.queue[p, crowd.site[i]]
    at = q - sheet.pools.queue[p].min()
    return world.free[q] <= 0 and world.waiting[q] >= sheet.states.balk_at[s, at]


@jit
def _queue(sheet, crowd, world, book, i, s, limit, entered):
    pools, p = sheet.pools, sheet.states.pool[s]
    q = pools.queue[p, crowd.site[i]]
    line = pools.line_start[q] + sheet.states.line[s]
    if entered == _FIRST:
        first = world.head[line]
        world.previous[i], world.next[i] = -1, first
        if first >= 0:
            world.previous[first] = i
        else:
            world.tail[line] = i
        world.head[line] = i
    else:
        last = world.tail[line]
        world.previous[i], world.next[i] = last, -1
        if last >= 0:
            world.next[last] = i
        else:
            world.head[line] = i
        world.tail[line] = i
    world.waiting[q] += 1
    if sheet.states.preempt[s] and world.free[q] <= 0 and entered == _USUAL:
        _preempt(sheet, world, book, p, q, sheet.states.priority[s])
    stay = world.stay[i]
    _serve(sheet, crowd, world, book, p, q)
    if world.state[i] >= 0 and world.now[0] + limit < sheet.horizon:
        _due(world, book, len(crowd.identity), world.now[0] + limit, _LIMIT, i, np.int64(stay))


@jit
def _out_of_line(sheet, crowd, world, i):
    """Take out of its line somebody who waits."""
    s = world.state[i]
    q = sheet.pools.queue[sheet.states.pool[s], crowd.site[i]]
    line = sheet.pools.line_start[q] + sheet.states.line[s]
    before, after = world.previous[i], world.next[i]
    if before >= 0:
        world.next[before] = after
    else:
        world.head[line] = after
    if after >= 0:
        world.previous[after] = before
    else:
        world.tail[line] = before
    world.waiting[q] -= 1


@jit
def _serve(sheet, crowd, world, book, p, q):
    pools = sheet.pools
    for line in range(pools.line_start[q], pools.line_start[q + 1]):
        while world.head[line] >= 0 and world.free[q] > 0:
            i = world.head[line]
            _out_of_line(sheet, crowd, world, i)
            world.free[q] -= 1
            if pools.held[p]:
                world.held[i] |= np.uint64(1) << np.uint64(p)
            if pools.preemptible[p]:
                world.granted_pool[i], world.granted_from[i] = p, world.state[i]
            if world.left_state[i] >= 0:
                _leave(world, book, i, DONE)
                _will_enter(world, i, world.left_state[i], _RESUME)
            else:
                _go_on(world, book, i, DONE)


@jit
def _release(sheet, crowd, world, book, i, p):
    bit = np.uint64(1) << np.uint64(p)
    if world.held[i] & bit:
        world.held[i] &= ~bit
        q = sheet.pools.queue[p, crowd.site[i]]
        world.free[q] += 1
        _serve(sheet, crowd, world, book, p, q)


# ---- preemption ---------------------------------------------------------------------------------------------------------
@jit
def _cannot_be_preempted(world, i):
    q = world.queue_of_end[i]
    before, after = world.served_previous[i], world.served_next[i]
    if before >= 0:
        world.served_next[before] = after
    else:
        world.served[q] = after
    if after >= 0:
        world.served_previous[after] = before
    world.queue_of_end[i] = -1


@jit
def _preempt(sheet, world, book, p, q, priority):
    """Take a unit back from the least urgent of those served, the last served among equals, if less urgent than this."""
    worst, i = np.int64(-1), world.served[q]
    while i >= 0:
        if worst < 0:
            worst = np.int64(i)
        else:
            mine, his = (
                sheet.states.priority[world.served_from[i]],
                sheet.states.priority[world.served_from[worst]],
            )
            if mine > his or (mine == his and world.served_turn[i] > world.served_turn[worst]):
                worst = np.int64(i)
        i = world.served_next[i]
    if worst < 0 or sheet.states.priority[world.served_from[worst]] <= priority:
        return
    world.left_state[worst], world.left_rest[worst] = world.state[worst], world.end[worst] - world.now[0]
    world.left_how[worst] = world.how[worst]
    world.left_done[worst], world.left_late[worst] = world.done[worst], world.late[worst]
    waited_in = world.served_from[worst]
    _leave(world, book, worst, PREEMPTED)
    world.held[worst] &= ~(np.uint64(1) << np.uint64(p))
    world.free[q] += 1
    _will_enter(world, worst, waited_in, _FIRST)


# ---- the clock ----------------------------------------------------------------------------------------------------------
@jit
def _settle(sheet, crowd, world, book):
    while world.count[_RINGED] > 0:
        k = world.count[_RING]
        world.count[_RING] = (k + 1) % len(world.ring_person)
        world.count[_RINGED] -= 1
        _enter(
            sheet,
            crowd,
            world,
            book,
            np.int64(world.ring_person[k]),
            np.int64(world.ring_state[k]),
            world.ring_how[k],
        )


@jit
def _open(sheet, crowd, world, book, k):
    pools = sheet.pools
    for j in range(pools.open_start[k], pools.open_start[k + 1]):
        q = pools.open_queue[j]
        if pools.open_what[j] == ADD:
            world.free[q] += pools.open_number[j]
        else:
            world.free[q] = pools.open_number[j]
        _serve(sheet, crowd, world, book, pools.open_pool[j], q)


@jit
def _happen(sheet, crowd, world, book, n, key, value):
    """Let the first thing due happen."""
    place = key % (4 * n)
    kind, i = place // n, place % n
    if kind == _ARRIVE:
        _will_enter(world, i, crowd.head[i], _USUAL)
    elif kind == _END:
        if world.stay[i] == value >> 1:
            _go_on(world, book, i, value & 1)
    elif world.stay[i] == value:
        _out_of_line(sheet, crowd, world, i)
        world.left_state[i] = -1
        _go_on(world, book, i, LATE)


@jit
def _play(sheet, crowd, room):
    n = len(crowd.identity)
    world, book = _world(sheet, crowd), _book(room, n + 4096, room if sheet.n_tracks > 0 else 0)
    opened, came, slack = 0, 0, n + 1024
    while True:
        if world.count[_FULL]:
            break
        book = _roomier(book, world, slack)
        open_key = (
            sheet.pools.open_tick[opened] * (4 * n) if opened < len(sheet.pools.open_tick) else _NEVER * 4096
        )
        arrive_key = _NEVER * 4096
        if came < len(crowd.order):
            i = crowd.order[came]
            arrive_key = crowd.arrival[i] * (4 * n) + n + i
        due_key = book.key[0] if world.count[_HEAP] > 0 else _NEVER * 4096
        first = min(open_key, arrive_key, due_key)
        if first >= sheet.horizon * (4 * n):
            break
        world.now[0] = first // (4 * n)
        if first == open_key:
            _open(sheet, crowd, world, book, opened)
            opened += 1
        elif first == arrive_key:
            i = crowd.order[came]
            came += 1
            _will_enter(world, i, crowd.head[i], _USUAL)
        else:
            value = book.value[0]
            _pop(world, book)
            _happen(sheet, crowd, world, book, n, first, value)
        _settle(sheet, crowd, world, book)
    world.now[0] = sheet.horizon
    for i in range(n):
        if world.state[i] >= 0:
            _catch_up(world, book, i, sheet.horizon - 1)
            _leave(world, book, i, OPEN)
    return world.count[_FULL] > 0, _stays(world, book, n), _moves(world, book), world.arrived


@jit
def _stays(world, book, n):
    """Return the log in the order of persons and stays: each knows its number, so a count is enough to place it."""
    rows = world.count[_ROWS]
    first = np.zeros(n + 1, dtype=np.int64)
    for k in range(rows):
        first[book.person[k] + 1] += 1
    for i in range(n):
        first[i + 1] += first[i]
    out = np.empty((rows, 7), dtype=np.int64)
    for k in range(rows):
        at = first[book.person[k]] + book.stay[k]
        out[at, 0], out[at, 1], out[at, 2], out[at, 3] = (
            book.person[k],
            book.stay[k],
            book.state[k],
            book.visit[k],
        )
        out[at, 4], out[at, 5], out[at, 6] = book.start[k], book.stop[k], book.how[k]
    return out


@jit
def _moves(world, book):
    rows = world.count[_MOVES]
    out = np.empty((rows, 4), dtype=np.int64)
    for k in range(rows):
        out[k, 0], out[k, 1], out[k, 2], out[k, 3] = (
            book.track_person[k],
            book.track[k],
            book.level[k],
            book.tick[k],
        )
    return out
