"""Mean time within a window, kept and lost, by group, with its difference and ratio to a reference group.

Not a test of several groups at once: `rmst_test` is. Not years lost to one of several causes: `years_lost` is.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from evalkit import wording
from evalkit.disclosure import Policy
from evalkit.errors import InputError
from evalkit.numerics.arguments import one_number
from evalkit.numerics.normal import two_sided_p, z_value
from evalkit.result import Result
from evalkit.survival.core.sample import Sample
from evalkit.survival.curves.curveset import Curves
from evalkit.survival.curves.readings import both, passed, places, ratio, restricted_mean, unit_name
from evalkit.survival.curves.single import kaplan_meier
from evalkit.timetoevent import TimeToEvent
from evalkit.wording import message

MEANS = ("rmst", "time_lost")
CONTRASTS = ("difference", "ratio", "ratio_lost")


@dataclass(frozen=True, repr=False)
class RestrictedMeans(Result):
    """Rows of means (`rmst`, `time_lost`) per group, then of each group against the reference."""

    by: tuple[str, ...] = ()

    def plot(self, ax: Any = None, lang: str | None = None, term: str = "rmst") -> Any:
        """Draw one kind of row (`term`: rmst, time_lost, difference, ratio or ratio_lost), and return the Axes."""
        from evalkit import figures

        lang = wording.language(lang)
        chosen = self.table[self.table["term"] == term]
        if chosen.empty:
            raise InputError(f"term: no row {term!r}; there are {', '.join(pd.unique(self.table['term']))}")
        shown = [
            c
            for c in self.table
            if c in (*self.by, "estimate", "conf_low", "conf_high", "conf_level", "status")
        ]
        ratios = term in ("ratio", "ratio_lost")
        return figures.estimates(
            chosen[shown], self.question.text(lang), ax=ax, lang=lang, log=ratios,
            no_effect=1.0 if ratios else 0.0 if term == "difference" else None, axis=self._label(term, lang),
        )  # fmt: skip

    def _suppressed(self, policy: Policy) -> tuple[pd.DataFrame, int]:
        table, hidden = super()._suppressed(policy)
        if not hidden or "reference" not in table:
            return table, hidden
        # A difference from a mean that is shown gives the hidden one back.
        names = (
            table[list(self.by)].astype(str).agg(", ".join, axis=1) if self.by else pd.Series("", table.index)
        )
        gone = set(names[(table["status"] == "suppressed") & table["term"].isin(MEANS)])
        touched = table["term"].isin(CONTRASTS) & (names.isin(gone) | table["reference"].isin(gone))
        values = ["estimate", "std_error", "statistic", "p_value", "conf_low", "conf_high"]
        table.loc[touched, values] = np.nan
        table.loc[touched, "status"] = "suppressed"
        return table, hidden + int(touched.sum())


def rmst(
    tte: TimeToEvent,
    t: float | None = None,
    by: str | Sequence[str] | None = None,
    of: str | None = None,
    conf_level: float = 0.95,
    reference: Any = None,
) -> RestrictedMeans:
    """Return the mean time before the event within the first `t`, and how groups differ in it.

    Parameters
    ----------
    tte : TimeToEvent
    t : number, optional
        In the unit of `tte`; by default the longest window for which every group was followed, which the caveats name.
    by : str or list of str, optional
    of : str, optional
        The one cause, or ``"any exit"``; required when there are several causes.
    conf_level : float
    reference : value of `by`, or tuple of values, optional
        The group the others are compared with; the first otherwise.

    Returns
    -------
    RestrictedMeans
        ``term``: ``rmst`` and ``time_lost`` (`t` less that) per group, then per other group ``difference`` (of ``rmst``),
        ``ratio`` and ``ratio_lost``, each with the `reference` it is against; ``std_error`` of a ratio is that of its
        logarithm. A group without event before `t` has no standard error: "not_estimable", its mean a description.

    Raises
    ------
    InputError
        `t` is beyond the follow-up of a group; `reference` is no group.

    Notes
    -----
    Area under Kaplan-Meier; variance Σ_j A_j² d_j / (n_j (n_j - d_j)), A_j the area from time j to `t` (Klein & Moeschberger
    2003, eq. 4.5.2), as survRM2 (Uno et al. 2014); ratios on the log scale by the delta method. Sampling weights: infinitesimal
    jackknife by person. Delayed entry is allowed.

    Examples
    --------
    >>> tte = TimeToEvent(time=[2, 4, 6, 3, 5, 6], cause=[1, 1, 0, 1, 1, 1], causes=("relapse",),
    ...                   covariates=pd.DataFrame({"site": list("aaabbb")}))
    >>> rmst(tte, 6, by="site").tidy().query("term != 'time_lost'")[["term", "site", "estimate"]].round(3).values.tolist()
    [['rmst', 'a', 4.0], ['rmst', 'b', 4.667], ['difference', 'b', 0.667], ['ratio', 'b', 1.167], ['ratio_lost', 'b', 0.667]]
    """
    curves = kaplan_meier(tte, by, of, conf_level=conf_level)
    if "reference" in curves.by:
        raise InputError("by: 'reference' is the name of a column of results; rename the covariate")
    said = list(curves.caveats)
    if t is None:
        t = longest(curves)
        said.append(message("survival_curves.longest", t=t, unit=unit_name(tte.unit, t)))
    t = one_number(t, "t")
    if not t > 0:
        raise InputError(f"t: must be positive, but was {t}")
    curves._refuse_beyond(np.array([t], dtype=float), "rmst")
    keys = [key for key, _ in curves._groups()]
    base = _place(keys, reference, curves.by)
    z = z_value(conf_level)
    rows = []
    areas = group_areas(curves, float(t))
    for key, (area, error), (_, group) in zip(keys, areas, curves._groups(), strict=True):
        size = curves._size(group)
        for term, value in (("rmst", area), ("time_lost", t - area)):
            rows.append(
                _row(curves.by, key, term, value, error, (value - z * error, value + z * error), size)
            )
    for i, key in enumerate(keys):
        if i != base:
            rows += _contrasts(curves.by, key, keys[base], areas[i], areas[base], float(t), z)
    table = pd.DataFrame(rows).assign(time=float(t), conf_level=conf_level)
    table = table[[c for c in _ORDER[0] + curves.by + _ORDER[1] if c in table]]
    if len(keys) < 2:
        table = table.drop(columns=["reference", "statistic", "p_value"])
    labels = {name: both(f"survival_curves.{name}") for name in ("time_lost", *CONTRASTS, "reference")}
    return RestrictedMeans(
        table,
        message(
            "survival.question_rmst",
            event=curves.event,
            unit=unit_name(tte.unit, 2),
            t=float(t),
            of=unit_name(tte.unit, t),
        ),
        tuple(said),
        tte.provenance,
        labels={**curves.labels, "rmst": both("survival.rmst"), **labels},
        by=curves.by,
    )


_ORDER = (
    ("term",),
    ("reference", "time", "estimate", "std_error", "statistic", "p_value", "conf_low", "conf_high", "conf_level", "n",
     "n_event", "n_censor", "status", "reason"),
)  # fmt: skip


def longest(curves: Curves) -> float:
    """Return the longest window for which every group was followed; a curve at 0 is known for ever."""
    ends = [(group["time"].iloc[-1], group["estimate"].iloc[-1] == 0) for _, group in curves._groups()]
    open_ended = [time for time, over in ends if not over]
    if 0 in open_ended:
        key = curves._groups()[[end == (0, False) for end in ends].index(True)][0]
        who = ", ".join(map(str, key)) or "everybody"
        raise InputError(
            f"t: {who} was followed for no time at all, so there is no window; leave those rows out"
        )
    return float(min(open_ended) if open_ended else max(time for time, _ in ends))


def group_areas(curves: Curves, t: float) -> list[tuple[float, float]]:
    """Return the mean within `t` and its standard error in each group, nan where no event tells its precision."""
    found = []
    for i, (_, group) in enumerate(curves._groups()):
        area, variance = restricted_mean(group, t)
        if not curves.greenwood:
            # Counts that are sums of weights say nothing of how people vary.
            variance = _influence(curves.rows.part(i), group, t)
        found.append((area, float(np.sqrt(variance)) if variance > 0 else np.nan))
    return found


def _influence(rows: Sample, group: pd.DataFrame, t: float) -> float:
    """Return the infinitesimal-jackknife variance of the area: what each person's weight moves it, squared and summed.

    With hazard h_j = dN_j / Y_j, the derivative of the area with respect to a row's weight is
    -Σ_j A_j / (1 - h_j) (dN_ij - Y_ij h_j) / Y_j, A_j the area from time j to `t`.
    """
    time, n, d, curve = (group[c].to_numpy() for c in ("time", "n_risk", "n_event", "estimate"))
    inside = np.append(np.minimum(time, t), t)
    ahead = np.cumsum((np.diff(inside) * curve)[::-1])[::-1]
    hazard = ratio(d, n)
    pull = ratio(ahead, np.where(hazard < 1, 1 - hazard, 0.0))
    total = np.concatenate([[0.0], np.cumsum(ratio(pull * hazard, n))])
    at, came = places(time, rows.time), passed(time, rows.entry)
    moved = total[at + 1] - (0.0 if came is None else total[came]) - (rows.cause > 0) * ratio(pull, n)[at]
    moved = moved * (1.0 if rows.weight is None else rows.weight)
    if rows.id is not None and not pd.Index(rows.id).is_unique:
        moved = np.bincount(pd.factorize(rows.id)[0], moved)
    return float((moved**2).sum())


def _place(keys: list[tuple], reference: Any, by: tuple[str, ...]) -> int:
    if reference is None:
        return 0
    wanted = reference if isinstance(reference, tuple) else (reference,)
    if wanted not in keys:
        groups = "; ".join(", ".join(map(str, key)) for key in keys)
        raise InputError(
            f"reference: {reference!r} is no group of {', '.join(by) or 'by (not given)'}; they are {groups}"
        )
    return keys.index(wanted)


def _row(
    by: tuple[str, ...],
    key: tuple,
    term: str,
    value: float,
    error: float,
    interval: tuple[float, float],
    size: dict[str, float],
    reference: str | None = None,
    statistic: float = np.nan,
) -> dict:
    known = np.isfinite(error)
    low, high = interval if known else (np.nan, np.nan)
    return {
        "term": term, **dict(zip(by, key, strict=True)), "reference": reference, "estimate": value, "std_error": error,
        "statistic": statistic, "p_value": float(two_sided_p(statistic)), "conf_low": low, "conf_high": high, **size,
        "status": "ok" if known else "not_estimable",
        "reason": None if known else message("survival_curves.no_event_before"),
    }  # fmt: skip


def _contrasts(
    by: tuple[str, ...],
    key: tuple,
    base: tuple,
    one: tuple[float, float],
    other: tuple[float, float],
    t: float,
    z: float,
) -> list[dict]:
    """Return the difference and the two ratios of one group to the reference; the ratios' standard errors are of their logs."""
    (a, error_a), (b, error_b) = one, other
    named = ", ".join(map(str, base))
    gap, error = a - b, float(np.hypot(error_a, error_b))
    rows = [
        _row(by, key, "difference", gap, error, (gap - z * error, gap + z * error), {}, named, gap / error)
    ]
    for term, top, bottom in (("ratio", a, b), ("ratio_lost", t - a, t - b)):
        value, error = np.nan, np.nan
        if top > 0 and bottom > 0:
            value, error = top / bottom, float(np.hypot(error_a / top, error_b / bottom))
        ends = value * np.exp(-z * error), value * np.exp(z * error)
        rows.append(_row(by, key, term, value, error, ends, {}, named, np.log(value) / error))
    return rows
