"""g-computation: what a Cox model predicts on average, were everybody in each group; and how uncertain that is.

Not an effect: the model is trusted, and so is the list of what was recorded.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

import numpy as np
import pandas as pd

from evalkit.disclosure import Headcount
from evalkit.errors import InputError
from evalkit.survival.adjusting.result import (
    AdjustedCurves,
    Joint,
    adjusted_labels,
    curve_table,
    default_times,
)
from evalkit.survival.core.sample import levels, sample
from evalkit.survival.curves.readings import unit_name
from evalkit.survival.proportional.exact import ExactLikelihood
from evalkit.survival.proportional.fitted import Fitted
from evalkit.survival.proportional.result import CoxFit
from evalkit.timetoevent import TimeToEvent
from evalkit.wording import message

#: Levels `by` may have; a number with more must be cut first.
_MOST_LEVELS = 12
#: Event times at which an area is summed exactly; beyond, on so many of them by the trapezoid rule.
_MOST_NODES = 1_000


def standardised(
    fit: CoxFit,
    by: str,
    times: float | Iterable[float] | None = None,
    rmst: float | None = None,
    conf_type: str = "log-log",
) -> AdjustedCurves:
    """Return the mean predicted survival with everybody put at each level of one variable.

    Parameters
    ----------
    fit : CoxFit
    by : str
        A variable of the model, or one of its strata columns.
    times : number or list of numbers, optional
        Some sixty of the event times otherwise.
    rmst : number, optional
        Also the mean time before the event up to then.
    conf_type : str
        Scale of the intervals of the curves, see `kaplan_meier`.

    Returns
    -------
    AdjustedCurves

    Raises
    ------
    InputError
        `by` is not in the model; covariates that change within a person; a separated term; times beyond the follow-up.

    Notes
    -----
    Ŝ_a(t) = Σ_i w_i exp(-Λ̂(t) exp(x_i(a)β̂)) / Σ w_i. Each person's influence has three parts: through the mean over people, through β̂
    (score residual times the inverse information) and through Λ̂ (its martingale increments, Efron's ties included); their
    squares are summed by person, or by cluster. Gail & Byar (1986), Biom. J. 28:587; Chen & Tsiatis (2001), Biometrics 57:1030;
    Reid & Crépeau (1985), Biometrika 72:1, for the influence functions of the Cox model.
    """
    if fit.fitted is None:
        raise InputError("adjusted: a published fit no longer has the data; ask before publishing")
    made = _Model(fit)
    codes, names = made.put(by)
    event_times = np.unique(made.fitted.slots.time)
    asked, said = default_times(event_times) if times is None else (made.within(times, "times"), [])
    if not len(asked):
        raise InputError("adjusted: no event after the origin; there is no curve to draw")
    curves = _joint(made, asked)
    areas = None
    if rmst is not None:
        until = float(made.within(rmst, "rmst")[-1])
        areas = _area(made, event_times, until)
    tte, fitted = made.tte, made.fitted
    sums = sample(tte, fitted.event.astype(np.int64), by).sums(1)
    others = [v for v in (*fitted.design.variables, *fit.strata) if v != by]
    n = int(made.weight.sum()) if tte.weight_kind == "frequency" else len(made.weight)
    event = fit.question.values["event"]
    said = [
        *fit.caveats,
        message("survival_adjusting.standardised", n=Headcount(n)),
        message("survival_adjusting.recorded_only", covariates=others or "–"),
        message("survival_adjusting.model_trusted"),
        *said,
    ]
    if (tte.cause[~fitted.event] > 0).any():
        rest = [c for k, c in enumerate(tte.causes) if not fitted.event[tte.cause == k + 1].any()]
        said.append(message("survival.hypothetical", event=event, others=rest))
    if tte.entry is not None and (tte.entry[made.first] > 0).any():
        said.append(message("survival_adjusting.late"))
    if (fewest := sums.exits[:, 1].sum(axis=1).min()) < 10:
        said.append(message("survival_adjusting.small_sample", n=Headcount(int(fewest))))
    return AdjustedCurves(
        curve_table(by, names, [""], curves, sums, conf_type, fit.conf_level),
        message("survival_adjusting.question_survival", event=event, unit=unit_name(tte.unit, 2), by=by),
        tuple(said),
        fit.provenance,
        labels=adjusted_labels(fit.labels, tte.unit),
        by=by,
        levels=tuple(names),
        curves=curves,
        areas=areas,
        sums=sums,
        conf_type=conf_type,
        conf_level=fit.conf_level,
        unit=tte.unit,
        event=event,
        complete=times is None and len(asked) == (event_times > 0).sum(),
    )


@dataclass(eq=False)
class _Model:
    """A fit with each person put at each level: values and influences at any time."""

    fit: CoxFit
    fitted: Fitted = field(init=False)
    tte: TimeToEvent = field(init=False)

    def __post_init__(self) -> None:
        self.fitted = fitted = self.fit.fitted
        self.tte = tte = fitted.tte
        if isinstance(fitted.likelihood, ExactLikelihood):
            raise InputError(
                "adjusted: not with exact ties, whose people are chosen jointly; fit with ties='efron'"
            )
        if fitted.top.runaway:
            terms = ", ".join(fitted.design.terms[k] for k in fitted.top.runaway)
            raise InputError(
                f"adjusted: the coefficient of {terms} has no finite estimate (separation); leave the term out"
            )
        person = np.arange(tte.n) if tte.id is None else pd.factorize(tte.id)[0]
        self.first = np.unique(person, return_index=True)[1]
        self.weight = (np.ones(tte.n) if tte.weight is None else tte.weight)[self.first]
        self.stratum = np.zeros(tte.n, dtype=np.int64) if fitted.stratum is None else fitted.stratum
        self._refuse_changing(person)
        unit = person if fitted.clusters is None else fitted.clusters.code
        self.unit, self.n_units = unit, int(unit.max()) + 1
        self.repeats = None
        if tte.weight_kind == "frequency" and self.n_units == tte.n:
            # Rows of identical, independent people: their squares, not their sums, repeat.
            self.repeats = np.empty(tte.n)
            self.repeats[unit] = tte.weight
        if self.n_units <= 2:
            raise InputError(
                f"adjusted: with {self.n_units} independent units (clusters or people) no variance can be estimated"
            )
        self._prepare()

    def _refuse_changing(self, person: np.ndarray) -> None:
        if len(self.first) == len(person):
            return
        matrix = self.fitted.design.matrix
        changed = (matrix != matrix[self.first[person]]).any(axis=1) | (
            self.stratum != self.stratum[self.first[person]]
        )
        if changed.any():
            n = len(np.unique(person[changed]))
            raise InputError(
                f"adjusted: covariates change in time for {n} people; averaging needs what is known of each at the origin. "
                "Fit with the values at the origin, or compare from a landmark"
            )

    def _prepare(self) -> None:
        """Keep what does not depend on the time asked."""
        like, seen, top = self.fitted.likelihood, self.fitted.top.seen, self.fitted.top
        n, solid = self.tte.n, self.fitted.solid
        score = like.residuals(seen, [np.arange(n)], n)[:, solid]
        self.on_beta = np.zeros((n, len(top.beta)))
        self.on_beta[:, solid] = score @ top.covariance[np.ix_(solid, solid)]
        risk_x, event_x = like.slot_means(seen)
        c0, e0, e1 = like.hazard_terms(seen)
        rise = lambda steps: np.concatenate([np.zeros((1, *steps.shape[1:])), np.cumsum(steps, axis=0)])
        self.hazard, self.leverage = rise(c0), rise(e0)
        self.drift = rise(e0[:, None] * risk_x - e1[:, None] * event_x)
        rows = like.parts[0]
        slot = rows.last[rows.event] - 1
        weight = 1.0 if rows.weight is None else rows.weight[rows.event]
        share = weight / (like.mean_weight * like.deaths)[slot]
        self.own = share * c0[slot] + seen.risks[0][rows.event] * e1[slot]
        slots = self.fitted.slots
        self.starts = np.searchsorted(slots.stratum, np.arange(len(self.fitted.strata) + 1))

    def put(self, by: str) -> tuple[np.ndarray, list]:
        """Put everybody at each level of `by`; return each row's own level and the levels."""
        fitted, tte = self.fitted, self.tte
        if by not in fitted.design.variables and by not in self.fit.strata:
            known = ", ".join([*fitted.design.variables, *self.fit.strata])
            raise InputError(f"by: must be one of the model's variables ({known}), but was {by!r}")
        _, groups, code = levels(tte, by)
        names = [group[0] for group in groups]
        if not 2 <= len(names) <= _MOST_LEVELS:
            raise InputError(
                f"by: {by!r} has {len(names)} values; it must have 2 to {_MOST_LEVELS}: cut a number into classes first"
            )
        if self.fitted.clusters is not None:
            self._refuse_one_cluster(by, code, names)
        first = self.first
        base = tte.covariates.iloc[first]
        self.x, self.whose = [], []
        added = np.zeros(len(first))
        if self.fit.offset is not None:
            added = base[self.fit.offset].to_numpy(dtype=float) - fitted.offset_centre
        for level in names:
            x = fitted.design.encode(base.assign(**{by: level}))
            self.x.append(x - fitted.origin)
            self.whose.append(self._strata_at(by, level))
        self.relative = [np.exp(x @ fitted.top.beta + added) for x in self.x]
        return code, names

    def _strata_at(self, by: str, level: object) -> np.ndarray:
        """Return each person's stratum were they at a level."""
        own = self.stratum[self.first]
        if by not in self.fit.strata:
            return own
        at, known = self.fit.strata.index(by), self.fitted.strata
        target = []
        for values in known:
            moved = (*values[:at], level, *values[at + 1 :])
            if moved not in known:
                raise InputError(
                    f"by: nobody is in the stratum {', '.join(map(str, moved))}, so it has no baseline"
                )
            target.append(known.index(moved))
        return np.array(target)[own]

    def _refuse_one_cluster(self, by: str, code: np.ndarray, names: list) -> None:
        alone = [
            str(name)
            for k, name in enumerate(names)
            if len(np.unique(self.fitted.clusters.code[code == k])) == 1
        ]
        if alone:
            raise InputError(
                f"by: {', '.join(alone)} is one cluster; what varies between clusters cannot be told from the level itself"
            )

    def within(self, times: object, argument: str) -> np.ndarray:
        """Return the times asked, none beyond what some stratum has seen."""
        asked = np.unique(np.atleast_1d(np.asarray(times, dtype=float)))
        if not len(asked) or not np.isfinite(asked).all() or asked[0] <= 0:
            raise InputError(f"{argument}: must be after the origin, but was {times}")
        last = min(float(self.tte.time[self.stratum == s].max()) for s in range(len(self.fitted.strata)))
        if asked[-1] > last:
            raise InputError(
                f"{argument}: {asked[-1]:g} is beyond the last observation ({last:g}); nothing is known there: ask earlier"
            )
        return asked

    def at(self, time: float) -> tuple[np.ndarray, np.ndarray]:
        """Return the mean survival at each level, and the influence of each unit on it, shape (levels, units)."""
        return self.over(np.array([time]), np.ones(1))

    def over(self, times: np.ndarray, widths: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return the sum over times, each so wide, of the mean survival at each level, and the influence of each unit on it."""
        strata = range(len(self.fitted.strata))
        passed = np.stack([self.fitted.hazards.passed(s, times)[1] for s in strata], axis=1)
        start = self.starts[:-1]
        hazard = self.hazard[passed] - self.hazard[start]
        drift = self.drift[passed] - self.drift[start]
        total = self.weight.sum()
        value, influence = [], []
        for x, relative, whose in zip(self.x, self.relative, self.whose, strict=True):
            survived, turned = np.zeros(len(whose)), np.zeros(len(whose))
            slopes = np.empty((len(times), len(strata)))
            for j, width in enumerate(widths):
                own = hazard[j, whose] if len(strata) > 1 else hazard[j, 0]
                survival = width * np.exp(-own * relative)
                survived += survival
                survival *= relative
                turned += own * survival
                survival *= self.weight
                slopes[j] = np.bincount(whose, survival, len(strata)) if len(strata) > 1 else survival.sum()
            slopes /= total
            mean = float(self.weight @ survived / total)
            through_beta = np.einsum("js,jsp->p", slopes, drift) - (self.weight * turned / total) @ x
            row = self.on_beta @ through_beta - self._through_baseline(passed, slopes)
            row[self.first] += self.weight * (survived - mean) / total
            value.append(mean)
            influence.append(np.bincount(self.unit, row, self.n_units))
        return np.array(value), np.array(influence)

    def _through_baseline(self, passed: np.ndarray, slopes: np.ndarray) -> np.ndarray:
        """Return what each row moves in the cumulative hazards of its stratum, weighed by the slopes; shapes (times, strata).

        A row lowers the hazard while it is at risk, up to each time, and raises it by its event: sums over the times after and
        before its ends are read off running sums.
        """
        rows, risk = self.fitted.likelihood.parts[0], self.fitted.top.seen.risks[0]
        out = np.empty(len(rows.last))
        raised = np.zeros(len(rows.last))
        raised[rows.event] = self.own
        for s in range(passed.shape[1]):
            mine = np.flatnonzero(self.stratum == s)
            lowered, after = _upto(rows.last[mine], passed[:, s], slopes[:, s], self.leverage)
            if rows.first is not None:
                lowered = lowered - _upto(rows.first[mine], passed[:, s], slopes[:, s], self.leverage)[0]
            out[mine] = raised[mine] * after - risk[mine] * lowered
        return out

    def squares(self, influence: np.ndarray) -> np.ndarray:
        """Return the covariance between levels."""
        return influence @ influence.T if self.repeats is None else (influence / self.repeats) @ influence.T


def _upto(
    slot: np.ndarray, passed: np.ndarray, slopes: np.ndarray, leverage: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Return the sum over times of slope × leverage, counted up to each slot at most, and of the slopes of times that reach it."""
    summed = np.concatenate([[0.0], np.cumsum(slopes)])
    weighed = np.concatenate([[0.0], np.cumsum(slopes * leverage[passed])])
    before = np.searchsorted(passed, slot, side="left")
    after = summed[-1] - summed[before]
    return weighed[before] + leverage[slot] * after, after


def _joint(made: _Model, times: np.ndarray) -> Joint:
    found = [made.at(t) for t in times]
    value = np.array([v for v, _ in found]).T[None]
    return Joint(times, value, np.array([made.squares(i) for _, i in found])[None])


def _area(made: _Model, event_times: np.ndarray, until: float) -> Joint:
    """Return the areas: the curve is flat between event times, and certain before the first."""
    nodes = np.concatenate([[0.0], event_times[(event_times > 0) & (event_times < until)], [until]])
    if len(nodes) <= _MOST_NODES:
        widths = np.append(np.diff(nodes), 0.0)
    else:
        nodes = nodes[np.unique(np.round(np.linspace(0, len(nodes) - 1, _MOST_NODES)).astype(int))]
        widths = (np.diff(nodes, prepend=0.0) + np.diff(nodes, append=until)) / 2
    used = widths > 0
    value, influence = made.over(nodes[used], widths[used])
    return Joint(np.array([until]), value[None, :, None], made.squares(influence)[None, None])
