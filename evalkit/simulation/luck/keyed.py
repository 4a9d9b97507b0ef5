"""Keyed luck: every draw is a pure function of (seed, replication, person, state, visit), so a new source or one more slot
changes nobody else's.

Not a stream: nothing is consumed, and the order in which draws are asked for does not matter.

One Philox4x64-10 block [1]_ gives four 64-bit words: how long, until when at most, which way, and one to spare.

References
----------
.. [1] J. K. Salmon, M. A. Moraes, R. O. Dror, D. E. Shaw (2011). Parallel random numbers: as easy as 1, 2, 3. SC11, section 3.3.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from evalkit.errors import InputError
from evalkit.wording import fault

#: Which word of a block serves what.
DURATION, LIMIT, ROUTE, SPARE = 0, 1, 2, 3

_MULTIPLIERS = (0xD2E7470EE14C6C93, 0xCA5A826395121157)
_WEYL = (0x9E3779B97F4A7C15, 0xBB67AE8584CAA73B)
_ROUNDS = 10
_MASK = (1 << 64) - 1
_LOW = np.uint64(0xFFFFFFFF)
_HALF = np.uint64(32)
#: Elements treated at a time: twelve buffers of this length stay in a core's cache.
_CHUNK = 4096

#: Bits of an identity kept for the number of a person within a source and site.
INDEX_BITS = 24


@lru_cache(maxsize=1 << 14)
def key_of(name: str) -> int:
    """Return the 64-bit key of a name: the first eight bytes of its SHA-256, little end first.

    Examples
    --------
    >>> hex(key_of("queue"))
    '0x91a52311cf09b100'
    """
    return int.from_bytes(hashlib.sha256(name.encode()).digest()[:8], "little")


def identity(source: str, site: str, index: int, record: str = "first") -> int:
    """Return the 64-bit identity of a person: source and site hashed, number within them packed below.

    It depends on nothing else of a scenario, so the same youth keeps the same luck in every scenario.
    """
    return stem(source, site, record) | index


@lru_cache(maxsize=1 << 14)
def stem(source: str, site: str, record: str = "first") -> int:
    """Return the identities' common upper bits of one source and site."""
    return key_of("\x1f".join((source, site, record))) >> INDEX_BITS << INDEX_BITS


def philox(counter: tuple[int, int, int, int], key: tuple[int, int]) -> tuple[int, int, int, int]:
    """Return one block of Philox4x64-10, in Python integers.

    Examples
    --------
    >>> [hex(word) for word in philox((0, 0, 0, 0), (0, 0))][:2]
    ['0x16554d9eca36314c', '0xdb20fe9d672d0fdc']
    """
    c0, c1, c2, c3 = counter
    k0, k1 = key
    for _ in range(_ROUNDS):
        p0, p1 = _MULTIPLIERS[0] * c0, _MULTIPLIERS[1] * c2
        c0, c1, c2, c3 = (p1 >> 64) ^ c1 ^ k0, p1 & _MASK, (p0 >> 64) ^ c3 ^ k1, p0 & _MASK
        k0, k1 = (k0 + _WEYL[0]) & _MASK, (k1 + _WEYL[1]) & _MASK
    return c0, c1, c2, c3


def philox_blocks(c0: np.ndarray, c1: int, c2: np.ndarray, c3: int, key: tuple[int, int]) -> np.ndarray:
    """Return many blocks at once: uint64 array of shape (4, n), the same bits as `philox`."""
    n = len(c0)
    out = np.empty((4, n), dtype=np.uint64)
    for start in range(0, n, _CHUNK):
        stop = min(start + _CHUNK, n)
        out[0, start:stop], out[2, start:stop] = c0[start:stop], c2[start:stop]
        out[1, start:stop], out[3, start:stop] = np.uint64(c1), np.uint64(c3)
        _chunk(out[:, start:stop], key)
    return out


#: What draws many blocks: NumPy, or compiled code once `philox_numba` is loaded; the same bits.
blocks_at_once = philox_blocks


def _chunk(words: np.ndarray, key: tuple[int, int]) -> None:
    """Run the ten rounds in place on an array of shape (4, m)."""
    c0, c1, c2, c3 = words
    scratch = np.empty((6, words.shape[1]), dtype=np.uint64)
    low0, high0, low1, high1 = scratch[:4]
    k0, k1 = key
    for _ in range(_ROUNDS):
        _multiply(c0, _MULTIPLIERS[0], low0, high0, scratch[4], scratch[5])
        _multiply(c2, _MULTIPLIERS[1], low1, high1, scratch[4], scratch[5])
        np.bitwise_xor(high1, c1, out=c0)
        np.bitwise_xor(c0, np.uint64(k0), out=c0)
        np.bitwise_xor(high0, c3, out=c2)
        np.bitwise_xor(c2, np.uint64(k1), out=c2)
        c1[:], c3[:] = low1, low0
        k0, k1 = (k0 + _WEYL[0]) & _MASK, (k1 + _WEYL[1]) & _MASK


def _multiply(
    a: np.ndarray, constant: int, low: np.ndarray, high: np.ndarray, s: np.ndarray, t: np.ndarray
) -> None:
    """Write the 128-bit product of `a` and a constant as two 64-bit halves, by 32-bit parts."""
    b_low, b_high = np.uint64(constant & 0xFFFFFFFF), np.uint64(constant >> 32)
    np.bitwise_and(a, _LOW, out=s)
    np.right_shift(a, _HALF, out=t)
    np.multiply(s, b_low, out=low)
    np.right_shift(low, _HALF, out=low)
    np.multiply(t, b_low, out=high)
    np.add(high, low, out=high)
    np.multiply(s, b_high, out=s)
    np.bitwise_and(high, _LOW, out=low)
    np.add(s, low, out=s)
    np.right_shift(high, _HALF, out=high)
    np.right_shift(s, _HALF, out=s)
    np.multiply(t, b_high, out=t)
    np.add(high, t, out=high)
    np.add(high, s, out=high)
    np.multiply(a, np.uint64(constant), out=low)


def uniform(word: int) -> float:
    """Return the number in (0, 1) of a word: the middle of one of 2^52 equal cells, so never 0 nor 1."""
    return ((word >> 12) + 0.5) * 2.0**-52


def uniforms(words: np.ndarray) -> np.ndarray:
    """Return `uniform` of every word."""
    return ((words >> np.uint64(12)).astype(np.float64) + 0.5) * 2.0**-52


@dataclass(frozen=True)
class Luck:
    """The luck of one play.

    Parameters
    ----------
    seed, replication : int
        Both in [0, 2^64): they are the key; person, state and visit are the counter.
    """

    seed: int
    replication: int = 0

    def __post_init__(self) -> None:
        for name in ("seed", "replication"):
            value = getattr(self, name)
            if not isinstance(value, int | np.integer) or not 0 <= value <= _MASK:
                raise InputError(fault("simulation_experiments.luck", name=name, value=str(value)))

    def block(self, person: int, state: int, visit: int) -> tuple[int, int, int, int]:
        """Return the four words of one visit of one person to a state (its `key_of`)."""
        return philox((person, state, visit, 0), (int(self.seed), int(self.replication)))

    def blocks(self, persons: np.ndarray, state: int, visits: np.ndarray) -> np.ndarray:
        """Return the words of many visits to one state, shape (4, n)."""
        return blocks_at_once(persons, state, visits, 0, (int(self.seed), int(self.replication)))
