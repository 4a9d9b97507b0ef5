"""Write the tables of this folder: synthetic people, whole days with heavy ties, absences, exits for good, late entries."""

from pathlib import Path

import numpy as np
import pandas as pd

INPUTS = Path(__file__).parents[1] / "inputs"


def recurrent(rng: np.random.Generator) -> pd.DataFrame:
    """Return people who disengage, stay away, come back: cause 1 the event, 2 death, 3 a solution that may end."""
    rows = []
    for person in range(150):
        arm, x, frailty = person % 2, round(float(rng.normal()), 3), rng.gamma(2, 0.5)
        end, now = int(rng.integers(30, 120)), 0 if rng.random() < 0.8 else int(rng.integers(1, 15))
        while now < end:
            hazard = 0.03 * frailty * np.exp(-0.4 * arm + 0.3 * x)
            lengths = rng.geometric(np.minimum([hazard, 0.004, 0.008], 0.9))
            cause, stop = int(np.argmin(lengths)) + 1, now + int(lengths.min())
            if stop > end:
                cause, stop = 0, end
            rows.append((person, now, stop, cause, arm, x, f"s{person % 7}", end))
            if cause in (0, 2):
                break
            # Many come back at once, the others after some days away, some never.
            now = stop + (0 if rng.random() < 0.4 else int(rng.geometric(0.07)))
    return pd.DataFrame(rows, columns=["id", "start", "stop", "cause", "arm", "x", "site", "until"])


def smooth(rng: np.random.Generator) -> pd.DataFrame:
    """Return events without ties, real-valued times, deaths."""
    rows = []
    for person in range(80):
        closing, death = round(rng.uniform(40, 100), 3), round(rng.exponential(100), 3)
        end, frailty, now = min(closing, death), rng.gamma(2, 0.5), 0.0
        while True:
            stop = round(now + rng.exponential(1 / (0.03 * frailty)) + 0.001, 3)
            if stop >= end:
                rows.append((person, now, end, 2 if death <= closing else 0))
                break
            rows.append((person, now, stop, 1))
            now = stop
    return pd.DataFrame(rows, columns=["id", "start", "stop", "cause"])


def states(rng: np.random.Generator) -> pd.DataFrame:
    """Return histories through four states, the last of which nobody leaves; some come late."""
    names, rows = np.array(["engaged", "away", "solution", "dead"]), []
    for person in range(120):
        state, end = int(rng.integers(0, 2)), int(rng.integers(20, 100))
        now = int(rng.integers(1, 20)) if rng.random() < 0.25 else 0
        while state < 3:
            stop = now + int(rng.geometric([0.05, 0.03, 0.02][state]))
            if stop > end:
                rows.append((person, names[state], now, max(end, now + 1), "censored"))
                break
            following = int(rng.choice([k for k in range(4) if k != state], p=[0.45, 0.45, 0.1]))
            rows.append((person, names[state], now, stop, names[following]))
            now, state = stop, following
    frame = pd.DataFrame(rows, columns=["person", "state", "start", "stop", "exit"])
    weight = np.round(rng.uniform(0.5, 3, 120), 2)
    return frame.assign(group=np.where(frame["person"] % 3 == 0, "a", "b"), weight=weight[frame["person"]])


for name, make, seed in (
    ("recurrent", recurrent, 20110),
    ("smooth", smooth, 20111),
    ("states", states, 20112),
):
    make(np.random.default_rng(seed)).to_csv(INPUTS / f"{name}.csv", index=False, lineterminator="\n")
