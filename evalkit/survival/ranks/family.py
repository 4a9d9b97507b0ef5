"""Log-rank and its family: does an exit come at the same rate in every group, all along, early or late?

Not a measure of how different the groups are: a curve, a mean time or a hazard ratio says that.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from evalkit import wording
from evalkit.disclosure import Policy, suppress_partition
from evalkit.errors import InputError
from evalkit.numerics.arguments import column_names
from evalkit.numerics.normal import chi2_p
from evalkit.result import Result
from evalkit.survival.core.sample import accept, by_columns, cause_of_interest, caveats, label_of, sample
from evalkit.survival.curves.readings import both
from evalkit.survival.ranks.permuting import Arranged, by_person, permuted
from evalkit.survival.ranks.totals import Totals, rank_scores
from evalkit.survival.ranks.weighting import Weighting
from evalkit.timetoevent import TimeToEvent
from evalkit.wording import message


@dataclass(frozen=True, repr=False)
class RankTest(Result):
    """One row for the test, then one per group: people, events observed and expected."""

    by: tuple[str, ...] = ()

    def plot(self, ax: Any = None, lang: str | None = None) -> Any:
        """Draw events observed over expected in each group, as the test weighs them, and return the Axes."""
        from evalkit import figures

        lang = wording.language(lang)
        groups = self.table[self.table["part"] == "group"]
        expected = groups["expected"].where(groups["expected"] > 0)
        frame = groups[list(self.by)].assign(estimate=1 + groups["score"] / expected, status=groups["status"])
        return figures.estimates(
            frame, self.question.text(lang), ax=ax, lang=lang, no_effect=1.0,
            axis=wording.text("survival.observed_over_expected", lang),
        )  # fmt: skip

    def _suppressed(self, policy: Policy) -> tuple[pd.DataFrame, int]:
        groups = list(range(1, len(self.table)))
        table, hidden = suppress_partition(self.table, policy, [(0, groups)], count="n_event")
        table, more = suppress_partition(table, policy, [(0, groups)], count="n")
        lost = (table["status"] == "suppressed").to_numpy()
        if lost.any():
            # Two groups, a statistic and its expected numbers give the observed ones back.
            table = table.assign(expected=np.nan, score=np.nan)
            table.loc[table.index[0], ["statistic", "df"]] = np.nan
        return table, max(hidden, more)


def log_rank(
    tte: TimeToEvent,
    by: str | Sequence[str],
    strata: str | Sequence[str] | None = None,
    rho: float = 0.0,
    gamma: float = 0.0,
    weights: str | None = None,
    trend: bool = False,
    scores: Sequence[float] | None = None,
    permutation: int | str | None = None,
    seed: int = 2011,
    of: str | None = None,
) -> RankTest:
    """Test whether the hazard of an exit is the same in all groups.

    Parameters
    ----------
    tte : TimeToEvent
    by : str or list of str
        Covariates that make the groups.
    strata : str or list of str, optional
        Covariates within whose combinations groups are compared; the strata of `tte` otherwise.
    rho, gamma : float
        Weight S(t-)**rho (1 - S(t-))**gamma of each event time (Fleming & Harrington): rho looks early, gamma late.
    weights : str, optional
        ``"log-rank"`` (1), ``"gehan-breslow"`` (n, at risk), ``"tarone-ware"`` (√n), ``"peto-peto"`` (S(t-), as rho = 1),
        ``"prentice"`` (Π n / (n + d)), ``"prentice-marek"`` (S̃ = Π (1 - d / (n + 1)), Peto and Peto's as modified),
        ``"andersen"`` (S̃(t-) n / (n + 1)), ``"fleming-harrington"``.
    trend : bool
        Test against an order of the groups, with one degree of freedom.
    scores : list of numbers, optional
        Of the groups in their order, for `trend`; otherwise the values of `by` when they are numbers, 1, 2, 3 … when it is an
        ordered category.
    permutation : int or "exact", optional
        Small groups: the p-value from so many random arrangements of people into groups, or from all of them when there are
        few. The statistic is then that of the permutation law (R's ``coin``); strata are respected.
    seed : int
        Of the arrangements.
    of : str, optional
        The cause, or ``"any exit"``; the event of interest otherwise. Other exits are censored: cause-specific hazards are compared.

    Returns
    -------
    RankTest
        First row ``part = "test"``: statistic, df, p_value, method; then ``part = "group"``: n, n_event (observed), expected
        and score (observed less expected), both as weighted. "not_estimable", with the reason, when there is one group, no
        event, or never two groups at risk together.

    Raises
    ------
    InputError
        An order that nothing gives; arrangements too many to list; a person in several groups under permutation.

    Notes
    -----
    Mantel (1966); Gehan (1965); Tarone & Ware (1977); Peto & Peto (1972); Prentice (1978); Andersen et al. (1982); Harrington &
    Fleming (1982). Variance hypergeometric, as R's ``survdiff``; trend (s'U)² / s'Vs (Klein &
    Moeschberger 2003, §7.4). Permutation: Strasser & Weber (1999) on the scores of each person. Delayed entry is allowed.

    Examples
    --------
    >>> groups = pd.DataFrame({"site": list("aaabbb")})
    >>> tte = TimeToEvent(time=[1, 2, 3, 4, 5, 6], cause=[1] * 6, causes=("relapse",), covariates=groups)
    >>> log_rank(tte, by="site").tidy()[["statistic", "p_value"]].iloc[0].round(4).tolist()
    [5.0517, 0.0246]
    >>> float(log_rank(tte, by="site", permutation="exact").table["p_value"][0])
    0.1
    """
    tte = accept(tte, "log_rank")
    weighting = Weighting.of(weights, rho, gamma)
    within, tte = stratum_columns(tte, strata)
    between = names_of(by)
    if not between:
        raise InputError("by: name the covariate that makes the groups")
    if scores is not None and not trend:
        raise InputError("scores: they order the groups of a trend; ask trend=True")
    of = tte.causes[0] if of is None else of
    exits, event, _ = cause_of_interest(tte, of, "log_rank")
    rows = sample(tte, exits, [*within, *between])
    totals = Totals.of(rows.sums(1), len(within), weighting)
    line = _order(tte, between, totals.keys, scores) if trend else None
    statistic, df, reason = totals.test(line)
    if tte.weight_kind == "sampling":
        statistic, df, reason = np.nan, np.nan, message("survival.sampling_test")
    p = float(chi2_p(statistic, df)) if reason is None else np.nan
    said, arranged = caveats(tte), None
    if permutation is not None and reason is None:
        people = by_person(rows, rank_scores(rows, len(within), weighting), len(within))
        arranged = permuted(people, permutation, seed, line)
        statistic, df, p = arranged.statistic, np.nan, arranged.p_value
        said += arranged.caveats()
    title = weighting.title
    k = len(totals.keys)
    table = pd.DataFrame({
        "part": ["test"] + ["group"] * k,
        "statistic": [statistic] + [np.nan] * k,
        "df": [df] + [np.nan] * k,
        "p_value": [p] + [np.nan] * k,
        "n": [totals.size.sum(), *totals.size],
        "n_event": [totals.deaths.sum(), *totals.deaths],
        "expected": [np.nan, *totals.expected],
        "score": [np.nan, *(totals.observed - totals.expected)],
        "status": ["ok" if reason is None else "not_estimable"] + ["ok"] * k,
        "reason": [reason] + [None] * k,
        "method": [_method(title, trend, arranged, "en")] + [None] * k,
    })  # fmt: skip
    if line is not None:
        table.insert(1, "trend_score", [np.nan, *line])
    for i, (column, values) in enumerate(by_columns(between, totals.keys, 1).items()):
        table.insert(1 + i, column, [None, *values])
    if len(tte.causes) > 1 and of != "any exit":
        others = [label_of(tte, c) for c in tte.causes if c != of]
        said.append(message("survival.cause_specific", event=event, others=others))
    if within:
        said.append(message("survival.stratified", strata=within))
    question = message("survival.question_log_rank", event=event, by=between)
    words = {"expected": "survival.expected", "test": "survival.part_test", "group": "survival.part_group",
             "score": "survival_ranks.score", "trend_score": "survival_ranks.trend_score"}  # fmt: skip
    labels = {**tte.labels, **{code: both(key) for code, key in words.items()}}
    method = {lang: _method(title, trend, arranged, lang) for lang in wording.LANGUAGES}
    return RankTest(
        table,
        question,
        tuple(said),
        tte.provenance,
        glance_values={} if arranged is None else arranged.glance(),
        labels={**labels, method["en"]: method},
        by=tuple(between),
    )


def names_of(columns: str | Sequence[str] | None) -> list[str]:
    """Return the columns meant by one name or several."""
    return list(column_names(columns))


def stratum_columns(tte: TimeToEvent, strata: str | Sequence[str] | None) -> tuple[list[str], TimeToEvent]:
    """Return the columns that make the strata, those of `tte` itself when none are named."""
    within = names_of(strata)
    if not within and tte.stratum is not None:
        return ["stratum"], tte.with_covariates(pd.DataFrame({"stratum": tte.stratum}))
    return within, tte


def _order(
    tte: TimeToEvent, between: list[str], keys: list[tuple], scores: Sequence[float] | None
) -> np.ndarray:
    """Return the score of each group."""
    if scores is not None:
        line = np.asarray(scores, dtype=float)
        if line.shape != (len(keys),) or not np.isfinite(line).all():
            groups = "; ".join(", ".join(map(str, key)) for key in keys)
            raise InputError(f"scores: give one finite number for each of the {len(keys)} groups ({groups})")
        return line
    values = tte.covariates[between[0]]
    if len(between) == 1 and isinstance(values.dtype, pd.CategoricalDtype) and values.cat.ordered:
        return np.array([values.cat.categories.get_loc(key[0]) + 1.0 for key in keys])
    if len(between) == 1 and pd.api.types.is_numeric_dtype(values.dtype):
        return np.array([float(key[0]) for key in keys])
    raise InputError(
        f"trend: nothing says how the groups of {', '.join(between)} are ordered; give scores, numbers, or an ordered category"
    )


def _method(title: str, trend: bool, arranged: Arranged | None, lang: str) -> str:
    parts = [title]
    if trend:
        parts.append(wording.text("survival_ranks.trend", lang))
    if arranged is not None:
        parts.append(arranged.how(lang))
    return ", ".join(parts)
