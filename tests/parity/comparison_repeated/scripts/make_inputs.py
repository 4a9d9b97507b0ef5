"""Write the inputs of this folder: seeded frames with ties, zeros and missing dates, and two public-domain or MIT tables.

Run from the repository root: python tests/parity/comparison_repeated/scripts/make_inputs.py
"""

from pathlib import Path

import causaldata
import numpy as np
import pandas as pd
import statsmodels.api as sm

HERE = Path(__file__).parents[1] / "inputs"


def visits() -> pd.DataFrame:
    """Return 60 people seen at up to four dates: a score, a yes or no, a count, weights; people with one date only."""
    rng = np.random.default_rng(20241)
    n = 60
    who = np.repeat(np.arange(n), 4)
    level = rng.normal(size=n)[who]
    frame = pd.DataFrame({
        "who": [f"p{k:02d}" for k in who],
        "month": np.tile([0, 3, 6, 12], n),
        "place": np.tile([0, 1, 2, 3], n),
        "helped": (who % 3 == 0).astype(int),
        "mood": rng.normal(size=4 * n).round(2),
        "weight": (0.5 + rng.random(n))[who].round(2),
    })  # fmt: skip
    linear = 0.5 * level + 0.3 * frame["mood"] + 0.04 * frame["month"] * frame["helped"]
    frame["yes"] = (rng.random(4 * n) < 1 / (1 + np.exp(-linear))).astype(int)
    frame["count"] = rng.poisson(np.exp(0.4 * linear))
    slope = 0.05 * rng.normal(size=n)[who] * frame["month"]
    frame["score"] = (10 + level + linear + slope + rng.normal(size=4 * n)).round(1)
    return frame[rng.random(4 * n) < 0.85].reset_index(drop=True)


def firms() -> pd.DataFrame:
    """Return Grunfeld's firms (public domain, shipped by statsmodels), with whether they invest above their own median."""
    frame = sm.datasets.grunfeld.load_pandas().data
    frame["firm"] = frame["firm"].str.replace(" ", "_")
    frame["year"] = frame["year"].astype(int)
    middle = frame.groupby("firm")["invest"].transform("median")
    return frame.assign(
        high=(frame["invest"] > middle).astype(int),
        value=frame["value"] / 100,
        capital=frame["capital"] / 100,
    )


def workers() -> pd.DataFrame:
    """Return men of the NSW experiment (causaldata, MIT): earnings in thousands before and after, who was trained."""
    frame = causaldata.nsw_mixtape.load_pandas().data
    frame = frame.assign(re75=(frame["re75"] / 1000).round(4), re78=(frame["re78"] / 1000).round(4))
    return frame[["treat", "age", "educ", "black", "nodegree", "re75", "re78"]].astype({"treat": int})


def pupils() -> pd.DataFrame:
    """Return Spector and Mazzeo's pupils (public domain, shipped by statsmodels)."""
    return sm.datasets.spector.load_pandas().data


def separating() -> pd.DataFrame:
    """Return 70 people of whom all with a mark say yes: quasi-complete separation; with frequencies."""
    rng = np.random.default_rng(20242)
    n = 70
    frame = pd.DataFrame({
        "mark": (rng.random(n) < 0.2).astype(int), "dose": rng.normal(size=n).round(2), "times": rng.integers(1, 4, n)
    })  # fmt: skip
    yes = (rng.random(n) < 1 / (1 + np.exp(1.0 - frame["dose"]))).astype(int)
    return frame.assign(yes=np.where(frame["mark"] == 1, 1, yes))


def main() -> None:
    """Write every table."""
    HERE.mkdir(exist_ok=True)
    for make in (visits, firms, workers, pupils, separating):
        make().to_csv(HERE / f"{make.__name__}.csv", index=False, lineterminator="\n")


if __name__ == "__main__":
    main()
