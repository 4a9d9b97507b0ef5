"""The participant flow: how many were spotted, why some were not mobilised, what became of the others.

Not an estimate: counts on the closing day, which add up at every split.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd

from evalkit import wording
from evalkit.describe.gate import ALL, MISSING, Counted
from evalkit.describe.standing import CHECKS, DETAILED, OUTCOMES, SITUATIONS, standing
from evalkit.errors import InputError
from evalkit.silence import Silence
from evalkit.wording import Message, labels, message

#: Columns the flow can be told by.
BY = ("site", "channel")
#: Part to the term it divides: spotted = outcome, eliminated = elimination …
_DIVIDES = {
    "outcome": "spotted",
    "elimination": "eliminated",
    "situation": "mobilised",
    **{f"{term}_kind": term for term in DETAILED},
}
_WORDS = (
    "spotted", "outcome", "elimination", "situation", "check", "engaged_kind", "in_solution_kind", "left_kind", *OUTCOMES,
    *SITUATIONS, *CHECKS, "unsaid", "none", "branch", ALL, MISSING, "n", "count",
)  # fmt: skip


@dataclass(frozen=True, repr=False)
class Flow(Counted):
    """A participant flow: ``part`` (the split), ``term`` (the branch), the `by` columns ("all" for the total), ``count``, ``n``."""

    def by(self) -> list[str]:
        """Return the columns the flow is told by."""
        return [name for name in BY if name in self.table]

    def plot(self, ax: Any = None, lang: str | None = None) -> Any:
        """Draw the flow of everybody as boxes and return the matplotlib Axes."""
        from evalkit import figures

        lang = wording.language(lang)
        keyed = zip(self._keys(), self.table.to_dict("records"), strict=True)
        at = {key[:2]: row for key, row in keyed if set(key[2:]) <= {ALL}}
        aside = [self._box(at, "outcome", term, lang) for term in ("eliminated", "open")]
        ends = [self._box(at, "situation", term, lang) for term in SITUATIONS]
        return figures.flow_diagram(
            [
                self._box(at, "spotted", "spotted", lang)[:2],
                self._box(at, "outcome", "mobilised", lang, inside=False)[:2],
            ],
            [box[:2] for box in aside if box[2]],
            [box[:2] for box in ends if box[2]],
            self.question.text(lang),
            ax=ax,
        )

    def _box(
        self, at: dict[tuple, dict[str, Any]], part: str, term: str, lang: str, inside: bool = True
    ) -> tuple[str, list[str], bool]:
        """Return heading, lines, and whether anybody is in the box, or may be."""
        row = at[part, term]
        divided = next((p for p, whole in _DIVIDES.items() if whole == term and p != "outcome"), None)
        lines = [
            self._told(t, self._count(inner, False, lang), lang)
            for (p, t), inner in at.items()
            if inside and p == divided and inner["count"] != 0
        ]
        return self._told(term, self._count(row, True, lang), lang), lines, bool(row["count"] != 0)

    def _told(self, term: str, count: str, lang: str) -> str:
        # Blanks that do not break: neither a colon nor a lone number begins a line.
        colon = "\u00a0:" if lang == "fr" else ":"
        blank = "\u00a0" if count[0].isdigit() else " "
        return f"{self._label(term, lang)}{colon}{blank}{count}"

    def partitions(self) -> Iterator[tuple[int | None, list[int]]]:
        """Yield every total of the table with its parts, as row positions: splits of a group, and groups of a branch."""
        at = {key: i for i, key in enumerate(self._keys())}
        groups = dict.fromkeys(key[2:] for key in at)
        for group in groups:
            for part, whole in _DIVIDES.items():
                parts = [i for (p, _, *g), i in at.items() if p == part and tuple(g) == group]
                total = next((i for (_, t, *g), i in at.items() if t == whole and tuple(g) == group), None)
                if parts and total is not None:
                    yield total, parts
        for (part, term, *group), i in at.items():
            if all(g == ALL for g in group):
                for j in range(len(group)):
                    others = [ALL] * len(group)
                    inside = [
                        k for (p, t, *g), k in at.items()
                        if (p, t) == (part, term) and g[j] != ALL and [*g[:j], ALL, *g[j + 1 :]] == others
                    ]  # fmt: skip
                    if inside:
                        yield i, inside

    def bases(self) -> list[int | None]:
        """Return the branch that each row divides, in its group."""
        at = {
            (key[1], *key[2:]): i
            for i, key in enumerate(self._keys())
            if key[0] in ("spotted", "outcome", "situation")
        }
        whole = _DIVIDES | {"check": "spotted"}
        return [at.get((whole.get(part), *group)) for part, _, *group in self._keys()]

    def _keys(self) -> list[tuple]:
        return list(self.table[["part", "term", *self.by()]].itertuples(index=False, name=None))

    def keys(self) -> list[tuple]:
        """Return (branch, column, value) of each row."""
        found = []
        for part, term, *group in self._keys():
            column, value = next(
                ((c, v) for c, v in zip(self.by(), group, strict=True) if v != ALL), (ALL, ALL)
            )
            found.append(
                (term if part in ("spotted", "outcome", "situation") else (part, term), column, value)
            )
        return found

    def _display_frame(self, lang: str) -> pd.DataFrame:
        """Return the flow as people read it: one line per branch, one column per group, splits set in."""
        at = {key: row for key, row in zip(self._keys(), self.table.to_dict("records"), strict=True)}
        groups = list(dict.fromkeys(key[2:] for key in at))
        lines = []
        for depth, part, term in self._tree():
            line = {self._label("branch", lang): "\u2003" * depth + self._label(term, lang)}
            for group in groups:
                line[self._group(group, lang)] = self._count(
                    at[(part, term, *group)], set(group) <= {ALL}, lang
                )
            lines.append(line)
        return pd.DataFrame(lines)

    def _tree(self) -> list[tuple[int, str, str]]:
        """Return depth, part and term of each branch, in the order of reading: a branch, then what it divides into."""
        branches = list(dict.fromkeys(zip(self.table["part"], self.table["term"], strict=True)))
        divided = {whole: part for part, whole in _DIVIDES.items()}

        def below(depth: int, part: str, term: str) -> list[tuple[int, str, str]]:
            inner = [(p, t) for p, t in branches if p == divided.get(term) and p != part]
            return [(depth, part, term), *(line for p, t in inner for line in below(depth + 1, p, t))]

        checks = [(0, p, t) for p, t in branches if p == "check"]
        return below(0, "spotted", "spotted") + checks

    def _group(self, group: tuple, lang: str) -> str:
        own = [value for value in group if value != ALL]
        return self._label(own[0], lang) if own else self._label(ALL, lang)

    def _count(self, row: dict[str, Any], with_share: bool, lang: str) -> str:
        if row.get("status") == "suppressed":
            return self._label("suppressed", lang)
        written = wording.number(row["count"], lang)
        if not with_share or row["part"] == "spotted" or row["n"] == 0:
            return written
        return f"{written} ({wording.percent(row['share'], lang)})"


def flow(fu: Any, silence: Silence | None = None, by: Sequence[str] | str | None = None) -> Flow:
    """Count those spotted, eliminated and why, mobilised and what became of them on the closing day.

    Parameters
    ----------
    fu : FollowUp
    silence : Silence, optional
        The rule by which silence is disengagement; default `Silence()`.
    by : sequence of {"site", "channel"}, optional
        Told by these columns too; default: those that are recorded.

    Returns
    -------
    Flow
        One row per branch and group: ``part``, ``term``, the `by` columns, ``count``, ``n`` (the branch it divides), ``share``. Parts:
        spotted; outcome = eliminated + open (not reached yet) + mobilised; elimination; situation = engaged + in_solution +
        interrupted + disengaged + abandoned + left + unknown + not_observed; engaged_kind, in_solution_kind, left_kind; check (gaps
        and contradictions of the records, outside the sums).

    Raises
    ------
    InputError
        For a column the flow cannot be told by.

    Examples
    --------
    >>> import pandas as pd
    >>> from evalkit.followup import FollowUp
    >>> people = pd.DataFrame({
    ...     "person": ["a", "b", "c"], "spotted_on": "2010-06-01",
    ...     "entered_on": ["2010-07-01", None, None], "eliminated_for": [None, "not_dropout", None],
    ... })
    >>> table = flow(FollowUp.from_frames(people, as_of="2010-08-01")).tidy()
    >>> table.loc[table["part"] == "outcome", ["term", "count"]].to_string(header=False, index=False)
    'eliminated 1\\n      open 1\\n mobilised 1'
    """
    found = standing(fu, silence)
    columns = _by(fu, by)
    table = _table(found.frame, columns)
    said: list[Message] = [message("describe.flow_rule", days=found.silence.days), *found.caveats]
    if found.frame["situation"].eq("unknown").any():
        said.append(message("describe.unknown_is_neither"))
    return Flow(
        table,
        message("describe.question_flow", as_of=fu.as_of),
        tuple(said),
        fu.provenance,
        labels=_labels(fu),
    )


def _by(fu: Any, by: Sequence[str] | str | None) -> list[str]:
    if by is None:
        return [c for c in BY if c in fu.people]
    wanted = [by] if isinstance(by, str) else list(by)
    unknown = [c for c in wanted if c not in BY or c not in fu.people]
    if unknown:
        recorded = [c for c in BY if c in fu.people]
        raise InputError(
            f"flow: by must be among the recorded {', '.join(recorded) or 'columns (none)'}, not {unknown}"
        )
    return wanted


def _branches(frame: pd.DataFrame) -> list[tuple[str, str, str | None, pd.Series]]:
    """Return every branch: part, term, the term it divides, who is in it."""
    everyone = pd.Series(True, index=frame.index)
    found: list[tuple[str, str, str | None, pd.Series]] = [("spotted", "spotted", None, everyone)]
    found += [("outcome", term, "spotted", frame["outcome"] == term) for term in OUTCOMES]
    reasons = frame["elimination"].dropna().value_counts(sort=False).index
    found += [("elimination", r, "eliminated", frame["elimination"] == r) for r in sorted(reasons)]
    found += [("situation", term, "mobilised", frame["situation"] == term) for term in SITUATIONS]
    for term in DETAILED:
        inside = frame["situation"] == term
        details = sorted(frame.loc[inside, "detail"].unique())
        found += [(f"{term}_kind", d, term, inside & (frame["detail"] == d)) for d in details]
    return found + [("check", name, "spotted", frame[name].astype(bool)) for name in CHECKS]


def _groups(frame: pd.DataFrame, columns: list[str]) -> list[tuple[dict[str, str], pd.Series]]:
    """Return everybody, then each group of each column, those without a value last and visible."""
    found = [(dict.fromkeys(columns, ALL), pd.Series(True, index=frame.index))]
    for name in columns:
        values = sorted(frame[name].dropna().astype(str).unique())
        for value in values:
            found.append(({**dict.fromkeys(columns, ALL), name: value}, frame[name].astype(str) == value))
        if frame[name].isna().any():
            found.append(({**dict.fromkeys(columns, ALL), name: MISSING}, frame[name].isna()))
    return found


def _table(frame: pd.DataFrame, columns: list[str]) -> pd.DataFrame:
    branches = _branches(frame)
    size = {term: inside for _, term, _, inside in branches}
    rows = []
    for group, members in _groups(frame, columns):
        for part, term, whole, inside in branches:
            count = int((inside & members).sum())
            base = count if whole is None else int((size[whole] & members).sum())
            share = count / base if base else math.nan
            rows.append({"part": part, "term": term, **group, "count": count, "n": base, "share": share})
    return pd.DataFrame(rows)


def _labels(fu: Any) -> dict[str, dict[str, str]]:
    words = {}
    for group in ("channel", "elimination", "status"):
        words |= {code: term.labels for code, term in fu.vocabulary.groups.get(group, {}).items()}
    return words | labels("describe", *_WORDS)
