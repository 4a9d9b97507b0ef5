"""The people who use the same diary: those already followed at the start, and the ordinary newcomers.

Not the programme's own youths: see `compiling`.
"""

from __future__ import annotations

from collections.abc import Iterator

from evalkit.simulation.programme.compiling_sources import Row, by_site, exponential, interview
from evalkit.simulation.programme.words import Programme


def ordinary(model: Programme, priority: int, released: Row) -> Iterator[tuple[str, Row]]:
    """The people already followed and the ordinary newcomers: appointments, until they leave.

    Parameters
    ----------
    model : Programme
    priority : int
        Of their appointments in the diary.
    released : dict
        What leaving gives back.
    """
    load, c, f = model.caseload, model.counsellors, model.follow_up
    followed = any(load.youths.at(s) > 0 for s in model.sites)
    if not followed and not any(load.newcomers.at(s) > 0 for s in model.sites):
        return
    if followed:
        # Met at a random moment of their rhythm, so what is left until the next appointment is spread over it.
        yield "followed_before", {
            "kind": "delay", "done": "ordinary_queue",
            "duration": by_site(model.sites, lambda s: exponential(load.gap.at(s)), "duration"),
        }  # fmt: skip
    yield "ordinary_queue", {
        "kind": "wait", "pool": "interviews", "priority": priority, "done": "ordinary_appointment",
        "event": interview("planned"),
    }  # fmt: skip
    yield "ordinary_appointment", {
        "kind": "delay", "duration": 0, "done": by_site(model.sites, lambda s: {
            "ordinary_meeting": 1 - c.no_show.at(s), "ordinary_missed": c.no_show.at(s)}, "to"),
    }  # fmt: skip
    yield "ordinary_missed", {
        "kind": "delay", "duration": by_site(model.sites, lambda s: c.rebooking.at(s), "duration"), "event": interview("absent"),
        "done": "ordinary_queue",
    }  # fmt: skip
    yield "ordinary_meeting", {
        "kind": "delay", "duration": 0, "event": interview("attended"), "situation": "follow_up",
        "done": by_site(model.sites, lambda s: {"ordinary_left": load.leaves.at(s), "ordinary_gap": 1 - load.leaves.at(s)}, "to"),
    }  # fmt: skip
    yield "ordinary_gap", {
        "kind": "delay", "done": "ordinary_queue", "duration": by_site(model.sites, 
            lambda s: {"family": "lognormal", "median": load.gap.at(s), "sigma": f.gap_spread.at(s)}, "duration"),
    }  # fmt: skip
    yield "ordinary_left", {"kind": "exit", **released}
