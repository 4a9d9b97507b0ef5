"""Play every case of interval coverage and write docs/coverage.md, the table and nothing else.

Not a test: run by hand, ``OPENBLAS_NUM_THREADS=1 python benchmarks/coverage/run.py [room ...]`` (all rooms without a name). Results
of each room stay in ``coverage_<room>.csv`` beside this script, so that one room can be played again alone; ``run.py page`` plays
nothing and only writes the page again.
"""

from __future__ import annotations

import os

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import importlib.util
import sys
import warnings
import zlib
from pathlib import Path

import numpy as np
import pandas as pd
from joblib import Parallel, delayed

HERE = Path(__file__).parent
PAGE = HERE.parents[1] / "docs" / "coverage.md"
sys.path.insert(0, str(HERE))
INTRODUCTION = """# How often the intervals hold the truth

Written by `python benchmarks/coverage/run.py`: simulated people, known truth, nominal level 95 %. *Given*: share of plays in which
the interval exists (otherwise the method says why not). *Misses*: share of intervals wholly below / above the truth.
With 1,000 plays a true 95 % shows between 93.6 and 96.4 % in 19 cases of 20.
*p ≤ 0.05*: share of tests that reject: their size
where the case says "no effect", their power elsewhere.
"""


def rooms() -> list[str]:
    """Return the rooms that have cases."""
    return sorted(path.stem.removeprefix("room_") for path in HERE.glob("room_*.py"))


def load(room: str):
    """Return the module of a room."""
    spec = importlib.util.spec_from_file_location(f"room_{room}", HERE / f"room_{room}.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def some(room: str, index: int, n: int, first: int, count: int) -> list[dict]:
    """Play part of a case: each play has a generator of its own, so that the split into parts changes nothing."""
    case = load(room).cases()[index]
    key = zlib.crc32(case.name.encode())
    made = []
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for play in range(first, first + count):
            found = case.play(np.random.default_rng([2011, key, n, play]), n)
            made.append({kind: np.asarray(value, dtype=float) for kind, value in found.items()})
    return made


def measure(room: str, jobs: int) -> pd.DataFrame:
    """Return one row per case, size and kind of interval."""
    rows = []
    for index, case in enumerate(load(room).cases()):
        for n in case.sizes:
            step = max(1, case.plays // (4 * jobs))
            parts = Parallel(n_jobs=jobs)(
                delayed(some)(room, index, n, first, min(step, case.plays - first))
                for first in range(0, case.plays, step)
            )
            plays = [play for part in parts for play in part]
            for kind, truth in case.truth.items():
                bounds = np.array([play[kind] for play in plays])
                given = np.isfinite(bounds).all(axis=1)
                held = (bounds[given, 0] <= truth) & (truth <= bounds[given, 1])
                rows.append({
                    "case": case.name, "interval": kind, "n": n, "plays": len(plays), "given": int(given.sum()),
                    "coverage": held.mean() if len(held) else np.nan,
                    "too_low": (bounds[given, 1] < truth).mean() if len(held) else np.nan,
                    "too_high": (bounds[given, 0] > truth).mean() if len(held) else np.nan,
                    "width": np.median(bounds[given, 1] - bounds[given, 0]) if len(held) else np.nan,
                })  # fmt: skip
            for kind in case.tests:
                p = np.array([play[kind] for play in plays])
                given = np.isfinite(p)
                rows.append({
                    "case": case.name, "interval": kind, "n": n, "plays": len(plays), "given": int(given.sum()),
                    "rejects": (p[given] <= 0.05).mean() if given.any() else np.nan,
                })  # fmt: skip
            print(f"{room}: {case.name}, n = {n}", file=sys.stderr, flush=True)
    return pd.DataFrame(rows)


def page(tables: dict[str, pd.DataFrame]) -> str:
    """Return the page."""
    lines = INTRODUCTION.splitlines()
    for room, table in tables.items():
        kinds = {"coverage": _INTERVALS, "rejects": _TESTS}
        lines += ["", f"## {room}"]
        for column, (heading, cells) in kinds.items():
            if column in table and table[column].notna().any():
                lines += ["", *heading]
                lines += [
                    f"| {' | '.join(cells(row))} |" for row in table[table[column].notna()].to_dict("records")
                ]
    return "\n".join(lines) + "\n"


def _about(row: dict) -> list[str]:
    given = f"{100 * row['given'] / row['plays']:.0f} %"
    return [row["case"], row["interval"], f"{row['n']:,}", f"{row['plays']:,}", given]


def _interval_cells(row: dict) -> list[str]:
    misses = f"{100 * row['too_low']:.1f} / {100 * row['too_high']:.1f} %"
    return [*_about(row), f"**{100 * row['coverage']:.1f} %**", misses, f"{row['width']:.3g}"]


def _test_cells(row: dict) -> list[str]:
    return [*_about(row), f"**{100 * row['rejects']:.1f} %**"]


_INTERVALS = (
    (
        "| case | interval | n | plays | given | coverage | misses low / high | median width |",
        "|---|---|---|---|---|---|---|---|",
    ),
    _interval_cells,
)
_TESTS = (("| case | test | n | plays | given | p ≤ 0.05 |", "|---|---|---|---|---|---|"), _test_cells)


def main() -> None:
    """Play what was asked, write the page."""
    jobs = int(os.environ.get("EVALKIT_JOBS", os.cpu_count() or 1))
    asked = sys.argv[1:] or rooms()
    for room in [] if asked == ["page"] else asked:
        measure(room, jobs).to_csv(HERE / f"coverage_{room}.csv", index=False, float_format="%.6g")
    done = {room: HERE / f"coverage_{room}.csv" for room in rooms()}
    tables = {room: pd.read_csv(path) for room, path in done.items() if path.exists()}
    PAGE.write_text(page(tables), encoding="utf-8")


if __name__ == "__main__":
    main()
