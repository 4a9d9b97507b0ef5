"""Repeated measures at the edges: what cannot be estimated is said, what is wrong in the data is refused in words."""

import pickle
import re

import numpy as np
import pandas as pd
import pytest
import statsmodels.api as sm

from evalkit.comparison import conditional_logit, firth_logit, gee, mixed_model
from evalkit.errors import InputError


def long(n=12, seed=5):
    """People at three dates: a score, a yes or no, a count, a covariate, a group."""
    rng = np.random.default_rng(seed)
    who = np.repeat(np.arange(n), 3)
    level = rng.normal(size=n)[who]
    return pd.DataFrame({
        "who": who, "m": np.tile([1, 2, 3], n), "y": level + rng.normal(size=3 * n), "b": rng.integers(0, 2, 3 * n),
        "c": rng.poisson(1, 3 * n), "x": rng.normal(size=3 * n), "t": who % 2,
    })  # fmt: skip


MODELS = {
    "gee": lambda data, formula="C(m)", **how: gee(data, "y", formula, person="who", time="m", **how),
    "mixed": lambda data, formula="C(m)", **how: mixed_model(
        data, "y", formula, person="who", time="m", **how
    ),
}
both = pytest.mark.parametrize("model", MODELS.values(), ids=MODELS)


def coefficients(fit):
    """Return the rows of coefficients by term."""
    rows = fit.tidy()
    return rows[(rows["part"] == "") & rows["time"].isna()].drop_duplicates("term").set_index("term")


def figures(fit):
    """Return the numbers of a fit."""
    return fit.tidy()[["estimate", "std_error", "df", "p_value", "conf_low", "conf_high"]].to_numpy(
        dtype=float
    )


def speaks(fit):
    """Return the summaries in both languages, once the answer was pickled and published; no code may be left in either."""
    pickle.loads(pickle.dumps(fit)).tidy()
    published = fit.publish()
    said = [f.summary(lang) for f in (fit, published) for lang in ("fr", "en")]
    codes = re.compile(r"\b[a-z]+_[a-z_0-9]+\b")
    for text in said:
        left = set(codes.findall(text)) - {"firth_logit", "not_estimable"}
        assert not left, left
    return said


# -- nothing to estimate ---------------------------------------------------------------------------------------------------
def test_one_date_per_person_is_an_ordinary_regression_for_gee_and_nothing_for_the_mixed_model():
    one = long()[lambda d: d["m"] == 1]
    fit = gee(one, "y", "x", person="who", working="exchangeable")
    plain = sm.OLS(one["y"], sm.add_constant(one["x"])).fit(cov_type="HC2")
    assert coefficients(fit).loc["x", ["estimate", "std_error"]].tolist() == pytest.approx(
        [plain.params["x"], plain.bse["x"]], rel=1e-10
    )
    assert any(c.key == "comparison_repeated.once_each" for c in fit.caveats)
    mixed = coefficients(mixed_model(one, "y", "x", person="who"))
    assert mixed.loc["x", "status"] == "not_estimable"
    assert "one row only" in mixed.loc["x", "reason"]


@both
def test_one_person_has_no_precision(model):
    fit = model(long()[lambda d: d["who"] == 0], "m")
    rows = coefficients(fit)
    assert rows.loc[["constant", "m"], "status"].eq("not_estimable").all()
    assert rows["p_value"].isna().all()
    assert len(speaks(fit)) == 4


@both
def test_a_constant_outcome_is_no_certainty(model):
    for value in (3.0, 0.0, 1e9):
        rows = coefficients(model(long().assign(y=value)))
        assert rows.loc[["constant", "m[2]"], "status"].eq("not_estimable").all()
        assert rows["p_value"].isna().all()


def test_outcomes_that_never_change_have_no_precise_change():
    rows = coefficients(gee(long().assign(y=lambda d: d["who"] * 1.0), "y", "C(m)", person="who"))
    assert rows.loc["m[2]", "status"] == "not_estimable"
    assert rows.loc["constant", "status"] == "ok"
    mixed = coefficients(mixed_model(long().assign(y=lambda d: d["who"] * 1.0), "y", "C(m)", person="who"))
    assert "varies within nobody" in mixed.loc["m[2]", "reason"]


def test_a_treatment_that_one_person_has_is_refused_and_not_published():
    data = long(30).assign(t=lambda d: (d["who"] == 0).astype(int))
    fit = gee(data, "y", "C(m) + t", person="who", time="m")
    rows = coefficients(fit)
    assert rows.loc["t", "status"] == "not_estimable"
    assert "single person" in rows.loc["t", "reason"]
    assert rows.loc["m[2]", "status"] == "ok"
    published = coefficients(fit.publish())
    assert published.loc["t", "status"] == "suppressed"
    assert np.isnan(published.loc["t", "estimate"])
    assert not any("“t”" in c.text("en") for c in fit.publish().caveats)


# -- separation ------------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("working", ["independence", "exchangeable", "ar1"])
def test_separation_is_named_where_statsmodels_gives_a_coefficient_of_fifty(working):
    data = long(40).assign(b=lambda d: d["b"].where(d["t"] == 0, 1))
    fit = gee(data, "b", "C(m) + t", person="who", time="m", family="binomial", working=working)
    rows = coefficients(fit)
    assert rows.loc["t", "status"] == "not_estimable"
    assert "separates" in rows.loc["t", "reason"]
    assert rows.loc[["constant", "m[2]", "m[3]"], "status"].eq("ok").all()
    assert any(c.key == "comparison_repeated.explained" for c in fit.caveats)
    # What is left is the fit of those whom the column does not explain.
    alone = gee(data[data["t"] == 0], "b", "C(m)", person="who", time="m", family="binomial", working=working)
    for name in ("estimate", "std_error", "df"):
        assert rows.loc["m[2]", name] == pytest.approx(coefficients(alone).loc["m[2]", name], rel=1e-8)


def test_all_alike_and_all_zero_are_said():
    for outcome, family in (("b", "binomial"), ("c", "poisson")):
        data = long().assign(b=1, c=0)
        fit = gee(data, outcome, "C(m)", person="who", time="m", family=family, working="exchangeable")
        assert coefficients(fit)["status"].loc[["constant", "m[2]", "m[3]"]].eq("not_estimable").all()
        assert len(speaks(fit)) == 4


def test_a_date_without_any_event_has_no_ratio():
    data = long(40).assign(c=lambda d: d["c"].where(d["m"] != 3, 0))
    fit = gee(data, "c", "C(m)", person="who", time="m", family="poisson")
    rows = coefficients(fit)
    assert rows.loc["m[3]", "status"] == "not_estimable"
    assert rows.loc["m[2]", "status"] == "ok"
    table = fit.tidy()
    assert table[(table["term"] == "mean") & (table["time"] == 3)]["status"].item() == "not_estimable"
    assert table[(table["term"] == "mean") & (table["time"] == 2)]["status"].item() == "ok"


# -- the columns -----------------------------------------------------------------------------------------------------------
@both
def test_a_column_that_repeats_others_is_left_out_and_the_means_stand(model):
    data = long().assign(twice=lambda d: 2 * d["x"])
    fit, plain = model(data, "x + twice + C(m)"), model(data, "x + C(m)")
    rows, without = coefficients(fit), coefficients(plain)
    assert rows.loc["twice", "status"] == "not_estimable"
    assert rows.loc["x", "std_error"] == pytest.approx(without.loc["x", "std_error"], rel=1e-8)
    means = [f.tidy().query("term == 'mean'")["std_error"].tolist() for f in (fit, plain)]
    assert means[0] == pytest.approx(means[1], rel=1e-8)


@both
def test_units_change_nothing_but_units(model):
    data = long()
    plain = coefficients(model(data, "x + C(m)"))
    for of_y, of_x in ((1e150, 1e-150), (1e-120, 1e100), (1000.0, 0.001)):
        huge = coefficients(model(data.assign(y=data["y"] * of_y, x=data["x"] * of_x), "x + C(m)"))
        for name in ("df", "p_value", "statistic"):
            assert huge.loc["x", name] == pytest.approx(plain.loc["x", name], rel=1e-6), (of_y, name)
        assert huge.loc["x", "estimate"] / (of_y / of_x) == pytest.approx(
            plain.loc["x", "estimate"], rel=1e-6
        )
    shifted = coefficients(model(data.assign(y=data["y"] + 1e9), "x + C(m)"))
    assert shifted.loc["x", "estimate"] == pytest.approx(plain.loc["x", "estimate"], abs=1e-6)


@both
def test_dates_may_be_text_categories_or_days_of_the_calendar(model):
    data = long()
    plain = figures(model(data))
    text = data.assign(m=data["m"].map({1: "a", 2: "b", 3: "c"}))
    unused = text.assign(m=pd.Categorical(text["m"], ["a", "b", "c", "never"]))
    days = data.assign(m=pd.to_datetime("2010-09-01") + pd.to_timedelta(data["m"], unit="D"))
    for other in (text, unused, days):
        np.testing.assert_allclose(figures(model(other)), plain, rtol=1e-9)
    assert "m[2010-09-03]" in coefficients(model(days)).index


@both
def test_rows_in_any_order_with_any_index_and_nullable_columns(model):
    data = long()
    plain = figures(model(data, "C(m) * t", by="t"))
    mixed_up = data.sample(frac=1, random_state=1)
    nullable = data.convert_dtypes()
    named = data.assign(who="p" + (999 - data["who"]).astype(str))
    for other in (mixed_up, nullable, named, data.set_index(pd.Index(range(100, 136)))):
        np.testing.assert_allclose(figures(model(other, "C(m) * t", by="t")), plain, rtol=1e-8)


# -- refused in words ------------------------------------------------------------------------------------------------------
@both
def test_a_person_twice_at_a_date_is_named(model):
    data = long()
    with pytest.raises(InputError, match=r"2 rows repeat a person at the same date \(0 at 1, 0 at 2\)"):
        model(pd.concat([data, data.head(2)]))


@both
def test_missing_rows_are_refused_or_counted(model):
    data = long().assign(y=lambda d: d["y"].where(d["who"] != 3))
    with pytest.raises(InputError, match="y is missing in 3 of 36 rows"):
        model(data)
    fit = model(data, missing="drop")
    said = " ".join(c.text("en") for c in fit.caveats)
    assert "Rows left out because 'y' is missing there: 3" in said
    assert "1 person has no complete row left" in said
    assert fit.tidy().set_index("term").loc["persons", ["count", "n"]].tolist() == [11, 12]


@pytest.mark.parametrize(("how", "said"), [
    ({"family": "gamma"}, "family: must be one of"),
    ({"working": "unstructured"}, "working: must be one of"),
    ({"covariance": "HC3"}, "covariance: must be one of"),
    ({"conf_level": 95}, "conf_level"),
    ({"outcome": "who_knows"}, "no column"),
    ({"formula": "y"}, "cannot stand in its own formula"),
    ({"outcome": "c", "family": "binomial"}, "must hold 0 and 1"),
    ({"family": "poisson"}, "must hold counts"),
    ({"working": "ar1"}, "needs time="),
    ({"weights": "zero"}, "zero or negative in 36 of 36 rows"),
    ({"by": "t"}, "must stand in the formula"),
    ({"person": 3}, "named by text"),
    ({"time": "mixed"}, "no order"),
])  # fmt: skip
def test_gee_refuses_in_words(how, said):
    data = long().assign(zero=0, mixed=[1, "a", 2] * 12)
    asked = {"outcome": "y", "formula": "x", "person": "who"} | how
    outcome, formula = asked.pop("outcome"), asked.pop("formula")
    with pytest.raises(InputError, match=re.escape(said)):
        gee(data, outcome, formula, **asked)


@pytest.mark.parametrize(("how", "said"), [
    ({"df": "between_within"}, "df: must be one of"),
    ({"df": "kenward_roger", "reml": False}, "need reml=True"),
    ({"slope": "label"}, "label must hold numbers"),
    ({"by": "t"}, "must stand in the formula"),
])  # fmt: skip
def test_mixed_model_refuses_in_words(how, said):
    with pytest.raises(InputError, match=said):
        mixed_model(long().assign(label="a"), "y", "x", person="who", **how)


def test_slopes_need_dates_and_variation():
    data = long()
    two = mixed_model(data[data["m"] < 3], "y", "m", person="who", slope="m")
    assert "too few dates per person" in coefficients(two).loc["m", "reason"]
    same = mixed_model(data, "y", "m", person="who", slope="t")
    assert "no slope to estimate" in coefficients(same).loc["m", "reason"]
    few = mixed_model(data.head(3), "y", "m + x", person="who")
    assert coefficients(few).loc["m", "status"] == "not_estimable"


# -- what the models say ---------------------------------------------------------------------------------------------------
def test_a_variance_of_zero_between_people_is_said_and_its_interval_reaches_zero():
    rng = np.random.default_rng(2)
    data = long().assign(y=lambda d: rng.normal(size=36))
    data["y"] -= data.groupby("who")["y"].transform("mean")
    fit = mixed_model(data, "y", "C(m)", person="who")
    rows = coefficients(fit)
    assert rows.loc["sd_person", ["estimate", "conf_low"]].tolist() == [0.0, 0.0]
    assert rows.loc["sd_person", "conf_high"] > 0
    assert rows.loc["icc", "estimate"] == 0.0
    assert any(c.key == "comparison_repeated.singular" for c in fit.caveats)
    plain = sm.OLS(data["y"], np.ones(36)).fit()
    assert abs(rows.loc["sd_residual", "estimate"] - np.sqrt(plain.mse_resid)) < 0.1
    satterthwaite = coefficients(mixed_model(data, "y", "C(m)", person="who", df="satterthwaite"))
    assert np.isfinite(satterthwaite.loc["m[2]", "df"])


def test_a_slope_without_variance_is_said():
    data = long(20, seed=3).assign(y=lambda d: d["x"] + 0.1 * d["m"])
    fit = mixed_model(data, "y", "m", person="who", slope="m")
    rows = coefficients(fit)
    assert rows.loc["m", "status"] == "ok"
    assert any(c.key == "comparison_repeated.singular_slope" for c in fit.caveats)
    assert len(speaks(fit)) == 4


def test_balanced_mixed_model_is_the_paired_t_test():
    data = long()[lambda d: d["m"] < 3]
    wide = data.pivot(index="who", columns="m", values="y")
    gap = wide[2] - wide[1]
    row = coefficients(mixed_model(data, "y", "C(m)", person="who")).loc["m[2]"]
    assert [row["estimate"], row["std_error"], row["df"]] == pytest.approx(
        [gap.mean(), gap.std() / np.sqrt(12), 11], rel=1e-8
    )
    robust = coefficients(mixed_model(data, "y", "C(m)", person="who", robust=True)).loc["m[2]"]
    assert robust["std_error"] == pytest.approx(row["std_error"], rel=1e-8)


def test_mancl_derouen_is_statsmodels_bias_reduced():
    data = long(30)
    for family, outcome in (("binomial", "b"), ("poisson", "c")):
        ours = coefficients(
            gee(data, outcome, "x + t", person="who", family=family, working="exchangeable", covariance="CR3")
        )
        model = sm.GEE(
            data[outcome], sm.add_constant(data[["x", "t"]]), data["who"],
            family=getattr(sm.families, family.capitalize())(), cov_struct=sm.cov_struct.Exchangeable(),
        )  # fmt: skip
        theirs = model.fit(ctol=1e-12, maxiter=500, params_niter=1, cov_type="bias_reduced")
        # statsmodels stops on the score; ours on the step.
        assert ours.loc[["constant", "x", "t"], "estimate"].tolist() == pytest.approx(
            theirs.params.tolist(), rel=1e-6
        )
        assert ours.loc[["constant", "x", "t"], "std_error"].tolist() == pytest.approx(
            theirs.bse.tolist(), rel=1e-5
        )


def test_ar1_counts_the_dates_between_where_statsmodels_counts_rows():
    # Everybody lacks the middle date: rows are two dates apart, and no pair is one date apart.
    data = long()[lambda d: d["m"] != 2]
    seen = pd.concat([data, long(13)[lambda d: (d["who"] == 12) & (d["m"] == 2)]])
    fit = gee(seen, "y", "m", person="who", time="m", working="ar1")
    assert fit.tidy().set_index("term").loc["correlation", "estimate"] == 0.0


def test_too_few_pairs_and_impossible_correlations_are_reasons():
    data = long(3).query("m < 3 and (who == 0 or m == 1)")
    few = coefficients(gee(data, "y", "x", person="who", working="exchangeable"))
    assert "pairs of rows" in few.loc["x", "reason"]
    rng = np.random.default_rng(0)
    apart = long().assign(y=lambda d: rng.normal(size=36))
    apart["y"] -= apart.groupby("who")["y"].transform("mean")
    impossible = coefficients(gee(apart, "y", "x", person="who", working="exchangeable"))
    assert "would be -0.5" in impossible.loc["x", "reason"]


def test_ratios_and_means_and_holm():
    data = long(40)
    fit = gee(data, "b", "C(m)", person="who", time="m", family="binomial")
    rows, ratios = fit.tidy(), fit.tidy(exponentiate=True)
    assert ratios["estimate"].iloc[1] == pytest.approx(np.exp(rows["estimate"].iloc[1]))
    means = rows[rows["term"] == "mean"]
    assert means["estimate"].tolist() == pytest.approx(data.groupby("m")["b"].mean().tolist(), rel=1e-9)
    assert ratios.loc[means.index, "estimate"].tolist() == means["estimate"].tolist()
    assert ((means["conf_low"] > 0) & (means["conf_high"] < 1)).all()
    changes = rows[rows["term"] == "change_from_first"]
    assert changes["estimate"].tolist() == pytest.approx(
        (means["estimate"].iloc[1:] - means["estimate"].iloc[0]).tolist()
    )
    odds = rows[rows["term"] == "log_odds_from_first"]["estimate"].tolist()
    assert odds == pytest.approx(rows["estimate"].iloc[1:3].tolist())
    plain = rows["p_value"].iloc[1:3]
    raw = rows[rows["term"] == "log_odds_from_first"]["p_value"]
    assert min(raw) == pytest.approx(2 * min(plain))
    gaussian = gee(data, "y", "C(m)", person="who", time="m")
    assert gaussian.tidy(exponentiate=True)["estimate"].equals(gaussian.tidy()["estimate"])


def test_few_degrees_of_freedom_are_said():
    data = long(30).assign(t=lambda d: (d["who"] < 2).astype(int))
    fit = gee(data, "y", "C(m) + t", person="who")
    assert coefficients(fit).loc["t", "df"] < 4
    said = [c.text("en") for c in fit.caveats if c.key == "comparison_repeated.few_degrees"]
    assert "1 estimate rests on too few people" in said[0]
    assert not any(
        c.key == "comparison_repeated.few_degrees" for c in gee(long(30), "y", "C(m)", person="who").caveats
    )


def test_summaries_say_no_code_and_the_classic_sandwich_warns():
    data = long(15)
    every = [
        gee(data, "y", "C(m) * t", person="who", time="m", by="t", covariance="CR0"),
        gee(
            data,
            "b",
            "C(m) + x",
            person="who",
            time="m",
            family="binomial",
            working="exchangeable",
            covariance="KC",
        ),
        gee(data, "c", "C(m) + x", person="who", time="m", family="poisson", working="ar1", covariance="CR3"),
        mixed_model(data, "y", "C(m)", person="who", time="m"),
        mixed_model(data, "y", "m", person="who", time="m", slope="m", df="satterthwaite"),
        mixed_model(data, "y", "C(m)", person="who", robust=True),
        conditional_logit(data, "b", "x", person="who"),
    ]
    for fit in every:
        assert all("nan" not in text for text in speaks(fit))
    assert any(c.key == "comparison_repeated.classic_small" for c in every[0].caveats)
    assert not any(c.key == "comparison_repeated.classic_small" for c in every[1].caveats)


# -- publishing ------------------------------------------------------------------------------------------------------------
def test_dates_seen_by_few_and_patterns_do_not_leave():
    data = long(40)
    data = data[(data["m"] != 3) | (data["who"] < 33)]
    fit = gee(data, "y", "C(m)", person="who", time="m").publish()
    rows = fit.tidy()
    at = rows[rows["term"] == "persons_at_date"].set_index("time")
    assert np.isnan(at.loc[3, "count"])  # 33 of 40: seven are not there
    assert rows[rows["term"] == "pattern"]["count"].isna().all()
    assert np.isnan(rows.set_index("term").loc["persons_every_date", "count"])
    means = rows[rows["term"] == "mean"].set_index("time")
    assert np.isnan(means.loc[3, "n"])
    assert np.isfinite(means.loc[3, "estimate"])
    assert "fewer than 11 of 40 people" in fit.summary("en")


def test_a_mean_of_few_events_does_not_leave():
    data = long(40).assign(b=lambda d: np.where((d["m"] == 2) & (d["who"] > 4), 0, d["b"]))
    fit = gee(data, "b", "C(m)", person="who", time="m", family="binomial").publish()
    rows = fit.tidy()
    hidden = rows[(rows["time"] == 2) | (rows["term"] == "m[2]")]
    assert hidden["estimate"].isna().all()
    assert rows.set_index("term").loc["m[3]", "status"] == "suppressed"
    assert rows[(rows["term"] == "mean") & (rows["time"] == 3)]["status"].eq("ok").all()


def test_open_data_leave_as_they_are():
    from evalkit.provenance import Provenance

    fit = gee(long(), "y", "C(m)", person="who", time="m", provenance=Provenance(kind="simulated"))
    assert fit.publish().table.equals(fit.table)


# -- pictures --------------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("lang", ["fr", "en"])
def test_pictures_show_means_over_dates_or_ratios(lang):
    from matplotlib import pyplot

    data = long(30)
    means = gee(data, "b", "C(m) + t", person="who", time="m", by="t", family="binomial").plot(lang=lang)
    assert [t.get_text() for t in means.get_legend().get_texts()] == ["t[0]", "t[1]"]
    assert [t.get_text() for t in means.get_xticklabels()] == ["1", "2", "3"]
    assert "95" in means.get_ylabel()
    ratios = conditional_logit(data, "b", "x", person="who").plot(lang=lang)
    assert ratios.get_xscale() == "log"
    differences = mixed_model(data, "y", "x", person="who").plot(lang=lang)
    assert differences.get_xscale() == "linear"
    text = data.assign(m=data["m"].map({1: "a", 2: "b", 3: "c"}))
    lone = gee(text, "y", "m", person="who", time="m").plot(lang=lang)
    assert lone.get_legend() is None
    assert [t.get_text() for t in lone.get_xticklabels()] == ["a", "b", "c"]
    pyplot.close("all")


def test_coefficients_do_not_add_up_to_the_few_who_said_yes():
    people = pd.DataFrame(
        {"who": range(110), "g": [0] * 50 + [1] * 60, "later": [1] * 4 + [0] * 46 + [1] * 30 + [0] * 30}
    )
    later = people.rename(columns={"later": "b"}).assign(m=1)
    data = pd.concat([later.assign(m=0, b=np.arange(110) % 3 == 0), later]).astype({"b": int})
    for fit in (
        gee(data, "b", "C(m)*g", person="who", time="m", by="g", family="binomial"),
        firth_logit(later, "b", "g"),
        gee(data, "b", "C(m)*g", person="who", time="m", by="g"),
        mixed_model(data, "b", "C(m)*g", person="who", time="m", by="g"),
    ):
        shown = fit.publish().tidy().set_index("term")["estimate"]
        assert shown[["constant", "g"]].isna().all()
        assert shown[[t for t in ("dispersion", "sd_residual") if t in shown]].isna().all()
    rest = gee(data, "b", "C(m)*g", person="who", time="m", by="g", family="binomial").publish().tidy()
    assert rest.loc[rest["term"] == "mean", "estimate"].notna().sum() == 3
