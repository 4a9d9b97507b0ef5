"""People chosen because their first value was low (or high): how much would have come back by itself, and what is left.

Not for a selection that gives everybody the same first value: there nothing can be corrected, and `pre_post` says so.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from scipy import special, stats

from evalkit.comparison.core.answer import reasons
from evalkit.comparison.core.people import number_values
from evalkit.comparison.core.rows import frame, missing_row, row
from evalkit.comparison.paired.answer import WORDS, attrition_caveat, obstacle, people_rows
from evalkit.comparison.paired.trough_gate import RegressionToTheMean
from evalkit.comparison.paired.waves import as_series, measured, pair
from evalkit.errors import InputError
from evalkit.numerics.arguments import level, one_number, one_of
from evalkit.provenance import Provenance, digest
from evalkit.wording import Message, labels, message

SIDES = ("below", "above")
#: Correlations of the sensitivity rows.
_GRID = (0.3, 0.5, 0.7, 0.9)
_WORDS = (
    "expected_return", "corrected_difference", "mean_that_cancels", "correlation_that_cancels", "mean_before",
    "mean_after", "mean_of_everybody", "paired_t", "truncated_normal", "linear", "mee_chua", "fieller", "correlation",
)  # fmt: skip


@dataclass(frozen=True)
class _Everybody:
    """What is known of all who could have been chosen: mean, standard deviation, how many they are when they were measured."""

    mean: float
    sd: float
    n: float

    @property
    def mean_variance(self) -> float:
        return self.sd**2 / self.n if math.isfinite(self.n) else 0.0


@dataclass(frozen=True)
class _Line:
    """Least squares of the second value on the first among those chosen; selection on the first does not bias it."""

    x: np.ndarray
    y: np.ndarray
    slope: float
    residual_variance: float
    spread: float

    @classmethod
    def of(cls, x: np.ndarray, y: np.ndarray) -> _Line | None:
        spread = float(((x - x.mean()) ** 2).sum())
        if len(x) < 3 or spread <= 1e-24 * max(1.0, float((x**2).sum())):
            return None
        slope = float(((x - x.mean()) * (y - y.mean())).sum() / spread)
        left = y - y.mean() - slope * (x - x.mean())
        return cls(x, y, slope, float((left**2).sum() / (len(x) - 2)), spread)

    def effect(self, mean: float) -> tuple[float, float]:
        """Return the height of the line above `mean` at `mean`, and its variance."""
        away = mean - self.x.mean()
        height = self.y.mean() + self.slope * away - mean
        return float(height), self.residual_variance * (1 / len(self.x) + away**2 / self.spread)


def regression_to_the_mean(
    before: Any,
    after: Any,
    *,
    data: Any = None,
    person: str | None = None,
    wave: str | None = None,
    outcome: str | None = None,
    cut: float | None = None,
    side: str = "below",
    mean: float | None = None,
    sd: float | None = None,
    reference: pd.Series | None = None,
    correlation: float | None = None,
    conf_level: float = 0.95,
    provenance: Provenance | None = None,
) -> RegressionToTheMean:
    """Correct the pre/post difference of people chosen by their first value for what would have come back by itself.

    Whoever is chosen in a bad week is better the week after: the first value was low partly by chance. How much returns depends on
    the mean of everybody who could have been chosen and on the correlation between two measures without any programme.

    Parameters
    ----------
    before, after, data, person, wave, outcome
        As in `pre_post`.
    cut : float, optional
        People were chosen for a first value at or below (above) it.
    side : {"below", "above"}
    mean, sd : float, optional
        Of the first value among everybody who could have been chosen; known from elsewhere, taken without error.
    reference : Series, optional
        Instead: the first values of everybody who could have been chosen; its sampling error is counted.
    correlation : float, optional
        Between two measures of the same people without any programme, from elsewhere. Without it the slope of the second value on the
        first among those chosen serves (Mee & Chua), which rests on the same data as the difference.
    conf_level : float
    provenance : Provenance, optional

    Returns
    -------
    RegressionToTheMean
        Rows by ``term`` and ``method``:

        - ``difference``: mean of after − before, as observed;
        - ``expected_return``: what would have come back, "truncated_normal" (from `cut`; the first values of everybody are normal) and
          "linear" (from the mean first value of those chosen);
        - ``corrected_difference``: what is left; "mee_chua" estimates the slope, "linear" uses `correlation`; then for a grid of
          correlations (column ``correlation``);
        - ``mean_that_cancels``: the mean of everybody at which nothing is left, with Fieller's interval;
        - ``correlation_that_cancels``: the correlation at which nothing is left.

    Raises
    ------
    InputError
        For text, people on the wrong side of `cut`, both `mean` and `reference`, correlations outside [−1, 1].

    References
    ----------
    Gardner & Heady (1973), Journal of Chronic Diseases 26:781 (expected return past a cut). Mee & Chua (1991), The American
    Statistician 45:39, eq. 4 (regression on the distance to the mean). Fieller (1954), JRSS B 16:175.

    Examples
    --------
    >>> import numpy as np
    >>> rng = np.random.default_rng(4)
    >>> usual = rng.normal(50, 8, 4000)
    >>> first, second = (usual + rng.normal(0, 6, 4000) for _ in range(2))
    >>> chosen = first <= 40
    >>> answer = regression_to_the_mean(
    ...     pd.Series(first[chosen]), pd.Series(second[chosen]), cut=40, mean=50, sd=10, correlation=0.64
    ... )
    >>> rows = answer.tidy().set_index(["term", "method"])
    >>> rows.loc[["difference", "expected_return"], "estimate"].round(1).tolist()
    [5.0, 5.5, 5.5]
    """
    one_of(side, SIDES, "side")
    conf_level = level(conf_level)
    correlation = None if correlation is None else _correlation(correlation)
    cut = None if cut is None else one_number(cut, "cut")
    everybody = _everybody(mean, sd, reference)
    waves = pair(*as_series(before, after, data, person, wave, outcome))
    x, y = (measured(waves, name, "regression_to_the_mean") for name in ("before", "after"))
    _check_cut(x, cut, side)
    both = np.isfinite(x) & np.isfinite(y)
    stop = obstacle(waves) or (message("comparison_trough.few") if both.sum() < 3 else None)
    asked = _Asked(x[both], y[both], everybody, correlation, cut, side, conf_level)
    table = frame([*_rows(asked, stop), *people_rows(waves)], keys=("correlation",))
    table = table[
        [
            "term",
            "part",
            "method",
            "correlation",
            *table.columns.drop(["term", "part", "method", "correlation"]),
        ]
    ]
    return RegressionToTheMean(
        table,
        message("comparison_trough.question"),
        (*_caveats(table, asked, stop), *reasons(table), *attrition_caveat(table)),
        provenance or Provenance(inputs={"regression_to_the_mean": digest(waves.frame.reset_index())}),
        {"n_total": len(waves.frame), "n_paired": int(both.sum()), "conf_level": conf_level},
        {**labels("comparison", *WORDS), **labels("comparison_trough", *_WORDS)},
    )


@dataclass(frozen=True)
class _Asked:
    """The pairs, and what is known from elsewhere."""

    x: np.ndarray
    y: np.ndarray
    everybody: _Everybody | None
    correlation: float | None
    cut: float | None
    side: str
    conf_level: float

    @property
    def n(self) -> int:
        return len(self.x)


def _correlation(value: Any) -> float:
    found = one_number(value, "correlation")
    if not -1 <= found <= 1:
        raise InputError(f"correlation: must lie in [-1, 1], but was {value!r}")
    return found


def _everybody(mean: Any, sd: Any, reference: Any) -> _Everybody | None:
    if reference is not None:
        if mean is not None or sd is not None:
            raise InputError("regression_to_the_mean: give mean and sd, or reference, not both")
        if not isinstance(reference, pd.Series):
            raise InputError(
                f"regression_to_the_mean: reference must be a Series, but was {type(reference).__name__}"
            )
        known = number_values(reference.dropna(), "reference", "regression_to_the_mean")
        if len(known) < 2:
            raise InputError(
                f"regression_to_the_mean: reference has {len(known)} values; it needs at least 2"
            )
        if np.ptp(known) == 0:
            raise InputError(
                f"regression_to_the_mean: all {len(known)} values of reference are {known[0]:g}; it must hold the first values of "
                "everybody who could have been chosen"
            )
        return _Everybody(float(known.mean()), float(known.std(ddof=1)), float(len(known)))
    if mean is None:
        if sd is not None:
            raise InputError("regression_to_the_mean: sd= needs mean=")
        return None
    spread = math.nan if sd is None else one_number(sd, "sd")
    if spread <= 0 or math.isinf(spread):
        raise InputError(f"sd: must be above 0 and finite, but was {sd!r}")
    centre = one_number(mean, "mean")
    if not math.isfinite(centre):
        raise InputError(f"mean: must be a finite number, but was {mean!r}")
    return _Everybody(centre, spread, math.inf)


def _check_cut(x: np.ndarray, cut: float | None, side: str) -> None:
    if cut is None:
        return
    known = x[np.isfinite(x)]
    wrong = int((known > cut).sum() if side == "below" else (known < cut).sum())
    if wrong:
        raise InputError(
            f"regression_to_the_mean: {wrong} of {len(known)} people have a first value {'above' if side == 'below' else 'below'} "
            f"cut={cut:g}, although they are said to have been chosen at or {side} it; leave them out, or give no cut"
        )


def _rows(asked: _Asked, stop: Message | None) -> list[dict]:
    n = asked.n
    if stop is not None:
        return [
            missing_row(term, "pairs", method, n, stop)
            for term, method in (("difference", "paired_t"), ("corrected_difference", "mee_chua"))
        ]
    rows = [_mean_row("difference", "paired_t", asked.y - asked.x, asked)]
    rows += [
        row(t, "pairs", estimate=float(v.mean()), n=n)
        for t, v in (("mean_before", asked.x), ("mean_after", asked.y))
    ]
    line = _Line.of(asked.x, asked.y)
    if asked.everybody is None:
        reason = message("comparison_trough.mean_unknown")
        rows.append(missing_row("corrected_difference", "pairs", "mee_chua", n, reason))
        return [*rows, _cancelling_mean(line, asked)]
    rows.append(
        row(
            "mean_of_everybody",
            estimate=asked.everybody.mean,
            n=asked.everybody.n if math.isfinite(asked.everybody.n) else math.nan,
        )
    )
    rows += _expected(asked, line)
    rows.append(_mee_chua(line, asked))
    if asked.correlation is not None:
        rows.append(_linear(asked, asked.correlation))
    rows += [_linear(asked, r) | {"correlation": r} for r in _GRID]
    return [*rows, _cancelling_mean(line, asked), _cancelling_correlation(asked)]


def _mean_row(term: str, method: str, values: np.ndarray, asked: _Asked, more: float = 0.0) -> dict:
    """Return the mean of some values with its t interval; `more` is variance of the mean that comes from elsewhere."""
    n, mean, variance = len(values), float(values.mean()), float(values.var(ddof=1)) / len(values)
    # Rounding is no variance: values that are all the same number tell nothing of how sure their mean is.
    if variance <= (1e-14 * max(1.0, float(np.abs(values).max()))) ** 2:
        return missing_row(term, "pairs", method, n, message("comparison_trough.no_spread"))
    return _t_row(term, method, mean, variance + more, _df([(variance, n - 1)], variance + more), asked)


def _df(parts: list[tuple[float, float]], total: float) -> float:
    """Return Satterthwaite's degrees of freedom of a sum of variances; what is taken from elsewhere has no part in it."""
    return total**2 / sum(v**2 / df for v, df in parts)


def _t_row(term: str, method: str, estimate: float, variance: float, df: float, asked: _Asked) -> dict:
    error = math.sqrt(variance)
    half = float(special.stdtrit(df, (1 + asked.conf_level) / 2)) * error
    p = 2 * float(stats.t.sf(abs(estimate) / error, df))
    return row(
        term, "pairs", method, estimate=estimate, std_error=error, statistic=estimate / error, df=df,
        p_value=max(p, np.finfo(float).tiny), conf_low=estimate - half, conf_high=estimate + half,
        conf_level=asked.conf_level, n=asked.n,
    )  # fmt: skip


def _expected(asked: _Asked, line: _Line | None) -> list[dict]:
    """Return what would have come back: past a cut, and from where those chosen really were."""
    known = asked.everybody
    r = asked.correlation if asked.correlation is not None else (line.slope if line else math.nan)
    if math.isnan(r):
        return []
    rows = []
    if asked.cut is not None and math.isfinite(known.sd):
        z = (asked.cut - known.mean) / known.sd
        sign = 1 if asked.side == "below" else -1
        # Mills' ratio through logarithms: a cut eight standard deviations away is still a number.
        mills = math.exp(stats.norm.logpdf(z) - special.log_ndtr(sign * z))
        rows.append(
            row(
                "expected_return",
                "pairs",
                "truncated_normal",
                estimate=sign * known.sd * (1 - r) * mills,
                n=asked.n,
            )
        )
    rows.append(
        row(
            "expected_return",
            "pairs",
            "linear",
            estimate=(1 - r) * (known.mean - float(asked.x.mean())),
            n=asked.n,
        )
    )
    return rows


def _linear(asked: _Asked, r: float) -> dict:
    known = asked.everybody
    left = asked.y - known.mean - r * (asked.x - known.mean)
    return _mean_row("corrected_difference", "linear", left, asked, (1 - r) ** 2 * known.mean_variance)


def _mee_chua(line: _Line | None, asked: _Asked) -> dict:
    if line is None or line.residual_variance <= 0:
        why = message("comparison_trough.same_start" if line is None else "comparison_trough.no_spread")
        return missing_row("corrected_difference", "pairs", "mee_chua", asked.n, why)
    estimate, variance = line.effect(asked.everybody.mean)
    total = variance + (1 - line.slope) ** 2 * asked.everybody.mean_variance
    df = _df([(variance, asked.n - 2)], total) if total > variance else float(asked.n - 2)
    return _t_row("corrected_difference", "mee_chua", estimate, total, df, asked)


def _cancelling_mean(line: _Line | None, asked: _Asked) -> dict:
    """Return the mean of everybody at which the line says that nothing is left: where it crosses the diagonal."""
    if line is None or line.residual_variance <= 0:
        why = message("comparison_trough.same_start" if line is None else "comparison_trough.no_spread")
        return missing_row("mean_that_cancels", "pairs", "fieller", asked.n, why)
    if line.slope == 1:
        return missing_row(
            "mean_that_cancels", "pairs", "fieller", asked.n, message("comparison_trough.parallel")
        )
    # Distances from the mean first value: difference = (1 − slope) × distance.
    d, g = float((asked.y - asked.x).mean()), 1 - line.slope
    v_d, v_g = line.residual_variance / asked.n, line.residual_variance / line.spread
    t2 = float(special.stdtrit(asked.n - 2, (1 + asked.conf_level) / 2)) ** 2
    a, b, c = g * g - t2 * v_g, d * g, d * d - t2 * v_d
    place, centre = d / g, float(asked.x.mean())
    if a <= 0:
        # The slope may be 1: Fieller's set is unbounded.
        return row(
            "mean_that_cancels", "pairs", "fieller", estimate=centre + place, n=asked.n,
            reason=message("comparison_trough.unbounded"),
        )  # fmt: skip
    half = math.sqrt(max(b * b - a * c, 0.0))
    return row(
        "mean_that_cancels", "pairs", "fieller", estimate=centre + place, conf_low=centre + (b - half) / a,
        conf_high=centre + (b + half) / a, conf_level=asked.conf_level, n=asked.n,
    )  # fmt: skip


def _cancelling_correlation(asked: _Asked) -> dict:
    away = asked.everybody.mean - float(asked.x.mean())
    found = 1 - float((asked.y - asked.x).mean()) / away if away else math.nan
    if not -1 <= found <= 1:
        reason = message("comparison_trough.no_correlation")
        return missing_row("correlation_that_cancels", "pairs", "linear", asked.n, reason)
    return row("correlation_that_cancels", "pairs", "linear", estimate=found, n=asked.n)


def _caveats(table: pd.DataFrame, asked: _Asked, stop: Message | None) -> tuple[Message, ...]:
    said = [message("result.no_counterfactual")]
    if stop is not None:
        return tuple(said)
    rows = table[table["method"] == "linear"]
    expected = rows.loc[rows["term"] == "expected_return", "estimate"]
    if len(expected):
        said.append(message("comparison_trough.part_expected", back=float(expected.iloc[0])))
    cancel = table.loc[table["term"] == "mean_that_cancels", "estimate"]
    if len(cancel) and cancel.notna().all():
        said.append(message("comparison_trough.cancelling_mean", mean=float(cancel.iloc[0])))
    source = "reference" if asked.everybody and math.isfinite(asked.everybody.n) else "given"
    if asked.everybody is not None:
        said.append(message(f"comparison_trough.mean_{source}", mean=asked.everybody.mean))
    said.append(
        message(
            "comparison_trough.slope" if asked.correlation is None else "comparison_trough.correlation_given"
        )
    )
    said.append(message("comparison_trough.supposes"))
    return tuple(said)
