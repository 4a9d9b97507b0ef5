"""The moves of the compiled engine: in and out of states and lines, units given and taken back, tracks that change.

Not the clock: see `compiled_numba`. The same moves, in the same order, as in the readable engine.
"""

from __future__ import annotations

import numpy as np

from evalkit.simulation.engines.draws_numba import days_at, in_ticks, jit, log, part, uniform, visit, words_of
from evalkit.simulation.engines.layout import (
    AFTER,
    ARRIVAL,
    BALK_AT,
    BALK_TO,
    BEFORE,
    BEHIND,
    BITS,
    BRING,
    BRING_END,
    BRING_SIZE,
    CHANGE,
    CHANGE_END,
    CHANGE_SIZE,
    END,
    END_HOW,
    END_QUEUE,
    ENTERS,
    ENTERS_HOW,
    ENTERS_LAST,
    ENTERS_NEXT,
    ENTERS_STATE,
    FREE,
    FULL,
    GRANTED_FROM,
    GRANTED_POOL,
    HEAP,
    HELD,
    HORIZON,
    KIND,
    LEFT_DONE,
    LEFT_HOW,
    LEFT_LATE,
    LEFT_REST,
    LEFT_STATE,
    LINE,
    LINES,
    MOVING,
    N_LINES,
    N_SITES,
    N_TRACKS,
    NOT_BEFORE,
    NOW,
    POOL,
    PREEMPT,
    PREEMPTIBLE,
    PRIORITY,
    QUEUE_OF,
    RELEASE,
    RELEASE_END,
    ROWS,
    SERVED,
    SERVED_BEFORE,
    SERVED_BEHIND,
    SERVED_FROM,
    SERVED_TURN,
    SITE,
    STATE,
    STAY,
    TO_DONE,
    TO_LATE,
    TURN,
    WAITING,
)
from evalkit.simulation.engines.stays import BALKED, DONE, LATE, LEFT, PREEMPTED
from evalkit.simulation.plan.numbers import EXIT, WAIT

ARRIVE, ENDS, LIMIT = 1, 2, 3
USUAL, FIRST, RESUME = 0, 1, 2
#: A row of the log that is no stay but a change of a track.
MOVED = 7


@jit
def due(w, tick, kind, i, value):
    """Note what is due: a heap, four children to a place, by tick, kind and person."""
    k = w.c[HEAP]
    if k >= len(w.heap):
        w.c[FULL] = 1
        return
    w.c[HEAP] = k + 1
    key = (((tick << 2) | kind) << w.c[BITS]) | i
    while k > 0:
        above = (k - 1) >> 2
        if w.heap[above, 0] <= key:
            break
        w.heap[k, 0], w.heap[k, 1] = w.heap[above, 0], w.heap[above, 1]
        k = above
    w.heap[k, 0], w.heap[k, 1] = key, value


@jit
def enters(w, i, s, how):
    """Let a person enter a state when those before have moved."""
    last = w.c[ENTERS_LAST]
    w.p[i, ENTERS_NEXT], w.p[i, ENTERS_STATE], w.p[i, ENTERS_HOW] = -1, s, how
    if last >= 0:
        w.p[last, ENTERS_NEXT] = i
    else:
        w.c[ENTERS] = i
    w.c[ENTERS_LAST] = i


@jit
def _write(w, i, number, what, tick):
    k = w.c[ROWS]
    if k >= len(w.rows):
        w.c[FULL] = 1
        return
    w.rows[k, 0], w.rows[k, 1], w.rows[k, 2] = (i << 32) | number, what, tick
    w.c[ROWS] = k + 1


@jit
def leave(w, i, how):
    """Write a stay that ends."""
    _write(w, i, w.p[i, STAY], (w.p[i, STATE] << 8) | how, w.c[NOW])
    w.p[i, STAY] += 1
    w.p[i, STATE] = -1
    if w.p[i, END_QUEUE] >= 0:
        _cannot_be_preempted(w, i)


@jit
def go_on(w, i, how):
    """End a stay, and go where the visit's draws lead."""
    leave(w, i, how)
    enters(w, i, w.p[i, TO_DONE] if how == DONE else w.p[i, TO_LATE], USUAL)


@part
def enter(w, i, s, entered):
    """Enter a state, and whichever follow at once."""
    now = w.c[NOW]
    pool, waited_in = w.p[i, GRANTED_POOL], w.p[i, GRANTED_FROM]
    w.p[i, GRANTED_POOL] = -1
    while True:
        number = np.int64(w.v[i, s])
        w.v[i, s] = number + 1
        w.p[i, STATE] = s
        if entered == RESUME:
            w.p[i, TO_DONE], w.p[i, TO_LATE], w.p[i, LEFT_STATE] = w.p[i, LEFT_DONE], w.p[i, LEFT_LATE], -1
            _stay_until(w, i, now + w.p[i, LEFT_REST], w.p[i, LEFT_HOW], pool, waited_in)
            return
        for k in range(w.s[s, RELEASE], w.s[s, RELEASE_END]):
            _release(w, i, w.t[k])
        if w.c[N_TRACKS] > 0:
            _change_tracks(w, i, s, number)
        for k in range(w.s[s, BRING], w.s[s, BRING_END], BRING_SIZE):
            _bring(w, i, w.t[k], w.t[k + 1], number)
        if w.s[s, KIND] == EXIT:
            leave(w, i, LEFT)
            return
        duration, limit, done, late = visit(w, i, s, number)
        w.p[i, TO_DONE], w.p[i, TO_LATE] = done, late
        if w.s[s, KIND] == WAIT:
            if w.s[s, BALK_TO] >= 0 and entered == USUAL and _turned_away(w, i, s):
                leave(w, i, BALKED)
                s = w.s[s, BALK_TO]
                continue
            _queue(w, i, s, limit, entered)
            return
        how = LATE if limit < duration else DONE
        delay = limit if how == LATE else max(duration, w.s[s, NOT_BEFORE] - now)
        if delay > 0:
            _stay_until(w, i, now + delay, how, pool, waited_in)
            return
        pool = -1
        leave(w, i, how)
        s = done if how == DONE else late


@jit
def _stay_until(w, i, end, how, pool, waited_in):
    if end < w.c[HORIZON]:
        due(w, end, ENDS, i, (w.p[i, STAY] << 1) | how)
    # A unit given back on the way here can no longer be taken back.
    if pool >= 0 and w.p[i, _holds(w, pool)]:
        q = _queue_at(w, i, pool)
        w.c[TURN] += 1
        w.p[i, END_QUEUE], w.p[i, END], w.p[i, END_HOW] = q, end, how
        w.p[i, SERVED_FROM], w.p[i, SERVED_TURN] = waited_in, w.c[TURN]
        first = w.q[q, SERVED]
        w.p[i, SERVED_BEFORE], w.p[i, SERVED_BEHIND] = -1, first
        if first >= 0:
            w.p[first, SERVED_BEFORE] = i
        w.q[q, SERVED] = i


# ---- tracks and those whom one brings -----------------------------------------------------------------------------------
@jit
def catch_up(w, i, tick):
    """Let the changes that came by a tick stand."""
    n = w.c[N_TRACKS]
    for t in range(MOVING, MOVING + n):
        when, level = w.p[i, t + n], w.p[i, t + 2 * n]
        if when >= 0 and when <= tick:
            if level != w.p[i, t]:
                _write(w, i, t - MOVING, (level << 8) | MOVED, when)
            w.p[i, t], w.p[i, t + n] = level, -1


@part
def _change_tracks(w, i, s, number):
    now, n = w.c[NOW], w.c[N_TRACKS]
    catch_up(w, i, now)
    for k in range(w.s[s, CHANGE], w.s[s, CHANGE_END], CHANGE_SIZE):
        words = words_of(w, i, w.t[k + 4], number)
        if uniform(words[2]) < w.f[w.t[k + 2]]:
            track = MOVING + w.t[k]
            w.p[i, track + n] = now + in_ticks(days_at(w, w.t[k + 3], -log(uniform(words[0]))))
            w.p[i, track + 2 * n] = w.t[k + 1]
    catch_up(w, i, now)


@part
def _bring(w, i, column, most, number):
    if number >= most:
        return
    child = w.a[i, column + number]
    if child >= 0:
        tick = w.c[NOW] + w.a[child, AFTER]
        if tick < w.c[HORIZON]:
            w.a[child, ARRIVAL] = tick
            due(w, tick, ARRIVE, child, 0)


# ---- pools --------------------------------------------------------------------------------------------------------------
@jit
def _queue_at(w, i, pool):
    return w.t[w.c[QUEUE_OF] + pool * w.c[N_SITES] + w.a[i, SITE]]


@part
def _turned_away(w, i, s):
    pool = w.s[s, POOL]
    q = _queue_at(w, i, pool)
    if w.q[q, FREE] > 0:
        return False
    first = w.c[QUEUE_OF] + pool * w.c[N_SITES]
    return w.q[q, WAITING] >= w.t[w.s[s, BALK_AT] + q - w.t[first]]


@part
def _queue(w, i, s, limit, entered):
    q, line = _queue_at(w, i, w.s[s, POOL]), LINES + 2 * w.s[s, LINE]
    if entered == FIRST:
        behind = w.q[q, line]
        w.p[i, BEFORE], w.p[i, BEHIND] = -1, behind
        if behind >= 0:
            w.p[behind, BEFORE] = i
        else:
            w.q[q, line + 1] = i
        w.q[q, line] = i
    else:
        before = w.q[q, line + 1]
        w.p[i, BEFORE], w.p[i, BEHIND] = before, -1
        if before >= 0:
            w.p[before, BEHIND] = i
        else:
            w.q[q, line] = i
        w.q[q, line + 1] = i
    w.q[q, WAITING] += 1
    # Where more is held than there is, a unit taken back would serve nobody.
    if w.s[s, PREEMPT] and w.q[q, FREE] == 0 and entered == USUAL:
        _preempt(w, w.s[s, POOL], q, w.s[s, PRIORITY])
    serve(w, w.s[s, POOL], q)
    if w.p[i, STATE] >= 0 and w.c[NOW] + limit < w.c[HORIZON]:
        due(w, w.c[NOW] + limit, LIMIT, i, w.p[i, STAY] << 1)


@jit
def out_of_line(w, i):
    """Take out of its line somebody who waits."""
    s = w.p[i, STATE]
    q, line = _queue_at(w, i, w.s[s, POOL]), LINES + 2 * w.s[s, LINE]
    before, behind = w.p[i, BEFORE], w.p[i, BEHIND]
    if before >= 0:
        w.p[before, BEHIND] = behind
    else:
        w.q[q, line] = behind
    if behind >= 0:
        w.p[behind, BEFORE] = before
    else:
        w.q[q, line + 1] = before
    w.q[q, WAITING] -= 1


@jit
def serve(w, pool, q):
    """Serve whoever can be: the most urgent line first."""
    for line in range(LINES, LINES + 2 * w.q[q, N_LINES], 2):
        while w.q[q, line] >= 0 and w.q[q, FREE] > 0:
            i = w.q[q, line]
            out_of_line(w, i)
            w.q[q, FREE] -= 1
            if w.q[q, HELD]:
                w.p[i, _holds(w, pool)] = 1
            if w.q[q, PREEMPTIBLE]:
                w.p[i, GRANTED_POOL], w.p[i, GRANTED_FROM] = pool, w.p[i, STATE]
            if w.p[i, LEFT_STATE] >= 0:
                leave(w, i, DONE)
                enters(w, i, w.p[i, LEFT_STATE], RESUME)
            else:
                go_on(w, i, DONE)


@jit
def _holds(w, pool):
    """Return the column that says whether a person holds a unit of a pool."""
    return MOVING + 3 * w.c[N_TRACKS] + pool


@jit
def _release(w, i, pool):
    if w.p[i, _holds(w, pool)]:
        w.p[i, _holds(w, pool)] = 0
        q = _queue_at(w, i, pool)
        w.q[q, FREE] += 1
        serve(w, pool, q)


# ---- preemption ---------------------------------------------------------------------------------------------------------
@part
def _cannot_be_preempted(w, i):
    before, behind = w.p[i, SERVED_BEFORE], w.p[i, SERVED_BEHIND]
    if before >= 0:
        w.p[before, SERVED_BEHIND] = behind
    else:
        w.q[w.p[i, END_QUEUE], SERVED] = behind
    if behind >= 0:
        w.p[behind, SERVED_BEFORE] = before
    w.p[i, END_QUEUE] = -1


@part
def _preempt(w, pool, q, priority):
    """Take a unit back from the least urgent of those served, the last served among equals, if less urgent than this."""
    worst, i = -1, w.q[q, SERVED]
    least, turn = priority, -1
    while i >= 0:
        mine = w.s[w.p[i, SERVED_FROM], PRIORITY]
        if mine > least or (mine == least and worst >= 0 and w.p[i, SERVED_TURN] > turn):
            worst, least, turn = i, mine, w.p[i, SERVED_TURN]
        i = w.p[i, SERVED_BEHIND]
    if worst < 0:
        return
    w.p[worst, LEFT_STATE], w.p[worst, LEFT_REST] = w.p[worst, STATE], w.p[worst, END] - w.c[NOW]
    w.p[worst, LEFT_HOW] = w.p[worst, END_HOW]
    w.p[worst, LEFT_DONE], w.p[worst, LEFT_LATE] = w.p[worst, TO_DONE], w.p[worst, TO_LATE]
    leave(w, worst, PREEMPTED)
    w.p[worst, _holds(w, pool)] = 0
    w.q[q, FREE] += 1
    enters(w, worst, w.p[worst, SERVED_FROM], FIRST)
