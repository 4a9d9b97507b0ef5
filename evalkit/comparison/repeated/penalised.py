"""Firth's logit as an answer: finite estimates when a column decides the outcome, with profile intervals.

Not for rows of the same people at several dates: rows are taken as independent.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from evalkit.comparison.core.rows import missing_row, row
from evalkit.comparison.repeated.answer import Repeated, answer
from evalkit.comparison.repeated.long import Long, independent, read_long
from evalkit.comparison.repeated.means import least_of
from evalkit.disclosure import Headcount
from evalkit.numerics.arguments import level
from evalkit.numerics.firth import Firth, firth_fit, firth_interval, firth_test
from evalkit.numerics.separation import separated
from evalkit.provenance import Provenance
from evalkit.wording import message

_WORDS = ("firth", "flic", "intercept_for_predictions", "events")


def firth_logit(
    data: Any,
    outcome: str,
    formula: str,
    *,
    weights: str | None = None,
    conf_level: float = 0.95,
    missing: str = "error",
    provenance: Provenance | None = None,
) -> Repeated:
    """Fit a logit penalised by Jeffreys' prior: every estimate is finite, and less biased with few events.

    Parameters
    ----------
    data : DataFrame
        One row per person.
    outcome : str
        Column of 0 and 1.
    formula : str
        Right-hand side: ``"treated + age"``.
    weights : str, optional
        Column: how many people each row stands for.
    conf_level : float
    missing : {"error", "drop"}
    provenance : Provenance, optional
        Default: records of real people.

    Returns
    -------
    Repeated
        Rows by ``term``, logarithms of ratios of odds (ratios: ``tidy(exponentiate=True)``): each coefficient with its penalised
        likelihood-ratio test and profile interval; ``intercept_for_predictions`` (FLIC), with which predicted shares average
        to the share seen; how many rows, how many events. What a plain logit could not have estimated is said.

    Raises
    ------
    InputError
        No such columns, missing values unless dropped, outcomes other than 0 and 1.

    References
    ----------
    Firth (1993), Biometrika 80:27; Heinze & Schemper (2002), Statistics in Medicine 21:2409; Puhr, Heinze, Nold, Lusa &
    Geroldinger (2017), Statistics in Medicine 36:2302, section 2.3 (FLIC).

    Examples
    --------
    >>> import pandas as pd
    >>> people = pd.DataFrame({"helped": [0] * 10 + [1] * 10, "placed": [0] * 6 + [1] * 4 + [1] * 10})
    >>> fit = firth_logit(people, "placed", "helped")
    >>> fit.tidy().loc[1, ["estimate", "p_value"]].astype(float).round(3).tolist()
    [3.412, 0.003]
    """
    conf_level = level(conf_level)
    rows = read_long(data, outcome, formula, "firth_logit", None, None, weights, "binomial", missing)
    kept = independent(rows.x)
    caveats = [message("comparison_repeated.not_an_effect"), *rows.caveats]
    events = int(rows.y.sum())
    rarer = min(events, len(rows.y) - events)
    apart = separated(rows.x[:, kept], rows.y)
    if rarer == 0:
        caveats.append(message("comparison_repeated.firth_all_alike"))
    else:
        terms = [rows.terms[j] for j in np.flatnonzero(kept)[apart] if rows.terms[j] != "constant"]
        caveats += [message("comparison_repeated.firth_separated", terms=terms)] if terms else []
        caveats.append(message("comparison_repeated.firth_bias", n=Headcount(rarer)))
    made = _rows(rows, kept, conf_level)
    return answer(
        [
            *made,
            row("observations", count=len(rows.y), n=rows.n_total),
            row("events", count=events, n=len(rows.y)),
        ],
        message("comparison_repeated.question_firth", outcome=outcome),
        caveats,
        _WORDS,
        link="logit",
        provenance=provenance,
        data=rows.frame,
        function="firth_logit",
        about={"n": len(rows.y), "n_events": events, "conf_level": conf_level},
    )


def _rows(rows: Long, kept: np.ndarray, conf_level: float) -> list[dict]:
    x, y, weight, n = rows.x[:, kept], rows.y, rows.weight, len(rows.y)
    fit = firth_fit(x, y, weight)
    places = dict(zip(np.flatnonzero(kept).tolist(), range(int(kept.sum())), strict=True))
    made = []
    for j, term in enumerate(rows.terms):
        if j not in places:
            reason = message("comparison_repeated.repeats_others", term=term)
            made.append(missing_row(term, "", "firth", n, reason))
            continue
        k = places[j]
        statistic, p = firth_test(fit, x, y, weight, k)
        low, high = firth_interval(fit, x, y, weight, k, conf_level)
        made.append(row(
            term, "", "firth", estimate=float(fit.beta[k]), std_error=float(np.sqrt(fit.covariance[k, k])), statistic=statistic,
            df=1, p_value=p, conf_low=low, conf_high=high, conf_level=conf_level, n=n, least=least_of(rows, j, "binomial"),
        ))  # fmt: skip
    flic = row(
        "intercept_for_predictions", "", "flic", estimate=_flic(fit, x, y, weight), n=n,
        least=least_of(rows, 0, "binomial"),
    )  # fmt: skip
    return [*made, flic] if 0 < y.sum() < n else made


def _flic(fit: Firth, x: np.ndarray, y: np.ndarray, weight: np.ndarray) -> float:
    """Return the intercept that makes predicted shares average to the share seen, the other coefficients as they are."""
    from scipy.optimize import brentq
    from scipy.special import expit

    rest = x[:, 1:] @ fit.beta[1:]
    seen = float(weight @ y)
    gap = lambda a: float(weight @ expit(a + rest)) - seen
    reach = 1.0
    while gap(fit.beta[0] - reach) > 0 or gap(fit.beta[0] + reach) < 0:
        reach *= 2
    return float(brentq(gap, fit.beta[0] - reach, fit.beta[0] + reach, xtol=1e-14))
