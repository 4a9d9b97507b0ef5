"""Estimates with their intervals, one a line, written out beside.

Not for curves.
"""

from __future__ import annotations

import textwrap
from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.ticker import FixedLocator, FuncFormatter, NullLocator

from evalkit import wording
from evalkit.figures.sheet import COLOURS, INK, PALE, bare, new_axes, put_title, tick

_VALUES = {
    "estimate", "std_error", "statistic", "df", "p_value", "conf_low", "conf_high", "conf_level", "n", "n_risk",
    "n_event", "n_censor", "status", "reason", "method",
}  # fmt: skip


def estimates(
    frame: pd.DataFrame,
    title: str = "",
    ax: Axes | None = None,
    lang: str | None = None,
    no_effect: float | None = None,
    log: bool = False,
    axis: str | None = None,
) -> Axes:
    """Draw estimates with their intervals, one a line, written out at the right.

    Parameters
    ----------
    frame : DataFrame
        Columns ``estimate``, if there are any ``conf_low`` and ``conf_high``, and the keys that name each line (every column
        that is no value of a tidy table). Lines with no estimate say why.
    title : str
    ax : Axes, optional
    lang : {"fr", "en"}, optional
    no_effect : number, optional
        Where nothing happens: a thin vertical line.
    log : bool
        Ratios, on a logarithmic axis.
    axis : str, optional
        What the horizontal axis is.

    Returns
    -------
    Axes
    """
    lang = wording.language(lang)
    frame = frame.reset_index(drop=True)
    labels = ["\n".join(textwrap.wrap(label, 34)) or " " for label in _labels(frame, lang)]
    if ax is None:
        ax = new_axes(
            title, height=1.1 + 0.36 * sum(1 + 0.5 * label.count("\n") for label in labels), left=labels
        )
    value, low, high = (
        frame[c].to_numpy(dtype=float, na_value=np.nan) if c in frame else np.full(len(frame), np.nan)
        for c in ("estimate", "conf_low", "conf_high")
    )
    places = np.arange(len(frame))[::-1]
    if log:
        ax.set_xscale("log")
    left, right = _window(value, low, high, no_effect, log)
    ax.set_xlim(left, right)
    ax.set_ylim(-0.7, len(frame) - 0.3)
    if no_effect is not None:
        ax.axvline(no_effect, color=PALE, linewidth=0.8, zorder=0)
    for y, v, a, b in zip(places, value, low, high, strict=True):
        if np.isfinite(v):
            _one_estimate(ax, y, v, a, b, (left, right))
    digits = _digits(value, low, high)
    for y, row in zip(places, frame.to_dict("records"), strict=True):
        _write_estimate(ax, y, row, digits, lang)
    ax.set_yticks(places, labels)
    ax.tick_params(axis="y", length=0)
    put_title(ax, title)
    bare(ax, left=False)
    if log:
        ax.xaxis.set_major_locator(FixedLocator(_ratio_ticks(left, right)))
        ax.xaxis.set_minor_locator(NullLocator())
    ax.xaxis.set_major_formatter(FuncFormatter(lambda v, _: tick(v, lang)))
    ax.set_xlabel(axis or _axis_word(frame, lang), color=INK)
    return ax


def _labels(frame: pd.DataFrame, lang: str) -> list[str]:
    """Return what names each line: words as they are, numbers with the name of their column."""
    keys = [c for c in frame if c not in _VALUES]
    if not keys:
        return [""] * len(frame)
    said = frame[keys].astype(object).to_dict("records")
    return [" · ".join(_key(k, v, lang) for k, v in row.items() if v is not None and v == v) for row in said]


def _key(column: str, value: Any, lang: str) -> str:
    if isinstance(value, str) or not hasattr(value, "__float__"):
        return str(value)
    if column == "part" and 0 < value < 1:
        return wording.percent(value, lang)
    try:
        name = wording.text(f"columns.{column}", lang)
    except KeyError:
        name = column
    return f"{name} {tick(float(value), lang)}"


def _window(
    value: np.ndarray, low: np.ndarray, high: np.ndarray, no_effect: float | None, log: bool
) -> tuple[float, float]:
    """Return the limits of the axis: all estimates, and their bounds unless they are absurdly far."""
    forward: Callable[[Any], Any] = np.log if log else np.asarray
    known = np.isfinite(value) & ((value > 0) | (not log))
    if not known.any():
        return (0.5, 2.0) if log else (-1.0, 1.0)
    centre = forward(value[known])
    with np.errstate(divide="ignore", invalid="ignore"):
        ends = np.concatenate([forward(low[known]), forward(high[known])])
    ends = ends[np.isfinite(ends)]
    reach = np.ptp(centre) + np.log(30) if log else np.inf
    points = np.concatenate([centre, np.clip(ends, centre.min() - reach, centre.max() + reach)])
    if no_effect is not None:
        points = np.append(points, forward(no_effect))
    margin = 0.06 * (np.ptp(points) or 1.0)
    limits = points.min() - margin, points.max() + margin
    return (
        (float(np.exp(limits[0])), float(np.exp(limits[1]))) if log else (float(limits[0]), float(limits[1]))
    )


def _one_estimate(
    ax: Axes, y: float, value: float, low: float, high: float, window: tuple[float, float]
) -> None:
    ax.plot([value], [y], marker="o", markersize=5.5, color=COLOURS[0], zorder=3)
    for bound, edge, arrow in ((low, window[0], "<"), (high, window[1], ">")):
        if np.isnan(bound):
            continue
        inside = window[0] <= bound <= window[1]
        ax.plot([value, bound if inside else edge], [y, y], color=COLOURS[0], linewidth=1.6, zorder=2)
        if not inside:
            ax.plot([edge], [y], marker=arrow, markersize=6, color=COLOURS[0], clip_on=False, zorder=3)


def _write_estimate(ax: Axes, y: float, row: dict[str, Any], digits: int | None, lang: str) -> None:
    value, low, high = (_number(row.get(c)) for c in ("estimate", "conf_low", "conf_high"))
    if np.isnan(value):
        why = row.get("status")
        said = wording.text(f"figures.{why}", lang) if why in ("not_estimable", "suppressed") else "–"
        _beside(ax, y, said, style="italic", color=PALE)
        return
    bounds = ""
    if not (np.isnan(low) and np.isnan(high)):
        dash = " ; " if lang == "fr" else ", "
        bounds = f"  [{wording.number(low, lang, digits)}{dash}{wording.number(high, lang, digits)}]"
    _beside(ax, y, wording.number(value, lang, digits) + bounds, color=INK)


def _beside(ax: Axes, y: float, text: str, **how: Any) -> None:
    ax.text(1.03, y, text, transform=ax.get_yaxis_transform(), va="center", ha="left", fontsize=9, **how)


def _number(value: Any) -> float:
    return float("nan") if value is None else float(value)


def _digits(*columns: np.ndarray) -> int | None:
    """Return how many decimals to write: none for whole numbers, two for numbers of ordinary size."""
    known = np.concatenate(columns)
    known = known[np.isfinite(known)]
    if np.array_equal(known, np.rint(known)):
        return 0
    return 2 if 0.05 <= np.abs(known).max(initial=0) < 1000 else None


def _axis_word(frame: pd.DataFrame, lang: str) -> str:
    word = wording.text("figures.estimate", lang)
    if "conf_level" in frame and frame["conf_level"].notna().any():
        level = float(frame["conf_level"].dropna().iloc[0])
        word += ", " + wording.text("figures.interval", lang, level=level)
    return word


def _ratio_ticks(left: float, right: float) -> list[float]:
    """Return round ratios, few enough to be read.

    Examples
    --------
    >>> _ratio_ticks(0.4, 3.2)
    [0.5, 1.0, 1.5, 2.0, 3.0]
    """
    choices = ((0.5, 0.6, 0.8, 1, 1.2, 1.5, 2, 3, 4), (0.5, 1, 1.5, 2, 3), (0.2, 0.5, 1, 2), (0.25, 1), (1,))
    for chosen in choices:
        ticks = sorted({float(f"{s * 10.0**k:.6g}") for k in range(-9, 10) for s in chosen})
        ticks = [t for t in ticks if left <= t <= right]
        if len(ticks) <= 6:
            return ticks
    return ticks[:: len(ticks) // 6 + 1]
