"""Write the simulated people of this folder: python tests/parity/survival_adjusting/scripts/make_inputs.py."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd

INPUTS = Path(__file__).resolve().parents[1] / "inputs"


def arms(n: int = 320, seed: int = 4) -> pd.DataFrame:
    """People in two arms and three sites that depend on who they are; two exits; whole days, many ties."""
    rng = np.random.default_rng(seed)
    age = rng.integers(16, 26, n)
    sex = rng.choice(["f", "m"], n)
    lean = 0.2 * (age - 20) + 0.5 * (sex == "m")
    arm = (rng.random(n) < 1 / (1 + np.exp(-lean))).astype(int)
    pull = np.column_stack([np.zeros(n), 0.3 * lean, -0.4 * lean + 0.2])
    passed = np.exp(pull).cumsum(axis=1) / np.exp(pull).sum(axis=1)[:, None] < rng.random(n)[:, None]
    site = np.array(["a", "b", "c"])[passed.sum(axis=1)]
    rate = 0.02 * np.exp(0.12 * (age - 20) - 0.5 * arm + 0.3 * (sex == "m"))
    one, two, lost = rng.exponential(1 / rate), rng.exponential(120, n), rng.uniform(15, 140, n)
    time = np.minimum(np.minimum(one, two), lost)
    cause = np.where(time == one, 1, np.where(time == two, 2, 0))
    return pd.DataFrame(
        {"time": np.ceil(time).astype(int), "cause": cause, "arm": arm, "site": site, "age": age, "sex": sex}
    )


if __name__ == "__main__":
    arms().to_csv(INPUTS / "arms.csv", index=False)
