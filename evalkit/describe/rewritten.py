"""What a later cut of a dashboard says differently about the time before an earlier one.

Not news: what is dated after the earlier cut is none of this.
"""

from __future__ import annotations

from typing import Any

import pandas as pd

#: A field that is told by another one's date: filled in with it, it is news.
_TOLD_ON = {"eliminated_for": "eliminated_on", "entry_route": "entered_on", "age_at_entry": "entered_on"}
#: Fields that move with the cut.
_MOVING = ("person", "observed_until")
_EVENT = ["person", "date", "kind", "direction", "outcome"]
_SITUATION = ["person", "track", "state", "start"]


def rewritten(fu: Any, previous: Any) -> tuple[dict[str, list[str]], dict[str, list[str]]]:
    """Return, by person in both cuts, what was corrected (changed or erased) and what was completed in the past.

    Parameters
    ----------
    fu, previous : FollowUp

    Returns
    -------
    corrected, completed : dict of str to list of str
        Person to column names of people, "events", "situations".
    """
    found: dict[str, list[tuple[str, str]]] = {"corrected": [], "completed": []}
    _people(fu, previous, found)
    shared = set(fu.people["person"]) & set(previous.people["person"])
    for name, keys, when in (("events", _EVENT, "date"), ("situations", _SITUATION, "start")):
        old, new = (_past(getattr(f, name), keys, when, previous.as_of, shared) for f in (previous, fu))
        gap = new.sub(old, fill_value=0)
        found["corrected"] += [(key[0], name) for key in gap.index[gap < 0]]
        found["completed"] += [(key[0], name) for key in gap.index[gap > 0]]
    found["corrected"] += [(p, "situations") for p in _ends_moved(fu, previous)]
    # A record that takes the place of another is a correction, not an addition.
    replaced = set(found["corrected"])
    added = [pair for pair in found["completed"] if pair not in replaced]
    return _by_person(found["corrected"]), _by_person(added)


def lost_columns(fu: Any, previous: Any) -> list[str]:
    """Return the columns of people that the later cut no longer has."""
    return [c for c in previous.people if c not in fu.people]


def _people(fu: Any, previous: Any, found: dict[str, list[tuple[str, str]]]) -> None:
    new, old = (f.people.set_index("person") for f in (fu, previous))
    both = old.index.intersection(new.index)
    new, old = new.loc[both], old.loc[both]
    for name in old.columns.intersection(new.columns):
        if name in _MOVING:
            continue
        was, now = old[name], new[name]
        changed = was.notna() & (now.isna() | (was.astype(object) != now.astype(object)))
        found["corrected"] += [(p, name) for p in both[changed.to_numpy()]]
        filled = was.isna() & now.notna()
        dated = new.get(_TOLD_ON.get(name, name))
        if dated is not None and pd.api.types.is_datetime64_any_dtype(dated.dtype):
            filled &= ~(dated > previous.as_of)
        found["completed"] += [(p, name) for p in both[filled.to_numpy()]]


def _past(frame: pd.DataFrame, keys: list[str], when: str, day: pd.Timestamp, shared: set[str]) -> pd.Series:
    """Return how often each record of the past stands in a table."""
    past = frame[(frame[when] <= day) & frame["person"].isin(shared)]
    columns = {k: past[k].astype(object).where(past[k].notna(), "") if k in past else "" for k in keys}
    return pd.DataFrame(columns, index=past.index).groupby(keys, sort=False).size()


def _ends_moved(fu: Any, previous: Any) -> list[str]:
    """Return the people one of whose situations ended, by now, at another time before the earlier cut than it said."""
    day = previous.as_of
    both = previous.situations.merge(fu.situations, on=_SITUATION, suffixes=("_old", "_new"))
    was, now = (both[f"end_{cut}"].where(both[f"end_{cut}"] <= day) for cut in ("old", "new"))
    return both.loc[(was != now) & (was.notna() | now.notna()), "person"].tolist()


def _by_person(pairs: list[tuple[str, str]]) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for person, what in pairs:
        kept = found.setdefault(person, [])
        if what not in kept:
            kept.append(what)
    return found
