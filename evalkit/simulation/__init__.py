"""From assumptions to simulated traces: scenario → pathway → play → tape → replications → contrasts.

Not an estimator: a tape is read back as a `FollowUp`, and by the same estimators as a city's dashboard.
"""

from evalkit.simulation.contrasting import Contrast, contrast, vary
from evalkit.simulation.outcomes import counts, lives, sooner
from evalkit.simulation.pathway import Pathway
from evalkit.simulation.playing import play
from evalkit.simulation.replicating import Replications, replicate
from evalkit.simulation.scenario import Scenario
from evalkit.simulation.tape import Tape

__all__ = [
    "Contrast", "Pathway", "Replications", "Scenario", "Tape", "contrast", "counts", "lives", "play", "replicate", "sooner", "vary",
]  # fmt: skip
