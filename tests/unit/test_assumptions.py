"""What an answer owes to its assumptions: draws, influence, where a gain vanishes."""

import numpy as np
import pandas as pd
import pytest

from evalkit.errors import InputError
from evalkit.simulation.assumptions import break_even, draw_assumptions, influence

RANGES = {"share": (0.35, 0.42, 1.0), "delay": (15.0, 30.0, 60.0), "fixed": (2.0, 2.0, 2.0)}


def test_each_slice_of_each_range_is_drawn_once_and_the_central_value_is_the_median():
    draws = draw_assumptions(RANGES, n=20, seed=1)
    assert list(draws) == ["share", "delay", "fixed"]
    for name, (low, value, high) in RANGES.items():
        assert draws[name].between(low, high).all()
        if low < high:
            below = np.sort((draws[name][draws[name] < value] - low) / (value - low))
            above = np.sort((draws[name][draws[name] >= value] - value) / (high - value))
            assert (np.floor(below * 10) == np.arange(10)).all()
            assert (np.floor(above * 10) == np.arange(10)).all()
    assert (draws["fixed"] == 2).all()


def test_draws_come_back_with_their_seed_and_a_new_assumption_at_the_end_moves_no_other():
    first = draw_assumptions(RANGES, n=8, seed=3)
    pd.testing.assert_frame_equal(first, draw_assumptions(RANGES, n=8, seed=3))
    more = draw_assumptions({**RANGES, "new": (0.0, 0.5, 1.0)}, n=8, seed=3)
    pd.testing.assert_frame_equal(first, more[list(RANGES)])
    assert not first["share"].equals(draw_assumptions(RANGES, n=8, seed=4)["share"])


def test_a_central_value_outside_its_range_is_refused():
    with pytest.raises(
        InputError, match=r"1 central values lie outside their range: share \(0.2 not in 0.3 to 1"
    ):
        draw_assumptions({"share": (0.3, 0.2, 1.0)}, n=4, seed=1)
    with pytest.raises(InputError, match="at least 2"):
        draw_assumptions(RANGES, n=1, seed=1)


def test_the_strongest_assumption_comes_first_and_one_that_never_varies_is_not_estimable():
    draws = draw_assumptions(
        {"weak": (0.0, 1.0, 2.0), "strong": (0.0, 1.0, 2.0), "fixed": (1.0, 1.0, 1.0)}, 64, seed=2
    )
    table = influence(draws, draws["weak"] - 5 * draws["strong"])
    assert list(table["term"][:2]) == ["strong", "weak"]
    assert table["estimate"][0] < -0.9 < 0 < table["estimate"][1]
    assert table.loc[table["term"] == "fixed", "status"].item() == "not_estimable"
    with pytest.raises(InputError, match="63 values for 64 draws"):
        influence(draws, draws["weak"][1:])
    with pytest.raises(InputError, match="1 of 64 values are missing"):
        influence(draws, draws["weak"].where(draws.index > 0))


def test_break_even_takes_the_crossing_nearest_to_the_central_value_on_each_side():
    found = break_even([0, 1, 2, 3, 4, 5], [0, 4, 0, 6, 2, 0], threshold=1.0, at=3.0)
    assert found.below == pytest.approx(2 + 1 / 6)
    assert found.above == pytest.approx(4.5)
    assert found.searched == (0.0, 5.0)


def test_break_even_says_when_nothing_makes_the_gain_vanish_and_refuses_a_gain_already_lost():
    assert break_even([0, 1], [5, 9], threshold=1, at=0.5).below is None
    with pytest.raises(InputError, match="nothing to lose"):
        break_even([0, 1], [0, 1], threshold=1, at=0.5)
    with pytest.raises(InputError, match="increasing"):
        break_even([1, 0], [0, 1], threshold=1, at=0.5)
