"""Rubin's rules against R's mice."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from evalkit.numerics.rubin import pool

TABLE = pd.read_csv(Path(__file__).parent / "reference" / "pooled.csv")


@pytest.mark.parametrize("row", TABLE.to_dict("records"), ids=lambda row: f"case {row['case']}")
def test_pooled_as_mice_does(row):
    q, u = (np.array([float(v) for v in row[name].split()])[:, None] for name in ("q", "u"))
    made = pool(q, u, float(row["df_complete"]))
    found = [made.estimate[0], made.variance[0], made.df[0], made.fmi[0]]
    np.testing.assert_allclose(found, [row[c] for c in ("estimate", "variance", "df", "fmi")], rtol=1e-10)
