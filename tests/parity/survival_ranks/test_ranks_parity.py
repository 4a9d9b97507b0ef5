"""The log-rank family against R's survival and coin, and against lifelines."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from parity.survival.tables import agree, times

from evalkit.survival import log_rank, pairwise
from evalkit.survival.ranks.weighting import NAMES

FOLDER = Path(__file__).parent / "reference"


def read(name):
    return pd.read_csv(FOLDER / f"{name}.csv", keep_default_na=False)


FAMILY, PERMUTED, EXACT, PAIRS = (read(name) for name in ("family", "permutation", "exact", "pairs"))
TYPES = {"logrank": "log-rank", "Andersen-Borgan-Gill-Keiding": "andersen"}
SETS = list(FAMILY.groupby(["data", "by", "strata"]).groups)


def tte_of(data):
    return times(data, event=1) if data in ("ties", "late") else times(data)


def weighting(name):
    name, *powers = name.split()
    return {"weights": name} | dict(zip(("rho", "gamma"), map(float, powers), strict=False))


@pytest.mark.parametrize(("data", "by", "strata"), SETS)
def test_hypergeometric_family_and_trend(data, by, strata):
    tte = tte_of(data)
    for row in FAMILY[
        (FAMILY["data"] == data) & (FAMILY["by"] == by) & (FAMILY["strata"] == strata)
    ].itertuples():
        asked = weighting(row.weights) | {"strata": strata or None}
        whole = log_rank(tte, by, **asked).table
        agree(whole["statistic"].iloc[0], row.statistic, row.weights)
        line = log_rank(tte, by, trend=True, scores=range(1, len(whole)), **asked).table.iloc[0]
        agree(line["statistic"], row.trend, row.weights)
        assert line["df"] == 1


@pytest.mark.parametrize(("data", "by", "strata"), list(PERMUTED.groupby(["data", "by", "strata"]).groups))
def test_permutation_law(data, by, strata):
    tte = tte_of(data)
    for row in PERMUTED[
        (PERMUTED["data"] == data) & (PERMUTED["by"] == by) & (PERMUTED["strata"] == strata)
    ].itertuples():
        name = TYPES.get(row.type, row.type.lower())
        asked = {"weights": name, "strata": strata or None, "permutation": 99}
        whole = log_rank(tte, by, **asked).table
        agree(whole["statistic"].iloc[0], row.statistic, row.type)
        line = log_rank(tte, by, trend=True, scores=range(1, len(whole)), **asked).table.iloc[0]
        agree(line["statistic"], row.trend, row.type)


def test_all_arrangements():
    whole = times("leukemia")
    few = whole.subset(np.isin(np.arange(whole.n), [*range(12, 21), *range(21, 30)]))
    for row in EXACT.itertuples():
        found = log_rank(few, "Rx", weights=TYPES.get(row.type, row.type.lower()), permutation="exact")
        agree(found.table["statistic"].iloc[0], row.statistic, row.type)
        agree(found.table["p_value"].iloc[0], row.p, row.type)
        assert found.glance()["arrangements"].item() == 48_620


@pytest.mark.parametrize(
    ("data", "by", "rho", "strata"),
    [("rossi", "band", 0, None), ("rossi", "band", 1, None), ("ties", "site", 0, "sex")],
)
def test_pairs(data, by, rho, strata):
    tte = tte_of(data)
    if by == "band":
        ages = pd.cut(tte.covariates["age"], [0, 20, 22, 25, 30, 100], labels=list("abcde"))
        tte = tte.with_covariates(pd.DataFrame({"band": ages.astype(str)}))
    expected = PAIRS[(PAIRS["data"] == data) & (PAIRS["rho"] == rho)]
    for adjust in ("holm", "bh"):
        found = pairwise(tte, by, strata=strata, rho=rho, adjust=adjust).table
        assert (
            found[["group", "versus"]].to_numpy().tolist()
            == expected[["group", "versus"]].to_numpy().tolist()
        )
        agree(found["statistic"], expected["statistic"])
        agree(found["p_value"], expected["p"])
        agree(found["p_adjusted"], expected[adjust])


@pytest.mark.parametrize(
    ("ours", "theirs"),
    [
        ({"weights": "log-rank"}, {}),
        ({"weights": "gehan-breslow"}, {"weightings": "wilcoxon"}),
        ({"weights": "tarone-ware"}, {"weightings": "tarone-ware"}),
        ({"weights": "prentice-marek"}, {"weightings": "peto"}),
        ({"rho": 1, "gamma": 0.5}, {"weightings": "fleming-harrington", "p": 1, "q": 0.5}),
    ],
)
@pytest.mark.parametrize(("data", "by"), [("rossi", "fin"), ("waltons", "group"), ("leukemia", "Rx")])
def test_lifelines(data, by, ours, theirs):
    from lifelines.statistics import logrank_test

    tte = times(data)
    one = (tte.covariates[by] == tte.covariates[by].iloc[0]).to_numpy()
    expected = logrank_test(tte.time[one], tte.time[~one], tte.cause[one], tte.cause[~one], **theirs)
    agree(log_rank(tte, by, **ours).table["statistic"].iloc[0], expected.test_statistic)


def test_every_weighting_is_compared():
    assert {name.split()[0] for name in FAMILY["weights"]} == set(NAMES)
