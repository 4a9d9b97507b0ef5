"""Adjusted curves and pseudo-values: closed forms, derivatives taken numerically, and the edges."""

import pickle

import numpy as np
import pandas as pd
import pytest

from evalkit import figures
from evalkit.disclosure import Policy
from evalkit.errors import InputError
from evalkit.provenance import Provenance
from evalkit.survival import aalen_johansen, adjusted_curves, cox, kaplan_meier, pseudo_values
from evalkit.survival.adjusting.propensity import propensity
from evalkit.survival.adjusting.standardised import _area, _Model
from evalkit.timetoevent import TimeToEvent


def frame(n=160, seed=5, causes=2):
    rng = np.random.default_rng(seed)
    x = rng.normal(size=n)
    arm = (rng.random(n) < 1 / (1 + np.exp(-0.7 * x))).astype(int)
    one, two, lost = (
        rng.exponential(30 * np.exp(-0.4 * x + 0.4 * arm)),
        rng.exponential(80, n),
        rng.uniform(10, 90, n),
    )
    time = np.minimum(np.minimum(one, two), lost)
    cause = np.where(time == one, 1, np.where(time == two, 2, 0))
    return pd.DataFrame({
        "time": np.ceil(time), "cause": cause if causes == 2 else np.minimum(cause, 1), "x": x, "arm": arm,
        "site": rng.choice(["a", "b", "c"], n), "home": rng.integers(0, 20, n),
    })  # fmt: skip


def times_of(df, **how):
    codes = {0: "censored", 1: "one", 2: "two"} if df["cause"].max() == 2 else None
    return TimeToEvent.from_frame(df, "time", "cause", codes, **({"provenance": "open"} | how))


@pytest.fixture
def two():
    return frame()


@pytest.fixture
def single():
    return frame(causes=1)


# ---- pseudo-values -------------------------------------------------------------------------------------------------
def whole(time, cause, kind, at):
    tte = TimeToEvent(time=time, cause=cause, causes=("one", "two"))
    if kind == "incidence":
        curve = aalen_johansen(tte).table
        curve = curve[(curve["cause"] == "one") & (curve["time"] <= at)]
        return curve["estimate"].iloc[-1]
    curve = kaplan_meier(tte, of="any exit").table
    upto = curve[curve["time"] <= at]
    if kind == "survival":
        return upto["estimate"].iloc[-1]
    return float(np.diff(np.append(upto["time"], at)) @ upto["estimate"])


@pytest.mark.parametrize("kind", ["survival", "rmst", "incidence"])
@pytest.mark.parametrize("seed", [1, 2, 3])
def test_leaving_each_person_out_gives_the_pseudo_values(kind, seed):
    rng = np.random.default_rng(seed)
    time, cause = np.ceil(rng.exponential(6, 17)), rng.integers(0, 3, 17)
    asked = [2.0, float(time.max())]
    of = "one" if kind == "incidence" else "any exit"
    tte = TimeToEvent(time=time, cause=cause, causes=("one", "two"))
    found = pseudo_values(tte, asked, kind, of=of)["pseudo"].to_numpy().reshape(17, 2)
    for j, at in enumerate(asked):
        for i in range(17):
            rest = np.arange(17) != i
            expected = 17 * whole(time, cause, kind, at) - 16 * whole(time[rest], cause[rest], kind, at)
            assert found[i, j] == pytest.approx(expected, abs=1e-10)


def test_without_censoring_a_pseudo_value_is_the_outcome():
    tte = TimeToEvent(time=[1, 2, 2, 5, 9], cause=[1, 2, 1, 2, 1], causes=("one", "two"))
    np.testing.assert_allclose(pseudo_values(tte, 2, of="any exit")["pseudo"], [0, 0, 0, 1, 1], atol=1e-12)
    np.testing.assert_allclose(
        pseudo_values(tte, 4, "rmst", of="any exit")["pseudo"], [1, 2, 2, 4, 4], atol=1e-12
    )
    np.testing.assert_allclose(
        pseudo_values(tte, 2, "incidence", of="one")["pseudo"], [1, 0, 1, 0, 0], atol=1e-12
    )


def test_infinitesimal_pseudo_values_average_to_the_estimate(two):
    found = pseudo_values(times_of(two), [10, 30], "incidence", method="infinitesimal")
    curve = aalen_johansen(times_of(two)).at([10, 30]).table.query("cause == 'one'")
    np.testing.assert_allclose(found.groupby("time")["pseudo"].mean(), curve["estimate"], atol=1e-12)


def test_frequencies_count_people(single):
    single["count"] = np.arange(len(single)) % 3 + 1
    many = single.loc[single.index.repeat(single["count"])].drop(columns="count").reset_index(drop=True)
    asked = {"at": [10, 30], "kind": "rmst"}
    weighted = pseudo_values(times_of(single, weight="count"), **asked)
    repeated = pseudo_values(times_of(many), **asked)
    assert weighted["weight"].iloc[0] == 1
    np.testing.assert_allclose(
        weighted.loc[weighted.index.repeat(weighted["weight"].astype(int))].groupby("time")["pseudo"].sum(),
        repeated.groupby("time")["pseudo"].sum(), rtol=1e-12,
    )  # fmt: skip


def test_pseudo_values_by_group_are_those_of_each_group(single):
    tte = times_of(single)
    found = pseudo_values(tte, 20, by="site")
    alone = pseudo_values(tte.subset((single["site"] == "b").to_numpy()), 20)
    np.testing.assert_allclose(found.loc[found["site"] == "b", "pseudo"], alone["pseudo"], rtol=1e-12)


def test_split_rows_are_one_person(single):
    single["id"], single["start"] = np.arange(len(single)), 0.0
    late = single[single["time"] > 8]
    early = late.assign(time=8.0, cause=0)
    split = pd.concat([single[single["time"] <= 8], early, late.assign(start=8.0)]).sample(
        frac=1, random_state=1
    )
    split = split.assign(start=split["start"])
    kept = single[["time", "cause", "x", "id"]]
    one = pseudo_values(times_of(kept, id="id"), [10, 30])
    many = pseudo_values(
        times_of(split[["time", "cause", "x", "id", "start"]], id="id", entry="start"), [10, 30]
    )
    both = one.merge(many, on=["id", "time"])
    assert len(both) == len(one) == len(many)
    np.testing.assert_allclose(both["pseudo_x"], both["pseudo_y"], rtol=1e-12)
    np.testing.assert_array_equal(both["x_x"], both["x_y"])


def test_pseudo_values_feed_a_gee(single):
    import statsmodels.api as sm

    found = pseudo_values(times_of(single), [10, 20, 30])
    design = sm.add_constant(
        pd.get_dummies(found["time"], drop_first=True, dtype=float).assign(arm=found["arm"])
    )
    model = sm.GEE(found["pseudo"], design, groups=found["id"], family=sm.families.Gaussian())
    assert np.isfinite(model.fit().bse["arm"])


@pytest.mark.parametrize(
    ("change", "call", "said"),
    [
        ({"start": 3.0}, {}, "came under observation after the origin"),
        ({"w": 1.5}, {}, "under sampling weights"),
        ({}, {"at": 1e4}, "beyond the last observation"),
        ({}, {"at": 0}, "after the origin"),
        ({}, {"kind": "hazard"}, "kind: must be one of"),
        ({}, {"method": "bootstrap"}, "method: must be one of"),
        ({}, {"kind": "incidence", "of": "three"}, "of: must be one of"),
        ({"time_": 1.0, "pseudo": 1}, {}, "name of a column of the answer"),
    ],
)
def test_pseudo_values_refuse(single, change, call, said):
    columns = {k: v for k, v in change.items() if k != "time_"}
    single = single[single["time"] > 4].assign(**columns)
    how = (
        {"entry": "start"}
        if "start" in change
        else {"weight": "w", "weight_kind": "sampling"}
        if "w" in change
        else {}
    )
    with pytest.raises(InputError, match=said):
        pseudo_values(times_of(single, **how), **({"at": 10} | call))


def test_further_episodes_are_refused():
    tte = TimeToEvent(time=[3, 4, 5], cause=[1, 1, 0], causes=("one",), id=["a", "a", "b"], clock="gap")
    with pytest.raises(InputError, match="further episodes of an id"):
        pseudo_values(tte, 3)


# ---- g-computation -------------------------------------------------------------------------------------------------
def moved(df, formula, by, weight, at, until, **how):
    tte = times_of(df.assign(w=weight), weight="w", weight_kind="sampling")
    made = _Model(cox(tte, formula, robust=True, **how))
    made.put(by)
    return made, made.at(at), _area(made, np.unique(tte.time[tte.cause > 0]), until).value[0, :, 0]


@pytest.mark.parametrize(("formula", "by", "how"), [
    ("arm + x", "arm", {}), ("site * x + arm", "site", {"ties": "breslow"}), ("arm + x", "arm", {"strata": "site"}),
    ("x", "arm", {"strata": "arm"}),
])  # fmt: skip
def test_influence_is_the_derivative_by_each_weight(single, formula, by, how):
    df = single.iloc[:70]
    made, (_, influence), _ = moved(df, formula, by, np.ones(70), 20.0, 25.0, **how)
    for i in (0, 13, 41, 69):
        up, down = np.ones(70), np.ones(70)
        up[i], down[i] = 1 + 1e-4, 1 - 1e-4
        high, low = (moved(df, formula, by, w, 20.0, 25.0, **how) for w in (up, down))
        np.testing.assert_allclose(influence[:, i], (high[1][0] - low[1][0]) / 2e-4, atol=2e-8)


def test_the_area_is_that_under_the_curve(single):
    made = cox(times_of(single), "arm + x").adjusted("arm", times=np.arange(1, 41.0), rmst=40)
    for arm, part in made.table.groupby("arm"):
        area = 1 + part["estimate"].to_numpy()[:-1].sum()
        assert made.rmst().table.set_index("arm")["estimate"][arm] == pytest.approx(area, rel=1e-12)


def test_many_event_times_are_summed_by_the_trapezoid_rule(monkeypatch, single):
    fit = cox(times_of(single), "arm + x")
    exact = fit.adjusted("arm", times=10, rmst=40).rmst().table
    monkeypatch.setattr("evalkit.survival.adjusting.standardised._MOST_NODES", 30)
    thinned = fit.adjusted("arm", times=10, rmst=40).rmst().table
    np.testing.assert_allclose(thinned["std_error"], exact["std_error"], rtol=0.02)


def test_contrasts_follow_from_the_curves(single):
    made = cox(times_of(single), "site + x").adjusted("site", times=[10, 30], rmst=30)
    curve = made.table.set_index(["site", "time"])["estimate"]
    gap, ratio = made.contrast(reference="b").table, made.contrast("ratio").table
    assert set(gap["site"]) == {"a", "c"}
    row = gap.query("site == 'c' and time == 30").iloc[0]
    assert row["estimate"] == pytest.approx(curve["c", 30] - curve["b", 30])
    row = ratio.query("site == 'c' and time == 10").iloc[0]
    assert row["estimate"] == pytest.approx(curve["c", 10] / curve["a", 10])
    assert row["conf_low"] * row["conf_high"] == pytest.approx(row["estimate"] ** 2)
    assert made.rmst("ratio").table["term"].tolist() == ["rmst_ratio"] * 2


def test_frequency_weights_are_people_in_both_methods(single):
    single["count"] = np.arange(len(single)) % 3 + 1
    many = single.loc[single.index.repeat(single["count"])].drop(columns="count").reset_index(drop=True)
    for make in (
        lambda tte: cox(tte, "arm + x").adjusted("arm", times=[10, 30], rmst=30),
        lambda tte: adjusted_curves(tte, "arm", "x", times=[10, 30], rmst=30),
    ):
        weighted, repeated = make(times_of(single, weight="count")), make(times_of(many))
        for a, b in ((weighted, repeated), (weighted.rmst("difference"), repeated.rmst("difference"))):
            for column in ("estimate", "std_error", "n_event"):
                np.testing.assert_allclose(a.table[column], b.table[column], rtol=1e-8)


def test_clusters_add_before_they_are_squared(single):
    many = pd.concat([single.assign(home=np.arange(len(single)))] * 2, ignore_index=True)
    for make in (
        lambda tte, **how: cox(tte, "arm + x", ties="breslow", **how).adjusted("arm", times=[10, 30]),
        lambda tte, **how: adjusted_curves(tte, "arm", "x", times=[10, 30], **how),
    ):
        once, twice = make(times_of(single)), make(times_of(many), cluster="home")
        np.testing.assert_allclose(once.table["std_error"], twice.table["std_error"], rtol=1e-6)


def test_late_comers_are_averaged_over_and_said(single):
    late = single[single["time"] > 5].assign(start=lambda d: 2.0 * (d.index % 2))
    made = cox(times_of(late, entry="start"), "arm + x").adjusted("arm", times=10)
    assert any("came after the origin" in c.text("en") for c in made.caveats)
    assert (made.table["std_error"] > 0).all()


def test_one_cause_among_several_is_hypothetical(two):
    made = cox(times_of(two), "arm + x").adjusted("arm", times=10)
    assert any("Hypothetical" in c.text("en") for c in made.caveats)


def test_a_condition_named_by_c_and_an_offset(single):
    single["known"] = 0.1 * single["x"]
    fit = cox(times_of(single), "C(arm) + site", offset="known")
    plain = cox(times_of(single), "arm + site", offset="known")
    a, b = (f.adjusted("arm", times=20).table["estimate"] for f in (fit, plain))
    np.testing.assert_allclose(a, b, rtol=1e-10)


@pytest.mark.parametrize(
    ("df", "formula", "how", "by", "said"),
    [
        (frame(causes=1), "x + arm", {}, "site", "must be one of the model's variables"),
        (frame(causes=1), "x + arm", {}, "x", "it must have 2 to 12"),
        (frame(causes=1), "x + arm", {"ties": "exact"}, "arm", "not with exact ties"),
        (frame(causes=1).assign(two=lambda d: d["home"] % 2), "x + arm", {"cluster": "two"}, "arm", "no variance can be estimated"),
        (
            frame(causes=1).assign(home=lambda d: d["home"].where(d["site"] != "a", 99)), "x + site", {"cluster": "home"}, "site",
            "is one cluster",
        ),
        (frame(causes=1).assign(s=lambda d: d["cause"]), "x + s + arm", {}, "arm", "separation"),
    ],
)  # fmt: skip
def test_g_computation_refuses(df, formula, how, by, said):
    with pytest.raises(InputError, match=said):
        cox(times_of(df), formula, **how).adjusted(by, times=10)


def test_covariates_that_change_are_refused(single):
    single["id"], single["start"] = np.arange(len(single)), 0.0
    late = single[single["time"] > 8]
    split = pd.concat(
        [single[single["time"] <= 8], late.assign(time=8.0, cause=0), late.assign(start=8.0, x=late["x"] + 1)]
    )
    fit = cox(times_of(split, id="id", entry="start"), "arm + x")
    with pytest.raises(InputError, match=f"change in time for {len(late)} people"):
        fit.adjusted("arm", times=20)


def test_times_beyond_follow_up_and_strata_nobody_is_in(single):
    fit = cox(times_of(single), "x + arm")
    with pytest.raises(InputError, match="beyond the last observation"):
        fit.adjusted("arm", times=1e3)
    with pytest.raises(InputError, match="after the origin"):
        fit.adjusted("arm", times=-1)
    single = single[~((single["site"] == "a") & (single["arm"] == 1))]
    with pytest.raises(InputError, match="nobody is in the stratum 1, a|nobody is in the stratum a, 1"):
        cox(times_of(single), "x", strata=["site", "arm"]).adjusted("arm", times=10)


# ---- inverse-probability weights -----------------------------------------------------------------------------------
def test_without_censoring_a_saturated_weight_is_direct_standardisation():
    rng = np.random.default_rng(2)
    n = 300
    old = rng.integers(0, 2, n)
    arm = (rng.random(n) < np.where(old, 0.7, 0.3)).astype(int)
    gone = (rng.random(n) < 0.2 + 0.4 * old - 0.1 * arm).astype(float)
    tte = TimeToEvent(
        time=np.where(gone == 1, 5.0, 9.0), cause=np.ones(n, int), causes=("one",), covariates=pd.DataFrame({"old": old, "arm": arm})
    )  # fmt: skip
    made = adjusted_curves(tte, "arm", "old", times=5)
    share = [[1 - gone[(arm == a) & (old == o)].mean() for o in (0, 1)] for a in (0, 1)]
    weight = np.array([(old == o).mean() for o in (0, 1)])
    np.testing.assert_allclose(made.table["estimate"], [np.dot(weight, s) for s in share], rtol=1e-10)
    # The variance of a stratified mean: within strata, and that of the strata's sizes.
    for a in (0, 1):
        within = sum(
            weight[o] ** 2 * share[a][o] * (1 - share[a][o]) / ((arm == a) & (old == o)).sum() for o in (0, 1)
        )
        between = np.dot(weight, (share[a] - np.dot(weight, share[a])) ** 2) / n
        assert made.table["std_error"][a] == pytest.approx(np.sqrt(within + between), rel=1e-8)


def test_influence_counts_the_estimation_of_the_weights(two):
    df = two.iloc[:45]
    grab = lambda w: adjusted_curves(
        times_of(df.assign(w=w), weight="w", weight_kind="sampling"), "site", "x", times=15, rmst=30
    )
    base = grab(np.ones(45))
    slopes = []
    for i in range(45):
        up, down = np.ones(45), np.ones(45)
        up[i], down[i] = 1 + 1e-4, 1 - 1e-4
        high, low = grab(up), grab(down)
        slopes.append(
            [
                (a - b) / 2e-4
                for a, b in ((high.curves.value, low.curves.value), (high.areas.value, low.areas.value))
            ]
        )
    for joint, k in ((base.curves, 0), (base.areas, 1)):
        moved_by = np.array([s[k][:, :, 0] for s in slopes])
        expected = np.einsum("isg,ish->sgh", moved_by, moved_by)
        np.testing.assert_allclose(joint.covariance[:, 0], expected, rtol=1e-5)


def test_propensities_are_those_of_statsmodels(single):
    import statsmodels.api as sm

    x = single[["x", "home"]].to_numpy(float)
    for column, groups in (("arm", 2), ("site", 3)):
        code = pd.factorize(single[column], sort=True)[0]
        fit = propensity(x, code, groups, np.ones(len(x)), column)
        model = sm.MNLogit(code, sm.add_constant(x)).fit(disp=0)
        np.testing.assert_allclose(fit.chance, np.asarray(model.predict()), atol=1e-8)


def test_a_column_said_twice_changes_no_weight(single):
    one = adjusted_curves(times_of(single), "arm", "x", times=10).table
    two = adjusted_curves(times_of(single.assign(y=2 * single["x"])), "arm", "x + y", times=10).table
    np.testing.assert_allclose(one[["estimate", "std_error"]], two[["estimate", "std_error"]], rtol=1e-8)


def test_balance_overlap_and_what_is_said(two):
    made = adjusted_curves(times_of(two), "arm", "x + site", times=[10, 30])
    balance = made.balance().table.pivot(index="term", columns="part", values="estimate")
    assert balance.loc["x", "after"] < balance.loc["x", "before"]
    overlap = made.overlap().table
    assert (overlap["effective_n"] < overlap["n"]).all()
    assert overlap["n"].sum() == len(two)
    assert any("Adjusted only for what was recorded (x and site)" in c.text("en") for c in made.caveats)
    assert set(made.table["cause"]) == {"one", "two", "no_exit"}
    total = made.table.groupby(["arm", "time"])["estimate"].sum()
    np.testing.assert_allclose(total, 1, rtol=1e-12)


def far_apart(n=400):
    df = frame(n, seed=9, causes=1)
    rng = np.random.default_rng(1)
    return df.assign(arm=(rng.random(n) < 1 / (1 + np.exp(-4 * df["x"]))).astype(int))


def test_groups_that_hardly_overlap_are_refused_and_trimmed_on_request():
    with pytest.raises(
        InputError, match=r"hardly overlap: \d+ of 400 people had a chance below 0.01 of having arm = 0"
    ):
        adjusted_curves(times_of(far_apart()), "arm", "x", times=10)
    made = adjusted_curves(times_of(far_apart()), "arm", "x", times=10, trim=0.1)
    assert any("people left out, whose chance" in c.text("en") for c in made.caveats)
    assert made.overlap().table["n"].sum() < 400


def test_one_person_with_much_of_the_weight_is_named():
    df = frame(60, seed=3, causes=1)
    made = adjusted_curves(times_of(df.assign(arm=(df.index % 15 == 0).astype(int))), "arm", "x", times=5)
    assert any("a single person carries" in c.text("en") for c in made.caveats)


@pytest.mark.parametrize(
    ("change", "call", "said"),
    [
        (lambda d: d.assign(z=((d["arm"] == 1) & (d["x"] > 0)).astype(int)), {"formula": "z"}, "none of them with arm = 0"),
        (lambda d: d.assign(z=d["arm"] * 5.0 + d["x"].rank() / 1e3), {"formula": "z"}, "tell the group"),
        (lambda d: d, {"formula": "x + arm"}, "it cannot also tell"),
        (lambda d: d.assign(arm=1), {}, "has one value"),
        (lambda d: d, {"trim": 0.7}, "trim: must lie between"),
        (lambda d: d.assign(x=d["x"].where(d.index > 3)), {}, "missing: x in 4"),
        (lambda d: d, {"times": 500}, "beyond the last observation of"),
        (lambda d: d.assign(home=d["arm"]), {"cluster": "home"}, "cannot be told from the groups"),
        (lambda d: d.assign(cause=0), {"times": None}, "no event within"),
    ],
)  # fmt: skip
def test_weighting_refuses(single, change, call, said):
    with pytest.raises(InputError, match=said):
        adjusted_curves(times_of(change(single)), **({"by": "arm", "formula": "x", "times": 10} | call))


def test_weighting_refuses_late_entry_and_trimming_a_whole_group(single):
    late = single[single["time"] > 5].assign(start=3.0)
    with pytest.raises(InputError, match="averages over people all observed from the origin"):
        adjusted_curves(times_of(late, entry="start"), "arm", "x")
    rare = single.assign(arm=(single.index < 12).astype(int))
    with pytest.raises(InputError, match="nobody is left|hardly overlap"):
        adjusted_curves(times_of(rare), "arm", "x", times=5, trim=0.4)


def test_a_few_people_without_a_counterpart_are_named():
    rng = np.random.default_rng(8)
    x = np.append(rng.normal(size=600), 8.0)
    arm = (rng.random(601) < 1 / (1 + np.exp(-0.9 * x))).astype(int)
    arm[-1] = 1
    tte = TimeToEvent(
        time=np.ceil(rng.exponential(20, 601)),
        cause=np.ones(601, int),
        causes=("one",),
        covariates=pd.DataFrame({"x": x, "arm": arm}),
    )
    made = adjusted_curves(tte, "arm", "x", times=10)
    assert any("1 person had a chance below 0.0100 of having arm = 0" in c.text("en") for c in made.caveats)


def test_people_with_something_missing_are_dropped_and_named(single):
    single.loc[:3, "x"] = np.nan
    made = adjusted_curves(times_of(single), "arm", "x", times=10, missing="drop")
    assert any("4 people left out because something is missing (x)" in c.text("en") for c in made.caveats)


# ---- as results ----------------------------------------------------------------------------------------------------
def test_a_share_of_one_has_no_precision(single):
    early = single.assign(time=lambda d: d["time"] + 5 * (d["arm"] == 1))
    made = adjusted_curves(times_of(early), "arm", "x", times=[1, 3])
    rows = made.table[(made.table["arm"] == 1)]
    assert (rows["status"] == "not_estimable").all()
    assert rows["conf_low"].isna().all()
    assert "no event yet" in rows["reason"].iloc[0].text("en")
    ratio = adjusted_curves(
        times_of(early.assign(cause=lambda d: 1 + (d["index"] % 2 if "index" in d else 0))),
        "arm",
        "x",
        times=[1],
    ).contrast("ratio")
    assert len(ratio.table) == 1


def test_what_was_not_asked_or_is_not_there(single):
    made = cox(times_of(single), "arm + x").adjusted("arm", times=10)
    for call, said in (
        (made.rmst, "no area was asked for"), (made.balance, "not made by weighting"),
        (lambda: made.contrast("odds"), "kind: must be one of"),
        (lambda: made.contrast(reference=7), "reference: must be one of 0, 1"),
    ):  # fmt: skip
        with pytest.raises(InputError, match=said):
            call()


def test_pickled_drawn_and_told_in_two_languages(two, single):
    weighted = adjusted_curves(times_of(two), "arm", "x", rmst=30)
    standard = cox(times_of(single), "site + x").adjusted("site")
    for made, drawn in ((weighted, "fr"), (standard, "en")):
        again = pickle.loads(pickle.dumps(made))
        pd.testing.assert_frame_equal(again.contrast().tidy(), made.contrast().tidy())
        assert "<svg" in figures.svg(made.plot(lang=drawn))
        for lang in ("fr", "en"):
            assert len(made.summary(lang).splitlines()) < 60
    assert "mean time" in weighted.rmst("difference").summary("en")
    assert "durée" in weighted.rmst().summary("fr")


def test_published_curves_know_no_person():
    df = frame(600)
    tte = times_of(df, provenance=Provenance(kind="records"))
    made = adjusted_curves(tte, "arm", "x", rmst=30)
    out = made.publish(Policy())
    assert out.curves is None
    assert out.sums is None
    shown = out.table[out.table["cause"] == "no_exit"].dropna(subset=["n_event"])
    assert (shown["n_event"].iloc[1:] >= 11).all()
    with pytest.raises(InputError, match="ask before publishing"):
        out.contrast()
    small = (
        adjusted_curves(times_of(frame(80), provenance="records"), "arm", "x", times=3)
        .contrast()
        .publish(Policy())
    )
    assert (small.table["status"] == "suppressed").any()
    assert out.balance().published_under == Policy()
    fit = cox(times_of(frame(600, causes=1), provenance="records"), "arm + x").publish(Policy())
    with pytest.raises(InputError, match="no longer has the data"):
        fit.adjusted("arm")


def test_what_is_read_off_the_curves_is_drawn_near_round_times(two):
    made = adjusted_curves(times_of(two), "arm", "x", rmst=30)
    gap = made.contrast()
    assert gap.table["time"].nunique() > 20
    assert gap.display("fr")["jour"].nunique() <= 8
    drawn = [label.get_text() for label in gap.plot(lang="fr").get_yticklabels()]
    assert len(drawn) <= 24
    assert any(label.startswith("one · jour") for label in drawn)
    balance = [label.get_text() for label in made.balance().plot(lang="fr").get_yticklabels()]
    assert balance == ["avant", "après"]
    assert made.overlap().plot(lang="en").get_xlabel() == "effective n"


def test_a_group_that_has_left_has_no_precision_made_of_rounding():
    rng = np.random.default_rng(4)
    people = pd.DataFrame({"helped": np.arange(40) % 2, "age": rng.normal(18, 2, 40)})
    tte = TimeToEvent(
        np.r_[np.tile([1.0, 2, 3, 4], 9), 5.0, 5, 5, 5], np.ones(40), ("relapse",), covariates=people
    )
    last = adjusted_curves(tte, "helped", "age").tidy().groupby("helped").tail(1)
    assert last["estimate"].eq(0).all()
    assert last["status"].eq("not_estimable").all()
    assert last[["std_error", "conf_low"]].isna().all(axis=None)
    assert last["reason"].str.contains("left").all()


def test_adjusted_curves_with_all_events_on_day_0_are_refused():
    people = pd.DataFrame({"age": [17.0, 18, 19, 20, 21, 18], "site": list("ababab")})
    tte = TimeToEvent([0.0, 0, 0, 0, 5, 5], [1, 0, 0, 1, 0, 0], ("relapse",), covariates=people)
    with pytest.raises(InputError, match="no event after the origin"):
        cox(tte, "age", strata="site").adjusted("site")


def test_groups_that_do_not_vary_in_themselves_do_not_warn():
    rng = np.random.default_rng(0)
    people = pd.DataFrame(
        {
            "site": np.repeat(["a", "b", "c"], [2, 2, 40]),
            "age": np.r_[17.9, 17.9, 18.1, 18.1, rng.normal(18, 1, 40)],
        }
    )
    tte = TimeToEvent(np.arange(1.0, 45), np.ones(44), ("relapse",), covariates=people)
    weighted = adjusted_curves(tte, "site", "age", times=[2], missing="drop")
    assert np.isinf(weighted.balance().tidy()["estimate"]).all()
