"""Which adjusted rows give away a count that the gate hides.

Not the gate: results pass it as `groups` and `overlap` say.
"""

from __future__ import annotations

import numpy as np
import pandas as pd


def telling(table: pd.DataFrame, hide: np.ndarray) -> np.ndarray:
    """Return the rows from which a hidden count of people without a partner, or trimmed, could be taken.

    Parameters
    ----------
    table : DataFrame
        Columns ``term`` and ``method``.
    hide : bool array, one per row
        Rows hidden already.

    Returns
    -------
    bool array
        Matched rows, whose numbers of people and degrees of freedom count the pairs; all that comes after a trimming.

    Examples
    --------
    >>> rows = pd.DataFrame({"term": ["without_partner", "adjusted_difference", "people"], "method": ["matching", "matching", ""]})
    >>> telling(rows, np.array([True, False, False])).tolist()
    [True, True, False]
    """
    term = table["term"].to_numpy(dtype=object)
    out = np.zeros(len(table), dtype=bool)
    if hide[term == "without_partner"].any():
        out |= (table["method"] == "matching").to_numpy()
    if hide[term == "trimmed"].any():
        after = (
            "adjusted",
            "chance",
            "outside",
            "unlikely",
            "effective",
            "largest",
            "smd",
            "without",
            "partners",
            "one_sided",
        )
        out |= np.array([t.startswith(after) for t in term])
    return out
