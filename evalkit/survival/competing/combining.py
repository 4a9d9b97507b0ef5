"""Shares gone by each exit that Cox models of every exit together predict for given people, with intervals.

Not Fine and Gray's prediction: here each exit keeps its own model of pace, and the shares follow from all of them.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from evalkit.errors import InputError
from evalkit.numerics.normal import z_value
from evalkit.survival.competing.incidence import NO_EXIT
from evalkit.survival.competing.prediction import (
    PredictedIncidence,
    counts_between,
    strata_of,
    times_asked,
)
from evalkit.survival.core.sample import label_of
from evalkit.survival.core.sums import merged
from evalkit.survival.curves.readings import both, labels_of, unit_name
from evalkit.wording import Message, message

if TYPE_CHECKING:
    from evalkit.survival.competing.causes import CauseModels
    from evalkit.timetoevent import TimeToEvent


@dataclass(frozen=True, eq=False)
class Pace:
    """One exit's baseline in one stratum, on times that all exits share.

    Parameters
    ----------
    step : float array, shape (m,)
        Hazard added at each time, for somebody at the centre.
    square : float array, shape (m,)
        Variance of each step were the coefficients known.
    drift : float array, shape (m, p)
        What each step loses per unit of coefficient.
    beta : float array, shape (p,)
    covariance : float array, shape (p, p)
        0 for coefficients not estimated.
    origin : float array, shape (p,)
        What is taken from a profile.
    """

    step: np.ndarray
    square: np.ndarray
    drift: np.ndarray
    beta: np.ndarray
    covariance: np.ndarray
    origin: np.ndarray


def combined(
    models: CauseModels, fits: Mapping[str, Any], new: pd.DataFrame, times: float | Iterable[float] | None
) -> PredictedIncidence:
    """Return what `CauseModels.predict` promises; `fits` holds the Cox fit of each exit that was taken."""
    if not isinstance(new, pd.DataFrame) or not len(new):
        raise InputError("new: give a table with at least one row, the people to predict for")
    first = next(iter(fits.values()))
    tte, names = first.fitted.tte, first.fitted.strata
    rows_of = np.zeros(tte.n, dtype=np.int64) if first.fitted.stratum is None else first.fitted.stratum
    stratum = strata_of(first.strata, names, new)
    moments = np.concatenate(
        [f.fitted.slots.time[np.isin(f.fitted.slots.stratum, stratum)] for f in fits.values()]
    )
    asked = times_asked(tte.time, rows_of, stratum, merged(moments)[0], times)
    reason = _no_interval(fits)
    profiles = first.fitted.design.encode(new)
    columns = list(dict.fromkeys([*first.fitted.design.variables, *first.strata]))
    made: list[pd.DataFrame] = []
    for row in range(len(new)):
        grid, paces = _paces(fits, int(stratum[row]))
        shares, errors = _shares(
            paces, profiles[row], np.searchsorted(grid * (1 - 1e-12), asked, side="right")
        )
        frame = _frame(
            tte, list(fits), shares, errors, asked, rows_of == stratum[row], models.conf_level, reason
        )
        for i, name in enumerate(columns):
            frame.insert(i, name, new[name].iloc[row])
        made.append(frame)
    table = pd.concat(made, ignore_index=True)
    return PredictedIncidence(
        table.drop(columns="there"),
        message(
            "survival_competing.question_combined",
            events=[label_of(tte, c) for c in tte.causes], unit=unit_name(tte.unit, 2),
        ),
        models.caveats,
        models.provenance,
        labels={**labels_of(models.labels, tte.unit), NO_EXIT: both("survival.no_exit")},
        by=(*columns, "cause"),
        there=table["there"].to_numpy(),
        unit=tte.unit,
    )  # fmt: skip


def _no_interval(fits: Mapping[str, Any]) -> Message | None:
    """Return why there are no intervals, None when there are."""
    for fit in fits.values():
        if fit.fitted.top.runaway:
            terms = [fit.fitted.design.terms[k] for k in fit.fitted.top.runaway]
            return message("survival.separation", terms=terms)
        if fit.robust:
            return message("survival_competing.no_robust_shares")
    return None


def _paces(fits: Mapping[str, Any], stratum: int) -> tuple[np.ndarray, list[Pace]]:
    """Return the times at which anybody of the stratum left, and each exit's baseline on them."""
    own = [np.flatnonzero(fit.fitted.slots.stratum == stratum) for fit in fits.values()]
    grid, place = merged(
        np.concatenate([fit.fitted.slots.time[i] for fit, i in zip(fits.values(), own, strict=True)])
    )
    paces, begin = [], 0
    for fit, slots in zip(fits.values(), own, strict=True):
        at, begin = place[begin : begin + len(slots)], begin + len(slots)
        likelihood, top = fit.fitted.likelihood, fit.fitted.top
        step, e0, e1 = likelihood.hazard_terms(top.seen)
        risk_x, event_x = likelihood.slot_means(top.seen)
        lost = e0[:, None] * risk_x - e1[:, None] * event_x
        square, pace = np.zeros(len(grid)), np.zeros(len(grid))
        drift = np.zeros((len(grid), len(top.beta)))
        pace[at], square[at], drift[at] = step[slots], e0[slots], lost[slots]
        # The matrix may have been centred beforehand.
        offset = fit.fitted.design.matrix[0] - likelihood.parts[0].x[0]
        covariance = np.nan_to_num(fit.fitted.covariance)
        paces.append(Pace(pace, square, drift, top.beta, covariance, offset + likelihood.centre))
    return grid, paces


def _shares(paces: list[Pace], profile: np.ndarray, upto: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return each exit's share after so many times (the share with no exit last), and their standard errors, shape (k + 1, t).

    Between them hazards are one: S = exp(-Σ λ), and a step's exits are shared in proportion to the paces, as R's ``survfit`` of a
    multi-state ``coxph``. Variance: each exit's Tsiatis variance, weighted by the derivative of the share by each step.
    """
    relative = np.array([np.exp((profile - pace.origin) @ pace.beta) for pace in paces])
    rate = np.stack([r * pace.step for r, pace in zip(relative, paces, strict=True)])
    total = rate.sum(axis=0)
    free = np.exp(-np.concatenate([[0.0], np.cumsum(total)]))
    # h = (1 - exp(-u)) / u and its derivative, by series where u is small.
    small, u = total < 1e-5, np.maximum(total, 1e-5)
    h = np.where(small, 1 - total / 2, -np.expm1(-u) / u)
    bent = np.where(small, -0.5 + total / 3, (np.exp(-u) + np.expm1(-u) / u) / u)
    risen = np.cumsum(free[:-1] * rate * h, axis=1)
    share = np.concatenate([np.zeros((len(paces), 1)), risen], axis=1)
    shares = np.concatenate([share, free[None]])[:, upto]
    variance = np.zeros(shares.shape)
    for i, pace in enumerate(paces):
        z = profile - pace.origin
        along = pace.step[:, None] * z - pace.drift
        for j, n in enumerate(upto):
            # What one more unit of this exit's hazard at each time does to every share by then.
            moved = free[:n] * rate[:, :n] * bent[:n] - (share[:, n : n + 1] - share[:, 1 : n + 1])
            moved[i] += free[:n] * h[:n]
            moved = np.concatenate([moved, np.full((1, n), -free[n])])
            by_beta = moved @ along[:n]
            spread = moved**2 @ pace.square[:n] + ((by_beta @ pace.covariance) * by_beta).sum(axis=1)
            variance[:, j] += relative[i] ** 2 * spread
    return shares, np.sqrt(variance)


def _frame(
    tte: TimeToEvent,
    taken: list[str],
    shares: np.ndarray,
    errors: np.ndarray,
    asked: np.ndarray,
    own: np.ndarray,
    conf_level: float,
    reason: Message | None,
) -> pd.DataFrame:
    """Return the rows of one profile: per time one per exit, the share with no exit last."""
    states = [*tte.causes, NO_EXIT]
    counts = counts_between(tte, own, asked)
    z = z_value(conf_level)
    frames = []
    for state in states:
        at = (taken.index(state) if state in taken else None) if state != NO_EXIT else len(taken)
        p = np.zeros(len(asked)) if at is None else shares[at]
        error = np.full(len(asked), np.nan) if at is None or reason is not None else errors[at]
        with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
            inside = np.where((p > 0) & (p < 1), p, np.nan)
            wide = np.exp(z * error / ((1 - inside) * -np.log1p(-inside)))
        low, high = -np.expm1(np.log1p(-inside) / wide), -np.expm1(np.log1p(-inside) * wide)
        certain = (p == 0) & (error == 0) | (p == 1) & (error == 0)
        why = message("survival_competing.no_such_exit", event=label_of(tte, state)) if at is None else reason
        frames.append(pd.DataFrame({
            "cause": state, "time": asked, "estimate": p, "std_error": error,
            "conf_low": np.where(certain, p, low), "conf_high": np.where(certain, p, high), "conf_level": conf_level,
            "n_risk": counts["n_risk"], "n_event": counts[state], "n_censor": counts["n_censor"],
            "status": "ok" if why is None else "not_estimable", "reason": [why] * len(asked),
            "there": counts[state, "day"],
        }))  # fmt: skip
    stacked = pd.concat(frames, ignore_index=True)
    order = np.arange(len(stacked)).reshape(len(states), len(asked)).T.ravel()
    return stacked.iloc[order].reset_index(drop=True)
