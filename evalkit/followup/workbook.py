"""Reads the sheets of an Excel workbook as text with the row of every line: dates as ISO days, whole numbers without a point.

Not a writer, and not a typer of values.
"""

from __future__ import annotations

import datetime as dt
import re
import warnings
import zipfile
from collections.abc import Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from evalkit.followup.csvtext import PREVIEW, Recognise, top_row
from evalkit.followup.faults import Faults
from evalkit.followup.tables import Column, RawTable, clean
from evalkit.followup.values import number_text

_ZEROS = re.compile(r"0+")


def sheets(path: Path, faults: Faults) -> dict[str, list[list[str]]]:
    """Return every sheet as rows of text, blank rows included so that a position is a row of the sheet."""
    try:
        with _book(path, data_only=True) as book:
            found = {ws.title: _rows(ws, f"{path.name} [{ws.title}]", faults) for ws in book.worksheets}
    except (zipfile.BadZipFile, KeyError, OSError, ValueError):
        faults.add("not_a_workbook", file=path.name)
        return {}
    if _has_formulas(path):
        _refuse_uncalculated(path, found, faults)
    return found


def table(
    file: str,
    stem: str,
    rows: Sequence[list[str]],
    recognise: Recognise,
    faults: Faults,
    blank: frozenset[str],
) -> RawTable | None:
    """Return a sheet as a table: headings on the row that knows most of them, every other row with its number."""
    filled = [i for i, row in enumerate(rows) if any(row)]
    if not filled:
        faults.add("empty_file", file=file)
        return None
    top = filled[top_row([rows[i] for i in filled[:PREVIEW]], recognise)]
    head = rows[top]
    width = max((j + 1 for j, h in enumerate(head) if h), default=1)
    below = [i for i in filled if i > top]
    for i in [i for i in below if any(rows[i][width:])][:5]:
        faults.add("beyond_headings", file=file, row=i + 1, value=next(c for c in rows[i][width:] if c))
    cells = [[*rows[i][:width], *[""] * (width - len(rows[i]))] for i in below]
    columns = [_column([row[j] for row in cells], blank) for j in range(width)]
    lines = np.array([i + 1 for i in below], dtype=np.int64)
    return RawTable(file, stem, tuple(head[:width]), tuple(columns), lines, "row", filled.index(top))


def _column(cells: list[str], blank: frozenset[str]) -> Column:
    index: dict[str, int] = {}
    codes = np.array([index.setdefault(c, len(index)) for c in cells], dtype=np.int64)
    return Column.of(codes, index, blank)


@contextmanager
def _book(path: Path, data_only: bool):
    import openpyxl

    with warnings.catch_warnings():
        # openpyxl warns of drop-down lists and styles it cannot keep: nothing is kept here.
        warnings.simplefilter("ignore", UserWarning)
        book = openpyxl.load_workbook(path, read_only=True, data_only=data_only)
        try:
            yield book
        finally:
            book.close()


def _rows(sheet: Any, file: str, faults: Faults) -> list[list[str]]:
    sheet.reset_dimensions()  # what the file declares is often wrong, and rows would be lost
    rows, errors = [], []
    for i, row in enumerate(sheet.iter_rows(), start=1):
        texts = []
        for cell in row:
            if cell.data_type == "e":
                errors.append((i, str(cell.value)))
            texts.append("" if cell.value is None else _text(cell.value, cell.number_format))
        rows.append(texts)
    for i, value in errors[:5]:
        faults.add("error_cell", file=file, row=i, value=value)
    return rows


def _text(value: Any, number_format: str) -> str:
    if isinstance(value, str):
        return clean(value.replace("_x000D_", ""))
    if isinstance(value, dt.datetime):
        return value.strftime("%Y-%m-%d" if value.time() == dt.time() else "%Y-%m-%d %H:%M:%S")
    if isinstance(value, bool):
        return str(int(value))
    if isinstance(value, int | float):
        text = number_text(value)
        # A number shown with leading zeros (a postal code, a file number) is the text that is shown.
        return text.zfill(len(number_format)) if _ZEROS.fullmatch(number_format) and text.isdigit() else text
    return str(value)


def _has_formulas(path: Path) -> bool:
    with zipfile.ZipFile(path) as archive:
        parts = [n for n in archive.namelist() if n.startswith("xl/worksheets/") and n.endswith(".xml")]
        return any(re.search(rb"<f[ >]", archive.read(n)) for n in parts)


def _refuse_uncalculated(path: Path, found: dict[str, list[list[str]]], faults: Faults) -> None:
    """A formula written by a program and never opened in a spreadsheet has no value: it would read as blank."""
    with _book(path, data_only=False) as book:
        for sheet in book.worksheets:
            sheet.reset_dimensions()
            rows = found[sheet.title]
            bad = [
                (i, str(cell.value))
                for i, row in enumerate(sheet.iter_rows())
                for j, cell in enumerate(row)
                if cell.data_type == "f" and not rows[i][j]
            ]
            for i, value in bad[:5]:
                faults.add("formula", file=f"{path.name} [{sheet.title}]", row=i + 1, value=value)
