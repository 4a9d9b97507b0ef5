"""Coverage of intervals for competing exits: shares, Fine-Gray coefficients and predictions, time lost.

Subdistribution data follow the scheme of Fine & Gray (1999), §5, so that the model holds and its coefficients are known.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
from case import Case
from scipy.special import ndtr

from evalkit.errors import InputError
from evalkit.survival import aalen_johansen, cause_specific, fine_gray, years_lost
from evalkit.survival.curves.transforms import CONF_TYPES
from evalkit.timetoevent import TimeToEvent

CAUSES = ("one", "two")
#: Share that leaves by exit one, in the end, at x = 0; the coefficient of x.
SHARE, BETA = 0.4, 0.5
#: Hazards of the two exits per group, where shares are compared.
HAZARDS = {"a": (0.6, 0.3), "b": (0.3, 0.5)}
WINDOW = 1.5


def _bounds(table: pd.DataFrame, row: int) -> tuple[float, float]:
    return tuple(table[["conf_low", "conf_high"]].iloc[row])


def _seen(first: np.ndarray, which: np.ndarray, end: np.ndarray) -> dict[str, np.ndarray]:
    return {"time": np.minimum(first, end), "cause": np.where(first <= end, which, 0)}


# ---- shares and time lost, constant hazards ---------------------------------------------------------------------------
def _exponential(rng: np.random.Generator, n: int) -> TimeToEvent:
    group = np.where(np.arange(n) % 2, "a", "b")
    one, two = np.array([HAZARDS[g] for g in group]).T
    first = rng.exponential(1 / (one + two))
    which = np.where(rng.random(n) < one / (one + two), 1, 2)
    seen = _seen(first, which, rng.uniform(0.5, 4, n))
    return TimeToEvent(**seen, causes=CAUSES, covariates=pd.DataFrame({"group": group}))


def _share(t: float, group: str) -> float:
    one, two = HAZARDS[group]
    return one / (one + two) * -np.expm1(-(one + two) * t)


def _lost(group: str) -> float:
    one, two = HAZARDS[group]
    total = one + two
    return one / total * (WINDOW + np.expm1(-total * WINDOW) / total)


def _incidence(rng: np.random.Generator, n: int) -> dict[str, tuple[float, float]]:
    tte, found = _exponential(rng, n), {}
    for conf_type in CONF_TYPES:
        table = aalen_johansen(tte, by="group", conf_type=conf_type).table.query(
            "cause == 'one' and group == 'a'"
        )
        found[conf_type] = _bounds(table, int((table["time"] <= 1).sum()) - 1)
    table = aalen_johansen(tte, by="group", variance="aalen").table.query("cause == 'one' and group == 'a'")
    return found | {"log-log, Aalen's variance": _bounds(table, int((table["time"] <= 1).sum()) - 1)}


def _time_lost(rng: np.random.Generator, n: int) -> dict[str, tuple[float, float]]:
    try:
        table = years_lost(_exponential(rng, n), WINDOW, by="group").table
    except InputError:
        # A small group may be followed for less than the window: the method says so.
        return dict.fromkeys(("one group", "difference", "ratio"), (np.nan, np.nan))
    one = table[table["cause"] == "one"].reset_index(drop=True)
    return {"one group": _bounds(one, 0), "difference": _bounds(one, 2), "ratio": _bounds(one, 3)}


# ---- Fine and Gray's scheme --------------------------------------------------------------------------------------------
def _scheme(u: np.ndarray, v: np.ndarray, x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return times and exits: F(t | x) = 1 - (1 - p (1 - exp(-t))) ** exp(x β) for exit one, exponential for exit two."""
    relative = np.exp(BETA * x)
    most = 1 - (1 - SHARE) ** relative
    one = u < most
    inside = (1 - np.minimum(u, most * (1 - 1e-12))) ** (1 / relative)
    with np.errstate(divide="ignore"):
        time = np.where(one, -np.log1p(-(1 - inside) / SHARE), -np.log1p(-v) / np.exp(-BETA * x))
    return time, np.where(one, 1, 2)


def _covariate(rng: np.random.Generator, n: int) -> np.ndarray:
    return rng.normal(size=n).round(3)


def _coefficient(rng: np.random.Generator, n: int) -> dict[str, tuple[float, float]]:
    x = _covariate(rng, n)
    seen = _seen(*_scheme(rng.random(n), rng.random(n), x), rng.uniform(0.3, 3, n))
    tte = TimeToEvent(**seen, causes=CAUSES, covariates=pd.DataFrame({"x": x}))
    fit = fine_gray(tte, "x")
    shown = fit.predict(pd.DataFrame({"x": [1.0]}), [min(1.0, float(tte.time.max()))]).table
    return {
        "coefficient, Fine and Gray's variance": _bounds(fit.table, 0),
        "coefficient, robust": _bounds(fine_gray(tte, "x", variance="robust").table, 0),
        "predicted share at x = 1": _bounds(shown, 0),
    }


def _by_group(rng: np.random.Generator, n: int) -> dict[str, tuple[float, float]]:
    x = _covariate(rng, n)
    group = (x + rng.normal(size=n) > 0).astype(int)
    seen = _seen(*_scheme(rng.random(n), rng.random(n), x), rng.exponential(np.where(group == 1, 0.7, 4)))
    tte = TimeToEvent(**seen, causes=CAUSES, covariates=pd.DataFrame({"x": x, "group": group}))
    return {
        "censoring by group": _bounds(fine_gray(tte, "x", censoring_by="group").table, 0),
        "one censoring for all (wrong here)": _bounds(fine_gray(tte, "x").table, 0),
    }


def _clustered(rng: np.random.Generator, n: int) -> dict[str, tuple[float, float]]:
    """People alike in fives: a Gaussian copula leaves each one's own law as it is."""
    cluster = np.arange(n) // 5
    shared = rng.normal(size=(2, cluster[-1] + 1))[:, cluster]
    u, v = ndtr(np.sqrt(0.6) * shared + np.sqrt(0.4) * rng.normal(size=(2, n)))
    x = _covariate(rng, cluster[-1] + 1)[cluster]
    seen = _seen(*_scheme(u, v, x), rng.uniform(0.3, 3, n))
    tte = TimeToEvent(**seen, causes=CAUSES, covariates=pd.DataFrame({"x": x, "cluster": cluster}))
    return {
        "by cluster": _bounds(fine_gray(tte, "x", cluster="cluster").table, 0),
        "each alone (wrong here)": _bounds(fine_gray(tte, "x").table, 0),
    }


def _late(rng: np.random.Generator, n: int) -> dict[str, tuple[float, float]]:
    x, entry, time, which = (np.zeros(0) for _ in range(4))
    while len(x) < n:
        more = _covariate(rng, 2 * n)
        came = np.where(rng.random(2 * n) < 0.4, 0.0, rng.uniform(0, 0.8, 2 * n))
        first, exit_ = _scheme(rng.random(2 * n), rng.random(2 * n), more)
        there = first > came
        x, entry, time, which = (
            np.concatenate([a, b[there]])
            for a, b in ((x, more), (entry, came), (time, first), (which, exit_))
        )
    x, entry, time, which = (a[:n] for a in (x, entry, time, which))
    seen = _seen(time, which.astype(int), entry + rng.uniform(0.3, 3, n))
    tte = TimeToEvent(**seen, causes=CAUSES, entry=entry, covariates=pd.DataFrame({"x": x}))
    return {"robust": _bounds(fine_gray(tte, "x", variance="robust").table, 0)}


def _all_exits(rng: np.random.Generator, n: int) -> dict[str, tuple[float, float]]:
    x = _covariate(rng, n)
    one, two = 0.5 * np.exp(0.5 * x), 0.4 * np.exp(-0.3 * x)
    which = np.where(rng.random(n) < one / (one + two), 1, 2)
    seen = _seen(rng.exponential(1 / (one + two)), which, rng.uniform(0.8, 4, n))
    tte = TimeToEvent(**seen, causes=CAUSES, covariates=pd.DataFrame({"x": x}))
    models = cause_specific(tte, "x", subdistribution=False)
    shown = models.predict(pd.DataFrame({"x": [1.0]}), min(1.0, float(tte.time.max()))).table
    return {"share by exit one at x = 1": _bounds(shown, 0), "share with no exit at x = 1": _bounds(shown, 2)}


def cases() -> list[Case]:
    """Return what is played."""
    at_one = _share(1.0, "a")
    predicted = 1 - (1 - SHARE * -np.expm1(-1.0)) ** np.exp(BETA)
    kinds = [*CONF_TYPES, "log-log, Aalen's variance"]
    lost = {"one group": _lost("a"), "difference": _lost("b") - _lost("a"), "ratio": _lost("b") / _lost("a")}
    first = {
        "coefficient, Fine and Gray's variance": BETA,
        "coefficient, robust": BETA,
        "predicted share at x = 1": predicted,
    }
    groups = {"censoring by group": BETA, "one censoring for all (wrong here)": BETA}
    alike = {"by cluster": BETA, "each alone (wrong here)": BETA}
    one, two = 0.5 * np.exp(0.5), 0.4 * np.exp(-0.3)
    every = {
        "share by exit one at x = 1": one / (one + two) * -np.expm1(-one - two),
        "share with no exit at x = 1": np.exp(-one - two),
    }
    return [
        Case("share gone by one of two exits, half of n", dict.fromkeys(kinds, at_one), _incidence),
        Case("time lost to one of two exits, groups of n / 2", lost, _time_lost),
        Case("Fine-Gray, own scheme", first, _coefficient),
        Case("Fine-Gray, censoring depends on a group", groups, _by_group),
        Case("Fine-Gray, people alike in fives", alike, _clustered),
        Case("Fine-Gray, six in ten come late", {"robust": BETA}, _late),
        Case("shares from Cox models of every exit", every, _all_exits),
    ]
