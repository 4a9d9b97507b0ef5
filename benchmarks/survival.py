"""Time Kaplan-Meier, Aalen-Johansen and Cox against lifelines and R, after checking that they agree.

Not a test: run by hand, ``OPENBLAS_NUM_THREADS=1 python benchmarks/survival.py [sizes]``; prints the table of benchmarks/README.md.

Data: 10 normal covariates, whole days 1 to 730, about 40 % censored, 3 causes. Each library starts from what it takes ready-made
(a `TimeToEvent`, a data frame); reading is timed apart. Ours and lifelines alternate in one process; R runs in its own.
"""

from __future__ import annotations

import os

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import json
import shutil
import subprocess
import sys
import tempfile
import time
import warnings
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd

from evalkit.survival import aalen_johansen, cox, kaplan_meier
from evalkit.timetoevent import TimeToEvent

P = 10
FORMULA = " + ".join(f"x{i}" for i in range(P))
CODES = {0: "censored", 1: "one", 2: "two", 3: "three"}
#: How often each is run, by size; and where a rival takes minutes it is left out, and the table says so.
REPEATS = {170: 30, 1_000: 30, 100_000: 7, 1_000_000: 5}
LEFT_OUT = {("lifelines", "Aalen-Johansen", 1_000_000), ("R", "Aalen-Johansen", 1_000_000)}
ONCE = {("lifelines", "Aalen-Johansen", 100_000), ("R", "Aalen-Johansen", 100_000), ("R", "Cox", 1_000_000)}

R_SCRIPT = r"""
suppressMessages(library(survival))
args <- commandArgs(trailingOnly = TRUE)
n <- as.integer(args[2]); repeats <- as.integer(args[3]); skip <- strsplit(args[4], ",")[[1]]; once <- strsplit(args[5], ",")[[1]]
raw <- readBin(args[1], "double", n * 12)
frame <- as.data.frame(matrix(raw, n)); names(frame) <- c(paste0("x", 0:9), "time", "cause")
frame$event <- as.integer(frame$cause == 1); frame$exit <- factor(frame$cause, 0:3, c("censored", "one", "two", "three"))
timed <- function(name, run) {
  if (name %in% skip) return(invisible())
  took <- numeric(if (name %in% once) 1 else repeats)
  for (i in seq_along(took)) { start <- proc.time()[["elapsed"]]; made <- run(); took[i] <- proc.time()[["elapsed"]] - start }
  inner <- 1
  if (median(took) < 0.02) {  # the clock ticks in milliseconds
    inner <- 50; start <- proc.time()[["elapsed"]]; for (i in 1:inner) made <- run()
    took <- (proc.time()[["elapsed"]] - start) / inner
  }
  cat("TIME", name, sprintf("%.6g", median(took)), "\n")
  made
}
km <- timed("Kaplan-Meier", function() survfit(Surv(time, event) ~ 1, data = frame, conf.type = "log-log"))
cat("VALUE km", sprintf("%.15g", c(tail(km$surv, 1), tail(km$std.err, 1) * tail(km$surv, 1))), "\n")
aj <- timed("Aalen-Johansen", function() survfit(Surv(time, exit) ~ 1, data = frame))
if (!is.null(aj)) cat("VALUE aj", sprintf("%.15g", c(tail(aj$pstate, 1)[-1], tail(aj$std.err, 1)[-1])), "\n")
form <- as.formula(paste("Surv(time, event) ~", paste0("x", 0:9, collapse = "+")))
fit <- timed("Cox", function() coxph(form, data = frame))
cat("VALUE cox", sprintf("%.15g", c(coef(fit), sqrt(diag(fit$var)))), "\n")
"""


def data(n: int, seed: int = 1) -> pd.DataFrame:
    """Return n rows."""
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(n, P))
    hazards = [(500, np.linspace(-0.3, 0.3, P)), (1500, np.linspace(0.2, -0.2, P)), (3000, np.zeros(P))]
    exits = np.stack([rng.weibull(1.1, n) * scale * np.exp(-x @ b / 1.1) for scale, b in hazards])
    end = rng.uniform(1, 900, n)
    observed = np.minimum(np.minimum(exits.min(axis=0), end), 730)
    cause = np.where(exits.min(axis=0) <= np.minimum(end, 730), exits.argmin(axis=0) + 1, 0)
    frame = pd.DataFrame(x, columns=[f"x{i}" for i in range(P)])
    return frame.assign(time=np.maximum(np.ceil(observed), 1), cause=cause)


def clock(run: Callable[[], object]) -> tuple[float, object]:
    """Return the seconds a call takes, and what it returns."""
    start = time.perf_counter()
    made = run()
    return time.perf_counter() - start, made


def lifelines_calls(frame: pd.DataFrame) -> dict[str, Callable[[], object]]:
    """Return the same work in lifelines."""
    from lifelines import AalenJohansenFitter, CoxPHFitter, KaplanMeierFitter

    ready = frame.drop(columns="cause").assign(event=(frame["cause"] == 1).astype(int))
    times, causes = frame["time"], frame["cause"]

    def incidence() -> list[object]:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # it says that it moves tied times at random
            return [AalenJohansenFitter(seed=1).fit(times, causes, event_of_interest=k) for k in (1, 2, 3)]

    return {
        "Kaplan-Meier": lambda: KaplanMeierFitter().fit(times, ready["event"]),
        "Aalen-Johansen": incidence,
        "Cox": lambda: CoxPHFitter().fit(ready, "time", "event"),
    }


def in_r(frame: pd.DataFrame, n: int) -> tuple[dict[str, float], dict[str, np.ndarray]]:
    """Return R's seconds and numbers; nothing without R."""
    if shutil.which("Rscript") is None:
        return {}, {}
    skip = ",".join(task for who, task, size in LEFT_OUT if (who, size) == ("R", n)) or "-"
    once = ",".join(task for who, task, size in ONCE if (who, size) == ("R", n)) or "-"
    with tempfile.TemporaryDirectory() as folder:
        binary, script = Path(folder) / "data.bin", Path(folder) / "bench.R"
        frame.to_numpy(dtype=float).ravel(order="F").tofile(binary)
        script.write_text(R_SCRIPT)
        call = ["Rscript", str(script), str(binary), str(n), str(REPEATS.get(n, 5)), skip, once]
        said = subprocess.run(call, check=True, capture_output=True, text=True).stdout.splitlines()
    seconds = {line.split()[1]: float(line.split()[2]) for line in said if line.startswith("TIME")}
    values = {line.split()[1]: np.array(line.split()[2:], float) for line in said if line.startswith("VALUE")}
    return seconds, values


def agree(ours: dict[str, object], theirs: dict[str, object], r: dict[str, np.ndarray]) -> None:
    """Stop unless all say the same."""
    last = ours["Kaplan-Meier"].table.iloc[-1]
    fit = ours["Cox"].table
    if r:
        np.testing.assert_allclose([last["estimate"], last["std_error"]], r["km"], rtol=1e-9)
        # R stops when the log-likelihood moves by less than 1e-9 of itself.
        np.testing.assert_allclose(np.r_[fit["estimate"], fit["std_error"]], r["cox"], rtol=1e-5, atol=1e-7)
    if "aj" in r:
        rows = (
            ours["Aalen-Johansen"]
            .table.groupby("cause")
            .tail(1)
            .set_index("cause")
            .loc[["one", "two", "three"]]
        )
        np.testing.assert_allclose(np.r_[rows["estimate"], rows["std_error"]], r["aj"], rtol=1e-8)
    np.testing.assert_allclose(theirs["Cox"].params_, fit["estimate"], rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(
        theirs["Kaplan-Meier"].survival_function_.iloc[-1, 0], last["estimate"], rtol=1e-9
    )


def measure(n: int) -> list[dict[str, object]]:
    """Return one row per task."""
    frame = data(n)
    ready, tte = clock(lambda: TimeToEvent.from_frame(frame, "time", "cause", codes=CODES))
    calls = {
        "Kaplan-Meier": lambda: kaplan_meier(tte, of="one"),
        "Aalen-Johansen": lambda: aalen_johansen(tte),
        "Cox": lambda: cox(tte, FORMULA),
    }
    rivals = lifelines_calls(frame)
    r_seconds, r_values = in_r(frame, n)
    rows, ours, theirs = [], {}, {}
    for task, call in calls.items():
        call()
        skipped = ("lifelines", task, n) in LEFT_OUT
        repeats = 1 if ("lifelines", task, n) in ONCE else REPEATS.get(n, 5)
        mine, rival = [], []
        for _ in range(repeats):
            seconds, ours[task] = clock(call)
            mine.append(seconds)
            if not skipped:
                seconds, theirs[task] = clock(rivals[task])
                rival.append(seconds)
        ratio = np.array(rival) / np.array(mine) if rival else np.array([])
        rows.append({
            "n": n, "task": task, "evalkit": float(np.median(mine)), "lifelines": float(np.median(rival)) if rival else None,
            "ratio": [float(q) for q in np.quantile(ratio, [0.25, 0.5, 0.75])] if len(ratio) else None,
            "R": r_seconds.get(task), "from_frame": ready,
        })  # fmt: skip
    agree(ours, theirs, r_values)
    return rows


def main() -> None:
    """Measure every size and print the table."""
    sizes = [int(float(a)) for a in sys.argv[1:]] or list(REPEATS)
    rows = [row for n in sizes for row in measure(n)]
    print("| n | work | evalkit | lifelines | ratio (quartiles) | R | ratio |\n|---|---|---|---|---|---|---|")
    for row in rows:
        rival = f"{row['lifelines']:.3g}" if row["lifelines"] else "not run"
        low, middle, high = row["ratio"] or (None, None, None)
        ratio = f"{middle:.0f} ({low:.0f}-{high:.0f})" if middle else "–"
        r, times = (f"{row['R']:.3g}", f"{row['R'] / row['evalkit']:.2g}") if row["R"] else ("not run", "–")
        print(f"| {row['n']:,} | {row['task']} | {row['evalkit']:.3g} | {rival} | {ratio} | {r} | {times} |")
    print(
        "\nfrom_frame:",
        json.dumps({f"{r['n']:,}": round(r["from_frame"], 4) for r in rows if r["task"] == "Cox"}),
    )


if __name__ == "__main__":
    main()
