"""The reference engine: worked by hand, by recursion, and against queueing theory."""

import math

import numpy as np
import pandas as pd
import pytest

from evalkit.simulation import Pathway, play
from evalkit.simulation.luck.sampler import TICKS_PER_DAY


def pathway(states, sources, pools=None, **more):
    return Pathway(
        {
            "start": "2024-01-01",
            "end": "2024-01-31",
            "states": states,
            "sources": sources,
            "pools": pools or {},
            **more,
        }
    )


def batch(to, n, *dates):
    return {"to": to, "dates": list(dates), "size": n}


def stays(tape, state):
    frame = tape.frame
    return frame[frame["state"] == state].sort_values(["start_day", "person"])


def test_weekly_slots_worked_by_hand():
    """Five people on Wednesday 3 January, two slots from each Monday: two of this week's, then on the 8th and the 15th."""
    tape = play(
        pathway(
            {"queue": {"kind": "wait", "pool": "desk", "done": "out"}, "out": {"kind": "exit"}},
            {"list": batch("queue", 5, "2024-01-03")},
            {"desk": {"weekly": 2}},
        ),
        seed=1,
    )
    served = stays(tape, "queue")["stop_day"].tolist()
    assert sorted(served) == [2, 2, 7, 7, 14]
    assert tape.pools()["used"].tolist() == [2, 2, 1, 0, 0]
    assert tape.pools()["queue"].tolist() == [3, 1, 0, 0, 0]


def test_unused_slots_are_lost_when_the_next_open():
    tape = play(
        pathway(
            {"queue": {"kind": "wait", "pool": "desk", "done": "out"}, "out": {"kind": "exit"}},
            {"list": batch("queue", 3, "2024-01-10")},
            {"desk": {"weekly": 2}},
        ),
        seed=1,
    )
    # The two slots of the first week are gone; the two of Monday the 8th serve two, the third waits for Monday the 15th.
    assert sorted(stays(tape, "queue")["stop_day"]) == [9, 9, 14]


def test_slots_spread_over_the_days_of_the_week():
    days = {"on": ["monday", "tuesday", "wednesday", "thursday", "friday"], "weekly": 7}
    plan = pathway(
        {"queue": {"kind": "wait", "pool": "desk", "done": "out"}, "out": {"kind": "exit"}},
        {"list": batch("queue", 1, "2024-01-02")},
        {"desk": days},
        calendar={
            "closed": ["2024-01-09"],
            "reduced": [{"from": "2024-01-15", "to": "2024-01-19", "share": 0.5}],
        },
    ).plan
    opened = {tick // TICKS_PER_DAY: slots for tick, ((_, _, slots, _),) in plan.capacity.openings}
    assert [opened.get(d) for d in range(7)] == [2, 1, 2, 1, 1, None, None]
    assert opened[8] == 0, "closed on Tuesday 9 January"
    assert sum(opened[d] for d in range(14, 19)) == 4, "half of 7, rounded up"


def test_one_slot_more_is_never_one_fewer_on_a_day():
    week = ["monday", "tuesday", "wednesday", "thursday", "friday"]
    before = np.zeros(31)
    for weekly in range(1, 30):
        plan = pathway(
            {"queue": {"kind": "wait", "pool": "desk", "done": "out"}, "out": {"kind": "exit"}},
            {"list": batch("queue", 1, "2024-01-02")},
            {"desk": {"on": week, "weekly": weekly}},
            calendar={"reduced": [{"from": "2024-01-08", "to": "2024-01-19", "share": 0.37}]},
        ).plan
        now = np.zeros(31)
        for tick, ((_, _, slots, _),) in plan.capacity.openings:
            now[tick // TICKS_PER_DAY] = slots
        assert (now >= before).all()
        before = now


def test_held_units_go_to_the_next_in_line_when_given_back():
    tape = play(
        pathway(
            {
                "queue": {"kind": "wait", "pool": "bed", "done": "stay"},
                "stay": {"kind": "delay", "duration": 10, "done": "out"},
                "out": {"kind": "exit", "release": "bed"},
            },
            {"list": batch("queue", 3, "2024-01-01")},
            {"bed": {"units": 1}},
        ),
        seed=1,
    )
    assert stays(tape, "stay")["start_day"].tolist() == [0, 10, 20]
    assert tape.pools()["used"].tolist() == pytest.approx([1, 1, 1, 1, 2 / 3])  # the last week has three days


def test_smaller_priority_first_then_first_come_first_served():
    tape = play(
        pathway(
            {
                "early": {"kind": "wait", "pool": "desk", "priority": 1, "done": "out"},
                "urgent": {"kind": "wait", "pool": "desk", "priority": 0, "done": "out"},
                "out": {"kind": "exit"},
            },
            {"a": batch("early", 3, "2024-01-02"), "b": batch("urgent", 1, "2024-01-05")},
            {"desk": {"weekly": 1}},
        ),
        seed=1,
    )
    assert stays(tape, "urgent")["stop_day"].tolist() == [7]
    assert sorted(stays(tape, "early")["stop_day"]) == [1, 14, 21]


def test_who_can_be_served_when_patience_ends_is_served():
    """The limit falls on the very Monday on which a slot opens."""

    def ended(days):
        tape = play(
            pathway(
                {
                    "queue": {
                        "kind": "wait",
                        "pool": "desk",
                        "limit": days,
                        "done": "out",
                        "late": "gave_up",
                    },
                    "out": {"kind": "exit"},
                    "gave_up": {"kind": "exit"},
                },
                {"list": batch("queue", 2, "2024-01-02")},
                {"desk": {"weekly": 1}},
            ),
            seed=1,
        )
        return sorted(stays(tape, "queue")["ended"])

    # One is served at once by the slot left of the first week; the other's patience ends on Monday the 8th, or the day before.
    assert ended(6) == ["done", "done"]
    assert ended(5) == ["done", "late"]


def test_the_earlier_of_duration_and_limit_decides_and_a_tie_is_done():
    def way(duration, limit):
        states = {
            "gap": {"kind": "delay", "duration": duration, "limit": limit, "done": "back", "late": "silent"},
            "back": {"kind": "exit"},
            "silent": {"kind": "exit"},
        }
        return play(pathway(states, {"list": batch("gap", 1, "2024-01-01")}), seed=1).frame["state"].iloc[-1]

    assert (way(10, 12), way(12, 10), way(10, 10)) == ("back", "silent", "back")


def test_not_before_holds_people_back_until_a_date():
    states = {
        "gate": {"kind": "delay", "duration": 2, "not_before": "2024-01-20", "done": "out"},
        "out": {"kind": "exit"},
    }
    tape = play(pathway(states, {"list": batch("gate", 1, "2024-01-03", "2024-01-25")}), seed=1)
    assert sorted(stays(tape, "gate")["stop_day"]) == [19, 26]


def test_whoever_is_inside_at_the_horizon_is_written_open():
    states = {"stay": {"kind": "delay", "duration": 25, "done": "out"}, "out": {"kind": "exit"}}
    tape = play(pathway(states, {"list": batch("stay", 2, "2024-01-01", "2024-01-20")}), seed=1)
    ended = stays(tape, "stay")
    assert ended["ended"].tolist() == ["done", "done", "open", "open"]
    assert ended["stop_day"].tolist() == [25, 25, 31, 31]
    assert (tape.frame.groupby("person")["ended"].last().isin(["left", "open"])).all()


def test_routes_by_site_and_attribute():
    states = {
        "sort": {
            "kind": "delay", "duration": 1,
            "done": [{"when": {"site": "est", "age": "young"}, "to": {"left": 1.0}}, {"to": {"right": 1.0}}],
        },
        "left": {"kind": "exit"}, "right": {"kind": "exit"},
    }  # fmt: skip
    source = {**batch("sort", 200, "2024-01-01"), "attributes": {"age": {"young": 0.5, "old": 0.5}}}
    tape = play(
        pathway(
            states,
            {"list": source},
            sites=["centre", "est"],
            attributes={"age": {"levels": ["young", "old"]}},
        ),
        seed=1,
    )
    last = tape.frame.groupby("person").last()["state"]
    roster = tape.roster.set_index("person")
    expected = np.where((roster["site"] == "est") & (roster["age"] == "young"), "left", "right")
    assert (last.reindex(roster.index) == expected).all()
    assert 60 < (roster["age"] == "young").sum() - 100 < 140


def test_lindley_recursion_of_weekly_slots():
    """Queue after each Monday = max(queue + arrivals of the week − slots, 0): the same numbers as the engine's, exactly."""
    tape = play(
        Pathway({
            "start": "2024-01-01", "end": "2027-12-31", "pools": {"desk": {"weekly": 4}},
            "sources": {"street": {"to": "queue", "periods": [{"from": "2024-01-01", "to": "2027-12-31", "number": 800}]}},
            "states": {"queue": {"kind": "wait", "pool": "desk", "done": "out"}, "out": {"kind": "exit"}},
        }),
        seed=5,
    )  # fmt: skip
    arrivals = np.sort(tape.people.arrival)
    weekly = tape.pools()
    free, queue, expected = 0, 0, []
    for week in range(len(weekly)):
        free = 4
        served = min(queue, free)
        queue, free = queue - served, free - served
        came = int(
            ((arrivals >= week * 7 * TICKS_PER_DAY) & (arrivals < (week + 1) * 7 * TICKS_PER_DAY)).sum()
        )
        queue += max(came - free, 0)
        expected.append(queue)
    assert weekly["queue"].tolist() == expected
    assert max(expected) > 5


def mmc(c, load, days, patience=None):
    queue = {"kind": "wait", "pool": "servers", "done": "service"}
    states = {
        "queue": queue,
        "service": {"kind": "delay", "duration": {"family": "exponential", "mean": 1}, "done": "out"},
        "out": {"kind": "exit", "release": "servers"},
    }
    if patience:
        queue |= {"limit": {"family": "exponential", "mean": patience}, "late": "gave_up"}
        states["gave_up"] = {"kind": "exit"}
    end = pd.Timestamp("2024-01-01") + pd.Timedelta(days=days - 1)
    period = {"from": "2024-01-01", "to": f"{end:%Y-%m-%d}", "number": c * load * days}
    return Pathway({
        "start": "2024-01-01", "end": f"{end:%Y-%m-%d}", "pools": {"servers": {"units": c}}, "states": states,
        "sources": {"street": {"to": "queue", "periods": [period]}},
    })  # fmt: skip


def test_mmc_wait_is_erlangs():
    c, load = 3, 0.6
    a = c * load
    tail = a**c / math.factorial(c) / (1 - load)
    wait = tail / (sum(a**k / math.factorial(k) for k in range(c)) + tail) / (c - a)
    model = mmc(c, load, 1500)
    means = np.array([play(model, seed=3, replication=r).waits()["days"].mean() for r in range(20)])
    assert means.mean() == pytest.approx(wait, abs=3 * means.std(ddof=1) / math.sqrt(20))
    assert means.std(ddof=1) / math.sqrt(20) < 0.05 * wait


def test_abandonment_is_erlang_a():
    """M/M/c+M: share who give up, from the birth-death chain (Mandelbaum and Zeltyn 2007, section 2)."""
    c, load, patience = 2, 1.2, 3.0
    up, n = c * load, 200
    down = np.array([min(k, c) + max(k - c, 0) / patience for k in range(1, n)])
    weights = np.concatenate([[1.0], np.cumprod(up / down)])
    weights /= weights.sum()
    waiting = (np.maximum(np.arange(n) - c, 0) * weights).sum()
    expected = waiting / patience / up
    model = mmc(c, load, 1000, patience)
    shares = []
    for r in range(10):
        waits = play(model, seed=9, replication=r).waits()
        shares.append((waits["ended"] == "late").mean())
    assert np.mean(shares) == pytest.approx(expected, abs=3 * np.std(shares, ddof=1) / math.sqrt(10))


def test_a_visit_far_down_the_line_is_drawn_alone_with_the_same_result():
    """A hundred rounds: beyond the groups drawn for everybody, draws are made one by one; the walk is the same geometric one."""
    states = {
        "round": {
            "kind": "delay",
            "duration": {"family": "exponential", "mean": 0.1},
            "done": {"round": 0.97, "out": 0.03},
        },
        "out": {"kind": "exit"},
    }
    tape = play(pathway(states, {"list": batch("round", 40, "2024-01-01")}), seed=4)
    from evalkit.simulation.luck.draws import Draws
    from evalkit.simulation.luck.keyed import Luck

    draws = Draws(tape.plan, tape.people, Luck(4))
    everybody = lambda: np.arange(len(tape.people))  # noqa: E731
    assert tape.frame["visit"].max() > 80
    for person in range(5):
        for number in (0, 1, 2, 6, 30, 62):
            assert draws.visit(0, number, person, everybody) == draws.one(0, number, person)
