"""From a dashboard export to a checked `FollowUp`: schema, reading, checks, mapping file, template workbook, writing.

Not the rules of time: see `evalkit.silence`.
"""

from evalkit.followup.forms import write_template as template
from evalkit.followup.noun import FollowUp
from evalkit.followup.snapshot import Snapshot

__all__ = ["FollowUp", "Snapshot", "template"]
