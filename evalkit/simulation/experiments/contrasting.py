"""Compares scenarios played with the same luck: paired differences, play by play.

Not an effect: under the stated assumptions, a difference; and no p-value, since the number of plays is ours to choose.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pandas as pd

from evalkit.errors import InputError
from evalkit.result import Result
from evalkit.simulation.experiments import spread
from evalkit.simulation.experiments.precision import Precision
from evalkit.simulation.experiments.replicating import (
    check_plan,
    imprecise,
    labels,
    long_form,
    name_of,
    of_plays,
    play_all,
    position,
    provenance_of,
    summarised,
)
from evalkit.simulation.experiments.running import Run, Watched, Work
from evalkit.simulation.experiments.storing import Played
from evalkit.simulation.language.pathway import Pathway
from evalkit.simulation.programme.scenario import Scenario
from evalkit.simulation.tape.outcomes import KEYS
from evalkit.wording import fault, message


@dataclass(frozen=True, repr=False)
class Contrast(Result):
    """Differences between scenarios and a base, with the plays themselves.

    Parameters
    ----------
    plays : DataFrame
        replication, scenario, outcome, part, by, level, before, after, value (after less before).
    digests : mapping of str to tuple of str
        Scenario to the digests of its tapes, in order of replication.
    """

    plays: pd.DataFrame = field(default_factory=pd.DataFrame)
    digests: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    def values(
        self, outcome: str, part: str = "", by: str = "", level: str = "", scenario: str | None = None
    ) -> np.ndarray:
        """Return the differences of one output in every play, in order of replication."""
        p = self.plays
        name = scenario if scenario is not None else p["scenario"].iloc[0]
        mine = p[
            (p["scenario"] == name)
            & (p["outcome"] == outcome)
            & (p["part"] == part)
            & (p["by"] == by)
            & (p["level"] == level)
        ]
        if mine.empty:
            raise InputError(
                f"values: no output {(name, outcome, part, by, level)}; see .plays for those there are"
            )
        return mine.sort_values("replication")["value"].to_numpy()

    def quantiles(
        self, outcome: str, part: str = "", by: str = "", level: str = "", scenario: str | None = None,
        at: Sequence[float] = (0.05, 0.5, 0.95), conf_level: float = 0.95,
    ) -> Result:  # fmt: skip
        """Return quantiles of the differences of single plays, with order-statistic intervals; see `spread.quantiles`."""
        values = self.values(outcome, part, by, level, scenario)
        return of_plays(spread.quantiles(values, at, conf_level), "quantiles", outcome, part, self.provenance)

    def share(
        self, outcome: str, part: str = "", by: str = "", level: str = "", scenario: str | None = None,
        above: float = 0.0, conf_level: float = 0.95,
    ) -> Result:  # fmt: skip
        """Return the share of plays in which the difference lies above a number, with its exact interval (Clopper and Pearson)."""
        values = self.values(outcome, part, by, level, scenario)
        return of_plays(spread.share(values, above, conf_level), "share", outcome, part, self.provenance)


def contrast(
    base: Scenario | Pathway, others: Scenario | Pathway | Sequence[Scenario | Pathway], n: int | None = None, seed: int = 1,
    jobs: int = 1, until: dt.date | str | None = None, progress: bool = False, conf_level: float = 0.95, engine: str = "simpy",
    precision: Precision | None = None, store: str | Path | None = None, cluster: str | None = None,
) -> Contrast:  # fmt: skip
    """Play scenarios with the same luck as a base and return paired differences.

    Parameters
    ----------
    base : Scenario
    others : Scenario or sequence of Scenario
        With names of their own.
    n : int
        Plays of each scenario. Left out when a `precision` is asked for.
    seed, jobs, until, progress, conf_level, engine, store, cluster
        As in `replicate`.
    precision : Precision, optional
        Of the mean differences of the outputs it names, in every scenario.

    Returns
    -------
    Contrast
        Tidy table: scenario, outcome, part, by, level, before and after (means of the base and of the scenario), estimate
        (mean difference), std_error, conf_low, conf_high (Student's t over paired plays), conf_level, play_low, play_high
        (between which 90 % of plays lie), n, status, reason. Besides the outputs of `replicate`, those of `sooner`.

    Notes
    -----
    Common random numbers: every person keeps the same draws, so the variance of a difference is that of what differs (Law 2015,
    Simulation Modeling and Analysis, 5th ed., section 11.2).

    Examples
    --------
    The same hundred people, called with a little more success: nobody is lost, and the gain is theirs.

    >>> def calls(yes):
    ...     return Scenario.of({"name": f"{yes}", "pathway": {
    ...         "start": "2024-01-01", "end": "2024-01-31",
    ...         "sources": {"list": {"to": "call", "dates": ["2024-01-02"], "size": 100}},
    ...         "states": {"call": {"kind": "delay", "duration": 1, "done": {"entered": yes, "no": 1 - yes}},
    ...                    "entered": {"kind": "exit", "mark": "entered"}, "no": {"kind": "exit"}}}})
    >>> answer = contrast(calls(0.3), calls(0.35), n=50, seed=1)
    >>> 4 < answer.values("gained").mean().item() < 6, answer.values("lost").max().item()
    (True, 0.0)
    """
    check_plan(n, jobs, conf_level, precision)
    others = [others] if isinstance(others, Scenario | Pathway) else list(others)
    scenarios = [base, *others]
    names = _names(scenarios)
    if not others:
        raise InputError("others: no scenario to compare; give at least one")
    run = Run(Work(scenarios, seed, until, engine), jobs, store, cluster, progress)
    played, precise = play_all(run, n, precision, _watched(precision, len(scenarios)))
    keys = run.keys
    values = [np.array([outputs[k] for _, _, outputs in played]) for k in range(len(keys))]
    tables, plays = [], []
    for k, name in enumerate(names[1:], start=1):
        one, before, after = _aligned(keys[0], values[0], keys[k], values[k])
        difference = after - before
        pair, gained = keys[len(scenarios) + k - 1], values[len(scenarios) + k - 1]
        all_keys = pd.concat([one, pair], ignore_index=True)
        all_values = np.hstack([difference, gained])
        table = pd.concat([all_keys, summarised(all_values, conf_level)], axis="columns")
        blank = np.full(gained.shape, np.nan)
        before, after = np.hstack([before, blank]), np.hstack([after, blank])
        table.insert(0, "scenario", name)
        table.insert(1 + len(KEYS), "before", _mean(before))
        table.insert(2 + len(KEYS), "after", _mean(after))
        tables.append(table)
        lived = long_form(all_keys, all_values)
        lived.insert(1, "scenario", name)
        plays.append(lived.assign(before=before.ravel(), after=after.ravel()))
    return Contrast(
        pd.concat(tables, ignore_index=True), message("simulation.question_contrast", base=names[0], n=len(played)),
        (*imprecise(precise, len(played)), message("simulation.paired"), message("result.simulated")),
        provenance_of(scenarios, seed, len(played)), {"plays": len(played), "precise": precise}, labels=labels(),
        plays=pd.concat(plays, ignore_index=True),
        digests={name: tuple(d[k] for _, d, _ in played) for k, name in enumerate(names)},
    )  # fmt: skip


def _watched(precision: Precision | None, scenarios: int) -> Watched:
    """Return what reads the differences a precision names off the plays, one column per output and scenario, outputs in order."""

    def values(keys: Sequence[pd.DataFrame], played: Sequence[Played]) -> np.ndarray:
        widest = []
        for key in precision.keys if precision else []:
            columns = []
            for k in range(1, scenarios):
                pair = scenarios + k - 1
                if key[0] in set(keys[pair]["outcome"]):
                    at = position(keys[pair], key)
                    columns.append([outputs[pair][at] for _, _, outputs in played])
                else:
                    a, b = position(keys[0], key), position(keys[k], key)
                    columns.append([outputs[k][b] - outputs[0][a] for _, _, outputs in played])
            widest.append(columns)
        return np.moveaxis(np.array(widest), -1, 0).reshape(len(played), -1)

    return values


def _names(scenarios: Sequence[Scenario | Pathway]) -> list[str]:
    names = [name_of(s) for s in scenarios]
    if len(set(names)) < len(names):
        raise InputError(fault("simulation.same_scenario", names=names))
    return names


def _aligned(
    base_keys: pd.DataFrame, base: np.ndarray, keys: pd.DataFrame, values: np.ndarray
) -> tuple[pd.DataFrame, np.ndarray, np.ndarray]:
    """Return the union of the outputs: a count that only one scenario can have is 0 in the other; a mean is missing."""
    left, right = pd.MultiIndex.from_frame(base_keys), pd.MultiIndex.from_frame(keys)
    union = right.append(left.difference(right, sort=False))
    all_keys = union.to_frame(index=False)
    absent = np.where(all_keys["outcome"].isin(_MEANS), np.nan, 0.0)

    def spread(index: pd.MultiIndex, given: np.ndarray) -> np.ndarray:
        at = index.get_indexer(union)
        return np.where(at >= 0, given[:, at], absent)

    return all_keys, spread(left, base), spread(right, values)


_MEANS = ("spotted_to_interview", "spotted_to_interview_restricted", "wait_days")


def _mean(values: np.ndarray) -> np.ndarray:
    known = np.isfinite(values)
    n = known.sum(axis=0)
    return np.where(n > 0, np.where(known, values, 0.0).sum(axis=0) / np.maximum(n, 1), np.nan)


#: More scenarios than anybody reads side by side; a step mistyped by a factor would otherwise play for days.
MOST_VARIANTS = 200


def vary(scenario: Scenario, spec: str) -> list[Scenario]:
    """Return a scenario for each value of one assumption.

    Parameters
    ----------
    scenario : Scenario
    spec : str
        ``key=from:to:step``, both ends included, for example ``counsellors.slots_per_week.est=50:60:2``. Each scenario is named
        after its value.

    Examples
    --------
    >>> queue = Scenario.of({"name": "queue", "pathway": {
    ...     "start": "2024-01-01", "end": "2024-01-31", "pools": {"desk": {"weekly": 3}},
    ...     "sources": {"list": {"to": "wait", "dates": ["2024-01-02"], "size": 9}},
    ...     "states": {"wait": {"kind": "wait", "pool": "desk", "done": "out"}, "out": {"kind": "exit"}}}})
    >>> [s.name for s in vary(queue, "pathway.pools.desk.weekly=3:5:1")]
    ['queue, pathway.pools.desk.weekly = 3', 'queue, pathway.pools.desk.weekly = 4', 'queue, pathway.pools.desk.weekly = 5']

    Raises
    ------
    InputError
        If the specification is not of that form, the key is unknown, or a value is out of bounds.
    """
    key, _, values = spec.partition("=")
    parts = values.split(":")
    try:
        low, high, step = (float(p.replace(",", ".")) for p in parts)
    except ValueError:
        raise InputError(fault("simulation.vary_form", value=spec)) from None
    if not np.isfinite([low, high, step]).all():
        raise InputError(fault("simulation.vary_form", value=spec))
    if step <= 0 or high < low:
        raise InputError(fault("simulation.vary_order", value=spec))
    count = int(np.floor((high - low) / step + 1e-9)) + 1
    if count > MOST_VARIANTS:
        raise InputError(fault("simulation.vary_many", value=spec, values=count, most=MOST_VARIANTS))
    steps = [round(low + k * step, 12) for k in range(count)]
    whole = all(v == int(v) for v in steps)
    made = []
    for v in steps:
        value = int(v) if whole else v
        made.append(
            scenario.with_({key.strip(): value, "name": f"{scenario.name}, {key.strip()} = {value:g}"})
        )
    return made
