"""Likelihoods climbed by Newton's steps, and ends of profiles that are never reached."""

import math

import numpy as np
import pytest

from evalkit.errors import InputError
from evalkit.numerics.firth import firth_fit
from evalkit.numerics.profile import climb, profile_interval


def cosh(b):
    """A top at 0 past which Newton's full step overshoots."""
    return -float(np.log(np.cosh(b)).sum()), -np.tanh(b), np.diag(1 / np.cosh(b) ** 2)


def test_steps_too_long_are_halved():
    top, value, information = climb(cosh, np.array([2.0]), "here")
    assert top == pytest.approx([0.0], abs=1e-8)
    assert value == pytest.approx(0.0, abs=1e-12)
    assert information[0, 0] == pytest.approx(1.0)


def test_no_columns_is_a_top_already():
    assert climb(lambda b: (1.0, b, np.zeros((0, 0))), np.zeros(0), "here")[1] == 1.0


def test_a_likelihood_without_a_top_is_refused():
    with pytest.raises(InputError, match="here: no maximum reached"):
        climb(lambda b: (float(b[0]), np.ones(1), 1e-6 * np.eye(1)), np.zeros(1), "here")


def test_an_end_that_is_never_reached_is_infinite():
    low, high = profile_interval(lambda v, s: (-(max(v, 0.0) ** 2), s), np.zeros(1), 0.0, 0, 1.0, 0.95)
    assert low == -math.inf
    assert high == pytest.approx(math.sqrt(3.841458820694124 / 2))


def test_firth_far_out_still_finds_its_top():
    x = np.column_stack([np.ones(10), np.arange(10.0)])
    y = (np.arange(10) > 4).astype(float)
    near, far = firth_fit(x, y), firth_fit(x, y, start=np.array([-60.0, 13.0]))
    assert far.beta == pytest.approx(near.beta, rel=1e-7)
    with pytest.raises(InputError, match="no value at the start"):
        firth_fit(x, y, start=np.array([-5000.0, 1.0]))
