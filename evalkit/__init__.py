"""evalkit: statistical evaluation and simulation of programmes that follow people, from their records to an answer.

Not loaded eagerly: every public name is imported when first used, so that `import evalkit` costs nothing.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

#: Public name to the module that holds it; None for a room that is itself a public name.
_HOMES: dict[str, str | None] = {
    "FollowUp": "evalkit.followup",
    "Silence": "evalkit.silence",
    "Spells": "evalkit.spells",
    "Endpoint": "evalkit.endpoint",
    "TimeToEvent": "evalkit.timetoevent",
    "Result": "evalkit.result",
    "Policy": "evalkit.disclosure",
    "Study": "evalkit.study",
    "set_language": "evalkit.wording",
    "describe": None,
    "survival": None,
    "comparison": None,
    "simulation": None,
    "report": None,
}

__all__ = [*_HOMES, "__version__"]  # noqa: PLE0604 - the names come from the table above

if TYPE_CHECKING:
    from evalkit import comparison, describe, report, simulation, survival
    from evalkit.disclosure import Policy
    from evalkit.endpoint import Endpoint
    from evalkit.followup import FollowUp
    from evalkit.result import Result
    from evalkit.silence import Silence
    from evalkit.spells import Spells
    from evalkit.study import Study
    from evalkit.timetoevent import TimeToEvent
    from evalkit.wording import set_language


def __getattr__(name: str) -> Any:
    if name == "__version__":
        from importlib.metadata import version

        return version("evalkit")
    if name not in _HOMES:
        raise AttributeError(f"module 'evalkit' has no attribute {name!r}")
    home = _HOMES[name]
    value = (
        importlib.import_module(f"evalkit.{name}")
        if home is None
        else getattr(importlib.import_module(home), name)
    )
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted([*globals(), *__all__])
