"""Codes, classes and labels of the programme's words, read from `vocabulary.toml`.

Not a place for rules: what a class means for time at risk is said in `silence` and `endpoint`.
"""

from __future__ import annotations

import difflib
import tomllib
import unicodedata
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path


@dataclass(frozen=True)
class Term:
    """One word: its group, code, labels and class."""

    group: str
    code: str
    fr: str
    en: str
    klass: str
    aliases: tuple[str, ...] = ()

    @property
    def labels(self) -> dict[str, str]:
        """Both labels, as a value a message can carry."""
        return {"fr": self.fr, "en": self.en}


@dataclass(frozen=True)
class Vocabulary:
    """Groups of terms; `extended` returns a new one with a study's own words added or replaced.

    Examples
    --------
    >>> standard().label("exit", "disengaged", "fr")
    'Décroché (silence)'
    >>> standard().recognise("act", "Entretien Individuel")
    'interview'
    >>> standard().nearest("act", "entretient")
    'entretien'
    """

    groups: Mapping[str, Mapping[str, Term]]

    @classmethod
    def read(cls, path: str | Path) -> Vocabulary:
        """Read a vocabulary file (TOML, ``[group.code]`` tables with fr, en, class, aliases)."""
        with open(path, "rb") as file:
            return cls.of(tomllib.load(file))

    @classmethod
    def of(cls, tables: Mapping[str, Mapping[str, Mapping]]) -> Vocabulary:
        """Build from nested mappings."""
        return cls({
            group: {
                code: Term(group, code, t["fr"], t["en"], t.get("class", group), tuple(t.get("aliases", ())))
                for code, t in terms.items()
            }
            for group, terms in tables.items()
        })  # fmt: skip

    def extended(self, other: Vocabulary) -> Vocabulary:
        """Return a vocabulary in which `other` adds to or replaces these terms."""
        groups = {group: dict(terms) for group, terms in self.groups.items()}
        for group, terms in other.groups.items():
            groups.setdefault(group, {}).update(terms)
        return Vocabulary(groups)

    def term(self, group: str, code: str) -> Term | None:
        """Return a term, or None."""
        return self.groups.get(group, {}).get(code)

    def codes(self, group: str, klass: str | Iterable[str] | None = None) -> tuple[str, ...]:
        """Return the codes of a group, in file order, of one or several classes."""
        wanted = None if klass is None else ({klass} if isinstance(klass, str) else set(klass))
        return tuple(c for c, t in self.groups.get(group, {}).items() if wanted is None or t.klass in wanted)

    def label(self, group: str | Iterable[str], code: object, lang: str) -> str:
        """Return the label of `code` in the first of the groups that has it, else the code itself."""
        for name in [group] if isinstance(group, str) else group:
            found = self.term(name, str(code))
            if found:
                return found.labels[lang]
        return str(code)

    def recognise(self, group: str, value: object) -> str | None:
        """Return the code a value stands for: a code, a label in either language, or an alias; case and accents apart."""
        return _index(self, group).get(fold(value))

    def nearest(self, group: str, value: object) -> str | None:
        """Return the known spelling nearest to an unknown value, or None when nothing is near."""
        spelled = {
            fold(s): s for t in self.groups.get(group, {}).values() for s in (t.code, t.fr, t.en, *t.aliases)
        }
        near = difflib.get_close_matches(fold(value), spelled, n=1, cutoff=0.6)
        return spelled[near[0]] if near else None

    def __hash__(self) -> int:
        return id(self)


def fold(value: object) -> str:
    """Return text without case, accents, and with any run of blanks, hyphens, underscores and apostrophes as one blank."""
    text = unicodedata.normalize("NFKD", str(value)).casefold()
    text = "".join(c for c in text if not unicodedata.combining(c))
    return " ".join("".join(" " if c in "_-'’\u2019\u00a0\u202f" else c for c in text).split())


@cache
def _index(vocabulary: Vocabulary, group: str) -> dict[str, str]:
    index: dict[str, str] = {}
    terms = vocabulary.groups.get(group, {}).values()
    # Codes win over labels, labels over aliases, earlier terms over later ones.
    for spellings in (lambda t: [t.code], lambda t: [t.fr, t.en], lambda t: t.aliases):
        for term in terms:
            for spelling in spellings(term):
                index.setdefault(fold(spelling), term.code)
    return index


@cache
def standard() -> Vocabulary:
    """Return the vocabulary that ships with evalkit."""
    return Vocabulary.read(Path(__file__).with_name("vocabulary.toml"))
