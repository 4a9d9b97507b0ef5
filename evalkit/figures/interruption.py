"""A series with its segments, the earlier trend prolonged, and the dates at which something happened; estimates around a date.

Not for curves of people: `curves` draws those.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.ticker import FixedLocator, FuncFormatter

from evalkit import wording
from evalkit.figures.sheet import COLOURS, INK, PALE, bare, new_axes, put_title, tick


def interrupted(
    points: pd.DataFrame, title: str = "", ax: Axes | None = None, lang: str | None = None
) -> Axes:
    """Draw points, what a model expects of them (full), what the earlier trend would have given (dashed), and upright lines between.

    Parameters
    ----------
    points : DataFrame
        In order of time. Columns ``place``, ``label`` (as it is to be read, dates in ISO form), ``observed``, ``expected``,
        ``counterfactual`` (nan where there is none), ``segment`` (0, 1 …).
    title : str
    ax : Axes, optional
    lang : {"fr", "en"}, optional

    Returns
    -------
    Axes
    """
    lang = wording.language(lang)
    ax = new_axes(title) if ax is None else ax
    said = {
        name: wording.text(f"figures.series_{name}", lang)
        for name in ("observed", "expected", "counterfactual")
    }
    place = points["place"].to_numpy(dtype=float)
    ax.plot(
        place,
        points["observed"],
        marker="o",
        linestyle="",
        markersize=4,
        color=PALE,
        zorder=2,
        label=said["observed"],
    )
    for number, segment in points.groupby("segment", sort=True):
        ax.plot(
            segment["place"], segment["expected"], color=COLOURS[0], linewidth=1.8, zorder=3,
            label=said["expected"] if number == 0 else None,
        )  # fmt: skip
        if number:
            before = points.loc[points["segment"] < number, "place"].max()
            ax.axvline((before + segment["place"].min()) / 2, color=PALE, linewidth=0.9, zorder=1)
    ax.plot(
        place, points["counterfactual"], color=COLOURS[1], linewidth=1.6, linestyle=(0, (5, 2)), zorder=3,
        label=said["counterfactual"],
    )  # fmt: skip
    _label_times(ax, points, lang)
    ax.yaxis.set_major_formatter(FuncFormatter(lambda v, _: tick(v, lang)))
    height = ax.get_position().height * ax.figure.get_figheight()
    ax.legend(
        loc="upper left", bbox_to_anchor=(0, -0.3 / height), frameon=False, fontsize=8.5, ncols=3, borderaxespad=0,
        handletextpad=0.5, columnspacing=1.2,
    )  # fmt: skip
    put_title(ax, title)
    bare(ax)
    return ax


def around(
    estimates: pd.DataFrame, title: str = "", axis: str = "", ax: Axes | None = None, lang: str | None = None
) -> Axes:
    """Draw estimates by time, each with its interval and, thinner, its simultaneous band; an upright line before the start.

    Parameters
    ----------
    estimates : DataFrame
        In order of time. Columns ``place``, ``label``, ``estimate``, ``conf_low``, ``conf_high``, ``band_low``, ``band_high``,
        ``after`` (bool). A line without interval is the date compared with.
    title : str
    axis : str
        What the horizontal axis is.
    ax : Axes, optional
    lang : {"fr", "en"}, optional

    Returns
    -------
    Axes
    """
    lang = wording.language(lang)
    ax = new_axes(title) if ax is None else ax
    put_title(ax, title)
    bare(ax)
    if estimates.empty:
        ax.text(
            0.5, 0.5, wording.text("figures.nothing", lang), transform=ax.transAxes, ha="center", color=PALE
        )
        return ax
    place = estimates["place"].to_numpy(dtype=float)
    value = estimates["estimate"].to_numpy(dtype=float)
    after = estimates["after"].to_numpy(dtype=bool)
    for mask, colour in ((~after, PALE), (after, COLOURS[0])):
        part = estimates[mask]
        ax.vlines(part["place"], part["band_low"], part["band_high"], color=colour, linewidth=0.9, zorder=2)
        ax.vlines(part["place"], part["conf_low"], part["conf_high"], color=colour, linewidth=2.6, zorder=3)
        ax.plot(place[mask], value[mask], marker="o", linestyle="", markersize=5, color=colour, zorder=4)
    ax.axhline(0, color=PALE, linewidth=0.8, zorder=0)
    if after.any() and not after.all():
        ax.axvline(
            (place[~after].max() + place[after].min()) / 2, color=PALE, linewidth=0.9, linestyle=":", zorder=1
        )
    _label_times(ax, estimates, lang, 9 if estimates["label"].str.len().max() < 5 else 6)
    ax.yaxis.set_major_formatter(FuncFormatter(lambda v, _: tick(v, lang)))
    ax.set_xlabel(axis, color=INK)
    return ax


def _label_times(ax: Axes, frame: pd.DataFrame, lang: str, most: int = 6) -> None:
    """Write some of the times below the axis."""
    shown = np.unique(np.linspace(0, len(frame) - 1, min(most, len(frame))).astype(int))
    place = frame["place"].to_numpy(dtype=float)[shown]
    ax.xaxis.set_major_locator(FixedLocator(place))
    words = [_time(str(frame["label"].iloc[i]), lang) for i in shown]
    ax.set_xticks(place, words)


def _time(label: str, lang: str) -> str:
    """Return a time as an axis writes it: month and year of the first of a month, day and month otherwise, anything else as it is.

    Examples
    --------
    >>> _time("2011-01-01", "fr"), _time("2011-03-15", "en"), _time("7", "en")
    ('janv. 2011', '15 Mar 2011', '7')
    """
    try:
        day = pd.Timestamp(label) if label.count("-") == 2 else None
    except ValueError:
        day = None
    if day is None:
        return label
    from babel.dates import format_date

    shape = "MMM y" if day.day == 1 else "d MMM y"
    return format_date(day.date(), format=shape, locale={"fr": "fr_FR", "en": "en_GB"}[lang])
