"""A difference of changes that stays right if either the changes or who was treated is modelled well.

Not for repeated cross-sections: people must be seen at every date.
"""

from __future__ import annotations

import math
import warnings

import numpy as np

from evalkit.comparison.dates.sampling import Sample
from evalkit.numerics.clustered import Contrast
from evalkit.wording import Message, message

#: An estimated chance of being treated above this has no counterpart among the untreated.
_SURE = 0.995


def doubly_robust(people: Sample, df: float) -> Contrast | Message:
    """Return the effect among the treated, or why it cannot be told.

    Parameters
    ----------
    people : Sample
        One row per person, `y` being the change.
    df : float
        Degrees of freedom of the regression of changes, used here too.

    Notes
    -----
    Sant'Anna & Zhao (2020), Journal of Econometrics 219:101, eq. 2.5 (panel), least squares among the untreated and a logistic
    propensity; variance from its influence function, summed by cluster where there are some, times G/(G − 1).
    """
    n = len(people)
    x = np.column_stack([np.ones(n), people.covariates])
    weight = people.weight / people.weight.mean()
    untreated = (~people.treated).astype(float)
    if np.linalg.matrix_rank(x[~people.treated]) < x.shape[1]:
        return message("comparison_dates.aliased")
    chance, bread = _propensity(x, people.treated, weight)
    if chance is None or chance.max() > _SURE:
        return message("comparison_dates.no_overlap")
    gram = np.linalg.inv(x.T @ ((weight * untreated)[:, None] * x) / n)
    rest = people.y - x @ (gram @ (x.T @ (weight * untreated * people.y)) / n)
    like, odds = weight * people.treated, weight * untreated * chance / (1 - chance)
    gain, drift = (float(w @ rest / w.sum()) for w in (like, odds))
    by_changes = (weight * untreated * rest)[:, None] * x @ gram
    by_chance = (weight * (people.treated - chance))[:, None] * x @ (bread * n)
    own = like * (rest - gain) - by_changes @ (like[:, None] * x).mean(axis=0)
    other = (
        odds * (rest - drift)
        + by_chance @ (odds * (rest - drift) @ x / n)
        - by_changes @ (odds[:, None] * x).mean(axis=0)
    )
    influence = own / like.mean() - other / odds.mean()
    groups = n
    if people.cluster is not None:
        influence = np.bincount(people.cluster, weights=influence)
        groups = len(np.unique(people.cluster))
        shared = [
            np.bincount(people.cluster[people.treated == arm], minlength=len(influence)) for arm in (0, 1)
        ]
        if min((count > 0).sum() for count in shared) < 2:
            return message("comparison_dates.one_cluster")
    error = math.sqrt(float(influence @ influence) * groups / max(groups - 1, 1)) / n
    scale = float(np.abs(people.y).max())
    if not math.isfinite(df) or error <= 1e-11 * max(scale, np.finfo(float).tiny):
        return message("comparison_dates.no_spread")
    return Contrast(gain - drift, error, df)


def _propensity(
    x: np.ndarray, treated: np.ndarray, weight: np.ndarray
) -> tuple[np.ndarray | None, np.ndarray]:
    """Return each person's chance of being treated and the covariance of the coefficients; None when it does not arrive."""
    import statsmodels.api as sm

    with warnings.catch_warnings():
        # Perfect prediction is looked at by its chances.
        warnings.simplefilter("ignore")
        fit = sm.GLM(treated.astype(float), x, family=sm.families.Binomial(), freq_weights=weight).fit(
            maxiter=100, tol=1e-12
        )
        chance = np.asarray(fit.fittedvalues)  # worked out when first asked for
    slack = np.abs(x.T @ (weight * (treated - chance))).max()
    if not np.isfinite(chance).all() or slack > 1e-6 * len(x) * np.abs(x).max():
        return None, np.empty((0, 0))
    spread = weight * chance * (1 - chance)
    gram = x.T @ (spread[:, None] * x)
    if np.linalg.cond(gram) > 1e14:
        return None, gram
    return chance, np.linalg.inv(gram)
