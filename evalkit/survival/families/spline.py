"""Natural cubic splines of log time: the baseline of Royston-Parmar models.

Not for covariates: `formula` has `bs` and `poly`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from evalkit.errors import InputError
from evalkit.survival.families.rows import Rows


@dataclass(frozen=True, eq=False)
class Basis:
    """Columns 1, log t and one per inner knot, linear beyond the outer knots.

    Parameters
    ----------
    knots : float array, shape (k + 2,)
        Log times, outer ones included.
    back : float array, shape (k + 2, k + 2)
        From the columns used in the search, orthonormal at the events, to those named here.

    Notes
    -----
    v_j(x) = (x - k_j)³₊ - l_j (x - k_min)³₊ - (1 - l_j)(x - k_max)³₊ with l_j = (k_max - k_j)/(k_max - k_min): Royston & Parmar
    (2002), Statistics in Medicine 21:2175-2197, eq. 3.
    """

    knots: np.ndarray
    back: np.ndarray

    def __call__(self, y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return the columns of the search at log times `y`, and their slopes by log time."""
        value, slope = self.plain(y)
        return value @ self.back, slope @ self.back

    def plain(self, y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return the columns as named, and their slopes."""
        low, high = self.knots[0], self.knots[-1]
        columns = [np.ones_like(y), y]
        slopes = [np.zeros_like(y), np.ones_like(y)]
        below, above = np.maximum(y - low, 0), np.maximum(y - high, 0)
        for knot in self.knots[1:-1]:
            part = (high - knot) / (high - low)
            up = np.maximum(y - knot, 0)
            columns.append(up**3 - part * below**3 - (1 - part) * above**3)
            slopes.append(3 * (up**2 - part * below**2 - (1 - part) * above**2))
        return np.column_stack(columns), np.column_stack(slopes)


def basis_of(rows: Rows, knots: int | Sequence[float], estimator: str) -> Basis:
    """Return the basis for these times: outer knots at the first and last event, inner ones at centiles of log event times.

    Parameters
    ----------
    rows : Rows
        Interval-known events stand at the middle of their interval.
    knots : int or list of times
        How many inner knots, or where.

    Raises
    ------
    InputError
        Too few distinct event times, or knots outside them.
    """
    ended = rows.ended
    when = (rows.lower[ended] + rows.upper[ended]) / 2
    y = np.log(when)
    if rows.weight_kind == "frequency":
        y = np.repeat(y, rows.weight[ended].astype(np.int64))
    distinct = len(np.unique(y))
    count = knots if isinstance(knots, int | np.integer) else len(knots)
    if count < 0 or distinct < count + 2:
        raise InputError(
            f"{estimator}: {count} inner knots need at least {max(count, 0) + 2} distinct event times, but there are {distinct}; "
            "use fewer knots"
        )
    if isinstance(knots, int | np.integer):
        inner = np.quantile(y, np.arange(1, count + 1) / (count + 1))
    else:
        given = np.sort(np.asarray(knots, dtype=float))
        if not (given > 0).all():
            raise InputError(f"knots: must be times above 0, but were {given.tolist()}")
        inner = np.log(given)
    every = np.concatenate([[y.min()], inner, [y.max()]])
    if (np.diff(every) <= 0).any():
        raise InputError(
            f"knots: must be distinct and lie between the first and last event ({np.exp(y.min()):g} and {np.exp(y.max()):g}), but "
            f"were {np.exp(inner).tolist()}; use fewer, or say where"
        )
    plain = Basis(every, np.eye(count + 2))
    columns, _ = plain.plain(y)
    # Scaled so that rounding does not grow with the knots.
    upper = np.linalg.qr(columns, mode="r") / np.sqrt(len(y))
    return Basis(every, np.linalg.inv(upper))
