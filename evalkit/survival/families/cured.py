"""A fitted mixture as a result: odds of never meeting the event, the share itself with a profile interval, the tail it rests on.

Not a fit: `mixture.cure` makes it.
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import Self

import numpy as np
import pandas as pd
from scipy import optimize, special

from evalkit import wording
from evalkit.disclosure import Policy
from evalkit.errors import InputError
from evalkit.numerics.normal import chi2_p, z_value
from evalkit.result import Result
from evalkit.survival.core.showing import READ
from evalkit.survival.families.climbing import Unit, climb
from evalkit.survival.families.following import FollowUpLength
from evalkit.survival.families.model import Model, fit_model
from evalkit.survival.families.result import ParametricFit
from evalkit.wording import Message, message

#: Logit beyond which a share is 0 or 1.
_EDGE = 25.0


@dataclass(frozen=True, repr=False)
class CureFit(ParametricFit):
    """A fitted mixture cure model: one row per parameter.

    Parameters
    ----------
    length : FollowUpLength, optional
        The tail of the observations.
    """

    length: FollowUpLength | None = None

    def tidy(self, exponentiate: bool = False, ratio: str | None = None) -> pd.DataFrame:
        """Return one row per parameter, or ratios of the terms.

        Parameters
        ----------
        exponentiate : bool
            The terms only: odds ratios of never meeting the event (part "cured"), ratios of the others' times (part "location").
        ratio : {"time"}, optional
            Only "time": the mixture as a whole has neither a hazard ratio nor an odds ratio over time.
        """
        return super().tidy(exponentiate, ratio)

    def cured_share(self, new: pd.DataFrame | None = None, conf: str | None = None) -> Result:
        """Return the share that never meets the event.

        Parameters
        ----------
        new : DataFrame, optional
            People of whom it is asked, one share per row. Without it: everybody, on average where the share depends on covariates.
        conf : {"profile", "wald"}, optional
            How the interval is made. "profile" (of the likelihood) unless the variance is robust or the share an average over people.

        Returns
        -------
        Result
            With `method` "profile" or "wald" (on the logit). Where the follow-up is too short: "not_estimable", the estimate a
            description of the law.

        Notes
        -----
        Profile: the shares at which twice the log-likelihood, maximised over everything else, is within the chi-squared quantile of
        its maximum. It may reach 0.
        """
        model, covariance = self._known("cured_share")
        at = model.starts[0]
        average = new is None and model.blocks[0].design.matrix.shape[1] > 0
        conf = conf or ("wald" if average or self.robust else "profile")
        if conf not in ("profile", "wald"):
            raise InputError(f"conf: must be one of profile, wald, but was {conf!r}")
        if conf == "profile" and (average or self.robust):
            why = "an average over people" if average else "a robust variance"
            raise InputError(f"conf: a profile of the likelihood does not go with {why}; use conf='wald'")
        x = self._asked(model, new, average)
        columns = np.zeros((len(x), model.p))
        made = model.blocks[0].columns(x)
        columns[:, at : at + made.shape[1]] = made
        found = [self._average(model, covariance, columns)] if average else [
            self._one(model, covariance, row, conf) for row in columns
        ]  # fmt: skip
        why = self._why_not(model)
        frame = pd.DataFrame(found, columns=["estimate", "std_error", "conf_low", "conf_high"])
        if why is not None:
            frame[["std_error", "conf_low", "conf_high"]] = np.nan
        if not average and new is not None:
            frame.insert(0, "row", np.arange(len(frame)))
        counts = model.rows.counts
        frame = frame.assign(
            conf_level=self.conf_level, n=counts.sum(), n_event=counts[model.rows.ended].sum(),
            status="ok" if why is None else "not_estimable", reason=[why] * len(frame), method=conf,
        )  # fmt: skip
        labels = {
            **self.labels,
            "row": {g: wording.text("survival_families.row", g) for g in wording.LANGUAGES},
        }
        labels["profile"] = {g: wording.text("survival_families.profile", g) for g in wording.LANGUAGES}
        labels["wald"] = {"fr": "Wald", "en": "Wald"}
        question = message("survival_families.question_cured", event=model.rows.event)
        return Result(frame, question, self.caveats, self.provenance, labels=labels)

    def follow_up(self) -> Result:
        """Return the tail that a cured share rests on.

        Returns
        -------
        Result
            One row per `term`: the last event, the last time observed, the plateau between them, and Maller and Zhou's q_n with, as
            `p_value`, their alpha_n. ``n_risk``: people still observed past the last event. "not_estimable" throughout where
            the follow-up is too short (alpha_n at least 0.05).
        """
        model, _ = self._known("follow_up")
        length = self.length
        terms = ("last_event", "last_time", "plateau", "q")
        why = None if length.enough else message("survival_families.too_short", alpha=length.alpha)
        table = pd.DataFrame({
            "term": terms,
            "estimate": [float(getattr(length, t)) for t in terms],
            "p_value": [np.nan] * 3 + [length.alpha],
            "n": length.n,
            "n_risk": length.n_after,
            "status": "ok" if why is None else "not_estimable",
            "reason": [why] * len(terms),
        })  # fmt: skip
        labels = {
            **self.labels,
            **{
                t: {g: wording.text(f"survival_families.tail_{t}", g) for g in wording.LANGUAGES}
                for t in terms
            },
        }
        question = message("survival_families.question_follow_up", event=model.rows.event)
        return Result(table, question, self.caveats, self.provenance, labels=labels)

    def glance(self) -> pd.DataFrame:
        """Return one row as `ParametricFit.glance`, with the likelihood-ratio test of "everybody will meet the event".

        Under that hypothesis the statistic is 0 in half of all samples and chi-squared with 1 df in the other half (Maller & Zhou
        1996, §5.3); with covariates in the cured part, or a robust variance, its law is not known and it is nan.
        """
        frame = super().glance()
        if self.model is None:
            return frame
        statistic = np.nan
        if not self.robust and len(self.model.blocks[0].scale) == 0:
            base = fit_model(self.model.rows, self.model.family.base, self.model.blocks[1:], None, "cure")
            statistic = max(2 * (self.model.summit.seen.value - base.summit.seen.value), 0.0)
        p = 1.0 if statistic == 0 else float(chi2_p(statistic, 1)) / 2
        return frame.assign(cured_statistic=statistic, cured_p_value=p, follow_up_alpha=self.length.alpha)

    def publish(self, policy: Policy | None = None) -> Self:
        """Pass the disclosure gate; what is left knows no person."""
        published = super().publish(policy)
        return published if published.model is not None else dataclasses.replace(published, length=None)

    # -- plumbing ----------------------------------------------------------------------------------------------------
    @staticmethod
    def _asked(model: Model, new: pd.DataFrame | None, average: bool) -> np.ndarray:
        """Return the columns of the share's formula for those it is asked of."""
        made = model.blocks[0].design
        if average:
            return made.matrix
        if new is None:
            return np.zeros((1, 0))
        if not isinstance(new, pd.DataFrame) or not len(new):
            raise InputError("cured_share: new must be a DataFrame with at least one row")
        return made.encode(new) if made.matrix.shape[1] else np.zeros((len(new), 0))

    def _terms(self) -> np.ndarray:
        return (
            self.table["part"].isin(("cured", "location")) & (self.table["term"] != "(Intercept)")
        ).to_numpy()

    def _ratios(self, ratio: str) -> pd.DataFrame:
        if ratio != "time":
            raise InputError(
                f"ratio: a mixture has ratios of time (and odds of never, part 'cured'), but was asked for {ratio!r}"
            )
        return super()._ratios(ratio)

    def _display_frame(self, lang: str) -> pd.DataFrame:
        """Return the parameters, the columns a reader wants."""
        return Result(self.table[["part", *READ]], self.question, labels=self.labels)._display_frame(lang)

    def _line(self, lang: str) -> str:
        share = self.cured_share().table.iloc[0]
        key = "share_line" if share["status"] == "ok" else "share_line_unknown"
        said = wording.text(
            f"survival_families.{key}", lang, estimate=float(share["estimate"]), low=float(share["conf_low"]),
            high=float(share["conf_high"]), level=self.conf_level,
        )  # fmt: skip
        return super()._line(lang) + "\n" + said

    def _why_not(self, model: Model) -> Message | None:
        if not self.length.enough:
            return message("survival_families.too_short", alpha=self.length.alpha)
        first = self.table.iloc[0]
        return first["reason"] if first["status"] != "ok" and model.starts[0] not in model.lost else None

    def _average(self, model: Model, covariance: np.ndarray, columns: np.ndarray) -> tuple[float, ...]:
        w = np.ones(len(columns)) if model.rows.weight is None else model.rows.weight
        share = special.expit(columns @ model.summit.theta)
        mean = float(w @ share / w.sum())
        slope = (w * share * (1 - share)) @ columns / w.sum()
        solid = model.solid
        error = float(np.sqrt(slope[solid] @ covariance[np.ix_(solid, solid)] @ slope[solid]))
        return mean, error, *_logit_bounds(mean, error, z_value(self.conf_level))

    def _one(self, model: Model, covariance: np.ndarray, row: np.ndarray, conf: str) -> tuple[float, ...]:
        solid = model.solid
        logit = float(row @ model.summit.theta)
        if model.starts[0] in model.lost:
            # The likelihood is highest at a share of 0: only the upper bound says anything.
            high = special.expit(_profile_bound(model, row, -_EDGE, 1.0, self.conf_level, 1.0))
            return 0.0, np.nan, 0.0, float(high) if conf == "profile" else np.nan
        share = float(special.expit(logit))
        spread = float(np.sqrt(row[solid] @ covariance[np.ix_(solid, solid)] @ row[solid]))
        error = share * (1 - share) * spread
        if conf == "wald":
            return share, error, *_logit_bounds(share, error, z_value(self.conf_level))
        low, high = (_profile_bound(model, row, logit, spread, self.conf_level, way) for way in (-1.0, 1.0))
        return (
            share,
            error,
            *(float(special.expit(b)) if abs(b) < _EDGE else float(b > 0) for b in (low, high)),
        )


def _logit_bounds(share: float, error: float, z: float) -> tuple[float, float]:
    half = z * error / (share * (1 - share))
    at = special.logit(share)
    return float(special.expit(at - half)), float(special.expit(at + half))


def _profile_bound(
    model: Model, row: np.ndarray, logit: float, spread: float, conf_level: float, way: float
) -> float:
    """Return the logit, on one side of its estimate, at which the profile likelihood has fallen by half the quantile."""
    z = z_value(conf_level)
    solid = model.solid if model.starts[0] in model.solid else np.append(model.starts[0], model.solid)
    directions = np.zeros((model.p, len(solid) - 1))
    # Moves of the other parameters that leave the logit where it is.
    directions[solid] = _orthogonal(row[solid])
    tangent = row / (row @ row)
    unit = Unit.of(model.family, [len(b.terms) for b in model.blocks], 0)
    last = [model.summit.theta, float(row @ model.summit.theta)]

    def fallen(at: float) -> float:
        start = last[0] + (at - last[1]) * tangent
        top = climb(model.likelihood, start, directions, unit, "cure")
        last[:] = top.theta, at
        return 2 * (model.summit.seen.value - top.seen.value) - z**2

    inner, outer = logit, logit
    step = z * (spread if np.isfinite(spread) and spread > 0 else 1.0)
    while True:
        outer = float(np.clip(outer + way * step, -_EDGE, _EDGE))
        if fallen(outer) > 0:
            break
        if abs(outer) >= _EDGE and np.sign(outer) == way:
            return float(outer)
        inner, step = outer, 1.5 * step
    last[:] = model.summit.theta, float(row @ model.summit.theta)
    # On a flat likelihood a climb from elsewhere may end elsewhere: the ends are as they were found.
    ends = {inner: -(z**2), outer: z**2}
    return float(
        optimize.brentq(lambda at: ends[at] if at in ends else fallen(at), *sorted((inner, outer)), xtol=1e-9)
    )


def _orthogonal(vector: np.ndarray) -> np.ndarray:
    """Return a basis of what is orthogonal to a vector, shape (k, k - 1)."""
    q, _ = np.linalg.qr(np.column_stack([vector, np.eye(len(vector))]))
    return q[:, 1 : len(vector)]
