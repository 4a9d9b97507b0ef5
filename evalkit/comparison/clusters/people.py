"""People in clusters read from a table: outcome, columns of the model, cluster, and who was left out.

Not for two groups: `groups.people` reads them.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from evalkit.comparison.core.people import binary_values, number_values, rows_of
from evalkit.disclosure import Headcount
from evalkit.errors import InputError
from evalkit.formula import Design, design, parse
from evalkit.wording import Message, message

FAMILIES = ("gaussian", "binomial", "poisson")


@dataclass(frozen=True, eq=False)
class Model:
    """What a regression over clusters reads.

    Parameters
    ----------
    outcome : float array, shape (n,)
    design : Design
        Columns without the constant.
    matrix : float array, shape (n, p)
        With the constant first.
    names : tuple of str
        Of the columns; the constant is "intercept".
    cluster : int array, shape (n,)
    treatment : str or None
        A 0/1 column of the model whose arms are counted.
    weights : float array, shape (n,), optional
    caveats : tuple of Message
    n_total : int
    """

    outcome: np.ndarray
    design: Design
    matrix: np.ndarray
    names: tuple[str, ...]
    cluster: np.ndarray
    treatment: str | None
    weights: np.ndarray | None
    caveats: tuple[Message, ...]
    n_total: int

    @property
    def treated(self) -> np.ndarray | None:
        """Who is treated, when the treatment is a 0/1 column."""
        if self.treatment is None:
            return None
        return self.matrix[:, self.names.index(self.treatment)] == 1


def read_model(
    data: Any,
    outcome: str,
    formula: str,
    cluster: str,
    function: str,
    *,
    family: str = "gaussian",
    weights: str | None = None,
    treatment: str | None = None,
    missing: str = "error",
) -> Model:
    """Return the rows of `data` that have everything.

    Parameters
    ----------
    treatment : str, optional
        Column of the formula whose clusters are counted by arm; default: the first, when it has two values.

    Raises
    ------
    InputError
        Columns absent or missing, an outcome not of the family, an outcome or cluster that is also in the formula, weights below 0.
    """
    for name, value in (("outcome", outcome), ("formula", formula), ("cluster", cluster)):
        if not isinstance(value, str):
            raise InputError(f"{function}: {name} must be a text, but was {value!r}")
    variables = list(dict.fromkeys(f.column for term in parse(formula) for f in term))
    if outcome in variables:
        raise InputError(f"{function}: {outcome!r} is both outcome and in the formula")
    columns = [outcome, *variables, cluster, *([] if weights is None else [weights])]
    frame, _, said = rows_of(data, columns, function, missing)
    read = binary_values if family == "binomial" else number_values
    y = read(_as_numbers(frame[outcome]) if family != "binomial" else frame[outcome], outcome, function)
    if family == "poisson" and (odd := int(((y < 0) | (y != np.rint(y))).sum())):
        raise InputError(
            f"{function}: {outcome} must hold counts (whole numbers, 0 or more), but {odd} of {len(y)} rows do not"
        )
    w = None if weights is None else number_values(frame[weights], weights, function)
    if w is not None:
        if (w < 0).any() or not w.any():
            raise InputError(
                f"{function}: {weights} is below 0 in {int((w < 0).sum())} of {len(w)} rows, or 0 in all; mend it"
            )
        said += _no_weight(w)
        frame, y, w = frame[w > 0], y[w > 0], w[w > 0]
    made = design(formula, frame)
    matrix = np.column_stack([np.ones(len(frame)), made.matrix])
    names = ("intercept", *made.terms)
    return Model(
        y, made, matrix, names, pd.factorize(frame[cluster])[0], _treatment(treatment, variables, made, function), w, said,
        len(data),
    )  # fmt: skip


def _no_weight(w: np.ndarray) -> tuple[Message, ...]:
    """Return that weights are taken as known, and how many rows count for nothing and are left out."""
    said = (message("comparison_clusters.sampling_weights"),)
    zero = int((w == 0).sum())
    return (*said, message("comparison_clusters.zero_weight", count=Headcount(zero))) if zero else said


def _as_numbers(values: pd.Series) -> pd.Series:
    """Return answers of True and False as 1 and 0."""
    return values.astype(float) if pd.api.types.is_bool_dtype(values) else values


def _treatment(asked: str | None, variables: list[str], made: Design, function: str) -> str | None:
    """Return the 0/1 column that says who is treated."""
    column = variables[0] if asked is None else asked
    if column not in variables:
        raise InputError(
            f"{function}: treatment={asked!r} is not in the formula, which has {', '.join(variables)}"
        )
    for term, matrix in zip(made.terms, made.matrix.T, strict=True):
        if (term == column or term.startswith(f"{column}[")) and set(np.unique(matrix)) == {0.0, 1.0}:
            others = [t for t in made.terms if t.startswith(f"{column}[")]
            if len(others) <= 1:
                return term
    if asked is not None:
        raise InputError(
            f"{function}: treatment={asked!r} must have exactly two values, 0 and 1 or two groups"
        )
    return None
