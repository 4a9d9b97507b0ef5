"""Rows of a pre/post comparison of categories without an order: tests of the k × k table, and each category's share.

Not for matching people (`waves`), nor for ordered categories.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from evalkit.comparison.core.answer import reasons
from evalkit.comparison.core.rows import frame, row
from evalkit.comparison.paired import shares
from evalkit.comparison.paired.answer import attrition_caveat, obstacle, people_rows
from evalkit.comparison.paired.categories import Categories, categories_of
from evalkit.comparison.paired.equivalence import bounded_margin, equivalence_row, said_of_margins
from evalkit.comparison.paired.nominal_gate import NominalPrePost
from evalkit.comparison.paired.plan import Plan
from evalkit.comparison.paired.waves import Waves
from evalkit.errors import InputError
from evalkit.numerics import proportions as prop
from evalkit.numerics import square_tables as square
from evalkit.numerics.arguments import generator, one_of
from evalkit.numerics.multiple import adjusted
from evalkit.wording import Message, fault, labels, message

#: Codes of this kind, by catalogue.
WORDS = (
    "proportion_before", "proportion_after", "newcombe", "tango", "manski", "mcnemar_mid_p", "wilson",
)  # fmt: skip
MORE_WORDS = (
    "category", "to", "homogeneity_test", "symmetry_test", "stuart_maxwell", "bhapkar", "bowker", "exchange", "exchange_drawn",
    "exchange_mid_p", "mcnemar_mid_p_holm", "natural_rate", "stayed", "moved", "equivalence", "tost_tango", "tost_all",
    "difference_if_worst", "difference_if_best", "proportion_after_if_worst", "proportion_after_if_best",
)  # fmt: skip
KEYS = ("category", "to")


@dataclass(frozen=True)
class Start:
    """A starting category that is the same for everybody."""

    at: int
    name: str
    declared: bool

    @property
    def reason(self) -> Message:
        """Why no test is made."""
        key = "comparison.selected" if self.declared else "comparison.selected_detected"
        return message(key, value=message("comparison_tables.named", name=self.name))


def estimate(waves: Waves, plan: Plan) -> NominalPrePost:
    """Return the answer.

    Raises
    ------
    InputError
        For a one-sided test, answers outside the categories listed, or that contradict the stated selection.
    """
    if plan.alternative != "two-sided":
        raise InputError(
            "pre_post: categories without an order have no direction, so alternative must be 'two-sided', "
            f"but was {plan.alternative!r}"
        )
    bounded_margin(plan, "a category's share")
    answers = categories_of(waves, plan.order)
    start = _start(answers, plan)
    stop = obstacle(waves) or (start.reason if start else None)
    table = answers.table()
    splits = [shares.counted(*answers.one(at)) for at in range(len(answers.names))]
    rows = [*_tests(table, plan, stop), *_by_category(answers, splits, plan, stop)]
    rows += _selected(answers, table, plan, start) if start else _bounds(answers)
    rows += _shares(answers, splits, plan, start)
    rows += _cells(answers, table)
    made = frame([{"category": "", "to": "", **r} for r in [*rows, *people_rows(waves)]], KEYS)
    return NominalPrePost(
        made,
        message(
            "comparison_tables.question_nominal_selected" if start else "comparison_tables.question_nominal"
        ),
        _caveats(made, answers, splits, table, plan, start, stop)
        + shares.entrants_said(waves.has_before, waves.has_after),
        labels={**labels("comparison", *WORDS), **labels("comparison_tables", *MORE_WORDS)},
        glance_values={"categories": len(answers.names)},
    )


def _start(answers: Categories, plan: Plan) -> Start | None:
    named = {f"before == {name}": at for at, name in enumerate(answers.names)}
    one_of(plan.selected_on, (None, "none", *named), "selected_on")
    known = answers.before[np.isfinite(answers.before)]
    if plan.selected_on == "none":
        return None
    if plan.selected_on is not None:
        at = named[plan.selected_on]
        wrong = int((known != at).sum())
        if wrong:
            raise InputError(
                fault(
                    "comparison.selection_contradicted",
                    column="before",
                    count=wrong,
                    expected=answers.names[at],
                )
            )
        return Start(at, answers.names[at], declared=True)
    if len(known) > 1 and (known == known[0]).all():
        return Start(int(known[0]), answers.names[int(known[0])], declared=False)
    return None


def _tests(table: np.ndarray, plan: Plan, stop: Message | None) -> list[dict]:
    n = int(table.sum())
    kinds = {
        "homogeneity_test": ("stuart_maxwell", "bhapkar"),
        "symmetry_test": ("bowker",),
    }
    nobody = message("comparison.nobody_changed")
    moved = stop is None and n > np.trace(table)
    exchange = square.exchanged(table, generator(plan.seed)) if moved else None
    rows = []
    for at, (term, methods) in enumerate(kinds.items()):
        for method in methods:
            if not moved:
                rows.append(row(term, "pairs", method, n=n, reason=stop or nobody, ok=False))
                continue
            found = getattr(square, method)(table)
            if not np.isfinite(found.statistic):
                rows.append(
                    row(
                        term,
                        "pairs",
                        method,
                        n=n,
                        reason=message("comparison_tables.zero_variance"),
                        ok=False,
                    )
                )
                continue
            rows.append(row(
                term, "pairs", method, statistic=found.statistic, df=found.df, p_value=found.p_value, n=n,
                reason=_linked(table, found.df) if term == "homogeneity_test" else None,
            ))  # fmt: skip
        rows += _exchange_rows(term, n, exchange[at] if exchange else None, stop)
    return rows


def _linked(table: np.ndarray, df: float) -> Message | None:
    """Return that categories fall into groups between which nobody moved, when that takes degrees of freedom away."""
    off = table - np.diag(np.diag(table))
    moving = int(((off.sum(axis=0) + off.sum(axis=1)) > 0).sum())
    return message("comparison_tables.linked", n=int(df)) if df < moving - 1 else None


def _exchange_rows(term: str, n: int, found: square.Exchanged | None, stop: Message | None) -> list[dict]:
    if stop is not None:
        return [row(term, "pairs", m, n=n, reason=stop, ok=False) for m in ("exchange", "exchange_mid_p")]
    if found is None:
        return [
            row(term, "pairs", "exchange", n=n, p_value=1.0, p_floor=1.0, reason=message("comparison.nobody_changed_exact")),
            row(term, "pairs", "exchange_mid_p", n=n, reason=message("comparison.nobody_changed"), ok=False),
        ]  # fmt: skip
    if not found.listed:
        why = message("comparison_tables.drawn", draws=found.arrangements)
        return [
            row(
                term, "pairs", "exchange_drawn", n=n, p_value=found.p_value, p_floor=found.p_floor, reason=why
            )
        ]
    return [
        row(term, "pairs", "exchange", n=n, p_value=found.p_value, p_floor=found.p_floor),
        row(term, "pairs", "exchange_mid_p", n=n, p_value=found.mid_p, p_floor=found.mid_p_floor),
    ]


def _by_category(
    answers: Categories, splits: list[prop.PairedCounts], plan: Plan, stop: Message | None
) -> list[dict]:
    """Return each category's difference, tests and equivalence, and that all are equivalent at once."""
    mid = [prop.mcnemar_mid_p(c.lost, c.gained) if stop is None else np.nan for c in splits]
    # Where only two categories exchange people, their two tests are the same one: there is nothing to correct.
    holm = adjusted(mid, "holm" if np.isfinite(mid).sum() > 2 else "none")
    rows: list[dict] = []
    for name, counts, p, corrected in zip(answers.names, splits, mid, holm, strict=True):
        rows += shares.differences(counts, plan, stop, ("newcombe", "tango"), category=name)
        for method, value in (("mcnemar_mid_p", p), ("mcnemar_mid_p_holm", float(corrected))):
            if np.isfinite(value):
                floor = prop.mcnemar_floor(counts.discordant, mid_p=True)
                rows.append(
                    row(
                        "change_test",
                        "pairs",
                        method,
                        p_value=value,
                        p_floor=floor,
                        n=counts.n,
                        category=name,
                    )
                )
            else:
                why = stop or message("comparison.nobody_changed")
                rows.append(
                    row("change_test", "pairs", method, n=counts.n, reason=why, ok=False, category=name)
                )
    tests = [
        r
        for c, name in zip(splits, answers.names, strict=True)
        for r in shares.equivalence(c, plan, stop, category=name)
    ]
    if tests:
        figures = {} if stop else {"p_value": max(r["p_value"] for r in tests)}
        tests.append(equivalence_row("pairs", "tost_all", plan, splits[0].n, stop, **figures))
    return rows + tests


def _bounds(answers: Categories) -> list[dict]:
    return [
        r for at, name in enumerate(answers.names) for r in shares.bounds(*answers.one(at), category=name)
    ]


def _selected(answers: Categories, table: np.ndarray, plan: Plan, start: Start) -> list[dict]:
    """Return what remains estimable when everybody starts in the same category."""
    n = int(table.sum())
    left = n - int(table[start.at, start.at])
    rows = [shares.share("natural_rate", "pairs", "wilson", left, n, plan, category=start.name)]
    for at, name in enumerate(answers.names):
        rows += shares.bounds_of_selected(*answers.one(at), category=name)
    return rows


def _shares(
    answers: Categories, splits: list[prop.PairedCounts], plan: Plan, start: Start | None
) -> list[dict]:
    rows: list[dict] = []
    for at, (name, counts) in enumerate(zip(answers.names, splits, strict=True)):
        waves = answers.one(at)
        for term, values, ones in (
            ("proportion_before", waves[0], counts.before),
            ("proportion_after", waves[1], counts.after),
        ):
            if start and term == "proportion_before":
                continue
            rows.append(shares.share(term, "pairs", "wilson", ones, counts.n, plan, category=name))
            known = values[np.isfinite(values)]
            if len(known) != counts.n:
                rows.append(
                    shares.share(
                        term, "observed", "wilson", int(known.sum()), len(known), plan, category=name
                    )
                )
        rows += shares.entrants(*waves, plan, category=name)
    return rows


def _cells(answers: Categories, table: np.ndarray) -> list[dict]:
    n = int(table.sum())
    return [
        row("stayed" if i == j else "moved", "pairs", count=int(table[i, j]), n=n, category=one, to=other)
        for i, one in enumerate(answers.names)
        for j, other in enumerate(answers.names)
    ]


def _caveats(
    made: pd.DataFrame, answers: Categories, splits: list[prop.PairedCounts], table: np.ndarray, plan: Plan,
    start: Start | None, stop: Message | None,
) -> tuple[Message, ...]:  # fmt: skip
    said = [message("result.no_counterfactual")]
    n = int(table.sum())
    if start and n:
        left = 1 - table[start.at, start.at] / n
        said.append(message("comparison_tables.natural_leaving", category=start.name, share=float(left)))
    if stop is None:
        most = int(np.argmax([abs(c.difference) for c in splits]))
        if splits[most].difference:
            points = 100 * abs(splits[most].difference)
            said.append(
                message("comparison_tables.trend_category", category=answers.names[most], points=points)
            )
        else:
            said.append(message("comparison.trend_none"))
        said.append(message("comparison_tables.holm"))
        if n > np.trace(table):
            said += _floor(made, plan)
        said += said_of_margins(plan)
    return (*said, *reasons(made), *attrition_caveat(made))


def _floor(made: pd.DataFrame, plan: Plan) -> list[Message]:
    alpha = 1 - plan.conf_level
    exact = made[(made["term"] == "homogeneity_test") & made["method"].isin(["exchange", "exchange_drawn"])]
    floor = float(exact["p_floor"].iloc[0])
    return [message("comparison.floor_binds", floor=floor, alpha=alpha)] if floor > alpha else []
