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
    Partners at equal distance: the one before in the order of distance and then of the data, else the one after: the rule of
    MatchIt 4.5 (which, with replacement and a ratio above 1, gives the same partner twice; here partners are distinct).

    Examples
    --------
    >>> made = nearest(np.array([5.0, 3, 6, 4, 2]), np.array([True, True, False, False, False]))
    >>> made.partners.ravel().tolist()
    [3, 4]
    """
    distance = np.round(distance, _DECIMALS)
    place = np.empty(len(distance), dtype=int)
    place[np.argsort(distance, kind="stable")] = np.arange(len(distance))
    rows, pool = np.flatnonzero(focal), np.flatnonzero(~focal)
    pool = pool[np.argsort(place[pool])]
    sorted_distance = distance[pool]
    free = np.ones(len(pool), dtype=bool)
    partners = np.full((len(rows), ratio), -1)
    queue = _queue(distance[rows], order)
    for turn in range(ratio):
        for i in queue:
            person = rows[i]
            allowed = free.copy() if replace else free
            if replace and turn:
                allowed[np.isin(pool, partners[i, :turn])] = False
            if alike is not None:
                allowed = allowed & (alike[pool] == alike[person])
            chosen = _nearest(
                sorted_distance, distance[person], int(np.searchsorted(place[pool], place[person])), allowed
            )
            if chosen < 0 or abs(sorted_distance[chosen] - distance[person]) > caliper:
                continue
            partners[i, turn] = pool[chosen]
            if not replace:
                free[chosen] = False
    return Pairs(rows, partners)


def _queue(distance: np.ndarray, order: str) -> np.ndarray:
    if order == "data":
        return np.arange(len(distance))
    return np.argsort(-distance if order == "largest" else distance, kind="stable")


def _nearest(distances: np.ndarray, own: float, at: int, allowed: np.ndarray) -> int:
    """Return the position of the nearest allowed one among sorted `distances`, of which `at` come before; −1 if none."""
    before = np.flatnonzero(allowed[:at][::-1][:_NEAR])
    left = at - 1 - int(before[0]) if len(before) else _far(allowed[:at][::-1], at, -1)
    after = np.flatnonzero(allowed[at : at + _NEAR])
    right = at + int(after[0]) if len(after) else _far(allowed[at:], at, 1)
    if left < 0 or right < 0:
        return max(left, right)
    return left if own - distances[left] <= distances[right] - own else right


#: How many neighbours are looked at before all are.
_NEAR = 64


def _far(allowed: np.ndarray, at: int, side: int) -> int:
    found = np.flatnonzero(allowed)
    if not len(found):
        return -1
    return at - 1 - int(found[0]) if side < 0 else at + int(found[0])
