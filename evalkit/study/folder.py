"""A study: a folder that regenerates its results and says when they drift.

Not an estimator: what is computed stands in the folder's `analysis.py`, which uses evalkit as anybody would.
"""

from __future__ import annotations

import contextlib
import importlib.util
import json
import shutil
import sys
import tempfile
import tomllib
import traceback
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Self

from evalkit import wording
from evalkit.disclosure import Policy
from evalkit.errors import EvalkitError, InputError, MissingData
from evalkit.provenance import Provenance, digest
from evalkit.report import Answer, Document, Figure, Part, Table
from evalkit.study.comparing import Check, compare
from evalkit.study.declaration import Declaration
from evalkit.tomlfile import load, validate
from evalkit.wording import fault

#: What makes a study, for its provenance; everything else in the folder is free.
_SOURCES = ("study.toml", "plan.md", "*.py", "facts/**/*", "scenarios/**/*")


def _silent(_: str) -> None:
    pass


@dataclass(frozen=True)
class Run:
    """What one run of a study wrote.

    Parameters
    ----------
    folder : Path
        Holds a CSV and a JSON per table, `provenance.json`, and the reports.
    answer : Answer or None
    tables : mapping of str to Result
        The published results, by name.
    reports : mapping of str to Path
        Language to HTML page.
    """

    folder: Path
    answer: Answer | None
    tables: dict[str, Any]
    reports: dict[str, Path]


@dataclass(frozen=True)
class Study:
    """A study folder, read and checked, ready to run.

    Parameters
    ----------
    folder : Path
    declaration : Declaration
        What `study.toml` says.
    data_folder : Path or None
        Where the files the study does not ship were looked for, when the caller chose.
    jobs : int
        Processes `analysis.py` may use.
    progress : callable
        Called with the name of each part as it is made.

    Examples
    --------
    >>> import tempfile
    >>> from evalkit.study import Study, new
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     study = Study.load(new(folder + "/mine"))
    ...     study.check().ok
    True
    """

    folder: Path
    declaration: Declaration
    data_folder: Path | None = None
    jobs: int = 1
    progress: Callable[[str], None] = field(default=_silent, compare=False)

    @classmethod
    def load(cls, path: str | Path, *, data: str | Path | None = None) -> Self:
        """Read a study folder.

        Parameters
        ----------
        path : str or Path
            The folder, or its `study.toml`.
        data : str or Path, optional
            Where the files the study does not ship lie, instead of the places it names.

        Raises
        ------
        InputError
            If the folder is not a study, or `study.toml` has faults: all are listed, with their lines.
        """
        folder = Path(path)
        folder = folder.parent if folder.name == "study.toml" else folder
        absent = [name for name in ("study.toml", "analysis.py") if not (folder / name).is_file()]
        if absent:
            raise InputError(fault("study.not_a_study", file=folder, absent=absent))
        declaration = validate(Declaration, load(folder / "study.toml"))
        return cls(folder, declaration, None if data is None else Path(data))

    @property
    def name(self) -> str:
        """The name of the folder."""
        return self.folder.resolve().name

    @property
    def seed(self) -> int:
        """The seed of `study.toml`."""
        if self.declaration.seed is None:
            raise InputError(fault("study.no_seed", file=self.folder / "study.toml"))
        return self.declaration.seed

    @property
    def policy(self) -> Policy:
        """The disclosure rule every result of the study passes through."""
        return self.declaration.disclosure.policy()

    def path(self, *parts: str) -> Path:
        """Return a path inside the folder, for example ``study.path("scenarios", "baseline.toml")``."""
        return self.folder.joinpath(*parts)

    def facts(self, name: str) -> Any:
        """Return `facts/<name>`: a DataFrame from CSV, a dict or list from TOML or JSON.

        Raises
        ------
        InputError
            If there is no such file, or it is none of the three.
        """
        path = self.path("facts", name)
        if not path.is_file():
            raise InputError(fault("study.no_fact", file=path))
        if path.suffix == ".csv":
            import pandas as pd

            return pd.read_csv(path)
        if path.suffix == ".toml":
            return tomllib.loads(path.read_text(encoding="utf-8"))
        if path.suffix == ".json":
            return json.loads(path.read_text(encoding="utf-8"))
        raise InputError(f"{path}: facts are .csv, .toml or .json files")

    def data(self, name: str) -> Path:
        """Return the path of a file the study needs and does not ship.

        Raises
        ------
        MissingData
            If it is in none of the places `study.toml` names: where to get it and where to put it.
        InputError
            If it is not the very file (its SHA-256 differs).
        """
        self._require_data()
        return self._found()[name]

    def run(
        self, out: str | Path | None = None, *, lang: str | tuple[str, ...] | None = None, jobs: int | None = None,
        progress: Callable[[str], None] | None = None,
    ) -> Run:  # fmt: skip
        """Regenerate the study into a folder, through the disclosure gate; `expected/` is left alone.

        Parameters
        ----------
        out : str or Path, optional
            Default: ``out/<name>`` in the working folder. Files of an earlier run are replaced.
        lang : str or tuple of str, optional
            Languages to write a report in; default: the current one; ``()``: no report.
        jobs : int, optional
        progress : callable, optional
        """
        folder = Path("out", self.name) if out is None else Path(out)
        languages = (wording.language(lang),) if lang is None or isinstance(lang, str) else lang
        study = replace(self, jobs=jobs or self.jobs, progress=progress or self.progress)
        document = study._analysed()
        _clear(folder)
        folder.mkdir(parents=True, exist_ok=True)
        tables = {part.name: part.result for part in document.parts if isinstance(part, Table)}
        for name, result in tables.items():
            result.save(folder, name, lang="en")
        reports = {}
        for code in languages:
            study.progress(f"report-{code}.html")
            from evalkit.report.html import write

            reports[code] = write(document, folder / f"report-{code}.html", code)
        about = {
            **document.provenance.as_dict(),
            "outputs": sorted(p.name for p in _outputs(tables, reports)),
        }
        _write_json(folder / "provenance.json", about)
        answers = document.only(Answer)
        return Run(folder, answers[0] if answers else None, tables, reports)

    def check(self, *, jobs: int | None = None, progress: Callable[[str], None] | None = None) -> Check:
        """Regenerate the study into a temporary folder and compare every cell with `expected/`."""
        with tempfile.TemporaryDirectory(prefix="evalkit-") as folder:
            self.run(folder, lang=(), jobs=jobs, progress=progress)
            return compare(self.path("expected"), Path(folder), self.declaration.tolerance)

    def accept(self, run: Run) -> list[Path]:
        """Make the tables of `run` the expected ones, replacing those of `expected/`, and return them."""
        expected = self.path("expected")
        expected.mkdir(exist_ok=True)
        for old in expected.glob("*.csv"):
            old.unlink()
        return [shutil.copyfile(run.folder / f"{n}.csv", expected / f"{n}.csv") for n in sorted(run.tables)]

    def provenance(self) -> Provenance:
        """Return the digests of the study's own files and of its data, with the seed."""
        paths = {p for pattern in _SOURCES for p in self.folder.glob(pattern) if p.is_file()}
        inputs = {
            p.relative_to(self.folder).as_posix(): digest(p) for p in paths if "__pycache__" not in p.parts
        }
        if self.declaration.data:
            inputs |= {f"data/{f.name}": f.sha256 for f in self.declaration.data.file}
        return Provenance(self.declaration.kind, inputs, self.declaration.seed, {"study": self.name})

    def _analysed(self) -> Document:
        self._require_data()
        parts: list[Part] = []
        with _importable(self.folder), _blamed(self.folder):
            for part in _script(self.path("analysis.py")).analyse(self):
                if not isinstance(part, Part):
                    raise InputError(
                        fault("study.bad_part", file=self.path("analysis.py"), type=type(part).__name__)
                    )
                self.progress(getattr(part, "name", type(part).__name__.lower()))
                published = isinstance(part, (Table, Figure))
                parts.append(part.published(self.policy) if published else self._veiled(part))
        title, question = self.declaration.title.model_dump(), self.declaration.question.model_dump()
        return Document(title, question, parts, provenance=self.provenance())

    def _veiled(self, part: Any) -> Any:
        """Return an answer or section about real people with its small head counts hidden."""
        return part.veiled(self.policy) if self.declaration.kind == "records" else part

    def _places(self) -> list[Path]:
        if self.data_folder is not None:
            return [self.data_folder]
        return [self.folder / d for d in self.declaration.data.directories] if self.declaration.data else []

    def _found(self) -> dict[str, Path]:
        """Return the required files, all from the first place that holds any of them."""
        files = self.declaration.data.file if self.declaration.data else []
        for place in self._places():
            found = {f.name: place / f.name for f in files if (place / f.name).is_file()}
            if found:
                return found
        return {}

    def _require_data(self) -> None:
        data = self.declaration.data
        if data is None:
            return
        found = self._found()
        absent = [f.name for f in data.file if f.name not in found]
        if absent:
            place = next(iter(found.values())).parent if found else self._places()[0]
            raise MissingData(
                fault(
                    "study.missing_data", study=self.name, files=absent, place=str(_tidy(place)),
                    download=data.download.model_dump(), count=len(absent),
                )
            )  # fmt: skip
        got = {f.name: digest(found[f.name]) for f in data.file}
        wrong = [f for f in data.file if got[f.name] != f.sha256]
        if wrong:
            raise InputError(
                [
                    fault("study.wrong_data", file=_tidy(found[f.name]), expected=f.sha256, got=got[f.name],
                          download=data.download.model_dump())
                    for f in wrong
                ]
            )  # fmt: skip


def _tidy(path: Path) -> Path:
    """Return the path without "..", relative to the working folder when it lies inside."""
    whole = path.resolve()
    here = Path.cwd()
    return whole.relative_to(here) if whole.is_relative_to(here) else whole


@contextlib.contextmanager
def _importable(folder: Path) -> Iterator[None]:
    """Let a study import its own neighbours, and forget them after, so that two studies may use the same names."""
    before, own = set(sys.modules), str(folder.resolve())
    sys.path.insert(0, own)
    try:
        yield
    finally:
        sys.path.remove(own)
        for name in set(sys.modules) - before:
            if str(getattr(sys.modules[name], "__file__", None) or "").startswith(own):
                del sys.modules[name]


@contextlib.contextmanager
def _blamed(folder: Path) -> Iterator[None]:
    """Say at which line of the study an error that is nobody's plain sentence came up."""
    try:
        yield
    except EvalkitError:
        raise
    except Exception as error:
        frames = traceback.extract_tb(error.__traceback__)
        own = [f for f in frames if Path(f.filename).resolve().is_relative_to(folder.resolve())]
        if not own:
            raise
        place = {"file": own[-1].filename, "line": own[-1].lineno}
        raise InputError(
            fault("study.script_failed", **place, kind=type(error).__name__, error=str(error))
        ) from error


def _script(path: Path) -> Any:
    spec = importlib.util.spec_from_file_location("evalkit_study_analysis", path)
    assert spec is not None  # a .py file always has a specification
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    writes, sys.dont_write_bytecode = sys.dont_write_bytecode, True
    try:
        spec.loader.exec_module(module)
    finally:
        sys.dont_write_bytecode = writes
    if not callable(getattr(module, "analyse", None)):
        raise InputError(fault("study.no_analyse", file=path))
    return module


def _outputs(tables: dict[str, Any], reports: dict[str, Path]) -> list[Path]:
    return [Path(f"{name}.{kind}") for name in tables for kind in ("csv", "json")] + list(reports.values())


def _clear(folder: Path) -> None:
    """Remove what an earlier run wrote, and nothing else, so that no stale table stays beside new ones."""
    about = folder / "provenance.json"
    if about.is_file():
        for name in json.loads(about.read_text(encoding="utf-8")).get("outputs", []):
            (folder / Path(name).name).unlink(missing_ok=True)


def _write_json(path: Path, content: Any) -> None:
    path.write_text(
        json.dumps(content, ensure_ascii=False, indent=1, sort_keys=True) + "\n", encoding="utf-8"
    )
