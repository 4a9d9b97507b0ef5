"""Edges of the rules of time: empty records, new words, records nobody checked, what may be published, copies."""

import dataclasses
import pickle

import pandas as pd
import pytest
from spec.cohort import cohort, date, said, stays

from evalkit import Endpoint, FollowUp, Policy, Silence
from evalkit.errors import InputError
from evalkit.vocabulary import Vocabulary, standard


# ---- nothing there -----------------------------------------------------------------------------------------------------
def test_people_without_acts_or_situations():
    fu = FollowUp.from_frames(
        pd.DataFrame({"person": ["ada"], "entered_on": ["2010-06-01"]}), as_of="2011-09-30"
    )
    assert stays(fu.spells())[0] == ("engaged", 0, 0, "disengaged")
    assert Silence().contacts(fu).empty
    assert Silence().contacts.tally(fu).tidy().empty


NO_ACTS = {
    "fr": "Aucun acte n'est enregistré : rien ne distingue ici un jeune silencieux d'un jeune dont les actes manquent.",
    "en": "No act is recorded: nothing here tells a silent youth from one whose acts are missing.",
}


@pytest.mark.parametrize("lang", ["fr", "en"])
def test_silence_over_no_act_at_all_says_that_acts_may_be_missing(lang):
    people = pd.DataFrame({"person": ["ada"], "spotted_on": ["2010-05-01"], "entered_on": ["2010-06-01"]})
    none = FollowUp.from_frames(people, as_of="2011-09-30")
    acts = pd.DataFrame({"person": ["ada"], "date": ["2010-07-01"], "kind": ["interview"]})
    some = FollowUp.from_frames(people, acts, as_of="2011-09-30")
    for made in (
        lambda fu: [c.text(lang) for c in fu.spells().caveats],
        lambda fu: [c.text(lang) for c in fu.spells(clock="wandering").caveats],
        lambda fu: [c.text(lang) for c in Silence().compare(fu).caveats],
        lambda fu: [c[lang] for c in Silence().today(fu).attrs.get("caveats", ())],
    ):
        assert any(text.startswith(NO_ACTS[lang]) for text in made(none))
        assert not any(text.startswith(NO_ACTS[lang]) for text in made(some))


def test_a_silence_longer_than_a_century_is_refused_in_every_place():
    assert Silence(days=36_500).days == 36_500
    with pytest.raises(InputError) as error:
        Silence(days=10**6, comparisons=(60, 10**6), unconfirmed_days=10**6)
    assert str(error.value).count("a whole number of days from 1 to 36500, but was 1000000") == 3


@pytest.mark.parametrize(("given", "days"), [(90, 90), (0, 0), ("90", 90), (True, 90)])
def test_a_bare_number_of_days_is_no_rule(given, days):
    with pytest.raises(InputError, match=rf"write Silence\(days={days}\)"):
        cohort(400, ada={}).spells(given)


@pytest.mark.parametrize("clock", ["engagement", "wait", "wandering"])
def test_nobody_on_a_clock_is_said_and_is_no_crash(clock):
    fu = FollowUp.from_frames(pd.DataFrame({"person": ["ada"]}), as_of="2011-09-30")
    spells = fu.spells(Silence(), clock=clock)
    assert spells.n == 0
    assert "1 person has no date of" in said(spells)
    assert spells.to_result().tidy().empty
    with pytest.raises(InputError, match="nobody is ever in the state"):
        Endpoint("disengaged").of(spells)


def test_comparing_silences_when_nobody_entered_gives_no_row():
    assert Silence().compare(cohort(400, ada={"entered_on": None})).tidy().empty


def test_today_without_entrants_is_an_empty_table():
    now = Silence().today(cohort(400, ada={"entered_on": None}))
    assert list(now.columns) == [
        "person", "state", "last_contact", "silent_since", "silent_days", "booked_until",
    ]  # fmt: skip
    assert now.empty


# ---- new words change no Python ----------------------------------------------------------------------------------------
OWN = standard().extended(
    Vocabulary.of(
        {
            "status": {
                "mobility": {"fr": "Départ Erasmus", "en": "Left with Erasmus", "class": "exit"},
                "sport": {"fr": "Club", "en": "Club", "class": "solution"},
            },
            "act": {"street": {"fr": "Rencontre de rue", "en": "Met in the street", "class": "meeting"}},
            "outcome": {"chatted": {"fr": "A parlé", "en": "Talked", "class": "reached"}},
        }
    )
)


def test_a_new_exit_a_new_solution_and_a_new_act_are_taken_by_their_class():
    fu = FollowUp.from_frames(
        pd.DataFrame({"person": ["ada", "bob"], "entered_on": "2010-06-01"}),
        pd.DataFrame({"person": ["ada"], "date": [date(80)], "kind": ["Rencontre de rue"], "outcome": ["A parlé"]}),
        pd.DataFrame({
            "person": ["ada", "bob"], "track": "status", "state": ["mobility", "sport"], "start": [date(100), date(30)],
        }),
        as_of="2011-09-30",
        vocabulary=OWN,
    )  # fmt: skip
    spells = fu.spells()
    assert stays(spells, "ada") == [("engaged", 0, 100, "mobility")]
    assert stays(spells, "bob")[0] == ("engaged", 0, 30, "sport")
    tte = Endpoint("disengaged", competing=["solution", "exit"]).of(spells)
    assert tte.n_by_cause == {"censored": 0, "disengaged": 0, "solution": 1, "exit": 1}
    assert "Left with Erasmus" in spells.summary("en")


# ---- records nobody checked ----------------------------------------------------------------------------------------------
def unchecked(**changes):
    return dataclasses.replace(
        cohort(400, ada={"contacts": [30], "situations": [("training", 60, 90)]}), **changes
    )


def test_codes_outside_the_vocabulary_are_refused():
    fu = unchecked()
    with pytest.raises(
        InputError, match="events, outcome: 1 values are no code of the vocabulary \\('Présent'\\)"
    ):
        Silence().spells(unchecked(events=fu.events.assign(outcome="Présent")))
    with pytest.raises(InputError, match="situations, state: Formation not in the vocabulary"):
        Silence().spells(unchecked(situations=fu.situations.assign(state="Formation")))


def test_a_contact_after_death_is_a_history_that_cannot_be():
    fu = unchecked()
    fu = unchecked(situations=fu.situations.assign(state="death", start=date(20), end=pd.NaT))
    with pytest.raises(InputError, match="teleport: 1 times"):
        Silence().spells(fu)


# ---- what may be published --------------------------------------------------------------------------------------------------
def test_published_small_counts_are_hidden_with_their_days_and_in_sentences():
    people = {f"p{i:02d}": {"contacts": [80, 160]} for i in range(15)}
    fu = cohort(
        400, ada={"contacts": [80], "situations": [("moved", 100, None)]}, zoe={"entered_on": 380}, **people
    )
    result = fu.spells().to_result().publish()
    table = result.tidy().set_index(["state", "exit"])
    assert table.loc[("engaged", "moved"), ["count", "n", "days"]].isna().all()
    assert table.loc[("engaged", "disengaged"), "days"] == 15 * 160
    assert "fewer than 11 people entered less than 90 days" in said(result)
    assert "moins de 11 personnes sont entrées" in said(result, "fr")
    shown = fu.spells().to_result().publish(Policy(threshold=1, reason="test of the gate"))
    assert shown.tidy().set_index(["state", "exit"]).loc[("engaged", "moved"), "days"] == 100


def test_published_comparison_hides_small_groups():
    people = {f"p{i:02d}": {"contacts": [80, 160], "site": "Est"} for i in range(15)}
    fu = cohort(400, ada={"site": "Centre"}, **people)
    table = Silence().compare(fu, by="site").publish().tidy().set_index(["silence_days", "site"])
    assert table.loc[(90, "Centre"), ["n", "n_event", "days", "share", "estimate"]].isna().all()


# ---- values ------------------------------------------------------------------------------------------------------------------
def test_rules_and_endpoints_are_values():
    rule = Silence(contacts={"phone": "meeting"}, comparisons=[30, 60])
    assert pickle.loads(pickle.dumps(rule)) == rule
    assert dataclasses.replace(rule, days=60).contacts == rule.contacts
    assert Endpoint("disengaged", ["moved"]) == Endpoint("disengaged", competing=("moved",))
    with pytest.raises(dataclasses.FrozenInstanceError):
        rule.days = 3


def test_nothing_given_is_changed():
    fu = cohort(400, ada={"contacts": [30], "site": "Est", "tracks": [("referent", "Mme A", 10, None)]})
    before = {t: getattr(fu, t).copy() for t in ("people", "events", "situations")}
    for clock in ("engagement", "wait", "wandering"):
        fu.spells(Silence(), clock=clock)
    spells = fu.spells()
    frame = spells.frame.copy()
    spells.split_by("referent").landmark(10)
    Endpoint("disengaged").of(spells)
    for table, kept in before.items():
        pd.testing.assert_frame_equal(getattr(fu, table), kept)
    pd.testing.assert_frame_equal(spells.frame, frame)


def test_age_at_entry_comes_from_the_date_of_birth_when_it_is_not_given():
    fu = cohort(400, ada={"birth_date": ENTRY_17, "spotted_on": -30})
    assert fu.spells().frame["age_at_entry"].iloc[0] == pytest.approx(17, abs=0.01)
    assert fu.spells(Silence(), clock="wait").frame["age_at_spotting"].iloc[0] == pytest.approx(
        16.92, abs=0.01
    )


ENTRY_17 = pd.Timestamp("1993-06-01")


def test_the_entry_route_is_not_told_to_the_clocks_before_entry():
    fu = cohort(400, ada={"spotted_on": -30, "entry_route": "reactivation", "site": "Est"})
    assert "entry_route" in fu.spells().frame
    waiting = fu.spells(Silence(), clock="wait")
    assert "entry_route" not in waiting.frame
    assert "site" in waiting.known_at_origin
