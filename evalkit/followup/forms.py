"""An empty workbook to be filled: one sheet per table, a line of explanation above each heading, lists of codes to choose from.

Not a check: a filled workbook is read, and checked, by `FollowUp.read` like any other.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from evalkit.followup.schema import TARGETS, Field, about_heading, sheet_name, tables
from evalkit.vocabulary import Vocabulary, standard
from evalkit.wording import language, text

if TYPE_CHECKING:
    from openpyxl.worksheet.worksheet import Worksheet

#: Rows that get drop-down lists; more rows may be filled.
_ROWS = 2000
_GROUPS = {"track": "track", "state": "status"}


def write_template(path: str | Path, lang: str | None = None, vocabulary: Vocabulary | None = None) -> Path:
    """Write an empty workbook that `FollowUp.read` reads once filled, and return its path.

    Parameters
    ----------
    path : path
        Ends in ``.xlsx``.
    lang : {"fr", "en"}, optional
        The language of headings, explanations and choices.
    vocabulary : Vocabulary, optional
        The words to choose from; by default those evalkit ships with.
    """
    from openpyxl import Workbook

    path, lang, vocabulary = Path(path), language(lang), vocabulary or standard()
    book = Workbook()
    book.remove(book.worksheets[0])
    about = book.create_sheet(sheet_name("about", lang))
    _about(about, lang)
    lists = book.create_sheet(sheet_name("lists", lang))
    ranges = _lists(lists, vocabulary, lang)
    for target in TARGETS:
        sheet = book.create_sheet(sheet_name(target, lang), index=len(book.sheetnames) - 1)
        for j, of in enumerate(_fields(target), start=1):
            _column(sheet, j, of, target, ranges.get(_group(of)), lang)
        sheet.freeze_panes = "B3"
        sheet.row_dimensions[1].height = 75
    path.parent.mkdir(parents=True, exist_ok=True)
    book.save(path)
    return path


def _fields(target: str) -> list[Field]:
    """Return the fields worth asking for: those an export says by itself are left out."""
    return [
        f for f in tables()[target].fields.values() if f.name not in ("planned_end", "progress", "cluster")
    ]


def _group(of: Field) -> str | None:
    return of.group or _GROUPS.get(of.kind)


def _about(sheet: Worksheet, lang: str) -> None:
    sheet["A1"], sheet["A2"] = text("records.form_title", lang), text("records.form_help", lang)
    sheet["A4"] = about_heading("as_of", lang)
    sheet["C4"] = text("records.form_as_of", lang)
    sheet["B4"].number_format = "DD/MM/YYYY" if lang == "fr" else "YYYY-MM-DD"
    _bold(sheet["A1"])
    _bold(sheet["A4"])
    sheet.column_dimensions["A"].width = 24
    sheet.column_dimensions["B"].width = 14


def _lists(sheet: Worksheet, vocabulary: Vocabulary, lang: str) -> dict[str | None, str]:
    """Write every list of codes with both labels; return where the labels of `lang` of each list stand."""
    head = (
        ["list", "code", "français", "English"] if lang == "en" else ["liste", "code", "français", "English"]
    )
    sheet.append(head)
    for cell in sheet[1]:
        _bold(cell)
    groups = dict.fromkeys(g for target in TARGETS for f in _fields(target) if (g := _group(f)))
    ranges: dict[str | None, str] = {}
    column = "C" if lang == "fr" else "D"
    for group in groups:
        top = sheet.max_row + 1
        for term in vocabulary.groups[group].values():
            sheet.append([group, term.code, term.fr, term.en])
        ranges[group] = f"'{sheet.title}'!${column}${top}:${column}${sheet.max_row}"
    for name, width in (("A", 14), ("B", 24), ("C", 44), ("D", 44)):
        sheet.column_dimensions[name].width = width
    return ranges


def _column(sheet: Worksheet, j: int, of: Field, target: str, choices: str | None, lang: str) -> None:
    from openpyxl.styles import Alignment, Font
    from openpyxl.utils import get_column_letter
    from openpyxl.worksheet.datavalidation import DataValidation

    explained = sheet.cell(1, j, text(f"records.about_{target}_{of.name}", lang))
    explained.alignment = Alignment(wrap_text=True, vertical="top")
    explained.font = Font(italic=True, color="666666", size=9)
    heading = sheet.cell(2, j, of.heading(lang))
    _bold(heading)
    letter = get_column_letter(j)
    sheet.column_dimensions[letter].width = 24
    # The format of the whole column: file numbers keep their leading zeros, days are days.
    formats = {"date": "DD/MM/YYYY" if lang == "fr" else "YYYY-MM-DD", "number": "General"}
    sheet.column_dimensions[letter].number_format = formats.get(of.kind, "@")
    if choices:
        drop_down = DataValidation(type="list", formula1=choices, allow_blank=True, showErrorMessage=False)
        drop_down.add(f"{letter}3:{letter}{_ROWS + 2}")
        sheet.add_data_validation(drop_down)


def _bold(cell: Any) -> None:
    from openpyxl.styles import Font

    cell.font = Font(bold=True)
