"""Step curves as a result: asked at a time, for a quantile, for an area; drawn with who is still at risk.

Not an estimator: `curves` and `competing` fill it.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
import pandas as pd

from evalkit import wording
from evalkit.disclosure import Policy, coarsen_curve
from evalkit.errors import InputError
from evalkit.numerics.arguments import numbers, one_number
from evalkit.result import Result
from evalkit.survival.core.sample import Sample
from evalkit.survival.core.showing import before_caveats
from evalkit.survival.core.sums import RiskSums
from evalkit.survival.curves.readings import (
    ROUND_TIMES,
    round_times,
)
from evalkit.wording import message


@dataclass(frozen=True, repr=False)
class Curves(Result):
    """Curves by group (and cause): one row per time at which somebody left, and a row at 0.

    Parameters
    ----------
    by : tuple of str
        The grouping columns.
    kind : {"survival", "hazard", "incidence"}
    conf_type : str
    conf_level : float
    unit : str
    sums : RiskSums, optional
        What the curves were read from; a published result no longer has it.
    rows : Sample, optional
        The people behind them, for `bootstrap`; a published result no longer has them.
    greenwood : bool
        Whether the standard errors follow from the counts shown (they do not under sampling weights).
    event : Message, str or mapping
        What the event is called.
    simultaneous : bool
        Whether the bounds hold all along the curve together (`band`) rather than at each time alone.

    Notes
    -----
    Between two rows a curve is flat. ``n_risk`` is just before the time, ``n_event`` and ``n_censor`` at it. Bounds
    are nan where the scale has no value (an estimate of 0, and of 1 for "log-log" and "logit"), as in R.
    """

    by: tuple[str, ...] = ()
    kind: str = "survival"
    conf_type: str = "log-log"
    conf_level: float = 0.95
    unit: str = "day"
    sums: RiskSums | None = None
    rows: Sample | None = None
    greenwood: bool = True
    event: Any = ""
    simultaneous: bool = False

    # -- questions ---------------------------------------------------------------------------------------------------
    def at(self, times: float | Iterable[float]) -> CurveValues:
        """Return the curves at these times.

        Parameters
        ----------
        times : number or list of numbers, in the curve's unit

        Returns
        -------
        CurveValues
            ``n_event`` and ``n_censor`` count since the time asked before (or the origin), ``n_risk`` just before the time.

        Raises
        ------
        InputError
            A time is negative or beyond the last observation of a group (unless nobody is left to ask about).
        """
        asked = np.unique(numbers(times, "at"))
        self._refuse_beyond(asked, "at")
        rows, there = [], []
        for key, group in self._groups():
            t = group["time"].to_numpy()
            last = np.searchsorted(t, asked, side="right") - 1
            made = group.iloc[last].copy()
            made["time"] = asked
            made["n_risk"] = self.sums.at_risk(asked)[self._position(key)]
            for count in ("n_event", "n_censor"):
                total = np.cumsum(group[count].to_numpy())[last]
                made[count] = np.diff(total, prepend=0)
            rows.append(made)
            there.append(group["n_event"].to_numpy(dtype=float)[last] * (t[last] == asked))
        return CurveValues(
            pd.concat(rows, ignore_index=True),
            self.question,
            self.caveats,
            self.provenance,
            labels=self.labels,
            by=self._key_columns(),
            there=np.concatenate(there),
        )

    def quantile(self, p: float | Iterable[float] = 0.5) -> Result:
        """Return the times by which a share `p` has left, with intervals read from the curve's own bounds.

        Parameters
        ----------
        p : number or list of numbers, between 0 and 1
            0.5 for the median.

        Returns
        -------
        Result
            Column ``part`` holds p. A quantile the curve does not reach is "not_estimable"; a bound it does not reach is nan.

        Notes
        -----
        Brookmeyer & Crowley (1982), with R's rule for a curve flat at 1 - p: the middle of the flat piece.
        """
        if self.kind != "survival":
            raise InputError(
                f"quantile: asked of a {self.kind} curve; only a survival curve has quantiles here"
            )
        if self.simultaneous:
            raise InputError(
                "quantile: asked of a band; ask the curve it was made from, whose bounds are pointwise"
            )
        self._refuse_published("quantile")
        from evalkit.survival.curves.answers import quantiles

        return quantiles(self, p)

    def rmst(self, t: float) -> Result:
        """Return the mean time before the event within the first `t`: the area under the survival curve.

        Parameters
        ----------
        t : number, in the curve's unit

        Returns
        -------
        Result
            With Greenwood's standard error (sampling weights: the infinitesimal jackknife) and a normal interval. `rmst` of this
            room also compares groups.

        Raises
        ------
        InputError
            `t` is beyond the last observation of a group.

        Notes
        -----
        Variance: Σ_j A_j² d_j / (n_j (n_j - d_j)), A_j the area from time j to `t` (Klein & Moeschberger 2003, eq. 4.5.2).
        """
        if self.kind != "survival":
            raise InputError(f"rmst: asked of a {self.kind} curve; it is an area under a survival curve")
        self._refuse_published("rmst")
        t = one_number(t, "t")
        if not t > 0:
            raise InputError(f"t: must be positive, but was {t}")
        self._refuse_beyond(np.array([t], dtype=float), "rmst")
        from evalkit.survival.curves.answers import mean_time

        return mean_time(self, t)

    def band(
        self,
        kind: str = "equal_precision",
        transform: str = "log-log",
        lower: float | None = None,
        upper: float | None = None,
        conf_level: float | None = None,
    ) -> Self:
        """Return the curves with bounds that hold each of them all along, from `lower` to `upper`.

        Parameters
        ----------
        kind : {"equal_precision", "hall_wellner"}
            Nair's: the pointwise interval made wider by one factor. Hall and Wellner's: narrower in the middle, wider at the ends.
        transform : {"log-log", "plain", "log", "logit", "arcsin"}
        lower, upper : number, optional
            In the curve's unit. By default from the first event to the last (Hall and Wellner), or from the tenth event for as long
            as ten people are at risk (equal precision, which misses too often nearer the ends). A shorter stretch gives a
            narrower band.
        conf_level : number, optional
            That of the curves otherwise.

        Returns
        -------
        Curves
            Bounds are nan outside the stretch and where the curve is 0; the caveats say where each band holds.

        Raises
        ------
        InputError
            The curves are not survival curves (no band is known for competing exits), or carry sampling weights.

        Notes
        -----
        Nair (1984), Hall & Wellner (1980), Klein & Moeschberger (2003), §4.4; critical values computed, not read from a table.
        Each group has a band of its own. Delayed entry is allowed.
        """
        from evalkit.survival.curves.bands import banded

        if self.kind != "survival":
            raise InputError(
                f"band: asked of {self.kind} curves; bands are known for one survival curve only"
            )
        lower, upper = (t if t is None else one_number(t, "lower, upper") for t in (lower, upper))
        asked = [t for t in (lower, upper) if t is not None]
        if asked:
            self._refuse_beyond(np.array(asked, dtype=float), "band")
            if lower is not None and upper is not None and not lower < upper:
                raise InputError(f"lower: must be less than upper, but they were {lower} and {upper}")
        self._refuse_published("band")
        return banded(self, kind, transform, lower, upper, conf_level)

    def bootstrap(self, p: float | Iterable[float] = 0.5, n: int = 1000, seed: int = 2011) -> Result:
        """Return the times by which a share `p` has left, with percentile intervals from people drawn again.

        Parameters
        ----------
        p : number or list of numbers, between 0 and 1
        n : int
            How many times people are drawn.
        seed : int

        Returns
        -------
        Result
            As `quantile`. A bound is nan when so many draws do not reach `p` that it lies past the follow-up; a standard
            error is given when all of them do.

        Raises
        ------
        InputError
            The curves are not survival curves, or `n` is below 100.

        Notes
        -----
        Efron (1981): people are drawn with what happened to them, and with all their rows when they have several, within
        each group. Draws are of the counts per time, which has the same law. Percentile intervals, without correction.
        """
        from evalkit.survival.curves.resampling import resampled

        if self.kind != "survival":
            raise InputError(
                f"bootstrap: asked of {self.kind} curves; only a survival curve has quantiles here"
            )
        self._refuse_published("bootstrap")
        return resampled(self, p, n, seed)

    # -- showing -----------------------------------------------------------------------------------------------------
    def glance(self) -> pd.DataFrame:
        """Return one row per group: people at the origin or later, exits, last time; median for a survival curve."""
        if self.published_under is not None and self.sums is None:
            return super().glance()
        rows = []
        for key, group in self._groups():
            row = dict(zip(self._key_columns(), key, strict=True)) | self._size(group)
            row["time_last"] = group["time"].iloc[-1]
            rows.append(row)
        frame = pd.DataFrame(rows)
        if self.kind == "survival" and not self.simultaneous:
            medians = self.quantile(0.5).table
            frame["median"], frame["median_low"], frame["median_high"] = (
                medians[c].to_numpy() for c in ("estimate", "conf_low", "conf_high")
            )
        return frame

    def summary(self, lang: str | None = None, max_rows: int = 60) -> str:
        """Return the curves as text at round times, the medians of survival curves, the caveats."""
        text = super().summary(lang, max_rows)
        if self.kind != "survival" or self.simultaneous or self.sums is None:
            return text
        from evalkit.survival.curves.answers import medians

        lang = wording.language(lang)
        return before_caveats(text, "\n".join(medians(self, lang)), lang)

    def plot(self, ax: Any = None, lang: str | None = None) -> Any:
        """Draw the curves with their bands and who is at risk under them, and return the Axes."""
        from evalkit import figures

        lang = wording.language(lang)
        ticks, counts = self.risk_table()
        drawn = self.table[self.table["cause"] != "no_exit"] if self.kind == "incidence" else self.table
        return figures.steps(
            self._named(drawn, lang),
            self._named(counts, lang),
            title=self.question.text(lang),
            unit=self.unit,
            probability=self.kind != "hazard",
            start=1.0 if self.kind == "survival" else 0.0,
            joined=self.sums is None,
            ax=ax,
            lang=lang,
        )

    def risk_table(self, times: Sequence[float] | None = None) -> tuple[np.ndarray, pd.DataFrame]:
        """Return round times and how many were at risk at each, by group.

        Parameters
        ----------
        times : list of numbers, optional
            Round times of our choosing otherwise.
        """
        last = float(self.table["time"].max())
        ticks = round_times(last) if times is None else np.asarray(times, dtype=float)
        rows = []
        for i, (key, group) in enumerate(self._risk_groups()):
            if self.sums is not None:
                counts = self.sums.at_risk(ticks)[i]
            else:
                # Coarsened: of the numbers between two times shown, the later one is the safe side.
                shown = np.append(group["n_risk"].to_numpy(dtype=float), np.nan)
                counts = shown[np.searchsorted(group["time"].to_numpy(), ticks, side="left")]
            rows += [
                dict(zip(self.by, key, strict=True)) | {"time": t, "n_risk": c}
                for t, c in zip(ticks, counts, strict=True)
            ]
        return ticks, pd.DataFrame(rows)

    def publish(self, policy: Policy | None = None) -> Self:
        """Pass the disclosure gate: steps of a few people are merged, see `evalkit.disclosure.coarsen_curve`."""
        published = super().publish(policy)
        if self.provenance.kind != "records":
            return published
        published = dataclasses.replace(published, sums=None, rows=None)
        if len(published.table) == len(self.table):
            return published
        return published.with_caveats(
            message("survival.coarsened", threshold=published.published_under.threshold)
        )

    # -- plumbing ----------------------------------------------------------------------------------------------------
    def _suppressed(self, policy: Policy) -> tuple[pd.DataFrame, int]:
        return coarsen_curve(self.table, policy, by=self._key_columns())

    def _display_frame(self, lang: str) -> pd.DataFrame:
        """Return a long curve at round times only: the whole of it is in `tidy`."""
        if len(self.table) <= 3 * ROUND_TIMES or self.sums is None:
            return super()._display_frame(lang)
        ends = self.sums.last()
        asked = round_times(float(np.nanmin(ends)))
        return self.at(asked[asked <= np.nanmin(ends)])._display_frame(lang)

    def _named(self, frame: pd.DataFrame, lang: str) -> pd.DataFrame:
        """Return the frame with one column `group` written for a reader."""
        columns = [c for c in self._key_columns() if c in frame]
        rows = frame[columns].to_dict("records") if columns else [{}] * len(frame)
        return frame.assign(
            group=[", ".join(self._group_word(c, v, lang) for c, v in row.items()) for row in rows]
        )

    def _group_word(self, column: str, value: Any, lang: str) -> str:
        if isinstance(value, str):
            return self._label(value, lang)
        said = (
            wording.number(value, lang)
            if hasattr(value, "__float__") and not isinstance(value, bool)
            else str(value)
        )
        return f"{self._label(column, lang)} {said}"

    def _key_columns(self) -> tuple[str, ...]:
        return (*self.by, "cause") if self.kind == "incidence" else self.by

    def _groups(self) -> list[tuple[tuple, pd.DataFrame]]:
        columns = list(self._key_columns())
        if not columns:
            return [((), self.table)]
        return [(key, part) for key, part in self.table.groupby(columns, sort=False, observed=True)]

    def _risk_groups(self) -> list[tuple[tuple, pd.DataFrame]]:
        # With several causes a time has one row that is never hidden for another cause's sake.
        table = self.table[self.table["cause"] == "no_exit"] if self.kind == "incidence" else self.table
        if not self.by:
            return [((), table)]
        return [(key, part) for key, part in table.groupby(list(self.by), sort=False, observed=True)]

    def _position(self, key: tuple) -> int:
        return self.sums.groups.index(tuple(key[: len(self.by)]))

    def _size(self, group: pd.DataFrame) -> dict[str, float]:
        exits = {c: float(group[c].sum()) for c in ("n_event", "n_censor")}
        key = tuple(group[c].iloc[0] for c in self.by)
        position = self._position(key)
        seen = float(self.sums.start[position] + self.sums.entries[position].sum())
        return {"n": seen, **exits}

    def _refuse_published(self, what: str) -> None:
        if self.sums is None:
            raise InputError(f"{what}: the published curve is coarsened; ask the curve before publishing it")

    def _refuse_beyond(self, asked: np.ndarray, what: str) -> None:
        self._refuse_published(what)
        if not len(asked):
            raise InputError(f"{what}: no time was asked for; give at least one")
        if (asked < 0).any() or not np.isfinite(asked).all():
            raise InputError(f"{what}: times must be 0 or more and finite, but were {asked.tolist()}")
        short = []
        for key, group in self._risk_groups():
            last = group["time"].iloc[-1]
            over = self.kind == "survival" and group["estimate"].iloc[-1] == 0
            if asked.max() > last and not over:
                short.append(f"{', '.join(map(str, key)) or 'the curve'} ends at {last:g}")
        if short:
            raise InputError(
                f"{what}: {asked.max():g} {self.unit}s is beyond the last observation ({'; '.join(short)}); "
                "a curve says nothing past its follow-up: ask earlier"
            )


@dataclass(frozen=True, repr=False)
class CurveValues(Result):
    """Curves read at a few times; publishing hides the steps that too few people make.

    `there` holds the exits on the very day of each row, which tell how many were left by it.
    """

    by: tuple[str, ...] = ()
    there: np.ndarray | None = None

    def _suppressed(self, policy: Policy) -> tuple[pd.DataFrame, int]:
        return coarsen_curve(self.table, policy, by=self.by, keep_rows=True, there=self.there)
