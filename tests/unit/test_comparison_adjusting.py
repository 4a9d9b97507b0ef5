"""Adjusted differences at the edges: what cannot be adjusted says why, what was done is said."""

import pickle
import sys

import numpy as np
import pandas as pd
import pytest

from evalkit.comparison import two_groups
from evalkit.comparison.adjusting.effect import Means, rows_of_means
from evalkit.comparison.adjusting.gate import telling
from evalkit.comparison.adjusting.options import DEFAULT, METHODS
from evalkit.comparison.adjusting.pairing import nearest
from evalkit.comparison.adjusting.rows import WORDS, adjusted_rows
from evalkit.comparison.adjusting.sample import NotEstimable
from evalkit.comparison.groups.people import read_groups
from evalkit.comparison.groups.plan import GroupPlan
from evalkit.errors import InputError
from evalkit.wording import text


def people(n=60, seed=3):
    rng = np.random.default_rng(seed)
    x = rng.normal(size=n)
    t = (rng.random(n) < 1 / (1 + np.exp(-x))).astype(int)
    y = x + t + rng.normal(size=n)
    return pd.DataFrame(
        {"t": t, "x": x, "y": y, "yes": (y > 0).astype(int), "site": rng.choice(list("abc"), n)}
    )


def made(data, outcome="y", adjust="x", kind="continuous", estimand="att", method=METHODS, conf_level=0.95, alternative="two-sided",
         options=(), **roles):  # fmt: skip
    groups = read_groups(outcome, "t", data, "two_groups", kind=kind, adjust=adjust, **roles)
    plan = GroupPlan(kind=kind, adjust=adjust, estimand=estimand, method=method, conf_level=conf_level,
                     alternative=alternative, options=dict(options))  # fmt: skip
    return pd.DataFrame(adjusted_rows(groups, plan))


def reasons(table):
    return {r.key.partition(".")[2] for r in table["reason"].dropna()}


def status(table):
    found = table[table["term"] == "adjusted_difference"].set_index("method")["status"]
    return found.to_dict()


def test_every_method_stands_beside_the_others_unless_one_is_named():
    assert tuple(made(people(), method=())["method"].unique()[:5]) == DEFAULT
    named = made(people(), method=("entropy",))
    assert named["method"].unique().tolist() == ["entropy"]


def test_all_methods_come_near_the_effect_that_made_the_data():
    table = made(people(2000, 8), estimand="ate")
    found = table[table["term"] == "adjusted_difference"]
    assert (found["status"] == "ok").all()
    assert np.abs(found["estimate"] - 1).max() < 0.25
    assert (found["conf_low"] < found["estimate"]).all()
    assert (found["estimate"] < found["conf_high"]).all()


def test_terms_that_tell_the_group_are_named_and_the_line_is_left_to_who_asks_for_it():
    table = made(people().assign(t=lambda d: (d["x"] > 0).astype(int)))
    assert status(table) == dict.fromkeys(METHODS, "not_estimable") | {"regression": "ok", "ancova": "ok"}
    reason = next(r for r in table["reason"].dropna() if r.key.endswith("separated_group"))
    assert reason.values["terms"] == ["x"]
    assert reason.values["count"] == 60


def test_a_value_that_one_group_lacks_separates_only_those_who_have_it():
    data = people().assign(z=lambda d: ((np.arange(60) % 5 == 0) & (d["t"] == 0)).astype(int))
    table = made(data, adjust="x + z")
    reason = next(r for r in table["reason"].dropna() if r.key.endswith("separated_group"))
    assert reason.values["terms"] == ["z"]
    assert reason.values["count"] == int(data["z"].sum())
    assert status(table)["regression"] == "ok"
    assert status(made(data, adjust="x + z", estimand="ate"))["regression"] == "not_estimable"


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (people().assign(t=lambda d: (np.arange(60) == 3).astype(int)), "group_of_one"),
        (people().assign(y=2.0), "outcome_constant"),
        (people().assign(y=lambda d: np.where(d["t"] == 1, 5.0, d["y"])), "outcome_constant_in_group"),
        (people().assign(x=1.0), "no_terms"),
    ],
)
def test_nothing_is_estimable_and_says_why(data, reason):
    table = made(data)
    assert set(status(table).values()) == {"not_estimable"}
    assert reason in reasons(table)
    assert table.loc[table["term"] == "adjusted_difference", "p_value"].isna().all()


def test_an_outcome_that_the_model_predicts_exactly_has_no_precision():
    table = made(people().assign(y=lambda d: 2 * d["t"] + 3 * d["x"]))
    assert "no_spread" in reasons(table)
    assert status(table)["regression"] == status(table)["aipw"] == "not_estimable"


def test_terms_that_say_nothing_are_left_out_by_name():
    table = made(people().assign(c=1.0, twice=lambda d: 2 * d["x"] + 3), adjust="x + c + twice")
    said = {r.key.partition(".")[2]: r.values["terms"] for r in table["reason"].dropna()}
    assert said == {"left_out_constant": ["c"], "left_out_collinear": ["twice"]}
    alone = made(people(), adjust="x")
    estimates = [t[t["term"] == "adjusted_difference"]["estimate"].to_numpy() for t in (table, alone)]
    np.testing.assert_allclose(*estimates, rtol=1e-12)


def test_a_group_that_the_terms_explain():
    table = made(people().assign(x=lambda d: d["t"] + 0.0))
    assert set(status(table).values()) == {"not_estimable"}
    assert "aliased" in reasons(table)


def test_scale_and_place_change_nothing():
    one, other = (
        made(people()),
        made(people().assign(y=lambda d: 1e4 * d["y"] + 5e6, x=lambda d: 1e6 * d["x"] + 1e9)),
    )
    rows = one["term"] == "adjusted_difference"
    np.testing.assert_allclose(1e4 * one[rows]["estimate"], other[rows]["estimate"], rtol=1e-5)
    np.testing.assert_allclose(one[rows]["p_value"], other[rows]["p_value"], rtol=1e-4)


def test_yes_or_no_gives_ratios_whose_interval_is_made_on_the_logarithm():
    table = made(people(), "yes", kind="binary", method=("regression", "iptw", "aipw", "entropy"))
    ratios = table[table["term"] == "adjusted_ratio"]
    assert len(ratios) == 4
    middle = np.sqrt(ratios["conf_low"] * ratios["conf_high"])
    np.testing.assert_allclose(middle, ratios["estimate"], rtol=1e-12)


def test_a_logit_of_the_outcome_that_separates_names_its_terms():
    data = people().assign(z=lambda d: (np.arange(60) % 6 == 0).astype(int))
    data.loc[data["z"] == 1, "yes"] = 1
    table = made(data, "yes", "x + z", "binary", method=("regression", "aipw"))
    assert set(status(table).values()) == {"not_estimable"}
    reason = next(r for r in table["reason"].dropna() if r.key.endswith("separated_outcome"))
    assert reason.values["terms"] == ["z"]


def test_a_mean_of_zero_has_no_ratio():
    data = people().assign(
        count=lambda d: np.where(d["t"] == 1, np.arange(60) % 3, (np.arange(60) % 7 == 0)).astype(int)
    )
    data.loc[data["t"] == 0, "count"] = 0
    data.loc[data.index[data["t"] == 0][0], "count"] = 0
    table = made(data, "count", kind="count", method=("iptw",))
    assert reasons(table) == {"outcome_constant_in_group"}
    shifted = made(
        data.assign(count=lambda d: d["count"] + (np.arange(60) % 2)),
        "count",
        kind="count",
        method=("iptw", "regression"),
    )
    assert (shifted["term"] == "adjusted_ratio").sum() == 1


def test_categories_are_not_adjusted():
    assert reasons(made(people(), "site", kind="nominal")) == {"kind"}


def test_one_cluster_in_a_group_is_refused_and_few_clusters_have_students_law():
    table = made(people().assign(cl=lambda d: d["t"]), cluster="cl")
    assert reasons(table) == {"one_cluster_in_group"}
    few = made(people().assign(cl=np.arange(60) % 6), cluster="cl").set_index("method")
    assert few.loc["aipw", "df"] == 5
    assert few.loc["regression", "df"] < 5
    assert few.loc["matching", "reason"].key.endswith("matching_cluster")


def test_survey_weights_enter_all_but_matching():
    data = people().assign(w=lambda d: 1.0 + np.arange(60) % 4)
    weighted = made(data, weights="w")
    assert status(weighted)["matching"] == "not_estimable"
    repeated = made(data.loc[data.index.repeat(data["w"].astype(int))].reset_index(drop=True))
    for method in ("regression", "iptw", "aipw", "entropy", "ancova"):
        one, other = (
            t[(t["method"] == method) & (t["term"] == "adjusted_difference")].iloc[0]
            for t in (weighted, repeated)
        )
        assert one["estimate"] == pytest.approx(other["estimate"], rel=1e-8)


def test_trimming_is_counted_and_said():
    table = made(people(), options={"trim": 0.2})
    trimmed = table[table["term"] == "trimmed"]
    assert trimmed["part"].tolist() == ["among_treated", "among_reference"]
    assert 0 < trimmed["count"].sum() < trimmed["n"].sum() == 60
    assert all(r.key.endswith("trimmed_away") for r in trimmed["reason"] if r)
    assert table[table["method"] == "aipw"].iloc[0]["n"] == 60 - trimmed["count"].sum()
    gone = made(people(), options={"trim": 0.49})
    assert "trimmed_all" in reasons(gone)
    assert set(status(gone).values()) == {"not_estimable"}


def test_who_found_no_partner_is_counted_and_said():
    table = made(people(), method=("matching",), options={"caliper": 0.1, "replace": False})
    alone = table[table["term"] == "without_partner"].iloc[0]
    assert 0 < alone["count"] < alone["n"]
    assert alone["reason"].key.endswith("unmatched")
    matched = table[table["term"] == "adjusted_difference"].iloc[0]
    assert matched["n"] == 2 * (alone["n"] - alone["count"])
    nobody = made(people(), method=("matching",), options={"caliper": 1e-9})
    assert reasons(nobody) == {"nobody_matched"}


def test_matching_for_everybody_needs_replacement():
    assert reasons(made(people(), method=("matching",), estimand="ate", options={"replace": False})) == {
        "matching_ate"
    }
    table = made(people(), method=("matching",), estimand="ate")
    assert table["status"].eq("ok").all()
    assert "partners" in set(table["term"])


def test_partners_agree_on_exact_columns():
    data = people()
    codes = data["site"].astype("category").cat.codes.to_numpy()
    pairs = nearest(data["x"].to_numpy(), data["t"].to_numpy(dtype=bool), alike=codes)
    found = pairs.matched
    assert 0 < found.sum() < len(found)
    assert (codes[pairs.focal[pairs.link]] == codes[pairs.partner]).all()
    assert (
        status(made(data, adjust="x + site", method=("matching",), options={"exact": "site"}))["matching"]
        == "ok"
    )


def test_everybody_chooses_once_before_anybody_chooses_twice():
    pairs = nearest(
        np.array([0.0, 0.1, 0.0, 0.1, 5.0, 6.0]), np.array([1, 1, 0, 0, 0, 0], dtype=bool), ratio=2
    )
    assert [pairs.link.tolist(), pairs.partner.tolist()] == [[0, 0, 1, 1], [2, 5, 3, 4]]
    few = nearest(np.array([0.0, 0.1, 0.0]), np.array([1, 1, 0], dtype=bool), ratio=2, order="data")
    assert [few.link.tolist(), few.partner.tolist()] == [[0], [2]]
    assert few.matched.tolist() == [True, False]
    assert few.weights(3).tolist() == [1.0, 0.0, 1.0]


def test_with_replacement_partners_are_distinct_and_those_as_near_share():
    distance, focal = np.array([0.0, 0.1, 0.0, 0.1, 5.0]), np.array([1, 1, 0, 0, 0], dtype=bool)
    pairs = nearest(distance, focal, ratio=2, replace=True)
    assert [pairs.link.tolist(), pairs.partner.tolist()] == [[0, 0, 1, 1], [2, 3, 2, 3]]
    tied = nearest(np.array([0.3, 0.1, 0.5, 0.3 + 0.2]), np.array([1, 0, 0, 0], dtype=bool), replace=True)
    assert tied.partner.tolist() == [1, 2, 3]
    assert tied.share.tolist() == [1 / 3] * 3


def test_two_in_a_group_are_too_few_neighbours():
    data = people().assign(t=lambda d: (np.arange(60) < 2).astype(int))
    table = made(data, method=("matching",), estimand="ate")
    assert reasons(table) == {"too_few_neighbours"}


def test_no_p_is_zero():
    data = people(200).assign(y=lambda d: 1e6 * d["t"] + d["x"])
    data["y"] += np.random.default_rng(1).normal(size=200)
    table = made(data)
    p = table.loc[table["term"] == "adjusted_difference", "p_value"].dropna()
    assert len(p) > 3
    assert (p >= sys.float_info.min).all()


def test_one_sided_tests_point_where_they_are_asked():
    both, greater, less = (
        made(people(), method=("aipw",), alternative=a).iloc[0]["p_value"]
        for a in ("two-sided", "greater", "less")
    )
    assert greater == pytest.approx(both / 2)
    assert less == pytest.approx(1 - both / 2)


@pytest.mark.parametrize("column", ["y", "t"])
def test_adjusting_for_the_outcome_or_the_group_is_refused(column):
    with pytest.raises(InputError, match=f"adjust names .*{column}.*take it out"):
        two_groups("y", "t", data=people(), kind="continuous", adjust=f"x + {column}")


@pytest.mark.parametrize(
    ("how", "words"),
    [
        ({"method": ("magic",)}, "magic"), ({"estimand": "late"}, "estimand"), ({"options": {"calliper": 1}}, "calliper"),
        ({"options": {"trim": 0.7}}, "trim"), ({"options": {"caliper": -1}}, "caliper"), ({"options": {"ratio": 1.5}}, "ratio"),
        ({"options": {"replace": "yes"}}, "replace"), ({"options": {"order": "random"}}, "order"),
        ({"options": {"exact": ("site",)}}, "site"),
    ],
)  # fmt: skip
def test_what_is_not_known_is_refused(how, words):
    with pytest.raises(InputError, match=words):
        made(people(), **how)


def test_too_few_people_for_the_terms():
    small = people(12, 5)
    for k in range(8):
        small[f"c{k}"] = np.random.default_rng(k).normal(size=12)
    table = made(
        small, adjust=" + ".join(["x", *(f"c{k}" for k in range(8))]), method=("regression", "aipw", "ancova")
    )
    assert {"too_few"} <= reasons(table)
    small["c8"], small["c9"] = np.arange(12) % 5, np.arange(12) % 7
    more = " + ".join(["x", *(f"c{k}" for k in range(10))])
    assert reasons(made(small, adjust=more, method=("ancova",))) >= {"too_few_in_all"}


def test_every_code_has_words_in_both_languages():
    for word in WORDS:
        assert all(text(f"comparison_adjusting.{word}", lang) for lang in ("fr", "en"))


def test_two_groups_says_adjusted_and_raw_side_by_side_and_pickles():
    answer = two_groups("y", "t", data=people(), kind="continuous", adjust="x", options={"caliper": 0.01})
    assert answer.table["term"].tolist().count("adjusted_difference") == 5
    said = answer.summary("fr")
    assert "appariement" in said
    assert "n'ont pas trouvé de partenaire" in said
    assert "adjusted" not in said
    assert "iptw" not in said
    assert pickle.loads(pickle.dumps(answer)).summary("en") == answer.summary("en")


def test_few_without_a_partner_are_hidden_with_what_tells_their_number():
    table = pd.DataFrame({"term": ["adjusted_difference", "adjusted_difference", "without_partner", "trimmed"],
                          "method": ["matching", "aipw", "matching", ""]})  # fmt: skip
    assert telling(table, np.array([False, False, True, False])).tolist() == [True, False, True, False]
    assert telling(table, np.array([False, False, False, True])).tolist() == [True, True, True, False]
    data = people(300, 4).assign(t=(np.arange(300) % 5 == 0).astype(int))
    answer = two_groups(
        "y", "t", data=data, kind="continuous", adjust="x", options={"caliper": 0.02, "replace": False}
    )
    alone = answer.table.query("term == 'without_partner'")["count"].item()
    assert 0 < alone < 11
    shown = answer.publish().table.query("method == 'matching'")
    assert shown[["estimate", "n", "count", "df"]].isna().all(axis=None)
    assert f" {int(alone)} n'" not in answer.publish().summary("fr")


def test_few_trimmed_in_one_group_are_hidden_though_many_were_in_all():
    rng = np.random.default_rng(0)
    data = pd.DataFrame({"x": rng.normal(size=400)})
    data["t"] = (rng.random(400) < 1 / (1 + np.exp(-1.9 * data["x"]))).astype(int)
    data["y"] = (rng.random(400) < 0.4).astype(int)
    answer = two_groups("y", "t", data=data, adjust="x", options={"trim": 0.02})
    trimmed = answer.table.query("term == 'trimmed'")["count"]
    assert (trimmed < 11).all()
    assert trimmed.sum() >= 11
    out = answer.publish().table
    assert out.query("term == 'trimmed'")["count"].isna().all()
    assert out[out["term"].isin(["adjusted_difference", "effective_n", "without_partner"])]["n"].isna().all()


def test_trimming_is_said_though_what_is_left_is_told_apart_for_certain():
    rng = np.random.default_rng(7)
    x = rng.normal(size=24).round(1)
    t = (rng.random(24) < 1 / (1 + np.exp(-2 * x))).astype(int)
    data = pd.DataFrame({"x": x, "t": t, "y": np.tile([0.0, 1, 1, 0], 6)})
    table = two_groups("y", "t", data=data, kind="continuous", adjust="x", options={"trim": 0.3}).table
    assert table.query("term == 'trimmed'")["count"].sum() == 18
    assert (table.query("term == 'adjusted_difference'")["n"] == 6).all()


def test_a_mean_that_is_not_above_zero_has_no_ratio_and_one_cluster_no_error():
    moved = np.array([0.1, -0.1, 0.2, -0.2])
    plan = GroupPlan(kind="count")
    rows = rows_of_means(Means(1.0, -0.1, moved, 0 * moved, 4), plan, "att", "aipw", True, 1.0)
    assert [r["status"] for r in rows] == ["ok", "not_estimable"]
    assert rows[1]["reason"].key.endswith("no_ratio")
    with pytest.raises(NotEstimable, match="one_cluster"):
        Means(1.0, 0.5, moved, 0 * moved, 4, cluster=np.zeros(4, dtype=int)).spread(moved)


def test_trimming_may_leave_a_term_that_follows_from_the_others():
    data = people(200, 9).assign(far=lambda d: (np.arange(200) % 4 == 0).astype(int))
    data["t"] = np.where(data["far"] == 1, np.arange(200) % 40 != 0, np.arange(200) % 3 == 0).astype(int)
    table = made(data, adjust="x + far", method=("iptw",), options={"trim": 0.2})
    assert reasons(table) >= {"no_room"}


def test_few_people_in_a_group_are_said_to_be_few_for_an_interval():
    few = made(people(30), method=("iptw", "regression"))
    said = few[few["term"] == "adjusted_difference"].set_index("method")["reason"]
    assert said["iptw"].key.endswith("few_people")
    assert said["regression"] is None
    assert made(people(200), method=("iptw",))["reason"].isna().all()


def test_a_chance_that_cannot_be_told_from_one_has_no_weight():
    # One person on the wrong side keeps the groups from separating; thousands of far ones make the slope steep.
    x = np.r_[np.linspace(-1, 1, 200), 0.001, -0.001, 1e4, -1e4]
    data = pd.DataFrame({"x": x, "t": (x > 0).astype(int), "y": np.sin(np.arange(204.0))})
    data.loc[[200, 201], "t"] = [0, 1]
    assert reasons(made(data, method=("iptw",))) == {"certain"}
