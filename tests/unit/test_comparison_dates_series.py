"""Interrupted series at their edges: short, exact, with gaps, empty, irregular; words, pictures, small counts."""

import pickle

import numpy as np
import pandas as pd
import pytest

from evalkit.comparison import interrupted_time_series
from evalkit.comparison.dates.segments import Segments
from evalkit.comparison.dates.serial import autoregressive, kernel, newey_west
from evalkit.errors import InputError
from evalkit.provenance import Provenance


def monthly(n=24, jump=5.0, seed=2):
    rng = np.random.default_rng(seed)
    frame = pd.DataFrame({"month": pd.date_range("2010-01-01", periods=n, freq="MS")})
    frame["y"] = 20 + 0.2 * np.arange(n) + jump * (np.arange(n) >= n // 2) + rng.normal(size=n)
    frame["calls"] = rng.poisson(30 + jump * (np.arange(n) >= n // 2))
    frame["people"] = 200
    return frame


def its(data=None, outcome="y", **options):
    data = monthly() if data is None else data
    return interrupted_time_series(data, outcome, **{"time": "month", "start": "2011-01-01", **options})


def term(answer, name, **where):
    table = answer.table[answer.table["term"] == name]
    for column, value in where.items():
        table = table[table[column] == value]
    return table


def keys(answer):
    return {caveat.key.removeprefix("comparison_dates.") for caveat in answer.caveats}


def reasons(answer, name):
    return {r.key.removeprefix("comparison_dates.") for r in term(answer, name)["reason"] if r is not None}


def test_level_and_slopes_are_those_of_two_lines():
    data = monthly()
    answer = its(data)
    x = np.arange(24) - 12
    before, after = (np.polyfit(x[w], data["y"][w], 1) for w in (x < 0, x >= 0))
    read = {name: term(answer, name, method="newey_west")["estimate"].item() for name in
            ("slope_before", "level_change", "slope_change", "slope_after")}  # fmt: skip
    wanted = [before[0], after[1] - before[1], after[0] - before[0], after[0]]
    assert list(read.values()) == pytest.approx(wanted)
    assert {"series_alone", "time_centred", "which_row", "no_season"} <= keys(answer)


def test_newey_west_with_no_lag_is_white():
    rng = np.random.default_rng(1)
    x = np.column_stack([np.ones(30), np.arange(30)])
    y = rng.normal(size=30)
    fit = newey_west(x, y, np.arange(30), 0)
    rest = y - x @ fit.beta
    bread = np.linalg.inv(x.T @ x)
    assert fit.cov == pytest.approx(30 / 28 * bread @ (x * rest[:, None] ** 2).T @ x @ bread)


def test_a_gap_keeps_its_length():
    scores = np.array([[1.0], [1.0], [1.0]])
    assert kernel(scores, np.array([0, 1, 2]), 1).item() == pytest.approx(3 + 4 * 0.5)
    assert kernel(scores, np.array([0, 1, 3]), 1).item() == pytest.approx(3 + 2 * 0.5)
    answer = its(monthly().drop(index=[3, 4, 15]))
    assert term(answer, "points_absent")["count"].item() == 3
    assert "gaps" in keys(answer)
    with_nan = monthly()
    with_nan.loc[[3, 4, 15], "y"] = np.nan
    assert its(with_nan, missing="drop").table["estimate"].equals(answer.table["estimate"])
    with pytest.raises(InputError, match="y is missing in 3"):
        its(with_nan)


def test_order_of_rows_series_and_periods_do_not_matter():
    data = monthly()
    expected = its(data).table["estimate"]
    assert its(data.sample(frac=1, random_state=1)).table["estimate"].equals(expected)
    series = data.set_index("month")["y"]
    assert interrupted_time_series(series, start="2011-01-01").table["estimate"].equals(expected)
    periods = data.assign(month=data["month"].dt.to_period("M"))
    assert its(periods).table["estimate"].equals(expected)
    text = data.assign(month=data["month"].dt.strftime("%Y-%m-%d"))
    assert its(text).table["estimate"].equals(expected)
    ends = data.assign(month=data["month"] + pd.offsets.MonthEnd(0))
    assert its(ends, start="2011-01-31").table["estimate"].equals(expected)


def test_an_interruption_within_a_month_begins_with_the_next_point():
    answer = its(start="2011-01-15")
    assert str(term(answer, "level_change")["start"].iloc[0]) == "2011-02-01"
    assert term(answer, "points_before")["count"].item() == 13


@pytest.mark.parametrize(("freq", "unit", "step"), [("7D", "day", 7), ("QS", "month", 3), ("D", "day", 1)])
def test_weeks_quarters_and_days_are_steps(freq, unit, step):
    data = monthly().assign(month=pd.date_range("2010-01-01", periods=24, freq=freq))
    answer = its(data, start=data["month"][12])
    about = answer.glance().iloc[0]
    assert (about["unit"], about["step"]) == (unit, step)
    assert term(answer, "points_after")["count"].item() == 12
    assert "no_season" not in keys(answer)


def test_numbers_are_times_too():
    data = monthly().assign(month=2000 + np.arange(24) / 4)
    answer = its(data, start=2003)
    assert term(answer, "level_change")["start"].iloc[0] == "2003"
    assert term(answer, "effect")["time"].item() == "2005.75"
    assert "par pas de 0,250 unités de temps" in answer.summary("fr")


def test_a_series_that_follows_the_model_exactly_is_described():
    data = monthly().assign(y=lambda d: np.arange(24) + 3.0 * (np.arange(24) >= 12))
    answer = its(data)
    assert term(answer, "level_change", method="description")["estimate"].item() == pytest.approx(3)
    assert answer.table["p_value"].isna().all()
    assert reasons(answer, "level_change") == {"exact_fit"}
    constant = its(monthly().assign(y=7.0))
    assert constant.table["p_value"].isna().all()
    assert constant.plot(lang="fr") is not None


@pytest.mark.parametrize(
    ("data", "options", "reason"),
    [
        (monthly(24), {"start": "2011-12-01"}, "short_segment"),
        (monthly(24), {"start": ["2011-01-01", "2011-02-01"]}, "short_segment"),
        (monthly(5), {"start": "2010-04-01"}, "too_few_points"),
        (monthly(24), {"season": (5, 2), "start": ["2010-04-01", "2010-08-01", "2011-01-01"]}, None),
        (monthly(24).assign(y=lambda d: d["calls"] * 0), {"kind": "count"}, "no_events"),
        (monthly(24).assign(y=lambda d: (np.arange(24) == 15) * 3), {"kind": "count"}, "no_events"),
        (monthly(24).assign(y=200), {"kind": "share", "denominator": "people"}, "no_events"),
        (monthly(24).assign(y=5), {"kind": "count"}, "exact_fit"),
    ],
)
def test_what_cannot_be_estimated_says_why(data, options, reason):
    answer = its(data, **options)
    if reason is None:
        assert term(answer, "level_change", method="newey_west")["p_value"].notna().all()
        return
    name = {"count": "level_change_ratio", "share": "level_change_odds"}.get(
        options.get("kind"), "level_change"
    )
    assert reasons(answer, name) == {reason}
    assert answer.table["p_value"].isna().all()
    assert answer.summary("fr")


def test_few_points_are_named():
    assert "few_points" in keys(its(monthly(12), start="2010-07-01"))
    assert "few_points" not in keys(its())


def test_a_drifting_series_has_no_effect_that_errors_too_small_would_give():
    walk = (
        np.array([0, 3, 1, 4, 9, 8, 12, 15, 13, 18, 22, 21, 25, 29, 28, 33, 31, 36, 41, 39, 44, 48, 47, 52.0])
        ** 1.7
    )
    x = Segments((12,)).matrix(np.arange(24))
    smooth = np.cumsum(np.cumsum(np.random.default_rng(0).normal(size=24)))
    assert autoregressive(x, walk, np.arange(24)) is not None
    assert autoregressive(x, smooth * 1e3 + np.arange(24) ** 3.0, np.arange(24)) is None
    answer = its(monthly().assign(y=smooth * 1e3 + np.arange(24) ** 3.0))
    assert reasons(answer, "level_change") == {"edge"}
    assert reasons(answer, "effect") == {"edge"}
    assert answer.plot(lang="en") is not None
    assert term(answer, "autoregression").empty


def test_drifting_counts_have_no_autoregression_either():
    calls = np.round(np.exp(6 + np.cumsum(np.cumsum(np.random.default_rng(5).normal(size=24))) / 20))
    answer = its(monthly().assign(calls=calls), "calls", kind="count")
    assert reasons(answer, "level_change_ratio") == {"edge"}
    assert term(answer, "level_change_ratio", method="quasi_poisson")["p_value"].notna().all()


def test_seasons_that_few_points_cannot_tell_from_segments():
    x = its(monthly(24).iloc[::6].assign(y=[1.0, 3, 2, 5]), season=(12, 1), start="2011-01-01")
    assert reasons(x, "level_change") == {"too_few_points"}
    assert reasons(its(season=(1e9, 1)), "level_change") == {"same_columns"}


def test_effects_at_dates_are_the_changes_there():
    answer = its(at=["2011-01-01", "2011-06-01"])
    level, slope = (
        term(answer, t, method="ar1_reml")["estimate"].item() for t in ("level_change", "slope_change")
    )
    effects = term(answer, "effect")
    assert effects["estimate"].tolist() == pytest.approx([level, level + 5 * slope])
    assert effects.iloc[0]["conf_low"] == pytest.approx(
        term(answer, "level_change", method="ar1_reml")["conf_low"].item()
    )
    expected, otherwise = (term(answer, t)["estimate"].to_numpy() for t in ("expected", "counterfactual"))
    assert (expected - otherwise).tolist() == pytest.approx(effects["estimate"].tolist())
    assert term(answer, "effect_relative")["estimate"].tolist() == pytest.approx(
        (expected / otherwise - 1).tolist()
    )


def test_a_relative_effect_needs_a_trend_above_zero():
    answer = its(monthly().assign(y=lambda d: d["y"] - d["y"].mean()))
    assert term(answer, "effect_relative")["status"].item() == "not_estimable"
    assert reasons(answer, "effect_relative") == {"counterfactual_at_zero"}


def test_counts_and_shares_speak_of_ratios():
    count = its(outcome="calls", kind="count")
    level, slope = (
        term(count, f"{t}_ratio", method="ar1_reml")["estimate"].item()
        for t in ("level_change", "slope_change")
    )
    relative = term(count, "effect_relative").iloc[0]
    assert relative["estimate"] == pytest.approx(level * slope**11 - 1)
    assert relative["conf_low"] < relative["estimate"] < relative["conf_high"]
    per_head = its(outcome="calls", kind="count", denominator="people")
    assert term(per_head, "effect")["estimate"].item() == pytest.approx(
        term(count, "effect")["estimate"].item() / 200
    )
    share = its(outcome="calls", kind="share", denominator="people")
    up, base = (term(share, t)["estimate"].item() for t in ("expected", "counterfactual"))
    assert term(share, "effect_relative")["estimate"].item() == pytest.approx(up / base - 1)
    assert term(share, "dispersion")["estimate"].item() > 0
    few = its(monthly(14).assign(calls=[1, 0, 2, 1, 0, 1, 9, 8, 9, 9, 8, 9, 7, 9], people=10), "calls", kind="share",
              denominator="people", start="2010-07-01")  # fmt: skip
    level = few.table[few.table["term"].isin(["expected", "counterfactual"])]
    assert level["conf_low"].ge(0).all()
    assert level["conf_high"].le(1).all()


def test_a_control_takes_off_what_both_went_through():
    data = monthly(jump=0.0)
    shock = 9.0 * (np.arange(24) >= 12)
    data["control"] = data["y"] * 0.5 + shock + np.random.default_rng(3).normal(size=24)
    data["y"] += shock
    answer = its(data, control="control")
    first = answer.table.iloc[0]
    assert (first["part"], first["term"]) == ("against_control", "slope_before")
    alone, against = (
        term(answer, "level_change", method="ar1_reml", part=p)["estimate"].item()
        for p in ("series", "against_control")
    )
    assert abs(against) < 3 < alone
    assert "series_with_control" in keys(answer)
    assert "par rapport au témoin" in answer.summary("fr")
    counts = monthly().assign(other=lambda d: d["calls"][::-1].to_numpy())
    ratio = its(counts, "calls", kind="count", control="other")
    assert term(ratio, "effect_relative", part="against_control")["estimate"].notna().all()


def test_months_when_neither_series_counts_anything_say_nothing_of_their_ratio():
    data = monthly().assign(other=lambda d: d["calls"][::-1].to_numpy())
    data.loc[5, ["calls", "other"]] = 0
    answer = its(data, "calls", kind="count", control="other")
    assert term(answer, "level_change_ratio", part="against_control")["p_value"].notna().all()


def test_several_interruptions_change_from_the_segment_before():
    steps = 4.0 * (np.arange(36) >= 12) - 4.0 * (np.arange(36) >= 24)
    data = monthly(36, jump=0.0)
    answer = its(data.assign(y=data["y"] + steps), start=["2011-01-01", "2012-01-01"])
    first, second = term(answer, "level_change", method="ar1_reml")["estimate"]
    assert first > 2
    assert second < -2
    assert "1er janvier 2011 et 1er janvier 2012" in answer.summary("fr")


@pytest.mark.parametrize(
    ("change", "options", "said"),
    [
        (lambda d: pd.concat([d, d.head(1)]), {}, "lists 1 times more than once"),
        (lambda d: d.head(1), {}, "at least two points"),
        (lambda d: d.assign(month=[*d["month"][:-1], pd.Timestamp("1700-03-02")]), {}, "too irregular"),
        (lambda d: d.assign(month=d.index**1.5), {"start": 20}, "too irregular"),
        (lambda d: d.assign(month=pd.date_range("2010-01-01", periods=24, freq="h")), {}, "several times on one day"),
        (lambda d: d.assign(month=["soon"] * 24), {}, "or numbers"),
        (lambda d: d, {"start": "2010-01-01"}, "leaves no point before"),
        (lambda d: d, {"start": "2012-01-01"}, "leaves no point before or none after"),
        (lambda d: d, {"start": ["2011-05-01", "2011-01-01"]}, "in order"),
        (lambda d: d, {"start": "then"}, "start must be a time like"),
        (lambda d: d, {"at": "2010-05-01"}, "before the interruption"),
        (lambda d: d, {"at": "2013-05-01"}, "past the last point"),
        (lambda d: d, {"season": 12}, "season: must be"),
        (lambda d: d, {"season": (2, 1)}, "fewer than 1 harmonics"),
        (lambda d: d, {"season": (12, 0)}, "whole number"),
        (lambda d: d, {"lag": -1}, "whole number, 0 or more"),
        (lambda d: d, {"kind": "count"}, "whole numbers, 0 or more"),
        (lambda d: d, {"kind": "share"}, "needs denominator"),
        (lambda d: d, {"kind": "share", "denominator": "people", "control": "calls"}, "not offered"),
        (lambda d: d, {"denominator": "people"}, "goes with kind"),
        (lambda d: d.assign(other=1), {"outcome": "calls", "kind": "count", "denominator": "people", "control": "other"},
         "both denominators or none"),
        (lambda d: d.assign(people=0), {"outcome": "calls", "kind": "count", "denominator": "people"}, "above 0"),
        (lambda d: d.assign(people=1), {"outcome": "calls", "kind": "share", "denominator": "people"}, "is above people"),
        (lambda d: d, {"outcome": None}, "name the columns"),
        (lambda d: d, {"outcome": "z"}, "no column"),
        (lambda d: d, {"alternative": "both"}, "alternative"),
        (lambda d: d, {"conf_level": 2}, "conf_level"),
    ],
)  # fmt: skip
def test_wrong_input_is_said(change, options, said):
    with pytest.raises(InputError, match=said):
        its(change(monthly()), **options)


def test_one_sided_tests_are_named():
    two, one = its(), its(alternative="greater")
    p = [term(a, "level_change", method="ar1_reml")["p_value"].item() for a in (two, one)]
    assert p[1] == pytest.approx(p[0] / 2)
    assert "one_sided" in keys(one)


def test_publishing_keeps_the_model_and_drops_small_points_from_the_picture():
    few = monthly().assign(calls=lambda d: d["calls"] // 4)
    answer = its(few, "calls", kind="count")
    out = answer.publish()
    assert out.points["observed"].isna().sum() == (few["calls"] < 11).sum()
    assert out.table["estimate"].equals(answer.table["estimate"])
    assert "points_hidden" in keys(out)
    assert out.small is None
    enough = its(outcome="calls", kind="share", denominator="people").publish()
    assert "points_hidden" not in keys(enough)
    assert "points_unchecked" in keys(its().publish())
    assert its(provenance=Provenance(kind="open")).publish().points["observed"].notna().all()


def test_publishing_hides_a_model_that_gives_small_points_back():
    few = monthly().assign(calls=lambda d: d["calls"] // 4)
    out = its(few, "calls", kind="count", start="2011-10-01").publish()
    assert out.table.loc[~out.table["term"].str.startswith("points_"), "estimate"].isna().all()
    assert out.points[["expected", "counterfactual"]].isna().all(axis=None)
    assert "short_and_small" in keys(out)


def test_pictures_words_and_pickles():
    import matplotlib.pyplot as plt

    for answer in (its(), its(outcome="calls", kind="count"), its(start=["2010-08-01", "2011-03-01"])):
        for lang in ("fr", "en"):
            ax = answer.plot(lang=lang)
            assert len(ax.get_lines()) >= 4
            assert not {"ar1_reml", "level_change", "newey_west"} & set(answer.summary(lang).split())
        assert pickle.loads(pickle.dumps(answer)).tidy().equals(answer.tidy())
    plt.close("all")


@pytest.mark.parametrize(
    ("kind", "start"), [("continuous", 18), ("continuous", 2), ("count", 18), ("count", 2)]
)
def test_a_segment_of_two_points_is_not_certain_to_newey_and_west(kind, start):
    rng = np.random.default_rng(3)
    y = rng.poisson(20, 20) if kind == "count" else rng.normal(size=20)
    made = interrupted_time_series(
        pd.DataFrame({"t": range(20), "y": y}), "y", time="t", start=start, kind=kind
    )
    found = made.table[made.table["term"].str.match("slope|level") & (made.table["method"] == "newey_west")]
    assert (found["status"] == "not_estimable").all()
    assert "follow their line exactly" in found["reason"].iloc[0].text("en")
    others = made.table[made.table["p_value"].notna()]
    assert len(others)
    assert (others["p_value"] > 1e-12).all()


def test_counts_that_stay_the_same_after_are_not_certain():
    y = [0] * 9 + [5] * 9
    made = interrupted_time_series(
        pd.DataFrame({"t": range(18), "y": y}), "y", time="t", start=13, kind="count"
    )
    assert (term(made, "slope_after_ratio", method="newey_west")["status"] == "not_estimable").all()


def test_an_autoregression_that_loses_a_segment_on_the_way_is_a_reason():
    data = pd.DataFrame({
        "t": range(16), "y": [3, 8, 4, 11, 4, 4, 10, 4, 3, 3, 4, 3, 6, 8, 7, 1],
        "c": [4, 7, 3, 4, 3, 2, 5, 4, 6, 1, 5, 6, 7, 7, 2, 3],
        "m": [1.31, 5.24, 3.56, 6.66, 3.43, 1.64, 6.41, 5.09, 3.83, 6.49, 6.24, 2.26, 6.21, 2.09, 3.23, 4.59],
        "m2": [2.01, 1.06, 4.99, 7.14, 5.17, 2.74, 8.65, 1.32, 6.08, 4.57, 4.72, 8.53, 6.25, 4.30, 6.78, 3.50],
    })  # fmt: skip
    made = interrupted_time_series(
        data, "y", time="t", start=14, kind="count", denominator="m", control="c", control_denominator="m2"
    )
    assert made.table["status"].isin(["ok", "not_estimable"]).all()
