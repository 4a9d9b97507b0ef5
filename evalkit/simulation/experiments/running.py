"""Plays replications of scenarios: here, on other processes, on a cluster, and only those that a folder does not have yet.

Not their summary: see `replicating` and `contrasting`.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np
import pandas as pd

from evalkit.errors import InputError
from evalkit.simulation.experiments.levels import levels
from evalkit.simulation.experiments.playing import pathway_of, play_pathway
from evalkit.simulation.experiments.precision import Precision
from evalkit.simulation.experiments.storing import Played, Store, alike
from evalkit.simulation.language.pathway import Pathway
from evalkit.simulation.programme.scenario import Scenario
from evalkit.simulation.tape.outcomes import KEYS, counts, sooner
from evalkit.wording import fault

#: Plays of a task sent to a cluster: sending costs a few milliseconds, and what a lost worker held is played again.
_PER_TASK = 10
#: From the keys of the outputs and some plays to the values that a precision is asked of: array of shape (plays, watched).
Watched = Callable[[Sequence[pd.DataFrame], Sequence[Played]], np.ndarray]


class Work:
    """Plays one replication of every scenario and counts; sent to other processes as it is."""

    def __init__(self, scenarios: Sequence[Scenario | Pathway], seed: int, until: Any, engine: str):
        self.pathways = [pathway_of(s) for s in scenarios]
        self.names = [getattr(s, "name", "pathway") for s in scenarios]
        self.seed, self.until, self.engine = seed, until, engine

    def __call__(self, replication: int) -> Played:
        frames, digests = self.outputs(replication)
        return replication, digests, [f["value"].to_numpy() for f in frames]

    def several(self, replications: Sequence[int]) -> list[Played]:
        """Play some replications."""
        return [self(r) for r in replications]

    def outputs(self, replication: int) -> tuple[list[pd.DataFrame], tuple[str, ...]]:
        """Return the outputs of each scenario, then those of each pair with the first, and the digests of the tapes."""
        tapes = [
            play_pathway(p, self.seed, replication, self.engine, name)
            for p, name in zip(self.pathways, self.names, strict=True)
        ]
        pairs = [sooner(tapes[0], t, self.until) for t in tapes[1:]]
        own = [pd.concat([counts(t, self.until), levels(t, self.until)], ignore_index=True) for t in tapes]
        return [*own, *pairs], tuple(t.digest for t in tapes)


class Run:
    """Where and how replications are played.

    Parameters
    ----------
    work : Work
    jobs : int
        Processes here; -1 for one per core.
    store : str or path, optional
        Folder of the replications that are finished.
    cluster : str, optional
        Address of a dask scheduler.
    progress : bool
    """

    def __init__(
        self, work: Work, jobs: int, store: Any = None, cluster: str | None = None, progress: bool = False
    ):
        self.work, self.jobs, self.cluster, self.progress = work, jobs, cluster, progress
        frames, digests = work.outputs(0)
        self.keys = [f[list(KEYS)] for f in frames]
        self.first: Played = (0, digests, [f["value"].to_numpy() for f in frames])
        self.store = None if store is None else Store.at(store, work, self.first)

    def upto(self, n: int) -> list[Played]:
        """Return replications 0 to n - 1."""
        with _bar(self.progress, n) as bar:
            return self._between([], n, bar)

    def until_precise(self, precision: Precision, watched: Watched) -> tuple[list[Played], bool]:
        """Return as many replications as a precision takes, and whether it was reached."""
        done: list[Played] = []
        with _bar(self.progress, precision.minimum) as bar:
            ahead = precision.minimum
            while True:
                done = self._between(done, ahead, bar)
                values = watched(self.keys, done)
                enough = precision.enough(values)
                if enough is not None:
                    return done[:enough], True
                if ahead >= precision.maximum:
                    return done, False
                bar(0, min(max(precision.guess(values), ahead + 1), precision.maximum))
                ahead = min(ahead + self._step(precision), precision.maximum)

    def _step(self, precision: Precision) -> int:
        """Return how many plays to make before looking again; those beyond what is enough are left out of the answer."""
        if self.cluster is not None:
            return max(10 * _PER_TASK, precision.look_ahead)
        if self.jobs == 1:
            return 1
        import joblib

        return max(2 * joblib.effective_n_jobs(self.jobs), precision.look_ahead)

    def _between(self, done: list[Played], n: int, bar: Callable[..., None]) -> list[Played]:
        found = {one[0]: one for one in done}
        wanted = []
        for r in range(len(done), n):
            known = self.first if r == 0 else self.store.read(r) if self.store is not None else None
            # A file in which something is missing is played again, like one that is not there.
            if known is None or not alike(known, self.first):
                wanted.append(r)
            else:
                found[r] = known
                bar()
        for one in self._played(wanted):
            found[one[0]] = one
            if self.store is not None:
                self.store.write(one)
            bar()
        return [found[r] for r in range(n)]

    def _played(self, replications: list[int]) -> Iterator[Played]:
        """Yield replications in whatever order they are ready."""
        if not replications:
            return
        if self.cluster is not None:
            yield from _on_cluster(self.work, replications, self.cluster)
        elif self.jobs == 1:
            yield from (self.work(r) for r in replications)
        else:
            from joblib import Parallel, delayed

            ready = Parallel(n_jobs=self.jobs, return_as="generator_unordered")
            yield from ready(delayed(self.work)(r) for r in replications)


def _on_cluster(work: Work, replications: list[int], address: str) -> Iterator[Played]:
    """Yield replications played by the workers of a dask scheduler, through joblib; what a lost worker held is played again."""
    try:
        from distributed import Client
    except ImportError:
        raise InputError(fault("simulation_experiments.no_dask")) from None
    from joblib import Parallel, delayed, parallel_config

    try:
        client = Client(address, set_as_default=False, timeout="10s")
    except (OSError, ValueError) as error:
        raise InputError(
            fault("simulation_experiments.no_cluster", value=address, error=str(error))
        ) from None
    with client, parallel_config(backend="dask", client=client):
        tasks = [replications[k : k + _PER_TASK] for k in range(0, len(replications), _PER_TASK)]
        ready = Parallel(n_jobs=-1, return_as="generator_unordered", batch_size=1)
        for several in ready(delayed(work.several)(task) for task in tasks):
            yield from several


@contextmanager
def _bar(progress: bool, n: int) -> Iterator[Callable[..., None]]:
    """Show a bar with the time remaining on the standard error when it is a terminal; answers go to the standard output."""
    if not progress or not sys.stderr.isatty():
        yield lambda step=1, total=None: None
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TimeRemainingColumn

    with Progress(
        BarColumn(), MofNCompleteColumn(), TimeRemainingColumn(), console=Console(stderr=True)
    ) as bar:
        task = bar.add_task("", total=n)

        def advance(step: int = 1, total: int | None = None) -> None:
            if total is not None:
                bar.update(task, total=total)
            bar.advance(task, step)

        yield advance
