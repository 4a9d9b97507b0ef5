"""What a dashboard may not say: each contradiction is refused with its place, all at once, in both languages."""

import pandas as pd
import pytest

from evalkit import FollowUp
from evalkit.errors import InputError

AS_OF = "2011-09-30"
PEOPLE = "person\n1\n2\n"


@pytest.fixture
def refusal(tmp_path):
    """Return the faults that files are refused with."""

    def refuse(people=PEOPLE, events=None, situations=None, **more):
        for name, content in {"people": people, "events": events, "situations": situations}.items():
            if content is not None:
                data = content if isinstance(content, bytes) else content.encode()
                (tmp_path / f"{name}.csv").write_bytes(data)
        with pytest.raises(InputError) as refused:
            FollowUp.read(tmp_path, AS_OF, **more)
        assert refused.value.render("fr") != refused.value.render("en")
        return refused.value.faults

    return refuse


def facts(faults):
    """Return each fault as (kind, file, line, column, value, count)."""
    return [(f.key.removeprefix("records."), f.file, f.line, f.column, f.value, f.count) for f in faults]


def plain(text):
    """Return a text with ordinary blanks, as one types it."""
    return text.replace("\u00a0", " ").replace("\u202f", " ")


# ---- what follows from a refused row is no fault of its own -----------------------------------------------------------------
def test_when_every_row_of_people_is_refused_nothing_else_is_said_of_them(refusal):
    faults = refusal(people="person,x\n1,12,5\n2,13,5\n", events="person,date\n1,2011-01-01\n2,hier\n")
    assert [f[:3] for f in facts(faults)] == [
        ("ragged", P, 2), ("ragged", P, 3), ("date_unreadable", E, 3),
    ]  # fmt: skip


def test_acts_of_a_person_whose_row_is_refused_are_counted_once(refusal):
    faults = refusal(
        people="person,x\n0001,12\n0003,12,5\n",
        events="person,date\n0003,2011-01-01\n0001,2011-01-01\n0003,2011-02-01\n0007,2011-02-01\n",
        situations="person,state,start\n0003,Emploi,2011-01-01\n",
    )
    assert facts(faults) == [
        ("ragged", P, 3, None, None, 1),
        ("person_refused", E, 2, "person", None, 2),
        ("unknown_person", E, 5, "person", "0007", 1),
        ("person_refused", S, 2, "person", None, 1),
    ]
    assert "dont la propre ligne est refusée" in faults[1].render("fr")


def test_frames_and_sheets_have_rows_and_text_files_lines(refusal):
    twice = pd.DataFrame({"person": ["1", "1"]})
    acts = pd.DataFrame({"person": ["1", "9", "9"], "date": "2011-01-01"})
    with pytest.raises(InputError) as error:
        FollowUp.from_frames(twice, acts, as_of=AS_OF)
    assert "row 1, column “person”: “1” is already on row 0" in error.value.render("en")
    assert "is not in the table of people (2 times: rows 1 and 2)" in error.value.render("en")
    assert "figure déjà ligne 0" in error.value.render("fr")
    assert "“1” is already on line 2" in refusal(people="person\n1\n1\n")[0].render("en")


# ---- every row of this table is one refusal -------------------------------------------------------------------------------
P, E, S = "people.csv", "events.csv", "situations.csv"
CASES = {
    "a person twice": (dict(people="person\n1\n\n1\n"), ("duplicate_person", P, 4, "person", None, 1)),
    "a row without a person": (dict(people="person,site\n1,A\n ,B\n"), ("blank", P, 3, "person", None, 1)),
    "a number the spreadsheet rounded": (dict(people='person;site\n1,23E+12;A\n'), ("id_rounded", P, 2, "person", "1,23E+12", 1)),
    "nobody": (dict(people="person,site\n"), ("nobody", P, None, None, None, 1)),
    "an act of nobody": (dict(events="person,date\n3,2011-01-01\n"), ("unknown_person", E, 2, "person", "3", 1)),
    "an act without a day": (dict(events="person,date\n1,\n"), ("blank", E, 2, "date", None, 1)),
    "no date": (dict(events="person,date\n1,hier\n"), ("date_unreadable", E, 2, "date", "hier", 1)),
    "a day that does not exist": (dict(events="person,date\n1,30/02/2011\n"), ("date_impossible", E, 2, "date", "30/02/2011", 1)),
    "month before day": (dict(events="person,date\n1,02/13/2011\n"), ("date_us", E, 2, "date", "02/13/2011", 1)),
    "a year of two digits": (dict(events="person,date\n1,01/02/11\n"), ("date_short_year", E, 2, "date", "01/02/11", 1)),
    "an Excel day number": (dict(events="person,date\n1,40575\n"), ("date_serial", E, 2, "date", "40575", 1)),
    "a placeholder": (dict(situations="person,state,start,end\n1,Emploi,2011-01-01,31/12/9999\n"),
                      ("date_far", S, 2, "end", "31/12/9999", 1)),
    "an unknown code": (dict(people="person,channel\n1,prevension\n"), ("unknown_code", P, 2, "channel", "prevension", 1)),
    "a situation without a name": (dict(situations="person,state,start\n1,,2011-01-01\n"), ("blank", S, 2, "state", None, 1)),
    "an unknown situation": (dict(situations="person,state,start\n1,Chômage long,2011-01-01\n"),
                             ("unknown_code", S, 2, "state", "Chômage long", 1)),
    "a track nearly known": (dict(situations="person,track,state,start\n1,co-acompagnement,X,2011-01-01\n"),
                             ("track_near", S, 2, "track", "co-acompagnement", 1)),
    "an age in words": (dict(people="person,age\n1,dix-sept\n"), ("number_unreadable", P, 2, "age", "dix-sept", 1)),
    "an age no one has": (dict(people="person,age\n1,170\n"), ("age", P, 2, "age", "170", 1)),
    "a contact after the closing day": (dict(events="person,date,type,outcome\n1,2011-12-01,Entretien,Présent\n"),
                                        ("event_after_as_of", E, 2, "date", None, 1)),
    "an act after it, outcome unsaid": (dict(events="person,date\n1,2011-10-01\n"), ("event_after_as_of", E, 2, "date", None, 1)),
    "booked after the day it is for": (dict(events="person,date,statut,booked_on\n1,2011-02-01,Présent,2011-02-02\n"),
                                       ("booked_after", E, 2, "booked_on", None, 1)),
    "booked after the closing day": (dict(events="person,date,statut,booked_on\n1,2011-12-01,Planifié,2011-11-01\n"),
                                     ("after_as_of", E, 2, "booked_on", None, 1)),
    "entered after it": (dict(people="person,entered_on\n1,2011-10-01\n"), ("after_as_of", P, 2, "entered_on", None, 1)),
    "observed after it": (dict(people="person,observed_until\n1,2011-10-01\n"), ("after_as_of", P, 2, "observed_until", None, 1)),
    "a situation after it": (dict(situations="person,state,start\n1,Emploi,2011-10-01\n"),
                             ("situation_after_as_of", S, 2, "start", None, 1)),
    "confirmed after it": (dict(situations="person,state,start,confirmed_on\n1,Emploi,2011-01-01,2011-10-01\n"),
                           ("after_as_of", S, 2, "confirmed_on", None, 1)),
    "an end before its start": (dict(situations="person,state,start,end\n1,Emploi,2011-03-01,2011-02-01\n"),
                                ("end_before_start", S, 2, "end", None, 1)),
    "confirmed before it began": (dict(situations="person,state,start,confirmed_on\n1,Emploi,2011-03-01,2011-02-01\n"),
                                  ("confirmed_before_start", S, 2, "confirmed_on", None, 1)),
    "two situations at once": (dict(situations="person,state,start,end\n1,Emploi,2011-01-01,\n1,Formation,2011-02-01,\n"),
                               ("overlap", S, 3, "start", None, 1)),
    "two referents at once": (dict(situations="person,track,state,start\n1,referent,A,2011-01-01\n1,Référent,B,2011-02-01\n"),
                              ("overlap", S, 3, "start", None, 1)),
    "finished without an end": (dict(situations="person,state,avancement,start,end\n1,Emploi,TERMINE,2011-01-01,\n"),
                                ("finished_without_end", S, 2, "end", None, 1)),
    "seen after death": (dict(events="person,date,type,outcome\n1,2011-05-01,Téléphone,Abouti\n",
                              situations="person,state,start\n1,Décès,2011-04-01\n"),
                         ("events_after_death", E, 2, "date", None, 1)),
    "a situation after death": (dict(situations="person,state,start,end\n1,Décès,2011-04-01,2011-04-01\n1,Emploi,2011-05-01,\n"),
                                ("situations_after_death", S, 3, "start", None, 1)),
    "entered before spotted": (dict(people="person,spotted_on,entered_on\n1,2011-02-01,2011-01-01\n"),
                               ("entered_before_spotted", P, 2, "entered_on", None, 1)),
    "eliminated before spotted": (dict(people="person,spotted_on,eliminated_on\n1,2011-02-01,2011-01-01\n"),
                                  ("eliminated_before_spotted", P, 2, "eliminated_on", None, 1)),
    "eliminated after entry": (dict(people="person,entered_on,eliminated_on\n1,2011-01-01,2011-02-01\n"),
                               ("eliminated_and_entered", P, 2, "eliminated_on", None, 1)),
    "eliminated, undated, and entered": (dict(people="person,entered_on,motif_elimination\n1,2011-01-01,Refus\n"),
                                         ("eliminated_and_entered", P, 2, "motif_elimination", None, 1)),
    "entered before birth": (dict(people="person,birth_date,entered_on\n1,2011-02-01,2011-01-01\n"),
                             ("before_birth", P, 2, "entered_on", None, 1)),
    "observed until before entry": (dict(people="person,entered_on,observed_until\n1,2011-02-01,2011-01-01\n"),
                                    ("observed_before_entry", P, 2, "observed_until", None, 1)),
    "an empty file": (dict(people=b""), ("empty_file", P, None, None, None, 1)),
    "a file of separators": (dict(people=";;;\n;;\n"), ("empty_file", P, None, None, None, 1)),
    "bytes of no encoding": (dict(people=b"person;site\n1;\x81\n"), ("encoding", P, 2, None, None, 1)),
    "damaged accents": (dict(people="person;site\n1;PrÃ©vention\n"), ("damaged", P, 2, "site", "PrÃ©vention", 1)),
    "an open quotation mark": (dict(events='person,date,x\n1,2011-01-01,"abc\n1,2011-01-01,b\n'),
                               ("broken_quotes", E, 2, None, None, 1)),
    "a stray quotation mark": (dict(events='person,date,x\n1,2011-01-01,"Le "grand" jeune"\n'),
                               ("broken_quotes", E, 2, None, None, 1)),
    "a decimal comma between commas": (dict(people="person,x\n1,12,5\n"), ("ragged", P, 2, None, None, 1)),
    "a short row": (dict(people="person,x,y\n1,2\n"), ("ragged", P, 2, None, None, 1)),
    "two columns of one field": (dict(people="person;id_dossier\n1;1\n"), ("two_columns", P, None, None, None, 1)),
    "two weak columns of one field": (dict(people="id;num\n1;1\n"), ("two_columns", P, None, None, None, 1)),
    "one heading twice": (dict(people="person;Site;site\n1;a;b\n"), ("heading_twice", P, None, "site", None, 1)),
    "values without a heading": (dict(people="person;;\n1;;\n2;x;\n"), ("heading_blank", P, 3, None, "x", 1)),
    "no column of persons": (dict(people="id_dosier;site\n1;A\n"), ("column_missing", P, None, None, None, 1)),
}  # fmt: skip


@pytest.mark.parametrize("case", CASES)
def test_refused_with_its_place(refusal, case):
    files, expected = CASES[case]
    assert expected in facts(refusal(**files))


# ---- how refusals are told ------------------------------------------------------------------------------------------------
def test_all_faults_are_told_at_once_file_by_file(refusal):
    faults = refusal(
        people="person,sex\n1,X\n1,F\n",
        events="person,date\n9,2011-01-01\n1,hier\n",
        situations="person,state,start,end\n1,Emploi,2011-03-01,2011-02-01\n",
    )
    assert [(f.file, f.line) for f in faults] == [(P, 2), (P, 3), (E, 2), (E, 3), (S, 2)]


def test_the_same_fault_four_thousand_times_is_one_fault_with_its_first_lines(refusal):
    (fault,) = refusal(
        people="person,site\n1,\n", events="person,date,type\n" + "1,2011-01-01,entretient\n" * 4000
    )
    assert (fault.line, fault.value, fault.count) == (2, "entretient", 4000)
    assert fault.render("en") == (
        "events.csv, line 2, column “type”: “entretient” is not a known value (4,000 times, first on lines 2, 3, 4 …); "
        "did you mean “entretien”?"
    )


def test_thousands_of_different_faults_of_one_kind_are_counted(refusal):
    faults = refusal(events="person,date\n" + "".join(f"1,x{i}\n" for i in range(5000)))
    assert [f.count for f in faults] == [1, 1, 1, 4997]
    assert (
        faults[-1]
        .render("fr")
        .endswith("et 4\u202f997 autres lignes ont la même faute dans cette colonne, à partir de celle-ci")
    )


def test_line_numbers_count_the_lines_inside_quotation_marks(refusal):
    (fault,) = refusal(events='person;date;note\n1;01/02/2011;"a\nb\nc"\n\n1;hier;x\n')
    assert fault.line == 6


def test_a_french_reader_is_told_in_french(refusal):
    (fault,) = refusal(events="person,date,type\n1,2011-01-01,entretient\n")
    assert plain(fault.render("fr")) == (
        "events.csv, ligne 2, colonne « type » : « entretient » n'est pas une valeur connue ; vouliez-vous dire « entretien » ?"
    )


@pytest.mark.parametrize(("people", "events"), [("007", "7"), ("12", "12.0"), ("A1", "a1")])
def test_a_file_number_that_changed_on_the_way_is_recognised(refusal, people, events):
    (fault,) = refusal(people=f"person\n{people}\n", events=f"person,date\n{events},2011-01-01\n")
    assert fault.key == "records.unknown_person_near"
    assert f"“{people}” is" in fault.render("en")


def test_who_overlaps_whom_is_told_with_both_lines(refusal):
    (fault,) = refusal(
        situations="person,state,start,end\n1,Emploi,2011-01-10,2011-06-01\n1,Maladie,2011-02-01,2011-02-10\n"
    )
    assert "“Illness” begins on 1 February 2011 while “Job” (line 2) is not over" in fault.render("en")


def test_a_longer_situation_overlaps_even_when_a_short_one_lies_between(refusal):
    faults = refusal(
        situations="person,state,start,end\n1,Emploi,2011-01-01,2011-12-01\n1,Maladie,2011-02-01,2011-02-10\n"
        "1,Formation,2011-03-01,\n"
    )
    assert [f.line for f in faults] == [3, 4]
    assert all("(line 2)" in f.render("en") for f in faults)


# ---- what is not refused --------------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    "files",
    [
        dict(events="person,date,type,statut\n1,2011-12-01,rdv,Planifié\n"),
        dict(events="person,date,type,statut\n1,2011-12-01,rdv,Annulé\n"),
        dict(people="person,spotted_on,entered_on,eliminated_on,eliminated_for\n1,2011-01-01,2011-03-01,2011-02-01,Refus\n"),
        dict(situations="person,state,start,end\n1,Emploi,2011-01-01,2011-02-01\n1,Formation,2011-02-01,\n"),
        dict(situations="person,track,state,start\n1,,Emploi,2011-01-01\n1,referent,A,2011-01-01\n1,mentorat,B,2011-01-01\n"),
        dict(situations="person,state,start\n1,Décès,2011-04-01\n",
             events="person,date,type,outcome\n1,2011-05-01,GAIN,\n1,2011-05-02,Courrier,Sans réponse\n1,2011-04-01,SMS,\n"),
        dict(people="person,site;\n1,A\n"),
        dict(people="id;id_dossier\n1;2\n"),
        dict(people="person;site;;\n1;A;;\n;;;\n"),
        dict(people="person"+"\n1"),
        dict(people="\ufeff\x00PERSON\x00\n\u00a01 \n"),
    ],
)  # fmt: skip
def test_not_refused(tmp_path, files):
    for name, content in {"people": PEOPLE, **files}.items():
        (tmp_path / f"{name}.csv").write_text(content, encoding="utf-8")
    assert len(FollowUp.read(tmp_path, AS_OF).people)


@pytest.mark.parametrize(
    ("name", "content", "reason"),
    [
        ("nothing", None, "there is no folder or workbook here"),
        ("acts.csv", b"person,date\n", "give the folder that holds people.csv"),
        ("old.xls", b"x", "save it as Excel .xlsx"),
        ("junk.xlsx", b"x", "not a readable Excel workbook"),
    ],
)
def test_what_is_no_dashboard_is_refused(tmp_path, name, content, reason):
    if content is not None:
        (tmp_path / name).write_bytes(content)
    with pytest.raises(InputError, match=reason):
        FollowUp.read(tmp_path / name, AS_OF)


def test_a_folder_without_people_lists_what_was_found(tmp_path):
    (tmp_path / "acts.csv").write_text("person,date\n1,2011-01-01\n")
    (tmp_path / "notes.csv").write_text("a\n")
    with pytest.raises(InputError, match=r"table of people is missing.*Found: acts.csv and notes.csv"):
        FollowUp.read(tmp_path, AS_OF)
