"""What is read off a play with full queues, preemption, committees and shared capacity: counted once, and on the right day."""

import pandas as pd
import pytest

import evalkit as ek
from evalkit.errors import InputError

M = ek.simulation
YEAR = {"start": "2024-01-01", "end": "2024-12-31"}


def played(**tables):
    return M.play(M.Pathway({**YEAR, **tables}), seed=1)


def on(day, to, size=1):
    return {"to": to, "dates": [day], "size": size}


def value(tape, outcome, part, by="", level=""):
    table = M.counts(tape).set_index(["outcome", "part", "by", "level"])["value"]
    return table[outcome, part, by, level]


QUEUE = {
    "queue": {"kind": "wait", "pool": "desk", "done": "served", "balk": {"at": 3, "to": "away"}},
    "served": {"kind": "exit"}, "away": {"kind": "exit"},
}  # fmt: skip


@pytest.fixture(scope="module")
def full():
    sources = {"list": on("2024-01-02", "queue", 10)}
    return played(
        sites=["a", "b"], pools={"desk": {"weekly": 1, "shared": True}}, sources=sources, states=QUEUE
    )


def test_whoever_is_turned_away_neither_waited_nor_gave_up(full):
    assert value(full, "balked", "queue") == 10 * 2 - 1 - 3
    assert value(full, "served", "queue") == 4
    assert value(full, "gave_up", "queue") == value(full, "waiting", "queue") == 0
    # One at once, then one each Monday: 0, 6, 13 and 20 days, and not a mean over those who were turned away.
    assert value(full, "wait_days", "queue") == pytest.approx((0 + 6 + 13 + 20) / 4)
    waits = full.waits()
    assert (waits.loc[waits["ended"] == "balked", "days"] == 0).all()
    assert sum(value(full, "balked", "queue", "site", s) for s in ("a", "b")) == value(
        full, "balked", "queue"
    )


def test_the_table_of_capacities_and_the_summary_say_how_many_were_turned_away(full):
    table = full.utilisation().table
    assert table[["pool", "site", "balked", "used"]].to_numpy().tolist() == [["desk", "a+b", 16, 4.0]]
    assert "16 people turned away" in full.summary("en")
    assert "16 personnes renvoyées" in full.summary("fr")
    assert {"renvoyés", "capacité", "saturé"} <= set(full.utilisation().display("fr").columns)
    assert M.counts(full)["outcome"].eq("balked").any()


def test_a_queue_that_turns_nobody_away_says_nothing_of_it():
    states = {**QUEUE, "queue": {"kind": "wait", "pool": "desk", "done": {"served": 0.5, "away": 0.5}}}
    tape = played(
        pools={"desk": {"weekly": 9}}, sources={"list": on("2024-01-02", "queue", 5)}, states=states
    )
    assert not M.counts(tape)["outcome"].eq("balked").any()
    assert "turned away" not in tape.summary("en")


@pytest.fixture(scope="module")
def preempted():
    """An interview of ten days, interrupted after four by an urgent one of one day; the first person holds a locker throughout."""
    states = {
        "locker": {"kind": "wait", "pool": "lockers", "done": "plain"},
        "plain": {"kind": "wait", "pool": "room", "priority": 1, "done": "long"},
        "long": {
            "kind": "delay", "duration": 10, "done": "back", "mark": "entered", "situation": "training",
            "event": {"kind": "interview", "outcome": "attended"},
        },
        "back": {"kind": "delay", "duration": 3, "done": "out", "release": "room"},
        "urgent": {"kind": "wait", "pool": "room", "preempt": True, "done": "short"},
        "short": {"kind": "delay", "duration": 1, "done": "out"},
        "out": {"kind": "exit", "release": ["room", "lockers"]},
    }  # fmt: skip
    sources = {"first": on("2024-01-01", "locker"), "then": on("2024-01-05", "urgent")}
    return played(pools={"room": {"units": 1}, "lockers": {"units": 1}}, sources=sources, states=states)


def test_a_preempted_person_keeps_the_other_units_they_hold(preempted):
    used = preempted.pools().set_index(["pool", "week"])["used"]
    # The locker: from day 0 to day 14 without a break. The room: ten days and one day, without a break either.
    assert used["lockers", 0] == used["lockers", 1] == 1.0
    assert used["lockers", 2] == 0.0
    assert used["room", 0] == 1.0
    assert used["room", 1] == pytest.approx(4 / 7)


def test_resuming_is_written_and_counted_once(preempted):
    stays = preempted.frame[preempted.frame["source"] == "first"]
    assert stays["state"].tolist() == ["locker", "plain", "long", "plain", "long", "back", "out"]
    assert preempted.resumed.sum() == 1
    assert stays["ended"].tolist()[2] == "preempted"
    fu = preempted.follow_up(everybody=True)
    assert fu.events["date"].dt.strftime("%m-%d").tolist() == ["01-01"]
    assert fu.situations["start"].dt.strftime("%m-%d").tolist() == ["01-01"]
    assert len(M.lives(preempted).person) == 2


def test_a_committee_is_used_in_the_weeks_of_its_dates():
    pools = {"desk": {"sessions": {"dates": ["2024-02-01", "2024-02-02", "2024-05-02"], "places": 2}}}
    states = {"queue": {"kind": "wait", "pool": "desk", "done": "served"}, "served": {"kind": "exit"}}
    tape = played(pools=pools, sources={"list": on("2024-01-02", "queue", 5)}, states=states)
    table = tape.pools().set_index("week_start")
    there = table[table["offered"] > 0]
    assert there.index.strftime("%m-%d").tolist() == ["01-29", "04-29"]
    assert there[["offered", "used", "queue"]].to_numpy().tolist() == [[4, 4, 1], [2, 1, 0]]


def test_the_saturation_of_shared_capacity_is_said_once():
    states = {"queue": {"kind": "wait", "pool": "desk", "done": "served"}, "served": {"kind": "exit"}}
    tape = played(
        sites=["a", "b", "c"], pools={"desk": {"weekly": 1, "shared": [["a", "b"]]}},
        sources={"list": {"to": "queue", "dates": ["2024-01-02"], "size": {"a": 80, "b": 80, "c": 1}}}, states=states,
    )  # fmt: skip
    table = tape.utilisation().table
    assert table[["site", "saturated"]].to_numpy().tolist() == [["a+b", "yes"], ["c", "no"]]


def test_whoever_is_brought_stands_in_the_dashboard_from_the_day_they_come():
    states = {"followed": {"kind": "delay", "duration": 30, "done": "out"}, "out": {"kind": "exit"}}
    friend = {
        "to": "followed",
        "channel": "other",
        "spawned": {"state": "followed", "share": 1.0, "delay": 7},
    }
    tape = played(sources={"list": on("2024-01-02", "followed", 3), "friend": friend}, states=states)
    people = tape.follow_up().people.set_index("person")
    brought = people[people.index.str.startswith("friend-")]
    assert len(people) == 6
    assert (brought["spotted_on"] == "2024-01-09").all()
    assert (brought["channel"] == "other").all()
    assert len(tape.follow_up("2024-01-08").people) == 3


@pytest.mark.parametrize("read", ["follow_up", "counts", "observe"])
@pytest.mark.parametrize(
    ("given", "said"), [("no date", "is no date"), ("NaT", "is no date"), ("2025-01-01", "outside the play")]
)
def test_a_day_that_cannot_be_read_is_refused_in_both_languages(full, read, given, said):
    ask = {
        "follow_up": full.follow_up,
        "counts": lambda day: M.counts(full, day),
        "observe": lambda day: M.observe([full.pathway], n=1, seed=1, until=day),
    }[read]
    with pytest.raises(InputError) as refusal:
        ask(given)
    assert said in str(refusal.value)
    assert any(word in refusal.value.render("fr") for word in ("pas une date", "en dehors"))


def test_a_day_may_be_a_date_or_a_timestamp(full):
    stamp = pd.Timestamp("2024-03-01 17:30")
    assert M.counts(full, stamp).equals(M.counts(full, stamp.date()))
    assert full.follow_up(stamp).equals(full.follow_up("2024-03-01"))


RING = {
    "a": {"kind": "delay", "duration": 5, "done": "b"},
    "b": {"kind": "delay", "duration": 5, "done": "a"},
}


def test_a_state_from_which_no_exit_can_be_reached_is_refused():
    states = {
        "start": {"kind": "delay", "duration": 1, "done": {"a": 0.5, "out": 0.5}},
        **RING,
        "out": {"kind": "exit"},
    }
    with pytest.raises(InputError) as refusal:
        M.Pathway({**YEAR, "sources": {"list": on("2024-01-01", "start")}, "states": states})
    assert "states.a: from states a and b no exit can be reached" in str(refusal.value)
    assert "aucune sortie n'est possible" in refusal.value.render("fr")


def test_a_long_stay_with_an_exit_behind_it_is_accepted():
    states = {**RING, "b": {**RING["b"], "done": {"a": 0.99, "out": 0.01}}, "out": {"kind": "exit"}}
    assert len(M.Pathway({**YEAR, "sources": {"list": on("2024-01-01", "a")}, "states": states}).table()) == 3
