"""Pieces of the reader: single values, columns, mapping and vocabulary files that are wrong, headings that are nearly right."""

import numpy as np
import pandas as pd
import pytest

from evalkit import FollowUp
from evalkit.errors import InputError
from evalkit.followup.tables import Column, clean
from evalkit.followup.values import Unreadable, date_format, day, free, number, number_text
from evalkit.vocabulary import Vocabulary

AS_OF = "2011-09-30"


@pytest.mark.parametrize(
    "text",
    ["", "x", "12", "2011", "20110201", "1 février 2011", "01/02", "2011-02", "01/02/2011x", "01/02/2011 5"],
)
def test_what_is_no_date(text):
    with pytest.raises(Unreadable, match="date_"):
        day(text)


@pytest.mark.parametrize(("text", "form"), [("02/13/2011", "mm/jj/aaaa"), ("20110213", "aaaammjj"), ("13/02/11", "jj/mm/aa"),
                                            ("02/13/2011 10:30", "mm/dd/yyyy"), ("2011-02-13", "mm/jj/aaaa")])  # fmt: skip
def test_a_declared_format_is_read_and_so_is_iso(text, form):
    assert day(text, date_format(form)) == day("13/02/2011")


def test_a_declared_format_forbids_the_usual_one():
    with pytest.raises(Unreadable, match="date_other_format"):
        day("13/02/2011", date_format("mm/jj/aaaa"))


@pytest.mark.parametrize(
    ("text", "value"),
    [("0", 0), ("-5", -5), ("1,5", 1.5), ("1\u202f234\u00a0567,25", 1234567.25), ("0.10", 0.1)],
)
def test_what_is_a_number(text, value):
    assert number(text) == value


@pytest.mark.parametrize(
    "text", ["007", "1e5", "+33", "1.234,5", "1,234,567", "inf", "nan", ".5", "12345678901234567890", "١٢"]
)
def test_what_is_no_number(text):
    with pytest.raises(Unreadable):
        number(text)


def test_numbers_are_written_without_an_exponent():
    assert number_text(1e-7) == "0.0000001"
    assert number_text(-0.0) == "0"
    assert number_text(np.float64(3)) == "3"


def test_values_are_cleaned_once_and_for_all():
    odd = "\ufeff a\x00\r\nb\rc\u200b "
    assert clean(odd) == clean(clean(odd)) == "a\nb\nc"


@pytest.mark.parametrize(
    ("texts", "kind"),
    [(["01/02/2011", "2011-02-02"], "M"), (["01/02/2011", "x"], "O"), (["1", "2,5"], "f"), (["1", "x"], "O"), (["01", "2"], "O"),
     (["01/02/2011 10:00"], "O"), ([], "O")],
)  # fmt: skip
def test_a_column_nobody_declared_has_one_type(texts, kind):
    codes = np.array([*range(len(texts)), -1])
    values = free(Column.of(codes, texts))
    assert values.dtype.kind == kind
    assert pd.isna(values[-1])


def test_joined_columns_keep_their_blanks():
    one, other = Column.of(np.array([0, -1]), ["a"]), Column.of(np.array([1, 0]), ["a", "b"])
    assert Column.joined([one, other, Column.absent(1)]).texts().tolist() == ["a", None, "b", "a", None]


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "people.csv").write_text("person,site,channel\n1,A,\n")
    return tmp_path


@pytest.mark.parametrize(
    ("mapping", "reason"),
    [
        ('datse = "x"', "did you mean “dates”"),
        ("[people.columns]\nsite = 3", "must be a text"),
        ("[people.constants]\nsite = ['a']", "must be a text"),
        ("[people.constants]\nsite = 'B'", "which the mapping file already sets for the whole file"),
        ("[files]\nx = 3", "files.x"),
        ("[events.constants]\nsites = 'B'", "“sites” is not a field of this table"),
        ("[files]\nx = { table = 'nothing at all' }", "possible choices: appointments, co_accompaniments"),
        ("dates = mm/jj", "between straight quotation marks"),
    ],
)
def test_a_mapping_file_that_is_wrong_is_refused(folder, mapping, reason):
    path = folder / "mapping.toml"
    path.write_text(mapping)
    with pytest.raises(InputError) as refused:
        FollowUp.read(folder, AS_OF, mapping=path)
    assert reason in str(refused.value)


def test_a_mapping_that_is_not_there_is_refused(folder):
    with pytest.raises(InputError, match="does not exist"):
        FollowUp.read(folder, AS_OF, mapping=folder / "none.toml")


def test_a_vocabulary_without_labels_is_refused(folder):
    (folder / "vocabulary.toml").write_text('[channel.x]\nen = "X"\n')
    with pytest.raises(InputError, match="incomplete vocabulary: fr is missing"):
        FollowUp.read(folder, AS_OF)


def test_a_vocabulary_may_be_given_as_an_object(folder):
    (folder / "people.csv").write_text("person,channel\n1,Gare\n")
    words = Vocabulary.of({"channel": {"station": {"fr": "Gare", "en": "Station"}}})
    assert FollowUp.read(folder, AS_OF, vocabulary=words).people["channel"].tolist() == ["station"]


def test_own_codes_of_a_general_table_hold_for_the_files_joined_to_it(folder):
    (folder / "rdv.csv").write_text("id_dossier;date;statut\n1;01/02/2011;OK\n")
    mapping = {"events": {"codes": {"outcome": {"OK": "attended"}}}}
    assert FollowUp.read(folder, AS_OF, mapping=mapping).events["outcome"].tolist() == ["attended"]


def test_a_heading_nearly_right_is_suggested(folder):
    (folder / "events.csv").write_text("person,datte\n1,2011-01-01\n")
    with pytest.raises(InputError, match=r"the column “date” .* is missing. Could it be “datte”"):
        FollowUp.read(folder, AS_OF)


def test_many_ragged_rows_are_counted(folder):
    (folder / "events.csv").write_text("person,date\n" + "1,2011-01-01,x\n" * 50)
    with pytest.raises(InputError) as refused:
        FollowUp.read(folder, AS_OF)
    assert [f.count for f in refused.value.faults] == [1] * 5 + [45]


def test_repeated_and_stale_acts_are_kept_and_counted(folder):
    (folder / "events.csv").write_text("person,date,statut\n" + "1,2011-01-01,Planifié\n" * 3)
    fu = FollowUp.read(folder, AS_OF)
    assert len(fu.events) == 3
    said = fu.summary("en")
    assert "2 acts repeat another of the same day word for word" in said
    assert "3 appointments are still “planned” although their day is past" in said


def test_a_history_of_elimination_and_entry_is_kept_and_counted(folder):
    (folder / "people.csv").write_text("person,eliminated_on,entered_on\n1,2011-01-01,2011-02-01\n")
    assert "1 person was eliminated and entered later: counted as entered." in FollowUp.read(
        folder, AS_OF
    ).summary("en")


def test_an_end_in_the_past_is_believed_over_ongoing(folder):
    (folder / "situations.csv").write_text(
        "person,categorie,etat,date_debut,date_fin\n1,Emploi,EN_COURS,2011-01-01,2011-02-01\n"
    )
    fu = FollowUp.read(folder, AS_OF)
    assert fu.situations["end"].tolist() == [pd.Timestamp("2011-02-01")]
    assert "said to be ongoing bears an end in the past" in fu.summary("en")


def test_infinite_numbers_are_refused():
    with pytest.raises(InputError, match="2 infinite numbers"):
        FollowUp.from_frames(pd.DataFrame({"person": ["a", "b"], "x": [np.inf, -np.inf]}), as_of=AS_OF)


def test_lines_are_counted_through_many_rows_and_line_breaks(tmp_path):
    """Rows are read many at once; a text of three lines in the first lot shifts the lines of all that follow."""
    rows = 45_000
    (tmp_path / "people.csv").write_text("person\n" + "".join(f"{i}\n" for i in range(rows)))
    acts = [
        "person,date,note\n",
        '0,2011-01-01,"a\r\nb\nc"\n',
        "\n",
        *(f"{i},2011-01-01,\n" for i in range(rows)),
    ]
    (tmp_path / "events.csv").write_bytes("".join([*acts, "x,2011-01-01,\n"]).encode())
    with pytest.raises(InputError) as refused:
        FollowUp.read(tmp_path, AS_OF)
    assert [f.line for f in refused.value.faults] == [1 + 3 + 1 + rows + 1]
    (tmp_path / "events.csv").write_bytes("".join([*acts, '0,2011-01-01,"open\n']).encode())
    with pytest.raises(InputError) as refused:
        FollowUp.read(tmp_path, AS_OF)
    (fault,) = refused.value.faults
    assert (fault.key, fault.line) == ("records.broken_quotes", 1 + 3 + 1 + rows + 1)
