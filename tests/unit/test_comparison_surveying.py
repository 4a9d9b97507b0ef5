"""Two survey waves: respondents that come and go, a wave that never took place, few structures, and what is refused."""

import pickle

import numpy as np
import pandas as pd
import pytest

import evalkit as ek
from evalkit.errors import InputError

HOW = {"respondent": "who", "wave": "wave", "before": 1, "after": 2}


def survey(n_one=40, n_two=36, apart=10, seed=2):
    """Respondents of wave 1 are 0…n_one−1; those of wave 2 begin at `apart`."""
    rng = np.random.default_rng(seed)
    who = [*range(n_one), *range(apart, apart + n_two)]
    wave = [1] * n_one + [2] * n_two
    useful = rng.integers(1, 5, len(who)) + (np.array(wave) == 2) * rng.integers(0, 2, len(who))
    structure = [f"s{w % 7}" for w in who]
    kind = [("school", "club", "town")[w % 3] for w in who]
    frame = pd.DataFrame({"who": who, "wave": wave, "useful": useful, "structure": structure, "kind": kind})
    return frame.assign(agree=(frame["useful"] >= 3).astype(int))


def row(answer, term, part=None):
    table = answer.table
    found = table[(table["term"] == term) & (table["group"] == "")]
    return (found if part is None else found[found["part"] == part]).iloc[0]


def test_who_answered_when_is_counted():
    data = survey()
    data.loc[[3, 50], "agree"] = np.nan
    answer = ek.comparison.survey_waves(data, "agree", **HOW, asked={1: 60, 2: 60})
    counts = {
        t: row(answer, t)["count"] for t in ("answered_both", "answered_only_before", "answered_only_after")
    }
    assert counts == {"answered_both": 29, "answered_only_before": 10, "answered_only_after": 6}
    assert row(answer, "empty_before")["count"] == 1
    assert row(answer, "response_before")["estimate"] == pytest.approx(39 / 60)
    assert any("not all the same" in c.text("en") for c in answer.caveats)


def test_pairs_equal_pre_post_and_waves_swapped_change_sign():
    data = survey()
    answer = ek.comparison.survey_waves(data, "agree", **HOW)
    wide = data.pivot(index="who", columns="wave", values="agree")
    same = ek.comparison.pre_post(wide[1].astype("Int64"), wide[2].astype("Int64")).table
    for column in ("estimate", "conf_low", "conf_high"):
        assert (
            row(answer, "difference", "pairs")[column]
            == same.loc[same["method"] == "newcombe", column].iloc[0]
        )
    back = ek.comparison.survey_waves(data, "agree", **HOW | {"before": 2, "after": 1})
    for part in ("pairs", "everyone"):
        assert row(back, "difference", part)["estimate"] == pytest.approx(
            -row(answer, "difference", part)["estimate"]
        )
        assert row(back, "difference", part)["conf_low"] == pytest.approx(
            -row(answer, "difference", part)["conf_high"]
        )


def test_bounds_hold_every_difference():
    answer = ek.comparison.survey_waves(survey(), "useful", **HOW, kind="ordinal", order=[1, 2, 3, 4, 5])
    low, high = (row(answer, t)["estimate"] for t in ("difference_if_worst", "difference_if_best"))
    assert low < row(answer, "difference", "pairs")["estimate"] < high


def test_with_the_same_mix_a_change_of_mix_alone_is_no_change():
    # Each kind answers the same at both waves; only their numbers change.
    data = pd.DataFrame({
        "who": range(80), "wave": [1] * 40 + [2] * 40, "kind": (["a"] * 10 + ["b"] * 30) + (["a"] * 30 + ["b"] * 10),
    })  # fmt: skip
    data["agree"] = np.where(data["kind"] == "a", data["who"] % 10 < 8, data["who"] % 10 < 2).astype(int)
    answer = ek.comparison.survey_waves(data, "agree", **HOW, mix="kind")
    assert row(answer, "difference", "everyone")["estimate"] == pytest.approx(0.3)
    assert row(answer, "difference", "same_mix")["estimate"] == pytest.approx(0, abs=1e-12)
    assert row(answer, "difference", "pairs")["status"] == "not_estimable"


def test_a_kind_that_is_gone_has_no_same_mix():
    data = survey()
    data = data[~((data["wave"] == 2) & (data["kind"] == "town"))]
    answer = ek.comparison.survey_waves(data, "agree", **HOW, mix="kind")
    assert "town" in row(answer, "difference", "same_mix")["reason"].text("en")
    towns = answer.table[(answer.table["group"] == "town")].iloc[0]
    assert towns["status"] == "not_estimable"


@pytest.mark.parametrize("kind", ["binary", "ordinal", "continuous"])
def test_a_second_wave_that_never_took_place_is_an_answer(kind):
    data = survey()
    answer = ek.comparison.survey_waves(
        data[data["wave"] == 1], "agree" if kind == "binary" else "useful", **HOW, kind=kind
    )
    assert (answer.table.loc[answer.table["term"] == "difference", "status"] == "not_estimable").all()
    assert np.isfinite(row(answer, "level_before")["conf_low"])
    assert row(answer, "detectable_change")["estimate"] > 0
    assert ("difference_if_worst" in answer.table["term"].tolist()) == (kind != "continuous")
    assert "n'a pas eu lieu" in answer.summary("fr")
    if kind == "binary":
        assert row(answer, "difference_if_worst")["estimate"] == -data.loc[data["wave"] == 1, "agree"].mean()


def test_one_structure_is_described_not_tested():
    data = survey().assign(structure="s")
    answer = ek.comparison.survey_waves(data, "agree", **HOW, structure="structure")
    for part in ("pairs", "everyone"):
        found = row(answer, "difference", part)
        assert found["status"] == "not_estimable"
        assert np.isfinite(found["estimate"])
        assert np.isnan(found["p_value"])


def test_few_structures_say_how_little_is_left():
    data = survey().assign(structure=lambda d: np.where(d["who"] % 3 == 0, "a", "b"))
    answer = ek.comparison.survey_waves(data, "agree", **HOW, structure="structure")
    assert any("degrees of freedom remain" in c.text("en") for c in answer.caveats)


def test_answers_all_the_same_have_no_p():
    answer = ek.comparison.survey_waves(survey().assign(agree=1), "agree", **HOW, structure="structure")
    found = row(answer, "difference", "everyone")
    assert found["status"] == "not_estimable"
    assert found["estimate"] == pytest.approx(0, abs=1e-12)
    alone = ek.comparison.survey_waves(survey().assign(agree=1).query("wave == 1"), "agree", **HOW)
    assert row(alone, "detectable_change")["status"] == "not_estimable"
    nobody = ek.comparison.survey_waves(survey(apart=0, n_two=40).assign(agree=1), "agree", **HOW)
    assert row(nobody, "difference", "pairs")["reason"] is not None


@pytest.mark.parametrize(
    ("change", "arguments", "said"),
    [
        (lambda d: d, {"before": 1, "after": 1}, "two different values"),
        (lambda d: d, {"before": 9}, "no row of 'wave' is before=9"),
        (lambda d: d.assign(who=1), {}, "answer twice at a wave"),
        (lambda d: d.assign(agree=np.where(d["wave"] == 1, np.nan, d["agree"])), {}, "nobody answers"),
        (lambda d: d.assign(agree="yes"), {}, "must hold 0 and 1"),
        (lambda d: d.drop(columns="agree"), {}, "no column 'agree'"),
        (lambda d: d.assign(who=d["who"].where(d.index > 2)), {}, "who is missing in 3"),
        (
            lambda d: d.assign(agree=d["agree"].map({0: "low", 1: "high"})),
            {"kind": "ordinal"},
            "no order of their own",
        ),
        (lambda d: d, {"kind": "ordinal", "order": [0, 0]}, "two different categories"),
        (lambda d: d, {"kind": "ordinal", "order": [0, 2]}, "order does not name"),
        (lambda d: d, {"kind": "ordinal", "scores": [1, 2, 3]}, "3 numbers for 2"),
        (lambda d: d, {"kind": "ordinal", "scores": [2, 1]}, "go up"),
        (lambda d: d, {"asked": {1: 3}}, "at least the 40 rows"),
        (lambda d: d, {"asked": {7: 100}}, "no waves"),
        (lambda d: d, {"kind": "count"}, "kind: must be one of"),
    ],
)
def test_wrong_input_is_refused(change, arguments, said):
    with pytest.raises(InputError, match=said):
        ek.comparison.survey_waves(change(survey()), "agree", **HOW | arguments)


def test_few_who_answered_once_are_not_told_by_the_rest():
    answer = ek.comparison.survey_waves(survey(n_one=60, n_two=58, apart=4), "agree", **HOW)
    table = answer.publish().table
    assert table.loc[table["part"] == "everyone", "estimate"].isna().all()
    assert table.loc[table["term"].str.startswith("answered_only"), "count"].isna().all()
    assert np.isfinite(table.loc[table["part"] == "pairs", "estimate"].iloc[0])


def panel(before, after, **more):
    """Answers of people in two arrays, nan for those who did not answer."""
    waves = [
        pd.DataFrame({"who": range(len(y)), "wave": w, "agree": y}) for w, y in ((1, before), (2, after))
    ]
    return pd.concat(waves).dropna(subset="agree").assign(**more).reset_index(drop=True)


def test_few_seen_once_are_not_told_by_bases_nor_by_those_seen_twice():
    rng = np.random.default_rng(8)
    before, after = (rng.integers(0, 2, 60).astype(float) for _ in range(2))
    after[17:20] = before[20:] = np.nan
    data = pd.concat([panel(before, after), pd.DataFrame({"who": [59], "wave": [1]})], ignore_index=True)
    shown = ek.comparison.survey_waves(data, "agree", **HOW).publish().table.set_index("term")
    # 17 twice, 3 only before, 40 only after: 17 and 60 are shown, so neither 3, nor 40, nor 20 may be.
    assert shown.loc[["answered_only_before", "answered_only_after"], "count"].isna().all()
    assert shown.loc[["empty_before", "empty_after"], ["count", "n"]].isna().to_numpy().all()
    after[17:] = before[20:] = np.nan
    shown = ek.comparison.survey_waves(panel(before, after), "agree", **HOW).publish().table
    assert 20 not in shown[["n", "count"]].to_numpy()
    assert shown.loc[shown["part"] == "pairs", "n"].tolist() == [17]


def test_a_level_of_few_is_hidden_with_what_gives_it():
    before, after = np.zeros(100), np.zeros(100)
    before[:3], after[:40] = 1, 1
    shown = ek.comparison.survey_waves(panel(before, after), "agree", **HOW).publish().table
    rows = shown.set_index("term")["estimate"]
    assert np.isnan(rows["level_before"])
    assert rows["level_after"] == 0.4
    assert shown.loc[shown["part"] == "everyone", "estimate"].isna().all()
    alone = ek.comparison.survey_waves(panel(before, np.full(100, np.nan)), "agree", **HOW).publish().table
    assert alone["estimate"].isna().all()


def test_few_who_changed_are_not_told_by_the_test_of_pairs():
    before, after = np.repeat([0.0, 1.0], 50), np.repeat([0.0, 1.0], [47, 53])
    answer = ek.comparison.survey_waves(panel(before, after), "agree", **HOW)
    assert answer.cells == (50, 0, 3, 47)
    out = answer.publish()
    rows = out.table[out.table["term"] == "difference"]
    assert rows["estimate"].tolist() == pytest.approx([0.03, 0.03])
    assert rows[["std_error", "p_value", "conf_low", "conf_high"]].isna().to_numpy().all()
    assert out.cells == ()


def test_a_small_kind_of_respondent_is_not_told_by_the_others():
    rng = np.random.default_rng(9)
    kind = np.repeat(["school", "club", "town"], [40, 30, 5])
    data = panel(*(rng.integers(1, 6, 75) for _ in range(2)), kind=np.tile(kind, 2))
    shown = ek.comparison.survey_waves(data, "agree", **HOW, kind="ordinal", mix="kind").publish().table
    grouped = shown[shown["group"] != ""]
    assert len(grouped) == 3
    assert grouped["n"].isna().sum() >= 2


def test_one_structure_does_not_tell_the_level_of_few():
    before, after = np.zeros(100), np.zeros(100)
    before[:3], after[:40] = 1, 1
    data = panel(before, after, structure="s1")
    shown = ek.comparison.survey_waves(data, "agree", **HOW, structure="structure").publish().table
    level = shown[shown["term"] == "level_before"].iloc[0]
    assert level["status"] == "not_estimable"
    assert np.isnan(level["estimate"])


def test_an_ordered_categorical_pickles_and_speaks_french():
    words = survey().assign(
        useful=lambda d: pd.Categorical(d["useful"], categories=[1, 2, 3, 4, 5], ordered=True)
    )
    answer = ek.comparison.survey_waves(
        words, "useful", **HOW, kind="ordinal", structure="structure", mix="kind"
    )
    text = pickle.loads(pickle.dumps(answer)).summary("fr")
    assert "à composition constante" in text
    assert "_" not in text
    assert answer.plot(lang="fr").get_title() is not None
