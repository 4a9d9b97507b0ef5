"""Whether the engines tell the truth: models whose answer theory or a publication knows, played and compared.

Not a test of a scenario's assumptions: an engine that is right can play a wrong programme.
"""
