"""Interval coverage of mean counts, of repeated-event models and of shares in states."""

from __future__ import annotations

from functools import cache

import numpy as np
import pandas as pd
from case import Case

from evalkit.survival import andersen_gill, cox, mean_cumulative_count, occupation_probabilities
from evalkit.survival.curves.transforms import CONF_TYPES, interval
from evalkit.survival.recurrent.counts import count_interval
from evalkit.timetoevent import TimeToEvent

#: Silences come at this rate a day times a person's own gamma level (mean 1, variance 1); death at this chance a day.
RATE, DEATH, ASKED = 0.02, 0.004, 90
LOG_RATIO = 0.5
PLAYS = 600
#: Chances of moving in a day: engaged, away, in a solution, gone for good.
DAILY = np.array(
    [[0.975, 0.012, 0.010, 0.003], [0.020, 0.973, 0.005, 0.002], [0.006, 0, 0.993, 0.001], [0, 0, 0, 1]]
)


def events(rng: np.random.Generator, n: int, death: float, ratio: float = 0.0) -> TimeToEvent:
    """Return n people with events on whole days, deaths, and an end of observation between day 60 and 180."""
    arm = np.arange(n) % 2
    level = rng.gamma(1.0, 1.0, n) * RATE * np.exp(ratio * arm)
    end = rng.integers(60, 181, n)
    died = rng.geometric(death, n) if death else np.full(n, 10**6)
    stop = np.minimum(end, died)
    days = np.arange(1, 181)
    met = (
        (rng.random((n, 180)) < 1 - np.exp(-level)[:, None]) & (days <= end[:, None]) & (days < died[:, None])
    )
    who, day = np.nonzero(met)
    frame = pd.DataFrame({
        "id": np.r_[who, np.arange(n)], "stop": np.r_[day + 1, stop],
        "cause": np.r_[np.ones(len(who), int), np.where(died <= end, 2, 0)],
    })  # fmt: skip
    # An event on the last day is the last row.
    frame = frame.drop_duplicates(["id", "stop"]).sort_values(["id", "stop"], ignore_index=True)
    frame["start"] = frame.groupby("id")["stop"].shift(fill_value=0)
    codes = {0: "censored", 1: "silence"} | ({2: "death"} if death else {})
    frame["arm"] = arm[frame["id"]]
    return TimeToEvent.from_frame(
        frame, "stop", "cause", codes, entry="start", id="id", provenance="simulated"
    )


@cache
def mean_truth(death: float, ratio: float = 0.0) -> float:
    """Return the expected count by the day asked: a day counts when alive after it, with a gamma level's chance of an event."""
    survival = (1 - death) ** np.arange(1, ASKED + 1)
    chance = 1 - 1 / (1 + RATE * np.exp(ratio))
    return float(chance * survival.sum())


def mean_counts(death: float, by: bool = False):
    """Return the play of a mean count at the day asked, or of its difference and ratio between two arms."""

    def play(rng, n):
        tte = events(rng, n, death, LOG_RATIO if by else 0.0)
        how = {"until": "last_row"} | ({"terminal": "death"} if death else {})
        if by:
            found = mean_cumulative_count(tte, by="arm", **how)
            asked = {"difference": found.difference(ASKED), "ratio": found.ratio(ASKED)}
            return {k: tuple(r.table.iloc[0][["conf_low", "conf_high"]]) for k, r in asked.items()}
        row = mean_cumulative_count(tte, **how).at(ASKED).table.iloc[0]
        return {
            kind: count_interval(row["estimate"], row["std_error"], kind, 0.95) for kind in ("log", "plain")
        }

    return play


def rates(rng, n):
    """Return intervals of the log rate ratio under people of unequal levels, robust and of the model."""
    tte = events(rng, n, 0.0, LOG_RATIO)
    fits = {"robust": andersen_gill(tte, "arm"), "model (wrong here)": cox(tte, "arm")}
    return {k: tuple(f.table.iloc[0][["conf_low", "conf_high"]]) for k, f in fits.items()}


def walk(rng: np.random.Generator, n: int) -> pd.DataFrame:
    """Return n histories through the four states, observed until a day between 60 and 180."""
    end = rng.integers(60, 181, n)
    state = np.zeros((n, 181), dtype=int)
    steps = DAILY.cumsum(axis=1)
    for day in range(1, 181):
        state[:, day] = (rng.random(n)[:, None] > steps[state[:, day - 1]]).sum(axis=1)
    rows = []
    moved = np.diff(state, axis=1) != 0
    for person in range(n):
        days = np.flatnonzero(moved[person]) + 1
        days = days[days <= end[person]]
        bounds = np.r_[0, days, end[person]]
        for k in range(len(bounds) - 1):
            now = state[person, bounds[k]]
            if now < 3 and (bounds[k + 1] > bounds[k] or k < len(days)):
                to = str(state[person, bounds[k + 1]]) if k < len(days) else "censored"
                rows.append((person, str(now), bounds[k], bounds[k + 1], to))
    return pd.DataFrame(rows, columns=["person", "state", "start", "stop", "exit"])


def shares(rng, n):
    """Return intervals of the share away on the day asked, five types, and of the mean days away up to it."""
    found = occupation_probabilities(walk(rng, n), start="0")
    row = found.at(ASKED).table.query("state == '1'").iloc[0]
    share, error = np.array([row["estimate"]]), np.array([row["std_error"]])
    out = {kind: tuple(bound[0] for bound in interval(share, error, kind)) for kind in CONF_TYPES}
    row = found.mean_times(ASKED).table.query("state == '1'").iloc[0]
    return out | {"mean days": (row["conf_low"], row["conf_high"])}


def cases() -> list[Case]:
    """Return the cases of this room."""
    alive, mortal = mean_truth(0.0), mean_truth(DEATH)
    after = mean_truth(DEATH, LOG_RATIO)
    day = [np.linalg.matrix_power(DAILY, k)[0, 1] for k in range(ASKED + 1)]
    share = dict.fromkeys(CONF_TYPES, float(day[ASKED]))
    return [
        Case("mean count by day 90, gamma levels", {"log": alive, "plain": alive}, mean_counts(0.0), plays=PLAYS),
        Case("mean count by day 90, gamma levels, 30 % dead", {"log": mortal, "plain": mortal}, mean_counts(DEATH), plays=PLAYS),
        Case(
            "mean counts of two arms by day 90, with deaths", {"difference": after - mortal, "ratio": after / mortal},
            mean_counts(DEATH, by=True), plays=PLAYS,
        ),
        Case(
            "log rate ratio (Andersen-Gill), gamma levels",
            {"robust": log_ratio(), "model (wrong here)": log_ratio()}, rates, plays=PLAYS,
        ),
        Case("share away on day 90, four states", share | {"mean days": float(sum(day[:-1]))}, shares, plays=PLAYS),
    ]  # fmt: skip


def log_ratio() -> float:
    """Return the log ratio of the chances of an event on a day, averaged over levels."""
    chance = [1 - 1 / (1 + RATE * np.exp(b)) for b in (0.0, LOG_RATIO)]
    return float(np.log(chance[1] / chance[0]))
