"""Rows in which those seen stand for people like them who are lost: weights by the inverse of the chance of being seen.

Right when that chance depends on nothing but what the model holds.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy import special

from evalkit.comparison.core.rows import missing_row, row
from evalkit.comparison.missingness.intervals import around, t_value, welch_df
from evalkit.comparison.missingness.people import People
from evalkit.comparison.missingness.plan import Plan
from evalkit.disclosure import Headcount
from evalkit.errors import InputError
from evalkit.formula import design
from evalkit.formula import parse as parse_formula
from evalkit.numerics.separation import recession
from evalkit.wording import Message, message

METHOD = "ipw"
#: A stabilised weight above this is said aloud; well-behaved ones are near 1 (Cole & Hernán 2008, American Journal of Epidemiology
#: 168:656).
LARGE = 10.0


@dataclass(frozen=True, eq=False)
class Chances:
    """Everybody's chance of being seen.

    Parameters
    ----------
    usable : bool array, shape (n,)
        Who has all that the model needs.
    chance : float array, shape (n,)
        1 for those sure to be seen, nan for those not usable and for groups of which nobody is seen.
    columns : float array, shape (n, p)
        Independent columns of the model, 0 for who is not in the fit.
    influence : float array, shape (n, p)
        What each person moves in the coefficients.
    sure : int
        People the model is sure to see (they separate).
    hopeless : int
        Lost people like whom the model sees nobody.
    """

    usable: np.ndarray
    chance: np.ndarray
    columns: np.ndarray
    influence: np.ndarray
    sure: int
    hopeless: int


def weighted(people: People, plan: Plan) -> tuple[list[dict], tuple[Message, ...]]:
    """Return each group's weighted mean response, the differences between arms, how large the weights are, and what was done.

    References
    ----------
    Robins, Rotnitzky & Zhao (1994), Journal of the American Statistical Association 89:846; variance by stacked estimating
    equations, the estimated weights counted: Stefanski & Boos (2002), American Statistician 56:29, section 3. For small numbers the
    variance is multiplied by n/(n − 1), n the effective number of the group, and by k/(k − p), for p coefficients fitted to k people;
    Student's law with n − 1 degrees of freedom, Satterthwaite's for a difference.
    """
    found = chances(people, plan)
    rows, sizes = [], []
    means: list[float] = []
    moved: list[np.ndarray] = []
    dfs: list[float] = []
    for name, own in people.groups():
        n = int((own & found.usable).sum())
        stop = _obstacle(people, found, own)
        if stop:
            rows.append(missing_row(people.term, "everyone", METHOD, n, stop) | {"group": name})
            means.append(math.nan)
            moved.append(np.zeros(people.n))
            dfs.append(math.nan)
            continue
        who = own & people.seen & found.usable
        mean, influence = weighted_mean(people.response, who, found)
        means.append(mean)
        moved.append(influence)
        dfs.append(effective(1 / found.chance[who]) - 1)
        df = [(float(influence @ influence), dfs[-1])]
        rows.append(_estimated(people, False, name, mean, influence, df, n, plan.conf_level))
        sizes += _sizes(own & people.seen & found.usable, own & found.usable, found.chance, name)
    for name, one, other in people.contrasts():
        n = int((((people.arm == one) | (people.arm == other)) & found.usable).sum())
        if math.isnan(means[one] - means[other]):
            stop = message("comparison_missingness.arm_not_estimable")
            rows.append(missing_row(people.contrast_term, "everyone", METHOD, n, stop) | {"group": name})
            continue
        gap, influence = means[one] - means[other], moved[one] - moved[other]
        df = [(float(moved[k] @ moved[k]), dfs[k]) for k in (one, other)]
        rows.append(_estimated(people, True, name, gap, influence, df, n, plan.conf_level))
    return [*rows, *sizes], _said(people, found, sizes)


def weighted_mean(response: np.ndarray, who: np.ndarray, found: Chances) -> tuple[float, np.ndarray]:
    """Return the weighted mean of the response of some people, and what each person moves in it, shape (n,).

    The sum of squares of what people move is the variance. A weight is 1 / chance; a factor common to the group (what stabilises
    weights) changes nothing here.
    """
    weight = np.where(who, 1.0, 0.0) / np.where(who, found.chance, 1.0)
    total = weight.sum()
    value = np.where(who, response, 0.0)
    mean = float(weight @ value / total)
    rest = weight * (value - mean)
    # The derivative of 1 / chance by the coefficients of a logit is −(1 − chance) / chance × columns.
    slope = -(rest * (1 - np.where(who, found.chance, 1.0))) @ found.columns
    # As the n − 1 of a variance and the n − p of a regression; without losses this is Student's standard error.
    n, fitted, p = effective(weight[who]), found.columns.any(axis=1).sum(), found.columns.shape[1]
    small = n / (n - 1) * (fitted / (fitted - p) if p else 1.0)
    return mean, (rest + found.influence @ slope) / total * math.sqrt(small)


def effective(weight: np.ndarray) -> float:
    """Return the effective number of people: (Σw)² / Σw² (Kish 1965)."""
    return float(weight.sum() ** 2 / (weight @ weight))


def chances(people: People, plan: Plan) -> Chances:
    """Return the chance of being seen of everybody, from a logit; groups that are all seen, or all lost, need none.

    Raises
    ------
    InputError
        A formula that uses the outcome, or columns that are not there.
    """
    data, formula = _model_data(people, plan.formula)
    usable = np.ones(people.n, dtype=bool)
    for name in _used(formula):
        usable &= data[name].notna().to_numpy()
    chance = np.full(people.n, np.nan)
    fitted = np.zeros(people.n, dtype=bool)
    for _, own in people.groups():
        seen = people.seen[own & usable]
        if len(seen) and seen.all():
            chance[own & usable] = 1.0
        elif seen.any():
            fitted |= own & usable
    if not fitted.any():
        nothing = np.zeros((people.n, 0))
        return Chances(usable, chance, nothing, nothing, 0, 0)
    x = np.ones((int(fitted.sum()), 1))
    if formula:
        x = np.column_stack([x, design(formula, data[fitted]).matrix])
    x, seen = _independent(x), people.seen[fitted]
    towards = x * np.where(seen, 1.0, -1.0)[:, None]
    strict = towards @ recession(towards)[1] > 1e-6
    hopeless = int((strict & ~seen).sum())
    if hopeless:
        # No coefficient was fitted: groups that need none are not to be corrected for any.
        nothing = np.zeros((people.n, 0))
        return Chances(usable, chance, nothing, nothing, 0, hopeless)
    inside = np.flatnonzero(fitted)
    chance[inside[strict]] = 1.0
    rest = inside[~strict]
    x = _independent(x[~strict])
    columns, influence = np.zeros((people.n, x.shape[1])), np.zeros((people.n, x.shape[1]))
    columns[rest] = x
    chance[rest], influence[rest] = _logit(x, people.seen[rest])
    return Chances(usable, chance, columns, influence, int(strict.sum()), 0)


def _logit(x: np.ndarray, seen: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return fitted chances, shape (k,), and what each person moves in the coefficients, shape (k, p)."""
    import statsmodels.api as sm

    fit = sm.GLM(seen.astype(float), x, family=sm.families.Binomial()).fit(tol=1e-12, tol_criterion="params")
    chance = special.expit(x @ fit.params)
    information = (x * (chance * (1 - chance))[:, None]).T @ x
    return chance, (x * (seen - chance)[:, None]) @ np.linalg.inv(information)


def _independent(x: np.ndarray) -> np.ndarray:
    """Return the columns that those before do not make up, on one scale: predictions do not depend on which of them are kept."""
    spread = x.std(axis=0)
    x = (x - np.where(spread > 0, x.mean(axis=0), 0.0)) / np.where(spread > 0, spread, 1.0)
    kept: list[int] = []
    basis = np.zeros((len(x), 0))
    for j in range(x.shape[1]):
        left = x[:, j] - basis @ (basis.T @ x[:, j])
        size = np.linalg.norm(left)
        if size > 1e-8 * max(np.sqrt(len(x)), 1.0):
            kept.append(j)
            basis = np.column_stack([basis, left / size])
    return x[:, kept]


def _model_data(people: People, formula: str | None) -> tuple[pd.DataFrame, str]:
    """Return the table the model reads and its formula; arms are categories, whatever they are written as."""
    data = people.frame
    if formula is not None:
        return data, formula
    named = {f"trait_{i}": data[name] for i, name in enumerate(people.characteristics)}
    if people.before is not None:
        named = {"before_": people.before} | named
    if people.arm_column:
        named = {
            "arm_": pd.Categorical.from_codes(people.arm, [f"arm {i}" for i in range(len(people.levels))])
        } | named
    return pd.DataFrame(named, index=data.index), " + ".join(named)


def _used(formula: str) -> list[str]:
    if not formula:
        return []
    return list(dict.fromkeys(f.column for term in parse_formula(formula) for f in term))


def refuse_formula(people: People, formula: str | None, outcome: str) -> None:
    """Refuse a formula with columns that are not there, or with the outcome itself."""
    if formula is None:
        return
    used = _used(formula)
    if absent := [c for c in used if c not in people.frame]:
        raise InputError(
            f"attrition: formula: no column {absent} in data; it has {list(people.frame.columns)}"
        )
    if outcome in used:
        raise InputError(
            f"attrition: formula: {outcome} is the outcome, which the lost do not have; being seen cannot depend on it"
        )


def _obstacle(people: People, found: Chances, own: np.ndarray) -> Message | None:
    """Return why a group has no weighted mean, or None."""
    seen = own & people.seen & found.usable
    if not seen.any():
        return message("comparison_missingness.nobody_seen")
    if not np.isfinite(found.chance[seen]).all():
        return message("comparison_missingness.no_positivity", n=Headcount(found.hopeless))
    values = people.response[seen]
    if len(values) < 2:
        return message("comparison_missingness.one_seen")
    if effective(1 / found.chance[seen]) < 2 - 1e-6:
        return message("comparison_missingness.one_weight")
    return message("comparison_missingness.all_alike") if np.ptp(values) == 0 else None


def _estimated(
    people: People, contrast: bool, group: str, mean: float, influence: np.ndarray, parts: list[tuple[float, float]],
    n: int, conf_level: float,
) -> dict:  # fmt: skip
    error, df = math.sqrt(float(influence @ influence)), welch_df(*parts)
    term, limits = (
        (people.contrast_term, people.contrast_limits) if contrast else (people.term, people.limits)
    )
    low, high = around(mean, error, t_value(df, conf_level), limits, term == "share_after")
    return row(
        term, "everyone", METHOD, group=group, estimate=mean, std_error=error, df=df, conf_low=low, conf_high=high,
        conf_level=conf_level, n=n,
    )  # fmt: skip


def _sizes(seen: np.ndarray, own: np.ndarray, chance: np.ndarray, group: str) -> list[dict]:
    """Return the largest stabilised weight (times the share seen, so near 1 on average) and the effective number of people."""
    weight = 1 / chance[seen]
    stabilised = float(weight.max()) * seen.sum() / own.sum()
    return [
        row("largest_weight", "seen", METHOD, group=group, estimate=stabilised, n=int(seen.sum())),
        row("effective_n", "seen", METHOD, group=group, estimate=effective(weight), n=int(seen.sum())),
    ]  # fmt: skip


def _said(people: People, found: Chances, sizes: list[dict]) -> tuple[Message, ...]:
    said = []
    if out := int((~found.usable).sum()):
        said.append(message("comparison_missingness.ipw_left_out", n=Headcount(out)))
    if found.hopeless:
        said.append(message("comparison_missingness.mi_extrapolates", n=Headcount(found.hopeless)))
    if found.sure:
        said.append(message("comparison_missingness.ipw_sure", n=Headcount(found.sure)))
    largest = max((r["estimate"] for r in sizes if r["term"] == "largest_weight"), default=0.0)
    if largest > LARGE:
        said.append(message("comparison_missingness.weights_explode", largest=largest))
    return tuple(said)
