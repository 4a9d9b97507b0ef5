"""What a dashboard holds: its tables, their fields, and the names these go by in exports, read from `headings.toml`.

Not a reader: nothing here opens a file of records.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cache
from pathlib import Path
from typing import Any

from evalkit.vocabulary import fold

TARGETS = ("people", "events", "situations")


def key(heading: object) -> str:
    """Return a heading without case, accents, punctuation or runs of blanks.

    Examples
    --------
    >>> key(" Date d'entrée :"), key("id_dossier"), key("N° dossier")
    ('date d entree', 'id dossier', 'n dossier')
    """
    return " ".join("".join(c if c.isalnum() else " " for c in fold(heading)).split())


@dataclass(frozen=True)
class Field:
    """One column: its name, what its values are, and its spellings.

    `kind` is "id", "text", "date", "number", "code" (of `group`), "track" or "state".
    """

    name: str
    kind: str
    fr: str
    group: str | None = None
    required: bool = False
    strong: frozenset[str] = frozenset()
    weak: frozenset[str] = frozenset()

    @property
    def labels(self) -> dict[str, str]:
        """Return both headings, as a value a message can carry."""
        return {"fr": self.fr, "en": self.name}

    def heading(self, lang: str) -> str:
        """Return the heading written in `lang`."""
        return self.labels[lang]


@dataclass(frozen=True)
class Table:
    """One kind of file: the table it is read into, its fields, what it says without a column."""

    name: str
    into: str
    labels: Mapping[str, str]
    names: frozenset[str]
    fields: Mapping[str, Field]
    always: tuple[str, ...] = ()
    defaults: Mapping[str, str] = field(default_factory=dict)


@cache
def tables() -> dict[str, Table]:
    """Return every kind of table: people, events, situations, then the files that are joined to them."""
    raw = _raw()
    made: dict[str, Table] = {}
    for name, entry in raw.items():
        if "into" not in entry:
            continue
        if "fields" in entry:
            fields = {"person": _field("person", raw["person"])}
            fields |= {f: _field(f, t) for f, t in entry["fields"].items()}
        else:
            fields = {f: _extended(t, entry) for f, t in made[entry["into"]].fields.items()}
        made[name] = Table(
            name, entry["into"], {"fr": entry["fr"], "en": entry["en"]}, names(name), fields,
            tuple(entry.get("always", ())), entry.get("defaults", {}),
        )  # fmt: skip
    return made


@cache
def names(section: str) -> frozenset[str]:
    """Return the keys of the names a table or sheet may bear."""
    entry = _raw()[section]
    return frozenset(key(n) for n in (section, entry["fr"], entry["en"], *entry["aliases"]))


def sheet_name(section: str, lang: str) -> str:
    """Return the name of a sheet or file in `lang`."""
    return _raw()[section][lang]


@cache
def about_keys() -> dict[str, str]:
    """Return the spellings of what the sheet about a dashboard may say, to its name."""
    found = {}
    for name, spellings in _raw()["about"]["keys"].items():
        found |= {key(s): name for s in (name, *spellings)}
    return found


def about_heading(name: str, lang: str) -> str:
    """Return how `name` is written in the sheet about a dashboard."""
    return _raw()["about"]["keys"][name][0] if lang == "fr" else name


@cache
def identifying() -> frozenset[str]:
    """Return the keys of headings that name a person outright."""
    return frozenset(key(h) for h in _raw()["identifying"]["headings"])


@cache
def _raw() -> dict[str, Any]:
    with open(Path(__file__).with_name("headings.toml"), "rb") as file:
        return tomllib.load(file)


def _field(name: str, entry: Mapping[str, Any]) -> Field:
    strong = frozenset(key(s) for s in (name, entry["fr"], *entry.get("aliases", ())))
    weak = frozenset(key(s) for s in entry.get("weak", ()))
    return Field(
        name, entry["kind"], entry["fr"], entry.get("group"), entry.get("required", False), strong, weak
    )


def _extended(of: Field, entry: Mapping[str, Any]) -> Field:
    more = frozenset(key(s) for s in entry.get("extra", {}).get(of.name, ()))
    weak = frozenset(key(s) for s in entry.get("extra_weak", {}).get(of.name, ()))
    return replace(of, strong=of.strong | more, weak=(of.weak | weak) - more)
