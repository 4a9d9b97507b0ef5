"""What a planned comparison is to power: an effect that can be changed, a chance to show it, and data it would give.

Not one of the designs: `people`, `pairs` and `dates` hold them.
"""

from __future__ import annotations

import dataclasses
import math
from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Any, ClassVar, Self

import numpy as np
from scipy import integrate, special, stats

from evalkit.errors import Fault, InputError


@dataclass(frozen=True)
class Design(ABC):
    """A planned comparison and what it supposes.

    Class attributes
    ----------------
    EFFECT : str
        Name of the field that holds the effect.
    NULL : float
        The effect when there is none.
    COUNTED : str
        What `n` counts: "pairs", "people", "clusters", "dates".
    LEAST : int
        The least `n` that can be analysed.
    METHOD : str
        How the chance is computed, as named in the answer.
    """

    EFFECT: ClassVar[str]
    NULL: ClassVar[float] = 0.0
    COUNTED: ClassVar[str] = "people"
    LEAST: ClassVar[int] = 4
    METHOD: ClassVar[str] = "noncentral_t"

    def __post_init__(self) -> None:
        faults = self.faults()
        if faults:
            raise InputError([Fault({"en": f"{type(self).__name__}: {text}"}) for text in faults])

    @abstractmethod
    def faults(self) -> list[str]:
        """Return what cannot be, in words."""

    @abstractmethod
    def chance(self, n: int, alpha: float, alternative: str) -> float:
        """Return the chance that `n` show the effect."""

    @property
    def effect(self) -> float:
        """The effect supposed."""
        return float(getattr(self, self.EFFECT))

    @property
    def method(self) -> str:
        """How the chance is computed."""
        return self.METHOD

    def with_effect(self, effect: float) -> Self:
        """Return the same design with another effect."""
        return dataclasses.replace(self, **{self.EFFECT: effect})

    def furthest(self, up: bool) -> float:
        """Return the largest (up) or smallest effect that can be looked for."""
        return math.inf if up else -math.inf


@dataclass(frozen=True)
class Playable(Design):
    """A design whose data can be drawn and put to the very test that would be used."""

    @abstractmethod
    def draw(self, rng: np.random.Generator, n: int) -> Any:
        """Return the data of one study."""

    @abstractmethod
    def p_value(self, data: Any, alternative: str) -> float:
        """Return the p-value the study would give; nan when it would give none."""


def t_chance(ncp: float, df: float, alpha: float, alternative: str) -> float:
    """Return the chance that a noncentral t statistic passes its critical value."""
    if not math.isfinite(ncp):
        return 1.0 if alternative == "two-sided" or (ncp > 0) == (alternative == "greater") else 0.0
    if alternative == "less":
        ncp = -ncp
    if alternative == "two-sided":
        critical = special.stdtrit(df, 1 - alpha / 2)
        both = stats.nct.sf(critical, df, ncp) + stats.nct.cdf(-critical, df, ncp)
        return float(np.clip(both, 0.0, 1.0))
    return float(np.clip(stats.nct.sf(special.stdtrit(df, 1 - alpha), df, ncp), 0.0, 1.0))


def normal_chance(shift: float, alpha: float, alternative: str, spread: float = 1.0) -> float:
    """Return the chance that a normal statistic with this mean and spread passes its critical value."""
    if alternative == "less":
        shift = -shift
    if alternative == "two-sided":
        critical = special.ndtri(1 - alpha / 2)
        return float(special.ndtr((shift - critical) / spread) + special.ndtr((-shift - critical) / spread))
    return float(special.ndtr((shift - special.ndtri(1 - alpha)) / spread))


def equivalence_chance(
    difference: float, error_of_unit: float, df: float, margin: tuple[float, float], alpha: float
) -> float:
    """Return the chance that two one-sided t tests both reject: the estimated error is integrated over its law.

    Parameters
    ----------
    difference : float
        The true difference.
    error_of_unit : float
        Its true standard error.
    df : float
    margin : (float, float)
    alpha : float

    References
    ----------
    Phillips (1990), Journal of Pharmacokinetics and Biopharmaceutics 18:137 (Owen's Q written as one integral).
    """
    low, high = margin
    t = special.stdtrit(df, 1 - alpha)

    def given(ratio: float) -> float:
        # ratio = estimated error / true error, a scaled chi variable.
        half = t * ratio * error_of_unit
        inside = special.ndtr((high - half - difference) / error_of_unit) - special.ndtr(
            (low + half - difference) / error_of_unit
        )
        density = 2 * ratio * df * stats.chi2.pdf(df * ratio * ratio, df)
        return max(inside, 0.0) * density

    last = (high - low) / (2 * t * error_of_unit) if math.isfinite(high - low) else math.inf
    # Beyond eight standard deviations of the estimated error nothing is left.
    far = 1 + 8 / math.sqrt(2 * df) + 4 / df
    near = max(0.0, 1 - 8 / math.sqrt(2 * df))
    if last <= near:
        return 0.0
    return float(integrate.quad(given, near, min(last, far), epsabs=1e-12, epsrel=1e-10, limit=200)[0])


def inside(name: str, value: float, low: float, high: float, closed: bool = False) -> list[str]:
    """Return what is wrong with a number that must lie in an interval, or nothing."""
    number = isinstance(value, (int, float, np.integer, np.floating)) and not isinstance(value, bool)
    fits = number and (low <= value <= high if closed else low < value < high)
    if fits:
        return []
    edge = "in" if closed else "strictly within"
    return [f"{name} must be a number {edge} [{low:g}, {high:g}], but was {value!r}"]
