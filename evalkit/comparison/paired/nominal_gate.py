"""What of a pre/post answer about categories may leave the room: the k × k table, and whatever could be solved for it.

Not for estimates: `nominal` makes the rows.
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from evalkit import wording
from evalkit.comparison.core.answer import masked, still_said
from evalkit.comparison.paired.answer import PrePost
from evalkit.comparison.paired.solving import gives_away
from evalkit.disclosure import Policy, suppress_partition
from evalkit.wording import message

_UNPAIRED = ("people_only_before", "people_only_after", "people_neither")
_CELLS = ("stayed", "moved")
_EMPTY = ("empty_before", "empty_after")
_MARGINS = ("proportion_before", "proportion_after")
_OF_MARGINS = ("difference", "equivalence")
_TESTS = ("homogeneity_test", "symmetry_test", "change_test")
#: Whom rows are about that, set beside those about pairs, give numbers of other people away, and the other way round.
_BESIDE = ("everyone", "observed", "people_only_after")
_RESTS_ON = {
    "comparison.floor_binds": ("p_floor", "homogeneity_test"),
    "comparison_tables.natural_leaving": ("estimate", "natural_rate"),
    "comparison_tables.linked": ("df", "homogeneity_test"),
}


@dataclass(frozen=True, repr=False)
class NominalPrePost(PrePost):
    """A pre/post comparison of categories, with its k × k table; keys ``category`` and, for cells, ``to`` besides."""

    def plot(self, ax: Any = None, lang: str | None = None) -> Any:
        """Draw each category's difference with Tango's interval, or its share after when selection fixed the start."""
        from evalkit import figures

        lang = wording.language(lang)
        table = self.table
        drawn = table[
            (table["term"] == "difference") & (table["method"] == "tango") & table["estimate"].notna()
        ]
        no_effect: float | None = 0.0
        if drawn.empty:
            drawn = table[
                (table["term"] == "proportion_after") & (table["part"] == "pairs") & table["estimate"].notna()
            ]
            no_effect = None
        frame = drawn[["estimate", "conf_low", "conf_high", "conf_level", "status"]].assign(
            term=drawn["category"]
        )
        axis = self._label("proportion_after" if no_effect is None else "difference", lang)
        return figures.estimates(
            frame, self.question.text(lang), ax=ax, lang=lang, no_effect=no_effect, axis=axis
        )

    def publish(self, policy: Policy | None = None) -> NominalPrePost:
        """Pass the gate; see `Result.publish`.

        When a cell of the k × k table is small, all intervals and tests, which can be solved for it, are hidden with it; differences
        stay where both shares they are made of do.
        """
        out = super().publish(policy)
        kept = still_said(out.caveats, out.table, _RESTS_ON)
        kept = tuple(c for c in kept if not self._says_hidden(c, out.table))
        hidden = message("comparison_tables.categories_hidden")
        said = [hidden] if any(reason == hidden for reason in out.table["reason"]) else []
        return dataclasses.replace(out, caveats=kept).with_caveats(*said)

    def _display_frame(self, lang: str) -> pd.DataFrame:
        table = self.table.drop(columns=[c for c in ("to",) if (self.table[c] == "").all()])
        return super(NominalPrePost, dataclasses.replace(self, table=table))._display_frame(lang)

    def _cell(self, column: str, value: Any, lang: str) -> str:
        # A category is the user's own word, even when it is one of our codes.
        return value if column in ("category", "to") else super()._cell(column, value, lang)

    def _says_hidden(self, caveat: wording.Message, table: pd.DataFrame) -> bool:
        if caveat.key != "comparison_tables.trend_category":
            return False
        own = (table["term"] == "difference") & (table["category"] == caveat.values["category"])
        return bool(table.loc[own, "estimate"].isna().all())

    def _suppressed(self, policy: Policy) -> tuple[pd.DataFrame, int]:
        rows = _Rows(self.table)
        table, _ = suppress_partition(self.table, policy, rows.partitions())
        hide = (table["status"] == "suppressed").to_numpy()
        trim = np.zeros(len(table), dtype=bool)
        for wider in (rows.where(*_CELLS), rows.where(*_MARGINS, "natural_rate")):
            if rows.solvable(hide, policy):
                hide |= wider
        if hide[rows.where(*_CELLS)].any():
            hide[rows.where(*_TESTS)] = True
            trim[rows.where(*_OF_MARGINS)] = True
        rows.hide_with_margins(hide)
        rows.hide_the_unpaired(hide, policy)
        told = trim | (hide & np.isin(rows.term, [*_TESTS, *_OF_MARGINS]))
        return masked(self.table, hide, trim, message("comparison_tables.categories_hidden"), told)


class _Rows:
    """Positions of the rows of a table about categories, and what they give away about each other."""

    def __init__(self, table: pd.DataFrame):
        self.term, self.part, self.category, self.to = (
            table[c].to_numpy() for c in ("term", "part", "category", "to")
        )
        self.count, self.n = (table[c].to_numpy(dtype=float) for c in ("count", "n"))
        self.names = list(dict.fromkeys(c for c in self.category if c != ""))

    def where(self, *terms: str) -> np.ndarray:
        return np.isin(self.term, terms)

    def at(self, term: str, part: str) -> list[int]:
        """Return the rows of one share, by category."""
        return list(np.flatnonzero((self.term == term) & (self.part == part)))

    def partitions(self) -> list[tuple[int | None, list[int]]]:
        """Return what adds up to what: lines and columns of the table, shares of one date, people not seen twice."""
        cells = np.flatnonzero(self.where(*_CELLS))
        found: list[tuple[int | None, list[int]]] = [
            (None, list(cells)),
            (None, list(np.flatnonzero(self.where(*_UNPAIRED)))),
            (
                int(np.flatnonzero(self.where("people_all"))[0]),
                list(np.flatnonzero(self.where("people_paired", *_UNPAIRED))),
            ),
        ]
        for term, side in zip(_MARGINS, (self.category, self.to), strict=True):
            margins = {self.category[i]: i for i in self.at(term, "pairs")}
            found.append((None, list(margins.values())))
            for name in self.names:
                line = [i for i in cells if side[i] == name]
                found.append((margins.get(name), line))
                # A category against all others is a table too.
                found.append((None, [i for i in cells if side[i] != name]))
            for part in ("observed", "people_only_after"):
                found.append((None, self.at(term, part)))
        natural = np.flatnonzero(self.where("natural_rate"))
        for i in natural:
            found.append((i, [j for j in cells if self.term[j] == "moved"]))
        return [(total, parts) for total, parts in found if parts]

    def solvable(self, hide: np.ndarray, policy: Policy) -> bool:
        """Tell whether what is shown of the k × k table gives a small hidden number by any sum or difference.

        Partitions are looked at one by one when cells are hidden; several together may still leave one unknown.
        """
        cells = np.flatnonzero(self.where(*_CELLS))
        unknown = cells[hide[cells]]
        if len(unknown) == 0:
            return False
        lines = [
            (i, side[unknown] == self.category[i])
            for term, side in zip(_MARGINS, (self.category, self.to), strict=True)
            for i in self.at(term, "pairs")
        ]
        lines += [(i, self.term[unknown] == "moved") for i in np.flatnonzero(self.where("natural_rate"))]
        known = [np.ones(len(unknown)), *(line for i, line in lines if not hide[i])]
        secret = [np.eye(len(unknown))[at] for at, i in enumerate(unknown) if _small(self.count[i], policy)]
        secret += [line.astype(float) for i, line in lines if hide[i] and _small(self.count[i], policy)]
        return gives_away(known, secret)

    def hide_with_margins(self, hide: np.ndarray) -> None:
        """Hide the differences of a category one of whose shares is hidden, and what everybody answered with them."""
        lost = {self.category[i] for term in _MARGINS for i in self.at(term, "pairs") if hide[i]}
        if lost:
            hide |= np.isin(self.category, list(lost)) & self.where(*_OF_MARGINS)
            hide |= (self.category == "") & self.where("equivalence")
            hide |= np.isin(self.part, _BESIDE)

    def hide_the_unpaired(self, hide: np.ndarray, policy: Policy) -> None:
        """Hide what, set beside the rows about pairs, tells of fewer people than the threshold."""

        def small(values: np.ndarray) -> bool:
            return any(_small(value, policy) for value in values)

        unpaired = self.where(*_UNPAIRED)
        few = _small(self.count[unpaired].sum(), policy)
        told = few or bool(hide[unpaired].any())
        if few:
            hide |= self.part == ""
        if hide[unpaired].any():
            hide |= self.where(*_EMPTY)  # answers left empty are those of people not seen twice
        for term in _MARGINS:
            pairs, seen = self.at(term, "pairs"), self.at(term, "observed")
            if not seen:
                continue
            # Without pairs their rows have no count.
            ones = self.count[seen] - (np.nan_to_num(self.count[pairs]) if pairs else 0.0)
            rest = (self.n[seen] - (self.n[pairs] if pairs else 0.0)) - ones
            told |= small(ones) | small(rest) | bool(hide[seen].any())
        if told:
            hide |= np.isin(self.part, _BESIDE)


def _small(value: float, policy: Policy) -> bool:
    return bool(np.isfinite(value)) and 0 < round(value) < policy.threshold
