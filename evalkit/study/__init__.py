"""Studies: folders that regenerate their results, page and answer, and say when they drift.

Not the place for estimators or sentences about a programme: those stand in each study's own folder.
"""

from evalkit.report import Answer, Assumptions, Figure, Section, Table
from evalkit.study.comparing import Check, Difference
from evalkit.study.folder import Run, Study
from evalkit.study.skeleton import new
from evalkit.wording import say

__all__ = [
    "Answer", "Assumptions", "Check", "Difference", "Figure", "Run", "Section", "Study", "Table", "new", "say",
]  # fmt: skip
