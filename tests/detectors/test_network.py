"""The networks under the contract of every detector, and what is theirs alone: models, scales, strides, overlap."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

import msgspec
import numpy as np
import pytest

from detectors.battery import Battery
from detectors.networks import WINDOW, detector, trained
from detectors.samples import PER_DAY, Arrivals, Watch, fridge, series_of
from kilowatch.core.device import Kind
from kilowatch.detectors.network import STRIDES, Looks, NetworkDetector, surprise
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
FAULT_HOURS = 4


class _Fridge(Battery):
    """A compressor that flickers."""

    history_days = 3
    bytes_per_device = 59
    margin = 1.2

    def faulty_w(self) -> tuple[NDArray[np.float64], int]:
        watts = self.normal_w(2, 100)
        watts[PER_DAY : PER_DAY + FAULT_HOURS * PER_HOUR] = 45 + 45 * (-1.0) ** np.arange(FAULT_HOURS * PER_HOUR)
        return watts, PER_DAY


class _Rebuilt(_Fridge):
    """A compressor that draws three times as much: what so small a network is sure not to rebuild."""

    def faulty_w(self) -> tuple[NDArray[np.float64], int]:
        watts = self.normal_w(2, 100)
        watts[PER_DAY : PER_DAY + FAULT_HOURS * PER_HOUR] *= 3.0
        return watts, PER_DAY


class TestAutoencoder(_Rebuilt):
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


class TestOverlappingAutoencoder(_Rebuilt):
    margin = 1.2
    bytes_per_device = 67 + 5 * WINDOW

    def make(self) -> Detector:
        return detector(Network.AUTOENCODER, Looks(stride=5, overlap=True, amplitude=True))


class TestForecaster(_Fridge):
    def make(self) -> Detector:
        return detector(Network.FORECASTER)


class TestEdgeClassifier(_Fridge):
    """A compressor that does not stop, which is what it was taught."""

    scales = False

    def make(self) -> Detector:
        return detector(Network.EDGE_CLASSIFIER)

    def faulty_w(self) -> tuple[NDArray[np.float64], int]:
        watts = self.normal_w(2, 100)
        watts[PER_DAY : PER_DAY + FAULT_HOURS * PER_HOUR] = 90.0
        return watts, PER_DAY


def with_card(network: Network, **changes: object) -> Model:
    data = trained(network).data
    card = msgspec.structs.replace(artifact_of(data).card, **changes)
    return Model(artifact_of(restamped(data, card)), default_engine())


def test_a_name_with_a_path_makes_the_detector(tmp_path: Path) -> None:
    path = tmp_path / "model.onnx"
    path.write_bytes(trained(Network.AUTOENCODER).data)
    made = create(f"autoencoder:{path}")
    assert isinstance(made, NetworkDetector)
    assert made.name == "autoencoder"
    assert made.needs == WINDOW


def test_a_model_of_another_network_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "model.onnx"
    path.write_bytes(trained(Network.AUTOENCODER).data)
    with pytest.raises(ModelError, match="autoencoder, not a forecaster"):
        create(f"forecaster:{path}")


def test_without_a_model_it_says_how_to_get_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KILOWATCH_MODELS", str(tmp_path / "none"))
    with pytest.raises(ModelError, match="No autoencoder is live") as caught:
        create("autoencoder")
    assert "kilowatch train autoencoder" in caught.value.hint
    with pytest.raises(DetectorError) as caught_near:
        create("autoencodr")
    assert "autoencoder" in caught_near.value.hint


def test_a_folder_serves_the_device_then_its_kind_then_any(tmp_path: Path) -> None:
    registry = ModelRegistry(tmp_path)
    places = {ANY: "a", Kind.TV.value: "b", "home/plug": "c"}
    digests = {}
    for place, created in places.items():
        data = trained(Network.AUTOENCODER).data
        card = msgspec.structs.replace(artifact_of(data).card, created=created)
        digests[place] = registry.add(restamped(data, card)).sha256
        registry.promote(digests[place], place)
    models = open_models(Network.AUTOENCODER, str(tmp_path))
    record = series_of([1.0]).record
    for changes, place in (
        ({}, "home/plug"),
        ({"device": "tv", "kind": Kind.TV}, Kind.TV.value),
        ({"device": "lamp", "kind": Kind.LAMP}, ANY),
    ):
        number = models.number_for(msgspec.structs.replace(record, **changes))
        assert models.loaded[number - 1].sha256 == digests[place]


def test_a_device_on_another_grid_has_no_model() -> None:
    models = Models({ANY: with_card(Network.AUTOENCODER, interval_s=60.0)})
    assert models.number_for(series_of([1.0]).record) == 0
    watch = Watch.over(NetworkDetector(Network.AUTOENCODER, models))
    watch.detector.fit(0, series_of(fridge(3)))
    assert np.isnan(watch.feed(Arrivals.of(fridge(0.5)))).all()


def test_windows_are_due_by_the_devices_own_phase() -> None:
    history, watts = series_of(fridge(3)), fridge(0.5, seed=3)
    for slot in (0, 2):
        watch = Watch.over(detector(Network.AUTOENCODER), 3)
        watch.detector.fit(slot, history)
        changed = np.flatnonzero(np.diff(watch.feed(Arrivals.of(watts, slot=slot))[WINDOW:])) + WINDOW + 1
        assert len(changed) > 100
        assert ((changed + 1 + slot) % STRIDES[Network.AUTOENCODER] == 0).all()


def delivered(network: Network, factor: float) -> Model:
    """The same network with another threshold, under another hash."""
    return with_card(network, threshold=trained(network).card.threshold * factor, created="later")


@pytest.mark.parametrize("network", [Network.AUTOENCODER, Network.EDGE_CLASSIFIER])
def test_a_delivered_model_judges_its_kind_and_what_is_usual_goes_over(network: Network) -> None:
    watch, arrivals, other = Watch.over(detector(network)), Arrivals.of(fridge(1, seed=3)), delivered(network, 0.5)
    made = cast("NetworkDetector", watch.detector)
    made.fit(0, series_of(fridge(3)))
    before, usual = made.model_of(0), float(made.usual[0])
    kind = series_of([1.0]).record.kind
    watch.feed(arrivals)
    made.adopt({next(each for each in Kind if each is not kind): other})
    watch.feed(arrivals)
    assert made.model_of(0) == before
    made.adopt({kind: other})
    watch.feed(arrivals)
    assert made.model_of(0) == other.sha256 != before
    reach = surprise(np.array([1.0, 0.5], dtype=np.float32) * other.threshold * 2)
    ratio = reach[1] / reach[0] if network is Network.EDGE_CLASSIFIER else 0.5
    assert made.usual[0] == pytest.approx(usual * ratio, rel=1e-5)
    made.adopt({})
    watch.feed(arrivals)
    assert made.model_of(0) == before
    assert made.usual[0] == pytest.approx(usual, rel=1e-5)


def test_a_delivered_model_of_another_network_is_refused_and_nothing_changes() -> None:
    made = detector(Network.AUTOENCODER)
    with pytest.raises(ModelError, match="not a"):
        made.adopt({Kind.TV: delivered(Network.FORECASTER, 1.0)})
    assert made.models == detector(Network.AUTOENCODER).models


def test_a_model_of_a_devices_own_stays_and_one_without_models_has_no_hash() -> None:
    own, other = with_card(Network.AUTOENCODER, created="own"), delivered(Network.AUTOENCODER, 2.0)
    watch = Watch.over(NetworkDetector(Network.AUTOENCODER, Models({"home/plug": own})))
    made, record = cast("NetworkDetector", watch.detector), series_of([1.0]).record
    assert made.model_of(0) == ""
    made.fit(0, series_of(fridge(3)))
    made.adopt({record.kind: other})
    watch.feed(Arrivals.of(fridge(0.5)))
    assert made.model_of(0) == own.sha256


def test_what_a_model_was_trained_on_sets_no_threshold_where_enough_is_left() -> None:
    history = series_of(fridge(6))
    last_ms = int(history.ts_ms[2 * PER_DAY])
    seen = msgspec.structs.replace(trained(Network.AUTOENCODER).card.trained_on, devices=["home/plug"], last_ms=last_ms)
    made = NetworkDetector(Network.AUTOENCODER, Models({ANY: with_card(Network.AUTOENCODER, trained_on=seen)}))
    made.reserve(1)
    raw = made.learn(0, history, 3)
    assert np.isnan(raw[: 2 * PER_DAY]).all()
    assert np.isfinite(raw[2 * PER_DAY + 1 :]).all()


def test_overlapping_windows_that_are_rebuilt_alike_change_nothing() -> None:
    from kilowatch.detectors.overlap import OverlapMean

    part = OverlapMean(8)
    part.reserve(1)
    watts = np.arange(30, dtype=np.float32)
    rows, samples = Arrivals.of(watts).batch()
    ends = rows[7::2]
    windows = watts[ends[:, None] + np.arange(-7, 1)]
    np.testing.assert_allclose(part.errors(samples, ends, windows, windows + 3), 3.0)
    assert part.overlap_times[0].tolist() == [4, 4, 3, 3, 2, 2, 1, 1]
