"""The table of a parametric model: one row per parameter, and why those that cannot be estimated cannot.

Not a fit: `fit` and `mixture` make it.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from evalkit.disclosure import Headcount
from evalkit.numerics.normal import two_sided_p, z_value
from evalkit.survival.families.model import Model
from evalkit.survival.proportional.robust import Clusters, without_variance
from evalkit.survival.proportional.table import clustered, sizes
from evalkit.wording import Message, message

#: Standard error, per standard deviation of the column, above which a parameter beside a separated one is not estimated.
_NOTHING = 30.0


def robust_covariance(model: Model, clusters: Clusters) -> np.ndarray:
    """Return the robust covariance in the units of the search, nan for what is not estimated.

    Notes
    -----
    D'D, D the gradient of each cluster times the inverse information (R's ``survreg(robust = TRUE)``). Frequency weights of rows that
    are independent people count as repeated rows.
    """
    rows, solid = model.rows, model.solid
    score = model.likelihood.scores(model.summit.seen, clusters.code, clusters.n)
    if rows.weight_kind == "frequency" and clusters.n == rows.n:
        score = score / np.sqrt(rows.counts)[:, None]
    moved = score[:, solid] @ model.covariance[np.ix_(solid, solid)]
    out = np.full_like(model.covariance, np.nan)
    out[np.ix_(solid, solid)] = moved.T @ moved
    return out


def no_variance(model: Model, clusters: Clusters) -> dict[int, Message]:
    """Return the parameters whose robust variance cannot be estimated, and why."""
    found: dict[int, Message] = {}
    if clusters.n <= 2:
        return dict.fromkeys(range(model.p), message("survival.two_clusters", n_clusters=clusters.n))
    for at, block in zip(model.starts, model.blocks, strict=True):
        ones = int(block.constant)
        found |= {at + ones + k: why for k, why in without_variance(block.design.matrix, clusters).items()}
    return found


def coefficients(
    model: Model, covariance: np.ndarray, unknown: dict[int, Message], conf_level: float
) -> pd.DataFrame:
    """Return the table.

    Parameters
    ----------
    model : Model
    covariance : float array, shape (p, p)
        The one to be reported, in the units of the search.
    unknown : mapping of int to Message
        Parameters without a variance, and why.
    conf_level : float
    """
    named = model.names()
    reasons = _reasons(model)
    variance = np.diag(model.in_units(covariance)).copy()
    # A variance lost to rounding is none.
    variance[variance < 0] = np.nan
    for k in unknown:
        variance[k] = np.nan
    estimate = model.estimate.copy()
    for k in range(model.p):
        if reasons[k] is not None:
            estimate[k] = variance[k] = np.nan
        elif k in unknown:
            reasons[k] = unknown[k]
        elif np.isnan(variance[k]):
            reasons[k] = message("survival_families.flat")
    for k, reason in _emptied(model, np.sqrt(variance)).items():
        if reasons[k] is None:
            reasons[k] = reason
            estimate[k] = variance[k] = np.nan
    error, z = np.sqrt(variance), z_value(conf_level)
    n, n_event = _sizes(model)
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        statistic = estimate / error
    return pd.DataFrame({
        "part": [part for part, _ in named],
        "term": [term for _, term in named],
        "estimate": estimate,
        "std_error": error,
        "statistic": statistic,
        "p_value": two_sided_p(statistic),
        "conf_low": estimate - z * error,
        "conf_high": estimate + z * error,
        "conf_level": conf_level,
        "n": n,
        "n_event": n_event,
        "status": ["ok" if reason is None else "not_estimable" for reason in reasons],
        "reason": reasons,
    })  # fmt: skip


def _emptied(model: Model, error: np.ndarray) -> dict[int, Message]:
    """Return the parameters of which nothing is left to tell once others have run away, and why.

    On the scale of logarithms, per standard deviation, an error of 30 says that any ratio a person could name is possible.
    """
    if not model.lost:
        return {}
    running = [model.names()[k][1] for k in sorted(model.drifting())]
    wide = np.flatnonzero(error * model.typical() > _NOTHING)
    return {int(k): message("survival.emptied", others=running) for k in wide}


def said_of(model: Model, clusters: Clusters | None) -> list[Message]:
    """Return what the fit must say about itself."""
    rows = model.rows
    said = []
    references = {c: v for block in model.blocks for c, v in block.design.references.items()}
    if references:
        said.append(message("survival.reference", levels=[f"{c} = {v}" for c, v in references.items()]))
    named = model.names()
    running = [named[k] for k in sorted(model.drifting())]
    if model.lost and running != [("cured", "(Intercept)")]:
        said.append(message("survival.separation", terms=[term for _, term in running]))
    if clusters is None:
        if rows.id is not None and pd.Series(rows.id[rows.ended]).duplicated().any():
            said.append(message("survival.repeated_events"))
    else:
        said += clustered(clusters.name, clusters.n)
    between = int(rows.counts[rows.ended & ~rows.exact].sum())
    if between:
        said.append(message("survival_families.between", n=Headcount(between)))
    n_events = round(float(rows.counts[rows.ended].sum()))
    if n_events < 10 * len(model.solid):
        said.append(message("survival.few_events", n_events=Headcount(n_events), n_terms=len(model.solid)))
    return said


def _reasons(model: Model) -> list[Message | None]:
    reasons: list[Message | None] = [None] * model.p
    named = model.names()
    for k, others in model.aliases.items():
        terms = [named[j][1] for j in others if j >= 0]
        reasons[k] = message("survival.aliased", others=terms) if terms else _constant(model, k)
    for k, way in model.drifting().items():
        if k not in model.aliases:
            part = "cured" if named[k][0] == "cured" and named[k][1] == "(Intercept)" else "endless"
            reasons[k] = message(f"survival_families.{part}_{'up' if way > 0 else 'down'}")
    return reasons


def _constant(model: Model, k: int) -> Message:
    for at, block in zip(model.starts, model.blocks, strict=True):
        column = k - at - int(block.constant)
        if 0 <= column < len(block.scale):
            return message("survival.constant", value=float(block.design.matrix[0, column]))
    return message("survival_families.flat")


def _sizes(model: Model) -> tuple[np.ndarray, np.ndarray]:
    """Return people and events behind each parameter: those with the value 1 for a yes/no column, all otherwise."""
    rows = model.rows
    n, n_event = np.empty(model.p), np.empty(model.p)
    (n[:],), (n_event[:],) = sizes(np.ones((rows.n, 1)), rows.ended, rows)
    for at, block in zip(model.starts, model.blocks, strict=True):
        place = slice(at + int(block.constant), at + len(block.terms))
        n[place], n_event[place] = sizes(block.design.matrix, rows.ended, rows)
    return n, n_event


def _distance(model: Model) -> float:
    """Return how far the maximum still is, in standard errors: what certifies that it was found."""
    slope = model.summit.seen.gradient[model.solid]
    squared = slope @ model.covariance[np.ix_(model.solid, model.solid)] @ slope
    return float(np.sqrt(np.maximum(squared, 0.0)))


def glance_of(model: Model, robust: bool) -> dict[str, Any]:
    """Return what is said of a fit in one row."""
    rows = model.rows
    n, n_events = float(rows.counts.sum()), float(rows.counts[rows.ended].sum())
    found, null = model.summit.seen.value, model.null
    df = len(model.solid) + len(model.lost)
    return {
        "n": round(n),
        "n_events": round(n_events),
        "log_likelihood": found,
        "log_likelihood_null": null[0],
        "lr_statistic": np.nan if robust else 2 * (found - null[0]),
        "lr_df": df - null[1],
        "n_parameters": df,
        "aic": 2 * df - 2 * found,
        "bic": np.log(n) * df - 2 * found,
        "family": model.family.name,
        "distance": _distance(model),
        "iterations": model.summit.steps,
    }
