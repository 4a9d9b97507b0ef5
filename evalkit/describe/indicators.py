"""The indicator sheet: numerator, denominator, date and definition of each figure a steering committee asks for.

Not a score: no indicator here measures an effect.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from evalkit import wording
from evalkit.describe.gate import ALL, MISSING, Counted, Partition
from evalkit.describe.standing import Standing, standing
from evalkit.describe.table_one import age_at_entry
from evalkit.disclosure import Policy
from evalkit.silence import Silence
from evalkit.wording import Message, labels, message

#: Indicator to what it is a share of; None for a plain number.
INDICATORS = {
    "spotted": None, "mobilised": None, "mobilised_share": "spotted", "age_16_17": "mobilised", "age_18": "mobilised",
    "age_16_18": "mobilised", "age_unknown": "mobilised", "co_accompanied": "mobilised", "contacted": "mobilised",
    "in_solution": "mobilised", "disengaged": "mobilised", "abandoned": "mobilised", "unknown": "mobilised",
    "median_wait": "mobilised",
}  # fmt: skip
#: Indicators that count what a branch of the participant flow counts.
_BRANCHES = ("spotted", "mobilised", "in_solution", "disengaged", "abandoned", "unknown")


@dataclass(frozen=True, repr=False)
class Indicators(Counted):
    """A sheet: ``term``, ``numerator``, ``denominator``, ``share``, ``estimate`` (days, of the median wait), ``of`` (what the
    denominator counts), ``date``, ``definition``."""

    def partitions(self) -> list[Partition]:
        """Return what adds up: 16-18 years = 16-17 + 18."""
        at = {term: i for i, term in enumerate(self.table["term"])}
        return [(at["age_16_18"], [at["age_16_17"], at["age_18"]])]

    def keys(self) -> list[Any]:
        """Return the branch of the flow that a numerator counts too."""
        same: dict[str, tuple] = {term: (term, ALL, ALL) for term in _BRANCHES}
        same |= {"mobilised_share": same["mobilised"], "age_unknown": ("mobilised", "age_at_entry", MISSING)}
        return [same.get(term) for term in self.table["term"]]

    def bases(self) -> list[int | None]:
        """Return the indicator that each denominator is."""
        at = {term: i for i, term in enumerate(self.table["term"])}
        return [at.get(of) for of in self.table["of"]]

    def _without(self, hide: np.ndarray, policy: Policy) -> pd.DataFrame:
        out = super()._without(hide, policy)
        few = np.asarray(policy.small(self.table["numerator"]))
        # The median says nothing of how many waits are unknown.
        out["estimate"] = self.table["estimate"].mask(few)
        return out

    def _display_frame(self, lang: str) -> pd.DataFrame:
        """Return the sheet as people read it: one value a line, with what it is made of and what it means."""
        heads = {
            name: self._label(name, lang)
            for name in ("indicator", "value", "numerator", "denominator", "definition")
        }
        lines = []
        for row in self.table.to_dict("records"):
            hidden = row.get("status") == "suppressed"
            made = [
                self._label("suppressed", lang)
                if hidden and row[name] != row[name]
                else wording.number(row[name], lang)
                for name in ("numerator", "denominator")
            ]
            told = (
                self._label(row["term"], lang),
                self._value(row, lang),
                *made,
                row["definition"].text(lang),
            )
            lines.append(dict(zip(heads.values(), told, strict=True)))
        return pd.DataFrame(lines)

    def _value(self, row: dict[str, Any], lang: str) -> str:
        if row["term"] == "median_wait" and row["estimate"] == row["estimate"]:
            return wording.text("describe.days", lang, n=row["estimate"])
        if row.get("status") == "suppressed":
            return self._label("suppressed", lang)
        if row["of"] is None:
            return wording.number(row["numerator"], lang)
        return wording.percent(row["share"], lang, 1)


def indicators(fu: Any, silence: Silence | None = None) -> Indicators:
    """Return the indicator sheet on the closing day.

    Parameters
    ----------
    fu : FollowUp
    silence : Silence, optional
        Default `Silence()`; it says what a contact is and when a silence is disengagement.

    Returns
    -------
    Indicators
        Spotted, mobilised, mobilised among spotted, ages at entry, co-accompanied, contacted lately, in a solution, disengaged,
        abandoned, unknown, median wait from spotting to the interview.

    Examples
    --------
    >>> import pandas as pd
    >>> from evalkit.followup import FollowUp
    >>> people = pd.DataFrame({
    ...     "person": list("abcd"), "spotted_on": "2010-06-01", "age_at_entry": [17, 18, None, None],
    ...     "entered_on": ["2010-07-01", "2010-08-01", None, None],
    ... })
    >>> sheet = indicators(FollowUp.from_frames(people, as_of="2010-09-01")).tidy().set_index("term")
    >>> sheet.loc[["mobilised_share", "age_16_18"], ["numerator", "denominator", "share"]].values.tolist()
    [[2.0, 4.0, 0.5], [2.0, 2.0, 1.0]]
    >>> sheet.loc["median_wait", "estimate"].item()
    45.5
    """
    found = standing(fu, silence)
    counted, wait = _counted(fu, found)
    sizes = {"spotted": counted["spotted"], "mobilised": counted["mobilised"]}
    rows = []
    for term, of in INDICATORS.items():
        base = sizes[of] if of else math.nan
        share = counted[term] / base if of and base and term != "median_wait" else math.nan
        rows.append({
            "term": term, "numerator": float(counted[term]), "denominator": float(base), "share": share,
            "estimate": wait if term == "median_wait" else math.nan, "of": of, "date": fu.as_of,
            "definition": _definition(term, found.silence.days),
        })  # fmt: skip
    table = pd.DataFrame(rows)
    table["of"] = table["of"].astype(object).where(table["of"].notna(), None)
    words = labels(
        "describe", *INDICATORS, "indicator", "value", "numerator", "denominator", "definition", "suppressed"
    )
    said = (message("describe.no_effect"), message("describe.unknown_is_neither"), *found.caveats)
    return Indicators(
        table, message("describe.question_indicators", as_of=fu.as_of), said, fu.provenance, labels=words
    )


def _counted(fu: Any, found: Standing) -> tuple[dict[str, int], float]:
    """Return the numerators, and the median wait in days."""
    people = fu.people.set_index("person")
    frame = found.frame.set_index("person")
    entered = frame["outcome"] == "mobilised"
    age = age_at_entry(people).reindex(frame.index)[entered]
    situation = frame.loc[entered, "situation"]
    wait = _wait(people)[entered]
    counted = {
        "spotted": len(frame),
        "mobilised": int(entered.sum()),
        "mobilised_share": int(entered.sum()),
        "age_16_17": int(age.between(16, 17).sum()),
        "age_18": int((age == 18).sum()),
        "age_16_18": int(age.between(16, 18).sum()),
        "age_unknown": int(age.isna().sum()),
        "co_accompanied": _co_accompanied(fu, entered),
        "contacted": _contacted(fu, found, people.loc[entered[entered].index]),
        **{
            term: int((situation == term).sum())
            for term in ("in_solution", "disengaged", "abandoned", "unknown")
        },
        "median_wait": int(wait.notna().sum()),
    }
    return counted, float(wait.median()) if wait.notna().any() else math.nan


def _wait(people: pd.DataFrame) -> pd.Series:
    if "spotted_on" not in people or "entered_on" not in people:
        return pd.Series(np.nan, index=people.index)
    return (people["entered_on"] - people["spotted_on"]).dt.days.astype(float)


def _co_accompanied(fu: Any, entered: pd.Series) -> int:
    held = fu.situations[
        (fu.situations["track"] == "co_accompaniment") & (fu.situations["start"] <= fu.as_of)
    ]
    return int(held["person"].isin(entered[entered].index).groupby(held["person"]).any().sum())


def _contacted(fu: Any, found: Standing, people: pd.DataFrame) -> int:
    """Return how many of those mobilised had a contact, their entry interview included, within the days of the rule."""
    last = found.silence.contacts(fu).groupby("person")["date"].max().reindex(people.index)
    latest = pd.concat([last, people["entered_on"]], axis=1).max(axis=1) if len(people) else last
    return int((latest > pd.Timestamp(fu.as_of) - pd.Timedelta(days=found.silence.days)).sum())


def _definition(term: str, days: int) -> Message:
    return message(f"describe.define_{term}", days=days)
