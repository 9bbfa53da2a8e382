"""Small networks trained on the battery's fridge, once a test run."""

from __future__ import annotations

from dataclasses import replace
from functools import lru_cache
from typing import TYPE_CHECKING

import msgspec
import numpy as np

from components.once import once_a_run
from detectors.samples import fridge, series_of
from kilowatch.detectors.network import Looks, NetworkDetector
from kilowatch.detectors.network_models import Models
from kilowatch.nets.artifact import artifact_of
from kilowatch.nets.card import Network
from kilowatch.nets.engines import default_engine
from kilowatch.nets.fit import TrainPlan
from kilowatch.nets.registry import ANY
from kilowatch.nets.runtime import Model
from kilowatch.nets.shapes import AutoencoderShape, EdgeClassifierShape, ForecasterShape, Shape
from kilowatch.nets.train import Trained, train
from kilowatch.nets.windows import Windows, cut, split_by_time

if TYPE_CHECKING:
    from kilowatch.core.samples import Series

WINDOW = 64
SHAPES: dict[Network, Shape] = {
    Network.EDGE_CLASSIFIER: EdgeClassifierShape(window=WINDOW, filters=4, units=6),
    Network.AUTOENCODER: AutoencoderShape(window=WINDOW, filters=6, kernel=9, units=16, latent=8, dropout=0.0),
    Network.FORECASTER: ForecasterShape(window=WINDOW, filters=6, kernel=3, dilations=(1, 2, 4, 8), smooth=10),
}
EPOCHS = {Network.EDGE_CLASSIFIER: 15, Network.AUTOENCODER: 25, Network.FORECASTER: 15}


@lru_cache
def trained(network: Network) -> Trained:
    """A network that knows the fridge, and for the classifier a compressor that never stops."""
    return once_a_run(f"fridge-{network.value}", lambda: _train(network))


def _train(network: Network) -> Trained:
    windows = cut(series_of(fridge(5, seed=50)), WINDOW, 24)
    if network is Network.EDGE_CLASSIFIER:
        stuck_w = 90.0 + np.random.default_rng(1).normal(0, 1, 5 * 2880)
        stuck = cut(_of_another(series_of(stuck_w)), WINDOW, 24, abnormal=True)
        windows = Windows.join([windows, stuck])
    plan = TrainPlan(epochs=EPOCHS[network], batch=32, patience=0, learning_rate=5e-3)
    return train(*split_by_time(windows, 0.25), SHAPES[network], plan)


def _of_another(series: Series) -> Series:
    return replace(series, record=msgspec.structs.replace(series.record, device="stuck"))


def models(network: Network) -> Models:
    return Models({ANY: Model(artifact_of(trained(network).data), default_engine())})


def detector(network: Network, looks: Looks | None = None) -> NetworkDetector:
    return NetworkDetector(network, models(network), looks)
