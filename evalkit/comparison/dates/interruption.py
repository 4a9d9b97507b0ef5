"""Rows of an interrupted series: changes of level and slope, the effect at named dates, and what the residuals look like.

Not the fits: `fitting` makes them.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from evalkit.comparison.core.rows import missing_row, row
from evalkit.comparison.dates.calendar import Calendar
from evalkit.comparison.dates.fitting import Fitted
from evalkit.comparison.dates.segments import Segments
from evalkit.comparison.dates.serial import Fit, autocorrelations, durbin_watson
from evalkit.comparison.dates.student import Asked, by_student, reach
from evalkit.wording import Message, message

#: What the terms of each kind end with: differences, rate ratios, odds ratios.
SUFFIX = {"continuous": "", "count": "_ratio", "share": "_odds"}
_LAGS = 3


@dataclass(frozen=True, eq=False)
class Reading:
    """What rows need to know beside the fits.

    Parameters
    ----------
    segments : Segments
    calendar : Calendar
    starts : tuple of date or str
        The interruptions as people write them.
    asked : Asked
    """

    segments: Segments
    calendar: Calendar
    starts: tuple[Any, ...]
    asked: Asked


def change_rows(fitted: Fitted, part: str, reading: Reading) -> list[dict]:
    """Return levels and slopes, one row a method."""
    rows = []
    n = len(fitted.place)
    ratio = fitted.kind != "continuous"
    # Against a control, the odds of a count being this series' are a rate ratio.
    suffix = SUFFIX["count" if ratio and part == "against_control" else fitted.kind]
    for name, start, weights in reading.segments.contrasts():
        term = name + suffix
        key = {"start": None if start is None else reading.starts[start]}
        if fitted.stop and fitted.known:
            value = float(weights @ fitted.plain)
            rows.append(
                row(term, part, "description", estimate=math.exp(value) if ratio else value, n=n, **key)
            )
        for method, fit in fitted.methods.items():
            if part == "control" and method != next(iter(fitted.methods)):
                continue  # it is there to be compared with: one row a term
            why = "segment_without_spread" if method == "newey_west" else "edge"
            stop = fitted.stop or (None if fit else message(f"comparison_dates.{why}"))
            if stop:
                rows.append(missing_row(term, part, method, n, stop) | key)
            else:
                tested = by_student(*fit.contrast(weights), reading.asked, ratio)
                rows.append(row(term, part, method, n=n, **tested, **key))
    return rows


def effect_rows(fitted: Fitted, part: str, reading: Reading, places: Sequence[int]) -> list[dict]:
    """Return, at each date, what the model expects, what the prolonged trend would have given, and the difference."""
    rows = []
    n = len(fitted.place)
    terms = ("expected", "counterfactual", "effect", "effect_relative")
    if part == "against_control":
        terms = ("effect_relative",) if fitted.kind == "share" else ("effect",)
    for place in places:
        key = {"time": reading.calendar.label(place)}
        for term in terms:
            # Where the autoregression sits at its edge, other errors are too small most of all: they do not stand in.
            fit = fitted.methods["ar1_reml"]
            if fit is None:
                reason = fitted.stop or message("comparison_dates.edge")
                rows.append(missing_row(term, part, "ar1_reml", n, reason) | key)
                continue
            with_it, without = (reading.segments.matrix(np.array([place]), yes)[0] for yes in (True, False))
            found = _effect(term, fitted.kind, part, fit, with_it, without, reading.asked)
            if isinstance(found, Message):
                rows.append(missing_row(term, part, "ar1_reml", n, found) | key)
            else:
                rows.append(row(term, part, "ar1_reml", n=n, **found, **key))
    return rows


def _effect(
    term: str, kind: str, part: str, fit: Fit, with_it: np.ndarray, without: np.ndarray, asked: Asked
) -> dict | Message:
    """Return one effect with its interval: by the delta method, ratios on the logarithmic scale."""
    if term == "effect_relative" and (kind == "count" or part == "against_control"):
        return _relative(fit, with_it - without, asked)
    if term in ("expected", "counterfactual"):
        return _level(kind, fit, with_it if term == "expected" else without, asked)
    (up, slope_up), (base, slope_base) = (_mean(kind, x, fit) for x in (with_it, without))
    if term == "effect_relative" and kind == "share":
        weights = slope_up / up - slope_base / base
        return _relative(fit, weights, asked, math.log(up / base))
    if term == "effect_relative":
        low, high = reach(base, *fit.contrast(slope_base)[1:], asked.conf_level)
        if low <= 0 <= high or base <= 0:
            return message("comparison_dates.counterfactual_at_zero")
        value, weights = up / base - 1, slope_up / base - up * slope_base / base**2
    else:
        value, weights = up - base, slope_up - slope_base
    _, error, df = fit.contrast(weights)
    low, high = reach(value, error, df, asked.conf_level)
    return {
        "estimate": value, "std_error": error, "df": df, "conf_low": low, "conf_high": high,
        "conf_level": asked.conf_level,
    }  # fmt: skip


def _relative(fit: Fit, weights: np.ndarray, asked: Asked, value: float | None = None) -> dict:
    """Return a ratio less one, its interval made on the logarithmic scale."""
    told, error, df = fit.contrast(weights)
    value = told if value is None else value
    low, high = reach(value, error, df, asked.conf_level)
    return {
        "estimate": math.expm1(value),
        "std_error": math.exp(value) * error,
        "df": df,
        "conf_low": math.expm1(low),
        "conf_high": math.expm1(high),
        "conf_level": asked.conf_level,
    }


def _level(kind: str, fit: Fit, x: np.ndarray, asked: Asked) -> dict:
    """Return what is expected, its interval made on the scale of the coefficients, which keeps shares within 0 and 1."""
    told, error, df = fit.contrast(x)
    value, slope = _mean(kind, x, fit)
    low, high = (_back(kind, end) for end in reach(told, error, df, asked.conf_level))
    return {
        "estimate": value, "std_error": fit.contrast(slope)[1], "df": df, "conf_low": low, "conf_high": high,
        "conf_level": asked.conf_level,
    }  # fmt: skip


def _back(kind: str, predictor: float) -> float:
    """Return what a value of the linear predictor stands for, for one unit of the denominator."""
    if kind == "continuous":
        return predictor
    return math.exp(predictor) if kind == "count" else 1 / (1 + math.exp(-predictor))


def _mean(kind: str, x: np.ndarray, fit: Fit) -> tuple[float, np.ndarray]:
    """Return what is expected for one unit of the denominator, and its derivative by the coefficients."""
    value = _back(kind, float(x @ fit.beta))
    return value, {"continuous": 1.0, "count": value, "share": value * (1 - value)}[kind] * x


def residual_rows(fitted: Fitted, part: str) -> list[dict]:
    """Return Durbin and Watson's ratio, the first autocorrelations, that of the autoregression, and the dispersion of counts."""
    if fitted.stop:
        return []
    n, place = len(fitted.place), fitted.place
    rows = [row("durbin_watson", part, "residuals", estimate=durbin_watson(fitted.rest, place), n=n)]
    found = autocorrelations(fitted.rest, place, _LAGS)
    rows += [
        row(f"autocorrelation_{k + 1}", part, "residuals", estimate=float(value), n=n)
        for k, value in enumerate(found)
    ]
    model = fitted.methods["ar1_reml"]
    if model is not None:
        rows.append(row("autoregression", part, "ar1_reml", estimate=model.rho, n=n))
    if math.isfinite(fitted.dispersion):
        rows.append(row("dispersion", part, "residuals", estimate=fitted.dispersion, n=n))
    return rows


def point_rows(reading: Reading) -> list[dict]:
    """Return how many points there are, before and after each interruption, and how many are missing from the grid."""
    place = reading.calendar.place
    held = np.bincount(reading.segments.segment_of(place), minlength=len(reading.starts) + 1)
    rows = [row("points_before", count=int(held[0]), n=len(place), start=None)]
    rows += [
        row("points_after", count=int(k), n=len(place), start=name)
        for k, name in zip(held[1:], reading.starts, strict=True)
    ]
    return [*rows, row("points_absent", count=reading.calendar.absent, n=int(place[-1]) + 1)]
