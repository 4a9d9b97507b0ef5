"""Two groups or one series before and after something happened: differences in differences, staggered starts, interruptions.

Not the same people alone at two dates: `paired` compares those.
"""
