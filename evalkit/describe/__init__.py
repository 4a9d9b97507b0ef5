"""Reading a dashboard: the participant flow, Table 1, indicators, today's alert, what changed, one page.

Not an estimate of anything: counts and their shares on the closing day.
"""

from evalkit.describe.alert import Alert, alert
from evalkit.describe.changes import Changes, changes
from evalkit.describe.flow import Flow, flow
from evalkit.describe.indicators import Indicators, indicators
from evalkit.describe.page import Block, page
from evalkit.describe.table_one import TableOne, table_one

__all__ = [
    "Alert", "Block", "Changes", "Flow", "Indicators", "TableOne", "alert", "changes", "flow", "indicators", "page", "table_one",
]  # fmt: skip
