"""What each visit to a state brings, were it to happen: how long, until when at most, where to after either.

Not the path: whether a visit happens is the engine's business. Not what depends on the moment either: see `moving`. Draws are
made for many people at once and kept; since a draw
depends on nothing but its address, making too many or too few changes nothing.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Sequence

import numpy as np

from evalkit.simulation.luck.keyed import DURATION, LIMIT, ROUTE, Luck, uniform, uniforms
from evalkit.simulation.luck.population import People
from evalkit.simulation.luck.sampler import NEVER, Distribution, hazard_drawn, hazards_drawn
from evalkit.simulation.plan.choices import Choice, Way
from evalkit.simulation.plan.numbers import EXIT, Plan, Row

#: (duration, limit) in ticks and (state after done, state after late); -1 where there is none.
Visit = tuple[int, int, int, int]

#: Visits are drawn for everybody in groups of up to 2 to this power; the few who come back still more often are drawn alone.
_TOGETHER = 5


class Draws:
    """Every visit's draws for the people of one play.

    Visits to a state are drawn in growing groups (the first alone, then 2, 4, 8 …), each for all those who may still come.
    """

    def __init__(self, plan: Plan, people: People, luck: Luck):
        self.plan, self.people, self.luck = plan, people, luck
        self.fixed: list[Visit | None] = [self._fixed(row) for row in plan.rows]
        self._groups: list[dict[int, tuple[list[int], list[Visit]]]] = [{} for _ in plan.rows]

    def visit(self, state: int, number: int, person: int, inside: Callable[[], np.ndarray]) -> Visit:
        """Return the draws of a person's visit; `inside` says who has not left for good, when a group must be drawn."""
        fixed = self.fixed[state]
        if fixed is not None:
            return fixed
        size = (number + 1).bit_length() - 1
        if size > _TOGETHER:
            return self.one(state, number, person)
        group = self._groups[state].get(size)
        if group is None:
            group = self._groups[state][size] = self._draw(state, size, inside())
        position, visits = group
        return visits[(position[person] << size) + number + 1 - (1 << size)]

    def one(self, state: int, number: int, person: int) -> Visit:
        """Return the same draws computed alone in Python numbers."""
        row, codes = self.plan.rows[state], self.people.codes
        words = self.luck.block(int(self.people.identity[person]), row.key, number)
        mine = {trait: code[person : person + 1] for trait, code in codes.items()}
        ratio = float(_ratio(row, mine, 1)[0])

        def ticks(of: Sequence[Distribution], choice: Choice, word: int, by: float) -> int:
            return of[int(choice.take(mine, 1)[0])].ticks(hazard_drawn(uniform(word), by)) if of else NEVER

        def to(ways: Sequence[Way], choice: Choice) -> int:
            if not ways:
                return -1
            way = ways[int(choice.take(mine, 1)[0])]
            return way.targets[bisect_left(way.cumulative, uniform(words[ROUTE]))]

        return (
            ticks(row.durations, row.duration_choice, words[DURATION], ratio),
            ticks(row.limits, row.limit_choice, words[LIMIT], 1.0),
            to(row.done, row.done_choice),
            to(row.late, row.late_choice),
        )

    def _fixed(self, row: Row) -> Visit | None:
        if row.kind == EXIT:
            return (0, NEVER, -1, -1)
        if not row.fixed:
            return None
        duration = row.durations[0].ticks(1.0) if row.durations else NEVER
        return (duration, NEVER, row.done[0].targets[0], -1)

    def _draw(self, state: int, size: int, inside: np.ndarray) -> tuple[list[int], list[Visit]]:
        """Draw visits 2^size - 1 up to 2^(size + 1) - 2 of everybody inside who can come here."""
        row, count = self.plan.rows[state], 1 << size
        who = inside[np.isin(self.people.codes["source"][inside], list(row.sources))]
        numbers = np.tile(np.arange(count - 1, 2 * count - 1, dtype=np.uint64), len(who))
        rows = np.repeat(who, count)
        words = self.luck.blocks(self.people.identity[rows], row.key, numbers)
        codes = {trait: code[rows] for trait, code in self.people.codes.items()}
        n = len(rows)
        duration = _ticks(row.durations, row.duration_choice, codes, words[DURATION], _ratio(row, codes, n))
        limit = _ticks(row.limits, row.limit_choice, codes, words[LIMIT], np.ones(1))
        u = uniforms(words[ROUTE])
        done, late = (
            _routes(row.done, row.done_choice, codes, u),
            _routes(row.late, row.late_choice, codes, u),
        )
        position = np.full(len(self.people), -1, dtype=np.int64)
        position[who] = np.arange(len(who))
        return position.tolist(), list(
            zip(duration.tolist(), limit.tolist(), done.tolist(), late.tolist(), strict=True)
        )


def _ratio(row: Row, codes: dict[str, np.ndarray], n: int) -> np.ndarray:
    ratio = np.ones(n)
    for trait, by_level in row.hazard.traits:
        ratio = ratio * np.array(by_level)[codes[trait]]
    return ratio


def _ticks(
    of: Sequence[Distribution],
    choice: Choice,
    codes: dict[str, np.ndarray],
    words: np.ndarray,
    ratio: np.ndarray,
) -> np.ndarray:
    if not of:
        return np.full(len(words), NEVER, dtype=np.int64)
    hazards = hazards_drawn(uniforms(words), ratio)
    if len(of) == 1:
        return of[0].ticks_of(hazards)
    case = choice.take(codes, len(words))
    out = np.empty(len(words), dtype=np.int64)
    for c, one in enumerate(of):
        mine = case == c
        out[mine] = one.ticks_of(hazards[mine])
    return out


def _routes(ways: Sequence[Way], choice: Choice, codes: dict[str, np.ndarray], u: np.ndarray) -> np.ndarray:
    out = np.full(len(u), -1, dtype=np.int64)
    case = choice.take(codes, len(u)) if ways else None
    for c, way in enumerate(ways):
        mine = case == c
        out[mine] = np.array(way.targets)[np.searchsorted(way.cumulative, u[mine], side="left")]
    return out
