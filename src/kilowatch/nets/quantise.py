"""The int8 sibling of a model: weights of LSTM and dense layers in a quarter of the bytes.

ONNX Runtime's dynamic quantisation. Naming the operators keeps it off Conv, whose input, the raw window, it would
quantise too.
"""

from __future__ import annotations

import logging
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

import msgspec

from kilowatch.errors import MissingExtraError, ModelError
from kilowatch.nets.artifact import artifact_of
from kilowatch.nets.card import Precision
from kilowatch.nets.engines import Engine
from kilowatch.nets.export import restamped
from kilowatch.nets.runtime import Model

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

MOST_CHANGED = 0.005
"""Share of windows that int8 may judge otherwise than float32."""
_OPERATORS = ["LSTM", "MatMul", "Gemm"]


def to_int8(data: bytes, windows_w: NDArray[np.float32]) -> bytes:
    """Return the int8 sibling of a float32 model file; its card holds the share of changed verdicts.

    windows_w float32[n, window]: real windows on which both are compared; at least 200, so that the share says
    something. `ModelError` where more than 0.5 % of the verdicts change.
    """
    if len(windows_w) < 1 / MOST_CHANGED:
        hint = f"Give it at least {1 / MOST_CHANGED:.0f} windows."
        raise ModelError(f"{len(windows_w)} windows cannot tell what int8 changes.", hint)
    original = artifact_of(data)
    # Stamped twice: a model runs by its card, and what belongs in it is known once it has run.
    quantised = restamped(_quantised(data), msgspec.structs.replace(original.card, precision=Precision.INT8))
    changed = changed_verdicts(data, quantised, windows_w)
    if changed > MOST_CHANGED:
        message = f"int8 changes {changed:.2%} of the verdicts; {MOST_CHANGED:.1%} are allowed."
        raise ModelError(message, "Use the float32 model.")
    card = msgspec.structs.replace(original.card, precision=Precision.INT8, changed_verdicts=changed)
    return restamped(quantised, card)


def changed_verdicts(data: bytes, other: bytes, windows_w: NDArray[np.float32]) -> float:
    """Return the share of windows that two model files judge differently, each by its own threshold."""
    first, second = (Model(artifact_of(each), Engine.ONNXRUNTIME) for each in (data, other))
    odd = first.score(windows_w) >= first.threshold
    return float((odd != (second.score(windows_w) >= second.threshold)).mean())


def _quantised(data: bytes) -> bytes:
    try:
        from onnxruntime.quantization import QuantType, quantize_dynamic
    except ImportError:
        raise MissingExtraError("onnx", "train") from None
    with TemporaryDirectory() as folder:
        source, target = Path(folder) / "float32.onnx", Path(folder) / "int8.onnx"
        source.write_bytes(data)
        # It advises a step that these small graphs do not need, through the root logger.
        logging.disable(logging.WARNING)
        try:
            quantize_dynamic(source, target, op_types_to_quantize=_OPERATORS, weight_type=QuantType.QInt8)
        finally:
            logging.disable(logging.NOTSET)
        return target.read_bytes()
