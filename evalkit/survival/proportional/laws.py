"""Laws of shared frailty, gamma and log-normal: what an effect costs, how likely a variance is, and when it is the best one.

Not a maximum over effects: `arrow` finds it at a given variance.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import special

from evalkit.survival.proportional.arrow import Arrow, Penalty, Top


@dataclass(frozen=True)
class Gamma:
    """Frailties follow a gamma law of mean 1 and variance theta.

    Notes
    -----
    Penalty Σ (exp w - w) / theta; marginal likelihood in closed form (Therneau & Grambsch 2000, ch. 9, with Σ d added, so that it is
    the partial likelihood at theta = 0). Its slope in log theta by the envelope theorem: the effects are at their best.
    """

    def penalty(self, theta: float) -> Penalty:
        nu = 1 / theta

        def of(effect: np.ndarray) -> tuple[float, np.ndarray, np.ndarray]:
            ratio = np.exp(effect)
            return nu * float((ratio - effect).sum()), nu * (ratio - 1), nu * ratio

        return Penalty(of)

    def value(self, arrow: Arrow, top: Top, theta: float) -> float:
        """Return the marginal log-likelihood at this variance."""
        nu, d = 1 / theta, arrow.deaths
        # nu log nu - (nu + d) log(nu + d), without the loss of digits at large nu.
        mixed = -nu * np.log1p(d / nu) - d * np.log(nu + d)
        constants = nu + mixed + special.gammaln(nu + d) - special.gammaln(nu) + d
        return top.value + float(constants.sum())

    def slope(self, arrow: Arrow, top: Top, theta: float) -> float:
        """Return what is positive below the best variance and negative above it."""
        nu, d = 1 / theta, arrow.deaths
        grown = special.digamma(nu + d) - special.digamma(nu) - np.log1p(d / nu)
        return -nu * float((top.effect - np.expm1(top.effect) + grown).sum())

    def null(self, log_likelihood: float, covariance: np.ndarray) -> float:
        """Return the value at theta = 0."""
        return log_likelihood


@dataclass(frozen=True)
class Gaussian:
    """Logarithms of frailties follow a normal law of mean 0 and variance theta.

    Notes
    -----
    The best variance solves theta = (Σ w² + trace of the effects' covariance) / G (McGilchrist 1993; R's ``method = "reml"``).
    Its test and its interval come from the restricted likelihood by Laplace's approximation (Ripatti & Palmgren 2000).
    """

    def penalty(self, theta: float) -> Penalty:
        def of(effect: np.ndarray) -> tuple[float, np.ndarray, np.ndarray]:
            return float(effect @ effect) / (2 * theta), effect / theta, np.full(len(effect), 1 / theta)

        return Penalty(of)

    def value(self, arrow: Arrow, top: Top, theta: float) -> float:
        """Return the restricted log-likelihood at this variance."""
        covariance, _, _ = arrow.covariance(top)
        block = arrow.log_determinant(top) + arrow.n * np.log(theta)
        return self.null(top.value - block / 2, covariance)

    def slope(self, arrow: Arrow, top: Top, theta: float) -> float:
        """Return what is positive below the best variance and negative above it."""
        _, _, spread = arrow.covariance(top)
        return (float(top.effect @ top.effect) + float(spread.sum())) / (arrow.n * theta) - 1

    def null(self, log_likelihood: float, covariance: np.ndarray) -> float:
        """Return the value at theta = 0."""
        return (
            log_likelihood + float(np.linalg.slogdet(covariance)[1]) / 2
            if len(covariance)
            else log_likelihood
        )


LAWS = {"gamma": Gamma(), "gaussian": Gaussian()}
