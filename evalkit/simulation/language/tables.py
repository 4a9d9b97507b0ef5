"""What a `[pathway]` table may say: states, pools, sources, attributes, calendar, as pydantic models.

Not the checks between tables (see `checking`), and not the numbers the engines read (see `plan`).
"""

from __future__ import annotations

import datetime as dt
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, ConfigDict, Field, model_validator
from pydantic_core import PydanticCustomError

from evalkit.simulation.language.durations import (
    Case,
    Duration,
    Durations,
    NotNegative,
    OneDuration,
    Positive,
    Share,
    Table,
    no_flag,
)

#: The largest number of places; of people a source may expect at one site.
MOST, MOST_PEOPLE = 1_000_000_000, 16_777_216

WEEKDAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")


def _ways(value: Any) -> Any:
    return {value: 1.0} if isinstance(value, str) else value


class RouteCase(Case):
    """Where some people go: state to share."""

    to: Annotated[dict[str, Share], BeforeValidator(_ways)]


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


def _by_site(value: Any) -> Any:
    return value if isinstance(value, dict) else {"": value}


#: A number for every site (under the empty name), or one number per site.
Counts = Annotated[
    dict[str, Annotated[int, Field(ge=0, le=MOST), BeforeValidator(no_flag)]], BeforeValidator(_by_site)
]


class TrackChange(Table):
    """A track that changes: to a level, for a share of people, some time after entering the state.

    What was still to come on the track is forgotten. The change outlives the state.
    """

    to: str
    share: Share = 1.0
    after: OneDuration = Duration(family="constant", value=0.0)


def _changes(value: Any) -> Any:
    return (
        {t: {"to": c} if isinstance(c, str) else c for t, c in value.items()}
        if isinstance(value, dict)
        else value
    )


class Balk(Table):
    """A queue that turns people away: who finds `at` people waiting, and cannot be served at once, goes `to` another state."""

    at: Counts
    to: str


class State(Table):
    """One row of the pathway.

    ``delay`` lasts a duration; ``wait`` queues for a pool, smallest `priority` first, then first come first served; ``exit``
    ends. A `limit` is a patience or a deadline: whichever comes first, `done` or `late`, chooses the route. `release` gives
    back held units on entering. A wait may `balk`, or `preempt` the least urgent of those holding a unit, who waits again first
    in line and resumes what was left. `by_cause` routes a fitted duration; `set` changes tracks; `hazard_ratios` multiply the
    hazard of the duration (`limit_hazard_ratios`: of the limit) by attribute or by track, as the track stands while time
    passes. The rest says what the dashboard shows: `event`, `situation`, `mark`, `eliminated`; `latent` is what no dashboard shows.
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
    by_cause: dict[str, str] = Field(default_factory=dict)
    balk: Balk | None = None
    preempt: bool = False
    tracks: Annotated[dict[str, TrackChange], BeforeValidator(_changes)] = Field(
        default_factory=dict, alias="set"
    )
    hazard_ratios: dict[str, dict[str, Positive]] = Field(default_factory=dict)
    limit_hazard_ratios: dict[str, dict[str, Positive]] = Field(default_factory=dict)
    event: EventRecord | None = None
    situation: str | None = None
    mark: Literal["spotted", "entered"] | None = None
    eliminated: str | None = None
    latent: Literal["disengaged"] | None = None

    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True, allow_inf_nan=False)


class Sessions(Table):
    """A committee: it decides only on its dates, for so many people each time."""

    dates: Annotated[tuple[dt.date, ...], Field(min_length=1)]
    places: Counts


class PoolChange(Table):
    """Another number from a date on."""

    start: dt.date = Field(alias="from")
    weekly: Counts | None = None
    units: Counts | None = None

    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True)


class Pool(Table):
    """Capacity: `weekly` slots that open on some weekdays and are lost unused, `units` held until released, or `sessions` on dates.

    `changes` give another number from a date on. A pool is by site; `shared` makes one queue of all sites, or of each group of them,
    whose number is that of the group's first site.
    """

    weekly: Counts | None = None
    on: Annotated[
        tuple[Literal["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"], ...],
        Field(min_length=1),
    ] = ("monday",)
    units: Counts | None = None
    sessions: Sessions | None = None
    changes: tuple[PoolChange, ...] = ()
    shared: bool | tuple[tuple[str, ...], ...] = False
    calendar: bool = True

    @model_validator(mode="after")
    def _one_kind(self) -> Pool:
        given = [name for name in ("weekly", "units", "sessions") if getattr(self, name) is not None]
        if len(given) != 1:
            raise PydanticCustomError("simulation.pool_kind", "one kind of capacity", {})
        for change in self.changes:
            if given == ["sessions"] or getattr(change, given[0]) is None or change.weekly and change.units:
                raise PydanticCustomError("simulation.pool_change", "a change of the same kind", {})
        return self


class Period(Table):
    """How many people arrive between two dates (the last one included): the expected number, per site."""

    start: dt.date = Field(alias="from")
    stop: dt.date = Field(alias="to")
    number: Annotated[dict[str, Annotated[NotNegative, Field(le=MOST_PEOPLE)]], BeforeValidator(_by_site)]

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


class Spawned(Table):
    """People who come out of another person's stay: each entry into `state` brings one with probability `share`, after `delay`.

    Only the first `most` entries of a person can. Who came so brings nobody.
    """

    state: str
    share: Share
    delay: OneDuration = Duration(family="constant", value=0.0)
    most: Annotated[int, Field(ge=1, le=20)] = 1


class Source(Table):
    """Where people come from: over `periods` (Poisson, or just the number said), on lists of `dates`, there at first, or `spawned`.

    `season` gives twelve weights, January first, by which a period's number is spread. `elapsed` is how long those there at first
    have already spent in their first state, a delay.
    """

    to: str
    arrivals: Literal["poisson", "fixed"] = "poisson"
    periods: tuple[Period, ...] = ()
    dates: tuple[dt.date, ...] = ()
    size: Counts | None = None
    initial: Counts | None = None
    elapsed: OneDuration | None = None
    spawned: Spawned | None = None
    season: Annotated[tuple[NotNegative, ...], Field(min_length=12, max_length=12)] | None = None
    attributes: dict[str, dict[str, Share]] = Field(default_factory=dict)
    overlap: Overlap | None = None
    channel: str | None = None
    route: str | None = None
    programme: bool = True

    @model_validator(mode="after")
    def _one_kind(self) -> Source:
        kinds = [
            bool(self.periods),
            self.size is not None,
            self.initial is not None,
            self.spawned is not None,
        ]
        if sum(kinds) != 1 or bool(self.dates) != (self.size is not None):
            raise PydanticCustomError("simulation.source_kind", "one kind of arrivals", {})
        if (self.elapsed is not None and self.initial is None) or (
            self.season is not None and not self.periods
        ):
            raise PydanticCustomError("simulation.source_extra", "elapsed or season misplaced", {})
        return self


class Attribute(Table):
    """A fixed trait: its levels in order and, where a level is a range of numbers, that range ``[from, up to)``.

    The dashboard shows it when `recorded`, and the number within the level under the name `number`.
    """

    levels: Annotated[tuple[str, ...], Field(min_length=1)]
    between: dict[str, tuple[float, float]] = Field(default_factory=dict)
    recorded: bool = True
    number: str | None = None


class Track(Table):
    """Something about a person that may change while time passes: co-accompaniment, a named referent, a scheme.

    Everybody begins at the first level. `shown` is the track of the dashboard on which a level other than the first is written as a
    situation; `values` are the codes written there, the level itself by default.
    """

    levels: Annotated[tuple[str, ...], Field(min_length=2)]
    shown: str | None = None
    values: dict[str, str] = Field(default_factory=dict)


class Shock(Table):
    """What is otherwise between two dates: arrivals of sources and hazards of states multiplied."""

    start: dt.date = Field(alias="from")
    stop: dt.date | None = Field(None, alias="to")
    sources: dict[str, Annotated[NotNegative, Field(le=1000)]] = Field(default_factory=dict)
    hazards: dict[str, Positive] = Field(default_factory=dict)
    limits: dict[str, Positive] = Field(default_factory=dict)

    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True, allow_inf_nan=False)

    @model_validator(mode="after")
    def _in_order(self) -> Shock:
        if self.stop is not None and self.stop < self.start:
            raise PydanticCustomError(
                "simulation.period_order", "order", {"start": self.start, "stop": self.stop}
            )
        return self


class Reduced(Table):
    """Days on which pools give only a share of their slots."""

    start: dt.date = Field(alias="from")
    stop: dt.date = Field(alias="to")
    share: Share

    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True)

    @model_validator(mode="after")
    def _in_order(self) -> Reduced:
        if self.stop < self.start:
            raise PydanticCustomError(
                "simulation.period_order", "order", {"start": self.start, "stop": self.stop}
            )
        return self


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
    tracks: dict[str, Track] = Field(default_factory=dict)
    shocks: tuple[Shock, ...] = ()
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
