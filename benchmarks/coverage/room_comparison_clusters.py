"""Few clusters: intervals and tests of a difference between arms of whole clusters: CR2, CR1 with the normal law, lot, bootstrap.

Not an answer for two sites: those are refused, and so not played.
"""

from __future__ import annotations

import math

import numpy as np
from case import Case

from evalkit.comparison.clusters.draws import Lot
from evalkit.comparison.clusters.randomising import Drawn, Units
from evalkit.comparison.clusters.wild import Wild, weights_of
from evalkit.numerics.clustered import least_squares

_SIZES = (20, 79, 170)
_DRAWS = 499
_NORMAL = 1.959963984540054


def cases() -> list[Case]:
    """Return every case."""
    plans = [(4, 2, 0.2), (6, 3, 0.2), (10, 5, 0.2), (20, 10, 0.2), (10, 2, 0.2)]
    kinds = {"CR2, Satterthwaite": 0.0, "CR1, normal law": 0.0, "constant shift by lot": 0.0}
    tests = (
        "CR2, Satterthwaite p",
        "CR1, normal p",
        "lot p",
        "lot p, studentised",
        "wild p, Rademacher",
        "wild p, Webb",
    )
    return [
        Case(
            f"{clusters} uneven clusters, {treated} treated, intracluster correlation {icc:g}",
            kinds,
            lambda rng, n, plan=(clusters, treated, icc): _play(rng, n, *plan),
            _SIZES,
            1_500,
            tests,
        )
        for clusters, treated, icc in plans
    ]


def _play(
    rng: np.random.Generator, n: int, clusters: int, treated: int, icc: float
) -> dict[str, tuple[float, float] | float]:
    # At least one person per cluster, some clusters several times as large as others.
    share = rng.gamma(2.0, size=clusters)
    site = np.concatenate([np.arange(clusters), rng.choice(clusters, n - clusters, p=share / share.sum())])
    on = rng.permutation(clusters) < treated
    y = math.sqrt(icc) * rng.normal(size=clusters)[site] + math.sqrt(1 - icc) * rng.normal(size=n)
    x = np.column_stack([np.ones(n), on[site]])
    fair = least_squares(y, x, None, site).contrast("x1")
    fit = least_squares(y, x, None, site, "CR1")
    naive = fit.contrast("x1")
    reach = _NORMAL * naive.std_error
    lot = Lot(on, np.zeros(clusters, dtype=int))
    every = lot.enumerable and clusters <= 10
    draws = lot.every() if every else lot.sample(_DRAWS, rng)
    seen = int(np.flatnonzero((draws == on).all(axis=1))[0]) if every else 0
    units = Units(y, site, lot)
    drawn = Drawn(units, draws, "difference", seen)
    shift = drawn.interval(0.95)
    wild = {
        kind: Wild.of(fit, y, x, 1, site, weights_of(kind, clusters, _DRAWS, rng)).p()[0]
        for kind in ("rademacher", "webb")
    }
    return {
        "CR2, Satterthwaite": fair.interval(),
        "CR1, normal law": (naive.estimate - reach, naive.estimate + reach),
        "constant shift by lot": (shift.low, shift.high),
        "CR2, Satterthwaite p": fair.p_value(),
        "CR1, normal p": math.erfc(abs(naive.statistic) / math.sqrt(2)),
        "lot p": drawn.p()[0],
        "lot p, studentised": Drawn(units, draws, "studentised", seen).p()[0],
        "wild p, Rademacher": wild["rademacher"],
        "wild p, Webb": wild["webb"],
    }
