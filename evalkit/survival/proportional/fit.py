"""Cox's proportional hazards: who meets an exit sooner, other characteristics being equal.

Not a comparison of shares: with competing exits a hazard ratio is about the rate among those still there.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from evalkit.errors import InputError
from evalkit.formula import design
from evalkit.survival.core.sample import accept, cause_of_interest, caveats, levels
from evalkit.survival.core.slots import place
from evalkit.survival.proportional.columns import prepared, reach
from evalkit.survival.proportional.exact import ExactLikelihood
from evalkit.survival.proportional.firth import penalised_maximum
from evalkit.survival.proportional.fitted import Fitted
from evalkit.survival.proportional.newton import Maximum, maximise, warm
from evalkit.survival.proportional.partial import Likelihood
from evalkit.survival.proportional.penalised import (
    Price,
    about,
    check_penalty,
    priced,
    shrunken,
    without_lasso,
    worded,
)
from evalkit.survival.proportional.result import CoxFit
from evalkit.survival.proportional.robust import find_clusters, sandwich, without_spread, without_variance
from evalkit.survival.proportional.table import clustered, dropped, left_out, said_of, tabulate
from evalkit.timetoevent import TimeToEvent
from evalkit.wording import message

TIES = ("efron", "breslow", "exact")
CONFS = ("wald", "profile")


def cox(
    tte: TimeToEvent,
    formula: str,
    ties: str = "efron",
    strata: str | Sequence[str] | None = None,
    cluster: str | None = None,
    robust: bool = False,
    offset: str | None = None,
    firth: bool = False,
    penalty: float = 0.0,
    l1_ratio: float = 0.0,
    standardise: bool = True,
    of: str | None = None,
    missing: str = "error",
    conf: str | None = None,
    conf_level: float = 0.95,
) -> CoxFit:
    """Fit a proportional-hazards model.

    Parameters
    ----------
    tte : TimeToEvent
        Delayed entry and (start, stop] rows included.
    formula : str
        Right-hand side: see `evalkit.formula`.
    ties : {"efron", "breslow", "exact"}
        "exact": of those at risk, which met the event, given how many did (conditional logistic regression).
    strata : str or list of str, optional
        Covariates, each combination with a baseline of its own; the strata of `tte` otherwise.
    cluster : str, optional
        Covariate (or ``"id"``) whose groups are independent: robust variance.
    robust : bool
        Robust variance with each person (or row, without ids) on its own. Required with sampling weights, unless clustered.
    offset : str, optional
        Covariate added to the log hazard as it is: a coefficient of 1, known beforehand.
    firth : bool
        Firth's penalised likelihood: finite estimates under separation, less bias with few events.
    penalty, l1_ratio : float
        Taken off the log-likelihood: ``penalty * sum(l1_ratio * |b| + (1 - l1_ratio) * b² / 2)``. 0 for `l1_ratio` is a ridge (R's
        ``ridge(theta = penalty)``), 1 a lasso; glmnet's ``lambda`` is `penalty` / n. A lasso has no standard errors.
    standardise : bool
        Whether the penalty is on coefficients per standard deviation of their column (divisor n), as in glmnet.
    of : str, optional
        The cause, or ``"any exit"``; the event of interest otherwise. Other exits are censored: cause-specific hazards.
    missing : {"error", "drop"}
        What to do with rows that lack a covariate; those dropped are counted and named (pseudonyms) in the caveats.
    conf : {"wald", "profile"}, optional
        How intervals and p-values are made; "profile" (of the likelihood, with likelihood-ratio tests) with `firth`, "wald" without.
        Under separation a profile interval has one finite bound.
    conf_level : float

    Returns
    -------
    CoxFit
        One row per term: log hazard ratio, std_error, statistic, p_value, bounds. Constant, aliased and separated terms are
        "not_estimable", with the reason; the others are fitted.

    Raises
    ------
    InputError
        No event; missing values; sampling weights without a robust variance; a formula that is not allowed; options that exclude
        each other.

    Notes
    -----
    Cox (1972), Efron's (1977) likelihood for ties, observed information; equal to R's ``coxph``, except that frequency
    weights count people in ties too (as if rows were repeated). Firth: Heinze & Schemper (2001). With "profile", `statistic` is the
    signed root of the likelihood-ratio statistic.

    Examples
    --------
    >>> people = pd.DataFrame({"helped": [1, 0, 1, 0, 1, 0, 0, 1]})
    >>> tte = TimeToEvent(time=[9, 2, 7, 4, 12, 3, 8, 5], cause=[1, 1, 1, 1, 0, 1, 1, 1], causes=("relapse",), covariates=people)
    >>> cox(tte, "helped").tidy(exponentiate=True)[["term", "estimate"]].round(3).to_numpy().tolist()
    [['helped', 0.241]]
    """
    tte = accept(tte, "cox")
    conf = conf or ("profile" if firth else "wald")
    check_penalty(penalty, l1_ratio, {
        "firth": firth, "conf='profile'": conf == "profile", "robust or clustered variances": robust or cluster is not None,
        "sampling weights": tte.weight_kind == "sampling", "exact ties": ties == "exact",
    })  # fmt: skip
    _check(tte, ties, cluster is not None or robust, firth, conf)
    of = tte.causes[0] if of is None else of
    said = caveats(tte, repeated=False)
    tte, added, gone = _offset(tte, offset, missing)
    made = design(formula, tte.covariates, missing)
    said += gone + left_out(tte, made)
    if not made.kept.all():
        tte, added = tte.subset(made.kept), None if added is None else added[made.kept]
    exits, event, _ = cause_of_interest(tte, of, "cox")
    happened = exits > 0
    if not happened.any():
        raise InputError(
            f"cox: no event ({of}) among {tte.n} rows; without an event no hazard can be compared"
        )
    strata_names, names, stratum = _strata(tte, strata)
    frequency = tte.weight_kind == "frequency"
    slots = place(tte.ticks, happened, tte.entry_ticks, stratum if len(names) > 1 else None)
    matrix, centre, scale = prepared(made.matrix)
    offset_centre = 0.0
    if added is not None:
        # A constant in the offset changes the baseline only; a huge one would eat the digits.
        offset_centre = float(added.mean())
        added = added - offset_centre
    likelihood = Likelihood.of(
        matrix,
        slots,
        happened,
        tte.weight,
        frequency,
        centre,
        "efron" if ties == "efron" else "breslow",
        added,
    )
    if ties == "exact":
        likelihood = ExactLikelihood.of(likelihood, slots, tte.entry is not None)
    price = priced(penalty, l1_ratio, matrix, tte, standardise)
    top = _maximum(likelihood, scale, matrix, firth, price)
    clusters = find_clusters(tte, cluster, robust)
    covariance, unknown = without_lasso(top.covariance, price), {}
    if clusters is not None:
        unknown = without_variance(made.matrix, clusters)
        alone = frequency and clusters.n == tte.n
        covariance = sandwich(likelihood, top.seen, covariance, clusters, tte.weight if alone else None)
        covariance[list(unknown)] = covariance[:, list(unknown)] = np.nan
        unknown |= without_spread(top.covariance, covariance)
    fitted = Fitted(
        likelihood, slots, top, covariance, happened, made, tte, names if strata_names else ((),), formula, clusters,
        stratum if len(names) > 1 else None, offset_centre, firth, price,
    )  # fmt: skip
    table = tabulate(fitted, unknown, scale, conf, conf_level)
    table = worded(table, price)
    said += about(penalty, l1_ratio)
    if clusters is not None:
        said += clustered(clusters.name, clusters.n)
    if firth or conf == "profile":
        said.append(message(f"survival_proportional.{'firth' if firth else 'profile'}"))
    if offset is not None:
        said.append(message("survival_proportional.offset", offset=offset))
    said += said_of(tte, made, top, of, event, strata_names, exits, clusters is None)
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
        offset=offset,
        conf=conf,
    )


def _maximum(
    likelihood: Likelihood | ExactLikelihood,
    scale: np.ndarray,
    matrix: np.ndarray,
    firth: bool,
    price: Price | None,
) -> Maximum:
    """Return the maximum of the likelihood, or of one with a penalty."""
    if price is not None:
        return shrunken(likelihood, scale, price)
    start = warm(likelihood, scale) if isinstance(likelihood, Likelihood) else None
    top = maximise(likelihood, scale, lambda step: reach(matrix, step), start)
    return penalised_maximum(likelihood, top) if firth else top


def _check(tte: TimeToEvent, ties: str, robust: bool, firth: bool, conf: str) -> None:
    """Refuse options that do not exist or exclude each other."""
    if ties not in TIES:
        raise InputError(f"ties: must be one of {', '.join(TIES)}, but was {ties!r}")
    if conf not in CONFS:
        raise InputError(f"conf: must be one of {', '.join(CONFS)}, but was {conf!r}")
    sampling = tte.weight_kind == "sampling"
    if sampling and not robust:
        raise InputError(
            "cox: with sampling weights the model's own standard errors are wrong; say robust=True, or name the clusters"
        )
    if robust and (firth or conf == "profile"):
        raise InputError(
            f"{'firth' if firth else 'conf'}: a profile of the likelihood takes rows as independent, which cluster=, robust=True and "
            "sampling weights say they are not; ask for one or the other"
        )
    if ties == "exact" and (robust or firth):
        raise InputError(
            f"ties: {'Firth estimates' if firth else 'robust standard errors'} are not defined here for exact ties (tied people "
            "are chosen jointly); use ties='efron'"
        )


def _offset(
    tte: TimeToEvent, offset: str | None, missing: str
) -> tuple[TimeToEvent, np.ndarray | None, list]:
    """Return the rows that have an offset, the offset, and who was left out."""
    if offset is None:
        return tte, None, []
    if offset not in tte.covariates:
        have = ", ".join(map(str, tte.covariates.columns)) or "none"
        raise InputError(f"offset: no column {offset!r} among the covariates; they are {have}")
    column = tte.covariates[offset]
    if not pd.api.types.is_numeric_dtype(column):
        raise InputError(f"offset: {offset!r} holds {column.dtype}, not numbers")
    values = column.to_numpy(dtype=float, na_value=np.nan)
    if np.isinf(values).any():
        raise InputError(
            f"offset: {offset!r} is infinite in {int(np.isinf(values).sum())} of {tte.n} rows; mend them"
        )
    known = ~np.isnan(values)
    if known.all():
        return tte, values, []
    if missing != "drop":
        raise InputError(
            f"offset: {offset!r} is missing in {int((~known).sum())} of {tte.n} rows; fill it in, or say missing='drop' to leave "
            "those rows out and have them counted"
        )
    if not known.any():
        raise InputError(f"offset: {offset!r} is missing in every row; nothing is left")
    return tte.subset(known), values[known], dropped(tte, known, [offset])


def _strata(
    tte: TimeToEvent, strata: str | Sequence[str] | None
) -> tuple[list[str], tuple[tuple, ...], np.ndarray]:
    if strata is None and tte.stratum is not None:
        tte = tte.with_covariates(pd.DataFrame({"stratum": tte.stratum}))
        strata = "stratum"
    columns, names, code = levels(tte, strata, "strata")
    return list(columns), names, code
