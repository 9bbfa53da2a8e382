"""ONNX graphs written from Keras layers with ONNX's own operators, one LSTM node a layer.

Keras is channels-last and batch-major, its LSTM gates are i, f, c, o with kernels [in, 4h]. ONNX convolves [n, c, t],
its LSTM is time-major with gates i, o, f, c and kernels [1, 4h, in], bias [input, recurrent].
"""

from __future__ import annotations

from enum import Enum
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from kilowatch.errors import ModelError
from kilowatch.nets.build import arrays

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray


class Layout(Enum):
    """The order of a tensor's axes: n windows, c channels, t steps."""

    NCT = "nct"
    TNC = "tnc"
    NC = "nc"


class Tensor(NamedTuple):
    """A value of the graph: its name and the order of its axes."""

    name: str
    layout: Layout


class GraphBuilder:
    """Collects nodes and weights; every value gets a fresh name."""

    def __init__(self) -> None:
        from onnx import helper, numpy_helper

        self._make_node = helper.make_node
        self._from_array = numpy_helper.from_array
        self.nodes: list[Any] = []
        self.weights: list[Any] = []
        self.layer = ""

    def add(self, op: str, inputs: list[str], outputs: int = 1, to: str | None = None, **attributes: Any) -> list[str]:
        """Add an operator and return the names of its results; `to` names the first."""
        names = [f"{op.lower()}_{len(self.nodes)}_{k}" for k in range(outputs)]
        if to is not None:
            names[0] = to
        self.nodes.append(self._make_node(op, inputs, names, **attributes))
        return names

    def one(self, op: str, *inputs: str, to: str | None = None, **attributes: Any) -> str:
        """Add an operator with one result and return its name."""
        return self.add(op, list(inputs), to=to, **attributes)[0]

    def constant(self, array: NDArray[np.generic], name: str = "") -> str:
        """Add weights and return their name."""
        name = name or f"constant_{len(self.weights)}"
        self.weights.append(self._from_array(np.ascontiguousarray(array), name))
        return name

    def number(self, value: float) -> str:
        """Add a float32 scalar."""
        return self.constant(np.array(value, dtype=np.float32))

    def integers(self, *values: int) -> str:
        """Add int64 values: axes or a shape."""
        return self.constant(np.array(values, dtype=np.int64))

    def laid(self, tensor: Tensor, layout: Layout) -> str:
        """Return the name of a sequence in the layout wanted."""
        if tensor.layout is layout:
            return tensor.name
        permutations = {
            (Layout.NCT, Layout.TNC): [2, 0, 1],
            (Layout.TNC, Layout.NCT): [1, 2, 0],
        }
        return self.one("Transpose", tensor.name, perm=permutations[tensor.layout, layout])


def layer_names(model: Any) -> list[tuple[Any, str]]:
    """Return the layers of a model with names that depend on kind and place alone: Keras counts them per process."""
    layers = [layer for layer in model.layers if type(layer).__name__ != "InputLayer"]
    return [(layer, f"{type(layer).__name__.lower()}_{place}") for place, layer in enumerate(layers)]


def write_layers(graph: GraphBuilder, model: Any, entry: Tensor) -> Tensor:
    """Write the layers of a Keras model (sequential or functional, built) and return their result."""
    known = {id(tensor): entry for tensor in model.inputs}
    for layer, name in layer_names(model):
        kind = type(layer).__name__
        if kind not in _WRITERS:
            raise ModelError(f"Layer {layer.name} ({kind}) cannot be exported.", f"Known: {', '.join(_WRITERS)}.")
        inputs = layer.input if isinstance(layer.input, list) else [layer.input]
        # Weights are named after it: fine-tuning finds them by these names.
        graph.layer = name
        known[id(layer.output)] = _WRITERS[kind](graph, layer, [known[id(tensor)] for tensor in inputs])
    return known[id(model.outputs[0])]


def _conv(graph: GraphBuilder, layer: Any, inputs: list[Tensor]) -> Tensor:
    kernel, *bias = arrays(layer.weights)
    reach = layer.dilation_rate[0] * (layer.kernel_size[0] - 1)
    pads = {"valid": [0, 0], "same": [reach // 2, reach - reach // 2], "causal": [reach, 0]}[layer.padding]
    if layer.strides[0] != 1 or layer.groups != 1:
        raise ModelError(f"Layer {layer.name} has strides or groups, which are not exported.", "Leave them at 1.")
    weights = [graph.constant(kernel.transpose(2, 1, 0), f"{graph.layer}.kernel")]
    weights += [graph.constant(value, f"{graph.layer}.bias") for value in bias]
    x = graph.laid(inputs[0], Layout.NCT)
    result = graph.one("Conv", x, *weights, pads=pads, dilations=list(layer.dilation_rate))
    return Tensor(_activated(graph, layer, result), Layout.NCT)


def _pool(graph: GraphBuilder, layer: Any, inputs: list[Tensor]) -> Tensor:
    size = list(layer.pool_size)
    if tuple(layer.strides) != tuple(size) or layer.padding != "valid":
        raise ModelError(f"Layer {layer.name} pools with an overlap, which is not exported.", "Use strides = pool.")
    x = graph.laid(inputs[0], Layout.NCT)
    return Tensor(graph.one("MaxPool", x, kernel_shape=size, strides=size), Layout.NCT)


def _lstm(graph: GraphBuilder, layer: Any, inputs: list[Tensor]) -> Tensor:
    kernel, recurrent, bias = arrays(layer.weights)
    units = layer.units
    # From gates i, f, c, o to i, o, f, c.
    order = np.concatenate([np.arange(units) + gate * units for gate in (0, 3, 1, 2)])
    weights = (
        graph.constant(kernel.T[order][None], f"{graph.layer}.kernel"),
        graph.constant(recurrent.T[order][None], f"{graph.layer}.recurrent"),
        # ONNX adds two biases, Keras has one: the second is 0.
        graph.constant(np.concatenate([bias[order], np.zeros_like(bias)])[None], f"{graph.layer}.bias"),
    )
    x = graph.laid(inputs[0], Layout.TNC)
    states, last = graph.add("LSTM", [x, *weights], outputs=2, hidden_size=units)
    if layer.return_sequences:
        return Tensor(graph.one("Squeeze", states, graph.integers(1)), Layout.TNC)
    return Tensor(graph.one("Squeeze", last, graph.integers(0)), Layout.NC)


def _dense(graph: GraphBuilder, layer: Any, inputs: list[Tensor]) -> Tensor:
    kernel, bias = arrays(layer.weights)
    weights = (graph.constant(kernel, f"{graph.layer}.kernel"), graph.constant(bias, f"{graph.layer}.bias"))
    if inputs[0].layout is Layout.NC:
        result, layout = graph.one("Gemm", inputs[0].name, *weights), Layout.NC
    else:
        product = graph.one("MatMul", graph.laid(inputs[0], Layout.TNC), weights[0])
        result, layout = graph.one("Add", product, weights[1]), Layout.TNC
    return Tensor(_activated(graph, layer, result), layout)


def _repeat(graph: GraphBuilder, layer: Any, inputs: list[Tensor]) -> Tensor:
    stood = graph.one("Unsqueeze", inputs[0].name, graph.integers(0))
    return Tensor(graph.one("Expand", stood, graph.integers(layer.n, 1, 1)), Layout.TNC)


def _sum(graph: GraphBuilder, _: Any, inputs: list[Tensor]) -> Tensor:
    first, second = inputs
    return Tensor(graph.one("Add", first.name, graph.laid(second, first.layout)), first.layout)


def _nothing(_: GraphBuilder, __: Any, inputs: list[Tensor]) -> Tensor:
    return inputs[0]


def _activated(graph: GraphBuilder, layer: Any, name: str) -> str:
    op = {"linear": None, "relu": "Relu", "sigmoid": "Sigmoid", "tanh": "Tanh"}.get(layer.activation.__name__, "?")
    if op == "?":
        raise ModelError(f"Activation {layer.activation.__name__} cannot be exported.", "Use relu, sigmoid or tanh.")
    return name if op is None else graph.one(op, name)


_WRITERS: dict[str, Callable[[GraphBuilder, Any, list[Tensor]], Tensor]] = {
    "Add": _sum,
    "Conv1D": _conv,
    "Dense": _dense,
    "Dropout": _nothing,
    "LSTM": _lstm,
    "MaxPooling1D": _pool,
    "RepeatVector": _repeat,
}
