"""Scores of a fixed model on new people: times exponential given one covariate, censored uniformly; truths by quadrature."""

from __future__ import annotations

from functools import cache

import numpy as np
import pandas as pd
from case import Case
from scipy import special

from evalkit.survival import brier_score, calibration, concordance
from evalkit.timetoevent import TimeToEvent

RATE, SLOPE, TOLD = 0.01, 0.7, 0.5
DAY = 60.0
#: The middle of 2,000 slices of people, each as likely.
X = special.ndtri((np.arange(2_000) + 0.5) / 2_000)


def _told(x: np.ndarray, days: np.ndarray) -> np.ndarray:
    """Return the survival the model tells, too flat in x."""
    return np.exp(-np.outer(np.exp(TOLD * x), RATE * np.asarray(days)))


def _model(new: pd.DataFrame, days: np.ndarray) -> np.ndarray:
    return _told(new["x"].to_numpy(), days)


def _people(rng: np.random.Generator, n: int) -> TimeToEvent:
    x = rng.normal(size=n)
    event, lost = rng.exponential(1 / (RATE * np.exp(SLOPE * x))), rng.uniform(20, 160, n)
    # Somebody is followed long enough, whatever n.
    lost[0] = 200.0
    time = np.minimum(event, lost)
    return TimeToEvent(time=time, cause=event <= lost, causes=("one",), covariates=pd.DataFrame({"x": x}))


def _play(rng: np.random.Generator, n: int) -> dict[str, tuple[float, float]]:
    tte = _people(rng, n)
    found = {}
    score = brier_score(_model, tte, DAY).table
    judged = calibration(_model, tte, DAY, groups=1).table
    x = tte.covariates["x"].to_numpy()
    ranks = [concordance(x, tte, "uno", tau=DAY).table, concordance(_model, tte, "auc", times=DAY).table]
    for table in (score, judged, *ranks):
        for row in table.to_dict("records"):
            found[row["term"]] = (float(row["conf_low"]), float(row["conf_high"]))
    return {name: found[name] for name in _truth()}


@cache
def _truth() -> dict[str, float]:
    rate = RATE * np.exp(SLOPE * X)
    still, told = np.exp(-rate * DAY), _told(X, np.array([DAY]))[:, 0]
    brier, share = (still * (1 - still) + (still - told) ** 2).mean(), still.mean()
    days = (np.arange(600) + 0.5) / 600 * DAY
    every, all_told = np.exp(-np.outer(rate, days)), _told(X, days)
    integrated = (every * (1 - every) + (every - all_told) ** 2).mean()
    marginal = (every.mean(axis=0) * (1 - every.mean(axis=0))).mean()
    # Pairs of slices: the first leaves before the second, by the day.
    both = rate[:, None] + rate
    sooner = rate[:, None] / both * (1 - np.exp(-both * DAY))
    right = np.tri(len(X), k=-1)
    leaves = (1 - still)[:, None] * still
    half = 0.5 * np.eye(len(X))
    return {
        "brier": brier,
        "scaled": 1 - brier / (share * (1 - share)),
        "integrated": integrated,
        "integrated_scaled": 1 - integrated / marginal,
        "uno": ((right + half) * sooner).sum() / sooner.sum(),
        "auc": ((right + half) * leaves).sum() / leaves.sum(),
        "in_the_large": float((1 - still).mean() - (1 - told).mean()),
        "observed_over_predicted": float((1 - still).mean() / (1 - told).mean()),
        "slope": SLOPE / TOLD,
        "group": float((1 - still).mean()),
    }


def cases() -> list[Case]:
    """Return the case."""
    return [
        Case(
            "a fixed model judged at day 60, a third censored by then",
            {k: float(v) for k, v in _truth().items()},
            _play,
        )
    ]
