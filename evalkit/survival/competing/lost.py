"""Time lost to each exit within a window: how many days, out of so many, an exit takes away on average.

Not a share: `aalen_johansen` gives those. Time kept is in the same table, so that all rows of a group add up to the window.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from evalkit import wording
from evalkit.disclosure import Policy
from evalkit.errors import InputError
from evalkit.numerics.arguments import one_number
from evalkit.numerics.normal import two_sided_p, z_value
from evalkit.result import Result
from evalkit.survival.competing.incidence import NO_EXIT, jackknife_rows, steps_of
from evalkit.survival.core.influence import Steps, area_influence
from evalkit.survival.core.sample import Sample, accept, caveats, label_of, refuse_second_exits, sample
from evalkit.survival.core.sums import RiskSums
from evalkit.survival.curves.readings import both, unit_name
from evalkit.timetoevent import TimeToEvent
from evalkit.wording import message

CONTRASTS = ("difference", "ratio")
_LAST = (
    "reference", "time", "estimate", "std_error", "statistic", "p_value", "conf_low", "conf_high", "conf_level", "n",
    "n_event", "status", "reason",
)  # fmt: skip


@dataclass(frozen=True, repr=False)
class YearsLost(Result):
    """Rows of time lost per group and cause, then of each group against the reference."""

    by: tuple[str, ...] = ()

    def plot(self, ax: Any = None, lang: str | None = None, term: str = "years_lost") -> Any:
        """Draw one kind of row (`term`: years_lost, difference or ratio), and return the Axes."""
        from evalkit import figures

        lang = wording.language(lang)
        chosen = self.table[self.table["term"] == term]
        if term == "years_lost":
            chosen = chosen[chosen["cause"] != NO_EXIT]
        if chosen.empty:
            raise InputError(f"term: no row {term!r}; there are {', '.join(pd.unique(self.table['term']))}")
        shown = ["cause", *self.by, "estimate", "conf_low", "conf_high", "conf_level", "status"]
        frame = chosen[shown].assign(cause=[self._label(c, lang) for c in chosen["cause"]])
        return figures.estimates(
            frame, self.question.text(lang), ax=ax, lang=lang, log=term == "ratio",
            no_effect={"ratio": 1.0, "difference": 0.0}.get(term), axis=self._label(term, lang),
        )  # fmt: skip

    def _suppressed(self, policy: Policy) -> tuple[pd.DataFrame, int]:
        """Hide whole groups that have a small count: the rows of a group add up to the window, contrasts give rows back."""
        _, hidden = super()._suppressed(policy)
        if not hidden:
            return self.table, hidden
        table, _ = super()._suppressed(policy)
        group = (
            table[list(self.by)].astype(str).agg(", ".join, axis=1)
            if self.by
            else table["term"].map(lambda _: "")
        )
        gone = set(group[table["status"] == "suppressed"])
        touched = group.isin(gone)
        if "reference" in table:
            touched |= table["reference"].isin(gone)
        values = [c for c in _LAST[2:12] if c in table and c != "conf_level"]
        table.loc[touched, values] = np.nan
        table.loc[touched, "status"] = "suppressed"
        return table, int(touched.sum())


def years_lost(
    tte: TimeToEvent,
    t: float,
    by: str | Sequence[str] | None = None,
    conf_level: float = 0.95,
    reference: Any = None,
) -> YearsLost:
    """Return the mean time lost to each exit within the first `t`, and how groups differ in it.

    Parameters
    ----------
    tte : TimeToEvent
    t : number
        In the unit of `tte`, as all that is returned (days, weeks or years).
    by : str or list of str, optional
    conf_level : float
    reference : value of `by`, or tuple of values, optional
        The group the others are compared with; the first otherwise.

    Returns
    -------
    YearsLost
        ``term``: ``years_lost`` per group and cause (``cause = "no_exit"``: the time kept; the rows of a group add up to `t`), then
        per other group ``difference`` and ``ratio``, each with the `reference` it is against; ``std_error`` of a ratio is that
        of its logarithm. A cause without exit before `t`, or exits all on one day, have no standard error: "not_estimable".

    Raises
    ------
    InputError
        `t` is beyond the follow-up of a group; `reference` is no group; somebody exits more than once.

    Notes
    -----
    Area under the Aalen-Johansen estimate up to `t` (Andersen 2013, eq. 5). Variance: infinitesimal jackknife by person, as R's
    ``summary(survfit(...), rmean = t)`` for multi-state data.

    Examples
    --------
    >>> tte = TimeToEvent(time=[2, 3, 3, 6], cause=[1, 2, 0, 0], causes=("relapse", "death"))
    >>> years_lost(tte, 6).tidy()[["cause", "estimate"]].round(3).to_numpy().tolist()
    [['relapse', 1.0], ['death', 0.75], ['no_exit', 4.25]]
    """
    tte = accept(tte, "years_lost")
    if NO_EXIT in tte.causes:
        raise InputError(f"causes: {NO_EXIT!r} names the time kept in this answer; rename that cause")
    t = one_number(t, "t")
    if not (np.isfinite(t) and t > 0):
        raise InputError(f"t: must be positive and finite, but was {t:g}")
    refuse_second_exits(tte, tte.cause > 0, "years_lost")
    rows = sample(tte, tte.cause, by)
    if "reference" in rows.by:
        raise InputError("by: 'reference' is the name of a column of results; rename the covariate")
    sums = rows.sums(len(tte.causes))
    _refuse_beyond(sums, rows, t, tte.unit)
    base = _place(rows, reference)
    names = [*tte.causes, NO_EXIT]
    areas = [_areas(tte, rows, sums, i, t) for i in range(len(rows.groups))]
    made = [
        _row(tte, rows, i, names, k, areas, sums, t, conf_level)
        for i in range(len(rows.groups))
        for k in range(len(names))
    ]
    for i in range(len(rows.groups)):
        if i != base:
            for k in range(len(names)):
                made += _contrasts(tte, rows, (i, base), names, k, areas, conf_level)
    table = pd.DataFrame(made).assign(time=t, conf_level=conf_level)
    table = table[[c for c in ("term", "cause", *rows.by, *_LAST) if c in table]]
    words = {
        **{k: both(f"survival_competing.{k}") for k in ("years_lost", *CONTRASTS, "reference")},
        NO_EXIT: both("survival_competing.kept"),
    }
    return YearsLost(
        table,
        message(
            "survival_competing.question_lost",
            events=[label_of(tte, c) for c in tte.causes], unit=unit_name(tte.unit, 2), t=t,
        ),
        tuple(caveats(tte)),
        tte.provenance,
        labels={**tte.labels, **words},
        by=rows.by,
    )  # fmt: skip


def _refuse_beyond(sums: RiskSums, rows: Sample, t: float, unit: str) -> None:
    short = []
    for i, (key, last) in enumerate(zip(rows.groups, sums.last(), strict=True)):
        # When all have left, what follows is known.
        if t > last and steps_of(sums, i)[0].free[-1] > 0:
            short.append(f"{', '.join(map(str, key)) or 'the data'} end at {last:g}")
    if short:
        raise InputError(
            f"t: {t:g} {unit}s is beyond the last observation ({'; '.join(short)}); nothing is known past the follow-up: "
            "ask for a shorter window"
        )


def _place(rows: Sample, reference: Any) -> int:
    if reference is None:
        return 0
    wanted = reference if isinstance(reference, tuple) else (reference,)
    if wanted not in rows.groups:
        groups = "; ".join(", ".join(map(str, key)) for key in rows.groups)
        raise InputError(f"reference: {reference!r} is no group; they are {groups or 'not asked for (by)'}")
    return rows.groups.index(wanted)


def _areas(
    tte: TimeToEvent, rows: Sample, sums: RiskSums, group: int, t: float
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return the time lost per cause and the time kept, their standard errors, and the exits that made them."""
    steps, _ = steps_of(sums, group)
    left_at, cause, came, counted, scale, person = jackknife_rows(tte, rows, steps, group)
    moved = area_influence(steps, t, left_at, cause, came)
    if scale is not None:
        moved = moved * scale
    if counted is not None:
        moved = moved * np.sqrt(counted)
    if person is not None:
        moved = np.stack([np.bincount(person, row) for row in moved])
    inside = steps.times <= t
    events = steps.n_event[:, inside].sum(axis=1)
    return _under(steps, t), np.sqrt((moved**2).sum(axis=1)), np.append(events, events.sum())


def _under(steps: Steps, t: float) -> np.ndarray:
    widths = np.diff(np.concatenate([[0.0], np.minimum(steps.times, t), [t]]))
    return np.append(steps.incidence @ widths, steps.free @ widths)


def _row(
    tte: TimeToEvent,
    rows: Sample,
    group: int,
    names: list[str],
    k: int,
    areas: list[tuple],
    sums: RiskSums,
    t: float,
    conf_level: float,
) -> dict:
    value, error, events = (float(part[k]) for part in areas[group])
    half = z_value(conf_level) * error
    # Everybody gone at once, or nobody: no spread between people tells how precise it is.
    known = events > 0 and error > 0
    made = _line(tte, rows, group, names[k], "years_lost", value, error if known else np.nan)
    return made | {
        "conf_low": max(value - half, 0.0) if known else np.nan,
        "conf_high": min(value + half, t) if known else np.nan,
        "n": float(sums.start[group] + sums.entries[group].sum()), "n_event": events,
    }  # fmt: skip


def _line(
    tte: TimeToEvent, rows: Sample, group: int, cause: str, term: str, value: float, error: float
) -> dict:
    """Return what all rows have."""
    known = np.isfinite(error)
    event = message("survival.any_exit") if cause == NO_EXIT else label_of(tte, cause)
    return {
        "term": term, "cause": cause, **dict(zip(rows.by, rows.groups[group], strict=True)),
        "estimate": value, "std_error": error, "status": "ok" if known else "not_estimable",
        "reason": None if known else message("survival_competing.no_exit_before", event=event),
    }  # fmt: skip


def _contrasts(
    tte: TimeToEvent,
    rows: Sample,
    pair: tuple[int, int],
    names: list[str],
    k: int,
    areas: list[tuple],
    conf_level: float,
) -> list[dict]:
    """Return the difference and the ratio of one group to the reference; a ratio's standard error is of its logarithm."""
    (a, error_a, events_a), (b, error_b, events_b) = (
        [float(part[k]) for part in areas[group]] for group in pair
    )
    z, named = z_value(conf_level), ", ".join(map(str, rows.groups[pair[1]]))
    known = events_a > 0 and events_b > 0 and min(error_a, error_b) > 0
    error = float(np.hypot(error_a, error_b)) if known else np.nan
    gap = _line(tte, rows, pair[0], names[k], "difference", a - b, error)
    gap |= {"statistic": (a - b) / error, "conf_low": a - b - z * error, "conf_high": a - b + z * error}
    known = known and a > 0 and b > 0
    error = float(np.hypot(error_a / a, error_b / b)) if known else np.nan
    value = a / b if known else np.nan
    quotient = _line(tte, rows, pair[0], names[k], "ratio", value, error)
    quotient |= {
        "statistic": np.log(value) / error,
        "conf_low": value * np.exp(-z * error), "conf_high": value * np.exp(z * error),
    }  # fmt: skip
    return [
        line | {"reference": named, "p_value": float(two_sided_p(line["statistic"]))}
        for line in (gap, quotient)
    ]
