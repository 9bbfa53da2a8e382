"""From raw watts to the network, and from its result to score and expectation, in NumPy and as graph."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from kilowatch.nets.artifact import EXPECTED, INPUT, SCORE
from kilowatch.nets.build import LOWEST_LOG_SPREAD
from kilowatch.nets.card import Network, Scaler, ScoreRule
from kilowatch.nets.graph import Layout, Tensor
from kilowatch.nets.shapes import ForecasterShape, Shape

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from kilowatch.nets.graph import GraphBuilder

RULES = {
    Network.EDGE_CLASSIFIER: ScoreRule.PROBABILITY,
    Network.AUTOENCODER: ScoreRule.MEAN_ABSOLUTE_ERROR,
    Network.FORECASTER: ScoreRule.SCALED_RESIDUAL,
}


def scaled(windows_w: NDArray[np.float32], scaler: Scaler) -> NDArray[np.float32]:
    """Return windows on the network's scale, float32[n, window]."""
    # Times one over the span, as the graph has it: a division would round otherwise.
    return ((windows_w - np.float32(scaler.low_w)) * np.float32(1 / scaler.span_w)).astype(np.float32)


def network_input(x: NDArray[np.float32], shape: Shape) -> NDArray[np.float32]:
    """Return what the Keras model takes, [n, steps, 1], of scaled windows."""
    return x[:, :-1, None] if isinstance(shape, ForecasterShape) else x[:, :, None]


def score_of(x: NDArray[np.float32], result: NDArray[np.float32], shape: Shape) -> NDArray[np.float32]:
    """Return raw scores float32[n] of scaled windows and what the Keras model made of them."""
    if shape.network is Network.EDGE_CLASSIFIER:
        return result[:, 0]
    if not isinstance(shape, ForecasterShape):
        return np.abs(x - result[:, :, 0]).mean(axis=1)
    spread = np.exp(np.maximum(result[:, :, 1], np.float32(LOWEST_LOG_SPREAD)))
    residual = np.abs(x[:, 1:] - result[:, :, 0]) / spread
    return residual[:, -shape.smooth :].mean(axis=1)


def write_entry(graph: GraphBuilder, scaler: Scaler, shape: Shape) -> tuple[str, Tensor]:
    """Write scaling; return the scaled windows [n, window] and the network's input."""
    centred = graph.one("Sub", INPUT, graph.number(scaler.low_w))
    x = graph.one("Mul", centred, graph.number(1 / scaler.span_w))
    entry = _steps(graph, x, 0, shape.window - 1) if isinstance(shape, ForecasterShape) else x
    return x, Tensor(graph.one("Unsqueeze", entry, graph.integers(1)), Layout.NCT)


def write_exit(graph: GraphBuilder, x: str, result: Tensor, scaler: Scaler, shape: Shape) -> list[str]:
    """Write score and, where the network has one, expectation in watts; return the outputs' names."""
    if shape.network is Network.EDGE_CLASSIFIER:
        graph.one("Squeeze", result.name, graph.integers(1), to=SCORE)
        return [SCORE]
    channels = graph.laid(result, Layout.NCT)
    if isinstance(shape, ForecasterShape):
        middle = graph.one("Squeeze", _channel(graph, channels, 0), graph.integers(1))
        log_spread = graph.one("Squeeze", _channel(graph, channels, 1), graph.integers(1))
        _write_residual(graph, x, middle, log_spread, shape)
    else:
        middle = graph.one("Squeeze", channels, graph.integers(1))
        error = graph.one("Abs", graph.one("Sub", x, middle))
        graph.one("ReduceMean", error, to=SCORE, axes=[1], keepdims=0)
    watts = graph.one("Mul", middle, graph.number(scaler.span_w))
    graph.one("Add", watts, graph.number(scaler.low_w), to=EXPECTED)
    return [SCORE, EXPECTED]


def _write_residual(graph: GraphBuilder, x: str, middle: str, log_spread: str, shape: ForecasterShape) -> None:
    """Write the mean of |truth - middle| / spread over the last samples; the spread has a floor."""
    steps, first = shape.window - 1, shape.window - 1 - shape.smooth
    truth = _steps(graph, x, first + 1, shape.window)
    error = graph.one("Abs", graph.one("Sub", truth, _steps(graph, middle, first, steps)))
    floor = graph.number(LOWEST_LOG_SPREAD)
    # The larger of two as relu(x - floor) + floor: by operators that the forward pass in NumPy has.
    above = graph.one("Relu", graph.one("Sub", _steps(graph, log_spread, first, steps), floor))
    spread = graph.one("Exp", graph.one("Add", above, floor))
    graph.one("ReduceMean", graph.one("Div", error, spread), to=SCORE, axes=[1], keepdims=0)


def _steps(graph: GraphBuilder, name: str, start: int, end: int) -> str:
    return graph.one("Slice", name, graph.integers(start), graph.integers(end), graph.integers(1))


def _channel(graph: GraphBuilder, name: str, channel: int) -> str:
    return graph.one("Slice", name, graph.integers(channel), graph.integers(channel + 1), graph.integers(1))
