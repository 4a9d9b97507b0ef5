"""Writes a follow-up as the files `FollowUp.read` reads: a folder of CSV or a workbook, in English or as a French export.

Not a report: everything is written, nothing is counted or hidden.
"""

from __future__ import annotations

import csv
import json
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from evalkit.errors import InputError
from evalkit.followup import sources
from evalkit.followup.schema import TARGETS, about_heading, sheet_name, tables
from evalkit.followup.values import number_text
from evalkit.vocabulary import Term, Vocabulary, standard
from evalkit.wording import fault

if TYPE_CHECKING:
    from evalkit.followup.noun import FollowUp

_DAY = {"en": "%Y-%m-%d", "fr": "%d/%m/%Y"}
_SHEET_DAY = {"en": "YYYY-MM-DD", "fr": "DD/MM/YYYY"}
#: What one sheet and one cell of a workbook can hold.
_SHEET_ROWS, _CELL_TEXT = 1_048_576, 32_767


def write(fu: FollowUp, path: Path, lang: str) -> Path:
    """Write `fu` to a folder, or to a workbook when `path` ends in ``.xlsx``; see `FollowUp.write`."""
    if path.suffix.lower() == ".xlsx":
        _write_workbook(fu, path, lang)
    else:
        _write_folder(fu, path, lang)
    return path


def headings(frame: pd.DataFrame, target: str, lang: str) -> list[str]:
    """Return the headings of a table in `lang`; columns that are no field keep theirs."""
    fields = tables()[target].fields
    return [fields[c].heading(lang) if c in fields else str(c) for c in frame.columns]


def own_terms(vocabulary: Vocabulary) -> dict[str, dict[str, Term]]:
    """Return the terms of a vocabulary that are not those evalkit ships with."""
    own = {
        group: {code: t for code, t in terms.items() if standard().term(group, code) != t}
        for group, terms in vocabulary.groups.items()
    }
    return {group: terms for group, terms in own.items() if terms}


# ---- folder -------------------------------------------------------------------------------------------------------------
def _write_folder(fu: FollowUp, folder: Path, lang: str) -> None:
    names = {target: f"{sheet_name(target, lang)}.csv" for target in TARGETS}
    folder.mkdir(parents=True, exist_ok=True)
    strangers = [
        p.name
        for p in folder.iterdir()
        if p.suffix.lower() in (*sources.TEXT, ".parquet")
        and sources.table_of(p.stem, {})
        and p.name not in names.values()
    ]
    if strangers:
        raise InputError(fault("records.write_beside", file=folder, found=sorted(strangers)))
    for target, name in names.items():
        frame = getattr(fu, target)
        # A French spreadsheet opens UTF-8 rightly only with a byte-order mark, and cuts cells at semicolons.
        with open(folder / name, "w", encoding="utf-8-sig" if lang == "fr" else "utf-8", newline="") as file:
            writer = csv.writer(file, delimiter=";" if lang == "fr" else ",", lineterminator="\n")
            writer.writerow(headings(frame, target, lang))
            columns = [_texts(frame[c], _words(fu, target, c, lang), lang) for c in frame.columns]
            writer.writerows(zip(*columns, strict=True))
    about = [f"as_of = {fu.as_of:%Y-%m-%d}", f'kind = "{fu.provenance.kind}"']
    (folder / sources.ABOUT).write_text("\n".join(about) + "\n", encoding="utf-8")
    own = own_terms(fu.vocabulary)
    if own:
        (folder / sources.OWN_WORDS).write_text(_toml(own), encoding="utf-8")


def _texts(series: pd.Series, words: Mapping[Any, str], lang: str) -> list[str]:
    """Return a column as it is written in a text file; each distinct value is written once."""
    codes, distinct = pd.factorize(series)
    if pd.api.types.is_datetime64_any_dtype(series.dtype):
        written = [f"{d:{_DAY[lang]}}" for d in pd.DatetimeIndex(distinct)]
    elif pd.api.types.is_float_dtype(series.dtype):
        written = [number_text(v).replace(".", "," if lang == "fr" else ".") for v in distinct]
    else:
        written = [words.get(v, str(v)) for v in distinct]
    return np.array([*written, ""], dtype=object)[codes].tolist()


def _words(fu: FollowUp, target: str, column: str, lang: str) -> dict[Any, str]:
    """Return the French label of each code of a column, where it reads back as the same code."""
    of = tables()[target].fields.get(column)
    group = {"code": of.group, "track": "track", "state": "status"}.get(of.kind) if of else None
    if lang != "fr" or group is None:
        return {}
    labels = {code: fu.vocabulary.label(group, code, "fr") for code in fu.vocabulary.codes(group)}
    if of is not None and of.kind == "state" and _named_like_codes(fu):
        return {}
    return {code: label for code, label in labels.items() if fu.vocabulary.recognise(group, label) == code}


def _named_like_codes(fu: FollowUp) -> bool:
    """Return whether a free name on some track is spelled as a code: labels would then change it."""
    table = fu.situations
    free = table.loc[~table["track"].isin(fu.vocabulary.codes("track", "status")), "state"]
    return bool(free.isin(fu.vocabulary.codes("status")).any())


def _toml(own: Mapping[str, Mapping[str, Term]]) -> str:
    lines = []
    for group, terms in own.items():
        for code, term in terms.items():
            lines += [f"[{json.dumps(group)}.{json.dumps(code, ensure_ascii=False)}]"]
            for name, value in (
                ("fr", term.fr),
                ("en", term.en),
                ("class", term.klass),
                ("aliases", list(term.aliases)),
            ):
                lines.append(f"{name} = {json.dumps(value, ensure_ascii=False)}")
    return "\n".join(lines) + "\n"


# ---- workbook -----------------------------------------------------------------------------------------------------------
def _write_workbook(fu: FollowUp, path: Path, lang: str) -> None:
    from openpyxl import Workbook

    _refuse_what_does_not_fit(fu, path)
    book = Workbook(write_only=True)
    for target in TARGETS:
        frame = getattr(fu, target)
        sheet = book.create_sheet(sheet_name(target, lang))
        sheet.append([text_cell(sheet, h) for h in headings(frame, target, lang)])
        columns = [_cells(sheet, frame[c], _words(fu, target, c, lang), lang) for c in frame.columns]
        for row in zip(*columns, strict=True):
            sheet.append(row)
    about = book.create_sheet(sheet_name("about", lang))
    about.append([about_heading("as_of", lang), text_cell(about, f"{fu.as_of:{_DAY[lang]}}")])
    about.append([about_heading("kind", lang), fu.provenance.kind])
    own = own_terms(fu.vocabulary)
    if own:
        words = book.create_sheet(sheet_name("own_words", lang))
        words.append(["group", "code", "fr", "en", "class", "aliases"])
        for terms in own.values():
            for t in terms.values():
                row = (t.group, t.code, t.fr, t.en, t.klass, " | ".join(t.aliases))
                words.append([text_cell(words, v) for v in row])
    path.parent.mkdir(parents=True, exist_ok=True)
    book.save(path)


def _refuse_what_does_not_fit(fu: FollowUp, path: Path) -> None:
    """A workbook would cut long texts short, and drop rows, without a word."""
    for target in TARGETS:
        frame = getattr(fu, target)
        if len(frame) >= _SHEET_ROWS:
            raise InputError(fault("records.write_too_long", file=path.name, count=len(frame)))
        for name in frame.columns:
            n = sum(isinstance(v, str) and len(v) > _CELL_TEXT for v in frame[name])
            if n:
                raise InputError(
                    fault("records.write_cell_too_long", file=path.name, column=str(name), count=n)
                )


def text_cell(sheet: Any, text: str) -> Any:
    """Return a cell that holds `text` as it is: a text that begins with "=" is no formula."""
    from openpyxl.cell import WriteOnlyCell

    cell = WriteOnlyCell(sheet, value=text)
    cell.data_type = "s"
    return cell


def _cells(sheet: Any, series: pd.Series, words: Mapping[Any, str], lang: str) -> list[Any]:
    from openpyxl.cell import WriteOnlyCell

    if pd.api.types.is_datetime64_any_dtype(series.dtype):
        cells = []
        for day in series:
            cell = None if pd.isna(day) else WriteOnlyCell(sheet, value=day.to_pydatetime())
            if cell is not None:
                cell.number_format = _SHEET_DAY[lang]
            cells.append(cell)
        return cells
    if pd.api.types.is_float_dtype(series.dtype):
        # The file keeps 16 digits: the few numbers that need a 17th are written as text.
        return [
            None if np.isnan(v) else v if float(f"{v:.16g}") == v else text_cell(sheet, number_text(v))
            for v in series
        ]
    return [None if pd.isna(v) else text_cell(sheet, words.get(v, str(v))) for v in series]
