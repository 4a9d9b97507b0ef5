"""How many people, for how long, to see a given difference.

Not for data already collected.
"""
