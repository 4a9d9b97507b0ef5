"""Power, sample size and least detectable effect of a planned comparison.

Not the designs themselves: `pairs`, `people`, `dates` and `simulated` hold them.
"""

from __future__ import annotations

import dataclasses
import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from evalkit import wording
from evalkit.comparison.core.answer import Comparison, reasons
from evalkit.comparison.core.rows import frame, missing_row, row
from evalkit.comparison.planning.dates import InterruptedSeries
from evalkit.comparison.planning.design import Design, Playable
from evalkit.comparison.planning.pairs import PairedCounts, PairedEquivalence, PairedMeans, PairedProportions
from evalkit.comparison.planning.people import (
    BeforeAfterMeans,
    Clusters,
    TwoCounts,
    TwoMeans,
    TwoProportions,
    TwoRanks,
)
from evalkit.comparison.planning.simulated import SimulatedDesign, played
from evalkit.errors import InputError
from evalkit.numerics.arguments import level, one_of
from evalkit.numerics.proportions import ALTERNATIVES, clopper_pearson
from evalkit.provenance import Provenance
from evalkit.wording import Message, labels, message

DESIGNS: dict[str, type[Design]] = {
    "paired_means": PairedMeans,
    "paired_proportions": PairedProportions,
    "paired_counts": PairedCounts,
    "paired_equivalence": PairedEquivalence,
    "two_means": TwoMeans,
    "two_proportions": TwoProportions,
    "two_ranks": TwoRanks,
    "two_counts": TwoCounts,
    "before_after": BeforeAfterMeans,
    "clusters": Clusters,
    "interrupted_series": InterruptedSeries,
}
#: More than this many people is no plan.
_MOST = 10_000_000
_WORDS = (
    "power", "size", "sample_size", "detectable", "noncentral_t", "every_table", "miettinen", "owen", "score", "noether",
    "log_ratio", "least_squares", "simulated", "pairs", "people", "clusters", "dates",
)  # fmt: skip


@dataclass(frozen=True, repr=False)
class PowerAnswer(Comparison):
    """What a planned comparison answers; ``.plot()`` draws power by size."""

    design: Design | None = None
    alpha: float = 0.05
    alternative: str = "two-sided"

    def plot(self, ax: Any = None, lang: str | None = None) -> Any:
        """Draw the power against what is counted, and return the matplotlib Axes."""
        from evalkit import figures

        lang = wording.language(lang)
        design, n = self.design, self.table["n"].iloc[0]
        last = 2 * int(n) if np.isfinite(n) else 1000
        # A simulated design is only looked at where it was played.
        if isinstance(design, SimulatedDesign):
            sizes = np.array(sorted({k for k, effect in design._known if effect == design.size}))
        else:
            sizes = np.unique(np.linspace(design.LEAST, max(last, design.LEAST + 10), 60).round()).astype(int)
        chances = [design.chance(int(size), self.alpha, self.alternative) for size in sizes]
        shown = pd.DataFrame({"group": "", "time": sizes, "estimate": chances})
        ax = figures.steps(
            shown, title=wording.text("comparison_planning.picture", lang), start=0.0, joined=True, ax=ax,
            unit=wording.text(f"comparison_planning.number_{counted(design)}", lang), lang=lang,
        )  # fmt: skip
        ax.set_ylabel(wording.text("comparison_planning.power", lang))
        return ax


def counted(design: Design) -> str:
    """Return what n counts."""
    return design.counted if isinstance(design, SimulatedDesign) else design.COUNTED


def power(
    n: int, design: str | Design = "paired_proportions", *, alpha: float = 0.05, alternative: str = "two-sided",
    plays: int = 0, seed: int = 1, **assumptions: Any,
) -> PowerAnswer:  # fmt: skip
    """Return the chance that a comparison of n shows the effect it supposes.

    Parameters
    ----------
    n : int
        Pairs, people in both groups, clusters in both groups, or dates, by design.
    design : str or Design
        "paired_means", "paired_proportions", "paired_counts", "paired_equivalence", "two_means", "two_proportions", "two_ranks",
        "two_counts", "before_after" (after only, change, ANCOVA), "clusters", "interrupted_series"; or a `SimulatedDesign`, which
        takes any analysis of this package.
    alpha : float
    alternative : {"two-sided", "greater", "less"}
    plays : int
        Also play so many studies, with the effect and without, and put their data to the test itself: the share that rejects
        without effect is the size of the test. Not for every design.
    seed : int
    **assumptions
        Fields of the design: ``difference=3, sd=8``.

    Returns
    -------
    PowerAnswer

    Raises
    ------
    InputError
        Unknown design, assumptions that cannot be, too small an n.

    References
    ----------
    By design: noncentral t; Miettinen (1968), Biometrics 24:339 (McNemar); Noether (1987), JASA 82:645 (ranks); Frison & Pocock
    (1992), Statistics in Medicine 11:1685 (before and after); Donner & Klar (2000), eq. 5.1 (clusters); Phillips (1990), Journal of
    Pharmacokinetics and Biopharmaceutics 18:137 (equivalence). Exact tests by going through every table.

    Examples
    --------
    >>> answer = power(79, "paired_proportions", gained=0.25, lost=0.05)
    >>> answer.tidy()[["term", "method", "estimate", "n"]].round(3)
        term       method  estimate   n
    0  power  every_table     0.932  79
    """
    plan, alpha = _plan(design, assumptions), level(alpha, "alpha")
    one_of(alternative, ALTERNATIVES, "alternative")
    n = _size(n, plan)
    rows = [_power_row(plan, n, alpha, alternative)]
    if plays:
        if not isinstance(plan, Playable):
            raise InputError(
                f"power: {type(plan).__name__} cannot be played; write a SimulatedDesign with the analysis you will use"
            )
        rows += _played_rows(plan, n, alpha, alternative, plays, seed)
    elif isinstance(plan, SimulatedDesign) and plan.size != plan.null:
        rows.append(_power_row(plan.with_effect(plan.null), n, alpha, alternative) | {"term": "size"})
    return _answer("power", rows, plan, alpha, alternative, n=n)


def sample_size(
    power: float = 0.8, design: str | Design = "paired_proportions", *, alpha: float = 0.05,
    alternative: str = "two-sided", **assumptions: Any,
) -> PowerAnswer:  # fmt: skip
    """Return the number from which a comparison shows the effect it supposes with this chance.

    Parameters
    ----------
    power : float
    design, alpha, alternative, **assumptions
        As in `power`.

    Returns
    -------
    PowerAnswer
        For exact tests, whose power goes up and down as people are added, the number from which it stays at `power` or above.

    Raises
    ------
    InputError
        As `power`; a chance outside (alpha, 1).

    Examples
    --------
    >>> int(sample_size(0.8, "paired_means", difference=3, sd=8).tidy()["estimate"][0])
    58
    """
    plan, alpha = _plan(design, assumptions), level(alpha, "alpha")
    one_of(alternative, ALTERNATIVES, "alternative")
    wanted = _wanted(power, alpha)
    if plan.effect == _null(plan) and not isinstance(plan, PairedEquivalence):
        rows = [
            missing_row("sample_size", "", plan.method, math.nan, message("comparison_planning.no_effect"))
        ]
        return _answer("sample_size", rows, plan, alpha, alternative, power=wanted)
    n = _least(plan, wanted, alpha, alternative)
    if n is None:
        rows = [
            missing_row(
                "sample_size", "", plan.method, math.nan, message("comparison_planning.never", most=_MOST)
            )
        ]
    else:
        rows = [
            row("sample_size", method=plan.method, estimate=float(n), n=n),
            _power_row(plan, n, alpha, alternative),
        ]
    return _answer("sample_size", rows, plan, alpha, alternative, power=wanted, n=n)


def detectable_effect(
    n: int, power: float = 0.8, design: str | Design = "paired_proportions", *, direction: str = "greater",
    alpha: float = 0.05, alternative: str = "two-sided", **assumptions: Any,
) -> PowerAnswer:  # fmt: skip
    """Return the least effect that a comparison of n shows with this chance.

    Parameters
    ----------
    n : int
    power : float
    direction : {"greater", "less"}
        On which side of no effect to look.
    design, alpha, alternative, **assumptions
        As in `power`; the effect itself need not be given.

    Returns
    -------
    PowerAnswer

    Raises
    ------
    InputError
        As `power`; equivalence, which shows no effect.

    Examples
    --------
    >>> float(detectable_effect(79, 0.8, "paired_means", sd=8).tidy()["estimate"].round(2)[0])
    2.55
    """
    plan, alpha = _plan(design, assumptions), level(alpha, "alpha")
    one_of(alternative, ALTERNATIVES, "alternative")
    one_of(direction, ("greater", "less"), "direction")
    wanted = _wanted(power, alpha)
    if isinstance(plan, PairedEquivalence):
        raise InputError("detectable_effect: an equivalence test shows no effect; ask sample_size or power")
    n = _size(n, plan)
    found = _detect(plan, n, wanted, alpha, alternative, direction == "greater")
    if found is None:
        rows = [missing_row("detectable", "", plan.method, n, message("comparison_planning.none"))]
    else:
        plan = plan.with_effect(found)
        rows = [
            row("detectable", method=plan.method, estimate=found, n=n),
            _power_row(plan, n, alpha, alternative),
        ]
    return _answer("detectable", rows, plan, alpha, alternative, power=wanted, n=n)


# -- what was asked --------------------------------------------------------------------------------------------------
def _plan(design: Any, assumptions: dict) -> Design:
    if isinstance(design, Design):
        return (
            dataclasses.replace(design, **_known_fields(type(design), assumptions)) if assumptions else design
        )
    if not isinstance(design, str) or design not in DESIGNS:
        raise InputError(
            f"design: must be one of {', '.join(map(repr, DESIGNS))}, or a SimulatedDesign, but was {design!r}"
        )
    return DESIGNS[design](**_known_fields(DESIGNS[design], assumptions))


def _known_fields(kind: type[Design], assumptions: dict) -> dict:
    names = [f.name for f in dataclasses.fields(kind) if not f.name.startswith("_")]
    unknown = sorted(set(assumptions) - set(names))
    if unknown:
        raise InputError(f"{kind.__name__} supposes {', '.join(names)}; it knows no {', '.join(unknown)}")
    return assumptions


def _null(plan: Design) -> float:
    return plan.null if isinstance(plan, SimulatedDesign) else plan.NULL


def _size(n: Any, plan: Design) -> int:
    if not isinstance(n, (int, np.integer)) or isinstance(n, bool) or not plan.LEAST <= n <= _MOST:
        raise InputError(
            f"n: must be a whole number from {plan.LEAST} to {_MOST:,} {counted(plan)}, but was {n!r}"
        )
    return int(n)


def _wanted(power: Any, alpha: float) -> float:
    wanted = level(power, "power")
    if wanted <= alpha:
        raise InputError(f"power: must lie between alpha ({alpha:g}) and 1, but was {power!r}")
    return wanted


# -- searches --------------------------------------------------------------------------------------------------------
def _least(plan: Design, wanted: float, alpha: float, alternative: str) -> int | None:
    enough = lambda n: plan.chance(n, alpha, alternative) >= wanted
    high = plan.LEAST
    while not enough(high):
        if high >= _MOST:
            return None
        high = min(2 * high, _MOST)
    low = high // 2 if high > plan.LEAST else plan.LEAST - 1
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if enough(middle) else (middle, high)
    if plan.method != "every_table":
        return high
    # The power of an exact test is a saw: past its last dip below, it stays.
    ahead = range(high, high + max(25, high // 8))
    dips = [n for n in ahead if not enough(n)]
    return dips[-1] + 1 if dips else high


def _detect(plan: Design, n: int, wanted: float, alpha: float, alternative: str, up: bool) -> float | None:
    null, end = _null(plan), plan.furthest(up)
    reach = lambda effect: plan.with_effect(effect).chance(n, alpha, alternative)
    ratio = null == 1.0
    step = 1e-3
    far = null
    while far != end:
        far = (
            null * (1 + step)
            if ratio and up
            else null / (1 + step)
            if ratio
            else null + step * (1 if up else -1)
        )
        far = min(far, end) if up else max(far, end)
        if ratio and not up and far <= 0:
            return None
        if reach(far) >= wanted:
            break
        if step > 1e9:
            return None
        step *= 2
    else:
        return None
    near = null
    while abs(far - near) > 1e-10 * max(1.0, abs(far)) and abs(far - near) > (
        2e-3 * step if plan.method == "simulated" else 0
    ):
        middle = (near + far) / 2
        near, far = (near, middle) if reach(middle) >= wanted else (middle, far)
    return float(far)


# -- answers ---------------------------------------------------------------------------------------------------------
def _power_row(plan: Design, n: int, alpha: float, alternative: str) -> dict:
    chance = plan.chance(n, alpha, alternative)
    if isinstance(plan, SimulatedDesign):
        return _counted("power", plan.p_values(n), alpha, n)
    return row("power", method=plan.method, estimate=chance, n=n)


def _counted(term: str, p: np.ndarray, alpha: float, n: int) -> dict:
    """Return a share of simulated studies with its exact interval; studies without a p-value do not show the effect."""
    shown, without = int((p <= alpha).sum()), int(np.isnan(p).sum())
    low, high = clopper_pearson(shown, len(p))
    reason = message("comparison_planning.without_answer", count=without, plays=len(p)) if without else None
    return row(
        term, method="simulated", estimate=shown / len(p), conf_low=low, conf_high=high, conf_level=0.95, count=len(p), n=n,
        reason=reason,
    )  # fmt: skip


def _played_rows(plan: Playable, n: int, alpha: float, alternative: str, plays: int, seed: int) -> list[dict]:
    if not isinstance(plays, int) or plays < 1:
        raise InputError(f"plays: must be a whole number, 0 or more, but was {plays!r}")
    without = plan.with_effect(plan.NULL)
    return [
        _counted(term, played(which, n, alternative, plays, seed), alpha, n)
        for term, which in (("power", plan), ("size", without))
    ]


def _answer(
    term: str, rows: list[dict], plan: Design, alpha: float, alternative: str, power: float | None = None,
    n: int | None = None,
) -> PowerAnswer:  # fmt: skip
    table = frame(rows).drop(columns=["part"])
    design = (
        "simulated"
        if isinstance(plan, SimulatedDesign)
        else next(k for k, v in DESIGNS.items() if type(plan) is v)
    )
    word = "number" if term == "sample_size" else "so_many"
    question = message(
        f"comparison_planning.question_{term}", n=n, power=power, effect=plan.effect,
        design=message(f"comparison_planning.design_{design}"), counted=message(f"comparison_planning.{word}_{counted(plan)}"),
    )  # fmt: skip
    words = labels("comparison_planning", *_WORDS, "studies")
    words["count"] = words.pop("studies")
    about = {
        "design": design,
        "alpha": alpha,
        "alternative": alternative,
        "effect": plan.effect,
        "power": power,
    }
    return PowerAnswer(
        table, question, (*_caveats(table, plan, alpha, alternative), *reasons(table)), Provenance(kind="simulated"), about,
        words, design=plan, alpha=alpha, alternative=alternative,
    )  # fmt: skip


def _caveats(table: pd.DataFrame, plan: Design, alpha: float, alternative: str) -> tuple[Message, ...]:
    side = message(
        "comparison_planning.sides_2" if alternative == "two-sided" else "comparison_planning.sides_1"
    )
    said = [message("comparison_planning.supposed", alpha=alpha, test=side)]
    if isinstance(plan, Clusters):
        said.append(message("comparison_planning.design_effect", effect=plan.design_effect))
    if plan.method == "every_table":
        said.append(message("comparison_planning.saw"))
    size = table[table["term"] == "size"]
    if len(size) and size["conf_low"].iloc[0] > alpha:
        said.append(
            message("comparison_planning.wrong_size", size=float(size["estimate"].iloc[0]), alpha=alpha)
        )
    return tuple(said)
