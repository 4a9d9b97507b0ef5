"""How many people a source brings over time: periods, spread by season, multiplied by shocks.

Not the draws of arrivals: `luck.population` makes them.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

from evalkit.simulation.language.tables import PathwayTables, Period
from evalkit.simulation.luck.sampler import TICKS_PER_DAY
from evalkit.simulation.plan.numbers import number_at

_DAY = dt.timedelta(days=1)


@dataclass(frozen=True)
class Stretch:
    """A stretch of constant rate: first tick, ticks it lasts, expected number of arrivals."""

    first: int
    length: int
    number: float


def rates(tables: PathwayTables, name: str, site: str) -> list[Stretch]:
    """Return the stretches of one source at one site, in the order of its periods."""
    source = tables.sources[name]
    shocks = [(s.start, s.stop, s.sources[name]) for s in tables.shocks if name in s.sources]
    out = []
    for period in source.periods:
        number = number_at(period.number, site)
        parts = _parts(period, source.season is not None, shocks)
        weights = [_weight(first, last, source.season) for first, last in parts]
        total = sum(weights)
        for (first, last), weight in zip(parts, weights, strict=True):
            by = 1.0
            for start, stop, ratio in shocks:
                if start <= first and (stop is None or last <= stop):
                    by = by * ratio
            # A period of one stretch keeps its number to the bit.
            share = number if len(parts) == 1 else (number * weight / total if total > 0 else 0.0)
            begin = (first - tables.start).days * TICKS_PER_DAY
            out.append(Stretch(begin, ((last - first).days + 1) * TICKS_PER_DAY, share * by))
    return out


def _parts(period: Period, by_month: bool, shocks: list) -> list[tuple[dt.date, dt.date]]:
    """Cut a period where a month, if asked, or a shock begins or ends."""
    cuts = {period.start}
    for start, stop, _ in shocks:
        cuts |= {start} | ({stop + _DAY} if stop is not None else set())
    day = period.start
    while by_month and day <= period.stop:
        day = (day.replace(day=1) + dt.timedelta(days=32)).replace(day=1)
        cuts.add(day)
    firsts = sorted(d for d in cuts if period.start <= d <= period.stop)
    return [(a, b - _DAY) for a, b in zip(firsts, [*firsts[1:], period.stop + _DAY], strict=True)]


def _weight(first: dt.date, last: dt.date, season: tuple[float, ...] | None) -> float:
    days = (last - first).days + 1
    return days * (season[first.month - 1] if season else 1.0)
