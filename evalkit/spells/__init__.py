"""Who was in which state from when to when, and how it ended: one row per stay, open ones censored and never dropped.

Not a rule: `Silence` decides what engagement is, `Endpoint` which exit is the event.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Self

import numpy as np
import pandas as pd

from evalkit import wording
from evalkit.disclosure import Headcount, Policy
from evalkit.errors import InputError
from evalkit.provenance import Provenance
from evalkit.result import Result
from evalkit.spells.flaws import CENSORED, COLUMNS, INTERIOR, check, fresh, leads_to, ordered, pseudonym
from evalkit.spells.splitting import Track, at_pairs, days_of
from evalkit.vocabulary import Vocabulary, standard
from evalkit.wording import Message, message

__all__ = ["AT_RISK", "CENSORED", "INTERIOR", "DaysTable", "Spells", "leads_to", "pseudonym"]

#: Clock to the state in which its event can happen.
AT_RISK = {"engagement": "engaged", "wandering": "wandering", "wait": "waiting"}
#: Columns that are the history itself, or its outcome, and never covariates.
STRUCTURE = (*COLUMNS, "disengaged_on", "abandoned_on")
_SITUATIONS = ("person", "track", "state", "start", "end")


def _no_situations() -> pd.DataFrame:
    return pd.DataFrame({
        name: pd.Series(dtype="datetime64[ns]" if name in ("start", "end") else object) for name in _SITUATIONS
    })  # fmt: skip


@dataclass(frozen=True, repr=False)
class DaysTable(Result):
    """A table of counts with days beside them; published, the days of hidden counts are hidden too."""

    def _suppressed(self, policy: Policy) -> tuple[pd.DataFrame, int]:
        table, hidden = super()._suppressed(policy)
        if hidden:
            table = table.assign(days=table["days"].astype(float).mask(table["status"] == "suppressed"))
        return table, hidden


@dataclass(frozen=True, eq=False, repr=False)
class Spells:
    """Histories cut into stays.

    Parameters
    ----------
    frame : DataFrame
        ``person``; ``episode`` (0, 1, … : an episode ends with disengagement or an exit); ``state``; ``start`` and ``stop``
        (whole days from the person's origin); ``origin`` (date); ``exit`` (the code reached at `stop`, ``"censored"`` when
        still there at the end of observation, ``""`` inside a stay that is cut); every other column is a covariate.
    clock : {"engagement", "wandering", "wait"}
        What `origin` is: entry interview; last link with an institution; spotting. The clocks are never mixed.
    rule : tuple of Message
        How the records became spells, in words; every result carries it.
    caveats : tuple of Message
        What was left out or doubtful, with counts.
    known_at_origin : frozenset of str
        Covariates fixed at or before the origin.
    acquired : frozenset of str
        Covariates that came after the origin: `Endpoint` refuses them until they are split or landmarked.
    provenance, vocabulary, labels
        As everywhere.

    Raises
    ------
    InputError
        Four named flaws, all at once, with pseudonyms and counts. *Overlap*: the same days counted twice in a state. *Gap*:
        days missing inside an episode. *Jump*: the state changes without the exit saying so. *Teleport*: two places at once,
        or a history that goes on after its end. The names are those of ``survcheck`` in Therneau's R package *survival*
        (vignette "Multi-state models and competing risks").

    Examples
    --------
    >>> sp = Spells(pd.DataFrame({
    ...     "person": ["a", "a", "b"], "episode": 0, "state": ["engaged", "solution", "engaged"],
    ...     "start": [0, 40, 0], "stop": [40, 100, 70], "origin": pd.Timestamp("2010-06-01"),
    ...     "exit": ["employment", "censored", "disengaged"],
    ... }))
    >>> sp
    Spells: 2 people, 3 rows, engagement clock (1 disengaged, 1 employment, 1 censored)
    >>> sp.split_at([30]).frame[["person", "start", "stop", "exit"]].values.tolist()[:2]
    [['a', 0.0, 30.0, ''], ['a', 30.0, 40.0, 'employment']]
    """

    frame: pd.DataFrame
    clock: str = "engagement"
    rule: tuple[Message, ...] = ()
    caveats: tuple[Message, ...] = ()
    known_at_origin: frozenset[str] = frozenset()
    acquired: frozenset[str] = frozenset()
    provenance: Provenance = field(default_factory=Provenance)
    vocabulary: Vocabulary = field(default_factory=standard)
    labels: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    _situations: pd.DataFrame = field(default_factory=_no_situations)

    def __post_init__(self) -> None:
        if self.clock not in AT_RISK:
            raise InputError(f"clock: must be one of {', '.join(AT_RISK)}, but was {self.clock!r}")
        missing = [c for c in COLUMNS if c not in self.frame.columns]
        if missing:
            raise InputError(f"frame: no column {', '.join(missing)}; spells have {', '.join(COLUMNS)}")
        frame = self.frame.assign(
            exit=self.frame["exit"].fillna(INTERIOR).astype(str), state=self.frame["state"].astype(str)
        )
        frame = ordered(frame.astype({"start": float, "stop": float}))
        check(frame, self.vocabulary)
        put = object.__setattr__
        put(self, "frame", frame)
        put(self, "acquired", frozenset(self.acquired) & frozenset(frame.columns))
        put(
            self,
            "known_at_origin",
            (frozenset(self.known_at_origin) & frozenset(frame.columns)) - self.acquired,
        )

    # -- what it says ------------------------------------------------------------------------------------------------
    @property
    def n(self) -> int:
        """Number of people."""
        return int(self.frame["person"].nunique())

    @property
    def covariates(self) -> list[str]:
        """Columns that are not the history itself."""
        return [c for c in self.frame.columns if c not in STRUCTURE]

    @property
    def tracks(self) -> list[str]:
        """Tracks of dated situations that `split_by` can cut by."""
        return list(pd.unique(self._situations["track"]))

    @property
    def fresh(self) -> np.ndarray:
        """Which rows begin a stay, rather than go on with one that was cut."""
        return fresh(self.frame)

    def transitions(self) -> pd.DataFrame:
        """Return how often each state was left by each exit, and for how many people.

        Returns
        -------
        DataFrame
            state, exit, spells (stays), people.
        """
        table = (
            self._stays()
            .groupby(["state", "exit"], sort=False)["person"]
            .agg(spells="size", people="nunique")
        )
        return table.reset_index().sort_values(
            "state", key=lambda s: pd.factorize(s)[0], kind="stable", ignore_index=True
        )

    def to_result(self) -> Result:
        """Return the transitions with the days spent in the stays that ended so, the rule and the caveats."""
        days = self._stays().groupby(["state", "exit"], sort=False)["days"].sum().rename("days").reset_index()
        # `count` and `n` are the names disclosure control knows.
        table = (
            self.transitions()
            .rename(columns={"spells": "count", "people": "n"})
            .merge(days, on=["state", "exit"])
        )
        states = (*AT_RISK.values(), "disengaged", "solution", "interruption")
        labels = {
            **wording.labels("spells", "state", "exit", "days", *states),
            "count": wording.labels("spells", "spells")["spells"],
            "n": wording.labels("spells", "people")["people"],
            **self.exit_labels(),
            **self.labels,
        }
        return DaysTable(
            table, message("spells.question"), (*self.rule, *self.caveats), self.provenance, labels=labels
        )

    def _stays(self) -> pd.DataFrame:
        """Return one row per stay, however often it was cut: person, state, exit, days."""
        length = (self.frame["stop"] - self.frame["start"]).groupby(np.cumsum(self.fresh)).transform("sum")
        ended = self.frame["exit"] != INTERIOR
        return self.frame.loc[ended, ["person", "state", "exit"]].assign(days=length[ended])

    def exit_labels(self) -> dict[str, dict[str, str]]:
        """Return the labels of every exit present."""
        terms = {
            c: self.vocabulary.term("exit", c) or self.vocabulary.term("status", c)
            for c in set(self.frame["exit"])
        }
        return {code: term.labels for code, term in terms.items() if term}

    def summary(self, lang: str | None = None) -> str:
        """Return the transitions, the rule and the caveats as text."""
        return self.to_result().summary(lang)

    def _repr_html_(self) -> str:
        return self.to_result().to_html()

    def __repr__(self) -> str:
        counts = self.frame.loc[self.frame["exit"] != INTERIOR, "exit"].value_counts().sort_index()
        said = ", ".join(f"{n} {code}" for code, n in counts[counts.index != CENSORED].items())
        said = ", ".join(x for x in (said, f"{counts[CENSORED]} censored" if CENSORED in counts else "") if x)
        return f"Spells: {self.n} people, {len(self.frame)} rows, {self.clock} clock ({said})"

    # -- new values from this one ------------------------------------------------------------------------------------
    def split_at(self, cuts: object, name: str = "period") -> Self:
        """Return the spells cut at given days from the origin, or at given dates.

        Parameters
        ----------
        cuts : iterable of numbers or of dates, or one of them alone
            Days are counted from the origin, 0 or more.
        name : str
            Column to write: how many of the cuts lie at or before the row's start (0, 1, …).

        Raises
        ------
        InputError
            If the cuts are neither all numbers nor all dates, or a number is negative.
        """
        if isinstance(cuts, Iterable) and not isinstance(cuts, str):
            cuts = list(cuts)
        frame = at_pairs(self.frame, *days_of(cuts, self.frame))
        rows, days = days_of(cuts, frame)
        passed = np.bincount(
            rows, weights=days <= frame["start"].to_numpy(dtype=float)[rows], minlength=len(frame)
        )
        return dataclasses.replace(self, frame=frame.assign(**{name: passed.astype(np.int64)}))

    def split_by(self, track: str) -> Self:
        """Return the spells cut where a situation of `track` begins or ends, with what held from each row's start.

        A change dated on a day counts from that day on, never before: no row knows its own future.

        Parameters
        ----------
        track : str
            For the track "status", the column ``status`` holds the code of the situation (missing when none is recorded).
            For any other, ``<track>`` is true or false, and ``<track>_with`` says with whom or what.

        Raises
        ------
        InputError
            If the records hold no such track.
        """
        at = self._track(track)
        frame = at_pairs(self.frame, *at.changes(self.frame))
        frame = _told(frame, track, at, frame["start"].to_numpy(dtype=float))
        return dataclasses.replace(
            self,
            frame=frame,
            known_at_origin=self.known_at_origin - {track},
            acquired=self.acquired - {track},
        )

    def landmark(self, day: float, origin: str = "kept") -> Self:
        """Return the people still at risk on `day`, from then on, with what was known of them on that day.

        At risk: in the state of the clock's event on that day, and not leaving it on that day. The value of every track but
        "status" on that day becomes a covariate; undated covariates acquired after the origin are left out, and said.

        Parameters
        ----------
        day : float
            Whole days from the origin.
        origin : {"kept", "shifted"}
            Whether durations are still counted from the origin (delayed entry on `day`), or from `day`.

        Raises
        ------
        InputError
            If `day` is no whole number of days, or nobody is at risk on it any more.

        References
        ----------
        van Houwelingen (2007), Dynamic prediction by landmarking in event history analysis, Scand J Statist 34:70.
        """
        if origin not in ("kept", "shifted"):
            raise InputError(f"origin: must be kept or shifted, but was {origin!r}")
        if not (float(day) >= 0 and float(day) == np.rint(day)):
            raise InputError(f"day: must be a whole number of days, 0 or more, but was {day!r}")
        frame = self.frame
        here = (frame["state"] == AT_RISK[self.clock]) & (frame["start"] <= day) & (frame["stop"] > day)
        if not here.any():
            last = frame.loc[frame["state"] == AT_RISK[self.clock], "stop"].max()
            known = (
                f"the last day at risk of anybody is day {last - 1:.0f}"
                if last > 0
                else "nobody stays at risk"
            )
            raise InputError(f"day: nobody is at risk on day {day:.0f}; {known}")
        kept = frame["person"].isin(frame.loc[here, "person"])
        ever = frame.loc[frame["state"] == AT_RISK[self.clock], "person"].nunique()
        frame = frame[kept & (frame["stop"] > day)]
        frame = frame.assign(start=frame["start"].clip(lower=day)).reset_index(drop=True)
        tracks = [t for t in self.tracks if t != "status"]
        for track in tracks:
            frame = _told(frame, track, self._track(track), np.full(len(frame), float(day)))
        undated = sorted(self.acquired - set(tracks))
        frame = frame.drop(columns=undated)
        n_kept = int(frame["person"].nunique())
        said = [
            message(
                "spells.landmark",
                day=day,
                n_kept=Headcount(n_kept),
                n_left=Headcount(ever - n_kept),
                origin=message(f"spells.landmark_{origin}"),
            )
        ]
        if undated:
            said.append(message("spells.landmark_undated", day=day, columns=undated))
        if origin == "shifted":
            moved = frame["origin"] + pd.Timedelta(days=float(day))
            frame = frame.assign(start=frame["start"] - day, stop=frame["stop"] - day, origin=moved)
        return dataclasses.replace(
            self,
            frame=frame,
            known_at_origin=self.known_at_origin | {c for t in tracks for c in (t, f"{t}_with")},
            acquired=frozenset(),
            caveats=(*self.caveats, *said),
        )

    def with_covariates(self, columns: pd.DataFrame, known_at_origin: bool) -> Self:
        """Return the spells with further columns, one row per person.

        Parameters
        ----------
        columns : DataFrame
            ``person`` and the columns to add or replace; a person without a row has missing values.
        known_at_origin : bool
            Whether the values were fixed at the origin. If not, `Endpoint` refuses them: they need dates, hence a track.
        """
        if "person" not in columns or columns["person"].duplicated().any():
            raise InputError("columns: need one row per person, with a column person")
        names = [c for c in columns.columns if c != "person"]
        taken = [c for c in names if c in STRUCTURE]
        if taken:
            raise InputError(f"columns: {', '.join(taken)} cannot be replaced: they are the history itself")
        frame = self.frame.drop(columns=[c for c in names if c in self.frame]).merge(
            columns, on="person", how="left"
        )
        known, acquired = self.known_at_origin - set(names), self.acquired - set(names)
        return dataclasses.replace(
            self,
            frame=frame,
            known_at_origin=known | set(names) if known_at_origin else known,
            acquired=acquired if known_at_origin else acquired | set(names),
        )

    def without(self, *names: str) -> Self:
        """Return the spells without these covariates."""
        unknown = [n for n in names if n not in self.covariates]
        if unknown:
            raise InputError(
                f"columns: no covariate {', '.join(unknown)}; there are {', '.join(self.covariates)}"
            )
        return dataclasses.replace(self, frame=self.frame.drop(columns=list(names)))

    # -- inside ------------------------------------------------------------------------------------------------------
    def _track(self, track: str) -> Track:
        if track not in self.tracks:
            raise InputError(
                f"track: no {track!r} in the records; there are: {', '.join(self.tracks) or 'none'}"
            )
        origin = self.frame.drop_duplicates("person").set_index("person")["origin"]
        return Track(self._situations[self._situations["track"] == track], origin)


def _told(frame: pd.DataFrame, track: str, at: Track, day: np.ndarray) -> pd.DataFrame:
    """Return the frame with what `track` said of each row's person on `day`."""
    holds, state = at.on(frame["person"], day)
    if track == "status":
        return frame.assign(status=pd.array(state, dtype="string"))
    return frame.assign(**{track: holds, f"{track}_with": pd.array(state, dtype="string")})
