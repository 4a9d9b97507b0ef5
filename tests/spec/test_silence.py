"""The rules of time: what a contact is, what silence means, and on which day it is an event.

Days are counted from the entry interview; the file is cut on the first number given to `cohort`.
"""

import pandas as pd
import pytest
from spec.cohort import cohort, date, said, stays

from evalkit import FollowUp, Silence
from evalkit.errors import InputError

THRESHOLD = Silence(dated_at="threshold")


# ---- what a contact is -------------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("act", "counts"),
    [
        ((30, "interview", "attended"), True),
        ((30, "interview", "absent"), False),
        ((30, "interview", "cancelled"), False),
        ((30, "interview", None), True),  # taken as held, and counted in a caveat
        ((30, "interview", "unspecified"), False),
        ((30, "workshop", "attended"), True),
        ((30, "phone", "answered", "outgoing"), True),
        ((30, "phone", "unanswered", "outgoing"), False),
        ((30, "phone", None, "outgoing"), False),
        ((30, "phone", None, "incoming"), True),
        ((30, "sms", "unspecified", "incoming"), True),
        ((30, "phone", None), False),  # nobody wrote who called whom, nor whether it was answered
        ((30, "reminder", None, "outgoing"), False),
        ((30, "reminder", "answered", "outgoing"), True),
        ((30, "case_conference", "attended"), False),
        ((30, "professional_exchange", "answered", "incoming"), False),
        ((30, None, None), True),
        ((30, None, "absent"), False),
    ],
)
def test_a_contact_is_an_exchange_that_reached_the_youth(act, counts):
    fu = cohort(400, ada={"acts": [act]})
    assert list(Silence().contacts(fu)["date"]) == ([date(30)] if counts else [])


def test_acts_of_one_day_are_one_day_of_contact():
    fu = cohort(400, ada={"contacts": [30], "acts": [(30, "phone", None, "incoming")]})
    assert Silence().contacts(fu)[["person", "acts"]].values.tolist() == [["ada", 2]]


def test_what_is_booked_ahead_is_never_a_contact():
    fu = cohort(400, ada={"acts": [(430, "interview", "planned"), (390, "interview", "planned")]})
    assert Silence().contacts(fu).empty


def test_which_acts_count_can_be_said_and_is_stated():
    fu = cohort(400, ada={"acts": [(30, "phone", "answered"), (50, "family_contact", "answered")]})
    only_calls = Silence(contacts={"phone"})
    with_family = Silence(contacts={"family_contact": "exchange"})
    assert list(only_calls.contacts(fu)["date"]) == [date(30)]
    assert list(with_family.contacts(fu)["date"]) == [date(30), date(50)]
    assert "Phone call" in only_calls.in_words("en")
    assert "Contact avec la famille" in with_family.in_words("fr")


def test_the_tally_says_what_counted_what_did_not_and_why():
    fu = cohort(
        400, ada={"contacts": [30, 60], "acts": [(70, "interview", "absent"), (80, "interview", None)]}
    )
    table = Silence().contacts.tally(fu).tidy()
    assert dict(zip(table["reason"], table["count"], strict=True)) == {
        "attended": 2,
        "taken_as_held": 1,
        "not_reached": 1,
    }
    assert "1 meeting without a recorded outcome is taken as attended" in said(Silence().spells(fu))


# ---- silence -----------------------------------------------------------------------------------------------------------
def test_silence_dated_at_the_last_contact():
    fu = cohort(400, ada={"contacts": [30, 60]})
    assert stays(Silence().spells(fu)) == [
        ("engaged", 0, 60, "disengaged"),
        ("disengaged", 60, 310, "censored"),
    ]


def test_silence_dated_at_the_threshold():
    fu = cohort(400, ada={"contacts": [30, 60]})
    spells = THRESHOLD.spells(fu)
    assert stays(spells) == [("engaged", 0, 150, "disengaged"), ("disengaged", 150, 400, "censored")]
    assert "Nobody can disengage during the first 90 days" in said(spells)


def test_ninety_days_are_full_days_without_contact():
    in_time = cohort(400, ada={"contacts": [90, 180, 270, 360]})
    late = cohort(400, ada={"contacts": [91, 181, 271, 361]})
    assert stays(Silence().spells(in_time)) == [("engaged", 0, 310, "censored")]
    assert stays(Silence().spells(late))[0] == ("engaged", 0, 0, "disengaged")


def test_a_youth_seen_once_is_an_event_on_day_0():
    assert stays(Silence().spells(cohort(400, ada={})))[0] == ("engaged", 0, 0, "disengaged")


def test_everyone_is_censored_90_days_before_the_closing_date_never_at_their_own_last_contact():
    fu = cohort(400, ada={"contacts": [80, 160, 240, 320]}, bob={"contacts": [80, 160, 240, 320, 395]})
    spells = Silence().spells(fu)
    assert stays(spells, "ada") == stays(spells, "bob") == [("engaged", 0, 310, "censored")]


def test_a_silence_that_began_on_the_closing_day_is_an_event_and_one_day_later_it_is_not():
    assert stays(Silence().spells(cohort(400, ada={"contacts": [80, 160, 240, 310]}))) == [
        ("engaged", 0, 310, "disengaged")
    ]
    assert stays(Silence().spells(cohort(400, ada={"contacts": [80, 160, 240, 311]}))) == [
        ("engaged", 0, 310, "censored")
    ]


def test_nothing_lies_after_the_closing_day():
    fu = cohort(
        400,
        ada={"contacts": [60], "situations": [("employment", 330, None)]},
        bob={"contacts": [80, 160, 240], "situations": [("moved", 320, None)]},
    )
    for person in ("ada", "bob"):
        assert max(stop for _, _, stop, _ in stays(Silence().spells(fu), person)) == 310
    assert stays(Silence().spells(fu), "bob") == [("engaged", 0, 310, "censored")]


def test_later_entrants_are_counted_and_not_analysed():
    fu = cohort(400, ada={"contacts": [80]}, zoe={"entered_on": 350})
    spells = Silence().spells(fu)
    assert set(spells.frame["person"]) == {"ada"}
    assert "1 person entered less than 90 days before the end of observation" in said(spells)
    assert set(THRESHOLD.spells(fu).frame["person"]) == {"ada", "zoe"}


def test_who_entered_on_the_closing_day_is_analysed():
    fu = cohort(400, ada={"entered_on": 310}, bob={"entered_on": 310, "contacts": [340]})
    assert stays(Silence().spells(fu), "ada") == [("engaged", 0, 0, "disengaged")]
    assert stays(Silence().spells(fu), "bob") == [("engaged", 0, 0, "censored")]


def test_the_end_of_a_persons_own_observation_counts_as_their_closing_date():
    fu = cohort(
        400, ada={"contacts": [60], "observed_until": 200}, bob={"contacts": [60], "observed_until": 149}
    )
    spells = Silence().spells(fu)
    assert stays(spells, "ada") == [("engaged", 0, 60, "disengaged"), ("disengaged", 60, 110, "censored")]
    assert stays(spells, "bob") == [("engaged", 0, 59, "censored")]
    assert "2 people are observed only until a date of their own" in said(spells)


def test_those_without_an_entry_interview_are_counted():
    fu = cohort(400, ada={}, zoe={"entered_on": None})
    assert "1 person has no date of entry interview" in said(Silence().spells(fu))


def test_other_lengths_of_silence_are_arguments():
    fu = cohort(400, ada={"contacts": [70, 140, 210, 280, 350]})
    assert stays(Silence(days=60).spells(fu))[0] == ("engaged", 0, 0, "disengaged")
    assert stays(Silence(days=120).spells(fu)) == [("engaged", 0, 280, "censored")]


# ---- coming back -------------------------------------------------------------------------------------------------------
def test_a_contact_ends_disengagement_and_opens_a_new_episode():
    fu = cohort(500, ada={"contacts": [30, 200, 230]})
    spells = Silence().spells(fu)
    assert stays(spells) == [
        ("engaged", 0, 30, "disengaged"),
        ("disengaged", 30, 200, "reengaged"),
        ("engaged", 200, 230, "disengaged"),
        ("disengaged", 230, 410, "censored"),
    ]
    assert list(spells.frame["episode"]) == [0, 0, 1, 1]


def test_a_single_contact_on_the_way_back_is_a_stay_of_one_day():
    fu = cohort(500, ada={"contacts": [200]})
    assert stays(Silence().spells(fu))[2] == ("engaged", 200, 200, "disengaged")


def test_a_return_on_the_closing_day_is_a_day_at_risk():
    fu = cohort(400, ada={"contacts": [310, 350]})
    assert stays(Silence().spells(fu))[-1] == ("engaged", 310, 310, "censored")


# ---- solutions and interruptions ------------------------------------------------------------------------------------------
def test_the_count_stops_in_a_solution_and_starts_from_zero_at_its_end():
    fu = cohort(500, ada={"contacts": [30], "situations": [("training", 60, 300)]})
    assert stays(Silence().spells(fu)) == [
        ("engaged", 0, 60, "training"),
        ("solution", 60, 300, "follow_up"),
        ("engaged", 300, 300, "disengaged"),
        ("disengaged", 300, 410, "censored"),
    ]
    assert stays(THRESHOLD.spells(fu))[2] == ("engaged", 300, 390, "disengaged")


@pytest.mark.parametrize("code", ["illness", "prison"])
def test_illness_and_prison_interrupt(code):
    fu = cohort(400, ada={"contacts": [30, 330], "situations": [(code, 60, 300)]})
    assert stays(Silence().spells(fu)) == [
        ("engaged", 0, 60, code),
        ("interruption", 60, 300, "follow_up"),
        ("engaged", 300, 310, "censored"),
    ]


@pytest.mark.parametrize("code", ["jobseeker", "project", "follow_up"])
def test_job_seekers_in_contact_and_project_phases_are_engaged_and_at_risk(code):
    fu = cohort(400, ada={"contacts": [30], "situations": [(code, 20, None)]})
    assert stays(Silence().spells(fu))[0] == ("engaged", 0, 30, "disengaged")


def test_a_recorded_engaged_situation_ends_a_solution_without_an_end_date():
    fu = cohort(
        400, ada={"contacts": [30, 330], "situations": [("employment", 60, 300), ("jobseeker", 300, None)]}
    )
    assert stays(Silence().spells(fu))[1] == ("solution", 60, 300, "jobseeker")


def test_solutions_that_follow_each_other_leave_no_day_between():
    fu = cohort(400, ada={"situations": [("training", 60, 99), ("employment", 100, None)]})
    assert stays(Silence().spells(fu)) == [
        ("engaged", 0, 60, "training"),
        ("solution", 60, 100, "employment"),
        ("solution", 100, 310, "censored"),
    ]


def test_a_solution_of_one_day_lasts_that_day():
    fu = cohort(400, ada={"contacts": [30, 120, 210, 300], "situations": [("employment", 60, 60)]})
    assert stays(Silence().spells(fu))[1] == ("solution", 60, 61, "follow_up")


def test_who_enters_in_a_solution_is_at_risk_from_its_end():
    fu = cohort(400, ada={"contacts": [120], "situations": [("training", -30, 100)]})
    assert stays(Silence().spells(fu))[:2] == [
        ("solution", 0, 100, "follow_up"),
        ("engaged", 100, 120, "disengaged"),
    ]


def test_a_solution_that_ended_before_entry_is_past():
    fu = cohort(400, ada={"contacts": [60], "situations": [("training", -30, -5)]})
    assert stays(Silence().spells(fu))[0] == ("engaged", 0, 60, "disengaged")


def test_a_silence_that_ran_out_before_the_solution_is_an_event():
    fu = cohort(400, ada={"contacts": [30], "situations": [("employment", 200, None)]})
    spells = Silence().spells(fu)
    assert stays(spells)[:2] == [("engaged", 0, 30, "disengaged"), ("disengaged", 30, 200, "employment")]
    assert list(spells.frame["episode"]) == [0, 0, 1]


def test_a_planned_situation_is_none_yet():
    fu = cohort(400, ada={"contacts": [80, 160, 240, 320]})
    ahead = {
        "person": "ada",
        "track": "status",
        "state": "training",
        "start": date(100),
        "progress": "planned",
    }
    fu = FollowUp.from_frames(fu.people, fu.events, pd.DataFrame([ahead]), as_of=fu.as_of)
    assert stays(Silence().spells(fu)) == [("engaged", 0, 310, "censored")]


def test_an_open_solution_that_nothing_confirms_is_flagged():
    fu = cohort(
        400,
        ada={"situations": [("employment", 60, None)]},
        bob={"situations": [("employment", 60, None)], "contacts": [300]},
    )
    text = said(Silence().spells(fu))
    assert (
        "1 person is in a solution without an end date that nothing has confirmed for more than 180 days"
        in text
    )
    assert "confirmed" not in said(Silence(unconfirmed_days=365).spells(fu))


# ---- exits ---------------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("code", ["moved", "administrative", "excluded", "death"])
def test_exits_within_the_silence_come_before_it(code):
    fu = cohort(400, ada={"contacts": [30], "situations": [(code, 100, None)]})
    assert stays(Silence().spells(fu)) == [("engaged", 0, 100, code)]


def test_an_exit_after_the_silence_ran_out_leaves_disengagement():
    fu = cohort(400, ada={"contacts": [30], "situations": [("moved", 200, None)]})
    assert stays(Silence().spells(fu)) == [("engaged", 0, 30, "disengaged"), ("disengaged", 30, 200, "moved")]


def test_who_comes_back_after_an_exit_opens_an_episode_and_is_counted():
    fu = cohort(500, ada={"contacts": [30, 300], "situations": [("moved", 60, 290)]})
    spells = Silence().spells(fu)
    assert stays(spells)[:2] == [("engaged", 0, 60, "moved"), ("engaged", 300, 300, "disengaged")]
    assert "1 person came back after a recorded exit" in said(spells)


def test_abandonment_and_silence_are_both_kept_and_the_earlier_ends_the_spell():
    fu = cohort(400, ada={"contacts": [30], "situations": [("abandoned", 60, None)]})
    dated_early, dated_late = Silence().spells(fu), THRESHOLD.spells(fu)
    assert stays(dated_early)[0] == ("engaged", 0, 30, "disengaged")
    assert stays(dated_late) == [("engaged", 0, 60, "abandoned")]
    first = dated_early.frame.iloc[0]
    assert (first["disengaged_on"], first["abandoned_on"]) == (date(30), date(60))
    assert dated_late.frame.iloc[0]["disengaged_on"] == date(120)


def test_a_decision_recorded_after_the_closing_day_is_not_told():
    fu = cohort(400, ada={"contacts": [80, 160, 240, 305], "situations": [("abandoned", 350, None)]})
    last = Silence().spells(fu).frame.iloc[0]
    assert (last["exit"], last["disengaged_on"]) == ("disengaged", date(305))
    assert pd.isna(last["abandoned_on"])


def test_abandoned_on_the_day_of_the_last_contact_the_decision_counts():
    fu = cohort(400, ada={"contacts": [60], "situations": [("abandoned", 60, None)]})
    assert stays(Silence().spells(fu)) == [("engaged", 0, 60, "abandoned")]


def test_abandoned_then_seen_again_soon_is_an_abandonment_and_a_return():
    fu = cohort(400, ada={"contacts": [30, 80, 160, 240, 320], "situations": [("abandoned", 60, None)]})
    assert stays(Silence().spells(fu)) == [("engaged", 0, 60, "abandoned"), ("engaged", 80, 310, "censored")]


def test_an_unknown_situation_is_an_exit_of_its_own():
    fu = cohort(400, ada={"contacts": [30], "situations": [("unknown", 60, None)]})
    assert stays(Silence().spells(fu)) == [("engaged", 0, 60, "unknown")]


def test_an_unknown_situation_of_somebody_in_contact_is_no_exit():
    fu = cohort(400, ada={"contacts": [30, 100, 180, 260, 340], "situations": [("unknown", 60, None)]})
    assert stays(Silence().spells(fu)) == [("engaged", 0, 310, "censored")]


def test_an_unknown_situation_that_a_later_one_explains_is_no_exit():
    fu = cohort(400, ada={"contacts": [30], "situations": [("unknown", 60, 80), ("training", 80, None)]})
    assert stays(Silence().spells(fu))[0] == ("engaged", 0, 80, "training")


def test_an_unknown_situation_after_the_silence_ran_out_changes_nothing():
    fu = cohort(400, ada={"contacts": [30], "situations": [("unknown", 200, None)]})
    assert stays(Silence().spells(fu))[0] == ("engaged", 0, 30, "disengaged")


def test_an_unknown_situation_after_a_solution_ends_it():
    fu = cohort(400, ada={"situations": [("employment", 30, 100), ("unknown", 100, None)]})
    assert stays(Silence().spells(fu)) == [("engaged", 0, 30, "employment"), ("solution", 30, 100, "unknown")]


# ---- appointments ----------------------------------------------------------------------------------------------------------
def test_an_appointment_booked_ahead_stops_the_count_until_its_date():
    """Booked on day 30 for day 150, because there is no earlier place: waiting is not disengaging."""
    fu = cohort(400, ada={"contacts": [30, 230, 320], "acts": [(150, "interview", "attended", 30)]})
    assert stays(Silence().spells(fu)) == [("engaged", 0, 310, "censored")]
    assert stays(Silence(booked="counts").spells(fu))[0] == ("engaged", 0, 30, "disengaged")
    assert "1 silence of more than 90 days is not counted" in said(Silence().spells(fu))


def test_a_no_show_ends_the_pause_and_the_count_starts_on_that_day():
    fu = cohort(400, ada={"contacts": [30], "acts": [(150, "interview", "absent", 30)]})
    assert stays(Silence().spells(fu))[0] == ("engaged", 0, 150, "disengaged")
    assert stays(THRESHOLD.spells(fu))[0] == ("engaged", 0, 240, "disengaged")


def test_an_appointment_booked_once_the_silence_ran_out_excuses_nothing():
    fu = cohort(400, ada={"contacts": [30], "acts": [(150, "interview", "absent", 140)]})
    assert stays(Silence().spells(fu))[0] == ("engaged", 0, 30, "disengaged")


def test_a_missed_appointment_without_a_day_of_booking_counts_if_the_silence_had_not_run_out():
    within = cohort(400, ada={"contacts": [30], "acts": [(100, "interview", "absent")]})
    beyond = cohort(400, ada={"contacts": [30], "acts": [(150, "interview", "absent")]})
    assert stays(Silence().spells(within))[0] == ("engaged", 0, 100, "disengaged")
    assert stays(Silence().spells(beyond))[0] == ("engaged", 0, 30, "disengaged")
    assert "1 appointment, ahead or missed, has no day of booking" in said(Silence().spells(within))


def test_an_appointment_still_ahead_is_taken_as_booked_at_the_contact_before():
    fu = cohort(400, ada={"contacts": [80, 160, 240], "acts": [(420, "interview", "planned")]})
    assert stays(THRESHOLD.spells(fu)) == [("engaged", 0, 400, "censored")]
    assert stays(Silence(dated_at="threshold", booked="counts").spells(fu))[0] == (
        "engaged",
        0,
        330,
        "disengaged",
    )


def test_an_appointment_still_ahead_excuses_no_silence_before_that_contact():
    fu = cohort(400, ada={"contacts": [150, 230, 310], "acts": [(420, "interview", "planned")]})
    assert stays(Silence().spells(fu))[0] == ("engaged", 0, 0, "disengaged")


def test_a_phone_call_is_no_appointment():
    fu = cohort(400, ada={"contacts": [30], "acts": [(100, "phone", "unanswered", "outgoing")]})
    assert stays(Silence().spells(fu))[0] == ("engaged", 0, 30, "disengaged")


def test_an_appointment_called_off_before_its_date_is_no_longer_ahead():
    fu = cohort(400, ada={"contacts": [80, 160, 240], "acts": [(420, "interview", "cancelled", 240)]})
    assert stays(THRESHOLD.spells(fu))[0] == ("engaged", 0, 330, "disengaged")
    assert Silence().contacts.tally(fu).tidy()["reason"].tolist() == ["attended", "not_reached"]


# ---- where everybody stands -----------------------------------------------------------------------------------------------
def test_today_says_where_each_stands_and_how_long_they_have_been_silent():
    fu = cohort(
        400,
        ada={"contacts": [80, 160, 240, 325]},
        bob={"contacts": [80]},
        cleo={"situations": [("employment", 60, None)]},
        dan={"situations": [("moved", 60, None)]},
        eve={"contacts": [80, 160, 240, 325], "acts": [(410, "interview", "planned")]},
    )
    now = Silence().today(fu).set_index("person")
    assert now["state"].fillna("gone").to_dict() == {
        "ada": "engaged",
        "bob": "disengaged",
        "cleo": "solution",
        "dan": "gone",
        "eve": "engaged",
    }
    assert now.loc[["ada", "bob", "eve"], "silent_days"].tolist() == [75, 320, 0]
    assert now["silent_days"].isna().sum() == 2
    assert now.loc["eve", "booked_until"] == date(410)
    assert now.loc["bob", "last_contact"] == date(80)


# ---- 60, 90 and 120 days beside each other ----------------------------------------------------------------------------------
def test_60_90_and_120_days_are_shown_beside_each_other():
    fu = cohort(
        400, ada={"contacts": [70, 140, 210, 280, 350]}, bob={}, zoe={"entered_on": 320, "contacts": [380]}
    )
    table = Silence().compare(fu).tidy().set_index("silence_days")
    assert list(table.index) == [60, 90, 120]
    assert table["n"].tolist() == [3, 2, 2]
    assert table["n_event"].tolist() == [2, 1, 1]
    assert table["n_missing"].tolist() == [0, 1, 1]
    assert table.loc[90, "share"] == 0.5


def test_the_comparison_can_be_made_by_site_and_a_missing_site_is_a_group():
    fu = cohort(400, ada={"site": "Est"}, bob={"site": "Centre", "contacts": [80]}, cleo={})
    table = Silence().compare(fu, by="site").tidy()
    assert table.loc[table["silence_days"] == 90, ["site", "n", "n_event"]].values.tolist() == [
        ["Centre", 1, 1],
        ["Est", 1, 1],
        ["missing", 1, 1],
    ]
    with pytest.raises(InputError, match="no column 'town'"):
        Silence().compare(fu, by="town")


def test_nobody_observed_long_enough_is_not_estimable():
    table = Silence().compare(cohort(80, ada={})).tidy()
    assert table["status"].tolist() == ["ok", "not_estimable", "not_estimable"]
    assert table["reason"].iloc[1] == "nobody is observed for long enough"
    assert table["share"].iloc[1:].isna().all()


# ---- the two clocks before entry --------------------------------------------------------------------------------------------
def test_the_wait_runs_from_spotting_to_the_interview_and_those_never_seen_stay_in():
    fu = cohort(
        400,
        ada={"spotted_on": -50},
        bob={"spotted_on": 0, "entered_on": None},
        cleo={"spotted_on": 0, "entered_on": None, "eliminated_on": 90, "eliminated_for": "not_reached"},
        dan={"spotted_on": 0, "entered_on": None, "eliminated_on": 90, "eliminated_for": "death"},
        eve={"spotted_on": 0},
        fay={"spotted_on": -90, "eliminated_on": -40, "eliminated_for": "not_reached"},
    )
    spells = Silence().spells(fu, clock="wait")
    assert stays(spells, "ada") == [("waiting", 0, 50, "interview")]
    assert stays(spells, "bob") == [("waiting", 0, 400, "censored")]
    assert stays(spells, "cleo") == [("waiting", 0, 90, "eliminated")]
    assert stays(spells, "dan") == [("waiting", 0, 90, "death")]
    assert stays(spells, "eve") == [("waiting", 0, 0, "interview")]
    # Given up on day 50, won back later: the wait had ended.
    assert stays(spells, "fay") == [("waiting", 0, 50, "eliminated")]


def test_an_attended_interview_before_entry_ends_the_wait():
    fu = cohort(400, ada={"spotted_on": 0, "entered_on": None, "contacts": [40]})
    assert stays(Silence().spells(fu, clock="wait")) == [("waiting", 0, 40, "interview")]


def test_wandering_runs_from_the_last_link_and_is_observed_from_spotting():
    fu = cohort(
        400,
        ada={"left_school_on": -500, "spotted_on": -50},
        bob={"left_school_on": -500, "spotted_on": -50, "contacts": [-200]},
        cleo={"left_school_on": -30, "spotted_on": -50},
    )
    spells = Silence().spells(fu, clock="wandering")
    assert stays(spells, "ada") == [("wandering", 450, 500, "interview")]
    assert stays(spells, "bob") == [("wandering", 150, 200, "interview")]
    assert stays(spells, "cleo") == [("wandering", 0, 30, "interview")]
    assert "delayed entry" in said(spells)


def test_wandering_leaves_out_and_counts_those_it_cannot_see():
    fu = cohort(
        400,
        ada={"left_school_on": -500, "spotted_on": -50},
        bob={"spotted_on": -50},
        cleo={"left_school_on": -500, "spotted_on": 0},
        dan={"left_school_on": 30, "spotted_on": -50},
    )
    spells = Silence().spells(fu, clock="wandering")
    assert set(spells.frame["person"]) == {"ada"}
    text = said(spells)
    assert "1 person has no date of leaving school and no contact before spotting" in text
    assert "1 person was spotted on the very day observation ends" in text
    assert "1 person was seen before leaving school" in text


def test_the_days_without_contact_before_entry_are_a_covariate():
    fu = cohort(400, ada={"acts": [(-200, "phone", "answered"), (-120, "phone", "answered")]}, bob={})
    frame = Silence().spells(fu).frame.drop_duplicates("person").set_index("person")
    assert frame.loc["ada", "gap_before_entry"] == 120
    assert frame["gap_before_entry"].isna()["bob"]


# ---- the rule is stated ------------------------------------------------------------------------------------------------------
def test_every_result_states_its_rule_in_both_languages():
    fu = cohort(400, ada={"contacts": [30]})
    summary = Silence(days=60, dated_at="threshold", booked="counts").spells(fu)
    assert "Décroché : 60 jours de suite sans contact" in summary.summary("fr")
    assert "waiting is silence too" in summary.summary("en")
    assert "jour où le silence a duré 60 jours" in summary.summary("fr")
    assert "From spotting" not in summary.summary("en")
    assert "Attente : du repérage" in Silence().in_words("fr", clock="wait")


def test_a_rule_that_cannot_be_is_refused_with_all_its_faults():
    with pytest.raises(InputError) as error:
        Silence(days=0, dated_at="never", booked="maybe", comparisons=(60, 1.5))
    assert len(error.value.faults) == 4
    for argument in ("days", "dated_at", "booked", "comparisons"):
        assert argument in str(error.value)


@pytest.mark.parametrize(
    ("contacts", "words"),
    [
        ({"interviw"}, "did you mean 'interview'"),
        ({"zzzzzz"}, "known: interview, workshop"),
        ({"case_conference"}, "contacts={'case_conference': 'exchange'}"),
    ],
)
def test_unknown_acts_in_the_rule_are_refused_when_it_meets_the_records(contacts, words):
    with pytest.raises(InputError, match=words.replace("{", r"\{").replace("}", r"\}")):
        Silence(contacts=contacts).contacts(cohort(400, ada={"contacts": [30]}))


@pytest.mark.parametrize("contacts", ["phone", set(), {"phone": "sometimes"}])
def test_a_rule_of_contact_that_cannot_be_is_refused_at_once(contacts):
    with pytest.raises(InputError, match="contacts"):
        Silence(contacts=contacts)


def test_an_unknown_clock_is_refused():
    with pytest.raises(InputError, match="clock"):
        Silence().spells(cohort(400, ada={}), clock="calendar")
