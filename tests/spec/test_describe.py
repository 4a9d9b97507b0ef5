"""Reading a dashboard, as the manual would tell it: eight youths, one day, every figure by hand."""

import pandas as pd
import pytest

from evalkit.describe import alert, changes, flow, indicators, table_one
from evalkit.followup import FollowUp

PEOPLE = """
person site   channel      spotted_on entered_on eliminated_on eliminated_for age_at_entry
a      Est    ml_database  2010-06-01 2010-07-01 -             -              16
b      Est    ml_database  2010-06-01 2010-07-01 -             -              17
c      Est    prevention   2010-06-10 2010-07-20 -             -              18
d      Centre ml_database  2010-06-01 2010-07-11 -             -              19
e      Centre ml_interview 2010-06-01 2010-08-01 -             -              22
f      Centre ml_database  2010-06-01 -          2010-06-20    not_dropout    -
g      Est    ml_database  2010-06-01 -          2010-07-30    not_reached    -
h      -      ml_interview 2010-06-01 -          -             -              -
"""
EVENTS = """
person date       kind      outcome
a      2010-11-20 interview attended
b      2010-08-10 interview attended
d      2010-10-05 phone     answered
e      2010-09-25 interview attended
e      2010-12-20 interview planned
"""
SITUATIONS = """
person track            state      start      end
c      status           training   2010-08-01 -
a      co_accompaniment club       2010-08-01 2010-09-01
"""


def read(text):
    lines = [line.split() for line in text.strip().splitlines()]
    frame = pd.DataFrame(lines[1:], columns=lines[0])
    return frame.where(frame != "-", None)


@pytest.fixture(scope="module")
def fu():
    return FollowUp.from_frames(read(PEOPLE), read(EVENTS), read(SITUATIONS), as_of="2010-12-10")


def counts(result, part, **group):
    table = result.tidy()
    at = table["part"] == part
    for name in ("site", "channel"):
        at &= table[name] == group.get(name, "all")
    found = table[at].set_index("term")["count"]
    return {term: int(n) for term, n in found.items() if n}


def test_the_flow_splits_everybody_spotted_and_every_split_adds_up(fu):
    tree = flow(fu)
    assert counts(tree, "spotted") == {"spotted": 8}
    assert counts(tree, "outcome") == {"eliminated": 2, "open": 1, "mobilised": 5}
    assert counts(tree, "elimination") == {"not_dropout": 1, "not_reached": 1}
    # a: a contact 20 days ago. b: silent since August. c: in training. d: 66 days of silence. e: an appointment ahead.
    assert counts(tree, "situation") == {"engaged": 3, "in_solution": 1, "disengaged": 1}
    assert counts(tree, "in_solution_kind") == {"training": 1}


def test_the_flow_is_told_by_site_and_by_channel_and_shows_who_has_no_site(fu):
    tree = flow(fu)
    assert counts(tree, "outcome", site="Est") == {"eliminated": 1, "mobilised": 3}
    assert counts(tree, "outcome", site="Centre") == {"eliminated": 1, "mobilised": 2}
    assert counts(tree, "outcome", site="missing") == {"open": 1}
    assert counts(tree, "outcome", channel="prevention") == {"mobilised": 1}


def test_the_flow_reads_in_french(fu):
    said = flow(fu).summary("fr")
    assert "Que sont devenus les jeunes repérés, au 10 décembre 2010 ?" in said
    for words in (
        "Écartés",
        "Jamais joint, ou orientation sans suite",
        "Pas encore joints",
        "Décrochés (silence)",
    ):
        assert words in said


def test_the_alert_lists_those_silent_for_60_to_89_days_with_no_appointment_ahead(fu):
    today = alert(fu)
    told = today.tidy().set_index(["term", "site"])["count"]
    assert told["silent", "all"] == 1
    assert told["silent", "Centre"] == 1
    assert told["silent", "Est"] == 0
    assert told["booked", "Centre"] == 1
    assert told["recent", "Est"] == 1
    assert told["within_30", "all"] == 1
    assert today.people().values.tolist() == [
        ["d", "Centre", pd.Timestamp("2010-10-05"), 66, pd.Timestamp("2011-01-03")]
    ]


def test_the_indicator_sheet_gives_numerator_denominator_date_and_definition(fu):
    sheet = indicators(fu).tidy().set_index("term")
    told = {t: (int(r["numerator"]), r["denominator"]) for t, r in sheet.iterrows()}
    assert told["mobilised_share"] == (5, 8)
    assert told["age_16_17"] == (2, 5)
    assert told["age_18"] == (1, 5)
    assert told["age_16_18"] == (3, 5)
    assert told["co_accompanied"] == (1, 5)
    assert told["in_solution"] == (1, 5)
    # a, d and e had a contact in the last 90 days.
    assert told["contacted"] == (3, 5)
    assert told["disengaged"] == (1, 5)
    assert sheet.loc["median_wait", "estimate"] == 40
    assert (sheet["date"] == pd.Timestamp("2010-12-10")).all()
    assert "16-17 ans à l'entrée" in indicators(fu).summary("fr")


def test_table_one_counts_the_missing_and_gives_no_p_value(fu):
    table = table_one(fu, by="site")
    told = table.tidy().set_index(["term", "part", "site"])
    assert told.loc[("size", "size", "Est"), "count"] == 3
    assert told.loc[("age_at_entry", "mean", "Est"), "estimate"] == 17
    assert told.loc[("channel", "ml_database", "Est"), "share"] == pytest.approx(2 / 3)
    assert told.loc[("age_at_entry", "missing", "all"), "count"] == 0
    assert "p_value" not in table.tidy()
    assert "Pas de test" in table.summary("fr")


def test_what_changed_tells_news_from_a_rewritten_past(fu):
    people, events, situations = (read(t) for t in (PEOPLE, EVENTS, SITUATIONS))
    new = pd.DataFrame({"person": ["i"], "site": ["Est"], "spotted_on": ["2010-12-20"]})
    people = pd.concat([people[people["person"] != "g"], new])
    people.loc[people["person"] == "b", "age_at_entry"] = "18"  # was 17: the past is corrected
    people.loc[people["person"] == "h", "site"] = "Est"  # was blank: completed
    events = pd.concat([
        events[events["outcome"] != "planned"],
        pd.DataFrame({"person": ["d"], "date": ["2010-12-20"], "kind": ["interview"], "outcome": ["attended"]}),
        pd.DataFrame({"person": ["a"], "date": ["2010-09-05"], "kind": ["phone"], "outcome": ["answered"]}),
    ])  # fmt: skip
    later = FollowUp.from_frames(people, events, situations, as_of="2011-01-10")
    found = changes(later, fu)
    who = found.people()
    told = {change: group["person"].tolist() for change, group in who.groupby("change")}
    # e's appointment came to nothing: silent since 25 September, now for more than 90 days.
    assert told == {
        "new": ["i"],
        "disappeared": ["g"],
        "moved": ["e"],
        "past_corrected": ["b"],
        "past_completed": ["a", "h"],
    }
    table = found.tidy()
    assert table.loc[(table["term"] == "engaged") & (table["to"] == "disengaged"), "count"].item() == 1
    assert "personne ne devrait en disparaître" in found.summary("fr")
