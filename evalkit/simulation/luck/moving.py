"""What a visit brings when it depends on the moment: dates, tracks that change while time passes, curves read as tables.

Not the path. One uniform still makes one duration: what changes is how fast its hazard is used up.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Sequence

from evalkit.simulation.luck.draws import Visit
from evalkit.simulation.luck.keyed import DURATION, LIMIT, ROUTE, Luck, uniform
from evalkit.simulation.luck.population import People
from evalkit.simulation.luck.sampler import (
    CONSTANT,
    NEVER,
    STEPS,
    TICKS_PER_DAY,
    Distribution,
    hazard_drawn,
    in_ticks,
)
from evalkit.simulation.plan.choices import ERA, Choice
from evalkit.simulation.plan.numbers import Change, Hazard, Plan, Row

#: A change still to come on a track: (tick, level).
Coming = tuple[int, int] | None
#: Stretches of constant ratio: (ticks from now, ratio).
Pieces = list[tuple[int, float]]


class Moving:
    """The draws of visits that depend on the moment, for the people of one play."""

    def __init__(self, plan: Plan, people: People, luck: Luck):
        self.plan, self.people, self.luck = plan, people, luck

    def visit(
        self,
        state: int,
        number: int,
        person: int,
        now: int,
        standing: Sequence[int],
        coming: Sequence[Coming],
    ) -> Visit:
        """Return the draws of a visit that begins now; `standing` and `coming`: level of each track, and what it will be."""
        row = self.plan.rows[state]
        words = self.luck.block(int(self.people.identity[person]), row.key, number)
        level = lambda choice: self._case(choice, person, now, standing)
        limit = NEVER
        if row.limits:
            of = row.limits[level(row.limit_choice)]
            pieces = self._pieces(row.limit_hazard, person, now, standing, coming)
            limit, _ = reach(of, hazard_drawn(uniform(words[LIMIT]), 1.0), 0.0, pieces)
        u, duration, done = uniform(words[ROUTE]), NEVER, -1
        if row.durations:
            case = level(row.duration_choice)
            of = row.durations[case]
            spent = self._spent(row, state, number, person)
            pieces = self._pieces(row.hazard, person, now, standing, coming)
            duration, jump = reach(of, hazard_drawn(uniform(words[DURATION]), 1.0), spent, pieces)
            if of.family == STEPS:
                # What the curve does not say is not made up: who is still there on its last day leaves late.
                limit = min(limit, max(in_ticks(of.a - spent), 0))
                if jump < len(of.days) and row.by_cause[case]:
                    done = row.by_cause[case][bisect_left(of.causes[jump], u)]
        if done < 0 and row.done:
            way = row.done[level(row.done_choice)]
            done = way.targets[bisect_left(way.cumulative, u)]
        late = -1
        if row.late:
            way = row.late[level(row.late_choice)]
            late = way.targets[bisect_left(way.cumulative, u)]
        return duration, limit, done, late

    def change(self, change: Change, number: int, person: int, now: int) -> Coming:
        """Return what a track will be after a visit that may change it, or None when it does not."""
        words = self.luck.block(int(self.people.identity[person]), change.key, number)
        if not uniform(words[ROUTE]) < change.share:
            return None
        return now + change.after.ticks(hazard_drawn(uniform(words[DURATION]), 1.0)), change.level

    def _case(self, choice: Choice, person: int, now: int, standing: Sequence[int]) -> int:
        return int(choice.cases[tuple(self._level(t, person, now, standing) for t in choice.traits)])

    def _level(self, trait: str, person: int, now: int, standing: Sequence[int]) -> int:
        if trait == ERA:
            return self.plan.eras.at(now)
        if trait in self.plan.tracks:
            return standing[self.plan.tracks.index(trait)]
        return int(self.people.codes[trait][person])

    def _spent(self, row: Row, state: int, number: int, person: int) -> float:
        """Return the days already spent in a first state by those there at first."""
        if number or state != self.people.head[person]:
            return 0.0
        return float(self.people.elapsed[person])

    def _pieces(
        self, hazard: Hazard, person: int, now: int, standing: Sequence[int], coming: Sequence[Coming]
    ) -> Pieces:
        """Return the ratio from now on, each time it changes."""
        fixed = 1.0
        for trait, by_level in hazard.traits:
            fixed = fixed * by_level[int(self.people.codes[trait][person])]
        edges = {t for t, _ in hazard.shocks if t > now}
        for track, _ in hazard.tracks:
            change = coming[track]
            if change is not None:
                edges.add(change[0])
        pieces = []
        for tick in (now, *sorted(edges)):
            ratio = fixed
            for track, by_level in hazard.tracks:
                change = coming[track]
                there = change is not None and change[0] <= tick
                ratio = ratio * by_level[change[1] if there else standing[track]]
            k = bisect_right(hazard.shocks, tick, key=lambda s: s[0]) - 1
            pieces.append((tick - now, ratio * hazard.shocks[k][1] if k >= 0 else ratio))
        return pieces


def reach(of: Distribution, e: float, spent: float, pieces: Pieces) -> tuple[int, int]:
    """Return after how many ticks a hazard that is used up piece by piece reaches `e`, and the jump of STEPS that did it (else 0).

    Parameters
    ----------
    of : Distribution
    e : float
        Exponential draw.
    spent : float
        Days already spent, without having left.
    pieces : list of (ticks from now, ratio)
    """
    if of.family == CONSTANT:
        return max(in_ticks(of.a - spent), 0), 0
    used = of.hazard_by(spent) if spent > 0.0 else 0.0
    for k in range(len(pieces) - 1):
        until = of.hazard_by(spent + pieces[k + 1][0] / TICKS_PER_DAY)
        gain = pieces[k][1] * (until - used)
        if e <= gain:
            return _arrive(of, used + e / pieces[k][1], spent, pieces[k][0])
        e = e - gain
        used = until
    return _arrive(of, used + e / pieces[-1][1], spent, pieces[-1][0])


def _arrive(of: Distribution, hazard: float, spent: float, least: int) -> tuple[int, int]:
    days = of.days_at(hazard)
    ticks = NEVER if days >= float(NEVER) else max(in_ticks(days - spent), least)
    return ticks, of.jump(hazard) if of.family == STEPS else 0
