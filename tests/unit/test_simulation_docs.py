"""The page on simulation is run; the page on scenarios is what its script makes, and its examples are read."""

import doctest
import subprocess
import sys
from pathlib import Path

from evalkit.simulation import Scenario

ROOT = Path(__file__).parents[2]


def test_every_example_of_the_page_runs(monkeypatch):
    monkeypatch.chdir(ROOT)
    failed, tried = doctest.testfile(
        str(ROOT / "docs" / "simulation.md"), module_relative=False, optionflags=doctest.NORMALIZE_WHITESPACE
    )
    assert tried > 15
    assert failed == 0


def test_the_committed_tables_of_keys_are_the_generated_ones():
    done = subprocess.run(
        [sys.executable, "tools/scenario_fields.py", "--check"], cwd=ROOT, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr


def test_the_example_of_a_scenario_based_on_another_is_one(tmp_path):
    page = (ROOT / "docs" / "scenarios.md").read_text(encoding="utf-8")
    example = next(block for block in page.split("```toml\n")[1:] if "based_on" in block).split("```")[0]
    base = ROOT / "tests" / "scenarios" / "baseline.toml"
    (tmp_path / "baseline.toml").write_text(base.read_text(encoding="utf-8"), encoding="utf-8")
    (tmp_path / "more_slots.toml").write_text(example, encoding="utf-8")
    scenario = Scenario.load(tmp_path / "more_slots.toml")
    assert (scenario.name, scenario.model.counsellors.slots_per_week.at("est")) == ("more_slots", 63)
