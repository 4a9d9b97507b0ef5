"""People arranged into groups at random, or in all ways: the law of a statistic when the group changes nothing.

Not a cure for censoring that depends on the group: an arrangement moves whole people, with how they were observed.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
import pandas as pd

from evalkit import wording
from evalkit.errors import InputError
from evalkit.numerics.arguments import generator
from evalkit.survival.core.sample import Sample
from evalkit.wording import Message, message

#: As many arrangements as are listed one by one.
FEW = 500_000
_CELLS = 4_000_000


@dataclass(frozen=True, eq=False)
class People:
    """One entry per person.

    Parameters
    ----------
    scores : float array, shape (p,)
    group, stratum : int arrays, shape (p,)
    k : int
        Number of groups.
    """

    scores: np.ndarray
    group: np.ndarray
    stratum: np.ndarray
    k: int


@dataclass(frozen=True, eq=False)
class Arranged:
    """What the arrangements say.

    Parameters
    ----------
    statistic, p_value : float
    least : float
        The smallest p-value these people could give, whatever happened to them.
    n : int
        Arrangements looked at.
    seed : int, optional
        None when all of them were.
    """

    statistic: float
    p_value: float
    least: float
    n: int
    seed: int | None

    def how(self, lang: str) -> str:
        """Return how the p-value was found."""
        key = "exact" if self.seed is None else "drawn"
        return wording.text(f"survival_ranks.{key}", lang, n=self.n)

    def caveats(self) -> list[Message]:
        """Return what a permutation test takes for granted and how small its p-value can be."""
        said = [message("survival_ranks.exchangeable"), message("survival_ranks.least", least=self.least)]
        return (
            said if self.seed is None else [*said, message("survival_ranks.seed", n=self.n, seed=self.seed)]
        )

    def glance(self) -> dict[str, float]:
        """Return the numbers about the arrangements."""
        return {"arrangements": self.n, "least_p_value": self.least}


def by_person(rows: Sample, scores: np.ndarray, n_strata_columns: int) -> People:
    """Return one entry per person: rows of one id together, a frequency weight as so many people.

    Raises
    ------
    InputError
        A person is in several groups or strata.
    """
    strata = {key: i for i, key in enumerate(dict.fromkeys(g[:n_strata_columns] for g in rows.groups))}
    keys = {key: i for i, key in enumerate(dict.fromkeys(g[n_strata_columns:] for g in rows.groups))}
    stratum = np.array([strata[g[:n_strata_columns]] for g in rows.groups])[rows.group]
    group = np.array([keys[g[n_strata_columns:]] for g in rows.groups])[rows.group]
    weight = np.ones(len(scores), dtype=np.int64) if rows.weight is None else rows.weight.astype(np.int64)
    if rows.id is not None and not pd.Index(rows.id).is_unique:
        person, whose = pd.factorize(rows.id)
        first = np.unique(person, return_index=True)[1]
        moved = (rows.group != rows.group[first][person]) | (weight != weight[first][person])
        if moved.any():
            raise InputError(
                f"permutation: {len(np.unique(person[moved]))} of {len(whose)} people change group, stratum or weight; "
                "only people who stay in one can be arranged anew"
            )
        scores = np.bincount(person, scores)
        group, stratum, weight = group[first], stratum[first], weight[first]
    repeated = np.repeat(np.arange(len(scores)), weight)
    return People(scores[repeated], group[repeated], stratum[repeated], len(keys))


def permuted(people: People, how: int | str, seed: int, line: np.ndarray | None = None) -> Arranged:
    """Return the permutation law of a linear rank statistic.

    Parameters
    ----------
    people : People
    how : int or "exact"
    seed : int
    line : float array, shape (k,), optional
        Scores of the groups: the statistic is then along them.

    Notes
    -----
    Statistic (T - E T)' V⁻ (T - E T), T the sums of scores per group, mean and covariance those over all arrangements within strata
    (Strasser & Weber 1999). From draws, p = (1 + as extreme) / (1 + draws) (Phipson & Smyth 2010).
    """
    mean, cover = np.zeros(people.k), np.zeros((people.k, people.k))
    for s in np.unique(people.stratum):
        here = people.stratum == s
        sizes, own = np.bincount(people.group[here], minlength=people.k), people.scores[here]
        mean += sizes * own.mean()
        if len(own) > 1:
            cover += own.var(ddof=1) * (np.diag(sizes) - np.outer(sizes, sizes) / len(own))
    if line is None:
        form = np.linalg.pinv(cover, rcond=1e-10, hermitian=True)
    else:
        slope = line - line.mean()
        form = np.outer(slope, slope) / (slope @ cover @ slope)

    def statistics(labels: np.ndarray) -> np.ndarray:
        sums = np.stack([(labels == g) @ people.scores for g in range(people.k)], axis=1) - mean
        return np.einsum("bi,ij,bj->b", sums, form, sums)

    observed = float(statistics(people.group[None, :])[0])
    return judged(observed, statistics, people.group, people.stratum, how, seed)


def judged(
    observed: float,
    statistics: Callable[[np.ndarray], np.ndarray],
    group: np.ndarray,
    stratum: np.ndarray,
    how: int | str,
    seed: int,
) -> Arranged:
    """Return where the observed statistic stands among those of the arrangements (`statistics` of an array of labels)."""
    total = count(group, stratum)
    exact = how == "exact"
    if exact and total > FEW:
        raise InputError(
            f"permutation: {total:.3g} arrangements are too many to list ({FEW} at most); draw some: permutation=9999"
        )
    if not exact and (not isinstance(how, int | np.integer) or isinstance(how, bool) or how < 99):
        raise InputError(f"permutation: must be 'exact' or a number of draws, at least 99, but was {how!r}")
    found = np.concatenate([statistics(labels) for labels in arrangements(group, stratum, how, seed)])
    # Equal but for rounding is as extreme; statistics are squares.
    extreme = int((found >= observed * (1 - 1e-9) - 1e-12).sum())
    if exact:
        least = float((found >= found.max() * (1 - 1e-9) - 1e-12).mean())
        return Arranged(observed, extreme / len(found), least, len(found), None)
    return Arranged(observed, (1 + extreme) / (1 + how), max(1 / (1 + how), 1 / total), int(how), seed)


def count(group: np.ndarray, stratum: np.ndarray) -> int:
    """Return how many different arrangements there are within strata."""
    total = 1
    for s in np.unique(stratum):
        sizes = np.bincount(group[stratum == s])
        total *= math.factorial(int(sizes.sum())) // math.prod(math.factorial(int(n)) for n in sizes)
    return total


def arrangements(group: np.ndarray, stratum: np.ndarray, how: int | str, seed: int) -> Iterator[np.ndarray]:
    """Yield arrays of labels, one arrangement a line: all of them, or so many drawn."""
    step = max(1, _CELLS // len(group))
    strata = [np.flatnonzero(stratum == s) for s in np.unique(stratum)]
    if how == "exact":
        listed = [_all(group[here]) for here in strata]
        shape = tuple(len(own) for own in listed)
        for first in range(0, math.prod(shape), step):
            which = np.unravel_index(np.arange(first, min(first + step, math.prod(shape))), shape)
            labels = np.empty((len(which[0]), len(group)), dtype=np.int64)
            for here, own, i in zip(strata, listed, which, strict=True):
                labels[:, here] = own[i]
            yield labels
        return
    rng = generator(seed)
    for first in range(0, int(how), step):
        labels = np.tile(group, (min(step, int(how) - first), 1))
        for here in strata:
            labels[:, here] = rng.permuted(labels[:, here], axis=1)
        yield labels


def _all(group: np.ndarray) -> np.ndarray:
    """Return every different order of these labels, one a line."""
    labels, sizes = np.unique(group, return_counts=True)
    lines = np.full((1, len(group)), labels[-1])
    free = np.arange(len(group))[None, :]
    for label, size in zip(labels[:-1], sizes[:-1], strict=True):
        chosen = np.array(list(itertools.combinations(range(free.shape[1]), int(size))), dtype=np.int64)
        rest = np.ones((len(chosen), free.shape[1]), dtype=bool)
        np.put_along_axis(rest, chosen, False, axis=1)
        left = np.nonzero(rest)[1].reshape(len(chosen), -1)
        lines = np.repeat(lines, len(chosen), axis=0)
        where = free[:, chosen].reshape(-1, int(size))
        np.put_along_axis(lines, where, label, axis=1)
        free = free[:, left].reshape(len(lines), -1)
    return lines
