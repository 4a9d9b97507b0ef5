"""Table 1: who the people are, group beside group, with what is missing in plain sight.

Not a test of whether groups differ: it gives the size of the differences, no p-value.
"""

from __future__ import annotations

import math
import re
from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from evalkit import wording
from evalkit.describe.gate import ALL, MISSING, Counted, Partition
from evalkit.disclosure import Policy, protected
from evalkit.errors import InputError
from evalkit.numerics.balance import largest_pair, smd_means, smd_shares
from evalkit.wording import labels, message

#: Characteristics shown by default, in this order, then the other columns of the records.
CHARACTERISTICS = (
    "sex", "age_at_entry", "arrondissement", "level", "diploma", "last_class", "channel", "entry_route",
)  # fmt: skip
#: Columns of people that are no characteristic.
_NOT_SHOWN = ("person", "site", "cluster", "eliminated_for")
#: More different values than this make no readable line each.
MAX_LEVELS = 12
#: Vocabulary group of a characteristic's codes.
_GROUPS = {
    "sex": "sex",
    "level": "level",
    "channel": "channel",
    "entry_route": "route",
    "eliminated_for": "elimination",
}
_STATISTICS = ("mean", "sd", "median")
_WORDS = (
    "sex", "age_at_entry", "arrondissement", "level", "diploma", "last_class", "channel", "entry_route", "site", "size",
    "mean", "sd", "median", "mean_sd", ALL, MISSING, "characteristic", "suppressed", "smd", "count", "n",
)  # fmt: skip


@dataclass(frozen=True, repr=False)
class TableOne(Counted):
    """A Table 1: ``term`` (characteristic), ``part`` (level or statistic), the column of the groups ("all" for everybody), ``count``,
    ``n``, ``share``, ``estimate``, ``smd``."""

    by: str = "group"
    among: str = "mobilised"

    def partitions(self) -> list[Partition]:
        """Return what adds up: groups to all, levels to a group's size."""
        return [*self._across(), *self._within()]

    def bases(self) -> list[int | None]:
        """Return the size of each row's group."""
        at = {group: i for i, (term, _, group) in enumerate(self._cells()) if term == "size"}
        return [at[group] for _, _, group in self._cells()]

    def keys(self) -> list[Hashable]:
        """Return what the size of each group, and each site or channel, counts."""
        found: list[Hashable] = []
        for term, part, group in self._cells():
            if term == "size":
                found.append((self.among, ALL, ALL) if group == ALL else (self.among, self.by, group))
            elif group == ALL and part not in _STATISTICS:
                found.append((self.among, term, part))
            else:
                found.append(None)
        return found

    def _without(self, hide: np.ndarray, policy: Policy) -> pd.DataFrame:
        table = self.table
        statistic = table["part"].isin(_STATISTICS).to_numpy()
        # A mean may be shown beside a hidden number of missing values, but no mean of a few people, nor one that
        # the others give away.
        means = [line for line in self._across() if table["part"].iloc[line[0]] == "mean"]
        few = self._like_mean(
            protected(table["count"], np.asarray(policy.small(table["count"])), means, policy)
        )
        gone = np.where(statistic, few, hide)
        counted = hide & ~statistic | self._like_mean(hide) & statistic
        unsized = hide[self.bases()]
        touched = table["term"].isin(table.loc[gone, "term"]).to_numpy()
        return table.assign(
            count=table["count"].mask(counted),
            n=table["n"].mask(counted | unsized),
            share=table["share"].mask(counted | unsized),
            estimate=table["estimate"].mask(gone),
            smd=table["smd"].mask(touched),
            status=np.where(gone, "suppressed", "ok"),
        )

    def _like_mean(self, hidden: np.ndarray) -> np.ndarray:
        """Spread what holds for the mean, the row that carries the count, to the other statistics."""
        rows = self.table.assign(hidden=hidden & (self.table["part"] == "mean").to_numpy())
        return rows.groupby(["term", self.by])["hidden"].transform("any").to_numpy()

    def _cells(self) -> list[tuple[str, str, str]]:
        return list(zip(self.table["term"], self.table["part"], self.table[self.by], strict=True))

    def _across(self) -> list[Partition]:
        at = {key: i for i, key in enumerate(self._cells()) if key[1] not in ("sd", "median")}
        groups = [g for g in dict.fromkeys(self.table[self.by]) if g != ALL]
        if not groups:
            return []
        return [
            (at[t, p, ALL], [at[t, p, g] for g in groups]) for t, p in dict.fromkeys(key[:2] for key in at)
        ]

    def _within(self) -> list[Partition]:
        at = {key: i for i, key in enumerate(self._cells()) if key[1] not in ("sd", "median")}
        lines: dict[tuple[str, str], list[int]] = {}
        for (term, _, group), i in at.items():
            if term != "size":
                lines.setdefault((term, group), []).append(i)
        return [(at["size", "size", group], parts) for (_, group), parts in lines.items()]

    def _display_frame(self, lang: str) -> pd.DataFrame:
        """Return the table as people read it: one line per level, one column per group."""
        table = self.table
        rows = dict(zip(self._cells(), table.to_dict("records"), strict=True))
        groups = list(dict.fromkeys(table[self.by]))
        lines = []
        for term, part in dict.fromkeys(zip(table["term"], table["part"], strict=True)):
            cells = [rows[term, part, g] for g in groups]
            if part == "sd" or (
                part == "missing" and not any(c["count"] or c["count"] != c["count"] for c in cells)
            ):
                continue
            line = {self._label("characteristic", lang): self._line(term, part, lang)}
            for group, cell in zip(groups, cells, strict=True):
                line[self._label(group, lang)] = self._written(cell, rows.get((term, "sd", group)), lang)
            gaps = [c["smd"] for c in cells if c["smd"] == c["smd"]]
            line[self._label("smd", lang)] = wording.number(gaps[0], lang, 2) if gaps else ""
            lines.append(line)
        frame = pd.DataFrame(lines)
        return frame if table["smd"].notna().any() else frame.drop(columns=self._label("smd", lang))

    def _line(self, term: str, part: str, lang: str) -> str:
        if term == "size":
            return self._label("size", lang)
        said = self._label("mean_sd" if part == "mean" else part, lang)
        return f"{self._label(term, lang)}{' : ' if lang == 'fr' else ': '}{said}"

    def _written(self, cell: dict[str, Any], sd: dict[str, Any] | None, lang: str) -> str:
        if cell.get("status") == "suppressed" or (
            cell["part"] not in _STATISTICS and cell["count"] != cell["count"]
        ):
            return self._label("suppressed", lang)
        if cell["part"] == "mean":
            spread = wording.number(sd["estimate"], lang, 1) if sd else "–"
            return f"{wording.number(cell['estimate'], lang, 1)} ({spread})"
        if cell["part"] == "median":
            return wording.number(cell["estimate"], lang, 1)
        written = wording.number(cell["count"], lang)
        return written if cell["term"] == "size" else f"{written} ({wording.percent(cell['share'], lang)})"


def table_one(
    fu: Any, by: str | None = None, variables: Sequence[str] | None = None, among: str = "mobilised"
) -> TableOne:
    """Describe people by group: counts and shares, means and medians, missing values, standardised differences.

    Parameters
    ----------
    fu : FollowUp
    by : str, optional
        Column of ``fu.people`` that makes the groups; those without a value are a group of their own.
    variables : sequence of str, optional
        Columns to describe; default: the usual characteristics that are recorded, then the other columns with numbers or at most 12
        different values.
    among : {"mobilised", "spotted"}
        Those who entered by the closing day, or everybody on the list.

    Returns
    -------
    TableOne
        Shares are of the whole group, the missing included. ``smd``: standardised difference between groups, the largest over pairs
        of groups, among known values (means: Austin 2009; categories: Yang & Dalton 2012).

    Raises
    ------
    InputError
        For columns that are not in the records.

    Examples
    --------
    >>> import pandas as pd
    >>> from evalkit.followup import FollowUp
    >>> people = pd.DataFrame({
    ...     "person": list("abcd"), "site": ["Est", "Est", "Centre", "Centre"], "age_at_entry": [16, 18, 17, None],
    ...     "entered_on": "2010-06-01",
    ... })
    >>> table = table_one(FollowUp.from_frames(people, as_of="2011-09-30"), by="site").tidy()
    >>> table.loc[table["part"] == "missing", ["site", "count"]].values.tolist()
    [['all', 1.0], ['Centre', 1.0], ['Est', 0.0]]
    """
    if among not in ("mobilised", "spotted"):
        raise InputError(f"table_one: among must be mobilised or spotted, but was {among!r}")
    people = fu.people.assign(age_at_entry=age_at_entry(fu.people))
    if by is not None and by not in fu.people:
        raise InputError(f"table_one: no column {by!r} in people; there are {', '.join(fu.people.columns)}")
    shown, left_out = _variables(fu, people, by, variables)
    if among == "mobilised":
        people = people[_entered(fu)]
    groups = _groups(people, by)
    rows = [_row("size", "size", g, len(m), len(m)) for g, m in groups.items()]
    for name in shown:
        rows += _described(people, name, groups, fu.vocabulary)
    words = _labels(fu, [*shown, by or ""])
    said = [message(f"describe.among_{among}", as_of=fu.as_of), message("describe.missing_counted")]
    if by is not None:
        said.append(message("describe.smd_pairs" if len(_known(groups)) > 2 else "describe.smd_two"))
        known = {row["term"] for row in rows if row["smd"] == row["smd"]}
        without: list[Any] = [words.get(name, name) for name in shown if name not in known]
        if without:
            said.append(message("describe.smd_none", names=without, n=len(without)))
        said.append(message("describe.no_p_value"))
    if left_out:
        said.append(message("describe.columns_left_out", names=left_out, n=len(left_out), levels=MAX_LEVELS))
    return TableOne(
        pd.DataFrame(rows).rename(columns={"group": by or "group"}),
        message("describe.question_table_one"),
        tuple(said),
        fu.provenance,
        labels=words,
        by=by or "group",
        among=among,
    )


def age_at_entry(people: pd.DataFrame) -> pd.Series:
    """Return each person's age in completed years at entry: as recorded, else from the date of birth; missing otherwise.

    Examples
    --------
    >>> people = pd.DataFrame({"birth_date": pd.to_datetime(["1993-06-02"]), "entered_on": pd.to_datetime(["2010-06-01"])})
    >>> age_at_entry(people).item()
    16.0
    """
    age = pd.Series(np.nan, index=people.index)
    if "birth_date" in people and "entered_on" in people:
        born, entered = people["birth_date"], people["entered_on"]
        before = (entered.dt.month * 100 + entered.dt.day) < (born.dt.month * 100 + born.dt.day)
        age = (entered.dt.year - born.dt.year - before).where(born.notna() & entered.notna()).astype(float)
    if "age_at_entry" not in people:
        return age
    recorded = people["age_at_entry"].astype(float)
    return np.floor(recorded).where(recorded.notna(), age)


def _entered(fu: Any) -> np.ndarray:
    if "entered_on" not in fu.people:
        return np.zeros(len(fu.people), dtype=bool)
    return (fu.people["entered_on"] <= fu.as_of).to_numpy()


def _variables(
    fu: Any, people: pd.DataFrame, by: str | None, wanted: Sequence[str] | None
) -> tuple[list[str], list[str]]:
    """Return the columns to describe and those left out."""
    if wanted is not None:
        unknown = [c for c in wanted if c not in people]
        if unknown:
            raise InputError(
                f"table_one: no columns {unknown} in people; there are {', '.join(people.columns)}"
            )
        return [c for c in wanted if c != by], []
    usual = [c for c in CHARACTERISTICS if c in people and people[c].notna().any() and c != by]
    dates = [c for c in people if pd.api.types.is_datetime64_any_dtype(people[c].dtype)]
    others = [c for c in people if c not in (*CHARACTERISTICS, *_NOT_SHOWN, *dates, by)]
    readable = [c for c in others if _is_number(people[c], c) or people[c].nunique() <= MAX_LEVELS]
    return usual + readable, [c for c in others if c not in readable]


def _is_number(values: pd.Series, name: str) -> bool:
    number = pd.api.types.is_numeric_dtype(values.dtype) and not pd.api.types.is_bool_dtype(values.dtype)
    return number and name != "arrondissement"


def _groups(people: pd.DataFrame, by: str | None) -> dict[str, pd.DataFrame]:
    groups = {ALL: people}
    if by is not None:
        for value in sorted(people[by].dropna().astype(str).unique()):
            groups[value] = people[(people[by].astype(str) == value) & people[by].notna()]
        if people[by].isna().any():
            groups[MISSING] = people[people[by].isna()]
    return groups


def _known(groups: dict[str, pd.DataFrame]) -> list[pd.DataFrame]:
    return [members for name, members in groups.items() if name not in (ALL, MISSING)]


def _described(
    people: pd.DataFrame, name: str, groups: dict[str, pd.DataFrame], vocabulary: Any
) -> list[dict[str, Any]]:
    if _is_number(people[name], name):
        return _numbers(name, groups)
    found = people[name].dropna().astype(str).unique()
    known = [code for code in vocabulary.codes(_GROUPS.get(name, "")) if code in found]
    return _categories(name, groups, known + sorted(set(found) - set(known), key=_natural))


def _natural(text: str) -> tuple[float, str]:
    """Order "2e" before "10e"."""
    digits = re.match(r"\d+", text)
    return (float(digits[0]) if digits else math.inf, text)


def _numbers(name: str, groups: dict[str, pd.DataFrame]) -> list[dict[str, Any]]:
    values = {g: m[name].astype(float) for g, m in groups.items()}
    gap = largest_pair([m[name].to_numpy(dtype=float, na_value=np.nan) for m in _known(groups)], smd_means)
    rows = []
    for part, compute in (("mean", pd.Series.mean), ("sd", pd.Series.std), ("median", pd.Series.median)):
        for g, known in values.items():
            count = int(known.notna().sum()) if part == "mean" else math.nan
            size = len(known) if part == "mean" else math.nan
            row = _row(
                name,
                part,
                g,
                count,
                size,
                estimate=float(compute(known)) if known.notna().any() else math.nan,
            )
            rows.append(row | {"share": math.nan, "smd": gap if (part, g) == ("mean", ALL) else math.nan})
    return rows + [_row(name, "missing", g, int(v.isna().sum()), len(v)) for g, v in values.items()]


def _categories(name: str, groups: dict[str, pd.DataFrame], levels: list[str]) -> list[dict[str, Any]]:
    counts = {
        g: m[name].dropna().astype(str).value_counts().reindex(levels, fill_value=0)
        for g, m in groups.items()
    }
    known = [counts[g].to_numpy() for g in counts if g not in (ALL, MISSING)]
    gap = largest_pair(known, smd_shares) if levels else math.nan
    rows = []
    for i, level in enumerate(levels):
        for g, m in groups.items():
            row = _row(name, level, g, int(counts[g][level]), len(m))
            rows.append(row | {"smd": gap if i == 0 and g == ALL else math.nan})
    return rows + [_row(name, "missing", g, int(m[name].isna().sum()), len(m)) for g, m in groups.items()]


def _row(
    term: str, part: str, group: str, count: float, n: float, estimate: float = math.nan
) -> dict[str, Any]:
    return {
        "term": term, "part": part, "group": group, "count": count, "n": n, "share": count / n if n else math.nan,
        "estimate": estimate, "smd": math.nan,
    }  # fmt: skip


def _labels(fu: Any, shown: Sequence[str]) -> dict[str, dict[str, str]]:
    words: dict[str, dict[str, str]] = {}
    for name in shown:
        terms = fu.vocabulary.groups.get(_GROUPS.get(name, ""), {})
        words |= {code: term.labels for code, term in terms.items()}
    return words | labels("describe", *_WORDS)
