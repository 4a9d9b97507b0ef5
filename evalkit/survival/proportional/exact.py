"""Cox's exact likelihood for tied events: which of those at risk met the event, given how many did.

Not an approximation like Efron's or Breslow's: those are in `partial`. Where every event has a time of its own, all three agree.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy import special

from evalkit.errors import InputError
from evalkit.survival.core.slots import Slots
from evalkit.survival.proportional.partial import Likelihood, Pass, Rows

#: Rows at risk times frequencies, summed over tied times: above it one look takes minutes.
_MOST_WORK = 2e9
#: Complex numbers held at a time.
_BLOCK = 1 << 20
#: Probability that may be left out: below rounding.
_NOTHING = 1e-19


@dataclass(frozen=True, eq=False)
class ExactPass(Pass):
    """A look at the data, with the information of the tied times."""

    tied: np.ndarray
    tied_gram: np.ndarray


@dataclass(frozen=True, eq=False)
class ExactLikelihood:
    """The partial likelihood with tied events taken exactly.

    Parameters
    ----------
    whole : Likelihood
        Breslow's, of all slots: baseline and residuals stand on it.
    single : Likelihood
        The same, slots with tied events weighing nothing.
    order : int array, shape (n,)
        Rows by falling last slot.
    tied : int array, shape (m, 3)
        Slot of each tied time, and the piece of `order` among which those at risk are.
    late : bool
        Whether some row of that piece may not have come yet.

    Notes
    -----
    A slot with d events contributes Σ x_event β - log e_d(r), e_d the elementary symmetric function of the relative hazards at
    risk (Cox 1972, eq. 12; R's ``ties = "exact"``). With r scaled so that d events are expected among independent
    Bernoulli(r / (1 + r)), e_d is a probability of their number times Π (1 + r): it neither over- nor underflows. That
    probability, and the moments of Σ x given the number, are read from the characteristic function at a few frequencies,
    O(n √d) a slot, where the usual recursion takes O(n d).
    """

    whole: Likelihood
    single: Likelihood
    order: np.ndarray
    tied: np.ndarray
    late: bool

    @classmethod
    def of(cls, whole: Likelihood, slots: Slots, late: bool) -> ExactLikelihood:
        """Build from Breslow's likelihood of all rows; `late` when rows come under observation after the origin.

        Raises
        ------
        InputError
            So many ties that a look would take minutes.
        """
        rows = whole.parts[0]
        order = np.argsort(-rows.last, kind="stable")
        falling = -rows.last[order]
        slot = np.flatnonzero(whole.deaths > 1)
        # Slots of a stratum are neighbours: rows of later strata end after its last slot.
        ends = np.searchsorted(slots.stratum, slots.stratum[slot], side="right")
        low = np.searchsorted(falling, -ends, side="left")
        high = np.searchsorted(falling, -slot, side="left")
        work = float(((high - low) * (10 + 10 * np.sqrt(whole.deaths[slot]))).sum())
        if work > _MOST_WORK:
            worst = int(np.argmax(whole.deaths))
            raise InputError(
                f"ties: 'exact' is not feasible here: {len(slot)} times with tied events, up to {int(whole.deaths[worst])} "
                f"events at {slots.time[worst]:g} among {len(rows.last)} rows; 'efron' is nearly the same with so many at risk"
            )
        single = Likelihood(
            whole.parts,
            whole.centre,
            whole.deaths,
            np.where(whole.deaths > 1, 0.0, whole.mean_weight),
            "breslow",
        )
        return cls(whole, single, order, np.stack([slot, low, high], axis=1), late)

    @property
    def parts(self) -> Sequence[Rows]:
        """The rows, in one part."""
        return self.whole.parts

    @property
    def centre(self) -> np.ndarray:
        """Subtracted from the columns."""
        return self.whole.centre

    def look(self, beta: np.ndarray) -> Pass:
        """Return value, gradient and what the information needs at `beta`."""
        seen = self.single.look(beta)
        if not seen.usable:
            return seen
        rows = self.parts[0]
        score = rows.x @ beta - self.centre @ beta
        if rows.offset is not None:
            score += rows.offset
        p = len(beta)
        # `single` takes a shift from huge scores, which its own sums give back, but not those of tied times.
        highest = int(np.argmax(score))
        own = seen.risks[0][highest] / (1.0 if rows.weight is None else rows.weight[highest])
        shift = score[highest] - np.log(own)
        value = seen.log_likelihood + shift * float(self.whole.deaths[self.tied[:, 0]].sum())
        hazard = np.zeros(len(score))
        tied, gram = np.zeros((p, p)), np.zeros(p)
        for slot, low, high in self.tied:
            at = self.order[low:high]
            if self.late:
                at = at[rows.first[at] <= slot]
            count = None if rows.weight is None else rows.weight[at]
            log_sum, chosen, spread = given_number(
                score[at], int(self.whole.deaths[slot]), rows.x[at] - self.centre, count
            )
            value -= log_sum
            hazard[at] += chosen
            tied += spread
            gram += chosen @ (rows.x[at] - self.centre) ** 2
        gradient = seen.gradient - hazard @ rows.x
        return ExactPass(value, gradient, seen.risks, seen.hazards, seen.at_risk, seen.inverse, tied, gram)

    def null(self) -> float:
        """Return the log-likelihood at 0."""
        return self.look(np.zeros(len(self.centre))).log_likelihood

    def information(self, seen: Pass) -> tuple[np.ndarray, np.ndarray]:
        """Return the observed information, and the diagonal it is what remains of."""
        information, gram = self.single.information(seen)
        if isinstance(seen, ExactPass):
            return information + seen.tied, gram + seen.tied_gram
        return information, gram


def given_number(
    score: np.ndarray, number: int, x: np.ndarray, count: np.ndarray | None = None
) -> tuple[float, np.ndarray, np.ndarray]:
    """Return the log of the sum over all choices of `number` rows of the product of their exp(score), and its derivatives.

    Parameters
    ----------
    score : float array, shape (n,)
    number : int
    x : float array, shape (n, p)
        Derivatives of the scores.
    count : float array, shape (n,), optional
        How many identical rows each is.

    Returns
    -------
    log_sum : float
    chosen : float array, shape (n,)
        Expected number chosen of each row: the gradient is ``chosen @ x``.
    spread : float array, shape (p, p)
        Variance of the sum of x over those chosen: the second derivative.

    Examples
    --------
    >>> log_sum, chosen, _ = given_number(np.zeros(4), 2, np.ones((4, 1)))
    >>> round(float(np.exp(log_sum)), 12), chosen.round(12).tolist()
    (6.0, [0.5, 0.5, 0.5, 0.5])
    """
    times = np.ones(len(score)) if count is None else count
    p = x.shape[1]
    if number >= times.sum():
        return float(times @ score), times.copy(), np.zeros((p, p))
    tilt = _tilt(score, number, times)
    share = special.expit(score + tilt)
    n_points = _points(number, int(times.sum()))
    angle = 2 * np.pi * np.arange(n_points // 2 + 1) / n_points
    weight = np.full(len(angle), 2.0 / n_points)
    weight[0] = 1.0 / n_points
    mass, first = 0.0, np.zeros(len(score))
    own, sums, counts, factors = np.zeros(len(score)), [], [], []
    step = max(1, _BLOCK // len(score))
    for start in range(0, len(angle), step):
        turned = np.exp(1j * angle[start : start + step])
        away = np.outer(share, turned - 1)
        away += 1
        # Each factor is at most 1 in size: a product that underflows is one that does not matter.
        product = away.prod(axis=0) if count is None else np.exp(times @ np.log(away))
        factor = product * np.exp(-1j * angle[start : start + step] * number) * weight[start : start + step]
        part = np.outer(share, turned) / away
        mass += float(factor.real.sum())
        first += (part @ factor).real
        own += ((part * (1 - part)) @ factor).real
        sums.append((part * times[:, None]).T @ x)
        counts.append(times @ part)
        factors.append(factor)
    chosen = times * first / mass
    mean = chosen @ x / number
    total, factor = np.concatenate(sums), np.concatenate(factors)
    # A constant in x adds the same whoever is chosen: without it nothing cancels.
    total -= np.outer(np.concatenate(counts), mean)
    spread = ((total * factor[:, None]).T @ total).real / mass
    moved = x - mean
    spread += (moved * (times * own / mass)[:, None]).T @ moved
    log_sum = -number * tilt + float(times @ np.logaddexp(0, score + tilt)) + np.log(mass)
    return log_sum, chosen, spread


def _tilt(score: np.ndarray, number: int, times: np.ndarray) -> float:
    """Return what to add to the scores so that `number` of independent Bernoulli rows are expected; near enough is enough."""
    low, high = -float(score.max()) - 40.0, 40.0 - float(score.min())
    tilt = float(np.log(number / (times.sum() - number)) - times @ score / times.sum())
    tilt = min(max(tilt, low), high)
    for _ in range(100):
        share = special.expit(score + tilt)
        excess = float(times @ share) - number
        if abs(excess) < 1e-3:
            break
        low, high = (low, tilt) if excess > 0 else (tilt, high)
        slope = float(times @ (share * (1 - share)))
        new = tilt - excess / slope if slope > 0 else low
        tilt = new if low < new < high else (low + high) / 2
    return tilt


def _points(number: int, most: int) -> int:
    """Return how many frequencies tell `number` from every other count that has a probability worth the name."""
    apart = np.arange(1, 60 + int(12 * np.sqrt(number)))
    above, below = number + apart, np.maximum(number - apart, 0)
    # Chernoff's bounds for a sum of Bernoulli variables of mean `number`; nobody is chosen less than 0 times.
    up = above * np.log(above / number) - apart
    down = apart + special.xlogy(below, below / number)
    enough = (up > -np.log(_NOTHING)) & ((down > -np.log(_NOTHING)) | (apart > number))
    # An odd number: half a turn is never asked for, where a row of even odds has nothing to divide by.
    return min(int(apart[np.argmax(enough)]), most + 1) | 1
