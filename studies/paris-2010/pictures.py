"""How the tables of this study are drawn: which columns, which words.

Not a chart: `evalkit.figures` draws.
"""

from __future__ import annotations

from published import LABELS, say

from evalkit import figures


def _words(table, column, lang):
    return table.assign(label=[LABELS[code][lang] for code in table[column]])


def comparison(result, lang):
    """Draw simulated counts as bars, published ones as strokes."""
    table = result.table[result.table["published"] > 1]
    table = _words(table, "quantity", lang).assign(mark=table["published"])
    axis, mark = say("axis_youths").text(lang), say("mark_published").text(lang)
    return figures.bars(
        table[["label", "estimate", "mark"]], result.question.text(lang), axis, mark, lang=lang
    )


def funnel(result, lang):
    """Draw the list's youths, step by step."""
    table = _words(result.table, "step", lang)
    return figures.bars(table, result.question.text(lang), say("axis_youths").text(lang), lang=lang)


def ranges(result, lang):
    """Draw the two ranges, assumptions first."""
    table = result.table.round(0).assign(range=[words.text(lang) for words in result.table["range"]])
    return figures.estimates(
        table, result.question.text(lang), lang=lang, no_effect=0.0, axis=say("axis_more").text(lang)
    )


def tornado(centre):
    """Return how to draw the assumptions in the order of their weight, around the mean gain over the draws."""

    def draw(result, lang):
        said = [words.text(lang) for words in result.table["label"]]
        table = result.table.assign(label=[text[0].upper() + text[1:] for text in said])
        table = table.rename(columns={"lowest_third": "low", "highest_third": "high"})
        words = say("third_low").text(lang), say("third_high").text(lang)
        return figures.tornado(
            table, centre, result.question.text(lang), say("axis_more").text(lang), words, lang=lang
        )

    return draw


def waits(since):
    """Return how to draw the waits over time, marking the day on which the list comes."""

    def draw(result, lang):
        table = result.table.assign(group=[LABELS[code][lang] for code in result.table["group"]])
        marked = (since, say("list_comes").text(lang))
        return figures.lines(
            table, result.question.text(lang), say("axis_days").text(lang), marked, lang=lang
        )

    return draw
