"""The participant flow as boxes and arrows.

Not the counts: texts come in as they are to be read, hidden numbers already hidden.
"""

from __future__ import annotations

import textwrap
from collections.abc import Sequence

import matplotlib.pyplot as plt
from matplotlib.axes import Axes

from evalkit.figures.sheet import INK, PALE, put_title

#: A box of a flow diagram: its heading, then its lines.
Box = tuple[str, Sequence[str]]


def flow_diagram(
    main: Sequence[Box], aside: Sequence[Box], ends: Sequence[Box], title: str = "", ax: Axes | None = None
) -> Axes:
    """Draw a participant flow: main boxes downwards, those who leave after the first one aside, where the last one leads in a row.

    Parameters
    ----------
    main, aside, ends : sequence of (heading, lines)
        As they are to be read; long ones are wrapped.
    title : str
    ax : Axes, optional

    Returns
    -------
    Axes
    """
    # The sheet is 100 wide; one unit down is about a line of text.
    width = {"main": 34.0, "aside": 40.0, "ends": (98 - 2 * (len(ends) - 1)) / max(len(ends), 1)}
    given = {"main": main, "aside": aside, "ends": ends}
    drawn = {name: [_wrapped(box, width[name]) for box in boxes] for name, boxes in given.items()}
    tall = sum(_tall(box) for box in drawn["main"]) + sum(_tall(box) + 1.5 for box in drawn["aside"])
    tall += 5.5 + max(map(_tall, drawn["ends"]), default=0)
    if ax is None:
        figure = plt.figure(figsize=(9.0, 0.175 * tall + 0.6))
        ax = figure.add_axes((0.01, 0.01, 0.98, 0.98 - 0.45 / (0.175 * tall + 0.6)))
    ax.set(xlim=(0, 100), ylim=(-tall, 0.3))
    ax.set_axis_off()
    put_title(ax, title)
    middle, y, above = 25.0, 0.0, 0.0
    for i, box in enumerate(drawn["main"]):
        if i:
            y -= 1.5
            _arrow(ax, (middle, above), (middle, y))
        _box(ax, middle - 17, y, width["main"], box, "#e8eef7")
        y -= _tall(box)
        above = y
        for leaving in drawn["aside"] if i == 0 else ():
            y -= 1.5
            _box(ax, 58, y, width["aside"], leaving, "#f4f4f4")
            _arrow(ax, (middle, y - _tall(leaving) / 2), (58, y - _tall(leaving) / 2))
            y -= _tall(leaving)
    centres = [1 + width["ends"] * (i + 0.5) + 2 * i for i in range(len(ends))]
    if centres:
        ax.plot([middle, middle], [y, y - 1.5], color=PALE, linewidth=1)
        ax.plot(
            [min([middle, *centres]), max([middle, *centres])], [y - 1.5, y - 1.5], color=PALE, linewidth=1
        )
    for centre, box in zip(centres, drawn["ends"], strict=True):
        _arrow(ax, (centre, y - 1.5), (centre, y - 3.5))
        _box(ax, centre - width["ends"] / 2, y - 3.5, width["ends"], box, "#eef5ec")
    return ax


def _wrapped(box: Box, width: float) -> tuple[list[str], list[str]]:
    # Letters that fit: bold ones are wider. A word is never cut.
    bold, plain = (max(int(k * (width - 2)), 8) for k in (1.1, 1.22))
    lines = [textwrap.wrap(line, plain, subsequent_indent="   ", break_long_words=False) for line in box[1]]
    return textwrap.wrap(box[0], bold, break_long_words=False), [part for line in lines for part in line]


def _tall(box: tuple[list[str], list[str]]) -> float:
    return 1.1 * (len(box[0]) + len(box[1])) + 1.2


def _box(ax: Axes, x: float, y: float, width: float, box: tuple[list[str], list[str]], colour: str) -> None:
    ax.add_patch(
        plt.Rectangle((x, y - _tall(box)), width, _tall(box), facecolor=colour, edgecolor=PALE, linewidth=0.8)
    )
    for i, line in enumerate([*box[0], *box[1]]):
        weight = "bold" if i < len(box[0]) else "normal"
        ax.text(x + 1, y - 0.7 - 1.1 * i, line, va="top", fontsize=8.5, fontweight=weight, color=INK)


def _arrow(ax: Axes, start: tuple[float, float], stop: tuple[float, float]) -> None:
    how = {"arrowstyle": "-|>", "color": PALE, "linewidth": 1, "shrinkA": 0, "shrinkB": 0}
    ax.annotate("", stop, start, arrowprops=how)
