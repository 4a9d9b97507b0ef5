"""Two groups at the ends of what is given: very many people, very few at a very high level."""

from __future__ import annotations

import time

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from evalkit.comparison import two_groups
from evalkit.numerics import rates
from evalkit.numerics.two_by_two import conditional_odds_ratio, fisher
from evalkit.numerics.two_proportions import TwoCounts


def test_exact_laws_of_a_hundred_thousand_people_agree_with_scipy_and_do_not_take_minutes():
    started = time.process_time()
    p = fisher(TwoCounts(25_000, 50_000, 25_300, 50_100))
    ratio, low, high = conditional_odds_ratio(TwoCounts(25_000, 50_000, 25_300, 50_100))
    events = rates.exact_rate_p(250_000, 10.0, 251_000, 10.0)
    assert time.process_time() - started < 10
    assert p == pytest.approx(stats.fisher_exact([[25_300, 24_800], [25_000, 25_000]]).pvalue, rel=1e-10)
    assert low < ratio < high
    assert events == pytest.approx(stats.binomtest(251_000, 501_000, 0.5).pvalue, rel=1e-10)


@pytest.mark.parametrize(("kind", "y"), [("count", [0, 3, 1, 90]), ("binary", [0, 1, 0, 1])])
@pytest.mark.parametrize("weights", [None, [1.0, 2.0, 3.0, 1.0]])
def test_two_people_a_group_at_a_very_high_level_have_limits_without_end_not_an_overflow(kind, y, weights):
    weights = None if weights is None else pd.Series(weights)
    out = two_groups(pd.Series(y), pd.Series([0, 0, 1, 1]), kind=kind, weights=weights, conf_level=1 - 1e-7)
    found = out.tidy()
    ratios = found[found["term"].isin(["rate_ratio", "odds_ratio"]) & (found["status"] == "ok")]
    assert len(ratios)
    assert (ratios["conf_low"] <= ratios["estimate"]).all()
    assert (ratios["conf_high"] >= ratios["estimate"]).all()


def test_a_share_whose_weights_leave_almost_nobody_keeps_an_interval_within_0_and_1():
    people = pd.DataFrame({
        "y": [0, 0, 0, 1, 0, 1, 1], "g": [0, 0, 0, 0, 1, 1, 1], "w": [1, 1, 1, 2, 3, 1, 1e-4], "s": [0, 0, 1, 1, 0, 1, 0]
    })  # fmt: skip
    out = two_groups("y", "g", data=people, weights="w", strata="s", conf_level=0.999).tidy()
    ends = out.loc[out["method"] == "logit", ["conf_low", "conf_high"]].to_numpy(dtype=float)
    assert len(ends)
    assert ((np.nan_to_num(ends) >= 0) & (np.nan_to_num(ends) <= 1)).all()
