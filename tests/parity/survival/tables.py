"""Reads the tables of this folder; not a test."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import numpy as np
import pandas as pd

from evalkit.timetoevent import TimeToEvent

HERE = Path(__file__).parent
#: What "equal to R" means here: R's own tables hold 15 significant digits.
CLOSE = {"rtol": 1e-8, "atol": 1e-10}


@cache
def _read(folder: str, name: str) -> pd.DataFrame:
    text = {"group": str, "stratum": str, "exit": str}
    frame = pd.read_csv(HERE / folder / f"{name}.csv", dtype=text)
    return frame.assign(**{c: frame[c].fillna("") for c in ("group", "stratum") if c in frame})


def reference(name: str, **where: object) -> pd.DataFrame:
    """Return R's numbers, the rows where each column has this value."""
    frame = _read("reference", name)
    for column, value in where.items():
        frame = frame[frame[column] == value]
    assert len(frame), (name, where)
    return frame.reset_index(drop=True)


def times(
    name: str, event: int | None = None, weight: str | None = None, kind: str | None = None
) -> TimeToEvent:
    """Return a data set as it is analysed; `event` makes that cause the event and censors the rest."""
    df = _read("inputs", name).copy()
    columns = {
        "rossi": {"time": "week", "event": "arrest", "unit": "week"},
        "waltons": {"time": "T", "event": "E"},
        "leukemia": {"time": "t", "event": "status", "unit": "week"},
        "ties": {"time": "time", "event": "cause"},
        "late": {"time": "stop", "event": "cause", "entry": "start", "id": "id"},
        "changing": {"time": "stop", "event": "event", "entry": "start", "id": "id"},
    }[name]
    if event is not None:
        df[columns["event"]] = (df[columns["event"]] == event).astype(int)
    codes = None
    if df[columns["event"]].max() > 1:
        names = ("one", "two", "three")
        codes = {0: "censored"} | {k + 1: n for k, n in enumerate(names) if k < df[columns["event"]].max()}
    if name == "rossi":
        df["two"] = df["arrest"] * (1 + (df["week"] > 25))
    return TimeToEvent.from_frame(
        df, codes=codes, weight=weight, weight_kind=kind, provenance="open", **columns
    )


def agree(found: object, expected: object, what: object = "") -> None:
    """Compare to 1e-8, missing where R's is missing."""
    np.testing.assert_allclose(
        np.asarray(found, float), np.asarray(expected, float), err_msg=str(what), **CLOSE
    )
