"""The command line: two languages, exit statuses, answers on stdout, and no traceback for anything a user can do."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

from evalkit import wording
from evalkit.cli import main, root, spoken_language

ROOT = Path(__file__).resolve().parents[2]
COMMANDS = [(), *((name,) for name in root.commands)] + [
    (name, inner) for name, group in root.commands.items() for inner in getattr(group, "commands", {})
]


@pytest.fixture(autouse=True)
def plain_environment(monkeypatch, tmp_path):
    for name in ("EVALKIT_LANG", "LC_ALL", "LC_MESSAGES"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("LANG", "fr_FR.UTF-8")
    monkeypatch.setenv("COLUMNS", "100")
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def run(capsys):
    def go(*args: object) -> tuple[int, str, str]:
        status = main([str(a) for a in args])
        # The spaces at which French lines do not break are tested in test_wording.py.
        out, err = (re.sub("[\u00a0\u202f]", " ", text) for text in capsys.readouterr())
        return status, out, err

    return go


# --- language and help -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("args", "environment", "lang"),
    [
        ([], {}, "en"),
        ([], {"LANG": "fr_FR.UTF-8"}, "fr"),
        ([], {"LANG": "fr_FR.UTF-8", "LC_ALL": "en_GB.UTF-8"}, "en"),
        ([], {"LANG": "de_DE.UTF-8"}, "en"),
        ([], {"LANG": "fr_FR.UTF-8", "EVALKIT_LANG": "en"}, "en"),
        (["study", "run", "--lang", "fr"], {"EVALKIT_LANG": "en"}, "fr"),
        (["--lang=en"], {"LANG": "fr"}, "en"),
        (["--lang", "de"], {"LANG": "fr"}, "fr"),
    ],
)
def test_the_language_is_asked_for_then_chosen_then_that_of_the_machine(args, environment, lang):
    assert spoken_language(args, environment) == lang


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_every_help_page_is_in_french_without_a_word_of_english(run, command):
    status, out, _ = run(*command, "--help")
    assert status == 0
    assert out.startswith("Utilisation : evalkit")
    assert not re.search(r"\b(Usage|Options:|Commands|Show|show|the|and|file|folder)\b", out), out


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_every_help_page_is_in_english_without_a_word_of_french(run, command):
    status, out, _ = run(*command, "--help", "--lang", "en")
    assert status == 0
    assert out.startswith("Usage: evalkit")
    assert not re.search(r"\b(Utilisation|Affiche|affiche|dossier|fichier|les?|des|une)\b", out), out


def test_help_loads_click_and_nothing_heavier():
    code = (
        "import sys; from evalkit.cli import main; main(['study', 'run', '--help']); "
        "print(*{m.partition('.')[0] for m in sys.modules} - sys.stdlib_module_names)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT)
    loaded = set(done.stdout.splitlines()[-1].split())
    assert loaded <= {"evalkit", "click", "__main__", "_virtualenv", "_distutils_hack"} | {
        name for name in loaded if name.startswith(("__editable__", "sitecustomize"))
    }


@pytest.mark.parametrize(
    ("args", "said"),
    [
        (["stuby"], "la commande « stuby » n’existe pas (vouliez-vous dire « study » ?)"),
        (["zzz"], "la commande « zzz » n’existe pas."),
        (["study", "run", "--jbs", "2"], "l’option « --jbs » n’existe pas (vouliez-vous dire « --jobs » ?)"),
        (["study", "run", "--jobs", "0"], "--jobs : « 0 » n’est pas un nombre entier d’au moins 1"),
        (["study", "run", "--jobs", "deux"], "--jobs : « deux » n’est pas un nombre entier"),
        (["study", "run", "--jobs"], "l’option --jobs attend une valeur"),
        (["study", "run", "--quiet=1"], "l’option --quiet ne prend pas de valeur"),
        (["study", "new"], "il manque DOSSIER"),
        (["study", "check", "a", "b"], "en trop sur la ligne : b"),
        (["--lang", "de"], "la langue « de » n’est pas écrite ici"),
    ],
)
def test_usage_errors_are_explained_in_french_and_exit_2(run, args, said):
    status, out, err = run(*args)
    assert status == 2
    assert out == ""
    assert err.startswith("Erreur :")
    assert said in err


def test_no_command_shows_the_help_and_exits_2(run):
    status, out, err = run()
    assert (status, out) == (2, "")
    assert "Commandes" in err


def test_main_leaves_the_language_as_it_was(run):
    wording.set_language("en")
    try:
        run("--help")
        assert wording.chosen_language() == "en"
    finally:
        wording.set_language(None)


# --- study -----------------------------------------------------------------------------------------------------------------------


@pytest.fixture
def mine(run) -> Path:
    status, out, _ = run("study", "new", "mine")
    assert status == 0
    assert "evalkit study run mine" in out
    return Path("mine")


def test_a_run_prints_the_answer_then_the_path_of_the_report_last(run, mine):
    status, out, err = run("study", "run", mine)
    assert (status, err) == (0, "")
    lines = out.splitlines()
    assert lines[0] == "Une étude à écrire"
    assert lines[2].startswith("36 jeunes mobilisés sur 100 repérés")
    report = lines[-1].removeprefix("Rapport : ")
    assert Path(report).is_file()


def test_a_run_answers_in_english_when_asked(run, mine):
    _, out, _ = run("study", "run", mine, "--lang", "en", "--out", "elsewhere")
    assert "36 youths mobilised" in out
    assert out.splitlines()[-1] == "Report: elsewhere/report-en.html"


def test_json_is_one_value_and_nothing_else(run, mine):
    _, out, _ = run("study", "run", mine, "--json", "--lang", "en")
    said = json.loads(out)
    assert said["answer"] == ["36 youths mobilised of 100 spotted, 36%. Invented figures, to be replaced."]
    assert Path(said["tables"]["mobilised_by_site"]).is_file()
    assert Path(said["report"]).is_file()


def test_check_exits_0_then_1_when_an_expected_cell_is_changed(run, mine):
    assert run("study", "check", mine)[0] == 0
    expected = mine / "expected" / "mobilised_by_site.csv"
    expected.write_text(expected.read_text(encoding="utf-8").replace(",24,", ",25,"), encoding="utf-8")
    status, out, err = run("study", "check", mine)
    assert (status, err) == (1, "")
    plain = " ".join(out.split())
    assert "Dérive : 1 différence" in plain
    assert "ligne site=south, colonne « numerator » : attendu 25, trouvé 24 (écart -1)" in plain
    status, out, _ = run("study", "check", mine, "--json")
    assert status == 1
    assert json.loads(out)["differences"][0]["got"] == "24"


def test_accept_makes_the_new_tables_the_expected_ones(run, mine):
    facts = mine / "facts" / "example.csv"
    facts.write_text(facts.read_text(encoding="utf-8").replace("40,12", "40,13"), encoding="utf-8")
    assert run("study", "check", mine)[0] == 1
    status, out, _ = run("study", "run", mine, "--accept")
    assert status == 0
    assert "1 tableau attendu remplacé dans mine/expected" in out
    assert run("study", "check", mine)[0] == 0


def test_wrong_input_exits_2_with_a_sentence_and_no_traceback(run, mine):
    (mine / "study.toml").write_text("kind = 12,5\n", encoding="utf-8")
    status, out, err = run("study", "run", mine)
    assert (status, out) == (2, "")
    assert "ligne 1" in err
    assert "Traceback" not in err


def test_an_error_in_a_script_points_to_its_line_and_debug_shows_the_traceback(run, mine):
    (mine / "analysis.py").write_text("def analyse(study):\n    return 1 / 0\n", encoding="utf-8")
    status, _, err = run("study", "run", mine)
    assert status == 2
    assert "analysis.py, ligne 2" in err
    assert "Traceback" not in err
    _, _, err = run("study", "run", mine, "--debug")
    assert "Traceback" in err
    assert "ZeroDivisionError" in err


def test_an_unexpected_error_is_evalkits_fault_and_says_how_to_see_more(run, mine, monkeypatch):
    from evalkit.study import Study

    monkeypatch.setattr(Study, "load", lambda *_, **__: 1 / 0)
    status, out, err = run("study", "run", mine)
    assert (status, out) == (70, "")
    assert "evalkit a un défaut" in err
    assert "--debug" in err
    assert "Traceback" not in err
    assert "Traceback" in run("study", "run", mine, "--debug")[2]


# --- scenario --------------------------------------------------------------------------------------------------------------------

TINY = """
name = "tiny"
title = { fr = "Un guichet", en = "A counter" }
[pathway]
start = 2024-01-01
end = 2024-03-31
[pathway.pools.counter]
weekly = 3
[pathway.sources.street]
to = "queue"
arrivals = "fixed"
periods = [{ from = 2024-01-01, to = 2024-03-31, number = 39 }]
[pathway.states.queue]
kind = "wait"
pool = "counter"
done = "served"
[pathway.states.served]
kind = "exit"
"""


@pytest.fixture
def tiny() -> Path:
    path = Path("tiny.toml")
    path.write_text(TINY, encoding="utf-8")
    return path


def rows(text: str) -> list[list[str]]:
    """Return the cells of the printed lines, which stand at least three spaces apart."""
    return [re.split(r" {3,}", line.strip()) for line in text.splitlines()]


def test_a_good_scenario_is_said_to_be_good(run, tiny):
    status, out, err = run("scenario", "check", tiny)
    assert (status, err) == (0, "")
    assert "tiny.toml : correct" in out


def test_the_faults_of_all_files_are_said_at_once(run, tiny):
    Path("a.toml").write_text(TINY.replace("number = 39", "nomber = 39"), encoding="utf-8")
    Path("b.toml").write_text(TINY.replace("weekly = 3", "weekly = 3,5"), encoding="utf-8")
    status, out, err = run("scenario", "check", "a.toml", tiny, "b.toml", "c.toml")
    assert (status, out) == (2, "")
    assert "a.toml, ligne 12 :" in err
    assert "vouliez-vous dire « number » ?" in " ".join(err.split())
    assert "b.toml, ligne 8 : weekly = 3,5 : écrivez 3.5" in err
    assert "c.toml : ce fichier n’existe pas" in err


def test_diff_says_what_changes(run, tiny):
    Path("more.toml").write_text(
        TINY.replace("weekly = 3", "weekly = 5").replace('"tiny"', '"more"'), encoding="utf-8"
    )
    status, out, _ = run("scenario", "diff", tiny, "more.toml")
    assert status == 0
    assert ["pathway.pools.counter.weekly", "3", "5"] in [row[:3] for row in rows(out)]


def test_a_run_gives_results_use_of_slots_and_the_seed(run, tiny):
    status, out, err = run("scenario", "run", tiny, "--replications", 3, "--seed", 7)
    assert (status, err) == (0, "")
    assert ["repérés", "39", "39", "39"] in rows(out)
    assert [row[2] for row in rows(out) if row[0] == "counter"] == ["39"]  # thirteen weeks of three slots
    assert "ils ne mesurent aucun effet" in out
    assert "Graine : 7" in out


def test_a_run_does_not_depend_on_the_number_of_processes(run, tiny):
    one, two = (
        run("scenario", "run", tiny, "--replications", 3, "--jobs", jobs, "--json")[1] for jobs in (1, 2)
    )
    assert json.loads(one) == json.loads(two)


def test_a_run_writes_all_its_results(run, tiny):
    _, out, _ = run("scenario", "run", tiny, "--replications", 2, "--out", "results")
    assert {p.name for p in Path("results").iterdir()} == {
        "outputs.csv", "outputs.json", "outputs_plays.csv", "utilisation.csv", "utilisation.json",
    }  # fmt: skip
    assert out.rstrip().endswith("results")


def test_vary_sets_the_values_side_by_side(run, tiny):
    status, out, _ = run(
        "scenario", "run", tiny, "--vary", "pathway.pools.counter.weekly=3:5:2", "--replications", 2
    )
    assert status == 0
    heading = next(row for row in rows(out) if row[0] == "résultat")
    assert heading[2:] == ["pathway.pools.counter.weekly = 3", "pathway.pools.counter.weekly = 5"]
    assert ["repérés", "39", "39"] in rows(out)
    alone = [TINY.replace("weekly = 3", f"weekly = {slots}") for slots in (3, 5)]
    waits = []
    for number, text in enumerate(alone):
        Path(f"{number}.toml").write_text(text, encoding="utf-8")
        _, single, _ = run("scenario", "run", f"{number}.toml", "--replications", 2)
        waits.append(next(row for row in rows(single) if row[0] == "jours d’attente d’un rendez-vous")[2])
    assert ["jours d’attente d’un rendez-vous", "queue", *waits] in rows(out)
    assert waits[0] != waits[1]


def test_vary_explains_its_form(run, tiny):
    status, _, err = run("scenario", "run", tiny, "--vary", "weekly")
    assert status == 2
    assert "écrivez clé=de:à:pas" in err


def test_trace_tells_one_person_and_names_others_when_there_is_none(run, tiny):
    status, out, _ = run("scenario", "run", tiny, "--trace", "street-all-00001")
    assert status == 0
    assert [row[2] for row in rows(out) if len(row) == 5][1:] == ["queue", "served"]
    status, _, err = run("scenario", "run", tiny, "--trace", "Camille")
    assert status == 2
    assert "street-all-00001" in err


def test_compare_gives_differences_from_the_first_file(run, tiny):
    Path("more.toml").write_text(
        TINY.replace("number = 39", "number = 45").replace('"tiny"', '"more"'), encoding="utf-8"
    )
    status, out, err = run("scenario", "compare", tiny, "more.toml", "--replications", 2)
    assert (status, err) == (0, "")
    assert ["repérés", "39", "45", "6", "6", "6", "6", "6"] in rows(out)
    assert "même hasard" in out
    status, _, err = run("scenario", "compare", tiny)
    assert status == 2
    assert "au moins deux scénarios" in err


# --- describe --------------------------------------------------------------------------------------------------------------------

DASHBOARD = ROOT / "examples" / "dashboard"


def test_describe_answers_in_a_few_sentences_and_writes_a_page(run):
    status, out, err = run("describe", DASHBOARD, "--out", "page", "--quiet")
    assert (status, err) == (0, "")
    assert "Au 30 juin 2011, jeunes repérés : 115." in out
    assert "À rappeler aujourd’hui" in out
    assert "entament un silence de trois mois" in " ".join(out.split())
    assert out.splitlines()[-1] == "Rapport : page/report-fr.html"
    for name in ("flow_table", "table_one", "indicators", "alert", "disengagement", "disengagement_days"):
        assert (Path("page") / f"{name}.csv").is_file()
    assert "table-changes" not in Path("page/report-fr.html").read_text(encoding="utf-8")


def test_describe_says_what_was_read_and_kept_beside_the_answer(run):
    status, out, err = run("describe", DASHBOARD, "--out", "page")
    assert status == 0
    said = " ".join(err.split())
    assert said.startswith("Tableau de bord : 115 jeunes, ")
    assert "- jeunes.csv : 115 lignes de la table jeunes ; colonnes reconnues : " in said
    assert "colonnes reconnues" not in out
    _, as_json, err = run("describe", DASHBOARD, "--out", "page", "--lang", "en", "--json")
    assert json.loads(as_json)
    assert "jeunes.csv: 115 rows of the table people" in " ".join(err.split())


@pytest.mark.parametrize("lang", ["fr", "en"])
def test_the_parts_of_the_mobilised_add_up(run, lang):
    _, out, _ = run("describe", DASHBOARD, "--out", "page", "--lang", lang, "--quiet")
    words = " ".join(out.split())
    whole = re.search(r"(?:mobilisés :|mobilised:) (\d+)", words)
    parts = re.search(r"(?:Parmi les mobilisés|Among those mobilised), (.*?)\. ", words)
    assert sum(int(n) for n in re.findall(r": (\d+)", parts[1])) == int(whole[1]) == 65


PEOPLE = "person,spotted_on,entered_on\n" + "".join(f"{i},2010-12-01,2011-01-01\n" for i in range(40))


@pytest.mark.parametrize(
    ("files", "found"),
    [
        ({}, "people.csv."),
        ({"evenement_du_mois.csv": "person,date\n1,2011-02-01\n"}, "people.csv et evenement_du_mois.csv."),
        ({"events.csv": "person,date\n"}, "events.csv et people.csv."),
    ],
)
def test_a_dashboard_without_any_act_is_refused_with_the_names_looked_for(run, files, found):
    folder = Path("noacts")
    folder.mkdir()
    for name, content in {"people.csv": PEOPLE, **files}.items():
        (folder / name).write_text(content, encoding="utf-8")
    status, out, err = run("describe", folder, "--as-of", "30/06/2011", "--out", "page")
    assert (status, out) == (2, "")
    said = " ".join(err.split())
    assert "noacts : aucun acte n’a été lu" in said
    assert f"Trouvé : {found}" in said
    assert "Vérifiez les noms" in said
    assert not Path("page").exists()


def test_the_names_of_files_that_are_told_are_those_that_are_read():
    from evalkit.followup.sources import table_of

    for lang, names in (
        ("fr", ["evenements", "actes", "rendez-vous", "situations"]),
        ("en", ["events", "acts", "appointments", "situations"]),
    ):
        said = wording.text("cli.no_acts", lang, found=[])
        assert all(name in said and table_of(name, {}) for name in names)


def test_describe_says_what_changed_since_an_earlier_dashboard(run):
    later = ROOT / "examples" / "dashboard-later"
    status, out, _ = run(
        "describe", later, "--previous", DASHBOARD, "--out", "page", "--lang", "en", "--json"
    )
    assert status == 0
    said = json.loads(out)
    assert {row["term"] for row in said["tables"]["changes"] if row["part"] == "people"} >= {"new", "moved"}
    assert "What changed since the last export" in Path(said["report"]).read_text(encoding="utf-8")


def test_a_dashboard_of_real_people_is_masked(run):
    folder = Path("real")
    folder.mkdir()
    for file in DASHBOARD.iterdir():
        (folder / file.name).write_bytes(file.read_bytes())
    (folder / "dashboard.toml").write_text("as_of = 2011-06-30\n", encoding="utf-8")
    status, out, _ = run("describe", folder, "--out", "page")
    assert status == 0
    assert "Masqué : moins de 11" in " ".join(out.split())
    assert "masqué" in Path("page/report-fr.html").read_text(encoding="utf-8")
    status, out, _ = run(
        "describe", folder, "--out", "page", "--threshold", 3, "--reason", "accord écrit du service"
    )
    assert status == 0
    assert "accord écrit du service" in Path("page/report-fr.html").read_text(encoding="utf-8")


def test_lowering_the_threshold_needs_a_reason(run):
    status, out, err = run("describe", DASHBOARD, "--threshold", 5)
    assert (status, out) == (2, "")
    assert "écrivez pourquoi avec --reason" in err


def test_a_dashboard_without_entries_says_that_no_curve_can_be_drawn(run):
    folder = Path("listed")
    folder.mkdir()
    (folder / "people.csv").write_text(
        "person,spotted_on\n" + "".join(f"{i},2011-01-01\n" for i in range(30)), encoding="utf-8"
    )
    status, out, err = run("describe", folder, "--as-of", "30/06/2011", "--out", "page", "--quiet")
    assert (status, err) == (0, "")
    assert "entament" not in out
    assert "ne peut pas être estimé" in Path("page/report-fr.html").read_text(encoding="utf-8")


def test_a_template_is_written_once_and_read_back(run):
    status, out, _ = run("describe", "--template", "tableau.xlsx")
    assert status == 0
    assert "tableau.xlsx" in out
    assert Path("tableau.xlsx").is_file()
    assert run("describe", "--template", "tableau.xlsx")[0] == 2
    assert run("describe", "--template", "tableau.csv")[0] == 2


def test_describe_needs_something_to_read(run):
    for args in (["describe"], ["describe", "nowhere"]):
        status, out, err = run(*args)
        assert (status, out) == (2, "")
        assert "Traceback" not in err


# --- streams ---------------------------------------------------------------------------------------------------------------------


def test_a_stream_that_cannot_write_french_spaces_gets_plain_ones():
    from io import TextIOWrapper

    from evalkit.cli.common import encodable

    class Latin:
        encoding = "latin-1"

    assert encodable("36\u202f% d’élèves − 1…", Latin()) == "36\u00a0% d'élèves - 1..."
    assert encodable("36\u202f%", sys.__stdout__ if isinstance(sys.__stdout__, TextIOWrapper) else None)
