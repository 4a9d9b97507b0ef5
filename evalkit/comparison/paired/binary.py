"""Rows of a pre/post comparison of a yes/no outcome: difference, tests, bounds, the 2 × 2 table.

Not for matching people: `waves` has done it.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from evalkit.comparison.core.answer import reasons
from evalkit.comparison.core.people import is_binary
from evalkit.comparison.core.rows import frame, row
from evalkit.comparison.paired import shares
from evalkit.comparison.paired.answer import attrition_caveat, obstacle, people_rows
from evalkit.comparison.paired.binary_gate import BinaryPrePost
from evalkit.comparison.paired.equivalence import bounded_margin, said_of_margins
from evalkit.comparison.paired.plan import Plan
from evalkit.comparison.paired.waves import Waves
from evalkit.errors import Fault, InputError
from evalkit.numerics import proportions as prop
from evalkit.numerics.arguments import one_of
from evalkit.wording import Message, fault, labels, message

#: Codes of this kind.
WORDS = (
    "difference_if_worst", "difference_if_best", "proportion_before", "proportion_after", "proportion_after_if_worst",
    "proportion_after_if_best", "natural_rate", "moved_0_to_1", "moved_1_to_0", "stayed_1", "stayed_0", "newcombe", "tango",
    "manski", "mcnemar_exact", "mcnemar_mid_p", "mcnemar_asymptotic", "wilson", "clopper_pearson",
)  # fmt: skip
MORE_WORDS = ("bonett_price", "ratio", "tang", "bonett_price_ratio", "equivalence", "tost_tango")
#: What `selected_on` may say, and the value of "before" it fixes.
SELECTIONS = {"before == 0": 0, "before == 1": 1, "none": None}


@dataclass(frozen=True)
class Selection:
    """A starting point that is the same for everybody."""

    value: int
    declared: bool

    @property
    def reason(self) -> Message:
        """Why no test is made."""
        key = "comparison.selected" if self.declared else "comparison.selected_detected"
        return Message(key, {"value": self.value})


def estimate(waves: Waves, plan: Plan) -> BinaryPrePost:
    """Return the answer.

    Raises
    ------
    InputError
        For answers other than 0 and 1, or that contradict the stated selection.
    """
    one_of(plan.selected_on, (None, *SELECTIONS), "selected_on")
    bounded_margin(plan, "a share")
    before, after = _as_binary(waves)
    selection = _selection(before, plan)
    counts = shares.counted(before, after)
    stop = obstacle(waves) or (selection.reason if selection else None)
    rows = [
        *shares.differences(counts, plan, stop),
        *_tests(counts, plan, stop),
        *shares.ratios(counts, plan, stop),
        *shares.equivalence(counts, plan, stop),
    ]
    if selection:
        rows += _selected(counts, before, after, plan, selection)
    else:
        rows += shares.bounds(before, after)
    rows += _proportions(counts, before, after, plan, selection)
    rows += shares.entrants(before, after, plan)
    rows += _cells(counts)
    table = frame([*rows, *people_rows(waves)])
    question = message("comparison.question_selected" if selection else "comparison.question_pre_post")
    return BinaryPrePost(
        table,
        question,
        (
            *_caveats(table, counts, plan, selection, stop),
            *shares.entrants_said(waves.has_before, waves.has_after),
        ),
        labels={**labels("comparison", *WORDS), **labels("comparison_tables", *MORE_WORDS)},
    )


def _as_binary(waves: Waves) -> tuple[np.ndarray, np.ndarray]:
    faults: list[Fault] = []
    coded = []
    for name in ("before", "after"):
        answers = waves.frame[name]
        known = answers.notna().to_numpy()
        values = np.full(len(answers), np.nan)
        raw = answers.to_numpy(dtype=object)
        good = np.array([k and is_binary(v) for k, v in zip(known, raw, strict=True)], dtype=bool)
        values[good] = [float(v) for v in raw[good]]
        bad = raw[known & ~good]
        if len(bad):
            shown = sorted({repr(v) if isinstance(v, str) else str(v) for v in bad})
            listed = shown[:5] + (["…"] if len(shown) > 5 else [])
            faults.append(fault("comparison.not_binary", column=name, count=len(bad), values=listed))
        coded.append(values)
    if faults:
        raise InputError(faults)
    return coded[0], coded[1]


def _selection(before: np.ndarray, plan: Plan) -> Selection | None:
    known = before[np.isfinite(before)]
    if plan.selected_on == "none":
        return None
    if plan.selected_on is not None:
        value = SELECTIONS[plan.selected_on]
        wrong = int((known != value).sum())
        if wrong:
            raise InputError(
                fault("comparison.selection_contradicted", column="before", count=wrong, expected=value)
            )
        return Selection(value, declared=True)
    if len(known) > 1 and (known == known[0]).all():
        return Selection(int(known[0]), declared=False)
    return None


def _tests(counts: prop.PairedCounts, plan: Plan, stop: Message | None) -> list[dict]:
    pair, side = (counts.lost, counts.gained), plan.alternative
    z, p = prop.mcnemar_asymptotic(*pair, side)
    figures = {
        "mcnemar_exact": {
            "p_value": prop.mcnemar_exact(*pair, side),
            "p_floor": prop.mcnemar_floor(counts.discordant, side),
        },
        "mcnemar_mid_p": {
            "p_value": prop.mcnemar_mid_p(*pair, side),
            "p_floor": prop.mcnemar_floor(counts.discordant, side, mid_p=True),
        },
        "mcnemar_asymptotic": {"p_value": p, "statistic": z * z, "df": 1.0}
        if side == "two-sided"
        else {"p_value": p, "statistic": z},
    }
    rows = []
    for method, values in figures.items():
        reason = stop
        if reason is None and counts.discordant == 0:
            reason = message(
                "comparison.nobody_changed_exact"
                if method == "mcnemar_exact"
                else "comparison.nobody_changed"
            )
        ok = stop is None and (counts.discordant > 0 or method == "mcnemar_exact")
        rows.append(
            row("change_test", "pairs", method, n=counts.n, reason=reason, ok=ok, **(values if ok else {}))
        )
    return rows


def _selected(
    counts: prop.PairedCounts, before: np.ndarray, after: np.ndarray, plan: Plan, selection: Selection
) -> list[dict]:
    """Return what remains estimable when everybody starts from the same point."""
    moved = counts.gained if selection.value == 0 else counts.lost
    rows = [shares.share("natural_rate", "pairs", "wilson", moved, counts.n, plan)]
    return [*rows, *shares.bounds_of_selected(before, after)]


def _proportions(
    counts: prop.PairedCounts, before: np.ndarray, after: np.ndarray, plan: Plan, selection: Selection | None
) -> list[dict]:
    rows = []
    for term, values, ones in (
        ("proportion_before", before, counts.before),
        ("proportion_after", after, counts.after),
    ):
        if selection and term == "proportion_before":
            continue
        methods = ("wilson", "clopper_pearson") if selection else ("wilson",)
        rows += [shares.share(term, "pairs", method, ones, counts.n, plan) for method in methods]
        known = values[np.isfinite(values)]
        if len(known) != counts.n:
            rows.append(shares.share(term, "observed", "wilson", int(known.sum()), len(known), plan))
    return rows


def _cells(counts: prop.PairedCounts) -> list[dict]:
    named = {
        "stayed_1": counts.both, "moved_1_to_0": counts.lost, "moved_0_to_1": counts.gained,
        "stayed_0": counts.neither,
    }  # fmt: skip
    return [row(term, "pairs", count=k, n=counts.n) for term, k in named.items()]


def _caveats(
    table: pd.DataFrame, counts: prop.PairedCounts, plan: Plan, selection: Selection | None, stop: Message | None
) -> tuple[Message, ...]:  # fmt: skip
    said = [message("result.no_counterfactual")]
    if selection and counts.n:
        key = "natural_return" if selection.value == 0 else "natural_departure"
        moved = counts.gained if selection.value == 0 else counts.lost
        said.append(message(f"comparison.{key}", share=moved / counts.n))
    if stop is None:
        said += _trend(table, counts)
        alpha = 1 - plan.conf_level
        floor = prop.mcnemar_floor(counts.discordant, plan.alternative)
        if counts.discordant and floor > alpha:
            said.append(message("comparison.floor_binds", floor=floor, alpha=alpha))
        if plan.alternative != "two-sided":
            side = message(f"comparison.{plan.alternative}")
            said.append(message("comparison.one_sided", side=side, level=plan.conf_level))
        said += said_of_margins(plan)
    return (*said, *reasons(table), *attrition_caveat(table))


def _trend(table: pd.DataFrame, counts: prop.PairedCounts) -> list[Message]:
    """Return how much the outcome would have had to move by itself to give the difference, and to hide its sign."""
    if counts.difference == 0:
        return [message("comparison.trend_none")]
    key = "comparison.trend_up" if counts.difference > 0 else "comparison.trend_down"
    said = [message(key, points=100 * abs(counts.difference))]
    newcombe = table[(table["term"] == "difference") & (table["method"] == "newcombe")].iloc[0]
    nearest = newcombe["conf_low"] if counts.difference > 0 else -newcombe["conf_high"]
    if nearest > 0:
        said.append(message("comparison.trend_bound", points=100 * nearest))
    return said
