"""Simultaneous bands and bootstrap: critical values against closed forms, what they hold, what they refuse."""

import math
import pickle

import numpy as np
import pandas as pd
import pytest
from scipy import special, stats

from evalkit.errors import InputError
from evalkit.numerics.normal import z_value
from evalkit.provenance import Provenance
from evalkit.survival import aalen_johansen, kaplan_meier, nelson_aalen
from evalkit.survival.curves.bands import (
    _bridge_inside,
    _ornstein_inside,
    equal_precision_value,
    hall_wellner_value,
)
from evalkit.timetoevent import TimeToEvent


def times(time, cause, causes=("relapse",), **columns):
    kept = {k: columns.pop(k) for k in ("entry", "id", "weight", "weight_kind", "provenance") if k in columns}
    return TimeToEvent(time=time, cause=cause, causes=causes, covariates=pd.DataFrame(columns), **kept)


def drawn(n, seed=1, **columns):
    rng = np.random.default_rng(seed)
    event, end = rng.exponential(100, n), rng.uniform(20, 300, n)
    return times(np.ceil(np.minimum(event, end)), (event <= end).astype(int), **columns)


@pytest.fixture
def curves():
    return kaplan_meier(drawn(170))


# ---- critical values -----------------------------------------------------------------------------------------------
def test_from_0_to_1_the_hall_wellner_value_is_kolmogorovs():
    for level in (0.9, 0.95, 0.99):
        assert hall_wellner_value(0, 1, level) == pytest.approx(stats.kstwobign.ppf(level), rel=1e-8)


@pytest.mark.parametrize("high", [0.2, 0.5, 0.9])
@pytest.mark.parametrize("k", [0.6, 1.1, 1.4])
def test_from_0_it_is_hall_and_wellners_sum(k, high):
    """Hall & Wellner (1980), the law of the largest distance of a bridge on [0, high]."""
    j = np.arange(-60, 61)
    r, d = k * math.sqrt((1 - high) / high), 1 / (1 - high)
    printed = (
        (-1.0) ** j
        * np.exp(-2 * (j * k) ** 2)
        * (special.ndtr(r * (2 * j + d)) - special.ndtr(r * (2 * j - d)))
    ).sum()
    assert _bridge_inside(k, 0, high) == pytest.approx(printed, abs=1e-10)


def test_a_bridge_reversed_is_a_bridge():
    assert hall_wellner_value(0.1, 0.6) == pytest.approx(hall_wellner_value(0.4, 0.9), rel=1e-9)
    assert hall_wellner_value(0.2, 0.9) > hall_wellner_value(0.3, 0.9) > hall_wellner_value(0.3, 0.7)


@pytest.mark.parametrize(("c", "rate"), [(1.0, 1.0), (math.sqrt(3 - math.sqrt(6)), 2.0)])
def test_the_least_eigenvalue_is_known_where_a_hermite_polynomial_vanishes(c, rate):
    """He_2(x) = x² - 1 and He_4 are eigenfunctions of the generator, for -1 and -2, and have their first zeros there."""
    assert math.log(_ornstein_inside(c, 20) / _ornstein_inside(c, 21)) == pytest.approx(rate, rel=1e-10)


def test_at_one_time_both_values_are_the_normal_one():
    assert equal_precision_value(0.3, 0.3) == pytest.approx(z_value(0.95))
    assert hall_wellner_value(0.3, 0.3) == pytest.approx(z_value(0.95) * math.sqrt(0.21))
    assert equal_precision_value(0.3, 0.3001) == pytest.approx(z_value(0.95), rel=0.02)
    assert hall_wellner_value(0.3, 0.3 + 1e-9) == pytest.approx(z_value(0.95) * math.sqrt(0.21), rel=1e-3)


def test_equal_precision_depends_on_the_stretch_alone_and_nearly_follows_nairs_approximation():
    """Nair (1984): for large c the tail is φ(c) (4 / c + (c - 1 / c) T), T the length in log odds."""
    assert equal_precision_value(0.1, 0.5) == pytest.approx(equal_precision_value(0.5, 0.9), rel=1e-9)
    c, length = equal_precision_value(0.1, 0.9, 0.99), 2 * math.log(9)
    assert stats.norm.pdf(c) * (4 / c + (c - 1 / c) * length) == pytest.approx(0.01, rel=0.02)


# ---- bands ---------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("transform", ["log-log", "plain", "log", "logit", "arcsin"])
def test_a_band_is_wider_than_the_pointwise_interval(curves, transform):
    band = curves.band(transform=transform).table
    point = kaplan_meier(drawn(170), conf_type=transform).table
    held = band["conf_low"].notna()
    assert held.sum() > 50
    assert (band["conf_low"] <= point["conf_low"] + 1e-12)[held].all()
    assert (band["conf_high"] >= point["conf_high"] - 1e-12)[held].all()
    assert ((band["conf_low"] <= band["estimate"]) & (band["estimate"] <= band["conf_high"]))[held].all()


def test_the_plain_bands_are_the_printed_formulas(curves):
    """Klein & Moeschberger (2003), eq. 4.4.2 and 4.4.5, bounds cut at 0 and 1 as everywhere here."""
    table = curves.table
    last = table["time"].max()
    held = (table["std_error"] > 0) & (table["estimate"] > 0)
    s, sigma = table["estimate"][held].to_numpy(), (table["std_error"] / table["estimate"])[held].to_numpy()
    a = 170 * sigma**2 / (1 + 170 * sigma**2)
    c, k = equal_precision_value(a[0], a[-1]), hall_wellner_value(a[0], a[-1])
    for kind, half in (
        ("equal_precision", c * sigma * s),
        ("hall_wellner", k * (1 + 170 * sigma**2) * s / math.sqrt(170)),
    ):
        band = curves.band(kind, "plain", 0, last).table[held]
        np.testing.assert_allclose(band["conf_low"], np.maximum(s - half, 0), rtol=1e-10)
        np.testing.assert_allclose(band["conf_high"], np.minimum(s + half, 1), rtol=1e-10)


def test_a_shorter_stretch_gives_a_narrower_band(curves):
    whole, part = curves.band().table, curves.band(lower=30, upper=90).table
    held = part["conf_low"].notna()
    assert part["time"][held].min() <= 30
    assert part["time"][held].max() <= 90
    assert (
        (part["conf_high"] - part["conf_low"])[held].lt((whole["conf_high"] - whole["conf_low"])[held]).all()
    )


def test_each_group_has_a_band_and_the_caveats_say_where(curves):
    tte = drawn(170, site=["a"] * 100 + ["b"] * 70)
    band = kaplan_meier(tte, by="site").band()
    alone = kaplan_meier(tte.subset(tte.covariates["site"].to_numpy() == "b")).band().table
    np.testing.assert_allclose(band.table.loc[band.table["site"] == "b", "conf_low"], alone["conf_low"])
    assert sum("holds the whole curve" in c.text("en") for c in band.caveats) == 2
    assert "contient la courbe entière" in band.caveats[-1].text("fr")
    assert pickle.loads(pickle.dumps(band)).table.equals(band.table)
    assert "median" not in band.summary("en")
    assert "median" not in band.glance()


def test_equal_precision_keeps_off_the_ends_unless_told(curves):
    band = curves.band()
    held = band.table["conf_low"].notna()
    assert band.table["n_event"].cumsum()[held].min() >= 10
    assert band.table["n_risk"][held].min() >= 10
    assert curves.band(lower=0).table["conf_low"].notna().sum() > held.sum()
    assert curves.band("hall_wellner").table["conf_low"].notna().sum() > held.sum()


def test_a_band_is_drawn(curves):
    import matplotlib.pyplot as plt

    assert curves.band().plot(lang="fr").collections
    plt.close("all")


def test_no_event_no_band():
    band = kaplan_meier(times([3, 5, 6], [0, 0, 0])).band()
    assert band.table["conf_low"].isna().all()
    assert "No band" in band.caveats[-1].text("en")


def test_what_a_band_refuses(curves):
    two = times([2, 3, 3, 5], [1, 2, 1, 0], causes=("a", "b"))
    with pytest.raises(InputError, match="incidence curves"):
        aalen_johansen(two).band()
    with pytest.raises(InputError, match="hazard curves"):
        nelson_aalen(drawn(30)).band()
    with pytest.raises(InputError, match="sampling weights"):
        kaplan_meier(drawn(3, weight=[0.5, 1, 2], weight_kind="sampling")).band()
    with pytest.raises(InputError, match="kind: must be one of"):
        curves.band("scheffe")
    with pytest.raises(InputError, match="conf_type: must be one of"):
        curves.band(transform="cube")
    with pytest.raises(InputError, match="lower: must be less"):
        curves.band(lower=60, upper=30)
    with pytest.raises(InputError, match="beyond the last observation"):
        kaplan_meier(times([3, 5], [1, 0])).band(upper=9)
    with pytest.raises(InputError, match="asked of a band"):
        curves.band().quantile()
    records = kaplan_meier(drawn(170, provenance=Provenance(kind="records")))
    published = records.band().publish()
    assert len(published.table) < len(records.table)
    with pytest.raises(InputError, match="coarsened"):
        published.band()
    with pytest.raises(InputError, match="coarsened"):
        published.bootstrap()


def test_delayed_entry_and_frequency_weights_have_bands():
    tte = drawn(60)
    doubled = times(tte.time, tte.cause, weight=np.full(60, 2.0))
    repeated = times(np.tile(tte.time, 2), np.tile(tte.cause, 2))
    pd.testing.assert_frame_equal(kaplan_meier(doubled).band().table, kaplan_meier(repeated).band().table)
    late = times(tte.time + 5, tte.cause, entry=np.r_[np.zeros(30), np.full(30, 4.0)])
    assert kaplan_meier(late).band("hall_wellner").table["conf_low"].notna().any()


# ---- bootstrap -----------------------------------------------------------------------------------------------------
def test_a_bootstrap_repeats_with_its_seed_and_agrees_with_plain_resampling(curves):
    one, again = curves.bootstrap([0.25, 0.5], seed=3).table, curves.bootstrap([0.25, 0.5], seed=3).table
    pd.testing.assert_frame_equal(one, again)
    assert one["estimate"].tolist() == curves.quantile([0.25, 0.5]).table["estimate"].tolist()
    tte, rng = drawn(170), np.random.default_rng(0)
    medians = []
    for _ in range(300):
        who = rng.integers(0, 170, 170)
        medians.append(kaplan_meier(times(tte.time[who], tte.cause[who])).quantile().table["estimate"].item())
    assert np.std(medians) == pytest.approx(one["std_error"][1], rel=0.15)
    np.testing.assert_allclose(
        np.quantile(medians, [0.025, 0.975]), one.loc[1, ["conf_low", "conf_high"]].astype(float), rtol=0.12
    )


def test_few_times_and_many_people_are_drawn_by_cells():
    rng = np.random.default_rng(2)
    time = np.minimum(rng.geometric(0.1, 4000), 12).astype(float)
    cells = kaplan_meier(times(time, (time < 12).astype(int))).bootstrap(0.5, n=400).table.iloc[0]
    singly = kaplan_meier(times(time, (time < 12).astype(int), entry=np.zeros(4000), id=np.arange(4000)))
    people = singly.bootstrap(0.5, n=400).table.iloc[0]
    assert abs(cells["conf_low"] - people["conf_low"]) <= 1
    assert abs(cells["conf_high"] - people["conf_high"]) <= 1


def test_a_bound_past_the_follow_up_is_unknown_and_says_why():
    tte = times(np.r_[np.arange(1, 56), np.full(45, 60)], np.r_[np.ones(55), np.zeros(45)].astype(int))
    row = kaplan_meier(tte).bootstrap().table.iloc[0]
    assert np.isnan(row["conf_high"])
    assert np.isnan(row["std_error"])
    assert row["status"] == "ok"
    assert "of the draws the curve does not reach" in row["reason"].text("en")
    never = kaplan_meier(tte).bootstrap(0.9).table.iloc[0]
    assert never["status"] == "not_estimable"


def test_people_with_several_rows_are_drawn_whole():
    tte = drawn(80, seed=4)
    middle = np.floor(tte.time / 2)
    room = middle > 0
    # Rows separated by an absence, which is no split: two rows of a person that stay two.
    first = times(
        np.r_[middle[room] - 0.5, tte.time],
        np.r_[np.zeros(room.sum(), int), tte.cause],
        entry=np.r_[np.zeros(room.sum()), np.where(room, middle, 0)],
        id=np.r_[np.flatnonzero(room), np.arange(80)],
    )
    found = kaplan_meier(first).bootstrap(n=200)
    assert "all of them" in found.caveats[-1].text("en")
    alone = kaplan_meier(tte).bootstrap(n=200).table.iloc[0]
    row = found.table.iloc[0]
    assert row["conf_low"] <= row["estimate"] <= row["conf_high"]
    assert abs(row["conf_low"] - alone["conf_low"]) < 20


def test_frequency_and_sampling_weights_are_drawn_as_what_they_count():
    tte = drawn(60, seed=5)
    entry = np.zeros(60)
    double = (
        kaplan_meier(times(tte.time, tte.cause, entry=entry, weight=np.full(60, 2.0)))
        .bootstrap()
        .table.iloc[0]
    )
    single = kaplan_meier(times(tte.time, tte.cause, entry=entry)).bootstrap().table.iloc[0]
    sampling = (
        kaplan_meier(times(tte.time, tte.cause, weight=np.full(60, 2.5), weight_kind="sampling"))
        .bootstrap()
        .table.iloc[0]
    )
    assert double["std_error"] < 0.85 * single["std_error"]
    assert sampling["std_error"] == pytest.approx(single["std_error"], rel=0.1)


def test_what_a_bootstrap_refuses(curves):
    with pytest.raises(InputError, match="at least 100 draws"):
        curves.bootstrap(n=10)
    with pytest.raises(InputError, match="hazard curves"):
        nelson_aalen(drawn(30)).bootstrap()
    with pytest.raises(InputError, match="strictly between"):
        curves.bootstrap(1.5)
