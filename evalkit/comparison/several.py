"""Several outcomes tested together: each p-value beside the one adjusted for all, and those that could not be made.

Not a choice of the family: which outcomes belong together is decided, and written down, before the data are seen.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from evalkit.comparison.core.answer import Comparison, reasons
from evalkit.comparison.core.rows import frame, missing_row, row
from evalkit.disclosure import Policy
from evalkit.errors import InputError
from evalkit.numerics.arguments import level, one_of
from evalkit.numerics.multiple import adjusted
from evalkit.provenance import Provenance, digest
from evalkit.result import Result
from evalkit.wording import Message, labels, message

METHODS = ("holm", "bh")
#: What a row of a family keeps of the answer it comes from.
_KEPT = ("estimate", "std_error", "statistic", "df", "p_floor", "conf_low", "conf_high", "conf_level", "n")


@dataclass(frozen=True, repr=False)
class Outcomes(Comparison):
    """One row per outcome: its estimate and p-value as they were, and the p-value adjusted for the family (`p_adjusted`)."""

    def _cell(self, column: str, value: Any, lang: str) -> str:
        return super()._cell("p_value" if column == "p_adjusted" else column, value, lang)

    sources: tuple[tuple[int, Result, Any], ...] = ()

    def _suppressed(self, policy: Policy) -> tuple[pd.DataFrame, int]:
        # Each answer knows what of itself may be shown; a family of answers shows no more of them.
        table, _ = super()._suppressed(policy)
        table = table.copy()
        for at, result, row_of_it in self.sources:
            shown = result.publish(policy).table.loc[row_of_it]
            if shown["status"] == "suppressed":
                lost = [c for c in _KEPT if c in shown and shown[c] != shown[c]]
                table.loc[at, [c for c in lost if c in table]] = np.nan
                table.loc[at, ["p_value", "p_adjusted"]] = np.nan
                table.loc[at, "status"] = "suppressed"
        gone = (table["status"] == "suppressed").to_numpy()
        return table.assign(p_adjusted=table["p_adjusted"].mask(gone)), int(gone.sum())


def multiple_outcomes(
    tests: Mapping[str, Any] | pd.Series,
    method: str = "holm",
    *,
    term: str | None = None,
    how: str | None = None,
    alpha: float = 0.05,
    provenance: Provenance | None = None,
) -> Outcomes:
    """Adjust the p-values of several outcomes for having been tested together.

    Parameters
    ----------
    tests : mapping of outcome to Result, p-value or None; or Series of p-values
        One entry per outcome. None or nan: the test could not be made; it is kept, said, and does not count in the family.
    method : {"holm", "bh"}
        Holm keeps the chance of even one false finding at `alpha`; Benjamini and Hochberg the expected share of false ones among
        the findings.
    term, how : str, optional
        Which row of each Result: its ``term`` and its ``method``. Not needed when a Result has one p-value only.
    alpha : float
    provenance : Provenance, optional
        Default: the strictest of those of the Results (records before the rest).

    Returns
    -------
    Outcomes
        One row per outcome (column ``outcome``), with ``p_value`` and ``p_adjusted``.

    Raises
    ------
    InputError
        No test; a p-value outside [0, 1]; a Result with no such row, or with several p-values and neither `term` nor `how`.

    References
    ----------
    Holm (1979), Scandinavian Journal of Statistics 6:65. Benjamini & Hochberg (1995), JRSS B 57:289.

    Examples
    --------
    >>> answer = multiple_outcomes({"training": 0.01, "job": 0.04, "housing": 0.03, "health": None})
    >>> answer.tidy()[["outcome", "p_value", "p_adjusted", "status"]]
        outcome  p_value  p_adjusted         status
    0  training     0.01        0.03             ok
    1       job     0.04        0.06             ok
    2   housing     0.03        0.06             ok
    3    health      NaN         NaN  not_estimable
    """
    one_of(method, METHODS, "method")
    level(alpha, "alpha")
    named = dict(tests.items()) if isinstance(tests, (Mapping, pd.Series)) else None
    if named is None:
        raise InputError(
            f"multiple_outcomes: tests must map each outcome to its answer, but was {type(tests).__name__}"
        )
    if not named:
        raise InputError("multiple_outcomes: there is no test; give at least one outcome")
    if isinstance(tests, pd.Series) and not tests.index.is_unique:
        raise InputError(
            f"multiple_outcomes: outcomes named twice: {tests.index[tests.index.duplicated()].unique().tolist()}"
        )
    chosen = {name: _chosen(str(name), v, term, how) for name, v in named.items() if isinstance(v, Result)}
    rows = [
        _of_result(str(name), chosen[name]) if name in chosen else _of_number(str(name), value)
        for name, value in named.items()
    ]
    family = adjusted([r["p_value"] for r in rows], method)
    rows = [r | {"p_adjusted": float(p)} for r, p in zip(rows, family, strict=True)]
    table = frame(rows, keys=("outcome",)).drop(columns=["part", "count"])
    table.insert(table.columns.get_loc("p_value") + 1, "p_adjusted", [r["p_adjusted"] for r in rows])
    made = int(np.isfinite(family).sum())
    return Outcomes(
        table,
        message("comparison_several.question"),
        (*_caveats(table, made, method, alpha), *reasons(table)),
        provenance or _strictest(named),
        {
            "n_tests": len(rows),
            "n_made": made,
            "n_below": int((family <= alpha).sum()),
            "method": method,
            "alpha": alpha,
        },
        {**_labels(named), **labels("comparison_several", "p_adjusted", "test")},
        sources=tuple(
            (at, v, chosen[name].name) for at, (name, v) in enumerate(named.items()) if name in chosen
        ),
    )


def _of_number(name: str, value: Any) -> dict:
    try:
        p = math.nan if value is None or value is pd.NA else float(value)
    except (TypeError, ValueError):
        raise InputError(
            f"multiple_outcomes: {name!r} must be a Result, a p-value or None, but was {type(value).__name__}"
        ) from None
    if math.isnan(p):
        return missing_row("test", "", "", math.nan, message("comparison_several.not_made")) | {
            "outcome": name
        }
    if not 0 <= p <= 1:
        raise InputError(f"multiple_outcomes: the p-value of {name!r} must lie in [0, 1], but was {p}")
    if p == 0:
        raise InputError(
            f"multiple_outcomes: the p-value of {name!r} is 0, which no test can give; look for a degenerate variance"
        )
    return row("test", p_value=p) | {"outcome": name}


def _chosen(name: str, result: Result, term: str | None, how: str | None) -> pd.Series:
    """Return the one row of a Result that is meant."""
    table = result.table
    if "p_value" not in table:
        raise InputError(f"multiple_outcomes: the answer of {name!r} has no p-value")
    chosen = pd.Series(True, index=table.index)
    for column, wanted in (("term", term), ("method", how)):
        if wanted is not None:
            chosen &= table[column] == wanted if column in table else False
    if term is None and how is None:
        chosen &= table["p_value"].notna()
    found = table[chosen]
    if len(found) != 1:
        pairs = table.loc[table["p_value"].notna(), [c for c in ("term", "method") if c in table]].astype(str)
        have = "; ".join(sorted({" / ".join(r) for r in pairs.itertuples(index=False)}))
        raise InputError(
            f"multiple_outcomes: {len(found)} rows of the answer of {name!r} fit term={term!r}, how={how!r}; "
            f"it has p-values for: {have or 'nothing'}"
        )
    return found.iloc[0]


def _of_result(name: str, r: pd.Series) -> dict:
    kept = {c: r[c] for c in _KEPT if c in r}
    about = {"outcome": name, "method": r.get("method", "")}
    if math.isnan(r["p_value"]):
        reason = r.get("reason") or message("comparison_several.not_made")
        return missing_row(str(r["term"]), "", about["method"], r.get("n", math.nan), reason) | about
    return row(str(r["term"]), p_value=float(r["p_value"]), **kept) | about


def _caveats(table: pd.DataFrame, made: int, method: str, alpha: float) -> tuple[Message, ...]:
    said = [
        message(f"comparison_several.adjusted_{method}", made=made, alpha=alpha),
        message("comparison_several.family"),
    ]
    if made < len(table):
        said.append(message("comparison_several.some_not_made", missing=len(table) - made, all=len(table)))
    # The least an adjusted p can be: Holm multiplies the smallest floor by the size of the family.
    bound = table.loc[table["p_floor"] * made > alpha, "outcome"].tolist()
    if bound and method == "holm":
        said.append(message("comparison_several.floors", outcomes=bound, made=made))
    return tuple(said)


def _strictest(named: Mapping[str, Any]) -> Provenance:
    kinds = [v.provenance for v in named.values() if isinstance(v, Result)]
    for p in kinds:
        if p.kind == "records":
            return p
    if kinds:
        return kinds[0]
    values = pd.DataFrame(
        {"outcome": list(map(str, named)), "p": [math.nan if v is None else float(v) for v in named.values()]}
    )
    return Provenance(inputs={"multiple_outcomes": digest(values)})


def _labels(named: Mapping[str, Any]) -> dict:
    found: dict = {}
    for value in named.values():
        if isinstance(value, Result):
            found.update(value.labels)
    return found
