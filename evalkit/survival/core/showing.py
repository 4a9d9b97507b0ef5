"""How fitted models show themselves: a line before the caveats, ratios on a log axis, the columns a reader wants.

Not a result: each says what its ratios are of.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from evalkit import wording
from evalkit.result import Result

#: What a reader wants of a table of terms; the rest is in `tidy`.
READ = ("term", "estimate", "conf_low", "conf_high", "p_value", "n", "n_event", "status", "reason")


def before_caveats(text: str, lines: str, lang: str) -> str:
    """Return a summary with lines put between its table and its caveats."""
    head, gap, tail = text.partition("\n\n" + wording.text("result.caveats_title", lang))
    return head + "\n\n" + lines + gap + tail


def exponentiated(table: pd.DataFrame) -> pd.DataFrame:
    """Return a table of logarithms as ratios, past the largest number infinite; standard errors stay those of the logarithms."""
    ratios = table.copy()
    with np.errstate(over="ignore"):
        for column in ("estimate", "conf_low", "conf_high"):
            ratios[column] = np.exp(ratios[column].astype(float))
    return ratios


def draw_ratios(result: Result, ratios: pd.DataFrame, axis: str, ax: Any, lang: str) -> Any:
    """Draw ratios with their intervals on a log axis named by the wording `axis`, and return the Axes."""
    from evalkit import figures

    return figures.estimates(
        ratios,
        result.question.text(lang),
        ax=ax,
        lang=lang,
        no_effect=1.0,
        log=True,
        axis=wording.text(axis, lang),
    )


def for_readers(result: Result, table: pd.DataFrame, estimate: str, lang: str) -> pd.DataFrame:
    """Return the columns of `READ` (and keys before them) as people read them, the estimates headed by the wording `estimate`."""
    keys = [c for c in ("cause", "part") if c in table]
    shown = [*keys, *READ]
    words = {k: wording.text(estimate, k) for k in wording.LANGUAGES}
    plain = Result(table[shown], result.question, labels={**result.labels, "estimate": words})
    return plain._display_frame(lang)
