"""Shares in states and moves between them as results: asked at a time, for time spent, drawn, published.

Not an estimator: `states` fills it.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any, Self

import numpy as np
import pandas as pd

from evalkit import wording
from evalkit.disclosure import Policy, suppress_partition
from evalkit.errors import InputError
from evalkit.numerics.normal import z_value
from evalkit.result import Result
from evalkit.spells import CENSORED
from evalkit.survival.core.sample import by_columns
from evalkit.survival.curves.readings import ROUND_TIMES, both, labels_of, round_times, unit_name
from evalkit.survival.curves.transforms import interval
from evalkit.survival.recurrent.gate import coarsen_shares
from evalkit.survival.recurrent.product import Product
from evalkit.survival.recurrent.stays import Stays
from evalkit.wording import message


@dataclass(frozen=True, eq=False)
class Group:
    """One group's shares at the days somebody moved, with what was counted.

    Parameters
    ----------
    product : Product
    day : float array, shape (d,)
    shares, std_error : float arrays, shape (d, s)
    last : float
        Until when anybody was observed.
    over : bool
        Whether everybody ended in a state nobody leaves, so that nothing can change afterwards.
    n : float
        People.
    """

    product: Product
    day: np.ndarray
    shares: np.ndarray
    std_error: np.ndarray
    last: float
    over: bool
    n: float

    @classmethod
    def of(cls, stays: Stays, group: int, product: Product) -> Group:
        """Return the shares at the end of each day."""
        rows = stays.rows_of(group)
        n = float(stays.weight[stays.group == group].sum())
        end = np.flatnonzero(np.append(product.day[1:] != product.day[:-1], True)) if len(product.day) else []
        places = np.concatenate(
            [[] if len(end) and product.day[0] == 0 else [0], np.asarray(end) + 1]
        ).astype(int)
        day = np.concatenate([[0.0], product.day])[places]
        error = (
            np.full((len(product.day) + 1, len(stays.states)), np.nan)
            if n < 2
            else np.sqrt(product.variance())
        )
        left = np.isin(np.arange(len(stays.states)), stays.state)
        over = not (product.shares[-1] * left).any()
        return cls(
            product, day, product.shares[places], error[places], float(stays.stop[rows].max()), over, n
        )


@dataclass(frozen=True, repr=False)
class Occupation(Result):
    """Shares of people in each state: one row per state and time at which somebody moved, the origin and the end included."""

    by: tuple[str, ...] = ()
    conf_type: str = "log-log"
    conf_level: float = 0.95
    unit: str = "day"
    groups: tuple[Group, ...] = ()
    stays: Stays | None = field(default=None)

    def filled(self) -> Self:
        """Return the result with its table."""
        parts = [
            self._rows(i, np.unique(np.append(group.day, group.last))) for i, group in enumerate(self.groups)
        ]
        return dataclasses.replace(
            self, table=pd.concat(parts, ignore_index=True), labels=labels_of(self.labels, self.unit)
        )

    # -- questions ---------------------------------------------------------------------------------------------------
    def at(self, times: float | Iterable[float]) -> StateValues:
        """Return the shares at these times; ``n_event`` and ``n_censor`` count since the time asked before.

        Raises
        ------
        InputError
            A time is negative or past the follow-up of a group (unless everybody is where nobody leaves).
        """
        asked = np.unique(np.atleast_1d(np.asarray(times, dtype=float)))
        self._refuse_beyond(asked, "at")
        parts = [self._rows(i, asked) for i in range(len(self.groups))]
        return StateValues(
            pd.concat(parts, ignore_index=True), self.question, self.caveats, self.provenance, labels=self.labels,
            by=self.by, stays=self.stays,
        )  # fmt: skip

    def mean_times(self, t: float) -> MeanTimes:
        """Return the mean time spent in each state from the origin up to `t`: the areas of the shares; they sum to `t`.

        Parameters
        ----------
        t : number, in the unit of time

        Notes
        -----
        With the infinitesimal-jackknife variance (R's ``rmean`` of multi-state ``survfit``) and a normal interval.
        """
        self._refuse_beyond(np.array([t], dtype=float), "mean_times")
        if not t > 0:
            raise InputError(f"t: must be positive, but was {t}")
        z, rows, states = z_value(self.conf_level), [], self.stays.states
        for i, group in enumerate(self.groups):
            mean, variance = group.product.mean_times(float(t))
            error = np.full(len(mean), np.nan) if group.n < 2 else np.sqrt(variance)
            own = self.stays.rows_of(i)
            for k in range(len(states)):
                seen = own[(self.stays.state[own] == k) & (self.stays.start[own] <= t)]
                came = own[(self.stays.to[own] == k) & (self.stays.stop[own] <= t)]
                people = np.unique(np.concatenate([self.stays.person[seen], self.stays.person[came]]))
                rows.append({
                    **dict(zip(self.by, self.stays.groups[i], strict=True)), "state": states[k], "time": float(t),
                    "estimate": mean[k], "std_error": error[k], "conf_low": max(mean[k] - z * error[k], 0.0),
                    "conf_high": min(mean[k] + z * error[k], float(t)), "conf_level": self.conf_level,
                    "n": float(self.stays.weight[people].sum()),
                })  # fmt: skip
        question = message("survival_recurrent.question_mean_times", unit=unit_name(self.unit, 2), t=float(t))
        labels = {**self.labels, "n": both("survival_recurrent.ever_there")}
        return MeanTimes(
            pd.DataFrame(rows), question, self.caveats, self.provenance, labels=labels, by=self.by
        )

    # -- showing -----------------------------------------------------------------------------------------------------
    def glance(self) -> pd.DataFrame:
        """Return one row per group: people, stays, moves, last time observed."""
        if self.stays is None:
            return super().glance()
        rows = []
        for i, group in enumerate(self.groups):
            own = self.stays.rows_of(i)
            rows.append({
                **dict(zip(self.by, self.stays.groups[i], strict=True)), "n": group.n, "n_stays": len(own),
                "n_event": int((self.stays.to[own] >= 0).sum()), "time_last": group.last,
            })  # fmt: skip
        return pd.DataFrame(rows)

    def plot(self, ax: Any = None, lang: str | None = None) -> Any:
        """Draw the shares as areas piled on each other, one picture per group, and return the Axes (of the first group)."""
        from evalkit import figures

        lang = wording.language(lang)
        frame = self.table.assign(state=[self._label(s, lang) for s in self.table["state"]])
        keys = [[f"{self._label(c, lang)} {self._label(v, lang)}" for v in frame[c]] for c in self.by]
        frame["group"] = [", ".join(key) for key in zip(*keys, strict=True)] if keys else ""
        return figures.areas(frame, self.question.text(lang), unit=self.unit, ax=ax, lang=lang)

    def publish(self, policy: Policy | None = None) -> Self:
        """Pass the disclosure gate: times between which few people moved are merged, states with few people hidden."""
        published = super().publish(policy)
        if self.provenance.kind != "records":
            return published
        published = dataclasses.replace(published, groups=(), stays=None)
        return published.with_caveats(
            message("survival.coarsened", threshold=published.published_under.threshold)
        )

    # -- plumbing ----------------------------------------------------------------------------------------------------
    def _suppressed(self, policy: Policy) -> tuple[pd.DataFrame, int]:
        return _coarsened(self.table, self.by, self.stays, policy, keep_rows=False)

    def _display_frame(self, lang: str) -> pd.DataFrame:
        """Return long curves at round times only: the whole of them is in `tidy`."""
        if self.stays is None or len(self.table) <= 3 * ROUND_TIMES:
            return super()._display_frame(lang)
        end = min(group.last for group in self.groups)
        asked = round_times(end)
        return self.at(asked[asked <= end])._display_frame(lang)

    def _rows(self, i: int, times: np.ndarray) -> pd.DataFrame:
        """Return the rows of one group at these times."""
        group, stays = self.groups[i], self.stays
        s, m = len(stays.states), len(times)
        last = np.searchsorted(group.day, times, side="right") - 1
        # Only somebody who moved on day 0 makes the first row later than 0.
        shares, error = group.shares[last], group.std_error[last]
        low, high = interval(shares, error, self.conf_type, self.conf_level)
        certain = error == 0
        low, high = np.where(certain, shares, low), np.where(certain, shares, high)
        before, arrived, lost = counted(stays, i, times)
        keys = by_columns(self.by, [stays.groups[i]], m * s)
        return pd.DataFrame({
            **keys, "state": np.tile(stays.states, m), "time": np.repeat(times, s), "estimate": shares.ravel(),
            "std_error": error.ravel(), "conf_low": low.ravel(), "conf_high": high.ravel(), "conf_level": self.conf_level,
            "n_risk": before.ravel(), "n_event": arrived.ravel(), "n_censor": lost.ravel(),
        })  # fmt: skip

    def _refuse_beyond(self, asked: np.ndarray, what: str) -> None:
        if self.stays is None:
            raise InputError(f"{what}: the published shares are coarsened; ask before publishing")
        if not len(asked):
            raise InputError(f"{what}: no time was asked for; give at least one")
        if (asked < 0).any() or not np.isfinite(asked).all():
            raise InputError(f"{what}: times must be 0 or more and finite, but were {asked.tolist()}")
        short = [
            f"{', '.join(map(str, self.stays.groups[i])) or 'observation'} ends at {group.last:g}"
            for i, group in enumerate(self.groups)
            if asked.max() > group.last and not group.over
        ]
        if short:
            raise InputError(
                f"{what}: {asked.max():g} {self.unit}s is beyond the last observation ({'; '.join(short)}); "
                "shares say nothing past the follow-up: ask earlier"
            )


@dataclass(frozen=True, repr=False)
class StateValues(Result):
    """Shares in states read at a few times; publishing hides times between which few people moved."""

    by: tuple[str, ...] = ()
    stays: Stays | None = field(default=None)

    def publish(self, policy: Policy | None = None) -> Self:
        """Pass the disclosure gate; what is left knows no person."""
        published = super().publish(policy)
        return published if self.provenance.kind != "records" else dataclasses.replace(published, stays=None)

    def _suppressed(self, policy: Policy) -> tuple[pd.DataFrame, int]:
        return _coarsened(self.table, self.by, self.stays, policy, keep_rows=True)


@dataclass(frozen=True, repr=False)
class MeanTimes(Result):
    """Mean times spent in states; the states of a group sum to the whole, so hidden ones cover each other."""

    by: tuple[str, ...] = ()

    def _suppressed(self, policy: Policy) -> tuple[pd.DataFrame, int]:
        groups = (
            self.table.groupby(list(self.by), sort=False).indices.values()
            if self.by
            else [range(len(self.table))]
        )
        return suppress_partition(self.table, policy, [(None, list(rows)) for rows in groups], count="n")


@dataclass(frozen=True, repr=False)
class Transitions(Result):
    """Moves from state to state: per state left one row for each state entered, the censored, the total."""

    by: tuple[str, ...] = ()

    def matrix(self, lang: str | None = None) -> pd.DataFrame:
        """Return the counts as a square: states left down, states entered across, margins that add up.

        With groups, their sum. A published count that is hidden is missing here, and so are the margins it is in.
        """
        lang = wording.language(lang)
        table = self.table
        states = list(dict.fromkeys([*table["state"], *table["exit"]]))
        entered = [x for x in states if x not in (CENSORED, "total")]
        whole = table.pivot_table(
            index="state",
            columns="exit",
            values="count",
            aggfunc=lambda x: x.sum(skipna=False),
            sort=False,
            dropna=False,
        )
        left = [x for x in entered if x in whole.index]
        whole = whole.reindex(index=left, columns=[*entered, CENSORED, "total"])
        seen = table.groupby(["state", "exit"]).size()
        for j in left:
            for k in whole.columns:
                if (j, k) not in seen.index:
                    whole.loc[j, k] = 0
        whole.loc["total"] = whole.sum(axis=0, skipna=False)
        if whole.notna().all(axis=None):
            whole = whole.astype(np.int64)
        named = {x: self._label(x, lang) for x in (*states, CENSORED, "total")}
        whole = whole.rename(index=named, columns=named)
        return whole.rename_axis(index=self._label("state", lang), columns=None)

    def plot(self, ax: Any = None, lang: str | None = None) -> Any:
        """Draw the rates with their intervals, and return the Axes."""
        from evalkit import figures

        lang = wording.language(lang)
        moves = self._worded(lang)
        moves = moves[~moves["exit"].isin([CENSORED, "total"])].drop(columns=["time_at_risk", "count"])
        arrows = [
            f"{self._label(a, lang)} → {self._label(b, lang)}"
            for a, b in zip(moves["state"], moves["exit"], strict=True)
        ]
        frame = moves.assign(term=arrows).drop(columns=["state", "exit"])
        return figures.estimates(
            frame,
            self.question.text(lang),
            ax=ax,
            lang=lang,
            axis=wording.text("survival_recurrent.estimate", lang),
        )

    def _suppressed(self, policy: Policy) -> tuple[pd.DataFrame, int]:
        keys = [*self.by, "state"]
        partitions = []
        for rows in self.table.groupby(keys, sort=False).indices.values():
            total = next(i for i in rows if self.table["exit"].iloc[i] == "total")
            partitions.append((total, [i for i in rows if i != total]))
        table, hidden = suppress_partition(self.table, policy, partitions)
        if hidden:
            lost = (table["status"] == "suppressed") & (table["exit"] == "total")
            of_state = lost.groupby([table[k] for k in keys], sort=False).transform("any")
            table = table.assign(time_at_risk=table["time_at_risk"].astype(float).mask(of_state))
        return table, hidden


def counted(stays: Stays, group: int, times: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return who is in each state just before each time, who arrived and who was lost since the time before; (times, states)."""
    rows = stays.rows_of(group)
    weight, s = stays.weight[stays.person[rows]], len(stays.states)
    start = np.where(stays.came[rows] < 0, -1.0, stays.start[rows])
    before, arrived, lost = (np.zeros((len(times), s)) for _ in range(3))
    for k in range(s):
        here, came = stays.state[rows] == k, stays.to[rows] == k
        stop = stays.stop[rows]
        if (stays.state == k).any():
            before[:, k] = _upto(start[here], weight[here], times, "left") - _upto(
                stop[here], weight[here], times, "left"
            )
        else:
            before[:, k] = _upto(stop[came], weight[came], times, "left")
        arrived[:, k] = np.diff(_upto(stop[came], weight[came], times, "right"), prepend=0)
        gone = here & (stays.to[rows] < 0)
        lost[:, k] = np.diff(_upto(stop[gone], weight[gone], times, "right"), prepend=0)
    return before, arrived, lost


def _upto(when: np.ndarray, weight: np.ndarray, times: np.ndarray, side: str) -> np.ndarray:
    order = np.argsort(when, kind="stable")
    total = np.concatenate([[0.0], np.cumsum(weight[order])])
    return total[np.searchsorted(when[order], times, side=side)]


def _coarsened(
    table: pd.DataFrame, by: tuple[str, ...], stays: Stays, policy: Policy, keep_rows: bool
) -> tuple[pd.DataFrame, int]:
    parts, total = [], 0
    for i, (_, part) in enumerate(
        [((), table)] if not by else table.groupby(list(by), sort=False, observed=True)
    ):
        rows = stays.rows_of(i)
        moves = {}
        for k, state in enumerate(stays.states):
            touched = rows[((stays.state[rows] == k) | (stays.to[rows] == k)) & (stays.to[rows] >= 0)]
            touched = touched[np.argsort(stays.stop[touched], kind="stable")]
            moves[state] = stays.stop[touched], stays.person[touched]
        times = part["time"].to_numpy(dtype=float)[:: len(stays.states)]
        after, _, _ = counted(stays, i, np.nextafter(times, np.inf))
        coarse, n = coarsen_shares(part, moves, after, stays.weight, policy, keep_rows)
        parts.append(coarse)
        total += n
    return pd.concat(parts, ignore_index=True), total
