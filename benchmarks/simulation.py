"""How fast plays are, beside idiomatic SimPy scripts of the same models and beside cimba. Run by hand.

python benchmarks/simulation.py [row ...]     rows: mm3 cimba readable paris million contrast start

Two programs must first agree on their outputs; then they run in alternating pairs; printed are the medians and the median and
quartiles of the ratio of each pair, in processor seconds. Events of M/M/3 are arrivals and ends of service; of the others, stays.
cimba lives in another environment, whose Python is named by CIMBA_PYTHON.
"""

from __future__ import annotations

import copy
import os
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
from simulation_speed import idiomatic
from simulation_speed.models import LOAD, MM3, SERVERS, baseline, many_sites

from evalkit.simulation import Pathway, contrast, play
from evalkit.simulation.luck import keyed

PAIRS, DAYS = 7, 36_525
HERE = Path(__file__).resolve().parent / "simulation_speed"


def seconds(function: Callable, *given) -> float:
    """Return the processor seconds of a call."""
    start = time.process_time()
    function(*given)
    return time.process_time() - start


def pairs(ours: Callable, theirs: Callable, number: int = PAIRS) -> tuple[np.ndarray, np.ndarray]:
    """Return the seconds of both in alternating pairs, each run once before."""
    ours(0), theirs(0)
    taken = []
    for k in range(number):
        order = (ours, theirs) if k % 2 else (theirs, ours)
        by = {one: seconds(one, k) for one in order}
        taken.append((by[ours], by[theirs]))
    return tuple(np.array(taken).T)


def told(row: str, ours: np.ndarray, theirs: np.ndarray, least: float) -> None:
    """Print one line of the table: how many times faster ours is."""
    low, middle, high = np.quantile(theirs / ours, [0.25, 0.5, 0.75])
    met = "met" if middle >= least else "not met"
    taken = f"{np.median(ours):.3g} | {np.median(theirs):.3g} | {middle:.3g} ({low:.3g} to {high:.3g})"
    print(f"| {row} | {taken} | {len(ours)} | {least:.2g} | {met} |", flush=True)


def agree(what: str, ours: np.ndarray, theirs: np.ndarray) -> None:
    """Refuse to time two programs that do not compute the same thing."""
    error = np.sqrt(ours.var(ddof=1) / len(ours) + theirs.var(ddof=1) / len(theirs))
    apart = abs(ours.mean() - theirs.mean()) / error
    if apart > 4:
        raise SystemExit(f"{what}: {ours.mean():.4g} and {theirs.mean():.4g} are {apart:.1f} errors apart")
    print(f"{what}: {ours.mean():.4g} and {theirs.mean():.4g}, {apart:.1f} errors apart", flush=True)


def hundred_years() -> Pathway:
    """Return M/M/3 over a hundred years, about 197 000 events."""
    tables = copy.deepcopy(MM3)
    tables["end"] = "2123-12-31"
    tables["sources"]["street"]["periods"][0] |= {"to": "2123-12-31", "number": SERVERS * LOAD * DAYS}
    return Pathway(tables)


def mean_wait(pathway: Pathway, seed: int, engine: str) -> float:
    """Return the mean wait of one play."""
    return float(play(pathway, seed, engine=engine).waits()["days"].mean())


def mm3() -> None:
    """Compare M/M/3, compiled, with idiomatic SimPy."""
    model = hundred_years()
    theirs = lambda seed: idiomatic.mm3(seed, SERVERS, LOAD, DAYS)
    agree(
        "mean wait, days",
        np.array([mean_wait(model, s, "compiled") for s in range(8)]),
        np.array([theirs(s)[0] for s in range(8)]),
    )
    told("M/M/3, compiled; idiomatic SimPy", *pairs(lambda s: play(model, s, engine="compiled"), theirs), 50)


def cimba() -> None:
    """Compare M/M/3, compiled, with cimba; its runs are timed in its own process, one process a pair."""
    model, python = hundred_years(), os.environ["CIMBA_PYTHON"]

    def theirs(runs: int) -> np.ndarray:
        call = [python, str(HERE / "cimba_mm3.py"), str(runs), str(DAYS), str(LOAD)]
        bare = {k: v for k, v in os.environ.items() if k != "PYTHONPATH"}
        done = subprocess.run(call, capture_output=True, text=True, check=True, env=bare)
        return np.array([line.split() for line in done.stdout.splitlines()], dtype=float)

    agree("mean wait, days", np.array([mean_wait(model, s, "compiled") for s in range(8)]), theirs(8)[:, 2])
    taken = []
    for k in range(PAIRS):
        their = np.median(theirs(5)[:, 0])
        taken.append((np.median([seconds(play, model, 5 * k + r, 0, "compiled") for r in range(5)]), their))
    told("M/M/3, compiled; cimba 0.9.6", *np.array(taken).T, 1)


def readable() -> None:
    """Compare M/M/3 on the SimPy engine with idiomatic SimPy, blocks of luck compiled or not."""
    model, compiled = hundred_years(), keyed.blocks_at_once
    theirs = lambda seed: idiomatic.mm3(seed, SERVERS, LOAD, DAYS)
    told("M/M/3, SimPy engine, NumPy draws; idiomatic SimPy", *pairs(lambda s: play(model, s), theirs), 0.5)
    play(model, 1, engine="compiled")
    told("M/M/3, SimPy engine, compiled draws; idiomatic SimPy", *pairs(lambda s: play(model, s), theirs), 1)
    keyed.blocks_at_once = compiled


def paris() -> None:
    """Compare the Paris baseline, tape written, with the idiomatic script of the same pathway."""
    pathway = baseline().compile()
    script = idiomatic.Paris(idiomatic.Numbers(pathway))
    ours = [play(pathway, 7, r, "compiled") for r in range(30)]
    theirs = [Counter(stay[1] for stay in script.play(r)) for r in range(30)]
    for state in ("first_queue", "entered", "meeting", "silent_0", "ordinary_queue"):
        s = pathway.plan.states.index(state)
        closed = [((t.log[:, 2] == s) & (t.log[:, 6] != 3)).sum() for t in ours]
        agree(
            f"stays in {state}",
            np.array(closed, dtype=float),
            np.array([c[state] for c in theirs], dtype=float),
        )

    def ten(one: Callable) -> Callable:
        def of(k):
            for r in range(10):
                one(10 * k + r)

        return of

    compiled, written = ten(lambda r: play(pathway, 7, r, "compiled")), ten(script.play)
    told("Paris, ten plays, compiled; idiomatic SimPy", *pairs(compiled, written), 25)
    told(
        "Paris, ten plays, SimPy engine; idiomatic SimPy",
        *pairs(ten(lambda r: play(pathway, 7, r)), written),
        0,
    )


MEMORY = """
import resource
from simulation_speed.models import many_sites
from evalkit.simulation import play
play(many_sites(440, 1_000_000), 1, engine="compiled")
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)
"""


def million() -> None:
    """Compare stays a second of a million youths in 440 sites, or in one queue, with those of a Paris-size play."""
    small = baseline().compile()
    per_small = len(play(small, 1, engine="compiled").log)
    for row, model, least in (
        ("1 000 000 in 440 sites", many_sites(440, 1_000_000), 0.8),
        ("1 000 000 in one queue", many_sites(440, 1_000_000, shared=True), 0.3),
    ):
        per_large = len(play(model, 1, engine="compiled").log)

        def many(k, model=model):
            play(model, k, engine="compiled")

        def few(k):
            for r in range(100):
                play(small, k, r, "compiled")

        large, hundred = pairs(many, few)
        told(f"{row}, a stay; a stay of Paris", large / per_large, hundred / 100 / per_small, least)
    done = subprocess.run(
        [sys.executable, "-c", MEMORY], capture_output=True, text=True, check=True, cwd=HERE.parent
    )
    print(
        f"peak memory of a process that plays a million in 440 sites: {float(done.stdout):.0f} MB", flush=True
    )


def contrasts(plays: int = 10) -> None:
    """Compare ten scenarios by so many plays, with the table of paired differences, with the script on the same plan."""
    base = baseline()
    others = [base.with_(name=f"{k} slots", counsellors={"slots_per_week": k}) for k in range(14, 23)]
    scripts = [idiomatic.Paris(idiomatic.Numbers(s.compile())) for s in (base, *others)]

    def theirs(seed):
        counted = [[Counter(x[1] for x in script.play(seed + r)) for r in range(plays)] for script in scripts]
        frames = [pd.DataFrame(c).fillna(0) for c in counted]
        rows = []
        for frame in frames[1:]:
            difference = frame - frames[0]
            rows.append(pd.DataFrame({"mean": difference.mean(), "half": 2.26 * difference.sem()}))
        return pd.concat(rows)

    ours = lambda seed: contrast(base, others, n=plays, seed=seed, engine="compiled").tidy()
    told(f"10 scenarios × {plays} plays with the table; idiomatic SimPy", *pairs(ours, theirs), 20)


START = """
import sys, time
if sys.argv[1] == "numba":
    start = time.process_time()
    import numba
else:
    from simulation_speed.models import MM3
    from evalkit.simulation import Pathway, play
    model = Pathway(MM3 | {"end": "2024-12-31"})
    model.plan
    start = time.process_time()
    play(model, 1, engine="compiled")
print(time.process_time() - start)
"""


def start() -> None:
    """Compare the start of the compiled engine, cache warm, to the end of its first play, with `import numba` alone."""

    def new(which: str) -> float:
        call = [sys.executable, "-c", START, which]
        return float(subprocess.run(call, capture_output=True, text=True, check=True, cwd=HERE.parent).stdout)

    new("engine")
    taken = np.array([(new("engine"), new("numba")) for _ in range(PAIRS)])
    told("start of the compiled engine; import numba", *taken.T, 1 / 3)


ROWS = {
    "mm3": mm3,
    "cimba": cimba,
    "readable": readable,
    "paris": paris,
    "million": million,
    "contrast": contrasts,
    "start": start,
}

if __name__ == "__main__":
    print(
        "| work; rival | evalkit, s | rival, s | ratio (quartiles) | pairs | at least | |\n|---|---|---|---|---|---|---|"
    )
    for name in sys.argv[1:] or ROWS:
        ROWS[name]()
