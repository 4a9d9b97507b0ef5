"""The loop closes: what was put into a simulated programme is what the estimators find in its dashboard.

A sample of `loop.py`; its 500 plays are in `loop.csv` and `misclassification.csv`.
"""

import importlib.util
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy import stats

HERE = Path(__file__).parent
PLAYS = 40


@pytest.fixture(scope="module")
def loop():
    spec = importlib.util.spec_from_file_location("loop", HERE / "loop.py")
    module = importlib.util.module_from_spec(spec)
    sys.modules["loop"] = module
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def sampled(loop):
    return loop.exact(PLAYS).set_index(["treatment", "quantity"])


@pytest.fixture(scope="module")
def committed():
    return pd.read_csv(HERE / "loop.csv").set_index(["treatment", "quantity"])


QUANTITIES = ["incidence at 90", "incidence at 180", "log hazard ratio"]


@pytest.mark.parametrize("quantity", QUANTITIES)
def test_estimates_come_back_unbiased_and_their_intervals_cover(sampled, quantity):
    row = sampled.loc[("censored", quantity)]
    assert abs(row["bias"]) < 4 * row["bias_mc_error"]
    # Were the true coverage 95 %, fewer would be seen once in ten thousand samples.
    assert row["coverage"] * PLAYS >= stats.binom.ppf(1e-4, PLAYS, 0.95)


@pytest.mark.parametrize("quantity", QUANTITIES)
def test_dropping_the_open_people_instead_of_censoring_them_is_seen_to_fail(sampled, quantity):
    row = sampled.loc[("dropped", quantity)]
    assert abs(row["bias"]) > 5 * row["bias_mc_error"]


@pytest.mark.parametrize("quantity", QUANTITIES)
def test_the_committed_run_says_the_same_with_five_hundred_plays(committed, quantity):
    row = committed.loc[("censored", quantity)]
    assert row["plays"] >= 500
    assert abs(row["bias"]) < 3.5 * row["bias_mc_error"]
    assert 0.92 <= row["coverage"] <= 0.98
    assert committed.loc[("dropped", quantity), "coverage"] < 0.9


def test_a_replication_gives_the_same_estimates_again(loop):
    assert loop.one_exact_play(3, seed=20) == loop.one_exact_play(3, seed=20)


def test_the_rule_of_silence_is_wrong_in_both_directions_and_less_so_the_longer_the_silence(loop):
    table = loop.misclassification(6).set_index("silence_days")
    assert (table.loc[["0-29", "30-59", "60-89"], "called"] == 0).all()
    wrong = table.loc[["90-119", "120-179", "180-364", "365+"], "share_of_called_wrong"].to_numpy()
    assert (np.diff(wrong) < 0).all()
    assert 0 < table.loc["all", "share_of_let_go_missed"] < 1
    committed = pd.read_csv(HERE / "misclassification.csv").set_index("silence_days")
    assert (
        abs(table.loc["all", "share_of_called_wrong"] - committed.loc["all", "share_of_called_wrong"]) < 0.1
    )
