"""Regression to the mean: what is corrected, what cannot be, and what is refused."""

import pickle

import numpy as np
import pandas as pd
import pytest

import evalkit as ek
from evalkit.errors import InputError

rtm = ek.comparison.regression_to_the_mean


def chosen(n=4000, seed=3, gain=0.0, cut=42.0):
    """Two noisy measures of a steady level; those low at first, and everybody's first measure."""
    rng = np.random.default_rng(seed)
    usual = rng.normal(50, 8, n)
    one, two = (pd.Series(usual + rng.normal(0, 6, n)) for _ in range(2))
    low = one <= cut
    return one[low], two[low] + gain, one


def test_without_any_gain_nothing_is_left():
    before, after, everybody = chosen()
    rows = (
        rtm(before, after, cut=42, reference=everybody, correlation=0.64)
        .tidy()
        .set_index(["term", "method"])
        .sort_index()
    )
    assert rows.loc[("difference", "paired_t"), "conf_low"].item() > 4
    left = rows.loc[("corrected_difference", "linear")]
    left = left[left["correlation"].isna()].iloc[0]
    assert left["conf_low"] < 0 < left["conf_high"]
    expected = rows.loc["expected_return"]["estimate"]
    assert expected.max() - expected.min() < 0.3


def test_a_gain_is_found_again():
    before, after, _ = chosen(gain=3.0)
    rows = rtm(before, after, cut=42, mean=50, sd=10, correlation=0.64).tidy()
    left = rows[
        (rows["term"] == "corrected_difference") & (rows["method"] == "linear") & rows["correlation"].isna()
    ]
    assert left["estimate"].item() == pytest.approx(3.0, abs=0.6)
    mee_chua = rows[rows["method"] == "mee_chua"].iloc[0]
    assert mee_chua["conf_low"] < 3 < mee_chua["conf_high"]


def test_without_the_mean_of_everybody_only_what_would_cancel_is_said():
    before, after, _ = chosen()
    answer = rtm(before, after)
    rows = answer.tidy().set_index("term")
    assert rows.loc["corrected_difference", "status"] == "not_estimable"
    assert "is not given" in rows.loc["corrected_difference", "reason"]
    assert rows.loc["mean_that_cancels", "status"] == "ok"
    assert "expected_return" not in rows.index


def test_the_error_of_the_reference_is_counted():
    before, after, everybody = chosen()
    pick = lambda answer: (
        answer.tidy().set_index(["term", "method"]).sort_index().loc[("corrected_difference", "mee_chua")]
    )
    known = pick(rtm(before, after, mean=float(everybody.mean())))
    sampled = pick(
        rtm(before, after, reference=everybody.iloc[:50] - everybody.iloc[:50].mean() + everybody.mean())
    )
    assert sampled["estimate"].item() == pytest.approx(known["estimate"].item())
    assert sampled["std_error"].item() > known["std_error"].item()


@pytest.mark.parametrize(
    ("before", "after", "why"),
    [
        ([1.0, 1.0, 1.0, 1.0], [2.0, 3.0, 4.0, 6.0], "same first value"),
        ([1.0, 2.0, 3.0, 4.0], [2.0, 4.0, 6.0, 8.0], "on one line"),
        ([1.0, 2.0], [2.0, 5.0], "three people"),
        ([1.0, 2.0, 3.0], [np.nan, np.nan, np.nan], ""),
    ],
)
def test_what_cannot_be_estimated_says_why(before, after, why):
    answer = rtm(pd.Series(before), pd.Series(after), mean=5)
    rows = answer.tidy()
    stopped = rows[(rows["term"] == "corrected_difference") & (rows["method"] == "mee_chua")].iloc[0]
    assert stopped["status"] == "not_estimable"
    assert why in stopped["reason"]
    assert not (rows["p_value"] == 0).any()


def test_parallel_lines_have_no_cancelling_mean():
    before = pd.Series([1.0, 2.0, 3.0, 4.0])
    rows = rtm(before, before + [1.0, 2.0, 2.0, 1.0]).tidy().set_index("term")
    assert "exactly 1" in rows.loc["mean_that_cancels", "reason"]


def test_a_difference_against_the_mean_has_no_cancelling_correlation():
    before, after, _ = chosen()
    rows = rtm(before, after - 20, mean=50).tidy().set_index("term")
    assert rows.loc["correlation_that_cancels", "status"] == "not_estimable"


def test_a_cut_far_out_is_still_a_number():
    before = pd.Series([-900.0, -905.0, -910.0, -920.0])
    rows = rtm(before, before + [1.0, 2.0, 4.0, 3.0], cut=-900, mean=0, sd=10, correlation=0.5).tidy()
    back = rows[rows["method"] == "truncated_normal"]["estimate"].item()
    assert back == pytest.approx(0.5 * 900, rel=1e-3)


def test_above_mirrors_below():
    before, after, everybody = chosen()
    low = rtm(before, after, cut=42, mean=50, sd=10).tidy()
    high = rtm(-before, -after, cut=-42, side="above", mean=-50, sd=10).tidy()
    signed = ["difference", "expected_return", "corrected_difference", "mean_that_cancels"]
    one, other = (t[t["term"].isin(signed)]["estimate"].to_numpy() for t in (low, high))
    np.testing.assert_allclose(one, -other, rtol=1e-10)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ({"cut": 30}, "are said to have been chosen at or below"),
        ({"side": "under"}, "side: must be one of"),
        ({"correlation": 1.5}, "must lie in"),
        ({"sd": 3}, "sd= needs mean="),
        ({"mean": 50, "sd": 0}, "above 0"),
        ({"mean": 50, "reference": pd.Series([1.0, 2.0])}, "not both"),
        ({"reference": [1.0, 2.0]}, "must be a Series"),
        ({"reference": pd.Series([1.0])}, "at least 2"),
        ({"reference": pd.Series(["a", "b"])}, "must hold numbers"),
    ],
)
def test_wrong_arguments_are_refused(arguments, said):
    before, after, _ = chosen(200)
    with pytest.raises(InputError, match=said):
        rtm(before, after, **arguments)


def test_small_groups_are_hidden_and_their_sentences_with_them():
    before, after, _ = chosen(30)
    assert 3 <= len(before) < 11
    out = rtm(before, after, mean=50).publish()
    assert out.table.loc[out.table["term"] == "difference", "estimate"].isna().all()
    assert not any("explain the whole difference" in c.text("en") for c in out.caveats)


@pytest.mark.parametrize("lost", [(3, 20), (20, 3), (3, 0)])
def test_totals_do_not_give_away_the_few_seen_once(lost):
    rng = np.random.default_rng(6)
    before, after = (pd.Series(rng.normal(40, 5, 83), [f"p{i}" for i in range(83)]) for _ in range(2))
    after.iloc[60 : 60 + lost[0]] = np.nan
    before.iloc[60 + lost[0] : 60 + sum(lost)] = np.nan
    shown = rtm(before, after, mean=50).publish().table.set_index("term")
    assert shown.loc[["people_only_before", "empty_before", "empty_after"], "count"].isna().all()
    if sum(lost) < 11:
        assert shown.loc[["people_all", "people_paired"], ["count", "n"]].isna().to_numpy().all()
    else:
        assert np.isnan(shown.loc["people_only_after", "count"])
    assert np.isfinite(shown.loc["difference", "estimate"].item())


def test_a_wave_of_objects_is_read_as_numbers():
    before, after = (pd.Series([1.0, 2, 3, 5, 8], list("abcde")) for _ in range(2))
    gaps = after.astype(object).where(after < 8, None)
    assert rtm(before, gaps, mean=9).glance()["n_paired"].item() == 4
    gone = rtm(before, pd.Series([None] * 5, list("abcde"), dtype=object), mean=9).table
    assert "after" in gone["reason"].iloc[0].text("en")


@pytest.mark.parametrize(
    ("known", "said"),
    [
        ({"reference": pd.Series([4.0, 4.0, 4.0])}, "all 3 values of reference are 4"),
        ({"mean": np.inf}, "mean: must be a finite number"),
        ({"mean": 1, "sd": np.inf}, "sd: must be above 0 and finite"),
    ],
)
def test_what_is_known_of_everybody_must_be_possible(known, said):
    before = pd.Series([1.0, 2, 3, 5, 8])
    with pytest.raises(InputError, match=said):
        rtm(before, before[::-1], cut=9, **known)


def test_it_pickles_speaks_french_and_draws():
    before, after, everybody = chosen(600)
    answer = pickle.loads(pickle.dumps(rtm(before, after, cut=42, reference=everybody)))
    text = answer.summary("fr")
    assert "moyenne qui annulerait la différence" in text
    assert "_" not in text
    assert len(answer.plot(lang="fr").get_yticklabels()) >= 6
