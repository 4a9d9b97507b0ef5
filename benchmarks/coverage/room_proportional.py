"""Cases of Cox models: coefficients (Wald, profile, Firth, robust, clustered, exact ties), contrasts, predictions."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
from case import Case

from evalkit.errors import InputError
from evalkit.survival import cox
from evalkit.timetoevent import TimeToEvent

#: Log hazard ratios of a treatment (half of the people) and of a number; days until the event at 0, exponential.
ARM, SLOPE, MEAN = -0.5, 0.4, 120.0
#: A characteristic that few have.
RARE = 0.7
NOTHING = (math.nan, math.nan)
ALONE = "wald (rows taken as independent)"


def people(rng: np.random.Generator, n: int, rare: float = 0.1) -> pd.DataFrame:
    """Return characteristics."""
    return pd.DataFrame(
        {"arm": rng.integers(0, 2, n), "x": rng.normal(size=n), "rare": (rng.random(n) < rare).astype(int)}
    )


def times(
    rng: np.random.Generator, df: pd.DataFrame, lp: np.ndarray, step: float = 0.0, **columns: object
) -> TimeToEvent:
    """Return exponential times, a third censored; `step` days wide when there are to be ties."""
    event, end = rng.exponential(MEAN * np.exp(-lp)), rng.uniform(30, 365, len(df))
    time = np.minimum(event, end)
    time = np.ceil(time / step) if step else time
    return TimeToEvent(
        time=time, cause=(event <= end).astype(int), causes=("event",), covariates=df, **columns
    )


def bounds(fit: object, term: str) -> tuple[float, float]:
    """Return the interval of a term, nothing when it was not estimated."""
    row = fit.table.set_index("term").loc[term]
    return (row["conf_low"], row["conf_high"]) if row["status"] == "ok" else NOTHING


def coefficients(rng: np.random.Generator, n: int) -> dict:
    """Wald and profile intervals of a treatment, and a contrast."""
    df = people(rng, n)
    tte = times(rng, df, ARM * df["arm"] + SLOPE * df["x"])
    plain = cox(tte, "arm + x")
    contrast = plain.contrast({"arm": 1, "x": -1}).table.iloc[0]
    return {
        "wald": bounds(plain, "arm"),
        "profile": bounds(cox(tte, "arm + x", conf="profile"), "arm"),
        "robust": bounds(cox(tte, "arm + x", robust=True), "arm"),
        "contrast - difference of two": (contrast["conf_low"], contrast["conf_high"]),
    }


def rarity(rng: np.random.Generator, n: int) -> dict:
    """Intervals of a rare characteristic: separation happens."""
    df = people(rng, n, rare=0.08)
    tte = times(rng, df, RARE * df["rare"] + SLOPE * df["x"] - 1.2)
    try:
        plain, firth = cox(tte, "rare + x"), cox(tte, "rare + x", firth=True)
        profile = cox(tte, "rare + x", conf="profile")
    except InputError:
        return dict.fromkeys(("wald", "profile", "firth profile", "firth wald"), NOTHING)
    return {
        "wald": bounds(plain, "rare"),
        "profile": bounds(profile, "rare"),
        "firth profile": bounds(firth, "rare"),
        "firth wald": bounds(cox(tte, "rare + x", firth=True, conf="wald"), "rare"),
    }


def ties(rng: np.random.Generator, n: int) -> dict:
    """Fortnights instead of days: the exact likelihood is that of a logistic model for each fortnight."""
    df = people(rng, n)
    lp = ARM * df["arm"].to_numpy() + SLOPE * df["x"].to_numpy()
    odds = 0.12 * np.exp(lp)
    gone = rng.geometric(odds / (1 + odds))
    end = rng.integers(4, 26, n)
    tte = TimeToEvent(
        time=np.minimum(gone, end), cause=(gone <= end).astype(int), causes=("event",), covariates=df
    )
    return {"exact": bounds(cox(tte, "arm + x", ties="exact"), "arm")}


def clustered(rng: np.random.Generator, n: int) -> dict:
    """People in sites of five to ten who share an influence; the covariate is the site's. The truth is the marginal ratio."""
    site = np.arange(n) // 5
    arm = rng.integers(0, 2, site.max() + 1)[site]
    # A positive stable influence keeps hazards proportional: the marginal log ratio is the conditional one times its index.
    index = 0.8
    angle, waited = rng.uniform(0, math.pi, site.max() + 1), rng.exponential(size=site.max() + 1)
    shared = (
        (np.sin((1 - index) * angle) / waited) ** ((1 - index) / index)
        * np.sin(index * angle)
        / np.sin(angle) ** (1 / index)
    )
    df = pd.DataFrame({"arm": arm, "site": site})
    tte = times(rng, df, ARM / index * arm + np.log(shared[site]))
    return {
        "cluster": bounds(cox(tte, "arm", cluster="site"), "arm"),
        ALONE: bounds(cox(tte, "arm"), "arm"),
    }


def predicted(rng: np.random.Generator, n: int) -> dict:
    """Survival and hazard of a given person on day 60."""
    df = people(rng, n)
    fit = cox(times(rng, df, ARM * df["arm"] + SLOPE * df["x"]), "arm + x")
    new = pd.DataFrame({"arm": [1], "x": [0.5]})
    found = {
        kind: fit.predict(new, 60, conf_type=kind).table.iloc[0]
        for kind in ("log-log", "log", "plain", "logit", "arcsin")
    }
    found["cumulative hazard, log"] = fit.predict(new, 60, kind="cumulative_hazard").table.iloc[0]
    return {kind: (row["conf_low"], row["conf_high"]) for kind, row in found.items()}


def relative(rng: np.random.Generator, n: int) -> dict:
    """Linear predictor of a given person."""
    df = people(rng, n)
    fit = cox(times(rng, df, ARM * df["arm"] + SLOPE * df["x"]), "arm + x")
    row = fit.predict(pd.DataFrame({"arm": [1], "x": [0.5]}), kind="lp", reference="zero").table.iloc[0]
    return {"lp": (row["conf_low"], row["conf_high"])}


def cases() -> list[Case]:
    """Return the cases."""
    hazard = 60 / MEAN * math.exp(ARM + SLOPE * 0.5)
    curves = dict.fromkeys(("log-log", "log", "plain", "logit", "arcsin"), math.exp(-hazard))
    kinds = ("wald", "profile", "robust")
    return [
        Case("log hazard ratio of a treatment, a third censored",
             {**dict.fromkeys(kinds, ARM), "contrast - difference of two": ARM - SLOPE}, coefficients, plays=600),
        Case("log hazard ratio of a characteristic of 8 % of people, two thirds censored",
             dict.fromkeys(("wald", "profile", "firth profile", "firth wald"), RARE), rarity, plays=600),
        Case("log odds ratio of a treatment, fortnights (heavy ties)", {"exact": ARM}, ties, plays=400),
        Case("marginal log hazard ratio of a site's treatment, sites of 5", dict.fromkeys(("cluster", ALONE), ARM),
             clustered, plays=1000),
        Case("survival of a given person at day 60", {**curves, "cumulative hazard, log": hazard}, predicted, plays=500),
        Case("linear predictor of a given person", {"lp": ARM + SLOPE * 0.5}, relative, plays=600),
    ]  # fmt: skip
