"""A device's past as means of whole blocks of wall-clock time: what profiles are learnt from."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from kilowatch.core.samples import Series

_ENOUGH = 0.5
"""A block counts once half of it was measured."""


@dataclass(frozen=True, slots=True)
class Blocks:
    """Means of blocks in order. index: int64[b], blocks since 1970 on the wall clock. mean_w: float64[b]."""

    index: NDArray[np.int64]
    mean_w: NDArray[np.float64]

    def __len__(self) -> int:
        return len(self.index)

    def spread_out(self) -> NDArray[np.float64]:
        """Return mean_w on every block from the first to the last, NaN where one is missing."""
        if not len(self):
            return np.empty(0)
        out = np.full(int(self.index.max() - self.index.min()) + 1, np.nan)
        out[self.index - self.index.min()] = self.mean_w
        return out


def block_means(history: Series, block_ms: int) -> Blocks:
    """Return the means of a past's usable samples over blocks of block_ms, where half of a block was measured."""
    past = history if history.usable.all() else history.part(history.usable)
    index, power_w = past.local_ms // block_ms, past.power_w.astype(np.float64)
    starts = np.flatnonzero(np.diff(index, prepend=-1))
    lengths = np.diff(starts, append=len(index))
    sums = np.add.reduceat(power_w, starts) if len(starts) else power_w
    enough = lengths * history.grid_ms >= _ENOUGH * block_ms
    return Blocks(index[starts][enough], (sums / np.maximum(lengths, 1))[enough])
