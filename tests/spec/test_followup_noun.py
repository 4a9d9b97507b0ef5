"""The follow-up itself: its repr and notes, where everyone stands on a day, writing, equality, and the examples."""

import dataclasses
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest

from evalkit import FollowUp, Silence
from evalkit.disclosure import Policy
from evalkit.errors import InputError
from evalkit.provenance import Provenance
from evalkit.vocabulary import Vocabulary

ROOT = Path(__file__).resolve().parents[2]
AS_OF = "2011-09-30"

PEOPLE = pd.DataFrame({
    "person": ["kept", "gone", "dead", "out", "late", "left"],
    "site": ["Est", "Est", "Centre", "Centre", "Est", "Est"],
    "spotted_on": ["2011-01-01", "2011-01-01", "2011-01-01", "2011-01-01", "2011-05-01", "2011-01-01"],
    "entered_on": ["2011-02-01", "2011-02-01", "2011-02-01", None, None, "2011-02-01"],
    "eliminated_on": [None, None, None, "2011-03-01", None, None],
    "eliminated_for": [None, None, None, "refused", None, None],
    "observed_until": [None, None, None, None, None, "2011-03-15"],
})  # fmt: skip
SITUATIONS = pd.DataFrame(
    [
        ("kept", None, "En suivi", "2011-02-01", "2011-03-10"),
        ("kept", None, "Emploi", "2011-03-10", None),
        ("kept", "Référent", "R1", "2011-02-01", "2011-03-01"),
        ("kept", "Référent", "R2", "2011-03-01", None),
        ("kept", "co-accompagnement", "Club", "2011-03-20", None),
        ("gone", None, "Déménagement", "2011-03-01", None),
        ("gone", "Référent", "R1", "2011-02-01", None),
        ("dead", None, "Décès", "2011-03-05", "2011-03-05"),
        ("left", None, "En suivi", "2011-02-01", None),
    ],
    columns=["person", "track", "state", "start", "end"],
)


@pytest.fixture
def fu():
    return FollowUp.from_frames(PEOPLE, situations=SITUATIONS, as_of=AS_OF)


# ---- on a day -----------------------------------------------------------------------------------------------------------
def standing(fu, day):
    return fu.at(day).tidy().set_index("person")


def test_each_stands_where_the_records_put_them(fu):
    at = standing(fu, "2011-03-10")
    assert at["phase"].to_dict() == {
        "kept": "entered", "gone": "exited", "dead": "exited", "out": "eliminated", "late": "not_yet", "left": "entered",
    }  # fmt: skip
    assert at.loc["kept", ["situation", "situation_class", "referent", "co_accompaniment"]].tolist() == [
        "employment", "solution", "R2", None,
    ]  # fmt: skip
    assert at.loc["kept", "since"] == pd.Timestamp("2011-03-10")
    assert at.loc["dead", "situation"] == "death"


def test_a_situation_holds_from_its_first_day_to_the_eve_of_its_end(fu):
    assert standing(fu, "2011-03-09").loc["kept", "situation"] == "follow_up"
    assert standing(fu, "2011-02-28").loc["kept", "referent"] == "R1"
    assert standing(fu, "2011-03-20").loc["kept", "co_accompaniment"] == "Club"


def test_a_death_holds_for_good_and_exits_end_the_links(fu):
    at = standing(fu, AS_OF)
    assert at.loc["dead", ["phase", "situation"]].tolist() == ["exited", "death"]
    assert at.loc["gone", "referent"] is None


def test_nobody_is_told_of_outside_their_observation(fu):
    assert standing(fu, "2011-03-15").loc["left", "phase"] == "entered"
    assert standing(fu, "2011-03-16").loc["left", ["phase", "situation"]].tolist() == ["not_observed", None]
    assert standing(fu, "2011-01-15").loc["kept", "phase"] == "spotted"
    assert standing(fu, "2011-01-15").loc["late", "phase"] == "not_yet"


@pytest.mark.parametrize("day", ["2010-12-31", "2011-10-01"])
def test_a_day_outside_the_records_is_refused(fu, day):
    with pytest.raises(InputError, match=r"which run from 1 January 2011 to 30 September 2011"):
        fu.at(day)


def test_a_day_that_is_no_date_is_refused(fu):
    with pytest.raises(InputError, match="is not a date"):
        fu.at("soon")


def test_what_is_not_known_of_a_day_is_a_caveat():
    people = pd.DataFrame(
        {"person": ["a", "b"], "entered_on": ["2011-01-01", None], "eliminated_for": [None, "refused"]}
    )
    said = FollowUp.from_frames(people, as_of=AS_OF).at(AS_OF).summary("en")
    assert "1 person who had entered has no known situation on that day." in said
    assert "1 person was eliminated without a date: counted as eliminated whatever the day." in said


def test_people_without_dates_are_undated():
    fu = FollowUp.from_frames(
        pd.DataFrame({"person": ["a"]}), pd.DataFrame({"person": ["a"], "date": ["2011-01-01"]}), as_of=AS_OF
    )
    assert standing(fu, AS_OF).loc["a", "phase"] == "undated"


def test_published_it_is_counts_and_never_people():
    n = 15
    people = pd.DataFrame({"person": [f"p{i}" for i in range(n)], "entered_on": ["2011-02-01"] * n})
    situations = pd.DataFrame(
        {"person": people["person"], "state": ["Emploi"] * 12 + ["Formation"] * 3, "start": "2011-02-01"}
    )
    at = FollowUp.from_frames(people, situations=situations, as_of=AS_OF).at(AS_OF)
    table = at.publish(Policy()).tidy()
    assert list(table.columns) == ["part", "term", "count", "status"]
    assert table.set_index("term")["status"].to_dict() == {"employment": "ok", "training": "suppressed"}
    assert "p1" not in at.publish(Policy()).summary("fr")


def test_it_reads_in_french(fu):
    said = fu.at("2011-03-10").summary("fr")
    for word in (
        "Où en est chacun le 10 mars 2011",
        "entré",
        "écarté",
        "sorti",
        "Emploi",
        "en solution",
        "Référent",
        "oui",
    ):
        assert word in said


# ---- the noun -----------------------------------------------------------------------------------------------------------
def test_it_says_what_it_holds_and_how_it_was_read(fu):
    assert repr(fu) == "FollowUp: 6 people, 0 acts, 9 situations, closed on 30 September 2011"
    assert fu.summary("fr").startswith("Tableau de bord")
    assert "columns recognised: person, track, state, start and end" in fu.summary("en")


def test_a_follow_up_made_by_hand_must_have_its_shape(fu):
    with pytest.raises(InputError, match="events: kind missing"):
        FollowUp(fu.people, fu.events.drop(columns="kind"), fu.situations, fu.as_of)
    with pytest.raises(InputError, match="holds no dates"):
        FollowUp(fu.people.assign(entered_on="2011-01-01"), fu.events, fu.situations, fu.as_of)


def test_it_gives_spells(fu):
    assert fu.spells().frame.equals(Silence().spells(fu).frame)
    assert set(fu.spells(Silence(days=60), clock="wait").frame["person"]) <= set(fu.people["person"])


def test_equality_sees_every_difference(fu):
    def other(**changes):
        given = dict(people=PEOPLE, situations=SITUATIONS, as_of=AS_OF) | changes
        return FollowUp.from_frames(**given)

    assert fu.equals(other())
    assert not fu.equals(other(as_of="2011-10-01"))
    assert not fu.equals(other(people=PEOPLE.assign(site="Est")))
    assert not fu.equals(other(people=PEOPLE.assign(more=1)))
    assert not fu.equals(other(people=PEOPLE.assign(site=1), situations=SITUATIONS))
    assert not fu.equals(other(situations=SITUATIONS.iloc[1:]))
    assert not fu.equals(other(provenance=Provenance("simulated")))
    words = Vocabulary.of({"channel": {"train": {"fr": "Train", "en": "Train"}}})
    assert not fu.equals(other(vocabulary=words))


def test_equal_is_equals_and_nothing_else_is_equal(fu):
    assert fu == dataclasses.replace(fu, notes=())
    assert fu != dataclasses.replace(fu, as_of=fu.as_of + pd.Timedelta(days=1))
    assert fu != fu.people.shape
    with pytest.raises(TypeError, match="unhashable"):
        hash(fu)


def test_writing_beside_other_records_is_refused(fu, tmp_path):
    fu.write(tmp_path, "fr")
    fu.write(tmp_path, "fr")
    with pytest.raises(
        InputError, match=r"already holds other files of records \(evenements.csv and jeunes.csv\)"
    ):
        fu.write(tmp_path, "en")


def test_a_french_export_has_french_words_and_marks(fu, tmp_path):
    data = (fu.write(tmp_path, "fr") / "situations.csv").read_bytes()
    assert data.startswith(b"\xef\xbb\xbf")
    lines = data.decode("utf-8-sig").splitlines()
    assert lines[0] == "id_dossier;volet;categorie;date_debut;date_fin"
    assert "kept;Situation;Emploi;10/03/2011;" in lines


def test_a_free_name_spelled_as_a_code_stays_a_name(tmp_path):
    situations = pd.DataFrame(
        {
            "person": ["a", "a"],
            "track": ["scheme", None],
            "state": ["employment", "Emploi"],
            "start": "2011-01-01",
        }
    )
    fu = FollowUp.from_frames(pd.DataFrame({"person": ["a"]}), situations=situations, as_of=AS_OF)
    assert FollowUp.read(fu.write(tmp_path, "fr")).equals(fu)


def test_a_text_too_long_for_a_cell_is_refused_in_a_workbook_only(tmp_path):
    fu = FollowUp.from_frames(pd.DataFrame({"person": ["a"], "note": ["x" * 40_000]}), as_of=AS_OF)
    with pytest.raises(InputError, match="too long for a cell"):
        fu.write(tmp_path / "book.xlsx")
    assert FollowUp.read(fu.write(tmp_path / "folder")).equals(fu)


# ---- the examples -------------------------------------------------------------------------------------------------------
def test_the_committed_examples_are_the_generated_ones(tmp_path):
    subprocess.run([sys.executable, ROOT / "examples" / "make_dashboard.py", tmp_path], cwd=ROOT, check=True,
                   capture_output=True, env={"PYTHONPATH": str(ROOT)})  # fmt: skip
    for name in ("dashboard", "dashboard-later"):
        committed = sorted((ROOT / "examples" / name).iterdir())
        assert [p.name for p in committed] == sorted(p.name for p in (tmp_path / name).iterdir())
        for path in committed:
            assert path.read_bytes() == (tmp_path / name / path.name).read_bytes(), path.name


def test_the_examples_are_read_and_are_said_to_be_invented():
    earlier, later = (FollowUp.read(ROOT / "examples" / name) for name in ("dashboard", "dashboard-later"))
    assert earlier.provenance.kind == later.provenance.kind == "simulated"
    assert 110 <= len(earlier.people) < len(later.people) == 124
    assert set(earlier.people["person"]) < set(later.people["person"])
    assert earlier.people["site"].nunique() == 2
    assert "outcome" in later.events
    assert (later.events["date"] > later.as_of).any()
