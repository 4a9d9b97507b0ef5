"""Cox's model from sums alone: sites (files, partitions, institutions) keep their rows and answer with sums, which add.

Not for rows that one process can hold: `cox` is for those, and says more. Free of pandas: arrays in, arrays out.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import reduce
from operator import add

import numpy as np

from evalkit.errors import InputError
from evalkit.survival.core.slots import Slots
from evalkit.survival.core.sums import SAME_TIME
from evalkit.survival.proportional.newton import Maximum, maximise
from evalkit.survival.proportional.partial import Likelihood, Pass, Pull, weighted_gram
from evalkit.survival.proportional.rows import Rows


# -- what travels from a site ----------------------------------------------------------------------------------------
@dataclass(frozen=True, eq=False)
class Columns:
    """How the covariates lie: what keeps digits, and what finds constants.

    Parameters
    ----------
    n : int
    total, square : float arrays, shape (p,)
        Sums of x and of (x - about)².
    low, high : float arrays, shape (p,)
    """

    n: int
    total: np.ndarray
    square: np.ndarray
    low: np.ndarray
    high: np.ndarray

    def __add__(self, other: Columns) -> Columns:
        return Columns(
            self.n + other.n, self.total + other.total, self.square + other.square,
            np.minimum(self.low, other.low), np.maximum(self.high, other.high),
        )  # fmt: skip


@dataclass(frozen=True, eq=False)
class EventTimes:
    """At which times events happened, by stratum; the sum of all is the grid on which every further sum stands.

    Parameters
    ----------
    stratum : int array, shape (L,)
    time, number, weight : float arrays, shape (L,)
        When, how many, and what they weigh.

    Examples
    --------
    >>> one, two = (EventTimes.of(np.array(t), np.zeros(len(t), int), np.ones(len(t))) for t in ([3.0, 5.0], [5.0]))
    >>> (one + two).time, (one + two).number
    (array([3., 5.]), array([1., 2.]))
    """

    stratum: np.ndarray
    time: np.ndarray
    number: np.ndarray
    weight: np.ndarray

    @classmethod
    def of(cls, time: np.ndarray, stratum: np.ndarray, weight: np.ndarray) -> EventTimes:
        """Count events."""
        return cls(stratum, time, np.ones(len(time)), weight)._merged()

    def __add__(self, other: EventTimes) -> EventTimes:
        both = (
            np.concatenate([getattr(part, name) for part in (self, other)])
            for name in ("stratum", "time", "number", "weight")
        )
        return EventTimes(*both)._merged()

    def _merged(self) -> EventTimes:
        if not len(self.time):
            return self
        order = np.lexsort((self.time, self.stratum))
        stratum, time = self.stratum[order], self.time[order]
        later = np.diff(time) > SAME_TIME * time[1:]
        start = np.flatnonzero(np.concatenate([[True], later | (np.diff(stratum) > 0)]))
        number, weight = (np.add.reduceat(values[order], start) for values in (self.number, self.weight))
        return EventTimes(stratum[start], time[start], number, weight)


@dataclass(frozen=True, eq=False)
class AtRisk:
    """Relative hazards summed over risk sets and over events, per slot; and what the events add to value and gradient.

    Parameters
    ----------
    at_risk, dying : float arrays, shape (L,)
    event_x : float array, shape (p,)
    """

    at_risk: np.ndarray
    dying: np.ndarray
    event_x: np.ndarray

    def __add__(self, other: AtRisk) -> AtRisk:
        return AtRisk(self.at_risk + other.at_risk, self.dying + other.dying, self.event_x + other.event_x)


@dataclass(frozen=True, eq=False)
class Curvature:
    """The weighted Gram matrix of the columns, and their sums over risk sets and over events, per slot.

    Parameters
    ----------
    gram : float array, shape (p, p)
    risk_x, event_x : float arrays, shape (L, p)
    """

    gram: np.ndarray
    risk_x: np.ndarray
    event_x: np.ndarray

    def __add__(self, other: Curvature) -> Curvature:
        return Curvature(self.gram + other.gram, self.risk_x + other.risk_x, self.event_x + other.event_x)


@dataclass(frozen=True, eq=False)
class Scores:
    """Score residuals summed by cluster; a cluster may live in several sites.

    Parameters
    ----------
    cluster : array, shape (c,)
        Distinct labels.
    score : float array, shape (c, p)
    """

    cluster: np.ndarray
    score: np.ndarray

    def __add__(self, other: Scores) -> Scores:
        label, at = np.unique(np.concatenate([self.cluster, other.cluster]), return_inverse=True)
        score = np.zeros((len(label), self.score.shape[1]))
        np.add.at(score, at, np.concatenate([self.score, other.score]))
        return Scores(label, score)


# -- what stays there ------------------------------------------------------------------------------------------------
@dataclass(frozen=True, eq=False)
class Site:
    """The rows of one part. Only what its methods return need leave it.

    Parameters
    ----------
    x : float array, shape (n, p)
    time : float array, shape (n,)
    event : bool array, shape (n,)
    entry, weight : float arrays, shape (n,), optional
    stratum : int array, shape (n,), optional
        Codes that all sites share.
    cluster : array, shape (n,), optional
        Labels that all sites share.
    """

    x: np.ndarray
    time: np.ndarray
    event: np.ndarray
    entry: np.ndarray | None = None
    weight: np.ndarray | None = None
    stratum: np.ndarray | None = None
    cluster: np.ndarray | None = None

    def columns(self, about: np.ndarray | float = 0.0) -> Columns:
        """Return how the covariates lie."""
        if not len(self.x):
            none = np.zeros(self.x.shape[1])
            return Columns(0, none, none, none + np.inf, none - np.inf)
        square = ((self.x - about) ** 2).sum(axis=0)
        return Columns(len(self.x), self.x.sum(axis=0), square, self.x.min(axis=0), self.x.max(axis=0))

    def events(self) -> EventTimes:
        """Return when events happened."""
        weight = np.ones(len(self.time)) if self.weight is None else self.weight
        return EventTimes.of(self.time[self.event], self._stratum()[self.event], weight[self.event])

    def settled(self, grid: Slots, centre: np.ndarray) -> Settled:
        """Return the rows standing on the grid that all sites agreed on."""
        stratum = self._stratum()
        first, last = np.zeros((2, len(self.time)), dtype=np.int64)
        for code in np.unique(stratum):
            here = stratum == code
            begin, end = np.searchsorted(grid.stratum, [code, code + 1])
            bound = grid.time[begin:end] * (1 - SAME_TIME)
            last[here] = begin + np.searchsorted(bound, self.time[here], side="right")
            first[here] = begin
            if self.entry is not None:
                came = np.searchsorted(bound, self.entry[here], side="right")
                first[here] += np.where(self.entry[here] > 0, came, 0)
        x = np.asfortranarray(self.x - centre, dtype=float)
        rows = Rows(x, first, last, np.flatnonzero(self.event), self.weight)
        return Settled(rows, len(grid), self.cluster)

    def _stratum(self) -> np.ndarray:
        return np.zeros(len(self.time), dtype=np.int64) if self.stratum is None else self.stratum


@dataclass(frozen=True, eq=False)
class Settled:
    """A site's rows on the common grid: each method answers one question about coefficients with sums.

    Parameters
    ----------
    rows : Rows
        Columns centred.
    n_slots : int
    cluster : array, shape (n,), optional
    """

    rows: Rows
    n_slots: int
    cluster: np.ndarray | None

    def at_risk(self, beta: np.ndarray) -> AtRisk:
        """Return the sums over risk sets."""
        rows = self.rows
        ends = np.ones(len(rows.event)) if rows.weight is None else rows.weight[rows.event]
        return AtRisk(*rows.sums(self._risk(beta), self.n_slots), ends @ rows.x[rows.event])

    def pull(self, beta: np.ndarray, cumulative: np.ndarray, tied: np.ndarray | None) -> np.ndarray:
        """Return what the rows at risk take from the gradient, given the hazard of each slot, shape (p,)."""
        return self._hazard(beta, cumulative, tied) @ self.rows.x

    def curvature(self, beta: np.ndarray, cumulative: np.ndarray, tied: np.ndarray | None) -> Curvature:
        """Return what the information is made of."""
        gram = weighted_gram(self.rows.x, self._hazard(beta, cumulative, tied))
        still = np.zeros(self.rows.x.shape[1])
        return Curvature(gram, *self.rows.column_sums(self._risk(beta), still, self.n_slots))

    def scores(self, beta: np.ndarray, cumulative: np.ndarray, tied: np.ndarray | None, pull: Pull) -> Scores:
        """Return score residuals by cluster."""
        label, whose = np.unique(self.cluster, return_inverse=True)
        hazard = self._hazard(beta, cumulative, tied)
        return Scores(label, pull.residuals(self.rows, self._risk(beta), hazard, whose, len(label)))

    def reach(self, step: np.ndarray) -> tuple[float, float]:
        """Return the least and the greatest change of a predictor."""
        moved = self.rows.x @ step
        return float(moved.min(initial=np.inf)), float(moved.max(initial=-np.inf))

    def _risk(self, beta: np.ndarray) -> np.ndarray:
        risk = np.exp(self.rows.x @ beta)
        return risk if self.rows.weight is None else risk * self.rows.weight

    def _hazard(self, beta: np.ndarray, cumulative: np.ndarray, tied: np.ndarray | None) -> np.ndarray:
        return self.rows.exposure(cumulative, tied) * self._risk(beta)


# -- the fit, which sees sums only -----------------------------------------------------------------------------------
@dataclass(frozen=True, eq=False)
class SummedPass(Pass):
    """A look through the sites' eyes: what they must be told to answer the next question."""

    beta: np.ndarray = field(default_factory=lambda: np.zeros(0))
    cumulative: np.ndarray = field(default_factory=lambda: np.zeros(0))
    tied: np.ndarray | None = None


@dataclass(frozen=True, eq=False)
class SummedLikelihood:
    """The partial likelihood of all sites together.

    Parameters
    ----------
    sites : sequence of Settled
        Or anything that answers as they do, from wherever it is.
    frame : Likelihood
        Without rows: it knows the slots, and how tied events share a risk set.
    """

    sites: Sequence[Settled]
    frame: Likelihood

    def look(self, beta: np.ndarray) -> SummedPass:
        """Return value and gradient: two questions to each site."""
        frame = self.frame
        with np.errstate(all="ignore"):
            heard = reduce(add, [site.at_risk(beta) for site in self.sites])
            shares = frame.shares(heard.at_risk, heard.dying)
            inverse = 1 / shares
            value = float(heard.event_x @ beta) - frame.logs(shares)
            cumulative, tied = frame.passed(inverse)
            gradient = heard.event_x - sum(site.pull(beta, cumulative, tied) for site in self.sites)
        return SummedPass(value, gradient, [], [], heard.at_risk, inverse, beta, cumulative, tied)

    def null(self) -> float:
        """Return the log-likelihood at 0."""
        return self.look(np.zeros(len(self.frame.centre))).log_likelihood

    def information(self, seen: SummedPass) -> tuple[np.ndarray, np.ndarray]:
        """Return the observed information, and the diagonal of the Gram matrix it is what remains of."""
        heard = self._curvature(seen)
        return heard.gram - self.frame.shared(seen, heard.risk_x, heard.event_x), np.diag(heard.gram).copy()

    def scores(self, seen: SummedPass) -> Scores:
        """Return the score residuals of every cluster, wherever its rows are."""
        heard = self._curvature(seen)
        pull = self.frame.pull(seen, heard.risk_x, heard.event_x)
        return reduce(add, [site.scores(seen.beta, seen.cumulative, seen.tied, pull) for site in self.sites])

    def spread(self, step: np.ndarray) -> float:
        """Return by how much predictors move apart in a step."""
        low, high = zip(*(site.reach(step) for site in self.sites), strict=True)
        return max(high) - min(low)

    def _curvature(self, seen: SummedPass) -> Curvature:
        return reduce(add, [site.curvature(seen.beta, seen.cumulative, seen.tied) for site in self.sites])


def fit_sites(
    sites: Sequence[Site], ties: str = "efron", frequency: bool = False
) -> tuple[Maximum, np.ndarray | None]:
    """Fit Cox's model to rows that stay where they are.

    Parameters
    ----------
    sites : sequence of Site
        People split in any way: a person's rows, a stratum or a cluster may lie in several.
    ties : {"efron", "breslow"}
    frequency : bool
        Whether weights count people.

    Returns
    -------
    top : Maximum
    robust : float array, shape (p, p), or None
        Covariance by cluster, when the sites know clusters.

    Raises
    ------
    InputError
        No event anywhere; no maximum after many steps.

    Notes
    -----
    Per step each site answers twice: sums over L slots, then a vector of p; for the information once more, with L × p and p × p sums.
    Equal to the fit of all rows at once, but for the order of additions.

    Examples
    --------
    >>> rng = np.random.default_rng(1)
    >>> x, time, event = rng.normal(size=(60, 2)), rng.integers(1, 9, 60).astype(float), rng.random(60) < 0.7
    >>> whole, _ = fit_sites([Site(x, time, event)])
    >>> parts, _ = fit_sites([Site(x[:20], time[:20], event[:20]), Site(x[20:], time[20:], event[20:])])
    >>> bool(np.allclose(whole.beta, parts.beta, rtol=1e-12))
    True
    """
    heard = reduce(add, [site.columns() for site in sites])
    centre = heard.total / heard.n
    square = reduce(add, [site.columns(centre) for site in sites]).square
    scale = np.where(heard.low == heard.high, 0.0, np.sqrt(square / heard.n))
    grid = reduce(add, [site.events() for site in sites])
    if not len(grid.time):
        raise InputError(f"fit_sites: no event among the {heard.n} rows of {len(sites)} sites")
    deaths = np.rint(grid.weight if frequency else grid.number).astype(np.int64)
    slots = Slots(None, deaths, grid.time, grid.stratum)
    frame = Likelihood([], np.zeros(len(scale)), deaths, grid.weight / deaths, ties)
    likelihood = SummedLikelihood([site.settled(slots, centre) for site in sites], frame)
    top = maximise(likelihood, scale, likelihood.spread)
    if any(site.cluster is None for site in sites):
        return top, None
    solid = ~np.isnan(np.diag(top.covariance))
    moved = likelihood.scores(top.seen).score[:, solid] @ top.covariance[np.ix_(solid, solid)]
    robust = np.full_like(top.covariance, np.nan)
    robust[np.ix_(solid, solid)] = moved.T @ moved
    return top, robust
