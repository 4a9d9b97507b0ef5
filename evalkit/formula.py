"""Model formulas as data: names, `+ : * -`, and log, C, bs, poly; anything else is refused, nothing is ever executed.

Not a general formula language: a formula may come from a file, so what it can say is a list, not Python.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd

from evalkit.errors import Fault, InputError

FUNCTIONS = ("log", "C", "bs", "poly")
_ALLOWED = (
    'names, + : * -, numbers, log(x), C(x, ref="level"), bs(x, df=4), poly(x, 2), and `a name` in backquotes'
)
_TOKEN = re.compile(
    r"\s*(?:(?P<quoted>`[^`]+`)|(?P<name>[^\W\d][\w.]*)|(?P<number>\d+(?:\.\d+)?)"
    r"|(?P<text>\"[^\"\\]*\"|'[^'\\]*')|(?P<sign>[+:*(),=-]))"
)


@dataclass(frozen=True)
class Factor:
    """One column as the formula uses it: itself, or a function of it.

    Parameters
    ----------
    column : str
    function : {"", "log", "C", "bs", "poly"}
    options : mapping
        ``ref`` of C, ``df`` and ``degree`` of bs, ``degree`` of poly.
    """

    column: str
    function: str = ""
    options: tuple[tuple[str, Any], ...] = ()

    @property
    def label(self) -> str:
        """How the factor is written in the name of a term."""
        if self.function in ("", "C"):
            return self.column
        said = ", ".join([self.column, *(f"{k}={v:g}" for k, v in self.options)])
        return f"{self.function}({said})"


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
    """

    matrix: np.ndarray
    terms: tuple[str, ...]
    references: Mapping[str, str]
    kept: np.ndarray
    variables: tuple[str, ...]
    missing: Mapping[str, int] = field(default_factory=dict)


def parse(formula: str) -> list[tuple[Factor, ...]]:
    """Return the terms of a formula, each a product of factors.

    Raises
    ------
    InputError
        Saying where the formula leaves what is allowed.

    Examples
    --------
    >>> [":".join(f.label for f in term) for term in parse("age * site - site")]
    ['age', 'age:site']
    """
    return _Parser(formula).terms()


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
    columns = {f: _values(f, rows[f.column]) for f in factors if f.function in ("", "C", "log")}
    references = {
        f.column: str(column.cat.categories[0])
        for f, column in columns.items()
        if isinstance(column, pd.Series)
    }
    plain = all(len(term) == 1 and term[0].function in ("", "C") for term in terms)
    matrix, names = _plain(terms, columns, rows) if plain else _by_formulaic(terms, columns, rows)
    return Design(matrix, tuple(names), references, kept, variables, lacking)


# -- reading a formula -----------------------------------------------------------------------------------------------
class _Parser:
    def __init__(self, formula: str):
        if not isinstance(formula, str):
            raise InputError(f"formula: must be text, but was {type(formula).__name__}")
        self.formula = formula
        self.tokens: list[tuple[str, str]] = []
        at, text = 0, formula.rstrip()
        while at < len(text):
            found = _TOKEN.match(text, at)
            if not found:
                hint = " (the right-hand side only: the outcome is in the times)" if "~" in formula else ""
                raise self.refused(f"cannot read {text[at:].strip()[:20]!r}{hint}")
            kind = str(found.lastgroup)
            self.tokens.append(
                (kind, found[kind].strip("`\"'") if kind in ("quoted", "text") else found[kind])
            )
            at = found.end()
        self.at = 0

    def refused(self, what: str) -> InputError:
        return InputError(f"formula {self.formula!r}: {what}; allowed are {_ALLOWED}")

    def terms(self) -> list[tuple[Factor, ...]]:
        made = self.sum()
        if self.at < len(self.tokens):
            raise self.refused(f"did not expect {self.tokens[self.at][1]!r}")
        if not made:
            raise self.refused("it names no column")
        return made

    def peek(self) -> tuple[str, str]:
        return self.tokens[self.at] if self.at < len(self.tokens) else ("end", "the end")

    def take(self, *wanted: str) -> str | None:
        kind, text = self.peek()
        if kind == "sign" and text in wanted:
            self.at += 1
            return text
        return None

    def sum(self) -> list[tuple[Factor, ...]]:
        made = self.product()
        while sign := self.take("+", "-"):
            right = self.product()
            if sign == "+":
                made += [term for term in right if term not in made]
            elif not right:
                raise self.refused("the constant cannot be taken out: these models have none to estimate")
            else:
                made = [term for term in made if set(term) not in [set(t) for t in right]]
        return made

    def product(self) -> list[tuple[Factor, ...]]:
        made = self.interaction()
        while self.take("*"):
            right = self.interaction()
            made = list(dict.fromkeys([*made, *right, *self.crossed(made, right)]))
        return made

    def interaction(self) -> list[tuple[Factor, ...]]:
        made = self.factor()
        while self.take(":"):
            made = self.crossed(made, self.factor())
        return made

    def crossed(self, left: list, right: list) -> list[tuple[Factor, ...]]:
        if not left or not right:
            raise self.refused("a number cannot be part of a product")
        return [tuple(dict.fromkeys(a + b)) for a in left for b in right]

    def factor(self) -> list[tuple[Factor, ...]]:
        kind, text = self.peek()
        if self.take("("):
            made = self.sum()
            if not self.take(")"):
                raise self.refused("a parenthesis is not closed")
            return made
        self.at += 1
        if kind == "number":
            if float(text) == 1:
                return []
            raise self.refused(f"the number {text} is no term")
        if kind == "name" and self.peek() == ("sign", "("):
            return [(self.call(text),)]
        if kind in ("name", "quoted"):
            return [(Factor(text),)]
        raise self.refused(f"did not expect {text!r}")

    def call(self, function: str) -> Factor:
        if function not in FUNCTIONS:
            raise self.refused(f"{function}(...) is not one of {', '.join(FUNCTIONS)}")
        self.take("(")
        kind, column = self.peek()
        if kind not in ("name", "quoted"):
            raise self.refused(f"{function}(...) takes a column first")
        self.at += 1
        options = {}
        while self.take(","):
            name = self.peek()[1] if self.peek()[0] == "name" else None
            if name is not None:
                self.at += 1
                if not self.take("="):
                    raise self.refused(f"did not expect {name!r} in {function}(...)")
            kind, text = self.peek()
            if kind not in ("number", "text"):
                raise self.refused(f"did not expect {text!r} in {function}(...)")
            self.at += 1
            options[name or ""] = float(text) if kind == "number" else text
        if not self.take(")"):
            raise self.refused(f"{function}(...) is not closed")
        return Factor(column, function, self.options(function, options))

    def options(self, function: str, given: dict[str, Any]) -> tuple[tuple[str, Any], ...]:
        known = {"log": (), "C": ("ref",), "bs": ("df", "degree"), "poly": ("degree",)}[function]
        if "" in given and known:
            given[known[0]] = given.pop("")
        wrong = [k for k in given if k not in known] or [
            k for k, v in given.items() if k != "ref" and (isinstance(v, str) or v != int(v) or v < 1)
        ]
        if wrong:
            raise self.refused(f"{function}(...) does not take {wrong[0]}={given[wrong[0]]!r}")
        if function == "poly":
            given.setdefault("degree", 1)
        if function == "bs":
            given.setdefault("df", 4)
        return tuple(sorted((k, v if k == "ref" else int(v)) for k, v in given.items()))


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
    for name in variables:
        column = data[name]
        gone = _missing(column)
        if gone is not None and gone.any():
            lacking[name] = int(gone.sum())
            kept &= ~gone
        if pd.api.types.is_datetime64_any_dtype(column):
            faults.append(f"{name}: dates are no covariate; turn them into numbers (days since …) first")
        elif n := _infinite(column):
            faults.append(f"{name}: infinite in {n} of {len(data)} rows; mend them")
    for f in factors:
        column = data[f.column]
        number = pd.api.types.is_numeric_dtype(column) and not pd.api.types.is_bool_dtype(column)
        if f.function in ("log", "bs", "poly") and not number:
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


def _is_category(dtype: Any) -> bool:
    return isinstance(dtype, pd.CategoricalDtype)


def _plain(
    terms: list[tuple[Factor, ...]], columns: Mapping[Factor, Any], rows: pd.DataFrame
) -> tuple[np.ndarray, list[str]]:
    """Encode a sum of columns without formulaic."""
    names: list[str] = []
    for (factor,) in terms:
        column = columns[factor]
        levels = column.cat.categories[1:] if isinstance(column, pd.Series) else [None]
        names += [factor.label if level is None else f"{factor.label}[{level}]" for level in levels]
    matrix = np.empty((len(rows), len(names)), order="F")
    at = 0
    for (factor,) in terms:
        column = columns[factor]
        if not isinstance(column, pd.Series):
            matrix[:, at] = column
            at += 1
            continue
        codes = column.cat.codes.to_numpy()
        for level in range(1, len(column.cat.categories)):
            matrix[:, at] = codes == level
            at += 1
    return matrix, names


def _by_formulaic(
    terms: list[tuple[Factor, ...]], columns: Mapping[Factor, Any], rows: pd.DataFrame
) -> tuple[np.ndarray, list[str]]:
    """Encode products and splines. formulaic sees our own names only: no text of the formula reaches it."""
    from formulaic import model_matrix

    factors = list(dict.fromkeys(f for term in terms for f in term))
    alias = {f: f"v{i}_" for i, f in enumerate(factors)}
    frame = pd.DataFrame(
        {alias[f]: columns[f] if f in columns else rows[f.column].astype(float) for f in factors}
    )
    written = {}
    for f in factors:
        options = "".join(f", {k}={v}" for k, v in f.options)
        written[f] = f"{f.function}({alias[f]}{options})" if f.function in ("bs", "poly") else alias[f]
    made = model_matrix("1 + " + " + ".join(":".join(written[f] for f in term) for term in terms), frame)
    names = []
    for name in made.columns:
        for f in factors:
            name = name.replace(written[f], f.label)
        names.append(name.replace("[T.", "["))
    matrix = np.asfortranarray(made.to_numpy(dtype=float)[:, 1:])
    return matrix, names[1:]
