"""Analysis-ready times: when each row came under observation, when and how it left, and what is known about it.

Not the place to decide what an event is: `Endpoint` does that on spells, `TimeToEvent.from_frame` on explicit codes.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Self

import numpy as np
import pandas as pd

from evalkit.errors import Fault, InputError
from evalkit.numerics.days import whole_days
from evalkit.provenance import Provenance
from evalkit.timetoevent.checks import CENSORED, fault, faults_of, frozen, rows, whole
from evalkit.timetoevent.intervals import IntervalTimes
from evalkit.timetoevent.reading import decode, need_columns, numbers, renumbered, stratum_of
from evalkit.wording import Message

__all__ = ["IntervalTimes", "TimeToEvent"]


@dataclass(frozen=True, eq=False, repr=False)
class TimeToEvent:
    """Who was at risk from when to when, and how it ended.

    A row is at risk on ``(entry, time]``; a row whose entry is 0 (or that has no entry) is at risk from the origin,
    day 0 included, so that an event on day 0 counts. Rows of one `id` may be several intervals, never overlapping
    (except on the gap clock, which starts every episode of a person again at 0).

    Parameters
    ----------
    time : float array, shape (n,), in `unit`
        End of observation of the row; 0 or more.
    cause : int array, shape (n,)
        0 for censored, k for ``causes[k - 1]``.
    causes : tuple of str
        Names of the exits; the first is the event of interest, the others compete with it.
    entry : float array, shape (n,), optional
        Start of observation of the row.
    id : array, shape (n,), optional
        Whose row it is.
    weight : float array, shape (n,), optional
        Positive; `weight_kind` says what it counts: ``"frequency"`` (so many identical people) or ``"sampling"``.
    stratum : array, shape (n,), optional
    covariates : DataFrame, n rows
        Columns for `by`, strata, clusters and model terms.
    unit : str
        ``"day"`` unless the data count otherwise.
    clock : {"entry", "calendar", "gap"}
    question : Message, optional
        The question the endpoint asks, in one sentence.
    rule : tuple of Message
        What was decided on the way here; every result carries it among its caveats.
    provenance : Provenance
    horizon : float, optional
        Where observation was cut, if it was.
    labels : mapping
        Code of a cause or a column to ``{"fr": …, "en": …}``.

    Raises
    ------
    InputError
        Everything wrong at once: rows, counts and what to do.

    Examples
    --------
    >>> tte = TimeToEvent(time=[5, 8, 8], cause=[1, 0, 2], causes=("relapse", "death"))
    >>> tte.n, tte.n_by_cause
    (3, {'censored': 1, 'relapse': 1, 'death': 1})
    """

    time: np.ndarray
    cause: np.ndarray
    causes: tuple[str, ...]
    entry: np.ndarray | None = None
    id: np.ndarray | None = None
    weight: np.ndarray | None = None
    weight_kind: str | None = None
    stratum: np.ndarray | None = None
    covariates: pd.DataFrame = field(default_factory=pd.DataFrame)
    unit: str = "day"
    clock: str = "entry"
    question: Message | None = None
    rule: tuple[Message, ...] = ()
    provenance: Provenance = field(default_factory=Provenance)
    horizon: float | None = None
    labels: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    _ticks: tuple[np.ndarray, np.ndarray | None] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        put = object.__setattr__
        put(self, "time", frozen(self.time, float))
        put(self, "cause", frozen(self.cause, np.int64))
        put(self, "causes", tuple(self.causes))
        put(self, "rule", tuple(self.rule))
        for name, kind in (("entry", float), ("weight", float), ("id", None), ("stratum", None)):
            value = getattr(self, name)
            if value is not None:
                put(self, name, frozen(value, kind))
        covariates = self.covariates
        if covariates.shape[1] == 0 and len(covariates) != len(self.time):
            covariates = pd.DataFrame(index=pd.RangeIndex(len(self.time)))
        if (
            not isinstance(covariates.index, pd.RangeIndex)
            or covariates.index.start
            or covariates.index.step != 1
        ):
            covariates = covariates.reset_index(drop=True)
        put(self, "covariates", covariates)
        if self.weight is not None and self.weight_kind is None and whole(self.weight):
            put(self, "weight_kind", "frequency")
        faults = faults_of(self)
        if faults:
            raise InputError(faults)
        days, came = whole_days(self.time), None if self.entry is None else whole_days(self.entry)
        all_whole = days is not None and (self.entry is None or came is not None)
        put(self, "_ticks", (days, came) if all_whole else (self.time, self.entry))

    # -- what it says ------------------------------------------------------------------------------------------------
    @property
    def n(self) -> int:
        """Number of rows."""
        return len(self.time)

    @property
    def event(self) -> np.ndarray:
        """Which rows end with the event of interest."""
        return self.cause == 1

    @property
    def any_exit(self) -> np.ndarray:
        """Which rows end with any exit."""
        return self.cause > 0

    @property
    def ticks(self) -> np.ndarray:
        """Times as whole numbers where all times and entries are whole, else as they are: sums index by them at once."""
        return self._ticks[0]

    @property
    def entry_ticks(self) -> np.ndarray | None:
        """Entries, written as `ticks` are."""
        return self._ticks[1]

    @property
    def n_by_cause(self) -> dict[str, int]:
        """Rows per way of ending, weights aside."""
        counts = np.bincount(self.cause, minlength=len(self.causes) + 1)
        return dict(zip((CENSORED, *self.causes), (int(c) for c in counts), strict=True))

    def __repr__(self) -> str:
        ends = ", ".join(f"{count} {name}" for name, count in self.n_by_cause.items())
        late = "" if self.entry is None else ", delayed entry"
        span = f", 0 to {self.time.max():g} {self.unit}s" if self.n else ""
        return f"TimeToEvent: {self.n} rows ({ends}){span}{late}"

    # -- new values from this one ------------------------------------------------------------------------------------
    def subset(self, mask: Any) -> Self:
        """Return the rows where `mask` is true.

        Examples
        --------
        >>> TimeToEvent(time=[5, 8], cause=[1, 0], causes=("relapse",)).subset([True, False]).n
        1
        """
        mask = np.asarray(mask)
        if mask.dtype != bool or mask.shape != (self.n,):
            raise InputError(
                f"mask: must be {self.n} true/false values, but was {mask.dtype} of shape {mask.shape}"
            )
        kept = {
            name: None if (value := getattr(self, name)) is None else value[mask]
            for name in ("time", "cause", "entry", "id", "weight", "stratum")
        }
        return dataclasses.replace(self, covariates=self.covariates.loc[mask].reset_index(drop=True), **kept)

    def with_covariates(self, columns: pd.DataFrame) -> Self:
        """Return the same rows with these covariates added or replaced, matched by position."""
        if len(columns) != self.n:
            raise InputError(f"covariates: {len(columns)} rows for {self.n} times; give one row per time")
        columns = columns.reset_index(drop=True)
        kept = self.covariates[[c for c in self.covariates if c not in columns]]
        return dataclasses.replace(self, covariates=pd.concat([kept, columns], axis=1))

    def with_rule(self, *rule: Message) -> Self:
        """Return the same rows with more said about how they were made."""
        return dataclasses.replace(self, rule=(*self.rule, *rule))

    def to_lifelines(self, fitter: str = "regression") -> dict[str, Any]:
        """Return the keyword arguments lifelines' fitters want; the event is the first cause, other exits are censored.

        Parameters
        ----------
        fitter : {"regression", "univariate"}
            ``CoxPHFitter().fit(**tte.to_lifelines())`` and the other regressions, or
            ``KaplanMeierFitter().fit(**tte.to_lifelines("univariate"))`` and the other curves.

        Notes
        -----
        Text columns need ``formula=`` or dropping before lifelines takes them. Known differences: lifelines' robust
        variance ignores ties, and its Aalen-Johansen moves tied times at random.

        Examples
        --------
        >>> TimeToEvent(time=[5, 8], cause=[1, 0], causes=("relapse",)).to_lifelines("univariate")["durations"]
        array([5., 8.])
        """
        if fitter == "univariate":
            kwargs: dict[str, Any] = {"durations": self.time, "event_observed": self.event.astype(int)}
            optional: Iterable[tuple[str, Any]] = (("entry", self.entry), ("weights", self.weight))
            return kwargs | {name: value for name, value in optional if value is not None}
        if fitter != "regression":
            raise InputError(f"fitter: must be 'regression' or 'univariate', but was {fitter!r}")
        frame = self.covariates.copy()
        frame["_time"], frame["_event"] = self.time, self.event.astype(int)
        kwargs = {"duration_col": "_time", "event_col": "_event"}
        for argument, column, value in (
            ("entry_col", "_entry", self.entry),
            ("weights_col", "_weight", self.weight),
            ("strata", "_stratum", self.stratum),
        ):
            if value is not None:
                frame[column] = value
                kwargs[argument] = column
        return {"df": frame, **kwargs}

    # -- makers ------------------------------------------------------------------------------------------------------
    @classmethod
    def from_frame(
        cls,
        df: pd.DataFrame,
        time: str,
        event: str,
        codes: Mapping[Hashable, str] | None = None,
        entry: str | None = None,
        id: str | None = None,
        weight: str | None = None,
        weight_kind: str | None = None,
        strata: str | Sequence[str] | None = None,
        unit: str = "day",
        clock: str = "entry",
        provenance: Provenance | str | None = None,
    ) -> Self:
        """Read a frame with one row per observed interval.

        Parameters
        ----------
        df : DataFrame
            Columns not named below stay as covariates.
        time, event : str
            Columns: end of observation, and how it ended.
        codes : mapping, optional
            Value of the event column to a name; the name ``"censored"`` is reserved. The first other name is the event
            of interest. Without codes the column must be true/false or hold only 0 (censored) and 1 (the event).
        entry, id, weight : str, optional
            Columns: start of observation, whose row it is, weight.
        weight_kind : {"frequency", "sampling"}, optional
            Required unless all weights are whole numbers, which count as frequencies.
        strata : str or list of str, optional
        unit, clock : str
            See `TimeToEvent`.
        provenance : Provenance or {"records", "open", "published", "simulated"}, optional

        Raises
        ------
        InputError
            Listing every fault: columns missing, codes unexplained (with counts), times negative, missing or infinite
            (with rows), entry not before time, overlapping intervals of one id, weights not positive.

        Examples
        --------
        >>> df = pd.DataFrame({"stop": [5, 8, 9], "status": [1, 2, 0], "age": [17, 18, 19]})
        >>> tte = TimeToEvent.from_frame(df, "stop", "status", codes={0: "censored", 1: "relapse", 2: "death"})
        >>> tte
        TimeToEvent: 3 rows (1 censored, 1 relapse, 1 death), 0 to 9 days
        """
        strata = [strata] if isinstance(strata, str) else list(strata or [])
        need_columns(df, [time, event, entry, id, weight, *strata])
        faults: list[Fault] = []
        times = numbers(df[time], time, faults)
        entries = None if entry is None else numbers(df[entry], entry, faults)
        weights = None if weight is None else numbers(df[weight], weight, faults)
        causes, cause = decode(df[event], event, codes, faults)
        for column in [c for c in (id, *strata) if c is not None]:
            missing = df[column].isna().to_numpy()
            if missing.any():
                faults.append(
                    fault(f"{column}: missing in {rows(missing)}; fill it in or leave those rows out")
                )
        if faults:
            raise InputError(faults)
        used = {time, event, entry, id, weight}
        return cls(
            time=times,
            cause=cause,
            causes=causes,
            entry=entries,
            id=None if id is None else df[id].to_numpy(),
            weight=weights,
            weight_kind=weight_kind,
            stratum=stratum_of(df, strata),
            covariates=renumbered(df[[c for c in df.columns if c not in used]]),
            unit=unit,
            clock=clock,
            provenance=Provenance(kind=provenance)
            if isinstance(provenance, str)
            else provenance or Provenance(),
        )

    @staticmethod
    def from_intervals(
        df: pd.DataFrame,
        lower: str,
        upper: str,
        cause: str | None = None,
        unit: str = "day",
        provenance: Provenance | str | None = None,
    ) -> IntervalTimes:
        """Read a frame in which the event is only known to lie in ``[lower, upper]``; see `IntervalTimes`.

        Parameters
        ----------
        df : DataFrame
            Columns not named stay as covariates.
        lower, upper : str
            Columns; `upper` is infinite where the event was never seen, equal to `lower` where the day is known.
        cause : str, optional
            Column naming the exit; ``"censored"`` or missing where `upper` is infinite.

        Examples
        --------
        >>> df = pd.DataFrame({"L": [0, 30], "R": [30, float("inf")]})
        >>> TimeToEvent.from_intervals(df, lower="L", upper="R").n
        2
        """
        need_columns(df, [lower, upper, cause])
        faults: list[Fault] = []
        low = numbers(df[lower], lower, faults)
        high = numbers(df[upper], upper, faults)
        if faults:
            raise InputError(faults)
        names = (
            None if cause is None else df[cause].astype(object).where(df[cause].notna(), CENSORED).to_numpy()
        )
        return IntervalTimes(
            lower=low,
            upper=high,
            exit=names,
            covariates=df[[c for c in df.columns if c not in {lower, upper, cause}]].reset_index(drop=True),
            unit=unit,
            provenance=Provenance(kind=provenance)
            if isinstance(provenance, str)
            else provenance or Provenance(),
        )
