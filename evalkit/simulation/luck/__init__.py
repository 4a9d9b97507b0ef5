"""Keyed draws: who comes, how long, which way.

Not the path: whether a visit happens is an engine's business.
"""
