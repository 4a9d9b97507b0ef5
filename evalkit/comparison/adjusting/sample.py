"""The people an adjustment works on: outcome, group, terms of the formula that say something, weights, clusters.

Not for reading tables: `groups.people` has done it.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from evalkit.comparison.groups.people import Groups
from evalkit.formula import design
from evalkit.wording import Message

#: A term whose part that no other explains is smaller than this share of it is explained by the others.
_COLLINEAR = 1e-9


class NotEstimable(Exception):  # noqa: N818 - no error: an answer, which becomes a row of the table
    """Why an adjustment has no answer for these people."""

    def __init__(self, reason: Message):
        super().__init__(reason.key)
        self.reason = reason


@dataclass(frozen=True, eq=False)
class Sample:
    """The n people of two groups, with p terms.

    Parameters
    ----------
    outcome : float array, shape (n,)
    treated : bool array, shape (n,)
    matrix : float array, shape (n, p)
        Terms that vary and that no other explains.
    terms : tuple of str, length p
    weight : float array, shape (n,)
        Survey weights; ones without.
    weighted : bool
    cluster : int array, shape (n,), optional
    columns : mapping of str to int array, shape (n,)
        Column of the formula to the code of each person's value, for exact matching.
    levels : (str, str)
        Names of the groups, reference first.
    group : str
        Name of the column that holds them.
    binary : bool
        Whether the outcome is yes or no.
    """

    outcome: np.ndarray
    treated: np.ndarray
    matrix: np.ndarray
    terms: tuple[str, ...]
    weight: np.ndarray
    weighted: bool = False
    cluster: np.ndarray | None = None
    columns: Mapping[str, np.ndarray] = field(default_factory=dict)
    levels: tuple[str, str] = ("0", "1")
    group: str = "group"
    binary: bool = False

    @property
    def n(self) -> int:
        """Number of people."""
        return len(self.outcome)

    @property
    def sizes(self) -> tuple[int, int]:
        """Number of people, reference group first."""
        return int((~self.treated).sum()), int(self.treated.sum())

    def only(self, kept: np.ndarray) -> Sample:
        """Return the sample without some people."""
        return dataclasses.replace(
            self,
            outcome=self.outcome[kept],
            treated=self.treated[kept],
            matrix=self.matrix[kept],
            weight=self.weight[kept],
            cluster=None if self.cluster is None else self.cluster[kept],
            columns={name: code[kept] for name, code in self.columns.items()},
        )

    def target(self, estimand: str) -> np.ndarray:
        """Return who the answer is about: 1 for each person of them, else 0, shape (n,)."""
        return {"att": self.treated, "atc": ~self.treated, "ate": np.ones(self.n, dtype=bool)}[estimand].astype(float)  # fmt: skip


def sample_of(groups: Groups, formula: str, binary: bool) -> tuple[Sample, tuple[str, ...], tuple[str, ...]]:
    """Return the sample, the terms that are the same for everybody, and those that other terms explain.

    Parameters
    ----------
    groups : Groups
    formula : str
    binary : bool

    Raises
    ------
    InputError
        What `evalkit.formula.design` refuses.
    """
    made = design(formula, groups.covariates)
    matrix = np.asarray(made.matrix, dtype=float)
    varies = np.ptp(matrix, axis=0) > 0
    explained = np.zeros(len(varies), dtype=bool)
    explained[varies] = ~independent(matrix[:, varies])
    kept = varies & ~explained
    names = np.array(made.terms, dtype=object)
    sample = Sample(
        groups.outcome,
        groups.treated,
        matrix[:, kept],
        tuple(names[kept]),
        np.ones(groups.n) if groups.weights is None else groups.weights,
        groups.weights is not None,
        groups.cluster,
        {c: groups.covariates.groupby(c, observed=True, sort=True).ngroup().to_numpy() for c in groups.covariates},
        groups.levels,
        groups.names["group"],
        binary,
    )  # fmt: skip
    return sample, tuple(names[~varies]), tuple(names[explained])


def standardised(matrix: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return columns of mean 0 and deviation 1 (a constant one: 0), and the means and deviations taken off."""
    centre = matrix.mean(axis=0)
    scale = matrix.std(axis=0)
    scale = np.where(scale > 1e-12 * np.maximum(np.abs(centre), 1e-300), scale, 1.0)
    return (matrix - centre) / scale, centre, scale


def independent(matrix: np.ndarray) -> np.ndarray:
    """Return which columns are no combination of a constant and the columns before them.

    Examples
    --------
    >>> age = np.array([1.0, 2, 4, 7])
    >>> independent(np.column_stack([age, 2 * age + 1, age**2])).tolist()
    [True, False, True]
    """
    columns, _, _ = standardised(matrix)
    n, p = columns.shape
    kept = np.zeros(p, dtype=bool)
    basis = np.empty((n, 0))
    for k in range(p):
        rest = columns[:, k]
        for _ in range(2):  # twice is enough for the rest to be at right angles to the last digit
            rest = rest - basis @ (basis.T @ rest)
        length = float(np.linalg.norm(rest))
        if length > _COLLINEAR * np.sqrt(n) and length > 0:
            kept[k] = True
            basis = np.column_stack([basis, rest / length])
    return kept
