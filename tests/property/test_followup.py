"""Laws of a follow-up: what was written reads back the same, in every form and language, and nothing depends on row order."""

import tempfile
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from evalkit import FollowUp
from evalkit.errors import InputError
from evalkit.followup.values import number, number_text
from evalkit.vocabulary import standard

AS_OF = pd.Timestamp("2011-09-30")
LAWS = settings(
    max_examples=20, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much]
)

#: Texts that files and spreadsheets like to change: formulas, numbers, dates, quotation marks, separators, empty words.
ODD = [
    "=1+1",
    "007",
    "1,5",
    "1.50",
    "1 234",
    "01/02/2011",
    "2011-02-01 10:00",
    'a"b',
    '"',
    "a;b,c",
    "l1\nl2",
    "a\r\nb",
    "#N/A",
]
ODD += [
    "TRUE",
    "nan",
    "None",
    "-0",
    "1e5",
    "sep=;",
    "employment",
    "Emploi",
    "'x",
    "+33",
    " x ",
    "12345678901234567890",
    "0,0",
]
anything = st.characters(codec="utf-8", exclude_characters="\ufffd")
words = st.one_of(st.text(anything, max_size=12), st.sampled_from(ODD))
names = st.one_of(st.text(anything, min_size=1, max_size=8), st.sampled_from(ODD))
numbers = st.one_of(
    st.none(), st.floats(allow_nan=False, allow_infinity=False), st.integers(-1000, 1000).map(float)
)
days = st.dates(pd.Timestamp("2009-01-01").date(), AS_OF.date())


def codes(group):
    return st.one_of(st.none(), st.sampled_from(standard().codes(group)))


@st.composite
def dashboards(draw):
    """Three frames that contradict nothing, with columns nobody declared."""
    ids = draw(st.lists(names.map(str.strip).filter(bool), min_size=1, max_size=6, unique=True))
    n = len(ids)

    def column(values):
        return draw(st.lists(values, min_size=n, max_size=n))

    spotted = column(days)
    people = pd.DataFrame({
        "person": ids,
        "sex": column(codes("sex")),
        "channel": column(codes("channel")),
        "arrondissement": column(st.one_of(st.none(), words)),
        "age_at_entry": column(st.one_of(st.none(), st.floats(0, 99))),
        "spotted_on": pd.to_datetime(spotted),
        "score": column(numbers),
        draw(names): column(st.one_of(st.none(), words)),
    })  # fmt: skip
    m = draw(st.integers(0, 8))
    events = pd.DataFrame({
        "person": [draw(st.sampled_from(ids)) for _ in range(m)],
        "date": pd.to_datetime([draw(days) for _ in range(m)]),
        "kind": [draw(codes("act")) for _ in range(m)],
        "outcome": [draw(codes("outcome")) for _ in range(m)],
        "remark": [draw(words) for _ in range(m)],
        "seen": [draw(st.one_of(st.none(), days)) for _ in range(m)],
    })  # fmt: skip
    rows = []
    for person in ids:
        cuts = sorted(draw(st.lists(days, max_size=4)))
        for start, end in zip(cuts[::2], cuts[1::2], strict=False):
            state = draw(st.sampled_from([c for c in standard().codes("status") if c != "death"]))
            rows.append((person, "status", state, start, end))
        if draw(st.booleans()):
            rows.append((person, "referent", draw(names.filter(str.strip)), draw(days), None))
    situations = pd.DataFrame(rows, columns=["person", "track", "state", "start", "end"])
    return people, events, situations


def taken(frames):
    """Return the follow-up of some frames, setting aside those whose odd texts make two columns or two people one."""
    try:
        return FollowUp.from_frames(*frames, as_of=AS_OF)
    except InputError:
        assume(False)


@pytest.mark.parametrize("lang", ["en", "fr"])
@pytest.mark.parametrize("form", ["folder", "book.xlsx"])
@given(frames=dashboards())
@LAWS
def test_what_was_written_reads_back_the_same(form, lang, frames):
    fu = taken(frames)
    with tempfile.TemporaryDirectory() as folder:
        path = fu.write(Path(folder) / form, lang)
        assert FollowUp.read(path).equals(fu)


@given(frames=dashboards(), seed=st.integers(0, 9))
@LAWS
def test_rows_in_another_order_say_the_same(frames, seed):
    fu = taken(frames)
    people, events, situations = (f.sample(frac=1, random_state=seed) for f in frames)
    other = FollowUp.from_frames(people, events, situations, as_of=AS_OF)
    pd.testing.assert_series_equal(other.people["person"], fu.people["person"])
    by = ["person", "date"]
    assert sorted(map(tuple, other.events[by].to_numpy())) == list(map(tuple, fu.events[by].to_numpy()))
    pd.testing.assert_frame_equal(other.situations[["person", "start"]], fu.situations[["person", "start"]])


@given(frames=dashboards())
@LAWS
def test_taking_its_own_frames_changes_nothing(frames):
    fu = taken(frames)
    assert FollowUp.from_frames(fu.people, fu.events, fu.situations, as_of=fu.as_of).equals(fu)


@given(frames=dashboards(), day=days)
@LAWS
def test_a_day_is_told_without_what_comes_later(frames, day):
    """Cutting the records on the day itself gives the same situations: nothing later is used."""
    fu = taken(frames)
    try:
        whole = fu.at(day)
    except InputError:
        assume(False)
    day = pd.Timestamp(day)
    people = fu.people.assign(spotted_on=fu.people["spotted_on"].where(fu.people["spotted_on"] <= day))
    begun = fu.situations.loc[fu.situations["start"] <= day]
    events = fu.events.loc[fu.events["date"] <= day]
    assume(people["spotted_on"].notna().any() or len(begun) or len(events))
    cut = FollowUp.from_frames(people, events, begun, as_of=day)
    one, other = (
        t.set_index("person").loc[lambda f: f["phase"].ne("undated") & f["phase"].ne("not_yet")]
        for t in (whole.tidy(), cut.at(day).tidy())
    )
    pd.testing.assert_frame_equal(
        one[["phase", "situation"]], other.reindex(one.index)[["phase", "situation"]]
    )


@given(x=st.floats(allow_nan=False, allow_infinity=False))
def test_a_number_reads_back_exactly(x):
    assert number(number_text(x)) == x
    assert number(number_text(x).replace(".", ",")) == x
    assert np.isfinite(number(number_text(x)))
