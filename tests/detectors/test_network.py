"""The networks under the contract of every detector, and what is theirs alone: models, scales, strides, overlap."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec
import numpy as np
import pytest

from detectors.battery import Battery
from detectors.networks import WINDOW, detector, trained
from detectors.samples import PER_DAY, Arrivals, Watch, fridge, series_of
from kilowatch.core.device import Kind
from kilowatch.detectors.network import Looks, NetworkDetector
from kilowatch.detectors.network_models import Models, open_models
from kilowatch.detectors.registry import create
from kilowatch.errors import DetectorError, ModelError
from kilowatch.nets.artifact import artifact_of
from kilowatch.nets.card import Network
from kilowatch.nets.engines import default_engine
from kilowatch.nets.export import restamped
from kilowatch.nets.registry import ANY, ModelRegistry
from kilowatch.nets.runtime import Model

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

    from kilowatch.core.detector import Detector

PER_HOUR = PER_DAY // 24
STUCK_HOURS = 4


class _Fridge(Battery):
    """A compressor that does not stop."""

    history_days = 3
    bytes_per_device = 50

    def faulty_w(self) -> tuple[NDArray[np.float64], int]:
        watts = self.normal_w(2, 100)
        watts[PER_DAY : PER_DAY + STUCK_HOURS * PER_HOUR] = 90.0
        return watts, PER_DAY


class TestAutoencoder(_Fridge):
    margin = 1.2

    def make(self) -> Detector:
        return detector(Network.AUTOENCODER)

    def test_the_band_lies_around_what_is_rebuilt(self) -> None:
        watch, (_, samples) = self.fitted(), self.live().batch()
        scores = watch.score(samples)
        assert scores.low_w is not None
        assert scores.high_w is not None
        known = np.isfinite(scores.low_w)
        inside = (samples.power_w >= scores.low_w) & (samples.power_w <= scores.high_w)
        assert inside[known & (samples.ts_ms % (10 * 30_000) == 0)].mean() > 0.5


class TestOverlappingAutoencoder(_Fridge):
    margin = 1.2
    bytes_per_device = 58 + 5 * WINDOW

    def make(self) -> Detector:
        return detector(Network.AUTOENCODER, Looks(stride=5, overlap=True, amplitude=True))


class TestForecaster(_Fridge):
    margin = 1.2

    def make(self) -> Detector:
        return detector(Network.FORECASTER)


class TestEdgeClassifier(_Fridge):
    scales = False
    margin = 1.2

    def make(self) -> Detector:
        return detector(Network.EDGE_CLASSIFIER)
