"""The engagement clock: from the entry interview on, the marks of each person's records, read into stays.

Not the rules of time (`life`) nor what counts as a contact (`contacts`): this lays dates on each person's clock.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from evalkit.disclosure import Headcount
from evalkit.errors import InputError
from evalkit.silence.life import BOOKING, CONTACT, DISENGAGED, RETURNED, STATUS, Life, cut
from evalkit.silence.records import (
    Records,
    covariates,
    days_between,
    made,
    observed_until,
    of_each,
    situations_of,
)
from evalkit.spells import CENSORED, Spells, leads_to
from evalkit.wording import LANGUAGES, Message, message

if TYPE_CHECKING:
    from evalkit.silence import Silence


@dataclass(frozen=True)
class Entrants:
    """Those who entered: origin and end of observation of each, and their lives, in the same order."""

    person: pd.Index
    origin: np.ndarray
    end: np.ndarray
    lives: list[Life]
    days: pd.DataFrame


def _dates(origin: np.ndarray, day: pd.Series) -> np.ndarray:
    """Return days from each origin as dates, missing where the day is."""
    days = day.to_numpy(dtype=float, na_value=np.nan)
    whole = np.where(np.isnan(days), 0, days).astype("timedelta64[D]")
    return np.where(np.isnan(days), np.datetime64("NaT"), origin + whole).astype("datetime64[ns]")


def entrants(fu: Records, rule: Silence) -> Entrants:
    """Return the lives of those who entered by the end of their observation."""
    people = fu.people.set_index("person")
    last = observed_until(fu)
    entered = people["entered_on"] if "entered_on" in people else pd.Series(pd.NaT, index=people.index)
    here = (entered.notna() & (entered <= last)).to_numpy()
    person = people.index[here]
    origin = entered[here].to_numpy(dtype="datetime64[D]")
    end = days_between(origin, last[here].to_numpy(dtype="datetime64[D]")).astype(np.int64)
    days = rule.contacts(fu)
    lives = []
    codes, marks, starts_in = _marks(fu, rule, person, origin, end, days)
    edges = np.searchsorted(codes, np.arange(len(person) + 1))
    for i, (low, high) in enumerate(zip(edges[:-1], edges[1:], strict=True)):
        life = Life(rule.days, rule.dated_at == "threshold")
        life.state = starts_in.get(i, life.state)
        life.read(marks[low:high], int(end[i]))
        lives.append(life)
    return Entrants(person, origin, end, lives, days)


def engagement_spells(fu: Records, rule: Silence) -> Spells:
    """Return the spells on the engagement clock."""
    found = entrants(fu, rule)
    close = found.end - (0 if rule.dated_at == "threshold" else rule.days)
    analysed = close >= 0
    rows: list[tuple] = []
    for i in np.flatnonzero(analysed):
        life, last = found.lives[i], int(close[i])
        for stay in cut(life.stays, last):
            silent, left = life.disengaged.get(stay[0]), life.abandoned.get(stay[0])
            # What is only known after the closing date is not told.
            rows.append(
                (i, *stay, *(day if day is not None and day <= last else None for day in (silent, left)))
            )
    frame = pd.DataFrame(rows, columns=["i", "episode", "state", "start", "stop", "exit", "silent", "left"])
    at = frame.pop("i").to_numpy(dtype=np.int64)
    frame.insert(0, "person", found.person[at])
    frame["origin"] = found.origin[at].astype("datetime64[ns]")
    for name, column in (("disengaged_on", "silent"), ("abandoned_on", "left")):
        frame[name] = _dates(found.origin[at], frame.pop(column))
    known = covariates(fu, "engagement")
    known["gap_before_entry"] = known["person"].map(_gap(found))
    caveats = (*_said(fu, rule, found, frame, analysed), *rule.contacts.doubts(fu))
    return made(fu, rule, "engagement", frame, known, caveats)


def today(fu: Records, rule: Silence) -> pd.DataFrame:
    """Return where each entrant stands at the end of observation; see `Silence.today`."""
    found = entrants(fu, rule)
    rows = []
    for life, end in zip(found.lives, found.end.tolist(), strict=True):
        _, state, _, _, code = life.stays[-1]
        here = state if code == CENSORED else None
        silent = end - life.silent_since if here in ("engaged", DISENGAGED) else np.nan
        ahead = life.held if life.held > end else np.nan
        rows.append((here, life.last_contact, life.silent_since, max(silent, 0.0), ahead))
    frame = pd.DataFrame(
        rows, columns=["state", "last_contact", "silent_since", "silent_days", "booked_until"]
    )
    for column in ("last_contact", "silent_since", "booked_until"):
        frame[column] = _dates(found.origin, frame[column])
    frame.insert(0, "person", found.person)
    if fu.events.empty:
        # Plain texts, since what stands in `attrs` must pass through files.
        frame.attrs["caveats"] = [
            {lang: said.text(lang) for lang in LANGUAGES} for said in rule.contacts.doubts(fu)
        ]
    return frame


def _marks(
    fu: Records, rule: Silence, person: pd.Index, origin: np.ndarray, end: np.ndarray, days: pd.DataFrame
) -> tuple[np.ndarray, list, dict[int, str]]:
    """Return the owner of each mark, the marks in each owner's order, and the state of those not engaged at entry."""

    def placed(frame: pd.DataFrame, column: str) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        code = person.get_indexer(frame["person"])
        kept = np.flatnonzero((code >= 0) & frame[column].notna().to_numpy())
        day = days_between(origin[code[kept]], frame[column].to_numpy(dtype="datetime64[D]")[kept])
        return kept, code[kept], day.astype(np.int64)

    _, who, day = placed(days, "date")
    after = day > 0
    contacts = np.column_stack([who, day])[after]
    parts: list[tuple[np.ndarray, np.ndarray, int, list]] = [
        (contacts[:, 0], contacts[:, 1], CONTACT, [None] * len(contacts))
    ]
    if rule.booked == "pauses":
        parts.append((*_bookings(rule.contacts.appointments(fu), placed, contacts, len(person)),))
    situations, starts_in = _situations(fu, placed)
    parts.append(situations)
    code = np.concatenate([p[0] for p in parts])
    day = np.concatenate([p[1] for p in parts])
    kind = np.concatenate([np.full(len(p[0]), p[2]) for p in parts])
    what = [w for p in parts for w in p[3]]
    order = np.lexsort((kind, day, code))
    order = order[day[order] <= end[code[order]]]
    marks = [
        (d, k, what[j])
        for d, k, j in zip(day[order].tolist(), kind[order].tolist(), order.tolist(), strict=True)
    ]
    return code[order], marks, starts_in


def _bookings(
    booked: pd.DataFrame, placed: Any, contacts: np.ndarray, n: int
) -> tuple[np.ndarray, np.ndarray, int, list]:
    """Return on which day each appointment was booked, and for which day.

    Without a recorded day of booking, a planned appointment is taken as booked at the contact before it, and a missed one
    counts only if the silence had not run out by its date.
    """
    kept, who, date = placed(booked, "date")
    rows = booked.iloc[kept]
    recorded = rows["booked_on"].notna().to_numpy()
    ahead = days_between(
        rows["booked_on"].to_numpy(dtype="datetime64[D]"), rows["date"].to_numpy(dtype="datetime64[D]")
    )
    # The entry interview, on day 0, is everybody's first contact.
    everyone = np.vstack([np.column_stack([np.arange(n), np.zeros(n, dtype=np.int64)]), contacts])
    width = int(max(everyone[:, 1].max(initial=0), date.max(initial=0))) + 2
    keys = np.sort(everyone[:, 0] * width + everyone[:, 1])
    before = np.searchsorted(keys, who * width + np.maximum(date, 0), "left") - 1
    last_contact = keys[np.maximum(before, 0)] - who * width
    day = np.where(rows["planned"].to_numpy(dtype=bool), last_contact, date)
    day = np.where(recorded, np.maximum(date - np.where(recorded, ahead, 0), 0), day).astype(np.int64)
    use = date > 0
    return who[use], day[use], BOOKING, date[use].tolist()


def _situations(fu: Records, placed: Any) -> tuple[tuple[np.ndarray, np.ndarray, int, list], dict[int, str]]:
    """Return the beginnings of situations, the returns where one ends and none follows, and who enters in one."""
    status = situations_of(fu)
    status = status[status["track"] == "status"]
    kept, who, start = placed(status, "start")
    rows = status.iloc[kept]
    length = days_between(
        rows["start"].to_numpy(dtype="datetime64[D]"), rows["end"].to_numpy(dtype="datetime64[D]")
    )
    order = np.lexsort((start, who))
    who, start, code = who[order], start[order], rows["state"].to_numpy(dtype=object)[order]
    # A situation that begins and ends on a day lasts that day.
    end = start + np.maximum(length[order], 1.0)
    same = np.append(who[1:] == who[:-1], False)
    following = np.where(same, np.append(start[1:], 0), np.inf)
    terms = fu.vocabulary.groups["status"]
    strange = sorted({c for c in code if c not in terms})
    if strange:
        raise InputError(
            f"situations, state: {', '.join(strange)} not in the vocabulary; read the records with FollowUp.read"
        )
    klass = [terms[c].klass for c in code]
    held = np.array([leads_to(c, fu.vocabulary) in ("solution", "interruption") for c in code], dtype=bool)
    # One day apart is in succession: most exports write the last day of a situation, not the day after it.
    returns = held & np.isfinite(end) & (following > end + 1) & (end > 0)
    begins = (start >= 0) & (following > start)
    at_entry = held & (start < 0) & (end > 0) & (following > 0)
    what = [(k, c) for k, c, b in zip(klass, code, begins, strict=True) if b] + [("engaged", RETURNED)] * int(
        returns.sum()
    )
    day = np.concatenate([start[begins], end[returns].astype(np.int64)])
    starts_in = {int(who[j]): klass[j] for j in np.flatnonzero(at_entry)}
    return (np.concatenate([who[begins], who[returns]]), day, STATUS, what), starts_in


def _gap(found: Entrants) -> pd.Series:
    """Return the days between each person's last contact before entry and the entry; missing where there was none."""
    days = found.days[found.days["person"].isin(found.person)]
    origin = found.origin[found.person.get_indexer(days["person"])]
    gap = days_between(days["date"].to_numpy(dtype="datetime64[D]"), origin)
    return pd.Series(gap, index=days["person"].to_numpy())[gap > 0].groupby(level=0).min()


def _said(
    fu: Records, rule: Silence, found: Entrants, frame: pd.DataFrame, analysed: np.ndarray
) -> list[Message]:
    """Return what a reader must know of who is in and who is not."""
    as_of = pd.Timestamp(fu.as_of)
    said = []
    if rule.dated_at == "last_contact":
        said.append(message("silence.closing", date=as_of - pd.Timedelta(days=rule.days), days=rule.days))
    else:
        said.append(message("silence.event_free", days=rule.days))
    counts = {
        "not_entered": len(fu.people) - len(found.person),
        "late_entrants": int((~analysed).sum()),
        "own_end": int((observed_until(fu)[found.person] < as_of).sum()),
        "booking_day_unknown": _undated_bookings(fu, rule, found),
        "spared": sum(len(life.spared) for life in found.lives),
        "came_back": _came_back(frame, fu),
    }
    said += [message(f"silence.{name}", n=Headcount(n), days=rule.days) for name, n in counts.items() if n]
    unconfirmed = _unconfirmed(fu, rule, found)
    if unconfirmed:
        said.append(message("silence.unconfirmed", n=Headcount(unconfirmed), days=rule.unconfirmed_days))
    return said


def _undated_bookings(fu: Records, rule: Silence, found: Entrants) -> int:
    """Count the appointments that pause the silence, or could, from a day nobody recorded."""
    if rule.booked != "pauses":
        return 0
    booked = rule.contacts.appointments(fu)
    return int((booked["booked_on"].isna() & booked["person"].isin(found.person)).sum())


def _came_back(frame: pd.DataFrame, fu: Records) -> int:
    """Count the people whose history goes on after an exit."""
    ends = [
        c
        for c in frame["exit"].unique()
        if c not in (CENSORED, DISENGAGED) and leads_to(c, fu.vocabulary) is None
    ]
    return frame.loc[frame["exit"].isin(ends) & frame["person"].duplicated(keep="last"), "person"].nunique()


def _unconfirmed(fu: Records, rule: Silence, found: Entrants) -> int:
    """Count the people in an open solution that nothing has confirmed for a long time."""
    status = situations_of(fu)
    solutions = fu.vocabulary.codes("status", "solution")
    still = status[(status["track"] == "status") & status["end"].isna() & status["person"].isin(found.person)]
    still = still.sort_values(["person", "start"], kind="stable").drop_duplicates("person", keep="last")
    still = still[still["state"].isin(solutions)]
    signs = [still["start"], of_each(still["person"], found.days.groupby("person")["date"].max())]
    if "confirmed_on" in still:
        signs.append(still["confirmed_on"])
    latest = pd.concat(signs, axis=1).max(axis=1)
    return int((pd.Timestamp(fu.as_of) - latest > pd.Timedelta(days=rule.unconfirmed_days)).sum())
