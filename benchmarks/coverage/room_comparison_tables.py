"""Coverage and size of pre/post comparisons of shares (difference, ratio, equivalence), categories, and counts."""

from __future__ import annotations

import math

import numpy as np
from case import Case

from evalkit.numerics import paired_proportions as shares
from evalkit.numerics import paired_rates as rates
from evalkit.numerics import proportions as prop
from evalkit.numerics import square_tables as square
from evalkit.numerics.multiple import adjusted
from evalkit.numerics.ranks.flips import sign_flip

SIZES = (20, 79, 170)
#: Chances of (1, 1), (1, 0), (0, 1), (0, 0).
TWO = {
    "few move, no change": (0.30, 0.05, 0.05, 0.60),
    "many move, no change": (0.20, 0.25, 0.25, 0.30),
    "rare, + 6 points": (0.02, 0.02, 0.08, 0.88),
    "common, + 30 points": (0.35, 0.05, 0.35, 0.25),
}
#: A share at the margin of 15 points: equivalence must be found in at most 5 % of plays.
AT_MARGIN = (0.30, 0.10, 0.25, 0.35)
EVEN = np.array([[0.30, 0.08, 0.05], [0.08, 0.22, 0.04], [0.05, 0.04, 0.14]])
RARE = np.array(
    [[0.50, 0.03, 0.01, 0.01], [0.03, 0.25, 0.01, 0.01], [0.01, 0.01, 0.08, 0.0], [0.01, 0.01, 0.0, 0.04]]
)
DRIFT = np.array([[0.25, 0.04, 0.03], [0.14, 0.24, 0.04], [0.09, 0.05, 0.12]])


def share(chances):
    """Return how one share is played."""

    def play(rng, n):
        counts = prop.PairedCounts(*map(int, rng.multinomial(n, chances)))
        return {
            "difference, Bonett-Price": shares.bonett_price_paired(counts),
            "difference, Tango": prop.tango_paired(counts),
            "difference, Newcombe": prop.newcombe_paired(counts),
            "ratio, Tang": shares.tang_ratio(counts),
            "ratio, Bonett-Price hybrid": shares.bonett_price_ratio(counts),
        }

    return play


def margin(rng, n):
    """Play equivalence at its margin."""
    counts = prop.PairedCounts(*map(int, rng.multinomial(n, AT_MARGIN)))
    return {
        "equivalence within 15 points": shares.tango_equivalence(counts, (-0.15, 0.15))[1],
        "not below − 15 points": shares.tango_equivalence(swapped(counts), (-0.15, math.inf))[1],
    }


def swapped(counts):
    """Return the table with the waves swapped."""
    return prop.PairedCounts(counts.both, counts.gained, counts.lost, counts.neither)


def categories(chances):
    """Return how a k × k table is played: all tests, and the least corrected p of the categories."""
    k = len(chances)

    def play(rng, n):
        table = rng.multinomial(n, (chances / chances.sum()).ravel()).reshape(k, k)
        found = square.exchanged(table, rng)
        each = [
            prop.mcnemar_mid_p(int(table[c].sum() - table[c, c]), int(table[:, c].sum() - table[c, c]))
            for c in range(k)
        ]
        holm = adjusted(each, "holm" if np.isfinite(each).sum() > 2 else "none")
        shift, symmetry = found or (None, None)
        return {
            "Stuart-Maxwell": square.stuart_maxwell(table).p_value,
            "Bhapkar": square.bhapkar(table).p_value,
            "exchange, exact": shift.p_value if shift else math.nan,
            "exchange, mid-p": shift.mid_p if shift else math.nan,
            "Bowker": square.bowker(table).p_value,
            "symmetry, exact": symmetry.p_value if symmetry else math.nan,
            "any category, mid-p Holm": float(np.nanmin(holm)) if np.isfinite(holm).any() else math.nan,
        }

    return play


def counts(mean, ratio, change):
    """Return how counts are played: rates differ between people (gamma, shape 1), and their changes by a gamma of shape `change`."""

    def play(rng, n):
        rate = mean * rng.gamma(1.0, 1.0, n)
        before = rng.poisson(rate)
        after = rng.poisson(rate * ratio * (rng.gamma(change, 1 / change, n) if change else 1.0))
        totals = rates.Totals(int(before.sum()), int(after.sum()))
        robust = rates.robust_ratio(before, after)
        known = math.isfinite(robust.std_error)
        return {
            "robust": robust.interval(0.95) if known else (math.nan, math.nan),
            "Poisson, exact": rates.conditional_interval(totals),
            "Poisson, mid-p": rates.conditional_interval(totals, mid_p=True),
            "robust test": robust.test()[1] if known else math.nan,
            "exchange": sign_flip(after - before).p_value,
            "exact test": rates.conditional_test(totals),
            "mid-p test": rates.conditional_test(totals, mid_p=True),
        }

    return play


def cases() -> list[Case]:
    """Return the cases of this room."""
    made = []
    for name, chances in TWO.items():
        both, lost, gained, _ = chances
        difference, ratio = gained - lost, (both + gained) / (both + lost)
        truth = {f"difference, {m}": difference for m in ("Bonett-Price", "Tango", "Newcombe")}
        truth |= {f"ratio, {m}": ratio for m in ("Tang", "Bonett-Price hybrid")}
        made.append(Case(f"paired share: {name}", truth, share(chances), SIZES, 2_000))
    made.append(Case(
        "paired share at a margin of 15 points (no effect)", {}, margin, SIZES, 4_000,
        ("equivalence within 15 points", "not below − 15 points"),
    ))  # fmt: skip
    tests = (
        "Stuart-Maxwell", "Bhapkar", "exchange, exact", "exchange, mid-p", "Bowker", "symmetry, exact", "any category, mid-p Holm",
    )  # fmt: skip
    for name, chances in (
        ("three categories, no effect", EVEN), ("four categories, two rare, no effect", RARE), ("three categories, drift", DRIFT),
    ):  # fmt: skip
        made.append(Case(name, {}, categories(chances), SIZES, 1_000, tests))
    for name, mean, ratio, change in (
        ("paired counts, independent, no effect", 2.0, 1.0, None),
        ("paired counts, clumped by person, no effect", 2.0, 1.0, 1.0),
        ("paired counts, few events, no effect", 0.3, 1.0, None),
        ("paired counts, clumped, ratio 0.6", 3.0, 0.6, 1.0),
    ):
        truth = dict.fromkeys(("robust", "Poisson, exact", "Poisson, mid-p"), ratio)
        made.append(
            Case(
                name,
                truth,
                counts(mean, ratio, change),
                SIZES,
                2_000,
                ("robust test", "exchange", "exact test", "mid-p test"),
            )
        )
    return made
