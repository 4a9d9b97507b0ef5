"""One interrupted series fitted in each way, or the reason why it cannot be.

Not the rows: `interruption` reads the fits.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from evalkit.comparison.dates import rates, serial
from evalkit.comparison.dates.segments import Segments
from evalkit.wording import Message, message

#: A least-squares residual this small beside the outcome is rounding.
_ROUNDING = 1e-10


@dataclass(frozen=True, eq=False)
class Fitted:
    """What was fitted to one series.

    Parameters
    ----------
    place : int array, shape (n,)
        Where the points stand in time.
    kind : {"continuous", "count", "share"}
        Identity, logarithmic or logit scale of the coefficients.
    methods : mapping of str to (Fit or None)
        The one to read first; None where the autoregression sits at the edge, or a segment leaves Newey and West no residual.
    plain : float array, shape (k,)
        Coefficients that take points as independent.
    rest : float array, shape (n,)
        Residuals (Pearson's, of counts).
    stop : Message, optional
        Why there are no standard errors.
    known : bool
        With `stop`: whether the coefficients can be told all the same.
    """

    place: np.ndarray
    kind: str
    methods: dict[str, serial.Fit | None]
    plain: np.ndarray
    rest: np.ndarray
    stop: Message | None = None
    known: bool = False
    dispersion: float = float("nan")


def least_squares(segments: Segments, place: np.ndarray, y: np.ndarray, lag: int) -> Fitted:
    """Fit numbers."""
    x = segments.matrix(place)
    names = ("ar1_reml", "newey_west")
    if stop := obstacle(segments, place):
        return Fitted(place, "continuous", dict.fromkeys(names), np.full(segments.size, np.nan), y, stop)
    plain = np.linalg.lstsq(x, y, rcond=None)[0]
    rest = y - x @ plain
    if np.abs(rest).max() <= _ROUNDING * max(np.abs(y).max(), np.finfo(float).tiny):
        stop = message("comparison_dates.exact_fit")
        return Fitted(place, "continuous", dict.fromkeys(names), plain, rest, stop, known=True)
    methods = {
        "ar1_reml": serial.autoregressive(x, y, place),
        "newey_west": serial.newey_west(x, y, place, lag)
        if _spread_everywhere(segments, place, rest, y)
        else None,
    }
    return Fitted(place, "continuous", methods, plain, rest)


def likelihood(segments: Segments, place: np.ndarray, counts: rates.Counts, lag: int) -> Fitted:
    """Fit counts, or shares."""
    x = segments.matrix(place)
    kind = "share" if counts.shares else "count"
    independent = "quasi_binomial" if counts.shares else "quasi_poisson"
    names = ("ar1_reml", "newey_west", independent)
    nothing = np.full(segments.size, np.nan)
    stop = obstacle(segments, place) or _empty(segments, place, counts)
    beta = None if stop else rates.likely(x, counts)
    if beta is None:
        stop = stop or message("comparison_dates.no_convergence")
        return Fitted(place, kind, dict.fromkeys(names), nothing, nothing, stop)
    spread, rest = rates.dispersion(x, counts, beta), rates.standing(x, counts, beta)
    if spread <= _ROUNDING:
        stop = message("comparison_dates.exact_fit")
        return Fitted(place, kind, dict.fromkeys(names), beta, rest, stop, known=True)
    told = _spread_everywhere(segments, place, rest, np.ones(1))
    methods = {
        "ar1_reml": rates.autoregressive_rates(x, counts, beta, place),
        "newey_west": rates.newey_west(x, counts, beta, place, lag) if told else None,
        independent: rates.quasi(x, counts, beta),
    }
    return Fitted(place, kind, methods, beta, rest, dispersion=spread)


def obstacle(segments: Segments, place: np.ndarray) -> Message | None:
    """Return why no model can be fitted: a segment with one point, too few points in all, columns that say the same."""
    held = np.bincount(segments.segment_of(place), minlength=len(segments.starts) + 1)
    if held.min() < 2:
        return message("comparison_dates.short_segment", n=int(held.min()))
    x = segments.matrix(place)
    if len(place) < segments.size + 2:
        return message("comparison_dates.too_few_points", points=len(place), size=segments.size)
    if np.linalg.matrix_rank(x) < segments.size:
        return message("comparison_dates.same_columns")
    return None


def _spread_everywhere(segments: Segments, place: np.ndarray, rest: np.ndarray, scale: np.ndarray) -> bool:
    """Return whether every segment strays from its line: Newey and West know of spread only what residuals say.

    A line passes through the two points of a short segment, whose level and slope would then count as certain.
    """
    segment = segments.segment_of(place)
    farthest = [np.abs(rest[segment == k]).max() for k in range(len(segments.starts) + 1)]
    return min(farthest) > 1e-6 * max(farthest) and min(farthest) > _ROUNDING * np.abs(scale).max()


def _empty(segments: Segments, place: np.ndarray, counts: rates.Counts) -> Message | None:
    """Return why a slope on the logarithmic (or logit) scale would be infinite: all but one point at 0 (or at most)."""
    segment = segments.segment_of(place)
    for number in range(len(segments.starts) + 1):
        events, size = counts.events[segment == number], counts.size[segment == number]
        if (events > 0).sum() < 2 or (counts.shares and (events < size).sum() < 2):
            return message("comparison_dates.no_events")
    return None
