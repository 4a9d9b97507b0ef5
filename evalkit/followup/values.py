"""From texts to values: days, numbers, codes. Each distinct text is read once, and what cannot be read is never guessed.

Not a check between rows or tables.
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from evalkit.followup.tables import Column

_TIME = r"(?:[T ]+(?:à )?\d{1,2}(?:[:hH]\d{0,2}){1,2}(?:[.,]\d+)?(?:Z|[+-]\d{2}:?\d{2})?)?"
_ISO = re.compile(r"(\d{4})[-/](\d{1,2})[-/](\d{1,2})" + _TIME)
_FRENCH = re.compile(r"(\d{1,2})[/.-](\d{1,2})[/.-](\d{4})" + _TIME)
_SHORT_YEAR = re.compile(r"\d{1,2}[/.-]\d{1,2}[/.-]\d{2}")
_SERIAL = re.compile(r"[1-9]\d{4}(\.\d+)?")
_NUMBER = re.compile(r"-?(?:0|[1-9]\d*)(?:[.,]\d+)?")
_THOUSANDS = re.compile(r"-?[1-9]\d{0,2}(?:[ \u00a0\u202f]\d{3})+(?:[.,]\d+)?")
#: Years a date may bear; beyond them a date is a placeholder (01/01/1800, 31/12/9999) and must be said blank.
YEARS = (1900, 2199)
#: How people write the parts of a date, to `strptime`; longer ones first.
_TOKENS = (
    ("yyyy", "%Y"), ("aaaa", "%Y"), ("yy", "%y"), ("aa", "%y"), ("mm", "%m"), ("dd", "%d"), ("jj", "%d"),
)  # fmt: skip
_EPOCH = dt.date(1970, 1, 1).toordinal()
_NOT_A_DAY = np.iinfo(np.int64).min  # NaT, as numpy stores it


class Unreadable(ValueError):
    """A text that is not what its column holds; the argument is the name of the sentence that says why."""


def day(text: str, written_as: str | None = None) -> int:
    """Return a date as days since 1970: ISO, or day/month/year with a four-digit year; a time of day is left off.

    Parameters
    ----------
    written_as : str, optional
        A `strptime` format: the only other form then taken beside ISO.

    Raises
    ------
    Unreadable
        When it is no date, or could be read in two ways.

    Examples
    --------
    >>> day("01/02/2011") == day("2011-02-01 14:30")
    True
    """
    iso = _ISO.fullmatch(text)
    if iso:
        return _day(int(iso[1]), int(iso[2]), int(iso[3]))
    if written_as:
        return _written(text, written_as)
    french = _FRENCH.fullmatch(text)
    if french:
        d, m, y = int(french[1]), int(french[2]), int(french[3])
        if m > 12 >= d:
            raise Unreadable("date_us")
        return _day(y, m, d)
    if _SHORT_YEAR.fullmatch(text):
        raise Unreadable("date_short_year")
    if _SERIAL.fullmatch(text):
        raise Unreadable("date_serial")
    raise Unreadable("date_unreadable")


def _written(text: str, written_as: str) -> int:
    """Read by a declared format; a time of day after the date is left off."""
    for candidate in (text, text.split(" ")[0], text.split("T")[0]):
        try:
            found = dt.datetime.strptime(candidate, written_as)
        except ValueError:
            continue
        return _day(found.year, found.month, found.day)
    raise Unreadable("date_other_format")


def _day(year: int, month: int, of_month: int) -> int:
    try:
        ordinal = dt.date(year, month, of_month).toordinal()
    except ValueError:
        raise Unreadable("date_impossible") from None
    if not YEARS[0] <= year <= YEARS[1]:
        raise Unreadable("date_far")
    return ordinal - _EPOCH


def number(text: str) -> float:
    """Return a number written with a decimal comma or point, thousands apart by blanks or not.

    A text of digits that a float cannot hold exactly, or that begins with 0, is an identifier and not a number.

    Examples
    --------
    >>> number("1 234,5"), number("0.25")
    (1234.5, 0.25)
    """
    if _THOUSANDS.fullmatch(text):
        text = re.sub(r"[ \u00a0\u202f]", "", text)
    elif not _NUMBER.fullmatch(text):
        raise Unreadable("number_unreadable")
    value = float(text.replace(",", "."))
    if "," not in text and "." not in text and len(text) > 15 and number_text(value) != text:
        raise Unreadable("number_unreadable")
    return value


def number_text(value: float) -> str:
    """Return the shortest text, without exponent, that reads back as the same number.

    Examples
    --------
    >>> number_text(12.0), number_text(0.1)
    ('12', '0.1')
    """
    if isinstance(value, int):
        return str(value)
    text = np.format_float_positional(value, trim="-")
    return "0" if text == "-0" else text


def date_format(text: str) -> str:
    """Return the `strptime` format of a date format written as people write it.

    Examples
    --------
    >>> date_format("mm/jj/aaaa"), date_format("yyyymmdd"), date_format("%d %b %Y")
    ('%m/%d/%Y', '%Y%m%d', '%d %b %Y')
    """
    if "%" in text:
        return text
    out = text.lower()
    for token, code in _TOKENS:
        out = out.replace(token, code)
    return out


def read_each(
    column: Column, read: Callable[[str], Any], missing: Any, dtype: Any
) -> tuple[np.ndarray, dict[int, str]]:
    """Read each distinct text once.

    Returns
    -------
    values : array
        One per row; `missing` where the cell is blank or unreadable.
    unread : dict
        Position of a distinct text that could not be read, to the sentence that says why.
    """
    unread: dict[int, str] = {}

    def one(i: int, text: str) -> Any:
        try:
            return read(text)
        except Unreadable as error:
            unread[i] = str(error)
            return missing

    return column.take((one(i, t) for i, t in enumerate(column.distinct)), missing, dtype), unread


def days(column: Column, written_as: str | None = None) -> tuple[np.ndarray, dict[int, str]]:
    """Return a column of dates as datetime64[ns], NaT where blank or unreadable, and what was unreadable."""
    values, unread = read_each(column, lambda t: day(t, written_as), _NOT_A_DAY, np.int64)
    return values.view("datetime64[D]").astype("datetime64[ns]"), unread


def numbers(column: Column) -> tuple[np.ndarray, dict[int, str]]:
    """Return a column of numbers as float64, nan where blank or unreadable, and what was unreadable."""
    return read_each(column, number, np.nan, np.float64)


def free(column: Column) -> np.ndarray:
    """Return a column nobody declared: days if every text is a date, numbers if every one is a number, else texts."""
    if column.distinct:
        for read in (days, numbers):
            # One text settles most columns, without reading a million others.
            if read(Column(np.zeros(1, dtype=np.int64), column.distinct[:1]))[1]:
                continue
            values, unread = read(column)
            if not unread and not (read is days and _with_time(column.distinct)):
                return values
    return column.texts()


def _with_time(texts: Sequence[str]) -> bool:
    """A time of day in a column nobody declared is kept: the column stays text."""
    return any(len(t) > 10 for t in texts)
