"""Two histograms back to back: one group above the line, the other below.

Not for more than two groups.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.ticker import FuncFormatter

from evalkit import wording
from evalkit.figures.sheet import COLOURS, INK, PALE, bare, new_axes, put_title, tick


def mirrored(
    bins: pd.DataFrame, title: str = "", axis: str = "", side: str = "", ax: Axes | None = None, lang: str | None = None
) -> Axes:  # fmt: skip
    """Draw the share of each group in each bin, the first group above.

    Parameters
    ----------
    bins : DataFrame
        Columns ``group`` (as it is to be read; two of them), ``lower``, ``upper``, ``share`` (nan: not shown, drawn as a grey stroke).
    title, axis, side : str
        What stands above, along the horizontal and along the vertical axis.
    ax : Axes, optional
    lang : {"fr", "en"}, optional

    Returns
    -------
    Axes
    """
    lang = wording.language(lang)
    if ax is None:
        ax = new_axes(title)
    names = list(dict.fromkeys(bins["group"]))
    top = float(np.nanmax(bins["share"].to_numpy(float), initial=0.0)) or 1.0
    for index, (name, sign) in enumerate(zip(names, (1, -1), strict=True)):
        mine = bins[bins["group"] == name]
        left = mine["lower"].to_numpy(float)
        width = mine["upper"].to_numpy(float) - left
        share = mine["share"].to_numpy(float)
        ax.bar(left, sign * np.nan_to_num(share), width=width, align="edge", color=COLOURS[index], alpha=0.85,
               edgecolor="white", linewidth=0.6, zorder=2)  # fmt: skip
        hidden = np.isnan(share)
        ax.hlines(
            np.full(int(hidden.sum()), sign * 0.02 * top), left[hidden], (left + width)[hidden], color=PALE, linewidth=2, zorder=3
        )  # fmt: skip
        ax.text(
            0.98, 0.95 if sign > 0 else 0.05, name, transform=ax.transAxes, ha="right", va="top" if sign > 0 else "bottom",
            color=COLOURS[index], fontsize=10,
        )  # fmt: skip
    ax.axhline(0, color=INK, linewidth=0.8, zorder=4)
    ax.set_ylim(-1.12 * top, 1.12 * top)
    ax.set_xlim(float(bins["lower"].min()), float(bins["upper"].max()))
    ax.xaxis.set_major_formatter(FuncFormatter(lambda v, _: tick(v, lang)))
    ax.yaxis.set_major_formatter(FuncFormatter(lambda v, _: wording.percent(abs(v), lang)))
    ax.set_xlabel(axis, color=INK)
    ax.set_ylabel(side, color=INK)
    put_title(ax, title)
    bare(ax)
    return ax
