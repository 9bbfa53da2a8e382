"""The mean of five minutes against a plain mean."""

from __future__ import annotations

import numpy as np
import pytest

from detectors.samples import Arrivals
from kilowatch.core.samples import HOUR_MS
from kilowatch.core.window import WindowRing
from kilowatch.detectors.rolling import RollingMean, share_in_hour


@pytest.mark.parametrize(("grid_ms", "span"), [(30_000, 10), (45_000, 7), (60_000, 5), (300_000, 1), (900_000, 1)])
def test_it_is_the_mean_of_the_last_samples_since_a_gap(grid_ms: int, span: int) -> None:
    watts = np.random.default_rng(0).uniform(0, 3000, 90)
    rolling, ring = RollingMean(), WindowRing()
    rolling.reserve(1)
    ring.reserve(1)
    _, samples = Arrivals.of(watts, grid_ms=grid_ms, gaps=(37,)).batch()
    found = rolling.advance(samples, ring.view(samples))
    for row in range(90):
        begin = 37 if row >= 37 else 0
        if row - begin + 1 < span:
            assert np.isnan(found[row])
        else:
            np.testing.assert_allclose(found[row], samples.power_w[row - span + 1 : row + 1].mean(), atol=0.06)


def test_devices_of_different_grids_share_a_batch() -> None:
    parts = [Arrivals.of(np.arange(60.0) * 10, slot=slot, grid_ms=grid) for slot, grid in ((0, 30_000), (1, 60_000))]
    rolling, ring = RollingMean(), WindowRing()
    rolling.reserve(2)
    ring.reserve(2)
    _, samples = Arrivals.mixed(parts).batch()
    found = rolling.advance(samples, ring.view(samples))
    ends = samples.segments.ends
    np.testing.assert_allclose(found[ends], [545.0, 570.0], atol=0.5)


def test_the_share_in_the_hour_grows_as_it_begins() -> None:
    _, samples = Arrivals.of(np.ones(240)).batch()
    share = share_in_hour(samples, samples.local_ms // HOUR_MS)
    np.testing.assert_allclose(share[120:131], [0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0, 1.0])
