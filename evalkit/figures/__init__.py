"""Pictures of results: frames in, matplotlib Axes out; the only room that imports matplotlib.

Not a place for numbers: whatever is drawn was computed, and passed the disclosure gate, before.
"""

from evalkit.figures.agreement import agreement
from evalkit.figures.areas import areas
from evalkit.figures.bars import bars, lines, tornado
from evalkit.figures.curves import steps
from evalkit.figures.dates import over_dates
from evalkit.figures.dots import dots
from evalkit.figures.flow import flow_diagram
from evalkit.figures.forest import estimates
from evalkit.figures.heat import heat
from evalkit.figures.interruption import around, interrupted
from evalkit.figures.mirrored import mirrored
from evalkit.figures.pieces import boxes
from evalkit.figures.sheet import svg
from evalkit.figures.trend import trend

__all__ = [
    "agreement",
    "areas",
    "around",
    "bars",
    "boxes",
    "dots",
    "estimates",
    "flow_diagram",
    "heat",
    "interrupted",
    "lines",
    "mirrored",
    "over_dates",
    "steps",
    "svg",
    "tornado",
    "trend",
]
