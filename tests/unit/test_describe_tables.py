"""Flow, Table 1, indicators, alert and page at their edges."""

import math

import numpy as np
import pandas as pd
import pytest
from describe_records import records

from evalkit.describe import alert, changes, flow, indicators, page, table_one
from evalkit.describe.table_one import age_at_entry
from evalkit.errors import InputError
from evalkit.followup import FollowUp
from evalkit.numerics.balance import largest_pair, smd_means, smd_shares
from evalkit.result import Result
from evalkit.silence import Silence
from evalkit.wording import message


def follow(people, events=None, situations=None, as_of="2010-12-31"):
    return FollowUp.from_frames(pd.DataFrame(people), events, situations, as_of=as_of)


def value(result, column="count", **at):
    table = result.table
    for name, wanted in at.items():
        table = table[table[name] == wanted]
    assert len(table) == 1
    return table[column].iloc[0]


# ---- what adds up ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("seed", range(4))
def test_every_total_is_the_sum_of_its_parts(seed):
    fu = records(n=200, seed=seed)
    for made in (flow(fu), table_one(fu, by="site"), table_one(fu), indicators(fu), alert(fu)):
        counts = made.table["count" if "count" in made.table else "numerator"]
        partitions = [(total, parts) for total, parts in made.partitions() if total is not None]
        assert partitions or made.table["term"].eq("size").sum() == 1
        for total, parts in partitions:
            assert counts.iloc[total] == counts.iloc[list(parts)].sum(), made.table.iloc[[total, *parts]]


def test_nobody_of_the_list_is_left_out_of_the_flow():
    fu = records(n=200, seed=5)
    assert value(flow(fu), part="spotted", term="spotted", site="all", channel="all") == 200


def test_those_no_longer_observed_are_neither_in_contact_nor_lost():
    people = {
        "person": list("ab"), "entered_on": "2010-06-01", "observed_until": ["2010-07-01", None],
    }  # fmt: skip
    made = flow(follow(people))
    assert value(made, part="situation", term="not_observed") == 1
    assert value(made, part="situation", term="disengaged") == 1


def test_an_unknown_situation_stays_apart_and_is_said():
    situations = pd.DataFrame({"person": ["a"], "track": "status", "state": "unknown", "start": "2010-08-01"})
    made = flow(follow({"person": ["a"], "entered_on": "2010-06-01"}, situations=situations))
    assert value(made, part="situation", term="unknown") == 1
    assert "describe.unknown_is_neither" in [c.key for c in made.caveats]


def test_someone_who_moved_away_left_the_scope_with_the_reason():
    situations = pd.DataFrame({"person": ["a"], "track": "status", "state": "moved", "start": "2010-08-01"})
    made = flow(follow({"person": ["a"], "entered_on": "2010-06-01"}, situations=situations))
    assert value(made, part="left_kind", term="moved") == 1
    assert value(made, part="situation", term="left", column="n") == 1


def test_gaps_and_contradictions_of_the_records_are_counted_beside_the_flow():
    people = pd.DataFrame({
        "person": ["won back", "no date", "conflict"],
        "spotted_on": pd.to_datetime(["2010-06-01", None, "2010-06-01"]),
        "eliminated_on": pd.to_datetime(["2010-06-10", None, "2010-09-01"]),
        "eliminated_for": ["not_reached", "refused", "refused"],
        "entered_on": pd.to_datetime(["2010-08-01", None, "2010-08-01"]),
    })  # fmt: skip
    none = follow({"person": ["x"]})
    # Made directly, a follow-up trusts its frames: an elimination after the entry is refused when it is read.
    fu = FollowUp(people, none.events, none.situations, none.as_of)
    made = flow(fu)
    told = {
        t: value(made, part="check", term=t)
        for t in ("won_back", "elimination_undated", "eliminated_after_entry")
    }
    assert told == {"won_back": 1, "elimination_undated": 1, "eliminated_after_entry": 1}
    assert value(made, part="check", term="spotting_undated") == 1
    assert value(made, part="outcome", term="mobilised") == 2
    assert value(made, part="elimination", term="refused") == 1


def test_an_elimination_without_reason_is_a_reason_of_its_own():
    made = flow(follow({"person": ["a"], "spotted_on": "2010-06-01", "eliminated_on": "2010-07-01"}))
    assert value(made, part="elimination", term="unsaid") == 1


def test_without_entries_the_page_still_stands():
    fu = follow({"person": list("ab"), "spotted_on": "2010-06-01"})
    assert value(flow(fu), part="outcome", term="open") == 2
    sheet = indicators(fu).table.set_index("term")
    assert sheet.loc["mobilised_share", "share"] == 0
    assert math.isnan(sheet.loc["in_solution", "share"])
    assert math.isnan(sheet.loc["median_wait", "estimate"])
    assert value(alert(fu), term="engaged", site="all") == 0
    assert alert(fu).people().empty
    assert value(table_one(fu), term="size", part="size") == 0
    for block in page(fu):
        assert block.result.summary("fr")
        assert block.result.publish().summary("en")


def test_the_flow_is_told_only_by_what_is_recorded():
    fu = follow({"person": list("ab"), "site": "Est", "spotted_on": "2010-06-01"})
    assert flow(fu).by() == ["site"]
    assert flow(fu, by=[]).by() == []
    for wrong in ("channel", "sex"):
        with pytest.raises(InputError, match="by must be among the recorded site"):
            flow(fu, by=wrong)


def test_the_length_of_the_silence_is_that_of_the_rule():
    fu = follow({"person": ["a"], "site": "Est", "entered_on": "2010-10-17"})
    assert value(flow(fu), part="situation", term="engaged", site="all") == 1
    assert value(alert(fu), term="silent", site="all") == 1
    short = Silence(days=60)
    assert value(flow(fu, short), part="situation", term="disengaged", site="all") == 1
    assert value(alert(fu, short), term="engaged", site="all") == 0
    assert "60 jours" in flow(fu, short).summary("fr")


@pytest.mark.parametrize(
    ("entered", "silent", "window"),
    [
        ("2010-11-02", 0, None),  # 59 days
        ("2010-11-01", 1, "within_30"),  # 60 days, 30 left
        ("2010-10-16", 1, "within_14"),  # 76 days, 14 left
        ("2010-10-09", 1, "within_7"),  # 83 days, 7 left
        ("2010-10-03", 1, "within_7"),  # 89 days, the last
        ("2010-10-02", 0, None),  # 90 days: disengaged
    ],
)
def test_the_alert_goes_from_the_60th_to_the_89th_day(entered, silent, window):
    today = alert(follow({"person": ["a"], "entered_on": entered}))
    assert value(today, term="silent", site="all") == silent
    for name in ("within_7", "within_14", "within_30"):
        assert value(today, term=name, site="all") == int(name == window)


def test_the_list_of_people_to_call_never_passes_the_gate():
    people = {"person": ["a"], "entered_on": "2010-10-17"}
    today = alert(follow(people))
    assert today.people()["person"].tolist() == ["a"]
    with pytest.raises(InputError, match="not published"):
        today.publish().people()
    assert "person" not in today.publish().table
    listed = today.people()
    listed["person"] = "changed"
    assert today.people()["person"].tolist() == ["a"]


# ---- Table 1 -----------------------------------------------------------------------------------------------------------


def fruit(**more):
    people = {
        "person": [f"p{i}" for i in range(8)],
        "site": ["Est"] * 4 + ["Centre"] * 3 + [None],
        "sex": ["F", "F", "M", None, "F", "M", "M", "M"],
        "debt": [0.0, 10.0, 20.0, None, 5.0, 5.0, 20.0, 1.0],
        "entered_on": "2010-06-01",
        **more,
    }
    return follow(people)


def test_those_without_a_group_are_a_group_and_everything_adds_up_to_all():
    table = table_one(fruit(), by="site")
    sizes = table.table[table.table["term"] == "size"].set_index("site")["count"].to_dict()
    assert sizes == {"all": 8, "Centre": 3, "Est": 4, "missing": 1}
    assert value(table, term="sex", part="M", site="missing") == 1
    assert "non renseigné" in table.summary("fr")


def test_missing_values_are_lines_of_the_table():
    table = table_one(fruit(), by="site")
    assert value(table, term="sex", part="missing", site="Est") == 1
    assert value(table, term="debt", part="missing", site="all") == 1
    assert value(table, term="sex", part="F", site="Est", column="share") == 0.5


def test_numbers_have_mean_standard_deviation_and_median_of_known_values():
    table = table_one(fruit(), by="site")
    assert value(table, term="debt", part="mean", site="Est", column="estimate") == 10
    assert value(table, term="debt", part="sd", site="Est", column="estimate") == 10
    assert value(table, term="debt", part="median", site="Centre", column="estimate") == 5
    assert "10,0 (10,0)" in table.summary("fr")


def test_the_difference_is_between_known_groups_and_known_values():
    table = table_one(fruit(), by="site")
    gap = value(table, term="debt", part="mean", site="all", column="smd")
    assert gap == pytest.approx(smd_means(np.array([0.0, 10, 20]), np.array([5.0, 5, 20])))
    gap = value(table, term="sex", part="F", site="all", column="smd")
    assert gap == pytest.approx(smd_shares(np.array([2, 1]), np.array([1, 2])))
    assert "describe.smd_two" in [c.key for c in table.caveats]


def test_with_three_groups_the_difference_is_the_largest_and_says_so():
    table = table_one(records(n=200, seed=2), by="site")
    assert "describe.smd_pairs" in [c.key for c in table.caveats]
    assert "deux à deux" in table.summary("fr")


def test_columns_with_too_many_different_values_are_named_not_dropped_in_silence():
    few = fruit(street=[f"street {i}" for i in range(8)])
    assert not any(c.key == "describe.columns_left_out" for c in table_one(few).caveats)
    people = pd.DataFrame(
        {
            "person": [f"p{i}" for i in range(20)],
            "note": [f"n{i}" for i in range(20)],
            "entered_on": "2010-06-01",
        }
    )
    said = table_one(follow(people)).caveats[-1]
    assert said.text("en") == "Column not described (more than 12 different values): note."
    shown = table_one(follow(people), variables=["note"]).table
    assert shown["term"].eq("note").sum() == 21


def test_among_everybody_spotted_or_those_mobilised():
    fu = records(n=100, seed=4)
    assert value(table_one(fu, among="spotted"), term="size", part="size") == 100
    assert value(table_one(fu), term="size", part="size") < 100
    with pytest.raises(InputError, match="among must be"):
        table_one(fu, among="everybody")


def test_unknown_columns_are_named():
    with pytest.raises(InputError, match="no column 'town'"):
        table_one(fruit(), by="town")
    with pytest.raises(InputError, match=r"no columns \['town'\]"):
        table_one(fruit(), variables=["town"])


def test_levels_stand_in_the_order_of_the_vocabulary():
    table = table_one(records(n=200, seed=1)).table
    assert table.loc[table["term"] == "level", "part"].tolist() == ["below_V", "V", "IV", "missing"]


def test_age_is_in_completed_years_recorded_first_computed_otherwise():
    people = pd.DataFrame({
        "birth_date": pd.to_datetime(["1993-06-02", "1993-06-01", "1992-01-01", None]),
        "entered_on": pd.to_datetime(["2010-06-01", "2010-06-01", None, "2010-06-01"]),
        "age_at_entry": [None, None, None, 17.9],
    })  # fmt: skip
    assert age_at_entry(people).tolist()[:2] == [16, 17]
    assert np.isnan(age_at_entry(people)[2])
    assert age_at_entry(people)[3] == 17


# ---- standardised differences ------------------------------------------------------------------------------------------


def test_of_two_categories_it_is_the_usual_difference_of_two_shares():
    p, q = 0.3, 0.45
    usual = abs(p - q) / math.sqrt((p * (1 - p) + q * (1 - q)) / 2)
    assert smd_shares(np.array([30, 70]), np.array([45, 55])) == pytest.approx(usual)


def test_of_several_categories_it_does_not_depend_on_the_one_left_out_nor_on_empty_ones():
    one, other = np.array([10, 20, 30, 40]), np.array([25, 25, 20, 30])
    expected = smd_shares(one, other)
    for order in ([1, 2, 3, 0], [3, 0, 1, 2]):
        assert smd_shares(one[order], other[order]) == pytest.approx(expected)
    assert smd_shares(np.append(one, 0), np.append(other, 0)) == pytest.approx(expected)
    # Yang & Dalton (2012), by their formula with the first category left out, written out here.
    p, q = one[1:] / 100, other[1:] / 100
    s = -(np.outer(p, p) + np.outer(q, q)) / 2
    np.fill_diagonal(s, (p * (1 - p) + q * (1 - q)) / 2)
    assert expected == pytest.approx(math.sqrt((p - q) @ np.linalg.inv(s) @ (p - q)))


def test_without_a_scale_there_is_no_difference_to_give():
    assert math.isnan(smd_shares(np.array([5, 0]), np.array([0, 5])))
    assert math.isnan(smd_shares(np.array([0, 0]), np.array([1, 5])))
    assert math.isnan(smd_means(np.array([1.0]), np.array([1.0, 2.0])))
    assert math.isnan(smd_means(np.array([1.0, 1.0]), np.array([2.0, 2.0])))
    assert smd_means(np.array([2.0, 2.0]), np.array([2.0, 2.0])) == 0
    assert smd_shares(np.array([4]), np.array([7])) == 0
    assert math.isnan(largest_pair([np.array([1.0])], smd_means))


# ---- page --------------------------------------------------------------------------------------------------------------


def test_the_page_has_its_blocks_in_order_with_the_curves_it_is_given():
    fu = records(n=120, seed=6)
    earlier = follow({"person": ["J0000"], "spotted_on": "2010-06-05"}, as_of="2010-07-01")
    curve = Result(
        pd.DataFrame({"time": [0.0], "estimate": [1.0]}),
        message("describe.question_flow", as_of="2010-01-01"),
    )
    blocks = page(fu, previous=earlier, curves={"engagement": curve})
    assert [b.name for b in blocks] == [
        "flow", "flow_table", "table_one", "indicators", "alert", "engagement", "changes",
    ]  # fmt: skip
    assert [b.name for b in blocks if b.picture] == ["flow", "engagement"]
    assert all(b.alt is not None for b in blocks if b.picture)
    assert blocks[5].result is curve
    for block in blocks:
        for lang in ("fr", "en"):
            assert block.title.text(lang)


def test_the_previous_cut_must_be_earlier():
    fu = records(n=50, seed=6)
    with pytest.raises(InputError) as error:
        page(fu, previous=fu)
    assert error.value.render("fr").startswith(
        "Le tableau précédent est arrêté au 30 septembre 2011, celui-ci au 30 septembre 2011 ; le précédent doit être le plus ancien"
    )
    assert "the previous one must be the earlier" in error.value.render("en")


def test_counts_over_no_act_at_all_say_that_acts_may_be_missing():
    people = {"person": list("ab"), "spotted_on": "2010-06-01", "entered_on": ["2010-07-01", None]}
    silent, listed = (
        follow({k: v for k, v in people.items() if k in columns}, as_of="2011-09-30")
        for columns in (people, ("person", "spotted_on"))
    )
    for make in (flow, indicators, alert):
        assert any(c.key == "silence.no_acts" for c in make(silent).caveats)
        assert not any(c.key == "silence.no_acts" for c in make(listed).caveats)


def test_a_site_of_its_own_is_no_group():
    fu = follow({"person": list("ab"), "site": "Est", "entered_on": "2010-06-01", "sex": ["F", "M"]})
    table = {b.name: b.result for b in page(fu)}["table_one"].table
    assert "site" not in table


# ---- two cuts ----------------------------------------------------------------------------------------------------------


def cut(as_of, people=None, events=None, situations=None):
    people = people or {"person": list("ab"), "spotted_on": "2010-06-01", "entered_on": "2010-06-10"}
    return follow(people, events, situations, as_of=as_of)


def status(person, state, start, end=None):
    return pd.DataFrame({"person": [person], "track": "status", "state": state, "start": start, "end": [end]})


@pytest.mark.parametrize(
    ("before", "after", "change"),
    [
        (status("a", "training", "2010-07-01"), status("a", "training", "2010-07-01", "2010-09-15"), None),
        (
            status("a", "training", "2010-07-01"),
            status("a", "training", "2010-07-01", "2010-08-01"),
            "past_corrected",
        ),
        (
            status("a", "training", "2010-07-01", "2010-08-01"),
            status("a", "training", "2010-07-01"),
            "past_corrected",
        ),
        (status("a", "training", "2010-07-01"), status("a", "employment", "2010-07-01"), "past_corrected"),
        (None, status("a", "training", "2010-07-01"), "past_completed"),
        (None, status("a", "training", "2010-09-15"), None),
    ],
)
def test_a_situation_of_the_past_is_news_only_when_dated_after_the_last_cut(before, after, change):
    who = changes(cut("2010-10-01", situations=after), cut("2010-09-01", situations=before)).people()
    rewritten = who[who["change"].isin(["past_corrected", "past_completed"])]
    assert rewritten["change"].tolist() == ([change] if change else [])


def test_an_entry_told_late_completes_the_past_and_what_comes_with_a_later_one_does_not():
    first = {"person": list("ab"), "spotted_on": "2010-06-01", "entered_on": None, "age_at_entry": None}
    later = first | {"entered_on": ["2010-08-01", "2010-09-20"], "age_at_entry": [17, 18]}
    who = changes(cut("2010-10-01", later), cut("2010-09-01", first)).people()
    told = who[who["change"] == "past_completed"]
    assert told["person"].tolist() == ["a"]
    assert told["what"].item() == "age_at_entry, entered_on"


def test_a_column_that_is_gone_is_said():
    first = {"person": list("ab"), "spotted_on": "2010-06-01", "sex": ["F", "M"]}
    made = changes(
        cut("2010-10-01", {"person": list("ab"), "spotted_on": "2010-06-01"}), cut("2010-09-01", first)
    )
    assert "Column missing from the new export, hence not compared: sex." in made.summary("en")


def test_moves_show_only_those_who_moved_and_no_list_passes_the_gate():
    made = changes(cut("2010-11-01"), cut("2010-09-01"))
    assert "En contact → Décrochés (silence)" in made.summary("fr")
    with pytest.raises(InputError, match="not published"):
        made.publish().people()
    assert made.publish().table["count"].isna().any()


def test_a_decision_recorded_during_a_silence_stays_one_when_the_silence_goes_on():
    left = status("a", "abandoned", "2010-08-01")
    for day in ("2010-08-15", "2010-12-01"):
        made = flow(cut(day, situations=left))
        assert value(made, part="situation", term="abandoned") == 1


def test_a_difference_that_cannot_be_computed_is_named():
    people = {
        "person": list("abcd"), "site": ["Est", "Est", "Centre", "Centre"], "arrondissement": ["19e", "2e", "1er", "10e"],
        "entered_on": "2010-06-01",
    }  # fmt: skip
    table = table_one(follow(people), by="site")
    assert (
        "(les groupes n'ont aucune valeur en commun, ou trop peu de valeurs connues) : Arrondissement."
        in table.summary("fr")
    )
    assert table.table.loc[table.table["site"] == "all", "part"].tolist() == [
        "size",
        "1er",
        "2e",
        "10e",
        "19e",
        "missing",
    ]


@pytest.mark.parametrize(
    ("lang", "spotted", "hidden"),
    [("fr", "Repérés\u00a0:\u00a0200", "masqué"), ("en", "Spotted:\u00a0200", "suppressed")],
)
def test_the_flow_is_drawn_with_its_numbers_and_without_the_hidden_ones(lang, spotted, hidden):
    import matplotlib.pyplot as plt

    fu = records(n=200, seed=5)
    raw = flow(fu)
    axes = [raw.plot(lang=lang), raw.publish().plot(lang=lang)]
    texts = [" ".join(t.get_text() for t in ax.texts).replace("\n", " ") for ax in axes]
    for ax in axes:
        plt.close(ax.figure)
    assert all(spotted in text for text in texts)
    assert hidden not in texts[0]
    assert hidden in texts[1]
    small = value(raw, part="situation", term="abandoned", site="all", channel="all")
    assert 0 < small < 11
    assert f"\u00a0{small} (" in texts[0]
    assert f"\u00a0{small} (" not in texts[1]
