"""What a Cox fit reports: one row per term, with its reason when it cannot be estimated, and what the fit says about itself.

Not the fit: `proportional.cox` makes it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from evalkit.disclosure import Headcount
from evalkit.formula import Design
from evalkit.numerics.normal import two_sided_p, z_value
from evalkit.spells import pseudonym
from evalkit.survival.core.sample import label_of
from evalkit.survival.proportional.firth import Penalised
from evalkit.survival.proportional.fitted import Fitted
from evalkit.survival.proportional.newton import Maximum
from evalkit.survival.proportional.profile import Plain, profiles
from evalkit.timetoevent import TimeToEvent
from evalkit.wording import Message, message


def tabulate(
    fitted: Fitted, unknown: Mapping[int, Message], scale: np.ndarray, conf: str, conf_level: float
) -> pd.DataFrame:
    """Return the table of terms on the log scale.

    Parameters
    ----------
    fitted : Fitted
    unknown : mapping of int to Message
        Columns whose robust variance cannot be estimated.
    scale : float array, shape (p,)
        A typical deviation of each column, 0 for a constant one.
    conf : {"wald", "profile"}
    conf_level : float
    """
    top, terms = fitted.top, fitted.design.terms
    estimate = np.where(np.isnan(np.diag(top.covariance)), np.nan, top.beta)
    error = np.sqrt(np.diag(fitted.covariance))
    z = z_value(conf_level)
    statistic, low, high = estimate / error, estimate - z * error, estimate + z * error
    if conf == "profile":
        objective = Penalised(fitted.likelihood) if fitted.penalised else Plain(fitted.likelihood)
        statistic, low, high = profiles(objective, top, z)
    reasons = [_reason(fitted, k, unknown, scale) for k in range(len(terms))]
    n, n_event = sizes(fitted.design.matrix, fitted.event, fitted.tte)
    return pd.DataFrame({
        "term": np.array(terms, dtype=object),
        "estimate": estimate,
        "std_error": error,
        "statistic": statistic,
        "p_value": two_sided_p(statistic),
        "conf_low": low,
        "conf_high": high,
        "conf_level": conf_level,
        "n": n,
        "n_event": n_event,
        "status": np.array(["ok" if reason is None else "not_estimable" for reason in reasons], dtype=object),
        "reason": np.array([*reasons, None], dtype=object)[:-1],
    })  # fmt: skip


def _reason(fitted: Fitted, k: int, unknown: Mapping[int, Message], scale: np.ndarray) -> Message | None:
    top, terms = fitted.top, fitted.design.terms
    if scale[k] == 0:
        return message("survival.constant", value=float(fitted.design.matrix[0, k]))
    if k in top.aliased:
        others = [terms[j] for j in top.aliased[k]]
        return message("survival.aliased", others=others) if others else message("survival.constant_at_risk")
    if k in top.emptied:
        return message("survival.emptied", others=[terms[j] for j in top.emptied[k]])
    if k in top.runaway:
        return message(f"survival_proportional.monotone_{'up' if top.runaway[k] > 0 else 'down'}")
    return unknown.get(k)


def sizes(matrix: np.ndarray, event: np.ndarray, tte: TimeToEvent) -> tuple[np.ndarray, np.ndarray]:
    """Return people and events behind each column: those with the value 1 for a yes/no column, all for a number."""
    count = tte.weight if tte.weight_kind == "frequency" else np.ones(tte.n)
    # Of a person with several rows only the first with the value counts.
    who = None if tte.id is None or pd.Index(tte.id).is_unique else pd.Series(tte.id)
    p = matrix.shape[1]
    n = np.full(p, count.sum() if who is None else count[~who.duplicated().to_numpy()].sum())
    died = count * event
    n_event = np.full(p, died.sum())
    for k in range(p):
        column = matrix[:, k]
        head = column[:1000]
        if ((head == 0) | (head == 1)).all() and ((column == 0) | (column == 1)).all():
            n_event[k] = column @ died
            if who is None:
                n[k] = column @ count
            else:
                rows = np.flatnonzero(column)
                n[k] = count[rows[~who.iloc[rows].duplicated().to_numpy()]].sum()
    return n, n_event


def concerned(matrix: np.ndarray, event: np.ndarray, tte: TimeToEvent) -> np.ndarray | None:
    """Return how many people had the events behind each column; None where nobody has two."""
    if tte.id is None or not event.any() or pd.Index(tte.id[event]).is_unique:
        return None
    # Events are rows: the people of these rows are who had them.
    return sizes(matrix[event], event[event], tte.subset(event))[0]


def variables(terms: Sequence[object], *keys: Sequence[object]) -> list[tuple[object, ...]]:
    """Return what each term is a level of: what stands before its last bracket, apart in each part of a model.

    Examples
    --------
    >>> variables(["age", "site[b]", "site[c]", "helped:site[b]"])
    [('age',), ('site',), ('site',), ('helped:site[b]',)]
    """
    names = [str(t) if ":" in str(t) else str(t).partition("[")[0] for t in terms]
    return list(zip(names, *keys, strict=True))


def left_out(tte: TimeToEvent, made: Design) -> list[Message]:
    """Return who was dropped because something of the formula is missing, by pseudonym."""
    return dropped(tte, made.kept, list(made.missing))


def dropped(tte: TimeToEvent, kept: np.ndarray, columns: list[str]) -> list[Message]:
    """Return who was dropped because one of these columns is missing, by pseudonym."""
    if kept.all():
        return []
    gone = np.flatnonzero(~kept)
    people = pd.unique(tte.id[gone]) if tte.id is not None else gone
    shown = [pseudonym(person) for person in people[:10]]
    return [message(
        "survival.dropped_missing", n=Headcount(len(people)), columns=columns,
        people=", ".join(shown) + (", …" if len(people) > 10 else ""),
    )]  # fmt: skip


def said_of(
    tte: TimeToEvent,
    made: Design,
    top: Maximum,
    of: str,
    event: Any,
    strata: Sequence[str],
    exits: np.ndarray,
    independent: bool,
) -> list[Message]:
    """Return what the fit must say about itself."""
    said = []
    if len(tte.causes) > 1 and of != "any exit":
        others = [label_of(tte, c) for c in tte.causes if c != of]
        said.append(message("survival.cause_specific", event=event, others=others))
    if made.references:
        said.append(message("survival.reference", levels=[f"{c} = {v}" for c, v in made.references.items()]))
    if strata:
        said.append(message("survival.stratified", strata=list(strata)))
    if top.runaway:
        said.append(message("survival.separation", terms=[made.terms[k] for k in top.runaway]))
    if independent and tte.id is not None and not pd.Index(tte.id[exits > 0]).is_unique:
        said.append(message("survival.repeated_events"))
    n_terms = int((~np.isnan(np.diag(top.covariance))).sum())
    n_events = int(exits.sum() if tte.weight_kind != "frequency" else tte.weight[exits > 0].sum())
    if n_events < 10 * n_terms:
        said.append(message("survival.few_events", n_events=Headcount(n_events), n_terms=n_terms))
    return said


def clustered(name: str, n: int) -> list[Message]:
    """Return what a robust variance takes as independent."""
    if not name:
        return [message("survival.robust")]
    said = [message("survival.clustered", n_clusters=n, cluster=name)]
    return said + ([message("survival.few_clusters", n_clusters=n)] if 2 < n < 30 else [])
