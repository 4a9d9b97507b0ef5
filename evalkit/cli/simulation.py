"""`evalkit simulation validate`: play the models whose answer is known and compare.

Not the comparison itself: see `evalkit.simulation.validating`.
"""

from __future__ import annotations

import click

from evalkit.cli.common import common, progress, records, show, tell_json
from evalkit.cli.framing import Group, Option

_SHOWN = [
    "model",
    "quantity",
    "part",
    "expected",
    "estimate",
    "half_width",
    "tolerance",
    "n_plays",
    "verdict",
]


@click.group(cls=Group, help="simulation")
def simulation() -> None:
    pass


@simulation.command("validate", help="simulation_validate")
@click.option("--engine", default="auto", cls=Option, metavar="engine", help="opt_engine")
@click.option("--quick", is_flag=True, cls=Option, help="opt_quick")
@common
def validate(engine: str, quick: bool, quiet: bool, as_json: bool) -> int:
    from evalkit.simulation import validate as played

    with progress(quiet or as_json) as step:
        found = played(engine, quick, progress=step)
    if as_json:
        tell_json({"ok": found.ok, "engine": engine, "checks": records(found.tidy())})
    else:
        show(found, _SHOWN)
    return 0 if found.ok else 1
