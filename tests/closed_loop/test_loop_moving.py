"""The loop for what moves with time: tracks as time-varying covariates, curves in and out, every scenario of the study."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import evalkit as ek

M = ek.simulation
SCENARIOS = sorted((Path(__file__).parents[2] / "studies" / "paris-2010" / "scenarios").glob("*.toml"))
RATIO = 0.4
#: Silence ends nothing: only recorded exits count.
NEVER = ek.Silence(days=3650, dated_at="threshold", booked="counts")
ENTRY = {
    "kind": "delay",
    "duration": 0,
    "mark": "entered",
    "event": {"kind": "interview", "outcome": "attended"},
}


def pathway(states, tracks=None, number=1200):
    period = {"from": "2020-01-01", "to": "2020-09-30", "number": number}
    return M.Pathway({
        "start": "2020-01-01", "end": "2020-12-31", "tracks": tracks or {},
        "sources": {"door": {"to": "entry", "periods": [period]}}, "states": states,
    })  # fmt: skip


EXITS = {
    "job": {"kind": "exit", "situation": "employment"},
    "gone": {"kind": "exit", "situation": "abandoned"},
}
SUPPORTED = {
    "entry": {
        **ENTRY, "done": "inside",
        "set": {"support": {"to": "yes", "share": 0.7, "after": {"family": "exponential", "mean": 40}}},
    },
    "inside": {
        "kind": "delay", "duration": {"family": "exponential", "mean": 120},
        "hazard_ratios": {"support": {"yes": RATIO}}, "done": {"job": 0.3, "gone": 0.7},
    },
    **EXITS,
}  # fmt: skip


def exits(spells):
    return ek.Endpoint("abandoned", competing=["employment"]).of(spells)


@pytest.mark.parametrize(("track", "code"), [("co_accompaniment", "yes"), ("referent", "named")])
def test_a_hazard_ratio_by_track_is_found_by_cox_with_the_track_as_it_stood(track, code):
    tracks = {"support": {"levels": ["no", "yes"], "shown": track, "values": {"yes": code}}}
    slopes, naive = [], []
    for r in range(4):
        fu = M.play(pathway(SUPPORTED, tracks), seed=5, replication=r).follow_up()
        spells = fu.spells(NEVER)
        cut = spells.split_by(track)
        assert set(cut.frame[f"{track}_with"].dropna()) == {code}
        fit = ek.survival.cox(exits(cut), track).tidy().iloc[0]
        slopes.append((fit["estimate"], fit["std_error"]))
        # The mistake: whoever was ever supported, from the first day on, whom only those who stayed could be.
        ever = set(fu.situations.loc[fu.situations["track"] == track, "person"])
        tte = exits(spells)
        people = ek.TimeToEvent(
            time=tte.time, cause=tte.cause, causes=tte.causes,
            covariates=pd.DataFrame({"ever": np.isin(np.asarray(tte.id), list(ever)).astype(int)}),
        )  # fmt: skip
        naive.append(ek.survival.cox(people, "ever").tidy().iloc[0]["estimate"])
    estimate, error = np.array(slopes).T
    pooled = np.sqrt((error**2).sum()) / len(error)
    assert abs(estimate.mean() - np.log(RATIO)) < 3.5 * pooled < 0.3
    assert np.mean(naive) < np.log(RATIO) - 3.5 * pooled, "supported only because they stayed"


@pytest.fixture(scope="module")
def curve():
    rng = np.random.default_rng(4)
    time = np.ceil(rng.weibull(1.3, 150) * 90)
    cause = np.where(time > 200, 0, rng.choice([0, 1, 2], 150, p=[0.15, 0.4, 0.45]))
    tte = ek.TimeToEvent(time=np.minimum(time, 200), cause=cause, causes=("employment", "abandoned"))
    return ek.survival.aalen_johansen(tte)


def fitted_states(curve):
    return {
        "entry": {**ENTRY, "done": "inside"},
        "inside": {
            "kind": "delay", "duration": M.fitted(curve), "late": "still",
            "by_cause": {"employment": "job", "abandoned": "gone"},
        },
        **EXITS, "still": {"kind": "delay", "duration": 3000, "done": "out"}, "out": {"kind": "exit"},
    }  # fmt: skip


def test_the_curve_put_in_is_the_curve_that_comes_out_of_the_dashboard(curve):
    days = [20, 60, 100, 180]
    truth = curve.at(days).tidy().set_index(["time", "cause"])["estimate"]
    made = pathway(fitted_states(curve), number=4000)
    assert made.table().set_index("state").loc["inside", ["done", "late"]].tolist() == ["job | gone", "still"]
    tape = M.play(made, seed=9)
    out = ek.survival.aalen_johansen(exits(tape.follow_up().spells(NEVER)))
    found = out.at(days).tidy().set_index(["time", "cause"])
    for day in days:
        for cause in ("employment", "abandoned"):
            row = found.loc[(day, cause)]
            assert abs(row["estimate"] - truth[day, cause]) < 3.5 * row["std_error"] < 0.04
    # People leave on the days of the curve, and on no other.
    left = out.tidy().query("n_event > 0")["time"].unique()
    assert set(left) <= set(curve.tidy().query("n_event > 0")["time"])
    assert len(left) > 40


def test_the_error_of_the_curve_comes_out_as_the_range_over_its_draws(curve):
    """Draws of a curve of 150 people, each played by many: the spread of what comes out is the error of the curve."""
    share = []
    for drawn in M.fitted_draws(curve, n=60, seed=1):
        states = fitted_states(curve)
        states["inside"] = {**states["inside"], "duration": drawn}
        # The same luck each time, so that what differs is the curve.
        tape = M.play(pathway(states, number=600), seed=2)
        arrived = tape.roster.set_index("person")["arrival_day"]
        known = arrived[arrived < tape.frame["stop_day"].max() - 100]
        found = tape.frame[(tape.frame["state"] == "job") & tape.frame["person"].isin(known.index)]
        soon = found["start_day"].to_numpy() - known[found["person"]].to_numpy() <= 100
        share.append(soon.sum() / len(known))
    row = curve.at(100).tidy().query("cause == 'employment'").iloc[0]
    luck = np.sqrt(row["estimate"] * (1 - row["estimate"]) / 600)
    wanted = np.hypot(row["std_error"], luck)
    assert np.mean(share) == pytest.approx(row["estimate"], abs=3.5 * wanted / np.sqrt(60))
    # The standard deviation of 60 draws is known to about 9 %.
    assert 0.7 * row["std_error"] < np.std(share, ddof=1) < 1.35 * wanted


@pytest.mark.parametrize("file", SCENARIOS, ids=lambda f: f.stem)
def test_every_scenario_of_the_study_is_read_back_by_the_estimators(file):
    tape = M.play(M.Scenario.load(file), seed=3)
    fu = tape.follow_up()
    spells = fu.spells(ek.Silence())
    shown = {t.shown for t in tape.pathway.tables.tracks.values() if t.shown}
    assert set(fu.situations["track"]) == {"status", *shown}
    others = [c for c in spells.frame["exit"].dropna().unique() if c not in ("disengaged", "censored")]
    tte = ek.Endpoint("disengaged", competing=others).of(spells)
    assert tte.n > 50
    table = ek.survival.aalen_johansen(tte).at([90, 180, 300]).tidy()
    total = table.groupby("time")["estimate"].sum()
    assert np.allclose(total, 1.0)
    gone = table[table["cause"] == "disengaged"]["estimate"].to_numpy()
    assert 0.1 < gone[0] <= gone[1] <= gone[2] < 0.9
    for track in shown:
        cut = ek.Endpoint("disengaged", competing=others).of(spells.split_by(track))
        fit = ek.survival.cox(cut, track).tidy().iloc[0]
        assert np.isfinite(fit["estimate"])
        assert 0 < fit["std_error"] < 1
