"""Two waves of a survey whose respondents come and go.

Not the same people followed by a programme: that is `paired`.
"""
