"""Keeps finished replications in a folder, so that a run that was stopped goes on where it was.

Not an archive of tapes: a replication is kept as its outputs and the digests of its tapes.
"""

from __future__ import annotations

import json
import os
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from evalkit.errors import InputError
from evalkit.provenance import digest
from evalkit.wording import fault

if TYPE_CHECKING:
    from evalkit.simulation.experiments.running import Work

#: Replication, digests of its tapes, values of the outputs of each scenario and pair.
Played = tuple[int, tuple[str, ...], list[np.ndarray]]


@dataclass(frozen=True)
class Store:
    """The finished replications of one run: one file each, in a folder named by what was played.

    Parameters
    ----------
    folder : Path
    key : str
        SHA-256 of the pathways, the seed and the closing day. Not of the engine, which changes nothing, nor of the number of plays.
    """

    folder: Path
    key: str

    @classmethod
    def at(cls, folder: str | Path, work: Work, first: Played) -> Store:
        """Open the folder of a run, or begin it.

        Raises
        ------
        InputError
            If replication 0 was kept there and is no longer what evalkit plays.
        """
        until = None if work.until is None else str(pd.Timestamp(work.until).date())
        about = {"pathways": [p.digest for p in work.pathways], "seed": int(work.seed), "until": until}
        key = digest(about)
        made = cls(Path(folder) / key[:16], key)
        try:
            made.folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise _refused(folder, error) from None
        kept = made.read(0)
        if kept is not None and not _same(kept, first):
            raise InputError(fault("simulation_experiments.store_changed", value=str(made.folder)))
        if kept is None:
            made._put("about.json", {**about, "scenarios": work.names})
            made.write(first)
        return made

    def read(self, replication: int) -> Played | None:
        """Return a replication, None if it is not there or is not whole."""
        try:
            found = json.loads((self.folder / _name(replication)).read_text(encoding="utf-8"))
            if found["key"] != self.key or found["replication"] != replication:
                return None
            return replication, tuple(found["digests"]), [np.array(v, dtype=float) for v in found["values"]]
        except (FileNotFoundError, ValueError, KeyError, TypeError):
            return None

    def write(self, played: Played) -> None:
        """Keep a replication: whole, or not at all."""
        replication, digests, values = played
        told = {
            "key": self.key,
            "replication": int(replication),
            "digests": list(digests),
            "values": [v.tolist() for v in values],
        }
        self._put(_name(replication), told)

    def _put(self, name: str, content: Any) -> None:
        try:
            handle, temporary = tempfile.mkstemp(dir=self.folder, suffix=".part")
            try:
                with os.fdopen(handle, "w", encoding="utf-8") as file:
                    json.dump(content, file)
                os.replace(temporary, self.folder / name)
            except BaseException:
                os.unlink(temporary)
                raise
        except OSError as error:
            raise _refused(self.folder, error) from None


def _name(replication: int) -> str:
    return f"{replication:06d}.json"


def _refused(folder: str | Path, error: OSError) -> InputError:
    return InputError(
        fault("simulation_experiments.store_refused", value=str(folder), error=error.strerror or str(error))
    )


def alike(one: Played, other: Played) -> bool:
    """Tell whether two replications have the same scenarios and outputs, whatever came of them."""
    return len(one[1]) == len(other[1]) and [v.shape for v in one[2]] == [v.shape for v in other[2]]


def _same(one: Played, other: Played) -> bool:
    return one[1] == other[1] and len(one[2]) == len(other[2]) and all(
        np.array_equal(a, b, equal_nan=True) for a, b in zip(one[2], other[2], strict=True)
    )  # fmt: skip
