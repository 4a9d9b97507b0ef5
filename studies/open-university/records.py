"""The Open University files as a dashboard: people, events and situations for `FollowUp`.

Not an analysis: it only says which column means what, and counts what it sets apart.
"""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

import evalkit as ek
from evalkit.provenance import Provenance
from evalkit.vocabulary import Vocabulary, standard

HERE = Path(__file__).parent
KEYS = ["code_module", "code_presentation", "id_student"]


@dataclass(frozen=True)
class Records:
    """The dashboard and what was set apart."""

    follow_up: ek.FollowUp
    undated: pd.DataFrame
    counts: dict[str, int]


def read(folder: Path, provenance: Provenance) -> Records:
    """Read the five files and build the dashboard: one person per registration, the student as cluster."""
    registrations = _registrations(folder)
    undated = registrations["final_result"].eq("Withdrawn") & registrations["left_day"].isna()
    kept = registrations[~undated].reset_index(drop=True)
    submissions = _submissions(folder, kept)

    never_started = kept["left_day"] <= 0
    left = kept["left_day"] > 0
    day = lambda days: kept["day_zero"] + pd.to_timedelta(days, unit="D")  # noqa: E731
    people = pd.DataFrame({
        "person": kept["person"],
        "cluster": kept["id_student"],
        "site": kept["code_module"],
        "sex": kept["gender"],
        "spotted_on": day(kept["registered_day"].fillna(0)),
        "entered_on": kept["day_zero"].mask(never_started),
        "eliminated_on": day(kept["left_day"]).where(never_started),
        "eliminated_for": pd.Series("never_started", kept.index).where(never_started),
        "observed_until": day(kept["module_presentation_length"]),
        "prior_attempts": kept["num_of_prev_attempts"].astype(int).clip(upper=2).map({0: "0", 1: "1", 2: "2+"}),
        "age_band": kept["age_band"],
        "presentation": kept["code_presentation"],
        "registered_day": kept["registered_day"],
    })  # fmt: skip
    people["spotted_on"] = people[["spotted_on", "entered_on", "eliminated_on"]].min(axis=1)
    state = kept["final_result"].map({"Withdrawn": "withdrawn", "Fail": "failed_early"})
    situations = pd.DataFrame({
        "person": kept["person"], "track": "status", "state": state, "start": day(kept["left_day"]), "end": pd.NaT,
    })[left]  # fmt: skip
    follow_up = ek.FollowUp.from_frames(
        people,
        submissions.frame,
        situations,
        as_of=submissions.last_day,
        vocabulary=_vocabulary(),
        provenance=provenance,
    )
    counts = {
        "registrations": len(registrations),
        "students": registrations["id_student"].nunique(),
        "undated": int(undated.sum()),
        "never_started": int(never_started.sum()),
        "late": int((kept["registered_day"] > 0).sum()),
        "failed_dated": int((left & kept["final_result"].eq("Fail")).sum()),
        "submissions": len(submissions.frame),
        "banked": submissions.banked,
        "after_leaving": submissions.after_leaving,
    }
    return Records(follow_up, registrations[undated].reset_index(drop=True), counts)


def _registrations(folder: Path) -> pd.DataFrame:
    info = pd.read_csv(folder / "studentInfo.csv", dtype=str)
    dates = pd.read_csv(folder / "studentRegistration.csv", dtype=str)
    lengths = pd.read_csv(folder / "courses.csv", dtype={"module_presentation_length": float})
    frame = info.merge(dates, on=KEYS, validate="one_to_one").merge(
        lengths, on=KEYS[:2], validate="many_to_one"
    )
    frame["left_day"] = pd.to_numeric(frame["date_unregistration"])
    frame["registered_day"] = pd.to_numeric(frame["date_registration"])
    starts = tomllib.loads((HERE / "facts" / "presentations.toml").read_text(encoding="utf-8"))["start"]
    frame["day_zero"] = pd.to_datetime(frame["code_presentation"].map(starts))
    frame["person"] = frame[KEYS].agg("-".join, axis=1)
    return frame


@dataclass(frozen=True)
class _Submissions:
    frame: pd.DataFrame
    banked: int
    after_leaving: int
    last_day: pd.Timestamp


def _submissions(folder: Path, registrations: pd.DataFrame) -> _Submissions:
    assessments = pd.read_csv(folder / "assessments.csv", dtype={"id_assessment": str})
    rows = pd.read_csv(folder / "studentAssessment.csv", dtype={"id_assessment": str, "id_student": str})
    rows = rows.merge(assessments[["id_assessment", *KEYS[:2]]], on="id_assessment", validate="many_to_one")
    rows = rows.merge(
        registrations[[*KEYS, "person", "day_zero", "left_day", "module_presentation_length"]],
        on=KEYS,
        how="inner",
    )
    banked = rows["is_banked"].eq(1)
    frame = pd.DataFrame({
        "person": rows["person"],
        "date": rows["day_zero"] + pd.to_timedelta(rows["date_submitted"], unit="D"),
        "kind": "submission",
        "direction": "incoming",
        # A banked mark was earned in an earlier registration: it is no contact in this one.
        "outcome": pd.Series("answered", rows.index).mask(banked, "banked"),
    })  # fmt: skip
    ends = registrations["day_zero"] + pd.to_timedelta(registrations["module_presentation_length"], unit="D")
    last = max(frame["date"].max(), ends.max())
    return _Submissions(
        frame, int(banked.sum()), int((rows["date_submitted"] > rows["left_day"]).sum()), last
    )


def _vocabulary() -> Vocabulary:
    return standard().extended(Vocabulary.read(HERE / "vocabulary.toml"))
