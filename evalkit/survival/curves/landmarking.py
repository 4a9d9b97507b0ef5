"""Those still at risk at a landmark, as they were known then: the honest start for whatever became known on the way.

Not for spells: `Spells.landmark` does it before an endpoint is chosen.
"""

from __future__ import annotations

import dataclasses

import numpy as np
import pandas as pd

from evalkit.disclosure import Headcount
from evalkit.errors import InputError
from evalkit.numerics.arguments import one_number
from evalkit.survival.core.sample import accept, label_of
from evalkit.survival.curves.readings import unit_name
from evalkit.timetoevent import TimeToEvent
from evalkit.wording import Message, message

ORIGINS = ("kept", "shifted")


def landmark(tte: TimeToEvent, at: float, origin: str = "kept") -> TimeToEvent:
    """Return the people still at risk at `at`, from then on, with covariates, stratum and weight as known at that time.

    Parameters
    ----------
    tte : TimeToEvent
    at : number, in the unit of `tte`
    origin : {"kept", "shifted"}
        Whether times are still counted from the origin (delayed entry at `at`), or from `at`.

    Returns
    -------
    TimeToEvent
        Rows that end after `at` of the people under observation then. What a row says holds from its start, so a person's
        values are those of the row with start <= at < stop, in all the rows kept. The rule says how many were left out, and why.

    Raises
    ------
    InputError
        Nobody is at risk after `at`; or the clock is that of gap times and people have several episodes.

    Notes
    -----
    van Houwelingen (2007). Somebody who leaves at `at` itself is not at risk after it.

    Examples
    --------
    >>> tte = TimeToEvent(time=[2, 5, 9], cause=[1, 0, 1], causes=("relapse",))
    >>> landmark(tte, 4)
    TimeToEvent: 2 rows (1 censored, 1 relapse), 0 to 9 days, delayed entry
    >>> landmark(tte, 4, origin="shifted").time.tolist()
    [1.0, 5.0]
    """
    tte = accept(tte, "landmark")
    if origin not in ORIGINS:
        raise InputError(f"origin: must be one of {', '.join(ORIGINS)}, but was {origin!r}")
    at = one_number(at, "at")
    if not (np.isfinite(at) and at >= 0):
        raise InputError(f"at: must be a time, 0 or more, but was {at}")
    repeated = tte.id is not None and not pd.Index(tte.id).is_unique
    if repeated and tte.clock == "gap":
        raise InputError(
            "landmark: on the gap clock a time is not one day of a person; give one id per episode"
        )
    person = pd.factorize(tte.id)[0] if repeated else np.arange(tte.n)
    entry = np.zeros(tte.n) if tte.entry is None else tte.entry
    here = (entry <= at) & (tte.time > at)
    if not here.any():
        raise InputError(f"at: nobody is at risk after {at:g}; the last row ends at {tte.time.max():g}")
    covering = np.full(person.max() + 1, -1)
    covering[person[here]] = np.flatnonzero(here)
    kept = (tte.time > at) & (covering[person] >= 0)
    source = covering[person[kept]]
    start = np.maximum(entry[kept], at)
    shift = at if origin == "shifted" else 0.0
    return dataclasses.replace(
        tte,
        time=tte.time[kept] - shift,
        cause=tte.cause[kept],
        entry=None if shift == at and (start == at).all() else start - shift,
        id=None if tte.id is None else tte.id[kept],
        weight=None if tte.weight is None else tte.weight[source],
        stratum=None if tte.stratum is None else tte.stratum[source],
        covariates=tte.covariates.iloc[source].reset_index(drop=True),
        horizon=None if tte.horizon is None else tte.horizon - shift,
        rule=(*tte.rule, *_said(tte, float(at), origin, person, covering)),
    )


def _said(
    tte: TimeToEvent, at: float, origin: str, person: np.ndarray, covering: np.ndarray
) -> list[Message]:
    """Return who was kept, and who was left out and why: gone by each exit, lost from sight, not yet seen."""
    weight = np.ones(tte.n) if tte.weight is None or tte.weight_kind == "sampling" else tte.weight
    # A person is told of by the last row that ends by then, or by the first one when none does.
    order = np.lexsort((tte.time, person))
    ended = (tte.time <= at)[order]
    last = np.full(len(covering), -1)
    last[person[order][ended]] = order[ended]
    out = covering < 0
    first = np.zeros(len(covering), dtype=np.int64)
    first[person[order][::-1]] = order[::-1]
    told = np.where(last >= 0, last, first)
    worth = weight[told]
    unit = unit_name(tte.unit, at)
    said = [message(
        "survival_curves.landmark", at=at, unit=unit, n=Headcount(round(weight[covering[~out]].sum())),
        n_left=Headcount(round(worth[out].sum())), origin=message(f"survival_curves.landmark_{origin}"),
    )]  # fmt: skip
    for cause, name in enumerate(("", *tte.causes)):
        n = Headcount(round(worth[out & (last >= 0) & (tte.cause[told] == cause)].sum()))
        if n and cause:
            said.append(message("survival_curves.landmark_gone", n=n, event=label_of(tte, name)))
        elif n:
            said.append(message("survival_curves.landmark_censored", n=n))
    late = Headcount(round(worth[out & (last < 0)].sum()))
    if late:
        said.append(message("survival_curves.landmark_late", n=late))
    return said
