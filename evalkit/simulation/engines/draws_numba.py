"""The draws of a visit, compiled: Philox, the sampler's own functions, laws and choices from flat arrays.

Not another sampler: logarithm, exponential and normal quantile are those of `luck.sampler`, jitted; the bits are the same.
"""

from __future__ import annotations

import types
from typing import Any

import numba
import numpy as np

from evalkit.simulation.luck import sampler
from evalkit.simulation.luck.keyed import _MULTIPLIERS, _WEYL
from evalkit.simulation.luck.sampler import (
    CONSTANT,
    EXPONENTIAL,
    LOGNORMAL,
    NEVER,
    STEPS,
    TICKS_PER_DAY,
    WEIBULL,
)

jit = numba.njit(cache=True)
_M0, _M1 = (np.uint64(m) for m in _MULTIPLIERS)
_W0, _W1 = (np.uint64(w) for w in _WEYL)
_LOW, _HALF = np.uint64(0xFFFFFFFF), np.uint64(32)
_TWELVE = np.uint64(12)
_NEVER, _NEVER_DAYS = np.int64(NEVER), float(NEVER)
_BELOW_ONE = 1.0 - 2.0**-53


def _jitted(name: str, **uses: Any) -> Any:
    """Return a function of the sampler compiled, with the compiled ones in the place of those it calls."""
    plain = getattr(sampler, name)
    return jit(types.FunctionType(plain.__code__, {**vars(sampler), **uses}, name))


_log_series, _exp_series = _jitted("_log_series"), _jitted("_exp_series")
log = _jitted("log", _log_series=_log_series)
exp = _jitted("exp", _exp_series=_exp_series)


@jit
def _rational(above_below: np.ndarray, r: float) -> float:
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
def _high(a, b):
    """Return the upper half of a 128-bit product, by 32-bit parts."""
    a0, a1, b0, b1 = a & _LOW, a >> _HALF, b & _LOW, b >> _HALF
    middle = a1 * b0 + ((a0 * b0) >> _HALF)
    return a1 * b1 + (middle >> _HALF) + ((a0 * b1 + (middle & _LOW)) >> _HALF)


@jit
def philox(c0, c1, c2, k0, k1):
    """Return one block of Philox4x64-10; the fourth word of the counter is 0."""
    c3 = np.uint64(0)
    for _ in range(10):
        h0, l0, h1, l1 = _high(_M0, c0), _M0 * c0, _high(_M1, c2), _M1 * c2
        c0, c1, c2, c3 = h1 ^ c1 ^ k0, l1, h0 ^ c3 ^ k1, l0
        k0, k1 = k0 + _W0, k1 + _W1
    return c0, c1, c2, c3


@jit
def uniform(word):
    """Return the number in (0, 1) of a word."""
    return (np.float64(word >> _TWELVE) + 0.5) * 2.0**-52


@jit
def in_ticks(days):
    """Return a time in days as whole ticks, rounded."""
    return np.int64(np.floor(min(days * TICKS_PER_DAY, _NEVER_DAYS) + 0.5))


@jit
def _jump(laws, d, e):
    """Return how many jumps of STEPS lie below `e`."""
    low, high = laws.start[d], laws.stop[d]
    while low < high:
        middle = (low + high) // 2
        if laws.hazard[middle] < e:
            low = middle + 1
        else:
            high = middle
    return low


@jit
def _last_not_above(values, start, stop, x):
    """Return the last place whose value is not above x, start - 1 if there is none."""
    low, high = start, stop
    while low < high:
        middle = (low + high) // 2
        if x < values[middle]:
            high = middle
        else:
            low = middle + 1
    return low - 1


@jit
def days_at(laws, d, e):
    """Return the time in days at which the cumulative hazard of a law reaches `e`."""
    family, a, b = laws.family[d], laws.a[d], laws.b[d]
    if family == CONSTANT:
        return a
    if family == EXPONENTIAL:
        return a * e
    if family == WEIBULL:
        return a * exp(b * log(e))
    if family == LOGNORMAL:
        return exp(a - b * normal_quantile(min(exp(-e), _BELOW_ONE)))
    if family == STEPS:
        k = _jump(laws, d, e)
        return laws.days[k] if k < laws.stop[d] else _NEVER_DAYS
    k = max(_last_not_above(laws.hazard, laws.start[d], laws.stop[d], e), laws.start[d])
    return laws.days[k] + (e - laws.hazard[k]) * laws.slope[k]


@jit
def hazard_by(laws, d, days):
    """Return the cumulative hazard of a law by a time in days."""
    if days <= 0.0:
        return 0.0
    family = laws.family[d]
    if family == EXPONENTIAL:
        return days / laws.a[d]
    if family == WEIBULL:
        return exp(log(days / laws.a[d]) / laws.b[d])
    k = _last_not_above(laws.days, laws.start[d], laws.stop[d], days)
    if k < laws.start[d]:
        return 0.0
    if family == STEPS:
        return laws.hazard[k]
    return laws.hazard[k] + ((days - laws.days[k]) / laws.slope[k] if laws.slope[k] > 0.0 else 0.0)


@jit
def ticks_of(laws, d, e):
    """Return a duration in ticks under no ratio."""
    return in_ticks(days_at(laws, d, e))


@jit
def _arrive(laws, d, hazard, spent, least):
    days = days_at(laws, d, hazard)
    if days >= _NEVER_DAYS:
        return _NEVER
    return max(in_ticks(days - spent), least)


@jit
def _level(sheet, crowd, trait, i, now, standing):
    fixed = crowd.codes.shape[0]
    if trait < fixed:
        return np.int64(crowd.codes[trait, i])
    if trait < fixed + sheet.n_tracks:
        return np.int64(standing[i, trait - fixed])
    return _last_not_above(sheet.eras, 0, len(sheet.eras), now) + 1


@jit
def case_of(sheet, crowd, which, i, now, standing):
    """Return the case of a choice that is a person's now."""
    choices = sheet.choices
    at = 0
    for k in range(choices.start[which], choices.start[which] + choices.count[which]):
        at = at * choices.levels[k] + _level(sheet, crowd, choices.trait[k], i, now, standing)
    return choices.case[choices.case_start[which] + at]


@jit
def _fixed_ratio(sheet, crowd, h, i):
    """Return the product of a hazard's ratios by trait."""
    hazards = sheet.hazards
    ratio = 1.0
    for j in range(hazards.trait_start[h], hazards.trait_start[h + 1]):
        place = hazards.ratio_start[j + hazards.track_start[h]]
        ratio = ratio * hazards.ratio[place + crowd.codes[hazards.trait[j], i]]
    return ratio


@jit
def _ratio_at(sheet, h, i, tick, fixed, standing, coming_tick, coming_level):
    hazards = sheet.hazards
    ratio = fixed
    for j in range(hazards.track_start[h], hazards.track_start[h + 1]):
        track = hazards.track[j]
        there = coming_tick[i, track] >= 0 and coming_tick[i, track] <= tick
        level = coming_level[i, track] if there else standing[i, track]
        ratio = ratio * hazards.ratio[hazards.ratio_start[hazards.trait_start[h + 1] + j] + level]
    k = _last_not_above(hazards.shock_tick, hazards.shock_start[h], hazards.shock_start[h + 1], tick)
    return ratio * hazards.shock_ratio[k] if k >= hazards.shock_start[h] else ratio


@jit
def _next_edge(sheet, h, i, after, coming_tick):
    """Return the first tick after one at which the ratio of a hazard may change, NEVER if there is none."""
    hazards = sheet.hazards
    edge = _NEVER
    for k in range(hazards.shock_start[h], hazards.shock_start[h + 1]):
        if hazards.shock_tick[k] > after:
            edge = min(edge, hazards.shock_tick[k])
            break
    for j in range(hazards.track_start[h], hazards.track_start[h + 1]):
        tick = coming_tick[i, hazards.track[j]]
        if tick > after:
            edge = min(edge, tick)
    return edge


@jit
def reach(sheet, crowd, h, d, e, spent, i, now, standing, coming_tick, coming_level):
    """Return after how many ticks a hazard that is used up piece by piece reaches `e`, and the cumulative hazard then."""
    laws, hazards = sheet.laws, sheet.hazards
    fixed = _fixed_ratio(sheet, crowd, h, i)
    if laws.family[d] == CONSTANT:
        return max(in_ticks(laws.a[d] - spent), np.int64(0)), 0.0
    used = hazard_by(laws, d, spent) if spent > 0.0 else 0.0
    tick = now
    if (
        hazards.track_start[h] == hazards.track_start[h + 1]
        and hazards.shock_start[h] == hazards.shock_start[h + 1]
    ):
        target = used + e / fixed
        return _arrive(laws, d, target, spent, np.int64(0)), target
    while True:
        ratio = _ratio_at(sheet, h, i, tick, fixed, standing, coming_tick, coming_level)
        edge = _next_edge(sheet, h, i, tick, coming_tick)
        if edge == _NEVER:
            target = used + e / ratio
            return _arrive(laws, d, target, spent, tick - now), target
        until = hazard_by(laws, d, spent + (edge - now) / TICKS_PER_DAY)
        gain = ratio * (until - used)
        if e <= gain:
            target = used + e / ratio
            return _arrive(laws, d, target, spent, tick - now), target
        e = e - gain
        used = until
        tick = edge


@jit
def _way(sheet, crowd, s, which, first, i, now, standing, u):
    """Return where a route of a state leads."""
    states, ways = sheet.states, sheet.ways
    w = states.way[first + case_of(sheet, crowd, 4 * s + which, i, now, standing)]
    low, high = ways.start[w], ways.start[w + 1]
    while low < high:
        middle = (low + high) // 2
        if ways.cumulative[middle] < u:
            low = middle + 1
        else:
            high = middle
    return ways.target[low]


@jit
def visit(sheet, crowd, s, number, i, now, standing, coming_tick, coming_level):
    """Return how long a visit lasts, its limit, where it leads after either."""
    states, laws = sheet.states, sheet.laws
    words = philox(crowd.identity[i], states.key[s], np.uint64(number), crowd.seed, crowd.replication)
    limit, duration, done, late = _NEVER, _NEVER, np.int64(-1), np.int64(-1)
    if states.law_start[2 * s + 1] < states.law_start[2 * s + 2]:
        d = states.law[states.law_start[2 * s + 1] + case_of(sheet, crowd, 4 * s + 1, i, now, standing)]
        e = -log(uniform(words[1])) / 1.0
        limit, _ = reach(sheet, crowd, 2 * s + 1, d, e, 0.0, i, now, standing, coming_tick, coming_level)
    u = uniform(words[2])
    if states.law_start[2 * s] < states.law_start[2 * s + 1]:
        d = states.law[states.law_start[2 * s] + case_of(sheet, crowd, 4 * s, i, now, standing)]
        spent = crowd.elapsed[i] if number == 0 and s == crowd.head[i] else 0.0
        e = -log(uniform(words[0])) / 1.0
        duration, target = reach(
            sheet, crowd, 2 * s, d, e, spent, i, now, standing, coming_tick, coming_level
        )
        if laws.family[d] == STEPS:
            limit = min(limit, max(in_ticks(laws.a[d] - spent), np.int64(0)))
            k = _jump(laws, d, target)
            if k < laws.stop[d] and states.cause_to_start[d] < states.cause_to_start[d + 1]:
                c = laws.cause_start[d] + (k - laws.start[d]) * laws.n_causes[d]
                j = 0
                while laws.cause[c + j] < u:
                    j += 1
                done = states.cause_to[states.cause_to_start[d] + j]
    if done < 0 and states.way_start[2 * s] < states.way_start[2 * s + 1]:
        done = _way(sheet, crowd, s, 2, states.way_start[2 * s], i, now, standing, u)
    if states.way_start[2 * s + 1] < states.way_start[2 * s + 2]:
        late = _way(sheet, crowd, s, 3, states.way_start[2 * s + 1], i, now, standing, u)
    return duration, limit, done, late
