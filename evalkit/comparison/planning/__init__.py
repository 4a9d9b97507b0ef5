"""Before any data: how many people, what chance to show an effect, what least effect would show, design by design.

Not for data already collected: the interval of a result says what it shows, its "power afterwards" says nothing more.
"""
