"""The forward pass of a model file in NumPy: the smallest fallback, and the oracle that runtimes are tested against.

One function an operator, after the ONNX operator reference, for the operators that `export` writes.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

from kilowatch.errors import ModelError

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from kilowatch.nets.onnx_file import Node, OnnxFile

Array: TypeAlias = "NDArray[Any]"
Operator: TypeAlias = "Callable[[Node, list[Array | None]], list[Array]]"


def check_operators(file: OnnxFile) -> None:
    """Raise `ModelError` where the file uses operators that only ONNX Runtime has."""
    unknown = sorted({node.op for node in file.nodes} - OPERATORS.keys())
    if unknown:
        message = f"NumPy cannot run this model: it uses {', '.join(unknown)}."
        raise ModelError(message, "Install onnxruntime, or use its float32 sibling.")


def forward(file: OnnxFile, inputs: dict[str, Array], outputs: list[str]) -> list[Array]:
    """Return the named outputs of a graph."""
    values: dict[str, Array] = {**file.weights, **inputs}
    try:
        for node in file.nodes:
            given = [values[name] if name else None for name in node.inputs]
            results = OPERATORS[node.op](node, given)
            # A graph names the outputs that it needs: of the three of an LSTM ours name two.
            values.update(zip(node.outputs, results, strict=False))
        return [values[name] for name in outputs]
    # Nodes that are known one by one may still not fit together: that is a bad file, not a bug.
    except (KeyError, IndexError, ValueError, TypeError) as error:
        raise ModelError(f"The model's graph cannot be run: {error!r}.", "Train or fetch it again.") from None


def _need(value: Array | None) -> Array:
    if value is None:
        raise ValueError("a needed input is missing")
    return value


def _sigmoid(x: Array) -> Array:
    # By tanh, which has no end: exp overflows for a large negative x.
    return 0.5 * (np.tanh(0.5 * x) + np.float32(1))


def _conv(node: Node, given: list[Array | None]) -> list[Array]:
    """x [n, c, t], weights [filters, c, kernel]: one matrix product over all taps."""
    x, weights = _need(given[0]), _need(given[1])
    before, after = _ints(node, "pads", [0, 0])
    step = _ints(node, "dilations", [1])[0]
    padded = np.pad(x, ((0, 0), (0, 0), (before, after)))
    taps, steps = weights.shape[2], padded.shape[2] - step * (weights.shape[2] - 1)
    columns = np.stack([padded[:, :, tap * step : tap * step + steps] for tap in range(taps)], axis=2)
    flat = columns.reshape(len(x), -1, steps)
    result = weights.reshape(len(weights), -1) @ flat
    if len(given) > 2:
        result = result + _need(given[2])[:, None]
    return [result]


def _max_pool(node: Node, given: list[Array | None]) -> list[Array]:
    x, size = _need(given[0]), _ints(node, "kernel_shape", [1])[0]
    steps = x.shape[2] // size
    return [x[:, :, : steps * size].reshape(*x.shape[:2], steps, size).max(axis=3)]


def _lstm(_: Node, given: list[Array | None]) -> list[Array]:
    """x [t, n, c]; gates i, o, f, c; returns all hidden states [t, 1, n, h] and the last [1, n, h]."""
    x = _need(given[0])
    weights, recurrent, bias = (_need(value)[0] for value in given[1:4])
    units = recurrent.shape[1]
    # The inputs of all steps in one product: only the recurrent part has to wait for the step before.
    projected = x @ weights.T + (bias[: 4 * units] + bias[4 * units :])
    hidden = np.zeros((x.shape[1], units), dtype=np.float32)
    cell = np.zeros_like(hidden)
    states = np.empty((len(x), 1, *hidden.shape), dtype=np.float32)
    for step, inflow in enumerate(projected):
        gates = inflow + hidden @ recurrent.T
        let_in, out, forget = (_sigmoid(gates[:, k * units : (k + 1) * units]) for k in range(3))
        cell = forget * cell + let_in * np.tanh(gates[:, 3 * units :])
        hidden = out * np.tanh(cell)
        states[step, 0] = hidden
    return [states, hidden[None], cell[None]]


def _gemm(node: Node, given: list[Array | None]) -> list[Array]:
    weights = _need(given[1])
    weights = weights.T if node.attributes.get("transB") else weights
    return [_need(given[0]) @ weights + _need(given[2])]


def _slice(_: Node, given: list[Array | None]) -> list[Array]:
    x, starts, ends, axes = (_need(value) for value in given[:4])
    where = [slice(None)] * x.ndim
    for start, end, axis in zip(starts.tolist(), ends.tolist(), axes.tolist(), strict=True):
        where[axis] = slice(start, end)
    return [x[tuple(where)]]


def _expand(_: Node, given: list[Array | None]) -> list[Array]:
    x = _need(given[0])
    return [np.broadcast_to(x, np.broadcast_shapes(x.shape, tuple(_need(given[1]).tolist())))]


def _squeeze(_: Node, given: list[Array | None]) -> list[Array]:
    return [np.squeeze(_need(given[0]), axis=tuple(_need(given[1]).tolist()))]


def _unsqueeze(_: Node, given: list[Array | None]) -> list[Array]:
    return [np.expand_dims(_need(given[0]), axis=tuple(_need(given[1]).tolist()))]


def _reduce_mean(node: Node, given: list[Array | None]) -> list[Array]:
    keep = bool(node.attributes.get("keepdims", 1))
    return [_need(given[0]).mean(axis=tuple(_ints(node, "axes", [-1])), keepdims=keep)]


def _transpose(node: Node, given: list[Array | None]) -> list[Array]:
    return [_need(given[0]).transpose(_ints(node, "perm", []))]


def _elementwise(function: Callable[..., Array]) -> Operator:
    return lambda _, given: [function(*given)]


def _ints(node: Node, name: str, default: list[int]) -> list[int]:
    value = node.attributes.get(name, default)
    return value if isinstance(value, list) else default


OPERATORS: dict[str, Operator] = {
    "Abs": _elementwise(np.abs),
    "Add": _elementwise(np.add),
    "Conv": _conv,
    "Div": _elementwise(np.divide),
    "Exp": _elementwise(np.exp),
    "Expand": _expand,
    "Gemm": _gemm,
    "LSTM": _lstm,
    "MatMul": _elementwise(np.matmul),
    "MaxPool": _max_pool,
    "Mul": _elementwise(np.multiply),
    "ReduceMean": _reduce_mean,
    "Relu": _elementwise(lambda x: np.maximum(x, np.float32(0))),
    "Sigmoid": _elementwise(_sigmoid),
    "Slice": _slice,
    "Squeeze": _squeeze,
    "Sub": _elementwise(np.subtract),
    "Tanh": _elementwise(np.tanh),
    "Transpose": _transpose,
    "Unsqueeze": _unsqueeze,
}
