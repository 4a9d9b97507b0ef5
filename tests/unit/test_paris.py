"""The Paris study: its facts, its sums, its scenarios, its sentences; the whole of it is run by `evalkit study check`, not here."""

import importlib
import re
import sys
import tomllib
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest

from evalkit import simulation as M
from evalkit import wording
from evalkit.report import Answer

FOLDER = Path(__file__).parents[2] / "studies" / "paris-2010"


@pytest.fixture(scope="module")
def study():
    """The study's own modules, as `analysis.py` imports them."""
    sys.path.insert(0, str(FOLDER))
    try:
        yield {name: importlib.import_module(name) for name in ("published", "answer", "pictures")}
    finally:
        sys.path.remove(str(FOLDER))
        for name in ("published", "answer", "pictures"):
            sys.modules.pop(name, None)


@pytest.fixture(scope="module")
def baseline():
    return M.Scenario.load(FOLDER / "scenarios" / "baseline.toml")


@pytest.fixture(scope="module")
def listed():
    return M.Scenario.load(FOLDER / "scenarios" / "education_nationale.toml")


# ---- the report -------------------------------------------------------------------------------------------------------------
def test_every_fact_has_its_section_and_the_sentence_that_says_it(study):
    facts = {name: f for name, f in study["published"].FACTS.items() if name != "source"}
    assert len(facts) == 129
    for name, fact in facts.items():
        assert fact["section"], name
        assert fact["quote"], name
        # A number of the report is in the sentence quoted for it.
        if isinstance(fact.get("value"), int) and fact["topic"] == "count":
            assert str(fact["value"]) in fact["quote"], name


def test_thirty_five_sums_are_redone_and_four_do_not_come_out(study):
    table = study["published"].identities().table
    assert len(table) == 35
    assert list(table.loc[table["verdict"] == "fails", "check"]) == [
        "ident620", "channels_3_others", "account", "copil_order",
    ]  # fmt: skip
    by = table.set_index("check")["computed"]
    assert by["mob"] == 170
    assert by["account"] == 152
    assert by["notdem"] == 76
    assert by["channels_int"] == 3
    assert by["window"] == 16


def test_a_sum_is_recomputed_from_the_facts_not_copied(study, monkeypatch):
    published = study["published"]
    changed = {**published.FACTS, "girls": {**published.FACTS["girls"], "value": 74}}
    monkeypatch.setattr(published, "FACTS", changed)
    table = published.identities().table.set_index("check")
    assert table.loc["sex", "computed"] == 171
    assert table.loc["sex", "verdict"] == "fails"


def test_twenty_inconsistencies_rest_on_facts_and_are_published_figures(study):
    result = study["published"].inconsistencies()
    assert len(result.table) == 20
    assert result.provenance.kind == "published"
    for row in study["published"].read("inconsistencies")["inconsistency"]:
        assert set(row["facts"]) <= set(study["published"].FACTS)
    assert "620 jeunes repérés" in result.summary("fr")


# ---- sentences --------------------------------------------------------------------------------------------------------------
def test_every_sentence_of_the_study_is_in_both_languages_with_the_same_values():
    entries = tomllib.loads((FOLDER / "wording.toml").read_text(encoding="utf-8"))
    for name, entry in entries.items():
        assert set(entry) == {"fr", "en"}, name
        fields = [set(re.findall(r"{(\w+)", entry[lang])) for lang in ("fr", "en")]
        assert fields[0] == fields[1], name


def test_every_sentence_named_in_the_code_exists_and_none_is_idle():
    entries = set(tomllib.loads((FOLDER / "wording.toml").read_text(encoding="utf-8")))
    code = "".join(path.read_text(encoding="utf-8") for path in FOLDER.glob("*.py"))
    named = set(re.findall(r'(?:say|result)\((?:[^"()]|\n)*?"(\w+)"', code)) & entries
    made = ("label_", "identity_", "name_", "named_", "vanishes_", "site_")
    idle = {e for e in entries if f'"{e}"' not in code and not e.startswith(made)}
    assert not idle
    assert len(named) > 40


def test_the_answer_never_speaks_of_an_effect():
    entries = tomllib.loads((FOLDER / "wording.toml").read_text(encoding="utf-8"))
    for name, entry in entries.items():
        for lang in ("fr", "en"):
            assert not re.search(r"\b(effets?|impacts?|effects?|p-value|significati)", entry[lang], re.I), (
                name
            )


# ---- scenarios --------------------------------------------------------------------------------------------------------------
def test_every_number_of_the_scenarios_has_a_source_and_a_range_that_holds_it(listed):
    table = listed.assumptions()
    assert (table["source"].str.len() > 5).all()
    unpublished = table[table["status"] != "published"]
    assert (unpublished["low"] <= unpublished["value"]).all()
    assert (unpublished["value"] <= unpublished["high"]).all()


def test_the_list_uses_the_values_found_elsewhere(study, listed):
    found = {p["id"]: p for p in study["published"].read("parameters")["parameter"]}
    mine = listed.assumptions().set_index("key")
    pairs = {"missed_match": "missed_match", "false_match": "false_match", "not_dropout": "share_in_solution",
             "unreachable": "share_unreachable", "delay": "list_to_contact"}  # fmt: skip
    for own, other in pairs.items():
        assert mine.loc[f"education_nationale.{own}", "value"] == found[other]["value"]
    refused = mine.loc["education_nationale.refused"]
    assert refused["value"] == pytest.approx(1 - found["share_accepting"]["value"])
    assert [refused["low"], refused["high"]] == pytest.approx(
        [1 - found["share_accepting"][k] for k in ("high", "low")]
    )
    # Three attempts, and an appointment missed by 30 % of whom 80 % book again.
    absent, again = (mine.loc[f"counsellors.{k}", "value"] for k in ("no_show_first", "rebooked"))
    attempts = mine.loc["outreach.attempts", "value"]
    come = (
        (1 - (1 - mine.loc["education_nationale.reached", "value"]) ** attempts)
        * (1 - absent)
        / (1 - absent * again)
    )
    assert come == pytest.approx(found["share_interviewed"]["value"], abs=0.05)


def test_the_baseline_stays_near_the_published_totals(study, baseline):
    played = M.replicate(baseline, n=12, seed=5, until=study["published"].END)
    table = study["published"].against(lambda key: played.values(*key)).set_index("quantity")
    aimed = table[table["low"].notna()]
    # Few plays: a mean may lie as far outside its band as its own error allows.
    slack = 4 * aimed["std_error"] + 1e-9
    assert (aimed["estimate"] >= aimed["low"] - slack).all()
    assert (aimed["estimate"] <= aimed["high"] + slack).all()
    assert table.loc[["spotted_centre", "spotted_est"], "estimate"].tolist() == [276, 345]


def test_the_same_youths_with_a_list_of_nobody_are_the_baseline(study, baseline, listed):
    nobody = listed.with_({"education_nationale.in_territory": 0.0})
    contrast = M.contrast(baseline, nobody, n=1, seed=2011, until=study["published"].END)
    assert contrast.values("mobilised").tolist() == [0]
    assert contrast.values("sooner_restricted").tolist() == [0]


# ---- the answer -------------------------------------------------------------------------------------------------------------
@pytest.fixture(scope="module")
def small(study, baseline, listed):
    """The study played as little as it can be."""
    answer, luck = study["answer"], {"seed": 2011, "until": study["published"].END}
    about = study["published"].provenance()
    played = M.contrast(baseline, listed, n=2, **luck)
    draws = M.draw_assumptions(answer.DRAWN, n=4, seed=1)
    over = M.over_assumptions(baseline, listed, draws, n=1, **luck)
    seen = M.observe([s.with_(name=s.name) for s in answer.diaries(baseline, listed, 3)], n=1, **luck)
    return {"played": played, "draws": draws, "over": over, "seen": seen, "about": about}


def test_the_funnel_narrows_from_the_list_to_the_interview(study, small):
    table = study["answer"].funnel(small["seen"].passages, 20.0, small["about"]).table
    steps = table["estimate"].to_numpy()[:-1]
    assert steps[0] == 800
    assert (np.diff(steps) < 0).all()


def test_gains_give_both_ranges_and_the_central_gain_lies_inside_luck(study, small):
    table = study["answer"].gains(small["played"], small["over"], 1, small["about"]).table.set_index("gain")
    assert (table["luck_low"] <= table["estimate"]).all()
    assert (table["estimate"] <= table["luck_high"]).all()
    assert (table["assumptions_low"] <= table["assumptions_high"]).all()
    assert table.loc["mobilised_16_18", "estimate"] <= table.loc["mobilised", "estimate"]
    assert table["draws"].eq(4).all()


def test_the_plays_behind_the_draws_are_set_against_all_plays(study, small):
    gained = study["answer"].gains(small["played"], small["over"], 1, small["about"])
    first = small["played"].values("mobilised")[0]
    assert f"elles donnent {wording.number(first, 'fr', 1)} jeunes de plus" in gained.caveats[-1].text("fr")
    said = study["answer"].against_target(small["over"]).text("en")
    assert said.startswith("30 youths were missing from the target of 200")
    assert "of the 4 sets" in said


def test_more_slots_never_lengthen_the_wait_and_the_least_that_holds_it_is_found(study):
    answer = study["answer"]
    waited = pd.Series({
        ("baseline, central", "est"): 1.0, ("education_nationale, central + 0", "est"): 1.5,
        ("education_nationale, central + 1", "est"): 1.1, ("education_nationale, central + 2", "est"): 0.9,
    })  # fmt: skip
    assert answer.held(waited, "central", "est", 2) == 2
    with pytest.raises(ValueError, match="1 more slots a week do not hold the wait; raise MORE_SLOTS"):
        answer.held(waited, "central", "est", 1)


def test_the_eight_lines_are_filled_from_the_tables(study, small, listed):
    answer = study["answer"]
    gained = answer.gains(small["played"], small["over"], 1, small["about"])
    waited = pd.DataFrame([
        {"diary": d, "who": w, "before": 1.0, "after": 1.5, "slots_centre": 1.0, "slots_est": 2.0}
        for d in answer.DIARIES for w in ("everybody", "new", "followed")
    ])  # fmt: skip
    vanish = pd.DataFrame([
        {"label": answer.name_of("education_nationale.known"), "unit": "share", "low": 0.05, "high": 0.7, "gain_low": 30.0,
         "gain_high": 10.0, "below": np.nan, "above": 0.94},
        {"label": answer.name_of("education_nationale.agreement"), "unit": "days", "low": 0.0, "high": 240.0, "gain_low": 20.0,
         "gain_high": 20.0, "below": np.nan, "above": np.nan},
    ])  # fmt: skip
    frame = answer.result(vanish, "vanishing_question", small["about"], n=1)
    lines = answer.lines(
        gained, frame, answer.result(waited, "waits_question", small["about"]), small["played"]
    )
    text = {lang: Answer(lines).text(lang) for lang in wording.LANGUAGES}
    for lang in wording.LANGUAGES:
        assert [line[:2] for line in text[lang].splitlines()] == [f"{k}." for k in range(1, 9)]
    assert "Entre le 1er juin 2010 et le 30 septembre 2011" in text["fr"]
    assert "il faudrait environ 3 créneaux de plus par semaine" in text["fr"]
    assert "dépassait 94\u202f%" in text["fr"]
    assert "à aucune valeur pour le retard de l" in text["fr"]
    assert "il y descend au pire à 10 jeunes" in text["fr"]
    assert "seraient annuellement identifiés" in text["en"]
    # Within the range, the other sentence is said.
    inside = answer.result(vanish.assign(above=[0.6, np.nan]), "vanishing_question", small["about"], n=1)
    lines = answer.lines(
        gained, inside, answer.result(waited, "waits_question", small["about"]), small["played"]
    )
    assert "est dans l" in lines[5].text("fr")


@pytest.mark.parametrize("lang", wording.LANGUAGES)
def test_every_picture_is_drawn_in_both_languages(study, small, lang):
    answer, pictures, about = study["answer"], study["pictures"], small["about"]
    gained = answer.gains(small["played"], small["over"], 1, about)
    start, comes = pd.Timestamp("2010-01-01"), pd.Timestamp("2010-10-13")
    drawn = [
        pictures.comparison(answer.comparison(small["played"], small["seen"].traits, about), lang),
        pictures.funnel(answer.funnel(small["seen"].passages, 20.0, about), lang),
        pictures.ranges(answer.ranges(gained), lang),
        pictures.tornado(20.0)(answer.deciding(small["draws"], small["over"], about), lang),
        pictures.waits(comes)(answer.waits_over_time(small["seen"].waits, start, about), lang),
    ]
    said = [
        text.get_text() for ax in drawn for text in ax.figure.findobj(match=lambda a: hasattr(a, "get_text"))
    ]
    words = {
        "fr": ["Sur la liste", "la liste arrive", "publié"],
        "en": ["On the list", "the list comes", "published"],
    }
    for word in words[lang]:
        assert any(word in text for text in said), word
    for ax in drawn:
        plt.close(ax.figure)


def test_the_expected_tables_say_what_the_readme_says():
    gained = pd.read_csv(FOLDER / "expected" / "gains.csv").set_index("gain")
    assert gained.loc["mobilised", "draws"] >= 100
    compared = pd.read_csv(FOLDER / "expected" / "published_and_simulated.csv")
    assert not (compared["verdict"] == "outside").any()
