"""A shuffle of the numbers 0 to n - 1 that is computed, not stored.

A Feistel network over the next power of two, walked until it lands below n: Black and Rogaway, "Ciphers with
Arbitrary Finite Domains", CT-RSA 2002. Good enough to look random; not a cipher.
"""

from __future__ import annotations

import hashlib
from typing import Final

import numpy as np
from numpy.typing import NDArray

from artalike.records import IdArray

ROUNDS: Final = 8  # four give a random-looking permutation of a large domain; small ones want more

_UintArray = NDArray[np.uint64]


class Shuffle:
    """The permutation of ``range(size)`` that ``key`` names. Immutable, and cheap to make."""

    def __init__(self, key: int, size: int) -> None:
        if size < 0:
            raise ValueError(f"size = {size}: expected 0 or more")
        self.size = size
        bits = max(2, (size - 1).bit_length())
        self._low_bits = np.uint64(bits // 2)
        self._high_mask = np.uint64((1 << (bits - bits // 2)) - 1)
        self._low_mask = np.uint64((1 << (bits // 2)) - 1)
        digest = hashlib.blake2b(str(key).encode(), digest_size=8 * ROUNDS).digest()
        self._round_keys = np.frombuffer(digest, dtype="<u8").astype(np.uint64)

    def __getitem__(self, positions: IdArray) -> IdArray:
        """What stands at ``positions``: int64 (n,) in, int64 (n,) out, all in ``range(size)``."""
        return self._walk(positions, inverse=False)

    def positions(self, numbers: IdArray) -> IdArray:
        """Where ``numbers`` stand: the inverse of indexing."""
        return self._walk(numbers, inverse=True)

    def _walk(self, numbers: IdArray, *, inverse: bool) -> IdArray:
        if numbers.size and (numbers.min() < 0 or numbers.max() >= self.size):
            raise IndexError(f"expected numbers in range({self.size})")
        result = self._permute(numbers.astype(np.uint64), inverse=inverse)
        outside = np.flatnonzero(result >= self.size)
        while outside.size:
            result[outside] = self._permute(result[outside], inverse=inverse)
            outside = outside[result[outside] >= self.size]
        return result.astype(np.int64)

    def _permute(self, numbers: _UintArray, *, inverse: bool) -> _UintArray:
        high, low = numbers >> self._low_bits, numbers & self._low_mask
        turns = range(ROUNDS - 1, -1, -1) if inverse else range(ROUNDS)
        for turn in turns:  # each half is changed by a function of the other, so going back is the same steps
            if turn % 2:
                low = low ^ (_mix(high, self._round_keys[turn]) & self._low_mask)
            else:
                high = high ^ (_mix(low, self._round_keys[turn]) & self._high_mask)
        return (high << self._low_bits) | low


def _mix(half: _UintArray, key: np.uint64) -> _UintArray:
    """SplitMix64's finisher (Steele, Lea and Flood, OOPSLA 2014); the product wraps on purpose."""
    mixed = half ^ key
    mixed = (mixed ^ (mixed >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    mixed = (mixed ^ (mixed >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return mixed ^ (mixed >> np.uint64(31))
