"""Shared frailty: a Cox model in which the people of a site, or the episodes of a person, have a common unseen effect.

Not a robust variance: `cox(cluster=)` leaves the dependence alone; here it is measured, and coefficients compare within clusters.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
from scipy import optimize, special

from evalkit.errors import InputError
from evalkit.formula import design
from evalkit.numerics.normal import chi2_p, two_sided_p, z_value
from evalkit.result import KEYS, VALUES
from evalkit.spells import pseudonym
from evalkit.survival.core.sample import accept, cause_of_interest, caveats
from evalkit.survival.core.slots import place
from evalkit.survival.curves.readings import both
from evalkit.survival.proportional.arrow import Arrow, Top
from evalkit.survival.proportional.columns import prepared, reach
from evalkit.survival.proportional.fit import TIES, _strata
from evalkit.survival.proportional.laws import LAWS
from evalkit.survival.proportional.newton import Maximum, maximise
from evalkit.survival.proportional.partial import Likelihood
from evalkit.survival.proportional.robust import Clusters, find_clusters
from evalkit.survival.proportional.shared_result import FrailtyFit
from evalkit.survival.proportional.table import left_out, said_of, sizes
from evalkit.timetoevent import TimeToEvent
from evalkit.wording import Message, message

#: Variances outside of these are 0, or without a limit.
_LEAST, _MOST = 1e-5, 1e3


def frailty(
    tte: TimeToEvent,
    formula: str,
    cluster: str,
    distribution: str = "gamma",
    theta: float | None = None,
    ties: str = "efron",
    strata: str | Sequence[str] | None = None,
    of: str | None = None,
    missing: str = "error",
    conf_level: float = 0.95,
) -> FrailtyFit:
    """Fit a proportional-hazards model with an unseen effect shared by all rows of a cluster.

    Parameters
    ----------
    tte : TimeToEvent
    formula : str
        Right-hand side: see `evalkit.formula`.
    cluster : str
        Covariate whose levels share an effect; ``"id"`` for the episodes of each person.
    distribution : {"gamma", "gaussian"}
        Of the frailty (mean 1), or of its logarithm (mean 0).
    theta : float, optional
        Variance of that law; estimated otherwise.
    ties, strata, of, missing, conf_level
        As in `cox`.

    Returns
    -------
    FrailtyFit
        ``part = "effect"``: one row per term, log hazard ratios within a cluster. ``part = "variance"``: theta, its likelihood-ratio
        test against 0 and its profile interval. `FrailtyFit.frailties` has the clusters' own effects.

    Raises
    ------
    InputError
        Fewer than three clusters; clusters of one person with at most one event (their variance could only be told from the shape
        of the hazard); sampling weights; whatever `cox` refuses.

    Notes
    -----
    Penalised partial likelihood (Therneau & Grambsch 2000, ch. 9); theta maximises the marginal likelihood ("gamma") or solves
    the restricted equation ("gaussian"). Equal to R's ``coxph(... + frailty(sparse = FALSE))``; R's default takes the clusters'
    information as diagonal, which moves standard errors by about 1 / clusters. Theta = 0 is on the boundary: the statistic is 0 half
    of the time, so its p-value is half that of a chi-squared (Self & Liang 1987). Standard errors take theta as known, as in R.

    Examples
    --------
    >>> rng = np.random.default_rng(7)
    >>> site, helped = np.repeat(np.arange(20), 6), np.tile([0, 1], 60)
    >>> pace = np.repeat(rng.gamma(2, 0.5, 20), 6) * np.exp(-0.7 * helped)
    >>> frame = pd.DataFrame({"t": np.ceil(rng.exponential(90 / pace)), "e": 1, "site": site, "helped": helped})
    >>> fit = frailty(TimeToEvent.from_frame(frame, "t", "e"), "helped", cluster="site")
    >>> fit.tidy()[["part", "estimate"]].round(2).to_numpy().tolist()
    [['effect', -0.84], ['variance', 0.42]]
    """
    tte = accept(tte, "frailty")
    _refuse_arguments(tte, distribution, theta, ties, cluster)
    of = tte.causes[0] if of is None else of
    made = design(formula, tte.covariates, missing)
    said = caveats(tte, repeated=False) + left_out(tte, made)
    if not made.kept.all():
        tte = tte.subset(made.kept)
    exits, event, _ = cause_of_interest(tte, of, "frailty")
    if not exits.any():
        raise InputError(
            f"frailty: no event ({of}) among {tte.n} rows; without an event no hazard can be compared"
        )
    clusters = find_clusters(tte, cluster, False)
    _refuse_clusters(tte, clusters, exits > 0)
    strata_names, names, stratum = _strata(tte, strata)
    slots = place(tte.ticks, exits > 0, tte.entry_ticks, stratum if len(names) > 1 else None)
    matrix, centre, scale = prepared(made.matrix)
    parts = (slots, exits > 0, tte.weight, tte.weight_kind == "frequency")
    plain = maximise(Likelihood.of(matrix, *parts, centre, ties), scale, lambda step: reach(matrix, step))
    solid = np.flatnonzero(~np.isnan(np.diag(plain.covariance)))
    # What runs away is held where the plain fit left it, as far out as the likelihood can tell.
    base = matrix[:, list(plain.runaway)] @ plain.beta[list(plain.runaway)]
    kept = np.asfortranarray(matrix[:, solid])
    likelihood = Likelihood.of(kept, *parts, centre[solid], ties, np.zeros(tte.n))
    profile = _Profile(Arrow(likelihood, base, clusters.code, clusters.n), distribution, plain, solid)
    found = profile.best() if theta is None else float(theta)
    top = profile.top(found)
    first, second, spread = (
        profile.arrow.covariance(top)
        if found > 0
        else (plain.covariance[np.ix_(solid, solid)],) * 2 + (np.zeros(clusters.n),)
    )
    table = pd.concat([
        _effects(made, plain, solid, top.beta, first, scale, conf_level, sizes(made.matrix, exits > 0, tte)),
        _variance(profile, found, theta is not None, cluster, conf_level, tte, exits),
    ], ignore_index=True)  # fmt: skip
    said += said_of(tte, made, plain, of, event, strata_names, exits, False)
    said += _about_frailty(tte, clusters)
    words = {"effect": "part_effect", "variance": "part_variance"}
    return FrailtyFit(
        table,
        message(
            "survival_penalties.question_frailty", event=event, terms=list(made.variables), cluster=cluster
        ),
        tuple(said),
        tte.provenance,
        labels={**tte.labels, **{code: both(f"survival_penalties.{word}") for code, word in words.items()}},
        conf_level=conf_level,
        distribution=distribution,
        theta=found,
        clusters=_cluster_table(tte, clusters, top, spread, exits > 0, conf_level),
        likelihoods=(plain.seen.log_likelihood, top.seen.log_likelihood, profile.value(found)),
        null=plain.null,
        second=second,
    )


class _Profile:
    """The fits at every variance asked, each begun where the last one ended."""

    def __init__(self, arrow: Arrow, distribution: str, plain: Maximum, solid: np.ndarray):
        self.arrow, self.law, self.solid = arrow, LAWS[distribution], solid
        self.none = Top(
            plain.beta[solid],
            np.zeros(arrow.n),
            plain.seen,
            arrow.deaths,
            np.zeros(arrow.n),
            plain.seen.log_likelihood,
        )
        self.last = self.none
        self.at_none = self.law.null(plain.seen.log_likelihood, plain.covariance[np.ix_(solid, solid)])

    def top(self, theta: float) -> Top:
        if theta == 0:
            return self.none
        self.last = self.arrow.maximise(self.law.penalty(theta), self.last.beta, self.last.effect)
        return self.last

    def value(self, theta: float) -> float:
        return self.at_none if theta == 0 else self.law.value(self.arrow, self.top(theta), theta)

    def slope(self, log_theta: float) -> float:
        theta = float(np.exp(log_theta))
        return self.law.slope(self.arrow, self.top(theta), theta)

    def best(self) -> float:
        """Return the variance where the slope falls through 0; 0 when it falls all along."""
        low = high = np.log(0.3)
        if self.slope(high) > 0:
            while self.slope(high) > 0:
                low, high = high, high + np.log(4)
                if high > np.log(_MOST):
                    raise InputError(
                        f"frailty: the variance between clusters grows beyond {_MOST:g}; nearly all events are in clusters that have "
                        "little else: look at how the clusters were made"
                    )
        else:
            while self.slope(low) <= 0:
                low, high = low - np.log(4), low
                if low < np.log(_LEAST):
                    return 0.0
        return float(np.exp(optimize.brentq(self.slope, low, high, xtol=1e-11, rtol=1e-13)))

    def bounds(self, found: float, level: float) -> tuple[float, float, float]:
        """Return twice the gain over no frailty, and the variances the likelihood does not reject."""
        peak, best = found, self.value(found)
        if not isinstance(self.law, type(LAWS["gamma"])):
            # The restricted likelihood is highest near, not at, the solution of its equation.
            near = np.log(max(found, 100 * _LEAST))
            fallen = lambda log_theta: -self.value(float(np.exp(log_theta)))
            highest = optimize.minimize_scalar(
                fallen, bounds=(near - 3, near + 3), method="bounded", options={"xatol": 1e-4}
            )
            if -highest.fun > best:
                peak, best = float(np.exp(highest.x)), -float(highest.fun)
        if self.at_none >= best:
            peak, best = 0.0, self.at_none
        # Both bounds are where twice the fall is that of a chi-squared of one degree.
        far = lambda log_theta: (
            2 * (best - self.value(float(np.exp(log_theta)))) - special.ndtri((1 + level) / 2) ** 2
        )
        high = np.log(max(peak, _LEAST))
        while far(high) < 0:
            high += np.log(4)
            if high > np.log(_MOST) + 10:
                return 2 * (best - self.at_none), np.nan, np.nan
        start = np.log(peak) if peak > 0 else high - np.log(4)
        above = float(np.exp(optimize.brentq(far, start, high, xtol=1e-8)))
        below = 0.0
        if 2 * (best - self.at_none) > special.ndtri((1 + level) / 2) ** 2:
            low = np.log(peak)
            while far(low) < 0:
                low -= np.log(4)
            below = float(np.exp(optimize.brentq(far, low, np.log(peak), xtol=1e-8)))
        return 2 * (best - self.at_none), below, above


def _refuse_arguments(
    tte: TimeToEvent, distribution: str, theta: float | None, ties: str, cluster: str
) -> None:
    if distribution not in LAWS:
        raise InputError(f"distribution: must be one of {', '.join(LAWS)}, but was {distribution!r}")
    if ties not in TIES[:2]:
        raise InputError(f"ties: must be one of {', '.join(TIES[:2])}, but was {ties!r}")
    if theta is not None and not 0 < theta <= _MOST:
        raise InputError(f"theta: must lie between 0 and {_MOST:g}, but was {theta}")
    if tte.weight_kind == "sampling":
        raise InputError(
            "frailty: with sampling weights the likelihood of a shared effect is not defined here; use cox(cluster=) with the weights"
        )
    if tte.weight is not None and cluster == "id":
        raise InputError(
            "frailty: a row that counts for several people cannot share one person's effect; repeat the rows instead"
        )
    if cluster in KEYS or cluster in VALUES:
        raise InputError(f"cluster: {cluster!r} is the name of a column of results; rename the covariate")


def _refuse_clusters(tte: TimeToEvent, clusters: Clusters, event: np.ndarray) -> None:
    if clusters.n < 3:
        raise InputError(
            f"cluster: {clusters.name!r} has {clusters.n} levels; the variance of an effect shared within them cannot be told from so "
            "few. Put the cluster in the formula or in strata"
        )
    people = _people(tte, clusters)
    weight = np.ones(tte.n) if tte.weight is None else tte.weight
    events = np.bincount(clusters.code[event], weight[event], clusters.n)
    if not (np.maximum(people, events) > 1).any():
        raise InputError(
            f"cluster: each of the {clusters.n} levels of {clusters.name!r} holds one person with at most one event. Nothing is "
            "shared: a variance could be told only from how hazard ratios fade with time. Use cox, or clusters of several people"
        )


def _people(tte: TimeToEvent, clusters: Clusters) -> np.ndarray:
    """Return the people in each cluster."""
    if tte.id is None:
        return np.bincount(clusters.code, tte.weight if tte.weight_kind == "frequency" else None, clusters.n)
    first = ~pd.DataFrame({"cluster": clusters.code, "person": tte.id}).duplicated().to_numpy()
    weight = None if tte.weight is None else tte.weight[first]
    return np.bincount(clusters.code[first], weight, clusters.n)


def _effects(
    made: Any,
    plain: Maximum,
    solid: np.ndarray,
    beta: np.ndarray,
    covariance: np.ndarray,
    scale: np.ndarray,
    conf_level: float,
    counts: tuple[np.ndarray, np.ndarray],
) -> pd.DataFrame:
    p = len(made.terms)
    estimate, error = np.full(p, np.nan), np.full(p, np.nan)
    estimate[solid], error[solid] = beta, np.sqrt(np.diag(covariance))
    reasons: list[Message | None] = [None] * p
    for k in range(p):
        if scale[k] == 0:
            reasons[k] = message("survival.constant", value=float(made.matrix[0, k]))
        elif k in plain.aliased:
            others = [made.terms[j] for j in plain.aliased[k]]
            reasons[k] = (
                message("survival.aliased", others=others) if others else message("survival.constant_at_risk")
            )
        elif k in plain.emptied:
            reasons[k] = message("survival.emptied", others=[made.terms[j] for j in plain.emptied[k]])
        elif k in plain.runaway:
            reasons[k] = message(f"survival.monotone_{'up' if plain.runaway[k] > 0 else 'down'}")
    half = z_value(conf_level) * error
    return pd.DataFrame({
        "part": "effect", "term": made.terms, "estimate": estimate, "std_error": error, "statistic": estimate / error,
        "p_value": two_sided_p(estimate / error), "conf_low": estimate - half, "conf_high": estimate + half, "conf_level": conf_level,
        "n": counts[0], "n_event": counts[1], "status": ["ok" if r is None else "not_estimable" for r in reasons], "reason": reasons,
    })  # fmt: skip


def _variance(
    profile: _Profile,
    found: float,
    given: bool,
    cluster: str,
    conf_level: float,
    tte: TimeToEvent,
    exits: np.ndarray,
) -> pd.DataFrame:
    """Return the row of theta."""
    gain, low, high = (np.nan,) * 3 if given else profile.bounds(found, conf_level)
    people = len(pd.unique(tte.id)) if tte.id is not None else tte.n
    counted = tte.weight if tte.weight is not None else np.ones(tte.n)
    p_value = 1.0 if gain <= 0 else float(chi2_p(gain, 1)) / 2
    return pd.DataFrame([{
        "part": "variance", "term": cluster, "estimate": found, "std_error": np.nan, "statistic": gain,
        "p_value": np.nan if given else p_value, "conf_low": low, "conf_high": high, "conf_level": conf_level,
        "n": float(people if tte.weight is None else counted.sum()), "n_event": float(counted[exits > 0].sum()), "status": "ok",
        "reason": message("survival_penalties.theta_given") if given else None,
    }])  # fmt: skip


def _cluster_table(
    tte: TimeToEvent, clusters: Clusters, top: Top, spread: np.ndarray, event: np.ndarray, conf_level: float
) -> pd.DataFrame:
    """Return each cluster's effect."""
    values = tte.covariates.get(clusters.name, tte.id)
    names = list(pd.unique(np.asarray(values, dtype=object)))
    if clusters.name not in tte.covariates:
        names = [pseudonym(name) for name in names]
    weight = np.ones(tte.n) if tte.weight is None else tte.weight
    error = np.sqrt(spread)
    half = z_value(conf_level) * error
    return pd.DataFrame({
        clusters.name: names, "estimate": top.effect, "std_error": error, "conf_low": top.effect - half,
        "conf_high": top.effect + half, "conf_level": conf_level, "n": _people(tte, clusters).astype(float),
        "n_event": np.bincount(clusters.code[event], weight[event], clusters.n),
    })  # fmt: skip


def _about_frailty(tte: TimeToEvent, clusters: Clusters) -> list[Message]:
    said = [message("survival_penalties.frailty_conditional", cluster=clusters.name, n_clusters=clusters.n)]
    if clusters.n < 20:
        said.append(message("survival_penalties.frailty_few", n_clusters=clusters.n))
    if tte.entry is not None:
        first = (
            pd.Series(tte.entry)
            .groupby(pd.factorize(tte.id)[0] if tte.id is not None else np.arange(tte.n))
            .min()
        )
        if (first > 0).any():
            said.append(message("survival_penalties.frailty_late"))
    return said
