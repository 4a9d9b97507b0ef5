"""Cox models of an event that may come again: its rate at any time, or the next one after so many.

Not a fit of its own: `cox` maximises, this room makes the rows, the strata and the variance it needs, and says what a ratio means.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from evalkit.disclosure import Headcount
from evalkit.errors import InputError
from evalkit.formula import design
from evalkit.survival.core.sample import accept, cause_of_interest
from evalkit.survival.curves.readings import both
from evalkit.survival.proportional.fit import cox
from evalkit.survival.proportional.result import CoxFit
from evalkit.survival.proportional.table import left_out
from evalkit.survival.recurrent.histories import constant, people
from evalkit.survival.recurrent.running import within
from evalkit.timetoevent import TimeToEvent
from evalkit.wording import Message, message

CLOCKS = ("total", "gap")
EFFECTS = ("common", "by_episode")
#: The covariate that holds the episode, and the number of events under which an episode is called sparse.
EPISODE, _SPARSE = "episode_number", 10


def andersen_gill(
    tte: TimeToEvent,
    formula: str,
    ties: str = "efron",
    strata: str | Sequence[str] | None = None,
    cluster: str | None = None,
    of: str | None = None,
    missing: str = "error",
    conf_level: float = 0.95,
) -> CoxFit:
    """Fit the rate of an event that may come again, whatever came before.

    Parameters
    ----------
    tte : TimeToEvent
        With ids. Between two rows a person is not at risk.
    formula, ties, strata, of, missing, conf_level
        As in `cox`. Other exits than the event end a row; whoever comes back is at risk again.
    cluster : str, optional
        Covariate whose groups are independent, when coarser than people; people are otherwise.

    Returns
    -------
    CoxFit
        With robust standard errors: those of the model take a person's events as independent.

    Raises
    ------
    InputError
        No ids; the gap clock; a person in two clusters; as `cox`.

    Notes
    -----
    Andersen & Gill (1982) with the robust variance of Lin, Wei, Yang & Ying (2000): log ratios of rates among those at risk, averaged
    over histories. R: ``coxph(Surv(start, stop, event) ~ x, cluster = id)``. Frequency weights count people with the same rows.

    Examples
    --------
    >>> rows = pd.DataFrame({"helped": [1, 1, 0, 0, 1, 0, 0, 1]})
    >>> tte = TimeToEvent(
    ...     time=[4, 9, 2, 7, 8, 3, 6, 5], cause=[1, 0, 1, 1, 0, 1, 0, 1], entry=[0, 5, 0, 3, 0, 0, 3, 0],
    ...     id=list("aabbcddf"), causes=("relapse",), covariates=rows,
    ... )
    >>> andersen_gill(tte, "helped").tidy(exponentiate=True)[["term", "estimate"]].round(3).to_numpy().tolist()
    [['helped', 0.391]]
    """
    tte = accept(tte, "andersen_gill")
    tte, who, n = _people(tte, "andersen_gill")
    fit = cox(
        tte, formula, ties, strata, **_variance(tte, who, n, cluster, "andersen_gill"), of=of, missing=missing,
        conf_level=conf_level,
    )  # fmt: skip
    event = _events(tte, of)
    said = [message("survival_recurrent.marginal_rate")]
    if len(np.unique(who[event])) == event.sum():
        said.append(message("survival_recurrent.never_again"))
    return _named(fit, "question_andersen_gill", said)


def pwp(
    tte: TimeToEvent,
    formula: str,
    clock: str = "total",
    effects: str = "common",
    pool_after: int | None = None,
    ties: str = "efron",
    strata: str | Sequence[str] | None = None,
    cluster: str | None = None,
    of: str | None = None,
    missing: str = "error",
    conf_level: float = 0.95,
) -> CoxFit:
    """Fit the time to the next event, each episode (first, second … event awaited) with a baseline of its own.

    Parameters
    ----------
    tte : TimeToEvent
        With ids, on the entry or calendar clock: episodes are numbered from the order of rows. All rows of a person, from the first.
    formula, ties, strata, of, missing, conf_level
        As in `cox`.
    clock : {"total", "gap"}
        "total": time from the origin; "gap": time from the first day at risk of the episode (an absence within an episode
        lets time pass, out of risk).
    effects : {"common", "by_episode"}
        One effect for all episodes, or one per episode: terms ``x:episode 2``.
    pool_after : int, optional
        Episodes after this number share one baseline; each has its own otherwise.
    cluster : str, optional
        As in `andersen_gill`.

    Returns
    -------
    CoxFit
        With robust standard errors.

    Raises
    ------
    InputError
        As `andersen_gill`; a covariate called ``episode_number``.

    Notes
    -----
    Prentice, Williams & Peterson (1981). R: ``coxph(Surv(start, stop, event) ~ x + strata(episode), cluster = id)``, with
    ``Surv(start - begun, stop - begun, event)`` on the gap clock. A stay that `Endpoint` begins half a day early, so that its first
    day is at risk, begins on that day on the gap clock, as ``Endpoint(clock="gap")`` counts it.

    Examples
    --------
    >>> rows = pd.DataFrame({"helped": [1, 1, 0, 0, 1, 0, 0, 1]})
    >>> tte = TimeToEvent(
    ...     time=[4, 9, 2, 7, 8, 3, 6, 5], cause=[1, 1, 1, 1, 0, 1, 0, 1], entry=[0, 5, 0, 3, 0, 0, 3, 0],
    ...     id=list("aabbcddf"), causes=("relapse",), covariates=rows,
    ... )
    >>> pwp(tte, "helped", clock="gap").tidy(exponentiate=True)[["term", "estimate"]].round(3).to_numpy().tolist()
    [['helped', 0.218]]
    """
    tte = accept(tte, "pwp")
    for name, value, allowed in (("clock", clock, CLOCKS), ("effects", effects, EFFECTS)):
        if value not in allowed:
            raise InputError(f"{name}: must be one of {', '.join(allowed)}, but was {value!r}")
    if pool_after is not None and not (isinstance(pool_after, int | np.integer) and pool_after >= 1):
        raise InputError(f"pool_after: must be a whole number, 1 or more, but was {pool_after!r}")
    if EPISODE in tte.covariates:
        raise InputError(f"covariates: {EPISODE!r} is what pwp calls the episode; rename the covariate")
    tte, who, n = _people(tte, "pwp")
    event = _events(tte, of)
    if not event.any():
        raise InputError(f"pwp: no event among {tte.n} rows; without an event no hazard can be compared")
    episode = episodes(tte, who, event)
    said = [message(f"survival_recurrent.conditional_{clock}"), *_about(episode, event, pool_after)]
    if clock == "gap":
        tte = _from_episode(tte, who, episode)
    if pool_after is not None:
        episode = np.minimum(episode, pool_after + 1)
    within_strata = _strata(tte, strata)
    if strata is None and tte.stratum is not None:
        tte = tte.with_covariates(pd.DataFrame({"stratum": tte.stratum}))
    tte = tte.with_covariates(pd.DataFrame({EPISODE: episode}))
    terms = None
    if effects == "by_episode":
        made = design(formula, tte.covariates, missing)
        said += left_out(tte, made)
        if not made.kept.all():
            tte, event, who = tte.subset(made.kept), event[made.kept], who[made.kept]
        tte, formula = _by_episode(tte, made.matrix, made.terms, event, pool_after)
        terms = list(made.variables)
    fit = cox(
        tte, formula, ties, [*within_strata, EPISODE], **_variance(tte, who, n, cluster, "pwp"), of=of, missing=missing,
        conf_level=conf_level,
    )  # fmt: skip
    return _named(fit, "question_pwp", said, terms)


def episodes(tte: TimeToEvent, who: np.ndarray, event: np.ndarray) -> np.ndarray:
    """Return the number of each row's episode: 1 and the events of the person before it.

    Examples
    --------
    >>> tte = TimeToEvent(time=[4, 9, 2], cause=[1, 0, 1], entry=[0, 5, 0], id=list("aab"), causes=("relapse",))
    >>> episodes(tte, np.array([0, 0, 1]), tte.cause == 1).tolist()
    [1, 2, 1]
    """
    order = np.lexsort((tte.time, who))
    passed = within(event[order][None, :].astype(np.int64), who[order])[0] - event[order]
    out = np.empty(tte.n, dtype=np.int64)
    out[order] = 1 + passed
    return out


def _people(tte: TimeToEvent, estimator: str) -> tuple[TimeToEvent, np.ndarray, int]:
    """Return the rows and whose they are; people counted by a frequency weight written out, each independent of the others."""
    who, n = people(tte, estimator)
    if tte.weight_kind != "frequency" or n == tte.n:
        return tte, who, n
    count = constant(tte.weight, who, n, "weight", estimator)[who].astype(np.int64)
    source = np.repeat(np.arange(tte.n), count)
    copy = np.arange(len(source)) - np.repeat(np.cumsum(count) - count, count)
    ids = tte.id[source].astype(object)
    ids[copy > 0] = [f"{i}#{c + 1}" for i, c in zip(ids[copy > 0], copy[copy > 0], strict=True)]
    kept = {
        name: None if (value := getattr(tte, name)) is None else value[source]
        for name in ("time", "cause", "entry", "stratum")
    }
    written = dataclasses.replace(
        tte, **kept, id=ids, weight=None, weight_kind=None,
        covariates=tte.covariates.iloc[source].reset_index(drop=True),
    )  # fmt: skip
    who = who[source] * (int(count.max()) + 1) + copy
    found, who = np.unique(who, return_inverse=True)
    return written, who, len(found)


def _events(tte: TimeToEvent, of: str | None) -> np.ndarray:
    exits, _, _ = cause_of_interest(tte, tte.causes[0] if of is None else of, "of")
    return exits > 0


def _variance(
    tte: TimeToEvent, who: np.ndarray, n: int, cluster: str | None, estimator: str
) -> dict[str, Any]:
    """Return what asks `cox` for a variance robust to dependence within people, or within coarser clusters."""
    if cluster is None or (cluster == "id" and "id" not in tte.covariates):
        return {"robust": True}
    if cluster in tte.covariates:
        code = pd.factorize(tte.covariates[cluster])[0]
        constant(code, who, n, f"cluster: {cluster}", estimator)
    return {"cluster": cluster}


def _strata(tte: TimeToEvent, strata: str | Sequence[str] | None) -> list[str]:
    if strata is None:
        return ["stratum"] if tte.stratum is not None else []
    return [strata] if isinstance(strata, str) else list(strata)


def _from_episode(tte: TimeToEvent, who: np.ndarray, episode: np.ndarray) -> TimeToEvent:
    """Return the rows on the gap clock: time from the first day at risk of each episode."""
    entry = np.zeros(tte.n) if tte.entry is None else tte.entry
    # Half a day before a whole one: how `Endpoint` puts the first day of a stay at risk.
    half = (entry % 1 == 0.5) & np.array_equal(tte.time, np.rint(tte.time))
    order = np.lexsort((tte.time, episode, who))
    first = np.append(True, (np.diff(who[order]) != 0) | (np.diff(episode[order]) != 0))
    begun = np.empty(tte.n)
    begun[order] = np.where(half, entry + 0.5, entry)[order][first][np.cumsum(first) - 1]
    # A later stay of the episode keeps its half day; what is taken from the first one is not made up.
    shifted = np.maximum(entry - begun, 0.0)
    return dataclasses.replace(tte, time=tte.time - begun, entry=shifted, clock="gap")


def _by_episode(
    tte: TimeToEvent, matrix: np.ndarray, terms: Sequence[str], event: np.ndarray, pool_after: int | None
) -> tuple[TimeToEvent, str]:
    """Return the rows with each term cut into one per episode that has events, and the formula of these terms."""
    episode = tte.covariates[EPISODE].to_numpy()
    columns = {}
    for number in np.unique(episode[event]):
        pooled = "+" if pool_after is not None and number > pool_after else ""
        for k, term in enumerate(terms):
            columns[f"{term}:episode {number}{pooled}"] = np.where(episode == number, matrix[:, k], 0.0)
    return tte.with_covariates(pd.DataFrame(columns)), " + ".join(f"`{name}`" for name in columns)


def _about(episode: np.ndarray, event: np.ndarray, pool_after: int | None) -> list[Message]:
    """Return what is said of the episodes."""
    last = int(episode.max())
    said = [message("survival_recurrent.episodes", n_episodes=last)]
    per_episode = np.bincount(episode[event], minlength=last + 1)
    if per_episode[2:].sum() == 0:
        said.append(message("survival_recurrent.never_again"))
    if pool_after is not None and last > pool_after + 1:
        said.append(message(
            "survival_recurrent.pooled", first=pool_after + 1, n_events=Headcount(int(per_episode[pool_after + 1 :].sum())),
            n_episodes=last - pool_after,
        ))  # fmt: skip
    sparse = np.flatnonzero(per_episode[1:] < _SPARSE) + 1
    if pool_after is None and len(sparse):
        said.append(message("survival_recurrent.sparse_episode", first=int(sparse[0])))
    return said


def _named(fit: CoxFit, question: str, said: list[Message], terms: list[str] | None = None) -> CoxFit:
    """Return the fit with the question and the words of a model of repeated events."""
    values = dict(fit.question.values)
    # Strata are named without the episode, which has a sentence of its own.
    kept = []
    for caveat in fit.caveats:
        if caveat.key == "survival.stratified":
            named = [name for name in caveat.values["strata"] if name != EPISODE]
            kept += [message("survival.stratified", strata=named)] if named else []
        else:
            kept.append(caveat)
    asked = message(
        f"survival_recurrent.{question}",
        event=values["event"],
        terms=values["terms"] if terms is None else terms,
    )
    labels = {**fit.labels, EPISODE: both(f"survival_recurrent.{EPISODE}")}
    return dataclasses.replace(fit, question=asked, caveats=(*said, *kept), labels=labels)
