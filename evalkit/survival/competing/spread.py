"""What each row moves in a subdistribution model, the estimated censoring distribution included: variances are made of it.

Not a fit. Everything is running sums over times: no pair of rows is looked at.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from evalkit.survival.competing.censoring import Observation
from evalkit.survival.competing.staying import Part, StayingRows
from evalkit.survival.core.slots import Slots
from evalkit.survival.proportional.partial import Likelihood, Pass


@dataclass(frozen=True, eq=False)
class Look:
    """A likelihood at some coefficients, with what its weights were made of.

    Parameters
    ----------
    likelihood : Likelihood
        Of `StayingRows`.
    slots : Slots
    observation : Observation
    parts : sequence of Part
    seen : Pass
    """

    likelihood: Likelihood
    slots: Slots
    observation: Observation
    parts: Sequence[Part]
    seen: Pass


def score_influence(
    look: Look, cluster: Sequence[np.ndarray], n_clusters: int, weighting: bool = True
) -> np.ndarray:
    """Return weighted score residuals summed by cluster, shape (n_clusters, p).

    Parameters
    ----------
    look : Look
    cluster : sequence of int array
        Cluster of each row, per part.
    n_clusters : int
    weighting : bool
        Whether to add what each row moves through the estimated censoring distribution.

    Notes
    -----
    η + ψ of Fine & Gray (1999), §5: ψ_i = ∫ q(u) / Y(u) dM_i^c(u), M^c the censoring martingale of the row's group, and
    q(u) = Σ_{l competing, T_l < u} ∫_{s ≥ u} (x_l - z̄(s)) r_l G(s-) / G(T_l-) dΛ(s), l in that group. Equal to ``cmprsk::crr``, which
    however sums l over all groups when there are several. Clusters: Zhou, Fine, Latouche & Labopin (2012).
    """
    out = look.likelihood.residuals(look.seen, cluster, n_clusters)
    if not weighting:
        return out
    moved = score_moved(look)
    for part, whose in zip(look.parts, cluster, strict=True):
        at = look.observation.place(part.time)
        for k in range(out.shape[1]):
            through = through_weights(look.observation, part, moved[:, :, k], at)
            out[:, k] += np.bincount(whose, through, n_clusters)
    return out


def score_moved(look: Look) -> np.ndarray:
    """Return q(u): what one more censoring at each time moves in the score, times those at risk; shape (g, m, p)."""
    risk_x, _ = look.likelihood.slot_means(look.seen)
    step = look.likelihood.cumulative_hazard(look.seen)
    mean = risk_x / look.seen.at_risk[:, None]
    g, m, p = *look.observation.at_risk.shape, risk_x.shape[1]
    moved = np.zeros((g, m, p))
    for stratum in np.unique(look.slots.stratum):
        ahead = _ahead(look, stratum, step[:, None] * np.column_stack([np.ones(len(step)), mean]))
        gone, *gone_x = _gone(look, stratum, p)
        for k in range(p):
            moved[:, :, k] += gone_x[k] * ahead[:, :, 0] - gone * ahead[:, :, k + 1]
    return moved


def hazard_influence(look: Look, stratum: int, upto: int, weighting: bool = True) -> list[np.ndarray]:
    """Return what each row moves in the cumulative hazard of somebody at the centre, up to a slot, at fixed coefficients.

    Parameters
    ----------
    look : Look
    stratum : int
    upto : int
        How many slots, counted over all strata, have passed.
    weighting : bool

    Returns
    -------
    list of float array
        Weighted, one array per part.
    """
    slots, seen = look.slots, look.seen
    own = (slots.stratum == stratum) & (np.arange(len(slots)) < upto)
    step = look.likelihood.cumulative_hazard(seen)
    inverse = np.where(own, 1 / seen.at_risk, 0.0)
    cumulative = np.concatenate([[0.0], np.cumsum(step * inverse)])
    moved = None
    if weighting:
        ahead = _ahead(look, stratum, (step * inverse)[:, None])[:, :, 0]
        moved = _gone(look, stratum, 0)[0] * ahead
    out = []
    for part, rows, risk in zip(look.parts, look.likelihood.parts, seen.risks, strict=True):
        influence = -risk * rows.during(cumulative)
        weight = 1.0 if rows.weight is None else rows.weight[rows.event]
        influence[rows.event] += weight * inverse[rows.last[rows.event] - 1]
        if moved is not None:
            influence += through_weights(look.observation, part, moved, look.observation.place(part.time))
        out.append(influence)
    return out


def through_weights(observation: Observation, part: Part, moved: np.ndarray, at: np.ndarray) -> np.ndarray:
    """Return ∫ moved(u) / Y(u) dM^c(u) of each row, weighted; `moved` has shape (g, m), `at` is where rows end on the times."""
    at_risk, censored = observation.at_risk, observation.censored
    ratio = np.divide(moved, at_risk, out=np.zeros_like(moved), where=censored > 0)
    rate = np.divide(censored, at_risk, out=np.zeros_like(at_risk), where=censored > 0)
    passed = np.cumsum(ratio * rate, axis=1)
    # What a censored row has and an exit has not, side by side: one look-up per row.
    both = np.stack([ratio - passed, -passed, -passed], axis=1).ravel()
    m = at_risk.shape[1]
    where = part.kind * m + at
    if part.group is not None:
        where += part.group * (3 * m)
    out = both[where]
    return out if part.weight is None else out * part.weight


def _gone(look: Look, stratum: int, n_columns: int) -> list[np.ndarray]:
    """Return, per group and time, the sum of risk / G(T-) over those who left before and stayed; and that times each column."""
    g, m = look.observation.at_risk.shape
    flow = np.zeros((n_columns + 1, g * m))
    for part, rows, risk in zip(look.parts, look.likelihood.parts, look.seen.risks, strict=True):
        stays = _stays(rows, look.slots, stratum)
        row = rows.stayed[stays]
        at = rows.group[stays] * m + look.observation.place(part.time[row])
        value = risk[row] * rows.inverse[stays]
        flow[0] += np.bincount(at, value, g * m)
        for k in range(n_columns):
            x = part.x[row, k] - look.likelihood.centre[k]
            flow[k + 1] += np.bincount(at, value * x, g * m)
    flow = flow.reshape(n_columns + 1, g, m)
    return list(np.cumsum(flow, axis=2) - flow)


def _stays(rows: StayingRows, slots: Slots, stratum: int) -> np.ndarray:
    if slots.stratum[-1] == 0:
        return np.arange(len(rows.stayed))
    return np.flatnonzero(slots.stratum[rows.stop - 1] == stratum)


def _ahead(look: Look, stratum: int, values: np.ndarray) -> np.ndarray:
    """Return, per group and time, the sum of G(t-) × values over the stratum's slots from that time on, shape (g, m, c)."""
    own = np.flatnonzero(look.slots.stratum == stratum)
    when = look.observation.place(look.slots.time[own])
    kept = look.observation.before[:, when]
    later = np.zeros((len(kept), len(own) + 1, values.shape[1]))
    later[:, :-1] = np.cumsum((kept[:, :, None] * values[own])[:, ::-1], axis=1)[:, ::-1]
    return later[:, np.searchsorted(when, np.arange(look.observation.at_risk.shape[1]), side="left")]
