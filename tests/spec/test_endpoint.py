"""The endpoint: which exit is the event, which compete or censor, from which origin, on which clock."""

import numpy as np
import pandas as pd
import pytest
from spec.cohort import cohort, date

from evalkit import Endpoint, Silence, survival
from evalkit.errors import InputError

HISTORIES = {
    "ada": {"contacts": [30]},
    "bob": {"contacts": [80, 160], "situations": [("employment", 200, None)]},
    "cleo": {"contacts": [80, 160, 240, 320]},
    "dan": {"contacts": [30], "situations": [("moved", 60, None)]},
}
END = Endpoint("disengaged", competing=["solution", "exit"])


def rows(tte):
    """Return (id, entry, time, exit) of each row."""
    entry = np.zeros(tte.n) if tte.entry is None else tte.entry
    names = ("censored", *tte.causes)
    return [
        (i, float(e), float(t), names[c])
        for i, e, t, c in zip(tte.id, entry, tte.time, tte.cause, strict=True)
    ]


# ---- every exit is named -----------------------------------------------------------------------------------------------------
def test_an_exit_that_is_not_named_is_an_error_with_counts_and_a_suggestion():
    with pytest.raises(InputError) as error:
        Endpoint("disengaged").of(cohort(400, **HISTORIES).spells())
    text = str(error.value)
    assert len(error.value.faults) == 2
    assert "1 spells end with 'employment', which is not named; name it in competing" in text
    assert "'moved'" in text
    assert "the class 'solution'" in text


def test_exits_are_named_by_code_or_by_class():
    spells = cohort(400, **HISTORIES).spells()
    by_code = Endpoint("disengaged", competing=["employment", "moved"]).of(spells)
    by_class = END.of(spells)
    assert rows(by_code) == [
        ("ada", 0, 30, "disengaged"),
        ("bob", 0, 200, "employment"),
        ("cleo", 0, 310, "censored"),
        ("dan", 0, 60, "moved"),
    ]
    assert by_class.causes == ("disengaged", "solution", "exit")
    assert by_class.cause.tolist() == [1, 2, 0, 3]
    assert by_class.labels["solution"]["fr"].startswith("Solution")


def test_a_code_named_by_itself_goes_before_its_class():
    spells = cohort(400, **HISTORIES).spells()
    tte = Endpoint("disengaged", competing=["solution", "exit"], censored=["moved"]).of(spells)
    assert dict(zip(tte.id, tte.cause, strict=True)) == {"ada": 1, "bob": 2, "cleo": 0, "dan": 0}
    turned = Endpoint("disengaged", competing=["solution", "moved"], censored=["exit"]).of(spells)
    assert rows(turned)[3] == ("dan", 0, 60, "moved")


def test_moving_away_competes_by_default_and_censoring_it_is_the_sensitivity_that_says_so():
    spells = cohort(400, **HISTORIES).spells()
    tte = Endpoint("disengaged", competing=["solution"], censored=["exit"]).of(spells)
    assert rows(tte)[3] == ("dan", 0, 60, "censored")
    assert any("would have gone on like the others" in m.text("en") for m in tte.rule)


def test_a_misspelt_exit_is_an_error():
    with pytest.raises(InputError, match="'trainning' is no exit; did you mean 'training'"):
        Endpoint("disengaged", competing=["trainning", "solution", "exit"]).of(
            cohort(400, **HISTORIES).spells()
        )
    with pytest.raises(InputError, match="there are "):
        Endpoint("xyzzy").of(cohort(400, **HISTORIES).spells())


def test_an_endpoint_that_cannot_be_is_refused_with_all_its_faults():
    with pytest.raises(InputError) as error:
        Endpoint(
            "disengaged",
            competing="moved",
            censored=["disengaged"],
            clock="wall",
            origin="moon",
            horizon_days=0,
        )
    assert len(error.value.faults) == 5
    with pytest.raises(InputError, match="'censored' is the end of observation"):
        Endpoint("censored")
    assert Endpoint("disengaged", censored=["censored"]).censored == ()


# ---- horizon, origin, clocks ---------------------------------------------------------------------------------------------------
def test_a_horizon_stops_observation():
    tte = Endpoint("disengaged", competing=["solution", "exit"], horizon_days=60).of(
        cohort(400, **HISTORIES).spells()
    )
    assert rows(tte) == [
        ("ada", 0, 30, "disengaged"),
        ("bob", 0, 60, "censored"),
        ("cleo", 0, 60, "censored"),
        ("dan", 0, 60, "exit"),
    ]
    assert tte.horizon == 60


def test_an_event_on_day_0_is_kept_and_counts_in_the_curve():
    tte = END.of(cohort(400, ada={}, bob={"contacts": [80, 160, 240, 320]}).spells())
    assert rows(tte)[0] == ("ada", 0, 0, "disengaged")
    found = survival.kaplan_meier(
        Endpoint("disengaged").of(cohort(400, ada={}, bob={"contacts": [80]}).spells())
    )
    assert found.at(0).tidy()["estimate"].item() == 0.5


RECURRENT = {"ada": {"contacts": [30, 200, 230]}, "bob": {"contacts": [80, 160, 240, 320, 400]}}


def test_only_the_first_time_at_risk_counts_unless_recurrent():
    spells = cohort(500, **RECURRENT).spells()
    assert rows(Endpoint("disengaged").of(spells)) == [
        ("ada", 0, 30, "disengaged"),
        ("bob", 0, 400, "disengaged"),
    ]
    every = Endpoint("disengaged", recurrent=True).of(spells)
    # The day of the contact that brings her back is a day at risk, hence the half day.
    assert rows(every)[:2] == [("ada", 0, 30, "disengaged"), ("ada", 199.5, 230, "disengaged")]
    assert every.covariates["episode"].tolist() == [0, 1, 0]


def test_the_gap_clock_starts_each_episode_at_0():
    every = Endpoint("disengaged", recurrent=True, clock="gap").of(cohort(500, **RECURRENT).spells())
    assert rows(every)[:2] == [("ada", 0, 30, "disengaged"), ("ada", 0, 30, "disengaged")]
    assert every.clock == "gap"


def test_the_calendar_clock_counts_from_the_earliest_origin_with_delayed_entry():
    fu = cohort(400, ada={"contacts": [30]}, bob={"entered_on": 50, "contacts": [90]})
    tte = Endpoint("disengaged", clock="calendar").of(fu.spells())
    assert rows(tte) == [("ada", 0, 30, "disengaged"), ("bob", 49.5, 90, "disengaged")]
    assert any("1 June 2010" in m.text("en") for m in tte.rule)


def test_a_return_of_a_single_day_has_a_risk_set():
    fu = cohort(500, ada={"contacts": [200]}, bob={"contacts": [80, 160, 240, 320, 400, 480]})
    tte = Endpoint("disengaged", recurrent=True).of(fu.spells())
    assert ("ada", 199.5, 200, "disengaged") in rows(tte)


def test_time_to_resuming_contact_has_disengagement_as_its_origin():
    fu = cohort(500, **RECURRENT)
    tte = Endpoint("reengaged", origin="disengaged", clock="gap", recurrent=True).of(fu.spells())
    assert rows(tte) == [
        ("ada", 0, 170, "reengaged"),
        ("ada", 0, 180, "censored"),
        ("bob", 0, 10, "censored"),
    ]
    with pytest.raises(InputError, match="nobody is ever in the state 'solution'"):
        Endpoint("follow_up", origin="solution").of(fu.spells())


def test_illness_pauses_and_the_same_person_is_at_risk_again_on_return():
    fu = cohort(500, ada={"contacts": [30, 230, 300], "situations": [("illness", 60, 200)]})
    tte = Endpoint("disengaged", paused=["interruption"]).of(fu.spells())
    assert rows(tte) == [("ada", 0, 60, "censored"), ("ada", 199.5, 300, "disengaged")]
    stops = Endpoint("disengaged", competing=["interruption"]).of(fu.spells())
    assert rows(stops) == [("ada", 0, 60, "interruption")]


def test_who_leaves_otherwise_during_a_pause_is_counted():
    fu = cohort(
        500,
        ada={"contacts": [30, 430], "situations": [("illness", 60, 200), ("employment", 200, 400)]},
        bob={},
    )
    tte = Endpoint("disengaged", paused=["interruption"]).of(fu.spells())
    assert rows(tte)[0] == ("ada", 0, 60, "censored")
    assert len(rows(tte)) == 2
    assert any("1 person left otherwise during a suspension" in m.text("en") for m in tte.rule)


def test_the_wandering_clock_has_delayed_entry_at_spotting():
    fu = cohort(
        400, ada={"left_school_on": -500, "spotted_on": -50}, bob={"left_school_on": -300, "spotted_on": -20}
    )
    tte = Endpoint("interview", competing=["eliminated"]).of(fu.spells(Silence(), clock="wandering"))
    assert rows(tte) == [("ada", 450, 500, "interview"), ("bob", 280, 300, "interview")]


# ---- unknown situations ----------------------------------------------------------------------------------------------------------
UNKNOWN = {**HISTORIES, "eve": {"contacts": [30], "situations": [("unknown", 60, None)]}}


def test_unknown_situations_must_be_decided():
    with pytest.raises(InputError, match="neither event nor censoring: say unknown=.*or use bounds"):
        END.of(cohort(400, **UNKNOWN).spells())


@pytest.mark.parametrize(
    ("meaning", "exit_"), [("event", "disengaged"), ("censored", "censored"), ("competing", "unknown")]
)
def test_what_an_unknown_situation_counts_as_is_said(meaning, exit_):
    tte = Endpoint("disengaged", competing=["solution", "exit"], unknown=meaning).of(
        cohort(400, **UNKNOWN).spells()
    )
    assert rows(tte)[-1] == ("eve", 0, 60, exit_)
    assert any("1 unknown situation" in m.text("en") for m in tte.rule)
    assert any("1 situation inconnue" in m.text("fr") for m in tte.rule)


def test_bounds_give_both_extremes():
    low, high = END.bounds(cohort(400, **UNKNOWN).spells())
    share = [
        survival.aalen_johansen(t).at(100).tidy().query("cause == 'disengaged'")["estimate"].item()
        for t in (low, high)
    ]
    assert share == [pytest.approx(0.2), pytest.approx(0.4)]


def test_unknown_said_twice_is_refused():
    with pytest.raises(InputError, match="say it once"):
        Endpoint("disengaged", competing=["solution", "exit", "unknown"], unknown="event").of(
            cohort(400, **UNKNOWN).spells()
        )


# ---- immortal time ---------------------------------------------------------------------------------------------------------------
CO = {
    "ada": {
        "contacts": [80, 160],
        "tracks": [("co_accompaniment", "Club X", 30, 120)],
        "co_accompaniment": "yes",
    },
    "bob": {"contacts": [80]},
}


def test_a_covariate_acquired_after_the_origin_is_refused_and_the_message_says_how():
    with pytest.raises(InputError) as error:
        END.of(cohort(400, **CO).spells())
    text = str(error.value)
    for remedy in (
        "spells.split_by('co_accompaniment')",
        "spells.landmark(day)",
        "spells.without('co_accompaniment')",
    ):
        assert remedy in text


def test_split_or_landmarked_it_is_taken():
    spells = cohort(400, **CO).spells()
    split = END.of(spells.split_by("co_accompaniment"))
    assert rows(split)[:3] == [
        ("ada", 0, 30, "censored"),
        ("ada", 30, 120, "censored"),
        ("ada", 120, 160, "disengaged"),
    ]
    assert split.covariates["co_accompaniment"].tolist() == [False, True, False, False]
    marked = END.of(spells.landmark(50))
    assert rows(marked) == [("ada", 49.5, 160, "disengaged"), ("bob", 49.5, 80, "disengaged")]
    assert marked.covariates["co_accompaniment"].tolist() == [True, False]
    assert "co_accompaniment" not in END.of(spells.without("co_accompaniment")).covariates


# ---- what travels along ------------------------------------------------------------------------------------------------------------
def test_the_question_the_rule_and_the_caveats_reach_the_result():
    fu = cohort(400, **HISTORIES, zoe={"entered_on": 380})
    tte = END.of(fu.spells())
    assert tte.question.text("fr") == "Combien de temps jusqu'à : Décroché (silence) ?"
    text = " ".join(m.text("en") for m in tte.rule)
    for words in (
        "90 days in a row",
        "Event studied",
        "Competing exits",
        "1 person entered less than 90 days",
    ):
        assert words in text
    result = survival.aalen_johansen(tte)
    assert any("90 days in a row" in m.text("en") for m in result.caveats)


def test_covariates_travel_and_the_outcome_columns_do_not():
    tte = END.of(cohort(400, ada={"site": "Est"}, bob={"site": "Centre"}).spells())
    assert {"person", "episode", "site", "gap_before_entry"} <= set(tte.covariates)
    assert not {"disengaged_on", "abandoned_on", "origin", "exit", "state"} & set(tte.covariates)
    assert isinstance(tte.covariates.index, pd.RangeIndex)


def test_recurrent_is_said():
    spells = cohort(500, **RECURRENT).spells()
    assert any(
        "Tous les épisodes" in m.text("fr") for m in Endpoint("disengaged", recurrent=True).of(spells).rule
    )
    assert any("Seule la première" in m.text("fr") for m in Endpoint("disengaged").of(spells).rule)
    assert date(0) == spells.frame["origin"].iloc[0]
