"""What `kilowatch train --json` and `kilowatch models ... --json` print; kept stable."""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec
from msgspec import Meta

Share = Annotated[float, Meta(ge=0, le=1)]


class ModelFacts(msgspec.Struct, frozen=True, kw_only=True):
    """What a model file says of itself."""

    sha256: str
    bytes: Annotated[int, Meta(ge=0)]
    network: str
    precision: Annotated[str, Meta(description="float32 or int8")]
    window: Annotated[int, Meta(ge=1, description="samples")]
    interval_s: float
    channels: list[str]
    low_w: Annotated[float, Meta(description="what scaling takes off")]
    span_w: Annotated[float, Meta(description="what scaling divides by")]
    score: Annotated[str, Meta(description="what the raw score is")]
    threshold: Annotated[float, Meta(description="raw score from which a window is odd")]
    devices: Annotated[list[str], Meta(description="trained on")]
    train_windows: Annotated[int, Meta(ge=0)]
    validation_windows: Annotated[int, Meta(ge=0)]
    first_ms: int
    last_ms: int
    abnormal_share: Annotated[Share | None, Meta(description="of training windows; of a classifier alone")]
    epochs: Annotated[int, Meta(ge=0, description="until the best one")]
    loss: float
    validation_loss: float
    validation_accuracy: Share | None
    fingerprint: Annotated[str, Meta(description="of all that decided the weights")]
    created: str
    opset: int
    equality_max: Annotated[float, Meta(description="largest difference of a score to Keras")]
    changed_verdicts: Annotated[Share | None, Meta(description="of int8 against float32")]


class EpochRow(msgspec.Struct, frozen=True, kw_only=True):
    """One epoch of a training run."""

    epoch: int
    loss: float
    validation_loss: float
    validation_accuracy: Share | None
    seconds: float


class TrainOutput(msgspec.Struct, frozen=True, kw_only=True):
    """What `kilowatch train --json` and `kilowatch search --json` print."""

    schema: Literal["kilowatch.train"] = "kilowatch.train"
    version: Literal[1] = 1
    file: str
    int8_file: str | None
    int8_refused: Annotated[str, Meta(description="why there is no int8 file")]
    curve_file: str
    model: ModelFacts
    history: list[EpochRow]


class ListedModel(msgspec.Struct, frozen=True, kw_only=True):
    """A model of a registry, and where it serves."""

    serves: Annotated[list[str], Meta(description="live, shadow or past, and the kind of device")]
    model: ModelFacts


class ModelsOutput(msgspec.Struct, frozen=True, kw_only=True):
    """What `kilowatch models list --json` prints."""

    schema: Literal["kilowatch.models"] = "kilowatch.models"
    version: Literal[1] = 1
    models: list[ListedModel]


class ModelOutput(msgspec.Struct, frozen=True, kw_only=True):
    """What `kilowatch models show --json` prints."""

    schema: Literal["kilowatch.model"] = "kilowatch.model"
    version: Literal[1] = 1
    model: ModelFacts


class VerifiedModel(msgspec.Struct, frozen=True, kw_only=True):
    """One model that was checked."""

    name: Annotated[str, Meta(description="as it was asked for")]
    whole: bool
    sha256: Annotated[str | None, Meta(description="null where it cannot be read")] = None
    network: str | None = None
    why: Annotated[str, Meta(description="what is wrong with it, and what to do; empty where it is whole")] = ""


class VerifyOutput(msgspec.Struct, frozen=True, kw_only=True):
    """What `kilowatch models verify --json` prints."""

    schema: Literal["kilowatch.verify"] = "kilowatch.verify"
    version: Literal[1] = 1
    models: list[VerifiedModel]
