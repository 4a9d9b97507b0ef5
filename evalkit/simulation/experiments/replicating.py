"""Plays a scenario many times and says the mean, its error, and how far single plays lie apart.

Not a test: the number of plays is ours to choose, so no p-value is ever given.
"""

from __future__ import annotations

import datetime as dt
import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from evalkit.errors import InputError
from evalkit.provenance import Provenance
from evalkit.result import Result
from evalkit.simulation.experiments import spread
from evalkit.simulation.experiments.precision import Precision, check_level
from evalkit.simulation.experiments.running import Run, Watched, Work
from evalkit.simulation.experiments.storing import Played
from evalkit.simulation.language.pathway import Pathway
from evalkit.simulation.programme.scenario import Scenario
from evalkit.simulation.tape.outcomes import KEYS
from evalkit.wording import Message, catalogue, fault, message, say

#: Share of plays between the low and the high play shown.
_PLAYS = 0.90
#: Outputs of the same outcome listed beside one that is not there.
_NEAR = 12


@dataclass(frozen=True, repr=False)
class Replications(Result):
    """Means over plays, with the plays themselves.

    Parameters
    ----------
    plays : DataFrame
        replication, outcome, part, by, level, value.
    digests : tuple of str
        The digest of each play's tape, in order of replication.
    """

    plays: pd.DataFrame = field(default_factory=pd.DataFrame)
    digests: tuple[str, ...] = ()

    @cached_property
    def digest(self) -> str:
        """SHA-256 over the digests of all tapes: the same whatever the number of jobs."""
        return hashlib.sha256("".join(self.digests).encode()).hexdigest()

    def values(self, outcome: str, part: str = "", by: str = "", level: str = "") -> np.ndarray:
        """Return one output of every play, in order of replication."""
        p = self.plays
        mine = p[(p["outcome"] == outcome) & (p["part"] == part) & (p["by"] == by) & (p["level"] == level)]
        if mine.empty:
            raise InputError(
                f"values: no output {(outcome, part, by, level)}; see .plays for those there are"
            )
        return mine.sort_values("replication")["value"].to_numpy()

    def mean(self, outcome: str, part: str = "", by: str = "", level: str = "") -> float:
        """Return the mean of one output over the plays in which it is defined."""
        values = self.values(outcome, part, by, level)
        return float(np.nanmean(values)) if np.isfinite(values).any() else float("nan")

    def quantiles(
        self, outcome: str, part: str = "", by: str = "", level: str = "",
        at: Sequence[float] = (0.05, 0.5, 0.95), conf_level: float = 0.95,
    ) -> Result:  # fmt: skip
        """Return quantiles of single plays of one output, with order-statistic intervals.

        Returns
        -------
        Result
            quantile, estimate, conf_low, conf_high, conf_level, n, status, reason; see `spread.quantiles`.
        """
        values = self.values(outcome, part, by, level)
        return of_plays(spread.quantiles(values, at, conf_level), "quantiles", outcome, part, self.provenance)

    def share(
        self, outcome: str, part: str = "", by: str = "", level: str = "", above: float = 0.0, conf_level: float = 0.95
    ) -> Result:  # fmt: skip
        """Return the share of plays in which one output lies above a number, with its exact interval (Clopper and Pearson)."""
        values = self.values(outcome, part, by, level)
        return of_plays(spread.share(values, above, conf_level), "share", outcome, part, self.provenance)


def replicate(
    scenario: Scenario | Pathway, n: int | None = None, seed: int = 1, jobs: int = 1, until: dt.date | str | None = None,
    progress: bool = False, conf_level: float = 0.95, engine: str = "simpy", precision: Precision | None = None,
    store: str | Path | None = None, cluster: str | None = None,
) -> Replications:  # fmt: skip
    """Play a scenario many times.

    Parameters
    ----------
    scenario : Scenario or Pathway
    n : int
        Number of plays; replications 0 to n - 1. Left out when a `precision` is asked for.
    seed : int
    jobs : int
        Processes; -1 for one per core. The result does not depend on it.
    until : date
        Outputs are counted up to the end of this day (see `counts`).
    progress : bool
        Show a bar and the time remaining on the standard error, when it is a terminal.
    conf_level : float
        Level of the intervals of the means (Student's t over plays).
    engine : {"simpy", "compiled", "auto"}
    precision : Precision, optional
        Play until the half-widths of named outputs are small enough, rather than a number of times.
    store : path, optional
        A folder in which finished replications are kept: the same call goes on where it was stopped, on whichever engine.
    cluster : str, optional
        Address of a dask scheduler, such as ``tcp://192.168.1.5:8786``, whose workers have evalkit installed (extra ``cluster``).

    Returns
    -------
    Replications
        Tidy table: outcome, part, by, level, estimate (mean over plays), std_error, conf_low, conf_high, conf_level,
        play_low, play_high (between which 90 % of single plays lie), n (plays in which it is defined), status, reason. Outputs are
        those of `counts` and, over time, ``queue_mean`` and ``caseload_mean``.

    Raises
    ------
    InputError
        If neither or both of `n` and `precision` are given, the folder holds something else, or no scheduler answers.

    Examples
    --------
    >>> shop = Pathway({
    ...     "start": "2024-01-01", "end": "2024-01-31",
    ...     "sources": {"list": {"to": "call", "dates": ["2024-01-02"], "size": 100}},
    ...     "states": {"call": {"kind": "delay", "duration": 1, "done": {"yes": 0.3, "no": 0.7}},
    ...                "yes": {"kind": "exit"}, "no": {"kind": "exit"}},
    ... })
    >>> reps = replicate(shop, n=50, seed=1)
    >>> 28 < reps.mean("left", "yes") < 32
    True
    >>> enough = replicate(shop, seed=1, precision=Precision({("left", "yes"): 1.5}))
    >>> 20 < len(enough.digests) < 80
    True
    """
    check_plan(n, jobs, conf_level, precision)
    run = Run(Work([scenario], seed, until, engine), jobs, store, cluster, progress)
    played, precise = play_all(run, n, precision, watched_means(precision))
    values = np.array([outputs[0] for _, _, outputs in played])
    plays = long_form(run.keys[0], values)
    table = pd.concat([run.keys[0], summarised(values, conf_level)], axis="columns")
    question = message("simulation.question_replications", n=len(played), name=name_of(scenario))
    return Replications(
        table, question, (*imprecise(precise, len(played)), message("result.simulated")),
        provenance_of([scenario], seed, len(played)), {"plays": len(played), "precise": precise}, labels=labels(),
        plays=plays, digests=tuple(d[0] for _, d, _ in played),
    )  # fmt: skip


def play_all(
    run: Run, n: int | None, precision: Precision | None, watched: Watched
) -> tuple[list[Played], bool | None]:
    """Return the replications, and whether the precision asked for was reached (None: none was asked for)."""
    if precision is None:
        return run.upto(int(n or 0)), None
    return run.until_precise(precision, watched)


def watched_means(precision: Precision | None) -> Watched:
    """Return what reads the outputs a precision names off the plays of one scenario."""

    def values(keys: Sequence[pd.DataFrame], played: Sequence[Played]) -> np.ndarray:
        at = [position(keys[0], key) for key in precision.keys] if precision else []
        return np.array([outputs[0][at] for _, _, outputs in played])

    return values


def position(keys: pd.DataFrame, key: tuple[str, ...]) -> int:
    """Return the place of an output among the keys, or refuse one that is not there."""
    found = np.flatnonzero((keys[list(KEYS)] == list(key)).all(axis=1))
    if not len(found):
        # Where the outcome is right, its parts are what was looked for.
        near = keys.loc[keys["outcome"] == key[0], list(KEYS)].head(_NEAR)
        known = [" / ".join(filter(None, row)) for row in near.itertuples(index=False)]
        known = known or sorted(set(keys["outcome"]))
        raise InputError(
            fault("simulation_experiments.no_output", value=" / ".join(k for k in key if k), known=known)
        )
    return int(found[0])


def imprecise(precise: bool | None, n: int) -> tuple[Message, ...]:
    """Return what to say when a precision asked for was not reached."""
    return (message("simulation_experiments.imprecise", n=n),) if precise is False else ()


def of_plays(table: pd.DataFrame, what: str, outcome: str, part: str, provenance: Provenance) -> Result:
    """Return a table about single plays as a result."""
    words = labels()
    said = words.get(outcome, {"fr": outcome, "en": outcome})
    name = {lang: f"{text} – {part}" if part else text for lang, text in said.items()}
    question = message(f"simulation_experiments.question_{what}", name=say(fr=name["fr"], en=name["en"]))
    return Result(table, question, (message("result.simulated"),), provenance, labels=words)


def check_plan(n: int | None, jobs: int, conf_level: float, precision: Precision | None = None) -> None:
    """Refuse a number of plays, of processes, or a level that makes no sense."""
    if (n is None) == (precision is None):
        raise InputError(fault("simulation_experiments.plays_or_precision"))
    if n is not None and (not isinstance(n, int | np.integer) or n < 1):
        raise InputError(fault("simulation_experiments.plays", value=str(n)))
    if precision is not None and not isinstance(precision, Precision):
        raise InputError(fault("simulation_experiments.precision_form", value=str(precision)))
    if not isinstance(jobs, int | np.integer) or jobs == 0:
        raise InputError(fault("simulation_experiments.processes", value=str(jobs)))
    check_level(conf_level)


def provenance_of(scenarios: Sequence[Scenario | Pathway], seed: int, n: int) -> Provenance:
    """Return the digests of the scenarios, the seed and the number of plays."""
    return Provenance("simulated", {name_of(s): s.digest for s in scenarios}, int(seed), {"plays": int(n)})


def name_of(scenario: Scenario | Pathway) -> str:
    """Return the name a scenario is shown under."""
    return scenario.name


def labels() -> dict[str, dict[str, str]]:
    """Return the words of the columns and codes of simulated outputs."""
    from evalkit.vocabulary import standard

    words = {
        k.removeprefix("word_"): dict(v)
        for room in ("simulation", "simulation_experiments")
        for k, v in catalogue(room).items()
        if k.startswith("word_")
    }
    groups = standard().groups
    codes = {
        c: t.labels
        for g in ("status", "elimination", "channel", "sex", "level")
        for c, t in groups[g].items()
    }
    return {**codes, "disengaged": groups["exit"]["disengaged"].labels, **words}


# ---- summarising --------------------------------------------------------------------------------------------------------
def long_form(keys: pd.DataFrame, values: np.ndarray) -> pd.DataFrame:
    """Return one row per play and output from keys (one row per output) and values of shape (plays, outputs)."""
    n, m = values.shape
    out = keys.iloc[np.tile(np.arange(m), n)].reset_index(drop=True)
    out.insert(0, "replication", np.repeat(np.arange(n), m))
    return out.assign(value=values.ravel())


def summarised(values: np.ndarray, conf_level: float) -> pd.DataFrame:
    """Return mean, error, interval (Student's t) and range of plays of each column of `values`, missing ones left out."""
    from scipy import stats

    known = np.isfinite(values)
    n = known.sum(axis=0)
    held = np.where(known, values, 0.0)
    mean = np.where(n > 0, held.sum(axis=0) / np.maximum(n, 1), np.nan)
    spread = np.where(known, values - mean, 0.0)
    error = np.sqrt((spread**2).sum(axis=0) / np.maximum(n - 1, 1) / np.maximum(n, 1))
    error = np.where(n > 1, error, np.nan)
    half = stats.t.ppf(0.5 + conf_level / 2, np.maximum(n - 1, 1)) * error
    low, high = _rangeof_plays(values, n)
    few = n < 2
    return pd.DataFrame({
        "estimate": mean, "std_error": error, "conf_low": mean - half, "conf_high": mean + half,
        "conf_level": np.full(len(mean), conf_level), "play_low": low, "play_high": high, "n": n,
        "status": np.where(few, "not_estimable", "ok"),
        "reason": pd.Series([_few(int(k)) if k < 2 else "" for k in n], dtype=object),
    })  # fmt: skip


def _few(n: int) -> Any:
    return message("simulation.one_play" if n else "simulation.never_defined")


def _rangeof_plays(values: np.ndarray, n: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    ends = np.full((2, values.shape[1]), np.nan)
    some = n > 0
    if some.any():
        ends[:, some] = np.nanquantile(values[:, some], [0.5 - _PLAYS / 2, 0.5 + _PLAYS / 2], axis=0)
    return ends[0], ends[1]
