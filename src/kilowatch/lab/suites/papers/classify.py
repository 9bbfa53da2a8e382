"""The classifiers of the edge paper's tables: its network, and gradient-boosted trees as the yardstick.

Both get the windows of a trial; the trees see value changes, x(t) - x(t - k) and log of x(t) / x(t - k), summed up
over the window (Fu, Arjunan & Miller, "Trimming outliers using trees", first place of LEAD 2022).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from kilowatch.errors import MissingExtraError
from kilowatch.lab.suites.papers.once import fresh
from kilowatch.nets.build import predict
from kilowatch.nets.fit import Examples, Fitter, TrainPlan
from kilowatch.nets.heads import network_input, scaled
from kilowatch.nets.shapes import EdgeClassifierShape

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from kilowatch.lab.suites.papers.meters import Labelled, Trial

BATCH = 25
LAGS = (1, 2, 4, 8, 16, 32, 64, 128)
_LEAST_W = 1.0


@dataclass(frozen=True, slots=True)
class Judged:
    """Probability of abnormal of each validation and test window, float32[n], and how training went."""

    validation: NDArray[np.float32]
    test: NDArray[np.float32]
    train_accuracy: float | None = None
    validation_accuracy: float | None = None
    best_epoch: int | None = None


def network(trial: Trial, epochs: int, seed: int) -> Judged:
    """Train the edge classifier: batches of 25, shuffled, the weights of the best validation loss."""
    shape = EdgeClassifierShape()
    model = fresh(shape, seed)
    examples = [_examples(part, trial, shape) for part in (trial.train, trial.validation, trial.test)]
    plan = TrainPlan(epochs=epochs, batch=BATCH, patience=0, seed=seed)
    progress = Fitter(model, plan, None, "").run(examples[0], examples[1], lambda _: None)
    return judged(model, examples, progress.best_epoch)


def judged(model: Any, examples: Sequence[Examples], best_epoch: int) -> Judged:
    """Return what a Keras model makes of training, validation and test examples; best_epoch counts from 0."""
    said = [predict(model, part.x)[:, 0] for part in examples]
    right = [float(((one >= 0.5) == (part.y[:, 0] > 0)).mean()) for one, part in zip(said, examples, strict=True)]
    return Judged(said[1], said[2], right[0], right[1], best_epoch + 1)


def trees(trial: Trial, seed: int) -> Judged:
    """Train gradient-boosted trees with scikit-learn's defaults; `MissingExtraError` without the extra."""
    try:
        from sklearn.ensemble import HistGradientBoostingClassifier
    except ImportError:
        raise MissingExtraError("scikit-learn", "lab") from None
    grown = HistGradientBoostingClassifier(random_state=seed)
    grown.fit(value_changes(trial.train.power_w), trial.train.label)
    said = [
        grown.predict_proba(value_changes(part.power_w))[:, 1] for part in (trial.train, trial.validation, trial.test)
    ]
    labels = [part.label > 0 for part in (trial.train, trial.validation)]
    # Two labels for three answers: how the test went is counted from its confusion matrix.
    right = [float(((one >= 0.5) == label).mean()) for one, label in zip(said, labels, strict=False)]
    return Judged(said[1].astype(np.float32), said[2].astype(np.float32), right[0], right[1])


def value_changes(power_w: NDArray[np.float32]) -> NDArray[np.float64]:
    """Return features float64[n, 10 per lag + 4] of windows float32[n, window] of watts."""
    watts = np.maximum(power_w.astype(np.float64), 0.0)
    # A watt more: ratios of readings near zero would say nothing but noise.
    logs = np.log(watts + _LEAST_W)
    columns = [watts.mean(axis=1), watts.std(axis=1), watts.min(axis=1), watts.max(axis=1)]
    for lag in LAGS:
        for values in (watts, logs):
            change = values[:, lag:] - values[:, :-lag]
            columns += [change.mean(axis=1), change.std(axis=1), change.min(axis=1), change.max(axis=1)]
            columns.append(np.abs(change).mean(axis=1))
    return np.column_stack(columns)


def _examples(part: Labelled, trial: Trial, shape: EdgeClassifierShape) -> Examples:
    return Examples(network_input(scaled(part.power_w, trial.scaler), shape), part.label[:, None])
