"""Parametric models of times: a law for the times themselves, which says more than a curve if it holds.

Not for baselines left free: `proportional` has those; nor for people who never meet the event: `mixture`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from evalkit import wording
from evalkit.errors import InputError
from evalkit.result import Result
from evalkit.survival.families.climbing import NoMaximum
from evalkit.survival.families.laws import FAMILIES, SPLINES
from evalkit.survival.families.model import Block, Model, designs, fit_model
from evalkit.survival.families.result import ParametricFit
from evalkit.survival.families.rows import Rows, changes, rows_of
from evalkit.survival.families.spline import basis_of
from evalkit.survival.families.table import coefficients, no_variance, robust_covariance, said_of
from evalkit.survival.proportional.robust import Clusters, find_clusters
from evalkit.survival.proportional.table import dropped
from evalkit.timetoevent import IntervalTimes, TimeToEvent
from evalkit.wording import Message, message

#: Families in which covariates multiply the hazard, so that one that changes has a meaning.
_PROPORTIONAL = ("exponential", "weibull")


def parametric(
    tte: TimeToEvent | IntervalTimes,
    formula: str = "1",
    family: str = "weibull",
    ancillary: str | None = None,
    knots: int | Sequence[float] | None = None,
    scale: str | None = None,
    cluster: str | None = None,
    robust: bool = False,
    of: str | None = None,
    zero: float | None = None,
    missing: str = "error",
    conf_level: float = 0.95,
) -> ParametricFit:
    """Fit a law of the times.

    Parameters
    ----------
    tte : TimeToEvent or IntervalTimes
        Delayed entry, (start, stop] rows, weights and events known to lie in an interval included.
    formula : str
        Right-hand side: see `evalkit.formula`; "1" for none.
    family : {"exponential", "weibull", "log_normal", "log_logistic", "generalised_gamma", "spline"}
        "spline": Royston and Parmar's, a natural cubic spline of log time.
    ancillary : str, optional
        Formula of the log scale; one scale for all otherwise.
    knots : int or list of times, optional
        Inner knots of the spline: how many (2 unless said), at centiles of the log event times, or where.
    scale : {"hazard", "odds", "normal"}, optional
        What the spline describes: the log cumulative hazard ("hazard", unless said), the log odds of the event, or its probit.
    cluster : str, optional
        Covariate (or ``"id"``) whose groups are independent: robust variance.
    robust : bool
        Robust variance with each person (or row, without ids) on its own. Required with sampling weights, unless clustered.
    of : str, optional
        The cause, or ``"any exit"``; the event of interest otherwise. Other exits are censored.
    zero : number, optional
        When an event at time 0 counts, in the unit of the times; such events are refused otherwise.
    missing : {"error", "drop"}
        What to do with rows that lack a covariate; those dropped are counted and named (pseudonyms) in the caveats.
    conf_level : float

    Returns
    -------
    ParametricFit
        One row per parameter. Coefficients are those of log time (positive: longer), with ``Log(scale)``, as R's ``survreg``
        prints them; of a spline those of its own scale (positive: sooner).

    Raises
    ------
    InputError
        No event; events at time 0; missing values; sampling weights without a robust variance; a covariate that changes
        within a person in a family where that has no meaning; a likelihood without a maximum.

    Notes
    -----
    Maximum likelihood with analytic derivatives, observed information, Wald intervals. Contributions: Klein & Moeschberger (2003),
    §3.5-3.6; families: Kalbfleisch & Prentice (2002), ch. 2; generalised gamma: Prentice (1974); splines: Royston & Parmar (2002).

    Examples
    --------
    >>> people = pd.DataFrame({"helped": [1, 0, 1, 0, 1, 0, 0, 1]})
    >>> tte = TimeToEvent(time=[9, 2, 7, 4, 12, 3, 8, 5], cause=[1, 1, 1, 1, 0, 1, 1, 1], causes=("relapse",), covariates=people)
    >>> parametric(tte, "helped").tidy()[["term", "estimate"]].round(3).to_numpy().tolist()
    [['(Intercept)', 1.598], ['helped', 0.698], ['Log(scale)', -0.798]]
    """
    _check(family, ancillary, knots, scale)
    rows = rows_of(tte, of, zero, "parametric")
    need_robust(rows, cluster is not None or robust, "parametric")
    spline = family == "spline"
    formulas = (formula,) if spline else (formula, ancillary, None)[: len(_law(family, scale).parts)]
    made, kept, lacking = designs(formulas, rows.covariates, missing)
    gone = dropped(rows, kept, list(lacking))
    if not kept.all():
        rows = rows_of_kept(rows, kept, "parametric")
    said = _changing(rows, made, family, scale)
    blocks, basis = [], None
    for part, one in zip(_law(family, scale).parts, made, strict=True):
        blocks.append(
            Block.of(part, one, constant=not spline and (part != "scale" or family != "exponential"))
        )
    if spline:
        basis = basis_of(rows, 2 if knots is None else knots, "parametric")
    model = fit_model(rows, _law(family, scale), blocks, basis, "parametric")
    if basis is not None and _rises(model):
        said.append(message("survival_families.rising"))
    clusters, covariance, unknown = variance(model, cluster, robust)
    table = coefficients(model, covariance, unknown, conf_level)
    question = message("survival_families.question", event=rows.event, family=family_name(family))
    return ParametricFit(
        table,
        question,
        (*rows.said, *gone, *said, *said_of(model, clusters)),
        rows.provenance,
        labels=result_labels(rows),
        model=model,
        covariance=covariance,
        conf_level=conf_level,
        family=family,
        scale=(scale or "hazard") if spline else None,
        robust=clusters is not None,
    )


@dataclass(frozen=True, repr=False)
class Families(Result):
    """Families side by side, drawn by how far their AIC is from the lowest."""

    def plot(self, ax: Any = None, lang: str | None = None) -> Any:
        """Draw the difference of AIC of each family, and return the Axes."""
        from evalkit import figures

        lang = wording.language(lang)
        frame = self._worded(lang)
        drawn = pd.DataFrame({
            "family": [self._label(f, lang) for f in frame["family"]], "estimate": frame["difference"],
            "status": frame["status"], "reason": frame["reason"],
        })  # fmt: skip
        axis = wording.text("survival_families.difference", lang)
        return figures.estimates(drawn, self.question.text(lang), ax=ax, lang=lang, axis=axis)


def compare_families(
    tte: TimeToEvent | IntervalTimes,
    formula: str = "1",
    families: Sequence[str] = (*FAMILIES, "spline"),
    **options: Any,
) -> Result:
    """Fit several families to the same times and set their AIC side by side.

    Parameters
    ----------
    tte, formula
        See `parametric`.
    families : sequence of str
    **options
        For `parametric`: `of`, `zero`, `missing`, `knots` (of the spline) …

    Returns
    -------
    Result
        Columns: family, n_parameters, log_likelihood, aic, difference (from the lowest AIC), bic, status, reason. A family without
        a maximum is "not_estimable".

    Raises
    ------
    InputError
        A family that is none, or no family with a maximum; whatever `parametric` refuses.

    Examples
    --------
    >>> tte = TimeToEvent(time=[9, 2, 7, 4, 12, 3, 8, 5], cause=[1, 1, 1, 1, 0, 1, 1, 1], causes=("relapse",))
    >>> found = compare_families(tte, families=["exponential", "weibull"]).tidy()
    >>> found[["family", "n_parameters", "aic"]].round(2).to_numpy().tolist()
    [['exponential', 1, 43.53], ['weibull', 2, 42.55]]
    """
    records, first = [], None
    for family in families:
        own = {k: v for k, v in options.items() if family == "spline" or k not in ("knots", "scale")}
        try:
            fit = parametric(tte, formula, family, **own)
        except NoMaximum:
            reason = message("survival_families.no_maximum")
            records.append({"family": family, "status": "not_estimable", "reason": reason})
            continue
        first = first or fit
        about = fit.glance().iloc[0]
        records.append({
            "family": family,
            **{k: about[k] for k in ("n_parameters", "log_likelihood", "aic", "bic")},
            "status": "ok",
            "reason": None,
        })  # fmt: skip
    if first is None:
        raise InputError("compare_families: no family has a maximum here; see parametric for each")
    table = pd.DataFrame(records)
    table.insert(4, "difference", table["aic"] - table["aic"].min())
    columns = ("family", "n_parameters", "log_likelihood", "difference")
    labels = {**first.labels, **{word: family_label(word) for word in (*families, *columns)}}
    rows = first.model.rows
    caveats = (*rows.said, message("survival_families.aic"))
    return Families(
        table,
        message("survival_families.question_compare", event=rows.event),
        caveats,
        first.provenance,
        labels=labels,
    )


# -- what `cure` needs too -------------------------------------------------------------------------------------------
def need_robust(rows: Rows, robust: bool, what: str) -> None:
    """Refuse sampling weights without a robust variance."""
    if rows.weight_kind == "sampling" and not robust:
        raise InputError(
            f"{what}: with sampling weights the model's own standard errors are wrong; say robust=True, or name the clusters"
        )


def rows_of_kept(rows: Rows, kept: np.ndarray, what: str) -> Rows:
    """Return the rows kept, or refuse when no event is among them."""
    rows = rows.subset(kept)
    if not rows.ended.any():
        raise InputError(f"{what}: no event among the {rows.n} rows with nothing missing")
    return rows


def variance(
    model: Model, cluster: str | None, robust: bool
) -> tuple[Clusters | None, np.ndarray, dict[int, Message]]:
    """Return the clusters, the covariance to be reported (in the units of the search), and what has none."""
    clusters = find_clusters(model.rows, cluster, robust)
    if clusters is None:
        return None, model.covariance, {}
    return clusters, robust_covariance(model, clusters), no_variance(model, clusters)


def family_name(family: str) -> Message:
    """Return what a family is called."""
    return message(f"survival_families.{family}")


def family_label(family: str) -> dict[str, str]:
    """Return what a family is called, as a label."""
    return {lang: family_name(family).text(lang) for lang in ("fr", "en")}


def result_labels(rows: Rows) -> dict:
    """Return the labels of a table of parameters."""
    parts = ("location", "scale", "shape", "baseline", "cured")
    words = {part: family_label(f"part_{part}") for part in parts}
    return {
        **(rows.labels or {}), **words, "(Intercept)": family_label("intercept"), "Log(scale)": family_label("log_scale"),
    }  # fmt: skip


def _law(family: str, scale: str | None) -> Any:
    return SPLINES[scale or "hazard"] if family == "spline" else FAMILIES[family]


def _rises(model: Model) -> bool:
    """Return whether a spline goes the wrong way somewhere between the first and the last time observed."""
    rows, n = model.rows, model.n_basis
    first = rows.lower[rows.lower > 0]
    span = np.linspace(np.log(first.min()) if len(first) else model.basis.knots[0], np.log(rows.last), 500)
    return bool((model.basis(span)[1] @ model.summit.theta[:n] < 0).any())


def _check(family: str, ancillary: str | None, knots: Any, scale: str | None) -> None:
    """Refuse options that do not exist or exclude each other."""
    known = (*FAMILIES, "spline")
    if family not in known:
        raise InputError(f"family: must be one of {', '.join(known)}, but was {family!r}")
    if family == "spline":
        if scale is not None and scale not in SPLINES:
            raise InputError(f"scale: must be one of {', '.join(SPLINES)}, but was {scale!r}")
    elif knots is not None or scale is not None:
        raise InputError(f"{'knots' if knots is not None else 'scale'}: only family='spline' has it")
    if ancillary is not None and family in ("exponential", "spline"):
        raise InputError(f"ancillary: {family} has no scale that could depend on covariates")


def _changing(rows: Rows, made: Sequence, family: str, scale: str | None) -> list[Message]:
    """Refuse covariates that change within a person where that has no meaning; say what it means elsewhere."""
    n = changes(rows, np.hstack([one.matrix for one in made]))
    if not n:
        return []
    scales = any(one.matrix.shape[1] for one in made[1:])
    if (family in _PROPORTIONAL and not scales) or (family == "spline" and scale in (None, "hazard")):
        return [message("survival_families.changing")]
    raise InputError(
        f"parametric: covariates change from one row of a person to the next, for {n} ids. In {family} a covariate acts on the whole "
        "time, so that a change has no meaning; use family='spline' (hazard), 'weibull' or 'exponential', whose hazard follows the "
        "present value, or keep the values at the origin"
    )
