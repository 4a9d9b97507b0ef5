"""Aalen-Johansen: the share gone by each exit, by time, when exits compete.

Not a model of what would happen without one of them: nothing in the data says that.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from evalkit.errors import InputError
from evalkit.survival.core.influence import Steps, incidence_steps, influence_variance
from evalkit.survival.core.sample import (
    Sample,
    accept,
    by_columns,
    caveats,
    label_of,
    refuse_second_exits,
    sample,
)
from evalkit.survival.core.sums import RiskSums
from evalkit.survival.curves.curveset import Curves
from evalkit.survival.curves.readings import both, labels_of, unit_name
from evalkit.survival.curves.transforms import interval
from evalkit.timetoevent import TimeToEvent
from evalkit.wording import message

VARIANCES = ("infinitesimal_jackknife", "aalen")
#: The row that holds the share with no exit yet, so that the rows of a time sum to 1.
NO_EXIT = "no_exit"


def aalen_johansen(
    tte: TimeToEvent,
    by: str | Sequence[str] | None = None,
    conf_type: str = "log-log",
    conf_level: float = 0.95,
    variance: str = "infinitesimal_jackknife",
) -> Curves:
    """Estimate the share gone by each exit, by time.

    Parameters
    ----------
    tte : TimeToEvent
    by : str or list of str, optional
    conf_type : {"log-log", "plain", "log", "logit", "arcsin"}
    conf_level : float
    variance : {"infinitesimal_jackknife", "aalen"}
        The first is R's ``survfit``: it holds with sampling weights and with several rows per person, hence the default. The
        second is that of ``cmprsk::cuminc``, slightly larger in small groups.

    Returns
    -------
    Curves
        One row per time and cause, and per time one row ``cause = "no_exit"`` (its ``n_event`` counts all exits); at each
        time the estimates sum to 1.

    Raises
    ------
    InputError
        Somebody exits more than once; a `by` column absent or with missing values.

    Notes
    -----
    P_k(t) = Σ S(s-) dN_k(s) / Y(s) (Aalen & Johansen 1978), tied exits sharing one risk set. Aalen's variance:
    Aalen (1978), as ``cmprsk::cuminc`` computes it.

    Examples
    --------
    >>> tte = TimeToEvent(time=[2, 3, 3, 5], cause=[1, 2, 0, 0], causes=("relapse", "death"))
    >>> aalen_johansen(tte).tidy().query("time == 3")[["cause", "estimate"]].round(3).to_numpy().tolist()
    [['relapse', 0.25], ['death', 0.25], ['no_exit', 0.5]]
    """
    tte = accept(tte, "aalen_johansen")
    if variance not in VARIANCES:
        raise InputError(f"variance: must be one of {', '.join(VARIANCES)}, but was {variance!r}")
    if variance == "aalen" and tte.weight_kind == "sampling":
        raise InputError(
            "variance: 'aalen' counts people, which sampling weights do not; use 'infinitesimal_jackknife'"
        )
    if NO_EXIT in tte.causes:
        raise InputError(
            f"causes: {NO_EXIT!r} names the share without an exit in this answer; rename that cause"
        )
    refuse_second_exits(tte, tte.cause > 0, "aalen_johansen")
    rows = sample(tte, tte.cause, by)
    sums = rows.sums(len(tte.causes))
    parts = []
    for i in range(len(rows.groups)):
        steps, censored = _steps(sums, i)
        squares = _aalen(steps) if variance == "aalen" else _jackknife(tte, rows, sums, steps, i)
        parts.append(_table(tte, steps, censored, np.sqrt(squares), sums.start[i], conf_type, conf_level))
    table = pd.concat(parts, ignore_index=True)
    table = table.assign(**by_columns(rows.by, rows.groups, [len(p) for p in parts]))
    return Curves(
        table[[*rows.by, *(c for c in table if c not in rows.by)]],
        message(
            "survival.question_incidence",
            events=[label_of(tte, c) for c in tte.causes],
            unit=unit_name(tte.unit, 2),
        ),
        tuple(caveats(tte)),
        tte.provenance,
        labels={**labels_of(tte.labels, tte.unit), NO_EXIT: both("survival.no_exit")},
        by=rows.by,
        kind="incidence",
        conf_type=conf_type,
        conf_level=conf_level,
        unit=tte.unit,
        sums=sums,
    )


def _steps(sums: RiskSums, group: int) -> tuple[Steps, np.ndarray]:
    left = sums.exits[group].any(axis=0)
    exits = sums.exits[group][:, left]
    return incidence_steps(sums.times[left], sums.n_risk()[group, left], exits[1:]), exits[0]


def _jackknife(tte: TimeToEvent, rows: Sample, sums: RiskSums, steps: Steps, group: int) -> np.ndarray:
    """Return the variances, rows that left at the same time in the same way taken together when that says all."""
    if rows.entry is None and rows.weight is None and (rows.id is None or pd.Index(rows.id).is_unique):
        counts = sums.exits[group][:, sums.exits[group].any(axis=0)]
        cause, left_at = np.nonzero(counts)
        return influence_variance(steps, left_at, cause, times_counted=counts[cause, left_at])
    part = rows.part(group)
    came = None
    if part.entry is not None:
        came = np.where(part.entry > 0, np.searchsorted(steps.times, part.entry, side="right"), 0)
    sampling = tte.weight_kind == "sampling"
    person = None if part.id is None or pd.Index(part.id).is_unique else pd.factorize(part.id)[0]
    return influence_variance(
        steps,
        np.searchsorted(steps.times, part.time),
        part.cause,
        came,
        times_counted=None if sampling else part.weight,
        scale=part.weight if sampling else None,
        person=person,
    )


def _aalen(steps: Steps) -> np.ndarray:
    """Return Aalen's variance of each incidence at each time, the event-free state last.

    Var P_k(t) = Σ_s Σ_j S(s-)² d_j (n - d_j) / (n² (n - 1)) {1[j = k] - (P_k(t) - P_k(s)) / S(s)}², j being cause k and all the
    others together, taken as independent when they tie, as cmprsk does. Expanded in powers of P_k(t): three running sums.
    """
    n, before, after = steps.n_risk, steps.free[:-1], steps.free[1:]
    unfree = np.divide(1.0, after, out=np.zeros_like(n), where=after > 0)
    every = steps.n_event.sum(axis=0)
    out = np.empty((len(steps.n_event) + 1, len(n)))
    for k, events in enumerate(steps.n_event):
        p = steps.incidence[k, 1:]
        own, other = (_step_variance(d, n, before) for d in (events, every - events))
        shift = 1 + p * unfree
        squares = np.cumsum(own * shift**2 + other * (p * unfree) ** 2)
        crossed = np.cumsum((own * shift + other * p * unfree) * unfree)
        powers = np.cumsum((own + other) * unfree**2)
        out[k] = squares - 2 * p * crossed + p**2 * powers
    out[-1] = after**2 * np.cumsum(_step_variance(every, n, before) * unfree**2)
    return np.maximum(out, 0.0)


def _step_variance(d: np.ndarray, n: np.ndarray, before: np.ndarray) -> np.ndarray:
    """Return S(s-)² d (n - d) / (n² (n - 1)), for one exit S(s-)² / n² even when it is the last person's."""
    spread = np.where(d == 1, 1.0, d * (n - d) / np.maximum(n - 1, 1))
    return before**2 * spread / n**2


def _table(
    tte: TimeToEvent,
    steps: Steps,
    censored: np.ndarray,
    std_error: np.ndarray,
    start: float,
    conf_type: str,
    conf_level: float,
) -> pd.DataFrame:
    """Return one row per time and state, time 0 included."""
    added = len(steps.times) == 0 or steps.times[0] > 0
    pad = 1 if added else 0
    names = [*tte.causes, NO_EXIT]
    probability = np.vstack([steps.incidence[:, 1 - pad :], steps.free[None, 1 - pad :]])
    error = np.hstack([np.zeros((len(names), pad)), std_error])
    leaving = np.vstack([steps.n_event, steps.n_event.sum(axis=0)])
    events = np.hstack([np.zeros((len(names), pad)), leaving])
    low, high = interval(probability, error, conf_type, conf_level)
    if added:
        low[:, 0] = high[:, 0] = probability[:, 0]
    m, k = len(steps.times) + pad, len(names)
    return pd.DataFrame({
        "cause": np.tile(names, m),
        "time": np.repeat(np.r_[np.zeros(pad), steps.times], k),
        "estimate": probability.T.ravel(),
        "std_error": error.T.ravel(),
        "conf_low": low.T.ravel(),
        "conf_high": high.T.ravel(),
        "conf_level": conf_level,
        "n_risk": np.repeat(np.r_[np.full(pad, start), steps.n_risk], k),
        "n_event": events.T.ravel(),
        "n_censor": np.repeat(np.r_[np.zeros(pad), censored], k),
    })  # fmt: skip
