"""What every estimator stands on: rows made ready, sums over the risk set that add, places of rows among event times.

Not an estimator. What others may build on is small, takes arrays and needs no pandas: `sums.RiskSums` (parts give theirs, and adding
them gives those of the whole), `slots.place` (a grid of event times and where each row stands on it), `influence.influence_variance`
(what people move, given the probabilities of all; it adds over parts too), and, for Cox's model, `proportional.sites`.
"""

from evalkit.survival.core.sums import RiskSums

__all__ = ["RiskSums"]
