"""What every command shares: its options, how it answers on stdout, and how it shows progress on stderr.

Not the place for what a command does.
"""

from __future__ import annotations

import contextlib
import json
import re
import shutil
import sys
import textwrap
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import click

from evalkit import wording
from evalkit.cli.framing import Language, Option, say

#: Wider lines are hard to read, however wide the terminal.
_WIDEST = 100


def common(function: Callable[..., Any]) -> Callable[..., Any]:
    """Add the options every command has: --lang, --quiet, --json, --debug."""
    for decorator in (
        click.option("--debug", is_flag=True, expose_value=False, cls=Option, help="opt_debug"),
        click.option("--json", "as_json", is_flag=True, cls=Option, help="opt_json"),
        click.option("--quiet", is_flag=True, cls=Option, help="opt_quiet"),
        click.option(
            "--lang", type=Language(), expose_value=False, cls=Option, metavar="lang", help="opt_lang"
        ),
    ):
        function = decorator(function)
    return function


def tell(text: str = "", *, err: bool = False) -> None:
    """Print a text as it is, its lines folded to the width of the page, its spaces kept."""
    stream = sys.stderr if err else sys.stdout
    width = min(shutil.get_terminal_size((_WIDEST, 24)).columns, _WIDEST)
    for line in wording.typeset(text).split("\n"):
        indent = line[: len(line) - len(line.lstrip(" -"))]
        folded = textwrap.wrap(
            line, width, subsequent_indent=" " * len(indent), break_long_words=False, break_on_hyphens=False
        )
        click.echo(encodable("\n".join(folded or [""]), stream), err=err)


def tell_json(content: Any) -> None:
    """Print one JSON value on stdout."""
    click.echo(json.dumps(content, ensure_ascii=False, indent=1, default=_plain))


def _plain(value: Any) -> Any:
    """Return what JSON can write: paths and dates as text, NumPy scalars as numbers."""
    return value.item() if hasattr(value, "item") else str(value)


def records(frame: Any) -> list[dict[str, Any]]:
    """Return the rows of a tidy frame for JSON, missing values as null."""
    return json.loads(frame.to_json(orient="records", date_format="iso", double_precision=15))


def show(result: Any, columns: list[str] | None = None) -> None:
    """Print a published result: its question, its whole table, its caveats."""
    from dataclasses import replace

    narrow = result if columns is None else replace(result, table=result.table[columns])
    tell(result.question.text())
    show_frame(narrow.display())
    for caveat in result.caveats:
        tell(f"- {caveat.text()}")


def show_frame(frame: Any, headings: dict[str, str] | None = None) -> None:
    """Print a frame, its headings as they are or translated; numbers to the right."""
    from rich.box import SIMPLE_HEAD
    from rich.console import Console
    from rich.table import Table

    table = Table(box=SIMPLE_HEAD, pad_edge=False)
    written = [[_cell(cell) for cell in row] for row in frame.itertuples(index=False)]
    for number, heading in enumerate(frame.columns):
        right = bool(written) and all(_NUMBER.fullmatch(row[number]) for row in written)
        table.add_column(
            (headings or {}).get(heading, str(heading)), justify="right" if right else "left", overflow="fold"
        )
    for row in written:
        table.add_row(*row)
    # A pipe has no width: nothing is cut there.
    Console(file=sys.stdout, width=None if sys.stdout.isatty() else 240, highlight=False, markup=False).print(
        table
    )


#: Cells that are numbers once written in a language: digits with their separators and signs, a missing value.
_NUMBER = re.compile(r"[-−+\s\d.,%–∞\u00a0\u202f]*")


def _cell(value: Any) -> str:
    if hasattr(value, "strftime"):
        return wording.date(value)
    text = wording.number(value) if isinstance(value, float) else str(value)
    return encodable(wording.typeset(text), sys.stdout)


@contextlib.contextmanager
def progress(quiet: bool) -> Iterator[Callable[[str], None]]:
    """Show on stderr what is being made; nothing when quiet or when nobody watches."""
    if quiet or not sys.stderr.isatty():
        yield lambda _: None
        return
    from rich.console import Console

    with Console(stderr=True).status(say("working")) as status:
        yield lambda step: status.update(f"{say('working')} {step}")


def encodable(text: str, stream: Any) -> str:
    """Return `text` with plain signs in the place of those the stream cannot write, rather than fail on them."""
    encoding = getattr(stream, "encoding", None) or "utf-8"
    try:
        text.encode(encoding)
    except UnicodeEncodeError:
        for fine, plain in (("\u202f", "\u00a0"), ("−", "-"), ("–", "-"), ("’", "'"), ("…", "...")):
            text = text.replace(fine, plain)
        text = text.encode(encoding, "replace").decode(encoding)
    return text


def short(path: Path) -> str:
    """Return the path as a person would type it: relative when it lies in the working folder."""
    whole, here = path.resolve(), Path.cwd()
    return str(whole.relative_to(here)) if whole.is_relative_to(here) else str(whole)
