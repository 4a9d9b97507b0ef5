"""What a subdistribution model needs of its columns and says of its rows: scaled columns, people behind a term, rows left out.

Not a fit.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from evalkit.disclosure import Headcount
from evalkit.formula import Design
from evalkit.spells import pseudonym
from evalkit.timetoevent import TimeToEvent
from evalkit.wording import Message, message


def prepared(matrix: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return the matrix, its centre and its scale (0 for a constant); centred where an offset would eat the digits."""
    centre, scale = matrix.mean(axis=0), np.empty(matrix.shape[1])
    for k, column in enumerate(matrix.T):
        scale[k] = 0.0 if column.min() == column.max() else float(np.std(column))
    if (np.abs(centre) > 100 * scale).any():
        return np.asfortranarray(matrix - centre), np.zeros(len(centre)), scale
    return matrix, centre, scale


def sizes(
    matrix: np.ndarray, event: np.ndarray, count: np.ndarray, id: np.ndarray | None
) -> tuple[np.ndarray, np.ndarray]:
    """Return people and events behind each term: those with the value 1 for a yes/no term, all for a number."""
    # Of a person with several episodes the first counts.
    first = np.ones(len(count)) if id is None else (~pd.Series(id).duplicated()).to_numpy(dtype=float)
    people, died = count * first, count * event
    p = matrix.shape[1]
    n, n_event = np.full(p, people.sum()), np.full(p, died.sum())
    for k, column in enumerate(matrix.T):
        # A look at the head spares reading the whole of most numbers.
        if np.isin(column[:1000], (0, 1)).all() and ((column == 0) | (column == 1)).all():
            n[k], n_event[k] = column @ people, column @ died
    return n, n_event


def left_out(tte: TimeToEvent, made: Design) -> list[Message]:
    """Return who was dropped because something is missing, by pseudonym."""
    if made.kept.all():
        return []
    gone = np.flatnonzero(~made.kept)
    people = pd.unique(tte.id[gone]) if tte.id is not None else gone
    shown = [pseudonym(person) for person in people[:10]]
    return [message(
        "survival.dropped_missing", n=Headcount(len(people)), columns=list(made.missing),
        people=", ".join(shown) + (", …" if len(people) > 10 else ""),
    )]  # fmt: skip
