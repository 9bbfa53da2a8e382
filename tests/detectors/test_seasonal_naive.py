"""An hour unlike the same hour of the days before is found; the daily rhythm is not."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from detectors.battery import Battery
from detectors.samples import PER_DAY
from kilowatch.detectors.seasonal_naive import SeasonalNaive, _median

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from kilowatch.core.detector import Detector


class TestSeasonalNaive(Battery):
    bytes_per_device = 376
    warm_up = 27 * PER_DAY // 24
    restarts = False

    def make(self) -> Detector:
        return SeasonalNaive()

    def faulty_w(self) -> tuple[NDArray[np.float64], int]:
        watts = self.normal_w(4, 100)
        watts[2 * PER_DAY : 2 * PER_DAY + 500] += 2 * watts.max()
        return watts, 2 * PER_DAY


@pytest.mark.parametrize(
    ("row", "expected"),
    [((1.0, 2.0, 3.0, 9.0), 2.5), ((np.nan, 4.0, 1.0, 2.0), 2.0), ((np.nan, np.nan, 7.0, 5.0), 6.0)],
)
def test_the_median_leaves_out_what_is_unknown(row: tuple[float, ...], expected: float) -> None:
    assert _median([np.array([value]) for value in row])[0] == expected


def test_the_median_of_nothing_is_unknown() -> None:
    assert np.isnan(_median([np.array([np.nan])] * 4)[0])
