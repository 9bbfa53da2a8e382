"""Chance that can be asked for in any order: streams for each device and day, and noise as a function of time."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING
from zlib import crc32

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

# Seeds and days before 1970 may be negative, which SeedSequence refuses.
_MASK_64 = (1 << 64) - 1
_HALVES = np.uint64(0xFFFF)
_IRWIN_HALL_SD = float(np.sqrt(4 / 12) * 65_536)


@dataclass(frozen=True, slots=True)
class Streams:
    """Independent random streams of one home: what one device draws never moves what another draws."""

    seed: int

    def generator(self, name: str, day: int) -> np.random.Generator:
        """Return the stream of that name for one local day."""
        # crc32, for hash() of a text differs from process to process.
        words = (self.seed & _MASK_64, crc32(name.encode()), day & _MASK_64)
        return np.random.Generator(np.random.PCG64(np.random.SeedSequence(words)))

    def key(self, name: str) -> np.uint64:
        """Return the key under which a device's noise is hashed."""
        words = np.random.SeedSequence((self.seed & _MASK_64, crc32(name.encode())))
        return words.generate_state(1, dtype=np.uint64)[0]


def _hashed(key: np.uint64, ticks: NDArray[np.int64]) -> NDArray[np.uint64]:
    """Return well-mixed bits, uint64[n], by the finaliser of SplitMix64 (Steele, Lea & Flood, OOPSLA 2014)."""
    bits = ticks.astype(np.uint64) * np.uint64(0x9E3779B97F4A7C15) + key
    bits = (bits ^ (bits >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    bits = (bits ^ (bits >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return bits ^ (bits >> np.uint64(31))


def uniform(key: np.uint64, ticks: NDArray[np.int64]) -> NDArray[np.float64]:
    """Return float64[n] in [0, 1), one value for each tick, the same whenever it is asked for."""
    # 53 bits are what a float64 holds: with all 64 a value could be rounded up to 1.
    return (_hashed(key, ticks) >> np.uint64(11)).astype(np.float64) * 2.0**-53


def normal(key: np.uint64, ticks: NDArray[np.int64]) -> NDArray[np.float64]:
    """Return float64[n] with mean 0 and sd 1, bounded by 3.5: the sum of four uniform quarters of a hash."""
    bits = _hashed(key, ticks)
    total = (bits & _HALVES).astype(np.float64)
    for shift in (16, 32, 48):
        total += ((bits >> np.uint64(shift)) & _HALVES).astype(np.float64)
    return (total - 2 * 65_535) / _IRWIN_HALL_SD
