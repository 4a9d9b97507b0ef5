"""Cases of survival curves: points, bands, quantiles, mean times, states occupied."""

from __future__ import annotations

import math
from functools import partial

import numpy as np
import pandas as pd
from case import Case

from evalkit.errors import InputError
from evalkit.spells import Spells
from evalkit.survival import kaplan_meier, rmst, state_occupation
from evalkit.survival.curves.transforms import CONF_TYPES
from evalkit.timetoevent import TimeToEvent

#: Days until the event, exponential; observation ends between a month and a year: a third is censored.
MEAN, SLOWER = 150.0, 220.0
WINDOW = 180.0


def observed(
    rng: np.random.Generator, n: int, mean: float | np.ndarray = MEAN
) -> tuple[np.ndarray, np.ndarray]:
    """Return times and events."""
    event, end = rng.exponential(mean, n), rng.uniform(30, 365, n)
    return np.minimum(event, end), (event <= end).astype(int)


def times(time: np.ndarray, cause: np.ndarray, **columns: object) -> TimeToEvent:
    """Return times to event."""
    return TimeToEvent(time=time, cause=cause, causes=("event",), **columns)


def survival(t: np.ndarray | float) -> np.ndarray:
    """Return the true curve."""
    return np.exp(-np.asarray(t) / MEAN)


def at(day: float, rng: np.random.Generator, n: int) -> dict[str, tuple[float, float]]:
    """Pointwise intervals at a day."""
    tte = times(*observed(rng, n))
    found = {}
    for kind in CONF_TYPES:
        table = kaplan_meier(tte, conf_type=kind).table
        row = table[table["time"] <= day].iloc[-1]
        there = tte.time.max() >= day
        found[kind] = (row["conf_low"], row["conf_high"]) if there else (np.nan, np.nan)
    return found


def along(
    lower: float | None, upper: float | None, rng: np.random.Generator, n: int
) -> dict[str, tuple[float, float]]:
    """Whether a band holds the curve all along: 0 lies between its largest excess below and its least above."""
    curves = kaplan_meier(times(*observed(rng, n)))
    found = {}
    for kind in ("equal_precision", "hall_wellner"):
        for scale in ("log-log", "arcsin", "plain"):
            try:
                table = curves.band(kind, scale, lower, upper).table
            except InputError:
                found[f"{kind}, {scale}"] = (np.nan, np.nan)
                continue
            rows = table["conf_low"].notna().to_numpy()
            time = table["time"].to_numpy()
            until = np.append(time[1:], time[-1])
            if upper is not None:
                until = np.minimum(until, upper)
            low = (table["conf_low"].to_numpy() - survival(until))[rows]
            high = (table["conf_high"].to_numpy() - survival(time))[rows]
            found[f"{kind}, {scale}"] = (low.max(), high.min()) if rows.any() else (np.nan, np.nan)
    return found


def medians(rng: np.random.Generator, n: int) -> dict[str, tuple[float, float]]:
    """Quantiles from the bounds of the curve, and by bootstrap."""
    curves = kaplan_meier(times(*observed(rng, n)))
    plain, drawn = curves.quantile([0.25, 0.5]).table, curves.bootstrap([0.25, 0.5]).table
    return {
        f"{name}, {share}": (t["conf_low"][i], t["conf_high"][i])
        for name, t in (("log-log bounds", plain), ("bootstrap", drawn))
        for i, share in enumerate(("quarter", "median"))
    }


def means(rng: np.random.Generator, n: int) -> dict[str, tuple[float, float]]:
    """Mean times of two groups, difference and ratios."""
    slow = np.arange(n) % 2
    time, cause = observed(rng, n, np.where(slow, SLOWER, MEAN))
    names = ("rmst", "difference", "ratio", "ratio_lost")
    try:
        table = rmst(times(time, cause, covariates=pd.DataFrame({"slow": slow})), WINDOW, by="slow").table
    except InputError:
        return dict.fromkeys(names, (np.nan, np.nan))
    rows = table.drop_duplicates("term").set_index("term")
    return {name: (rows.loc[name, "conf_low"], rows.loc[name, "conf_high"]) for name in names}


def entering_late(rng: np.random.Generator, n: int) -> dict[str, tuple[float, float]]:
    """Half the people come under observation only some days after the origin, if still there."""
    time, cause, entry = [], [], []
    while len(time) < n:
        start = 0.0 if rng.random() < 0.5 else rng.uniform(0, 100)
        event = rng.exponential(MEAN)
        if event > start:
            end = start + rng.uniform(30, 365)
            time.append(min(event, end)), cause.append(int(event <= end)), entry.append(start)
    tte = times(np.array(time), np.array(cause), entry=np.array(entry))
    table = kaplan_meier(tte).table
    row = table[table["time"] <= 90].iloc[-1]
    found = {"log-log": (row["conf_low"], row["conf_high"])}
    try:
        mean = rmst(tte, WINDOW).table.iloc[0]
        return found | {"rmst": (mean["conf_low"], mean["conf_high"])}
    except InputError:
        return found | {"rmst": (np.nan, np.nan)}


def sampled(rng: np.random.Generator, n: int) -> dict[str, tuple[float, float]]:
    """Slower people are drawn three times as often, and carry a third of the weight."""
    slow = rng.random(n) < 0.75
    time, cause = observed(rng, n, np.where(slow, SLOWER, MEAN))
    tte = times(time, cause, weight=np.where(slow, 2 / 3, 2.0), weight_kind="sampling")
    table = kaplan_meier(tte).table
    row = table[table["time"] <= 90].iloc[-1]
    found = {"log-log": (row["conf_low"], row["conf_high"])}
    try:
        mean = rmst(tte, WINDOW).table.iloc[0]
        return found | {"rmst": (mean["conf_low"], mean["conf_high"])}
    except InputError:
        return found | {"rmst": (np.nan, np.nan)}


def occupied(informative: bool, rng: np.random.Generator, n: int) -> dict[str, tuple[float, float]]:
    """Share still engaged on day 90, some lost from sight before."""
    event = rng.exponential(MEAN, n)
    lost = rng.random(n) < (np.where(event < 90, 0.4, 0.1) if informative else 0.2)
    stop = np.ceil(np.where(lost, np.minimum(event, rng.uniform(1, 90, n)), event))
    frame = pd.DataFrame({
        "person": np.arange(n), "episode": 0, "state": "engaged", "start": 0.0, "stop": stop, "origin": pd.Timestamp("2010-01-01"),
        "exit": np.where(lost, "censored", "disengaged"),
    })  # fmt: skip
    row = state_occupation(Spells(frame), 90).table.iloc[0]
    return {
        "Wilson, among the known": (row["conf_low"], row["conf_high"]),
        "bounds": (row["bound_low"], row["bound_high"]),
    }


def area(mean: float) -> float:
    """Return the true mean within the window."""
    return mean * (1 - math.exp(-WINDOW / mean))


def cases() -> list[Case]:
    """Return the cases."""
    one, two = area(MEAN), area(SLOWER)
    bands = {
        f"{k}, {s}": 0.0 for k in ("equal_precision", "hall_wellner") for s in ("log-log", "arcsin", "plain")
    }
    quantiles = {
        f"{name}, {share}": -MEAN * math.log(1 - p)
        for name in ("log-log bounds", "bootstrap")
        for share, p in (("quarter", 0.25), ("median", 0.5))
    }
    mixed = 0.5 * (math.exp(-90 / MEAN) + math.exp(-90 / SLOWER))
    still = math.exp(-90 / MEAN)
    return [
        Case("share left at day 90, a third censored", dict.fromkeys(CONF_TYPES, float(survival(90))), partial(at, 90)),
        Case("share left at day 250, few at risk", dict.fromkeys(CONF_TYPES, float(survival(250))), partial(at, 250)),
        Case("the whole curve, from where to where by default", bands, partial(along, None, None)),
        Case("the whole curve, days 30 to 180", bands, partial(along, 30, WINDOW)),
        Case("quantiles", quantiles, medians),
        Case("mean days of 180, two groups", {"rmst": one, "difference": two - one, "ratio": two / one,
                                              "ratio_lost": (WINDOW - two) / (WINDOW - one)}, means),
        Case("half come in late", {"log-log": float(survival(90)), "rmst": one}, entering_late),
        Case("sampling weights", {"log-log": mixed, "rmst": (one + two) / 2}, sampled),
        Case("still engaged at day 90, lost at random", {"Wilson, among the known": still, "bounds": still},
             partial(occupied, False), plays=400),
        Case("still engaged at day 90, leavers lost more often", {"Wilson, among the known": still, "bounds": still},
             partial(occupied, True), plays=400),
    ]  # fmt: skip
