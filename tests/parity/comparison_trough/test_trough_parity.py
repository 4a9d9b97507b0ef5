"""Regression to the mean equals R's `lm`, `t.test`, numerical integration and roots; `scripts/trough.R` made the numbers."""

from pathlib import Path

import pandas as pd
import pytest

import evalkit as ek

HERE = Path(__file__).parent
REFERENCE = pd.read_csv(HERE / "reference" / "trough.csv")
KNOWN = {
    "seeded": {"mean": 50, "sd": 10, "correlation": 0.64, "cut": 42},
    "cps": {"mean": 13650, "sd": 9270, "correlation": 0.7, "cut": 3000},
}


@pytest.mark.parametrize("name", list(KNOWN))
def test_every_row_equals_r(name):
    pairs = pd.read_csv(HERE / "inputs" / f"{name}.csv")
    table = ek.comparison.regression_to_the_mean("before", "after", data=pairs, **KNOWN[name]).tidy()
    ours = table[table["correlation"].isna()].set_index(["term", "method"]).sort_index()
    rows = REFERENCE[REFERENCE["data"] == name]
    assert len(rows) == 16
    for row in rows.itertuples():
        found = ours.loc[(row.term, row.method), row.column]
        assert found == pytest.approx(row.value, rel=1e-8), (row.term, row.method, row.column)
