"""`evalkit describe FOLDER`: one page from a dashboard export.

Not the estimators: see `evalkit.describe` and `evalkit.survival`.
"""

from __future__ import annotations

import click

from evalkit.cli.framing import Command


@click.command(cls=Command, help="describe")
def describe() -> None:
    pass
