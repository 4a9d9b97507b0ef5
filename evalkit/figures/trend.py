"""Points over time with a smooth and its band: does something drift?

Not for curves or estimates: `curves` and `forest` draw those.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.ticker import FixedLocator, FuncFormatter, NullLocator

from evalkit import wording
from evalkit.figures.sheet import COLOURS, INK, PALE, bare, new_axes, put_title, tick, time_word

#: Pieces of the smooth: enough for one rise and one fall.
_KNOTS = 4


def trend(
    time: np.ndarray,
    value: np.ndarray,
    place: np.ndarray | None = None,
    title: str = "",
    axis: str = "",
    unit: str = "day",
    ax: Axes | None = None,
    lang: str | None = None,
) -> Axes:
    """Draw points with a smooth (natural cubic spline) and a band of two standard errors.

    Parameters
    ----------
    time, value : float arrays, shape (m,)
    place : float array, shape (m,), optional
        Where each time stands on the horizontal axis, when that is not time itself; ticks are times all the same.
    title, axis : str
        The question, and what the vertical axis is.
    unit : str
        Of time.
    ax : Axes, optional
    lang : {"fr", "en"}, optional

    Returns
    -------
    Axes
    """
    lang = wording.language(lang)
    ax = new_axes(title) if ax is None else ax
    place = time if place is None else place
    ax.plot(place, value, marker="o", linestyle="", markersize=3.5, color=PALE, alpha=0.6, zorder=1)
    across = np.linspace(place.min(), place.max(), 101)
    found = _smooth(place, value, across)
    if found is not None:
        middle, error = found
        ax.plot(across, middle, color=COLOURS[0], linewidth=1.8, zorder=3)
        ax.fill_between(
            across,
            middle - 2 * error,
            middle + 2 * error,
            color=COLOURS[0],
            alpha=0.15,
            linewidth=0,
            zorder=2,
        )
    ax.axhline(0, color=PALE, linewidth=0.8, zorder=0)
    put_title(ax, title)
    bare(ax)
    order = np.argsort(time)
    shown = time[order][np.unique(np.linspace(0, len(time) - 1, 6).astype(int))]
    shown = np.unique(shown)
    ax.xaxis.set_major_locator(FixedLocator(np.interp(shown, time[order], place[order])))
    ax.xaxis.set_minor_locator(NullLocator())
    names = dict(zip(np.interp(shown, time[order], place[order]).tolist(), shown, strict=True))
    ax.xaxis.set_major_formatter(FuncFormatter(lambda v, _: tick(_nearest(names, v), lang)))
    ax.yaxis.set_major_formatter(FuncFormatter(lambda v, _: tick(v, lang)))
    ax.set_xlabel(time_word(unit, lang), color=INK)
    ax.set_ylabel(axis, color=INK)
    return ax


def _nearest(names: dict[float, Any], value: float) -> float:
    return float(names[min(names, key=lambda known: abs(known - value))])


def _smooth(place: np.ndarray, value: np.ndarray, across: np.ndarray) -> tuple[np.ndarray, np.ndarray] | None:
    """Return a least-squares natural cubic spline and its standard error, None when there are too few points."""
    knots = np.unique(np.quantile(place, np.linspace(0, 1, _KNOTS + 1)))
    if len(knots) < 3 or len(place) < len(knots) + 3:
        return None
    basis, drawn = _natural(place, knots), _natural(across, knots)
    inverse = np.linalg.pinv(basis.T @ basis)
    share = inverse @ (basis.T @ value)
    rest = value - basis @ share
    spread = float(rest @ rest) / (len(value) - basis.shape[1])
    return drawn @ share, np.sqrt(np.maximum(spread * np.einsum("ij,ij->i", drawn @ inverse, drawn), 0.0))


def _natural(x: np.ndarray, knots: np.ndarray) -> np.ndarray:
    """Return the truncated-power basis of natural cubic splines (Hastie, Tibshirani & Friedman 2009, eq. 5.4)."""
    low, high = knots[0], knots[-1]
    x, inner = (x - low) / (high - low), (knots - low) / (high - low)

    def arc(k: int) -> np.ndarray:
        lifted = np.maximum(x - inner[k], 0.0) ** 3 - np.maximum(x - 1.0, 0.0) ** 3
        return lifted / (1.0 - inner[k])

    last = arc(len(inner) - 2)
    return np.stack([np.ones_like(x), x, *(arc(k) - last for k in range(len(inner) - 2))], axis=1)
