"""Exact rank statistics: laws by counting, signed-rank and rank-sum tests, Hodges-Lehmann shifts, superiority.

Not for people or sentences: the halls pair, group and word what these numbers say.
"""

from evalkit.numerics.ranks.flips import SignFlip, sign_flip, sign_median
from evalkit.numerics.ranks.laws import Law, drawing_law, sign_law
from evalkit.numerics.ranks.order import Shift
from evalkit.numerics.ranks.signed import SignedRank, signed_rank
from evalkit.numerics.ranks.sums import RankSum, rank_sum
from evalkit.numerics.ranks.superiority import Superiority, superiority

__all__ = [
    "Law", "RankSum", "Shift", "SignFlip", "SignedRank", "Superiority", "drawing_law", "rank_sum", "sign_flip", "sign_law",
    "sign_median", "signed_rank", "superiority",
]  # fmt: skip
