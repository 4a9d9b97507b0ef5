"""The core of survival: days found once, columns used where they lie, sites, and what a first curve loads."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pandas as pd
import pytest

from evalkit.errors import InputError
from evalkit.formula import design
from evalkit.numerics.days import whole_days
from evalkit.survival import cox, kaplan_meier
from evalkit.survival.proportional.columns import prepared
from evalkit.survival.proportional.newton import invert
from evalkit.survival.proportional.sites import Site, fit_sites
from evalkit.timetoevent import TimeToEvent


@pytest.fixture
def frame():
    rng = np.random.default_rng(0)
    n = 120
    return pd.DataFrame({
        "x": rng.normal(size=n), "z": rng.normal(size=n), "who": rng.choice(["a", "b"], n),
        "t": rng.integers(1, 30, n), "e": rng.random(n) < 0.6,
    })  # fmt: skip


def test_whole_times_are_whole_numbers_for_the_sums_only(frame):
    tte = TimeToEvent.from_frame(frame, "t", "e")
    assert tte.ticks.dtype == np.int32
    assert tte.time.dtype == float
    assert tte.entry_ticks is None
    halves = TimeToEvent(time=[1, 2], cause=[1, 0], causes=("e",), entry=[0.5, 0])
    assert halves.ticks is halves.time
    assert halves.entry_ticks is halves.entry


@pytest.mark.parametrize("times", [[0.5, 1.0], [1e9, 1.0]])
def test_times_that_cannot_be_places_are_left_alone(times):
    assert whole_days(np.array(times)) is None
    table = kaplan_meier(TimeToEvent(time=times, cause=[1, 1], causes=("e",))).table
    assert table["time"].tolist() == [0.0, *sorted(times)]


def test_a_time_to_event_does_not_change_with_the_frame_it_was_made_from(frame):
    tte = TimeToEvent.from_frame(frame, "t", "e")
    before = tte.covariates.copy()
    frame.loc[:, "x"] = 0.0
    frame.loc[:, "t"] = 1
    pd.testing.assert_frame_equal(tte.covariates, before)
    assert tte.time.max() > 1
    tte.covariates["new"] = 1


def test_columns_side_by_side_are_used_where_they_lie_and_cannot_be_written(frame):
    tte = TimeToEvent.from_frame(frame, "t", "e")
    made = design("x + z", tte.covariates)
    assert np.shares_memory(made.matrix, tte.covariates["z"].to_numpy())
    assert not made.matrix.flags.writeable
    np.testing.assert_array_equal(made.matrix, frame[["x", "z"]])
    other = design("z + x", tte.covariates)
    assert not np.shares_memory(other.matrix, tte.covariates["z"].to_numpy())
    np.testing.assert_array_equal(other.matrix, frame[["z", "x"]])
    assert design("x + who", tte.covariates).terms == ("x", "who[b]")


def test_a_rare_value_is_found_however_many_rows_there_are():
    rare = np.zeros((200_000, 2), order="F")
    rare[7, 0], rare[:, 1] = 1.0, 3.0
    _, _, scale = prepared(rare)
    assert scale[0] == pytest.approx(rare[:, 0].std())
    assert scale[1] == 0


def test_codes_need_not_be_small_or_whole(frame):
    coded = frame.assign(e=np.where(frame["e"], 2000, -1))
    tte = TimeToEvent.from_frame(coded, "t", "e", codes={-1: "censored", 2000: "out"})
    assert tte.n_by_cause["out"] == frame["e"].sum()
    small = frame.assign(e=np.where(frame["e"], 7, 3))
    tte = TimeToEvent.from_frame(small, "t", "e", codes={3: "censored", 7: "out", 9: "other"})
    assert tte.n_by_cause == {"censored": (~frame["e"]).sum(), "out": frame["e"].sum(), "other": 0}
    with pytest.raises(InputError, match=r"not explained by codes: 7 \("):
        TimeToEvent.from_frame(small, "t", "e", codes={3: "censored", 9: "other"})


def sites(frame, parts):
    x = frame[["x", "z"]].to_numpy()
    return [
        Site(x[rows], frame["t"].to_numpy()[rows].astype(float), frame["e"].to_numpy()[rows])
        for rows in parts
    ]


def test_sites_without_events_or_without_people_take_part(frame):
    quiet = np.flatnonzero(~frame["e"])
    parts = [quiet[:10], quiet[:0], np.setdiff1d(np.arange(len(frame)), quiet[:10])]
    top, robust = fit_sites(sites(frame, parts))
    fit = cox(TimeToEvent.from_frame(frame, "t", "e"), "x + z")
    assert robust is None
    np.testing.assert_allclose(top.beta, fit.table["estimate"], rtol=1e-10)


def test_sites_find_what_cannot_be_estimated(frame):
    frame["z"] = 2 * frame["x"] + 1e6
    half = np.arange(len(frame)) < 60
    top, _ = fit_sites(sites(frame, [half, ~half]))
    assert top.aliased == {1: [0]}
    frame["z"] = 4.0
    top, _ = fit_sites(sites(frame, [half, ~half]))
    assert top.aliased == {1: []}


def test_sites_find_a_coefficient_that_runs_away(frame):
    frame["z"] = (frame["t"] + ~frame["e"] * 40 < 8).astype(float)
    half = np.arange(len(frame)) < 60
    top, _ = fit_sites(sites(frame, [half, ~half]))
    assert top.runaway == {1: 1.0}
    assert np.isnan(top.covariance[1]).all()


def test_sites_where_nothing_happened_say_so(frame):
    frame["e"] = False
    with pytest.raises(InputError, match="no event among the 120 rows of 1 sites"):
        fit_sites(sites(frame, [np.arange(120)]))


def test_an_information_matrix_that_is_none_is_refused():
    with pytest.raises(np.linalg.LinAlgError, match="not positive definite"):
        invert(np.array([[1.0, 2.0], [2.0, 1.0]]))


def test_a_first_curve_loads_pandas_and_little_else():
    code = """
import sys
import pandas as pd
import evalkit as ek
tte = ek.TimeToEvent.from_frame(pd.DataFrame({"t": [1, 2, 3], "e": [1, 0, 1]}), "t", "e")
ek.survival.kaplan_meier(tte).table
print(*{"scipy", "statsmodels", "formulaic", "matplotlib", "pydantic", "lifelines", "babel"} & set(sys.modules))
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == []
