"""The tape: everything that happened to everybody in one play, and what can be read off it.

Not an estimator: the tape is read back as a follow-up (`Tape.follow_up`) by the very readers that read a city's dashboard.
"""

from __future__ import annotations

import datetime as dt
import hashlib
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from evalkit.errors import InputError
from evalkit.provenance import Provenance
from evalkit.simulation.engines.stays import DONE, OPEN, PREEMPTED
from evalkit.simulation.language.pathway import Pathway
from evalkit.simulation.luck.keyed import key_of
from evalkit.simulation.luck.population import DUPLICATE, People
from evalkit.simulation.luck.sampler import TICKS_PER_DAY
from evalkit.simulation.plan.numbers import WAIT, Plan

if TYPE_CHECKING:
    from evalkit.followup import FollowUp
    from evalkit.result import Result

#: How a stay ended, by the engine's number.
ENDINGS = ("done", "late", "left", "open", "balked", "preempted")


@dataclass(frozen=True, eq=False, repr=False)
class Tape:
    """The event log of one play.

    Parameters
    ----------
    pathway : Pathway
    people : People
    log : int64 array, shape (stays, 7)
        See `engines.stays.Log`.
    seed, replication : int
    scenario : str
        Name of the scenario played.
    changes : int64 array, shape (changes, 4)
        Person, track, level, tick.

    Examples
    --------
    >>> from evalkit.simulation import play
    >>> tape = play(Pathway({
    ...     "start": "2024-01-01", "end": "2024-01-31", "pools": {"desk": {"weekly": 1}},
    ...     "sources": {"list": {"to": "queue", "dates": ["2024-01-02"], "size": 2}},
    ...     "states": {"queue": {"kind": "wait", "pool": "desk", "done": "out"}, "out": {"kind": "exit"}},
    ... }), seed=1)
    >>> sorted(tape.waits()["days"])
    [0.0, 6.0]
    >>> tape.pools()["queue"].tolist()
    [1, 0, 0, 0, 0]
    """

    pathway: Pathway
    people: People
    log: np.ndarray
    seed: int
    replication: int = 0
    scenario: str = ""
    changes: np.ndarray = field(default_factory=lambda: np.zeros((0, 4), dtype=np.int64))

    @cached_property
    def known_lives(self) -> dict[int, Any]:
        """Where people stand, by tick: kept by `outcomes.lives`."""
        return {}

    @property
    def plan(self) -> Plan:
        """The numbers of the pathway."""
        return self.pathway.plan

    @property
    def horizon(self) -> dt.date:
        """The last day played."""
        return self.pathway.tables.end

    @property
    def closing(self) -> dt.date:
        """The day on which outputs and dashboard are cut unless told otherwise."""
        return self.pathway.tables.closing or self.horizon

    @property
    def provenance(self) -> Provenance:
        """Simulated youths: the pathway's digest, the seed, the replication."""
        return Provenance(
            "simulated", {"pathway": self.pathway.digest}, self.seed,
            {"replication": self.replication, "scenario": self.scenario},
        )  # fmt: skip

    @cached_property
    def digest(self) -> str:
        """SHA-256 of what happened: records, their traits, their stays; states by the key of their name, so that the order of
        the rows of the table plays no part."""
        sha = hashlib.sha256()
        people = self.people
        for array in (
            people.identity,
            people.person,
            people.arrival,
            people.spotted_by,
            *people.codes.values(),
        ):
            sha.update(np.ascontiguousarray(array).astype("<u8").tobytes())
        keys = np.array([row.key for row in self.plan.rows], dtype=np.uint64)
        sha.update(keys[self.log[:, 2]].astype("<u8").tobytes())
        sha.update(np.ascontiguousarray(np.delete(self.log, 2, axis=1)).astype("<i8").tobytes())
        if self.plan.tracks:
            tracks = np.array([key_of(f"\x1etrack:{t}") for t in self.plan.tracks], dtype=np.uint64)
            sha.update(tracks[self.changes[:, 1]].astype("<u8").tobytes())
            sha.update(np.ascontiguousarray(self.changes[:, [0, 2, 3]]).astype("<i8").tobytes())
        return sha.hexdigest()

    @cached_property
    def names(self) -> np.ndarray:
        """Name of each record: source, site, number; a duplicate record ends in ``-bis``."""
        p, plan = self.people, self.plan
        own = np.array([
            f"{plan.sources[s]}-{plan.sites[k]}-{i + 1:05d}" + ("-bis" if r == DUPLICATE else "")
            for s, k, i, r in zip(p.own_source, p.codes["site"], p.index, p.codes["record"], strict=True)
        ], dtype=object)  # fmt: skip
        most = {rule.source: rule.most for rule in plan.brings}
        for row in np.flatnonzero(p.brought_by >= 0):
            s = int(p.own_source[row])
            own[row] = f"{plan.sources[s]}-{own[p.brought_by[row]]}-{p.index[row] % most[s] + 1}"
        return own

    @cached_property
    def tracks(self) -> pd.DataFrame:
        """One row per stretch of a track at a level other than the first: person, track, level, start_day, stop_day, open.

        A stretch ends with the next change, with the last stay, or is open at the horizon.
        """
        last = np.full(len(self.people), self.plan.horizon, dtype=np.int64)
        ends = self.log[np.append(np.diff(self.log[:, 0]) != 0, True)] if len(self.log) else self.log
        last[ends[:, 0]] = ends[:, 5]
        still = np.zeros(len(self.people), dtype=bool)
        still[ends[ends[:, 6] == OPEN, 0]] = True
        c = self.changes
        same = np.append((c[1:, 0] == c[:-1, 0]) & (c[1:, 1] == c[:-1, 1]), False)[: len(c)]
        stop = np.where(same, np.roll(c[:, 3], -1), last[c[:, 0]])
        kept = c[:, 2] != 0
        names, plan = self.roster["person"].to_numpy(dtype=object), self.plan
        return pd.DataFrame({
            "person": names[c[kept, 0]],
            "track": np.array(plan.tracks, dtype=object)[c[kept, 1]],
            "level": [plan.levels[plan.tracks[t]][v] for t, v in c[kept][:, [1, 2]]],
            "start_day": c[kept, 3] / TICKS_PER_DAY,
            "stop_day": stop[kept] / TICKS_PER_DAY,
            "open": (still[c[:, 0]] & ~same)[kept],
        })  # fmt: skip

    @cached_property
    def roster(self) -> pd.DataFrame:
        """One row per record: person, record, source, spotted_by, site, attributes, arrival."""
        p, plan = self.people, self.plan
        of = {int(identity): name for identity, name in zip(p.identity, self.names, strict=True)}
        frame = pd.DataFrame({
            "name": self.names,
            # The first record of a duplicate may lie beyond the horizon: its name is then told from the duplicate's own.
            "person": [of.get(int(i), str(n).removesuffix("-bis")) for i, n in zip(p.person, self.names, strict=True)],
            "record": np.array(plan.levels["record"], dtype=object)[p.codes["record"]],
            "source": np.array(plan.sources, dtype=object)[p.own_source],
            "spotted_by": np.array(plan.sources, dtype=object)[p.spotted_by],
            "site": np.array(plan.sites, dtype=object)[p.codes["site"]],
        })  # fmt: skip
        for name in plan.tables.attributes:
            frame[name] = np.array(plan.levels[name], dtype=object)[p.codes[name]]
            if name in p.numbers:
                frame[f"{name}_number"] = p.numbers[name]
        frame["arrival_day"] = p.arrival / TICKS_PER_DAY
        return frame

    @cached_property
    def frame(self) -> pd.DataFrame:
        """One row per stay: replication, person, record, source, site, state, visit, start_day, stop_day, date, ended.

        Days are counted from the start; ``ended`` is done, late, left (an exit), open (inside at the horizon), balked (turned away by
        a queue) or preempted (sent back to the queue by somebody more urgent; the stay that resumes is a row of its own).
        """
        log, roster, plan = self.log, self.roster, self.plan
        i = log[:, 0]
        return pd.DataFrame({
            "replication": np.full(len(log), self.replication),
            "person": roster["person"].to_numpy(dtype=object)[i],
            "record": roster["record"].to_numpy(dtype=object)[i],
            "source": roster["source"].to_numpy(dtype=object)[i],
            "site": roster["site"].to_numpy(dtype=object)[i],
            "state": np.array(plan.states, dtype=object)[log[:, 2]],
            "visit": log[:, 3],
            "start_day": log[:, 4] / TICKS_PER_DAY,
            "stop_day": log[:, 5] / TICKS_PER_DAY,
            "date": self.dates(log[:, 4]),
            "ended": np.array(ENDINGS, dtype=object)[log[:, 6]],
        })  # fmt: skip

    def dates(self, ticks: np.ndarray) -> np.ndarray:
        """Return the day on which each tick falls, as datetime64[ns]."""
        start = np.datetime64(self.plan.start, "D")
        return (start + (ticks // TICKS_PER_DAY).astype("timedelta64[D]")).astype("datetime64[ns]")

    def rows(self, **having: Any) -> np.ndarray:
        """Return which states have a field equal to a value, as a boolean array over states: ``rows(mark="entered")``."""
        states = self.pathway.tables.states.values()
        return np.array([all(getattr(s, f) == v for f, v in having.items()) for s in states], dtype=bool)

    def first(self, states: np.ndarray) -> np.ndarray:
        """Return the tick at which each record first enters one of the states (a boolean array over states), -1 if never."""
        out = np.full(len(self.people), -1, dtype=np.int64)
        at = self.log[states[self.log[:, 2]]][::-1]  # the first stay of a record is written last
        out[at[:, 0]] = at[:, 4]
        return out

    @cached_property
    def resumed(self) -> np.ndarray:
        """Whether each stay only finishes what a preemption interrupted: nothing is written, or counted, a second time."""
        log = self.log
        out = np.zeros(len(log), dtype=bool)
        if len(log) > 2:
            same = log[2:, 0] == log[:-2, 0]
            out[2:] = same & (log[:-2, 6] == PREEMPTED) & (log[1:-1, 6] == DONE)
        return out

    @cached_property
    def spotted(self) -> np.ndarray:
        """Tick at which each record is first spotted, -1 if never; on arrival in a pathway where no state is marked so."""
        marked = self.rows(mark="spotted")
        return self.first(marked) if marked.any() else self.people.arrival

    def trace(self, person: str) -> pd.DataFrame:
        """Return the stays of one person, in order: date, state, how long in days, how it ended; duplicates included."""
        mine = self.frame[self.frame["person"] == person]
        if mine.empty:
            known = self.roster["person"].iloc[0] if len(self.roster) else "–"
            raise InputError(
                f"trace: nobody is called {person!r}; names look like {known!r} (see tape.roster)"
            )
        days = mine["stop_day"] - mine["start_day"]
        return mine[["date", "record", "state", "visit", "ended"]].assign(days=days).reset_index(drop=True)

    def flows(self) -> pd.DataFrame:
        """Return how many times each state led to each other: state, to (missing when open or left), n."""
        frame = self.frame
        following = frame["state"].shift(-1).where(self._same_record_next())
        table = pd.DataFrame({"state": frame["state"], "to": following})
        return table.groupby(["state", "to"], dropna=False, sort=False).size().rename("n").reset_index()

    def _same_record_next(self) -> np.ndarray:
        i = self.log[:, 0]
        return np.append(i[1:] == i[:-1], False)

    def waits(self) -> pd.DataFrame:
        """Return one row per wait for a pool.

        Returns
        -------
        DataFrame
            person, record, source, site, pool, state, start_day, days, ended: done (served), late (gave up), balked (turned away:
            0 days), open (still waiting at the horizon: `days` is then what has passed, a lower bound). Whoever is preempted
            waits again, on a row of its own.
        """
        pool = np.array([r.pool if r.kind == WAIT else -1 for r in self.plan.rows])[self.log[:, 2]]
        at = np.flatnonzero(pool >= 0)
        frame = self.frame.iloc[at]
        return pd.DataFrame({
            **{c: frame[c].to_numpy() for c in ("person", "record", "source", "site")},
            "pool": np.array(self.plan.pools, dtype=object)[pool[at]],
            **{c: frame[c].to_numpy() for c in ("state", "start_day")},
            "days": (frame["stop_day"] - frame["start_day"]).to_numpy(),
            "ended": frame["ended"].to_numpy(),
        })  # fmt: skip

    def truth(self) -> pd.DataFrame:
        """Return the latent disengagements, which no dashboard shows: person, start, stop (missing when still open), in dates.

        A person is disengaged from entering a state marked ``latent = "disengaged"`` to entering one that is not.
        """
        latent = self.rows(latent="disengaged")[self.log[:, 2]] & (
            self.people.codes["record"][self.log[:, 0]] != DUPLICATE
        )
        follows = np.concatenate([[False], self._same_record_next()[:-1]]) if len(latent) else latent
        begins = latent & ~(follows & np.concatenate([[False], latent[:-1]])) if len(latent) else latent
        group = np.cumsum(begins)[latent]
        log = self.log[latent]
        first = np.flatnonzero(np.diff(group, prepend=0))
        last = np.append(first[1:], len(log)) - 1 if len(log) else first
        stop = pd.Series(self.dates(log[last, 5])).where(log[last, 6] != OPEN)
        return pd.DataFrame(
            {"person": self.roster["person"].to_numpy(dtype=object)[log[first, 0]], "start": self.dates(log[first, 4]), "stop": stop}
        )  # fmt: skip

    def pools(self) -> pd.DataFrame:
        """Return what each pool offered and gave, week by week.

        Returns
        -------
        DataFrame
            pool, site (those that share a queue joined by +), week (from 0), week_start (date), offered, used, queue (people
            waiting when the week ends). For held units `offered` and `used` are mean numbers over the week.
        """
        from evalkit.simulation.tape.pools import pools

        return pools(self)

    def follow_up(self, as_of: dt.date | str | None = None, everybody: bool = False) -> FollowUp:
        """Return the dashboard a programme would have kept of this play, cut on `as_of` (default: the closing day).

        Parameters
        ----------
        as_of : date
        everybody : bool
            Also those whom the programme did not spot (its earlier caseload).

        Returns
        -------
        FollowUp
            With provenance "simulated". Duplicate records are merged with their person's and counted in the provenance.
        """
        from evalkit.simulation.tape.dashboard import follow_up

        return follow_up(self, as_of, everybody)

    def utilisation(self) -> Result:
        """Return how full each pool was and how long its queue, with a warning where it is saturated."""
        from evalkit.simulation.tape.summary import utilisation

        return utilisation(self)

    def summary(self, lang: str | None = None) -> str:
        """Return the play in words: how many people, how full the pools were, what is saturated."""
        from evalkit.simulation.tape.summary import summary

        return summary(self, lang)

    def __repr__(self) -> str:
        return (
            f"Tape({self.scenario or 'pathway'}, seed {self.seed}, replication {self.replication}: "
            f"{len(self.people)} records, {len(self.log)} stays, {self.digest[:12]})"
        )
