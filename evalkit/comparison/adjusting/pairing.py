"""Nearest neighbours: who is matched with whom, in an order that is named.

Not estimates: `matching` makes them.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

#: The order in which people choose: from the largest chance, from the smallest, or as the data have them.
ORDERS = ("largest", "smallest", "data")
#: Distances are compared to this many decimals, so that people alike are tied on every machine.
_DECIMALS = 10


@dataclass(frozen=True, eq=False)
class Pairs:
    """Who was matched with whom.

    Parameters
    ----------
    focal : int array, shape (f,)
        People who look for a match, in the order of the data.
    partners : int array, shape (f, ratio)
        Their partners, nearest first; −1 where there is none.
    """

    focal: np.ndarray
    partners: np.ndarray

    @property
    def matched(self) -> np.ndarray:
        """Which focal people have a partner, shape (f,)."""
        return self.partners[:, 0] >= 0

    def weights(self, n: int) -> np.ndarray:
        """Return the weights of n people: 1 for a matched focal person, who shares 1 among partners; else 0."""
        out = np.zeros(n)
        out[self.focal[self.matched]] = 1.0
        found = self.partners >= 0
        share = found / np.maximum(found.sum(axis=1, keepdims=True), 1)
        np.add.at(out, self.partners[found], share[found])
        return out


def nearest(
    distance: np.ndarray,
    focal: np.ndarray,
    *,
    ratio: int = 1,
    replace: bool = False,
    caliper: float = np.inf,
    alike: np.ndarray | None = None,
    order: str = "largest",
) -> Pairs:
    """Match each focal person with the nearest others, one after the other.

    Parameters
    ----------
    distance : float array, shape (n,)
        A number per person; near is alike.
    focal : bool array, shape (n,)
        Who looks for a match among the rest.
    ratio : int
        Partners wanted: everybody chooses a first one before anybody chooses a second.
    replace : bool
        Whether a partner may be chosen again by somebody else.
    caliper : float
        Largest distance allowed.
    alike : int array, shape (n,), optional
        Codes that must be equal.
    order : {"largest", "smallest", "data"}

    Notes
    -----
    Partners at equal distance: the first in the order of the data. The same as R's MatchIt with ``mahvars`` of one variable; MatchIt
    4.5.1 without it passes over nearer partners, and over the caliper.

    Examples
    --------
    >>> made = nearest(np.array([5.0, 3, 6, 4, 2]), np.array([True, True, False, False, False]))
    >>> made.partners.ravel().tolist()
    [2, 3]
    """
    distance = np.round(distance, _DECIMALS)
    rows, pool = np.flatnonzero(focal), np.flatnonzero(~focal)
    free = np.ones(len(pool), dtype=bool)
    partners = np.full((len(rows), ratio), -1)
    queue = _queue(distance[rows], order)
    for turn in range(ratio):
        for i in queue:
            allowed = free
            if replace and turn:
                allowed = ~np.isin(pool, partners[i, :turn])
            if alike is not None:
                allowed = allowed & (alike[pool] == alike[rows[i]])
            gap = np.where(allowed, np.abs(distance[pool] - distance[rows[i]]), np.inf)
            chosen = int(np.argmin(gap)) if len(gap) else -1
            if chosen < 0 or not np.isfinite(gap[chosen]) or gap[chosen] > caliper:
                continue
            partners[i, turn] = pool[chosen]
            if not replace:
                free[chosen] = False
    return Pairs(rows, partners)


def _queue(distance: np.ndarray, order: str) -> np.ndarray:
    if order == "data":
        return np.arange(len(distance))
    return np.argsort(-distance if order == "largest" else distance, kind="stable")
