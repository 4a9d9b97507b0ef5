"""A pre/post comparison of ordered answers: who moved up or down, mean score, scored marginal homogeneity, signed ranks.

Not for categories without an order: that is the nominal kind.
"""

from __future__ import annotations

import math

import numpy as np

from evalkit.comparison.core.rows import frame, missing_row, row
from evalkit.comparison.paired import number_rows as rows_of
from evalkit.comparison.paired import number_words
from evalkit.comparison.paired.answer import obstacle, people_rows
from evalkit.comparison.paired.number_gate import NumberPrePost
from evalkit.comparison.paired.number_margins import margin_rows
from evalkit.comparison.paired.number_sizes import biserial_row
from evalkit.comparison.paired.ordered import Ordered, ordered_answers
from evalkit.comparison.paired.plan import Plan
from evalkit.comparison.paired.shares import entrants_said
from evalkit.comparison.paired.waves import Waves
from evalkit.numerics import proportions as prop
from evalkit.numerics.normal import sided_p
from evalkit.wording import Message, labels, message

#: Codes of this kind; `number_words` has those it shares with measures.
WORDS = (
    "superiority", "answers_before", "answers_after", "category", "tango", "scored_exact", "scored_drawn", "scored_asymptotic",
)  # fmt: skip


def estimate(waves: Waves, plan: Plan) -> NumberPrePost:
    """Return the answer.

    Raises
    ------
    InputError
        For text without an order, answers outside the order, an order or scores that do not fit.
    """
    number_words.refused_selection(plan)
    answers = ordered_answers(waves, plan)
    before, after = answers.before, answers.after
    pairs = rows_of.pairs_of(before, after)
    stop = obstacle(waves) or number_words.same_start(before, plan)
    rows = [
        _superiority(pairs, plan, stop),
        rows_of.mean_row(pairs, plan, stop),
        *rows_of.shift_rows(pairs, plan, stop),
        rows_of.flip_row(pairs, plan, stop, "scored"),
        _scored(pairs, plan, stop),
        rows_of.rank_row(pairs, plan, stop),
        rows_of.sign_row(pairs, plan, stop),
        biserial_row(pairs, plan, stop),
        *margin_rows(pairs, plan, stop),
    ]
    if answers.listed:
        rows += rows_of.bound_rows(before, after, (float(answers.scores[0]), float(answers.scores[-1])))
    rows += [*rows_of.wave_rows(before, after, pairs, plan), *rows_of.direction_rows(pairs)]
    rows += [*_answers(answers, pairs), *people_rows(waves)]
    table = frame([{"category": "", **r} for r in rows], ("category",))
    said = number_words.caveats(table, pairs, plan, stop, "amount_scored")
    return NumberPrePost(
        table,
        message("comparison_ranks.question_ordinal"),
        (
            said[0],
            _about_scores(answers),
            message("comparison_ranks.comparable_steps"),
            *said[1:],
            *entrants_said(waves.has_before, waves.has_after),
        ),
        labels={**number_words.labelled(), **labels("comparison_ranks", *WORDS)},
        crowds=rows_of.crowds(table, pairs),
    )


def _superiority(pairs: rows_of.Pairs, plan: Plan, stop: Message | None) -> dict:
    """Return the share who answer higher after, less the share who answer lower, with Tango's interval.

    Tango's score depends on who moved and on the number of pairs only, so it holds for any split of those who stayed.
    """
    if stop:
        return missing_row("superiority", "pairs", "tango", pairs.n, stop)
    up, down = int((pairs.difference > 0).sum()), int((pairs.difference < 0).sum())
    counts = prop.PairedCounts(both=0, lost=down, gained=up, neither=pairs.n - up - down)
    low, high = prop.tango_paired(counts, plan.conf_level)
    return row(
        "superiority", "pairs", "tango", estimate=counts.difference, conf_low=low, conf_high=high,
        conf_level=plan.conf_level, n=pairs.n,
    )  # fmt: skip


def _scored(pairs: rows_of.Pairs, plan: Plan, stop: Message | None) -> dict:
    """Return the asymptotic test of scored marginal homogeneity: the sum of the differences over the root of their squares.

    References
    ----------
    Agresti (2002), Categorical Data Analysis, §10.3; as ``mh_test(scores = …)`` of R's coin.
    """
    if stop is None and len(pairs.changed) == 0:
        stop = message("comparison.nobody_changed")
    if stop:
        return missing_row("change_test", "pairs", "scored_asymptotic", pairs.n, stop)
    z = float(pairs.difference.sum()) / math.sqrt(float((pairs.difference**2).sum()))
    figures = {"statistic": z * z, "df": 1.0} if plan.alternative == "two-sided" else {"statistic": z}
    return row(
        "change_test", "pairs", "scored_asymptotic", p_value=sided_p(z, plan.alternative), n=pairs.n, **figures
    )  # fmt: skip


def _answers(answers: Ordered, pairs: rows_of.Pairs) -> list[dict]:
    """Return how many gave each answer at each date: among pairs, and among every answer when some are not paired."""
    rows = []
    for term, paired, wave in (
        ("answers_before", pairs.before, answers.before),
        ("answers_after", pairs.after, answers.after),
    ):
        known = wave[np.isfinite(wave)]
        for part, values in (("pairs", paired), ("observed", known)):
            if part == "pairs" or len(known) != pairs.n:
                rows += [
                    row(term, part, category=name, count=int((values == score).sum()), n=len(values))
                    for name, score in zip(answers.names, answers.scores, strict=True)
                ]
    return rows


def _about_scores(answers: Ordered) -> Message:
    if answers.named == "numbers":
        return message("comparison_ranks.scores_numbers")
    listed = [
        message("comparison_ranks.score_of", category=name, score=float(score))
        for name, score in zip(answers.names, answers.scores, strict=True)
    ]
    even = np.ptp(np.diff(answers.scores)) == 0
    return message("comparison_ranks.scores_even" if even else "comparison_ranks.scores_given", scores=listed)
