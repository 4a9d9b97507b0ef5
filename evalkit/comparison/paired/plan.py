"""What was asked of a pre/post comparison: level, side, margins, what selection fixed, and how each kind is read.

Not the data.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from evalkit.errors import InputError
from evalkit.numerics.arguments import one_number


@dataclass(frozen=True)
class Plan:
    """What was asked.

    Parameters
    ----------
    conf_level : float
    alternative : {"two-sided", "greater", "less"}
    selected_on : str or None
    margin : tuple of float, optional
        Lowest and highest difference that count as "no difference that matters"; −inf or inf where there is none
        (non-inferiority, non-superiority).
    order : tuple, optional
        Categories in order, of an ordinal outcome; all that may occur, of a nominal one.
    scores : tuple of float, optional
        Number of each category.
    zeros : {"wilcoxon", "pratt"}
        Differences of zero in the signed-rank test: left out before ranking, or ranked and then left out.
    exposure : tuple of float
        Time (or people) behind the counts before and after.
    scale : tuple of float, optional
        Least and greatest value that the outcome can take.
    seed : int
        Of what is drawn at random.
    """

    conf_level: float = 0.95
    alternative: str = "two-sided"
    selected_on: str | None = None
    margin: tuple[float, float] | None = None
    order: tuple[Any, ...] | None = None
    scores: tuple[float, ...] | None = None
    zeros: str = "wilcoxon"
    exposure: tuple[float, float] = (1.0, 1.0)
    scale: tuple[float, float] | None = None
    seed: int = 1


def margins(
    margin: float | Sequence[float | None] | None, function: str, centre: float = 0.0
) -> tuple[float, float] | None:
    """Return the two margins of an equivalence test around `centre` (0 for differences, 1 for ratios).

    One number m stands for (−m, m), or (1/m, m) for ratios; None on one side for no limit there.

    Examples
    --------
    >>> margins(0.1, "pre_post"), margins((-0.1, None), "pre_post"), margins(1.25, "pre_post", centre=1.0)
    ((-0.1, 0.1), (-0.1, inf), (0.8, 1.25))
    """
    if margin is None:
        return None
    least = -math.inf if centre == 0.0 else 0.0
    if not isinstance(margin, (list, tuple, np.ndarray)):
        high = one_number(margin, "margin")
        low = -high if centre == 0.0 else (1 / high if high > 0 else math.nan)
    else:
        if np.shape(margin) != (2,) or all(end is None for end in margin):
            raise InputError(
                f"{function}: margin must be one number, or (low, high) with at most one None, but was {margin!r}"
            )
        low, high = (
            end if value is None else one_number(value, "margin")
            for value, end in zip(margin, (least, math.inf), strict=True)
        )
    if not low < centre < high:
        raise InputError(
            f"{function}: margin must lie on both sides of {centre:g} (no difference), but was {margin!r}"
        )
    if low < least:
        raise InputError(f"{function}: margin of a ratio must be above 0, but was {margin!r}")
    if low == least and high == math.inf:
        raise InputError(f"{function}: margin must have a limit on one side at least, but was {margin!r}")
    return low, high
