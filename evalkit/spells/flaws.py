"""What makes a history impossible: the four named flaws, and times that cannot be; all found at once.

Not a repair: a flawed history is refused, and the message says where to look.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from evalkit.errors import Fault, InputError
from evalkit.provenance import digest
from evalkit.vocabulary import Vocabulary
from evalkit.wording import fault

CENSORED = "censored"
#: The exit of a row that is cut inside a stay: nothing happened, a covariate or a period changed.
INTERIOR = ""
COLUMNS = ("person", "episode", "state", "start", "stop", "origin", "exit")
#: Nothing follows it, ever.
FINAL = "death"
#: Class of a situation to the state it puts a person in.
_STATE_OF_CLASS = {"engaged": "engaged", "solution": "solution", "interruption": "interruption"}
#: Exits that are no situation but lead to a state.
_STATE_OF_EXIT = {"disengaged": "disengaged", "reengaged": "engaged"}
#: How many people a message names.
_NAMED = 5


def pseudonym(person: object) -> str:
    """Return the name a person goes by in messages.

    It hides who is meant from a reader over the shoulder; it is no protection against somebody who holds the list of ids.

    Examples
    --------
    >>> pseudonym("17-204")
    'P-93753e'
    """
    return f"P-{digest(str(person))[:6]}"


def leads_to(exit_code: str, vocabulary: Vocabulary) -> str | None:
    """Return the state an exit puts a person in, or None when it ends the episode.

    Examples
    --------
    >>> from evalkit.vocabulary import standard
    >>> leads_to("employment", standard()), leads_to("moved", standard())
    ('solution', None)
    """
    if exit_code in _STATE_OF_EXIT:
        return _STATE_OF_EXIT[exit_code]
    term = vocabulary.term("status", exit_code)
    return _STATE_OF_CLASS.get(term.klass) if term else None


def ordered(frame: pd.DataFrame) -> pd.DataFrame:
    """Return the rows by person (in order of first appearance), then in time."""
    who = pd.factorize(frame["person"])[0]
    order = np.lexsort((frame["stop"], frame["start"], frame["episode"], who))
    return frame.iloc[order].reset_index(drop=True)


def fresh(frame: pd.DataFrame) -> np.ndarray:
    """Return which rows of an ordered frame begin a stay, rather than go on with one that was cut."""
    same = frame["person"].eq(frame["person"].shift())
    return ~(same & frame["exit"].shift().eq(INTERIOR)).to_numpy(dtype=bool)


def check(frame: pd.DataFrame, vocabulary: Vocabulary) -> None:
    """Refuse an ordered frame with any flaw.

    Raises
    ------
    InputError
        With every kind of flaw, how often, and the pseudonyms of the people concerned.
    """
    found = _times(frame)
    # Order means nothing while the times themselves are wrong.
    faults = _said(frame, found) or _said(frame, _flaws(frame, vocabulary))
    if faults:
        raise InputError(faults)


def _times(frame: pd.DataFrame) -> dict[str, np.ndarray]:
    start = frame["start"].to_numpy(dtype=float, na_value=np.nan)
    stop = frame["stop"].to_numpy(dtype=float, na_value=np.nan)
    sound = (start >= 0) & (stop >= 0) & (start == np.rint(start)) & (stop == np.rint(stop))
    first = frame.groupby("person", sort=False)["origin"].transform("first")
    interior = (frame["exit"] == INTERIOR).to_numpy(dtype=bool)
    return {
        "not_whole_days": ~sound,
        "end_before_start": sound & (stop < start),
        "no_length": sound & (stop == start) & (interior | ~fresh(frame)),
        "two_origins": (frame["origin"].isna() | (frame["origin"] != first)).to_numpy(dtype=bool),
    }


def _flaws(frame: pd.DataFrame, vocabulary: Vocabulary) -> dict[str, np.ndarray]:
    """Return, for each flaw, which rows it shows in; a row is judged against the one before it of the same person."""
    before = frame.shift()
    follows = frame["person"].eq(before["person"]).to_numpy(dtype=bool)
    same_episode = frame["episode"].eq(before["episode"]).to_numpy(dtype=bool)
    same_state = frame["state"].eq(before["state"]).to_numpy(dtype=bool)
    exits = before["exit"].fillna(INTERIOR)
    target = exits.map({code: leads_to(code, vocabulary) or "" for code in set(exits)}).to_numpy(dtype=str)
    interior = exits.eq(INTERIOR).to_numpy(dtype=bool)
    # What must follow: the same state after a cut, the state the exit names, or nothing in this episode.
    expected = np.where(interior, before["state"].fillna("").to_numpy(dtype=str), target)
    step = frame["start"].to_numpy(dtype=float) - before["stop"].to_numpy(dtype=float, na_value=np.nan)
    ended = exits.eq(CENSORED).to_numpy(dtype=bool) | exits.eq(FINAL).to_numpy(dtype=bool)
    closes = expected == ""
    # A row may lie inside an earlier, longer one: compare with the latest end so far, not the last.
    latest = (
        frame.groupby("person", sort=False)["stop"].cummax().shift().to_numpy(dtype=float, na_value=np.nan)
    )
    overlaps = follows & (frame["start"].to_numpy(dtype=float) < latest)
    return {
        "overlap": overlaps & same_state,
        "gap": follows & (step > 0) & ~closes & ~ended,
        "jump": follows & (step == 0) & ~closes & ~ended & (expected != frame["state"].to_numpy(dtype=str)),
        "teleport": follows & ((overlaps & ~same_state) | ended | (closes & same_episode & (step >= 0))),
    }


def _said(frame: pd.DataFrame, found: dict[str, np.ndarray]) -> list[Fault]:
    faults = []
    for name, where in found.items():
        if not where.any():
            continue
        people = pd.unique(frame["person"].to_numpy()[where])
        shown = ", ".join(pseudonym(p) for p in people[:_NAMED]) + (", …" if len(people) > _NAMED else "")
        faults.append(fault(f"spells.{name}", count=int(where.sum()), n_people=len(people), people=shown))
    return faults
