from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec
import numpy as np
import pytest

from kilowatch.errors import ConfigError, ModelError, StateError
from kilowatch.nets.artifact import artifact_of
from kilowatch.nets.build import build, compiled
from kilowatch.nets.card import Network
from kilowatch.nets.engines import Engine
from kilowatch.nets.export import equality, restamped
from kilowatch.nets.quantise import changed_verdicts, to_int8
from kilowatch.nets.runtime import Model
from kilowatch.nets.train import train
from kilowatch.nets.warm import give_weights
from nets.made import PLAN, SHAPES, noise, parts, trained

if TYPE_CHECKING:
    from pathlib import Path

    from kilowatch.nets.checkpoint import EpochReport

CLASSIFIER = SHAPES[Network.EDGE_CLASSIFIER]


class PowerCutError(Exception):
    pass


def test_a_run_that_was_interrupted_ends_as_it_would_have(tmp_path: Path) -> None:
    """The autoencoder, because its dropout is part of the state."""
    shape, plan = SHAPES[Network.AUTOENCODER], PLAN

    def stop(_: EpochReport) -> None:
        raise PowerCutError

    with pytest.raises(PowerCutError):
        train(*parts(Network.AUTOENCODER), shape, plan, checkpoint=tmp_path / "c", report=stop)
    seen: list[int] = []
    resumed = train(
        *parts(Network.AUTOENCODER), shape, plan, checkpoint=tmp_path / "c", report=lambda r: seen.append(r.epoch)
    )
    assert seen == [2]
    whole = trained(Network.AUTOENCODER)
    windows = noise(32)
    first, second = (Model(artifact_of(each.data), Engine.ONNXRUNTIME).score(windows) for each in (whole, resumed))
    np.testing.assert_allclose(first, second, atol=1e-6)
    assert [e.loss for e in whole.history] == pytest.approx([e.loss for e in resumed.history], abs=1e-6)
    changed = msgspec.structs.replace(plan, seed=9)
    with pytest.raises(StateError, match="other data or settings"):
        train(*parts(Network.AUTOENCODER), shape, changed, checkpoint=tmp_path / "c")


def test_the_card_tells_the_data_and_the_metrics() -> None:
    made = trained(Network.EDGE_CLASSIFIER)
    assert made.card.trained_on.devices == ["home/fridge", "home/heater"]
    assert made.card.trained_on.abnormal_share == pytest.approx(0.5, abs=0.05)
    assert made.card.metrics.validation_accuracy is not None
    assert made.card.threshold == 0.5
    train_part, _ = parts(Network.EDGE_CLASSIFIER)
    assert made.card.scaler.low_w == pytest.approx(train_part.power_w.min())


def test_weights_come_back_from_the_file() -> None:
    for network in Network:
        made = artifact_of(trained(network).data)
        model = build(SHAPES[network], 77)
        give_weights(model, made.file)
        assert equality(compiled(model, SHAPES[network], 1e-3), SHAPES[network], trained(network).data, noise(8)) < 1e-5


def test_a_model_of_another_shape_cannot_be_fine_tuned() -> None:
    with pytest.raises(ModelError, match="does not fit"):
        give_weights(build(SHAPES[Network.AUTOENCODER], 0), artifact_of(trained(Network.FORECASTER).data).file)


def test_what_does_not_fit_is_refused_before_training() -> None:
    train_part, validation = parts(Network.EDGE_CLASSIFIER)
    with pytest.raises(ConfigError, match="share readings"):
        train(train_part, train_part, CLASSIFIER, PLAN)
    with pytest.raises(ConfigError, match="cut in 40"):
        train(train_part, validation, msgspec.structs.replace(CLASSIFIER, window=60), PLAN)
    with pytest.raises(ConfigError, match="nothing of a window"):
        train(train_part, validation, msgspec.structs.replace(CLASSIFIER, pool=40), PLAN)


def test_int8_is_small_and_measured() -> None:
    data = trained(Network.EDGE_CLASSIFIER).data
    far = msgspec.structs.replace(artifact_of(data).card, threshold=2.0)
    calm = restamped(data, far)
    int8 = to_int8(calm, noise(200))
    assert artifact_of(int8).card.precision == "int8"
    assert artifact_of(int8).card.changed_verdicts == changed_verdicts(calm, int8, noise(200)) == 0
    whole, rounded = (Model(artifact_of(each), Engine.ONNXRUNTIME).score(noise(200)) for each in (calm, int8))
    assert 0 < np.abs(whole - rounded).max() < 0.1
    with pytest.raises(ModelError, match="NumPy cannot run"):
        Model(artifact_of(int8), Engine.NUMPY)
    with pytest.raises(ModelError, match="cannot tell"):
        to_int8(calm, noise(10))
    widest = np.abs(whole - rounded).argmax()
    between = float((whole[widest] + rounded[widest]) / 2)
    tight = restamped(data, msgspec.structs.replace(far, threshold=between))
    with pytest.raises(ModelError, match="changes"):
        to_int8(tight, noise(200))
