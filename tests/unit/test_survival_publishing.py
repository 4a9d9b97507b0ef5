"""What leaves the gate cannot be read by differencing rows of one result, and counts people, not their events."""

import pickle

import numpy as np
import pandas as pd
import pytest

import evalkit as ek
from evalkit.disclosure import suppress_levels, suppress_since

S = ek.survival


def people(n: int = 300, few: int = 5) -> pd.DataFrame:
    rng = np.random.default_rng(5)
    site = np.where(np.arange(n) < few, "a", "b")
    return pd.DataFrame({
        "time": np.ceil(rng.exponential(60, n)), "event": (rng.random(n) < 0.7).astype(int), "site": site,
        "helped": rng.integers(0, 2, n), "age": rng.normal(18, 2, n),
    })  # fmt: skip


def times(frame: pd.DataFrame, **more) -> ek.TimeToEvent:
    return ek.TimeToEvent.from_frame(frame, time="time", event="event", provenance="records", **more)


def models():
    tte = times(people())
    sites = tte.with_covariates(pd.DataFrame({"place": np.arange(tte.n) // 10}))
    return {
        "cox": lambda: S.cox(tte, "age + site"),
        "ratios": lambda: S.cox(tte, "age + site").hazard_ratios(),
        "fine_gray": lambda: S.fine_gray(tte, "age + site"),
        "cause_specific": lambda: S.cause_specific(tte, "age + site"),
        "parametric": lambda: S.parametric(tte, "age + site"),
        "cure": lambda: S.cure(tte, "age", "site"),
        "discrete": lambda: S.discrete_hazard(tte, "age + site", period=30),
        "frailty": lambda: S.frailty(sites, "age + site", "place"),
    }


@pytest.mark.parametrize("name", models())
def test_a_small_reference_level_is_not_everybody_less_the_other(name):
    table = models()[name]().publish().tidy()
    everybody = table["n"].max()
    level = table[table["term"].astype(str).str.startswith("site")]
    assert everybody == 300
    assert (level["status"] == "suppressed").all()
    assert level[["n", "n_event", "estimate"]].isna().all(axis=None)


def test_a_level_large_enough_beside_a_hidden_one_stays():
    fit = pd.DataFrame(
        {"term": ["age", "s[b]", "s[c]", "s[d]"], "n": [300, 94, 100, 4], "n_event": [200, 60, 70, 2]}
    )
    out, hidden = suppress_levels(fit, ek.disclosure.Policy(), ["age", "s", "s", "s"])
    assert hidden == 1
    assert out["n"].tolist()[:3] == [
        300,
        94,
        100,
    ]


def recurrent() -> ek.TimeToEvent:
    rows = []
    for p in range(80):
        # Two of the twenty people of b have all their events.
        k = 15 if p < 2 else 0 if p < 20 else 1 + p % 2
        start = 0
        for day in range(5, 5 + k):
            rows.append((p, start, day, 1, "b" if p < 20 else "a"))
            start = day
        rows.append((p, start, 100, 0, "b" if p < 20 else "a"))
    frame = pd.DataFrame(rows, columns=["id", "start", "time", "event", "group"])
    return times(frame, entry="start", id="id")


@pytest.mark.parametrize("fit", [S.andersen_gill, S.pwp])
def test_thirty_events_of_two_people_are_two_people(fit):
    fitted = fit(recurrent(), "group", **({"pool_after": 1} if fit is S.pwp else {}))
    assert fitted.tidy()[["n", "n_event"]].to_numpy().tolist() == [[20, 30]]
    for result in (fitted, fitted.hazard_ratios()):
        table = result.publish().tidy()
        assert table["status"].iloc[-1] == "suppressed"
        assert np.isnan(table["n_event"].iloc[-1])


def test_scores_at_times_that_one_exit_parts():
    tte = times(people())
    near = np.unique(tte.time[tte.event])[[8, 9, 20]]
    fit = S.cox(tte, "age")
    for result in (S.brier_score(fit, tte, near), S.concordance(fit, tte, kind="auc", times=near)):
        shown = result.publish().tidy()
        events = shown.drop_duplicates("time")["n_event"].dropna()
        assert len(events) < 3
        assert (np.diff(events, prepend=0) >= 11).all()
        assert shown.loc[shown["n_event"].isna(), "estimate"].isna().all()


def test_a_row_without_a_time_counts_all_events():
    table = pd.DataFrame({"time": [10.0, np.nan], "estimate": 0.5, "n": 200.0, "n_event": [60.0, 62.0]})
    assert suppress_since(table, ek.disclosure.Policy())[0]["n_event"].isna().tolist() == [False, True]


def test_contrasts_of_adjusted_curves_do_not_step_person_by_person():
    curves = S.cox(times(people()), "age + helped").adjusted("helped")
    for kind in ("difference", "ratio"):
        shown = curves.contrast(kind).publish().tidy()
        assert (np.diff(shown["n_event"].dropna(), prepend=0) >= 11).all()
        assert shown.loc[shown["n_event"].isna(), "estimate"].isna().all()


def test_extremes_of_weights_and_few_left_out_are_one_persons():
    frame = people()
    frame["helped"] = np.random.default_rng(1).random(300) < 1 / (1 + np.exp(-(frame["age"] - 18) / 3))
    curves = S.adjusted_curves(times(frame), "helped", "age", times=[20], trim=0.2)
    said = next(c for c in curves.caveats if c.key == "survival_adjusting.trimmed")
    assert (
        sum(int(part.split(": ")[1]) for part in said.values["groups"].split(", ")) == said.values["n"] < 11
    )
    published = curves.publish()
    assert any("fewer than 11" in c.text("en") and "(…)" in c.text("en") for c in published.caveats)
    overlap = published.overlap().tidy()
    assert overlap[["chance_low", "chance_high", "weight_high"]].isna().all(axis=None)
    assert overlap["effective_n"].notna().all()


def test_pooled_answers_pass_the_gate_of_what_was_pooled():
    frame = people()
    frame.loc[np.random.default_rng(2).random(300) < 0.2, "age"] = np.nan
    sets = S.impute(times(frame), columns=["age", "helped"], m=3, seed=1)
    days = np.unique(frame["time"])[[20, 21, 50]]
    ask = lambda t: S.kaplan_meier(t).at(days)
    pooled, one = S.pooled(ask, sets, scale="log-log").publish(), ask(sets[0]).publish()
    for column in ("n_risk", "n_event", "status"):
        pd.testing.assert_series_equal(pooled.table[column], one.table[column])
    assert "suppressed" in set(one.table["status"])
    assert pickle.loads(pickle.dumps(pooled)).gate is None
    level = S.pooled(lambda t: S.cox(t, "age + site"), sets).publish().tidy()
    assert level.set_index("term")["n"].isna().to_dict() == {"age": False, "site[b]": True}
    assert S.pooled(ask, sets, scale="log-log").table["fmi"].eq(0).all()  # the curve has nothing missing


def test_predictions_for_the_people_fitted_do_not_describe_them():
    made = S.cox(times(people()), "age + site").predict(kind="lp").publish().tidy()
    assert made[["estimate", "age", "site"]].isna().all(axis=None)


def test_people_at_the_start_of_two_periods_do_not_tell_who_was_lost_between():
    frame = people(few=150)
    fit = S.discrete_hazard(times(frame), "site", period=30)
    before, after = (r.tidy().query("part == 'baseline'")["n"] for r in (fit, fit.publish()))
    shown = after.notna()
    assert shown.any()
    assert (after[shown] % 5 == 0).all()
    assert not (before[shown] % 5 == 0).all()
