"""Differences in differences at their edges: refusals, people who come and go, words, small cells."""

import pickle

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from evalkit.comparison import difference_in_differences
from evalkit.comparison.dates.leads import largest_of, linear_extrapolation
from evalkit.disclosure import Policy
from evalkit.errors import InputError
from evalkit.provenance import Provenance


def panel(n=40, dates=(1, 2), seed=3, effect=1.0, sites=8):
    rng = np.random.default_rng(seed)
    unit, date = np.repeat(np.arange(n), len(dates)), np.tile(dates, n)
    frame = pd.DataFrame(
        {"id": unit, "date": date, "group": np.where(unit % 2, "new", "as before"), "site": unit % sites}
    )
    frame["age"] = np.repeat(rng.integers(16, 26, n), len(dates))
    frame["y"] = rng.normal(size=len(frame)) + np.repeat(rng.normal(size=n), len(dates))
    frame["y"] += effect * ((frame["group"] == "new") & (frame["date"] >= dates[-1]))
    return frame


ASK = {"group": "group", "time": "date", "unit": "id"}


def did(data, outcome="y", **options):
    return difference_in_differences(data, outcome, **{**ASK, **options})


def main(answer, **where):
    table = answer.table[answer.table["term"] == "difference_in_differences"]
    for column, value in where.items():
        table = table[table[column] == value]
    return table


def keys(answer):
    return {caveat.key.removeprefix("comparison_dates.") for caveat in answer.caveats}


def reason(row):
    return row["reason"].key.removeprefix("comparison_dates.")


def test_the_difference_is_the_change_of_the_treated_less_that_of_the_others():
    data = panel()
    answer = did(data)
    means = data.groupby(["group", "date"])["y"].mean()
    by_hand = means["new", 2] - means["new", 1] - (means["as before", 2] - means["as before", 1])
    assert main(answer).iloc[0]["estimate"] == pytest.approx(by_hand)
    cells = answer.table[answer.table["term"].str.startswith("mean_")]
    assert cells["estimate"].tolist() == pytest.approx(means.tolist())
    assert cells["n"].tolist() == [20, 20, 20, 20]
    assert {"parallel", "no_pretrend", "people_as_units"} <= keys(answer)


def test_two_sites_are_described_and_not_tested():
    data = panel(sites=2)
    answer = did(data, cluster="site")
    described, refused = (main(answer).iloc[k] for k in (0, 1))
    assert described["method"] == "description"
    assert np.isfinite(described["estimate"])
    assert refused["status"] == "not_estimable"
    assert reason(refused) == "one_cluster"
    assert np.isnan(refused[["p_value", "conf_low", "std_error"]].astype(float)).all()
    assert answer.table["p_value"].isna().all()
    assert "un seul site" in answer.summary("fr")


def test_groups_that_are_the_sites_are_two_sites():
    assert reason(main(did(panel(), cluster="group")).iloc[1]) == "one_cluster"


def test_two_sites_are_not_tested_as_separate_samples_either():
    answer = did(panel(sites=2, dates=(1, 2, 3)), unit=None, cluster="site", post=3)
    assert answer.table["p_value"].isna().all()
    assert reason(main(answer).iloc[1]) == "one_cluster"


def test_one_site_against_many_is_refused_too():
    data = panel()
    data["site"] = np.where(data["group"] == "new", 100, data["site"])
    assert reason(main(did(data, cluster="site")).iloc[1]) == "one_cluster"


def test_few_sites_in_a_group_are_named():
    assert "few_clusters_said" in keys(did(panel(sites=8), cluster="site"))


def test_a_site_with_people_of_both_groups_is_a_site():
    data = panel()
    data["site"] = data["id"] // 8
    assert main(did(data, cluster="site")).iloc[0]["df"] < 6


def test_a_person_is_no_site():
    assert main(did(panel(), cluster="id")).equals(main(did(panel())))


def test_everybody_changing_alike_has_no_p():
    data = panel()
    data["y"] = data["id"] + 3.0 * data["date"] + 2.0 * ((data["group"] == "new") & (data["date"] == 2))
    answer = did(data)
    assert main(answer).iloc[0]["estimate"] == pytest.approx(2.0)
    assert reason(main(answer).iloc[1]) == "no_spread"
    assert answer.table["p_value"].isna().all()


def test_one_treated_person_is_described():
    data = panel()
    data["group"] = np.where(data["id"] == 0, "new", "as before")
    answer = did(data, reference="as before")
    assert reason(main(answer).iloc[1]) == "one_person"
    data = data.query("id < 3")
    assert reason(main(did(data, unit=None, reference="as before")).iloc[1]) == "one_person"


def test_a_group_without_an_after_is_not_estimable():
    data = panel().query("group == 'as before' or date == 1")
    answer = did(data)
    assert main(answer, part="pairs").iloc[0]["status"] == "not_estimable"
    assert reason(main(answer, part="observed").iloc[0]) == "empty_cell"
    assert reason(main(did(data, unit=None)).iloc[0]) == "empty_cell"


def test_a_date_that_one_group_lacks_cannot_be_followed():
    data = panel(dates=(1, 2, 3, 4)).query("group == 'new' or date != 2")
    answer = did(data, unit=None, post=4)
    assert reason(answer.table[answer.table["term"] == "effect_at"].iloc[0]) == "absent_date"
    assert main(answer).iloc[0]["status"] == "ok"


def test_nobody_seen_twice():
    data = panel().query("id % 3 == date % 3")
    answer = did(data)
    assert reason(main(answer, part="pairs").iloc[0]) == "nobody_every"
    assert main(answer, part="observed").iloc[0]["status"] == "ok"


def test_people_who_come_and_go_are_counted_by_group_and_the_second_answer_has_them():
    data = panel()
    data.loc[[0, 3, 5, 8], "y"] = np.nan
    data.loc[data["id"] == 7, "y"] = np.nan
    answer = did(data, missing="drop")
    people = answer.table[answer.table["term"].str.startswith("people_")].set_index(["part", "term"])["count"]
    assert people["reference"].tolist() == [20, 17, 0, 1, 2, 0]
    assert people["treated"].tolist() == [20, 18, 0, 1, 0, 1]
    assert main(answer, part="pairs").iloc[0]["n"] == 35
    assert main(answer, part="observed").iloc[0]["n"] == 39
    assert "unbalanced" in keys(answer)
    with pytest.raises(InputError, match="y is missing in 6 of 80 rows"):
        did(data)


def test_staggered_starts_are_refused_with_the_reason():
    data = panel(dates=(1, 2, 3))
    data["group"] = (data["date"] >= 2 + data["id"] % 2).astype(int)
    with pytest.raises(InputError, match="negative weights.*event_study"):
        did(data, post=2)


@pytest.mark.parametrize(
    ("change", "options", "said"),
    [
        (lambda d: pd.concat([d, d.head(2)]), {}, "2 rows list a id again at the same date"),
        (lambda d: d.assign(site=d["date"]), {"cluster": "site"}, "site changes in time for 40 people"),
        (lambda d: d.assign(age=d["date"]), {"adjust": "age"}, "age changes in time"),
        (lambda d: d.query("date == 1"), {}, "one date only"),
        (lambda d: d.assign(date=d["date"].map({1: "before", 2: "after"})), {}, "no order in time"),
        (lambda d: d, {"post": 5}, "post=5"),
        (lambda d: d, {"post": 1}, "must leave dates before"),
        (lambda d: d, {"post": "x"}, "no value of date"),
        (lambda d: d, {"kind": "binary"}, "must hold 0 and 1"),
        (lambda d: d.assign(w=0.0), {"weights": "w"}, "w must be above 0"),
        (lambda d: d.assign(y="a"), {}, "must hold numbers"),
        (lambda d: d, {"group": "id"}, "exactly two groups"),
        (lambda d: d, {"reference": "?"}, "is no value of group"),
        (lambda d: d, {"kind": "count"}, "kind: must be one of"),
        (lambda d: d, {"seed": -1}, "seed"),
        (lambda d: d.assign(group=d["group"].where(d["id"] > 0)), {}, "group is missing in 2"),
    ],
)
def test_wrong_input_is_said(change, options, said):
    with pytest.raises(InputError, match=said):
        did(change(panel()), **options)


def test_three_dates_need_a_post_and_read_lists_values_and_categories():
    data = panel(dates=(1, 2, 3))
    with pytest.raises(InputError, match="which is the first after"):
        did(data)
    with pytest.raises(InputError, match="name all later ones"):
        did(data, post=[2])
    first = main(did(data, post=3)).iloc[0]
    assert first["estimate"] == main(did(data, post=[3])).iloc[0]["estimate"]
    assert main(did(data, post=2.5)).iloc[0]["estimate"] == first["estimate"]
    named = data.assign(date=pd.Categorical(data["date"].map({1: "a", 2: "b", 3: "c"}), ["a", "b", "c"]))
    assert main(did(named, post="c")).iloc[0]["estimate"] == first["estimate"]
    dated = data.assign(
        date=pd.to_datetime(data["date"].map({1: "2010-01-01", 2: "2011-01-01", 3: "2012-01-01"}))
    )
    answer = did(dated, post=pd.Timestamp("2012-01-01"))
    assert main(answer).iloc[0]["estimate"] == first["estimate"]
    assert "1er janvier 2010" in answer.summary("fr")


def test_text_dates_take_a_post():
    data = panel().assign(date=lambda d: d["date"].map({1: "z before", 2: "after"}))
    assert main(did(data, post="after")).iloc[0]["estimate"] == main(did(panel())).iloc[0]["estimate"]


def test_dates_before_are_tested_with_what_the_test_could_not_see():
    answer = did(panel(dates=(2008, 2009, 2010, 2011), n=60), post=2011)
    table = answer.table.set_index("term")
    assert 0 < table.loc["pretrend_test", "p_value"] <= 1
    assert table.loc["pretrend_test", "count"] == 2
    assert table.loc["least_pretrend_seen", "estimate"] > 0
    assert "pretrend_power" in keys(answer)
    assert table.loc["effect_at", "time"].tolist() == ["2008", "2009", "2011"] * 2
    wider = (
        answer.table[answer.table["term"] == "effect_at"].groupby("method")[["conf_low", "conf_high"]].first()
    )
    assert wider.loc["simultaneous", "conf_low"] < wider.loc["cr2_person", "conf_low"]
    assert (
        did(panel(dates=(2008, 2009, 2010, 2011), n=60), post=2011)
        .table["conf_low"]
        .equals(answer.table["conf_low"])
    )


def test_the_violation_moves_the_interval_to_zero():
    answer = did(panel(dates=(1, 2, 3, 4), effect=3.0), post=3)
    table = answer.table.set_index("term")
    low = table.loc["average_effect", "conf_low"]
    assert table.loc["violation_per_step", "estimate"] * 1.5 == pytest.approx(low)
    at = answer.table[(answer.table["term"] == "effect_at") & (answer.table["method"] == "cr2_person")]
    largest = abs(at["estimate"].iloc[0])
    assert table.loc["violation_over_pretrend", "estimate"] * largest == pytest.approx(low / 1.5)
    nothing = did(panel(dates=(1, 2, 3, 4), effect=0.0, seed=4), post=3).table.set_index("term")
    assert nothing.loc["violation_per_step", "estimate"] == 0
    assert reason(nothing.loc["violation_per_step"]) == "reaches_zero"


def test_a_straight_line_before_is_taken_off_whole():
    place = np.array([0.0, 1, 4, 5, 9, 10])
    weights = linear_extrapolation(place, 4)
    assert weights @ place == pytest.approx(0)
    assert weights.sum() == pytest.approx(0)
    assert weights @ (np.arange(6) >= 4) == pytest.approx(1)
    data = panel(dates=(1, 2, 5, 6))
    steep = data.assign(y=data["y"] + 3 * data["date"] * (data["group"] == "new"))
    one, other = (did(d, post=6).table.set_index("term")["estimate"] for d in (data, steep))
    assert other["effect_if_trend_goes_on"] == pytest.approx(one["effect_if_trend_goes_on"])
    named = data.assign(date=pd.Categorical(data["date"].astype(str), list("1256"), ordered=True))
    dated = data.assign(date=pd.to_datetime("2010-01-01") + pd.to_timedelta(data["date"], unit="D"))
    by_name, by_day = (
        did(d, post=p).table.set_index("term")["estimate"]
        for d, p in ((named, "6"), (dated, pd.Timestamp("2010-01-07")))
    )
    assert by_day["effect_if_trend_goes_on"] == pytest.approx(one["effect_if_trend_goes_on"])
    assert by_name["effect_if_trend_goes_on"] != pytest.approx(one["effect_if_trend_goes_on"])


def test_two_sites_at_many_dates_have_neither_band_nor_test():
    answer = did(panel(dates=(1, 2, 3, 4), sites=2), post=4, cluster="site")
    assert answer.table["p_value"].isna().all()
    assert "simultaneous" not in set(answer.table["method"])
    tested = answer.table[answer.table["term"] == "pretrend_test"].iloc[0]
    assert reason(tested) == "one_cluster"


def test_a_single_separate_answer_in_a_cell_is_described():
    data = panel(dates=(1, 2, 3, 4)).assign(id=lambda d: np.arange(len(d)))
    one = data[(data["group"] == "new") | (data["date"] != 2)]
    one = pd.concat([one, data[(data["group"] == "as before") & (data["date"] == 2)].head(1)])
    answer = did(one, unit=None, post=4)
    assert reason(answer.table[answer.table["term"] == "pretrend_test"].iloc[0]) == "one_person"


def test_adjusting_says_what_cannot_be_adjusted():
    data = panel()
    data["same"] = (data["group"] == "new").astype(int)
    answer = did(data, adjust="same")
    assert reason(main(answer, method="regression").iloc[0]) == "aliased"
    assert main(answer, method="doubly_robust").iloc[0]["status"] == "not_estimable"
    data["far"] = data["same"] * 10 + data["age"] / 10
    assert reason(main(did(data, adjust="far"), method="doubly_robust").iloc[0]) == "no_overlap"
    alone = did(panel(sites=2), adjust="age", cluster="site")
    assert main(alone)["p_value"].isna().all()
    assert main(did(data, adjust="age"), method="doubly_robust").iloc[0]["p_value"] < 1


def test_one_sided_tests_are_named_and_intervals_stay():
    data = panel()
    two, one = did(data), did(data, alternative="greater")
    assert main(one).iloc[0]["p_value"] == pytest.approx(main(two).iloc[0]["p_value"] / 2)
    assert main(one).iloc[0]["conf_low"] == main(two).iloc[0]["conf_low"]
    assert "one_sided" in keys(one)
    assert main(did(data, alternative="less")).iloc[0]["p_value"] > 0.5


def test_an_enormous_difference_has_a_p_above_zero():
    data = panel(n=400, effect=1e6)
    assert main(did(data)).iloc[0]["p_value"] > 0


def test_yes_and_no_speak_of_shares():
    data = panel().assign(y=lambda d: d["y"] > 0)
    answer = did(data, kind="binary")
    assert "parallel_scale" in keys(answer)
    assert -1 <= main(answer).iloc[0]["estimate"] <= 1


def test_publishing_hides_small_groups_and_what_gives_them_away():
    data = panel()
    data["group"] = np.where(data["id"] < 6, "new", "as before")
    out = did(data, reference="as before").publish()
    shown = out.table[~out.table["term"].str.startswith("people_")]
    assert shown["estimate"].isna().all()
    assert out.table.loc[out.table["n"] == 6].empty
    assert not any("violation" in caveat.key for caveat in out.caveats)
    assert (
        did(data, reference="as before", provenance=Provenance(kind="open"))
        .publish()
        .table["p_value"]
        .notna()
        .any()
    )


def test_publishing_keeps_differences_of_shares_when_few_changed():
    data = panel(n=200)
    data["y"] = ((data["id"] % 4 < 2) & ((data["date"] == 1) | (data["id"] > 8))).astype(int)
    whole = did(data, kind="binary")
    out = whole.publish()
    assert main(out).iloc[0]["estimate"] == main(whole).iloc[0]["estimate"]
    assert np.isnan(main(out).iloc[0]["conf_low"])
    means = out.table[out.table["term"].str.startswith("mean_")]
    assert means["estimate"].isna().all()
    assert "changes_hidden" in keys(out)


def test_publishing_hides_the_share_who_moved_when_everybody_starts_alike():
    data = panel(n=200)
    data["y"] = ((data["date"] == 2) & (data["id"] < 16)).astype(int)
    out = did(data, kind="binary").publish()
    assert out.table.loc[~out.table["term"].str.startswith("people_"), "estimate"].isna().all()


def test_publishing_does_not_let_those_unseen_be_subtracted():
    data = panel(n=80)
    data.loc[[0, 2, 4], "y"] = np.nan
    out = did(data, missing="drop").publish()
    assert out.table.loc[out.table["part"] == "observed", ["estimate", "n"]].isna().all(axis=None)
    unseen = out.table[out.table["term"] == "people_only_after"]
    assert unseen["count"].fillna(0).max() == 0
    assert main(out, part="pairs").iloc[0]["status"] == "ok"
    assert out.publish(Policy()).table["estimate"].notna().sum() == out.table["estimate"].notna().sum()


def test_pictures_and_words_in_both_languages():
    import matplotlib.pyplot as plt

    dated = did(panel(dates=(1, 2, 3, 4)), post=3)
    two = did(panel())
    hidden = did(panel(n=16), kind="continuous").publish()
    refused = did(panel(sites=2, dates=(1, 2, 3)), post=3, cluster="site")
    for answer in (dated, two, hidden, refused):
        for lang in ("fr", "en"):
            assert answer.plot(lang=lang).get_title(loc="left")
            assert "comparison_dates" not in answer.summary(lang)
            assert not {"cr2_person", "effect_at", "welch"} & set(answer.summary(lang).split())
    assert dated.plot(lang="en").get_xticklabels()[1].get_text() == "2"
    plt.close("all")


def test_answers_pickle_and_are_reproducible():
    answer = did(panel(dates=(1, 2, 3, 4)), post=3, seed=5)
    again = pickle.loads(pickle.dumps(answer))
    assert again.tidy().equals(answer.tidy())
    assert again.summary("fr") == answer.summary("fr")
    assert did(panel(dates=(1, 2, 3, 4)), post=3, seed=5).provenance == answer.provenance


def test_the_least_trend_seen_has_the_power_it_says():
    answer = did(panel(dates=(1, 2, 3), n=400), post=3)
    before = answer.table[
        (answer.table["term"] == "effect_at") & (answer.table["method"] == "cr2_person")
    ].iloc[0]
    # One date before, many people: 1.96 + 0.84 standard errors.
    least = answer.table.set_index("term").loc["least_pretrend_seen", "estimate"]
    assert least == pytest.approx(
        (stats.norm.isf(0.025) + stats.norm.isf(0.2)) * before["std_error"], rel=0.01
    )


@pytest.mark.parametrize(
    ("correlation", "level"), [(np.eye(1), 0.95), (np.eye(4), 0.95), (np.ones((4, 4)), 0.9)]
)
def test_a_simultaneous_band_is_students_when_dates_say_the_same_and_sidaks_when_independent(
    correlation, level
):
    reach = largest_of(correlation, 1e6, level, np.random.default_rng(1))
    one = level if np.linalg.matrix_rank(correlation) == 1 else level**0.25
    assert reach == pytest.approx(stats.norm.isf((1 - one) / 2), abs=0.03)


def test_two_sites_named_as_the_groups_are_described_not_tested():
    rng = np.random.default_rng(7)
    data = pd.DataFrame({
        "person": np.repeat(np.arange(200), 2), "date": [0, 1] * 200, "site": np.repeat(["centre", "est"], 200),
    })  # fmt: skip
    data["y"] = rng.normal(size=400) + 3.0 * ((data["site"] == "est") & (data["date"] == 1))
    rows = difference_in_differences(data, "y", group="site", time="date", unit="person").tidy()
    found = rows[rows["term"] == "difference_in_differences"]
    assert found["p_value"].isna().all()
    assert found["conf_low"].isna().all()
    assert "not_estimable" in found["status"].tolist()
    other = data.rename(columns={"site": "served"})
    told = difference_in_differences(other, "y", group="served", time="date", unit="person").tidy()
    assert told.loc[told["term"] == "difference_in_differences", "p_value"].notna().any()


@pytest.mark.filterwarnings("error")
def test_chances_that_overflow_and_a_test_without_power_are_reasons_not_warnings():
    apart = pd.DataFrame(
        {"id": np.repeat(range(4), 3), "date": [0, 1, 2] * 4, "group": np.repeat([1, 0, 1, 0], 3), "y": 0.0}
    )
    apart["x"] = np.repeat([-0.567, 0.862, -1.62, -0.465], 3)
    assert (main(did(apart, post=2, adjust="x"), method="doubly_robust")["status"] == "not_estimable").all()
    few = pd.DataFrame({
        "id": np.repeat(range(5), 5), "date": [0, 1, 2, 3, 4] * 5, "group": np.repeat([1, 1, 0, 1, 0], 5),
        "y": [0, 1, 1, 1, 1, 0, 0, 1, 0, 1, 0, 1, 1, 1, 0, 0, 0, 1, 1, 1, 0, 1, 0, 1, 0],
        "w": np.repeat([2.1907, 2.9788, 2.6342, 2.5033, 0.9349], 5),
        "x": np.repeat([0.9296, 0.83, -0.3285, 1.0426, -1.9068], 5),
    })  # fmt: skip
    made = did(few, post=4, adjust="x", weights="w", kind="binary").table
    seen = made[made["term"] == "least_pretrend_seen"]
    assert (seen["status"].eq("ok") == seen["estimate"].notna()).all()


def test_yes_and_no_taken_as_numbers_are_protected_as_counts():
    said = [1] * 4 + [0] * 46 + [1] * 30 + [0] * 30
    data = pd.DataFrame(
        {"id": np.repeat(range(110), 2), "date": [1, 2] * 110, "group": np.repeat([0] * 50 + [1] * 60, 2)}
    )
    data["y"] = np.where(data["date"] == 2, np.repeat(said, 2), np.arange(220) % 3 == 0).astype(int)
    shown = did(data).publish().table.set_index("term")["estimate"]
    assert np.isnan(shown["mean_reference_after"])
