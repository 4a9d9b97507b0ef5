"""Time to an exit: curves, competing exits, rank tests and proportional hazards, on one core.

Not the place to decide who disengaged and when: spells and endpoints do that.
"""

from evalkit.survival.competing import aalen_johansen
from evalkit.survival.curves import kaplan_meier, nelson_aalen
from evalkit.survival.proportional import cox
from evalkit.survival.ranktests import log_rank

__all__ = ["aalen_johansen", "cox", "kaplan_meier", "log_rank", "nelson_aalen"]
