"""Differences in differences, staggered starts and interrupted series: no effect anywhere, so that intervals should hold 0 (or 1)."""

from __future__ import annotations

import numpy as np
import pandas as pd
from case import Case

from evalkit.comparison import difference_in_differences, event_study, interrupted_time_series

PLAYS = 500


def _bounds(table: pd.DataFrame, **where: str) -> tuple[float, float]:
    for column, value in where.items():
        table = table[table[column] == value]
    if table.empty:
        return np.nan, np.nan
    return float(table["conf_low"].iloc[0]), float(table["conf_high"].iloc[0])


def _p(table: pd.DataFrame, **where: str) -> float:
    for column, value in where.items():
        table = table[table[column] == value]
    return float(table["p_value"].iloc[0]) if len(table) else np.nan


def _long(values: np.ndarray, **fixed: np.ndarray) -> pd.DataFrame:
    n, dates = values.shape
    frame = pd.DataFrame(
        {"id": np.repeat(np.arange(n), dates), "date": np.tile(np.arange(dates), n), "y": values.ravel()}
    )
    return frame.assign(**{name: np.repeat(value, dates) for name, value in fixed.items()})


def _panel(rng: np.random.Generator, n: int) -> dict:
    """A third treated, who vary twice as much; a covariate moves both treatment and change."""
    x = rng.normal(size=n)
    treated = (np.argsort(np.argsort(x + rng.normal(0, 2, n))) >= n - max(n // 3, 2)).astype(int)
    noise = rng.normal(size=(n, 4)) * (1 + treated)[:, None] + rng.normal(0, 2, n)[:, None]
    plain = _long(noise, treated=treated)
    table = difference_in_differences(plain, "y", group="treated", time="date", post=3, unit="id").table
    drifting = _long(noise[:, :2] + np.outer(x, [0, 1]), treated=treated, x=x)
    adjusted = difference_in_differences(
        drifting, "y", group="treated", time="date", unit="id", adjust="x"
    ).table
    band = table[(table["method"] == "simultaneous")]
    held = bool(((band["conf_low"] <= 0) & (band["conf_high"] >= 0)).all())
    main = {"term": "difference_in_differences"}
    return {
        "changes, Welch": _bounds(table, **main, method="welch"),
        "average after, CR2 by person": _bounds(table, term="average_effect"),
        "all dates at once": (-1.0, 1.0) if held else (1.0, 2.0),
        "regression": _bounds(adjusted, **main, method="regression"),
        "doubly robust": _bounds(adjusted, **main, method="doubly_robust"),
        "p, Welch": _p(table, **main, method="welch"),
        "p, dates before": _p(table, term="pretrend_test"),
    }


def _surveys(rng: np.random.Generator, n: int) -> dict:
    """Two samples of n answers, yes or no, in two groups; sites (3 treated of 12) move by themselves."""
    group, date = np.repeat([0, 1], n), np.tile([0, 1], n)
    site = np.where(group == 1, rng.integers(0, 3, 2 * n), rng.integers(3, 12, 2 * n))
    site[:3], group[:3] = [3, 4, 5], 0
    drift = rng.normal(0, 0.1, (12, 2))
    data = pd.DataFrame({"group": group, "date": date, "site": site})
    data["y"] = (rng.random(2 * n) < 0.3 + 0.1 * group).astype(int)
    data["moved"] = rng.normal(size=2 * n) + 5 * drift[site, date]
    yes = difference_in_differences(data, "y", group="group", time="date", kind="binary").table
    sites = difference_in_differences(data, "moved", group="group", time="date", cluster="site").table
    naive = difference_in_differences(data, "moved", group="group", time="date").table
    main = {"term": "difference_in_differences"}
    return {
        "yes or no, Welch": _bounds(yes, **main),
        "12 sites, CR2": _bounds(sites, **main, method="cr2"),
        "12 sites, taken as people": _bounds(naive, **main),
        "p, 12 sites, CR2": _p(sites, **main, method="cr2"),
    }


def _starts(rng: np.random.Generator, n: int) -> dict:
    """Half never start, the others at two dates; slopes of their own."""
    start = rng.permutation(np.resize([2.0, np.nan, 3.0, np.nan], n))
    values = (
        rng.normal(size=(n, 5)) + rng.normal(0.3, 0.1, n)[:, None] * np.arange(5) + rng.normal(size=(n, 1))
    )
    data = _long(values, start=start)
    table = event_study(data, "y", unit="id", time="date", start="start").table
    band = table[table["method"] == "simultaneous"]
    held = bool(((band["conf_low"] <= 0) & (band["conf_high"] >= 0)).all())
    return {
        "average by start": _bounds(table, term="average_by_start"),
        "average by time elapsed": _bounds(table, term="average_by_length"),
        "all elapsed times at once": (-1.0, 1.0) if held else (1.0, 2.0),
        "p, average by start": _p(table, term="average_by_start"),
        "p, differences before": _p(table, term="pretrend_test"),
    }


def _noise(rng: np.random.Generator, n: int, rho: float) -> np.ndarray:
    noise = rng.normal(size=n)
    noise[0] /= np.sqrt(1 - rho**2)
    for t in range(1, n):
        noise[t] += rho * noise[t - 1]
    return noise


def _series(rho: float):
    def play(rng: np.random.Generator, n: int) -> dict:
        series = pd.Series(0.1 * np.arange(n) + _noise(rng, n, rho))
        table = interrupted_time_series(series, start=n // 2).table
        found = {
            f"{what}, {word}": _bounds(table, term=term, method=method)
            for what, term in (("level", "level_change"), ("slope", "slope_change"))
            for word, method in (("AR(1) by REML", "ar1_reml"), ("Newey-West", "newey_west"))
        }
        return found | {"p, level, AR(1) by REML": _p(table, term="level_change", method="ar1_reml")}

    return play


def _counts(rho: float):
    def play(rng: np.random.Generator, n: int) -> dict:
        mean = np.exp(3 + 0.15 * _noise(rng, n, rho) * np.sqrt(1 - rho**2))
        series = pd.Series(rng.poisson(mean))
        table = interrupted_time_series(series, start=n // 2, kind="count").table
        methods = (
            ("AR(1) by REML", "ar1_reml"),
            ("Newey-West", "newey_west"),
            ("quasi-Poisson", "quasi_poisson"),
        )
        return {
            f"rate ratio, {word}": _bounds(table, term="level_change_ratio", method=m) for word, m in methods
        }

    return play


def cases() -> list[Case]:
    """Return the cases."""
    people, lengths = (20, 79, 170), (24, 48)
    panel = (
        "changes, Welch",
        "average after, CR2 by person",
        "all dates at once",
        "regression",
        "doubly robust",
    )
    level = [f"{what}, {word}" for what in ("level", "slope") for word in ("AR(1) by REML", "Newey-West")]
    rates = [f"rate ratio, {word}" for word in ("AR(1) by REML", "Newey-West", "quasi-Poisson")]
    said = "24 or 48 points, no effect, autocorrelation"
    return [
        Case("difference in differences, same people, a third treated, no effect", dict.fromkeys(panel, 0.0), _panel,
             people, 2 * PLAYS, ("p, Welch", "p, dates before")),
        Case("difference in differences, two samples of n, no effect",
             dict.fromkeys(("yes or no, Welch", "12 sites, CR2", "12 sites, taken as people"), 0.0),
             _surveys, people, PLAYS, ("p, 12 sites, CR2",)),
        Case("staggered starts, half never, no effect",
             dict.fromkeys(("average by start", "average by time elapsed", "all elapsed times at once"), 0.0),
             _starts, people, PLAYS, ("p, average by start", "p, differences before")),
        *(Case(f"interrupted series, {said} {rho}", dict.fromkeys(level, 0.0), _series(rho), lengths, 2 * PLAYS,
               ("p, level, AR(1) by REML",)) for rho in (0.0, 0.4)),
        *(Case(f"interrupted counts (about 20 each), {said} {rho}", dict.fromkeys(rates, 1.0), _counts(rho), lengths, PLAYS)
          for rho in (0.0, 0.4)),
    ]  # fmt: skip
