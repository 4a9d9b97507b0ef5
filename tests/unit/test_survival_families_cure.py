"""Mixture cure models: a share that never leaves is said only when the follow-up shows it."""

import dataclasses
import pickle
import sys

import numpy as np
import pandas as pd
import pytest
from scipy.special import logit

from evalkit import wording
from evalkit.errors import InputError
from evalkit.survival import cure
from evalkit.survival.families.following import FollowUpLength, follow_up_length
from evalkit.survival.families.rows import rows_of
from evalkit.timetoevent import TimeToEvent


@pytest.fixture(autouse=True)
def close_figures():
    yield
    if "matplotlib.pyplot" in sys.modules:
        sys.modules["matplotlib.pyplot"].close("all")


def frame(n=240, seed=4, follow_up=(150, 300)):
    rng = np.random.default_rng(seed)
    helped, z = rng.integers(0, 2, n), rng.normal(size=n)
    never = rng.random(n) < 1 / (1 + np.exp(0.4 - 0.8 * helped))
    time = np.where(never, np.inf, 30 * np.exp(0.3 * z) * rng.weibull(1.4, n))
    end = rng.uniform(*follow_up, n)
    return pd.DataFrame({
        "time": np.ceil(np.minimum(time, end)), "left": time <= end, "helped": helped, "z": z,
        "arm": np.where(helped, "b", "a"), "cluster": rng.integers(0, 25, n), "w": rng.uniform(0.5, 2, n),
    })  # fmt: skip


def times(df=None, **options):
    options = {"provenance": "open"} | options
    return TimeToEvent.from_frame(frame() if df is None else df, "time", "left", **options)


# -- is the follow-up long enough? ---------------------------------------------------------------------------------------
def test_the_tail_is_measured():
    # 10 people, last event on day 6, followed until day 8: of the events after day 4 there are two.
    tte = TimeToEvent([1, 2, 3, 5, 6, 7, 7, 8, 8, 8], [1] * 5 + [0] * 5, ("left",))
    found = follow_up_length(rows_of(tte, None, None, "cure"))
    assert found == FollowUpLength(n=10, last_event=6, last_time=8, n_after=5, n_late=2)
    assert found.plateau == 2
    np.testing.assert_allclose([found.q, found.alpha], [0.2, 0.8**10])
    twice = TimeToEvent([1, 2, 3, 5, 6, 7, 7, 8, 8, 8], [1] * 5 + [0] * 5, ("left",), weight=[2] * 10)
    doubled = follow_up_length(rows_of(twice, None, None, "cure"))
    assert (doubled.n, doubled.n_after, doubled.n_late) == (20, 10, 4)
    # The event comes last: nothing says that no more would come.
    last = follow_up_length(rows_of(TimeToEvent([1, 2, 3], [0, 1, 1], ("left",)), None, None, "cure"))
    assert last.alpha == 1
    assert not last.enough


def test_the_tail_counts_people_not_rows():
    rows = pd.DataFrame(
        {"id": [1, 1, 2, 3], "start": [0, 4, 0, 0], "time": [4, 9, 3, 8], "left": [0, 0, 1, 1]}
    )
    tte = TimeToEvent.from_frame(rows, "time", "left", entry="start", id="id")
    assert follow_up_length(rows_of(tte, None, None, "cure")).n == 3


def test_a_long_follow_up_gives_a_share():
    fit = cure(times(), "z", "helped")
    assert fit.tidy()["status"].eq("ok").all()
    assert any("long enough" in c.text("en") for c in fit.caveats)
    tail = fit.follow_up().tidy().set_index("term")
    assert (
        tail.loc["plateau", "estimate"]
        == tail.loc["last_time", "estimate"] - tail.loc["last_event", "estimate"]
    )
    assert tail.loc["q", "p_value"] < 0.05
    assert "palier" in fit.follow_up().summary("fr")
    assert fit.glance()["cured_statistic"].isna().all()
    assert cure(times()).glance()["cured_p_value"][0] < 1e-6


def test_a_short_follow_up_gives_none():
    fit = cure(times(frame(follow_up=(30, 50))), "z", "helped")
    table = fit.tidy()
    cured = table["part"] == "cured"
    assert table.loc[cured, "status"].eq("not_estimable").all()
    assert table.loc[cured, "reason"].str.contains("too near the end of follow-up").all()
    assert table.loc[cured, "estimate"].notna().all()
    assert table.loc[cured, ["std_error", "conf_low", "p_value"]].isna().all(axis=None)
    assert table.loc[~cured, "status"].eq("ok").all()
    share = fit.cured_share().tidy()
    assert share["status"].eq("not_estimable").all()
    assert share["conf_low"].isna().all()
    assert fit.follow_up().tidy()["status"].eq("not_estimable").all()
    assert any("too short" in c.text("en") for c in fit.caveats)
    assert "not identifiable" in fit.summary("en")
    assert "non identifiable" in fit.summary("fr")


def test_nobody_cured_is_the_edge_of_the_model():
    rng = np.random.default_rng(7)
    fit = cure(TimeToEvent(10 * rng.weibull(1.5, 200), np.ones(200), ("left",)))
    first = fit.tidy().iloc[0]
    assert first["status"] == "not_estimable"
    assert "share of 0" in first["reason"]
    assert not any("without end" in c.text("en") for c in fit.caveats)
    assert fit.cured_share().tidy()["status"][0] == "not_estimable"
    glance = fit.glance()
    assert glance["cured_statistic"][0] < 1e-6
    assert glance["cured_p_value"][0] >= 0.4
    # Were the follow-up long enough, the likelihood itself would bound the share from above.
    long = dataclasses.replace(fit, length=FollowUpLength(200, 30.0, 90.0, 20, 50))
    share = long.cured_share().tidy().iloc[0]
    assert share["status"] == "ok"
    assert share["estimate"] == share["conf_low"] == 0
    assert 0 < share["conf_high"] < 0.05
    assert np.isnan(long.cured_share(conf="wald").tidy()["conf_high"][0])


# -- the share ---------------------------------------------------------------------------------------------------------
def test_the_profile_falls_by_the_quantile_at_its_bounds():
    fit = cure(times(), "z")
    share = fit.cured_share().tidy().iloc[0]
    highest = fit.glance()["log_likelihood"][0]
    likelihood, start = fit.model.likelihood, fit.model.summit.theta
    from scipy.optimize import minimize

    for bound in ("conf_low", "conf_high"):
        fixed = logit(share[bound])
        found = minimize(
            lambda rest, at=fixed: -likelihood.look(np.r_[at, rest]).value, start[1:], method="Nelder-Mead",
            options={"xatol": 1e-9, "fatol": 1e-10, "maxiter": 4000},
        )  # fmt: skip
        np.testing.assert_allclose(2 * (highest + found.fun), 3.841458820694124, rtol=1e-5)


def test_a_share_by_person_and_on_average():
    fit = cure(times(), "z", "arm")
    new = pd.DataFrame({"arm": ["a", "b"]})
    by = fit.cured_share(new).tidy()
    assert by["row"].tolist() == [0, 1]
    assert by["method"].eq("profile").all()
    average = fit.cured_share().tidy().iloc[0]
    shares = frame()["arm"].map(dict(zip("ab", by["estimate"], strict=True)))
    np.testing.assert_allclose(average["estimate"], shares.mean(), rtol=1e-10)
    assert average["method"] == "wald"
    wald = fit.cured_share(new, conf="wald").tidy()
    np.testing.assert_allclose(by[["conf_low", "conf_high"]], wald[["conf_low", "conf_high"]], atol=0.01)
    ratios = fit.tidy(exponentiate=True)
    odds = by["estimate"] / (1 - by["estimate"])
    np.testing.assert_allclose(ratios["estimate"][0], odds[1] / odds[0], rtol=1e-9)
    assert cure(times()).cured_share(new.iloc[:1]).tidy()["row"].tolist() == [0]
    for options, match in (
        ({"conf": "exact"}, "must be one of"),
        ({"conf": "profile"}, "average over people"),
        ({"new": [1]}, "DataFrame"),
    ):
        with pytest.raises(InputError, match=match):
            fit.cured_share(**options)
    with pytest.raises(InputError, match="ratios of time"):
        fit.tidy(ratio="hazard")


def test_a_share_under_a_robust_variance():
    fit = cure(times(weight="w", weight_kind="sampling"), "z", cluster="cluster")
    share = fit.cured_share().tidy()
    assert share["method"][0] == "wald"
    assert fit.glance()["cured_statistic"].isna().all()
    with pytest.raises(InputError, match="robust variance"):
        fit.cured_share(conf="profile")
    with pytest.raises(InputError, match="sampling weights"):
        cure(times(weight="w", weight_kind="sampling"))
    two = cure(times(frame().assign(cluster=lambda d: d.index % 2)), cluster="cluster")
    assert (
        "two" in two.cured_share().tidy()["reason"][0]
        or "2 clusters" in two.cured_share().tidy()["reason"][0]
    )
    assert np.isnan(two.cured_share().tidy()["conf_low"][0])


def test_everybody_helped_stays_is_separation_of_the_share():
    df = frame().assign(left=lambda d: d["left"] & (d["helped"] == 0))
    fit = cure(times(df), cure_formula="helped")
    table = fit.tidy().set_index("term")
    assert table.loc["helped", "status"] == "not_estimable"
    assert "rises" in table.loc["helped", "reason"]
    assert fit.predict(pd.DataFrame({"helped": [0, 1]}), 20).tidy()["status"].tolist() == [
        "ok",
        "not_estimable",
    ]


# -- what is refused, what is read ----------------------------------------------------------------------------------------
def test_what_has_no_meaning_is_refused():
    with pytest.raises(InputError, match="family: must be one of"):
        cure(times(), family="spline")
    with pytest.raises(InputError, match="time 0"):
        cure(times(pd.concat([frame(), pd.DataFrame({"time": [0.0], "left": [True]})])))
    rows = pd.DataFrame(
        {"id": [1, 1, 2, 3], "start": [0, 4, 0, 0], "time": [4, 9, 3, 8], "left": [1, 1, 1, 0]}
    )
    tte = TimeToEvent.from_frame(rows, "time", "left", entry="start", id="id")
    with pytest.raises(InputError, match="1 ids meet the event more than once"):
        cure(tte)
    rows = rows.assign(left=[0, 1, 1, 0], z=[0.0, 1.0, 2.0, 0.5])
    changing = TimeToEvent.from_frame(rows, "time", "left", entry="start", id="id")
    with pytest.raises(InputError, match="change from one row"):
        cure(changing, "z")


def test_missing_values_are_dropped_and_counted():
    df = frame()
    df.loc[[0, 1, 2], "z"] = np.nan
    fit = cure(times(df), "z", missing="drop")
    assert fit.glance()["n"][0] == 237
    assert any("3 people left out" in c.text("en") for c in fit.caveats)


def test_delayed_entry_and_intervals():
    df = frame().assign(start=lambda d: np.where(d["time"] > 8, 4, 0))
    late = cure(times(df, entry="start"), "z")
    assert any("only indicative" in c.text("en") for c in late.caveats)
    low = np.floor(df["time"] / 10) * 10
    high = np.where(df["left"], low + 10, np.inf)
    known = TimeToEvent.from_intervals(
        df.assign(low=np.where(df["left"], low, df["time"]), high=high), "low", "high"
    )
    fit, exact = cure(known, "z"), cure(times(df), "z")
    np.testing.assert_allclose(fit.tidy()["estimate"], exact.tidy()["estimate"], atol=0.15)
    assert fit.plot().has_data()


@pytest.mark.parametrize(
    "family", ["exponential", "weibull", "log_normal", "log_logistic", "generalised_gamma"]
)
def test_fits_pickle_publish_and_speak(family):
    fit = cure(times(provenance="records"), "z", "arm", family)
    again = pickle.loads(pickle.dumps(fit))
    new = pd.DataFrame({"arm": ["a"], "z": [0.0]})
    pd.testing.assert_frame_equal(again.predict(new, 9).tidy(), fit.predict(new, 9).tidy())
    published = fit.publish()
    assert published.length is None
    for ask in (published.cured_share, published.follow_up, published.plot):
        with pytest.raises(InputError, match="published"):
            ask()
    assert "cured_statistic" not in published.glance()
    for lang in wording.LANGUAGES:
        assert "jamais" in fit.summary("fr")
        assert fit.plot(lang=lang).has_data()
        assert published.summary(lang)
    assert fit.cured_share().publish().tidy()["status"].eq("ok").all()


def test_quantiles_that_the_share_forbids():
    found = cure(times(), "z").predict(pd.DataFrame({"z": [0.0]}), kind="quantile", p=[0.2, 0.9]).tidy()
    assert found["status"].tolist() == ["ok", "not_estimable"]
    assert "never meets it" in found["reason"][1]
