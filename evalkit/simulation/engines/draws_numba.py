"""The draws of a visit, compiled: Philox, the sampler's own functions, laws and choices from flat arrays.

Not another sampler: logarithm, exponential and normal quantile are those of `luck.sampler`, jitted; the bits are the same.
"""

from __future__ import annotations

import types
from typing import Any

import numba
import numpy as np

from evalkit.simulation.engines.layout import (
    CAUSE_TO,
    CAUSES,
    DAYS,
    DONE_CASE,
    DONE_WAYS,
    DURATION_CASE,
    DURATIONS,
    ELAPSED,
    ERA_TRAIT,
    ERAS,
    FAMILY,
    HAZARD,
    HAZARDS,
    HEAD,
    IDENTITY,
    KEY,
    LATE_CASE,
    LATE_WAYS,
    LIMIT_CASE,
    LIMIT_HAZARD,
    LIMITS,
    MOVING,
    N_CAUSES,
    N_ERAS,
    N_TRACKS,
    NOW,
    NUMBERS,
    PLAIN,
    POINTS,
    REPLICATION,
    SEED,
    SLOPES,
    TRACK,
)
from evalkit.simulation.luck import sampler
from evalkit.simulation.luck.philox_numba import philox
from evalkit.simulation.luck.sampler import (
    CONSTANT,
    EXPONENTIAL,
    LOGNORMAL,
    NEVER,
    STEPS,
    TICKS_PER_DAY,
    WEIBULL,
)

#: Nothing jitted so makes or keeps an array, so that none need be counted: a third of the time of a play.
jit = numba.njit(_nrt=False, error_model="numpy", forceinline=True)
#: What is called at one place becomes part of its caller: what is called is compiled anew with every caller.
part = numba.njit(_nrt=False, error_model="numpy", inline="always")
_TWELVE = np.uint64(12)
_NEVER, _NEVER_DAYS = np.int64(NEVER), float(NEVER)
_BELOW_ONE = sampler._BELOW_ONE


def _jitted(name: str, **uses: Any) -> Any:
    """Return a function of the sampler compiled, with the compiled ones in the place of those it calls."""
    plain = getattr(sampler, name)
    return jit(types.FunctionType(plain.__code__, {**vars(sampler), **uses}, name))


_log_series, _exp_series = _jitted("_log_series"), _jitted("_exp_series")
log = _jitted("log", _log_series=_log_series)
exp = _jitted("exp", _exp_series=_exp_series)


@numba.njit("void(float64[::1], float64[::1])", _nrt=False, error_model="numpy", cache=True)
def _fill_logs(x, out):
    for i in range(len(x)):
        out[i] = log(x[i])


def _logs(x: np.ndarray) -> np.ndarray:
    whole = np.ascontiguousarray(x, dtype=np.float64)
    out = np.empty_like(whole)
    _fill_logs(whole.ravel(), out.ravel())
    return out


sampler.logs_at_once = _logs


@jit
def _rational(above_below, r):
    above, below = 0.0, 0.0
    for k in range(above_below.shape[1]):
        above = above * r + above_below[0, k]
        below = below * r + above_below[1, k]
    return above / below


_CENTRE, _MIDDLE, _TAIL = (np.array(c) for c in (sampler._CENTRE, sampler._MIDDLE, sampler._TAIL))
normal_quantile = _jitted(
    "normal_quantile", _ratio=_rational, _CENTRE=_CENTRE, _MIDDLE=_MIDDLE, _TAIL=_TAIL, log=log
)


@jit
def words_of(w, i, key, number):
    """Return the words of one visit of one person under a key."""
    return philox(
        np.uint64(w.a[i, IDENTITY]), np.uint64(key), np.uint64(number), np.uint64(0),
        np.uint64(w.c[SEED]), np.uint64(w.c[REPLICATION]),
    )  # fmt: skip


@jit
def uniform(word):
    """Return the number in (0, 1) of a word."""
    return (np.float64(word >> _TWELVE) + 0.5) * 2.0**-52


@jit
def in_ticks(days):
    """Return a time in days as whole ticks, rounded."""
    return np.int64(np.floor(min(days * TICKS_PER_DAY, _NEVER_DAYS) + 0.5))


@jit
def _below(values, start, stop, x):
    """Return the first place whose value is not below x, `stop` if there is none."""
    while start < stop:
        middle = (start + stop) >> 1
        if values[middle] < x:
            start = middle + 1
        else:
            stop = middle
    return start


@jit
def _not_above(values, start, stop, x):
    """Return the last place whose value is not above x, `start` - 1 if there is none."""
    while start < stop:
        middle = (start + stop) >> 1
        if x < values[middle]:
            stop = middle
        else:
            start = middle + 1
    return start - 1


@jit
def _jump(w, d, e):
    """Return how many jumps of STEPS lie below `e`."""
    start = w.d[d, HAZARDS]
    return _below(w.f, start, start + w.d[d, POINTS], e) - start


@jit
def days_at(w, d, e):
    """Return the time in days at which the cumulative hazard of a law reaches `e`."""
    family, a, b = w.d[d, FAMILY], w.f[w.d[d, NUMBERS]], w.f[w.d[d, NUMBERS] + 1]
    if family == CONSTANT:
        return a
    if family == EXPONENTIAL:
        return a * e
    if family == WEIBULL:
        return a * exp(b * log(e))
    if family == LOGNORMAL:
        return exp(a - b * normal_quantile(min(exp(-e), _BELOW_ONE)))
    if family == STEPS:
        k = _jump(w, d, e)
        return w.f[w.d[d, DAYS] + k] if k < w.d[d, POINTS] else _NEVER_DAYS
    start = w.d[d, HAZARDS]
    k = max(_not_above(w.f, start, start + w.d[d, POINTS], e) - start, 0)
    return w.f[w.d[d, DAYS] + k] + (e - w.f[start + k]) * w.f[w.d[d, SLOPES] + k]


@jit
def hazard_by(w, d, days):
    """Return the cumulative hazard of a law by a time in days."""
    if days <= 0.0:
        return 0.0
    family, numbers, start = w.d[d, FAMILY], w.d[d, NUMBERS], w.d[d, DAYS]
    if family == EXPONENTIAL:
        return days / w.f[numbers]
    if family == WEIBULL:
        return exp(log(days / w.f[numbers]) / w.f[numbers + 1])
    k = _not_above(w.f, start, start + w.d[d, POINTS], days) - start
    if k < 0:
        return 0.0
    hazard = w.f[w.d[d, HAZARDS] + k]
    if family == STEPS:
        return hazard
    slope = w.f[w.d[d, SLOPES] + k]
    return hazard + ((days - w.f[start + k]) / slope if slope > 0.0 else 0.0)


@jit
def _arrive(w, d, hazard, spent, least):
    days = days_at(w, d, hazard)
    if days >= _NEVER_DAYS:
        return _NEVER
    return max(in_ticks(days - spent), least)


@jit
def _case(w, choice, i):
    """Return the case of a choice that is a person's now."""
    if choice < 0:
        return 0
    n, at = w.t[choice], 0
    for k in range(choice + 1, choice + 1 + 2 * n, 2):
        trait = w.t[k]
        if trait >= 0:
            level = w.a[i, trait]
        elif trait == ERA_TRAIT:
            level = _not_above(w.t, w.c[ERAS], w.c[ERAS] + w.c[N_ERAS], w.c[NOW]) + 1 - w.c[ERAS]
        else:
            level = w.p[i, MOVING + TRACK - trait]
        at = at * w.t[k + 1] + level
    return w.t[choice + 1 + 2 * n + at]


@jit
def _ratio_at(w, h, i, tick, fixed):
    """Return the ratio of a hazard at a tick: as tracks will stand then, and as shocks will have it."""
    tracks, shocks, n_tracks = w.t[h + 1], w.t[h + 2], w.c[N_TRACKS]
    place, ratio = h + 4 + 2 * w.t[h], fixed
    for k in range(place, place + 2 * tracks, 2):
        standing = MOVING + w.t[k]
        coming = w.p[i, standing + n_tracks]
        there = coming >= 0 and coming <= tick
        level = w.p[i, standing + 2 * n_tracks] if there else w.p[i, standing]
        ratio = ratio * w.f[w.t[k + 1] + level]
    first = place + 2 * tracks
    k = _not_above(w.t, first, first + shocks, tick) - first
    return ratio * w.f[w.t[h + 3] + k] if k >= 0 else ratio


@jit
def _next_edge(w, h, i, after):
    """Return the first tick after one at which the ratio of a hazard may change, never if there is none."""
    place, tracks, shocks = h + 4 + 2 * w.t[h], w.t[h + 1], w.t[h + 2]
    first = place + 2 * tracks
    k = _not_above(w.t, first, first + shocks, after) + 1
    edge = w.t[k] if k < first + shocks else _NEVER
    for j in range(place, place + 2 * tracks, 2):
        tick = w.p[i, MOVING + w.t[j] + w.c[N_TRACKS]]
        if tick > after:
            edge = min(edge, tick)
    return edge


@jit
def _reach(w, h, d, word, spent, i):
    """Return after how many ticks a hazard that is used up piece by piece reaches what was drawn, and the cumulative hazard then."""
    if w.d[d, FAMILY] == CONSTANT:
        return max(in_ticks(w.f[w.d[d, NUMBERS]] - spent), 0), 0.0
    e = -log(uniform(word))
    used = hazard_by(w, d, spent) if spent > 0.0 else 0.0
    ratio, now = 1.0, w.c[NOW]
    tick, edge = now, _NEVER
    if h >= 0:
        for k in range(h + 4, h + 4 + 2 * w.t[h], 2):
            ratio = ratio * w.f[w.t[k + 1] + w.a[i, w.t[k]]]
        fixed = ratio
        if w.t[h + 1] + w.t[h + 2] > 0:
            ratio = _ratio_at(w, h, i, tick, fixed)
            edge = _next_edge(w, h, i, tick)
        while edge < _NEVER:
            until = hazard_by(w, d, spent + (edge - now) / TICKS_PER_DAY)
            gain = ratio * (until - used)
            if e <= gain:
                break
            e = e - gain
            used, tick = until, edge
            ratio = _ratio_at(w, h, i, tick, fixed)
            edge = _next_edge(w, h, i, tick)
    target = used + e / ratio
    return _arrive(w, d, target, spent, tick - now), target


@jit
def _way(w, ways, choice, i, u):
    """Return where a route of a state leads."""
    if ways < 0:
        return -1
    way = w.t[ways + _case(w, choice, i)]
    n, first = w.t[way], w.t[way + 1]
    return w.t[way + 2 + (_below(w.f, first, first + n, u) - first if n > 1 else 0)]


@part
def visit(w, i, s, number):
    """Return how long a visit lasts, its limit, where it leads after either."""
    words = (np.uint64(0), np.uint64(0), np.uint64(0), np.uint64(0))
    if not w.s[s, PLAIN]:
        words = words_of(w, i, w.s[s, KEY], number)
    duration, limit, done, u = _NEVER, _NEVER, -1, uniform(words[2])
    if w.s[s, LIMITS] >= 0:
        d = w.t[w.s[s, LIMITS] + _case(w, w.s[s, LIMIT_CASE], i)]
        limit, _ = _reach(w, w.s[s, LIMIT_HAZARD], d, words[1], 0.0, i)
    if w.s[s, DURATIONS] >= 0:
        d = w.t[w.s[s, DURATIONS] + _case(w, w.s[s, DURATION_CASE], i)]
        spent = w.a[i, ELAPSED] / TICKS_PER_DAY if number == 0 and s == w.a[i, HEAD] else 0.0
        duration, target = _reach(w, w.s[s, HAZARD], d, words[0], spent, i)
        if w.d[d, FAMILY] == STEPS:
            limit = min(limit, max(in_ticks(w.f[w.d[d, NUMBERS]] - spent), 0))
            k = _jump(w, d, target)
            if k < w.d[d, POINTS] and w.d[d, CAUSE_TO] >= 0:
                n = w.d[d, N_CAUSES]
                first = w.d[d, CAUSES] + k * n
                done = w.t[w.d[d, CAUSE_TO] + _below(w.f, first, first + n, u) - first]
    if done < 0:
        done = _way(w, w.s[s, DONE_WAYS], w.s[s, DONE_CASE], i, u)
    return duration, limit, done, _way(w, w.s[s, LATE_WAYS], w.s[s, LATE_CASE], i, u)
