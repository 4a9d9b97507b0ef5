"""How large an effect is, in standard errors of one person: what power and sample size are both read from.

Not a plan: `power_of` checks what is supposed and words the answer.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from evalkit.survival.planning.course import Course, Window


@dataclass(frozen=True)
class Effect:
    """What one person planned brings.

    Parameters
    ----------
    size : float
        Expected statistic per square root of a person: with n people the statistic is about normal(√n size, 1).
    events : tuple of float
        Events expected per person planned, in the control group and in the other (a single number without groups).
    """

    size: float
    events: tuple[float, ...]


def expected_events(course: Course, window: Window, cause: int) -> float:
    """Return the share of people seen to leave by `cause`."""
    t, w = window.nodes([course])
    return float(w @ (window.watched(t) * course.survival(t) * course.hazard(t, cause)))


def risk_sets(control: Course, treated: Course, window: Window, allocation: float) -> Effect:
    """Return the effect in a log-rank test, from the risk sets expected at each time.

    Notes
    -----
    With y_g(t) the expected share at risk and h_g the hazards: ∫ y₀y₁/(y₀+y₁) (h₁ - h₀) over the root of
    ∫ y₀y₁/(y₀+y₁)² (y₀h₀ + y₁h₁), the limit of the statistic's own variance. Lakatos (1988), Biometrics 44:229, eq. 2, with
    integrals for sums. Hazards need not be proportional.
    """
    t, w = window.nodes([control, treated])
    watched = window.watched(t)
    y0 = (1 - allocation) * watched * control.survival(t)
    y1 = allocation * watched * treated.survival(t)
    h0, h1 = control.hazard(t, 0), treated.hazard(t, 0)
    every = np.where(y0 + y1 > 0, y0 + y1, 1.0)
    drift = w @ (y0 * y1 / every * (h1 - h0))
    variance = w @ (y0 * y1 / every**2 * (y0 * h0 + y1 * h1))
    return Effect(float(drift / np.sqrt(variance)), _by_group(control, treated, window, allocation))


def by_events(control: Course, treated: Course, window: Window, allocation: float, ratio: float) -> Effect:
    """Return the effect as the number of events gives it.

    Notes
    -----
    log θ √(p (1 - p) d): Schoenfeld (1981), Biometrika 68:316.
    """
    events = _by_group(control, treated, window, allocation)
    size = np.log(ratio) * np.sqrt(allocation * (1 - allocation) * sum(events))
    return Effect(float(size), events)


def by_ratio(control: Course, treated: Course, window: Window, allocation: float, ratio: float) -> Effect:
    """Return the effect as Freedman's formula gives it.

    Notes
    -----
    √(k d) (θ - 1) / (kθ + 1), k the ratio of group sizes: Freedman (1982), Statistics in Medicine 1:121.
    """
    events = _by_group(control, treated, window, allocation)
    k = allocation / (1 - allocation)
    return Effect(float(np.sqrt(k * sum(events)) * (ratio - 1) / (k * ratio + 1)), events)


def covariate(course: Course, window: Window, ratio: float, sd: float, r_squared: float) -> Effect:
    """Return the effect of a covariate in a Cox model.

    Notes
    -----
    σ log θ √((1 - R²) d): Hsieh & Lavori (2000), Controlled Clinical Trials 21:552, eq. 1 and 2.
    """
    events = expected_events(course, window, 0)
    return Effect(float(np.log(ratio) * sd * np.sqrt((1 - r_squared) * events)), (events,))


def subdistribution(control: Course, window: Window, allocation: float, ratio: float) -> Effect:
    """Return the effect on the share gone by one exit when others compete.

    Notes
    -----
    F₁ of the treated is 1 - (1 - F₁)^θ; the size is log θ √(p (1 - p) d), d the events of interest: Latouche, Porcher
    & Chevret (2004), Statistics in Medicine 23:3263, eq. 5.
    """
    t, w = window.nodes([control])
    rise = control.survival(t) * control.hazard(t, 0)
    stretched = ratio * (1 - control.incidence(t, 0)) ** (ratio - 1) * rise
    seen = (float(w @ (window.watched(t) * rise)), float(w @ (window.watched(t) * stretched)))
    events = ((1 - allocation) * seen[0], allocation * seen[1])
    return Effect(float(np.log(ratio) * np.sqrt(allocation * (1 - allocation) * sum(events))), events)


def areas(
    control: Course, treated: Course, window: Window, allocation: float, upto: float
) -> tuple[Effect, float]:
    """Return the effect on the restricted mean time, and the difference itself.

    Notes
    -----
    Per person of a group the variance of the area tends to ∫ A(t)² h(t) / (S(t) π(t)) dt, A(t) the area from t on and π(t) the share
    still watched: Greenwood's sum in the limit (Klein & Moeschberger 2003, eq. 4.5.2).
    """
    means, variances = [], []
    for course in (control, treated):
        t, w = window.nodes([course], upto)
        left = course.survival(t)
        mean = float(w @ left)
        # The area after a node: what the finer integral up to it leaves of the whole.
        ahead = mean - _integral(course, t)
        means.append(mean)
        variances.append(float(w @ (ahead**2 * course.hazard(t) / (left * window.watched(t)))))
    difference = means[1] - means[0]
    variance = variances[0] / (1 - allocation) + variances[1] / allocation
    return Effect(difference / np.sqrt(variance), _by_group(control, treated, window, allocation)), difference


def _integral(course: Course, t: np.ndarray) -> np.ndarray:
    """Return the area under the survival up to each `t`, in closed form by pieces."""
    edges = np.concatenate([[0.0], course.days])
    left = course.survival(edges)
    rates = course.hazards.sum(axis=0)
    width = np.diff(edges)
    # (1 - exp(-hΔ)) / h, which is Δ where nobody leaves.
    gained = lambda h, d: np.where(h > 0, -np.expm1(-h * d) / np.where(h > 0, h, 1.0), d)
    upto = np.concatenate([[0.0], np.cumsum(left[:-1] * gained(rates, width))])
    piece = np.minimum(np.searchsorted(course.days, t, side="left"), len(course.days) - 1)
    return upto[piece] + left[piece] * gained(rates[piece], t - edges[piece])


def _by_group(control: Course, treated: Course, window: Window, allocation: float) -> tuple[float, float]:
    return (
        (1 - allocation) * expected_events(control, window, 0),
        allocation * expected_events(treated, window, 0),
    )
