"""Missing covariates: what is filled in, what is refused, and that the pooled answer is right when complete cases are not."""

import numpy as np
import pandas as pd
import pytest

from evalkit.errors import InputError
from evalkit.numerics.imputation import chained
from evalkit.numerics.rubin import pooled
from evalkit.result import Result
from evalkit.survival import cox, impute, kaplan_meier
from evalkit.timetoevent import TimeToEvent
from evalkit.wording import message


def people(n, seed, beta=0.7):
    """Return times whose covariate `x` is missing more often where exit and `z` agree: complete cases mislead."""
    rng = np.random.default_rng(seed)
    z = rng.normal(size=n)
    x = 0.7 * z + 0.7 * rng.normal(size=n)
    exits = rng.exponential(300 * np.exp(-beta * x), n)
    end = rng.uniform(100, 900, n)
    time, event = np.ceil(np.minimum(exits, end)), exits <= end
    lost = rng.random(n) < np.where(event == (z > 0), 0.6, 0.05)
    frame = pd.DataFrame({"x": np.where(lost, np.nan, x), "z": z, "full": x})
    return TimeToEvent(time, event.astype(int), ("relapse",), covariates=frame)


def test_the_pooled_answer_is_right_where_complete_cases_are_not():
    pulled, straight = [], []
    for seed in range(12):
        tte = people(400, seed)
        complete = cox(tte, "x", missing="drop").table["estimate"][0]
        sets = impute(tte, columns=["x", "z"], m=5, iterations=3, seed=seed)
        straight.append(pooled(lambda t: cox(t, "x"), sets).table["estimate"][0])
        pulled.append(complete)
    error = np.std(straight) / np.sqrt(12)
    assert abs(np.mean(straight) - 0.7) < 3 * error
    assert np.mean(pulled) < 0.7 - 5 * error


def test_what_was_filled_in_is_said_and_the_rest_left_alone():
    tte = people(170, 3)
    sets = impute(tte, columns=["x", "z"], m=3, seed=1)
    lacking = tte.covariates["x"].isna().to_numpy()
    for one in sets:
        assert one.covariates["x"].notna().all()
        np.testing.assert_array_equal(one.covariates["x"][~lacking], tte.covariates["x"][~lacking])
        assert str(lacking.sum()) in one.rule[-1].text("fr")
    # Predictive mean matching lends values that were seen; the sets differ.
    assert np.isin(sets[0].covariates["x"], tte.covariates["x"]).all()
    assert not sets[0].covariates["x"].equals(sets[1].covariates["x"])
    again = impute(tte, columns=["x", "z"], m=3, seed=1)
    assert again[2].covariates["x"].equals(sets[2].covariates["x"])


def test_categories_and_true_false_are_filled_with_their_own_levels():
    rng = np.random.default_rng(5)
    n = 600
    site = rng.choice(["a", "b", "c"], n, p=[0.5, 0.3, 0.2])
    helped = rng.random(n) < np.where(site == "c", 0.9, 0.2)
    frame = pd.DataFrame(
        {"site": site, "helped": helped.astype(object), "level": pd.Categorical(site, ["c", "b", "a"])}
    )
    gone = rng.random(n) < 0.3
    frame.loc[gone, "site"] = None
    frame.loc[rng.random(n) < 0.1, "helped"] = None
    made = chained(frame[["site", "helped"]], np.zeros((n, 0)), m=4, iterations=4, rng=rng)
    for one in made:
        assert set(one["site"]) == {"a", "b", "c"}
        assert set(one["helped"]) == {True, False}
    filled = np.concatenate([one.loc[gone, "site"] for one in made])
    truth = np.tile(site[gone], 4)
    # Those truly in c are told by their help: found far more often than the 20 % of a blind draw.
    assert (filled[truth == "c"] == "c").mean() > 0.35
    frame.loc[gone, "level"] = None
    kept = chained(frame[["level", "helped"]], np.zeros((n, 0)), m=2, iterations=2, rng=rng)[0]["level"]
    assert list(kept.cat.categories) == ["c", "b", "a"]


def test_delayed_entry_weights_and_several_causes_are_looked_at():
    rng = np.random.default_rng(6)
    n = 200
    entry = rng.integers(0, 30, n).astype(float)
    age = np.where(rng.random(n) < 0.2, np.nan, rng.integers(16, 26, n))
    tte = TimeToEvent(
        entry + rng.integers(1, 90, n), rng.integers(0, 3, n), ("one", "two"), entry=entry, weight=rng.integers(1, 3, n),
        covariates=pd.DataFrame({"age": age}),
    )  # fmt: skip
    sets = impute(tte, m=2, iterations=1)
    assert sets[0].covariates["age"].notna().all()
    answer = pooled(lambda t: kaplan_meier(t, of="one").at([60, 80]), sets, scale="log-log")
    single = kaplan_meier(sets[0], of="one").at([60, 80]).table
    # Nothing of a curve without groups depends on what was missing: pooling changes nothing.
    np.testing.assert_allclose(answer.table["estimate"], single["estimate"])
    np.testing.assert_allclose(answer.table["conf_low"], single["conf_low"])
    assert (answer.table["fmi"] == 0).all()
    assert "p_value" not in answer.table


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"columns": ["nothing"]}, "no 'nothing' among"),
        ({"columns": ["z"]}, "nothing is missing"),
        ({"m": 1}, "at least 2 data sets"),
        ({"iterations": 0}, "1 round"),
    ],
)
def test_what_cannot_be_filled_in_is_refused(change, said):
    with pytest.raises(InputError, match=said):
        impute(people(50, 1), **change)


def test_columns_that_cannot_be_filled_in_are_named():
    tte = people(60, 1)
    names = pd.Series([f"person {i}" for i in range(60)]).where(np.arange(60) > 2)
    dates = pd.Series(pd.date_range("2010-01-01", periods=60)).where(np.arange(60) > 2)
    for column, said in (
        (names, "names, not categories"),
        (dates, "dates are not filled in"),
        (np.nan, "missing for everybody"),
    ):
        with pytest.raises(InputError, match=said):
            impute(tte.with_covariates(pd.DataFrame({"odd": column}, index=range(60))), columns=["odd"], m=2)
    twice = TimeToEvent(
        [1.0, 2], [0, 1], ("r",), entry=[0.0, 1], id=["a", "a"], covariates=pd.DataFrame({"x": [1.0, None]})
    )
    with pytest.raises(InputError, match="several rows"):
        impute(twice)


def table(estimate, error, **more):
    return Result(
        pd.DataFrame({"term": ["x"], "estimate": [estimate], "std_error": [error], **more}),
        message("result.no_counterfactual"),
    )


def test_a_row_that_one_fit_could_not_estimate_is_not_pooled():
    answers = [table(0.5, 0.1), table(np.nan, np.nan), table(0.4, 0.1)]
    row = pooled(lambda one: one, answers).table.iloc[0]
    assert row["status"] == "not_estimable"
    assert np.isnan(row["estimate"])
    assert "1 of the 3" in row["reason"].text("en")


def test_pooling_refuses_what_does_not_match():
    with pytest.raises(InputError, match="at least 2"):
        pooled(lambda one: one, [table(1, 1)])
    with pytest.raises(InputError, match="scale: must be one of"):
        pooled(lambda one: one, [table(1, 1)] * 2, scale="root")
    other = Result(table(1, 1).table.assign(term="y"), message("result.no_counterfactual"))
    with pytest.raises(InputError, match="gives other rows"):
        pooled(lambda one: one, [table(1, 1), other])
    without = Result(table(1, 1).table.drop(columns="std_error"), message("result.no_counterfactual"))
    with pytest.raises(InputError, match="no column std_error"):
        pooled(lambda one: one, [without, without])


def test_a_certain_answer_has_no_p_of_zero():
    row = pooled(lambda one: one, [table(60.0, 1.0), table(60.0, 1.0)]).table.iloc[0]
    assert 0 < row["p_value"] < 1e-300
    assert np.isinf(row["df"])
