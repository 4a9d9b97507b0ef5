"""Reads a scenario file and the ones it is based on into one table that still knows which file and line each key came from.

Not the meaning of the keys: see `programme`.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from evalkit.errors import Fault, InputError
from evalkit.tomlfile import Path_, TomlFile, load


class Layers(TomlFile):
    """Several files read as one: what a later scenario says replaces what it is based on."""

    def __init__(self, files: tuple[TomlFile, ...]):
        data: dict[str, Any] = {}
        for file in reversed(files):
            data = merged(data, file.data)
        object.__setattr__(self, "files", files)
        super().__init__(files[0].path, data, files[0].lines)

    def fault(self, name: str, *key: str | int, **values: Any) -> Fault:
        """Make a fault about `key` in the file that says most of it, the latest scenario first."""
        files: tuple[TomlFile, ...] = self.files  # type: ignore[attr-defined]
        holder = next((f for f in files if _says_whole(f.data, key)), None)
        best = holder or max(files, key=lambda f: _depth(f.data, key))
        return best.fault(name, *key, **values)


def read(path: str | Path) -> Layers:
    """Read a scenario file with all it is based on, the file itself first.

    Raises
    ------
    InputError
        If a file is missing or is no TOML, or if the scenarios are based on each other in a ring.
    """
    files: list[TomlFile] = []
    seen: list[Path] = []
    here = Path(path)
    while True:
        file = load(here)
        files.append(file)
        seen.append(here.resolve())
        base = file.data.get("based_on")
        if base is None:
            return Layers(tuple(files))
        if not isinstance(base, str):
            raise InputError(file.fault("tomlfile.string", "based_on", value=str(base)))
        parent = here.parent / base
        if parent.resolve() in seen:
            ring = " → ".join(p.name for p in [*seen, parent.resolve()])
            raise InputError(file.fault("scenario.cycle", "based_on", ring=ring))
        if not parent.is_file():
            raise InputError(
                file.fault("scenario.base_absent", "based_on", value=base, folder=str(here.parent))
            )
        here = parent


def merged(base: Mapping[str, Any], over: Mapping[str, Any]) -> dict[str, Any]:
    """Return `base` with what `over` says; an assumption (a table with a value) is replaced whole, source and range included.

    Examples
    --------
    >>> merged({"a": {"x": 1, "y": 2}}, {"a": {"y": 3}})
    {'a': {'x': 1, 'y': 3}}
    """
    out = dict(base)
    for key, value in over.items():
        old = out.get(key)
        if isinstance(old, Mapping) and isinstance(value, Mapping) and not _whole(key, old, value):
            out[key] = merged(old, value)
        else:
            out[key] = value
    return out


def _whole(key: str, old: Mapping[str, Any], new: Mapping[str, Any]) -> bool:
    """Return whether a table makes sense only whole: an assumption, routes, who a case is for."""
    return "value" in old or "value" in new or key in ("done", "late", "to", "when")


def _says_whole(data: Any, key: Path_) -> bool:
    """Return whether a file holds `key` or the assumption around it: what it is based on no longer counts there."""
    for step in key:
        if not isinstance(data, Mapping) or step not in data:
            return False
        data = data[step]
        if not isinstance(data, Mapping) or "value" in data:
            return True
    return False


def _depth(data: Any, key: Path_) -> int:
    depth = 0
    for step in key:
        try:
            data = data[step]
        except (KeyError, IndexError, TypeError):
            break
        depth += 1
    return depth


def no_file() -> TomlFile:
    """Return an empty file without a path, for tables made in code: faults then name the key only."""
    return TomlFile(None, {}, {})  # type: ignore[arg-type]
