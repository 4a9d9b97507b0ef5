"""A known pathway is played, its tape read back as a dashboard, and the estimators asked for what was put in.

Not a validation of any programme: it proves that the two halves of evalkit agree about what they mean.

    python tests/closed_loop/loop.py --plays 500 --jobs 2     # writes tests/closed_loop/loop.csv and misclassification.csv

Exits observed exactly: two competing exits with constant hazards and a trait that doubles both. Aalen-Johansen at days 90 and
180 and the Cox coefficient must be unbiased and their 95 % intervals cover as stated. The wrong way, dropping those inside instead of
censoring them, is run beside it and must be seen to fail.

Silence: the same reader with the rule of 90 days on a pathway whose disengagement is latent; how often the rule is wrong is reported.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import joblib
import numpy as np
import pandas as pd

import evalkit as ek

HERE = Path(__file__).parent
#: Longer than any play: silence ends nothing and only recorded exits count.
NEVER = 3650
MEAN, RATIO, SHARE = 240.0, 2.0, 0.4
DAYS = (90, 180)

EXACT = {
    "start": "2020-01-01",
    "end": "2020-12-31",
    "attributes": {"arm": {"levels": ["control", "test"]}},
    "sources": {
        "door": {
            "to": "entry",
            "periods": [{"from": "2020-01-01", "to": "2020-12-20", "number": 400}],
            "attributes": {"arm": {"control": 0.5, "test": 0.5}},
        }
    },
    "states": {
        "entry": {
            "kind": "delay", "duration": 0, "mark": "entered", "done": "inside",
            "event": {"kind": "interview", "outcome": "attended"},
        },
        "inside": {
            "kind": "delay", "duration": {"family": "exponential", "mean": MEAN},
            "hazard_ratios": {"arm": {"test": RATIO}},
            "done": {"job": SHARE, "gone": 1 - SHARE},
        },
        "job": {"kind": "exit", "situation": "employment"},
        "gone": {"kind": "exit", "situation": "abandoned"},
    },
}  # fmt: skip

#: Meetings about every month; now and then a youth lets go without anybody being told, and may come back.
LATENT = {
    "start": "2020-01-01",
    "end": "2021-12-31",
    "sources": {"door": {"to": "meeting", "periods": [{"from": "2020-01-01", "to": "2020-12-31", "number": 300}]}},
    "states": {
        "meeting": {
            "kind": "delay", "duration": 0, "mark": "entered", "done": {"between": 0.9, "let_go": 0.08, "job": 0.02},
            "event": {"kind": "interview", "outcome": "attended"},
        },
        "between": {"kind": "delay", "duration": {"family": "lognormal", "median": 25, "sigma": 0.9}, "done": "meeting"},
        "let_go": {
            "kind": "delay", "duration": {"family": "weibull", "scale": 180, "shape": 0.8},
            "latent": "disengaged", "done": "meeting",
        },
        "job": {"kind": "exit", "situation": "employment"},
    },
}  # fmt: skip
GAPS = (0, 30, 60, 90, 120, 180, 365, np.inf)


def true_incidence(day: float) -> float:
    """Return the true share who found a job by a whole day, both arms together.

    Dates are whole days: a stay of d days begun at a fraction u of a day counts as at most `day` days when d < day + 1 - u.
    """
    u = np.linspace(0, 1, 2001)
    by_arm = [1 - np.exp(-(day + 1 - u) * ratio / MEAN).mean() * 1.0 for ratio in (1.0, RATIO)]
    return SHARE * float(np.mean(by_arm))


def one_exact_play(replication: int, seed: int) -> list[dict]:
    """Play once and estimate, the right way and by dropping those still inside."""
    tape = ek.simulation.play(ek.simulation.Pathway(EXACT), seed=seed, replication=replication)
    spells = tape.follow_up().spells(ek.Silence(days=NEVER, dated_at="threshold", booked="counts"))
    tte = ek.Endpoint("employment", competing=["abandoned"]).of(spells)
    rows = []
    for treatment, data in (("censored", tte), ("dropped", tte.subset(tte.any_exit))):
        curve = ek.survival.aalen_johansen(data).at(DAYS).tidy()
        for day in DAYS:
            got = curve[(curve["cause"] == "employment") & (curve["time"] == day)].iloc[0]
            rows.append(_row(treatment, f"incidence at {day}", true_incidence(day), got))
        slope = ek.survival.cox(data, "arm").tidy().iloc[0]
        rows.append(_row(treatment, "log hazard ratio", float(np.log(RATIO)), slope))
    return rows


def _row(treatment: str, quantity: str, truth: float, got: pd.Series) -> dict:
    return {
        "treatment": treatment, "quantity": quantity, "truth": truth, "estimate": got["estimate"],
        "std_error": got["std_error"], "covered": got["conf_low"] <= truth <= got["conf_high"],
    }  # fmt: skip


def summarise(rows: list[dict]) -> pd.DataFrame:
    """Return bias with its Monte-Carlo error, mean standard error beside the spread of the estimates, and coverage."""
    found = []
    for (treatment, quantity), part in pd.DataFrame(rows).groupby(["treatment", "quantity"], sort=False):
        n = len(part)
        found.append({
            "treatment": treatment, "quantity": quantity, "plays": n, "truth": part["truth"].iloc[0],
            "mean": part["estimate"].mean(),
            "bias": (part["estimate"] - part["truth"]).mean(),
            "bias_mc_error": part["estimate"].std() / np.sqrt(n),
            "spread": part["estimate"].std(), "mean_std_error": part["std_error"].mean(),
            "coverage": part["covered"].mean(),
        })  # fmt: skip
    return pd.DataFrame(found)


def exact(plays: int, seed: int = 20, jobs: int = 1) -> pd.DataFrame:
    """Return the summary of `plays` plays with exits observed exactly."""
    done = joblib.Parallel(n_jobs=jobs)(joblib.delayed(one_exact_play)(r, seed) for r in range(plays))
    return summarise([row for rows in done for row in rows])


def one_latent_play(replication: int, seed: int, days: int = 90) -> pd.DataFrame:
    """Play once; return one row per silence: its length, whether the rule called it, whether the youth had let go."""
    tape = ek.simulation.play(ek.simulation.Pathway(LATENT), seed=seed, replication=replication)
    fu = tape.follow_up()
    spells = fu.spells(ek.Silence(days=days)).frame
    ended = spells[spells["exit"] == "disengaged"]
    called = set(
        zip(ended["person"], ended["origin"] + pd.to_timedelta(ended["stop"], unit="D"), strict=True)
    )

    # Two meetings on one day begin one silence.
    acts = fu.events.sort_values(["person", "date"]).drop_duplicates(["person", "date"])
    jobs = fu.situations.groupby("person")["start"].min()
    until = acts.groupby("person")["date"].shift(-1)
    until = until.fillna(acts["person"].map(jobs)).fillna(fu.as_of)
    silences = pd.DataFrame(
        {"person": acts["person"], "start": acts["date"], "days": (until - acts["date"]).dt.days}
    )
    # Only a silence that began early enough can be told from a short one: those after the closing date are not judged.
    silences = silences[silences["start"] <= fu.as_of - pd.Timedelta(days=days)]
    silences["called"] = [key in called for key in zip(silences["person"], silences["start"], strict=True)]
    truth = tape.truth()
    let_go = set(zip(truth["person"], truth["start"].dt.normalize(), strict=True))
    silences["let_go"] = [key in let_go for key in zip(silences["person"], silences["start"], strict=True)]
    return silences


def misclassification(plays: int, seed: int = 20, jobs: int = 1, days: int = 90) -> pd.DataFrame:
    """Return, by length of the silence, how many were called disengaged who had not let go, and the reverse."""
    done = joblib.Parallel(n_jobs=jobs)(joblib.delayed(one_latent_play)(r, seed, days) for r in range(plays))
    silences = pd.concat(done, ignore_index=True)
    length = pd.cut(silences["days"], GAPS, right=False)
    rows = []
    for gap, part in [*silences.groupby(length, observed=True), ("all", silences)]:
        name = (
            gap
            if isinstance(gap, str)
            else f"{gap.left:.0f}+"
            if np.isinf(gap.right)
            else f"{gap.left:.0f}-{gap.right - 1:.0f}"
        )
        called, gone = part["called"], part["let_go"]
        rows.append({
            "silence_days": name, "silences": len(part), "called": int(called.sum()), "had_let_go": int(gone.sum()),
            "called_wrongly": int((called & ~gone).sum()), "missed": int((gone & ~called).sum()),
            "share_of_called_wrong": (called & ~gone).sum() / called.sum() if called.any() else np.nan,
            "share_of_let_go_missed": (gone & ~called).sum() / gone.sum() if gone.any() else np.nan,
        })  # fmt: skip
    return pd.DataFrame(rows)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--plays", type=int, default=500)
    parser.add_argument("--seed", type=int, default=20)
    parser.add_argument("--jobs", type=int, default=1)
    said = parser.parse_args()
    table = exact(said.plays, said.seed, said.jobs)
    table.round(6).to_csv(HERE / "loop.csv", index=False, lineterminator="\n")
    wrong = misclassification(said.plays, said.seed, said.jobs)
    wrong.round(6).to_csv(HERE / "misclassification.csv", index=False, lineterminator="\n")
    print(table.to_string(index=False), wrong.to_string(index=False), sep="\n\n")
