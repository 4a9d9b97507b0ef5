"""People who are not seen at the second date: who they are, what they leave open, and how far they would have to differ.

Not a remedy: no method tells what the lost would have answered.
"""
