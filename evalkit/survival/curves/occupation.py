"""The share of people in each state on a day or at a date, with an interval, and bounds that count the unknown both ways.

Not a forecast of who would be where without losses from sight: `occupation_probabilities` supposes them like the others.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from evalkit import wording
from evalkit.disclosure import Policy, suppress_partition
from evalkit.errors import InputError
from evalkit.numerics.arguments import column_names
from evalkit.numerics.proportions import wilson
from evalkit.result import Result
from evalkit.spells import CENSORED, INTERIOR, Spells, leads_to
from evalkit.survival.curves.readings import both
from evalkit.wording import message

#: The situation whose class says that nobody knows.
UNKNOWN = "unknown"


@dataclass(frozen=True, repr=False)
class Occupation(Result):
    """One row per day, group and state; `bound_low` to `bound_high` hold the share whatever the unknown do."""

    by: tuple[str, ...] = ()

    def plot(self, ax: Any = None, lang: str | None = None) -> Any:
        """Draw the share in each state among those known, with the bounds as lines, and return the Axes."""
        from evalkit import figures

        lang = wording.language(lang)
        rows = self.table.drop(columns=["conf_low", "conf_high", "conf_level", "count", "n_missing"])
        rows = rows.rename(columns={"bound_low": "conf_low", "bound_high": "conf_high"})
        rows["state"] = [self._label(state, lang) for state in rows["state"]]
        axis = wording.text("survival_curves.occupation_axis", lang)
        return figures.estimates(rows, self.question.text(lang), ax=ax, lang=lang, axis=axis)

    def _suppressed(self, policy: Policy) -> tuple[pd.DataFrame, int]:
        day = self.table[[c for c in ("time", "date", *self.by) if c in self.table]]
        parts = [list(found) for found in day.groupby(list(day), sort=False, dropna=False).indices.values()]
        # The states of a day add up to the people known, which stand beside them.
        table, hidden = suppress_partition(self.table, policy, [(None, part) for part in parts])
        if hidden:
            gone = table["status"] == "suppressed"
            table = table.assign(**{c: table[c].mask(gone) for c in ("bound_low", "bound_high")})
        return table, hidden


def state_occupation(
    spells: Spells,
    at: float | str | pd.Timestamp | Iterable[Any],
    by: str | Sequence[str] | None = None,
    conf_level: float = 0.95,
) -> Occupation:
    """Return the share of people in each state, on days since their origin or at dates.

    Parameters
    ----------
    spells : Spells
    at : number or date, or list of either
        Days from each person's origin, or dates; at a date only people whose origin has come count.
    by : str or list of str, optional
        Covariates of `spells`, as they are in a person's first row.
    conf_level : float

    Returns
    -------
    Occupation
        ``estimate``: share among the people whose state is known then, with Wilson's interval; ``count`` in the state, ``n`` known,
        ``n_missing`` unknown: observation over, or the situation recorded as unknown. ``bound_low`` and ``bound_high``: from the
        lower Wilson bound with all the unknown elsewhere to the upper one with all of them in the state.

    Raises
    ------
    InputError
        `at` mixes days and dates, or is negative; a `by` column is absent or missing for somebody.

    Notes
    -----
    Wilson (1927); bounds of Manski (1989) with the sampling interval of each end, conservative (Horowitz & Manski 2000). A row
    holds from its first day to the eve of its last; an exit that leads to a state puts
    the person there until the next row begins, one that ends
    the history (death, a move) is a state of its own.

    Examples
    --------
    >>> spells = Spells(pd.DataFrame({
    ...     "person": ["a", "b", "c"], "episode": 0, "state": "engaged", "start": 0, "stop": [40, 90, 70],
    ...     "origin": pd.Timestamp("2010-06-01"), "exit": ["disengaged", "censored", "censored"],
    ... }))
    >>> state_occupation(spells, 80).tidy()[["state", "estimate", "count", "n", "n_missing"]].values.tolist()
    [['engaged', 0.5, 1, 2, 1], ['disengaged', 0.5, 1, 2, 1]]
    """
    if not isinstance(spells, Spells):
        raise InputError(f"state_occupation: needs Spells, but was given {type(spells).__name__}")
    frame = spells.frame
    if frame.empty:
        raise InputError("state_occupation: there are no spells")
    days, dates = _asked(at)
    columns, group = _groups(spells, by)
    person = pd.factorize(frame["person"])[0]
    first = np.flatnonzero(np.r_[True, person[1:] != person[:-1]])
    origin = frame["origin"].to_numpy(dtype="datetime64[D]")[first]
    seen = _after(spells)
    order = list(dict.fromkeys([*frame["state"], *sorted({s for s in seen if s not in (None, UNKNOWN)})]))
    rows = []
    for k in range(len(days) if dates is None else len(dates)):
        when = np.full(len(first), days[k]) if dates is None else (dates[k] - origin) / np.timedelta64(1, "D")
        state = _state(frame, person, seen, when, len(first))
        for key, members in group:
            here = members & (when >= 0)
            known = here & (state != UNKNOWN)
            n, lost = int(known.sum()), int((here & ~known).sum())
            for name in order:
                count = int((known & (state == name)).sum())
                rows.append({
                    "time" if dates is None else "date": days[k] if dates is None else pd.Timestamp(dates[k]),
                    **dict(zip(columns, key, strict=True)), "state": name, **_share(count, n, lost, conf_level),
                })  # fmt: skip
    table = pd.DataFrame(rows)
    said = [message("survival_curves.occupation_rule")]
    if (table["n_missing"] > 0).any():
        said.append(message("survival_curves.occupation_bounds"))
    words = {w: both(f"survival_curves.{w}") for w in ("bound_low", "bound_high", "date")}
    words |= {"count": both("survival_curves.in_state"), "n": both("survival_curves.known_state")}
    labels = {
        **wording.labels("spells", "state", *(s for s in order if s in wording.catalogue("spells"))),
        **spells.exit_labels(), **spells.labels, **words,
    }  # fmt: skip
    return Occupation(
        table,
        message("survival_curves.question_occupation"),
        (*spells.rule, *spells.caveats, *said),
        spells.provenance,
        labels=labels,
        by=columns,
    )


def _asked(at: Any) -> tuple[np.ndarray, np.ndarray | None]:
    """Return the days asked for, or no days and the dates."""
    asked = [at] if isinstance(at, str) or not isinstance(at, Iterable) else list(at)
    if not asked:
        raise InputError("at: no day was asked for; give at least one")
    numbers = [isinstance(a, int | float | np.integer | np.floating) for a in asked]
    if all(numbers):
        days = np.unique(np.array(asked, dtype=float))
        if not (np.isfinite(days) & (days >= 0)).all():
            raise InputError(
                f"at: days from the origin must be 0 or more and finite, but were {days.tolist()}"
            )
        return days, None
    if any(numbers):
        raise InputError(f"at: give days from the origin or dates, not both, but were {asked!r}")
    try:
        dates = pd.to_datetime(asked)
    except (ValueError, TypeError) as error:
        raise InputError(f"at: must be days from the origin or dates: {error}") from None
    if dates.isna().any():
        raise InputError(f"at: a date is missing among {asked!r}")
    return np.zeros(0), np.unique(dates.to_numpy(dtype="datetime64[D]"))


def _groups(
    spells: Spells, by: str | Sequence[str] | None
) -> tuple[tuple[str, ...], list[tuple[tuple, np.ndarray]]]:
    """Return the `by` columns and, for each group, which people are in it."""
    columns = column_names(by)
    people = spells.frame.drop_duplicates("person")
    absent = [c for c in columns if c not in spells.covariates]
    if absent:
        have = ", ".join(spells.covariates) or "none"
        raise InputError(f"by: no covariate {', '.join(map(repr, absent))}; they are {have}")
    for column in columns:
        if people[column].isna().any():
            raise InputError(
                f"by: {column!r} is missing for {int(people[column].isna().sum())} of {len(people)} people"
            )
    if not columns:
        return (), [((), np.ones(len(people), dtype=bool))]
    found = people.reset_index(drop=True).groupby(list(columns), sort=True, observed=True).indices
    groups = []
    for key, places in found.items():
        members = np.zeros(len(people), dtype=bool)
        members[places] = True
        groups.append((key if isinstance(key, tuple) else (key,), members))
    return columns, groups


def _after(spells: Spells) -> np.ndarray:
    """Return the state in which each row's exit leaves the person, unknown when observation ends there."""
    codes = pd.unique(spells.frame["exit"])
    known = {CENSORED: UNKNOWN, INTERIOR: None}
    for code in codes:
        if code not in known:
            term = spells.vocabulary.term("status", code)
            unknown = term is not None and term.klass == UNKNOWN
            known[code] = UNKNOWN if unknown else leads_to(code, spells.vocabulary) or code
    return np.array([known[code] for code in spells.frame["exit"]], dtype=object)


def _state(
    frame: pd.DataFrame, person: np.ndarray, after: np.ndarray, when: np.ndarray, n: int
) -> np.ndarray:
    """Return each person's state on their own day `when`."""
    start, stop = (frame[c].to_numpy(dtype=float) for c in ("start", "stop"))
    begun = start <= when[person]
    # Rows are in order: the last one begun tells, as it is or by how it ended.
    last = np.full(n, -1)
    last[person[begun]] = np.flatnonzero(begun)
    inside = when < stop[last]
    state = np.where(inside, frame["state"].to_numpy(dtype=object)[last], after[last])
    return np.where(last >= 0, state, UNKNOWN)


def _share(count: int, n: int, lost: int, conf_level: float) -> dict[str, Any]:
    low, high = wilson(count, n, conf_level)
    everybody = n + lost
    return {
        "estimate": count / n if n else np.nan, "conf_low": low, "conf_high": high, "conf_level": conf_level,
        "bound_low": wilson(count, everybody, conf_level)[0], "bound_high": wilson(count + lost, everybody, conf_level)[1],
        "count": count, "n": n, "n_missing": lost, "status": "ok" if n else "not_estimable",
        "reason": None if n else message("survival_curves.nobody_known"),
    }  # fmt: skip
