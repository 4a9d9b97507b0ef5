"""Brier score: the mean squared distance between what was predicted for people and what became of them, by time and overall.

Not a measure of discrimination alone: calibration counts too. Beside it stands what one would score knowing nobody in particular.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from evalkit.errors import InputError
from evalkit.numerics.normal import z_value
from evalkit.result import Result
from evalkit.survival.curves.readings import both, labels_of, unit_name
from evalkit.survival.validating.predicting import SCORED, Asked, Scores
from evalkit.timetoevent import TimeToEvent
from evalkit.wording import message

#: Times at which the score is summed exactly; beyond, on so many of them by the trapezoid rule.
_MOST_NODES = 500
#: Predictions held at a time.
_BLOCK = 4_000_000
TERMS = ("brier", "reference", "scaled", "integrated", "integrated_reference", "integrated_scaled")


def brier_score(
    model: Any,
    tte: TimeToEvent,
    times: float | Iterable[float],
    of: str | None = None,
    integrated: bool = True,
    given: str = "survival",
    cluster: str | None = None,
    conf_level: float = 0.95,
) -> Result:
    """Return the Brier score of predictions at each time, and its mean over time.

    Parameters
    ----------
    model : fit, array or function
        Anything with ``predict(new, times)``; or numbers, one row per person and one column per time; or a function of (covariates,
        times) that returns them.
    tte : TimeToEvent
        The people it is held against: new ones, or the score flatters. Everybody observed from the origin.
    times : number or list of numbers
    of : str, optional
        With several causes: the one predicted (the first otherwise), the others competing; or ``"any exit"``.
    integrated : bool
        Also the mean of the score from 0 to the last of `times`. Not for numbers, which are not known in between.
    given : {"survival", "incidence"}
        What numbers are: the share still without the exit, or gone by it.
    cluster : str, optional
        Covariate whose groups are independent.
    conf_level : float

    Returns
    -------
    Result
        ``term``: "brier"; "reference", the score of the marginal curve of these people; "scaled", 1 - brier / reference (1 is perfect,
        0 no better than the curve); and the three integrated.

    Raises
    ------
    InputError
        Delayed entry; predictions of another shape or outside 0 to 1; times at or past the last observation.

    Notes
    -----
    Graf et al. (1999), Stat. Med. 18:2529; with competing exits Gerds & Schumacher (2006): weights 1 / G(T-) for those gone,
    1 / G(t) for those who go on, G by Kaplan-Meier. Equal to R's ``riskRegression::Score`` and ``pec``. Standard errors by influence
    functions that count the estimation of G; the model itself is taken as it is.

    Examples
    --------
    >>> tte = TimeToEvent(time=[2, 3, 4, 5, 6], cause=[1, 0, 1, 1, 0], causes=("relapse",))
    >>> brier_score([0.2, 0.9, 0.4, 0.5, 0.8], tte, times=4, integrated=False).tidy()["estimate"].round(4).tolist()
    [0.128, 0.2489, 0.4857]
    """
    asked = Asked.of(model, tte, of, given, "brier_score", cluster)
    at = asked.within(times, "times")
    numbers = not hasattr(model, "predict") and not callable(model)
    found = _scores(asked, at)
    rows = [row for j, t in enumerate(at) for row in _rows(asked, float(t), found, j, TERMS[:3])]
    if integrated and not numbers:
        rows += _rows(asked, float(at[-1]), _integral(asked, float(at[-1])), 0, TERMS[3:])
    table = pd.DataFrame(rows)
    half = z_value(conf_level) * table["std_error"]
    table["conf_low"], table["conf_high"] = table["estimate"] - half, table["estimate"] + half
    table["conf_level"] = conf_level
    table["status"], table["reason"] = _known(table["std_error"])
    labels = labels_of(
        {**tte.labels, **{term: both(f"survival_validating.{term}") for term in TERMS}}, tte.unit
    )
    return Scores(
        table[list(SCORED)],
        message("survival_validating.question_brier", event=asked.event, unit=unit_name(tte.unit, 2)),
        (
            *asked.said,
            message("survival_validating.independent_censoring"),
            message("survival_validating.as_it_is"),
        ),
        tte.provenance,
        labels=labels,
    )


@dataclass(frozen=True, eq=False)
class _Found:
    """Scores of the model and of the marginal curve, with the influence of each row; shapes (m,) and (m, n)."""

    value: np.ndarray
    reference: np.ndarray
    moved: np.ndarray
    moved_reference: np.ndarray


def _scores(asked: Asked, times: np.ndarray, columns: slice | None = None) -> _Found:
    risk = asked.risk(times, columns)
    m, n, total = len(times), asked.n, asked.weight.sum()
    value, reference = np.empty(m), np.empty(m)
    moved, moved_reference = np.empty((m, n)), np.empty((m, n))
    for j, time in enumerate(times):
        known = asked.weight * asked.censoring.weights(time) / total
        if not np.isfinite(known).all():
            raise InputError(f"times: nobody is still observed at {time:g}; ask earlier")
        gone = asked.happened(time)
        missed = (gone - risk[:, j]) ** 2
        value[j] = known @ missed
        share = float(known @ gone)
        mass = np.stack([known * missed, known * gone])
        through = asked.weight * asked.censoring.correction(mass, float(time))
        moved[j] = mass[0] - asked.weight * value[j] / total + through[0]
        # The marginal curve minimises its own score: that it is estimated moves nothing but the share itself.
        reference[j] = share * (1 - share)
        moved_reference[j] = (1 - 2 * share) * (mass[1] - asked.weight * share / total + through[1])
    return _Found(value, reference, moved, moved_reference)


def _integral(asked: Asked, until: float) -> _Found:
    """Return the mean scores from 0 to a time: between two ends of rows nothing changes."""
    nodes = asked.censoring.times
    nodes = np.concatenate([[0.0], nodes[(nodes > 0) & (nodes < until)], [until]])
    if len(nodes) <= _MOST_NODES:
        widths = np.append(np.diff(nodes), 0.0)
    else:
        nodes = nodes[np.unique(np.round(np.linspace(0, len(nodes) - 1, _MOST_NODES)).astype(int))]
        widths = (np.diff(nodes, prepend=0.0) + np.diff(nodes, append=until)) / 2
    # At 0 nobody is gone and nobody is predicted to be, but for exits on day 0, which a curve has from there on.
    nodes, widths = (nodes[:-1], widths[:-1]) if widths[-1] == 0 else (nodes, widths)
    sums: list[Any] = [0.0, 0.0, 0.0, 0.0]
    block = max(1, _BLOCK // asked.n)
    for start in range(0, len(nodes), block):
        part = slice(start, start + block)
        found = _scores(asked, nodes[part])
        for k, values in enumerate((found.value, found.reference, found.moved, found.moved_reference)):
            sums[k] = sums[k] + widths[part] @ values / until
    return _Found(*(np.asarray(total)[None] for total in sums))


def _rows(asked: Asked, time: float, found: _Found, j: int, terms: tuple[str, ...]) -> list[dict]:
    value, reference = found.value[j], found.reference[j]
    moved = [found.moved[j], found.moved_reference[j]]
    estimates = [value, reference]
    if reference > 0:
        estimates.append(1 - value / reference)
        moved.append(-(moved[0] - value / reference * moved[1]) / reference)
    else:
        estimates.append(np.nan)
        moved.append(np.full(asked.n, np.nan))
    size = {"n": asked.people(), "n_event": asked.events(time)}
    return [
        {
            "term": term,
            "time": time,
            "estimate": float(e),
            "std_error": float(np.sqrt(asked.squared(i))),
            **size,
        }
        for term, e, i in zip(terms, estimates, moved, strict=True)
    ]


def _known(error: pd.Series) -> tuple[list[str], list]:
    known = (error > 1e-15).to_numpy()
    reason = message("survival_validating.nothing_varies")
    return ["ok" if k else "not_estimable" for k in known], [None if k else reason for k in known]
