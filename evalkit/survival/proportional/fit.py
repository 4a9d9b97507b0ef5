"""Cox's proportional hazards: who meets an exit sooner, other characteristics being equal.

Not a comparison of shares: with competing exits a hazard ratio is about the rate among those still there.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from evalkit.disclosure import Headcount
from evalkit.errors import InputError
from evalkit.formula import Design, design
from evalkit.numerics.normal import two_sided_p, z_value
from evalkit.spells import pseudonym
from evalkit.survival.core.sample import accept, cause_of_interest, caveats, label_of, levels
from evalkit.survival.core.slots import place
from evalkit.survival.proportional.newton import Maximum, maximise
from evalkit.survival.proportional.partial import Likelihood
from evalkit.survival.proportional.result import CoxFit, Fitted
from evalkit.survival.proportional.robust import find_clusters, sandwich, without_variance
from evalkit.timetoevent import TimeToEvent
from evalkit.wording import Message, message

TIES = ("efron", "breslow")
#: Rows of the subsample that tells a large fit where to begin.
_WARM = 8192


def cox(
    tte: TimeToEvent,
    formula: str,
    ties: str = "efron",
    strata: str | Sequence[str] | None = None,
    cluster: str | None = None,
    robust: bool = False,
    of: str | None = None,
    missing: str = "error",
    conf_level: float = 0.95,
) -> CoxFit:
    """Fit a proportional-hazards model.

    Parameters
    ----------
    tte : TimeToEvent
        Delayed entry and (start, stop] rows included.
    formula : str
        Right-hand side: see `evalkit.formula`.
    ties : {"efron", "breslow"}
    strata : str or list of str, optional
        Covariates, each combination with a baseline of its own; the strata of `tte` otherwise.
    cluster : str, optional
        Covariate (or ``"id"``) whose groups are independent: robust variance.
    robust : bool
        Robust variance with each person (or row, without ids) on its own. Required with sampling weights, unless clustered.
    of : str, optional
        The cause, or ``"any exit"``; the event of interest otherwise. Other exits are censored: cause-specific hazards.
    missing : {"error", "drop"}
        What to do with rows that lack a covariate; those dropped are counted and named (pseudonyms) in the caveats.
    conf_level : float

    Returns
    -------
    CoxFit
        One row per term: log hazard ratio, std_error, statistic, p_value, bounds. Constant, aliased and separated terms are
        "not_estimable", with the reason; the others are fitted.

    Raises
    ------
    InputError
        No event; missing values; sampling weights without a robust variance; a formula that is not allowed.

    Notes
    -----
    Cox (1972), Efron's (1977) likelihood for ties, observed information, Wald tests; equal to R's ``coxph``, except that frequency
    weights count people in ties too (as if rows were repeated).

    Examples
    --------
    >>> people = pd.DataFrame({"helped": [1, 0, 1, 0, 1, 0, 0, 1]})
    >>> tte = TimeToEvent(time=[9, 2, 7, 4, 12, 3, 8, 5], cause=[1, 1, 1, 1, 0, 1, 1, 1], causes=("relapse",), covariates=people)
    >>> cox(tte, "helped").tidy(exponentiate=True)[["term", "estimate"]].round(3).to_numpy().tolist()
    [['helped', 0.241]]
    """
    tte = accept(tte, "cox")
    if ties not in TIES:
        raise InputError(f"ties: must be one of {', '.join(TIES)}, but was {ties!r}")
    if tte.weight_kind == "sampling" and cluster is None and not robust:
        raise InputError(
            "cox: with sampling weights the model's own standard errors are wrong; say robust=True, or name the clusters"
        )
    of = tte.causes[0] if of is None else of
    made = design(formula, tte.covariates, missing)
    said = caveats(tte, repeated=False) + _left_out(tte, made)
    if not made.kept.all():
        tte = tte.subset(made.kept)
    exits, event, _ = cause_of_interest(tte, of, "cox")
    if not exits.any():
        raise InputError(
            f"cox: no event ({of}) among {tte.n} rows; without an event no hazard can be compared"
        )
    strata_names, names, stratum = _strata(tte, strata)
    frequency = tte.weight_kind == "frequency"
    slots = place(tte.time, exits > 0, tte.entry, stratum if len(names) > 1 else None)
    matrix, centre, scale = _prepared(made.matrix)
    likelihood = Likelihood.of(matrix, slots, exits > 0, tte.weight, frequency, centre, ties)
    start = _warm_start(tte, exits, stratum, matrix, centre, scale, ties)
    top = maximise(likelihood, scale, lambda step: _spread(matrix, step), start)
    clusters = find_clusters(tte, cluster, robust)
    covariance, unknown = top.covariance, {}
    if clusters is not None:
        unknown = without_variance(made.matrix, clusters)
        alone = frequency and clusters.n == tte.n
        covariance = sandwich(likelihood, top.seen, covariance, clusters, tte.weight if alone else None)
        covariance[list(unknown)] = covariance[:, list(unknown)] = np.nan
        said += _clustered(clusters.name, clusters.n)
    fitted = Fitted(
        likelihood, slots, top, covariance, exits > 0, made, tte, names if strata_names else ((),)
    )
    table = _table(made, top, covariance, unknown, scale, conf_level, tte, exits > 0)
    said += _said(tte, made, top, of, event, strata_names, exits, clusters is None)
    return CoxFit(
        table,
        message("survival.question_cox", event=event, terms=list(made.variables)),
        tuple(said),
        tte.provenance,
        labels=tte.labels,
        fitted=fitted,
        conf_level=conf_level,
        ties=ties,
        robust=clusters is not None,
        strata=tuple(strata_names),
    )


def _strata(
    tte: TimeToEvent, strata: str | Sequence[str] | None
) -> tuple[list[str], tuple[tuple, ...], np.ndarray]:
    if strata is None and tte.stratum is not None:
        tte = tte.with_covariates(pd.DataFrame({"stratum": tte.stratum}))
        strata = "stratum"
    columns, names, code = levels(tte, strata, "strata")
    return list(columns), names, code


def _prepared(matrix: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return the matrix, its centre and its scale; centred beforehand where an offset would eat the digits."""
    n, p = matrix.shape
    centre, scale = np.empty(p), np.empty(p)
    for k in range(p):
        column = matrix[:, k]
        centre[k] = column.mean()
        square = np.dot(column, column) / n - centre[k] ** 2
        if square <= 1e-4 * centre[k] ** 2:
            # An offset has eaten the digits: deviations first. A constant column is found by its range.
            square = 0.0 if column.min() == column.max() else float(np.var(column))
        scale[k] = np.sqrt(square)
    if (np.abs(centre) > 100 * scale).any():
        return np.asfortranarray(matrix - centre), np.zeros(p), scale
    return matrix, centre, scale


def _warm_start(
    tte: TimeToEvent,
    exits: np.ndarray,
    stratum: np.ndarray,
    matrix: np.ndarray,
    centre: np.ndarray,
    scale: np.ndarray,
    ties: str,
) -> np.ndarray | None:
    """Return the coefficients of a small subsample: from there a large fit needs few looks at all rows."""
    every = tte.n // _WARM
    if every < 6:
        return None
    some = slice(None, None, every)
    event = exits[some] > 0
    if event.sum() < 20 * len(scale):
        return None
    entry = None if tte.entry is None else tte.entry[some]
    slots = place(tte.time[some], event, entry, stratum[some] if stratum.any() else None)
    weight = None if tte.weight is None else tte.weight[some]
    x = np.asfortranarray(matrix[some])
    likelihood = Likelihood.of(x, slots, event, weight, tte.weight_kind == "frequency", centre, ties)
    top = maximise(likelihood, scale, lambda step: _spread(x, step))
    # What ran away or could not be told apart in the sample may be fine in the whole.
    return np.where(np.isnan(np.diag(top.covariance)), 0.0, top.beta)


def _spread(matrix: np.ndarray, step: np.ndarray) -> float:
    moved = matrix @ step
    return float(moved.max() - moved.min())


def _table(
    made: Design,
    top: Maximum,
    covariance: np.ndarray,
    unknown: dict[int, Message],
    scale: np.ndarray,
    conf_level: float,
    tte: TimeToEvent,
    event: np.ndarray,
) -> pd.DataFrame:
    z = z_value(conf_level)
    solid = ~np.isnan(np.diag(top.covariance))
    estimate = np.where(solid, top.beta, np.nan)
    error = np.sqrt(np.diag(covariance))
    reasons: list[Message | None] = [None] * len(made.terms)
    for k in range(len(made.terms)):
        if scale[k] == 0:
            reasons[k] = message("survival.constant", value=float(made.matrix[0, k]))
        elif k in top.aliased:
            others = [made.terms[j] for j in top.aliased[k]]
            reasons[k] = (
                message("survival.aliased", others=others) if others else message("survival.constant_at_risk")
            )
        elif k in top.runaway:
            reasons[k] = message(f"survival.monotone_{'up' if top.runaway[k] > 0 else 'down'}")
        elif k in unknown:
            reasons[k] = unknown[k]
    n, n_event = _sizes(made.matrix, event, tte)
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
    })  # fmt: skip


def _sizes(matrix: np.ndarray, event: np.ndarray, tte: TimeToEvent) -> tuple[np.ndarray, np.ndarray]:
    """Return people and events behind each term: those with the value 1 for a yes/no term, all for a number."""
    count = tte.weight if tte.weight is not None and tte.weight_kind == "frequency" else np.ones(tte.n)
    # Of a person with several rows only the first with the value counts.
    who = None if tte.id is None or pd.Index(tte.id).is_unique else pd.Series(tte.id)
    p = matrix.shape[1]
    n = np.full(p, count.sum() if who is None else count[~who.duplicated().to_numpy()].sum())
    n_event = np.full(p, count[event].sum())
    for k in range(p):
        column = matrix[:, k]
        if np.isin(column[:1000], (0, 1)).all() and ((column == 0) | (column == 1)).all():
            n_event[k] = (column * count)[event].sum()
            if who is None:
                n[k] = column @ count
            else:
                rows = np.flatnonzero(column)
                n[k] = count[rows[~who.iloc[rows].duplicated().to_numpy()]].sum()
    return n, n_event


def _left_out(tte: TimeToEvent, made: Design) -> list[Message]:
    """Return who was dropped because something is missing, by pseudonym."""
    if made.kept.all():
        return []
    gone = np.flatnonzero(~made.kept)
    people = pd.unique(tte.id[gone]) if tte.id is not None else gone
    shown = [pseudonym(person) for person in people[:10]]
    return [message(
        "survival.dropped_missing", n=Headcount(len(people)), columns=list(made.missing),
        people=", ".join(shown) + (", …" if len(people) > 10 else ""),
    )]  # fmt: skip


def _clustered(name: str, n: int) -> list[Message]:
    if not name:
        return [message("survival.robust")]
    said = [message("survival.clustered", n_clusters=n, cluster=name)]
    return said + ([message("survival.few_clusters", n_clusters=n)] if 2 < n < 30 else [])


def _said(
    tte: TimeToEvent,
    made: Design,
    top: Maximum,
    of: str,
    event: Any,
    strata: list[str],
    exits: np.ndarray,
    independent: bool,
) -> list[Message]:
    """Return what the fit must say about itself."""
    said = []
    if len(tte.causes) > 1 and of != "any exit":
        others = [label_of(tte, c) for c in tte.causes if c != of]
        said.append(message("survival.cause_specific", event=event, others=others))
    if made.references:
        said.append(message("survival.reference", levels=[f"{c} = {v}" for c, v in made.references.items()]))
    if strata:
        said.append(message("survival.stratified", strata=strata))
    if top.runaway:
        said.append(message("survival.separation", terms=[made.terms[k] for k in top.runaway]))
    if independent and tte.id is not None and pd.Series(tte.id[exits > 0]).duplicated().any():
        said.append(message("survival.repeated_events"))
    n_terms = int((~np.isnan(np.diag(top.covariance))).sum())
    n_events = int(exits.sum() if tte.weight_kind != "frequency" else tte.weight[exits > 0].sum())
    if n_events < 10 * n_terms:
        said.append(message("survival.few_events", n_events=Headcount(n_events), n_terms=n_terms))
    return said
