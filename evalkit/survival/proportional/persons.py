"""Those a Cox model is asked about, encoded as it sees people, or what it does not know of them.

Not a prediction: `prediction` makes it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from evalkit.errors import InputError
from evalkit.result import KEYS, VALUES
from evalkit.survival.proportional.fitted import Fitted
from evalkit.survival.proportional.ranking import row_by_row
from evalkit.wording import Message, message

if TYPE_CHECKING:
    from evalkit.survival.proportional.result import CoxFit


@dataclass(frozen=True, eq=False)
class People:
    """Those asked about, as the model sees them.

    Parameters
    ----------
    z : float array, shape (m, p)
        Columns less the likelihood's centre; 0 for what was not estimated.
    offset : float array, shape (m,)
    stratum : int array, shape (m,)
    said : mapping of str to array
        The model's variables and strata as they were given.
    reasons : list of Message or None
        Why nothing can be said of somebody.
    """

    z: np.ndarray
    offset: np.ndarray
    stratum: np.ndarray
    said: dict[str, np.ndarray]
    reasons: list[Message | None]

    @classmethod
    def of(cls, fit: CoxFit, new: pd.DataFrame, strata: bool) -> People:
        """Encode people, or say what the model does not know of them."""
        fitted = fit.fitted
        x = fitted.design.encode(new)
        offset = np.zeros(len(x))
        if fit.offset is not None:
            if fit.offset not in new:
                raise InputError(f"new: no column {fit.offset!r}, which the model takes as an offset")
            offset = new[fit.offset].to_numpy(dtype=float, na_value=np.nan)
            if not np.isfinite(offset).all():
                raise InputError(
                    f"new: the offset {fit.offset!r} is missing or infinite in {int((~np.isfinite(offset)).sum())} rows"
                )
        stratum = np.zeros(len(x), dtype=np.int64)
        if strata and fit.strata:
            stratum = _strata_of(fit, new)
        shown = [c for c in dict.fromkeys((*fitted.design.variables, *(fit.strata if strata else ())))
                 if c not in KEYS and c not in VALUES and c != "row"]  # fmt: skip
        return cls(
            x - fitted.origin, offset, stratum, {c: new[c].to_numpy() for c in shown}, unknown_of(fitted, x)
        )

    def lp(self, fitted: Fitted) -> np.ndarray:
        """Return the linear predictor as the baseline is centred."""
        return row_by_row(self.z, fitted.top.beta) + (self.offset - fitted.offset_centre)


def frame_of(new: Any) -> pd.DataFrame:
    """Return the table of those asked about, or say that it is none."""
    if not isinstance(new, pd.DataFrame):
        raise InputError(
            f"new: must be a table (DataFrame) with one row per person, but was {type(new).__name__}"
        )
    if not len(new):
        raise InputError("new: the table has no rows; give one row per person asked about")
    return new.reset_index(drop=True)


def unknown_of(fitted: Fitted, x: np.ndarray) -> list[Message | None]:
    """Return why nothing can be predicted for some: terms that ran away, or values that never went together in the data."""
    top, terms = fitted.top, fitted.design.terms
    if top.runaway:
        return [message("survival_proportional.no_limit", terms=[terms[k] for k in top.runaway])] * len(x)
    reasons: list[Message | None] = [None] * len(x)
    if not top.aliased:
        return reasons
    matrix, solid = fitted.design.matrix, fitted.solid
    centre = matrix.mean(axis=0)
    scale = np.maximum(matrix.std(axis=0), 1e-12 * np.abs(centre)) + np.finfo(float).tiny
    old, new = (matrix - centre) / scale, (x - centre) / scale
    for k in top.aliased:
        share = np.linalg.lstsq(old[:, solid], old[:, k], rcond=None)[0]
        if np.abs(old[:, solid] @ share - old[:, k]).max() > 1e-6:
            continue
        for i in np.flatnonzero(np.abs(new[:, solid] @ share - new[:, k]) > 1e-6):
            reasons[i] = message("survival_proportional.unseen", terms=[terms[k]])
    return reasons


def _strata_of(fit: CoxFit, new: pd.DataFrame) -> np.ndarray:
    absent = [c for c in fit.strata if c not in new]
    if absent:
        raise InputError(
            f"new: no column {', '.join(map(repr, absent))}: each stratum has a baseline of its own"
        )
    places = {tuple(map(str, name)): i for i, name in enumerate(fit.fitted.strata)}
    asked = list(zip(*(new[c].astype(str) for c in fit.strata), strict=True))
    unknown = [name for name in asked if name not in places]
    if unknown:
        known = "; ".join(", ".join(name) for name in list(places)[:8])
        raise InputError(
            f"new: no stratum {', '.join(unknown[0])} ({len(unknown)} of {len(asked)} rows) in the fit; it has {known}"
        )
    return np.array([places[name] for name in asked], dtype=np.int64)
