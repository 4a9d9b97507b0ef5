"""Coverage of pooled intervals: a hazard ratio when a covariate is missing more often among those who leave.

Not a test.
"""

from functools import partial

import numpy as np
import pandas as pd
from case import Case

from evalkit.survival import cox, impute, pooled
from evalkit.timetoevent import TimeToEvent


def cases() -> list[Case]:
    """Return the cases."""
    kinds = ("multiple imputation, m = 10", "complete cases", "nothing missing")
    return [
        Case(
            f"log hazard ratio {beta}, 30 % of the covariate missing given exit and a proxy",
            dict.fromkeys(kinds, beta),
            partial(hazard_ratio, beta=beta),
            (170, 1_000),
        )
        for beta in (0.35, 0.7)
    ]


def hazard_ratio(rng: np.random.Generator, n: int, beta: float) -> dict[str, tuple[float, float]]:
    """Play one data set."""
    z = rng.normal(size=n)
    x = 0.7 * z + 0.7 * rng.normal(size=n)
    exits, end = rng.exponential(300 * np.exp(-beta * x)), rng.uniform(100, 900, n)
    event = exits <= end
    lost = rng.random(n) < np.where(event == (z > 0), 0.6, 0.05)
    frame = pd.DataFrame({"x": np.where(lost, np.nan, x), "z": z, "full": x})
    tte = TimeToEvent(np.ceil(np.minimum(exits, end)), event.astype(int), ("relapse",), covariates=frame)
    sets = impute(tte, columns=["x", "z"], m=10, iterations=3, seed=int(rng.integers(2**31)))
    answers = {
        "multiple imputation, m = 10": pooled(lambda t: cox(t, "x"), sets, df_complete=event.sum() - 1),
        "complete cases": cox(tte, "x", missing="drop"),
        "nothing missing": cox(tte, "full"),
    }
    return {kind: tuple(r.table[["conf_low", "conf_high"]].iloc[0]) for kind, r in answers.items()}
