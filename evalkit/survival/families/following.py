"""Is the follow-up long enough to speak of people who never meet the event? The tail of the curve says.

Not a model: a cured share that a law finds is believed only when the data themselves level off.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from evalkit.survival.families.rows import Rows

#: Level of the test of sufficient follow-up.
LEVEL = 0.05


@dataclass(frozen=True)
class FollowUpLength:
    """The tail of the observations.

    Parameters
    ----------
    n : int
        People.
    last_event, last_time : float
        The last event, and the last time at which anybody was observed.
    n_after : int
        People still observed past the last event.
    n_late : int
        Events in the stretch before the last event that is as long as the plateau after it.
    """

    n: int
    last_event: float
    last_time: float
    n_after: int
    n_late: int

    @property
    def plateau(self) -> float:
        """How long nothing more happened while somebody was still observed."""
        return self.last_time - self.last_event

    @property
    def q(self) -> float:
        """Maller and Zhou's q_n: the share of people with an event in that stretch."""
        return self.n_late / self.n

    @property
    def alpha(self) -> float:
        """About the chance of so little in so long a plateau if events could still come: small when the follow-up is long enough."""
        return max(float((1 - self.q) ** self.n), np.finfo(float).tiny)

    @property
    def enough(self) -> bool:
        """Whether the follow-up is long enough."""
        return self.alpha < LEVEL


def follow_up_length(rows: Rows) -> FollowUpLength:
    """Measure the tail.

    Notes
    -----
    Maller & Zhou (1996), *Survival Analysis with Long-Term Survivors*, §4.3: with t the last time and t* the last event, N events in
    (2 t* - t, t*], q = N/n, alpha = (1 - q)^n. An event known to an interval stands at its end.
    """
    ended = rows.ended
    when = np.where(ended, rows.upper, rows.lower)
    last_event, last_time = float(when[ended].max()), float(when.max())
    late = ended & (when > 2 * last_event - last_time) & (when <= last_event)
    counts = rows.counts
    return FollowUpLength(
        n=round(_people(rows)),
        last_event=last_event,
        last_time=last_time,
        n_after=round(float(counts[~ended & (rows.lower > last_event)].sum())),
        n_late=round(float(counts[late].sum())) if last_time > last_event else 0,
    )


def _people(rows: Rows) -> float:
    if rows.id is None:
        return float(rows.counts.sum())
    return float(rows.counts[~pd.Series(rows.id).duplicated().to_numpy()].sum())
