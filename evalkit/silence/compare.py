"""Disengagement under several lengths of silence, beside each other: a reading of three months is one reading among others.

Not an estimator: shares are crude and rates are per time at risk; curves are the survival room's.
"""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from evalkit import wording
from evalkit.errors import InputError
from evalkit.result import Result
from evalkit.silence.engagement import engagement_spells
from evalkit.silence.life import DISENGAGED
from evalkit.silence.records import Records
from evalkit.spells import DaysTable, Spells
from evalkit.wording import message

if TYPE_CHECKING:
    from evalkit.silence import Silence

_MONTH = 365.25 / 12
#: Group of those whose value is not recorded.
_MISSING = "missing"


def compare(fu: Records, rule: Silence, by: str | None) -> Result:
    """Return the table of `Silence.compare`."""
    if by is not None and by not in fu.people:
        raise InputError(f"by: no column {by!r} in people; there are {', '.join(fu.people.columns)}")
    lengths = sorted({*rule.comparisons, rule.days})
    parts = []
    for days in lengths:
        spells = engagement_spells(fu, dataclasses.replace(rule, days=days))
        part = _counted(fu, spells, by)
        part.insert(0, "silence_days", days)
        parts.append(part)
    table = pd.concat(parts, ignore_index=True)
    none = table["n"] == 0
    table["status"] = np.where(none, "not_estimable", "ok")
    table["reason"] = [message("silence.nobody") if x else None for x in none]
    said = [message("silence.compare_closing")] if rule.dated_at == "last_contact" else []
    labels = {
        **wording.labels("silence", "silence_days", _MISSING),
        **{
            code: wording.labels("silence", f"compare_{code}")[f"compare_{code}"]
            for code in ("n", "n_event", "days", "n_missing", "estimate")
        },
    }
    caveats = (
        *rule.contacts.words(),
        message("silence.compare_rule", days=lengths),
        message(f"silence.rule_booked_{rule.booked}"),
        message("silence.rule_pause"),
        message("silence.compare_crude"),
        *said,
        *rule.contacts.doubts(fu),
    )
    return DaysTable(table, message("silence.question_compare"), caveats, fu.provenance, labels=labels)


def _counted(fu: Records, spells: Spells, by: str | None) -> pd.DataFrame:
    people = fu.people
    group = people[by].astype(object) if by is not None else pd.Series("", index=people.index)
    group = pd.Series(group.where(group.notna(), _MISSING).to_numpy(), index=people["person"])
    entered = people["entered_on"].notna() if "entered_on" in people else pd.Series(False, index=people.index)
    frame = spells.frame
    at_risk = frame[frame["state"] == "engaged"]
    event = at_risk["exit"] == DISENGAGED

    def per_group(values: pd.Series) -> pd.Series:
        return values.groupby(values.index.map(group)).sum()

    who = frame["person"].drop_duplicates()
    silent = at_risk.loc[event, "person"]
    table = pd.DataFrame({
        "n": per_group(pd.Series(1, index=who)),
        "n_event": per_group(pd.Series(1, index=silent.drop_duplicates())),
        "spells": per_group(pd.Series(1, index=silent)),
        "days": per_group((at_risk["stop"] - at_risk["start"]).set_axis(at_risk["person"])),
        "entered": per_group(pd.Series(entered.to_numpy(dtype=int), index=people["person"])),
    }).fillna(0)  # fmt: skip
    table["share"] = table["n_event"] / table["n"].where(table["n"] > 0)
    table["estimate"] = 100 * table["spells"] / (table["days"].where(table["days"] > 0) / _MONTH)
    table["n_missing"] = table["entered"] - table["n"]
    table = table.rename_axis(by or "all").reset_index()
    table = table[table["entered"] > 0].drop(columns=["spells", "entered", *([] if by else ["all"])])
    whole = {c: np.int64 for c in ("n", "n_event", "days", "n_missing")}
    return table.astype(whole)
