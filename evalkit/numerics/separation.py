"""Which coefficients of a logit, a log-linear or a conditional model have no finite estimate, found by linear programming.

Not a remedy: a penalised fit (`firth`) gives such a coefficient a finite estimate.
"""

from __future__ import annotations

import numpy as np

from evalkit.errors import InputError
from evalkit.numerics.arguments import one_of

#: A direction shorter than this, in columns scaled to 1, is rounding of the linear program.
_LEAST = 1e-6


def separated(x: np.ndarray, y: np.ndarray, family: str = "binomial") -> np.ndarray:
    """Return which columns have an infinite maximum-likelihood estimate because the data separate.

    Parameters
    ----------
    x : float array, shape (n, p)
        Columns of the model, the constant included.
    y : float array, shape (n,)
        Outcomes: 0 and 1, or counts.
    family : {"binomial", "poisson"}

    Returns
    -------
    bool array, shape (p,)
        All False when every estimate is finite. Columns that repeat others are not looked for.

    Raises
    ------
    InputError
        Not finite, shapes that do not match.

    References
    ----------
    Albert & Anderson (1984), Biometrika 71:1, theorem 1 and 2. Konis (2007), Linear programming algorithms for detecting separated
    data in binary logistic regression, chapter 4 (solved for each column, so that every separated one is found).

    Examples
    --------
    >>> x = np.column_stack([np.ones(6), [0, 0, 0, 1, 1, 1], [1, 2, 3, 1, 2, 3]])
    >>> separated(x, np.array([0, 1, 0, 1, 1, 1])).tolist()
    [False, True, False]
    """
    one_of(family, ("binomial", "poisson"), "family")
    x, y = np.asarray(x, dtype=float), np.asarray(y, dtype=float)
    if x.ndim != 2 or y.shape != (len(x),) or not (np.isfinite(x).all() and np.isfinite(y).all()):
        raise InputError("separated: x must be a matrix of finite numbers, and y as long as it has rows")
    if family == "binomial":
        return recession(x * np.where(y > 0, 1.0, -1.0)[:, None])[0]
    # A count of 0 is matched ever better the lower its mean; any other fixes its mean.
    return recession(-x[y == 0], x[y > 0])[0]


def recession(rows: np.ndarray, fixed: np.ndarray | None = None) -> tuple[np.ndarray, np.ndarray]:
    """Return where a likelihood rises for ever: columns that move in a direction d with rows·d ≥ 0 and fixed·d = 0.

    Parameters
    ----------
    rows : float array, shape (m, p)
    fixed : float array, shape (k, p), optional

    Returns
    -------
    columns : bool array, shape (p,)
        Columns that such a direction moves; directions that move no row at all (columns that repeat others) do not count.
    direction : float array, shape (p,)
        One such direction along which every row rises that can: those rows are explained perfectly, and tell nothing of the other
        columns. Zero when there is none.
    """
    from scipy.optimize import linprog

    m, p = rows.shape
    fixed = np.zeros((0, p)) if fixed is None else fixed
    scale = np.max(np.abs(np.vstack([rows, fixed])), axis=0, initial=0.0)
    scale[scale == 0] = 1.0
    a = np.unique(rows / scale, axis=0)
    b = np.unique(fixed / scale, axis=0)

    def furthest(objective: np.ndarray) -> np.ndarray:
        found = linprog(
            -objective, A_ub=-a if len(a) else None, b_ub=np.zeros(len(a)) if len(a) else None,
            A_eq=b if len(b) else None, b_eq=np.zeros(len(b)) if len(b) else None, bounds=(-1, 1), method="highs",
        )  # fmt: skip
        return found.x if found.x is not None else np.zeros(p)

    first = furthest(a.sum(axis=0))
    if m == 0 or (a @ first).max() <= _LEAST:
        return np.zeros(p, dtype=bool), np.zeros(p)
    columns, together = np.abs(first) > _LEAST, first
    for j in range(p):
        for sign in (1.0, -1.0):
            unit = np.zeros(p)
            unit[j] = sign
            direction = furthest(unit)
            if (a @ direction > _LEAST).any():
                columns |= np.abs(direction) > _LEAST
                together = together + direction
    # A vertex of the linear program may leave a row where another direction would raise it: ask for those left until none does.
    while (left := a @ together <= _LEAST).any():
        more = furthest(a[left].sum(axis=0))
        if (a[left] @ more).max() <= _LEAST:
            break
        columns |= np.abs(more) > _LEAST
        together = together + more
    return columns, together / scale
