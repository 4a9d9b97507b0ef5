"""Analysis-ready times: when each row came under observation, when it left, by which exit, and what is known about it.

Not the place to decide what an event is: `Endpoint` does that on spells, `TimeToEvent.from_frame` takes it in explicit codes.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Self

import numpy as np
import pandas as pd

from evalkit.errors import Fault, InputError
from evalkit.provenance import Provenance
from evalkit.wording import Message

CENSORED = "censored"
WEIGHT_KINDS = ("frequency", "sampling")
CLOCKS = ("entry", "calendar", "gap")
_SHOWN = 5


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

    def __post_init__(self) -> None:
        put = object.__setattr__
        put(self, "time", _frozen(self.time, float))
        put(self, "cause", _frozen(self.cause, np.int64))
        put(self, "causes", tuple(self.causes))
        put(self, "rule", tuple(self.rule))
        for name, kind in (("entry", float), ("weight", float), ("id", None), ("stratum", None)):
            value = getattr(self, name)
            if value is not None:
                put(self, name, _frozen(value, kind))
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
        if self.weight is not None and self.weight_kind is None and _whole(self.weight):
            put(self, "weight_kind", "frequency")
        faults = self._faults()
        if faults:
            raise InputError(faults)

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
        id: str | None = None,  # noqa: A002 - the field's word
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
        _need_columns(df, [time, event, entry, id, weight, *strata])
        faults: list[Fault] = []
        times = _numbers(df[time], time, faults)
        entries = None if entry is None else _numbers(df[entry], entry, faults)
        weights = None if weight is None else _numbers(df[weight], weight, faults)
        causes, cause = _decode(df[event], event, codes, faults)
        for column in [c for c in (id, *strata) if c is not None]:
            missing = df[column].isna().to_numpy()
            if missing.any():
                faults.append(
                    _fault(f"{column}: missing in {_rows(missing)}; fill it in or leave those rows out")
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
            stratum=_stratum(df, strata),
            covariates=df[[c for c in df.columns if c not in used]].reset_index(drop=True),
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
        _need_columns(df, [lower, upper, cause])
        faults: list[Fault] = []
        low = _numbers(df[lower], lower, faults)
        high = _numbers(df[upper], upper, faults)
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

    # -- checks ------------------------------------------------------------------------------------------------------
    def _faults(self) -> list[Fault]:
        shape = self._shape_faults()
        return shape or [*_time_faults("time", self.time), *self._entry_faults(), *self._weight_faults()]

    def _shape_faults(self) -> list[Fault]:
        found = []
        for name in ("time", "cause", "entry", "id", "weight", "stratum"):
            value = getattr(self, name)
            if value is not None and value.shape != (self.n,):
                found.append(
                    _fault(
                        f"{name}: shape {value.shape} where {self.n} times were given; give one value per row"
                    )
                )
        if len(self.covariates) != self.n:
            found.append(
                _fault(f"covariates: {len(self.covariates)} rows for {self.n} times; give one row per time")
            )
        if not self.causes or len(set(self.causes)) < len(self.causes) or CENSORED in self.causes:
            found.append(_fault(f"causes: need distinct names other than 'censored', but were {self.causes}"))
        elif self.n and not 0 <= self.cause.min() <= self.cause.max() <= len(self.causes):
            found.append(
                _fault(f"cause: must be 0 (censored) to {len(self.causes)}, one number per name in causes")
            )
        if self.clock not in CLOCKS:
            found.append(_fault(f"clock: must be one of {', '.join(CLOCKS)}, but was {self.clock!r}"))
        return found

    def _entry_faults(self) -> list[Fault]:
        if self.entry is None:
            return [] if self.clock == "gap" else self._overlap_faults(np.zeros(self.n))
        found = _time_faults("entry", self.entry)
        if found:
            return found
        impossible = (self.entry >= self.time) & ~((self.entry == 0) & (self.time == 0))
        if impossible.any():
            found.append(_fault(
                f"entry: not before time in {_rows(impossible)}; a row is observed on (entry, time], and only "
                "entry = time = 0 (an exit on the day of origin) has no length"
            ))  # fmt: skip
            return found
        return [] if self.clock == "gap" else self._overlap_faults(self.entry)

    def _overlap_faults(self, entry: np.ndarray) -> list[Fault]:
        if self.id is None or pd.Index(self.id).is_unique:
            return []
        code = pd.factorize(self.id)[0]
        order = np.lexsort((self.time, entry, code))
        who, start, stop = code[order], entry[order], self.time[order]
        # A row wholly inside an earlier, longer one of the same id: compare with the latest stop so far, not the last one.
        shift = who * (float(stop.max()) + 1.0)
        latest = np.maximum.accumulate(stop + shift) - shift
        same = who[1:] == who[:-1]
        clash = same & ((start[1:] < latest[:-1]) | ((start[1:] == start[:-1]) & (stop[1:] == stop[:-1])))
        if not clash.any():
            return []
        people = pd.unique(self.id[order[1:][clash]])
        named = ", ".join(repr(_plain(p)) for p in people[:_SHOWN]) + (", …" if len(people) > _SHOWN else "")
        return [_fault(
            f"id: intervals of one id overlap in {int(clash.sum())} places, for {len(people)} ids ({named}); "
            "nobody is at risk twice at once: mend the intervals, give entry, or say clock='gap' for gap times"
        )]  # fmt: skip

    def _weight_faults(self) -> list[Fault]:
        if self.weight is None:
            return []
        if self.weight_kind is None:
            return [_fault(
                "weight_kind: the weights are not whole numbers, so say what they are: 'sampling' (how many people each "
                "row stands for) or 'frequency' (how many identical rows there were)"
            )]  # fmt: skip
        if self.weight_kind not in WEIGHT_KINDS:
            return [
                _fault(f"weight_kind: must be one of {', '.join(WEIGHT_KINDS)}, but was {self.weight_kind!r}")
            ]
        bad = ~(np.isfinite(self.weight) & (self.weight > 0))
        if bad.any():
            return [
                _fault(
                    f"weight: zero, negative, missing or infinite in {_rows(bad)}; give positive weights or leave the rows out"
                )
            ]
        if self.weight_kind == "frequency" and not _whole(self.weight):
            return [
                _fault(
                    "weight: frequency weights count people and must be whole numbers; for others say weight_kind='sampling'"
                )
            ]
        return []


@dataclass(frozen=True, eq=False)
class IntervalTimes:
    """Times known only to lie in ``[lower, upper]``: what visits, monthly reports and silence leave.

    Parameters
    ----------
    lower, upper : float arrays, shape (n,), in `unit`
        ``0 <= lower <= upper``; `upper` infinite where the event was not seen.
    exit : array of str, shape (n,), optional
        Name of the exit, ``"censored"`` where `upper` is infinite.
    covariates : DataFrame, n rows

    Raises
    ------
    InputError
        With rows and counts.
    """

    lower: np.ndarray
    upper: np.ndarray
    exit: np.ndarray | None = None
    covariates: pd.DataFrame = field(default_factory=pd.DataFrame)
    unit: str = "day"
    provenance: Provenance = field(default_factory=Provenance)

    def __post_init__(self) -> None:
        object.__setattr__(self, "lower", _frozen(self.lower, float))
        object.__setattr__(self, "upper", _frozen(self.upper, float))
        if self.upper.shape != self.lower.shape:
            raise InputError(
                f"upper: shape {self.upper.shape} for {self.lower.shape} lower bounds; give one per row"
            )
        faults = _time_faults("lower", self.lower)
        missing = np.isnan(self.upper)
        if missing.any():
            faults.append(
                _fault(f"upper: missing in {_rows(missing)}; write infinity where the event was never seen")
            )
        turned = self.upper < self.lower
        if turned.any():
            faults.append(
                _fault(f"upper: below lower in {_rows(turned)}; an interval runs from lower to upper")
            )
        if self.exit is not None:
            unnamed = np.isfinite(self.upper) == (self.exit == CENSORED)
            if unnamed.any():
                faults.append(_fault(
                    f"cause: in {_rows(unnamed)} an ended interval has no exit named or an open one has; "
                    "name the exit exactly where upper is finite"
                ))  # fmt: skip
        if faults:
            raise InputError(faults)

    @property
    def n(self) -> int:
        """Number of rows."""
        return len(self.lower)


# -- helpers ---------------------------------------------------------------------------------------------------------
def _frozen(values: Any, kind: Any) -> np.ndarray:
    array = np.asarray(values, dtype=kind).view()
    array.flags.writeable = False
    return array


def _fault(sentence: str) -> Fault:
    return Fault({"en": sentence})


def _plain(value: Any) -> Any:
    return value.item() if hasattr(value, "item") else value


def _whole(values: np.ndarray) -> bool:
    return bool(np.all(values == np.rint(values)))


def _rows(where: np.ndarray) -> str:
    """Write how many rows and which, counted from 0 as pandas does."""
    found = np.flatnonzero(where)
    shown = ", ".join(str(i) for i in found[:_SHOWN]) + (", …" if len(found) > _SHOWN else "")
    return (
        f"{len(found)} of {len(where)} rows ({'row' if len(found) == 1 else 'rows'} {shown}, counted from 0)"
    )


def _time_faults(name: str, values: np.ndarray) -> list[Fault]:
    found = []
    for what, where, remedy in (
        (
            "missing",
            np.isnan(values),
            "a time that is not known cannot be used: mend or leave out those rows",
        ),
        ("infinite", np.isinf(values), "write when observation ended, and code the row as censored"),
        ("negative", values < 0, "check the order of the dates behind it"),
    ):
        if where.any():
            found.append(_fault(f"{name}: {what} in {_rows(where)}; {remedy}"))
    return found


def _need_columns(df: pd.DataFrame, names: Iterable[str | None]) -> None:
    missing = [str(name) for name in names if name is not None and name not in df.columns]
    if missing:
        have = ", ".join(str(c) for c in df.columns[:12])
        raise InputError(f"columns: no {', '.join(map(repr, missing))} in the frame; it has {have}")
    if len(df) == 0:
        raise InputError("frame: it has no rows; give at least one observed person")


def _numbers(column: pd.Series, name: str, faults: list[Fault]) -> np.ndarray:
    if pd.api.types.is_bool_dtype(column) or not pd.api.types.is_numeric_dtype(column):
        faults.append(
            _fault(
                f"{name}: must be numbers, but was {column.dtype}; turn dates into days since the origin first"
            )
        )
        return np.zeros(len(column))
    return column.to_numpy(dtype=float, na_value=np.nan, copy=True)


def _decode(
    column: pd.Series, name: str, codes: Mapping[Hashable, str] | None, faults: list[Fault]
) -> tuple[tuple[str, ...], np.ndarray]:
    """Return the names of the exits and the number of each row's exit."""
    nothing = ((name,), np.zeros(len(column), dtype=np.int64))
    missing = column.isna().to_numpy()
    if missing.any():
        faults.append(
            _fault(
                f"{name}: missing in {_rows(missing)}; a row whose end is not known is censored: code it so"
            )
        )
        return nothing
    if codes is None:
        return _decode_plain(column, name, faults) or nothing
    causes = tuple(dict.fromkeys(str(v) for v in codes.values() if v != CENSORED))
    if not causes:
        faults.append(
            _fault(f"codes: {dict(codes)} names no event; give at least one name other than 'censored'")
        )
        return nothing
    number = {code: 0 if said == CENSORED else causes.index(str(said)) + 1 for code, said in codes.items()}
    level, values = pd.factorize(column)
    unexplained = [v for v in values if v not in number]
    if unexplained:
        counts = column.value_counts()
        said = ", ".join(f"{_plain(v)!r} ({counts[v]} rows)" for v in unexplained[:_SHOWN])
        faults.append(
            _fault(f"{name}: values not explained by codes: {said}; say what each means, 'censored' included")
        )
        return nothing
    return causes, np.array([number[v] for v in values], dtype=np.int64)[level]


def _decode_plain(
    column: pd.Series, name: str, faults: list[Fault]
) -> tuple[tuple[str, ...], np.ndarray] | None:
    if pd.api.types.is_bool_dtype(column):
        return (name,), column.to_numpy(dtype=bool).astype(np.int64)
    values = set(pd.unique(column).tolist())
    if values <= {0, 1}:
        return (name,), column.to_numpy(dtype=float).astype(np.int64)
    counts = column.value_counts()
    said = ", ".join(f"{_plain(v)!r} ({c} rows)" for v, c in list(counts.items())[:_SHOWN])
    hint = "give codes={value: name, ...} with 'censored' for the rows without an event"
    if values <= {1, 2}:
        hint = "this looks like 1 = censored, 2 = event: if so, give codes={1: 'censored', 2: 'event'}"
    elif values <= {0, 2}:
        hint = "if 0 means censored and 2 the event, give codes={0: 'censored', 2: 'event'}"
    faults.append(
        _fault(f"{name}: must be true/false or 0/1 unless codes are given, but holds {said}; {hint}")
    )
    return None


def _stratum(df: pd.DataFrame, strata: list[str]) -> np.ndarray | None:
    if not strata:
        return None
    if len(strata) == 1:
        return df[strata[0]].to_numpy()
    return df[strata].astype(str).agg(" / ".join, axis=1).to_numpy()
