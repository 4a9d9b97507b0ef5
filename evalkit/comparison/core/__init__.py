"""What every comparison shares: rows of its table, the shape of its answer, what was asked, the people it reads.

Not a comparison.
"""
