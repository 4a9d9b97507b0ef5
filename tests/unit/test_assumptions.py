"""What an answer owes to its assumptions: draws, influence, where a gain vanishes."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from evalkit.errors import InputError
from evalkit.simulation import (
    Scenario,
    break_even,
    contrast,
    draw_assumptions,
    influence,
    over_assumptions,
    placed,
)  # fmt: skip

SCENARIOS = Path(__file__).parents[2] / "studies" / "paris-2010" / "scenarios"
KEYS = ("education_nationale.known", "counsellors.slots_per_week")


@pytest.fixture(scope="module")
def pair():
    """Two small scenarios: few youths follow, so that a play is short."""
    small = {"caseload.youths": 20, "caseload.newcomers": 0.2}
    return [
        Scenario.load(SCENARIOS / f"{name}.toml").with_(small) for name in ("baseline", "education_nationale")
    ]


def test_each_slice_of_each_range_is_drawn_once():
    draws = draw_assumptions(KEYS, n=20, seed=1)
    assert list(draws) == list(KEYS)
    for key in KEYS:
        assert (np.sort(np.floor(draws[key] * 20)) == np.arange(20)).all()


def test_draws_come_back_with_their_seed_and_a_new_assumption_at_the_end_moves_no_other():
    first = draw_assumptions(KEYS, n=8, seed=3)
    pd.testing.assert_frame_equal(first, draw_assumptions(KEYS, n=8, seed=3))
    pd.testing.assert_frame_equal(
        first, draw_assumptions([*KEYS, "outreach.spacing"], n=8, seed=3)[list(KEYS)]
    )
    assert not first.equals(draw_assumptions(KEYS, n=8, seed=4))


def test_draws_are_refused_when_they_cannot_show_a_range():
    with pytest.raises(InputError, match="at least 2"):
        draw_assumptions(KEYS, n=1, seed=1)
    with pytest.raises(InputError, match="1 come twice"):
        draw_assumptions([KEYS[0], KEYS[0]], n=4, seed=1)


def test_the_central_value_is_the_middle_position_and_sites_move_together(pair):
    listed = pair[1]
    given = listed.model.education_nationale.known
    slots = listed.model.counsellors.slots_per_week
    for position, known in ((0.0, given.range[0]), (0.5, given.value), (1.0, given.range[1])):
        moved = placed(listed, {KEYS[0]: position, KEYS[1]: position}).model
        assert moved.education_nationale.known.value == pytest.approx(known)
        for site in ("centre", "est"):
            low, high = slots.range[site]
            expected = {0.0: low, 0.5: slots.at(site), 1.0: high}[position]
            assert moved.counsellors.slots_per_week.at(site) == expected
            assert moved.counsellors.slots_per_week.at(site) == int(expected)


def test_what_a_scenario_does_not_have_is_left_out_but_a_number_without_range_is_refused(pair):
    assert placed(pair[0], {KEYS[0]: 0.1}).digest == pair[0].digest
    with pytest.raises(InputError, match=r"follow_up.silence: has no range \(published\)"):
        placed(pair[0], {"follow_up.silence": 0.5})


def test_differences_over_draws_are_those_of_a_contrast_whatever_the_jobs(pair):
    draws = draw_assumptions(KEYS, n=3, seed=1)
    over = over_assumptions(*pair, draws, n=2, seed=9, jobs=1)
    pd.testing.assert_frame_equal(over, over_assumptions(*pair, draws, n=2, seed=9, jobs=2))
    positions = draws.iloc[2].to_dict()
    paired = contrast(*(placed(s, positions) for s in pair), n=2, seed=9)
    mine = over[(over["draw"] == 2) & (over["by"] == "")].set_index(["outcome", "part"])["estimate"]
    for outcome in ("mobilised", "spotted", "sooner_paired", "sooner_restricted"):
        assert mine[outcome, ""] == pytest.approx(paired.values(outcome).mean())


def test_an_assumption_of_neither_scenario_is_refused(pair):
    draws = draw_assumptions(["education_nationale.knwon"], n=2, seed=1)
    with pytest.raises(InputError, match="has no assumption education_nationale.knwon"):
        over_assumptions(*pair, draws, n=1, seed=1)


def test_the_strongest_assumption_comes_first_and_one_that_never_varies_is_not_estimable():
    draws = draw_assumptions(["weak", "strong"], n=64, seed=2).assign(fixed=1.0)
    table = influence(draws, draws["weak"] - 5 * draws["strong"])
    assert list(table["term"][:2]) == ["strong", "weak"]
    assert table["estimate"][0] < -0.9 < 0 < table["estimate"][1]
    assert table["low"][0] > table["high"][0]
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
