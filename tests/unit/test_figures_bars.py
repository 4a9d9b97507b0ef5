"""Bars, bars around a centre, lines over dates: what is drawn is what the frame says, in both languages."""

import matplotlib.pyplot as plt
import pandas as pd
import pytest

from evalkit import figures


@pytest.fixture(autouse=True)
def _close():
    yield
    plt.close("all")


def texts(ax):
    return [t.get_text() for t in ax.texts]


def test_bars_are_as_long_as_their_numbers_and_marks_stand_where_they_should():
    frame = pd.DataFrame(
        {"label": ["spotted", "mobilised"], "estimate": [1621.0, 170.0], "mark": [1620.0, float("nan")]}
    )
    ax = figures.bars(frame, "How many?", "youths", "published", lang="fr")
    assert [bar.get_width() for bar in ax.patches] == [1621.0, 170.0]
    assert [t.get_text() for t in ax.get_yticklabels()] == ["spotted", "mobilised"]
    assert ax.patches[0].get_y() > ax.patches[1].get_y()
    assert [segment[0][0] for segment in ax.collections[0].get_segments()] == [1620.0]
    assert "1\u202f621" in texts(ax)
    assert any("published" in t for t in texts(ax))


def test_small_numbers_keep_a_decimal():
    ax = figures.bars(pd.DataFrame({"label": ["days"], "estimate": [1.25]}), lang="fr")
    assert texts(ax) == ["1,2"]


def test_a_tornado_starts_at_the_centre_and_writes_low_before_high():
    frame = pd.DataFrame({"label": ["strong", "weak"], "low": [12.0, 21.0], "high": [33.0, 20.0]})
    ax = figures.tornado(frame, 20.5, words=("assumption low", "assumption high"), lang="en")
    low, high = ax.patches[:2], ax.patches[2:]
    assert [bar.get_width() for bar in low] == [-8.5, 0.5]
    assert [bar.get_width() for bar in high] == [12.5, -0.5]
    assert {bar.get_x() for bar in ax.patches} == {20.5}
    assert texts(ax) == ["12 – 33", "21 – 20"]
    assert [t.get_text() for t in ax.get_legend().get_texts()] == ["assumption low", "assumption high"]


def test_lines_are_named_and_months_are_written_as_the_language_does():
    dates = pd.date_range("2010-01-01", periods=20, freq="28D")
    frame = pd.concat(
        [pd.DataFrame({"group": g, "date": dates, "estimate": float(k)}) for k, g in enumerate("ab", start=1)]
    )
    ax = figures.lines(frame, "The wait", "days", since=("2010-10-13", "the list"), lang="fr")
    assert [line.get_ydata()[0] for line in ax.lines[:2]] == [1.0, 2.0]
    assert [t.get_text() for t in ax.get_legend().get_texts()] == ["a", "b"]
    ax.figure.canvas.draw()
    assert "sept. 2010" in [t.get_text() for t in ax.get_xticklabels()]
    assert texts(ax) == [" the list"]
