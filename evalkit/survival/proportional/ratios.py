"""Hazard ratios as readers want them: level by level with the reference shown, and comparisons of any two levels.

Not a fit: it reads one.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from evalkit import wording
from evalkit.disclosure import Policy, suppress_levels
from evalkit.errors import InputError
from evalkit.numerics.normal import two_sided_p, z_value
from evalkit.result import Result
from evalkit.survival.core.showing import draw_ratios, exponentiated
from evalkit.survival.proportional.fitted import Fitted
from evalkit.survival.proportional.table import concerned, sizes
from evalkit.wording import message

if TYPE_CHECKING:
    from evalkit.survival.proportional.result import CoxFit


#: Columns a reader wants of a table of ratios.
SHOWN = ("term", "part", "estimate", "conf_low", "conf_high", "p_value", "n", "n_event", "status", "reason")


@dataclass(frozen=True, repr=False)
class Ratios(Result):
    """Ratios of hazards by variable and level, drawn on a log axis.

    Parameters
    ----------
    people : float array, optional
        How many people had the events of each row, where one person may have several.
    """

    people: np.ndarray | None = None

    def plot(self, ax: Any = None, lang: str | None = None) -> Any:
        """Draw the ratios with their intervals, reference levels at 1, and return the Axes."""
        lang = wording.language(lang)
        frame = self._worded(lang)
        frame["term"] = [self._label(term, lang) for term in frame["term"]]
        return draw_ratios(self, frame, "survival.hazard_ratio", ax, lang)

    def _suppressed(self, policy: Policy) -> tuple[pd.DataFrame, int]:
        return suppress_levels(self.table, policy, self.table["term"].tolist(), self.people)

    def _display_frame(self, lang: str) -> pd.DataFrame:
        """Return the columns a reader wants."""
        return Result(
            self.table[[c for c in SHOWN if c in self.table]], self.question, labels=self.labels
        )._display_frame(lang)


@dataclass(frozen=True, repr=False)
class Contrasts(Result):
    """Linear combinations of log hazard ratios."""

    def tidy(self, exponentiate: bool = False) -> pd.DataFrame:
        """Return one row per combination; ratios instead of their logarithms if `exponentiate`."""
        table = self._worded(None)
        return exponentiated(table) if exponentiate else table

    def plot(self, ax: Any = None, lang: str | None = None) -> Any:
        """Draw the ratios with their intervals on a log axis, and return the Axes."""
        lang = wording.language(lang)
        return draw_ratios(self, exponentiated(self._worded(lang)), "survival.hazard_ratio", ax, lang)

    def _display_frame(self, lang: str) -> pd.DataFrame:
        """Return ratios, the columns a reader wants."""
        ratios = self.tidy(exponentiate=True).assign(reason=self.table["reason"])
        labels = {**self.labels, "estimate": _both("survival.hazard_ratio")}
        return Result(ratios[[c for c in SHOWN if c in ratios]], self.question, labels=labels)._display_frame(
            lang
        )


def hazard_ratios(fit: CoxFit, fitted: Fitted) -> Ratios:
    """Return the table; see `CoxFit.hazard_ratios`."""
    made, table = fitted.design, fit.tidy(exponentiate=True)
    table["reason"] = fit.table["reason"]
    rows, behind = [], []
    for name, columns in made.groups:
        own = [
            {**table.iloc[k].to_dict(), "term": name, "part": _level(made.terms[k], name)} for k in columns
        ]
        if len(made.levels.get(name, ())) > 1:
            rows.append(_reference(fitted, name, str(made.levels[name][0]), columns, fit.conf_level))
            behind.append((made.matrix[:, list(columns)] == 0).all(axis=1))
        rows += own
        behind += [made.matrix[:, k] for k in columns]
    order = ["term", "part", *table.columns[1:]]
    return Ratios(
        pd.DataFrame(rows)[order], fit.question, fit.caveats, fit.provenance,
        labels={**fit.labels, "part": _both("survival_proportional.level"), "estimate": _both("survival.hazard_ratio")},
        people=concerned(np.column_stack(behind).astype(float), fitted.event, fitted.tte),
    )  # fmt: skip


def _level(term: str, name: str) -> str | None:
    """Return what follows the variable's name in the name of a column."""
    return (
        term.removeprefix(name).removeprefix("[").removesuffix("]") or None if term.startswith(name) else term
    )


def _reference(
    fitted: Fitted, name: str, level: str, columns: tuple[int, ...], conf_level: float
) -> dict[str, Any]:
    """Return the row of a reference level: a ratio of 1, with nothing to test."""
    there = (fitted.design.matrix[:, list(columns)] == 0).all(axis=1).astype(float)
    n, n_event = sizes(there[:, None], fitted.event, fitted.tte)
    return {
        "term": name, "part": level, "estimate": 1.0, "std_error": np.nan, "statistic": np.nan, "p_value": np.nan,
        "conf_low": np.nan, "conf_high": np.nan, "conf_level": conf_level, "n": n[0], "n_event": n_event[0],
        "status": "ok", "reason": message("survival_proportional.reference_level"),
    }  # fmt: skip


def contrast(fit: CoxFit, fitted: Fitted, weights: Mapping[str, Any]) -> Contrasts:
    """Return linear combinations; see `CoxFit.contrast`."""
    if not weights:
        raise InputError("contrast: give at least one term and its weight")
    several = all(isinstance(v, Mapping) for v in weights.values())
    asked = dict(weights) if several else {_named(weights): weights}
    places = {term: k for k, term in enumerate(fitted.design.terms)}
    at_reference = {f"{c}[{levels[0]}]" for c, levels in fitted.design.levels.items()}
    z = z_value(fit.conf_level)
    rows = []
    for name, parts in asked.items():
        unknown = [term for term in parts if term not in places and term not in at_reference]
        if unknown:
            raise InputError(
                f"contrast: no term {', '.join(map(repr, unknown))}; they are {', '.join(places)}"
            )
        weight = np.zeros(len(places))
        for term, value in parts.items():
            # A reference level has the coefficient 0.
            if term in places:
                weight[places[term]] = float(value)
        if not np.isfinite(weight).all() or not weight.any():
            raise InputError(f"contrast: {name!r} needs finite weights, not all of them 0")
        used = np.flatnonzero(weight)
        lacking = [k for k in used if fit.table["status"].iloc[k] != "ok"]
        estimate = error = np.nan
        if not lacking:
            estimate = float(weight @ fitted.top.beta)
            error = float(np.sqrt(weight[used] @ fitted.covariance[np.ix_(used, used)] @ weight[used]))
        reason = (
            message("survival_proportional.not_fitted", terms=[fitted.design.terms[k] for k in lacking])
            if lacking
            else None
        )
        rows.append({
            "term": name, "estimate": estimate, "std_error": error, "statistic": estimate / error,
            "p_value": float(two_sided_p(estimate / error)), "conf_low": estimate - z * error, "conf_high": estimate + z * error,
            "conf_level": fit.conf_level, "status": "not_estimable" if lacking else "ok", "reason": reason,
        })  # fmt: skip
    return Contrasts(pd.DataFrame(rows), fit.question, fit.caveats, fit.provenance, labels=fit.labels)


def _named(weights: Mapping[str, float]) -> str:
    """Write a combination: "a - b", "2 a + b"."""
    said = ""
    for term, value in weights.items():
        if isinstance(value, Mapping):
            raise InputError(
                "contrast: give either one combination (term to weight) or several (name to such a mapping), not both"
            )
        size = "" if abs(value) == 1 else f"{abs(value):g} "
        sign = "- " if value < 0 else "+ "
        said += f" {sign}{size}{term}" if said else f"{sign if value < 0 else ''}{size}{term}"
    return said


def _both(key: str) -> dict[str, str]:
    return {lang: wording.text(key, lang) for lang in wording.LANGUAGES}
