"""`evalkit scenario check | diff | run | compare`: read, compare and play scenario files.

Not the simulation itself: see `evalkit.simulation`.
"""

from __future__ import annotations

import click

from evalkit.cli.framing import Group


@click.group(cls=Group, help="scenario")
def scenario() -> None:
    pass
