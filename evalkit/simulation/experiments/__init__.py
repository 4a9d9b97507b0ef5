"""One play, many plays, and plays held against each other.

Not a test: the number of plays is ours to choose.
"""
