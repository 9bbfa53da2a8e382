"""A trained Keras model as one ONNX file with its card, checked against Keras before it is handed out."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec
import numpy as np

from kilowatch.errors import MissingExtraError, ModelError
from kilowatch.nets.artifact import EXPECTED, INPUT, SCORE, artifact_of
from kilowatch.nets.build import predict
from kilowatch.nets.card import to_metadata
from kilowatch.nets.engines import Engine
from kilowatch.nets.heads import network_input, scaled, score_of, write_entry, write_exit
from kilowatch.nets.runtime import Model

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from kilowatch.nets.card import ModelCard, Scaler
    from kilowatch.nets.shapes import Shape

OPSET = 17
IR_VERSION = 8
"""Of ONNX 1.12: what onnxruntime 1.23 and OpenVINO read."""
EQUAL_WITHIN = 1e-4
"""Scores are rounded to this before they meet a threshold (CONTRACTS, identity and time)."""
_RANDOM_WINDOWS = 64
_REAL_WINDOWS = 256


def export(model: Any, shape: Shape, card: ModelCard, windows_w: NDArray[np.float32]) -> bytes:
    """Return the ONNX file of a Keras model; the card's opset and equality_max are filled in.

    windows_w float32[n, window]: real windows for the comparison with Keras, beside random ones. `ModelError` where
    the scores differ by more than 1e-4, relative above 1.
    """
    proto = to_proto(model, shape, card.scaler)
    bare = _with_card(proto, msgspec.structs.replace(card, opset=OPSET, equality_max=0.0))
    difference = equality(model, shape, bare, windows_w)
    # Not `>`: a difference that is NaN must be refused as well.
    if not difference <= EQUAL_WITHIN:
        message = f"The exported graph differs from Keras by {difference:.2g}; {EQUAL_WITHIN:g} is allowed."
        raise ModelError(message, "Its weights may have grown without bound: train it anew with a lower rate.")
    return _with_card(proto, msgspec.structs.replace(card, opset=OPSET, equality_max=difference))


def to_proto(model: Any, shape: Shape, scaler: Scaler) -> Any:
    """Return the graph from raw watts [n, window] to score [n] as an onnx ModelProto."""
    onnx = _onnx()
    from kilowatch.nets.graph import GraphBuilder, write_layers

    graph = GraphBuilder()
    x, entry = write_entry(graph, scaler, shape)
    outputs = write_exit(graph, x, write_layers(graph, model, entry), scaler, shape)
    value, kind = onnx.helper.make_tensor_value_info, onnx.TensorProto.FLOAT
    shapes = {SCORE: ["n"], EXPECTED: ["n", None]}
    inside = onnx.helper.make_graph(
        graph.nodes,
        shape.network.value,
        [value(INPUT, kind, ["n", shape.window])],
        [value(name, kind, shapes[name]) for name in outputs],
        graph.weights,
    )
    opset = onnx.helper.make_opsetid("", OPSET)
    proto = onnx.helper.make_model(inside, opset_imports=[opset], producer_name="kilowatch", ir_version=IR_VERSION)
    onnx.checker.check_model(proto)
    return proto


def equality(model: Any, shape: Shape, data: bytes, windows_w: NDArray[np.float32]) -> float:
    """Return the largest difference of scores to Keras on random and real windows, relative above 1."""
    artifact = artifact_of(data)
    rng = np.random.default_rng(0)
    scaler = artifact.card.scaler
    random = scaler.low_w + scaler.span_w * rng.random((_RANDOM_WINDOWS, shape.window))
    step = max(1, len(windows_w) // _REAL_WINDOWS)
    windows = np.concatenate([random.astype(np.float32), windows_w[::step]])
    x = scaled(windows, scaler)
    wanted = score_of(x, predict(model, network_input(x, shape)), shape)
    found = Model(artifact, Engine.ONNXRUNTIME).score(windows)
    return float((np.abs(found - wanted) / np.maximum(1, np.abs(wanted))).max())


def _with_card(proto: Any, card: ModelCard) -> bytes:
    _onnx().helper.set_model_props(proto, to_metadata(card))
    # The same model must give the same bytes: it is known by their hash.
    return bytes(proto.SerializeToString(deterministic=True))


def _onnx() -> Any:
    try:
        import onnx
    except ImportError:
        raise MissingExtraError("onnx", "train") from None
    return onnx


def restamped(data: bytes, card: ModelCard) -> bytes:
    """Return a model file with another card."""
    return _with_card(_onnx().load_model_from_string(data), card)
