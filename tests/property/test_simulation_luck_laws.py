"""Laws of both engines on what moves with time: people conserved, luck that belongs to people, capacity that never harms.

Tracks, shocks, cases by date, fitted curves, shared and changing pools, committees, balking, preemption, seasons, elapsed time,
people brought by others, lists that overlap: every drawn pathway has them all.
"""

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from evalkit.simulation import Pathway, Scenario, contrast, play
from evalkit.simulation.engines.stays import LEFT, OPEN

FEW = settings(
    max_examples=12,
    deadline=None,
    derandomize=True,
    database=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
)
YEAR = {"from": "2024-01-01", "to": "2024-06-28"}
ROOM = 10_000

share = st.sampled_from([0.15, 0.4, 0.7])
mean = st.floats(0.5, 30)
day = st.dates(pd.Timestamp("2024-01-10").date(), pd.Timestamp("2024-06-01").date())


@pytest.fixture(params=["simpy", "compiled"])
def engine(request):
    if request.param == "compiled":
        pytest.importorskip("numba", reason="no numba (extra: fast)")
    return request.param


def exponential(mean):
    return {"family": "exponential", "mean": mean}


def split(p, a, b):
    return {a: p, b: 1 - p}


@st.composite
def everything(draw):
    """Return the tables of a pathway in which all that moves is there."""
    free = ["beds"]
    help_ratios = {"help": {"none": 1.0, "given": draw(st.sampled_from([0.5, 1.0, 3.0]))}}
    states = {
        "arrive": {
            "kind": "delay",
            "duration": [{"when": {"age": "young"}, "until": draw(day), "duration": exponential(draw(mean))},
                         {"duration": draw(st.integers(0, 5))}],
            "done": [{"from": draw(day), "to": split(draw(share), "queue", "panel")}, {"to": split(draw(share), "queue", "bed")}],
        },
        "queue": {"kind": "wait", "pool": "desk", "limit": exponential(draw(mean) * 5), "done": "talk", "late": "lost"},
        "panel": {"kind": "wait", "pool": "panel", "limit": 120, "done": "bed", "late": "lost"},
        "bed": {"kind": "wait", "pool": "beds", "priority": 1, "done": "stay", "balk": {"at": draw(st.integers(0, 4)), "to": "talk"}},
        "urgent": {"kind": "wait", "pool": "beds", "priority": 0, "preempt": True, "done": "stay"},
        "stay": {
            "kind": "delay", "late": "talk", "by_cause": {"job": "out", "away": "talk"},
            "duration": {"family": "fitted", "days": [3, 10, 40], "incidence": {"job": [0.1, 0.3, 0.4], "away": [0.1, 0.3, 0.5]}},
        },
        "talk": {
            "kind": "delay", "release": free, "duration": exponential(draw(mean) + 3), "limit": draw(st.integers(5, 60)),
            "hazard_ratios": help_ratios, "done": split(draw(share), "urgent", "out"), "late": "lost",
            "set": {"help": {"to": "given", "share": draw(share), "after": draw(st.integers(0, 20))}},
        },
        "out": {"kind": "exit", "release": free}, "lost": {"kind": "exit", "release": free},
    }  # fmt: skip
    ages = {"age": {"young": 0.4, "older": 0.6}}
    sources = {
        "street": {"to": "arrive", "periods": [{**YEAR, "number": draw(st.integers(10, 60))}], "attributes": ages,
                   "season": [1, 3, 1, 2, 1, 4, 1, 1, 1, 1, 1, 1]},
        "list": {"to": "queue", "dates": [draw(day)], "size": draw(st.integers(1, 6)), "attributes": ages,
                 "overlap": {"with": ["street"], "share": draw(share), "delay": 4, "missed": 0.3, "duplicate_to": "queue"}},
        "before": {"to": "talk", "initial": draw(st.integers(0, 5)), "elapsed": exponential(20), "attributes": ages},
        "friend": {"to": "arrive", "attributes": ages,
                   "spawned": {"state": "talk", "share": draw(share), "delay": exponential(6), "most": 2}},
    }  # fmt: skip
    return {
        "start": "2024-01-01", "end": "2024-06-28", "sites": ["est", "ouest"],
        "attributes": {"age": {"levels": ["young", "older"]}}, "tracks": {"help": {"levels": ["none", "given"]}},
        "shocks": [{"from": draw(day), "sources": {"street": 0.5}, "hazards": {"talk": 2.0}}],
        "pools": {
            "desk": {"weekly": draw(st.integers(1, 4)), "shared": True,
                     "changes": [{"from": draw(day), "weekly": draw(st.integers(0, 6))}]},
            "beds": {"units": draw(st.integers(1, 4)), "changes": [{"from": draw(day), "units": draw(st.integers(0, 6))}]},
            "panel": {"sessions": {"dates": ["2024-02-05", "2024-03-06", "2024-05-06"], "places": draw(st.integers(1, 6))}},
        },
        "sources": sources, "states": states,
    }  # fmt: skip


def uncapped(tables):
    """Room for all: paths then touch each other nowhere."""
    pools = tables["pools"]
    return {
        **tables,
        "pools": {
            "desk": {"weekly": ROOM, "shared": True},
            "beds": {"units": ROOM},
            "panel": {"sessions": {**pools["panel"]["sessions"], "places": ROOM}},
        },
    }


def without(tape, source):
    """Return the stays and the tracks of everybody but a source's people and those whom they brought."""
    ours = lambda frame: frame[~frame["person"].str.contains(source)].reset_index(drop=True)
    # Of no rows at all, pandas does not know the type.
    return ours(tape.frame), ours(tape.tracks.astype(object))


@FEW
@given(tables=everything(), seed=st.integers(0, 5))
def test_everyone_in_is_somewhere_at_every_instant(engine, tables, seed):
    tape = play(Pathway(tables), seed, engine=engine)
    log, people = tape.log, tape.people
    same = log[1:, 0] == log[:-1, 0]
    assert (log[1:, 4][same] == log[:-1, 5][same]).all(), "a gap between two stays"
    assert (log[:, 5] >= log[:, 4]).all()
    last = np.append(~same, True)
    assert np.isin(log[last, 6], [LEFT, OPEN]).all()
    assert not np.isin(log[~last, 6], [LEFT, OPEN]).any()
    first = np.insert(~same, 0, True)
    assert (log[first, 4] == people.arrival).all()
    for tick in np.linspace(0, tape.plan.horizon - 1, 23).astype(int):
        inside = (log[:, 4] <= tick) & (log[:, 5] > tick)
        gone = (log[:, 6] == LEFT) & (log[:, 5] <= tick)
        assert inside.sum() + gone.sum() == (people.arrival <= tick).sum()
        assert len(np.unique(log[inside, 0])) == inside.sum(), "somebody is in two places"


@FEW
@given(tables=everything(), seed=st.integers(0, 5))
def test_a_second_stream_changes_nobodys_arrival_attributes_or_draws(engine, tables, seed):
    ages = {"age": {"young": 0.9, "older": 0.1}}
    club = {"to": "arrive", "periods": [{**YEAR, "number": 15}], "attributes": ages}
    wider = lambda t: Pathway({**t, "sources": {"club": club, **t["sources"]}})
    before, after = play(Pathway(tables), seed, engine=engine), play(wider(tables), seed, engine=engine)
    born = lambda tape: tape.roster[tape.people.brought_by < 0].query("source != 'club'")
    traits = ["name", "person", "record", "spotted_by", "site", "age", "arrival_day"]
    pd.testing.assert_frame_equal(
        born(before)[traits].reset_index(drop=True), born(after)[traits].reset_index(drop=True)
    )
    assert (after.roster["source"] == "club").any()
    # Where there is room for all, whole lives stay as they were, and whom they bring.
    roomy = uncapped(tables)
    lives = without(play(Pathway(roomy), seed, engine=engine), "club")
    again = without(play(wider(roomy), seed, engine=engine), "club")
    for one, other in zip(lives, again, strict=True):
        pd.testing.assert_frame_equal(one, other)


@FEW
@given(tables=everything(), seed=st.integers(0, 5))
def test_a_row_inserted_shifts_nobodys_luck(engine, tables, seed):
    """A new state and a new pool stand first; only a new source leads there."""
    states = {
        "door": {"kind": "wait", "pool": "door", "done": "hall"},
        "hall": {"kind": "delay", "duration": exponential(2), "done": "lost"},
        **tables["states"],
    }
    more = {
        **tables, "states": states, "pools": {"door": {"weekly": 1}, **tables["pools"]},
        "sources": {"club": {"to": "door", "dates": ["2024-03-01"], "size": 3, "attributes": {"age": {"young": 1.0, "older": 0.0}}},
                    **tables["sources"]},
    }  # fmt: skip
    lives = without(play(Pathway(tables), seed, engine=engine), "club")
    again = without(play(Pathway(more), seed, engine=engine), "club")
    for one, other in zip(lives, again, strict=True):
        pd.testing.assert_frame_equal(one, other)


@settings(FEW, max_examples=4)
@given(tables=everything(), seed=st.integers(0, 5))
def test_a_scenario_with_no_change_gives_a_difference_of_exactly_nothing(engine, tables, seed):
    base, same = (Scenario.of({"name": name, "pathway": tables}) for name in ("base", "the same"))
    found = contrast(base, same, 2, seed, engine=engine)
    values = found.plays[found.plays["outcome"] != "mobilised_in_both"]["value"].dropna()
    assert len(values) > 50
    assert (values == 0).all()
    assert found.digests["base"] == found.digests["the same"]


@settings(FEW, max_examples=20)
@given(
    kind=st.sampled_from(["units", "weekly", "sessions", "change"]), slots=st.integers(1, 5), number=st.integers(20, 150),
    seed=st.integers(0, 100), shared=st.booleans(), by_track=st.booleans(),
)  # fmt: skip
def test_more_slots_never_lengthen_a_wait(engine, kind, slots, number, seed, shared, by_track):
    """First come, first served, no priority, no return, nobody gives up: person by person, under the same luck."""

    def waits(slots):
        pool = {
            "units": {"units": slots},
            "weekly": {"weekly": slots, "on": ["monday", "thursday"]},
            "sessions": {"sessions": {"dates": ["2024-01-15", "2024-02-05", "2024-03-04", "2024-06-03"], "places": slots}},
            "change": {"units": 2, "changes": [{"from": "2024-03-01", "units": 1 + slots}]},
        }[kind] | {"shared": shared}  # fmt: skip
        stay = {"kind": "delay", "duration": exponential(6), "done": "out"}
        if by_track:
            stay |= {
                "set": {"help": {"to": "given", "share": 0.5, "after": 2}},
                "hazard_ratios": {"help": {"none": 1, "given": 3}},
            }
        held = kind in ("units", "change")
        tape = play(
            Pathway({
                "start": "2024-01-01", "end": "2024-06-28", "sites": ["est", "ouest"], "pools": {"desk": pool},
                "tracks": {"help": {"levels": ["none", "given"]}},
                "sources": {"street": {"to": "queue", "periods": [{**YEAR, "number": number}], "season": [1, 4, 1, 1, 2, 1] * 2}},
                "states": {"queue": {"kind": "wait", "pool": "desk", "done": "stay"}, "stay": stay,
                           "out": {"kind": "exit", "release": ["desk"] if held else []}},
            }), seed, engine=engine,
        )  # fmt: skip
        return tape.waits().set_index("person")["days"]

    fewer, more = waits(slots), waits(slots + 1)
    assert len(fewer) > 10
    assert (more.reindex(fewer.index) <= fewer).all()
