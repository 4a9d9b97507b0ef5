"""What happened in one play, and what is read off it.

Not many plays.
"""
