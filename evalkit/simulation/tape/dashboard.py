"""The dashboard a programme would have kept of a play: people, dated acts and situations, cut on a day.

Not the truth: what only the tape knows (latent silence, who could never be reached) is left out, as it is in a city's records.
"""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from evalkit.followup import FollowUp
from evalkit.provenance import Provenance
from evalkit.simulation.engines.stays import BALKED
from evalkit.simulation.luck.population import DUPLICATE
from evalkit.simulation.luck.sampler import TICKS_PER_DAY
from evalkit.simulation.plan.numbers import WAIT
from evalkit.simulation.tape.days import played_day

if TYPE_CHECKING:
    from evalkit.simulation.tape.log import Tape

#: Days ahead at which an appointment is written whose date the tape does not reach.
_BEYOND = 7


def follow_up(tape: Tape, as_of: dt.date | str | None, everybody: bool) -> FollowUp:
    """Return the dashboard of a play; see `Tape.follow_up`."""
    return _Dashboard(tape, as_of, everybody).follow_up()


class _Dashboard:
    def __init__(self, tape: Tape, as_of: dt.date | str | None, everybody: bool):
        self.tape, self.tables = tape, tape.pathway.tables
        self.day = pd.Timestamp(played_day(tape, as_of, "as_of", tape.closing))
        self.upto = tape.plan.tick(self.day.date()) + TICKS_PER_DAY
        self.states = list(self.tables.states.values())
        people, plan = tape.people, tape.plan
        programme = np.array([s.programme for s in self.tables.sources.values()])
        spotted = tape.spotted
        self.spotted = np.where((spotted >= 0) & (spotted < self.upto), spotted, -1)
        mine = programme[people.own_source] & (people.codes["record"] != DUPLICATE) & (self.spotted >= 0)
        ordinary = ~programme[people.own_source] & (people.arrival < self.upto)
        self.kept = (mine | ordinary) if everybody else mine
        self.merged = int(((people.codes["record"] == DUPLICATE) & (people.arrival < self.upto)).sum())
        log = tape.log
        # Whoever resumes after having been preempted enters nothing anew.
        self.log = log[self.kept[log[:, 0]] & (log[:, 4] < self.upto) & ~tape.resumed]
        self.names = tape.roster["person"].to_numpy(dtype=object)
        self.sources = plan.sources

    def follow_up(self) -> FollowUp:
        about = self.tape.provenance
        details = {**about.details, "as_of": f"{self.day:%Y-%m-%d}", "duplicates_merged": self.merged}
        return FollowUp.from_frames(
            self._people(), self._events(), self._situations(), as_of=self.day, vocabulary=self.tape.pathway.vocabulary,
            provenance=Provenance("simulated", about.inputs, about.seed, details),
        )  # fmt: skip

    # ---- people ---------------------------------------------------------------------------------------------------------
    def _people(self) -> pd.DataFrame:
        tape, at, roster = self.tape, np.flatnonzero(self.kept), self.tape.roster
        entered = tape.first(tape.rows(mark="entered"))
        eliminated = np.array([s.eliminated is not None for s in self.states])
        out_on = tape.first(eliminated)
        people = pd.DataFrame({
            "person": self.names[at],
            "site": roster["site"].to_numpy(dtype=object)[at],
            "channel": self._of_source("channel", tape.people.spotted_by)[at],
            "spotted_on": self._dates(self.spotted)[at],
            "eliminated_on": self._dates(out_on)[at],
            "eliminated_for": self._elimination()[at],
            "entered_on": self._dates(entered)[at],
        })  # fmt: skip
        route = self._of_source("route", tape.people.own_source)[at]
        people["entry_route"] = np.where(people["entered_on"].notna(), route, None)
        for name, attribute in self.tables.attributes.items():
            if attribute.recorded:
                people[name] = roster[name].to_numpy(dtype=object)[at]
                if attribute.number:
                    people[attribute.number] = np.round(roster[f"{name}_number"].to_numpy()[at], 2)
        return people.dropna(axis="columns", how="all") if len(people) else people

    def _of_source(self, field: str, source: np.ndarray) -> np.ndarray:
        return np.array([getattr(s, field) for s in self.tables.sources.values()], dtype=object)[source]

    def _elimination(self) -> np.ndarray:
        out = np.full(len(self.tape.people), None, dtype=object)
        codes = np.array([s.eliminated for s in self.states], dtype=object)[self.log[:, 2]]
        at = np.array([c is not None for c in codes], dtype=bool)
        out[self.log[at, 0]] = codes[at]
        return out

    def _dates(self, ticks: np.ndarray) -> np.ndarray:
        """Return days, missing for ticks that never came or came after the closing day."""
        known = (ticks >= 0) & (ticks < self.upto)
        return np.where(known, self.tape.dates(np.maximum(ticks, 0)), np.datetime64("NaT", "ns"))

    # ---- acts -----------------------------------------------------------------------------------------------------------
    def _events(self) -> pd.DataFrame:
        log, states = self.log, self.states
        written = np.array([s.event is not None and s.event.outcome != "planned" for s in states], dtype=bool)
        past = written[log[:, 2]]
        booked = np.where(self._meeting(log[:, 2]), self._booked(), -1)
        ahead = ~written & np.array([s.event is not None for s in states], dtype=bool)
        open_ = ahead[log[:, 2]] & (log[:, 5] >= self.upto)
        # An appointment is dated when it will be served, where the tape tells; those who give up do not know it yet.
        served = (log[:, 6] == 0) & (log[:, 5] < self.tape.plan.horizon)
        when = np.where(served, log[:, 5], self.upto + (_BEYOND - 1) * TICKS_PER_DAY)
        return pd.concat(
            [self._acts(log[past], log[past, 4], booked[past]), self._acts(log[open_], when[open_], log[open_, 4])],
            ignore_index=True,
        )  # fmt: skip

    def _acts(self, stays: np.ndarray, ticks: np.ndarray, booked: np.ndarray) -> pd.DataFrame:
        events = [s.event for s in self.states]
        booked_on = np.where(booked >= 0, self.tape.dates(np.maximum(booked, 0)), np.datetime64("NaT", "ns"))

        def said(field: str) -> np.ndarray:
            return np.array([getattr(e, field) if e is not None else None for e in events], dtype=object)[
                stays[:, 2]
            ]

        return pd.DataFrame({
            "person": self.names[stays[:, 0]], "date": self.tape.dates(ticks), "kind": said("kind"),
            "direction": said("direction"), "outcome": said("outcome"), "booked_on": booked_on,
        })  # fmt: skip

    def _meeting(self, states: np.ndarray) -> np.ndarray:
        kinds = self.tape.pathway.vocabulary.codes("act", "meeting")
        return np.array([s.event is not None and s.event.kind in kinds for s in self.states], dtype=bool)[
            states
        ]

    def _booked(self) -> np.ndarray:
        """Return the tick since which each stay's appointment was queued for: the wait that ended at that very instant; else -1."""
        log = self.log
        wait = np.array([r.kind == WAIT for r in self.tape.plan.rows])[log[:, 2]] & (log[:, 6] != BALKED)
        last = (
            np.maximum.accumulate(np.where(wait, np.arange(len(log)), -1))
            if len(log)
            else np.zeros(0, dtype=np.int64)
        )
        mine = (
            (last >= 0) & (log[last, 0] == log[:, 0]) & (log[last, 5] == log[:, 4])
            if len(log)
            else last.astype(bool)
        )
        return np.where(mine, log[last, 4], -1)

    # ---- situations -----------------------------------------------------------------------------------------------------
    def _situations(self) -> pd.DataFrame:
        codes = np.array([s.situation for s in self.states], dtype=object)[self.log[:, 2]]
        stays = self.log[np.array([c is not None for c in codes], dtype=bool)]
        frame = pd.DataFrame({
            "person": stays[:, 0], "state": np.array([s.situation for s in self.states], dtype=object)[stays[:, 2]],
            "start": self.tape.dates(stays[:, 4]),
        })  # fmt: skip
        # Of several on one day the last stands; one that only goes on is not written again.
        frame = frame.drop_duplicates(["person", "start"], keep="last")
        same = (frame["person"] == frame["person"].shift()) & (frame["state"] == frame["state"].shift())
        frame = frame[~same]
        following = frame["start"].shift(-1).where(frame["person"] == frame["person"].shift(-1))
        status = frame.assign(person=self.names[frame["person"].to_numpy()], track="status", end=following)
        return pd.concat([status, self._tracks()], ignore_index=True)[
            ["person", "track", "state", "start", "end"]
        ]

    def _tracks(self) -> pd.DataFrame:
        """Return the stretches of the tracks that the dashboard shows, open ones without an end."""
        tracks = self.tables.tracks
        shown = {name: t.shown for name, t in tracks.items() if t.shown is not None}
        stretches = self.tape.tracks
        kept = stretches["track"].isin(list(shown)) & stretches["person"].isin(set(self.names[self.kept]))
        kept &= stretches["start_day"] * TICKS_PER_DAY < self.upto
        mine = stretches[kept]
        start, stop = (
            self.tape.dates(np.rint(mine[c].to_numpy() * TICKS_PER_DAY).astype(np.int64))
            for c in ("start_day", "stop_day")
        )
        over = ~mine["open"].to_numpy() & (mine["stop_day"].to_numpy() * TICKS_PER_DAY < self.upto)
        frame = pd.DataFrame({
            "person": mine["person"].to_numpy(),
            "track": [shown[t] for t in mine["track"]],
            "state": [tracks[t].values.get(v, v) for t, v in zip(mine["track"], mine["level"], strict=True)],
            "start": start,
            "end": pd.Series(stop).where(over),
        })  # fmt: skip
        # A day is the shortest thing a dashboard writes.
        return frame[~(frame["end"] == frame["start"])]
