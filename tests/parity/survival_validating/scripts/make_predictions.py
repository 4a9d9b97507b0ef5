"""Write the predictions judged in this folder: python tests/parity/survival_validating/scripts/make_predictions.py."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd

ROOM = Path(__file__).resolve().parents[1]


def risks(n: int, times: int, seed: int) -> pd.DataFrame:
    """Risks that rise with time; two decimals in the first column, so that some people tie."""
    rng = np.random.default_rng(seed)
    base = rng.uniform(0.02, 0.5, n)
    columns = {f"t{j + 1}": np.round(1 - (1 - base) ** (j + 1), 2 if j == 0 else 4) for j in range(times)}
    return pd.DataFrame(columns)


if __name__ == "__main__":
    risks(432, 3, 1).to_csv(ROOM / "inputs" / "rossi_risks.csv", index=False)
    risks(240, 3, 2).to_csv(ROOM / "inputs" / "ties_risks.csv", index=False)
    risks(320, 3, 3).to_csv(ROOM / "inputs" / "arms_risks.csv", index=False)
