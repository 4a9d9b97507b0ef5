"""Sets a document as one self-contained HTML file: no network, no other file, no script.

Not a theme engine: one page, one style, for screen, telephone and paper.
"""

from __future__ import annotations

import base64
import re
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup, escape

from evalkit import wording
from evalkit.provenance import versions
from evalkit.report.parts import Assumptions, Document, Figure, Section, Table, spoken

#: Cells that are numbers once written in a language: digits with their separators, signs, "p = ", a missing value.
_NUMBER = re.compile(r"[-−+<=p()\s\d.,%–∞\u00a0\u202f]*")
#: A first column with longer cells is given room and wraps, a shorter one stays on one line; a longer cell is a sentence.
_SHORT, _LONG = 28, 50

_SIZE = re.compile(r'width="([\d.]+)pt" height="([\d.]+)pt"')


def write(document: Document, path: str | Path, lang: str | None = None) -> Path:
    """Write the page of `document` in `lang` and return its path."""
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(page(document, lang), encoding="utf-8")
    return path


def page(document: Document, lang: str | None = None) -> str:
    """Return the page of `document` in `lang`, complete in itself.

    Examples
    --------
    >>> from evalkit.report import Answer, Document
    >>> both = {"fr": "Oui", "en": "Yes"}
    >>> "<h1>Yes</h1>" in page(Document(both, both, [Answer([both])]), "en")
    True
    """
    lang = wording.language(lang)
    number = _Numbering()
    body, assumptions = [], []
    for part in document.parts:
        if isinstance(part, Assumptions):
            assumptions.append(_table(part, lang, number))
        elif isinstance(part, Table):
            body.append(_table(part, lang, number))
        elif isinstance(part, Figure):
            body.append(_figure(part, lang, number))
        elif isinstance(part, Section):
            body.append({"kind": "section", "title": spoken(part.title, lang),
                         "paragraphs": [spoken(p, lang) for p in part.paragraphs]})  # fmt: skip
    return (
        _environment(lang)
        .get_template("page.html.j2")
        .render(
            lang=lang,
            title=spoken(document.title, lang),
            question=spoken(document.question, lang),
            kind=wording.text(f"report.kind_{document.provenance.kind}", lang),
            answer=document.answer_lines(lang),
            body=body,
            caveats=document.all_caveats(lang),
            assumptions=assumptions,
            provenance=document.provenance,
            versions=versions(),
        )
    )


class _Numbering:
    """Counts tables and figures apart, as a reader quotes them."""

    def __init__(self) -> None:
        self.seen = {"table": 0, "figure": 0}

    def next(self, kind: str, lang: str) -> str:
        self.seen[kind] += 1
        return wording.text(f"report.{kind}", lang, number=self.seen[kind])


def _table(part: Table, lang: str, number: _Numbering) -> dict[str, Any]:
    result = part.result
    if part.columns is not None:
        result = replace(result, table=result.table[list(part.columns)])
    shown = result.display(lang)
    rows = [[str(cell) for cell in row] for row in shown.head(part.max_rows).itertuples(index=False)]
    columns = list(zip(*rows, strict=True)) or [()] * len(shown.columns)
    words = {wording.text(f"columns.{code}", lang) for code in ("suppressed", "not_estimable")}
    more = len(shown) - len(rows)
    return {
        "kind": "table",
        "number": number.next("table", lang),
        "name": part.name,
        "title": spoken(part.title or result.question, lang),
        "headings": [str(c) for c in shown.columns],
        "kinds": [_kind([c for c in column if c not in words]) for column in columns],
        "rows": rows,
        # Leading blanks are a level: as a margin, they hold when the line wraps.
        "levels": [len(cell) - len(cell.lstrip()) for cell in columns[0]],
        "short": all(len(cell) <= _SHORT for cell in columns[0]),
        "more": wording.text("report.more_rows", lang, n=more, name=part.name) if more else "",
    }


def _kind(cells: list[str]) -> str:
    """Return how a column is set: numbers to the right, sentences with room, words as they come."""
    if all(_NUMBER.fullmatch(cell) for cell in cells):
        return "number"
    return "sentence" if any(len(cell) > _LONG for cell in cells) else ""


def _figure(part: Figure, lang: str, number: _Numbering) -> dict[str, Any]:
    from evalkit import figures  # matplotlib is loaded only for a page that has pictures

    axes = part.axes(lang)
    axes.set_title("", loc="left")  # the caption says it
    drawing = figures.svg(axes, part.name)
    width, height = (round(float(x) * 4 / 3) for x in _SIZE.search(drawing).groups())  # from points to pixels
    return {
        "kind": "figure",
        "number": number.next("figure", lang),
        "name": part.name,
        "title": spoken(part.title or part.result.question, lang),
        "alt": spoken(part.alt, lang),
        "source": "data:image/svg+xml;base64," + base64.b64encode(drawing.encode()).decode(),
        "width": width,
        "height": height,
    }


@cache
def _environment(lang: str) -> Environment:
    env = Environment(
        loader=PackageLoader("evalkit.report", ""),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )

    def words(text: object) -> Markup:
        return Markup("<br>").join(escape(line) for line in wording.typeset(str(text), lang).split("\n"))

    env.filters["words"] = words
    env.filters["plain"] = lambda text: wording.typeset(str(text), lang)
    env.globals["say"] = lambda name, **values: words(wording.text(f"report.{name}", lang, **values))
    return env
