"""Columns of a model as a search wants them: where they lie, how far they reach, and how far a step moves people.

Not a design: `formula` makes the columns.
"""

from __future__ import annotations

import numpy as np

#: So many rows tell where a column lies.
_TELLING = 65536


def prepared(matrix: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return the matrix, its centre and its scale; centred beforehand where an offset would eat the digits."""
    # Centre and scale only keep digits: some rows of a long column tell them, unless it hardly varies there.
    every = max(1, len(matrix) // _TELLING)
    found = [_middle(column[::every]) or _middle(column, True) for column in matrix.T]
    centre, scale = np.array(found).reshape(-1, 2).T
    if (np.abs(centre) > 100 * scale).any():
        return np.asfortranarray(matrix - centre), np.zeros(len(centre)), scale
    # Nothing is gained by moving columns that lie about 0.
    return matrix, np.where(np.abs(centre) <= scale, 0.0, centre), scale


def _middle(column: np.ndarray, every_row: bool = False) -> tuple[float, float] | None:
    """Return mean and deviation of a column; None when its deviation is lost in its size, unless every row must be used."""
    mean = float(column.mean())
    square = float(column @ column) / len(column) - mean**2
    if square > 1e-4 * mean**2:
        return mean, float(np.sqrt(square))
    if not every_row:
        return None
    # An offset has eaten the digits: deviations first. A constant column is found by its range.
    return mean, 0.0 if column.min() == column.max() else float(column.std())


def reach(matrix: np.ndarray, step: np.ndarray) -> float:
    """Return how far apart a change of coefficients moves the linear predictors of people."""
    moved = matrix @ step
    return float(moved.max() - moved.min())
