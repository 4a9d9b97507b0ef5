"""Intervals of parametric laws: coefficients, predictions, events known to an interval, delayed entry, cured shares.

Not an experiment: `run.py` plays these.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
from case import Case

from evalkit.survival import cure, parametric
from evalkit.survival.families.climbing import NoMaximum
from evalkit.timetoevent import TimeToEvent

SIGMA, BETA, MU = 0.75, 0.4, np.log(60.0)
NOTHING = (np.nan, np.nan)
NEW = pd.DataFrame({"x": [1]})


def weibull(rng: np.random.Generator, n: int) -> tuple[np.ndarray, np.ndarray]:
    """Return a yes/no and Weibull times that are longer with it."""
    x = rng.integers(0, 2, n)
    return x, np.exp(MU + BETA * x + SIGMA * np.log(rng.exponential(size=n)))


def censored(rng: np.random.Generator, n: int) -> TimeToEvent:
    """Return such times, about 40 % censored."""
    x, time = weibull(rng, n)
    end = rng.uniform(20, 180, n)
    return TimeToEvent(np.minimum(time, end), time <= end, ("left",), covariates=pd.DataFrame({"x": x}))


def bounds(frame: pd.DataFrame, row: int = 0) -> tuple[float, float]:
    """Return the interval of a row, nan where there is none."""
    found = frame.iloc[row]
    return (found["conf_low"], found["conf_high"]) if found["status"] == "ok" else NOTHING


def coefficients(rng: np.random.Generator, n: int) -> dict[str, tuple[float, float]]:
    """Play coefficients and predictions of the right law."""
    tte = censored(rng, n)
    try:
        fit = parametric(tte, "x")
        robust = parametric(tte, "x", robust=True).table
    except NoMaximum:
        return dict.fromkeys(
            ("coefficient", "robust", "log scale", "survival", "median", "mean", "hazard ratio"), NOTHING
        )
    ratio = fit.tidy(ratio="hazard")
    return {
        "coefficient": bounds(fit.table, 1), "robust": bounds(robust, 1), "log scale": bounds(fit.table, 2),
        "survival": bounds(fit.predict(NEW, 45, extrapolate=True).table),
        "median": bounds(fit.predict(NEW, kind="quantile", extrapolate=True).table),
        "mean": bounds(fit.predict(NEW, 90, kind="rmst", extrapolate=True).table), "hazard ratio": bounds(ratio),
    }  # fmt: skip


def known_to_visits(rng: np.random.Generator, n: int) -> dict[str, tuple[float, float]]:
    """Play events seen at a visit every 20 to 40 days, some visits missed, until day 180."""
    x, time = weibull(rng, n)
    visits = np.cumsum(rng.uniform(20, 40, (n, 9)), axis=1)
    visits = np.where((rng.random(visits.shape) < 0.2) | (visits > 180), np.nan, visits)
    low = np.nan_to_num(np.fmax.reduce(np.where(visits < time[:, None], visits, 0), axis=1))
    high = np.fmin.reduce(np.where(visits >= time[:, None], visits, np.inf), axis=1)
    high = np.where(np.isnan(high), np.inf, high)
    tte = TimeToEvent.from_intervals(pd.DataFrame({"low": low, "high": high, "x": x}), "low", "high")
    try:
        fit = parametric(tte, "x")
    except NoMaximum:
        return dict.fromkeys(("coefficient", "log scale", "survival"), NOTHING)
    survival = fit.predict(NEW, 45, extrapolate=True).table
    return {
        "coefficient": bounds(fit.table, 1),
        "log scale": bounds(fit.table, 2),
        "survival": bounds(survival),
    }


def late(rng: np.random.Generator, n: int) -> dict[str, tuple[float, float]]:
    """Play people met only some time after the origin, if they are still there."""
    x, time = weibull(rng, 4 * n)
    entry = np.where(rng.random(4 * n) < 0.3, 0, rng.uniform(0, 60, 4 * n))
    met = np.flatnonzero(time > entry)[:n]
    x, time, entry = x[met], time[met], entry[met]
    end = entry + rng.uniform(20, 150, len(met))
    tte = TimeToEvent(
        np.minimum(time, end), time <= end, ("left",), entry=entry, covariates=pd.DataFrame({"x": x})
    )
    try:
        fit = parametric(tte, "x")
    except NoMaximum:
        return dict.fromkeys(("coefficient", "log scale"), NOTHING)
    return {"coefficient": bounds(fit.table, 1), "log scale": bounds(fit.table, 2)}


def smooth(rng: np.random.Generator, n: int) -> dict[str, tuple[float, float]]:
    """Play a spline with one inner knot on times that a Weibull made."""
    try:
        fit = parametric(censored(rng, n), "x", "spline", knots=1)
    except NoMaximum:
        return dict.fromkeys(("log hazard ratio", "survival"), NOTHING)
    survival = fit.predict(NEW, 45, extrapolate=True).table
    return {"log hazard ratio": bounds(fit.table, 3), "survival": bounds(survival)}


def cured(rng: np.random.Generator, n: int) -> dict[str, tuple[float, float]]:
    """Play four in ten who never leave, the others gone by day 150 or so, followed 200 to 400 days."""
    _, time = weibull(rng, n)
    time = np.where(rng.random(n) < 0.4, np.inf, time)
    end = rng.uniform(200, 400, n)
    tte = TimeToEvent(np.minimum(time, end), time <= end, ("left",))
    try:
        fit = cure(tte)
    except NoMaximum:
        return dict.fromkeys(("profile", "wald"), NOTHING)
    return {conf: bounds(fit.cured_share(conf=conf).table) for conf in ("profile", "wald")}


def cases() -> list[Case]:
    """Return the cases of the room."""
    ratio = np.exp(-BETA / SIGMA)
    left = lambda t: np.exp(-np.exp((np.log(t) - MU - BETA) / SIGMA))
    grid = np.linspace(0, 90, 200_001)[1:]
    own = {
        "coefficient": BETA, "robust": BETA, "log scale": np.log(SIGMA), "survival": left(45.0),
        "median": np.exp(MU + BETA + SIGMA * np.log(np.log(2))), "mean": left(grid - 90 / 400_000).mean() * 90,
        "hazard ratio": ratio,
    }  # fmt: skip
    some = {name: own[name] for name in ("coefficient", "log scale", "survival")}
    few = {name: own[name] for name in ("coefficient", "log scale")}
    spline = {"log hazard ratio": -BETA / SIGMA, "survival": left(45.0)}
    return [
        Case("Weibull, 40 % censored", own, coefficients),
        Case("Weibull, events known to visits", some, known_to_visits),
        Case("Weibull, delayed entry", few, late),
        Case("spline with one knot, times of a Weibull", spline, smooth),
        # The share is that of 4 in 10 who never leave; others not gone by the end are few.
        Case("share that never leaves, Weibull mixture", {"profile": 0.4, "wald": 0.4}, cured),
    ]
