"""Restricted means compared, landmarks, states occupied, and what late entry leaves unseen."""

import pickle

import numpy as np
import pandas as pd
import pytest

from evalkit.disclosure import Policy
from evalkit.errors import InputError
from evalkit.numerics.proportions import wilson
from evalkit.provenance import Provenance
from evalkit.spells import Spells
from evalkit.survival import kaplan_meier, landmark, nelson_aalen, rmst, state_occupation
from evalkit.timetoevent import TimeToEvent

KEYS = ("entry", "id", "weight", "weight_kind", "provenance", "clock", "stratum", "horizon", "unit")


def times(time, cause, causes=("relapse",), **columns):
    kept = {k: columns.pop(k) for k in KEYS if k in columns}
    return TimeToEvent(time=time, cause=cause, causes=causes, covariates=pd.DataFrame(columns), **kept)


@pytest.fixture
def two():
    return times([2, 4, 6, 7, 3, 5, 6, 9], [1, 1, 0, 0, 1, 1, 1, 0], site=list("aaaabbbb"))


# ---- restricted means ----------------------------------------------------------------------------------------------
def test_the_mean_is_the_area_and_its_error_greenwoods(two):
    found = rmst(two, 6, by="site").table
    a = found[(found["term"] == "rmst") & (found["site"] == "a")].iloc[0]
    assert a["estimate"] == pytest.approx(2 + 2 * 0.75 + 2 * 0.5)
    # Areas from 2 and from 4 to 6: 2.5 and 1; d / (n (n - d)): 1/12 and 1/6.
    assert a["std_error"] == pytest.approx(np.sqrt(2.5**2 / 12 + 1 / 6))
    assert found.loc[found["term"] == "time_lost", "estimate"].tolist() == pytest.approx([1.5, 1.0])
    assert (a["n"], a["n_event"], a["n_censor"]) == (4, 2, 2)
    curve = kaplan_meier(two, by="site").rmst(6).table
    for column in ("estimate", "std_error", "conf_low", "conf_high"):
        assert curve[column].tolist() == found.loc[found["term"] == "rmst", column].tolist()


def test_the_window_is_the_longest_all_were_followed_for_and_is_said(two):
    found = rmst(two, by="site")
    assert found.table["time"].unique().tolist() == [7]
    assert "7 days, the longest" in found.caveats[-1].text("en")
    assert "7 jours, la plus longue" in found.caveats[-1].text("fr")
    gone = times([2, 4, 3, 5], [1, 1, 1, 1], site=list("aabb"))
    assert rmst(gone, by="site").table["time"].iloc[0] == 5


def test_the_reference_can_be_chosen(two):
    first, other = rmst(two, 6, by="site").table, rmst(two, 6, by="site", reference="b").table
    assert other.loc[other["term"] == "difference", ["site", "reference"]].to_numpy().tolist() == [["a", "b"]]
    gap = [t.loc[t["term"] == "difference", "estimate"].item() for t in (first, other)]
    assert gap[0] == pytest.approx(-gap[1])
    ratio = [t.loc[t["term"] == "ratio", "estimate"].item() for t in (first, other)]
    assert ratio[0] == pytest.approx(1 / ratio[1])
    with pytest.raises(InputError, match="'c' is no group of site; they are a; b"):
        rmst(two, 6, by="site", reference="c")


def test_one_group_has_means_and_no_comparison(two):
    found = rmst(two, 6).table
    assert found["term"].tolist() == ["rmst", "time_lost"]
    assert "reference" not in found


def test_by_several_columns():
    tte = times([2, 4, 6, 7, 3, 5, 6, 9], [1] * 8, site=list("aabbaabb"), sex=list("fmfmfmfm"))
    found = rmst(tte, 6, by=["site", "sex"], reference=("b", "f")).table
    gaps = found[found["term"] == "difference"]
    assert gaps[["site", "sex"]].to_numpy().tolist() == [["a", "f"], ["a", "m"], ["b", "m"]]
    assert set(gaps["reference"]) == {"b, f"}


def test_a_group_without_event_has_no_precision_and_says_so():
    found = rmst(times([3, 5, 8, 8], [1, 0, 0, 0], site=list("aabb")), 5, by="site").table
    rows = found.set_index(["term", "site"])
    assert rows.loc[("rmst", "a"), "status"] == "ok"
    for key in (("rmst", "b"), ("difference", "b"), ("ratio_lost", "b")):
        assert rows.loc[key, "status"] == "not_estimable"
        assert np.isnan(rows.loc[key, "p_value"])
        assert "no event within the window" in rows.loc[key, "reason"].text("en")
    assert rows.loc[("rmst", "b"), "estimate"] == 5


def test_what_a_restricted_mean_refuses(two):
    with pytest.raises(InputError, match="beyond the last observation"):
        rmst(two, 8, by="site")
    with pytest.raises(InputError, match="t: must be positive"):
        rmst(two, 0)
    with pytest.raises(InputError, match="have 2 causes"):
        rmst(times([2, 3], [1, 2], causes=("a", "b")), 2)
    with pytest.raises(InputError, match="'reference' is the name of a column"):
        rmst(two.with_covariates(pd.DataFrame({"reference": list("aabbaabb")})), 6, by="reference")
    with pytest.raises(InputError, match="no row 'area'"):
        rmst(two, 6).plot(term="area")


def test_with_sampling_weights_the_error_is_the_jackknifes():
    rng = np.random.default_rng(7)
    n = 40
    time, cause, weight = rng.integers(1, 12, n).astype(float), rng.integers(0, 2, n), rng.uniform(0.5, 3, n)
    time[-1], cause[-1] = 14, 0

    def mean(w):
        return rmst(times(time, cause, weight=w, weight_kind="sampling"), 10).table["estimate"].iloc[0]

    steps = []
    for i in range(n):
        up, down = weight.copy(), weight.copy()
        up[i] += 1e-5
        down[i] -= 1e-5
        steps.append(weight[i] * (mean(up) - mean(down)) / 2e-5)
    found = rmst(times(time, cause, weight=weight, weight_kind="sampling"), 10).table["std_error"].iloc[0]
    assert found == pytest.approx(np.sqrt(np.sum(np.square(steps))), rel=1e-6)
    # Two rows of one person move together.
    pairs = rmst(times(np.r_[time, time], np.r_[cause, cause], id=np.r_[np.arange(n), np.arange(n)], clock="gap",
                       weight=np.r_[weight, weight], weight_kind="sampling"), 10).table["std_error"].iloc[0]  # fmt: skip
    assert pairs == pytest.approx(found, rel=1e-9)


def test_frequency_weights_and_delayed_entry(two):
    tripled = times(two.time, two.cause, weight=np.full(8, 3.0), site=list("aaaabbbb"))
    repeated = times(np.tile(two.time, 3), np.tile(two.cause, 3), site=list("aaaabbbb") * 3)
    for column in ("estimate", "std_error"):
        np.testing.assert_allclose(
            rmst(tripled, 6, by="site").table[column], rmst(repeated, 6, by="site").table[column]
        )
    late = times([5, 8, 9, 9], [1, 1, 0, 1], entry=[0, 5, 6, 0])
    assert rmst(late, 9).table["estimate"].iloc[0] == pytest.approx(5 + 0.5 * 3 + 0.5 * 2 / 3)


def test_what_is_published_gives_no_small_group_back():
    rng = np.random.default_rng(3)
    site = np.repeat(["big", "large", "small"], [60, 60, 6])
    tte = times(
        rng.integers(1, 30, 126) * 1.0, np.tile([1, 0], 63), site=site, provenance=Provenance(kind="records")
    )
    out = rmst(tte, 20, by="site").publish().table
    hidden = out[out["status"] == "suppressed"]
    assert set(hidden["site"]) == {"small"}
    assert len(hidden) == 5
    assert hidden["estimate"].isna().all()
    assert out.loc[(out["term"] == "difference") & (out["site"] == "large"), "estimate"].notna().all()
    lowered = rmst(tte, 20, by="site").publish(Policy(threshold=2, reason="test")).table
    assert (lowered["status"] == "ok").all()


def test_restricted_means_pickle_and_speak_both_languages(two):
    found = rmst(two, 6, by="site")
    assert pickle.loads(pickle.dumps(found)).table.equals(found.table)
    assert "durée moyenne perdue" in found.summary("fr")
    assert "ratio of mean times" in found.summary("en")


# ---- late entry ----------------------------------------------------------------------------------------------------
def test_a_curve_that_falls_to_0_before_others_come_says_so():
    early = times([2, 9, 10, 12], [1, 1, 0, 1], entry=[0, 4, 4, 5])
    said = [c.text("en") for c in kaplan_meier(early).caveats]
    assert any("All those at risk (1) meet the event at 2 days" in s for s in said)
    assert any("tombe à 0 trop tôt" in c.text("fr") for c in kaplan_meier(early).caveats)
    gap = times([2, 9, 10], [0, 1, 0], entry=[0, 4, 4])
    assert any("under observation between 2 and 4 days" in c.text("en") for c in nelson_aalen(gap).caveats)
    late = times([6, 9, 10], [0, 1, 0], entry=[3, 4, 4], site=list("aab"))
    texts = [c.text("en") for c in kaplan_meier(late, by="site").caveats]
    assert any("before 3 days (a)" in s for s in texts)
    assert any("before 4 days (b)" in s for s in texts)


def test_ordinary_late_entry_has_no_hole():
    fine = times([2, 9, 10, 12], [1, 1, 0, 1], entry=[0, 0, 1, 5])
    assert len(kaplan_meier(fine).caveats) == 1


def test_times_equal_but_for_rounding_with_sampling_weights():
    tte = times([0.1 + 0.2, 0.3, 0.5], [1, 1, 0], weight=[1.0, 1.0, 1.0], weight_kind="sampling")
    assert kaplan_meier(tte).table["time"].tolist() == pytest.approx([0, 0.3, 0.5])
    late = times(
        [0.3, 0.6, 0.9], [1, 1, 0], entry=[0, 0.1 + 0.2, 0.3], weight=[1.0, 2.0, 1.0], weight_kind="sampling"
    )
    assert kaplan_meier(late).table["n_risk"].tolist() == [1, 1, 3, 1]
    assert np.isfinite(kaplan_meier(late).table["std_error"]).all()


# ---- landmark ------------------------------------------------------------------------------------------------------
@pytest.fixture
def changing():
    return times(
        [3, 9, 4, 12, 6, 2, 8, 20], [0, 1, 0, 0, 1, 2, 0, 1], ("relapse", "death"), entry=[0, 3, 0, 4, 0, 0, 7, 0],
        id=[1, 1, 2, 2, 3, 4, 5, 6], x=list("abcdefgh"), stratum=list("ababcdef"), weight=np.arange(1.0, 9), horizon=30,
    )  # fmt: skip


def test_a_landmark_keeps_who_is_still_there_as_known_then(changing):
    found = landmark(changing, 4)
    assert found.id.tolist() == [1, 2, 3, 6]
    # Person 2 changes on the day itself: what holds from then on is known then.
    assert found.covariates["x"].tolist() == ["b", "d", "e", "h"]
    assert found.entry.tolist() == [4, 4, 4, 4]
    assert found.time.tolist() == [9, 12, 6, 20]
    assert found.weight.tolist() == [2, 4, 5, 8]
    assert found.stratum.tolist() == ["b", "b", "c", "f"]
    assert kaplan_meier(found, of="relapse").table["n_risk"].iloc[1] == 19


def test_what_comes_later_is_not_known_yet(changing):
    found = landmark(changing, 3.5)
    rows = found.id == 2
    assert found.covariates["x"][rows].tolist() == ["c", "c"]
    assert found.entry[rows].tolist() == [3.5, 4]


def test_the_clock_can_start_again(changing):
    found = landmark(changing, 4, origin="shifted")
    assert found.entry is None
    assert found.time.tolist() == [5, 8, 2, 16]
    assert found.horizon == 26
    late = landmark(changing, 3.5, origin="shifted")
    assert late.entry.tolist() == [0, 0, 0.5, 0, 0]


def test_who_was_left_out_and_why_is_said(changing):
    said = [m.text("en") for m in landmark(changing, 4).rule]
    assert "19 people still at risk" in said[0]
    assert "13 left out" in said[0]
    assert said[1:] == [
        "Left out: 6 people already gone (“death”).",
        "Left out: 7 people who are observed only later.",
    ]
    lost = landmark(times([1, 5, 6], [0, 1, 0]), 2).rule
    assert [m.text("en") for m in lost][1].startswith("Left out: 1 person whose observation ends before")
    assert "encore à risque" in lost[0].text("fr")


def test_a_split_changes_no_landmark():
    whole = times([9.0, 7, 4], [1, 0, 1], id=[1, 2, 3])
    split = times([3, 9, 7, 4], [0, 1, 0, 1], entry=[0, 3, 0, 0], id=[1, 1, 2, 3])
    one, two = (kaplan_meier(landmark(t, 2)).table for t in (whole, split))
    pd.testing.assert_frame_equal(one, two)


def test_what_a_landmark_refuses(changing):
    with pytest.raises(InputError, match="nobody is at risk after 20"):
        landmark(changing, 20)
    with pytest.raises(InputError, match="origin: must be one of"):
        landmark(changing, 4, origin="moved")
    with pytest.raises(InputError, match="at: must be a time"):
        landmark(changing, -1)
    gap = times([3, 4], [1, 0], id=[1, 1], clock="gap")
    with pytest.raises(InputError, match="gap clock"):
        landmark(gap, 1)


# ---- states occupied -----------------------------------------------------------------------------------------------
@pytest.fixture
def spells():
    return Spells(pd.DataFrame({
        "person": ["a", "a", "b", "c", "d", "e", "f"], "episode": 0,
        "state": ["engaged", "solution", *["engaged"] * 5],
        "start": [0, 40, 0, 0, 0, 0, 0], "stop": [40, 100, 30, 70, 90, 20, 60],
        "origin": pd.to_datetime(["2010-06-01", "2010-06-01", "2010-06-01", "2010-07-01", "2010-08-01", "2010-06-01", "2010-06-01"]),
        "exit": ["employment", "censored", "disengaged", "censored", "censored", "death", "unknown"], "site": list("xxxyyxy"),
    }))  # fmt: skip


def share(table, state):
    return table[table["state"] == state].iloc[0]


def test_a_stay_holds_from_its_first_day_to_the_eve_of_its_last(spells):
    table = state_occupation(spells, [39, 40, 30]).table
    counts = table.pivot(index="time", columns="state", values="count")
    assert counts.loc[30, ["engaged", "disengaged", "death"]].tolist() == [4, 1, 1]
    assert counts.loc[39, ["engaged", "solution"]].tolist() == [4, 0]
    assert counts.loc[40, ["engaged", "solution"]].tolist() == [3, 1]


def test_the_unknown_are_counted_both_ways(spells):
    table = state_occupation(spells, 75).table
    row = share(table, "engaged")
    assert (row["count"], row["n"], row["n_missing"]) == (1, 4, 2)
    assert (row["conf_low"], row["conf_high"]) == wilson(1, 4)
    assert row["bound_low"] == wilson(1, 6)[0]
    assert row["bound_high"] == wilson(3, 6)[1]
    assert table["count"].sum() == 4
    assert "tantôt toutes ailleurs" in state_occupation(spells, 75).caveats[-1].text("fr")


def test_at_a_date_only_those_whose_origin_has_come_count(spells):
    table = state_occupation(spells, "2010-07-15").table
    assert table["n"].iloc[0] == 5
    assert share(table, "engaged")["count"] == 2
    assert share(table, "solution")["count"] == 1
    dates = state_occupation(spells, ["2010-07-15", pd.Timestamp("2010-06-01")]).table
    assert dates["date"].is_monotonic_increasing


def test_nobody_known_is_not_estimable(spells):
    table = state_occupation(spells, "2009-01-01").table
    assert (table["status"] == "not_estimable").all()
    assert table["conf_low"].isna().all()
    assert "nobody's state is known" in table["reason"].iloc[0].text("en")


def test_shares_by_group(spells):
    table = state_occupation(spells, 30, by="site").table
    assert table.groupby("site")["n"].first().to_dict() == {"x": 3, "y": 3}
    two = state_occupation(spells.with_covariates(pd.DataFrame({"person": list("abcdef"), "sex": list("fffmmm")}), True),
                           30, by=["site", "sex"]).table  # fmt: skip
    assert len(two.drop_duplicates(["site", "sex"])) == 4


def test_a_late_start_is_unknown_before():
    late = Spells(pd.DataFrame({"person": ["a"], "episode": 0, "state": "engaged", "start": [10], "stop": [20],
                                "origin": pd.Timestamp("2010-01-01"), "exit": ["censored"]}))  # fmt: skip
    assert state_occupation(late, 5).table[["n", "n_missing"]].to_numpy().tolist() == [[0, 1]]


def test_what_occupation_refuses(spells):
    for at, why in ((-1, "0 or more"), ([3, "2010-01-01"], "not both"), ("soon", "days from the origin or dates"),
                    ([], "no day"), ([pd.NaT], "missing")):  # fmt: skip
        with pytest.raises(InputError, match=why):
            state_occupation(spells, at)
    with pytest.raises(InputError, match="needs Spells"):
        state_occupation(pd.DataFrame(), 3)
    with pytest.raises(InputError, match="no covariate 'age'"):
        state_occupation(spells, 3, by="age")
    with pytest.raises(InputError, match="there are no spells"):
        state_occupation(Spells(spells.frame.iloc[:0]), 3)
    gone = spells.with_covariates(pd.DataFrame({"person": ["a"], "age": [17]}), True)
    with pytest.raises(InputError, match="'age' is missing for 5 of 6 people"):
        state_occupation(gone, 3, by="age")


def test_small_numbers_are_hidden_with_their_bounds():
    rng = np.random.default_rng(1)
    n = 300
    ended = np.where(np.arange(n) < 6, "death", rng.choice(["disengaged", "moved", "censored"], n))
    records = Spells(pd.DataFrame({
        "person": np.arange(n), "episode": 0, "state": "engaged", "start": 0, "stop": rng.integers(1, 300, n),
        "origin": pd.Timestamp("2010-01-01"), "exit": ended,
    }), provenance=Provenance(kind="records"))  # fmt: skip
    out = state_occupation(records, 250).publish().table
    death = share(out, "death")
    assert death["status"] == "suppressed"
    assert np.isnan(death[["count", "estimate", "bound_low", "bound_high"]].astype(float)).all()
    # The others of the day would give it back: a second one is hidden too.
    assert (out["status"] == "suppressed").sum() >= 2


def test_means_and_states_are_drawn(two, spells):
    import matplotlib.pyplot as plt

    means = rmst(two, 6, by="site")
    assert [t.get_text() for t in means.plot(lang="en").get_yticklabels()] == ["a", "b"]
    assert means.plot(term="difference", lang="fr").get_xlabel() == "différence des durées moyennes"
    assert means.plot(term="ratio").get_xscale() == "log"
    drawn = state_occupation(spells, 75).plot(lang="fr")
    assert "Accompagné" in drawn.get_yticklabels()[0].get_text()
    plt.close("all")


def test_a_mean_of_few_people_without_groups_is_hidden_not_a_crash():
    records = times([2, 4, 6, 7], [1, 1, 0, 0], provenance=Provenance(kind="records"))
    out = rmst(records, 6).publish().table
    assert out["estimate"].isna().all()
    assert (out["status"] == "suppressed").all()


def test_a_group_that_was_never_followed_has_no_window_of_its_own():
    with pytest.raises(InputError, match="b was followed for no time at all"):
        rmst(times([2, 4, 0], [1, 0, 0], site=list("aab")), by="site")
