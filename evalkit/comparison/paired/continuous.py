"""A pre/post comparison of a measured outcome: mean, median and centre of the differences, tests, sizes, bounds.

Not for people chosen because their first measure was low: `regression_to_the_mean` is.
"""

from __future__ import annotations

import numpy as np

from evalkit.comparison.core.rows import frame
from evalkit.comparison.paired import number_rows as rows_of
from evalkit.comparison.paired import number_words
from evalkit.comparison.paired.answer import obstacle, people_rows
from evalkit.comparison.paired.number_gate import NumberPrePost
from evalkit.comparison.paired.number_margins import margin_rows
from evalkit.comparison.paired.number_sizes import biserial_row, size_rows
from evalkit.comparison.paired.plan import Plan
from evalkit.comparison.paired.shares import entrants_said
from evalkit.comparison.paired.waves import Waves, measured
from evalkit.errors import InputError
from evalkit.wording import labels, message

#: Codes of this kind; `number_words` has those it shares with ordered answers.
WORDS = ("d_z", "d_av", "g_av", "noncentral_t", "bonett", "sign_flip_exact", "sign_flip_drawn")


def estimate(waves: Waves, plan: Plan) -> NumberPrePost:
    """Return the answer.

    Raises
    ------
    InputError
        For answers that are no finite numbers or lie outside the stated scale.
    """
    number_words.refused_selection(plan)
    before, after = (_measured(waves, name, plan) for name in ("before", "after"))
    pairs = rows_of.pairs_of(before, after)
    stop = obstacle(waves) or number_words.same_start(before, plan)
    rows = [
        rows_of.mean_row(pairs, plan, stop),
        *rows_of.shift_rows(pairs, plan, stop),
        rows_of.t_row(pairs, plan, stop),
        rows_of.flip_row(pairs, plan, stop),
        rows_of.rank_row(pairs, plan, stop),
        rows_of.sign_row(pairs, plan, stop),
        *size_rows(pairs, plan, stop),
        biserial_row(pairs, plan, stop),
        *margin_rows(pairs, plan, stop),
    ]
    if plan.scale is not None:
        rows += rows_of.bound_rows(before, after, plan.scale)
    rows += [
        *rows_of.wave_rows(before, after, pairs, plan),
        *rows_of.direction_rows(pairs),
        *people_rows(waves),
    ]
    table = frame(rows)
    return NumberPrePost(
        table,
        message("comparison_ranks.question_continuous"),
        (
            *number_words.caveats(table, pairs, plan, stop, "amount_measured"),
            *entrants_said(waves.has_before, waves.has_after),
        ),
        labels={**number_words.labelled(), **labels("comparison_ranks", *WORDS)},
        crowds=rows_of.crowds(table, pairs),
    )


def _measured(waves: Waves, name: str, plan: Plan) -> np.ndarray:
    found = measured(waves, name, "pre_post")
    if plan.scale is not None:
        outside = int(((found < plan.scale[0]) | (found > plan.scale[1])).sum())
        if outside:
            raise InputError(
                f"pre_post: {name} lies outside scale={plan.scale} for {outside} of {int(np.isfinite(found).sum())} people; "
                "correct the data or the scale"
            )
    return found
