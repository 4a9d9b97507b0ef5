"""What is asked of a Cox fit: exact ties, Firth, profiles, predictions, residuals, proportionality, ratios; and their edges."""

import itertools
import pickle

import numpy as np
import pandas as pd
import pytest
from scipy import optimize, special

from evalkit.errors import InputError
from evalkit.survival import cox
from evalkit.survival.proportional.exact import given_number
from evalkit.survival.proportional.ranking import concordance
from evalkit.timetoevent import TimeToEvent


def people(n=120, seed=7):
    rng = np.random.default_rng(seed)
    x = rng.normal(size=n)
    return pd.DataFrame({
        "t": np.ceil(rng.exponential(20 * np.exp(-0.3 * x))), "e": (rng.random(n) < 0.6).astype(int), "x": x,
        "z": rng.normal(size=n).round(2), "g": rng.choice(list("abc"), n), "s": rng.choice([1, 2], n),
    })  # fmt: skip


def fit(df, formula, how=None, **options):
    return cox(TimeToEvent.from_frame(df, "t", "e", **(how or {})), formula, **options)


def row(found, term):
    return found.table.set_index("term").loc[term]


@pytest.fixture
def df():
    return people()


# ---- exact ties ----------------------------------------------------------------------------------------------------
def test_the_exact_likelihood_is_that_of_every_choice_written_out():
    df = pd.DataFrame(
        {
            "t": [1, 1, 1, 2, 2, 3, 4, 4],
            "e": [1, 1, 0, 1, 1, 0, 1, 1],
            "x": [0.5, 1, 2, -1, 0.3, 0.7, 0.1, 1.5],
        }
    )
    beta = 0.4
    risk, value = np.exp(beta * df["x"].to_numpy()), 0.0
    for t in (1, 2, 4):
        there = np.flatnonzero(df["t"] >= t)
        died = np.flatnonzero((df["t"] == t) & (df["e"] == 1))
        every = sum(np.prod(risk[list(c)]) for c in itertools.combinations(there, len(died)))
        value += np.log(np.prod(risk[died]) / every)
    found = fit(df, "x", ties="exact")
    assert found.fitted.likelihood.look(np.array([beta])).log_likelihood == pytest.approx(value, rel=1e-13)
    assert abs(found.fitted.top.seen.gradient[0]) < 1e-9


def test_without_ties_all_three_agree(df):
    df["t"] = np.arange(120) + 1.0
    exact, efron = fit(df, "x + g", ties="exact"), fit(df, "x + g")
    np.testing.assert_allclose(exact.table["estimate"], efron.table["estimate"], rtol=1e-10)
    np.testing.assert_allclose(exact.table["std_error"], efron.table["std_error"], rtol=1e-10)


def test_exact_ties_count_frequency_weights_as_people(df):
    df["w"] = np.arange(120) % 3 + 1
    weighted = fit(df, "x + g", how={"weight": "w"}, ties="exact", strata="s")
    repeated = fit(df.loc[df.index.repeat(df["w"])].drop(columns="w"), "x + g", ties="exact", strata="s")
    np.testing.assert_allclose(weighted.table["estimate"], repeated.table["estimate"], rtol=1e-9)
    np.testing.assert_allclose(weighted.table["std_error"], repeated.table["std_error"], rtol=1e-9)


def test_matched_sets_are_conditional_logistic_regression():
    """One case per set of three: everybody tied in a set's only time; the closed form is a multinomial logit."""
    rng = np.random.default_rng(3)
    x = rng.normal(size=(60, 3))
    case = np.array([rng.choice(3, p=np.exp(row) / np.exp(row).sum()) for row in x])
    df = pd.DataFrame(
        {
            "t": 1,
            "e": (case[:, None] == np.arange(3)).ravel().astype(int),
            "x": x.ravel(),
            "set": np.repeat(np.arange(60), 3),
        }
    )
    chosen = x[np.arange(60), case]
    best = optimize.minimize_scalar(
        lambda b: -(b * chosen - np.log(np.exp(b * x).sum(axis=1))).sum(), tol=1e-12
    )
    for ties in ("exact", "efron"):
        assert row(fit(df, "x", ties=ties, strata="set"), "x")["estimate"] == pytest.approx(best.x, abs=1e-7)


def test_exact_ties_when_everybody_left_meets_the_event(df):
    df.loc[df["t"] >= 30, ["t", "e"]] = [30, 1]
    assert (fit(df, "x", ties="exact").table["status"] == "ok").all()


def test_huge_scores_do_not_overflow_exact_ties():
    log_sum, chosen, spread = given_number(np.array([900.0, 899.0, -900.0, 0.0]), 2, np.eye(4))
    assert log_sum == pytest.approx(1799.0)
    np.testing.assert_allclose(chosen, [1, 1, 0, 0], atol=1e-12)
    assert abs(spread).max() < 1e-10


@pytest.mark.parametrize(("n", "number"), [(100, 50), (101, 50), (5, 2), (6, 3), (40, 39)])
def test_equal_scores_choose_evenly(n, number):
    log_sum, chosen, spread = given_number(np.zeros(n), number, np.arange(n)[:, None].astype(float))
    assert log_sum == pytest.approx(
        special.gammaln(n + 1) - special.gammaln(number + 1) - special.gammaln(n - number + 1), rel=1e-12
    )
    np.testing.assert_allclose(chosen, number / n, rtol=1e-12)
    # Sampling without replacement.
    variance = np.var(np.arange(n), ddof=1)
    assert spread.item() == pytest.approx(number * (1 - number / n) * variance, rel=1e-11)


def test_exact_ties_beyond_reach_are_refused(monkeypatch, df):
    monkeypatch.setattr("evalkit.survival.proportional.exact._MOST_WORK", 100)
    with pytest.raises(InputError, match="not feasible.*efron"):
        fit(df, "x", ties="exact")


@pytest.mark.parametrize("options", [{"robust": True}, {"cluster": "g"}, {"firth": True}])
def test_exact_ties_exclude_robust_errors_and_firth(df, options):
    with pytest.raises(InputError, match="not defined here for exact ties"):
        fit(df, "x", ties="exact", **options)
    found = fit(df, "x", ties="exact")
    with pytest.raises(InputError, match="exact ties"):
        found.residuals("score")
    with pytest.raises(InputError, match="exact ties"):
        found.check()


# ---- offsets -------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("constant", [0.0, 1e9])
def test_an_offset_is_a_coefficient_of_one(df, constant):
    full = fit(df, "x + z")
    known = df.assign(o=row(full, "z")["estimate"] * df["z"] + constant)
    found = fit(known, "x", offset="o")
    assert row(found, "x")["estimate"] == pytest.approx(
        row(full, "x")["estimate"], rel=1e-5 if constant else 1e-9
    )
    assert found.glance()["log_likelihood"].item() == pytest.approx(
        full.glance()["log_likelihood"].item(), rel=1e-8
    )
    assert "shifted by o" in found.summary("en")
    assert "décalé de o" in found.summary("fr")
    new = pd.DataFrame({"x": [0.2], "o": [row(full, "z")["estimate"] * 0.5 + constant], "z": [0.5]})
    agree = found.predict(new, 10).table["estimate"], full.predict(new, 10).table["estimate"]
    np.testing.assert_allclose(*agree, rtol=1e-5 if constant else 1e-9)


def test_offsets_must_be_there_and_known(df):
    for made, said in (
        ({"o": "a"}, "not numbers"),
        ({"o": np.inf}, "infinite in 120"),
        ({"o": np.nan}, "missing in 120 of 120"),
    ):
        with pytest.raises(InputError, match=said):
            fit(df.assign(**made), "x", offset="o")
    with pytest.raises(InputError, match="no column 'o'"):
        fit(df, "x", offset="o")
    some = df.assign(o=np.where(np.arange(120) < 5, np.nan, 0.3))
    found = fit(some, "x", offset="o", missing="drop")
    assert any("5 people left out" in c.text("en") for c in found.caveats)
    assert row(found, "x")["estimate"] == pytest.approx(row(fit(df.iloc[5:], "x"), "x")["estimate"], rel=1e-9)
    with pytest.raises(InputError, match="every row"):
        fit(df.assign(o=np.nan), "x", offset="o", missing="drop")
    ready = fit(df.assign(o=0.1), "x", offset="o")
    with pytest.raises(InputError, match="'o', which the model takes as an offset"):
        ready.predict(df[["x"]], 10)
    with pytest.raises(InputError, match="missing or infinite in 120"):
        ready.predict(df.assign(o=np.nan), 10)


# ---- Firth ---------------------------------------------------------------------------------------------------------
def by_hand(t, e, x, beta, start=None, ties="efron"):
    """Penalised log-likelihood, straight from its definition, in loops."""
    value, information = 0.0, np.zeros((x.shape[1],) * 2)
    start = np.full(len(t), -1.0) if start is None else start
    risk = np.exp(x @ beta)
    for when in np.unique(t[e == 1]):
        there, died = (t >= when) & (start < when), (t == when) & (e == 1)
        value += (x[died] @ beta).sum()
        for k in range(died.sum()):
            weight = risk * (there - (k / died.sum() if ties == "efron" else 0) * died)
            mean = weight @ x / weight.sum()
            value -= np.log(weight.sum())
            information += (x - mean).T @ ((x - mean) * weight[:, None]) / weight.sum()
    return value + np.linalg.slogdet(information)[1] / 2


@pytest.mark.parametrize("ties", ["efron", "breslow"])
@pytest.mark.parametrize("late", [False, True])
def test_firth_maximises_the_penalised_likelihood_written_out(ties, late):
    df = people(40, seed=3)
    df["start"] = np.where(late & (np.arange(40) % 2 == 0), np.minimum(df["t"] - 1, 4), 0)
    found = fit(df, "x + z", how={"entry": "start"} if late else None, firth=True, ties=ties)
    start = np.where(df["start"] > 0, df["start"], -1.0)
    x, t, e = df[["x", "z"]].to_numpy(), df["t"].to_numpy(), df["e"].to_numpy()
    value = lambda beta: by_hand(t, e, x, beta, start, ties)
    beta = found.table["estimate"].to_numpy()
    assert found.glance()["log_likelihood"].item() == pytest.approx(value(beta), rel=1e-12)
    slope = optimize.approx_fprime(beta, value, 1e-6)
    np.testing.assert_allclose(slope, 0, atol=2e-5)
    # The bounds: twice the fall of the profile is the quantile.
    for column, bound in (
        ("conf_low", found.table["conf_low"][0]),
        ("conf_high", found.table["conf_high"][0]),
    ):
        profile = -optimize.minimize_scalar(lambda b, at=bound: -value(np.array([at, b])), tol=1e-10).fun
        assert 2 * (value(beta) - profile) == pytest.approx(3.841458820694124, abs=1e-7), column


def test_firth_in_two_people_has_a_closed_form():
    """One event, one other at risk: l* = b - log(1 + e^b) + ½ log(e^b / (1 + e^b)²), highest at b = log 3."""
    df = pd.DataFrame({"t": [1, 2], "e": [1, 0], "x": [1.0, 0.0]})
    assert row(fit(df, "x", firth=True), "x")["estimate"] == pytest.approx(np.log(3), abs=1e-9)
    assert row(fit(df, "x"), "x")["status"] == "not_estimable"


def test_firth_does_not_mind_the_scale_nor_the_coding(df):
    plain = fit(df, "x + g", firth=True)
    moved = fit(df.assign(x=df["x"] * 1e8 + 1e9), "x + g", firth=True)
    turned = fit(df, 'x + C(g, ref="c")', firth=True)
    for c in ("estimate", "conf_low", "conf_high"):
        assert row(moved, "x")[c] * 1e8 == pytest.approx(row(plain, "x")[c], rel=1e-5)
        assert row(turned, "x")[c] == pytest.approx(row(plain, "x")[c], rel=1e-7)
    assert row(turned, "g[a]")["estimate"] == pytest.approx(-row(plain, "g[c]")["estimate"], rel=1e-7)


def test_firth_where_the_likelihood_has_no_maximum(df):
    df["seen"] = df["e"]
    refused = row(fit(df, "x + seen"), "seen")
    assert refused["status"] == "not_estimable"
    assert "firth=True" in refused["reason"].text("fr")
    found = fit(df, "x + seen", firth=True)
    seen = row(found, "seen")
    assert seen["status"] == "ok"
    assert 0 < seen["conf_low"] < seen["estimate"] < seen["conf_high"] < 50
    assert "Firth" in found.summary("en")
    assert np.isnan(found.glance()["score_statistic"].item())
    # The penalised likelihood-ratio test of one of two columns is the p-value of its row.
    assert found.glance()["lr_df"].item() == 2


def test_firth_leaves_aliased_columns_aside(df):
    found = fit(df.assign(twice=2 * df["x"], one=1.0), "x + twice + one", firth=True)
    assert found.table["status"].tolist() == ["ok", "not_estimable", "not_estimable"]
    assert row(found, "x")["estimate"] == pytest.approx(
        row(fit(df, "x", firth=True), "x")["estimate"], rel=1e-9
    )
    nothing = fit(df.assign(one=1.0), "one", firth=True)
    assert nothing.table["status"].tolist() == ["not_estimable"]


def test_a_step_too_far_is_separation_too():
    """The first event is the only person with 1: one long step leaves a likelihood so flat that its gradient is 0."""
    rng = np.random.default_rng(8)
    for n in range(12, 60, 4):
        x = rng.normal(size=n)
        df = pd.DataFrame({"t": np.arange(n) + 1.0, "e": 1, "x": x, "first": (np.arange(n) == 0).astype(int)})
        table = fit(df, "first + x").table.set_index("term")
        assert table.loc["first", "status"] == "not_estimable"
        assert np.isfinite(table.loc["x", "std_error"])
        firth = fit(df, "first + x", firth=True).table
        assert (firth["status"] == "ok").all()
        assert (firth["conf_low"] < firth["conf_high"]).all()


# ---- profiles ------------------------------------------------------------------------------------------------------
def test_a_profile_bound_is_where_an_offset_costs_as_much(df):
    found = fit(df, "x + z", conf="profile")
    highest = found.glance()["log_likelihood"].item()
    for bound in row(found, "x")[["conf_low", "conf_high"]]:
        held = fit(df.assign(o=bound * df["x"]), "z", offset="o").glance()["log_likelihood"].item()
        assert 2 * (highest - held) == pytest.approx(3.841458820694124, abs=1e-8)
    without = fit(df, "z").glance()["log_likelihood"].item()
    assert row(found, "x")["statistic"] ** 2 == pytest.approx(2 * (highest - without), rel=1e-8)
    assert "profile of the likelihood" in found.summary("en")


@pytest.mark.parametrize("sign", [1, -1])
def test_under_separation_a_profile_has_one_finite_bound(df, sign):
    df["seen"] = df["e"] * sign
    found = row(fit(df, "x + seen", conf="profile"), "seen")
    assert found["status"] == "not_estimable"
    assert np.isnan(found["estimate"])
    inner, outer = ("conf_low", "conf_high") if sign > 0 else ("conf_high", "conf_low")
    assert found[outer] == sign * np.inf
    assert sign * found[inner] > 1
    assert 0 < found["p_value"] < 1e-6


def test_options_that_exclude_each_other(df):
    with pytest.raises(InputError, match="conf: must be"):
        fit(df, "x", conf="score")
    for options in ({"firth": True, "cluster": "g"}, {"conf": "profile", "robust": True}):
        with pytest.raises(InputError, match="takes rows as independent"):
            fit(df, "x", **options)


# ---- predictions ---------------------------------------------------------------------------------------------------
def test_predictions_refuse_what_the_model_does_not_know(df):
    found = fit(df, "x + g", strata="s")
    new = df[["x", "g", "s"]].head(2)
    for changed, said in (
        (new.assign(g="q"), "knows no level 'q'"), (new.assign(x="1"), "was numbers"), (new.drop(columns="x"), "no column 'x'"),
        (new.assign(x=np.nan), "missing: x in 2"), (new.drop(columns="s"), "'s': each stratum"), (new.assign(s=9), "no stratum 9"),
        (new.iloc[:0], "no rows"), ([1, 2], "must be a table"),
    ):  # fmt: skip
        with pytest.raises(InputError, match=said):
            found.predict(changed, 5)
    for times in (-1, np.nan, [], 1e6):
        with pytest.raises(InputError, match="times"):
            found.predict(new, times)
    for kind, said in (("odds", "kind: must"), ("expected", "give a TimeToEvent")):
        with pytest.raises(InputError, match=said):
            found.predict(new, 5, kind=kind)
    with pytest.raises(InputError, match="one row per person"):
        found.predict(None, 5)
    with pytest.raises(InputError, match="reference: must"):
        found.predict(new, kind="lp", reference="median")
    with pytest.raises(InputError, match="kind: must"):
        found.baseline(kind="lp")


def test_a_spline_is_not_extended(df):
    found = fit(df, "bs(x, df=4) * g")
    assert found.predict(df.head(3), 5).table["status"].eq("ok").all()
    with pytest.raises(InputError, match=r"bs\(x, df=4\): the new values leave the range"):
        found.predict(df.head(3).assign(x=99.0), 5)


def test_predictions_do_not_depend_on_where_columns_are_centred(df):
    plain = fit(df, "x + z").predict(df.head(4), [0.5, 3, 20]).table
    moved = (
        fit(df.assign(x=df["x"] + 1e7), "x + z")
        .predict(df.head(4).assign(x=df["x"].head(4) + 1e7), [0.5, 3, 20])
        .table
    )
    for c in ("estimate", "std_error", "conf_low", "conf_high"):
        np.testing.assert_allclose(plain[c], moved[c], rtol=1e-6)
    assert plain["conf_low"].iloc[0] == plain["estimate"].iloc[0] == 1  # nothing happened before day 1


def test_values_never_seen_together_are_not_predicted(df):
    found = fit(df.assign(twice=2 * df["x"]), "x + twice")
    told = found.predict(pd.DataFrame({"x": [1.0, 1.0], "twice": [2.0, 3.0]}), 5).table
    assert told["status"].tolist() == ["ok", "not_estimable"]
    assert np.isnan(told["estimate"][1])
    assert "never seen together" in told["reason"][1].text("en")


def test_nothing_is_predicted_from_coefficients_that_ran_away(df):
    found = fit(df.assign(seen=df["e"]), "x + seen")
    told = found.predict(pd.DataFrame({"x": [0.0], "seen": [1]}), [5]).table
    assert told["status"].tolist() == ["not_estimable"]
    assert "firth=True" in told["reason"][0].text("en")
    assert found.baseline().table["estimate"].isna().all()


def test_two_clusters_predict_without_error(df):
    told = fit(df, "x", cluster="s").predict(df.head(1), 5).table
    assert told["status"].tolist() == ["not_estimable"]
    assert np.isfinite(told["estimate"][0])
    assert np.isnan(told["std_error"][0])


def test_a_lasso_predicts_without_interval(df):
    told = fit(df, "x + z", penalty=0.05, l1_ratio=1.0).predict(df.head(1), 5).table
    assert "no standard error" in told["reason"][0].text("en")
    assert np.isfinite(told["estimate"][0])


def test_expected_events_of_split_rows_are_those_of_the_whole(df):
    df["id"] = np.arange(120)
    first = df.assign(start=0.0, stop=np.minimum(df["t"], 6), e=np.where(df["t"] > 6, 0, df["e"]))
    later = df[df["t"] > 6].assign(start=6.0, stop=df["t"])
    split = pd.concat([first, later]).drop(columns="t").rename(columns={"stop": "t"})
    whole, parts = fit(df, "x", how={"id": "id"}), fit(split, "x", how={"entry": "start", "id": "id"})
    a, b = whole.predict(kind="expected").table, parts.predict(kind="expected").table
    np.testing.assert_allclose(a["estimate"], b["estimate"], rtol=1e-9)
    np.testing.assert_allclose(a["std_error"], b["std_error"], rtol=1e-8)
    changing = TimeToEvent.from_frame(split[split["id"] < 60], "t", "e", entry="start", id="id")
    survival = whole.predict(changing, kind="survival").table
    np.testing.assert_allclose(survival["estimate"], np.exp(-a["estimate"].head(60)))
    with pytest.raises(InputError, match="after the last observation"):
        whole.predict(
            TimeToEvent(time=[1e4], cause=[0], causes=("e",), covariates=df.head(1)), kind="expected"
        )


def test_predictions_are_drawn_published_and_kept(df):
    found = fit(df, "x + g")
    curves = found.predict(pd.DataFrame({"x": [0.0, 0.0], "g": ["a", "b"]}))
    for kind in ("survival", "cumulative_hazard"):
        ax = found.predict(pd.DataFrame({"x": [0.0, 0.0], "g": ["a", "b"]}), kind=kind).plot(lang="fr")
        assert {t.get_text() for t in ax.texts} >= {"g a", "g b"}
    assert found.predict(df.head(3), kind="risk").plot() is not None
    assert found.predict(df.head(1)).plot() is not None
    assert found.predict(df.iloc[[0, 0]]).plot() is not None
    out = curves.publish()
    assert 0 < len(out.table) < len(curves.table)
    people_told = found.predict(kind="risk").publish()
    assert people_told.table["estimate"].isna().all()
    assert pickle.loads(pickle.dumps(curves)).table.equals(curves.table)
    assert "selon le modèle" in curves.summary("fr")


# ---- residuals -----------------------------------------------------------------------------------------------------
def test_residuals_add_to_nothing(df):
    found = fit(df, "x + g", strata="s")
    assert found.residuals().sum().item() == pytest.approx(0, abs=1e-9)
    np.testing.assert_allclose(found.residuals("score").sum(), 0, atol=1e-7)
    np.testing.assert_allclose(found.residuals("schoenfeld").drop(columns="time").sum(), 0, atol=1e-7)


def test_a_dfbeta_is_nearly_what_leaving_a_row_out_changes(df):
    found = fit(df, "x")
    without = fit(df.drop(index=3), "x")
    moved = row(found, "x")["estimate"] - row(without, "x")["estimate"]
    assert found.residuals("dfbeta")["x"].iloc[3] == pytest.approx(moved, rel=0.15)


def test_residuals_keep_the_positions_of_rows(df):
    df.loc[[0, 7], "x"] = np.nan
    found = fit(df, "x", missing="drop").residuals()
    assert 0 not in found.index
    assert len(found) == 118
    assert found.index[-1] == 119


def test_weighted_and_collapsed_residuals(df):
    df["w"] = np.linspace(0.5, 2, 120)
    found = fit(df, "x", how={"weight": "w", "weight_kind": "sampling"}, robust=True)
    np.testing.assert_allclose(found.residuals("schoenfeld", weighted=True)["x"],
                               found.residuals("schoenfeld")["x"] * df["w"].loc[found.residuals("schoenfeld").index])  # fmt: skip
    np.testing.assert_allclose(found.residuals("deviance", weighted=True)["residual"],
                               found.residuals("deviance")["residual"] * np.sqrt(df["w"]))  # fmt: skip
    assert found.residuals("score", collapse="g").index.tolist() == ["a", "b", "c"]
    dfbeta = found.residuals("dfbeta")["x"]
    assert np.sqrt((dfbeta**2).sum()) == pytest.approx(row(found, "x")["std_error"], rel=1e-10)
    for options, said in (({"kind": "raw"}, "kind: must"), ({"collapse": "club"}, "no column 'club'"),
                          ({"kind": "schoenfeld", "collapse": "g"}, "one per event")):  # fmt: skip
        with pytest.raises(InputError, match=said):
            found.residuals(**options)


def test_residuals_of_aliased_columns_are_unknown(df):
    found = fit(df.assign(twice=2 * df["x"]), "x + twice")
    for kind in ("dfbeta", "dfbetas", "scaled_schoenfeld"):
        assert found.residuals(kind)["twice"].isna().all()
        assert found.residuals(kind)["x"].notna().all()


# ---- proportional hazards ------------------------------------------------------------------------------------------
def test_frequency_weights_are_repeated_rows_in_every_answer(df):
    df["w"] = np.arange(120) % 3 + 1
    weighted = fit(df, "x + g", how={"weight": "w"}, strata="s")
    repeated = fit(df.loc[df.index.repeat(df["w"])].drop(columns="w"), "x + g", strata="s")
    for transform in ("km", "identity", "log"):
        np.testing.assert_allclose(
            weighted.check(transform).table["statistic"],
            repeated.check(transform).table["statistic"],
            rtol=1e-8,
        )
    new = df[["x", "g", "s"]].head(3)
    for c in ("estimate", "std_error", "n_risk", "n_event"):
        np.testing.assert_allclose(
            weighted.predict(new, [5, 20]).table[c], repeated.predict(new, [5, 20]).table[c], rtol=1e-8
        )
    for c in ("concordance", "concordance_std_error"):
        assert weighted.glance()[c].item() == pytest.approx(repeated.glance()[c].item(), rel=1e-9)
    firth = [f.table["estimate"] for f in (fit(df, "x", how={"weight": "w"}, firth=True),
                                           fit(df.loc[df.index.repeat(df["w"])].drop(columns="w"), "x", firth=True))]  # fmt: skip
    np.testing.assert_allclose(*firth, rtol=1e-8)


def test_an_effect_that_turns_is_found():
    rng = np.random.default_rng(5)
    n, x = 600, rng.integers(0, 2, 600)
    early = rng.exponential(np.where(x == 1, 5, 20), n)
    t = np.where(early < 10, early, 10 + rng.exponential(np.where(x == 1, 60, 10), n))
    df = pd.DataFrame({"t": t, "e": 1, "x": x, "one": 1.0})
    found = fit(df, "x + one").check("rank")
    table = found.table.set_index("term")
    assert table.loc["x", "p_value"] < 1e-6
    assert table.loc["one", "status"] == "not_estimable"
    assert table.loc["GLOBAL", "df"] == 1
    assert found.plot(lang="fr").get_ylabel() == "coefficient"
    assert "tous les termes" in found.summary("fr")
    with pytest.raises(InputError, match="term: must be"):
        found.plot(term="one")
    with pytest.raises(InputError, match="transform: must be"):
        fit(df, "x").check("sqrt")


def test_a_check_that_cannot_be_made_says_why(df):
    one = fit(df.assign(t=4), "x").check().table
    assert one["status"].tolist() == ["not_estimable"] * 2
    assert "too few distinct times" in one["reason"][0].text("en")
    with pytest.raises(InputError, match="no value at time 0"):
        fit(df.assign(t=df["t"] - 1), "x").check("log")


def test_a_published_check_knows_no_event(df):
    found = fit(df, "x").check()
    out = found.publish()
    assert out.effects is None
    with pytest.raises(InputError, match="before publishing"):
        out.plot()
    assert pickle.loads(pickle.dumps(found)).table.equals(found.table)
    for asked in ("predict", "residuals", "check", "hazard_ratios"):
        with pytest.raises(InputError, match="before publishing"):
            getattr(fit(df, "x").publish(), asked)()


# ---- ratios, contrasts ---------------------------------------------------------------------------------------------
def test_ratios_show_the_reference_with_its_people(df):
    found = fit(df, 'x + C(g, ref="b")').hazard_ratios()
    there = found.table[(found.table["term"] == "g") & (found.table["part"] == "b")].iloc[0]
    assert there["estimate"] == 1
    assert there["n"] == (df["g"] == "b").sum()
    assert there["n_event"] == df.loc[df["g"] == "b", "e"].sum()
    assert found.table["part"].tolist() == [None, "b", "a", "c"]
    assert "niveau de référence" in found.summary("fr")
    assert found.plot() is not None
    products = fit(df, "x * g").hazard_ratios().table
    assert products["term"].tolist() == ["x", "g", "g", "g", "x:g", "x:g"]


def test_a_contrast_of_two_levels_is_the_coefficient_under_another_reference(df):
    found, turned = fit(df, "x + g"), fit(df, 'x + C(g, ref="c")')
    told = found.contrast({"g[b]": 1, "g[c]": -1})
    for c in ("estimate", "std_error", "statistic", "p_value", "conf_low", "conf_high"):
        assert told.table[c].item() == pytest.approx(row(turned, "g[b]")[c], rel=1e-7)
    assert told.table["term"].item() == "g[b] - g[c]"
    assert told.tidy(exponentiate=True)["estimate"].item() == pytest.approx(
        np.exp(told.table["estimate"].item())
    )
    assert told.plot() is not None
    assert "rapport de risques" in told.summary("fr")
    several = found.contrast({"b against a": {"g[b]": 1, "g[a]": -1}, "two": {"x": 2}})
    assert several.table["estimate"].tolist() == pytest.approx(
        [row(found, "g[b]")["estimate"], 2 * row(found, "x")["estimate"]]
    )
    assert found.contrast({"x": -2, "g[b]": 1}).table["term"].item() == "- 2 x + g[b]"


def test_contrasts_refuse_what_they_cannot_say(df):
    found = fit(df.assign(twice=2 * df["x"]), "x + twice + g")
    told = found.contrast({"x": 1, "twice": 1}).table
    assert told["status"].item() == "not_estimable"
    assert "twice" in told["reason"].item().text("en")
    for weights, said in (
        ({}, "at least one"),
        ({"q": 1}, "no term 'q'"),
        ({"g[a]": 1}, "not all of them 0"),
        ({"x": np.nan}, "finite"),
        ({"x": 1, "two": {"x": 1}}, "not both"),
    ):
        with pytest.raises(InputError, match=said):
            found.contrast(weights)


# ---- concordance ---------------------------------------------------------------------------------------------------
def test_concordance_is_that_of_all_pairs_and_its_error_that_of_a_jackknife():
    rng = np.random.default_rng(2)
    n = 60
    entry = np.where(rng.random(n) < 0.4, rng.integers(1, 4, n), 0)
    time, event, risk = (
        entry + rng.integers(1, 9, n),
        rng.random(n) < 0.6,
        rng.integers(0, 12, n).astype(float),
    )

    def pairs(weight):
        good = all_pairs = 0.0
        for i in np.flatnonzero(event):
            for j in range(n):
                there = (entry[j] < time[i] or entry[j] == 0) and (
                    time[j] > time[i] or (time[j] == time[i] and not event[j])
                )
                if there:
                    all_pairs += weight[i] * weight[j]
                    good += (
                        weight[i]
                        * weight[j]
                        * (1.0 if risk[i] > risk[j] else 0.5 if risk[i] == risk[j] else 0.0)
                    )
        return good / all_pairs

    found = concordance(risk, time.astype(float), event, entry.astype(float))
    assert found.estimate == pytest.approx(pairs(np.ones(n)), rel=1e-12)
    step = 1e-5
    influence = [(pairs(np.ones(n) + step * (np.arange(n) == i)) - found.estimate) / step for i in range(n)]
    assert found.std_error == pytest.approx(np.sqrt(np.square(influence).sum()), rel=1e-4)
    nobody = concordance(risk, time.astype(float), np.zeros(n, bool))
    assert np.isnan(nobody.estimate)


def test_fits_survive_a_pickle(df):
    for options in ({}, {"firth": True}, {"ties": "exact"}, {"conf": "profile"}, {"cluster": "g"}):
        found = fit(df, "x + bs(z, df=4)", **options)
        again = pickle.loads(pickle.dumps(found))
        assert again.table.equals(found.table)
        assert (
            again.predict(df.head(2), 5)
            .table["estimate"]
            .equals(found.predict(df.head(2), 5).table["estimate"])
        )
