"""The models that are timed: M/M/3, the Paris baseline, and the same programme in many sites that do not interact."""

from __future__ import annotations

from pathlib import Path

from evalkit.simulation import Pathway, Scenario

SCENARIOS = Path(__file__).resolve().parents[2] / "studies" / "paris-2010" / "scenarios"
SERVERS, LOAD, DAYS = 3, 0.9, 3653

MM3 = {
    "start": "2024-01-01", "end": "2033-12-31", "pools": {"desk": {"units": SERVERS}},
    "sources": {"street": {"to": "queue", "periods": [
        {"from": "2024-01-01", "to": "2033-12-31", "number": SERVERS * LOAD * DAYS}]}},
    "states": {
        "queue": {"kind": "wait", "pool": "desk", "done": "service"},
        "service": {"kind": "delay", "duration": {"family": "exponential", "mean": 1}, "done": "out"},
        "out": {"kind": "exit", "release": "desk"},
    },
}  # fmt: skip


def baseline() -> Scenario:
    """Return the Paris baseline."""
    return Scenario.load(SCENARIOS / "baseline.toml")


def many_sites(sites: int, youths: int, shared: bool = False) -> Pathway:
    """Return the baseline's pathway in many like sites, with so many youths in all; in one queue when `shared`."""
    tables = baseline().compile().tables
    names = tuple(f"site{k:04d}" for k in range(sites))
    scale = youths / sites / sum(_a_site(s) for s in tables.sources.values())
    made = tables.model_dump(by_alias=True, exclude_unset=True)
    made["sites"] = names
    for pool in made["pools"].values():
        pool["weekly"] = round(pool["weekly"]["centre"] * scale) * (sites if shared else 1)
        pool["shared"] = shared
    for source in made["sources"].values():
        for period in source.get("periods", ()):
            period["number"] = period["number"]["centre"] * scale
        if "initial" in source:
            source["initial"] = round(source["initial"]["centre"] * scale)
    for state in made["states"].values():
        for field in ("duration", "limit", "done", "late"):
            if field in state:
                state[field] = _for_all(state[field])
    made["states"] = _reached(made["states"], [s["to"] for s in made["sources"].values()])
    return Pathway(made)


def _reached(states, todo):
    """Drop the states to which only youths of the other site came."""
    seen = set(todo)
    while todo:
        row = states[todo.pop()]
        cases = [*row.get("done", ()), *row.get("late", ())]
        found = {to for case in cases for to, share in case["to"].items() if share > 0} - seen
        seen |= found
        todo += found
    return {name: row for name, row in states.items() if name in seen}


def _a_site(source) -> float:
    return sum(p.number["centre"] for p in source.periods) + (source.initial or {}).get("centre", 0)


def _for_all(cases):
    """Drop what told one site of Paris from the other: all sites are as the first was."""
    kept = []
    for case in cases:
        when = dict(case.get("when") or {})
        if when.pop("site", "centre") != "centre":
            continue
        if "to" in case:
            case = {**case, "to": {to: share for to, share in case["to"].items() if share > 0}}
        kept.append({**case, "when": when})
        if not when:
            break
    return kept
