"""Exits that compete: shares gone by each, tests and models of those shares.

Not a model of what would happen without one of the exits.
"""
