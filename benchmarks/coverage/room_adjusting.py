"""Adjusted curves: confounded groups, whole days, about a third censored; what everybody would show is known by quadrature."""

from __future__ import annotations

import numpy as np
import pandas as pd
from case import Case

from evalkit.errors import InputError
from evalkit.survival import adjusted_curves, cox
from evalkit.timetoevent import TimeToEvent

RATE, SLOPE, EFFECT, OTHER = 0.01, 0.7, -0.5, 0.004
DAY, WINDOW = 60, 100
STANDARDISED = ("survival, log-log", "difference", "ratio", "RMST", "RMST difference")
WEIGHTED = (
    "incidence, log-log",
    "difference of incidences",
    "difference of shares with no exit",
    "RMST difference",
)


def _everybody(arm: int, day: np.ndarray, other: float) -> tuple[np.ndarray, np.ndarray]:
    """Return the share with no exit, and gone by the first, were everybody in an arm."""
    nodes, weight = np.polynomial.hermite_e.hermegauss(60)
    weight = weight / weight.sum()
    rate = RATE * np.exp(SLOPE * nodes + EFFECT * arm)
    still = np.exp(-np.outer(day, rate + other))
    return still @ weight, ((1 - still) * rate / (rate + other)) @ weight


def _people(rng: np.random.Generator, n: int, other: float) -> TimeToEvent:
    x = rng.normal(size=n)
    arm = (rng.random(n) < 1 / (1 + np.exp(-0.8 * x))).astype(int)
    one = rng.exponential(1 / (RATE * np.exp(SLOPE * x + EFFECT * arm)))
    two = rng.exponential(1 / other, n) if other else np.full(n, np.inf)
    lost = rng.uniform(40, 250, n)
    # Somebody is followed past the window, whatever n.
    lost[:6] = 250.0
    time = np.minimum(np.minimum(one, two), lost)
    cause = np.where(time == one, 1, np.where(time == two, 2, 0))
    causes = ("one", "two") if other else ("one",)
    return TimeToEvent(
        time=np.ceil(time), cause=cause, causes=causes, covariates=pd.DataFrame({"x": x, "arm": arm})
    )


def _bounds(table: pd.DataFrame, arm: int = 1, cause: str | None = None) -> tuple[float, float]:
    row = table[(table["arm"] == arm) & (cause is None or table["cause"] == cause)].iloc[0]
    return float(row["conf_low"]), float(row["conf_high"])


def _standardised(rng: np.random.Generator, n: int) -> dict[str, tuple[float, float]]:
    try:
        made = cox(_people(rng, n, 0.0), "arm + x").adjusted("arm", times=DAY, rmst=WINDOW)
    except InputError:
        return dict.fromkeys(STANDARDISED, (np.nan, np.nan))
    tables = [
        made.table,
        made.contrast().table,
        made.contrast("ratio").table,
        made.rmst().table,
        made.rmst("difference").table,
    ]
    return dict(zip(STANDARDISED, map(_bounds, tables), strict=True))


def _weighted(rng: np.random.Generator, n: int) -> dict[str, tuple[float, float]]:
    try:
        made = adjusted_curves(_people(rng, n, OTHER), "arm", "x", times=DAY, rmst=WINDOW)
    except InputError:
        return dict.fromkeys(WEIGHTED, (np.nan, np.nan))
    gap, area = made.contrast().table, made.rmst("difference").table
    found = [(made.table, "one"), (gap, "one"), (gap, "no_exit"), (area, "no_exit")]
    return dict(zip(WEIGHTED, [_bounds(table, cause=cause) for table, cause in found], strict=True))


def cases() -> list[Case]:
    """Return the cases."""
    days, upto = np.array([float(DAY)]), np.arange(WINDOW, dtype=float)
    (s0, _), (s1, _) = (_everybody(a, days, 0.0) for a in (0, 1))
    areas = [_everybody(a, upto, 0.0)[0].sum() for a in (0, 1)]
    (w0, i0), (w1, i1) = (_everybody(a, days, OTHER) for a in (0, 1))
    weighted_areas = [_everybody(a, upto, OTHER)[0].sum() for a in (0, 1)]
    standardised = [s1[0], (s1 - s0)[0], (s1 / s0)[0], areas[1], areas[1] - areas[0]]
    weighted = [i1[0], (i1 - i0)[0], (w1 - w0)[0], weighted_areas[1] - weighted_areas[0]]
    return [
        Case(
            "g-computation from a Cox model, confounded arms",
            {k: float(v) for k, v in zip(STANDARDISED, standardised, strict=True)},
            _standardised,
            plays=2_000,
        ),
        Case(
            "inverse-probability weights, two competing exits, confounded arms",
            {k: float(v) for k, v in zip(WEIGHTED, weighted, strict=True)},
            _weighted,
            plays=2_000,
        ),
    ]
