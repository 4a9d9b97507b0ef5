"""Many plays: how many are enough, kept and taken up again, on two processes of a cluster of which one dies, and where plays lie."""

import itertools
import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from evalkit.errors import InputError
from evalkit.simulation import Pathway, Precision, Scenario, contrast, mser5, play, replicate, warm_up
from evalkit.simulation.experiments import running, storing
from evalkit.simulation.experiments.levels import levels
from evalkit.simulation.experiments.spread import quantiles, share
from evalkit.simulation.luck.sampler import TICKS_PER_DAY

ROOT = Path(__file__).parents[2]


def desk(weekly=3, **more):
    year = {"from": "2024-01-01", "to": "2024-06-30"}
    return {
        "start": "2024-01-01", "end": "2024-06-30", "sites": ["est", "ouest"],
        "pools": {"desk": {"weekly": weekly}},
        "sources": {"street": {"to": "queue", "periods": [{**year, "number": 60}]}},
        "states": {
            "queue": {"kind": "wait", "pool": "desk", "done": "seen", "late": "gave_up",
                      "limit": {"family": "exponential", "mean": 30}},
            "seen": {"kind": "exit", "mark": "entered"}, "gave_up": {"kind": "exit"},
        },
        **more,
    }  # fmt: skip


DESK = Pathway(desk())


def scenario(name, weekly):
    return Scenario.of({"name": name, "pathway": desk(weekly)})


# ---- how many are enough -------------------------------------------------------------------------------------------------
def half_width(values, conf_level=0.95):
    return stats.t.ppf(0.5 + conf_level / 2, len(values) - 1) * stats.sem(values)


def by_hand(values, wanted, minimum, look_ahead):
    """Hoad, Robinson and Davies (2010), section 4: the first n from which the precision holds, and holds so many plays more."""
    for k in itertools.count(minimum):
        ahead = max(look_ahead, look_ahead * k // 100)
        if k + ahead > len(values):
            return None
        if all(half_width(values[:j]) <= wanted(values[:j]) for j in range(k, k + ahead + 1)):
            return k + ahead
    return None


@pytest.mark.parametrize("relative", [False, True])
@pytest.mark.parametrize("seed", [1, 2, 3])
def test_enough_is_the_rule_worked_by_hand(relative, seed):
    values = np.random.default_rng(seed).normal(20, 5, 300)
    half = 0.05 if relative else 1.0
    rule = Precision({"x": half}, relative=relative, minimum=4, look_ahead=6)
    wanted = (lambda v: half * abs(v.mean())) if relative else (lambda v: half)
    expected = by_hand(values, wanted, 4, 6)
    assert rule.enough(values[:, None]) == expected
    assert rule.enough(values[: expected - 1, None]) is None


def test_a_precision_reached_by_luck_and_lost_again_is_not_enough():
    """Three plays happen to agree; the fourth does not."""
    values = np.array([10.0, 10.0, 10.0, 14.0, 6.0, 13.0, 7.0, 10.0, 12.0, 8.0])[:, None]
    assert Precision({"x": 0.5}, look_ahead=0).enough(values) == 3
    assert Precision({"x": 0.5}, look_ahead=5).enough(values) is None


def test_every_output_named_must_be_precise():
    rng = np.random.default_rng(5)
    values = np.column_stack([rng.normal(0, 1, 200), rng.normal(0, 4, 200)])
    both = Precision({"x": 1.0, "y": 1.0}).enough(values)
    alone = [Precision({"x": 1.0}).enough(values[:, [k]]) for k in (0, 1)]
    assert alone[0] < alone[1] <= both


def test_half_widths_leave_missing_plays_out():
    values = np.array([4.0, np.nan, 6.0, 5.0, np.nan, 7.0])
    found = Precision({"x": 1.0})._half_widths(values[:, None])[:, 0]
    assert found[[0, 1]].tolist() == [np.inf, np.inf]
    assert found[[2, 5]] == pytest.approx([half_width([4.0, 6.0]), half_width([4.0, 6.0, 5.0, 7.0])])


def test_a_run_stops_where_the_rule_says_whatever_the_number_of_jobs():
    rule = Precision({("left", "gave_up"): 1.5, "mobilised": 2.5}, minimum=5, maximum=200)
    one = replicate(DESK, seed=3, precision=rule)
    two = replicate(DESK, seed=3, precision=rule, jobs=2)
    n = len(one.digests)
    assert 10 < n < 150
    assert (one.digest, one.glance()["plays"].item()) == (two.digest, n)
    longer = replicate(DESK, 150, seed=3)
    columns = np.column_stack([longer.values("left", "gave_up"), longer.values("mobilised")])
    assert rule.enough(columns) == n
    row = one.tidy().query("outcome == 'left' and part == 'gave_up'").iloc[0]
    assert row["conf_high"] - row["estimate"] <= 1.5
    assert len(one.caveats) == 1


def test_a_precision_out_of_reach_is_said():
    found = replicate(DESK, seed=3, precision=Precision({"mobilised": 0.01}, maximum=6))
    assert (len(found.digests), found.glance()["precise"].item()) == (6, False)
    assert "not reached after 6 plays" in found.caveats[0].text("en")
    assert "n'est pas atteinte" in found.caveats[0].text("fr")


def test_the_bar_of_a_precision_guesses_how_many_plays_it_takes(monkeypatch, capsys):
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    found = replicate(DESK, seed=3, precision=Precision({("left", "gave_up"): 2.0}, minimum=5), progress=True)
    told = capsys.readouterr()
    assert "/" in told.err
    assert told.out == ""
    rule = Precision({"x": 1.0})
    values = np.random.default_rng(1).normal(0, 3, (20, 1))
    assert rule.guess(values) == pytest.approx(20 * half_width(values[:, 0]) ** 2 + 5, abs=1)
    assert rule.guess(values[:1]) == rule.maximum
    assert len(found.digests) > 5


def test_a_contrast_watches_differences_of_every_scenario():
    base, others = scenario("base", 3), [scenario("a bit", 4), scenario("much", 8)]
    rule = Precision({("left", "gave_up"): 2.0, "gained": 2.0}, minimum=4, maximum=80)
    found = contrast(base, others, seed=2, precision=rule)
    n = len(found.digests["base"])
    longer = contrast(base, others, 60, seed=2)
    columns = [
        longer.values(o, p, scenario=s.name) for o, p in (("left", "gave_up"), ("gained", "")) for s in others
    ]
    assert rule.enough(np.column_stack(columns)) == n < 60
    alone = contrast(base, others[:1], seed=2, precision=rule)
    assert len(alone.digests["base"]) <= n


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        ({}, "either a number"),
        ({"n": 3, "precision": Precision({"mobilised": 1.0})}, "either a number"),
        ({"precision": Precision({"mobilized": 1.0})}, "no output is called"),
    ],
)
def test_plans_without_a_number_or_with_two_are_refused(asked, said):
    with pytest.raises(InputError, match=said):
        replicate(DESK, seed=1, **asked)


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        ({"outputs": {}}, "no output is named"),
        ({"outputs": {"x": 0.0}}, "must be above 0"),
        ({"outputs": {"x": 1.0}, "minimum": 1}, "at least 2"),
        ({"outputs": {"x": 1.0}, "minimum": 9, "maximum": 8}, "at least 2"),
        ({"outputs": {"x": 1.0}, "conf_level": 1.0}, "conf_level"),
        ({"outputs": {"x": "small"}}, "must be above 0"),
        ({"outputs": {"x": True}}, "must be above 0"),
        ({"outputs": {"x": float("nan")}}, "is nan"),
        ({"outputs": ["x"]}, "will not do"),
        ({"outputs": {("a", "b", "c", "d", "e"): 1.0}}, "will not do"),
        ({"outputs": {5: 1.0}}, "will not do"),
        ({"outputs": {"x": 1.0}, "minimum": 2.5}, "at least 2"),
        ({"outputs": {"x": 1.0}, "maximum": float("inf")}, "at least 2"),
        ({"outputs": {"x": 1.0}, "look_ahead": 1.5}, "look_ahead, 1.5"),
    ],
)
def test_precisions_that_make_no_sense_are_refused(asked, said):
    with pytest.raises(InputError, match=said):
        Precision(**asked)


def test_an_output_without_its_part_is_told_those_there_are():
    with pytest.raises(
        InputError, match="no output is called left; outputs: left / .*left / gave_up"
    ) as refused:
        replicate(DESK, seed=1, precision=Precision({"left": 1.0}))
    assert "mobilised" not in str(refused.value)


@pytest.mark.parametrize("ask", [
    lambda: replicate(DESK, 0), lambda: replicate(DESK, 2, jobs=0), lambda: replicate(DESK, 2, jobs="2"),
    lambda: replicate(DESK, 2, conf_level=1.0), lambda: replicate(DESK, 2, engine="foo"), lambda: replicate("desk.toml", 2),
    lambda: replicate(DESK, 2, seed=-1), lambda: replicate(DESK, precision={"mobilised": 1.0}),
    lambda: quantiles(np.arange(9.0), 0.5, 0.95), lambda: quantiles(np.arange(9.0), [2.0], 0.95),
    lambda: quantiles(np.arange(9.0), [0.5], 2.0), lambda: quantiles(np.arange(9.0), ["half"], 0.95),
    lambda: share(np.arange(9.0), float("nan"), 0.95), lambda: share(np.arange(9.0), 0.0, 2.0),
])  # fmt: skip
def test_what_makes_no_sense_is_refused_in_both_languages(ask):
    with pytest.raises(InputError) as refused:
        ask()
    assert refused.value.render("fr") != refused.value.render("en")


# ---- kept and taken up again ---------------------------------------------------------------------------------------------
def counted(monkeypatch):
    """Count the plays made."""
    made = []
    plain = running.play_pathway
    monkeypatch.setattr(
        running, "play_pathway", lambda p, seed, r, *rest: made.append(r) or plain(p, seed, r, *rest)
    )
    return made


def test_a_stopped_run_goes_on_where_it_was(tmp_path, monkeypatch):
    plain = running.play_pathway

    def stops(pathway, seed, replication, *rest):
        if replication == 4:
            raise KeyboardInterrupt
        return plain(pathway, seed, replication, *rest)

    monkeypatch.setattr(running, "play_pathway", stops)
    with pytest.raises(KeyboardInterrupt):
        replicate(DESK, 8, seed=2, store=tmp_path)
    monkeypatch.setattr(running, "play_pathway", plain)
    made = counted(monkeypatch)
    resumed = replicate(DESK, 8, seed=2, store=tmp_path)
    assert made == [0, 4, 5, 6, 7], "replication 0 is always played, to see that nothing has changed"
    assert resumed.digest == replicate(DESK, 8, seed=2).digest
    pd.testing.assert_frame_equal(resumed.plays, replicate(DESK, 8, seed=2).plays)
    made.clear()
    assert replicate(DESK, 5, seed=2, store=tmp_path).digests == resumed.digests[:5]
    assert made == [0]


def test_a_changed_scenario_seed_or_day_never_mixes(tmp_path, monkeypatch):
    made = counted(monkeypatch)
    asked = [
        (DESK, {"seed": 1}), (Pathway(desk(4)), {"seed": 1}), (DESK, {"seed": 2}), (DESK, {"seed": 1, "until": "2024-05-01"}),
    ]  # fmt: skip
    kept = [replicate(p, 3, store=tmp_path, **rest) for p, rest in asked]
    assert made == [0, 1, 2] * 4
    assert len(list(tmp_path.iterdir())) == 4
    for one, (p, rest) in zip(kept, asked, strict=True):
        pd.testing.assert_frame_equal(one.plays, replicate(p, 3, **rest).plays)


def test_the_other_engine_finds_the_same_folder(tmp_path, monkeypatch):
    pytest.importorskip("numba", reason="no numba (extra: fast)")
    first = replicate(DESK, 3, seed=4, store=tmp_path)
    made = counted(monkeypatch)
    assert replicate(DESK, 3, seed=4, store=tmp_path, engine="compiled").digest == first.digest
    assert made == [0]


def test_a_contrast_is_kept_too_and_apart(tmp_path, monkeypatch):
    base, other = scenario("base", 3), scenario("other", 5)
    first = contrast(base, other, 3, seed=1, store=tmp_path)
    made = counted(monkeypatch)
    again = contrast(base, other, 4, seed=1, store=tmp_path)
    assert made == [0, 0, 3, 3]
    assert again.digests["other"][:3] == first.digests["other"]
    assert (
        contrast(other, base, 3, seed=1, store=tmp_path).values("gained").tolist()
        == first.values("lost").tolist()
    )


def test_what_was_half_written_is_played_again(tmp_path, monkeypatch):
    whole = replicate(DESK, 3, seed=1, store=tmp_path)
    (folder,) = tmp_path.iterdir()
    (folder / "000001.json").write_text('{"key": "', encoding="utf-8")
    other = json.loads((folder / "000002.json").read_text(encoding="utf-8"))
    (folder / "000002.json").write_text(json.dumps({**other, "key": "another"}), encoding="utf-8")
    made = counted(monkeypatch)
    assert replicate(DESK, 3, seed=1, store=tmp_path).digest == whole.digest
    assert made == [0, 1, 2]


def test_a_file_appears_whole_or_not_at_all(tmp_path, monkeypatch):
    def dies(content, file):
        file.write('{"key"')
        raise OSError("disk full")

    monkeypatch.setattr(storing.json, "dump", dies)
    with pytest.raises(InputError, match="disk full"):
        replicate(DESK, 2, seed=1, store=tmp_path)
    (folder,) = tmp_path.iterdir()
    assert not list(folder.iterdir()), "nor is what was begun left lying about"


@pytest.mark.parametrize("spoilt", [
    lambda kept: kept.pop("digests"), lambda kept: kept.update(values=None), lambda kept: kept.update(values=[]),
    lambda kept: kept.update(values=[[1.0]]), lambda kept: kept["values"][0].pop(), lambda kept: kept.update(digests=[]),
    lambda kept: kept["values"].__setitem__(0, "text"),
])  # fmt: skip
def test_what_lacks_a_part_is_played_again(tmp_path, monkeypatch, spoilt):
    whole = replicate(DESK, 3, seed=1, store=tmp_path)
    (folder,) = tmp_path.iterdir()
    kept = json.loads((folder / "000001.json").read_text(encoding="utf-8"))
    spoilt(kept)
    (folder / "000001.json").write_text(json.dumps(kept), encoding="utf-8")
    made = counted(monkeypatch)
    again = replicate(DESK, 3, seed=1, store=tmp_path)
    assert made == [0, 1]
    pd.testing.assert_frame_equal(again.plays, whole.plays)
    assert again.digest == whole.digest


def test_a_folder_of_another_version_is_refused(tmp_path):
    replicate(DESK, 2, seed=1, store=tmp_path)
    (folder,) = tmp_path.iterdir()
    kept = json.loads((folder / "000000.json").read_text(encoding="utf-8"))
    kept["values"][0][0] += 1
    (folder / "000000.json").write_text(json.dumps(kept), encoding="utf-8")
    with pytest.raises(InputError, match="no longer what evalkit plays"):
        replicate(DESK, 2, seed=1, store=tmp_path)


def test_a_folder_that_cannot_be_written_is_refused(tmp_path):
    (tmp_path / "file").write_text("", encoding="utf-8")
    with pytest.raises(InputError, match="cannot write"):
        replicate(DESK, 2, seed=1, store=tmp_path / "file")


# ---- on a cluster --------------------------------------------------------------------------------------------------------
_CLUSTER = """
import json, os, signal, sys, threading, time
from pathlib import Path
from distributed import LocalCluster
from evalkit.simulation import Pathway, replicate

def kill_one(cluster, folder, dead):
    while len(list(Path(folder).glob("*/0*.json"))) < 12:
        time.sleep(0.02)
    pid = cluster.workers[0].pid
    os.kill(pid, signal.SIGKILL)
    dead.append(pid)

if __name__ == "__main__":
    pathway, folder, n = Pathway(json.loads(sys.argv[1])), sys.argv[2], int(sys.argv[3])
    with LocalCluster(n_workers=2, threads_per_worker=1, processes=True, dashboard_address=None) as cluster:
        dead = []
        watch = threading.Thread(target=kill_one, args=(cluster, folder, dead), daemon=True)
        watch.start()
        reps = replicate(pathway, n, seed=6, store=folder, cluster=cluster.scheduler_address)
        watch.join(30)
        print(json.dumps({"digest": reps.digest, "dead": len(dead)}))
"""


def test_a_worker_that_dies_in_mid_run_loses_nothing(tmp_path):
    pytest.importorskip("distributed", reason="dask and distributed (extra cluster) are not installed")
    script = tmp_path / "cluster.py"
    script.write_text(_CLUSTER, encoding="utf-8")
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "DASK_LOGGING__DISTRIBUTED": "critical"}
    done = subprocess.run(
        [sys.executable, str(script), json.dumps(desk()), str(tmp_path / "store"), "80"],
        env=environment, capture_output=True, text=True, timeout=240, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-3000:]
    told = json.loads(done.stdout.strip().splitlines()[-1])
    assert told["dead"] == 1
    assert told["digest"] == replicate(DESK, 80, seed=6).digest
    assert len(list((tmp_path / "store").glob("*/0*.json"))) == 80


def test_nobody_at_the_address_is_said(monkeypatch):
    distributed = pytest.importorskip(
        "distributed", reason="dask and distributed (extra cluster) are not installed"
    )

    def refuses(address, **rest):
        raise OSError("timed out")

    monkeypatch.setattr(distributed, "Client", refuses)
    with pytest.raises(InputError, match="nobody answers"):
        replicate(DESK, 2, seed=1, cluster="tcp://192.0.2.1:8786")


# ---- where single plays lie ----------------------------------------------------------------------------------------------
def test_order_statistics_of_the_sign_test_table():
    """Conover (1999), table A3 and section 3.2, one half: of 16 values, the 4th and the 13th bound the median at 95 %."""
    found = quantiles(np.arange(1.0, 17.0), [0.5], 0.95).iloc[0]
    assert (found["conf_low"], found["conf_high"], found["estimate"]) == (4.0, 13.0, 8.5)


def test_too_few_plays_for_an_interval_of_a_far_quantile():
    found = quantiles(np.arange(71.0), [0.05, 0.5], 0.95)
    assert found["status"].tolist() == ["not_estimable", "ok"]
    assert "at least 72" in found["reason"].iloc[0].text("en")
    assert np.isfinite(found["estimate"]).all()
    assert quantiles(np.arange(72.0), [0.05], 0.95)["status"].tolist() == ["ok"]


@pytest.mark.parametrize("p", [0.1, 0.5, 0.9])
def test_order_statistic_intervals_cover(p):
    rng = np.random.default_rng(8)
    truth = stats.expon.ppf(p)
    found = [quantiles(rng.exponential(size=60), [p], 0.9).iloc[0] for _ in range(400)]
    covered = np.mean([f["conf_low"] <= truth <= f["conf_high"] for f in found])
    assert 0.87 < covered < 0.98


@pytest.mark.parametrize(
    ("k", "n", "low", "high"),
    [(0, 10, 0.0, 0.3085), (5, 10, 0.1871, 0.8129), (10, 10, 0.6915, 1.0), (1, 20, 0.0013, 0.2487)],
)
def test_exact_intervals_of_shares(k, n, low, high):
    """Clopper and Pearson (1934), as tabulated."""
    values = np.array([1.0] * k + [0.0] * (n - k) + [np.nan])
    found = share(values, 0.5, 0.95).iloc[0]
    assert (found["estimate"], found["n"]) == (k / n, n)
    assert (found["conf_low"], found["conf_high"]) == (
        pytest.approx(low, abs=5e-5),
        pytest.approx(high, abs=5e-5),
    )


def test_shares_and_quantiles_are_of_the_plays():
    reps = replicate(DESK, 40, seed=1)
    values = reps.values("left", "gave_up")
    found = reps.quantiles("left", "gave_up", at=(0.5,)).tidy().iloc[0]
    assert found["estimate"] == pytest.approx(np.median(values))
    assert reps.share("left", "gave_up", above=12).tidy()["estimate"].item() == (values > 12).mean()
    both = contrast(scenario("base", 3), scenario("more", 4), 20, seed=1)
    lost = both.share("left", "gave_up", above=-0.5).tidy().iloc[0]
    assert lost["estimate"] == (both.values("left", "gave_up") > -0.5).mean()
    assert both.quantiles("gained").tidy()["n"].tolist() == [20, 20, 20]
    assert "p_value" not in both.tidy().columns
    assert "gave up" in reps.quantiles("gave_up", "queue").question.text("en")


def test_levels_are_integrals_over_time():
    tape = play(DESK, seed=7)
    table = levels(tape, "2024-04-30").set_index(["outcome", "part", "by", "level"])["value"]
    upto = 121 * TICKS_PER_DAY
    frame, plan = tape.log, tape.plan
    minutes = np.arange(0, upto, 900) + 450
    waits = frame[frame[:, 2] == plan.states.index("queue")]
    waiting = [((waits[:, 4] <= t) & (waits[:, 5] > t)).sum() for t in minutes]
    assert table["queue_mean", "queue", "", ""] == pytest.approx(np.mean(waiting), abs=0.02)
    parts = [table["queue_mean", "queue", "site", s] for s in ("est", "ouest")]
    assert sum(parts) == pytest.approx(table["queue_mean", "queue", "", ""])
    assert table["caseload_mean", "", "", ""] == 0, "who is seen has left at once"


def test_a_caseload_is_counted_from_entry_to_exit():
    """One enters on day 10 and stays 15 days, another on day 20 and is still there on day 31; a duplicate counts nobody."""
    states = {
        "on": {"kind": "delay", "duration": 5, "done": "in"},
        "in": {"kind": "delay", "duration": 15, "mark": "entered", "done": "out"},
        "out": {"kind": "exit"},
    }
    lists = {"list": {"to": "on", "dates": ["2024-01-06", "2024-01-16"], "size": 1}}
    tape = play(
        Pathway({"start": "2024-01-01", "end": "2024-01-31", "sources": lists, "states": states}), seed=1
    )
    value = levels(tape).query("outcome == 'caseload_mean' and by == ''")["value"].item()
    assert value == pytest.approx((15 + 11) / 31)


# ---- warm-up -------------------------------------------------------------------------------------------------------------
def test_mser_is_the_statistic_worked_by_hand():
    rng = np.random.default_rng(3)
    series = 10 - 8 * np.exp(-np.arange(400) / 30) + rng.normal(0, 0.5, 400)
    means = series.reshape(80, 5).mean(axis=1)
    by_hand = [sum((z - np.mean(means[d:])) ** 2 for z in means[d:]) / (80 - d) ** 2 for d in range(75)]
    cut, statistic, batches = mser5(series)
    assert (cut, batches) == (5 * int(np.argmin(by_hand)), 80)
    assert statistic == pytest.approx(min(by_hand))
    assert 40 < cut < 200


def test_a_series_that_never_settles_has_no_warm_up():
    assert mser5(np.arange(400.0))[0] is None
    assert mser5(np.arange(49.0)) == (None, pytest.approx(np.nan, nan_ok=True), 9)


def stay(end, number, mean=15):
    period = {"from": "2024-01-01", "to": end, "number": number}
    return Pathway({
        "start": "2024-01-01", "end": end, "sources": {"street": {"to": "stay", "periods": [period]}},
        "states": {"stay": {"kind": "delay", "duration": {"family": "exponential", "mean": mean}, "done": "out"},
                   "out": {"kind": "exit"}},
    })  # fmt: skip


def test_the_warm_up_of_a_caseload_is_a_few_stays():
    found = warm_up(stay("2025-12-30", 2190), n=4, seed=1)
    assert 15 <= found.days <= 100
    assert found.series["value"].iloc[int(found.days) :].mean() == pytest.approx(45, rel=0.08)
    tape = play(stay("2025-12-30", 2190), seed=1)
    day = 200
    spent = np.minimum(tape.log[:, 5], (day + 1) * TICKS_PER_DAY) - np.maximum(
        tape.log[:, 4], day * TICKS_PER_DAY
    )
    own = np.clip(spent[tape.log[:, 2] == 0], 0, None).sum() / TICKS_PER_DAY
    assert warm_up(stay("2025-12-30", 2190), n=1, seed=1).series["value"][day] == pytest.approx(own)


def test_a_warm_up_is_refused_where_no_steady_state_is_established():
    found = warm_up(stay("2024-12-31", 1095, mean=2000), states=["stay"], n=2, seed=1)
    row = found.tidy().iloc[0]
    assert (row["status"], np.isnan(found.days)) == ("not_estimable", True)
    assert "beyond half of the 366 days" in row["reason"]
    short = warm_up(stay("2024-02-10", 100), n=1).tidy().iloc[0]
    assert "ten batches" in short["reason"]
    with pytest.raises(InputError, match="no state is called"):
        warm_up(stay("2024-02-10", 100), states=["out"], n=1)


def test_two_pathways_with_names_of_their_own_are_contrasted():
    def desk(weekly, name):
        return Pathway({
            "start": "2024-01-01", "end": "2024-03-31", "pools": {"desk": {"weekly": weekly}},
            "sources": {"list": {"to": "queue", "dates": ["2024-01-02"], "size": 30}},
            "states": {"queue": {"kind": "wait", "pool": "desk", "done": "served"}, "served": {"kind": "exit"}},
        }, name=name)  # fmt: skip

    table = contrast(desk(2, "two"), desk(4, "four"), n=2, seed=1).tidy()
    waits = table[(table["outcome"] == "wait_days") & (table["by"] == "")]
    assert (waits["estimate"] < 0).all()
    with pytest.raises(InputError):
        contrast(desk(2, "same"), desk(4, "same"), n=2, seed=1)
