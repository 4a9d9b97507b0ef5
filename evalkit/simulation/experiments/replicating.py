"""Plays a scenario many times and says the mean, its error, and how far single plays lie apart.

Not a test: the number of plays is ours to choose, so no p-value is ever given.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd

from evalkit.errors import InputError
from evalkit.provenance import Provenance
from evalkit.result import Result
from evalkit.simulation.experiments.playing import play_pathway
from evalkit.simulation.language.pathway import Pathway
from evalkit.simulation.programme.scenario import Scenario
from evalkit.simulation.tape.outcomes import KEYS, counts, sooner
from evalkit.wording import catalogue, message

#: Share of plays between the low and the high play shown.
_PLAYS = 0.90
Played = tuple[int, tuple[str, ...], list[np.ndarray]]


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


def replicate(
    scenario: Scenario | Pathway, n: int, seed: int, jobs: int = 1, until: dt.date | str | None = None,
    progress: bool = False, conf_level: float = 0.95, engine: str = "simpy",
) -> Replications:  # fmt: skip
    """Play a scenario `n` times.

    Parameters
    ----------
    scenario : Scenario or Pathway
    n : int
        Number of plays; replications 0 to n - 1.
    seed : int
    jobs : int
        Processes; -1 for one per core. The result does not depend on it.
    until : date
        Outputs are counted up to the end of this day (see `counts`).
    progress : bool
        Show a bar on the standard error, when it is a terminal.
    conf_level : float
        Level of the intervals of the means (Student's t over plays).

    Returns
    -------
    Replications
        Tidy table: outcome, part, by, level, estimate (mean over plays), std_error, conf_low, conf_high, conf_level,
        play_low, play_high (between which 90 % of single plays lie), n (plays in which it is defined), status, reason.

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
    """
    check_plan(n, jobs, conf_level)
    keys, played = play_all([scenario], n, seed, jobs, until, progress, engine)
    values = np.array([outputs[0] for _, _, outputs in played])
    plays = long_form(keys[0], values)
    table = pd.concat([keys[0], summarised(values, conf_level)], axis="columns")
    return Replications(
        table, message("simulation.question_replications", n=n, name=name_of(scenario)), (message("result.simulated"),),
        provenance_of([scenario], seed, n), labels=labels(), plays=plays, digests=tuple(d[0] for _, d, _ in played),
    )  # fmt: skip


def check_plan(n: int, jobs: int, conf_level: float) -> None:
    """Refuse a number of plays, of processes, or a level that makes no sense."""
    if not isinstance(n, int | np.integer) or n < 1:
        raise InputError(f"n: {n!r} plays asked; ask for a whole number from 1")
    if jobs == 0:
        raise InputError("jobs: 0 processes asked; give 1 or more, or -1 for one per core")
    if not 0 < conf_level < 1:
        raise InputError(f"conf_level: {conf_level!r} is not between 0 and 1")


def provenance_of(scenarios: Sequence[Scenario | Pathway], seed: int, n: int) -> Provenance:
    """Return the digests of the scenarios, the seed and the number of plays."""
    return Provenance("simulated", {name_of(s): s.digest for s in scenarios}, int(seed), {"plays": int(n)})


def name_of(scenario: Scenario | Pathway) -> str:
    """Return the name a scenario is shown under."""
    return scenario.name if isinstance(scenario, Scenario) else "pathway"


def labels() -> dict[str, dict[str, str]]:
    """Return the words of the columns and codes of simulated outputs."""
    from evalkit.vocabulary import standard

    words = {
        k.removeprefix("word_"): dict(v) for k, v in catalogue("simulation").items() if k.startswith("word_")
    }
    groups = standard().groups
    codes = {
        c: t.labels
        for g in ("status", "elimination", "channel", "sex", "level")
        for c, t in groups[g].items()
    }
    return {**codes, "disengaged": groups["exit"]["disengaged"].labels, **words}


# ---- playing ------------------------------------------------------------------------------------------------------------
def play_all(
    scenarios: Sequence[Scenario | Pathway],
    n: int,
    seed: int,
    jobs: int,
    until: Any,
    progress: bool,
    engine: str,
) -> tuple[list[pd.DataFrame], list[Played]]:
    """Return the keys of the outputs (of each scenario, then of each pair with the first) and every replication's values."""
    work = _Work(scenarios, seed, until, engine)
    frames, digests = work.outputs(0)
    played: list[Played] = [(0, digests, [f["value"].to_numpy() for f in frames])]
    with _bar(progress, n) as step:
        step()
        for one in _rest(work, n, jobs):
            played.append(one)
            step()
    return [f[list(KEYS)] for f in frames], sorted(played, key=lambda p: p[0])


class _Work:
    """Plays one replication of every scenario and counts; sent to other processes as it is."""

    def __init__(self, scenarios: Sequence[Scenario | Pathway], seed: int, until: Any, engine: str):
        self.pathways = [s if isinstance(s, Pathway) else s.compile() for s in scenarios]
        self.names = [name_of(s) for s in scenarios]
        self.seed, self.until, self.engine = seed, until, engine

    def __call__(self, replication: int) -> Played:
        frames, digests = self.outputs(replication)
        return replication, digests, [f["value"].to_numpy() for f in frames]

    def outputs(self, replication: int) -> tuple[list[pd.DataFrame], tuple[str, ...]]:
        """Return the outputs of each scenario, then those of each pair with the first, and the digests of the tapes."""
        tapes = [
            play_pathway(p, self.seed, replication, self.engine, name)
            for p, name in zip(self.pathways, self.names, strict=True)
        ]
        pairs = [sooner(tapes[0], t, self.until) for t in tapes[1:]]
        return [*(counts(t, self.until) for t in tapes), *pairs], tuple(t.digest for t in tapes)


def _rest(work: _Work, n: int, jobs: int) -> Iterator[Played]:
    """Yield the replications after the first, in whatever order they are ready."""
    if jobs == 1:
        yield from (work(r) for r in range(1, n))
        return
    from joblib import Parallel, delayed

    yield from Parallel(n_jobs=jobs, return_as="generator_unordered")(delayed(work)(r) for r in range(1, n))


@contextmanager
def _bar(progress: bool, n: int) -> Iterator[Callable[[], None]]:
    """Show a bar on the standard error when it is a terminal; answers go to the standard output."""
    if not progress or not sys.stderr.isatty():
        yield lambda: None
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TimeRemainingColumn

    with Progress(
        BarColumn(), MofNCompleteColumn(), TimeRemainingColumn(), console=Console(stderr=True)
    ) as bar:
        task = bar.add_task("", total=n)
        yield lambda: bar.advance(task)


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
    low, high = _range_of_plays(values, n)
    few = n < 2
    return pd.DataFrame({
        "estimate": mean, "std_error": error, "conf_low": mean - half, "conf_high": mean + half,
        "conf_level": np.full(len(mean), conf_level), "play_low": low, "play_high": high, "n": n,
        "status": np.where(few, "not_estimable", "ok"),
        "reason": pd.Series([_few(int(k)) if k < 2 else "" for k in n], dtype=object),
    })  # fmt: skip


def _few(n: int) -> Any:
    return message("simulation.one_play" if n else "simulation.never_defined")


def _range_of_plays(values: np.ndarray, n: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    ends = np.full((2, values.shape[1]), np.nan)
    some = n > 0
    if some.any():
        ends[:, some] = np.nanquantile(values[:, some], [0.5 - _PLAYS / 2, 0.5 + _PLAYS / 2], axis=0)
    return ends[0], ends[1]
