"""The rule of silence finds the share truly disengaged, and each known mistake misses it: a sample of `silence_bias.py`."""

import numpy as np
import pandas as pd
import pytest
from closed_loop.silence_bias import RESULTS, TREATMENTS, experiment

MISTAKES = ("without_day_0", "own_last_contact", "closing")


@pytest.fixture(scope="module")
def sample():
    return experiment(plays=8, people=1500, seed=7).set_index("treatment")


@pytest.fixture(scope="module")
def committed():
    return pd.read_csv(RESULTS).set_index("treatment")


@pytest.mark.parametrize("dating", ["closing_minus_90", "threshold"])
def test_either_dating_finds_the_true_share(sample, committed, dating):
    for table, errors in ((sample, 3.5), (committed, 3.0)):
        row = table.loc[dating]
        assert abs(row["bias"]) < errors * row["mc_error"]


def test_the_committed_run_is_long_enough_to_see_a_bias_of_half_a_point(committed):
    assert list(committed.index) == list(TREATMENTS)
    assert committed["plays"].min() >= 500
    assert committed["mc_error"].max() < 0.0025 / 2


def test_every_mistake_lowers_the_share_and_censoring_at_the_closing_day_is_the_worst(sample, committed):
    for table in (sample, committed):
        found = table["estimate"]
        assert (
            found["closing_minus_90"] > found["without_day_0"] > found["own_last_contact"] > found["closing"]
        )
        assert (table.loc[list(MISTAKES), "bias"] < -0.02).all()
        assert (np.abs(table.loc[list(MISTAKES), "bias"]) > 10 * table.loc[list(MISTAKES), "mc_error"]).all()


def test_the_sample_replays_the_committed_run_within_its_error(sample, committed):
    error = np.hypot(sample["mc_error"], committed["mc_error"])
    assert (np.abs(sample["bias"] - committed["bias"]) < 4 * error).all()
