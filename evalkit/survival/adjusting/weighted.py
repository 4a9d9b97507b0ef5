"""Weighted curves: each group made to look like everybody, by the inverse chance of being in it.

Not an effect unless everything that matters was recorded; and not a model of the outcome.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from evalkit.disclosure import Headcount, Headcounts
from evalkit.errors import InputError
from evalkit.formula import design
from evalkit.result import Result
from evalkit.survival.adjusting.people import asked_times, counts, from_origin
from evalkit.survival.adjusting.personal import Personal, personal, steps_of
from evalkit.survival.adjusting.propensity import Propensity, propensity, refuse_one_sided, refuse_unlikely
from evalkit.survival.adjusting.result import (
    AdjustedCurves,
    Aside,
    Joint,
    adjusted_labels,
    curve_table,
    default_times,
)
from evalkit.survival.core.sample import Sample, accept, caveats, label_of
from evalkit.survival.curves.readings import both, unit_name
from evalkit.survival.proportional.robust import find_clusters
from evalkit.survival.proportional.table import dropped
from evalkit.timetoevent import TimeToEvent
from evalkit.wording import Message, message

#: A person who carries this much of a group's weight is named a worry.
_HEAVY = 0.1
#: Standardised difference above which groups are said to differ still.
_UNBALANCED = 0.1


def adjusted_curves(
    tte: TimeToEvent,
    by: str,
    formula: str,
    times: float | Iterable[float] | None = None,
    rmst: float | None = None,
    trim: float | None = None,
    cluster: str | None = None,
    missing: str = "error",
    conf_type: str = "log-log",
    conf_level: float = 0.95,
) -> AdjustedCurves:
    """Return the curve of each group, were its people distributed as everybody is, by inverse-probability weights.

    Parameters
    ----------
    tte : TimeToEvent
        Everybody observed from the origin; one exit (survival) or several that compete (incidence of each).
    by : str
        The groups: two or more values, fixed in time.
    formula : str
        What the chance of being in a group depends on: see `evalkit.formula`.
    times : number or list of numbers, optional
        Some sixty of the event times otherwise.
    rmst : number, optional
        Also the mean time before the event up to then (and the mean time lost to each cause).
    trim : number, optional
        Leave out people whose chance of being in one of the groups is below this, and say how many; the chance is then fitted again.
    cluster : str, optional
        Covariate whose groups are independent.
    missing : {"error", "drop"}
    conf_type : str
        Scale of the intervals of the curves, see `kaplan_meier`.
    conf_level : float

    Returns
    -------
    AdjustedCurves
        With ``balance()`` and ``overlap()``.

    Raises
    ------
    InputError
        Groups that hardly overlap (names and counts); delayed entry; covariates missing; times beyond a group's follow-up.

    Notes
    -----
    Weighted Kaplan-Meier (Xie & Liu 2005, Stat. Med. 24:3089) or Aalen-Johansen, weights 1 / chance; a constant in the weights of a
    group (stabilised weights) changes nothing. Each person's influence counts the estimation of the weights (Lunceford & Davidian
    2004, Stat. Med. 23:2937), which usually narrows the interval. Censoring must not depend on covariates within a group.

    Examples
    --------
    >>> people = pd.DataFrame({"helped": [0, 1] * 6, "old": [0, 0, 0, 1, 1, 1, 1, 1, 0, 0, 1, 0]})
    >>> tte = TimeToEvent(time=range(2, 14), cause=[1, 1, 0] * 4, causes=("relapse",), covariates=people)
    >>> adjusted_curves(tte, "helped", "old", times=8).tidy()[["helped", "estimate"]].round(3).to_numpy().tolist()
    [[0.0, 0.417], [1.0, 0.667]]
    """
    tte = accept(tte, "adjusted_curves")
    if trim is not None and not 0 < trim < 0.5:
        raise InputError(f"trim: must lie between 0 and 0.5, but was {trim}")
    made = design(formula, tte.covariates, missing)
    if by in made.variables:
        raise InputError(f"formula: {by!r} makes the groups; it cannot also tell the chance of being in them")
    said = caveats(tte, repeated=False) + dropped(tte, made.kept, list(made.missing))
    tte = tte if made.kept.all() else tte.subset(made.kept)
    rows, first = from_origin(tte, tte.cause, by, "adjusted_curves")
    names = [group[0] for group in rows.groups]
    if len(names) < 2:
        raise InputError(f"by: {by!r} has one value; there is nothing to compare")
    matrix = made.matrix[first]
    refuse_one_sided(matrix, made.terms, rows.group, names, by)
    weight = counts(rows)
    fitted = propensity(matrix, rows.group, len(names), weight, by)
    if trim is not None:
        kept = (fitted.chance >= trim).all(axis=1)
        said += _trimmed(kept, rows.group, names, trim)
        rows, first, matrix = _some(rows, kept), first[kept], matrix[kept]
        weight = weight[kept]
        if len(np.unique(rows.group)) < len(names):
            raise InputError(f"trim: at {trim:g} nobody is left in one of the groups; they hardly overlap")
        refuse_one_sided(matrix, made.terms, rows.group, names, by)
        fitted = propensity(matrix, rows.group, len(names), weight, by)
    said += refuse_unlikely(fitted.chance, rows.group, names, by)
    states = [""] if len(tte.causes) == 1 else [*tte.causes, "no_exit"]
    asked, more = _times(times, rows)
    thinned = bool(more)
    found = _Weighted.of(tte, rows, first, fitted, weight, len(states), cluster)
    curves = found.joint(asked)
    areas = (
        None if rmst is None else found.areas(float(asked_times(rmst, rows, "adjusted_curves", "rmst")[-1]))
    )
    sums = rows.sums(len(tte.causes))
    if (fewest := sums.exits[:, 1:].sum(axis=(1, 2)).min()) < 10:
        more.append(message("survival_adjusting.small_sample", n=Headcount(int(fewest))))
    event = label_of(tte, tte.causes[0]) if states == [""] else [label_of(tte, c) for c in tte.causes]
    kind = "survival" if states == [""] else "incidence"
    balance, uneven = _balance(matrix, made.terms, rows.group, weight, found.weight, tte, by)
    overlap, heavy = _overlap(fitted, rows.group, names, weight, found.weight, tte, by)
    said += [
        message("survival_adjusting.weighted"),
        message("survival_adjusting.recorded_only", covariates=list(made.variables)),
        *uneven, *heavy, *more,
    ]  # fmt: skip
    return AdjustedCurves(
        curve_table(by, names, states, curves, sums, conf_type, conf_level),
        message(f"survival_adjusting.question_{kind}", event=event, unit=unit_name(tte.unit, 2), by=by),
        tuple(said),
        tte.provenance,
        glance_values={"n": float(weight.sum()), "n_events": float(sums.exits[:, 1:].sum())},
        labels=adjusted_labels(tte.labels, tte.unit),
        by=by,
        levels=tuple(names),
        states=tuple(states),
        curves=curves,
        areas=areas,
        sums=sums,
        conf_type=conf_type,
        conf_level=conf_level,
        unit=tte.unit,
        event=event,
        complete=times is None and not thinned,
        extra={"balance": balance, "overlap": overlap},
    )


@dataclass(frozen=True, eq=False)
class _Weighted:
    """The weighted curves of each group, and what everybody moves in them."""

    fitted: Propensity
    weight: np.ndarray
    parts: list[tuple[np.ndarray, list[Personal]]]
    unit: np.ndarray
    repeats: np.ndarray | None

    @classmethod
    def of(
        cls,
        tte: TimeToEvent,
        rows: Sample,
        first: np.ndarray,
        fitted: Propensity,
        counted: np.ndarray,
        n_states: int,
        cluster: str | None,
    ) -> _Weighted:
        weight = counted / fitted.chance[np.arange(len(first)), rows.group]
        n_causes = max(n_states - 1, 1)
        parts = []
        for g in range(fitted.chance.shape[1]):
            own = np.flatnonzero(rows.group == g)
            steps, left_at = steps_of(rows.time[own], rows.cause[own], n_causes, weight[own])
            wanted = [None] if n_states == 1 else [*range(n_causes), None]
            parts.append((own, [personal(steps, left_at, rows.cause[own], s) for s in wanted]))
        unit = np.arange(len(first))
        if cluster is not None:
            clusters = find_clusters(tte, cluster, robust=False)
            unit = np.unique(clusters.code[first], return_inverse=True)[1]
            _refuse_few(unit, rows.group, cluster)
        alone = cluster is None and tte.weight_kind == "frequency"
        return cls(fitted, weight, parts, unit, counted if alone else None)

    def joint(self, times: np.ndarray) -> Joint:
        """Return all groups' probabilities with their covariances."""
        n_states = len(self.parts[0][1])
        value = np.empty((n_states, len(self.parts), len(times)))
        square = np.empty((n_states, len(times), len(self.parts), len(self.parts)))
        for s in range(n_states):
            for j, time in enumerate(times):
                moved = []
                for g, (_, states) in enumerate(self.parts):
                    value[s, g, j] = states[s].estimate(time)
                    moved.append(self._everybody(g, states[s].at(time)))
                square[s, j] = self._squares(np.array(moved))
        return Joint(times, value, square)

    def areas(self, until: float) -> Joint:
        """Return the areas under them."""
        n_states = len(self.parts[0][1])
        value = np.empty((n_states, len(self.parts), 1))
        square = np.empty((n_states, 1, len(self.parts), len(self.parts)))
        for s in range(n_states):
            moved = []
            for g, (_, states) in enumerate(self.parts):
                value[s, g, 0] = states[s].area(until)
                moved.append(self._everybody(g, states[s].on_area(until)))
            square[s, 0] = self._squares(np.array(moved))
        return Joint(np.array([until]), value, square)

    def _everybody(self, g: int, derivative: np.ndarray) -> np.ndarray:
        """Return what each unit moves: directly, in its own group, and through the weights' estimation."""
        own, _ = self.parts[g]
        moved = self.weight[own] * derivative
        every = self.fitted.through(g, moved, own)
        every[own] += moved
        return np.bincount(self.unit, every)

    def _squares(self, influence: np.ndarray) -> np.ndarray:
        return influence @ influence.T if self.repeats is None else (influence / self.repeats) @ influence.T


def _times(times: object, rows: Sample) -> tuple[np.ndarray, list[Message]]:
    if times is not None:
        return asked_times(times, rows, "adjusted_curves"), []
    last = min(rows.time[rows.group == g].max() for g in range(len(rows.groups)))
    seen = np.unique(rows.time[rows.cause > 0])
    seen = seen[seen <= last]
    if not (seen > 0).any():
        raise InputError(
            "adjusted_curves: no event within the follow-up of every group; there is no curve to draw"
        )
    return default_times(seen)


def _some(rows: Sample, kept: np.ndarray) -> Sample:
    taken = {
        name: None if (value := getattr(rows, name)) is None else value[kept]
        for name in ("time", "cause", "entry", "weight", "id", "group")
    }
    return Sample(**taken, groups=rows.groups, by=rows.by)


def _trimmed(kept: np.ndarray, code: np.ndarray, names: Sequence, trim: float) -> list[Message]:
    if kept.all():
        return []
    gone = np.bincount(code[~kept], minlength=len(names))
    groups = Headcounts.of(dict(zip(names, gone.tolist(), strict=True)))
    return [message("survival_adjusting.trimmed", n=Headcount(int(gone.sum())), trim=trim, groups=groups)]


def _refuse_few(unit: np.ndarray, code: np.ndarray, cluster: str) -> None:
    per_group = [len(np.unique(unit[code == g])) for g in np.unique(code)]
    if unit.max() + 1 <= 2 or min(per_group) == 1:
        raise InputError(
            f"cluster: {int(unit.max()) + 1} clusters ({cluster}), {min(per_group)} in some group; what varies between clusters "
            "cannot be told from the groups themselves"
        )


def _balance(
    matrix: np.ndarray,
    terms: Sequence[str],
    code: np.ndarray,
    counted: np.ndarray,
    weight: np.ndarray,
    tte: TimeToEvent,
    by: str,
) -> tuple[Result, list[Message]]:
    """Return the largest standardised difference of each term between two groups, before and after; and what remains too large."""
    groups = range(int(code.max()) + 1)
    rows, uneven = [], []
    for k, term in enumerate(terms):
        x = matrix[:, k]
        spread = [np.cov(x[code == g], aweights=counted[code == g], ddof=0) for g in groups]
        for part, w in (("before", counted), ("after", weight)):
            means = [np.average(x[code == g], weights=w[code == g]) for g in groups]
            # The scale is that of the people observed, both times (Austin & Stuart 2015).
            gap = max(
                # Two groups that differ and do not vary in themselves are infinitely far apart, on this scale.
                abs(means[a] - means[b]) / np.sqrt((spread[a] + spread[b]) / 2)
                if spread[a] + spread[b] > 0
                else np.inf
                if means[a] != means[b]
                else 0.0
                for a in groups
                for b in range(a)
            )
            rows.append({"term": term, "part": part, "estimate": float(gap), "n": float(counted.sum())})
        if gap > _UNBALANCED:
            uneven.append(term)
    labels = {**tte.labels, "before": both("survival_adjusting.before"), "after": both("survival_adjusting.after"),
              "estimate": both("survival_adjusting.smd")}  # fmt: skip
    question = message("survival_adjusting.question_balance", by=by)
    said = [message("survival_adjusting.unbalanced", terms=uneven)] if uneven else []
    axis = message("survival_adjusting.smd")
    table = pd.DataFrame(rows)
    return Aside(table, question, (), tte.provenance, labels=labels, keys=("term", "part"), axis=axis), said


def _overlap(
    fitted: Propensity,
    code: np.ndarray,
    names: Sequence,
    counted: np.ndarray,
    weight: np.ndarray,
    tte: TimeToEvent,
    by: str,
) -> tuple[Result, list[Message]]:
    rows, heavy = [], []
    for g, name in enumerate(names):
        w, c = weight[code == g], counted[code == g]
        most = float((w / c).max() / w.sum()) if tte.weight_kind == "frequency" else float(w.max() / w.sum())
        # Frequencies are people, each with a weight of their own.
        squares = (w**2 / c).sum() if tte.weight_kind == "frequency" else (w**2).sum()
        n = float(c.sum()) if tte.weight_kind == "frequency" else float(len(c))
        rows.append({
            by: name, "n": n, "effective_n": float(w.sum() ** 2 / squares), "chance_low": float(fitted.chance[:, g].min()),
            "chance_high": float(fitted.chance[:, g].max()), "weight_high": most,
        })  # fmt: skip
        if most > _HEAVY:
            heavy.append(message("survival_adjusting.heavy", group=f"{by} = {name}", share=most))
    words = ("effective_n", "chance_low", "chance_high", "weight_high")
    labels = {**tte.labels, **{w: both(f"survival_adjusting.{w}") for w in words}}
    question = message("survival_adjusting.question_overlap", by=by)
    made = Aside(
        pd.DataFrame(rows), question, (), tte.provenance, labels=labels, keys=(by,), shown="effective_n",
        axis=message("survival_adjusting.effective_n"),
    )  # fmt: skip
    return made, heavy
