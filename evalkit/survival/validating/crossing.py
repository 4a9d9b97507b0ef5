"""Cross-validation: every person is predicted by a model that has not seen them, nor anybody of their cluster.

Not new data: people of another site or year may differ from all of these.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from evalkit.errors import InputError
from evalkit.numerics.arguments import generator
from evalkit.result import Result
from evalkit.survival.core.sample import accept
from evalkit.survival.curves.readings import both, labels_of
from evalkit.survival.proportional.ranking import concordance as harrell
from evalkit.survival.proportional.result import CoxFit
from evalkit.survival.proportional.robust import find_clusters
from evalkit.survival.validating.brier import TERMS, brier_score
from evalkit.survival.validating.calibrated import WORDS, calibration
from evalkit.survival.validating.predicting import SCORED, Asked, Scores, linear_predictor
from evalkit.survival.validating.ranking import KINDS, bounded, concordance
from evalkit.timetoevent import TimeToEvent
from evalkit.wording import message

SCORES = ("brier", "concordance", "auc", "calibration")
#: Events a part must hold on average.
_LEAST_EVENTS = 5


def cross_validate(
    fit_function: Callable[[TimeToEvent], Any],
    tte: TimeToEvent,
    times: float | Iterable[float],
    folds: int = 5,
    cluster: str | None = None,
    seed: int = 2011,
    scores: Sequence[str] = ("brier", "concordance"),
    of: str | None = None,
    conf_level: float = 0.95,
) -> Result:
    """Judge a way of fitting on people it has not seen.

    Parameters
    ----------
    fit_function : callable
        Takes a `TimeToEvent`, returns a fit with ``predict``: everything that learns from the data belongs inside.
    tte : TimeToEvent
    times : number or list of numbers
    folds : int
        Parts; each is predicted by a model fitted on the others.
    cluster : str, optional
        Covariate whose people are never split over parts; ``id`` otherwise, if there are ids.
    seed : int
        Of the draw of parts.
    scores : list of {"brier", "concordance", "auc", "calibration"}
        "concordance" (Harrell's) within each part, for Cox fits.
    of : str, optional
        As in `brier_score`.
    conf_level : float

    Returns
    -------
    Result
        ``part``: "apparent" (fitted and judged on everybody) and "cross_validated"; ``term`` as in `brier_score`, `concordance`,
        `calibration`. Intervals take the models as they are.

    Raises
    ------
    InputError
        Fewer clusters than parts, fewer than five events a part, a part in which the model cannot be fitted or does not know a level.

    Examples
    --------
    >>> from evalkit.survival import cox
    >>> rng = np.random.default_rng(3)
    >>> x = rng.normal(size=200)
    >>> time = np.ceil(rng.exponential(30 * np.exp(-x)))
    >>> tte = TimeToEvent(time=time, cause=time < 60, causes=("relapse",), covariates=pd.DataFrame({"x": x}))
    >>> found = cross_validate(lambda part: cox(part, "x"), tte, times=30).tidy()
    >>> found.loc[found["term"] == "harrell", ["part", "estimate"]].round(2).to_numpy().tolist()
    [['apparent', 0.76], ['cross_validated', 0.74]]
    """
    tte = accept(tte, "cross_validate")
    unknown = [s for s in scores if s not in SCORES]
    if unknown or not scores:
        raise InputError(f"scores: must be among {', '.join(SCORES)}, but were {list(scores)}")
    fold, unit = _parts(tte, folds, cluster, seed, of)
    whole = _fitted(fit_function, tte, "on everybody")
    parts = [
        (fold == k, _fitted(fit_function, tte.subset(fold != k), f"without part {k + 1} of {folds}"))
        for k in range(folds)
    ]
    pooled = _Pooled(tte, tuple(parts), of)
    tables = []
    for part, model, given, fits in (
        ("apparent", whole, "survival", [(fold >= 0, whole)]),
        ("cross_validated", pooled, "incidence", parts),
    ):
        made = _judged(model, fits, tte, times, scores, of, given, cluster, conf_level)
        tables += [table.assign(part=part) for table in made]
    table = pd.concat(tables, ignore_index=True)
    order = ["part", *SCORED]
    words = (*TERMS, *KINDS, *WORDS, "apparent", "cross_validated")
    event = Asked.of(whole, tte, of, "survival", "cross_validate").event
    return Scores(
        table[[c for c in order if c in table]],
        message("survival_validating.question_cross_validation", event=event),
        (
            message(
                "survival_validating.folds",
                folds=folds,
                seed=str(seed),
                unit=unit or message("survival_validating.by_person"),
            ),
            message("survival_validating.independent_censoring"),
            message("survival_validating.as_it_is"),
        ),
        tte.provenance,
        labels=labels_of({**tte.labels, **{w: both(f"survival_validating.{w}") for w in words}}, tte.unit),
    )


@dataclass(frozen=True, eq=False)
class _Pooled:
    """Predictions for everybody, each by the model that has not seen them."""

    tte: TimeToEvent
    parts: tuple[tuple[np.ndarray, Any], ...]
    of: str | None

    def __call__(self, new: pd.DataFrame, times: np.ndarray) -> np.ndarray:
        """Return the share gone by each time, in the order of the people of `tte`."""
        risk, place = [], []
        for k, (mask, fit) in enumerate(self.parts):
            try:
                asked = Asked.of(fit, self.tte.subset(mask), self.of, "survival", "cross_validate")
                risk.append(asked.risk(times))
            except InputError as error:
                raise InputError(f"part {k + 1} of {len(self.parts)}: {error}") from error
            place.append(np.flatnonzero(mask)[asked.first])
        # Rows of a person are joined in the order of their first rows, or of their ids: both orders are matched here.
        position = np.empty(self.tte.n, dtype=np.int64)
        position[np.concatenate(place)] = np.arange(len(new))
        first = Asked.of(self.parts[0][1], self.tte, self.of, "survival", "cross_validate").first
        return np.concatenate(risk)[position[first]]


def _judged(
    model: Any,
    parts: list[tuple[np.ndarray, Any]],
    tte: TimeToEvent,
    times: Any,
    scores: Sequence[str],
    of: str | None,
    given: str,
    cluster: str | None,
    conf_level: float,
) -> list[pd.DataFrame]:
    """Return the tables of the scores asked."""
    common = {"of": of, "given": given, "cluster": cluster, "conf_level": conf_level}
    tables = []
    if "brier" in scores:
        tables.append(brier_score(model, tte, times, **common).table)
    if "concordance" in scores:
        tables.append(_concordant(parts, tte, of, cluster, conf_level))
    if "auc" in scores:
        tables.append(concordance(model, tte, kind="auc", times=times, **common).table)
    if "calibration" in scores:
        for time in np.atleast_1d(np.asarray(times, dtype=float)):
            table = calibration(model, tte, float(time), groups=1, **common).table
            tables.append(table[table["term"] != "group"].drop(columns=["part", "predicted"]))
    return tables


def _concordant(
    parts: list[tuple[np.ndarray, Any]],
    tte: TimeToEvent,
    of: str | None,
    cluster: str | None,
    conf_level: float,
) -> pd.DataFrame:
    """Return Harrell's concordance within the parts: predictors of different models are not compared."""
    if not all(isinstance(fit, CoxFit) for _, fit in parts):
        raise InputError(
            "scores: 'concordance' ranks by a linear predictor, which a Cox fit has; ask for 'auc' here"
        )
    score, stratum = np.empty(tte.n), np.empty(tte.n, dtype=np.int64)
    for k, (mask, fit) in enumerate(parts):
        score[mask] = linear_predictor(fit, tte.covariates.loc[mask].reset_index(drop=True))
        stratum[mask] = k
    happened = (
        tte.any_exit
        if of == "any exit"
        else tte.event
        if of is None
        else tte.cause == tte.causes.index(of) + 1
    )
    clusters = find_clusters(tte, cluster, robust=cluster is None and tte.id is not None)
    code = None if clusters is None else clusters.code
    found = harrell(
        score, tte.time, happened, tte.entry, tte.weight, stratum, code, tte.weight_kind == "frequency"
    )
    count = tte.weight if tte.weight_kind == "frequency" else np.ones(tte.n)
    row = {"term": "harrell", "estimate": found.estimate, "std_error": found.std_error, "n": float(count.sum()),
           "n_event": float(count[happened].sum())}  # fmt: skip
    return bounded(pd.DataFrame([row]), conf_level)


def _parts(
    tte: TimeToEvent, folds: int, cluster: str | None, seed: int, of: str | None
) -> tuple[np.ndarray, str]:
    """Return the part of each row, and what is never split."""
    if int(folds) != folds or folds < 2:
        raise InputError(f"folds: at least 2 parts, but was {folds}")
    name = cluster or ("id" if tte.id is not None else "")
    code = np.arange(tte.n)
    if name:
        code = pd.factorize(tte.id)[0] if cluster is None else find_clusters(tte, cluster, robust=False).code
    n_units = int(code.max()) + 1
    if n_units < folds:
        raise InputError(f"folds: {n_units} clusters ({name}) cannot make {folds} parts; ask for fewer parts")
    happened = tte.any_exit if of == "any exit" or len(tte.causes) == 1 else tte.event
    weight = tte.weight if tte.weight_kind == "frequency" else np.ones(tte.n)
    events = np.bincount(code, happened * weight, n_units)
    if events.sum() < _LEAST_EVENTS * folds:
        raise InputError(
            f"folds: {int(events.sum())} events make fewer than {_LEAST_EVENTS} in each of {folds} parts; nothing could be told "
            "from so few. Ask for fewer parts, or wait for more events"
        )
    # Those with most events first, at random among equals, dealt out in turn: every part gets its share of events.
    order = np.lexsort((generator(seed).random(n_units), -events))
    part = np.empty(n_units, dtype=np.int64)
    part[order] = np.arange(n_units) % folds
    return part[code], name


def _fitted(fit_function: Callable[[TimeToEvent], Any], tte: TimeToEvent, where: str) -> Any:
    try:
        return fit_function(tte)
    except InputError as error:
        raise InputError(f"fit_function: {where} the model cannot be fitted: {error}") from error
