"""Balance: standardised differences before and after, levels, missing values, what is drawn, what leaves the room."""

from __future__ import annotations

import math
import pickle

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest

from evalkit.comparison import Balance, balance
from evalkit.errors import InputError
from evalkit.provenance import Provenance


@pytest.fixture(autouse=True)
def _close():
    yield
    plt.close("all")


COLUMNS = ["age", "sex", "diploma", "licence", "income"]


def people(n=300, seed=1):
    rng = np.random.default_rng(seed)
    g = rng.random(n) < 0.4
    frame = pd.DataFrame({
        "group": np.where(g, "essai", "témoin"),
        "age": rng.normal(19 + 0.8 * g, 2),
        "sex": rng.choice(["F", "H"], n),
        "diploma": pd.Categorical(rng.choice(["none", "some", "more"], n), ["none", "some", "more", "most"]),
        "licence": (rng.random(n) < np.where(g, 0.5, 0.3)).astype(int),
        "income": rng.gamma(2, 300, n),
        "w": np.where(g, 1.0, rng.uniform(0, 2, n)),
        "kept": rng.random(n) < 0.7,
    })  # fmt: skip
    return frame


def table(result):
    return result.table.set_index(["term", "level"])


def test_standardised_differences_are_what_their_definition_says():
    data = people()
    made = balance(data, "group", COLUMNS, reference="témoin")
    assert isinstance(made, Balance)
    one, other = (data[data["group"] == g] for g in ("témoin", "essai"))
    t = table(made)
    gap = (other["age"].mean() - one["age"].mean()) / math.sqrt((one["age"].var() + other["age"].var()) / 2)
    assert t.loc[("age", ""), "smd_before"] == pytest.approx(gap)
    assert t.loc[("age", ""), "variance_ratio"] == pytest.approx(other["age"].var() / one["age"].var())
    p, q = one["licence"].mean(), other["licence"].mean()
    assert t.loc[("licence", ""), "smd_before"] == pytest.approx(
        (q - p) / math.sqrt((p * (1 - p) + q * (1 - q)) / 2)
    )
    assert t.loc["diploma"].index.tolist() == ["none", "some", "more"]
    assert t.loc[("sex", "F"), "smd_before"] == pytest.approx(-t.loc[("sex", "H"), "smd_before"])
    assert "smd_after" not in made.table
    assert made.glance().loc[0, "largest_smd_before"] == pytest.approx(made.table["smd_before"].abs().max())


def test_after_weighting_the_scale_stays_and_kish_says_what_the_weights_cost():
    data = people()
    made = balance(data, "group", COLUMNS, weights="w", reference="témoin")
    t = table(made)
    for column in ("age", "income"):
        a = [np.average(d[column], weights=d["w"]) for _, d in data.groupby("group")]
        spread = math.sqrt(data.groupby("group")[column].var().mean())
        assert t.loc[(column, ""), "smd_after"] == pytest.approx((a[0] - a[1]) / spread)
    w = data.loc[data["group"] == "témoin", "w"]
    assert t.loc[("effective_n", ""), "mean_reference_after"] == pytest.approx(w.sum() ** 2 / (w**2).sum())
    matched = balance(data, "group", ["age"], matched="kept", reference="témoin")
    kept = data[data["kept"]].groupby("group")["age"].mean()
    assert table(matched).loc[("age", ""), "mean_other_after"] == pytest.approx(kept["essai"])
    both = balance(data, "group", ["age"], matched="kept", weights=data["w"], reference="témoin")
    d = data[data["kept"] & (data["group"] == "témoin")]
    assert table(both).loc[("age", ""), "mean_reference_after"] == pytest.approx(
        np.average(d["age"], weights=d["w"])
    )


def test_it_says_why_there_are_no_p_values_and_reads_in_both_languages():
    made = balance(people(), "group", COLUMNS, weights="w")
    assert "comparison_groups.no_p_values" in [c.key for c in made.caveats]
    for lang, word in (("fr", "différence standardisée"), ("en", "standardised difference")):
        said = made.summary(lang)
        assert word in said.lower()
        assert "smd_" not in said
        assert "mean_reference" not in said
        ax = made.plot(lang=lang)
        assert ax.get_xlabel() == word
        assert len(ax.get_yticklabels()) == 8
        assert len(ax.get_legend().get_texts()) == 2
    assert balance(people(), "group", ["age"]).plot().get_legend() is None
    assert pickle.loads(pickle.dumps(made)).summary("fr") == made.summary("fr")


def test_missing_values_are_counted_by_group():
    data = people()
    data.loc[:19, "income"] = np.nan
    data.loc[20:22, "sex"] = None
    made = balance(data, "group", ["income", "sex"])
    lacking = data.groupby("group")["income"].apply(lambda v: v.isna().sum())
    row = table(made).loc[("income", "")]
    assert (row["missing_reference"], row["missing_other"]) == (lacking["essai"], lacking["témoin"])
    assert "comparison_groups.balance_missing" in [c.key for c in made.caveats]
    published = made.publish()
    assert published.table.loc[published.table["term"] == "sex", "missing_other"].isna().all()
    data.loc[0, "group"] = None
    with pytest.raises(InputError, match="group is missing in 1 of 300 rows"):
        balance(data, "group", ["income"])
    assert (
        balance(data, "group", ["income"], missing="drop")
        .table.loc[0, ["count_reference", "count_other"]]
        .sum()
        == 299
    )


def test_edges_have_a_reason():
    data = pd.DataFrame({
        "g": [0, 0, 0, 1, 1, 1], "same": 3.0, "apart": [1, 1, 1, 2, 2, 2], "gone": [1, 2, 3] + 3 * [None], "yes": [0, 0, 0, 1, 1, 1],
        "w": [1, 1, 1, 0, 0, 0],
    })  # fmt: skip
    t = table(balance(data, "g", ["same", "apart", "gone", "yes"]))
    assert t.loc[("same", ""), "smd_before"] == 0
    assert t.loc[("apart", ""), "reason"].key == "comparison_groups.no_scale"
    assert t.loc[("gone", ""), "reason"].key == "comparison_groups.nobody_known"
    assert t.loc[("yes", ""), "reason"].key == "comparison_groups.no_scale"
    t = table(balance(data, "g", ["same"], weights="w"))
    assert t.loc[("same", ""), "reason"].key == "comparison_groups.nobody_left"
    lone = table(balance(pd.DataFrame({"g": [0, 1, 1], "x": [1.5, 2, 3]}), "g", ["x"]))
    assert lone.loc[("x", ""), "status"] == "not_estimable"


def test_small_cells_and_what_gives_them_away_are_hidden():
    data = people()
    data["diploma"] = np.where(data.index < 8, "rare", np.where(data.index % 2, "none", "some"))
    data["debt"] = np.where(data.index % 60 == 0, 500.0, 0.0)
    out = balance(data, "group", ["diploma", "debt", "age"], matched=pd.Series(data.index != 3)).publish()
    t = table(out)
    hidden = t.loc["diploma"]["mean_reference"].isna()
    assert hidden["rare"]
    assert hidden.sum() >= 2
    assert np.isnan(t.loc[("debt", ""), "mean_other"])
    assert t.loc[("age", ""), "status"] == "ok"
    assert np.isnan(t.loc[("people", ""), "mean_reference_after"])
    assert out.fewest == ()
    assert "masqué" in " ".join(x.get_text() for x in out.plot(lang="fr").texts)
    few = balance(data.iloc[:18], "group", ["age"]).publish()
    assert few.table[["mean_reference", "mean_other", "smd_before"]].isna().all(axis=None)
    free = balance(data, "group", ["diploma"], provenance=Provenance(kind="open")).publish()
    assert free.table["mean_reference"].notna().all()


@pytest.mark.parametrize(
    ("call", "said"),
    [
        (lambda d: balance([1], "group", ["age"]), "must be a DataFrame"),
        (lambda d: balance(d, "group", ["nothing"]), "no column"),
        (lambda d: balance(d, "group", []), "names no column"),
        (lambda d: balance(d, "age", ["income"]), "exactly two groups"),
        (lambda d: balance(d, "group", ["age"], weights=-d["w"]), "below 0"),
        (lambda d: balance(d, "group", ["age"], weights="nothing"), "no column 'nothing'"),
        (lambda d: balance(d, "group", ["age"], matched="age"), "must hold 0 and 1"),
        (lambda d: balance(d.assign(id=d.index.astype(str)), "group", ["id"]), "identifier"),
        (lambda d: balance(d.assign(age=np.inf), "group", ["age"]), "infinite"),
    ],
)
def test_wrong_input_is_refused_in_words(call, said):
    with pytest.raises(InputError, match=said):
        call(people())
