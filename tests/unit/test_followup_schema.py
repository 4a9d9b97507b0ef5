"""The data beneath the reader: no spelling means two things, every field is explained, the page of fields is not stale."""

import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from evalkit import FollowUp, wording
from evalkit.followup.mapping import Mapping
from evalkit.followup.schema import TARGETS, key, names, tables
from evalkit.followup.sources import table_of
from evalkit.vocabulary import Vocabulary, standard

ROOT = Path(__file__).resolve().parents[2]
GROUPS = sorted(
    {f.group for t in tables().values() for f in t.fields.values() if f.group} | {"status", "track"}
)


@pytest.mark.parametrize("name", tables())
def test_no_heading_means_two_fields(name):
    seen = {}
    for of in tables()[name].fields.values():
        for spelling in of.strong:
            assert seen.setdefault(spelling, of.name) == of.name
    for of in tables()[name].fields.values():
        assert not of.weak & seen.keys() - of.strong, f"{of.name}: a weak spelling is a sure one elsewhere"


def test_no_file_name_means_two_tables():
    seen = {}
    for name in tables():
        for spelling in names(name):
            assert seen.setdefault(spelling, name) == name


@pytest.mark.parametrize("lang", ["fr", "en"])
def test_every_field_reads_back_under_its_own_heading(lang):
    for table in tables().values():
        for of in table.fields.values():
            assert key(of.heading(lang)) in of.strong


@pytest.mark.parametrize("target", TARGETS)
def test_every_field_is_explained_in_both_languages(target):
    for name in tables()[target].fields:
        for lang in ("fr", "en"):
            assert wording.text(f"records.about_{target}_{name}", lang)


@pytest.mark.parametrize("group", GROUPS)
def test_every_label_reads_back_as_its_code(group):
    for term in standard().groups[group].values():
        for spelling in (term.code, term.fr, term.en):
            assert standard().recognise(group, spelling) == term.code


@pytest.mark.parametrize(
    ("stem", "table"),
    [
        ("people", "people"), ("Jeunes", "people"), ("JEUNES_2011-09-30", "people"), ("export actes", "events"),
        ("Événements", "events"), ("RDV", "appointments"), ("Co-accompagnements", "co_accompaniments"),
        ("jeunes en situation", None), ("notes", None), ("partenaires", None),
    ],
)  # fmt: skip
def test_a_file_is_known_by_its_name(stem, table):
    assert table_of(stem, {}) == table


def test_the_page_of_fields_is_the_generated_one():
    done = subprocess.run(
        [sys.executable, "tools/record_fields.py", "--check"], cwd=ROOT, capture_output=True, text=True,
        env={"PYTHONPATH": str(ROOT)},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr


def test_the_files_shown_in_the_page_are_valid(tmp_path):
    page = (ROOT / "docs" / "records.md").read_text(encoding="utf-8")
    mapping, words = (part.partition("```")[0] for part in page.split("```toml\n")[1:])
    made = Mapping.read(tomllib.loads(mapping), standard())
    assert made.files["jeunes est"] == "people"
    assert (
        standard().extended(Vocabulary.of(tomllib.loads(words))).recognise("channel", "Gare")
        == "train_station"
    )


def test_reading_is_lazy():
    """A dashboard is read without drawing, formulas or estimators."""
    heavy = {"matplotlib", "lifelines", "statsmodels", "openpyxl"}
    code = f"import sys; from evalkit import FollowUp; print(sorted({heavy} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
    assert FollowUp.__module__ == "evalkit.followup.noun"
