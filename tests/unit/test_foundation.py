"""Errors, vocabulary, provenance, disclosure and results: what every room rests on."""

import csv
import json
import pickle

import numpy as np
import pandas as pd
import pytest

from evalkit.disclosure import Policy, suppress
from evalkit.errors import Drift, Fault, InputError
from evalkit.provenance import Provenance, digest
from evalkit.result import Result
from evalkit.vocabulary import Vocabulary, fold, standard
from evalkit.wording import message


def test_an_input_error_lists_all_faults_up_to_a_cap_in_the_language_asked():
    faults = [Fault({"en": f"fault {i}", "fr": f"faute {i}"}) for i in range(25)]
    error = InputError(faults)
    assert len(error.faults) == 25
    assert str(error).splitlines()[0] == "fault 0"
    assert str(error).splitlines()[-1] == "… and 5 more"
    assert error.render("fr").splitlines()[-1] == "… et 5 de plus"
    assert isinstance(error, ValueError)
    assert error.exit_code == 2


def test_errors_survive_pickling_to_another_process():
    error = pickle.loads(pickle.dumps(InputError(Fault({"en": "a", "fr": "b"}))))
    assert error.render("fr") == "b"
    assert pickle.loads(pickle.dumps(Drift({"en": "x", "fr": "y"}))).render("fr") == "y"


def test_vocabulary_recognises_codes_labels_and_aliases_whatever_the_case():
    v = standard()
    assert v.recognise("outcome", "PRÉSENT") == "attended"
    assert v.recognise("outcome", "present") == "attended"
    assert v.recognise("act", "info collective") == "group_information"
    assert v.recognise("channel", "Antennes  jeunes") == "youth_information"
    assert v.recognise("act", "zzz") is None
    assert v.nearest("act", "zzzzzz") is None
    assert fold("Démarche_d’été") == "demarche d ete"


def test_no_spelling_means_two_things_in_a_group():
    for group, terms in standard().groups.items():
        seen = {}
        for term in terms.values():
            for spelling in {fold(s) for s in (term.code, term.fr, term.en, *term.aliases)}:
                assert seen.setdefault(spelling, term.code) == term.code, (group, spelling)


def test_every_class_of_the_vocabulary_is_one_the_rules_know():
    known = {
        "status": {"engaged", "solution", "interruption", "exit", "unknown"},
        "act": {"meeting", "exchange", "outreach", "professional"},
        "outcome": {"reached", "not_reached", "planned", "unclear"},
        "exit": {"event", "censored", "exit"},
    }
    for group, classes in known.items():
        assert {t.klass for t in standard().groups[group].values()} <= classes


def test_a_study_adds_words_without_touching_python():
    own = Vocabulary.of({"status": {"army": {"fr": "Armée", "en": "Army", "class": "exit"}}})
    both = standard().extended(own)
    assert both.label(["exit", "status"], "army", "fr") == "Armée"
    assert both.codes("status", "exit")[-1] == "army"
    assert standard().term("status", "army") is None
    assert both.label("status", "never heard", "fr") == "never heard"


def test_digest_depends_on_content_only(tmp_path):
    path = tmp_path / "a.txt"
    path.write_bytes(b"abc")
    assert digest(path) == digest(b"abc") == digest("abc")
    assert digest({"b": 1, "a": 2}) == digest({"a": 2, "b": 1})
    frame = pd.DataFrame({"x": [1.0, 2.0]})
    assert digest(frame) == digest(frame.copy()) != digest(frame + 1)
    with pytest.raises(ValueError, match="kind must be one of"):
        Provenance(kind="guess")


def test_lowering_the_threshold_needs_a_written_reason():
    with pytest.raises(ValueError, match="needs a written reason"):
        Policy(5)
    assert Policy(5, "open data").threshold == 5
    with pytest.raises(ValueError, match="at least 1"):
        Policy(0, "x")


def test_small_cells_and_their_complements_are_hidden_and_are_not_zero():
    table = pd.DataFrame({
        "term": list("abcd"),
        "numerator": [0, 4, 50, 98],
        "denominator": [100, 100, 100, 100],
        "estimate": [0.0, 0.04, 0.5, 0.98],
    })  # fmt: skip
    hidden, n = suppress(table, Policy())
    assert n == 2
    assert hidden["status"].tolist() == ["ok", "suppressed", "ok", "suppressed"]
    assert hidden["estimate"].isna().tolist() == [False, True, False, True]
    assert hidden["numerator"].isna().tolist() == [False, True, False, True]
    assert table["numerator"].tolist() == [0, 4, 50, 98]


def result(kind="records"):
    table = pd.DataFrame(
        {"term": ["a", "b"], "estimate": [0.5, 0.25], "n": [5, 1621], "p_value": [np.nan, 1e-9]}
    )
    return Result(
        table, message("result.simulated"), provenance=Provenance(kind=kind), glance_values={"n": 5}
    )


def test_nothing_is_saved_before_the_gate(tmp_path):
    with pytest.raises(ValueError, match="publish the result"):
        result().save(tmp_path, "r")
    path = result().publish().save(tmp_path, "r")
    assert pd.read_csv(path)["status"].tolist() == ["suppressed", "ok"]
    about = json.loads((tmp_path / "r.json").read_text(encoding="utf-8"))
    assert set(about["caveats"]) == {"fr", "en"}
    assert "masqués" in about["caveats"]["fr"][0]
    assert result().publish().glance()["n_rows"].item() == 2  # the glance held a small count


def test_no_text_of_a_saved_table_is_a_formula(tmp_path):
    formulas = ["=1+1", "+33 1", "@SUM(A1)", "\tx", "-A1", "-2+3", "-"]
    texts = [*formulas, "-5", "-0.5", "-1e-3", "Est", "", "a=1", None]
    table = pd.DataFrame({"site": texts, "=cmd": -1.5, "n": 20})
    saved = Result(table, message("result.simulated"), provenance=Provenance(kind="open")).publish()
    with open(saved.save(tmp_path, "r"), encoding="utf-8", newline="") as file:
        head, *rows = csv.reader(file)
    assert head == ["site", "'=cmd", "n"]
    kept = ["'" + t for t in formulas[:-1]] + ["-", *texts[len(formulas) : -1], ""]
    assert [row[0] for row in rows] == kept
    assert {tuple(row[1:]) for row in rows} == {("-1.5", "20")}
    assert table["site"].tolist() == texts


def test_simulated_and_published_figures_are_exempt():
    for kind in ("simulated", "published", "open"):
        assert result(kind).publish().tidy()["estimate"].notna().all()


def test_a_summary_is_readable_in_both_languages():
    fr, en = result().summary("fr"), result().summary("en")
    assert "estimation" in fr
    assert "1\u202f621" in fr
    assert "p < 0,001" in fr
    assert "estimate" in en
    assert "1,621" in en
    assert "p < 0.001" in en
    assert "<table" in result()._repr_html_()


def test_long_tables_say_how_many_rows_are_left():
    long = Result(pd.DataFrame({"n": range(100)}), message("result.simulated"))
    assert "40" in long.summary("en").splitlines()[-1]
    assert "40" in long.to_html("fr")


def test_caveats_are_not_repeated():
    caveat = message("result.no_counterfactual")
    assert result().with_caveats(caveat).with_caveats(caveat).caveats == (caveat,)
