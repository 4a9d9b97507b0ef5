"""The clocks before entry: wandering, from the last link with an institution; wait, from spotting; both end at the interview.

Not the engagement clock: before entry there is nothing to disengage from.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from evalkit.disclosure import Headcount
from evalkit.silence.records import Records, covariates, days_between, made, observed_until, of_each
from evalkit.spells import AT_RISK, CENSORED, Spells
from evalkit.wording import Message, message

if TYPE_CHECKING:
    from evalkit.silence import Silence

INTERVIEW, ELIMINATED, DEATH = "interview", "eliminated", "death"


def wait_spells(fu: Records, rule: Silence) -> Spells:
    """Return the spells from spotting to the first interview; those never seen stay in, censored."""
    spotted, counts = _spotted(fu, rule)
    return _spells(fu, rule, "wait", spotted.assign(origin=spotted["spotted_on"], start=0.0), counts)


def wandering_spells(fu: Records, rule: Silence) -> Spells:
    """Return the spells from the last link with an institution to the first interview, observed from spotting on.

    Who was spotted and interviewed on one day was never observed wandering: the spotting came with the end, so no such
    person could have been seen to go on wandering. They are counted, not analysed.
    """
    spotted, counts = _spotted(fu, rule)
    days = rule.contacts(fu)
    days = days[days["date"] < of_each(days["person"], spotted["spotted_on"])]
    links = {"contact": of_each(spotted.index.to_series(), days.groupby("person")["date"].max())}
    if "left_school_on" in spotted:
        links["school"] = spotted["left_school_on"]
    origin = pd.concat(links, axis=1).max(axis=1)
    # Spotted while still at school: observed from the day of leaving.
    opened = pd.concat([origin, spotted["spotted_on"]], axis=1).max(axis=1)
    begun = opened > origin
    left_out = {
        "no_origin": origin.isna(),
        "spotted_at_the_end": origin.notna() & begun & (spotted["ended_on"] <= opened),
        "seen_before_leaving": origin.notna() & ~begun & (spotted["ended_on"] < opened),
    }
    counts |= {name: int(where.sum()) for name, where in left_out.items()}
    start = days_between(origin.to_numpy(dtype="datetime64[D]"), opened.to_numpy(dtype="datetime64[D]"))
    kept = ~np.logical_or.reduce([where.to_numpy(dtype=bool) for where in left_out.values()])
    return _spells(fu, rule, "wandering", spotted.assign(origin=origin, start=start)[kept], counts)


def _spotted(fu: Records, rule: Silence) -> tuple[pd.DataFrame, dict[str, int]]:
    """Return those with a day of spotting and the way their wait ended, and who is left out."""
    people = fu.people.set_index("person")
    for column in ("spotted_on", "entered_on", "eliminated_on"):
        if column not in people:
            people[column] = pd.Series(pd.NaT, index=people.index, dtype="datetime64[ns]")
    if "eliminated_for" not in people:
        people["eliminated_for"] = pd.Series(None, index=people.index, dtype=object)
    people["last"] = observed_until(fu)
    here = people[people["spotted_on"] <= people["last"]]
    why = rule.contacts.why(fu)
    met = fu.events[(why.isin(("attended", "taken_as_held")) & (fu.events["kind"] == INTERVIEW)).to_numpy()]
    met = met[met["date"] >= of_each(met["person"], here["spotted_on"])]
    first = of_each(here.index.to_series(), met.groupby("person")["date"].min())
    seen = pd.concat([here["entered_on"], first], axis=1).min(axis=1)
    out, reason, last = here["eliminated_on"], here["eliminated_for"], here["last"]
    # An interview on the day of elimination came before it.
    code = np.select(
        [(seen <= last) & ~(out < seen), (out <= last) & (reason == DEATH), out <= last],
        [INTERVIEW, DEATH, ELIMINATED], CENSORED,
    )  # fmt: skip
    ended = last.where(code == CENSORED, seen.where(code == INTERVIEW, out))
    undated = reason.notna() & out.isna() & (code == CENSORED)
    backwards = ended < here["spotted_on"]
    counts = {
        "not_spotted": len(people) - len(here),
        "undated_elimination": int(undated.sum()),
        "ended_before_spotting": int(backwards.sum()),
    }
    return here.assign(exit=code, ended_on=ended)[~(undated | backwards)], counts


def _spells(fu: Records, rule: Silence, clock: str, spotted: pd.DataFrame, counts: dict[str, int]) -> Spells:
    origin, ended = (spotted[c].to_numpy(dtype="datetime64[D]") for c in ("origin", "ended_on"))
    frame = pd.DataFrame({
        "person": spotted.index, "episode": 0, "state": AT_RISK[clock],
        "start": spotted["start"].to_numpy(dtype=float), "stop": days_between(origin, ended),
        "origin": spotted["origin"].to_numpy(), "exit": spotted["exit"].to_numpy(),
    })  # fmt: skip
    said: list[Message] = [message(f"silence.{name}", n=Headcount(n)) for name, n in counts.items() if n]
    if clock == "wandering":
        said.append(message("silence.length_biased"))
    return made(fu, rule, clock, frame, covariates(fu, clock), (*said, *rule.contacts.doubts(fu)))
