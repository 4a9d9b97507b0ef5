"""What was asked of an answer about losses: level, the model of being seen, how often and how the lost are filled in.

Not the data.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Plan:
    """What was asked.

    Parameters
    ----------
    conf_level : float
    formula : str, optional
        Model of being seen; None: arm, before and all characteristics, added up.
    m, iterations : int
        Imputed data sets, and rounds over the columns.
    seed : int
    """

    conf_level: float = 0.95
    formula: str | None = None
    m: int = 20
    iterations: int = 10
    seed: int = 0
