"""The same people at two dates, whatever the kind of outcome.

Not several dates, nor people who are missing: other rooms.
"""
