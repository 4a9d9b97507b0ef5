"""Curves: what they say, what they refuse, and what they leave to publish."""

import pickle

import numpy as np
import pandas as pd
import pytest

from evalkit.disclosure import Policy
from evalkit.errors import InputError
from evalkit.survival import aalen_johansen, cox, kaplan_meier, log_rank, nelson_aalen
from evalkit.survival.core.sums import RiskSums
from evalkit.timetoevent import TimeToEvent

#: Freireich's leukaemia trial, 6-MP arm (Freireich et al. 1963, Blood 21): + is censored.
WEEKS = [6, 6, 6, 6, 7, 9, 10, 10, 11, 13, 16, 17, 19, 20, 22, 23, 25, 32, 32, 34, 35]
RELAPSE = [1, 1, 1, 0, 1, 0, 1, 0, 0, 1, 1, 0, 0, 0, 1, 1, 0, 0, 0, 0, 0]


KEYS = ("entry", "id", "weight", "weight_kind", "provenance", "clock", "labels", "unit")


def times(time, cause, causes=("relapse",), **columns):
    kept = {k: columns.pop(k) for k in KEYS if k in columns}
    return TimeToEvent(time=time, cause=cause, causes=causes, covariates=pd.DataFrame(columns), **kept)


@pytest.fixture
def freireich():
    return times(WEEKS, RELAPSE, unit="week")


@pytest.fixture
def three():
    return times([2, 3, 3, 5, 8, 9], [1, 2, 0, 1, 3, 0], ("school", "work", "moved"), site=list("aabbab"))


def at(curves, time):
    return curves.table[curves.table["time"] == time].iloc[0]


# ---- what they say -------------------------------------------------------------------------------------------------
def test_kaplan_meier_is_the_printed_one(freireich):
    found = kaplan_meier(freireich)
    printed = {6: 0.857, 7: 0.807, 10: 0.753, 13: 0.690, 16: 0.627, 22: 0.538, 23: 0.448}
    for week, share in printed.items():
        assert round(at(found, week)["estimate"], 3) == share
    assert found.quantile(0.5).table["estimate"].item() == 23


def test_a_curve_begins_at_0_with_everybody(freireich):
    first = kaplan_meier(freireich).table.iloc[0]
    assert (first["time"], first["estimate"], first["n_risk"], first["conf_low"]) == (0, 1, 21, 1)


def test_an_event_on_day_0_is_a_jump_at_0():
    first = kaplan_meier(times([0, 4, 5, 6], [1, 1, 0, 0])).table.iloc[0]
    assert (first["time"], first["estimate"], first["n_event"]) == (0, 0.75, 1)
    entered = times([0, 4, 5, 6], [1, 1, 0, 0], entry=[0, 0, 2, 0])
    first = kaplan_meier(entered).table.iloc[0]
    assert (first["n_risk"], first["n_event"]) == (3, 1)


def test_numbers_at_risk_follow_late_entry():
    tte = times([5, 8, 9, 9], [1, 1, 0, 1], entry=[0, 5, 6, 0])
    assert kaplan_meier(tte).table["n_risk"].tolist() == [2, 2, 3, 2]
    assert "2 people are observed only from some time after" in kaplan_meier(tte).caveats[0].text("en")


def test_rounding_does_not_break_ties():
    tte = times([0.1 + 0.2, 0.3, 0.5], [1, 1, 0])
    assert kaplan_meier(tte).table["time"].tolist() == pytest.approx([0, 0.3, 0.5])


def test_splitting_at_a_day_is_no_censoring():
    whole = kaplan_meier(times([9, 7, 4], [1, 0, 1], entry=[0, 0, 0], id=[1, 2, 3]))
    split = kaplan_meier(times([3, 9, 5, 7, 4], [0, 1, 0, 0, 1], entry=[0, 3, 0, 5, 0], id=[1, 1, 2, 2, 3]))
    pd.testing.assert_frame_equal(whole.table, split.table)


def test_the_curve_is_read_where_it_is_asked(freireich):
    found = kaplan_meier(freireich).at([10, 20, 0]).table
    assert found["time"].tolist() == [0, 10, 20]
    assert found["estimate"].round(3).tolist() == [1, 0.753, 0.627]
    assert found["n_risk"].tolist() == [21, 15, 8]
    assert found["n_event"].tolist() == [0, 5, 2]


def test_a_curve_says_nothing_past_its_follow_up():
    tte = times([5, 9, 4, 6], [1, 0, 1, 1], site=list("aabb"))
    curves = kaplan_meier(tte, by="site")
    with pytest.raises(InputError, match="a ends at 9"):
        curves.at(10)
    # In b everybody has had the event: that nobody is left is known for ever.
    assert curves.at(9).table["estimate"].tolist() == [0.5, 0.0]
    with pytest.raises(InputError, match="beyond the last observation"):
        curves.rmst(10)
    with pytest.raises(InputError, match="0 or more"):
        curves.at(-1)


def test_a_median_not_reached_is_a_row_with_its_reason(freireich):
    early = kaplan_meier(freireich).quantile([0.5, 0.9]).table
    assert early["status"].tolist() == ["ok", "not_estimable"]
    assert "does not reach 90% gone" in early["reason"][1].text("en")
    assert np.isnan(early["estimate"][1])


def test_a_curve_flat_at_a_half_to_the_end_has_its_median_in_the_middle():
    assert kaplan_meier(times([2, 2, 4, 4], [1, 1, 0, 0])).quantile().table["estimate"].item() == 3
    assert kaplan_meier(times([2, 2, 4, 5], [1, 1, 1, 0])).quantile().table["estimate"].item() == 3


def test_bounds_are_unknown_where_the_scale_has_none():
    last = kaplan_meier(times([2, 4], [1, 1])).table.iloc[-1]
    assert last["estimate"] == 0
    assert np.isnan(last["conf_low"])
    plain = kaplan_meier(times([2, 4, 5, 6], [1, 0, 0, 0]), conf_type="plain").table
    assert plain["conf_high"].max() <= 1


def test_competing_exits_share_one_risk_set_on_ties(three):
    found = aalen_johansen(three).table
    third = found[found["time"] == 3].set_index("cause")["estimate"]
    assert third["school"] == pytest.approx(1 / 6)
    assert third["work"] == pytest.approx(1 / 6)
    assert third["no_exit"] == pytest.approx(4 / 6)
    assert found.groupby("time")["estimate"].sum().to_numpy() == pytest.approx(1)


def test_aalen_johansen_names_no_exit_in_words(three):
    assert "aucune sortie" in aalen_johansen(three).summary("fr")


def test_several_by_columns_make_one_curve_per_combination_that_occurs(three):
    tte = three.with_covariates(pd.DataFrame({"sex": list("ffmmff")}))
    found = kaplan_meier(tte, by=["site", "sex"], of="any exit").table
    assert sorted(set(zip(found["site"], found["sex"], strict=True))) == [("a", "f"), ("b", "f"), ("b", "m")]


def test_sampling_weights_give_sums_of_weights_and_say_so():
    tte = times([2, 3, 5], [1, 0, 1], weight=[0.5, 1.5, 1], weight_kind="sampling")
    curves = kaplan_meier(tte)
    assert curves.table["n_risk"].tolist() == [3, 3, 2.5, 1]
    assert "sampling weights" in curves.caveats[0].text("en")
    # Of weights 0.5, 1.5 and 1, the first exits at 2 of 3: only its share of the weight moves the mean of 2 and 3.
    assert curves.rmst(3).table["std_error"].iloc[0] == pytest.approx(
        np.sqrt((0.5 * 2.5) ** 2 + (1.5 * 0.5) ** 2 + 0.5**2) / 9
    )
    assert nelson_aalen(tte).table["std_error"].iloc[1] == pytest.approx(
        np.sqrt((0.5 * 2.5) ** 2 + (1.5 * 0.5) ** 2 + 0.5**2) / 9
    )


# ---- what they refuse ----------------------------------------------------------------------------------------------
def test_kaplan_meier_refuses_competing_exits_until_told(three):
    with pytest.raises(InputError, match="aalen_johansen"):
        kaplan_meier(three)
    with pytest.raises(InputError, match="must be 'any exit' or one of school, work, moved"):
        kaplan_meier(three, of="death")
    alone = kaplan_meier(three, of="school")
    assert "Hypothetical" in alone.caveats[-1].text("en")
    assert not kaplan_meier(three, of="any exit").caveats


@pytest.mark.parametrize("estimator", [kaplan_meier, nelson_aalen, aalen_johansen])
def test_intervals_are_refused_by_estimators_of_exact_times(estimator):
    intervals = TimeToEvent.from_intervals(pd.DataFrame({"L": [0, 3], "R": [4, np.inf]}), "L", "R")
    with pytest.raises(InputError, match="needs exact times"):
        estimator(intervals)
    with pytest.raises(InputError, match="needs a TimeToEvent"):
        estimator(pd.DataFrame())


def test_an_empty_table_is_refused(freireich):
    with pytest.raises(InputError, match="no rows"):
        kaplan_meier(freireich.subset(np.zeros(21, dtype=bool)))


def test_by_must_be_there_and_known(three):
    with pytest.raises(InputError, match="no column 'channel'"):
        kaplan_meier(three, by="channel", of="any exit")
    gap = three.with_covariates(pd.DataFrame({"sex": ["f", None, "m", "m", "f", "m"]}))
    with pytest.raises(InputError, match="missing in 1 of 6 rows"):
        aalen_johansen(gap, by="sex")


def test_aalen_johansen_refuses_a_second_exit_of_one_person():
    tte = times([3, 8], [1, 2], ("a", "b"), id=[7, 7], entry=[0, 4])
    with pytest.raises(InputError, match="1 ids exit more than once"):
        aalen_johansen(tte)


def test_people_who_exit_several_times_are_said():
    gaps = times([5, 3, 8], [1, 1, 0], id=[1, 1, 2], clock="gap")
    assert "exit several times" in kaplan_meier(gaps).caveats[-1].text("en")


def test_options_are_checked(freireich, three):
    with pytest.raises(InputError, match="conf_type"):
        kaplan_meier(freireich, conf_type="loglog")
    with pytest.raises(InputError, match="conf_level"):
        kaplan_meier(freireich, conf_level=95)
    with pytest.raises(InputError, match="variance"):
        aalen_johansen(three, variance="greenwood")
    with pytest.raises(InputError, match="strictly between"):
        kaplan_meier(freireich).quantile(1)
    with pytest.raises(InputError, match="positive"):
        kaplan_meier(freireich).rmst(0)
    with pytest.raises(InputError, match="only a survival curve"):
        aalen_johansen(three).quantile()
    with pytest.raises(InputError, match="area under a survival curve"):
        nelson_aalen(freireich).rmst(5)
    weighted = times([2, 3], [1, 2], ("a", "b"), weight=[0.5, 1.2], weight_kind="sampling")
    with pytest.raises(InputError, match="counts people"):
        aalen_johansen(weighted, variance="aalen")


# ---- log-rank ------------------------------------------------------------------------------------------------------
def test_log_rank_with_one_group_or_no_event_is_not_estimable():
    one = log_rank(times([2, 3], [1, 1], site=["a", "a"]), "site").table.iloc[0]
    assert one["status"] == "not_estimable"
    assert "only one group" in one["reason"].text("en")
    none = log_rank(times([2, 3], [0, 0], site=["a", "b"]), "site").table.iloc[0]
    assert "no event" in none["reason"].text("en")
    assert np.isnan(none["p_value"])
    apart = times([2, 3, 9, 9], [1, 1, 1, 1], entry=[0, 0, 5, 5], site=["a", "a", "b", "b"])
    assert "two groups are at risk" in log_rank(apart, "site").table.iloc[0]["reason"].text("en")
    weighted = times([2, 3], [1, 1], site=["a", "b"], weight=[0.5, 1.2], weight_kind="sampling")
    assert "counts people" in log_rank(weighted, "site").table.iloc[0]["reason"].text("en")


def test_a_tiny_p_value_is_never_0():
    rng = np.random.default_rng(1)
    n = 4000
    tte = times(
        np.r_[rng.integers(1, 9, n), rng.integers(50, 99, n)],
        np.ones(2 * n, int),
        site=np.repeat(["a", "b"], n),
    )
    found = log_rank(tte, "site")
    assert found.table["statistic"].iloc[0] > 2000
    assert found.table["p_value"].iloc[0] > 0
    assert "p < 0,001" in found.summary("fr")


def test_log_rank_uses_the_strata_of_the_times_and_says_so():
    site, stratum = list("aabbab"), list("uuuvvv")
    tte = TimeToEvent(
        time=[1, 2, 3, 4, 5, 6],
        cause=[1] * 6,
        causes=("e",),
        stratum=np.array(stratum),
        covariates=pd.DataFrame({"site": site}),
    )
    named = log_rank(tte.with_covariates(pd.DataFrame({"u": stratum})), "site", strata="u")
    assert log_rank(tte, "site").table["statistic"][0] == named.table["statistic"][0]
    assert "stratum" in log_rank(tte, "site").caveats[-1].text("en")
    with pytest.raises(InputError, match="name the covariate"):
        log_rank(tte, [])


def test_log_rank_compares_the_hazard_of_one_cause_and_says_so(three):
    found = log_rank(three, "site", of="work")
    assert found.table["n_event"].iloc[0] == 1
    assert "Hazard of “work” alone" in found.caveats[-1].text("en")
    assert not log_rank(three, "site", of="any exit").caveats


# ---- publishing ----------------------------------------------------------------------------------------------------
@pytest.fixture
def cohort():
    rng = np.random.default_rng(4)
    n = 170
    return times(
        rng.integers(1, 360, n),
        rng.choice([0, 1, 2], n, p=[0.3, 0.5, 0.2]),
        ("disengaged", "work"),
        site=rng.choice(["a", "b"], n),
    )


def test_published_steps_are_made_by_enough_people(cohort):
    raw = kaplan_meier(cohort, by="site", of="any exit")
    out = raw.publish()
    assert len(out.table) < len(raw.table) / 3
    moved = out.table[out.table["time"] > 0]
    assert (moved["n_event"] >= 11).all()
    assert (moved["n_risk"] >= 10).all()
    assert (moved["n_risk"] % 5 == 0).all()
    shown = out.table.merge(raw.table, on=["site", "time"], suffixes=("", "_raw"))
    assert (shown["estimate"] == shown["estimate_raw"]).all()
    assert any("coarsened" in c.text("en") for c in out.caveats)


def test_published_causes_do_not_give_each_other_away(cohort):
    out = aalen_johansen(cohort).publish().table
    hidden = out[out["status"] == "suppressed"]
    assert hidden["estimate"].isna().all()
    # With two causes, hiding one and showing the other beside the event-free share would be no hiding.
    at_time = (
        out[out["cause"] != "no_exit"].groupby("time")["status"].agg(lambda s: (s == "suppressed").sum())
    )
    assert set(at_time) <= {0, 2}


def test_a_published_curve_no_longer_answers_what_would_need_people(cohort):
    out = kaplan_meier(cohort, of="any exit").publish()
    assert out.sums is None
    for ask in (lambda: out.at(30), lambda: out.quantile(), lambda: out.rmst(30)):
        with pytest.raises(InputError, match="before publishing"):
            ask()
    assert out.glance()["n_rows"].item() == len(out.table)
    assert "coarsened" in out.summary("en")


def test_values_asked_for_are_hidden_when_too_few_made_the_step(cohort):
    out = kaplan_meier(cohort, of="any exit").at([0, 1, 200]).publish().table
    assert out["status"].tolist() == ["ok", "suppressed", "ok"]
    assert np.isnan(out["estimate"].iloc[1])
    assert np.isfinite(out["estimate"].iloc[2])


def test_a_small_group_shows_nothing():
    tte = times([3, 4, 5, 6], [1, 0, 1, 1])
    out = kaplan_meier(tte).publish().table
    assert out["status"].tolist() == ["suppressed"]
    assert out[["estimate", "n_risk"]].isna().all(axis=None)


def test_a_lower_threshold_needs_its_reason_and_shows_more(cohort):
    raw = kaplan_meier(cohort, of="any exit")
    assert len(raw.publish(Policy(5, reason="internal use")).table) > len(raw.publish().table)
    assert len(raw.publish(Policy(1, reason="test")).table) == len(raw.table)


def test_open_data_pass_unchanged():
    tte = times([3, 4, 5, 6], [1, 0, 1, 1])
    tte = TimeToEvent.from_frame(pd.DataFrame({"t": tte.time, "e": tte.cause}), "t", "e", provenance="open")
    raw = kaplan_meier(tte)
    assert len(raw.publish().table) == len(raw.table)
    assert raw.publish().at(4).table["estimate"].item() == pytest.approx(0.75)


def test_a_small_group_hides_in_the_rank_test_and_cannot_be_subtracted_back(cohort):
    site = np.where(np.arange(170) < 8, "tiny", np.where(np.arange(170) < 90, "a", "b"))
    out = log_rank(cohort.with_covariates(pd.DataFrame({"site": site})), "site").publish().table
    assert out["n_event"].isna().sum() >= 2
    assert out["expected"].isna().all()
    assert np.isnan(out["statistic"].iloc[0])


# ---- sums, shows ---------------------------------------------------------------------------------------------------
def test_sums_of_parts_that_do_not_fit_are_refused():
    one = RiskSums.of(np.array([2.0]), np.array([1]))
    two = RiskSums.of(np.array([2.0]), np.array([1]), n_causes=2)
    with pytest.raises(ValueError, match="do not add"):
        one + two


def test_sums_of_no_rows_add_nothing():
    empty = RiskSums.of(np.zeros(0), np.zeros(0, dtype=int))
    some = RiskSums.of(np.array([2.0, 3.0]), np.array([1, 0]))
    assert (empty + some).n_risk().tolist() == some.n_risk().tolist()
    assert np.isnan(empty.last()).all()


def test_the_risk_table_counts_at_round_times(freireich):
    ticks, counts = kaplan_meier(freireich).risk_table()
    assert ticks.tolist() == [0, 5, 10, 15, 20, 25, 30, 35]
    assert counts["n_risk"].tolist() == [21, 21, 15, 11, 8, 5, 4, 1]


def test_results_pickle_and_show_themselves(cohort):
    for result in (
        kaplan_meier(cohort, of="any exit"),
        aalen_johansen(cohort),
        log_rank(cohort, "site"),
        cox(cohort, "site"),
    ):
        again = pickle.loads(pickle.dumps(result))
        assert again.summary("fr") == result.summary("fr")
        assert "<table" in again._repr_html_()


def test_glance_counts_people_and_gives_the_median(freireich):
    row = kaplan_meier(freireich).glance().iloc[0]
    assert (row["n"], row["n_event"], row["n_censor"], row["time_last"], row["median"]) == (21, 9, 12, 35, 23)


def test_the_summary_speaks_both_languages(freireich):
    english, french = (kaplan_meier(freireich).summary(lang) for lang in ("en", "fr"))
    assert "median: 23 weeks" in english
    assert "médiane : 23 semaines" in french
    never = kaplan_meier(freireich.subset(np.arange(21) < 6)).summary("fr")
    assert "médiane non atteinte" in never or "médiane" in never


# ---- the jackknife -------------------------------------------------------------------------------------------------
def weighted_by_person(tte, weight):
    codes = pd.factorize(tte.id)[0]
    return TimeToEvent(
        time=tte.time, cause=tte.cause, causes=tte.causes, entry=tte.entry, id=tte.id,
        weight=np.asarray(weight, float)[codes], weight_kind="sampling",
    )  # fmt: skip


@pytest.mark.parametrize("absences", [False, True])
def test_the_variance_is_the_sum_of_squared_derivatives_by_person(absences):
    rng = np.random.default_rng(8)
    n = 25
    entry = np.where(rng.random(n) < 0.4, rng.integers(1, 5, n), 0)
    time = entry + rng.integers(1, 9, n)
    cause = rng.integers(0, 3, n)
    who = np.arange(n)
    if absences:
        # A third of the people were first seen for a while, went, and came back.
        back = np.arange(0, n, 3)
        entry[back], time[back] = entry[back] + 8, time[back] + 8
        entry, time = np.r_[entry, rng.integers(0, 3, len(back))], np.r_[time, rng.integers(4, 7, len(back))]
        cause, who = np.r_[cause, np.zeros(len(back), int)], np.r_[who, back]
    tte = TimeToEvent(time=time, cause=cause, causes=("a", "b"), entry=entry, id=who)
    people = rng.uniform(0.5, 2, n)
    found = aalen_johansen(weighted_by_person(tte, people)).table
    squares = np.zeros(len(found))
    for person in range(n):
        step = np.zeros(n)
        step[person] = 1e-5
        up, down = (
            aalen_johansen(weighted_by_person(tte, people + s)).table["estimate"] for s in (step, -step)
        )
        squares += (people[person] * (up - down).to_numpy() / 2e-5) ** 2
    np.testing.assert_allclose(found["std_error"], np.sqrt(squares), atol=1e-7)
    survival = kaplan_meier(weighted_by_person(tte, people), of="any exit").table
    np.testing.assert_allclose(
        survival["std_error"], found.query("cause == 'no_exit'")["std_error"], atol=1e-12
    )


def test_a_person_who_exits_twice_has_no_first_exit_curve_except_on_the_gap_clock():
    frame = pd.DataFrame(
        {"id": [1, 1, 2, 3], "start": [0, 5, 0, 0], "stop": [5, 10, 10, 10], "event": [1, 1, 0, 0]}
    )
    tte = TimeToEvent.from_frame(frame, "stop", "event", entry="start", id="id")
    with pytest.raises(InputError, match="kaplan_meier: 1 ids exit more than once"):
        kaplan_meier(tte)
    gap = TimeToEvent.from_frame(frame.assign(stop=[5, 5, 10, 10]), "stop", "event", id="id", clock="gap")
    assert kaplan_meier(gap).at(5).tidy()["n_event"].item() == 2


def test_names_that_results_use_are_refused_as_groups_and_causes():
    frame = pd.DataFrame({"stop": [1, 2, 3], "event": [1, 0, 1], "estimate": ["a", "b", "a"]})
    tte = TimeToEvent.from_frame(frame, "stop", "event")
    with pytest.raises(InputError, match="'estimate' is the name of a column of results"):
        kaplan_meier(tte, by="estimate")
    odd = TimeToEvent(time=[1.0, 2.0], cause=[1, 0], causes=("no_exit",))
    with pytest.raises(InputError, match="rename that cause"):
        aalen_johansen(odd)
    with pytest.raises(InputError, match="no time was asked for"):
        kaplan_meier(tte).at([])


# ---- what is no number, no name --------------------------------------------------------------------------------------
def small():
    columns = pd.DataFrame({"site": list("aabbab"), "year": [1, 2, 1, 2, 2, 1]})
    return TimeToEvent(
        time=[1, 2, 3, 4, 5, 6], cause=[1, 1, 0, 1, 0, 1], causes=("relapse",), covariates=columns
    )


@pytest.mark.parametrize(
    ("ask", "said"),
    [
        (lambda c: c.at(pd.Timestamp("2020-01-01")), "at: must be a number"),
        (lambda c: c.quantile(np.nan), "p: must lie strictly between 0 and 1"),
        (lambda c: c.quantile([]), "p: must lie strictly between 0 and 1"),
        (lambda c: c.bootstrap([]), "p: must lie strictly between 0 and 1"),
        (lambda c: c.rmst([1, 2]), "t: must be one number, but 2 were given"),
        (lambda c: c.band(lower="early"), "lower, upper: must be a number"),
        (lambda c: c.band(conf_level="95%"), "conf_level: must lie strictly between 0 and 1"),
    ],
)
def test_what_is_no_number_is_refused_in_words(ask, said):
    with pytest.raises(InputError, match=said):
        ask(kaplan_meier(small()))


@pytest.mark.parametrize(
    ("by", "said"),
    [
        (["site", "site"], "'site' is named twice"),
        (3, "by: must name a column"),
        ([3], "whose name is not text"),
    ],
)
def test_what_names_no_column_is_refused_in_words(by, said):
    with pytest.raises(InputError, match=said):
        kaplan_meier(small(), by)


def test_groups_of_many_columns_cost_no_more_than_the_groups_there_are():
    n = 400
    columns = pd.DataFrame({name: np.roll(np.arange(n), k) for k, name in enumerate("abcdefgh")})
    tte = TimeToEvent(
        time=np.arange(1, n + 1), cause=np.ones(n, int), causes=("relapse",), covariates=columns
    )
    assert len(kaplan_meier(tte, list("abcdefgh")).glance()) == n  # of 400**8 combinations


def test_a_cause_named_with_a_numpy_string_is_written_as_text():
    curves = kaplan_meier(small(), of=np.str_("relapse"))
    assert curves.summary("fr") == kaplan_meier(small(), of="relapse").summary("fr")


def test_groups_that_are_months_are_written_as_they_are():
    months = pd.period_range("2010-01", periods=6, freq="M")
    tte = times([1, 2, 3, 4, 5, 6], [1, 1, 0, 1, 0, 1], month=months)
    assert "2010-03" in log_rank(tte, "month").summary("fr")


def test_a_weighted_hazard_has_the_precision_that_moving_each_weight_gives():
    """Finite differences over people, one of whom has two rows with an absence between them."""
    weight = np.array([1.0, 1.0, 2.5, 0.5, 1.5, 3.0])
    who, entry = list("aabcde"), [0, 3, 0, 1, 0, 0]

    def hazard(weight):
        how = {"weight": weight, "weight_kind": "sampling", "id": who, "entry": entry}
        return nelson_aalen(times([2, 7, 4, 5, 6, 8], [0, 1, 1, 1, 0, 1], **how)).at([4, 5, 7]).table

    moved = []
    for person in "abcde":
        own = np.array([name == person for name in who])
        up, down = (hazard(weight * (1 + step * own))["estimate"] for step in (1e-5, -1e-5))
        moved.append((up - down) / 2e-5)
    found = hazard(weight)
    np.testing.assert_allclose(found["std_error"], np.sqrt(np.square(moved).sum(axis=0)), rtol=1e-7)
    assert found[["conf_low", "conf_high"]].notna().all(axis=None)
