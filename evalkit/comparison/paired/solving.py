"""Whether sums that are shown, added and subtracted, give a number that is hidden.

Not how closely a hidden number can be bracketed: only whether it can be solved.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np


def gives_away(known: Sequence[np.ndarray], secret: Sequence[np.ndarray]) -> bool:
    """Tell whether one of the sums in `secret` follows from those that are known.

    Parameters
    ----------
    known, secret : sequence of arrays, length k
        Each the weights of k unknown numbers in one sum.

    Returns
    -------
    bool

    Examples
    --------
    Of a + b, b + c and a + c, each of the three numbers follows; of the first two alone, none.

    >>> sums = [np.array([1, 1, 0]), np.array([0, 1, 1]), np.array([1, 0, 1])]
    >>> gives_away(sums, [np.array([1, 0, 0])]), gives_away(sums[:2], [np.array([1, 0, 0])])
    (True, False)
    """
    if len(known) == 0 or len(secret) == 0:
        return False
    matrix = np.array(known, dtype=float)
    onto = np.linalg.pinv(matrix) @ matrix
    return any(np.allclose(onto @ wanted, wanted, atol=1e-9) for wanted in np.asarray(secret, dtype=float))
