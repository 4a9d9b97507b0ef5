"""Where each person stands on the closing day: not mobilised and why, or mobilised and what became of them.

Not a rule: `evalkit.silence` says who is engaged, disengaged or gone; here its answer meets the list of those spotted.
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from evalkit.silence import Silence
from evalkit.wording import Message, message

#: What became of those spotted, then of those mobilised; the order of every table.
OUTCOMES = ("eliminated", "open", "mobilised")
SITUATIONS = (
    "engaged", "in_solution", "interrupted", "disengaged", "abandoned", "left", "unknown", "not_observed",
)  # fmt: skip
#: Situations that are told apart by the recorded code.
DETAILED = {"engaged": "engaged", "in_solution": "solution", "left": "exit"}
#: Contradictions and gaps of the records, counted beside the flow.
CHECKS = ("won_back", "elimination_undated", "eliminated_after_entry", "spotting_undated")


@dataclass(frozen=True)
class Standing:
    """One row per person of the list.

    Parameters
    ----------
    frame : DataFrame
        person, site and channel (NA where not recorded), outcome (see `OUTCOMES`), elimination (code, "unsaid"), situation (see
        `SITUATIONS`, of the mobilised), detail (code of the recorded situation, "none" without one), what `Silence.today` says of the
        mobilised, and the columns of `CHECKS`.
    silence : Silence
    caveats : tuple of Message
        What a reader of any count of it must know: that the records hold no act, when they hold none.
    """

    frame: pd.DataFrame
    silence: Silence
    caveats: tuple[Message, ...] = ()


def standing(fu: Any, silence: Silence | None = None) -> Standing:
    """Return where each person stands on ``fu.as_of``."""
    silence = Silence.of(silence)
    people = fu.people
    frame = pd.DataFrame({"person": people["person"]})
    for name in ("site", "channel"):
        frame[name] = people[name] if name in people else pd.Series(pd.NA, index=people.index, dtype=object)
    entered = _dates(people, "entered_on") <= fu.as_of
    dated = _dates(people, "eliminated_on")
    why = (
        people["eliminated_for"]
        if "eliminated_for" in people
        else pd.Series(pd.NA, index=people.index, dtype=object)
    )
    eliminated = dated.notna() | why.notna()
    frame["outcome"] = np.select([entered, eliminated], ["mobilised", "eliminated"], default="open")
    frame["elimination"] = (
        why.astype(object).where(why.notna(), "unsaid").where(frame["outcome"] == "eliminated")
    )
    after = dated.isna() | (dated >= _dates(people, "entered_on"))
    frame["won_back"] = entered & eliminated & ~after
    frame["eliminated_after_entry"] = entered & eliminated & after
    frame["elimination_undated"] = eliminated & dated.isna()
    frame["spotting_undated"] = _dates(people, "spotted_on").isna()
    said = (message("silence.no_acts"),) if entered.any() and fu.events.empty else ()
    return Standing(frame.merge(_mobilised(fu, silence), on="person", how="left"), silence, said)


def _dates(people: pd.DataFrame, name: str) -> pd.Series:
    if name in people:
        return people[name]
    return pd.Series(pd.NaT, index=people.index, dtype="datetime64[ns]")


def _mobilised(fu: Any, silence: Silence) -> pd.DataFrame:
    """Return situation, detail and silence of those who entered."""
    # Dated at the threshold, histories go up to the closing day, and a decision recorded on the 60th day of a silence stays
    # a decision when the silence goes on: nobody changes place by a mere change of dating.
    rule = dataclasses.replace(silence, dated_at="threshold")
    now, ends = rule.today(fu), rule.spells(fu).frame
    way_out = ends.drop_duplicates("person", keep="last").set_index("person")["exit"]
    snapshot = fu.at(fu.as_of).table.set_index("person")["situation"]
    klass = {code: term.klass for code, term in fu.vocabulary.groups["status"].items()}
    recorded = now["person"].map(snapshot)
    named = [
        _named(state, way, code, klass.get(code))
        for state, way, code in zip(now["state"], now["person"].map(way_out), recorded, strict=True)
    ]
    frame = now.drop(columns="state").assign(
        situation=[situation for situation, _ in named], detail=[detail for _, detail in named]
    )
    last = fu.people.set_index("person").get("observed_until", pd.Series(pd.NaT, index=fu.people["person"]))
    gone = (now["person"].map(last) < fu.as_of) & now["state"].notna()
    return frame.assign(
        situation=frame["situation"].mask(gone, "not_observed"), detail=frame["detail"].mask(gone)
    )


#: The state that a history ends in, to the situation of the flow.
_STILL = {
    "engaged": "engaged", "solution": "in_solution", "interruption": "interrupted", "disengaged": "disengaged",
}  # fmt: skip


def _named(state: Any, way_out: str, code: Any, klass: str | None) -> tuple[str, str | None]:
    """Return the situation and its detail from how the history ends and the recorded situation."""
    if not isinstance(state, str):
        return (way_out, None) if way_out in ("abandoned", "unknown") else ("left", way_out)
    situation = _STILL[state]
    if situation in DETAILED:
        return situation, code if klass == DETAILED[situation] else "none"
    return situation, None
