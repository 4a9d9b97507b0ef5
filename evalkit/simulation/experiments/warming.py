"""When a simulation has forgotten that it began empty: the warm-up to leave out of steady-state uses of a pathway.

Not for a programme that ends: there the beginning is part of the answer, and the initial caseload an input.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import pandas as pd

from evalkit.errors import InputError
from evalkit.result import Result
from evalkit.simulation.experiments.playing import play_pathway
from evalkit.simulation.experiments.replicating import check_plan, labels, name_of, provenance_of
from evalkit.simulation.experiments.running import Work
from evalkit.simulation.language.pathway import Pathway
from evalkit.simulation.luck.sampler import TICKS_PER_DAY
from evalkit.simulation.programme.scenario import Scenario
from evalkit.simulation.tape.log import Tape
from evalkit.wording import fault, message

#: Observations of a batch, and batches below which, or so near the end that, the statistic means nothing.
_BATCH, _FEWEST, _LAST = 5, 10, 5


@dataclass(frozen=True, repr=False)
class WarmUp(Result):
    """A warm-up, with the series it was read from.

    Tidy table: states, estimate (days to leave out), mser, batches, n (plays), status, reason.

    Parameters
    ----------
    series : DataFrame
        day, value: the number of people in the states, over the day and the plays.
    """

    series: pd.DataFrame = field(default_factory=pd.DataFrame)

    @property
    def days(self) -> float:
        """Days to leave out; missing when no steady state is established."""
        return float(self.table["estimate"].iloc[0])


def warm_up(
    scenario: Scenario | Pathway, states: Sequence[str] | None = None, n: int = 5, seed: int = 1, engine: str = "simpy"
) -> WarmUp:  # fmt: skip
    """Find how many days to leave out at the start, by MSER-5.

    Parameters
    ----------
    scenario : Scenario or Pathway
    states : sequence of str, optional
        Whose number of people is watched; all but exits by default.
    n : int
        Plays whose daily means are averaged.
    seed : int
    engine : {"simpy", "compiled", "auto"}

    Returns
    -------
    WarmUp
        Not estimable when the cut lies beyond half of the play: the statistic then sees no steady state.

    Notes
    -----
    White (1997), An effective truncation heuristic for bias reduction in simulation output, Simulation 69(6), 323-334, on means of
    five observations (White, Cobb and Spratt 2000): leave out the batches before the one that makes the squared error of the
    remaining mean, sum of squares over (m - d)^2, smallest.

    Examples
    --------
    >>> queue = Pathway({
    ...     "start": "2024-01-01", "end": "2025-12-30",
    ...     "sources": {"street": {"to": "stay", "periods": [{"from": "2024-01-01", "to": "2025-12-30", "number": 1460}]}},
    ...     "states": {"stay": {"kind": "delay", "duration": {"family": "exponential", "mean": 20}, "done": "out"},
    ...                "out": {"kind": "exit"}},
    ... })
    >>> 20 < warm_up(queue).days < 200
    True
    """
    check_plan(n, 1, 0.95)
    work = Work([scenario], seed, None, engine)
    pathway = work.pathways[0]
    known = [name for name, s in pathway.tables.states.items() if s.kind != "exit"]
    chosen = known if states is None else list(states)
    strange = [s for s in chosen if s not in known]
    if strange or not chosen:
        raise InputError(fault("simulation_experiments.warm_up_unknown", value=strange, known=known))
    series = np.mean([_daily(play_pathway(pathway, seed, r, engine, ""), chosen) for r in range(n)], axis=0)
    cut, statistic, batches = mser5(series)
    reason = ""
    if batches < _FEWEST:
        reason = message("simulation_experiments.warm_up_short", days=len(series))
    elif cut is None:
        reason = message("simulation_experiments.warm_up_beyond_half", days=len(series))
    row = {
        "states": ", ".join(chosen), "estimate": np.nan if cut is None else float(cut), "mser": statistic, "batches": batches,
        "n": n, "status": "not_estimable" if cut is None else "ok", "reason": reason,
    }  # fmt: skip
    return WarmUp(
        pd.DataFrame([row]), message("simulation_experiments.question_warm_up"), (message("result.simulated"),),
        provenance_of([scenario], seed, n), {"scenario": name_of(scenario)}, labels=labels(),
        series=pd.DataFrame({"day": np.arange(len(series)), "value": series}),
    )  # fmt: skip


def mser5(series: np.ndarray) -> tuple[int | None, float, int]:
    """Return how many observations to leave out (None: beyond half, or too few), the statistic there, and the number of batches.

    Examples
    --------
    >>> mser5(np.concatenate([np.zeros(20), np.tile([9.0, 11.0], 90)]))[0]
    20
    """
    m = len(series) // _BATCH
    if m < _FEWEST:
        return None, float("nan"), m
    means = np.asarray(series, dtype=float)[: m * _BATCH].reshape(m, _BATCH).mean(axis=1)
    statistic = np.array([means[d:].var() / (m - d) for d in range(m - _LAST)])
    d = int(statistic.argmin())
    return (d * _BATCH if d <= m / 2 else None), float(statistic[d]), m


def _daily(tape: Tape, states: Sequence[str]) -> np.ndarray:
    """Return the mean number of people in some states over each day played."""
    log = tape.log[np.isin(tape.log[:, 2], [tape.plan.states.index(s) for s in states])]
    edges = np.arange(tape.plan.horizon // TICKS_PER_DAY + 1) * TICKS_PER_DAY

    def spent(ticks: np.ndarray) -> np.ndarray:
        """Return the time since each tick that has passed, summed over ticks, at each edge."""
        ordered = np.sort(ticks)
        before = np.searchsorted(ordered, edges, side="right")
        return before * edges - np.concatenate([[0], np.cumsum(ordered)])[before]

    return np.diff(spent(log[:, 4]) - spent(log[:, 5])) / TICKS_PER_DAY
