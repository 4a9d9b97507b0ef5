"""Two groups that differ in what was recorded about them, made alike in several ways; and how far they overlap.

Nothing here makes groups alike in what was not recorded.
"""
