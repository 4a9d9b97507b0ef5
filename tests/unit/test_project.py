"""The project around the code: what an import costs, what the locks pin, how the entry script fails."""

from __future__ import annotations

import ast
import importlib
import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.version import Version

ROOT = Path(__file__).resolve().parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
LOCKS = sorted((ROOT / "requirements").glob("*.txt"))


def pins(name: str) -> dict[str, set[Version]]:
    """Return each package of a lock with its versions (several where they depend on the Python)."""
    found: dict[str, set[Version]] = {}
    for line in (ROOT / "requirements" / name).read_text(encoding="utf-8").splitlines():
        pin = re.match(r"([a-z0-9-]+)==([^ ]+)", line)
        if pin:
            found.setdefault(pin[1], set()).add(Version(pin[2]))
    return found


def test_import_evalkit_loads_nothing_but_itself_and_the_standard_library():
    # Far below a tenth of `import pandas`, without a clock: benchmarks/import_time.py has the clock.
    code = (
        "import sys; before = set(sys.modules); import evalkit; "
        "print(*{m.partition('.')[0] for m in set(sys.modules) - before} - sys.stdlib_module_names)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT)
    assert done.stdout.split() == ["evalkit"]


@pytest.mark.parametrize("target", PROJECT["scripts"].values())
def test_console_entry_points_resolve(target):
    module, _, name = target.partition(":")
    assert callable(getattr(importlib.import_module(module), name))


@pytest.mark.parametrize("lock", ["lock.txt", "lock-dev.txt"])
def test_the_locks_keep_lifelines_and_pandas_compatible(lock):
    found = pins(lock)
    assert min(found["lifelines"]) >= Version("0.30.3")
    assert {version.major for version in found["pandas"]} == {2}
    assert "torch" not in found


@pytest.mark.parametrize("lock", LOCKS, ids=lambda path: path.name)
def test_the_locks_name_no_address_and_hash_everything(lock):
    text = lock.read_text(encoding="utf-8")
    assert "://" not in text
    assert "index-url" not in text
    requirements = re.split(r"\n(?=[a-z0-9-]+==)", text)[1:]
    assert requirements
    assert [r.partition(" ")[0] for r in requirements if "--hash=sha256:" not in r] == []


def test_the_locks_are_not_older_than_the_declared_dependencies():
    extras = PROJECT["optional-dependencies"].values()
    declared = {"lock.txt": PROJECT["dependencies"]}
    declared["lock-dev.txt"] = [*PROJECT["dependencies"], *(line for extra in extras for line in extra)]
    stale = [
        f"{lock}: {line}"
        for lock, lines in declared.items()
        for requirement, line in ((Requirement(line), line) for line in lines)
        if not all(v in requirement.specifier for v in pins(lock).get(requirement.name, {Version("0")}))
    ]
    assert stale == [], "run ./run lock"


def test_the_developers_lock_holds_the_same_versions_as_the_users():
    users, developers = pins("lock.txt"), pins("lock-dev.txt")
    assert {name: developers.get(name) for name in users} == users


def imported(path: Path) -> set[str]:
    """Return the top names a module imports, inside functions too."""
    nodes = list(ast.walk(ast.parse(path.read_text(encoding="utf-8"))))
    names = {alias.name for node in nodes if isinstance(node, ast.Import) for alias in node.names}
    names |= {node.module or "" for node in nodes if isinstance(node, ast.ImportFrom) and not node.level}
    return {name.partition(".")[0] for name in names}


def test_only_modules_named_numba_import_numba():
    modules = (ROOT / "evalkit").rglob("*.py")
    assert [m.name for m in modules if not m.stem.endswith("_numba") and "numba" in imported(m)] == []


# --- ./run ----------------------------------------------------------------------------------------------------------------------

TOOLS = ("sh", "cat", "cksum", "dirname", "ls")


@pytest.fixture
def run(tmp_path):
    """Return a function that calls ./run where only `python3`, given as a script, and the barest tools are to be found."""
    folder = tmp_path / "bin"
    folder.mkdir()
    for tool in TOOLS:
        (folder / tool).symlink_to(shutil.which(tool))

    def call(*arguments, python=None):
        if python is not None:
            (folder / "python3").write_text(f"#!/bin/sh\n{python}\n", encoding="utf-8")
            (folder / "python3").chmod(0o755)
        environment = {"PATH": str(folder), "EVALKIT_VENV": str(tmp_path / "venv"), "LC_ALL": "C.UTF-8"}
        command = [str(ROOT / "run"), *arguments]
        return subprocess.run(command, capture_output=True, encoding="utf-8", env=environment, check=False)

    return call


def test_run_alone_says_what_it_can_do(run):
    done = run()
    assert done.returncode == 0
    assert "./run demo" in done.stdout
    assert "./run test" in done.stdout


@pytest.mark.parametrize(
    ("python", "remedy"),
    [
        (None, "apt-get install python3 python3-venv"),
        ("echo 3.9; exit 1", "apt-get install python3 python3-venv"),
        # Debian without python3-venv: Python answers, but cannot import ensurepip.
        ("case $2 in *ensurepip*) exit 1 ;; *) echo 3.11 ;; esac", "apt-get install python3.11-venv"),
    ],
    ids=["no Python", "Python too old", "no venv"],
)
def test_run_says_in_one_line_and_both_languages_what_is_missing(run, python, remedy):
    done = run("demo", python=python)
    assert (done.returncode, done.stdout) == (2, "")
    [line] = done.stderr.splitlines()
    french, english = line.split(" | ")
    assert french.startswith("run : ")
    assert english.startswith("run: ")
    assert french.endswith(remedy)
    assert english.endswith(remedy)


@pytest.mark.parametrize(
    "arguments", [["demo", "--lang", "de"], ["demo", "--lang"], ["demo", "--fast"], ["frob"]]
)
def test_run_refuses_what_it_does_not_know(run, arguments):
    done = run(*arguments)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.splitlines()[-1].startswith("run : ")
