"""Write the interval-observed tables R and the tests read: one that lifelines ships (MIT), and seeded synthetic ones.

Run from the repository's root: ``python tests/parity/survival_intervals/scripts/make_inputs.py``, then ``Rscript`` on ``reference.R``.
"""

from pathlib import Path

import lifelines.datasets as shipped
import numpy as np
import pandas as pd

INPUTS = Path(__file__).resolve().parents[1] / "inputs"


def seen_between(seed: int, n: int, whole: bool, visits: int, exact: float) -> pd.DataFrame:
    """Weibull times seen between visits at irregular times, some of them exactly."""
    rng = np.random.default_rng(seed)
    time = 200 * rng.weibull(1.5, n)
    visit = rng.exponential(60, (n, visits)).cumsum(axis=1)
    edges = np.concatenate([np.zeros((n, 1)), visit, np.full((n, 1), np.inf)], axis=1)
    if whole:
        time, edges = np.ceil(time), np.ceil(edges)
    at = (edges < time[:, None]).sum(axis=1)
    lower, upper = edges[np.arange(n), at - 1], edges[np.arange(n), at]
    known = rng.random(n) < exact
    lower, upper = np.where(known, time, lower), np.where(known, time, upper)
    group = np.where(rng.random(n) < 0.5, "a", "b")
    return pd.DataFrame({"lower": lower.round(3), "upper": upper.round(3), "group": group})


def followed(seed: int = 20122, n: int = 120) -> pd.DataFrame:
    """Times known exactly or censored on the right: whole days, ties."""
    rng = np.random.default_rng(seed)
    time, end = np.ceil(rng.exponential(40, n)), np.ceil(rng.uniform(5, 80, n))
    return pd.DataFrame(
        {"lower": np.minimum(time, end), "upper": np.where(time <= end, time, np.inf), "group": "a"}
    )


def tables() -> dict[str, pd.DataFrame]:
    """Return every table."""
    diabetes = shipped.load_diabetes()
    return {
        "diabetes": pd.DataFrame(
            {"lower": diabetes["left"], "upper": diabetes["right"], "group": diabetes["gender"]}
        ),
        "monthly": seen_between(20120, 170, True, 8, 0.0),
        "mixed": seen_between(20121, 150, False, 8, 0.3),
        "followed": followed(),
        "status": seen_between(20123, 250, True, 1, 0.0),
    }


if __name__ == "__main__":
    for name, table in tables().items():
        table.to_csv(INPUTS / f"{name}.csv", index=False)
