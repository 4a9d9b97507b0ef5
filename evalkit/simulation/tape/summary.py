"""How full the pools of a play were, in words and numbers.

Not a statement about a programme: one play is one draw of luck.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from evalkit import wording
from evalkit.result import Result
from evalkit.simulation.engines.stays import OPEN
from evalkit.wording import Message, catalogue, message

if TYPE_CHECKING:
    from evalkit.simulation.tape.log import Tape

#: A pool is said to be saturated when, over these last weeks, it served at least this share, and a week's queue is left.
_WEEKS, _FULL = 13, 0.95
_COLUMNS = [
    "pool",
    "site",
    "offered",
    "used",
    "share_used",
    "queue_mean",
    "queue_longest",
    "queue_end",
    "saturated",
]
_LABELS = {
    "pool": {"fr": "capacité", "en": "pool"},
    "offered": {"fr": "offert", "en": "offered"},
    "used": {"fr": "servi", "en": "used"},
    "share_used": {"fr": "part servie", "en": "share used"},
    "queue_mean": {"fr": "file moyenne", "en": "mean queue"},
    "queue_longest": {"fr": "file la plus longue", "en": "longest queue"},
    "queue_end": {"fr": "file à la fin", "en": "queue at the end"},
    "saturated": {"fr": "saturé", "en": "saturated"},
    "yes": {"fr": "oui", "en": "yes"},
    "no": {"fr": "non", "en": "no"},
}


def utilisation(tape: Tape) -> Result:
    """Return one row per pool and site: offered, used, share used, queue; see `Tape.utilisation`."""
    weekly = tape.pools()
    rows, warnings = [], []
    for (pool, site), weeks in weekly.groupby(["pool", "site"], sort=False) if len(weekly) else []:
        last = weeks.tail(_WEEKS)
        share = _share(last)
        # A queue worth one week of slots, after a quarter served in full, is no hazard of the last days.
        full = share >= _FULL and last["queue"].iloc[-1] > max(1.0, last["offered"].mean())
        if full:
            left = int(last["queue"].iloc[-1])
            words = {"site": _word(site), "pool": _word(pool)}
            warnings.append(message("simulation.saturated", **words, used=share, weeks=len(last), queue=left))
        rows.append({
            "pool": pool, "site": site, "offered": weeks["offered"].sum(), "used": weeks["used"].sum(), "share_used": _share(weeks),
            "queue_mean": weeks["queue"].mean(), "queue_longest": int(weeks["queue"].max()), "queue_end": int(weeks["queue"].iloc[-1]),
            "saturated": "yes" if full else "no",
        })  # fmt: skip
    caveats: list[Message] = [*warnings, message("result.simulated")]
    return Result(
        pd.DataFrame(rows, columns=_COLUMNS),
        message("simulation.question_utilisation"), tuple(caveats), tape.provenance,
        labels={**_LABELS, **{name: _word(name) for name in (*tape.plan.pools, "all") if _word(name) != name}},
    )  # fmt: skip


def _word(code: str) -> Any:
    """Return the words of a pool or site that has some, else its name."""
    return catalogue("simulation").get(f"word_{code}", code)


def _share(weeks: pd.DataFrame) -> float:
    offered = float(weeks["offered"].sum())
    return float(weeks["used"].sum()) / offered if offered else 0.0


def summary(tape: Tape, lang: str | None = None) -> str:
    """Return a play in words; see `Tape.summary`."""
    lang = wording.language(lang)
    inside = int(np.sum(tape.log[:, 6] == OPEN))
    lines = [
        wording.text(
            "simulation.people_line",
            lang,
            n=len(tape.people),
            start=tape.plan.start,
            end=tape.horizon,
            inside=inside,
        )
    ]
    result = tape.utilisation()
    for row in result.table.to_dict("records"):
        values = {
            "mean": row["queue_mean"],
            "longest": row["queue_longest"],
            "last": row["queue_end"],
            "used": row["share_used"],
        }
        lines.append(
            wording.text(
                "simulation.pool_line", lang, pool=_word(row["pool"]), site=_word(row["site"]), **values
            )
        )
    return "\n".join([*lines, *(c.text(lang) for c in result.caveats)])
