"""Exits that come again, and states one goes through.

Not for first exits only: `curves` and `competing` have those.
"""
