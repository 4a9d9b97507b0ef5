"""A parametric model fitted: columns made ready, where to begin, the maximum, its covariance in the reader's units.

Not a table: `fit` and `mixture` report.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd

from evalkit.formula import Design, design
from evalkit.survival.families.beginning import best
from evalkit.survival.families.climbing import Summit, aliased, invert
from evalkit.survival.families.likelihood import Layout, Likelihood
from evalkit.survival.families.rows import Rows
from evalkit.survival.families.spline import Basis


@dataclass(frozen=True, eq=False)
class Block:
    """The columns of one predictor, centred and scaled for the search.

    Parameters
    ----------
    part : str
        What it predicts: location, scale, shape, cured, baseline.
    design : Design
    constant : bool
        Whether a column of ones comes first.
    centre, scale : float arrays, shape (k,)
        Scale 0 for a constant column.
    """

    part: str
    design: Design
    constant: bool
    centre: np.ndarray
    scale: np.ndarray

    @classmethod
    def of(cls, part: str, made: Design, constant: bool = True) -> Block:
        """Measure the columns."""
        x = made.matrix
        centre = x.mean(axis=0) if len(x) else np.zeros(x.shape[1])
        scale = np.empty(x.shape[1])
        for k in range(x.shape[1]):
            column = x[:, k]
            same = len(x) == 0 or column.min() == column.max()
            scale[k] = 0.0 if same else np.sqrt(np.mean((column - centre[k]) ** 2))
        return cls(part, made, constant, centre, scale)

    @property
    def terms(self) -> list[str]:
        """Names of the columns, that of ones included."""
        return (["(Intercept)"] if self.constant else []) + list(self.design.terms)

    def columns(self, matrix: np.ndarray) -> np.ndarray:
        """Return these columns as the search has them."""
        ones = int(self.constant)
        out = np.empty((len(matrix), matrix.shape[1] + ones), order="F")
        out[:, :ones] = 1.0
        for k in range(matrix.shape[1]):
            if self.scale[k] > 0:
                np.subtract(matrix[:, k], self.centre[k], out=out[:, k + ones])
                out[:, k + ones] /= self.scale[k]
            else:
                out[:, k + ones] = 0.0
        return out

    def back(self) -> np.ndarray:
        """Return the matrix from the parameters of the search to those of the reader."""
        k, ones = len(self.scale), int(self.constant)
        out = np.zeros((k + ones, k + ones))
        per = np.divide(1.0, self.scale, out=np.zeros(k), where=self.scale > 0)
        if ones:
            out[0, 0] = 1.0
            out[0, 1:] = -self.centre * per
        out[ones:, ones:] = np.diag(per)
        return out


@dataclass(frozen=True, eq=False)
class Model:
    """A fitted model, for what is asked of it later.

    Parameters
    ----------
    family
    rows : Rows
    blocks : tuple of Block
    basis : Basis, optional
    likelihood : Likelihood
    summit : Summit
    aliases : mapping of int to list of int
        Parameter to those it follows from.
    lost : tuple of int
        Parameters along which the likelihood grows without end.
    covariance : float array, shape (p, p)
        In the units of the search, model-based; nan for parameters not estimated.
    """

    family: Any
    rows: Rows
    blocks: tuple[Block, ...]
    basis: Basis | None
    likelihood: Likelihood
    summit: Summit
    aliases: dict[int, list[int]]
    lost: tuple[int, ...]
    covariance: np.ndarray

    @property
    def p(self) -> int:
        """Number of parameters."""
        return self.likelihood.p

    @property
    def n_basis(self) -> int:
        """Number of columns of the spline."""
        return 0 if self.basis is None else len(self.basis.knots)

    @property
    def starts(self) -> list[int]:
        """Position of each block's first parameter."""
        widths = [len(b.terms) for b in self.blocks]
        return (self.n_basis + np.concatenate([[0], np.cumsum(widths)[:-1]]).astype(int)).tolist()

    @cached_property
    def solid(self) -> np.ndarray:
        """Positions of the parameters estimated."""
        return np.array(
            [k for k in range(self.p) if k not in self.aliases and k not in self.lost], dtype=np.int64
        )

    @cached_property
    def back(self) -> np.ndarray:
        """The matrix from the parameters of the search to those of the reader."""
        out = np.zeros((self.p, self.p))
        if self.basis is not None:
            out[: self.n_basis, : self.n_basis] = self.basis.back
        for at, block in zip(self.starts, self.blocks, strict=True):
            k = len(block.terms)
            made = block.back()
            out[at : at + k, at : at + k] = made
            if self.basis is not None and not block.constant:
                out[0, at : at + k] = -block.centre @ made
        return out

    @property
    def estimate(self) -> np.ndarray:
        """The parameters in the reader's units."""
        return self.back @ self.summit.theta

    @cached_property
    def null(self) -> tuple[float, int]:
        """Log-likelihood without the covariates of times, and how many parameters that has."""
        blocks = [
            Block.of(b.part, empty_design(self.rows.n), b.constant)
            if b.part in ("location", "baseline")
            else b
            for b in self.blocks
        ]
        if all(a is b or not b.design.matrix.shape[1] for a, b in zip(blocks, self.blocks, strict=True)):
            return self.summit.seen.value, len(self.solid) + len(self.lost)
        bare = fit_model(self.rows, self.family, blocks, self.basis, "parametric")
        return bare.summit.seen.value, len(bare.solid) + len(bare.lost)

    def names(self) -> list[tuple[str, str]]:
        """Return the part and the term of each parameter."""
        named = [("baseline", f"gamma{k}") for k in range(self.n_basis)]
        for block in self.blocks:
            for term in block.terms:
                if block.part == "scale":
                    term = "Log(scale)" if term == "(Intercept)" else f"Log(scale):{term}"
                elif block.part == "shape":
                    term = "Q"
                named.append((block.part, term))
        return named

    def in_units(self, covariance: np.ndarray) -> np.ndarray:
        """Return a covariance of the search in the reader's units, nan for what is not estimated."""
        solid = self.solid
        move = self.back[:, solid]
        out = move @ covariance[np.ix_(solid, solid)] @ move.T
        for k in range(self.p):
            if k not in solid:
                out[k] = out[:, k] = np.nan
        return out

    def typical(self) -> np.ndarray:
        """Return a typical deviation of what each parameter multiplies, 1 for constants, in the reader's units."""
        size = np.ones(self.p)
        for at, block in zip(self.starts, self.blocks, strict=True):
            ones = int(block.constant)
            size[at + ones : at + len(block.terms)] = block.scale
        return size

    def drifting(self) -> dict[int, float]:
        """Return the parameters that run away in the reader's units, and which way."""
        if self.summit.drift is None:
            return {}
        step = self.back @ self.summit.drift
        moved = np.abs(step * self.typical())
        return {int(k): float(np.sign(step[k])) for k in np.flatnonzero(moved > 1e-2 * moved.max())}

    def layout(self, matrices: Sequence[np.ndarray]) -> Layout:
        """Return the layout for rows with these columns, in the reader's units."""
        made = tuple(b.columns(m) for b, m in zip(self.blocks, matrices, strict=True))
        return Layout(self.family, made, self.basis, self.n_basis)


def empty_design(n: int) -> Design:
    """Return a design without columns."""
    return Design(np.zeros((n, 0)), (), {}, np.ones(n, dtype=bool), ())


def designs(
    formulas: Sequence[str | None], covariates: pd.DataFrame, missing: str
) -> tuple[list[Design], np.ndarray, dict[str, int]]:
    """Return the columns of several formulas on the rows complete for all of them; those rows; what is missing where."""
    asked = [f for f in formulas if not _is_constant(f)]
    made = [design(f, covariates, missing) for f in asked]
    kept, lacking = np.ones(len(covariates), dtype=bool), {}
    for one in made:
        kept &= one.kept
        lacking |= dict(one.missing)
    if not kept.all():
        made = [design(f, covariates.loc[kept], missing) for f in asked]
    done = iter(made)
    n = int(kept.sum())
    return [empty_design(n) if _is_constant(f) else next(done) for f in formulas], kept, lacking


def _is_constant(formula: str | None) -> bool:
    return formula is None or (isinstance(formula, str) and formula.strip() == "1")


def fit_model(rows: Rows, family: Any, blocks: Sequence[Block], basis: Basis | None, what: str) -> Model:
    """Find the maximum of the likelihood.

    Parameters
    ----------
    rows : Rows
    family
        See `laws`.
    blocks : sequence of Block
        One per predictor; of a spline the covariates, without a constant.
    basis : Basis, optional
    what : str
        The estimator, for messages.
    """
    columns = tuple(b.columns(b.design.matrix) for b in blocks)
    layout = Layout(family, columns, basis, 0 if basis is None else len(basis.knots))
    aliases, at = {}, layout.n_basis
    for block, x in zip(blocks, columns, strict=True):
        shift = 0 if block.constant else 1
        whole = x if block.constant else np.column_stack([np.ones(len(x)), x])
        found = aliased(whole) if x.shape[1] > 1 - shift else {}
        aliases |= {at + k - shift: [at + j - shift for j in of] for k, of in found.items()}
        at += x.shape[1]
    active = np.array([k for k in range(layout.p) if k not in aliases], dtype=np.int64)
    summit, likelihood = best(rows, layout, active, what)
    lost: tuple[int, ...] = ()
    if summit.drift is not None:
        moved = np.abs(summit.drift)
        ones = {at for at, b in zip(_starts(layout, blocks), blocks, strict=True) if b.constant}
        running = [int(k) for k in np.flatnonzero(moved > 1e-2 * moved.max())]
        # The constant moves along with a column that is centred: at the limit of that column it is known.
        ones |= set(range(layout.n_basis))
        lost = tuple(k for k in running if k not in ones) or tuple(running)
    solid = np.array([k for k in active if k not in lost], dtype=np.int64)
    covariance = np.full((layout.p, layout.p), np.nan)
    information = likelihood.information(summit.seen)
    covariance[np.ix_(solid, solid)] = invert(information[np.ix_(solid, solid)])
    return Model(family, rows, tuple(blocks), basis, likelihood, summit, aliases, lost, covariance)


def _starts(layout: Layout, blocks: Sequence[Block]) -> list[int]:
    widths = [len(b.terms) for b in blocks]
    return (layout.n_basis + np.concatenate([[0], np.cumsum(widths)[:-1]]).astype(int)).tolist()
