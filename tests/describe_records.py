"""A dashboard drawn at random, for the tests of the describe room; no figure of it means anything."""

import numpy as np
import pandas as pd

from evalkit.followup import FollowUp
from evalkit.provenance import Provenance

START, AS_OF = pd.Timestamp("2010-06-01"), pd.Timestamp("2011-09-30")
SITES = ("Centre", "Est", "Nord")
CHANNELS = ("ml_database", "ml_interview", "prevention", "youth_information")


def records(n=300, seed=1, weights=(0.5, 0.4, 0.1), kind="records"):
    """Return a FollowUp of `n` youths spotted over nine months at three sites."""
    luck = np.random.default_rng(seed)
    end = (AS_OF - START).days
    spotted = luck.integers(0, 260, n)
    seen = spotted + luck.integers(5, 120, n)
    fate = luck.random(n)
    mobilised, eliminated = fate < 0.4, (fate >= 0.4) & (fate < 0.85)
    reasons = luck.choice(
        ["not_dropout", "out_of_scope", "not_reached", "refused"], n, p=[0.2, 0.1, 0.6, 0.1]
    )
    people = pd.DataFrame({
        "person": [f"J{i:04d}" for i in range(n)],
        "site": luck.choice(SITES, n, p=weights),
        "sex": luck.choice(["F", "M"], n),
        "age_at_entry": np.where(mobilised & (luck.random(n) < 0.95), luck.integers(16, 26, n), np.nan),
        "level": luck.choice(np.array(["below_V", "V", "IV", None], dtype=object), n, p=[0.6, 0.2, 0.1, 0.1]),
        "channel": luck.choice(CHANNELS, n, p=[0.57, 0.28, 0.12, 0.03]),
        "spotted_on": _day(spotted),
        "entered_on": pd.Series(_day(seen)).where(mobilised),
        "eliminated_on": pd.Series(_day(seen)).where(eliminated),
        "eliminated_for": np.where(eliminated, reasons, None),
    })  # fmt: skip
    events, situations = [], []
    for i in np.flatnonzero(mobilised):
        person, day = people["person"].iloc[i], int(seen[i])
        while day <= end and (day == seen[i] or luck.random() > 0.12):
            events.append(
                (person, _day(day), "interview", luck.choice(["attended", "absent"], p=[0.85, 0.15]))
            )
            day += 1 + int(luck.exponential(45))
        since = int(seen[i] + luck.integers(10, 150))
        if since < end:
            state = luck.choice(
                [
                    "training",
                    "employment",
                    "apprenticeship",
                    "abandoned",
                    "moved",
                    "unknown",
                    "jobseeker",
                    "none",
                ],
                p=[0.15, 0.15, 0.05, 0.1, 0.05, 0.05, 0.2, 0.25],
            )
            if state != "none":
                until = _day(min(end, since + 60)) if luck.random() < 0.3 else pd.NaT
                situations.append((person, "status", state, _day(since), until))
            if luck.random() < 0.7:
                situations.append((person, "co_accompaniment", "club", _day(since), pd.NaT))
    return FollowUp.from_frames(
        people,
        pd.DataFrame(events, columns=["person", "date", "kind", "outcome"]),
        pd.DataFrame(situations, columns=["person", "track", "state", "start", "end"]),
        as_of=AS_OF,
        provenance=Provenance(kind=kind),
    )


def _day(n):
    return START + pd.to_timedelta(n, unit="D")
