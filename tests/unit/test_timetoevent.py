"""TimeToEvent: what it accepts, and what it refuses with rows, counts and a remedy."""

import pickle

import numpy as np
import pandas as pd
import pytest

from evalkit.errors import InputError
from evalkit.timetoevent import IntervalTimes, TimeToEvent


def frame(**columns):
    return pd.DataFrame({"stop": [5, 8, 9, 12], "status": [1, 0, 1, 0], **columns})


def refused(df, **kwargs) -> str:
    with pytest.raises(InputError) as caught:
        TimeToEvent.from_frame(df, "stop", "status", **kwargs)
    return str(caught.value)


def test_columns_not_named_stay_as_covariates():
    tte = TimeToEvent.from_frame(
        frame(age=[16, 17, 18, 19], site=list("abab")), "stop", "status", strata="site"
    )
    assert list(tte.covariates) == ["age", "site"]
    assert tte.causes == ("status",)
    assert tte.stratum.tolist() == list("abab")


def test_true_false_events_need_no_codes():
    tte = TimeToEvent.from_frame(frame().assign(status=[True, False, True, False]), "stop", "status")
    assert tte.event.tolist() == [True, False, True, False]


def test_codes_name_every_exit_and_the_first_named_is_the_event():
    tte = TimeToEvent.from_frame(
        frame().assign(status=[2, 0, 1, 0]), "stop", "status", codes={0: "censored", 2: "death", 1: "relapse"}
    )
    assert tte.causes == ("death", "relapse")
    assert tte.cause.tolist() == [1, 0, 2, 0]
    assert tte.n_by_cause == {"censored": 2, "death": 1, "relapse": 1}
    assert tte.any_exit.tolist() == [True, False, True, False]


def test_one_two_coding_is_refused_with_the_codes_to_give():
    said = refused(frame().assign(status=[2, 1, 2, 1]))
    assert "{1: 'censored', 2: 'event'}" in said
    assert "2 (2 rows)" in said
    assert "1 (2 rows)" in said


@pytest.mark.parametrize(
    "status", [[0, 2, 0, 2], [0, 1, 2, 3], ["alive", "dead", "alive", "dead"], [0.0, 0.5, 1, 0]]
)
def test_an_event_column_that_is_not_plainly_0_1_needs_codes(status):
    assert "codes" in refused(frame().assign(status=status))


def test_a_code_without_explanation_is_refused_with_its_count():
    said = refused(frame().assign(status=[1, 0, 7, 7]), codes={0: "censored", 1: "relapse"})
    assert "7 (2 rows)" in said


def test_codes_that_name_no_event_are_refused():
    assert "names no event" in refused(frame(), codes={0: "censored", 1: "censored"})


def test_all_faults_are_told_at_once():
    df = pd.DataFrame({"stop": [5, np.nan, 9], "start": [0, 1, "x"], "status": [1, 3, 0]})
    with pytest.raises(InputError) as caught:
        TimeToEvent.from_frame(df, "stop", "status", entry="start")
    assert [f.texts["en"].split(":")[0] for f in caught.value.faults] == ["start", "status"]


@pytest.mark.parametrize(
    ("stop", "word", "count"),
    [
        ([5, -1, -2, 12], "negative", "2 of 4 rows (rows 1, 2"),
        ([5, np.nan, 9, 12], "missing", "1 of 4 rows (row 1,"),
        ([5, np.inf, 9, 12], "infinite", "1 of 4 rows (row 1,"),
    ],
)
def test_impossible_times_are_refused_with_rows_and_counts(stop, word, count):
    said = refused(frame().assign(stop=stop))
    assert word in said
    assert count in said


def test_dates_and_text_are_not_times():
    assert "turn dates into days" in refused(frame().assign(stop=pd.date_range("2020-01-01", periods=4)))
    assert "must be numbers" in refused(frame().assign(stop=list("abcd")))


def test_entry_must_come_before_time_but_for_day_0():
    assert "entry: not before time in 1 of 4 rows (row 2" in refused(frame(start=[0, 0, 9, 0]), entry="start")
    day_0 = TimeToEvent.from_frame(
        frame(start=[0, 0, 0, 0]).assign(stop=[0, 8, 9, 12]), "stop", "status", entry="start"
    )
    assert day_0.time[0] == 0


def test_overlapping_intervals_of_one_id_are_refused_even_when_nested():
    nested = pd.DataFrame(
        {"start": [0, 2, 6], "stop": [10, 4, 8], "status": [0, 0, 1], "who": ["a", "a", "a"]}
    )
    assert "overlap in 2 places, for 1 ids ('a')" in refused(nested, entry="start", id="who")


def test_touching_intervals_and_gaps_are_fine():
    df = pd.DataFrame({"start": [0, 5, 9], "stop": [5, 8, 12], "status": [0, 0, 1], "who": [1, 1, 1]})
    assert TimeToEvent.from_frame(df, "stop", "status", entry="start", id="who").n == 3


def test_duplicated_ids_without_entry_overlap():
    assert "overlap" in refused(frame(who=[1, 1, 2, 3]), id="who")
    assert TimeToEvent.from_frame(frame(who=[1, 1, 2, 3]), "stop", "status", id="who", clock="gap").n == 4


def test_weights_must_be_positive_and_their_kind_known():
    assert "zero, negative, missing or infinite in 2 of 4" in refused(frame(w=[1, 0, -1, 2]), weight="w")
    assert "weight: " in refused(frame(w=[1, np.nan, 1, 2]), weight="w")
    assert "weight_kind" in refused(frame(w=[1, 0.5, 1, 2]), weight="w")
    assert "whole numbers" in refused(frame(w=[1, 0.5, 1, 2]), weight="w", weight_kind="frequency")
    assert "must be one of" in refused(frame(w=[1, 2, 1, 2]), weight="w", weight_kind="importance")
    whole = TimeToEvent.from_frame(frame(w=[1, 3, 1, 2]), "stop", "status", weight="w")
    assert whole.weight_kind == "frequency"


def test_missing_columns_empty_frames_and_missing_ids_are_named():
    assert "no 'who' in the frame" in refused(frame(), id="who")
    assert "no rows" in refused(frame().iloc[:0])
    assert "who: missing in 1 of 4" in refused(frame(who=[1, None, 2, 3]), id="who")
    assert "status: missing in 1 of 4" in refused(frame().assign(status=[1, None, 0, 0]))


def test_shapes_causes_and_clock_are_checked_when_made_directly():
    with pytest.raises(InputError, match=r"cause: shape \(1,\)"):
        TimeToEvent(time=[1, 2], cause=[1], causes=("e",))
    with pytest.raises(InputError, match="cause: must be 0"):
        TimeToEvent(time=[1, 2], cause=[1, 2], causes=("e",))
    with pytest.raises(InputError, match="distinct names"):
        TimeToEvent(time=[1, 2], cause=[1, 0], causes=("e", "e"))
    with pytest.raises(InputError, match="clock"):
        TimeToEvent(time=[1], cause=[1], causes=("e",), clock="wall")
    with pytest.raises(InputError, match="covariates: 1 rows"):
        TimeToEvent(time=[1, 2], cause=[1, 0], causes=("e",), covariates=pd.DataFrame({"x": [1]}))


def test_it_is_frozen_and_leaves_the_frame_alone():
    df = frame()
    tte = TimeToEvent.from_frame(df, "stop", "status")
    with pytest.raises(ValueError, match="read-only"):
        tte.time[0] = 3
    df.loc[0, "stop"] = 100
    assert tte.time[0] == 5


def test_subset_and_new_covariates_keep_rows_together():
    tte = TimeToEvent.from_frame(frame(site=list("abab")), "stop", "status")
    part = tte.subset(tte.covariates["site"].to_numpy() == "b")
    assert part.time.tolist() == [8, 12]
    assert part.covariates["site"].tolist() == ["b", "b"]
    more = part.with_covariates(pd.DataFrame({"age": [17, 18]}, index=[8, 9]))
    assert list(more.covariates) == ["site", "age"]
    with pytest.raises(InputError, match="3 rows for 2 times"):
        part.with_covariates(pd.DataFrame({"age": [1, 2, 3]}))
    with pytest.raises(InputError, match="mask"):
        tte.subset([0, 1])


def test_intervals_are_checked():
    df = pd.DataFrame({"L": [0, 30, 60], "R": [30, 30, np.inf], "why": ["moved", "job", None]})
    made = TimeToEvent.from_intervals(df.assign(age=1), "L", "R", cause="why")
    assert isinstance(made, IntervalTimes)
    assert made.exit.tolist() == ["moved", "job", "censored"]
    assert list(made.covariates) == ["age"]
    with pytest.raises(InputError, match="upper: below lower in 1 of 3"):
        TimeToEvent.from_intervals(df.assign(L=[40, 30, 60]), "L", "R")
    with pytest.raises(InputError, match="write infinity"):
        TimeToEvent.from_intervals(df.assign(R=[30, np.nan, 60]), "L", "R")
    with pytest.raises(InputError, match="name the exit exactly where upper is finite"):
        TimeToEvent.from_intervals(df.assign(why=["moved", None, None]), "L", "R", cause="why")


def test_lifelines_takes_what_it_is_handed():
    from lifelines import CoxPHFitter, KaplanMeierFitter

    rng = np.random.default_rng(3)
    df = pd.DataFrame(
        {"stop": rng.integers(5, 50, 60), "status": rng.integers(0, 2, 60), "x": rng.normal(size=60)}
    )
    tte = TimeToEvent.from_frame(df.assign(start=2), "stop", "status", entry="start")
    fitted = CoxPHFitter().fit(**tte.to_lifelines())
    assert list(fitted.params_.index) == ["x"]
    KaplanMeierFitter().fit(**tte.to_lifelines("univariate"))
    with pytest.raises(InputError, match="fitter"):
        tte.to_lifelines("cox")


def test_it_pickles_and_shows_itself():
    tte = TimeToEvent.from_frame(frame(), "stop", "status", unit="week")
    again = pickle.loads(pickle.dumps(tte))
    assert repr(again) == "TimeToEvent: 4 rows (2 censored, 2 status), 0 to 12 weeks"
