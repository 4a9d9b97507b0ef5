"""How alike two groups are in what was recorded about them, before and after weighting or matching.

Not a test, nor a comparison of outcomes.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from evalkit import wording
from evalkit.comparison.core.answer import reasons
from evalkit.comparison.core.people import is_binary, number_values
from evalkit.comparison.groups.baseline_answer import Balance
from evalkit.comparison.groups.made import PARTS
from evalkit.comparison.groups.people import Groups, read_groups
from evalkit.errors import InputError
from evalkit.numerics.arguments import column_names
from evalkit.numerics.survey import kish
from evalkit.provenance import Provenance, digest
from evalkit.wording import Message, labels, message

#: More levels than anybody reads: a name or an identifier, most likely.
_MOST_LEVELS = 50
#: A gap below this share of the values' size is made of rounding.
_ROUNDING = 1e-12
_COLUMNS = (
    "term", "level", "given", "mean_reference", "mean_other", "smd_before", "variance_ratio", "mean_reference_after",
    "mean_other_after", "smd_after", "variance_ratio_after", "count_reference", "count_other", "missing_reference", "missing_other",
    "status", "reason",
)  # fmt: skip
_AFTER = ("mean_reference_after", "mean_other_after", "smd_after", "variance_ratio_after")
_BY_LEVEL = (
    "mean_reference", "mean_other", "mean_reference_after", "mean_other_after", "count_reference", "count_other",
    "missing_reference", "missing_other",
)  # fmt: skip


def balance(
    data: pd.DataFrame,
    group: Any,
    covariates: Sequence[str],
    *,
    weights: Any = None,
    matched: Any = None,
    reference: Any = None,
    missing: str = "error",
    provenance: Provenance | None = None,
) -> Balance:
    """Describe two groups side by side, and how far apart they are, before and after weighting or matching.

    Parameters
    ----------
    data : DataFrame
    group : str or Series
        Holds two values.
    covariates : sequence of str
        Columns of `data`: numbers give a mean; yes/no (0 and 1, False and True) a share; text and categories one share per level.
        Missing values are counted by group.
    weights : str or Series, optional
        Weights that should make the groups alike (0 or more); adds the columns ``…_after``.
    matched : str or Series, optional
        True (or 1) for the people of a matched sample; with `weights`, both apply.
    reference : optional
        Group compared with; default: the first in order.
    missing : {"error", "drop"}
        Rows whose group (or weight) is not known.
    provenance : Provenance, optional
        Default: records of real people.

    Returns
    -------
    Balance
        One row per covariate or level: ``mean_reference``, ``mean_other``, ``smd_before`` (other − reference, over
        √((s²₀ + s²₁) / 2), unweighted, p(1 − p) for shares), ``variance_ratio`` (other / reference, of means), the same after
        weighting on the same scale, ``count_…`` (people behind a share), ``missing_…``. First row: people; with weights, Kish's
        effective number.

    Raises
    ------
    InputError
        No such columns, not two groups, weights below 0, text with more than 50 values.

    References
    ----------
    Austin (2009), Statistics in Medicine 28:3083; Stuart (2010), Statistical Science 25:1, section 5.1. As R's
    ``MatchIt::summary`` and ``cobalt`` for the average effect ("pooled").

    Examples
    --------
    >>> people = pd.DataFrame({"new": [0] * 4 + [1] * 4, "age": [17, 18, 19, 20, 19, 20, 21, 24], "site": list("aabbabbb")})
    >>> shown = balance(people, "new", ["age", "site"]).tidy()
    >>> shown[["term", "level", "mean_reference", "mean_other", "smd_before"]].round(3).fillna("-").values.tolist()
    [['people', '', 4.0, 4.0, '-'], ['age', '', 18.5, 21.0, 1.405], ['site', 'a', 0.5, 0.25, -0.535], ['site', 'b', 0.5, 0.75, 0.535]]
    """
    names = column_names(list(covariates) if not isinstance(covariates, str) else covariates, "covariates")
    if not names:
        raise InputError("balance: covariates names no column")
    groups, after = _groups(data, group, names, weights, matched, reference, missing)
    rows = [_people(groups, after)]
    if after is not None:
        rows.append(_effective(groups, after))
    for name in names:
        rows += _rows(name, groups.covariates[name], groups.treated, after)
    table = pd.DataFrame(rows, columns=_COLUMNS)
    fewest = tuple(int(r.get("fewest", 0)) for r in rows)
    if after is None:
        table = table.drop(columns=list(_AFTER))
    return Balance(
        table,
        message("comparison_groups.question_balance", reference=groups.levels[0], other=groups.levels[1]),
        provenance=provenance or Provenance(inputs={"balance": digest(groups.covariates)}),
        glance_values=_about(table, groups),
        labels=_labels(groups),
        fewest=fewest,
    ).with_caveats(*_caveats(table, groups))


def _groups(
    data: Any, group: Any, names: tuple[str, ...], weights: Any, matched: Any, reference: Any, missing: str
) -> tuple[Groups, np.ndarray | None]:
    """Return the people with their covariates, and the weight of each afterwards."""
    if not isinstance(data, pd.DataFrame):
        raise InputError(f"balance: data must be a DataFrame, but was {type(data).__name__}")
    absent = [c for c in names if c not in data.columns]
    if absent:
        raise InputError(f"balance: no column {absent} in data; it has {data.columns.tolist()}")
    # `read_groups` wants an outcome: the place of each row, by which its covariates are found again.
    place = pd.Series(np.arange(len(data), dtype=float), index=data.index, name="balance")
    groups = read_groups(
        place, group, data, "balance", kind="continuous", reference=reference, missing=missing, balancing=weights, matched=matched
    )  # fmt: skip
    covariates = data.iloc[groups.outcome.astype(int)][list(names)].reset_index(drop=True)
    given = [w for w in (groups.balancing, groups.matched) if w is not None]
    return dataclasses.replace(groups, covariates=covariates), np.prod(given, axis=0) if given else None


def _people(groups: Groups, after: np.ndarray | None) -> dict[str, Any]:
    n0, n1 = groups.sizes
    values = {"mean_reference": float(n0), "mean_other": float(n1), "count_reference": n0, "count_other": n1}
    if after is not None:
        # Whoever has a weight is still there.
        values |= {
            f"mean_{part}_after": float((own > 0).sum())
            for part, own in zip(PARTS, groups.split(after), strict=True)
        }
    return _line("people", "", "given_people", **values)


def _effective(groups: Groups, after: np.ndarray) -> dict[str, Any]:
    values = {
        f"mean_{part}_after": kish(own) for part, own in zip(PARTS, groups.split(after), strict=True) if own.any()
    }  # fmt: skip
    return _line("effective_n", "", "given_kish", **values)


def _line(term: str, level: str, given: str, reason: Message | None = None, **values: Any) -> dict[str, Any]:
    status = "ok" if reason is None else "not_estimable"
    return {"term": term, "level": level, "given": given, "status": status, "reason": reason, **values}


def _rows(
    name: str, values: pd.Series, treated: np.ndarray, after: np.ndarray | None
) -> list[dict[str, Any]]:
    """Return the row of a number or yes/no, or one row per level somebody has."""
    known = values.notna().to_numpy()
    lacking = {
        f"missing_{part}": int((~known & own).sum())
        for part, own in zip(PARTS, (~treated, treated), strict=True)
    }
    filled, own = values[known], treated[known]
    weight = None if after is None else after[known]
    if len(filled) and filled.map(is_binary).all():
        return [_row(name, "", filled.to_numpy(float), own, weight, share=True) | lacking]
    if pd.api.types.is_numeric_dtype(values) and not pd.api.types.is_bool_dtype(values):
        return [_row(name, "", number_values(filled, name, "balance"), own, weight, share=False) | lacking]
    levels = _levels(filled, name)
    return [
        _row(name, str(v), (filled == v).to_numpy(float), own, weight, share=True) | lacking for v in levels
    ]


def _levels(filled: pd.Series, name: str) -> list[Any]:
    held = set(filled)
    if isinstance(filled.dtype, pd.CategoricalDtype):
        found = [v for v in filled.cat.categories if v in held]
    else:
        found = sorted(held, key=lambda v: (str(type(v)), v))
    if len(found) > _MOST_LEVELS:
        raise InputError(
            f"balance: {name} holds {len(found)} different texts, too many for one row each (an identifier?); group them first, or "
            "leave the column out"
        )
    return found


def _row(
    name: str, level: str, x: np.ndarray, treated: np.ndarray, weight: np.ndarray | None, share: bool
) -> dict[str, Any]:
    """Return one row: means or shares, standardised difference, variance ratio, before and after."""
    given = "given_share" if share else "given_mean"
    counts: dict[str, Any] = {"fewest": _fewest(x, treated)}
    if share:
        counts |= {
            f"count_{part}": int(x[own].sum()) for part, own in zip(PARTS, (~treated, treated), strict=True)
        }
    if treated.all() or not treated.any():
        return _line(name, level, given, message("comparison_groups.nobody_known"), **counts)
    one = np.ones(len(x))
    before = _moments(x, treated, one, share)
    scale = math.sqrt((before[0][1] + before[1][1]) / 2)
    values = {**counts, **_figures(before, scale, share, "", float(np.abs(x).max()))}
    reason = None
    if math.isnan(values["smd_before"]):
        reason = message("comparison_groups.no_scale")
    if weight is not None:
        if not (weight[treated].any() and weight[~treated].any()):
            reason = message("comparison_groups.nobody_left")
        else:
            values |= _figures(
                _moments(x, treated, weight, share), scale, share, "_after", float(np.abs(x).max())
            )
    return _line(name, level, given, reason, **values)


def _fewest(x: np.ndarray, treated: np.ndarray) -> int:
    """Return the smallest number, above 0, of a group's people who are known, or away from the commonest value."""
    found = []
    for own in (x[~treated], x[treated]):
        found += [len(own), len(own) - int(np.unique(own, return_counts=True)[1].max(initial=0))]
    return min((k for k in found if k > 0), default=0)


def _moments(x: np.ndarray, treated: np.ndarray, w: np.ndarray, share: bool) -> list[tuple[float, float]]:
    """Return mean and variance of the reference group and of the other; nan for the variance of one person."""
    out = []
    for own in (~treated, treated):
        v, u = x[own], w[own]
        mean = float(u @ v / u.sum())
        if share:
            out.append((mean, mean * (1 - mean)))
            continue
        # Unbiased, and with equal weights the usual one (weights that say how reliable, as MatchIt and cobalt take them).
        less = float(u.sum() ** 2 - u @ u)
        spread = float(u @ (v - mean) ** 2)
        out.append((mean, spread * float(u.sum()) / less if less > _ROUNDING * float(u @ u) else math.nan))
    return out


def _figures(
    moments: list[tuple[float, float]], scale: float, share: bool, when: str, size: float
) -> dict[str, float]:
    (mean0, var0), (mean1, var1) = moments
    gap = mean1 - mean0
    if abs(gap) <= _ROUNDING * size:
        gap = 0.0
    smd = 0.0 if gap == 0 else gap / scale if scale > _ROUNDING * size else math.nan
    ratio = math.nan if share or not min(var0, var1) > (_ROUNDING * size) ** 2 else var1 / var0
    return {
        f"mean_reference{when}": mean0, f"mean_other{when}": mean1, "smd_after" if when else "smd_before": smd,
        f"variance_ratio{when}": ratio,
    }  # fmt: skip


def _about(table: pd.DataFrame, groups: Groups) -> dict[str, Any]:
    about: dict[str, Any] = {"n_reference": groups.sizes[0], "n_other": groups.sizes[1]}
    for column in ("smd_before", "smd_after"):
        if column in table:
            known = table[column].dropna().abs()
            about[f"largest_{column}"] = float(known.max()) if len(known) else math.nan
    return about


def _caveats(table: pd.DataFrame, groups: Groups) -> tuple[Message, ...]:
    said = [
        message("comparison_groups.recorded_only"),
        message("comparison_groups.no_p_values"),
        message("comparison_groups.smd_scale", reference=groups.levels[0], other=groups.levels[1]),
    ]
    if (table[["missing_reference", "missing_other"]] > 0).any(axis=None):
        said.append(message("comparison_groups.balance_missing"))
    return (*said, *groups.caveats(), *reasons(table))


def _labels(groups: Groups) -> dict[str, dict[str, str]]:
    known = labels(
        "comparison_groups", "people", "effective_n", "level", "smd_before", "smd_after", "variance_ratio", "variance_ratio_after",
        "given_people", "given_kish", "given_mean", "given_share",
    )  # fmt: skip
    known["given"] = labels("comparison_groups", "what")["what"]
    for column in _BY_LEVEL:
        name = groups.levels["other" in column]
        known[column] = {
            lang: wording.text(f"comparison_groups.{column}", lang, level=name) for lang in wording.LANGUAGES
        }
    return known
