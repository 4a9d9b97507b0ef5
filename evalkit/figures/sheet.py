"""The sheet every picture is drawn on: room for what is written around it, colours, title, numbers, and its SVG.

Not a chart.
"""

from __future__ import annotations

import io
import re
import textwrap
from collections.abc import Sequence
from typing import Any

import matplotlib.pyplot as plt
from matplotlib.axes import Axes

from evalkit import wording

#: Okabe and Ito's colours, told apart by colour-blind readers and in grey; black and yellow left out.
COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9")
DASHES = ("-", (0, (5, 2)), (0, (1, 1.5)), (0, (6, 2, 1, 2)))
INK, PALE = "#222222", "#8a8a8a"
#: One line of the at-risk table or of a label, in inches.
LINE = 0.2


def style(index: int) -> dict[str, Any]:
    """Return the colour and dashes of the curve number `index`."""
    return {
        "color": COLOURS[index % len(COLOURS)],
        "linestyle": DASHES[(index // len(COLOURS)) % len(DASHES)],
    }


def new_axes(
    title: str,
    below: float = 0.0,
    names: Sequence[str] = (),
    height: float = 3.4,
    left: Sequence[str] = (),
) -> Axes:
    """Return axes with room for what is written around them, all in inches."""
    per_letter = 0.078
    longest = max((len(line) for name in names for line in textwrap.wrap(str(name), 22)), default=0)
    label = max((len(line) for name in left for line in name.split("\n")), default=0)
    margin_left = max(0.85, 0.3 + per_letter * (label or (longest if len(names) > 1 and below else 0)))
    margin_right = 0.25 + per_letter * (longest + 2 if len(names) > 1 else 22 if left else 0)
    top = 0.2 + 0.24 * len(title_lines(title, 4.9))
    width = margin_left + 4.9 + margin_right
    total = top + height + 0.65 + below
    figure = plt.figure(figsize=(width, total))
    return figure.add_axes((margin_left / width, (0.65 + below) / total, 4.9 / width, height / total))


def title_lines(title: str, width: float) -> list[str]:
    """Return a title in lines that fit axes so many inches wide (and the labels right of them)."""
    # A French question mark or guillemet does not begin a line, nor end one alone.
    bound = re.sub(r" (?=[?!:;»])|(?<=«) ", "\u00a0", title)
    return textwrap.wrap(bound, max(round(14.4 * width), 20), break_on_hyphens=False)


def put_title(ax: Axes, title: str) -> None:
    """Write the title above the axes, from the left."""
    if title:
        width = ax.get_position().width * ax.figure.get_figwidth()
        ax.set_title("\n".join(title_lines(title, width)), loc="left", fontsize=10.5, color=INK, pad=9)


def bare(ax: Axes, left: bool = True) -> None:
    """Leave two axes lines at most, drawn faintly."""
    ax.spines[["top", "right"]].set_visible(False)
    ax.spines["left"].set_visible(left)
    for side in ("left", "bottom"):
        ax.spines[side].set_color(PALE)
    ax.tick_params(colors=INK, labelsize=9)


def time_word(unit: str, lang: str) -> str:
    """Return what a time axis is called."""
    known = unit in ("day", "week", "month", "year")
    return wording.text(f"figures.time_{unit}", lang) if known else unit


def svg(ax: Axes, name: str = "evalkit") -> str:
    """Return the picture as SVG text, the same to the byte each time, and let the figure go.

    Letters are outlines, so that the page looks the same where the fonts are others; what they say is the picture's `alt`.
    """
    page = io.StringIO()
    with plt.rc_context({"svg.hashsalt": name, "svg.fonttype": "path"}):
        ax.figure.savefig(
            page,
            format="svg",
            bbox_inches="tight",
            metadata={"Date": None, "Creator": None, "Format": None, "Type": None},
        )
    plt.close(ax.get_figure(root=True))
    return page.getvalue()


def tick(value: float, lang: str) -> str:
    """Write a number on an axis, without zeros that say nothing.

    Examples
    --------
    >>> tick(0.5, "fr"), tick(1500.0, "en")
    ('0,5', '1,500')
    """
    digits = next((d for d in range(7) if round(value, d) == round(value, 8)), None)
    return wording.number(value, lang, digits)
