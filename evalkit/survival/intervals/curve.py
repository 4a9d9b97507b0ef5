"""Turnbull's curve as a result: asked at a time or for a quantile, drawn with what cannot be known left open.

Not an estimate: `npmle` makes it.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
import pandas as pd

from evalkit import wording
from evalkit.disclosure import Policy, suppress
from evalkit.errors import InputError
from evalkit.result import Result
from evalkit.survival.curves.readings import round_times, unit_name
from evalkit.survival.intervals.mass import Best, Pieces
from evalkit.survival.intervals.ratio import Held, Seen, not_rejected
from evalkit.wording import message

#: Times at which a picture shows intervals.
_SHOWN = 6


@dataclass(frozen=True, eq=False)
class Step:
    """One group's pieces and masses.

    Parameters
    ----------
    seen : Seen
    pieces : Pieces
    best : Best
    """

    seen: Seen
    pieces: Pieces
    best: Best

    def splits(self, time: float) -> tuple[int, int]:
        """Return how many pieces are over for sure by a time, and how many may be: they differ inside of a piece."""
        pieces = self.pieces
        over = int(np.searchsorted(pieces.upper, time, side="right"))
        begun = int(np.searchsorted(pieces.lower, time, side="left"))
        # A piece that holds its lower end may be over on that day.
        while begun < len(pieces) and pieces.lower[begun] == time and not pieces.open_left[begun]:
            begun += 1
        return over, max(over, begun)

    def left(self, split: int) -> float:
        """Return the share in the pieces from this one on."""
        return min(float(self.best.mass[split:].sum()), 1.0)


@dataclass(frozen=True, repr=False)
class IntervalCurves(Result):
    """Turnbull's curves by group: one row per piece of time that holds mass.

    Parameters
    ----------
    by : tuple of str
        The grouping columns.
    conf_level : float
    unit : str
    closed : {"right", "both"}
    event : Message or str
        What the event is called.
    groups : tuple of tuple
        The values of the grouping columns in each group.
    steps : tuple of Step
        A published curve no longer has them.
    kinds : tuple of mapping
        People of each group, by how their time is known.
    """

    by: tuple[str, ...] = ()
    conf_level: float = 0.95
    unit: str = "day"
    closed: str = "right"
    event: Any = ""
    groups: tuple[tuple, ...] = ((),)
    steps: tuple[Step, ...] = ()
    kinds: tuple[dict[str, int], ...] = ()

    def at(self, times: float | Iterable[float]) -> IntervalValues:
        """Return the share still without the event at these times.

        Parameters
        ----------
        times : number or list of numbers, in the curve's unit

        Returns
        -------
        IntervalValues
            ``lowest`` and ``highest``: what the masses allow. They are one number between pieces; inside of a piece they differ, and
            `estimate` is missing, with the reason. ``conf_low`` and ``conf_high``: shares a likelihood-ratio test does not reject.

        Raises
        ------
        InputError
            A time is negative, or the curve was published.
        """
        self._refuse_published("at")
        asked = np.unique(np.atleast_1d(np.asarray(times, dtype=float)))
        if not len(asked) or (asked < 0).any() or not np.isfinite(asked).all():
            raise InputError(
                f"at: times must be 0 or more and finite, at least one, but were {asked.tolist()}"
            )
        rows = []
        for group, step, kinds in zip(self.groups, self.steps, self.kinds, strict=True):
            for time in asked:
                over, begun = step.splits(float(time))
                lowest, highest = step.left(begun), step.left(over)
                low, high = Held(step.seen, float(time)).interval(lowest, highest, self.conf_level)
                known = highest - lowest <= 1e-12
                rows.append({
                    **dict(zip(self.by, group, strict=True)), "time": float(time), "estimate": lowest if known else np.nan,
                    "lowest": lowest, "highest": highest, "conf_low": low, "conf_high": high, "conf_level": self.conf_level,
                    "n": kinds["n"], "status": "ok" if known else "not_estimable",
                    "reason": None if known else message("survival_intervals.inside", lowest=lowest, highest=highest),
                })  # fmt: skip
        return IntervalValues(
            pd.DataFrame(rows), self.question, self.caveats, self.provenance, labels=self.labels
        )

    def quantile(self, p: float | Iterable[float] = 0.5) -> IntervalValues:
        """Return between which times a share `p` has met the event.

        Parameters
        ----------
        p : number or list of numbers, between 0 and 1

        Returns
        -------
        IntervalValues
            Column ``part`` holds p; ``lower`` and ``upper`` the piece in which the curve passes 1 - p (from one piece to the next
            where it stays there); `estimate` is given where they are one time. ``conf_low`` and ``conf_high``: times at which a
            likelihood-ratio test does not reject the share 1 - p. A bound that is not reached is nan.
        """
        self._refuse_published("quantile")
        wanted = np.atleast_1d(np.asarray(p, dtype=float))
        if not ((wanted > 0) & (wanted < 1)).all():
            raise InputError(f"p: must lie strictly between 0 and 1, but was {p}")
        rows = []
        for group, step, kinds in zip(self.groups, self.steps, self.kinds, strict=True):
            for share in wanted:
                lower, upper, low, high = _quantile(step, float(share), self.conf_level)
                reason = None
                if not np.isfinite(upper):
                    reason = message(
                        "survival_intervals.not_reached",
                        share=float(share),
                        last=lower,
                        unit=unit_name(self.unit, lower),
                    )
                elif lower < upper:
                    reason = message(
                        "survival_intervals.between",
                        lower=lower,
                        upper=upper,
                        unit=unit_name(self.unit, upper),
                    )
                rows.append({
                    **dict(zip(self.by, group, strict=True)), "part": float(share), "estimate": lower if lower == upper else np.nan,
                    "lower": lower, "upper": upper, "conf_low": low, "conf_high": high, "conf_level": self.conf_level, "n": kinds["n"],
                    "status": "ok" if np.isfinite(upper) else "not_estimable", "reason": reason,
                })  # fmt: skip
        question = message("survival.question_quantile", event=self.event, unit=unit_name(self.unit, 2))
        labels = {
            **self.labels,
            "estimate": {k: wording.text("columns.estimate", k) for k in wording.LANGUAGES},
        }
        return IntervalValues(pd.DataFrame(rows), question, self.caveats, self.provenance, labels=labels)

    def glance(self) -> pd.DataFrame:
        """Return one row per group: people by how their time is known, pieces, log-likelihood, by how much the certificate fails."""
        if not self.steps:
            return super().glance()
        return pd.DataFrame([
            {
                **dict(zip(self.by, group, strict=True)), **kinds, "n_pieces": int((step.best.mass > 0).sum()),
                "log_likelihood": step.best.log_likelihood, "gradient_excess": step.best.excess,
            }
            for group, step, kinds in zip(self.groups, self.steps, self.kinds, strict=True)
        ])  # fmt: skip

    def plot(self, ax: Any = None, lang: str | None = None) -> Any:
        """Draw the curves, what lies inside of a piece as a shaded box, intervals at round times; return the Axes."""
        from evalkit import figures

        lang = wording.language(lang)
        intervals = None
        if self.steps:
            ends = self.table["upper"][np.isfinite(self.table["upper"])].max()
            asked = round_times(float(ends))[1 : _SHOWN + 1]
            intervals = self._named(self.at(asked).table, lang)
        return figures.boxes(
            self._named(self.table, lang),
            intervals,
            title=self.question.text(lang),
            unit=self.unit,
            ax=ax,
            lang=lang,
        )

    def publish(self, policy: Policy | None = None) -> Self:
        """Pass the disclosure gate: pieces that hold too few people are joined, see `_suppressed`."""
        published = super().publish(policy)
        if self.provenance.kind != "records":
            return published
        published = dataclasses.replace(published, steps=(), kinds=())
        if len(published.table) == len(self.table):
            return published
        return published.with_caveats(
            message("survival_intervals.joined", threshold=published.published_under.threshold)
        )

    # -- plumbing ----------------------------------------------------------------------------------------------------
    def _suppressed(self, policy: Policy) -> tuple[pd.DataFrame, int]:
        """Join pieces until each holds at least the threshold of people; a group that is smaller is hidden."""
        groups = (
            [part for _, part in self.table.groupby(list(self.by), sort=False, observed=True)]
            if self.by
            else [self.table]
        )
        joined = pd.concat([_joined(part, policy.threshold) for part in groups], ignore_index=True)
        table, hidden = suppress(joined, policy)
        if "status" in table:
            gone = table["status"] == "suppressed"
            table.loc[gone, ["lower", "upper", "mass", "estimate"]] = np.nan
        return table, hidden + len(self.table) - len(joined)

    def _named(self, frame: pd.DataFrame, lang: str) -> pd.DataFrame:
        """Return the frame with one column `group` written for a reader."""
        written = [
            ", ".join(self._word(column, value, lang) for column, value in row.items())
            for row in (frame[list(self.by)].to_dict("records") if self.by else [{}] * len(frame))
        ]
        return frame.assign(group=written)

    def _word(self, column: str, value: Any, lang: str) -> str:
        if isinstance(value, str):
            return self._label(value, lang)
        return f"{self._label(column, lang)} {wording.number(value, lang) if hasattr(value, '__float__') else value}"

    def _refuse_published(self, what: str) -> None:
        if not self.steps:
            raise InputError(f"{what}: the published curve is coarsened; ask the curve before publishing it")


@dataclass(frozen=True, repr=False)
class IntervalValues(Result):
    """Turnbull's curve read at a few times or for a few quantiles."""

    def plot(self, ax: Any = None, lang: str | None = None) -> Any:
        """Draw what is known with its intervals, one a line, a quantile at the middle of its piece; return the Axes."""
        from evalkit import figures

        lang = wording.language(lang)
        frame = self._worded(lang)
        if "lower" in frame:
            frame["estimate"] = (frame["lower"] + frame["upper"].where(np.isfinite(frame["upper"]))) / 2
        frame = frame.drop(columns=["lowest", "highest", "lower", "upper"], errors="ignore")
        return figures.estimates(frame, self.question.text(lang), ax=ax, lang=lang)

    def _suppressed(self, policy: Policy) -> tuple[pd.DataFrame, int]:
        """Hide shares that tell of too few people: of those who met the event by then, or who have not."""
        if "lowest" not in self.table:
            return suppress(self.table, policy)
        n = self.table["n"].astype(float)
        hide = np.asarray(policy.small(n))
        for column in ("lowest", "highest"):
            there = (n * self.table[column]).round()
            hide = hide | np.asarray(policy.small(there)) | np.asarray(policy.small(n - there))
        table = self.table.copy()
        table.loc[hide, ["estimate", "lowest", "highest", "conf_low", "conf_high"]] = np.nan
        table["status"] = table["status"].where(~hide, "suppressed")
        table["reason"] = table["reason"].where(~hide, None)
        return table, int(hide.sum())


def _quantile(step: Step, share: float, level: float) -> tuple[float, float, float, float]:
    """Return the piece in which the curve passes 1 - `share`, and the times at which that share is not rejected."""
    pieces = step.pieces
    gone = np.cumsum(step.best.mass)
    at = int(np.searchsorted(gone, share - 1e-12))
    lower, upper = float(pieces.lower[at]), float(pieces.upper[at])
    if abs(gone[at] - share) <= 1e-12 and at + 1 < len(pieces):
        following = at + 1 + int(np.flatnonzero(step.best.mass[at + 1 :] > 0)[0])
        lower, upper = upper, float(pieces.lower[following])
    low, high = not_rejected(step.seen, 1 - share, lower, upper, level)
    return lower, upper, low, high if np.isfinite(high) else np.nan


def _joined(part: pd.DataFrame, threshold: int) -> pd.DataFrame:
    """Return a group's pieces, neighbours joined until each holds so many people."""
    rows: list[dict[str, Any]] = []
    held = 0.0
    for row in part.to_dict("records"):
        if rows and held < threshold - 1e-9:
            rows[-1] |= {
                "upper": row["upper"],
                "mass": rows[-1]["mass"] + row["mass"],
                "estimate": row["estimate"],
            }
            held += row["mass"] * row["n"]
        else:
            rows.append(row)
            held = row["mass"] * row["n"]
    if len(rows) > 1 and held < threshold - 1e-9:
        last = rows.pop()
        rows[-1] |= {
            "upper": last["upper"],
            "mass": rows[-1]["mass"] + last["mass"],
            "estimate": last["estimate"],
        }
    return pd.DataFrame(rows, columns=part.columns)
