"""ONNX files read without the onnx package: metadata, nodes and weights, checked before any runtime sees them.

Field numbers are those of onnx.proto. A file whose weights lie in other files is refused: a model is one file.
"""

from __future__ import annotations

import math
import struct
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TypeAlias

import numpy as np

from kilowatch.errors import ModelError
from kilowatch.nets.protobuf import blob, fields, integers, text, torn

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

MOST_BYTES = 64 << 20
DOMAINS = frozenset({"", "ai.onnx", "com.microsoft"})
"""ONNX's own operators, and those that ONNX Runtime's int8 variants use."""
_DTYPES: dict[int, type[np.generic]] = {
    1: np.float32, 2: np.uint8, 3: np.int8, 6: np.int32, 7: np.int64, 11: np.float64,
}  # fmt: skip

Attribute: TypeAlias = "int | float | str | list[int] | NDArray[np.generic]"


@dataclass(frozen=True, slots=True)
class Node:
    """One operator of the graph."""

    op: str
    inputs: list[str]
    outputs: list[str]
    attributes: dict[str, Attribute]


@dataclass(slots=True)
class OnnxFile:
    """What a model file holds. inputs, outputs: name to shape, 0 where a dimension is free."""

    metadata: dict[str, str] = field(default_factory=dict)
    opset: int = 0
    nodes: list[Node] = field(default_factory=list)
    weights: dict[str, NDArray[np.generic]] = field(default_factory=dict)
    inputs: dict[str, list[int]] = field(default_factory=dict)
    outputs: dict[str, list[int]] = field(default_factory=dict)


def parse(data: bytes) -> OnnxFile:
    """Return the contents of an ONNX file; `ModelError` where it is corrupt, too large or reaches outside itself."""
    if len(data) > MOST_BYTES:
        raise ModelError(f"The model file has {len(data) >> 20} MiB, more than {MOST_BYTES >> 20}.", "Is it a model?")
    file = OnnxFile()
    graph = None
    for number, value in fields(memoryview(data)):
        if number == 7:
            graph = blob(value)
        elif number == 8:
            _opset(file, blob(value))
        elif number == 14:
            entry = {n: text(v) for n, v in fields(blob(value))}
            file.metadata[entry.get(1, "")] = entry.get(2, "")
        elif number == 25:
            raise torn("it defines functions of its own")
    if graph is None:
        raise torn("it holds no graph")
    _graph(file, graph)
    return file


def _opset(file: OnnxFile, data: memoryview) -> None:
    domain, version = "", 0
    for number, value in fields(data):
        if number == 1:
            domain = text(value)
        elif number == 2:
            version = integers(value)[0]
    if domain in ("", "ai.onnx"):
        file.opset = version


def _graph(file: OnnxFile, data: memoryview) -> None:
    for number, value in fields(data):
        if number == 1:
            file.nodes.append(_node(blob(value)))
        elif number == 5:
            name, array = _tensor(blob(value))
            file.weights[name] = array
        elif number in (11, 12):
            name, shape = _value_info(blob(value))
            (file.inputs if number == 11 else file.outputs)[name] = shape


def _node(data: memoryview) -> Node:
    inputs: list[str] = []
    outputs: list[str] = []
    op = ""
    attributes: dict[str, Attribute] = {}
    for number, value in fields(data):
        if number == 1:
            inputs.append(text(value))
        elif number == 2:
            outputs.append(text(value))
        elif number == 4:
            op = text(value)
        elif number == 5:
            name, attribute = _attribute(blob(value))
            attributes[name] = attribute
        elif number == 7 and text(value) not in DOMAINS:
            raise torn(f"operator of unknown domain {text(value)!r}")
    return Node(op, inputs, outputs, attributes)


def _attribute(data: memoryview) -> tuple[str, Attribute]:
    name = ""
    found: Attribute = 0
    many: list[int] = []
    readers: dict[int, Callable[[int | memoryview], Attribute]] = {
        2: lambda value: float(_unpack("<f", blob(value))),
        3: lambda value: integers(value)[0],
        4: text,
        5: lambda value: _tensor(blob(value))[1],
    }
    for number, value in fields(data):
        if number == 1:
            name = text(value)
        elif number == 8:
            many += integers(value)
        elif number in readers:
            found = readers[number](value)
        elif number in (6, 11):
            raise torn("an operator holds a graph of its own")
    return name, many or found


def _tensor(data: memoryview) -> tuple[str, NDArray[np.generic]]:
    name, dtype = "", 0
    shape: list[int] = []
    values: list[NDArray[np.generic]] = []
    raw: memoryview | None = None
    for number, value in fields(data):
        if number == 1:
            shape += integers(value)
        elif number == 2:
            dtype = integers(value)[0]
        elif number == 4:
            values.append(_floats(blob(value)))
        elif number in (5, 7):
            values.append(np.array(integers(value), dtype=np.int64))
        elif number == 8:
            name = text(value)
        elif number == 9:
            raw = blob(value)
        # data_location 0 says that the weights are here; any other, or a list of places, that they are not.
        elif number in (13, 14) and value:
            raise torn("its weights lie in another file")
    if dtype not in _DTYPES:
        raise torn(f"weights {name!r} are of a type that is not understood")
    return name, _array(name, _DTYPES[dtype], shape, raw, values)


def _array(
    name: str, dtype: type[np.generic], shape: list[int], raw: memoryview | None, values: list[NDArray[np.generic]]
) -> NDArray[np.generic]:
    """Return weights from their bytes, or from typed values where a writer chose those."""
    wanted = math.prod(shape)
    # Before any array is made: a few bytes can claim any shape.
    if min(shape, default=0) < 0 or wanted > MOST_BYTES:
        raise torn(f"weights {name!r} have an impossible shape")
    if raw is None:
        flat = np.concatenate(values).astype(dtype) if values else np.empty(0, dtype=dtype)
    elif len(raw) % np.dtype(dtype).itemsize == 0:
        flat = np.frombuffer(raw, dtype=dtype)
    else:
        flat = np.empty(0, dtype=dtype)
    if len(flat) != wanted:
        raise torn(f"weights {name!r} do not have their shape")
    return flat.reshape(shape)


def _floats(data: memoryview) -> NDArray[np.generic]:
    if len(data) % 4:
        raise torn("a number has the wrong width")
    return np.frombuffer(data, dtype=np.float32)


def _value_info(data: memoryview) -> tuple[str, list[int]]:
    name, shape = "", []
    for number, value in fields(data):
        if number == 1:
            name = text(value)
        elif number == 2:
            tensors = [blob(v) for n, v in fields(blob(value)) if n == 1]
            shapes = [blob(v) for tensor in tensors for n, v in fields(tensor) if n == 2]
            shape = [_dimension(blob(v)) for found in shapes for n, v in fields(found) if n == 1]
    return name, shape


def _dimension(data: memoryview) -> int:
    return next((integers(value)[0] for number, value in fields(data) if number == 1), 0)


def _unpack(layout: str, data: memoryview) -> float:
    if len(data) != struct.calcsize(layout):
        raise torn("a number has the wrong width")
    return float(struct.unpack(layout, data)[0])
