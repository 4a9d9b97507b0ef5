"""The programme's language: scenarios, their assumptions, and the pathway they compile to.

Not a run.
"""
