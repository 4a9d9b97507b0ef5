"""Several outcomes together: adjusted as R does, tests that could not be made kept and said, nothing shown that the answers hide."""

import pickle

import numpy as np
import pandas as pd
import pytest

import evalkit as ek
from evalkit.errors import InputError

C = ek.comparison
NAN = float("nan")


def wave(ones, n=60):
    return pd.Series([1] * ones + [0] * (n - ones), index=[f"p{i}" for i in range(n)])


@pytest.mark.parametrize(
    ("method", "wanted"),
    [
        # R 4.2.2: p.adjust(c(0.001, 0.02, NA, 0.04, 0.04, 0.5), method)
        ("holm", [0.005, 0.08, NAN, 0.12, 0.12, 0.5]),
        ("bh", [0.005, 0.05, NAN, 0.05, 0.05, 0.5]),
    ],
)
def test_adjusted_as_p_adjust_does(method, wanted):
    found = C.multiple_outcomes(
        pd.Series([0.001, 0.02, NAN, 0.04, 0.04, 0.5], index=list("abcdef")), method
    ).tidy()
    np.testing.assert_allclose(found["p_adjusted"], wanted, rtol=1e-12)
    assert found["status"].tolist() == ["ok", "ok", "not_estimable", "ok", "ok", "ok"]


def test_answers_bring_their_estimates_and_their_reasons():
    moved = C.pre_post(wave(20), wave(40))
    still = C.pre_post(wave(20), wave(20))
    answer = C.multiple_outcomes(
        {"training": moved, "job": still, "housing": 0.04}, term="change_test", how="mcnemar_mid_p"
    )
    rows = answer.tidy().set_index("outcome")
    assert rows.loc["training", "p_adjusted"] == pytest.approx(2 * rows.loc["training", "p_value"])
    assert rows.loc["job", "status"] == "not_estimable"
    assert rows.loc["job", "reason"]
    assert rows.loc["housing", "p_adjusted"] == pytest.approx(0.04)
    assert any("1 of 3 outcomes" in c.text("en") for c in answer.caveats)
    pickle.loads(pickle.dumps(answer))


def test_a_floor_that_the_family_lifts_above_the_level_is_said():
    few = C.pre_post(wave(0, 20).where(wave(0, 20).index != "p19", 1), wave(8, 20), selected_on="none")
    answer = C.multiple_outcomes({"a": few, "b": few, "c": few, "d": few, "e": few, "f": few, "g": few, "h": few, "i": few,
                                  "j": few, "k": few, "l": few, "m": few}, term="change_test", how="mcnemar_exact")  # fmt: skip
    floor = answer.tidy()["p_floor"].iloc[0]
    assert floor * 13 > 0.05
    assert any("whatever the data" in c.text("en") for c in answer.caveats)


def test_what_an_answer_hides_stays_hidden():
    hidden = C.pre_post(wave(20), wave(23))
    shown = C.pre_post(pd.Series([1] * 40 + [0] * 60), pd.Series([1] * 20 + [0] * 35 + [1] * 45))
    answer = C.multiple_outcomes({"hidden": hidden, "shown": shown}, term="change_test", how="mcnemar_exact")
    rows = answer.publish().table.set_index("outcome")
    assert np.isnan(rows.loc["hidden", "p_value"])
    assert np.isnan(rows.loc["hidden", "p_adjusted"])
    assert rows.loc["hidden", "status"] == "suppressed"
    assert rows.loc["shown", "p_value"] == shown.table.set_index("method").loc["mcnemar_exact", "p_value"]


@pytest.mark.parametrize(
    ("tests", "arguments", "said"),
    [
        ([0.1], {}, "must map each outcome"),
        ({}, {}, "there is no test"),
        ({"a": 1.2}, {}, r"must lie in \[0, 1\]"),
        ({"a": 0.0}, {}, "degenerate variance"),
        ({"a": "x"}, {}, "must be a Result"),
        ({"a": 0.1}, {"method": "bonferroni"}, "method: must be one of"),
        ({"a": 0.1}, {"alpha": 5}, "strictly between"),
        (pd.Series([0.1, 0.2], index=["a", "a"]), {}, "named twice"),
        ({"a": C.pre_post(wave(20), wave(40))}, {}, "3 rows of the answer of 'a'"),
        ({"a": C.pre_post(wave(20), wave(40))}, {"term": "nonsense"}, "0 rows of the answer"),
        (
            {"a": ek.Result(pd.DataFrame({"term": ["x"]}), C.pre_post(wave(20), wave(40)).question)},
            {},
            "has no p-value",
        ),
    ],
)
def test_wrong_input_is_refused(tests, arguments, said):
    with pytest.raises(InputError, match=said):
        C.multiple_outcomes(tests, **arguments)


def test_it_speaks_french_and_english():
    answer = C.multiple_outcomes({"formation": 0.01, "emploi": None}, "bh")
    assert "p ajusté" in answer.summary("fr")
    assert "Benjamini and Hochberg" in answer.summary("en")
