"""How many plays are enough: until the half-widths of named outputs are as small as asked, and stay so.

Not a test, and not a way to stop at a result one likes: what is watched is the width of an interval, never where it lies.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from evalkit.errors import InputError
from evalkit.wording import fault

#: Beyond this many plays, one looks ahead further: by so many plays per hundred.
_HUNDRED = 100


def check_level(conf_level: float) -> None:
    """Refuse a level that is not between 0 and 1."""
    if not isinstance(conf_level, int | float | np.number) or not 0 < conf_level < 1:
        raise InputError(fault("simulation_experiments.level", value=str(conf_level)))


@dataclass(frozen=True)
class Precision:
    """The half-widths that a run must reach.

    Parameters
    ----------
    outputs : mapping
        Output to half-width of the interval of its mean (of its mean difference, in a contrast). An output is named by its outcome,
        ``"mobilised"``, or by outcome and part, by, level, ``("left", "gave_up")``.
    relative : bool
        Whether half-widths are shares of the mean; of little use for a difference that may be near 0.
    minimum, maximum : int
        Plays at least, and at most.
    look_ahead : int
        Further plays over which the precision must hold once reached; so many per hundred plays beyond a hundred.
    conf_level : float
        Level of the intervals.

    Raises
    ------
    InputError
        If no output is named, a half-width is not positive, or the numbers of plays make no sense.

    Notes
    -----
    Hoad, Robinson and Davies (2010), Automated selection of the number of replications for a discrete-event simulation, Journal of
    the Operational Research Society 61(11), 1632-1644: the intervals of every number of plays from the minimum on are looked at, in
    the order of replications, so that the answer does not depend on how many are played at once.

    Examples
    --------
    >>> Precision({("left", "gave_up"): 0.05}, relative=True).minimum
    3
    """

    outputs: Mapping[str | tuple[str, ...], float] = field(default_factory=dict)
    relative: bool = False
    minimum: int = 3
    maximum: int = 1000
    look_ahead: int = 5
    conf_level: float = 0.95

    def __post_init__(self) -> None:
        names = self.outputs if isinstance(self.outputs, Mapping) else [None]
        for name in names:
            key = (name,) if isinstance(name, str) else name
            if (
                not isinstance(key, tuple)
                or not 1 <= len(key) <= 4
                or not all(isinstance(k, str) for k in key)
            ):
                raise InputError(
                    fault("simulation_experiments.precision_form", value=str(name or self.outputs))
                )
        if not self.outputs:
            raise InputError(fault("simulation_experiments.precision_of_nothing"))
        for name, half in self.outputs.items():
            if not isinstance(half, int | float | np.number) or isinstance(half, bool) or not half > 0:
                raise InputError(
                    fault("simulation_experiments.precision_not_positive", output=str(name), half=str(half))
                )
        whole = all(isinstance(k, int | np.integer) for k in (self.minimum, self.maximum, self.look_ahead))
        if not whole or not 2 <= self.minimum <= self.maximum or self.look_ahead < 0:
            raise InputError(
                fault(
                    "simulation_experiments.precision_plays",
                    minimum=str(self.minimum),
                    maximum=str(self.maximum),
                    look_ahead=str(self.look_ahead),
                )
            )
        check_level(self.conf_level)

    @property
    def keys(self) -> list[tuple[str, str, str, str]]:
        """The outputs by outcome, part, by, level."""
        return [
            (*((name,) if isinstance(name, str) else tuple(name)), "", "", "")[:4]  # type: ignore[misc]
            for name in self.outputs
        ]

    def enough(self, values: np.ndarray) -> int | None:
        """Return how many plays are enough, those looked ahead included; None if these are not yet.

        Parameters
        ----------
        values : array of shape (plays, outputs), or (plays, outputs x scenarios) of a contrast
            In the order of the outputs, and of replications. Missing ones are left out.
        """
        precise = (self._half_widths(values) <= self._wanted(values)).all(axis=1)
        n = len(values)
        for k in range(self.minimum, n + 1):
            last = k + max(self.look_ahead, self.look_ahead * k // _HUNDRED)
            if last <= n and precise[k - 1 : last].all():
                return last
            if k == n == self.maximum and precise[-1]:
                return n
        return None

    def guess(self, values: np.ndarray) -> int:
        """Return how many plays it may take in all, for a bar: half-widths shrink with the square root of the number of plays."""
        half, wanted = self._half_widths(values)[-1], self._wanted(values)[-1]
        if not np.isfinite(half).all() or not (wanted > 0).all():
            return self.maximum
        n = len(values) * float(np.max(half / wanted) ** 2)
        return int(min(n + max(self.look_ahead, self.look_ahead * n / _HUNDRED), self.maximum))

    def _half_widths(self, values: np.ndarray) -> np.ndarray:
        """Return the half-width after each play (infinite below two)."""
        from scipy import stats

        known = np.isfinite(values)
        n = known.cumsum(axis=0)
        # About the first value known, sums of squares lose no digits.
        origin = np.array([c[k].flat[0] if k.any() else 0.0 for c, k in zip(values.T, known.T, strict=True)])
        held = np.where(known, values - origin, 0.0)
        total, squares = held.cumsum(axis=0), (held**2).cumsum(axis=0)
        spread = np.maximum(squares - total**2 / np.maximum(n, 1), 0.0) / np.maximum(n - 1, 1)
        half = stats.t.ppf(0.5 + self.conf_level / 2, np.maximum(n - 1, 1)) * np.sqrt(
            spread / np.maximum(n, 1)
        )
        return np.where(n > 1, half, np.inf)

    def _wanted(self, values: np.ndarray) -> np.ndarray:
        # A contrast watches each output in every scenario: so many columns side by side.
        half = np.repeat(
            np.array(list(self.outputs.values()), dtype=float), values.shape[1] // len(self.outputs)
        )
        if not self.relative:
            return np.broadcast_to(half, values.shape)
        known = np.isfinite(values)
        means = np.where(known, values, 0.0).cumsum(axis=0) / np.maximum(known.cumsum(axis=0), 1)
        return half * np.abs(means)
