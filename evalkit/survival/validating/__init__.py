"""How well a model predicts people it has not seen.

Not a test of its coefficients.
"""
