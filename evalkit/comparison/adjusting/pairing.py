"""Nearest neighbours: who is matched with whom, in an order that is named.

Not estimates: `matching` makes them.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

#: The order in which people choose: from the largest chance, from the smallest, or as the data have them.
ORDERS = ("largest", "smallest", "data")
#: Distances are compared to this many decimals, so that people alike are tied on every machine.
DECIMALS = 10


@dataclass(frozen=True, eq=False)
class Pairs:
    """Who was matched with whom: k links between the f focal people and their partners.

    Parameters
    ----------
    focal : int array, shape (f,)
        People who look for a match, in the order of the data.
    link : int array, shape (k,)
        Position in `focal` of each link.
    partner : int array, shape (k,)
    share : float array, shape (k,)
        One over the number of partners of the focal person.
    """

    focal: np.ndarray
    link: np.ndarray
    partner: np.ndarray
    share: np.ndarray

    @property
    def matched(self) -> np.ndarray:
        """Which focal people have a partner, bool, shape (f,)."""
        return np.bincount(self.link, minlength=len(self.focal)) > 0

    def weights(self, n: int) -> np.ndarray:
        """Return the weights of n people: 1 for a matched focal person, who shares 1 among partners; else 0."""
        out = np.bincount(self.partner, weights=self.share, minlength=n)
        out[self.focal[self.matched]] = 1.0
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
        Partners wanted; without replacement everybody chooses a first one before anybody chooses a second.
    replace : bool
        Whether a partner may be chosen again by somebody else.
    caliper : float
        Largest distance allowed.
    alike : int array, shape (n,), optional
        Codes that must be equal.
    order : {"largest", "smallest", "data"}

    Notes
    -----
    Without replacement, of partners at equal distance the first in the order of the data is taken: as R's MatchIt with ``mahvars``
    of one variable does (MatchIt 4.5.1 without it passes over nearer partners, and over the caliper). With replacement all of those
    as near as the last one wanted share, so that the order of the data is of no consequence: as R's Matching and Stata's
    ``teffects`` do.

    Examples
    --------
    >>> made = nearest(np.array([5.0, 3, 6, 4, 2]), np.array([True, True, False, False, False]))
    >>> made.partner.tolist()
    [2, 3]
    >>> made = nearest(np.array([5.0, 3, 6, 4, 2]), np.array([True, True, False, False, False]), replace=True)
    >>> made.link.tolist(), made.partner.tolist()
    ([0, 0, 1, 1], [2, 3, 3, 4])
    """
    rows, pool = np.flatnonzero(focal), np.flatnonzero(~focal)
    found: list[list[int]] = [[] for _ in rows]
    if len(pool):
        free = np.ones(len(pool), dtype=bool)
        queue = _queue(np.round(distance[rows], DECIMALS), order)
        for _ in range(1 if replace else ratio):
            for i in queue:
                allowed = free if alike is None else free & (alike[pool] == alike[rows[i]])
                gap = np.round(np.abs(distance[pool] - distance[rows[i]]), DECIMALS)
                gap = np.where(allowed & (gap <= caliper), gap, np.inf)
                if replace:
                    last = np.partition(gap, min(ratio, len(gap)) - 1)[min(ratio, len(gap)) - 1]
                    found[i] = pool[np.isfinite(gap) & (gap <= last)].tolist()
                elif np.isfinite(gap[chosen := int(np.argmin(gap))]):
                    found[i].append(int(pool[chosen]))
                    free[chosen] = False
    sizes = np.array([len(f) for f in found], dtype=int)
    partner = np.array([p for f in found for p in f], dtype=int)
    return Pairs(
        rows, np.repeat(np.arange(len(rows)), sizes), partner, np.repeat(1 / np.maximum(sizes, 1), sizes)
    )


def _queue(distance: np.ndarray, order: str) -> np.ndarray:
    if order == "data":
        return np.arange(len(distance))
    return np.argsort(-distance if order == "largest" else distance, kind="stable")
