"""Kaplan-Meier and Nelson-Aalen: how long until one kind of exit, the rest censored.

Not for competing exits: `aalen_johansen` answers those, and these refuse until told what is asked.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from evalkit.numerics.normal import z_value
from evalkit.survival.core.influence import incidence_steps, influence_variance
from evalkit.survival.core.sample import (
    Sample,
    accept,
    by_columns,
    cause_of_interest,
    caveats,
    refuse_second_exits,
    sample,
)
from evalkit.survival.core.sums import RiskSums
from evalkit.survival.curves.curveset import Curves
from evalkit.survival.curves.readings import labels_of, unit_name
from evalkit.survival.curves.transforms import interval
from evalkit.timetoevent import TimeToEvent
from evalkit.wording import message


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
    for i in range(len(rows.groups)):
        part = _occupied(sums, i)
        estimate = np.cumprod(1 - part["n_event"] / part["n_risk"])
        estimate[estimate < 1e-15] = 0.0
        error = _sampling_error(rows.part(i), part) if sampling else _greenwood(part, estimate)
        low, high = interval(estimate, error, conf_type, conf_level)
        parts.append(_from_origin(
            {"time": part["time"], "estimate": estimate, "std_error": error, "conf_low": low, "conf_high": high,
             "conf_level": conf_level, **part}, sums.start[i], estimate=1.0,
        ))  # fmt: skip
    question = message("survival.question_survival", event=event, unit=unit_name(tte.unit, 2))
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

    Notes
    -----
    Σ d / n with variance Σ d / n² (Aalen 1978; R's ``survfit``, ``ctype = 1``).

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
    z = z_value(conf_level)
    parts = []
    for i in range(len(rows.groups)):
        part = _occupied(sums, i)
        estimate = np.cumsum(part["n_event"] / part["n_risk"])
        error = np.sqrt(np.cumsum(part["n_event"] / part["n_risk"] ** 2))
        if tte.weight_kind == "sampling":
            error = np.full_like(error, np.nan)
        with np.errstate(divide="ignore", invalid="ignore"):
            spread = np.exp(z * error / estimate)
        parts.append(_from_origin(
            {"time": part["time"], "estimate": estimate, "std_error": error, "conf_low": estimate / spread,
             "conf_high": estimate * spread, "conf_level": conf_level, **part}, sums.start[i], estimate=0.0,
        ))  # fmt: skip
    said = [message("survival.hazard_weights")] if tte.weight_kind == "sampling" else []
    question = message("survival.question_hazard", event=event, unit=unit_name(tte.unit, 2))
    return _curves(tte, rows, sums, parts, question, said, "hazard", "log", conf_level, event)


def _occupied(sums: RiskSums, group: int) -> dict[str, np.ndarray]:
    """Return the times at which somebody of the group left, with the counts there."""
    left = sums.exits[group].any(axis=0)
    return {
        "time": sums.times[left],
        "n_risk": sums.n_risk()[group, left],
        "n_event": sums.exits[group, 1:, left].sum(axis=1),
        "n_censor": sums.exits[group, 0, left],
    }


def _greenwood(part: dict[str, np.ndarray], estimate: np.ndarray) -> np.ndarray:
    n, d = part["n_risk"], part["n_event"]
    with np.errstate(divide="ignore", invalid="ignore"):
        return estimate * np.sqrt(np.cumsum(d / (n * (n - d))))


def _sampling_error(rows: Sample, part: dict[str, np.ndarray]) -> np.ndarray:
    """Return the infinitesimal-jackknife standard error of 1 - S, people with several rows counted once."""
    steps = incidence_steps(part["time"], part["n_risk"], part["n_event"][None, :])
    came = (
        None
        if rows.entry is None
        else np.searchsorted(part["time"], rows.entry, side="right") * (rows.entry > 0)
    )
    person = None if rows.id is None or pd.Index(rows.id).is_unique else pd.factorize(rows.id)[0]
    variance = influence_variance(
        steps, np.searchsorted(part["time"], rows.time), rows.cause, came, scale=rows.weight, person=person
    )
    return np.sqrt(variance[-1])


def _from_origin(columns: dict[str, Any], start: float, estimate: float) -> pd.DataFrame:
    """Return the rows with one at time 0 before them, unless somebody left on day 0."""
    frame = pd.DataFrame(columns)
    if len(frame) and frame["time"].iloc[0] == 0:
        return frame
    bound = estimate
    origin = {"time": 0.0, "estimate": estimate, "std_error": 0.0, "conf_low": bound, "conf_high": bound, "n_risk": start,
              "n_event": 0.0, "n_censor": 0.0, "conf_level": columns["conf_level"]}  # fmt: skip
    return pd.concat([pd.DataFrame([origin]), frame], ignore_index=True)[list(frame.columns)]


def _curves(
    tte: TimeToEvent,
    rows: Sample,
    sums: RiskSums,
    parts: list[pd.DataFrame],
    question: Any,
    said: list,
    kind: str,
    conf_type: str,
    conf_level: float,
    event: Any,
) -> Curves:
    table = pd.concat(parts, ignore_index=True)
    table = table.assign(**by_columns(rows.by, rows.groups, [len(p) for p in parts]))
    return Curves(
        table[[*rows.by, *(c for c in table if c not in rows.by)]],
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
        greenwood=tte.weight_kind != "sampling",
        event=event,
    )
