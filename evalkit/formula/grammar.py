"""The grammar of model formulas: text to products of factors, or a sentence saying where it leaves what is allowed.

Not the columns: `evalkit.formula` makes them of data.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from evalkit.errors import InputError

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
    return list(_terms(formula)) if isinstance(formula, str) else _Parser(formula).terms()


@lru_cache(maxsize=64)
def _terms(formula: str) -> tuple[tuple[Factor, ...], ...]:
    """Return the terms; a formula fitted a thousand times (bootstrap, simulation) is read once."""
    return tuple(_Parser(formula).terms())


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
