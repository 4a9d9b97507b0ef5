"""Two waves of a survey: what changed among those who answered twice, among all answers, and with the same mix of respondents.

Not for a panel without loss: `pre_post` says more of it. A second wave that never took place is an answer here, not an error.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from evalkit.comparison.core.answer import reasons
from evalkit.comparison.core.rows import frame, missing_row, row
from evalkit.comparison.planning.people import TwoMeans, TwoProportions
from evalkit.comparison.surveying.answers import KINDS, Answers, read
from evalkit.comparison.surveying.gate import SurveyWaves
from evalkit.numerics import proportions as prop
from evalkit.numerics.arguments import level, one_of
from evalkit.numerics.clustered import least_squares
from evalkit.provenance import Provenance, digest
from evalkit.wording import Message, labels, message

_WORDS = (
    "level_before", "level_after", "difference", "difference_if_worst", "difference_if_best", "pairs", "everyone", "same_mix",
    "before_answers", "after_answers", "newcombe", "wilson", "robust", "clustered", "standardised", "manski", "response_before",
    "response_after", "answered_both", "answered_only_before", "answered_only_after", "empty_before", "empty_after", "structures",
    "detectable_change", "as_many_again", "group", "n",
)  # fmt: skip


@dataclass(frozen=True)
class _Asked:
    """The answers, and how they are to be read."""

    answers: Answers
    kind: str
    conf_level: float
    alternative: str

    @property
    def clustered(self) -> bool:
        return "structure" in self.answers.frame


def survey_waves(
    data: Any,
    outcome: str,
    *,
    respondent: str,
    wave: str,
    before: Any,
    after: Any,
    structure: str | None = None,
    mix: str | None = None,
    kind: str = "binary",
    order: Sequence[Any] | None = None,
    scores: Sequence[float] | None = None,
    asked: Mapping[Any, int] | None = None,
    conf_level: float = 0.95,
    alternative: str = "two-sided",
    provenance: Provenance | None = None,
) -> SurveyWaves:
    """Compare two waves of a survey whose respondents come and go.

    Parameters
    ----------
    data : DataFrame
        One row per answer.
    outcome : str
        Column of the answers; a missing one is an empty answer, which is counted.
    respondent, wave : str
        Columns: who answers, and at which wave.
    before, after : object
        The two values of `wave`. No row need be of `after`: a wave that never took place leaves something to say.
    structure : str, optional
        Column: to which structure (association, school, service) respondents belong; its respondents resemble each other, and errors
        are computed by structure.
    mix : str, optional
        Column: kind of respondent. The change is given by kind, and for all with the mix of the first wave.
    kind : {"binary", "ordinal", "continuous"}
    order, scores : sequence, optional
        Categories of an ordinal outcome, lowest first (by default those of an ordered categorical, or numbers in order), and their
        numbers (1, 2, 3 …).
    asked : mapping of wave to int, optional
        How many people were asked at each wave, for response rates.
    conf_level : float
    alternative : {"two-sided", "greater", "less"}
    provenance : Provenance, optional

    Returns
    -------
    SurveyWaves
        ``difference`` (after − before) by ``part``: "pairs" (those who answered twice), "everyone" (all answers of both waves,
        errors by respondent or structure), "same_mix"; by ``group``; bounds when every answer not given is the least or the most
        favourable; ``level_before``, ``level_after``; who answered when. Without a second wave: the first one, the bounds, and
        the least change that as many answers again would have shown.

    Raises
    ------
    InputError
        Missing columns or identifiers, respondents twice at a wave, no answer at the first wave, answers that `order` does not name.

    References
    ----------
    Bell & McCaffrey (2002), Survey Methodology 28:169 (CR2, Satterthwaite's degrees of freedom). Newcombe (1998), Statistics in
    Medicine 17:2635, method 10. Manski (1989), Journal of Human Resources 24:343.

    Examples
    --------
    >>> data = pd.DataFrame({
    ...     "who": [*range(30), *range(10, 40)], "year": [2010] * 30 + [2011] * 30, "useful": [0, 1, 0] * 10 + [1, 1, 0] * 10,
    ... })
    >>> answer = survey_waves(data, "useful", respondent="who", wave="year", before=2010, after=2011)
    >>> rows = answer.tidy()
    >>> rows.loc[rows["term"] == "difference", ["part", "method", "estimate", "n"]].round(3)
           part    method  estimate   n
    0     pairs  newcombe     0.350  20
    1  everyone    robust     0.333  40
    """
    one_of(kind, KINDS, "kind")
    one_of(alternative, prop.ALTERNATIVES, "alternative")
    answers = read(
        data, outcome, respondent, wave, (before, after), structure, mix, kind, order, scores, asked
    )
    plan = _Asked(answers, kind, level(conf_level), alternative)
    absent = not answers.frame["late"].any()
    table = frame([*(_alone(plan) if absent else _both(plan)), *_counts(answers)], keys=("group",))
    table["group"] = table["group"].fillna("")
    caveats = _caveats(plan, table, absent)
    used = [c for c in (respondent, wave, structure, mix, outcome) if c is not None]
    return SurveyWaves(
        table[["term", "part", "group", *table.columns.drop(["term", "part", "group"])]],
        message("comparison_surveying.question_absent" if absent else "comparison_surveying.question"),
        (*caveats, *reasons(table)),
        provenance or Provenance(inputs={"survey_waves": digest(data[used].reset_index(drop=True))}),
        _glance(plan),
        labels("comparison_surveying", *_WORDS),
        cells=_cells(answers) if answers.two else (),
    )


def _glance(plan: _Asked) -> dict[str, Any]:
    rows = plan.answers.frame
    return {
        "kind": plan.kind,
        "n_respondents": rows["respondent"].nunique(),
        "n_answers": len(rows),
        "conf_level": plan.conf_level,
    }


# -- estimates -------------------------------------------------------------------------------------------------------
def _both(plan: _Asked) -> list[dict]:
    rows = [_pairs(plan), _everyone(plan)]
    if "mix" in plan.answers.frame:
        rows += [_same_mix(plan), *_by_group(plan)]
    return [*rows, *_bounds(plan), *_levels(plan)]


def _alone(plan: _Asked) -> list[dict]:
    """Return what a first wave alone can say."""
    stop = message("comparison.wave_missing", wave=message("comparison.after"))
    first = plan.answers.wave(False)
    rows = [missing_row("difference", part, "", 0, stop) for part in ("pairs", "everyone")]
    return [
        *rows,
        *_bounds(plan),
        _level(plan, first, "level_before", "before_answers"),
        _detectable(plan, first["value"].to_numpy()),
    ]


def _pairs(plan: _Asked) -> dict:
    pairs = plan.answers.pairs()
    if len(pairs) == 0:
        return missing_row("difference", "pairs", "", 0, message("comparison.no_pair"))
    if plan.kind == "binary" and not plan.clustered:
        counts = prop.PairedCounts(*_cells(plan.answers))
        low, high = prop.newcombe_paired(counts, plan.conf_level)
        p = prop.mcnemar_mid_p(counts.lost, counts.gained, plan.alternative)
        return row(
            "difference", "pairs", "newcombe", estimate=counts.difference, conf_low=low, conf_high=high,
            conf_level=plan.conf_level, p_value=p, n=len(pairs),
            reason=message("comparison.nobody_changed") if math.isnan(p) else None,
        )  # fmt: skip
    change = (pairs["after"] - pairs["before"]).to_numpy()
    cluster = pairs["structure"].to_numpy() if plan.clustered else None
    return _contrast(plan, change, np.ones((len(change), 1)), [1.0], cluster, "pairs", len(pairs))


def _cells(answers: Answers) -> tuple[int, ...]:
    """Return how many of those who answered twice gave the upper of two answers at both, the first, the second, neither."""
    pairs = answers.pairs()
    b, a = (pairs[w].to_numpy() == answers.span[1] for w in ("before", "after"))
    return tuple(int(k) for k in ((b & a).sum(), (b & ~a).sum(), (~b & a).sum(), (~b & ~a).sum()))


def _everyone(plan: _Asked, weights: np.ndarray | None = None, part: str = "everyone") -> dict:
    rows = plan.answers.frame
    x = np.column_stack([np.ones(len(rows)), rows["late"].astype(float)])
    cluster = rows["structure" if plan.clustered else "respondent"].to_numpy()
    n = rows["respondent"].nunique() if weights is None else rows.loc[weights > 0, "respondent"].nunique()
    return _contrast(plan, rows["value"].to_numpy(), x, [0.0, 1.0], cluster, part, n, weights)


def _same_mix(plan: _Asked) -> dict:
    """Return the change when each kind of respondent weighs at both waves what it weighs at the first."""
    rows = plan.answers.frame
    shares = {
        late: rows.loc[rows["late"] == late, "mix"].value_counts(normalize=True) for late in (False, True)
    }
    lost = [str(k) for k in shares[False].index if k not in shares[True].index]
    if lost:
        reason = message("comparison_surveying.kind_gone", kinds=sorted(lost))
        return missing_row("difference", "same_mix", "standardised", 0, reason)
    weight = np.where(
        rows["late"], rows["mix"].map(shares[False]).fillna(0.0) / rows["mix"].map(shares[True]), 1.0
    )
    return _everyone(plan, weight.astype(float), "same_mix") | {"method": "standardised"}


def _by_group(plan: _Asked) -> list[dict]:
    made = []
    for kind, rows in plan.answers.frame.groupby("mix", observed=True, sort=True):
        one, two = (rows.loc[rows["late"] == late, "value"].to_numpy() for late in (False, True))
        about = {"group": str(kind)}
        n = rows["respondent"].nunique()
        if min(len(one), len(two)) == 0:
            wave = message("comparison.before" if len(one) == 0 else "comparison.after")
            made.append(
                missing_row("difference", "everyone", "", n, message("comparison.wave_missing", wave=wave))
                | about
            )
        else:
            # Small kinds: described, not tested.
            made.append(
                row("difference", "everyone", "", estimate=float(two.mean() - one.mean()), n=n) | about
            )
    return made


def _contrast(
    plan: _Asked, y: np.ndarray, x: np.ndarray, c: list[float], cluster: np.ndarray | None, part: str, n: int,
    weights: np.ndarray | None = None,
) -> dict:  # fmt: skip
    method = "clustered" if plan.clustered else "robust"
    few = cluster is not None and len(pd.unique(cluster)) < 2
    if few or len(y) < 2:
        reason = message("comparison_surveying.one_structure" if few else "comparison_surveying.one_answer")
        return missing_row("difference", part, method, n, reason) | {"estimate": _point(y, x, c, weights)}
    found = least_squares(y, x, weights, cluster).contrast(c)
    if found.reason is not None or not found.std_error > 0:
        return missing_row("difference", part, method, n, message("comparison_surveying.no_spread")) | {
            "estimate": found.estimate
        }
    low, high = found.interval(plan.conf_level)
    return row(
        "difference", part, method, estimate=found.estimate, std_error=found.std_error, statistic=found.statistic, df=found.df,
        p_value=found.p_value(0.0, plan.alternative), conf_low=low, conf_high=high, conf_level=plan.conf_level, n=n,
    )  # fmt: skip


def _point(y: np.ndarray, x: np.ndarray, c: list[float], weights: np.ndarray | None) -> float:
    if x.shape[1] == 1:
        return float(y.mean())
    late = x[:, 1] > 0
    w = np.ones(len(y)) if weights is None else weights
    return float(np.average(y[late], weights=w[late]) - np.average(y[~late], weights=w[~late]))


def _bounds(plan: _Asked) -> list[dict]:
    """Return the change among all who ever answered, when every answer not given is the least, then the most favourable."""
    if plan.answers.span is None:
        return []
    low, high = plan.answers.span
    wide = plan.answers.frame.pivot_table(index="respondent", columns="late", values="value", observed=True)
    one = wide[False]
    two = wide[True] if True in wide else pd.Series(np.nan, index=wide.index)
    ends = (("difference_if_worst", low, high), ("difference_if_best", high, low))
    return [
        row(term, "everyone", "manski", estimate=float((two.fillna(a) - one.fillna(b)).mean()), n=len(wide))
        for term, a, b in ends
    ]


def _levels(plan: _Asked) -> list[dict]:
    return [
        _level(plan, plan.answers.wave(late), f"level_{name}", f"{name}_answers")
        for late, name in ((False, "before"), (True, "after"))
    ]


def _level(plan: _Asked, rows: pd.DataFrame, term: str, part: str) -> dict:
    y = rows["value"].to_numpy()
    # Of two answers, the level tells how many gave the upper one.
    ones = int((y == plan.answers.span[1]).sum()) if plan.answers.two else math.nan
    if plan.kind == "binary" and not plan.clustered:
        low, high = prop.wilson(float(y.sum()), len(y), plan.conf_level)
        return row(
            term,
            part,
            "wilson",
            estimate=float(y.mean()),
            conf_low=low,
            conf_high=high,
            conf_level=plan.conf_level,
            count=ones,
            n=len(y),
        )
    cluster = rows["structure"].to_numpy() if plan.clustered else None
    found = _contrast(plan, y, np.ones((len(y), 1)), [1.0], cluster, part, len(y))
    # A level is not tested against zero.
    return found | {"term": term, "p_value": math.nan, "statistic": math.nan, "count": ones}


def _detectable(plan: _Asked, y: np.ndarray) -> dict:
    """Return the least rise that as many answers again, of other people, would have shown four times in five."""
    from evalkit.comparison.planning.entry import detectable_effect

    n, alpha = 2 * len(y), 1 - plan.conf_level
    spread = float(y.std(ddof=1)) if len(y) > 1 else 0.0
    if len(y) < 2 or spread == 0:
        return missing_row(
            "detectable_change",
            "before_answers",
            "as_many_again",
            len(y),
            message("comparison_surveying.no_spread"),
        )
    design = TwoProportions(reference=float(y.mean())) if plan.kind == "binary" else TwoMeans(sd=spread)
    found = detectable_effect(max(n, design.LEAST), 0.8, design, alpha=alpha).table.iloc[0]
    if found["status"] != "ok":
        return missing_row("detectable_change", "before_answers", "as_many_again", len(y), found["reason"])
    return row(
        "detectable_change", "before_answers", "as_many_again", estimate=float(found["estimate"]), n=len(y)
    )


# -- who answered ----------------------------------------------------------------------------------------------------
def _counts(answers: Answers) -> list[dict]:
    who = {name: set(answers.wave(late)["respondent"]) for late, name in ((False, "before"), (True, "after"))}
    one, two = who.values()
    n = len(one | two)
    seen = {"both": one & two, "only_before": one - two, "only_after": two - one}
    rows = [row(f"answered_{name}", count=len(people), n=n) for name, people in seen.items()]
    for name, empty, asked in zip(who, answers.empty, answers.invited, strict=True):
        given = len(who[name])
        rows.append(row(f"empty_{name}", count=empty, n=empty + given))
        if asked:
            low, high = prop.wilson(given, asked)
            rows.append(row(
                f"response_{name}", method="wilson", estimate=given / asked, conf_low=low, conf_high=high, conf_level=0.95,
                count=given, n=asked,
            ))  # fmt: skip
    if "structure" in answers.frame:
        rows.append(row("structures", count=answers.frame["structure"].nunique(), n=n))
    return rows


def _caveats(plan: _Asked, table: pd.DataFrame, absent: bool) -> tuple[Message, ...]:
    said = [message("result.no_counterfactual")]
    if absent:
        return (*said, message("comparison_surveying.absent"))
    seen = table.set_index("term")["count"]
    if seen["answered_only_before"] + seen["answered_only_after"] > 0:
        said.append(message("comparison_surveying.come_and_go"))
    if plan.clustered:
        said.append(message("comparison_surveying.by_structure"))
        df = table.loc[(table["term"] == "difference") & (table["part"] == "everyone"), "df"].dropna()
        if len(df) and df.iloc[0] < 4:
            said.append(message("comparison_surveying.few_df", df=float(df.iloc[0])))
    if plan.kind == "ordinal":
        said.append(message("comparison_surveying.scores"))
    if (table["part"] == "same_mix").any():
        said.append(message("comparison_surveying.mix_fixed"))
    return tuple(said)
