"""Spells: histories that can be, cut where something changes, looked at on a day; and the four flaws of those that cannot."""

import re

import pandas as pd
import pytest
from spec.cohort import cohort, date, stays

from evalkit import Silence, Spells
from evalkit.errors import InputError
from evalkit.spells import pseudonym


def spells(*rows, **fields):
    """Make spells from (person, episode, state, start, stop, exit)."""
    frame = pd.DataFrame(rows, columns=["person", "episode", "state", "start", "stop", "exit"])
    return Spells(frame.assign(origin=date(0)), **fields)


def flaws(*rows):
    """Return the names of the flaws found and the whole message."""
    with pytest.raises(InputError) as error:
        spells(*rows)
    return [f.key.split(".")[1] for f in error.value.faults], str(error.value)


# ---- histories that can be -------------------------------------------------------------------------------------------------
def test_an_open_spell_is_censored_and_kept():
    sp = spells(("ada", 0, "engaged", 0, 310, "censored"))
    assert sp.n == 1
    assert repr(sp) == "Spells: 1 people, 1 rows, engagement clock (1 censored)"


def test_rows_are_put_in_order():
    sp = spells(("ada", 0, "solution", 60, 310, "censored"), ("ada", 0, "engaged", 0, 60, "training"))
    assert [row[0] for row in stays(sp)] == ["engaged", "solution"]


@pytest.mark.parametrize(
    "rows",
    [
        [("ada", 0, "engaged", 0, 0, "disengaged")],
        [("ada", 0, "engaged", 0, 0, "censored")],
        [
            ("ada", 0, "engaged", 0, 60, "training"),
            ("ada", 0, "solution", 60, 90, "follow_up"),
            ("ada", 0, "engaged", 90, 90, "disengaged"),
        ],
        [("ada", 0, "engaged", 0, 60, "moved"), ("ada", 1, "engaged", 200, 210, "censored")],
        [("ada", 0, "engaged", 0, 30, "graduated")],
    ],
)
def test_histories_that_can_be(rows):
    assert len(spells(*rows).frame) == len(rows)


# ---- the four flaws ----------------------------------------------------------------------------------------------------------
def test_overlap_the_same_days_twice_in_a_state():
    found, text = flaws(("ada", 0, "engaged", 0, 60, ""), ("ada", 0, "engaged", 50, 90, "censored"))
    assert found == ["overlap"]
    assert pseudonym("ada") in text


def test_overlap_is_seen_against_every_earlier_row():
    found, text = flaws(
        ("ada", 0, "engaged", 0, 200, ""),
        ("ada", 0, "engaged", 10, 20, ""),
        ("ada", 0, "engaged", 30, 40, "censored"),
    )
    assert "overlap" in found
    assert "overlap: 2 spells" in text


def test_gap_days_missing_inside_an_episode():
    assert flaws(("ada", 0, "engaged", 0, 60, ""), ("ada", 0, "engaged", 70, 90, "censored"))[0] == ["gap"]
    assert flaws(("ada", 0, "engaged", 0, 60, "training"), ("ada", 0, "solution", 70, 90, "censored"))[0] == [
        "gap"
    ]


def test_jump_the_state_changes_without_the_exit_saying_so():
    found, _ = flaws(("ada", 0, "engaged", 0, 60, "illness"), ("ada", 0, "solution", 60, 90, "censored"))
    assert found == ["jump"]
    assert flaws(("ada", 0, "engaged", 0, 60, ""), ("ada", 0, "solution", 60, 90, "censored"))[0] == ["jump"]


@pytest.mark.parametrize(
    "rows",
    [
        # two places at once
        [("ada", 0, "engaged", 0, 60, "training"), ("ada", 0, "solution", 40, 90, "censored")],
        # going on after the end of observation, of an episode, of a life
        [("ada", 0, "engaged", 0, 60, "censored"), ("ada", 0, "engaged", 60, 90, "censored")],
        [("ada", 0, "engaged", 0, 60, "moved"), ("ada", 0, "engaged", 60, 90, "censored")],
        [("ada", 0, "engaged", 0, 60, "death"), ("ada", 1, "engaged", 70, 90, "censored")],
    ],
)
def test_teleport_two_places_at_once_or_on_after_the_end(rows):
    assert flaws(*rows)[0] == ["teleport"]


def test_all_flaws_are_told_at_once_with_counts_and_pseudonyms():
    found, text = flaws(
        ("ada", 0, "engaged", 0, 60, ""), ("ada", 0, "engaged", 50, 90, "censored"),
        ("bob", 0, "engaged", 0, 60, ""), ("bob", 0, "engaged", 70, 90, "censored"),
        ("cleo", 0, "engaged", 0, 60, "illness"), ("cleo", 0, "solution", 60, 90, "censored"),
        ("dan", 0, "engaged", 0, 60, "death"), ("dan", 1, "engaged", 70, 90, "censored"),
    )  # fmt: skip
    assert found == ["overlap", "gap", "jump", "teleport"]
    assert text.count("1 people") == 4
    assert not re.search("ada|bob|cleo", text)


def test_times_that_cannot_be_are_refused_before_flaws_are_looked_for():
    found, _ = flaws(
        ("ada", 0, "engaged", 60, 30, "censored"),
        ("bob", 0, "engaged", -1, 30, "censored"),
        ("cleo", 0, "engaged", 0, 30.5, "censored"),
        ("dan", 0, "engaged", 0, 30, ""),
        ("dan", 0, "engaged", 30, 30, "disengaged"),
    )
    assert found == ["not_whole_days", "end_before_start", "no_length"]


def test_a_person_has_one_origin():
    rows = pd.DataFrame(
        [("ada", 0, "engaged", 0, 60, "moved"), ("ada", 1, "engaged", 80, 90, "censored")],
        columns=["person", "episode", "state", "start", "stop", "exit"],
    )
    with pytest.raises(InputError, match="do not have the origin of the person's other spells"):
        Spells(rows.assign(origin=[date(0), date(1)]))


def test_a_frame_without_a_column_and_an_unknown_clock_are_refused():
    with pytest.raises(InputError, match="no column state, start"):
        Spells(pd.DataFrame({"person": ["ada"], "episode": [0]}))
    with pytest.raises(InputError, match="clock"):
        spells(("ada", 0, "engaged", 0, 30, "censored"), clock="monday")


# ---- cutting -----------------------------------------------------------------------------------------------------------------
def test_split_at_days():
    sp = spells(("ada", 0, "engaged", 0, 100, "disengaged")).split_at([30, 60, 100, 400])
    assert stays(sp) == [("engaged", 0, 30, ""), ("engaged", 30, 60, ""), ("engaged", 60, 100, "disengaged")]
    assert sp.frame["period"].tolist() == [0, 1, 2]


def test_split_at_dates_for_a_change_of_policy():
    """The referents were named on one date, which is another day for each youth."""
    fu = cohort(400, ada={"contacts": [80, 160]}, bob={"entered_on": 40, "contacts": [120, 200]})
    sp = fu.spells().split_at([date(100)], name="with_referents")
    assert stays(sp, "ada")[:2] == [("engaged", 0, 100, ""), ("engaged", 100, 160, "disengaged")]
    assert stays(sp, "bob")[:2] == [("engaged", 0, 60, ""), ("engaged", 60, 160, "disengaged")]
    assert sp.frame.loc[sp.frame["person"] == "bob", "with_referents"].tolist()[:2] == [0, 1]


@pytest.mark.parametrize("cuts", [[30, "2011-01-01"], ["no date"], [float("nan")]])
def test_cuts_that_are_neither_days_nor_dates_are_refused(cuts):
    with pytest.raises(InputError, match="cuts"):
        spells(("ada", 0, "engaged", 0, 100, "disengaged")).split_at(cuts)


@pytest.mark.parametrize("cut", [date(30), f"{date(30):%Y-%m-%d}", 30, 30.0])
def test_one_cut_alone_is_a_number_or_a_date(cut):
    fu = cohort(400, ada={"contacts": [50, 100]})
    assert fu.spells().split_at(cut).frame.equals(fu.spells().split_at([30]).frame)


def test_a_cut_before_the_origin_is_refused():
    with pytest.raises(InputError, match=r"must be 0 or more, but were \[10, -5\]"):
        spells(("ada", 0, "engaged", 0, 100, "disengaged")).split_at([10, -5])


def test_split_by_a_track_says_what_held_from_the_start_of_each_row():
    fu = cohort(
        400,
        ada={"contacts": [80, 160], "tracks": [("co_accompaniment", "Club X", 30, 120)]},
        bob={"contacts": [80]},
    )
    frame = fu.spells().split_by("co_accompaniment").frame
    ada = frame[(frame["person"] == "ada") & (frame["state"] == "engaged")]
    assert ada[["start", "stop", "co_accompaniment"]].values.tolist() == [
        [0, 30, False],
        [30, 120, True],
        [120, 160, False],
    ]
    assert ada["co_accompaniment_with"].fillna("nobody").tolist() == ["nobody", "Club X", "nobody"]
    assert not frame.loc[frame["person"] == "bob", "co_accompaniment"].any()


def test_a_row_never_knows_its_own_future():
    """A change on the very day a stay ends is not told to that stay."""
    fu = cohort(400, ada={"contacts": [80], "tracks": [("referent", "Mme A", 80, None)]})
    frame = fu.spells().split_by("referent").frame
    assert frame.loc[frame["state"] == "engaged", "referent"].tolist() == [False]


def test_split_by_status_tells_job_seekers_from_project_phases():
    fu = cohort(
        400,
        ada={"contacts": [80, 160], "situations": [("project", 20, 100), ("jobseeker", 100, None)]},
    )
    frame = fu.spells().split_by("status").frame
    engaged = frame[frame["state"] == "engaged"]
    assert engaged["status"].fillna("none").tolist() == ["none", "project", "jobseeker"]


def test_an_unknown_track_is_refused_with_those_there_are():
    fu = cohort(400, ada={"tracks": [("referent", "Mme A", 80, None)]})
    with pytest.raises(InputError, match="no 'referant' in the records; there are: referent"):
        fu.spells().split_by("referant")


def test_cutting_changes_neither_transitions_nor_days():
    fu = cohort(
        400, ada={"contacts": [80, 160], "tracks": [("referent", "Mme A", 40, 90)]}, bob={"contacts": [30]}
    )
    whole = fu.spells()
    cut = whole.split_by("referent").split_at([10, 50, 99])
    assert len(cut.frame) > len(whole.frame)
    pd.testing.assert_frame_equal(whole.to_result().tidy(), cut.to_result().tidy())


# ---- landmark ----------------------------------------------------------------------------------------------------------------
LANDMARK = {
    "ada": {"contacts": [80, 160], "tracks": [("co_accompaniment", "Club X", 30, 120)]},
    "bob": {"contacts": [80, 160, 240], "tracks": [("co_accompaniment", "Club Y", 110, None)]},
    "cleo": {"contacts": [40]},
}


def test_landmark_keeps_those_still_at_risk_with_what_was_known_of_them_on_that_day():
    sp = cohort(400, **LANDMARK).spells().landmark(100)
    engaged = sp.frame[sp.frame["state"] == "engaged"].set_index("person")
    assert engaged[["start", "stop"]].values.tolist() == [[100, 160], [100, 240]]
    assert engaged["co_accompaniment"].to_dict() == {"ada": True, "bob": False}
    assert "2 people still at risk on that day" in sp.caveats[-1].text("en")
    assert "1 others" in sp.caveats[-1].text("en")
    assert "still counted from the original origin" in sp.caveats[-1].text("en")


def test_landmark_may_count_from_its_own_day():
    sp = cohort(400, **LANDMARK).spells().landmark(100, origin="shifted")
    assert stays(sp, "ada")[0] == ("engaged", 0, 60, "disengaged")
    assert sp.frame["origin"].unique().tolist() == [date(100)]
    assert "à partir de" not in sp.caveats[-1].text("fr")
    assert "comptées depuis ce jour" in sp.caveats[-1].text("fr")


def test_landmark_does_not_keep_who_leaves_on_that_day():
    fu = cohort(400, ada={"contacts": [80, 100]}, bob={"contacts": [80, 101]})
    assert set(fu.spells().landmark(100).frame["person"]) == {"bob"}


@pytest.mark.parametrize(("day", "origin"), [(-1, "kept"), (10.5, "kept"), (10, "moved")])
def test_a_landmark_that_cannot_be_is_refused(day, origin):
    with pytest.raises(InputError):
        cohort(400, **LANDMARK).spells().landmark(day, origin=origin)


# ---- covariates ----------------------------------------------------------------------------------------------------------------
def test_a_landmark_at_which_nobody_is_left_is_refused_with_the_last_day():
    sp = spells(("ada", 0, "engaged", 0, 40, "employment"), ("ada", 0, "solution", 40, 100, "censored"))
    assert sp.landmark(39).n == 1
    with pytest.raises(
        InputError, match="nobody is at risk on day 40; the last day at risk of anybody is day 39"
    ):
        sp.landmark(40)


def test_what_is_known_at_the_origin_and_what_came_later_are_told_apart():
    fu = cohort(400, ada={"site": "Est", "sex": "F", "birth_date": None, "referent": "Mme A"})
    sp = fu.spells()
    assert {"site", "sex", "gap_before_entry"} <= sp.known_at_origin
    assert sp.acquired == {"referent"}
    assert sp.without("referent").acquired == frozenset()


def test_covariates_can_be_added_if_one_says_when_they_were_known():
    sp = cohort(400, ada={}, bob={}).spells()
    more = pd.DataFrame({"person": ["ada", "bob"], "motivated": [1, 0]})
    assert "motivated" in sp.with_covariates(more, known_at_origin=True).known_at_origin
    assert "motivated" in sp.with_covariates(more, known_at_origin=False).acquired
    with pytest.raises(InputError, match="one row per person"):
        sp.with_covariates(pd.concat([more, more]), known_at_origin=True)
    with pytest.raises(InputError, match="stop cannot be replaced"):
        sp.with_covariates(more.assign(stop=3), known_at_origin=True)
    with pytest.raises(InputError, match="no covariate town"):
        sp.without("town")


def test_landmark_leaves_out_what_came_later_without_a_date():
    sp = cohort(400, ada={"contacts": [80, 160], "referent": "Mme A"}).spells().landmark(50)
    assert "referent" not in sp.frame
    assert "unknown on day 50 and left out: referent" in sp.caveats[-1].text("en")


# ---- what it says ----------------------------------------------------------------------------------------------------------------
def test_the_summary_counts_stays_people_and_days_in_both_languages():
    sp = cohort(500, ada={"contacts": [30, 200, 230]}, bob={"contacts": [30]}).spells()
    table = sp.to_result().tidy().set_index(["state", "exit"])
    assert table.loc[("engaged", "disengaged"), ["count", "n", "days"]].tolist() == [3, 2, 90]
    assert table.loc[("disengaged", "reengaged"), "days"] == 170
    assert "Accompagné" in sp.summary("fr")
    assert "Contact resumed" in sp.summary("en")
    assert "Contact resumed" in sp._repr_html_()


def test_transitions_count_each_way_out_of_each_state():
    sp = cohort(500, ada={"contacts": [30, 200, 230]}).spells()
    counts = sp.transitions().set_index(["state", "exit"])["spells"].to_dict()
    assert counts == {
        ("engaged", "disengaged"): 2,
        ("disengaged", "reengaged"): 1,
        ("disengaged", "censored"): 1,
    }


def test_a_silence_rule_travels_with_its_spells():
    sp = Silence(days=60).spells(cohort(400, ada={}))
    assert any("60 days in a row" in m.text("en") for m in sp.rule)
    assert sp.provenance.kind == "records"
