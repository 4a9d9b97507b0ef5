"""How a step curve is read: when it has lost a share, the area under it, at which round times; and words for it.

Not a result: `curveset` asks.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

from evalkit import wording
from evalkit.disclosure import Headcount
from evalkit.survival.core.sums import SAME_TIME, RiskSums
from evalkit.timetoevent import TimeToEvent
from evalkit.wording import Message, message

#: How near a curve must be to 1 - p to be flat there (R's `quantile.survfit`).
FLAT = 1.5e-8
#: About how many times a curve is shown at.
ROUND_TIMES = 6


def restricted_mean(group: pd.DataFrame, t: float) -> tuple[float, float]:
    """Return the area under one survival curve up to `t` and its Greenwood variance."""
    before = (group["time"] <= t).to_numpy()
    time = np.append(group["time"].to_numpy()[before], t)
    pieces = np.diff(time) * group["estimate"].to_numpy()[before]
    n, d = group["n_risk"].to_numpy()[before], group["n_event"].to_numpy()[before]
    hazard = np.divide(d, n * (n - d), out=np.zeros_like(n, dtype=float), where=n > d)
    ahead = np.cumsum(pieces[::-1])[::-1]
    return float(pieces.sum()), float((ahead**2 * hazard).sum())


def ratio(part: np.ndarray, whole: np.ndarray) -> np.ndarray:
    """Return part / whole, 0 where there is nothing to divide by."""
    return np.divide(part, whole, out=np.zeros(len(part)), where=whole > 0)


def places(times: np.ndarray, time: np.ndarray) -> np.ndarray:
    """Return the place on a grid of each time that is on it, rounding aside."""
    return np.searchsorted(times * (1 - SAME_TIME), time, side="right") - 1


def passed(times: np.ndarray, entry: np.ndarray | None) -> np.ndarray | None:
    """Return how many times of a grid had passed when each row came under observation; none at the origin, day 0 included."""
    if entry is None:
        return None
    return np.where(entry > 0, places(times, entry) + 1, 0)


def holes(sums: RiskSums, groups: Sequence[tuple], tte: TimeToEvent) -> list[Message]:
    """Return what late entry leaves unseen: nobody at risk at first, nobody for a while, or an early end of the curve."""
    if tte.entry is None:
        return []
    said = []
    at_risk = sums.n_risk()
    for i, key in enumerate(groups):
        known = {
            "group": message("survival_curves.in_group", group=", ".join(map(str, key))) if key else "",
            "unit": unit_name(tte.unit, 2),
        }
        leaving = sums.exits[i].sum(axis=0)
        after = at_risk[i] - leaving + sums.entries[i]
        later = np.cumsum(sums.entries[i][::-1])[::-1] - sums.entries[i] > 0
        empty = (after <= 1e-9 * max(at_risk[i].max(), 1.0)) & later
        gone = (sums.exits[i, 1:].sum(axis=0) > 0) & (at_risk[i] - sums.exits[i, 1:].sum(axis=0) <= 1e-9)
        ended = np.flatnonzero(gone & (later | (sums.entries[i] > 0)))
        if sums.start[i] == 0:
            first = float(sums.times[np.flatnonzero(sums.entries[i])[0]])
            said.append(message("survival_curves.starts_late", time=first, **known))
        if len(ended):
            at = int(ended[0])
            few = Headcount(int(round(at_risk[i, at])))
            said.append(message("survival_curves.ends_early", time=float(sums.times[at]), n=few, **known))
        elif (empty & (leaving > 0)).any():
            at = int(np.flatnonzero(empty & (leaving > 0))[0])
            until = float(sums.times[at + np.flatnonzero(sums.entries[i, at + 1 :])[0] + 1])
            said.append(message("survival_curves.gap", time=float(sums.times[at]), until=until, **known))
    return said


def round_times(last: float) -> np.ndarray:
    """Return some six round times from 0 to `last`.

    Examples
    --------
    >>> round_times(365.0).tolist()
    [0.0, 60.0, 120.0, 180.0, 240.0, 300.0, 360.0]
    """
    if not last > 0:
        return np.zeros(1)
    rough = last / ROUND_TIMES
    size = 10.0 ** np.floor(np.log10(rough))
    # Days are read in months: 30, 60 and 90 are rounder than 25 or 50.
    steps = (1, 1.5, 2, 3, 6, 10) if 10 <= rough < 200 else (1, 2, 2.5, 5, 10)
    step = min((s * size for s in steps), key=lambda s: abs(np.log(s / rough)))
    return np.round(np.arange(0, last * (1 + 1e-12), step), 10)


def both(key: str) -> dict[str, str]:
    """Return a word of the catalogue in both languages, as a label."""
    return {lang: wording.text(key, lang) for lang in wording.LANGUAGES}


def unit_name(unit: str, n: float) -> Message:
    """Return "days" in the reader's language, agreeing with `n`."""
    return message(f"survival.unit_{unit}", n=float(n)) if unit in ("day", "week", "month", "year") else message(
        "survival.unit_other", unit=unit, n=float(n)
    )  # fmt: skip


def time_left(time: np.ndarray, curve: np.ndarray, share: float) -> float:
    """Return when a curve has lost `share`; the middle of the flat piece when it stays just there; nan if never.

    Bounds may be unknown at places (nan) and need not fall all along, so steps are taken in order of their height, as R does.
    """
    # Rounding must not order the times of one flat piece.
    lost = np.round(np.concatenate([[0.0], 1 - curve]), 12)
    at = np.concatenate([[0.0], time])
    _, first = np.unique(lost, return_index=True)
    first = first[np.isfinite(lost[first])]
    height, when = lost[first], at[first]
    reached, passed = np.searchsorted(height, [share - FLAT, share + FLAT], side="left")
    if reached == len(height):
        return np.nan
    if abs(share - lost[-1]) < FLAT:
        return float(when[reached] + at[-1]) / 2
    return float(when[reached] + when[passed]) / 2 if passed < len(height) else np.nan


def labels_of(labels: Mapping, unit: str) -> dict:
    """Return the labels of a result, the time column headed by its unit."""
    return dict(labels) if unit == "day" else {**labels, "time": _unit_label(unit)}


def _unit_label(unit: str) -> dict[str, str]:
    return {lang: unit_name(unit, 1).text(lang) for lang in wording.LANGUAGES}
