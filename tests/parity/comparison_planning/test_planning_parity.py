"""Power equals R: `power.t.test`, `power.prop.test`, `pwr`, and brute force over every table; `scripts/power.R` made the numbers."""

import math
from pathlib import Path

import pandas as pd
import pytest

import evalkit as ek
from evalkit.comparison.planning.design import equivalence_chance

REFERENCE = pd.read_csv(Path(__file__).parent / "reference" / "power.csv")


def assumption(text):
    name, value = text.split("=")
    if name.startswith("dates_"):
        return name, int(value)
    try:
        return name, float(value)
    except ValueError:
        return name, value


@pytest.mark.parametrize(
    "row", REFERENCE.to_dict("records"), ids=lambda r: f"{r['design']}-{r['n']}-{r['alternative']}"
)
def test_power_equals_r(row):
    given = dict(assumption(text) for text in row["assumptions"].split(";"))
    answer = ek.comparison.power(row["n"], row["design"], alternative=row["alternative"], **given)
    assert answer.tidy()["estimate"].iloc[0] == pytest.approx(row["power"], rel=1e-7)


def test_equivalence_as_published_for_a_crossover():
    # PowerTOST's documentation prints 0.807439 for CV 25 %, a true ratio of 0.95, 28 people in a two-by-two crossover.
    variance = math.log(1 + 0.25**2)
    found = equivalence_chance(
        math.log(0.95), math.sqrt(2 * variance / 28), 26, (math.log(0.8), math.log(1.25)), 0.05
    )
    assert round(found, 6) == 0.807439
