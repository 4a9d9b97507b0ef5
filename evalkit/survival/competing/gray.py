"""Gray's test: is the share gone by one exit the same in every group, all along?

Not a comparison of rates: the log-rank test of one cause is that. An exit can be as frequent as elsewhere among those still
there and yet take a smaller share, because other exits come first.
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
from evalkit.numerics.arguments import column_names, one_number
from evalkit.numerics.normal import chi2_p
from evalkit.result import Result
from evalkit.survival.core.sample import accept, by_columns, caveats, label_of, refuse_second_exits, sample
from evalkit.survival.core.sums import RiskSums
from evalkit.survival.curves.readings import both
from evalkit.timetoevent import TimeToEvent
from evalkit.wording import Message, message


@dataclass(frozen=True, repr=False)
class GrayTest(Result):
    """For each cause one row for the test, then one per group: people, exits by that cause, exits expected."""

    by: tuple[str, ...] = ()

    def plot(self, ax: Any = None, lang: str | None = None) -> Any:
        """Draw exits observed over expected, by cause and group, and return the Axes."""
        from evalkit import figures

        lang = wording.language(lang)
        groups = self.table[self.table["part"] == "group"]
        keys = groups[["cause", *self.by]].copy()
        keys["cause"] = [self._label(c, lang) for c in keys["cause"]]
        frame = keys.assign(
            estimate=groups["n_event"] / groups["expected"].where(groups["expected"] > 0),
            status=groups["status"],
        )
        return figures.estimates(
            frame, self.question.text(lang), ax=ax, lang=lang, no_effect=1.0,
            axis=wording.text("survival.observed_over_expected", lang),
        )  # fmt: skip

    def _suppressed(self, policy: Policy) -> tuple[pd.DataFrame, int]:
        table, most = self.table, 0
        tests = np.flatnonzero(table["part"] == "test")
        for first, end in zip(tests, [*tests[1:], len(table)], strict=True):
            groups = list(range(first + 1, end))
            for count in ("n_event", "n"):
                table, hidden = suppress_partition(table, policy, [(int(first), groups)], count=count)
                most = max(most, hidden)
        if (table["status"] == "suppressed").any():
            # Expected numbers and a statistic of two groups give the observed ones back, and causes add up.
            table = table.assign(expected=np.nan)
            table.loc[table.index[tests], ["statistic", "df"]] = np.nan
        return table, most


def gray_test(
    tte: TimeToEvent,
    by: str | Sequence[str],
    cause: str | Sequence[str] | None = None,
    strata: str | Sequence[str] | None = None,
    rho: float = 0.0,
) -> GrayTest:
    """Test whether the cumulative incidence of an exit is the same in all groups.

    Parameters
    ----------
    tte : TimeToEvent
    by : str or list of str
        Covariates that make the groups.
    cause : str or list of str, optional
        The exits to test, each against all the others; every one of them otherwise.
    strata : str or list of str, optional
        Covariates within whose combinations groups are compared; the strata of `tte` otherwise.
    rho : float
        Weight (1 - F(t-))**rho of each time, F the share gone in all groups together.

    Returns
    -------
    GrayTest
        Per cause, first a row ``part = "test"``: statistic, df, p_value; then ``part = "group"``: n, n_event (observed), expected.
        "not_estimable", with the reason, when there is one group, no such exit, or never two groups at risk together.

    Raises
    ------
    InputError
        Late entries: the test needs everybody from the origin. Somebody who exits twice; a column absent or with missing values.

    Notes
    -----
    Gray (1988), score §2 and variance §4: with R_k = Y_k (1 - F_k(t-)) / S_k(t-) the weight of group k still without that exit,
    z_k = Σ (1 - F(t-))^rho {dN_k - R_k dN / R}. Equal to ``cmprsk::cuminc``.

    Examples
    --------
    >>> groups = pd.DataFrame({"site": list("aaaabbbb")})
    >>> tte = TimeToEvent(time=range(1, 9), cause=[1, 1, 2, 1, 2, 2, 1, 0], causes=("relapse", "death"), covariates=groups)
    >>> gray_test(tte, by="site", cause="relapse").table[["statistic", "p_value", "n_event"]].iloc[0].round(3).tolist()
    [3.774, 0.052, 4.0]
    """
    tte = accept(tte, "gray_test")
    if not -np.inf < one_number(rho, "rho") < np.inf:
        raise InputError(f"rho: must be a finite number, but was {rho}")
    refuse_second_exits(tte, tte.cause > 0, "gray_test")
    within = _names(strata, "strata")
    if not within and tte.stratum is not None:
        within, tte = ["stratum"], tte.with_covariates(pd.DataFrame({"stratum": tte.stratum}))
    between = _names(by, "by")
    if not between:
        raise InputError("by: name the covariate that makes the groups")
    causes = list(tte.causes) if cause is None else _names(cause, "cause")
    unknown = [c for c in causes if c not in tte.causes]
    if unknown:
        raise InputError(f"cause: no exit {', '.join(map(repr, unknown))}; they are {', '.join(tte.causes)}")
    rows = sample(tte, tte.cause, [*within, *between])
    sums = rows.sums(len(tte.causes))
    if sums.entries.any():
        raise InputError(
            "gray_test: some people come under observation, or change group, after the origin, and the test compares shares of "
            "those there from the origin; compare cause-specific hazards with log_rank(of=...), which allows it, or fit fine_gray"
        )
    keys = list(dict.fromkeys(group[len(within) :] for group in sums.groups))
    parts = [_one_cause(sums, keys, len(within), tte, c, rho) for c in causes]
    table = pd.concat(parts, ignore_index=True)
    named = {c: [None, *values] * len(causes) for c, values in by_columns(between, keys, 1).items()}
    table = table.assign(**named)
    first = ["cause", "part", *between]
    said = caveats(tte)
    if within:
        said.append(message("survival.stratified", strata=within))
    words = {"expected": "expected", "test": "part_test", "group": "part_group"}
    return GrayTest(
        table[[*first, *(c for c in table if c not in first)]],
        message("survival_competing.question_gray", events=[label_of(tte, c) for c in causes], by=between),
        tuple(said),
        tte.provenance,
        labels={**tte.labels, **{code: both(f"survival.{word}") for code, word in words.items()}},
        by=tuple(between),
    )


def _names(columns: str | Sequence[str] | None, argument: str) -> list[str]:
    return list(column_names(columns, argument))


def _one_cause(
    sums: RiskSums, keys: list[tuple], n_strata_columns: int, tte: TimeToEvent, cause: str, rho: float
) -> pd.DataFrame:
    """Return the rows of one cause, without the `by` columns."""
    k, code = len(keys), tte.causes.index(cause) + 1
    score, expected, variance = np.zeros(k), np.zeros(k), np.zeros((k, k))
    size, exits = np.zeros(k), np.zeros(k)
    at_risk = sums.n_risk()
    for stratum in dict.fromkeys(group[:n_strata_columns] for group in sums.groups):
        y, own, other = (np.zeros((k, len(sums.times))) for _ in range(3))
        for i, group in enumerate(sums.groups):
            if group[:n_strata_columns] == stratum:
                j = keys.index(group[n_strata_columns:])
                y[j], own[j] = at_risk[i], sums.exits[i, code]
                other[j] = sums.exits[i, 1:].sum(axis=0) - own[j]
                size[j] += sums.start[i]
        exits += own.sum(axis=1)
        z, due, v = _compare(y, own, other, rho)
        score, expected, variance = score + z, expected + due, variance + v
    statistic, df, reason = _statistic(score, variance, tte.weight_kind, exits, label_of(tte, cause))
    return pd.DataFrame({
        "cause": cause,
        "part": ["test"] + ["group"] * k,
        "statistic": [statistic] + [np.nan] * k,
        "df": [df] + [np.nan] * k,
        "p_value": [float(chi2_p(statistic, df)) if reason is None else np.nan] + [np.nan] * k,
        "n": [size.sum(), *size],
        "n_event": [exits.sum(), *exits],
        "expected": [np.nan, *expected],
        "status": ["ok" if reason is None else "not_estimable"] + ["ok"] * k,
        "reason": [reason] + [None] * k,
        "method": ["Gray" if rho == 0 else f"Gray, rho = {rho:g}"] + [None] * k,
    })  # fmt: skip


def _compare(
    y: np.ndarray, own: np.ndarray, other: np.ndarray, rho: float
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return the score of each group, the exits expected and the covariance, in one stratum; shapes (k,), (k,), (k, k).

    Each exit of group r at t moves the score of group i, through its own incidence and through the common one, by
    a_ir(t) + (1 - (1 - F) / S_r) (C_ir - c_ir(t)) (the exit tested) or (1 - F) / S_r (C_ir - c_ir(t)) (the others): a_ir is the
    derivative of the score's weights, c_ir its running sum against the common hazard, C_ir the whole of it (Gray 1988, §4).
    """
    happened = (own + other).any(axis=0)
    y, own, other = y[:, happened], own[:, happened], other[:, happened]
    k, m = y.shape
    there = y > 0
    safe = np.where(there, y, 1.0)
    free = np.concatenate([np.ones((k, 1)), np.cumprod(1 - (own + other) / safe, axis=1)], axis=1)
    free[free < 1e-15] = 0.0
    before = np.where(free[:, :-1] > 0, free[:, :-1], 1.0)
    gone = np.cumsum(before * own / safe, axis=1)
    not_gone = 1 - np.concatenate([np.zeros((k, 1)), gone[:, :-1]], axis=1)
    potential = np.where(there, y / before, 0.0)
    d, whole, remaining = own.sum(axis=0), potential.sum(axis=0), (potential * not_gone).sum(axis=0)
    common = np.cumsum(d / whole)
    left = 1 - np.concatenate([[0.0], common[:-1]])
    weight = np.where(left > 1e-15, np.maximum(left, 1e-15) ** rho, 0.0) if rho else np.ones(m)
    due = np.divide(
        d * potential * not_gone,
        remaining,
        out=np.zeros((k, m)),
        where=np.broadcast_to(remaining > 0, (k, m)),
    )
    score, expected = (weight * (own - due)).sum(axis=1), (weight * due).sum(axis=1)
    variance = np.zeros((k, k))
    share = np.divide(1 - common, free[:, 1:], out=np.zeros((k, m)), where=free[:, 1:] > 0)
    hazard = np.divide(d, whole * left, out=np.zeros(m), where=left > 0)
    ties = np.maximum(d - 1, 0)
    for r in range(k):
        a = -weight * potential * potential[r] / whole
        a[r] += weight * potential[r]
        a[:, ~there[r]] = 0.0
        rest = np.cumsum(a * hazard, axis=1)
        rest = rest[:, -1:] - rest
        # Tied exits are drawn without replacement, so vary a little less.
        others = whole * before[r] - 1
        fewer = 1 - np.divide(ties, others, out=np.zeros(m), where=(ties > 0) & there[r] & (others != 0))
        spread = np.where(there[r], fewer * before[r] * d / (whole * safe[r]), 0.0)
        moved = a + (1 - share[r]) * rest
        variance += (moved * spread) @ moved.T
        # Nobody left without an exit: the others' last exits move nothing any more.
        alive = free[r, 1:] > 0
        fewer = 1 - np.divide(other[r] - 1, y[r] - 1, out=np.zeros(m), where=other[r] > 1)
        spread = np.where(alive, fewer * before[r] ** 2 * other[r] / safe[r] ** 2, 0.0)
        moved = share[r] * rest
        variance += (moved * spread) @ moved.T
    return score, expected, variance


def _statistic(
    score: np.ndarray, variance: np.ndarray, weight_kind: str | None, exits: np.ndarray, event: Any
) -> tuple[float, float, Message | None]:
    """Return the statistic, its degrees of freedom, and why there is none."""
    if weight_kind == "sampling":
        return np.nan, np.nan, message("survival.sampling_test")
    if len(score) < 2:
        return np.nan, np.nan, message("survival.one_group")
    if exits.sum() == 0:
        return np.nan, np.nan, message("survival_competing.no_such_exit", event=event)
    largest = max(float(np.abs(np.diag(variance)).max()), 1e-300)
    df = int(np.linalg.matrix_rank(variance, tol=1e-10 * largest, hermitian=True))
    if df == 0:
        return np.nan, np.nan, message("survival.no_comparison")
    return float(score @ np.linalg.pinv(variance, rcond=1e-10, hermitian=True) @ score), float(df), None
