"""What every estimator stands on: rows made ready, sums over the risk set that add, places of rows among event times.

Not an estimator.
"""

from evalkit.survival.core.sums import RiskSums

__all__ = ["RiskSums"]
