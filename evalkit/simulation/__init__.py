"""From assumptions to simulated traces: scenario → pathway → play → tape → replications → contrasts.

Not an estimator: a tape is read back as a `FollowUp`, and by the same estimators as a city's dashboard.
"""

from evalkit.simulation.assumptions import (
    BreakEven,
    break_even,
    draw_assumptions,
    influence,
    over_assumptions,
    placed,
)
from evalkit.simulation.contrasting import Contrast, contrast, vary
from evalkit.simulation.observing import Observed, observe
from evalkit.simulation.outcomes import counts, lives, sooner
from evalkit.simulation.pathway import Pathway
from evalkit.simulation.playing import play
from evalkit.simulation.replicating import Replications, replicate
from evalkit.simulation.scenario import Scenario
from evalkit.simulation.tape import Tape

__all__ = [
    "BreakEven", "Contrast", "Observed", "Pathway", "Replications", "Scenario", "Tape", "break_even", "contrast", "counts",
    "draw_assumptions", "influence", "lives", "observe", "over_assumptions", "placed", "play", "replicate", "sooner", "vary",
]  # fmt: skip
