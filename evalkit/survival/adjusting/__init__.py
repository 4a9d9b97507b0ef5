"""Curves and areas made comparable between groups that differ, and pseudo-values for regression.

Not a design: what was not recorded is not adjusted for.
"""
