"""Rows that stay in the risk set, with less and less weight, after an exit that competes: sums over them, two running sums.

Not a likelihood: `proportional.partial` makes it of these rows as it does of Cox's, since it only asks for such sums.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from evalkit.errors import InputError
from evalkit.survival.competing.censoring import Observation
from evalkit.survival.core.slots import Slots, place
from evalkit.survival.core.sums import RiskSums
from evalkit.survival.proportional.partial import Likelihood, Rows, count_deaths


@dataclass(frozen=True, eq=False)
class Part:
    """Some of the people, as arrays: a file, a partition, a site, or everybody.

    Parameters
    ----------
    x : float array, shape (n, p), columns contiguous
    time : float array, shape (n,)
    kind : int array, shape (n,)
        0 censored, 1 the exit of interest, 2 an exit that competes.
    entry, weight : float arrays, shape (n,), optional
    stratum, group : int arrays, shape (n,), optional
        Baseline and censoring distribution of each row; codes that all parts share.
    """

    x: np.ndarray
    time: np.ndarray
    kind: np.ndarray
    entry: np.ndarray | None = None
    weight: np.ndarray | None = None
    stratum: np.ndarray | None = None
    group: np.ndarray | None = None

    def sums(self, n_groups: int) -> RiskSums:
        """Return the sums over the risk set by group; those of several parts add."""
        groups = tuple((g,) for g in range(n_groups))
        return RiskSums.of(self.time, self.kind, self.entry, self.weight, self.group, groups, 2)

    def every(self, step: int) -> Part:
        """Return one row in `step`."""
        kept = {
            name: None if (value := getattr(self, name)) is None else value[::step]
            for name in ("time", "kind", "entry", "weight", "stratum", "group")
        }
        return Part(np.asfortranarray(self.x[::step]), **kept)


@dataclass(frozen=True, eq=False)
class StayingRows(Rows):
    """Rows of which some stay, weighted, until the last slot of their stratum.

    Parameters
    ----------
    stayed : int array, shape (c,)
        Positions of the rows that do.
    inverse : float array, shape (c,)
        1 / G(T-), T their exit.
    stop : int array, shape (c,)
        One past the last slot of their stratum.
    group : int array, shape (c,)
    kept : float array, shape (g, L)
        G(t-) at each slot.

    Notes
    -----
    The sum at slot j is that of Cox, plus kept[g, j] times the sum of value × inverse over the rows that left before j: so it
    costs what Cox's costs, and no row is ever written twice.
    """

    stayed: np.ndarray = field(default_factory=lambda: np.zeros(0, dtype=np.int64))
    inverse: np.ndarray = field(default_factory=lambda: np.zeros(0))
    stop: np.ndarray = field(default_factory=lambda: np.zeros(0, dtype=np.int64))
    group: np.ndarray = field(default_factory=lambda: np.zeros(0, dtype=np.int64))
    kept: np.ndarray = field(default_factory=lambda: np.zeros((1, 0)))

    def sums(self, values: np.ndarray, n_slots: int) -> tuple[np.ndarray, np.ndarray]:
        """Return, per slot, the weighted sum of `values` over the risk set, and over those whose event is there."""
        at_risk, ending = super().sums(values, n_slots)
        width, groups = n_slots + 1, len(self.kept)
        come = values[self.stayed] * self.inverse
        flow = np.bincount(self.group * width + self.last[self.stayed], come, groups * width)
        short = self.stop < n_slots
        if short.any():
            flow -= np.bincount(self.group[short] * width + self.stop[short], come[short], groups * width)
        there = np.cumsum(flow.reshape(groups, width)[:, :n_slots], axis=1)
        return at_risk + (self.kept * there).sum(axis=0), ending

    def during(self, cumulative: np.ndarray) -> np.ndarray:
        """Return, per row, the rise of a cumulative sum over slots (0 first) while at risk, weighted once it has left."""
        risen = super().during(cumulative)
        tail = np.zeros((len(self.kept), len(cumulative)))
        np.cumsum(self.kept * np.diff(cumulative), axis=1, out=tail[:, 1:])
        since = tail[self.group, self.stop] - tail[self.group, self.last[self.stayed]]
        risen[self.stayed] += self.inverse * since
        return risen

    def exposure(
        self, cumulative: np.ndarray, tied: np.ndarray | None, out: np.ndarray | None = None
    ) -> np.ndarray:
        """Return `during`, less what is in `tied` for the slot of the event; the shorter way of `Rows` would leave out who stays."""
        exposure = self.during(cumulative)
        if tied is not None:
            exposure[self.event] -= tied[self.last[self.event] - 1]
        return exposure


def weighted_likelihood(
    parts: Sequence[Part], centre: np.ndarray, n_groups: int = 1, frequency: bool = False
) -> tuple[Likelihood, Slots, Observation]:
    """Return Fine and Gray's pseudo-likelihood of people split in any way, where the rows stand, and the weights' origin.

    Parameters
    ----------
    parts : sequence of Part
    centre : float array, shape (p,)
    n_groups : int
        How many censoring distributions.
    frequency : bool
        Whether weights count people.

    Raises
    ------
    InputError
        Late entries empty the observation for a while, so that weights are not defined.

    Notes
    -----
    Fine & Gray (1999), eq. 7, ties by Breslow's method. The risk sum at t is
    Σ_{T ≥ t} r + Σ_g G_g(t-) Σ_{T < t, competing} r / G_g(T-).
    """
    sums = parts[0].sums(n_groups)
    for part in parts[1:]:
        sums = sums + part.sums(n_groups)
    seen = Observation.of(sums)
    size = [len(part.time) for part in parts]
    time, kind = (np.concatenate([getattr(p, name) for p in parts]) for name in ("time", "kind"))
    entry, stratum = (_together([getattr(p, name) for p in parts], size) for name in ("entry", "stratum"))
    slots = place(time, kind == 1, entry, stratum)
    at_slot = seen.before[:, seen.place(slots.time)]
    ends = np.searchsorted(slots.stratum, np.arange(slots.stratum.max(initial=0) + 1), side="right")
    made, begin = [], 0
    for part, n in zip(parts, size, strict=True):
        own = slice(begin, begin + n)
        first = None if slots.first is None else slots.first[own]
        order = slots.order if len(parts) == 1 else None
        made.append(_rows(part, first, slots.last[own], ends, at_slot, seen, order))
        begin += n
    counts = [count_deaths(rows, len(slots), frequency) for rows in made]
    deaths = sum(number for number, _ in counts)
    total = sum(number * mean for number, mean in counts)
    return Likelihood(made, centre, deaths, total / deaths, ties="breslow"), slots, seen


def _together(arrays: list[np.ndarray | None], size: list[int]) -> np.ndarray | None:
    """Return one array of all parts, zeros for the parts that lack it; None when all do."""
    if all(a is None for a in arrays):
        return None
    return np.concatenate(
        [np.zeros(n, dtype=np.int64) if a is None else a for a, n in zip(arrays, size, strict=True)]
    )


def _rows(
    part: Part,
    first: np.ndarray | None,
    last: np.ndarray,
    ends: np.ndarray,
    at_slot: np.ndarray,
    seen: Observation,
    order: np.ndarray | None,
) -> StayingRows:
    stayed = np.flatnonzero(part.kind == 2)
    stratum = np.zeros(len(stayed), dtype=np.int64) if part.stratum is None else part.stratum[stayed]
    # A stratum after the last one with an event has no slots left.
    stop = np.append(ends, at_slot.shape[1])[np.minimum(stratum, len(ends))]
    after = last[stayed] < stop
    stayed, stop = stayed[after], stop[after]
    group = np.zeros(len(stayed), dtype=np.int64) if part.group is None else part.group[stayed]
    chance = seen.before[group, seen.place(part.time[stayed])]
    if (chance == 0).any():
        when = float(part.time[stayed[chance == 0]].max())
        raise InputError(
            f"fine_gray: {int((chance == 0).sum())} people left by another exit at or before {when:g}, when for a while nobody "
            "else was under observation: the weights that keep them in the risk set are not defined. Start the clock later "
            "(leave out the rows that end before then), or pool the censoring groups"
        )
    return StayingRows(
        x=part.x, first=first, last=last, event=np.flatnonzero(part.kind == 1), weight=part.weight,
        order=order, stayed=stayed, inverse=1 / chance, stop=stop, group=group, kept=at_slot,
    )  # fmt: skip
