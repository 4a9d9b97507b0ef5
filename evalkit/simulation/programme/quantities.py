"""An assumption: a number that carries its unit, where it comes from, how sure it is, and how far it may plausibly lie.

Not a setting: dates, names and switches are plain values.
"""

from __future__ import annotations

import difflib
import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from pydantic import GetCoreSchemaHandler, ValidationError
from pydantic_core import InitErrorDetails, PydanticCustomError, core_schema

STATUSES = ("published", "derived", "calibrated", "assumed")
_FIELDS = ("value", "unit", "source", "status", "range")
#: Unit to its spellings in a file, the first being the one shown.
UNITS = {
    "share": ("share", "part"),
    "youths": ("youths", "jeunes"),
    "youths per year": ("youths per year", "jeunes par an"),
    "youths per week": ("youths per week", "jeunes par semaine"),
    "slots per week": ("slots per week", "créneaux par semaine"),
    "days": ("days", "jours"),
    "attempts": ("attempts", "tentatives"),
    "reminders": ("reminders", "relances"),
    "lists per year": ("lists per year", "listes par an"),
    "ratio": ("ratio", "rapport"),
    "counsellors": ("counsellors", "conseillers"),
    "youths per counsellor": ("youths per counsellor", "jeunes par conseiller"),
}


@dataclass(frozen=True)
class Assumption:
    """A value (one number, or one per site) with unit, source, status and, unless published, a plausible range."""

    value: float | Mapping[str, float]
    unit: str
    source: str
    status: str
    range: tuple[float, float] | Mapping[str, tuple[float, float]] | None = None

    def at(self, site: str) -> float:
        """Return the value at a site.

        Examples
        --------
        >>> Assumption({"centre": 14, "est": 20}, "slots per week", "a guess", "assumed", (5, 40)).at("est")
        20
        """
        return self.value[site] if isinstance(self.value, Mapping) else self.value

    def items(self) -> Iterator[tuple[str, float, float, float]]:
        """Yield (site or "", value, low, high) for every number; bounds are nan where there is no range."""
        values = self.value if isinstance(self.value, Mapping) else {"": self.value}
        for site, value in values.items():
            given = self.range.get(site) if isinstance(self.range, Mapping) else self.range
            low, high = given if given is not None else (math.nan, math.nan)
            yield site, value, low, high

    def as_table(self) -> dict[str, Any]:
        """Return it as it stands in a file."""
        value = dict(self.value) if isinstance(self.value, Mapping) else self.value
        table: dict[str, Any] = {
            "value": value,
            "unit": self.unit,
            "source": self.source,
            "status": self.status,
        }
        if isinstance(self.range, Mapping):
            table["range"] = {site: list(r) for site, r in self.range.items()}
        elif self.range is not None:
            table["range"] = list(self.range)
        return table


@dataclass(frozen=True)
class Quantity:
    """What an assumption of a field must be: its unit, the bounds no value can leave, whole or not, and what it means.

    Used as ``Annotated[Assumption, Quantity(...)]`` in a model; every fault of an assumption is reported at once.
    """

    unit: str
    low: float = 0.0
    high: float = math.inf
    whole: bool = False
    per_site: bool = True
    fr: str = ""
    en: str = ""

    def __get_pydantic_core_schema__(
        self, source: Any, handler: GetCoreSchemaHandler
    ) -> core_schema.CoreSchema:
        return core_schema.no_info_plain_validator_function(
            self.validate,
            serialization=core_schema.plain_serializer_function_ser_schema(
                lambda a: None if a is None else a.as_table()  # an optional one left out
            ),
        )

    def validate(self, given: Any) -> Assumption:
        """Return the assumption, or raise every fault in it."""
        if isinstance(given, Assumption):
            given = given.as_table()
        if not isinstance(given, dict) or ("value" not in given and not set(given) & set(_FIELDS)):
            shown = "…" if isinstance(given, dict) else given
            raise PydanticCustomError(
                "scenario.bare_number", "bare number", {"value": str(shown), "unit": _unit(self.unit)}
            )
        faults = list(self._faults(given))
        if faults:
            raise ValidationError.from_exception_data(
                "assumption",
                [
                    InitErrorDetails(type=PydanticCustomError(n, n, v), loc=loc, input=given)
                    for n, loc, v in faults
                ],
            )
        return Assumption(
            given["value"], self.unit, given["source"], given["status"], _range(given.get("range"))
        )

    def _faults(self, given: Mapping[str, Any]) -> Iterator[tuple[str, tuple[str, ...], dict[str, Any]]]:
        for key in given:
            if key not in _FIELDS:
                near = difflib.get_close_matches(key, _FIELDS, n=1, cutoff=0.5)
                yield (
                    ("tomlfile.unknown_near", (key,), {"near": near[0]})
                    if near
                    else ("tomlfile.unknown", (key,), {"known": list(_FIELDS)})
                )
        for key in ("value", "unit", "source", "status"):
            if key not in given:
                yield "tomlfile.missing", (key,), {}
        yield from self._words(given)
        yield from self._numbers(given)

    def _words(self, given: Mapping[str, Any]) -> Iterator[tuple[str, tuple[str, ...], dict[str, Any]]]:
        if "unit" in given and given["unit"] not in UNITS[self.unit]:
            yield (
                "scenario.unit",
                ("unit",),
                {"value": str(given["unit"]), "unit": _spellings(self.unit)},
            )
        if "source" in given and not (isinstance(given["source"], str) and given["source"].strip()):
            yield "scenario.source", ("source",), {}
        status = given.get("status")
        if "status" in given and status not in STATUSES:
            yield "scenario.status", ("status",), {"value": str(status), "known": list(STATUSES)}
        if status in STATUSES and status != "published" and "range" not in given:
            yield "scenario.range_missing", ("range",), {"status": status}

    def _numbers(self, given: Mapping[str, Any]) -> Iterator[tuple[str, tuple[str, ...], dict[str, Any]]]:
        if "value" not in given:
            return
        values = given["value"] if isinstance(given["value"], dict) else {"": given["value"]}
        ranges = given.get("range")
        if isinstance(given["value"], dict) and not self.per_site:
            yield "scenario.one_for_all", ("value",), {}
        for site, value in values.items():
            loc = ("value", site) if site else ("value",)
            if (
                isinstance(value, str)
                and value.strip().replace(",", "", 1).lstrip("+-").isdigit()
                and "," in value
            ):
                yield "tomlfile.comma", loc, {"wrong": value, "right": value.strip().replace(",", ".")}
            elif isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
                yield "tomlfile.a_number", loc, {"value": str(value)}
            else:
                beyond = list(self._bounds(value, loc))
                given_range = ranges.get(site) if isinstance(ranges, dict) else ranges
                # A value that is impossible need not be called implausible too.
                yield from beyond or self._plausible(value, given_range)

    def _bounds(
        self, value: float, loc: tuple[str, ...]
    ) -> Iterator[tuple[str, tuple[str, ...], dict[str, Any]]]:
        if not self.low <= value <= self.high:
            name = "scenario.bounds" if math.isfinite(self.high) else "scenario.bounds_low"
            yield (
                name,
                loc,
                {"value": _plain(value), "low": self.low, "high": self.high, "unit": _unit(self.unit)},
            )
        elif self.whole and value != int(value):
            yield "scenario.whole", loc, {"value": _plain(value)}

    def _plausible(self, value: float, given: Any) -> Iterator[tuple[str, tuple[str, ...], dict[str, Any]]]:
        if given is None:
            return
        if (
            not isinstance(given, list | tuple)
            or len(given) != 2
            or not all(isinstance(x, int | float) and not isinstance(x, bool) for x in given)
        ):
            yield "scenario.range_form", ("range",), {"value": str(given)}
            return
        low, high = given
        if low > high:
            yield "scenario.range_order", ("range",), {"low": _plain(low), "high": _plain(high)}
        elif not low <= value <= high:
            yield (
                "scenario.range_excludes",
                ("range",),
                {"value": _plain(value), "low": _plain(low), "high": _plain(high)},
            )
        for end in (low, high):
            if not self.low <= end <= self.high:
                yield from self._bounds(end, ("range",))


def _range(given: Any) -> Any:
    if isinstance(given, dict):
        return {site: (float(r[0]), float(r[1])) for site, r in given.items()}
    return None if given is None else (float(given[0]), float(given[1]))


def _unit(unit: str) -> dict[str, str]:
    english, french = UNITS[unit]
    return {"fr": french, "en": english}


def _spellings(unit: str) -> dict[str, str]:
    english, french = UNITS[unit]
    if english == french:
        return {"fr": f"« {french} »", "en": f"“{english}”"}
    return {"fr": f"« {french} » ou « {english} »", "en": f"“{english}” or “{french}”"}


def _plain(value: float) -> str:
    return f"{value:g}"
