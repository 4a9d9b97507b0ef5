"""The design of an interrupted series: level and slope before, their changes at each interruption, seasons; and what to read from it.

Not the fit: `serial` and `rates` do that.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True, eq=False)
class Segments:
    """Where the series is cut, and its seasons.

    Parameters
    ----------
    starts : tuple of int
        First step of each new segment.
    season : (float, int), optional
        Steps in a season, and how many harmonics.
    """

    starts: tuple[int, ...]
    season: tuple[float, int] | None = None

    @property
    def size(self) -> int:
        """Number of columns."""
        return 2 + 2 * len(self.starts) + (2 * self.season[1] if self.season else 0)

    def matrix(self, place: np.ndarray, interrupted: bool = True) -> np.ndarray:
        """Return the columns: 1, time since the first interruption, then per interruption a step and a ramp from it, then seasons.

        Parameters
        ----------
        place : int array, shape (n,)
        interrupted : bool
            False: the same times had nothing happened (steps and ramps at 0).

        Returns
        -------
        float array, shape (n, size)

        Examples
        --------
        >>> Segments((2,)).matrix(np.arange(4)).astype(int).tolist()
        [[1, -2, 0, 0], [1, -1, 0, 0], [1, 0, 1, 0], [1, 1, 1, 1]]
        """
        place = np.asarray(place, dtype=float)
        columns = [np.ones_like(place), place - self.starts[0]]
        for start in self.starts:
            after = (place >= start) * float(interrupted)
            columns += [after, after * (place - start)]
        if self.season:
            period, harmonics = self.season
            for k in range(1, harmonics + 1):
                turn = 2 * np.pi * k * (place - self.starts[0]) / period
                columns += [np.sin(turn), np.cos(turn)]
        return np.column_stack(columns)

    def segment_of(self, place: np.ndarray) -> np.ndarray:
        """Return the number of each point's segment, 0 before the first interruption."""
        return np.searchsorted(np.asarray(self.starts), place, side="right")

    def contrasts(self) -> list[tuple[str, int | None, np.ndarray]]:
        """Return what is read: term, the number of its interruption (None: before all), weights of the coefficients."""
        unit = np.eye(self.size)
        read = [("slope_before", None, unit[1])]
        slope = unit[1]
        for k in range(len(self.starts)):
            step, ramp = unit[2 + 2 * k], unit[3 + 2 * k]
            slope = slope + ramp
            read += [("level_change", k, step), ("slope_change", k, ramp), ("slope_after", k, slope)]
        return read
