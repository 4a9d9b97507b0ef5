"""Two groups, before and after: four means, the change in each group, and the difference between both changes.

Not for who started when: `leads` looks at dates one by one, `staggered` at starts that differ.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from evalkit.comparison.core.rows import missing_row, row
from evalkit.comparison.dates.doubly import doubly_robust
from evalkit.comparison.dates.sampling import Sample
from evalkit.comparison.dates.student import Asked, by_student
from evalkit.numerics.clustered import Contrast, least_squares
from evalkit.wording import Message, message

_CELLS = (
    ("mean_reference_before", False, False), ("mean_reference_after", False, True),
    ("mean_treated_before", True, False), ("mean_treated_after", True, True),
)  # fmt: skip


def unit_changes(sample: Sample) -> Sample:
    """Return one row per person seen at every date: mean after less mean before."""
    order = np.lexsort((sample.date, sample.unit))
    shaped = {
        name: getattr(sample, name)[order].reshape(-1, len(sample.dates))
        for name in ("y", "treated", "weight")
    }
    after = np.arange(len(sample.dates)) >= sample.first_after
    first = order.reshape(-1, len(sample.dates))[:, 0]
    one = sample.only(np.isin(np.arange(len(sample)), first))
    change = shaped["y"][:, after].mean(axis=1) - shaped["y"][:, ~after].mean(axis=1)
    by_person = np.empty(len(one))
    by_person[np.argsort(np.argsort(first))] = change
    return Sample(**{**vars(one), "y": by_person})


def welch(cells: Sequence[np.ndarray], signs: Sequence[float]) -> Contrast:
    """Return a sum of means with signs, its standard error and Satterthwaite's degrees of freedom.

    Notes
    -----
    Welch (1947), Biometrika 34:28; Satterthwaite (1946), Biometrics Bulletin 2:110.
    """
    size = np.array([len(cell) for cell in cells], dtype=float)
    value = float(sum(sign * cell.mean() for sign, cell in zip(signs, cells, strict=True)))
    if size.min() < 2:
        return Contrast(value, math.nan, math.nan, "one_cluster_alone")
    part = np.array([cell.var(ddof=1) for cell in cells]) / size
    scale = max(np.abs(cell).max() for cell in cells)
    if part.sum() <= (1e-11 * max(scale, np.finfo(float).tiny)) ** 2:
        return Contrast(value, math.nan, math.nan, "no_spread")
    return Contrast(value, math.sqrt(part.sum()), float(part.sum() ** 2 / (part**2 / (size - 1)).sum()))


def mean_rows(sample: Sample, part: str) -> list[dict]:
    """Return the four means."""
    rows = []
    for term, treated, after in _CELLS:
        cell = (sample.treated == treated) & (sample.after == after)
        n = _people(sample, cell)
        if n == 0:
            rows.append(missing_row(term, part, "", 0, message("comparison_dates.empty_cell")))
        else:
            rows.append(
                row(term, part, estimate=float(np.average(sample.y[cell], weights=sample.weight[cell])), n=n)
            )
    return rows


def _people(sample: Sample, rows: np.ndarray) -> int:
    """Return how many people stand in some rows, or how many answers when people are not known."""
    return int(rows.sum()) if sample.unit is None else len(np.unique(sample.unit[rows]))


def paired_rows(sample: Sample, asked: Asked, adjusted: bool) -> list[dict]:
    """Return changes and their difference among people seen at every date."""
    people = unit_changes(sample)
    treated, n = people.treated, len(people)
    arms = people.y[~treated], people.y[treated]
    if min(map(len, arms)) == 0:
        return refused(message("comparison_dates.empty_cell"), "pairs", n, method_of(people))
    wanted = {
        "difference_in_differences": ([0, 1], (arms[1], arms[0]), (1, -1), n),
        "change_reference": ([1, 0], (arms[0],), (1,), len(arms[0])),
        "change_treated": ([1, 1], (arms[1],), (1,), len(arms[1])),
    }
    method = method_of(people)
    if method != "welch":
        fit = least_squares(people.y, np.column_stack([np.ones(n), treated]), people.weight, people.cluster)
    rows = []
    for term, (weights, cells, signs, size) in wanted.items():
        found = welch(cells, signs) if method == "welch" else fit.contrast(weights)
        rows += told(term, "pairs", method, found, size, asked)
        if adjusted and term == "difference_in_differences":
            rows += _adjusted(people, asked)
    return rows


def _adjusted(people: Sample, asked: Asked) -> list[dict]:
    """Return the difference had the reference group the covariates of the treated: by regression of changes, and doubly robust."""
    treated, n = people.treated, len(people)
    centred = people.covariates - np.average(
        people.covariates[treated], axis=0, weights=people.weight[treated]
    )
    x = np.column_stack([np.ones(n), treated, centred, treated[:, None] * centred])
    names = ["1", "treated", *people.names, *(f"treated:{name}" for name in people.names)]
    fit = least_squares(people.y, x, people.weight, people.cluster, names=names)
    regression = Contrast(math.nan, math.nan, math.nan, "aliased") if fit.aliased else fit.contrast("treated")
    rows = told("difference_in_differences", "pairs", "regression", regression, n, asked)
    robust = doubly_robust(people, regression.df)
    if isinstance(robust, Message):
        return [*rows, missing_row("difference_in_differences", "pairs", "doubly_robust", n, robust)]
    return rows + told("difference_in_differences", "pairs", "doubly_robust", robust, n, asked)


def crossed_rows(sample: Sample, asked: Asked, adjusted: bool) -> list[dict]:
    """Return changes and their difference among all answers, whoever gave them."""
    n, two = _people(sample, np.ones(len(sample), dtype=bool)), len(sample.dates) == 2
    cells = [
        sample.y[(sample.treated == t) & (sample.after == a)] for t, a in ((1, 1), (1, 0), (0, 1), (0, 0))
    ]
    if min(map(len, cells)) == 0:
        return refused(message("comparison_dates.empty_cell"), "observed", n, method_of(sample))
    dummies = np.equal.outer(sample.date, np.arange(1, len(sample.dates))).astype(float)
    treated = sample.treated.astype(float)
    x = np.column_stack([np.ones(len(sample)), dummies, treated, treated * sample.after])
    names = ["1", *(f"date{k}" for k in range(1, len(sample.dates))), "treated", "effect"]
    cluster = sample.unit if sample.cluster is None else sample.cluster
    method = method_of(sample) if two or cluster is not None else "hc2"
    rows = []
    fit = None
    if method != "welch":
        fit = least_squares(sample.y, x, sample.weight, cluster, names=names)
    found = welch(cells, (1, -1, -1, 1)) if fit is None else fit.contrast("effect")
    rows += told("difference_in_differences", "observed", method, found, n, asked)
    if adjusted:
        more = least_squares(
            sample.y, np.column_stack([x, sample.covariates]), sample.weight, cluster,
            names=[*names, *sample.names],
        )  # fmt: skip
        rows += told("difference_in_differences", "observed", "regression", more.contrast("effect"), n, asked)
    if two:
        both = np.array([0.0, 1, 0, 1])
        for term, arm, weights in (
            ("change_reference", cells[2:], both * [0, 1, 0, 0]),
            ("change_treated", cells[:2], both),
        ):
            found = welch(arm, (1, -1)) if fit is None else fit.contrast(weights)
            size = _people(sample, sample.treated == (term == "change_treated"))
            rows += told(term, "observed", method, found, size, asked)
    return rows


def method_of(sample: Sample) -> str:
    """Return what the standard error is: by clusters (or people), Welch's, or HC2 under weights."""
    repeated = sample.unit is not None and len(np.unique(sample.unit)) < len(sample)
    if sample.cluster is not None:
        return "cr2"
    if repeated:
        return "cr2_person"
    return "hc2" if sample.weighted else "welch"


def told(term: str, part: str, method: str, found: Contrast, n: int, asked: Asked) -> list[dict]:
    """Return the row of a contrast; without a standard error its estimate alone, and the reason in the row of the test."""
    if found.reason is None:
        return [row(term, part, method, n=n, **by_student(found.estimate, found.std_error, found.df, asked))]
    rows = []
    if math.isfinite(found.estimate):
        rows.append(row(term, part, "description", estimate=found.estimate, n=n))
    reason = message(f"comparison_dates.{why(found.reason, method)}")
    return [*rows, missing_row(term, part, method, n, reason)]


def why(reason: str, method: str) -> str:
    if reason == "one_cluster_alone":
        return {"cr2": "one_cluster", "influence": "one_unit"}.get(method, "one_person")
    return reason


def refused(reason: Message, part: str, n: int, method: str) -> list[dict]:
    """Return rows of what cannot be estimated."""
    terms = ("difference_in_differences", "change_reference", "change_treated")
    return [missing_row(term, part, method, n, reason) for term in terms]


def people_rows(sample: Sample) -> list[dict]:
    """Return who is seen when, by group."""
    if sample.unit is None:
        return []
    rows = []
    first = np.unique(sample.unit, return_index=True)[1]
    arm = sample.treated[first]
    before, after = (
        np.bincount(sample.unit, weights=when.astype(float)) > 0 for when in (~sample.after, sample.after)
    )
    every = np.bincount(sample.unit) == len(sample.dates)
    lost = not every.all() or len(every) < sum(sample.known)
    for name, mine, known in (
        ("reference", ~arm, sample.known[0]),
        ("treated", arm, sample.known[1]),
    ):
        seen = {
            "people_all": known,
            "people_every": (mine & every).sum(),
            "people_some": (mine & ~every & before & after).sum(),
            "people_only_before": (mine & before & ~after).sum(),
            "people_only_after": (mine & ~before & after).sum(),
            "people_never": known - mine.sum(),
        }
        rows += [
            row(term, name, count=int(count), n=known)
            for term, count in seen.items()
            if term == "people_all" or lost
        ]
    return rows
