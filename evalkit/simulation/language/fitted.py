"""Curves of the survival estimators as durations of a pathway, as they are or with their error of estimation.

Not an estimator: a curve is read as the table it is, and nothing is said past its last day.
"""

from __future__ import annotations

import operator
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from evalkit.errors import InputError
from evalkit.result import KEYS, VALUES, Result
from evalkit.wording import Message, fault, message

#: Days in a unit of time.
UNITS = {"day": 1.0, "week": 7.0, "month": 365.25 / 12, "year": 365.25}
#: The rows of those who have not left, and the name of leaving where only one way out was looked at.
_NO_EXIT, _EVENT = "no_exit", "event"
#: Columns that say something of a row instead of telling curves apart.
_OF_A_ROW = {*VALUES, "cause", "time", "lower", "upper", "mass"}
#: How far a share may be from what it should be, for having been added up.
_ROUNDING = 1e-9


def fitted(result: Result | pd.DataFrame, unit: str | None = None, **levels: Any) -> dict[str, Any]:
    """Return an estimated curve as a duration of a pathway: ``{"family": "fitted", "days": …, "incidence": …}``.

    Parameters
    ----------
    result : Result or DataFrame
        A curve of `ek.survival` (`kaplan_meier`, `aalen_johansen`, `turnbull`, predicted survivals and incidences), or a table with
        columns time and estimate. With a column cause, `estimate` is the share that has left by that cause; without, the share
        still there.
    unit : {"day", "week", "month", "year"}, optional
        Of the times; that of the result by default, else days. A month is 365.25 / 12 days.
    **levels
        Which curve, where there are several: ``fitted(curves, site="est")``.

    Returns
    -------
    dict
        For the ``duration`` of a delay. The causes are those of the curve; a survival has one, ``event``. Days on which nobody
        leaves are left out, but for the last: who is still there then goes ``late``.

    Raises
    ------
    InputError
        Several curves and no word of which; values suppressed or missing; a survival that rises, an incidence that falls; a curve
        on which nobody leaves; a hazard.

    Notes
    -----
    People leave on the days of the curve. A curve of Turnbull says no more than between which days somebody left: they leave on
    the later one, when it would have been seen. A model's curve
    is read at the times it was asked for: ask day by day, or week by week.

    Examples
    --------
    >>> import evalkit as ek
    >>> tte = ek.TimeToEvent(time=[2, 3, 3, 5], cause=[1, 2, 0, 0], causes=("job", "moved"))
    >>> fitted(ek.survival.aalen_johansen(tte))
    {'family': 'fitted', 'days': [2.0, 3.0, 5.0], 'incidence': {'job': [0.25, 0.25, 0.25], 'moved': [0.0, 0.25, 0.25]}}
    """
    return _curve(result, unit, levels).duration()


def fitted_draws(
    result: Result | pd.DataFrame, n: int, seed: int, unit: str | None = None, **levels: Any
) -> list[dict[str, Any]]:
    """Return `n` curves that the same data could have given, each as `fitted` returns it.

    A curve estimated from few people is one of many. Playing a pathway with each of them lets the range of its outputs count that.

    Parameters
    ----------
    result : Result or DataFrame
        A step curve of counts: `kaplan_meier` or `aalen_johansen`, unpublished, unweighted; or a table with their columns n_risk
        and n_event.
    n : int
    seed : int
        Draw number r is the same whatever `n` is.
    unit, **levels
        As in `fitted`.

    Returns
    -------
    list of dict

    Raises
    ------
    InputError
        As `fitted`, and if the steps of the curve are not its ``n_event / n_risk``.

    Notes
    -----
    The increments of the cumulative hazards are drawn independently from day to day: on a day on which d_k of Y people there leave
    by cause k, the leavers are multinomial (Y; d_1/Y, …, d_K/Y, rest), and the curve is the product-limit of what was drawn. Their
    variance, d_k (Y - d_k) / Y³, is Greenwood's for one cause and Aalen's for several. This is the weird bootstrap of Andersen,
    Borgan, Gill & Keiding (1993), Statistical Models Based on Counting Processes, IV.1.4. A draw never leaves on days on which nobody
    did, and says nothing past the last day. Why it is worth doing: Franchini et al. (2023), Front. Pharmacol. 14:1255021.

    Examples
    --------
    >>> import evalkit as ek
    >>> tte = ek.TimeToEvent(time=[2, 3, 3, 5], cause=[1, 1, 0, 0], causes=("job",))
    >>> curves = fitted_draws(ek.survival.kaplan_meier(tte), n=3, seed=1)
    >>> len(curves), curves == fitted_draws(ek.survival.kaplan_meier(tte), n=4, seed=1)[:3]
    (3, True)
    """
    count = operator.index(n)
    if count < 1:
        raise InputError([fault("simulation_tape.fitted_n", given=count)])
    curve = _curve(result, unit, levels)
    leavers, there = curve.counts()
    return [curve.drawn(leavers, there, np.random.default_rng([seed, r])).duration() for r in range(count)]


@dataclass(frozen=True)
class _Curve:
    """One curve: days (increasing), causes, the share that has left by each, and the rows it was read from."""

    days: np.ndarray
    causes: tuple[str, ...]
    gone: np.ndarray  # (causes, days)
    rows: pd.DataFrame

    def duration(self) -> dict[str, Any]:
        """Return the curve as the table of a pathway."""
        steps = np.diff(self.gone, axis=1, prepend=0.0).sum(axis=0) > 0
        steps[-1] = True
        incidence = {cause: self.gone[k, steps].tolist() for k, cause in enumerate(self.causes)}
        return {"family": "fitted", "days": self.days[steps].tolist(), "incidence": incidence}

    def counts(self) -> tuple[np.ndarray, np.ndarray]:
        """Return the leavers by cause and day, and those there just before each day.

        Raises
        ------
        InputError
            If the curve is not their product-limit.
        """
        if not {"n_event", "n_risk"} <= set(self.rows):
            raise _no_counts(message("simulation_tape.fitted_no_counts"))
        by_cause = self.rows.sort_values("time", kind="stable").groupby("cause", sort=False)
        part = dict(iter(by_cause))
        leavers = np.array([part[c]["n_event"].to_numpy(dtype=float) for c in self.causes])
        there = part[self.causes[0]]["n_risk"].to_numpy(dtype=float)
        made = _limit(leavers, there)
        wrong = (np.abs(made - self.gone) > 1e-6).any(axis=0)
        wrong |= (
            ~np.isfinite(made).all(axis=0)
            | (leavers != np.rint(leavers)).any(axis=0)
            | (there != np.rint(there))
        )
        if wrong.any():
            raise _no_counts(
                message("simulation_tape.fitted_other_counts", day=float(self.days[np.argmax(wrong)]))
            )
        return leavers.astype(np.int64), there.astype(np.int64)

    def drawn(self, leavers: np.ndarray, there: np.ndarray, rng: np.random.Generator) -> _Curve:
        """Return a curve whose leavers are drawn anew."""
        made = np.zeros_like(leavers)
        for j in np.flatnonzero(leavers.sum(axis=0)):
            shares = np.append(leavers[:, j], there[j] - leavers[:, j].sum()) / there[j]
            made[:, j] = rng.multinomial(there[j], shares)[:-1]
        return _Curve(self.days, self.causes, _limit(made, there), self.rows)


def _limit(leavers: np.ndarray, there: np.ndarray) -> np.ndarray:
    """Return the share gone by each cause: Σ S(s-) d_k(s) / Y(s), S being the product of 1 - d / Y."""
    hazard = np.divide(leavers, there, out=np.zeros(leavers.shape), where=there > 0)
    left = np.cumprod(1.0 - hazard.sum(axis=0))
    return np.cumsum(np.concatenate([[1.0], left[:-1]]) * hazard, axis=1)


def _no_counts(why: Message) -> InputError:
    return InputError([fault("simulation_tape.fitted_counts", why=why)])


def _curve(result: Result | pd.DataFrame, unit: str | None, levels: Mapping[str, Any]) -> _Curve:
    rows, scale = _rows(result, unit)
    rows = _one(rows, levels)
    if rows.empty:
        raise InputError([fault("simulation_tape.fitted_empty")])
    holes = rows["estimate"].isna()
    if "status" in rows:
        holes |= rows["status"].notna() & (rows["status"] != "ok")
    if holes.any():
        raise InputError([fault("simulation_tape.fitted_holes", count=int(holes.sum()))])
    surviving = "cause" not in rows
    rows = rows.assign(cause=_EVENT) if surviving else rows[rows["cause"] != _NO_EXIT]
    causes = tuple(str(c) for c in pd.unique(rows["cause"]))
    rows = rows.assign(cause=rows["cause"].astype(str))
    days = _days(rows, causes)
    share = np.array(
        [rows.loc[rows["cause"] == c].sort_values("time")["estimate"].to_numpy(dtype=float) for c in causes]
    )
    gone = _gone(1.0 - share if surviving else share, days, causes, surviving)
    return _Curve(days * scale, causes, gone, rows)


def _rows(result: Result | pd.DataFrame, unit: str | None) -> tuple[pd.DataFrame, float]:
    """Return the rows of a curve with columns time, estimate and perhaps cause, and how many days its unit has."""
    if not isinstance(result, Result | pd.DataFrame):
        raise InputError([fault("simulation_tape.fitted_given", given=type(result).__name__)])
    kind = getattr(result, "kind", None) if isinstance(result, Result) else None
    if kind not in (None, "survival", "incidence"):
        raise InputError([fault("simulation_tape.fitted_kind", given=str(kind))])
    unit = unit or getattr(result, "unit", None) or "day"
    if unit not in UNITS:
        raise InputError([fault("simulation_tape.fitted_unit", given=str(unit), known=list(UNITS))])
    rows = result.tidy() if isinstance(result, Result) else result
    if {"upper", "mass"} <= set(rows) and "time" not in rows:
        # Where in a piece its people left cannot be known; on its last day it would have been seen. Mass without end has not left.
        rows = rows[np.isfinite(rows["upper"].to_numpy(dtype=float))].assign(time=lambda t: t["upper"])
    missing = [c for c in ("time", "estimate") if c not in rows]
    if missing:
        raise InputError([fault("simulation_tape.fitted_columns", missing=missing)])
    return rows, UNITS[unit]


def _one(rows: pd.DataFrame, levels: Mapping[str, Any]) -> pd.DataFrame:
    """Return the rows of the one curve that `levels` name."""
    telling = [c for c in rows.columns if c not in _OF_A_ROW and (c not in KEYS or rows[c].nunique() > 1)]
    for column, level in levels.items():
        if column not in telling and column not in rows:
            name = "fitted_no_column" if telling else "fitted_not_by"
            raise InputError([fault(f"simulation_tape.{name}", by=column, columns=telling)])
        mine = rows[column].map(lambda v, level=level: v == level or str(v) == str(level))
        if not mine.any():
            known = [str(v) for v in pd.unique(rows[column])]
            raise InputError(
                [fault("simulation_tape.fitted_no_group", by=column, given=str(level), values=known)]
            )
        rows = rows[mine]
    for column in telling:
        values = pd.unique(rows[column])
        if len(values) > 1:
            raise InputError(
                [fault("simulation_tape.fitted_groups", by=column, values=[str(v) for v in values])]
            )
    return rows


def _days(rows: pd.DataFrame, causes: tuple[str, ...]) -> np.ndarray:
    """Return the days of a curve, in its unit, the same for every cause."""
    times = rows["time"].to_numpy(dtype=float)
    if not np.isfinite(times).all() or (times < 0).any() or rows.duplicated(["cause", "time"]).any():
        raise InputError([fault("simulation_tape.fitted_times")])
    days = np.unique(times)
    if len(times) != len(days) * len(causes):
        raise InputError([fault("simulation_tape.fitted_causes_times")])
    return days


def _gone(gone: np.ndarray, days: np.ndarray, causes: tuple[str, ...], surviving: bool) -> np.ndarray:
    """Return the shares that have left, held to what shares are but for rounding."""
    outside = (gone < -_ROUNDING) | (gone > 1 + _ROUNDING)
    if outside.any():
        worst = float(gone[outside][0])
        raise InputError([fault("simulation_tape.fitted_share", value=1.0 - worst if surviving else worst)])
    back = np.diff(gone, axis=1) < -_ROUNDING
    if back.any():
        k, j = (int(v[0]) for v in np.nonzero(back))
        name = "fitted_rises" if surviving else "fitted_falls"
        raise InputError([fault(f"simulation_tape.{name}", cause=causes[k], day=float(days[j + 1]))])
    gone = np.maximum.accumulate(np.clip(gone, 0.0, 1.0), axis=1)
    total = gone[:, -1].sum()
    if total > 1 + _ROUNDING:
        raise InputError([fault("simulation_tape.fitted_sum", total=float(total))])
    if total <= 0:
        raise InputError([fault("simulation_tape.fitted_still")])
    return gone
