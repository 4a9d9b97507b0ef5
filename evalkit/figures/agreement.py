"""What was observed against what was predicted, beside the line where they are equal.

Not for curves over time.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.ticker import FuncFormatter, MaxNLocator

from evalkit import wording
from evalkit.figures.sheet import COLOURS, INK, PALE, bare, new_axes, put_title


def agreement(frame: pd.DataFrame, title: str = "", ax: Axes | None = None, lang: str | None = None) -> Axes:
    """Draw shares observed against shares predicted.

    Parameters
    ----------
    frame : DataFrame
        Columns ``predicted``, ``estimate`` (observed), if there are any ``conf_low`` and ``conf_high``, and ``n``.
    title : str
    ax : Axes, optional
    lang : {"fr", "en"}, optional

    Returns
    -------
    Axes
    """
    lang = wording.language(lang)
    if ax is None:
        ax = new_axes(title, height=4.6)
    known = frame[frame["estimate"].notna() & frame["predicted"].notna()]
    x, y = (known[c].to_numpy(dtype=float) for c in ("predicted", "estimate"))
    low, high = (known[c].to_numpy(dtype=float) if c in known else y for c in ("conf_low", "conf_high"))
    top = float(np.nanmax(np.concatenate([x, y, high, [0.05]]), initial=0.0)) * 1.05
    top = min(top, 1.0)
    ax.plot([0, top], [0, top], color=PALE, linewidth=0.9, zorder=0)
    ax.text(
        top, top, wording.text("figures.as_predicted", lang) + " ", ha="right", va="bottom", fontsize=8.5, color=PALE,
    )  # fmt: skip
    for a, b, one, other in zip(x, y, low, high, strict=True):
        ax.plot([a, a], [one, other], color=COLOURS[0], linewidth=1.6, zorder=2)
        ax.plot([a], [b], marker="o", markersize=5.5, color=COLOURS[0], zorder=3)
    ax.set_xlim(0, top)
    ax.set_ylim(0, top)
    put_title(ax, title)
    bare(ax)
    _percent(ax.xaxis, lang)
    _percent(ax.yaxis, lang)
    ax.set_xlabel(wording.text("figures.predicted", lang), color=INK)
    ax.set_ylabel(wording.text("figures.observed", lang), color=INK)
    return ax


def _percent(axis: Any, lang: str) -> None:
    axis.set_major_locator(MaxNLocator(5))
    axis.set_major_formatter(FuncFormatter(lambda v, _: wording.percent(v, lang)))
