"""Losses: who is lost, the answer under each way of taking them into account, tipping points, and every edge."""

import math
import pickle

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest

from evalkit.comparison import Attrition, TippingPoint, attrition, tipping_point
from evalkit.comparison.missingness.intervals import imbens_manski
from evalkit.errors import InputError
from evalkit.numerics.imputation import chained
from evalkit.wording import message

QUICK = {"m": 3, "iterations": 1}


def people(n=120, seed=1, lost=0.2):
    rng = np.random.default_rng(seed)
    data = pd.DataFrame({
        "arm": np.repeat(["a", "b"], n // 2), "site": rng.choice(["E", "N", "S"], n), "age": rng.normal(20, 2, n),
        "first": rng.integers(0, 2, n).astype(float), "y": rng.integers(0, 2, n).astype(float),
    })  # fmt: skip
    data.loc[rng.random(n) < lost, "y"] = np.nan
    return data


def only(result, **keys):
    table = result.table
    for column, value in keys.items():
        table = table[table[column] == value]
    assert len(table) == 1, table[["term", "group", "part", "method"]]
    return table.iloc[0]


def keys(result):
    return [c.key.split(".")[1] for c in result.caveats]


# ---- who is lost -----------------------------------------------------------------------------------------------------
def test_who_is_lost_by_arm_level_and_reason():
    data = pd.DataFrame({
        "arm": ["a"] * 40 + ["b"] * 40, "sex": (["f"] * 20 + ["m"] * 20) * 2, "age": [20.0] * 30 + [30.0] * 25 + [40.0] * 25,
        "y": [np.nan] * 10 + [1.0] * 30 + [np.nan] * 2 + [0.0, 1.0] * 19, "why": ["moved"] * 6 + [None] * 34 + ["refused"] * 40,
    })  # fmt: skip
    found = attrition(data, "y", arm="arm", characteristics=["sex", "age"], reason="why", **QUICK)
    assert isinstance(found, Attrition)
    overall = only(found, term="lost", part="")
    assert (overall["count"], overall["n"], overall["estimate"]) == (12, 80, 0.15)
    assert only(found, term="lost", part="arm", group="a")["count"] == 10
    assert only(found, term="lost_difference")["estimate"] == pytest.approx(-0.2)
    assert only(found, term="lost", part="sex", group="f")["count"] == 12
    assert only(found, term="mean_lost", part="age")["estimate"] == pytest.approx(260 / 12)
    assert only(found, term="smd", part="age")["estimate"] > 0.5
    reasons = found.table[found.table["term"] == "lost_reason"].set_index("group")["count"]
    # The reason of a person who was seen is not read.
    assert reasons.to_dict() == {"moved": 6, "refused": 2, "not_given": 4}
    assert found.glance()["n_lost"].item() == 12


def test_a_characteristic_that_is_not_given_has_a_line_of_its_own():
    data = people()
    data.loc[:9, "site"] = None
    data.loc[5:11, "age"] = np.nan
    found = attrition(data, "y", arm="arm", characteristics=["site", "age"], **QUICK)
    assert only(found, term="lost", part="site", group="not_given")["n"] == 10
    assert only(found, term="lost", part="age", group="not_given")["n"] == 7
    left = next(c for c in found.caveats if c.key.endswith("ipw_left_out"))
    assert left.values["n"] == 12
    # Weighting leaves them out, imputation keeps them.
    assert only(found, term="difference", method="ipw")["n"] == 108
    assert only(found, term="difference", method="mi")["n"] == 120


# ---- bounds ----------------------------------------------------------------------------------------------------------
def test_bounds_of_a_change_use_each_persons_own_before():
    data = pd.DataFrame({"first": [1.0, 0, 1, 0], "y": [1.0, 1, np.nan, np.nan]})
    found = attrition(data, "y", before="first", **QUICK)
    assert only(found, term="change", part="everyone_lowest")["estimate"] == 0.0
    assert only(found, term="change", part="everyone_highest")["estimate"] == 0.5
    assert keys(found)[0] == "no_counterfactual"


def test_without_a_scale_there_are_no_manski_bounds_and_the_reason_is_said():
    data = people().assign(y=lambda d: d["y"] + d["age"])
    found = attrition(data, "y", "continuous", arm="arm", **QUICK)
    rows = found.table[found.table["method"] == "manski"]
    assert set(rows["status"]) == {"not_estimable"}
    assert message("comparison_missingness.no_scale") in rows["reason"].tolist()
    assert np.isfinite(only(found, method="lee", part="always_seen_lowest")["conf_low"])


def test_lee_takes_off_where_more_are_seen_and_names_how():
    y = [1.0] * 5 + [0.0] * 5
    data = pd.DataFrame({"arm": ["a"] * 10 + ["b"] * 10, "y": y + y[:8] + [np.nan] * 2})
    found = attrition(data, "y", arm="arm", **QUICK)
    told = only(found, method="lee", part="always_seen_lowest")["reason"]
    assert told == message("comparison_missingness.lee_trimmed", group="a", share=0.2)
    # Eight of ten remain in a: from 3 to 5 of them at 1.
    assert only(found, method="lee", part="always_seen_lowest")["estimate"] == pytest.approx(5 / 8 - 5 / 8)
    assert only(found, method="lee", part="always_seen_highest")["estimate"] == pytest.approx(5 / 8 - 3 / 8)


def test_equal_shares_seen_take_nothing_off():
    data = pd.DataFrame({"arm": ["a"] * 10 + ["b"] * 10, "y": ([1.0, 0] * 4 + [np.nan] * 2) * 2})
    found = attrition(data, "y", arm="arm", **QUICK)
    low, high = (only(found, method="lee", part=f"always_seen_{end}") for end in ("lowest", "highest"))
    assert low["estimate"] == high["estimate"] == 0.0
    assert "lee_none" in keys(found)


def test_imbens_and_manskis_interval_at_low_levels():
    low, high = imbens_manski(0.0, 1.0, 0.1, 0.1, 0.3)
    assert 0 < low < high < 1


# ---- weighting and imputation ----------------------------------------------------------------------------------------
def test_weighting_undoes_a_loss_by_site():
    data = pd.DataFrame(
        {"site": ["E"] * 40 + ["N"] * 40, "y": [1.0] * 30 + [0.0] * 10 + [0.0] * 20 + [np.nan] * 20}
    )
    found = attrition(data, "y", characteristics="site", **QUICK)
    # 0.75 of half of the people, 0 of the other half.
    assert only(found, method="ipw", term="share_after")["estimate"] == pytest.approx(0.375)
    assert only(found, method="complete_wilson")["estimate"] == pytest.approx(0.5)
    assert next(c for c in found.caveats if c.key.endswith("ipw_sure")).values["n"] == 40
    assert only(found, term="largest_weight")["estimate"] == pytest.approx(2 * 0.75)


def test_lost_like_whom_nobody_is_seen_stop_the_weighting():
    data = people()
    data.loc[data["site"] == "S", "y"] = np.nan
    found = attrition(data, "y", arm="arm", characteristics="site", **QUICK)
    row = only(found, method="ipw", term="share_after", group="a")
    assert (row["status"], row["reason"].key) == ("not_estimable", "comparison_missingness.no_positivity")
    assert row["reason"].values["n"] == (data["site"] == "S").sum()
    assert "mi_extrapolates" in keys(found)


def test_a_group_that_lost_nobody_keeps_its_error_when_another_cannot_be_weighted():
    rng = np.random.default_rng(3)
    data = pd.DataFrame({"arm": np.repeat(["a", "b"], 40), "y": rng.normal(size=80), "site": "x"})
    data.loc[[5, 6], ["y", "site"]] = [np.nan, "nobody else's"]
    found = attrition(data, "y", "continuous", arm="arm", characteristics="site", **QUICK)
    assert only(found, term="mean_after", group="a", method="ipw")["status"] == "not_estimable"
    whole = only(found, term="mean_after", group="b", method="ipw")
    assert whole["std_error"] == pytest.approx(data["y"][40:].std() / np.sqrt(40))
    assert whole["conf_low"] < whole["estimate"] < whole["conf_high"]


def test_weights_that_explode_are_said():
    rng = np.random.default_rng(4)
    age = np.r_[rng.normal(0, 1, 200), 4.0, 4.2]
    seen = rng.random(202) < 1 / (1 + np.exp(1.3 * age - 1.5))
    seen[-2:] = [True, False]
    data = pd.DataFrame({"age": age, "y": np.where(seen, rng.integers(0, 2, 202), np.nan)})
    found = attrition(data, "y", characteristics="age", **QUICK)
    assert only(found, term="largest_weight")["estimate"] > 10
    assert only(found, term="effective_n")["estimate"] < only(found, term="effective_n")["n"] / 2
    assert "weights_explode" in keys(found)


def test_nearly_all_the_weight_on_one_person_is_refused():
    # Old people: 1 of 401 seen; young people: all but one of 11.
    data = pd.DataFrame({
        "old": [1.0] * 401 + [0.0] * 11, "y": [1.0] + [np.nan] * 400 + [np.nan] + [0.0, 1.0] * 5,
    })  # fmt: skip
    found = attrition(data, "y", characteristics="old", **QUICK)
    row = only(found, method="ipw", term="share_after")
    assert row["reason"].key == "comparison_missingness.one_weight"


def test_an_arm_without_losses_takes_no_part_in_the_model():
    data = people()
    data.loc[data["arm"] == "b", "y"] = data.loc[data["arm"] == "b", "y"].fillna(1.0)
    found = attrition(data, "y", arm="arm", characteristics=["site", "age"], **QUICK)
    own = only(found, method="ipw", term="share_after", group="b")
    assert own["estimate"] == pytest.approx(only(found, method="complete_wilson", group="b")["estimate"])
    assert only(found, term="effective_n", group="b")["estimate"] == pytest.approx(60)


def test_a_formula_of_the_model_of_being_seen():
    data = people()
    found = attrition(data, "y", arm="arm", formula="arm * age", **QUICK)
    assert only(found, method="ipw", term="difference")["status"] == "ok"
    with pytest.raises(InputError, match="no column \\['height'\\]"):
        attrition(data, "y", formula="height")
    with pytest.raises(InputError, match="y is the outcome"):
        attrition(data, "y", formula="age + y")


def test_without_characteristics_weighting_finds_the_complete_cases_and_says_so():
    found = attrition(people(), "y", arm="arm", **QUICK)
    both = [only(found, term="difference", method=m)["estimate"] for m in ("ipw", "complete_newcombe")]
    assert both[0] == pytest.approx(both[1], abs=1e-12)
    assert "no_traits" in keys(found)


def test_imputation_is_the_same_for_the_same_seed_and_says_it():
    data = people()
    one, same, other = (
        attrition(data, "y", arm="arm", characteristics="age", seed=s, **QUICK) for s in (3, 3, 4)
    )
    pd.testing.assert_frame_equal(one.table.drop(columns="reason"), same.table.drop(columns="reason"))
    assert (
        only(one, term="difference", method="mi")["estimate"]
        != only(other, term="difference", method="mi")["estimate"]
    )
    assert next(c for c in one.caveats if c.key.endswith("mi_said")).values == {
        "m": 3,
        "iterations": 1,
        "seed": 3,
    }


def test_too_few_seen_to_impute():
    data = people(n=12, lost=0.0)
    data.loc[[0, 1], "y"] = np.nan
    found = attrition(data, "y", arm="arm", characteristics=["site", "age", "first"], **QUICK)
    assert only(found, method="mi", group="a")["reason"].key == "comparison_missingness.mi_few"


def test_a_characteristic_that_one_arm_lacks_is_no_help_there():
    data = people()
    data.loc[data["arm"] == "a", "age"] = np.nan
    found = attrition(data, "y", arm="arm", characteristics="age", **QUICK)
    assert only(found, method="mi", term="share_after", group="a")["status"] == "ok"
    # The weights' model needs the age: nobody of that arm is left.
    row = only(found, method="ipw", term="share_after", group="a")
    assert (row["n"], row["status"]) == (0, "not_estimable")


def test_a_mean_alone_without_a_scale_has_no_bounds_to_explain():
    data = people().assign(y=lambda d: d["y"] + d["age"])
    found = attrition(data, "y", "continuous", **QUICK)
    assert "bounds_interval" not in keys(found)
    assert "lee_assumes" not in keys(found)


def test_people_with_the_same_prediction_lend_alike():
    # Without a predictor everybody has the same: the first five must not be the only donors.
    data = pd.DataFrame({"y": np.r_[np.arange(50.0), np.full(200, np.nan)]})
    made = chained(data, np.zeros((250, 0)), 1, 1, np.random.default_rng(0))[0]
    assert made["y"][50:].nunique() > 40


# ---- edges -----------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("far", [1e6, 1e9])
def test_where_the_zero_stands_changes_nothing_that_is_filled_in(far):
    rng = np.random.default_rng(5)
    age = rng.integers(0, 1000, 200).astype(float)
    score = pd.Series(age + rng.integers(-9, 10, 200)).mask(np.arange(200) % 4 == 0)

    def filled(values):
        data = pd.DataFrame({"score": values, "age": age})
        return chained(data, np.zeros((200, 0)), 1, 1, np.random.default_rng(1))[0]["score"].to_numpy()

    np.testing.assert_array_equal(filled(score + far) - far, filled(score))


def test_an_arm_wholly_lost_leaves_the_bounds_and_the_other_arm():
    data = people()
    data.loc[data["arm"] == "b", "y"] = np.nan
    found = attrition(data, "y", arm="arm", characteristics="age", **QUICK)
    for method in ("complete_newcombe", "ipw", "mi"):
        row = only(found, term="difference", method=method)
        assert row["status"] == "not_estimable"
        assert row["reason"] is not None
    assert only(found, term="share_after", group="b", part="everyone_highest")["estimate"] == 1.0
    low, high = (
        only(found, method="manski", term="difference", part=f"everyone_{e}") for e in ("lowest", "highest")
    )
    assert high["estimate"] - low["estimate"] > 1
    assert np.isfinite(only(found, method="ipw", group="a", term="share_after")["conf_low"])
    tips = tipping_point(data, "y", arm="arm")
    assert set(tips.table["status"]) == {"not_estimable"}
    assert len(tips.grid) == 0


def test_nobody_lost_gives_one_answer_by_every_method():
    data = people(lost=0.0)
    found = attrition(data, "y", arm="arm", before="first", characteristics=["site", "age"], **QUICK)
    rows = found.table[found.table["term"] == "difference_of_changes"]
    assert np.ptp(rows["estimate"]) < 1e-12
    welch, weighted = (only(found, term="difference_of_changes", method=m) for m in ("complete_welch", "ipw"))
    assert weighted["conf_low"] == pytest.approx(welch["conf_low"], rel=1e-9)
    assert "nobody_lost" in keys(found)
    tips = tipping_point(data, "y", arm="arm", before="first")
    assert [r.key for r in tips.table["reason"][1:5]] == ["comparison_missingness.tip_no_lost"] * 4


def test_everybody_lost_leaves_the_scale():
    data = people().assign(y=np.nan)
    found = attrition(data, "y", arm="arm", characteristics="site", **QUICK)
    assert set(found.table.loc[found.table["method"].isin(["ipw", "mi", "lee"]), "status"]) == {
        "not_estimable"
    }
    ends = found.table[(found.table["term"] == "difference") & (found.table["method"] == "manski")]
    assert ends["estimate"].tolist() == [-1.0, 1.0]
    assert ends["conf_high"].tolist() == [1.0, 1.0]


@pytest.mark.parametrize("kind", ["binary", "continuous"])
def test_answers_all_alike_are_never_certain(kind):
    data = people()
    data["y"] = data["y"].where(data["y"].isna(), 1.0)
    scale = None if kind == "binary" else (0, 2)
    found = attrition(data, "y", kind, arm="arm", scale=scale, **QUICK)
    estimates = found.table[found.table["part"].isin(["seen", "everyone"]) & (found.table["status"] == "ok")]
    assert (estimates["std_error"] != 0).all()
    assert only(found, method="mi", term="difference")["status"] == "not_estimable"
    lee = only(found, method="lee", part="always_seen_lowest")
    assert math.isnan(lee["conf_low"])
    assert lee["reason"].key == "comparison_missingness.bounds_alike"
    tips = tipping_point(data, "y", kind, arm="arm", scale=scale, grid=[0.0, 1.0])
    assert tips.table.iloc[0]["status"] == "not_estimable"
    if kind == "binary":
        # Supposed zeros bring a spread; supposed ones do not.
        assert sorted(tips.grid["status"]) == ["not_estimable", "ok", "ok", "ok"]


def test_an_arm_of_one_person():
    data = pd.concat([people().iloc[[0]].assign(y=1.0), people().query("arm == 'b'")])
    found = attrition(data, "y", arm="arm", **QUICK)
    assert only(found, term="share_after", method="complete_wilson", group="a")["conf_low"] > 0
    lowest = only(found, term="difference", part="everyone_lowest")
    assert np.isfinite(lowest["estimate"])
    assert lowest["reason"].key == "comparison_missingness.bounds_one"
    assert only(found, term="difference", method="mi")["status"] == "not_estimable"
    numbers = attrition(data, "y", "continuous", arm="arm", **QUICK)
    assert only(numbers, term="difference", method="complete_welch")["reason"].key.endswith("one_seen")
    assert tipping_point(data, "y", arm="arm").table.iloc[0]["reason"].key.endswith("one_seen")


def test_an_empty_arm_or_before_is_an_error_or_counted():
    data = people()
    data.loc[[1, 5], "arm"] = np.nan
    data.loc[[7], "first"] = np.nan
    with pytest.raises(InputError) as caught:
        attrition(data, "y", arm="arm", before="first")
    assert len(caught.value.faults) == 2
    found = attrition(data, "y", arm="arm", before="first", missing="drop", **QUICK)
    assert only(found, term="lost", part="")["n"] == 117
    assert [c.values["count"] for c in found.caveats if c.key == "comparison_core.left_out"] == [1, 2]


@pytest.mark.parametrize("dtype", ["bool", "boolean", "Int64", "float64", "category"])
def test_outcomes_and_arms_of_any_type(dtype):
    data = people().drop(columns="arm").assign(arm=np.repeat([0.0, 1.0], 60))
    expected = attrition(data, "y", arm="arm", **QUICK)
    as_object = data["y"].astype(object).where(data["y"].notna(), None)
    typed = as_object if dtype == "bool" else data["y"].astype(dtype)
    changed = data.assign(y=typed, arm=pd.Categorical(data["arm"].astype(int), categories=[0, 1, 2]))
    found = attrition(changed, "y", arm="arm", **QUICK)
    pd.testing.assert_frame_equal(found.table.drop(columns="reason"), expected.table.drop(columns="reason"))


def test_characteristics_of_any_type_and_with_unused_levels():
    data = people().assign(
        known=lambda d: d["age"] > 20,
        whole=lambda d: d["age"].round().astype("Int64"),
        size=lambda d: pd.Categorical(d["site"], categories=["E", "N", "S", "X"]),
        same="all",
    )
    found = attrition(data, "y", arm="arm", characteristics=["known", "whole", "size", "same"], **QUICK)
    assert only(found, method="ipw", term="difference")["status"] == "ok"
    assert only(found, method="mi", term="difference")["status"] == "ok"
    assert only(found, term="lost", part="known", group="True")["n"] > 0


def test_three_arms_are_each_compared_with_the_reference():
    data = people(n=180).assign(arm=np.tile(["x", "y", "z"], 60))
    found = attrition(data, "y", arm="arm", reference="y", **QUICK)
    groups = found.table.loc[found.table["term"] == "difference", "group"].unique().tolist()
    assert groups == ["z − y", "x − y"]
    with pytest.raises(InputError, match="must hold two groups"):
        tipping_point(data, "y", arm="arm")


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        ({"outcome": "z"}, "no column"),
        ({"arm": "z"}, "no column"),
        ({"kind": "count"}, "kind: must be one of"),
        ({"characteristics": ["arm"], "arm": "arm"}, "named elsewhere"),
        ({"scale": (0, 1)}, "scale is for kind='continuous'"),
        ({"kind": "continuous", "scale": (1, 0)}, "lowest, highest"),
        ({"kind": "continuous", "scale": (0, 0.5)}, "lies outside"),
        ({"outcome": "age"}, "must hold 0 and 1"),
        ({"reference": "a"}, "no arm was given"),
        ({"arm": "arm", "reference": "c"}, "no value of arm"),
        ({"arm": "age"}, "two groups or a few"),
        ({"m": 1}, "m: must be a whole number, 2 or more"),
        ({"seed": -1}, "seed"),
        ({"conf_level": 95}, "conf_level"),
        ({"missing": "keep"}, "missing"),
        ({"characteristics": "mixed"}, "mixes"),
        ({"characteristics": "nothing"}, "missing for everybody"),
        ({"characteristics": "far"}, "infinite"),
    ],
)
def test_what_is_asked_wrongly_is_refused(asked, said):
    data = people().assign(mixed=[1, "b"] * 60, nothing=np.nan, far=np.inf)
    data["mixed"] = data["mixed"].astype(object)
    with pytest.raises(InputError, match=said):
        attrition(data, **{"outcome": "y"} | asked)


def test_a_column_that_is_there_twice_is_refused():
    data = people()
    with pytest.raises(InputError, match="several columns"):
        attrition(pd.concat([data, data[["y"]]], axis=1), "y")


# ---- tipping points --------------------------------------------------------------------------------------------------
def answered(n_lost=20):
    """Return two arms of 80: 33 % and 61 % of those seen have a job."""
    return pd.DataFrame({
        "arm": ["control"] * (60 + n_lost) + ["programme"] * 80,
        "job": [1.0] * 20 + [0.0] * 40 + [np.nan] * n_lost + [1.0] * 44 + [0.0] * 28 + [np.nan] * 8,
    })  # fmt: skip


def test_the_tipping_share_is_where_the_interval_reaches_zero():
    found = tipping_point(answered(), "job", arm="arm")
    assert isinstance(found, TippingPoint)
    # Nobody of the other arm lost: what is supposed of one arm is then all that is supposed.
    data = answered().query("arm == 'control' or job == job")
    share = only(
        tipping_point(data, "job", arm="arm"), term="tipping_share", group="control", part="interval"
    )["estimate"]
    cell = tipping_point(data, "job", arm="arm", grid=[share]).grid.iloc[0]
    assert cell["conf_low"] == pytest.approx(0, abs=1e-9)
    for part, said in (("interval", "tip_never"), ("sign", "tip_same_sign")):
        never = only(found, term="tipping_share", group="programme", part=part)
        assert never["reason"] == message(f"comparison_missingness.{said}", group="programme")
    assert set(found.grid["part"]) == {"tip_above", "tip_within"}


def test_like_those_seen_is_as_unsure_as_the_complete_cases():
    data = answered()
    start = tipping_point(data, "job", arm="arm").table.iloc[0]
    error = np.sqrt(20 / 60 * 40 / 60 / 60 + 44 / 72 * 28 / 72 / 72)
    assert start["estimate"] == pytest.approx(44 / 72 - 20 / 60)
    assert start["std_error"] == pytest.approx(error, rel=0.01)


def test_swapping_the_arms_mirrors_the_answer():
    one, other = (tipping_point(answered(), "job", arm="arm", reference=r) for r in ("control", "programme"))
    tips = [
        f.table[f.table["term"] == "tipping_share"].set_index(["group", "part"])["estimate"].sort_index()
        for f in (one, other)
    ]
    pd.testing.assert_series_equal(*tips)
    assert one.table.iloc[0]["estimate"] == pytest.approx(-other.table.iloc[0]["estimate"])
    assert set(other.grid["part"]) == {"tip_below", "tip_within"}


def test_a_shift_stops_at_the_end_of_the_scale():
    rng = np.random.default_rng(2)
    data = pd.DataFrame({"first": rng.normal(10, 1, 90), "y": rng.normal(11, 1, 90)})
    data.loc[:19, "y"] = np.nan
    free = tipping_point(data, "y", "continuous", before="first")
    shift = only(free, term="tipping_shift", part="sign")["estimate"]
    seen = (data["y"] - data["first"]).mean()
    assert shift == pytest.approx(-seen / (20 / 90))
    bound = tipping_point(data, "y", "continuous", before="first", scale=(7, 15))
    assert only(bound, term="tipping_shift", part="sign")["reason"].key.endswith("tip_same_sign_all")
    assert keys(free)[0] == "no_counterfactual"


def test_a_share_alone_needs_the_value_it_must_not_reach():
    data = answered()
    with pytest.raises(InputError, match="say null="):
        tipping_point(data, "job")
    found = tipping_point(data, "job", null=0.5, grid=[0, 0.5, 1])
    assert only(found, term="tipping_share", part="interval")["reason"].key.endswith("tip_open")
    assert only(found, term="tipping_share", part="sign")["estimate"] == pytest.approx((80 - 64) / 28)
    exact = tipping_point(data, "job", null=64 / 132)
    assert only(exact, term="tipping_share", part="sign")["reason"].key.endswith("tip_zero")
    with pytest.raises(InputError, match="shares from 0 to 1"):
        tipping_point(data, "job", arm="arm", grid=[0, 2])


# ---- words, pictures, gate -------------------------------------------------------------------------------------------
def everything():
    data = people(n=240, lost=0.3)
    data.loc[:2, "age"] = np.nan
    data["why"] = np.where(data["y"].isna(), "moved", None)
    return attrition(
        data, "y", arm="arm", before="first", characteristics=["site", "age"], reason="why", **QUICK
    )


def test_every_code_has_its_words_in_both_languages():
    for found in (
        everything(),
        tipping_point(answered(), "job", arm="arm"),
        tipping_point(answered(), "job", null=0.2),
    ):
        for column in ("term", "part", "method"):
            codes = set(found.table[column]) - {"", "arm", "site", "age", "why"}
            assert codes <= set(found.labels), codes - set(found.labels)
        for lang in ("fr", "en"):
            assert "{" not in found.summary(lang)
            assert "_" not in found.display(lang).to_string()


def test_answers_pickle_and_draw():
    for found in (
        everything(),
        tipping_point(answered(), "job", arm="arm"),
        tipping_point(answered(), "job", null=0.2),
    ):
        again = pickle.loads(pickle.dumps(found))
        pd.testing.assert_frame_equal(again.tidy(), found.tidy())
        for one in (found, found.publish()):
            ax = one.plot(lang="fr")
            assert ax.get_title(loc="left") != ""
            plt.close(ax.figure)


def test_a_picture_of_three_arms_names_the_comparison():
    data = people(n=180).assign(arm=np.tile(["x", "y", "z"], 60))
    ax = attrition(data, "y", arm="arm", **QUICK).plot(lang="en")
    assert any(label.get_text().startswith("z − x") for label in ax.get_yticklabels())
    plt.close(ax.figure)


def shown(result):
    """Return the numbers of people that a published table still shows."""
    return result.table[["count", "n"]].stack().dropna()


def test_few_lost_in_an_arm_hide_the_bounds_and_who_everybody_is():
    data = pd.DataFrame({
        "arm": ["a"] * 100 + ["b"] * 100, "y": ([1.0, 0.0] * 40 + [np.nan] * 20) + ([1.0, 0.0] * 47 + [np.nan] * 6),
    })  # fmt: skip
    found = attrition(data, "y", arm="arm", **QUICK)
    out = found.publish()
    table = out.table
    # An imputed share is a fraction of everybody: its digits tell their number.
    assert (
        table.loc[table["method"].isin(["manski", "lee", "mi"]), ["estimate", "std_error"]]
        .isna()
        .all(axis=None)
    )
    assert table.loc[table["part"] == "everyone", "n"].isna().all()
    assert only(out, term="difference", method="ipw")["std_error"] > 0
    # 6 and 20 are hidden, and no n says that an arm has 100 people; those seen, and all 26 lost, are no secret.
    assert set(shown(out)) == {26, 200, 80, 94, 174}
    assert only(out, term="difference", method="complete_newcombe")["estimate"] == pytest.approx(0.0)
    assert "hidden_losses" in keys(out)
    assert "lee_trimmed" not in keys(out)
    assert out.facts == type(out.facts)()


def test_few_of_an_answer_hide_all_that_rests_on_it():
    data = pd.DataFrame(
        {
            "arm": ["a"] * 100 + ["b"] * 100,
            "y": [1.0] * 5 + [0.0] * 80 + [np.nan] * 15 + [1.0, 0.0] * 42 + [np.nan] * 16,
        }
    )
    table = attrition(data, "y", arm="arm", **QUICK).publish().table
    outcome = table[table["term"].isin(["share_after", "difference"])]
    assert outcome.loc[outcome["group"] != "b", "estimate"].isna().all()
    assert outcome.loc[outcome["group"] == "b", "estimate"].notna().all()


def test_few_seen_in_an_arm_do_not_follow_from_the_comparison():
    rng = np.random.default_rng(0)
    data = pd.DataFrame({"arm": ["a"] * 100 + ["b"] * 100, "y": rng.normal(0, 1, 200)})
    data.loc[[*range(30), *range(100, 195)], "y"] = np.nan
    table = attrition(data, "y", "continuous", arm="arm", scale=(-5, 5), **QUICK).publish().table
    outcome = table[table["term"].isin(["mean_after", "difference"])]
    assert outcome.loc[outcome["group"] != "a", ["estimate", "n"]].isna().all(axis=None)
    # 75 seen in both would give 5 away.
    assert 75 not in set(table["n"])


def test_a_number_of_two_values_is_told_by_level():
    data = people(n=400, lost=0.3).assign(woman=lambda d: (d["age"] > 22).astype(float))
    found = attrition(data, "y", characteristics="woman", **QUICK)
    assert only(found, term="lost", part="woman", group="1")["n"] == (data["age"] > 22).sum()
    assert not found.table["term"].isin(["mean_lost"]).any()


def test_few_people_taken_off_hide_lees_bounds():
    rng = np.random.default_rng(0)
    data = pd.DataFrame({"arm": ["a"] * 100 + ["b"] * 100, "y": rng.normal(0, 1, 200)})
    data.loc[[*range(20), *range(100, 125)], "y"] = np.nan
    found = attrition(data, "y", "continuous", arm="arm", scale=(-5, 5), **QUICK)
    out = found.publish()
    assert out.table.loc[out.table["method"] == "lee", "estimate"].isna().all()
    # Enough are lost: nothing else is hidden, nor said to be.
    assert "hidden_losses" not in keys(out)
    assert out.table.loc[out.table["method"] == "manski", "estimate"].notna().all()


def test_few_lost_in_all_are_hidden_with_the_total_and_the_sentence():
    data = people(lost=0.0)
    data.loc[:4, "y"] = np.nan
    data.loc[:1, "arm"] = np.nan
    out = attrition(data, "y", arm="arm", missing="drop", **QUICK).publish()
    assert 3 not in set(shown(out))
    assert 118 not in set(shown(out))
    assert out.table.loc[out.table["method"].isin(["ipw", "mi"]), "std_error"].isna().all()
    assert "how_many" not in keys(out)
    left = next(c for c in out.caveats if c.key == "comparison_core.left_out")
    assert "120" not in left.text("en")


def test_few_left_out_of_the_weights_hide_how_many_were_weighted():
    data = people(n=240, lost=0.3)
    data.loc[:2, "age"] = np.nan
    out = attrition(data, "y", arm="arm", characteristics="age", **QUICK).publish()
    weighted = out.table[(out.table["method"] == "ipw") & (out.table["part"] == "everyone")]
    assert weighted["n"].isna().all()
    assert weighted["estimate"].notna().all()
    assert out.table.loc[out.table["term"].isin(["mean_lost", "mean_seen", "smd"]), "estimate"].isna().all()


def test_a_tipping_point_that_would_tell_of_few_is_hidden_whole():
    hidden = tipping_point(answered(), "job", arm="arm").publish()
    assert hidden.table[["estimate", "conf_low", "count", "n"]].isna().all(axis=None)
    assert set(hidden.table["part"]) & {"tip_above", "tip_within"} == set()
    assert hidden.table.iloc[0][["lost_other", "lost_reference"]].isna().all()
    assert "tip_hidden" in keys(hidden)
    assert hidden.cells == ()
    data = answered(n_lost=30)
    data.loc[data.index[-12:], "job"] = np.nan
    open_answer = tipping_point(data, "job", arm="arm").publish()
    assert open_answer.table["estimate"].notna().sum() > 100
    assert open_answer.cells == ()


def test_simulated_people_pass_the_gate_unchanged():
    from evalkit.provenance import Provenance

    made = Provenance(kind="simulated")
    found = attrition(people(lost=0.05), "y", provenance=made, **QUICK)
    assert found.publish().table.equals(found.table)
    tip = tipping_point(answered(), "job", arm="arm", provenance=made)
    assert tip.publish().table.equals(tip.table)
