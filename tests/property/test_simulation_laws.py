"""Laws that hold for every pathway, drawn at random: conservation, monotony in capacity, luck that belongs to people."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from evalkit.simulation import Pathway, Scenario, play
from evalkit.simulation.luck.sampler import TICKS_PER_DAY

ROOT = Path(__file__).parents[2]
SCENARIOS = ROOT / "tests" / "scenarios"
FEW = settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow])

durations = st.one_of(
    st.floats(0.1, 20).map(lambda v: {"family": "constant", "value": v}),
    st.floats(0.1, 30).map(lambda m: {"family": "exponential", "mean": m}),
    st.tuples(st.floats(0.5, 30), st.floats(0.5, 3)).map(
        lambda p: {"family": "weibull", "scale": p[0], "shape": p[1]}
    ),
    st.tuples(st.floats(0.5, 30), st.floats(0, 1.5)).map(
        lambda p: {"family": "lognormal", "median": p[0], "sigma": p[1]}
    ),
    st.tuples(st.floats(0.5, 30), st.floats(0.5, 4)).map(
        lambda p: {"family": "gamma", "mean": p[0], "shape": p[1]}
    ),
)


def split(p, a, b):
    return {a: p, b: 1 - p} if 0 < p < 1 else {(a if p else b): 1.0}


@st.composite
def pathways(draw):
    """People queue for a slot, meet, come back after a gap or leave, some through a held unit; patience may end."""
    patience = draw(st.one_of(st.none(), durations))
    share = st.floats(0.05, 0.95)
    queue = {"kind": "wait", "pool": "slots", "priority": draw(st.integers(0, 2)), "done": "meeting"}
    states = {
        "arrive": {"kind": "delay", "duration": draw(durations), "done": split(draw(share), "queue", "bed")},
        "queue": queue,
        "meeting": {"kind": "delay", "duration": 0, "done": split(draw(share), "gap", "out")},
        "gap": {
            "kind": "delay",
            "duration": draw(durations),
            "limit": draw(durations),
            "done": "again",
            "late": "lost",
        },
        "again": {"kind": "wait", "pool": "slots", "priority": draw(st.integers(0, 2)), "done": "meeting"},
        "bed": {"kind": "wait", "pool": "beds", "done": "stay"},
        "stay": {"kind": "delay", "duration": draw(durations), "done": "free"},
        "free": {
            "kind": "delay",
            "duration": 0,
            "release": "beds",
            "done": split(draw(share), "queue", "out"),
        },
        "out": {"kind": "exit"},
        "lost": {"kind": "exit"},
    }
    if patience is not None:
        queue |= {"limit": patience, "late": "lost"}
    sources = {
        "street": {
            "to": "arrive",
            "periods": [{"from": "2024-01-01", "to": "2024-04-30", "number": draw(st.floats(1, 80))}],
        },
        "list": {"to": "arrive", "dates": ["2024-02-01"], "size": draw(st.integers(0, 30))},
        "before": {"to": "gap", "initial": draw(st.integers(0, 20))},
    }
    return {
        "start": "2024-01-01", "end": "2024-06-30", "sites": ["a", "b"][: draw(st.integers(1, 2))],
        "pools": {"slots": {"weekly": draw(st.integers(1, 12)), "on": draw(st.sampled_from([["monday"], ["monday", "thursday"]]))},
                  "beds": {"units": draw(st.integers(1, 4))}},
        "sources": sources, "states": states,
    }  # fmt: skip


@FEW
@given(pathways(), st.integers(0, 5))
def test_everyone_in_is_somewhere_at_every_instant(tables, seed):
    """Each record's stays follow each other without gap from arrival to an exit or to the horizon."""
    tape = play(Pathway(tables), seed=seed)
    log = tape.log
    same = log[1:, 0] == log[:-1, 0]
    assert (log[1:, 4][same] == log[:-1, 5][same]).all()
    assert (log[1:, 1][same] == log[:-1, 1][same] + 1).all()
    assert (log[:, 5] >= log[:, 4]).all()
    last = np.append(~same, True)[: len(log)]
    first = np.insert(~same, 0, True)[: len(log)]
    assert sorted(log[first, 0]) == list(range(len(tape.people)))
    assert (log[first, 4] == tape.people.arrival[log[first, 0]]).all()
    assert np.isin(log[last, 6], [2, 3]).all(), "left, or open"
    assert not np.isin(log[~last, 6], [2, 3]).any()
    assert (log[log[:, 6] == 3, 5] == tape.plan.horizon).all()


@FEW
@given(pathways(), st.integers(0, 5))
def test_no_pool_gives_more_than_it_has(tables, seed):
    weekly = play(Pathway(tables), seed=seed).pools()
    assert (weekly["used"] <= weekly["offered"] + 1e-9).all()


@FEW
@given(st.integers(1, 8), st.floats(10, 200), st.integers(0, 1000))
def test_more_slots_never_lengthen_a_wait_when_nobody_gives_up(slots, number, seed):
    """One first-come first-served pool, no return: person by person."""

    def waits(weekly):
        tape = play(
            Pathway({
                "start": "2024-01-01", "end": "2024-12-31",
                "pools": {"desk": {"weekly": weekly, "on": ["monday", "tuesday", "thursday"]}},
                "sources": {"street": {"to": "queue", "periods": [{"from": "2024-01-01", "to": "2024-12-31", "number": number}]}},
                "states": {"queue": {"kind": "wait", "pool": "desk", "done": "out"}, "out": {"kind": "exit"}},
            }), seed=seed,
        )  # fmt: skip
        return tape.waits().set_index("person")["days"]

    fewer, more = waits(slots), waits(slots + 1)
    assert (more.reindex(fewer.index) <= fewer).all()


def uncapped(tables):
    """Room for all: paths then touch each other nowhere."""
    pools = {"slots": {**tables["pools"]["slots"], "weekly": 10_000}, "beds": {"units": 10_000}}
    return {**tables, "pools": pools}


def lives_of(tape, source):
    frame = tape.frame[tape.frame["source"] == source]
    return frame.drop(columns="source").reset_index(drop=True)


@FEW
@given(pathways(), st.integers(0, 5))
def test_a_new_source_changes_nobody_elses_draws(tables, seed):
    tables = uncapped(tables)
    new = {**tables["sources"], "club": {"to": "queue", "dates": ["2024-03-01"], "size": 7}}
    before, after = play(Pathway(tables), seed=seed), play(Pathway({**tables, "sources": new}), seed=seed)
    for source in tables["sources"]:
        pd.testing.assert_frame_equal(lives_of(before, source), lives_of(after, source))
    assert len(after.people) == len(before.people) + 7 * len(tables["sites"])


@FEW
@given(pathways(), st.integers(0, 5))
def test_a_row_inserted_in_the_table_shifts_nobodys_luck(tables, seed):
    """The new row stands first, but only a new source leads to it."""
    tables = uncapped(tables)
    states = {"desk": {"kind": "delay", "duration": 3, "done": "out"}, **tables["states"]}
    sources = {"club": {"to": "desk", "dates": ["2024-03-01"], "size": 3}, **tables["sources"]}
    before = play(Pathway(tables), seed=seed)
    after = play(Pathway({**tables, "states": states, "sources": sources}), seed=seed)
    for source in tables["sources"]:
        pd.testing.assert_frame_equal(lives_of(before, source), lives_of(after, source))


@FEW
@given(pathways(), st.floats(1.05, 3), st.integers(0, 5))
def test_a_busier_source_keeps_the_people_it_had(tables, factor, seed):
    """More arrivals: the same youths come sooner, and others after them."""
    street = tables["sources"]["street"]["periods"][0]
    busier = {
        **tables["sources"],
        "street": {"to": "arrive", "periods": [{**street, "number": street["number"] * factor}]},
    }
    before, after = play(Pathway(tables), seed=seed), play(Pathway({**tables, "sources": busier}), seed=seed)
    a = pd.Series(before.people.arrival, index=before.people.identity)
    b = pd.Series(after.people.arrival, index=after.people.identity).reindex(a.index)
    assert (b <= a).all()


@FEW
@given(pathways(), st.integers(0, 5))
def test_the_same_seed_gives_the_same_tape(tables, seed):
    assert play(Pathway(tables), seed=seed).digest == play(Pathway(tables), seed=seed).digest


def test_another_seed_or_replication_gives_another_tape():
    scenario = Scenario.load(SCENARIOS / "baseline.toml")
    digests = {play(scenario, seed=s, replication=r).digest for s, r in ((1, 0), (2, 0), (1, 1))}
    assert len(digests) == 3


def test_the_digest_is_the_same_in_another_process_with_another_hash_seed():
    code = (
        "from evalkit.simulation import Scenario, play;"
        f"print(play(Scenario.load({str(SCENARIOS / 'education_nationale.toml')!r}), seed=1).digest)"
    )
    here = play(Scenario.load(SCENARIOS / "education_nationale.toml"), seed=1).digest
    environment = {**os.environ, "PYTHONHASHSEED": "12345", "PYTHONPATH": str(ROOT)}
    told = subprocess.run(
        [sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True
    )
    assert told.stdout.strip() == here


def test_more_slots_never_lengthen_the_wait_of_anyone_waiting_for_a_first_interview():
    """In the Paris language: only first interviews use the pool, and nobody gives up."""
    base = Scenario.load(SCENARIOS / "baseline.toml").with_({
        "caseload.youths": 0, "caseload.newcomers": 0, "counsellors.patience": 7300, "counsellors.rebooked": 0,
        "follow_up.after_meeting.single_contact": 1, "follow_up.returns_alone": 7300, "follow_up.returns_late": 7300,
        "follow_up.reactivations": 0,
    })  # fmt: skip

    def waits(slots):
        w = play(base.with_({"counsellors.slots_per_week": slots}), seed=4).waits()
        return w[w["state"] == "first_queue"].set_index("person")

    before, after = waits(2), waits(3)
    served = before.index[before["ended"] == "done"]
    both = served.intersection(after.index)
    assert len(both) > 50
    assert (after.loc[both, "days"] <= before.loc[both, "days"] + 1 / TICKS_PER_DAY).all()
    assert after["days"].mean() < before["days"].mean()
