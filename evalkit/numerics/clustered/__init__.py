"""Standard errors for people who come in clusters (or alone), with the degrees of freedom that few clusters leave.

Not a fit: a model gives its design, weights and residuals; only least squares is fitted here.
"""

from evalkit.numerics.clustered.ordinary import LeastSquares, least_squares
from evalkit.numerics.clustered.robust import Contrast, Robust, Wald
from evalkit.numerics.clustered.sandwich import KINDS, sandwich

__all__ = ["KINDS", "Contrast", "LeastSquares", "Robust", "Wald", "least_squares", "sandwich"]
