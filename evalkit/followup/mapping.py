"""The mapping file: an export's own names of files, headings and codes, what holds for a whole file, how dates are written.

Not the headings evalkit knows by itself: those are in `headings.toml`.
"""

from __future__ import annotations

import datetime as dt
import difflib
from collections.abc import Iterable
from collections.abc import Mapping as MappingABC
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, create_model

from evalkit.errors import Fault, InputError
from evalkit.followup.schema import Field, Table, key, tables
from evalkit.followup.values import date_format
from evalkit.tomlfile import TomlFile, load, validate
from evalkit.vocabulary import Vocabulary, fold
from evalkit.wording import message

#: A number or a date may stand without quotation marks; it is kept as it would be written in the file.
Value = Annotated[str, BeforeValidator(lambda v: str(v) if isinstance(v, int | float | dt.date) else v)]


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=False)


class _Section(_Strict):
    columns: dict[str, str] = {}
    codes: dict[str, dict[str, str]] = {}
    constants: dict[str, Value] = {}
    ignore: list[str] = []


class _File(_Section):
    table: str


@dataclass(frozen=True)
class Section:
    """What is said of one kind of table, or of one file: all keys are folded, all targets are known."""

    columns: MappingABC[str, str] = field(default_factory=dict)
    codes: MappingABC[str, MappingABC[str, str]] = field(default_factory=dict)
    constants: MappingABC[str, str] = field(default_factory=dict)
    ignore: frozenset[str] = frozenset()

    def over(self, other: Section) -> Section:
        """Return what this one says, and what `other` says where this one is silent."""
        codes = {f: {**other.codes.get(f, {}), **self.codes.get(f, {})} for f in {*self.codes, *other.codes}}
        return Section(
            {**other.columns, **self.columns},
            codes,
            {**other.constants, **self.constants},
            self.ignore | other.ignore,
        )


@dataclass(frozen=True)
class Mapping:
    """A mapping file, checked; an empty one changes nothing.

    `files` gives the table of a file or sheet by its own name; `said` the headings the file speaks of, with their line, so
    that one no export has can be reported.
    """

    name: str = ""
    dates: str | None = None
    blank: frozenset[str] = frozenset()
    files: MappingABC[str, str] = field(default_factory=dict)
    by_file: MappingABC[str, Section] = field(default_factory=dict)
    by_table: MappingABC[str, Section] = field(default_factory=dict)
    said: MappingABC[str, tuple[str, int | None]] = field(default_factory=dict)

    @classmethod
    def read(cls, source: str | Path | MappingABC[str, Any] | None, vocabulary: Vocabulary) -> Mapping:
        """Read a mapping file, or take the same thing as a dictionary.

        Raises
        ------
        InputError
            With every fault: an unknown key, table, field or code, each with the nearest known name.
        """
        if source is None:
            return cls()
        if isinstance(source, MappingABC):
            file = TomlFile(Path("mapping"), dict(source), {})
        else:
            file = load(source)
        return _Reader(file, validate(_model(), file), vocabulary).mapping()

    def section(self, stem: str, table: Table) -> Section:
        """Return what holds for one file."""
        return self.by_file.get(key(stem), Section()).over(self.by_table.get(table.name, Section()))


def _model() -> type[BaseModel]:
    """Return the shape of a mapping file: general keys, `[files]`, and a section for each kind of table."""
    sections: dict[str, Any] = {name: (_Section, _Section()) for name in tables()}
    return create_model(
        "MappingFile", __base__=_Strict, dates=(str | None, None), blank=(list[str], []),
        files=(dict[str, str | _File], {}), **sections,
    )  # fmt: skip


class _Reader:
    """Turns the validated file into a `Mapping`, gathering every fault of meaning."""

    def __init__(self, file: TomlFile, model: Any, vocabulary: Vocabulary):
        self.file, self.model, self.vocabulary = file, model, vocabulary
        self.faults: list[Fault] = []
        self.said: dict[str, tuple[str, int | None]] = {}

    def mapping(self) -> Mapping:
        files, by_file = {}, {}
        for own, target in self.model.files.items():
            name = target if isinstance(target, str) else target.table
            if name not in tables():
                self._unknown("mapping_table", ("files", own), name, tables())
                continue
            files[key(own)] = name
            if not isinstance(target, str):
                by_file[key(own)] = self._section(("files", own), target, tables()[name])
        by_table = {
            name: self._section((name,), getattr(self.model, name), t) for name, t in tables().items()
        }
        # What is said of events or people holds for the files joined to them, too.
        by_table = {n: s.over(by_table[tables()[n].into]) for n, s in by_table.items()}
        if self.faults:
            raise InputError(self.faults)
        dates = date_format(self.model.dates) if self.model.dates else None
        blank = frozenset(self.model.blank)
        return Mapping(self.file.path.name, dates, blank, files, by_file, by_table, self.said)

    def _section(self, path: tuple[str, ...], given: _Section, table: Table) -> Section:
        columns, codes, constants = {}, {}, {}
        for own, target in given.columns.items():
            if self._field((*path, "columns", own), target, table):
                columns[key(own)] = target
                self.said[key(own)] = (own, self.file.line(*path, "columns", own))
        for name, pairs in given.codes.items():
            found = self._field((*path, "codes", name), name, table)
            if found:
                codes[name] = {
                    fold(own): self._code((*path, "codes", name, own), found, to) for own, to in pairs.items()
                }
        for name, value in given.constants.items():
            if self._field((*path, "constants", name), name, table):
                constants[name] = value
        for own in given.ignore:
            self.said[key(own)] = (own, self.file.line(*path, "ignore"))
        return Section(columns, codes, constants, frozenset(key(own) for own in given.ignore))

    def _field(self, path: tuple[str, ...], name: str, table: Table) -> Field | None:
        if name not in table.fields:
            self._unknown("mapping_field", path, name, table.fields)
        return table.fields.get(name)

    def _code(self, path: tuple[str, ...], of: Field, code: str) -> str:
        group = {"code": of.group, "track": "track", "state": "status"}.get(of.kind)
        if of.kind == "code" and self.vocabulary.recognise(str(group), code) is None:
            self._unknown("mapping_code", path, code, self.vocabulary.codes(str(group)))
        return code

    def _unknown(self, name: str, path: tuple[str, ...], value: str, known: Iterable[str]) -> None:
        near = difflib.get_close_matches(value, list(known), n=1, cutoff=0.5)
        hint = (
            message("records.near", near=near[0]) if near else message("records.choices", known=sorted(known))
        )
        self.faults.append(self.file.fault(f"records.{name}", *path, value=value, hint=hint))
