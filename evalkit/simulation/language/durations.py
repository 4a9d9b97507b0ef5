"""How long something may last, and for whom: families of durations in days, and cases of people or dates.

Not a draw: `luck.sampler` turns a number in (0, 1) into a duration.
"""

from __future__ import annotations

import datetime as dt
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, model_validator
from pydantic_core import PydanticCustomError


def no_flag(value: Any) -> Any:
    """Refuse yes and no where a number is meant: Python reads them as 1 and 0."""
    return str(value).lower() if isinstance(value, bool) else value


Share = Annotated[float, Field(ge=0, le=1), BeforeValidator(no_flag)]
Positive = Annotated[float, Field(gt=0), BeforeValidator(no_flag)]
NotNegative = Annotated[float, Field(ge=0), BeforeValidator(no_flag)]


class Table(BaseModel):
    """A table of the file: unknown keys are refused, and nothing changes after reading."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False, protected_namespaces=())


#: What each family of durations must and may say.
FAMILIES = {
    "constant": ({"value"}, set()),
    "exponential": ({"mean"}, set()),
    "weibull": ({"scale", "shape"}, set()),
    "gamma": ({"mean", "shape"}, set()),
    "lognormal": ({"median", "sigma"}, set()),
    "uniform": ({"low", "high"}, set()),
    "empirical": ({"values"}, set()),
    "fitted": ({"days", "incidence"}, set()),
}


class Duration(Table):
    """A duration in days: a family and its parameters; a bare number is a constant.

    ``fitted`` is a curve read as a table: at each of `days` (increasing) the share that has left by each cause, as a cumulative
    incidence says it. People leave on the days of the curve; those whom it still holds at its last day leave `late` then.
    """

    family: Literal[
        "constant", "exponential", "weibull", "gamma", "lognormal", "uniform", "empirical", "fitted"
    ]
    value: NotNegative | None = None
    mean: Positive | None = None
    scale: Positive | None = None
    shape: Positive | None = None
    median: Positive | None = None
    sigma: NotNegative | None = None
    low: NotNegative | None = None
    high: Positive | None = None
    values: Annotated[tuple[NotNegative, ...], Field(min_length=2)] | None = None
    days: Annotated[tuple[NotNegative, ...], Field(min_length=1)] | None = None
    incidence: Annotated[dict[str, tuple[Share, ...]], Field(min_length=1)] | None = None

    @model_validator(mode="after")
    def _parameters_of_the_family(self) -> Duration:
        needed, optional = FAMILIES[self.family]
        given = {n for n in type(self).model_fields if n != "family" and getattr(self, n) is not None}
        if given != needed and not needed <= given <= needed | optional:
            raise PydanticCustomError(
                "simulation.family",
                "parameters of the family",
                {"family": self.family, "needed": sorted(needed)},
            )
        if self.family == "uniform" and self.low >= self.high:  # type: ignore[operator]
            raise PydanticCustomError(
                "simulation.low_high", "low before high", {"low": self.low, "high": self.high}
            )
        if self.family == "fitted":
            self._a_curve()
        return self

    def _a_curve(self) -> None:
        days, curves = self.days or (), self.incidence or {}
        fits = all(b > a for a, b in zip(days, days[1:], strict=False)) and all(
            len(c) == len(days) and all(y >= x for x, y in zip(c, c[1:], strict=False))
            for c in curves.values()
        )
        if not fits or sum(c[-1] for c in curves.values() if c) > 1 + 1e-9:
            raise PydanticCustomError("simulation.not_a_curve", "not a curve", {})


def _constant(value: Any) -> Any:
    return {"family": "constant", "value": value} if isinstance(value, int | float) else value


OneDuration = Annotated[Duration, BeforeValidator(_constant)]


class Case(Table):
    """Whom a case is for: `when` gives the level of source, site, record, an attribute or a track; between two dates, if given.

    Tracks and dates are looked at on entering the state. The first case that fits is taken.
    """

    when: dict[str, str] = Field(default_factory=dict)
    start: dt.date | None = Field(None, alias="from")
    stop: dt.date | None = Field(None, alias="until")

    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True, allow_inf_nan=False)

    @model_validator(mode="after")
    def _in_order(self) -> Case:
        if self.start is not None and self.stop is not None and self.stop < self.start:
            raise PydanticCustomError(
                "simulation.period_order", "order", {"start": self.start, "stop": self.stop}
            )
        return self

    @property
    def for_all(self) -> bool:
        """Whether nobody is left out, at any date."""
        return not self.when and self.start is None and self.stop is None


class DurationCase(Case):
    """A duration for some people or dates."""

    duration: OneDuration


def _duration_cases(value: Any) -> Any:
    return value if isinstance(value, list | tuple) else [{"duration": value}]


Durations = Annotated[tuple[DurationCase, ...], BeforeValidator(_duration_cases), Field(min_length=1)]
