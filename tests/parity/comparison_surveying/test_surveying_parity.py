"""Two survey waves equal R's clubSandwich and `t.test`; `scripts/surveying.R` made the numbers."""

from pathlib import Path

import pandas as pd
import pytest

import evalkit as ek

HERE = Path(__file__).parent
REFERENCE = pd.read_csv(HERE / "reference" / "surveying.csv")
PARTNERS = pd.read_csv(HERE / "inputs" / "partners.csv")


@pytest.mark.parametrize("structure", [True, False])
@pytest.mark.parametrize(("outcome", "kind"), [("useful", "ordinal"), ("agree", "binary")])
def test_differences_equal_r(outcome, kind, structure):
    answer = ek.comparison.survey_waves(
        PARTNERS, outcome, respondent="respondent", wave="wave", before=2010, after=2011, mix="kind", kind=kind,
        structure="structure" if structure else None,
    )  # fmt: skip
    table = answer.table[(answer.table["term"] == "difference") & (answer.table["group"] == "")].set_index(
        "part"
    )
    rows = REFERENCE[(REFERENCE["outcome"] == outcome) & (REFERENCE["structure"] == structure)]
    assert len(rows) >= 12
    for row in rows.itertuples():
        assert table.loc[row.part, row.column] == pytest.approx(row.value, rel=1e-8), (row.part, row.column)
