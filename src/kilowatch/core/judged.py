"""What became of samples: scores on the public scale, the expected band, and whether the device was watched."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from kilowatch.core.samples import Samples


@dataclass(frozen=True, slots=True)
class Judged:
    """Samples with their verdict: score 1.0 is the edge of expected, on every device and for every detector.

    score float32[n], NaN where nothing can be said · confirmed float32[n], the same after k of n ·
    low_w, high_w float32[n], the expected band, NaN where unknown · watching bool[n], False while learning.
    """

    samples: Samples
    score: NDArray[np.float32]
    confirmed: NDArray[np.float32]
    low_w: NDArray[np.float32]
    high_w: NDArray[np.float32]
    watching: NDArray[np.bool_]
