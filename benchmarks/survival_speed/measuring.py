"""How the survival benchmarks measure: alternating pairs in one process, agreement first; memory in a child of its own.

Not the contestants: `contestants` has those.
"""

from __future__ import annotations

import gc
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

HERE = Path(__file__).parent
#: Pairs, and seconds of one run of a rival from which fewer are made: the ratio is then far from the goal, or hopeless.
PAIRS = 7
SLOW, VERY_SLOW = 12.0, 30.0


@dataclass
class Contestant:
    """Somebody's way of doing a piece of work.

    Parameters
    ----------
    run : callable
        Returns the fit.
    read : callable
        The numbers of a fit that all must agree on.
    goal : float
        How many times slower than we it should be at least; 0 without a goal.
    rtol, atol : float
        How near its numbers come, given where it stops iterating.
    """

    run: Callable[[], Any]
    read: Callable[[Any], np.ndarray]
    goal: float = 0.0
    rtol: float = 1e-6
    atol: float = 1e-7


class InR:
    """A task in a waiting R process."""

    def __init__(self, task: str, frame: pd.DataFrame):
        self.folder = tempfile.TemporaryDirectory()
        binary = Path(self.folder.name) / "data.bin"
        frame.to_numpy(dtype=float).ravel(order="F").tofile(binary)
        call = [
            "Rscript",
            str(HERE / "worker.R"),
            task,
            str(binary),
            str(len(frame)),
            ",".join(frame.columns),
        ]
        self.process = subprocess.Popen(call, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def timed(self, k: int) -> tuple[float, np.ndarray]:
        """Return the mean seconds of k runs, and the numbers."""
        print("run", k, file=self.process.stdin, flush=True)
        seconds = float(self.process.stdout.readline().split()[1])
        return seconds, np.array(self.process.stdout.readline().split()[1:], dtype=float)

    def close(self) -> None:
        """End the process."""
        self.process.stdin.close()
        self.process.wait()
        self.folder.cleanup()


def has_r() -> bool:
    """Return whether R and its survival package are there."""
    if shutil.which("Rscript") is None:
        return False
    return subprocess.run(["Rscript", "-e", "library(survival)"], capture_output=True).returncode == 0


def timed(run: Callable[[], Any], k: int = 1) -> tuple[float, Any]:
    """Return the mean seconds of k runs, and the last answer."""
    gc.collect()
    start = time.perf_counter()
    for _ in range(k):
        made = run()
    return (time.perf_counter() - start) / k, made


def against(ours: Contestant, rival: Contestant | InR, k: int, pairs: int, what: dict) -> dict[str, Any]:
    """Return median seconds of both and the quartiles of the ratio, after checking that they agree."""
    once = (lambda: rival.timed(k)) if isinstance(rival, InR) else (lambda: timed(rival.run, k))
    _, fit = timed(ours.run)
    first, theirs = once()
    numbers = theirs if isinstance(rival, InR) else rival.read(theirs)
    np.testing.assert_allclose(
        ours.read(fit)[: len(numbers)], numbers, rtol=what["rtol"], atol=what["atol"], err_msg="they disagree"
    )
    pairs = pairs if first * k < SLOW else 3 if first * k < VERY_SLOW else 1
    mine, other = [], [] if pairs > 1 else [first]
    for _ in range(pairs):
        mine.append(timed(ours.run, k)[0])
        if pairs > 1:
            other.append(once()[0])
    ratio = np.array(other) / np.array(mine)
    return {
        "ours": float(np.median(mine)), "theirs": float(np.median(other)), "pairs": pairs,
        "ratio": [float(q) for q in np.quantile(ratio, [0.25, 0.5, 0.75])],
    }  # fmt: skip


def peak_above_frame(frame: pd.DataFrame, code: str) -> float:
    """Return MB at the peak above the loaded frame while `code` runs on `frame` in a process of its own."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "frame.pickle"
        frame.to_pickle(path)
        script = f"""
import sys
sys.path[:0] = {[str(HERE), *sys.path]!r}
import pandas as pd, people
frame = pd.read_pickle({str(path)!r})
def work(frame):
{code}
work(frame.head(2000).copy())
def memory(key):
    return next(int(line.split()[1]) for line in open("/proc/self/status") if line.startswith(key)) / 1024
open("/proc/self/clear_refs", "w").write("5")
before = memory("VmRSS")
work(frame)
print(memory("VmHWM") - before)
"""
        said = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
        return float(said.stdout)
