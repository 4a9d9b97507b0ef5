"""Coverage of shifts, sizes and superiority, and size of rank, sign and permutation tests, of paired and of two-group numbers."""

from __future__ import annotations

import math

import numpy as np
from case import Case
from scipy import stats

from evalkit.comparison.paired.effect_sizes import d_av, d_z, rank_biserial
from evalkit.comparison.paired.number_margins import margin_rows
from evalkit.comparison.paired.number_rows import pairs_of, t_limits, t_p
from evalkit.comparison.paired.plan import Plan
from evalkit.numerics.proportions import PairedCounts, mcnemar_exact, tango_paired
from evalkit.numerics.ranks import rank_sum, sign_flip, sign_median, signed_rank, superiority

SIZES = (20, 79, 170)
_BOTH = ("t", "signed ranks (Wilcoxon)", "signed ranks (Pratt)", "signs exchanged", "sign test")


def _limits(found) -> tuple[float, float]:
    return found.conf_low, found.conf_high


def _tests(d: np.ndarray) -> dict[str, float]:
    n = len(d)
    t = d.mean() / (d.std(ddof=1) / math.sqrt(n)) if np.ptp(d) else math.nan
    return {
        "t": t_p(t, n - 1.0, "two-sided") if np.isfinite(t) else math.nan,
        "signed ranks (Wilcoxon)": signed_rank(d).p_value,
        "signed ranks (Pratt)": signed_rank(d, "pratt").p_value,
        "signs exchanged": sign_flip(d).p_value,
        "sign test": mcnemar_exact(int((d < 0).sum()), int((d > 0).sum())),
    }


def _shifts(d: np.ndarray) -> dict[str, tuple[float, float]]:
    n = len(d)
    return {
        "t, mean": t_limits(d.mean(), d.std(ddof=1) / math.sqrt(n), n - 1.0, 0.95)
        if np.ptp(d)
        else (math.nan, math.nan),
        "Hodges-Lehmann": _limits(signed_rank(d).shift),
        "signs, median": _limits(sign_median(d)),
    }


def _normal(rng: np.random.Generator, n: int) -> dict:
    # In tenths, as a questionnaire has it: ties, and a few zeros.
    d = rng.normal(0, 1, n).round(1)
    return {**_shifts(d), **_tests(d)}


def _heavy(rng: np.random.Generator, n: int) -> dict:
    d = rng.standard_t(2, n).round(1)
    return {**_shifts(d), **_tests(d)}


def _skew(rng: np.random.Generator, n: int) -> dict:
    """Differences whose mean is 0, median and centre not: each interval against its own truth."""
    return _shifts(rng.exponential(1, n) - 1)


def _skew_centre() -> float:
    """The median of the mean of two exponentials, less 1: a gamma of shape 2."""
    return float(stats.gamma.ppf(0.5, 2, scale=0.5)) - 1


def _sizes(effect: float, correlation: float):
    def play(rng: np.random.Generator, n: int) -> dict:
        both = rng.multivariate_normal((0, effect), ((1, correlation), (correlation, 1)), size=n)
        before, after = both.T
        return {
            "d_z, noncentral t": _limits(d_z(after - before)),
            "d_av, Bonett": _limits(d_av(before, after)[0]),
            "rank-biserial, U-statistic": _limits(rank_biserial(after - before)),
        }

    spread = math.sqrt(2 - 2 * correlation)
    biserial = 2 * stats.norm.cdf(math.sqrt(2) * effect / spread) - 1
    truth = {
        "d_z, noncentral t": effect / spread,
        "d_av, Bonett": effect,
        "rank-biserial, U-statistic": biserial,
    }
    return truth, play


_START = np.array([0.35, 0.25, 0.2, 0.15, 0.05])
_STEP = {-1: 0.15, 0: 0.45, 1: 0.3, 2: 0.1}


def _moves(rng: np.random.Generator, n: int, up: bool) -> tuple[np.ndarray, np.ndarray]:
    before = rng.choice(5, n, p=_START)
    steps = (
        rng.choice(list(_STEP), n, p=list(_STEP.values()))
        if up
        else rng.choice([-1, 0, 1], n, p=[0.25, 0.5, 0.25])
    )
    after = np.clip(before + steps, 0, 4)
    # Without a trend both dates are exchanged at random: no change, whatever the ends of the scale do.
    swap = (rng.random(n) < 0.5) & (not up)
    return np.where(swap, after, before).astype(float), np.where(swap, before, after).astype(float)


def _ordinal_truth() -> dict[str, float]:
    higher = lower = mean = 0.0
    for start, share in enumerate(_START):
        for step, chance in _STEP.items():
            moved = min(max(start + step, 0), 4) - start
            mean += share * chance * moved
            higher, lower = higher + share * chance * (moved > 0), lower + share * chance * (moved < 0)
    return {"t, mean score": mean, "Tango, superiority": higher - lower}


def _ordinal(up: bool):
    def play(rng: np.random.Generator, n: int) -> dict:
        d = np.subtract(*_moves(rng, n, up)[::-1])
        counts = PairedCounts(0, int((d < 0).sum()), int((d > 0).sum()), int((d == 0).sum()))
        shifts = _shifts(d)
        return {"t, mean score": shifts["t, mean"], "Tango, superiority": tango_paired(counts), **_tests(d)}

    return play


def _margin(rng: np.random.Generator, n: int) -> dict:
    """A difference that lies exactly on the margin: the share of p at or below 0.05 is the size."""
    d = rng.normal(0.5, 1, n)
    rows = margin_rows(pairs_of(np.zeros(n), d), Plan(margin=(-0.5, 0.5)), None)
    return {"margins, t": rows[0]["p_value"], "margins, signed ranks": rows[1]["p_value"]}


def _groups(shift: float, spread: float, rounded: bool):
    def play(rng: np.random.Generator, n: int) -> dict:
        x, y = rng.normal(0, 1, n // 2), rng.normal(shift, spread, n - n // 2)
        if rounded:
            x, y = x.round(0), y.round(0)
        ranks, above = rank_sum(x, y), superiority(x, y)
        return {
            "Hodges-Lehmann, shift": _limits(ranks.shift),
            "Newcombe 5, superiority": (above.newcombe_low, above.newcombe_high),
            "Brunner-Munzel, superiority": (above.low, above.high),
            "rank sums": ranks.p_value,
            "Brunner-Munzel": above.p_value,
        }

    theta = float(stats.norm.cdf(shift / math.sqrt(1 + spread**2)))
    if rounded:
        edges = np.arange(-9.5, 10)
        px, py = (np.diff(stats.norm.cdf(edges, m, s)) for m, s in ((0, 1), (shift, spread)))
        theta = float(sum(py[j] * (px[:j].sum() + px[j] / 2) for j in range(len(py))))
    truth = {"Newcombe 5, superiority": theta, "Brunner-Munzel, superiority": theta}
    return (truth if spread != 1 else {"Hodges-Lehmann, shift": shift, **truth}), play


def cases() -> list[Case]:
    found = [
        Case("paired, normal differences in tenths, no change", {"t, mean": 0, "Hodges-Lehmann": 0, "signs, median": 0},
             _normal, SIZES, tests=_BOTH),
        Case("paired, heavy-tailed differences (t with 2 df) in tenths, no change",
             {"t, mean": 0, "Hodges-Lehmann": 0, "signs, median": 0}, _heavy, SIZES, tests=_BOTH),
        Case("paired, skew differences (exponential), each its own truth",
             {"t, mean": 0, "Hodges-Lehmann": _skew_centre(), "signs, median": math.log(2) - 1}, _skew, SIZES),
        Case("paired, five ordered answers, rising", _ordinal_truth(), _ordinal(True), SIZES),
        Case("paired, five ordered answers, no change", {"t, mean score": 0, "Tango, superiority": 0}, _ordinal(False), SIZES,
             tests=_BOTH),
        Case("paired, difference on the margin", {}, _margin, SIZES, tests=("margins, t", "margins, signed ranks")),
    ]  # fmt: skip
    for effect, correlation in ((0.3, 0.7), (1.0, 0.5)):
        truth, play = _sizes(effect, correlation)
        found.append(
            Case(
                f"paired, sizes, shift of {effect:g} standard deviations, correlation {correlation:g}",
                truth,
                play,
                SIZES,
            )
        )
    for name, shift, spread, rounded in (
        ("two groups, normal, no difference", 0.0, 1.0, False),
        ("two groups, normal in whole points, shift of 1", 1.0, 1.0, True),
        ("two groups, normal, other spread, no superiority", 0.0, 3.0, False),
        ("two groups, normal, other spread, shift of 1.5", 1.5, 2.0, False),
    ):
        truth, play = _groups(shift, spread, rounded)
        if rounded:
            truth.pop("Hodges-Lehmann, shift")
        found.append(Case(name, truth, play, SIZES, tests=("rank sums", "Brunner-Munzel")))
    return found
