"""What a scenario rests on, and how it differs from another.

Not its checks when read: a scenario that exists is well formed.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

import pandas as pd

from evalkit.provenance import Provenance
from evalkit.result import Result
from evalkit.simulation.programme.quantities import STATUSES
from evalkit.simulation.programme.words import Programme
from evalkit.wording import Message, catalogue, message

if TYPE_CHECKING:
    from evalkit.simulation.programme.scenario import Scenario

#: A slot attended by a follow-up youth, with time off: working weeks of a year.
_WEEKS = 44 / 52
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
    return Result(table, question, caveats, _provenance(before, after), labels=_labels())


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


def _shown(cell: Mapping[str, Any] | None) -> str:
    if cell is None:
        return "–"
    value = cell["value"]
    if isinstance(value, list | tuple):
        return ", ".join(str(v) for v in value)
    return f"{value:g}" if isinstance(value, int | float) and not isinstance(value, bool) else str(value)


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
        caveats += _second_look(scenario.model)
    question = message("scenario.question_check", name=scenario.name)
    return Result(pd.DataFrame(rows), question, tuple(caveats), _provenance(scenario), labels=_labels())


def _second_look(model: Programme) -> Iterator[Message]:
    c, load = model.counsellors, model.caseload
    for site in model.sites:
        met = load.youths.at(site) / (load.gap.at(site) or 1) * 7
        needed = met / max(1e-9, 1 - c.no_show.at(site))
        offered = c.slots_per_week.at(site) * _WEEKS
        if needed > offered:
            yield message("scenario.load_expected", site=site, needed=needed, offered=offered)
    given = model.education_nationale
    if given is not None:
        others = given.overlaps_with or tuple(model.channels)
        known = sum(
            given.youths_per_year.at(s) / given.lists_per_year.at(s) * len(given.dates) * given.in_territory.at(s) * given.known.at(s)
            for s in model.sites
        )  # fmt: skip
        spotted = sum(model.channels[code].spotted.at(s) for code in others for s in model.sites)
        if known > spotted:
            yield message("scenario.overlap_capped", known=known, spotted=spotted)


def _provenance(*scenarios: Scenario) -> Provenance:
    return Provenance("simulated", {s.name: s.digest for s in scenarios})


def _labels() -> dict[str, dict[str, str]]:
    return {
        k.removeprefix("word_"): dict(v) for k, v in catalogue("scenario").items() if k.startswith("word_")
    }
