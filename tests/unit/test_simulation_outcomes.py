"""What a play comes to: everybody accounted for, nobody twice, the dashboard and the outputs telling the same story."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from evalkit.errors import InputError
from evalkit.silence import Silence
from evalkit.simulation import Pathway, Scenario, contrast, counts, lives, play, replicate, sooner, vary

SCENARIOS = Path(__file__).parents[1] / "scenarios"
DAY = "2011-09-30"


@pytest.fixture(scope="module")
def baseline():
    return Scenario.load(SCENARIOS / "baseline.toml")


@pytest.fixture(scope="module")
def listed():
    return Scenario.load(SCENARIOS / "education_nationale.toml")


@pytest.fixture(scope="module")
def tape(baseline):
    return play(baseline, seed=11)


@pytest.fixture(scope="module")
def with_list(listed):
    return play(listed, seed=11)


def value(table, outcome, part="", by="", level=""):
    row = table[
        (table["outcome"] == outcome)
        & (table["part"] == part)
        & (table["by"] == by)
        & (table["level"] == level)
    ]
    return row["value"].item()


@pytest.mark.parametrize("which", ["tape", "with_list"])
def test_everybody_spotted_is_somewhere(which, request):
    table = counts(request.getfixturevalue(which), DAY)
    eliminated = table[(table["outcome"] == "eliminated") & (table["by"] == "")]["value"].sum()
    assert value(table, "spotted") == eliminated + value(table, "pending") + value(table, "mobilised")
    situations = table[(table["outcome"] == "situation") & (table["by"] == "")]["value"].sum()
    assert situations == value(table, "mobilised") > 100


def test_margins_add_up_to_the_total(with_list):
    table = counts(with_list, DAY)
    for outcome in ("spotted", "mobilised", "in_solution"):
        for by in ("site", "channel", "age", "sex"):
            rows = table[(table["outcome"] == outcome) & (table["by"] == by)]
            assert rows["value"].sum() == value(table, outcome), (outcome, by)


def test_nothing_after_the_day_counts(tape):
    early, late = counts(tape, "2010-12-31"), counts(tape, DAY)
    assert 0 < value(early, "mobilised") < value(late, "mobilised")
    assert value(counts(tape, "2010-05-31"), "mobilised") == 0, "mobilisation begins in June"
    with pytest.raises(InputError, match="outside the play"):
        counts(tape, "2012-06-01")


def test_outputs_and_dashboard_are_cut_on_the_closing_day_unless_told_otherwise(tape):
    assert f"{tape.closing}" == DAY
    assert counts(tape).equals(counts(tape, DAY))
    assert tape.follow_up().equals(tape.follow_up(DAY))
    assert value(counts(tape, "2011-12-31"), "situation", "abandoned") >= value(
        counts(tape), "situation", "abandoned"
    )


def test_the_dashboard_tells_the_same_counts(with_list):
    fu, table = with_list.follow_up(DAY), counts(with_list, DAY)
    assert fu.provenance.kind == "simulated"
    assert len(fu.people) == value(table, "spotted")
    assert fu.people["entered_on"].notna().sum() == value(table, "mobilised")
    for code in ("not_dropout", "out_of_scope", "not_reached", "refused"):
        assert (fu.people["eliminated_for"] == code).sum() == value(table, "eliminated", code)
    by_channel = fu.people.loc[fu.people["entered_on"].notna(), "channel"].value_counts()
    for channel in by_channel.index:
        assert by_channel[channel] == value(table, "mobilised", "", "channel", channel)
    assert fu.provenance.details["duplicates_merged"] == value(table, "duplicates") > 0


@pytest.mark.parametrize("replication", range(3))
def test_disengaged_in_the_outputs_is_disengaged_by_the_silence_rule(baseline, replication):
    one = play(baseline, seed=7, replication=replication)
    ours = lives(one, DAY)
    names = {int(i): n for i, n in zip(one.people.identity, one.names, strict=True)}
    situation = pd.Series(ours.situation, index=[names[int(i)] for i in ours.person])
    rule = Silence().today(one.follow_up(DAY)).set_index("person")["state"]
    at_risk = situation[situation.isin(["jobseeker", "project", "disengaged"])]
    assert len(at_risk) > 50
    assert ((at_risk == "disengaged") == (rule.reindex(at_risk.index) == "disengaged")).all()
    recorded = situation[~situation.isin(["", "disengaged"])]
    fu = one.follow_up(DAY).at(DAY).table.set_index("person")["situation"]
    assert (fu.reindex(recorded.index) == recorded).all()


def test_a_dashboard_written_and_read_is_the_same(tape, tmp_path):
    from evalkit.followup import FollowUp

    fu = tape.follow_up(DAY)
    fu.write(tmp_path / "dashboard")
    assert FollowUp.read(tmp_path / "dashboard").equals(fu)


def test_booked_appointments_lie_ahead_and_know_when_they_were_booked(tape):
    fu = tape.follow_up("2010-12-27")  # few slots over the holidays: some wait
    ahead = fu.events[fu.events["outcome"] == "planned"]
    assert len(ahead) > 0
    assert (ahead["date"] > fu.as_of).all()
    held = fu.events[fu.events["kind"] == "interview"]
    assert held["booked_on"].notna().all()
    assert (held["booked_on"] <= held["date"]).all()


def test_everybody_includes_those_followed_before(tape):
    own, all_ = tape.follow_up(DAY), tape.follow_up(DAY, everybody=True)
    assert len(all_.people) > len(own.people) + 100
    assert set(own.people["person"]) < set(all_.people["person"])


def test_truth_is_what_no_dashboard_shows(tape):
    truth = tape.truth()
    assert (truth["stop"].isna() | (truth["stop"] >= truth["start"])).all()
    silent = tape.frame[tape.frame["state"] == "silent_0"]
    assert len(truth) == len(silent)
    assert sorted(truth["start"]) == sorted(silent["date"])


# ---- the list ------------------------------------------------------------------------------------------------------------
def test_a_youth_on_the_list_keeps_identity_and_luck_and_is_only_spotted_earlier(tape, with_list):
    """Whoever another channel spots is the same person in both plays, on the same day or earlier."""
    a = pd.Series(tape.people.arrival, index=tape.people.identity)
    first = with_list.people.codes["record"] == 0
    b = pd.Series(with_list.people.arrival[first], index=with_list.people.identity[first]).reindex(a.index)
    assert b.notna().all()
    assert (b <= a).all()
    moved = b < a
    assert 5 < moved.sum() < 200
    by = pd.Series(with_list.people.spotted_by[first], index=with_list.people.identity[first]).reindex(
        a.index
    )
    assert (with_list.plan.sources.index("education_nationale") == by[moved]).all()
    for name in ("age", "sex", "level"):
        codes = pd.Series(with_list.people.codes[name][first], index=with_list.people.identity[first])
        assert (
            codes.reindex(a.index) == pd.Series(tape.people.codes[name], index=tape.people.identity)
        ).all()


def test_an_overlap_of_everybody_brings_nobody_new(baseline, listed):
    same = {"education_nationale.known": 1.0, "education_nationale.missed_match": 0.0}
    before, after = play(baseline, seed=2), play(listed.with_(same), seed=2)
    assert value(counts(after), "spotted") == value(counts(before), "spotted")
    assert value(counts(after), "left", "known_already") > 0
    assert value(sooner(before, after), "sooner_paired") > 0


def test_no_overlap_brings_nobody_forward_and_no_duplicate(baseline, listed):
    other = listed.with_({"education_nationale.known": 0.0, "counsellors.slots_per_week": 10_000})
    before, after = play(baseline.with_({"counsellors.slots_per_week": 10_000}), seed=2), play(other, seed=2)
    assert value(counts(after), "duplicates") == 0
    gains = sooner(before, after)
    assert value(gains, "sooner_paired") == 0, "with room for all, nobody else's path moves"
    assert value(gains, "lost") == 0
    assert value(gains, "gained") == value(counts(after), "mobilised") - value(counts(before), "mobilised")


def test_missed_matches_make_duplicates_that_cost_slots_and_count_nobody(listed):
    sure = listed.with_({"education_nationale.missed_match": 0.0})
    poor = listed.with_({"education_nationale.missed_match": 1.0})
    a, b = play(sure, seed=3), play(poor, seed=3)
    assert value(counts(a), "duplicates") == 0 < value(counts(b), "duplicates")
    assert value(counts(a), "spotted") == value(counts(b), "spotted")
    assert value(counts(b), "left", "duplicate") > 0, "found out at the interview, for which a slot was used"
    frame = b.frame
    assert not frame[(frame["record"] == "duplicate") & (frame["state"] == "entered")].size


def test_false_matches_lose_new_youths(listed):
    none, many = (play(listed.with_({"education_nationale.false_match": x}), seed=3) for x in (0.0, 0.5))
    assert value(counts(many), "spotted") < value(counts(none), "spotted")
    lost = value(counts(many), "left", "false_match")
    assert value(counts(many), "spotted") + lost == pytest.approx(value(counts(none), "spotted"), abs=12)


def test_unreachable_youths_are_tried_and_never_reached(listed):
    none = play(listed.with_({"education_nationale.unreachable": 1.0}), seed=3)
    assert value(counts(none), "mobilised", "", "channel", "education_nationale") == pytest.approx(0, abs=25)
    frame, roster = none.frame, none.roster
    on_list = roster.loc[
        (roster["source"] == "education_nationale") & (roster["record"] == "first"), "person"
    ]
    assert not frame[frame["person"].isin(on_list) & frame["state"].isin(["answered", "entered"])].size


# ---- many plays ------------------------------------------------------------------------------------------------------------
def test_the_result_does_not_depend_on_the_number_of_jobs(baseline):
    one, two = (replicate(baseline, n=3, seed=5, jobs=jobs, until=DAY) for jobs in (1, 2))
    assert one.digest == two.digest
    pd.testing.assert_frame_equal(one.tidy(), two.tidy())
    pd.testing.assert_frame_equal(one.plays, two.plays)
    assert replicate(baseline, n=3, seed=6, until=DAY).digest != one.digest


def test_means_and_their_errors(baseline):
    reps = replicate(baseline, n=4, seed=5, until=DAY)
    mobilised = reps.values("mobilised")
    row = reps.tidy().query("outcome == 'mobilised' and by == ''").iloc[0]
    assert row["estimate"] == pytest.approx(mobilised.mean())
    assert row["std_error"] == pytest.approx(mobilised.std(ddof=1) / 2)
    assert row["conf_high"] - row["estimate"] == pytest.approx(
        3.182446 * row["std_error"], rel=1e-6
    )  # t, 3 df, 97.5 %
    assert reps.mean("spotted") == 621
    assert "p_value" not in reps.tidy()
    single = replicate(baseline, n=1, seed=5, until=DAY).tidy()
    assert (single["status"] == "not_estimable").all()
    assert single["conf_low"].isna().all()


def test_a_contrast_is_paired_play_by_play(baseline, listed):
    result = contrast(baseline, listed, n=3, seed=5, until=DAY)
    a, b = (replicate(s, n=3, seed=5, until=DAY) for s in (baseline, listed))
    assert result.values("mobilised") == pytest.approx(b.values("mobilised") - a.values("mobilised"))
    row = result.tidy().query("outcome == 'mobilised' and by == ''").iloc[0]
    assert row["after"] - row["before"] == pytest.approx(row["estimate"])
    new = result.tidy().query("outcome == 'mobilised' and level == 'education_nationale'").iloc[0]
    assert (new["before"], new["estimate"] > 0) == (0, True)
    assert result.digests["baseline"] == a.digests
    gained = result.values("gained") - result.values("lost")
    assert gained == pytest.approx(result.values("mobilised"))


def test_a_scenario_with_no_change_differs_by_exactly_nothing(baseline):
    result = contrast(baseline, baseline.with_(name="the same"), n=2, seed=1, until=DAY)
    known = result.tidy().query("outcome not in ['mobilised_in_both']")["estimate"].dropna()
    assert (known == 0).all()


@pytest.mark.parametrize(
    ("asked", "said"),
    [({"n": 0}, "n: 0"), ({"jobs": 0}, "jobs: 0"), ({"conf_level": 1.5}, "conf_level: 1.5")],
)
def test_plans_that_make_no_sense_are_refused(baseline, asked, said):
    with pytest.raises(InputError, match=said):
        replicate(baseline, **{"n": 2, "seed": 1, **asked})


def test_the_bar_is_on_the_standard_error_and_only_on_a_terminal(capsys, monkeypatch):
    plain = Pathway({
        "start": "2024-01-01", "end": "2024-01-31", "sources": {"list": {"to": "out", "dates": ["2024-01-02"], "size": 1}},
        "states": {"out": {"kind": "exit"}},
    })  # fmt: skip
    replicate(plain, n=2, seed=1, progress=True)
    assert capsys.readouterr() == ("", "")
    monkeypatch.setattr("sys.stderr.isatty", lambda: True, raising=False)
    replicate(plain, n=2, seed=1, progress=True)
    out, err = capsys.readouterr()
    assert out == ""
    assert "2/2" in err


def test_asking_for_an_output_that_is_not_there_says_so(baseline):
    with pytest.raises(InputError, match=r"no output \('mobilized'"):
        replicate(baseline, n=1, seed=1).values("mobilized")


def test_scenarios_of_one_name_are_refused(baseline):
    with pytest.raises(InputError, match="give each its own name"):
        contrast(baseline, baseline.with_({"counsellors.notice": 3}), n=2, seed=1)


def test_more_slots_shorten_the_wait_under_paired_luck(baseline):
    few = baseline.with_({"counsellors.slots_per_week": 15, "name": "few"})
    result = contrast(few, vary(few, "counsellors.slots_per_week=20:30:10"), n=2, seed=1, until=DAY)
    waits = result.tidy().query("outcome == 'wait_days' and by == '' and part == 'ordinary_queue'")[
        "estimate"
    ]
    assert waits.iloc[1] < waits.iloc[0] < 0


def test_a_starved_programme_is_said_to_be_saturated(baseline, tape):
    starved = play(baseline.with_({"counsellors.slots_per_week": 8}), seed=1)
    for lang, word in (("fr", "Saturé"), ("en", "Saturated")):
        assert word in starved.summary(lang)
        assert word not in tape.summary(lang)
    assert starved.utilisation().table["saturated"].eq("yes").all()


def test_the_summary_of_results_reads_in_both_languages(baseline, listed):
    result = contrast(baseline, listed, n=2, seed=1, until=DAY)
    assert "mobilisés" in result.summary("fr", max_rows=500)
    assert "mobilised" in result.summary("en", max_rows=500)
    assert "no effect" in result.summary("en")


def test_trace_tells_one_life_in_order(tape):
    person = tape.roster["person"].iloc[3]
    trace = tape.trace(person)
    assert trace["date"].is_monotonic_increasing
    with pytest.raises(InputError, match="nobody is called 'X'"):
        tape.trace("X")


def test_flows_leave_each_state_as_often_as_it_is_entered(tape):
    flows = tape.flows()
    left = flows.groupby("state")["n"].sum()
    entered = flows.dropna(subset=["to"]).groupby("to")["n"].sum()
    first = tape.frame.groupby("person")["state"].first().value_counts()
    for state in left.index:
        assert left[state] == entered.get(state, 0) + first.get(state, 0), state


def test_a_pathway_without_a_programme_has_outputs_too():
    plain = Pathway({
        "start": "2024-01-01", "end": "2024-03-31", "pools": {"desk": {"weekly": 2}},
        "sources": {"street": {"to": "queue", "periods": [{"from": "2024-01-01", "to": "2024-03-31", "number": 40}]}},
        "states": {"queue": {"kind": "wait", "pool": "desk", "done": "out"}, "out": {"kind": "exit"}},
    })  # fmt: skip
    table = counts(play(plain, seed=1))
    assert value(table, "spotted") == value(table, "served", "queue") + value(table, "waiting", "queue")
    assert np.isfinite(value(table, "wait_days", "queue"))
    assert replicate(plain, n=2, seed=1).mean("left", "out") > 10
