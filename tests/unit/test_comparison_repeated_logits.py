"""Conditional and Firth's logit, ANCOVA, separation: exact where it can be, said where it cannot."""

import itertools
import re

import numpy as np
import pandas as pd
import pytest
from scipy.optimize import minimize

from evalkit.comparison import ancova, conditional_logit, firth_logit
from evalkit.comparison.repeated.likelihood import conditional, exact_law
from evalkit.errors import InputError
from evalkit.numerics.firth import firth_fit, firth_interval
from evalkit.numerics.proportions import mcnemar_exact
from evalkit.numerics.separation import separated


def pairs(gained, lost, still=5):
    """People before and after: those who gained, lost, and stayed at no."""
    answers = [(0, 1)] * gained + [(1, 0)] * lost + [(0, 0)] * still
    return pd.DataFrame({
        "who": np.repeat(np.arange(len(answers)), 2), "after": [0, 1] * len(answers), "yes": np.ravel(answers)
    })  # fmt: skip


def first(fit, term, method=None):
    """Return one row of a fit."""
    rows = fit.tidy()
    rows = rows[rows["term"] == term]
    return (rows if method is None else rows[rows["method"] == method]).iloc[0]


# -- conditional logit -----------------------------------------------------------------------------------------------------
@pytest.mark.parametrize(("gained", "lost"), [(9, 3), (1, 5), (20, 19)])
def test_before_and_after_is_mcnemar(gained, lost):
    fit = conditional_logit(pairs(gained, lost), "yes", "after", person="who")
    row = first(fit, "after", "wald")
    assert row["estimate"] == pytest.approx(np.log(gained / lost), rel=1e-10)
    assert row["std_error"] == pytest.approx(np.sqrt(1 / gained + 1 / lost), rel=1e-8)
    exact = first(fit, "exact_test")
    assert exact["p_value"] == pytest.approx(mcnemar_exact(lost, gained), rel=1e-10)
    assert exact["p_floor"] == pytest.approx(2 * 0.5 ** (gained + lost), rel=1e-8)
    assert first(fit, "persons_never_change")["count"] == 5


def test_all_one_way_is_not_estimable_and_the_exact_test_stands():
    fit = conditional_logit(pairs(8, 0), "yes", "after", person="who")
    row = first(fit, "after")
    assert row["status"] == "not_estimable"
    assert np.isnan(row["estimate"])
    exact = first(fit, "exact_test")
    assert exact["p_value"] == pytest.approx(2 * 0.5**8)
    assert np.isinf(exact["conf_high"])
    assert exact["conf_low"] > 0


def test_nobody_who_changes_is_a_reason():
    fit = conditional_logit(pairs(0, 0), "yes", "after", person="who")
    assert "nobody changes" in first(fit, "after")["reason"]
    assert first(fit, "persons_informative")["count"] == 0
    same = conditional_logit(pairs(5, 3).assign(after=1), "yes", "after", person="who")
    assert first(same, "after")["status"] == "not_estimable"


def test_a_floor_above_the_level_is_said():
    fit = conditional_logit(pairs(3, 1), "yes", "after", person="who")
    assert any(c.key == "comparison_repeated.floor_binds" for c in fit.caveats)
    assert "0.125" in fit.summary("en")
    assert not any(c.key == "comparison_repeated.floor_binds" for c in fit.publish().caveats)


def test_the_exact_law_is_that_of_every_arrangement():
    rng = np.random.default_rng(7)
    who = np.repeat(np.arange(3), [4, 3, 5])
    x, y = rng.integers(0, 2, 12), rng.integers(0, 2, 12)
    law = exact_law(x, y, who)
    sums = []
    for arrangement in itertools.product(*(set(itertools.permutations(y[who == k])) for k in range(3))):
        sums.append(int(np.concatenate(arrangement) @ x))
    values, counts = np.unique(sums, return_counts=True)
    assert law.values.tolist() == values.tolist()
    assert law.probabilities().tolist() == pytest.approx((counts / counts.sum()).tolist(), rel=1e-10)
    low, high = law.interval(0.9)
    at = law.seen - law.least
    if np.isfinite(low):
        assert law.probabilities(low)[at:].sum() == pytest.approx(0.05)
    if np.isfinite(high):
        assert law.probabilities(high)[: at + 1].sum() == pytest.approx(0.05)


def test_the_likelihood_is_that_of_every_choice():
    rng = np.random.default_rng(8)
    who = np.repeat(np.arange(4), [5, 4, 4, 3])
    x, y = rng.normal(size=(16, 2)), np.array([1, 1, 0, 0, 0, 1, 0, 0, 0, 1, 1, 1, 0, 1, 0, 0.0])
    like, beta = conditional(x, y, who), np.array([0.7, -1.2])

    def brute(b):
        total = 0.0
        for k in range(4):
            eta, yes = x[who == k] @ b, y[who == k]
            all_sums = [sum(eta[list(c)]) for c in itertools.combinations(range(len(eta)), int(yes.sum()))]
            total += yes @ eta - np.log(np.exp(all_sums).sum())
        return total

    value, score, information = like(beta)
    assert value == pytest.approx(brute(beta), rel=1e-12)
    step = 1e-5
    for k in range(2):
        e = step * np.eye(2)[k]
        assert score[k] == pytest.approx((brute(beta + e) - brute(beta - e)) / (2 * step), rel=1e-7)
        assert -information[k] == pytest.approx(
            (like(beta + e)[1] - like(beta - e)[1]) / (2 * step), rel=1e-7
        )


def test_columns_beside_a_separated_one_have_their_limit():
    rng = np.random.default_rng(3)
    n = 120
    who = np.repeat(np.arange(n), 4)
    data = pd.DataFrame({"who": who, "x": rng.normal(size=4 * n), "g": rng.integers(0, 2, 4 * n)})
    linear = rng.normal(size=n)[who] + 0.5 * data["x"]
    data["yes"] = np.where(data["g"] == 1, 1, rng.random(4 * n) < 1 / (1 + np.exp(-linear))).astype(int)
    fit = conditional_logit(data, "yes", "x + g", person="who")
    assert first(fit, "g")["status"] == "not_estimable"
    used = data.groupby("who")["yes"].transform("nunique") == 2
    like = conditional(
        data.loc[used, ["x", "g"]].to_numpy(float),
        data.loc[used, "yes"].to_numpy(float),
        data.loc[used, "who"].to_numpy(),
    )
    # With the coefficient of g very large the likelihood of x is the limit.
    far = minimize(lambda b: -like(np.array([b[0], 25.0]))[0], [0.0], method="BFGS", options={"gtol": 1e-9})
    assert first(fit, "x")["estimate"] == pytest.approx(far.x[0], rel=1e-5)
    assert "model_test" not in fit.tidy()["term"].tolist()


def test_what_does_not_vary_within_people_is_named():
    data = pairs(5, 3).assign(group=lambda d: d["who"] % 2, twice=lambda d: d["after"] * 2)
    fit = conditional_logit(data, "yes", "after + group + twice", person="who")
    assert "varies within none" in first(fit, "group")["reason"]
    assert "repeats other columns" in first(fit, "twice")["reason"]
    assert first(fit, "after")["status"] == "ok"


@pytest.mark.parametrize(("by", "shift"), [(1e150, 0.0), (1e-150, 0.0), (1.0, 1e6)])
def test_conditional_logit_in_other_units(by, shift):
    rng = np.random.default_rng(4)
    data = pd.DataFrame(
        {"who": np.repeat(np.arange(30), 3), "x": rng.normal(size=90), "yes": rng.integers(0, 2, 90)}
    )
    plain = first(conditional_logit(data, "yes", "x", person="who"), "x")
    other = first(conditional_logit(data.assign(x=by * data["x"] + shift), "yes", "x", person="who"), "x")
    for name in ("estimate", "std_error", "conf_low", "conf_high"):
        assert other[name] * by == pytest.approx(plain[name], rel=1e-6), name
    assert other["p_value"] == pytest.approx(plain["p_value"], rel=1e-6)


def test_few_who_moved_one_way_do_not_leave():
    fit = conditional_logit(pairs(20, 4, 30), "yes", "after", person="who").publish()
    rows = fit.tidy()
    assert rows[rows["term"].isin(["after", "exact_test", "model_test"])]["p_value"].isna().all()
    assert (
        conditional_logit(pairs(20, 14, 30), "yes", "after", person="who")
        .publish()
        .tidy()["p_value"]
        .notna()
        .any()
    )


def test_how_many_always_say_yes_does_not_follow_from_a_total():
    data = pairs(20, 14, 30)
    more = pd.DataFrame({"who": np.repeat(np.arange(100, 105), 2), "after": [0, 1] * 5, "yes": 1})
    fit = conditional_logit(pd.concat([data, more]), "yes", "after", person="who")
    assert "always yes, 5; always no, 30" in fit.summary("en")
    published = fit.publish().summary("en")
    assert "35 of 69 people never change" in published
    assert "always no" not in published
    assert "always no, 30" in conditional_logit(data, "yes", "after", person="who").publish().summary("en")


# -- Firth -------------------------------------------------------------------------------------------------------------------
def test_firth_of_two_groups_adds_one_half_to_each_cell():
    data = pd.DataFrame({"g": [0] * 12 + [1] * 9, "yes": [1] * 3 + [0] * 9 + [1] * 9})
    fit = firth_logit(data, "yes", "g")
    assert first(fit, "g")["estimate"] == pytest.approx(np.log((9.5 / 0.5) / (3.5 / 9.5)), rel=1e-9)
    assert any(c.key == "comparison_repeated.firth_separated" for c in fit.caveats)
    flic = first(fit, "intercept_for_predictions")["estimate"]
    both = 12 / (1 + np.exp(-flic)) + 9 / (1 + np.exp(-flic - first(fit, "g")["estimate"]))
    assert both == pytest.approx(12, rel=1e-10)


def test_weights_of_firth_are_how_often_a_row_is_there():
    rng = np.random.default_rng(1)
    data = pd.DataFrame(
        {"x": rng.normal(size=30), "yes": rng.integers(0, 2, 30), "times": rng.integers(1, 4, 30)}
    )
    weighted = firth_logit(data, "yes", "x", weights="times").tidy()
    spelled = firth_logit(data.loc[data.index.repeat(data["times"])], "yes", "x").tidy()
    columns = ["estimate", "std_error", "statistic", "conf_low", "conf_high"]
    np.testing.assert_allclose(
        weighted.loc[:1, columns].astype(float), spelled.loc[:1, columns].astype(float), rtol=1e-8
    )


def test_firth_ends_lie_where_the_penalised_likelihood_has_fallen():
    rng = np.random.default_rng(5)
    x = np.column_stack([np.ones(40), rng.normal(size=40), rng.integers(0, 2, 40)])
    y = (rng.random(40) < 0.3).astype(float)
    fit = firth_fit(x, y)
    for end in firth_interval(fit, x, y, None, 1, 0.9):
        fallen = 2 * (fit.log_likelihood - firth_fit(x, y, fixed={1: end}).log_likelihood)
        assert fallen == pytest.approx(2.705543454095414, rel=1e-7)


def test_firth_at_the_edges():
    one = firth_logit(pd.DataFrame({"x": [1.0], "yes": [0]}), "yes", "x")
    assert first(one, "x")["status"] == "not_estimable"
    assert first(one, "constant")["estimate"] == pytest.approx(np.log(0.5 / 1.5))
    alike = firth_logit(pd.DataFrame({"x": [0, 1, 1, 0], "yes": 1}), "yes", "x")
    assert any(c.key == "comparison_repeated.firth_all_alike" for c in alike.caveats)
    assert "intercept_for_predictions" not in alike.tidy()["term"].tolist()
    with pytest.raises(InputError, match="repeat one another"):
        firth_fit(np.ones((4, 2)), np.array([0, 1, 0, 1.0]))
    with pytest.raises(InputError, match="must hold 0 and 1"):
        firth_logit(pd.DataFrame({"x": [1.0, 2], "yes": [0, 2]}), "yes", "x")


def test_complete_separation_has_finite_ends():
    x = np.linspace(-2, 2, 12)
    fit = firth_logit(pd.DataFrame({"x": x, "yes": (x > 0).astype(int)}), "yes", "x")
    row = first(fit, "x")
    assert 0 < row["conf_low"] < row["estimate"] < row["conf_high"]
    assert row["p_value"] < 0.05


def test_a_small_group_that_all_says_yes_is_not_given_away():
    data = pd.DataFrame({"g": [0] * 60 + [1] * 6, "yes": [0, 1] * 30 + [1] * 6})
    fit = firth_logit(data, "yes", "g").publish()
    assert np.isnan(first(fit, "g")["estimate"])
    assert not any(c.key == "comparison_repeated.firth_separated" for c in fit.caveats)


# -- separation ----------------------------------------------------------------------------------------------------------------
def test_separation_names_the_columns():
    x = np.column_stack([np.ones(8), [0, 0, 0, 0, 1, 1, 1, 1], [1, 2, 3, 4, 1, 2, 3, 4]])
    assert separated(x, np.array([0, 1, 0, 1, 1, 1, 1, 1])).tolist() == [False, True, False]
    assert separated(x, np.array([0, 1, 0, 1, 0, 1, 0, 1])).tolist() == [False, False, False]
    assert separated(x, np.array([0, 0, 1, 1, 0, 0, 1, 1])).tolist() == [True, True, True]
    assert separated(x, np.ones(8)).tolist() == [True, True, True]
    counts = np.array([3, 1, 2, 4, 0, 0, 0, 0])
    assert separated(x, counts, "poisson").tolist() == [False, True, False]
    assert separated(x * [1, 1e12, 1e-9], np.array([0, 1, 0, 1, 1, 1, 1, 1])).tolist() == [False, True, False]
    assert separated(x, np.arange(1, 9), "poisson").tolist() == [False, False, False]


def test_separation_refuses_what_is_no_matrix():
    with pytest.raises(InputError, match="matrix of finite numbers"):
        separated(np.ones(3), np.ones(3))
    with pytest.raises(InputError, match="family"):
        separated(np.ones((3, 1)), np.ones(3), "gaussian")


# -- ANCOVA ----------------------------------------------------------------------------------------------------------------------
def wide(n=40, seed=1):
    """Two groups of people before and after."""
    rng = np.random.default_rng(seed)
    group = np.repeat([0, 1], n // 2)
    before = rng.normal(size=n) + 0.5 * group
    return pd.DataFrame(
        {
            "g": group,
            "before": before,
            "after": 0.6 * before + 0.4 * group + rng.normal(size=n),
            "age": rng.normal(size=n),
        }
    )


def test_after_alone_and_changes_are_welchs_test():
    data = wide()
    fit = ancova(data, "before", "after", "g")
    for method, values in (("post_only", data["after"]), ("change_score", data["after"] - data["before"])):
        one, other = values[data["g"] == 1], values[data["g"] == 0]
        row = first(fit, "effect", method)
        assert row["estimate"] == pytest.approx(one.mean() - other.mean())
        assert row["std_error"] == pytest.approx(np.sqrt(one.var() / 20 + other.var() / 20), rel=1e-10)
    assert first(fit, "relative_variance", "change_score")["estimate"] > 0


def test_lords_paradox_is_said_unless_groups_were_drawn_by_lot():
    keys = {c.key for c in ancova(wide(), "before", "after", "g").caveats}
    assert {f"comparison_repeated.{k}" for k in ("lord", "lord_gap", "not_by_lot")} <= keys
    keys = {c.key for c in ancova(wide(), "before", "after", "g", by_lot=True).caveats}
    assert "comparison_repeated.by_lot" in keys
    assert "comparison_repeated.lord" not in keys


def test_reference_turns_the_sign_and_groups_may_be_text():
    data = wide().assign(g=lambda d: d["g"].map({0: "test", 1: "control"}))
    one = first(ancova(data, "before", "after", "g", reference="test"), "effect", "ancova_lin")
    other = first(ancova(data, "before", "after", "g", reference="control"), "effect", "ancova_lin")
    assert one["estimate"] == pytest.approx(-other["estimate"], rel=1e-10)
    assert one["std_error"] == pytest.approx(other["std_error"], rel=1e-10)


def test_ancova_in_other_units():
    plain = ancova(wide(), "before", "after", "g", adjust="age")
    huge = ancova(
        wide().assign(after=lambda d: d["after"] * 1e100, before=lambda d: d["before"] * 1e-50),
        "before",
        "after",
        "g",
        adjust="age",
    )
    for method in ("post_only", "ancova", "ancova_lin"):
        assert first(huge, "effect", method)["p_value"] == pytest.approx(
            first(plain, "effect", method)["p_value"], rel=1e-7
        )


@pytest.mark.parametrize(("change", "stopped"), [
    ({"after": lambda d: d["before"]}, ("change_score", "ancova", "ancova_lin")),
    ({"after": 1.0}, ("post_only", "ancova", "ancova_lin")),
])  # fmt: skip
def test_what_does_not_vary_is_no_certainty(change, stopped):
    fit = ancova(wide().assign(**change), "before", "after", "g")
    effects = fit.tidy().query("term == 'effect'").set_index("method")
    assert effects.loc[list(stopped), "status"].eq("not_estimable").all()
    assert effects.loc[list(stopped), "p_value"].isna().all()
    assert effects["status"].eq("ok").sum() == 4 - len(stopped)


def test_ancova_with_one_treated_or_a_constant_before():
    data = wide()
    alone = ancova(data[(data["g"] == 0) | (data.index == 39)], "before", "after", "g")
    assert alone.tidy().query("term == 'effect'")["status"].eq("not_estimable").all()
    assert np.isnan(first(alone.publish(), "effect")["estimate"])
    assert not any(c.key == "comparison_repeated.lord_gap" for c in alone.publish().caveats)
    flat = ancova(data.assign(before=2.0), "before", "after", "g")
    assert first(flat, "slope_before")["status"] == "not_estimable"
    assert first(flat, "correlation_before_after")["status"] == "not_estimable"
    assert first(flat, "effect", "ancova")["estimate"] == pytest.approx(
        first(flat, "effect", "post_only")["estimate"]
    )
    exact = ancova(data.assign(after=lambda d: 2 * d["before"]), "before", "after", "g")
    assert first(exact, "correlation_before_after")["estimate"] == pytest.approx(1.0)


def test_ends_of_the_scale_are_counted_and_said():
    data = wide().assign(
        after=lambda d: d["after"].clip(upper=0.5), before=lambda d: d["before"].clip(lower=-0.2)
    )
    fit = ancova(data, "before", "after", "g")
    keys = {c.key for c in fit.caveats}
    high = first(fit, "at_highest_after")
    assert high["count"] == int((data["after"] == max(data["after"].max(), data["before"].max())).sum())
    assert ("comparison_repeated.many_at_highest" in keys) == (
        high["count"] >= 6 or first(fit, "at_highest_before")["count"] >= 6
    )
    codes = set(re.findall(r"\b[a-z]+_[a-z_]+\b", fit.summary("fr") + fit.summary("en")))
    assert not codes - {"not_estimable"}


def test_missing_people_are_counted_by_group_and_date():
    data = wide()
    data.loc[[1, 2], "after"] = np.nan
    data.loc[30, "before"] = np.nan
    with pytest.raises(InputError, match="after is missing in 2 of 40 rows"):
        ancova(data, "before", "after", "g")
    rows = ancova(data, "before", "after", "g", missing="drop").tidy()

    def count(term, part):
        return rows[(rows["term"] == term) & (rows["part"] == part)]["count"].item()

    assert count("missing_after", "g[0]") == 2
    assert count("missing_before", "g[1]") == 1
    assert [count("people_in_group", f"g[{k}]") for k in (0, 1)] == [18, 19]


@pytest.mark.parametrize(("how", "said"), [
    ({"after": "binary"}, "holds two values only"),
    ({"group": "age"}, "exactly two groups"),
    ({"before": "after"}, "must be three columns"),
    ({"adjust": "before + age"}, "cannot stand in adjust"),
    ({"by_lot": "yes"}, "by_lot: must be True or False"),
    ({"group": 1}, "named by text"),
    ({"reference": 7}, "no value of g"),
])  # fmt: skip
def test_ancova_refuses_in_words(how, said):
    asked = {"before": "before", "after": "after", "group": "g"} | how
    with pytest.raises(InputError, match=re.escape(said)):
        ancova(wide().assign(binary=lambda d: (d["age"] > 0).astype(int)), **asked)


@pytest.mark.parametrize(("size", "answer"), [((20, 24), 0), ((16, 8), 1), ((5, 5), 0)])
def test_firth_has_limits_at_a_high_level_when_everybody_answers_alike(size, answer):
    from evalkit.comparison import firth_logit

    people = pd.DataFrame({"g": np.repeat([0, 1], size), "y": answer})
    found = firth_logit(people, "y", "g", conf_level=0.999).table.set_index("term").loc["g"]
    # With half a person added to each cell of two groups, Firth's estimate has a closed form.
    said = [(n * answer + 0.5) / (n * (1 - answer) + 0.5) for n in size]
    assert found["estimate"] == pytest.approx(np.log(said[1] / said[0]), abs=1e-9)
    assert found["conf_low"] < -5 < 5 < found["conf_high"]
