"""Every sentence a person reads, in French and English from one source, with numbers and dates written as each language does.

Not for deciding anything: a message is a key and its values; what it means is decided where it is made.

Catalogues are the `*.toml` files beside this module, one per room of the house. An entry has `fr` and `en`; each is a
template, or a table `{one = …, other = …}` chosen by the value named `n` (French counts 0 as one, English does not).

Template fields: ``{x}`` writes numbers, dates, lists and nested messages as the language does; ``{x:f2}`` two decimals;
``{x:pct}`` / ``{x:pct1}`` a share as a percentage; ``{x:date}`` a date in words; ``{x:q}`` in quotation marks;
``{x:p}`` a p-value with its relation; ``{x:raw}`` as it is; ``{x:group}`` where `x` is a code is not offered: give the label.
"""

from __future__ import annotations

import datetime as _dt
import math
import os
import re
import string
import tomllib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

from evalkit.errors import Fault

LANGUAGES = ("fr", "en")
_current: list[str] = []
_LOCALE = {"fr": "fr_FR", "en": "en_GB"}


def language(lang: str | None = None) -> str:
    """Return the language to write in: the argument, what `set_language` chose, `EVALKIT_LANG`, else English.

    Examples
    --------
    >>> language("fr")
    'fr'
    """
    chosen = lang or (_current[0] if _current else os.environ.get("EVALKIT_LANG", "en"))
    if chosen not in LANGUAGES:
        raise ValueError(f"lang must be one of {', '.join(LANGUAGES)}, but was {chosen!r}")
    return chosen


def chosen_language() -> str | None:
    """Return what `set_language` chose, None if nothing was."""
    return _current[0] if _current else None


def set_language(lang: str | None) -> None:
    """Choose the language of every summary, plot and notebook display of this session; None forgets the choice."""
    _current.clear()
    if lang is not None:
        _current.append(language(lang))


def number(x: Any, lang: str | None = None, digits: int | None = None) -> str:
    """Write a number: `digits` decimals, or three significant figures when not an integer.

    Examples
    --------
    >>> number(1234.5, "en", 1), number(0.25, "fr", 2)
    ('1,234.5', '0,25')
    """
    lang = language(lang)
    if x is None:
        return "–"
    value = float(x)
    if math.isnan(value):
        return "–"
    if math.isinf(value):
        return "∞" if value > 0 else "−∞"
    if abs(value) >= 1e15:
        # More digits than anybody reads, or than the formatter takes.
        exponent = math.floor(math.log10(abs(value)))
        return f"{number(value / 10**exponent, lang, 2)} × 10^{exponent}"
    if digits is None:
        if value == int(value):
            digits = 0
        else:
            digits = max(0, 2 - math.floor(math.log10(abs(value)))) if value else 0
            digits = min(digits, 8)
    from babel.numbers import format_decimal

    pattern = "#,##0" + ("." + "0" * digits if digits else "")
    written = format_decimal(round(value, digits), format=pattern, locale=_LOCALE[lang])
    # A rounded negative must not read "-0".
    return written.lstrip("-−") if float(round(value, digits)) == 0 else written


def percent(x: Any, lang: str | None = None, digits: int = 0) -> str:
    """Write a share as a percentage, with the space French puts before the sign.

    Examples
    --------
    >>> percent(0.274, "en"), percent(0.274, "en", 1)
    ('27%', '27.4%')
    """
    lang = language(lang)
    if x is None or math.isnan(float(x)):
        return "–"
    return number(100 * float(x), lang, digits) + ("\u202f%" if lang == "fr" else "%")


def p_value(p: Any, lang: str | None = None) -> str:
    """Write a p-value with its relation sign, never as 0.

    Examples
    --------
    >>> p_value(0.00001, "en"), p_value(0.0312, "fr")
    ('p < 0.001', 'p = 0,031')
    """
    lang = language(lang)
    if p is None or math.isnan(float(p)):
        return "p –"
    if float(p) < 0.001:
        return f"p < {number(0.001, lang, 3)}"
    return f"p = {number(p, lang, 3)}"


def date(day: Any, lang: str | None = None) -> str:
    """Write a date in words.

    Examples
    --------
    >>> date("2011-09-30", "fr"), date("2011-04-01", "fr"), date("2011-09-30", "en")
    ('30 septembre 2011', '1er avril 2011', '30 September 2011')
    """
    lang = language(lang)
    if day is None or day != day:
        return "–"
    if isinstance(day, str):
        day = _dt.date.fromisoformat(day[:10])
    from babel.dates import format_date

    written = format_date(day, format="d MMMM y", locale=_LOCALE[lang])
    return f"1er{written[1:]}" if lang == "fr" and written.startswith("1 ") else written


def join(items: Iterable[Any], lang: str | None = None) -> str:
    """Write a list with its commas and its final "et" / "and".

    Examples
    --------
    >>> join(["a", "b", "c"], "fr")
    'a, b et c'
    """
    lang = language(lang)
    words = [_write(item, "", lang) for item in items]
    if len(words) < 2:
        return "".join(words)
    return ", ".join(words[:-1]) + (" et " if lang == "fr" else " and ") + words[-1]


def quote(x: Any, lang: str | None = None) -> str:
    """Put a word in the quotation marks of the language."""
    return f"«\u00a0{x}\u00a0»" if language(lang) == "fr" else f"“{x}”"


def typeset(words: str, lang: str | None = None) -> str:
    """Return a sentence with real apostrophes and with no space at which its language does not let a line break.

    Examples
    --------
    >>> typeset("Combien ? « 3 »", "fr") == "Combien\u202f? «\u00a03\u00a0»"
    True
    """
    words = re.sub(r"(?<=\w)'(?=\w)", "’", words)
    words = re.sub(r"\bp ([=<]) (?=\d)", "p\u00a0\\1\u00a0", words)
    if language(lang) != "fr":
        return words
    words = re.sub(r"(?<=\S) (?=[;!?%€])", "\u202f", words)
    words = re.sub(r"(?<=\S) (?=[:»])", "\u00a0", words)
    return words.replace("« ", "«\u00a0")


@dataclass(frozen=True)
class Message:
    """A sentence to be said later in the reader's language: a catalogue key and its values.

    Examples
    --------
    >>> message("result.no_counterfactual").text("en")
    'No counterfactual: nothing here says what would have happened without the programme.'
    """

    key: str
    values: Mapping[str, Any] = field(default_factory=dict)

    def text(self, lang: str | None = None) -> str:
        """Return the sentence in `lang`."""
        return text(self.key, lang, **self.values)

    def __str__(self) -> str:
        return self.text()


def message(key: str, /, **values: Any) -> Message:
    """Make a `Message`, failing at once on an unknown key or a missing value."""
    made = Message(key, values)
    made.text("en")
    return made


@dataclass(frozen=True)
class Sentence(Message):
    """A message whose two languages are written on the spot, as a study does, rather than in a catalogue."""

    templates: Mapping[str, str | Mapping[str, str]] = field(default_factory=dict)

    def text(self, lang: str | None = None) -> str:
        """Return the sentence in `lang`."""
        if (
            not self.templates
        ):  # what the disclosure gate puts in the place of a small number comes from a catalogue
            return super().text(lang)
        lang = language(lang)
        return _filled(self.templates[lang], lang, self.values)


def say(*, fr: str | Mapping[str, str], en: str | Mapping[str, str], **values: Any) -> Sentence:
    """Make a sentence from its two languages, with the same template fields as a catalogue entry.

    Raises
    ------
    KeyError
        If a template names a value that is not given.

    Examples
    --------
    >>> say(fr="{share:pct1} des jeunes", en="{share:pct1} of youths", share=0.274).text("en")
    '27.4% of youths'
    """
    made = Sentence("said", values, {"fr": fr, "en": en})
    for lang in LANGUAGES:
        made.text(lang)
    return made


def catalogue_from(path: str | os.PathLike[str]) -> Callable[..., Sentence]:
    """Return ``sentence(name, **values)``, which says the sentences of a study's own catalogue.

    Raises
    ------
    KeyError
        When called with a name the catalogue does not have, or without a value its template names.

    Examples
    --------
    >>> import tempfile
    >>> file = Path(tempfile.mkdtemp()) / "wording.toml"
    >>> _ = file.write_text('[more]\\nfr = "{n} de plus"\\nen = "{n} more"', encoding="utf-8")
    >>> catalogue_from(file)("more", n=3).text("fr")
    '3 de plus'
    """
    entries = tomllib.loads(Path(path).read_text(encoding="utf-8"))

    def sentence(name: str, /, **values: Any) -> Sentence:
        if name not in entries:
            raise KeyError(f"no sentence {name!r} in {path}")
        return say(fr=entries[name]["fr"], en=entries[name]["en"], **values)

    return sentence


def text(key: str, lang: str | None = None, /, **values: Any) -> str:
    """Write the sentence `key` (``room.name``) in `lang`.

    Raises
    ------
    KeyError
        If the catalogue has no such key, or a value the template names is missing.
    """
    lang = language(lang)
    room, _, name = key.partition(".")
    try:
        entry = catalogue(room)[name][lang]
    except (KeyError, FileNotFoundError):
        raise KeyError(f"no wording for {key!r} in {lang!r}") from None
    return _filled(entry, lang, values)


def _filled(entry: str | Mapping[str, str], lang: str, values: Mapping[str, Any]) -> str:
    if isinstance(entry, Mapping):
        entry = entry[_plural(values["n"], lang)]
    return _Writer(lang).vformat(entry, (), values)


def _plural(n: Any, lang: str) -> str:
    if isinstance(n, Message):  # a number said in words, such as "fewer than 11"
        return "other"
    size = abs(float(n))
    return "one" if (size < 2 if lang == "fr" else size == 1) else "other"


def labels(room: str, *names: str) -> dict[str, dict[str, str]]:
    """Return entries of a catalogue as labels in every language, for `Result.labels`.

    Examples
    --------
    >>> labels("columns", "site")["site"]["fr"]
    'site'
    """
    return {name: {lang: text(f"{room}.{name}", lang) for lang in LANGUAGES} for name in names}


@cache
def catalogue(room: str) -> dict[str, Any]:
    """Return one catalogue: name to ``{"fr": …, "en": …}``."""
    with open(Path(__file__).parent / f"{room}.toml", "rb") as file:
        return tomllib.load(file)


def fault(
    key: str, /, *, file: object = None, line: int | None = None, row: int | None = None, column: str | None = None,
    value: object = None, count: int = 1, **values: Any,
) -> Fault:  # fmt: skip
    """Make a `Fault` in every language: the place first, then the sentence `key`.

    `value` and `count` are both stored as data and available to the template as ``{value}`` and ``{count}``; a `row` (of a
    sheet or a frame) is a `line` under its English name.
    """
    texts = {}
    name = None if file is None else str(file)
    for lang in LANGUAGES:
        place = [name] if name else []
        if line is not None:
            place.append(f"{'ligne' if lang == 'fr' else 'line'} {line}")
        if row is not None:
            place.append(f"{'ligne' if lang == 'fr' else 'row'} {row}")
        if column is not None:
            place.append(f"{'colonne' if lang == 'fr' else 'column'} {quote(column, lang)}")
        head = ", ".join(place)
        body = text(key, lang, **{"value": value, "count": count, "n": count, **values})
        texts[lang] = f"{head}{' : ' if lang == 'fr' else ': '}{body}" if head else body
    return Fault(texts, name, row if line is None else line, column, value, count, key)


class _Writer(string.Formatter):
    def __init__(self, lang: str):
        self.lang = lang

    def format_field(self, value: Any, spec: str) -> str:
        return _write(value, spec, self.lang)


def _write(value: Any, spec: str, lang: str) -> str:
    if spec == "q":
        return quote(_write(value, "", lang), lang)
    if isinstance(value, Message):
        return value.text(lang)
    if isinstance(value, Mapping) and lang in value:  # a label in both languages
        return str(value[lang])
    if spec in _SPECS:
        return _SPECS[spec](value, lang)
    if spec.startswith("pct"):
        return percent(value, lang, int(spec[3:] or 0))
    if spec.startswith("f"):
        return number(value, lang, int(spec[1:] or 0))
    return _write_as_it_is(value, lang)


_SPECS = {"raw": lambda value, _: str(value), "p": p_value, "date": date}


def _write_as_it_is(value: Any, lang: str) -> str:
    if isinstance(value, bool) or value is None:
        return str(value)
    if isinstance(value, (_dt.date, _dt.datetime)):
        return date(value, lang)
    if isinstance(value, (list, tuple)):
        return join(value, lang)
    if isinstance(value, (int, float)) or (hasattr(value, "dtype") and not isinstance(value, str)):
        return number(value, lang)
    return str(value)
