"""Calibration: of people given a risk of 30 %, do 30 in a hundred leave by then?

Not discrimination: predicting the same for everybody can be well calibrated.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from evalkit import wording
from evalkit.disclosure import Policy, suppress_partition
from evalkit.errors import InputError
from evalkit.numerics.normal import z_value
from evalkit.result import Result
from evalkit.survival.adjusting.personal import personal, steps_of
from evalkit.survival.curves.readings import both, labels_of, unit_name
from evalkit.survival.curves.transforms import interval
from evalkit.survival.validating.predicting import Asked
from evalkit.timetoevent import TimeToEvent
from evalkit.wording import message

WORDS = ("group", "predicted", "in_the_large", "observed_over_predicted", "intercept", "slope")
_MOST_STEPS = 50


@dataclass(frozen=True, repr=False)
class Calibration(Result):
    """Rows ``term = "group"``: risk groups, predicted and observed; then what sums them up."""

    def plot(self, ax: Any = None, lang: str | None = None) -> Any:
        """Draw observed against predicted shares, beside the line where they are equal, and return the Axes."""
        from evalkit import figures

        lang = wording.language(lang)
        groups = self.table[self.table["term"] == "group"]
        return figures.agreement(groups, self.question.text(lang), ax=ax, lang=lang)

    def _suppressed(self, policy: Policy) -> tuple[pd.DataFrame, int]:
        groups = np.flatnonzero(self.table["term"] == "group").tolist()
        rest = int(np.flatnonzero(self.table["term"] != "group")[0])
        table, hidden = suppress_partition(self.table, policy, [(rest, groups)], count="n_event")
        table, more = suppress_partition(table, policy, [(rest, groups)], count="n")
        lost = (table["status"] == "suppressed") & (table["term"] == "group")
        return table.assign(predicted=table["predicted"].mask(lost)), max(hidden, more)


def calibration(
    model: Any,
    tte: TimeToEvent,
    at: float,
    groups: int = 5,
    of: str | None = None,
    given: str = "survival",
    cluster: str | None = None,
    conf_level: float = 0.95,
) -> Calibration:
    """Compare predicted with observed shares gone by a time.

    Parameters
    ----------
    model, tte, of, given, cluster
        As in `brier_score`.
    at : number
    groups : int
        People are cut into so many groups of equal size by predicted risk; fewer where predictions are equal.
    conf_level : float

    Returns
    -------
    Calibration
        ``term = "group"``, ``part`` 1, 2, …: ``predicted`` (mean) and ``estimate``, the observed share (Kaplan-Meier or
        Aalen-Johansen) with a log-log interval. Then "in_the_large": observed less predicted share, 0 when right;
        "observed_over_predicted"; "slope": of the observed on the predicted risk, both on the scale log(-log(1 - risk)), 1 when right,
        below 1 when predictions are too extreme; and its "intercept", 0 when right.

    Raises
    ------
    InputError
        As in `brier_score`.

    Notes
    -----
    The slope solves Σ ω (Y - μ) (1, x) = 0, μ = 1 - exp(-exp(a + b x)), Y gone by the exit, ω the inverse chance of being observed
    (as in the Brier score, whose standard errors it shares: estimation of ω counted, model taken as it is). Van Houwelingen (2000),
    Stat. Med. 19:3401; Gerds, Andersen & Kattan (2014), Stat. Med. 33:3191.

    Examples
    --------
    >>> rng = np.random.default_rng(1)
    >>> risk = rng.uniform(0.1, 0.9, 400)
    >>> time = np.ceil(rng.exponential(-10 / np.log(1 - risk)))
    >>> tte = TimeToEvent(time=np.minimum(time, 20), cause=time <= 20, causes=("relapse",))
    >>> found = calibration(1 - risk, tte, at=10, groups=2).tidy()
    >>> found[["term", "predicted", "estimate"]].round(2).head(2).to_numpy().tolist()
    [['group', 0.29, 0.28], ['group', 0.69, 0.67]]
    """
    asked = Asked.of(model, tte, of, given, "calibration", cluster)
    if np.size(at) != 1:
        raise InputError(f"at: give one time, but were {at}")
    time = float(asked.within(at, "at")[0])
    if groups < 1:
        raise InputError(f"groups: at least 1, but was {groups}")
    risk = asked.risk(np.array([time]))[:, 0]
    rows = _groups(asked, risk, time, groups, conf_level)
    small = any(row["n_event"] < 10 for row in rows)
    rows += _overall(asked, risk, time, conf_level)
    rows += _slope(asked, risk, time, conf_level)
    table = pd.DataFrame(rows).assign(time=time, conf_level=conf_level)
    order = ["term", "part", "time", "predicted", "estimate", "std_error", "conf_low", "conf_high", "conf_level", "n", "n_event",
             "status", "reason"]  # fmt: skip
    said = [
        *asked.said,
        message("survival_validating.independent_censoring"),
        message("survival_validating.as_it_is"),
    ]
    if small:
        said.append(message("survival_validating.small_groups"))
    labels = {
        **tte.labels,
        **{word: both(f"survival_validating.{word}") for word in WORDS},
        "estimate": both("survival_validating.observed"),
    }
    return Calibration(
        table[order],
        message(
            "survival_validating.question_calibration",
            event=asked.event,
            time=time,
            unit=unit_name(tte.unit, time),
        ),
        tuple(said),
        tte.provenance,
        labels=labels_of(labels, tte.unit),
    )


def _row(term: str, part: float, estimate: float, error: float, low: float, high: float, **more: Any) -> dict:
    known = np.isfinite(error) and error > 1e-15
    return {
        "term": term, "part": part, "predicted": np.nan, "estimate": estimate, "std_error": error if known else np.nan,
        "conf_low": low if known else np.nan, "conf_high": high if known else np.nan, "status": "ok" if known else "not_estimable",
        "reason": None if known else message("survival_validating.nothing_varies"), **more,
    }  # fmt: skip


def _groups(asked: Asked, risk: np.ndarray, time: float, groups: int, conf_level: float) -> list[dict]:
    """Return observed and mean predicted share by group of predicted risk."""
    cuts = np.unique(np.quantile(risk, np.linspace(0, 1, groups + 1)[1:-1]))
    code = np.unique(np.searchsorted(cuts, risk, side="left"), return_inverse=True)[1]
    competing = int(asked.rows.cause.max(initial=1)) > 1
    rows = []
    for g in range(int(code.max()) + 1):
        own = code == g
        weight = asked.weight[own]
        count = weight if asked.frequency else np.ones(own.sum())
        gone = asked.happened(time)[own]
        size = {
            "n": float(count.sum()),
            "n_event": float(count[gone].sum()),
            "predicted": float(np.average(risk[own], weights=weight)),
        }
        ends, cause = asked.rows.time[own], asked.rows.cause[own]
        if ends.max() < time and not (cause[ends == ends.max()] > 0).all():
            reason = message("survival_validating.too_short", last=float(ends.max()))
            blank = _row("group", g + 1, np.nan, np.nan, np.nan, np.nan, **size)
            rows.append(blank | {"reason": reason})
            continue
        steps, left_at = steps_of(ends, cause, 2, weight)
        made = personal(steps, left_at, cause, 0)
        estimate = made.estimate(time)
        moved = weight * made.at(time)
        every = np.zeros(asked.n)
        every[own] = moved
        error = float(np.sqrt(asked.squared(every)))
        share = estimate if competing else 1 - estimate
        bounds = [float(b) for b in interval(np.array(share), np.array(error), "log-log", conf_level)]
        low, high = bounds if competing else (1 - bounds[1], 1 - bounds[0])
        rows.append(_row("group", g + 1, estimate, error, low, high, **size))
    return rows


def _overall(asked: Asked, risk: np.ndarray, time: float, conf_level: float) -> list[dict]:
    """Return observed less, and over, predicted share among everybody."""
    weight, total, z = asked.weight, asked.weight.sum(), z_value(conf_level)
    known = weight * asked.censoring.weights(time) / total
    gone = asked.happened(time)
    observed, predicted = float(known @ gone), float(weight @ risk / total)
    mass = known * gone
    on_observed = mass - weight * observed / total + weight * asked.censoring.correction(mass, time)
    on_predicted = weight * (risk - predicted) / total
    size = {"n": asked.people(), "n_event": asked.events(time)}
    gap, error = observed - predicted, float(np.sqrt(asked.squared(on_observed - on_predicted)))
    rows = [_row("in_the_large", np.nan, gap, error, gap - z * error, gap + z * error, **size)]
    ratio = observed / predicted if predicted > 0 else np.nan
    spread = np.nan
    if observed > 0 and predicted > 0:
        spread = float(np.sqrt(asked.squared(on_observed / observed - on_predicted / predicted)))
    low, high = ratio * np.exp(-z * spread), ratio * np.exp(z * spread)
    rows.append(_row("observed_over_predicted", np.nan, ratio, ratio * spread, low, high, **size))
    return rows


def _slope(asked: Asked, risk: np.ndarray, time: float, conf_level: float) -> list[dict]:
    """Return intercept and slope of observed on predicted risk, on the complementary log-log scale."""
    size, z = {"n": asked.people(), "n_event": asked.events(time)}, z_value(conf_level)
    blank = [_row(term, np.nan, np.nan, np.nan, np.nan, np.nan, **size) for term in ("intercept", "slope")]
    inside = np.clip(risk, 1e-12, 1 - 1e-12)
    x = np.log(-np.log1p(-inside))
    if np.ptp(x) < 1e-9:
        return [row | {"reason": message("survival_validating.flat_predictions")} for row in blank]
    known = asked.weight * asked.censoring.weights(time)
    gone = asked.happened(time).astype(float)
    columns = np.column_stack([np.ones(asked.n), x])
    fit = _solved(columns, known, gone)
    if fit is None:
        return [row | {"reason": message("survival_validating.slope_not_found")} for row in blank]
    beta, inverse, mean = fit
    mass = (known * (gone - mean))[None, :] * columns.T
    moved = inverse @ (mass + asked.weight * asked.censoring.correction(mass, time))
    error = np.sqrt(asked.squared(moved))
    return [
        _row(
            term,
            np.nan,
            float(beta[k]),
            float(error[k]),
            float(beta[k] - z * error[k]),
            float(beta[k] + z * error[k]),
            **size,
        )
        for k, term in enumerate(("intercept", "slope"))
    ]


def _solved(
    columns: np.ndarray, known: np.ndarray, gone: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray] | None:
    """Return the coefficients, the inverse slope of the equations, and the fitted risks; None when there is no solution."""
    beta = np.array([0.0, 1.0])
    for _ in range(_MOST_STEPS):
        eta = np.clip(columns @ beta, -700, 6)
        rate = np.exp(eta)
        mean = -np.expm1(-rate)
        off = columns.T @ (known * (gone - mean))
        slope = columns.T @ (columns * (known * rate * np.exp(-rate))[:, None])
        if not np.isfinite(slope).all() or np.linalg.cond(slope) > 1e12:
            return None
        inverse = np.linalg.inv(slope)
        step = inverse @ off
        if float(np.abs(step).max()) < 1e-12:
            return beta, inverse, mean
        beta = beta + step * min(1.0, 1.0 / float(np.abs(columns @ step).max()))
    return None
