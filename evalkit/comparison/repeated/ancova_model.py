"""Two groups measured before and after: ANCOVA beside the change score and beside "after" alone, and when they disagree.

Not for yes or no: that is a logit.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from evalkit.comparison.core.people import number_values, rows_of, two_levels
from evalkit.comparison.core.rows import missing_row, row
from evalkit.comparison.repeated.answer import Repeated, answer
from evalkit.comparison.repeated.long import independent
from evalkit.errors import InputError
from evalkit.formula import design, parse
from evalkit.numerics.arguments import level
from evalkit.numerics.clustered import Contrast, least_squares
from evalkit.numerics.normal import z_value
from evalkit.provenance import Provenance
from evalkit.wording import Message, message

_WORDS = (
    "effect", "post_only", "change_score", "ancova", "ancova_lin", "baseline_difference", "slope_before", "slopes_differ",
    "correlation_before_after", "relative_variance", "at_highest_before", "at_highest_after", "at_lowest_before", "at_lowest_after",
    "people_in_group", "missing_before", "missing_after", "fisher_z",
)  # fmt: skip
#: A share of people at the end of the scale from which a measure no longer tells them apart.
_CEILING = 0.15


def ancova(
    data: Any,
    before: str,
    after: str,
    group: str,
    *,
    adjust: str | None = None,
    reference: Any = None,
    by_lot: bool = False,
    conf_level: float = 0.95,
    missing: str = "error",
    provenance: Provenance | None = None,
) -> Repeated:
    """Compare two groups after, given before, in the four usual ways at once, so that none can be chosen afterwards.

    Parameters
    ----------
    data : DataFrame
        Wide: one row per person.
    before, after : str
        Columns of numbers.
    group : str
        Column of two groups.
    adjust : str, optional
        Further columns, as a formula: ``"age + sex"``; in all four models.
    reference : value of `group`, optional
        The group compared with; default the first (0, False, the first category).
    by_lot : bool
        Whether the groups were drawn by lot. If not, ANCOVA and the change score answer different questions (Lord's paradox).
    conf_level : float
    missing : {"error", "drop"}
    provenance : Provenance, optional
        Default: records of real people.

    Returns
    -------
    Repeated
        ``effect`` (treated − reference) by ``method``: ``post_only``, ``change_score``, ``ancova``, and ``ancova_lin``, with a slope
        of its own in each group. Standard errors are HC2, degrees of freedom Bell and McCaffrey's. Then ``baseline_difference``;
        ``slope_before`` and ``slopes_differ``; the correlation of before and after within groups; ``relative_variance``, how
        precise each is compared with ``post_only``; who stands at the ends of the scale; who is in which group, and missing.

    Raises
    ------
    InputError
        No such columns, missing values unless dropped, not two groups, an outcome of two values.

    References
    ----------
    Lord (1967), Psychological Bulletin 68:304; Lin (2013), Annals of Applied Statistics 7:295; Bell & McCaffrey (2002), Survey
    Methodology 28:169; McHorney & Tarlov (1995), Quality of Life Research 4:293 (15 % at an end of the scale).

    Examples
    --------
    >>> people = pd.DataFrame({"t": [0] * 6 + [1] * 6, "pre": [1, 2, 3, 4, 5, 6, 2, 3, 4, 5, 6, 7],
    ...                        "post": [2, 2, 4, 4, 6, 6, 4, 6, 6, 8, 8, 9]})
    >>> fit = ancova(people, "pre", "post", "t", by_lot=True)
    >>> fit.tidy().loc[:3, ["method", "estimate", "std_error"]].round(3).to_numpy().tolist()
    [['post_only', 2.833, 1.046], ['change_score', 1.833, 0.307], ['ancova', 1.905, 0.338], ['ancova_lin', 1.905, 0.357]]
    """
    conf_level = level(conf_level)
    if not isinstance(by_lot, bool):
        raise InputError(f"by_lot: must be True or False, but was {by_lot!r}")
    asked = [before, after, group]
    if odd := [c for c in asked if not isinstance(c, str)]:
        raise InputError(f"ancova: columns are named by text, but {odd!r} was given")
    if len(set(asked)) < 3:
        raise InputError(f"ancova: before, after and group must be three columns, but were {asked}")
    variables = [] if adjust is None else [f.column for term in parse(adjust) for f in term]
    if again := sorted(set(variables) & set(asked)):
        raise InputError(f"ancova: {', '.join(again)} cannot stand in adjust= as well")
    frame, kept, said = rows_of(data, [*asked, *variables], "ancova", missing)
    first, second = two_levels(frame[group], group, "ancova", reference)
    pre = number_values(frame[before], before, "ancova")
    post = number_values(frame[after], after, "ancova")
    _refuse_binary(post, after)
    treated = (frame[group] == second).to_numpy(dtype=float)
    made = _Models(pre, post, treated, _covariates(adjust, frame), conf_level)
    rows = [
        *made.effects(), *made.before_rows(), *made.precision(), *_ends(pre, post),
        *_people(data, before, after, group, kept, (first, second)),
    ]  # fmt: skip
    return answer(
        rows,
        message("comparison_repeated.question_ancova", before=before, after=after, treated=str(second), reference=str(first)),
        [*said, *_caveats(rows, by_lot)],
        _WORDS,
        provenance=provenance,
        data=frame,
        function="ancova",
        about={"n": len(post), "n_total": len(data), "n_treated": int(treated.sum()), "by_lot": by_lot, "conf_level": conf_level},
    )  # fmt: skip


def _refuse_binary(post: np.ndarray, after: str) -> None:
    values = np.unique(post)
    if len(values) == 2:
        raise InputError(
            f"ancova: {after} holds two values only ({values[0]:g} and {values[1]:g}); "
            "a yes or no is for firth_logit, or for gee with family='binomial'"
        )


def _covariates(adjust: str | None, frame: pd.DataFrame) -> np.ndarray:
    if adjust is None:
        return np.zeros((len(frame), 0))
    return np.asarray(design(adjust, frame).matrix, dtype=float)


@dataclass(frozen=True, eq=False)
class _Models:
    """The four models of the same people."""

    pre: np.ndarray
    post: np.ndarray
    treated: np.ndarray
    further: np.ndarray
    conf_level: float

    def fits(self) -> dict[str, tuple[np.ndarray, np.ndarray]]:
        """Return the outcome and the columns of each model: a constant, the group, the rest centred."""
        base = np.column_stack([np.ones(len(self.post)), self.treated])
        further = self.further - self.further.mean(axis=0)
        given = np.column_stack([self.pre - self.pre.mean(), further])
        return {
            "post_only": (self.post, np.hstack([base, further])),
            "change_score": (self.post - self.pre, np.hstack([base, further])),
            "ancova": (self.post, np.hstack([base, given])),
            "ancova_lin": (self.post, np.hstack([base, given, given * self.treated[:, None]])),
        }

    @property
    def least(self) -> float:
        """The smaller group."""
        return float(min(self.treated.sum(), (1 - self.treated).sum()))

    def contrast(self, method: str, column: int) -> Contrast:
        """Return one coefficient of a model."""
        y, x = self.fits()[method]
        return _coefficient(y, x, column)

    def row(self, term: str, method: str, column: int) -> dict:
        """Return the row of one coefficient of a model."""
        return self._row(term, method, self.contrast(method, column))

    def _row(self, term: str, method: str, found: Contrast) -> dict:
        n = len(self.post)
        if found.reason is not None:
            what = message(f"comparison_repeated.{term}")
            missing = missing_row(
                term, "", method, n, message(f"comparison_repeated.{found.reason}", term=what)
            )
            return missing | {"estimate": found.estimate, "least": self.least}
        low, high = found.interval(self.conf_level)
        return row(
            term, "", method, estimate=found.estimate, std_error=found.std_error, statistic=found.statistic, df=found.df,
            p_value=found.p_value(), conf_low=low, conf_high=high, conf_level=self.conf_level, n=n, least=self.least,
        )  # fmt: skip

    def effects(self) -> list[dict]:
        """Return the difference between the groups by each model."""
        return [self.row("effect", method, 1) for method in self.fits()]

    def before_rows(self) -> list[dict]:
        """Return how the groups differed before, how after goes with before, and whether alike in both groups."""
        base = np.column_stack([np.ones(len(self.post)), self.treated])
        return [
            self._row("baseline_difference", "", _coefficient(self.pre, base, 1)),
            self.row("slope_before", "ancova", 2),
            self.row("slopes_differ", "ancova_lin", 3 + self.further.shape[1]),
            self._correlation(),
        ]

    def _correlation(self) -> dict:
        """Return the correlation within groups, with Fisher's interval."""
        n = len(self.post)
        pre, post = (_within(v, self.treated) for v in (self.pre, self.post))
        scale = [np.abs(v).max(initial=0.0) for v in (self.pre, self.post)]
        if min(np.abs(pre).max() - 1e-12 * scale[0], np.abs(post).max() - 1e-12 * scale[1]) <= 0 or n < 6:
            return missing_row(
                "correlation_before_after", "", "fisher_z", n, message("comparison_repeated.no_correlation")
            )
        r = float(pre @ post / math.sqrt((pre @ pre) * (post @ post)))
        known = {"estimate": r, "n": n, "least": self.least}
        if 1 - abs(r) < 1e-12:
            return row("correlation_before_after", "", "fisher_z", **known)
        reach = z_value(self.conf_level) / math.sqrt(n - 4)
        low, high = math.tanh(math.atanh(r) - reach), math.tanh(math.atanh(r) + reach)
        return row(
            "correlation_before_after",
            "",
            "fisher_z",
            conf_low=low,
            conf_high=high,
            conf_level=self.conf_level,
            **known,
        )

    def precision(self) -> list[dict]:
        """Return the variance of each estimate over that of "after" alone."""
        plain = self.contrast("post_only", 1)
        made = []
        for method in ("change_score", "ancova", "ancova_lin"):
            found = self.contrast(method, 1)
            if plain.reason is None and found.reason is None:
                ratio = (found.std_error / plain.std_error) ** 2
                made.append(
                    row("relative_variance", "", method, estimate=ratio, n=len(self.post), least=self.least)
                )
        return made


def _coefficient(y: np.ndarray, x: np.ndarray, column: int) -> Contrast:
    """Return one coefficient with HC2 and Bell and McCaffrey's degrees of freedom; columns are brought to one size first."""
    size = np.sqrt(np.mean(x**2, axis=0))
    size[size == 0] = 1.0
    unit = np.zeros(x.shape[1])
    unit[column] = 1 / size[column]
    if not independent(x)[column]:
        return Contrast(math.nan, math.nan, math.nan, "aliased")
    return least_squares(y, x / size).contrast(unit)


def _within(values: np.ndarray, treated: np.ndarray) -> np.ndarray:
    means = np.array([values[treated == k].mean() for k in (0, 1)])
    return values - means[treated.astype(int)]


def _ends(pre: np.ndarray, post: np.ndarray) -> list[dict]:
    """Return how many stand at the highest and lowest value of either date."""
    n = len(pre)
    highest, lowest = max(pre.max(), post.max()), min(pre.min(), post.min())
    return [
        row(f"at_{end}_{when}", count=int((values == at).sum()), n=n)
        for end, at in (("highest", highest), ("lowest", lowest))
        for when, values in (("before", pre), ("after", post))
    ]


def _people(
    data: pd.DataFrame, before: str, after: str, group: str, kept: np.ndarray, levels: Sequence[Any]
) -> list[dict]:
    """Return who is used and who lacks what, by group."""
    made = []
    for value in levels:
        mine = (data[group] == value).to_numpy(dtype=bool, na_value=False)
        total = int(mine.sum())
        made.append(row("people_in_group", f"{group}[{value}]", count=int((mine & kept).sum()), n=total))
        for name, column in (("missing_before", before), ("missing_after", after)):
            lacking = int((mine & data[column].isna().to_numpy()).sum())
            made.append(row(name, f"{group}[{value}]", count=lacking, n=total))
    return made


def _caveats(rows: list[dict], by_lot: bool) -> list[Message]:
    of = {r["method"]: r for r in rows if r["term"] == "effect"}
    said = []
    if by_lot:
        said.append(message("comparison_repeated.by_lot"))
    else:
        gap = of["change_score"]["estimate"] - of["ancova"]["estimate"]
        said += [message("comparison_repeated.not_by_lot"), message("comparison_repeated.lord")]
        if gap == gap:
            said.append(message("comparison_repeated.lord_gap", gap=abs(gap)))
    for end in ("highest", "lowest"):
        counts = [r for r in rows if r["term"].startswith(f"at_{end}")]
        if any(r["count"] >= _CEILING * r["n"] for r in counts):
            said.append(
                message(f"comparison_repeated.many_at_{end}", share=max(r["count"] / r["n"] for r in counts))
            )
    return said
