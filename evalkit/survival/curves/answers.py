"""What survival curves answer when asked for a quantile or a mean time, and the medians in words.

Not for other curves: `curveset` refuses before asking here.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from evalkit import wording
from evalkit.errors import InputError
from evalkit.numerics.arguments import numbers
from evalkit.numerics.normal import z_value
from evalkit.result import Result
from evalkit.survival.curves.readings import both, time_left, unit_name
from evalkit.survival.curves.restricted import group_areas
from evalkit.wording import Message, message

if TYPE_CHECKING:
    from evalkit.survival.curves.curveset import Curves


def quantiles(curves: Curves, p: float | Iterable[float]) -> Result:
    """Return when each curve has lost each share; see `Curves.quantile`."""
    wanted = numbers(p, "p")
    if not len(wanted) or not ((wanted > 0) & (wanted < 1)).all():
        raise InputError(f"p: must lie strictly between 0 and 1, but was {p}")
    rows = []
    for key, group in curves._groups():
        time = group["time"].to_numpy()
        steps = [group[c].to_numpy() for c in ("estimate", "conf_low", "conf_high")]
        for share in wanted:
            estimate, low, high = (time_left(time, step, share) for step in steps)
            reached = np.isfinite(estimate)
            reason = None if reached else message(
                "survival.not_reached", share=float(share), lowest=float(steps[0][-1]), last=float(time[-1]),
                unit=unit_name(curves.unit, time[-1]),
            )  # fmt: skip
            rows.append({
                **dict(zip(curves.by, key, strict=True)), "part": float(share), "estimate": estimate, "conf_low": low,
                "conf_high": high, "conf_level": curves.conf_level, **curves._size(group),
                "status": "ok" if reached else "not_estimable", "reason": reason,
            })  # fmt: skip
    question = message("survival.question_quantile", event=curves.event, unit=unit_name(curves.unit, 2))
    return _answer(curves, rows, question)


def mean_time(curves: Curves, t: float) -> Result:
    """Return the area under each curve; see `Curves.rmst`."""
    z = z_value(curves.conf_level)
    rows = []
    for (key, group), (area, error) in zip(curves._groups(), group_areas(curves, float(t)), strict=True):
        known = np.isfinite(error)
        rows.append({
            **dict(zip(curves.by, key, strict=True)), "term": "rmst", "time": float(t), "estimate": area,
            "std_error": error, "conf_low": area - z * error, "conf_high": area + z * error, "conf_level": curves.conf_level,
            **curves._size(group), "status": "ok" if known else "not_estimable",
            "reason": None if known else message("survival_curves.no_event_before"),
        })  # fmt: skip
    question = message(
        "survival.question_rmst",
        event=curves.event,
        unit=unit_name(curves.unit, 2),
        t=float(t),
        of=unit_name(curves.unit, t),
    )
    return _answer(curves, rows, question)


def medians(curves: Curves, lang: str) -> list[str]:
    """Return one sentence per curve."""
    lines = []
    for row in curves._named(curves.quantile(0.5).table, lang).to_dict("records"):
        group = row["group"] and row["group"] + (" : " if lang == "fr" else ": ")
        if row["reason"] is None:
            lines.append(wording.text(
                "survival.median_line", lang, group=group, estimate=row["estimate"], low=row["conf_low"],
                high=row["conf_high"], level=curves.conf_level, unit=unit_name(curves.unit, row["estimate"]),
            ))  # fmt: skip
        else:
            known = {k: row["reason"].values[k] for k in ("lowest", "last", "unit")}
            lines.append(wording.text("survival.median_not_reached", lang, group=group, **known))
    return lines


def _answer(curves: Curves, rows: list[dict], question: Message) -> Result:
    labels = {**curves.labels, "rmst": both("survival.rmst")}
    return Result(pd.DataFrame(rows), question, curves.caveats, curves.provenance, labels=labels)
