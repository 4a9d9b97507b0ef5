"""Every sentence exists in French and English, with the same values, and every key used in the code is in a catalogue."""

import ast
import re
import string
from pathlib import Path

import pytest

from evalkit import wording

ROOT = Path(wording.__file__).parent
ROOMS = sorted(path.stem for path in ROOT.glob("*.toml"))
PACKAGE = ROOT.parent


def fields(entry):
    texts = entry.values() if isinstance(entry, dict) else [entry]
    return {name for text in texts for _, name, _, _ in string.Formatter().parse(text) if name is not None}


@pytest.mark.parametrize("room", ROOMS)
def test_each_sentence_has_both_languages_and_the_same_values(room):
    for key, entry in wording.catalogue(room).items():
        assert set(entry) == {"fr", "en"}, key
        # The number that chooses the plural may be left out of a singular such as "one youth".
        assert fields(entry["fr"]) - {"n"} == fields(entry["en"]) - {"n"}, key


def used_keys():
    for path in PACKAGE.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and node.args and isinstance(node.args[0], ast.Constant):
                name = getattr(node.func, "attr", getattr(node.func, "id", ""))
                value = node.args[0].value
                if (
                    name in ("message", "text", "fault")
                    and isinstance(value, str)
                    and re.fullmatch(r"\w+\.\w+", value)
                ):
                    yield path.relative_to(PACKAGE).as_posix(), value


def test_every_key_in_the_code_is_in_a_catalogue():
    keys = list(used_keys())
    assert keys
    missing = []
    for path, key in keys:
        room, name = key.split(".")
        if room not in ROOMS or name not in wording.catalogue(room):
            missing.append(f"{path}: {key}")
    assert not missing


def test_plural_follows_the_language():
    assert wording.text("result.more_rows", "fr", n=0) == "… et 0 ligne de plus"
    assert wording.text("result.more_rows", "en", n=0) == "… and 0 more rows"
    assert wording.text("result.more_rows", "fr", n=2) == "… et 2 lignes de plus"


def test_numbers_are_written_as_the_language_does():
    assert wording.number(12345.678, "fr", 2) == "12\u202f345,68"
    assert wording.number(-0.0004, "en", 2) == "0.00"
    assert wording.number(-3, "en") == "-3"
    assert wording.number(float("nan"), "fr") == "–"
    assert wording.percent(0.274, "fr") == "27\u202f%"
    assert wording.join(["un", "deux"], "fr") == "un et deux"


def test_p_values_are_never_zero():
    assert wording.p_value(0.0, "fr") == "p < 0,001"
    assert wording.p_value(1e-300, "en") == "p < 0.001"


def test_a_fault_says_where_in_both_languages():
    fault = wording.fault(
        "result.suppressed", file="people.csv", line=4, column="site", value="x", threshold=11
    )
    assert fault.render("fr").startswith("people.csv, ligne 4, colonne «\u00a0site\u00a0» : ")
    assert fault.render("en").startswith("people.csv, line 4, column “site”: ")


def test_an_unknown_key_or_a_missing_value_fails_at_once():
    with pytest.raises(KeyError, match="no wording"):
        wording.text("result.nothing_such", "fr")
    with pytest.raises(KeyError, match="threshold"):
        wording.message("result.suppressed")


def test_the_language_can_be_chosen_once(monkeypatch):
    monkeypatch.setenv("EVALKIT_LANG", "fr")
    assert wording.language() == "fr"
    wording.set_language("en")
    try:
        assert wording.language() == "en"
    finally:
        wording.set_language(None)
    with pytest.raises(ValueError, match="lang must be one of fr, en"):
        wording.language("de")


def test_a_study_says_its_own_sentences(tmp_path):
    file = tmp_path / "wording.toml"
    file.write_text('[share]\nfr = "{x:pct} des jeunes"\nen = "{x:pct} of youths"\n', encoding="utf-8")
    sentence = wording.catalogue_from(file)
    assert sentence("share", x=0.5).text("fr") == "50\u202f% des jeunes"
    with pytest.raises(KeyError, match="no sentence 'part'"):
        sentence("part", x=0.5)
    with pytest.raises(KeyError, match="x"):
        sentence("share")
