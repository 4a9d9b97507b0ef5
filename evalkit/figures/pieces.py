"""A curve known between pieces of time only: level where it is known, a shaded box where it is not.

Not for step curves: `curves` draws those.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.ticker import FixedLocator, FuncFormatter

from evalkit import wording
from evalkit.figures.curves import _name_ends
from evalkit.figures.sheet import INK, bare, new_axes, put_title, style, tick, time_word


def boxes(
    pieces: pd.DataFrame,
    intervals: pd.DataFrame | None = None,
    title: str = "",
    unit: str = "day",
    ax: Axes | None = None,
    lang: str | None = None,
) -> Axes:
    """Draw curves that fall inside of pieces of time.

    Parameters
    ----------
    pieces : DataFrame
        Columns ``group`` (as it is to be read), ``lower``, ``upper`` (infinite for a piece without end), ``estimate``
        (after the piece).
    intervals : DataFrame, optional
        Columns ``group``, ``time``, ``conf_low``, ``conf_high``: drawn as upright bars.
    title : str
    unit : str
    ax : Axes, optional
    lang : {"fr", "en"}, optional

    Returns
    -------
    Axes
    """
    lang = wording.language(lang)
    names = list(dict.fromkeys(pieces["group"]))
    if ax is None:
        ax = new_axes(title, names=names)
    known = pieces.dropna(subset=["estimate"])
    ends = np.r_[known["lower"], known["upper"][np.isfinite(known["upper"])]]
    last = 1.05 * float(ends.max(initial=0.0)) or 1.0
    for index, name in enumerate(names):
        _one(ax, known[known["group"] == name], last, style(index))
        if intervals is not None:
            here = intervals[intervals["group"] == name]
            # Bars of several groups stand beside each other.
            aside = (index - (len(names) - 1) / 2) * 0.008 * last
            low, high = (here[c].to_numpy(dtype=float) for c in ("conf_low", "conf_high"))
            ax.vlines(
                here["time"] + aside, low, high, color=style(index)["color"], linewidth=1, alpha=0.8, zorder=4
            )
    ax.set_xlim(0, last)
    ax.set_ylim(0, 1)
    put_title(ax, title)
    bare(ax)
    ax.set_xlabel(time_word(unit, lang), color=INK)
    ax.xaxis.set_major_formatter(FuncFormatter(lambda v, _: tick(v, lang)))
    ax.yaxis.set_major_locator(FixedLocator([0, 0.25, 0.5, 0.75, 1]))
    ax.yaxis.set_major_formatter(FuncFormatter(lambda v, _: wording.percent(v, lang)))
    ax.set_ylabel(wording.text("figures.share", lang), color=INK)
    if len(names) > 1:
        # A name stands where the curve was last known.
        finite = known.assign(estimate=known["estimate"].where(np.isfinite(known["upper"])))
        _name_ends(ax, finite, names, last)
    return ax


def _one(ax: Axes, curve: pd.DataFrame, last: float, how: dict) -> None:
    """Draw one curve: level lines between its pieces, boxes over them."""
    time, level = 0.0, 1.0
    for lower, upper, after in curve[["lower", "upper", "estimate"]].itertuples(index=False):
        end = min(upper, last)
        ax.plot([time, lower], [level, level], linewidth=1.8, solid_capstyle="butt", zorder=3, **how)
        if end > lower:
            ax.fill_between(
                [lower, end], after, level, color=how["color"], alpha=0.18, linewidth=0.6, zorder=2
            )
        else:
            ax.plot([lower, lower], [level, after], linewidth=1.8, solid_capstyle="butt", zorder=3, **how)
        time, level = end, after
    if time < last and len(curve):
        ax.plot([time, last], [level, level], linewidth=1.8, solid_capstyle="butt", zorder=3, **how)
