"""The answer about losses: how it is drawn, and what of it may leave the room.

Not estimates: each method has its module.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd

from evalkit import wording
from evalkit.comparison.core.answer import Comparison
from evalkit.comparison.core.rows import FIGURES
from evalkit.disclosure import Policy, suppress_partition, veil
from evalkit.wording import Message, message

#: Terms that are estimates of the outcome.
OUTCOME = ("share_after", "mean_after", "change", "difference", "difference_of_changes")


@dataclass(frozen=True)
class Facts:
    """What could be solved from shown figures; not part of what is published.

    Parameters
    ----------
    answers : mapping of group to tuple of int
        People of each answer among those seen (of each pair of answers, with a "before"); all those seen, for numbers.
    lost_before : mapping of group to tuple of int
        People of each answer "before" among the lost; none for numbers.
    trimmed : mapping of contrast to float
        How many people Lee's bounds take off.
    left_out : mapping of group to tuple of int
        People without a characteristic that weighting needs: all, those seen, the lost.
    members : mapping of contrast to tuple of str
        The two groups compared.
    """

    answers: Mapping[str, tuple[int, ...]] = field(default_factory=dict)
    lost_before: Mapping[str, tuple[int, ...]] = field(default_factory=dict)
    trimmed: Mapping[str, float] = field(default_factory=dict)
    left_out: Mapping[str, tuple[int, ...]] = field(default_factory=dict)
    members: Mapping[str, tuple[str, ...]] = field(default_factory=dict)


@dataclass(frozen=True, repr=False)
class Attrition(Comparison):
    """Who is lost, and the answer under each way of taking the loss into account; see `evalkit.comparison.attrition`.

    Keys of the table are ``term`` (what), ``group`` (in which arm, level or comparison), ``part`` (about whom, or the column of the
    level) and ``method`` (how).
    """

    facts: Facts = Facts()

    def plot(self, ax: Any = None, lang: str | None = None) -> Any:
        """Draw every method's estimate of the differences between arms (of each mean, without arms), and return the Axes."""
        from evalkit import figures

        lang = wording.language(lang)
        table = self.table[self.table["term"].isin(OUTCOME) & self.table["conf_low"].notna()]
        contrasts = table["term"].isin(("difference", "difference_of_changes"))
        drawn = table[contrasts] if contrasts.any() else table
        names = []
        for line in drawn.itertuples(index=False):
            words = [line.group] if drawn["group"].nunique() > 1 else []
            words.append(self._label(line.method, lang))
            if line.part.endswith(("lowest", "highest")):
                words.append(wording.text(f"columns.{line.part.rsplit('_', 1)[1]}", lang))
            names.append(", ".join(words))
        frame = drawn[["estimate", "conf_low", "conf_high", "conf_level", "status"]].assign(term=names)
        share = drawn["term"].iloc[0] == "share_after" if len(drawn) else True
        title = self.question.text(lang)
        return figures.estimates(frame, title, ax=ax, lang=lang, no_effect=None if share else 0.0)

    def publish(self, policy: Policy | None = None) -> Attrition:
        """Pass the gate; see `Result.publish`.

        Where few are lost, the bounds and every number of people that would tell how many are hidden; where few gave an answer,
        all that rests on it. What is left knows no person.
        """
        out = super().publish(policy)
        if self.provenance.kind != "records":
            return out
        before, after = self.table["reason"], out.table["reason"]
        still = [r for r in after if r is not None]
        gone = [r for r in before if r is not None and veil(r, out.published_under) not in still]
        overall = out.table[(out.table["term"] == "lost") & (out.table["part"] == "")]
        veiled = bool((overall["status"] == "suppressed").any())
        kept = []
        for old, new in zip(self.caveats, out.caveats, strict=False):
            if old in gone or (veiled and old.key == "comparison_missingness.how_many"):
                continue
            # The number of rows beside a veiled count would give it away.
            few = old.key == "comparison_core.left_out" and old != new
            kept.append(Message(new.key, {**new.values, "n": "…"}) if few else new)
        kept += out.caveats[len(self.caveats) :]
        made = dataclasses.replace(out, caveats=tuple(kept), facts=Facts())
        arms = (out.table["term"] == "lost") & out.table["group"].isin(list(self.facts.left_out))
        few = (out.table.loc[arms, "status"] == "suppressed").any()
        return made.with_caveats(message("comparison_missingness.hidden_losses")) if few else made

    def _suppressed(self, policy: Policy) -> tuple[pd.DataFrame, int]:
        table = self.table
        rows = _Rows(table, self.facts, policy)
        cells, _ = suppress_partition(table, policy, rows.partitions())
        hide = (cells["status"] == "suppressed").to_numpy()
        hide |= rows.beside_hidden(hide) | rows.few_answers() | rows.few_taken_off()
        telling, blank = rows.telling_of_losses(hide)
        out = without_figures(table, hide | telling)
        out["n"] = out["n"].mask(blank)
        return out, int((hide | telling | blank).sum())


def without_figures(table: pd.DataFrame, hide: np.ndarray) -> pd.DataFrame:
    """Return the table without the figures of some rows, numbers of people of rows that are not estimable included."""
    out = table.copy()
    for column in FIGURES:
        out[column] = out[column].astype(float).mask(hide)
    gone = hide & (table["status"] != "not_estimable").to_numpy()
    out["status"] = out["status"].mask(gone, "suppressed")
    out["reason"] = [None if lost else reason for lost, reason in zip(gone, out["reason"], strict=True)]
    return out


class _Rows:
    """Positions of the rows, and what they give away."""

    def __init__(self, table: pd.DataFrame, facts: Facts, policy: Policy):
        self.term, self.part, self.group, self.method = (
            table[c].to_numpy(dtype=object) for c in ("term", "part", "group", "method")
        )
        self.facts, self.policy = facts, policy
        self.outcome = np.isin(self.term.astype(str), OUTCOME)
        self.lost = self.term == "lost"

    def small(self, *values: float) -> bool:
        return any(0 < v < self.policy.threshold for v in values)

    def partitions(self) -> list[tuple[int | None, list[int]]]:
        """Return the levels of each column, which add up to all the lost, and the reasons."""
        total = int(np.flatnonzero(self.lost & (self.part == ""))[0])
        named = [p for p in dict.fromkeys(self.part[self.lost]) if p]
        lines: list[tuple[int | None, list[int]]] = []
        for name in named:
            own = np.flatnonzero(self.lost & (self.part == name)).tolist()
            # A number's only row is that of the people who did not give it.
            lines.append(
                (total, own) if ((self.term == "mean_lost") & (self.part == name)).sum() == 0 else (None, own)
            )
        reasons = np.flatnonzero(self.term == "lost_reason").tolist()
        return [*lines, (total, reasons)] if reasons else lines

    def beside_hidden(self, hide: np.ndarray) -> np.ndarray:
        """Return the rows that compare the levels of a column of which one is hidden."""
        touched = {
            p
            for p in self.part[hide & np.isin(self.term.astype(str), ("lost", "mean_lost", "mean_seen"))]
            if p
        }
        beside = np.isin(self.term.astype(str), ("lost_difference", "smd", "mean_lost", "mean_seen"))
        return beside & np.isin(self.part.astype(str), sorted(touched))

    def about(self, groups: set[str]) -> np.ndarray:
        """Return the estimates of these groups, and of comparisons with them."""
        wide = groups | {c for c, members in self.facts.members.items() if groups & set(members)}
        return self.outcome & np.isin(self.group.astype(str), sorted(wide))

    def few_answers(self) -> np.ndarray:
        few = {g for g, counts in self.facts.answers.items() if self.small(*counts)}
        hide = self.about(few)
        few = {g for g, counts in self.facts.lost_before.items() if self.small(*counts)}
        return hide | (self.about(few) & (self.method == "manski"))

    def few_taken_off(self) -> np.ndarray:
        few = [c for c, taken in self.facts.trimmed.items() if self.small(taken)]
        return (self.method == "lee") & np.isin(self.group.astype(str), few)

    def telling_of_losses(self, hide: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return rows that tell how many are lost, to be hidden, and rows whose number of people alone does."""
        arms = self.lost & np.isin(self.group.astype(str), list(self.facts.left_out))
        everyone = self.outcome & (self.part == "everyone")
        # The weights' people beside everybody, or beside those seen, tell how many were left out of the model.
        few = any(self.small(*counts) for counts in self.facts.left_out.values())
        blank = (self.method == "ipw") & few
        tell = np.isin(self.term.astype(str), ("largest_weight", "effective_n")) & hide[self.lost].any()
        if hide[arms].any():
            # Imputed shares are fractions of everybody, from which their number can be found again.
            tell |= np.isin(self.method.astype(str), ("manski", "lee", "mi"))
            blank |= everyone
        if hide[self.lost & (self.part == "")].any():
            # The weighting's standard error holds that number too, in its correction for a small sample.
            tell |= self.outcome & (self.method == "ipw")
        return tell, blank
