"""The edge paper's stack with what a person would add next, on the paper's own windows: how far does it go?

Beside scaled watts it sees their logarithm and the change from reading to reading, and, after the LSTM layers, the
value-change figures that the boosted trees see. Its rate falls along a cosine; the epoch of the best validation loss
counts. Nothing of it was chosen on test windows.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from kilowatch.lab.suites.papers.classify import BATCH, Judged, judged, value_changes
from kilowatch.lab.suites.papers.meters import WINDOW
from kilowatch.nets.build import keras
from kilowatch.nets.fit import Examples, Fitter, TrainPlan
from kilowatch.nets.heads import scaled

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from kilowatch.lab.suites.papers.meters import Labelled, Trial

_CHANNELS = 3
_RATE = 2e-3
_FURTHEST = 5.0
"""Standard deviations at which figures of a window are cut off: a test window may be unlike any of training."""


def improved(trial: Trial, epochs: int, seed: int) -> Judged:
    """Train it; scaling of the added inputs is fitted on training windows alone."""
    logs = np.log1p(np.maximum(trial.train.power_w, 0))
    unit = float(logs.mean()), float(logs.std()) + 1e-6
    figures = _squeezed(value_changes(trial.train.power_w))
    middle, spread = figures.mean(axis=0), figures.std(axis=0) + 1e-6

    def examples(part: Labelled) -> Examples:
        watts = scaled(part.power_w, trial.scaler)
        log = (np.log1p(np.maximum(part.power_w, 0)) - unit[0]) / unit[1]
        channels = np.stack([watts, log, np.diff(log, axis=1, prepend=log[:, :1])], axis=2)
        told = np.clip((_squeezed(value_changes(part.power_w)) - middle) / spread, -_FURTHEST, _FURTHEST)
        # Side by side in one array: a `Fitter` takes one input.
        x = np.concatenate([channels.reshape(len(watts), -1), told], axis=1)
        return Examples(x.astype(np.float32), part.label[:, None])

    parts = [examples(part) for part in (trial.train, trial.validation, trial.test)]
    steps = epochs * (len(trial.train.label) // BATCH)
    model = _model(figures.shape[1], steps, seed)
    plan = TrainPlan(epochs=epochs, batch=BATCH, patience=0, seed=seed)
    progress = Fitter(model, plan, None, "").run(parts[0], parts[1], lambda _: None)
    return judged(model, parts, progress.best_epoch)


def _squeezed(figures: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return figures with their size on a logarithm's scale, sign kept: watts of meters differ by powers of ten."""
    return np.sign(figures) * np.log1p(np.abs(figures))


def _model(figures: int, steps: int, seed: int) -> Any:
    library = keras()
    library.utils.set_random_seed(seed)
    layers = library.layers
    inputs = layers.Input((WINDOW * _CHANNELS + figures,))
    x = layers.Reshape((WINDOW, _CHANNELS))(inputs[:, : WINDOW * _CHANNELS])
    x = layers.Conv1D(32, 5, activation="relu")(x)
    x = layers.MaxPooling1D(4)(x)
    for sequences in (True, True, False):
        x = layers.LSTM(32, return_sequences=sequences)(x)
    told = layers.Dense(32, activation="relu")(layers.Dropout(0.3)(inputs[:, WINDOW * _CHANNELS :]))
    out = layers.Dense(1, activation="sigmoid")(layers.Concatenate()([x, told]))
    model = library.Model(inputs, out)
    falling = library.optimizers.schedules.CosineDecay(_RATE, steps)
    model.compile(library.optimizers.Adam(falling), loss="binary_crossentropy", metrics=["accuracy"])
    return model
