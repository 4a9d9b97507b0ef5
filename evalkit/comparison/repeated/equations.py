"""Generalised estimating equations for people seen at several dates, honest with few people.

Not for what changes within one person: that is the conditional logit or the mixed model.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from evalkit.comparison.core.rows import missing_row, row
from evalkit.comparison.repeated.answer import Repeated, answer
from evalkit.comparison.repeated.estimating import LINKS, NotEstimable, Solved, solve
from evalkit.comparison.repeated.long import Long, independent, people_rows, read_long
from evalkit.comparison.repeated.means import (
    Fit,
    coefficient_rows,
    few_degrees,
    how_columns_repeat,
    mean_rows,
)
from evalkit.disclosure import Headcount
from evalkit.errors import InputError
from evalkit.numerics.arguments import level, one_of
from evalkit.numerics.clustered import sandwich
from evalkit.numerics.separation import recession
from evalkit.provenance import Provenance
from evalkit.wording import Message, message

#: Name of each covariance, and its label's key.
COVARIANCES = ("CR2", "KC", "CR3", "CR0")
_WORKING = ("independence", "exchangeable", "ar1")
_WORDS = ("CR2", "KC", "CR3", "CR0", "hotelling", "all_levels", "dispersion", "correlation", "working")


def gee(
    data: Any,
    outcome: str,
    formula: str,
    *,
    person: str,
    time: str | None = None,
    by: str | None = None,
    family: str = "gaussian",
    working: str = "independence",
    covariance: str = "CR2",
    weights: str | None = None,
    conf_level: float = 0.95,
    missing: str = "error",
    provenance: Provenance | None = None,
) -> Repeated:
    """Fit averages over dates for people seen several times, by generalised estimating equations.

    Parameters
    ----------
    data : DataFrame
        Long: one row per person and date. A date at which somebody is not seen has no row, or no outcome and ``missing="drop"``.
    outcome : str
        Column of numbers, of 0 and 1, or of counts.
    formula : str
        Right-hand side: ``"C(month)"``, ``"month * treated + age"``.
    person : str
        Column of identifiers.
    time : str, optional
        Column of dates (numbers, text, dates). When the formula uses it: means at each date and changes from the first.
    by : str, optional
        Column of groups that the formula uses: means and changes for each group.
    family : {"gaussian", "binomial", "poisson"}
        Links are identity, logit and log.
    working : {"independence", "exchangeable", "ar1"}
        How rows of one person are taken to go together; the standard errors do not rest on it. "ar1" needs `time` and counts
        dates by their order, gaps included.
    covariance : {"CR2", "KC", "CR3", "CR0"}
        Bell and McCaffrey's correction (default), Kauermann and Carroll's, Mancl and DeRouen's, or the classic sandwich, too
        small with few people. Degrees of freedom are Satterthwaite's for each.
    weights : str, optional
        Column: how much each row counts.
    conf_level : float
    missing : {"error", "drop"}
    provenance : Provenance, optional
        Default: records of real people.

    Returns
    -------
    Repeated
        Rows by ``term``, ``part``, ``method`` and ``time``:

        - each coefficient (of logit and log models the logarithm of a ratio: ``tidy(exponentiate=True)``), and a joint test of
          each term with several columns;
        - ``mean`` at each date: everybody put at that date, each person counted once; ``change_from_first``: its difference
          from the first date, p-values adjusted together (Holm); of logit and log models the ratio to the first date as well;
        - the working ``correlation`` and ``dispersion``; who was seen when, and in which pattern.

    Raises
    ------
    InputError
        Unknown arguments or columns, missing values unless dropped, a person twice at a date, outcomes that are none of the
        family.

    References
    ----------
    Liang & Zeger (1986), Biometrika 73:13; Kauermann & Carroll (2001), Journal of the American Statistical Association
    96:1387; Mancl & DeRouen (2001), Biometrics 57:126; Pustejovsky & Tipton (2018), Journal of Business & Economic Statistics
    36:672.

    Examples
    --------
    >>> import pandas as pd
    >>> people = pd.DataFrame({"who": [k for k in range(12) for _ in (0, 6)], "month": [0, 6] * 12,
    ...                        "score": [3, 4, 5, 5, 2, 4, 6, 7, 4, 4, 3, 5, 5, 6, 4, 6, 2, 2, 3, 4, 5, 7, 4, 5]})
    >>> fit = gee(people, "score", "C(month)", person="who", time="month")
    >>> fit.tidy().loc[1, ["estimate", "std_error", "df"]].astype(float).round(3).tolist()
    [1.083, 0.229, 11.0]
    """
    one_of(family, LINKS, "family")
    one_of(working, _WORKING, "working")
    one_of(covariance, COVARIANCES, "covariance")
    conf_level = level(conf_level)
    if working == "ar1" and time is None:
        raise InputError(
            "gee: working='ar1' needs time=, the column that says how far apart two rows of a person are"
        )
    also = [by] if by is not None else []
    rows = read_long(data, outcome, formula, "gee", person, time, weights, family, missing, also=also)
    if by is not None and by not in rows.design.variables:
        raise InputError(
            f"gee: by={by!r} must stand in the formula {formula!r}, or the groups would not differ"
        )
    caveats = [*rows.caveats, *_unbalanced(rows)]
    fit, extra = None, []
    kept = independent(rows.x)
    gone, left = _separated(rows, kept, family)
    if gone.any():
        caveats.append(message("comparison_repeated.explained", n=Headcount(int((~left).sum()))))
    reason: Message | None = None
    try:
        if not left.any():
            raise NotEstimable(message("comparison_repeated.all_separated"))
        solid = _solid(rows, kept, gone, left)
        solved = solve(
            rows.x[left][:, solid],
            rows.y[left],
            rows.weight[left],
            rows.person[left],
            rows.time[left],
            family,
            working,
        )
        fit = _fit(rows, solved, solid, gone, left, family, covariance, conf_level)
        extra = _working_rows(solved, working, rows)
    except NotEstimable as none:
        reason = none.reason
    made: list[dict] = []
    if fit is None:
        made = [missing_row(t, "", covariance, rows.n_persons, reason) for t in rows.terms]
    else:
        made = coefficient_rows(fit, rows)
        if time is not None and time in rows.design.variables:
            made += mean_rows(fit, rows, time, by)
            caveats.append(
                message("comparison_repeated.holm", n=sum(r["term"] == "change_from_first" for r in made))
            )
    caveats += few_degrees(made)
    if covariance == "CR0" and rows.n_persons < 40:
        caveats.append(message("comparison_repeated.classic_small", persons=Headcount(rows.n_persons)))
    return answer(
        [*made, *extra, *people_rows(rows)],
        message("comparison_repeated.question_gee", outcome=outcome),
        [message("comparison_repeated.not_an_effect"), *caveats],
        _WORDS,
        link=LINKS[family],
        provenance=provenance,
        data=rows.frame,
        function="gee",
        about={
            "n": len(rows.y), "n_persons": rows.n_persons, "n_dates": len(rows.times), "family": family, "working": working,
            "covariance": covariance, "conf_level": conf_level,
        },
    )  # fmt: skip


def _unbalanced(rows: Long) -> list[Message]:
    seen = rows.per_person()
    if seen.max() == 1:
        return [message("comparison_repeated.once_each")]
    most = len(rows.times) or int(seen.max())
    fewer = int((seen < most).sum())
    return (
        [message("comparison_repeated.missing_dates", n=Headcount(fewer), persons=Headcount(len(seen)))]
        if fewer
        else []
    )


def _separated(rows: Long, kept: np.ndarray, family: str) -> tuple[np.ndarray, np.ndarray]:
    """Return which columns have no finite estimate, and which rows are not explained perfectly by them."""
    gone, left = np.zeros(len(kept), dtype=bool), np.ones(len(rows.y), dtype=bool)
    if family == "gaussian":
        return gone, left
    x = rows.x[:, kept]
    if family == "binomial":
        apart, direction = recession(x * np.where(rows.y > 0, 1.0, -1.0)[:, None])
    else:
        apart, direction = recession(-x[rows.y == 0], x[rows.y > 0])
    gone[np.flatnonzero(kept)[apart]] = True
    if gone.any():
        along = np.abs(x @ direction)
        left = along <= 1e-6 * along.max()
    return gone, left


def _solid(rows: Long, kept: np.ndarray, gone: np.ndarray, left: np.ndarray) -> np.ndarray:
    """Return the columns to fit: those with a finite estimate, then separated ones that still tell rows apart."""
    order = np.r_[np.flatnonzero(kept & ~gone), np.flatnonzero(gone)]
    return order[independent(rows.x[left][:, order])]


def _fit(
    rows: Long, solved: Solved, solid: np.ndarray, gone: np.ndarray, left: np.ndarray, family: str, covariance: str,
    conf_level: float,
) -> Fit:  # fmt: skip
    robust = sandwich(
        solved.derivative,
        solved.residual,
        rows.person[left],
        coef=solved.beta * solved.size / solved.unit,
        kind=covariance,
        weight=solved.blocks,
        scale=solved.magnitude,
    )
    beta = np.full(len(rows.terms), math.nan)
    beta[solid] = solved.beta
    beta[gone] = math.nan
    repeats = how_columns_repeat(rows.x[left], solid)
    return Fit(beta, solid, gone, repeats, robust, solved.size, solved.unit, family, covariance, conf_level)


def _working_rows(solved: Solved, working: str, rows: Long) -> list[dict]:
    made = [row("dispersion", method="working", estimate=solved.scale, n=rows.n_persons)]
    if working != "independence":
        made.append(row("correlation", method="working", estimate=solved.correlation, n=rows.n_persons))
    return made
