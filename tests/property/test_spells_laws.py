"""Laws of spells: whatever the records, histories are possible, and cutting them conserves days and exits."""

import dataclasses

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from spec.cohort import cohort, date

from evalkit import Endpoint, Silence
from evalkit.errors import InputError

DAYS = 20
LENGTH = 150
RULES = st.sampled_from([
    Silence(days=DAYS, dated_at=dated, booked=booked)
    for dated in ("last_contact", "threshold")
    for booked in ("pauses", "counts")
])  # fmt: skip
EVERY_EXIT = {"competing": ["solution", "exit"], "paused": ["interruption"], "unknown": "competing"}
OUTCOMES = ("attended", "absent", "cancelled", "unspecified", None)
STATES = ("employment", "training", "illness", "moved", "abandoned", "unknown", "jobseeker", "death")

day = st.integers(0, LENGTH)
laws = settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.too_slow])


@st.composite
def track(draw, states):
    """Situations that follow each other: from cuts, some stretches kept."""
    cuts = sorted(set(draw(st.lists(st.integers(-20, LENGTH), max_size=6))))
    stretches = zip(cuts, [*cuts[1:], None], strict=False)
    found = []
    for start, end in stretches:
        state = draw(st.sampled_from((*states, None)))
        if state is None:
            continue
        found.append((state, start, end))
        if state == "death":
            return [*found[:-1], (state, start, None)]
    return found


@st.composite
def person(draw):
    """Records of one person, in days from 1 June 2010; nothing is recorded after a death."""
    status = draw(track(STATES))
    end = next((a for s, a, _ in status if s == "death"), LENGTH)
    acts = [
        (d, kind, outcome)
        for d, kind, outcome in draw(
            st.lists(
                st.tuples(day, st.sampled_from(("interview", "phone", None)), st.sampled_from(OUTCOMES)),
                max_size=10,
            )
        )
        if d <= end
    ]
    return {
        "acts": acts,
        "situations": status,
        "tracks": [("referent", s, a, b) for s, a, b in draw(track(("Mme A", "M. B"))) if a <= end],
        "entered_on": draw(st.sampled_from((0, 0, 0, 30))),
        "observed_until": draw(st.sampled_from((None, None, 80))),
    }


cohorts = st.dictionaries(st.sampled_from("abcd"), person(), min_size=1, max_size=4).map(
    lambda d: cohort(LENGTH, checked=False, **d)
)


def days_and_exits(spells):
    frame = spells.frame
    length = (frame["stop"] - frame["start"]).groupby([frame["person"], frame["state"]]).sum()
    ended = frame[frame["exit"] != ""]
    return length, ended[["person", "episode", "state", "stop", "exit"]].reset_index(drop=True)


@laws
@given(cohorts, RULES)
def test_whatever_the_records_histories_are_possible_and_end_by_the_closing_day(fu, rule):
    frame = rule.spells(fu).frame  # made at all: no overlap, gap, jump or teleport
    close = LENGTH - (DAYS if rule.dated_at == "last_contact" else 0)
    assert (frame["origin"] + pd.to_timedelta(frame["stop"], unit="D") <= date(close)).all()
    at_the_end = frame["person"] != frame["person"].shift(-1)
    assert not (frame.loc[~at_the_end, "exit"] == "censored").any()


@laws
@given(cohorts, RULES, st.lists(st.integers(0, LENGTH + 10), max_size=5))
def test_cutting_conserves_days_and_exits(fu, rule, cuts):
    whole = rule.spells(fu)
    for cut in (whole.split_at(cuts), whole.split_by("referent") if "referent" in whole.tracks else whole):
        for mine, theirs in zip(days_and_exits(whole), days_and_exits(cut), strict=True):
            assert mine.equals(theirs)


@laws
@given(cohorts, RULES, st.lists(st.integers(0, LENGTH), max_size=4))
def test_cutting_conserves_times_at_risk_and_events(fu, rule, cuts):
    whole = rule.spells(fu)
    if not (whole.frame["state"] == "engaged").any():
        return
    end = Endpoint("disengaged", recurrent=True, **EVERY_EXIT)
    one, many = end.of(whole), end.of(whole.split_at(cuts))

    def at_risk(tte):
        entry = np.zeros(tte.n) if tte.entry is None else tte.entry
        return pd.Series(tte.time - entry).groupby(tte.id).sum()

    pd.testing.assert_series_equal(at_risk(one), at_risk(many))
    assert {k: v for k, v in one.n_by_cause.items() if k != "censored"} == {
        k: v for k, v in many.n_by_cause.items() if k != "censored"
    }


@laws
@given(cohorts, RULES, st.integers(1, LENGTH))
def test_the_value_of_a_track_is_the_one_recorded_on_the_first_day_of_the_row(fu, rule, shift):
    spells = rule.spells(fu)
    if "referent" not in spells.tracks:
        return
    referents = fu.situations[fu.situations["track"] == "referent"]
    for row in spells.split_at([shift]).split_by("referent").frame.itertuples():
        on = row.origin + pd.Timedelta(days=row.start)
        mine = referents[(referents["person"] == row.person) & (referents["start"] <= on)]
        holding = mine[
            mine["end"].isna() | (mine["end"] > on) | (mine["end"] == mine["start"]) & (mine["start"] == on)
        ]
        assert row.referent == (len(holding) == 1)
        assert not row.referent or row.referent_with == holding["state"].item()


@laws
@given(cohorts, RULES, st.integers(0, LENGTH))
def test_a_landmark_keeps_only_those_at_risk_and_nothing_before_it(fu, rule, on):
    sp = rule.spells(fu)
    here = sp.frame[sp.frame["state"] == "engaged"]
    if not ((here["start"] <= on) & (here["stop"] > on)).any():
        with pytest.raises(InputError, match="nobody is at risk"):
            sp.landmark(on)
        return
    marked = sp.landmark(on).frame
    assert (marked["start"] >= on).all()
    assert (marked["stop"] > on).all()
    first = marked.drop_duplicates("person")
    assert (first["state"] == "engaged").all()
    assert (first["start"] == on).all()


@laws
@given(cohorts, st.sampled_from(("pauses", "counts")))
def test_what_professionals_do_among_themselves_changes_nothing(fu, booked):
    """Else co-accompaniment would improve the outcome mechanically."""
    rule = Silence(days=DAYS, booked=booked)
    alive = fu.people["person"]
    more = pd.DataFrame({"person": np.repeat(alive, 3), "date": [date(d) for d in (10, 50, 90)] * len(alive)})
    more = more.assign(direction="outgoing", partner=None)
    acts = [
        fu.events,
        more.assign(kind="case_conference", outcome="attended"),
        more.assign(kind="reminder", outcome="unanswered"),
    ]
    busy = dataclasses.replace(fu, events=pd.concat([a for a in acts if len(a)], ignore_index=True))
    pd.testing.assert_frame_equal(rule.spells(fu).frame, rule.spells(busy).frame)


@laws
@given(cohorts)
def test_a_longer_silence_never_makes_more_disengagement(fu):
    counts = []
    for days in (10, 20, 40):
        frame = Silence(days=days, dated_at="threshold").spells(fu).frame
        counts.append(frame.loc[frame["exit"] == "disengaged", "person"].nunique())
    assert counts == sorted(counts, reverse=True)


# ---- the rule played day by day, without the shortcuts of the package ------------------------------------------------------------
def played(contacts, missed, solutions, days, end):
    """Return the days on which silence has lasted `days`, going through every day once."""
    found, silent, engaged = [], 0, True
    for today in range(1, end + 1):
        in_solution = any(a <= today < b for a, b in solutions)
        if in_solution:
            engaged, silent = True, -1
        elif today in contacts:
            engaged, silent = True, 0
        elif silent == -1:  # the first day out of a solution: the count starts
            silent = 0
        elif engaged:
            silent += 1
        if engaged and silent == days:
            if today in missed:
                silent = 0
            else:
                found.append(today)
                engaged = False
        elif engaged and today in missed and silent > 0:
            silent = 0
    return found


@laws
@given(
    st.sets(st.integers(1, LENGTH), max_size=8),
    st.sets(st.integers(1, LENGTH), max_size=5),
    st.lists(st.integers(1, LENGTH), max_size=4, unique=True),
    st.sampled_from(("last_contact", "threshold")),
)
def test_the_rule_agrees_with_going_through_every_day(contacts, missed, edges, dated_at):
    edges = sorted(edges)
    # Two days apart at least: one day apart is one solution after another.
    solutions = list(zip(edges[::2], edges[1::2], strict=False))
    solutions = [(a, b) for i, (a, b) in enumerate(solutions) if not i or a > solutions[i - 1][1] + 1]
    fu = cohort(
        LENGTH,
        checked=False,
        ada={
            "contacts": sorted(contacts),
            "acts": [(d, "interview", "absent") for d in sorted(missed)],
            "situations": [("employment", a, b) for a, b in solutions],
        },
    )
    frame = Silence(days=DAYS, dated_at=dated_at).spells(fu).frame
    events = frame.loc[frame["exit"] == "disengaged", "stop"].tolist()
    expected = played(contacts, missed, solutions, DAYS, LENGTH)
    if dated_at == "last_contact":
        expected = [d - DAYS for d in expected]
    assert events == pytest.approx(expected)
