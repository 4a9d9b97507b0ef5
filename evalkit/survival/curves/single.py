"""Kaplan-Meier and Nelson-Aalen: how long until one kind of exit, the rest censored.

Not for competing exits: `aalen_johansen` answers those, and these refuse until told what is asked.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import pandas as pd

from evalkit.numerics.normal import z_value
from evalkit.survival.core.influence import hazard_variance, incidence_steps, influence_variance
from evalkit.survival.core.sample import (
    Sample,
    accept,
    cause_of_interest,
    caveats,
    refuse_second_exits,
    sample,
)
from evalkit.survival.core.sums import RiskSums
from evalkit.survival.curves.curveset import Curves
from evalkit.survival.curves.readings import holes, labels_of, passed, places, ratio, unit_name
from evalkit.survival.curves.transforms import interval
from evalkit.timetoevent import TimeToEvent
from evalkit.wording import message

#: What a curve's table holds beside its groups.
COLUMNS = pd.Index(
    ["time", "estimate", "std_error", "conf_low", "conf_high", "conf_level", "n_risk", "n_event", "n_censor"]
)


def kaplan_meier(
    tte: TimeToEvent,
    by: str | Sequence[str] | None = None,
    of: str | None = None,
    conf_type: str = "log-log",
    conf_level: float = 0.95,
) -> Curves:
    """Estimate the share still without the event, by time.

    Parameters
    ----------
    tte : TimeToEvent
    by : str or list of str, optional
        Covariates; one curve per combination that occurs.
    of : str, optional
        ``"any exit"``, or the one cause to look at as if the others could not happen. Required when there are several causes.
    conf_type : {"log-log", "plain", "log", "logit", "arcsin"}
    conf_level : float

    Returns
    -------
    Curves
        Columns: `by`, time, estimate, std_error, conf_low, conf_high, conf_level, n_risk, n_event, n_censor.

    Raises
    ------
    InputError
        Several causes and `of` not given; a `by` column absent or with missing values.

    Notes
    -----
    Kaplan & Meier (1958); Greenwood's variance S² Σ d / (n (n - d)). Sampling weights: the infinitesimal jackknife, as R's
    ``survfit`` does. Delayed entry: a row is at risk on (entry, time].

    Examples
    --------
    >>> tte = TimeToEvent(time=[2, 3, 3, 5], cause=[1, 1, 0, 0], causes=("relapse",))
    >>> kaplan_meier(tte).tidy()[["time", "estimate", "n_risk"]].round(3).to_numpy().tolist()
    [[0.0, 1.0, 4.0], [2.0, 0.75, 4.0], [3.0, 0.5, 3.0], [5.0, 0.5, 1.0]]
    """
    tte = accept(tte, "kaplan_meier")
    exits, event, said = cause_of_interest(tte, of, "kaplan_meier")
    refuse_second_exits(tte, exits, "kaplan_meier")
    rows = sample(tte, exits, by)
    sums = rows.sums(1)
    sampling = tte.weight_kind == "sampling"
    parts = []
    for i, (counts, added) in enumerate(_counted(sums)):
        time, n_risk, n_event = counts[:3]
        estimate = np.cumprod(1 - ratio(n_event, n_risk))
        estimate[estimate < 1e-15] = 0.0
        error = _sampling_error(rows.part(i), counts, added) if sampling else _greenwood(counts, estimate)
        low, high = interval(estimate, error, conf_type, conf_level)
        if added:
            low[0] = high[0] = 1.0
        parts.append(_stacked(counts, estimate, error, low, high, conf_level))
    question = message("survival.question_survival", event=event, unit=unit_name(tte.unit, 2))
    said += holes(sums, rows.groups, tte)
    return _curves(tte, rows, sums, parts, question, said, "survival", conf_type, conf_level, event)


def nelson_aalen(
    tte: TimeToEvent,
    by: str | Sequence[str] | None = None,
    of: str | None = None,
    conf_level: float = 0.95,
) -> Curves:
    """Estimate the cumulative hazard of an exit, by time.

    Parameters
    ----------
    tte, by, of, conf_level
        As in `kaplan_meier`; with `of` one cause, its cause-specific cumulative hazard, which needs no hypothesis.

    Returns
    -------
    Curves
        The interval is on the log scale.

    Raises
    ------
    InputError
        Several causes and `of` not given; a `by` column absent or with missing values.

    Notes
    -----
    Σ d / n with variance Σ d / n² (Aalen 1978; R's ``survfit``, ``ctype = 1``). Sampling weights: the infinitesimal jackknife.

    Examples
    --------
    >>> tte = TimeToEvent(time=[2, 3, 3, 5], cause=[1, 1, 0, 0], causes=("relapse",))
    >>> nelson_aalen(tte).tidy()["estimate"].round(3).tolist()
    [0.0, 0.25, 0.583, 0.583]
    """
    tte = accept(tte, "nelson_aalen")
    exits, event, _ = cause_of_interest(tte, of, "nelson_aalen")
    rows = sample(tte, exits, by)
    sums = rows.sums(1)
    sampling = tte.weight_kind == "sampling"
    z = z_value(conf_level)
    parts = []
    for i, (counts, added) in enumerate(_counted(sums)):
        n_risk, n_event = counts[1:3]
        estimate = np.cumsum(ratio(n_event, n_risk))
        if sampling:
            error = _sampling_hazard_error(rows.part(i), counts, added)
        else:
            error = np.sqrt(np.cumsum(ratio(n_event, n_risk**2)))
        with np.errstate(divide="ignore", invalid="ignore"):
            spread = np.exp(z * error / estimate)
        low, high = estimate / spread, estimate * spread
        if added:
            error[0] = low[0] = high[0] = 0.0
        parts.append(_stacked(counts, estimate, error, low, high, conf_level))
    said = holes(sums, rows.groups, tte)
    question = message("survival.question_hazard", event=event, unit=unit_name(tte.unit, 2))
    return _curves(tte, rows, sums, parts, question, said, "hazard", "log", conf_level, event)


def _counted(sums: RiskSums) -> Iterator[tuple[np.ndarray, bool]]:
    """Yield each group's times at which somebody left, with n_risk, n_event and n_censor, and whether a row at 0 was added.

    The row at 0 says where the curve begins, unless somebody left on day 0.
    """
    at_risk = sums.n_risk()
    for i, start in enumerate(sums.start):
        left = np.flatnonzero(sums.exits[i].any(axis=0))
        added = int(sums.times[left[0]] > 0)
        counts = np.zeros((4, len(left) + added))
        counts[0, added:] = sums.times[left]
        counts[1, 0], counts[1, added:] = start, at_risk[i, left]
        counts[2, added:] = sums.exits[i, 1:, left].sum(axis=1)
        counts[3, added:] = sums.exits[i, 0, left]
        yield counts, bool(added)


def _greenwood(counts: np.ndarray, estimate: np.ndarray) -> np.ndarray:
    n, d = counts[1:3]
    with np.errstate(divide="ignore", invalid="ignore"):
        steps = np.where(d > 0, d / (n * (n - d)), 0.0)
        return estimate * np.sqrt(np.cumsum(steps))


def _sampling_error(rows: Sample, counts: np.ndarray, added: bool) -> np.ndarray:
    """Return the infinitesimal-jackknife standard error of 1 - S, people with several rows counted once."""
    time, n_risk, n_event = counts[:3, int(added) :]
    steps = incidence_steps(time, n_risk, n_event[None, :])
    person = None if rows.id is None or pd.Index(rows.id).is_unique else pd.factorize(rows.id)[0]
    variance = influence_variance(
        steps, places(time, rows.time), rows.cause, passed(time, rows.entry), scale=rows.weight, person=person
    )
    return np.concatenate([np.zeros(int(added)), np.sqrt(variance[-1])])


def _sampling_hazard_error(rows: Sample, counts: np.ndarray, added: bool) -> np.ndarray:
    """Return the infinitesimal-jackknife standard error of the cumulative hazard, people with several rows counted once."""
    time, n_risk, n_event = counts[:3, int(added) :]
    person = None if rows.id is None or pd.Index(rows.id).is_unique else pd.factorize(rows.id)[0]
    variance = hazard_variance(
        n_risk,
        n_event,
        places(time, rows.time),
        rows.cause > 0,
        passed(time, rows.entry),
        rows.weight,
        person,
    )
    return np.concatenate([np.zeros(int(added)), np.sqrt(variance)])


def _stacked(
    counts: np.ndarray,
    estimate: np.ndarray,
    error: np.ndarray,
    low: np.ndarray,
    high: np.ndarray,
    conf_level: float,
) -> np.ndarray:
    """Return one group's columns, in the order of `COLUMNS`, as the rows of one block."""
    level = np.full(len(estimate), conf_level)
    return np.stack([counts[0], estimate, error, low, high, level, *counts[1:]])


def _curves(
    tte: TimeToEvent,
    rows: Sample,
    sums: RiskSums,
    parts: list[np.ndarray],
    question: Any,
    said: list,
    kind: str,
    conf_type: str,
    conf_level: float,
    event: Any,
) -> Curves:
    # One block of numbers makes a table at once: column by column costs more than the curve itself.
    block = parts[0] if len(parts) == 1 else np.concatenate(parts, axis=1)
    table = pd.DataFrame(block.T, columns=COLUMNS, copy=False)
    sizes = [part.shape[1] for part in parts]
    for i, name in enumerate(rows.by):
        values = pd.Index([group[i] for group in rows.groups]).repeat(sizes)
        table.insert(i, name, values)
    return Curves(
        table,
        question,
        (*caveats(tte), *said),
        tte.provenance,
        labels=labels_of(tte.labels, tte.unit),
        by=rows.by,
        kind=kind,
        conf_type=conf_type,
        conf_level=conf_level,
        unit=tte.unit,
        sums=sums,
        rows=rows,
        greenwood=tte.weight_kind != "sampling",
        event=event,
    )
