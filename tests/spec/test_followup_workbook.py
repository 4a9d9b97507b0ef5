"""Workbooks and Parquet: read as they are shown, refused with the sheet and the row; the template, once filled, is read."""

import builtins
import datetime as dt

import openpyxl
import pandas as pd
import pytest

from evalkit import FollowUp
from evalkit.errors import InputError
from evalkit.followup import template

AS_OF = "2011-09-30"


@pytest.fixture
def book(tmp_path):
    """Write sheets, given as rows, and return the workbook's path."""

    def write(change=None, **sheets):
        made = openpyxl.Workbook()
        made.remove(made.active)
        for name, rows in sheets.items():
            sheet = made.create_sheet(name)
            for row in rows:
                sheet.append(row)
        if change:
            change(made)
        made.save(tmp_path / "book.xlsx")
        return tmp_path / "book.xlsx"

    return write


def test_dates_numbers_and_texts_are_read_as_they_are_shown(book):
    def show_five_digits(made):
        made["Jeunes"]["A2"].number_format = "00000"

    path = book(
        show_five_digits,
        Jeunes=[["id_dossier", "date d'entrée", "âge", "x"], [12, dt.datetime(2011, 2, 1, 14, 30), 17.5, True],
                [13, "01/02/2011", "17,5", 3]],
        Actes=[["id_dossier", "date", "type"], ["00012", dt.date(2011, 3, 1), "Atelier"]],
        Informations=[["Tableau de bord"], ["Date d'arrêt", dt.datetime(2011, 9, 30)]],
    )  # fmt: skip
    fu = FollowUp.read(path)
    assert fu.as_of == pd.Timestamp(AS_OF)
    assert fu.people.to_dict("list") == {
        "person": ["00012", "13"], "age_at_entry": [17.5, 17.5], "entered_on": [pd.Timestamp("2011-02-01")] * 2, "x": [1.0, 3.0],
    }  # fmt: skip
    assert fu.events["kind"].tolist() == ["workshop"]


def test_rows_are_the_rows_of_the_sheet(book):
    path = book(
        people=[[], ["Export"], [], ["id_dossier", "site"], [], ["a", "A"], [], ["b", "B"], ["a", "C"]]
    )
    with pytest.raises(InputError) as refused:
        FollowUp.read(path, AS_OF)
    (fault,) = refused.value.faults
    assert (fault.file, fault.line, fault.column) == ("book.xlsx [people]", 9, "id_dossier")
    assert "book.xlsx [people], row 9" in fault.render("en")


@pytest.mark.parametrize(
    ("rows", "reason"),
    [
        ([["person", "x"], ["1", "=1+1"]], "row 2: the formula =1+1 has no stored result"),
        ([["person", "x"], ["1", "#N/A"]], "row 2: a cell holds the error #N/A"),
        ([["person", "x"], ["1", "A", "B"]], "row 2: “B” stands to the right of the headings"),
        ([["person", "entered_on"], ["1", 40575]], "looks like an Excel day number"),
        ([], "this file is empty"),
    ],
)
def test_cells_that_would_be_misread_are_refused(book, rows, reason):
    with pytest.raises(InputError) as refused:
        FollowUp.read(book(people=rows), AS_OF)
    assert reason in str(refused.value)


def test_the_sheet_about_and_the_argument_must_agree(book):
    path = book(people=[["person"], ["1"]], about=[["as_of", "2011-06-30"]])
    with pytest.raises(InputError, match="is not the file's"):
        FollowUp.read(path, AS_OF)


@pytest.mark.parametrize("lang", ["fr", "en"])
def test_a_filled_template_is_read(tmp_path, lang):
    path = template(tmp_path / "form.xlsx", lang)
    with pytest.raises(InputError) as refused:
        FollowUp.read(path)
    assert {f.key for f in refused.value.faults} == {"records.as_of_missing", "records.nobody"}

    made = openpyxl.load_workbook(path)
    about, people, events, situations, lists = made.worksheets
    about["B4"] = dt.datetime(2011, 9, 30)
    labels = {row[1].value: row[2 if lang == "fr" else 3].value for row in lists.iter_rows(min_row=2)}

    def fill(sheet, **values):
        english = {"fr": ["id_dossier", "date_entree_dispositif", "sexe", "date", "type", "aboutissement", "categorie", "date_debut"],
                   "en": ["person", "entered_on", "sex", "date", "kind", "outcome", "state", "start"]}  # fmt: skip
        names = dict(zip(english["en"], english[lang], strict=True))
        columns = {cell.value: cell.column for cell in sheet[2]}
        for name, value in values.items():
            sheet.cell(3, columns[names[name]], value)

    fill(people, person="007", entered_on=dt.datetime(2011, 2, 1), sex=labels["F"])
    fill(
        events,
        person="007",
        date=dt.datetime(2011, 2, 1),
        kind=labels["interview"],
        outcome=labels["attended"],
    )
    fill(situations, person="007", state=labels["employment"], start=dt.datetime(2011, 3, 1))
    made.save(path)
    fu = FollowUp.read(path)
    assert fu.people[["person", "sex"]].values.tolist() == [["007", "F"]]
    assert fu.events[["kind", "outcome"]].values.tolist() == [["interview", "attended"]]
    assert fu.situations[["track", "state"]].values.tolist() == [["status", "employment"]]


def test_the_template_explains_each_column_and_offers_the_codes(tmp_path):
    made = openpyxl.load_workbook(template(tmp_path / "form.xlsx", "fr"))
    people = made["jeunes"]
    assert all(cell.value for cell in people[1])
    assert [cell.value for cell in people[2]][:3] == ["id_dossier", "site", "sexe"]
    lists = {v.formula1: str(v.sqref) for v in people.data_validations.dataValidation}
    assert all(formula.startswith("'listes'!$C$") for formula in lists)
    assert len(lists) == 5
    assert people.column_dimensions["A"].number_format == "@"


# ---- Parquet ------------------------------------------------------------------------------------------------------------
@pytest.fixture
def parquet(tmp_path):
    pytest.importorskip("pyarrow", reason="no pyarrow (extra: parquet)")
    pd.DataFrame({"person": ["1", "2"], "entered_on": pd.to_datetime(["2011-01-01", None])}).to_parquet(
        tmp_path / "people.parquet"
    )
    return tmp_path


def test_a_folder_of_parquet_files_is_read(parquet):
    pd.DataFrame({"person": ["1"], "date": [dt.date(2011, 1, 1)]}).to_parquet(parquet / "events.parquet")
    fu = FollowUp.read(parquet, AS_OF)
    assert fu.people["entered_on"].isna().tolist() == [False, True]
    assert fu.events["date"].tolist() == [pd.Timestamp("2011-01-01")]


def test_a_broken_parquet_file_is_refused(parquet):
    (parquet / "events.parquet").write_bytes(b"x")
    with pytest.raises(InputError, match="not a readable Parquet file"):
        FollowUp.read(parquet, AS_OF)


def test_without_pyarrow_the_remedy_is_told(tmp_path, monkeypatch):
    (tmp_path / "people.parquet").write_bytes(b"x")
    real = builtins.__import__

    def no_pyarrow(name, *args, **kwargs):
        if name.startswith("pyarrow"):
            raise ImportError(name)
        return real(name, *args, **kwargs)

    monkeypatch.setattr(builtins, "__import__", no_pyarrow)
    with pytest.raises(InputError, match=r"pip install .evalkit\[parquet\]"):
        FollowUp.read(tmp_path, AS_OF)
