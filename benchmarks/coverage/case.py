"""What a simulated case of interval coverage is: how to play it once, and the truth its intervals should hold.

Not an experiment: `run.py` plays the cases of every `room_*.py` beside it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Case:
    """One kind of data and the intervals asked of it.

    Parameters
    ----------
    name : str
        What is estimated from what, in a few words: "share still engaged at day 90, 40 % censored".
    truth : mapping of str to float
        Kind of interval to the true value it should hold: ``{"log-log": 0.5, "plain": 0.5}``.
    play : callable
        ``play(rng, n)`` returns, per kind of interval, ``(low, high)`` of one simulated data set of n people; nan where the
        method says "not estimable".
    sizes : tuple of int
    plays : int
        How many data sets per size.
    tests : tuple of str
        Further kinds that ``play`` returns, each one p-value (nan: no test): the share at or below 0.05 is given, which is the size of
        the test where the hypothesis is true, its power elsewhere.
    """

    name: str
    truth: Mapping[str, float]
    play: Callable[[np.random.Generator, int], Mapping[str, tuple[float, float] | float]]
    sizes: tuple[int, ...] = (50, 170, 1_000)
    plays: int = 1_000
    tests: tuple[str, ...] = ()
