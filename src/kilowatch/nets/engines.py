"""What runs a model's graph: ONNX Runtime, OpenVINO, or NumPy."""

from __future__ import annotations

from enum import StrEnum
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any, NamedTuple, TypeAlias

import numpy as np

from kilowatch.errors import MissingExtraError, ModelError
from kilowatch.nets.artifact import EXPECTED, INPUT, SCORE
from kilowatch.nets.forward import OPERATORS, check_operators, forward

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


class Runner(NamedTuple):
    """A model ready to run on one thread: its buffers are used again by the next call.

    score_one: from watts [window] to the raw score. score: from at most `rows` windows [n, window] to scores [n].
    expect: from the same to expected watts.
    """

    score_one: Callable[[NDArray[np.float32]], float]
    score: Callable[[NDArray[np.float32]], NDArray[np.float32]]
    expect: Callable[[NDArray[np.float32]], NDArray[np.float32]]


def default_engine() -> Engine:
    """Return ONNX Runtime, or NumPy where that is not installed."""
    return Engine.ONNXRUNTIME if find_spec("onnxruntime") else Engine.NUMPY


def quickest_to_start(artifact: Artifact) -> Engine:
    """Return what gives the first verdict soonest: NumPy where it knows all operators, for want of a start-up."""
    return Engine.NUMPY if all(node.op in OPERATORS for node in artifact.file.nodes) else default_engine()


def runner(artifact: Artifact, engine: Engine, rows: int) -> Runner:
    """Return a model ready to run, single-threaded, in batches of `rows`, shorter ones padded."""
    if engine is Engine.ONNXRUNTIME:
        return _onnxruntime(artifact, rows)
    if engine is Engine.OPENVINO:
        return _padding(_openvino(artifact, rows), rows)
    check_operators(artifact.file)
    return _padding(lambda output, windows: forward(artifact.file, {INPUT: windows}, [output])[0], rows)


def _padding(run: Run, rows: int) -> Runner:
    """Return a runner that pads batches to one size, so that a score does not depend on how many came with it."""

    def batch(output: str, windows: NDArray[np.float32]) -> NDArray[np.float32]:
        missing = rows - len(windows)
        padded = np.pad(windows, ((0, missing), (0, 0))) if missing else windows
        return run(output, padded)[: len(windows)]

    return Runner(
        score_one=lambda window: run(SCORE, window[None]).item(0),
        score=lambda windows: batch(SCORE, windows),
        expect=lambda windows: batch(EXPECTED, windows),
    )


def _onnxruntime(artifact: Artifact, rows: int) -> Runner:
    """Return a runner whose scores go through bound buffers: a call hands over no names, makes no array."""
    try:
        import onnxruntime
    except ImportError:
        raise MissingExtraError("onnxruntime", "edge") from None
    options = onnxruntime.SessionOptions()
    # Two threads in one session halve the throughput of an LSTM, two processes double it (ml.md section 4).
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    # Fatal ones alone: whatever fails is raised, and told in our words.
    options.log_severity_level = 4
    try:
        session = onnxruntime.InferenceSession(artifact.data, options, providers=["CPUExecutionProvider"])
    except Exception as error:
        raise ModelError(f"ONNX Runtime refuses the model: {error}", "Train or fetch it again.") from None
    one, many = _bound(session, 1, artifact.card.window), _bound(session, rows, artifact.card.window)
    plain = _padding(lambda output, windows: session.run([output], {INPUT: windows})[0], rows)
    return Runner(lambda window: one(window).item(0), lambda windows: many(windows)[: len(windows)], plain.expect)


def _bound(session: Any, rows: int, window: int) -> Callable[[NDArray[np.float32]], NDArray[np.float32]]:
    """Return the function from windows to all scores of the batch; those past the windows given mean nothing."""
    # The session knows these two by address: they are kept for good and written into, never replaced.
    given, scores = np.zeros((rows, window), dtype=np.float32), np.zeros(rows, dtype=np.float32)
    binding = session.io_binding()
    binding.bind_input(INPUT, "cpu", 0, np.float32, given.shape, given.ctypes.data)
    binding.bind_output(SCORE, "cpu", 0, np.float32, scores.shape, scores.ctypes.data)
    run = session.run_with_iobinding

    def call(windows: NDArray[np.float32]) -> NDArray[np.float32]:
        given[: len(windows)] = windows
        run(binding)
        return scores

    return call


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
