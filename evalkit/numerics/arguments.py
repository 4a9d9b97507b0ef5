"""Arguments that several halls read alike: names of columns, numbers, seeds, levels and sides of a test.

Not for data: what is wrong with people is said by who reads them.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from evalkit.errors import InputError


def column_names(columns: Any, argument: str = "by") -> tuple[str, ...]:
    """Return one name or several as a tuple; refuse what names no column, and a column named twice."""
    listed = isinstance(columns, Sequence) and not isinstance(columns, str)
    names = () if columns is None else tuple(columns) if listed else (columns,)
    odd = [name for name in names if not isinstance(name, str)]
    if odd:
        raise InputError(
            f"{argument}: must name a column, or list names of columns, but was {columns!r}; "
            "columns whose name is not text must be renamed first"
        )
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise InputError(f"{argument}: {', '.join(map(repr, twice))} is named twice; name each column once")
    return names


def generator(seed: Any) -> np.random.Generator:
    """Return the generator of a seed, or refuse what is none.

    Examples
    --------
    >>> generator(-1)
    Traceback (most recent call last):
    evalkit.errors.InputError: seed: must be a whole number, 0 or more, but was -1
    """
    if not isinstance(seed, (int, np.integer)) or isinstance(seed, bool) or seed < 0:
        raise InputError(f"seed: must be a whole number, 0 or more, but was {seed!r}")
    return np.random.default_rng(int(seed))


def numbers(values: Any, argument: str) -> np.ndarray:
    """Return one number or several as an array of floats, or refuse what is none."""
    try:
        return np.atleast_1d(np.asarray(values, dtype=float))
    except (TypeError, ValueError):
        raise InputError(f"{argument}: must be a number or a list of numbers, but was {values!r}") from None


def one_number(value: Any, argument: str) -> float:
    """Return a number as a float, or refuse what is none, or several."""
    found = numbers(value, argument)
    if found.size != 1:
        raise InputError(f"{argument}: must be one number, but {found.size} were given")
    return float(found.ravel()[0])


def one_of(value: Any, allowed: Iterable[Any], argument: str) -> Any:
    """Return a value that is one of those allowed, or refuse it.

    Examples
    --------
    >>> one_of("both", ("greater", "less"), "alternative")
    Traceback (most recent call last):
    evalkit.errors.InputError: alternative: must be one of 'greater', 'less', but was 'both'
    """
    allowed = list(allowed)
    if not isinstance(value, (str, type(None), int)) or value not in allowed:
        raise InputError(f"{argument}: must be one of {', '.join(map(repr, allowed))}, but was {value!r}")
    return value


def level(value: Any, argument: str = "conf_level") -> float:
    """Return a level strictly between 0 and 1, or refuse it."""
    found = one_number(value, argument)
    if not 0 < found < 1:
        raise InputError(f"{argument}: must lie strictly between 0 and 1, but was {value!r}")
    return found
