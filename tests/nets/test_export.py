from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from kilowatch.errors import ModelError
from kilowatch.nets.artifact import artifact_of
from kilowatch.nets.build import arrays, build, keras
from kilowatch.nets.card import Network
from kilowatch.nets.engines import Engine
from kilowatch.nets.export import EQUAL_WITHIN, equality, export
from kilowatch.nets.graph import GraphBuilder, Layout, Tensor, write_layers
from kilowatch.nets.runtime import Model
from kilowatch.nets.shapes import DEFAULTS, AutoencoderShape, EdgeClassifierShape, ForecasterShape, Shape
from nets.made import SHAPES, card, noise, trained

OTHER_SHAPES: list[Shape] = [
    EdgeClassifierShape(window=33, filters=3, kernel=4, pool=2, units=3),
    AutoencoderShape(window=31, filters=3, kernel=4, pool=3, units=4, latent=2, dropout=0.0),
    ForecasterShape(window=25, filters=3, kernel=2, dilations=(1, 3), smooth=3),
]


@pytest.mark.parametrize("network", Network)
def test_trained_networks_are_equal_to_keras(network: Network) -> None:
    found = artifact_of(trained(network).data).card
    assert 0 <= found.equality_max <= EQUAL_WITHIN / 10
    assert found.equality_max == trained(network).card.equality_max


@pytest.mark.parametrize("shape", OTHER_SHAPES, ids=lambda shape: shape.network.value)
def test_odd_sizes_are_equal_in_keras_onnxruntime_and_numpy(shape: Shape) -> None:
    windows = noise(40, shape.window)
    data = export(build(shape, 3), shape, card(shape), windows)
    artifact = artifact_of(data)
    assert artifact.card.equality_max < 1e-5
    onnxruntime, numpy = Model(artifact, Engine.ONNXRUNTIME), Model(artifact, Engine.NUMPY)
    np.testing.assert_allclose(onnxruntime.score(windows), numpy.score(windows), rtol=1e-5, atol=1e-6)


def test_each_lstm_and_convolution_is_one_node() -> None:
    ops = [node.op for node in artifact_of(trained(Network.EDGE_CLASSIFIER).data).file.nodes]
    assert ops.count("LSTM") == 3
    assert ops.count("Conv") == ops.count("MaxPool") == 1
    assert len(ops) < 20


def test_a_graph_that_differs_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    shape = SHAPES[Network.EDGE_CLASSIFIER]
    model = build(shape, 0)
    data = export(model, shape, card(shape), noise(10))
    model.set_weights([weight + 0.3 for weight in arrays(model.weights)])
    assert equality(model, shape, data, noise(10)) > EQUAL_WITHIN
    monkeypatch.setattr("kilowatch.nets.export.EQUAL_WITHIN", -1.0)
    with pytest.raises(ModelError, match="differs from Keras"):
        export(model, shape, card(shape), noise(10))


def test_the_same_weights_give_the_same_bytes() -> None:
    shape = SHAPES[Network.FORECASTER]
    first, second = (export(build(shape, 5), shape, card(shape), noise(10)) for _ in range(2))
    assert first == second


@pytest.mark.parametrize(
    ("make", "word"),
    [
        (lambda layers: layers.GRU(3), "GRU"),
        (lambda layers: layers.Conv1D(3, 3, strides=2), "strides"),
        (lambda layers: layers.Conv1D(3, 3, activation="gelu"), "gelu"),
        (lambda layers: layers.MaxPooling1D(4, strides=2), "overlap"),
    ],
)
def test_a_layer_that_cannot_be_exported_is_named(make: Any, word: str) -> None:
    layers = keras().layers
    model = keras().Sequential([layers.Input((20, 1)), make(layers)])
    with pytest.raises(ModelError, match=word):
        write_layers(GraphBuilder(), model, Tensor("x", Layout.NCT))


@pytest.mark.parametrize(("network", "most"), [(Network.EDGE_CLASSIFIER, 25_185), (Network.FORECASTER, 20_000)])
def test_sizes_are_those_of_the_papers(network: Network, most: int) -> None:
    shape = DEFAULTS[network]
    assert 5_000 <= build(shape, 0).count_params() <= most
    if isinstance(shape, ForecasterShape):
        assert 120 < shape.field < shape.window
