"""Overlap: who has a counterpart, what each method mends, what of it may be published."""

import pickle

import numpy as np
import pandas as pd
import pytest

from evalkit.comparison import overlap
from evalkit.errors import InputError
from evalkit.numerics.balance import smd_means
from evalkit.provenance import Provenance


def people(n=400, seed=6):
    rng = np.random.default_rng(seed)
    x = rng.normal(size=n)
    t = (rng.random(n) < 1 / (1 + np.exp(-x))).astype(int)
    return pd.DataFrame({"t": t, "x": x, "site": rng.choice(list("abc"), n, p=[0.5, 0.45, 0.05])})


def rows(found, term):
    return found.table[found.table["term"] == term]


def test_differences_before_are_those_of_the_balance_numerics_and_balancing_leaves_none():
    data = people()
    found = rows(overlap("t", "x", data), "smd").set_index("method")["estimate"]
    assert found["unadjusted"] == pytest.approx(
        smd_means(data.x[data.t == 1].to_numpy(), data.x[data.t == 0].to_numpy()), rel=1e-12
    )
    assert found["entropy"] == pytest.approx(0, abs=1e-9)
    assert max(abs(found["iptw"]), abs(found["matching"])) < 0.1 < found["unadjusted"]


def test_people_outside_of_the_other_groups_range_are_counted():
    data = people()
    data.loc[data.index[data["t"] == 1][:3], "x"] = [8.0, 9.0, 10.0]
    found = overlap("t", "x", data)
    outside = rows(found, "outside_common").set_index("part")["count"]
    assert outside["among_treated"] >= 3
    assert any(c.key.endswith("outside") for c in found.caveats)


def test_a_value_one_group_lacks_is_named_with_its_count():
    data = people()
    data.loc[data["t"] == 1, "site"] = "a"
    found = overlap("t", "site", data)
    lacking = rows(found, "one_sided").set_index("part")
    assert lacking.loc["site[b]", "count"] == (data["site"] == "b").sum()
    assert rows(found, "chance_median")["status"].tolist() == ["not_estimable"]
    assert not len(found.bins)
    assert rows(found, "largest_smd").set_index("method").loc["unadjusted", "status"] == "ok"


def test_weights_that_rest_on_a_few_are_said():
    rng = np.random.default_rng(2)
    x = rng.normal(size=600)
    data = pd.DataFrame({"t": (rng.random(600) < 1 / (1 + np.exp(3 - 2 * x))).astype(int), "x": x})
    found = overlap("t", "x", data)
    worth = rows(found, "effective_n").set_index("part")["estimate"]
    assert worth["among_reference"] < 0.5 * (data["t"] == 0).sum()
    assert any(c.key.endswith("thin") for c in found.caveats)
    assert any(c.key.endswith("still_apart") for c in found.caveats)


def test_estimands_change_whom_the_weights_are_for():
    data = people()
    worth = {
        e: rows(overlap("t", "x", data, estimand=e), "effective_n").set_index("part")["estimate"]
        for e in ("att", "atc", "ate")
    }
    assert worth["att"]["among_treated"] == pytest.approx((data["t"] == 1).sum())
    assert worth["atc"]["among_reference"] == pytest.approx((data["t"] == 0).sum())
    assert worth["ate"]["among_treated"] < worth["att"]["among_treated"]
    matched = (
        rows(overlap("t", "x", data, estimand="ate", options={"replace": False}), "largest_smd")
        .set_index("method")
        .loc["matching"]
    )
    assert matched["reason"].key.endswith("matching_ate")


@pytest.mark.parametrize("lang", ["fr", "en"])
def test_it_reads_and_draws_in_both_languages(lang):
    import matplotlib.pyplot as plt

    found = overlap("t", ["x", "site"], people(), reference=1)
    said = found.summary(lang)
    assert {"fr": "écart standardisé", "en": "standardised difference"}[lang] in said
    assert "among_" not in said
    assert "largest_smd" not in said
    axes = found.plot(lang=lang)
    assert len(axes.patches) == 40
    plt.close(axes.figure)
    assert pickle.loads(pickle.dumps(found)).summary(lang) == said


def test_without_a_chance_there_is_no_histogram_to_draw():
    import matplotlib.pyplot as plt

    data = people(40).assign(t=lambda d: (d["x"] > 0).astype(int))
    found = overlap("t", "x", data)
    axes = found.plot()
    assert not len(axes.patches)
    plt.close(axes.figure)


def test_published_records_hide_small_bins_small_cells_and_what_follows_from_them():
    data = people().assign(rare=lambda d: (np.arange(len(d)) % 40 == 0).astype(int))
    found = overlap("t", "x + rare", data, options={"trim": 0.06})
    assert 0 < rows(found, "trimmed")["count"].sum() < 11
    out = found.publish()
    assert out.bins["count"].isna().any()
    counts = out.bins["count"].dropna()
    assert ((counts == 0) | (counts >= 11)).all()
    assert (out.table.loc[out.table["part"] == "rare", "status"] == "suppressed").all()
    assert rows(out, "effective_n")["n"].isna().all(), "the sizes after trimming would tell how many were"
    assert rows(out, "people")["count"].notna().all()
    assert any(c.key.endswith("bins_hidden") for c in out.caveats)


def test_few_trimmed_in_a_group_do_not_follow_from_sentences_nor_from_the_picture():
    rng = np.random.default_rng(1)
    data = pd.DataFrame({"x": rng.normal(size=400)})
    data["t"] = (rng.random(400) < 1 / (1 + np.exp(-1.9 * data["x"]))).astype(int)
    for trim in (0.01, 0.02):
        found = overlap("t", "x", data, options={"trim": trim})
        trimmed = rows(found, "trimmed").set_index("part")["count"]
        assert ((trimmed > 0) & (trimmed < 11)).any()
        sizes = data["t"].value_counts() - [trimmed["among_reference"], trimmed["among_treated"]]
        out = found.publish()
        said = out.summary("en")
        assert not any(f" {int(n)} " in said for n in sizes), said
        assert out.bins[["count", "share"]].isna().all(axis=None)
        assert out.plot() is not None


def test_published_small_groups_keep_nothing_but_their_absence():
    data = people(60).assign(t=lambda d: (np.arange(60) % 7 == 0).astype(int))
    out = overlap("t", "x", data).publish()
    assert out.table["estimate"].isna().all()
    assert out.table["count"].isna().all()


def test_open_data_pass_unchanged():
    found = overlap("t", "x", people(60), provenance=Provenance(kind="open"))
    pd.testing.assert_frame_equal(found.publish().bins, found.bins)


def test_one_person_in_a_group_and_no_table():
    found = overlap("t", "x", people(30).assign(t=lambda d: (np.arange(30) == 2).astype(int)))
    assert rows(found, "chance_median")["reason"].item().key.endswith("group_of_one")
    with pytest.raises(InputError, match="DataFrame"):
        overlap("t", "x", {"t": [0, 1]})


def test_missing_covariates_are_refused_or_counted_and_weights_enter():
    data = people().assign(w=1.0)
    data.loc[:4, "x"] = np.nan
    with pytest.raises(InputError, match="5"):
        overlap("t", "x", data)
    found = overlap("t", "x", data, missing="drop", weights="w")
    assert found.glance_values["n"] == 395
    assert any("5" in c.text("en") or "x" in c.text("en") for c in found.caveats[:1])
    assert (
        rows(found, "largest_smd")
        .set_index("method")
        .loc["matching", "reason"]
        .key.endswith("matching_weights")
    )


def test_terms_left_out_are_named():
    found = overlap("t", "x + one", people().assign(one=1))
    assert rows(found, "terms_left_out")["reason"].item().values["terms"] == ["one"]


def test_nobody_within_the_caliper():
    found = overlap("t", "x", people(40), options={"caliper": 1e-9})
    assert (
        rows(found, "largest_smd")
        .set_index("method")
        .loc["matching", "reason"]
        .key.endswith("nobody_matched")
    )
