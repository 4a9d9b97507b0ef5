"""The page of every key a scenario file may hold, with its form, its bounds and what it means; written from the models that read it.

Not a scenario's own values: see `stress`.
"""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Literal, get_args, get_origin

from evalkit.simulation.programme.quantities import UNITS, Assumption, Quantity
from evalkit.simulation.programme.words import OPTIONAL, Programme
from evalkit.wording import catalogue, number, text

#: Tables whose names are codes of the vocabulary.
CODES = {"channels": "<channel>", "solutions": "<solution>"}
_ROOM = "scenario_pages"


@dataclass(frozen=True)
class Key:
    """One key of a scenario file: its table and its name there, and what it must be.

    Parameters
    ----------
    table, name : str
    quantity : Quantity or None
        None for a setting, which is no assumption.
    form : str
        Of a setting: its choices, or the name of its form in the catalogue.
    choices : tuple of str
    optional : bool
    """

    table: str
    name: str
    quantity: Quantity | None = None
    form: str = ""
    choices: tuple[str, ...] = ()
    optional: bool = False

    def unit(self, lang: str) -> str:
        """Return the unit of an assumption, or the form of a setting."""
        if self.quantity is not None:
            english, french = UNITS[self.quantity.unit]
            return french if lang == "fr" else english
        return ", ".join(f"`{c}`" for c in self.choices) or text(f"{_ROOM}.form_{self.form}", lang)

    def bounds(self, lang: str) -> str:
        """Return the bounds no value can leave."""
        q = self.quantity
        if q is None:
            return "–"
        low, high = short(q.low, lang), short(q.high, lang)
        name = "bounds_from" if math.isinf(q.high) else "bounds_between"
        bounds = text(f"{_ROOM}.{name}", lang, low=low, high=high)
        return text(f"{_ROOM}.bounds_whole", lang, bounds=bounds) if q.whole else bounds

    def meaning(self, lang: str) -> str:
        """Return what it is."""
        if self.quantity is not None:
            said = self.quantity.fr if lang == "fr" else self.quantity.en
        else:
            own = f"setting_{_plain(self.table)}_{self.name}".replace("__", "_")
            said = text(f"{_ROOM}.{own if own in catalogue(_ROOM) else f'setting_{self.name}'}", lang)
        return f"{said} ({text(f'{_ROOM}.optional', lang)})" if self.optional else said

    def per_site(self, lang: str) -> str:
        """Return whether each site may have its own number."""
        if self.quantity is None:
            return "–"
        return text(f"{_ROOM}.{'yes' if self.quantity.per_site else 'no'}", lang)


def every_key(model: Any = Programme, at: str = "") -> Iterator[Key]:
    """Yield every key, those of a table together, in the order of the models."""
    nested = []
    for field, info in model.model_fields.items():
        name = info.alias or field
        inner = None if info.annotation is Assumption else _model_in(info.annotation)
        if info.annotation is Assumption:
            yield Key(
                at,
                name,
                next(m for m in info.metadata if isinstance(m, Quantity)),
                optional=not info.is_required(),
            )
        elif inner is None or name == "reduced":
            form, choices = _form(name, info)
            yield Key(at, name, form=form, choices=choices, optional=not info.is_required())
        else:
            nested.append((name, inner))
    for name, inner in nested:
        table = f"{name}.{CODES[name]}" if name in CODES else name
        yield from every_key(inner, f"{at}.{table}" if at else table)


def page(lang: str) -> str:
    """Return the page of keys, in Markdown.

    Parameters
    ----------
    lang : {"fr", "en"}

    Examples
    --------
    >>> page("en").splitlines()[0]
    '# The keys of a scenario file'
    """
    lines = [f"# {text(f'{_ROOM}.reference_title', lang)}", "", text(f"{_ROOM}.reference_intro", lang)]
    names = ("key", "unit", "bounds", "per_site", "meaning")
    headings = [text(f"{_ROOM}.column_{name}", lang) for name in names]
    for table, there in by_table():
        lines += ["", f"## {heading(table, lang)}", "", *_header(headings)]
        lines += [
            f"| `{k.name}` | {k.unit(lang)} | {k.bounds(lang)} | {k.per_site(lang)} | {k.meaning(lang)} |" for k in there
        ]  # fmt: skip
    return "\n".join([*lines, ""])


def both() -> str:
    """Return the tables of keys in both languages, as `docs/scenarios.md` holds them."""
    lines: list[str] = []
    for table, there in by_table():
        lines += ["", f"### {heading(table, 'en')}", "", f"{section(table, 'fr')}.", ""]
        lines += _header(["key", "unit or form", "bounds", "per site", "what it is", "ce que c'est"])
        for k in there:
            unit = " / ".join(dict.fromkeys(k.unit(lang) for lang in ("en", "fr")))
            cells = (f"`{k.name}`", unit, k.bounds("en"), k.per_site("en"), k.meaning("en"), k.meaning("fr"))
            lines.append(f"| {' | '.join(cells)} |")
    return "\n".join([*lines[1:], ""])


def by_table() -> list[tuple[str, list[Key]]]:
    """Return the keys of each table."""
    out: dict[str, list[Key]] = {}
    for key in every_key():
        out.setdefault(key.table, []).append(key)
    return list(out.items())


def section(table: str, lang: str) -> str:
    """Return what a table is about."""
    return text(f"{_ROOM}.section_{_plain(table) or 'top'}", lang)


def heading(table: str, lang: str) -> str:
    """Return the heading of a table: its name, what it is about, whether it may be left out."""
    if not table:
        return section(table, lang)
    optional = table.split(".")[0] in (*OPTIONAL, "education_nationale", "calendar")
    said = f" ({text(f'{_ROOM}.optional', lang)})" if optional else ""
    return f"`[{table}]` {section(table, lang)}{said}"


def short(x: float, lang: str) -> str:
    """Write a number as a file would, in a language: no digit that says nothing.

    Examples
    --------
    >>> short(0.04, "fr"), short(16777215, "en")
    ('0,04', '16,777,215')
    """
    return number(x, lang, len(f"{x:.12g}".partition(".")[2]))


def written(shown: str, lang: str) -> str:
    """Write a value of `Scenario.diff` in a language: a number with its separators, anything else as it is.

    Examples
    --------
    >>> written("0.9", "fr"), written("2010-10-01", "fr"), written("–", "fr")
    ('0,9', '2010-10-01', '–')
    """
    try:
        value = float(shown)
    except ValueError:
        return shown
    return short(value, lang) if math.isfinite(value) else shown


def unit_in(unit: str, lang: str) -> str:
    """Return the word for a unit in a language; a unit nobody listed, as it is.

    Examples
    --------
    >>> unit_in("share", "fr"), unit_in("", "fr")
    ('part', '')
    """
    return UNITS[unit][lang == "fr"] if unit in UNITS else unit


def _header(names: list[str]) -> list[str]:
    return [f"| {' | '.join(names)} |", f"|{'---|' * len(names)}"]


def _plain(table: str) -> str:
    return "_".join(part for part in table.split(".") if not part.startswith("<"))


def _form(name: str, info: Any) -> tuple[str, tuple[str, ...]]:
    if get_origin(info.annotation) is Literal:
        return "", tuple(str(c) for c in get_args(info.annotation))
    if name == "reduced":
        return "periods", ()
    if name in ("title", "purpose"):
        return "both", ()
    if name == "route":
        return "", ("reactivation", "first_contact", "referral")
    inside = [info.annotation, *get_args(info.annotation)]
    several = get_origin(info.annotation) is tuple
    if dt.date in inside:
        return ("dates" if several else "date"), ()
    return ("texts" if several else "text"), ()


def _model_in(annotation: Any) -> Any:
    if hasattr(annotation, "model_fields"):
        return annotation
    found = (_model_in(a) for a in get_args(annotation))
    return next((m for m in found if m is not None), None)
