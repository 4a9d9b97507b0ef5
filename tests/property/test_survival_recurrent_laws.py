"""Laws of repeated exits and of states: what must hold for any histories."""

from dataclasses import replace

import numpy as np
import pandas as pd
from hypothesis import given, settings
from hypothesis import strategies as st

from evalkit.survival import (
    aalen_johansen,
    andersen_gill,
    mean_cumulative_count,
    occupation_probabilities,
    pwp,
    transitions,
)
from evalkit.survival.recurrent.histories import read as read_histories
from evalkit.survival.recurrent.product import Product
from evalkit.survival.recurrent.stays import read as read_stays
from evalkit.timetoevent import TimeToEvent

few = settings(max_examples=12, deadline=None)
STATES = np.array(["a", "b", "c", "d"])


def counts_of(seed, people=25):
    """Return rows of people who may meet the event again (1), leave for good (2), leave for a while (3)."""
    rng = np.random.default_rng(seed)
    rows = []
    for person in range(people):
        end, now = int(rng.integers(5, 40)), int(rng.integers(0, 4)) * int(rng.random() < 0.3)
        while now < end:
            stop, cause = now + int(rng.geometric(0.15)), int(rng.choice([1, 1, 2, 3]))
            stop, cause = (stop, cause) if stop <= end else (end, 0)
            rows.append(
                (person, now, stop, cause, end, person % 2, float(rng.integers(0, 3)), 1 + person % 3)
            )
            if cause in (0, 2):
                break
            now = stop + int(rng.integers(0, 5))
    return pd.DataFrame(rows, columns=["id", "start", "stop", "cause", "until", "arm", "x", "w"])


def times(frame, **how):
    codes = {0: "censored", 1: "event", 2: "death", 3: "away"}
    return TimeToEvent.from_frame(frame, "stop", "cause", codes, entry="start", id="id", **how)


def histories_of(seed, people=20):
    rng = np.random.default_rng(seed)
    rows = []
    for person in range(people):
        state, end = int(rng.integers(0, 2)), int(rng.integers(4, 30))
        now = int(rng.integers(0, 5)) * int(rng.random() < 0.3)
        while state < 3:
            stop = now + int(rng.geometric(0.2))
            if stop >= end:
                rows.append((person, STATES[state], now, max(end, now + 1), "censored"))
                break
            following = int(rng.choice([k for k in range(4) if k != state]))
            rows.append((person, STATES[state], now, stop, STATES[following]))
            now, state = stop, following
    frame = pd.DataFrame(rows, columns=["person", "state", "start", "stop", "exit"])
    return frame.assign(w=1 + frame["person"] % 3)


def split(frame, stop, end, code):
    """Return the rows cut in the middle; `end` is the column of exits, `code` what a cut is."""
    cut = frame["start"] + (frame[stop] - frame["start"]) // 2
    inside = (cut > frame["start"]) & (cut < frame[stop])
    first = frame[inside].assign(**{stop: cut[inside], end: code})
    second = frame.assign(start=frame["start"].where(~inside, cut))
    return pd.concat([second, first], ignore_index=True)


def same(a, b, columns=("estimate", "std_error")):
    for column in columns:
        np.testing.assert_allclose(a[column].to_numpy(), b[column].to_numpy(), rtol=1e-9, atol=1e-11)


def changed(found):
    return found[found["n_event"] > 0]


@few
@given(st.integers(0, 10_000))
def test_splitting_rows_changes_no_count(seed):
    frame = counts_of(seed)
    cut = split(frame, "stop", "cause", 0)
    for how in ({"terminal": "death", "until": "until"}, {"at_risk": "engaged"}):
        same(
            changed(mean_cumulative_count(times(frame), **how).table),
            changed(mean_cumulative_count(times(cut), **how).table),
        )


@few
@given(st.integers(0, 10_000))
def test_two_of_everybody_is_a_frequency_of_two(seed):
    frame = counts_of(seed)
    twice = pd.concat([frame, frame.assign(id=frame["id"] + 1000)], ignore_index=True)
    how = {"terminal": "death", "until": "until", "by": "arm"}
    weighted = times(frame.assign(w=2), weight="w")
    same(mean_cumulative_count(weighted, **how).table, mean_cumulative_count(times(twice), **how).table)
    a, b = (mean_cumulative_count(t, **how).test().table for t in (weighted, times(twice)))
    np.testing.assert_allclose(a["statistic"].iloc[0], b["statistic"].iloc[0], rtol=1e-8)


@few
@given(st.integers(0, 10_000))
def test_an_event_nobody_comes_back_from_gives_aalen_johansen(seed):
    frame = counts_of(seed).groupby("id", as_index=False).first()
    tte = times(frame)
    counts = mean_cumulative_count(tte, of="event", terminal=["event", "death", "away"]).table
    shares = aalen_johansen(tte).at(counts["time"]).table
    shares = shares[shares["cause"] == "event"]
    same(counts, shares)


@few
@given(st.integers(0, 10_000))
def test_without_censoring_the_mean_count_is_the_mean(seed):
    frame = counts_of(seed)
    frame = frame[frame.groupby("id")["start"].transform("min") == 0]
    frame = frame.assign(until=100)
    found = mean_cumulative_count(times(frame), terminal="death", until="until").at([10, 30]).table
    per_person = pd.DataFrame(
        {
            t: frame["cause"].eq(1).where(frame["stop"] <= t, False).groupby(frame["id"]).sum()
            for t in (10, 30)
        }
    )
    np.testing.assert_allclose(found["estimate"], per_person.mean())
    np.testing.assert_allclose(found["std_error"], per_person.std(ddof=0) / np.sqrt(len(per_person)))


@few
@given(st.integers(0, 10_000))
def test_the_error_is_what_each_weight_moves(seed):
    """Central differences of the estimate by everybody's weight, squared and summed."""
    frame = counts_of(seed, 12).assign(w=1.0)
    how = {"terminal": "death", "until": "until"}
    made = lambda w: mean_cumulative_count(
        times(frame.assign(w=w), weight="w", weight_kind="sampling"), **how
    )
    squares = 0.0
    for person in frame["id"].unique():
        step = 1e-5 * (frame["id"] == person)
        moved = made(1 + step).table["estimate"].to_numpy() - made(1 - step).table["estimate"].to_numpy()
        squares = squares + (moved / 2e-5) ** 2
    np.testing.assert_allclose(made(frame["w"]).table["std_error"], np.sqrt(squares), rtol=1e-5, atol=1e-7)


@few
@given(st.integers(0, 10_000))
def test_row_order_and_scale_of_time_change_nothing(seed):
    frame = counts_of(seed)
    how = {"terminal": "death", "until": "until"}
    found = mean_cumulative_count(times(frame), **how).table
    shuffled = frame.sample(frac=1, random_state=seed)
    same(found, mean_cumulative_count(times(shuffled), **how).table)
    scaled = frame.assign(**{c: frame[c] / 7 for c in ("start", "stop", "until")})
    same(found, mean_cumulative_count(times(scaled), **how).table)


@few
@given(st.integers(0, 10_000))
def test_models_do_not_see_splits_or_copies(seed):
    frame = counts_of(seed, 60)
    twice = pd.concat([frame, frame.assign(id=frame["id"] + 1000)], ignore_index=True)
    cut = split(frame, "stop", "cause", 0)
    weighted = times(frame.assign(w=2), weight="w")
    for fit, how in ((andersen_gill, {}), (pwp, {}), (pwp, {"clock": "gap", "pool_after": 2})):
        found = fit(times(frame), "arm + x", **how).table
        same(found, fit(times(cut), "arm + x", **how).table)
        same(fit(weighted, "arm + x", **how).table, fit(times(twice), "arm + x", **how).table)


@few
@given(st.integers(0, 10_000))
def test_shares_sum_to_one_and_splits_change_nothing(seed):
    frame = histories_of(seed)
    found = occupation_probabilities(frame).table
    np.testing.assert_allclose(found.groupby("time")["estimate"].sum(), 1, rtol=1e-12)
    assert found["estimate"].between(-1e-12, 1 + 1e-12).all()
    cut = split(frame, "stop", "exit", "")
    same(found, occupation_probabilities(cut).table)
    counted = ["count", "n", "time_at_risk"]
    pd.testing.assert_frame_equal(transitions(frame).table[counted], transitions(cut).table[counted])


@few
@given(st.integers(0, 10_000))
def test_shares_of_two_of_everybody(seed):
    frame = histories_of(seed)
    twice = pd.concat([frame, frame.assign(person=frame["person"] + 1000)], ignore_index=True)
    weighted = occupation_probabilities(frame.assign(w=2), weight="w")
    same(
        weighted.table,
        occupation_probabilities(twice).table,
        ("estimate", "std_error", "n_risk", "n_event", "n_censor"),
    )


@few
@given(st.integers(0, 10_000), st.booleans())
def test_running_sums_are_the_sum_person_by_person(seed, weighted):
    """The recursion of the influence written out for each person, against sums at moves and bases."""
    stays, _ = read_stays(histories_of(seed), None, "w" if weighted else None, "day", None, "laws")
    product = Product.of(stays, 0, None, weighted)
    m, s = product.at_risk.shape
    influence = np.zeros((len(product.weight), s))
    people, first = product._first_influence()
    np.add.at(influence, people, first)
    expected = [(product.scale[:, None] * influence**2).sum(axis=0)]
    for k in range(m):
        influence = influence @ (np.eye(s) + product.hazards[k])
        for row in np.flatnonzero((product.came <= k) & (k <= product.left)):
            j = product.state[row]
            step = -product.hazards[k, j]
            if product.left[row] == k and product.to[row] >= 0:
                step = step + np.eye(s)[product.to[row]] - np.eye(s)[j]
            influence[product.person[row]] += product.shares[k, j] / product.at_risk[k, j] * step
        expected.append((product.scale[:, None] * influence**2).sum(axis=0))
    np.testing.assert_allclose(product.variance(), expected, rtol=1e-8, atol=1e-13)


@few
@given(st.integers(0, 10_000))
def test_mean_times_sum_to_the_whole_and_are_areas(seed):
    found = occupation_probabilities(histories_of(seed))
    t = found.glance()["time_last"].iloc[0] / 2
    times_spent = found.mean_times(t).table
    np.testing.assert_allclose(times_spent["estimate"].sum(), t)
    for state, part in found.table.groupby("state", sort=False):
        before = part[part["time"] <= t]
        area = (before["estimate"] * np.diff(np.append(before["time"], t))).sum()
        np.testing.assert_allclose(times_spent.set_index("state").loc[state, "estimate"], area, atol=1e-10)


@few
@given(st.integers(0, 10_000))
def test_transitions_add_up(seed):
    table = transitions(histories_of(seed)).table
    for _, part in table.groupby("state"):
        total = part.loc[part["exit"] == "total", "count"].item()
        assert part.loc[part["exit"] != "total", "count"].sum() == total
    square = transitions(histories_of(seed)).matrix("en").to_numpy()
    assert (square[:, :-1].sum(axis=1) == square[:, -1]).all()
    assert (square[:-1].sum(axis=0) == square[-1]).all()


@few
@given(st.integers(0, 10_000))
def test_two_states_are_one_curve(seed):
    """Shares in two states, one for good, are Aalen-Johansen's of one exit."""
    frame = histories_of(seed).groupby("person", as_index=False).first()
    frame = frame.assign(state="here", exit=frame["exit"].where(frame["exit"] == "censored", "gone"))
    shares = occupation_probabilities(frame, start="here").table.query("state == 'here'")
    codes = {"censored": "censored", "gone": "gone"}
    tte = TimeToEvent.from_frame(frame, "stop", "exit", codes, entry="start", id="person")
    curve = aalen_johansen(tte).at(shares["time"]).table.query("cause == 'no_exit'")
    same(shares, curve)


def test_histories_of_groups_are_those_of_their_people():
    tte = times(counts_of(3))
    event, gone = tte.cause == 1, tte.cause == 2
    rows = read_histories(tte, event, gone, "arm", "until", True, "laws")
    part = rows.part(1)
    assert set(part.owner) == set(np.flatnonzero(rows.group == 1))
    assert rows.counted().sum() == event.sum()
    assert replace(rows, group=rows.group).sums().exits.sum() == len(rows.weight)
