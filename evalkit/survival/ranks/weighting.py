"""The weights by which rank tests tell early differences from late ones.

Not a choice after seeing the curves: a weight is chosen before.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from evalkit.errors import InputError
from evalkit.numerics.arguments import one_number

#: Name of a test to how it is written.
NAMES = {
    "log-rank": "log-rank",
    "gehan-breslow": "Gehan-Breslow",
    "tarone-ware": "Tarone-Ware",
    "peto-peto": "Peto-Peto",
    "prentice": "Prentice",
    "prentice-marek": "Prentice-Marek",
    "andersen": "Andersen",
    "fleming-harrington": "Fleming-Harrington",
}


@dataclass(frozen=True)
class Weighting:
    """One member of the family.

    Parameters
    ----------
    name : str
        A key of `NAMES`.
    rho, gamma : float
        Of Fleming and Harrington's.

    Raises
    ------
    InputError
        The name is not known, or rho and gamma go with another name.

    Examples
    --------
    >>> Weighting.of("gehan-breslow").at(np.array([4.0, 2.0]), np.array([1.0, 1.0])).tolist()
    [4.0, 2.0]
    """

    name: str
    rho: float = 0.0
    gamma: float = 0.0

    @classmethod
    def of(cls, name: str | None = None, rho: float = 0.0, gamma: float = 0.0) -> Weighting:
        """Return the weighting that is meant: rho and gamma alone mean Fleming and Harrington's."""
        if name is None:
            name = "fleming-harrington" if rho or gamma else "log-rank"
        if name not in NAMES:
            raise InputError(f"weights: must be one of {', '.join(NAMES)}, but was {name!r}")
        if (rho or gamma) and name != "fleming-harrington":
            raise InputError(
                f"weights: rho and gamma are those of fleming-harrington, but weights was {name!r}"
            )
        rho, gamma = one_number(rho, "rho"), one_number(gamma, "gamma")
        if not (0 <= rho < np.inf and 0 <= gamma < np.inf):
            raise InputError(f"rho, gamma: must be finite and 0 or more, but were {rho} and {gamma}")
        return cls(name, rho, gamma)

    @property
    def title(self) -> str:
        """The test's name, with its powers."""
        if self.name != "fleming-harrington":
            return NAMES[self.name]
        if self.gamma == 0:
            return f"G-rho, rho = {self.rho:g}"
        return f"{NAMES[self.name]}, rho = {self.rho:g}, gamma = {self.gamma:g}"

    def at(self, n: np.ndarray, d: np.ndarray) -> np.ndarray:
        """Return the weight of each event time, from those at risk and the events in all groups together.

        Parameters
        ----------
        n, d : float arrays, shape (m,)
            At the event times, in order; n above 0.
        """
        if self.name == "log-rank":
            return np.ones(len(n))
        if self.name == "gehan-breslow":
            return n
        if self.name == "tarone-ware":
            return np.sqrt(n)
        if self.name == "prentice":
            return np.cumprod(n / (n + d))
        if self.name in ("prentice-marek", "andersen"):
            own = np.cumprod(1 - d / (n + 1))
            return own if self.name == "prentice-marek" else before(own) * n / (n + 1)
        left = before(np.cumprod(1 - d / n))
        if self.name == "peto-peto":
            return left
        return left**self.rho * (1 - left) ** self.gamma


def before(curve: np.ndarray) -> np.ndarray:
    """Return a curve just before each of its steps."""
    return np.concatenate([np.ones(min(1, len(curve))), curve[:-1]])
