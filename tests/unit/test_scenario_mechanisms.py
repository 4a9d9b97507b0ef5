"""The mechanisms a scenario may add: nothing at their neutral value, and what each one says when it is on."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from evalkit.errors import InputError
from evalkit.simulation import Scenario, counts, play
from evalkit.simulation.luck.sampler import TICKS_PER_DAY
from evalkit.simulation.programme.referrals import periods

ROOT = Path(__file__).resolve().parents[2]
DAY = dt.date
PARTNERS = ("prevention", "youth_information", "school")
KEYS = ["outcome", "part", "by", "level"]


def of(value, unit="ratio"):
    values = list(value.values()) if isinstance(value, dict) else [value]
    return {
        "value": value, "unit": unit, "source": "x", "status": "assumed", "range": [min(values), max(values)],
    }  # fmt: skip


def share(value):
    return of(value, "share")


def days(value):
    return of(value, "days")


#: Each mechanism at its neutral value.
NEUTRAL = {
    "project_officers": {"from": DAY(2010, 6, 1), "contact": of(1), "referrals": of(1)},
    "social_workers": {
        "from": DAY(2010, 9, 1), "until": DAY(2011, 3, 1), "contact": of(1), "referrals": of(1), "silence": of(1),
    },
    "named_referents": {"from": DAY(2010, 9, 1), "covered": share(0.9), "silence": of(1), "referrals": of(1)},
    "co_accompaniment": {"share": share(0.78), "search": days(30), "silence": of(1)},
    "working_groups": {
        "from": DAY(2010, 6, 15), "until": DAY(2011, 9, 1), "every": days(15), "growth": of(1), "most": of(2),
    },
    "confidentiality": {"delay": days(0)},
    "national_platforms": {"from": DAY(2011, 2, 1), "referrals": of(1), "takes": share(0)},
    "family_contact": {"share": share(0.3), "contact": of(1)},
    "case_conferences": {
        "dates": [DAY(2010, 10, 5), DAY(2010, 11, 9), DAY(2010, 12, 7), DAY(2011, 1, 11), DAY(2011, 2, 8)],
        "places": of(2, "youths"), "presented": share(0), "solution": share(0.5), "patience": days(60),
    },
    "undeclared_work": {"takes_up": share(0), "lasts": days(150), "returns": share(0.5)},
    "portfolio": {"counsellors": of(50, "counsellors"), "youths_each": of(120, "youths per counsellor")},
}  # fmt: skip


@pytest.fixture(scope="module")
def base():
    return Scenario.load(ROOT / "tests" / "scenarios" / "baseline.toml")


@pytest.fixture(scope="module")
def tape(base):
    return play(base, 1)


def with_mechanism(base, name, **changes):
    return base.with_({name: {**NEUTRAL.get(name, {}), **changes}, "name": name})


def values(tape):
    return counts(tape).set_index(KEYS)["value"]


# ---- absent, neutral ----------------------------------------------------------------------------------------------------
def test_what_is_left_out_changes_no_digest(base, tape):
    """These digests were written down before any mechanism existed."""
    assert base.digest.startswith("7504963865e1e0e9")
    assert tape.digest.startswith("0b9d6a66e1b7510d")


@pytest.mark.parametrize("name", NEUTRAL)
def test_a_neutral_mechanism_gives_a_difference_of_exactly_nothing(base, tape, name):
    before, after = values(tape), values(play(with_mechanism(base, name), 1))
    known = before.dropna()
    assert len(known) > 150
    assert (after[known.index] == known).all()


def test_a_neutral_mechanism_still_differs_as_an_assumption(base):
    assert with_mechanism(base, "co_accompaniment").digest != base.digest


# ---- referrals ----------------------------------------------------------------------------------------------------------
def numbers(scenario, code, site="est"):
    return [p["number"][site] for p in periods(scenario.model, code)]


def test_partners_refer_more_while_an_officer_is_there_and_others_do_not(base):
    made = with_mechanism(
        base, "project_officers", **{"until": DAY(2010, 8, 31), "referrals": of({"centre": 1, "est": 2})}
    )
    three = periods(made.model, "prevention")
    assert [p["from"] for p in three] == [DAY(2010, 1, 1), DAY(2010, 6, 1), DAY(2010, 9, 1)]
    of_all = 424  # days from 1 January 2010 to 28 February 2011
    expected = [38 * 151 / of_all, 2 * 38 * 92 / of_all, 38 * 181 / of_all]
    assert numbers(made, "prevention") == pytest.approx(expected, rel=1e-12)
    assert sum(numbers(made, "prevention", "centre")) == pytest.approx(32, rel=1e-12)
    assert numbers(made, "ml_database") == numbers(base, "ml_database")


def test_trust_grows_with_each_meeting_up_to_its_ceiling(base):
    made = with_mechanism(base, "working_groups", growth=of(1.1), most=of(1.25), every=days(100))
    five = periods(made.model, "prevention")
    lengths = [(p["to"] - p["from"]).days + 1 for p in five]
    rate = [n / length for n, length in zip(numbers(made, "prevention"), lengths, strict=True)]
    # 15 June, 23 September, then the third meeting: 1.331 is beyond the ceiling, and so are the following.
    assert [p["from"] for p in five[1:]] == [DAY(2010, 6, 15), DAY(2010, 9, 23), DAY(2011, 1, 1)]
    assert [r / rate[0] for r in rate] == pytest.approx([1, 1.1, 1.21, 1.25], rel=1e-9)


def test_ratios_multiply_and_only_the_channels_named_are_concerned(base):
    made = base.with_({
        "named_referents": {**NEUTRAL["named_referents"], "from": DAY(2010, 1, 1), "channels": ["prevention"], "referrals": of(1.5)},
        "national_platforms": {**NEUTRAL["national_platforms"], "from": DAY(2010, 1, 1), "referrals": of(0.5)},
    })  # fmt: skip
    assert numbers(made, "prevention") == pytest.approx([38 * 0.75])
    assert numbers(made, "youth_information") == pytest.approx([10 * 0.5])


def test_partners_who_wait_for_a_list_and_a_list_that_names_few():
    listed = Scenario.load(ROOT / "tests" / "scenarios" / "education_nationale.toml")
    made = listed.with_(
        {"education_nationale.coverage": share(0.5), "education_nationale.referrals": of(0.5)}
    )
    first = listed.model.education_nationale.dates[0]
    two = periods(made.model, "prevention")
    assert [p["from"] for p in two] == [DAY(2010, 1, 1), first]
    before = listed.compile().tables.sources["education_nationale"].size
    after = made.compile().tables.sources["education_nationale"].size
    assert after == {site: n // 2 for site, n in before.items()}
    assert sum(numbers(made, "prevention")) < 38


def test_a_name_kept_confidential_comes_later_from_partners_only(base, tape):
    late = play(with_mechanism(base, "confidentiality", delay=days(60)), 1)
    source = tape.roster["source"]
    same = source.isin(["ml_database", "ml_interview"]).to_numpy()
    partner = source.isin(PARTNERS).to_numpy()
    assert (late.roster["name"] == tape.roster["name"]).all()
    assert (late.spotted[same] == tape.spotted[same]).all()
    wait = (late.spotted - tape.spotted)[partner & (late.spotted >= 0)] / TICKS_PER_DAY
    assert wait.min() > 0
    assert 35 < wait.mean() < 90


# ---- contact ------------------------------------------------------------------------------------------------------------
def test_contact_rises_where_and_while_somebody_is_there(base, tape):
    helped = with_mechanism(
        base, "project_officers", **{"from": DAY(2011, 1, 1), "contact": of({"centre": 1, "est": 3})}
    )
    after = play(helped, 1)
    first = [t.first(np.array([s == "answered" for s in t.plan.states])) for t in (tape, after)]
    site = tape.roster["site"].to_numpy()
    cut = tape.plan.tick(DAY(2011, 1, 1))
    before = (first[0] >= 0) & (first[0] < cut)
    assert before.sum() > 20
    assert (first[0][before] == first[1][before]).all()
    assert (first[0][site == "centre"] == first[1][site == "centre"]).all()
    more = (first[1] >= cut).sum() - (first[0] >= cut).sum()
    assert more > 5


def test_the_family_helps_to_reach_those_who_have_one(base):
    made = play(with_mechanism(base, "family_contact", share=share(0.5), contact=of(3)), 1)
    reached = made.first(np.array([s == "answered" for s in made.plan.states])) >= 0
    tried = made.first(np.array([s == "attempt_1" for s in made.plan.states])) >= 0
    helped = made.roster["family"].to_numpy() == "yes"
    share_of = [reached[tried & who].mean() for who in (helped, ~helped)]
    assert share_of[0] > share_of[1] + 0.2
    assert "family" not in made.follow_up().people


def test_the_national_platforms_take_youths_from_their_date_on(base):
    made = play(with_mechanism(base, "national_platforms", takes=share(1.0)), 1)
    cut = made.plan.tick(DAY(2011, 2, 1))
    frame = made.frame.assign(tick=np.round(made.frame["start_day"] * TICKS_PER_DAY))
    taken = frame[frame["state"].isin(["taken_elsewhere", "taken_over"])]
    assert len(taken) > 20
    assert (taken["tick"] >= cut).all()
    assert not frame.loc[frame["tick"] >= cut, "state"].isin(["answered", "reactivated"]).any()
    eliminated = made.follow_up().people.set_index("person")["eliminated_for"]
    early = taken.loc[taken["state"] == "taken_elsewhere", "person"]
    assert (eliminated[early[early.isin(eliminated.index)]] == "not_dropout").all()


# ---- tracks and silence -------------------------------------------------------------------------------------------------
def test_co_accompaniment_begins_after_entry_and_is_in_the_follow_up(base):
    made = play(with_mechanism(base, "co_accompaniment"), 1)
    entered = pd.Series(made.first(made.rows(mark="entered")) / TICKS_PER_DAY, index=made.roster["person"])
    mobilised = int((entered >= 0).sum())
    tracks = made.tracks
    assert (tracks["track"] == "co_accompaniment").all()
    assert (tracks["start_day"].to_numpy() >= entered[tracks["person"]].to_numpy()).all()
    assert 0.55 < len(tracks) / mobilised < 0.9
    shown = made.follow_up().situations
    shown = shown[shown["track"] == "co_accompaniment"]
    assert set(shown["state"]) == {"joint"}
    assert shown["person"].nunique() > 0.5 * mobilised
    assert set(shown["person"]) <= set(tracks["person"])


def test_nobody_falls_silent_under_a_hazard_ratio_of_nothing(base):
    """Once co-accompanied, and only then; who drifts away when a solution ends was not in follow-up."""
    made = play(with_mechanism(base, "co_accompaniment", silence=of(0), search=days(10)), 1)
    frame = made.frame.reset_index(drop=True)
    came_from = frame["state"].shift().where(frame["person"] == frame["person"].shift())
    falls = frame[(frame["state"] == "silent_0") & came_from.isin(["entered", "meeting", "missed"])]
    since = made.tracks.set_index("person")["start_day"]
    # What follows is drawn on the day of the meeting or of the absence.
    drawn = frame["start_day"].shift()[falls.index]
    later = drawn.to_numpy() > since.reindex(falls["person"]).fillna(np.inf).to_numpy()
    assert len(falls) > 5  # before their partner was found, or without one
    assert not later.any()


def test_a_ratio_on_silence_moves_only_those_it_concerns(base):
    """At a meeting, what a draw brings stays what it was, unless it was silence or going on."""
    rows = {}
    for ratio in (0.4, 1.0, 2.5):
        states = with_mechanism(base, "co_accompaniment", silence=of(ratio)).compile().tables.states
        case = next(c for c in states["meeting"].done if c.when.get("site", "centre") == "centre")
        rows[ratio] = case.to
        expected = 1 - (1 - 0.055) ** ratio
        silent = case.to["silent_0"] + case.to.get("loses_contact", 0)
        assert silent == pytest.approx(expected, abs=1e-12)
        assert sum(case.to.values()) == pytest.approx(1, abs=1e-12)

    def intervals(ways):
        edges = np.cumsum([0.0, *ways.values()])
        return {way: (edges[k], edges[k + 1]) for k, way in enumerate(ways)}

    usual = intervals(rows[1.0])
    for ratio in (0.4, 2.5):
        moved = intervals(rows[ratio])
        for way in set(usual) - {"silent_0", "gap"}:
            assert moved[way] == pytest.approx(usual[way], abs=1e-12), (ratio, way)


def test_referents_are_named_from_their_date_for_youths_of_their_partners(base):
    made = play(with_mechanism(base, "named_referents", covered=share(1.0)), 1)
    entered = pd.Series(made.first(made.rows(mark="entered")), index=made.roster["person"])
    source = made.roster.set_index("person")["source"]
    cut = made.plan.tick(DAY(2010, 9, 1))
    meant = set(entered.index[(entered >= cut) & source.isin(PARTNERS)])
    assert len(meant) > 3
    assert set(made.tracks["person"]) == meant
    assert (made.follow_up().situations.query("track == 'referent'")["state"] == "named").all()


def test_social_workers_bear_on_silence_while_they_are_there(base):
    made = with_mechanism(base, "social_workers", silence=of(0))
    done = made.compile().tables.states["meeting"].done
    starts = {case.start for case in done}
    assert starts == {None, DAY(2010, 9, 1), DAY(2011, 3, 2)}
    assert {c.start for c in done if c.to.get("silent_0", 0) == 0} == {DAY(2010, 9, 1)}


def test_two_ratios_on_silence_multiply(base):
    both = base.with_({
        "co_accompaniment": {**NEUTRAL["co_accompaniment"], "silence": of(0.5)},
        "named_referents": {**NEUTRAL["named_referents"], "silence": of(0.4)},
    })  # fmt: skip
    by = {
        (c.when.get("co_accompaniment"), c.when.get("referent")): c.to["silent_0"]
        for c in both.compile().tables.states["meeting"].done if c.when.get("site") == "centre"
    }  # fmt: skip
    assert by == pytest.approx({
        ("joint", "named"): 1 - 0.945**0.2, ("joint", None): 1 - 0.945**0.5, (None, "named"): 1 - 0.945**0.4, (None, None): 0.055,
    })  # fmt: skip


# ---- capacity, conferences, undeclared work -----------------------------------------------------------------------------
def test_case_conferences_decide_only_on_their_dates_for_so_many(base):
    made = play(with_mechanism(base, "case_conferences", presented=share(0.4)), 1)
    held = made.frame[made.frame["state"] == "conference"]
    per_session = held.groupby([held["date"].dt.date, "site"]).size()
    assert set(held["date"].dt.date) <= set(NEUTRAL["case_conferences"]["dates"])
    assert len(held) > 8
    assert per_session.max() == 2
    acts = made.follow_up().events
    assert (acts["kind"] == "case_conference").sum() > 5


def test_undeclared_work_looks_like_silence_and_is_none(base):
    made = play(with_mechanism(base, "undeclared_work", takes_up=share(0.3), lasts=days(200)), 1)
    frame = made.frame
    at_work = frame[frame["state"].str.startswith("undeclared_") & (frame["state"] != "undeclared_ends")]
    spell = (at_work["state"] == "undeclared_0").cumsum()
    by = at_work.groupby(spell).agg(
        person=("person", "first"), start=("start_day", "min"), stop=("stop_day", "max")
    )
    long = by[by["stop"] - by["start"] > 120].set_index("person")
    assert len(long) > 5
    contacts = made.follow_up().events
    reached = contacts[contacts["outcome"].isin(["attended", "answered"])]
    began = pd.Timestamp(made.plan.start)
    for person, row in long.iterrows():
        on = (reached.loc[reached["person"] == person, "date"] - began).dt.days
        assert not ((on > row["start"] + 1) & (on < row["start"] + 90)).any(), person
    truth = made.truth()
    since = (truth["start"] - began).dt.days
    for person, row in long.head(10).iterrows():
        assert not (since[truth["person"] == person].between(row["start"] + 1, row["stop"] - 2)).any(), person


def test_a_portfolio_never_holds_more_than_its_places(base):
    made = play(
        with_mechanism(
            base, "portfolio", counsellors=of(0.6, "counsellors"), youths_each=of(130, "youths per counsellor")
        ), 1,
    )  # fmt: skip
    held = made.pools().query("pool == 'places'")
    assert (held["offered"] == 78).all()
    assert held["used"].max() <= 78 + 1e-9
    assert held["used"].max() > 70
    assert held["queue"].max() > 0


def test_a_merger_makes_one_diary_with_fewer_slots_for_a_while(base):
    merger = {"from": DAY(2010, 10, 4), "until": DAY(2010, 12, 5), "slots": share(0.5)}
    made = play(base.with_({"merger": merger, "name": "merger"}), 1)
    diary = made.pools().query("pool == 'interviews'")
    assert set(diary["site"]) == {"centre+est"}
    weeks = diary.set_index("week_start")["offered"]
    assert weeks["2010-09-24"] == 38
    assert weeks["2010-11-19":"2010-11-26"].mean() == pytest.approx(19, abs=1)


# ---- refusals -----------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("name", "changes", "said"),
    [
        ("named_referents", {"channels": ["prevntion"]}, "“prevntion” is unknown here (did you mean “prevention”?)"),
        ("named_referents", {"from": DAY(2009, 1, 1)}, "named_referents.from: 1 January 2009 lies outside the programme"),
        ("social_workers", {"until": DAY(2010, 8, 1)}, "until (1 August 2010) comes before from (1 September 2010)"),
        ("case_conferences", {"dates": [DAY(2010, 9, 1), DAY(2012, 9, 1)]}, "1 September 2012 lies outside the programme"),
        ("case_conferences", {"presented": share(0.95)}, "follow_up.after_meeting: these shares add up to"),
        ("working_groups", {"most": of(0.5)}, "working_groups.most.value = 0.5: must lie between 1 and 20 (ratio)"),
        ("co_accompaniment", {"search": 30}, "co_accompaniment.search = 30: an assumption does not go without its source"),
    ],
)  # fmt: skip
def test_faults_of_a_mechanism(base, name, changes, said):
    with pytest.raises(InputError) as caught:
        with_mechanism(base, name, **changes)
    assert said in caught.value.render("en")
    assert caught.value.render("fr") != caught.value.render("en")


# ---- second looks -------------------------------------------------------------------------------------------------------
def test_check_says_when_those_already_followed_take_every_place(base):
    full = with_mechanism(
        base, "portfolio", counsellors=of(1, "counsellors"), youths_each=of(50, "youths per counsellor")
    )
    said = [c.text("en") for c in full.check().caveats]
    assert any("At est, those already followed (55) take all the counsellors' places (50)" in c for c in said)
    assert not any("At centre" in c for c in said)


def test_check_weighs_the_diary_that_opens(base):
    """A queue is announced where those already followed ask for more than what is opened, holidays taken off, and only there."""
    quiet = [c for c in base.check().caveats if "the queue may grow" in c.text("en")]
    assert quiet == []
    starved = base.with_({"counsellors.slots_per_week.est": 9}).check()
    said = [c.text("en") for c in starved.caveats if "the queue may grow" in c.text("en")]
    assert len(said) == 1
    assert said[0].startswith(
        "At est, about 9 interviews a week would be asked for at the start, for 8 slots"
    )


# ---- the files of the study ---------------------------------------------------------------------------------------------
FILES = sorted((ROOT / "studies" / "paris-2010" / "scenarios").glob("*.toml"))


@pytest.mark.parametrize("path", [p for p in FILES if p.stem != "baseline"], ids=lambda p: p.stem)
def test_every_scenario_of_the_study_is_one_and_says_what_it_is_for(path):
    scenario = Scenario.load(path)
    assert scenario.name == path.stem
    for said in (scenario.model.title, scenario.model.purpose):
        assert set(said) == {"fr", "en"}
        assert said["fr"] != said["en"]
    changed = Scenario.load(path.parent / scenario.model.based_on).diff(scenario).tidy()
    assert len(changed) >= 1
    statuses = scenario.assumptions().set_index("key")["status"]
    new = [k for k in changed["term"] if k in statuses.index]
    # Nothing beyond the report was ever measured: no number of these files is published or calibrated.
    assert set(statuses[new]) <= {"assumed", "derived"}
    scenario.compile()


# ---- what every scenario has --------------------------------------------------------------------------------------------
def test_the_steps_of_elimination_come_in_their_order_and_the_last_after_every_attempt(base, tape):
    frame = tape.frame[tape.frame["record"] == "first"]
    path = frame.groupby("person")["state"].agg(list)
    last = path.str[-1]
    for states in path[last.isin(["not_dropout", "out_of_scope"])]:
        assert "attempt_1" not in states
    tried = path[(last == "not_reached") & ~path.map(lambda s: "answered" in s)]
    assert len(tried) > 50
    attempts = int(base.model.outreach.attempts.at("est"))
    assert all(sum(s.startswith("attempt_") for s in states) == attempts for states in tried)


def test_the_youngest_come_by_partners_and_nobody_is_contacted_during_the_set_up(tape):
    people = tape.follow_up().people
    young = people["age"] == "16-17"
    partner = people["entry_route"] == "referral"
    ours = people["entered_on"].notna()
    assert young[ours & partner].mean() > young[ours & ~partner].mean()
    acts = tape.follow_up().events
    assert acts["date"].min() >= pd.Timestamp(2010, 6, 1)
    assert (people["spotted_on"] < pd.Timestamp(2010, 7, 1)).sum() > 20


def test_silence_may_come_back_and_interruptions_end(base):
    ill = {"centre": 0.1, "est": 0.1}
    made = play(base.with_({"follow_up.after_meeting.illness": ill, "follow_up.after_meeting.falls_silent": 0.2,
                            "follow_up.reactivated": 0.6, "follow_up.recorded_abandoned": 0.0}), 1)  # fmt: skip
    assert (made.truth()["person"].value_counts() >= 2).sum() > 3
    shown = made.follow_up().situations
    illness = shown[shown["state"] == "illness"]
    assert len(illness) > 20
    assert illness["end"].notna().mean() > 0.5
