"""The share gone by one exit that a Fine-Gray model predicts for given people, with intervals.

Not an estimate for the group observed: `aalen_johansen` gives that.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from evalkit import wording
from evalkit.errors import InputError
from evalkit.numerics.normal import z_value
from evalkit.survival.competing.spread import hazard_influence
from evalkit.survival.curves.curveset import CurveValues
from evalkit.survival.curves.readings import labels_of, unit_name
from evalkit.wording import message

if TYPE_CHECKING:
    from evalkit.survival.competing.subfit import FineGrayFit, SubFitted
    from evalkit.timetoevent import TimeToEvent

#: At most so many times are chosen when none are asked.
_MOST_TIMES = 100


@dataclass(frozen=True, repr=False)
class PredictedIncidence(CurveValues):
    """Predicted shares, by profile and time."""

    unit: str = "day"

    def plot(self, ax: Any = None, lang: str | None = None) -> Any:
        """Draw one curve per profile, and return the Axes; few times are points joined by lines."""
        from evalkit import figures

        lang = wording.language(lang)
        table = self.table[self.table["cause"] != "no_exit"] if "cause" in self.table else self.table
        names = [
            ", ".join(
                self._label(v, lang) if c == "cause" else f"{self._label(c, lang)} {_said(v, lang)}"
                for c, v in row.items()
            )
            for row in table[list(self.by)].to_dict("records")
        ]
        few = table.groupby(names, sort=False).size().max() < 20
        return figures.steps(
            table.assign(group=names), None, title=self.question.text(lang), unit=self.unit,
            start=0.0, joined=bool(few), ax=ax, lang=lang,
        )  # fmt: skip


def predicted(
    fit: FineGrayFit, new: pd.DataFrame, times: float | Iterable[float] | None
) -> PredictedIncidence:
    """Return what `FineGrayFit.predict` promises."""
    fitted = fit.fitted
    if not isinstance(new, pd.DataFrame) or not len(new):
        raise InputError("new: give a table with at least one row, the people to predict for")
    part, slots = fitted.look.parts[0], fitted.look.slots
    stratum = strata_of(fitted.strata, fitted.strata_names, new)
    rows_of = np.zeros(len(part.time), dtype=np.int64) if part.stratum is None else part.stratum
    moments = np.unique(slots.time[np.isin(slots.stratum, stratum)])
    asked = times_asked(part.time, rows_of, stratum, moments, times)
    profiles = fitted.design.encode(new) - _offset(fitted)
    profiles = profiles - fitted.look.likelihood.centre
    parts = []
    for code in np.unique(stratum):
        curves = _Curves(fitted, fit.cause, int(code), asked)
        for row in np.flatnonzero(stratum == code):
            parts.append((row, curves.of(profiles[row], fit.conf_level).assign(there=curves.there)))
    columns = [*dict.fromkeys([*fitted.design.variables, *fitted.strata])]
    made = []
    for row, frame in sorted(parts, key=lambda p: p[0]):
        for i, name in enumerate(columns):
            frame.insert(i, name, new[name].iloc[row])
        made.append(frame)
    table = pd.concat(made, ignore_index=True)
    return PredictedIncidence(
        table.drop(columns="there"),
        message(
            "survival_competing.question_predicted",
            event=fit.question.values["event"], unit=unit_name(fitted.tte.unit, 2),
        ),
        fit.caveats,
        fit.provenance,
        labels=labels_of(fit.labels, fitted.tte.unit),
        by=tuple(columns),
        there=table["there"].to_numpy(),
        unit=fitted.tte.unit,
    )  # fmt: skip


class _Curves:
    """Baseline and influences of one stratum at the times asked; what a profile's curve and error follow from."""

    def __init__(self, fitted: SubFitted, cause: str, code: int, asked: np.ndarray):
        look = fitted.look
        own = np.flatnonzero(look.slots.stratum == code)
        upto = np.searchsorted(look.slots.time[own] * (1 - 1e-12), asked, side="right")
        step = look.likelihood.cumulative_hazard(look.seen)
        risk_x, _ = look.likelihood.slot_means(look.seen)
        drift = (risk_x / look.seen.at_risk[:, None] * step[:, None])[own]
        self.fitted, self.asked = fitted, asked
        self.hazard = np.concatenate([[0.0], np.cumsum(step[own])])[upto]
        self.drift = np.concatenate([np.zeros((1, drift.shape[1])), np.cumsum(drift, axis=0)])[upto]
        influence = fitted.coefficient_influence
        self.square = influence.T @ influence
        self.own, self.crossed = np.zeros(len(asked)), np.zeros((len(asked), drift.shape[1]))
        begin = own[0] if len(own) else 0
        for k, passed in enumerate(upto):
            moved = hazard_influence(look, code, begin + int(passed), fitted.weighting)
            moved = fitted.by_cluster(np.concatenate(moved))
            self.own[k], self.crossed[k] = moved @ moved, moved @ influence
        part = look.parts[0]
        own_rows = np.ones(len(part.time), dtype=bool) if part.stratum is None else part.stratum == code
        counts = counts_between(fitted.tte, own_rows, asked)
        self.counts = {"n_risk": counts["n_risk"], "n_event": counts[cause], "n_censor": counts["n_censor"]}
        self.there = counts[cause, "day"]

    def of(self, profile: np.ndarray, conf_level: float) -> pd.DataFrame:
        """Return the curve of one profile."""
        top = self.fitted.top
        relative = float(np.exp(profile @ top.beta))
        hazard = self.hazard * relative
        along = self.hazard[:, None] * profile - self.drift
        variance = (
            self.own + 2 * (along * self.crossed).sum(axis=1) + ((along @ self.square) * along).sum(axis=1)
        )
        error = relative * np.sqrt(np.maximum(variance, 0.0))
        if top.runaway:
            error = np.full_like(error, np.nan)
        with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
            wide = np.exp(z_value(conf_level) * np.where(hazard > 0, error / hazard, 0.0))
        reason = message("survival.separation", terms=[self.fitted.design.terms[k] for k in top.runaway])
        return pd.DataFrame({
            "time": self.asked,
            "estimate": -np.expm1(-hazard),
            "std_error": error * np.exp(-hazard),
            "conf_low": -np.expm1(-hazard / wide),
            "conf_high": -np.expm1(-hazard * wide),
            "conf_level": conf_level,
            **self.counts,
            "status": "not_estimable" if top.runaway else "ok",
            "reason": [reason if top.runaway else None] * len(self.asked),
        })  # fmt: skip


def counts_between(tte: TimeToEvent, own: np.ndarray, asked: np.ndarray) -> dict[Any, np.ndarray]:
    """Return who stood behind each time: at risk just before, exits of each cause and in all, censorings since the time before.

    Parameters
    ----------
    tte : TimeToEvent
    own : bool array, shape (n,)
        The rows that count: those of the stratum.
    asked : float array, shape (m,)

    Returns
    -------
    mapping
        ``n_risk``, ``n_censor``, one entry per cause, and ``no_exit`` for all causes together; under (name, "day") those on the
        very day asked.
    """
    m = len(asked)
    weight = np.ones(tte.n) if tte.weight is None else tte.weight
    n_risk = _beyond(np.searchsorted(asked, tte.time, side="right")[own], weight[own], m)
    if tte.entry is not None:
        # Who comes on the day asked, or later, is not there just before it; who is there from the origin is.
        coming = np.where(tte.entry > 0, np.searchsorted(asked, tte.entry, side="right"), 0)
        n_risk = n_risk - _beyond(coming[own], weight[own], m)
    at = np.searchsorted(asked, tte.time, side="left")
    ways = {"n_censor": tte.cause == 0, "no_exit": tte.cause > 0}
    ways |= {cause: tte.cause == k + 1 for k, cause in enumerate(tte.causes)}
    left: dict[Any, np.ndarray] = {
        name: np.bincount(at[own & which], weight[own & which], m + 1)[:m] for name, which in ways.items()
    }
    today = np.append(asked, np.nan)[at] == tte.time
    for name, which in ways.items():
        on = own & which & today
        left[name, "day"] = np.bincount(at[on], weight[on], m + 1)[:m]
    return {"n_risk": n_risk, **left}


def _beyond(passed: np.ndarray, weight: np.ndarray, m: int) -> np.ndarray:
    """Return, for each of m times, the weight of the rows that have passed more than those before it."""
    return np.cumsum(np.bincount(passed, weight, m + 1)[::-1])[::-1][1:]


def strata_of(columns: Sequence[str], names: Sequence[tuple], new: pd.DataFrame) -> np.ndarray:
    """Return the stratum of each profile, or say which has no baseline."""
    if not columns:
        return np.zeros(len(new), dtype=np.int64)
    absent = [c for c in columns if c not in new]
    if absent:
        raise InputError(f"new: no column {', '.join(map(repr, absent))}; the model has a baseline for each")
    keys = list(zip(*(new[c] for c in columns), strict=True))
    unknown = [k for k in keys if k not in names]
    if unknown:
        raise InputError(f"new: no baseline for the stratum {unknown[0]}; there are {list(names)}")
    return np.array([names.index(k) for k in keys])


def _offset(fitted: SubFitted) -> np.ndarray:
    """Return what was taken off the columns beforehand: the matrix may have been centred where an offset ate the digits."""
    return fitted.design.matrix[0] - fitted.look.parts[0].x[0]


def times_asked(
    time: np.ndarray,
    rows_of: np.ndarray,
    stratum: np.ndarray,
    moments: np.ndarray,
    times: float | Iterable[float] | None,
) -> np.ndarray:
    """Return the times asked, or some of the `moments` at which something happens; none past the follow-up of a stratum asked.

    Parameters
    ----------
    time : float array, shape (n,)
        When rows end.
    rows_of : int array, shape (n,)
        Their stratum.
    stratum : int array
        Those asked about.
    moments : float array, ascending
    times : number or list of numbers, optional
    """
    end = min(float(time[rows_of == s].max()) for s in np.unique(stratum))
    if times is None:
        found = moments[moments <= end]
        chosen = np.unique(np.linspace(0, len(found) - 1, _MOST_TIMES).round().astype(int))
        return found[chosen] if len(found) else np.zeros(1)
    asked = np.unique(np.atleast_1d(np.asarray(times, dtype=float)))
    if not len(asked) or not np.isfinite(asked).all() or asked[0] < 0 or asked[-1] > end:
        raise InputError(
            f"times: must lie between 0 and the last observation ({end:g}), but were {asked.tolist()}; a prediction says "
            "nothing past the follow-up"
        )
    return asked


def _said(value: Any, lang: str) -> str:
    number = hasattr(value, "__float__") and not isinstance(value, bool)
    return wording.number(value, lang) if number else str(value)
