"""People who come out of other people's follow-up: everybody whom somebody may bring stands ready, and arrives only if brought.

Not whether an entry happens: the engine knows that. Whom it would bring, and after how long, depends on nothing else.
"""

from __future__ import annotations

from dataclasses import fields

import numpy as np

from evalkit.simulation.luck.keyed import DURATION, ROUTE, SPARE, Luck, key_of, uniforms
from evalkit.simulation.luck.population import FIRST, People, attributes
from evalkit.simulation.luck.sampler import NEVER, hazards_drawn
from evalkit.simulation.plan.numbers import Brings, Plan


def with_brought(plan: Plan, luck: Luck, people: People) -> People:
    """Return the people with those whom they may bring, all in the order of identities."""
    parts, parents, entries, delays = [people], [], [], []
    for rule in plan.brings:
        made, parent, entry, delay = _children(plan, luck, people, rule)
        parts.append(made)
        parents.append(parent)
        entries.append(entry)
        delays.append(delay)
    joined = {
        f.name: np.concatenate([getattr(p, f.name) for p in parts])
        for f in fields(People)
        if f.name not in ("codes", "numbers", "bring", "after", "brought_by")
    }
    codes = {t: np.concatenate([p.codes[t] for p in parts]) for t in people.codes}
    numbers = {t: np.concatenate([p.numbers[t] for p in parts]) for t in people.numbers}
    n = len(people)
    brought_by = np.concatenate([np.full(n, -1), *parents]).astype(np.int64)
    after = np.concatenate([np.zeros(n, dtype=np.int64), *delays])
    order = np.argsort(joined["identity"], kind="stable")
    place = np.empty(len(order), dtype=np.int64)
    place[order] = np.arange(len(order))
    bring, begin = [], n
    for rule, parent, entry in zip(plan.brings, parents, entries, strict=True):
        table = np.full((len(order), rule.most), -1, dtype=np.int64)
        rows = np.arange(begin, begin + len(parent))
        # Who is not meant to come stays out: an arrival that never is.
        meant = after[rows] < NEVER
        table[place[parent[meant]], entry[meant]] = place[rows[meant]]
        bring.append(table)
        begin += len(parent)
    known = brought_by >= 0
    brought_by[known] = place[brought_by[known]]
    return People(
        **{name: values[order] for name, values in joined.items()},
        codes={t: c[order] for t, c in codes.items()},
        numbers={t: c[order] for t, c in numbers.items()},
        brought_by=brought_by[order],
        bring=tuple(bring),
        after=after[order],
    )


def _children(
    plan: Plan, luck: Luck, people: People, rule: Brings
) -> tuple[People, np.ndarray, np.ndarray, np.ndarray]:
    """Return all whom a rule may bring, who may bring each, at which entry, and after how long (never, if not meant to)."""
    can = np.flatnonzero(np.isin(people.codes["source"], list(plan.rows[rule.state].sources)))
    parent, entry = np.repeat(can, rule.most), np.tile(np.arange(rule.most), len(can))
    key = key_of(f"\x1ebrings:{plan.sources[rule.source]}")
    words = luck.blocks(people.identity[parent], key, entry.astype(np.uint64))
    # The spare word of a block is 64 bits that nothing else reads: as good an identity as any.
    identity = words[SPARE]
    n = len(parent)
    meant = uniforms(words[ROUTE]) < rule.share
    delay = np.where(meant, rule.delay.ticks_of(hazards_drawn(uniforms(words[DURATION]), 1.0)), NEVER)
    source = np.full(n, rule.source, dtype=np.int64)
    codes, numbers = attributes(plan, luck, identity, source)
    site = people.codes["site"][parent]
    traits = {"source": source, "site": site, "record": np.full(n, FIRST, dtype=np.int64), **codes}
    head = plan.states.index(plan.tables.sources[plan.sources[rule.source]].to)
    never = np.full(n, NEVER, dtype=np.int64)
    made = People(
        identity, identity, people.index[parent] * rule.most + entry, source, source, never, never,
        np.full(n, head, dtype=np.int64), traits, numbers, np.zeros(n), parent, (), delay,
    )  # fmt: skip
    return made, parent, entry, delay
