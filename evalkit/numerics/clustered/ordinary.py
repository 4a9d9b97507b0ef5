"""Least squares, weighted or not, with standard errors for clusters (CR0-CR3) or for people on their own (HC0-HC3).

Not for outcomes that need a link: give the derivative and working weights of such a fit to `sandwich`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from evalkit.errors import InputError
from evalkit.numerics.arguments import one_of
from evalkit.numerics.clustered.robust import Robust
from evalkit.numerics.clustered.sandwich import KINDS, independent, sandwich

#: What each standard error for people on their own is, when everybody is a cluster.
_ALONE = {"HC0": "CR0", "HC1": "CR1S", "HC2": "CR2", "HC3": "CR3"}


@dataclass(frozen=True, eq=False)
class LeastSquares(Robust):
    """A least-squares fit; ``contrast`` and ``wald`` as in `Robust`.

    Parameters
    ----------
    residual : float array, shape (n rows given,)
    rank : int
        Columns with a coefficient of their own.
    """

    residual: np.ndarray
    rank: int


def least_squares(
    y: np.ndarray,
    x: np.ndarray,
    weights: np.ndarray | None = None,
    cluster: Sequence[Any] | None = None,
    kind: str | None = None,
    *,
    names: Sequence[str] | None = None,
    weights_are: str = "sampling",
) -> LeastSquares:
    """Fit y on the columns of x, the intercept being one of them.

    Parameters
    ----------
    y : float array, shape (n,)
    x : float array, shape (n, p)
    weights : float array, shape (n,), optional
        Not negative; rows of weight 0 are left out.
    cluster : sequence, length n, optional
    kind : str, optional
        With clusters CR0, CR1, CR1S, CR2 (default), CR3 or KC; without, HC0, HC1, HC2 (default) or HC3.
    names : sequence of str, optional
    weights_are : {"sampling", "precision"}
        How many others a row stands for: all rows are taken to vary alike (as R's clubSandwich does). Or the inverse of each row's
        variance (as R's sandwich and estimatr do for HC2). Of no consequence for CR0, CR1 and CR3.

    Returns
    -------
    LeastSquares
        Degrees of freedom are Satterthwaite's for every kind; for HC2 they are Bell and McCaffrey's.

    Raises
    ------
    InputError
        Lengths that differ, values that are no finite numbers, an unknown kind, and what `sandwich` refuses.

    References
    ----------
    Bell & McCaffrey (2002), Survey Methodology 28:169; Imbens & Kolesár (2016), Review of Economics and Statistics 98:701;
    MacKinnon & White (1985), Journal of Econometrics 29:305.

    Examples
    --------
    Two groups of people: HC2 is the variance of Welch's test.

    >>> y, treated = np.array([1.0, 2, 3, 2, 4, 6, 8]), np.array([0.0, 0, 0, 1, 1, 1, 1])
    >>> effect = least_squares(y, np.column_stack([np.ones(7), treated])).contrast([0, 1])
    >>> round(effect.estimate, 3), round(effect.std_error, 3), round(effect.df, 3)
    (3.0, 1.414, 4.455)
    """
    one_of(weights_are, ("sampling", "precision"), "weights_are")
    y, x = np.asarray(y, dtype=float), np.asarray(x, dtype=float)
    if y.ndim != 1 or x.ndim != 2 or len(x) != len(y):
        raise InputError(f"least_squares: y has shape {y.shape} and x {x.shape}; they need as many rows")
    if not (np.isfinite(y).all() and np.isfinite(x).all()):
        raise InputError(
            "least_squares: y or x holds values that are no finite numbers; leave those rows out first"
        )
    w = np.ones(len(y)) if weights is None else np.asarray(weights, dtype=float)
    if w.shape != y.shape or not np.isfinite(w).all() or (w < 0).any() or not w.any():
        raise InputError("weights: one finite number per row, none negative, some above 0")
    alone = cluster is None
    kind = ("HC2" if alone else "CR2") if kind is None else one_of(kind, _ALONE if alone else KINDS, "kind")
    root = np.sqrt(w)
    kept, _ = independent(root[:, None] * x)
    coef = np.zeros(x.shape[1])
    coef[kept] = np.linalg.lstsq(root[:, None] * x[:, kept], root * y, rcond=None)[0]
    residual = y - x @ coef
    made = sandwich(
        x,
        residual,
        np.arange(len(y)) if alone else cluster,
        coef=coef,
        kind=_ALONE[kind] if alone else kind,
        weight=w,
        target=np.ones(len(y)) if weights_are == "sampling" else None,
        names=names,
        scale=np.abs(x[:, kept]) @ np.abs(coef[kept]) + np.abs(y),
    )
    return LeastSquares(**{**vars(made), "kind": kind}, residual=residual, rank=int(made.estimable.sum()))
