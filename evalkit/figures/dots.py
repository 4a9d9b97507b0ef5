"""One dot a line, or two joined by a stroke, with the band in which nothing matters: standardised differences before and after.

Not for estimates with intervals: `forest` draws those.
"""

from __future__ import annotations

import textwrap

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.ticker import FuncFormatter

from evalkit import wording
from evalkit.figures.sheet import COLOURS, INK, PALE, bare, new_axes, put_title, tick

_MARKS = ("o", "D")


def dots(
    frame: pd.DataFrame, title: str = "", axis: str = "", band: float = 0.0, ax: Axes | None = None, lang: str | None = None
) -> Axes:  # fmt: skip
    """Draw a line per row with one dot per column, and 0 in the middle of a pale band.

    Parameters
    ----------
    frame : DataFrame
        Column ``label`` (as it is to be read) and one or two columns of numbers, whose names stand in the legend.
    title, axis : str
        What stands above and along the axis.
    band : float
        Half the width of the band around 0; 0: none.
    ax : Axes, optional
    lang : {"fr", "en"}, optional

    Returns
    -------
    Axes
    """
    lang = wording.language(lang)
    labels = ["\n".join(textwrap.wrap(str(label), 40)) for label in frame["label"]]
    if ax is None:
        lines = sum(1 + 0.6 * label.count("\n") for label in labels)
        ax = new_axes(title, height=0.45 + 0.3 * lines, left=labels, below=0.3)
    places = np.arange(len(frame), dtype=float)[::-1]
    names = [c for c in frame if c != "label"]
    values = frame[names].to_numpy(dtype=float)
    if band:
        ax.axvspan(-band, band, color=PALE, alpha=0.18, linewidth=0, zorder=0)
    ax.axvline(0, color=PALE, linewidth=0.9, zorder=1)
    if len(names) == 2:
        ax.hlines(places, values[:, 0], values[:, 1], color=PALE, linewidth=1.1, zorder=2)
    for k, name in enumerate(names):
        ax.plot(
            values[:, k], places, linestyle="none", marker=_MARKS[k], markersize=5.5, color=COLOURS[k], zorder=3, label=str(name)
        )  # fmt: skip
    for place, row in zip(places, values, strict=True):
        if np.isnan(row).all():
            said = wording.text("figures.suppressed", lang)
            ax.text(0, place, said, ha="center", va="center", fontsize=8.5, color=INK, style="italic")
    reach = 1.12 * float(np.nanmax(np.abs(values), initial=max(2.5 * band, 0.05)))
    ax.set_xlim(-reach, reach)
    ax.set_ylim(-0.7, len(frame) - 0.3)
    ax.set_yticks(places, labels)
    put_title(ax, title)
    bare(ax, left=False)
    ax.tick_params(axis="y", length=0)
    ax.xaxis.set_major_formatter(FuncFormatter(lambda v, _: tick(v, lang)))
    ax.set_xlabel(axis, color=INK)
    if len(names) > 1:
        ax.legend(
            loc="upper left", bbox_to_anchor=(1.01, 1.0), frameon=False, fontsize=9, borderaxespad=0, handletextpad=0.3
        )  # fmt: skip
    return ax
