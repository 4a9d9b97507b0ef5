"""Where the search for a maximum begins, and the highest of the maxima found from there.

Not the search itself: `climbing`.
"""

from __future__ import annotations

import numpy as np
from scipy import special

from evalkit.survival.families.climbing import NoMaximum, Summit, Unit, aliased, climb
from evalkit.survival.families.laws import FAMILIES, GammaFamily, Mixed, ScaleFamily, Smooth
from evalkit.survival.families.likelihood import Layout, Likelihood
from evalkit.survival.families.rows import Rows

#: Rows of the subsample that tells a large fit where to begin.
_WARM = 8192
#: Standard deviation of log T over sigma, by law.
_SPREAD = {"exponential": 1.28, "weibull": 1.28, "log_normal": 1.0, "log_logistic": 1.81}


def best(rows: Rows, layout: Layout, active: np.ndarray, what: str) -> tuple[Summit, Likelihood]:
    """Return the highest of the maxima found from the places where it makes sense to begin."""
    likelihood = layout.likelihood(rows.lower, rows.upper, rows.entry, rows.weight)
    directions = np.eye(layout.p)[:, active]
    unit = Unit.of(layout.family, [b.shape[1] for b in layout.blocks], layout.n_basis)
    tops, failed = [], None
    for begin in _beginnings(rows, layout, active, what):
        # What is not to be estimated stays where it begins: at 0.
        begin = _possible(likelihood, directions @ begin[active], unit)
        try:
            tops.append(climb(likelihood, begin, directions, unit, what))
        except NoMaximum as error:
            failed = error
    if not tops and failed is not None:
        raise failed
    return max(tops, key=lambda top: top.seen.value), likelihood


def _possible(likelihood: Likelihood, begin: np.ndarray, unit: Unit) -> np.ndarray:
    """Return where to begin, the scale made wider until the likelihood has a value."""
    for _ in range(8):
        if np.isfinite(likelihood.look(begin).value) or unit.scale is None:
            break
        begin = begin.copy()
        begin[unit.scale] += 0.5
    return begin


def _beginnings(rows: Rows, layout: Layout, active: np.ndarray, what: str) -> list[np.ndarray]:
    every = rows.n // _WARM
    if every >= 6 and rows.ended[::every].sum() >= 20 * layout.p:
        # What a subsample says is near what the whole will say.
        some = slice(None, None, every)
        mask = np.zeros(rows.n, dtype=bool)
        mask[some] = True
        part = Layout(layout.family, tuple(b[some] for b in layout.blocks), layout.basis, layout.n_basis)
        thin = [k for b, at in _placed(part) for k in aliased(b) if k + at in active]
        if not thin or layout.basis is not None:
            top, _ = best(rows.subset(mask), part, active, what)
            if top.drift is None:
                return [top.theta]
    family = layout.family
    if isinstance(family, Smooth):
        return [_smooth_start(rows, layout, active, what)]
    if isinstance(family, Mixed):
        return _mixed_starts(rows, layout, active, what)
    if isinstance(family, GammaFamily):
        return _gamma_starts(rows, layout, active, what)
    return [_scale_start(rows, layout)]


def _placed(layout: Layout) -> list[tuple[np.ndarray, int]]:
    widths = [b.shape[1] for b in layout.blocks]
    return list(zip(layout.blocks, np.concatenate([[0], np.cumsum(widths)[:-1]]).astype(int), strict=True))


def _typical(rows: Rows) -> np.ndarray:
    """Return a time for each row: the event's, the middle of its interval, the last seen."""
    upper = np.where(rows.ended, rows.upper, rows.lower)
    return np.maximum((rows.lower + upper) / 2, np.finfo(float).tiny)


def _scale_start(rows: Rows, layout: Layout) -> np.ndarray:
    """Least squares of log times, the constant moved to where the exponential would have it."""
    x = layout.blocks[0]
    counted = _typical(rows) > np.finfo(float).tiny
    y = np.log(_typical(rows)[counted])
    w = np.ones(len(y)) if rows.weight is None else rows.weight[counted]
    own = x[counted]
    gram = (own.T * w) @ own
    size = np.sqrt(np.maximum(np.diag(gram), 1e-300))
    beta = np.linalg.lstsq(gram / np.outer(size, size), own.T @ (w * y) / size, rcond=1e-10)[0] / size
    rest = y - own @ beta
    spread = np.sqrt((w @ rest**2) / w.sum()) / _SPREAD.get(layout.family.name, 1.28)
    theta = np.zeros(layout.p)
    theta[: x.shape[1]] = beta
    event = rows.ended[counted]
    theta[0] += np.log((w @ np.exp(rest)) / (w @ event))
    if layout.blocks[1].shape[1]:
        theta[x.shape[1]] = np.log(np.clip(spread, 1e-3, 10.0))
    return theta


def _gamma_starts(rows: Rows, layout: Layout, active: np.ndarray, what: str) -> list[np.ndarray]:
    """Begin at the Weibull and at the log-normal, which the generalised gamma holds."""
    made = []
    shape = layout.p - 1
    for name, q in (("weibull", 1.0), ("log_normal", 0.1)):
        inner = Layout(FAMILIES[name], layout.blocks[:2])
        top, _ = best(rows, inner, active[active < shape], what)
        made.append(np.append(top.theta, q))
    return made


def _smooth_start(rows: Rows, layout: Layout, active: np.ndarray, what: str) -> np.ndarray:
    """Begin at the straight line in log time: the Weibull, log-logistic or log-normal."""
    law = layout.family.law
    name = next(f.name for f in FAMILIES.values() if isinstance(f, ScaleFamily) and f.free and f.law is law)
    n = rows.n
    x = np.column_stack([np.ones(n), layout.blocks[0]])
    inner = Layout(FAMILIES[name], (x, np.ones((n, 1))))
    own = [0] + [int(k) - layout.n_basis + 1 for k in active if k >= layout.n_basis] + [x.shape[1]]
    top, _ = best(rows, inner, np.array(own), what)
    slope = np.exp(-top.theta[-1])
    theta = np.zeros(layout.p)
    line = np.zeros(layout.n_basis)
    line[:2] = -top.theta[0] * slope, slope
    theta[: layout.n_basis] = np.linalg.solve(layout.basis.back, line)
    theta[layout.n_basis :] = -top.theta[1:-1] * slope
    return theta


def _mixed_starts(rows: Rows, layout: Layout, active: np.ndarray, what: str) -> list[np.ndarray]:
    """Begin where most of those left never leave, and where hardly anybody is cured."""
    k = layout.blocks[0].shape[1]
    base = layout.family.base
    w = np.ones(rows.n) if rows.weight is None else rows.weight
    share = np.clip(1 - (w @ rows.ended) / w.sum(), 0.05, 0.9)
    inner = Layout(base, layout.blocks[1:])
    own = active[active >= k] - k
    made = []
    for part, mask in ((0.9 * share, rows.ended), (0.1 * share, np.ones(rows.n, dtype=bool))):
        some = rows.subset(mask)
        thin = Layout(base, tuple(b[mask] for b in inner.blocks))
        if isinstance(base, GammaFamily):
            start = _gamma_simple(some, thin)
        else:
            start = _scale_start(some, thin)
        theta = np.zeros(layout.p)
        theta[0] = special.logit(part)
        theta[k:][own] = start[own]
        made.append(theta)
    return made


def _gamma_simple(rows: Rows, layout: Layout) -> np.ndarray:
    inner = Layout(FAMILIES["weibull"], layout.blocks[:2])
    return np.append(_scale_start(rows, inner), 0.7)
