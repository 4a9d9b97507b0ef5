"""A design given by a function that draws data and one that analyses them: power by simulation for whatever can be analysed.

Not faster than its analysis: a thousand studies are a thousand analyses.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, ClassVar, Self

import numpy as np

from evalkit.comparison.planning.design import Design, Playable, inside
from evalkit.errors import InputError
from evalkit.numerics.arguments import generator


@dataclass(frozen=True)
class SimulatedDesign(Design):
    """A design whose power is counted over simulated studies, all effects and sizes under the same luck.

    Parameters
    ----------
    draw : callable
        ``draw(rng, n, effect)`` returns the data of one study.
    analyse : callable
        ``analyse(data)`` returns its p-value; nan or None when the study gives none (counted as not showing the effect).
    size : float
        The effect supposed, in the unit of `draw`.
    null : float
        The effect when there is none.
    limits : (float, float)
        The effects that can be looked for.
    counted : {"people", "pairs", "clusters", "dates"}
    plays : int
    seed : int

    Examples
    --------
    >>> from scipy import stats
    >>> design = SimulatedDesign(
    ...     draw=lambda rng, n, effect: rng.normal(effect, 1, n),
    ...     analyse=lambda x: stats.wilcoxon(x).pvalue, size=0.5, plays=200,
    ... )
    >>> 0.5 < design.chance(30, 0.05, "two-sided") < 0.9
    True
    """

    EFFECT: ClassVar[str] = "size"
    METHOD: ClassVar[str] = "simulated"
    draw: Callable[[np.random.Generator, int, float], Any]
    analyse: Callable[[Any], float | None]
    size: float = 0.0
    null: float = 0.0
    limits: tuple[float, float] = (-math.inf, math.inf)
    counted: str = "people"
    plays: int = 1000
    seed: int = 1
    _known: dict = field(default_factory=dict, repr=False, compare=False)

    def faults(self) -> list[str]:
        found = [
            *inside("size", self.size, *self.limits, True),
            *inside("null", self.null, *self.limits, True),
        ]
        for name in ("draw", "analyse"):
            if not callable(getattr(self, name)):
                found.append(f"{name} must be a function, but was {getattr(self, name)!r}")
        for name, least in (("plays", 1), ("seed", 0)):
            value = getattr(self, name)
            if not isinstance(value, int) or isinstance(value, bool) or value < least:
                found.append(f"{name} must be a whole number, {least} or more, but was {value!r}")
        if self.counted not in ("people", "pairs", "clusters", "dates"):
            found.append(
                f"counted must be one of 'people', 'pairs', 'clusters', 'dates', but was {self.counted!r}"
            )
        return found

    def furthest(self, up: bool) -> float:
        return self.limits[1] if up else self.limits[0]

    def with_effect(self, effect: float) -> Self:
        # The p-values already counted stay known: they are kept by effect.
        return type(self)(
            self.draw,
            self.analyse,
            effect,
            self.null,
            self.limits,
            self.counted,
            self.plays,
            self.seed,
            self._known,
        )

    def p_values(self, n: int) -> np.ndarray:
        """Return the p-values of all simulated studies of n; nan where a study gives none."""
        key = (n, float(self.size))
        if key not in self._known:
            found = []
            for play in range(self.plays):
                rng = np.random.default_rng([self.seed, play])
                p = self.analyse(self.draw(rng, n, self.size))
                found.append(math.nan if p is None else float(p))
            values = np.array(found)
            if ((values < 0) | (values > 1)).any():
                raise InputError("SimulatedDesign: analyse returned a p-value outside [0, 1]")
            self._known[key] = values
        return self._known[key]

    def chance(self, n: int, alpha: float, alternative: str) -> float:
        """Return the share of studies with p ≤ alpha; `alternative` is that of `analyse`."""
        return float((self.p_values(n) <= alpha).mean())


def played(design: Playable, n: int, alternative: str, plays: int, seed: int) -> np.ndarray:
    """Return the p-values that simulated studies of a known design give."""
    rng = generator(seed)
    return np.array([design.p_value(design.draw(rng, n), alternative) for _ in range(plays)])
