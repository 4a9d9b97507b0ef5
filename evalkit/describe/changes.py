"""What changed between two cuts of the same dashboard: who came, who moved, whose past was rewritten, who vanished.

Not a quality score: a corrected past may be an error mended.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Hashable
from dataclasses import dataclass
from typing import Any

import pandas as pd

from evalkit import wording
from evalkit.describe.gate import Counted, Partition
from evalkit.describe.rewritten import lost_columns, rewritten
from evalkit.describe.standing import OUTCOMES, SITUATIONS, standing
from evalkit.disclosure import Policy
from evalkit.errors import InputError
from evalkit.silence import Silence
from evalkit.wording import fault, labels, message

#: What may be said of a person between two cuts.
CHANGES = ("new", "disappeared", "moved", "past_corrected", "past_completed")
#: Places a person may be in, those not mobilised first.
_PLACES = ("eliminated", "open", *SITUATIONS)


@dataclass(frozen=True, repr=False)
class Changes(Counted):
    """Changes: ``part`` ("people" or "move"), ``term`` (the change, or the place at the last cut), ``to`` (the place now),
    ``count``, ``n``."""

    _people: pd.DataFrame | None = None

    def people(self) -> pd.DataFrame:
        """Return who changed: person, change, what. Never published.

        Raises
        ------
        InputError
            On published changes.
        """
        if self._people is None:
            raise InputError(
                "changes: the list of people is not published; ask the changes made from the records"
            )
        return self._people.copy()

    def publish(self, policy: Policy | None = None) -> Changes:
        """Pass the gate; the list of people stays behind, whoever the people are."""
        return dataclasses.replace(super().publish(policy), _people=None)

    def partitions(self) -> list[Partition]:
        """Return the moves out of each place, and into each place; their totals stand on the pages of the two cuts."""
        moves = self.table[self.table["part"] == "move"]
        lines = [
            *moves.groupby("term", sort=False).indices.values(),
            *moves.groupby("to", sort=False).indices.values(),
        ]
        return [(None, moves.index.to_numpy()[line].tolist()) for line in lines]

    def keys(self) -> list[Hashable]:
        """Return nothing in common with the page of one cut."""
        return [None] * len(self.table)

    def bases(self) -> list[int | None]:
        """Return no base that is a row of the table."""
        return [None] * len(self.table)

    def _display_frame(self, lang: str) -> pd.DataFrame:
        """Return the changes as people read them: one line a change, those who stayed where they were left out."""
        lines = []
        for row in self.table.to_dict("records"):
            if row["part"] == "move" and (row["term"] == row["to"] or row["count"] == 0):
                continue
            said = self._label(row["term"], lang)
            if row["part"] == "move":
                said = f"{said} → {self._label(row['to'], lang)}"
            hidden = row.get("status") == "suppressed"
            written = self._label("suppressed", lang) if hidden else wording.number(row["count"], lang)
            lines.append({self._label("change", lang): said, self._label("count", lang): written})
        return pd.DataFrame(lines)


def changes(fu: Any, previous: Any, silence: Silence | None = None) -> Changes:
    """Compare a dashboard with an earlier cut of it.

    Parameters
    ----------
    fu, previous : FollowUp
        `previous` is cut before `fu`.
    silence : Silence, optional
        Default `Silence()`; the same rule reads both.

    Returns
    -------
    Changes
        ``people``: new on the list; disappeared from it (to be explained: nobody leaves a list); moved from one place to
        another; with a past corrected (something known at the last cut is changed or erased) or completed (a blank filled, or
        a record added with a date before the last cut). ``move``: from the place at the last cut to the place now, of those in both.

    Raises
    ------
    InputError
        If `previous` is not earlier.

    Examples
    --------
    >>> import pandas as pd
    >>> from evalkit.followup import FollowUp
    >>> first = FollowUp.from_frames(pd.DataFrame({"person": ["a", "b"], "spotted_on": "2010-06-01"}), as_of="2010-07-01")
    >>> second = FollowUp.from_frames(
    ...     pd.DataFrame({"person": ["a", "c"], "spotted_on": ["2010-06-02", "2010-07-20"]}), as_of="2010-08-01")
    >>> table = changes(second, first).tidy()
    >>> table.loc[table["part"] == "people", ["term", "count"]].values.tolist()
    [['new', 1], ['disappeared', 1], ['moved', 0], ['past_corrected', 1], ['past_completed', 0]]
    """
    if previous.as_of >= fu.as_of:
        raise InputError(fault("describe.previous_is_later", previous=previous.as_of, now=fu.as_of))
    old, new = (_places(f, silence) for f in (previous, fu))
    both = old.index.intersection(new.index)
    corrected, completed = rewritten(fu, previous)
    who = {
        "new": new.index.difference(old.index),
        "disappeared": old.index.difference(new.index),
        "moved": both[(old[both] != new[both]).to_numpy()],
        "past_corrected": pd.Index(sorted(corrected)),
        "past_completed": pd.Index(sorted(completed)),
    }
    rows = [
        {"part": "people", "term": c, "to": "", "count": len(who[c]), "n": _base(c, new, both)}
        for c in CHANGES
    ]
    moves = pd.crosstab(old[both], new[both])
    rows += [
        {"part": "move", "term": a, "to": b, "count": int(moves.at[a, b]), "n": int(moves.loc[a].sum())}
        for a in _PLACES
        for b in _PLACES
        if a in moves.index and b in moves.columns and moves.at[a, b]
    ]
    what = {
        "moved": {p: [old[p], new[p]] for p in who["moved"]},
        "past_corrected": corrected,
        "past_completed": completed,
    }
    listed = [(p, c, ", ".join(what.get(c, {}).get(p, ()))) for c in CHANGES for p in who[c]]
    said = [message("describe.changes_rule", before=previous.as_of)]
    if len(who["disappeared"]):
        said.append(message("describe.nobody_disappears"))
    gone = lost_columns(fu, previous)
    if gone:
        said.append(message("describe.columns_gone", names=gone, n=len(gone)))
    words = labels("describe", *CHANGES, *OUTCOMES, *SITUATIONS, "change", "count", "suppressed")
    return Changes(
        pd.DataFrame(rows),
        message("describe.question_changes", before=previous.as_of, after=fu.as_of),
        tuple(said),
        fu.provenance,
        labels=words,
        _people=pd.DataFrame(listed, columns=["person", "change", "what"]),
    )


def _places(fu: Any, silence: Silence | None) -> pd.Series:
    frame = standing(fu, silence).frame.set_index("person")
    return frame["situation"].astype(object).where(frame["outcome"] == "mobilised", frame["outcome"])


def _base(change: str, new: pd.Series, both: pd.Index) -> float:
    # Of those who disappeared there is no base on this cut.
    return float(len(new)) if change == "new" else math.nan if change == "disappeared" else float(len(both))
