"""The compiled engine: the same tape as the readable one, to the bit, in an installation with numba and in one without."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from evalkit.simulation import Pathway, Scenario, play
from evalkit.simulation.luck import keyed
from evalkit.simulation.luck.keyed import Luck, key_of
from evalkit.simulation.luck.population import populate

pytest.importorskip("numba", reason="no numba (extra: fast)")

from evalkit.simulation.engines import compiled_numba, sheet, simpy_engine
from evalkit.simulation.luck import philox_numba

ROOT = Path(__file__).parents[2]
SCENARIOS = sorted((ROOT / "studies" / "paris-2010" / "scenarios").glob("*.toml"))
BASELINE = Scenario.load(SCENARIOS[0])


def agree(pathway, seed=2011, replication=0):
    """Play with both engines and return the tape both wrote."""
    readable, compiled = (play(pathway, seed, replication, engine) for engine in ("simpy", "compiled"))
    assert np.array_equal(readable.log, compiled.log)
    assert np.array_equal(readable.changes, compiled.changes)
    assert readable.digest == compiled.digest
    return compiled


@pytest.mark.parametrize("path", SCENARIOS, ids=lambda p: p.stem)
def test_same_tape_of_every_scenario(path):
    assert len(agree(Scenario.load(path)).log) > 10_000


def test_same_tape_when_capacity_is_starved():
    starved = BASELINE.with_(counsellors={"slots_per_week": 1})
    tape = agree(starved)
    assert tape.pools()["queue"].iloc[-1] > 200, "it was meant to be starved"


def with_people(number, sites=2):
    """Return a pathway through a shared clinic, with so many people."""
    names = [f"site{k}" for k in range(sites)]
    return Pathway({
        "start": "2024-01-01", "end": "2024-12-31", "sites": names,
        "pools": {"clinic": {"units": number // 250, "shared": [names[:2]]}, "desk": {"weekly": number // 60}},
        "attributes": {"sex": {"levels": ["f", "m"]}},
        "sources": {"street": {"to": "desk", "arrivals": "fixed", "attributes": {"sex": {"f": 0.4, "m": 0.6}}, "periods": [
            {"from": "2024-01-01", "to": "2024-10-31", "number": number / sites}]}},
        "states": {
            "desk": {"kind": "wait", "pool": "desk", "limit": {"family": "exponential", "mean": 30}, "late": "lost", "done": "queue"},
            "queue": {"kind": "wait", "pool": "clinic", "done": "stay"},
            "stay": {"kind": "delay", "duration": {"family": "weibull", "scale": 8, "shape": 1.4},
                     "hazard_ratios": {"sex": {"m": 0.8}}, "done": {"gap": 0.6, "out": 0.4}},
            "gap": {"kind": "delay", "release": "clinic", "duration": {"family": "lognormal", "median": 20, "sigma": 0.7},
                    "done": "desk"},
            "out": {"kind": "exit", "release": "clinic"},
            "lost": {"kind": "exit"},
        },
    })  # fmt: skip


def test_same_tape_with_ten_thousand_people():
    tape = agree(with_people(10_000))
    assert len(tape.people) == 10_000


def test_sites_that_share_nothing_are_played_apart():
    pathway = with_people(900, sites=4)
    assert sheet.sheet(pathway.plan).group.tolist() == [0, 0, 1, 2]
    assert len(np.unique(agree(pathway).people.codes["site"])) == 4


def test_a_plan_is_flattened_once():
    plan = with_people(500).plan
    assert sheet.sheet(plan) is sheet.sheet(plan)


def test_more_in_one_instant_than_there_was_room_for():
    """Three thousand people pass through nine states at once: the same play again, with more room."""
    through = {f"s{k}": {"kind": "delay", "duration": 0, "done": f"s{k + 1}"} for k in range(9)}
    pathway = Pathway({
        "start": "2024-01-01", "end": "2024-01-31", "pools": {"hall": {"sessions": {"dates": ["2024-01-10"], "places": 3000}}},
        "sources": {"list": {"to": "door", "dates": ["2024-01-02"], "size": 3000}},
        "states": {"door": {"kind": "wait", "pool": "hall", "done": "s0"}, **through, "s9": {"kind": "exit"}},
    })  # fmt: skip
    assert len(agree(pathway).log) == 33_000


def test_same_tape_when_everything_falls_on_the_same_instant():
    """Lists, slots, ends and patience all on Mondays: who is served at the very instant patience ends is served."""
    pathway = Pathway({
        "start": "2024-01-01", "end": "2024-06-30", "pools": {"desk": {"weekly": 2}, "bed": {"units": 1}},
        "sources": {"list": {"to": "queue", "dates": ["2024-01-01", "2024-01-08", "2024-02-05"], "size": 7}},
        "states": {
            "queue": {"kind": "wait", "pool": "desk", "limit": 14, "late": "gap", "done": "ward"},
            "ward": {"kind": "wait", "pool": "bed", "limit": 7, "late": "out", "done": "stay"},
            "stay": {"kind": "delay", "duration": 7, "done": {"gap": 0.5, "out": 0.5}},
            "gap": {"kind": "delay", "duration": 14, "release": "bed", "done": "queue"},
            "out": {"kind": "exit", "release": "bed"},
        },
    })  # fmt: skip
    tape = agree(pathway)
    waits = tape.frame[tape.frame["state"] == "queue"]
    assert ((waits["stop_day"] - waits["start_day"] == 14) & (waits["ended"] == "done")).any()
    beds = tape.frame[tape.frame["state"] == "ward"]
    assert ((beds["stop_day"] - beds["start_day"] == 7) & (beds["ended"] == "done")).any()


def test_more_pools_than_bits_in_a_word():
    names = [f"room{k}" for k in range(70)]
    states = {}
    for k, name in enumerate(names):
        states[f"wait{k}"] = {"kind": "wait", "pool": name, "done": f"stay{k}"}
        states[f"stay{k}"] = {"kind": "delay", "duration": 1, "done": f"free{k}"}
        onward = f"wait{k + 1}" if k < 69 else "out"
        states[f"free{k}"] = {"kind": "delay", "duration": 0.1, "release": name, "done": onward}
    pathway = Pathway({
        "start": "2024-01-01", "end": "2024-12-31", "pools": {name: {"units": 1} for name in names},
        "sources": {"list": {"to": "wait0", "dates": ["2024-01-02"], "size": 5}},
        "states": {**states, "out": {"kind": "exit"}},
    })  # fmt: skip
    assert (agree(pathway).log[:, 6] == 2).sum() == 5


def test_same_tape_when_the_urgent_take_units_back():
    """Three priorities for four units held; whoever is set aside goes on later, or loses patience."""
    states = {"door": {"kind": "delay", "duration": 0, "done": {"wait0": 0.2, "wait1": 0.3, "wait2": 0.5}}}
    for k in range(3):
        states[f"wait{k}"] = {
            "kind": "wait", "pool": "bed", "priority": k, "preempt": k < 2, "done": f"stay{k}",
            "limit": {"family": "exponential", "mean": 5}, "late": "out",
        }  # fmt: skip
        states[f"stay{k}"] = {"kind": "delay", "duration": [
            {"when": {"site": "all"}, "from": "2024-02-01", "duration": 3},
            {"duration": {"family": "gamma", "mean": 4, "shape": 2}}], "done": "out"}  # fmt: skip
    pathway = Pathway({
        "start": "2024-01-01", "end": "2024-06-30", "pools": {"bed": {"units": 4, "changes": [{"from": "2024-03-01", "units": 2}]}},
        "sources": {"street": {"to": "door", "periods": [{"from": "2024-01-01", "to": "2024-06-30", "number": 300}]}},
        "states": {**states, "out": {"kind": "exit", "release": "bed"}},
    })  # fmt: skip
    assert (agree(pathway).log[:, 6] == 5).sum() > 20


def test_blocks_at_once_are_the_blocks_one_by_one():
    persons = np.array([0, 1, (1 << 64) - 1], dtype=np.uint64)
    visits = np.array([0, 7, 3], dtype=np.uint64)
    key = ((1 << 63) + 5, 3)
    state = key_of("queue")
    many = philox_numba.blocks(persons, state, visits, 0, key)
    assert keyed.blocks_at_once is philox_numba.blocks
    assert np.array_equal(many, keyed.philox_blocks(persons, state, visits, 0, key))
    assert many[:, 2].tolist() == list(keyed.philox((int(persons[2]), state, 3, 0), key))


def test_seeds_use_all_64_bits():
    plan, luck = with_people(500).plan, Luck((1 << 64) - 1, (1 << 63) + 1)
    people = populate(plan, luck)
    assert np.array_equal(
        simpy_engine.run(plan, people, luck).stays, compiled_numba.run(plan, people, luck).stays
    )


BARE = """
import sys
{block}
from evalkit.simulation import Scenario, play
tape = play(Scenario.load({path!r}), 2011, engine={engine!r})
print(tape.digest, "numba" in sys.modules and sys.modules["numba"] is not None)
"""


def in_a_process(engine, block=""):
    code = BARE.format(path=str(SCENARIOS[0]), engine=engine, block=block)
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, env=environment, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.split()


def test_the_same_tape_without_numba():
    here = play(BASELINE, 2011, engine="compiled").digest
    assert in_a_process("simpy", "sys.modules['numba'] = None") == [here, "False"]


def test_the_readable_engine_does_not_load_numba():
    here = play(BASELINE, 2011, engine="compiled").digest
    assert in_a_process("simpy") == [here, "False"]


def test_many_logarithms_compiled_are_those_of_numpy():
    from evalkit.simulation.engines import draws_numba
    from evalkit.simulation.luck import sampler

    x = np.concatenate([np.random.default_rng(3).random(20_000), [5e-324, 1.0, 0.5, 2.0**-52, 1e300]])
    assert sampler.logs_at_once is draws_numba._logs
    assert (sampler.logs(x) == sampler._logs_by_numpy(x)).all()
    assert sampler.logs(x.reshape(5, -1)).shape == (5, 4001)
