"""Every way a draw by lot could have gone, or a sample of them: complete, within strata or pairs, of people or of whole clusters.

Not statistics: `randomising` computes them on what is drawn here.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import combinations

import numpy as np

#: All draws are examined up to so many, and to so many draws times units.
MOST = 2**20
_CELLS = 5 * 10**7


@dataclass(frozen=True, eq=False)
class Lot:
    """How units (people, or clusters) were drawn.

    Parameters
    ----------
    treated : bool array, shape (units,)
        What was drawn.
    stratum : int array, shape (units,)
        Codes 0, 1, 2 …; all 0 when the draw was complete.
    """

    treated: np.ndarray
    stratum: np.ndarray

    @property
    def count(self) -> int:
        """Number of possible draws, each as likely as the other."""
        return math.prod(math.comb(len(part), int(self.treated[part].sum())) for part in self._parts())

    @property
    def swaps(self) -> bool:
        """Whether the opposite of a draw is a draw: every stratum has as many units treated as not."""
        return all(2 * int(self.treated[part].sum()) == len(part) for part in self._parts())

    @property
    def enumerable(self) -> bool:
        """Whether all draws are few enough to be examined."""
        return self.count <= MOST and self.count * len(self.treated) <= _CELLS

    def every(self) -> np.ndarray:
        """Return all draws, shape (count, units), the one made among them."""
        found = np.zeros((1, len(self.treated)), dtype=bool)
        for part in self._parts():
            chosen = int(self.treated[part].sum())
            ways = math.comb(len(part), chosen)
            place = np.fromiter(
                (i for way in combinations(range(len(part)), chosen) for i in way),
                dtype=np.intp,
                count=ways * chosen,
            ).reshape(ways, chosen)
            block = np.zeros((ways, len(part)), dtype=bool)
            np.put_along_axis(block, place, True, axis=1)
            found = np.repeat(found, ways, axis=0)
            found[:, part] = np.tile(block, (len(found) // ways, 1))
        return found

    def sample(self, draws: int, rng: np.random.Generator) -> np.ndarray:
        """Return the draw made, then `draws` others at random, shape (1 + draws, units)."""
        found = np.tile(self.treated, (draws + 1, 1))
        for part in self._parts():
            # Each row of the stratum in an order of its own.
            found[1:, part] = rng.permuted(found[1:, part], axis=1)
        return found

    def _parts(self) -> Iterator[np.ndarray]:
        for code in range(int(self.stratum.max()) + 1):
            yield np.flatnonzero(self.stratum == code)
