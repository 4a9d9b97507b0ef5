"""Residuals of a Cox model: what each row adds that the model did not expect.

Not a test: `check` makes one of the Schoenfeld residuals.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
from scipy import special

from evalkit.errors import InputError
from evalkit.survival.proportional.exact import ExactLikelihood
from evalkit.survival.proportional.fitted import Fitted
from evalkit.survival.proportional.partial import Likelihood, Pass
from evalkit.survival.proportional.tied import seen_by_events

KINDS = ("martingale", "deviance", "score", "dfbeta", "dfbetas", "schoenfeld", "scaled_schoenfeld")


def residuals(fitted: Fitted, kind: str, collapse: str | None, weighted: bool | None) -> pd.DataFrame:
    """Return residuals; parameters as in `CoxFit.residuals`."""
    if kind not in KINDS:
        raise InputError(f"kind: must be one of {', '.join(KINDS)}, but was {kind!r}")
    if isinstance(fitted.likelihood, ExactLikelihood) and kind not in ("martingale", "deviance"):
        raise InputError(f"residuals: {kind} residuals are not defined for exact ties; use ties='efron'")
    if kind.endswith("schoenfeld"):
        if collapse is not None:
            raise InputError(
                f"collapse: {kind} residuals are one per event, not per row; they are not summed over {collapse!r}"
            )
        return _per_event(fitted, kind, bool(weighted))
    weighted = kind in ("dfbeta", "dfbetas") if weighted is None else weighted
    weight = np.ones(fitted.tte.n) if fitted.tte.weight is None else fitted.tte.weight
    groups = _groups(fitted, collapse)
    if kind in ("martingale", "deviance"):
        return _martingale(fitted, kind, weight if weighted else None, groups)
    values = score_residuals(fitted) / weight[:, None]
    if kind != "score":
        values = values @ np.nan_to_num(fitted.top.covariance)
        if kind == "dfbetas":
            # Of a lasso, which has no standard errors, there are none.
            with np.errstate(divide="ignore", invalid="ignore"):
                values = values / np.sqrt(np.diag(fitted.top.covariance))
        values[:, np.isnan(np.diag(fitted.top.covariance))] = np.nan
    if weighted:
        values = values * weight[:, None]
    made = pd.DataFrame(values, columns=list(fitted.design.terms), index=_rows(fitted))
    return made if groups is None else _summed(made, groups)


def score_residuals(fitted: Fitted) -> np.ndarray:
    """Return each row's weighted part of the gradient, shape (n, p)."""
    likelihood, seen = fitted.sums
    return likelihood.residuals(seen, [np.arange(fitted.tte.n)], fitted.tte.n)


def martingales(fitted: Fitted) -> np.ndarray:
    """Return observed less expected events of each row, shape (n,)."""
    _, seen = fitted.sums
    expected = seen.hazards[0]
    if fitted.tte.weight is not None:
        expected = expected / fitted.tte.weight
    return fitted.event - expected


def schoenfeld(fitted: Fitted) -> tuple[np.ndarray, np.ndarray]:
    """Return the rows with an event, by stratum and time, and their covariates less those expected of who was at risk."""
    likelihood, seen = fitted.sums
    rows = likelihood.parts[0]
    event = np.flatnonzero(fitted.event)
    slot = rows.last[event] - 1
    order = np.argsort(slot, kind="stable")
    event, slot = event[order], slot[order]
    return event, rows.x[event] - likelihood.centre - expected_covariates(likelihood, seen)[slot]


def expected_covariates(likelihood: Likelihood, seen: Pass) -> np.ndarray:
    """Return the covariates (less the centre) expected of an event of each slot, shape (L, p); the mean over tied events."""
    rows, risk = likelihood.parts[0], seen.risks[0]
    columns = [risk, *(risk * (rows.x[:, k] - middle) for k, middle in enumerate(likelihood.centre))]
    slot, sums = seen_by_events(likelihood, columns)
    means = [np.bincount(slot, column / sums[0], len(likelihood.deaths)) for column in sums[1:]]
    return (np.stack(means) / likelihood.deaths).T


def _martingale(
    fitted: Fitted, kind: str, weight: np.ndarray | None, groups: pd.Series | None
) -> pd.DataFrame:
    count = np.ones(fitted.tte.n) if weight is None else weight
    made = pd.DataFrame(
        {"residual": count * martingales(fitted), "events": count * fitted.event}, index=_rows(fitted)
    )
    if groups is not None:
        made = _summed(made, groups)
    if kind == "deviance":
        rest, events = made["residual"].to_numpy(), made["events"].to_numpy()
        # Expected over observed events; nobody expects none of an event that came.
        ratio = np.maximum(events - rest, np.finfo(float).tiny) / np.where(events > 0, events, 1.0)
        made["residual"] = np.sign(rest) * np.sqrt(
            np.maximum(-2 * (rest + special.xlogy(events, ratio)), 0.0)
        )
    return made[["residual"]]


def _per_event(fitted: Fitted, kind: str, weighted: bool) -> pd.DataFrame:
    event, values = schoenfeld(fitted)
    if weighted and fitted.tte.weight is not None:
        values = values * fitted.tte.weight[event, None]
    if kind == "scaled_schoenfeld":
        values = scaled(fitted, values)
    made = pd.DataFrame(values, columns=list(fitted.design.terms), index=_rows(fitted)[event])
    made.insert(0, "time", fitted.tte.time[event])
    return made


def scaled(fitted: Fitted, values: np.ndarray) -> np.ndarray:
    """Return Schoenfeld residuals on the scale of the coefficients: their trend in time is that of the effect."""
    top = fitted.top
    n_events = float(fitted.count[fitted.event].sum())
    out = top.beta + n_events * values @ np.nan_to_num(top.covariance)
    out[:, np.isnan(np.diag(top.covariance))] = np.nan
    return out


def _rows(fitted: Fitted) -> pd.Index:
    """Return the positions the rows had before any were left out for what they lack."""
    return pd.Index(np.flatnonzero(fitted.design.kept), name="row")


def _groups(fitted: Fitted, collapse: str | None) -> pd.Series | None:
    if collapse is None:
        return None
    tte = fitted.tte
    if collapse in tte.covariates:
        return pd.Series(tte.covariates[collapse].to_numpy(), name=collapse)
    if collapse == "id" and tte.id is not None:
        return pd.Series(tte.id, name="id")
    raise InputError(f"collapse: no column {collapse!r} among the covariates, nor ids; name one of them")


def _summed(made: pd.DataFrame, groups: pd.Series) -> pd.DataFrame:
    return made.groupby(groups.to_numpy()).sum().rename_axis(groups.name)
