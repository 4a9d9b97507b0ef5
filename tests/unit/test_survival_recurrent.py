"""Edges of repeated exits: what is refused, what is said, what is published."""

import dataclasses
import pickle

import numpy as np
import pandas as pd
import pytest

from evalkit.errors import InputError
from evalkit.survival import andersen_gill, mean_cumulative_count, pwp
from evalkit.timetoevent import TimeToEvent
from evalkit.wording import Message

CODES = {0: "censored", 1: "silence", 2: "moved", 3: "job"}


def rows(*lines, **columns):
    frame = pd.DataFrame(lines, columns=["id", "start", "stop", "cause"])
    return TimeToEvent.from_frame(
        frame.assign(**columns),
        "stop",
        "cause",
        CODES,
        entry="start",
        id="id",
        **({"weight": "w"} if "w" in columns else {}),
    )


@pytest.fixture
def some():
    return rows(
        ("a", 0, 3, 1),
        ("a", 5, 9, 0),
        ("b", 0, 4, 1),
        ("b", 4, 6, 2),
        ("c", 0, 8, 0),
        ("d", 0, 2, 3),
        ("d", 4, 7, 0),
    )


def people(n=120, seed=1):
    rng = np.random.default_rng(seed)
    lines = []
    for person in range(n):
        now, arm = 0, person % 2
        while now < 60:
            stop = now + int(rng.geometric(0.05 * (1 + arm)))
            lines.append((person, now, min(stop, 60), int(stop <= 60), arm))
            now = stop
    frame = pd.DataFrame(lines, columns=["id", "start", "stop", "event", "arm"])
    return TimeToEvent.from_frame(frame, "stop", "event", entry="start", id="id")


def keys(result):
    return [caveat.key for caveat in result.caveats]


def test_absences_count_in_the_mean_and_not_in_the_rate(some):
    mean = mean_cumulative_count(some, terminal="moved").table.set_index("time")
    rate = mean_cumulative_count(some, at_risk="engaged").table.set_index("time")
    assert mean.loc[4, "n_risk"] == 4  # a is away on day 4, d too
    assert rate.loc[4, "n_risk"] == 2
    assert mean.loc[4, "estimate"] == pytest.approx(2 / 4)
    assert rate.loc[4, "estimate"] == pytest.approx(1 / 3 + 1 / 2)


def test_exits_for_good_are_no_censoring(some):
    censored = mean_cumulative_count(some, terminal=[], until="last_row").table
    final = mean_cumulative_count(some, terminal="moved").table
    assert (
        final["estimate"].iloc[-1] == censored["estimate"].iloc[-1]
    )  # nobody has an event after the exit on day 6
    later = rows(("a", 0, 9, 1), ("b", 0, 6, 2), ("c", 0, 10, 0))
    assert mean_cumulative_count(later, terminal="moved", until="last_row").table["estimate"].iloc[
        -1
    ] == pytest.approx(1 / 3)
    assert mean_cumulative_count(later, terminal=[], until="last_row").table["estimate"].iloc[
        -1
    ] == pytest.approx(1 / 2)


def test_everybody_gone_leaves_nothing_to_add():
    tte = rows(("a", 0, 3, 1), ("a", 3, 5, 2), ("b", 0, 5, 2))
    found = mean_cumulative_count(tte, terminal="moved").table
    assert found["estimate"].tolist() == [0, 0.5, 0.5]
    assert np.isfinite(found["std_error"]).all()


@pytest.mark.parametrize(
    ("how", "said"),
    [
        ({}, "say which of them nobody comes back from"),
        ({"terminal": "dead"}, "is no cause"),
        ({"of": "dead", "terminal": []}, "is no cause"),
        ({"terminal": ["job"]}, "rows after a terminal|followed by others"),
        ({"terminal": "moved", "at_risk": "alive"}, "at_risk: must be one of"),
        ({"terminal": "moved", "conf_type": "logit"}, "conf_type: must be one of"),
        ({"terminal": "moved", "at_risk": "engaged"}, "knows no terminal exit"),
        ({"terminal": "moved", "until": "end"}, "no column 'end'"),
        ({"terminal": "moved", "by": "arm"}, "no column 'arm'"),
        ({"terminal": "moved", "conf_level": 1.0}, "conf_level"),
    ],
)
def test_refused(some, how, said):
    with pytest.raises(InputError, match=said):
        mean_cumulative_count(some, **how)


def test_an_end_of_observation_that_is_unknown_is_asked_for():
    lines = [("a", 0, 3, 1), ("b", 0, 9, 0)]
    with pytest.raises(InputError, match="1 of 2 people the last row ends"):
        mean_cumulative_count(rows(*lines))
    known = mean_cumulative_count(rows(*lines, until=[9, 9]), until="until").table
    assert known["n_risk"].tolist() == [2, 2, 2]
    assert mean_cumulative_count(rows(*lines), until="last_row").table["n_risk"].tolist() == [2, 2, 1]
    for until, said in (
        ([2, 9], "before the end"),
        ([np.nan, 9], "missing or infinite"),
        (["x", "y"], "must hold numbers"),
    ):
        with pytest.raises(InputError, match=said):
            mean_cumulative_count(rows(*lines, until=until), until="until")


def test_nobody_is_observed_past_the_horizon():
    cut = dataclasses.replace(rows(("a", 0, 3, 1), ("b", 0, 6, 0), until=[90, 90]), horizon=6.0)
    assert mean_cumulative_count(cut, until="until").table["time"].tolist() == [0, 3, 6]


def test_what_changes_within_a_person_is_refused():
    lines = [("a", 0, 3, 1), ("a", 3, 5, 0), ("b", 0, 9, 0)]
    with pytest.raises(InputError, match="by: arm changes between the rows of 1 of 2"):
        mean_cumulative_count(rows(*lines, arm=[0, 1, 0]), by="arm")
    with pytest.raises(InputError, match="weight changes"):
        mean_cumulative_count(rows(*lines, w=[1, 2, 1]))


def test_ids_and_one_clock_are_needed():
    for fit in (mean_cumulative_count, lambda t: andersen_gill(t, "x"), lambda t: pwp(t, "x")):
        with pytest.raises(InputError, match="needs ids"):
            fit(TimeToEvent(time=[3, 4], cause=[1, 0], causes=("silence",)))
        with pytest.raises(InputError, match="gap clock"):
            fit(TimeToEvent(time=[3, 4], cause=[1, 0], causes=("silence",), id=["a", "a"], clock="gap"))
        with pytest.raises(InputError, match="id: missing"):
            fit(
                TimeToEvent(
                    time=[3, 4], cause=[1, 0], causes=("silence",), id=np.array(["a", None], dtype=object)
                )
            )


def test_the_day_of_origin_is_at_risk_once():
    tte = rows(("a", 0, 0, 1), ("a", 0, 5, 0), ("b", 0, 5, 0))
    for how in ({}, {"at_risk": "engaged"}):
        found = mean_cumulative_count(tte, **how).table
        assert found["time"].tolist() == [0, 5]
        assert found["n_risk"].iloc[0] == 2
        assert found["estimate"].tolist() == [0.5, 0.5]


def test_all_exits_may_count():
    found = mean_cumulative_count(
        rows(("a", 0, 3, 1), ("a", 3, 5, 2), ("b", 0, 6, 0)), of="any exit", terminal="moved"
    ).table
    assert found["estimate"].iloc[-1] == pytest.approx(1)


def test_one_person_has_no_precision():
    found = mean_cumulative_count(rows(("a", 0, 3, 1), ("a", 3, 5, 0)))
    assert found.table["std_error"].iloc[1:].isna().all()
    assert "survival_recurrent.alone" in keys(found)
    two = mean_cumulative_count(rows(("a", 0, 3, 1), ("a", 3, 5, 0), ("b", 0, 5, 0), arm=[0, 0, 1]), by="arm")
    row = two.test().table.iloc[0]
    assert row["status"] == "not_estimable"
    assert isinstance(row["reason"], Message)
    row = two.difference(4).tidy().iloc[0]
    assert row["status"] == "not_estimable"
    assert row["estimate"] == -1
    assert two.ratio(4).tidy()["status"].tolist() == ["not_estimable"]


def test_nobody_has_an_event():
    tte = rows(("a", 0, 3, 0), ("b", 0, 5, 0), ("c", 0, 5, 0), ("d", 0, 5, 0), arm=[0, 0, 1, 1])
    found = mean_cumulative_count(tte, by="arm")
    assert (found.table["estimate"] == 0).all()
    assert found.test().table["status"].iloc[0] == "not_estimable"
    assert np.isnan(found.test().table["p_value"].iloc[0])


def test_comparisons():
    found = mean_cumulative_count(people(), by="arm", until="last_row")
    at = found.at(40).table
    gap = found.difference(40).table.iloc[0]
    assert gap["estimate"] == pytest.approx(at["estimate"][1] - at["estimate"][0])
    assert gap["std_error"] == pytest.approx(np.hypot(*at["std_error"]))
    ratio = found.ratio(40, reference=1).table.iloc[0]
    assert ratio["estimate"] == pytest.approx(at["estimate"][0] / at["estimate"][1])
    assert ratio["conf_low"] < ratio["estimate"] < ratio["conf_high"] < 1
    test = found.test().tidy()
    assert test["p_value"].iloc[0] < 0.001
    assert test["n_event"].iloc[0] == test["n_event"].iloc[1:].sum()
    with pytest.raises(InputError, match="no group 7"):
        found.difference(40, reference=7)
    with pytest.raises(InputError, match="beyond the last"):
        found.ratio(99)
    alone = mean_cumulative_count(people(), until="last_row")
    for ask in (alone.test, lambda: alone.ratio(3)):
        with pytest.raises(InputError, match="one group"):
            ask()
    with pytest.raises(InputError, match="only a survival curve"):
        alone.quantile(0.5)


def test_plain_bounds_stop_at_zero():
    found = mean_cumulative_count(people(4), until="last_row", conf_type="plain").table
    assert (found["conf_low"] >= 0).all()
    few = mean_cumulative_count(people(4), until="last_row")
    assert "survival_recurrent.few_people" in keys(few)


def test_publishing_counts_people_not_events():
    # Two people have all the events: no step tells of eleven.
    lines = [(p, k, k + 1, 1) for p in (0, 1) for k in range(30)] + [(p, 0, 30, 0) for p in range(2, 40)]
    private = mean_cumulative_count(rows(*lines), until="last_row").publish()
    assert private.table["estimate"].dropna().eq(0).all()
    assert (private.table["n_event"].dropna() == 0).all()
    shown = mean_cumulative_count(people(), by="arm", until="last_row").publish()
    known = shown.table.dropna(subset=["estimate"])
    assert len(known) > 6
    assert (known.loc[known["time"] > 0, "n_event"] >= 11).all()
    assert shown.rows is None
    assert shown.sums is None
    with pytest.raises(InputError, match="coarsened"):
        shown.at(10)
    asked = mean_cumulative_count(people(), by="arm", until="last_row").at([0, 1, 20, 40]).publish()
    assert asked.table["status"].tolist() == ["ok", "suppressed", "ok", "ok"] * 2
    assert asked.rows is None
    assert asked.table["n_event"].iloc[2] >= 11
    assert shown.plot(lang="fr").get_ylabel() == "nombre moyen par personne"


def test_publishing_comparisons_counts_people_too():
    lines = [(p, k, k + 1, 1) for p in range(20) for k in range(2)] + [(p, 2, 30, 0) for p in range(20)]
    lines += [(20, k, k + 1, 1) for k in range(15)] + [(p, 0, 30, 0) for p in range(21, 40)]
    arm = [int(line[0] >= 20) for line in lines]
    found = mean_cumulative_count(rows(*lines, arm=arm), by="arm", until="last_row")
    for result in (found.difference(10), found.ratio(10), found.test()):
        assert result.publish().table["status"].eq("suppressed").all()
        assert (
            result.publish()
            .table.filter(["estimate", "statistic", "p_value", "n_event", "score"])
            .isna()
            .all(axis=None)
        )
    plenty = mean_cumulative_count(people(), by="arm", until="last_row")
    for result in (plenty.difference(30), plenty.ratio(30), plenty.test()):
        assert result.publish().table["status"].eq("ok").all()


def test_results_are_shown_and_pickled():
    found = mean_cumulative_count(people(), by="arm", until="last_row")
    again = pickle.loads(pickle.dumps(found))
    pd.testing.assert_frame_equal(again.table, found.table)
    for lang in ("fr", "en"):
        assert found.question.text(lang) in found.summary(lang)
        found.plot(lang=lang)
        found.difference(30).plot(lang=lang)
        found.ratio(30).plot(lang=lang)
        found.test().plot(lang=lang)
    assert found.glance()["n"].tolist() == [60, 60]


# ---- models ----------------------------------------------------------------------------------------------------------
def modelled(n=150, seed=2, **how):
    tte = people(n, seed)
    x = np.random.default_rng(seed).normal(size=n)
    frame = tte.covariates.assign(x=x[tte.id.astype(int)], site=tte.id.astype(int) % 9, late=tte.time > 30)
    return tte.with_covariates(frame)


def test_effects_by_episode_and_what_is_said():
    tte = modelled()
    fit = pwp(tte, "arm", effects="by_episode", pool_after=2)
    assert fit.table["term"].tolist() == ["arm:episode 1", "arm:episode 2", "arm:episode 3+"]
    assert fit.table["status"].eq("ok").all()
    assert "survival_recurrent.pooled" in keys(fit)
    assert "arm" in fit.question.text("fr")
    plain = pwp(tte, "arm")
    assert "survival_recurrent.sparse_episode" in keys(plain)
    assert "survival_recurrent.conditional_total" in keys(plain)
    assert "survival.stratified" not in keys(plain)
    by_site = [c for c in pwp(tte, "arm", strata="site").caveats if c.key == "survival.stratified"]
    assert [c.values["strata"] for c in by_site] == [["site"]]
    assert fit.robust
    for lang in ("fr", "en"):
        fit.summary(lang)
    pickle.loads(pickle.dumps(fit))


def test_never_twice_is_cox():
    tte = people()
    first = tte.subset(tte.entry == 0)
    for fit in (andersen_gill(first, "arm"), pwp(first, "arm")):
        assert "survival_recurrent.never_again" in keys(fit)


def test_missing_covariates_leave_episodes_as_they_were():
    tte = modelled()
    x = tte.covariates["x"].where(tte.time != tte.time.min())
    holed = tte.with_covariates(tte.covariates.assign(x=x))
    with pytest.raises(InputError, match="missing"):
        pwp(holed, "x", effects="by_episode")
    fit = pwp(holed, "x", effects="by_episode", pool_after=1, missing="drop")
    assert "survival.dropped_missing" in keys(fit)
    assert fit.table["term"].tolist() == ["x:episode 1", "x:episode 2+"]


def test_models_refuse():
    tte = modelled()
    for how, said in (
        ({"clock": "age"}, "clock: must be one of"), ({"effects": "mine"}, "effects: must be one of"),
        ({"pool_after": 0}, "pool_after"), ({"cluster": "late"}, "cluster: late changes"),
    ):  # fmt: skip
        with pytest.raises(InputError, match=said):
            pwp(tte, "arm", **how)
    with pytest.raises(InputError, match="rename the covariate"):
        pwp(tte.with_covariates(tte.covariates.assign(episode_number=1)), "arm")
    with pytest.raises(InputError, match="weight changes"):
        andersen_gill(rows(("a", 0, 3, 1), ("a", 3, 5, 0), ("b", 0, 9, 0), w=[1, 2, 1], x=[0, 0, 1]), "x")


def test_own_strata_stay():
    tte = modelled()
    stratified = TimeToEvent(
        time=tte.time, cause=tte.cause, causes=tte.causes, entry=tte.entry, id=tte.id, stratum=tte.covariates["site"].to_numpy(),
        covariates=tte.covariates,
    )  # fmt: skip
    found = pwp(stratified, "arm + x").table
    asked = pwp(tte, "arm + x", strata="site").table
    pd.testing.assert_series_equal(found["estimate"], asked["estimate"])
    assert (
        pwp(tte, "arm", cluster="site").table["std_error"].item()
        != pwp(tte, "arm", cluster="id").table["std_error"].item()
    )


def test_the_gap_clock_is_that_of_the_endpoint():
    """A stay that begins half a day early begins on its day on the gap clock."""
    late = rows(
        ("a", 0, 3, 1), ("a", 9.5, 12, 1), ("b", 0, 5, 1), ("b", 6.5, 8, 0), ("c", 0, 4, 0), x=[1, 1, 0, 0, 1]
    )
    fit = pwp(late, "x", clock="gap")
    assert fit.fitted.tte.time.tolist() == [3, 2, 5, 1, 4]
    assert fit.fitted.tte.entry.tolist() == [0] * 5


def test_episodes_of_an_event_that_never_came_are_refused_in_words():
    tte = rows(("a", 0, 4, 0), ("b", 0, 3, 0), helped=[0, 1])
    for effects in ("common", "by_episode"):
        with pytest.raises(InputError, match="pwp: no event among 2 rows"):
            pwp(tte, "helped", effects=effects)


def test_a_robust_variance_of_zero_is_no_precision():
    """Everybody at risk leaves on one day: no person moves the coefficient, which is 0, and its error is not known."""
    tte = rows(("a", 0, 3, 1), ("b", 1, 3, 1), ("c", 2, 3, 1), ("d", 0, 3, 1), helped=[0, 1, 0, 1])
    found = andersen_gill(tte, "helped").tidy().iloc[0]
    assert found["status"] == "not_estimable"
    assert "exact balance" in str(found["reason"])
    assert np.isnan([found["std_error"], found["conf_low"], found["p_value"]]).all()
