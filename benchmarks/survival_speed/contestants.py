"""Who does each piece of work, and how: evalkit, lifelines, statsmodels, surpyval, PyPI `survival`, R by name of its task.

Not a comparison: `benchmarks/survival.py` makes it. A rival that is not installed is left out, and the table says so.
"""

from __future__ import annotations

import importlib
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd
from measuring import Contestant
from people import CODES, COVARIATES, FORMULA, intervals, people, with_event, with_groups

from evalkit.survival import aalen_johansen, cox, fine_gray, kaplan_meier, log_rank
from evalkit.timetoevent import TimeToEvent

SCRIPT_FOLDER = str(Path(__file__).parents[1])
BOOT = 1000


@dataclass
class Work:
    """One line of the issue's table.

    Parameters
    ----------
    title : str
    ours : Contestant
    rivals : mapping of name to Contestant, or to a goal for R
    frame : DataFrame
        What R reads.
    r_task : str
    k : int
        Runs that make one time: short ones need several.
    ready : float callable, optional
        Makes what `ours` starts from; timed on its own line.
    """

    title: str
    ours: Contestant
    rivals: dict[str, Contestant]
    frame: pd.DataFrame
    r_goal: float = 0.0
    r_task: str = ""
    r_rtol: float = 1e-6
    k: int = 1
    ready: Callable[[], TimeToEvent] | None = None
    memory: str = ""
    notes: list[str] = field(default_factory=list)


def optional(name: str):
    """Return a module, or None. This folder's parent has a script called survival too: it must not be found."""
    kept, sys.path[:] = list(sys.path), [p for p in sys.path if p not in ("", SCRIPT_FOLDER)]
    try:
        return importlib.import_module(name)
    except ImportError:
        return None
    finally:
        sys.path[:] = kept


def ready(frame: pd.DataFrame, **columns: str) -> TimeToEvent:
    """Return what our estimators start from."""
    return TimeToEvent.from_frame(frame, "time", "cause", codes=CODES, **columns)


def coefficients(fit) -> np.ndarray:
    """Return our coefficients and standard errors."""
    return fit.table[["estimate", "std_error"]].to_numpy().T.ravel()


def _lifelines_coefficients(fit) -> np.ndarray:
    return np.r_[fit.params_.to_numpy(), fit.standard_errors_.to_numpy()]


def _survival_coefficients(fit) -> np.ndarray:
    return np.r_[np.asarray(fit.coefficients, float), np.sqrt(np.diag(np.asarray(fit.var, float)))]


def _only(rivals: dict[str, tuple[str, Callable[[object], Contestant]]]) -> dict[str, Contestant]:
    """Return the rivals that are installed."""
    found = {}
    for label, (module, make) in rivals.items():
        made = optional(module)
        if made is not None:
            found[label] = make(made)
    return found


def cox_frame(n: int, whole: bool, lifelines: float, survival: float, r: float) -> Work:
    """Cox with Efron's ties, from the frame to coefficients, standard errors and log-likelihood."""
    frame = people(n, whole)
    theirs = with_event(frame)
    formula = f"Surv(time, event) ~ {FORMULA}"
    return Work(
        f"Cox Efron, {n:,} × 10, frame in" + ("" if whole else ", real times, hardly tied"),
        Contestant(lambda: cox(ready(frame), FORMULA), coefficients),
        _only({
            "lifelines": ("lifelines", lambda m: Contestant(
                lambda: m.CoxPHFitter().fit(theirs, "time", "event"), _lifelines_coefficients, lifelines, 1e-4, 1e-5)),
            "survival": ("survival", lambda m: Contestant(
                lambda: m.coxph(formula, theirs), _survival_coefficients, survival, 1e-5, 1e-6)),
        }),
        frame, r, "cox" if r else "", 1e-5, memory=(
            "    from evalkit.survival import cox\n    from evalkit.timetoevent import TimeToEvent\n"
            "    cox(TimeToEvent.from_frame(frame, 'time', 'cause', codes=people.CODES), people.FORMULA)"
        ) if n >= 1_000_000 else "",
    )  # fmt: skip


def cox_ready(n: int) -> Work:
    """Cox at small sizes."""
    frame = people(n)
    theirs, tte = with_event(frame), ready(frame)
    return Work(
        f"Cox Efron, {n:,} × 10",
        Contestant(lambda: cox(tte, FORMULA), coefficients),
        _only({"lifelines": ("lifelines", lambda m: Contestant(
            lambda: m.CoxPHFitter().fit(theirs, "time", "event"), _lifelines_coefficients, 10, 1e-4, 1e-5))}),
        frame, 1, "cox", 1e-5, k=20, ready=lambda: ready(frame),
    )  # fmt: skip


def cox_intervals(n: int, lifelines: float, survival: float, r: float) -> Work:
    """Cox with (start, stop] rows."""
    frame = intervals(n)
    columns = ["start", "time", "cause", *COVARIATES]
    theirs = with_event(frame)
    tte = ready(frame[columns], entry="start")
    timed = theirs[["person", "start", "time", "event", *COVARIATES]]
    formula = f"Surv(start, time, event) ~ {FORMULA}"
    rivals = {"survival": ("survival", lambda m: Contestant(
        lambda: m.coxph(formula, theirs), _survival_coefficients, survival, 1e-5, 1e-6))}  # fmt: skip
    if lifelines:
        rivals["lifelines"] = ("lifelines", lambda m: Contestant(
            lambda: m.CoxTimeVaryingFitter().fit(timed, "event", "start", "time", id_col="person"), _lifelines_coefficients, lifelines,
            1e-4, 1e-5))  # fmt: skip
    return Work(
        f"Cox (start, stop], {n:,} rows", Contestant(lambda: cox(tte, FORMULA), coefficients), _only(rivals),
        frame[columns], r, "counting" if r else "", 1e-5, ready=lambda: ready(frame[columns], entry="start"),
    )  # fmt: skip


def cox_clusters(n: int, lifelines: float, survival: float, r: float) -> Work:
    """Cox with variances robust to clusters of 40."""
    frame = with_groups(n).drop(columns="group")
    theirs, tte = with_event(frame), ready(frame)
    formula = f"Surv(time, event) ~ {FORMULA} + cluster(cluster)"
    rivals = {"survival": ("survival", lambda m: Contestant(
        lambda: m.coxph(formula, theirs), _survival_coefficients, survival, 1e-5, 1e-6))}  # fmt: skip
    if lifelines:
        # Its robust variance leaves ties out: coefficients only are compared.
        rivals["lifelines"] = ("lifelines", lambda m: Contestant(
            lambda: m.CoxPHFitter().fit(theirs, "time", "event", cluster_col="cluster"), lambda f: f.params_.to_numpy(), lifelines,
            1e-4, 1e-5))  # fmt: skip
    return Work(
        f"cluster-robust Cox, {n:,}", Contestant(lambda: cox(tte, FORMULA, cluster="cluster"), coefficients),
        _only(rivals), frame, r, "cluster" if r else "", 1e-5, ready=lambda: ready(frame),
    )  # fmt: skip


def curve(n: int) -> Work:
    """Kaplan-Meier with intervals."""
    frame = people(n)
    theirs, tte = with_event(frame), ready(frame)
    time, event = theirs["time"].to_numpy(), theirs["event"].to_numpy()
    last = lambda fit: fit.table[["estimate", "std_error"]].iloc[-1].to_numpy()
    small = theirs[["time", "event"]]
    return Work(
        f"Kaplan-Meier with intervals, {n:,}", Contestant(lambda: kaplan_meier(tte, of="one"), last),
        _only({
            "lifelines": ("lifelines", lambda m: Contestant(
                lambda: m.KaplanMeierFitter().fit(time, event), lambda f: f.survival_function_.to_numpy()[-1], 12)),
            "survival": ("survival", lambda m: Contestant(
                lambda: m.survfit("Surv(time, event) ~ 1", small, conf_type="log-log"), lambda f: np.array([f.surv[-1]]), 80)),
        }),
        frame, 300, "kaplan_meier", k=3, ready=lambda: ready(frame),
    )  # fmt: skip


def ranks(n: int) -> Work:
    """Log-rank test of two groups."""
    frame = with_groups(n)[["time", "cause", "group"]]
    tte, statistics = ready(frame), optional("lifelines.statistics")
    time, event, one = (
        frame["time"].to_numpy(),
        (frame["cause"] == 1).to_numpy(),
        (frame["group"] == 1).to_numpy(),
    )
    return Work(
        f"log-rank, {n:,}",
        Contestant(lambda: log_rank(tte, "group", of="one"), lambda f: f.table["statistic"].to_numpy()[:1]),
        {"lifelines": Contestant(
            lambda: statistics.logrank_test(time[one], time[~one], event[one], event[~one]),
            lambda f: np.array([f.test_statistic]), 20)},
        frame, ready=lambda: ready(frame),
    )  # fmt: skip


def incidence(n: int) -> Work:
    """Aalen-Johansen with variance, three causes."""
    frame = people(n)
    tte = ready(frame)
    time, cause = frame["time"].to_numpy(), frame["cause"].to_numpy()
    exits = pd.DataFrame({"time": time, "exit": pd.Categorical.from_codes(cause, list(CODES.values()))})

    def last(fit) -> np.ndarray:
        rows = fit.table.groupby("cause").tail(1).set_index("cause").loc[["one", "two", "three"]]
        return rows[["estimate", "std_error"]].to_numpy().T.ravel()

    return Work(
        f"Aalen-Johansen with variance, 3 causes, {n:,}", Contestant(lambda: aalen_johansen(tte), last),
        _only({
            "statsmodels": ("statsmodels.duration.survfunc", lambda m: Contestant(
                lambda: m.CumIncidenceRight(time, cause), lambda f: np.array([c[-1] for c in f.cinc]), 5)),
            "survival": ("survival", lambda m: Contestant(
                lambda: m.survfit("Surv(time, exit) ~ 1", exits), lambda f: np.asarray(f.pstate)[-1, 1:], 20)),
        }),
        frame, 200, "aalen_johansen", k=3, ready=lambda: ready(frame),
    )  # fmt: skip


def subdistribution(n: int, r: float, surpyval: float) -> Work:
    """Fine-Gray with standard errors. The rivals' weights tie censorings and exits of a day otherwise: coefficients to 1e-3."""
    frame = people(n)
    tte = ready(frame)
    x, time = frame[COVARIATES].to_numpy(), frame["time"].to_numpy()
    exits = np.array([None, "one", "two", "three"], dtype=object)[frame["cause"].to_numpy()]
    rivals = {"surpyval": ("surpyval", lambda m: Contestant(
        lambda: m.FineGray.fit(time, x, exits, event="one"), lambda f: np.asarray(f.params, float), surpyval,
        1e-2, 1e-3))}  # fmt: skip
    return Work(
        f"Fine-Gray with SE, {n:,}", Contestant(lambda: fine_gray(tte, FORMULA, cause="one"), coefficients),
        _only(rivals) if surpyval else {}, frame, r, "fine_gray" if r else "", 1e-2, ready=lambda: ready(frame),
    )  # fmt: skip


def bootstrap(n: int) -> Work:
    """Bootstrap of a median. Each draws its own people: standard deviations of the medians agree to 15 %."""
    frame = people(n)
    tte = ready(frame)
    draw = lambda: kaplan_meier(tte, of="any exit").bootstrap(0.5, BOOT)
    return Work(
        f"bootstrap of a median, {BOOT:,} × n = {n}",
        Contestant(draw, lambda f: f.table["std_error"].to_numpy()), {}, frame, 50, "bootstrap", 0.15,
        ready=lambda: ready(frame),
    )  # fmt: skip


#: Every line of the issue's table, in its order.
WORKS: dict[str, Callable[[], Work]] = {
    "cox": partial(cox_frame, 1_000_000, True, 10, 10, 25),
    "cox_real": partial(cox_frame, 1_000_000, False, 5, 5, 0),
    "cox_170": partial(cox_ready, 170),
    "cox_1000": partial(cox_ready, 1_000),
    "intervals_1e5": partial(cox_intervals, 100_000, 100, 0, 15),
    "intervals_1e6": partial(cox_intervals, 1_000_000, 0, 7, 0),
    "clusters_1e4": partial(cox_clusters, 10_000, 30, 0, 20),
    "clusters_1e6": partial(cox_clusters, 1_000_000, 0, 8, 0),
    "kaplan_meier": partial(curve, 1_000_000),
    "log_rank": partial(ranks, 1_000_000),
    "aalen_johansen": partial(incidence, 100_000),
    "fine_gray_1e4": partial(subdistribution, 10_000, 100, 0),
    "fine_gray_1e5": partial(subdistribution, 100_000, 0, 5),
    "bootstrap": partial(bootstrap, 170),
}
