"""What parametric models read: exact, censored and interval-known times, made one.

Not a likelihood: `likelihood` sorts the rows by what they contribute.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import pandas as pd

from evalkit.disclosure import Headcount
from evalkit.errors import InputError
from evalkit.provenance import Provenance
from evalkit.survival.core.sample import accept, cause_of_interest, caveats, label_of
from evalkit.timetoevent import IntervalTimes, TimeToEvent
from evalkit.timetoevent.checks import CENSORED, rows
from evalkit.wording import Message, message


@dataclass(frozen=True, eq=False)
class Rows:
    """The event of row i is in ``(lower, upper]``: exact where they are equal, not seen where `upper` is infinite.

    Parameters
    ----------
    lower, upper : float arrays, shape (n,)
    covariates : DataFrame, n rows
    event : Message, str or mapping
        What the event is called.
    said : tuple of Message
        Caveats of the times themselves.
    entry, weight, id : arrays, shape (n,), optional
    weight_kind : str, optional
    episodes : bool
        Whether rows of one id are episodes of their own (the gap clock).
    unit : str
    provenance : Provenance
    labels : mapping
    """

    lower: np.ndarray
    upper: np.ndarray
    covariates: pd.DataFrame
    event: Any
    said: tuple[Message, ...] = ()
    entry: np.ndarray | None = None
    weight: np.ndarray | None = None
    id: np.ndarray | None = None
    weight_kind: str | None = None
    episodes: bool = False
    unit: str = "day"
    provenance: Provenance = field(default_factory=Provenance)
    labels: Any = None

    @property
    def n(self) -> int:
        """Number of rows."""
        return len(self.lower)

    @property
    def ended(self) -> np.ndarray:
        """Which rows end with the event, on a known day or within an interval."""
        return np.isfinite(self.upper)

    @property
    def exact(self) -> np.ndarray:
        """Which rows end with the event on a known day."""
        return self.lower == self.upper

    @property
    def last(self) -> float:
        """The last time at which anybody was observed."""
        return float(np.where(self.ended, self.upper, self.lower).max())

    @property
    def counts(self) -> np.ndarray:
        """How many people each row counts for: its frequency weight, or 1."""
        return self.weight if self.weight_kind == "frequency" and self.weight is not None else np.ones(self.n)

    def subset(self, mask: np.ndarray) -> Rows:
        """Return the rows where `mask` is true."""
        kept = {
            name: None if (value := getattr(self, name)) is None else value[mask]
            for name in ("lower", "upper", "entry", "weight", "id")
        }
        return replace(self, covariates=self.covariates.loc[mask].reset_index(drop=True), **kept)


def rows_of(tte: TimeToEvent | IntervalTimes, of: str | None, zero: float | None, estimator: str) -> Rows:
    """Return the rows of either kind of times, the cause of interest chosen, events at 0 moved or refused.

    Raises
    ------
    InputError
        Neither kind of times; no such cause; no event; events at time 0 and no `zero`.
    """
    made = (
        _of_intervals(tte, of, estimator) if isinstance(tte, IntervalTimes) else _of_times(tte, of, estimator)
    )
    if not made.ended.any():
        raise InputError(
            f"{estimator}: no event among {made.n} rows; without an event the times have no law that could be estimated"
        )
    return _zero_moved(made, zero, estimator)


def changes(given: Rows, matrix: np.ndarray) -> int:
    """Return how many ids have a covariate that changes from one of their rows to the next."""
    if given.id is None or given.entry is None or given.episodes or pd.Index(given.id).is_unique:
        return 0
    code = pd.factorize(given.id)[0]
    order = np.lexsort((given.entry, code))
    who = code[order]
    same = who[1:] == who[:-1]
    moved = (matrix[order][1:] != matrix[order][:-1]).any(axis=1)
    return len(np.unique(who[1:][same & moved]))


def _of_times(tte: Any, of: str | None, estimator: str) -> Rows:
    tte = accept(tte, estimator)
    of = tte.causes[0] if of is None else of
    exits, event, _ = cause_of_interest(tte, of, estimator)
    said = caveats(tte, repeated=False)
    if len(tte.causes) > 1 and of != "any exit":
        others = [label_of(tte, c) for c in tte.causes if c != of]
        said.append(message("survival.cause_specific", event=event, others=others))
    covariates = tte.covariates
    if tte.stratum is not None:
        said.append(message("survival_families.stratum"))
        covariates = covariates.assign(stratum=tte.stratum)
    return Rows(
        lower=tte.time,
        upper=np.where(exits > 0, tte.time, np.inf),
        covariates=covariates,
        event=event,
        said=tuple(said),
        entry=tte.entry,
        weight=tte.weight,
        id=tte.id,
        weight_kind=tte.weight_kind,
        episodes=tte.clock == "gap",
        unit=tte.unit,
        provenance=tte.provenance,
        labels=tte.labels,
    )


def _of_intervals(tte: IntervalTimes, of: str | None, estimator: str) -> Rows:
    if tte.n == 0:
        raise InputError(f"{estimator}: there are no rows; give at least one observed person")
    upper, said = np.array(tte.upper), []
    name: Any = message("survival_families.event")
    if tte.exit is not None:
        names = sorted({str(v) for v in tte.exit} - {CENSORED})
        if of is None and len(names) > 1:
            raise InputError(
                f"{estimator}: exits have {len(names)} names ({', '.join(names)}); say of='any exit', or which one"
            )
        of = of or (names[0] if names else "any exit")
        if of != "any exit":
            if of not in names:
                raise InputError(f"of: must be 'any exit' or one of {', '.join(names)}, but was {of!r}")
            name = of
            others = np.isfinite(upper) & (np.asarray(tte.exit, dtype=object) != of)
            upper[others] = np.inf
            if others.any():
                rest = [n for n in names if n != of]
                said.append(message("survival_families.intervals_cause_specific", event=of, others=rest))
    elif of not in (None, "any exit"):
        raise InputError(f"of: was {of!r}, but these intervals do not name their exits; leave it out")
    return Rows(
        lower=np.array(tte.lower),
        upper=upper,
        covariates=tte.covariates
        if len(tte.covariates) == tte.n
        else pd.DataFrame(index=pd.RangeIndex(tte.n)),
        event=name,
        said=tuple(said),
        unit=tte.unit,
        provenance=tte.provenance,
        labels={},
    )


def _zero_moved(given: Rows, zero: float | None, estimator: str) -> Rows:
    at_once = given.exact & (given.lower == 0)
    if not at_once.any():
        return given
    positive = np.where(given.ended, given.upper, given.lower)
    first = float(positive[positive > 0].min()) if (positive > 0).any() else 1.0
    if zero is None:
        raise InputError(
            f"{estimator}: the event is at time 0 in {rows(at_once)}, where a law of log time has no value. Say when in the first "
            f"{given.unit} it counts, zero={min(0.5, first / 2):g} for instance (the caveats will say so); or leave those rows out, "
            "if they were never at risk"
        )
    if not 0 < zero <= first:
        raise InputError(
            f"zero: must be above 0 and not above the first positive time ({first:g}), but was {zero!r}"
        )
    moved = np.where(at_once, zero, given.lower)
    said = message(
        "survival_families.zero", n=Headcount(round(float(given.counts[at_once].sum()))), zero=float(zero),
        unit=given.unit,
    )  # fmt: skip
    return replace(given, lower=moved, upper=np.where(at_once, moved, given.upper), said=(*given.said, said))
