"""The chance of being in one's group given what was recorded, and what each person moves in that estimate.

Not an outcome model. It refuses groups that hardly overlap: a weight cannot stand for people who are not there.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy import special

from evalkit.disclosure import Headcount
from evalkit.errors import InputError
from evalkit.wording import Message, message

#: Below this chance of being in one of the groups, a person has no counterpart there.
LEAST = 0.01
#: Share of people without a counterpart above which groups are not compared.
_FEW = 0.01
_MOST_STEPS = 50


@dataclass(frozen=True, eq=False)
class Propensity:
    """A fitted multinomial logit.

    Parameters
    ----------
    columns : float array, shape (n, q)
        A constant and the terms, standardised.
    chance : float array, shape (n, groups)
    influence : float array, shape (n, (groups - 1) q)
        What each row moves in the coefficients, its weight included.
    """

    columns: np.ndarray
    chance: np.ndarray
    influence: np.ndarray

    def through(self, code: int, moved: np.ndarray, rows: np.ndarray) -> np.ndarray:
        """Return what every row moves, through the weights 1 / chance of one group, in an estimate.

        Parameters
        ----------
        code : int
            The group.
        moved : float array, shape (len(rows),)
            Weight times the estimate's derivative by that weight, for the rows of the group.
        rows : int array
        """
        others = self.chance[rows, 1:] - (np.arange(1, self.chance.shape[1]) == code)
        slope = np.einsum("r,rk,rq->kq", moved, others, self.columns[rows])
        return self.influence @ slope.ravel()


def propensity(
    matrix: np.ndarray, code: np.ndarray, n_groups: int, weight: np.ndarray, by: str
) -> Propensity:
    """Fit the chance of each group.

    Parameters
    ----------
    matrix : float array, shape (n, p)
    code : int array, shape (n,)
    n_groups : int
    weight : float array, shape (n,)
    by : str
        For the errors.

    Raises
    ------
    InputError
        No maximum: some terms tell the group for certain.

    Notes
    -----
    Multinomial logit by Newton's method (statsmodels' takes no weights); for two groups the ordinary logit. Influence: score times
    the inverse information.

    Examples
    --------
    >>> fit = propensity(np.array([[0.0], [0], [1], [1], [1]]), np.array([0, 1, 0, 1, 1]), 2, np.ones(5), "site")
    >>> fit.chance[[0, 2], 1].round(4).tolist()
    [0.5, 0.6667]
    """
    n = len(matrix)
    scale = matrix.std(axis=0)
    columns = np.column_stack([np.ones(n), (matrix - matrix.mean(axis=0)) / np.where(scale > 0, scale, 1.0)])
    q = columns.shape[1]
    own = (code[:, None] == np.arange(1, n_groups)).astype(float)
    beta = np.zeros((n_groups - 1, q))
    for _ in range(_MOST_STEPS):
        chance = special.softmax(np.column_stack([np.zeros(n), columns @ beta.T]), axis=1)
        score = (own - chance[:, 1:])[:, :, None] * columns[:, None, :] * weight[:, None, None]
        information = _information(columns, chance[:, 1:], weight)
        inverse = np.linalg.pinv(information, rcond=1e-12, hermitian=True)
        gradient = score.sum(axis=0).ravel()
        step = inverse @ gradient
        if float(gradient @ step) < 1e-18:
            return Propensity(columns, chance, score.reshape(n, -1) @ inverse)
        size = float(np.abs(columns @ step.reshape(beta.shape).T).max())
        beta = beta + step.reshape(beta.shape) * min(1.0, 5.0 / size)
        if chance[np.arange(n), code].min() > 1 - 1e-6:
            break
    raise InputError(
        f"formula: some of its terms tell the group ({by}) for certain, so there are people without a counterpart in the other "
        "groups; leave such terms out, merge levels, or compare fewer groups"
    )


def refuse_one_sided(
    matrix: np.ndarray, terms: Sequence[str], code: np.ndarray, names: Sequence, by: str
) -> None:
    """Refuse yes/no terms that are the same for a whole group while they vary elsewhere, naming them with counts."""
    said = []
    for k, term in enumerate(terms):
        column = matrix[:, k]
        values = np.unique(column)
        if len(values) != 2:
            continue
        for value in values:
            has = column == value
            for g, name in enumerate(names):
                if not has[code == g].any():
                    said.append(
                        f"{term} = {value:g}: {int(has.sum())} people, none of them with {by} = {name}"
                    )
    if said:
        raise InputError(
            f"formula: no overlap between the groups ({by}): {'; '.join(said)}; leave those people out, merge levels or leave the "
            "term out"
        )


def refuse_unlikely(chance: np.ndarray, code: np.ndarray, names: Sequence, by: str) -> list[Message]:
    """Refuse when some weight exceeds 1 / LEAST, or many people could hardly have been in some group; name the few otherwise."""
    unlikely = chance < LEAST
    own = unlikely[np.arange(len(code)), code]
    found = [(int(n), name) for n, name in zip(unlikely.sum(axis=0), names, strict=True) if n]
    if own.any() or unlikely.mean(axis=0).max() > _FEW:
        said = [
            f"{n} of {len(chance)} people had a chance below {LEAST:g} of having {by} = {name}"
            for n, name in found
        ]
        raise InputError(
            f"by: the groups ({by}) hardly overlap: {'; '.join(said)}; a few people would stand for many. Say trim=0.05 to leave "
            "out those without a counterpart, or use fewer terms"
        )
    return [
        message("survival_adjusting.unlikely", n=Headcount(n), least=LEAST, group=f"{by} = {name}")
        for n, name in found
    ]


def _information(columns: np.ndarray, chance: np.ndarray, weight: np.ndarray) -> np.ndarray:
    k, q = chance.shape[1], columns.shape[1]
    out = np.empty((k, q, k, q))
    for a in range(k):
        for b in range(a + 1):
            spread = weight * chance[:, a] * ((a == b) - chance[:, b])
            out[a, :, b] = out[b, :, a] = columns.T @ (columns * spread[:, None])
    return out.reshape(k * q, k * q)
