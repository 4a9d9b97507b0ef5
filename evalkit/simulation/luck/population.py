"""Who comes, when, with which traits: everything about people that does not depend on the programme's capacity.

Not their path: that is the engine's.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

import numpy as np

from evalkit.errors import InputError
from evalkit.simulation.language.tables import Overlap, Source
from evalkit.simulation.luck.keyed import (
    DURATION,
    INDEX_BITS,
    LIMIT,
    ROUTE,
    SPARE,
    Luck,
    key_of,
    stem,
    uniforms,
)
from evalkit.simulation.luck.sampler import TICKS_PER_DAY, hazards_drawn
from evalkit.simulation.plan.distributions import distribution
from evalkit.simulation.plan.numbers import Plan, number_at
from evalkit.simulation.plan.rates import rates
from evalkit.wording import fault

#: A list of one date holds at most this many people per site.
_LIST_BITS = 16
FIRST, DUPLICATE = 0, 1


@dataclass(frozen=True)
class People:
    """One row per record, in the order of identities, which is also the order of simultaneous events.

    Parameters
    ----------
    identity : uint64 array
        What the record's draws are keyed by.
    person : uint64 array
        Who it is: a duplicate record has the identity of the first one here.
    index : int64 array
        Number within source and site.
    own_source, spotted_by, site, record : int64 arrays
        Source the person comes from, source whose rules the record follows, site, FIRST or DUPLICATE.
    own_arrival, arrival : int64 arrays
        Tick at which the person's own source alone would bring them, and tick of arrival.
    head : int64 array
        State of arrival.
    codes : mapping of str to int64 array
        Level of every trait: source, site, record and the attributes.
    numbers : mapping of str to float array
        A number within the level, for attributes that have one.
    elapsed : float array
        Days already spent in the first state.
    brought_by : int64 array
        Row of the person who may bring this one, -1 for who comes by themselves.
    bring : int64 arrays, shape (rules of `plan.brings`, records, most)
        Row of the person whom each entry would bring, -1 for nobody.
    after : int64 array
        Ticks from that entry to arrival.
    """

    identity: np.ndarray
    person: np.ndarray
    index: np.ndarray
    own_source: np.ndarray
    spotted_by: np.ndarray
    own_arrival: np.ndarray
    arrival: np.ndarray
    head: np.ndarray
    codes: Mapping[str, np.ndarray]
    numbers: Mapping[str, np.ndarray]
    elapsed: np.ndarray
    brought_by: np.ndarray
    bring: tuple[np.ndarray, ...]
    after: np.ndarray

    def __len__(self) -> int:
        return len(self.identity)


def populate(plan: Plan, luck: Luck) -> People:
    """Return everybody who arrives before the horizon, and those whom somebody may bring (they arrive never, until brought)."""
    blocks = list(_arrivals(plan, luck))
    identity = np.concatenate([b["identity"] for b in blocks])
    own_source = np.concatenate([b["source"] for b in blocks])
    site = np.concatenate([b["site"] for b in blocks])
    index = np.concatenate([b["index"] for b in blocks])
    own = np.concatenate([b["arrival"] for b in blocks])
    # Numbers within a source and site differ by construction: only their common upper bits can meet.
    stems = [int(b["identity"][0]) >> INDEX_BITS for b in blocks if len(b["identity"])]
    if len(set(stems)) != len(stems):
        raise InputError("identities: two sources or sites hash to the same upper bits; rename one of them")

    arrival, spotted_by = own.copy(), own_source.copy()
    extra: list[dict[str, np.ndarray]] = []
    for name, source in plan.tables.sources.items():
        if source.overlap is not None:
            listed = _overlap(plan, luck, name, source, identity, own_source)
            second = _merge(plan, name, listed, own, arrival, own_source, spotted_by)
            extra.append({**second, "name": np.array(source.overlap.duplicate_to)})

    heads = np.array([plan.states.index(s.to) for s in plan.tables.sources.values()], dtype=np.int64)
    rows = [(np.arange(len(identity)), identity, spotted_by, arrival, heads[own_source], FIRST)]
    for second in extra:
        at = second["at"]
        base = np.array(
            [stem(plan.sources[s], plan.sites[k], "duplicate") for s, k in zip(own_source[at], site[at], strict=True)],
            dtype=np.uint64,
        )  # fmt: skip
        state = plan.states.index(str(second["name"]))
        keys = base | index[at].astype(np.uint64)
        rows.append((at, keys, second["source"], second["arrival"], np.full(len(at), state), DUPLICATE))

    of = np.concatenate([r[0] for r in rows])
    keyed = np.concatenate([r[1] for r in rows])
    follows = np.concatenate([r[2] for r in rows])
    arrives = np.concatenate([r[3] for r in rows])
    head = np.concatenate([r[4] for r in rows]).astype(np.int64)
    record = np.concatenate([np.full(len(r[0]), r[5], dtype=np.int64) for r in rows])

    order = np.argsort(keyed, kind="stable")
    order = order[arrives[order] < plan.horizon]
    of, keyed, follows, arrives, head, record = (
        x[order] for x in (of, keyed, follows, arrives, head, record)
    )
    codes, numbers = attributes(plan, luck, identity, own_source)
    # A first record keeps the rules of its own source even when a list brought it earlier: same youth, same luck, only sooner.
    rules = np.where(record == DUPLICATE, follows, own_source[of])
    traits = {"source": rules, "site": site[of], "record": record, **{n: c[of] for n, c in codes.items()}}
    n, never = len(keyed), np.zeros(0, dtype=np.int64)
    alone = People(
        keyed, identity[of], index[of], own_source[of], follows, own[of], arrives, head, traits,
        {name: v[of] for name, v in numbers.items()}, _elapsed(plan, luck, keyed, own_source[of]), np.full(n, -1), (), never,
    )  # fmt: skip
    if not plan.brings:
        return replace(alone, after=np.zeros(n, dtype=np.int64))
    from evalkit.simulation.luck.brought import with_brought

    return with_brought(plan, luck, alone)


def _elapsed(plan: Plan, luck: Luck, identity: np.ndarray, own_source: np.ndarray) -> np.ndarray:
    """Return the days that people there at first have already spent in their first state."""
    out = np.zeros(len(identity))
    for s, source in enumerate(plan.tables.sources.values()):
        if source.elapsed is not None:
            mine = np.flatnonzero(own_source == s)
            words = luck.blocks(identity[mine], key_of("\x1eelapsed"), np.zeros(len(mine), dtype=np.uint64))
            ticks = distribution(source.elapsed).ticks_of(hazards_drawn(uniforms(words[DURATION]), 1.0))
            out[mine] = ticks / TICKS_PER_DAY
    return out


def _arrivals(plan: Plan, luck: Luck) -> Iterator[dict[str, np.ndarray]]:
    for s, (name, source) in enumerate(plan.tables.sources.items()):
        for k, site in enumerate(plan.sites):
            index, ticks = _ticks(plan, luck, name, source, site)
            n = len(index)
            if n and int(index.max()) >> INDEX_BITS:
                raise InputError(
                    f"sources.{name}: more than {1 << INDEX_BITS} people at {site}; split the source"
                )
            yield {
                "identity": np.uint64(stem(name, site)) | index.astype(np.uint64), "index": index, "arrival": ticks,
                "source": np.full(n, s, dtype=np.int64), "site": np.full(n, k, dtype=np.int64),
            }  # fmt: skip


def _ticks(plan: Plan, luck: Luck, name: str, source: Source, site: str) -> tuple[np.ndarray, np.ndarray]:
    """Return the numbers and the arrival ticks of one source at one site."""
    if source.spawned is not None:
        return np.zeros(0, dtype=np.int64), np.zeros(0, dtype=np.int64)
    if source.initial is not None:
        n = int(number_at(source.initial, site))
        return np.arange(n, dtype=np.int64), np.zeros(n, dtype=np.int64)
    if source.size is not None:
        n = int(number_at(source.size, site))
        if n >> _LIST_BITS:
            raise InputError(
                f"lists of more than {1 << _LIST_BITS} people at one site are not possible; use more dates"
            )
        index = [(j << _LIST_BITS) + np.arange(n, dtype=np.int64) for j in range(len(source.dates))]
        ticks = [np.full(n, plan.tick(day), dtype=np.int64) for day in source.dates]
        return np.concatenate(index), np.concatenate(ticks)
    return _over_periods(plan, luck, name, source, site)


def _over_periods(
    plan: Plan, luck: Luck, name: str, source: Source, site: str
) -> tuple[np.ndarray, np.ndarray]:
    stretches = _stretches(plan, name, site)
    base, total = stem(name, site), float(stretches.upto[-1])
    if total > 1 << INDEX_BITS:
        raise InputError(
            fault(
                "simulation.too_many", key=f"sources.{name}", expected=math.ceil(total), most=1 << INDEX_BITS
            )
        )
    key = key_of("\x1earrival")
    if source.arrivals == "fixed":
        index = np.arange(math.floor(total + 0.5), dtype=np.int64)
        expected = _first(luck, base, index, key) * total
    else:
        index = np.arange(0, dtype=np.int64)
        expected = np.zeros(0)
        while total > 0 and (not len(expected) or expected[-1] < total):
            index = np.arange(2 * len(index) + math.ceil(total + 6.0 * math.sqrt(total)) + 8, dtype=np.int64)
            expected = np.cumsum(hazards_drawn(_first(luck, base, index, key), 1.0))
        index, expected = index[expected < total], expected[expected < total]
    return index, _when(stretches, expected)


def _first(luck: Luck, base: int, index: np.ndarray, key: int) -> np.ndarray:
    words = luck.blocks(np.uint64(base) | index.astype(np.uint64), key, np.zeros(len(index), dtype=np.uint64))
    return uniforms(words[DURATION])


@dataclass(frozen=True)
class _Stretches:
    """The stretches of one source at one site as arrays: first tick, length, expected number of each, and number up to each."""

    first: np.ndarray
    length: np.ndarray
    number: np.ndarray
    upto: np.ndarray


def _stretches(plan: Plan, name: str, site: str) -> _Stretches:
    """Return the stretches of a source at a site; kept with the plan, since every play asks for them."""
    kept = vars(plan).setdefault("_stretches", {})
    if (name, site) not in kept:
        of = rates(plan.tables, name, site)
        first, length, number = (
            np.array([getattr(s, field) for s in of], dtype=np.float64)
            for field in ("first", "length", "number")
        )
        kept[name, site] = _Stretches(first, length, number, np.concatenate([[0.0], np.cumsum(number)]))
    return kept[name, site]


def _when(of: _Stretches, expected: np.ndarray) -> np.ndarray:
    """Return the tick at which the expected number of arrivals since the beginning reaches each value."""
    at = np.minimum(np.searchsorted(of.upto, expected, side="right") - 1, len(of.number) - 1)
    share = (expected - of.upto[at]) / np.where(of.number[at] > 0, of.number[at], 1.0)
    return np.maximum(np.floor(of.first[at] + share * of.length[at]), 0.0).astype(np.int64)


def _overlap(
    plan: Plan, luck: Luck, name: str, source: Source, identity: np.ndarray, own_source: np.ndarray
) -> dict[str, np.ndarray]:
    """Return who is on the lists of `name` too: positions, tick at which the list would have them spotted, missed match or not."""
    overlap: Overlap = source.overlap  # type: ignore[assignment]
    among = np.isin(own_source, [plan.sources.index(s) for s in overlap.sources])
    at = np.flatnonzero(among)
    words = luck.blocks(identity[at], key_of(f"\x1eoverlap:{name}"), np.zeros(len(at), dtype=np.uint64))
    on = uniforms(words[LIMIT]) < overlap.share
    at, words = at[on], words[:, on]
    days = np.array([plan.tick(d) for d in source.dates], dtype=np.int64)
    which = np.floor(uniforms(words[ROUTE]) * len(days)).astype(np.int64)
    delay = distribution(overlap.delay).ticks_of(hazards_drawn(uniforms(words[DURATION]), 1.0))
    return {"at": at, "tick": days[which] + delay, "missed": uniforms(words[SPARE]) < overlap.missed}


def _merge(
    plan: Plan, name: str, listed: dict[str, np.ndarray], own: np.ndarray, arrival: np.ndarray, own_source: np.ndarray,
    spotted_by: np.ndarray,
) -> dict[str, np.ndarray]:  # fmt: skip
    """Bring listed people forward, in place, and return the duplicate records of those whose match was missed."""
    at, tick, missed = listed["at"], listed["tick"], listed["missed"]
    me = plan.sources.index(name)
    sooner = tick < arrival[at]
    later = np.where(sooner, own[at], tick)
    by = np.where(sooner, own_source[at], me)
    arrival[at[sooner]] = tick[sooner]
    spotted_by[at[sooner]] = me
    return {"at": at[missed], "arrival": later[missed], "source": by[missed]}


def attributes(
    plan: Plan, luck: Luck, identity: np.ndarray, own_source: np.ndarray
) -> tuple[dict[str, np.ndarray], dict[str, np.ndarray]]:
    codes, numbers = {}, {}
    for name, attribute in plan.tables.attributes.items():
        words = luck.blocks(
            identity, key_of(f"\x1eattribute:{name}"), np.zeros(len(identity), dtype=np.uint64)
        )
        u = uniforms(words[ROUTE])
        level = np.zeros(len(identity), dtype=np.int64)
        mixed = [s.attributes.get(name, {}) for s in plan.tables.sources.values()]
        upto = np.cumsum([[shares.get(one, 0.0) for one in attribute.levels] for shares in mixed], axis=1)
        for k in range(len(attribute.levels) - 1):
            level += upto[own_source, k] <= u
        codes[name] = level
        if attribute.between:
            low = np.array([attribute.between.get(one, (np.nan, np.nan))[0] for one in attribute.levels])
            high = np.array([attribute.between.get(one, (np.nan, np.nan))[1] for one in attribute.levels])
            numbers[name] = low[level] + uniforms(words[SPARE]) * (high[level] - low[level])
    return codes, numbers
