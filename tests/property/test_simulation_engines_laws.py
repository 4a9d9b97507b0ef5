"""Both engines write the same tape, to the bit, on pathways drawn at random from the whole language."""

import datetime as dt
import os

import numpy as np
import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from evalkit.errors import InputError
from evalkit.simulation import Pathway, play

pytest.importorskip("numba", reason="no numba (extra: fast)")

START = dt.date(2024, 1, 1)
SITES = ("north", "south", "east")
#: More by hand: EVALKIT_PATHWAYS=200.
MANY = settings(
    max_examples=int(os.environ.get("EVALKIT_PATHWAYS", "40")),
    deadline=None,
    derandomize=True,
    database=None,
    suppress_health_check=list(HealthCheck),
)

ratio = st.sampled_from([0.25, 0.7, 1.0, 1.5, 4.0])
share = st.sampled_from([0.1, 0.25, 0.5, 0.9, 1.0])
whole = st.integers(1, 30)
real = st.floats(0.2, 25, allow_nan=False)


def shares(draw, names):
    """Return shares of some of the names that sum to 1."""
    kept = draw(st.lists(st.sampled_from(names), min_size=1, max_size=3, unique=True))
    cut = sorted(draw(st.integers(0, 20)) for _ in kept[1:])
    parts = np.diff([0, *cut, 20]) / 20
    return {n: float(p) for n, p in zip(kept, parts, strict=True) if p > 0}


@st.composite
def days(draw, length):
    return START + dt.timedelta(days=draw(st.integers(0, length)))


@st.composite
def durations(draw, zero=False):
    """Return a duration of any family but a fitted one; whole days more often than not, so that much happens at once."""
    family = draw(
        st.sampled_from(
            ("constant", "constant", "exponential", "weibull", "gamma", "lognormal", "uniform", "empirical")
        )
    )
    if family == "constant":
        return draw(st.integers(0, 14) if zero else st.integers(1, 14))
    made = {
        "exponential": {"mean": draw(real)},
        "weibull": {"scale": draw(real), "shape": draw(st.sampled_from([0.6, 1.0, 2.5]))},
        "gamma": {"mean": draw(real), "shape": draw(st.sampled_from([0.5, 1.0, 3.0]))},
        "lognormal": {"median": draw(real), "sigma": draw(st.sampled_from([0.0, 0.5, 1.2]))},
        "uniform": {"low": 0, "high": draw(whole)},
        "empirical": {"values": draw(st.lists(whole, min_size=2, max_size=5))},
    }
    return {"family": family, **made[family]}


@st.composite
def curves(draw, causes):
    """Return a curve by cause, whose last share may or may not be 1."""
    at = sorted(draw(st.lists(st.integers(1, 40), min_size=1, max_size=5, unique=True)))
    steps = np.array([[draw(st.integers(0, 3)) for _ in at] for _ in causes])
    steps[0, 0] += 1
    rest = draw(st.sampled_from([0, 0, 2]))
    incidence = np.cumsum(steps, axis=1) / (steps.sum() + rest)
    return {
        "family": "fitted",
        "days": at,
        "incidence": {c: [min(float(v), 1.0) for v in row] for c, row in zip(causes, incidence, strict=True)},
    }


class Tables:
    """Draws the tables of a pathway: forward through its states, back only from delays that last."""

    def __init__(self, draw):
        self.draw = draw
        self.length = draw(st.integers(30, 150))
        self.sites = SITES[: draw(st.integers(1, 3))]
        self.day = days(self.length)
        self.attributes = {"sex": {"levels": ["f", "m"]}} if self.maybe(0.5) else {}
        if self.maybe():
            self.attributes["age"] = {
                "levels": ["16-17", "18-25"],
                "between": {"16-17": [16, 18], "18-25": [18, 26]},
            }
        self.tracks = {"help": {"levels": ["none", "some", "much"]}} if self.maybe(0.6) else {}
        if self.maybe():
            self.tracks["referent"] = {"levels": ["no", "named"]}
        self.names = ["register", "post"] if self.maybe(0.7) else ["register"]
        self.levels = {"source": self.names, "site": self.sites, "record": ["first", "duplicate"]}
        self.levels |= {n: a["levels"] for n, a in (self.attributes | self.tracks).items()}
        self.pools = {f"pool{k}": self.pool() for k in range(draw(st.integers(1, 2)))}
        self.held = [p for p, made in self.pools.items() if "units" in made]
        self.order = [f"s{k}" for k in range(draw(st.integers(2, 6)))]
        self.states = {}

    def maybe(self, likely=0.3):
        return self.draw(st.integers(0, 99)) < 100 * likely

    def one(self, of):
        return self.draw(st.sampled_from(list(of)))

    def counts(self, low, high):
        number = st.integers(low, high)
        return {s: self.draw(number) for s in self.sites} if self.maybe() else self.draw(number)

    def when(self):
        name = self.one(sorted(self.levels))
        found = {"when": {name: self.one(sorted(self.levels[name]))}} if self.maybe(0.8) else {}
        if not found or self.maybe():
            found["from"] = self.draw(self.day)
        if self.maybe(0.2):
            found["until"] = max(self.draw(self.day), found.get("from", START))
        return found

    def cases(self, make, wrap):
        if not self.maybe(0.4):
            return make()
        return [{**self.when(), wrap: make()} for _ in range(self.draw(st.integers(1, 2)))] + [{wrap: make()}]

    def ratios(self):
        of = [n for n in self.levels if self.maybe()]
        return {n: {level: self.draw(ratio) for level in self.levels[n]} for n in of}

    def pool(self):
        kind = self.one(("units", "units", "weekly", "units", "sessions"))
        if kind == "sessions":
            dates = self.draw(st.lists(self.day, min_size=1, max_size=5))
            made = {"sessions": {"dates": dates, "places": self.counts(1, 4)}}
        else:
            several = range(self.draw(st.integers(0, 2)))
            made = {kind: self.counts(1, 3)}
            made["changes"] = [{"from": self.draw(self.day), kind: self.counts(0, 5)} for _ in several]
        if kind == "weekly":
            made["on"] = self.draw(
                st.lists(st.sampled_from(["monday", "tuesday", "friday"]), min_size=1, unique=True)
            )
        if len(self.sites) > 1:
            made["shared"] = self.one([False, False, True, [list(self.sites[:2])]])
        return made

    def delay(self, later, back):
        """Return a delay that goes on to later states, or back if it lasts."""
        onward = [*later, *back]
        row = {"kind": "delay", "hazard_ratios": self.ratios()}
        to = lambda: shares(self.draw, onward)
        if self.maybe():
            causes = ["job", "left"][: self.draw(st.integers(1, 2))]
            row["duration"] = self.cases(lambda: self.draw(curves(causes)), "duration")
            return row | {"by_cause": {c: self.one(onward) for c in causes}, "late": self.cases(to, "to")}
        row["duration"] = self.cases(lambda: self.draw(durations(zero=not back)), "duration")
        row["done"] = self.cases(to, "to")
        if self.maybe(0.4):
            row["limit"] = self.cases(lambda: self.draw(durations()), "duration")
            row |= {"late": self.cases(to, "to"), "limit_hazard_ratios": self.ratios()}
        return row | ({"not_before": self.draw(self.day)} if self.maybe(0.1) else {})

    def wait(self, name, later, back):
        """Return a wait, and add the delay in which a held unit is used."""
        which = self.one(["pool0", "pool0", *self.pools])
        row = {"kind": "wait", "pool": which, "priority": self.one((0, 2, 1)), "release": self.held}
        to = lambda: shares(self.draw, later)
        if self.maybe(0.4):
            row["limit"] = self.cases(lambda: self.draw(durations()), "duration")
            row["late"] = self.cases(to, "to")
        if self.maybe():
            row["balk"] = {"at": self.counts(0, 3), "to": self.one(later)}
        if which not in self.held:
            return row | {"done": self.cases(to, "to")}
        served, second = f"{name}.served", f"{name}.second"
        self.states[served] = self.delay(later, back)
        others = [p for p in self.held if p != which]
        if others and self.maybe():
            # A second unit held at the same time.
            self.states[second] = {"kind": "wait", "pool": others[0], "done": served}
        return row | {
            "preempt": row["priority"] == 0 or self.maybe(),
            "done": second if second in self.states else served,
        }

    def rows(self):
        """Fill in the states."""
        for k, name in enumerate(self.order):
            later = [*self.order[k + 1 :], "out", "away"]
            back = self.order[: k + 1] if self.maybe() else []
            if self.maybe(0.6):
                self.states[name] = self.wait(name, later, back)
            else:
                self.states[name] = self.delay(later, back) | {"release": self.held}
        for name in ("out", "away"):
            self.states[name] = {"kind": "exit", "release": self.held}
        for row in self.states.values():
            row["set"] = {t: self.change(of["levels"]) for t, of in self.tracks.items() if self.maybe()}

    def change(self, levels):
        return {"to": self.one(levels), "share": self.draw(share), "after": self.draw(durations(zero=True))}

    def source(self, kind):
        mixed = {a: dict(zip(of["levels"], (0.25, 0.75), strict=True)) for a, of in self.attributes.items()}
        made = {"to": self.one(self.order), "attributes": mixed}
        return made | getattr(self, f"_{kind}")()

    def _periods(self):
        stop = START + dt.timedelta(days=self.length // 2)
        made = {"periods": [{"from": START, "to": stop, "number": self.draw(st.integers(10, 60))}]}
        made["arrivals"] = self.one(("poisson", "fixed"))
        return made | ({"season": [self.draw(st.integers(1, 4)) for _ in range(12)]} if self.maybe() else {})

    def _dates(self):
        dates = self.draw(st.lists(self.day, min_size=1, max_size=2, unique=True))
        made = {"dates": dates, "size": self.counts(1, 8)}
        if self.maybe(0.6):
            delay, missed = self.draw(durations(zero=True)), self.one([0.5, 0.0])
            made["overlap"] = {
                "with": ["register"],
                "share": self.draw(share),
                "delay": delay,
                "missed": missed,
            }
            made["overlap"]["duplicate_to"] = self.one(self.order)
        return made

    def _initial(self):
        delays = [s for s in self.order if self.states[s]["kind"] == "delay"]
        elapsed = {"to": self.one(delays), "elapsed": self.draw(durations())} if delays else {}
        return {"initial": self.counts(0, 8)} | elapsed

    def _spawned(self):
        delay, most = self.draw(durations(zero=True)), self.draw(st.integers(1, 3))
        return {
            "spawned": {
                "state": self.one(sorted(self.states)),
                "share": self.draw(share),
                "delay": delay,
                "most": most,
            }
        }

    def shock(self, states):
        made = {"from": self.draw(self.day), "sources": {"register": self.draw(ratio)}}
        for field, of in (("hazards", "duration"), ("limits", "limit")):
            made[field] = {s: self.draw(ratio) for s, row in states.items() if of in row and self.maybe(0.5)}
        return made


@st.composite
def tables(draw):
    """Return the tables of a pathway."""
    t = Tables(draw)
    t.rows()
    sources = {"register": t.source("periods") | {"to": "s0"}}
    if len(t.names) > 1:
        sources["post"] = t.source(t.one(("spawned", "dates", "initial", "periods")))
    states = _reached(t.states, sources)
    end = START + dt.timedelta(days=t.length)
    return {
        "start": START, "end": end, "sites": t.sites, "attributes": t.attributes, "tracks": t.tracks,
        "shocks": [t.shock(states) for _ in range(draw(st.integers(0, 2)))], "pools": t.pools, "sources": sources,
        "calendar": {"closed": [draw(t.day)], "reduced": [{"from": draw(t.day), "to": end, "share": 0.5}]}, "states": states,
    }  # fmt: skip


def _to(row):
    found = set(row.get("by_cause", {}).values()) | ({row["balk"]["to"]} if "balk" in row else set())
    for field in ("done", "late"):
        given = row.get(field, [])
        for case in given if isinstance(given, list) else [given]:
            to = case.get("to", case) if isinstance(case, dict) else {case: 1.0}
            found |= {name for name, part in to.items() if part > 0}
    return found


def _reached(states, sources):
    """Return the states somebody can come to; the others would be refused."""
    seen = {s["to"] for s in sources.values()}
    seen |= {s["overlap"]["duplicate_to"] for s in sources.values() if "overlap" in s}
    todo = list(seen)
    while todo:
        new = _to(states[todo.pop()]) - seen
        seen |= new
        todo += new
    return {name: row for name, row in states.items() if name in seen}


def pathway(given):
    """Return the pathway, or set the example aside when it is refused: a shock or a person brought where nobody comes."""
    try:
        return Pathway(given)
    except InputError:
        assume(False)


@MANY
@given(tables(), st.integers(0, 3))
def test_both_engines_write_the_same_tape_whatever_the_pathway(given, replication):
    made = pathway(given)
    readable, compiled = (play(made, 11, replication, engine) for engine in ("simpy", "compiled"))
    assert np.array_equal(readable.log, compiled.log)
    assert np.array_equal(readable.changes, compiled.changes)
    assert readable.digest == compiled.digest
