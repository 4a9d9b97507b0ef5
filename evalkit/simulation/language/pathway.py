"""The pathway: a table of states, pools and sources; the one modelling language, and all an engine knows of a programme.

Not the programme's own words (see `scenario`) and not a run of it (see `play`).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import cached_property
from typing import TYPE_CHECKING, Any

from evalkit.errors import Fault, InputError
from evalkit.provenance import digest
from evalkit.simulation.language.checking import Flaw, flaws
from evalkit.simulation.language.tables import PathwayTables
from evalkit.tomlfile import TomlFile, dotted, faults_of
from evalkit.vocabulary import Vocabulary, standard
from evalkit.wording import fault

if TYPE_CHECKING:
    import pandas as pd

    from evalkit.simulation.plan.numbers import Plan


class Pathway:
    """A pathway that can work: it refuses itself with every fault when made.

    Parameters
    ----------
    tables : mapping
        ``start``, ``end`` (dates, both included), ``states``, ``sources`` and, as needed, ``sites``, ``pools``, ``attributes``,
        ``calendar``; as in a ``[pathway]`` of a scenario file. Durations are in days.
    vocabulary : Vocabulary, optional
        Whose codes ``event``, ``situation`` and ``eliminated`` are; the standard one by default.
    file, at
        Where the tables were read, for the faults' file and line.
    name : str
        What it is called beside others, in a contrast.

    Raises
    ------
    InputError
        Listing all faults: unknown names, routes that do not add up to 1, a wait without a pool, a state nobody reaches or from
        which no exit can be reached, units never given back, a ring of states in which no time passes.

    Examples
    --------
    One counter, open on Mondays for three people; four arrive a week.

    >>> counter = Pathway({
    ...     "start": "2024-01-01", "end": "2024-12-29",
    ...     "pools": {"counter": {"weekly": 3}},
    ...     "sources": {"street": {"to": "queue", "periods": [{"from": "2024-01-01", "to": "2024-12-29", "number": 208}]}},
    ...     "states": {"queue": {"kind": "wait", "pool": "counter", "done": "served"}, "served": {"kind": "exit"}},
    ... })
    >>> list(counter.table()["state"])
    ['queue', 'served']
    """

    def __init__(
        self, tables: Mapping[str, Any], vocabulary: Vocabulary | None = None, file: TomlFile | None = None,
        at: tuple[str, ...] = (), name: str = "pathway",
    ):  # fmt: skip
        from pydantic import ValidationError

        self.vocabulary, self.name = vocabulary or standard(), name
        try:
            self.tables = PathwayTables.model_validate(
                dict(tables) if isinstance(tables, Mapping) else tables
            )
        except ValidationError as error:
            raise InputError(_well_formed(error, tables, file, at)) from None
        found = flaws(self.tables, self.vocabulary)
        if found:
            raise InputError([_said(flaw, file, at) for flaw in found])

    @cached_property
    def digest(self) -> str:
        """SHA-256 of the tables: equal for equal pathways, however they were written."""
        return digest(self.tables.model_dump(mode="json", by_alias=True, exclude_defaults=True))

    @cached_property
    def plan(self) -> Plan:
        """The numbers the engines read."""
        from evalkit.simulation.plan.numbers import Plan

        return Plan.of(self.tables)

    def table(self) -> pd.DataFrame:
        """Return one row per state: kind, pool, what it leads to, and what it means."""
        import pandas as pd

        rows = []
        for name, state in self.tables.states.items():
            rows.append({
                "state": name, "kind": state.kind, "pool": state.pool or "", "priority": state.priority,
                "release": ", ".join(state.release), "done": _ways(state.done, state.by_cause.values()), "late": _ways(state.late),
                "situation": state.situation or "", "eliminated": state.eliminated or "",
            })  # fmt: skip
        return pd.DataFrame(rows)

    def __repr__(self) -> str:
        t = self.tables
        return f"Pathway({t.start} to {t.end}, {len(t.states)} states, {len(t.pools)} pools, {len(t.sources)} sources)"


def _ways(cases: Any, others: Iterable[str] = ()) -> str:
    ways = dict.fromkeys([*(to for case in cases for to in case.to), *others])
    return " | ".join(ways)


def _well_formed(
    error: Any, tables: Mapping[str, Any], file: TomlFile | None, at: tuple[str, ...]
) -> list[Fault]:
    """Return pydantic's faults with their line, looking them up under `at` of the file."""
    file = file or TomlFile(None, {}, {})  # type: ignore[arg-type]
    data = tables if isinstance(tables, Mapping) else {}
    return faults_of(error, PathwayTables, _Below(file, data, at))


def _said(flaw: Flaw, file: TomlFile | None, at: tuple[str, ...]) -> Fault:
    name, key = f"simulation.{flaw.name}", (*at, *flaw.key)
    if file is None:
        return fault(name, key=dotted(key), **flaw.values)
    return file.fault(name, *key, **flaw.values)


class _Below(TomlFile):
    """A table inside a file, whose keys are said from the top of the file."""

    def __init__(self, file: TomlFile, data: Mapping[str, Any], at: tuple[str, ...]):
        object.__setattr__(self, "_file", file)
        object.__setattr__(self, "_at", at)
        super().__init__(file.path, dict(data), file.lines)

    def fault(self, name: str, *key: str | int, **values: Any) -> Fault:
        # What concerns the whole table has no key of its own.
        return self._file.fault(name, *((*self._at, *key) or ("pathway",)), **values)  # type: ignore[attr-defined]
