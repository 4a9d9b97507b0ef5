"""Adjusted curves as a result: levels of a factor side by side, their differences and ratios, the time spent before the event.

Not an estimator: `standardised` and `weighted` fill it.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Self

import numpy as np
import pandas as pd

from evalkit import wording
from evalkit.disclosure import Policy, coarsen_curve, suppress_since
from evalkit.errors import InputError
from evalkit.numerics.normal import two_sided_p, z_value
from evalkit.result import Result
from evalkit.survival.core.sums import RiskSums
from evalkit.survival.curves.readings import ROUND_TIMES, both, labels_of, round_times, unit_name
from evalkit.survival.curves.transforms import interval
from evalkit.wording import Message, message

CONTRASTS = ("difference", "ratio")
#: How many times a curve is given at unless told.
_MOST_TIMES = 60
#: A standard error this small is rounding: nothing varied.
_NO_ERROR = 1e-12
#: Columns about weights that are each one person's: the extremes.
_OF_ONE = ("chance_low", "chance_high", "weight_high")


@dataclass(frozen=True, eq=False)
class Joint:
    """What every level would show at the same times, and how these numbers vary together.

    Parameters
    ----------
    times : float array, shape (m,)
    value : float array, shape (states, levels, m)
    covariance : float array, shape (states, m, levels, levels)
    """

    times: np.ndarray
    value: np.ndarray
    covariance: np.ndarray


@dataclass(frozen=True, repr=False)
class Aside(Result):
    """A table read off adjusted curves, or about their weights; shown and drawn near round times when it is long.

    Parameters
    ----------
    keys : tuple of str
        The columns that name a line of the picture.
    shown : str
        The column drawn.
    axis : Message, optional
        What it is.
    no_effect : float, optional
    """

    keys: tuple[str, ...] = ()
    shown: str = "estimate"
    axis: Message | None = None
    no_effect: float | None = None

    def plot(self, ax: Any = None, lang: str | None = None) -> Any:
        """Draw one line per row, and return the Axes."""
        from evalkit import figures

        lang = wording.language(lang)
        table = _near_round_times(self.table)
        frame = {k: [self._said(k, v, lang) for v in table[k]] for k in self.keys if table[k].nunique() > 1}
        bounds = [c for c in ("conf_low", "conf_high", "conf_level", "status") if c in table]
        drawn = pd.DataFrame(
            {**frame, "estimate": table[self.shown].to_numpy(), **{c: table[c].to_numpy() for c in bounds}}
        )
        axis = None if self.axis is None else self.axis.text(lang)
        return figures.estimates(
            drawn, self.question.text(lang), ax=ax, lang=lang, no_effect=self.no_effect, axis=axis
        )

    def _suppressed(self, policy: Policy) -> tuple[pd.DataFrame, int]:
        """Hide times that too few events of the smallest group part, and what describes single people."""
        keys = [c for c in self.keys if c != "time" and c in self.table]
        several = "time" in self.table and self.table["time"].nunique() > 1
        table, hidden = suppress_since(self.table, policy, [*keys, *self._versus()], steps=several)
        single = [c for c in _OF_ONE if c in table]
        if single:
            table = table.assign(**dict.fromkeys(single, np.nan))
            table["effective_n"] = table["effective_n"].where(table["n"].notna())
        return table, hidden + len(table) * bool(single)

    def _versus(self) -> list[str]:
        return ["versus"] if "versus" in self.table else []

    def _said(self, column: str, value: Any, lang: str) -> str:
        return self._label(value, lang) if isinstance(value, str) else _with_name(self, column, value, lang)

    def _display_frame(self, lang: str) -> pd.DataFrame:
        return Result._display_frame(dataclasses.replace(self, table=_near_round_times(self.table)), lang)


@dataclass(frozen=True, repr=False)
class AdjustedCurves(Result):
    """One row per level (and cause) and time.

    Parameters
    ----------
    by : str
    levels : tuple
    states : tuple of str
        The causes then ``"no_exit"`` when exits compete, else one empty name.
    curves, areas : Joint, optional
        At the times given, and the areas up to one time; a published result no longer has them.
    sums : RiskSums, optional
        The people observed, by level.
    conf_type : str
    conf_level : float
    unit : str
    event : Message, str or mapping
    complete : bool
        Whether every time with an event is there, so that the curve is known all along.
    extra : mapping
        ``balance``, ``overlap`` … of the weights, when there are weights.

    Notes
    -----
    ``n_risk``, ``n_event`` and ``n_censor`` count the people of that level who were observed, not the weighted ones: events and
    censored since the row before, at risk just before the time.
    """

    by: str = ""
    levels: tuple = ()
    states: tuple[str, ...] = ("",)
    curves: Joint | None = None
    areas: Joint | None = None
    sums: RiskSums | None = None
    conf_type: str = "log-log"
    conf_level: float = 0.95
    unit: str = "day"
    event: Any = ""
    complete: bool = False
    extra: dict[str, Result] = field(default_factory=dict)

    # -- questions ---------------------------------------------------------------------------------------------------
    def contrast(self, kind: str = "difference", reference: Any = None) -> Result:
        """Return each level less (or over) a reference level, at each time.

        Parameters
        ----------
        kind : {"difference", "ratio"}
        reference : a level, optional
            The first one otherwise.

        Returns
        -------
        Result
            ``std_error`` is that of the difference, or of the ratio; the bounds of a ratio are made on the log scale. ``n`` and
            ``n_event`` are those of the smaller of the two groups.
        """
        curves = self._kept(self.curves, "contrast")
        rows = self._contrasts(curves, kind, reference, [kind] * len(self.states))
        key = "question_contrast" if self.states == ("",) else "question_contrast_incidence"
        question = message(f"survival_adjusting.{key}", by=self.by, event=self.event)
        return self._answer(rows, question, 0.0 if kind == "difference" else 1.0)

    def rmst(self, kind: str | None = None, reference: Any = None) -> Result:
        """Return the mean time before the event up to the time asked when the curves were made; or contrasts of it.

        Parameters
        ----------
        kind : {"difference", "ratio"}, optional
        reference : a level, optional

        Returns
        -------
        Result
            With competing exits the rows of a cause tell the mean time lost to it.
        """
        areas = self._kept(self.areas, "rmst")
        words = ["rmst" if state in ("", "no_exit") else "time_lost" for state in self.states]
        if kind is not None:
            rows = self._contrasts(areas, kind, reference, [f"{word}_{kind}" for word in words])
        else:
            z = z_value(self.conf_level)
            rows = []
            for s, state in enumerate(self.states):
                for g, level in enumerate(self.levels):
                    estimate, error = float(areas.value[s, g, 0]), _root(areas.covariance[s, 0, g, g])
                    rows.append({
                        self.by: level, **self._state(state), "term": words[s], "time": float(areas.times[0]),
                        "estimate": estimate, "std_error": error, "conf_low": estimate - z * error,
                        "conf_high": estimate + z * error, **self._size(float(areas.times[0]), [g], s, error),
                    })  # fmt: skip
        key = "question_rmst" if self.states == ("",) else "question_lost"
        question = message(
            f"survival_adjusting.{key}", event=self.event, by=self.by, t=float(areas.times[0]),
            unit=unit_name(self.unit, 2),
        )  # fmt: skip
        return self._answer(rows, question, {"difference": 0.0, "ratio": 1.0}.get(str(kind)))

    def balance(self) -> Result:
        """Return how alike the groups are on each term, before and after weighting."""
        return self._extra("balance")

    def overlap(self) -> Result:
        """Return, by level, people, effective number, smallest and largest chance and weight."""
        return self._extra("overlap")

    # -- showing -----------------------------------------------------------------------------------------------------
    def plot(self, ax: Any = None, lang: str | None = None) -> Any:
        """Draw the curves with their bands, and return the Axes."""
        from evalkit import figures

        lang = wording.language(lang)
        competing = self.states != ("",)
        drawn = self.table[self.table["cause"] != "no_exit"] if competing else self.table
        keys = [self.by, "cause"] if competing else [self.by]
        said = lambda c, v: self._label(v, lang) if isinstance(v, str) else _with_name(self, c, v, lang)
        names = [", ".join(said(c, v) for c, v in row.items()) for row in drawn[keys].to_dict("records")]
        drawn = drawn.assign(group=names)
        start = 0.0 if competing else 1.0
        if self.complete:
            origin = drawn.drop_duplicates("group").assign(
                time=0.0, estimate=start, conf_low=start, conf_high=start
            )
            drawn = pd.concat([origin, drawn])
        return figures.steps(
            drawn, title=self.question.text(lang), unit=self.unit, start=start, joined=not self.complete, ax=ax, lang=lang,
        )  # fmt: skip

    def publish(self, policy: Policy | None = None) -> Self:
        """Pass the disclosure gate: times are kept at which enough people of the level made the curve step."""
        published = super().publish(policy)
        if self.provenance.kind != "records":
            return published
        extra = {name: result.publish(policy) for name, result in self.extra.items()}
        return dataclasses.replace(published, curves=None, areas=None, sums=None, complete=False, extra=extra)

    # -- plumbing ----------------------------------------------------------------------------------------------------
    def _suppressed(self, policy: Policy) -> tuple[pd.DataFrame, int]:
        return coarsen_curve(self.table, policy, by=[self.by, *(["cause"] if "cause" in self.table else [])])

    def _display_frame(self, lang: str) -> pd.DataFrame:
        """Return a long curve near round times only: the whole of it is in `tidy`."""
        return Result._display_frame(dataclasses.replace(self, table=_near_round_times(self.table)), lang)

    def _kept(self, joint: Joint | None, what: str) -> Joint:
        if self.published_under is not None and joint is None:
            raise InputError(f"{what}: a published curve no longer has the data; ask before publishing")
        if joint is None:
            raise InputError(f"{what}: no area was asked for; say rmst=t when making the curves")
        return joint

    def _extra(self, name: str) -> Result:
        if name not in self.extra:
            raise InputError(f"{name}: these curves were not made by weighting; adjusted_curves(...) has it")
        return self.extra[name]

    def _state(self, state: str) -> dict[str, str]:
        return {"cause": state} if state else {}

    def _contrasts(self, joint: Joint, kind: str, reference: Any, terms: Sequence[str]) -> list[dict]:
        if kind not in CONTRASTS:
            raise InputError(f"kind: must be one of {', '.join(CONTRASTS)}, but was {kind!r}")
        reference = self.levels[0] if reference is None else reference
        if reference not in self.levels:
            known = ", ".join(map(str, self.levels))
            raise InputError(f"reference: must be one of {known}, but was {reference!r}")
        r, z = self.levels.index(reference), z_value(self.conf_level)
        rows = []
        for s, state in enumerate(self.states):
            for g in [i for i in range(len(self.levels)) if i != r]:
                for j, time in enumerate(joint.times):
                    a, b = joint.value[s, g, j], joint.value[s, r, j]
                    square = joint.covariance[s, j]
                    if kind == "difference":
                        estimate, error = a - b, _root(square[g, g] + square[r, r] - 2 * square[g, r])
                        low, high, z_score = (
                            estimate - z * error,
                            estimate + z * error,
                            _over(estimate, error),
                        )
                    else:
                        estimate, spread = _log_ratio(a, b, square[g, g], square[r, r], square[g, r])
                        low, high = estimate * np.exp(-z * spread), estimate * np.exp(z * spread)
                        error, z_score = (
                            estimate * spread,
                            _over(np.log(estimate) if estimate > 0 else np.nan, spread),
                        )
                    rows.append({
                        self.by: self.levels[g], "versus": reference, **self._state(state), "term": terms[s],
                        "time": float(time), "estimate": float(estimate), "std_error": error, "statistic": z_score,
                        "p_value": float(two_sided_p(z_score)), "conf_low": low, "conf_high": high,
                        **self._size(float(time), [g, r], s, error),
                    })  # fmt: skip
        return rows

    def _size(self, time: float, groups: Sequence[int], state: int, error: float) -> dict[str, Any]:
        """Return people and events of the smallest group, and whether precision is known."""
        people = self.sums.start + self.sums.entries.sum(axis=1)
        upto = self.sums.exits[:, 1:, self.sums.times <= time].sum(axis=2)
        events = upto.sum(axis=1) if self.states[state] in ("", "no_exit") else upto[:, state]
        known = np.isfinite(error)
        return {
            "conf_level": self.conf_level, "n": float(min(people[g] for g in groups)),
            "n_event": float(min(events[g] for g in groups)), "status": "ok" if known else "not_estimable",
            "reason": None if known else message("survival_adjusting.no_event_yet"),
        }  # fmt: skip

    def _answer(self, rows: list[dict], question: Message, no_effect: float | None) -> Result:
        names = ("difference", "ratio", "versus", "rmst", "time_lost", "rmst_difference", "rmst_ratio",
                 "time_lost_difference", "time_lost_ratio")  # fmt: skip
        labels = {**self.labels, **{name: both(f"survival_adjusting.{name}") for name in names}}
        table = pd.DataFrame(rows)
        keys = tuple(c for c in (self.by, "cause", "term", "time") if c in table)
        return Aside(
            table, question, self.caveats, self.provenance, labels=labels, keys=keys, no_effect=no_effect
        )


def curve_table(
    by: str,
    levels: Sequence,
    states: Sequence[str],
    curves: Joint,
    sums: RiskSums,
    conf_type: str,
    conf_level: float,
) -> pd.DataFrame:
    """Return one row per level, time and state, with the people observed behind it."""
    at_risk = sums.at_risk(curves.times)
    passed = np.searchsorted(sums.times, curves.times, side="right")
    gone = np.concatenate([np.zeros((*sums.exits.shape[:2], 1)), np.cumsum(sums.exits, axis=2)], axis=2)
    since = np.diff(gone[:, :, passed], axis=2, prepend=0.0)
    rows = []
    for g, level in enumerate(levels):
        parts = []
        for s, state in enumerate(states):
            value = curves.value[s, g]
            error = np.sqrt(np.maximum(curves.covariance[s, :, g, g], 0.0))
            low, high = interval(value, error, conf_type, conf_level)
            every = since[g, 1:].sum(axis=0) if state in ("", "no_exit") else since[g, 1 + s]
            # A share of 0 or 1 has no estimated precision: nobody (or everybody) left says nothing of how many might have.
            unknown = error < _NO_ERROR
            parts.append(pd.DataFrame({
                by: [level] * len(value), **({"cause": state} if state else {}), "time": curves.times,
                "estimate": value, "std_error": np.where(unknown, np.nan, error),
                "conf_low": np.where(unknown, np.nan, low), "conf_high": np.where(unknown, np.nan, high),
                "conf_level": conf_level, "n_risk": at_risk[g], "n_event": every, "n_censor": since[g, 0],
                "status": np.where(unknown, "not_estimable", "ok"),
                "reason": [_unknown(state, v) if u else None for u, v in zip(unknown, value, strict=True)],
            }))  # fmt: skip
        rows.append(pd.concat(parts).sort_values("time", kind="stable"))
    return pd.concat(rows, ignore_index=True)


def _unknown(state: str, value: float) -> Message:
    """Return why a share has no estimated precision."""
    all_left = state != "" and state != "no_exit" and value > 0.5 or state in ("", "no_exit") and value < 0.5
    return message("survival_adjusting.everybody_gone" if all_left else "survival_adjusting.no_event_yet")


def _with_name(result: Result, column: str, value: Any, lang: str) -> str:
    """Return a number with the name of its column."""
    return f"{result._label(column, lang)} {wording.number(value, lang)}"


def _near_round_times(table: pd.DataFrame) -> pd.DataFrame:
    """Return the rows at the last times before round ones, when there are many."""
    times = np.unique(table["time"].to_numpy()) if "time" in table else np.zeros(0)
    if len(times) <= 2 * ROUND_TIMES:
        return table
    asked = round_times(float(times[-1]))[1:]
    near = times[np.maximum(np.searchsorted(times, asked, side="right") - 1, 0)]
    return table[table["time"].isin(near)]


def default_times(event_times: np.ndarray) -> tuple[np.ndarray, list[Message]]:
    """Return the times a curve is given at unless told, and what is said when they are not all the event times."""
    event_times = event_times[event_times > 0]
    if len(event_times) <= _MOST_TIMES:
        return event_times, []
    chosen = np.unique(np.round(np.linspace(0, len(event_times) - 1, _MOST_TIMES)).astype(int))
    return event_times[chosen], [message("survival_adjusting.thinned", n=len(chosen))]


def adjusted_labels(labels: dict, unit: str) -> dict:
    """Return the labels of adjusted curves."""
    return {**labels_of(labels, unit), "no_exit": both("survival.no_exit")}


def _root(square: float) -> float:
    """Return a standard error; none when nothing varied."""
    return float(np.sqrt(square)) if square > 1e-30 else np.nan


def _over(value: float, error: float) -> float:
    return float(value / error) if np.isfinite(error) and error > 0 else np.nan


def _log_ratio(a: float, b: float, aa: float, bb: float, ab: float) -> tuple[float, float]:
    """Return a ratio and the standard error of its logarithm, by the delta method."""
    if not (a > 0 and b > 0):
        return (a / b if b > 0 else np.nan), np.nan
    return a / b, _root(aa / a**2 + bb / b**2 - 2 * ab / (a * b))
