"""Write the synthetic table of this folder, from wherever it is run."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd

INPUTS = Path(__file__).parents[1] / "inputs"


def continuous(seed: int = 20104, n: int = 200) -> pd.DataFrame:
    """Real-valued times without ties, two causes, censoring that depends on a group, clusters of people alike."""
    rng = np.random.default_rng(seed)
    x, arm, group = rng.normal(size=n), rng.integers(0, 2, n), rng.integers(0, 2, n)
    cluster = rng.integers(1, 26, n)
    luck = rng.normal(0, 0.5, 26)[cluster]
    first = rng.exponential(20 * np.exp(-0.6 * x + 0.4 * arm - luck))
    second = rng.exponential(30 * np.exp(0.4 * x))
    end = rng.exponential(np.where(group == 1, 15, 60))
    time = np.minimum(np.minimum(first, second), end)
    cause = np.where(end <= time, 0, np.where(first <= time, 1, 2))
    return pd.DataFrame({
        "time": time.round(5), "cause": cause, "x": x.round(3), "arm": arm, "group": group, "cluster": cluster,
    })  # fmt: skip


if __name__ == "__main__":
    INPUTS.mkdir(exist_ok=True)
    continuous().to_csv(INPUTS / "continuous.csv", index=False, lineterminator="\n")
