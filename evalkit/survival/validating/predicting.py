"""What is validated: the chance, by a model or by anybody, that each person is gone by a time; and the people it is held against.

Not a score. A model is anything with ``predict(new, times)``; numbers of one's own are as good.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import pandas as pd

from evalkit.disclosure import Policy, suppress_since
from evalkit.errors import InputError
from evalkit.result import Result
from evalkit.survival.adjusting.people import counts, from_origin
from evalkit.survival.core.sample import Sample, accept, cause_of_interest, caveats, label_of
from evalkit.survival.proportional.prediction import People
from evalkit.survival.proportional.result import CoxFit
from evalkit.survival.proportional.robust import find_clusters
from evalkit.survival.validating.censoring import Censoring
from evalkit.timetoevent import TimeToEvent
from evalkit.wording import Message, message

#: What the numbers given for people are.
GIVEN = ("survival", "incidence")

#: Columns of a table of scores, in order.
SCORED = (
    "term", "time", "estimate", "std_error", "conf_low", "conf_high", "conf_level", "n", "n_event", "status", "reason",
)  # fmt: skip


@dataclass(frozen=True, repr=False)
class Scores(Result):
    """Scores of predictions: events are counted from the origin to each time, so times that few events part are hidden."""

    def _suppressed(self, policy: Policy) -> tuple[pd.DataFrame, int]:
        return suppress_since(self.table, policy)


class Predictor(Protocol):
    """A fit: CoxFit, FineGrayFit, ParametricFit, or one's own.

    ``predict(new, times)`` returns a Result whose table has one row per row of `new` and time, times running fastest, with the
    column ``estimate``: the survival when its attribute ``kind`` is ``"survival"``, else the share gone by the exit.
    """

    def predict(self, new: pd.DataFrame, times: Any) -> Any:
        """Predict for each row of `new` at each time."""


@dataclass(frozen=True, eq=False)
class Asked:
    """People, their outcome, and what is predicted of them.

    Parameters
    ----------
    rows : Sample
        One row per person; cause 1 is the exit predicted, others compete.
    new : DataFrame
        The covariates of each.
    weight : float array, shape (n,)
    frequency : bool
        Whether weights count people.
    censoring : Censoring
    model : Predictor, float array of shape (n, times), or function of (new, times) that returns one
    given : str
    event : Message, str or mapping
    said : tuple of Message
    tte : TimeToEvent
    first : int array, shape (n,)
        Position in `tte` of each person's first row.
    unit : int array, shape (n,), optional
        Which people depend on each other.
    """

    rows: Sample
    new: pd.DataFrame
    weight: np.ndarray
    frequency: bool
    censoring: Censoring
    model: Any
    given: str
    event: Any
    said: tuple[Message, ...]
    tte: TimeToEvent
    first: np.ndarray
    unit: np.ndarray | None = None

    @classmethod
    def of(
        cls, model: Any, tte: TimeToEvent, of: str | None, given: str, what: str, cluster: str | None = None
    ) -> Asked:
        """Make ready, or say why it cannot be."""
        tte = accept(tte, what)
        if given not in GIVEN:
            raise InputError(f"given: must be one of {', '.join(GIVEN)}, but was {given!r}")
        alone = len(tte.causes) == 1 or of == "any exit"
        name = tte.causes[0] if of is None else of
        said = caveats(tte, repeated=False)
        if alone:
            cause, event, _ = cause_of_interest(tte, of, what)
        elif name not in tte.causes:
            raise InputError(f"of: must be 'any exit' or one of {', '.join(tte.causes)}, but was {of!r}")
        else:
            first = tte.causes.index(name) + 1
            cause = np.where(tte.cause == first, 1, 2 * (tte.cause > 0))
            event = label_of(tte, name)
            if isinstance(model, CoxFit) or (given == "survival" and not hasattr(model, "predict")):
                raise InputError(
                    f"{what}: exits compete ({', '.join(tte.causes)}), and 1 less the survival of one of them alone is not the "
                    "share gone by it. Validate a Fine-Gray fit, or shares (given='incidence'), or say of='any exit'"
                )
        rows, first_row = from_origin(tte, cause, None, what)
        new = tte.covariates.iloc[first_row].reset_index(drop=True)
        weight = counts(rows)
        unit = None
        if cluster is not None:
            unit = np.unique(find_clusters(tte, cluster, robust=False).code[first_row], return_inverse=True)[
                1
            ]
            if unit.max() < 2:
                raise InputError(
                    f"cluster: {int(unit.max()) + 1} clusters ({cluster}); no variance between them can be estimated"
                )
        if fitted_on(model, tte):
            said.append(message("survival_validating.same_people"))
        return cls(
            rows, new, weight, tte.weight_kind == "frequency", Censoring.of(rows.time, rows.cause, weight), model, given, event,
            tuple(said), tte, first_row, unit,
        )  # fmt: skip

    @property
    def n(self) -> int:
        """Rows."""
        return len(self.rows.time)

    def happened(self, time: float) -> np.ndarray:
        """Return who is known to be gone by the exit at a time."""
        return (self.rows.time <= time) & (self.rows.cause == 1)

    def risk(self, times: np.ndarray, columns: slice | None = None) -> np.ndarray:
        """Return the predicted share gone by the exit, shape (n, len(times)).

        `columns` says which of the numbers given are at these times.
        """
        if isinstance(self.model, CoxFit):
            return _of_cox(self.model, self.new, times)
        if hasattr(self.model, "predict"):
            made = self.model.predict(self.new, times)
            values = made.table["estimate"].to_numpy(dtype=float).reshape(self.n, len(times))
            survival = getattr(made, "kind", "incidence") == "survival"
        else:
            values = self.model(self.new, times) if isinstance(self.model, Callable) else self.model
            values = np.asarray(values, dtype=float)
            values = values[:, None] if values.ndim == 1 else values
            if columns is not None and not isinstance(self.model, Callable):
                values = values[:, columns]
            survival = self.given == "survival"
        if values.shape != (self.n, len(times)):
            raise InputError(
                f"predictions: need one row for each of {self.n} people and one column for each of {len(times)} times, but were of "
                f"shape {values.shape}"
            )
        wrong = ~((values >= 0) & (values <= 1))
        if wrong.any():
            raise InputError(
                f"predictions: {int(wrong.sum())} of {values.size} are missing or outside 0 to 1; give probabilities"
            )
        return 1 - values if survival else values

    def within(self, times: Any, argument: str) -> np.ndarray:
        """Return distinct times at which enough is known to judge a prediction."""
        asked = np.atleast_1d(np.asarray(times, dtype=float))
        if not len(asked) or not np.isfinite(asked).all() or (asked <= 0).any():
            raise InputError(f"{argument}: give one or more times after the origin, but were {times}")
        if (np.diff(asked) <= 0).any():
            raise InputError(f"{argument}: must rise, each time once, but were {asked.tolist()}")
        last = float(self.rows.time.max())
        if asked[-1] >= last:
            raise InputError(
                f"{argument}: {asked[-1]:g} is not before the last observation ({last:g}): nobody is known to go on, so nothing "
                "can be judged"
            )
        return asked

    def squared(self, influence: np.ndarray) -> np.ndarray:
        """Return the variance of estimates from the influence of each row, its weight included; shape (..., n)."""
        if self.unit is not None:
            by_unit = [np.bincount(self.unit, row) for row in np.atleast_2d(influence)]
            return (np.array(by_unit) ** 2).sum(axis=-1).reshape(influence.shape[:-1])
        return (influence**2 / self.weight if self.frequency else influence**2).sum(axis=-1)

    def people(self) -> float:
        """Return how many people there are."""
        return float(self.weight.sum()) if self.frequency else float(self.n)

    def events(self, time: float) -> float:
        """Return how many of them are known to be gone by the exit at a time."""
        gone = self.happened(time)
        return float(self.weight[gone].sum()) if self.frequency else float(gone.sum())


def linear_predictor(fit: CoxFit, new: pd.DataFrame) -> np.ndarray:
    """Return the linear predictor of a Cox model for each row of `new`."""
    people = _people(fit, new)
    return people.lp(fit.fitted)


def _people(fit: CoxFit, new: pd.DataFrame) -> People:
    if fit.fitted is None:
        raise InputError("fit: a published fit no longer has the data; validate before publishing")
    people = People.of(fit, new, strata=True)
    unknown = [reason for reason in people.reasons if reason is not None]
    if unknown:
        raise InputError(
            f"fit: nothing can be predicted for {len(unknown)} of {len(new)} people: {unknown[0].text('en')}"
        )
    return people


def _of_cox(fit: CoxFit, new: pd.DataFrame, times: np.ndarray) -> np.ndarray:
    people = _people(fit, new)
    relative = np.exp(people.lp(fit.fitted))
    out = np.empty((len(new), len(times)))
    last = fit.fitted.tte.time.max()
    if times[-1] > last:
        raise InputError(
            f"times: {times[-1]:g} is beyond the last time the model was fitted on ({last:g}); it says nothing there"
        )
    for stratum in np.unique(people.stratum):
        rows = people.stratum == stratum
        rise = fit.fitted.hazards.between(int(stratum), np.zeros(len(times)), times)[0]
        out[rows] = -np.expm1(-relative[rows, None] * rise)
    return out


def fitted_on(model: Any, tte: TimeToEvent) -> bool:
    """Whether the model saw these very people."""
    fitted = getattr(model, "fitted", None)
    seen = getattr(fitted, "tte", None)
    return seen is not None and seen.n == tte.n and np.array_equal(seen.time, tte.time)
