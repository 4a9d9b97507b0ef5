"""Whether those said to be at higher risk do leave sooner: concordance of Harrell and of Uno, area under the ROC curve at a time.

Not calibration: risks all twice too high rank just as well.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable
from typing import Any

import numpy as np
import pandas as pd

from evalkit.errors import InputError
from evalkit.numerics.normal import z_value
from evalkit.numerics.ordering import weight_below
from evalkit.result import Result
from evalkit.survival.core.sample import accept, cause_of_interest, caveats, label_of
from evalkit.survival.curves.readings import both, labels_of
from evalkit.survival.proportional.ranking import concordance as harrell
from evalkit.survival.proportional.result import CoxFit
from evalkit.survival.proportional.robust import find_clusters
from evalkit.survival.validating.predicting import SCORED, Asked, Scores, fitted_on, linear_predictor
from evalkit.timetoevent import TimeToEvent
from evalkit.wording import Message, message

KINDS = ("harrell", "uno", "auc")


def concordance(
    model: Any,
    tte: TimeToEvent,
    kind: str = "harrell",
    tau: float | None = None,
    times: float | Iterable[float] | None = None,
    of: str | None = None,
    given: str = "survival",
    cluster: str | None = None,
    conf_level: float = 0.95,
) -> Result:
    """Return how often the one with the higher predicted risk leaves sooner.

    Parameters
    ----------
    model : fit, array or function
        A Cox fit, or one number per person, the higher the sooner. For "auc" what `brier_score` takes. Another fit for "harrell"
        and "uno" is ranked by its prediction at `times` (one time).
    tte : TimeToEvent
        The people it is held against.
    kind : {"harrell", "uno", "auc"}
        "harrell": pairs whose order is known; "uno": the same weighted so that censoring does not matter; "auc": those gone by a time
        against those who are not.
    tau : number, optional
        For "harrell" and "uno": only exits up to then.
    times : number or list of numbers, optional
        For "auc".
    of, given
        As in `brier_score`; for "harrell" and "uno" other exits are taken as censoring.
    cluster : str, optional
        Covariate whose groups are independent.
    conf_level : float

    Returns
    -------
    Result
        One row, or one per time. The interval is on the logit scale.

    Raises
    ------
    InputError
        Delayed entry, except for "harrell"; numbers missing.

    Notes
    -----
    Harrell et al. (1982), as R's ``concordance``; Uno et al. (2011), Stat. Med. 30:1105, the estimate that of ``concordance(timewt =
    "n/G2")``, whose standard error takes G as known while this one counts its estimation; Uno et al. (2007), JASA 102:527, and
    Blanche et al. (2013), Stat. Med. 32:5381, for "auc", equal to ``riskRegression::Score``.

    Examples
    --------
    >>> tte = TimeToEvent(time=[2, 3, 4, 5, 6], cause=[1, 0, 1, 1, 0], causes=("relapse",))
    >>> concordance([3.0, 2.5, 1.0, 2.0, 0.5], tte).tidy()["estimate"].round(3).tolist()
    [0.857]
    """
    if kind not in KINDS:
        raise InputError(f"kind: must be one of {', '.join(KINDS)}, but was {kind!r}")
    tte = accept(tte, "concordance")
    if kind == "auc":
        if tau is not None:
            raise InputError("tau: not for kind='auc', which is asked at times=")
        return _areas(model, tte, times, of, given, cluster, conf_level)
    of = tte.causes[0] if of is None else of
    exits, event, _ = cause_of_interest(tte, of, "concordance")
    said = caveats(tte, repeated=False)
    if len(tte.causes) > 1 and of != "any exit":
        others = [label_of(tte, c) for c in tte.causes if c != of]
        said.append(message("survival_validating.cause_censored", others=others))
    if fitted_on(model, tte):
        said.append(message("survival_validating.same_people"))
    if tau is not None and not tau > 0:
        raise InputError(f"tau: must be after the origin, but was {tau}")
    if kind == "harrell":
        happened = (exits > 0) if tau is None else (exits > 0) & (tte.time <= tau)
        estimate, error = _harrell(model, tte, happened, times, given, cluster)
        said.append(message("survival_validating.harrell_follow_up"))
        n, n_event = _sizes(tte, happened)
    else:
        asked = Asked.of(None, _single(tte, exits), None, given, "concordance", cluster)
        estimate, influence = _uno(asked, _scores(model, asked.new, asked.n, times, given), tau)
        error = float(np.sqrt(asked.squared(influence)))
        said.append(message("survival_validating.independent_censoring"))
        last = np.inf if tau is None else tau
        n, n_event = asked.people(), asked.events(last)
    row = {
        "term": kind,
        **({} if tau is None else {"time": float(tau)}),
        "estimate": estimate,
        "std_error": error,
    }
    table = bounded(pd.DataFrame([row]), conf_level).assign(n=n, n_event=n_event)
    question = message("survival_validating.question_concordance", event=event)
    return _result(table, question, said, tte)


def _areas(
    model: Any,
    tte: TimeToEvent,
    times: Any,
    of: str | None,
    given: str,
    cluster: str | None,
    conf_level: float,
) -> Result:
    if times is None:
        raise InputError("times: say at which time or times for kind='auc'")
    asked = Asked.of(model, tte, of, given, "concordance", cluster)
    at = asked.within(times, "times")
    risk = asked.risk(at)
    rows = []
    for j, time in enumerate(at):
        estimate, influence = _auc(asked, risk[:, j], float(time))
        error = float(np.sqrt(asked.squared(influence)))
        rows.append({"term": "auc", "time": float(time), "estimate": estimate, "std_error": error, "n": asked.people(),
                     "n_event": asked.events(float(time))})  # fmt: skip
    said = [*asked.said, message("survival_validating.independent_censoring")]
    question = message("survival_validating.question_auc", event=asked.event)
    return _result(bounded(pd.DataFrame(rows), conf_level), question, said, tte)


def _result(table: pd.DataFrame, question: Message, said: list[Message], tte: TimeToEvent) -> Result:
    labels = labels_of(
        {**tte.labels, **{kind: both(f"survival_validating.{kind}") for kind in KINDS}}, tte.unit
    )
    return Scores(
        table[[c for c in SCORED if c in table]], question, tuple(said), tte.provenance, labels=labels
    )


def bounded(table: pd.DataFrame, conf_level: float) -> pd.DataFrame:
    """Return the table with bounds on the logit scale, or why there are none."""
    c, error = table["estimate"].to_numpy(), table["std_error"].to_numpy()
    known = (error > 1e-15) & (c > 0) & (c < 1)
    with np.errstate(divide="ignore", invalid="ignore"):
        centre, half = np.log(c / (1 - c)), z_value(conf_level) * error / (c * (1 - c))
        low, high = 1 / (1 + np.exp(half - centre)), 1 / (1 + np.exp(-half - centre))
    reasons = [
        None
        if k
        else message("survival_validating.no_pair" if np.isnan(e) else "survival_validating.nothing_varies")
        for k, e in zip(known, c, strict=True)
    ]
    return table.assign(
        std_error=np.where(known, error, np.nan), conf_low=np.where(known, low, np.nan), conf_high=np.where(known, high, np.nan),
        conf_level=conf_level, status=np.where(known, "ok", "not_estimable"), reason=reasons,
    )  # fmt: skip


def _harrell(
    model: Any, tte: TimeToEvent, happened: np.ndarray, times: Any, given: str, cluster: str | None
) -> tuple[float, float]:
    score = _scores(model, tte.covariates, tte.n, times, given)
    stratum = None
    if isinstance(model, CoxFit) and model.strata:
        stratum = pd.factorize(tte.covariates[list(model.strata)].apply(tuple, axis=1))[0]
    clusters = find_clusters(tte, cluster, robust=cluster is None and tte.id is not None)
    found = harrell(
        score, tte.time, happened, tte.entry, tte.weight, stratum, None if clusters is None else clusters.code,
        tte.weight_kind == "frequency",
    )  # fmt: skip
    return found.estimate, found.std_error


def _uno(asked: Asked, score: np.ndarray, tau: float | None) -> tuple[float, np.ndarray]:
    """Return Uno's concordance and what each row moves in it, its weight included."""
    estimate, as_event, as_other = uno_parts(asked, score, tau)
    return estimate, as_event + as_other + asked.weight * asked.censoring.correction(2 * as_event)


def uno_parts(asked: Asked, score: np.ndarray, tau: float | None) -> tuple[float, np.ndarray, np.ndarray]:
    """Return Uno's concordance and what each row moves in it as the event of a pair and as the other, the weights of pairs known."""
    time, weight = asked.rows.time, asked.weight
    rank = np.unique(score, return_inverse=True)[1]
    event = np.flatnonzero((asked.rows.cause == 1) & (time <= (np.inf if tau is None else tau)))
    worth = weight[event] / asked.censoring.before_end()[event] ** 2
    is_event = asked.rows.cause > 0
    # Latest first; somebody censored on the day of an event was still there.
    order = np.lexsort((is_event, -time))
    key = -(2 * asked.censoring.place + ~is_event)[order]
    prefix = np.searchsorted(key, -(2 * asked.censoring.place + 1)[event], side="right")
    agree, every = _share(rank[order], weight[order], prefix, rank[event])
    total = float(worth @ every)
    if not total:
        return np.nan, np.full(asked.n, np.nan), np.full(asked.n, np.nan)
    estimate = float(worth @ agree) / total
    mass = np.zeros(asked.n)
    mass[event] = worth * (agree - estimate * every) / total
    # As those who stay: events before their end, on its day when they are censored.
    early = event[np.argsort(time[event], kind="stable")]
    weigh = weight[early] / asked.censoring.before_end()[early] ** 2
    upto = np.searchsorted(
        2 * asked.censoring.place[early] + 1, 2 * asked.censoring.place + ~is_event, side="right"
    )
    below, same = _share(rank[early], weigh, upto, rank)
    # An event below the one who stays is in the wrong order.
    stays = weight * ((same - below) - estimate * same) / total
    return estimate, mass, stays


def _auc(asked: Asked, risk: np.ndarray, time: float) -> tuple[float, np.ndarray]:
    """Return the area under the ROC curve at a time and what each row moves in it, its weight included."""
    known = asked.weight * asked.censoring.weights(time)
    case = asked.happened(time)
    control = ~case & (known > 0)
    rank = np.unique(risk, return_inverse=True)[1]
    both_sides = known[case].sum() * known[control].sum()
    if not both_sides:
        return np.nan, np.full(asked.n, np.nan)
    every = np.zeros(asked.n)
    agree = np.zeros(asked.n)
    for one, other, turned in ((case, control, False), (control, case, True)):
        whole = np.full(int(one.sum()), int(other.sum()))
        below, total = _share(rank[other], known[other], whole, rank[one])
        every[one], agree[one] = total, total - below if turned else below
    estimate = float(known[case] @ agree[case] / both_sides)
    mass = known * (agree - estimate * every) / both_sides
    return estimate, mass + asked.weight * asked.censoring.correction(mass, time)


def _share(
    rank: np.ndarray, weight: np.ndarray, prefix: np.ndarray, query: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Return the weight in each prefix below each query, ties counting half, and the weight of the prefix."""
    below, equal = weight_below(rank, weight, prefix, query)
    return below + equal / 2, np.concatenate([[0.0], np.cumsum(weight)])[prefix]


def _scores(model: Any, new: pd.DataFrame, n: int, times: Any, given: str) -> np.ndarray:
    """Return one number per person, the higher the sooner."""
    if isinstance(model, CoxFit):
        return linear_predictor(model, new)
    if hasattr(model, "predict"):
        if times is None or np.size(times) != 1:
            raise InputError("times: say at which one time this model's predictions rank people")
        made = model.predict(new, times)
        values = made.table["estimate"].to_numpy(dtype=float)
        return -values if getattr(made, "kind", "incidence") == "survival" else values
    values = np.asarray(model(new, times) if callable(model) else model, dtype=float)
    if values.shape != (n,):
        raise InputError(f"model: need one number for each of {n} people, but were of shape {values.shape}")
    if np.isnan(values).any():
        raise InputError(f"model: {int(np.isnan(values).sum())} of {n} numbers are missing")
    return values


def _single(tte: TimeToEvent, exits: np.ndarray) -> TimeToEvent:
    """Return the times with the exit looked at as the only one."""
    return tte if len(tte.causes) == 1 else dataclasses.replace(tte, cause=exits, causes=("exit",))


def _sizes(tte: TimeToEvent, happened: np.ndarray) -> tuple[float, float]:
    count = tte.weight if tte.weight_kind == "frequency" else np.ones(tte.n)
    who = np.ones(tte.n, dtype=bool) if tte.id is None else ~pd.Series(tte.id).duplicated().to_numpy()
    return float(count[who].sum()), float(count[happened].sum())
