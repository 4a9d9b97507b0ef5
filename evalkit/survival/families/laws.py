"""The families of times: log survival and log density as functions of the predictors of a row, to second order.

Not a likelihood: `likelihood` says which rows contribute which of these.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from scipy import special

from evalkit.survival.families.jets import Jet, log_mixed, log_uncured_density

_HALF_LOG_2PI = 0.5 * np.log(2 * np.pi)
#: Below this the generalised gamma is the log-normal, to first order: its own formula has lost its digits.
_NORMAL = 1e-5
#: Step of the differences by the shape of a generalised gamma.
_STEP = 5e-3


# -- standard laws of w: value, first and second derivative ----------------------------------------------------------
def _extreme_survival(w: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    e = np.exp(w)
    return -e, -e, -e


def _extreme_density(w: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    e = np.exp(w)
    return w - e, 1 - e, -e


def _logistic_survival(w: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    p = special.expit(w)
    return -np.logaddexp(0.0, w), -p, -p * special.expit(-w)


def _logistic_density(w: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    p = special.expit(w)
    return w - 2 * np.logaddexp(0.0, w), 1 - 2 * p, -2 * p * special.expit(-w)


def _normal_survival(w: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    value = special.log_ndtr(-w)
    mills = np.exp(-0.5 * w * w - _HALF_LOG_2PI - value)
    return value, -mills, -mills * (mills - w)


def _normal_density(w: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    return -0.5 * w * w - _HALF_LOG_2PI, -w, np.full(len(w), -1.0)


@dataclass(frozen=True)
class Law:
    """A standard law of ``w``, the time on the scale on which the family is one shape.

    Parameters
    ----------
    survival, density : callable
        ``w`` to the logarithm with two derivatives.
    quantile : callable
        log S to ``w``.
    """

    survival: Callable
    density: Callable
    quantile: Callable


def _extreme_quantile(log_s: np.ndarray) -> np.ndarray:
    return np.log(-log_s)


def _logistic_quantile(log_s: np.ndarray) -> np.ndarray:
    return np.log(-np.expm1(log_s)) - log_s


def _normal_quantile(log_s: np.ndarray) -> np.ndarray:
    return -special.ndtri_exp(log_s)


EXTREME = Law(_extreme_survival, _extreme_density, _extreme_quantile)
LOGISTIC = Law(_logistic_survival, _logistic_density, _logistic_quantile)
NORMAL = Law(_normal_survival, _normal_density, _normal_quantile)


# -- families --------------------------------------------------------------------------------------------------------
@dataclass(frozen=True)
class ScaleFamily:
    """log T = mu + sigma W: predictors mu and log sigma (Kalbfleisch & Prentice 2002, ch. 2; R's ``survreg``).

    Parameters
    ----------
    name : str
    law : Law
    free : bool
        Whether sigma is estimated; it is 1 in the exponential family.
    """

    name: str
    law: Law
    free: bool = True
    parts: tuple[str, ...] = ("location", "scale")

    def survival(self, eta: tuple[np.ndarray, ...], y: np.ndarray) -> Jet:
        """Return log S at log times `y`."""
        per, w = self._standard(eta, y)
        value, a1, a2 = self.law.survival(w)
        return self._chained(value, a1, a2, per, w)

    def density(self, eta: tuple[np.ndarray, ...], y: np.ndarray) -> Jet:
        """Return log f, by time (not by log time)."""
        per, w = self._standard(eta, y)
        value, b1, b2 = self.law.density(w)
        made = self._chained(value, b1, b2, per, w)
        return Jet(made.value - eta[1] - y, (made.first[0], made.first[1] - 1), made.second)

    def quantile(self, eta: tuple[np.ndarray, ...], log_s: np.ndarray) -> np.ndarray:
        """Return the log time at which log S is this."""
        return eta[0] + np.exp(eta[1]) * self.law.quantile(log_s)

    @staticmethod
    def _standard(eta: tuple[np.ndarray, ...], y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        per = np.exp(-eta[1])
        return per, (y - eta[0]) * per

    @staticmethod
    def _chained(value: np.ndarray, a1: np.ndarray, a2: np.ndarray, per: np.ndarray, w: np.ndarray) -> Jet:
        # dw/dmu = -1/sigma, dw/dlog sigma = -w.
        second = {(0, 0): per * per * a2, (0, 1): per * (a1 + w * a2), (1, 1): w * (a1 + w * a2)}
        return Jet(value, (-per * a1, -w * a1), second)


@dataclass(frozen=True)
class GammaFamily:
    """Generalised gamma: predictors mu, log sigma and the shape Q (Prentice 1974).

    Q = 1 is the Weibull, 0 the log-normal, Q = sigma the gamma. With W = (log T - mu)/sigma, exp(Q W)/Q² is gamma with mean 1/Q².
    """

    name: str = "generalised_gamma"
    free: bool = True
    parts: tuple[str, ...] = ("location", "scale", "shape")

    def survival(self, eta: tuple[np.ndarray, ...], y: np.ndarray) -> Jet:
        """Return log S at log times `y`; derivatives by Q are differences of fourth order."""
        mu, s, q = eta
        per = np.exp(-s)
        w = (y - mu) * per
        value = _log_gamma_survival(w, q)
        log_f, f_w, _, f_q, *_ = _gamma_log_density(w, q)
        ratio = np.exp(log_f - value)
        a1 = -ratio
        a2 = -ratio * (f_w + ratio)
        around = [_log_gamma_survival(w, q + k * _STEP) for k in (-2, -1, 1, 2)]
        by_q = (around[0] - 8 * around[1] + 8 * around[2] - around[3]) / (12 * _STEP)
        curved = (-around[0] + 16 * around[1] - 30 * value + 16 * around[2] - around[3]) / (12 * _STEP**2)
        both = -ratio * (f_q - by_q)
        second = {
            (0, 0): per * per * a2, (0, 1): per * (a1 + w * a2), (1, 1): w * (a1 + w * a2),
            (0, 2): -per * both, (1, 2): -w * both, (2, 2): curved,
        }  # fmt: skip
        return Jet(value, (-per * a1, -w * a1, by_q), second)

    def density(self, eta: tuple[np.ndarray, ...], y: np.ndarray) -> Jet:
        """Return log f, by time."""
        mu, s, q = eta
        per = np.exp(-s)
        w = (y - mu) * per
        value, b1, b2, f_q, f_wq, f_qq = _gamma_log_density(w, q)
        second = {
            (0, 0): per * per * b2, (0, 1): per * (b1 + w * b2), (1, 1): w * (b1 + w * b2),
            (0, 2): -per * f_wq, (1, 2): -w * f_wq, (2, 2): f_qq,
        }  # fmt: skip
        return Jet(value - s - y, (-per * b1, -w * b1 - 1, f_q), second)

    def quantile(self, eta: tuple[np.ndarray, ...], log_s: np.ndarray) -> np.ndarray:
        """Return the log time at which log S is this."""
        mu, s, q = np.broadcast_arrays(*eta)
        left = np.exp(np.broadcast_to(log_s, q.shape))
        flat = np.abs(q) < _NORMAL
        shape = np.where(flat, 1.0, q)
        a = shape**-2.0
        u = np.where(shape > 0, special.gammainccinv(a, left), special.gammaincinv(a, left))
        normal = -special.ndtri(left)
        # To first order in Q, from S(w) = Phi(-w) - Q phi(w) (w² + 2)/6.
        w = np.where(flat, normal - q * (normal**2 + 2) / 6, np.log(u / a) / shape)
        return mu + np.exp(s) * w


def _gamma_log_density(w: np.ndarray, q: np.ndarray) -> tuple[np.ndarray, ...]:
    """Return log f of W and its derivatives by w, ww, Q, wQ, QQ.

    log f = -log(2 pi)/2 - e(Q) - w² h(Q w), h(z) = (exp z - 1 - z)/z², e(Q) the error of Stirling's formula at 1/Q².
    """
    z = q * w
    h, h1, h2 = _bent(z)
    e, e1, e2 = _stirling(q)
    value = -_HALF_LOG_2PI - e - w**2 * h
    f_w = -2 * w * h - w**2 * q * h1
    f_ww = -2 * h - 4 * z * h1 - z**2 * h2
    f_q = -e1 - w**3 * h1
    f_wq = -3 * w**2 * h1 - w**2 * z * h2
    f_qq = -e2 - w**4 * h2
    return value, f_w, f_ww, f_q, f_wq, f_qq


def _bent(z: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return h(z) = (exp z - 1 - z)/z² with two derivatives; a series near 0."""
    near = np.abs(z) < 0.5
    small = np.where(near, z, 0.0)
    h, h1, h2 = (np.zeros_like(z) for _ in range(3))
    power, factorial = np.ones_like(z), 2.0
    for k in range(17):
        # h = sum z^k/(k+2)!; its derivatives' coefficients at z^k follow from those two places further on.
        h += power / factorial
        h1 += (k + 1) * power / (factorial * (k + 3))
        h2 += (k + 1) * (k + 2) * power / (factorial * (k + 3) * (k + 4))
        power = power * small
        factorial *= k + 3
    far = np.where(near, 1.0, z)
    e = np.exp(far)
    g = (np.expm1(far) - far) / far**2
    g1 = (np.expm1(far) - 2 * far * g) / far**2
    g2 = (e - 2 * g - 4 * far * g1) / far**2
    return np.where(near, h, g), np.where(near, h1, g1), np.where(near, h2, g2)


def _stirling(q: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return the error of Stirling's formula for log Gamma at a = 1/Q², with two derivatives by Q."""
    near = np.abs(q) < 0.25
    small = np.where(near, q, 0.0)
    e, e1, e2 = (np.zeros_like(q) for _ in range(3))
    terms = (1 / 12, -1 / 360, 1 / 1260, -1 / 1680, 1 / 1188, -691 / 360360, 1 / 156)
    for k, c in enumerate(terms):
        p = 4 * k + 2
        e += c * small**p
        e1 += c * p * small ** (p - 1)
        e2 += c * p * (p - 1) * small ** (p - 2)
    far = np.where(near, 1.0, q)
    a = far**-2.0
    g = special.gammaln(a) - (a - 0.5) * np.log(a) + a - _HALF_LOG_2PI
    by_a = special.digamma(a) - np.log(a) + 0.5 / a
    by_aa = special.polygamma(1, a) - 1 / a - 0.5 / a**2
    a1, a2 = -2 * far**-3.0, 6 * far**-4.0
    return (
        np.where(near, e, g),
        np.where(near, e1, by_a * a1),
        np.where(near, e2, by_aa * a1**2 + by_a * a2),
    )


def _log_gamma_survival(w: np.ndarray, q: np.ndarray) -> np.ndarray:
    flat = np.abs(q) < _NORMAL
    shape = np.where(flat, 1.0, q)
    a = shape**-2.0
    u = a * np.exp(np.minimum(shape * w, 700.0))
    exact = np.where(shape > 0, special.gammaincc(a, u), special.gammainc(a, u))
    # Near Q = 0: S = Phi(-w) - Q phi(w) (w² + 2)/6 + ...
    phi = np.exp(-0.5 * w * w - _HALF_LOG_2PI)
    with np.errstate(divide="ignore"):
        return np.log(np.where(flat, special.ndtr(-w) - q * phi * (w**2 + 2) / 6, exact))


@dataclass(frozen=True)
class Smooth:
    """Royston-Parmar: the law's ``w`` is a natural cubic spline of log time plus the covariates' part.

    Predictors: ``w``, and for a density also its slope by log time (Royston & Parmar 2002, Statistics in Medicine 21).
    """

    name: str
    law: Law
    free: bool = True
    parts: tuple[str, ...] = ("baseline",)

    def survival(self, eta: tuple[np.ndarray, ...], y: np.ndarray) -> Jet:
        """Return log S; `y` is already in the predictor."""
        value, a1, a2 = self.law.survival(eta[0])
        return Jet(value, (a1,), {(0, 0): a2})

    def density(self, eta: tuple[np.ndarray, ...], y: np.ndarray) -> Jet:
        """Return log f, by time; no number where the curve would rise."""
        value, b1, b2 = self.law.density(eta[0])
        with np.errstate(invalid="ignore", divide="ignore"):
            log_slope = np.log(eta[1])
        return Jet(value + log_slope - y, (b1, 1 / eta[1]), {(0, 0): b2, (1, 1): -1 / eta[1] ** 2})


@dataclass(frozen=True)
class Mixed:
    """A share never meets the event; the others follow `base` (Boag 1949; Farewell 1982).

    Predictor 0 is the logit of the share that never does; the others are those of `base`.
    """

    base: ScaleFamily | GammaFamily

    @property
    def name(self) -> str:
        """Name of the family of the others."""
        return self.base.name

    @property
    def free(self) -> bool:
        """Whether the scale is estimated."""
        return self.base.free

    @property
    def parts(self) -> tuple[str, ...]:
        """What each predictor is."""
        return ("cured", *self.base.parts)

    def survival(self, eta: tuple[np.ndarray, ...], y: np.ndarray) -> Jet:
        """Return log of the whole population's survival."""
        return log_mixed(eta[0], self.base.survival(eta[1:], y))

    def density(self, eta: tuple[np.ndarray, ...], y: np.ndarray) -> Jet:
        """Return log of the whole population's density, by time."""
        return log_uncured_density(eta[0], self.base.density(eta[1:], y))

    def quantile(self, eta: tuple[np.ndarray, ...], log_s: np.ndarray) -> np.ndarray:
        """Return the log time at which log S is this, infinite where the curve never falls so low."""
        share = special.expit(eta[0])
        left = np.exp(log_s) - share
        with np.errstate(divide="ignore", invalid="ignore"):
            own = np.log(np.where(left > 0, left / (1 - share), 0.5))
        return np.where(left > 0, self.base.quantile(eta[1:], own), np.inf)


FAMILIES = {
    "exponential": ScaleFamily("exponential", EXTREME, free=False),
    "weibull": ScaleFamily("weibull", EXTREME),
    "log_normal": ScaleFamily("log_normal", NORMAL),
    "log_logistic": ScaleFamily("log_logistic", LOGISTIC),
    "generalised_gamma": GammaFamily(),
}
SPLINES = {
    "hazard": Smooth("spline", EXTREME),
    "odds": Smooth("spline", LOGISTIC),
    "normal": Smooth("spline", NORMAL),
}
