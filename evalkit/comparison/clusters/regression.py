"""A regression of people who come in clusters: CR2 standard errors, Satterthwaite degrees of freedom, and a refusal where none can be.

Not an effect by itself: a difference between arms is one only when the arms were drawn by lot, or as if they had been.
"""

from __future__ import annotations

import math
import warnings
from typing import Any

import numpy as np

from evalkit.comparison.clusters.answer import SHARED, ClusterAnswer, cells_of
from evalkit.comparison.clusters.few import Arms, count_arms, why_not
from evalkit.comparison.clusters.people import FAMILIES, Model, read_model
from evalkit.comparison.clusters.rows import (
    WORDS,
    alike_rows,
    arm_caveats,
    arm_rows,
    contrast_row,
    few_caveats,
)
from evalkit.comparison.core.answer import reasons
from evalkit.comparison.core.rows import frame, missing_row, row
from evalkit.disclosure import Headcount
from evalkit.numerics.arguments import level, one_of
from evalkit.numerics.clustered import KINDS, Robust, least_squares, sandwich
from evalkit.numerics.separation import separated
from evalkit.provenance import Provenance, digest
from evalkit.wording import Message, labels, message

_WORDS = (*WORDS, "intercept", "coefficient", "ratio", "all_terms", "HTZ", *(k for k in KINDS if k != "CR2"))


def cluster_regression(
    data: Any,
    outcome: str,
    formula: str,
    cluster: str,
    *,
    family: str = "gaussian",
    kind: str = "CR2",
    treatment: str | None = None,
    weights: str | None = None,
    conf_level: float = 0.95,
    missing: str = "error",
    provenance: Provenance | None = None,
) -> ClusterAnswer:
    """Regress an outcome on columns, people being grouped in clusters.

    Parameters
    ----------
    data : DataFrame
        One row per person.
    outcome : str
        Numbers; 0 and 1 when binomial; counts when Poisson.
    formula : str
        Right-hand side: ``"treat + age"``.
    cluster : str
        Column of the clusters (any labels).
    family : {"gaussian", "binomial", "poisson"}
        Least squares, logit or log-linear.
    kind : {"CR2", "CR0", "CR1", "CR1S", "CR3", "KC"}
        Covariance. CR2 whatever the number of clusters: with many it equals the others, with few it is the one that holds.
    treatment : str, optional
        Column of the formula whose clusters are counted by arm; default: the first, when it has two values.
    weights : str, optional
        Column of how many others each row stands for.
    conf_level : float
    missing : {"error", "drop"}
    provenance : Provenance, optional
        Default: records of real people.

    Returns
    -------
    ClusterAnswer
        One row per coefficient (in the binomial and Poisson families ``part`` is "coefficient", or "ratio" for its exponential),
        ``all_terms`` (all coefficients but the constant at once), clusters and people by arm, intracluster correlation of the outcome.
        Coefficients that a single cluster decides have an estimate and the status "not_estimable".

    Raises
    ------
    InputError
        Columns absent, missing values unless dropped, an outcome not of the family.

    References
    ----------
    Bell & McCaffrey (2002), Survey Methodology 28:169; Pustejovsky & Tipton (2018), Journal of Business & Economic Statistics
    36:672; Cameron & Miller (2015), Journal of Human Resources 50:317.

    Examples
    --------
    >>> import pandas as pd
    >>> people = pd.DataFrame({
    ...     "site": list("aaabbbcccddd"), "treat": [0] * 6 + [1] * 6, "score": [1, 2, 2, 3, 3, 4, 4, 5, 4, 6, 7, 7]
    ... })
    >>> answer = cluster_regression(people, "score", "treat", "site")
    >>> answer.tidy().loc[[1], ["term", "estimate", "std_error", "df", "p_value"]].round(3)
        term  estimate  std_error   df  p_value
    1  treat       3.0      1.434  2.0    0.171
    >>> two_sites = people[people["site"].isin(["a", "c"])]
    >>> cluster_regression(two_sites, "score", "treat", "site").tidy().loc[[1], ["estimate", "p_value", "status"]].round(3)
       estimate  p_value         status
    1     2.667      NaN  not_estimable
    """
    one_of(family, FAMILIES, "family")
    one_of(kind, KINDS, "kind")
    conf_level = level(conf_level)
    model = read_model(
        data, outcome, formula, cluster, "cluster_regression", family=family, weights=weights, treatment=treatment,
        missing=missing,
    )  # fmt: skip
    arms = None if model.treated is None else count_arms(model.treated, model.cluster)
    fit, infinite = _fit(model, family, kind)
    rows, said = _coefficients(model, fit, infinite, arms, family, kind, conf_level)
    rows += _everything(fit, arms)
    n = len(model.outcome)
    if arms is None:
        count = int(model.cluster.max()) + 1
        rows.append(row("clusters", estimate=count, n=n))
        said = [message("comparison_clusters.between_clusters", clusters=count, n=Headcount(n)), *said]
    else:
        rows += arm_rows(arms)
        said = [*arm_caveats(arms), *said]
    if model.weights is None:
        rows += alike_rows(model.outcome, model.cluster, model.treated, conf_level)
    table = frame(rows)
    caveats = [message("comparison_clusters.not_assigned"), *said]
    if kind in ("CR0", "CR1", "CR1S"):
        caveats.append(message("comparison_clusters.liang_zeger", kind=kind))
    terms = list(model.names[1:])
    return ClusterAnswer(
        table,
        message("comparison_clusters.question_regression", terms=terms),
        tuple([*model.caveats, *caveats, *(r for r in reasons(table) if r not in caveats)]),
        provenance=provenance or Provenance(inputs={"cluster_regression": digest(data)}),
        glance_values={"n": n, "n_total": model.n_total, "n_clusters": int(model.cluster.max()) + 1, "family": family,
                       "kind": kind, "conf_level": conf_level},
        labels={**SHARED, **labels("comparison_clusters", *_WORDS)},
        cells=cells_of(model.outcome, model.treated),
        small=_small(model),
    )  # fmt: skip


def _fit(model: Model, family: str, kind: str) -> tuple[Robust | None, np.ndarray]:
    """Return the fit, and which coefficients have no finite estimate; no fit when it did not converge."""
    p = model.matrix.shape[1]
    if family == "gaussian":
        return least_squares(
            model.outcome, model.matrix, model.weights, model.cluster, kind, names=model.names
        ), np.zeros(p, dtype=bool)
    infinite = separated(model.matrix, model.outcome, family)
    if infinite.any():
        return None, infinite
    import statsmodels.api as sm

    law = sm.families.Binomial() if family == "binomial" else sm.families.Poisson()
    w = np.ones(len(model.outcome)) if model.weights is None else model.weights
    # Weights enter the mean and the working variance only; their scale is of no consequence here.
    start = least_squares(model.outcome, model.matrix, w).estimable
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        made = sm.GLM(model.outcome, model.matrix[:, start], family=law, freq_weights=w).fit(
            tol=1e-14, maxiter=200
        )
    if not made.converged or not np.isfinite(made.params).all():
        return None, infinite
    mean = made.predict(model.matrix[:, start])
    spread = law.variance(mean)
    coef = np.zeros(p)
    coef[start] = made.params
    fit = sandwich(
        model.matrix * spread[:, None], model.outcome - mean, model.cluster, coef=coef, kind=kind, weight=w / spread,
        names=model.names, scale=np.maximum(mean, model.outcome),
    )  # fmt: skip
    return fit, infinite


def _coefficients(
    model: Model,
    fit: Robust | None,
    infinite: np.ndarray,
    arms: Arms | None,
    family: str,
    kind: str,
    conf_level: float,
) -> tuple[list[dict[str, Any]], list[Message]]:
    rows: list[dict[str, Any]] = []
    said: list[Message] = []
    n = len(model.outcome)
    part = "" if family == "gaussian" else "coefficient"
    for name, without in zip(model.names, infinite, strict=True):
        if fit is None:
            key = "separated" if without else "not_converged" if not infinite.any() else "beside_separated"
            rows.append(missing_row(name, part, kind, n, message(f"comparison_clusters.{key}")))
            continue
        effect = fit.contrast(name)
        obstacle = why_not(effect.reason, fit) if effect.reason else None
        if name == model.treatment and arms is not None and arms.obstacle is not None:
            obstacle = arms.obstacle
        rows.append(contrast_row(name, part, kind, effect, n, conf_level, obstacle=obstacle))
        said += [] if obstacle or name == "intercept" else few_caveats(name, effect)
        if part and name != "intercept":
            rows.append(_as_ratio(rows[-1]))
    return rows, said


def _as_ratio(r: dict[str, Any]) -> dict[str, Any]:
    """Return the same row as a ratio: odds, or rates."""
    powers = {c: math.exp(r[c]) if r[c] < 700 else math.nan for c in ("estimate", "conf_low", "conf_high")}
    return {**r, **powers, "part": "ratio", "std_error": math.nan}


def _everything(fit: Robust | None, arms: Arms | None) -> list[dict[str, Any]]:
    """Return the test that no coefficient but the constant differs from zero, when there are several."""
    if fit is None or fit.estimable[1:].sum() < 2:
        return []
    weights = np.eye(len(fit.names))[1:][fit.estimable[1:]]
    test = fit.wald(weights)
    if test.reason is not None or (arms is not None and arms.obstacle is not None):
        why = arms.obstacle if arms is not None and arms.obstacle is not None else why_not(test.reason, fit)
        return [missing_row("all_terms", "", "HTZ", fit.n, why)]
    return [
        row("all_terms", "", "HTZ", statistic=test.statistic, df=test.df_den, p_value=test.p_value, n=fit.n)
    ]


def _small(model: Model) -> tuple[tuple[str, int], ...]:
    """Return the people of the smaller side of each 0/1 column."""
    found = []
    for name, column in zip(model.names[1:], model.matrix[:, 1:].T, strict=True):
        values, counts = np.unique(column, return_counts=True)
        if len(values) == 2:
            found.append((name, int(counts.min())))
    return tuple(found)
