"""Philox compiled: one block for the compiled engine, many for whoever draws many at once.

Not another generator: the same words as `keyed`, which uses the many once this is loaded.
"""

from __future__ import annotations

from typing import Any

import numba
import numpy as np
from llvmlite import ir
from numba.extending import intrinsic

from evalkit.simulation.luck import keyed

_M0, _M1 = (np.uint64(m) for m in keyed._MULTIPLIERS)
_W0, _W1 = (np.uint64(w) for w in keyed._WEYL)


@intrinsic
def _high(context: Any, a: Any, b: Any) -> Any:
    """Return the upper half of a 128-bit product: one instruction, where 64-bit numbers alone need eleven."""

    def code(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        wide = ir.IntType(128)
        product = builder.mul(builder.zext(args[0], wide), builder.zext(args[1], wide))
        return builder.trunc(builder.lshr(product, ir.Constant(wide, 64)), ir.IntType(64))

    return numba.types.uint64(numba.types.uint64, numba.types.uint64), code


@numba.njit(_nrt=False, error_model="numpy")
def philox(c0, c1, c2, c3, k0, k1):
    """Return one block of Philox4x64-10."""
    for _ in range(10):
        h0, l0, h1, l1 = _high(_M0, c0), _M0 * c0, _high(_M1, c2), _M1 * c2
        c0, c1, c2, c3 = h1 ^ c1 ^ k0, l1, h0 ^ c3 ^ k1, l0
        k0, k1 = k0 + _W0, k1 + _W1
    return c0, c1, c2, c3


@numba.njit(
    "void(uint64[::1], uint64, uint64[::1], uint64, uint64, uint64, uint64[:, ::1])", _nrt=False, cache=True
)
def _fill(c0, c1, c2, c3, k0, k1, out):
    for i in range(len(c0)):
        out[0, i], out[1, i], out[2, i], out[3, i] = philox(c0[i], c1, c2[i], c3, k0, k1)


def blocks(c0: np.ndarray, c1: int, c2: np.ndarray, c3: int, key: tuple[int, int]) -> np.ndarray:
    """Return many blocks at once: uint64 array of shape (4, n)."""
    out = np.empty((4, len(c0)), dtype=np.uint64)
    whole = (np.ascontiguousarray(c, dtype=np.uint64) for c in (c0, c2))
    first, third = whole
    _fill(first, np.uint64(c1), third, np.uint64(c3), np.uint64(key[0]), np.uint64(key[1]), out)
    return out


keyed.blocks_at_once = blocks
