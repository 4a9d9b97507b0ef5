"""The data of the survival benchmarks: seeded, so that every contestant reads the same.

Not real people: 10 normal covariates, whole days 1 to 730, about 40 % censored, three causes, hundreds of ties a day at a million.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

P = 10
COVARIATES = [f"x{i}" for i in range(P)]
FORMULA = " + ".join(COVARIATES)
CODES = {0: "censored", 1: "one", 2: "two", 3: "three"}
#: Rows of a cluster.
CLUSTER = 40


def people(n: int, whole: bool = True) -> pd.DataFrame:
    """Return n people: covariates, time, cause (0 censored), event (1 for cause one), cluster, group.

    Without `whole` the times have five decimals: hardly any are tied.
    """
    rng = np.random.default_rng(1)
    x = rng.normal(size=(n, P))
    hazards = [(500, np.linspace(-0.3, 0.3, P)), (1500, np.linspace(0.2, -0.2, P)), (3000, np.zeros(P))]
    exits = np.stack([rng.weibull(1.1, n) * scale * np.exp(-x @ b / 1.1) for scale, b in hazards])
    end = rng.uniform(1, 730, n)
    observed = np.minimum(np.minimum(exits.min(axis=0), end), 730)
    cause = np.where(exits.min(axis=0) <= np.minimum(end, 730), exits.argmin(axis=0) + 1, 0)
    frame = pd.DataFrame(np.asfortranarray(x), columns=COVARIATES)
    time = np.maximum(np.ceil(observed), 1) if whole else observed.round(5) + 1e-5
    return frame.assign(time=time, cause=cause)


def with_groups(n: int) -> pd.DataFrame:
    """Return n people with a cluster of 40 and one of two groups each."""
    rng = np.random.default_rng(2)
    return people(n).assign(cluster=rng.permutation(n) // CLUSTER, group=rng.integers(0, 2, n))


def intervals(n: int) -> pd.DataFrame:
    """Return n rows (start, stop] of n / 2 people, the first covariate changing on the way."""
    rng = np.random.default_rng(3)
    whole = people(n // 2)
    middle = np.floor(whole["time"] * rng.random(n // 2))
    cut = middle > 0
    # Who has no room for a cut is two rows short: nobody is at risk over no time.
    early = whole[cut].assign(start=0.0, time=middle[cut], cause=0, person=np.flatnonzero(cut))
    late = whole.assign(start=middle, person=np.arange(n // 2))
    late["x0"] = late["x0"] + rng.normal(size=n // 2)
    return pd.concat([early, late], ignore_index=True)


def with_event(frame: pd.DataFrame) -> pd.DataFrame:
    """Return what rivals read: event 0/1 instead of the cause."""
    return frame.assign(event=(frame["cause"] == 1).astype(int)).drop(columns="cause")
