"""Power of planned comparisons: closed forms agree with play, searches find what they look for, and what cannot be is refused."""

import math
import pickle

import numpy as np
import pytest
from scipy import stats

import evalkit as ek
from evalkit.comparison.planning.entry import DESIGNS
from evalkit.errors import InputError

C = ek.comparison
#: One plan per design, with a power strictly between alpha and 1 at n.
PLANS = {
    "paired_means": (40, {"difference": 3, "sd": 8}),
    "paired_proportions": (60, {"gained": 0.25, "lost": 0.08}),
    "paired_counts": (20, {"ratio": 0.5, "rate": 0.8}),
    "paired_equivalence": (40, {"margin": 4, "difference": 0.5, "sd": 8}),
    "two_means": (80, {"difference": 4, "sd": 8, "sd_reference": 5, "share_treated": 0.4}),
    "two_proportions": (100, {"difference": 0.2, "reference": 0.4}),
    "two_ranks": (80, {"superiority": 0.65}),
    "two_counts": (100, {"ratio": 0.7, "rate": 2.0, "dispersion": 0.4}),
    "before_after": (80, {"difference": 3, "sd": 8, "correlation": 0.6}),
    "clusters": (20, {"difference": 3, "sd": 8, "icc": 0.05, "size": 15, "size_cv": 0.3}),
    "interrupted_series": (30, {"change": 2, "sd": 1, "correlation": 0.3}),
}
PLAYED = [name for name in PLANS if hasattr(DESIGNS[name], "draw")]


def value(answer, term=None):
    table = answer.tidy()
    return float(
        table["estimate"].iloc[0] if term is None else table.loc[table["term"] == term, "estimate"].iloc[-1]
    )


def test_every_design_is_tried():
    assert set(PLANS) == set(DESIGNS)


@pytest.mark.parametrize("name", PLAYED)
def test_the_formula_agrees_with_play(name):
    n, given = PLANS[name]
    answer = C.power(n, name, plays=800, seed=3, **given)
    rows = answer.tidy()
    formula = rows["estimate"].iloc[0]
    played = rows[(rows["term"] == "power") & (rows["method"] == "simulated")].iloc[0]
    # Formulas of ranks, shares and unequal clusters are approximations: two points are theirs.
    assert played["conf_low"] - 0.02 <= formula <= played["conf_high"] + 0.02
    size = rows[rows["term"] == "size"].iloc[0]
    assert size["conf_low"] <= 0.055


@pytest.mark.parametrize("name", list(PLANS))
def test_the_number_needed_is_the_least_that_is_enough(name):
    _, given = PLANS[name]
    found = int(value(C.sample_size(0.7, name, **given)))
    chance = lambda n: value(C.power(n, name, **given))
    assert chance(found) >= 0.7
    assert chance(found - 1) < 0.7 or found == DESIGNS[name].LEAST


@pytest.mark.parametrize("name", [name for name in PLANS if name != "paired_equivalence"])
@pytest.mark.parametrize("direction", ["greater", "less"])
def test_the_detectable_effect_has_the_power_asked(name, direction):
    n, given = PLANS[name]
    plan = DESIGNS[name]
    given = {k: v for k, v in given.items() if k not in ("gained",)}
    if name == "paired_proportions":
        given |= {"lost": 0.35, "gained": 0.35}
    answer = C.detectable_effect(n, 0.6, name, direction=direction, **given)
    effect = value(answer)
    assert (effect > plan.NULL) == (direction == "greater")
    assert value(answer, "power") == pytest.approx(
        0.6, abs=0.02 if answer.design.method == "every_table" else 1e-6
    )


def test_no_effect_has_the_power_of_its_level():
    assert value(C.power(50, "two_means")) == pytest.approx(0.05)
    assert value(C.power(50, "two_means", alternative="less", alpha=0.1)) == pytest.approx(0.1)
    assert C.sample_size(0.8, "two_means").tidy()["status"].tolist() == ["not_estimable"]


def test_what_cannot_be_reached_says_so():
    nobody = C.detectable_effect(4, 0.9, "paired_proportions", lost=0.0)
    assert nobody.tidy()["status"].tolist() == ["not_estimable"]
    lower = C.detectable_effect(10, 0.9, "two_proportions", direction="less", reference=0.05)
    assert "no possible effect" in lower.tidy()["reason"].iloc[0]
    assert C.power(10, "paired_proportions").tidy()["estimate"].iloc[0] == 0
    never = C.sample_size(0.99, "two_proportions", difference=1e-9, reference=0.5)
    assert "even at" in never.tidy()["reason"].iloc[0]
    assert C.power(10, "two_proportions", reference=0.0).tidy()["estimate"].iloc[0] == 0
    assert C.power(10, "two_proportions", reference=0.0, difference=1.0).tidy()["estimate"].iloc[
        0
    ] == pytest.approx(1)
    assert value(C.power(10, "paired_proportions", gained=1.0, test="asymptotic")) == 1.0
    assert value(C.power(5, "paired_equivalence", margin=(-1, 1), sd=30)) < 1e-3


def test_a_simulated_design_answers_the_same_questions():
    design = C.SimulatedDesign(
        draw=lambda rng, n, effect: rng.normal(effect, 1, n),
        analyse=lambda x: float(stats.ttest_1samp(x, 0).pvalue),
        size=0.5,
        limits=(-3, 3),
        counted="pairs",
        plays=150,
    )
    answer = C.power(30, design)
    rows = answer.tidy().set_index("term")
    closed = value(C.power(30, "paired_means", difference=0.5, sd=1))
    assert rows.loc["power", "conf_low"] < closed < rows.loc["power", "conf_high"]
    assert rows.loc["size", "estimate"] < 0.1
    least = value(C.detectable_effect(30, 0.8, design))
    assert least == pytest.approx(value(C.detectable_effect(30, 0.8, "paired_means", sd=1)), abs=0.08)
    assert 25 < value(C.sample_size(0.8, design)) < 45
    assert answer.plot() is not None


def test_a_design_whose_size_is_wrong_says_that_its_power_means_nothing():
    liar = C.SimulatedDesign(
        draw=lambda rng, n, effect: rng.normal(effect, 1, n), analyse=lambda x: 0.01, size=0.5, plays=50
    )
    assert any("means nothing" in c.text("en") for c in C.power(10, liar).caveats)


def test_studies_without_an_answer_are_counted():
    silent = C.SimulatedDesign(
        draw=lambda rng, n, effect: effect, analyse=lambda x: None if x else 0.01, size=0.5, plays=20
    )
    answer = C.power(10, silent)
    assert value(answer) == 0.0
    assert "20 of 20" in answer.tidy()["reason"].iloc[0]


@pytest.mark.parametrize(
    ("call", "said"),
    [
        (lambda: C.power(10, "paired"), "design: must be one of"),
        (lambda: C.power(1, "paired_means", sd=1), "whole number from 2"),
        (lambda: C.power(10.5, "paired_means", sd=1), "whole number"),
        (lambda: C.power(10, "paired_means", sd=0), "sd must be"),
        (lambda: C.power(10, "paired_means", spread=1), "knows no spread"),
        (lambda: C.power(10, "paired_proportions", gained=0.7, lost=0.6), "sum to 1"),
        (lambda: C.power(10, "paired_proportions", test="wald"), "test must be"),
        (lambda: C.power(10, "two_proportions", test="wald"), "test must be"),
        (lambda: C.power(10, "before_after", analysis="x", dates_after=0), "analysis must be"),
        (lambda: C.power(10, "interrupted_series", of="x"), "of must be"),
        (lambda: C.power(10, "paired_equivalence", margin=1, difference=2), "within the margins"),
        (lambda: C.power(10, "paired_equivalence", margin="x"), "must be a number"),
        (lambda: C.power(10, "two_counts", plays=10), "cannot be played"),
        (lambda: C.power(10, "two_means", plays=-1), "plays: must be"),
        (lambda: C.sample_size(0.03, "two_means", difference=1), "between alpha"),
        (lambda: C.detectable_effect(10, 0.8, "paired_equivalence", margin=1), "shows no effect"),
        (
            lambda: C.SimulatedDesign(draw=1, analyse=2, plays=0, counted="x", seed=-1),
            "draw must be a function",
        ),
        (lambda: C.power(10, C.SimulatedDesign(draw=lambda r, n, e: 1, analyse=lambda x: 2.0)), "outside"),
    ],
)
def test_what_cannot_be_is_refused(call, said):
    with pytest.raises(InputError, match=said):
        call()


def test_answers_pickle_speak_french_and_draw():
    answer = pickle.loads(pickle.dumps(C.sample_size(0.8, "clusters", difference=3, sd=8)))
    text = answer.summary("fr")
    assert "effet de plan" in text
    assert "_" not in text
    assert "grappes" in answer.plot(lang="fr").get_xlabel()
    changed = C.power(20, answer.design, icc=0.2)
    assert changed.design.icc == 0.2


def test_chances_at_the_ends_are_not_nan():
    from evalkit.comparison.planning.design import t_chance

    assert t_chance(math.inf, 5, 0.05, "greater") == 1.0
    assert t_chance(-math.inf, 5, 0.05, "greater") == 0.0
    assert np.isfinite(value(C.power(200, "before_after", difference=3, sd=1, correlation=0.999)))


@pytest.mark.parametrize("side", ["two-sided", "greater", "less"])
@pytest.mark.parametrize("test", ["mid_p", "exact"])
def test_paired_proportions_go_through_every_table(side, test):
    from evalkit.numerics import proportions as prop

    n, gained, lost = 9, 0.4, 0.2
    p_of = prop.mcnemar_mid_p if test == "mid_p" else prop.mcnemar_exact
    tables = [(g, m) for g in range(n + 1) for m in range(n + 1 - g)]
    rejected = [
        stats.multinomial.pmf([g, m, n - g - m], n, [gained, lost, 1 - gained - lost])
        for g, m in tables
        if g + m and p_of(m, g, side) <= 0.2
    ]
    found = ek.comparison.power(
        n, "paired_proportions", gained=gained, lost=lost, test=test, alpha=0.2, alternative=side
    )
    assert found.table["estimate"].iloc[0] == pytest.approx(sum(rejected), rel=1e-9)


def test_a_hundred_thousand_pairs_are_not_gone_through_count_by_count(monkeypatch):
    from evalkit.comparison.planning import pairs

    asked, original = [], pairs.one_sided_or_two
    monkeypatch.setattr(pairs, "one_sided_or_two", lambda *a: asked.append(1) or original(*a))
    found = ek.comparison.power(100_000, "paired_proportions", gained=0.255, lost=0.245)
    assert 0.9 < found.table["estimate"].iloc[0] < 1
    assert len(asked) < 50
