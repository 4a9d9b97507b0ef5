"""Comparisons of people with themselves or with others, which say what they can and cannot show.

Not for time to an event: that is `evalkit.survival`.
"""

from evalkit.comparison.pre_post import pre_post
from evalkit.comparison.result import PrePost

__all__ = ["PrePost", "pre_post"]
