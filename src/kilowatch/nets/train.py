"""From windows to a model file: checks, scaling, training, threshold, card, export and int8 sibling."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import sha256
from typing import TYPE_CHECKING, Any

import msgspec
import numpy as np

from kilowatch.errors import ConfigError, ModelError
from kilowatch.nets.artifact import artifact_of
from kilowatch.nets.build import arrays, build, compiled, predict
from kilowatch.nets.card import Metrics, ModelCard, Network, Normaliser, Scaler, TrainedOn
from kilowatch.nets.export import OPSET, export
from kilowatch.nets.fit import Examples, Fitter, TrainPlan
from kilowatch.nets.heads import RULES, network_input, scaled, score_of
from kilowatch.nets.quantise import to_int8
from kilowatch.nets.shapes import EdgeClassifierShape, ForecasterShape, Shape, check_shape
from kilowatch.nets.warm import give_weights
from kilowatch.nets.windows import check_data

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from numpy.typing import NDArray

    from kilowatch.nets.artifact import Artifact
    from kilowatch.nets.checkpoint import EpochReport, Progress
    from kilowatch.nets.windows import Windows

ODD_PROBABILITY = 0.5
_QUANTILE = 0.999
"""Of validation scores: a model's own threshold where no device has calibrated it yet."""
_EASY_POOL = 4


@dataclass(frozen=True, slots=True)
class Trained:
    """What training gives: the model file, its card, every epoch, and int8 or why there is none."""

    data: bytes
    card: ModelCard
    history: list[EpochReport]
    int8: bytes | None
    int8_refused: str


@dataclass(frozen=True, slots=True)
class Fitted:
    """A Keras model with the best weights of a run, the run, its scaling and its fingerprint."""

    model: Any
    progress: Progress
    scaler: Scaler
    fingerprint: str


def train(
    training: Windows,
    validation: Windows,
    shape: Shape,
    plan: TrainPlan,
    *,
    checkpoint: Path | None = None,
    start: Artifact | None = None,
    report: Callable[[EpochReport], None] = lambda _: None,
) -> Trained:
    """Train a network; the same data, settings and seed give the same weights.

    checkpoint: a file to go on from and to write after each epoch. start: a model of the same shape to fine-tune; its
    scaling is kept. `ReadingError`, `ConfigError` where the data cannot train it honestly (see `check_data`).
    """
    scaler = start.card.scaler if start is not None else None
    run = fitted(training, validation, shape, plan, scaler=scaler, checkpoint=checkpoint, start=start, report=report)
    scores = _scores(run.model, shape, run.scaler, validation)
    data = export(run.model, shape, _card(run, shape, training, validation, scores), validation.power_w)
    # Training windows too: it is asked whether verdicts change, not whether they are right, and few would tell nothing.
    int8, refused = _int8(data, np.concatenate([training.power_w, validation.power_w]))
    # The card as it stands in the file: `export` has written into it how far it differs from Keras.
    return Trained(data, artifact_of(data).card, run.progress.history, int8, refused)


def _card(run: Fitted, shape: Shape, training: Windows, validation: Windows, scores: NDArray[np.float32]) -> ModelCard:
    best = run.progress.history[run.progress.best_epoch]
    is_classifier = shape.network is Network.EDGE_CLASSIFIER
    return ModelCard(
        kind=shape.network,
        window=shape.window,
        interval_s=training.interval_ms / 1000,
        channels=["power_w"],
        scaler=run.scaler,
        score=RULES[shape.network],
        threshold=ODD_PROBABILITY if is_classifier else float(np.quantile(scores, _QUANTILE)),
        normaliser=_normaliser(scores),
        trained_on=_trained_on(training, validation, labelled=is_classifier),
        metrics=Metrics(best.epoch, best.loss, best.validation_loss, best.validation_accuracy),
        fingerprint=run.fingerprint,
        created=datetime.now(UTC).isoformat(timespec="seconds"),
        opset=OPSET,
        # Measured by `export`, which has the file to compare with.
        equality_max=0.0,
    )


def fitted(
    training: Windows,
    validation: Windows,
    shape: Shape,
    plan: TrainPlan,
    *,
    scaler: Scaler | None = None,
    checkpoint: Path | None = None,
    start: Artifact | None = None,
    report: Callable[[EpochReport], None] = lambda _: None,
) -> Fitted:
    """Train a network and stop there: no threshold, no file. Refuses as `train` does."""
    check_shape(shape)
    if getattr(shape, "channels", 1) != 1:
        raise ConfigError("Devices bring power alone.", "Train models over several channels with train_channels.")
    check_data(training, validation, labelled=shape.network is Network.EDGE_CLASSIFIER)
    if training.power_w.shape[1] != shape.window:
        raise ConfigError(
            f"The data are cut in {training.power_w.shape[1]}, the network takes {shape.window}.",
            "Cut them to its window, or choose a shape with theirs.",
        )
    scaler = scaler or fit_scaler(training.power_w)
    fingerprint = _fingerprint(training, validation, shape, plan, start)
    model = compiled(build(shape, plan.seed), shape, plan.learning_rate)
    examples = _examples(training, shape, scaler), _examples(validation, shape, scaler)
    if start is not None:
        give_weights(model, start.file)
    # A run that goes on has its weights in the checkpoint: warming up again would be thrown away.
    elif checkpoint is None or not checkpoint.exists():
        _warm_up(model, shape, plan, examples)
    progress = Fitter(model, plan, checkpoint, fingerprint).run(*examples, report)
    return Fitted(model, progress, scaler, fingerprint)


def fit_scaler(power_w: NDArray[np.float32]) -> Scaler:
    """Return min-max scaling of training windows (edge paper, section III), fitted on them alone."""
    low, high = float(power_w.min()), float(power_w.max())
    return Scaler(low, high - low)


def _examples(windows: Windows, shape: Shape, scaler: Scaler) -> Examples:
    x = scaled(windows.power_w, scaler)
    if isinstance(shape, EdgeClassifierShape):
        return Examples(network_input(x, shape), windows.label[:, None])
    truth = x[:, 1:, None] if isinstance(shape, ForecasterShape) else x[:, :, None]
    return Examples(network_input(x, shape), truth)


def _warm_up(model: Any, shape: Shape, plan: TrainPlan, examples: tuple[Examples, Examples]) -> None:
    """Start a classifier of a smaller pool from weights trained with pool 4; by itself it may stay at chance."""
    if not isinstance(shape, EdgeClassifierShape) or shape.pool >= _EASY_POOL or not plan.warm_up:
        return
    easy = msgspec.structs.replace(shape, pool=_EASY_POOL)
    twin = compiled(build(easy, plan.seed), easy, plan.learning_rate)
    Fitter(twin, msgspec.structs.replace(plan, epochs=plan.warm_up), None, "").run(*examples, lambda _: None)
    # Pooling has no weights and an LSTM takes any number of steps, so both have the same shapes.
    model.set_weights(arrays(twin.weights))


def _scores(model: Any, shape: Shape, scaler: Scaler, windows: Windows) -> NDArray[np.float32]:
    x = scaled(windows.power_w, scaler)
    return score_of(x, predict(model, network_input(x, shape)), shape)


def _normaliser(scores: NDArray[np.float32]) -> Normaliser:
    median = float(np.median(scores))
    return Normaliser(median, float(np.median(np.abs(scores - median))))


def _trained_on(training: Windows, validation: Windows, *, labelled: bool) -> TrainedOn:
    return TrainedOn(
        devices=sorted({*training.names, *validation.names}),
        train_windows=len(training),
        validation_windows=len(validation),
        first_ms=int(training.begin_ms.min()),
        last_ms=int(max(training.end_ms.max(), validation.end_ms.max())),
        abnormal_share=float(training.label.mean()) if labelled else None,
    )


def _fingerprint(training: Windows, validation: Windows, shape: Shape, plan: TrainPlan, start: Artifact | None) -> str:
    """Return the SHA-256 of all that decides the weights: data, settings, seed, and the model fine-tuned."""
    digest = sha256(msgspec.json.encode([shape, plan, "" if start is None else start.sha256]))
    for part in (training, validation):
        for column in (part.power_w, part.label):
            digest.update(column.tobytes())
    return digest.hexdigest()


def _int8(data: bytes, windows_w: NDArray[np.float32]) -> tuple[bytes | None, str]:
    try:
        return to_int8(data, windows_w), ""
    except ModelError as error:
        # The float32 model is as good without a sibling: the refusal is told, not raised.
        return None, str(error)
