"""Are the hazards proportional? A test, term by term, of whether effects change with time, and the picture of how.

Not a cure: strata, or a term that changes with time, are for the analyst to choose.
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Self

import numpy as np
import pandas as pd
from scipy import stats

from evalkit import wording
from evalkit.disclosure import Policy
from evalkit.errors import InputError
from evalkit.numerics.normal import chi2_p
from evalkit.result import Result
from evalkit.survival.core.sums import RiskSums, as_one
from evalkit.survival.proportional.exact import ExactLikelihood
from evalkit.survival.proportional.fitted import Fitted
from evalkit.survival.proportional.partial import Likelihood, Pass
from evalkit.survival.proportional.residuals import expected_covariates, scaled, schoenfeld
from evalkit.wording import Message, message

if TYPE_CHECKING:
    from evalkit.survival.proportional.result import CoxFit

TRANSFORMS = ("km", "identity", "rank", "log")


@dataclass(frozen=True, repr=False)
class HazardCheck(Result):
    """One row per term and one for all: score statistics, degrees of freedom, p-values.

    Parameters
    ----------
    effects : DataFrame, optional
        Per event: ``time``, ``transformed``, and per coefficient the scaled Schoenfeld residual, whose trend is that of the effect.
        A published check no longer has it.
    transform : str
    unit : str
    """

    effects: pd.DataFrame | None = field(default=None)
    transform: str = "km"
    unit: str = "day"

    def plot(self, ax: Any = None, lang: str | None = None, term: str | None = None) -> Any:
        """Draw how the effect of a term changes with time, with a smooth and its band, and return the Axes.

        Parameters
        ----------
        ax : Axes, optional
        lang : {"fr", "en"}, optional
        term : str, optional
            A coefficient; the first otherwise.
        """
        from evalkit import figures

        if self.effects is None:
            raise InputError("plot: a published check no longer has the residuals; draw it before publishing")
        lang = wording.language(lang)
        names = list(self.effects.columns[2:])
        if term is None:
            term = names[0]
        if term not in names:
            raise InputError(f"term: must be one of {', '.join(names)}, but was {term!r}")
        return figures.trend(
            self.effects["time"].to_numpy(), self.effects[term].to_numpy(), place=self.effects["transformed"].to_numpy(),
            title=wording.text("survival_proportional.question_effect", lang, term=self._label(term, lang)),
            axis=wording.text("survival.coefficient", lang), unit=self.unit, ax=ax, lang=lang,
        )  # fmt: skip

    def publish(self, policy: Policy | None = None) -> Self:
        """Pass the disclosure gate: what is left knows no event of a person."""
        published = super().publish(policy)
        return (
            published if self.provenance.kind != "records" else dataclasses.replace(published, effects=None)
        )


def check(fit: CoxFit, fitted: Fitted, transform: str) -> HazardCheck:
    """Return the test; parameters as in `CoxFit.check`."""
    if isinstance(fitted.likelihood, ExactLikelihood):
        raise InputError("check: not defined for exact ties; fit with ties='efron'")
    likelihood, seen = fitted.sums
    scale = transformed(fitted, transform)
    slot_scale = np.zeros(len(fitted.slots))
    slot_scale[likelihood.parts[0].last[fitted.event] - 1] = scale[fitted.event]
    score = _score(likelihood, seen, slot_scale)
    information = [_information(likelihood, fitted.top.beta, slot_scale**power) for power in range(3)]
    rows = [_row(fitted, name, columns, score, information) for name, columns in fitted.design.groups]
    rows.append(_row(fitted, "GLOBAL", tuple(range(len(score))), score, information))
    event, values = schoenfeld(fitted)
    effects = pd.DataFrame(scaled(fitted, values), columns=list(fitted.design.terms))[
        [fitted.design.terms[k] for k in fitted.solid]
    ]
    effects.insert(0, "time", fitted.tte.time[event])
    effects.insert(1, "transformed", scale[event])
    said = [message(f"survival_proportional.transform_{transform}")]
    everything = {lang: wording.text("survival_proportional.all_terms", lang) for lang in wording.LANGUAGES}
    return HazardCheck(
        pd.DataFrame(rows),
        message("survival_proportional.question_check", event=fit.question.values["event"]),
        (*fit.caveats, *said),
        fit.provenance,
        labels={**fit.labels, "GLOBAL": everything},
        effects=effects,
        transform=transform,
        unit=fitted.tte.unit,
    )


def transformed(fitted: Fitted, transform: str) -> np.ndarray:
    """Return each row's end on the scale of time asked, its mean over the events taken off."""
    if transform not in TRANSFORMS:
        raise InputError(f"transform: must be one of {', '.join(TRANSFORMS)}, but was {transform!r}")
    tte, event, count = fitted.tte, fitted.event, fitted.count
    if transform == "identity":
        scale = tte.time
    elif transform == "rank":
        # As many ranks as people: frequency weights count them.
        every = np.repeat(as_one(tte.time, tte.entry)[0], count.astype(np.int64))
        scale = stats.rankdata(every)[np.cumsum(count.astype(np.int64)) - 1]
    elif transform == "log":
        if (tte.time[event] <= 0).any():
            n = int((tte.time[event] <= 0).sum())
            raise InputError(
                f"transform: log has no value at time 0, where {n} events are; ask for 'km', 'rank' or 'identity'"
            )
        scale = np.log(np.where(tte.time > 0, tte.time, 1.0))
    else:
        weight = tte.weight if tte.weight_kind == "frequency" else None
        sums = RiskSums.of(tte.time, event.astype(np.int64), tte.entry, weight)
        died, n_risk = sums.exits[0, 1], sums.n_risk()[0]
        left = np.cumprod(1 - np.divide(died, n_risk, out=np.zeros_like(died), where=n_risk > 0))
        # The share gone just before each time.
        before = np.searchsorted(sums.times, as_one(tte.time, tte.entry)[0], side="left")
        scale = 1 - np.concatenate([[1.0], left])[before]
    return scale - np.average(scale[event], weights=count[event])


def _score(likelihood: Likelihood, seen: Pass, scale: np.ndarray) -> np.ndarray:
    """Return the score of effects that change with the scale of time."""
    rows = likelihood.parts[0]
    slot = rows.last[rows.event] - 1
    weight = np.ones(len(slot)) if rows.weight is None else rows.weight[rows.event]
    centred = rows.x[rows.event] - likelihood.centre
    happened = (weight * scale[slot]) @ centred
    expected = (likelihood.mean_weight * likelihood.deaths * scale) @ expected_covariates(likelihood, seen)
    return happened - expected


def _information(likelihood: Likelihood, beta: np.ndarray, weight: np.ndarray) -> np.ndarray:
    """Return the information with each slot's part weighted: it is linear in the weight of events."""
    heavier = dataclasses.replace(likelihood, mean_weight=likelihood.mean_weight * weight)
    return heavier.information(heavier.look(beta))[0]


def _row(
    fitted: Fitted, name: str, columns: tuple[int, ...], score: np.ndarray, information: list[np.ndarray]
) -> dict[str, Any]:
    """Return the test of some columns: of their change with time, given all effects as they are."""
    solid = fitted.solid
    own = np.intersect1d(columns, solid)
    reason: Message | None = None
    statistic = np.nan
    if not len(own):
        reason = message("survival_proportional.nothing_fitted")
    else:
        plain, crossed, squared = information
        # A column drawn in by a penalty may have no information of its own.
        size = np.sqrt(np.maximum(np.diag(plain), np.finfo(float).tiny))
        base = plain[np.ix_(solid, solid)] / np.outer(size[solid], size[solid])
        between = crossed[np.ix_(solid, own)] / np.outer(size[solid], size[own])
        within = squared[np.ix_(own, own)] / np.outer(size[own], size[own])
        left = within - between.T @ np.linalg.lstsq(base, between, rcond=1e-12)[0]
        gradient = score[own] / size[own]
        if (
            np.linalg.eigvalsh(left)[0] <= 1e-10 * np.abs(np.diag(within)).max(initial=0.0)
            or not np.diag(within).all()
        ):
            reason = message("survival_proportional.one_time")
        else:
            statistic = float(gradient @ np.linalg.solve(left, gradient))
    p_value = float(chi2_p(statistic, len(own))) if reason is None else np.nan
    return {
        "term": name, "statistic": statistic, "df": len(own), "p_value": p_value,
        "status": "ok" if reason is None else "not_estimable", "reason": reason,
    }  # fmt: skip
