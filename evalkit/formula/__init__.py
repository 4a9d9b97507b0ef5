"""Model formulas as data: names, `+ : * -`, and log, C, bs, poly; anything else is refused, nothing is ever executed.

Not a general formula language: a formula may come from a file, so what it can say is a list, not Python.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd

from evalkit.errors import Fault, InputError
from evalkit.formula.grammar import Factor, parse

__all__ = ["Design", "design", "parse"]


@dataclass(frozen=True, eq=False)
class Design:
    """The columns of a model.

    Parameters
    ----------
    matrix : float array, shape (rows kept, p), columns contiguous
        Without a constant column.
    terms : tuple of str
        Names of the columns: ``age``, ``site[north]``, ``fin:wexp`` …
    references : mapping
        Column to the level its terms are compared with.
    kept : bool array, shape (n,)
        Rows with nothing missing.
    variables : tuple of str
        Columns of the data the formula uses.
    missing : mapping
        Column to how many rows lack it.
    groups : tuple of (str, tuple of int)
        Each term as the formula has it (``site``, ``fin:wexp``) and its columns in the matrix.
    levels : mapping
        Column to its levels, the reference first.
    recipe : tuple
        What `encode` needs: the products of factors, the levels of each, and the knots of splines.
    """

    matrix: np.ndarray
    terms: tuple[str, ...]
    references: Mapping[str, str]
    kept: np.ndarray
    variables: tuple[str, ...]
    missing: Mapping[str, int] = field(default_factory=dict)
    groups: tuple[tuple[str, tuple[int, ...]], ...] = ()
    levels: Mapping[str, tuple] = field(default_factory=dict)
    recipe: tuple[tuple[tuple[Factor, ...], ...], Mapping[Factor, tuple], Any] = ((), {}, None)

    def encode(self, data: pd.DataFrame) -> np.ndarray:
        """Return the same columns for other data: same levels, same reference, same knots.

        Parameters
        ----------
        data : DataFrame, m rows

        Returns
        -------
        float array, shape (m, p)

        Raises
        ------
        InputError
            Columns absent or missing values, levels that the model has not seen, text for numbers, values outside a spline's range.

        Examples
        --------
        >>> made = design("site", pd.DataFrame({"site": ["a", "b", "c"]}))
        >>> made.encode(pd.DataFrame({"site": ["c", "a"]})).tolist()
        [[0.0, 1.0], [0.0, 0.0]]
        """
        terms, levels, spec = self.recipe
        factors = list(dict.fromkeys(f for term in terms for f in term))
        _complete(self.variables, factors, data, "error")
        columns = {
            f: _known_values(f, data[f.column], levels.get(f))
            for f in factors
            if f.function in ("", "C", "log")
        }
        if spec is None:
            return _plain(terms, columns, data)[0]
        from formulaic.errors import FactorEvaluationError

        try:
            made = spec.get_model_matrix(_aliased_frame(factors, columns, data))
        except FactorEvaluationError as error:
            outside = [f.label for f in factors if f.function == "bs"]
            raise InputError(
                f"{', '.join(outside) or 'formula'}: the new values leave the range of those the model was made with"
            ) from error
        return np.asfortranarray(made.to_numpy(dtype=float)[:, 1:])


def design(formula: str, data: pd.DataFrame, missing: str = "error") -> Design:
    """Return the model's columns for these data.

    Parameters
    ----------
    formula : str
        Right-hand side only.
    data : DataFrame, n rows
    missing : {"error", "drop"}
        What to do with rows in which a column of the formula is missing.

    Raises
    ------
    InputError
        Unknown columns, infinite values, missing values (unless dropped), dates, log of what is not positive: all at once.

    Notes
    -----
    Text and categories are compared with their first level (sorted, or in the categories' order); ``C(x, ref="b")`` chooses
    another and makes categories of numbers. True/false is 1/0.

    Examples
    --------
    >>> people = pd.DataFrame({"age": [17, 18, 20], "site": ["a", "b", "a"]})
    >>> made = design("age + site", people)
    >>> made.terms, made.matrix.tolist(), dict(made.references)
    (('age', 'site[b]'), [[17.0, 0.0], [18.0, 1.0], [20.0, 0.0]], {'site': 'a'})
    """
    if missing not in ("error", "drop"):
        raise InputError(f"missing: must be 'error' or 'drop', but was {missing!r}")
    terms = parse(formula)
    factors = list(dict.fromkeys(f for term in terms for f in term))
    variables = tuple(dict.fromkeys(f.column for f in factors))
    kept, lacking = _complete(variables, factors, data, missing)
    rows = data if kept.all() else data.loc[kept]
    _refuse_few(factors, rows)
    columns = {f: _values(f, rows[f.column]) for f in factors if f.function in ("", "C", "log")}
    levels = {
        f: tuple(column.cat.categories) for f, column in columns.items() if isinstance(column, pd.Series)
    }
    references = {f.column: str(found[0]) for f, found in levels.items() if len(found) > 1}
    spec = None
    if all(len(term) == 1 and term[0].function in ("", "C") for term in terms):
        matrix, names, sizes = _plain(terms, columns, rows)
    else:
        matrix, names, sizes, spec = _by_formulaic(terms, columns, rows)
    ends = np.cumsum([size for _, size in sizes]).tolist()
    groups = tuple(
        (":".join(f.label for f in term), tuple(range(end - size, end)))
        for (term, size), end in zip(sizes, ends, strict=True)
    )
    recipe = (tuple(terms), levels, spec)
    shown = {f.column: found for f, found in levels.items()}
    return Design(matrix, tuple(names), references, kept, variables, lacking, groups, shown, recipe)


# -- columns ---------------------------------------------------------------------------------------------------------
def _complete(
    variables: tuple[str, ...], factors: list[Factor], data: pd.DataFrame, missing: str
) -> tuple[np.ndarray, dict[str, int]]:
    """Return which rows have everything, and how many lack each column; or refuse, all faults at once."""
    absent = [c for c in variables if c not in data]
    if absent:
        have = ", ".join(map(str, data.columns)) or "none"
        raise InputError(f"formula: no column {', '.join(map(repr, absent))} in the data; they are {have}")
    faults, lacking = [], {}
    kept = np.ones(len(data), dtype=bool)
    with np.errstate(all="ignore"):
        unsure = {name: column for name in variables if not _all_numbers(column := data[name])}
    for name, column in unsure.items():
        gone = _missing(column)
        if gone is not None and gone.any():
            lacking[name] = int(gone.sum())
            kept &= ~gone
        if pd.api.types.is_datetime64_any_dtype(column):
            faults.append(f"{name}: dates are no covariate; turn them into numbers (days since …) first")
        elif n := _infinite(column):
            faults.append(f"{name}: infinite in {n} of {len(data)} rows; mend them")
    for f in [f for f in factors if f.function in ("log", "bs", "poly")]:
        column = data[f.column]
        number = pd.api.types.is_numeric_dtype(column) and not pd.api.types.is_bool_dtype(column)
        if not number:
            faults.append(f"{f.label}: {f.column} holds {column.dtype}, not numbers")
        elif f.function == "log" and (n := int((column <= 0).sum())):
            faults.append(
                f"{f.label}: {f.column} is zero or negative in {n} of {len(data)} rows, where log has no value"
            )
    if lacking and missing == "error":
        said = ", ".join(f"{c} in {n}" for c, n in lacking.items())
        rows = np.flatnonzero(~kept)[:5]
        faults.append(
            f"missing: {said} of {len(data)} rows (rows {', '.join(map(str, rows))}{', …' if (~kept).sum() > 5 else ''}, "
            "counted from 0); fill them in, or say missing='drop' to leave those rows out and have them counted"
        )
    if faults:
        raise InputError([Fault({"en": f}) for f in faults])
    if not kept.any():
        raise InputError("missing: every row lacks something the formula uses; nothing is left")
    return kept, lacking


def _refuse_few(factors: list[Factor], rows: pd.DataFrame) -> None:
    """Refuse a polynomial of fewer values than its degree can tell apart."""
    for f in [f for f in factors if f.function == "poly"]:
        if (few := rows[f.column].nunique()) <= dict(f.options)["degree"]:
            raise InputError(
                f"{f.label}: {f.column} has {few} distinct values, too few to tell apart; take a lower degree, or {f.column} itself"
            )


def _all_numbers(column: pd.Series) -> bool:
    """Return whether a plain column of numbers lacks none and has none infinite, in one pass; False when it must be looked at."""
    if not isinstance(column.dtype, np.dtype) or column.dtype.kind not in "iuf":
        return False
    return bool(np.isfinite(np.add.reduce(column.to_numpy())))


def _missing(column: pd.Series) -> np.ndarray | None:
    """Return where a column has no value, None when it cannot lack any."""
    if not isinstance(column.dtype, np.dtype) or column.dtype.kind not in "iubf":
        return column.isna().to_numpy()
    return np.isnan(column.to_numpy()) if column.dtype.kind == "f" else None


def _infinite(column: pd.Series) -> int:
    if not pd.api.types.is_float_dtype(column):
        return 0
    return int(np.isinf(column.to_numpy(dtype=float, na_value=np.nan)).sum())


def _values(factor: Factor, column: pd.Series) -> Any:
    """Return the column as the formula takes it: an array of numbers, or categories with the reference level first."""
    if not factor.function and isinstance(column.dtype, np.dtype) and column.dtype.kind in "iufb":
        return column.to_numpy(dtype=float)
    category = factor.function == "C" or not pd.api.types.is_numeric_dtype(column)
    if not category or (pd.api.types.is_bool_dtype(column) and factor.function != "C"):
        numbers = column.to_numpy(dtype=float)
        return np.log(numbers) if factor.function == "log" else numbers
    if not _is_category(column.dtype):
        code, found = pd.factorize(column, sort=True)
        column = pd.Series(pd.Categorical.from_codes(code, found), index=column.index)
    reference = dict(factor.options).get("ref")
    if reference is None:
        return column
    levels = list(column.cat.categories)
    match = [v for v in levels if v == reference or str(v) == str(reference)]
    if not match:
        shown = ", ".join(map(str, levels[:12]))
        raise InputError(f"C({factor.column}, ref={reference!r}): no such level; they are {shown}")
    return column.cat.reorder_categories([match[0], *(v for v in levels if v != match[0])])


def _known_values(factor: Factor, column: pd.Series, levels: tuple | None) -> Any:
    """Return a column of other data as `_values` gave it, or say what the model does not know."""
    number = pd.api.types.is_numeric_dtype(column)
    if levels is None:
        if not number:
            raise InputError(
                f"{factor.column}: holds {column.dtype}, but was numbers when the model was made"
            )
        return _values(factor, column)
    code = pd.Index(levels, dtype=object).get_indexer(column.astype(object))
    if (code < 0).any():
        new = ", ".join(map(repr, pd.unique(column[code < 0])[:5].tolist()))
        raise InputError(
            f"{factor.column}: the model knows no level {new} ({int((code < 0).sum())} of {len(column)} rows); "
            f"it knows {', '.join(map(str, levels[:12]))}"
        )
    return pd.Series(pd.Categorical.from_codes(code, list(levels)))


def _is_category(dtype: Any) -> bool:
    return isinstance(dtype, pd.CategoricalDtype)


def _plain(
    terms: Sequence[tuple[Factor, ...]], columns: Mapping[Factor, Any], rows: pd.DataFrame
) -> tuple[np.ndarray, list[str], list[tuple[tuple[Factor, ...], int]]]:
    """Encode a sum of columns without formulaic; return the matrix, its names, and how many columns each term has."""
    names: list[str] = []
    sizes = []
    for term in terms:
        column = columns[term[0]]
        levels = [None] if not isinstance(column, pd.Series) else column.cat.categories[_first(column) :]
        names += [term[0].label if level is None else f"{term[0].label}[{level}]" for level in levels]
        sizes.append((term, len(levels)))
    side_by_side = _one_matrix([columns[factor] for (factor,) in terms])
    if side_by_side is not None:
        return side_by_side, names, sizes
    matrix = np.empty((len(rows), len(names)), order="F")
    at = 0
    for (factor,) in terms:
        column = columns[factor]
        if not isinstance(column, pd.Series):
            matrix[:, at] = column
            at += 1
            continue
        codes = column.cat.codes.to_numpy()
        for level in range(_first(column), len(column.cat.categories)):
            matrix[:, at] = codes == level
            at += 1
    return matrix, names, sizes


def _first(column: pd.Series) -> int:
    """Return the first level with a column of its own: an only level has one, a constant, so that it is named as one."""
    return min(1, len(column.cat.categories) - 1)


def _one_matrix(columns: Sequence[Any]) -> np.ndarray | None:
    """Return numbers that already lie one column after the other in memory as a read-only matrix, None when they do not."""
    first = columns[0]
    if not all(isinstance(c, np.ndarray) and c.dtype == float and c.flags.c_contiguous for c in columns):
        return None
    begin = first.__array_interface__["data"][0]
    if any(c.__array_interface__["data"][0] != begin + k * first.nbytes for k, c in enumerate(columns)):
        return None
    if any(c.base is not first.base for c in columns) or first.base is None:
        return None
    return np.lib.stride_tricks.as_strided(
        first, (len(first), len(columns)), (first.itemsize, first.nbytes), writeable=False
    )


def _by_formulaic(
    terms: Sequence[tuple[Factor, ...]], columns: Mapping[Factor, Any], rows: pd.DataFrame
) -> tuple[np.ndarray, list[str], list[tuple[tuple[Factor, ...], int]], Any]:
    """Encode products and splines. formulaic sees our own names only: no text of the formula reaches it."""
    from formulaic import model_matrix

    factors = list(dict.fromkeys(f for term in terms for f in term))
    written = {}
    for i, f in enumerate(factors):
        options = "".join(f", {k}={v}" for k, v in f.options)
        written[f] = f"{f.function}(v{i}_{options})" if f.function in ("bs", "poly") else f"v{i}_"
    made = model_matrix(
        "1 + " + " + ".join(":".join(written[f] for f in term) for term in terms),
        _aliased_frame(factors, columns, rows),
    )
    names = []
    for name in made.columns:
        for f in factors:
            name = name.replace(written[f], f.label)
        names.append(name.replace("[T.", "["))
    # formulaic puts products after the single columns.
    of = {frozenset(written[f] for f in term): term for term in terms}
    sizes = [
        (of[frozenset(str(f) for f in term.factors)], place.stop - place.start)
        for term, place in list(made.model_spec.term_slices.items())[1:]
    ]
    matrix = np.asfortranarray(made.to_numpy(dtype=float)[:, 1:])
    return matrix, names[1:], sizes, made.model_spec


def _aliased_frame(
    factors: Sequence[Factor], columns: Mapping[Factor, Any], rows: pd.DataFrame
) -> pd.DataFrame:
    """Return the columns under the names formulaic knows them by."""
    return pd.DataFrame({
        f"v{i}_": getattr(columns[f], "array", columns[f]) if f in columns else rows[f.column].to_numpy(dtype=float)
        for i, f in enumerate(factors)
    })  # fmt: skip
