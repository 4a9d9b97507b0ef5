"""Competing exits at the edges: what cannot be estimated is said, what cannot be right is refused."""

import pickle

import numpy as np
import pandas as pd
import pytest

from evalkit.disclosure import Policy
from evalkit.errors import InputError
from evalkit.provenance import Provenance
from evalkit.survival import aalen_johansen, cause_specific, cox, fine_gray, gray_test, years_lost
from evalkit.survival.competing.spread import Look, score_influence
from evalkit.survival.competing.staying import Part, weighted_likelihood
from evalkit.survival.proportional.newton import maximise
from evalkit.timetoevent import TimeToEvent

CAUSES = ("job", "gone")


def frame(n=160, seed=7):
    rng = np.random.default_rng(seed)
    x, z = rng.normal(size=n), rng.integers(0, 2, n)
    exits = np.stack([rng.exponential(30 * np.exp(-0.5 * x), n), rng.exponential(40, n)])
    end = rng.uniform(5, 60, n)
    cause = np.where(exits.min(axis=0) < end, exits.argmin(axis=0) + 1, 0)
    time = np.floor(np.minimum(exits.min(axis=0), end))
    return pd.DataFrame({
        "time": time, "cause": cause, "x": x, "z": z, "site": np.array(["north", "south", "west"])[np.arange(n) % 3],
    })  # fmt: skip


def times(df=None, **how):
    df = frame() if df is None else df
    return TimeToEvent(
        time=df["time"],
        cause=df["cause"],
        causes=CAUSES,
        covariates=df.drop(columns=["time", "cause"]),
        **how,
    )


def reasons(result):
    return result.tidy().set_index("term")["reason"].dropna().to_dict()


# ---- Fine-Gray ---------------------------------------------------------------------------------------------------------
def test_constant_and_aliased_columns_are_named_and_the_rest_fitted():
    df = frame().assign(twice=lambda d: 2 * d["x"], same=1.0)
    fit = fine_gray(times(df), "x + twice + same + z")
    plain = fine_gray(times(), "x + z")
    assert "follows entirely from x" in reasons(fit)["twice"]
    assert "does not vary" in reasons(fit)["same"]
    kept = fit.table.set_index("term").loc[["x", "z"]]
    np.testing.assert_allclose(kept["estimate"], plain.table["estimate"], rtol=1e-9)
    np.testing.assert_allclose(kept["std_error"], plain.table["std_error"], rtol=1e-9)
    assert fit.glance()["wald_df"].item() == 2
    assert fit.residuals()["same"].isna().all()


def test_separation_is_named_never_a_huge_error():
    df = frame().assign(only=lambda d: (d["cause"] == 1).astype(int))
    fit = fine_gray(times(df), "x + only")
    assert "separation" in reasons(fit)["only"]
    assert fit.table["std_error"].isna().tolist() == [False, True]
    assert any(c.key == "survival.separation" for c in fit.caveats)
    shown = fit.predict(pd.DataFrame({"x": [0.0], "only": [1]}), [10])
    assert shown.table["status"].tolist() == ["not_estimable"]
    assert np.isnan(shown.table["conf_low"]).all()


@pytest.mark.parametrize(("scale", "offset"), [(1e8, 0.0), (1e-8, 0.0), (1.0, 1e9)])
def test_scales_and_offsets_change_nothing(scale, offset):
    plain = fine_gray(times(), "x + z").table
    moved = fine_gray(times(frame().assign(x=lambda d: d["x"] * scale + offset)), "x + z")
    np.testing.assert_allclose(moved.table["estimate"] * [scale, 1], plain["estimate"], rtol=2e-6)
    np.testing.assert_allclose(moved.table["std_error"] * [scale, 1], plain["std_error"], rtol=2e-6)
    there = moved.predict(pd.DataFrame({"x": [0.5 * scale + offset], "z": [1]}), [20]).table["estimate"]
    here = fine_gray(times(), "x + z").predict(pd.DataFrame({"x": [0.5], "z": [1]}), [20]).table["estimate"]
    np.testing.assert_allclose(there, here, rtol=1e-6)


def test_without_competing_exits_it_is_cox():
    df = frame().assign(cause=lambda d: (d["cause"] == 1).astype(int))
    ours = fine_gray(times(df), "x + z").table
    theirs = cox(times(df), "x + z", of="job", ties="breslow", robust=True).table
    np.testing.assert_allclose(ours["estimate"], theirs["estimate"], rtol=1e-10)
    np.testing.assert_allclose(ours["std_error"], theirs["std_error"], rtol=1e-9)


def test_influence_is_the_derivative_by_each_weight_censoring_groups_included():
    """Independent of any formula: refit with one weight moved."""
    rng = np.random.default_rng(11)
    n = 150
    df = pd.DataFrame({"x": rng.normal(size=n), "g": rng.integers(0, 2, n)})
    exits = np.stack([rng.exponential(np.exp(-0.5 * df["x"])), rng.exponential(1.2, n)])
    end = rng.exponential(np.where(df["g"] == 1, 0.5, 3))
    df["time"] = np.minimum(exits.min(axis=0), end)
    df["cause"] = np.where(exits.min(axis=0) < end, exits.argmin(axis=0) + 1, 0)

    def fitted(weight):
        return fine_gray(times(df, weight=weight, weight_kind="sampling"), "x", censoring_by="g")

    profile = pd.DataFrame({"x": [1.0]})
    base = fitted(np.ones(n))
    share = base.predict(profile, [1.0]).table
    moved, shares = [], []
    for i in range(0, n, 3):
        weight = np.ones(n)
        weight[i] += 1e-4
        again = fitted(weight)
        moved.append((again.table["estimate"][0] - base.table["estimate"][0]) / 1e-4)
        shares.append((again.predict(profile, [1.0]).table["estimate"][0] - share["estimate"][0]) / 1e-4)
    influence = base.fitted.coefficient_influence[::3, 0]
    assert np.corrcoef(moved, influence)[0, 1] > 0.99999
    np.testing.assert_allclose(moved, influence, atol=0.01 * np.abs(influence).max())
    assert np.sqrt(3 * np.square(shares).sum()) == pytest.approx(share["std_error"][0], rel=0.35)


def test_changing_covariates_and_gaps_are_refused_and_splits_are_joined():
    people = TimeToEvent(
        time=[5, 9, 4, 8, 6.0], cause=[0, 1, 2, 1, 0], causes=CAUSES, entry=[0, 5, 0, 0, 0.0], id=[1, 1, 2, 3, 4],
        covariates=pd.DataFrame({"x": [1, 1, 0, 0, 1.0], "y": [1, 2, 0, 0, 1.0]}),
    )  # fmt: skip
    whole = TimeToEvent(
        time=[9, 4, 8, 6.0], cause=[1, 2, 1, 0], causes=CAUSES, covariates=pd.DataFrame({"x": [1, 0, 0, 1.0]})
    )
    a, b = fine_gray(people, "x"), fine_gray(whole, "x")
    np.testing.assert_allclose(a.table["estimate"], b.table["estimate"], rtol=1e-12)
    assert a.table["n"].tolist() == b.table["n"].tolist() == [2.0]
    with pytest.raises(InputError, match="1 ids have covariates, strata or weights that change"):
        fine_gray(people, "y")
    late = TimeToEvent(
        time=[5, 9, 4, 8.0], cause=[0, 1, 2, 1], causes=CAUSES, entry=[0, 6, 0, 0.0], id=[1, 1, 2, 3],
        covariates=pd.DataFrame({"x": [1, 1, 0, 0.0]}),
    )  # fmt: skip
    with pytest.raises(InputError, match="1 ids have rows with a gap"):
        fine_gray(late, "x", variance="robust")


def test_late_entries_need_the_robust_variance_and_weights_that_exist():
    df = frame()
    late = times(df.assign(time=df["time"] + 4), entry=np.where(np.arange(len(df)) % 2, 0.0, 3.0))
    with pytest.raises(InputError, match="variance='robust'"):
        fine_gray(late, "x")
    assert fine_gray(late, "x", variance="robust").table["method"].tolist() == ["robust"]
    hole = TimeToEvent(
        time=[1, 2, 5, 6, 7, 8.0], cause=[2, 2, 1, 2, 0, 1], causes=CAUSES, entry=[0, 0, 3, 3, 3, 4.0],
        covariates=pd.DataFrame({"x": [1.0, 2, 3, 1, 2, 5]}),
    )  # fmt: skip
    with pytest.raises(InputError, match="2 people left by another exit at or before 2"):
        fine_gray(hole, "x", variance="robust")


@pytest.mark.parametrize(
    ("how", "said"),
    [
        ({"cause": "moon"}, "cause: must be one of job, gone"),
        ({"variance": "naive"}, "variance: must be one of"),
        ({"cluster": "moon"}, "no column 'moon'"),
        ({"censoring_by": "moon"}, "censoring_by: no column 'moon'"),
        ({"strata": "moon"}, "strata: no column 'moon'"),
        ({"missing": "guess"}, "missing: must be"),
    ],
)
def test_what_is_not_there_is_named(how, said):
    with pytest.raises(InputError, match=said):
        fine_gray(times(), "x", **how)


def test_no_exit_no_rows_second_exits_and_missing_values():
    df = frame()
    with pytest.raises(InputError, match="no exit of the kind 'gone' among 160 rows"):
        fine_gray(times(df.assign(cause=df["cause"].replace(2, 0))), "x", cause="gone")
    with pytest.raises(InputError, match="there are no rows"):
        fine_gray(times(df[:0]), "x")
    twice = TimeToEvent(
        time=[3, 6.0],
        cause=[1, 1],
        causes=CAUSES,
        entry=[0, 3.0],
        id=[1, 1],
        covariates=pd.DataFrame({"x": [1, 2.0]}),
    )
    with pytest.raises(InputError, match="1 ids exit more than once"):
        fine_gray(twice, "x")
    holed = times(df.assign(x=df["x"].mask(df.index < 3)))
    with pytest.raises(InputError, match="missing"):
        fine_gray(holed, "x")
    dropped = fine_gray(holed, "x", missing="drop")
    assert dropped.glance()["n"].item() == 157
    assert any(c.key == "survival.dropped_missing" and c.values["n"] == 3 for c in dropped.caveats)


def test_two_clusters_and_one_cluster_per_arm_have_no_variance():
    df = frame().assign(
        pair=lambda d: d.index % 2, five=lambda d: d.index % 5, arm=lambda d: (d.index % 5 == 0) * 1
    )
    two = fine_gray(times(df), "x", cluster="pair")
    assert "2 clusters" in reasons(two)["x"]
    assert np.isnan(two.glance()["wald_statistic"].item())
    arm = fine_gray(times(df), "x + arm", cluster="five")
    assert list(reasons(arm)) == ["arm"]
    assert {"survival.clustered", "survival.few_clusters"} <= {c.key for c in arm.caveats}


def test_predictions_know_their_limits():
    fit = fine_gray(times(), "x + z", strata="site")
    profile = pd.DataFrame({"x": [0.0], "z": [1], "site": ["west"]})
    assert fit.predict(profile, 20).table["site"].tolist() == ["west"]
    everything = fit.predict(profile).table
    assert (np.diff(everything["estimate"]) >= 0).all()
    inside = everything["estimate"].between(everything["conf_low"], everything["conf_high"])
    assert inside.all()
    for wrong, said in (
        ({"new": profile, "times": 500}, "last observation"),
        ({"new": profile, "times": -1}, "between 0"),
        ({"new": profile.drop(columns="site"), "times": 5}, "no column 'site'"),
        ({"new": profile.assign(site="moon"), "times": 5}, "no baseline"),
        ({"new": profile.drop(columns="x"), "times": 5}, "no column 'x'"),
        ({"new": profile[:0], "times": 5}, "at least one row"),
    ):
        with pytest.raises(InputError, match=said):
            fit.predict(**wrong)
    with pytest.raises(InputError, match="'schoenfeld' or 'score'"):
        fit.residuals("moon")
    assert fit.residuals().columns.tolist() == ["time", "stratum", "x", "z"]
    assert abs(fit.residuals("score").to_numpy().sum(axis=0)).max() < 1e-8


def test_day_0_rows_count_at_0_and_late_rows_are_at_risk_after_their_entry():
    df = frame()
    fit = fine_gray(times(df), "x")
    counts = fit.predict(pd.DataFrame({"x": [0.0]}), [0, 10]).table
    assert counts["n_risk"].tolist() == [160, (df["time"] >= 10).sum()]
    assert counts["n_event"].tolist() == [
        ((df["time"] == 0) & (df["cause"] == 1)).sum(), (df["time"].between(1, 10) & (df["cause"] == 1)).sum()
    ]  # fmt: skip
    late = times(df.assign(time=df["time"] + 4), entry=np.where(np.arange(160) % 2, 0.0, 3.0))
    counts = fine_gray(late, "x", variance="robust").predict(pd.DataFrame({"x": [0.0]}), [3, 10]).table
    assert counts["n_risk"].tolist() == [80, (df["time"] + 4 >= 10).sum()]


def test_a_fit_tells_pickles_and_publishes_without_people():
    records = Provenance(kind="records")
    fit = fine_gray(times(provenance=records), "x + site")
    again = pickle.loads(pickle.dumps(fit))
    pd.testing.assert_frame_equal(again.tidy(), fit.tidy())
    np.testing.assert_allclose(fit.tidy(exponentiate=True)["estimate"], np.exp(fit.table["estimate"]))
    for lang, word in (("fr", "sous-distribution"), ("en", "subdistribution")):
        assert word in fit.summary(lang)
        assert fit.plot(lang=lang).get_xlabel()
    assert fit.glance()[["n", "n_events", "n_competing", "n_censored"]].iloc[0, 1:].sum() == 160
    published = fit.publish(Policy())
    assert published.fitted is None
    with pytest.raises(InputError, match="published"):
        published.predict(pd.DataFrame({"x": [0.0], "site": ["west"]}), [5])
    with pytest.raises(InputError, match="published"):
        published.residuals()
    assert "subdistribution" in published.summary("en")
    assert published.glance()["n_rows"].item() == 3
    shown = fit.predict(pd.DataFrame({"x": [0.0], "site": ["west"]}), [0, 5, 20])
    assert (shown.publish(Policy()).table["status"] == "suppressed").any()
    assert shown.plot(lang="fr").get_ylabel() == "part des personnes"


def test_a_fit_from_parts_is_the_fit_of_the_whole():
    df = frame()
    x = np.asfortranarray(df[["x", "z"]].to_numpy(float))
    group = (df["site"] == "west").to_numpy().astype(int)
    arrays = {"time": df["time"].to_numpy(), "kind": df["cause"].to_numpy(), "group": group}
    answers = []
    for split in (np.zeros(160, dtype=int), np.arange(160) % 3):
        rows = [np.flatnonzero(split == k) for k in np.unique(split)]
        parts = [Part(np.asfortranarray(x[i]), **{name: a[i] for name, a in arrays.items()}) for i in rows]
        likelihood, slots, seen = weighted_likelihood(parts, x.mean(axis=0), 2)
        top = maximise(likelihood, x.std(axis=0), lambda step: float(np.ptp(x @ step)))
        look = Look(likelihood, slots, seen, parts, top.seen)
        moved = score_influence(look, rows, 160) @ top.covariance
        answers.append((top.beta, moved, top.seen.log_likelihood))
    for whole, parts in zip(*answers, strict=True):
        np.testing.assert_allclose(parts, whole, rtol=1e-10, atol=1e-12)
    whole = fine_gray(times(df.assign(west=group)), "x + z", censoring_by="west")
    np.testing.assert_allclose(np.sqrt((answers[1][1] ** 2).sum(axis=0)), whole.table["std_error"], rtol=1e-9)


def test_parts_may_lack_what_others_have():
    x = np.asfortranarray(np.array([[1.0], [2.0], [0.0], [3.0]]))
    a = Part(x, np.array([5.0, 6, 7, 9]), np.array([1, 2, 0, 1]), entry=np.array([0.0, 2, 1, 0]))
    b = Part(x, np.array([3.0, 8, 4, 2]), np.array([1, 0, 1, 2]))
    together, _, _ = weighted_likelihood([a, b], np.zeros(1))
    entries = np.concatenate([a.entry, np.zeros(4)])
    whole = Part(np.asfortranarray(np.vstack([x, x])), np.r_[a.time, b.time], np.r_[a.kind, b.kind], entries)
    alone, _, _ = weighted_likelihood([whole], np.zeros(1))
    beta = np.array([0.3])
    assert together.look(beta).log_likelihood == pytest.approx(alone.look(beta).log_likelihood, rel=1e-12)


def test_a_large_fit_begins_from_a_small_one_and_ends_where_it_would_anyway():
    rng = np.random.default_rng(4)
    n = 60_000
    x = rng.normal(size=n).round(2)
    exits = np.stack([rng.exponential(30 * np.exp(-0.5 * x)), rng.exponential(40, n)])
    df = pd.DataFrame(
        {"time": np.minimum(exits.min(axis=0) // 1, 30), "cause": exits.argmin(axis=0) + 1, "x": x}
    )
    df["cause"] = df["cause"].where(df["time"] < 30, 0)
    fit = fine_gray(times(df), "x")
    alone, _, _ = weighted_likelihood(
        [Part(np.asfortranarray(x[:, None]), df["time"].to_numpy(), df["cause"].to_numpy())], np.zeros(1)
    )
    top = maximise(alone, np.ones(1), lambda step: float(np.ptp(x * step)))
    assert fit.table["estimate"][0] == pytest.approx(top.beta[0], rel=1e-9)
    assert fit.table["estimate"][0] == pytest.approx(0.5 * 4 / 7, abs=0.2)


def test_a_few_people_in_exact_balance_give_no_precision():
    still = TimeToEvent(time=[1.0, 1], cause=[1, 1], causes=CAUSES, covariates=pd.DataFrame({"x": [1.0, -1]}))
    fit = fine_gray(still, "x")
    assert fit.table["status"].tolist() == ["not_estimable"]
    assert "balance" in reasons(fit)["x"]
    assert np.isnan(fit.table["p_value"][0])


# ---- Gray --------------------------------------------------------------------------------------------------------------
def test_gray_says_why_there_is_no_test():
    df = frame().assign(one="a")
    assert gray_test(times(df), by="one").tidy()["reason"][0] == "only one group: nothing to compare"
    none = (
        gray_test(times(df.assign(cause=df["cause"].replace(2, 0))), by="site").tidy().query("part == 'test'")
    )
    assert none["status"].tolist() == ["ok", "not_estimable"]
    assert none["reason"].iloc[1] == "no such exit observed: “gone”"
    apart = TimeToEvent(
        time=[1, 2, 3, 4], cause=[0, 0, 1, 2], causes=CAUSES, covariates=pd.DataFrame({"s": list("aabb")})
    )
    assert "two groups are at risk" in gray_test(apart, by="s").tidy()["reason"][0]
    sampled = times(df, weight=np.full(160, 1.5), weight_kind="sampling")
    assert "sampling weights" in gray_test(sampled, by="site").tidy()["reason"][0]


def test_gray_refuses_late_entries_changes_of_group_and_unknown_causes():
    df = frame()
    late = times(df.assign(time=df["time"] + 4), entry=np.where(np.arange(160) % 2, 0.0, 3.0))
    with pytest.raises(InputError, match="after the origin"):
        gray_test(late, by="site")
    moved = TimeToEvent(
        time=[5, 9, 4.0], cause=[0, 1, 2], causes=CAUSES, entry=[0, 5, 0.0], id=[1, 1, 2],
        covariates=pd.DataFrame({"s": list("aba")}),
    )  # fmt: skip
    with pytest.raises(InputError, match="change group"):
        gray_test(moved, by="s")
    with pytest.raises(InputError, match="no exit 'moon'"):
        gray_test(times(), by="site", cause="moon")
    with pytest.raises(InputError, match="by: name the covariate"):
        gray_test(times(), by=[])


def test_gray_takes_strata_from_the_times_and_publishes_without_giving_counts_back():
    df = frame()
    inside = gray_test(times(df, stratum=df["z"].to_numpy()), by="site").table
    asked = gray_test(times(df), by="site", strata="z").table
    np.testing.assert_allclose(inside["statistic"], asked["statistic"], rtol=1e-12)
    small = df.assign(rare=np.where(df.index < 12, "few", "many"))
    test = gray_test(times(small, provenance=Provenance(kind="records")), by="rare")
    published = test.publish(Policy())
    assert (published.table["status"] == "suppressed").any()
    assert published.table["expected"].isna().all()
    assert published.table["statistic"].isna().all()
    assert "Gray" in test.summary("fr")
    assert test.plot(lang="fr").get_xlabel()


# ---- time lost ---------------------------------------------------------------------------------------------------------
def test_time_lost_adds_up_and_compares():
    lost = years_lost(times(), 30, by="site", reference="south")
    per_group = lost.table.query("term == 'years_lost'").groupby("site")["estimate"].sum()
    np.testing.assert_allclose(per_group, 30)
    gap = lost.table.query("term == 'difference' and cause == 'job' and site == 'west'").iloc[0]
    means = lost.table.query("term == 'years_lost' and cause == 'job'").set_index("site")
    assert gap["estimate"] == pytest.approx(means.loc["west", "estimate"] - means.loc["south", "estimate"])
    assert gap["std_error"] == pytest.approx(
        np.hypot(means.loc["west", "std_error"], means.loc["south", "std_error"])
    )
    assert gap["reference"] == "south"
    ratio = lost.table.query("term == 'ratio' and cause == 'job' and site == 'west'").iloc[0]
    assert ratio["conf_low"] < ratio["estimate"] < ratio["conf_high"]
    for term in ("years_lost", "difference", "ratio"):
        assert lost.plot(lang="fr", term=term).get_xlabel()
    assert "temps gardé" in lost.summary("fr")
    with pytest.raises(InputError, match="no row 'moon'"):
        lost.plot(term="moon")


def test_time_lost_says_what_it_cannot_tell():
    df = frame()
    with pytest.raises(InputError, match="beyond the last observation"):
        years_lost(times(), 500)
    for t in (0, -3, np.inf, np.nan):
        with pytest.raises(InputError, match="positive and finite"):
            years_lost(times(), t)
    with pytest.raises(InputError, match="'moon' is no group"):
        years_lost(times(), 20, by="site", reference="moon")
    with pytest.raises(InputError, match="'reference' is the name"):
        years_lost(times(df.rename(columns={"z": "reference"})), 20, by="reference")
    with pytest.raises(InputError, match="rename that cause"):
        years_lost(TimeToEvent(time=[1.0], cause=[1], causes=("no_exit",)), 1)
    none = years_lost(times(df.assign(cause=df["cause"].replace(2, 0))), 20, by="site").table.query(
        "cause == 'gone'"
    )
    assert set(none["status"]) == {"not_estimable"}
    assert none["std_error"].isna().all()
    alone = years_lost(TimeToEvent(time=[3.0], cause=[1], causes=CAUSES), 10)
    assert alone.table["estimate"].tolist() == [7.0, 0.0, 3.0]
    assert set(alone.table["status"]) == {"not_estimable"}


def test_time_lost_of_people_with_several_rows_and_weights():
    df = frame()
    whole = years_lost(times(df), 20).table
    doubled = years_lost(times(pd.concat([df, df], ignore_index=True)), 20).table
    counted = years_lost(times(df, weight=np.full(160, 2.0)), 20).table
    np.testing.assert_allclose(counted["std_error"], doubled["std_error"], rtol=1e-10)
    np.testing.assert_allclose(counted["estimate"], whole["estimate"], rtol=1e-10)
    sampled = years_lost(times(df, weight=np.full(160, 2.5), weight_kind="sampling"), 20).table
    np.testing.assert_allclose(sampled["std_error"], whole["std_error"], rtol=1e-10)
    episodes = times(pd.concat([df, df], ignore_index=True), id=np.tile(np.arange(160), 2), clock="gap")
    np.testing.assert_allclose(years_lost(episodes, 20).table["std_error"], whole["std_error"], rtol=1e-9)


def test_time_lost_is_published_by_whole_groups():
    df = frame().assign(rare=lambda d: np.where(d.index < 20, "few", "many"))
    lost = years_lost(times(df, provenance=Provenance(kind="records")), 20, by="rare")
    table = lost.publish(Policy()).table
    assert table.loc[table["rare"] == "few", "estimate"].isna().all()
    assert set(table.loc[table["term"] != "years_lost", "status"]) == {"suppressed"}
    everything = years_lost(times(provenance=Provenance(kind="records")), 20)
    assert everything.publish(Policy()).table["estimate"].notna().all()


# ---- both ratios ------------------------------------------------------------------------------------------------------
def test_both_ratios_of_every_cause_stand_side_by_side():
    both = cause_specific(times(), "x + z", ties="breslow")
    rows = both.table.set_index(["cause", "part", "term"])["estimate"].sort_index()
    for cause in CAUSES:
        np.testing.assert_allclose(
            rows[cause, "cause_specific"], cox(times(), "x + z", "breslow", of=cause).table["estimate"]
        )
        np.testing.assert_allclose(
            rows[cause, "subdistribution"], fine_gray(times(), "x + z", cause).table["estimate"]
        )
    assert both.glance().shape[0] == 4
    assert "rythme" in both.summary("fr")
    assert both.plot(lang="en").get_xlabel() == "hazard ratio"
    np.testing.assert_allclose(both.tidy(exponentiate=True)["conf_low"], np.exp(both.table["conf_low"]))
    pickle.loads(pickle.dumps(both))
    published = cause_specific(times(provenance=Provenance(kind="records")), "x").publish(Policy())
    assert not published.fits
    assert published.glance()["n_rows"].item() == 4


def test_both_ratios_where_one_exit_was_never_taken_or_people_come_late():
    df = frame()
    never = cause_specific(times(df.assign(cause=df["cause"].replace(2, 0))), "x").tidy()
    assert never["status"].tolist() == ["ok", "ok", "not_estimable", "not_estimable"]
    assert never["reason"].iloc[2] == "no such exit observed: “gone”"
    late = times(df.assign(time=df["time"] + 4), entry=np.where(np.arange(160) % 2, 0.0, 3.0))
    assert cause_specific(late, "x").fits["job", "subdistribution"].variance == "robust"
    assert len(cause_specific(times(), "x", cause="gone", subdistribution=False).table) == 1
    sampled = times(df, weight=np.full(160, 2.5), weight_kind="sampling")
    assert cause_specific(sampled, "x").table["std_error"].notna().all()
    with pytest.raises(InputError, match="no exit 'moon'"):
        cause_specific(times(), "x", cause="moon")
    with pytest.raises(InputError, match="among 160 rows"):
        cause_specific(times(df.assign(cause=0)), "x")


def test_shares_of_all_exits_sum_to_one_and_know_their_limits():
    models = cause_specific(times(), "x", strata="site")
    profiles = pd.DataFrame({"x": [0.0, 1.0], "site": ["west", "north"]})
    shown = models.predict(profiles, [0, 10, 30])
    np.testing.assert_allclose(shown.table.groupby(["x", "time"])["estimate"].sum(), 1)
    assert shown.table["cause"].tolist()[:3] == ["job", "gone", "no_exit"]
    known = shown.table.dropna(subset="conf_low")
    assert (known["estimate"].between(known["conf_low"], known["conf_high"])).all()
    assert shown.plot(lang="fr").get_ylabel() == "part des personnes"
    assert models.predict(profiles).table["time"].nunique() > 20
    df = frame()
    never = cause_specific(times(df.assign(cause=df["cause"].replace(2, 0))), "x").predict(profiles, 10).table
    assert never["status"].tolist() == ["ok", "not_estimable", "ok"] * 2
    assert never["estimate"].iloc[1] == 0
    clusters = (
        cause_specific(times(df.assign(cl=df.index % 40)), "x", cluster="cl").predict(profiles, 10).tidy()
    )
    assert clusters["reason"].str.contains("clusters").all()
    assert clusters["std_error"].isna().all()
    apart = cause_specific(times(df.assign(only=(df["cause"] == 1) * 1)), "x + only")
    assert set(apart.predict(profiles.assign(only=1), 10).table["status"]) == {"not_estimable"}
    for wrong, said in ((profiles[:0], "at least one row"), (profiles.drop(columns="x"), "no column 'x'")):
        with pytest.raises(InputError, match=said):
            models.predict(wrong, 5)
    with pytest.raises(InputError, match="last observation"):
        models.predict(profiles, 500)
    with pytest.raises(InputError, match="gone has none"):
        cause_specific(times(), "x", cause="job").predict(profiles, 5)
    models = cause_specific(times(provenance=Provenance(kind="records")), "x")
    told = models.predict(profiles, [0, 10, 30]).publish(Policy()).table
    assert {"ok", "suppressed"} == set(told["status"])
    assert told.loc[told["time"] == 0, "n_event"].isna().all()
    records = models.publish(Policy())
    with pytest.raises(InputError, match="published"):
        records.predict(profiles, 5)


def test_precision_of_shares_is_that_of_the_curve_when_nothing_explains_them():
    """A covariate without effect and of one value: the model's shares and errors are near those of Aalen-Johansen."""
    rng = np.random.default_rng(9)
    n = 3000
    exits = np.stack([rng.exponential(2, n), rng.exponential(3, n)])
    df = pd.DataFrame({"time": exits.min(axis=0), "cause": exits.argmin(axis=0) + 1, "x": rng.normal(size=n)})
    model = (
        cause_specific(times(df), "x", subdistribution=False).predict(pd.DataFrame({"x": [0.0]}), 1.0).table
    )
    curve = aalen_johansen(times(df)).at(1.0).table
    np.testing.assert_allclose(model["estimate"], curve["estimate"], atol=0.01)
    np.testing.assert_allclose(model["std_error"], curve["std_error"], rtol=0.03)


# ---- Aalen-Johansen -----------------------------------------------------------------------------------------------------
def test_variance_from_counts_is_that_from_rows():
    df = frame()
    counts = aalen_johansen(times(df), by="site").table
    rows = aalen_johansen(times(df, weight=np.ones(160), weight_kind="sampling"), by="site").table
    np.testing.assert_allclose(counts["std_error"], rows["std_error"], atol=1e-12)
    frequency = aalen_johansen(times(df, weight=np.full(160, 2.0)), by="site").table
    doubled = aalen_johansen(times(pd.concat([df, df], ignore_index=True)), by="site").table
    np.testing.assert_allclose(frequency["std_error"], doubled["std_error"], atol=1e-12)


def test_one_person_and_everybody_on_day_0():
    one = aalen_johansen(TimeToEvent(time=[3.0], cause=[1], causes=CAUSES)).table
    assert one["estimate"].tolist() == [0, 0, 1, 1, 0, 0]
    assert (one["std_error"] == 0).all()
    day = aalen_johansen(TimeToEvent(time=[0.0, 0, 0, 2], cause=[1, 2, 2, 0], causes=CAUSES)).at(0).table
    assert day["estimate"].tolist() == [0.25, 0.5, 0.25]


# ---- what is extreme, what is no number ---------------------------------------------------------------------------------
def test_a_ratio_beyond_the_largest_number_is_infinite_without_a_warning():
    df = frame()
    df["tiny"] = np.random.default_rng(1).normal(size=len(df)) * 1e-8
    for fit in (fine_gray(times(df), "tiny"), cause_specific(times(df), "tiny"), cox(times(df), "tiny")):
        assert np.isinf(fit.tidy(exponentiate=True)["conf_high"]).all()
        fit.summary("fr")


@pytest.mark.parametrize("rho", [np.nan, np.inf, "early"])
def test_a_weight_of_grays_test_that_is_no_number_is_refused(rho):
    with pytest.raises(InputError, match="rho: must be a"):
        gray_test(times(), "site", rho=rho)
