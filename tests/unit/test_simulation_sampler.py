"""Durations: within two units in the last place of the true functions, the same bits either way, the right distributions."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from evalkit.simulation.language.durations import Duration
from evalkit.simulation.luck import sampler
from evalkit.simulation.luck.sampler import NEVER, TICKS_PER_DAY, hazard_drawn, hazards_drawn
from evalkit.simulation.plan.distributions import distribution

inside = st.floats(min_value=2.0**-53, max_value=1 - 2.0**-53)


def ulps(ours, true):
    return abs(ours - true) / math.ulp(true) if true else abs(ours)


@given(st.floats(min_value=1e-300, max_value=1e300))
def test_log_is_the_logarithm(x):
    assert ulps(sampler.log(x), math.log(x)) <= 2 or abs(sampler.log(x) - math.log(x)) < 1e-17
    assert sampler.logs(np.array([x]))[0] == sampler.log(x)


@given(st.floats(min_value=-700, max_value=700))
def test_exp_is_the_exponential(x):
    assert ulps(sampler.exp(x), math.exp(x)) <= 2
    assert sampler.exps(np.array([x]))[0] == sampler.exp(x)


@given(inside)
def test_normal_quantile_is_the_quantile(p):
    assert sampler.normal_quantile(p) == pytest.approx(stats.norm.ppf(p), rel=1e-13, abs=1e-15)
    assert sampler.normal_quantiles(np.array([p]))[0] == sampler.normal_quantile(p)


FAMILIES = {
    "constant": ({"value": 90}, None),
    "exponential": ({"mean": 30}, stats.expon(scale=30)),
    "weibull": ({"scale": 400, "shape": 0.6}, stats.weibull_min(0.6, scale=400)),
    "lognormal": ({"median": 35, "sigma": 0.6}, stats.lognorm(0.6, scale=35)),
    "gamma": ({"mean": 20, "shape": 2.5}, stats.gamma(2.5, scale=8)),
    "uniform": ({"low": 5, "high": 15}, stats.uniform(5, 10)),
}


@pytest.mark.parametrize("family", FAMILIES)
def test_each_family_follows_its_distribution(family):
    """One draw is one survival probability: the duration at which survival has fallen to u."""
    parameters, truth = FAMILIES[family]
    ours = distribution(Duration(family=family, **parameters))
    for u in (0.999, 0.9, 0.5, 0.1, 0.001, 1e-7):
        days = ours.ticks(hazard_drawn(u, 1.0)) / TICKS_PER_DAY
        expected = 90 if truth is None else float(truth.isf(u))
        assert days == pytest.approx(expected, rel=2e-3, abs=1.0 / TICKS_PER_DAY)


@pytest.mark.parametrize("family", FAMILIES)
def test_plain_and_vectorised_durations_have_the_same_bits(family):
    ours = distribution(Duration(family=family, **FAMILIES[family][0]))
    hazards = hazards_drawn(np.random.default_rng(2).uniform(1e-12, 1 - 1e-12, 2000), 1.3)
    assert ours.ticks_of(hazards).tolist() == [ours.ticks(float(e)) for e in hazards]


def test_empirical_durations_lie_between_the_values_seen():
    ours = distribution(Duration(family="empirical", values=(3.0, 5.0, 40.0)))
    days = ours.ticks_of(hazards_drawn(np.linspace(1e-9, 1 - 1e-9, 999), 1.0)) / TICKS_PER_DAY
    assert days.min() == pytest.approx(3.0, abs=0.01)
    assert days.max() == pytest.approx(40.0, abs=0.01)
    assert np.median(days) == pytest.approx(5.0, abs=0.05)


@given(inside, st.floats(min_value=0.05, max_value=20))
def test_a_hazard_ratio_multiplies_the_hazard(u, ratio):
    """Weibull: S(t)^ratio at the drawn time is u."""
    ours = distribution(Duration(family="weibull", scale=100, shape=1.4))
    days = ours.ticks(hazard_drawn(u, ratio)) / TICKS_PER_DAY
    assert ratio * (days / 100) ** 1.4 == pytest.approx(-math.log(u), rel=1e-3, abs=1e-6)


def test_a_duration_beyond_all_horizons_stays_a_number():
    assert distribution(Duration(family="exponential", mean=1e12)).ticks(30.0) == NEVER


def test_a_survival_that_rounds_to_one_still_has_a_duration():
    ours = distribution(Duration(family="lognormal", median=10, sigma=1))
    shortest = ours.ticks(hazard_drawn(1 - 2.0**-53, 100.0))
    assert shortest == ours.ticks_of(np.array([hazard_drawn(1 - 2.0**-53, 100.0)]))[0]
    assert 0 < shortest < 10 * TICKS_PER_DAY * math.exp(-8)
