"""A little too much for long is found; a day like others is not."""

from __future__ import annotations

from typing import TYPE_CHECKING

from detectors.battery import Battery
from detectors.samples import PER_DAY
from kilowatch.detectors.cusum import Cusum

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from kilowatch.core.detector import Detector


class TestCusum(Battery):
    bytes_per_device = 24 + 508

    def make(self) -> Detector:
        return Cusum()

    def faulty_w(self) -> tuple[NDArray[np.float64], int]:
        watts = self.normal_w(6, 100)
        watts[2 * PER_DAY :] += 0.8 * watts.max()
        return watts, 2 * PER_DAY
