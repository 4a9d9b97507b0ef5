"""Groups compared two by two, with p-values adjusted for how many comparisons there are.

Not a first question: whether any group differs is for `log_rank` and `rmst_test`.
"""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Self

import numpy as np
import pandas as pd

from evalkit import wording
from evalkit.disclosure import Policy, suppress
from evalkit.errors import InputError
from evalkit.numerics.multiple import ADJUSTMENTS, adjusted
from evalkit.numerics.normal import chi2_p
from evalkit.result import Result
from evalkit.survival.core.sample import accept, cause_of_interest, caveats, label_of, sample
from evalkit.survival.curves.readings import both, unit_name
from evalkit.survival.ranks.areas import rmst_test, wald
from evalkit.survival.ranks.family import names_of, stratum_columns
from evalkit.survival.ranks.totals import Totals, only
from evalkit.survival.ranks.weighting import NAMES, Weighting
from evalkit.timetoevent import TimeToEvent
from evalkit.wording import message


@dataclass(frozen=True, repr=False)
class Pairs(Result):
    """One row per pair of groups; `sizes` holds the people and events of each group, for the disclosure gate."""

    sizes: Mapping[str, tuple[float, float]] = field(default_factory=dict)

    def plot(self, ax: Any = None, lang: str | None = None) -> Any:
        """Draw the statistic of each pair, its adjusted p-value beside its name, and return the Axes."""
        from evalkit import figures

        lang = wording.language(lang)
        said = [wording.p_value(p, lang) if p == p else None for p in self.table["p_adjusted"]]
        frame = self.table[["group", "versus", "status"]].assign(said=said, estimate=self.table["statistic"])
        return figures.estimates(
            frame,
            self.question.text(lang),
            ax=ax,
            lang=lang,
            axis=wording.text("survival_ranks.chi_squared", lang),
        )

    def _cell(self, column: str, value: Any, lang: str) -> str:
        return super()._cell("p_value" if column == "p_adjusted" else column, value, lang)

    def publish(self, policy: Policy | None = None) -> Self:
        """Pass the disclosure gate: a pair with a small group is hidden, since other pairs would give its numbers back."""
        published = super().publish(policy)
        return published if self.provenance.kind != "records" else dataclasses.replace(published, sizes={})

    def _suppressed(self, policy: Policy) -> tuple[pd.DataFrame, int]:
        groups = pd.DataFrame(self.sizes, index=["n", "n_event"]).T
        out, _ = suppress(groups, policy)
        gone = set(out.index[out.get("status", pd.Series("ok", out.index)) == "suppressed"])
        touched = self.table["group"].isin(gone) | self.table["versus"].isin(gone)
        table = self.table.copy()
        table.loc[touched, ["statistic", "df", "p_value", "p_adjusted", "n", "n_event"]] = np.nan
        table.loc[touched, "status"] = "suppressed"
        return table, int(touched.sum())


def pairwise(
    tte: TimeToEvent,
    by: str | Sequence[str],
    test: str = "log-rank",
    adjust: str = "holm",
    strata: str | Sequence[str] | None = None,
    rho: float = 0.0,
    gamma: float = 0.0,
    t: float | None = None,
    of: str | None = None,
) -> Pairs:
    """Compare every pair of groups.

    Parameters
    ----------
    tte : TimeToEvent
    by : str or list of str
    test : str
        A name of the log-rank family (see `log_rank`), or ``"rmst"``.
    adjust : {"holm", "bh", "none"}
        Holm keeps the chance of any false finding, Benjamini and Hochberg the share of false ones.
    strata, rho, gamma
        As in `log_rank`; not for ``"rmst"``.
    t : number, optional
        The window of ``"rmst"``, the same for all pairs.
    of : str, optional
        The cause, or ``"any exit"``; for rank tests the event of interest otherwise.

    Returns
    -------
    Pairs
        ``group``, ``versus``, statistic, df, p_value, ``p_adjusted``. A comparison that cannot be made is
        "not_estimable" with its reason, and does not count among those adjusted for.

    Notes
    -----
    A pair is tested on its two groups alone, as R's ``survdiff`` on a subset. Holm (1979); Benjamini & Hochberg (1995).

    Examples
    --------
    >>> groups = pd.DataFrame({"site": list("aaabbbccc")})
    >>> tte = TimeToEvent(time=[1, 2, 3, 4, 5, 6, 1, 4, 7], cause=[1] * 9, causes=("relapse",), covariates=groups)
    >>> pairwise(tte, "site").tidy()[["group", "versus", "p_value", "p_adjusted"]].round(3).values.tolist()
    [['a', 'b', 0.025, 0.074], ['a', 'c', 0.212, 0.423], ['b', 'c', 0.898, 0.898]]
    """
    tte = accept(tte, "pairwise")
    if adjust not in ADJUSTMENTS:
        raise InputError(f"adjust: must be one of {', '.join(ADJUSTMENTS)}, but was {adjust!r}")
    between = names_of(by)
    if not between:
        raise InputError("by: name the covariate that makes the groups")
    if test == "rmst":
        if strata is not None or rho or gamma:
            raise InputError(
                "pairwise: strata, rho and gamma are those of rank tests; leave them out with test='rmst'"
            )
        rows, sizes, question, said = _areas(tte, between, t, of)
    elif test in NAMES:
        if t is not None:
            raise InputError("t: the window of test='rmst'; rank tests look at the whole follow-up")
        rows, sizes, question, said = _ranks(tte, between, test, strata, rho, gamma, of)
    else:
        raise InputError(f"test: must be rmst or one of {', '.join(NAMES)}, but was {test!r}")
    if not rows:
        raise InputError(f"by: {', '.join(between)} has one group only; there is no pair to compare")
    table = pd.DataFrame(rows)
    table.insert(
        table.columns.get_loc("p_value") + 1, "p_adjusted", adjusted(table["p_value"].to_numpy(), adjust)
    )
    made = int(table["p_value"].notna().sum())
    said.append(message(f"survival_ranks.{adjust}", m=made))
    if made < len(table):
        said.append(message("survival_ranks.not_made", n=len(table) - made))
    words = {w: both(f"survival_ranks.{w}") for w in ("group", "versus", "p_adjusted")}
    return Pairs(table, question, tuple(said), tte.provenance, labels={**tte.labels, **words}, sizes=sizes)


def _ranks(
    tte: TimeToEvent,
    between: list[str],
    test: str,
    strata: str | Sequence[str] | None,
    rho: float,
    gamma: float,
    of: str | None,
) -> tuple[list[dict], dict, Any, list]:
    weighting = Weighting.of("fleming-harrington" if rho or gamma else test, rho, gamma)
    if (rho or gamma) and test not in ("log-rank", "fleming-harrington"):
        raise InputError(f"test: rho and gamma are those of fleming-harrington, but test was {test!r}")
    within, tte = stratum_columns(tte, strata)
    of = tte.causes[0] if of is None else of
    exits, event, _ = cause_of_interest(tte, of, "pairwise")
    sums = sample(tte, exits, [*within, *between]).sums(1)
    whole = Totals.of(sums, len(within), weighting)
    sizes = {
        _name(key): (float(n), float(d))
        for key, n, d in zip(whole.keys, whole.size, whole.deaths, strict=True)
    }
    rows = []
    for one, other in itertools.combinations(whole.keys, 2):
        totals = Totals.of(only(sums, len(within), [one, other]), len(within), weighting)
        statistic, df, reason = totals.test()
        if tte.weight_kind == "sampling":
            statistic, df, reason = np.nan, np.nan, message("survival.sampling_test")
        rows.append(
            _row(one, other, statistic, df, reason, totals.size.sum(), totals.deaths.sum(), weighting.title)
        )
    said = caveats(tte)
    if len(tte.causes) > 1 and of != "any exit":
        others = [label_of(tte, c) for c in tte.causes if c != of]
        said.append(message("survival.cause_specific", event=event, others=others))
    if within:
        said.append(message("survival.stratified", strata=within))
    return rows, sizes, message("survival_ranks.question_pairwise", event=event, by=between), said


def _areas(
    tte: TimeToEvent, between: list[str], t: float | None, of: str | None
) -> tuple[list[dict], dict, Any, list]:
    test = rmst_test(tte, between, t, of=of)
    groups = test.table[test.table["part"] == "group"]
    keys = list(groups[between].itertuples(index=False, name=None))
    sizes = {_name(key): (n, d) for key, n, d in zip(keys, groups["n"], groups["n_event"], strict=True)}
    area, error = groups["estimate"].to_numpy(), groups["std_error"].to_numpy()
    rows = []
    for i, j in itertools.combinations(range(len(keys)), 2):
        statistic, df, reason = wald(area[[i, j]], error[[i, j]])
        n, d = (groups[c].iloc[[i, j]].sum() for c in ("n", "n_event"))
        rows.append(_row(keys[i], keys[j], statistic, df, reason, n, d, "RMST"))
    window = float(test.table["time"].iloc[0])
    question = message(
        "survival_ranks.question_pairwise_rmst", event=test.question.values["event"], by=between, t=window,
        unit=unit_name(tte.unit, 2),
    )  # fmt: skip
    return rows, sizes, question, list(test.caveats)


def _row(
    one: tuple, other: tuple, statistic: float, df: float, reason: Any, n: float, d: float, method: str
) -> dict:
    return {
        "group": _name(one), "versus": _name(other), "statistic": statistic, "df": df,
        "p_value": float(chi2_p(statistic, df)) if reason is None else np.nan, "n": float(n), "n_event": float(d),
        "status": "ok" if reason is None else "not_estimable", "reason": reason, "method": method,
    }  # fmt: skip


def _name(key: tuple) -> str:
    return ", ".join(map(str, key))
