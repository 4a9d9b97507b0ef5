"""Write the tables of fields of docs/records.md from the schema; `--check` fails when the committed page is stale."""

from __future__ import annotations

import sys
from pathlib import Path

from evalkit import wording
from evalkit.followup.schema import TARGETS, tables

PAGE = Path(__file__).resolve().parent.parent / "docs" / "records.md"
BEGIN, END = "<!-- fields: written by tools/record_fields.py -->\n", "<!-- end of fields -->\n"
KINDS = {
    "id": "text",
    "text": "text",
    "date": "date",
    "number": "number",
    "code": "code",
    "track": "code or name",
    "state": "code or name",
}


def fields() -> str:
    """Return one table per kind of file, its fields with both headings."""
    lines: list[str] = []
    for target in TARGETS:
        table = tables()[target]
        lines += [f"### `{table.labels['en']}` (`{table.labels['fr']}`)", ""]
        lines += [
            "| English heading | French heading | values | what it says | ce que dit la colonne |",
            "|---|---|---|---|---|",
        ]
        for of in table.fields.values():
            kind = KINDS[of.kind] + (f" `{of.group}`" if of.group else "")
            said = (wording.text(f"records.about_{target}_{of.name}", lang) for lang in ("en", "fr"))
            lines.append(f"| `{of.name}` | `{of.fr}` | {kind} | {' | '.join(said)} |")
        lines.append("")
    return "\n".join(lines)


def page() -> str:
    """Return the page with its tables of fields."""
    text = PAGE.read_text(encoding="utf-8")
    before, _, rest = text.partition(BEGIN)
    return before + BEGIN + "\n" + fields() + "\n" + END + rest.partition(END)[2]


if __name__ == "__main__":
    if "--check" in sys.argv:
        fresh = PAGE.read_text(encoding="utf-8") == page()
        sys.exit(0 if fresh else "docs/records.md is stale: run python tools/record_fields.py")
    PAGE.write_text(page(), encoding="utf-8")
