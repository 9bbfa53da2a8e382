"""Weights of a model file back into a Keras model of the same shape: how fine-tuning starts."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from kilowatch.errors import ModelError
from kilowatch.nets.graph import layer_names

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from kilowatch.nets.onnx_file import OnnxFile


def give_weights(model: Any, file: OnnxFile) -> None:
    """Set a Keras model's weights from a float32 model file; `ModelError` where the shapes differ."""
    for layer, name in layer_names(model):
        wanted = layer.weights
        if not wanted:
            continue
        try:
            # An int8 file has other names and another stack other shapes: either way it cannot be a start.
            found = [file.weights[f"{name}.{part}"] for part in _PARTS[len(wanted)]]
            layer.set_weights(_to_keras(type(layer).__name__, found))
        except (KeyError, ValueError):
            hint = "Fine-tune with the settings that it was trained with, from its float32 file."
            raise ModelError(f"The model to start from does not fit at {name}.", hint) from None


# By how many weights a layer has: LSTM layers alone have three.
_PARTS = {2: ("kernel", "bias"), 3: ("kernel", "recurrent", "bias")}


def _to_keras(kind: str, found: list[NDArray[Any]]) -> list[NDArray[Any]]:
    if kind == "Conv1D":
        return [found[0].transpose(2, 1, 0), found[1]]
    if kind != "LSTM":
        return found
    kernel, recurrent, bias = (array[0] for array in found)
    units = recurrent.shape[1]
    # From gates i, o, f, c to i, f, c, o.
    order = np.concatenate([np.arange(units) + gate * units for gate in (0, 2, 3, 1)])
    return [kernel[order].T, recurrent[order].T, (bias[: 4 * units] + bias[4 * units :])[order]]
