"""One series before and after something happened: change of level, change of slope, and the trend that would have gone on.

Not for people: `difference_in_differences` and `pre_post` compare those.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from evalkit.comparison.core.answer import reasons
from evalkit.comparison.core.rows import frame
from evalkit.comparison.dates import interruption as made
from evalkit.comparison.dates.fitting import Fitted, least_squares, likelihood
from evalkit.comparison.dates.interrupted import WORDS, InterruptedTimeSeries
from evalkit.comparison.dates.rates import Counts
from evalkit.comparison.dates.segments import Segments
from evalkit.comparison.dates.serial import usual_lag
from evalkit.comparison.dates.series import FUNCTION, Series, read
from evalkit.comparison.dates.student import Asked
from evalkit.errors import InputError
from evalkit.numerics.arguments import level, one_number, one_of
from evalkit.numerics.proportions import ALTERNATIVES
from evalkit.provenance import Provenance, digest
from evalkit.wording import Message, labels, message

_KINDS = ("continuous", "count", "share")
#: Fewer points than this in a segment are named.
_FEW = 8


def interrupted_time_series(
    data: pd.DataFrame | pd.Series,
    outcome: str | None = None,
    *,
    time: str | None = None,
    start: Any,
    kind: str = "continuous",
    denominator: str | None = None,
    control: str | None = None,
    control_denominator: str | None = None,
    season: tuple[float, int] | None = None,
    at: Any = None,
    lag: int | None = None,
    conf_level: float = 0.95,
    alternative: str = "two-sided",
    missing: str = "error",
    provenance: Provenance | None = None,
) -> InterruptedTimeSeries:
    """Compare a series after an interruption with its own earlier trend, and with a control series if there is one.

    Level and slope before, and by how much both change: time is counted from the interruption, so that the change of level is read on
    that very date. The same coefficients come with several standard errors; the first of each term is the one to read.

    Parameters
    ----------
    data : DataFrame or Series
        One row per point of time, in any order. A Series is indexed by time.
    outcome, time : str
        Columns: numbers (counts for ``kind="count"``, how many said yes for ``kind="share"``), and dates or numbers.
    start : time, or list of times
        The interruption: points at this time and later come after it. Several in order: each change is from the segment before.
    kind : {"continuous", "count", "share"}
        Changes are differences, rate ratios (quasi-Poisson) or odds ratios (quasi-binomial).
    denominator, control_denominator : str, optional
        What counts are counted over (people, days); out of how many, for shares.
    control : str, optional
        Column of a series that the interruption did not touch. Changes against it are those of the difference of both series; for
        counts, of their ratio (binomial given their sum).
    season : (float, int), optional
        Steps in a season and number of harmonics: ``(12, 1)`` for months.
    at : time, or list of times, optional
        Dates at which the effect is told; by default the last point.
    lag : int, optional
        Of Newey and West; by default the whole part of 4 (n/100)^(2/9).
    conf_level : float
        Level of the intervals, which stay two-sided.
    alternative : {"two-sided", "greater", "less"}
        For the tests; "greater": level or slope rises.
    missing : {"error", "drop"}
        Points without an outcome; dropped, they leave a gap that keeps its length.
    provenance : Provenance, optional
        Default: records of real people.

    Returns
    -------
    InterruptedTimeSeries
        Rows by ``term``, ``part`` (``series``, ``control``, ``against_control``), ``method``, ``start`` and ``time``:

        - ``level_change``, ``slope_change``, ``slope_before``, ``slope_after`` (with ``_ratio`` or ``_odds`` at the end for counts and
          shares) by ``ar1_reml`` (first-order autoregression), ``newey_west`` and, for counts and shares, ``quasi_poisson`` or
          ``quasi_binomial`` (independent points);
        - ``expected``, ``counterfactual`` (the earlier trend prolonged), ``effect`` and ``effect_relative`` at each date of `at`,
          for one unit of the denominator;
        - ``durbin_watson``, ``autocorrelation_1`` …, ``autoregression``, ``dispersion`` of the residuals; how many points.

    Raises
    ------
    InputError
        Columns that are not there or hold something else, times listed twice or irregular, an interruption outside the series.

    References
    ----------
    Wagner, Soumerai, Zhang & Ross-Degnan (2002), J Clin Pharm Ther 27:299. Bernal, Cummins & Gasparrini (2017), International
    Journal of Epidemiology 46:348. Newey & West (1987, 1994). Turner et al. (2021), BMC Medical Research Methodology 21:134
    (restricted likelihood in short series).

    Examples
    --------
    >>> months = pd.date_range("2010-01-01", periods=24, freq="MS")
    >>> visits = [52, 49, 55, 51, 56, 50, 54, 57, 53, 58, 55, 54, 66, 70, 65, 71, 69, 74, 70, 75, 73, 79, 76, 80]
    >>> answer = interrupted_time_series(pd.Series(visits, index=months), start="2011-01-01")
    >>> table = answer.tidy()
    >>> table.loc[table["method"] == "ar1_reml", ["term", "estimate", "conf_low", "conf_high"]].head(4).round(2)
               term  estimate  conf_low  conf_high
    0  slope_before      0.43      0.23       0.63
    2  level_change      9.42      7.43      11.41
    4  slope_change      0.72      0.44       0.99
    6   slope_after      1.15      0.95       1.35
    """
    one_of(kind, _KINDS, "kind")
    one_of(alternative, ALTERNATIVES, "alternative")
    asked = Asked(level(conf_level), alternative)
    series, left_out = read(data, outcome, time, kind, denominator, control, control_denominator, missing)
    grid = series.calendar
    segments = Segments(_starts(start, series), _season(season))
    reading = made.Reading(segments, grid, tuple(grid.label(place) for place in segments.starts), asked)
    lag = usual_lag(len(grid.place)) if lag is None else _whole(lag, "lag", 0)
    places = _dates(at, series, segments)
    rows, fits = [], {}
    for part, fitted in _parts(series, segments, kind, lag):
        fits[part] = fitted
        rows += made.change_rows(fitted, part, reading)
    for part, fitted in fits.items():
        if part != "control":
            rows += made.effect_rows(fitted, part, reading, places)
    for part, fitted in fits.items():
        rows += made.residual_rows(fitted, part)
    rows += made.point_rows(reading)
    table = frame(rows, keys=("start", "time"))
    if provenance is None:
        provenance = Provenance(inputs={FUNCTION: digest(_as_frame(series))})
    return InterruptedTimeSeries(
        table,
        message("comparison_dates.question_series", start=list(reading.starts)),
        (*left_out, *_caveats(reading, fits, lag, control is not None), *reasons(table)),
        provenance,
        {
            "kind": kind, "n_points": len(grid.place), "lag": lag, "unit": grid.unit, "step": grid.step,
            "conf_level": asked.conf_level, "alternative": alternative,
        },
        labels("comparison_dates", *WORDS),
        points=_points(series, segments, kind, fits["series"]),
        small=_small(series, segments, kind),
    )  # fmt: skip


def _starts(start: Any, series: Series) -> tuple[int, ...]:
    listed = start if isinstance(start, (list, tuple, pd.Index, np.ndarray)) else [start]
    grid = series.calendar
    places = [grid.at(one, "start", FUNCTION) for one in listed]
    if not places or sorted(set(places)) != places:
        raise InputError(f"{FUNCTION}: start must list one or more interruptions in order, but was {start!r}")
    outside = [one for one, place in zip(listed, places, strict=True) if not 0 < place <= grid.place[-1]]
    if outside:
        raise InputError(
            f"{FUNCTION}: start {outside[0]!r} leaves no point before or none after; "
            f"the series goes from {grid.label(0)} to {grid.label(int(grid.place[-1]))}"
        )
    return tuple(places)


def _season(season: Any) -> tuple[float, int] | None:
    if season is None:
        return None
    if not isinstance(season, (tuple, list)) or len(season) != 2:
        raise InputError(
            f"season: must be (steps in a season, harmonics), such as (12, 1), but was {season!r}"
        )
    period, harmonics = one_number(season[0], "season"), _whole(season[1], "season", 1)
    if not period > 2 * harmonics:
        raise InputError(
            f"season: a season of {period:g} steps holds fewer than {harmonics} harmonics; at most (steps − 1)/2"
        )
    return period, harmonics


def _whole(value: Any, argument: str, least: int) -> int:
    found = one_number(value, argument)
    if found != int(found) or found < least:
        raise InputError(f"{argument}: must be a whole number, {least} or more, but was {value!r}")
    return int(found)


def _dates(at: Any, series: Series, segments: Segments) -> list[int]:
    grid = series.calendar
    if at is None:
        return [int(grid.place[-1])]
    listed = at if isinstance(at, (list, tuple, pd.Index, np.ndarray)) else [at]
    places = [grid.at(one, "at", FUNCTION) for one in listed]
    for one, place in zip(listed, places, strict=True):
        if not segments.starts[0] <= place <= grid.place[-1]:
            raise InputError(
                f"{FUNCTION}: at={one!r} is before the interruption or past the last point; nothing is said outside"
            )
    return places


def _parts(series: Series, segments: Segments, kind: str, lag: int) -> list[tuple[str, Fitted]]:
    """Return the series, its control and both against each other, fitted."""
    place = series.calendar.place
    one = _fit(segments, place, series.outcome, series.size, kind, lag)
    if series.other is None:
        return [("series", one)]
    other = _fit(segments, place, series.other, series.other_size, kind, lag)
    if kind == "continuous":
        both = least_squares(segments, place, series.outcome - series.other, lag)
    else:
        total = series.outcome + series.other
        # A point where neither counted anything says nothing about their ratio.
        seen = total > 0
        ratio = np.zeros(len(total))
        if series.size is not None and series.other_size is not None:
            ratio = np.log(series.size / series.other_size)
        counts = Counts(series.outcome[seen], total[seen], ratio[seen], shares=True)
        both = likelihood(segments, place[seen], counts, lag)
    return [("against_control", both), ("series", one), ("control", other)]


def _fit(
    segments: Segments, place: np.ndarray, outcome: np.ndarray, size: np.ndarray | None, kind: str, lag: int
) -> Fitted:
    if kind == "continuous":
        return least_squares(segments, place, outcome, lag)
    size = np.ones(len(outcome)) if size is None else size
    offset = np.zeros(len(outcome)) if kind == "share" else np.log(size)
    return likelihood(segments, place, Counts(outcome, size, offset, kind == "share"), lag)


def _caveats(reading: made.Reading, fits: dict[str, Fitted], lag: int, compared: bool) -> list[Message]:
    grid, segments = reading.calendar, reading.segments
    said = [
        message("comparison_dates.series_with_control" if compared else "comparison_dates.series_alone"),
        message(
            "comparison_dates.time_centred", start=list(reading.starts), step=_step(grid.unit, grid.step)
        ),
        message("comparison_dates.which_row", lag=lag),
    ]
    held = np.bincount(segments.segment_of(grid.place), minlength=len(segments.starts) + 1)
    if held.min() < _FEW:
        said.append(message("comparison_dates.few_points", n=int(held.min()), usual=_FEW))
    if grid.absent:
        said.append(message("comparison_dates.gaps", n=grid.absent))
    if segments.season is None and grid.unit == "month" and grid.step == 1:
        said.append(message("comparison_dates.no_season"))
    if any(fitted.dispersion < 1 for fitted in fits.values()):
        said.append(message("comparison_dates.underdispersed"))
    if reading.asked.alternative != "two-sided":
        side = message(f"comparison_dates.{reading.asked.alternative}")
        said.append(message("comparison_dates.one_sided", side=side, level=reading.asked.conf_level))
    return said


def _step(unit: str, step: float) -> Message:
    return message(f"comparison_dates.{'one' if step == 1 else 'many'}_{unit}", step=step)


def _points(series: Series, segments: Segments, kind: str, fitted: Fitted) -> pd.DataFrame:
    """Return what the picture shows: points, what the model expects, and the prolonged trend."""
    grid = series.calendar
    size = np.ones(len(grid.place)) if series.size is None else series.size
    drawn = pd.DataFrame({
        "place": grid.place, "label": [str(grid.label(int(p))) for p in grid.place],
        "observed": series.outcome / size, "segment": segments.segment_of(grid.place),
    })  # fmt: skip
    fit = fitted.methods["ar1_reml"]
    beta = fitted.plain if fit is None else fit.beta
    link = {"continuous": lambda z: z, "count": np.exp, "share": lambda z: 1 / (1 + np.exp(-z))}[kind]
    for name, yes in (("expected", True), ("counterfactual", False)):
        drawn[name] = link(segments.matrix(grid.place, yes) @ beta)
    drawn.loc[drawn["segment"] == 0, "counterfactual"] = np.nan
    return drawn


def _small(series: Series, segments: Segments, kind: str) -> pd.DataFrame | None:
    """Return the counts behind the points, that the gate looks at; None for numbers, of which it cannot know."""
    if kind == "continuous":
        return None
    counts = {"events": series.outcome}
    if kind == "share" and series.size is not None:
        counts["others"] = series.size - series.outcome
    if series.other is not None:
        counts["control"] = series.other
    return pd.DataFrame(counts).assign(segment=segments.segment_of(series.calendar.place))


def _as_frame(series: Series) -> pd.DataFrame:
    columns = {
        "time": [str(label) for label in series.calendar.labels], "outcome": series.outcome, "size": series.size,
        "other": series.other, "other_size": series.other_size,
    }  # fmt: skip
    return pd.DataFrame({name: values for name, values in columns.items() if values is not None})
