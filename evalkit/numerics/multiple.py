"""p-values of several tests made together, adjusted so that the whole family keeps its level.

Not a choice of which tests belong together: that is the analyst's.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from evalkit.errors import InputError

ADJUSTMENTS = ("holm", "bh", "none")


def adjusted(p: Sequence[float] | np.ndarray, method: str = "holm") -> np.ndarray:
    """Return adjusted p-values; a test that could not be made (nan) stays nan and does not count in the family.

    Parameters
    ----------
    p : sequence of float, length m
    method : {"holm", "bh", "none"}
        Holm's step-down keeps the chance of any false finding; Benjamini and Hochberg's step-up the share of false ones.

    Returns
    -------
    float array, shape (m,)

    Raises
    ------
    InputError
        The method is not known, or a p-value is outside [0, 1].

    Notes
    -----
    Holm (1979); Benjamini & Hochberg (1995). As R's ``p.adjust``.

    Examples
    --------
    >>> adjusted([0.01, 0.04, 0.03, float("nan")]).tolist()
    [0.03, 0.06, 0.06, nan]
    >>> adjusted([0.01, 0.04, 0.03], "bh").tolist()
    [0.03, 0.04, 0.04]
    """
    if method not in ADJUSTMENTS:
        raise InputError(f"adjust: must be one of {', '.join(ADJUSTMENTS)}, but was {method!r}")
    values = np.asarray(p, dtype=float)
    known = np.flatnonzero(~np.isnan(values))
    if ((values[known] < 0) | (values[known] > 1)).any():
        raise InputError(f"p: p-values lie in [0, 1], but were {values[known].tolist()}")
    out = values.copy()
    m = len(known)
    if method == "none" or m == 0:
        return out
    order = known[np.argsort(values[known], kind="stable")]
    rank = np.arange(1, m + 1)
    if method == "holm":
        steps = np.maximum.accumulate((m + 1 - rank) * values[order])
    else:
        steps = np.minimum.accumulate((m / rank * values[order])[::-1])[::-1]
    out[order] = np.minimum(steps, 1.0)
    return out
