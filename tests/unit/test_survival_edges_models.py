"""Models at the edges: ties of predictors, what separation takes from the other terms, only levels, far extrapolation."""

import warnings

import numpy as np
import pandas as pd
import pytest

from evalkit import TimeToEvent
from evalkit.errors import InputError
from evalkit.survival import cox, cure, discrete_hazard, frailty, turnbull

pytestmark = pytest.mark.filterwarnings("error")


def read(frame: pd.DataFrame, **named) -> TimeToEvent:
    return TimeToEvent.from_frame(frame, "t", "e", provenance="simulated", **named)


def people(n: int = 40, seed: int = 5) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    return pd.DataFrame(
        {
            "t": rng.integers(1, 30, n),
            "e": rng.integers(0, 2, n),
            "x": rng.normal(size=n),
            "b": rng.integers(0, 2, n),
            "g": rng.choice(list("abc"), n),
            "site": np.arange(n) % 5,
        }
    )


def test_people_alike_are_tied_in_the_concordance():
    # A product of matrices rounds two of these people apart.
    rng = np.random.default_rng(7)
    n = 394
    frame = pd.DataFrame({
        "t": rng.integers(1, 60, n), "e": rng.integers(0, 2, n), "one": rng.integers(0, 2, n),
        "two": rng.integers(0, 2, n), "risk": rng.integers(6, 13, n),
    })  # fmt: skip
    fit = cox(read(frame), "one*two + risk")
    who = frame[["one", "two", "risk"]].apply(tuple, axis=1)
    lp = fit.fitted.concordance
    kinds = pd.factorize(who)[0]
    apart = np.abs(kinds[:, None] == kinds[None, :])
    time, event = frame["t"].to_numpy(), frame["e"].to_numpy() == 1
    later = (time[None, :] > time[:, None]) | ((time[None, :] == time[:, None]) & ~event[None, :])
    pairs = event[:, None] & later & ~np.eye(n, dtype=bool)
    assert lp.tied == (pairs & apart).sum()


def test_what_separation_leaves_nothing_of_is_named():
    # Each who meets the event is then the only one there of those who do: sep explains everything.
    frame = people(30, 3).assign(sep=lambda d: d["e"], i=np.arange(30) % 3, enter=0, t=100)
    frame.loc[frame["e"] == 1, "enter"] = np.arange(frame["e"].sum())
    frame.loc[frame["e"] == 1, "t"] = np.arange(frame["e"].sum()) + 1
    table = cox(read(frame, entry="enter"), "x + sep + i").tidy().set_index("term")
    assert (table["status"] == "not_estimable").all()
    assert "sep" in table.loc["x", "reason"]
    assert table.loc["x", ["estimate", "std_error"]].isna().all()


def test_a_term_beside_a_separated_one_is_still_estimated():
    frame = people(60, 4)
    frame.loc[frame["g"] == "c", "e"] = 0
    table = cox(read(frame), "x + g").tidy().set_index("term")
    assert table["status"].to_dict() == {"x": "ok", "g[b]": "ok", "g[c]": "not_estimable"}


def test_discrete_hazard_names_a_term_that_follows_from_the_baseline():
    # One period tells anything, and of the two people in it only one is there for each value.
    frame = pd.DataFrame({
        "t": [1, 2, 2, 2, 5, 6, 4], "e": [0, 0, 0, 0, 1, 0, 0], "x": [0, 2, 2, 0, 0, 1, 1], "b": [1, 1, 0, 0, 1, 1, 0],
    })  # fmt: skip
    table = discrete_hazard(read(frame), "x + b", period=3).tidy().set_index("term")
    assert table.loc["b", "reason"].startswith("follows entirely from the baseline")


def test_discrete_hazard_says_why_a_level_of_the_baseline_has_no_estimate():
    frame = pd.DataFrame({"t": [1, 1, 2, 2, 3, 3], "e": 1, "x": [0, 1, 0, 1, 0, 1]})
    table = discrete_hazard(read(frame), "x", period=10, baseline="constant").tidy()
    wrong = (table["status"] == "ok") & table["std_error"].isna()
    assert not wrong.any()
    assert table["reason"].notna().all()


def test_an_only_level_is_named_as_constant():
    frame = people().assign(g="a")
    table = cox(read(frame), "g + x").tidy()
    assert table["term"].tolist() == ["g[a]", "x"]
    assert table["reason"][0] == "does not vary: the same value (1) for everybody"
    fit = cox(read(frame), "g")
    assert fit.hazard_ratios().tidy()["part"].tolist() == ["a"]
    assert len(fit.predict(kind="lp").tidy()) == len(frame)
    assert fit.residuals("schoenfeld").shape[0] == frame["e"].sum()


def test_poly_of_too_few_values_is_refused_in_words():
    with pytest.raises(InputError, match=r"poly\(x, degree=2\): x has 2 distinct values"):
        cox(read(people().assign(x=lambda d: d["b"])), "poly(x, 2)")
    fit = cox(read(people()), "poly(x, 2)")
    assert len(fit.predict(pd.DataFrame({"x": [0.1]}), times=10).tidy()) == 1


def test_ratios_too_large_for_a_number_are_infinite_without_warnings():
    frame = people().assign(x=lambda d: d["x"] * 1e-8)
    fit = cox(read(frame), "x + b")
    assert np.isinf(fit.tidy(exponentiate=True)[["estimate", "conf_low", "conf_high"]].to_numpy()).any()
    assert "b" in fit.summary("fr")
    fit.hazard_ratios()
    far = cox(read(frame.assign(x=frame["x"] * 1e8 + 1e9)), "x")
    for kind in ("survival", "cumulative_hazard"):
        far.baseline(kind=kind)
    fit.predict(pd.DataFrame({"x": [1.0], "b": [0]}), times=10, kind="cumulative_hazard")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        discrete_hazard(read(frame), "x", period=10).summary("en")
        frailty(read(frame), "x", cluster="site").summary("fr")


def test_residuals_of_a_lasso_without_a_term():
    fit = cox(read(people()), "x + b", penalty=1000.0, l1_ratio=1.0)
    assert fit.residuals("dfbetas").shape == (40, 2)


def test_hazards_of_collinear_terms_under_a_ridge_are_checked():
    frame = people().assign(twice=lambda d: 2 * d["x"])
    check = cox(read(frame), "x + twice", penalty=1.0).check()
    assert set(check.tidy()["status"]) <= {"ok", "not_estimable"}


def test_frailty_without_a_term_that_can_be_estimated():
    fit = frailty(read(people().assign(one=1.0)), "one", cluster="site", theta=0.5)
    assert fit.tidy()["status"].tolist()[0] == "not_estimable"


def test_turnbull_at_a_time_before_every_event():
    frame = pd.DataFrame({"lo": [2, 1, 2, 3, 5, 3, 1, 3], "up": [2, 1, 3, 3, np.inf, 3, np.inf, 5]})
    row = turnbull(TimeToEvent.from_intervals(frame, "lo", "up", provenance="simulated")).at(0).tidy().iloc[0]
    assert row["estimate"] == 1


def test_cure_profile_bounds_on_a_flat_likelihood():
    frame = pd.DataFrame(
        {"t": [1, 1, 2, 3, 1], "e": [1, 1, 1, 0, 1], "a": [1, 0, 0, 1, 0], "b": [0, 1, 0, 1, 0]}
    )
    frame["t"] *= 1e8
    fit = cure(read(frame), "a + b", cure_formula="b", family="log_logistic")
    shares = fit.cured_share(frame[:2]).tidy()
    assert (shares["conf_low"].isna() | (shares["conf_low"] <= shares["conf_high"])).all()


def test_times_equal_but_for_rounding_are_one_in_the_check_and_the_concordance():
    frame = people(300, 6).assign(
        a=lambda d: d["site"] * 10 + d["b"], stop=lambda d: d["site"] * 10 + d["b"] + d["t"]
    )
    whole = TimeToEvent.from_frame(frame, "stop", "e", entry="a", provenance="simulated")
    years = frame.assign(a=frame["a"] / 12, stop=frame["a"] / 12 + frame["t"] / 12)
    assert years["stop"].nunique() > frame["stop"].nunique()
    rounded = TimeToEvent.from_frame(years, "stop", "e", entry="a", provenance="simulated")
    one, other = cox(whole, "x + g"), cox(rounded, "x + g")
    columns = ["concordance", "concordance_std_error"]
    np.testing.assert_allclose(other.glance()[columns], one.glance()[columns], rtol=1e-10)
    for transform in ("km", "rank"):
        statistic = one.check(transform).tidy()["statistic"]
        np.testing.assert_allclose(other.check(transform).tidy()["statistic"], statistic, rtol=1e-8)
