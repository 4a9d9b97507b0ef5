"""The exact conditional likelihood of a yes or no repeated within people, and the exact law of one yes/no column under it.

Not an answer: `conditional` makes the rows.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from evalkit.numerics.profile import climb


@dataclass(frozen=True, eq=False)
class Conditional:
    """People whose answer changes, sorted into piles of equally many rows and equally many times yes.

    Parameters
    ----------
    piles : tuple of (array, int, array)
        Columns, shape (people, rows, p), less their mean over the person's rows, how often yes, and the sum of the columns
        where yes.
    p : int
    """

    piles: tuple[tuple[np.ndarray, int, np.ndarray], ...]
    p: int

    def __call__(self, beta: np.ndarray) -> tuple[float, np.ndarray, np.ndarray]:
        """Return the log-likelihood, its score and the information.

        Notes
        -----
        The sum over all choices of so many rows is built row by row, with its derivatives: Howard (1972), discussion of Cox,
        Journal of the Royal Statistical Society B 34:210; Gail, Lubin & Rubinstein (1981), Biometrika 68:703, equation 4.
        """
        p = self.p
        value, score, information = 0.0, np.zeros(p), np.zeros((p, p))
        for z, yes, cases in self.piles:
            eta = z @ beta
            total, mean, second = _choices(eta, z, yes)
            value += float((cases @ beta - total).sum())
            score += (cases - mean).sum(axis=0)
            information += second.sum(axis=0) - mean.T @ mean
        return value, score, information

    def profile(self, column: int, at: float, start: np.ndarray) -> tuple[float, np.ndarray]:
        """Return the highest likelihood with one coefficient held at a value, and the coefficients there."""
        others = np.arange(self.p) != column

        def rest(free: np.ndarray) -> tuple[float, np.ndarray, np.ndarray]:
            beta = np.empty(self.p)
            beta[others], beta[column] = free, at
            value, score, information = self(beta)
            return value, score[others], information[np.ix_(others, others)]

        top, value, _ = climb(rest, start[others], "conditional_logit")
        beta = start.copy()
        beta[others], beta[column] = top, at
        return value, beta


def _choices(eta: np.ndarray, z: np.ndarray, yes: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return, over all choices of `yes` rows, the logarithm of the sum of exp(Σ η), and the weighted mean of Σ z and of its square.

    Sums are kept as logarithms and means, so that no η is too large.
    """
    people, rows, p = z.shape
    total = np.full((people, yes + 1), -np.inf)
    mean = np.zeros((people, yes + 1, p))
    square = np.zeros((people, yes + 1, p, p))
    total[:, 0] = 0.0
    for r in range(rows):
        x = z[:, r]
        for k in range(min(r + 1, yes), 0, -1):
            without, with_it = total[:, k], total[:, k - 1] + eta[:, r]
            total_k = np.logaddexp(without, with_it)
            old, new = np.exp(without - total_k), np.exp(with_it - total_k)
            m = mean[:, k - 1]
            mx = m[:, :, None] * x[:, None, :]
            more = square[:, k - 1] + mx + np.swapaxes(mx, 1, 2) + x[:, :, None] * x[:, None, :]
            square[:, k] = old[:, None, None] * square[:, k] + new[:, None, None] * more
            mean[:, k] = old[:, None] * mean[:, k] + new[:, None] * (m + x)
            total[:, k] = total_k
    return total[:, yes], mean[:, yes], square[:, yes]


def conditional(x: np.ndarray, y: np.ndarray, person: np.ndarray) -> Conditional:
    """Return the likelihood of people; those who always answer alike must have been left out.

    Parameters
    ----------
    x : float array, shape (n, p)
    y : float array, shape (n,)
        0 and 1.
    person : int array, shape (n,)
    """
    code = np.unique(person, return_inverse=True)[1]
    rows = np.bincount(code)
    yes = np.bincount(code, y).astype(int)
    order = np.argsort(code, kind="stable")
    piles = []
    for n, m in sorted(set(zip(rows.tolist(), yes.tolist(), strict=True))):
        mine = order[np.isin(code[order], np.flatnonzero((rows == n) & (yes == m)))]
        z = x[mine].reshape(-1, n, x.shape[1])
        z = z - z.mean(axis=1, keepdims=True)
        piles.append((z, m, np.einsum("pr,prk->pk", y[mine].reshape(-1, n), z)))
    return Conditional(tuple(piles), x.shape[1])


@dataclass(frozen=True, eq=False)
class ExactLaw:
    """The law of how often a yes/no column is 1 where the answer is yes, given each person's totals.

    Parameters
    ----------
    least : int
        Its smallest value.
    log_weight : float array
        Logarithm of the number of arrangements of each value from `least` on, up to a constant.
    seen : int
    """

    least: int
    log_weight: np.ndarray
    seen: int

    @property
    def values(self) -> np.ndarray:
        """The values it can take."""
        return self.least + np.arange(len(self.log_weight))

    def probabilities(self, beta: float = 0.0) -> np.ndarray:
        """Return the probability of each value."""
        log = self.log_weight + beta * self.values
        p = np.exp(log - log.max())
        return p / p.sum()

    def p_value(self) -> tuple[float, float]:
        """Return the two-sided p-value (values no more likely than the one seen), and the least it could have been."""
        p = self.probabilities()
        mine = p[self.seen - self.least]
        total = float(p[p <= mine * (1 + 1e-7)].sum())
        floor = float(p[p <= p.min() * (1 + 1e-7)].sum())
        return min(total, 1.0), floor

    def interval(self, conf_level: float) -> tuple[float, float]:
        """Return the exact interval of the logarithm of the ratio of odds: each tail at half the error."""
        from scipy import optimize

        half, at = (1 - conf_level) / 2, self.seen - self.least
        upper = lambda beta: self.probabilities(beta)[at:].sum() - half
        lower = lambda beta: self.probabilities(beta)[: at + 1].sum() - half
        low = -math.inf if at == 0 else optimize.brentq(upper, *_bracket(upper), xtol=1e-13)
        last = len(self.log_weight) - 1
        high = math.inf if at == last else optimize.brentq(lower, *_bracket(lower), xtol=1e-13)
        return float(low), float(high)


def _bracket(function) -> tuple[float, float]:
    reach = 1.0
    while function(-reach) * function(reach) > 0:
        reach *= 2
    return -reach, reach


def exact_law(x: np.ndarray, y: np.ndarray, person: np.ndarray) -> ExactLaw:
    """Return the exact law of one yes/no column: the convolution of one hypergeometric law a person.

    References
    ----------
    Hirji, Mehta & Patel (1987), Journal of the American Statistical Association 82:1110, section 5; with one pair a person it is
    McNemar's exact test.
    """
    from scipy.stats import hypergeom

    code = np.unique(person, return_inverse=True)[1]
    rows, yes = np.bincount(code), np.bincount(code, y).astype(int)
    ones, both = np.bincount(code, x).astype(int), np.bincount(code, x * y).astype(int)
    least, law = 0, np.ones(1)
    for n, m, a in zip(rows, yes, ones, strict=True):
        low, high = max(0, m - (n - a)), min(m, a)
        least += low
        law = np.convolve(law, hypergeom.pmf(np.arange(low, high + 1), n, a, m))
    with np.errstate(divide="ignore"):
        return ExactLaw(int(least), np.log(law), int(both.sum()))
