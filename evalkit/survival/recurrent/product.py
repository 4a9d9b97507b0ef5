"""Shares in each state by time, for any finite number of states, and what each person's weight moves in them.

Not a result: `states` makes one of it.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from evalkit.survival.recurrent.running import within
from evalkit.survival.recurrent.stays import Stays

#: How far a product of transition matrices may fall (its determinant) before people are re-expressed at a new base.
_BASE = 1e-3


@dataclass(frozen=True, eq=False)
class Product:
    """One group's moves at its m moments.

    Parameters
    ----------
    day : float array, shape (m,)
        Time of each moment at which somebody moved.
    at_risk : float array, shape (m, s)
        Weight in each state just before.
    moves : float array, shape (m, s, s)
        Weight moving from one state to another.
    initial : float array, shape (s,)
        Shares before the first moment.
    estimated : bool
        Whether `initial` was estimated (from those there at the first moment) or given.
    person, state, to, came, left : int arrays, shape (r,)
        Stays that are at risk at some moment: those ``came <= k <= left``; `to` is -1 when the stay ends without a move.
    weight : float array
        Of all people.
    squared : bool
        Whether weights are sampling weights: a person's influence is multiplied by it before squaring.

    Notes
    -----
    p(t) = p(0) Π (I + dA(u)), dA_jk = dN_jk / Y_j (Aalen & Johansen 1978). A person's influence U(t), the derivative of p(t)
    with respect to the weight, follows U(u) = U(u-) H(u) + p_j(u-) {dN_i(u) - dA_j(u)} / Y_j(u), H = I + dA, while in state j. Hence
    U(t) = z B(t) + C_j(t), B the product of H since a base moment, C_j that of one who stays in j, z constant between a person's own
    moves: squares are summed by running sums at moves, O(moves · s²), and a new base is taken before B loses its
    digits. Variance: R's ``survfit`` for multi-state data (its vignette "Methods", section on the Aalen-Johansen estimate).
    """

    day: np.ndarray
    at_risk: np.ndarray
    moves: np.ndarray
    initial: np.ndarray
    estimated: bool
    person: np.ndarray
    state: np.ndarray
    to: np.ndarray
    came: np.ndarray
    left: np.ndarray
    weight: np.ndarray
    squared: bool

    @classmethod
    def of(cls, stays: Stays, group: int, start: np.ndarray | None, squared: bool) -> Product:
        """Return the moves of one group.

        Parameters
        ----------
        stays : Stays
        group : int
        start : float array, shape (s,), optional
            Shares at the origin, when known.
        squared : bool
        """
        rows = stays.rows_of(group)
        person, state, to = stays.person[rows], stays.state[rows], stays.to[rows]
        came, left = stays.came[rows], stays.left[rows]
        moments = np.unique(left[to >= 0])
        m, s = len(moments), len(stays.states)
        came = np.searchsorted(moments, came, side="right")
        left = np.searchsorted(moments, left, side="right") - 1
        there = left >= came
        person, state, to, came, left = person[there], state[there], to[there], came[there], left[there]
        weight = stays.weight[person]
        change = np.bincount(came * s + state, weight, (m + 1) * s) - np.bincount(
            (left + 1) * s + state, weight, (m + 1) * s
        )
        at_risk = np.cumsum(change.reshape(m + 1, s), axis=0)[:m]
        at_risk[at_risk < 1e-9 * np.maximum(weight.sum(), 1)] = 0.0
        moved = to >= 0
        place = (left[moved] * s + state[moved]) * s + to[moved]
        moves = np.bincount(place, weight[moved], m * s * s).astype(float).reshape(m, s, s)
        initial = start
        if start is None:
            first = came == 0
            if not m:
                # Nobody moves: the shares of those there at the origin, or else of all, stay what they are.
                own, here = stays.state[rows], stays.came[rows] < 0
                here = (
                    here if here.any() else np.append(True, stays.person[rows][1:] != stays.person[rows][:-1])
                )
                counts = np.bincount(own[here], stays.weight[stays.person[rows]][here], s)
                person, state, to = stays.person[rows][here], own[here], np.full(here.sum(), -1)
                came, left = np.zeros(here.sum(), dtype=np.int64), np.full(here.sum(), -1)
            else:
                counts = np.bincount(state[first], weight[first], s)
            initial = counts / counts.sum()
        return cls(
            stays.day[moments], at_risk, moves, initial, start is None, person, state, to, came, left,
            stays.weight, squared,
        )  # fmt: skip

    @cached_property
    def hazards(self) -> np.ndarray:
        """dA at each moment, shape (m, s, s): rows sum to 0."""
        y = self.at_risk[:, :, None]
        hazard = np.divide(self.moves, y, out=np.zeros_like(self.moves), where=y > 0)
        out = hazard.sum(axis=2)
        out[out > 1 - 1e-12] = 1.0
        s = hazard.shape[1]
        hazard[:, np.arange(s), np.arange(s)] -= out
        return hazard

    @cached_property
    def shares(self) -> np.ndarray:
        """Shares in each state, before the first moment and after each, shape (m + 1, s)."""
        p = np.empty((len(self.day) + 1, len(self.initial)))
        p[0] = self.initial
        for k, hazard in enumerate(self.hazards):
            p[k + 1] = p[k] + p[k] @ hazard
        p[p < 1e-15] = 0.0
        return p

    @property
    def scale(self) -> np.ndarray:
        """What multiplies each person's square."""
        return self.weight**2 if self.squared else self.weight

    @cached_property
    def _per_head(self) -> np.ndarray:
        """What one person's move moves: p_j(u-) / Y_j(u), shape (m, s)."""
        return np.divide(
            self.shares[:-1], self.at_risk, out=np.zeros_like(self.at_risk), where=self.at_risk > 0
        )

    def _first_influence(self) -> tuple[np.ndarray, np.ndarray]:
        """Return who the estimated initial shares rest on, and their influence on them, shape (n0, s)."""
        here = np.flatnonzero((self.came == 0) & self.estimated)
        total = self.weight[self.person[here]].sum()
        own = np.zeros((len(here), len(self.initial)))
        own[np.arange(len(here)), self.state[here]] = 1.0
        return self.person[here], (own - self.initial) / max(total, 1e-300)

    # -- variances ---------------------------------------------------------------------------------------------------
    def variance(self) -> np.ndarray:
        """Return the variance of each share, before the first moment and after each, shape (m + 1, s)."""
        m, s = self.at_risk.shape
        z = np.zeros((len(self.weight), s))
        people, first = self._first_influence()
        np.add.at(z, people, first)
        out = np.empty((m + 1, s))
        out[0] = (self.scale[:, None] * z**2).sum(axis=0)
        if m:
            out[1:] = self._variance(z)
        return np.where(out < 1e-15, 0.0, out)

    def _variance(self, z: np.ndarray) -> np.ndarray:
        m, s = self.at_risk.shape
        base, product, stayer = self._bases()
        starts = np.flatnonzero(np.r_[True, base[1:] != base[:-1]])
        bounds = np.append(starts, m)
        place, person, change = self._changes(product, stayer)
        order = np.lexsort((place, person, base[place]))
        place, person, change = place[order], person[order], change[:, order]
        cuts = np.searchsorted(base[place], np.arange(base[-1] + 2))
        here = np.zeros((len(self.weight), s))
        at_origin = self.came == 0
        np.add.at(here, (self.person[at_origin], self.state[at_origin]), 1.0)
        out = np.empty((m, s))
        for first, end in zip(starts, bounds[1:], strict=True):
            if base[first]:
                before_it = product[first - 1] if first else np.eye(s)
                z = z @ (before_it @ (np.eye(s) + self.hazards[first]))
            own = slice(cuts[base[first]], cuts[base[first] + 1])
            who = person[own]
            after = within(change[:, own], who)
            before = after - change[:, own]
            held = np.concatenate([z[who], here[who]], axis=1).T
            squares = self._epoch(z, here, held + before, held + after, place[own] - first, who, end - first)
            basis = np.concatenate([product[first:end], stayer[first:end]], axis=1)
            out[first:end] = np.einsum("tak,abt,tbk->tk", basis, squares, basis, optimize=True)
            moved = [np.bincount(who, row, len(z)) for row in change[:, own]]
            z, here = z + np.stack(moved[:s], axis=1), here + np.stack(moved[s:], axis=1)
        return out

    def _epoch(
        self,
        z: np.ndarray,
        here: np.ndarray,
        before: np.ndarray,
        after: np.ndarray,
        place: np.ndarray,
        who: np.ndarray,
        length: int,
    ) -> np.ndarray:
        """Return the sum of squares of (z, where one is) after each moment since a base, shape (2s, 2s, length)."""
        held = np.concatenate([z, here], axis=1)
        start = (held * self.scale[:, None]).T @ held
        p, scale = held.shape[1], self.scale[who]
        squares = np.empty((p, p, length))
        for i in range(p):
            for j in range(i + 1):
                jump = np.bincount(place, scale * (after[i] * after[j] - before[i] * before[j]), length)
                squares[i, j] = squares[j, i] = start[i, j] + np.cumsum(jump)
        return squares

    def _bases(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Return the base each moment is expressed at, B and C at each moment.

        |det B| bounds the inverse of a stochastic matrix, so the product begins anew where it would fall below `_BASE`.
        """
        m, s = self.at_risk.shape
        steps = self.hazards + np.eye(s)
        size = np.abs(np.linalg.det(steps))
        base, product, stayer = np.zeros(m, dtype=np.int64), np.empty((m, s, s)), np.empty((m, s, s))
        now, staying, left, number = np.eye(s), np.zeros((s, s)), 1.0, 0
        for k in range(m):
            left *= size[k]
            if left < _BASE:
                number, now, left = number + 1, np.eye(s), 1.0
            else:
                now = now @ steps[k]
            staying = staying @ steps[k] - self._per_head[k][:, None] * self.hazards[k]
            base[k], product[k], stayer[k] = number, now, staying
        return base, product, stayer

    def _changes(self, product: np.ndarray, stayer: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Return when, for whom and how (z, where one is) changes: at entries after the origin, and at ends of stays."""
        m, s = self.at_risk.shape
        inverse = np.linalg.inv(product)
        late = self.came > 0
        # A stay enters once the moment before has passed.
        entry = self.came[late] - 1
        entered = -np.einsum("ra,rab->rb", stayer[entry, self.state[late]], inverse[entry])
        ended = stayer[self.left, self.state].copy()
        moved = np.flatnonzero(self.to >= 0)
        head = self._per_head[self.left[moved], self.state[moved]]
        ended[moved, self.to[moved]] += head
        ended[moved, self.state[moved]] -= head
        ended = np.einsum("ra,rab->rb", ended, inverse[self.left])
        change = np.zeros((2 * s, late.sum() + len(self.left)))
        change[:s] = np.concatenate([entered, ended]).T
        change[s + self.state[late], np.arange(late.sum())] = 1.0
        change[s + self.state, late.sum() + np.arange(len(self.left))] = -1.0
        return (
            np.concatenate([entry, self.left]),
            np.concatenate([self.person[late], self.person]),
            change,
        )

    # -- time spent --------------------------------------------------------------------------------------------------
    def mean_times(self, t: float) -> tuple[np.ndarray, np.ndarray]:
        """Return the mean time spent in each state up to `t`, and its variance.

        Notes
        -----
        θ = ∫ p(u) du over [0, t]; with A(u) = ∫ P(u, v) dv, the time still to be spent in each state, the influence is a sum over the
        person's own moves of p_j(u-) {A_k(u) - A_j(u)} / Y_j(u), less what was expected: no pass per person.
        """
        m, s = self.at_risk.shape
        seen = int(np.searchsorted(self.day, t, side="right"))
        ahead = np.empty((seen + 1, s, s))
        width = np.diff(np.concatenate([[0.0], self.day[:seen], [t]]))
        ahead[seen] = width[seen] * np.eye(s)
        for k in range(seen - 1, -1, -1):
            ahead[k] = width[k] * np.eye(s) + (np.eye(s) + self.hazards[k]) @ ahead[k + 1]
        # ahead[k + 1] is the time still to be spent after moment k, ahead[0] from the origin.
        drift = self._per_head[:seen, :, None] * np.einsum("kij,kjl->kil", self.hazards[:seen], ahead[1:])
        drift = np.concatenate([np.zeros((1, s, s)), np.cumsum(drift, axis=0)])
        total = np.zeros((len(self.weight), s))
        people, first = self._first_influence()
        np.add.at(total, people, first @ ahead[0])
        came, left = np.minimum(self.came, seen), np.minimum(self.left + 1, seen)
        np.add.at(total, self.person, drift[came, self.state] - drift[left, self.state])
        moved = (self.to >= 0) & (self.left < seen)
        at, j, k = self.left[moved], self.state[moved], self.to[moved]
        own = self._per_head[at, j][:, None] * (ahead[at + 1, k] - ahead[at + 1, j])
        np.add.at(total, self.person[moved], own)
        return self.initial @ ahead[0], (self.scale[:, None] * total**2).sum(axis=0)
