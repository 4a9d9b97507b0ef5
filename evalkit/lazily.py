"""Public names of a package that load when first used (PEP 562).

Not a place for names: each package holds its own table.
"""

from __future__ import annotations

import importlib
import sys
from collections.abc import Callable, Mapping
from typing import Any


def lazily(package: str, homes: Mapping[str, str]) -> tuple[Callable[[str], Any], Callable[[], list[str]]]:
    """Return the ``__getattr__`` and ``__dir__`` of a package.

    Parameters
    ----------
    package : str
        Its ``__name__``.
    homes : mapping of str to str
        Public name to the module below the package that holds it.

    Examples
    --------
    >>> getter, names = lazily("evalkit", {"Policy": "disclosure"})
    >>> getter("Policy").__name__
    'Policy'
    """
    names = vars(sys.modules[package])

    def find(name: str) -> Any:
        if name not in homes:
            raise AttributeError(f"module {package!r} has no attribute {name!r}")
        names[name] = value = getattr(importlib.import_module(f"{package}.{homes[name]}"), name)
        return value

    return find, lambda: sorted({*names, *homes})
