"""Reads a TOML file a person wrote, and says every fault in it with its line, in French and English.

Not a schema: what a file may hold is a pydantic model of the room that reads it.
"""

from __future__ import annotations

import difflib
import re
import tomllib
from bisect import bisect_right
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar, get_args

from evalkit.errors import Fault, InputError
from evalkit.wording import fault

if TYPE_CHECKING:
    from pydantic import BaseModel, ValidationError

#: A path in a file: keys and, inside arrays, positions.
Path_ = tuple[str | int, ...]
M = TypeVar("M", bound="BaseModel")

#: A number with a decimal comma standing as a value: 12,5 after "=", or inside an inline table.
_COMMA = re.compile(r"([\w.\"-]+)\s*=\s*([-+]?\d+,\d+)\s*(?:#.*|[,}].*)?$")
_UNQUOTED = re.compile(r"=\s*([^\W\d][^\"'#,\]}]*)")


@dataclass(frozen=True)
class TomlFile:
    """What a file says and where it says it.

    Parameters
    ----------
    path : Path
    data : dict
    lines : mapping of tuple to int
        Path of a key, table or array item to its line, the first line being 1.
    """

    path: Path
    data: dict[str, Any]
    lines: Mapping[Path_, int]

    def line(self, *key: str | int) -> int | None:
        """Return the line of `key`, or of the nearest table that holds it."""
        for length in range(len(key), 0, -1):
            if key[:length] in self.lines:
                return self.lines[key[:length]]
        return None

    def fault(self, name: str, *key: str | int, **values: Any) -> Fault:
        """Make the fault `name` (a key of a catalogue) about `key`, with the file and the line."""
        return fault(name, file=self.path, line=self.line(*key), key=dotted(key), **values)


def dotted(key: Path_) -> str:
    """Write a path as a reader would: array positions count from 1.

    Examples
    --------
    >>> dotted(("channel", 0, "per_week"))
    'channel[1].per_week'
    """
    return "".join(f"[{k + 1}]" if isinstance(k, int) else f".{k}" for k in key).lstrip(".")


def load(path: str | Path) -> TomlFile:
    """Read a TOML file with the line of every key.

    Raises
    ------
    InputError
        If the file is not there, is not UTF-8, or is not TOML; all decimal commas are listed at once.
    """
    path = Path(path)
    try:
        raw = path.read_bytes()
    except FileNotFoundError:
        raise InputError(fault("tomlfile.absent", file=path)) from None
    except OSError as error:
        raise InputError(fault("tomlfile.unreadable", file=path, error=error.strerror)) from None
    try:
        text = raw.decode("utf-8-sig").replace("\r\n", "\n")
    except UnicodeDecodeError as error:
        line = raw.count(b"\n", 0, error.start) + 1
        raise InputError(fault("tomlfile.encoding", file=path, line=line)) from None
    try:
        data = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise InputError(_syntax_faults(path, text, error)) from None
    return TomlFile(path, data, _Scanner(text).scan())


def validate(model: type[M], file: TomlFile, data: Any = None) -> M:
    """Return `data` (default: the whole file) as `model`, or refuse it with every fault and its line.

    Custom validators raise ``PydanticCustomError("room.name", text, values)``: the type is then a key of a catalogue.

    Raises
    ------
    InputError
        Listing all faults, an unknown key with the nearest known one.
    """
    from pydantic import ValidationError

    try:
        return model.model_validate(file.data if data is None else data)
    except ValidationError as error:
        raise InputError(faults_of(error, model, file)) from None


def faults_of(error: ValidationError, model: type[BaseModel], file: TomlFile) -> list[Fault]:
    """Return the faults of a pydantic error in the order of the file, each key reported once."""
    found: dict[tuple[Path_, str], Fault] = {}
    for item in error.errors(include_url=False):
        key = _key_in_file(item["loc"], file)
        name, values = _sentence(item, key, model)
        if (key, name) not in found:
            found[(key, name)] = file.fault(name, *key, **values)
    return sorted(found.values(), key=lambda f: f.line or 0)


#: pydantic's type of error to (catalogue entry, names of the values it needs from pydantic's context).
_KINDS = {
    "missing": ("missing", ()),
    "greater_than": ("above", ("gt",)),
    "greater_than_equal": ("at_least", ("ge",)),
    "less_than": ("below", ("lt",)),
    "less_than_equal": ("at_most", ("le",)),
    "literal_error": ("one_of", ("expected",)),
    "enum": ("one_of", ("expected",)),
    "too_short": ("too_short", ("min_length",)),
    "string_too_short": ("empty", ()),
    "string_pattern_mismatch": ("pattern", ("pattern",)),
}
_TYPES = (
    (("int_from_float",), "integer"),
    (("int_",), "integer"),
    (("float_", "finite_number", "decimal_"), "a_number"),
    (("bool_",), "boolean"),
    (("string_",), "string"),
    (("date_", "datetime_"), "a_date"),
    (("list_", "tuple_"), "a_list"),
    (("dict_", "model_", "mapping_"), "table"),
)


def _sentence(item: Any, key: Path_, model: type[BaseModel]) -> tuple[str, dict[str, Any]]:
    kind, context, value = item["type"], item.get("ctx", {}), item.get("input")
    if kind == "extra_forbidden":
        known = _known_keys(model, item["loc"][:-1])
        near = difflib.get_close_matches(str(key[-1]), known, n=1, cutoff=0.5)
        if near:
            return "tomlfile.unknown_near", {"near": near[0]}
        return "tomlfile.unknown", {"known": sorted(known)}
    if "." in kind:
        return kind, {"value": value, **context}
    if kind in _KINDS:
        name, wanted = _KINDS[kind]
        said = {w: context[w] for w in wanted}
        if name == "one_of":  # pydantic writes the choices as an English list
            said["expected"] = re.findall(r"'([^']*)'", context["expected"])
        return f"tomlfile.{name}", {"value": _shown(value), **said}
    for starts, name in _TYPES:
        if kind.startswith(starts):
            if isinstance(value, str) and re.fullmatch(r"[-+]?\d+,\d+", value.strip()):
                return "tomlfile.comma", {"wrong": value, "right": value.strip().replace(",", ".")}
            return f"tomlfile.{name}", {"value": _shown(value)}
    return "tomlfile.other", {"value": _shown(value), "error": item["msg"]}


def _shown(value: Any) -> str:
    text = str(value).lower() if isinstance(value, bool) else str(value)
    return text if len(text) <= 60 else text[:57] + "…"


def _key_in_file(loc: tuple[Any, ...], file: TomlFile) -> Path_:
    """Return pydantic's location without the tags it adds for unions: only keys that stand in the file, and the last."""
    key: list[str | int] = []
    here: Any = file.data
    for position, step in enumerate(loc):
        inside = (isinstance(here, dict) and step in here) or (
            isinstance(here, list) and isinstance(step, int) and step < len(here)
        )
        if inside:
            here = here[step]
            key.append(step)
        elif position == len(loc) - 1 and isinstance(here, dict):
            key.append(step)
    return tuple(key)


def _known_keys(model: Any, loc: tuple[Any, ...]) -> list[str]:
    """Return the keys a table may hold, following `loc` down the models."""
    for step in loc:
        fields = getattr(model, "model_fields", {})
        if step in fields:
            model = fields[step].annotation
        nested = _model_in(model)
        model = nested if nested is not None else model
    return [field.alias or name for name, field in getattr(model, "model_fields", {}).items()]


def _model_in(annotation: Any) -> Any:
    if hasattr(annotation, "model_fields"):
        return annotation
    for inner in get_args(annotation):
        found = _model_in(inner)
        if found is not None:
            return found
    return None


def _syntax_faults(path: Path, text: str, error: tomllib.TOMLDecodeError) -> list[Fault]:
    rows = text.split("\n")
    commas = [
        fault("tomlfile.comma", file=path, line=number, key=found[1], wrong=found[2],
              right=found[2].replace(",", "."))
        for number, row in enumerate(rows, start=1)
        if (found := _COMMA.search(row)) and "#" not in row[: found.start()]
    ]  # fmt: skip
    place = re.search(r"\(at line (\d+)", str(error))
    line = int(place[1]) if place else len(rows)
    if any(f.line == line for f in commas):
        return commas
    said = str(error).split(" (at ")[0]
    row = rows[line - 1].strip()
    unquoted = _UNQUOTED.search(row)
    if "Cannot" in said and ("overwrite" in said or "declare" in said or "mutate" in said):
        other = fault("tomlfile.twice", file=path, line=line, written=row)
    elif said == "Invalid value" and unquoted:
        other = fault("tomlfile.unquoted", file=path, line=line, word=unquoted[1].strip())
    else:
        other = fault("tomlfile.syntax", file=path, line=line, written=row, error=said)
    return sorted([*commas, other], key=lambda f: f.line or 0)


class _Scanner:
    """Finds the line of every key of a text `tomllib` has accepted, so it need not check anything."""

    def __init__(self, text: str):
        self.text = text
        self.at = 0
        self.breaks = [i for i, c in enumerate(text) if c == "\n"]
        self.lines: dict[Path_, int] = {}
        self.counts: dict[Path_, int] = {}

    def scan(self) -> dict[Path_, int]:
        table: Path_ = ()
        while self._skip(" \t\n"):
            if self.text.startswith("[[", self.at):
                self.at += 2
                name = self._resolve(self._key())
                self.counts[name] = self.counts.get(name, -1) + 1
                table = (*name, self.counts[name])
                self._mark(table)
                self.lines.setdefault(name, self.lines[table])
                self.at = self.text.index("]]", self.at) + 2
            elif self.text[self.at] == "[":
                self.at += 1
                table = self._resolve(self._key())
                self._mark(table)
                self.at = self.text.index("]", self.at) + 1
            else:
                self._pair(table)
        return self.lines

    def _mark(self, key: Path_) -> None:
        self.lines.setdefault(key, bisect_right(self.breaks, self.at - 1) + 1)

    def _resolve(self, key: Path_) -> Path_:
        """Insert the position of the latest item of each array of tables on the way, but not of the last key."""
        out: Path_ = ()
        for i, step in enumerate(key):
            out = (*out, step)
            if out in self.counts and i < len(key) - 1:
                out = (*out, self.counts[out])
        return out

    def _skip(self, blanks: str) -> bool:
        while self.at < len(self.text):
            if self.text[self.at] == "#":
                end = self.text.find("\n", self.at)
                self.at = len(self.text) if end < 0 else end
            elif self.text[self.at] in blanks:
                self.at += 1
            else:
                return True
        return False

    def _key(self) -> Path_:
        steps: list[str] = []
        while True:
            self._skip(" \t")
            if self.text[self.at] in "\"'":
                steps.append(self._string().strip("\"'"))
            else:
                bare = re.compile(r"[A-Za-z0-9_-]+").match(self.text, self.at)
                assert bare is not None  # tomllib accepted the text
                steps.append(bare[0])
                self.at = bare.end()
            self._skip(" \t")
            if self.text[self.at] != ".":
                return tuple(steps)
            self.at += 1

    def _pair(self, table: Path_) -> None:
        key = (*table, *self._key())
        for length in range(len(table) + 1, len(key) + 1):
            self._mark(key[:length])
        self.at = self.text.index("=", self.at) + 1
        self._value(key)

    def _value(self, key: Path_) -> None:
        self._skip(" \t\n")
        opening = self.text[self.at]
        if opening in "\"'":
            self._string()
        elif opening in "[{":
            self.at += 1
            self._items(key, "]" if opening == "[" else "}")
        else:
            plain = re.compile(r"[^,\]}#\n]+").match(self.text, self.at)
            self.at = plain.end() if plain else self.at

    def _items(self, key: Path_, closing: str) -> None:
        position = 0
        while self._skip(" \t\n,") and self.text[self.at] != closing:
            if closing == "]":
                self._mark((*key, position))
                self._value((*key, position))
                position += 1
            else:
                self._pair(key)
        self.at += 1

    def _string(self) -> str:
        start, mark = self.at, self.text[self.at]
        if self.text.startswith(mark * 3, self.at):
            mark *= 3
        self.at += len(mark)
        while not self.text.startswith(mark, self.at):
            self.at += 2 if self.text[self.at] == "\\" and mark[0] == '"' else 1
        self.at += len(mark)
        while len(mark) == 3 and self.text.startswith(
            mark[0], self.at
        ):  # a quote just before the closing three
            self.at += 1
        return self.text[start : self.at]
