"""Times that are whole numbers: sums over them index instead of sorting.

Not a calendar: dates become days elsewhere.
"""

from __future__ import annotations

import numpy as np


def whole_days(time: np.ndarray) -> np.ndarray | None:
    """Return times as whole numbers, or None when they are not whole or too spread out to index.

    Parameters
    ----------
    time : float or int array, shape (n,)
        0 or more.

    Examples
    --------
    >>> whole_days(np.array([3.0, 0.0])), whole_days(np.array([3.5, 0.0])), whole_days(np.array([3e9, 0.0]))
    (array([3, 0], dtype=int32), None, None)
    """
    if len(time) == 0:
        return np.zeros(0, dtype=np.int32)
    if time.max() > max(4096, 4 * len(time)):
        return None
    if time.dtype.kind == "i":
        return time
    days = time.astype(np.int32)
    return days if np.array_equal(days, time) else None
