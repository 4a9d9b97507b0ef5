"""Two groups of people at one date, and how alike they were to begin with.

Not an effect by itself: only an assignment by lot makes a difference between groups one.
"""
