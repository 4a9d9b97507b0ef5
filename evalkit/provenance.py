"""Where a result comes from: digests of inputs, seed, versions, and whether the people are real.

Not a log: it holds no clock and no machine name, so that the same inputs give the same provenance.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib import metadata
from pathlib import Path
from typing import Any

#: records of real people · published totals · simulated youths · public open data
KINDS = ("records", "published", "simulated", "open")
_PACKAGES = ("evalkit", "numpy", "scipy", "pandas", "lifelines", "statsmodels", "simpy")


@dataclass(frozen=True)
class Provenance:
    """What went in.

    Parameters
    ----------
    kind : {"records", "published", "simulated", "open"}
        Decides whether disclosure control applies: only "records" are real people not yet published.
    inputs : mapping of str to str
        Name of an input to its SHA-256 (see `digest`).
    seed : int, optional
    details : mapping
        Anything else worth keeping, JSON-able.
    """

    kind: str = "records"
    inputs: Mapping[str, str] = field(default_factory=dict)
    seed: int | None = None
    details: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.kind not in KINDS:
            raise ValueError(f"kind must be one of {', '.join(KINDS)}, but was {self.kind!r}")

    def as_dict(self) -> dict[str, Any]:
        """Return the provenance with the versions of the packages that make numbers, ready for JSON."""
        return {
            "kind": self.kind,
            "inputs": dict(sorted(self.inputs.items())),
            "seed": self.seed,
            "versions": versions(),
            **({"details": dict(self.details)} if self.details else {}),
        }


def versions() -> dict[str, str]:
    """Return the versions of evalkit and of the packages its numbers rest on."""
    found = {}
    for name in _PACKAGES:
        try:
            found[name] = metadata.version(name)
        except metadata.PackageNotFoundError:  # pragma: no cover - running from a source tree never installed
            found[name] = "not installed"
    return found


def digest(value: Any) -> str:
    """Return the SHA-256 of a file (`Path`), bytes, text, a DataFrame, or anything JSON can write.

    Examples
    --------
    >>> digest("a")[:8]
    'ca978112'
    """
    sha = hashlib.sha256()
    if isinstance(value, Path):
        with open(value, "rb") as file:
            for block in iter(lambda: file.read(1 << 20), b""):
                sha.update(block)
    elif isinstance(value, bytes):
        sha.update(value)
    elif isinstance(value, str):
        sha.update(value.encode())
    elif hasattr(value, "to_csv"):
        sha.update(value.to_csv(index=False, float_format="%.17g").encode())
    else:
        sha.update(json.dumps(value, sort_keys=True, default=str).encode())
    return sha.hexdigest()
