"""Write the seeded synthetic tables of this room; the others are those of `survival/inputs`.

Run from the repository's root: ``python tests/parity/survival_families/scripts/make_inputs.py``, then ``Rscript`` on ``reference.R``.
"""

from pathlib import Path

import numpy as np
import pandas as pd

INPUTS = Path(__file__).resolve().parents[1] / "inputs"


def visits(seed: int = 20111, n: int = 260) -> pd.DataFrame:
    """Events known exactly, within an interval, before a day (L = 0), or not yet; sites, clusters, both kinds of weights."""
    rng = np.random.default_rng(seed)
    site, x, cluster = rng.integers(0, 3, n), rng.normal(size=n).round(2), rng.integers(1, 28, n)
    luck = rng.normal(0, 0.3, 28)[cluster]
    time = 40 * np.exp(0.4 * x - 0.5 * (site == 2) + luck) * rng.weibull(1.4, n)
    gap = rng.uniform(3, 20, n)
    low = np.floor(time / gap) * gap
    known = rng.random(n) < 0.3
    end = rng.uniform(20, 90, n)
    lower = np.where(known, np.maximum(np.ceil(time), 1), np.floor(low))
    upper = np.where(known, lower, np.ceil(low + gap))
    late = lower > end
    lower, upper = np.where(late, np.floor(end), lower), np.where(late, np.inf, upper)
    return pd.DataFrame({
        "lower": lower, "upper": upper, "x": x, "site": np.array(["east", "north", "west"])[site], "cluster": cluster,
        "count": rng.integers(1, 4, n), "weight": rng.uniform(0.4, 3, n).round(3),
    })  # fmt: skip


def leavers(seed: int = 20112, n: int = 280) -> pd.DataFrame:
    """Whole days, a share that never leaves and depends on `helped`, times of the others that depend on `z`; long follow-up."""
    rng = np.random.default_rng(seed)
    helped, z = rng.integers(0, 2, n), rng.normal(size=n).round(2)
    never = rng.random(n) < 1 / (1 + np.exp(0.6 - 1.0 * helped))
    time = np.where(never, np.inf, 45 * np.exp(0.4 * z) * rng.weibull(1.3, n))
    end = rng.uniform(150, 400, n)
    return pd.DataFrame({
        "time": np.ceil(np.minimum(time, end)).astype(int), "left": (time <= end).astype(int), "helped": helped, "z": z,
        "count": rng.integers(1, 4, n), "cluster": rng.integers(1, 36, n),
    })  # fmt: skip


if __name__ == "__main__":
    for name, frame in (("visits", visits()), ("leavers", leavers())):
        frame.to_csv(INPUTS / f"{name}.csv", index=False, lineterminator="\n")
