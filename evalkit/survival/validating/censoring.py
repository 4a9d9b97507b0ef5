"""Who is known at a time stands for those lost before: weights by the inverse chance of being still observed.

Not a model of censoring: it must not depend on the people (their covariates or their risk).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from evalkit.survival.core.sums import merged


@dataclass(frozen=True, eq=False)
class Censoring:
    """Kaplan-Meier of the time to censoring, exits of one time before its censorings.

    Parameters
    ----------
    times : float array, shape (m,)
    place : int array, shape (n,)
        Place on `times` of each row's end.
    censored : bool array, shape (n,)
    still : float array, shape (m + 1,)
        Chance of being uncensored before the first time and after each.
    step, own : float arrays, shape (m,)
        What a row at risk, and one censored, moves in the logarithm of `still` at each time.
    """

    times: np.ndarray
    place: np.ndarray
    censored: np.ndarray
    still: np.ndarray
    step: np.ndarray
    own: np.ndarray

    @classmethod
    def of(cls, time: np.ndarray, cause: np.ndarray, weight: np.ndarray) -> Censoring:
        """Estimate it; everybody is observed from the origin."""
        times, place = merged(time)
        censored = cause == 0
        m = len(times)
        every = np.bincount(place, weight, m)
        lost = np.bincount(place[censored], weight[censored], m)
        at_risk = np.cumsum(every[::-1])[::-1] - (every - lost)
        left = at_risk - lost
        going_on = (lost > 0) & (left > 1e-12 * at_risk)
        factor = np.where(going_on, np.divide(left, at_risk, out=np.ones(m), where=at_risk > 0), 1.0)
        factor[(lost > 0) & ~going_on] = 0.0
        own = np.divide(1.0, left, out=np.zeros(m), where=going_on)
        step = np.divide(lost, at_risk * left, out=np.zeros(m), where=going_on)
        return cls(times, place, censored, np.concatenate([[1.0], np.cumprod(factor)]), step, own)

    def before_end(self) -> np.ndarray:
        """Return the chance of being observed just before each row's end."""
        return self.still[self.place]

    def weights(self, time: float) -> np.ndarray:
        """Return what each row stands for at a time: 0 when its fate then is unknown."""
        j = int(np.searchsorted(self.times, time, side="right"))
        gone = (self.place < j) & ~self.censored
        out = np.zeros(len(self.place))
        out[gone] = 1 / self.still[self.place[gone]]
        out[self.place >= j] = 1 / self.still[j] if self.still[j] > 0 else np.inf
        return out

    def correction(self, mass: np.ndarray, time: float | None = None) -> np.ndarray:
        """Return what each row moves through the estimated weights.

        Parameters
        ----------
        mass : float array, shape (..., n)
            Derivative of an estimate by the logarithm of each row's weight: of the inverse chance just before its end, and
            at `time` for those who go on after it.
        time : float, optional

        Returns
        -------
        float array, shape (..., n)
            Derivative by the weight of the row as a person (to be multiplied by that weight).

        Notes
        -----
        log G(u) = Σ_{s ≤ u} log(1 - dN/Y) has the derivative -(dN_i - Y_i dN/Y) / (Y - dN) at s by the weight of i.
        Bang & Tsiatis (2000), Biometrika 87:329; Gerds & Schumacher (2006), Biom. J. 48:1029.
        """
        m = len(self.times)
        upto = self.place
        if time is not None:
            upto = np.minimum(upto, int(np.searchsorted(self.times, time, side="right")))
        ahead = np.stack([
            np.cumsum(np.bincount(upto, row, m + 1)[::-1])[::-1][1:] for row in np.atleast_2d(mass)
        ])  # fmt: skip
        risen = np.concatenate([np.zeros((len(ahead), 1)), np.cumsum(ahead * self.step, axis=1)], axis=1)
        out = np.where(self.censored, ahead[:, self.place] * self.own[self.place], 0.0)
        # Somebody who exits is not at risk of censoring on that day.
        out = out - risen[:, self.place + self.censored]
        return out.reshape(np.shape(mass))
