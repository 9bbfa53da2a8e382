"""What runs a model's graph: ONNX Runtime, OpenVINO, or NumPy."""

from __future__ import annotations

from enum import StrEnum
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

from kilowatch.errors import MissingExtraError, ModelError
from kilowatch.nets.artifact import INPUT
from kilowatch.nets.forward import check_operators, forward

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from kilowatch.nets.artifact import Artifact

Run: TypeAlias = "Callable[[str, NDArray[np.float32]], NDArray[np.float32]]"
"""From an output's name and windows float32[n, window] to that output."""


class Engine(StrEnum):
    """What runs the graph."""

    ONNXRUNTIME = "onnxruntime"
    OPENVINO = "openvino"
    NUMPY = "numpy"


def default_engine() -> Engine:
    """Return ONNX Runtime, or NumPy where that is not installed."""
    return Engine.ONNXRUNTIME if find_spec("onnxruntime") else Engine.NUMPY


def runner(artifact: Artifact, engine: Engine, rows: int) -> Run:
    """Return the function that runs a model, single-threaded; rows: the batch that OpenVINO compiles for."""
    if engine is Engine.ONNXRUNTIME:
        return _onnxruntime(artifact)
    if engine is Engine.OPENVINO:
        return _openvino(artifact, rows)
    check_operators(artifact.file)
    return lambda output, windows: forward(artifact.file, {INPUT: windows}, [output])[0]


def _onnxruntime(artifact: Artifact) -> Run:
    try:
        import onnxruntime
    except ImportError:
        raise MissingExtraError("onnxruntime", "edge") from None
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.log_severity_level = 4
    try:
        session = onnxruntime.InferenceSession(artifact.data, options, providers=["CPUExecutionProvider"])
    except Exception as error:
        raise ModelError(f"ONNX Runtime refuses the model: {error}", "Train or fetch it again.") from None
    names = {output: [output] for output in artifact.file.outputs}
    run = session.run
    return lambda output, windows: run(names[output], {INPUT: windows})[0]


def _openvino(artifact: Artifact, rows: int) -> Run:
    """Run on OpenVINO, compiled for one row and for one batch: its fixed shapes are the fast ones."""
    try:
        import openvino
    except ImportError:
        raise MissingExtraError("openvino", "openvino") from None
    core = openvino.Core()
    settings = {"INFERENCE_NUM_THREADS": 1, "NUM_STREAMS": 1, "PERFORMANCE_HINT": "LATENCY"}
    compiled: dict[int, Any] = {}
    for size in {1, rows}:
        model = core.read_model(artifact.data)
        model.reshape({INPUT: [size, artifact.card.window]})
        compiled[size] = core.compile_model(model, "CPU", settings).create_infer_request()

    def run(output: str, windows: NDArray[np.float32]) -> NDArray[np.float32]:
        request = compiled[len(windows)]
        request.infer({INPUT: windows})
        return np.array(request.get_tensor(output).data)

    return run
