"""Curves before they are published: no step, no difference of two numbers shown, tells of a few people."""

import numpy as np
import pandas as pd
import pytest

from evalkit.disclosure import Policy, coarsen_curve


def curve(events, censored=None, start=100):
    """A curve with one step a day."""
    events = np.asarray(events, dtype=float)
    censored = np.zeros(len(events)) if censored is None else np.asarray(censored, dtype=float)
    gone = np.cumsum(events + censored)
    n_risk = start - np.r_[0, gone[:-1]]
    return pd.DataFrame({
        "time": np.arange(1.0, len(events) + 1), "estimate": np.cumprod(1 - events / n_risk), "std_error": 0.1,
        "n_risk": n_risk, "n_event": events, "n_censor": censored,
    })  # fmt: skip


def test_steps_are_merged_until_enough_people_made_them():
    out, hidden = coarsen_curve(curve([4, 4, 4, 9, 2, 1]), Policy())
    assert out["time"].tolist() == [3, 5]
    assert out["n_event"].tolist() == [12, 11]
    assert hidden == 4


def test_what_is_kept_is_the_curve_itself():
    raw = curve([4, 4, 4, 9, 2, 1])
    out, _ = coarsen_curve(raw, Policy())
    assert out["estimate"].tolist() == raw["estimate"].iloc[[2, 4]].tolist()


def test_a_small_number_censored_in_between_is_hidden_and_numbers_at_risk_rounded():
    out, _ = coarsen_curve(curve([11, 11], [3, 0]), Policy())
    assert np.isnan(out["n_censor"].iloc[0])
    assert out["n_risk"].tolist() == [100, 85]
    many, _ = coarsen_curve(curve([11, 11], [15, 0]), Policy())
    assert many["n_censor"].tolist() == [15, 0]


def test_nothing_is_kept_where_few_are_at_risk():
    out, _ = coarsen_curve(curve([11, 11, 11], start=33), Policy())
    assert out["time"].tolist() == [1, 2, 3]
    out, _ = coarsen_curve(curve([11, 11, 5, 5], start=33), Policy())
    assert out["time"].tolist() == [1, 2]
    # Ten would be left after the second step.
    out, _ = coarsen_curve(curve([11, 11, 5, 5], start=32), Policy())
    assert out["time"].tolist() == [1]


def test_a_group_without_enough_steps_leaves_one_hidden_row():
    out, hidden = coarsen_curve(curve([2, 2], start=8), Policy())
    assert out["status"].tolist() == ["suppressed"]
    assert out[["estimate", "n_risk", "n_event"]].isna().all(axis=None)
    assert hidden == 2


def test_groups_are_coarsened_apart():
    both = pd.concat(
        [curve([6, 6]).assign(site="a"), curve([2, 2], start=8).assign(site="b")], ignore_index=True
    )
    out, _ = coarsen_curve(both, Policy(), by=["site"])
    assert out["site"].tolist() == ["a", "b"]
    assert out["status"].tolist() == ["ok", "suppressed"]


def test_rows_asked_for_are_hidden_not_merged():
    out, hidden = coarsen_curve(curve([4, 4, 4]), Policy(), keep_rows=True)
    assert out["status"].tolist() == ["suppressed", "suppressed", "ok"]
    assert out["estimate"].isna().tolist() == [True, True, False]
    assert hidden == 2


def exits(*counts):
    """Several causes at one-day steps: each row of counts is a time; `no_exit` counts all."""
    rows, gone = [], 0
    for day, at in enumerate(counts, 1):
        for cause, n in [*zip("abc", at, strict=False), ("no_exit", sum(at))]:
            rows.append(
                {
                    "cause": cause,
                    "time": float(day),
                    "estimate": 0.5,
                    "n_risk": 200 - gone,
                    "n_event": n,
                    "n_censor": 0,
                }
            )
        gone += sum(at)
    return pd.DataFrame(rows)


def hidden_at(out, day):
    return set(out[(out["time"] == day) & (out["status"] == "suppressed")]["cause"])


def test_a_small_cause_is_hidden_with_a_second_one():
    out, _ = coarsen_curve(exits([3, 20, 30]), Policy(), by=["cause"])
    assert hidden_at(out, 1) == {"a", "b"}


def test_two_small_causes_that_are_small_together_take_a_third():
    out, _ = coarsen_curve(exits([3, 4, 30]), Policy(), by=["cause"])
    assert hidden_at(out, 1) == {"a", "b", "c"}


def test_zeros_and_large_counts_are_shown():
    out, _ = coarsen_curve(exits([0, 20, 30]), Policy(), by=["cause"])
    assert not hidden_at(out, 1)


def test_a_hidden_cause_waits_until_it_has_enough():
    out, _ = coarsen_curve(exits([6, 20, 30], [6, 14, 15]), Policy(), by=["cause"])
    assert hidden_at(out, 1) == {"a", "b"}
    assert not hidden_at(out, 2)
    second = out[out["time"] == 2].set_index("cause")["n_event"]
    assert (second["a"], second["b"], second["c"], second["no_exit"]) == (12, 34, 15, 35)


def test_no_difference_of_shown_counts_is_small():
    rng = np.random.default_rng(5)
    for _ in range(20):
        raw = curve(rng.integers(0, 4, 60), rng.integers(0, 3, 60), start=220)
        out, _ = coarsen_curve(raw, Policy())
        shown = out[out["status"] == "ok"]
        assert (shown["n_event"] >= 11).all()
        assert (shown["n_censor"].dropna().isin([0]) | (shown["n_censor"].dropna() >= 11)).all()
        raw_at = raw.set_index("time")["n_event"].cumsum()
        assert np.diff(np.r_[0, raw_at[shown["time"]]]).min() >= 11


@pytest.mark.parametrize("table", [curve([4, 4]), curve([4, 4]).iloc[:0]])
def test_no_threshold_or_no_rows_change_nothing(table):
    out, hidden = coarsen_curve(table, Policy(1, reason="test"))
    assert hidden == 0
    pd.testing.assert_frame_equal(out, table)


@pytest.mark.parametrize(
    ("events", "left", "kept"),
    [(57, 3, False), (60, 0, True), (40, 20, True)],
)
def test_those_left_are_not_given_away_by_those_who_moved(events, left, kept):
    curve = pd.DataFrame({
        "time": [0.0, 5.0], "estimate": [1.0, left / 60], "n_risk": [60, 60], "n_event": [0, events], "n_censor": [0, 0],
    })  # fmt: skip
    assert (5.0 in coarsen_curve(curve, Policy())[0]["time"].tolist()) is kept
    asked = coarsen_curve(curve, Policy(), keep_rows=True)[0]
    assert asked["n_event"].notna().tolist()[1] is kept
