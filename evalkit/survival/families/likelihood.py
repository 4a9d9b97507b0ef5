"""The likelihood of parametric models: which rows contribute a density, a survival, an interval, what they are conditional on.

Not a family (`laws`), nor a search (`climbing`).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from evalkit.survival.families.jets import Jet, log_between, log_lost


@dataclass(frozen=True, eq=False)
class Predictor:
    """One linear predictor of some rows: ``matrix @ theta[columns]``.

    Parameters
    ----------
    matrix : float array, shape (m, k)
    columns : slice
    """

    matrix: np.ndarray
    columns: slice

    def at(self, theta: np.ndarray) -> np.ndarray:
        """Return the predictor of each row."""
        return self.matrix @ theta[self.columns]


@dataclass(frozen=True, eq=False)
class Piece:
    """Rows that contribute in the same way.

    Parameters
    ----------
    rows : int array, shape (m,)
        Which rows of the data.
    predictors : tuple of Predictor
    contribution : callable
        Predictors to a `Jet`; `early` and `late` log times are its further arguments.
    early, late : float array, shape (m,), optional
    weight : float array, shape (m,), optional
    """

    rows: np.ndarray
    predictors: tuple[Predictor, ...]
    contribution: Callable[..., Jet]
    early: np.ndarray
    late: np.ndarray | None = None
    weight: np.ndarray | None = None

    def look(self, theta: np.ndarray) -> Jet:
        """Return the contributions at `theta`, weighted."""
        eta = tuple(p.at(theta) for p in self.predictors)
        jet = self.contribution(eta, self.early) if self.late is None else self.contribution(
            eta, self.early, self.late
        )  # fmt: skip
        if self.weight is None:
            return jet
        w = self.weight
        return Jet(w * jet.value, tuple(w * f for f in jet.first), {k: w * s for k, s in jet.second.items()})


@dataclass(frozen=True, eq=False)
class Seen:
    """The likelihood at one set of parameters.

    Parameters
    ----------
    value : float
        nan or -inf where the parameters are impossible.
    gradient : float array, shape (p,)
    jets : tuple of Jet
        One per piece.
    """

    value: float
    gradient: np.ndarray
    jets: tuple[Jet, ...]


@dataclass(frozen=True, eq=False)
class Likelihood:
    """A sum over pieces.

    Parameters
    ----------
    pieces : tuple of Piece
    p : int
        Number of parameters.
    n : int
        Number of rows of the data.
    """

    pieces: tuple[Piece, ...]
    p: int
    n: int

    def look(self, theta: np.ndarray) -> Seen:
        """Return the log-likelihood and its gradient."""
        gradient, jets, value, bounded = np.zeros(self.p), [], 0.0, True
        # Impossible parameters are found by their value, which the search refuses.
        with np.errstate(all="ignore"):
            for piece in self.pieces:
                jet = piece.look(theta)
                jets.append(jet)
                value += float(jet.value.sum())
                bounded &= all(np.isfinite(bend.sum()) for bend in jet.second.values())
                for predictor, first in zip(piece.predictors, jet.first, strict=True):
                    gradient[predictor.columns] += first @ predictor.matrix
        usable = bounded and np.isfinite(value) and np.isfinite(gradient).all()
        return Seen(value if usable else -np.inf, gradient, tuple(jets))

    def information(self, seen: Seen) -> np.ndarray:
        """Return minus the matrix of second derivatives."""
        out = np.zeros((self.p, self.p))
        for piece, jet in zip(self.pieces, seen.jets, strict=True):
            for (i, j), bend in jet.second.items():
                left, right = piece.predictors[i], piece.predictors[j]
                if not left.matrix.shape[1] or not right.matrix.shape[1]:
                    continue
                block = (left.matrix.T * bend) @ right.matrix
                out[left.columns, right.columns] -= block
                if i != j:
                    out[right.columns, left.columns] -= block.T
        return out

    def scores(self, seen: Seen, code: np.ndarray, n_groups: int) -> np.ndarray:
        """Return the gradient of each group of rows.

        Parameters
        ----------
        code : int array, shape (n,)
            Group of each row, from 0.

        Returns
        -------
        float array, shape (n_groups, p)
        """
        out = np.zeros((n_groups, self.p))
        for piece, jet in zip(self.pieces, seen.jets, strict=True):
            group = code[piece.rows]
            for predictor, first in zip(piece.predictors, jet.first, strict=True):
                for k, column in enumerate(range(*predictor.columns.indices(self.p))):
                    out[:, column] += np.bincount(group, first * predictor.matrix[:, k], n_groups)
        return out


@dataclass(frozen=True, eq=False)
class Layout:
    """How the parameters follow one another, and what each block of them multiplies.

    Parameters
    ----------
    family
        See `laws`.
    blocks : tuple of float array, shape (n, k)
        One per predictor of a scale family, the columns of ones included; of a spline the covariates only.
    basis : callable, optional
        Log times to the spline's columns and their slopes.
    n_basis : int
    """

    family: Any
    blocks: tuple[np.ndarray, ...]
    basis: Callable[[np.ndarray], tuple[np.ndarray, np.ndarray]] | None = None
    n_basis: int = 0

    @cached_property
    def p(self) -> int:
        """Number of parameters."""
        return self.n_basis + sum(b.shape[1] for b in self.blocks)

    def predictors(self, rows: Any, y: Sequence[np.ndarray], slope: bool) -> tuple[Predictor, ...]:
        """Return the predictors of some rows: those of the family, or a spline's at each of the log times `y`.

        `slope` adds the spline's slope, which a density needs.
        """
        if self.basis is None:
            made, at = [], 0
            for block in self.blocks:
                made.append(Predictor(np.asfortranarray(block[rows]), slice(at, at := at + block.shape[1])))
            return tuple(made)
        whole = slice(0, self.p)
        made = []
        x = self.blocks[0][rows]
        for times in y:
            value, rate = self.basis(times)
            made.append(Predictor(np.asfortranarray(np.hstack([value, x])), whole))
            if slope:
                made.append(Predictor(np.asfortranarray(np.hstack([rate, np.zeros_like(x)])), whole))
        return tuple(made)

    def likelihood(
        self, lower: np.ndarray, upper: np.ndarray, entry: np.ndarray | None, weight: np.ndarray | None
    ) -> Likelihood:
        """Return the likelihood of times known to lie in (lower, upper], exact where they are equal, beyond `entry`.

        Notes
        -----
        log f(t); log S(lower) when `upper` is infinite; log(S(lower) - S(upper)); minus log S(entry): Klein &
        Moeschberger (2003), §3.5-3.6.
        """
        exact = lower == upper
        open_ = np.isinf(upper)
        some = ~exact & ~open_
        pieces = []

        def add(mask: np.ndarray, how: Callable, times: Sequence[np.ndarray], slope: bool = False) -> None:
            rows = np.flatnonzero(mask)
            if not len(rows):
                return
            y = [np.log(t[rows]) for t in times]
            pieces.append(Piece(
                rows, self.predictors(rows, y, slope), how, y[0], y[1] if len(y) > 1 else None,
                None if weight is None else weight[rows],
            ))  # fmt: skip

        add(exact, self.family.density, [lower], slope=True)
        # A person followed for no time at all tells nothing.
        add(open_ & (lower > 0), self.family.survival, [lower])
        add(some & (lower == 0), self.lost, [upper])
        add(some & (lower > 0), self.between, [lower, upper])
        if entry is not None:
            add(entry > 0, self.later, [entry])
        return Likelihood(tuple(pieces), self.p, len(lower))

    def lost(self, eta: tuple[np.ndarray, ...], y: np.ndarray) -> Jet:
        """Return log(1 - S)."""
        return log_lost(self.family.survival(eta, y))

    def later(self, eta: tuple[np.ndarray, ...], y: np.ndarray) -> Jet:
        """Return -log S: what being met only after `y` takes away."""
        return -self.family.survival(eta, y)

    def between(self, eta: tuple[np.ndarray, ...], early: np.ndarray, late: np.ndarray) -> Jet:
        """Return log(S(early) - S(late))."""
        if self.basis is None:
            return log_between(self.family.survival(eta, early), self.family.survival(eta, late))
        first, second = self.family.survival(eta[:1], early), self.family.survival(eta[1:], late)
        return log_between(first.moved(0, 2), second.moved(1, 2))
