"""Coverage and size of the comparison of two groups: shares, numbers, ordered categories, counts, weighted samples."""

from __future__ import annotations

import math

import numpy as np
from case import Case
from scipy import stats

from evalkit.numerics import rates, survey
from evalkit.numerics import two_by_two as exact
from evalkit.numerics import two_means as means
from evalkit.numerics import two_proportions as two
from evalkit.numerics.normal import sided_p, z_value
from evalkit.numerics.proportional_odds import proportional_odds
from evalkit.numerics.ranks import superiority

SIZES = (20, 79, 170)


def _counts(rng: np.random.Generator, n: int, p0: float, p1: float, part: float) -> two.TwoCounts:
    n1 = round(n * part)
    return two.TwoCounts(int(rng.binomial(n - n1, p0)), n - n1, int(rng.binomial(n1, p1)), n1)


def _shares(p0: float, p1: float, part: float):
    def play(rng: np.random.Generator, n: int) -> dict:
        c = _counts(rng, n, p0, p1, part)
        z = two.difference_z(c, 0.0)
        return {
            "difference, Newcombe": two.newcombe_difference(c),
            "difference, Miettinen-Nurminen": two.score_difference(c),
            "ratio, Koopman": two.score_ratio(c, corrected=False),
            "odds ratio, Miettinen-Nurminen": two.score_odds_ratio(c),
            "odds ratio, conditional exact": exact.conditional_odds_ratio(c)[1:],
            "Fisher exact": exact.fisher(c),
            "Fisher mid-p": exact.fisher(c, mid_p=True) if 0 < c.x < c.n else math.nan,
            "chi-squared": sided_p(z, "two-sided") if 0 < c.x < c.n else math.nan,
        }

    odds = p1 / (1 - p1) / (p0 / (1 - p0))
    truth = {
        "difference, Newcombe": p1 - p0, "difference, Miettinen-Nurminen": p1 - p0, "ratio, Koopman": p1 / p0,
        "odds ratio, Miettinen-Nurminen": odds, "odds ratio, conditional exact": odds,
    }  # fmt: skip
    return truth, play


def _finite(pair: tuple[float, float]) -> tuple[float, float]:
    """Return an interval whose open end is a large number: it is given, and holds what lies below."""
    return pair[0], min(pair[1], 1e300)


def _shares_case(name: str, p0: float, p1: float, part: float) -> Case:
    truth, play = _shares(p0, p1, part)

    def closed(rng: np.random.Generator, n: int) -> dict:
        return {k: _finite(v) if isinstance(v, tuple) else v for k, v in play(rng, n).items()}

    return Case(name, truth, closed, SIZES, 600, ("Fisher exact", "Fisher mid-p", "chi-squared"))


def _boschloo(rng: np.random.Generator, n: int) -> dict:
    c = _counts(rng, n, 0.3, 0.3, 0.5)
    return {"Fisher-Boschloo": exact.boschloo(c)}


def _numbers(rng: np.random.Generator, n: int) -> dict:
    n1 = round(0.4 * n)
    x, y = rng.normal(0, 1, n - n1), rng.normal(0.5, 2, n1)
    over = superiority(x, y)
    found = means.welch(x, y)
    return {
        "difference, Welch": (found.low, found.high),
        "superiority, Newcombe": (over.newcombe_low, over.newcombe_high),
        "superiority, Brunner-Munzel": (over.low, over.high),
    }


def _skewed(rng: np.random.Generator, n: int) -> dict:
    n1 = round(0.4 * n)
    x, y = np.exp(rng.normal(0, 1, n - n1)), np.exp(rng.normal(0, 1, n1))
    found, over = means.welch(x, y), superiority(x, y)
    return {
        "difference, Welch": (found.low, found.high),
        "superiority, Newcombe": (over.newcombe_low, over.newcombe_high),
        "Welch": found.p_value,
        "Brunner-Munzel": over.p_value,
    }


def _permuted(rng: np.random.Generator, n: int) -> dict:
    values = np.exp(rng.normal(0, 1, n))
    found = means.permutation(values[: n // 2], values[n // 2 :], seed=int(rng.integers(1e6)), draws=999)
    return {"permutation": found.p_value}


def _standardised(rng: np.random.Generator, n: int) -> dict:
    x, y = rng.normal(0, 1, n - n // 2), rng.normal(0.5, 1, n // 2)
    return {"Hedges": means.hedges_g(x, y)[1:]}


def _ordered(rng: np.random.Generator, n: int) -> dict:
    cuts = np.array([-1.0, 0.0, 1.2])
    n1 = n // 2
    # Logistic errors with a shift: proportional odds hold, their log is the shift.
    x, y = (np.searchsorted(cuts, rng.logistic(shift, 1, k)) for shift, k in ((0.0, n - n1), (0.7, n1)))
    table = np.array([np.bincount(v, minlength=4) for v in (x, y)])
    fit = proportional_odds(*table[:, table.sum(axis=0) > 0])
    wald = (math.nan, math.nan)
    if fit is not None:
        wald = (
            fit.log_odds_ratio - z_value(0.95) * fit.std_error,
            fit.log_odds_ratio + z_value(0.95) * fit.std_error,
        )
    over = superiority(x.astype(float), y.astype(float))
    return {"log odds ratio, Wald": wald, "superiority, Newcombe": (over.newcombe_low, over.newcombe_high)}


def _superiority_of_ordered() -> float:
    cuts = np.array([-np.inf, -1.0, 0.0, 1.2, np.inf])
    p, q = (np.diff(stats.logistic.cdf(cuts - shift)) for shift in (0.0, 0.7))
    return float(q @ (p.cumsum() - p / 2))


def _rates(spread: float):
    def play(rng: np.random.Generator, n: int) -> dict:
        n1 = n // 2
        exposure = rng.uniform(0.5, 2, n)
        treated = np.arange(n) < n1
        mean = np.where(treated, 1.5, 1.0) * exposure
        y = rng.poisson(mean * rng.gamma(1 / spread, spread, n) if spread else mean).astype(float)
        x0, x1 = y[~treated].sum(), y[treated].sum()
        e0, e1 = exposure[~treated].sum(), exposure[treated].sum()
        none = (math.nan, math.nan)
        out = {
            "exact": rates.exact_rate_ratio(int(x0), e0, int(x1), e1)[1:],
            "robust": none,
            "quasi-Poisson": none,
        }
        if min(x0, x1) > 0:
            parts = [
                rates.spread_of_rate(y[own], exposure[own]) / (y[own].sum() / exposure[own].sum()) ** 2
                for own in (~treated, treated)
            ]
            df = 1 / sum((p / sum(parts)) ** 2 / (k - 1) for p, k in zip(parts, (n - n1, n1), strict=True))
            robust = rates.Robust(math.log(x1 / e1 / (x0 / e0)), math.sqrt(sum(parts)), df)
            quasi = rates.quasi_poisson(
                x0, x1, (x0 / e0, x1 / e1), rates.dispersion_of(y, exposure, treated), n - 2
            )
            out["robust"] = tuple(np.exp(robust.interval(0.95)))
            out["quasi-Poisson"] = tuple(np.exp(quasi.interval(0.95)))
        return {k: _finite(v) for k, v in out.items()}

    return play


def _population() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return 50 000 people: group, outcome, and the chance of being drawn, which goes with the outcome."""
    rng = np.random.default_rng(42)
    group = rng.random(50_000) < 0.5
    mood = rng.normal(0, 1, 50_000) + 0.4 * group
    yes = mood + rng.normal(0, 1, 50_000) > 0.3
    return group, yes.astype(float), np.exp(0.5 * mood) + 0.3


_PEOPLE = _population()


def _weighted(rng: np.random.Generator, n: int) -> dict:
    group, yes, chance = _PEOPLE
    drawn = rng.choice(len(group), n, p=chance / chance.sum())
    treated, y = group[drawn], yes[drawn]
    design = survey.Design(1 / chance[drawn])
    none = (math.nan, math.nan)
    if min(treated.sum(), (~treated).sum()) < 2:
        return {"difference, linearised": none, "share, logit": none, "share, Korn-Graubard": none}
    made = survey.two_ratios(design, treated, y, np.ones(n))
    gap, se = made.values[1] - made.values[0], made.error((-1.0, 1.0))
    half = float(stats.t.isf(0.025, design.df - 1)) * se
    out = {
        "difference, linearised": (gap - half, gap + half) if se > 0 else none,
        "share, logit": none,
        "share, Korn-Graubard": none,
    }
    share, error, df = float(made.values[1]), math.sqrt(made.covariance[1, 1]), design.df_of(treated)
    if error > 1e-9:
        out["share, logit"] = survey.logit_interval(share, error, df)
        out["share, Korn-Graubard"] = survey.korn_graubard(share, error, int(treated.sum()), df)
    return out


def cases() -> list[Case]:
    """Return the cases of the room."""
    group, yes, _ = _PEOPLE
    shares = [float(yes[group == k].mean()) for k in (False, True)]
    over = float(stats.norm.cdf(0.5 / math.sqrt(5)))
    rich = {"difference, Welch": 0.0, "superiority, Newcombe": 0.5}
    odds = {"log odds ratio, Wald": 0.7, "superiority, Newcombe": _superiority_of_ordered()}
    ratio = {"exact": 1.5, "robust": 1.5, "quasi-Poisson": 1.5}
    share = {
        "difference, linearised": shares[1] - shares[0],
        "share, logit": shares[1],
        "share, Korn-Graubard": shares[1],
    }
    normal = {"difference, Welch": 0.5, "superiority, Newcombe": over, "superiority, Brunner-Munzel": over}
    return [
        _shares_case("two shares of 30 %, no effect", 0.3, 0.3, 0.5),
        _shares_case("shares of 20 and 45 %, 40 % in the other group", 0.2, 0.45, 0.4),
        _shares_case("rare: 5 and 15 %", 0.05, 0.15, 0.5),
        Case(
            "two shares of 30 %, no effect, every table", {}, _boschloo, (20, 79), 500, ("Fisher-Boschloo",)
        ),
        Case("normal, spread twice as large in the smaller group", normal, _numbers, SIZES, 1_000),
        Case("log-normal, no effect", rich, _skewed, SIZES, 1_000, ("Welch", "Brunner-Munzel")),
        Case("log-normal, no effect, labels exchanged", {}, _permuted, SIZES, 500, ("permutation",)),
        Case("normal, half a standard deviation", {"Hedges": 0.5}, _standardised, SIZES, 500),
        Case("four ordered answers, one odds ratio at every cut", odds, _ordered, SIZES, 1_000),
        Case("Poisson counts, rate ratio 1.5", ratio, _rates(0.0), SIZES, 1_000),
        Case(
            "counts that vary three times more than Poisson's, rate ratio 1.5",
            ratio,
            _rates(1.5),
            SIZES,
            1_000,
        ),
        Case("sample drawn with weights that go with the outcome", share, _weighted, SIZES, 1_000),
    ]
