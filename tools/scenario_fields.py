"""Write the tables of keys of docs/scenarios.md from the scenario models; `--check` fails when the committed page is stale."""

from __future__ import annotations

import math
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, get_args

from evalkit.simulation.programme.words import Programme
from evalkit.simulation.programme.quantities import UNITS, Assumption, Quantity

PAGE = Path(__file__).resolve().parent.parent / "docs" / "scenarios.md"
BEGIN, END = "<!-- keys: written by tools/scenario_fields.py -->\n", "<!-- end of keys -->\n"
#: Tables whose names are codes of the vocabulary.
CODES = {"channels": "<channel>", "solutions": "<solution>"}


def quantities(model: Any, at: str = "") -> Iterator[tuple[str, str, Quantity]]:
    """Yield (table, key, what it must be) for every assumption of a model."""
    for name, info in model.model_fields.items():
        if info.annotation is Assumption:
            yield at, name, next(m for m in info.metadata if isinstance(m, Quantity))
        else:
            nested = _model_in(info.annotation)
            if nested is not None:
                inner = f"{name}.{CODES[name]}" if name in CODES else name
                yield from quantities(nested, f"{at}.{inner}" if at else inner)


def _model_in(annotation: Any) -> Any:
    if hasattr(annotation, "model_fields"):
        return annotation
    found = (_model_in(a) for a in get_args(annotation))
    return next((m for m in found if m is not None), None)


def keys() -> str:
    """Return one table per section of a scenario file."""
    lines: list[str] = []
    last = None
    for table, key, q in quantities(Programme):
        if table != last:
            lines += [
                "",
                f"### `[{table}]`",
                "",
                "| key | unit | bounds | per site | what it is | ce que c'est |",
            ]
            lines += ["|---|---|---|---|---|---|"]
            last = table
        high = "" if math.isinf(q.high) else f"{q.high:,.10g}"
        bounds = f"{q.low:g} to {high}" if high else f"from {q.low:g}"
        bounds += ", whole" if q.whole else ""
        site = "yes" if q.per_site else "no"
        lines.append(f"| `{key}` | {' / '.join(UNITS[q.unit])} | {bounds} | {site} | {q.en} | {q.fr} |")
    return "\n".join([*lines[1:], ""])


def page(text: str) -> str:
    """Return the page with its tables of keys written anew."""
    head, rest = text.split(BEGIN)
    return head + BEGIN + "\n" + keys() + "\n" + END + rest.split(END)[1]


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
