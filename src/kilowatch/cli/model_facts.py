"""A model file as the facts that commands print of it."""

from __future__ import annotations

import msgspec

from kilowatch.core.outputs_models import EpochRow, ModelFacts
from kilowatch.nets.artifact import Artifact
from kilowatch.nets.checkpoint import EpochReport


def facts(artifact: Artifact) -> ModelFacts:
    """Return what a model says of itself."""
    card = artifact.card
    return ModelFacts(
        sha256=artifact.sha256,
        bytes=len(artifact.data),
        network=card.kind.value,
        precision=card.precision.value,
        window=card.window,
        interval_s=card.interval_s,
        channels=card.channels,
        low_w=card.scaler.low_w,
        span_w=card.scaler.span_w,
        score=card.score.value,
        threshold=card.threshold,
        **msgspec.structs.asdict(card.trained_on),
        **msgspec.structs.asdict(card.metrics),
        fingerprint=card.fingerprint,
        created=card.created,
        opset=card.opset,
        equality_max=card.equality_max,
        changed_verdicts=card.changed_verdicts,
    )


def epoch_rows(history: list[EpochReport]) -> list[EpochRow]:
    """Return the epochs of a run."""
    fields = EpochRow.__struct_fields__
    return [EpochRow(**{name: getattr(report, name) for name in fields}) for report in history]
