"""People who come in clusters (sites, classes, villages): what few clusters can show, and what lot drawing alone guarantees.

Not for clusters as an outcome: everything here is about people.
"""
