"""Fill in missing values several times, each column from the others in turn, so that what is not known stays spread out.

Not for pooling the answers (`rubin`), nor for values that are missing for reasons the other columns do not tell.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from evalkit.errors import InputError

#: People whose prediction is nearest lend their value (predictive mean matching).
DONORS = 5
#: So weak a pull towards 0 changes no estimable coefficient and keeps the others finite (as few extra people as R's mice adds).
_RIDGE = 1e-5
#: More levels than this are names, not categories.
MOST_LEVELS = 20


@dataclass(frozen=True)
class Column:
    """What kind of values a column holds.

    Parameters
    ----------
    name : str
    kind : {"number", "category"}
    levels : tuple
        Of a category, in order.
    """

    name: str
    kind: str
    levels: tuple = ()


def chained(
    frame: pd.DataFrame, outcome: np.ndarray, m: int, iterations: int, rng: np.random.Generator
) -> list[pd.DataFrame]:
    """Return `m` frames without missing values.

    Parameters
    ----------
    frame : DataFrame, n rows
        Numbers (predictive mean matching), true/false and categories (multinomial logistic regression).
    outcome : float array, shape (n, q)
        Complete columns that every imputation looks at too.
    m, iterations : int
    rng : Generator

    Raises
    ------
    InputError
        A column with no value at all, with too many levels to be a category, or of dates.

    Notes
    -----
    Chained equations: van Buuren & Groothuis-Oudshoorn (2011), Journal of Statistical Software 45(3), §2.3; coefficients drawn
    from their posterior, matching of type 1, five donors.

    Examples
    --------
    >>> people = pd.DataFrame({"age": [17.0, 18, np.nan, 20, 19, 18, 17]})
    >>> made = chained(people, np.zeros((7, 0)), m=2, iterations=1, rng=np.random.default_rng(1))
    >>> [int(one["age"].isna().sum()) for one in made]
    [0, 0]
    """
    columns = [describe(frame[name]) for name in frame]
    gaps = {c.name: frame[c.name].isna().to_numpy() for c in columns}
    holes = sorted((c for c in columns if gaps[c.name].any()), key=lambda c: gaps[c.name].sum())
    return [_one(frame, columns, holes, gaps, outcome, iterations, rng) for _ in range(m)]


def describe(column: pd.Series) -> Column:
    """Return what kind of values a column holds, or say why it cannot be filled in."""
    name = str(column.name)
    if column.isna().all():
        raise InputError(f"{name}: missing for everybody; nothing tells what it could be: leave it out")
    if pd.api.types.is_datetime64_any_dtype(column):
        raise InputError(f"{name}: dates are not filled in; turn them into numbers (days since …) first")
    if pd.api.types.is_numeric_dtype(column) and not pd.api.types.is_bool_dtype(column):
        return Column(name, "number")
    if isinstance(column.dtype, pd.CategoricalDtype):
        seen = set(column.dropna())
        levels = tuple(level for level in column.cat.categories if level in seen)
    else:
        levels = tuple(sorted(column.dropna().unique()))
    if len(levels) > MOST_LEVELS:
        raise InputError(
            f"{name}: {len(levels)} different texts are names, not categories; leave it out or group them"
        )
    return Column(name, "category", levels)


def _one(
    frame: pd.DataFrame,
    columns: list[Column],
    holes: list[Column],
    gaps: dict[str, np.ndarray],
    outcome: np.ndarray,
    iterations: int,
    rng: np.random.Generator,
) -> pd.DataFrame:
    coded = {c.name: _coded(c, frame[c.name]) for c in columns}
    for c in holes:
        gap = gaps[c.name]
        coded[c.name][gap] = rng.choice(coded[c.name][~gap], gap.sum())
    for _ in range(iterations):
        for c in holes:
            others = [_design(other, coded[other.name]) for other in columns if other is not c]
            x = _standardised(np.column_stack([np.ones(len(frame)), outcome, *others]))
            draw = _numbers if c.kind == "number" else _categories
            coded[c.name][gaps[c.name]] = draw(x, coded[c.name], gaps[c.name], len(c.levels), rng)
    return frame.assign(**{c.name: _decoded(c, frame[c.name], coded[c.name]) for c in holes})


def _coded(c: Column, values: pd.Series) -> np.ndarray:
    if c.kind == "number":
        return values.to_numpy(dtype=float, na_value=np.nan, copy=True)
    place = {level: float(i) for i, level in enumerate(c.levels)}
    return np.array([place.get(v, np.nan) for v in values])


def _decoded(c: Column, before: pd.Series, code: np.ndarray) -> pd.Series:
    if c.kind == "number":
        return pd.Series(code, index=before.index)
    values = [c.levels[int(i)] for i in code]
    if isinstance(before.dtype, pd.CategoricalDtype):
        return pd.Series(pd.Categorical(values, dtype=before.dtype), index=before.index)
    return pd.Series(values, index=before.index)


def _design(c: Column, code: np.ndarray) -> np.ndarray:
    return (
        code[:, None] if c.kind == "number" else (code[:, None] == np.arange(1, len(c.levels))).astype(float)
    )


def _standardised(x: np.ndarray) -> np.ndarray:
    """Return the columns on one scale, so that one ridge suits all; the constant stays."""
    spread = x[:, 1:].std(axis=0)
    x[:, 1:] = (x[:, 1:] - x[:, 1:].mean(axis=0)) / np.where(spread > 0, spread, 1.0)
    return x


def _numbers(x: np.ndarray, y: np.ndarray, gap: np.ndarray, _: int, rng: np.random.Generator) -> np.ndarray:
    """Draw values of people whose prediction is near."""
    seen, values = x[~gap], y[~gap]
    # Otherwise the ridge would pull the constant too: by much when values are far from 0.
    known = values - values.mean()
    gram = seen.T @ seen
    gram[np.diag_indices_from(gram)] *= 1 + _RIDGE
    gram[np.diag_indices_from(gram)] += _RIDGE
    inverse = np.linalg.inv(gram)
    beta = inverse @ (seen.T @ known)
    left = known - seen @ beta
    sigma = np.sqrt(left @ left / rng.chisquare(max(len(known) - x.shape[1], 1)))
    drawn = beta + sigma * np.linalg.cholesky((inverse + inverse.T) / 2) @ rng.standard_normal(len(beta))
    fitted, wanted = seen @ beta, x[gap] @ drawn
    order = np.argsort(fitted, kind="stable")
    donors = min(DONORS, len(known))
    # The nearest predictions are neighbours once sorted.
    first = np.clip(np.searchsorted(fitted[order], wanted) - donors, 0, max(len(known) - 2 * donors, 0))
    window = first[:, None] + np.arange(min(2 * donors, len(known)))
    distance = np.abs(fitted[order][window] - wanted[:, None])
    nearest = np.argsort(distance, axis=1, kind="stable")[:, :donors]
    chosen = nearest[np.arange(len(wanted)), rng.integers(0, donors, len(wanted))]
    place = window[np.arange(len(wanted)), chosen]
    return values[order[_among_ties(fitted[order], place, rng)]]


def _among_ties(ordered: np.ndarray, place: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Return places with the same prediction, drawn at random: without it the first people of the table would lend for all alike."""
    near = 1e-9 * (np.ptp(ordered) + np.abs(ordered).max())
    first = np.searchsorted(ordered, ordered[place] - near, side="left")
    last = np.searchsorted(ordered, ordered[place] + near, side="right")
    if (last - first == 1).all():
        return place
    return rng.integers(first, last)


def _categories(
    x: np.ndarray, y: np.ndarray, gap: np.ndarray, k: int, rng: np.random.Generator
) -> np.ndarray:
    """Draw levels from a multinomial logistic regression whose coefficients are drawn too."""
    if k == 1:
        return np.zeros(gap.sum())
    seen = x[~gap]
    chosen = (y[~gap, None] == np.arange(1, k)).astype(float)
    p = x.shape[1]
    beta = np.zeros((k - 1, p))
    for _ in range(50):
        share = _shares(seen, beta)[:, 1:]
        gradient = (chosen - share).T @ seen - _RIDGE * len(seen) * beta
        information = np.empty((k - 1, p, k - 1, p))
        for a in range(k - 1):
            for b in range(k - 1):
                weight = share[:, a] * ((a == b) - share[:, b])
                information[a, :, b] = (seen * weight[:, None]).T @ seen
        flat = information.reshape((k - 1) * p, (k - 1) * p)
        flat[np.diag_indices_from(flat)] += _RIDGE * len(seen)
        step = np.linalg.solve(flat, gradient.ravel())
        beta = beta + np.clip(step, -2.0, 2.0).reshape(k - 1, p)
        if np.abs(step).max() < 1e-6:
            break
    root = np.linalg.cholesky(np.linalg.inv((flat + flat.T) / 2))
    drawn = beta + (root @ rng.standard_normal(beta.size)).reshape(k - 1, p)
    upto = np.cumsum(_shares(x[gap], drawn), axis=1)
    return (rng.random(gap.sum())[:, None] > upto[:, :-1]).sum(axis=1).astype(float)


def _shares(x: np.ndarray, beta: np.ndarray) -> np.ndarray:
    score = np.column_stack([np.zeros(len(x)), x @ beta.T])
    score = np.exp(score - score.max(axis=1, keepdims=True))
    return score / score.sum(axis=1, keepdims=True)
