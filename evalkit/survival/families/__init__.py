"""Parametric models of times: families, splines, cure.

Not for baselines left free: `proportional` has those.
"""
