"""Means at dates with their intervals, one line a group: how the same people go over time.

Not step curves: `curves` draws those.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.ticker import FixedLocator, FuncFormatter, NullLocator

from evalkit import wording
from evalkit.figures.sheet import INK, bare, new_axes, put_title, style, tick

#: How far groups stand apart at a date, as a share of the shortest time between two.
_APART = 0.06


def over_dates(
    frame: pd.DataFrame, title: str = "", axis: str = "", time: str = "", share: bool = False, ax: Axes | None = None,
    lang: str | None = None,
) -> Axes:  # fmt: skip
    """Draw points with vertical intervals at dates, joined within each group.

    Parameters
    ----------
    frame : DataFrame
        Columns ``group`` (as it is to be read; empty when there is one), ``place`` (number along the axis), ``date`` (as it is to be
        read), ``estimate``, ``conf_low``, ``conf_high``; missing estimates leave a gap.
    title, axis, time : str
        What stands above, along the vertical and along the horizontal axis.
    share : bool
        Whether estimates are shares, written in per cent.
    ax : Axes, optional
    lang : {"fr", "en"}, optional

    Returns
    -------
    Axes
    """
    lang = wording.language(lang)
    names = list(dict.fromkeys(frame["group"]))
    ax = ax or new_axes(title, names=names)
    places = np.unique(frame["place"].to_numpy(dtype=float))
    step = float(np.diff(places).min()) if len(places) > 1 else 1.0
    for index, name in enumerate(names):
        mine = frame[frame["group"] == name]
        x = mine["place"].to_numpy(dtype=float) + _APART * step * (index - (len(names) - 1) / 2)
        value, low, high = (
            mine[c].to_numpy(dtype=float, na_value=np.nan) for c in ("estimate", "conf_low", "conf_high")
        )
        how = style(index)
        ax.plot(x, value, linewidth=1.2, marker="o", markersize=5.5, zorder=3, label=name, **how)
        ax.vlines(x, low, high, color=how["color"], linewidth=1.6, zorder=2)
    said = dict(zip(frame["place"].astype(float), frame["date"], strict=True))
    ax.xaxis.set_major_locator(FixedLocator(list(said)))
    ax.xaxis.set_minor_locator(NullLocator())
    ax.xaxis.set_major_formatter(
        FuncFormatter(lambda v, _: said[min(said, key=lambda place: abs(place - v))])
    )
    write = (lambda v, _: wording.percent(v, lang)) if share else (lambda v, _: tick(v, lang))
    ax.yaxis.set_major_formatter(FuncFormatter(write))
    ax.set_xlim(places[0] - 0.4 * step, places[-1] + 0.4 * step)
    if len(names) > 1:
        ax.legend(
            loc="upper left", bbox_to_anchor=(1.01, 1.0), frameon=False, fontsize=9, borderaxespad=0, handletextpad=0.4
        )  # fmt: skip
    ax.set_xlabel(time, color=INK)
    ax.set_ylabel(axis, color=INK)
    put_title(ax, title)
    bare(ax)
    return ax
