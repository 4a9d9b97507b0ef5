"""Coverage of the paired intervals and rejection rate of McNemar's tests, by simulation, for the table of docs/comparison.md.

Run from the repository root: python benchmarks/pre_post_coverage.py --write (about a minute). Not a test: the suite runs one cell of
it with few draws.
"""

from __future__ import annotations

import argparse
import math
from functools import cache
from pathlib import Path

import numpy as np

from evalkit.numerics import proportions as prop

DOCS = Path(__file__).resolve().parents[1] / "docs" / "comparison.md"
BEGIN, END = "<!-- coverage: written by benchmarks/pre_post_coverage.py -->", "<!-- end of coverage -->"
SIZES = (20, 79, 170)
#: Probabilities of staying at 1, moving 1 to 0, moving 0 to 1, staying at 0.
TRUTHS = {
    "no change, few move": (0.30, 0.05, 0.05, 0.60),
    "no change, many move": (0.20, 0.20, 0.20, 0.40),
    "rare outcome, + 6 points": (0.02, 0.02, 0.08, 0.88),
    "common outcome, + 30 points": (0.10, 0.05, 0.35, 0.50),
}
SEED, DRAWS = 2011, 20_000


@cache
def _judged(both: int, lost: int, gained: int, neither: int) -> tuple[float, ...]:
    counts = prop.PairedCounts(both, lost, gained, neither)
    wald = 1.959963984540054 * math.sqrt(counts.discordant - (gained - lost) ** 2 / counts.n) / counts.n
    p = (
        prop.mcnemar_exact(lost, gained),
        prop.mcnemar_mid_p(lost, gained),
        prop.mcnemar_asymptotic(lost, gained)[1],
    )
    middle = counts.difference
    return (*prop.newcombe_paired(counts), *prop.tango_paired(counts), middle - wald, middle + wald, *p)


def cell(n: int, truth: str, draws: int = DRAWS, seed: int = SEED) -> dict[str, float]:
    """Return coverage at 95 % of three intervals and the share of p-values below 5 % of three tests."""
    chances = TRUTHS[truth]
    tables = np.random.default_rng([seed, n, list(TRUTHS).index(truth)]).multinomial(n, chances, size=draws)
    seen, times = np.unique(tables, axis=0, return_counts=True)
    found = np.array([_judged(*map(int, row)) for row in seen])
    difference = chances[2] - chances[1]

    def share(hit: np.ndarray) -> float:
        return float((hit * times).sum() / draws)

    def covers(i: int) -> float:
        return share((found[:, i] <= difference) & (difference <= found[:, i + 1]))

    with np.errstate(invalid="ignore"):  # without change two tests have no p-value: they do not reject
        rejected = [share(found[:, i] < 0.05) for i in (6, 7, 8)]
    names = ("newcombe", "tango", "wald", "exact", "mid_p", "asymptotic")
    return dict(zip(names, [covers(0), covers(2), covers(4), *rejected], strict=True))


def table() -> str:
    """Return the table of the documentation, in Markdown."""
    lines = [
        "| truth | pairs | Newcombe | Tango | Wald, for contrast | exact | mid-p | asymptotic |",
        "|---|--:|--:|--:|--:|--:|--:|--:|",
    ]
    for truth in TRUTHS:
        for n in SIZES:
            found = cell(n, truth)
            lines.append(f"| {truth} | {n} | " + " | ".join(f"{v:.3f}" for v in found.values()) + " |")
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--write", action="store_true", help="put the table into docs/comparison.md")
    made = table()
    if not parser.parse_args().write:
        print(made)
        return
    text = DOCS.read_text(encoding="utf-8")
    head, rest = text.split(BEGIN)
    DOCS.write_text(f"{head}{BEGIN}\n{made}\n{END}{rest.split(END)[1]}", encoding="utf-8")


if __name__ == "__main__":
    main()
