"""Times known only to lie between two dates, or counted in whole periods.

Not for exact times.
"""
