"""What was asked of a comparison of two groups: kind of outcome, level, side, margins, what to adjust for and how.

Not the data.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

KINDS = ("binary", "ordinal", "count", "continuous", "nominal")


@dataclass(frozen=True)
class GroupPlan:
    """What was asked.

    Parameters
    ----------
    kind : {"binary", "ordinal", "count", "continuous", "nominal"}
    conf_level : float
    alternative : {"two-sided", "greater", "less"}
        For the tests; "greater": more in the other group than in the reference.
    margin : tuple of float, optional
        Lowest and highest difference (ratio, for counts) that count as "no difference that matters"; −inf or inf where there is none.
    adjust : str, optional
        Right-hand side of a formula of the covariates adjusted for.
    method : tuple of str
        How to adjust; empty: the default of the adjusting room.
    estimand : {"att", "ate"}
    seed : int
    assignment : {"not random", "random"}
    options : mapping
        Further keyword arguments of the adjusting room.
    """

    kind: str = "binary"
    conf_level: float = 0.95
    alternative: str = "two-sided"
    margin: tuple[float, float] | None = None
    adjust: str | None = None
    method: tuple[str, ...] = ()
    estimand: str = "att"
    seed: int = 0
    assignment: str = "not random"
    options: Mapping[str, Any] = field(default_factory=dict)
