"""Write the tables of people with losses. Run from the root: ``python tests/parity/comparison_missingness/scripts/make_inputs.py``."""

from pathlib import Path

import numpy as np
import pandas as pd
from causaldata import nhefs

HERE = Path(__file__).parents[1] / "inputs"


def smokers() -> pd.DataFrame:
    """Weights in 1971 and 1982 of smokers, 63 of whom were not weighed again (causaldata, MIT)."""
    data = nhefs.load_pandas().data
    columns = ["qsmk", "sex", "age", "race", "education", "smokeintensity", "wt71", "wt82"]
    whole = ["qsmk", "sex", "age", "race", "education", "smokeintensity"]
    return data[columns].astype({c: int for c in whole})


def waves() -> pd.DataFrame:
    """Synthetic: two arms, a site, an age that some did not give, yes/no and scored answers at two dates, losses by all of them."""
    rng = np.random.default_rng(20401)
    n = 300
    arm = rng.choice(["programme", "control"], n, p=[0.55, 0.45])
    site = rng.choice(["Est", "Nord", "Sud"], n, p=[0.5, 0.3, 0.2])
    age = rng.integers(16, 26, n).astype(float)
    before = (rng.random(n) < 0.35).astype(int)
    after = (rng.random(n) < 0.3 + 0.2 * before + 0.12 * (arm == "programme")).astype(float)
    score_before = np.clip(np.round(rng.normal(10, 3, n)), 0, 20)
    score_after = np.clip(np.round(score_before + rng.normal(1, 2.5, n) + (arm == "programme")), 0, 20)
    chance = 1 / (
        1
        + np.exp(
            -(-1.4 + 0.12 * (20 - age) + 0.8 * (site == "Sud") - 0.5 * before + 0.5 * (arm == "control"))
        )
    )
    lost = rng.random(n) < chance
    after[lost] = np.nan
    score_after[lost] = np.nan
    age[rng.random(n) < 0.04] = np.nan
    return pd.DataFrame({
        "arm": arm, "site": site, "age": age, "before": before, "after": after, "score_before": score_before,
        "score_after": score_after,
    })  # fmt: skip


def trimming() -> pd.DataFrame:
    """Two arms in which Lee's bounds take off whole people: real weights with losses made, and normal draws."""
    rng = np.random.default_rng(20402)
    real = smokers()["wt82"].dropna().to_numpy()[:200].round(2)
    frames = []
    for name, values, sizes, seen in (
        ("weights", real, (100, 100), (80, 60)),
        ("normal", rng.normal(0, 1, 250).round(4), (125, 125), (100, 50)),
    ):
        first = 0
        for arm, (size, kept) in enumerate(zip(sizes, seen, strict=True)):
            own = values[first : first + size].copy()
            own[kept:] = np.nan
            frames.append(pd.DataFrame({"data": name, "arm": 1 - arm, "y": own}))
            first += size
    return pd.concat(frames)


def imputations() -> pd.DataFrame:
    """Six completed sets of answers of two arms, as they might come out of an imputation."""
    rng = np.random.default_rng(20403)
    frames = []
    for name, sizes in (("small", (14, 11)), ("larger", (90, 60))):
        base = [rng.normal(m, s, n) for m, s, n in zip((1.0, 0.4), (1.0, 1.6), sizes, strict=True)]
        for i in range(6):
            for arm, values in enumerate(base):
                made = values.copy()
                gap = slice(0, len(values) // 4)
                made[gap] = rng.normal(0.5, 1.2, len(made[gap]))
                frames.append(pd.DataFrame({"data": name, "set": i, "arm": 1 - arm, "y": made.round(6)}))
    return pd.concat(frames)


HERE.mkdir(exist_ok=True)
for made, name in (
    (smokers(), "smokers"),
    (waves(), "waves"),
    (trimming(), "trimming"),
    (imputations(), "imputations"),
):
    made.to_csv(HERE / f"{name}.csv", index=False)
