"""Curves of one kind of exit, and what is read off them: values, quantiles, areas, bands.

Not for competing exits: `competing` has those.
"""
