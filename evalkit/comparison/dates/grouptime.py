"""Effects by start and date when starts are staggered, and their averages, each with everybody's influence on it.

Not a regression with fixed effects for people and dates: that one compares late starters with people treated already.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from evalkit.numerics.clustered import Contrast


@dataclass(frozen=True, eq=False)
class Panel:
    """People seen at every date.

    Parameters
    ----------
    y : float array, shape (n, dates)
    start : int array, shape (n,)
        Number of the first date treated; `never` for those who never are.
    never : int
        One more than any date.
    """

    y: np.ndarray
    start: np.ndarray
    never: int

    @property
    def starts(self) -> list[int]:
        """The starts that occur and have somebody to be compared with, in order.

        When nobody never starts, the last to start are compared with, and have no effect of their own.
        """
        found = [int(g) for g in np.unique(self.start)]
        return found[:-1]


@dataclass(frozen=True, eq=False)
class Cells:
    """Effects by start and date.

    Parameters
    ----------
    start, date, base : int arrays, shape (K,)
        Who, when, and the date compared with.
    effect : float array, shape (K,)
    influence : float array, shape (n, K)
        Everybody's influence on each, n times what leaving them out would change.
    share : float array, shape (K,)
        Share of everybody who starts then.
    compared : int array, shape (K,)
        How many people it is compared with.
    """

    start: np.ndarray
    date: np.ndarray
    base: np.ndarray
    effect: np.ndarray
    influence: np.ndarray
    share: np.ndarray
    compared: np.ndarray

    @property
    def after(self) -> np.ndarray:
        """Which are effects, and not differences before."""
        return self.date >= self.start


def cells(panel: Panel, controls: str, base: str, few: bool = True) -> Cells:
    """Return the change since before the start, less that of people not treated by then, for each start and date.

    Parameters
    ----------
    panel : Panel
    controls : {"never", "not_yet"}
        Compared with people who never start, or who have not started at either date.
    base : {"last", "previous"}
        Differences before are from the last date before the start, or from the date before each.
    few : bool
        Whether deviations are enlarged by √(m/(m − 1)) in groups of m, as Welch's variance does (nan for a group of 1); R's did
        does not.

    Notes
    -----
    Callaway & Sant'Anna (2021), Journal of Econometrics 225:200, eq. 2.6 without covariates.
    """
    n, dates = panel.y.shape
    found = []
    for g in panel.starts:
        for t in range(dates):
            before = g - 1 if base == "last" or t >= g else t - 1
            if before < 0 or t == before:
                continue
            treated = panel.start == g
            free = panel.start == panel.never
            if controls == "not_yet":
                free = (panel.start > max(t, before)) & ~treated
            if not free.any():
                continue
            change = panel.y[:, t] - panel.y[:, before]
            effect, influence = 0.0, np.zeros(n)
            for who, sign in ((treated, 1.0), (free, -1.0)):
                m = int(who.sum())
                centre = change[who].mean()
                effect += sign * centre
                # A single unit does not say how much units vary: no influence is known.
                enlarged = 1.0 if not few else math.sqrt(m / (m - 1)) if m > 1 else math.nan
                influence[who] += sign * enlarged * n / m * (change[who] - centre)
            found.append((g, t, before, effect, influence, treated.mean(), free.sum()))
    g, t, before, effect, influence, share, free = zip(*found, strict=True)
    return Cells(
        np.array(g), np.array(t), np.array(before), np.array(effect), np.column_stack(influence),
        np.array(share), np.array(free),
    )  # fmt: skip


@dataclass(frozen=True, eq=False)
class Average:
    """A weighted mean of effects, with everybody's influence on it, shape (n,)."""

    effect: float
    influence: np.ndarray


def by_size(panel: Panel, made: Cells, kept: np.ndarray) -> Average:
    """Return the mean of some effects, each start counting by how many start then; their shares are estimated too."""
    share = made.share[kept]
    total = share.sum()
    belongs = np.equal.outer(panel.start, made.start[kept]) - share
    # How each person moves the weights: the derivative of share / total.
    moving = belongs / total - np.outer(belongs.sum(axis=1), share) / total**2
    weights = share / total
    influence = made.influence[:, kept] @ weights + moving @ made.effect[kept]
    return Average(float(weights @ made.effect[kept]), influence)


def evenly(averages: list[Average]) -> Average:
    """Return the plain mean."""
    return Average(
        float(np.mean([a.effect for a in averages])), np.mean([a.influence for a in averages], axis=0)
    )


def by_start(panel: Panel, made: Cells) -> dict[int, Average]:
    """Return the mean effect of each start, over all its dates after."""
    out = {}
    for g in panel.starts:
        kept = (made.start == g) & made.after
        if kept.any():
            out[g] = Average(float(made.effect[kept].mean()), made.influence[:, kept].mean(axis=1))
    return out


def over_starts(panel: Panel, averages: dict[int, Average]) -> Average:
    """Return the mean over starts, by how many start then."""
    share = np.array([(panel.start == g).mean() for g in averages])
    total = share.sum()
    effect = np.array([a.effect for a in averages.values()])
    belongs = np.equal.outer(panel.start, np.array(list(averages))) - share
    moving = belongs / total - np.outer(belongs.sum(axis=1), share) / total**2
    influence = np.column_stack([a.influence for a in averages.values()]) @ (share / total) + moving @ effect
    return Average(float(share @ effect / total), influence)


def since_start(panel: Panel, made: Cells) -> dict[int, Average]:
    """Return the mean effect by number of dates since the start; negative ones are before."""
    since = made.date - made.start
    return {int(e): by_size(panel, made, since == e) for e in np.unique(since)}


def precision(panel: Panel, average: Average) -> Contrast:
    """Return an average with its standard error and degrees of freedom.

    Everybody's influence is summed by start; few people at a start leave few degrees of freedom (Satterthwaite).
    """
    n = len(panel.start)
    if np.isnan(average.influence).any():
        return Contrast(average.effect, math.nan, math.nan, "one_cluster_alone")
    part, free = [], []
    for g in np.unique(panel.start):
        mine = average.influence[panel.start == g] / n
        part.append(float(mine @ mine))
        free.append(max(len(mine) - 1, 1))
    total = sum(part)
    scale = float(np.abs(panel.y).max())
    if total <= (1e-11 * max(scale, np.finfo(float).tiny)) ** 2:
        return Contrast(average.effect, math.nan, math.nan, "no_spread")
    df = total**2 / sum(p**2 / f for p, f in zip(part, free, strict=True))
    return Contrast(average.effect, math.sqrt(total), df)


def covariance(panel: Panel, averages: list[Average]) -> np.ndarray:
    """Return the covariance of several averages."""
    influence = np.column_stack([a.influence for a in averages]) / len(panel.start)
    return influence.T @ influence
