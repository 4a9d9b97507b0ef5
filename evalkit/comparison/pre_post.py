"""The same people at two dates: by how much did the outcome change, and what that can and cannot show.

Not an effect of the programme: without people who did not go through it, a difference in time is only a difference in time.
"""

from __future__ import annotations

from typing import Any

from evalkit.comparison import binary
from evalkit.comparison.result import PrePost
from evalkit.comparison.waves import as_series, pair
from evalkit.errors import InputError
from evalkit.numerics.proportions import ALTERNATIVES
from evalkit.provenance import Provenance, digest
from evalkit.wording import labels, message

#: What the outcome may be, and who makes its rows.
_KINDS = {"binary": binary.estimate}
_WORDS = (
    "count", "n", "p_floor", "difference", "difference_if_worst", "difference_if_best", "change_test", "proportion_before",
    "proportion_after", "proportion_after_if_worst", "proportion_after_if_best", "natural_rate", "moved_0_to_1",
    "moved_1_to_0", "stayed_1", "stayed_0", "people_all", "people_paired", "people_only_before", "people_only_after",
    "people_neither", "empty_before", "empty_after", "pairs", "observed", "everyone", "newcombe", "tango", "manski",
    "mcnemar_exact", "mcnemar_mid_p", "mcnemar_asymptotic", "wilson", "clopper_pearson",
)  # fmt: skip


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
    provenance: Provenance | None = None,
) -> PrePost:
    """Compare the same people at two dates; the difference is after − before.

    Pairs are matched by person. People seen once are not dropped in silence: they are counted, and worst-case bounds stand
    beside the estimate made without them.

    Parameters
    ----------
    before, after : Series, or str
        Answers indexed by person: 0, 1, True, False or missing. With wide `data`, the names of the two columns; with
        long `data`, the two values of the column `wave`.
    kind : {"binary"}
        What the outcome is.
    data : DataFrame, optional
        Wide (one row per person, two answer columns) or long (one row per person and date).
    person, wave, outcome : str, optional
        Column names in `data`; `person` may be its index when wide.
    conf_level : float
        Level of the intervals, which stay two-sided.
    alternative : {"two-sided", "greater", "less"}
        For the tests; "greater": more after than before.
    selected_on : {None, "before == 0", "before == 1", "none"}
        What selection fixed. When everybody was chosen at the same starting point, no test is made: the share after, and the natural
        rate of change that would cancel it, are given instead. None: a starting point that is the same for all is taken as fixed by
        selection. "none": selection did not look at the starting point, even if it is the same for all.
    provenance : Provenance, optional
        Default: records of real people.

    Returns
    -------
    PrePost
        Rows by ``term``, ``part`` and ``method``:

        - ``difference``: Newcombe's square-and-add and Tango's score interval;
        - ``change_test``: McNemar exact, mid-p, asymptotic, with ``p_floor``, the least p that so many changes can give;
        - ``difference_if_worst`` / ``_if_best``: Manski's bounds, every missing answer taken at its least, then most favourable;
        - ``proportion_before`` / ``_after`` among pairs and among every answer;
        - the 2 × 2 table and who was seen when, as counts.

    Raises
    ------
    InputError
        For unknown arguments, persons listed twice at a date, answers other than 0 and 1, a stated selection that the data
        contradict: all faults of the data at once.

    References
    ----------
    Newcombe (1998), Statistics in Medicine 17:2635, method 10. Tango (1998), Statistics in Medicine 17:891. Fagerland, Lydersen &
    Laake (2013), BMC Medical Research Methodology 13:91. Manski (1989), Journal of Human Resources 24:343.

    Examples
    --------
    >>> import pandas as pd
    >>> before = pd.Series([1, 1] + [0] * 19, index=[f"p{i}" for i in range(21)])
    >>> after = pd.Series([1, 0] + [1] * 7 + [0] * 12, index=before.index)
    >>> answer = pre_post(before, after)
    >>> answer.tidy().loc[:4, ["term", "method", "estimate", "p_value", "conf_low", "conf_high"]].round(3)
              term              method  estimate  p_value  conf_low  conf_high
    0   difference            newcombe     0.286      NaN     0.026      0.507
    1   difference               tango     0.286      NaN     0.026      0.517
    2  change_test       mcnemar_exact       NaN    0.070       NaN        NaN
    3  change_test       mcnemar_mid_p       NaN    0.039       NaN        NaN
    4  change_test  mcnemar_asymptotic       NaN    0.034       NaN        NaN
    >>> print(answer.caveats[0].text("en"))
    No counterfactual: nothing here says what would have happened without the programme.
    """
    _check("kind", kind, _KINDS)
    _check("alternative", alternative, ALTERNATIVES)
    if selected_on is not None:
        _check("selected_on", selected_on, binary.SELECTIONS)
    if not 0 < conf_level < 1:
        raise InputError(f"pre_post: conf_level must lie strictly between 0 and 1, but was {conf_level}")
    waves = pair(*as_series(before, after, data, person, wave, outcome))
    table, question, caveats = _KINDS[kind](waves, binary.Plan(conf_level, alternative, selected_on))
    if waves.numbered and len(waves.frame):
        caveats = (*caveats, message("comparison.rows_numbered"))
    if provenance is None:
        provenance = Provenance(inputs={"pre_post": digest(waves.frame.reset_index())})
    return PrePost(
        table=table,
        question=question,
        caveats=caveats,
        provenance=provenance,
        glance_values={
            "kind": kind,
            "n_total": int(table.loc[table["term"] == "people_all", "count"].iloc[0]),
            "n_paired": int(table.loc[table["term"] == "people_paired", "count"].iloc[0]),
            "conf_level": conf_level,
            "alternative": alternative,
        },
        labels=labels("comparison", *_WORDS),
    )


def _check(name: str, value: object, allowed: Any) -> None:
    if value not in allowed:
        raise InputError(f"pre_post: {name} must be one of {', '.join(allowed)}, but was {value!r}")
