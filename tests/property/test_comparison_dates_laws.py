"""Laws of differences in differences, staggered starts and interrupted series: what changes nothing, flips signs, adds up."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from evalkit.comparison import difference_in_differences, event_study, interrupted_time_series

FEW = settings(max_examples=8, deadline=None)
FIGURES = ["estimate", "std_error", "statistic", "df", "p_value", "conf_low", "conf_high"]
seeds = st.integers(0, 10_000)


def panel(seed, n=24, dates=4):
    rng = np.random.default_rng(seed)
    frame = pd.DataFrame({"id": np.repeat(np.arange(n), dates), "date": np.tile(np.arange(dates), n)})
    frame["group"] = (frame["id"] % 3 == 0).astype(int)
    frame["site"] = frame["id"] % 12
    frame["y"] = rng.normal(size=len(frame)).round(1) + frame["group"] * (frame["date"] > 1)
    return frame


def did(data, **options):
    ask = {"group": "group", "time": "date", "unit": "id", "post": 2}
    return difference_in_differences(data, "y", **{**ask, **options}).table


def same(one, other, columns=FIGURES, factor=1.0):
    a, b = one[columns].astype(float), other[columns].astype(float)
    np.testing.assert_allclose(a.to_numpy(), factor * b.to_numpy(), rtol=1e-7, atol=1e-9)
    return True


@FEW
@given(seeds, st.sampled_from([{}, {"cluster": "site"}, {"unit": None}]))
def test_shuffling_rows_and_renaming_people_changes_nothing(seed, options):
    data = panel(seed)
    renamed = data.assign(id="p" + (997 - data["id"]).astype(str)).sample(frac=1, random_state=seed)
    assert same(did(data, **options), did(renamed, **options))


@FEW
@given(seeds, st.sampled_from([{}, {"cluster": "site"}, {"unit": None}]))
def test_swapping_groups_flips_signs_and_keeps_p(seed, options):
    data = panel(seed)
    pick = lambda t: t[t["term"].isin(["difference_in_differences", "effect_at", "average_effect"])]
    one, other = pick(did(data, **options)), pick(did(data, reference=1, **options))
    assert same(one, other, ["estimate", "statistic"], -1.0)
    assert same(one, other, ["std_error", "df", "p_value"])
    np.testing.assert_allclose(one["conf_low"].astype(float), -other["conf_high"].astype(float), atol=1e-9)


@FEW
@given(seeds)
def test_swapping_two_dates_flips_the_sign(seed):
    data = panel(seed, dates=2)
    one = did(data, post=1).iloc[0]
    other = did(data.assign(date=1 - data["date"]), post=1).iloc[0]
    assert one["estimate"] == pytest.approx(-other["estimate"], abs=1e-12)
    assert one["p_value"] == pytest.approx(other["p_value"])


@FEW
@given(seeds, st.floats(-50, 50), st.floats(0.1, 10))
def test_what_everybody_goes_through_changes_nothing_and_units_scale(seed, shock, scale):
    data = panel(seed)
    moved = data.assign(y=scale * (data["y"] + shock * data["date"] + data["id"]))
    one, other = (t[t["term"] == "difference_in_differences"] for t in (did(data), did(moved)))
    assert same(other, one, ["estimate", "std_error", "conf_low", "conf_high"], scale)


@FEW
@given(seeds)
def test_the_mean_of_effects_by_date_is_the_difference_of_changes_when_one_date_is_before(seed):
    data = panel(seed)
    estimate = did(data, post=1).groupby("term")["estimate"].first()
    assert estimate["average_effect"] == pytest.approx(estimate["difference_in_differences"])


@FEW
@given(seeds)
def test_one_start_is_a_difference_in_differences(seed):
    data = panel(seed)
    start = data.assign(start=np.where(data["group"] == 1, 2.0, np.nan))
    study = event_study(start, "y", unit="id", time="date", start="start").table
    since = study[(study["term"] == "effect_since") & (study["method"] == "influence")]
    dated = did(data)
    at = dated[(dated["term"] == "effect_at") & (dated["method"] == "cr2_person")]
    assert same(since, at, ["estimate", "std_error"])


@FEW
@given(seeds, st.sampled_from(["never", "not_yet"]))
def test_starts_do_not_care_about_order_or_what_all_go_through(seed, controls):
    data = panel(seed, n=30, dates=5)
    data["start"] = (data["id"] % 4).map({0: 2.0, 1: 3.0, 2: np.nan, 3: 4.0})
    one = event_study(data, "y", unit="id", time="date", start="start", controls=controls).table
    moved = data.assign(y=data["y"] + data["date"] ** 2 + data["id"]).sample(frac=1, random_state=seed)
    other = event_study(moved, "y", unit="id", time="date", start="start", controls=controls).table
    shown = one["method"] != "simultaneous"
    assert same(one[shown], other[shown])


def series(seed, n=30):
    rng = np.random.default_rng(seed)
    return pd.DataFrame(
        {
            "t": np.arange(n),
            "y": rng.normal(size=n).cumsum() * 0.3 + rng.normal(size=n),
            "c": rng.poisson(20, n),
        }
    )


@FEW
@given(seeds, st.floats(-9, 9), st.floats(-3, 3), st.floats(0.1, 20))
def test_a_trend_added_goes_to_the_slope_before_alone(seed, level, slope, scale):
    data = series(seed)
    moved = data.assign(y=scale * (data["y"] + level + slope * data["t"]))
    one, other = (interrupted_time_series(d, "y", time="t", start=14).table for d in (data, moved))
    for term in ("level_change", "slope_change"):
        same(other[other["term"] == term], one[one["term"] == term], ["estimate", "std_error"], scale)
    before = [
        t.loc[(t["term"] == "slope_before") & (t["method"] == "newey_west"), "estimate"].item()
        for t in (one, other)
    ]
    assert before[1] == pytest.approx(scale * (before[0] + slope), abs=1e-8)


@FEW
@given(seeds, st.integers(1, 9))
def test_counts_over_a_constant_population_and_its_multiples_have_the_same_ratios(seed, times):
    data = series(seed).assign(people=100)
    ask = {"time": "t", "start": 14, "kind": "count"}
    one = interrupted_time_series(data, "c", denominator="people", **ask).table
    other = interrupted_time_series(data.assign(people=100 * times), "c", denominator="people", **ask).table
    ratio = one["term"].str.endswith("_ratio")
    assert same(one[ratio], other[ratio])


@FEW
@given(seeds)
def test_a_control_equal_to_the_series_but_for_noise_flips_with_it(seed):
    data = series(seed)
    data["z"] = series(seed + 1)["y"]
    one, other = (
        interrupted_time_series(data, a, time="t", start=14, control=b).table
        for a, b in (("y", "z"), ("z", "y"))
    )
    pick = lambda t: t[(t["part"] == "against_control") & t["term"].isin(["level_change", "slope_change"])]
    assert same(pick(one), pick(other), ["estimate", "statistic"], -1.0)
