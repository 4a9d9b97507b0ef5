"""Formulas: what they can say, and that they can do nothing else."""

import numpy as np
import pandas as pd
import pytest

from evalkit.errors import InputError
from evalkit.formula import design, parse


@pytest.fixture
def data():
    rng = np.random.default_rng(1)
    return pd.DataFrame({
        "age": rng.uniform(15, 26, 30),
        "helped": rng.integers(0, 2, 30).astype(bool),
        "site": rng.choice(["north", "south", "west"], 30),
        "né à Paris": rng.integers(0, 3, 30),
    })  # fmt: skip


def terms(formula):
    return [":".join(f.label for f in term) for term in parse(formula)]


def test_operators():
    assert terms("a + b + a") == ["a", "b"]
    assert terms("a * b") == ["a", "b", "a:b"]
    assert terms("a + b * c") == ["a", "b", "c", "b:c"]
    assert terms("a * b:c") == ["a", "b:c", "a:b:c"]
    assert terms("(a + b) * c - a:c") == ["a", "b", "c", "b:c"]
    assert terms("a * b * c - a:b:c") == ["a", "b", "a:b", "c", "a:c", "b:c"]
    assert terms("1 + a") == ["a"]


@pytest.mark.parametrize(
    "formula",
    [
        "__import__('os').system('true')", "age + open('f')", "np.log(age)", "age.mean()", "age[0]", "lambda: 1", "age ** 2",
        "I(age)", "age; site", "age and site", "{age}", "age @ site", "eval('1')", "log(log(age))", "log(age + 1)",
        "C(site, contr.treatment)", "bs(age, knots=[1])", "age = 1", "age\nimport os", "", "1", "age +", "(age", "age)",
        "log(age", "C(site, ref=)", "bs(age, df=2.5)", "bs(age, df='4')", "log(age, 2)", "poly(age, -1)", "2 * age", "age:1", "3",
        "age - 1", "age + 0", "survived ~ age", 3,
    ],
)  # fmt: skip
def test_anything_else_is_refused(formula, data):
    with pytest.raises(InputError):
        design(formula, data)


def test_the_refusal_says_where_and_what_is_allowed():
    with pytest.raises(InputError, match=r"exp\(...\) is not one of log, C, bs, poly; allowed are"):
        parse("age + exp(age)")
    with pytest.raises(InputError, match="the right-hand side only"):
        parse("time ~ age")


def test_text_is_compared_with_its_first_level_or_the_one_chosen(data):
    made = design("site", data)
    assert made.terms == ("site[south]", "site[west]")
    assert made.references == {"site": "north"}
    chosen = design('C(site, ref="west")', data)
    assert chosen.terms == ("site[north]", "site[south]")
    assert (chosen.matrix.sum(axis=1) == (data["site"] != "west")).all()


def test_categories_keep_their_order_and_true_is_1(data):
    data["site"] = pd.Categorical(data["site"], ["west", "north", "south"])
    assert design("site", data).references == {"site": "west"}
    assert design("helped", data).matrix[:, 0].tolist() == data["helped"].astype(float).tolist()


def test_numbers_become_categories_when_asked(data):
    made = design("C(`né à Paris`, ref=1)", data)
    assert made.terms == ("né à Paris[0]", "né à Paris[2]")
    with pytest.raises(InputError, match="no such level; they are 0, 1, 2"):
        design("C(`né à Paris`, 9)", data)


def test_products_and_splines_go_through_formulaic(data):
    made = design("age * site + bs(age, df=4) + poly(age, 2) + log(age)", data)
    assert {
        "age",
        "site[west]",
        "age:site[west]",
        "bs(age, df=4)[1]",
        "poly(age, degree=2)[2]",
        "log(age)",
    } <= set(made.terms)
    at = made.terms.index("age:site[west]")
    np.testing.assert_allclose(made.matrix[:, at], data["age"] * (data["site"] == "west"))
    np.testing.assert_allclose(made.matrix[:, made.terms.index("log(age)")], np.log(data["age"]))


def test_both_roads_give_the_same_columns(data):
    plain, crossed = design("age + site + helped", data), design("age + site + helped + age:helped", data)
    np.testing.assert_array_equal(
        plain.matrix, crossed.matrix[:, [crossed.terms.index(t) for t in plain.terms]]
    )


def test_plain_formulas_do_not_need_formulaic(data):
    import subprocess
    import sys

    code = (
        "import sys, pandas as pd; from evalkit.formula import design;"
        "design('a + b', pd.DataFrame({'a': [1, 2], 'b': ['x', 'y']})); assert 'formulaic' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_columns_are_checked_all_at_once(data):
    data["age"] = data["age"].mask(data.index < 3)
    data["weight"] = np.where(data.index == 5, np.inf, 1.0)
    data["day"] = pd.Timestamp("2011-01-01")
    data["low"] = -1.0
    with pytest.raises(InputError) as caught:
        design("age + weight + day + log(low) + log(site)", data)
    said = str(caught.value)
    assert "age in 3 of 30 rows (rows 0, 1, 2, counted from 0)" in said
    assert "weight: infinite in 1 of 30 rows" in said
    assert "day: dates are no covariate" in said
    assert "log(low): low is zero or negative in 30 of 30 rows" in said
    assert "log(site): site holds" in said


def test_rows_with_something_missing_are_dropped_on_request_only(data):
    data["age"] = data["age"].mask(data.index < 3)
    made = design("age + site", data, missing="drop")
    assert made.matrix.shape == (27, 3)
    assert made.missing == {"age": 3}
    assert made.kept.sum() == 27
    with pytest.raises(InputError, match="nothing is left"):
        design("age", data.assign(age=np.nan), missing="drop")
    with pytest.raises(InputError, match="'error' or 'drop'"):
        design("age", data, missing="mean")
    with pytest.raises(InputError, match="no column 'agee'"):
        design("agee", data)
