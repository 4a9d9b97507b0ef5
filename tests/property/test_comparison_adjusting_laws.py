"""Laws of adjusted differences: who is called reference, the order of rows, units and copies change nothing they should not."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from evalkit.comparison.adjusting.pairing import nearest
from evalkit.comparison.adjusting.rows import adjusted_rows
from evalkit.comparison.groups.people import read_groups
from evalkit.comparison.groups.plan import GroupPlan

EXACT = ("regression", "iptw", "aipw", "entropy", "overlap_weights", "ancova")
SWAPPED = {"att": "atc", "atc": "att", "ate": "ate"}


def people(seed, n=80):
    rng = np.random.default_rng(seed)
    x, z = rng.normal(size=n), rng.integers(0, 4, n)
    t = (rng.random(n) < 1 / (1 + np.exp(-0.7 * x - 0.2 * (z - 1.5)))).astype(int)
    t[:2] = (0, 1)
    return pd.DataFrame({"t": t, "x": x, "z": z, "y": x + z + 0.5 * t + rng.normal(size=n)})


def answer(data, estimand="att", methods=EXACT, reference=0):
    groups = read_groups("y", "t", data, "two_groups", kind="continuous", adjust="x + z", reference=reference)
    plan = GroupPlan(kind="continuous", adjust="x + z", estimand=estimand, method=methods)
    table = pd.DataFrame(adjusted_rows(groups, plan))
    table = table[table["term"] == "adjusted_difference"]
    return table[["estimate", "std_error", "conf_low", "conf_high"]].to_numpy(dtype=float)


@settings(max_examples=15, deadline=None)
@given(st.integers(0, 10**6), st.sampled_from(["att", "atc", "ate"]))
def test_calling_the_other_group_reference_flips_the_sign(seed, estimand):
    data = people(seed)
    one, other = answer(data, estimand), answer(data, SWAPPED[estimand], reference=1)
    np.testing.assert_allclose(one[:, 0], -other[:, 0], rtol=1e-6, atol=1e-8)
    np.testing.assert_allclose(one[:, 1], other[:, 1], rtol=1e-6)
    np.testing.assert_allclose(one[:, 2], -other[:, 3], rtol=1e-6, atol=1e-7)


@settings(max_examples=15, deadline=None)
@given(st.integers(0, 10**6), st.floats(-1e4, 1e4), st.floats(1e-3, 1e4))
def test_rows_in_another_order_and_other_units(seed, shift, unit):
    data = people(seed)
    other = data.sample(frac=1, random_state=seed % 1000).assign(y=lambda d: shift + unit * d["y"])
    one, two = answer(data, methods=(*EXACT, "matching")), answer(other, methods=(*EXACT, "matching"))
    tolerance = 1e-5 * max(1.0, abs(shift) / unit / 1e4)
    np.testing.assert_allclose(
        one[:, :2] * unit, two[:, :2], rtol=tolerance, atol=1e-7 * unit + 1e-9 * abs(shift)
    )


@settings(max_examples=15, deadline=None)
@given(st.integers(0, 10**6), st.floats(-50, 50))
def test_an_effect_added_to_all_of_a_group_is_found_whole(seed, effect):
    data = people(seed)
    more = data.assign(y=data["y"] + effect * data["t"])
    one, two = answer(data, methods=(*EXACT, "matching")), answer(more, methods=(*EXACT, "matching"))
    np.testing.assert_allclose(two[:, 0] - one[:, 0], effect, rtol=1e-7, atol=1e-7)
    np.testing.assert_allclose(one[:, 1], two[:, 1], rtol=1e-5)


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.tuples(st.integers(0, 8), st.booleans()), min_size=2, max_size=12), st.integers(1, 3), st.booleans(),
    st.sampled_from(["largest", "smallest", "data"]), st.sampled_from([np.inf, 2.0]),
)  # fmt: skip
def test_partners_are_the_nearest_left_when_one_chooses(folk, ratio, replace, order, caliper):
    distance, focal = np.array([float(d) for d, _ in folk]), np.array([f for _, f in folk])
    found = nearest(distance, focal, ratio=ratio, replace=replace, order=order, caliper=caliper)
    expected = {int(i): [] for i in np.flatnonzero(focal)}
    sign = {"largest": -1, "smallest": 1, "data": 0}[order]
    taken = set()
    for _ in range(1 if replace else ratio):
        for i in sorted(expected, key=lambda i: (sign * distance[i], i)):
            near = [
                j
                for j in np.flatnonzero(~focal)
                if j not in taken and abs(distance[j] - distance[i]) <= caliper
            ]
            near = sorted(near, key=lambda j: (abs(distance[j] - distance[i]), j))
            if replace:
                expected[i] = sorted(
                    j
                    for j in near
                    if abs(distance[j] - distance[i]) <= abs(distance[near[:ratio][-1]] - distance[i])
                )
            else:
                expected[i] += near[:1]
                taken |= set(near[:1])
    for k, i in enumerate(found.focal):
        assert found.partner[found.link == k].tolist() == expected[int(i)]
        assert found.share[found.link == k].sum() == pytest.approx(1.0 if expected[int(i)] else 0.0)
