"""A model artifact: one ONNX file, known by its SHA-256, read and checked whole before it is used."""

from __future__ import annotations

from dataclasses import dataclass
from hashlib import sha256
from typing import TYPE_CHECKING

import numpy as np

from kilowatch.errors import ModelError
from kilowatch.nets.card import from_metadata
from kilowatch.nets.forward import OPERATORS
from kilowatch.nets.onnx_file import MOST_BYTES, parse

if TYPE_CHECKING:
    from pathlib import Path

    from kilowatch.nets.card import ModelCard, Network
    from kilowatch.nets.onnx_file import OnnxFile

INPUT = "power_w"
SCORE = "score"
EXPECTED = "expected_w"
INT8_OPERATORS = frozenset({"Cast", "DynamicQuantizeLSTM", "DynamicQuantizeLinear", "MatMulInteger"})
"""What ONNX Runtime's dynamic quantisation puts in the place of LSTM and dense layers."""
# As many as the longest window that a card may name.
MOST_STEPS = 100_000


@dataclass(frozen=True, slots=True)
class Artifact:
    """The bytes of a model file that was checked, what they hold, and their hash."""

    data: bytes
    sha256: str
    card: ModelCard
    file: OnnxFile


def read_artifact(path: Path, expected_sha256: str | None = None) -> Artifact:
    """Return the model in a file; `ModelError` where it is missing, corrupt, of another hash or a newer format."""
    try:
        # The size before the bytes: what is no model must not fill the memory of a small board.
        size = path.stat().st_size
        data = path.read_bytes() if size <= MOST_BYTES else b""
    except OSError as error:
        raise ModelError(f"Model {path} cannot be read: {error.strerror}.", "Check the path.") from None
    if size > MOST_BYTES:
        raise ModelError(f"Model {path} has {size >> 20} MiB, more than {MOST_BYTES >> 20}.", "Is it a model?")
    return artifact_of(data, expected_sha256)


def artifact_of(data: bytes, expected_sha256: str | None = None) -> Artifact:
    """Return the model in the bytes of a file, checked as in `read_artifact`."""
    # The hash before the parser: bytes that nobody asked for are not even looked into.
    digest = sha256(data).hexdigest()
    if expected_sha256 is not None and digest != expected_sha256.lower():
        message = f"The model's SHA-256 is {digest[:12]}…, expected {expected_sha256[:12]}…."
        raise ModelError(message, "The file was changed or torn: fetch it again, or roll back.")
    file = parse(data)
    card = from_metadata(file.metadata)
    if file.inputs.get(INPUT, [])[1:] != [card.window] or SCORE not in file.outputs:
        message = f"The graph does not take {INPUT}[n, {card.window}] to {SCORE}, as its metadata says."
        raise ModelError(message, "Train or fetch it again.")
    _check_graph(file)
    return Artifact(data, digest, card, file)


def _check_graph(file: OnnxFile) -> None:
    """Refuse operators that no model of ours has, and sizes by which a small file could claim all memory."""
    strange = sorted({node.op for node in file.nodes} - OPERATORS.keys() - INT8_OPERATORS)
    if strange:
        raise ModelError(f"The graph uses {', '.join(strange)}, which no kilowatch model does.", "Is it yours?")
    for name, array in file.weights.items():
        # int64 weights are axes, slices and shapes, and Expand makes whatever size they say.
        if array.dtype == np.int64 and (np.abs(array) > MOST_STEPS).any():
            raise ModelError(f"The graph asks for a size of over {MOST_STEPS} in {name}.", "Is it yours?")


def check_fit(
    card: ModelCard, *, kind: Network | None = None, window: int | None = None, interval_s: float | None = None
) -> None:
    """Raise `ModelError` where a model is not of the kind, window or interval that it is wanted for."""
    if kind is not None and card.kind is not kind:
        raise ModelError(f"The model is a {card.kind}, not a {kind}.", "Choose another: kilowatch models list.")
    if window is not None and card.window != window:
        hint = f"Give it windows of {card.window}, or train one for {window}."
        raise ModelError(f"The model was trained on windows of {card.window} samples, not {window}.", hint)
    if interval_s is not None and abs(card.interval_s - interval_s) > 0.01 * card.interval_s:
        hint = f"Resample to {card.interval_s:g} s, or train one for {interval_s:g} s."
        raise ModelError(f"The model was trained on a {card.interval_s:g} s grid, not {interval_s:g} s.", hint)
