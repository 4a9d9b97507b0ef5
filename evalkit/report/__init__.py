"""One self-contained page from published results: the answer first, then what it rests on.

Not an estimator and not a gate: results come in already published, or are refused.
"""

from evalkit.report.parts import Answer, Assumptions, Document, Figure, Part, Section, Table, spoken

__all__ = ["Answer", "Assumptions", "Document", "Figure", "Part", "Section", "Table", "spoken"]
