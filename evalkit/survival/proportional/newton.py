"""Maximise a partial likelihood, and say which coefficients have no maximum: constant, aliased, or running away.

Not a likelihood, nor a table: `partial` computes, `proportional` reports.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np
from scipy import linalg

from evalkit.errors import InputError
from evalkit.survival.proportional.partial import Likelihood, Pass

#: A column whose part not explained by earlier columns is this small (of 1) is taken as explained: R uses about 2e-12.
_ALIASED = 1e-10
#: Squared distance to the maximum, in standard errors, at which one last step is taken.
_NEAR = 1e-16
#: The same once the distance falls with its square, so that the last step leaves nothing to be seen.
_SQUARED = 1e-12
#: On many rows the last step is taken without another look when it moves no predictor by more: nothing reported would change.
_UNSEEN = 2e-9
#: As `_NEAR`, for a subsample that only says where to begin.
_ROUGH = 1.0
#: How much the linear predictors may still spread in a step once the likelihood no longer moves.
_RUNAWAY = 0.3
_MOST_STEPS = 60
#: Share of the information about a coefficient at the start below which it is at no maximum but far beyond all of them.
_FLAT = 1e-10
#: Share of what was known of a coefficient at the start below which the separation of others has taken it all.
_EMPTIED = 1e-6
#: Above so many entries of the matrix, an information matrix is kept for several steps.
_LARGE = 2_000_000
#: Rows of the subsamples that tell a large fit where to begin, and how many times fewer than all they must be.
_FEW, _SOME, _FEWER = 8192, 65536, 6
#: Events per column below which a subsample tells nothing.
_EVENTS = 20


@dataclass(frozen=True, eq=False)
class Maximum:
    """Where the likelihood is highest.

    Parameters
    ----------
    beta : float array, shape (p,)
        0 for coefficients not estimated.
    covariance : float array, shape (p, p)
        Inverse information; nan for coefficients not estimated.
    seen : Pass
        The last look at the data, at `beta`.
    null : float
        Log-likelihood at 0.
    steps : int
    aliased : mapping of int to list of int
        Column to the earlier columns it follows from (empty: it does not vary where it matters).
    runaway : mapping of int to float
        Column to the direction (±1) in which the likelihood grows without end.
    emptied : mapping of int to list of int
        Column of which nothing can be told any more once others have run away, and those.
    """

    beta: np.ndarray
    covariance: np.ndarray
    seen: Pass
    null: float
    steps: int
    aliased: dict[int, list[int]]
    runaway: dict[int, float]
    emptied: dict[int, list[int]] = field(default_factory=dict)


@dataclass(frozen=True, eq=False)
class Start:
    """Where to begin, and about what the information is there.

    Parameters
    ----------
    beta : float array, shape (p,)
    information : float array, shape (p, p), optional
    """

    beta: np.ndarray
    information: np.ndarray | None = None


def warm(likelihood: Likelihood, scale: np.ndarray) -> Start | None:
    """Return what a subsample says, or None when there are too few rows or events for one.

    Parameters
    ----------
    likelihood : Likelihood
    scale : float array, shape (p,)
        See `maximise`.
    """
    n_rows = sum(len(part.last) for part in likelihood.parts)
    start = None
    for size in (_FEW, _SOME):
        every = n_rows // size
        if every < _FEWER:
            break
        thin = likelihood.thinned(every)
        if thin.deaths.sum() < _EVENTS * len(scale):
            break
        share = likelihood.deaths.sum() / thin.deaths.sum()
        if start is not None and start.information is not None:
            start = Start(start.beta, start.information / share)
        top = maximise(thin, scale, start=start, enough=_ROUGH)
        unknown = np.isnan(np.diag(top.covariance))
        # What ran away or could not be told apart in the sample may be fine in the whole; what could be told apart is, there too.
        information = None if unknown.any() else invert(top.covariance) * share
        start = Start(np.where(unknown, 0.0, top.beta), information)
    return start


def maximise(
    likelihood: Likelihood,
    scale: np.ndarray,
    spread: Callable[[np.ndarray], float] | None = None,
    start: np.ndarray | Start | None = None,
    enough: float = _NEAR,
) -> Maximum:
    """Find the maximum by Newton's method with halved steps.

    Parameters
    ----------
    likelihood : Likelihood
    scale : float array, shape (p,)
        A typical deviation of each column, 0 for a constant one.
    spread : callable, optional
        Change of coefficients to the spread of linear predictors it makes; asked of the rows otherwise.
    start : float array, shape (p,), or Start, optional
        Where to begin.
    enough : float
        Squared distance to the maximum, in standard errors, at which one last step is taken.

    Raises
    ------
    InputError
        No maximum after many steps.

    Notes
    -----
    On many rows an information matrix is kept for several steps, corrected by what each step showed (Broyden, Fletcher, Goldfarb,
    Shanno), as long as it leads there fast; the covariance comes from the information at the maximum.
    """
    p = len(scale)
    spread = spread or (lambda step: _spread(likelihood, step))
    start = start if isinstance(start, Start) else Start(np.zeros(p) if start is None else start)
    null = likelihood.null()
    beta, information, seen = _first_look(likelihood, start, null)
    aliased: dict[int, list[int]] = {}
    fresh = information is None
    if fresh:
        information, gram = likelihood.information(seen)
        aliased = _aliased(information, gram, scale)
    active = np.array([k for k in range(p) if k not in aliased], dtype=np.int64)
    keep = _many(likelihood)
    if len(active) < p and beta.any():
        beta = np.where(np.isin(np.arange(p), active), beta, 0.0)
        seen = likelihood.look(beta)
    runaway: dict[int, float] = {}
    begin, known = information, np.sqrt(np.maximum(np.diag(information), 0.0))
    distance, steps, spare = np.inf, 0, None
    while len(active):
        # A long step may end so far out that nothing moves any more: the rest goes on from there.
        if lost := _lost(information, seen, known, beta, active):
            runaway |= lost
            active = np.setdiff1d(active, list(lost))
            continue
        step = np.zeros(p)
        step[active] = _solve(information, seen.gradient, active)
        before, distance = distance, float(seen.gradient @ step)
        # A look at the rows only when the step is not negligible beside the columns.
        size = np.abs(step) @ scale
        if distance < 1e-8 and size > 1e-5 and spread(step) > _RUNAWAY:
            runaway |= _directions(step, scale)
            break
        if keep and distance < 1e-8 and size < _UNSEEN:
            if not fresh:
                (information, _), fresh = likelihood.information(seen), True
            beta = beta.copy()
            beta[active] += _solve(information, seen.gradient, active)
            break
        # Near the maximum; or as near as rounding lets the distance fall.
        near = distance < enough or (fresh and 0.5 * before < distance < 1e-10)
        # Where the distance falls with its square, one step more than halves the digits that are missing.
        near = near or (fresh and distance < _SQUARED and distance < 1e-4 * before)
        if not fresh and not near and distance > 0.05 * before:
            # The kept information no longer leads anywhere fast.
            (information, _), fresh = likelihood.information(seen), True
            distance = before
            continue
        _refuse_endless(steps)
        steps += 1
        old = seen
        beta, seen, taken = _climb(likelihood, beta, seen, step, spare)
        spare = old if keep and seen is not old else None
        fresh = not keep or near
        if fresh:
            information, _ = likelihood.information(seen)
        else:
            information = _corrected(information, taken, old.gradient - seen.gradient)
        if near:
            break
    if not fresh:
        information = likelihood.information(seen)[0]
    # The last step, too, may have ended where nothing is left.
    runaway |= _lost(information, seen, known, beta, np.setdiff1d(active, list(runaway)))
    solid = np.setdiff1d(active, np.array(list(runaway), dtype=np.int64))
    emptied = _emptied(begin, information, solid) if runaway else []
    solid = np.setdiff1d(solid, emptied)
    covariance = np.full((p, p), np.nan)
    covariance[np.ix_(solid, solid)] = certain(information[np.ix_(solid, solid)])
    return Maximum(
        beta, covariance, seen, null, steps, aliased, runaway, dict.fromkeys(emptied, sorted(runaway))
    )


def _many(likelihood: Likelihood) -> bool:
    return isinstance(likelihood, Likelihood) and sum(part.x.size for part in likelihood.parts) > _LARGE


def _refuse_endless(steps: int) -> None:
    if steps >= _MOST_STEPS:
        raise InputError(
            f"cox: no maximum after {steps} steps; look for columns on very different scales, nearly equal columns, or "
            "an event that hardly anybody of some level met"
        )


def _lost(
    information: np.ndarray, seen: Pass, known: np.ndarray, beta: np.ndarray, active: np.ndarray
) -> dict[int, float]:
    """Return the columns about which no information is left beside what was known at the start, and which way they went."""
    flat = np.diag(information)[active] <= _FLAT * known[active] ** 2
    flat &= np.abs(seen.gradient[active]) <= 1e-6 * known[active]
    return {int(k): float(np.sign(beta[k])) for k in active[flat]}


def _emptied(begin: np.ndarray, information: np.ndarray, solid: np.ndarray) -> list[int]:
    """Return the columns of which nothing is left to tell, beside what earlier ones tell, of what was known at the start."""
    size = np.sqrt(np.maximum(np.diag(begin), np.finfo(float).tiny))
    square = np.outer(size, size)
    found: list[int] = []
    for k in map(int, solid):
        earlier = [j for j in map(int, solid) if j < k and j not in found]
        left = _unexplained(information / square, k, earlier)
        if not left > _EMPTIED * _unexplained(begin / square, k, earlier):
            found.append(k)
    return found


def _unexplained(information: np.ndarray, k: int, earlier: list[int]) -> float:
    if not earlier:
        return float(information[k, k])
    column = information[earlier, k]
    share = np.linalg.lstsq(information[np.ix_(earlier, earlier)], column, rcond=None)[0]
    return float(information[k, k] - column @ share)


def certain(information: np.ndarray) -> np.ndarray:
    """Return the inverse of the information at the maximum, or say that rounding has eaten it."""
    try:
        return invert(information)
    except linalg.LinAlgError as error:
        raise InputError(
            "cox: at the maximum nothing is left that tells how sure the coefficients are; look for columns that separate the "
            "events, nearly equal columns, or columns on very different scales"
        ) from error


def invert(information: np.ndarray) -> np.ndarray:
    """Return the inverse of an information matrix, columns of any scale."""
    if not len(information):
        return information
    diagonal = np.diag(information)
    if not (diagonal > 0).all():
        raise linalg.LinAlgError("information: not positive definite (its diagonal)")
    size = np.sqrt(diagonal)
    square = np.outer(size, size)
    # LAPACK itself: at ten columns, checks around it cost more than it does.
    _, inverse, failed = linalg.lapack.dposv(information / square, np.eye(len(size)), lower=True)
    if failed:
        raise linalg.LinAlgError(f"information: not positive definite (minor {failed})")
    return inverse / square


def _first_look(
    likelihood: Likelihood, start: Start, null: float
) -> tuple[np.ndarray, np.ndarray | None, Pass]:
    seen = likelihood.look(start.beta)
    if seen.usable and seen.log_likelihood >= null:
        return start.beta, start.information, seen
    beta = np.zeros(len(start.beta))
    return beta, None, likelihood.look(beta)


def _spread(likelihood: Likelihood, step: np.ndarray) -> float:
    moved = [part.x @ step for part in likelihood.parts]
    return float(max(m.max(initial=-np.inf) for m in moved) - min(m.min(initial=np.inf) for m in moved))


def _corrected(information: np.ndarray, step: np.ndarray, fallen: np.ndarray) -> np.ndarray:
    """Return the information corrected so that this step explains by how much the gradient fell."""
    turned = information @ step
    curved, seen = step @ turned, step @ fallen
    if curved <= 0 or seen <= 1e-3 * curved:
        return information
    return information - np.outer(turned, turned) / curved + np.outer(fallen, fallen) / seen


def _climb(
    likelihood: Likelihood, beta: np.ndarray, seen: Pass, step: np.ndarray, spare: Pass | None
) -> tuple[np.ndarray, Pass, np.ndarray]:
    """Take the step, halved until the likelihood does not fall; return where that leads, and the step."""
    slack = 1e-10 * (1 + abs(seen.log_likelihood))
    for _ in range(40):
        new = likelihood.look(beta + step) if spare is None else likelihood.look(beta + step, spare)
        if new.usable and new.log_likelihood >= seen.log_likelihood - slack:
            return beta + step, new, step
        step = step / 2
    return beta, seen, 0 * step


def _solve(information: np.ndarray, gradient: np.ndarray, active: np.ndarray) -> np.ndarray:
    block = information if len(active) == len(information) else information[np.ix_(active, active)]
    size = np.sqrt(np.maximum(np.diag(block), np.finfo(float).tiny))
    scaled, right = block / np.outer(size, size), gradient[active] / size
    _, step, failed = linalg.lapack.dposv(scaled, right, lower=True)
    if failed:
        # Flat directions far out: the least-squares step leaves them alone.
        step = np.linalg.lstsq(scaled, right, rcond=1e-12)[0]
    return step / size


def _aliased(information: np.ndarray, gram: np.ndarray, scale: np.ndarray) -> dict[int, list[int]]:
    """Return the columns that follow from earlier ones, in order, and which they follow from."""
    found: dict[int, list[int]] = {}
    kept: list[int] = []
    diagonal = np.diag(information)
    if (scale > 0).all() and (diagonal > _ALIASED * gram).all():
        size = np.sqrt(diagonal)
        factor, failed = linalg.lapack.dpotrf(information / np.outer(size, size), lower=True)
        # The squared pivots are what earlier columns leave unexplained.
        if not failed and (np.diag(factor) ** 2 > _ALIASED).all():
            return found
    for k in range(len(scale)):
        if scale[k] == 0 or diagonal[k] <= _ALIASED * gram[k]:
            found[k] = []
            continue
        if kept:
            size = np.sqrt(diagonal[kept])
            block = information[np.ix_(kept, kept)] / np.outer(size, size)
            column = information[kept, k] / size / np.sqrt(diagonal[k])
            share = np.linalg.solve(block, column)
            if 1 - column @ share < _ALIASED:
                found[k] = [j for j, part in zip(kept, share, strict=True) if abs(part) > 1e-6]
                continue
        kept.append(k)
    return found


def _directions(step: np.ndarray, scale: Sequence[float] | np.ndarray) -> dict[int, float]:
    """Return the columns that still move, and which way."""
    moved = step * np.where(np.asarray(scale) > 0, scale, 1.0)
    return {
        int(k): float(np.sign(moved[k])) for k in np.flatnonzero(np.abs(moved) > 1e-3 * np.abs(moved).max())
    }
