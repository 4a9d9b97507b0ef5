"""Bands that hold a whole survival curve at once: Hall and Wellner's, and Nair's of equal precision, critical values computed.

Not for one time asked alone: the pointwise intervals of `transforms` are narrower and answer that.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from scipy import optimize, special

from evalkit.errors import InputError
from evalkit.numerics.normal import z_value
from evalkit.survival.curves.readings import unit_name
from evalkit.survival.curves.transforms import bounds
from evalkit.wording import message

if TYPE_CHECKING:
    from evalkit.survival.curves.curveset import Curves

KINDS = ("equal_precision", "hall_wellner")
#: Events before, and people at risk, that a band of equal precision needs where it is not told where to hold. From the very first
#: event on it would hold the curve in 88 plays of 100 rather than 95 (log-log, benchmarks/coverage).
ENOUGH = 10


def banded(
    curves: Curves,
    kind: str,
    transform: str,
    lower: float | None,
    upper: float | None,
    conf_level: float | None,
) -> Curves:
    """Return the curves with the bounds of a band; see `Curves.band`."""
    if kind not in KINDS:
        raise InputError(f"kind: must be one of {', '.join(KINDS)}, but was {kind!r}")
    if not curves.greenwood:
        raise InputError(
            "band: sampling weights; its critical values hold for people who count alike. Ask pointwise intervals"
        )
    level = curves.conf_level if conf_level is None else conf_level
    z_value(level)  # a level is refused even where no stretch can be held
    low, high = np.full((2, len(curves.table)), np.nan)
    said, first = [], 0
    for key, group in curves._groups():
        steps = _held(group, lower, upper, kind)
        where = message("survival_curves.in_group", group=", ".join(map(str, key))) if key else ""
        if len(steps):
            estimate, error, time = (group[c].to_numpy() for c in ("estimate", "std_error", "time"))
            n = curves._size(group)["n"]
            found = simultaneous(estimate[steps], error[steps], n, kind, transform, level)
            low[first + steps], high[first + steps] = found
            # A row holds until the next one.
            ends = time[min(steps[-1] + 1, len(time) - 1)] if upper is None else upper
            said.append(message(
                "survival_curves.band", kind=message(f"survival_curves.{kind}"), level=level, lower=float(time[steps[0]]),
                upper=float(ends), unit=unit_name(curves.unit, 2), group=where,
            ))  # fmt: skip
        else:
            said.append(message("survival_curves.band_none", group=where))
        first += len(group)
    table = curves.table.assign(conf_low=low, conf_high=high, conf_level=level)
    return dataclasses.replace(
        curves,
        table=table,
        conf_type=transform,
        conf_level=level,
        simultaneous=True,
        caveats=(*curves.caveats, *said),
    )


def _held(group: pd.DataFrame, lower: float | None, upper: float | None, kind: str) -> np.ndarray:
    """Return the rows of one curve a band holds: from the first event on, while the curve is above 0, within the limits."""
    time = group["time"].to_numpy()
    usable = ((group["std_error"] > 0) & (group["estimate"] > 0)).to_numpy()
    if lower is not None:
        usable[: max(np.searchsorted(time, lower, side="right") - 1, 0)] = False
    elif kind == "equal_precision":
        usable &= group["n_event"].cumsum().to_numpy() >= ENOUGH
    if upper is not None:
        usable[np.searchsorted(time, upper, side="right") :] = False
    elif kind == "equal_precision":
        usable &= group["n_risk"].to_numpy() >= ENOUGH
    held = np.flatnonzero(usable)
    # Late entry may bring people back to risk: a band holds one stretch.
    return held if len(held) == 0 else np.arange(held[0], held[-1] + 1)


def simultaneous(
    estimate: np.ndarray, std_error: np.ndarray, n: float, kind: str, conf_type: str, conf_level: float
) -> tuple[np.ndarray, np.ndarray]:
    """Return the bounds that hold the survival curve at all of these steps together.

    Parameters
    ----------
    estimate, std_error : float arrays, shape (m,)
        The steps of the curve the band is about, in order; estimates above 0 and standard errors above 0.
    n : float
        How many people the curve was read from.
    kind : {"equal_precision", "hall_wellner"}
    conf_type : {"log-log", "plain", "log", "logit", "arcsin"}
    conf_level : float

    Returns
    -------
    low, high : float arrays, shape (m,)

    Notes
    -----
    With s the standard error of log S and a = n s² / (1 + n s²): Nair (1984) takes the pointwise interval with a larger
    quantile, Hall & Wellner (1980) a half-width k (1 + n s²) / √n of log S; both on any scale (Borgan & Liestøl 1990;
    Klein & Moeschberger 2003, §4.4). The critical values hold from the first to the last of these steps.
    """
    spread = std_error / estimate
    size = n * spread**2
    share = size / (1 + size)
    if kind == "equal_precision":
        width = equal_precision_value(share[0], share[-1], conf_level) * spread
    else:
        width = hall_wellner_value(share[0], share[-1], conf_level) * (1 + size) / math.sqrt(n)
    return bounds(estimate, width, conf_type)


def equal_precision_value(low: float, high: float, conf_level: float = 0.95) -> float:
    """Return c such that |B(x)| / √(x (1 - x)) stays below c on [low, high], B a Brownian bridge, with this probability.

    Parameters
    ----------
    low, high : float
        0 < low <= high < 1.
    conf_level : float

    Returns
    -------
    float

    Notes
    -----
    In the time log(x / (1 - x)) the process is a stationary Ornstein-Uhlenbeck process: the probability of staying inside
    ±c is Σ b_k² exp(-λ_k T), the eigenvalues of its generator on [-c, c] with an absorbing boundary, found by a Galerkin method. Nair
    (1984) and the tables of Klein & Moeschberger (C.3) use an approximation of the tail.

    Examples
    --------
    >>> round(equal_precision_value(0.5, 0.5), 2), round(equal_precision_value(0.1, 0.9), 3)
    (1.96, 3.052)
    """
    length = special.logit(high) - special.logit(low)
    if length < 1e-9:
        return z_value(conf_level)
    return _solved(lambda c: _ornstein_inside(c, length), conf_level, z_value(conf_level))


def hall_wellner_value(low: float, high: float, conf_level: float = 0.95) -> float:
    """Return k such that |B(x)| stays below k on [low, high], B a Brownian bridge, with this probability.

    Parameters
    ----------
    low, high : float
        0 <= low <= high <= 1.
    conf_level : float

    Returns
    -------
    float

    Notes
    -----
    The bridge is a Brownian motion killed at ±k, of which all sources are mirrored at both edges, weighted by what comes before
    `low` and after `high`. From 0 to 1 it is Kolmogorov's law; from 0 the one of Hall & Wellner (1980).

    Examples
    --------
    >>> round(hall_wellner_value(0.0, 1.0), 4)
    1.3581
    """
    widest = min(max(low, 0.5), high)
    alone = z_value(conf_level) * math.sqrt(widest * (1 - widest))
    if high - low < 1e-12:
        return alone
    return _solved(lambda k: _bridge_inside(k, low, high), conf_level, alone)


def _solved(inside: Callable[[float], float], conf_level: float, least: float) -> float:
    """Return where `inside` reaches the level; it is no more than that at `least`, which holds one time alone."""
    if inside(least) >= conf_level:
        return least
    most = least + 1.0
    while inside(most) < conf_level:
        most += 1.0
    return float(optimize.brentq(lambda c: inside(c) - conf_level, least, most, xtol=1e-10))


#: Cosines that vanish at both ends span the shapes that count; more of them change nothing in the eighth digit. Matrices this small
#: are also below those for which a busy machine's threads wait for each other.
_SHAPES = 24
_NODES, _WEIGHTS = np.polynomial.legendre.leggauss(200)
_ANGLES = (np.arange(_SHAPES) + 0.5) * math.pi
_COSINES = np.cos(_ANGLES[:, None] * _NODES)
_SQUARES = (_COSINES * (_NODES**2 * _WEIGHTS)) @ _COSINES.T


def _ornstein_inside(c: float, length: float) -> float:
    """Return the probability that a stationary Ornstein-Uhlenbeck process (variance 1) stays inside ±c for `length`."""
    # Times the root of its own law, the generator is that of an oscillator: -f''/2 + (x²/8 - 1/4) f, symmetric.
    generator = c**2 / 8 * _SQUARES + np.diag((_ANGLES / c) ** 2 / 2 - 0.25)
    values, vectors = np.linalg.eigh(generator)
    root = np.exp(-((c * _NODES) ** 2) / 4) / (2 * math.pi) ** 0.25
    start = math.sqrt(c) * vectors.T @ (_COSINES @ (_WEIGHTS * root))
    return float((start**2 * np.exp(-values * length)).sum())


def _bridge_inside(k: float, low: float, high: float) -> float:
    """Return the probability that a Brownian bridge stays inside ±k from `low` to `high`."""
    first, weight = np.zeros(1), np.ones(1)
    if low > 0:
        reach = min(k, 12 * math.sqrt(low))
        first, weight = reach * _NODES, reach * _WEIGHTS * _normal(reach * _NODES, low)
    step, rest = high - low, 1 - high
    # Killed at both edges of the strip: the sources are mirrored at them again and again.
    turn = 4 * k * np.arange(-int(10 / (4 * k)) - 1, int(10 / (4 * k)) + 2)[:, None]
    inside = _reaching(first + turn, step, rest, k) - _reaching(2 * k - first + turn, step, rest, k)
    return float((inside.sum(axis=0) * weight).sum() * math.sqrt(2 * math.pi))


def _reaching(source: np.ndarray, step: float, rest: float, k: float) -> np.ndarray:
    """Return how likely a motion from `source` is inside ±k after `step`, and at 0 after a further `rest`."""
    weight = _normal(source, step + rest)
    spread = math.sqrt(step * rest / (step + rest))
    if spread == 0:
        return weight
    place = source * rest / (step + rest)
    return weight * (special.ndtr((k - place) / spread) - special.ndtr((-k - place) / spread))


def _normal(x: np.ndarray, variance: float) -> np.ndarray:
    return np.exp(-(x**2) / (2 * variance)) / math.sqrt(2 * math.pi * variance)
