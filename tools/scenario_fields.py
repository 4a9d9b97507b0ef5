"""Write the tables of keys of docs/scenarios.md from the scenario models; `--check` fails when the committed page is stale.

What they say is made in `evalkit.simulation.programme.reference`, which `evalkit scenario reference` prints too.
"""

from __future__ import annotations

import sys
from pathlib import Path

from evalkit.simulation.programme.reference import both

PAGE = Path(__file__).resolve().parent.parent / "docs" / "scenarios.md"
BEGIN, END = "<!-- keys: written by tools/scenario_fields.py -->\n", "<!-- end of keys -->\n"


def page(text: str) -> str:
    """Return the page with its tables of keys written anew."""
    head, rest = text.split(BEGIN)
    return head + BEGIN + "\n" + both() + "\n" + END + rest.split(END)[1]


def main() -> int:
    """Write the page, or check it."""
    text = PAGE.read_text(encoding="utf-8")
    if "--check" in sys.argv:
        if page(text) != text:
            print("docs/scenarios.md is stale: run python tools/scenario_fields.py", file=sys.stderr)
            return 1
        return 0
    PAGE.write_text(page(text), encoding="utf-8")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
