"""How many people wait, and how many are followed, on average over the time of a play.

Not a count of people: somebody who waits twice as long weighs twice as much.
"""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from evalkit.simulation.engines.stays import LEFT
from evalkit.simulation.luck.population import DUPLICATE
from evalkit.simulation.plan.numbers import WAIT
from evalkit.simulation.tape.outcomes import KEYS, end_of

if TYPE_CHECKING:
    from evalkit.simulation.tape.log import Tape


def levels(tape: Tape, until: dt.date | str | None = None) -> pd.DataFrame:
    """Return time-weighted means from the first day played to the end of a day.

    Parameters
    ----------
    tape : Tape
    until : date
        The closing day by default.

    Returns
    -------
    DataFrame
        outcome, part, by, level, value: ``queue_mean`` (part: state; people waiting) and ``caseload_mean`` (people followed: from
        entering a state marked ``entered``, or from arrival where no state is marked so, to leaving; duplicate records left out),
        over everybody and by site.

    Notes
    -----
    The integral of the number over time, divided by the time (Law 2015, section 1.4.1).

    Examples
    --------
    One waits six days of the month's 31, for the slot that opens on the second Monday.

    >>> from evalkit.simulation import Pathway, play
    >>> table = levels(play(Pathway({
    ...     "start": "2024-01-01", "end": "2024-01-31", "pools": {"desk": {"weekly": 1}},
    ...     "sources": {"list": {"to": "queue", "dates": ["2024-01-02"], "size": 2}},
    ...     "states": {"queue": {"kind": "wait", "pool": "desk", "done": "out"}, "out": {"kind": "exit"}},
    ... }), seed=1))
    >>> round(table.set_index(["outcome", "part", "by"])["value"].loc[("queue_mean", "queue", "")].item() * 31, 6)
    6.0
    """
    upto, plan, log = end_of(tape, until), tape.plan, tape.log
    site = tape.people.codes["site"]
    spent = np.clip(np.minimum(log[:, 5], upto) - log[:, 4], 0, None)
    rows: list[tuple[str, str, str, str, float]] = []

    def averaged(outcome: str, part: str, time: np.ndarray, at: np.ndarray) -> None:
        by_site = np.bincount(at, weights=time, minlength=len(plan.sites)) / upto
        rows.append((outcome, part, "", "", float(by_site.sum())))
        rows.extend(
            (outcome, part, "site", name, float(v)) for name, v in zip(plan.sites, by_site, strict=True)
        )

    for s, row in enumerate(plan.rows):
        if row.kind == WAIT:
            here = log[:, 2] == s
            averaged("queue_mean", plan.states[s], spent[here], site[log[here, 0]])
    marked = tape.rows(mark="entered")
    since = tape.first(marked) if marked.any() else tape.people.arrival
    left = np.full(len(tape.people), upto, dtype=np.int64)
    gone = log[log[:, 6] == LEFT]
    left[gone[:, 0]] = np.minimum(gone[:, 5], upto)
    counted = (since >= 0) & (tape.people.codes["record"] != DUPLICATE)
    followed = np.where(counted, np.clip(left - since, 0, None), 0)
    averaged("caseload_mean", "", followed, site)
    return pd.DataFrame(rows, columns=[*KEYS, "value"])
