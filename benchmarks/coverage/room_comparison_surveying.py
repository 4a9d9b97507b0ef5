"""Two survey waves: respondents of 16 structures that come and go, no change and a rise of 0.3.

Not the bounds, which hold by construction.
"""

from __future__ import annotations

from functools import partial

import numpy as np
import pandas as pd
from case import Case

import evalkit as ek

PARTS = {"those who answered twice": "pairs", "all answers": "everyone"}


def survey(rng: np.random.Generator, n: int, rise: float) -> pd.DataFrame:
    """Return the answers of n people, 80 % of whom answer at each wave."""
    structure = rng.integers(0, 16, n)
    steady = rng.normal(0, 0.6, 16)[structure] + rng.normal(0, 0.7, n)
    rows = []
    for wave in (1, 2):
        answers = rng.random(n) < 0.8
        value = (
            steady + rng.normal(0, 0.3, 16)[structure] + rng.normal(0, 0.8, n) + (rise if wave == 2 else 0)
        )
        rows.append(
            pd.DataFrame({"who": np.arange(n), "wave": wave, "s": structure, "value": value})[answers]
        )
    return pd.concat(rows)


def play(rise: float, rng: np.random.Generator, n: int) -> dict:
    table = ek.comparison.survey_waves(
        survey(rng, n, rise),
        "value",
        respondent="who",
        wave="wave",
        before=1,
        after=2,
        structure="s",
        kind="continuous",
    ).table
    rows = {
        name: table[(table["term"] == "difference") & (table["part"] == part)].iloc[0]
        for name, part in PARTS.items()
    }
    made = {name: (row["conf_low"], row["conf_high"]) for name, row in rows.items()}
    return made | {f"{name}, p": row["p_value"] for name, row in rows.items()}


def cases() -> list[Case]:
    """Return the cases."""
    return [
        Case(
            f"survey of 16 structures, {said}",
            dict.fromkeys(PARTS, rise),
            partial(play, rise),
            sizes=(20, 79, 170),
            tests=tuple(f"{name}, p" for name in PARTS),
        )
        for rise, said in ((0.0, "no effect"), (0.3, "rise of 0.3"))
    ]
