"""What `kilowatch evaluate paper-edge --json` and `paper-cloud --json` print; kept stable."""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from kilowatch.core.outputs_evaluate import EvaluateRow, Share


class WindowRow(msgspec.Struct, frozen=True, kw_only=True):
    """One classifier, trained and tested once."""

    protocol: Annotated[str, Meta(description="how windows were split and scaled")]
    model: str
    subject: Annotated[str, Meta(description="the pair of meters, or the type of injection that training never saw")]
    seed: int
    idle: Annotated[bool, Meta(description="one meter of the pair reads nothing for most of the time")] = False
    true_positive: int
    false_negative: int
    false_positive: int
    true_negative: int
    train_accuracy: Share | None = None
    validation_accuracy: Share | None = None
    best_epoch: int | None = None
    seconds: float = 0.0

    @property
    def total(self) -> int:
        """Windows tested."""
        return self.true_positive + self.false_negative + self.false_positive + self.true_negative

    @property
    def accuracy(self) -> float:
        """Windows judged right, of all."""
        return (self.true_positive + self.true_negative) / self.total

    @property
    def tpr(self) -> float:
        """Abnormal windows found."""
        return self.true_positive / max(self.true_positive + self.false_negative, 1)

    @property
    def fpr(self) -> float:
        """Normal windows flagged."""
        return self.false_positive / max(self.false_positive + self.true_negative, 1)


class Spread(msgspec.Struct, frozen=True, kw_only=True):
    """One protocol and model over its subjects and seeds; worst: the smallest accuracy and TPR, the largest FPR."""

    protocol: str
    model: str
    subjects: int
    seeds: tuple[int, ...]
    accuracy_median: float
    accuracy_worst: float
    tpr_median: float
    tpr_worst: float
    fpr_median: float
    fpr_worst: float


class Phase(msgspec.Struct, frozen=True, kw_only=True):
    """One phase of the edge paper's table; cpu_share: of one core."""

    phase: str
    paper: str
    ours: float
    unit: str
    cpu_share: float | None = None


class PaperEdgeOutput(msgspec.Struct, frozen=True, kw_only=True):
    """What `kilowatch evaluate paper-edge --json` prints."""

    schema: Literal["kilowatch.paper-edge"] = "kilowatch.paper-edge"
    version: Literal[1] = 1
    quick: Annotated[bool, Meta(description="a small part only: figures are not comparable")]
    machine: str
    seconds: float
    epochs: int
    protocol: list[str]
    published: list[str]
    spreads: list[Spread]
    rows: list[WindowRow]
    phases: list[Phase]


class PaperCloudOutput(msgspec.Struct, frozen=True, kw_only=True):
    """What `kilowatch evaluate paper-cloud --json` prints; rows as in `kilowatch evaluate`."""

    schema: Literal["kilowatch.paper-cloud"] = "kilowatch.paper-cloud"
    version: Literal[1] = 1
    quick: Annotated[bool, Meta(description="a small part only: figures are not comparable")]
    machine: str
    seconds: float
    epochs: int
    seeds: tuple[int, ...]
    devices: int
    protocol: list[str]
    rows: list[EvaluateRow]
    recall_by_type: dict[str, dict[str, float]]
