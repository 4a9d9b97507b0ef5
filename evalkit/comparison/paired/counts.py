"""Rows of a pre/post comparison of counts: rate ratio from totals and from person to person, tests, dispersion, rates.

Not for matching people (`waves`), nor for amounts that are no whole numbers: that is the continuous kind.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy import stats

from evalkit.comparison.core.answer import reasons
from evalkit.comparison.core.rows import frame, row
from evalkit.comparison.paired.answer import obstacle, people_rows
from evalkit.comparison.paired.counts_gate import CountPrePost
from evalkit.comparison.paired.equivalence import equivalence_row, said_of_margins, tost_level
from evalkit.comparison.paired.plan import Plan
from evalkit.comparison.paired.shares import entrants_said
from evalkit.comparison.paired.waves import Waves
from evalkit.errors import Fault, InputError
from evalkit.numerics import paired_rates as rates
from evalkit.numerics.ranks.flips import sign_flip
from evalkit.wording import Message, fault, labels, message

#: Codes of this kind, by catalogue.
WORDS = ("people_only_after",)
MORE_WORDS = (
    "rate_ratio", "robust", "exchange", "exchange_drawn", "poisson_exact", "poisson_mid_p", "poisson_least_likely",
    "equivalence", "tost_robust", "tost_poisson", "mean_difference", "paired_t", "dispersion", "pearson", "rate_before",
    "rate_after", "events_before", "events_after", "changed", "carriers_before", "carriers_after",
)  # fmt: skip
#: With fewer people with events than this, a variance from person to person is itself poorly known.
_FEW = 20


@dataclass(frozen=True)
class Pairs:
    """Counts of the people seen at both dates.

    Parameters
    ----------
    before, after : float array, shape (n,)
    exposure : (float, float)
        Of each person.
    """

    before: np.ndarray
    after: np.ndarray
    exposure: tuple[float, float]

    @property
    def n(self) -> int:
        """Number of people."""
        return len(self.before)

    @property
    def totals(self) -> rates.Totals:
        """Events in all, with the exposure of everybody."""
        time_before, time_after = (self.n * e for e in self.exposure)
        return rates.Totals(int(self.before.sum()), int(self.after.sum()), time_before, time_after)


def estimate(waves: Waves, plan: Plan) -> CountPrePost:
    """Return the answer.

    Raises
    ------
    InputError
        For answers that are no whole numbers, zero or more, or that contradict the stated selection.
    """
    if plan.margin is not None:
        tost_level(plan.conf_level)
    before, after = _as_counts(waves)
    start = _start(before, plan)
    both = np.isfinite(before) & np.isfinite(after)
    pairs = Pairs(before[both], after[both], plan.exposure)
    stop = obstacle(waves) or (_refused(start, plan) if start is not None else None)
    if stop is None and pairs.totals.events == 0:
        stop = message("comparison_tables.no_event")
    robust = rates.robust_ratio(pairs.before, pairs.after, plan.exposure)
    rows = [
        *_ratios(pairs, robust, plan, stop),
        *_tests(pairs, robust, plan, stop),
        *_equivalence(pairs, robust, plan, stop),
        _difference(pairs, plan, stop),
        _dispersion(pairs, stop),
        row("changed", "pairs", count=int((pairs.before != pairs.after).sum()), n=pairs.n),
        *_levels(pairs, before, after),
    ]
    table = frame([*rows, *people_rows(waves)])
    question = "question_count" if start is None else "question_count_selected"
    return CountPrePost(
        table,
        message(f"comparison_tables.{question}"),
        _caveats(table, pairs, plan, start, stop)
        + _attrition(waves)
        + entrants_said(waves.has_before, waves.has_after),
        labels={**labels("comparison", *WORDS), **labels("comparison_tables", *MORE_WORDS)},
        glance_values={"exposure_before": plan.exposure[0], "exposure_after": plan.exposure[1]},
    )


def _as_counts(waves: Waves) -> tuple[np.ndarray, np.ndarray]:
    faults: list[Fault] = []
    coded = []
    for name in ("before", "after"):
        answers = waves.frame[name]
        known = answers.notna().to_numpy()
        raw = answers.to_numpy(dtype=object)
        good = np.array([k and _is_count(v) for k, v in zip(known, raw, strict=True)], dtype=bool)
        values = np.full(len(answers), np.nan)
        values[good] = [float(v) for v in raw[good]]
        bad = raw[known & ~good]
        if len(bad):
            shown = sorted({repr(v) if isinstance(v, str) else str(v) for v in bad})
            listed = shown[:5] + (["…"] if len(shown) > 5 else [])
            faults.append(fault("comparison_tables.not_count", column=name, count=len(bad), values=listed))
        coded.append(values)
    if faults:
        raise InputError(faults)
    return coded[0], coded[1]


def _is_count(value: object) -> bool:
    """Tell whether one answer is a whole number, zero or more. Yes and no are another kind, and text must be looked at first."""
    if isinstance(value, (bool, np.bool_)) or not isinstance(value, (int, float, np.integer, np.floating)):
        return False
    return bool(math.isfinite(value) and value >= 0 and value == int(value))


def _start(before: np.ndarray, plan: Plan) -> float | None:
    """Return the level at which selection fixed the start, None if it did not."""
    known = before[np.isfinite(before)]
    if plan.selected_on == "none":
        return None
    if plan.selected_on is not None:
        head, _, tail = str(plan.selected_on).partition("before == ")
        if head or not tail.isdigit():
            raise InputError(
                f"selected_on: must be None, 'none' or 'before == ' and a whole number, but was {plan.selected_on!r}"
            )
        wrong = int((known != int(tail)).sum())
        if wrong:
            raise InputError(
                fault("comparison.selection_contradicted", column="before", count=wrong, expected=int(tail))
            )
        return float(tail)
    if len(known) > 1 and (known == known[0]).all():
        return float(known[0])
    return None


def _refused(start: float, plan: Plan) -> Message:
    key = "selected" if plan.selected_on else "selected_detected"
    return message(f"comparison.{key}", value=int(start))


def _ratios(pairs: Pairs, robust: rates.Robust, plan: Plan, stop: Message | None) -> list[dict]:
    methods = ("robust", "poisson_exact", "poisson_mid_p")
    if stop:
        return [row("rate_ratio", "pairs", m, n=pairs.n, reason=stop, ok=False) for m in methods]
    totals = pairs.totals
    if (why := _no_robust(pairs, robust)) is not None:
        first = row("rate_ratio", "pairs", "robust", n=pairs.n, reason=why, ok=False)
    else:
        low, high = robust.interval(plan.conf_level)
        first = row(
            "rate_ratio", "pairs", "robust", estimate=totals.ratio, std_error=totals.ratio * robust.std_error, df=robust.df,
            conf_low=low, conf_high=high, conf_level=plan.conf_level, n=pairs.n,
        )  # fmt: skip
    rows = [first]
    for method in methods[1:]:
        low, high = rates.conditional_interval(totals, plan.conf_level, method == "poisson_mid_p")
        rows.append(row(
            "rate_ratio", "pairs", method, estimate=totals.ratio, conf_low=low, conf_high=high, conf_level=plan.conf_level,
            n=pairs.n, reason=None if totals.before else message("comparison_tables.no_event_before"),
        ))  # fmt: skip
    return rows


def _no_robust(pairs: Pairs, robust: rates.Robust) -> Message | None:
    """Return why there is no variance from person to person, or None."""
    for wave, total in (("before", pairs.totals.before), ("after", pairs.totals.after)):
        if total == 0:
            return message("comparison_tables.no_event_at", wave=message(f"comparison.{wave}"))
    return None if math.isfinite(robust.std_error) else message("comparison_tables.alike")


def _tests(pairs: Pairs, robust: rates.Robust, plan: Plan, stop: Message | None) -> list[dict]:
    totals, side = pairs.totals, plan.alternative
    methods = ["robust", "exchange", "poisson_exact", "poisson_mid_p"]
    if stop:
        return [row("change_test", "pairs", m, n=pairs.n, reason=stop, ok=False) for m in methods]
    if (why := _no_robust(pairs, robust)) is not None:
        rows = [row("change_test", "pairs", "robust", n=pairs.n, reason=why, ok=False)]
    else:
        t, p = robust.test(side)
        rows = [row("change_test", "pairs", "robust", statistic=t, df=robust.df, p_value=p, n=pairs.n)]
    rows.append(_exchange(pairs, plan))
    for method in methods[2:]:
        mid_p = method == "poisson_mid_p"
        rows.append(row(
            "change_test", "pairs", method, n=pairs.n, p_value=rates.conditional_test(totals, side, mid_p=mid_p),
            p_floor=rates.conditional_floor(totals, side, mid_p),
        ))  # fmt: skip
    if side == "two-sided" and totals.time_before != totals.time_after:
        p, floor = rates.least_likely_test(totals)
        rows.append(row("change_test", "pairs", "poisson_least_likely", n=pairs.n, p_value=p, p_floor=floor))
    return rows


def _exchange(pairs: Pairs, plan: Plan) -> dict:
    """Return the test that each person's two counts could as well have come in the other order: exact however events are clumped."""
    if plan.exposure[0] != plan.exposure[1]:
        why = message("comparison_tables.no_exchange")
        return row("change_test", "pairs", "exchange", n=pairs.n, reason=why, ok=False)
    found = sign_flip(pairs.after - pairs.before, plan.alternative, plan.seed)
    reason = message("comparison.nobody_changed_exact") if found.n_changed == 0 else None
    if found.draws:
        reason = message("comparison_tables.drawn", draws=found.draws)
    method = "exchange_drawn" if found.draws else "exchange"
    return row(
        "change_test", "pairs", method, n=pairs.n, p_value=found.p_value, p_floor=found.p_floor, reason=reason
    )


def _equivalence(pairs: Pairs, robust: rates.Robust, plan: Plan, stop: Message | None) -> list[dict]:
    """Return the tests that the ratio lies within the margins, if there are any."""
    if plan.margin is None:
        return []
    if stop:
        return [equivalence_row("pairs", m, plan, pairs.n, stop) for m in ("tost_robust", "tost_poisson")]
    level, totals = tost_level(plan.conf_level), pairs.totals
    # "Above the low margin" and "below the high one", each where there is such a margin.
    sides = [
        (side, limit)
        for side, limit in zip(("greater", "less"), plan.margin, strict=True)
        if 0 < limit < math.inf
    ]
    if (why := _no_robust(pairs, robust)) is not None:
        first = equivalence_row("pairs", "tost_robust", plan, pairs.n, why)
    else:
        t, p = max((robust.test(side, limit) for side, limit in sides), key=lambda found: found[1])
        low, high = robust.interval(level)
        first = equivalence_row(
            "pairs", "tost_robust", plan, pairs.n, estimate=totals.ratio, statistic=t, df=robust.df, p_value=p,
            conf_low=low, conf_high=high,
        )  # fmt: skip
    low, high = rates.conditional_interval(totals, level)
    second = equivalence_row(
        "pairs", "tost_poisson", plan, pairs.n, estimate=totals.ratio, conf_low=low, conf_high=high,
        p_value=max(rates.conditional_test(totals, side, limit) for side, limit in sides),
    )  # fmt: skip
    return [first, second]


def _difference(pairs: Pairs, plan: Plan, stop: Message | None) -> dict:
    """Return the mean difference of the rates, after − before, with Student's interval on the people's own differences."""
    if stop:
        return row("mean_difference", "pairs", "paired_t", n=pairs.n, reason=stop, ok=False)
    own = pairs.after / pairs.exposure[1] - pairs.before / pairs.exposure[0]
    error = float(own.std(ddof=1) / math.sqrt(pairs.n)) if pairs.n > 1 and np.ptp(own) > 0 else math.nan
    if not error > 0:
        why = message("comparison_tables.alike_difference")
        return row("mean_difference", "pairs", "paired_t", n=pairs.n, estimate=float(own.mean()), reason=why)
    half = float(stats.t.isf((1 - plan.conf_level) / 2, pairs.n - 1)) * error
    mean = float(own.mean())
    return row(
        "mean_difference", "pairs", "paired_t", estimate=mean, std_error=error, df=float(pairs.n - 1),
        conf_low=mean - half, conf_high=mean + half, conf_level=plan.conf_level, n=pairs.n,
    )  # fmt: skip


def _dispersion(pairs: Pairs, stop: Message | None) -> dict:
    found = rates.dispersion(pairs.before, pairs.after)
    if stop or not math.isfinite(found.ratio):
        why = stop or message("comparison_tables.no_dispersion")
        return row("dispersion", "pairs", "pearson", n=pairs.n, reason=why, ok=False)
    return row(
        "dispersion",
        "pairs",
        "pearson",
        estimate=found.ratio,
        statistic=found.statistic,
        df=found.df,
        n=pairs.n,
    )


def _levels(pairs: Pairs, before: np.ndarray, after: np.ndarray) -> list[dict]:
    """Return rates, totals and how many people carry them, among pairs; and the rate of people without a "before"."""
    rows = []
    for wave, values, exposure in zip(
        ("before", "after"), (pairs.before, pairs.after), pairs.exposure, strict=True
    ):
        rows += _level(wave, "pairs", values, exposure)
    new = after[np.isfinite(after) & ~np.isfinite(before)]
    return rows + (_level("after", "people_only_after", new, pairs.exposure[1]) if len(new) else [])


def _level(wave: str, part: str, values: np.ndarray, exposure: float) -> list[dict]:
    n = len(values)
    if n == 0:
        return [row(f"rate_{wave}", part, n=0, reason=message("comparison.no_pair"), ok=False)]
    return [
        row(f"rate_{wave}", part, estimate=float(values.mean() / exposure), n=n),
        row(f"events_{wave}", part, count=int(values.sum()), n=n),
        row(f"carriers_{wave}", part, count=int((values > 0).sum()), n=n),
    ]


def _caveats(
    table: pd.DataFrame, pairs: Pairs, plan: Plan, start: float | None, stop: Message | None
) -> tuple[Message, ...]:
    said = [message("result.no_counterfactual")]
    if start is not None and pairs.n:
        mean = float(pairs.after.mean() / plan.exposure[1])
        said.append(message("comparison_tables.natural_level", mean=mean))
    if plan.exposure[0] != plan.exposure[1]:
        before, after = plan.exposure
        said.append(message("comparison_tables.exposure_said", before=before, after=after))
    if stop is None:
        said += _trend(table, pairs.totals.ratio)
        said += _which_to_read(table, pairs)
        said += _floor_and_side(table, pairs, plan)
        said += said_of_margins(plan, ratio=True)
    return (*said, *reasons(table))


def _trend(table: pd.DataFrame, ratio: float) -> list[Message]:
    """Return by how much counts would have had to move by themselves to give the ratio, and to bring its interval to 1."""
    if ratio == 1:
        return [message("comparison.trend_none")]
    if not 0 < ratio < math.inf:
        return []
    said = [message("comparison_tables.trend_ratio", ratio=ratio)]
    robust = table[(table["term"] == "rate_ratio") & (table["method"] == "robust")].iloc[0]
    nearest = float(robust["conf_low"] if ratio > 1 else robust["conf_high"])
    if (nearest > 1) if ratio > 1 else (nearest < 1):
        said.append(message("comparison_tables.trend_ratio_bound", ratio=nearest))
    return said


def _which_to_read(table: pd.DataFrame, pairs: Pairs) -> list[Message]:
    said = [message("comparison_tables.read_robust")]
    found = float(table.loc[table["term"] == "dispersion", "estimate"].iloc[0])
    if found > 1:
        said.append(message("comparison_tables.clumped", dispersion=found, factor=math.sqrt(found)))
    if ((pairs.before + pairs.after) > 0).sum() < _FEW:
        said.append(message("comparison_tables.few_carry"))
    return said


def _floor_and_side(table: pd.DataFrame, pairs: Pairs, plan: Plan) -> list[Message]:
    said = []
    alpha = 1 - plan.conf_level
    exchange = table.loc[table["method"].isin(["exchange", "exchange_drawn"]), "p_floor"].iloc[0]
    if exchange > alpha and (pairs.before != pairs.after).any():
        said.append(message("comparison.floor_binds", floor=float(exchange), alpha=alpha))
    floor = rates.conditional_floor(pairs.totals, plan.alternative)
    if floor > alpha:
        said.append(message("comparison_tables.floor_events", floor=floor, alpha=alpha))
    if plan.alternative != "two-sided":
        side = message(f"comparison.{plan.alternative}")
        said.append(message("comparison.one_sided", side=side, level=plan.conf_level))
    return said


def _attrition(waves: Waves) -> tuple[Message, ...]:
    seen = waves.counts()
    return (message("comparison_tables.no_bounds"),) if seen["people_paired"] < seen["people_all"] else ()
