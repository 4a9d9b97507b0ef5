"""How often an event happens per person, by time: events that may come again, exits nobody comes back from.

Not the share of people who meet the event at all: curves and competing exits say that.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from evalkit.disclosure import Headcount
from evalkit.errors import InputError
from evalkit.numerics.normal import z_value
from evalkit.survival.core.sample import accept, by_columns, caveats, label_of
from evalkit.survival.curves.readings import labels_of, unit_name
from evalkit.survival.recurrent.countset import MeanCounts
from evalkit.survival.recurrent.histories import Histories, chosen, read
from evalkit.survival.recurrent.marginal import Mean
from evalkit.timetoevent import TimeToEvent
from evalkit.wording import Message, message

AT_RISK = ("under_observation", "engaged")
CONF_TYPES = ("log", "plain")


def mean_cumulative_count(
    tte: TimeToEvent,
    by: str | Sequence[str] | None = None,
    of: str | Sequence[str] | None = None,
    terminal: str | Sequence[str] | None = None,
    until: str | None = None,
    at_risk: str = "under_observation",
    conf_level: float = 0.95,
    conf_type: str = "log",
) -> MeanCounts:
    """Estimate the mean number of events per person, by time.

    Parameters
    ----------
    tte : TimeToEvent
        With ids; several rows per person, absences between them allowed.
    by : str or list of str, optional
        Covariates, the same in all rows of a person.
    of : str or list of str, optional
        The causes that count, ``"any exit"`` for all; the event of interest otherwise.
    terminal : str or list of str, optional
        Causes nobody comes back from (death, a job for good), ``[]`` for none. Must be said when there are causes that do not
        count. A cause may both count and be terminal.
    until : str, optional
        Covariate: until when each person was observed, on the clock of `tte` (ignored after a terminal exit). Needed when
        somebody's last row ends with an exit that is not terminal; ``"last_row"`` if observation ended there.
    at_risk : {"under_observation", "engaged"}
        What is estimated when people are away from the risk of an event (already disengaged, in a solution).
        "under_observation": the mean number per person followed, E N(t): who is away counts, with no event. "engaged": the rate
        among those at risk on each day, added up: the number for somebody who would be at risk all the time.
    conf_level : float
    conf_type : {"log", "plain"}

    Returns
    -------
    MeanCounts
        Columns: `by`, time, estimate, std_error, conf_low, conf_high, conf_level, n_risk, n_event, n_censor. ``n_event`` counts
        events, not people; ``n_censor`` those who stopped counting without a terminal exit.

    Raises
    ------
    InputError
        No ids; the gap clock; causes not named; an end of observation that is unknown; rows after a terminal exit; a `by`
        column, a weight or an end of observation that changes within a person.

    Notes
    -----
    See `marginal.Mean`: Ghosh & Lin (2000), without terminal exits Nelson (1995). The variance is robust: it holds however
    the events of one person depend on each other, and accounts for the estimation of the terminal exits. Terminal exits
    are no censoring: treating them so would estimate the count if nobody could leave.

    Examples
    --------
    >>> tte = TimeToEvent(
    ...     time=[3, 9, 5, 2, 8], cause=[1, 0, 0, 1, 2], entry=[0, 3, 0, 0, 2], id=list("aabcc"), causes=("relapse", "death")
    ... )
    >>> mean_cumulative_count(tte, terminal="death").tidy()[["time", "estimate"]].round(3).to_numpy().tolist()
    [[0.0, 0.0], [2.0, 0.333], [3.0, 0.667], [5.0, 0.667], [8.0, 0.667], [9.0, 0.667]]
    """
    tte = accept(tte, "mean_cumulative_count")
    for name, value, allowed in (("at_risk", at_risk, AT_RISK), ("conf_type", conf_type, CONF_TYPES)):
        if value not in allowed:
            raise InputError(f"{name}: must be one of {', '.join(allowed)}, but was {value!r}")
    counted = tte.causes if of == "any exit" else (tte.causes[0],) if of is None else of
    event = chosen(tte, counted, "of")
    final = _terminal(tte, event, terminal, at_risk, until)
    whole = at_risk == "under_observation"
    rows = read(tte, event, final, by, until, whole, "mean_cumulative_count")
    sums, events = rows.sums(), rows.counted()
    y = sums.n_risk()
    parts, means = [], []
    for i in range(len(rows.groups)):
        mean = Mean(y[i], events[i], sums.exits[i, 1])
        means.append(mean)
        parts.append(_table(rows, mean, sums.exits[i, 0], sums.start[i], i, conf_level, conf_type))
    table = pd.concat(parts, ignore_index=True)
    table = table.assign(**by_columns(rows.by, rows.groups, [len(p) for p in parts]))
    labels = [label_of(tte, c) for c in ([counted] if isinstance(counted, str) else counted)]
    question = message(f"survival_recurrent.question_{at_risk}", events=labels, unit=unit_name(tte.unit, 2))
    return MeanCounts(
        table[[*rows.by, *(c for c in table if c not in rows.by)]],
        question,
        (*caveats(tte, repeated=False), *_said(tte, rows, event, final, at_risk)),
        tte.provenance,
        labels=labels_of(tte.labels, tte.unit),
        by=rows.by,
        kind="count",
        conf_type=conf_type,
        conf_level=conf_level,
        unit=tte.unit,
        sums=sums,
        event=labels[0],
        rows=rows,
        means=tuple(means),
    )


def count_interval(
    estimate: np.ndarray, std_error: np.ndarray, conf_type: str, conf_level: float
) -> tuple[np.ndarray, np.ndarray]:
    """Return the bounds of a mean count; "log" has none at 0, "plain" is cut at 0.

    Examples
    --------
    >>> low, high = count_interval(np.array([2.0]), np.array([0.5]), "log", 0.95)
    >>> round(float(low[0]), 3), round(float(high[0]), 3)
    (1.225, 3.265)
    """
    z = z_value(conf_level)
    if conf_type == "plain":
        return np.maximum(estimate - z * std_error, 0), estimate + z * std_error
    with np.errstate(divide="ignore", invalid="ignore"):
        spread = np.exp(z * std_error / np.where(estimate > 0, estimate, np.nan))
    return estimate / spread, estimate * spread


def _terminal(
    tte: TimeToEvent, event: np.ndarray, terminal: Any, at_risk: str, until: str | None
) -> np.ndarray:
    """Return which rows end for good."""
    if at_risk == "engaged":
        if terminal is not None or until is not None:
            raise InputError(
                "at_risk: 'engaged' adds up the rate among those at risk, which knows no terminal exit and no end of "
                "observation: leave terminal and until out, or ask at_risk='under_observation'"
            )
        return np.zeros(tte.n, dtype=bool)
    uncounted = set(np.unique(tte.cause[~event])) - {0}
    others = [c for k, c in enumerate(tte.causes) if k + 1 in uncounted]
    if terminal is None and others:
        raise InputError(
            f"terminal: exits that do not count occur ({', '.join(others)}); say which of them nobody comes back from: "
            f"terminal={others}, or terminal=[] if people may come back from all"
        )
    return chosen(tte, terminal or [], "terminal")


def _table(
    rows: Histories,
    mean: Mean,
    ended: np.ndarray,
    start: float,
    group: int,
    conf_level: float,
    conf_type: str,
) -> pd.DataFrame:
    """Return the rows of one group, those at which nothing happened in it left out, one at time 0 added."""
    own = rows.part(group)
    alone = rows.weight[rows.group == group].sum() < 2
    estimate = mean.value
    # One person tells nothing of how people differ.
    error = np.full(len(estimate), np.nan) if alone else np.sqrt(mean.variance(own))
    low, high = count_interval(estimate, error, conf_type, conf_level)
    frame = pd.DataFrame({
        "time": rows.times, "estimate": estimate, "std_error": error, "conf_low": low, "conf_high": high,
        "conf_level": conf_level, "n_risk": mean.at_risk, "n_event": mean.events, "n_censor": ended,
    })  # fmt: skip
    frame = frame[(mean.events > 0) | (ended > 0) | (mean.gone > 0)]
    if len(frame) and frame["time"].iloc[0] == 0:
        return frame
    origin = {"time": 0.0, "estimate": 0.0, "std_error": 0.0, "conf_low": 0.0, "conf_high": 0.0, "conf_level": conf_level,
              "n_risk": start, "n_event": 0.0, "n_censor": 0.0}  # fmt: skip
    return pd.concat([pd.DataFrame([origin]), frame], ignore_index=True)


def _said(
    tte: TimeToEvent, rows: Histories, event: np.ndarray, final: np.ndarray, at_risk: str
) -> list[Message]:
    said = [message(f"survival_recurrent.{at_risk}")]
    causes = [label_of(tte, c) for k, c in enumerate(tte.causes) if final[tte.cause == k + 1].any()]
    if causes:
        n = int(rows.weight[rows.owner[rows.gone]].sum())
        said.append(message("survival_recurrent.terminal", n=Headcount(n), exits=causes))
    away = [label_of(tte, c) for k, c in enumerate(tte.causes) if (tte.cause == k + 1).any()
            and not (event | final)[tte.cause == k + 1].any()]  # fmt: skip
    if away:
        said.append(message(f"survival_recurrent.away_{at_risk}", exits=away))
    n = np.bincount(rows.group, rows.weight, len(rows.groups))
    if (n < 2).any():
        said.append(message("survival_recurrent.alone", n=int((n < 2).sum())))
    elif n.min() < 30:
        said.append(message("survival_recurrent.few_people", n=Headcount(int(n.min()))))
    return said
