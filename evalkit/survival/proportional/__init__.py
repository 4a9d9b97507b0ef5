"""Proportional hazards: the fit, its variances, its residuals, its predictions.

Not for the share gone by one of several exits: `competing` has that.
"""
