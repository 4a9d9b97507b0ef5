"""Write the seeded synthetic tables R and the tests read.

Run from the repository's root: ``python tests/parity/survival_penalties/scripts/make_inputs.py``, then ``Rscript`` on ``reference.R``.
"""

from pathlib import Path

import numpy as np
import pandas as pd

INPUTS = Path(__file__).resolve().parents[1] / "inputs"


def sites(seed: int = 20131, n: int = 260, clusters: int = 32) -> pd.DataFrame:
    """People of sites with gamma frailties, whole weeks with many ties, two strata, some entering late."""
    rng = np.random.default_rng(seed)
    site = rng.integers(0, clusters, n)
    x, helped, region = rng.normal(size=n).round(3), rng.integers(0, 2, n), rng.integers(0, 2, n)
    pace = rng.gamma(1.5, 1 / 1.5, clusters)[site] * np.exp(0.6 * x - 0.5 * helped)
    start = np.where(rng.random(n) < 0.25, rng.integers(1, 8, n), 0)
    time = start + np.ceil(rng.exponential(20 / pace) * np.where(region == 1, 1.6, 1))
    end = start + rng.integers(4, 40, n)
    return pd.DataFrame({
        "start": start, "stop": np.minimum(time, end).astype(int), "event": (time <= end).astype(int), "site": site + 1, "x": x,
        "helped": helped, "region": np.where(region == 1, "south", "north"), "count": rng.integers(1, 4, n),
    })  # fmt: skip


def episodes(seed: int = 20132, people: int = 90) -> pd.DataFrame:
    """Repeated events of people with log-normal frailties, real times on the calendar of each person."""
    rng = np.random.default_rng(seed)
    rows = []
    for person in range(1, people + 1):
        arm, luck, now, end = (
            int(rng.integers(0, 2)),
            rng.normal(0, 0.8),
            0.0,
            round(float(rng.uniform(20, 60)), 2),
        )
        while now < end:
            wait = max(round(float(rng.exponential(22 * np.exp(0.5 * arm - luck))), 2), 0.01)
            stop = min(round(now + wait, 2), end)
            rows.append((person, now, stop, int(now + wait <= end), arm, round(float(rng.normal()), 3)))
            now = stop
    return pd.DataFrame(rows, columns=["id", "start", "stop", "event", "arm", "x"])


def many(seed: int = 20133, n: int = 180, p: int = 25) -> pd.DataFrame:
    """Many correlated columns on different scales, few events with ties."""
    rng = np.random.default_rng(seed)
    shared = rng.normal(size=(n, 1))
    x = ((rng.normal(size=(n, p)) + 0.7 * shared) * rng.uniform(0.2, 6, p)).round(3)
    time = np.ceil(
        rng.exponential(30 * np.exp(-0.5 * x[:, 0] / x[:, 0].std() + 0.4 * x[:, 1] / x[:, 1].std()))
    )
    end = np.ceil(rng.uniform(3, 60, n))
    frame = pd.DataFrame(x, columns=[f"x{k + 1}" for k in range(p)])
    return frame.assign(
        time=np.minimum(time, end).astype(int),
        event=(time <= end).astype(int),
        weight=rng.uniform(0.5, 2, n).round(2),
    )


def tables() -> dict[str, pd.DataFrame]:
    """Return every table."""
    return {"sites": sites(), "episodes": episodes(), "many": many()}


if __name__ == "__main__":
    for name, table in tables().items():
        table.to_csv(INPUTS / f"{name}.csv", index=False)
