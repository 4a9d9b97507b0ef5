"""Write the pairs and groups that the reference script reads: numbers printed in papers, and seeded ones with ties and zeros."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
from causaldata import nsw_mixtape

FOLDER = Path(__file__).parents[1] / "inputs"

#: Hollander & Wolfe (1999), table 3.1: Hamilton depression scale before and after a tranquilliser.
DEPRESSION = (
    [1.83, 0.50, 1.62, 2.48, 1.68, 1.88, 1.55, 3.06, 1.30],
    [0.878, 0.647, 0.598, 2.05, 1.06, 1.29, 1.06, 3.14, 1.29],
)
#: Student (1908), Biometrika 6:1: hours of sleep gained with two soporifics.
SLEEP = (
    [0.7, -1.6, -0.2, -1.2, -0.1, 3.4, 3.7, 0.8, 0.0, 2.0],
    [1.9, 0.8, 1.1, 0.1, -0.1, 4.4, 5.5, 1.6, 4.6, 3.4],
)
#: Darwin (1876), in Fisher (1935), The Design of Experiments, table 3: crossed less self-fertilised maize, eighths of an inch.
DARWIN = [49, -67, 8, 16, 6, 23, 28, 41, 14, 29, 56, 24, 75, 60, -48]
#: Hollander & Wolfe (1999), table 4.1: permeability of membranes, at 12 to 26 weeks and at term.
PERMEABILITY = ([1.15, 0.88, 0.90, 0.74, 1.21], [0.80, 0.83, 1.89, 1.04, 1.45, 1.38, 1.91, 1.64, 0.73, 1.46])
#: Brunner & Munzel (2000), Biometrical Journal 42:17, table 1: pain scores after laparoscopic surgery.
PAIN = ([1, 2, 1, 1, 1, 1, 1, 1, 1, 1, 2, 4, 1, 1], [3, 3, 4, 3, 1, 2, 3, 1, 1, 5, 4])
#: Agresti (2002), Categorical Data Analysis, table 10.5: opinions on premarital (rows) and extramarital sex.
SEX = [[144, 2, 0, 0], [33, 4, 2, 0], [84, 14, 6, 1], [126, 29, 25, 5]]
#: Stuart (1955), Biometrika 42:412: unaided distance vision of 7 477 women, right eye (rows) and left.
VISION = [[1520, 266, 124, 66], [234, 1512, 432, 78], [117, 362, 1772, 205], [36, 82, 179, 492]]


def pairs() -> pd.DataFrame:
    rng = np.random.default_rng(4921)
    base = rng.normal(50, 10, 79).round(0)
    points = (base, (base + rng.normal(2, 6, 79).round(0)).round(0))
    smooth = rng.normal(0, 1, 170)
    likert = rng.integers(1, 6, 40)
    moved = np.clip(likert + rng.choice([-1, 0, 0, 1, 1, 2], 40), 1, 5)
    nsw = nsw_mixtape.load_pandas().data.query("treat == 1")
    sets = {
        "depression": DEPRESSION, "sleep": SLEEP, "darwin": ([0] * 15, DARWIN), "points": points,
        "smooth": (smooth.round(6), (smooth * 0.6 + rng.normal(0.15, 0.8, 170)).round(6)), "likert": (likert, moved),
        "earnings": (nsw["re75"].round(2), nsw["re78"].round(2)),
    }  # fmt: skip
    return pd.concat([pd.DataFrame({"set": k, "before": b, "after": a}) for k, (b, a) in sets.items()])


def groups() -> pd.DataFrame:
    rng = np.random.default_rng(4922)
    sets = {
        "permeability": PERMEABILITY, "pain": PAIN,
        "tied": (rng.integers(0, 8, 25), rng.integers(1, 10, 31)),
        "apart": (rng.normal(0, 1, 40).round(4), rng.normal(0.7, 1.5, 30).round(4)),
    }  # fmt: skip
    return pd.concat(
        [
            pd.DataFrame({"set": k, "group": [0] * len(x) + [1] * len(y), "value": [*x, *y]})
            for k, (x, y) in sets.items()
        ]
    )


def tables() -> pd.DataFrame:
    rng = np.random.default_rng(4923)
    small = rng.poisson([[5, 4, 1], [2, 6, 5], [1, 2, 7]])
    return pd.DataFrame(
        [
            {"set": name, "before": i + 1, "after": j + 1, "count": int(k)}
            for name, table in (("sex", SEX), ("vision", VISION), ("small", small))
            for i, line in enumerate(table)
            for j, k in enumerate(line)
        ]
    )


if __name__ == "__main__":
    for name, frame in (("pairs", pairs()), ("groups", groups()), ("tables", tables())):
        frame.to_csv(FOLDER / f"{name}.csv", index=False, lineterminator="\n")
