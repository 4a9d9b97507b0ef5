"""Is the mean time within a window the same in all groups: a test that needs no proportional hazards.

Not the means and their differences themselves: `rmst` gives those with their intervals.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from evalkit import wording
from evalkit.disclosure import Policy, suppress_partition
from evalkit.errors import InputError
from evalkit.numerics.arguments import one_number
from evalkit.numerics.normal import chi2_p, z_value
from evalkit.result import Result
from evalkit.survival.core.sample import Sample, by_columns
from evalkit.survival.core.sums import merged
from evalkit.survival.curves.curveset import Curves
from evalkit.survival.curves.readings import both, unit_name
from evalkit.survival.curves.restricted import group_areas, longest
from evalkit.survival.curves.single import kaplan_meier
from evalkit.survival.ranks.permuting import Arranged, judged
from evalkit.timetoevent import TimeToEvent
from evalkit.wording import Message, message


@dataclass(frozen=True, repr=False)
class AreaTest(Result):
    """One row for the test, then one per group: its mean time within the window."""

    by: tuple[str, ...] = ()

    def plot(self, ax: Any = None, lang: str | None = None) -> Any:
        """Draw the mean of each group with its interval, and return the Axes."""
        from evalkit import figures

        lang = wording.language(lang)
        columns = [*self.by, "estimate", "conf_low", "conf_high", "conf_level", "status"]
        groups = self.table[self.table["part"] == "group"][columns]
        return figures.estimates(
            groups, self.question.text(lang), ax=ax, lang=lang, axis=wording.text("survival.rmst", lang)
        )

    def _suppressed(self, policy: Policy) -> tuple[pd.DataFrame, int]:
        groups = list(range(1, len(self.table)))
        table, hidden = suppress_partition(self.table, policy, [(0, groups)], count="n_event")
        table, more = suppress_partition(table, policy, [(0, groups)], count="n")
        if (table["status"] == "suppressed").any():
            # Of two groups, the statistic and one mean give the other back.
            table.loc[table.index[0], ["statistic", "p_value"]] = np.nan
        return table, max(hidden, more)


def rmst_test(
    tte: TimeToEvent,
    by: str | Sequence[str],
    t: float | None = None,
    permutation: int | str | None = None,
    seed: int = 2011,
    of: str | None = None,
    conf_level: float = 0.95,
) -> AreaTest:
    """Test whether the mean time before the event within the first `t` is the same in all groups.

    Parameters
    ----------
    tte : TimeToEvent
    by : str or list of str
    t : number, optional
        In the unit of `tte`; by default the longest window for which every group was followed.
    permutation : int or "exact", optional
        Small groups: the p-value of the same statistic from so many random arrangements of people, or from all of them.
    seed : int
    of : str, optional
        The one cause, or ``"any exit"``; required when there are several causes.
    conf_level : float
        Of the interval of each mean.

    Returns
    -------
    AreaTest
        First row ``part = "test"``: statistic, df, p_value; then ``part = "group"``: estimate, std_error, bounds. "not_estimable",
        with the reason, when there is one group, or one without event within the window.

    Raises
    ------
    InputError
        `t` beyond the follow-up of a group; permutation asked with delayed entry, several rows per person or sampling weights.

    Notes
    -----
    Wald: Σ (a_g - ā)² / v_g with ā the mean weighted by 1 / v_g, k - 1 degrees of freedom; for two groups the square of the
    difference over its standard error (survRM2). Permutation of the studentised statistic: Horiguchi & Uno (2020), Ditzhaus, Yu &
    Xu (2023).

    Examples
    --------
    >>> tte = TimeToEvent(time=[2, 4, 6, 3, 5, 6], cause=[1, 1, 0, 1, 1, 1], causes=("relapse",),
    ...                   covariates=pd.DataFrame({"site": list("aaabbb")}))
    >>> rmst_test(tte, "site", 6).tidy()[["part", "estimate", "statistic"]].round(3).values.tolist()
    [['test', nan, 0.316], ['group', 4.0, nan], ['group', 4.667, nan]]
    """
    curves = kaplan_meier(tte, by, of, conf_level=conf_level)
    if not curves.by:
        raise InputError("by: name the covariate that makes the groups")
    said = list(curves.caveats)
    if t is None:
        t = longest(curves)
        said.append(message("survival_curves.longest", t=t, unit=unit_name(tte.unit, t)))
    t = one_number(t, "t")
    if not t > 0:
        raise InputError(f"t: must be positive, but was {t}")
    curves._refuse_beyond(np.array([t], dtype=float), "rmst_test")
    area, error = np.array(group_areas(curves, float(t))).T
    statistic, df, reason = wald(area, error)
    p = float(chi2_p(statistic, df)) if reason is None else np.nan
    how = {lang: "RMST" for lang in wording.LANGUAGES}
    arranged = None
    if permutation is not None and reason is None:
        arranged = _permuted(curves, float(t), statistic, permutation, seed)
        df, p = np.nan, arranged.p_value
        said += [message("survival_ranks.studentised"), *arranged.caveats()[1:]]
        how = {lang: f"RMST, {arranged.how(lang)}" for lang in wording.LANGUAGES}
    keys = [key for key, _ in curves._groups()]
    sizes = [curves._size(group) for _, group in curves._groups()]
    k = len(keys)
    half = z_value(conf_level) * error
    known = np.isfinite(error)
    table = pd.DataFrame({
        "part": ["test"] + ["group"] * k,
        **{c: [None, *values] for c, values in by_columns(curves.by, keys, 1).items()},
        "time": float(t),
        "estimate": [np.nan, *area],
        "std_error": [np.nan, *error],
        "statistic": [statistic] + [np.nan] * k,
        "df": [df] + [np.nan] * k,
        "p_value": [p] + [np.nan] * k,
        "conf_low": [np.nan, *(area - half)],
        "conf_high": [np.nan, *(area + half)],
        "conf_level": [np.nan] + [conf_level] * k,
        **{c: [sum(s[c] for s in sizes), *(s[c] for s in sizes)] for c in ("n", "n_event", "n_censor")},
        "status": ["ok" if reason is None else "not_estimable", *np.where(known, "ok", "not_estimable")],
        "reason": [reason, *(None if one else message("survival_curves.no_event_before") for one in known)],
        "method": [how["en"]] + [None] * k,
    })  # fmt: skip
    words = {"test": both("survival.part_test"), "group": both("survival.part_group"), how["en"]: how}
    return AreaTest(
        table,
        message(
            "survival_ranks.question_rmst_test",
            event=curves.event,
            by=list(curves.by),
            t=float(t),
            unit=unit_name(tte.unit, 2),
        ),
        tuple(said),
        tte.provenance,
        glance_values={} if arranged is None else arranged.glance(),
        labels={**curves.labels, **words},
        by=curves.by,
    )


def wald(area: np.ndarray, error: np.ndarray) -> tuple[float, float, Message | None]:
    """Return the statistic that all means are equal, its degrees of freedom, and why there is none."""
    if len(area) < 2:
        return np.nan, np.nan, message("survival.one_group")
    if not np.isfinite(error).all():
        return np.nan, np.nan, message("survival_curves.no_event_before")
    weight = error**-2.0
    middle = (weight * area).sum() / weight.sum()
    return float((weight * (area - middle) ** 2).sum()), float(len(area) - 1), None


def _permuted(curves: Curves, t: float, statistic: float, how: int | str, seed: int) -> Arranged:
    """Return where the statistic stands among those of people arranged anew."""
    rows = curves.rows
    if rows.entry is not None or not curves.greenwood or not (rows.id is None or pd.Index(rows.id).is_unique):
        raise InputError(
            "permutation: people come in late, have several rows or sampling weights, so they cannot change places; "
            "leave permutation out"
        )
    if rows.weight is not None:
        repeated = np.repeat(np.arange(len(rows.time)), rows.weight.astype(np.int64))
        rows = Sample(
            rows.time[repeated],
            rows.cause[repeated],
            None,
            None,
            None,
            rows.group[repeated],
            rows.groups,
            rows.by,
        )
    return judged(
        statistic, _areas_of(rows, t), rows.group, np.zeros(len(rows.group), dtype=np.int64), how, seed
    )


def _areas_of(rows: Sample, t: float) -> Callable[[np.ndarray], np.ndarray]:
    """Return a function from arrangements (one a line) to their statistics."""
    times, at = merged(rows.time)
    m, k, event = len(times), len(rows.groups), rows.cause > 0
    widths = np.diff(np.append(np.minimum(times, t), t))

    def statistics(labels: np.ndarray) -> np.ndarray:
        b = len(labels)
        cell = ((np.arange(b)[:, None] * k + labels) * 2 + event) * m + at
        gone = np.bincount(cell.ravel(), minlength=b * k * 2 * m).reshape(b, k, 2, m)
        d = gone[:, :, 1].astype(float)
        n = np.cumsum(gone.sum(axis=2)[:, :, ::-1], axis=2)[:, :, ::-1].astype(float)
        hazard = np.divide(d, n, out=np.zeros_like(d), where=n > 0)
        pieces = np.cumprod(1 - hazard, axis=2) * widths
        ahead = np.cumsum(pieces[:, :, ::-1], axis=2)[:, :, ::-1]
        area = min(times[0], t) + pieces.sum(axis=2)
        risk = np.divide(hazard, n - d, out=np.zeros_like(d), where=n > d)
        variance = (ahead**2 * risk).sum(axis=2)
        # A group without event has no precision: as extreme as can be.
        unknown = (variance <= 0).any(axis=1)
        weight = 1 / np.where(variance > 0, variance, 1.0)
        middle = (weight * area).sum(axis=1) / weight.sum(axis=1)
        return np.where(unknown, np.inf, (weight * (area - middle[:, None]) ** 2).sum(axis=1))

    return statistics
