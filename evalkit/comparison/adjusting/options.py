"""How to adjust: which methods, and what each may be told.

Not the people.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from evalkit.comparison.adjusting.pairing import ORDERS
from evalkit.errors import InputError
from evalkit.numerics.arguments import column_names, one_number, one_of

#: Every method, and those made when none is named.
METHODS = ("regression", "iptw", "matching", "aipw", "entropy", "overlap_weights", "ancova")
DEFAULT = METHODS[:5]
ESTIMANDS = ("att", "ate", "atc")


@dataclass(frozen=True)
class Options:
    """What may be said about the methods.

    Parameters
    ----------
    trim : float, optional
        People whose chance of being in either group is below it are left out, counted, and the score is fitted again.
    ratio : int
        Partners per person, in matching.
    replace : bool
        Whether a partner may be chosen again (the default: otherwise those who choose last are left with people unlike them).
    caliper : float, optional
        Farthest partner, in standard deviations of the logit of the chance.
    exact : tuple of str
        Columns of the formula on which partners must agree.
    order : {None, "largest", "smallest", "data"}
        Who chooses first; None: the largest chance when the treated choose, the smallest when the others do.
    """

    trim: float | None = None
    ratio: int = 1
    replace: bool = True
    caliper: float | None = None
    exact: tuple[str, ...] = ()
    order: str | None = None


def options_of(asked: Mapping[str, Any], columns: Sequence[str], function: str) -> Options:
    """Return the options, or refuse them.

    Raises
    ------
    InputError
        Unknown options, numbers out of range, exact columns that the formula does not have.

    Examples
    --------
    >>> options_of({"trim": 0.6}, ["age"], "two_groups")
    Traceback (most recent call last):
    evalkit.errors.InputError: two_groups: trim must lie between 0 and 0.5, but was 0.6
    """
    known = list(Options.__dataclass_fields__)
    if unknown := [name for name in asked if name not in known]:
        raise InputError(f"{function}: adjusting knows no option {unknown}; it knows {known}")
    found = {name: value for name, value in asked.items() if value is not None}
    for name, top in (("trim", 0.5), ("caliper", float("inf"))):
        if name in found:
            found[name] = one_number(found[name], name)
            if not 0 < found[name] < top:
                said = f"lie between 0 and {top}" if name == "trim" else "be above 0 and finite"
                raise InputError(f"{function}: {name} must {said}, but was {asked[name]!r}")
    if "ratio" in found:
        ratio = one_number(found["ratio"], "ratio")
        if ratio < 1 or ratio != int(ratio):
            raise InputError(
                f"{function}: ratio must be a whole number, 1 or more, but was {asked['ratio']!r}"
            )
        found["ratio"] = int(ratio)
    if "replace" in found:
        found["replace"] = bool(one_of(found["replace"], (True, False), "replace"))
    if "order" in found:
        one_of(found["order"], ORDERS, "order")
    if "exact" in found:
        found["exact"] = column_names(found["exact"], "exact")
        absent = [c for c in found["exact"] if c not in columns]
        if absent:
            raise InputError(
                f"{function}: exact names {absent}, which the formula does not; it has {list(columns)}"
            )
    return Options(**found)


def methods_of(asked: Any, function: str) -> tuple[str, ...]:
    """Return the methods asked, or those made when none is; refuse those unknown.

    Examples
    --------
    >>> methods_of((), "two_groups")
    ('regression', 'iptw', 'matching', 'aipw', 'entropy')
    """
    names = column_names(asked, "method") or DEFAULT
    if unknown := [name for name in names if name not in METHODS]:
        raise InputError(f"{function}: adjusting knows no method {unknown}; it knows {list(METHODS)}")
    return names
