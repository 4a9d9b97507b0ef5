"""Coverage of intervals of shared frailty models: coefficients and the variance between clusters."""

from __future__ import annotations

import numpy as np
import pandas as pd
from case import Case

from evalkit.errors import InputError
from evalkit.survival import frailty
from evalkit.timetoevent import TimeToEvent

_THETA, _EFFECT = 0.5, 0.6


def _sites(law: str):
    """Five people a site, one helped or not at random; about a third censored."""

    def play(rng: np.random.Generator, n: int) -> dict:
        site = np.repeat(np.arange(n // 5), 5)
        luck = (
            rng.gamma(1 / _THETA, _THETA, n // 5)
            if law == "gamma"
            else np.exp(rng.normal(0, np.sqrt(_THETA), n // 5))
        )
        x = rng.integers(0, 2, len(site))
        time = rng.exponential(60 / (luck[site] * np.exp(_EFFECT * x)))
        end = rng.uniform(20, 150, len(site))
        frame = pd.DataFrame(
            {"t": np.ceil(np.minimum(time, end)), "e": (time <= end).astype(int), "x": x, "site": site}
        )
        try:
            fit = frailty(TimeToEvent.from_frame(frame, "t", "e"), "x", cluster="site", distribution=law)
        except InputError:
            return {"Wald, coefficient": (np.nan, np.nan), "profile, variance": (np.nan, np.nan)}
        first, last = fit.table.iloc[0], fit.table.iloc[-1]
        return {"Wald, coefficient": (first["conf_low"], first["conf_high"]),
                "profile, variance": (last["conf_low"], last["conf_high"])}  # fmt: skip

    return play


def cases() -> list[Case]:
    """Return the cases of the room."""
    truth = {"Wald, coefficient": _EFFECT, "profile, variance": _THETA}
    return [
        Case("gamma frailty, sites of five people, variance 0.5", truth, _sites("gamma"), plays=400),
        Case("gaussian frailty, sites of five people, variance 0.5", truth, _sites("gaussian"), plays=300),
    ]
