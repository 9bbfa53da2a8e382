"""The model card: what a model file says of itself in its kw.* metadata (CONTRACTS, model artifact)."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

import msgspec
from msgspec import Meta

from kilowatch.errors import ModelError

FORMAT = 1
PREFIX = "kw."


class Network(StrEnum):
    """Which network a model is."""

    EDGE_CLASSIFIER = "edge-classifier"
    AUTOENCODER = "autoencoder"
    FORECASTER = "forecaster"


class ScoreRule(StrEnum):
    """What the raw score is."""

    PROBABILITY = "probability"
    MEAN_ABSOLUTE_ERROR = "mean_absolute_error"
    SCALED_RESIDUAL = "scaled_residual"


class Precision(StrEnum):
    """How the weights are stored."""

    FLOAT32 = "float32"
    INT8 = "int8"


class Scaler(msgspec.Struct, frozen=True):
    """Min-max scaling of watts, (w - low_w) / span_w, fitted on training data alone; part of the graph."""

    low_w: float
    span_w: Annotated[float, Meta(gt=0)]
    name: str = "minmax"


class Normaliser(msgspec.Struct, frozen=True):
    """Middle and spread of the scores of validation windows, to make scores of several models comparable."""

    median: float
    mad: float


class TrainedOn(msgspec.Struct, frozen=True):
    """The data behind a model, in figures."""

    devices: list[str]
    train_windows: int
    validation_windows: int
    first_ms: int
    last_ms: int
    abnormal_share: float | None = None


class Metrics(msgspec.Struct, frozen=True):
    """What training ended with."""

    epochs: int
    loss: float
    validation_loss: float
    validation_accuracy: float | None = None


class ModelCard(msgspec.Struct, frozen=True, kw_only=True):
    """The metadata of a model file; keys are the field names after `kw.`, values text or JSON.

    threshold: raw score from which a window counts as odd. equality_max: largest difference to Keras at export,
    relative above 1. changed_verdicts: share of windows that int8 judges otherwise than float32.
    """

    format: Annotated[int, Meta(ge=1)] = FORMAT
    kind: Network
    window: Annotated[int, Meta(ge=2, le=100_000)]
    interval_s: Annotated[float, Meta(gt=0)]
    channels: list[str]
    scaler: Scaler
    score: ScoreRule
    threshold: float
    normaliser: Normaliser
    trained_on: TrainedOn
    metrics: Metrics
    fingerprint: str
    created: str
    opset: int
    equality_max: float
    precision: Precision = Precision.FLOAT32
    changed_verdicts: float | None = None


_TEXT = frozenset({"kind", "score", "fingerprint", "created", "precision"})
_OPTIONAL = frozenset({"precision", "changed_verdicts"})


def to_metadata(card: ModelCard) -> dict[str, str]:
    """Return the metadata properties of a card."""
    values = msgspec.to_builtins(card)
    return {
        PREFIX + name: value if name in _TEXT else msgspec.json.encode(value).decode() for name, value in values.items()
    }


def from_metadata(metadata: dict[str, str]) -> ModelCard:
    """Return the card in a file's metadata; `ModelError` where a field is missing, wrong, or of a newer format."""
    named = {key.removeprefix(PREFIX): value for key, value in metadata.items() if key.startswith(PREFIX)}
    if not named:
        raise ModelError("This ONNX file is not a kilowatch model.", "Make one with: kilowatch train.")
    missing = [name for name in ModelCard.__struct_fields__ if name not in named and name not in _OPTIONAL]
    # Before fields are missed: a newer format may have others, and the upgrade is what helps.
    if "format" in named and named["format"] != str(FORMAT):
        hint = "Upgrade kilowatch, or train the model anew with this version."
        raise ModelError(f"The model has format {named['format']}; this version reads {FORMAT}.", hint)
    if missing:
        raise ModelError(f"The model lacks {', '.join(PREFIX + name for name in missing)}.", "Train or fetch it again.")
    try:
        values = {name: value if name in _TEXT else msgspec.json.decode(value) for name, value in named.items()}
        return msgspec.convert(values, ModelCard)
    except (msgspec.ValidationError, msgspec.DecodeError) as error:
        raise ModelError(f"The model's metadata is wrong: {error}.", "Train or fetch it again.") from None
