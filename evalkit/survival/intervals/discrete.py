"""Discrete-time hazards: the share that meets an exit within each whole period, by characteristics.

Not for exact days when there are many periods and few people: `cox` needs no baseline there.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from evalkit.disclosure import Headcount
from evalkit.errors import InputError
from evalkit.formula import Design, design
from evalkit.numerics.normal import two_sided_p, z_value
from evalkit.survival.core.sample import accept, cause_of_interest, caveats
from evalkit.survival.curves.readings import both, unit_name
from evalkit.survival.intervals.binomial import LINKS, Binomial, maximum_of, robust_covariance
from evalkit.survival.intervals.discrete_result import DiscreteFit, FittedPeriods
from evalkit.survival.intervals.periods import Cells, Runs, runs_of
from evalkit.survival.proportional.newton import Maximum
from evalkit.survival.proportional.robust import Clusters, find_clusters, without_variance
from evalkit.survival.proportional.table import clustered, left_out, said_of, sizes
from evalkit.timetoevent import TimeToEvent
from evalkit.wording import Message, message

BASELINES = ("free", "constant", "linear", "quadratic", "cubic", "log")
PARTIAL = ("leave_out", "count")


def discrete_hazard(
    tte: TimeToEvent,
    formula: str,
    period: float = 30.0,
    link: str = "logit",
    baseline: str = "free",
    partial: str = "leave_out",
    pool: bool = False,
    cluster: str | None = None,
    robust: bool = False,
    of: str | None = None,
    missing: str = "error",
    conf_level: float = 0.95,
) -> DiscreteFit:
    """Fit the share that meets an exit within each period, among those there when it begins.

    Parameters
    ----------
    tte : TimeToEvent
        Delayed entry and (start, stop] rows included: a period belongs to the row in force when it begins.
    formula : str
        Right-hand side: see `evalkit.formula`.
    period : float
        Length, in the unit of `tte`. Period 1 is (0, period], day 0 included.
    link : {"logit", "cloglog"}
        "logit": odds ratios within a period. "cloglog": the hazard ratios of a proportional-hazards model of which only the periods
        are observed (Prentice & Gloeckler 1978).
    baseline : {"free", "constant", "linear", "quadratic", "cubic", "log"}
        A level of its own for each period, or a function of the period's number.
    partial : {"leave_out", "count"}
        A period cut by censoring or by late entry: left out, or counted as if seen whole (R's ``survSplit``). Left out it is also
        where the event came in it after a late entry; an event before any cut always counts.
    pool : bool
        With "free": a period without an event shares the level of the next one, instead of being left at 0.
    cluster : str, optional
        Covariate (or ``"id"``) whose groups are independent: robust variance.
    robust : bool
        Robust variance with each person (or row, without ids) on its own. Required with sampling weights, unless clustered.
    of, missing, conf_level
        As in `cox`. Other exits are "no event" in their period and end the risk: cause-specific hazards.

    Returns
    -------
    DiscreteFit
        ``part = "effect"``: one row per term, on the scale of the link. ``part = "baseline"``: the levels, for people at 0. Constant,
        aliased and separated terms, and periods without an event, are "not_estimable", with the reason; the others are fitted.

    Raises
    ------
    InputError
        No event in a period that counts; strata (put them in the formula); sampling weights without a robust variance; whatever `cox`
        refuses.

    Notes
    -----
    Binomial likelihood of person-periods, expected information: equal to R's ``glm(binomial)`` on rows made by ``survSplit`` with
    ``partial = "count"``. Rows are not multiplied: people are counted by characteristics and period.

    Examples
    --------
    >>> people = pd.DataFrame({"helped": [1, 0, 1, 0, 1, 0, 0, 1]})
    >>> tte = TimeToEvent(time=[90, 20, 70, 40, 90, 30, 80, 50], cause=[0, 1, 1, 1, 0, 1, 1, 1], causes=("exit",), covariates=people)
    >>> fit = discrete_hazard(tte, "helped", baseline="constant")
    >>> fit.tidy()[["part", "term", "estimate"]].round(3).to_numpy().tolist()
    [['effect', 'helped', -1.792], ['baseline', 'constant', 0.288]]
    """
    tte = accept(tte, "discrete_hazard")
    _refuse_arguments(tte, period, link, baseline, partial, cluster is not None or robust)
    of = tte.causes[0] if of is None else of
    made = design(formula, tte.covariates, missing)
    said = caveats(tte, repeated=False) + left_out(tte, made)
    if not made.kept.all():
        tte = tte.subset(made.kept)
    exits, event, _ = cause_of_interest(tte, of, "discrete_hazard")
    runs = runs_of(tte, exits > 0, period, partial)
    if not runs.event.any():
        raise InputError(
            f"discrete_hazard: no event ({of}) in a period that counts, among {tte.n} rows"
            + (
                f"; {runs.lost} are in periods left out: say partial='count', or take shorter periods"
                if runs.lost
                else ""
            )
        )
    clusters = find_clusters(tte, cluster, robust)
    weight = np.ones(tte.n) if tte.weight is None else tte.weight
    matrix, centre = _centred(made.matrix)
    cells = Cells.of(matrix, runs, weight, None if clusters is None else clusters.code)
    z, names, used = _levels(cells, baseline, pool)
    likelihood = Binomial(cells, z, used, link)
    top = maximum_of(likelihood, matrix)
    covariance, unknown = top.covariance, {}
    if clusters is not None:
        unknown = without_variance(made.matrix, clusters)
        alone = tte.weight_kind == "frequency" and clusters.n == tte.n
        covariance = robust_covariance(likelihood, top, clusters, weight if alone else None)
    beta, covariance = _uncentred(top.beta, covariance, z.shape[1], centre, baseline == "free")
    fitted = FittedPeriods(
        made,
        beta,
        covariance,
        z,
        used,
        cells.totals(),
        likelihood.look(top.beta).log_likelihood,
        link,
        period,
    )
    table = pd.concat([
        _effects(made, top, beta, covariance, unknown, conf_level, sizes(made.matrix, runs.event, tte)),
        _baseline(fitted, names, baseline, conf_level, [_lost(top, k, made, z.shape[1]) for k in range(z.shape[1])]),
    ], ignore_index=True)  # fmt: skip
    said += _about_periods(tte, fitted, runs, partial, link, baseline, pool, clusters)
    said += said_of(
        tte, made, _without_baseline(top, z.shape[1]), of, event, [], runs.event.astype(int), clusters is None
    )
    words = {"effect": "part_effect", "baseline": "part_baseline", "constant": "constant"}
    return DiscreteFit(
        table,
        message(
            "survival_intervals.question_discrete",
            event=event,
            terms=list(made.variables),
            period=period,
            unit=unit_name(tte.unit, period),
        ),
        tuple(said),
        tte.provenance,
        labels={**tte.labels, **{code: both(f"survival_intervals.{word}") for code, word in words.items()}},
        fitted=fitted,
        conf_level=conf_level,
        link=link,
        unit=tte.unit,
        robust=clusters is not None,
        event=event,
    )


def _refuse_arguments(
    tte: TimeToEvent, period: float, link: str, baseline: str, partial: str, robust: bool
) -> None:
    for name, value, known in (
        ("link", link, LINKS),
        ("baseline", baseline, BASELINES),
        ("partial", partial, PARTIAL),
    ):
        if value not in known:
            raise InputError(f"{name}: must be one of {', '.join(known)}, but was {value!r}")
    if not (np.isfinite(period) and period > 0):
        raise InputError(f"period: must be a positive length, but was {period}")
    if tte.time.max() / period > 10_000:
        raise InputError(
            f"period: {period:g} {tte.unit}s cuts {tte.time.max():g} into more than 10,000 periods; take longer ones, or cox for "
            "exact times"
        )
    if tte.stratum is not None:
        raise InputError(
            "discrete_hazard: the times have strata, for which it has no baseline of their own; "
            "put the stratum in the formula"
        )
    if tte.weight_kind == "sampling" and not robust:
        raise InputError(
            "discrete_hazard: with sampling weights the model's own standard errors are wrong; say robust=True, or name the clusters"
        )


def _centred(matrix: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the matrix around the means of its columns: a large offset would eat the digits of the baseline."""
    centre = matrix.mean(axis=0)
    return matrix - centre, centre


def _levels(cells: Cells, baseline: str, pool: bool) -> tuple[np.ndarray, list[str], np.ndarray]:
    """Return what each period's predictor is made of, the names of the columns, and which periods inform.

    With a free baseline a period in which nobody, or everybody, meets the event has its level at infinity: it leaves the fit, exactly.
    """
    at_risk, met = cells.totals()
    number = np.arange(1, cells.n_periods + 1, dtype=float)
    if baseline != "free":
        degree = {"constant": 0, "linear": 1, "quadratic": 2, "cubic": 3, "log": 1}[baseline]
        clock = np.log(number) if baseline == "log" else number
        names = [
            "constant",
            *(("log(period)",) if baseline == "log" else ("period", "period^2", "period^3")[:degree]),
        ]
        return np.column_stack([clock**power for power in range(degree + 1)]), names, at_risk > 0
    telling = (met > 0) & (met < at_risk)
    levels = np.flatnonzero(telling)
    if not len(levels):
        raise InputError(
            "discrete_hazard: in no period do some of those at risk meet the event and others not; take longer periods, or "
            "baseline='constant'"
        )
    z = np.zeros((cells.n_periods, len(levels)))
    z[levels, np.arange(len(levels))] = 1
    used = telling.copy()
    if pool:
        empty = np.flatnonzero((met == 0) & (at_risk > 0))
        z[empty, np.minimum(np.searchsorted(levels, empty), len(levels) - 1)] = 1
        used[empty] = True
    return z, [str(k + 1) for k in levels], used


def _uncentred(
    beta: np.ndarray, covariance: np.ndarray, q: int, centre: np.ndarray, free: bool
) -> tuple[np.ndarray, np.ndarray]:
    """Return the coefficients, and their covariance, when columns are not centred: the baseline takes the means up.

    What is not estimated stays out of the baseline.
    """
    turn = np.eye(len(beta))
    known = ~np.isnan(np.diag(covariance))
    # Each level of a free baseline moves by the mean; of a polynomial only the constant.
    moves = np.ones(q) if free else np.eye(q)[0]
    turn[:q, q:] = -np.outer(moves, centre)
    safe = np.where(known[:, None] & known[None, :], covariance, 0.0)
    turned = turn @ safe @ turn.T
    turned[~known] = turned[:, ~known] = np.nan
    return turn @ beta, turned


def _effects(
    made: Design,
    top: Maximum,
    beta: np.ndarray,
    covariance: np.ndarray,
    unknown: dict[int, Message],
    conf_level: float,
    counts: tuple[np.ndarray, np.ndarray],
) -> pd.DataFrame:
    p = len(made.terms)
    q = len(beta) - p
    reasons: list[Message | None] = []
    for k in range(q, q + p):
        column = made.matrix[:, k - q]
        if column.max() == column.min():
            reasons.append(message("survival.constant", value=float(column[0])))
        else:
            reasons.append(_lost(top, k, made, q) or unknown.get(k - q))
    error = np.sqrt(np.diag(covariance))[q:]
    error[list(unknown)] = np.nan
    solid = ~np.isnan(np.diag(top.covariance))[q:]
    return _rows(
        "effect", list(made.terms), np.where(solid, beta[q:], np.nan), error, conf_level, counts, reasons
    )


def _lost(top: Maximum, k: int, made: Design, q: int) -> Message | None:
    """Return why the likelihood tells nothing of a column."""
    if k in top.aliased:
        others = _named(top.aliased[k], made, q)
        return message("survival.aliased", others=others) if others else message("survival.constant_at_risk")
    if k in top.emptied:
        return message("survival.emptied", others=_named(top.emptied[k], made, q))
    return (
        message(f"survival.monotone_{'up' if top.runaway[k] > 0 else 'down'}") if k in top.runaway else None
    )


def _named(columns: list[int], made: Design, q: int) -> list[Any]:
    """Return the names of columns, the levels of the baseline as one."""
    baseline = [message("survival_intervals.the_baseline")] if any(k < q for k in columns) else []
    return [*baseline, *(made.terms[k - q] for k in columns if k >= q)]


def _baseline(
    fitted: FittedPeriods, names: list[str], baseline: str, conf_level: float, lost: list[Message | None]
) -> pd.DataFrame:
    """Return the rows of the baseline: one per period when it is free; `lost` has why a column has no estimate."""
    at_risk, met = fitted.totals
    q = fitted.baseline.shape[1]
    level = np.where([reason is None for reason in lost], fitted.beta[:q], np.nan)
    error = np.sqrt(np.diag(fitted.covariance)[:q])
    if baseline != "free":
        n, n_event = np.full(q, at_risk.max()), np.full(q, met.sum())
        return _rows(
            "baseline",
            names,
            np.where(np.isnan(error), np.nan, level),
            error,
            conf_level,
            (n, n_event),
            lost,
        )
    column = fitted.baseline.argmax(axis=1)
    estimate = np.where(fitted.used, level[column], np.nan)
    reasons: list[Message | None] = []
    for k in range(len(at_risk)):
        if fitted.used[k]:
            own = names[column[k]] == str(k + 1)
            pooled = None if own else message("survival_intervals.pooled", period=names[column[k]])
            reasons.append(lost[column[k]] or pooled)
        elif at_risk[k] == 0:
            reasons.append(message("survival_intervals.nobody"))
        else:
            reasons.append(
                message(
                    "survival_intervals.no_event_in_period"
                    if met[k] == 0
                    else "survival_intervals.all_in_period"
                )
            )
    terms = [str(k + 1) for k in range(len(at_risk))]
    return _rows(
        "baseline",
        terms,
        estimate,
        np.where(fitted.used, error[column], np.nan),
        conf_level,
        (at_risk, met),
        reasons,
    )


def _rows(
    part: str,
    terms: list[str],
    estimate: np.ndarray,
    error: np.ndarray,
    conf_level: float,
    counts: tuple[np.ndarray, np.ndarray],
    reasons: list[Message | None],
) -> pd.DataFrame:
    # No spread is no knowledge: one cluster, one row.
    error = np.where(error > 0, error, np.nan)
    half = z_value(conf_level) * error
    return pd.DataFrame({
        "part": part, "term": terms, "estimate": estimate, "std_error": error, "statistic": estimate / error,
        "p_value": two_sided_p(estimate / error) if part == "effect" else np.full(len(terms), np.nan),
        "conf_low": estimate - half, "conf_high": estimate + half, "conf_level": conf_level, "n": counts[0], "n_event": counts[1],
        "status": ["ok" if np.isfinite(e) or r is None else "not_estimable" for e, r in zip(error, reasons, strict=True)],
        "reason": reasons,
    })  # fmt: skip


def _without_baseline(top: Maximum, q: int) -> Any:
    """Return the maximum as the terms alone see it."""
    keep = slice(q, None)
    return Maximum(
        top.beta[keep], top.covariance[keep, keep], top.seen, top.null, top.steps,
        {k - q: [j - q for j in v if j >= q] for k, v in top.aliased.items() if k >= q},
        {k - q: v for k, v in top.runaway.items() if k >= q},
        {k - q: [j - q for j in v if j >= q] for k, v in top.emptied.items() if k >= q},
    )  # fmt: skip


def _about_periods(
    tte: TimeToEvent,
    fitted: FittedPeriods,
    runs: Runs,
    partial: str,
    link: str,
    baseline: str,
    pool: bool,
    clusters: Clusters | None,
) -> list[Message]:
    unit = unit_name(tte.unit, fitted.period)
    said = [message(f"survival_intervals.scale_{link}", period=fitted.period, unit=unit)]
    if partial == "count":
        said.append(message("survival_intervals.partial_counted"))
    elif runs.cut:
        said.append(message("survival_intervals.partial_left_out", n=Headcount(runs.cut)))
        if runs.lost:
            said.append(message("survival_intervals.events_left_out", n=Headcount(runs.lost)))
    at_risk, met = fitted.totals
    empty = [str(k + 1) for k in np.flatnonzero((at_risk > 0) & (met == 0))]
    if baseline == "free" and empty and not pool:
        said.append(message("survival_intervals.empty_periods", periods=empty))
    return said + (clustered(clusters.name, clusters.n) if clusters is not None else [])
