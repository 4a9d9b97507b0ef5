"""Penalised Cox models and shared frailty at their edges."""

import pickle

import matplotlib
import numpy as np
import pandas as pd
import pytest

from evalkit.errors import InputError
from evalkit.survival import cox, frailty
from evalkit.survival.core.slots import place
from evalkit.survival.proportional.arrow import Arrow
from evalkit.survival.proportional.laws import LAWS
from evalkit.survival.proportional.partial import Likelihood
from evalkit.timetoevent import TimeToEvent

matplotlib.use("Agg")


def sites(n=180, clusters=30, seed=3, theta=0.7, provenance="records", **columns):
    rng = np.random.default_rng(seed)
    site = rng.integers(0, clusters, n)
    x = rng.normal(size=n).round(2)
    luck = rng.gamma(1 / theta, theta, clusters) if theta else np.ones(clusters)
    time, end = np.ceil(rng.exponential(40 / (luck[site] * np.exp(0.6 * x)))), rng.integers(15, 90, n)
    frame = pd.DataFrame({"t": np.minimum(time, end), "e": (time <= end).astype(int), "x": x, "site": site})
    return TimeToEvent.from_frame(frame.assign(**columns), "t", "e", provenance=provenance)


# ---- frailty ---------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("law", LAWS)
def test_the_information_is_the_derivative_of_the_slope(law):
    tte = sites(60, 8)
    x = np.asfortranarray(tte.covariates[["x"]].to_numpy(float))
    slots = place(tte.time, tte.event)
    likelihood = Likelihood.of(x, slots, tte.event, None, False, x.mean(axis=0), "efron", np.zeros(tte.n))
    arrow = Arrow(likelihood, np.zeros(tte.n), tte.covariates["site"].to_numpy(), 8)
    penalty = LAWS[law].penalty(0.4)
    rng = np.random.default_rng(0)
    at, way = rng.normal(0, 0.3, 9), rng.normal(size=9)
    slope = lambda v: arrow._slope(penalty, arrow._look(penalty, v[:1], v[1:]))
    numeric = (slope(at - 1e-5 * way) - slope(at + 1e-5 * way)) / 2e-5
    top = arrow._look(penalty, at[:1], at[1:])
    np.testing.assert_allclose(arrow._times(top, way), numeric, rtol=1e-6)
    block = np.array([arrow._times(top, np.r_[0.0, unit])[1:] for unit in np.eye(8)])
    np.testing.assert_allclose(arrow._block(top), block, rtol=1e-8, atol=1e-10)


@pytest.mark.parametrize("law", LAWS)
def test_many_clusters_are_nearly_exact(law, monkeypatch):
    tte = sites(240, 60)
    exact = frailty(tte, "x", cluster="site", distribution=law)
    monkeypatch.setattr("evalkit.survival.proportional.arrow._EXACT", 0.0)
    near = frailty(tte, "x", cluster="site", distribution=law)
    np.testing.assert_allclose(near.theta, exact.theta, rtol=0.01)
    np.testing.assert_allclose(near.table["std_error"][0], exact.table["std_error"][0], rtol=0.001)
    np.testing.assert_allclose(near.clusters["std_error"], exact.clusters["std_error"], rtol=0.04)
    np.testing.assert_allclose(near.table["statistic"][1], exact.table["statistic"][1], rtol=0.05)


@pytest.mark.parametrize("law", LAWS)
def test_no_variance_between_clusters(law):
    fit = frailty(sites(200, 25, seed=11, theta=0), "x", cluster="site", distribution=law)
    row = fit.table.iloc[-1]
    plain = cox(sites(200, 25, seed=11, theta=0), "x").table.iloc[0]
    if fit.theta == 0:
        assert row["p_value"] == 1
        np.testing.assert_allclose(fit.table["std_error"][0], plain["std_error"])
        assert (fit.clusters["estimate"] == 0).all()
    assert row["conf_low"] == 0
    assert row["conf_high"] > 0
    assert 0.05 < row["p_value"] <= 1


@pytest.mark.parametrize("law", LAWS)
def test_bounds_are_where_the_likelihood_falls(law):
    tte = sites()
    fit = frailty(tte, "x", cluster="site", distribution=law, conf_level=0.9)
    row = fit.table.iloc[-1]
    value = lambda theta: frailty(tte, "x", cluster="site", distribution=law, theta=theta).likelihoods[2]
    assert row["conf_low"] < fit.theta < row["conf_high"]
    np.testing.assert_allclose(value(row["conf_high"]), value(row["conf_low"]), atol=1e-5)
    if law == "gamma":
        np.testing.assert_allclose(2 * (value(fit.theta) - value(row["conf_high"])), 2.705543, rtol=1e-5)


def test_a_variance_given_is_not_tested():
    fit = frailty(sites(), "x", cluster="site", theta=0.5)
    row = fit.table.iloc[-1]
    assert row["estimate"] == fit.theta == 0.5
    assert np.isnan(row["p_value"])
    assert "chosen" in row["reason"].text("en")


def test_episodes_of_people():
    rng = np.random.default_rng(4)
    rows = []
    for person in range(40):
        now, luck = 0.0, rng.gamma(2, 0.5)
        while now < 40:
            stop = min(now + float(np.ceil(rng.exponential(12 / luck))), 40.0)
            rows.append((person, now, stop, int(stop < 40), person % 2))
            now = stop
    frame = pd.DataFrame(rows, columns=["id", "a", "b", "e", "arm"])
    tte = TimeToEvent.from_frame(frame, "b", "e", entry="a", id="id", provenance="records")
    fit = frailty(tte, "arm", cluster="id")
    assert fit.theta > 0
    assert not any("arrival" in said.text("en") for said in fit.caveats)
    # People appear by pseudonym, and not at all once published.
    assert not set(fit.frailties().table["id"].astype(str)) & set(map(str, range(40)))
    assert fit.frailties().publish().table["estimate"].isna().all()
    assert any(
        "arrival" in said.text("en")
        for said in frailty(tte.subset(tte.entry > 0), "arm", cluster="id").caveats
    )


def test_terms_that_cannot_be_estimated_are_named():
    tte = sites()
    odd = tte.covariates.assign(twice=2 * tte.covariates["x"], one=1.0, seen=tte.cause)
    fit = frailty(tte.with_covariates(odd), "x + twice + one", cluster="site")
    assert fit.table["status"].tolist() == ["ok", "not_estimable", "not_estimable", "ok"]
    np.testing.assert_allclose(
        fit.table["estimate"][0], frailty(tte, "x", cluster="site").table["estimate"][0], rtol=1e-7
    )
    apart = frailty(tte.with_covariates(odd), "seen + x", cluster="site")
    assert "separation" in apart.table["reason"][0].text("en")
    assert apart.table["status"][1] == "ok"


def test_few_clusters_and_strata_are_said():
    fit = frailty(sites(100, 8, region=np.arange(100) % 2), "x", cluster="site", strata="region")
    said = [c.text("en") for c in fit.caveats]
    assert any("Only 8 clusters" in s for s in said)
    assert any("stratum" in s for s in said)


def test_scales_and_order_of_rows():
    tte = sites()
    plain = frailty(tte, "x", cluster="site")
    order = np.random.default_rng(0).permutation(tte.n)
    frame = tte.covariates.assign(t=tte.time, e=tte.cause).iloc[order]
    other = frailty(
        TimeToEvent.from_frame(frame.assign(x=frame["x"] * 1e6 + 1e8), "t", "e"), "x", cluster="site"
    )
    np.testing.assert_allclose(other.theta, plain.theta, rtol=1e-5)
    np.testing.assert_allclose(other.table["estimate"][0] * 1e6, plain.table["estimate"][0], rtol=1e-5)


@pytest.mark.parametrize(
    ("how", "said"),
    [
        ({"distribution": "stable"}, "distribution"),
        ({"ties": "exact"}, "ties"),
        ({"theta": -1}, "theta"),
        ({"cluster": "nowhere"}, "cluster"),
        ({"cluster": "n"}, "rename"),
        ({"cluster": "two"}, "2 levels"),
        ({"cluster": "own"}, "one person with at most one event"),
    ],
)
def test_frailty_refuses(how, said):
    with pytest.raises(InputError, match=said):
        frailty(_odd(), "x", **({"cluster": "site"} | how))


def _odd():
    tte = sites(60)
    return tte.with_covariates(pd.DataFrame({"n": 1, "two": np.arange(60) % 2, "own": np.arange(60)}))


def test_frailty_refuses_data():
    tte = sites(60)
    frame = tte.covariates.assign(t=tte.time, e=tte.cause, w=1.5, k=2, id=np.arange(60))
    with pytest.raises(InputError, match="sampling"):
        frailty(
            TimeToEvent.from_frame(frame, "t", "e", weight="w", weight_kind="sampling"), "x", cluster="site"
        )
    with pytest.raises(InputError, match="repeat the rows"):
        frailty(TimeToEvent.from_frame(frame, "t", "e", weight="k", id="id"), "x", cluster="id")
    with pytest.raises(InputError, match="no event"):
        frailty(TimeToEvent.from_frame(frame.assign(e=0), "t", "e"), "x", cluster="site")
    gaps = tte.with_covariates(pd.DataFrame({"x": tte.covariates["x"].where(np.arange(60) > 1)}))
    with pytest.raises(InputError, match="missing"):
        frailty(gaps, "x", cluster="site")
    assert any(
        "2 people left out" in c.text("en")
        for c in frailty(gaps, "x", cluster="site", missing="drop").caveats
    )


@pytest.mark.parametrize("lang", ["fr", "en"])
def test_frailty_is_said_drawn_pickled_and_published(lang):
    fit = frailty(sites(), "x", cluster="site")
    assert ("variance entre groupes" if lang == "fr" else "variance between clusters") in fit.summary(lang)
    assert fit.plot(lang=lang).get_xscale() == "log"
    assert fit.frailties().plot(lang=lang) is not None
    assert fit.tidy(exponentiate=True)["estimate"].tolist() == [np.exp(fit.table["estimate"][0]), fit.theta]
    assert pickle.loads(pickle.dumps(fit)).glance().equals(fit.glance())
    published = fit.publish()
    assert published.clusters is None
    assert published.glance().shape[0] == 1
    with pytest.raises(InputError, match="published"):
        published.frailties()
    opened = frailty(sites(provenance="open"), "x", cluster="site").publish()
    assert opened.clusters is not None
    matplotlib.pyplot.close("all")


# ---- penalties -------------------------------------------------------------------------------------------------------
def many(n=90, p=6, seed=2):
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(n, p)) * np.arange(1, p + 1)
    time = np.ceil(rng.exponential(30 * np.exp(-0.6 * x[:, 0])))
    end = rng.integers(5, 80, n)
    frame = pd.DataFrame(x, columns=[f"x{k + 1}" for k in range(p)])
    return TimeToEvent.from_frame(
        frame.assign(t=np.minimum(time, end), e=(time <= end).astype(int)), "t", "e", provenance="open"
    )


TERMS = "x1 + x2 + x3 + x4 + x5 + x6"


def slopes(tte, beta, ties="efron"):
    """Return the gradient of the log partial likelihood."""
    x = np.asfortranarray(tte.covariates.to_numpy(float))
    likelihood = Likelihood.of(x, place(tte.time, tte.event), tte.event, None, False, x.mean(axis=0), ties)
    return likelihood.look(np.asarray(beta, float)).gradient, x.std(axis=0)


@pytest.mark.parametrize("l1_ratio", [1.0, 0.5])
@pytest.mark.parametrize("ties", ["efron", "breslow"])
def test_conditions_of_a_lasso(l1_ratio, ties):
    tte = many()
    fit = cox(tte, TERMS, penalty=6, l1_ratio=l1_ratio, ties=ties)
    beta = fit.table["estimate"].to_numpy()
    gradient, spread = slopes(tte, beta, ties)
    pull = gradient / spread - 6 * (1 - l1_ratio) * beta * spread
    held = beta != 0
    assert held.any()
    assert not held.all()
    np.testing.assert_allclose(pull[held], 6 * l1_ratio * np.sign(beta[held]), rtol=1e-8)
    assert (np.abs(pull[~held]) <= 6 * l1_ratio).all()


def test_a_lasso_has_no_errors_and_says_so():
    fit = cox(many(), TERMS, penalty=6, l1_ratio=1)
    assert fit.table[["std_error", "p_value", "conf_low", "conf_high"]].isna().all(axis=None)
    taken = fit.table["estimate"] == 0
    assert {r.text("en") for r in fit.table["reason"][taken]} == {"taken out by the penalty"}
    assert (fit.table["status"] == "ok").all()
    assert any("chosen on the same data" in c.text("en") for c in fit.caveats)
    assert any("mêmes données" in c.text("fr") for c in cox(many(), TERMS, penalty=6, l1_ratio=0.5).caveats)
    assert fit.glance()["lr_df"].item() == (~taken).sum()
    for lang in ("fr", "en"):
        assert fit.summary(lang)
        assert fit.plot(lang=lang) is not None
    assert pickle.loads(pickle.dumps(fit)).table["estimate"].equals(fit.table["estimate"])
    matplotlib.pyplot.close("all")


def test_a_large_penalty_takes_everything_out():
    gradient, spread = slopes(many(), np.zeros(6))
    top = np.abs(gradient / spread).max()
    assert (cox(many(), TERMS, penalty=1.001 * top, l1_ratio=1).table["estimate"] == 0).all()
    assert (cox(many(), TERMS, penalty=0.99 * top, l1_ratio=1).table["estimate"] != 0).sum() == 1
    assert cox(many(), TERMS, penalty=1e6).table["estimate"].abs().max() < 1e-3


def test_a_small_penalty_changes_nothing():
    plain = cox(many(), TERMS).table
    for l1_ratio in (0.0, 1.0):
        drawn = cox(many(), TERMS, penalty=1e-9, l1_ratio=l1_ratio).table
        np.testing.assert_allclose(drawn["estimate"], plain["estimate"], rtol=1e-6)
    np.testing.assert_allclose(
        cox(many(), TERMS, penalty=1e-9).table["std_error"], plain["std_error"], rtol=1e-6
    )


def test_a_ridge_shares_equal_columns_and_bounds_separation():
    tte = many()
    odd = tte.with_covariates(tte.covariates.assign(again=tte.covariates["x1"], seen=tte.cause, one=1.0))
    fit = cox(odd, "x1 + again + seen + one", penalty=3)
    table = fit.table.set_index("term")
    np.testing.assert_allclose(table.loc["x1", "estimate"], table.loc["again", "estimate"], rtol=1e-6)
    assert table["status"].tolist() == ["ok", "ok", "ok", "not_estimable"]
    assert np.isfinite(table.loc["seen", "estimate"])
    drawn = cox(odd, "x1 + seen + one", penalty=3, l1_ratio=0.5).table
    assert drawn["status"].tolist() == ["ok", "ok", "not_estimable"]


@pytest.mark.parametrize("l1_ratio", [0.0, 0.7])
def test_scales_do_not_matter_when_standardised(l1_ratio):
    tte = many()
    plain = cox(tte, TERMS, penalty=4, l1_ratio=l1_ratio).table["estimate"]
    moved = tte.with_covariates(tte.covariates * 1e5 + 1e6)
    np.testing.assert_allclose(
        cox(moved, TERMS, penalty=4, l1_ratio=l1_ratio).table["estimate"] * 1e5, plain, rtol=1e-5, atol=1e-9
    )


def test_counts_are_repeated_rows_under_a_penalty():
    tte = many()
    count = np.random.default_rng(0).integers(1, 4, tte.n)
    frame = tte.covariates.assign(t=tte.time, e=tte.cause)
    weighted = TimeToEvent.from_frame(frame.assign(k=count), "t", "e", weight="k")
    repeated = TimeToEvent.from_frame(frame.loc[np.repeat(frame.index, count)], "t", "e")
    for l1_ratio in (0.0, 0.5):
        found, expected = (
            cox(t, TERMS, penalty=5, l1_ratio=l1_ratio).table["estimate"] for t in (weighted, repeated)
        )
        np.testing.assert_allclose(found, expected, rtol=1e-8, atol=1e-10)


@pytest.mark.parametrize(
    ("how", "said"),
    [
        ({"penalty": -1}, "penalty"),
        ({"penalty": np.inf}, "penalty"),
        ({"penalty": 1, "l1_ratio": 2}, "l1_ratio"),
        ({"l1_ratio": 0.5}, "give penalty="),
        ({"penalty": 1, "firth": True}, "firth"),
        ({"penalty": 1, "robust": True}, "robust"),
        ({"penalty": 1, "ties": "exact"}, "exact"),
        ({"penalty": 1, "conf": "profile"}, "profile"),
    ],
)
def test_penalties_refuse(how, said):
    with pytest.raises(InputError, match=said):
        cox(many(), TERMS, **how)
