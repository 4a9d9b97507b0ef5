"""Time the survival estimators against their rivals on the rows of the issue's table; prints the table of benchmarks/README.md.

Not a test: run by hand, ``python benchmarks/survival.py [row ...]`` (all rows without a name; about ten minutes). One process and one
BLAS thread for all but R, which waits in its own; results agree first; then at least seven
alternating pairs (fewer when one run of the rival takes more than 12 s, and the table says so), median and quartiles of the ratio.
Rivals are not in our lock: ``pip install survival==2.0.0 surpyval==0.25`` beside it for their columns.
"""

from __future__ import annotations

import os

os.environ.update({"OPENBLAS_NUM_THREADS": "1", "RAYON_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"})

import subprocess
import sys
import tempfile
import time
import warnings
from pathlib import Path

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE / "survival_speed"))

import numpy as np  # noqa: E402 - after the number of threads is set
from contestants import WORKS, Work  # noqa: E402
from measuring import PAIRS, InR, against, has_r, peak_above_frame, timed  # noqa: E402
from people import CODES, people  # noqa: E402

FIRST_CURVE = "first_curve"
NAMES = [*WORKS, FIRST_CURVE]


def main(asked: list[str]) -> None:
    """Measure the rows asked for and print the table as it grows."""
    unknown = [name for name in asked if name not in NAMES]
    if unknown:
        raise SystemExit(f"no row {', '.join(unknown)}; they are {', '.join(NAMES)}")
    warnings.simplefilter("ignore")
    print(kernel())
    print("| work | rival | evalkit, s | rival, s | ratio (quartiles) | pairs | at least | |")
    print("|---|---|---|---|---|---|---|---|")
    with_r, beside = has_r(), []
    for name in asked or NAMES:
        if name == FIRST_CURVE:
            first_curve()
        else:
            beside += measure(WORKS[name](), with_r)
    print("\n" + "\n".join(beside))


def measure(work: Work, with_r: bool) -> list[str]:
    """Print a line per rival, and return what is said beside the table."""
    for name, rival in work.rivals.items():
        if rival.goal:
            what = {"rtol": rival.rtol, "atol": rival.atol}
            line(work.title, name, against(work.ours, rival, work.k, PAIRS, what), rival.goal)
    if work.r_task and with_r:
        worker = InR(work.r_task, work.frame)
        what = {"rtol": work.r_rtol, "atol": 1e-3 if work.r_rtol > 1e-3 else 1e-7}
        line(work.title, "R", against(work.ours, worker, work.k, PAIRS, what), work.r_goal)
        worker.close()
    said = []
    if work.ready is not None:
        seconds = np.median([timed(work.ready)[0] for _ in range(PAIRS)])
        said.append(f"- {work.title}: its `TimeToEvent` is made in {seconds:.3g} s.")
    if work.memory:
        columns = 8 * len(work.frame) * 10 / 1e6
        peak = peak_above_frame(work.frame, work.memory) * 1.048576
        times, verdict = peak / columns, "met" if peak <= 2.5 * columns else "not met"
        said.append(
            f"- {work.title}: peak {peak:.0f} MB above the loaded frame, {times:.2f} × the covariate matrix (goal 2.5: {verdict})."
        )
    return said


def line(title: str, rival: str, found: dict, goal: float) -> None:
    """Print one line of the table."""
    low, middle, high = found["ratio"]
    numbers = f"{found['ours']:.3g} | {found['theirs']:.3g} | {middle:.3g} ({low:.3g} to {high:.3g}) | {found['pairs']}"
    print(
        f"| {title} | {rival} | {numbers} | {goal:g} | {'met' if middle >= goal else 'not met'} |", flush=True
    )


def first_curve() -> None:
    """Time whole processes: import, read 170 rows, Kaplan-Meier."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "people.csv"
        people(170)[["time", "cause"]].assign(event=lambda d: (d["cause"] > 0).astype(int)).to_csv(
            path, index=False
        )
        ours = (
            f"import evalkit, pandas; d = pandas.read_csv({str(path)!r}); "
            f"evalkit.survival.kaplan_meier(evalkit.TimeToEvent.from_frame(d, 'time', 'cause', codes={CODES}), of='any exit').table"
        )
        theirs = (
            f"import lifelines, pandas; d = pandas.read_csv({str(path)!r}); "
            "lifelines.KaplanMeierFitter().fit(d['time'], d['event']).survival_function_"
        )
        floor = f"import pandas; pandas.read_csv({str(path)!r})"
        # Compiled modules are kept, as an installed package has them.
        kept = {k: v for k, v in os.environ.items() if k != "PYTHONDONTWRITEBYTECODE"}
        kept["PYTHONPYCACHEPREFIX"] = folder
        seconds = {"ours": [], "theirs": [], "floor": []}
        for _ in range(PAIRS + 1):
            for who, code in (("ours", ours), ("theirs", theirs), ("floor", floor)):
                start = time.perf_counter()
                subprocess.run([sys.executable, "-c", code], check=True, env=kept)
                seconds[who].append(time.perf_counter() - start)
    # The first of each filled the cache of files.
    mine, other, bare = (np.array(values[1:]) for values in seconds.values())
    found = {
        "ours": np.median(mine), "theirs": np.median(other), "pairs": PAIRS,
        "ratio": np.quantile(other / mine, [0.25, 0.5, 0.75]),
    }  # fmt: skip
    title = f"new process to first curve (pandas alone, reading the file: {np.median(bare):.2f} s)"
    line(title, "lifelines", found, 3)


def kernel() -> str:
    """Say which BLAS kernel runs, when that can be asked."""
    try:
        from threadpoolctl import threadpool_info
    except ImportError:
        return ""
    blas = [
        f"{d['architecture']}, {d['num_threads']} thread"
        for d in threadpool_info()
        if d["internal_api"] == "openblas"
    ]
    return f"OpenBLAS kernel: {'; '.join(dict.fromkeys(blas))}\n"


if __name__ == "__main__":
    main(sys.argv[1:])
