"""Two groups before and after: the change in one less the change in the other, what it assumes, and what would overturn it.

Not for starts at several dates: `event_study` is.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from evalkit.comparison.core.answer import reasons
from evalkit.comparison.core.rows import frame
from evalkit.comparison.dates import leads, twofold
from evalkit.comparison.dates.differenced import WORDS, DifferenceInDifferences
from evalkit.comparison.dates.sampling import FUNCTION, Sample, read, written
from evalkit.comparison.dates.student import Asked
from evalkit.disclosure import Headcount
from evalkit.numerics.arguments import generator, level, one_of
from evalkit.numerics.proportions import ALTERNATIVES
from evalkit.provenance import Provenance, digest
from evalkit.wording import Message, labels, message

#: Fewer clusters than this in a group are named.
_FEW = 10


def difference_in_differences(
    data: pd.DataFrame,
    outcome: str,
    *,
    group: str,
    time: str,
    post: Any = None,
    unit: str | None = None,
    cluster: str | None = None,
    adjust: str | None = None,
    weights: str | None = None,
    kind: str = "continuous",
    reference: Any = None,
    conf_level: float = 0.95,
    alternative: str = "two-sided",
    missing: str = "error",
    seed: int = 1,
    provenance: Provenance | None = None,
) -> DifferenceInDifferences:
    """Compare how much two groups changed: the change among the treated less the change in the reference group.

    Parameters
    ----------
    data : DataFrame
        Long: one row per person and date, or per answer of a repeated survey.
    outcome : str
        Numbers; 0 and 1 for ``kind="binary"``.
    group : str
        Two groups; whoever is ever treated is so at all dates.
    time : str
        Dates, numbers, or ordered categories.
    post : value of `time`, or list of values, optional
        The first date after (later ones are after too), or all dates after. Not needed with two dates that have an order.
    unit : str, optional
        Who is who. Given, the same people are compared with themselves, those seen at every date first (``pairs``), then all answers
        (``observed``). Not given, dates are taken as separate samples.
    cluster : str, optional
        What treatment was decided for (site, class). With one in a group no test is made: nothing says how sites differ anyway.
        When the groups are sites themselves (the column is called ``site``), they are the clusters.
    adjust : str, optional
        Formula of characteristics that do not change in time: ``"age + C(diploma)"``.
    weights : str, optional
        Sampling weights, the same at all dates for a person.
    kind : {"continuous", "binary"}
        Of a yes/no outcome the difference is between shares.
    reference : value of `group`, optional
        By default the first in order.
    conf_level : float
        Level of the intervals, which stay two-sided.
    alternative : {"two-sided", "greater", "less"}
        For the tests; "greater": the treated gained more.
    missing : {"error", "drop"}
    seed : int
        Of the simultaneous band over dates.
    provenance : Provenance, optional
        Default: records of real people.

    Returns
    -------
    DifferenceInDifferences
        Rows by ``term``, ``part``, ``method`` and ``time``:

        - ``difference_in_differences``: Welch on changes (``welch``); CR2 with Satterthwaite's degrees of freedom by `cluster`
          (``cr2``) or person (``cr2_person``); HC2 under weights (``hc2``); with `adjust` by ``regression`` of changes and
          ``doubly_robust``;
        - ``change_reference``, ``change_treated``, and the four means;
        - with several dates ``effect_at`` each (pointwise and ``simultaneous``), ``average_effect`` from the last date before,
          ``pretrend_test`` (joint, Hotelling), ``least_pretrend_seen`` (missed one time in five), ``effect_if_trend_goes_on``;
        - ``violation_per_step``: how far the groups would have to part from one date to the next for the interval to reach zero, and
          ``violation_over_pretrend``, the same as a multiple of the largest step seen before;
        - who is seen when, by group.

    Raises
    ------
    InputError
        Columns that are not there or hold something else, dates without order, people twice at a date or in both groups.

    References
    ----------
    Sant'Anna & Zhao (2020), Journal of Econometrics 219:101. Pustejovsky & Tipton (2018), Journal of Business & Economic Statistics
    36:672. Roth (2022), AER: Insights 4:305. Rambachan & Roth (2023), Review of Economic Studies 90:2555.

    Examples
    --------
    >>> wide = pd.DataFrame({"id": range(8), "served": list("aaaabbbb"), "1": [4, 5, 6, 5, 3, 4, 5, 4], "2": [5, 5, 7, 6, 6, 6, 9, 7]})
    >>> long = wide.melt(id_vars=["id", "served"], var_name="wave", value_name="visits").astype({"wave": int})
    >>> answer = difference_in_differences(long, "visits", group="served", time="wave", unit="id")
    >>> answer.tidy()[["term", "method", "estimate", "conf_low", "conf_high", "p_value"]].head(3).round(3)
                            term method  estimate  conf_low  conf_high  p_value
    0  difference_in_differences  welch      2.25     1.017      3.483    0.005
    1           change_reference  welch      0.75    -0.046      1.546    0.058
    2             change_treated  welch      3.00     1.701      4.299    0.005
    """
    one_of(kind, ("continuous", "binary"), "kind")
    one_of(alternative, ALTERNATIVES, "alternative")
    asked = Asked(level(conf_level), alternative)
    rng = generator(seed)
    if cluster is not None and cluster == unit:
        cluster = None
    if cluster is None and group == "site" and unit != "site":
        # As in the records of a programme: people of one site were not treated one by one.
        cluster = group
    sample, left_out = read(
        data, outcome, group, time, post, unit, cluster, adjust, weights, kind, reference, missing
    )
    rows, dated = [], []
    parts = {"pairs": sample.only(sample.complete)} if unit is not None else {}
    if unit is None or not sample.complete.all():
        parts["observed"] = sample
    for part, people in parts.items():
        if len(people) == 0:
            reason = message("comparison_dates.nobody_every")
            rows += twofold.refused(reason, part, 0, "cr2" if cluster else "welch")
            continue
        made = twofold.paired_rows if part == "pairs" else twofold.crossed_rows
        rows += made(people, asked, adjust is not None)
        if len(sample.dates) > 2:
            dated += leads.profile_rows(people, part, asked, rng)
    for part, people in parts.items():
        if len(people):
            rows += twofold.mean_rows(people, part)
    table = frame([*rows, *dated, *twofold.people_rows(sample)], keys=("time",))
    if provenance is None:
        provenance = Provenance(inputs={FUNCTION: digest(_as_frame(sample))}, seed=seed)
    return DifferenceInDifferences(
        table,
        message("comparison_dates.question_did", treated=sample.groups[1], reference=sample.groups[0]),
        (*left_out, *_caveats(sample, table, kind, cluster, asked), *reasons(table)),
        provenance,
        {
            "kind": kind, "n_total": sum(sample.known) or len(data), "n_rows": len(sample), "n_dates": len(sample.dates),
            "reference": sample.groups[0], "treated": sample.groups[1], "conf_level": asked.conf_level,
            "alternative": alternative,
        },
        labels("comparison_dates", *WORDS),
        dates=tuple(written(d) for d in sample.dates),
        first_after=sample.first_after,
        smallest=_smallest(sample) if kind == "binary" or np.isin(sample.y, (0, 1)).all() else 0,
        alike=kind == "binary" and _alike(sample),
    )  # fmt: skip


def _caveats(
    sample: Sample, table: pd.DataFrame, kind: str, cluster: str | None, asked: Asked
) -> list[Message]:
    said = [message("comparison_dates.parallel", treated=sample.groups[1], reference=sample.groups[0])]
    if kind == "binary":
        said.append(message("comparison_dates.parallel_scale"))
    said += _overturned(table)
    tested = table[(table["term"] == "pretrend_test") & table["p_value"].notna()]
    if len(tested):
        least = table.loc[table["term"] == "least_pretrend_seen", "estimate"].iloc[0]
        said.append(message("comparison_dates.pretrend_power", slope=float(least)))
    elif sample.first_after == 1:
        said.append(message("comparison_dates.no_pretrend"))
    if sample.unit is None:
        said.append(message("comparison_dates.separate_samples"))
    elif not sample.complete.all():
        lost = len(np.unique(sample.unit[~sample.complete]))
        said.append(message("comparison_dates.unbalanced", n=Headcount(lost)))
    if cluster is None:
        said.append(message("comparison_dates.people_as_units"))
    else:
        clusters = [len(np.unique(sample.cluster[sample.treated == arm])) for arm in (False, True)]
        if 1 < min(clusters) < _FEW:
            said.append(message("comparison_dates.few_clusters_said", n=min(clusters)))
    if asked.alternative != "two-sided":
        side = message(f"comparison_dates.{asked.alternative}_did")
        said.append(message("comparison_dates.one_sided", side=side, level=asked.conf_level))
    return said


def _overturned(table: pd.DataFrame) -> list[Message]:
    """Return how far from parallel the groups would have to go for the first interval to reach zero."""
    steps = table[(table["term"] == "violation_per_step") & (table["estimate"] > 0)]
    if len(steps):
        return [message("comparison_dates.violation_steps", step=float(steps["estimate"].iloc[0]))]
    if (table["term"] == "violation_per_step").any():
        return []
    main = table[(table["term"] == "difference_in_differences") & table["conf_low"].notna()]
    if main.empty:
        return []
    margin = max(float(main["conf_low"].iloc[0]), -float(main["conf_high"].iloc[0]))
    return [message("comparison_dates.violation", gap=margin)] if margin > 0 else []


def _smallest(sample: Sample) -> int:
    """Return the smallest count above 0 of people with the same group and answer at a date, or the same pair of answers."""
    counts = [np.bincount(2 * sample.date + (sample.y > 0), weights=sample.treated == arm) for arm in (0, 1)]
    if sample.unit is not None:
        wide = pd.DataFrame({"unit": sample.unit, "date": sample.date, "y": sample.y, "arm": sample.treated})
        paths = wide.pivot(index=["arm", "unit"], columns="date", values="y").fillna(-1)
        counts.append(paths.groupby(["arm", *paths.columns]).size().to_numpy())
    seen = np.concatenate(counts)
    return int(seen[seen > 0].min())


def _alike(sample: Sample) -> bool:
    cells = pd.DataFrame({"date": sample.date, "arm": sample.treated, "y": sample.y}).groupby(["date", "arm"])
    return bool((cells["y"].nunique() == 1).any())


def _as_frame(sample: Sample) -> pd.DataFrame:
    columns = {
        "y": sample.y, "treated": sample.treated, "date": [str(sample.dates[k]) for k in sample.date],
        "unit": sample.unit, "cluster": sample.cluster, "weight": sample.weight if sample.weighted else None,
    }  # fmt: skip
    columns |= {name: sample.covariates[:, k] for k, name in enumerate(sample.names)}
    return pd.DataFrame({name: values for name, values in columns.items() if values is not None})
