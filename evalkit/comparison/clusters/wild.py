"""Wild cluster bootstrap of one coefficient of least squares: residuals under the null hypothesis, one sign or weight per cluster.

Not the answer: `bootstrap` words it.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from evalkit.numerics.clustered import LeastSquares

#: Weights a cluster's residuals are multiplied by, and how likely each is.
WEIGHTS = {
    "rademacher": (np.array([-1.0, 1.0]), None),
    "webb": (np.array([-math.sqrt(1.5), -1, -math.sqrt(0.5), math.sqrt(0.5), 1, math.sqrt(1.5)]), None),
    "mammen": (
        np.array([(1 - math.sqrt(5)) / 2, (1 + math.sqrt(5)) / 2]),
        np.array([(math.sqrt(5) + 1) / (2 * math.sqrt(5)), (math.sqrt(5) - 1) / (2 * math.sqrt(5))]),
    ),
}
#: All signs are examined up to so many clusters.
ENUMERATED = 12
_TIE = 1e-9


def weights_of(kind: str, clusters: int, draws: int, rng: np.random.Generator) -> np.ndarray:
    """Return the weights of clusters, shape (draws, clusters); the first row is 1 everywhere, which gives the data back.

    Rademacher weights of at most 12 clusters are all there once.

    Examples
    --------
    >>> weights_of("rademacher", 2, 0, np.random.default_rng(0)).tolist()
    [[1.0, 1.0], [1.0, -1.0], [-1.0, 1.0], [-1.0, -1.0]]
    """
    if kind == "rademacher" and clusters <= ENUMERATED:
        return 1.0 - 2.0 * ((np.arange(2**clusters)[:, None] >> np.arange(clusters)[::-1]) & 1)
    values, chance = WEIGHTS[kind]
    return np.vstack([np.ones(clusters), rng.choice(values, size=(draws, clusters), p=chance)])


@dataclass(frozen=True, eq=False)
class Wild:
    """t statistics of a coefficient under the null hypothesis that it is `value`, as functions of `value`.

    Parameters
    ----------
    estimate : float
    top : (float array, float array), shape (draws,)
        Numerator of every draw is ``top[0] - value * top[1]``.
    bottom : (three float arrays), shape (draws,)
        Its variance, but for a factor, is ``bottom[0] - 2 value bottom[1] + value² bottom[2]``.
    own : float
        The same variance in the data, which no null value changes.
    """

    estimate: float
    top: tuple[np.ndarray, np.ndarray]
    bottom: tuple[np.ndarray, np.ndarray, np.ndarray]
    own: float

    @classmethod
    def of(
        cls,
        fit: LeastSquares,
        y: np.ndarray,
        x: np.ndarray,
        at: int,
        cluster: np.ndarray,
        weights: np.ndarray,
    ) -> Wild:
        """Prepare the draws from sums over clusters; no draw is fitted again.

        Parameters
        ----------
        fit : LeastSquares
            Of `y` on `x`, without weights.
        at : int
            Column of the coefficient in `x`.
        cluster : int array, shape (n,)
            Codes 0 … G − 1.
        weights : float array, shape (draws, G)
        """
        kept = fit.estimable.copy()
        kept[at] = False
        others, column = x[:, kept], x[:, at]
        # What is left of the outcome and of the column once the others are taken out: residuals under the null are y − value x.
        left = np.column_stack([y, column])
        # Twice, so that an outcome of 1e9 and more leaves no more rounding than a small one.
        for _ in range(2):
            left = left - others @ np.linalg.lstsq(others, left, rcond=None)[0]
        z = left[:, 1]
        design = np.linalg.qr(x[:, fit.estimable])[0]
        groups = int(cluster.max()) + 1

        def sums(values: np.ndarray) -> np.ndarray:
            return np.column_stack([np.bincount(cluster, weights=v, minlength=groups) for v in values.T])

        length = float(z @ z)
        product = sums(z[:, None] * design)
        tops, scores = [], []
        for part in left.T:
            own = sums((z * part)[:, None])[:, 0]
            tops.append(weights @ own / length)
            # Score of each cluster: its residuals flipped, less their projection on the design.
            scores.append((weights * own - (weights @ sums(part[:, None] * design)) @ product.T) / length)
        one, other = scores
        bottom = ((one**2).sum(axis=1), (one * other).sum(axis=1), (other**2).sum(axis=1))
        observed = sums((z * fit.residual)[:, None])[:, 0] / length
        return cls(float(fit.coef[at]), (tops[0], tops[1]), bottom, float((observed**2).sum()))

    def p(self, value: float = 0.0) -> tuple[float, float]:
        """Return the share of draws with an absolute t at least that of the data, and the share with the greatest."""
        variance = self.bottom[0] - 2 * value * self.bottom[1] + value**2 * self.bottom[2]
        top = np.abs(self.top[0] - value * self.top[1])
        # A draw whose residuals cancel in every cluster has no spread: taken as extreme, which can only raise p.
        spread = variance > 1e-22 * max(float(variance.max()), self.own)
        t = np.where(spread, top / np.sqrt(np.where(spread, variance, 1.0)), np.inf)
        # The first draw is the data: far from the estimate rounding may part the two, and p would be 0.
        seen = min(abs(self.estimate - value) / math.sqrt(self.own), float(t[0]))
        return float((t >= seen * (1 - _TIE)).mean()), float((t >= t.max() * (1 - _TIE)).mean())

    def interval(self, alpha: float) -> tuple[float, float]:
        """Return the null values whose p exceeds alpha, nearest ends on both sides of the estimate; ±inf where none is rejected."""
        reach = math.sqrt(self.own)
        ends = []
        for side in (-1, 1):
            steps = (self.estimate + side * reach * 2**k for k in range(1, 16))
            away = next((value for value in steps if self.p(value)[0] <= alpha), None)
            if away is None:
                ends.append(side * math.inf)
                continue
            near = self.estimate
            while abs(away - near) > 1e-13 * max(abs(away), abs(near), reach):
                middle = (near + away) / 2
                near, away = (middle, away) if self.p(middle)[0] > alpha else (near, middle)
            ends.append(near)
        return ends[0], ends[1]
