"""One answer from several imputed data sets: Rubin's rules, for any fit that gives an estimate and its standard error.

Not an imputation: `imputation` fills in; and not a remedy: what is missing for a reason that was not recorded stays a bias.
"""

from __future__ import annotations

import dataclasses
import inspect
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
import pandas as pd
from scipy import special

from evalkit.disclosure import COUNTS, DERIVED, Policy, suppress
from evalkit.errors import InputError
from evalkit.result import VALUES, Result
from evalkit.wording import message

#: Scale to pool on, by name: to it, back from it, and its derivative.
SCALES = {
    "identity": (lambda x: x, lambda y: y, lambda x: np.ones_like(x)),
    "log": (np.log, np.exp, lambda x: 1 / x),
    "logit": (special.logit, special.expit, lambda x: 1 / (x * (1 - x))),
    "log-log": (lambda x: np.log(-np.log(x)), lambda y: np.exp(-np.exp(y)), lambda x: 1 / (x * np.log(x))),
}


@dataclass(frozen=True, eq=False)
class Pooled:
    """Rubin's quantities, each an array over the things estimated.

    Parameters
    ----------
    estimate : float array, shape (k,)
        Mean over the imputations.
    variance : float array, shape (k,)
        Within, plus (1 + 1/m) between.
    df : float array, shape (k,)
    fmi : float array, shape (k,)
        Fraction of missing information.
    """

    estimate: np.ndarray
    variance: np.ndarray
    df: np.ndarray
    fmi: np.ndarray


@dataclass(frozen=True, repr=False)
class PooledResult(Result):
    """Pooled rows; what must be hidden when they are published is what the results pooled would hide.

    Parameters
    ----------
    gate : Result, optional
        That of the first data set; a published answer no longer has it.
    """

    gate: Result | None = None

    def publish(self, policy: Policy | None = None) -> Self:
        """Pass the disclosure gate; what is left knows no person."""
        published = super().publish(policy)
        return published if self.provenance.kind != "records" else dataclasses.replace(published, gate=None)

    def plot(self, ax: Any = None, lang: str | None = None) -> Any:
        """Draw the pooled estimates with their intervals, and return the Axes."""
        lean = dataclasses.replace(self, table=self.table.drop(columns="fmi"))
        return Result.plot(lean, ax, lang)

    def _suppressed(self, policy: Policy) -> tuple[pd.DataFrame, int]:
        if self.gate is None:
            return suppress(self.table, policy)
        place = np.arange(len(self.table))
        marked = dataclasses.replace(self.gate, table=self.gate.table.assign(_row=place))
        shown = marked._suppressed(policy)[0].set_index("_row").reindex(place)
        keep = (
            (shown["status"] == "ok").to_numpy()
            if "status" in shown
            else shown["estimate"].notna().to_numpy()
        )
        keep |= (self.table["status"] == "not_estimable").to_numpy()
        counts = [c for c in COUNTS if c in self.table and c in shown]
        # Rounded as there, so that two rows tell no more than they would.
        table = self.table.assign(**{c: shown[c].to_numpy() for c in counts})
        values = [c for c in (*counts, *DERIVED, "fmi") if c in table]
        table = table.assign(**{c: table[c].astype(float).mask(~keep) for c in values})
        table["status"] = table["status"].where(keep, "suppressed")
        return table, int((~keep).sum())


def pool(estimates: np.ndarray, variances: np.ndarray, df_complete: float = np.inf) -> Pooled:
    """Pool estimates of several imputed data sets.

    Parameters
    ----------
    estimates, variances : float arrays, shape (m, k)
    df_complete : float
        Degrees of freedom if nothing had been missing.

    Returns
    -------
    Pooled

    Notes
    -----
    Rubin (1987), eq. 3.1.2-3.1.5; degrees of freedom Barnard & Rubin (1999), Biometrika 86:948, eq. 3, which are Rubin's for
    infinite `df_complete`; fraction of missing information Rubin (1987), eq. 3.1.10.

    Examples
    --------
    >>> made = pool(np.array([[1.0], [2.0], [3.0]]), np.array([[1.0], [1.0], [1.0]]))
    >>> made.estimate.tolist(), made.variance.round(4).tolist(), made.df.round(4).tolist()
    ([2.0], [2.3333], [6.125])
    """
    m = len(estimates)
    within, between = variances.mean(axis=0), estimates.var(axis=0, ddof=1)
    # Equal but for rounding is equal: nothing was missing for this row.
    between = np.where(between <= (1e-12 * np.abs(estimates).max(axis=0)) ** 2, 0.0, between)
    total = within + (1 + 1 / m) * between
    with np.errstate(divide="ignore", invalid="ignore"):
        share = np.where(total > 0, (1 + 1 / m) * between / total, 0.0)
        old = (m - 1) / share**2
        seen = (
            (df_complete + 1) / (df_complete + 3) * df_complete * (1 - share)
            if np.isfinite(df_complete)
            else np.inf
        )
        df = 1 / (1 / old + 1 / seen)
        rise = share / (1 - share)
        fmi = np.where(share > 0, (rise + 2 / (df + 3)) / (rise + 1), 0.0)
    return Pooled(estimates.mean(axis=0), total, df, fmi)


def pooled(
    fit: Callable[[Any], Result],
    data: Sequence[Any],
    scale: str = "identity",
    df_complete: float = np.inf,
    conf_level: float = 0.95,
) -> Result:
    """Fit each imputed data set and pool the answers by Rubin's rules.

    Parameters
    ----------
    fit : callable
        From one data set to a result whose table has ``estimate`` and ``std_error``: ``lambda t: cox(t, "age")``,
        ``lambda t: kaplan_meier(t).at([90])``, ``lambda t: rmst(t, 365, by="site")``.
    data : sequence
        The imputed data sets, at least two: what `evalkit.survival.impute` returns.
    scale : {"identity", "log", "logit", "log-log"}
        Scale to pool on: "log-log" or "logit" for shares, so that bounds stay in [0, 1].
    df_complete : float
        Degrees of freedom if nothing had been missing (people, or events, less terms); infinite for large data.
    conf_level : float

    Returns
    -------
    Result
        The rows of the fits: pooled estimate, std_error, bounds, df, and ``fmi``, the fraction of missing information. A row that any
        of the fits could not estimate is "not_estimable".

    Raises
    ------
    InputError
        Fewer than two data sets, results without a standard error, or rows that differ between the data sets.

    Examples
    --------
    >>> tables = [pd.DataFrame({"term": ["age"], "estimate": [e], "std_error": [1.0]}) for e in (1.0, 2.0, 3.0)]
    >>> answers = [Result(table, message("result.no_counterfactual")) for table in tables]
    >>> pooled(lambda answer: answer, answers).tidy()[["term", "estimate", "df"]].round(3).to_numpy().tolist()
    [['age', 2.0, 6.125]]
    """
    if scale not in SCALES:
        raise InputError(f"scale: must be one of {', '.join(SCALES)}, but was {scale!r}")
    if len(data) < 2:
        raise InputError(f"pooled: needs at least 2 imputed data sets, but was given {len(data)}")
    results = [fit(one) for one in data]
    first = results[0].table
    keys = _same_rows([result.table for result in results])
    estimates, errors = (
        np.array([result.table[column].to_numpy(float) for result in results])
        for column in ("estimate", "std_error")
    )
    there, back, slope = SCALES[scale]
    with np.errstate(divide="ignore", invalid="ignore"):
        own, spread = there(estimates), errors * np.abs(slope(estimates))
        made = pool(own, spread**2, df_complete)
        error = np.sqrt(made.variance)
        half = _t_value(made.df, conf_level) * error
        bounds = np.sort(back(np.array([made.estimate - half, made.estimate + half])), axis=0)
        estimate = back(made.estimate)
        values = {
            "estimate": estimate, "std_error": error / np.abs(slope(estimate)), "statistic": made.estimate / error, "df": made.df,
            "p_value": _two_sided(made.estimate / error, made.df), "conf_low": bounds[0], "conf_high": bounds[1], "fmi": made.fmi,
        }  # fmt: skip
    failed = (~(np.isfinite(own) & np.isfinite(spread))).sum(axis=0)
    known = failed == 0
    if scale != "identity":
        # A share is not tested against the middle of a scale.
        values = {name: value for name, value in values.items() if name not in ("statistic", "p_value")}
    counts = [c for c in ("n", "n_event", "n_risk") if c in first]
    table = first[keys].assign(
        **{name: np.where(known, value, np.nan) for name, value in values.items()},
        conf_level=conf_level,
        **{c: np.mean([result.table[c].to_numpy(float) for result in results], axis=0) for c in counts},
        status=np.where(known, "ok", "not_estimable"),
        reason=[
            None if n == 0 else message("pooling.some_failed", n_failed=int(n), n_sets=len(data))
            for n in failed
        ],
    )
    said = [message("pooling.rubin", n_sets=len(data), fmi=float(made.fmi[known].max(initial=0.0)))]
    if scale == "identity" and "exponentiate" in inspect.signature(results[0].tidy).parameters:
        said.append(message("pooling.coefficients"))
    shared = [c for c in results[0].caveats if all(c in r.caveats for r in results)]
    labels = {**results[0].labels, "fmi": {"fr": "information manquante", "en": "missing information"}}
    return PooledResult(
        table.reset_index(drop=True), results[0].question, (*shared, *said), results[0].provenance,
        {"n_imputations": len(data)}, labels, gate=results[0],
    )  # fmt: skip


def _same_rows(tables: list[pd.DataFrame]) -> list[str]:
    """Return the columns that tell the rows apart, or say why rows cannot be matched."""
    first = tables[0]
    lacking = [c for c in ("estimate", "std_error") if c not in first]
    if lacking:
        raise InputError(
            f"pooled: the results have no column {' or '.join(lacking)}; Rubin's rules need both"
        )
    keys = [c for c in first if c not in VALUES and not pd.api.types.is_float_dtype(first[c])]
    keys += [c for c in ("time", "part") if c in first and c not in keys]
    for i, table in enumerate(tables[1:], start=2):
        if len(table) != len(first) or not table[keys].equals(first[keys]):
            raise InputError(
                f"pooled: data set {i} of {len(tables)} gives other rows than the first ({len(table)} and {len(first)}); pool what "
                "all have: ask curves at fixed times (.at), and keep the levels of categories in every data set"
            )
    return keys


def _t_value(df: np.ndarray, conf_level: float) -> np.ndarray:
    upper = (1 + conf_level) / 2
    return np.where(
        np.isinf(df), special.ndtri(upper), special.stdtrit(np.where(np.isinf(df), 1.0, df), upper)
    )


def _two_sided(statistic: np.ndarray, df: np.ndarray) -> np.ndarray:
    """Return p-values of Student's law, normal where `df` is infinite; never 0."""
    size = -np.abs(statistic)
    p = 2 * np.where(np.isinf(df), special.ndtr(size), special.stdtr(np.where(np.isinf(df), 1.0, df), size))
    return np.where(p == 0, np.finfo(float).tiny, p)
