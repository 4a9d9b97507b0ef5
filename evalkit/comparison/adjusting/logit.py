"""A logit fitted with weights, what each person moves in its coefficients, and the terms that separate.

Not a table of coefficients: the logit is only a step on the way. Firth's penalty is not used here: a chance pulled away from 0
would hide that somebody has no counterpart.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import special

from evalkit.comparison.adjusting.sample import NotEstimable, independent, standardised
from evalkit.disclosure import Headcount
from evalkit.numerics.separation import recession
from evalkit.wording import message

_MOST_STEPS = 60
#: A fitted chance this close to 0 or 1 makes one look for separation.
_SUSPECT = 1e-7
#: Below this a chance has no inverse.
_NONE = 1e-200


@dataclass(frozen=True, eq=False)
class Logit:
    """A fitted logit.

    Parameters
    ----------
    columns : float array, shape (n, q)
        A constant and the terms, standardised.
    chance : float array, shape (n,)
    linear : float array, shape (n,)
        Its logit.
    influence : float array, shape (n, q)
        What each person moves in the coefficients of `columns`.
    beta : float array, shape (q,)
        Coefficients of `columns`.
    centre, scale : float array, shape (q - 1,)
        What the terms were standardised with.
    """

    columns: np.ndarray
    chance: np.ndarray
    linear: np.ndarray
    influence: np.ndarray
    beta: np.ndarray
    centre: np.ndarray
    scale: np.ndarray

    def encode(self, matrix: np.ndarray) -> np.ndarray:
        """Return the columns of other people, shape (m, q)."""
        return np.column_stack([np.ones(len(matrix)), (matrix - self.centre) / self.scale])


def fit(matrix: np.ndarray, terms: tuple[str, ...], yes: np.ndarray, weight: np.ndarray, what: str) -> Logit:
    """Fit the chance of yes.

    Parameters
    ----------
    matrix : float array, shape (n, p)
        Without a constant.
    terms : tuple of str
    yes : bool array, shape (n,)
    weight : float array, shape (n,)
    what : str
        What the chance is of, for the reason: "group" or "outcome".

    Raises
    ------
    NotEstimable
        Some terms tell the answer for certain, for everybody or for some; they are named.

    Notes
    -----
    Newton's method with halved steps. Influence: score times the inverse information. Separation is looked for
    (`evalkit.numerics.separation`) when some fitted chance is within 1e-7 of 0 or 1.

    Examples
    --------
    >>> x = np.array([[0.0], [0], [1], [1], [1]])
    >>> fit(x, ("x",), np.array([0, 1, 0, 1, 1], dtype=bool), np.ones(5), "group").chance[[0, 2]].round(4).tolist()
    [0.5, 0.6667]
    """
    if yes.all() or not yes.any():
        raise NotEstimable(message(f"comparison_adjusting.all_alike_{what}"))
    kept = independent(matrix)
    if not kept.all():
        left = [t for t, k in zip(terms, kept, strict=True) if not k]
        raise NotEstimable(message("comparison_adjusting.no_room", terms=left))
    inner, centre, scale = standardised(matrix)
    columns = np.column_stack([np.ones(len(yes)), inner])
    own = yes.astype(float)
    beta = np.zeros(columns.shape[1])
    beta[0] = special.logit(np.average(own, weights=weight))
    linear = columns @ beta
    for _ in range(_MOST_STEPS):
        chance = special.expit(linear)
        gradient = columns.T @ (weight * (own - chance))
        step = np.linalg.pinv(_information(columns, chance, weight), rcond=1e-13, hermitian=True) @ gradient
        gain = float(gradient @ step)
        if gain < 1e-20 * weight.sum():
            break
        size, now = 1.0, _likelihood(linear, own, weight)
        while (
            _likelihood(columns @ (beta + size * step), own, weight) < now - 1e-12 * abs(now) and size > 1e-4
        ):
            size /= 2
        beta = beta + size * step
        linear = columns @ beta
    chance = special.expit(linear)
    if min(chance.min(), (1 - chance).min()) < _SUSPECT:
        _refuse_separation(columns, terms, yes, what)
        if chance.max() == 1 or chance.min() < _NONE:
            # No separation to the last digit, but no weight can be made of such a chance either.
            raise NotEstimable(message("comparison_adjusting.certain", terms=list(terms)))
    inverse = np.linalg.pinv(_information(columns, chance, weight), rcond=1e-13, hermitian=True)
    influence = (weight * (own - chance))[:, None] * columns @ inverse
    return Logit(columns, chance, linear, influence, beta, centre, scale)


def _likelihood(linear: np.ndarray, own: np.ndarray, weight: np.ndarray) -> float:
    return float(weight @ (own * linear - np.logaddexp(0, linear)))


def _information(columns: np.ndarray, chance: np.ndarray, weight: np.ndarray) -> np.ndarray:
    return columns.T @ (columns * (weight * chance * (1 - chance))[:, None])


def _refuse_separation(columns: np.ndarray, terms: tuple[str, ...], yes: np.ndarray, what: str) -> None:
    """Refuse terms of which a combination puts every yes on one side of every no, or at most on the border; name them."""
    signed = columns * np.where(yes, 1.0, -1.0)[:, None]
    moving, direction = recession(signed)
    if moving.any():
        moved = signed @ direction
        certain = Headcount(int((moved > 1e-6 * moved.max()).sum()))
        telling = [t for t, m in zip(terms, moving[1:], strict=True) if m]
        why = message(f"comparison_adjusting.separated_{what}", terms=telling, count=certain, total=len(yes))
        raise NotEstimable(why)
