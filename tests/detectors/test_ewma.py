"""A level that shifts is found within the hour."""

from __future__ import annotations

from typing import TYPE_CHECKING

from detectors.battery import Battery
from detectors.samples import PER_DAY
from kilowatch.detectors.ewma import Ewma

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from kilowatch.core.detector import Detector


class TestEwma(Battery):
    bytes_per_device = 16
    excess_samples = 60

    def make(self) -> Detector:
        return Ewma()

    def faulty_w(self) -> tuple[NDArray[np.float64], int]:
        watts = self.normal_w(3, 100)
        watts[PER_DAY : PER_DAY + 600] += 3 * watts.max()
        return watts, PER_DAY
