"""Write the tables both R and the tests read: data sets that lifelines ships (MIT), and seeded synthetic ones.

Run from the repository's root: ``python tests/parity/survival/scripts/make_inputs.py``, then ``Rscript`` on ``reference.R``.
"""

from pathlib import Path

import lifelines.datasets as shipped
import numpy as np
import pandas as pd

INPUTS = Path(__file__).resolve().parents[1] / "inputs"
SITES = ["east", "north", "west"]


def heavy_ties(seed: int = 20101, n: int = 240) -> pd.DataFrame:
    """Whole days from 0 to about 60, exits on day 0, three causes, sites, clusters, both kinds of weights."""
    rng = np.random.default_rng(seed)
    site, sex = rng.integers(0, 3, n), rng.integers(0, 2, n)
    age = rng.integers(16, 26, n)
    cluster = rng.integers(1, 31, n)
    luck = rng.normal(0, 0.6, 31)[cluster]
    exits = [
        rng.exponential(40 * np.exp(-0.08 * (age - 20) * k + 0.3 * (site == 1) - luck), n) for k in (1, 0, -1)
    ]
    exits[1] *= 1.5
    exits[2] *= 3
    end = rng.uniform(5, 62, n)
    first = np.min(exits, axis=0)
    cause = np.where(first < end, np.argmin(exits, axis=0) + 1, 0)
    return pd.DataFrame({
        "time": np.floor(np.minimum(first, end)).astype(int),
        "cause": cause,
        "site": [SITES[i] for i in site],
        "sex": np.where(sex == 1, "f", "m"),
        "age": age,
        "cluster": cluster,
        "count": rng.integers(1, 4, n),
        "weight": rng.uniform(0.4, 3, n).round(3),
    })  # fmt: skip


def late_entry(seed: int = 20102, n: int = 180) -> pd.DataFrame:
    """Real-valued and whole times mixed, entry after the origin for most, two causes, nobody early in one group."""
    rng = np.random.default_rng(seed)
    group = rng.integers(0, 2, n)
    x = rng.normal(size=n)
    entry = np.where(rng.random(n) < 0.3, 0, rng.uniform(0, 20, n) + 2 * group)
    exits = np.stack([rng.exponential(25 * np.exp(-0.5 * x), n), rng.exponential(45, n)])
    end = rng.uniform(10, 40, n)
    stop = entry + np.minimum(exits.min(axis=0), end)
    cause = np.where(exits.min(axis=0) < end, exits.argmin(axis=0) + 1, 0)
    # Half of the sample is recorded to whole units: ties among late entries.
    whole = rng.random(n) < 0.5
    entry = np.where(whole, np.floor(entry), entry.round(2))
    stop = np.where(whole, np.floor(stop) + 1, stop.round(2) + 0.01).round(2)
    return pd.DataFrame({"start": entry, "stop": stop, "cause": cause, "group": np.where(group == 1, "b", "a"),
                         "x": x.round(3), "z": rng.integers(0, 2, n), "id": np.arange(1, n + 1),
                         "cluster": rng.integers(1, 26, n)})  # fmt: skip


def changing(seed: int = 20103, n: int = 110) -> pd.DataFrame:
    """(start, stop] rows of people whose covariate changes, some with several events, some away for a while."""
    rng = np.random.default_rng(seed)
    rows = []
    for person in range(1, n + 1):
        luck, arm, day = rng.normal(0, 0.7), int(rng.integers(0, 2)), 0
        for _ in range(int(rng.integers(1, 6))):
            length = int(rng.integers(2, 25))
            x = round(float(rng.normal()), 2)
            happened = int(rng.random() < 0.35 * np.exp(0.4 * x + 0.5 * luck - 0.3 * arm))
            rows.append((person, day, day + length, happened, arm, x, SITES[person % 3]))
            day += length + (int(rng.integers(1, 8)) if rng.random() < 0.2 else 0)
    return pd.DataFrame(rows, columns=["id", "start", "stop", "event", "arm", "x", "site"])


def main() -> None:
    """Write every table."""
    INPUTS.mkdir(exist_ok=True)
    rossi = shipped.load_rossi()
    rossi["schooling"] = np.select([rossi["age"] < 20, rossi["age"] < 25], ["young", "middle"], "older")
    frames = {
        "rossi": rossi,
        "waltons": shipped.load_waltons(),
        "leukemia": shipped.load_leukemia(),
        "ties": heavy_ties(),
        "late": late_entry(),
        "changing": changing(),
    }
    for name, frame in frames.items():
        frame.to_csv(INPUTS / f"{name}.csv", index=False, lineterminator="\n")


if __name__ == "__main__":
    main()
