"""One thing wrong in a pathway, and what every check of it needs.

Not the checks.
"""

from __future__ import annotations

import difflib
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from evalkit.simulation.language.tables import PathwayTables, State

Key = tuple[str | int, ...]


@dataclass(frozen=True)
class Flaw:
    """One thing wrong: where in the tables, which sentence, with which values."""

    key: Key
    name: str
    values: Mapping[str, Any]


def unknown(key: Key, what: str, name: str, known: Collection[str]) -> Flaw:
    """Return the flaw of a name that nobody declared, with the nearest that somebody did."""
    near = difflib.get_close_matches(name, list(known), n=1, cutoff=0.5)
    if near:
        return Flaw(key, f"unknown_{what}_near", {"given": name, "near": near[0]})
    return Flaw(key, f"unknown_{what}", {"given": name, "known": sorted(known)})


def targets(state: State) -> set[str]:
    """Return the states a row can lead to."""
    found = {to for case in (*state.done, *state.late) for to, share in case.to.items() if share > 0}
    return found | set(state.by_cause.values()) | ({state.balk.to} if state.balk else set())


def by_site(at: Key, given: Mapping[str, object], tables: PathwayTables) -> Iterator[Flaw]:
    """Yield the sites that do not exist, and those that are left without a number."""
    for site in given:
        if site and site not in tables.sites:
            yield unknown((*at, site), "site", site, tables.sites)
    missing = [s for s in tables.sites if s not in given]
    if given and "" not in given and missing:
        yield Flaw(at, "site_missing", {"missing": missing})
