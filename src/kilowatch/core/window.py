"""Windows: the last values of every device in one ring-buffer matrix.

A batch's samples and the ring are read together through a `WindowView`, so that a month of one device in one
batch and one reading of a million devices are the same thing; the ring is written when the view is committed.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from kilowatch.core.device import grown
from kilowatch.core.quantise import decode_watts

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from kilowatch.core.samples import Samples

WINDOW = 200
"""Utomo & Hsiung, section III: each window has 200 readings."""


class WindowRing:
    """uint16[devices, length]: sample `count` of a device lies at column `count % length`."""

    def __init__(self, length: int = WINDOW) -> None:
        self.length = length
        self.codes = np.zeros((0, length), dtype=np.uint16)

    def reserve(self, devices: int) -> None:
        """Make room for so many devices."""
        self.codes = grown(self.codes, devices)

    def view(self, samples: Samples) -> WindowView:
        """Return the windows that end at the samples; the ring stays as it is until `commit`."""
        return WindowView(self, samples)

    def commit(self, view: WindowView) -> None:
        """Write the view's samples into the ring."""
        samples, segments = view.samples, view.samples.segments
        if segments.size == len(segments):
            self.codes[samples.slot, samples.count % self.length] = samples.code
            return
        # More rows of a device than the ring is long would write a column twice at once: only the last are written.
        left = segments.starts[segments.of_row] + segments.lengths[segments.of_row] - np.arange(segments.size)
        last = left <= self.length
        self.codes[samples.slot[last], samples.count[last] % self.length] = samples.code[last]


@dataclass(frozen=True, slots=True)
class WindowView:
    """The windows that end at each of a batch's samples."""

    ring: WindowRing
    samples: Samples

    def lagged(self, steps: int) -> NDArray[np.uint16]:
        """Return the code of `steps` samples earlier, uint16[n]; 0 where the window is not that long (see `has`).

        `steps` must be under the ring's length.
        """
        samples, segments = self.samples, self.samples.segments
        if segments.size == len(segments):
            codes = self.ring.codes[samples.slot, (samples.count - steps) % self.ring.length]
        else:
            source = np.arange(len(samples)) - steps
            inside = source >= segments.starts[segments.of_row]
            codes = samples.code[np.maximum(source, 0)]
            out = np.flatnonzero(~inside)
            codes[out] = self.ring.codes[samples.slot[out], (samples.count[out] - steps) % self.ring.length]
        codes[samples.count <= steps] = 0
        return codes

    def has(self, steps: int) -> NDArray[np.bool_]:
        """Return where a window of `steps` samples is complete, bool[n]."""
        return self.samples.count >= steps

    def matrix(self, rows: NDArray[np.intp], length: int) -> NDArray[np.float32]:
        """Return watts float32[len(rows), length] of the windows that end at `rows`, oldest first.

        Only rows where `has(length)`; `length` at most the ring's.
        """
        samples, segments = self.samples, self.samples.segments
        back = np.arange(length - 1, -1, -1)
        source = rows[:, None] - back
        inside = source >= segments.starts[segments.of_row[rows]][:, None]
        at = (samples.count[rows][:, None] - back) % self.ring.length
        # One reading a device, the usual batch: all but the newest value lies in the ring.
        if not inside[:, :-1].any():
            codes = self.ring.codes[samples.slot[rows][:, None], at]
            codes[:, -1] = samples.code[rows]
        else:
            old = self.ring.codes[samples.slot[rows][:, None], at]
            codes = np.where(inside, samples.code[np.maximum(source, 0)], old)
        return decode_watts(codes)
