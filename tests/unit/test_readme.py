"""The README's Python block is copied and run as it stands, from the project's folder."""

import re
from pathlib import Path

import matplotlib.pyplot as plt

ROOT = Path(__file__).resolve().parents[2]


def test_the_python_of_the_readme_runs_as_it_is_copied(monkeypatch):
    blocks = re.findall(
        r"^```python\n(.*?)^```", (ROOT / "README.md").read_text(encoding="utf-8"), re.M | re.S
    )
    assert len(blocks) == 1
    monkeypatch.chdir(ROOT)
    said: dict = {}
    plt.close("all")
    exec(compile(blocks[0], "README.md", "exec"), said)
    assert said["tte"].causes == ("disengaged", "solution", "exit")
    assert said["tte"].n_by_cause["disengaged"] > 0
    axes = plt.gcf().axes
    assert axes
    assert axes[0].lines
    plt.close("all")
