"""Linear mixed model of people seen at several dates: a level, and if asked a slope, for each person.

Not for yes or no, nor counts: `gee`, `conditional_logit`.
"""

from __future__ import annotations

import dataclasses
import math
from typing import Any

import numpy as np

from evalkit.comparison.core.people import number_values
from evalkit.comparison.core.rows import missing_row, row
from evalkit.comparison.repeated.answer import Repeated, answer
from evalkit.comparison.repeated.estimating import root_mean_square
from evalkit.comparison.repeated.long import Long, independent, people_rows, read_long
from evalkit.comparison.repeated.means import (
    Fit,
    coefficient_rows,
    few_degrees,
    how_columns_repeat,
    mean_rows,
)
from evalkit.comparison.repeated.small_samples import METHODS, Small, small_sample
from evalkit.comparison.repeated.variances import Mixed, Top, component_intervals, cross_products, top_of
from evalkit.disclosure import Headcount
from evalkit.errors import InputError
from evalkit.numerics.arguments import level, one_of
from evalkit.numerics.clustered import Robust, sandwich
from evalkit.provenance import Provenance
from evalkit.wording import Message, message

_WORDS = ("kenward_roger", "satterthwaite", "CR2", "hotelling", "joint_kr", "all_levels", "sd_person", "sd_slope", "sd_residual",
          "correlation_slope", "icc", "profile")  # fmt: skip


def mixed_model(
    data: Any,
    outcome: str,
    formula: str,
    *,
    person: str,
    time: str | None = None,
    by: str | None = None,
    slope: str | None = None,
    reml: bool = True,
    df: str | None = None,
    robust: bool = False,
    conf_level: float = 0.95,
    missing: str = "error",
    provenance: Provenance | None = None,
) -> Repeated:
    """Fit a linear mixed model, with inference that few people allow.

    Dates at which somebody is not seen stay out and the person's other dates stay in: right if what is not seen depends only
    on what is seen and in the model ("missing at random").

    Parameters
    ----------
    data : DataFrame
        Long: one row per person and date.
    outcome : str
        Column of numbers.
    formula : str
        Right-hand side: ``"C(month)"``, ``"month * treated"``.
    person : str
        Column of identifiers.
    time : str, optional
        Column of dates. When the formula uses it: means at each date and changes from the first.
    by : str, optional
        Column of groups that the formula uses: means and changes for each group.
    slope : str, optional
        Column of numbers along which each person has a slope of their own, correlated with their level.
    reml : bool
        Restricted likelihood, which small samples need; False: maximum likelihood.
    df : {"kenward_roger", "satterthwaite"}, optional
        Default: Kenward and Roger's with the restricted likelihood, Satterthwaite's without.
    robust : bool
        Standard errors by the sandwich (CR2, degrees of freedom of Satterthwaite) instead of by the model.
    conf_level : float
    missing : {"error", "drop"}
    provenance : Provenance, optional
        Default: records of real people.

    Returns
    -------
    Repeated
        Rows as `evalkit.comparison.gee`, and ``sd_person``, ``sd_slope``, ``correlation_slope``, ``sd_residual`` with profile
        intervals, and ``icc``, the share of the variance that lies between people. A variance of 0 is said.

    Raises
    ------
    InputError
        As `evalkit.comparison.gee`; Kenward and Roger's degrees of freedom without the restricted likelihood.

    References
    ----------
    Kenward & Roger (1997), Biometrics 53:983; Bates, Mächler, Bolker & Walker (2015), Journal of Statistical Software 67(1);
    as R's lme4, pbkrtest and lmerTest.

    Examples
    --------
    >>> import pandas as pd
    >>> people = pd.DataFrame({"who": [k for k in range(12) for _ in (0, 6)], "month": [0, 6] * 12,
    ...                        "score": [3, 4, 5, 5, 2, 4, 6, 7, 4, 4, 3, 5, 5, 6, 4, 6, 2, 2, 3, 4, 5, 7, 4, 5]})
    >>> fit = mixed_model(people, "score", "C(month)", person="who", time="month")
    >>> fit.tidy().loc[1, ["estimate", "std_error", "df"]].astype(float).round(3).tolist()
    [1.083, 0.229, 11.0]
    """
    conf_level = level(conf_level)
    one_of(df, (None, *METHODS), "df")
    if df == "kenward_roger" and not reml:
        raise InputError(
            "df: Kenward and Roger's degrees of freedom need reml=True; say df='satterthwaite' or reml=True"
        )
    method = df or ("kenward_roger" if reml else "satterthwaite")
    also = [c for c in (slope, by) if c is not None]
    rows = read_long(
        data, outcome, formula, "mixed_model", person, time, None, "gaussian", missing, also=also
    )
    if by is not None and by not in rows.design.variables:
        raise InputError(
            f"mixed_model: by={by!r} must stand in the formula {formula!r}, or the groups would not differ"
        )
    z = np.ones((len(rows.y), 1))
    if slope is not None:
        z = np.column_stack([z, number_values(rows.frame[slope], slope, "mixed_model")])
    kept = np.flatnonzero(independent(rows.x))
    caveats = [message("comparison_repeated.not_an_effect"), *rows.caveats, *_missing_dates(rows)]
    scaled = _Scaled(rows, z, kept)
    reason = scaled.obstacle(slope)
    made: list[dict] = []
    if reason is None:
        model = cross_products(scaled.x, scaled.y, scaled.z, rows.person, reml)
        top = top_of(model)
        small = small_sample(scaled.x, scaled.y, scaled.z, rows.person, top, reml, method)
        if not small.identified:
            reason = message("comparison_repeated.few_dates" if slope else "comparison_repeated.once_only")
        else:
            fit = _fit(rows, scaled, kept, top, small, "CR2" if robust else method, conf_level)
            made = coefficient_rows(fit, rows)
            if time is not None and time in rows.design.variables:
                made += mean_rows(fit, rows, time, by)
                tests = sum(r["term"] == "change_from_first" for r in made)
                caveats.append(message("comparison_repeated.holm", n=tests))
            caveats += few_degrees(made)
            made += _components(model, top, scaled, rows, conf_level)
            if top.singular:
                caveats.append(
                    message("comparison_repeated.singular_slope" if slope else "comparison_repeated.singular")
                )
    if reason is not None:
        made = [missing_row(t, "", method, rows.n_persons, reason) for t in rows.terms]
    return answer(
        [*made, *people_rows(rows)],
        message("comparison_repeated.question_mixed", outcome=outcome),
        caveats,
        _WORDS,
        provenance=provenance,
        data=rows.frame,
        function="mixed_model",
        about={
            "n": len(rows.y), "n_persons": rows.n_persons, "n_dates": len(rows.times), "reml": reml,
            "log_likelihood": math.nan if reason else scaled.log_likelihood(top, model), "conf_level": conf_level,
        },
    )  # fmt: skip


def _missing_dates(rows: Long) -> list[Message]:
    seen = rows.per_person()
    most = len(rows.times) or int(seen.max())
    fewer = int((seen < most).sum())
    if not fewer:
        return []
    return [
        message("comparison_repeated.missing_at_random", n=Headcount(fewer), persons=Headcount(len(seen)))
    ]


class _Scaled:
    """Columns brought to one size, so that units change nothing but units."""

    def __init__(self, rows: Long, z: np.ndarray, kept: np.ndarray):
        x = rows.x[:, kept]
        self.person = rows.person
        self.plain = np.linalg.lstsq(x / root_mean_square(x), rows.y, rcond=None)[0] / root_mean_square(x)
        rest = rows.y - x @ self.plain
        self.outcome = float(np.abs(rows.y).max())
        self.unit = float(root_mean_square(rest)) if np.abs(rest).max() > 0 else 0.0
        self.of_x, self.of_z = root_mean_square(x), root_mean_square(z)
        self.x, self.z = x / self.of_x, z / self.of_z
        self.y = rest / (self.unit or 1.0)

    def obstacle(self, slope: str | None) -> Message | None:
        """Return why nothing can be estimated, or None."""
        counts = np.bincount(self.person)
        if self.unit <= 1e-12 * self.outcome or self.unit == 0:
            return message("comparison_repeated.no_residual")
        if len(counts) == 1:
            return message("comparison_repeated.one_person")
        if counts.max() == 1:
            return message("comparison_repeated.once_only")
        if len(self.y) <= self.x.shape[1] + self.z.shape[1]:
            return message("comparison_repeated.few_rows")
        if self._within(self.z[:, :1]) <= 1e-9:
            return message("comparison_repeated.no_within")
        if slope is not None and not self._varies():
            return message("comparison_repeated.slope_constant", column=slope)
        if slope is not None and self._within(self.z) <= 1e-9:
            return message("comparison_repeated.few_dates")
        return None

    def _within(self, z: np.ndarray) -> float:
        """Return how much is left within people once a level (and slope) of each, and the model, are taken out."""
        both = np.column_stack([self.y, self.x])
        ends = np.cumsum(np.bincount(self.person))[:-1]
        left = []
        for mine, own in zip(np.split(both, ends), np.split(z, ends), strict=True):
            left.append(mine - own @ np.linalg.lstsq(own, mine, rcond=1e-10)[0])
        both = np.vstack(left)
        rest = both[:, 0] - both[:, 1:] @ np.linalg.lstsq(both[:, 1:], both[:, 0], rcond=1e-10)[0]
        return float(np.sqrt(np.mean(rest**2)))

    def _varies(self) -> bool:
        along = self.z[:, 1]
        middle = np.bincount(self.person, along) / np.bincount(self.person)
        return bool(np.abs(along - middle[self.person]).max() > 1e-9)

    def log_likelihood(self, top: Top, model: Mixed) -> float:
        """Return the log-likelihood in the units of the data."""
        shift = model.free * math.log(self.unit)
        columns = float(np.log(self.of_x).sum()) if model.reml else 0.0
        return -top.deviance / 2 - shift - columns


def _fit(
    rows: Long, scaled: _Scaled, kept: np.ndarray, top: Top, small: Small, method: str, conf_level: float
) -> Fit:
    beta = np.full(len(rows.terms), math.nan)
    beta[kept] = scaled.plain + top.beta * scaled.unit / scaled.of_x
    # The climb was made from the plain fit; tests are about the coefficients themselves.
    whole = beta[kept] * scaled.of_x / scaled.unit
    maker = _sandwich(rows, scaled, top, whole) if method == "CR2" else dataclasses.replace(small, beta=whole)

    joint = {"CR2": "hotelling", "kenward_roger": "joint_kr", "satterthwaite": ""}[method]
    none = np.zeros(len(beta), dtype=bool)
    repeats = how_columns_repeat(rows.x, kept)
    return Fit(
        beta, kept, none, repeats, maker, scaled.of_x, scaled.unit, "gaussian", method, conf_level, joint
    )


def _sandwich(rows: Long, scaled: _Scaled, top: Top, beta: np.ndarray) -> Robust:
    blocks = []
    for z in np.split(scaled.z, np.cumsum(rows.per_person())[:-1]):
        blocks.append(np.linalg.inv(z @ top.between @ z.T + top.sigma**2 * np.eye(len(z))))
    return sandwich(
        scaled.x, scaled.y - scaled.x @ top.beta, rows.person, coef=beta, kind="CR2", weight=blocks,
        names=[f"x{k}" for k in range(scaled.x.shape[1])], scale=np.full(len(scaled.y), scaled.outcome / scaled.unit),
    )  # fmt: skip


def _components(model: Mixed, top: Top, scaled: _Scaled, rows: Long, conf_level: float) -> list[dict]:
    ends = component_intervals(model, top, conf_level)
    spread = np.sqrt(np.diag(top.between))
    values = {"sd_person": spread[0], "sd_residual": top.sigma}
    units = {"sd_person": scaled.unit, "sd_residual": scaled.unit}
    if model.q == 2:
        values["sd_slope"], units["sd_slope"] = spread[1], scaled.unit / scaled.of_z[1]
        if spread[0] * spread[1] > 0:
            values["correlation"], units["correlation"] = top.between[0, 1] / (spread[0] * spread[1]), 1.0
    names = {"correlation": "correlation_slope"}
    made = []
    for name in [n for n in ("sd_person", "sd_slope", "correlation", "sd_residual") if n in values]:
        low, high = ends[name]
        made.append(row(
            names.get(name, name), "", "profile", estimate=float(values[name] * units[name]), conf_low=low * units[name],
            conf_high=high * units[name], conf_level=conf_level, n=rows.n_persons,
        ))  # fmt: skip
    if model.q == 1:
        share = float(top.between[0, 0] / (top.between[0, 0] + top.sigma**2))
        made.append(row("icc", estimate=share, n=rows.n_persons))
    return made
