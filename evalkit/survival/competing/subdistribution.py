"""Fine and Gray's model: who has, in the end, a larger share gone by one exit, the others competing.

Not a model of how fast people leave among those still there: `cox(of=cause)` is, and an evaluator needs both (`cause_specific`).
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

import numpy as np
import pandas as pd

from evalkit.disclosure import Headcount
from evalkit.errors import InputError
from evalkit.formula import Design, design
from evalkit.numerics.normal import two_sided_p, z_value
from evalkit.survival.competing.joining import one_row_each
from evalkit.survival.competing.spread import Look
from evalkit.survival.competing.staying import Part, weighted_likelihood
from evalkit.survival.competing.subfit import FineGrayFit, SubFitted
from evalkit.survival.core.sample import accept, caveats, label_of, levels, refuse_second_exits
from evalkit.survival.proportional.columns import prepared, reach
from evalkit.survival.proportional.newton import Maximum, maximise
from evalkit.survival.proportional.robust import find_clusters, without_spread, without_variance
from evalkit.survival.proportional.table import left_out, sizes
from evalkit.timetoevent import TimeToEvent
from evalkit.wording import Message, message

VARIANCES = ("fine_gray", "robust")
#: Rows of the subsample that tells a large fit where to begin.
_WARM = 8192


def fine_gray(
    tte: TimeToEvent,
    formula: str,
    cause: str | None = None,
    strata: str | Sequence[str] | None = None,
    cluster: str | None = None,
    censoring_by: str | Sequence[str] | None = None,
    variance: str = "fine_gray",
    missing: str = "error",
    conf_level: float = 0.95,
) -> FineGrayFit:
    """Fit a proportional subdistribution hazards model of one exit among several.

    Parameters
    ----------
    tte : TimeToEvent
        Several rows of a person must follow each other without a gap and have the same covariates.
    formula : str
        Right-hand side: see `evalkit.formula`.
    cause : str, optional
        The exit; the event of interest otherwise.
    strata : str or list of str, optional
        Covariates, each combination with a baseline of its own; the strata of `tte` otherwise.
    cluster : str, optional
        Covariate (or ``"id"``) whose groups are independent.
    censoring_by : str or list of str, optional
        Covariates whose combinations have a censoring distribution each (crr's `cengroup`); one for all otherwise.
    variance : {"fine_gray", "robust"}
        The first allows for the estimated censoring distribution. The second takes the weights as known, as R's ``finegray`` with
        ``coxph(cluster = id)``: the one to ask with late entries, for which the first is not known.
    missing : {"error", "drop"}
    conf_level : float

    Returns
    -------
    FineGrayFit
        One row per term: log subdistribution hazard ratio, std_error, statistic, p_value, bounds. Constant, aliased and separated
        terms are "not_estimable", with the reason; the others are fitted.

    Raises
    ------
    InputError
        No such exit; covariates that change; gaps; late entries with ``variance="fine_gray"``; missing values.

    Notes
    -----
    Fine & Gray (1999), ties by Breslow's method: equal to ``cmprsk::crr``. Late entries: Geskus (2011), equal to R's
    ``survival::finegray`` with ``coxph(ties = "breslow")``. After a competing exit a covariate that changes has no value: such
    rows are refused.

    Examples
    --------
    >>> people = pd.DataFrame({"helped": [1, 0, 1, 0, 1, 0, 0, 1]})
    >>> tte = TimeToEvent(time=range(2, 10), cause=[1, 1, 2, 1, 0, 1, 2, 1], causes=("relapse", "death"), covariates=people)
    >>> fine_gray(tte, "helped").tidy(exponentiate=True)[["term", "estimate", "std_error"]].round(3).to_numpy().tolist()
    [['helped', 0.644, 0.803]]
    """
    tte = accept(tte, "fine_gray")
    if variance not in VARIANCES:
        raise InputError(f"variance: must be one of {', '.join(VARIANCES)}, but was {variance!r}")
    cause = tte.causes[0] if cause is None else cause
    if cause not in tte.causes:
        raise InputError(f"cause: must be one of {', '.join(tte.causes)}, but was {cause!r}")
    refuse_second_exits(tte, tte.cause > 0, "fine_gray")
    made = design(formula, tte.covariates, missing)
    said = caveats(tte) + left_out(tte, made)
    if not made.kept.all():
        tte = tte.subset(made.kept)
    tte, matrix = one_row_each(tte, made.matrix)
    made = dataclasses.replace(made, matrix=matrix)
    code = tte.causes.index(cause) + 1
    event = tte.cause == code
    if not event.any():
        raise InputError(
            f"fine_gray: no exit of the kind {cause!r} among {tte.n} rows; without one nothing can be compared"
        )
    if variance == "fine_gray" and tte.entry is not None and (tte.entry > 0).any():
        raise InputError(
            "fine_gray: with late entries the variance that allows for the estimated weights is not known; say "
            "variance='robust', which takes them as given"
        )
    strata_columns, strata_names, part, group_names = _part(tte, code, matrix, strata, censoring_by)
    columns, centre, scale = prepared(part.x)
    part = dataclasses.replace(part, x=columns)
    frequency, n_groups = tte.weight_kind == "frequency", len(group_names)
    likelihood, slots, observation = weighted_likelihood([part], centre, n_groups, frequency)
    start = _warm_start(part, centre, scale, n_groups, frequency)
    top = maximise(likelihood, scale, lambda step: reach(columns, step), start)
    clusters = find_clusters(tte, cluster, True)
    unknown = without_variance(matrix, clusters) if cluster is not None else {}
    look = Look(likelihood, slots, observation, (part,), top.seen)
    alone = tte.weight if frequency and clusters.n == tte.n else None
    fitted = SubFitted(
        look, top, clusters, alone, variance == "fine_gray", event, made, tte,
        tuple(strata_columns), strata_names,
    )  # fmt: skip
    covariance = _covariance(fitted, unknown)
    unknown |= without_spread(top.covariance, covariance)
    table = _table(fitted, covariance, unknown, scale, conf_level, variance)
    said += _said(fitted, cause, cluster, group_names, censoring_by)
    return FineGrayFit(
        table,
        message(
            "survival_competing.question_fine_gray", event=label_of(tte, cause), terms=list(made.variables)
        ),
        tuple(said),
        tte.provenance,
        labels=tte.labels,
        fitted=fitted,
        covariance=covariance,
        conf_level=conf_level,
        variance=variance,
        cause=cause,
    )


def _part(
    tte: TimeToEvent,
    code: int,
    matrix: np.ndarray,
    strata: str | Sequence[str] | None,
    censoring_by: str | Sequence[str] | None,
) -> tuple[list[str], tuple[tuple, ...], Part, tuple[tuple, ...]]:
    """Return the strata (columns and values), the rows as arrays, and the values of the censoring groups."""
    source = tte
    if strata is None and tte.stratum is not None:
        source, strata = tte.with_covariates(pd.DataFrame({"stratum": tte.stratum})), "stratum"
    columns, names, stratum = levels(source, strata, "strata")
    _, group_names, group = levels(tte, censoring_by, "censoring_by")
    entry = tte.entry if tte.entry is not None and (tte.entry > 0).any() else None
    part = Part(
        matrix, tte.time, np.where(tte.cause == code, 1, np.where(tte.cause > 0, 2, 0)), entry, tte.weight,
        stratum if len(names) > 1 else None, group if len(group_names) > 1 else None,
    )  # fmt: skip
    return list(columns), names, part, group_names


def _warm_start(
    part: Part, centre: np.ndarray, scale: np.ndarray, n_groups: int, frequency: bool
) -> np.ndarray | None:
    """Return the coefficients of a small subsample: from there a large fit needs few looks at all rows."""
    every = len(part.time) // _WARM
    if every < 6 or n_groups > 1 or part.entry is not None:
        return None
    some = part.every(every)
    if (some.kind == 1).sum() < 20 * len(scale):
        return None
    likelihood, _, _ = weighted_likelihood([some], centre, n_groups, frequency)
    top = maximise(likelihood, scale, lambda step: float(np.ptp(some.x @ step)))
    return np.where(np.isnan(np.diag(top.covariance)), 0.0, top.beta)


def _covariance(fitted: SubFitted, unknown: dict[int, Message]) -> np.ndarray:
    """Return the covariance of the coefficients, nan for those that have none."""
    solid = np.flatnonzero(~np.isnan(np.diag(fitted.top.covariance)))
    moved = fitted.coefficient_influence[:, solid]
    out = np.full_like(fitted.top.covariance, np.nan)
    out[np.ix_(solid, solid)] = moved.T @ moved
    out[list(unknown)] = out[:, list(unknown)] = np.nan
    return out


def _table(
    fitted: SubFitted,
    covariance: np.ndarray,
    unknown: dict[int, Message],
    scale: np.ndarray,
    conf_level: float,
    variance: str,
) -> pd.DataFrame:
    made, top = fitted.design, fitted.top
    z = z_value(conf_level)
    estimate = np.where(np.isnan(np.diag(top.covariance)), np.nan, top.beta)
    error = np.sqrt(np.diag(covariance))
    reasons = [_reason(made, top, unknown, scale, k) for k in range(len(made.terms))]
    n, n_event = sizes(made.matrix, fitted.event, fitted.tte)
    return pd.DataFrame({
        "term": made.terms,
        "estimate": estimate,
        "std_error": error,
        "statistic": estimate / error,
        "p_value": two_sided_p(estimate / error),
        "conf_low": estimate - z * error,
        "conf_high": estimate + z * error,
        "conf_level": conf_level,
        "n": n,
        "n_event": n_event,
        "status": ["ok" if reason is None else "not_estimable" for reason in reasons],
        "reason": reasons,
        "method": variance,
    })  # fmt: skip


def _reason(
    made: Design, top: Maximum, unknown: dict[int, Message], scale: np.ndarray, k: int
) -> Message | None:
    """Return why a term cannot be estimated, None when it can."""
    if scale[k] == 0:
        return message("survival.constant", value=float(made.matrix[0, k]))
    if k in top.aliased:
        others = [made.terms[j] for j in top.aliased[k]]
        return message("survival.aliased", others=others) if others else message("survival.constant_at_risk")
    # So far out that nothing bends any more, it was running away too.
    direction = top.runaway.get(k, float(top.beta[k]) if np.isnan(top.covariance[k, k]) else 0.0)
    if direction:
        return message(f"survival.monotone_{'up' if direction > 0 else 'down'}")
    return unknown.get(k)


def _said(
    fitted: SubFitted,
    cause: str,
    cluster: str | None,
    groups: tuple[tuple, ...],
    censoring_by: str | Sequence[str] | None,
) -> list[Message]:
    """Return what the fit must say about itself."""
    tte, made, top = fitted.tte, fitted.design, fitted.top
    others = [label_of(tte, c) for c in tte.causes if c != cause]
    said = []
    if others:
        said.append(message("survival_competing.subdistribution", event=label_of(tte, cause), others=others))
    if made.references:
        said.append(message("survival.reference", levels=[f"{c} = {v}" for c, v in made.references.items()]))
    if fitted.strata:
        said.append(message("survival.stratified", strata=list(fitted.strata)))
    if len(groups) > 1:
        columns = [censoring_by] if isinstance(censoring_by, str) else list(censoring_by or [])
        said.append(message("survival_competing.censoring_by", by=columns))
    if top.runaway:
        said.append(message("survival.separation", terms=[made.terms[k] for k in top.runaway]))
    n = fitted.clusters.n
    if cluster is not None:
        said.append(message("survival.clustered", n_clusters=n, cluster=cluster))
        if 2 < n < 30:
            said.append(message("survival.few_clusters", n_clusters=n))
    n_terms = int((~np.isnan(np.diag(top.covariance))).sum())
    n_events = int(fitted.count[fitted.event].sum())
    if n_events < 10 * n_terms:
        said.append(message("survival.few_events", n_events=Headcount(n_events), n_terms=n_terms))
    return said
