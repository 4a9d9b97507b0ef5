"""The Open University study: the retention found elsewhere on the same files, and a clear refusal without them."""

from pathlib import Path

import pandas as pd
import pytest

import evalkit as ek
from evalkit.errors import MissingData

STUDY = Path(__file__).resolve().parents[2] / "studies" / "open-university"


def test_the_study_comes_back(oulad_dir):
    check = ek.Study.load(STUDY, data=oulad_dir).check()
    assert check.ok, check


def test_what_comes_back_is_the_retention_computed_independently():
    def estimates(name):
        return pd.read_csv(STUDY / "expected" / f"{name}.csv")["estimate"]

    assert estimates("retention").round(3).tolist() == [0.931, 0.866, 0.788]
    assert estimates("retention_late_entry").round(5).tolist() == [0.93079, 0.86602, 0.78825]
    people = pd.read_csv(STUDY / "expected" / "people.csv").set_index("term")["count"]
    assert people[["registrations", "undated", "never_started", "banked", "after_leaving"]].tolist() == [
        32593, 93, 3097, 1907, 601,
    ]  # fmt: skip


def test_without_the_data_it_says_where_to_get_them_and_where_to_put_them(tmp_path):
    with pytest.raises(MissingData) as refused:
        ek.Study.load(STUDY, data=tmp_path).check()
    assert refused.value.exit_code == 2
    assert "OULAD" in refused.value.render("fr")
    assert str(tmp_path) in refused.value.render("en")


def test_a_file_that_is_not_the_very_one_is_refused(oulad_dir, tmp_path):
    for path in oulad_dir.glob("*.csv"):
        (tmp_path / path.name).write_bytes(b"a,b\n1,2\n" if path.name == "courses.csv" else path.read_bytes())
    with pytest.raises(ValueError, match="courses.csv"):
        ek.Study.load(STUDY, data=tmp_path).check()
