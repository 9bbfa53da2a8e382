"""Networks without labels, trained on one device's normal days: Chawla et al.'s autoencoder and what it leaves open.

The paper gives filters 32, kernel 15, "same", LSTM(120), dropout, mean absolute error. Window, pool, share of dropout
and bottleneck are ours; each recipe changes one of them.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import numpy as np

from kilowatch.errors import ReadingError
from kilowatch.lab.suites.papers.once import fresh
from kilowatch.nets.artifact import artifact_of
from kilowatch.nets.build import predict
from kilowatch.nets.card import Metrics, ModelCard, Normaliser, TrainedOn
from kilowatch.nets.engines import default_engine
from kilowatch.nets.export import OPSET, export
from kilowatch.nets.fit import Examples, Fitter, TrainPlan
from kilowatch.nets.heads import RULES, network_input, scaled, score_of
from kilowatch.nets.runtime import Model
from kilowatch.nets.shapes import AutoencoderShape, ForecasterShape, Shape
from kilowatch.nets.train import fit_scaler
from kilowatch.nets.windows import FEWEST, cut, split_by_time

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from kilowatch.core.samples import Series
    from kilowatch.nets.card import Scaler
    from kilowatch.nets.windows import Windows

PATIENCE = 10
_VALIDATION = 0.25
_OVERLAP = 4
_QUANTILE = 0.999


@dataclass(frozen=True, slots=True)
class Recipe:
    """A network to train. noise: standard deviation, of the scaled range, added to what it sees, not to its truth."""

    name: str
    shape: Shape
    noise: float = 0.0


BASELINE = Recipe("autoencoder", AutoencoderShape())
RECIPES = (
    BASELINE,
    Recipe("pool 4", AutoencoderShape(pool=4)),
    Recipe("window 60", AutoencoderShape(window=60)),
    Recipe("no dropout", AutoencoderShape(dropout=0.0)),
    Recipe("denoising", AutoencoderShape(), noise=0.05),
    Recipe("forecaster", ForecasterShape()),
)
QUICK_RECIPES = (Recipe("autoencoder", AutoencoderShape(window=60, filters=8, units=12, latent=6)),)


def trained_model(history: Series, recipe: Recipe, plan: TrainPlan) -> Model:
    """Return a recipe's model of a device's past; the same past, recipe and seed give the same one."""
    windows = cut(history, recipe.shape.window, max(1, recipe.shape.window // _OVERLAP))
    training, validation = split_by_time(windows, _VALIDATION)
    if len(training) < FEWEST or not len(validation):
        raise ReadingError(f"{len(windows)} windows are too few to train on.", "Bring a longer history.")
    scaler = fit_scaler(training.power_w)
    keras_model = fresh(recipe.shape, plan.seed)
    examples = _noisy(training, recipe, scaler, plan.seed), _examples(validation, recipe.shape, scaler)
    progress = Fitter(keras_model, plan, None, "").run(*examples, lambda _: None)
    x = scaled(validation.power_w, scaler)
    scores = score_of(x, predict(keras_model, network_input(x, recipe.shape)), recipe.shape)
    best = progress.history[progress.best_epoch]
    metrics = Metrics(best.epoch, best.loss, best.validation_loss)
    card = card_of(recipe.shape, scaler, _trained_on(training, validation), metrics, scores)
    return Model(artifact_of(export(keras_model, recipe.shape, card, validation.power_w)), default_engine())


def card_of(
    shape: Shape, scaler: Scaler, trained_on: TrainedOn, metrics: Metrics, scores: NDArray[np.float32]
) -> ModelCard:
    """Return the card of a model of the lab; scores: of normal validation windows."""
    median = float(np.median(scores))
    return ModelCard(
        kind=shape.network,
        window=shape.window,
        interval_s=30.0,
        channels=["power_w"],
        scaler=scaler,
        score=RULES[shape.network],
        threshold=float(np.quantile(scores, _QUANTILE)),
        normaliser=Normaliser(median, float(np.median(np.abs(scores - median)))),
        trained_on=trained_on,
        metrics=metrics,
        fingerprint="",
        created=datetime.now(UTC).isoformat(timespec="seconds"),
        opset=OPSET,
        equality_max=0.0,
    )


def _examples(windows: Windows, shape: Shape, scaler: Scaler) -> Examples:
    x = scaled(windows.power_w, scaler)
    truth = x[:, 1:, None] if isinstance(shape, ForecasterShape) else x[:, :, None]
    return Examples(network_input(x, shape), truth)


def _noisy(windows: Windows, recipe: Recipe, scaler: Scaler, seed: int) -> Examples:
    plain = _examples(windows, recipe.shape, scaler)
    if not recipe.noise:
        return plain
    noise = np.random.default_rng(seed).normal(0, recipe.noise, plain.x.shape).astype(np.float32)
    return Examples(plain.x + noise, plain.y)


def _trained_on(training: Windows, validation: Windows) -> TrainedOn:
    last_ms = int(max(training.end_ms.max(), validation.end_ms.max()))
    names = sorted(training.names)
    return TrainedOn(names, len(training), len(validation), int(training.begin_ms.min()), last_ms)
