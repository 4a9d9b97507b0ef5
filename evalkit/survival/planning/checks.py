"""What a plan cannot suppose: every fault, in a sentence.

Not for judging whether what it supposes is likely.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from evalkit.survival.curves.curveset import Curves

if TYPE_CHECKING:
    from evalkit.survival.planning.power_of import StudyPlan

#: What the study compares, and the formulas that each knows (the first unless told).
DESIGNS = {
    "log_rank": ("risk_sets", "schoenfeld", "freedman"),
    "cox": ("hsieh_lavori",),
    "fine_gray": ("latouche",),
    "rmst": ("areas",),
}


def design_faults(plan: StudyPlan) -> list[str]:
    """Return what does not go together."""
    if plan.design not in DESIGNS:
        return [f"design: must be one of {', '.join(DESIGNS)}, but was {plan.design!r}"]
    faults = []
    if plan.method is not None and plan.method not in DESIGNS[plan.design]:
        faults.append(
            f"method: for {plan.design} one of {', '.join(DESIGNS[plan.design])}, but was {plan.method!r}"
        )
    if (plan.ratio is None) == (plan.treated is None):
        faults.append("ratio, treated: give one of them, to say what would change")
    if plan.treated is not None and (
        plan.design not in ("log_rank", "rmst") or plan.method in ("schoenfeld", "freedman")
    ):
        faults.append(f"treated: {plan.method or plan.design} supposes proportional hazards; give ratio")
    if plan.competing is not None and (plan.treated is not None or plan.design in ("cox", "rmst")):
        faults.append("competing: goes with ratio in designs log_rank and fine_gray only")
    if plan.competing is None and plan.design == "fine_gray":
        faults.append(
            "competing: fine_gray needs the share gone by other exits; without any, ask for log_rank"
        )
    if plan.design == "rmst" and plan.t is None:
        faults.append("t: rmst needs the window over which mean times are compared")
    if not (math.isfinite(plan.cut) or math.isfinite(plan.horizon)):
        faults.append("cut, horizon: say when the file is cut, or how long each person is followed")
    return faults


def number_faults(plan: StudyPlan) -> list[str]:
    """Return the numbers that cannot be."""
    checks = [
        ("ratio", plan.ratio is None or plan.ratio > 0, "be above 0"),
        ("allocation", 0 < plan.allocation < 1, "lie strictly between 0 and 1"),
        ("accrual", 0 <= plan.accrual < math.inf, "be 0 or more and finite"),
        ("cut", plan.cut > 0, "be above 0"),
        ("horizon", plan.horizon > 0, "be above 0"),
        ("sd", plan.sd > 0, "be above 0"),
        ("r_squared", 0 <= plan.r_squared < 1, "be at least 0 and below 1"),
        ("alpha", 0 < plan.alpha < 0.5, "lie strictly between 0 and 0.5"),
        ("sides", plan.sides in (1, 2), "be 1 or 2"),
    ]
    return [f"{name}: must {what}, but was {getattr(plan, name)}" for name, good, what in checks if not good]


def share_faults(name: str, shares: Any) -> list[str]:
    """Return why these are no shares by day."""
    if shares is None and name != "control":
        return []
    if isinstance(shares, Curves):
        if shares.kind != "survival" or shares.by:
            return [f"{name}: needs one survival curve, without groups (kaplan_meier without `by`)"]
        return [] if (shares.table["n_event"] > 0).any() else [f"{name}: the curve has no event"]
    if not isinstance(shares, Mapping) or not shares:
        return [f"{name}: give shares by day, such as {{90: 0.3, 365: 0.55}}, but was {shares!r}"]
    if name == "loss" and len(shares) > 1:
        return [
            f"loss: one day and its share, since the rate is taken as constant, but {len(shares)} were given"
        ]
    days = sorted(shares)
    values = [shares[day] for day in days]
    if not all(0 < day < math.inf for day in days) or not all(0 <= share < 1 for share in values):
        return [f"{name}: days must be above 0 and shares in [0, 1), but were {dict(shares)}"]
    if any(b < a for a, b in zip(values, values[1:], strict=False)):
        return [f"{name}: shares gone cannot fall with the days, but were {dict(shares)}"]
    return (
        []
        if name == "loss" or name == "competing" or values[-1] > 0
        else [f"{name}: nobody would meet the event"]
    )


def competing_faults(plan: StudyPlan) -> list[str]:
    """Return why the shares of two exits do not go together."""
    if isinstance(plan.control, Curves) or set(plan.control) != set(plan.competing):
        return ["competing: must be given for the same days as control"]
    over = [day for day in plan.control if plan.control[day] + plan.competing[day] >= 1]
    return (
        [f"competing: with control it reaches 1 on day {over[0]:g}; shares must leave somebody"]
        if over
        else []
    )
