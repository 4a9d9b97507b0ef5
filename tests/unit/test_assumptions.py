"""What an answer owes to its assumptions: draws, influence, where a gain vanishes; and what plays show along the way."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from evalkit.errors import InputError
from evalkit.simulation import Scenario, counts, play
from evalkit.simulation.assumptions import break_even, draw_assumptions, influence, over_assumptions, placed
from evalkit.simulation.observing import observe

FILES = Path(__file__).parents[1] / "scenarios"
SHARE = "education_nationale.in_territory"


@pytest.fixture(scope="module")
def base():
    return Scenario.load(FILES / "baseline.toml")


@pytest.fixture(scope="module")
def listed():
    return Scenario.load(FILES / "education_nationale.toml")


def test_each_slice_is_drawn_once_for_each_assumption():
    draws = draw_assumptions(["share", "delay"], n=20, seed=1)
    assert list(draws) == ["share", "delay"]
    for key in draws:
        assert (np.floor(np.sort(draws[key]) * 20) == np.arange(20)).all()


def test_draws_come_back_with_their_seed_and_a_new_assumption_at_the_end_moves_no_other():
    first = draw_assumptions(["share", "delay"], n=8, seed=3)
    pd.testing.assert_frame_equal(first, draw_assumptions(["share", "delay"], n=8, seed=3))
    more = draw_assumptions(["share", "delay", "new"], n=8, seed=3)
    pd.testing.assert_frame_equal(first, more[["share", "delay"]])
    assert not first["share"].equals(draw_assumptions(["share"], n=8, seed=4)["share"])


def test_draws_that_can_show_no_range_are_refused():
    with pytest.raises(InputError, match="at least 2"):
        draw_assumptions(["share"], n=1, seed=1)
    with pytest.raises(InputError, match="1 come twice"):
        draw_assumptions(["share", "share"], n=4, seed=1)


def value(scenario, key):
    table = scenario.assumptions().set_index("key")
    return table.loc[key]


def test_the_middle_position_is_the_central_value_and_the_ends_are_the_bounds(listed):
    said = value(listed, SHARE)
    for position, expected in ((0.0, said["low"]), (0.5, said["value"]), (1.0, said["high"])):
        assert value(placed(listed, {SHARE: position}), SHARE)["value"] == pytest.approx(expected)
    assert placed(listed, {SHARE: 0.5, "not.there": 0.1}).compile().digest == listed.compile().digest


def test_the_same_luck_under_every_draw_whatever_the_number_of_processes(base, listed):
    draws = pd.DataFrame({SHARE: [0.0, 1.0]})
    one = over_assumptions(base, listed, draws, n=1, seed=5)
    pd.testing.assert_frame_equal(one, over_assumptions(base, listed, draws, n=1, seed=5, jobs=2))
    spotted = one[(one["outcome"] == "spotted") & (one["by"] == "")].set_index("draw")
    assert spotted.loc[0, "before"] == spotted.loc[1, "before"]  # the draw leaves the base as it is
    assert spotted.loc[0, "estimate"] < spotted.loc[1, "estimate"]
    by_hand = counts(play(placed(listed, {SHARE: 1.0}), 5, 0))
    assert (
        spotted.loc[1, "after"]
        == by_hand[(by_hand["outcome"] == "spotted") & (by_hand["by"] == "")]["value"].item()
    )


def test_an_assumption_the_scenario_does_not_have_is_refused(base, listed):
    with pytest.raises(InputError, match="has no assumption nothing.such"):
        over_assumptions(base, listed, pd.DataFrame({"nothing.such": [0.1, 0.2]}), n=1, seed=1)


def test_what_plays_show_adds_up_with_their_outputs(base):
    seen = observe([base], n=2, seed=5)
    mobilised = [
        counts(play(base, 5, r)).query("outcome == 'mobilised' and by == ''")["value"].item()
        for r in range(2)
    ]
    by_trait = seen.traits.groupby(["trait", "replication"])["n"].sum()
    for trait in seen.traits["trait"].unique():
        assert by_trait[trait].tolist() == mobilised
    assert (seen.waits["days"] >= 0).all()
    assert seen.waits["n"].sum() > 0
    pd.testing.assert_frame_equal(seen.passages, observe([base], n=2, seed=5, jobs=2).passages)


def test_the_strongest_assumption_comes_first_and_one_that_never_varies_is_not_estimable():
    draws = draw_assumptions(["weak", "strong"], 64, seed=2).assign(fixed=1.0)
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
