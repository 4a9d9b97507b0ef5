"""The same people at two dates: by how much did the outcome change, and what that can and cannot show.

Not an effect of the programme: without people who did not go through it, a difference in time is only a difference in time.
"""

from __future__ import annotations

import dataclasses
import importlib
from collections.abc import Sequence
from typing import Any

import numpy as np

from evalkit.comparison.paired.answer import WORDS, PrePost
from evalkit.comparison.paired.plan import Plan, margins
from evalkit.comparison.paired.waves import as_series, pair
from evalkit.errors import InputError
from evalkit.numerics.arguments import level, numbers, one_of
from evalkit.numerics.proportions import ALTERNATIVES
from evalkit.provenance import Provenance, digest
from evalkit.wording import labels, message

#: What the outcome may be, and the module that makes its answer: ``estimate(waves, plan)``.
_KINDS = {
    "binary": "binary",
    "nominal": "nominal",
    "ordinal": "ordinal",
    "count": "counts",
    "continuous": "continuous",
}
#: Kinds whose margins are ratios.
_RATIOS = ("count",)
#: Arguments that only some kinds read; given to another, they would be passed over in silence.
_ONLY_FOR = {
    "order": ("nominal", "ordinal"),
    "scores": ("ordinal",),
    "exposure": ("count",),
    "scale": ("continuous",),
}


def pre_post(
    before: Any,
    after: Any,
    kind: str = "binary",
    *,
    data: Any = None,
    person: str | None = None,
    wave: str | None = None,
    outcome: str | None = None,
    conf_level: float = 0.95,
    alternative: str = "two-sided",
    selected_on: str | None = None,
    margin: float | Sequence[float | None] | None = None,
    order: Sequence[Any] | None = None,
    scores: Sequence[float] | None = None,
    zeros: str = "wilcoxon",
    exposure: Sequence[float] | None = None,
    scale: Sequence[float] | None = None,
    seed: int = 1,
    provenance: Provenance | None = None,
) -> PrePost:
    """Compare the same people at two dates; the difference is after − before.

    Pairs are matched by person. People seen once are not dropped in silence: they are counted, and worst-case bounds stand
    beside the estimate made without them.

    Parameters
    ----------
    before, after : Series, or str
        Answers indexed by person: 0, 1, True, False or missing (other kinds: categories, whole numbers, numbers). With wide `data`,
        the names of the two columns; with long `data`, the two values of the column `wave`.
    kind : {"binary", "nominal", "ordinal", "count", "continuous"}
        What the outcome is.
    data : DataFrame, optional
        Wide (one row per person, two answer columns) or long (one row per person and date).
    person, wave, outcome : str, optional
        Column names in `data`; `person` may be its index when wide.
    conf_level : float
        Level of the intervals, which stay two-sided.
    alternative : {"two-sided", "greater", "less"}
        For the tests; "greater": more after than before.
    selected_on : {None, "before == 0", "before == 1", "none"}, or "before == " and a category or number
        What selection fixed. When everybody was chosen at the same starting point, no test is made: the share after, and the natural
        rate of change that would cancel it, are given instead. None: a starting point that is the same for all is taken as fixed by
        selection. "none": selection did not look at the starting point, even if it is the same for all.
    margin : float or (low, high), optional
        Differences (ratios, for counts) that would not matter: adds tests of equivalence (two one-sided tests), or of non-inferiority
        when one side is None.
    order : sequence, optional
        Categories of an ordinal or nominal outcome, in order, all that may occur; by default those of a categorical column, else
        numbers in order (nominal: those seen, sorted).
    scores : sequence of float, optional
        Number of each category of an ordinal outcome; by default 1, 2, 3 …, or the numbers themselves when the answers are numbers
        and no order is given.
    zeros : {"wilcoxon", "pratt"}
        Differences of zero in the signed-rank test: left out before ranking, or ranked and then left out.
    exposure : (float, float)
        Time behind each person's counts before and after; default 1 and 1.
    scale : (float, float), optional
        Least and greatest value that a continuous outcome can take: adds Manski's bounds.
    seed : int
        Of exchanges drawn at random where there are too many to list.
    provenance : Provenance, optional
        Default: records of real people.

    Returns
    -------
    PrePost
        Rows by ``term``, ``part`` and ``method``:

        - ``difference``: Newcombe's square-and-add, Tango's score, and Bonett and Price's adjusted Wald interval;
          ``ratio``: Tang's score and Bonett and Price's hybrid interval;
        - ``change_test``: McNemar exact, mid-p, asymptotic, with ``p_floor``, the least p that so many changes can give;
        - ``difference_if_worst`` / ``_if_best``: Manski's bounds, every missing answer taken at its least, then most favourable;
        - ``equivalence``: Tango's score tests of the margins, with the interval at 1 − 2α;
        - ``proportion_before`` / ``_after`` among pairs, among every answer, and among people without a "before";
        - the 2 × 2 table and who was seen when, as counts.

        Of a nominal outcome (keys ``category`` and, for moves, ``to`` besides):

        - ``homogeneity_test``: Stuart-Maxwell, Bhapkar, and exchange of the dates within people (exact, mid-p, or drawn);
          ``symmetry_test``: Bowker, and the same exchange;
        - ``difference``, ``change_test`` (McNemar mid-p, and Holm's), ``equivalence``, bounds and shares of each category;
        - ``stayed``, ``moved``: the k × k table.

        Of counts:

        - ``rate_ratio``, ``change_test``: from person to person, which is the one to read, and from totals (Poisson, exact and mid-p);
        - ``dispersion``: about 1 if the Poisson rows hold; ``mean_difference``; ``equivalence`` on the scale of ratios;
        - ``rate_…``, ``events_…``, ``carriers_…`` (people with an event) ``before`` / ``after``, ``changed``.

        Of a continuous or ordinal outcome:

        - ``difference``: mean difference (of scores), t interval; ``hodges_lehmann``, ``median_difference``: the centre and the
          median of the differences, with ``level_achieved``, the level that their exact intervals really have;
        - ``change_test``: paired t or scored marginal homogeneity, permutation, signed ranks, signs;
        - ``superiority`` (ordinal): share who answer higher after less share who answer lower, Tango's interval;
        - ``d_z``, ``d_av``, ``g_av`` (continuous), ``rank_biserial``: standardised sizes;
        - ``equivalence``: the margins, by t and by signed ranks; ``mean_before`` / ``_after``, ``went_up``, ``went_down``, ``stayed``.

    Raises
    ------
    InputError
        For unknown arguments, persons listed twice at a date, answers other than 0 and 1, a stated selection that the data
        contradict: all faults of the data at once.

    References
    ----------
    Newcombe (1998), Statistics in Medicine 17:2635, method 10. Tango (1998), Statistics in Medicine 17:891. Fagerland, Lydersen &
    Laake (2013), BMC Medical Research Methodology 13:91, and (2014), Statistics in Medicine 33:2850. Stuart (1955), Biometrika
    42:412. Bhapkar (1966), JASA 61:228. Bowker (1948), JASA 43:572. Fay (2010), Biostatistics 11:373. Manski (1989), Journal of
    Human Resources 24:343.

    Examples
    --------
    >>> import pandas as pd
    >>> before = pd.Series([1, 1] + [0] * 19, index=[f"p{i}" for i in range(21)])
    >>> after = pd.Series([1, 0] + [1] * 7 + [0] * 12, index=before.index)
    >>> answer = pre_post(before, after)
    >>> answer.tidy().loc[:5, ["term", "method", "estimate", "p_value", "conf_low", "conf_high"]].round(3)
              term              method  estimate  p_value  conf_low  conf_high
    0   difference            newcombe     0.286      NaN     0.026      0.507
    1   difference               tango     0.286      NaN     0.026      0.517
    2   difference        bonett_price     0.286      NaN     0.013      0.508
    3  change_test       mcnemar_exact       NaN    0.070       NaN        NaN
    4  change_test       mcnemar_mid_p       NaN    0.039       NaN        NaN
    5  change_test  mcnemar_asymptotic       NaN    0.034       NaN        NaN
    >>> print(answer.caveats[0].text("en"))
    No counterfactual: nothing here says what would have happened without the programme.
    """
    one_of(kind, _KINDS, "kind")
    one_of(alternative, ALTERNATIVES, "alternative")
    one_of(zeros, ("wilcoxon", "pratt"), "zeros")
    _check_meant(kind, order=order, scores=scores, exposure=exposure, scale=scale)
    plan = Plan(
        level(conf_level),
        alternative,
        selected_on,
        margins(margin, "pre_post", 1.0 if kind in _RATIOS else 0.0),
        None if order is None else tuple(order),
        None if scores is None else tuple(numbers(scores, "scores").tolist()),
        zeros,
        (1.0, 1.0) if exposure is None else _exposure(exposure),
        scale=None if scale is None else _scale(scale),
        seed=seed,
    )
    waves = pair(*as_series(before, after, data, person, wave, outcome))
    maker = importlib.import_module(f"evalkit.comparison.paired.{_KINDS[kind]}")
    answer = maker.estimate(waves, plan)
    if waves.numbered and len(waves.frame):
        answer = answer.with_caveats(message("comparison.rows_numbered"))
    if provenance is None:
        provenance = Provenance(inputs={"pre_post": digest(waves.frame.reset_index())})
    seen = waves.counts()
    about = {
        "kind": kind,
        "n_total": seen["people_all"],
        "n_paired": seen["people_paired"],
        "conf_level": plan.conf_level,
        "alternative": alternative,
    }
    return dataclasses.replace(
        answer,
        provenance=provenance,
        glance_values={**about, **answer.glance_values},
        labels={**labels("comparison", *WORDS), **answer.labels},
    )


def _check_meant(kind: str, **given: Any) -> None:
    stray = [name for name, value in given.items() if value is not None and kind not in _ONLY_FOR[name]]
    if stray:
        meant = "; ".join(
            f"{name}= is for " + " and ".join(f"kind={k!r}" for k in _ONLY_FOR[name]) for name in stray
        )
        raise InputError(f"pre_post: kind={kind!r} does not read {', '.join(stray)} ({meant}); leave it out")


def _scale(scale: Sequence[float]) -> tuple[float, float]:
    found = numbers(scale, "scale")
    if found.shape != (2,) or not np.isfinite(found).all() or not found[0] < found[1]:
        raise InputError(f"pre_post: scale must be (least, greatest), two finite numbers, but was {scale!r}")
    return float(found[0]), float(found[1])


def _exposure(exposure: Sequence[float]) -> tuple[float, float]:
    found = numbers(exposure, "exposure")
    if found.shape != (2,) or not ((found > 0) & (found < float("inf"))).all():
        raise InputError(
            f"pre_post: exposure must be two numbers above 0 (before, after), but was {exposure!r}"
        )
    return float(found[0]), float(found[1])
