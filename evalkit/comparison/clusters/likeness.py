"""How alike people of one cluster are, as an answer: correlation, design effect, and the number of people they are worth.

Not a test: few clusters leave a wide interval.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from evalkit.comparison.clusters.answer import SHARED, ClusterAnswer, cells_of
from evalkit.comparison.clusters.few import count_arms
from evalkit.comparison.clusters.rows import WORDS, alike_rows, arm_rows
from evalkit.comparison.core.answer import reasons
from evalkit.comparison.core.people import number_values, rows_of, two_levels
from evalkit.comparison.core.rows import frame, row
from evalkit.numerics.arguments import level
from evalkit.provenance import Provenance, digest
from evalkit.wording import labels, message


def intracluster_correlation(
    data: Any,
    outcome: str,
    cluster: str,
    *,
    treatment: str | None = None,
    conf_level: float = 0.95,
    missing: str = "error",
    provenance: Provenance | None = None,
) -> ClusterAnswer:
    """Measure how alike people of one cluster are, by analysis of variance.

    Parameters
    ----------
    data : DataFrame
        One row per person.
    outcome, cluster : str
        Columns: numbers (or 0 and 1); any labels.
    treatment : str, optional
        Column of two groups, within which likeness is measured: what the programme changes is not likeness.
    conf_level : float
    missing : {"error", "drop"}
    provenance : Provenance, optional
        Default: records of real people.

    Returns
    -------
    ClusterAnswer
        ``icc`` with Searle's interval, ``design_effect``, ``effective_people``, clusters and people.

    Raises
    ------
    InputError
        Columns absent, missing values unless dropped, other than two groups.

    References
    ----------
    Donner (1986), International Statistical Review 54:67; Kerry & Bland (2001), Statistics in Medicine 20:377.

    Examples
    --------
    >>> import pandas as pd
    >>> people = pd.DataFrame({"site": list("aabbcc"), "score": [1, 2, 2, 3, 7, 8]})
    >>> intracluster_correlation(people, "score", "site").tidy()[["term", "estimate"]].round(3)
                   term  estimate
    0               icc     0.953
    1     design_effect     1.953
    2  effective_people     3.073
    3          clusters     3.000
    """
    conf_level = level(conf_level)
    function = "intracluster_correlation"
    columns = [outcome, cluster, *([] if treatment is None else [treatment])]
    people, _, said = rows_of(data, columns, function, missing)
    values = people[outcome].astype(float) if pd.api.types.is_bool_dtype(people[outcome]) else people[outcome]
    y = number_values(values, outcome, function)
    codes = pd.factorize(people[cluster])[0]
    treated = None
    if treatment is not None:
        treated = (people[treatment] == two_levels(people[treatment], treatment, function)[1]).to_numpy(bool)
    rows = alike_rows(y, codes, treated, conf_level)
    negative = bool(rows[0]["estimate"] < 0)
    rows += (
        [row("clusters", estimate=int(codes.max()) + 1, n=len(y))]
        if treated is None
        else arm_rows(count_arms(treated, codes))
    )
    table = frame(rows)
    about = [message("comparison_clusters.alike_negative")] if negative else []
    return ClusterAnswer(
        table,
        message("comparison_clusters.question_alike"),
        (*said, *about, *reasons(table)),
        provenance=provenance or Provenance(inputs={function: digest(data)}),
        glance_values={"n": len(y), "n_clusters": len(np.unique(codes)), "conf_level": conf_level},
        labels={**SHARED, **labels("comparison_clusters", *WORDS)},
        cells=cells_of(y, treated),
    )
