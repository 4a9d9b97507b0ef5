"""What every pre/post answer holds whatever the kind of outcome: who was seen when, why nothing can be compared, what it cannot show.

Not the estimates: each kind has its module.
"""

from __future__ import annotations

from dataclasses import dataclass

import pandas as pd

from evalkit.comparison.core.answer import Comparison
from evalkit.comparison.core.rows import row
from evalkit.comparison.paired.waves import Waves
from evalkit.wording import Message, message

#: Codes that every kind uses; each answer brings the labels of its own.
WORDS = (
    "count", "n", "p_floor", "difference", "change_test", "people_all", "people_paired", "people_only_before",
    "people_only_after", "people_neither", "empty_before", "empty_after", "pairs", "observed", "everyone",
)  # fmt: skip


@dataclass(frozen=True, repr=False)
class PrePost(Comparison):
    """A pre/post comparison: estimates with intervals, tests, bounds, and who was seen when.

    Keys of the table are ``term`` (what), ``part`` (about whom) and ``method`` (how); see `evalkit.comparison.pre_post`.
    """


def people_rows(waves: Waves) -> list[dict]:
    """Return who was seen when, as rows."""
    seen = waves.counts()
    return [row(name, count=k, n=seen["people_all"]) for name, k in seen.items()]


def obstacle(waves: Waves) -> Message | None:
    """Return why there is nothing to compare, or None."""
    seen = {"before": waves.has_before, "after": waves.has_after}
    if not any(present.any() for present in seen.values()):
        return message("comparison.no_person")
    for wave, present in seen.items():
        if not present.any():
            return message("comparison.wave_missing", wave=message(f"comparison.{wave}"))
    return None if (seen["before"] & seen["after"]).any() else message("comparison.no_pair")


def attrition_caveat(table: pd.DataFrame) -> tuple[Message, ...]:
    """Return the sentence about people not seen twice, if there are any."""
    seen = table.set_index("term")["count"]
    return (message("comparison.attrition"),) if seen["people_paired"] < seen["people_all"] else ()
