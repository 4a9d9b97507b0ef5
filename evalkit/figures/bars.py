"""Bars along a sequence of steps, bars on either side of a central value, and lines over weeks.

Not for estimates with their intervals: `forest` draws those.
"""

from __future__ import annotations

import textwrap

import numpy as np
import pandas as pd
from babel.dates import format_date
from matplotlib.axes import Axes
from matplotlib.dates import MonthLocator, num2date
from matplotlib.ticker import FuncFormatter

from evalkit import wording
from evalkit.figures.sheet import COLOURS, INK, PALE, bare, new_axes, put_title, style, tick


def bars(
    frame: pd.DataFrame, title: str = "", axis: str = "", mark: str = "", ax: Axes | None = None, lang: str | None = None
) -> Axes:  # fmt: skip
    """Draw one bar a line, its number at its end; where there is something to compare with, a stroke marks it.

    Parameters
    ----------
    frame : DataFrame
        Columns ``label`` (as it is to be read), ``estimate``, and optionally ``mark``.
    title, axis, mark : str
        What stands above, along the axis, and what the strokes are.
    ax : Axes, optional
    lang : {"fr", "en"}, optional

    Returns
    -------
    Axes
    """
    lang = wording.language(lang)
    ax, places = _lines_of(frame, title, ax)
    value = frame["estimate"].to_numpy(dtype=float)
    ax.barh(places, value, height=0.62, color=COLOURS[0], zorder=2)
    digits = 0 if np.nanmax(value, initial=0) >= 10 else 1
    reach = float(np.nanmax(value, initial=0)) or 1.0
    if "mark" in frame:
        marks = frame["mark"].to_numpy(dtype=float)
        known = np.isfinite(marks)
        reach = max(reach, float(np.max(marks[known], initial=0)))
        ax.vlines(
            marks[known],
            places[known] - 0.42,
            places[known] + 0.42,
            color=COLOURS[1],
            linewidth=2.2,
            zorder=3,
        )
        if mark:
            ax.text(
                1,
                1.01,
                f"▏{mark}",
                transform=ax.transAxes,
                ha="right",
                va="bottom",
                fontsize=8.5,
                color=COLOURS[1],
            )
    for y, v in zip(places, value, strict=True):
        ax.text(
            1.03,
            y,
            wording.number(v, lang, digits),
            transform=ax.get_yaxis_transform(),
            va="center",
            fontsize=9,
            color=INK,
        )
    ax.set_xlim(0, 1.04 * reach)
    ax.xaxis.set_major_formatter(FuncFormatter(lambda v, _: tick(v, lang)))
    ax.set_xlabel(axis, color=INK)
    return ax


def tornado(
    frame: pd.DataFrame, centre: float, title: str = "", axis: str = "", words: tuple[str, str] = ("", ""),
    ax: Axes | None = None, lang: str | None = None,
) -> Axes:  # fmt: skip
    """Draw how far an outcome lies from its central value when each assumption is low, and when it is high.

    Parameters
    ----------
    frame : DataFrame
        Columns ``label``, ``low`` and ``high`` (the outcome when the assumption is low, high), in the order of the lines.
    centre : float
    title, axis : str
    words : (str, str)
        What the two colours mean: assumption low, assumption high.
    ax : Axes, optional
    lang : {"fr", "en"}, optional

    Returns
    -------
    Axes
    """
    lang = wording.language(lang)
    ax, places = _lines_of(frame, title, ax)
    for column, up, colour, word in (
        ("low", 0.17, COLOURS[4], words[0]),
        ("high", -0.17, COLOURS[0], words[1]),
    ):
        reach = frame[column].to_numpy(dtype=float) - centre
        ax.barh(places + up, reach, left=centre, height=0.3, color=colour, zorder=2, label=word)
    ax.axvline(centre, color=INK, linewidth=0.8, zorder=3)
    for y, row in zip(places, frame.to_dict("records"), strict=True):
        said = " – ".join(wording.number(row[c], lang, 0) for c in ("low", "high"))
        ax.text(1.03, y, said, transform=ax.get_yaxis_transform(), va="center", fontsize=9, color=INK)
    if any(words):
        height = ax.get_position().height * ax.figure.get_figheight()
        ax.legend(
            loc="upper left",
            bbox_to_anchor=(0, -0.5 / height),
            frameon=False,
            fontsize=8.5,
            ncols=2,
            borderaxespad=0,
        )
    ax.xaxis.set_major_formatter(FuncFormatter(lambda v, _: tick(v, lang)))
    ax.set_xlabel(axis, color=INK)
    return ax


def lines(
    frame: pd.DataFrame, title: str = "", axis: str = "", since: tuple[object, str] | None = None,
    ax: Axes | None = None, lang: str | None = None,
) -> Axes:  # fmt: skip
    """Draw one line a group over dates, each named at its end.

    Parameters
    ----------
    frame : DataFrame
        Columns ``group`` (as it is to be read), ``date``, ``estimate``.
    title, axis : str
        What stands above and along the vertical axis.
    since : (date, str), optional
        A day to mark, and what happened.
    ax : Axes, optional
    lang : {"fr", "en"}, optional

    Returns
    -------
    Axes
    """
    lang = wording.language(lang)
    names = list(dict.fromkeys(frame["group"]))
    ax = ax or new_axes(title, names=names)
    for index, name in enumerate(names):
        mine = frame[frame["group"] == name]
        ax.plot(mine["date"], mine["estimate"], linewidth=1.6, zorder=3, label=name, **style(index))
    if since is not None:
        ax.axvline(pd.Timestamp(since[0]), color=PALE, linewidth=0.9, zorder=1)
        ax.text(
            pd.Timestamp(since[0]),
            1.0,
            f" {since[1]}",
            transform=ax.get_xaxis_transform(),
            va="top",
            fontsize=8.5,
            color=PALE,
        )
    ax.set_ylim(bottom=0)
    ax.legend(loc="upper left", bbox_to_anchor=(1.01, 1.0), frameon=False, fontsize=9, borderaxespad=0)
    ax.xaxis.set_major_locator(MonthLocator(bymonth=(1, 5, 9)))
    ax.xaxis.set_major_formatter(FuncFormatter(lambda v, _: _month(v, lang)))
    ax.yaxis.set_major_formatter(FuncFormatter(lambda v, _: tick(v, lang)))
    ax.set_ylabel(axis, color=INK)
    put_title(ax, title)
    bare(ax)
    return ax


def _lines_of(frame: pd.DataFrame, title: str, ax: Axes | None) -> tuple[Axes, np.ndarray]:
    labels = ["\n".join(textwrap.wrap(str(label), 44)) for label in frame["label"]]
    if ax is None:
        ax = new_axes(
            title, height=0.3 + 0.34 * sum(1 + 0.5 * label.count("\n") for label in labels), left=labels
        )
    places = np.arange(len(frame), dtype=float)[::-1]
    ax.set_yticks(places, labels)
    ax.set_ylim(-0.7, len(frame) - 0.3)
    put_title(ax, title)
    bare(ax, left=False)
    ax.tick_params(axis="y", length=0)
    return ax, places


def _month(value: float, lang: str) -> str:
    return format_date(num2date(value).date(), format="MMM y", locale={"fr": "fr_FR", "en": "en_GB"}[lang])
