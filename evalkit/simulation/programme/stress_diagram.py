"""A pathway as a diagram and as cells of a table, for the STRESS-DES page.

Not a picture: text that a Markdown reader draws (mermaid).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from evalkit.simulation.language.durations import Duration
from evalkit.simulation.language.tables import PathwayTables, State
from evalkit.simulation.programme.reference import short
from evalkit.wording import text

#: How a box of each kind is drawn: a rectangle, a trapezoid, an oval.
_BOXES = {"delay": ("[", "]"), "wait": ("[/", "\\]"), "exit": ("([", "])")}
#: Parameters of durations shown, in days; the others are shapes.
_SHOWN = ("value", "mean", "median", "scale", "low", "high")


def mermaid(tables: PathwayTables) -> Iterator[str]:
    """Yield the lines of a mermaid flowchart: sources, states, and the ways between them.

    Examples
    --------
    >>> from evalkit.simulation import Pathway
    >>> desk = Pathway({"start": "2024-01-01", "end": "2024-01-31", "pools": {"desk": {"weekly": 3}},
    ...     "sources": {"list": {"to": "queue", "dates": ["2024-01-02"], "size": 4}},
    ...     "states": {"queue": {"kind": "wait", "pool": "desk", "done": "out"}, "out": {"kind": "exit"}}})
    >>> list(mermaid(desk.tables))[1:3]
    ['    source_list{{list}} --> s_queue', '    s_queue[/queue\\\\]']
    """
    yield "flowchart TD"
    for name, source in tables.sources.items():
        yield f"    source_{name}{{{{{name}}}}} --> s_{source.to}"
    for name, state in tables.states.items():
        left, right = _BOXES[state.kind]
        yield f"    s_{name}{left}{name}{right}"
    for name, state in tables.states.items():
        out = [*ways(state.done), *state.by_cause.values()]
        yield from (f"    s_{name} --> s_{to}" for to in dict.fromkeys(out))
        late = [*ways(state.late), *([state.balk.to] if state.balk is not None else [])]
        yield from (f"    s_{name} -.-> s_{to}" for to in dict.fromkeys(late))


def ways(cases: Sequence[Any]) -> list[str]:
    """Return the states that routes lead to, each once."""
    return list(dict.fromkeys(to for case in cases for to, share in case.to.items() if share > 0))


def lasting(state: State, lang: str) -> str:
    """Return the duration of a state and its limit, in words; several values when it is not the same for all."""
    said = [" / ".join(_each(state.duration or (), lang))]
    limits = " / ".join(_each(state.limit or (), lang))
    if limits:
        said.append(text("scenario_pages.limit", lang, limit=limits))
    return (" ; " if lang == "fr" else "; ").join(part for part in said if part)


def _each(cases: Sequence[Any], lang: str) -> list[str]:
    return list(dict.fromkeys(_said(c.duration, lang) for c in cases))


def _said(duration: Duration, lang: str) -> str:
    family = text(f"scenario_pages.family_{duration.family}", lang)
    shown = [short(round(v, 3), lang) for v in (getattr(duration, n) for n in _SHOWN) if v is not None]
    return f"{family} {', '.join(shown)}".strip()
