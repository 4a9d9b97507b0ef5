"""Engines: from numbers and luck to the log of one play, the same whichever engine plays.

Not a place for meaning.
"""
