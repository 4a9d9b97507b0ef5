"""Two groups at one date: by how much do they differ, and what that can and cannot show.

Not an effect, unless people were assigned by lot.
"""

from __future__ import annotations

import importlib
import math
from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd

from evalkit import wording
from evalkit.comparison.adjusting.rows import WORDS as ADJUSTING
from evalkit.comparison.adjusting.rows import adjusted_rows
from evalkit.comparison.clusters.rows import WORDS as CLUSTERS
from evalkit.comparison.clusters.rows import cluster_rows
from evalkit.comparison.core.answer import reasons
from evalkit.comparison.core.rows import frame
from evalkit.comparison.groups.answer import TwoGroups
from evalkit.comparison.groups.made import PARTS, Made, described_rows, fewest_of, obstacle, people_rows
from evalkit.comparison.groups.ordinal import category_rows, counts_of
from evalkit.comparison.groups.people import Groups, read_groups
from evalkit.comparison.groups.plan import KINDS, GroupPlan
from evalkit.comparison.paired.plan import margins
from evalkit.errors import InputError
from evalkit.numerics.arguments import column_names, generator, level, one_of
from evalkit.numerics.proportions import ALTERNATIVES
from evalkit.provenance import Provenance, digest
from evalkit.wording import Message, labels, message

#: Module that makes the rows of each kind: ``rows_of(groups, plan)``.
_KINDS = {"binary": "binary", "continuous": "measured", "ordinal": "ordinal", "nominal": "nominal", "count": "counting"}  # fmt: skip
#: Raw estimates, beside which adjusted ones stand.
_RAW = ("difference", "rate_ratio", "rate_difference")
#: Codes of the tables.
WORDS = (
    "category", "category_share", "difference",
    "risk_ratio", "odds_ratio", "group_test", "equivalence", "non_inferiority", "non_superiority",
    "people_per_one_more", "people_per_one_fewer", "proportion", "mean", "mean_score", "standard_deviation", "rate", "events", "shift",
    "superiority", "standardised_difference", "score_difference", "proportional_odds_ratio", "proportional_odds_fit",
    "share_difference", "share_test", "rate_ratio", "rate_difference", "rank_difference", "effective_n", "people_compared",
    "people_without_group", "newcombe", "miettinen_nurminen", "koopman", "cornfield", "conditional_exact", "conditional_mid_p",
    "fisher_exact", "fisher_mid_p", "fisher_holm", "boschloo", "chi_squared", "farrington_manning", "wilson", "welch",
    "hodges_lehmann", "mann_whitney_exact", "mann_whitney_normal", "newcombe_5", "brunner_munzel", "hedges_g",
    "permutation_exact", "permutation_drawn", "student", "wald", "likelihood_ratio", "freeman_halton_exact",
    "freeman_halton_drawn", "sandwich", "quasi_poisson", "linearised", "linearised_holm", "lumley_scott", "wald_f", "logit",
    "korn_graubard", "kish", "p_floor", "n", "count",
)  # fmt: skip


def two_groups(
    outcome: Any,
    group: Any,
    *,
    data: pd.DataFrame | None = None,
    kind: str = "binary",
    reference: Any = None,
    assignment: str = "not random",
    weights: Any = None,
    cluster: Any = None,
    strata: Any = None,
    exposure: Any = None,
    adjust: str | Sequence[str] | None = None,
    method: str | Sequence[str] | None = None,
    estimand: str = "att",
    options: Mapping[str, Any] | None = None,
    order: Sequence[Any] | None = None,
    scores: Sequence[float] | None = None,
    margin: float | Sequence[float | None] | None = None,
    conf_level: float = 0.95,
    alternative: str = "two-sided",
    missing: str = "error",
    seed: int = 0,
    provenance: Provenance | None = None,
) -> TwoGroups:
    """Compare two groups of people; the difference is other − reference.

    Parameters
    ----------
    outcome, group : str or Series
        Columns of `data`, or series with the same index. `group` holds two values.
    data : DataFrame, optional
    kind : {"binary", "continuous", "ordinal", "nominal", "count"}
        What the outcome is.
    reference : optional
        The group compared with; default: the first in order (False, 0, "a" before "b", the first category).
    assignment : {"not random", "random"}
        Whether a lot decided who is in which group. Without a lot the answer says that a difference is no effect.
    weights : str or Series, optional
        How many people each person stands for in a survey (all above 0); every estimate is then about those people, with linearised
        variances, and no exact test is made.
    cluster : str or Series, optional
        Clusters that were drawn, or assigned, as a whole: CR2 with Satterthwaite's degrees of freedom; refused with one in an arm.
    strata : str or Series, optional
        Strata of a survey; needs `weights`.
    exposure : str or Series, optional
        Time behind each count.
    adjust : str or sequence of str, optional
        Columns of `data`, or the right-hand side of a formula: adjusted estimates stand beside the raw ones.
    method, estimand, options :
        How to adjust; see `evalkit.comparison.adjusting`.
    order : sequence, optional
        Categories of an ordinal or nominal outcome, in order.
    scores : sequence of float, optional
        Increasing number of each category of an ordinal outcome; default 1, 2, 3 …
    margin : float or (low, high), optional
        Differences (of rates: ratios; of ordinal outcomes: of mean scores) that would not matter: adds tests of equivalence, or
        of non-inferiority when one side is None.
    conf_level : float
        Level of the intervals, which stay two-sided.
    alternative : {"two-sided", "greater", "less"}
        For the tests; "greater": more in the other group.
    missing : {"error", "drop"}
        Rows in which something asked is missing.
    seed : int
        For tests that draw arrangements at random.
    provenance : Provenance, optional
        Default: records of real people.

    Returns
    -------
    TwoGroups
        Rows by ``term``, ``part`` ("reference" and "other") and ``method``:

        - binary: ``difference`` (Newcombe, Miettinen-Nurminen), ``risk_ratio`` (Koopman, Miettinen-Nurminen), ``odds_ratio``
          (Cornfield without correction, Miettinen-Nurminen, conditional exact), ``group_test`` (Fisher exact and mid-p,
          Boschloo, chi-squared without correction), ``people_per_one_more`` / ``_fewer``, ``proportion``;
        - continuous: ``difference`` (Welch), ``shift`` (Hodges-Lehmann, achieved level), ``superiority``, ``standardised_difference``
          (Hedges), ``group_test`` (permutation, Mann-Whitney), ``mean``, ``standard_deviation``;
        - ordinal: ``superiority``, ``score_difference``, ``group_test``, ``proportional_odds_ratio`` and its ``_fit``, ``category``;
        - nominal: ``group_test`` (chi-squared, Freeman-Halton), ``share_difference`` and ``share_test`` (Holm) by category;
        - count: ``rate_ratio`` (conditional exact, sandwich, quasi-Poisson), ``rate_difference``, ``rate``, ``events``;
        - always ``people_compared``: how many of each group, of how many.

    Raises
    ------
    InputError
        Unknown arguments; series that do not meet; not two groups; missing values unless dropped; outcomes not of the kind; weights or
        exposures not above 0.

    References
    ----------
    Newcombe (1998), Statistics in Medicine 17:873. Miettinen & Nurminen (1985), Statistics in Medicine 4:213. Koopman (1984),
    Biometrics 40:513. Fagerland, Lydersen & Laake (2015), Statistical Methods in Medical Research 24:224. Farrington & Manning
    (1990), Statistics in Medicine 9:1447. Altman (1998), BMJ 317:1309. Lumley & Scott (2013), Biometrika 100:831.

    Examples
    --------
    >>> import pandas as pd
    >>> people = pd.DataFrame({"group": ["usual"] * 40 + ["new"] * 35, "placed": [1] * 12 + [0] * 28 + [1] * 20 + [0] * 15})
    >>> answer = two_groups("placed", "group", data=people, reference="usual")
    >>> answer.tidy().loc[:3, ["term", "method", "estimate", "conf_low", "conf_high"]].round(3)
             term              method  estimate  conf_low  conf_high
    0  difference            newcombe     0.271     0.047      0.462
    1  difference  miettinen_nurminen     0.271     0.046      0.472
    2  risk_ratio             koopman     1.905     1.115      3.361
    3  risk_ratio  miettinen_nurminen     1.905     1.111      3.374
    >>> print(answer.caveats[0].text("en"))
    No lot decided who is in which group: the difference between them is not, by itself, an effect of what they received.
    """
    one_of(kind, KINDS, "kind")
    one_of(alternative, ALTERNATIVES, "alternative")
    one_of(assignment, ("random", "not random"), "assignment")
    generator(seed)
    if strata is not None and weights is None:
        raise InputError("two_groups: strata= describes how a survey was drawn, so it needs weights=")
    if exposure is not None and kind != "count":
        raise InputError(f"two_groups: exposure= is for counts, not for {kind} outcomes")
    plan = GroupPlan(
        kind, level(conf_level), alternative, _margin(margin, kind), _formula(adjust), column_names(method, "method"), estimand,
        seed, assignment, dict(options or {}),
    )  # fmt: skip
    if plan.adjust is None and (plan.method or plan.options):
        raise InputError("two_groups: method= and options= say how to adjust; say with adjust= for what")
    groups = read_groups(
        outcome, group, data, "two_groups", kind=kind, reference=reference, adjust=plan.adjust, missing=missing, order=order,
        scores=scores, weights=weights, cluster=cluster, strata=strata, exposure=exposure,
    )  # fmt: skip
    made = _made(groups, plan)
    rows = [*made.rows, *people_rows(groups)]
    table = frame(rows, ("category",) if any("category" in r for r in rows) else ())
    if "category" in table:
        table["category"] = table["category"].astype(object).where(table["category"].notna(), None)
    said = (*_caveats(table, groups, plan), *made.caveats, *reasons(table))
    answer = TwoGroups(
        table,
        _question(groups, plan),
        provenance=provenance or Provenance(inputs={"two_groups": digest(_as_frame(groups))}, seed=seed),
        glance_values=_about(groups, plan),
        labels=_labels(groups, plan),
        kind=kind,
        fewest=fewest_of(groups, kind),
    )
    return answer.with_caveats(*said)


def _formula(adjust: Any) -> str | None:
    return adjust if adjust is None or isinstance(adjust, str) else " + ".join(column_names(adjust, "adjust"))


def _margin(margin: Any, kind: str) -> tuple[float, float] | None:
    found = margins(margin, "two_groups", 1.0 if kind == "count" else 0.0)
    if found is not None and kind == "binary" and (-1 >= found[0] > -math.inf or 1 <= found[1] < math.inf):
        raise InputError(
            f"two_groups: margins of a difference of shares lie between -1 and 1, but were {margin!r}"
        )
    return found


def _made(groups: Groups, plan: GroupPlan) -> Made:
    """Return the rows: those of the kind, of the weighted sample or of the clusters, and the adjusted ones."""
    clustered = groups.cluster is not None and obstacle(groups) is None
    rows: list[dict[str, Any]] = []
    said: tuple[Message, ...] = ()
    if clustered:
        rows, said = cluster_rows(groups, plan)
    if groups.weights is not None or not clustered:
        module = "weighted" if groups.weights is not None else _KINDS[plan.kind]
        own = importlib.import_module(f"evalkit.comparison.groups.{module}").rows_of(groups, plan)
        rows, said = [*rows, *own.rows], (*said, *own.caveats)
    elif plan.kind != "nominal":
        rows += described_rows(groups, plan.kind)
    if plan.kind in ("ordinal", "nominal") and not any(r["term"] == "category_share" for r in rows):
        rows += category_rows(groups, counts_of(groups))
    if plan.adjust is not None:
        made = adjusted_rows(groups, plan)
        estimates = [r for r in made if r["term"].startswith("adjusted")]
        # Raw and adjusted differences stand together; what the adjusting rests on comes after.
        raw = next((i for i, r in enumerate(rows) if r["term"] not in _RAW), len(rows))
        rows = [
            *rows[:raw],
            *estimates,
            *rows[raw:],
            *(r for r in made if not r["term"].startswith("adjusted")),
        ]
    return Made(rows, said)


def _question(groups: Groups, plan: GroupPlan) -> Message:
    return message(
        f"comparison_groups.question_{plan.kind}", outcome=groups.names["outcome"], reference=groups.levels[0], other=groups.levels[1]
    )  # fmt: skip


def _caveats(table: pd.DataFrame, groups: Groups, plan: GroupPlan) -> list[Message]:
    said = [message(f"comparison_groups.{'by_lot' if plan.assignment == 'random' else 'no_lot'}")]
    if plan.alternative != "two-sided":
        side = message(
            f"comparison_groups.{plan.alternative}", other=groups.levels[1], reference=groups.levels[0]
        )
        said.append(message("comparison_groups.one_sided", side=side, level=plan.conf_level))
    if plan.kind == "ordinal":
        pairs = zip(groups.categories, groups.scores, strict=True)  # type: ignore[arg-type]
        listed = [message("comparison_groups.score", category=str(c), score=float(s)) for c, s in pairs]
        said.append(message("comparison_groups.scores", scores=listed))
    alpha = 1 - plan.conf_level
    binding = table[(table["p_floor"] > alpha * (1 + 1e-9)) & (table["term"] == "group_test")]
    said += [
        message(
            "comparison_groups.floor_binds", method=message(f"comparison_groups.{m}"), floor=f, alpha=alpha
        )
        for m, f in zip(binding["method"], binding["p_floor"], strict=True)
    ]
    return [*said, *groups.caveats()]


def _about(groups: Groups, plan: GroupPlan) -> dict[str, Any]:
    return {
        "kind": plan.kind, "n_total": groups.n_total, "n_compared": groups.n, "n_reference": groups.sizes[0],
        "n_other": groups.sizes[1], "conf_level": plan.conf_level, "alternative": plan.alternative, "assignment": plan.assignment,
    }  # fmt: skip


def _labels(groups: Groups, plan: GroupPlan) -> dict[str, dict[str, str]]:
    """Return the words of every code, the two groups under their own names."""
    known = labels("comparison_groups", *WORDS)
    if plan.adjust is not None:
        known |= labels("comparison_adjusting", *ADJUSTING)
    if groups.cluster is not None:
        known |= labels("comparison_clusters", *CLUSTERS)
    named = dict(zip(PARTS, groups.levels, strict=True))
    return known | {
        part: {
            lang: wording.text(f"comparison_groups.part_{part}", lang, level=level)
            for lang in wording.LANGUAGES
        }
        for part, level in named.items()
    }


def _as_frame(groups: Groups) -> pd.DataFrame:
    """Return what was read, for its digest."""
    roles = {
        r: getattr(groups, r) for r in ("outcome", "treated", "weights", "cluster", "strata", "exposure")
    }
    known = pd.DataFrame({r: v for r, v in roles.items() if v is not None})
    return pd.concat([known, groups.covariates.astype(str)], axis=1)
