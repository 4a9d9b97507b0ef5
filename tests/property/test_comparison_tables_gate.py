"""Nothing small that `publish` hides of a pre/post table of categories can be solved from what it shows."""

import numpy as np
import pandas as pd
import pytest
from scipy.optimize import linprog

from evalkit.comparison import pre_post


def drawn(rng):
    """Return people by category before and after, the last line and column being "no answer"; often with empty parts."""
    k = int(rng.integers(2, 4))
    table = rng.negative_binomial(1, rng.choice([0.03, 0.06, 0.15]), (k + 1, k + 1))
    table[0, 0] += 1
    for part, chance in (
        ((k, slice(None)), 0.3),
        ((slice(None), k), 0.3),
        ((k, k), 0.6),
        ((slice(1, k), slice(None)), 0.15),
    ):
        if rng.random() < chance:
            table[part] = 0
    return table


def published(table, **more):
    k = len(table) - 1
    values = np.array([*map(float, range(k)), np.nan])
    before, after = np.divmod(np.repeat(np.arange(table.size), table.ravel()), k + 1)
    names = [f"p{i}" for i in range(len(before))]
    result = pre_post(
        pd.Series(values[before], names), pd.Series(values[after], names), "nominal", order=range(k), **more
    )
    return result.publish().table


class Shown:
    """Every sum of cells that a reader of the published table knows."""

    def __init__(self, size):
        self.k = size - 1
        self.sums, self.values = [np.zeros(size * size)], [0.0]

    def cells(self, rows, columns):
        found = np.zeros((self.k + 1, self.k + 1))
        found[np.ix_(list(rows), list(columns))] = 1
        return found

    def add(self, weights, value):
        if np.isfinite(value):
            self.sums.append(weights.ravel())
            self.values.append(round(value))

    def read(self, row, n):
        seen, everyone, none = range(self.k), range(self.k + 1), [self.k]
        at = [int(row.category)] if row.category else []
        whom = {"pairs": (seen, seen), "people_only_after": (none, seen)}
        if row.part == "observed":
            whom["observed"] = (seen, everyone) if row.term == "proportion_before" else (everyone, seen)
        if row.part in whom:
            self.add(self.cells(*whom[row.part]), row.n)
        people = {
            "people_all": (everyone, everyone), "people_paired": (seen, seen), "people_only_before": (seen, none),
            "people_only_after": (none, seen), "people_neither": (none, none), "empty_after": (everyone, none),
            "empty_before": (none, everyone),
        }  # fmt: skip
        if row.term in people:
            self.add(self.cells(*people[row.term]), row.count)
        elif row.term in ("stayed", "moved"):
            self.add(self.cells(at, [int(row.to)]), row.count)
        elif row.term == "natural_rate":
            self.add(self.cells(at, [c for c in seen if c not in at]), row.count)
        elif row.term == "proportion_before":
            self.add(self.cells(at, whom[row.part][1]), row.count)
        elif row.term == "proportion_after":
            self.add(self.cells(whom[row.part][0], at), row.count)
        elif row.term == "difference":
            self.add(self.cells(seen, at) - self.cells(at, seen), row.estimate * n)
        elif row.term == "difference_if_worst":
            self.add(
                self.cells(everyone, at) - self.cells(at, everyone) - self.cells(none, everyone),
                row.estimate * row.n,
            )
        elif row.term == "difference_if_best":
            self.add(
                self.cells(everyone, at) + self.cells(everyone, none) - self.cells(at, everyone),
                row.estimate * row.n,
            )
        elif row.term == "proportion_after_if_worst":
            self.add(self.cells(seen, at), row.estimate * row.n)

    def gives(self, weights):
        """Tell whether the sum can have one value only."""
        ends = [
            linprog(sign * weights.ravel(), A_eq=np.array(self.sums), b_eq=self.values, bounds=(0, None))
            for sign in (1, -1)
        ]
        assert ends[0].status == 0
        return ends[1].status == 0 and -ends[1].fun - ends[0].fun < 1e-6


@pytest.mark.parametrize("seed", range(8))
def test_no_small_number_of_people_can_be_solved(seed):
    rng = np.random.default_rng([20146, seed])
    table = drawn(rng)
    k = len(table) - 1
    shown = Shown(k + 1)
    made = published(table, selected_on=None if seed % 2 else "none")
    for row in made.astype({"count": float}).itertuples():
        shown.read(row, table[:k, :k].sum())
    if seed % 2 and (table[1:k] == 0).all():
        shown.add(shown.cells(range(1, k), range(k + 1)), 0)  # the answer says that everybody starts alike
    secrets = [shown.cells([i], [j]) for i in range(k + 1) for j in range(k + 1)]
    secrets += [shown.cells([i], range(k)) for i in range(k)] + [shown.cells(range(k), [i]) for i in range(k)]
    small = [weights for weights in secrets if 0 < (weights * table).sum() < 11]
    assert not any(shown.gives(weights) for weights in small)
