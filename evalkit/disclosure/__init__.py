"""The gate before anything leaves the analyst's hands: small cells hidden in tables, small steps merged in curves.

Not a guarantee against differencing between linked tables: that is for the person who publishes to weigh.
"""

from evalkit.disclosure.curves import coarsen_curve
from evalkit.disclosure.tables import (
    COUNTS,
    DERIVED,
    Headcount,
    Headcounts,
    Policy,
    protected,
    suppress,
    suppress_levels,
    suppress_partition,
    suppress_since,
    too_small,
    veil,
)

__all__ = [
    "COUNTS",
    "DERIVED",
    "Headcount",
    "Headcounts",
    "Policy",
    "coarsen_curve",
    "protected",
    "suppress",
    "suppress_levels",
    "suppress_partition",
    "suppress_since",
    "too_small",
    "veil",
]
