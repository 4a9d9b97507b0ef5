"""Log-rank and its G-rho family: does an exit come at the same rate in every group, all along?

Not a measure of how different the groups are: a curve or a hazard ratio says that.
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
from evalkit.numerics.normal import chi2_p
from evalkit.result import Result
from evalkit.survival.core.sample import accept, by_columns, cause_of_interest, caveats, label_of, sample
from evalkit.survival.core.sums import RiskSums
from evalkit.survival.curves.readings import both
from evalkit.timetoevent import TimeToEvent
from evalkit.wording import Message, message


@dataclass(frozen=True, repr=False)
class RankTest(Result):
    """One row for the test, then one per group: people, events observed and expected."""

    by: tuple[str, ...] = ()

    def plot(self, ax: Any = None, lang: str | None = None) -> Any:
        """Draw events observed over expected in each group, and return the Axes."""
        from evalkit import figures

        lang = wording.language(lang)
        groups = self.table[self.table["part"] == "group"]
        frame = groups[list(self.by)].assign(
            estimate=groups["n_event"] / groups["expected"].where(groups["expected"] > 0),
            status=groups["status"],
        )
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
            table = table.assign(expected=np.nan)
            table.loc[table.index[0], ["statistic", "df"]] = np.nan
        return table, max(hidden, more)


def log_rank(
    tte: TimeToEvent,
    by: str | Sequence[str],
    strata: str | Sequence[str] | None = None,
    rho: float = 0.0,
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
    rho : float
        Weight S(t-)**rho of each event time: 0 the log-rank test, 1 Peto and Peto's version of the Wilcoxon test.
    of : str, optional
        The cause, or ``"any exit"``; the event of interest otherwise. Other exits are censored: cause-specific hazards are compared.

    Returns
    -------
    RankTest
        First row ``part = "test"``: statistic, df, p_value; then ``part = "group"``: n, n_event (observed), expected.
        "not_estimable", with the reason, when there is one group, no event, or never two groups at risk together.

    Notes
    -----
    Mantel (1966); Harrington & Fleming (1982); variance hypergeometric, as R's ``survdiff``. Delayed entry is allowed.

    Examples
    --------
    >>> groups = pd.DataFrame({"site": list("aaabbb")})
    >>> tte = TimeToEvent(time=[1, 2, 3, 4, 5, 6], cause=[1] * 6, causes=("relapse",), covariates=groups)
    >>> log_rank(tte, by="site").tidy()[["statistic", "p_value"]].iloc[0].round(4).tolist()
    [5.0517, 0.0246]
    """
    tte = accept(tte, "log_rank")
    within = _names(strata)
    if not within and tte.stratum is not None:
        within, tte = ["stratum"], tte.with_covariates(pd.DataFrame({"stratum": tte.stratum}))
    between = _names(by)
    if not between:
        raise InputError("by: name the covariate that makes the groups")
    of = tte.causes[0] if of is None else of
    exits, event, _ = cause_of_interest(tte, of, "log_rank")
    rows = sample(tte, exits, [*within, *between])
    sums = rows.sums(1)
    keys = list(dict.fromkeys(group[len(within) :] for group in sums.groups))
    observed, expected, variance, size, deaths = _totals(sums, keys, len(within), rho)
    statistic, df, reason = _statistic(observed, expected, variance, tte.weight_kind, deaths)
    table = pd.DataFrame({
        "part": ["test"] + ["group"] * len(keys),
        "statistic": [statistic] + [np.nan] * len(keys),
        "df": [df] + [np.nan] * len(keys),
        "p_value": [float(chi2_p(statistic, df)) if reason is None else np.nan] + [np.nan] * len(keys),
        "n": [size.sum(), *size],
        "n_event": [deaths.sum(), *deaths],
        "expected": [np.nan, *expected],
        "status": ["ok" if reason is None else "not_estimable"] + ["ok"] * len(keys),
        "reason": [reason] + [None] * len(keys),
        "method": ["log-rank" if rho == 0 else f"G-rho, rho = {rho:g}"] + [None] * len(keys),
    })  # fmt: skip
    named = {c: [None, *values] for c, values in by_columns(between, keys, 1).items()}
    table = table.assign(**named)[["part", *between, *(c for c in table if c != "part")]]
    said = caveats(tte)
    if len(tte.causes) > 1 and of != "any exit":
        others = [label_of(tte, c) for c in tte.causes if c != of]
        said.append(message("survival.cause_specific", event=event, others=others))
    if within:
        said.append(message("survival.stratified", strata=within))
    question = message("survival.question_log_rank", event=event, by=between)
    words = {"expected": "expected", "test": "part_test", "group": "part_group"}
    labels = {**tte.labels, **{code: both(f"survival.{word}") for code, word in words.items()}}
    return RankTest(table, question, tuple(said), tte.provenance, labels=labels, by=tuple(between))


def _names(columns: str | Sequence[str] | None) -> list[str]:
    return [] if columns is None else [columns] if isinstance(columns, str) else list(columns)


def _totals(sums: RiskSums, keys: list[tuple], n_strata_columns: int, rho: float) -> tuple[np.ndarray, ...]:
    """Return observed, expected, their covariance, people and events, added over strata."""
    k = len(keys)
    observed, expected, variance = np.zeros(k), np.zeros(k), np.zeros((k, k))
    size, deaths = np.zeros(k), np.zeros(k)
    at_risk, events = sums.n_risk(), sums.exits[:, 1]
    for stratum in dict.fromkeys(group[:n_strata_columns] for group in sums.groups):
        n, d = np.zeros((k, len(sums.times))), np.zeros((k, len(sums.times)))
        for i, group in enumerate(sums.groups):
            if group[:n_strata_columns] == stratum:
                j = keys.index(group[n_strata_columns:])
                n[j], d[j] = at_risk[i], events[i]
                size[j] += sums.start[i] + sums.entries[i].sum()
        deaths += d.sum(axis=1)
        happened = d.any(axis=0)
        n, d = n[:, happened], d[:, happened]
        everyone, every_death = n.sum(axis=0), d.sum(axis=0)
        surviving = np.cumprod(1 - every_death / everyone)
        weight = np.concatenate([[1.0], surviving[:-1]]) ** rho if rho else np.ones(len(surviving))
        share = n / everyone
        observed += (weight * d).sum(axis=1)
        expected += (weight * share * every_death).sum(axis=1)
        spread = np.divide(
            weight**2 * every_death * (everyone - every_death), everyone - 1,
            out=np.zeros_like(everyone), where=everyone > 1,
        )  # fmt: skip
        variance += np.diag((share * spread).sum(axis=1)) - (share * spread) @ share.T
    return observed, expected, variance, size, deaths


def _statistic(
    observed: np.ndarray,
    expected: np.ndarray,
    variance: np.ndarray,
    weight_kind: str | None,
    deaths: np.ndarray,
) -> tuple[float, float, Message | None]:
    """Return the statistic, its degrees of freedom, and why there is none."""
    reason = None
    if weight_kind == "sampling":
        reason = message("survival.sampling_test")
    elif len(observed) < 2:
        reason = message("survival.one_group")
    elif deaths.sum() == 0:
        reason = message("survival.no_event")
    else:
        compared = np.flatnonzero(np.diag(variance) > 1e-12 * max(variance.max(), 1e-300))
        df = int(
            np.linalg.matrix_rank(
                variance[np.ix_(compared, compared)], tol=1e-10 * max(variance.max(), 1e-300)
            )
        )
        if df > 0:
            # Differences sum to 0 over the groups compared, so one of them tells nothing more.
            gap, square = (observed - expected)[compared], variance[np.ix_(compared, compared)]
            return float(gap @ np.linalg.pinv(square, rcond=1e-10, hermitian=True) @ gap), float(df), None
        reason = message("survival.no_comparison")
    return np.nan, np.nan, reason
