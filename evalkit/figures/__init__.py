"""Pictures of results: frames in, matplotlib Axes out; the only room that imports matplotlib.

Not a place for numbers: whatever is drawn was computed, and passed the disclosure gate, before.
"""

from evalkit.figures.curves import steps
from evalkit.figures.forest import estimates
from evalkit.figures.sheet import svg

__all__ = ["estimates", "steps", "svg"]
