"""Turnbull's curve: the share still without the event when it is only known to lie between two dates.

Not for exact times (`kaplan_meier` is the same there, with more), nor for covariates (`parametric` takes intervals too).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from evalkit.errors import InputError
from evalkit.numerics.normal import z_value
from evalkit.survival.core.sample import by_columns, levels
from evalkit.survival.curves.readings import both, labels_of, unit_name
from evalkit.survival.intervals.curve import IntervalCurves, Step
from evalkit.survival.intervals.mass import CERTAIN, maximise
from evalkit.survival.intervals.ratio import Seen
from evalkit.timetoevent import IntervalTimes, TimeToEvent
from evalkit.wording import message

CLOSED = ("right", "both")


def turnbull(
    times: IntervalTimes,
    by: str | Sequence[str] | None = None,
    closed: str = "right",
    conf_level: float = 0.95,
) -> IntervalCurves:
    """Estimate the share still without the event, by time, from intervals that hold the event.

    Parameters
    ----------
    times : IntervalTimes
        Exact where both ends are equal; not seen until `lower` where `upper` is infinite.
    by : str or list of str, optional
        Covariates; one curve per combination that occurs.
    closed : {"right", "both"}
        Whether the event may be on the lower end itself. "right": no, it is in (lower, upper], as when somebody was seen without it
        on that day (R's ``survfit``). "both": yes. An interval from 0 on includes the origin; one without end excludes its start.
    conf_level : float
        Of the intervals that `IntervalCurves.at` and `quantile` give.

    Returns
    -------
    IntervalCurves
        One row per piece of time that holds mass: lower, upper, mass, and the share left after it. Where in a piece its mass lies
        cannot be known: the curve is defined between pieces only.

    Raises
    ------
    InputError
        Not interval times; nobody's event was seen; a `by` column absent or with missing values.

    Notes
    -----
    Peto (1973), Turnbull (1976). The maximum is certified: no piece's mean likelihood ratio exceeds 1 by more than 1e-10 (Gentleman &
    Geyer 1994), see `glance`; its masses are the only ones, since in every piece some interval begins. R's ``survfit`` stops
    when shares move by less than 5e-5 in a step, which may be 0.01 from the maximum. Intervals are likelihood-ratio intervals,
    with the share at the time asked held fixed (Thomas & Grunkemeier 1975). Greenwood's formula, which R uses as if pieces were
    exact times, ignores what the intervals leave unknown; the bootstrap fails where visits are irregular, since the curve then
    converges at the rate n^(1/3). With a fixed grid of visits the interval is asymptotically exact; with irregular visits it is
    somewhat too wide (Banerjee & Wellner 2001).

    Examples
    --------
    >>> df = pd.DataFrame({"seen": [0, 30, 30, 60], "gone": [30, 60, 90, float("inf")]})
    >>> turnbull(TimeToEvent.from_intervals(df, "seen", "gone")).tidy()[["lower", "upper", "mass", "estimate"]].to_numpy().tolist()
    [[0.0, 30.0, 0.25, 0.75], [30.0, 60.0, 0.375, 0.375], [60.0, 90.0, 0.375, 0.0]]
    """
    times = _accepted(times)
    if closed not in CLOSED:
        raise InputError(f"closed: must be one of {', '.join(CLOSED)}, but was {closed!r}")
    z_value(conf_level)
    taken = {"lower", "upper", "mass", "lowest", "highest"} & set([by] if isinstance(by, str) else by or [])
    if taken:
        raise InputError(
            f"by: {', '.join(sorted(taken))} is the name of a column of results; rename the covariate"
        )
    columns, groups, code = levels(times, by)
    steps, parts = [], []
    for i in range(len(groups)):
        rows = code == i
        seen = Seen.of(times.lower[rows], times.upper[rows], closed)
        pieces = seen.pieces()
        best = maximise(pieces)
        held = best.mass > 0
        steps.append(Step(seen, pieces, best))
        n = int(rows.sum())
        parts.append({
            "lower": pieces.lower[held], "upper": pieces.upper[held], "mass": best.mass[held],
            "estimate": _left(best.mass)[held], "n": np.full(held.sum(), n),
        })  # fmt: skip
    table = pd.concat([pd.DataFrame(part) for part in parts], ignore_index=True)
    table = table.assign(**by_columns(columns, groups, [len(p["lower"]) for p in parts]))
    event = times.exit[np.isfinite(times.upper)] if times.exit is not None else []
    names = list(pd.unique(np.asarray(event, dtype=object)))
    label: Any = names[0] if len(names) == 1 else message("survival_intervals.the_event")
    words = {c: both(f"survival_intervals.{c}") for c in ("lower", "upper", "mass", "estimate")}
    return IntervalCurves(
        table[[*columns, "lower", "upper", "mass", "estimate", "n"]],
        message("survival_intervals.question_turnbull", event=label, unit=unit_name(times.unit, 2)),
        tuple(_said(times, closed, steps)),
        times.provenance,
        labels=labels_of(words, times.unit),
        by=columns,
        conf_level=conf_level,
        unit=times.unit,
        closed=closed,
        event=label,
        groups=groups,
        steps=tuple(steps),
        kinds=tuple(_kinds(times, code == i) for i in range(len(groups))),
    )


def _accepted(times: Any) -> IntervalTimes:
    if isinstance(times, TimeToEvent):
        raise InputError(
            "turnbull: these times are exact; use kaplan_meier, or make intervals with TimeToEvent.from_intervals"
        )
    if not isinstance(times, IntervalTimes):
        raise InputError(f"turnbull: needs IntervalTimes, but was given {type(times).__name__}")
    if times.n == 0:
        raise InputError("turnbull: there are no rows; give at least one observed person")
    if not np.isfinite(times.upper).any():
        raise InputError(
            f"turnbull: nobody's event was seen (upper is infinite in all {times.n} rows); the curve would stay at 1"
        )
    causes = [] if times.exit is None else [c for c in pd.unique(times.exit) if c != "censored"]
    if len(causes) > 1:
        raise InputError(
            f"turnbull: exits have {len(causes)} causes ({', '.join(map(str, causes))}); it takes one. Censor the others at the lower "
            "end of their interval for the hypothetical case in which they would not happen, or leave the column out for any exit"
        )
    return times


def _left(mass: np.ndarray) -> np.ndarray:
    """Return the share left after each piece, 0 and not a rounding after the last that holds mass."""
    left = 1 - np.cumsum(mass)
    last = np.flatnonzero(mass > 0)[-1]
    left[last:] = 0.0
    return left.clip(0, 1)


def _kinds(times: IntervalTimes, rows: np.ndarray) -> dict[str, int]:
    """Return how many people have an exact time, an interval, and no event seen."""
    lower, upper = times.lower[rows], times.upper[rows]
    exact, open_ = int((lower == upper).sum()), int(np.isinf(upper).sum())
    return {"n": len(lower), "n_exact": exact, "n_interval": len(lower) - exact - open_, "n_open": open_}


def _said(times: IntervalTimes, closed: str, steps: list[Step]) -> list:
    said = [message("survival_intervals.within_pieces"), message(f"survival_intervals.closed_{closed}")]
    worst = max(step.best.excess for step in steps)
    if worst > CERTAIN:
        said.append(message("survival_intervals.uncertified", excess=f"{worst:.1e}"))
    return said
