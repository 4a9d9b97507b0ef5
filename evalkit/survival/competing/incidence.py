"""Aalen-Johansen: the share gone by each exit, by time, when exits compete.

Not a model of what would happen without one of them: nothing in the data says that.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from evalkit.errors import InputError
from evalkit.survival.core.influence import Steps, counted_variance, incidence_steps, influence_variance
from evalkit.survival.core.sample import (
    Sample,
    accept,
    caveats,
    label_of,
    refuse_second_exits,
    sample,
)
from evalkit.survival.core.sums import RiskSums
from evalkit.survival.curves.curveset import Curves
from evalkit.survival.curves.readings import both, labels_of, passed, places, unit_name
from evalkit.survival.curves.transforms import interval
from evalkit.timetoevent import TimeToEvent
from evalkit.wording import message

VARIANCES = ("infinitesimal_jackknife", "aalen")
#: The row that holds the share with no exit yet, so that the rows of a time sum to 1.
NO_EXIT = "no_exit"
#: The numbers of a curve, in order.
COLUMNS = (
    "time", "estimate", "std_error", "conf_low", "conf_high", "conf_level", "n_risk", "n_event", "n_censor"
)  # fmt: skip


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
        steps, censored = steps_of(sums, i)
        squares = _aalen(steps) if variance == "aalen" else _jackknife(tte, rows, sums, steps, censored, i)
        parts.append(_block(steps, censored, np.sqrt(squares), sums.start[i], conf_type, conf_level))
    return Curves(
        _table(rows, parts, [*tte.causes, NO_EXIT]),
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


def steps_of(sums: RiskSums, group: int) -> tuple[Steps, np.ndarray]:
    """Return the probabilities of one group, and who was censored at its times."""
    left = sums.exits[group].any(axis=0)
    exits = sums.exits[group][:, left]
    return incidence_steps(sums.times[left], sums.n_risk()[group, left], exits[1:]), exits[0]


def _jackknife(
    tte: TimeToEvent, rows: Sample, sums: RiskSums, steps: Steps, censored: np.ndarray, group: int
) -> np.ndarray:
    """Return the variances, from counts alone when that says all."""
    independent = rows.id is None or pd.Index(rows.id).is_unique
    if rows.weight is None and independent and not sums.entries[group].any():
        return counted_variance(steps, censored)
    left_at, cause, came, counted, scale, person = jackknife_rows(tte, rows, steps, group)
    return influence_variance(steps, left_at, cause, came, counted, scale, person)


def jackknife_rows(
    tte: TimeToEvent, rows: Sample, steps: Steps, group: int
) -> tuple[
    np.ndarray, np.ndarray, np.ndarray | None, np.ndarray | None, np.ndarray | None, np.ndarray | None
]:
    """Return the rows of a group as `influence_variance` takes them: places, causes, entries, counts, weights, people."""
    part = rows.part(group)
    sampling = tte.weight_kind == "sampling"
    person = None if part.id is None or pd.Index(part.id).is_unique else pd.factorize(part.id)[0]
    return (
        places(steps.times, part.time),
        part.cause,
        passed(steps.times, part.entry),
        None if sampling else part.weight,
        part.weight if sampling else None,
        person,
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


def _block(
    steps: Steps, censored: np.ndarray, std_error: np.ndarray, start: float, conf_type: str, conf_level: float
) -> np.ndarray:
    """Return one group's numbers, in the order of `COLUMNS`: a row per time (0 included), and within it one per state."""
    pad = int(len(steps.times) == 0 or steps.times[0] > 0)
    k, m = len(steps.n_event) + 1, len(steps.times) + pad
    block = np.zeros((len(COLUMNS), m, k))
    probability = np.concatenate([steps.incidence, steps.free[None]])[:, 1 - pad :]
    error = np.zeros((k, m))
    error[:, pad:] = std_error
    low, high = interval(probability, error, conf_type, conf_level)
    if pad:
        low[:, 0] = high[:, 0] = probability[:, 0]
    for at, values in enumerate((probability, error, low, high), start=1):
        block[at] = values.T
    block[0, pad:], block[5] = steps.times[:, None], conf_level
    block[6, :pad], block[6, pad:] = start, steps.n_risk[:, None]
    block[7, pad:, :-1], block[7, pad:, -1] = steps.n_event.T, steps.n_event.sum(axis=0)
    block[8, pad:] = censored[:, None]
    return block.reshape(len(COLUMNS), m * k)


def _table(rows: Sample, parts: list[np.ndarray], names: list[str]) -> pd.DataFrame:
    """Return one table of all groups."""
    # One block of numbers makes a table at once: column by column costs more than the curves themselves.
    block = parts[0] if len(parts) == 1 else np.concatenate(parts, axis=1)
    table = pd.DataFrame(block.T, columns=COLUMNS, copy=False)
    k = len(names)
    table.insert(0, "cause", pd.Index(names).take(np.tile(np.arange(k), block.shape[1] // k)))
    sizes = [part.shape[1] for part in parts]
    for i, name in enumerate(rows.by):
        table.insert(i, name, pd.Index([group[i] for group in rows.groups]).repeat(sizes))
    return table
