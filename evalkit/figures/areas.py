"""Shares of states piled on each other over time, each named at the right.

Not for shares with intervals: `curves` draws those.
"""

from __future__ import annotations

import textwrap

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.ticker import FixedLocator, FuncFormatter, MaxNLocator

from evalkit import wording
from evalkit.figures.curves import _apart
from evalkit.figures.sheet import (
    COLOURS,
    INK,
    LINE,
    PALE,
    bare,
    new_axes,
    put_title,
    tick,
    time_word,
    title_lines,
)


def areas(
    frame: pd.DataFrame,
    title: str = "",
    unit: str = "day",
    ax: Axes | None = None,
    lang: str | None = None,
) -> Axes:
    """Draw the shares of states as areas piled on each other, one picture per group.

    Parameters
    ----------
    frame : DataFrame
        Columns ``group`` (one picture each), ``state`` (as it is to be read), ``time``, ``estimate``; at each time all states. Shares
        that are missing are drawn together, as what is hidden.
    title : str
    unit : str
    ax : Axes, optional
        Where to draw when there is one group.
    lang : {"fr", "en"}, optional

    Returns
    -------
    Axes
        Of the first group.
    """
    lang = wording.language(lang)
    groups = list(dict.fromkeys(frame["group"]))
    states = list(dict.fromkeys(frame["state"]))
    if ax is not None and len(groups) > 1:
        raise ValueError(f"ax: one Axes for {len(groups)} groups; let a new figure be made")
    if ax is None:
        first = new_axes(title, names=states, height=3.4 + (len(groups) - 1) * 3.2)
        every = _pictures(first, len(groups))
    else:
        every = [ax]
    last = float(frame["time"].max()) or 1.0
    for axes, group in zip(every, groups, strict=True):
        part = frame[frame["group"] == group]
        wide = part.pivot(index="time", columns="state", values="estimate")[states]
        _one_pile(axes, wide, last, wording.text("columns.suppressed", lang))
        if len(groups) > 1:
            axes.text(0, 1.02, group, transform=axes.transAxes, fontsize=9, color=INK, ha="left", va="bottom")
        bare(axes)
        axes.set_xlim(0, last)
        axes.set_ylim(0, 1)
        axes.xaxis.set_major_locator(MaxNLocator(7))
        axes.xaxis.set_major_formatter(FuncFormatter(lambda v, _: tick(v, lang)))
        axes.yaxis.set_major_locator(FixedLocator([0, 0.25, 0.5, 0.75, 1]))
        axes.yaxis.set_major_formatter(FuncFormatter(lambda v, _: wording.percent(v, lang)))
        axes.set_ylabel(wording.text("figures.share", lang), color=INK)
    every[-1].set_xlabel(time_word(unit, lang), color=INK)
    if len(groups) == 1:
        put_title(every[0], title)
    else:
        every[0].set_title("\n".join(title_lines(title, 4.9)), loc="left", fontsize=10.5, color=INK, pad=24)
    return every[0]


def _pictures(first: Axes, n: int) -> list[Axes]:
    """Return the axes cut into n, one under the other, the first on top."""
    if n == 1:
        return [first]
    place, figure = first.get_position(), first.figure
    first.remove()
    height = place.height / n
    gap = 0.45 / figure.get_figheight()
    return [
        figure.add_axes((place.x0, place.y0 + (n - 1 - i) * height, place.width, height - gap))
        for i in range(n)
    ]


def _one_pile(ax: Axes, wide: pd.DataFrame, last: float, hidden: str) -> None:
    """Draw one pile; what is hidden lies on top, as one grey area."""
    known = wide[wide.notna().any(axis=1)].fillna(0.0)
    if not len(known):
        return
    known = known.assign(**{hidden: 1 - known.sum(axis=1)})
    colours = [COLOURS[i % len(COLOURS)] for i in range(wide.shape[1])] + [PALE]
    time = known.index.to_numpy(dtype=float)
    top = np.cumsum(known.to_numpy(dtype=float), axis=1)
    floor = np.concatenate([np.zeros((len(time), 1)), top[:, :-1]], axis=1)
    seen = [i for i in range(len(colours)) if known.iloc[:, i].max() > 1e-9]
    for i in seen:
        faint = 0.3 if len(COLOURS) <= i < wide.shape[1] else 0.55
        ax.fill_between(time, floor[:, i], top[:, i], color=colours[i], alpha=faint, linewidth=0, step="post")
    height = ax.get_position().height * ax.figure.get_figheight()
    names = ["\n".join(textwrap.wrap(str(known.columns[i]), 22)) for i in seen]
    sizes = [LINE * 0.95 * (1 + name.count("\n")) / max(height, 0.5) for name in names]
    ends = [(floor[-1, i] + top[-1, i]) / 2 for i in seen]
    edge = time[-1] / last
    for i, name, end, y in zip(seen, names, ends, _apart(ends, sizes, 0.0, 1.0), strict=True):
        line = {"color": colours[i], "linewidth": 0.8, "clip_on": False}
        ax.plot([edge + 0.005, 1.03], [end, y], transform=ax.transAxes, **line)
        ax.text(1.04, y, name, transform=ax.transAxes, va="center", ha="left", color=colours[i], fontsize=9)
