"""From assumptions to simulated traces: scenario → pathway → play → tape → replications → contrasts.

Not an estimator: a tape is read back as a `FollowUp`, and by the same estimators as a city's dashboard.
"""

from evalkit.simulation.pathway import Pathway
from evalkit.simulation.playing import play
from evalkit.simulation.scenario import Scenario
from evalkit.simulation.tape import Tape

__all__ = ["Pathway", "Scenario", "Tape", "play"]
