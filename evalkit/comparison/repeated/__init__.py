"""The same people at several dates, and models of a yes or no that separates: GEE, mixed, conditional and Firth's logit, ANCOVA.

Not two dates without covariates: `paired` compares those exactly.
"""
