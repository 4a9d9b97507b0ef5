"""Regression to the mean: people chosen at a trough who gain nothing, and who gain 3.

Not the expected return, which is a formula.
"""

from __future__ import annotations

from functools import partial

import numpy as np
import pandas as pd
from case import Case

import evalkit as ek

KINDS = {"as observed": "difference", "slope estimated": "mee_chua", "correlation given": "linear"}


def chosen(rng: np.random.Generator, n: int, gain: float) -> tuple[np.ndarray, np.ndarray]:
    """Return two noisy measures of a steady level for n people whose first one is 42 or below; mean 50, sd 10, correlation 0.64."""
    usual = rng.normal(50, 8, 12 * n)
    first, second = (usual + rng.normal(0, 6, 12 * n) for _ in range(2))
    low = np.flatnonzero(first <= 42)[:n]
    return first[low], second[low] + gain


def play(gain: float, rng: np.random.Generator, n: int) -> dict:
    before, after = map(pd.Series, chosen(rng, n, gain))
    table = ek.comparison.regression_to_the_mean(before, after, mean=50, correlation=0.64).table
    table = table[table["correlation"].isna()]
    found = {"as observed": table[table["term"] == "difference"]}
    left = table[table["term"] == "corrected_difference"]
    found |= {name: left[left["method"] == KINDS[name]] for name in ("slope estimated", "correlation given")}
    made = {name: (rows["conf_low"].iloc[0], rows["conf_high"].iloc[0]) for name, rows in found.items()}
    return made | {f"{name}, p": rows["p_value"].iloc[0] for name, rows in found.items()}


def cases() -> list[Case]:
    """Return the cases."""
    return [
        Case(
            f"people chosen at a trough, {said}",
            dict.fromkeys(KINDS, gain),
            partial(play, gain),
            sizes=(20, 79, 170),
            tests=tuple(f"{name}, p" for name in KINDS),
        )
        for gain, said in ((0.0, "no effect"), (3.0, "gain of 3"))
    ]
