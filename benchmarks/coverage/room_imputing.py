"""Coverage of pooled intervals: a hazard ratio when a covariate is missing more often among those who leave.

Not a test.
"""

import numpy as np
import pandas as pd
from case import Case

from evalkit.survival import cox, impute, pooled
from evalkit.timetoevent import TimeToEvent


def cases() -> list[Case]:
    """Return the cases."""
    return [
        Case("log hazard ratio 0.7, a third of the covariate missing given exit and proxy; complete cases miss", {
            "multiple imputation, m = 10": 0.7, "complete cases": 0.7, "nothing missing": 0.7}, hazard_ratio, (170, 1_000), 400)
    ]  # fmt: skip


def hazard_ratio(rng: np.random.Generator, n: int) -> dict[str, tuple[float, float]]:
    """Play one data set."""
    z = rng.normal(size=n)
    x = 0.7 * z + 0.7 * rng.normal(size=n)
    exits, end = rng.exponential(300 * np.exp(-0.7 * x)), rng.uniform(100, 900, n)
    event = exits <= end
    lost = rng.random(n) < np.where(event & (z > 0), 0.7, 0.1)
    frame = pd.DataFrame({"x": np.where(lost, np.nan, x), "z": z, "full": x})
    tte = TimeToEvent(np.ceil(np.minimum(exits, end)), event.astype(int), ("relapse",), covariates=frame)
    sets = impute(tte, columns=["x", "z"], m=10, iterations=3, seed=int(rng.integers(2**31)))
    answers = {
        "multiple imputation, m = 10": pooled(lambda t: cox(t, "x"), sets, df_complete=event.sum() - 1),
        "complete cases": cox(tte, "x", missing="drop"),
        "nothing missing": cox(tte, "full"),
    }
    return {kind: tuple(r.table[["conf_low", "conf_high"]].iloc[0]) for kind, r in answers.items()}
