"""What a report is made of: an answer, sections, tables, figures and assumptions, each said in both languages.

Not a page: parts hold no layout and decide nothing; `evalkit.report.html` sets them.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Self

from evalkit import wording
from evalkit.disclosure import Policy, veil
from evalkit.errors import InputError
from evalkit.provenance import Provenance
from evalkit.result import Result
from evalkit.wording import Message

#: A text in both languages: a `Message`, or ``{"fr": …, "en": …}``.
Words = Message | Mapping[str, str]


def spoken(words: Words, lang: str | None = None) -> str:
    """Return `words` in `lang`.

    Examples
    --------
    >>> spoken({"fr": "Bonjour", "en": "Hello"}, "fr")
    'Bonjour'
    """
    lang = wording.language(lang)
    return words.text(lang) if isinstance(words, Message) else words[lang]


def both(words: Any, where: str) -> Words:
    """Return `words` if they can be said in every language, else refuse them."""
    if isinstance(words, Message):
        return words
    if isinstance(words, Mapping) and all(str(words.get(lang, "")).strip() for lang in wording.LANGUAGES):
        return words
    raise InputError(
        f"{where}: {words!r} is not a text in both languages; "
        'give a Message, evalkit.study.say(fr="…", en="…"), or {"fr": "…", "en": "…"}'
    )


def _veiled(lines: Sequence[Words], policy: Policy) -> list[Words]:
    return [veil(line, policy) if isinstance(line, Message) else line for line in lines]


def _named(name: str, where: str) -> None:
    if not re.fullmatch(r"[a-z0-9][a-z0-9_-]*", name):
        raise InputError(
            f"{where}: name {name!r} becomes a file name; use small letters, digits, hyphens and underscores only"
        )


@dataclass(frozen=True)
class Answer:
    """What the study answers, in about eight lines, printed first.

    Parameters
    ----------
    lines : sequence of Message or mapping
        One or two sentences each.

    Examples
    --------
    >>> Answer([{"fr": "Oui.", "en": "Yes."}]).text("en")
    'Yes.'
    """

    lines: Sequence[Words]

    def __post_init__(self) -> None:
        object.__setattr__(self, "lines", tuple(both(line, "Answer") for line in self.lines))
        if not self.lines:
            raise InputError("Answer: no line given; an answer has at least one")

    def veiled(self, policy: Policy) -> Self:
        """Return the answer with its small head counts (`evalkit.disclosure.Headcount`) hidden."""
        return replace(self, lines=_veiled(self.lines, policy))

    def text(self, lang: str | None = None) -> str:
        """Return the answer in `lang`, one line after another."""
        return "\n".join(spoken(line, lang) for line in self.lines)


@dataclass(frozen=True)
class Section:
    """A heading and its paragraphs.

    Parameters
    ----------
    title : Message or mapping
    paragraphs : sequence of Message or mapping, optional
    """

    title: Words
    paragraphs: Sequence[Words] = ()

    def __post_init__(self) -> None:
        both(self.title, "Section")
        object.__setattr__(self, "paragraphs", tuple(both(p, "Section") for p in self.paragraphs))

    def veiled(self, policy: Policy) -> Self:
        """Return the section with its small head counts (`evalkit.disclosure.Headcount`) hidden."""
        return replace(self, paragraphs=_veiled(self.paragraphs, policy))


@dataclass(frozen=True)
class Table:
    """A result shown as a table, and written as ``name.csv``.

    Parameters
    ----------
    name : str
        File name of its CSV.
    result : Result
    title : Message or mapping, optional
        Default: the question of the result.
    columns : sequence of str, optional
        The columns shown on the page; the CSV holds all of them.
    max_rows : int
        Rows shown on the page; the CSV holds all of them.
    """

    name: str
    result: Result
    title: Words | None = None
    columns: Sequence[str] | None = None
    max_rows: int = 40

    def __post_init__(self) -> None:
        _checked_result(self)
        unknown = [c for c in self.columns or () if c not in self.result.table]
        if unknown:
            raise InputError(
                f"{type(self).__name__} {self.name}: {', '.join(unknown)} not in its result, "
                f"which holds {', '.join(map(str, self.result.table.columns))}"
            )

    def published(self, policy: Policy) -> Self:
        """Return the part with its result passed through the gate."""
        return replace(self, result=self.result.publish(policy))


@dataclass(frozen=True)
class Assumptions(Table):
    """A table of assumptions (value, unit, source, status, range), placed with the assumptions at the end of the page."""


@dataclass(frozen=True)
class Figure:
    """A result shown as a picture.

    Parameters
    ----------
    name : str
    result : Result
    alt : Message or mapping
        What the picture shows, for who cannot see it.
    title : Message or mapping, optional
        Default: the question of the result.
    draw : callable, optional
        ``draw(published_result, lang)`` returns matplotlib Axes; default: ``result.plot(lang=lang)``.
    """

    name: str
    result: Result
    alt: Words
    title: Words | None = None
    draw: Callable[[Any, str], Any] | None = field(default=None, compare=False)

    def __post_init__(self) -> None:
        _checked_result(self)
        both(self.alt, f"Figure {self.name}: alt")

    def published(self, policy: Policy) -> Self:
        """Return the part with its result passed through the gate."""
        return replace(self, result=self.result.publish(policy))

    def axes(self, lang: str) -> Any:
        """Draw the figure in `lang`."""
        return self.draw(self.result, lang) if self.draw else self.result.plot(lang=lang)


Part = Answer | Section | Table | Figure


@dataclass(frozen=True)
class Document:
    """A report ready to be set: everything in it has passed the gate.

    Parameters
    ----------
    title, question : Message or mapping
    parts : sequence of Part
        In the order of the page; answers come first and assumptions last wherever they stand.
    caveats : sequence of Message or mapping, optional
        Said beside those of the results.
    provenance : Provenance

    Raises
    ------
    InputError
        If a part is not a part, a result has not passed `publish`, or two tables or two figures have one name.
    """

    title: Words
    question: Words
    parts: Sequence[Part]
    caveats: Sequence[Words] = ()
    provenance: Provenance = field(default_factory=lambda: Provenance("published"))

    def __post_init__(self) -> None:
        both(self.title, "title")
        both(self.question, "question")
        object.__setattr__(self, "parts", tuple(self.parts))
        object.__setattr__(self, "caveats", tuple(both(c, "caveats") for c in self.caveats))
        names: set[tuple[bool, str]] = set()
        for part in self.parts:
            if not isinstance(part, Part):
                raise InputError(
                    f"a report is made of Answer, Section, Table, Figure and Assumptions, not of {type(part).__name__}"
                )
            if isinstance(part, (Table, Figure)):
                if part.result.published_under is None:
                    raise InputError(
                        f"{type(part).__name__} {part.name} has not passed the disclosure gate; "
                        "give result.publish(policy)"
                    )
                key = (isinstance(part, Figure), part.name)
                if key in names:
                    raise InputError(f"two parts are named {part.name!r}; give each its own name")
                names.add(key)

    def only(self, kind: type[Any]) -> list[Any]:
        """Return the parts that are exactly of `kind`."""
        return [part for part in self.parts if type(part) is kind]

    def answer_lines(self, lang: str) -> list[str]:
        """Return the lines of all answers in `lang`."""
        return [spoken(line, lang) for answer in self.only(Answer) for line in answer.lines]

    def all_caveats(self, lang: str) -> list[str]:
        """Return the caveats of the document and of its results, each once, in the order they come."""
        said = [spoken(c, lang) for c in self.caveats]
        for part in self.parts:
            if isinstance(part, (Table, Figure)):
                said += [c.text(lang) for c in part.result.caveats]
        # A caveat may begin with a hidden number ("fewer than 11 …"), written for the middle of a sentence.
        return list(dict.fromkeys(line[:1].upper() + line[1:] for line in said))


def _checked_result(part: Any) -> None:
    where = type(part).__name__
    _named(part.name, where)
    if not isinstance(part.result, Result):
        raise InputError(
            f"{where} {part.name}: holds a {type(part.result).__name__}, not a Result; "
            "estimators return results, and evalkit.Result(table, question) makes one"
        )
    if part.title is not None:
        both(part.title, f"{where} {part.name}: title")
