"""Coverage of intervals of interval-observed times and of discrete-time hazards."""

from __future__ import annotations

import numpy as np
import pandas as pd
from case import Case

from evalkit.survival import discrete_hazard, turnbull
from evalkit.timetoevent import TimeToEvent

_SHAPE, _SCALE = 1.3, 120.0


def _share(time: float) -> float:
    return float(np.exp(-((time / _SCALE) ** _SHAPE)))


def _seen(rng: np.random.Generator, n: int, regular: bool):
    """Weibull times seen between visits: every 30 days, one in four missed, or at times of everybody's own."""
    time = _SCALE * rng.weibull(_SHAPE, n)
    if regular:
        visit = np.broadcast_to(30.0 * np.arange(1, 13), (n, 12))
        visit = np.where(rng.random((n, 12)) < 0.75, visit, np.nan)
    else:
        visit = rng.exponential(45, (n, 12)).cumsum(axis=1)
    before = np.where(visit < time[:, None], visit, 0.0)
    after = np.where(visit >= time[:, None], visit, np.inf)
    frame = pd.DataFrame({"lower": np.nanmax(before, axis=1), "upper": np.nanmin(after, axis=1)})
    return TimeToEvent.from_intervals(frame, "lower", "upper")


def _turnbull(regular: bool):
    def play(rng: np.random.Generator, n: int) -> dict:
        curve = turnbull(_seen(rng, n, regular))
        row, middle = curve.at(90.0).table.iloc[0], curve.quantile(0.5).table.iloc[0]
        return {"likelihood ratio, share at day 90": (row["conf_low"], row["conf_high"]),
                "likelihood ratio, median": (middle["conf_low"], middle["conf_high"])}  # fmt: skip

    return play


def _monthly(link: str):
    def play(rng: np.random.Generator, n: int) -> dict:
        x = rng.integers(0, 2, n)
        level = np.array([-1.6, -1.4, -1.5, -1.7, -1.9, -2.0])
        predictor = level + 0.7 * x[:, None]
        share = 1 / (1 + np.exp(-predictor)) if link == "logit" else -np.expm1(-np.exp(predictor))
        met = rng.random((n, 6)) < share
        month = np.where(met.any(axis=1), met.argmax(axis=1), 6)
        stop = rng.integers(3, 7, n)
        event = month < stop
        frame = pd.DataFrame({"t": 30.0 * np.where(event, month + 1, stop), "e": event.astype(int), "x": x})
        fit = discrete_hazard(TimeToEvent.from_frame(frame, "t", "e"), "x", link=link)
        row = fit.table.iloc[0]
        curve = fit.predict(pd.DataFrame({"x": [1]})).table.set_index("time")
        left = (np.nan, np.nan)
        if 90.0 in curve.index and row["status"] == "ok":
            left = tuple(curve.loc[90.0, ["conf_low", "conf_high"]])
        return {"Wald, coefficient": (row["conf_low"], row["conf_high"]), "delta, share after 3 months": left}

    level = np.array([-1.6, -1.4, -1.5]) + 0.7
    stay = 1 / (1 + np.exp(level)) if link == "logit" else np.exp(-np.exp(level))
    return play, float(np.prod(stay))


def cases() -> list[Case]:
    """Return the cases of the room."""
    median = _SCALE * np.log(2) ** (1 / _SHAPE)
    truth = {"likelihood ratio, share at day 90": _share(90.0), "likelihood ratio, median": float(median)}
    made = [
        Case("Turnbull, visits every 30 days, a quarter missed", truth, _turnbull(True), plays=400),
        Case("Turnbull, visits at irregular times", truth, _turnbull(False), plays=400),
    ]
    for link in ("logit", "cloglog"):
        play, left = _monthly(link)
        known = {"Wald, coefficient": 0.7, "delta, share after 3 months": left}
        made.append(Case(f"discrete-time hazards, six months, {link}", known, play, plays=600))
    return made
