"""Cox's partial likelihood as sums over slots: value, gradient, information, score residuals; and the sums add over parts.

Not a fit: `newton` finds the maximum. Ties by Efron's or Breslow's method, (start, stop] rows, strata, weights.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from evalkit.survival.core.slots import Slots
from evalkit.survival.proportional.rows import Rows

#: Rows taken at a time when a weighted Gram matrix is formed: they fit in cache.
_BLOCK = 4096


@dataclass(frozen=True, eq=False)
class Pass:
    """What one look at the data at given coefficients leaves for the next step."""

    log_likelihood: float
    gradient: np.ndarray
    risks: list[np.ndarray]
    hazards: list[np.ndarray]
    at_risk: np.ndarray
    inverse: np.ndarray

    @property
    def usable(self) -> bool:
        """Whether nothing overflowed, in the value or in the squares the information takes."""
        finite = np.isfinite(self.log_likelihood) and np.isfinite(self.gradient).all()
        return bool(finite and self.inverse.max() < 1e150)


@dataclass(frozen=True, eq=False)
class Likelihood:
    """The partial likelihood of some parts.

    Parameters
    ----------
    parts : sequence of Rows
    centre : float array, shape (p,)
        Subtracted from the columns wherever that changes rounding only.
    deaths : int array, shape (L,)
        Tied events per slot, frequency weights counted.
    mean_weight : float array, shape (L,)
        Weight of each of them.
    ties : {"efron", "breslow"}

    Notes
    -----
    The observed information is Σ_i h_i x_i x_iᵀ - Σ_slots (…): h_i = r_i Λ(while i is at risk), one weighted Gram matrix, less p × p
    terms from the sums of x over each risk set. The gradient is Σ_events x - Xᵀh: it needs no such sums. Efron (1977); with
    weights, as R's ``coxph`` (sampling) or as if rows were repeated (frequency).
    """

    parts: Sequence[Rows]
    centre: np.ndarray
    deaths: np.ndarray
    mean_weight: np.ndarray
    ties: str = "efron"

    def __post_init__(self) -> None:
        put = object.__setattr__
        # Without ties, or by Breslow's method, every event of a slot sees the whole risk set.
        put(self, "_shared", self.ties == "efron" and bool((self.deaths > 1).any()))
        if self._shared:
            start = np.cumsum(self.deaths) - self.deaths
            order = np.arange(self.deaths.sum()) - np.repeat(start, self.deaths)
            put(self, "_start", start)
            put(self, "_fraction", order / np.repeat(self.deaths, self.deaths))
        put(self, "_event_x", sum(_event_total(part) for part in self.parts))
        put(self, "_event_weight", sum(_event_sum(part, np.ones(len(part.event))) for part in self.parts))

    @classmethod
    def of(
        cls,
        x: np.ndarray,
        slots: Slots,
        event: np.ndarray,
        weight: np.ndarray | None,
        frequency: bool,
        centre: np.ndarray,
        ties: str,
        offset: np.ndarray | None = None,
    ) -> Likelihood:
        """Build from all rows at once; `event` is true/false per row."""
        rows = Rows(x, slots.first, slots.last, np.flatnonzero(event), weight, offset, slots.order)
        deaths, mean_weight = count_deaths(rows, len(slots), frequency)
        return cls([rows], centre, deaths, mean_weight, ties)

    def thinned(self, every: int) -> Likelihood:
        """Return the likelihood of one row in `every`: a first idea of where the whole one is highest."""
        parts = [part.thinned(every) for part in self.parts]
        happened = sum(np.bincount(part.slot, minlength=len(self.deaths)) for part in parts)
        passed = np.concatenate([[0], np.cumsum(happened > 0)])
        parts = [
            replace(part, last=passed[part.last], first=None if part.first is None else passed[part.first])
            for part in parts
        ]
        counts = [count_deaths(part, int(passed[-1]), False) for part in parts]
        deaths = sum(number for number, _ in counts)
        total = sum(number * mean for number, mean in counts)
        return Likelihood(parts, self.centre, deaths, total / deaths, self.ties)

    def look(self, beta: np.ndarray, spare: Pass | None = None) -> Pass:
        """Return value and gradient at `beta`, two products of the matrix with a vector; not finite when `beta` is absurd.

        Parameters
        ----------
        beta : float array, shape (p,)
        spare : Pass, optional
            A look that is needed no more: its memory is written over.
        """
        with np.errstate(all="ignore"):
            return self._look(beta, spare)

    def null(self) -> float:
        """Return the log-likelihood at 0: of the matrix it needs nothing."""
        if any(part.offset is not None for part in self.parts):
            return self.look(np.zeros(len(self.centre))).log_likelihood
        n_slots = len(self.deaths)
        at_risk, dying = np.zeros(n_slots), np.zeros(n_slots)
        for part in self.parts:
            here, leaving = part.sums(
                np.ones(len(part.last)) if part.weight is None else part.weight, n_slots
            )
            at_risk += here
            dying += leaving
        return -self.logs(self.shares(at_risk, dying))

    def shares(self, at_risk: np.ndarray, dying: np.ndarray) -> np.ndarray:
        """Return the risk set as each tied event sees it; one per slot when all see the same."""
        if not self._shared:
            return at_risk
        shares = np.repeat(dying, self.deaths)
        shares *= self._fraction
        return np.subtract(np.repeat(at_risk, self.deaths), shares, out=shares)

    def logs(self, shares: np.ndarray) -> float:
        """Return what the risk sets take from the log-likelihood."""
        return float(self.mean_weight @ self._sum(np.log(shares)))

    def passed(self, inverse: np.ndarray) -> tuple[np.ndarray, np.ndarray | None]:
        """Return the hazard passed before each slot and in all, and what a tied event is spared of its own slot's."""
        cumulative = np.concatenate([[0.0], np.cumsum(self._sums(inverse))])
        return cumulative, self._sums(inverse, 1) if self._shared else None

    def _look(self, beta: np.ndarray, spare: Pass | None) -> Pass:
        n_slots = len(self.deaths)
        at_risk, dying = np.zeros(n_slots), np.zeros(n_slots)
        middle = float(self.centre @ beta)
        risks = []
        for i, part in enumerate(self.parts):
            score = np.dot(part.x, beta, out=None if spare is None else spare.risks[i])
            if middle:
                score -= middle
            if part.offset is not None:
                score += part.offset
            risks.append(score)
        # exp must not overflow; a shift common to all rows cancels.
        shift = max(float(score.max(initial=0.0)) for score in risks)
        shift = shift if shift > 300 else 0.0
        # Not kept from look to look: who looks may move the offset in between (frailties are one).
        moved = sum(
            _event_sum(part, part.offset[part.event]) for part in self.parts if part.offset is not None
        )
        log_likelihood = float(self._event_x @ beta) + moved - self._event_weight * (middle + shift)
        for part, risk in zip(self.parts, risks, strict=True):
            if shift:
                risk -= shift
            np.exp(risk, out=risk)
            if part.weight is not None:
                risk *= part.weight
            here, leaving = part.sums(risk, n_slots)
            at_risk += here
            dying += leaving
        shares = self.shares(at_risk, dying)
        inverse = 1 / shares
        log_likelihood -= self.logs(shares)
        cumulative, tied = self.passed(inverse)
        gradient = self._event_x.copy()
        hazards = []
        for i, (part, risk) in enumerate(zip(self.parts, risks, strict=True)):
            hazard = part.exposure(cumulative, tied, None if spare is None else spare.hazards[i])
            hazard *= risk
            gradient -= hazard @ part.x
            hazards.append(hazard)
        return Pass(log_likelihood, gradient, risks, hazards, at_risk, inverse)

    def information(self, seen: Pass) -> tuple[np.ndarray, np.ndarray]:
        """Return the observed information, and the diagonal of the Gram matrix it is what remains of."""
        gram = sum(
            weighted_gram(part.x, hazard, self.centre)
            for part, hazard in zip(self.parts, seen.hazards, strict=True)
        )
        return gram - self.shared(seen, *self.slot_means(seen)), np.diag(gram).copy()

    def shared(self, seen: Pass, risk_x: np.ndarray, event_x: np.ndarray) -> np.ndarray:
        """Return what the information loses because a risk set is shared, of columns summed as `slot_means` sums them."""
        e0, e1, e2 = self._squares(seen)
        between = weighted_gram(risk_x, e0)
        if self._shared:
            several = np.flatnonzero(self.deaths > 1)
            risk_x, event_x = risk_x[several], event_x[several]
            crossed = (risk_x * e1[several, None]).T @ event_x
            between -= crossed + crossed.T
            between += (event_x * e2[several, None]).T @ event_x
        return between

    def slot_means(self, seen: Pass) -> tuple[np.ndarray, np.ndarray]:
        """Return the sums of risk × centred x over each risk set and over each slot's events, shape (L, p)."""
        sums = [
            part.column_sums(risk, self.centre, len(self.deaths))
            for part, risk in zip(self.parts, seen.risks, strict=True)
        ]
        return sums[0] if len(sums) == 1 else tuple(sum(s[i] for s in sums) for i in (0, 1))

    def cumulative_hazard(self, seen: Pass) -> np.ndarray:
        """Return the hazard each slot adds, for somebody at the centre."""
        return self._sums(seen.inverse)

    def hazard_terms(self, seen: Pass) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Return, per slot, the hazard it adds at the centre, and by how much a unit of risk there, and a tied one, lowers it."""
        e0, e1, _ = self._squares(seen)
        return self.cumulative_hazard(seen), e0, e1

    def turned(self, seen: Pass, moved: Sequence[np.ndarray]) -> list[np.ndarray]:
        """Return, per row, how its hazard changes when the rows' predictors move so: the information times a direction, before Xᵀ.

        Parameters
        ----------
        seen : Pass
        moved : sequence of float array, shape (n,), one per part

        Notes
        -----
        With `moved` = X v the information times v is Xᵀ of what is returned; no matrix of second derivatives is formed.
        """
        n_slots = len(self.deaths)
        risk_u, event_u = np.zeros(n_slots), np.zeros(n_slots)
        for part, risk, by in zip(self.parts, seen.risks, moved, strict=True):
            here, leaving = part.sums(risk * by, n_slots)
            risk_u += here
            event_u += leaving
        e0, e1, e2 = self._squares(seen)
        fallen = np.concatenate([[0.0], np.cumsum(e0 * risk_u - e1 * event_u)])
        tied = e1 * risk_u - e2 * event_u
        out = []
        for part, risk, hazard, by in zip(self.parts, seen.risks, seen.hazards, moved, strict=True):
            change = hazard * by - risk * part.during(fallen)
            change[part.event] += risk[part.event] * tied[part.last[part.event] - 1]
            out.append(change)
        return out

    def residuals(self, seen: Pass, cluster: Sequence[np.ndarray], n_clusters: int) -> np.ndarray:
        """Return weighted score residuals summed by cluster, shape (n_clusters, p): what robust variances are made of.

        Notes
        -----
        Lin & Wei (1989), tied events treated as Efron's likelihood treats them, as in R's ``residuals(coxph, "score")``.
        """
        out = np.zeros((n_clusters, len(self.centre)))
        # Far out, beside a separated term, a hazard may be past the largest number: what it touches has no variance.
        with np.errstate(over="ignore", invalid="ignore"):
            pull = self.pull(seen, *self.slot_means(seen))
            for part, risk, hazard, whose in zip(self.parts, seen.risks, seen.hazards, cluster, strict=True):
                out += pull.residuals(part, risk, hazard, whose, n_clusters)
        return out

    def pull(self, seen: Pass, risk_x: np.ndarray, event_x: np.ndarray) -> Pull:
        """Return what each slot adds to the score residuals of its rows, of columns summed as `slot_means` sums them."""
        e0, e1, e2 = (e[:, None] for e in self._squares(seen))
        c0, c1 = self._sums(seen.inverse)[:, None], self._sums(seen.inverse, 1)[:, None]
        drift = np.zeros((len(risk_x) + 1, risk_x.shape[1]), order="F")
        np.cumsum(e0 * risk_x - e1 * event_x, axis=0, out=drift[1:])
        mean = (c0 * risk_x - c1 * event_x) / (self.mean_weight * self.deaths)[:, None]
        return Pull(drift, e1 * risk_x - e2 * event_x if self._shared else None, mean, self.centre)

    def _squares(self, seen: Pass) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        square = seen.inverse**2
        return self._sums(square), self._sums(square, 1), self._sums(square, 2)

    def _sums(self, values: np.ndarray, power: int = 0) -> np.ndarray:
        """Return, per slot, the weighted sum over its tied events of value × (share of them already gone)**power."""
        if power and not self._shared:
            return np.zeros(len(self.deaths))
        for _ in range(power):
            values = values * self._fraction
        return self.mean_weight * self._sum(values)

    def _sum(self, values: np.ndarray) -> np.ndarray:
        """Return the sum over the tied events of each slot."""
        return np.add.reduceat(values, self._start) if self._shared else self.deaths * values


@dataclass(frozen=True, eq=False)
class Pull:
    """What the slots add to score residuals, beside each row's own hazard times its columns.

    Parameters
    ----------
    drift : float array, shape (L + 1, p)
        Running sum over slots, 0 first.
    tied : float array, shape (L, p), optional
        What a row whose event is in the slot was spared of it.
    mean : float array, shape (L, p)
        Mean of the columns over the risk set, as the events of the slot see it.
    centre : float array, shape (p,)
    """

    drift: np.ndarray
    tied: np.ndarray | None
    mean: np.ndarray
    centre: np.ndarray

    def residuals(
        self, part: Rows, risk: np.ndarray, hazard: np.ndarray, whose: np.ndarray, n_clusters: int
    ) -> np.ndarray:
        """Return the weighted score residuals of a part, summed by cluster."""
        out = np.empty((n_clusters, len(self.centre)))
        weight = None if part.weight is None else part.weight[part.event]
        whose_event = whose[part.event]
        for k, centre in enumerate(self.centre):
            residual = part.exposure(
                np.ascontiguousarray(self.drift[:, k]), None if self.tied is None else self.tied[:, k]
            )
            residual *= risk
            x = part.x[:, k] - centre if centre else part.x[:, k]
            residual -= x * hazard
            ends = np.take(x, part.event) - np.take(self.mean[:, k], part.slot)
            if weight is not None:
                ends *= weight
            out[:, k] = np.bincount(whose, residual, n_clusters) + np.bincount(whose_event, ends, n_clusters)
        return out


def weighted_gram(x: np.ndarray, weight: np.ndarray, centre: np.ndarray | None = None) -> np.ndarray:
    """Return Σ weight × (x - centre)(x - centre)ᵀ over rows, by blocks that stay in cache."""
    gram = np.zeros((x.shape[1], x.shape[1]))
    centred = centre is not None and centre.any()
    for start in range(0, len(weight), _BLOCK):
        rows = x[start : start + _BLOCK]
        if centred:
            rows = rows - centre
        gram += rows.T @ (rows * weight[start : start + _BLOCK, None])
    return gram


def count_deaths(rows: Rows, n_slots: int, frequency: bool) -> tuple[np.ndarray, np.ndarray]:
    """Return how many events share each slot, and what each weighs."""
    slot = rows.slot
    if rows.weight is None:
        return np.bincount(slot, minlength=n_slots), np.ones(n_slots)
    total = np.bincount(slot, rows.weight[rows.event], n_slots)
    if frequency:
        return np.rint(total).astype(np.int64), np.ones(n_slots)
    number = np.bincount(slot, minlength=n_slots)
    return number, np.divide(total, number, out=np.ones(n_slots), where=number > 0)


def _event_total(part: Rows) -> np.ndarray:
    ends = np.zeros(len(part.last))
    ends[part.event] = 1.0 if part.weight is None else part.weight[part.event]
    return ends @ part.x


def _event_sum(part: Rows, values: np.ndarray) -> float:
    return float(values.sum() if part.weight is None else values @ part.weight[part.event])
