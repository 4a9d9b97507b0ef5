"""Exact tests of rates with more events than can be listed."""

import numpy as np
import pytest

from evalkit.numerics import rates


@pytest.mark.parametrize(("x0", "x1"), [(400, 431), (500, 420), (410, 410), (3, 0), (0, 5), (1000, 1)])
@pytest.mark.parametrize("alternative", ["two-sided", "greater", "less"])
@pytest.mark.parametrize("mid_p", [False, True])
@pytest.mark.parametrize("e1", [1.0, 0.7])
def test_tails_say_what_the_list_of_all_splits_says(monkeypatch, x0, x1, alternative, mid_p, e1):
    listed = rates.exact_rate_p(x0, 1.0, x1, e1, alternative=alternative, mid_p=mid_p)
    monkeypatch.setattr(rates, "_LISTED", 0)
    assert rates.exact_rate_p(x0, 1.0, x1, e1, alternative=alternative, mid_p=mid_p) == pytest.approx(
        listed, rel=1e-9
    )


def test_thousands_of_millions_of_events_need_no_memory():
    p = rates.exact_rate_p(6_000_000_000, 1.0, 6_000_300_000, 1.0)
    assert p == pytest.approx(2 * 0.5 * 0.0061698993, rel=0.02)
    assert 0 < rates.exact_rate_p(3_000_000, 1.0, 9_000_000, 1.0) < 1e-300
    assert np.isfinite(p)
