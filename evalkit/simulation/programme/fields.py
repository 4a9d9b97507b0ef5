"""How the words of a scenario declare their numbers: a share, a number of days, a ratio, each with unit, bounds and meaning.

Not the words themselves: see `words` and `mechanisms`.
"""

from __future__ import annotations

from typing import Annotated, Any

from evalkit.simulation.programme.quantities import Assumption, Quantity


def share(fr: str, en: str, per_site: bool = True) -> Any:
    """Return the type of a share, between 0 and 1."""
    return Annotated[Assumption, Quantity("share", 0, 1, per_site=per_site, fr=fr, en=en)]


def number(
    unit: str, low: float, high: float, fr: str, en: str, whole: bool = True, per_site: bool = True
) -> Any:
    """Return the type of a number in a unit, between bounds."""
    return Annotated[Assumption, Quantity(unit, low, high, whole, per_site, fr, en)]


def days(fr: str, en: str, low: float = 0.0, per_site: bool = True) -> Any:
    """Return the type of a number of days."""
    return Annotated[Assumption, Quantity("days", low, 7300, per_site=per_site, fr=fr, en=en)]


def ratio(fr: str, en: str, low: float = 0.0, high: float = 20.0, per_site: bool = True) -> Any:
    """Return the type of a ratio; 1 changes nothing."""
    return number("ratio", low, high, fr, en, whole=False, per_site=per_site)
