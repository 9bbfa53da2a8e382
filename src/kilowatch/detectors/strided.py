"""Scores of every few samples: what costs too much to ask at each one stands until it is asked again."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from kilowatch.detectors.stretches import Stretches

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from kilowatch.core.samples import Samples


def are_due(samples: Samples, needs: int | NDArray[np.int64], stride: int) -> NDArray[np.bool_]:
    """Return which samples are scored, bool[n]: the first whole window, then each stride-th.

    Each device has a phase of its own, so that a tick of a fleet costs as much as any other; it comes from its name,
    so that a device is judged alike in a home's process, in a partition and in a replay.
    """
    is_turn = (samples.count + samples.phase) % stride == 0
    return (samples.count >= needs) & (is_turn | (samples.count == needs))


def let_stand(
    samples: Samples, raw: NDArray[np.float32], due: NDArray[np.bool_], standing: NDArray[np.float32]
) -> NDArray[np.float32]:
    """Return raw float32[n] with the rows between filled from the last that was due; keep the last in `standing`."""
    stretches = Stretches.of(samples)
    filled = stretches.segments.fill_forward(raw, due, stretches.before(standing, np.float32(np.nan)))
    standing[samples.segments.slot] = filled[samples.segments.ends]
    return filled
