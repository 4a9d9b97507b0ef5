"""Risk sets as each of several tied events sees them: sums any statistic of a partial likelihood can ask for.

Not for exact ties: there the tied events are chosen jointly.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from evalkit.survival.proportional.partial import Likelihood


def seen_by_events(likelihood: Likelihood, columns: Sequence[np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
    """Return the slot of each tied event, and sums over the risk set as it sees it.

    Parameters
    ----------
    likelihood : Likelihood
        In one part.
    columns : sequence of float array, shape (n,)
        What is summed, the rows' risk included.

    Returns
    -------
    slot : int array, shape (E,)
    sums : float array, shape (len(columns), E)
        By Efron's method the k-th of d tied events sees the tied ones less k / d of them.
    """
    rows, n_slots = likelihood.parts[0], len(likelihood.deaths)
    slot = np.repeat(np.arange(n_slots), likelihood.deaths)
    first = np.cumsum(likelihood.deaths) - likelihood.deaths
    share = (np.arange(len(slot)) - first[slot]) / likelihood.deaths[slot]
    out = np.empty((len(columns), len(slot)))
    for i, column in enumerate(columns):
        at_risk, tied = rows.sums(column, n_slots)
        out[i] = at_risk[slot]
        if likelihood.ties == "efron":
            out[i] -= share * tied[slot]
    return slot, out
