"""One runtime in a process of its own: `python -P edge_worker.py RUNTIME FOLDER`, then a line a job on standard input.

It runs in a peer's environment, which has no kilowatch: NumPy and that runtime alone, loaded where they are needed.
A job is `SIZE COUNT`; the answer is a line with the nanoseconds of each call. FOLDER holds what `edge_files` wrote.
With `once` after it, one window is scored and the process ends; `fuse` instead of a runtime writes the LiteRT file.
"""

from __future__ import annotations

import json
import os
import sys
import time
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable

    Score = Callable[[Any], Any]
    """From raw watts float32[n, window] to scores [n]."""


def kilowatch(folder: Path, size: int) -> Score:
    """Ours, as a user calls it: checks, scaling and score."""
    from kilowatch.nets.runtime import Model

    model = Model.load(folder / "model.onnx")
    one = model.verdict
    return (lambda windows: one(windows[0])) if size == 1 else model.score


def onnxruntime(folder: Path, _: int) -> Score:
    """Plain `session.run` of the graph without its scaling, fed with what was scaled before."""
    import onnxruntime as ort

    options = ort.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.log_severity_level = 4
    session = ort.InferenceSession(str(folder / "bare.onnx"), options, providers=["CPUExecutionProvider"])
    return lambda windows: session.run(None, {"power_w": windows})[0] >= 0.5


def openvino(folder: Path, size: int) -> Score:
    """OpenVINO at a fixed batch, its fastest form."""
    import openvino as ov

    core = ov.Core()
    model = core.read_model(folder / "model.onnx")
    model.reshape([size, model.inputs[0].partial_shape[1].get_length()])
    settings = {"INFERENCE_NUM_THREADS": 1, "NUM_STREAMS": 1, "PERFORMANCE_HINT": "LATENCY"}
    request = core.compile_model(model, "CPU", settings).create_infer_request()
    return lambda windows: request.infer({0: windows})[0] >= 0.5


def litert(folder: Path, _: int) -> Score:
    """LiteRT on the fused file, its state cleared before each window: it keeps it else."""
    library = import_module("ai_edge_litert.interpreter")
    scale, interpreter = _scale(folder), library.Interpreter(str(folder / "fused.tflite"), num_threads=1)
    interpreter.allocate_tensors()
    taken, given = interpreter.get_input_details()[0]["index"], interpreter.get_output_details()[0]["index"]

    def score(windows: Any) -> Any:
        interpreter.reset_all_variables()
        interpreter.set_tensor(taken, scale(windows)[:, :, None])
        interpreter.invoke()
        return interpreter.get_tensor(given)[0] >= 0.5

    return score


def keras(folder: Path, _: int) -> Score:
    """Keras on the backend that KERAS_BACKEND names, by `predict_on_batch`."""
    import keras as library

    sizes = json.loads((folder / "shape.json").read_text(encoding="utf-8"))
    model = keras_model(library.layers, library.Sequential, sizes, (sizes["window"], 1))
    model.set_weights(keras_weights(folder))
    scale = _scale(folder)
    return lambda windows: model.predict_on_batch(scale(windows)[:, :, None])[:, 0] >= 0.5


def keras_model(layers: Any, sequential: Any, sizes: dict[str, int], shape: tuple[int, ...], **entry: Any) -> Any:
    """Return the classifier from any Keras."""
    return sequential(
        [
            layers.Input(shape, **entry),
            layers.Conv1D(sizes["filters"], sizes["kernel"], activation="relu"),
            layers.MaxPooling1D(sizes["pool"]),
            layers.LSTM(sizes["units"], return_sequences=True),
            layers.LSTM(sizes["units"], return_sequences=True),
            layers.LSTM(sizes["units"]),
            layers.Dense(1, activation="sigmoid"),
        ]
    )


def keras_weights(folder: Path) -> list[Any]:
    """Return the classifier's weights in Keras's order."""
    with np.load(folder / "weights.npz") as file:
        return [file[f"w{place}"] for place in range(len(file.files))]


def fuse(folder: Path) -> None:
    """Write the LiteRT file with fused LSTM operators: Keras 2 alone makes it, at batch 1."""
    os.environ["TF_USE_LEGACY_KERAS"] = "1"
    tf, tf_keras = import_module("tensorflow"), import_module("tf_keras")
    sizes = json.loads((folder / "shape.json").read_text(encoding="utf-8"))
    model = keras_model(tf_keras.layers, tf_keras.Sequential, sizes, (sizes["window"], 1), batch_size=1)
    model.set_weights(keras_weights(folder))
    (folder / "fused.tflite").write_bytes(tf.lite.TFLiteConverter.from_keras_model(model).convert())


def _scale(folder: Path) -> Score:
    low, factor = np.load(folder / "scaler.npy").astype(np.float32)
    return lambda windows: (windows - low) * factor


RUNTIMES = {
    "kilowatch": kilowatch,
    "onnxruntime": onnxruntime,
    "openvino": openvino,
    "litert": litert,
    "keras_jax": keras,
    "keras_tf": keras,
}
# First calls compile, allocate and choose kernels: `edge_start` tells what that costs.
_WARM_UP = 3


def main(runtime: str, folder: Path, *, once: bool) -> None:
    """Answer jobs until the input ends."""
    if runtime == "fuse":
        fuse(folder)
        return
    windows = np.load(folder / ("scaled.npy" if runtime == "onnxruntime" else "windows.npy"))
    if once:
        RUNTIMES[runtime](folder, 1)(windows[:1])
        return
    known: dict[int, Score] = {}
    _tell("ready")
    for line in sys.stdin:
        size, count = map(int, line.split())
        if size not in known:
            # One for each size: OpenVINO compiles for a batch size.
            known[size] = RUNTIMES[runtime](folder, size)
        _tell(json.dumps(_job(known[size], windows, size, count)))


def _job(score: Score, windows: Any, size: int, count: int) -> list[int]:
    batches = [windows[k : k + size] for k in range(0, len(windows) - size + 1, size)]
    for batch in batches[:_WARM_UP]:
        score(batch)
    return [_timed(score, batches[k % len(batches)]) for k in range(count)]


def _tell(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


def _timed(score: Score, batch: Any) -> int:
    started = time.perf_counter_ns()
    score(batch)
    return time.perf_counter_ns() - started


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]), once=sys.argv[3:] == ["once"])
