"""How full the pools of a play were, in words and numbers.

Not a statement about a programme: one play is one draw of luck.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from evalkit import wording
from evalkit.result import Result
from evalkit.simulation.engines.stays import BALKED, OPEN
from evalkit.wording import Message, catalogue, message

if TYPE_CHECKING:
    from evalkit.simulation.tape.log import Tape

#: A pool is said to be saturated when, over these last weeks, it served at least this share, and a week's queue is left.
_WEEKS, _FULL = 13, 0.95
_COLUMNS = (
    "pool", "site", "offered", "used", "share_used", "queue_mean", "queue_longest", "queue_end", "balked", "saturated"
)  # fmt: skip


def utilisation(tape: Tape) -> Result:
    """Return one row per pool and site: offered, used, share used, queue; see `Tape.utilisation`."""
    weekly, balked = tape.pools(), _balked(tape)
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
            "balked": balked.get((pool, site), 0), "saturated": "yes" if full else "no",
        })  # fmt: skip
    caveats: list[Message] = [*warnings, message("result.simulated")]
    return Result(
        pd.DataFrame(rows, columns=list(_COLUMNS)),
        message("simulation.question_utilisation"), tuple(caveats), tape.provenance,
        labels={**_labels(), **{name: _word(name) for name in (*tape.plan.pools, "all") if _word(name) != name}},
    )  # fmt: skip


def _balked(tape: Tape) -> dict[tuple[str, str], int]:
    """Return how many people the queues of each pool turned away, by pool and site."""
    log, plan = tape.log[tape.log[:, 6] == BALKED], tape.plan
    pool = np.array([r.pool for r in plan.rows])[log[:, 2]]
    queue = plan.capacity.queue[pool, tape.people.codes["site"][log[:, 0]]]
    found: dict[tuple[str, str], int] = {}
    for p, q in zip(pool.tolist(), queue.tolist(), strict=True):
        key = (plan.pools[p], plan.capacity.names[p][q])
        found[key] = found.get(key, 0) + 1
    return found


def _labels() -> dict[str, dict[str, str]]:
    words = catalogue("simulation_tape").items()
    return {k.removeprefix("label_"): dict(v) for k, v in words if k.startswith("label_")}


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
        named = {"pool": _word(row["pool"]), "site": _word(row["site"])}
        lines.append(wording.text("simulation.pool_line", lang, **named, **values))
        if row["balked"]:
            lines.append(wording.text("simulation_tape.balked_line", lang, **named, n=row["balked"]))
    return "\n".join([*lines, *(c.text(lang) for c in result.caveats)])
