"""A table in colours: one cell per pair of suppositions, its number inside, its colour the verdict.

Not for estimates with their intervals: `forest` draws those.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.patches import Patch, Rectangle

from evalkit import wording
from evalkit.figures.sheet import COLOURS, INK, bare, new_axes, put_title, title_lines

#: Colours of the verdicts, in the order of the words; the middle one is bare paper.
_SHADES = (COLOURS[4], "#f4f4f4", COLOURS[5])


def heat(
    frame: pd.DataFrame, words: Mapping[str, str], title: str = "", axes: tuple[str, str] = ("", ""),
    ax: Axes | None = None, lang: str | None = None,
) -> Axes:  # fmt: skip
    """Draw a table of estimates, coloured by verdict.

    Parameters
    ----------
    frame : DataFrame
        Columns ``x``, ``y``, ``estimate`` and ``code`` (a key of `words`); a cell without an estimate stays empty.
    words : mapping of str to str
        Two or three verdicts, low to high, and how they are read.
    title : str
    axes : (str, str)
        What the horizontal and the vertical axis are.
    ax : Axes, optional
    lang : {"fr", "en"}, optional

    Returns
    -------
    Axes
    """
    lang = wording.language(lang)
    across, up = (np.unique(frame[c].to_numpy(dtype=float)) for c in ("x", "y"))
    ax = ax or new_axes(title, below=0.35, height=0.3 + 0.3 * len(up))
    shade = dict(zip(words, _SHADES, strict=False))
    shown = frame.dropna(subset=["estimate"])
    digits = 2 if shown["estimate"].abs().max() < 10 else 1
    for line in shown.itertuples(index=False):
        i, j = int(np.searchsorted(across, line.x)), int(np.searchsorted(up, line.y))
        ax.add_patch(
            Rectangle((i - 0.5, j - 0.5), 1, 1, facecolor=shade[line.code], edgecolor="white", linewidth=1)
        )
        written = wording.number(line.estimate, lang, digits)
        ax.text(i, j, written, ha="center", va="center", fontsize=7.5, color=INK)
    ax.set_xlim(-0.5, max(len(across), 1) - 0.5)
    ax.set_ylim(-0.5, max(len(up), 1) - 0.5)
    for axis, ticks in ((ax.xaxis, across), (ax.yaxis, up)):
        axis.set_ticks(np.arange(len(ticks)), [_tick(v, ticks, lang) for v in ticks])
    put_title(ax, title)
    bare(ax)
    ax.tick_params(length=0)
    ax.set_xlabel(axes[0], color=INK)
    ax.set_ylabel("\n".join(title_lines(axes[1], 0.075 * ax.bbox.height / 5)), color=INK)
    height = ax.get_position().height * ax.figure.get_figheight()
    ax.legend(
        handles=[Patch(facecolor=shade[code], edgecolor=INK, linewidth=0.4, label=word) for code, word in words.items()],
        loc="upper left", bbox_to_anchor=(0, -0.5 / height), frameon=False, fontsize=8.5, ncols=3, borderaxespad=0,
    )  # fmt: skip
    return ax


def _tick(value: float, ticks: np.ndarray, lang: str) -> str:
    """Write a place with as few decimals as leave all of them where they are, within a twentieth of a step."""
    near = 0.05 * (float(np.diff(ticks).min()) if len(ticks) > 1 else 1.0)
    digits = next((d for d in range(6) if np.abs(np.round(ticks, d) - ticks).max() <= near), 6)
    return wording.number(value, lang, digits)
