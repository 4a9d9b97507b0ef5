"""Rows in which the lost are filled in several times from what is known of them, arm by arm, and the answers pooled.

Right when the lost answer as the seen with the same characteristics do.
"""

from __future__ import annotations

import math

import numpy as np
import pandas as pd

from evalkit.comparison.core.rows import missing_row, row
from evalkit.comparison.missingness.intervals import around, spread, t_value, welch_df
from evalkit.comparison.missingness.people import People
from evalkit.comparison.missingness.plan import Plan
from evalkit.disclosure import Headcount
from evalkit.numerics.arguments import generator
from evalkit.numerics.imputation import chained, describe
from evalkit.numerics.rubin import pool
from evalkit.wording import Message, message

METHOD = "mi"


def imputed(people: People, plan: Plan) -> list[dict]:
    """Return each group's mean response over the imputed data sets, and the differences between arms, pooled by Rubin's rules.

    References
    ----------
    Rubin (1987), Multiple imputation for nonresponse in surveys, eq. 3.1.2-3.1.5; Barnard & Rubin (1999), Biometrika 86:948, eq. 3;
    chained equations: van Buuren & Groothuis-Oudshoorn (2011), Journal of Statistical Software 45(3).
    """
    rng = generator(plan.seed)
    rows, made = [], []
    for name, own in people.groups():
        stop = _obstacle(people, own)
        responses = None if stop else _responses(people, own, plan, rng)
        made.append(responses)
        if responses is None:
            rows.append(missing_row(people.term, "everyone", METHOD, int(own.sum()), stop) | {"group": name})
            continue
        rows.append(pooled_row(people.term, name, [responses], plan.conf_level, people.limits))
    for name, one, other in people.contrasts():
        pair = [made[one], made[other]]
        if any(responses is None for responses in pair):
            n = int(((people.arm == one) | (people.arm == other)).sum())
            stop = message("comparison_missingness.arm_not_estimable")
            rows.append(missing_row(people.contrast_term, "everyone", METHOD, n, stop) | {"group": name})
            continue
        rows.append(pooled_row(people.contrast_term, name, pair, plan.conf_level, people.contrast_limits))
    return rows


def pooled_row(
    term: str, group: str, responses: list[np.ndarray], conf_level: float, limits: tuple[float, float]
) -> dict:
    """Return the pooled row of one group's mean, or of the first group's less the second's.

    Parameters
    ----------
    term, group : str
    responses : list of float arrays, shape (m, n of the group)
        One or two groups, every response filled in.
    conf_level : float
    limits : (float, float)
        Least and greatest value possible. The interval of a share is made on the logit scale.
    """
    means = [values.mean(axis=1) for values in responses]
    errors = [np.array([spread(one) for one in values]) for values in responses]
    n = sum(values.shape[1] for values in responses)
    estimates, variances = means[0], sum(errors)
    if len(means) == 2:
        estimates = means[0] - means[1]
    complete = welch_df(*((float(v.mean()), x.shape[1] - 1) for v, x in zip(errors, responses, strict=True)))
    found = pool(estimates[:, None], variances[:, None], complete)
    mean, error, df = float(found.estimate[0]), math.sqrt(found.variance[0]), float(found.df[0])
    low, high = around(mean, error, t_value(df, conf_level), limits, term == "share_after")
    return row(
        term, "everyone", METHOD, group=group, estimate=mean, std_error=error, df=df, conf_low=low, conf_high=high,
        conf_level=conf_level, n=n,
    )  # fmt: skip


def _obstacle(people: People, own: np.ndarray) -> Message | None:
    """Return why a group cannot be filled in, or None."""
    seen = own & people.seen
    if not seen.any():
        return message("comparison_missingness.nobody_seen")
    if seen.sum() < 2:
        return message("comparison_missingness.one_seen")
    if np.ptp(people.response[seen]) == 0:
        return message("comparison_missingness.all_alike")
    terms = _width(_frame(people, own))
    if (own & ~people.seen).any() and seen.sum() <= terms:
        return message("comparison_missingness.mi_few", n=Headcount(seen.sum()), terms=terms)
    return None


def _responses(people: People, own: np.ndarray, plan: Plan, rng: np.random.Generator) -> np.ndarray:
    """Return the responses of a group, filled in, shape (m, n of the group)."""
    before = 0.0 if people.before is None else people.before[own]
    after = people.after[own]
    if np.isfinite(after).all():
        return np.repeat((after - before)[None, :], plan.m, axis=0)
    frames = chained(_frame(people, own), np.zeros((len(after), 0)), plan.m, plan.iterations, rng)
    return np.array([one["after"].to_numpy(dtype=float) - before for one in frames])


def _frame(people: People, own: np.ndarray) -> pd.DataFrame:
    """Return what fills in: after, before and the characteristics that somebody of the group has."""
    after = pd.Series(people.after[own])
    if people.binary:
        after = after.map({0.0: False, 1.0: True}).astype(object)
    columns = {"after": after}
    if people.before is not None:
        columns["before"] = pd.Series(people.before[own])
    for i, name in enumerate(people.characteristics):
        values = people.frame.loc[own, name].reset_index(drop=True)
        if values.notna().any():
            columns[f"trait_{i}"] = values
    return pd.DataFrame(columns)


def _width(frame: pd.DataFrame) -> int:
    """Return how many coefficients the model of "after" has."""
    others = [describe(frame[name]) for name in frame if name != "after"]
    return 1 + sum(1 if c.kind == "number" else len(c.levels) - 1 for c in others)
