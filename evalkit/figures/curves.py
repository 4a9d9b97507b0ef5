"""Step curves, named at their ends, with who is at risk under them.

Not for points with intervals: `forest` draws those.
"""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.ticker import FixedLocator, FuncFormatter

from evalkit import wording
from evalkit.figures.sheet import INK, LINE, PALE, bare, new_axes, put_title, style, tick, time_word


def steps(
    curves: pd.DataFrame,
    at_risk: pd.DataFrame | None = None,
    title: str = "",
    unit: str = "day",
    probability: bool = True,
    start: float = 1.0,
    joined: bool = False,
    ax: Axes | None = None,
    lang: str | None = None,
) -> Axes:
    """Draw step curves with their bands, each named at its end, and who is at risk under them.

    Parameters
    ----------
    curves : DataFrame
        Columns ``group`` (as it is to be read; one curve each, empty when there is one), ``time``, ``estimate``, and if there are
        intervals ``conf_low``, ``conf_high``.
    at_risk : DataFrame, optional
        Columns ``group``, ``time``, ``n_risk``: the times become the ticks.
    title : str
    unit : str
        Of time: day, week, month, year, or a word of yours.
    probability : bool
        Whether the vertical axis is a share, drawn from 0 to 1.
    start : float
        Where everybody stands before anything happens: 1 for survival, 0 for what builds up.
    joined : bool
        Whether the curve is known at the times given only (a coarsened one): points joined by straight lines, no steps.
    ax : Axes, optional
        Where to draw; a new figure otherwise. The at-risk table is written below it.
    lang : {"fr", "en"}, optional

    Returns
    -------
    Axes
    """
    lang = wording.language(lang)
    names = list(dict.fromkeys(curves["group"]))
    counted = [] if at_risk is None else list(dict.fromkeys(at_risk["group"]))
    if ax is None:
        ax = new_axes(title, below=LINE * (len(counted) + 1.6) if counted else 0.0, names=names)
    colours = dict(zip(names, range(len(names)), strict=True))
    last = float(curves["time"].max()) or 1.0
    for name in names:
        part = curves[curves["group"] == name].dropna(subset=["estimate"])
        if len(part):
            _one_curve(ax, part, start, joined, style(colours[name]), 0.15 if len(names) < 4 else 0.07)
    ax.set_xlim(0, last)
    put_title(ax, title)
    bare(ax)
    ax.set_xlabel(time_word(unit, lang), color=INK)
    if probability:
        ax.set_ylim(0, 1)
        ax.yaxis.set_major_locator(FixedLocator([0, 0.25, 0.5, 0.75, 1]))
        ax.yaxis.set_major_formatter(FuncFormatter(lambda v, _: wording.percent(v, lang)))
        ax.set_ylabel(wording.text("figures.share", lang), color=INK)
    else:
        ax.set_ylim(bottom=0)
        ax.yaxis.set_major_formatter(FuncFormatter(lambda v, _: tick(v, lang)))
        ax.set_ylabel(wording.text("figures.hazard", lang), color=INK)
    if len(names) > 1:
        _name_ends(ax, curves, names, last)
    if counted:
        ticks = np.unique(at_risk["time"].to_numpy(dtype=float))
        ax.xaxis.set_major_locator(FixedLocator(ticks[ticks <= last]))
        _risk_table(ax, at_risk, counted, colours, lang)
    ax.xaxis.set_major_formatter(FuncFormatter(lambda v, _: tick(v, lang)))
    return ax


def _one_curve(
    ax: Axes, curve: pd.DataFrame, start: float, joined: bool, how: dict[str, Any], shade: float
) -> None:
    time, value = curve["time"].to_numpy(dtype=float), curve["estimate"].to_numpy(dtype=float)
    at = (time, value)
    if (joined and time[0] > 0) or (time[0] == 0 and value[0] != start):
        # What happened on day 0 is a step at 0, drawn from where everybody stood.
        at = np.r_[0.0, time], np.r_[start, value]
    if joined:
        ax.plot(*at, marker="o", markersize=4, linewidth=1.2, zorder=3, **how)
    else:
        ax.plot(*at, drawstyle="steps-post", linewidth=1.8, solid_capstyle="butt", zorder=3, **how)
    if "conf_low" not in curve:
        return
    low, high = (curve[c].to_numpy(dtype=float) for c in ("conf_low", "conf_high"))
    # Where the scale has no bound (an estimate of 0 or 1) the band has no width.
    low, high = np.where(np.isnan(low), value, low), np.where(np.isnan(high), value, high)
    step = None if joined else "post"
    ax.fill_between(time, low, high, step=step, color=how["color"], alpha=shade, linewidth=0, zorder=2)


def _name_ends(ax: Axes, curves: pd.DataFrame, names: Sequence[str], last: float) -> None:
    """Write each curve's name at its end, moved apart where they would touch."""
    ends, told = [], []
    for index, name in enumerate(names):
        known = curves[(curves["group"] == name) & curves["estimate"].notna()]
        if len(known):
            ends.append(float(known["estimate"].iloc[-1]))
            told.append((index, name))
    low, high = ax.get_ylim()
    height = ax.get_position().height * ax.figure.get_figheight()
    wrapped = ["\n".join(textwrap.wrap(str(name), 22)) for _, name in told]
    sizes = [(high - low) * LINE * 0.95 * (1 + text.count("\n")) / max(height, 0.5) for text in wrapped]
    for (index, _), text, end, y in zip(told, wrapped, ends, _apart(ends, sizes, low, high), strict=True):
        at = ax.get_yaxis_transform()
        ax.plot(
            [1.005, 1.03], [end, y], transform=at, color=style(index)["color"], linewidth=0.8, clip_on=False
        )
        ax.text(1.04, y, text, transform=at, va="center", ha="left", color=style(index)["color"], fontsize=9)


def _apart(wanted: Sequence[float], sizes: Sequence[float], low: float, high: float) -> list[float]:
    """Return places near those wanted, far enough from each other for texts of these sizes."""
    order = sorted(range(len(wanted)), key=lambda i: wanted[i])
    places = dict.fromkeys(order, 0.0)
    floor = -np.inf
    for i in order:
        places[i] = max(wanted[i], floor + sizes[i] / 2)
        floor = places[i] + sizes[i] / 2
    ceiling = max(high, low + sum(sizes)) + 0.02 * (high - low)
    for i in reversed(order):
        places[i] = min(places[i], ceiling - sizes[i] / 2)
        ceiling = places[i] - sizes[i] / 2
    return [places[i] for i in range(len(wanted))]


def _risk_table(
    ax: Axes, at_risk: pd.DataFrame, groups: Sequence[str], colours: dict[str, int], lang: str
) -> None:
    height = ax.get_position().height * ax.figure.get_figheight()
    line = LINE / max(height, 0.5)
    top = -0.62 / max(height, 0.5)
    both = ax.get_xaxis_transform()
    ax.text(
        0,
        top,
        wording.text("figures.at_risk", lang),
        transform=ax.transAxes,
        fontsize=8.5,
        color=PALE,
        ha="left",
    )
    for row, group in enumerate(groups):
        y = top - line * (row + 1)
        colour = style(colours[group])["color"] if group in colours and len(colours) > 1 else INK
        if len(groups) > 1:
            ax.text(-0.055, y, str(group), transform=ax.transAxes, fontsize=8.5, color=colour, ha="right")
        for cell in at_risk[at_risk["group"] == group].itertuples(index=False):
            if cell.time <= ax.get_xlim()[1]:
                written = wording.number(cell.n_risk, lang, 0)
                ax.text(cell.time, y, written, transform=both, fontsize=8.5, color=colour, ha="center")
