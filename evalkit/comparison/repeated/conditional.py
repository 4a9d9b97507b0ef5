"""Conditional logit: a yes or no repeated within people, each compared with themselves.

Not about people who never change: they say nothing here, and are counted.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from evalkit.comparison.core.rows import missing_row, row
from evalkit.comparison.repeated.answer import Repeated, answer
from evalkit.comparison.repeated.estimating import root_mean_square
from evalkit.comparison.repeated.likelihood import Conditional, conditional, exact_law
from evalkit.comparison.repeated.long import Long, independent, people_rows, read_long
from evalkit.disclosure import Headcount
from evalkit.numerics.arguments import level
from evalkit.numerics.normal import chi2_p, two_sided_p, z_value
from evalkit.numerics.profile import climb, profile_interval
from evalkit.numerics.separation import recession
from evalkit.provenance import Provenance
from evalkit.wording import Message, message

#: Part of a column's size that is left by rounding when each person's mean is taken out.
_ROUNDING = 1e-11
_WORDS = ("exact_test", "exact", "model_test", "persons_never_change", "persons_informative")


def conditional_logit(
    data: Any,
    outcome: str,
    formula: str,
    *,
    person: str,
    conf_level: float = 0.95,
    missing: str = "error",
    provenance: Provenance | None = None,
) -> Repeated:
    """Compare each person with themselves: logit given how often each said yes, by the exact conditional likelihood.

    Whatever does not change about a person cancels, measured or not. People who always, or never, say yes tell nothing and are
    left out by the method itself: they are counted. Before and after with one row each gives McNemar's ratio of changes.

    Parameters
    ----------
    data : DataFrame
        Long: one row per person and date.
    outcome : str
        Column of 0 and 1.
    formula : str
        What varies within people: ``"after"``, ``"month + placed"``.
    person : str
        Column of identifiers.
    conf_level : float
    missing : {"error", "drop"}
    provenance : Provenance, optional
        Default: records of real people.

    Returns
    -------
    Repeated
        Rows by ``term`` and ``method``, logarithms of ratios of odds (ratios: ``tidy(exponentiate=True)``):

        - each coefficient with its ``likelihood_ratio`` test and profile interval, and with Wald's;
        - ``exact_test`` when the formula is one yes/no column: exact p, the least p possible, exact interval;
        - ``model_test``; who was there, who never changes.

    Raises
    ------
    InputError
        No such columns, missing values unless dropped, outcomes other than 0 and 1.

    References
    ----------
    Gail, Lubin & Rubinstein (1981), Biometrika 68:703; Chamberlain (1980), Review of Economic Studies 47:225, section 2. As R's
    ``survival::clogit(method = "exact")``.

    Examples
    --------
    >>> import pandas as pd
    >>> people = pd.DataFrame({"who": [p for p in range(20) for _ in (0, 1)], "after": [0, 1] * 20,
    ...                        "placed": [0, 1] * 9 + [1, 0] * 3 + [0, 0] * 8})
    >>> fit = conditional_logit(people, "placed", "after", person="who")
    >>> fit.tidy(exponentiate=True).loc[0, ["estimate", "p_value"]].astype(float).round(3).tolist()
    [3.0, 0.076]
    """
    conf_level = level(conf_level)
    rows = read_long(
        data,
        outcome,
        formula,
        "conditional_logit",
        person,
        family="binomial",
        missing=missing,
        constant=False,
    )
    seen, yes = rows.per_person(), np.bincount(rows.person, rows.y)
    changes = (yes > 0) & (yes < seen)
    used = changes[rows.person]
    y, who = rows.y[used], rows.person[used]
    x, size, kept = _within(rows.x[used], who)
    telling = _telling(x, who)
    reason = None if telling else message("comparison_repeated.nobody_changes")
    caveats = [*rows.caveats, *_alike(changes, yes)]
    made = [
        *_coefficients(rows, x, size, y, who, kept, reason, conf_level),
        row("persons_informative", count=telling, n=rows.n_persons),
        row("persons_never_change", count=int((~changes).sum()), n=rows.n_persons),
        *people_rows(rows),
    ]
    exact = [r for r in made if r["term"] == "exact_test" and r["p_floor"] > 1 - conf_level]
    caveats += [
        message("comparison_repeated.floor_binds", floor=r["p_floor"], alpha=1 - conf_level) for r in exact
    ]
    return answer(
        made,
        message("comparison_repeated.question_conditional", outcome=outcome),
        [*caveats, message("comparison_repeated.not_an_effect")],
        _WORDS,
        link="logit",
        provenance=provenance,
        data=rows.frame,
        function="conditional_logit",
        about={
            "n": len(rows.y), "n_persons": rows.n_persons, "n_informative": telling, "conf_level": conf_level,
        },
    )  # fmt: skip


def _alike(changes: np.ndarray, yes: np.ndarray) -> list[Message]:
    alike = int((~changes).sum())
    if not alike:
        return []
    always = int(((yes > 0) & ~changes).sum())
    return [
        message("comparison_repeated.never_change", n=Headcount(alike), persons=Headcount(len(changes))),
        message("comparison_repeated.alike", always=Headcount(always), never=Headcount(alike - always)),
    ]


def _person_means(x: np.ndarray, who: np.ndarray) -> np.ndarray:
    code = np.unique(who, return_inverse=True)[1]
    sums = np.stack([np.bincount(code, column) for column in x.T], axis=1)
    return (sums / np.bincount(code)[:, None])[code]


def _within(x: np.ndarray, who: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return the columns less each person's mean, over their size; that size; which do not repeat those before them."""
    if not len(x):
        return x, np.ones(x.shape[1]), np.zeros(x.shape[1], dtype=bool)
    raw = root_mean_square(x)
    within = x / raw - _person_means(x / raw, who)
    within[:, np.abs(within).max(axis=0) <= _ROUNDING] = 0.0
    spread = root_mean_square(within)
    return within / spread, raw * spread, independent(within, np.linalg.norm(x / raw, axis=0))


def _telling(within: np.ndarray, who: np.ndarray) -> int:
    """Return how many people change and have columns that vary: only these inform."""
    moving = np.abs(within).max(axis=1, initial=0.0) > _ROUNDING
    return len(np.unique(who[moving]))


def _coefficients(
    rows: Long, x: np.ndarray, size: np.ndarray, y: np.ndarray, who: np.ndarray, kept: np.ndarray, reason: Message | None,
    conf_level: float,
) -> list[dict]:  # fmt: skip
    persons = len(np.unique(who))
    least = _least(x, y, who)
    if reason is not None:
        return [missing_row(t, "", "likelihood_ratio", persons, reason) for t in rows.terms]
    apart, direction = _separated(x[:, kept], y, who)
    gone = np.zeros(len(kept), dtype=bool)
    gone[np.flatnonzero(kept)[apart]] = True
    solid = np.flatnonzero(kept & ~gone)
    left = _undecided(x[:, kept] @ direction, y, who)
    made: dict[int, list[dict]] = {}
    model: list[dict] = []
    if len(solid) and left.any():
        # Among the rows that separation leaves open a separated column may still tell something, or repeat the others.
        columns = np.append(solid, np.flatnonzero(gone))
        inner = x[left] - _person_means(x[left], who[left])
        columns = columns[independent(inner[:, columns], np.linalg.norm(x[:, columns], axis=0))]
        like = conditional(inner[:, columns], y[left], who[left])
        fitted = [int(j) for j in columns if j in solid]
        made, model = _fitted(like, rows, fitted, size, persons, conf_level, least)
    out = []
    for j, term in enumerate(rows.terms):
        if j in made:
            out += made[j]
            continue
        why = "within_constant" if not x[:, j].any() else "separated" if gone[j] else "repeats_others"
        out.append(
            missing_row(
                term, "", "likelihood_ratio", persons, message(f"comparison_repeated.{why}", term=term)
            )
        )
    if len(rows.terms) == 1 and kept.all() and set(np.unique(rows.x)) <= {0.0, 1.0}:
        law = exact_law(rows.x[np.isin(rows.person, who), 0], y, who)
        p, floor = law.p_value()
        low, high = law.interval(conf_level)
        out.append(row(
            "exact_test", rows.terms[0], "exact", p_value=p, p_floor=floor, conf_low=low, conf_high=high,
            conf_level=conf_level, n=persons, least=least,
        ))  # fmt: skip
    return out + model


def _fitted(
    like: Conditional,
    rows: Long,
    solid: list[int],
    size: np.ndarray,
    persons: int,
    conf_level: float,
    least: float,
) -> tuple[dict[int, list[dict]], list[dict]]:
    """Return the rows of the estimable coefficients, and of the model as a whole."""
    beta, top, information = climb(like, np.zeros(like.p), "conditional_logit")
    error = np.sqrt(np.diag(np.linalg.inv(information)))
    z = z_value(conf_level)
    made = {}
    for place, j in enumerate(solid):
        term = rows.terms[j]
        without, _ = like.profile(place, 0.0, beta)
        statistic = max(2 * (top - without), 0.0)
        low, high = profile_interval(
            lambda at, start, place=place: like.profile(place, at, start),
            beta,
            top,
            place,
            error[place],
            conf_level,
        )
        known = {
            "estimate": beta[place] / size[j], "std_error": error[place] / size[j], "conf_level": conf_level, "n": persons,
            "least": least,
        }  # fmt: skip
        t = beta[place] / error[place]
        wald = (beta[place] - z * error[place]) / size[j], (beta[place] + z * error[place]) / size[j]
        made[j] = [
            row(term, "", "likelihood_ratio", statistic=statistic, df=1, p_value=float(chi2_p(statistic, 1)),
                conf_low=low / size[j], conf_high=high / size[j], **known),
            row(term, "", "wald", statistic=t, p_value=float(two_sided_p(t)), conf_low=wald[0], conf_high=wald[1], **known),
        ]  # fmt: skip
    nothing = like(np.zeros(like.p))[0]
    statistic = max(2 * (top - nothing), 0.0)
    if like.p < len(rows.terms):
        return made, []
    p = float(chi2_p(statistic, like.p))
    known = {"statistic": statistic, "df": like.p, "p_value": p, "n": persons, "least": least}
    return made, [row("model_test", "", "likelihood_ratio", **known)]


def _separated(x: np.ndarray, y: np.ndarray, who: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return which columns have no finite estimate, and a direction in which the likelihood rises for ever.

    Along it, within each person, no row with a no stands above one with a yes.
    """
    gaps = []
    for person in np.unique(who):
        mine = np.flatnonzero(who == person)
        yes, no = x[mine[y[mine] == 1]], x[mine[y[mine] == 0]]
        gaps.append((yes[:, None, :] - no[None, :, :]).reshape(-1, x.shape[1]))
    return recession(np.vstack(gaps))


def _undecided(along: np.ndarray, y: np.ndarray, who: np.ndarray) -> np.ndarray:
    """Return the rows whose answer a direction of separation leaves open: those level with another answer of the same person."""
    near = 1e-6 * (np.abs(along).max(initial=0.0) or 1.0)
    left = np.zeros(len(along), dtype=bool)
    for person in np.unique(who):
        mine = np.flatnonzero(who == person)
        cut = along[mine[y[mine] == 1]].min()
        if cut - along[mine[y[mine] == 0]].max() <= near:
            left[mine] = np.abs(along[mine] - cut) <= near
    return left


def _least(x: np.ndarray, y: np.ndarray, who: np.ndarray) -> float:
    """Return the least number of people on one side that one yes/no column of pairs gives away: those who moved one way."""
    if x.shape[1] != 1 or not len(x):
        return math.nan
    code = np.unique(who, return_inverse=True)[1]
    way = np.bincount(code, (y - 0.5) * x[:, 0])
    sides = [int((way > 0).sum()), int((way < 0).sum())]
    return float(min([k for k in sides if k], default=math.nan))
