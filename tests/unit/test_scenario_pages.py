"""The pages written from scenario files: the keys, and the STRESS-DES page; and what the commands say of numbers they doubt."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from evalkit.cli import main
from evalkit.simulation import Scenario, play
from evalkit.simulation.programme import reference, stress
from evalkit.simulation.programme.reading import beyond
from evalkit.simulation.programme.stress_diagram import mermaid

ROOT = Path(__file__).resolve().parents[2]
SCENARIOS = ROOT / "studies" / "paris-2010" / "scenarios"
BASE = ROOT / "tests" / "scenarios" / "baseline.toml"
DESK = """
name = "desk"
[pathway]
start = 2024-01-01
end = 2024-01-31
[pathway.pools.desk]
weekly = 3
[pathway.sources.list]
to = "queue"
dates = [2024-01-02]
size = 4
[pathway.states.queue]
kind = "wait"
pool = "desk"
limit = { family = "exponential", mean = 40 }
done = "out"
late = "gone"
[pathway.states.out]
kind = "exit"
[pathway.states.gone]
kind = "exit"
"""


@pytest.fixture(autouse=True)
def plain_environment(monkeypatch):
    monkeypatch.setenv("EVALKIT_LANG", "en")
    monkeypatch.setenv("COLUMNS", "100")


def told(capsys, *args):
    status = main([str(a) for a in args])
    out, err = (re.sub("[\u00a0\u202f]", " ", text) for text in capsys.readouterr())
    return status, out, err


# ---- keys ---------------------------------------------------------------------------------------------------------------
@pytest.fixture(scope="module")
def everything():
    """A scenario with every optional part, written from the files of the study."""
    parts = ("no_officers", "working_groups", "confidentiality", "named_referents", "co_accompaniment", "family_contact",
             "case_conferences", "undeclared_work", "portfolio", "merger", "national_platforms")  # fmt: skip
    made = Scenario.load(SCENARIOS / "list_and_partners.toml")
    for name in parts:
        other = Scenario.load(SCENARIOS / f"{name}.toml")
        made = made.with_({k: v for k, v in other.data.items() if k not in made.data})
    workers = {"from": "2010-06-01", **{k: ratio(1) for k in ("contact", "referrals", "silence")}}
    return made.with_({"social_workers": workers, "name": "everything"})


def ratio(value):
    return {"value": value, "unit": "ratio", "source": "x", "status": "assumed", "range": [0.5, 2]}


def test_every_number_of_a_scenario_is_a_key_of_the_page(everything):
    """Read from the values, not from the models, so that neither page nor models can leave one out."""
    known = {(k.table, k.name) for k in reference.every_key() if k.quantity is not None}
    used = set()
    for key, _, _ in everything.quantities():
        parts = key.split(".")
        if parts[0] in reference.CODES:
            parts[1] = reference.CODES[parts[0]]
        used.add((".".join(parts[:-1]), parts[-1]))
    assert used == known
    assert len(used) > 85


@pytest.mark.parametrize("lang", ["fr", "en"])
def test_every_key_has_a_unit_bounds_and_a_meaning(lang):
    keys = list(reference.every_key())
    assert len({(k.table, k.name) for k in keys}) == len(keys)
    for key in keys:
        assert key.meaning(lang), key
        assert key.unit(lang), key
        assert key.quantity is None or re.search(r"\d", key.bounds(lang)), key
    page = reference.page(lang)
    assert page.count("\n| `") == len(keys)


def test_the_page_is_in_the_language_asked_for():
    french, english = reference.page("fr"), reference.page("en")
    assert "| `patience` | jours | de 0,5 à 7 300 | oui | attente supportée" in re.sub(
        "[\u00a0\u202f]", " ", french
    )
    assert "| `patience` | days | 0.5 to 7,300 | yes | wait borne" in english
    differing = [k.name for k in reference.every_key() if k.meaning("fr") == k.meaning("en")]
    assert differing == []


# ---- STRESS-DES ---------------------------------------------------------------------------------------------------------
def item(page, number):
    return page.split(f"\n### {number} ")[1].split("\n### ")[0].split("\n## ")[0]


@pytest.mark.parametrize("lang", ["fr", "en"])
def test_the_page_has_every_item_and_every_number(everything, lang):
    page = stress.page(everything, lang)
    headings = re.findall(r"^### (\d\.\d) ", page, re.MULTILINE)
    assert headings == [f"{n}.{k}" for n, items in stress.ITEMS.items() for k in range(1, items + 1)]
    assert all(item(page, heading).strip().count("\n") >= 2 for heading in headings)
    rows = re.findall(r"^\| `([^`]+)` \|", item(page, "3.3"), re.MULTILINE)
    assert rows == everything.assumptions()["key"].tolist()
    assert everything.digest in page
    assert everything.compile().digest in page
    assert not re.search(r"\{[a-z_]+(:\w+)?\}", page.replace("{{", "").replace("}}", ""))


def test_the_value_on_the_page_is_the_one_played(everything):
    changed = everything.with_({"counsellors.notice": 11})
    row = next(r for r in item(stress.page(changed, "en"), "3.3").splitlines() if "`counsellors.notice`" in r)
    assert "| 11 | days | 1 – 21 | assumed | with_();" in row
    assert "| `notice` | delay | constant 11 | " in item(stress.page(changed, "en"), "2.2")


def test_what_differs_from_the_base_is_the_scenarios_logic():
    page = stress.page(Scenario.load(SCENARIOS / "co_accompaniment.toml"), "en")
    changed = re.findall(r"^\| `([^`]+)` \| – \| ([^ ]+) \|", item(page, "2.3"), re.MULTILINE)
    assert changed == [
        ("co_accompaniment.share", "0.78"), ("co_accompaniment.search", "30"), ("co_accompaniment.silence", "0.8"),
    ]  # fmt: skip
    assert "“baseline” (“What took place”)" in item(page, "1.3")
    present, absent = item(page, "2.2"), item(page, "3.4")
    assert "`[co_accompaniment]`" in present
    assert "Co-accompaniment by a partner" not in absent
    assert "Undeclared work" in absent
    base = stress.page(Scenario.load(SCENARIOS / "baseline.toml"), "en")
    assert "based on no other" in item(base, "2.3")


def test_a_set_number_on_the_page_is_the_number_played():
    """What a ratio makes of a channel is rounded at each site, as arrivals are."""
    five = Scenario.load(SCENARIOS / "five_sites.toml")
    came = play(five, 1).roster["source"].value_counts()
    said = dict(
        re.findall(r"^- `(\w+)`: a set number, ([\d,]+) in all", stress.page(five, "en"), re.MULTILINE)
    )
    assert said == {channel: f"{came[channel]:,}" for channel in five.model.channels}


def test_the_diagram_has_every_state_and_every_way(everything):
    tables = everything.compile().tables
    lines = [line.strip() for line in mermaid(tables)]
    boxes = {m[1] for line in lines if (m := re.fullmatch(r"s_(\w+)(?:\[/?|\(\[)\1(?:\\?\]|\]\))", line))}
    assert boxes == set(tables.states)
    arrows = {tuple(re.split(r" --> | -\.-> ", line)) for line in lines if "->" in line}
    wanted = {
        (f"s_{name}", f"s_{to}")
        for name, state in tables.states.items()
        for case in (*state.done, *state.late)
        for to, share in case.to.items()
        if share > 0
    }
    assert wanted <= arrows
    assert len(arrows - wanted) == len(tables.sources)


def test_a_pathway_of_ones_own_has_a_page_too(tmp_path):
    (tmp_path / "desk.toml").write_text(DESK, encoding="utf-8")
    page = stress.page(Scenario.load(tmp_path / "desk.toml"), "fr")
    assert "ni source ni plage" in item(page, "3.1")
    assert "| `pools.desk.weekly` | 3 |" in item(page, "3.3")
    assert "| `queue` | file : desk | limite : exponentielle 40 | out | gone |" in re.sub(
        "[\u00a0\u202f]", " ", page
    )


# ---- commands -----------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("lang", "first"), [("fr", "# Les clés d’un fichier"), ("en", "# The keys of a scenario")]
)
def test_the_command_prints_the_keys(capsys, lang, first):
    status, out, _ = told(capsys, "scenario", "reference", "--lang", lang)
    assert status == 0
    assert out.startswith(first)
    status, out, _ = told(capsys, "scenario", "reference", "--json", "--lang", lang)
    assert {"table", "key", "unit", "bounds", "meaning"} <= set(json.loads(out)[0])


def test_the_command_prints_the_stress_page_or_the_faults(capsys, tmp_path):
    (tmp_path / "desk.toml").write_text(DESK, encoding="utf-8")
    status, out, _ = told(capsys, "scenario", "stress", tmp_path / "desk.toml", "--lang", "fr")
    assert status == 0
    assert out.startswith("# Fiche STRESS-DES : desk")
    status, out, _ = told(capsys, "scenario", "stress", tmp_path / "desk.toml", "--json")
    assert json.loads(out)["page"].startswith("# STRESS-DES page: desk")
    (tmp_path / "desk.toml").write_text(DESK.replace('to = "queue"', 'to = "quue"'), encoding="utf-8")
    status, out, err = told(capsys, "scenario", "stress", tmp_path / "desk.toml")
    assert (status, out) == (2, "")
    assert "“quue”" in err


def test_a_seed_too_large_is_a_mistake_of_the_command(capsys):
    status, _, err = told(capsys, "scenario", "run", BASE, "--seed", 2**64)
    assert status == 2
    assert "“18446744073709551616” is too large; the largest number possible is 18446744073709551615" in err


def test_values_beyond_the_plausible_range_are_said(capsys):
    args = (
        "scenario",
        "run",
        BASE,
        "--replications",
        2,
        "--vary",
        "counsellors.slots_per_week.est=30:40:10",
        "--quiet",
    )
    status, out, _ = told(capsys, *args)
    assert status == 0
    assert "- counsellors.slots_per_week.est = 40: outside the range said to be plausible, 12 to 36." in out
    assert "counsellors.slots_per_week.est = 30: outside" not in out
    status, out, _ = told(capsys, *args, "--json")
    assert len(json.loads(out)["caveats"]) == 1


def test_one_number_for_all_sites_is_held_to_the_range_of_each():
    base = Scenario.load(BASE)
    said = [c.text("en") for c in beyond(base, base.with_({"counsellors.slots_per_week": 32}))]
    assert said == ["counsellors.slots_per_week = 32: outside the range said to be plausible, 10 to 30."]
    said = [c.text("en") for c in beyond(base, base.with_({"counsellors.notice": {"centre": 5, "est": 30}}))]
    assert said == ["counsellors.notice.est = 30: outside the range said to be plausible, 1 to 21."]
    # A published number has no range to leave.
    assert beyond(base, base.with_({"follow_up.silence": 60})) == []


# ---- what a reader of French sees -------------------------------------------------------------------------------------------
def test_differences_and_one_person_are_told_in_french(tmp_path, capsys):
    file, merged = tmp_path / "desk.toml", SCENARIOS / "merger.toml"
    file.write_text(DESK, encoding="utf-8")
    status, out, _ = told(capsys, "scenario", "--lang", "fr", "diff", SCENARIOS / "baseline.toml", merged)
    assert status == 0
    assert re.search(r"merger\.slots +– +0,9 +part ", out)
    status, out, _ = told(capsys, "scenario", "--lang", "fr", "run", file, "--trace", "list-all-00001")
    assert status == 0
    assert re.search(r"premier +out +sortie", out)
    status, out, _ = told(capsys, "scenario", "--lang", "fr", "compare", file, file)
    assert status == 2
    page = stress.page(Scenario.load(SCENARIOS / "list_and_partners.toml"), "fr")
    assert not re.search(r"[a-zé0-9]; ", page.split("## 3.")[0])
    assert "| 0,9 | part |" in page


def test_a_folder_that_cannot_be_written_to_is_said_before_anything_is_played(tmp_path, capsys):
    desk, file = tmp_path / "desk.toml", tmp_path / "file"
    desk.write_text(DESK, encoding="utf-8")
    file.write_text("", encoding="utf-8")
    status, _, err = told(capsys, "scenario", "run", desk, "--out", file / "results")
    assert status == 2
    assert "--out: the folder" in err
    status, _, err = told(capsys, "scenario", "compare", desk, SCENARIOS / "baseline.toml", "--out", file)
    assert status == 2
    assert "cannot be written to" in " ".join(err.split())


def test_a_list_of_tables_is_shown_as_the_file_writes_it():
    desk = Scenario.of({"name": "desk", "pathway": {
        "start": "2024-01-01", "end": "2024-01-31", "states": {"out": {"kind": "exit"}},
        "sources": {"street": {"to": "out", "periods": [{"from": "2024-01-01", "to": "2024-01-31", "number": 2}]}},
    }})  # fmt: skip
    assert "| { from = 2024-01-01, to = 2024-01-31, number = 2 } |" in stress.page(desk, "en")
