"""A study: what its folder may say, what it writes, and every way in which it may drift."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pandas as pd
import pytest

from evalkit import Policy, Result
from evalkit.errors import Drift, InputError, MissingData
from evalkit.provenance import Provenance, digest
from evalkit.study import Answer, Check, Section, Study, Table, new, say
from evalkit.study.comparing import compare
from evalkit.study.declaration import Band, Tolerance


@pytest.fixture
def folder(tmp_path) -> Path:
    return new(tmp_path / "mine")


def rewrite(folder: Path, name: str, old: str, to: str) -> None:
    text = (folder / name).read_text(encoding="utf-8")
    assert old in text
    (folder / name).write_text(text.replace(old, to), encoding="utf-8")


# --- the folder ------------------------------------------------------------------------------------------------------------------


def test_a_new_study_passes_its_check_and_says_what_it_compared(folder):
    check = Study.load(folder).check()
    assert check.ok
    assert check.n_cells == 8
    assert "8" in check.summary("fr")


def test_a_new_study_overwrites_nothing(folder):
    with pytest.raises(InputError, match="already something here"):
        new(folder)


def test_a_folder_that_is_no_study_says_what_it_lacks(tmp_path):
    with pytest.raises(InputError, match=r"study\.toml and analysis\.py missing"):
        Study.load(tmp_path)


def test_all_faults_of_the_declaration_are_said_with_their_lines(folder):
    (folder / "study.toml").write_text(
        'kind = "open"\nseed = -1\n[title]\nfr = "x"\nem = "y"\n[disclosure]\nthreshold = 5\n'
        '[question]\nfr = "q"\nen = "q"\n',
        encoding="utf-8",
    )
    with pytest.raises(InputError) as caught:
        Study.load(folder)
    said = caught.value.render("fr")
    assert "ligne 2 : seed = -1 : doit être au moins 0" in said
    assert "ligne 3 : title.en manque" in said
    assert "ligne 5 : title.em : clé inconnue (vouliez-vous dire «\u00a0en\u00a0» ?)" in said
    assert "ligne 6 : seuil de 5 : en dessous de 11, écrivez pourquoi" in said
    assert len(caught.value.faults) == 4


def test_a_decimal_comma_is_explained(folder):
    rewrite(folder, "study.toml", "rtol = 1e-6", "rtol = 0,01")
    with pytest.raises(InputError, match=r"line \d+: rtol = 0,01: write 0\.01"):
        Study.load(folder)


def test_the_seed_must_be_declared_to_be_used(folder):
    rewrite(folder, "study.toml", "seed = 2011\n", "")
    with pytest.raises(InputError, match="does not state its seed"):
        _ = Study.load(folder).seed


# --- the script ------------------------------------------------------------------------------------------------------------------


def test_an_error_in_the_script_is_said_with_its_line(folder):
    rewrite(folder, "analysis.py", '    sites = study.facts("example.csv")\n', '    sites = {}["spotted"]\n')
    with pytest.raises(
        InputError, match=r"analysis\.py, line \d+: the script stopped here: KeyError"
    ) as caught:
        Study.load(folder).check()
    line = (folder / "analysis.py").read_text(encoding="utf-8").split("\n")[caught.value.faults[0].line - 1]
    assert '{}["spotted"]' in line


@pytest.mark.parametrize(
    ("script", "said"),
    [
        ("def analyze(study):\n    yield 1\n", "def analyse"),
        ("def analyse(study):\n    yield 1\n", "yields an object “int”"),
    ],
)
def test_a_script_that_yields_no_parts_is_refused(folder, script, said):
    (folder / "analysis.py").write_text(script, encoding="utf-8")
    with pytest.raises(InputError, match=said):
        Study.load(folder).check()


def test_two_studies_may_have_neighbours_of_the_same_name(tmp_path):
    for name in ("one", "two"):
        folder = new(tmp_path / name)
        (folder / "neighbour.py").write_text(f"NAME = {name!r}\n", encoding="utf-8")
        rewrite(folder, "analysis.py", "import evalkit as ek\n", "import neighbour\n\nimport evalkit as ek\n")
        rewrite(folder, "analysis.py", "share=", "name=neighbour.NAME, share=")
        assert set(
            Study.load(folder).run(tmp_path / "out", lang=()).tables["mobilised_by_site"].table["name"]
        ) == {name}


def test_facts_are_read_by_their_kind(folder):
    study = Study.load(folder)
    (folder / "facts" / "a.toml").write_text("x = 1\n", encoding="utf-8")
    (folder / "facts" / "b.json").write_text("[2]", encoding="utf-8")
    assert study.facts("a.toml") == {"x": 1}
    assert study.facts("b.json") == [2]
    assert list(study.facts("example.csv")["site"]) == ["north", "south"]
    with pytest.raises(InputError, match="does not exist"):
        study.facts("c.csv")
    (folder / "facts" / "d.txt").write_text("", encoding="utf-8")
    with pytest.raises(InputError, match=r"facts are \.csv"):
        study.facts("d.txt")


# --- what a run writes -----------------------------------------------------------------------------------------------------------


def test_a_run_writes_tables_pages_and_provenance_without_a_clock(folder, tmp_path):
    study = Study.load(folder)
    run = study.run(tmp_path / "out", lang=("fr", "en"))
    first = {p.name: p.read_bytes() for p in run.folder.iterdir()}
    assert set(first) == {
        "mobilised_by_site.csv", "mobilised_by_site.json", "provenance.json", "report-fr.html", "report-en.html",
    }  # fmt: skip
    about = json.loads(first["provenance.json"])
    assert about["seed"] == 2011
    assert about["inputs"]["analysis.py"] == digest(folder / "analysis.py")
    study.run(tmp_path / "out", lang=("fr", "en"))
    assert {p.name: p.read_bytes() for p in run.folder.iterdir()} == first


def test_a_second_run_leaves_no_stale_table_and_touches_nothing_else(folder, tmp_path):
    run = Study.load(folder).run(tmp_path / "out", lang=())
    (run.folder / "notes.txt").write_text("mine", encoding="utf-8")
    rewrite(folder, "analysis.py", '"mobilised_by_site"', '"by_site"')
    Study.load(folder).run(tmp_path / "out", lang=())
    assert {p.name for p in run.folder.iterdir()} == {
        "by_site.csv",
        "by_site.json",
        "provenance.json",
        "notes.txt",
    }


def test_a_run_leaves_the_expected_tables_alone_until_accepted(folder, tmp_path):
    expected = folder / "expected" / "mobilised_by_site.csv"
    before = expected.read_bytes()
    rewrite(folder, "facts/example.csv", "40,12", "40,13")
    study = Study.load(folder)
    run = study.run(tmp_path / "out", lang=())
    assert expected.read_bytes() == before
    assert not study.check().ok
    study.accept(run)
    assert study.check().ok


def test_a_text_that_a_spreadsheet_would_compute_is_written_apart_and_compares_equal(folder):
    rewrite(folder, "analysis.py", "def analyse(study):", EXTRA)
    study = Study.load(folder)
    study.accept(study.run(folder / "out", lang=()))
    assert "'=1+1,12" in (folder / "expected" / "formulas.csv").read_text(encoding="utf-8")
    assert study.check().ok


EXTRA = """def analyse(study):
    import pandas as pd
    from evalkit.result import Result

    table = pd.DataFrame({"site": ["=1+1", "-A1"], "count": [12, 13]})
    yield Table("formulas", Result(table, say(fr="Lieux", en="Sites")))"""


def test_the_answer_is_printed_in_both_languages(folder, tmp_path):
    answer = Study.load(folder).run(tmp_path / "out", lang=()).answer
    assert (
        answer.text("fr")
        == "36 jeunes mobilisés sur 100 repérés, soit 36\u202f%. Chiffres inventés, à remplacer."
    )
    assert answer.text("en").startswith("36 youths mobilised of 100 spotted, 36%.")


RECORDS = """
import evalkit as ek
import pandas as pd
from evalkit.disclosure import Headcount
from evalkit.study import Answer, Section, Table, say


def analyse(study):
    words = say(fr="{n} jeunes", en="{n} youths", n=Headcount(4))
    yield Answer([words])
    yield Section(say(fr="Lieux", en="Sites"), [words])
    yield Table("sites", ek.Result(pd.DataFrame({"site": ["a", "b"], "count": [4, 40]}), words))
"""


def test_small_numbers_of_people_leave_neither_by_a_table_nor_by_a_sentence(folder, tmp_path):
    rewrite(folder, "study.toml", 'kind = "published"', 'kind = "records"')
    (folder / "analysis.py").write_text(RECORDS, encoding="utf-8")
    run = Study.load(folder).run(tmp_path / "out", lang="en")
    assert run.answer.text("en") == "fewer than 11 youths"
    table = pd.read_csv(run.folder / "sites.csv")
    assert table["status"].tolist() == ["suppressed", "ok"]
    assert table["count"].isna().tolist() == [True, False]
    page = run.reports["en"].read_text(encoding="utf-8")
    assert "4 youths" not in page
    assert page.count("fewer than 11 youths") == 3  # the answer, the section, the question of the table


def test_lowering_the_threshold_takes_effect_with_its_reason(folder, tmp_path):
    rewrite(folder, "study.toml", 'kind = "published"', 'kind = "records"')
    with open(folder / "study.toml", "a", encoding="utf-8") as file:
        file.write(
            '[disclosure]\nthreshold = 3\nreason = { fr = "accord du service", en = "agreed with the service" }\n'
        )
    (folder / "analysis.py").write_text(RECORDS, encoding="utf-8")
    result = Study.load(folder).run(tmp_path / "out", lang=()).tables["sites"]
    assert result.table["count"].tolist() == [4, 40]
    assert any("accord du service" in c.text("fr") for c in result.caveats)


# --- data that are not shipped ---------------------------------------------------------------------------------------------------


@pytest.fixture
def needy(folder) -> Path:
    content = b"person\n1\n"
    with open(folder / "study.toml", "a", encoding="utf-8") as file:
        file.write(
            '[data]\ndirectories = ["data", "elsewhere"]\n'
            'download = { fr = "sur le site du service", en = "on the service\'s site" }\n'
            f'[[data.file]]\nname = "people.csv"\nsha256 = "{digest(content)}"\n'
        )
    return folder


def test_missing_data_say_where_to_get_them_and_where_to_put_them(needy):
    with pytest.raises(MissingData) as caught:
        Study.load(needy).run()
    said = caught.value.render("fr")
    assert "people.csv" in said
    assert "sur le site du service" in said
    assert str(needy.resolve() / "data") in said
    assert caught.value.exit_code == 2


@pytest.mark.parametrize("place", ["data", "elsewhere"])
def test_data_are_found_where_the_study_says(needy, place):
    (needy / place).mkdir()
    (needy / place / "people.csv").write_bytes(b"person\n1\n")
    study = Study.load(needy)
    assert study.data("people.csv").parent.name == place
    assert study.check().ok


def test_data_may_lie_elsewhere(needy, tmp_path):
    (tmp_path / "people.csv").write_bytes(b"person\n1\n")
    assert Study.load(needy, data=tmp_path).data("people.csv") == tmp_path / "people.csv"


def test_another_file_of_the_same_name_is_refused_with_both_digests(needy):
    (needy / "data").mkdir()
    (needy / "data" / "people.csv").write_bytes(b"person\n2\n")
    with pytest.raises(InputError) as caught:
        Study.load(needy).check()
    for content in (b"person\n1\n", b"person\n2\n"):
        assert digest(content) in caught.value.render("en")


# --- drift -----------------------------------------------------------------------------------------------------------------------


def check(tmp_path: Path, expected: str, got: str, tolerance: Tolerance | None = None) -> Check:
    for name, text in (("expected", expected), ("got", got)):
        (tmp_path / name).mkdir(exist_ok=True)
        (tmp_path / name / "t.csv").write_text(text, encoding="utf-8")
    return compare(tmp_path / "expected", tmp_path / "got", tolerance or Tolerance())


def test_a_changed_expected_cell_makes_the_check_fail(folder):
    rewrite(folder, "expected/mobilised_by_site.csv", "0.3,12", "0.31,12")
    found = Study.load(folder).check()
    assert not found.ok
    (difference,) = found.differences
    assert (difference.file, difference.row, difference.column) == (
        "mobilised_by_site.csv",
        "site=north",
        "share",
    )
    assert found.summary("en").endswith(
        "row site=north, column “share”: expected 0.31, got 0.3 (difference -0.01)"
    )
    with pytest.raises(Drift) as caught:
        found.require()
    assert caught.value.exit_code == 1


@pytest.mark.parametrize(
    ("expected", "got", "same"),
    [
        ("0.5", "0.5000000001", True),
        ("0.5", "0.50001", False),
        ("100", "101", False),  # whole numbers: exactly, whatever the band
        ("", "nan", True),
        ("", "0", False),  # hidden or not estimable is never zero
        ("0", "", False),
        ("ok", "suppressed", False),
        ("inf", "inf", True),
        ("inf", "1e308", False),
        ("1e-12", "2e-12", True),  # below atol
    ],
)
def test_when_two_cells_are_the_same(tmp_path, expected, got, same):
    assert check(tmp_path, f"term,estimate\na,{expected}\n", f"term,estimate\na,{got}\n").ok is same


def test_a_column_may_have_its_own_band(tmp_path):
    loose = Tolerance(columns={"estimate": Band(rtol=0.1)})
    cells = ("term,estimate,n\na,1.0,5.0\n", "term,estimate,n\na,1.05,5.0\n")
    assert not check(tmp_path, *cells).ok
    assert check(tmp_path, *cells, loose).ok
    assert not check(tmp_path, "term,estimate,n\na,1.0,5.0\n", "term,estimate,n\na,1.05,5.4\n", loose).ok


def test_rows_are_paired_by_their_key_when_some_are_missing(tmp_path):
    found = check(tmp_path, "term,n\na,1\nb,2\nb,3\nc,4\n", "term,n\na,1\nb,2\nc,5\nd,6\ne,7\n")
    kinds = [(d.kind, d.row, d.column) for d in found.differences]
    assert kinds == [
        ("row_missing", "term=b", ""), ("cell", "term=c", "n"), ("row_extra", "term=d", ""), ("row_extra", "term=e", ""),
    ]  # fmt: skip


def test_missing_and_extra_columns_and_files_are_reported(tmp_path):
    found = check(tmp_path, "term,n\na,1\n", "term,m\na,1\n")
    assert [(d.kind, d.column) for d in found.differences] == [("column_missing", "n"), ("column_extra", "m")]
    (tmp_path / "expected" / "old.csv").write_text("n\n1\n", encoding="utf-8")
    (tmp_path / "got" / "new.csv").write_text("n\n1\n", encoding="utf-8")
    found = compare(tmp_path / "expected", tmp_path / "got", Tolerance())
    assert [(d.kind, d.file) for d in found.differences[:2]] == [
        ("file_missing", "old.csv"),
        ("file_extra", "new.csv"),
    ]


def test_every_difference_can_be_said_in_both_languages_and_the_list_is_capped(tmp_path):
    rows = "".join(f"r{i},{i}\n" for i in range(30))
    found = check(tmp_path, "term,n\n" + rows, "term,n\n" + rows.replace(",", ",9"))
    for lang, more in (("fr", "… et 20 différences de plus"), ("en", "… and 20 more differences")):
        lines = found.summary(lang).split("\n")
        assert len(lines) == 12
        assert lines[-1] == more


def test_nothing_to_compare_is_not_a_success(tmp_path):
    (tmp_path / "expected").mkdir()
    (tmp_path / "got").mkdir()
    found = compare(tmp_path / "expected", tmp_path / "got", Tolerance())
    assert not found.ok
    assert "--accept" in found.summary("fr")


# --- parts -----------------------------------------------------------------------------------------------------------------------


def result() -> Result:
    return Result(pd.DataFrame({"term": ["a"], "estimate": [1.0]}), say(fr="Combien ?", en="How many?"),
                  provenance=Provenance("published"))  # fmt: skip


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda: Answer([]), "no line"),
        (lambda: Answer(["only English"]), "not a text in both languages"),
        (lambda: Section({"fr": "Titre", "en": " "}), "not a text in both languages"),
        (lambda: Table("By site", result()), "becomes a file name"),
        (lambda: Table("t", pd.DataFrame()), "not a Result"),
        (lambda: Table("t", result(), columns=["term", "estimte"]), "estimte not in its result"),
    ],
)
def test_parts_refuse_what_they_cannot_show(make, said):
    with pytest.raises(InputError, match=said):
        make()


def test_a_part_published_keeps_its_policy():
    assert Table("t", result()).published(Policy(20)).result.published_under == Policy(20)


# --- a study of ours ----------------------------------------------------------------------------------------------------------------


def test_the_published_cox_table_is_found_again_to_the_last_printed_digit():
    study = Study.load(Path(__file__).resolve().parents[2] / "studies" / "rossi")
    check = study.check()
    assert check.ok, check.summary("en")
    verdicts = pd.read_csv(study.path("expected", "published_against_found.csv"))["verdict"]
    assert len(verdicts) == 25
    assert set(verdicts) == {"same"}


def test_a_figure_that_moves_by_half_a_printed_digit_is_not_found_again(tmp_path):
    source = Path(__file__).resolve().parents[2] / "studies" / "rossi"
    folder = tmp_path / "rossi"
    shutil.copytree(source, folder)
    rewrite(folder, "facts/printed.csv", "fin,estimate,-0.3794", "fin,estimate,-0.3795")
    run = Study.load(folder).run(tmp_path / "out", lang=())
    assert run.answer.text("en").startswith("24 of the 25 printed values")
    assert "fin,estimate,-0.3795,-0.3794,-0.379422" in (run.folder / "published_against_found.csv").read_text(
        encoding="utf-8"
    )
