"""A coefficient judged by the wild cluster bootstrap: all signs of the clusters when they are few, the least p said.

Not a remedy for one treated cluster: it is refused there, as no weights rescue it.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from evalkit.comparison.clusters.answer import SHARED, ClusterAnswer, cells_of
from evalkit.comparison.clusters.few import Arms, count_arms, why_not
from evalkit.comparison.clusters.people import Model, read_model
from evalkit.comparison.clusters.rows import WORDS, arm_caveats, arm_rows
from evalkit.comparison.clusters.wild import ENUMERATED, WEIGHTS, Wild, weights_of
from evalkit.comparison.core.answer import reasons
from evalkit.comparison.core.rows import frame, missing_row, row
from evalkit.errors import InputError
from evalkit.numerics.arguments import generator, level, one_number, one_of
from evalkit.numerics.clustered import LeastSquares, least_squares
from evalkit.provenance import Provenance, digest
from evalkit.wording import Message, labels, message

#: With fewer treated clusters the test is known to reject too rarely.
_FEW_TREATED = 4


def wild_cluster_bootstrap(
    data: Any,
    outcome: str,
    formula: str,
    cluster: str,
    *,
    term: str | None = None,
    null: float = 0.0,
    weights: str = "rademacher",
    draws: int = 9_999,
    seed: int = 0,
    conf_level: float = 0.95,
    missing: str = "error",
    provenance: Provenance | None = None,
) -> ClusterAnswer:
    """Test one coefficient of a least-squares regression by the wild cluster bootstrap, the null hypothesis imposed.

    Parameters
    ----------
    data : DataFrame
    outcome, formula, cluster : str
        As in `cluster_regression`.
    term : str, optional
        Coefficient to test; default: the first of the formula.
    null : float
        Value tested.
    weights : {"rademacher", "webb", "mammen"}
        Signs; six points, for few clusters; two asymmetric points.
    draws : int
        Resamples, unless Rademacher signs of at most 12 clusters are all examined (2^G of them).
    seed : int
    conf_level : float
    missing : {"error", "drop"}
    provenance : Provenance, optional
        Default: records of real people.

    Returns
    -------
    ClusterAnswer
        One row for the coefficient: estimate, t (CR1), p, ``p_floor`` (with all signs 2^(1 − G) at best), interval by inversion;
        clusters and people by arm. Refused (estimate alone) when one arm has a single cluster.

    Raises
    ------
    InputError
        As `cluster_regression`; an unknown term.

    Notes
    -----
    p counts draws whose absolute t is at least that of the data, the data included: (b + 1)/(m + 1) for m random draws. Others count
    draws strictly above, which gives p = 0 with few clusters.

    References
    ----------
    Cameron, Gelbach & Miller (2008), Review of Economics and Statistics 90:414; Webb (2023), Canadian Journal of Economics 56:839;
    MacKinnon & Webb (2017), Journal of Applied Econometrics 32:233; Roodman, MacKinnon, Nielsen & Webb (2019), Stata Journal 19:4.

    Examples
    --------
    >>> import pandas as pd
    >>> people = pd.DataFrame({
    ...     "site": list("aabbccddeeff"), "treat": [0] * 6 + [1] * 6, "score": [1, 2, 2, 3, 3, 4, 3, 5, 4, 6, 7, 7]
    ... })
    >>> answer = wild_cluster_bootstrap(people, "score", "treat", "site")
    >>> answer.tidy().loc[[0], ["term", "estimate", "p_value", "p_floor"]].round(4)
        term  estimate  p_value  p_floor
    0  treat    2.8333     0.0312   0.0312
    """
    one_of(weights, WEIGHTS, "weights")
    conf_level, rng, null = level(conf_level), generator(seed), one_number(null, "null")
    if not isinstance(draws, (int, np.integer)) or isinstance(draws, bool) or draws < 1:
        raise InputError(f"draws: must be a whole number, 1 or more, but was {draws!r}")
    model = read_model(data, outcome, formula, cluster, "wild_cluster_bootstrap", missing=missing)
    term = model.names[1] if term is None else term
    if term not in model.names[1:]:
        raise InputError(
            f"wild_cluster_bootstrap: no coefficient {term!r}; they are {', '.join(model.names[1:])}"
        )
    at, clusters = model.names.index(term), int(model.cluster.max()) + 1
    fit = least_squares(model.outcome, model.matrix, None, model.cluster, "CR1", names=model.names)
    column = model.matrix[:, at]
    arms = count_arms(column, model.cluster) if set(np.unique(column)) == {0.0, 1.0} else None
    exact = weights == "rademacher" and clusters <= ENUMERATED
    method = "bootstrap_exact" if exact else "bootstrap_drawn"
    obstacle = _obstacle(fit, term, arms)
    n = len(model.outcome)
    if obstacle is not None:
        first = {**missing_row(term, "", method, n, obstacle), "estimate": float(fit.coef[at])}
    else:
        drawn = weights_of(weights, clusters, int(draws), rng)
        wild = Wild.of(fit, model.outcome, model.matrix, at, model.cluster, drawn)
        first = _tested(wild, fit, term, method, null, conf_level, n)
    rows = [first, *(arm_rows(arms) if arms else [row("clusters", estimate=clusters, n=n)])]
    table = frame(rows)
    said = _about(model, arms, exact, weights, int(draws), seed, obstacle)
    floor, alpha = float(first["p_floor"]), round(1 - conf_level, 10)
    if floor > alpha:
        said.append(message("comparison_clusters.flip_floor", floor=floor, alpha=alpha))
    return ClusterAnswer(
        table,
        message("comparison_clusters.question_bootstrap", term=term),
        tuple([*model.caveats, *said, *reasons(table)]),
        provenance=provenance or Provenance(inputs={"wild_cluster_bootstrap": digest(data)}),
        glance_values={"n": n, "n_total": model.n_total, "n_clusters": clusters, "weights": weights, "exact": exact,
                       "conf_level": conf_level},
        labels={**SHARED, **labels("comparison_clusters", *WORDS, "bootstrap_exact", "bootstrap_drawn")},
        cells=cells_of(model.outcome, model.treated),
    )  # fmt: skip


def _obstacle(fit: LeastSquares, term: str, arms: Arms | None) -> Message | None:
    """Return why the bootstrap is refused, or None."""
    if arms is not None and arms.obstacle is not None:
        return message("comparison_clusters.bootstrap_refused", why=arms.obstacle)
    reason = fit.contrast(term).reason
    if reason is None:
        return None
    why = why_not(reason, fit)
    return why if reason != "one_cluster_alone" else message("comparison_clusters.bootstrap_refused", why=why)


def _tested(
    wild: Wild, fit: LeastSquares, term: str, method: str, null: float, conf_level: float, n: int
) -> dict[str, Any]:
    """Return the row of the coefficient."""
    p, floor = wild.p(null)
    low, high = wild.interval(1 - conf_level)
    contrast = fit.contrast(term)
    reason = None
    if math.isinf(low) and math.isinf(high):
        low, high, reason = (
            math.nan,
            math.nan,
            message("comparison_clusters.unbounded_bootstrap", level=conf_level),
        )
    elif math.isinf(low) or math.isinf(high):
        reason = message("comparison_clusters.unbounded_side")
    return row(
        term, "", method, estimate=wild.estimate, statistic=(wild.estimate - null) / contrast.std_error, p_value=p,
        p_floor=min(floor, p),
        conf_low=low, conf_high=high, conf_level=conf_level, n=n, reason=reason,
    )  # fmt: skip


def _about(
    model: Model,
    arms: Arms | None,
    exact: bool,
    weights: str,
    draws: int,
    seed: int,
    obstacle: Message | None,
) -> list[Message]:
    clusters = int(model.cluster.max()) + 1
    said = [message("comparison_clusters.not_assigned")]
    if arms is not None:
        said += arm_caveats(arms)
    if obstacle is not None:
        return said
    said.append(message("comparison_clusters.null_imposed"))
    if exact:
        said.append(message("comparison_clusters.flips_enumerated", count=2**clusters, clusters=clusters))
    else:
        named = message(f"comparison_clusters.{weights}")
        said.append(message("comparison_clusters.flips_drawn", draws=draws, weights=named, seed=seed))
    if arms is not None and min(arms.clusters) < _FEW_TREATED and not arms.mixed:
        said.append(message("comparison_clusters.few_treated", count=min(arms.clusters)))
    return said
