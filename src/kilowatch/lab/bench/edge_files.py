"""The files that all runtimes of `bench edge` share: one model with random weights, in each one's form."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec
import numpy as np

from kilowatch.nets.artifact import INPUT, artifact_of
from kilowatch.nets.build import arrays, build
from kilowatch.nets.card import Metrics, ModelCard, Network, Normaliser, Scaler, ScoreRule, TrainedOn
from kilowatch.nets.export import OPSET, export
from kilowatch.nets.shapes import EdgeClassifierShape

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

SHAPE = EdgeClassifierShape(window=200, filters=32, kernel=5, pool=4, units=32)
SCALER = Scaler(0.0, 3000.0)
WINDOWS = 600
"""As many as the edge paper times at once."""


def write_files(folder: Path) -> None:
    """Write model.onnx, bare.onnx (without scaling), weights, windows raw and scaled, scaler and shape."""
    windows = made_windows()
    keras_model = build(SHAPE, 0)
    data = export(keras_model, SHAPE, _card(), windows)
    (folder / "model.onnx").write_bytes(data)
    (folder / "bare.onnx").write_bytes(without_scaling(data))
    weights = {f"w{k}": array for k, array in enumerate(arrays(keras_model.weights))}
    np.savez(folder / "weights.npz", allow_pickle=False, **weights)
    np.save(folder / "windows.npy", windows)
    # In the order of the graph, subtract and multiply: the same bits go into both forms of the model.
    np.save(folder / "scaled.npy", (windows - np.float32(SCALER.low_w)) * np.float32(1 / SCALER.span_w))
    np.save(folder / "scaler.npy", np.array([SCALER.low_w, 1 / SCALER.span_w]))
    np.savetxt(folder / "window.csv", windows[0], header="power_w", comments="", fmt="%.2f")
    (folder / "shape.json").write_bytes(msgspec.json.encode(msgspec.structs.asdict(SHAPE)))


def made_windows() -> NDArray[np.float32]:
    """Return a meter's watts, float32[600, 200]."""
    rng = np.random.default_rng(0)
    steps = np.arange(WINDOWS * SHAPE.window)
    watts = 300 + 200 * np.sin(steps / 460) + 2000 * (rng.random(len(steps)) < 0.02) + rng.normal(0, 15, len(steps))
    return watts.clip(0).reshape(WINDOWS, SHAPE.window).astype(np.float32)


def without_scaling(data: bytes) -> bytes:
    """Return the graph with its first two operators, the scaling, taken out: it wants scaled windows."""
    import onnx

    proto = onnx.load_model_from_string(data)
    entry, first = proto.graph.node[1].output[0], {proto.graph.node[k].input[1] for k in (0, 1)}
    rest: list[Any] = list(proto.graph.node)[2:]
    for node in rest:
        node.input[:] = [INPUT if name == entry else name for name in node.input]
    weights = [weight for weight in proto.graph.initializer if weight.name not in first]
    for field, kept in ((proto.graph.node, rest), (proto.graph.initializer, weights)):
        del field[:]
        field.extend(kept)
    # Read as a model once: a graph that does not hold together is refused here and not within a peer.
    artifact_of(proto.SerializeToString())
    return bytes(proto.SerializeToString())


def _card() -> ModelCard:
    return ModelCard(
        kind=Network.EDGE_CLASSIFIER,
        window=SHAPE.window,
        interval_s=30.0,
        channels=["power_w"],
        scaler=SCALER,
        score=ScoreRule.PROBABILITY,
        threshold=0.5,
        normaliser=Normaliser(0.5, 0.1),
        trained_on=TrainedOn([], 0, 0, 0, 0),
        metrics=Metrics(0, 0.0, 0.0),
        fingerprint="",
        created="",
        opset=OPSET,
        equality_max=0.0,
    )
