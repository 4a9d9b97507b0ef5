"""What a fitted law says of a person: survival, hazard, quantiles, mean time, each with an interval on a scale that keeps its bounds.

Not a fit: `model` holds it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd
from scipy import special

from evalkit import wording
from evalkit.errors import InputError
from evalkit.numerics.normal import z_value
from evalkit.result import Result
from evalkit.survival.curves.readings import labels_of, unit_name
from evalkit.survival.families.jets import Jet
from evalkit.survival.families.likelihood import Layout, Predictor
from evalkit.survival.families.model import Model
from evalkit.wording import Message, message

KINDS = ("survival", "hazard", "cumulative_hazard", "quantile", "rmst")
#: Nodes of the integral of a survival curve; it is taken in the fourth root of time, near 0 all laws are smooth there.
_NODES = 160


@dataclass(frozen=True, repr=False)
class Predictions(Result):
    """Predictions by row of the new data, and by time or share.

    Parameters
    ----------
    kind : str
        One of `KINDS`.
    unit : str
    """

    kind: str = "survival"
    unit: str = "day"

    def plot(self, ax: Any = None, lang: str | None = None) -> Any:
        """Draw curves through the times asked for; quantiles and mean times as points with intervals."""
        from evalkit import figures

        lang = wording.language(lang)
        if self.kind in ("quantile", "rmst"):
            return super().plot(ax, lang)
        word = wording.text("survival_families.row", lang)
        several = self.table["row"].nunique() > 1
        named = [f"{word} {row}" if several else "" for row in self.table["row"]]
        return figures.steps(
            self.table.assign(group=named), title=self.question.text(lang), unit=self.unit,
            probability=self.kind == "survival", start=1.0 if self.kind == "survival" else 0.0, joined=True, ax=ax, lang=lang,
        )  # fmt: skip


@dataclass(frozen=True, eq=False)
class Asked:
    """People whose times are asked about.

    Parameters
    ----------
    model : Model
    layout : Layout
        Of the new rows.
    covariance : float array, shape (p, p)
        In the units of the search; nan for parameters not estimated, which count as known.
    m : int
        Number of rows.
    unknown : mapping of int to Message
        Rows about which the model says nothing, and why.
    """

    model: Model
    layout: Layout
    covariance: np.ndarray
    m: int
    unknown: Mapping[int, Message] = field(default_factory=dict)

    @classmethod
    def of(cls, model: Model, covariance: np.ndarray, new: pd.DataFrame | None) -> Asked:
        """Encode new data as the model has them."""
        matrices = encoded(model, new)
        return cls(model, model.layout(matrices), covariance, len(matrices[0]), _unknown(model, matrices))

    def log_survival(self, rows: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return log S of some rows at log times `y`, shape (m,), and its gradient, shape (m, p)."""
        predictors = self.layout.predictors(rows, [y], False)
        return self._with_gradient(self.model.family.survival(_at(predictors, self.theta), y), predictors)

    def log_density(self, rows: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return log f and its gradient."""
        predictors = self.layout.predictors(rows, [y], True)
        return self._with_gradient(self.model.family.density(_at(predictors, self.theta), y), predictors)

    def log_quantile(self, rows: np.ndarray, log_s: np.ndarray) -> np.ndarray:
        """Return the log time at which log S is this; infinite where it never is."""
        if self.layout.basis is None:
            eta = _at(self.layout.predictors(rows, [log_s], False), self.theta)
            return self.model.family.quantile(eta, log_s)
        # A curve that falls all along is cut in halves until doubles cannot.
        low = np.full(len(rows), self.layout.basis.knots[0] - 60.0)
        high = np.full(len(rows), self.layout.basis.knots[-1] + 60.0)
        for _ in range(110):
            middle = (low + high) / 2
            above = self.log_survival(rows, middle)[0] > log_s
            low, high = np.where(above, middle, low), np.where(above, high, middle)
        return (low + high) / 2

    def error(self, gradient: np.ndarray) -> np.ndarray:
        """Return the standard error of what has this gradient, shape (m, p)."""
        solid = self.model.solid
        part = gradient[:, solid]
        squared = np.einsum("ij,jk,ik->i", part, self.covariance[np.ix_(solid, solid)], part)
        return np.sqrt(np.maximum(squared, 0.0))

    @property
    def theta(self) -> np.ndarray:
        """The parameters."""
        return self.model.summit.theta

    def _with_gradient(self, jet: Jet, predictors: tuple[Predictor, ...]) -> tuple[np.ndarray, np.ndarray]:
        gradient = np.zeros((len(jet.value), self.model.p))
        for predictor, first in zip(predictors, jet.first, strict=True):
            gradient[:, predictor.columns] += first[:, None] * predictor.matrix
        return jet.value, gradient


def encoded(model: Model, new: pd.DataFrame | None) -> list[np.ndarray]:
    """Return the columns of each block for new data; without any, the model must have no covariates."""
    if new is None:
        needed = sorted({v for b in model.blocks for v in b.design.variables})
        if needed:
            raise InputError(f"predict: give new data, a frame with {', '.join(needed)}")
        return [np.zeros((1, 0)) for _ in model.blocks]
    if not isinstance(new, pd.DataFrame):
        raise InputError(f"predict: new data must be a DataFrame, but was {type(new).__name__}")
    if not len(new):
        raise InputError("predict: the new data have no rows")
    return [
        b.design.encode(new) if b.design.matrix.shape[1] else np.zeros((len(new), 0)) for b in model.blocks
    ]


def predict(
    model: Model,
    covariance: np.ndarray,
    new: pd.DataFrame | None,
    times: Any,
    kind: str,
    p: Any,
    extrapolate: bool,
    conf_level: float,
    caveats: tuple[Message, ...],
) -> Predictions:
    """Answer `ParametricFit.predict`."""
    if kind not in KINDS:
        raise InputError(f"kind: must be one of {', '.join(KINDS)}, but was {kind!r}")
    asked = Asked.of(model, covariance, new)
    last = model.rows.last
    at = _shares(p) if kind == "quantile" else _times(times, kind, model, extrapolate)
    # A bound past what a double holds is infinite; what cannot be computed is found by its nan, below.
    with np.errstate(all="ignore"):
        if kind == "quantile":
            frame = _quantiles(asked, at, conf_level, None if extrapolate else last)
        else:
            frame = _means(asked, at, conf_level) if kind == "rmst" else _curves(asked, at, kind, conf_level)
    beyond = bool((frame["estimate"] > last).any()) if kind == "quantile" else bool((at > last).any())
    unit = model.rows.unit
    said = (
        [message("survival_families.extrapolated", last=last, unit=unit_name(unit, last))] if beyond else []
    )
    question = message(f"survival_families.question_{kind}", event=model.rows.event, unit=unit_name(unit, 2))
    labels = labels_of(
        {
            **(model.rows.labels or {}),
            "row": {g: wording.text("survival_families.row", g) for g in wording.LANGUAGES},
        },
        unit,
    )
    frame.insert(frame.columns.get_loc("conf_high") + 1, "conf_level", conf_level)
    frame = _without_unknown(
        frame if "status" in frame else frame.assign(status="ok", reason=None), asked.unknown
    )
    return Predictions(
        frame, question, (*caveats, *said), model.rows.provenance, labels=labels, kind=kind, unit=unit
    )


def _unknown(model: Model, matrices: Sequence[np.ndarray]) -> dict[int, Message]:
    """Return rows that need the effect of a column which has none: separated ones, and aliased ones where the alias does not hold."""
    found: dict[int, Message] = {}
    for at, block, new in zip(model.starts, model.blocks, matrices, strict=True):
        ones = int(block.constant)
        seen = block.design.matrix
        known = np.array([k for k in range(seen.shape[1]) if at + ones + k not in model.aliases], dtype=int)
        for k, term in enumerate(block.design.terms):
            place = at + ones + k
            if place in model.aliases:
                # With the constant, the columns kept say what this one must be.
                left, right = (np.column_stack([np.ones(len(m)), m[:, known]]) for m in (seen, new))
                implied = right @ np.linalg.lstsq(left, seen[:, k], rcond=None)[0]
                off = np.abs(new[:, k] - implied) > 1e-6 * max(np.abs(seen[:, k]).max(), 1e-300)
                reason = message("survival_families.unlike", term=term)
            elif place in model.lost:
                off, reason = new[:, k] != 0, message("survival_families.separated", term=term)
            else:
                continue
            found |= {int(row): reason for row in np.flatnonzero(off)}
    return found


def _without_unknown(frame: pd.DataFrame, unknown: Mapping[int, Message]) -> pd.DataFrame:
    lost = (frame["status"] == "ok") & frame[["estimate", "conf_low", "conf_high"]].isna().any(axis=1)
    if lost.any():
        frame["status"] = np.where(lost, "not_estimable", frame["status"])
        digits = message("survival_families.digits")
        frame["reason"] = [digits if gone else why for gone, why in zip(lost, frame["reason"], strict=True)]
    mask = frame["row"].isin(unknown)
    if mask.any():
        frame.loc[mask, ["estimate", "std_error", "conf_low", "conf_high"]] = np.nan
        frame.loc[mask, "status"] = "not_estimable"
        frame["reason"] = [
            unknown.get(row, why) for row, why in zip(frame["row"], frame["reason"], strict=True)
        ]
    return frame


def mean_curve(
    model: Model, covariance: np.ndarray, times: np.ndarray, conf_level: float, most: int = 300
) -> pd.DataFrame:
    """Return the survival the model gives the people it was fitted on, on average: columns time, estimate, conf_low, conf_high."""
    matrices = [b.design.matrix for b in model.blocks]
    alike = not any(m.shape[1] for m in matrices)
    some = (
        np.zeros(1, dtype=int)
        if alike
        else np.linspace(0, model.rows.n - 1, min(model.rows.n, most)).astype(int)
    )
    asked = Asked(model, model.layout([m[some] for m in matrices]), covariance, len(some))
    rows, at = np.repeat(np.arange(len(some)), len(times)), np.tile(times, len(some))
    with np.errstate(all="ignore"):
        log_s, gradient = asked.log_survival(rows, np.log(at))
        s = np.exp(log_s)
        value = s.reshape(len(some), -1).mean(axis=0)
        slope = (s[:, None] * gradient).reshape(len(some), len(times), -1).mean(axis=0)
        low, high = _loglog(np.log(value), asked.error(slope / value[:, None]), z_value(conf_level))
    return pd.DataFrame({"time": times, "estimate": value, "conf_low": low, "conf_high": high})


def _times(times: Any, kind: str, model: Model, extrapolate: bool) -> np.ndarray:
    if times is None:
        raise InputError(f"predict: say at which times; kind={kind!r} is asked at times")
    at = np.unique(np.atleast_1d(np.asarray(times, dtype=float)))
    if not len(at) or not np.isfinite(at).all() or (at < 0).any():
        raise InputError(f"times: must be 0 or more and finite, but were {at.tolist()}")
    if kind in ("hazard", "rmst") and (at == 0).any():
        raise InputError(f"times: {kind} is asked at times above 0")
    last = model.rows.last
    if at.max() > last and not extrapolate:
        raise InputError(
            f"predict: {at.max():g} {model.rows.unit}s is beyond the last observation ({last:g}); past it the law is a belief, "
            "not a finding: ask earlier, or say extrapolate=True (the caveats will say so)"
        )
    return at


def _shares(p: float | Iterable[float]) -> np.ndarray:
    at = np.atleast_1d(np.asarray(p, dtype=float))
    if not len(at) or not ((at > 0) & (at < 1)).all():
        raise InputError(f"p: must lie strictly between 0 and 1, but was {p}")
    return at


def _curves(asked: Asked, at: np.ndarray, kind: str, conf_level: float) -> pd.DataFrame:
    rows, time = np.repeat(np.arange(asked.m), len(at)), np.tile(at, asked.m)
    later = time > 0
    z = z_value(conf_level)
    start = 1.0 if kind == "survival" else 0.0
    # At the origin everybody is there, which needs no estimate.
    estimate, low, high = (np.full(len(time), start) for _ in range(3))
    error = np.zeros(len(time))
    y = np.log(time[later])
    log_s, gradient = asked.log_survival(rows[later], y)
    if kind == "hazard":
        log_f, by_f = asked.log_density(rows[later], y)
        value, spread = np.exp(log_f - log_s), asked.error(by_f - gradient)
        found = value, value * spread, value * np.exp(-z * spread), value * np.exp(z * spread)
    elif kind == "cumulative_hazard":
        value, spread = -log_s, asked.error(gradient / log_s[:, None])
        found = value, value * spread, value * np.exp(-z * spread), value * np.exp(z * spread)
    else:
        spread = asked.error(gradient)
        found = np.exp(log_s), np.exp(log_s) * spread, *_loglog(log_s, spread, z)
    for column, values in zip((estimate, error, low, high), found, strict=True):
        column[later] = values
    return pd.DataFrame({
        "row": rows, "time": time, "estimate": estimate, "std_error": error, "conf_low": low, "conf_high": high,
    })  # fmt: skip


def _loglog(log_s: np.ndarray, spread: np.ndarray, z: float) -> tuple[np.ndarray, np.ndarray]:
    """Return bounds of S, made on the scale of log(-log S), from log S and its standard error."""
    at, half = np.log(-log_s), z * spread / np.abs(log_s)
    low, high = np.exp(-np.exp(at + half)), np.exp(-np.exp(at - half))
    # Where S is 1 to the last digit there is no such scale, nor any width.
    sure = log_s == 0
    return np.where(sure, 1.0, low), np.where(sure, 1.0, high)


def _quantiles(asked: Asked, at: np.ndarray, conf_level: float, last: float | None) -> pd.DataFrame:
    rows, share = np.repeat(np.arange(asked.m), len(at)), np.tile(at, asked.m)
    y = asked.log_quantile(rows, np.log1p(-share))
    reached = np.isfinite(y)
    error = np.full(len(y), np.nan)
    if reached.any():
        log_s, gradient = asked.log_survival(rows[reached], y[reached])
        log_f, _ = asked.log_density(rows[reached], y[reached])
        # log S stays where it is while y moves with the parameters.
        error[reached] = asked.error(gradient) / np.exp(log_f + y[reached] - log_s)
    z = z_value(conf_level)
    time = np.where(reached, np.exp(np.where(reached, y, 0.0)), np.nan)
    frame = pd.DataFrame({
        "row": rows, "part": share, "estimate": time, "std_error": time * error,
        "conf_low": time * np.exp(-z * error), "conf_high": time * np.exp(z * error),
    })  # fmt: skip
    reasons: list[Message | None] = [None if r else message("survival_families.never") for r in reached]
    if last is not None:
        far = reached & (time > last)
        unit = asked.model.rows.unit
        for k in np.flatnonzero(far):
            reasons[k] = message("survival_families.beyond", last=last, unit=unit_name(unit, last))
        frame.loc[far, ["estimate", "std_error", "conf_low", "conf_high"]] = np.nan
    return frame.assign(status=["ok" if r is None else "not_estimable" for r in reasons], reason=reasons)


def _means(asked: Asked, at: np.ndarray, conf_level: float) -> pd.DataFrame:
    """Return mean times within windows, the area under S; intervals on the scale of the logit of the share of the window."""
    node, weight = np.polynomial.legendre.leggauss(_NODES)
    x, weight = (node + 1) / 2, weight / 2
    records, z = [], z_value(conf_level)
    for row in range(asked.m):
        for window in at:
            log_s, gradient = asked.log_survival(np.full(_NODES, row), np.log(window) + 4 * np.log(x))
            area = 4 * x**3 * weight * np.exp(log_s)
            share, error = area.sum(), asked.error((area @ gradient)[None])[0]
            half = z * error / (share * (1 - share))
            low, high = special.expit(special.logit(share) + np.array([-half, half]))
            records.append({
                "row": row, "time": window, "estimate": window * share, "std_error": window * error,
                "conf_low": window * low, "conf_high": window * high,
            })  # fmt: skip
    return pd.DataFrame(records)


def _at(predictors: tuple[Predictor, ...], theta: np.ndarray) -> tuple[np.ndarray, ...]:
    return tuple(p.at(theta) for p in predictors)
