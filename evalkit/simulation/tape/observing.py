"""What plays show beside their outputs: waits week by week, how far the people of each source come, who is mobilised by trait.

Not an estimate: frames of counts, play by play, to be added up and drawn.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from evalkit.simulation.experiments.playing import play
from evalkit.simulation.experiments.replicating import check_plan, name_of
from evalkit.simulation.language.pathway import Pathway
from evalkit.simulation.luck.population import DUPLICATE
from evalkit.simulation.luck.sampler import TICKS_PER_DAY
from evalkit.simulation.plan.numbers import WAIT
from evalkit.simulation.programme.scenario import Scenario
from evalkit.simulation.tape.days import played_day
from evalkit.simulation.tape.log import Tape
from evalkit.simulation.tape.outcomes import lives

_WEEK = 7 * TICKS_PER_DAY


@dataclass(frozen=True)
class Observed:
    """Frames of counts, one row per scenario, replication and what stands in the other columns.

    Parameters
    ----------
    waits : DataFrame
        scenario, replication, site, state, week (from 0, of joining the queue), n (records who joined), days (their waits added
        up; those still waiting at the end count for what has passed).
    passages : DataFrame
        scenario, replication, source, state, n (people of the source who were ever in the state; duplicates are not people).
    traits : DataFrame
        scenario, replication, trait, level, n (people mobilised).
    """

    waits: pd.DataFrame
    passages: pd.DataFrame
    traits: pd.DataFrame


def observe(
    scenarios: Sequence[Scenario | Pathway],
    n: int,
    seed: int,
    jobs: int = 1,
    until: dt.date | str | None = None,
) -> Observed:
    """Play scenarios with the same luck and return what can be counted along the way.

    Parameters
    ----------
    scenarios : sequence of Scenario
        With names of their own.
    n : int
        Plays of each, replications 0 to ``n - 1``.
    seed, jobs, until
        As in `replicate`; the result does not depend on `jobs`.

    Returns
    -------
    Observed
    """
    check_plan(n, jobs, 0.95)
    work = [(s, seed, r, until) for s in scenarios for r in range(n)]
    if jobs == 1:
        parts = [_observed(*one) for one in work]
    else:
        from joblib import Parallel, delayed

        parts = Parallel(n_jobs=jobs)(delayed(_observed)(*one) for one in work)
    waits, passages, traits = (pd.concat(frames, ignore_index=True) for frames in zip(*parts, strict=True))
    return Observed(waits, passages, traits)


def _observed(
    scenario: Scenario | Pathway, seed: int, replication: int, until: dt.date | str | None
) -> tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame]:
    tape = play(scenario, seed, replication)
    day = played_day(tape, until, "until", tape.horizon)
    upto = tape.plan.tick(day) + TICKS_PER_DAY
    head = {"scenario": name_of(scenario), "replication": replication}
    frames = (_waits(tape, upto), _passages(tape, upto), _traits(tape, day))
    return tuple(pd.DataFrame({**head, **frame}) for frame in frames)  # type: ignore[return-value]


def _waits(tape: Tape, upto: int) -> dict[str, np.ndarray]:
    plan = tape.plan
    waits = np.array([row.kind == WAIT for row in plan.rows])
    log = tape.log[waits[tape.log[:, 2]] & (tape.log[:, 4] < upto)]
    n_sites, n_weeks = len(plan.sites), -(-upto // _WEEK)
    at = (log[:, 2] * n_sites + tape.people.codes["site"][log[:, 0]]) * n_weeks + log[:, 4] // _WEEK
    days = (np.minimum(log[:, 5], upto) - log[:, 4]) / TICKS_PER_DAY
    size = len(plan.states) * n_sites * n_weeks
    joined, waited = np.bincount(at, minlength=size), np.bincount(at, weights=days, minlength=size)
    rows = np.flatnonzero(np.repeat(waits, n_sites * n_weeks))
    return {
        "site": np.array(plan.sites, dtype=object)[rows // n_weeks % n_sites],
        "state": np.array(plan.states, dtype=object)[rows // n_weeks // n_sites],
        "week": rows % n_weeks, "n": joined[rows], "days": waited[rows],
    }  # fmt: skip


def _passages(tape: Tape, upto: int) -> dict[str, np.ndarray]:
    plan, people = tape.plan, tape.people
    log = tape.log[(tape.log[:, 4] < upto) & (people.codes["record"][tape.log[:, 0]] != DUPLICATE)]
    once = np.unique(log[:, [0, 2]], axis=0)
    n_states = len(plan.states)
    at = people.own_source[once[:, 0]] * n_states + once[:, 1]
    n = np.bincount(at, minlength=len(plan.sources) * n_states)
    rows = np.flatnonzero(n)
    return {
        "source": np.array(plan.sources, dtype=object)[rows // n_states],
        "state": np.array(plan.states, dtype=object)[rows % n_states], "n": n[rows],
    }  # fmt: skip


def _traits(tape: Tape, day: dt.date) -> dict[str, list[object]]:
    people = lives(tape, day)
    mobilised = people.entered >= 0
    rows = [
        (trait, level, int(np.sum(mobilised & (people.traits[trait] == level))))
        for trait, attribute in tape.plan.tables.attributes.items()
        for level in attribute.levels
    ]
    return {name: [row[k] for row in rows] for k, name in enumerate(("trait", "level", "n"))}
