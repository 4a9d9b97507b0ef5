"""Validation of predictions: closed forms, derivatives taken numerically, and the edges."""

import numpy as np
import pandas as pd
import pytest

from evalkit import figures
from evalkit.disclosure import Policy
from evalkit.errors import InputError
from evalkit.survival import (
    brier_score,
    calibration,
    concordance,
    cox,
    cross_validate,
    fine_gray,
    kaplan_meier,
    parametric,
)
from evalkit.survival.validating.brier import _integral, _scores
from evalkit.survival.validating.calibrated import _overall, _slope
from evalkit.survival.validating.predicting import Asked
from evalkit.survival.validating.ranking import _auc, _uno
from evalkit.timetoevent import TimeToEvent


def frame(n=150, seed=4):
    rng = np.random.default_rng(seed)
    x = rng.normal(size=n)
    one, two, lost = rng.exponential(30 * np.exp(-0.8 * x)), rng.exponential(90, n), rng.uniform(8, 90, n)
    time = np.minimum(np.minimum(one, two), lost)
    cause = np.where(time == one, 1, np.where(time == two, 2, 0))
    return pd.DataFrame(
        {
            "time": np.ceil(time),
            "cause": cause,
            "x": x,
            "g": rng.choice(["a", "b"], n),
            "home": rng.integers(0, 25, n),
        }
    )


def times_of(df, competing=False, **how):
    df = df if competing else df.assign(cause=(df["cause"] > 0).astype(int))
    codes = {0: "censored", 1: "one", 2: "two"} if competing else None
    return TimeToEvent.from_frame(df, "time", "cause", codes, **({"provenance": "open"} | how))


@pytest.fixture
def df():
    return frame()


@pytest.fixture
def tte(df):
    return times_of(df)


def two_homes(tte):
    return tte.with_covariates(pd.DataFrame({"two": np.arange(tte.n) % 2}))


def risks(n, seed=1):
    return np.random.default_rng(seed).uniform(0.05, 0.9, n)


# ---- influence -----------------------------------------------------------------------------------------------------
def asked(df, weight, competing, model):
    made = times_of(df.assign(w=weight), competing, weight="w", weight_kind="sampling")
    return Asked.of(model, made, None, "incidence", "test")


def everything(found, risk, competing):
    """Return every estimate and the influence of every row on it."""
    pairs = []
    score = _scores(found, np.array([20.0]))
    pairs += [(score.value[0], score.moved[0]), (score.reference[0], score.moved_reference[0])]
    pairs += [_auc(found, risk, 20.0)]
    whole = _integral(
        Asked.of(lambda new, t: 1 - np.exp(-np.outer(risk, t) / 20), found.tte, None, "incidence", "test"),
        25.0,
    )
    pairs += [(whole.value[0], whole.moved[0]), (whole.reference[0], whole.moved_reference[0])]
    if not competing:
        pairs += [_uno(found, risk, 30.0), _uno(found, risk, None)]
    return pairs


@pytest.mark.parametrize("competing", [False, True])
def test_influence_is_the_derivative_by_each_weight(df, competing):
    df = df.iloc[:60]
    risk = np.round(risks(60), 1)
    base = everything(asked(df, np.ones(60), competing, risk), risk, competing)
    for i in (0, 7, 22, 59):
        up, down = np.ones(60), np.ones(60)
        up[i], down[i] = 1 + 1e-5, 1 - 1e-5
        high, low = (everything(asked(df, w, competing, risk), risk, competing) for w in (up, down))
        for (_, moved), (a, _), (b, _) in zip(base, high, low, strict=True):
            assert moved[i] == pytest.approx((a - b) / 2e-5, abs=2e-8)


@pytest.mark.parametrize("competing", [False, True])
def test_errors_of_calibration_are_those_of_the_derivatives(df, competing):
    df, risk = df.iloc[:50], risks(50)
    judge = lambda w: (
        _overall(asked(df, w, competing, risk), risk, 20.0, 0.95)
        + _slope(asked(df, w, competing, risk), risk, 20.0, 0.95)
    )
    square = np.zeros(4)
    for i in range(50):
        up, down = np.ones(50), np.ones(50)
        up[i], down[i] = 1 + 1e-5, 1 - 1e-5
        square += [
            ((a["estimate"] - b["estimate"]) / 2e-5) ** 2 for a, b in zip(judge(up), judge(down), strict=True)
        ]
    np.testing.assert_allclose([row["std_error"] for row in judge(np.ones(50))], np.sqrt(square), rtol=1e-6)


# ---- Brier ---------------------------------------------------------------------------------------------------------
def test_without_censoring_the_score_is_the_mean_square():
    tte = TimeToEvent(time=[1, 2, 3, 4], cause=[1, 1, 1, 1], causes=("one",))
    survival = np.array([0.1, 0.5, 0.8, 0.9])
    found = brier_score(survival, tte, 2.0).table.set_index("term")["estimate"]
    assert found["brier"] == pytest.approx(np.mean((survival - [0, 0, 1, 1]) ** 2))
    assert found["reference"] == pytest.approx(0.25)
    assert "integrated" not in found.index


def test_the_marginal_curve_scores_as_the_reference(tte):
    curve = kaplan_meier(tte)
    told = lambda new, t: np.tile([curve.at(float(u)).table["estimate"].iloc[0] for u in t], (len(new), 1))
    found = brier_score(told, tte, [10, 20]).table
    for scaled in ("scaled", "integrated_scaled"):
        np.testing.assert_allclose(found.loc[found["term"] == scaled, "estimate"], 0, atol=1e-10)


def test_the_integral_is_the_mean_over_days(tte):
    model = cox(tte, "x")
    found = brier_score(model, tte, 30).table.set_index("term")["estimate"]
    days = brier_score(model, tte, np.arange(1, 30.0), integrated=False).table
    daily = days.loc[days["term"] == "brier", "estimate"].sum()
    assert found["integrated"] == pytest.approx(daily / 30, rel=1e-12)


def test_many_times_are_summed_by_the_trapezoid_rule(monkeypatch, tte):
    model = cox(tte, "x")
    exact = brier_score(model, tte, 60).table.set_index("term")["estimate"]["integrated"]
    monkeypatch.setattr("evalkit.survival.validating.brier._MOST_NODES", 25)
    monkeypatch.setattr("evalkit.survival.validating.brier._BLOCK", 700)
    thinned = brier_score(model, tte, 60).table.set_index("term")["estimate"]["integrated"]
    assert thinned == pytest.approx(exact, rel=0.02)
    assert thinned != exact


def test_a_model_with_predict_and_numbers_agree(df):
    single, two = times_of(df), times_of(df, competing=True)
    weibull = parametric(single, "x", family="weibull")
    table = weibull.predict(df[["x"]], [10, 25]).table["estimate"].to_numpy().reshape(len(df), 2)
    a, b = (brier_score(m, single, [10, 25], integrated=False).table for m in (weibull, table))
    np.testing.assert_allclose(a["estimate"], b["estimate"], rtol=1e-12)
    gray = fine_gray(two, "x", cause="one")
    table = gray.predict(df[["x"]], [10, 25]).table["estimate"].to_numpy().reshape(len(df), 2)
    a, b = (
        brier_score(m, two, [10, 25], integrated=False, given=g).table
        for m, g in ((gray, "survival"), (table, "incidence"))
    )
    np.testing.assert_allclose(a["estimate"], b["estimate"], rtol=1e-12)
    assert a.query("term == 'scaled'")["estimate"].min() > 0
    ranked = concordance(weibull, single, times=20).table["estimate"].iloc[0]
    assert ranked == pytest.approx(concordance(cox(single, "x"), single).table["estimate"].iloc[0], rel=1e-12)
    assert concordance(gray, two, "auc", times=20).table["estimate"].iloc[0] > 0.6


def test_cox_survivals_are_those_of_predict(df):
    tte = times_of(df)
    model = cox(tte, "x", strata="g")
    told = (
        model.predict(df[["x", "g"]], [10, 25])
        .table.sort_values(["row", "time"])["estimate"]
        .to_numpy()
        .reshape(-1, 2)
    )
    a, b = (brier_score(m, tte, [10, 25], integrated=False).table["estimate"] for m in (model, told))
    np.testing.assert_allclose(a, b, rtol=1e-12)
    harrell = concordance(model, tte).table["estimate"].iloc[0]
    assert harrell == pytest.approx(model.glance()["concordance"].iloc[0], rel=1e-12)


def test_any_exit_among_several(df):
    single, two = times_of(df), times_of(df, competing=True)
    risk = 1 - risks(len(df))
    a = brier_score(risk, single, 20).table
    b = brier_score(risk, two, 20, of="any exit").table
    np.testing.assert_allclose(a["estimate"], b["estimate"], rtol=1e-12)


# ---- weights, clusters, split rows -----------------------------------------------------------------------------------
def judged(tte, **how):
    model = cox(tte, "x") if tte.weight_kind != "sampling" else cox(tte, "x", robust=True)
    told = lambda new, t: np.exp(-np.outer(np.exp(0.8 * new["x"]), t / 40))
    tables = [
        brier_score(told, tte, [10, 20], **how).table,
        calibration(told, tte, 20, groups=2, **how).table,
        concordance(told, tte, "auc", times=20, **how).table,
        concordance(lambda new, t: new["x"].to_numpy(), tte, "uno", tau=30, **how).table,
        concordance(lambda new, t: new["x"].to_numpy(), tte, **how).table,
    ]
    assert model.fitted is not None
    return pd.concat(tables, ignore_index=True)[["term", "estimate", "std_error", "n", "n_event"]]


def test_frequency_weights_are_people(df):
    df["count"] = np.arange(len(df)) % 3 + 1
    many = df.loc[df.index.repeat(df["count"])].drop(columns="count").reset_index(drop=True)
    weighted, repeated = judged(times_of(df, weight="count")), judged(times_of(many))
    # Groups of equal size are cut by rows.
    for table in (weighted, repeated):
        table.drop(table.index[table["term"] == "group"], inplace=True)
    pd.testing.assert_frame_equal(weighted, repeated, rtol=1e-9)


def test_clusters_add_before_they_are_squared(df):
    twice = pd.concat([df.assign(home=np.arange(len(df)))] * 2, ignore_index=True)
    once, clustered = judged(times_of(df)), judged(times_of(twice), cluster="home")
    same = once["term"] != "harrell"
    np.testing.assert_allclose(once["estimate"][same], clustered["estimate"][same], rtol=1e-9)
    np.testing.assert_allclose(once["std_error"][same], clustered["std_error"][same], rtol=1e-8)


def test_split_rows_are_one_person(df):
    df["id"], df["start"] = np.arange(len(df)), 0.0
    late = df[df["time"] > 8]
    split = pd.concat(
        [df[df["time"] <= 8], late.assign(time=8.0, cause=0), late.assign(start=8.0)], ignore_index=True
    )
    one, many = (
        judged(times_of(df.drop(columns="start"), id="id")),
        judged(times_of(split, id="id", entry="start")),
    )
    pd.testing.assert_frame_equal(one, many, rtol=1e-9)


# ---- calibration ---------------------------------------------------------------------------------------------------
def test_observed_shares_of_groups_are_those_of_kaplan_meier(tte, df):
    risk = risks(len(df))
    found = calibration(1 - risk, tte, 20, groups=3).table
    cuts = np.quantile(risk, [1 / 3, 2 / 3])
    group = np.searchsorted(cuts, risk, side="left")
    curve = kaplan_meier(tte.with_covariates(pd.DataFrame({"third": group})), by="third").at(20).table
    rows = found[found["term"] == "group"]
    np.testing.assert_allclose(rows["estimate"], 1 - curve["estimate"], rtol=1e-12)
    np.testing.assert_allclose(rows["std_error"], curve["std_error"], rtol=1e-10)
    np.testing.assert_allclose(rows["conf_low"], 1 - curve["conf_high"], rtol=1e-10)
    np.testing.assert_allclose(rows["predicted"], [risk[group == g].mean() for g in range(3)])


def test_predictions_too_extreme_have_a_slope_below_one():
    rng = np.random.default_rng(1)
    truth = rng.uniform(-1.5, 0.5, 4_000)
    time = np.ceil(rng.exponential(20 / np.exp(truth)))
    tte = TimeToEvent(time=np.minimum(time, 40), cause=time <= 40, causes=("one",))
    told = np.exp(-np.exp(2 * truth))
    found = calibration(told, tte, 20).table.set_index("term")
    assert found.loc["slope", "conf_low"] < 0.5 < found.loc["slope", "conf_high"]
    assert found.loc["intercept", "conf_low"] < 0 < found.loc["intercept", "conf_high"]


def test_calibration_says_what_it_cannot(df):
    tte = times_of(df)
    flat = calibration(np.full(len(df), 0.5), tte, 20).table.set_index("term")
    assert flat.loc["slope", "status"] == "not_estimable"
    assert "all predictions are equal" in flat.loc["slope", "reason"].text("en")
    assert (flat.index == "group").sum() == 1
    short = df.assign(
        time=np.where(df["x"] > 0, np.minimum(df["time"], 15), df["time"]),
        cause=np.where(df["x"] > 0, 0, df["cause"]),
    )
    risk = np.where(df["x"] > 0, 0.9, 0.1) + risks(len(df)) / 100
    rows = calibration(1 - risk, times_of(short), 20, groups=2).table.query("term == 'group'")
    assert rows["status"].tolist() == ["ok", "not_estimable"]
    assert "not followed up to then" in rows["reason"].iloc[1].text("en")
    apart = TimeToEvent(time=[5.0] * 20 + [30.0] * 20, cause=[1] * 40, causes=("one",))
    lost = calibration(np.r_[risks(20) / 9, 0.8 + risks(20, 2) / 9], apart, 10).table.set_index("term")
    assert "no finite estimate" in lost.loc["slope", "reason"].text("en")


def test_a_calibration_is_drawn_told_and_published(df):
    tte = times_of(frame(400), provenance="records")
    found = calibration(cox(tte, "x"), tte, 20)
    assert "<svg" in figures.svg(found.plot(lang="fr"))
    assert "pente de calibration" in found.summary("fr")
    out = calibration(cox(tte, "x"), tte, 5, groups=8).publish(Policy())
    hidden = out.table[out.table["status"] == "suppressed"]
    assert len(hidden) > 1
    assert hidden[["estimate", "predicted", "n_event"]].isna().all(axis=None)
    assert "<svg" in figures.svg(out.plot())


# ---- concordance ---------------------------------------------------------------------------------------------------
def test_a_concordance_that_cannot_be_estimated_says_why(df):
    score = df["x"].to_numpy()
    none = concordance(score, times_of(df.assign(cause=0)))
    assert none.table["status"].iloc[0] == "not_estimable"
    assert "no pair" in none.table["reason"].iloc[0].text("en")
    assert np.isnan(none.table["estimate"].iloc[0])
    uno = concordance(score, times_of(df.assign(cause=0)), "uno").table
    assert uno["status"].iloc[0] == "not_estimable"
    untied = TimeToEvent(time=np.arange(1.0, 31), cause=np.arange(30) % 2, causes=("one",))
    perfect = concordance(-untied.time, untied).table
    assert perfect["estimate"].iloc[0] == 1
    assert perfect["status"].iloc[0] == "not_estimable"


def test_other_causes_are_said_to_be_censored(df):
    found = concordance(df["x"].to_numpy(), times_of(df, competing=True), "uno", of="two")
    assert any("other exits (one) are taken as losses" in c.text("en") for c in found.caveats)


@pytest.mark.parametrize(
    ("call", "said"),
    [
        (lambda t, m: concordance(m, t, "c"), "kind: must be one of"),
        (lambda t, m: concordance(m, t, tau=0), "tau: must be after"),
        (lambda t, m: concordance(m, t, "auc"), "times: say at which"),
        (lambda t, m: concordance(m, t, "auc", times=10, tau=10), "tau: not for"),
        (lambda t, m: concordance([1.0, 2.0], t), "one number for each of 150"),
        (lambda t, m: concordance(np.full(150, np.nan), t), "150 of 150 numbers are missing"),
        (lambda t, m: concordance(parametric(t, "x"), t), "rank people"),
        (lambda t, m: brier_score(m, t, 1e4), "not before the last observation"),
        (lambda t, m: brier_score(m, t, [20, 10]), "must rise"),
        (lambda t, m: brier_score(m, t, -1), "after the origin"),
        (lambda t, m: brier_score(np.full((150, 2), 0.5), t, 10), "one column for each of 1 times"),
        (lambda t, m: brier_score(np.full(150, 1.5), t, 10), "150 of 150 are missing or outside 0 to 1"),
        (lambda t, m: brier_score(m, t, 10, given="odds"), "given: must be one of"),
        (lambda t, m: calibration(m, t, [10, 20]), "at: give one time"),
        (lambda t, m: calibration(m, t, 10, groups=0), "groups: at least 1"),
        (lambda t, m: cross_validate(lambda p: cox(p, "x"), t, 10, scores=["r2"]), "scores: must be among"),
        (lambda t, m: cross_validate(lambda p: cox(p, "x"), t, 10, folds=1), "folds: at least 2"),
        (lambda t, m: cross_validate(lambda p: cox(p, "x"), t, 10, folds=90), "fewer than 5 in each"),
        (lambda t, m: cross_validate(lambda p: cox(p, "x"), t, 10, folds=30, cluster="home"), "cannot make 30 parts"),
        (lambda t, m: cross_validate(lambda p: cox(p, "y"), t, 10), "on everybody the model cannot be fitted"),
        (lambda t, m: cross_validate(lambda p: parametric(p, "x"), t, 10), "which a Cox fit has"),
        (lambda t, m: brier_score(m, two_homes(t), 10, cluster="two"), "no variance between them"),
        (lambda t, m: brier_score(m.publish(), t, 10), "published|records"),
    ],
)  # fmt: skip
def test_what_cannot_be_asked_is_refused(call, said):
    df = frame()
    tte = times_of(df, provenance="records")
    with pytest.raises(InputError, match=said):
        call(tte, cox(tte, "x"))


def test_competing_exits_need_shares(df):
    two = times_of(df, competing=True)
    for model in (cox(two, "x"), np.full(len(df), 0.5)):
        with pytest.raises(InputError, match="exits compete"):
            brier_score(model, two, 10)
    with pytest.raises(InputError, match="of: must be 'any exit' or one of"):
        brier_score(np.full(len(df), 0.5), two, 10, of="three")


def test_late_entry_is_refused_but_by_harrell(df):
    late = times_of(df[df["time"] > 4].assign(start=3.0), entry="start")
    model = cox(late, "x")
    with pytest.raises(InputError, match="all observed from the origin"):
        brier_score(model, late, 10)
    assert concordance(model, late).table["estimate"].iloc[0] == pytest.approx(
        model.glance()["concordance"].iloc[0]
    )


def test_a_model_says_nothing_past_its_own_follow_up(df):
    short = cox(times_of(df[df["time"] < 30]), "x")
    with pytest.raises(InputError, match="beyond the last time the model was fitted on"):
        brier_score(short, times_of(df), 40)
    unseen = cox(times_of(df), "x + g")
    with pytest.raises(InputError, match="g"):
        brier_score(unseen, times_of(df.assign(g="c")), 10)


def test_judging_a_model_on_its_own_people_is_said(tte, df):
    model = cox(tte, "x")
    flattered = lambda found: any("very people" in c.text("en") for c in found.caveats)
    assert flattered(brier_score(model, tte, 10))
    assert not flattered(brier_score(model, times_of(frame(seed=9)), 10))


# ---- cross-validation ----------------------------------------------------------------------------------------------
def test_nobody_is_predicted_by_a_model_that_saw_their_cluster(df):
    tte = times_of(df)
    seen = []

    def fit(part):
        seen.append(part)
        return cox(part, "x")

    found = cross_validate(
        fit, tte, 20, folds=4, cluster="home", scores=("brier", "concordance", "auc", "calibration")
    )
    everybody, *parts = seen
    assert everybody.n == tte.n
    homes = [set(part.covariates["home"]) for part in parts]
    assert len(parts) == 4
    left_out = [set(df["home"]) - h for h in homes]
    assert sorted(h for out in left_out for h in out) == sorted(set(df["home"]))
    events = [tte.event.sum() - part.event.sum() for part in parts]
    assert max(events) - min(events) <= 8
    assert set(found.table["part"]) == {"apparent", "cross_validated"}
    pair = found.table[found.table["term"] == "brier"].set_index("part")["estimate"]
    assert pair["cross_validated"] >= pair["apparent"] - 0.01
    assert "personnes non vues" in found.summary("fr")
    assert any("4 parts drawn at random (seed 2011), by home" in c.text("en") for c in found.caveats)


def test_noise_is_found_out():
    rng = np.random.default_rng(7)
    df = frame(200, seed=6).assign(**{f"z{k}": rng.normal(size=200) for k in range(12)})
    formula = " + ".join(f"z{k}" for k in range(12))
    found = cross_validate(lambda part: cox(part, formula), times_of(df), 20).table.set_index(
        ["part", "term"]
    )["estimate"]
    assert found["apparent", "scaled"] > 0 > found["cross_validated", "scaled"]
    assert found["apparent", "harrell"] > 0.55 > found["cross_validated", "harrell"] - 0.03


def test_the_draw_is_the_seeds_and_by_person(df):
    df["id"], df["start"] = np.arange(len(df)) % 148, 0.0
    df = df.drop_duplicates("id")
    late = df[df["time"] > 8]
    split = pd.concat(
        [df[df["time"] <= 8], late.assign(time=8.0, cause=0), late.assign(start=8.0)], ignore_index=True
    )
    tte = times_of(split, id="id", entry="start")
    run = lambda seed: cross_validate(lambda part: cox(part, "x"), tte, 20, seed=seed).table
    pd.testing.assert_frame_equal(run(3), run(3))
    assert not run(3)["estimate"].equals(run(4)["estimate"])
    assert any("by id" in c.text("en") for c in cross_validate(lambda part: cox(part, "x"), tte, 20).caveats)


def test_competing_exits_are_cross_validated(df):
    two = times_of(df, competing=True)
    found = cross_validate(
        lambda part: fine_gray(part, "x", cause="one"), two, [10, 20], scores=["auc", "brier"], folds=3
    )
    assert (found.table["status"] == "ok").all()
    rare = df.assign(g=np.where(df.index == 0, "rare", df["g"]))
    with pytest.raises(InputError, match=r"part \d of 5: g: the model knows no level"):
        cross_validate(lambda part: cox(part, "x + g"), times_of(rare), 20)
