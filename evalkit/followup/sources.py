"""Opens what the user points at: a folder of text or Parquet files, or a workbook, each file with a way to read it.

Not a reader of cells: `csvtext`, `workbook` and `frames` are.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pandas as pd
from pydantic import BaseModel, ConfigDict

from evalkit.errors import InputError
from evalkit.followup import csvtext, frames, workbook
from evalkit.followup.faults import Faults
from evalkit.followup.schema import about_keys, key, names, tables
from evalkit.followup.tables import RawTable
from evalkit.followup.values import Unreadable, day
from evalkit.provenance import digest
from evalkit.tomlfile import load, validate
from evalkit.wording import fault

TEXT = (".csv", ".txt", ".tsv")
ABOUT = "dashboard.toml"
OWN_WORDS = "vocabulary.toml"
_OLD = (".xls", ".ods", ".xlsb", ".numbers")
#: Words of a file's name that say nothing of what it holds.
_NOISE = {"export", "exports", "extraction", "extract", "extrait", "data", "donnees"}


@dataclass(frozen=True)
class Item:
    """One file or sheet: the name shown in messages, the name it is known by, and how to read it."""

    label: str
    stem: str
    read: Callable[[csvtext.Recognise, Faults, frozenset[str]], RawTable | None]


@dataclass(frozen=True)
class Source:
    """What was found: files, what is said about all of them, the study's own words, digests, what is of no use here."""

    name: str
    items: tuple[Item, ...]
    about: Mapping[str, str] = field(default_factory=dict)
    about_name: str = ABOUT
    own_words: Mapping[str, Any] = field(default_factory=dict)
    inputs: Mapping[str, str] = field(default_factory=dict)
    unread: tuple[str, ...] = ()


class _About(BaseModel):
    model_config = ConfigDict(extra="forbid")
    as_of: str | dt.date | None = None
    kind: str | None = None


def find(path: str | Path, faults: Faults) -> Source:
    """Return what is at `path`.

    Raises
    ------
    InputError
        If there is nothing there that can hold a dashboard.
    """
    path = Path(path)
    if path.is_dir():
        return _folder(path)
    suffix = path.suffix.lower()
    if not path.exists():
        raise InputError(fault("records.absent", file=path))
    if suffix in (".xlsx", ".xlsm"):
        return _workbook(path, faults)
    if suffix in _OLD:
        raise InputError(fault("records.old_workbook", file=path.name))
    raise InputError(fault("records.one_file", file=path.name))


def table_of(stem: str, declared: Mapping[str, str]) -> str | None:
    """Return which kind of table a file or sheet is by its name, dates and words like "export" apart.

    Examples
    --------
    >>> table_of("Jeunes", {}), table_of("export_actes_2011-09-30", {}), table_of("notes", {})
    ('people', 'events', None)
    """
    if key(stem) in declared:
        return declared[key(stem)]
    words = [w for w in key(stem).split() if not w.isdigit() and w not in _NOISE]
    for candidate in (key(stem), " ".join(words)):
        for name in tables():
            if candidate in names(name):
                return name
    return None


def is_helper(stem: str) -> bool:
    """Return whether a sheet is one the template adds beside the tables."""
    return any(key(stem) in names(n) for n in ("about", "lists", "own_words"))


def _folder(path: Path) -> Source:
    items, unread, inputs = [], [], {}
    about: dict[str, str] = {}
    own_words: Mapping[str, Any] = {}
    for file in sorted(p for p in path.iterdir() if p.is_file() and not p.name.startswith((".", "~$"))):
        suffix = file.suffix.lower()
        if file.name.lower() == ABOUT:
            about = _said(file)
        elif file.name.lower() == OWN_WORDS:
            own_words = load(file).data
        elif suffix in TEXT:
            items.append(_text_item(file))
        elif suffix == ".parquet":
            items.append(_parquet_item(file))
        else:
            unread.append(file.name)
            continue
        inputs[file.name] = digest(file)
    return Source(path.name or str(path), tuple(items), about, ABOUT, own_words, inputs, tuple(unread))


def _said(file: Path) -> dict[str, str]:
    toml = load(file)
    model = validate(_About, toml)
    return {k: str(v) for k, v in model.model_dump().items() if v is not None}


def _text_item(file: Path) -> Item:
    return Item(
        file.name, file.stem, lambda known, faults, blank: csvtext.read_csv(file, known, faults, blank)
    )


def _parquet_item(file: Path) -> Item:
    return Item(file.name, file.stem, lambda known, faults, blank: frames.read_parquet(file, faults, blank))


def _workbook(path: Path, faults: Faults) -> Source:
    items = []
    about: dict[str, str] = {}
    about_name = f"{path.name} [about]"
    own_words: dict[str, Any] = {}
    for title, rows in workbook.sheets(path, faults).items():
        label = f"{path.name} [{title}]"
        if key(title) in names("about"):
            about_name = label
            about = {
                about_keys()[key(r[0])]: r[1]
                for r in rows
                if len(r) > 1 and r[1] and key(r[0]) in about_keys()
            }
        elif key(title) in names("own_words"):
            own_words = _words(rows)
        elif key(title) not in names("lists"):
            items.append(_sheet_item(label, title, rows))
    return Source(path.name, tuple(items), about, about_name, own_words, {path.name: digest(path)})


def _sheet_item(label: str, title: str, rows: list[list[str]]) -> Item:
    def read(known: csvtext.Recognise, faults: Faults, blank: frozenset[str]) -> RawTable | None:
        return workbook.table(label, title, rows, known, faults, blank)

    return Item(label, title, read)


def _words(rows: list[list[str]]) -> dict[str, dict[str, dict[str, Any]]]:
    """Return the sheet of a study's own words as the tables of a vocabulary file."""
    found: dict[str, dict[str, dict[str, Any]]] = {}
    for row in rows[1:]:
        if len(row) >= 5 and row[0] and row[1]:
            aliases = [a.strip() for a in (row[5] if len(row) > 5 else "").split("|") if a.strip()]
            found.setdefault(row[0], {})[row[1]] = dict(fr=row[2], en=row[3], aliases=aliases) | {
                "class": row[4]
            }
    return found


def closing_day(value: Any) -> pd.Timestamp | None:
    """Return a day given as text, date or Timestamp, None when it is not a date."""
    if isinstance(value, dt.date):  # a Timestamp is one, and so is NaT
        return None if pd.isna(value) else pd.Timestamp(value).tz_localize(None).normalize().as_unit("ns")
    try:
        return pd.Timestamp(day(str(value).strip()), unit="D").as_unit("ns")
    except Unreadable:
        return None
