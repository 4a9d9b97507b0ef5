"""Cox's partial likelihood as sums over slots: value, gradient, information, score residuals; and the sums add over parts.

Not a fit: `newton` finds the maximum. Ties by Efron's or Breslow's method, (start, stop] rows, strata, weights.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from evalkit.survival.core.slots import Slots

#: Rows taken at a time when a weighted Gram matrix is formed: they fit in cache.
_BLOCK = 4096


@dataclass(frozen=True, eq=False)
class Rows:
    """A part of the rows, numbered on slots that all parts share.

    Parameters
    ----------
    x : float array, shape (n, p), columns contiguous
    first, last : int arrays, shape (n,)
        See `Slots`; `first` None for 0.
    event : int array
        Positions of the rows that end with the event.
    weight : float array, shape (n,), optional
    offset : float array, shape (n,), optional
        Added to each row's predictor with the coefficient 1.
    """

    x: np.ndarray
    first: np.ndarray | None
    last: np.ndarray
    event: np.ndarray
    weight: np.ndarray | None = None
    offset: np.ndarray | None = None

    @cached_property
    def place(self) -> np.ndarray:
        """Twice the slot a row ends in, plus 1 when it ends with the event: one count then gives both sums."""
        place = 2 * self.last
        place[self.event] += 1
        return place

    def sums(self, values: np.ndarray, n_slots: int) -> tuple[np.ndarray, np.ndarray]:
        """Return, per slot, the sum of `values` over the rows at risk in it, and over those whose event is there."""
        both = np.bincount(self.place, values, 2 * n_slots + 2)[2:].reshape(n_slots, 2)
        at_risk = np.cumsum(both.sum(axis=1)[::-1])[::-1]
        if self.first is not None:
            # Sums over later strata are in there too: a row that starts at slot f is taken out of all slots before f.
            starts = np.bincount(self.first, values, n_slots + 1)[1:]
            at_risk = at_risk - np.cumsum(starts[::-1])[::-1]
        return at_risk, both[:, 1]

    def during(self, cumulative: np.ndarray) -> np.ndarray:
        """Return, per row, the rise of a cumulative sum over slots (0 first) while the row is at risk."""
        risen = cumulative[self.last]
        return risen if self.first is None else risen - cumulative[self.first]


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
        repeat = np.repeat(np.arange(len(self.deaths)), self.deaths)
        start = np.cumsum(self.deaths) - self.deaths
        order = np.arange(len(repeat)) - start[repeat]
        fraction = order / self.deaths[repeat] if self.ties == "efron" else np.zeros(len(repeat))
        object.__setattr__(self, "_repeat", repeat)
        object.__setattr__(self, "_start", start)
        object.__setattr__(self, "_fraction", fraction)
        object.__setattr__(self, "_event_x", sum(_event_total(part) for part in self.parts))

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
        rows = Rows(x, slots.first, slots.last, np.flatnonzero(event), weight, offset)
        deaths, mean_weight = count_deaths(rows, len(slots), frequency)
        return cls([rows], centre, deaths, mean_weight, ties)

    def look(self, beta: np.ndarray) -> Pass:
        """Return value and gradient at `beta`, two products of the matrix with a vector; not finite when `beta` is absurd."""
        with np.errstate(all="ignore"):
            return self._look(beta)

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
        return -float(self.mean_weight @ self._sum(np.log(self._shares(at_risk, dying))))

    def _shares(self, at_risk: np.ndarray, dying: np.ndarray) -> np.ndarray:
        """Return the risk set as each tied event sees it."""
        shares = at_risk[self._repeat]
        if self.ties == "efron":
            shares -= self._fraction * dying[self._repeat]
        return shares

    def _look(self, beta: np.ndarray) -> Pass:
        n_slots = len(self.deaths)
        at_risk, dying = np.zeros(n_slots), np.zeros(n_slots)
        scores, risks = [], []
        for part in self.parts:
            score = part.x @ beta
            score -= self.centre @ beta
            if part.offset is not None:
                score += part.offset
            scores.append(score)
        # exp must not overflow; a shift common to all rows cancels.
        shift = max(float(score.max(initial=0.0)) for score in scores)
        shift = shift if shift > 300 else 0.0
        log_likelihood = 0.0
        for part, score in zip(self.parts, scores, strict=True):
            if shift:
                score -= shift
            ends = score[part.event]
            risk = np.exp(score, out=score)
            if part.weight is not None:
                risk *= part.weight
                ends = ends * part.weight[part.event]
            log_likelihood += float(ends.sum())
            here, leaving = part.sums(risk, n_slots)
            at_risk += here
            dying += leaving
            risks.append(risk)
        shares = self._shares(at_risk, dying)
        inverse = 1 / shares
        log_likelihood -= float(self.mean_weight @ self._sum(np.log(shares)))
        total, tied = (
            self.mean_weight * self._sum(inverse),
            self.mean_weight * self._sum(self._fraction * inverse),
        )
        cumulative = np.concatenate([[0.0], np.cumsum(total)])
        gradient = self._event_x.copy()
        hazards = []
        for part, risk in zip(self.parts, risks, strict=True):
            hazard = part.during(cumulative)
            hazard *= risk
            slot = part.last[part.event] - 1
            hazard[part.event] -= risk[part.event] * tied[slot]
            gradient -= hazard @ part.x
            hazards.append(hazard)
        return Pass(log_likelihood, gradient, risks, hazards, at_risk, inverse)

    def information(self, seen: Pass) -> tuple[np.ndarray, np.ndarray]:
        """Return the observed information, and the diagonal of the Gram matrix it is what remains of."""
        gram = sum(self._gram(part, hazard) for part, hazard in zip(self.parts, seen.hazards, strict=True))
        risk_x, event_x = self.slot_means(seen)
        e0, e1, e2 = self._squares(seen)
        between = (risk_x * e0[:, None]).T @ risk_x
        if self.ties == "efron":
            crossed = (risk_x * e1[:, None]).T @ event_x
            between -= crossed + crossed.T
            between += (event_x * e2[:, None]).T @ event_x
        return gram - between, np.diag(gram).copy()

    def slot_means(self, seen: Pass) -> tuple[np.ndarray, np.ndarray]:
        """Return the sums of risk × centred x over each risk set and over each slot's events, shape (L, p)."""
        n_slots, p = len(self.deaths), len(self.centre)
        risk_x, event_x = np.zeros((n_slots, p), order="F"), np.zeros((n_slots, p), order="F")
        for part, risk in zip(self.parts, seen.risks, strict=True):
            for k in range(p):
                column = part.x[:, k] - self.centre[k]
                column *= risk
                here, leaving = part.sums(column, n_slots)
                risk_x[:, k] += here
                event_x[:, k] += leaving
        return risk_x, event_x

    def cumulative_hazard(self, seen: Pass) -> np.ndarray:
        """Return the hazard each slot adds, for somebody at the centre."""
        return self.mean_weight * self._sum(seen.inverse)

    def residuals(self, seen: Pass, cluster: Sequence[np.ndarray], n_clusters: int) -> np.ndarray:
        """Return weighted score residuals summed by cluster, shape (n_clusters, p): what robust variances are made of.

        Notes
        -----
        Lin & Wei (1989), tied events treated as Efron's likelihood treats them, as in R's ``residuals(coxph, "score")``.
        """
        risk_x, event_x = self.slot_means(seen)
        e0, e1, e2 = self._squares(seen)
        c0, c1 = (self.mean_weight * self._sum(f * seen.inverse) for f in (1.0, self._fraction))
        cumulative = np.concatenate([[0.0], np.cumsum(c0)])
        out = np.zeros((n_clusters, len(self.centre)))
        for part, risk, whose in zip(self.parts, seen.risks, cluster, strict=True):
            exposure = part.during(cumulative)
            slot = part.last[part.event] - 1
            weight = 1.0 if part.weight is None else part.weight[part.event]
            share = weight / (self.mean_weight * self.deaths)[slot]
            own = risk[part.event]
            for k in range(len(self.centre)):
                drift = np.concatenate([[0.0], np.cumsum(e0 * risk_x[:, k] - e1 * event_x[:, k])])
                x = part.x[:, k] - self.centre[k]
                residual = part.during(drift)
                residual -= x * exposure
                residual *= risk
                ends = x[part.event]
                residual[part.event] += weight * ends - share * (c0 * risk_x[:, k] - c1 * event_x[:, k])[slot]
                residual[part.event] += own * (
                    ends * c1[slot] - (e1 * risk_x[:, k] - e2 * event_x[:, k])[slot]
                )
                out[:, k] += np.bincount(whose, residual, n_clusters)
        return out

    def _squares(self, seen: Pass) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        square = seen.inverse**2
        weighted = (square, self._fraction * square, self._fraction**2 * square)
        e0, e1, e2 = (self.mean_weight * self._sum(values) for values in weighted)
        return e0, e1, e2

    def _sum(self, values: np.ndarray) -> np.ndarray:
        """Return the sum over the tied events of each slot."""
        return np.add.reduceat(values, self._start)

    def _gram(self, part: Rows, hazard: np.ndarray) -> np.ndarray:
        gram = np.zeros((len(self.centre), len(self.centre)))
        for start in range(0, len(hazard), _BLOCK):
            x = part.x[start : start + _BLOCK] - self.centre
            gram += x.T @ (x * hazard[start : start + _BLOCK, None])
        return gram


def count_deaths(rows: Rows, n_slots: int, frequency: bool) -> tuple[np.ndarray, np.ndarray]:
    """Return how many events share each slot, and what each weighs."""
    slot = rows.last[rows.event] - 1
    if rows.weight is None:
        return np.bincount(slot, minlength=n_slots), np.ones(n_slots)
    total = np.bincount(slot, rows.weight[rows.event], n_slots)
    if frequency:
        return np.rint(total).astype(np.int64), np.ones(n_slots)
    number = np.bincount(slot, minlength=n_slots)
    return number, total / number


def _event_total(part: Rows) -> np.ndarray:
    ends = np.zeros(len(part.last))
    ends[part.event] = 1.0 if part.weight is None else part.weight[part.event]
    return ends @ part.x
