"""Coefficients, joint tests, means over dates and changes from the first, as rows, from any fit that answers contrasts.

Not a fit.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from evalkit.comparison.core.rows import missing_row, row
from evalkit.comparison.repeated.estimating import LINKS, mean_of, root_mean_square, slope_of
from evalkit.comparison.repeated.long import Long
from evalkit.numerics.clustered import Contrast, Wald
from evalkit.numerics.multiple import adjusted
from evalkit.wording import Message, message

#: Degrees of freedom below which tests do not keep their level.
_FEW = 4
#: Terms with one row a date.
_OVER_DATES = ("mean", "change_from_first", "log_odds_from_first", "log_ratio_from_first")


@dataclass(frozen=True, eq=False)
class Fit:
    """A fit as rows need it.

    Parameters
    ----------
    beta : float array, shape (p,)
        nan for columns without an estimate.
    solid : int array
        Columns that were fitted, in the order of `contrast`.
    gone : bool array, shape (p,)
        Columns that separation leaves without an estimate.
    repeats : float array, shape (k, p)
        How each column is made of the k columns of `solid`.
    maker : object
        Answers ``contrast`` and ``wald`` of the columns of `solid` over `size`, in `unit`.
    size : float array, shape (k,)
    unit : float
    family, method : str
    conf_level : float
    joint : {"hotelling", "joint_kr", ""}
        The test `wald` makes; empty: none.
    """

    beta: np.ndarray
    solid: np.ndarray
    gone: np.ndarray
    repeats: np.ndarray
    maker: Any
    size: np.ndarray
    unit: float
    family: str
    method: str
    conf_level: float
    joint: str = "hotelling"

    def coefficient(self, column: int) -> Contrast:
        """Return one coefficient of `solid`; columns that repeat others are left out of the model."""
        return self._of_solid(np.asarray(self.solid == column, dtype=float))

    def combination(self, weights: np.ndarray) -> Contrast | Message:
        """Return a combination of all p coefficients, or why it has none."""
        if (np.abs(weights[self.gone]) > 0).any():
            return message("comparison_repeated.separated_mean")
        kept = weights[self.solid]
        # Columns that repeat others add nothing when the combination takes them together with what they repeat.
        blank = ~np.isfinite(self.beta) & ~self.gone
        made = self.repeats[:, blank]
        off = np.abs(kept @ made - weights[blank])
        reach = np.abs(kept).max() * np.abs(made).max(axis=0, initial=0.0) + np.abs(weights[blank])
        return (
            message("comparison_repeated.repeats_mean")
            if (off > 1e-9 * reach).any()
            else self._of_solid(kept)
        )

    def _of_solid(self, kept: np.ndarray) -> Contrast:
        kept = kept / self.size
        largest = float(np.abs(kept).max()) or 1.0
        found = self.maker.contrast(kept / largest)
        by = largest * self.unit
        return dataclasses.replace(found, estimate=found.estimate * by, std_error=found.std_error * by)

    def together(self, columns: Sequence[int]) -> Wald:
        """Return the test that several coefficients are all zero."""
        return self.maker.wald([np.asarray(self.solid == j, dtype=float) for j in columns])


def how_columns_repeat(x: np.ndarray, solid: np.ndarray) -> np.ndarray:
    """Return how each column of a matrix is made of those of `solid`, shape (k, p); only right for columns that are."""
    size = root_mean_square(x)
    made = np.linalg.lstsq(x[:, solid] / size[solid], x / size, rcond=None)[0]
    return made / size[solid][:, None] * size


def coefficient_rows(fit: Fit, rows: Long) -> list[dict]:
    """Return one row per coefficient, and one per term of several columns."""
    made = []
    for j, term in enumerate(rows.terms):
        if not np.isfinite(fit.beta[j]):
            why = "separated" if fit.gone[j] else "repeats_others"
            missing = missing_row(
                term, "", fit.method, rows.n_persons, message(f"comparison_repeated.{why}", term=term)
            )
            made.append(missing | {"least": least_of(rows, j, fit.family)})
            continue
        known = {"n": rows.n_persons, "least": least_of(rows, j, fit.family)}
        made.append(_contrast_row(fit, fit.coefficient(j), term, "", **known))
    return [*made, *_joint_rows(fit, rows)]


def few_degrees(made: Sequence[dict]) -> list[Message]:
    """Return the sentence about tests that rest on so few people that even their corrected level is not kept.

    References
    ----------
    Pustejovsky & Tipton (2018), Journal of Business & Economic Statistics 36:672, page 678 (below 4 or 5 degrees of freedom).
    """
    low = [r["df"] for r in made if r["status"] == "ok" and r["df"] < _FEW and r["estimate"] == r["estimate"]]
    return [message("comparison_repeated.few_degrees", n=len(low), df=min(low), few=_FEW)] if low else []


def estimate_row(fit: Fit, weights: np.ndarray, term: str, part: str = "", **known: Any) -> dict:
    """Return the row of a combination of coefficients, tested against zero."""
    found = fit.combination(weights)
    if isinstance(found, Message):
        return missing_row(term, part, fit.method, known["n"], found) | {
            k: v for k, v in known.items() if k in ("time", "least")
        }
    return _contrast_row(fit, found, term, part, **known)


def _contrast_row(fit: Fit, found: Contrast, term: str, part: str, **known: Any) -> dict:
    if found.reason is not None:
        return row(
            term,
            part,
            fit.method,
            estimate=found.estimate,
            ok=False,
            reason=_why(found.reason, term),
            **known,
        )
    low, high = found.interval(fit.conf_level)
    return row(
        term, part, fit.method, estimate=found.estimate, std_error=found.std_error, statistic=found.statistic, df=found.df,
        p_value=found.p_value(), conf_low=low, conf_high=high, conf_level=fit.conf_level, **known,
    )  # fmt: skip


def _why(reason: str, term: str) -> Message:
    """Return why a combination has no standard error; means and changes say it once, not at each date."""
    if term in _OVER_DATES:
        return message(
            "comparison_repeated.one_person_mean"
            if reason == "one_cluster_alone"
            else "comparison_repeated.no_spread_mean"
        )
    return message(f"comparison_repeated.{reason}", term=named(term))


def named(term: str) -> Message | str:
    """Return a term as a sentence says it: the constant in words, a column by its name."""
    return message("comparison_repeated.constant") if term == "constant" else term


def _joint_rows(fit: Fit, rows: Long) -> list[dict]:
    first = len(rows.terms) - len(rows.design.terms)
    made = []
    for label, columns in rows.design.groups:
        places = [first + c for c in columns]
        if len(places) < 2 or not fit.joint:
            continue
        least = min((v for v in (least_of(rows, j, fit.family) for j in places) if v == v), default=math.nan)
        if not np.isfinite(fit.beta[places]).all():
            why = "separated" if fit.gone[places].any() else "repeats_others"
            reason = message(f"comparison_repeated.{why}", term=label)
            made.append(
                missing_row(label, "all_levels", fit.joint, rows.n_persons, reason) | {"least": least}
            )
            continue
        found = fit.together(places)
        if found.reason is not None:
            reason = message(f"comparison_repeated.{found.reason}", term=label)
            made.append(missing_row(label, "all_levels", fit.joint, rows.n_persons, reason))
            continue
        made.append(row(
            label, "all_levels", fit.joint, statistic=found.statistic, df=found.df_den, p_value=found.p_value,
            n=rows.n_persons, least=least,
        ))  # fmt: skip
    return made


def least_of(rows: Long, column: int, family: str) -> float:
    """Return the least number of people, or of events, that a coefficient of a column of two values could give away."""
    x = rows.x[:, column]
    values = np.unique(x)
    if len(values) > 2:
        return math.nan
    counts = []
    for value in values:
        here = x == value
        counts.append(len(np.unique(rows.person[here])))
        counts += _events(rows, here, family)
    return float(min([k for k in counts if k > 0], default=math.nan))


def _events(rows: Long, here: np.ndarray, family: str) -> list[int]:
    y = rows.y[here]
    if family == "gaussian" and not np.isin(rows.y, (0, 1)).all():
        return []  # of numbers a mean tells of all; of yes and no, taken as numbers, it is a count
    if family == "poisson":
        return [int(y.sum())]
    return [int((y == 1).sum()), int((y == 0).sum())]


def mean_rows(fit: Fit, rows: Long, time: str, by: str | None) -> list[dict]:
    """Return the mean at each date, its change from the first, and ratios to the first date for logit and log models.

    Everybody is put at the date (and in the group), each person counting once.
    """
    groups = [None] if by is None else list(rows.design.levels.get(by) or np.unique(rows.frame[by]).tolist())
    share = rows.weight / np.bincount(rows.person)[rows.person]
    share = share / share.sum()
    means, changes, ratios = [], [], []
    for group in groups:
        first = None
        for place, when in enumerate(rows.times):
            here = (
                (rows.time == place)
                if group is None
                else (rows.time == place) & (rows.frame[by] == group).to_numpy()
            )
            known = {
                "time": when,
                "n": len(np.unique(rows.person[here])),
                "least": _least_at(rows, here, fit.family),
            }
            part = "" if group is None else f"{by}[{group}]"
            at = _Standing(fit, _put(rows, time, when, by, group), share)
            means.append(at.row(part, known))
            if first is None:
                first, lowest = at, known["least"]
                continue
            known = {**known, "least": min((v for v in (known["least"], lowest) if v == v), default=math.nan)}
            changes.append(at.change(first, part, known))
            if fit.family != "gaussian":
                name = "log_odds_from_first" if fit.family == "binomial" else "log_ratio_from_first"
                ratios.append(estimate_row(fit, at.linear - first.linear, name, part, **known))
    for family in (changes, ratios):
        held = adjusted([r["p_value"] for r in family])
        for made, p in zip(family, held, strict=True):
            made["p_value"] = float(p)
    return [*means, *changes, *ratios]


def _put(rows: Long, time: str, when: Any, by: str | None, group: Any) -> np.ndarray:
    """Return the columns with everybody at a date, in a group."""
    frame = rows.frame.copy()
    frame[time] = _same(frame[time], when)
    if by is not None:
        frame[by] = _same(frame[by], group)
    x = rows.design.encode(frame)
    return np.column_stack([np.ones(len(x)), x])


def _same(column: Any, value: Any) -> Any:
    import pandas as pd

    return pd.Series([value] * len(column), index=column.index, dtype=column.dtype)


def _least_at(rows: Long, here: np.ndarray, family: str) -> float:
    counts = [int(here.sum())]
    counts += _events(rows, here, family)
    return float(min([k for k in counts if k > 0], default=math.nan))


class _Standing:
    """Everybody standing at one date: their mean, and how it moves with each coefficient."""

    def __init__(self, fit: Fit, x: np.ndarray, share: np.ndarray):
        known = np.isfinite(fit.beta)
        mean = mean_of(x[:, known] @ fit.beta[known], fit.family)
        self.fit = fit
        self.mean = float(share @ mean)
        self.linear = share @ x
        self.gradient = (share * slope_of(mean, fit.family)) @ x

    def row(self, part: str, known: dict) -> dict:
        """Return the row of the mean; its interval is made on the scale of the link and brought back."""
        found = self.fit.combination(self.gradient)
        if isinstance(found, Message):
            return missing_row("mean", part, self.fit.method, known["n"], found) | known
        if found.reason is not None:
            return row(
                "mean",
                part,
                self.fit.method,
                estimate=self.mean,
                ok=False,
                reason=_why(found.reason, "mean"),
                **known,
            )
        low, high = self._bounds(found)
        return row(
            "mean", part, self.fit.method, estimate=self.mean, std_error=found.std_error, df=found.df, conf_low=low,
            conf_high=high, conf_level=self.fit.conf_level, **known,
        )  # fmt: skip

    def _bounds(self, found: Contrast) -> tuple[float, float]:
        from scipy.special import expit, logit
        from scipy.stats import t

        link = LINKS[self.fit.family]
        reach = float(t.isf((1 - self.fit.conf_level) / 2, found.df)) * found.std_error
        if link == "identity":
            return self.mean - reach, self.mean + reach
        if link == "log":
            return self.mean * math.exp(-reach / self.mean), self.mean * math.exp(reach / self.mean)
        centre, wide = float(logit(self.mean)), reach / (self.mean * (1 - self.mean))
        return float(expit(centre - wide)), float(expit(centre + wide))

    def change(self, first: _Standing, part: str, known: dict) -> dict:
        """Return the row of the difference from the first date."""
        made = estimate_row(self.fit, self.gradient - first.gradient, "change_from_first", part, **known)
        if made["status"] == "not_estimable":
            return made
        # What the fit combines are slopes; the estimate is the difference of the means themselves.
        shift = self.mean - first.mean - made["estimate"]
        for name in ("estimate", "conf_low", "conf_high"):
            made[name] += shift
        t = (self.mean - first.mean) / made["std_error"]
        made["statistic"] = t
        made["p_value"] = Contrast(self.mean - first.mean, made["std_error"], made["df"]).p_value()
        return made
