"""What each wrong way of ending observation does to the share disengaged by day 330, on simulated lives with known truth.

Not a test: the test samples it. Run by hand from the root of the project, and commit what it writes:

    python -m tests.closed_loop.silence_bias --plays 500

A life is a chain of contacts a few weeks apart. At each contact the youth may be lost: no contact follows for more than 90
days, often never. A job may end the chain instead. Whether and when each youth was first lost is therefore known; the
estimators see only the dated contacts and jobs, up to the day the file was cut.
"""

from __future__ import annotations

import argparse
import csv
import sys
from pathlib import Path

import numpy as np
import pandas as pd

from evalkit import Endpoint, FollowUp, Silence, TimeToEvent, survival
from evalkit.provenance import Provenance

RESULTS = Path(__file__).with_name("silence_bias.csv")
DAY = 330
SEED = 2011
PEOPLE = 2000
#: Days over which youths enter, and days from the first possible entry to the cut of the file.
ENTRIES, CUT = 420, 487
ORIGIN = pd.Timestamp("2010-06-01")
LOST_AT_ENTRY, LOST_LATER, HIRED, COMES_BACK = 0.10, 0.127, 0.02, 0.25
LOST, JOB = 1, 2
#: The first two are the two datings of `Silence`; the others are the mistakes.
TREATMENTS = ("closing_minus_90", "threshold", "own_last_contact", "closing", "without_day_0")


def lives(n: int, rng: np.random.Generator) -> tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame]:
    """Play `n` lives without end.

    Returns
    -------
    truth : DataFrame
        how (LOST or JOB) and day: how each life's first engagement ended, in days from entry.
    contacts : DataFrame
        who, day: all contacts after the entry interview.
    jobs : DataFrame
        who, day: jobs that began.
    """
    how, when = np.zeros(n, dtype=int), np.zeros(n, dtype=int)
    day, who = np.zeros(n, dtype=int), np.arange(n)
    contacts, jobs, chance = [], [], LOST_AT_ENTRY
    while len(who):
        lost = rng.random(len(who)) < chance
        chance = LOST_LATER
        how[who[lost]], when[who[lost]] = LOST, day[lost]
        back = who[lost][rng.random(lost.sum()) < COMES_BACK]
        contacts.append((back, when[back] + 91 + rng.integers(0, 240, len(back))))
        who, day = who[~lost], day[~lost]
        day = day + rng.integers(7, 64, len(day))
        hired = rng.random(len(who)) < HIRED
        how[who[hired]], when[who[hired]] = JOB, day[hired]
        jobs.append((who[hired], day[hired]))
        who, day = who[~hired], day[~hired]
        contacts.append((who, day))
    return (
        pd.DataFrame({"how": how, "day": when}),
        *(pd.DataFrame({"who": np.concatenate([p[0] for p in parts]), "day": np.concatenate([p[1] for p in parts])})
          for parts in (contacts, jobs)),
    )  # fmt: skip


def follow_up(entry: np.ndarray, contacts: pd.DataFrame, jobs: pd.DataFrame) -> FollowUp:
    """Return what a file cut on day `CUT` shows of the lives."""
    name = np.array([f"{i:06d}" for i in range(len(entry))])

    def dated(frame: pd.DataFrame) -> pd.DataFrame:
        day = entry[frame["who"]] + frame["day"].to_numpy()
        seen = day <= CUT
        return pd.DataFrame(
            {"person": name[frame["who"][seen]], "date": ORIGIN + pd.to_timedelta(day[seen], unit="D")}
        )

    job = dated(jobs).rename(columns={"date": "start"})
    return FollowUp(
        people=pd.DataFrame({"person": name, "entered_on": ORIGIN + pd.to_timedelta(entry, unit="D")}),
        events=dated(contacts).assign(kind="interview", direction=None, outcome="attended", partner=None),
        situations=job.assign(
            track="status", state="employment", end=pd.Series(pd.NaT, index=job.index, dtype="datetime64[ns]")
        ),
        as_of=ORIGIN + pd.Timedelta(days=CUT),
        provenance=Provenance(kind="simulated"),
    )


def treated(fu: FollowUp) -> dict[str, TimeToEvent]:
    """Return the times to event under the right treatment and under the wrong ones, all with the same events."""
    end = Endpoint("disengaged", competing=["solution"])
    right = end.of(fu.spells(Silence()))
    # Dated so that everybody is in it, whenever they entered; the event is then put back on the day the silence began.
    late = end.of(fu.spells(Silence(dated_at="threshold")))
    lost = late.cause == LOST
    censored = late.cause == 0
    now = Silence().today(fu).set_index("person").loc[late.id]
    entered = fu.people.set_index("person").loc[late.id, "entered_on"]
    last = ((now["last_contact"] - entered) / pd.Timedelta(days=1)).to_numpy()
    time = np.where(lost, late.time - 90, late.time)

    def wrong(time: np.ndarray) -> TimeToEvent:
        return TimeToEvent(time=time, cause=late.cause, causes=late.causes)

    return {
        "closing_minus_90": right,
        "threshold": late,
        "own_last_contact": wrong(np.where(censored, last, time)),
        "closing": wrong(time),
        "without_day_0": right.subset(right.time > 0),
    }


def share_lost(name: str, tte: TimeToEvent) -> float:
    """Return the cumulative incidence of disengagement on `DAY`; dated at the threshold it is read 90 days later."""
    at = survival.aalen_johansen(tte).at(DAY + 90 * (name == "threshold")).tidy()
    return float(at.loc[at["cause"] == "disengaged", "estimate"].iloc[0])


def play(seed: int, number: int, people: int) -> tuple[float, dict[str, float]]:
    """Return the true share lost by `DAY` among the lives of one play, and what each treatment says."""
    rng = np.random.default_rng([seed, number])
    truth, contacts, jobs = lives(people, rng)
    entry = rng.integers(0, ENTRIES, people)
    known = float(((truth["how"] == LOST) & (truth["day"] <= DAY)).mean())
    return known, {
        name: share_lost(name, tte) for name, tte in treated(follow_up(entry, contacts, jobs)).items()
    }


def experiment(plays: int, people: int = PEOPLE, seed: int = SEED) -> pd.DataFrame:
    """Return, for each treatment, the mean estimate, the mean truth, the bias and its Monte-Carlo standard error."""
    truths, found = zip(*(play(seed, i, people) for i in range(plays)), strict=True)
    truth = np.array(truths)
    rows = []
    for name in TREATMENTS:
        estimate = np.array([f[name] for f in found])
        error = estimate - truth
        rows.append({
            "treatment": name, "truth": truth.mean(), "estimate": estimate.mean(), "bias": error.mean(),
            "mc_error": error.std(ddof=1) / np.sqrt(plays), "plays": plays, "people": people, "seed": seed,
        })  # fmt: skip
    return pd.DataFrame(rows)


def main() -> None:
    """Run the experiment and write its results beside this file."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--plays", type=int, default=500)
    parser.add_argument("--people", type=int, default=PEOPLE)
    parser.add_argument("--seed", type=int, default=SEED)
    asked = parser.parse_args()
    table = experiment(asked.plays, asked.people, asked.seed)
    table.to_csv(RESULTS, index=False, float_format="%.5f", lineterminator="\n", quoting=csv.QUOTE_MINIMAL)
    sys.stdout.write(table.to_string(index=False) + "\n")


if __name__ == "__main__":
    main()
