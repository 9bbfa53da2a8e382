"""Which devices' scores have left the level at which their thresholds were set."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from kilowatch.core.drift import as_level

if TYPE_CHECKING:
    from kilowatch.core.threshold import Thresholds

DRIFTED = int(as_level(2.0))
"""A threshold that has doubled or halved: half of the way to where it must be learnt anew."""


def drifting(thresholds: Thresholds) -> int:
    """Return how many devices have a threshold that has followed their scores so far from where it was set."""
    kept = thresholds.state()
    moved = np.abs(kept["level"].astype(np.int64) - kept["fitted"].astype(np.int64))
    return int(np.count_nonzero(moved >= DRIFTED))
