"""Small networks trained in seconds on made-up devices, once a test run."""

from __future__ import annotations

import os
from functools import lru_cache
from typing import TYPE_CHECKING

import msgspec
import numpy as np

from components.once import once_a_run
from kilowatch.core.device import Kind, first_seen
from kilowatch.core.quantise import encode_watts
from kilowatch.core.samples import Series
from kilowatch.nets.artifact import artifact_of
from kilowatch.nets.card import Metrics, ModelCard, Network, Normaliser, Scaler, TrainedOn
from kilowatch.nets.export import restamped
from kilowatch.nets.fit import TrainPlan
from kilowatch.nets.heads import RULES
from kilowatch.nets.quantise import to_int8
from kilowatch.nets.shapes import AutoencoderShape, EdgeClassifierShape, ForecasterShape
from kilowatch.nets.train import Trained, train
from kilowatch.nets.windows import Windows, cut, split_by_time

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from kilowatch.nets.shapes import Shape

# Most of the time goes into compiling: code that is slower, and ready sooner. Set before JAX is imported.
os.environ.setdefault("XLA_FLAGS", "--xla_cpu_multi_thread_eigen=false --xla_backend_optimization_level=0")
START_MS = 1_767_225_600_000
STEP_MS = 30_000
WINDOW = 40
SHAPES: dict[Network, Shape] = {
    Network.EDGE_CLASSIFIER: EdgeClassifierShape(window=WINDOW, filters=4, units=5),
    Network.AUTOENCODER: AutoencoderShape(window=WINDOW, filters=4, kernel=5, units=6, latent=3),
    Network.FORECASTER: ForecasterShape(window=WINDOW, filters=4, kernel=3, dilations=(1, 2, 4), smooth=5),
}
PLAN = TrainPlan(epochs=2, batch=16, patience=0, learning_rate=5e-3)


def series(device: str, power_w: NDArray[np.floating], start_ms: int = START_MS) -> Series:
    """A device's past without gaps, a sample every 30 s."""
    record = first_seen("home", device, Kind.FRIDGE, interval_s=30.0)
    ts_ms = start_ms + STEP_MS * np.arange(1, len(power_w) + 1, dtype=np.int64)
    count = np.arange(1, len(power_w) + 1, dtype=np.int64)
    usable = np.ones(len(power_w), dtype=np.bool_)
    return Series(record, ts_ms, ts_ms, encode_watts(np.maximum(power_w, 0)), count, usable)


def cycles(samples: int, on: int, period: int, seed: int = 0) -> NDArray[np.float64]:
    """A load that runs `on` of every `period` samples at 90 W."""
    rng = np.random.default_rng(seed)
    return np.where(np.arange(samples) % period < on, 90.0, 4.0) + rng.uniform(0, 3, samples)


@lru_cache
def fridge() -> Windows:
    """Normal windows."""
    return cut(series("fridge", cycles(4000, 8, 23)), WINDOW, WINDOW)


@lru_cache
def heater() -> Windows:
    """Abnormal windows."""
    return cut(series("heater", cycles(4000, 19, 23, seed=1)), WINDOW, WINDOW, abnormal=True)


@lru_cache
def parts(network: Network) -> tuple[Windows, Windows]:
    """Training and validation windows for a network."""
    if network is Network.EDGE_CLASSIFIER:
        return split_by_time(Windows.join([fridge(), heater()]), 0.25)
    return split_by_time(cut(series("fridge", cycles(4000, 8, 23)), WINDOW, 18), 0.25)


@lru_cache
def trained(network: Network) -> Trained:
    """A network after two epochs: good for nothing but tests."""
    return once_a_run(f"two-epochs-{network.value}", lambda: train(*parts(network), SHAPES[network], PLAN))


def int8_of(data: bytes) -> bytes:
    """The int8 sibling of a model whose threshold no score comes near."""
    far = msgspec.structs.replace(artifact_of(data).card, threshold=2.0)
    return to_int8(restamped(data, far), noise(200))


def card(shape: Shape, **changes: object) -> ModelCard:
    """A card for a model that was never trained."""
    fields: dict[str, object] = {
        "kind": shape.network,
        "window": shape.window,
        "interval_s": 30.0,
        "channels": ["power_w"],
        "scaler": Scaler(2.0, 120.0),
        "score": RULES[shape.network],
        "threshold": 0.5,
        "normaliser": Normaliser(0.1, 0.01),
        "trained_on": TrainedOn(["home/fridge"], 1, 1, 0, 1),
        "metrics": Metrics(1, 0.5, 0.5),
        "fingerprint": "0" * 64,
        "created": "2026-01-01T00:00:00+00:00",
        "opset": 17,
        "equality_max": 0.0,
    }
    return ModelCard(**{**fields, **changes})  # type: ignore[arg-type]


def noise(rows: int, window: int = WINDOW, seed: int = 0) -> NDArray[np.float32]:
    """Windows of random watts, float32[rows, window]."""
    return np.random.default_rng(seed).uniform(0, 130, (rows, window)).astype(np.float32)
