"""Small dashboards written by hand, in days from the entry interview: what the tests of the rules of time read.

Everybody enters on 1 June 2010 unless told otherwise; the file is cut `length` days later.
"""

from __future__ import annotations

from typing import Any

import pandas as pd

from evalkit import FollowUp
from evalkit.spells import Spells

ENTRY = pd.Timestamp("2010-06-01")


def date(day: float | None) -> pd.Timestamp | None:
    return None if day is None else ENTRY + pd.Timedelta(days=day)


def cohort(length: int, checked: bool = True, **people: dict[str, Any]) -> FollowUp:
    """Return a follow-up.

    Parameters
    ----------
    length : int
        Days from 1 June 2010 to the closing date.
    checked : bool
        Pass the records through the checks of a file; without them a cohort is made in a tenth of the time.
    **people
        Name to: ``contacts`` (days of attended interviews), ``acts`` ((day, kind, outcome) or with direction, or with the day
        of booking), ``situations`` ((state, start, end)), ``tracks`` ((track, state, start, end)), and any column of people
        (dates as days).
    """
    rows, acts, situations = [], [], []
    for name, told in people.items():
        told = dict(told)
        acts += [(name, date(day), "interview", None, "attended", None) for day in told.pop("contacts", ())]
        for day, kind, outcome, *more in told.pop("acts", ()):
            direction = more[0] if more and isinstance(more[0], str) else None
            booked = more[0] if more and not isinstance(more[0], str) else None
            acts.append((name, date(day), kind, direction, outcome, date(booked)))
        situations += [(name, "status", s, date(a), date(b)) for s, a, b in told.pop("situations", ())]
        situations += [(name, t, s, date(a), date(b)) for t, s, a, b in told.pop("tracks", ())]
        dates = {k: date(v) for k, v in told.items() if k.endswith(("_on", "_until"))}
        rows.append({"person": name, "entered_on": ENTRY, **told, **dates})
    events = pd.DataFrame(acts, columns=["person", "date", "kind", "direction", "outcome", "booked_on"])
    if events["booked_on"].isna().all():
        events = events.drop(columns="booked_on")
    persons = pd.DataFrame(rows)
    dated = pd.DataFrame(situations, columns=["person", "track", "state", "start", "end"])
    if checked:
        return FollowUp.from_frames(persons, events, dated, as_of=date(length))
    for frame in (persons, events, dated):
        for column in frame.columns.intersection(["date", "start", "end"]).union(
            frame.filter(regex="_(on|until)$").columns
        ):
            frame[column] = pd.to_datetime(frame[column])
    return FollowUp(persons, events.assign(partner=None), dated, as_of=date(length))


def stays(spells: Spells, person: str = "ada") -> list[tuple[str, int, int, str]]:
    """Return a person's stays as (state, start, stop, exit)."""
    mine = spells.frame[spells.frame["person"] == person]
    return [
        (state, int(start), int(stop), code)
        for state, start, stop, code in mine[["state", "start", "stop", "exit"]].itertuples(index=False)
    ]


def said(result: Any, lang: str = "en") -> str:
    """Return the caveats of a result or of spells as one text."""
    return "\n".join(message.text(lang) for message in result.caveats)
