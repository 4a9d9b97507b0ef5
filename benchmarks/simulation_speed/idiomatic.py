"""The timed models as SimPy's manual teaches to write them: one process a customer, `Resource`, `Container`, `random`.

Written for this comparison, by the authors of evalkit. Numbers of the Paris baseline are read from its table before the clock runs.
"""

from __future__ import annotations

import random
import statistics
from itertools import accumulate

import simpy

from evalkit.simulation.luck.sampler import TICKS_PER_DAY


def mm3(seed: int, servers: int, load: float, days: int) -> tuple[float, int]:
    """Return the mean wait and the number of events (arrivals and ends of service)."""
    draw, env = random.Random(seed), simpy.Environment()
    desk, waits = simpy.Resource(env, servers), []

    def customer():
        came = env.now
        with desk.request() as turn:
            yield turn
            waits.append(env.now - came)
            yield env.timeout(draw.expovariate(1.0))

    def street():
        while True:
            yield env.timeout(draw.expovariate(servers * load))
            env.process(customer())

    env.process(street())
    env.run(until=days)
    return statistics.fmean(waits), 2 * len(waits)


class Numbers:
    """What the script takes from the table of the baseline: shares, durations, arrivals, slots of each day; one site's at a time."""

    def __init__(self, pathway):
        tables, plan = pathway.tables, pathway.plan
        self.days, self.sites = plan.horizon / TICKS_PER_DAY, tables.sites
        self.opens = {site: [] for site in self.sites}
        for tick, opened in plan.capacity.openings:
            for _, queue, slots, _ in opened:
                self.opens[self.sites[queue]].append((tick / TICKS_PER_DAY, slots))
        self.started = (tables.states["review"].not_before - tables.start).days
        self.sources = {}
        for name, source in tables.sources.items():
            for site in self.sites:
                period = source.periods[0] if source.periods else None
                first = (period.start - tables.start).days if period else 0
                length = (period.stop - period.start).days + 1 if period else 0
                number = period.number[site] if period else source.initial[site]
                self.sources[name, site] = (first, length, number, source.arrivals == "fixed")
        self.reachable = {n: s.attributes["reachable"].get("no", 0.0) for n, s in tables.sources.items()}
        self.states = tables.states

    def shares(
        self, state: str, site: str, source: str, field: str = "done"
    ) -> tuple[list[str], list[float]]:
        """Return where a state leads and the cumulative shares."""
        person = {"site": site, "source": source, "reachable": "yes"}
        case = next(c for c in getattr(self.states[state], field) if c.when.items() <= person.items())
        return list(case.to), list(accumulate(case.to.values()))

    def days_of(self, state: str, site: str, field: str = "duration"):
        """Return the duration of a state."""
        cases = getattr(self.states[state], field)
        return next(c.duration for c in cases if c.when.items() <= {"site": site}.items())


class Site:
    """One site's numbers, looked up once."""

    def __init__(self, numbers: Numbers, site: str, source: str):
        where = lambda state: numbers.shares(state, site, source)
        mean = lambda state: numbers.days_of(state, site).mean
        constant = lambda state: numbers.days_of(state, site).value
        self.review, self.after_review = mean("review"), where("review")
        self.answered, self.between = where("attempt_1")[1][0], constant("unanswered_1")
        self.refuses, self.notice = where("answered")[1][0], constant("notice")
        self.patience = numbers.days_of("first_queue", site, "limit").mean
        self.comes, self.comes_back = where("first_appointment")[1][0], where("first_missed")[1][0]
        self.missed = constant("first_missed")
        self.gap_at_once, gap = where("entered")[1][0], numbers.days_of("gap", site)
        self.gap, self.sigma = gap.median, gap.sigma
        self.meets, self.after_meeting = where("follow_up_appointment")[1][0], where("meeting")
        self.tries_again = where("missed")[1][0]
        self.solution = {
            s: (mean(s), where(s)[1][0])
            for s in numbers.states
            if s.startswith("in_") or s in ("illness", "prison")
        }
        self.silence, self.returns = constant("silent_0"), numbers.days_of("silent_0", site, "limit").mean
        self.reached, self.no_answer = where("reactivation_1")[1][0], constant("no_answer_1")
        self.given_up, self.out_of_sight = where("decision")[1][0], mean("out_of_sight")
        self.before = mean("followed_before")
        self.ordinary, self.ordinary_leaves = (
            where("ordinary_appointment")[1][0],
            where("ordinary_meeting")[1][0],
        )
        ordinary = numbers.days_of("ordinary_gap", site)
        self.ordinary_gap, self.ordinary_sigma = ordinary.median, ordinary.sigma
        self.ordinary_missed = constant("ordinary_missed")


class Paris:
    """The Paris baseline: one process per youth, one container of interviews per site, refilled each day."""

    def __init__(self, numbers: Numbers):
        self.numbers = numbers
        self.of = {(source, site): Site(numbers, site, source) for source, site in numbers.sources}

    def play(self, seed: int) -> list[tuple]:
        """Return the tape: person, state, first day, last day."""
        self.draw, self.env, self.tape = random.Random(seed), simpy.Environment(), []
        self.log, self.people = self.tape.append, 0
        self.desks = {site: simpy.Container(self.env) for site in self.numbers.sites}
        for site, desk in self.desks.items():
            self.env.process(self.opening(desk, self.numbers.opens[site]))
        for (source, site), plan in self.numbers.sources.items():
            self.env.process(self.arriving(source, site, *plan))
        self.env.run(until=self.numbers.days)
        return self.tape

    def opening(self, desk, days):
        for day, slots in days:
            yield self.env.timeout(day - self.env.now)
            if desk.level:
                yield desk.get(desk.level)
            if slots:
                yield desk.put(slots)

    def arriving(self, source, site, first, length, number, fixed):
        draw, env = self.draw, self.env
        if fixed or not length:
            times = sorted(first + draw.random() * length for _ in range(round(number)))
        else:
            times, day = [], 0.0
            while (day := day + draw.expovariate(number / length)) < length:
                times.append(first + day)
        for day in times:
            yield env.timeout(day - env.now)
            self.people += 1
            youth = self.youth if source not in ("already_followed", "newcomers") else self.followed
            env.process(youth(self.people, source, self.of[source, site], self.desks[site]))

    def at_once(self, person, state):
        self.log((person, state, self.env.now, self.env.now))

    def stay(self, person, state, days):
        start = self.env.now
        yield self.env.timeout(days)
        self.log((person, state, start, self.env.now))

    def followed(self, person, source, n, desk):
        """A youth whom the Mission Locale follows anyway: interviews only."""
        draw = self.draw
        if source == "already_followed":
            yield from self.stay(person, "followed_before", draw.expovariate(1 / n.before))
        while True:
            start = self.env.now
            yield desk.get(1)
            self.log((person, "ordinary_queue", start, self.env.now))
            self.at_once(person, "ordinary_appointment")
            if draw.random() >= n.ordinary:
                yield from self.stay(person, "ordinary_missed", n.ordinary_missed)
                continue
            self.at_once(person, "ordinary_meeting")
            if draw.random() < n.ordinary_leaves:
                self.at_once(person, "ordinary_left")
                return
            yield from self.stay(
                person, "ordinary_gap", draw.lognormvariate(0, n.ordinary_sigma) * n.ordinary_gap
            )

    def youth(self, person, source, n, desk):
        """A youth who dropped out: reviewed, called, seen, followed."""
        draw = self.draw
        reachable = draw.random() >= self.numbers.reachable[source]
        days = max(draw.expovariate(1 / n.review), self.numbers.started - self.env.now)
        yield from self.stay(person, "review", days)
        names, upto = n.after_review
        after = draw.choices(names, cum_weights=upto)[0]
        if after != "attempt_1":
            self.at_once(person, after)
            return
        for k in (1, 2, 3):
            self.at_once(person, f"attempt_{k}")
            if reachable and draw.random() < n.answered:
                break
            yield from self.stay(person, f"unanswered_{k}", n.between)
        else:
            self.at_once(person, "not_reached")
            return
        self.at_once(person, "answered")
        if draw.random() < n.refuses:
            self.at_once(person, "refused")
            return
        yield from self.stay(person, "notice", n.notice)
        while True:
            start = self.env.now
            turn = desk.get(1)
            served = yield turn | self.env.timeout(draw.expovariate(1 / n.patience))
            self.log((person, "first_queue", start, self.env.now))
            if turn not in served:
                turn.cancel()
                self.at_once(person, "not_reached")
                return
            self.at_once(person, "first_appointment")
            if draw.random() < n.comes:
                break
            yield from self.stay(person, "first_missed", n.missed)
            if draw.random() >= n.comes_back:
                self.at_once(person, "not_reached")
                return
        self.at_once(person, "entered")
        yield from self.after_entry(person, n, desk)

    def after_entry(self, person, n, desk):
        draw, state = self.draw, "gap" if self.draw.random() < n.gap_at_once else "silent"
        while True:
            if state == "silent":
                if not (yield from self.silent(person, n)):
                    return
            elif state == "gap":
                yield from self.stay(person, "gap", draw.lognormvariate(0, n.sigma) * n.gap)
            start = self.env.now
            yield desk.get(1)
            self.log((person, "follow_up_queue", start, self.env.now))
            self.at_once(person, "follow_up_appointment")
            if draw.random() >= n.meets:
                yield from self.stay(person, "missed", n.missed)
                state = "queue" if draw.random() < n.tries_again else "silent"
                continue
            self.at_once(person, "meeting")
            names, upto = n.after_meeting
            after = draw.choices(names, cum_weights=upto)[0]
            if after in ("abandoned", "moved", "administrative"):
                self.at_once(person, after)
                return
            state = "silent" if after == "silent_0" else "gap"
            if after == "project":
                self.at_once(person, "project")
            elif after in n.solution:
                mean, back = n.solution[after]
                yield from self.stay(person, after, draw.expovariate(1 / mean))
                state = "gap" if draw.random() < back else "silent"
                self.at_once(person, "back" if state == "gap" else "drifts")

    def silent(self, person, n):
        """Ninety days without contact; tell whether the youth comes back."""
        draw = self.draw
        for k in range(3):
            returns = draw.expovariate(1 / n.returns)
            yield from self.stay(person, f"silent_{k}", min(n.silence, returns))
            if returns < n.silence:
                self.at_once(person, "returned")
                return True
        for k in (1, 2):
            self.at_once(person, f"reactivation_{k}")
            if draw.random() < n.reached:
                self.at_once(person, "reactivated")
                return True
            yield from self.stay(person, f"no_answer_{k}", n.no_answer)
        self.at_once(person, "decision")
        if draw.random() < n.given_up:
            self.at_once(person, "abandoned")
            return False
        yield from self.stay(person, "out_of_sight", draw.expovariate(1 / n.out_of_sight))
        self.at_once(person, "returned")
        return True
