"""What a `[pathway]` table may say: states, pools, sources, attributes, calendar, as pydantic models.

Not the checks between tables (see `checking`), and not the numbers the engines read (see `plan`).
"""

from __future__ import annotations

import datetime as dt
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, model_validator
from pydantic_core import PydanticCustomError

Share = Annotated[float, Field(ge=0, le=1)]
Positive = Annotated[float, Field(gt=0)]
NotNegative = Annotated[float, Field(ge=0)]
WEEKDAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")


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
}


class Duration(Table):
    """A duration in days: a family and its parameters; a bare number is a constant."""

    family: Literal["constant", "exponential", "weibull", "gamma", "lognormal", "uniform", "empirical"]
    value: NotNegative | None = None
    mean: Positive | None = None
    scale: Positive | None = None
    shape: Positive | None = None
    median: Positive | None = None
    sigma: NotNegative | None = None
    low: NotNegative | None = None
    high: Positive | None = None
    values: Annotated[tuple[NotNegative, ...], Field(min_length=2)] | None = None

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
        return self


def _constant(value: Any) -> Any:
    return {"family": "constant", "value": value} if isinstance(value, int | float) else value


OneDuration = Annotated[Duration, BeforeValidator(_constant)]


class DurationCase(Table):
    """A duration for the people `when` describes: source, site, record or an attribute, each equal to a value."""

    when: dict[str, str] = Field(default_factory=dict)
    duration: OneDuration


def _duration_cases(value: Any) -> Any:
    return value if isinstance(value, list | tuple) else [{"duration": value}]


Durations = Annotated[tuple[DurationCase, ...], BeforeValidator(_duration_cases), Field(min_length=1)]


class RouteCase(Table):
    """Where the people `when` describes go: state to share; the first case that fits is taken."""

    when: dict[str, str] = Field(default_factory=dict)
    to: dict[str, Share]


def _route_cases(value: Any) -> Any:
    def one(given: Any) -> Any:
        if isinstance(given, str):
            return {"to": {given: 1.0}}
        return {"to": given} if isinstance(given, dict) and "to" not in given else given

    return [one(v) for v in value] if isinstance(value, list | tuple) else [one(value)]


Routes = Annotated[tuple[RouteCase, ...], BeforeValidator(_route_cases)]


class EventRecord(Table):
    """What the dashboard writes on entering a state: codes of the vocabulary.

    A ``planned`` outcome, on a wait, is an appointment booked: it is written only while it lies ahead.
    """

    kind: str
    outcome: str | None = None
    direction: str | None = None


def _names(value: Any) -> Any:
    return [value] if isinstance(value, str) else value


class State(Table):
    """One row of the pathway.

    ``delay`` lasts a duration; ``wait`` queues for a pool, smallest `priority` first, then first come first served; ``exit``
    ends. A `limit` is a patience or a deadline: whichever comes first, `done` or `late`, chooses the route. `release` gives
    back held units on entering. The rest says what the dashboard shows: `event`, `situation`, `mark`, `eliminated`; `latent`
    is what no dashboard shows.
    """

    kind: Literal["delay", "wait", "exit"]
    duration: Durations | None = None
    not_before: dt.date | None = None
    limit: Durations | None = None
    pool: str | None = None
    priority: Annotated[int, Field(ge=0, le=1000)] = 0
    release: Annotated[tuple[str, ...], BeforeValidator(_names)] = ()
    done: Routes = ()
    late: Routes = ()
    hazard_ratios: dict[str, dict[str, Positive]] = Field(default_factory=dict)
    event: EventRecord | None = None
    situation: str | None = None
    mark: Literal["spotted", "entered"] | None = None
    eliminated: str | None = None
    latent: Literal["disengaged"] | None = None


def _by_site(value: Any) -> Any:
    return {"": value} if isinstance(value, int) else value


#: A number for every site (under the empty name), or one number per site.
Counts = Annotated[dict[str, Annotated[int, Field(ge=0)]], BeforeValidator(_by_site)]


class Pool(Table):
    """Capacity: `weekly` slots that open on some weekdays and are lost unused, or `units` held until released."""

    weekly: Counts | None = None
    on: tuple[Literal["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"], ...] = (
        "monday",
    )
    units: Counts | None = None
    calendar: bool = True

    @model_validator(mode="after")
    def _one_kind(self) -> Pool:
        if (self.weekly is None) == (self.units is None):
            raise PydanticCustomError("simulation.pool_kind", "weekly or units", {})
        return self


def _numbers_by_site(value: Any) -> Any:
    return {"": value} if isinstance(value, int | float) else value


class Period(Table):
    """How many people arrive between two dates (the last one included): the expected number, per site."""

    start: dt.date = Field(alias="from")
    stop: dt.date = Field(alias="to")
    number: Annotated[dict[str, NotNegative], BeforeValidator(_numbers_by_site)]

    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True)

    @model_validator(mode="after")
    def _in_order(self) -> Period:
        if self.stop < self.start:
            raise PydanticCustomError(
                "simulation.period_order", "order", {"start": self.start, "stop": self.stop}
            )
        return self


class Overlap(Table):
    """People of other sources who are named by this one's lists too: the same persons, brought earlier when a list comes first.

    `share` of each of those sources' people is on a list; from list to being spotted `delay` passes. A match missed with
    probability `missed` makes a second record of the person, which begins on the later of the two days in state
    `duplicate_to`.
    """

    sources: Annotated[tuple[str, ...], Field(alias="with", min_length=1)]
    share: Share
    delay: OneDuration
    missed: Share = 0.0
    duplicate_to: str

    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True)


class Source(Table):
    """Where people come from: over `periods` (Poisson, or just the number said), on lists of `dates`, or there at first."""

    to: str
    arrivals: Literal["poisson", "fixed"] = "poisson"
    periods: tuple[Period, ...] = ()
    dates: tuple[dt.date, ...] = ()
    size: Counts | None = None
    initial: Counts | None = None
    attributes: dict[str, dict[str, Share]] = Field(default_factory=dict)
    overlap: Overlap | None = None
    channel: str | None = None
    route: str | None = None
    programme: bool = True

    @model_validator(mode="after")
    def _one_kind(self) -> Source:
        kinds = [bool(self.periods), self.size is not None, self.initial is not None]
        if sum(kinds) != 1 or bool(self.dates) != (self.size is not None):
            raise PydanticCustomError("simulation.source_kind", "one kind of arrivals", {})
        return self


class Attribute(Table):
    """A fixed trait: its levels in order and, where a level is a range of numbers, that range ``[from, up to)``.

    The dashboard shows it when `recorded`, and the number within the level under the name `number`.
    """

    levels: Annotated[tuple[str, ...], Field(min_length=1)]
    between: dict[str, tuple[float, float]] = Field(default_factory=dict)
    recorded: bool = True
    number: str | None = None


class Reduced(Table):
    """Days on which pools give only a share of their slots."""

    start: dt.date = Field(alias="from")
    stop: dt.date = Field(alias="to")
    share: Share

    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True)


class Calendar(Table):
    """Days without slots, and periods with fewer."""

    closed: tuple[dt.date, ...] = ()
    reduced: tuple[Reduced, ...] = ()


class PathwayTables(Table):
    """The whole of a `[pathway]`.

    `closing` is the day on which outputs and dashboard are cut unless told otherwise, the last day by default; `silence` is after
    how many days without contact the outputs call somebody disengaged.
    """

    start: dt.date
    end: dt.date
    closing: dt.date | None = None
    silence: Positive = 90.0
    sites: Annotated[tuple[str, ...], Field(min_length=1)] = ("all",)
    attributes: dict[str, Attribute] = Field(default_factory=dict)
    calendar: Calendar = Calendar()
    pools: dict[str, Pool] = Field(default_factory=dict)
    sources: Annotated[dict[str, Source], Field(min_length=1)]
    states: Annotated[dict[str, State], Field(min_length=1)]

    @model_validator(mode="after")
    def _in_order(self) -> PathwayTables:
        if self.end < self.start:
            raise PydanticCustomError(
                "simulation.period_order", "order", {"start": self.start, "stop": self.end}
            )
        if self.closing is not None and not self.start <= self.closing <= self.end:
            raise PydanticCustomError(
                "simulation.closing",
                "closing",
                {"closing": self.closing, "start": self.start, "stop": self.end},
            )
        return self
