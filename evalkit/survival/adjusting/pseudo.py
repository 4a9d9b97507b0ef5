"""Pseudo-values: one number per person and time that an ordinary regression (GEE) can take in place of a censored outcome.

Not a regression: statsmodels fits it. Censoring must not depend on the covariates.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np
import pandas as pd

from evalkit.errors import InputError
from evalkit.survival.adjusting.people import asked_times, counts, from_origin
from evalkit.survival.adjusting.personal import Personal, area_under, personal, steps_of
from evalkit.survival.core.influence import Steps
from evalkit.survival.core.sample import Sample, accept, cause_of_interest
from evalkit.timetoevent import TimeToEvent

KINDS = ("survival", "rmst", "incidence")
METHODS = ("jackknife", "infinitesimal")


def pseudo_values(
    tte: TimeToEvent,
    at: float | Iterable[float],
    kind: str = "survival",
    of: str | None = None,
    by: str | Sequence[str] | None = None,
    method: str = "jackknife",
) -> pd.DataFrame:
    """Return a pseudo-value for each person at each time.

    Parameters
    ----------
    tte : TimeToEvent
        Everybody observed from the origin.
    at : number or list of numbers, in the unit of `tte`
    kind : {"survival", "rmst", "incidence"}
        Share still without the event at `at`; mean time without it up to `at`; share gone by one cause.
    of : str, optional
        The cause (the event of interest otherwise); for the first two kinds also ``"any exit"``, and required when causes are several.
    by : str or list of str, optional
        Groups whose curves are jackknifed each on its own: when censoring differs between them.
    method : {"jackknife", "infinitesimal"}
        n·θ - (n - 1)·θ without the person, exactly; or θ + n times the derivative by the person's weight, as R's ``pseudo``.

    Returns
    -------
    DataFrame
        One row per person and time, persons together: ``id`` (the position of the row when there are no ids), ``time``,
        ``pseudo``, ``weight`` when there are frequencies, and the covariates. It tells of single persons: never publish it.

    Raises
    ------
    InputError
        Delayed entry, sampling weights, a time beyond the follow-up, a second exit of a person.

    Notes
    -----
    Andersen, Klein & Rosthøj (2003), Biometrika 90:15; Andersen & Perme (2010). The curve without one person differs from the
    curve by known factors up to that person's end, and is proportional to it afterwards: O(n) per time, no refitting.

    Examples
    --------
    >>> tte = TimeToEvent(time=[2, 3, 4, 5], cause=[1, 0, 1, 0], causes=("relapse",))
    >>> pseudo_values(tte, at=4)["pseudo"].round(3).tolist()
    [0.0, 0.5, -0.5, 1.5]
    """
    tte = accept(tte, "pseudo_values")
    if kind not in KINDS:
        raise InputError(f"kind: must be one of {', '.join(KINDS)}, but was {kind!r}")
    if method not in METHODS:
        raise InputError(f"method: must be one of {', '.join(METHODS)}, but was {method!r}")
    if tte.weight_kind == "sampling":
        raise InputError(
            "pseudo_values: leaving one person out means nothing under sampling weights; make pseudo-values without them, "
            "and give the weights to the regression"
        )
    cause, n_causes, state = _exits(tte, kind, of)
    rows, first = from_origin(tte, cause, by, "pseudo_values")
    asked = asked_times(at, rows, "pseudo_values", "at")
    count = counts(rows)
    values = np.empty((len(rows.time), len(asked)))
    for g in range(len(rows.groups)):
        own = rows.group == g
        steps, left_at = steps_of(rows.time[own], rows.cause[own], n_causes, count[own])
        made = personal(steps, left_at, rows.cause[own], state)
        make = _jackknifed if method == "jackknife" else _infinitesimal
        values[own] = make(steps, made, rows.cause[own], state, asked, kind, count[own].sum())
    return _long(tte, rows, first, asked, values)


def _exits(tte: TimeToEvent, kind: str, of: str | None) -> tuple[np.ndarray, int, int | None]:
    """Return each row's exit, how many exits there are, and which one is asked (None: the share without any)."""
    if kind != "incidence":
        return cause_of_interest(tte, of, "pseudo_values")[0], 1, None
    name = tte.causes[0] if of is None else of
    if name not in tte.causes:
        raise InputError(f"of: must be one of {', '.join(tte.causes)}, but was {of!r}")
    return tte.cause, len(tte.causes), tte.causes.index(name)


def _infinitesimal(
    steps: Steps,
    made: Personal,
    cause: np.ndarray,
    state: int | None,
    asked: np.ndarray,
    kind: str,
    n: float,
) -> np.ndarray:
    if kind == "rmst":
        return np.stack([made.area(t) + n * made.on_area(t) for t in asked], axis=1)
    return np.stack([made.estimate(t) + n * made.at(t) for t in asked], axis=1)


def _jackknifed(
    steps: Steps,
    made: Personal,
    cause: np.ndarray,
    state: int | None,
    asked: np.ndarray,
    kind: str,
    n: float,
) -> np.ndarray:
    """Return n·θ - (n - 1)·θ₋ᵢ: the curve without a person, before the person's end and after it."""
    times, exits, left_at = steps.times, steps.n_event.sum(axis=0), made.left_at
    others = steps.n_risk - 1
    per_other = np.divide(1.0, others, out=np.zeros_like(others), where=others > 0.5)
    without = np.concatenate([[1.0], np.cumprod(1 - exits * per_other)])
    # At the person's own end, the others' exits only.
    at_end = without[left_at] * (1 - (exits[left_at] - (cause > 0)) * per_other[left_at])
    left = steps.free[left_at + 1]
    share = np.divide(at_end, left, out=np.zeros_like(left), where=left > 0)
    end = times[left_at]
    if state is not None:
        gained = np.concatenate([[0.0], np.cumsum(without[:-1] * steps.n_event[state] * per_other)])
        others_here = (steps.n_event[state][left_at] - (cause == state + 1)) * per_other[left_at]
        at_end_gained = gained[left_at] + without[left_at] * others_here
    out = np.empty((len(cause), len(asked)))
    for column, t in enumerate(asked):
        j = int(np.searchsorted(times, t, side="right"))
        if kind == "rmst":
            upto = area_under(times, without, np.minimum(end, t))
            rest = area_under(times, steps.free, t) - area_under(times, steps.free, np.minimum(end, t))
            # Where nobody was left the curve without the last person stays where it was.
            after = np.where(left > 0, share * rest, at_end * np.maximum(t - end, 0))
            theta, alone = area_under(times, steps.free, t), upto + after
        elif state is None:
            theta = steps.free[j]
            alone = np.where(left_at < j, np.where(left > 0, share * theta, at_end), without[j])
        else:
            theta = steps.incidence[state, j]
            later = at_end_gained + share * (theta - steps.incidence[state][left_at + 1])
            alone = np.where(left_at < j, later, gained[j])
        out[:, column] = n * theta - (n - 1) * alone
    return out


def _long(
    tte: TimeToEvent, rows: Sample, first: np.ndarray, asked: np.ndarray, values: np.ndarray
) -> pd.DataFrame:
    """Return one row per person and time, with the covariates of the person's first row."""
    m = len(asked)
    who = np.arange(len(values)) if rows.id is None else rows.id
    frame = {"id": np.repeat(who, m), "time": np.tile(asked, len(values)), "pseudo": values.ravel()}
    if rows.weight is not None:
        frame["weight"] = np.repeat(rows.weight, m)
    taken = [c for c in tte.covariates if c in frame]
    if taken:
        raise InputError(
            f"covariates: {', '.join(map(repr, taken))} is the name of a column of the answer; rename the covariate"
        )
    covariates = tte.covariates.iloc[np.repeat(first, m)].reset_index(drop=True)
    return pd.concat([pd.DataFrame(frame), covariates], axis=1)
