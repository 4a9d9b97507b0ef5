"""One page from one dashboard: flow, Table 1, indicators, alert, curves, what changed since the last cut.

Not a layout: blocks in order, each a result with its title; `evalkit.report` sets them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from evalkit.describe.alert import alert
from evalkit.describe.changes import changes
from evalkit.describe.flow import flow
from evalkit.describe.gate import beside
from evalkit.describe.indicators import indicators
from evalkit.describe.table_one import table_one
from evalkit.result import Result
from evalkit.silence import Silence
from evalkit.wording import Message, message


@dataclass(frozen=True)
class Block:
    """A part of the page.

    Parameters
    ----------
    name : str
        Good for a file name.
    title : Message
    result : Result
        Not published yet.
    picture : bool
        Whether it is to be drawn (`result.plot`) rather than set as a table.
    alt : Message, optional
        What a picture shows, for who cannot see it.
    """

    name: str
    title: Message
    result: Result
    picture: bool = False
    alt: Message | None = None


def page(
    fu: Any,
    previous: Any = None,
    silence: Silence | None = None,
    curves: Mapping[str, Result] | None = None,
) -> tuple[Block, ...]:
    """Return the blocks of the one-page reading of a dashboard, in order.

    Parameters
    ----------
    fu : FollowUp
    previous : FollowUp, optional
        An earlier cut: adds what changed.
    silence : Silence, optional
        Default `Silence()`.
    curves : mapping of str to Result, optional
        Curves made by the survival room, by name; this room estimates none.

    Returns
    -------
    tuple of Block
        Published, its tables consider each other: what one hides, another does not show.

    Examples
    --------
    >>> import pandas as pd
    >>> from evalkit.followup import FollowUp
    >>> people = pd.DataFrame({"person": list("ab"), "site": "Est", "spotted_on": "2010-06-01", "entered_on": ["2010-07-01", None]})
    >>> [block.name for block in page(FollowUp.from_frames(people, as_of="2010-09-01"))]
    ['flow', 'flow_table', 'table_one', 'indicators', 'alert']
    """
    by = "site" if "site" in fu.people and fu.people["site"].nunique(dropna=False) > 1 else None
    flowing, table, sheet, warning = beside(
        [flow(fu, silence), table_one(fu, by=by), indicators(fu, silence), alert(fu, silence)]
    )
    blocks = [
        Block("flow", message("describe.title_flow"), flowing, True, message("describe.alt_flow")),
        Block("flow_table", message("describe.title_flow_table"), flowing),
        Block("table_one", message("describe.title_table_one"), table),
        Block("indicators", message("describe.title_indicators"), sheet),
        Block("alert", message("describe.title_alert"), warning),
    ]
    for name, curve in (curves or {}).items():
        blocks.append(Block(name, curve.question, curve, True, message("describe.alt_curve")))
    if previous is not None:
        blocks.append(Block("changes", message("describe.title_changes"), changes(fu, previous, silence)))
    return tuple(blocks)
