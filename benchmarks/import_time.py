"""How long `import evalkit` takes beside `import pandas`: best of several fresh processes; the house rule is a tenth at most."""

from __future__ import annotations

import subprocess
import sys

RUNS = 7


def best(module: str) -> float:
    """Return the shortest time in seconds that a fresh Python took to import `module`."""
    code = f"import time; t = time.perf_counter(); import {module}; print(time.perf_counter() - t)"
    runs = [
        subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
        for _ in range(RUNS)
    ]
    return min(float(run.stdout) for run in runs)


if __name__ == "__main__":
    evalkit, pandas = best("evalkit"), best("pandas")
    print(f"evalkit {1000 * evalkit:.1f} ms, pandas {1000 * pandas:.1f} ms, ratio {evalkit / pandas:.4f}")
