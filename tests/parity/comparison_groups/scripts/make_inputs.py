"""Write the inputs of the two-group references: a public trial, and synthetic people with ties, zeros, weights and clusters."""

from pathlib import Path

import causaldata
import numpy as np
import pandas as pd

HERE = Path(__file__).resolve().parents[1] / "inputs"


def trial() -> pd.DataFrame:
    """Return the randomised job training trial (NSW), every second person, earnings in thousands as published."""
    nsw = causaldata.nsw_mixtape.load_pandas().data.iloc[::2]
    frame = nsw[["treat", "age", "educ", "black", "hisp", "marr", "nodegree", "re74", "re75", "re78"]].copy()
    frame["employed"] = (frame["re78"] > 0).astype(int)
    frame["quarter"] = (frame["re78"] // 3000).clip(upper=4).astype(int)
    frame["re78"] = (frame["re78"] / 1000).round(3)
    rng = np.random.default_rng(20110)
    frame["weight"] = rng.uniform(0.4, 3.0, len(frame)).round(3)
    return frame.reset_index(drop=True)


def people(seed: int, n: int) -> pd.DataFrame:
    """Return synthetic people: ties everywhere, a rare outcome, few in one group."""
    rng = np.random.default_rng(seed)
    treat = (rng.random(n) < 0.35).astype(int)
    cluster = rng.integers(0, 14, n)
    mood = rng.normal(0, 1, n) + 0.5 * treat + 0.4 * rng.normal(0, 1, 14)[cluster]
    frame = pd.DataFrame({
        "treat": treat,
        "cluster": cluster,
        "stratum": cluster % 3,
        "placed": (mood + rng.normal(0, 1, n) > 0.3).astype(int),
        "rare": (rng.random(n) < np.where(treat, 0.12, 0.03)).astype(int),
        "score": np.round(10 + 3 * mood, 1),
        "answer": np.clip(np.round(3 + mood), 1, 5).astype(int),
        "path": rng.choice(["job", "training", "none", "other"], n, p=[0.3, 0.3, 0.3, 0.1]),
        "contacts": rng.negative_binomial(2, 0.45, n),
        "months": rng.uniform(1, 12, n).round(2),
        "age": rng.integers(16, 26, n),
        "weight": rng.gamma(4, 0.4, n).round(3) + 0.05,
    })  # fmt: skip
    frame["balancing"] = np.where(treat, 1.0, rng.uniform(0, 2, n).round(3))
    return frame


if __name__ == "__main__":
    trial().to_csv(HERE / "trial.csv", index=False)
    people(20111, 97).to_csv(HERE / "people.csv", index=False)
    people(20112, 31).to_csv(HERE / "few.csv", index=False)
