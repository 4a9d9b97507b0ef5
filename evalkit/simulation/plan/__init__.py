"""The numbers of a pathway, as every engine reads them.

Nothing here is random.
"""
