"""The day on which a play is cut: one of those played.

Not what stands on it: that is the outputs' and the dashboard's.
"""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING

import pandas as pd

from evalkit.errors import InputError
from evalkit.wording import fault

if TYPE_CHECKING:
    from evalkit.simulation.tape.log import Tape


def played_day(tape: Tape, given: dt.date | str | None, argument: str, default: dt.date) -> dt.date:
    """Return the day a caller gave, or the default.

    Raises
    ------
    InputError
        If it is no date, or no day of the play.
    """
    if given is None:
        return default
    try:
        day = pd.Timestamp(given)
    except (ValueError, TypeError):
        day = pd.NaT
    if pd.isna(day):
        raise InputError([fault("simulation_tape.no_date", argument=argument, given=str(given))])
    start, stop = tape.plan.start, tape.horizon
    if not start <= day.date() <= stop:
        said = {"day": day.date(), "start": start, "stop": stop}
        raise InputError([fault("simulation_tape.outside_play", argument=argument, **said)])
    return day.date()
