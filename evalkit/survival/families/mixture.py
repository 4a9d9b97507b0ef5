"""Mixture cure models: who never meets the event, and when the others do.

Not a way to see past the follow-up: without a plateau that lasts, a cured share is not identified, and the result says so.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
from scipy import special

from evalkit.disclosure import Headcount
from evalkit.errors import InputError
from evalkit.survival.curves.readings import unit_name
from evalkit.survival.families.cured import CureFit
from evalkit.survival.families.fit import family_name, need_robust, result_labels, rows_of_kept, variance
from evalkit.survival.families.following import FollowUpLength, follow_up_length
from evalkit.survival.families.laws import FAMILIES, Mixed
from evalkit.survival.families.model import Block, Model, designs, fit_model
from evalkit.survival.families.predicting import Asked
from evalkit.survival.families.rows import Rows, changes, rows_of
from evalkit.survival.families.table import coefficients, said_of
from evalkit.survival.proportional.table import dropped
from evalkit.timetoevent import IntervalTimes, TimeToEvent
from evalkit.wording import Message, message

#: Share of the events to come, by the law, past the last time observed, above which the cured share is said to lean on the law.
FAR = 0.05


def cure(
    tte: TimeToEvent | IntervalTimes,
    formula: str = "1",
    cure_formula: str = "1",
    family: str = "weibull",
    cluster: str | None = None,
    robust: bool = False,
    of: str | None = None,
    zero: float | None = None,
    missing: str = "error",
    conf_level: float = 0.95,
) -> CureFit:
    """Fit a mixture: a share never meets the event, the others meet it by a law of times.

    Parameters
    ----------
    tte : TimeToEvent or IntervalTimes
        As for `parametric`, but no covariate that changes, and nobody with two events.
    formula : str
        For the times of those who will meet the event; "1" for none.
    cure_formula : str
        For the share that never will; "1" for none.
    family : {"exponential", "weibull", "log_normal", "log_logistic", "generalised_gamma"}
    cluster, robust, of, zero, missing, conf_level
        See `parametric`.

    Returns
    -------
    CureFit
        Rows of part "cured": the logit of the share that never meets the event (positive: more never do). Rows of part "location":
        log times of the others. Where the follow-up is too short the rows of part "cured" are "not_estimable": they are a
        description of the law, not of people.

    Raises
    ------
    InputError
        As `parametric`; also a person with two events.

    Notes
    -----
    S(t) = c + (1 - c) S0(t), logit c and the log time linear in covariates (Farewell 1982, Biometrics 38:1041-1046).
    Maximum likelihood from two starts. Follow-up: see `following`.

    Examples
    --------
    >>> tte = TimeToEvent(time=[1, 2, 2, 3, 4, 5, 30, 30, 30, 30], cause=[1] * 6 + [0] * 4, causes=("relapse",))
    >>> cure(tte, family="exponential").cured_share().tidy()[["estimate", "conf_low", "conf_high"]].round(3).to_numpy().tolist()
    [[0.4, 0.146, 0.7]]
    """
    if family not in FAMILIES:
        raise InputError(f"family: must be one of {', '.join(FAMILIES)}, but was {family!r}")
    rows = rows_of(tte, of, zero, "cure")
    need_robust(rows, cluster is not None or robust, "cure")
    law = Mixed(FAMILIES[family])
    formulas = (cure_formula, formula, None, None)[: len(law.parts)]
    made, kept, lacking = designs(formulas, rows.covariates, missing)
    gone = dropped(rows, kept, list(lacking))
    if not kept.all():
        rows = rows_of_kept(rows, kept, "cure")
    _refuse(rows, np.hstack([one.matrix for one in made]))
    blocks = [
        Block.of(part, one, constant=part != "scale" or family != "exponential")
        for part, one in zip(law.parts, made, strict=True)
    ]
    model = fit_model(rows, law, blocks, None, "cure")
    clusters, covariance, unknown = variance(model, cluster, robust)
    length = follow_up_length(rows)
    table = coefficients(model, covariance, unknown, conf_level)
    if not length.enough:
        table = _not_identified(table, message("survival_families.too_short", alpha=length.alpha))
    return CureFit(
        table,
        message("survival_families.question_cure", event=rows.event, family=family_name(family)),
        (
            *rows.said,
            *gone,
            *_said(rows, length),
            *_ahead(model, covariance, length),
            *said_of(model, clusters),
        ),
        rows.provenance,
        labels=result_labels(rows),
        model=model,
        covariance=covariance,
        conf_level=conf_level,
        family=family,
        robust=clusters is not None,
        length=length,
    )


def _refuse(rows: Rows, matrix: np.ndarray) -> None:
    if n := changes(rows, matrix):
        raise InputError(
            f"cure: covariates change from one row of a person to the next, for {n} ids; who never meets the event cannot depend on "
            "what happens later: keep the values at the origin"
        )
    if rows.id is not None and not rows.episodes:
        leavers = pd.Series(rows.id[rows.ended])
        if again := leavers[leavers.duplicated()].nunique():
            raise InputError(
                f"cure: {again} ids meet the event more than once; keep each person's rows up to the first, or give one id per episode"
            )


def _not_identified(table: pd.DataFrame, reason: Message) -> pd.DataFrame:
    """Return the table with the rows about the cured as a description only."""
    mask = (table["part"] == "cured") & (table["status"] == "ok")
    table.loc[mask, ["std_error", "statistic", "p_value", "conf_low", "conf_high"]] = np.nan
    table.loc[mask, "status"] = "not_estimable"
    table["reason"] = [reason if m else r for m, r in zip(mask, table["reason"], strict=True)]
    return table


def _said(rows: Rows, length: FollowUpLength) -> list[Message]:
    key = "long_enough" if length.enough else "short"
    said = [message(f"survival_families.{key}", n_after=Headcount(length.n_after), alpha=length.alpha)]
    if rows.entry is not None and (rows.entry > 0).any():
        said.append(message("survival_families.late_follow_up"))
    return said


def _ahead(model: Model, covariance: np.ndarray, length: FollowUpLength) -> list[Message]:
    """Return what the law adds past the last time observed, where it is more than a trifle.

    The test of the tail is weak, and a horizon that ends everybody's follow-up makes a plateau of its own: the law itself says how
    many of those who will meet the event it places where nobody was looking.
    """
    rows = model.rows
    columns = model.blocks[0].columns(model.blocks[0].design.matrix)
    at = model.starts[0]
    never = special.expit(columns @ model.summit.theta[at : at + columns.shape[1]])
    asked = Asked(model, model.layout([b.design.matrix for b in model.blocks]), covariance, rows.n)
    with np.errstate(all="ignore"):
        log_s, _ = asked.log_survival(np.arange(rows.n), np.full(rows.n, np.log(length.last_time)))
    w = np.ones(rows.n) if rows.weight is None else rows.weight
    cured, left = float(w @ never / w.sum()), float(w @ np.exp(log_s) / w.sum())
    share = (left - cured) / (1 - cured) if cured < 1 else 0.0
    if not share > FAR:
        return []
    return [
        message(
            "survival_families.ahead",
            share=share,
            left=left,
            last=length.last_time,
            unit=unit_name(rows.unit, 2),
        )
    ]
