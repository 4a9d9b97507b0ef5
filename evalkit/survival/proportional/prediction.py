"""What a Cox model predicts for given people: linear predictors, relative risks, survival and expected events, with intervals.

Not an average over people: `adjusted` curves are that. A prediction supposes that the characteristics stay as they are given.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from evalkit import wording
from evalkit.disclosure import Policy, coarsen_curve, suppress
from evalkit.errors import InputError
from evalkit.numerics.normal import z_value
from evalkit.result import Result
from evalkit.survival.curves.curveset import CurveValues
from evalkit.survival.curves.readings import labels_of
from evalkit.survival.curves.transforms import interval
from evalkit.survival.proportional.fitted import Fitted
from evalkit.survival.proportional.persons import People, frame_of, unknown_of
from evalkit.timetoevent import TimeToEvent
from evalkit.wording import Message, message

if TYPE_CHECKING:
    from evalkit.survival.proportional.result import CoxFit

KINDS = ("survival", "cumulative_hazard", "risk", "lp", "expected")
REFERENCES = ("mean", "zero")


@dataclass(frozen=True, repr=False)
class Predictions(Result):
    """Predictions: one row per person asked about and time.

    Parameters
    ----------
    kind : str
        One of `KINDS`.
    unit : str
    given : tuple of str
        The columns that say who is asked about.
    """

    kind: str = "survival"
    unit: str = "day"
    given: tuple[str, ...] = ()

    def plot(self, ax: Any = None, lang: str | None = None) -> Any:
        """Draw curves for survival and cumulative hazard, estimates with intervals otherwise, and return the Axes."""
        from evalkit import figures

        if self.kind not in ("survival", "cumulative_hazard"):
            return super().plot(ax, lang)
        lang = wording.language(lang)
        first = self.table.groupby("row", sort=False).head(1)
        told = [c for c in self.given if first[c].nunique() > 1]
        names = {row["row"]: self._who(row, told, lang) for row in first.to_dict("records")}
        return figures.steps(
            self.table.assign(group=self.table["row"].map(names)),
            title=self.question.text(lang),
            unit=self.unit,
            probability=self.kind == "survival",
            start=1.0 if self.kind == "survival" else 0.0,
            ax=ax,
            lang=lang,
        )

    def _who(self, row: dict, told: list[str], lang: str) -> str:
        if not told:
            return "" if self.table["row"].nunique() == 1 else str(row["row"] + 1)
        return ", ".join(f"{self._label(c, lang)} {self._cell(c, row[c], lang)}" for c in told)

    def _suppressed(self, policy: Policy) -> tuple[pd.DataFrame, int]:
        if "time" in self.table and "n_risk" in self.table:
            return coarsen_curve(self.table, policy, by=("row",))
        table, hidden = suppress(self.table, policy)
        if hidden and self.given:
            # The people fitted: what describes each goes with the numbers.
            own = [c for c in self.given if c in table]
            table[own] = table[own].astype(object).mask(table["status"] == "suppressed")
        return table, hidden


@dataclass(frozen=True, repr=False)
class Baseline(CurveValues):
    """The baseline of each stratum at every time with an event, drawn as curves.

    Parameters
    ----------
    kind : {"cumulative_hazard", "survival"}
    unit : str
    """

    kind: str = "cumulative_hazard"
    unit: str = "day"

    def plot(self, ax: Any = None, lang: str | None = None) -> Any:
        """Draw one curve per stratum, and return the Axes."""
        from evalkit import figures

        lang = wording.language(lang)
        strata = self.table[list(self.by)].to_dict("records") if self.by else [{}] * len(self.table)
        names = [
            ", ".join(f"{self._label(c, lang)} {self._cell(c, v, lang)}" for c, v in row.items())
            for row in strata
        ]
        survival = self.kind == "survival"
        return figures.steps(
            self.table.assign(group=names), title=self.question.text(lang), unit=self.unit, probability=survival,
            start=1.0 if survival else 0.0, joined=self.published_under is not None, ax=ax, lang=lang,
        )  # fmt: skip


def predict(
    fit: CoxFit,
    new: pd.DataFrame | TimeToEvent | None,
    times: float | Iterable[float] | None,
    kind: str,
    conf_type: str,
    reference: str,
) -> Predictions:
    """Return predictions; parameters as in `CoxFit.predict`."""
    if kind not in KINDS:
        raise InputError(f"kind: must be one of {', '.join(KINDS)}, but was {kind!r}")
    fitted = fit.fitted
    if kind in ("lp", "risk"):
        return _relative(fit, new, kind, reference)
    if isinstance(new, TimeToEvent) or (new is None and kind == "expected"):
        return _expected(fit, fitted.tte if new is None else new, kind, conf_type, own=new is None)
    if kind == "expected" or new is None:
        raise InputError(
            "new: expected events need to know how long each person is followed: give a TimeToEvent"
            if kind == "expected"
            else "new: give a table with one row per person asked about"
        )
    return _curves(fit, new, times, kind, conf_type)


def _relative(fit: CoxFit, new: Any, kind: str, reference: str) -> Predictions:
    """Predict where people stand beside others."""
    if reference not in REFERENCES:
        raise InputError(f"reference: must be one of {', '.join(REFERENCES)}, but was {reference!r}")
    fitted = fit.fitted
    asked = (
        fitted.tte.covariates
        if new is None
        else new.covariates
        if isinstance(new, TimeToEvent)
        else frame_of(new)
    )
    people = People.of(fit, asked, strata=reference == "mean")
    from_centre = people.z
    if reference == "zero":
        from_centre = from_centre + fitted.origin
    else:
        from_centre = from_centre - _means(fitted)[people.stratum]
    solid = fitted.solid
    moved = from_centre[:, solid]
    estimate = moved @ fitted.top.beta[solid] + people.offset
    error = np.sqrt(np.einsum("ij,ij->i", moved @ fitted.covariance[np.ix_(solid, solid)], moved))
    half = z_value(fit.conf_level) * error
    columns = {
        "estimate": estimate,
        "std_error": error,
        "conf_low": estimate - half,
        "conf_high": estimate + half,
    }
    if kind == "risk":
        with np.errstate(over="ignore"):
            columns |= {c: np.exp(columns[c]) for c in ("estimate", "conf_low", "conf_high")}
    table = {**people.said, **columns}
    if new is None:
        # Each row tells of one person: the gate hides it.
        table["n"] = np.ones(len(asked))
    return _made(fit, people, table, kind, np.arange(len(asked)))


def _curves(fit: CoxFit, new: Any, times: Any, kind: str, conf_type: str) -> Predictions:
    """Predict over time."""
    fitted = fit.fitted
    people = People.of(fit, frame_of(new), strata=True)
    hazards = fitted.hazards
    asked = None if times is None else _asked(fit, times, np.unique(people.stratum))
    parts: list[dict[str, np.ndarray]] = []
    for stratum in np.unique(people.stratum):
        rows = np.flatnonzero(people.stratum == stratum)
        begin, end = np.searchsorted(hazards.slots.stratum, [stratum, stratum + 1])
        own = hazards.slots.time[begin:end]
        at = np.unique(np.concatenate([[0.0], own])) if asked is None else asked
        _, passed = hazards.passed(stratum, at)
        rise, spread, drift = hazards.between(stratum, np.zeros(len(at)), at)
        estimate, error = _cumulative(fitted, people, rows, rise, spread, drift)
        died = np.concatenate([[0.0], np.cumsum(hazards.n_event)])
        counts = {
            "n_risk": _at_risk(fitted, stratum, at),
            "n_event": np.diff(died[passed], prepend=died[begin]),
            "n_censor": np.zeros(len(at)),
        }
        parts.append({
            "row": np.repeat(rows, len(at)), "time": np.tile(at, len(rows)), "estimate": estimate.ravel(),
            "std_error": error.ravel(), **{c: np.tile(v, len(rows)) for c, v in counts.items()},
        })  # fmt: skip
    joined = {c: np.concatenate([part[c] for part in parts]) for c in parts[0]}
    order = np.argsort(joined["row"], kind="stable")
    joined = {c: v[order] for c, v in joined.items()}
    row = joined.pop("row")
    counts = {c: joined.pop(c) for c in ("n_risk", "n_event", "n_censor")}
    columns = bounds(joined.pop("estimate"), joined.pop("std_error"), kind, conf_type, fit.conf_level)
    table = {**{c: v[row] for c, v in people.said.items()}, **joined, **columns, **counts}
    return _made(fit, people, table, kind, row)


def _expected(fit: CoxFit, tte: TimeToEvent, kind: str, conf_type: str, own: bool) -> Predictions:
    """Predict the events expected of people over their own follow-up, their rows added."""
    fitted = fit.fitted
    people = People.of(fit, tte.covariates, strata=True)
    entry = np.zeros(tte.n) if tte.entry is None else tte.entry
    last = ends(fitted)[people.stratum]
    if (tte.time > last * (1 + 1e-12)).any():
        raise InputError(
            f"new: {int((tte.time > last * (1 + 1e-12)).sum())} of {tte.n} rows go on after the last observation ({last.max():g} "
            f"{fitted.tte.unit}s); the model says nothing past its follow-up"
        )
    risk, p = np.exp(people.lp(fitted)), fitted.hazards.drift.shape[1]
    rise, spread, drift = np.zeros(tte.n), np.zeros(tte.n), np.zeros((tte.n, p))
    for stratum in np.unique(people.stratum):
        rows = people.stratum == stratum
        rise[rows], spread[rows], drift[rows] = fitted.hazards.between(stratum, entry[rows], tte.time[rows])
    moved = risk[:, None] * (rise[:, None] * people.z - drift)
    who, first = np.arange(tte.n), np.arange(tte.n)
    if tte.id is not None:
        who, found = pd.factorize(tte.id)
        first = np.unique(who, return_index=True)[1]
        moved = np.stack([np.bincount(who, column, len(found)) for column in moved.T], axis=1)
    solid = fitted.solid
    total = np.bincount(who, risk * rise)
    # Of two rows of one stratum that overlap in time the baseline is the same; those of one person do not overlap.
    variance = np.bincount(who, risk**2 * spread)
    variance += np.einsum(
        "ij,ij->i", moved[:, solid] @ fitted.covariance[np.ix_(solid, solid)], moved[:, solid]
    )
    columns = bounds(total, np.sqrt(variance), kind, conf_type, fit.conf_level)
    table = {**columns, "n": np.ones(len(total))} if own else columns
    people = People(
        people.z[first], people.offset[first], people.stratum[first], {}, [people.reasons[i] for i in first]
    )
    return _made(fit, people, table, kind, np.arange(len(total)))


def _cumulative(
    fitted: Fitted, people: People, rows: np.ndarray, rise: np.ndarray, spread: np.ndarray, drift: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Return the cumulative hazard of some people at some times, and its standard error; shape (rows, times)."""
    solid = fitted.solid
    covariance = fitted.covariance[np.ix_(solid, solid)]
    z, drift = people.z[np.ix_(rows, solid)], drift[:, solid]
    with np.errstate(over="ignore"):
        risk = np.exp(people.lp(fitted)[rows])[:, None]
    turned = z @ covariance
    of_z = np.einsum("ij,ij->i", turned, z)[:, None]
    of_drift = np.einsum("ij,ij->i", drift @ covariance, drift)
    variance = spread + rise**2 * of_z - 2 * rise * (turned @ drift.T) + of_drift
    # Far from everybody fitted a hazard may be too large for a number.
    with np.errstate(over="ignore", invalid="ignore"):
        return risk * rise, risk * np.sqrt(np.maximum(variance, 0.0))


def bounds(
    hazard: np.ndarray, error: np.ndarray, kind: str, conf_type: str, conf_level: float
) -> dict[str, np.ndarray]:
    """Return estimate, standard error and bounds of a cumulative hazard, or of the survival it leaves.

    The interval of a survival is of the type asked, that of a hazard on the log scale.
    """
    if kind == "survival":
        estimate = np.exp(-hazard)
        error = np.where(estimate > 0, estimate * np.where(estimate > 0, error, 0.0), 0.0)
        low, high = interval(estimate, error, conf_type, conf_level)
    else:
        estimate = hazard
        with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
            times = np.exp(z_value(conf_level) * error / hazard)
            low, high = hazard / times, hazard * times
    # Before anything happened nothing is uncertain.
    low, high = (np.where(hazard == 0, estimate, bound) for bound in (low, high))
    return {"estimate": estimate, "std_error": error, "conf_low": low, "conf_high": high}


def baseline_of(
    fit: CoxFit, fitted: Fitted, given: dict[str, float], kind: str, conf_type: str
) -> CurveValues:
    """Return the baseline; parameters as in `CoxFit.baseline`."""
    terms, hazards = fitted.design.terms, fitted.hazards
    if kind not in KINDS[:2]:
        raise InputError(f"kind: must be one of {', '.join(KINDS[:2])}, but was {kind!r}")
    unknown = [name for name in given if name not in terms]
    if unknown:
        raise InputError(f"at: no term {', '.join(map(repr, unknown))}; they are {', '.join(terms)}")
    x = np.array([[float(given.get(name, 0.0)) for name in terms]])
    people = People(
        x - fitted.origin, np.zeros(1), np.zeros(1, dtype=np.int64), {}, unknown_of(fitted, x)[:1]
    )
    slots = hazards.slots
    begin = np.searchsorted(slots.stratum, slots.stratum)
    rise, spread, drift = (sums[1:] - sums[begin] for sums in (hazards.hazard, hazards.spread, hazards.drift))
    estimate, error = _cumulative(fitted, people, np.zeros(1, dtype=np.int64), rise, spread, drift)
    frame = pd.DataFrame({
        **{name: [fitted.strata[code][i] for code in slots.stratum] for i, name in enumerate(fit.strata)},
        "time": slots.time, **bounds(estimate[0], error[0], kind, conf_type, fit.conf_level), "conf_level": fit.conf_level,
        "n_risk": hazards.n_risk, "n_event": hazards.n_event, "n_censor": 0.0,
    })  # fmt: skip
    question = "question_baseline_survival" if kind == "survival" else "question_baseline"
    return Baseline(
        _with_reasons(fit, frame, people.reasons, np.zeros(len(frame), dtype=np.int64)),
        message(f"survival.{question}", event=fit.question.values["event"]), fit.caveats, fit.provenance,
        labels=labels_of(fit.labels, fitted.tte.unit), by=fit.strata, kind=kind, unit=fitted.tte.unit,
    )  # fmt: skip


def _means(fitted: Fitted) -> np.ndarray:
    """Return the weighted mean of the columns in each stratum, less the likelihood's centre."""
    tte, matrix = fitted.tte, fitted.design.matrix
    weight = np.ones(tte.n) if tte.weight is None else tte.weight
    stratum = np.zeros(tte.n, dtype=np.int64) if fitted.stratum is None else fitted.stratum
    total = np.bincount(stratum, weight)
    moved = (
        np.bincount(stratum, weight * (column - origin))
        for column, origin in zip(matrix.T, fitted.origin, strict=True)
    )
    return np.stack([sums / total for sums in moved], axis=1)


def ends(fitted: Fitted) -> np.ndarray:
    """Return the last time observed in each stratum."""
    last = np.zeros(len(fitted.strata))
    np.maximum.at(
        last,
        np.zeros(fitted.tte.n, dtype=np.int64) if fitted.stratum is None else fitted.stratum,
        fitted.tte.time,
    )
    return last


def _asked(fit: CoxFit, times: Any, strata: np.ndarray) -> np.ndarray:
    asked = np.unique(np.atleast_1d(np.asarray(times, dtype=float)))
    if not len(asked) or (asked < 0).any() or not np.isfinite(asked).all():
        raise InputError(f"times: must be 0 or more and finite, at least one, but were {asked.tolist()}")
    last = ends(fit.fitted)[strata]
    if asked.max() > last.min():
        raise InputError(
            f"times: {asked.max():g} {fit.fitted.tte.unit}s is beyond the last observation ({last.min():g}); the model says "
            "nothing past its follow-up: ask earlier"
        )
    return asked


def _at_risk(fitted: Fitted, stratum: int, times: np.ndarray) -> np.ndarray:
    """Return the weight at risk in a stratum just before each time."""
    tte = fitted.tte
    rows = slice(None) if fitted.stratum is None else fitted.stratum == stratum
    weight = np.ones(tte.n)[rows] if tte.weight is None else tte.weight[rows]
    time = tte.time[rows]
    order = np.argsort(time)
    gone = np.concatenate([[0.0], np.cumsum(weight[order])])[np.searchsorted(time[order], times, side="left")]
    if tte.entry is None:
        return weight.sum() - gone
    entry = tte.entry[rows]
    order = np.argsort(entry)
    came = np.searchsorted(entry[order], times, side="left")
    came = np.maximum(came, int((entry == 0).sum()))
    return np.concatenate([[0.0], np.cumsum(weight[order])])[came] - gone


def _made(fit: CoxFit, people: People, table: dict[str, Any], kind: str, row: np.ndarray) -> Predictions:
    """Return the result."""
    frame = pd.DataFrame({"row": row, **table})
    frame.insert(frame.columns.get_loc("conf_high") + 1, "conf_level", fit.conf_level)
    word = {lang: wording.text("survival_proportional.row", lang) for lang in wording.LANGUAGES}
    return Predictions(
        _with_reasons(fit, frame, people.reasons, row),
        message(f"survival_proportional.question_{kind}", event=fit.question.values["event"]), fit.caveats, fit.provenance,
        labels={**labels_of(fit.labels, fit.fitted.tte.unit), "row": word}, kind=kind, unit=fit.fitted.tte.unit,
        given=tuple(people.said),
    )  # fmt: skip


def _with_reasons(
    fit: CoxFit, frame: pd.DataFrame, reasons: list[Message | None], row: np.ndarray
) -> pd.DataFrame:
    """Return the table with what cannot be told set aside, and why."""
    fitted = fit.fitted
    values = ["estimate", "std_error", "conf_low", "conf_high"]
    frame.loc[np.array([r is not None for r in reasons], dtype=bool)[row], values] = np.nan
    if np.isnan(fitted.covariance[np.ix_(fitted.solid, fitted.solid)]).any():
        why = "no_variance" if fitted.price is None else "no_penalised_variance"
        reasons = [r or message(f"survival_proportional.{why}") for r in reasons]
    frame["status"] = np.where([r is not None for r in reasons], "not_estimable", "ok")[row]
    frame["reason"] = np.array([*reasons, None], dtype=object)[row]
    return frame
