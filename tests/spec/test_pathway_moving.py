"""What moves with time in a pathway: tracks, shocks, dates, curves, pools that change; read as the manual of it."""

import numpy as np
import pandas as pd
import pytest

import evalkit as ek
from evalkit.errors import InputError

M = ek.simulation
YEAR = {"start": "2024-01-01", "end": "2024-12-31"}
ALL_YEAR = {"from": "2024-01-01", "to": "2024-12-31"}


def played(tables, seed=1):
    return M.play(M.Pathway({**YEAR, **tables}), seed=seed)


def listed(to, size=2000, **more):
    return {"list": {"to": to, "dates": ["2024-01-01"], "size": size, **more}}


def left(tape, state):
    return int((tape.frame["state"] == state).sum())


def days(tape, state):
    stays = tape.frame[tape.frame["state"] == state]
    return (stays["stop_day"] - stays["start_day"]).to_numpy()


ENGAGED = {
    "entry": {"kind": "delay", "duration": 0, "done": "engaged", "set": {"support": {"to": "yes", "share": 0.5, "after": 20}}},
    "engaged": {
        "kind": "delay", "duration": {"family": "exponential", "mean": 40}, "done": "silent",
        "hazard_ratios": {"support": {"yes": 0.25}},
    },
    "silent": {"kind": "exit"},
}  # fmt: skip
SUPPORT = {"support": {"levels": ["no", "yes"], "shown": "co_accompaniment"}}


def test_a_track_slows_the_hazard_from_the_day_it_begins():
    tape = played({"tracks": SUPPORT, "sources": listed("entry", 6000), "states": ENGAGED})
    stay = pd.Series(days(tape, "engaged"), index=tape.frame.loc[tape.frame["state"] == "engaged", "person"])
    tracks = tape.tracks.set_index("person")
    assert (tracks["start_day"] == 20).all()
    with_support = stay.index.isin(tracks.index)
    # Whoever leaves before day 20 never gets there: half of those who were still there then do.
    assert with_support.sum() == pytest.approx(0.5 * 6000 * np.exp(-20 / 40), rel=0.06)
    after = stay[with_support] - 20
    assert (after > 30).mean() == pytest.approx(np.exp(-0.25 * 30 / 40), abs=0.03)


def test_the_dashboard_shows_the_track_and_nothing_before_its_day():
    tape = played({"tracks": SUPPORT, "sources": listed("entry", 300), "states": ENGAGED})
    situations = tape.follow_up("2024-03-31", everybody=True).situations
    shown = situations[situations["track"] == "co_accompaniment"]
    assert len(shown) > 50
    assert (shown["start"] == "2024-01-21").all()
    ended = shown["end"].notna()
    assert 0 < ended.sum() < len(shown)


def test_a_later_change_forgets_what_was_to_come():
    states = {
        "entry": {
            "kind": "delay",
            "duration": 5,
            "done": "again",
            "set": {"support": {"to": "yes", "after": 20}},
        },
        "again": {"kind": "delay", "duration": 100, "done": "out", "set": {"support": {"to": "no"}}},
        "out": {"kind": "exit"},
    }
    tape = played({"tracks": SUPPORT, "sources": listed("entry", 10), "states": states})
    assert len(tape.tracks) == 0


def test_routes_may_depend_on_a_track_and_on_dates():
    states = {
        "entry": {"kind": "delay", "duration": 10, "done": "choice", "set": {"support": {"to": "yes", "share": 0.3}}},
        "choice": {
            "kind": "delay", "duration": 1,
            "done": [
                {"when": {"support": "yes"}, "to": {"helped": 1.0}},
                {"until": "2024-01-31", "to": {"early": 1.0}},
                {"to": {"late": 1.0}},
            ],
        },
        "helped": {"kind": "exit"}, "early": {"kind": "exit"}, "late": {"kind": "exit"},
    }  # fmt: skip
    sources = {"list": {"to": "entry", "dates": ["2024-01-01", "2024-02-01"], "size": 1000}}
    tape = played({"tracks": SUPPORT, "sources": sources, "states": states})
    assert left(tape, "helped") == pytest.approx(600, abs=60)
    arrived = (
        tape.frame[tape.frame["state"].isin(["early", "late"])]
        .groupby("state")["start_day"]
        .agg(["min", "max"])
    )
    assert arrived.loc["early", "max"] < 31 < arrived.loc["late", "min"]


def test_a_shock_multiplies_arrivals_and_hazards_between_its_dates():
    sources = {"street": {"to": "wait", "periods": [{**ALL_YEAR, "number": 3660}]}}
    states = {
        "wait": {"kind": "delay", "duration": {"family": "exponential", "mean": 50}, "done": "out"},
        "out": {"kind": "exit"},
    }
    shock = {"from": "2024-07-01", "to": "2024-09-30", "sources": {"street": 0.2}, "hazards": {"wait": 5.0}}
    tape = played({"sources": sources, "states": states, "shocks": [shock]})
    arrival = tape.roster["arrival_day"]
    assert ((arrival >= 182) & (arrival < 274)).sum() == pytest.approx(0.2 * 920, abs=45)
    assert (arrival < 182).sum() == pytest.approx(1820, abs=140)
    there = tape.frame[
        (tape.frame["state"] == "wait") & (tape.frame["start_day"] < 182) & (tape.frame["stop_day"] > 182)
    ]
    assert (there["stop_day"] - 182 > 20).mean() == pytest.approx(np.exp(-2.0), abs=0.06)


def test_a_shock_that_changes_nothing_changes_nothing():
    tables = {"sources": {"street": {"to": "wait", "periods": [{**ALL_YEAR, "number": 200}]}},
              "states": {"wait": {"kind": "delay", "duration": {"family": "weibull", "scale": 50, "shape": 1.4}, "done": "out"},
                         "out": {"kind": "exit"}}}  # fmt: skip
    neutral = {"shocks": [{"from": "2024-06-01", "hazards": {"wait": 1.0}}]}
    # Two stretches of the same hazard give the same duration to the last tick but rounding.
    one, other = played(tables), played({**tables, **neutral})
    assert np.abs(days(one, "wait") - days(other, "wait")).max() < 2 / 86400


def test_a_curve_is_found_again_by_the_estimator_it_came_from():
    curve = {
        "family": "fitted",
        "days": [10, 50, 100],
        "incidence": {"job": [0.1, 0.3, 0.4], "lost": [0.0, 0.2, 0.3]},
    }
    states = {
        "engaged": {"kind": "delay", "duration": curve, "by_cause": {"job": "job", "lost": "lost"}, "late": "still"},
        "job": {"kind": "exit"}, "lost": {"kind": "exit"}, "still": {"kind": "exit"},
    }  # fmt: skip
    tape = played({"sources": listed("engaged", 20_000), "states": states})
    shares = {state: left(tape, state) / 20_000 for state in ("job", "lost", "still")}
    assert shares == pytest.approx({"job": 0.4, "lost": 0.3, "still": 0.3}, abs=0.012)
    assert set(np.round(days(tape, "engaged"))) == {10, 50, 100}
    early = tape.frame[(tape.frame["state"] == "lost") & (tape.frame["start_day"] < 11)]
    assert len(early) == 0


def test_time_already_spent_counts():
    states = {"old": {"kind": "delay", "duration": 100, "done": "out"}, "out": {"kind": "exit"}}
    tape = played({"sources": {"there": {"to": "old", "initial": 500, "elapsed": {"family": "uniform", "low": 0, "high": 80}}},
                   "states": states})  # fmt: skip
    stay = days(tape, "old")
    assert 20 <= stay.min() < 25
    assert 95 < stay.max() <= 100


def test_a_person_may_bring_another():
    states = {
        "followed": {"kind": "delay", "duration": 30, "done": "out"}, "out": {"kind": "exit"},
        "heard": {"kind": "delay", "duration": 1, "done": "gone"}, "gone": {"kind": "exit"},
    }  # fmt: skip
    sources = {
        **listed("followed", 1000),
        "friend": {"to": "heard", "spawned": {"state": "followed", "share": 0.2, "delay": 7}},
    }
    tape = played({"sources": sources, "states": states})
    friends = tape.roster[tape.roster["source"] == "friend"]
    assert len(friends) == pytest.approx(200, abs=45)
    assert (friends["arrival_day"] == 7).all()
    assert friends["person"].str.startswith("friend-list-all-").all()
    assert friends["person"].is_unique


def test_seasons_spread_a_period():
    season = [0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 0, 0]
    tape = played({"sources": {"school": {"to": "out", "periods": [{**ALL_YEAR, "number": 500}], "season": season}},
                   "states": {"out": {"kind": "exit"}}})  # fmt: skip
    months = pd.to_datetime("2024-01-01") + pd.to_timedelta(tape.roster["arrival_day"], unit="D")
    assert set(months.dt.month) == {9, 10}


DESK = {"queue": {"kind": "wait", "pool": "desk", "done": "served"}, "served": {"kind": "exit"}}


def test_a_committee_decides_on_its_dates_only():
    pools = {"desk": {"sessions": {"dates": ["2024-02-01", "2024-05-02"], "places": 3}}}
    tape = played({"pools": pools, "sources": listed("queue", 5), "states": DESK})
    served = tape.frame[tape.frame["state"] == "served"]["date"].dt.strftime("%m-%d").tolist()
    assert sorted(served) == ["02-01"] * 3 + ["05-02"] * 2


def test_a_pool_may_be_shared_and_may_change():
    pools = {"desk": {"weekly": 2, "shared": True, "changes": [{"from": "2024-02-05", "weekly": 6}]}}
    tape = played({"sites": ["a", "b"], "pools": pools, "sources": listed("queue", 20), "states": DESK})
    table = tape.pools()
    assert table["site"].unique().tolist() == ["a+b"]
    assert table["used"].tolist()[:8] == [2, 2, 2, 2, 2, 6, 6, 6]


def test_a_queue_turns_people_away():
    states = {"queue": {"kind": "wait", "pool": "desk", "done": "served", "balk": {"at": 3, "to": "away"}},
              "served": {"kind": "exit"}, "away": {"kind": "exit"}}  # fmt: skip
    tape = played({"pools": {"desk": {"weekly": 1}}, "sources": listed("queue", 10), "states": states})
    assert left(tape, "away") == 6
    assert (tape.frame["ended"] == "balked").sum() == 6


def test_the_urgent_take_a_place_back_and_the_others_resume():
    states = {
        "urgent": {"kind": "wait", "pool": "room", "priority": 0, "preempt": True, "done": "short"},
        "short": {"kind": "delay", "duration": 1, "done": "out"},
        "plain": {"kind": "wait", "pool": "room", "priority": 1, "done": "long"},
        "long": {"kind": "delay", "duration": 10, "done": "out"},
        "out": {"kind": "exit", "release": "room"},
    }
    sources = {
        "first": {"to": "plain", "dates": ["2024-01-01"], "size": 1},
        "then": {"to": "urgent", "dates": ["2024-01-05"], "size": 1},
    }
    tape = played({"pools": {"room": {"units": 1}}, "sources": sources, "states": states})
    plain = tape.frame[tape.frame["source"] == "first"][["state", "start_day", "stop_day", "ended"]]
    assert plain.to_numpy().tolist() == [
        ["plain", 0, 0, "done"], ["long", 0, 4, "preempted"], ["plain", 4, 5, "done"], ["long", 5, 11, "done"],
        ["out", 11, 11, "left"],
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("tables", "said"),
    [
        ({"states": {**DESK, "queue": {**DESK["queue"], "set": {"x": "yes"}}}}, "no track is called"),
        ({"pools": {"desk": {"weekly": 0}}}, "never has anything to give"),
        ({"pools": {"desk": {"weekly": 1, "changes": [{"from": "2024-02-01", "units": 2}]}}}, "the same kind of number"),
        ({"pools": {"desk": {"weekly": 1, "shared": [["a"]]}}}, "no site is called"),
        ({"states": {**DESK, "queue": {**DESK["queue"], "preempt": True}}}, "can take one back"),
        ({"states": {**DESK, "queue": {**DESK["queue"], "balk": {"at": 1, "to": "nowhere"}}}}, "no state is called"),
        ({"shocks": [{"from": "2024-02-01", "sources": {"list": 2}}]}, "spread over periods"),
        ({"shocks": [{"from": "2024-02-01", "hazards": {"queue": 2}}]}, "acts on a duration"),
        ({"tracks": {"site": {"levels": ["a", "b"]}}}, "is reserved"),
        ({"sources": {**listed("queue"), "more": {"to": "queue", "spawned": {"state": "qeue", "share": 1}}}}, "did you mean"),
        ({"sources": {"there": {"to": "queue", "initial": 2, "elapsed": 3}}}, "is a delay"),
        ({"sources": {"list": {"to": "queue", "dates": ["2024-01-01"], "size": 1, "elapsed": 3}}}, "goes with initial only"),
    ],
)  # fmt: skip
def test_what_cannot_work_is_refused(tables, said):
    base = {"pools": {"desk": {"weekly": 1}}, "sources": listed("queue"), "states": DESK}
    with pytest.raises(InputError) as refusal:
        M.Pathway({**YEAR, **base, **tables})
    assert said in str(refusal.value)


@pytest.mark.parametrize(
    ("curve", "more", "said"),
    [
        ({"days": [10, 5], "incidence": {"job": [0.1, 0.2]}}, {}, "increasing days"),
        ({"days": [5, 10], "incidence": {"job": [0.3, 0.2]}}, {}, "never fall"),
        ({"days": [5, 10], "incidence": {"job": [0.3, 0.6], "lost": [0.1, 0.6]}}, {}, "adding up to 1"),
        ({"days": [5, 10], "incidence": {"job": [0.3, 0.6]}}, {"late": ()}, "still holds people"),
        ({"days": [5, 10], "incidence": {"job": [0.3, 0.6]}}, {"by_cause": {"jab": "out"}}, "leads nowhere"),
    ],
)
def test_a_curve_that_is_none_is_refused(curve, more, said):
    state = {
        "kind": "delay",
        "duration": {"family": "fitted", **curve},
        "by_cause": {"job": "out", "lost": "out"},
        "late": "out",
        **more,
    }
    tables = {"sources": listed("engaged"), "states": {"engaged": state, "out": {"kind": "exit"}}}
    with pytest.raises(InputError) as refusal:
        M.Pathway({**YEAR, **tables})
    assert said in str(refusal.value)
