"""Restricted means, their differences and ratios, against R's survmean and the formulas of survRM2."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from parity.survival.tables import agree, times

from evalkit.survival import rmst

FOLDER = Path(__file__).parent / "reference"
MEANS = pd.read_csv(FOLDER / "means.csv", dtype={"group": str})
WEIGHTED = pd.read_csv(FOLDER / "weighted.csv")


@pytest.mark.parametrize(("data", "by", "t"), list(MEANS.groupby(["data", "by", "t"]).groups))
def test_restricted_means(data, by, t):
    expected = MEANS[(MEANS["data"] == data) & (MEANS["by"] == by)]
    tte = times(data, event=None if data in ("rossi", "waltons", "leukemia") else 1)
    found = rmst(tte, t, by=by).table
    for term in ("rmst", "difference", "ratio", "ratio_lost"):
        ours, theirs = found[found["term"] == term], expected[expected["term"] == term]
        assert ours[by].astype(str).tolist() == theirs["group"].tolist()
        for one, other in (
            ("estimate", "estimate"),
            ("std_error", "std_error"),
            ("conf_low", "low"),
            ("conf_high", "high"),
        ):
            agree(ours[one], theirs[other], (term, one))
        if term != "rmst":
            agree(ours["p_value"], theirs["p"], term)
    lost = found[found["term"] == "time_lost"]
    agree(lost["estimate"], t - found.loc[found["term"] == "rmst", "estimate"])


@pytest.mark.parametrize("row", range(len(WEIGHTED)))
def test_sampling_weights_count_the_influence_of_each_person(row):
    expected = WEIGHTED.iloc[row]
    data = expected["data"]
    tte = times(data, event=1, weight="weight", kind="sampling") if data == "ties" else _late()
    found = rmst(tte, expected["t"]).table.iloc[0]
    agree(found["estimate"], expected["estimate"])
    agree(found["std_error"], expected["std_error"])


def _late():
    tte = times("late", event=1)
    weight = 0.5 + (np.asarray(tte.id) % 5) / 3
    return type(tte)(
        time=tte.time,
        cause=tte.cause,
        causes=tte.causes,
        entry=tte.entry,
        id=tte.id,
        weight=weight,
        weight_kind="sampling",
    )
