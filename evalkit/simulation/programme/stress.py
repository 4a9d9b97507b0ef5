"""The STRESS-DES page of a scenario: what a reader needs to judge the model and make it again, written from what is played.

Not a page to be edited: every number comes from the scenario, its pathway or the installation.

Source: Monks, Currie, Onggo, Robinson, Kunc and Taylor (2019), Strengthening the reporting of empirical simulation studies:
introducing the STRESS guidelines, Journal of Simulation 13(1), 55-67.
"""

from __future__ import annotations

import math
import platform
from collections.abc import Iterator, Sequence
from importlib import metadata
from typing import Any

from evalkit.simulation.programme.reading import settings
from evalkit.simulation.programme.reference import section, short, unit_in, written
from evalkit.simulation.programme.scenario import Scenario
from evalkit.simulation.programme.stress_diagram import lasting, mermaid, ways
from evalkit.simulation.programme.words import OPTIONAL, Programme
from evalkit.wording import catalogue, join, text

#: The items of the guideline, by section.
ITEMS = {1: 3, 2: 5, 3: 4, 4: 3, 5: 4, 6: 1}
_PACKAGES = ("evalkit", "numpy", "pandas", "scipy", "simpy", "numba")


def page(scenario: Scenario, lang: str) -> str:
    """Return the STRESS-DES page of a scenario, in Markdown.

    Parameters
    ----------
    scenario : Scenario
    lang : {"fr", "en"}

    Examples
    --------
    >>> visits = Scenario.of({"name": "visits", "pathway": {
    ...     "start": "2024-01-01", "end": "2024-12-31", "pools": {"desk": {"weekly": 3}},
    ...     "sources": {"list": {"to": "queue", "dates": ["2024-01-02"], "size": 40}},
    ...     "states": {"queue": {"kind": "wait", "pool": "desk", "done": "out"}, "out": {"kind": "exit"}}}})
    >>> sum(line.startswith("### ") for line in page(visits, "en").splitlines())
    20
    """
    made = _Page(scenario, lang)
    file = scenario.path.name if scenario.path is not None else scenario.name
    lines = [
        f"# {made.say('stress_title', title=scenario.title[lang])}",
        "",
        made.say("stress_generated", file=file),
    ]
    for number, items in ITEMS.items():
        lines += ["", f"## {made.say(f'stress_{number}')}"]
        for item in range(1, items + 1):
            name = f"{number}_{item}"
            lines += ["", f"### {made.say(f'stress_{name}')}", "", *getattr(made, f"item_{name}")()]
    return "\n".join([*lines, ""])


class _Page:
    def __init__(self, scenario: Scenario, lang: str):
        self.scenario, self.lang = scenario, lang
        self.pathway = scenario.compile()
        self.tables, self.numbers = self.pathway.tables, scenario.assumptions()
        self.model = scenario.model if isinstance(scenario.model, Programme) else None

    def say(self, name: str, /, **values: Any) -> str:
        return text(f"scenario_pages.{name}", self.lang, **values)

    def table(self, names: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
        """Return a table; an upright bar in a cell would end it."""
        lines = [f"| {' | '.join(names)} |", f"|{'---|' * len(names)}"]
        return [*lines, *(f"| {' | '.join(cell.replace('|', '/') for cell in row)} |" for row in rows)]

    def headings(self, *names: str) -> list[str]:
        return [self.say(f"column_{name}") for name in names]

    # ---- 1. objectives --------------------------------------------------------------------------------------------------
    def item_1_1(self) -> list[str]:
        purpose = self.scenario.model.purpose.get(self.lang)  # type: ignore[call-overload]
        sites = self.tables.sites
        people = self.say("people_of", sites=list(sites))
        return [purpose or self.say("no_purpose"), *(["", people] if self.model is not None else [])]

    def item_1_2(self) -> list[str]:
        words = catalogue("simulation")
        named = lambda *names: (" ; " if self.lang == "fr" else "; ").join(
            words[f"word_{n}"][self.lang] for n in names
        )
        people = named("spotted", "eliminated", "pending", "mobilised", "situation", "in_solution")
        delays = named("spotted_to_interview", "spotted_to_interview_restricted")
        waits = named("wait_days", "waiting", "served", "gave_up")
        closing = self.tables.closing or self.tables.end
        return [
            self.say("outputs_intro", day=closing), "",
            f"- {self.say('output_people', names=people)}", f"- {self.say('output_delay', names=delays)}",
            f"- {self.say('output_wait', names=waits)}", "", self.say("output_error"),
        ]  # fmt: skip

    def item_1_3(self) -> list[str]:
        base = self._base()
        if base is None:
            return [self.say("aims_base")]
        return [self.say("aims_based", base=base.name, title=base.title[self.lang])]

    def _base(self) -> Scenario | None:
        name, path = self.scenario.model.based_on, self.scenario.path
        return None if name is None or path is None else Scenario.load(path.parent / name)

    # ---- 2. logic -------------------------------------------------------------------------------------------------------
    def item_2_1(self) -> list[str]:
        return [self.say("diagram_intro"), "", "```mermaid", *mermaid(self.tables), "```"]

    def item_2_2(self) -> list[str]:
        rows = []
        for name, state in self.tables.states.items():
            kind = self.say(f"kind_{state.kind}", **({"pool": state.pool} if state.kind == "wait" else {}))
            late = ways(state.late) + ([state.balk.to] if state.balk is not None else [])
            rows.append(
                (f"`{name}`", kind, lasting(state, self.lang), ", ".join(ways(state.done)), ", ".join(late))
            )
        return [
            self.say("logic_intro"), "", *self._mechanisms(),
            *self.table(self.headings("state", "kind", "lasts", "done", "late"), rows),
        ]  # fmt: skip

    def _mechanisms(self) -> list[str]:
        if self.model is None:
            return []
        there = [n for n in (*OPTIONAL, "education_nationale") if getattr(self.model, n) is not None]
        if not there:
            return [self.say("mechanisms_none"), ""]
        return [self.say("mechanisms_on"), "", *(f"- `[{n}]` {section(n, self.lang)}" for n in there), ""]

    def item_2_3(self) -> list[str]:
        base = self._base()
        if base is None:
            return [self.say("scenario_is_base")]
        found = base.diff(self.scenario).table
        rows = [
            (
                f"`{r.term}`",
                written(r.before, self.lang),
                written(r.after, self.lang),
                self._unit(r.unit),
                r.source,
            )
            for r in found.itertuples()
        ]
        headings = self.headings("key", "before", "after", "units", "source")
        return [self.say("scenario_differs", base=base.name), "", *self.table(headings, rows)]

    def item_2_4(self) -> list[str]:
        found = {
            c.duration.family: None
            for s in self.tables.states.values()
            for c in (*(s.duration or ()), *(s.limit or ()))
        }
        families = [self.say(f"family_{name}") for name in sorted(found)]
        lines = [self.say(f"algorithm_{name}") for name in ("events", "queues", "inverse")]
        lines += [self.say("algorithm_families", families=families)] if families else []
        if any(s.mark == "entered" for s in self.tables.states.values()):
            lines.append(self.say("algorithm_silence", days=self.tables.silence))
        if self.model is not None and any(
            getattr(self.model, n) is not None
            for n in ("co_accompaniment", "named_referents", "social_workers")
        ):
            lines.append(self.say("algorithm_ratio"))
        return [f"- {line}" for line in lines]

    def item_2_5(self) -> list[str]:
        lines = [self.say("component_people"), "", *self._named(self._people()), ""]
        lines += [self.say("component_pools"), "", *self._named(self._pools()), ""]
        calendar = self.tables.calendar
        lines += [self.say("component_calendar", closed=len(calendar.closed), reduced=len(calendar.reduced))]
        for name, of in (("traits", self.tables.attributes), ("tracks", self.tables.tracks)):
            if of:
                lines += ["", self.say(f"component_{name}", names=[f"`{n}`" for n in of])]
        return lines

    def _named(self, found: Iterator[tuple[str, str]]) -> Iterator[str]:
        return (f"- {self.say('named', name=f'`{name}`', said=said)}" for name, said in found)

    def _people(self) -> Iterator[tuple[str, str]]:
        for name, source in self.tables.sources.items():
            if source.spawned is not None:
                yield name, self.say("arrive_spawned")
            elif source.initial is not None:
                yield name, self.say("arrive_initial", number=self._total([source.initial]))
            elif source.size is not None:
                yield (
                    name,
                    self.say("arrive_list", number=self._total([source.size]), dates=list(source.dates)),
                )
            else:
                numbers = [p.number for p in source.periods]
                total = self._total(numbers, each=source.arrivals == "fixed")
                yield name, self.say(f"arrive_{source.arrivals}", number=total)

    def _total(self, numbers: Sequence[Any], each: bool = False) -> str:
        """Return the sum over sites and periods; a number given once stands for each site, and is rounded at each if asked."""
        by_site = [sum(n.get(site, n.get("", 0)) for n in numbers) for site in self.tables.sites]
        total = sum(math.floor(n + 0.5) if each else n for n in by_site)
        return short(round(total, 1), self.lang)

    def _pools(self) -> Iterator[tuple[str, str]]:
        for name, pool in self.tables.pools.items():
            kind = "weekly" if pool.weekly is not None else "units" if pool.units is not None else "sessions"
            number = pool.sessions.places if pool.sessions is not None else getattr(pool, kind)
            if pool.shared is True:
                yield (
                    name,
                    self.say(f"pool_{kind}", number=sum(number.values()), sites=self.say("pool_shared")),
                )
                continue
            each = [
                self.say(f"pool_{kind}", number=n, sites=site or self.say("every_site"))
                for site, n in number.items()
            ]
            said = join(each, self.lang)
            if pool.sessions is not None:
                said = self.say("pool_dates", said=said, n=len(pool.sessions.dates))
            yield name, said

    # ---- 3. data --------------------------------------------------------------------------------------------------------
    def item_3_1(self) -> list[str]:
        if self.numbers.empty:
            return [self.say("sources_none")]
        by = self.numbers.groupby("source", sort=False)["key"].agg(list)
        rows = [(source, ", ".join(f"`{k}`" for k in keys)) for source, keys in by.items()]
        intro = self.say("sources_intro", n=len(self.numbers))
        return [intro, "", *self.table(self.headings("source", "keys"), rows)]

    def item_3_2(self) -> list[str]:
        return [self.say("preprocessing")]

    def item_3_3(self) -> list[str]:
        if self.numbers.empty:
            rows = [(f"`{key}`", value) for key, value in settings(self.scenario.data["pathway"])]
            return self.table(self.headings("key", "value"), rows)
        names = ("key", "meaning", "value", "units", "range", "status", "source")
        rows = [(
            f"`{r.key}`", getattr(r, f"label_{self.lang}"), short(r.value, self.lang), self._unit(r.unit),
            "–" if r.low != r.low else f"{short(r.low, self.lang)} – {short(r.high, self.lang)}",
            self.say(f"status_{r.status}"), r.source,
        ) for r in self.numbers.itertuples()]  # fmt: skip
        return self.table(self.headings(*names), rows)

    def _unit(self, unit: str) -> str:
        return unit_in(unit, self.lang)

    def item_3_4(self) -> list[str]:
        lines = [f"- {self.say(f'assumed_{name}')}" for name in ("independent", "memoryless")]
        if self.model is None:
            return lines[:1]
        n = self.numbers["status"].value_counts()
        of = {s: int(n.get(s, 0)) for s in ("published", "derived", "calibrated", "assumed")}
        absent = [name for name in (*OPTIONAL, "education_nationale") if getattr(self.model, name) is None]
        out = [self.say("assumed_counts", n=len(self.numbers), **of), "", *lines]
        if absent:
            out += ["", self.say("assumed_absent"), "", *(f"- {section(name, self.lang)}" for name in absent)]
        return out

    # ---- 4. experimentation ---------------------------------------------------------------------------------------------
    def item_4_1(self) -> list[str]:
        lines = [self.say("initial_empty", day=self.tables.start)]
        initial = [s.initial for s in self.tables.sources.values() if s.initial is not None]
        if initial:
            lines.append(self.say("initial_followed", followed=self._total(initial)))
        if self.model is not None and self.model.window.mobilisation > self.model.window.start:
            lines.append(self.say("initial_setup", day=self.model.window.mobilisation))
        return [" ".join([*lines, self.say("initial_warmup")])]

    def item_4_2(self) -> list[str]:
        t = self.tables
        days = (t.end - t.start).days + 1
        return [self.say("length", start=t.start, end=t.end, days=days, closing=t.closing or t.end)]

    def item_4_3(self) -> list[str]:
        return [self.say("estimation_replications"), "", self.say("estimation_paired")]

    # ---- 5. implementation, 6. access -----------------------------------------------------------------------------------
    def item_5_1(self) -> list[str]:
        found = [("Python", platform.python_version()), *((name, self._version(name)) for name in _PACKAGES)]
        return [f"- {name} {version}" for name, version in found]

    def _version(self, name: str) -> str:
        try:
            return metadata.version(name)
        except metadata.PackageNotFoundError:
            return self.say("software_none")

    def item_5_2(self) -> list[str]:
        return [self.say("random_keyed")]

    def item_5_3(self) -> list[str]:
        file = self.scenario.path.name if self.scenario.path is not None else f"{self.scenario.name}.toml"
        command = f"evalkit scenario run {file} --seed 1 --replications 20"
        return [
            self.say("execution_engine"),
            "",
            self.say("execution_command"),
            "",
            "```console",
            command,
            "```",
        ]

    def item_5_4(self) -> list[str]:
        return [self.say("system", system=platform.system(), machine=platform.machine())]

    def item_6_1(self) -> list[str]:
        licence = metadata.metadata("evalkit").get("License-Expression") or "MIT"
        digests = self.say("access_digest", scenario=self.scenario.digest, pathway=self.pathway.digest)
        return [self.say("access_code", version=self._version("evalkit"), licence=licence), "", digests]
