"""Who is lost between two dates, and whether the answer survives it.

Not a remedy: several answers stand side by side because no data can tell what the lost would have said.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from evalkit.comparison.core.answer import reasons
from evalkit.comparison.core.rows import frame
from evalkit.comparison.missingness import bounds, filled, lost, seen, weights
from evalkit.comparison.missingness.answer import Attrition, Facts
from evalkit.comparison.missingness.people import People, read
from evalkit.comparison.missingness.plan import Plan
from evalkit.disclosure import Headcount
from evalkit.errors import InputError
from evalkit.numerics.arguments import generator, level, one_of
from evalkit.provenance import Provenance, digest
from evalkit.wording import Message, labels, message

#: Codes whose words this answer needs.
WORDS = (
    "group", "count", "n", "part", "lost", "lost_difference", "lost_reason", "mean_lost", "mean_seen", "smd", "not_given",
    "share_after", "mean_after", "change", "difference", "difference_of_changes", "largest_weight", "effective_n", "seen", "everyone",
    "everyone_lowest", "everyone_highest", "always_seen_lowest", "always_seen_highest", "complete_wilson", "complete_newcombe",
    "complete_t", "complete_welch", "manski", "lee", "ipw", "mi", "wilson", "newcombe",
)  # fmt: skip
KINDS = ("binary", "continuous")


def attrition(
    data: Any,
    outcome: str,
    kind: str = "binary",
    *,
    before: str | None = None,
    arm: str | None = None,
    reference: Any = None,
    characteristics: str | Sequence[str] = (),
    formula: str | None = None,
    reason: str | None = None,
    scale: Sequence[float] | None = None,
    m: int = 20,
    iterations: int = 10,
    seed: int = 0,
    conf_level: float = 0.95,
    missing: str = "error",
    provenance: Provenance | None = None,
) -> Attrition:
    """Say who is lost at the second date, and give the answer under each way of taking the loss into account.

    Complete cases, Manski's and Lee's bounds, inverse weighting and multiple imputation stand side by side, each with its interval and
    number of people, so that nobody picks one afterwards. For the same reason the bounds are no functions of their own.

    Parameters
    ----------
    data : DataFrame
        One row per person, the lost included.
    outcome : str
        Column of the answer at the second date, empty for the lost.
    kind : {"binary", "continuous"}
        Answers of 0 and 1, or numbers.
    before : str, optional
        Column of the answer at the first date: the change (after − before) is then estimated.
    arm : str, optional
        Column of the group, two or a few; each is compared with the reference.
    reference : optional
        Level of `arm` that is subtracted; default the first in order.
    characteristics : str or list of str
        Columns known for the lost too: who is lost is told by each, weighting and imputation lean on all.
    formula : str, optional
        Model of being seen, for the weights, such as ``"arm * age + site"``; default: arm, before and the characteristics, added up.
    reason : str, optional
        Column of the reason of loss; read for the lost only.
    scale : (float, float), optional
        Least and greatest possible answer of a continuous outcome; Manski's bounds need it.
    m, iterations : int
        Imputed data sets, and rounds over the columns.
    seed : int
        Of the imputation.
    conf_level : float
    missing : {"error", "drop"}
        What to do with rows without a "before" or an arm. An empty characteristic is never an error: imputation fills it in, weighting
        leaves the person out and says so.
    provenance : Provenance, optional
        Default: records of real people.

    Returns
    -------
    Attrition
        Rows by ``term``, ``group``, ``part`` and ``method``:

        - ``lost``: share lost, overall, by arm, by level (Wilson); ``lost_difference``: between arms (Newcombe);
          ``mean_lost``, ``mean_seen``, ``smd``: how the lost differ; ``lost_reason``;
        - ``share_after``, ``mean_after`` or ``change`` of each group, ``difference`` or ``difference_of_changes`` between arms, by
          ``complete_…``, ``manski``, ``lee`` (differences only), ``ipw`` and ``mi``. Bounds are two rows (at least, at most) that
          carry the same interval: Imbens and Manski's, of the true value;
        - ``largest_weight`` (stabilised by the share seen of the group) and ``effective_n`` of the weighting.

    Raises
    ------
    InputError
        Columns absent, values of the wrong kind or outside the scale, missing "before" or arm unless dropped.

    Notes
    -----
    Groups of which everybody is seen, or nobody, take no part in the model of being seen. Lost people like whom nobody is seen stop
    the weighting; people whom the model is sure to see weigh 1. Intervals of weighted and imputed shares are made on the logit scale.

    References
    ----------
    Manski (1989), Journal of Human Resources 24:343. Lee (2009), Review of Economic Studies 76:1071. Imbens & Manski (2004),
    Econometrica 72:1845. Robins, Rotnitzky & Zhao (1994), Journal of the American Statistical Association 89:846. Barnard & Rubin
    (1999), Biometrika 86:948. Newcombe (1998), Statistics in Medicine 17:857 and 873.

    Examples
    --------
    >>> import numpy as np, pandas as pd
    >>> people = pd.DataFrame({
    ...     "arm": ["control"] * 40 + ["programme"] * 40,
    ...     "job": [1.0] * 12 + [0.0] * 18 + [np.nan] * 10 + [1.0] * 22 + [0.0] * 14 + [np.nan] * 4,
    ... })
    >>> answer = attrition(people, "job", arm="arm")
    >>> rows = answer.tidy().query("term == 'difference'")
    >>> print(rows[["part", "method", "estimate", "conf_low", "conf_high", "n"]].round(3).to_string(index=False))
                   part            method  estimate  conf_low  conf_high  n
                   seen complete_newcombe     0.211    -0.029      0.420 66
        everyone_lowest            manski     0.000    -0.185      0.524 80
       everyone_highest            manski     0.350    -0.185      0.524 80
     always_seen_lowest               lee     0.133    -0.104      0.590 66
    always_seen_highest               lee     0.333    -0.104      0.590 66
               everyone               ipw     0.211    -0.037      0.460 80
               everyone                mi     0.217    -0.039      0.474 80
    """
    one_of(kind, KINDS, "kind")
    one_of(missing, ("error", "drop"), "missing")
    plan = Plan(level(conf_level), formula, _whole(m, "m", 2), _whole(iterations, "iterations", 1), seed)
    generator(seed)
    people = read(
        data, outcome, "attrition", before=before, arm=arm, characteristics=characteristics, reason=reason, kind=kind,
        reference=reference, scale=scale, missing=missing,
    )  # fmt: skip
    weights.refuse_formula(people, formula, outcome)
    return _answer(people, plan, provenance)


def _answer(people: People, plan: Plan, provenance: Provenance | None) -> Attrition:
    weighted, said = weights.weighted(people, plan)
    made = [
        *seen.complete_cases(people, plan.conf_level),
        *bounds.manski(people, plan.conf_level),
        *bounds.lee(people, plan.conf_level),
        *weighted,
        *filled.imputed(people, plan),
    ]
    place = {name: i for i, name in enumerate(dict.fromkeys(r["group"] for r in made))}
    # One group after the other, its methods side by side; what is asked most, the differences, first.
    made.sort(key=lambda r: (r["term"] in ("largest_weight", "effective_n"), -place[r["group"]]))
    table = frame(
        [
            *lost.by_arm(people, plan.conf_level),
            *made,
            *lost.by_characteristic(people, plan.conf_level),
            *lost.by_reason(people, plan.conf_level),
        ],
        keys=("group",),
    )
    if provenance is None:
        provenance = Provenance(inputs={"attrition": digest(people.frame)}, seed=plan.seed)
    n_lost = int((~people.seen).sum())
    about = {
        "n_total": people.n, "n_seen": people.n - n_lost, "n_lost": n_lost, "conf_level": plan.conf_level, "m": plan.m,
        "seed": plan.seed,
    }  # fmt: skip
    return Attrition(
        table,
        message("comparison_missingness.question_attrition"),
        (*_caveats(people, plan, n_lost), *said, *reasons(table)),
        provenance,
        about,
        labels("comparison_missingness", *WORDS),
        facts=_facts(people, table),
    )


def _caveats(people: People, plan: Plan, n_lost: int) -> tuple[Message, ...]:
    said = list(people.caveats)
    if people.before is not None and not people.arm_column:
        said.insert(0, message("result.no_counterfactual"))
    if not n_lost:
        return (*said, message("comparison_missingness.nobody_lost"))
    said.append(message("comparison_missingness.how_many", n=Headcount(n_lost), total=people.n))
    said.append(message("comparison_missingness.read_together"))
    if not people.characteristics and people.before is None and plan.formula is None:
        said.append(message("comparison_missingness.no_traits"))
    if people.arm_column:
        said.append(message("comparison_missingness.lee_assumes"))
    if people.scale is not None or people.arm_column:
        said.append(message("comparison_missingness.bounds_interval", level=plan.conf_level))
    said.append(
        message("comparison_missingness.mi_said", m=plan.m, iterations=plan.iterations, seed=plan.seed)
    )
    return tuple(said)


def _facts(people: People, table: Any) -> Facts:
    """Return what the gate must know of the people behind the figures."""
    answers, lost_before, left_out = {}, {}, {}
    rows = table[table["method"] == "ipw"]
    for name, own in people.groups():
        here = rows[rows["group"] == name].set_index("term")["n"]
        seen_here = int((own & people.seen).sum())
        out, of_seen = int(own.sum() - here[people.term]), seen_here - int(here.get("effective_n", seen_here))
        left_out[name] = (out, of_seen, out - of_seen)
        answers[name] = (seen_here,)
        if people.binary:
            answers[name] = answer_counts(people, own)
            if people.before is not None:
                first = people.before[own & ~people.seen]
                lost_before[name] = (int((first == 1).sum()), int((first == 0).sum()))
    trimmed = {}
    for name, one, other in people.contrasts():
        sizes = [
            (int((people.seen & (people.arm == k)).sum()), int((people.arm == k).sum())) for k in (one, other)
        ]
        if all(s for s, _ in sizes):
            share = bounds.trimmed_share(*sizes[0], *sizes[1])
            trimmed[name] = float(np.ceil(abs(share) * sizes[0 if share > 0 else 1][0]))
    members = {name: (people.levels[one], people.levels[other]) for name, one, other in people.contrasts()}
    return Facts(answers, lost_before, trimmed, left_out, members)


def answer_counts(people: People, own: np.ndarray) -> tuple[int, ...]:
    """Return how many of those seen in a group gave each answer, or each pair of answers."""
    after = people.after[own & people.seen]
    if people.before is None:
        return int((after == 1).sum()), int((after == 0).sum())
    first = people.before[own & people.seen]
    return tuple(int(((first == b) & (after == a)).sum()) for b in (0, 1) for a in (0, 1))


def _whole(value: Any, argument: str, least: int) -> int:
    if isinstance(value, bool) or not isinstance(value, (int, np.integer)) or value < least:
        raise InputError(f"{argument}: must be a whole number, {least} or more, but was {value!r}")
    return int(value)
