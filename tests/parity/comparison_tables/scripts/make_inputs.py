"""Write the tables and counts that the reference is made from: printed tables, and seeded synthetic ones with holes and clumps."""

import csv
from pathlib import Path

import numpy as np

HERE = Path(__file__).parents[1] / "inputs"

#: People by category before (rows) and after (columns).
SQUARE = {
    # Peterson et al. 2007, in Fagerland, Lydersen & Laake 2017, table 9.1 (susceptibility of pathogens); a star of moves.
    "pathogens": [[596, 18, 6, 5], [0, 2, 0, 0], [0, 0, 42, 0], [11, 0, 0, 0]],
    # Agresti 2013, chapter on matched pairs (residence in 1980 and 1985; opinions on two questions); Stuart 1955 (vision of women).
    "migration": [
        [11607, 100, 366, 124],
        [87, 13677, 515, 302],
        [172, 225, 17819, 270],
        [63, 176, 286, 10192],
    ],
    "premarital": [[144, 2, 0, 0], [33, 4, 2, 0], [84, 14, 6, 1], [126, 29, 25, 5]],
    "vision": [[1520, 266, 124, 66], [234, 1512, 432, 78], [117, 362, 1772, 205], [36, 82, 179, 492]],
    # Fleiss, Levin & Paik 2003 (two diagnoses of 100 people).
    "diagnosis": [[35, 5, 0], [15, 20, 5], [10, 5, 5]],
    # Uebersax's program MH 1.2, its example of a category that nobody left or joined; Wollschlaeger's of a drug and a placebo.
    "untouched": [[30, 0, 0], [0, 10, 2], [0, 4, 8]],
    "placebo": [[14, 7, 9], [5, 26, 19], [1, 7, 12]],
    # Bentur et al. 2009 and Cavo et al. 2012, in Fagerland, Lydersen & Laake: two categories.
    "airways": [[1, 1], [7, 12]],
    "response": [[59, 6], [16, 80]],
}


def synthetic():
    rng = np.random.default_rng(20141)
    few = rng.poisson(1.2, (3, 3)) + np.diag([6, 4, 9])
    apart = np.zeros((5, 5), dtype=int)
    apart[:2, :2] = [[8, 3], [9, 11]]
    apart[2:4, 2:4] = [[4, 6], [1, 7]]
    apart[4, 4] = 5
    arrives = np.array([[9, 4, 5], [6, 8, 2], [0, 0, 0]])
    sparse = rng.poisson(0.5, (6, 6)) + np.diag(rng.integers(0, 12, 6))
    return {"few": few, "apart": apart, "arrives": arrives, "sparse": sparse}


def people(seed, n, mean, ratio, own, change):
    """Return counts whose rate differs between people (gamma, shape `own`) and whose change does too (gamma, shape `change`)."""
    rng = np.random.default_rng(seed)
    rate = mean * rng.gamma(own, 1 / own, n)
    return rng.poisson(rate), rng.poisson(rate * ratio * rng.gamma(change, 1 / change, n))


COUNTS = {
    "calm": (people(20142, 40, 2.0, 0.8, 4.0, 1e6), (1.0, 1.0)),
    "clumped": (people(20143, 60, 3.0, 0.6, 1.0, 0.7), (6.0, 12.0)),
    "rare": (people(20144, 25, 0.3, 1.5, 2.0, 2.0), (1.0, 0.5)),
}


def main():
    with open(HERE / "square.csv", "w", newline="") as file:
        out = csv.writer(file, lineterminator="\n")
        out.writerow(["name", "before", "after", "n"])
        for name, table in (SQUARE | synthetic()).items():
            for i, line in enumerate(table):
                for j, n in enumerate(line):
                    out.writerow([name, i + 1, j + 1, int(n)])
    with open(HERE / "counts.csv", "w", newline="") as file:
        out = csv.writer(file, lineterminator="\n")
        out.writerow(["name", "person", "before", "after", "time_before", "time_after"])
        for name, ((before, after), times) in COUNTS.items():
            for i, (b, a) in enumerate(zip(before, after, strict=True)):
                out.writerow([name, i + 1, int(b), int(a), *times])


if __name__ == "__main__":
    main()
