"""Write the tables the references are made of: `python tests/parity/comparison_adjusting/scripts/make_inputs.py` from the root."""

from pathlib import Path

import numpy as np
import pandas as pd
from causaldata import nhefs_complete, nsw_mixtape

HERE = Path(__file__).parents[1] / "inputs"


def mixed() -> pd.DataFrame:
    """Return 240 people with ties, categories, clusters and survey weights, who differ between the groups."""
    rng = np.random.default_rng(20411)
    n = 240
    age = rng.integers(16, 26, n)
    site = rng.choice(["est", "nord", "sud"], n, p=[0.5, 0.3, 0.2])
    cluster = rng.integers(0, 24, n)
    score = rng.normal(size=n).round(2)
    luck = rng.normal(size=24)[cluster]
    chance = 1 / (1 + np.exp(-(-0.6 + 0.15 * (age - 20) + 0.6 * (site == "nord") + 0.5 * score + 0.4 * luck)))
    arm = (rng.random(n) < chance).astype(int)
    placed = rng.random(n) < 1 / (
        1 + np.exp(-(-0.5 + 0.1 * (age - 20) + 0.5 * score + 0.6 * arm + 0.5 * luck))
    )
    wage = (400 * placed * (1 + 0.1 * (age - 16) + 0.3 * score + 0.2 * arm + rng.normal(size=n) ** 2)).round(
        0
    )
    weight = rng.choice([0.5, 1.0, 1.5, 2.0, 4.0], n)
    return pd.DataFrame({
        "arm": arm, "age": age, "site": site, "score": score, "cluster": cluster, "weight": weight,
        "placed": placed.astype(int), "wage": wage, "noise": rng.normal(size=n).round(6),
    })  # fmt: skip


def main() -> None:
    """Write the three tables."""
    nsw_mixtape.load_pandas().data.drop(columns="data_id").round(4).to_csv(HERE / "nsw.csv", index=False)
    nhefs = nhefs_complete.load_pandas().data
    columns = [
        "qsmk",
        "sex",
        "race",
        "age",
        "education",
        "smokeintensity",
        "smokeyrs",
        "exercise",
        "active",
        "wt71",
        "wt82_71",
    ]
    nhefs[columns].assign(gained=(nhefs["wt82_71"] > 0).astype(int)).round(6).to_csv(
        HERE / "nhefs.csv", index=False
    )
    mixed().to_csv(HERE / "mixed.csv", index=False)


if __name__ == "__main__":
    main()
