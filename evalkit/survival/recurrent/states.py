"""Through which states people go, how often and how fast, and what share is in each by time.

Not a model of why: one Cox model per transition is that.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
from scipy import special

from evalkit.errors import InputError
from evalkit.numerics.normal import z_value
from evalkit.spells import CENSORED, Spells
from evalkit.survival.core.sample import by_columns
from evalkit.survival.curves.readings import both, unit_name
from evalkit.survival.curves.transforms import CONF_TYPES
from evalkit.survival.recurrent.product import Product
from evalkit.survival.recurrent.stateset import Group, Occupation, Transitions
from evalkit.survival.recurrent.stays import Context, Stays, read
from evalkit.wording import message


def transitions(
    spells: Spells | pd.DataFrame,
    by: str | Sequence[str] | None = None,
    conf_level: float = 0.95,
    per: float = 1.0,
    unit: str = "day",
    provenance: str | None = None,
) -> Transitions:
    """Count the moves from each state to each other, and how fast they come.

    Parameters
    ----------
    spells : Spells or DataFrame
        A DataFrame has one row per stay: person, state, start, stop, exit (the state entered at `stop`; ``"censored"``, empty or
        missing when observation ended in the stay, or when the stay goes on in the next row).
    by : str or list of str, optional
        Columns, the same in all rows of a person.
    conf_level : float
    per : float
        Rates are per so much time: 30.4 for a month of days.
    unit, provenance : str
        Of a DataFrame; spells bring their own (days).

    Returns
    -------
    Transitions
        Per state left and state entered: count, n (people), time_at_risk, estimate (moves per unit of time in the state), bounds. Then
        per state one row ``exit = "censored"`` and one ``exit = "total"``: counts add up to the stays in the state.

    Raises
    ------
    InputError
        Stays that overlap or do not follow from each other; columns missing.

    Notes
    -----
    The exact Poisson interval (Garwood 1936) takes moves as independent and the rate as constant over time.

    Examples
    --------
    >>> stays = pd.DataFrame({"person": [1, 1, 2], "state": ["in", "out", "in"], "start": [0, 4, 0], "stop": [4, 6, 10],
    ...                       "exit": ["out", "in", "censored"]})
    >>> transitions(stays).matrix("en").to_numpy().tolist()   # from in, from out, total; to in, out, still there, total
    [[0, 1, 1, 2], [1, 0, 0, 1], [1, 1, 1, 3]]
    """
    stays, context = read(spells, by, None, unit, provenance, "transitions")
    if not per > 0:
        raise InputError(f"per: must be above 0, but was {per}")
    z_value(conf_level)
    frames = [_counted(stays, i, conf_level, per) for i in range(len(stays.groups))]
    table = pd.concat(frames, ignore_index=True)
    table = table.assign(**by_columns(stays.by, stays.groups, [len(f) for f in frames]))
    table = table[[*stays.by, *(c for c in table if c not in stays.by)]]
    said = list(context.caveats)
    moves = table[~table["exit"].isin([CENSORED, "total"])]
    if (moves["count"] > moves["n"]).any():
        said.append(message("survival_recurrent.rates_repeated"))
    words = ("count", "estimate", "time_at_risk", "total")
    labels = {word: both(f"survival_recurrent.{word}") for word in words}
    labels |= {
        "n": both("spells.people"),
        "state": both("spells.state"),
        "exit": both("survival_recurrent.entered"),
    }
    return Transitions(
        table,
        message(
            f"survival_recurrent.question_transitions{'_one' if per == 1 else ''}",
            per=float(per),
            unit=unit_name(context.unit, per),
        ),
        tuple(said),
        context.provenance,
        labels={CENSORED: both("survival_recurrent.censored"), **context.labels, **labels},
        by=stays.by,
    )


def occupation_probabilities(
    spells: Spells | pd.DataFrame,
    by: str | Sequence[str] | None = None,
    start: str | None = None,
    conf_type: str = "log-log",
    conf_level: float = 0.95,
    weight: str | None = None,
    weight_kind: str = "frequency",
    unit: str = "day",
    provenance: str | None = None,
) -> Occupation:
    """Estimate the share of people in each state, by time.

    Parameters
    ----------
    spells : Spells or DataFrame
        As in `transitions`. People may come under observation late, leave it for a while, come back to a state.
    by : str or list of str, optional
        Columns, the same in all rows of a person.
    start : str, optional
        The state everybody is in at the origin; otherwise the shares at the origin are those among the people under observation
        when the first move happens, and their precision counts.
    conf_type : {"log-log", "plain", "log", "logit", "arcsin"}
    conf_level : float
    weight : str, optional
        Column of weights, the same in all rows of a person.
    weight_kind : {"frequency", "sampling"}
    unit, provenance : str
        Of a DataFrame; spells bring their own (days).

    Returns
    -------
    Occupation
        One row per time at which somebody moved and state: estimate, std_error, bounds, n_risk (people seen in the state just before;
        in a state nobody leaves, those who have arrived), n_event (arrivals), n_censor (lost to observation in that state
        since the row before). The shares of a time sum to 1.

    Raises
    ------
    InputError
        As `transitions`; an unknown start; weights that are not positive, or not whole when they are frequencies.

    Notes
    -----
    Aalen-Johansen with the infinitesimal-jackknife variance over people, see `product.Product`. It estimates shares in states without
    assuming that the past does not matter (Datta & Satten 2001), as long as whoever leaves observation does so
    independently of what comes next. An exit of `Spells` that leads to no state (moved, death) is a state of its own.

    Examples
    --------
    >>> stays = pd.DataFrame({"person": [1, 1, 2], "state": ["in", "out", "in"], "start": [0, 4, 0], "stop": [4, 6, 10],
    ...                       "exit": ["out", "in", "censored"]})
    >>> occupation_probabilities(stays).at(5).tidy()[["state", "estimate"]].to_numpy().tolist()
    [['in', 0.5], ['out', 0.5]]
    """
    if conf_type not in CONF_TYPES:
        raise InputError(f"conf_type: must be one of {', '.join(CONF_TYPES)}, but was {conf_type!r}")
    z_value(conf_level)
    if weight_kind not in ("frequency", "sampling"):
        raise InputError(f"weight_kind: must be one of frequency, sampling, but was {weight_kind!r}")
    stays, context = read(spells, by, weight, unit, provenance, "occupation_probabilities")
    if weight_kind == "frequency" and not np.array_equal(stays.weight, np.rint(stays.weight)):
        raise InputError(
            "weight: frequency weights count people and must be whole numbers; for others say weight_kind='sampling'"
        )
    known = None
    if start is not None:
        if start not in stays.states:
            raise InputError(f"start: no state {start!r}; they are {', '.join(stays.states)}")
        known = np.array([float(state == start) for state in stays.states])
        _refuse_other_starts(stays, start)
    groups = tuple(
        Group.of(stays, i, Product.of(stays, i, known, weight_kind == "sampling"))
        for i in range(len(stays.groups))
    )
    made = Occupation(
        pd.DataFrame(),
        message("survival_recurrent.question_occupation", unit=unit_name(context.unit, 2)),
        (*context.caveats, *_said(stays, context, weight, weight_kind)),
        context.provenance,
        labels={
            **context.labels,
            "state": both("spells.state"),
            "n_event": both("survival_recurrent.arrived"),
        },
        by=stays.by,
        conf_type=conf_type,
        conf_level=conf_level,
        unit=context.unit,
        groups=groups,
        stays=stays,
    )
    return made.filled()


def _counted(stays: Stays, group: int, conf_level: float, per: float) -> pd.DataFrame:
    """Return the moves of one group: per state left, each state entered, the censored, the total."""
    rows = stays.rows_of(group)
    state, to, person = stays.state[rows], stays.to[rows], stays.person[rows]
    days = np.bincount(state, stays.stop[rows] - stays.start[rows], len(stays.states))
    records = []
    for j, name in enumerate(stays.states):
        here = state == j
        if not here.any():
            continue
        for k, other in enumerate(stays.states):
            moved = here & (to == k)
            if moved.any():
                records.append((name, other, int(moved.sum()), len(np.unique(person[moved])), days[j]))
        lost = here & (to < 0)
        records.append((name, CENSORED, int(lost.sum()), len(np.unique(person[lost])), days[j]))
        records.append((name, "total", int(here.sum()), len(np.unique(person[here])), days[j]))
    table = pd.DataFrame(records, columns=["state", "exit", "count", "n", "time_at_risk"])
    move = ~table["exit"].isin([CENSORED, "total"]).to_numpy()
    count, time = table["count"].to_numpy(dtype=float), table["time_at_risk"].to_numpy()
    timed = move & (time > 0)
    divided = np.where(timed, time, np.nan) / per
    tail = (1 - conf_level) / 2
    return table.assign(
        estimate=count / divided,
        conf_low=special.gammaincinv(np.maximum(count, 1), tail) / divided,
        conf_high=special.gammaincinv(count + 1, 1 - tail) / divided,
        conf_level=np.where(move, conf_level, np.nan),
        status=np.where(move & ~timed, "not_estimable", "ok"),
        reason=[message("survival_recurrent.no_time") if x else None for x in move & ~timed],
    )


def _refuse_other_starts(stays: Stays, start: str) -> None:
    other = (stays.came < 0) & (stays.state != stays.states.index(start))
    if other.any():
        raise InputError(
            f"start: {int(other.sum())} people are in another state than {start!r} at the origin; leave start out to "
            "estimate the shares at the origin"
        )


def _said(stays: Stays, context: Context, weight: str | None, weight_kind: str) -> list:
    said = [message("survival_recurrent.occupation")]
    if weight:
        said.append(message(f"survival.weights_{weight_kind}"))
    n = np.bincount(stays.group, stays.weight, len(stays.groups))
    if (n < 2).any():
        said.append(message("survival_recurrent.alone", n=int((n < 2).sum())))
    return said
