"""What a scenario rests on, and how it differs from another.

Not its checks when read: a scenario that exists is well formed.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from evalkit.provenance import Provenance
from evalkit.result import Result
from evalkit.simulation.luck.sampler import TICKS_PER_DAY
from evalkit.simulation.programme.compiling_sources import listed
from evalkit.simulation.programme.quantities import STATUSES, UNITS
from evalkit.simulation.programme.words import Programme
from evalkit.wording import Message, catalogue, message

if TYPE_CHECKING:
    from evalkit.simulation.programme.scenario import Scenario

#: Not part of what a scenario assumes.
_NAMES = ("name", "title", "purpose", "based_on")


def diff(before: Scenario, after: Scenario) -> Result:
    """Return the keys whose value, unit, source or status differ; see `Scenario.diff`."""
    old, new = dict(_flat(before.data)), dict(_flat(after.data))
    rows = []
    for key in dict.fromkeys([*old, *new]):
        a, b = old.get(key), new.get(key)
        if a != b and key.split(".")[0] not in _NAMES:
            said = b or a or {}
            rows.append({
                "term": key, "before": _shown(a), "after": _shown(b), "unit": said.get("unit", ""), "source": said.get("source", ""),
            })  # fmt: skip
    table = pd.DataFrame(rows, columns=["term", "before", "after", "unit", "source"])
    question = message("scenario.question_diff", before=before.name, after=after.name)
    caveats = () if rows else (message("scenario.no_difference"),)
    units = {unit: {"fr": french, "en": english} for unit, (english, french) in UNITS.items()}
    return Result(table, question, caveats, _provenance(before, after), labels={**_labels(), **units})


def _flat(data: Mapping[str, Any], at: str = "") -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield (dotted key, {value, unit, source, …}) for every assumption and plain setting; one row per site."""
    for name, value in data.items():
        key = f"{at}.{name}" if at else name
        if isinstance(value, Mapping) and "value" in value:
            rest = {k: v for k, v in value.items() if k != "value"}
            by_site = value["value"] if isinstance(value["value"], Mapping) else {"": value["value"]}
            yield from (
                (f"{key}.{site}" if site else key, {"value": v, **rest}) for site, v in by_site.items()
            )
        elif isinstance(value, Mapping) and value:
            yield from _flat(value, key)
        else:
            yield key, {"value": value}


def settings(data: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Yield (dotted key, value as shown) for everything tables written in code or in a file say."""
    for key, cell in _flat(data):
        yield key, _shown(cell)


def _shown(cell: Mapping[str, Any] | None) -> str:
    if cell is None:
        return "–"
    value = cell["value"]
    if isinstance(value, list | tuple):
        return ", ".join(_shown({"value": v}) for v in value)
    if isinstance(value, Mapping):  # as the file writes it
        said = [f"{name} = {_shown({'value': v})}" for name, v in value.items()]
        return "{ " + ", ".join(said) + " }" if said else "{}"
    return f"{value:.12g}" if isinstance(value, int | float) and not isinstance(value, bool) else str(value)


def check(scenario: Scenario) -> Result:
    """Return how many numbers have each status, and what deserves a second look; see `Scenario.check`."""
    found = scenario.assumptions()
    rows = [{"part": status, "n": int((found["status"] == status).sum())} for status in STATUSES]
    caveats: list[Message] = []
    calibrated = rows[STATUSES.index("calibrated")]["n"]
    if len(found) and not rows[0]["n"]:
        caveats.append(message("scenario.nothing_published"))
    if calibrated:
        caveats.append(message("scenario.not_validated", n=calibrated))
    if isinstance(scenario.model, Programme):
        caveats += _second_look(scenario)
    question = message("scenario.question_check", name=scenario.name)
    return Result(pd.DataFrame(rows), question, tuple(caveats), _provenance(scenario), labels=_labels())


def beyond(base: Scenario, other: Scenario) -> list[Message]:
    """Return a caveat for each number of `other` that lies outside the range which `base` calls plausible.

    Examples
    --------
    >>> from evalkit.simulation import Scenario
    >>> desk = Scenario.of({"name": "desk", "pathway": {
    ...     "start": "2024-01-01", "end": "2024-01-31", "pools": {"desk": {"weekly": 3}},
    ...     "sources": {"list": {"to": "queue", "dates": ["2024-01-02"], "size": 4}},
    ...     "states": {"queue": {"kind": "wait", "pool": "desk", "done": "out"}, "out": {"kind": "exit"}}}})
    >>> beyond(desk, desk)
    []
    """
    known = base.assumptions().set_index("key")
    out = []
    for row in other.assumptions().itertuples():
        for key in _counterparts(row.key, known.index):
            low, high = known.at[key, "low"], known.at[key, "high"]
            # A published number has no range, and none is made up for it.
            if low == low and not low <= row.value <= high:
                out.append(message("scenario.beyond", key=row.key, value=row.value, low=low, high=high))
                break
    return out


def _counterparts(key: str, known: pd.Index) -> list[str]:
    """Return the numbers of another scenario that stand where this one does, which may be given for all sites or for each."""
    for_all = key.rpartition(".")[0]
    return [k for k in known if k in (key, for_all) or k.startswith(f"{key}.")]


def _second_look(scenario: Scenario) -> Iterator[Message]:
    model = scenario.model
    assert isinstance(model, Programme)
    yield from _diary(scenario, model)
    held, load = model.portfolio, model.caseload
    if held is not None:
        for sites in [model.sites] if model.merger is not None else [(s,) for s in model.sites]:
            places = sum(int(held.counsellors.at(s) * held.youths_each.at(s)) for s in sites)
            followed = sum(load.youths.at(s) for s in sites)
            if followed >= places:
                yield message(
                    "scenario.places_taken", site=" + ".join(sites), followed=followed, places=places
                )
    given = model.education_nationale
    if given is not None:
        others = given.overlaps_with or tuple(model.channels)
        known = sum(
            listed(given, s) * len(given.dates) * given.in_territory.at(s) * given.known.at(s) for s in model.sites
        )  # fmt: skip
        spotted = sum(model.channels[code].spotted.at(s) for code in others for s in model.sites)
        if known > spotted:
            yield message("scenario.overlap_capped", known=known, spotted=spotted)


def _diary(scenario: Scenario, model: Programme) -> Iterator[Message]:
    """Compare what those already followed would ask of each diary with what it opens, holidays taken off."""
    c, load, plan = model.counsellors, model.caseload, scenario.compile().plan
    pool = plan.pools.index("interviews")
    asked, opened = (np.zeros(len(plan.capacity.names[pool])) for _ in range(2))
    for k, site in enumerate(model.sites):
        # From one meeting to the next: the gap (its mean, not its median), and what the absences before it have cost.
        absences = c.no_show.at(site) / max(1e-9, 1 - c.no_show.at(site))
        gap = load.gap.at(site) * math.exp(model.follow_up.gap_spread.at(site) ** 2 / 2)
        cycle = gap + absences * c.rebooking.at(site)
        asked[plan.capacity.queue[pool, k]] += load.youths.at(site) * (1 + absences) * 7 / (cycle or 1)
    for _, opening in plan.capacity.openings:
        for p, queue, number, _ in opening:
            opened[queue] += number if p == pool else 0
    offered = opened / (plan.horizon / (7 * TICKS_PER_DAY))
    for name, needed, there in zip(plan.capacity.names[pool], asked, offered, strict=True):
        if needed > there:
            yield message(
                "scenario.load_expected",
                site=name.replace("+", " + "),
                needed=float(needed),
                offered=float(there),
            )


def _provenance(*scenarios: Scenario) -> Provenance:
    return Provenance("simulated", {s.name: s.digest for s in scenarios})


def _labels() -> dict[str, dict[str, str]]:
    return {
        k.removeprefix("word_"): dict(v) for k, v in catalogue("scenario").items() if k.startswith("word_")
    }
