"""Cox models at the edges: the right answer, or a sentence saying what, where, how many, what to do."""

import numpy as np
import pandas as pd
import pytest

from evalkit.errors import InputError
from evalkit.survival import cox
from evalkit.survival.proportional.partial import Likelihood, Rows
from evalkit.timetoevent import TimeToEvent


def people(n=200, seed=7):
    rng = np.random.default_rng(seed)
    x = rng.normal(size=n)
    return pd.DataFrame({
        "t": np.ceil(rng.exponential(50 * np.exp(-0.3 * x))), "e": (rng.random(n) < 0.6).astype(int), "x": x,
        "z": rng.normal(size=n), "g": rng.choice(list("abc"), n),
    })  # fmt: skip


def fit(df, formula, how=None, **options):
    return cox(TimeToEvent.from_frame(df, "t", "e", **(how or {})), formula, **options)


def row(found, term):
    return found.table.set_index("term").loc[term]


@pytest.fixture
def df():
    return people()


# ---- columns that say nothing new ----------------------------------------------------------------------------------
def test_a_constant_column_is_named_and_the_rest_fitted(df):
    found = fit(df.assign(c=3.0), "x + c")
    assert row(found, "c")["status"] == "not_estimable"
    assert "the same value (3) for everybody" in row(found, "c")["reason"].text("en")
    assert row(found, "x")["estimate"] == pytest.approx(row(fit(df, "x"), "x")["estimate"], rel=1e-12)


def test_of_two_equal_columns_the_later_is_aliased(df):
    found = fit(df.assign(twice=2 * df["x"]), "x + z + twice")
    assert "follows entirely from x:" in row(found, "twice")["reason"].text("en")
    assert row(found, "x")["std_error"] == pytest.approx(row(fit(df, "x + z"), "x")["std_error"], rel=1e-10)


def test_a_column_constant_within_strata_is_named(df):
    df["s"] = np.arange(200) % 3
    found = fit(df.assign(h=df["s"] * 2.0), "x + h", strata="s")
    assert "among the people at risk" in row(found, "h")["reason"].text("en")
    assert row(found, "x")["status"] == "ok"


def test_a_level_nobody_has_is_a_constant_column(df):
    df["g"] = pd.Categorical(df["g"], ["a", "b", "c", "d"])
    assert row(fit(df, "g"), "g[d]")["status"] == "not_estimable"


def test_nearly_equal_columns_are_fitted(df):
    rng = np.random.default_rng(1)
    found = fit(df.assign(near=df["x"] + 1e-4 * rng.normal(size=200)), "x + near")
    assert (found.table["status"] == "ok").all()
    assert row(found, "near")["std_error"] > 100


# ---- separation ----------------------------------------------------------------------------------------------------
def test_separation_is_named_never_a_huge_standard_error(df):
    found = fit(df.assign(s=df["e"]), "x + s")
    runaway = row(found, "s")
    assert runaway["status"] == "not_estimable"
    assert np.isnan(runaway["std_error"])
    assert "as this coefficient rises" in runaway["reason"].text("en")
    assert row(found, "x")["std_error"] < 1
    assert any("in the direction of s" in c.text("en") for c in found.caveats)


def test_a_level_without_events_runs_away_downwards(df):
    df.loc[df["g"] == "c", "e"] = 0
    found = fit(df, "x + g")
    assert "as this coefficient falls" in row(found, "g[c]")["reason"].text("en")
    assert row(found, "g[c]")["n_event"] == 0
    # The other terms are those fitted without the people that level takes out of every comparison … within rounding.
    assert row(found, "g[b]")["std_error"] < 0.5


def test_a_large_finite_coefficient_is_no_separation():
    rng = np.random.default_rng(11)
    x = rng.normal(size=400)
    df = pd.DataFrame({"t": rng.exponential(np.exp(-4 * x)), "e": 1, "x": x})
    found = row(fit(df, "x"), "x")
    assert found["status"] == "ok"
    assert found["estimate"] == pytest.approx(4, abs=0.6)


# ---- scales --------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize(("scale", "offset"), [(1e8, 0), (1e-8, 0), (1, 1e9), (1e6, 1e12)])
def test_scale_and_offset_change_nothing(df, scale, offset):
    plain, moved = fit(df, "x + z"), fit(df.assign(x=df["x"] * scale + offset), "x + z")
    # An offset of 1e9 leaves x itself 7 digits after the point.
    precision = 1e-6 if offset else 1e-12
    assert row(moved, "x")["estimate"] * scale == pytest.approx(row(plain, "x")["estimate"], rel=precision)
    assert row(moved, "z")["std_error"] == pytest.approx(row(plain, "z")["std_error"], rel=precision)


def test_scaling_time_changes_nothing(df):
    assert row(fit(df.assign(t=df["t"] / 365.25), "x"), "x")["estimate"] == pytest.approx(
        row(fit(df, "x"), "x")["estimate"], rel=1e-12
    )


# ---- few rows ------------------------------------------------------------------------------------------------------
def test_no_event_is_refused_with_a_sentence(df):
    with pytest.raises(InputError, match=r"no event \(e\) among 200 rows"):
        fit(df.assign(e=0), "x")


def test_one_row_is_not_estimable(df):
    found = fit(df.iloc[:1].assign(e=1), "x")
    assert found.table["status"].tolist() == ["not_estimable"]
    assert found.glance()["lr_statistic"].item() == 0
    assert "not estimable" in found.summary("en")


def test_strata_of_one_row_compare_nothing(df):
    found = fit(df.assign(s=np.arange(200)), "x", strata="s")
    assert found.table["status"].tolist() == ["not_estimable"]
    some = fit(df.assign(s=np.r_[np.zeros(197), 1, 2, 3]), "x", strata="s")
    assert some.table["status"].tolist() == ["ok"]


def test_everybody_leaving_on_day_0_is_one_tied_risk_set(df):
    assert fit(df.assign(t=0), "x").table["status"].tolist() == ["ok"]


def test_few_events_per_term_are_said(df):
    assert any("fragile" in c.text("en") for c in fit(df.iloc[:20], "x + z").caveats)
    assert not any("fragile" in c.text("en") for c in fit(df, "x + z").caveats)


# ---- missing, weights, clusters ------------------------------------------------------------------------------------
def test_missing_values_are_refused_or_dropped_and_told(df):
    df["x"] = df["x"].mask(df["x"] > 1)
    df["who"] = [f"youth-{i}" for i in range(200)]
    with pytest.raises(InputError, match="x in .* of 200 rows"):
        fit(df, "x + z")
    found = fit(df, "x + z", how={"id": "who"}, missing="drop")
    told = found.caveats[0].text("en")
    gone = int(df["x"].isna().sum())
    assert f"{gone} people left out because something is missing (x)" in told
    assert "youth-" not in told
    assert found.glance()["n"].item() == 200 - gone


def test_sampling_weights_need_a_robust_variance(df):
    df["w"] = np.linspace(0.5, 2, 200)
    how = {"weight": "w", "weight_kind": "sampling"}
    with pytest.raises(InputError, match="robust=True"):
        fit(df, "x", how=how)
    assert fit(df, "x", how=how, robust=True).table["status"].tolist() == ["ok"]


def test_frequency_weights_are_repeated_rows_also_for_robust_errors(df):
    df["w"] = np.arange(200) % 3 + 1
    weighted = fit(df, "x + z", how={"weight": "w"}, robust=True)
    repeated = fit(df.loc[df.index.repeat(df["w"])].drop(columns="w"), "x + z", robust=True)
    columns = ["estimate", "std_error"]
    np.testing.assert_allclose(weighted.table[columns], repeated.table[columns], rtol=1e-9)


def test_two_clusters_give_a_description_only(df):
    found = fit(df.assign(c=np.arange(200) % 2), "x", cluster="c")
    assert found.table["status"].tolist() == ["not_estimable"]
    assert "2 clusters in all" in found.table["reason"][0].text("en")
    assert np.isfinite(found.table["estimate"][0])
    assert found.table["p_value"].isna().all()
    assert np.isnan(found.glance()["wald_statistic"].item())


def test_one_cluster_per_arm_is_named(df):
    df["c"] = np.arange(200) % 8
    found = fit(df.assign(arm=(df["c"] == 3) * 1), "x + arm", cluster="c")
    assert "a single cluster has the value 1" in row(found, "arm")["reason"].text("en")
    assert row(found, "x")["status"] == "ok"
    assert any("8 clusters" in c.text("en") for c in found.caveats)
    assert any("fewer than 30" in c.text("en") for c in found.caveats)


def test_clusters_must_be_there_and_known(df):
    with pytest.raises(InputError, match="no column 'club'"):
        fit(df, "x", cluster="club")
    with pytest.raises(InputError, match="missing in 1 of 200"):
        fit(df.assign(c=np.r_[np.nan, np.arange(199)]), "x", cluster="c")


def test_people_not_rows_are_counted_behind_a_term():
    rows = pd.DataFrame({
        "s": [0, 5, 9, 0, 4, 0], "t": [5, 9, 12, 4, 7, 8], "e": [0, 0, 1, 0, 1, 1], "helped": [0, 1, 1, 1, 1, 0],
        "who": [1, 1, 1, 2, 2, 3],
    })  # fmt: skip
    found = row(fit(rows, "helped", how={"entry": "s", "id": "who"}), "helped")
    assert (found["n"], found["n_event"]) == (2, 2)


def test_repeated_events_of_a_person_call_for_clusters():
    rows = pd.DataFrame(
        {
            "s": [0, 5, 0, 0, 3],
            "t": [5, 9, 8, 3, 7],
            "e": [1, 1, 0, 1, 0],
            "x": [1, 2, 0, 1, 1.5],
            "who": [1, 1, 2, 3, 3],
        }
    )
    how = {"entry": "s", "id": "who"}
    assert any('cluster="id"' in c.text("en") for c in fit(rows, "x", how=how).caveats)
    assert not any('cluster="id"' in c.text("en") for c in fit(rows, "x", how=how, cluster="id").caveats)


# ---- options, output -----------------------------------------------------------------------------------------------
def test_options_are_checked(df):
    with pytest.raises(InputError, match="ties"):
        fit(df, "x", ties="cox")
    with pytest.raises(InputError, match="of: must be"):
        fit(df, "x", of="death")
    with pytest.raises(InputError, match="no column 's'"):
        fit(df, "x", strata="s")


def test_strata_of_the_times_are_used_and_said(df):
    tte = TimeToEvent.from_frame(df, "t", "e", strata="g")
    assert row(cox(tte, "x"), "x")["estimate"] == row(fit(df, "x", strata="g"), "x")["estimate"]
    assert any("stratum" in c.text("en") for c in cox(tte, "x").caveats)


def test_other_causes_are_censored_and_said(df):
    tte = TimeToEvent.from_frame(
        df.assign(e=np.arange(200) % 3), "t", "e", codes={0: "censored", 1: "school", 2: "work"}
    )
    found = cox(tte, "x", of="work")
    assert found.glance()["n_events"].item() == 66
    assert any("Hazard of “work” alone" in c.text("en") for c in found.caveats)
    assert cox(tte, "x", of="any exit").glance()["n_events"].item() == 133


def test_hazard_ratios_are_exponents_of_the_table(df):
    found = fit(df, "x + g")
    np.testing.assert_allclose(np.exp(found.tidy()["conf_low"]), found.tidy(exponentiate=True)["conf_low"])
    assert "rapport de risques" in found.summary("fr")
    assert "Niveaux de référence : g = a." in found.summary("fr")


def test_baseline_at_chosen_values(df):
    found = fit(df, "x + g")
    plain, at = found.baseline().table, found.baseline({"x": 1.0, "g[b]": 1}).table
    ratio = np.exp(row(found, "x")["estimate"] + row(found, "g[b]")["estimate"])
    np.testing.assert_allclose(at["estimate"], plain["estimate"] * ratio)
    with pytest.raises(InputError, match="no term 'age'"):
        found.baseline({"age": 1})
    offset = fit(df.assign(x=df["x"] + 1e6), "x").baseline({"x": 1e6}).table
    np.testing.assert_allclose(offset["estimate"], fit(df, "x").baseline().table["estimate"], rtol=1e-6)


def test_a_published_fit_knows_no_person(df):
    df["rare"] = (np.arange(200) < 8).astype(int)
    out = fit(df, "x + rare").publish()
    assert out.fitted is None
    assert row(out, "rare")["status"] == "suppressed"
    assert np.isnan(row(out, "rare")["estimate"])
    assert row(out, "x")["status"] == "ok"
    with pytest.raises(InputError, match="before publishing"):
        out.baseline()
    assert "hazard ratio" in out.summary("en")
    assert out.glance()["n_rows"].item() == 2


def test_a_large_fit_starts_from_a_small_one_and_ends_where_a_slow_one_does():
    df = people(60_000, seed=3)
    fast = fit(df, "x + z + g")
    slow = TimeToEvent.from_frame(df, "t", "e")
    order = np.random.default_rng(0).permutation(60_000)
    again = cox(slow.subset(np.ones(60_000, bool)).with_covariates(slow.covariates), "x + z + g")
    shuffled = fit(df.iloc[order], "x + z + g")
    np.testing.assert_allclose(fast.table["estimate"], shuffled.table["estimate"], rtol=1e-9)
    np.testing.assert_allclose(fast.table["std_error"], again.table["std_error"], rtol=1e-12)
    assert abs(fast.fitted.top.seen.gradient).max() < 1e-4


def test_a_likelihood_in_parts_is_that_of_the_whole(df):
    found = fit(df, "x + z").fitted
    whole, rows = found.likelihood, found.likelihood.parts[0]
    parts = []
    for chosen in (slice(0, 70), slice(70, 200)):
        here = np.arange(200)[chosen]
        event = np.flatnonzero(np.isin(here, rows.event))
        parts.append(Rows(np.asfortranarray(rows.x[chosen]), None, rows.last[chosen], event))
    split = Likelihood(parts, whole.centre, whole.deaths, whole.mean_weight)
    beta = np.array([0.3, -0.2])
    one, two = whole.look(beta), split.look(beta)
    assert one.log_likelihood == pytest.approx(two.log_likelihood, rel=1e-13)
    np.testing.assert_allclose(one.gradient, two.gradient, rtol=1e-11)
    np.testing.assert_allclose(whole.information(one)[0], split.information(two)[0], rtol=1e-11)
    cluster = np.arange(200) % 9
    np.testing.assert_allclose(
        whole.residuals(one, [cluster], 9),
        split.residuals(two, [cluster[:70], cluster[70:]], 9),
        rtol=1e-9,
        atol=1e-12,
    )


def test_keeping_the_information_of_an_earlier_step_ends_at_the_same_place(monkeypatch):
    from evalkit.survival.proportional import newton

    df = people(3000, seed=5)
    df["t"] = np.ceil(df["t"] * np.exp(-1.5 * df["z"]))
    every = fit(df, "x + z + g")
    monkeypatch.setattr(newton, "_LARGE", 0)
    kept = fit(df, "x + z + g")
    assert kept.fitted.top.steps > every.fitted.top.steps
    np.testing.assert_allclose(kept.table["estimate"], every.table["estimate"], rtol=1e-9)
    np.testing.assert_allclose(kept.table["std_error"], every.table["std_error"], rtol=1e-9)


def test_a_bad_start_is_left_behind(df):
    from evalkit.survival.proportional.newton import maximise

    found = fit(df, "x + z").fitted
    scale = np.ones(2)
    again = maximise(found.likelihood, scale, lambda step: 0.0, np.array([30.0, -30.0]))
    np.testing.assert_allclose(again.beta, found.top.beta, rtol=1e-9)
    near = maximise(found.likelihood, scale, lambda step: 0.0, found.top.beta + 0.01)
    np.testing.assert_allclose(near.beta, found.top.beta, rtol=1e-9)


def test_absurd_coefficients_are_survived_without_a_warning(df):
    from evalkit.survival.proportional.newton import maximise

    found = fit(df, "x").fitted
    found.likelihood.look(np.array([400.0]))
    again = maximise(found.likelihood, np.ones(1), lambda step: 0.0, np.array([400.0]))
    np.testing.assert_allclose(again.beta, found.top.beta, rtol=1e-9)


def test_what_ran_away_in_the_sample_may_be_fine_in_the_whole():
    df = people(60_000, seed=4)
    df["rare"] = (np.arange(60_000) % 7 == 3) & (np.arange(60_000) < 20_000) & (df["x"] > 2)
    found = fit(df, "x + rare")
    assert (found.table["status"] == "ok").all()
