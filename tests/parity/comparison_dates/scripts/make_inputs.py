"""Write the inputs: run once, ``python make_inputs.py``; needs causaldata and statsmodels."""

from pathlib import Path

import numpy as np
import pandas as pd

HERE = Path(__file__).parents[1] / "inputs"


def two_groups() -> pd.DataFrame:
    """Return 60 people in 14 sites at 4 dates, treated by site, ties and unequal sites; some rows are missing in `kept`."""
    rng = np.random.default_rng(20301)
    site = np.repeat(np.arange(14), [3, 7, 4, 2, 6, 5, 3, 4, 6, 2, 5, 4, 3, 6])
    n = len(site)
    treated = (site % 2).astype(int)
    age = rng.integers(16, 26, n) + treated
    weight = rng.choice([0.5, 1.0, 1.5, 3.0], n)
    level = rng.normal(0, 2, n) + rng.normal(0, 1, 14)[site]
    rows = []
    for t in range(4):
        y = 10 + level + t * (0.3 + 0.05 * (age - 20)) + rng.normal(0, 1.5, n) + 1.5 * treated * (t >= 2)
        y += rng.normal(0, 0.6, 14)[site]
        rows.append(pd.DataFrame({
            "id": np.arange(n), "site": site, "treated": treated, "age": age, "weight": weight, "date": 2008 + t,
            "y": y.round(1), "placed": (y + rng.normal(0, 1, n) > 11).astype(int), "kept": (rng.random(n) > 0.1).astype(int),
        }))  # fmt: skip
    return pd.concat(rows, ignore_index=True)


def monthly() -> pd.DataFrame:
    """Return 47 of 50 months (three are missing), autocorrelated, with a control series, a population and counts."""
    rng = np.random.default_rng(20302)
    month = np.arange(50)
    shared, own, other = np.zeros(50), np.zeros(50), np.zeros(50)
    for noise in (shared, own, other):
        noise[0] = rng.normal()
        for t in range(1, 50):
            noise[t] = 0.45 * noise[t - 1] + rng.normal()
    after = (month >= 28) * 1.0
    wave = 2 * np.sin(2 * np.pi * month / 12)
    population = rng.integers(900, 1300, 50)
    rate = np.exp(-3 + 0.01 * month + 0.25 * after - 0.02 * after * (month - 28) + 0.08 * own + 0.05 * wave)
    frame = pd.DataFrame({
        "month": pd.date_range("2009-01-01", periods=50, freq="MS"), "index": month,
        "y": (60 + 0.3 * month + 4 * after + 0.4 * after * (month - 28) + wave + 2 * shared + own).round(2),
        "control": (40 + 0.2 * month + wave + 2 * shared + other).round(2),
        "population": population, "visits": rng.poisson(rate * population),
        "other_population": population + 200, "other_visits": rng.poisson(np.exp(-3.2 + 0.005 * month) * (population + 200)),
    })  # fmt: skip
    return frame.drop(index=[9, 17, 33])


def weekly() -> pd.DataFrame:
    """Return 36 weeks of counts without a denominator, few and overdispersed, with two interruptions."""
    rng = np.random.default_rng(20303)
    week = np.arange(36)
    mean = np.exp(2.2 + 0.01 * week + 0.5 * (week >= 14) - 0.4 * (week >= 25))
    return pd.DataFrame({"week": week, "calls": rng.negative_binomial(6, 6 / (6 + mean))})


def staggered(seed: int, never: bool) -> pd.DataFrame:
    """Return 90 units at 6 dates, starting at dates 3, 4 or 6 (or never), effects that grow and differ."""
    rng = np.random.default_rng(seed)
    n = 90
    start = rng.choice(
        [3, 4, 6, 0] if never else [3, 4, 6], n, p=[0.2, 0.3, 0.15, 0.35] if never else [0.3, 0.4, 0.3]
    )
    level, slope = rng.normal(0, 1, n), rng.normal(0.2, 0.1, n)
    rows = []
    for t in range(1, 7):
        since = np.where((start > 0) & (t >= start), t - start + 1, 0)
        y = (
            level
            + slope * t
            + 0.4 * since * (1 + 0.5 * (start == 3))
            + rng.normal(0, 1 + 0.3 * (start == 4), n)
        )
        rows.append(pd.DataFrame({"unit": np.arange(n), "date": t, "start": start, "y": y.round(2)}))
    return pd.concat(rows, ignore_index=True)


def main() -> None:
    """Write every table."""
    import statsmodels.api as sm
    from causaldata import nsw_mixtape

    two_groups().to_csv(HERE / "two_groups.csv", index=False)
    monthly().to_csv(HERE / "monthly.csv", index=False)
    weekly().to_csv(HERE / "weekly.csv", index=False)
    staggered(20304, True).to_csv(HERE / "staggered.csv", index=False)
    staggered(20305, False).to_csv(HERE / "all_start.csv", index=False)
    nile = sm.datasets.nile.load_pandas().data
    nile.astype(int).to_csv(HERE / "nile.csv", index=False)
    nsw = nsw_mixtape.load_pandas().data[["treat", "age", "educ", "black", "re75", "re78"]]
    nsw.reset_index(names="id").round(4).to_csv(HERE / "nsw.csv", index=False)


if __name__ == "__main__":
    main()
