"""Coefficients drawn towards 0: ridge, lasso and elastic net in a Cox model, for many terms and few events.

Not for testing: a drawn estimate is biased on purpose. Nor for separation alone: `cox(firth=True)` is the smaller remedy.
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass

import numpy as np
import pandas as pd

from evalkit.errors import InputError
from evalkit.survival.proportional.newton import Maximum, invert, maximise
from evalkit.survival.proportional.partial import Likelihood, Pass
from evalkit.timetoevent import TimeToEvent
from evalkit.wording import Message, message

_MOST_STEPS = 100
#: Sweeps over the terms within one quadratic approximation.
_SWEEPS = 10_000


@dataclass(frozen=True, eq=False)
class Price:
    """What coefficients cost: ``sum(lasso * |b|) + sum(ridge * b²) / 2``.

    Parameters
    ----------
    lasso, ridge : float arrays, shape (p,)
    """

    lasso: np.ndarray
    ridge: np.ndarray

    @classmethod
    def of(cls, penalty: float, l1_ratio: float, spread: np.ndarray) -> Price:
        """Return the price of each term, on the scale of its column's standard deviation."""
        return cls(penalty * l1_ratio * spread, penalty * (1 - l1_ratio) * spread**2)

    def total(self, beta: np.ndarray) -> float:
        """Return what these coefficients cost."""
        return float(self.lasso @ np.abs(beta) + self.ridge @ beta**2 / 2)


@dataclass(frozen=True, eq=False)
class _Ridged:
    """A partial likelihood with the quadratic price taken off: what `maximise` climbs."""

    plain: Likelihood
    ridge: np.ndarray

    @property
    def parts(self) -> object:
        return self.plain.parts

    def null(self) -> float:
        return self.plain.null()

    def look(self, beta: np.ndarray) -> Pass:
        seen = self.plain.look(beta)
        value, gradient = seen.log_likelihood - self.ridge @ beta**2 / 2, seen.gradient - self.ridge * beta
        return dataclasses.replace(seen, log_likelihood=float(value), gradient=gradient)

    def information(self, seen: Pass) -> tuple[np.ndarray, np.ndarray]:
        information, gram = self.plain.information(seen)
        return information + np.diag(self.ridge), gram + self.ridge


def check_penalty(penalty: float, l1_ratio: float, excluded: dict[str, bool]) -> None:
    """Refuse penalties that do not exist, and options that make no sense beside one.

    Parameters
    ----------
    penalty, l1_ratio : float
    excluded : mapping of str to bool
        Other options, and whether they were asked for.
    """
    if not (np.isfinite(penalty) and penalty >= 0):
        raise InputError(f"penalty: must be 0 or more, but was {penalty}")
    if not 0 <= l1_ratio <= 1:
        raise InputError(f"l1_ratio: must lie between 0 (ridge) and 1 (lasso), but was {l1_ratio}")
    if penalty == 0 and l1_ratio > 0:
        raise InputError(f"l1_ratio: {l1_ratio} shares out a penalty of 0; give penalty= as well")
    if penalty > 0:
        for name, asked in excluded.items():
            if asked:
                raise InputError(f"penalty: cannot be combined with {name}; ask for one or the other")


def priced(
    penalty: float, l1_ratio: float, matrix: np.ndarray, tte: TimeToEvent, standardise: bool
) -> Price | None:
    """Return what coefficients cost, None when nothing.

    Notes
    -----
    Standardised: per standard deviation of the column over the rows, with their weights, divisor n.
    """
    if penalty == 0:
        return None
    if not standardise:
        return Price.of(penalty, l1_ratio, np.ones(matrix.shape[1]))
    weight = np.ones(tte.n) if tte.weight is None else tte.weight
    share = weight / weight.sum()
    return Price.of(penalty, l1_ratio, np.sqrt(share @ (matrix - share @ matrix) ** 2))


def shrunken(likelihood: Likelihood, scale: np.ndarray, price: Price) -> Maximum:
    """Find the coefficients of highest likelihood less their price.

    Parameters
    ----------
    likelihood : Likelihood
    scale : float array, shape (p,)
        See `newton.maximise`.
    price : Price

    Returns
    -------
    Maximum
        With a ridge alone the covariance is the inverse of the penalised information (``var`` of R). With a lasso it is 0: there is no
        standard error to report.

    Notes
    -----
    Ridge: Newton's method. Lasso: coordinate descent on the quadratic approximation at each step (Simon, Friedman, Hastie & Tibshirani
    2011), then the exact solution for the terms that are not 0.
    """
    if not price.lasso.any():
        top = maximise(_Ridged(likelihood, price.ridge), scale)
        return dataclasses.replace(top, seen=likelihood.look(top.beta))
    p = len(scale)
    constant = {k: [] for k in np.flatnonzero(scale == 0)}
    beta, steps = np.zeros(p), 0
    seen = likelihood.look(beta)
    null = seen.log_likelihood
    while True:
        information, _ = likelihood.information(seen)
        aim = _descended(information, seen.gradient, beta, price, scale > 0)
        step = aim - beta
        steps += 1
        if np.abs(step) @ scale < 1e-11 * (1 + np.abs(beta) @ scale):
            break
        if steps > _MOST_STEPS:
            raise InputError(
                f"cox: no maximum after {steps} steps with this penalty; look for columns on very different scales"
            )
        beta, seen = _climb(likelihood, beta, seen, step, price)
    covariance = np.zeros((p, p))
    covariance[list(constant)] = covariance[:, list(constant)] = np.nan
    return Maximum(beta, covariance, seen, null, steps, constant, {})


def effective_df(likelihood: Likelihood, top: Maximum, price: Price) -> float:
    """Return the degrees of freedom used: trace of information × penalised inverse (Gray 1992); with a lasso, the terms not 0."""
    if price.lasso.any():
        return float(np.count_nonzero(top.beta))
    solid = np.flatnonzero(~np.isnan(np.diag(top.covariance)))
    information, _ = likelihood.information(top.seen)
    return float(np.trace(information[np.ix_(solid, solid)] @ top.covariance[np.ix_(solid, solid)]))


def without_lasso(covariance: np.ndarray, price: Price | None) -> np.ndarray:
    """Return the covariance to report: none under a lasso."""
    return covariance if price is None or not price.lasso.any() else np.full_like(covariance, np.nan)


def worded(table: pd.DataFrame, price: Price | None) -> pd.DataFrame:
    """Return the table of a penalised fit: a lasso has no standard errors, and says of a term whether it was taken out."""
    if price is None or not price.lasso.any():
        return table
    fitted = (table["status"] == "ok").to_numpy()
    table = table.copy()
    missing = ["std_error", "statistic", "p_value", "conf_low", "conf_high"]
    table.loc[fitted, missing] = np.nan
    said: list[Message | None] = list(table["reason"])
    for k in np.flatnonzero(fitted):
        said[k] = message(
            f"survival_penalties.{'taken_out' if table['estimate'].iloc[k] == 0 else 'no_error'}"
        )
    return table.assign(reason=said)


def about(penalty: float, l1_ratio: float) -> list[Message]:
    """Return what a penalised fit must say about itself."""
    if penalty == 0:
        return []
    kind = "ridge" if l1_ratio == 0 else "lasso" if l1_ratio == 1 else "elastic_net"
    return [
        message(
            f"survival_penalties.{kind}",
            penalty=penalty,
            **({"l1_ratio": l1_ratio} if kind == "elastic_net" else {}),
        )
    ]


def _descended(
    information: np.ndarray, gradient: np.ndarray, beta: np.ndarray, price: Price, free: np.ndarray
) -> np.ndarray:
    """Return where the quadratic approximation less the price is highest."""
    right = gradient + information @ beta
    bend = np.diag(information) + price.ridge
    aim = beta.copy()
    pushed = information @ aim
    everyone = np.flatnonzero(free & (bend > 0))
    some = everyone
    for _ in range(_SWEEPS):
        largest = 0.0
        for k in some:
            pull = right[k] - pushed[k] + information[k, k] * aim[k]
            new = np.sign(pull) * max(abs(pull) - price.lasso[k], 0.0) / bend[k]
            if new != aim[k]:
                pushed += information[:, k] * (new - aim[k])
                largest = max(largest, (new - aim[k]) ** 2 * bend[k])
                aim[k] = new
        if largest < 1e-12:
            if some is everyone:
                break
            some = everyone
        else:
            # Terms that are 0 are looked at again when the others have settled.
            some = np.flatnonzero(free & (aim != 0)) if some is everyone else some
    return _exactly(information, right, aim, price)


def _exactly(information: np.ndarray, right: np.ndarray, aim: np.ndarray, price: Price) -> np.ndarray:
    """Return the solution for the terms that are not 0, unless a sign would change."""
    held = np.flatnonzero(aim)
    if not len(held):
        return aim
    block = information[np.ix_(held, held)] + np.diag(price.ridge[held])
    try:
        solved = invert(block) @ (right[held] - price.lasso[held] * np.sign(aim[held]))
    except np.linalg.LinAlgError:
        return aim
    if (np.sign(solved) != np.sign(aim[held])).any():
        return aim
    exact = np.zeros_like(aim)
    exact[held] = solved
    return exact


def _climb(
    likelihood: Likelihood, beta: np.ndarray, seen: Pass, step: np.ndarray, price: Price
) -> tuple[np.ndarray, Pass]:
    """Take the step, halved until the likelihood less the price does not fall."""
    before = seen.log_likelihood - price.total(beta)
    slack = 1e-10 * (1 + abs(before))
    for _ in range(40):
        new = likelihood.look(beta + step)
        if new.usable and new.log_likelihood - price.total(beta + step) >= before - slack:
            return beta + step, new
        step = step / 2
    return beta, seen
