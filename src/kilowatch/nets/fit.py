"""The training loop: shuffled epochs, early stop, best weights kept, a checkpoint after each epoch.

An epoch is ordered by seed and epoch alone, so a run that was interrupted ends as it would have.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Annotated, Any

import msgspec
import numpy as np
from msgspec import Meta

from kilowatch.errors import ConfigError
from kilowatch.nets.build import arrays
from kilowatch.nets.checkpoint import EpochReport, Progress, load, save

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from numpy.typing import NDArray


class TrainPlan(msgspec.Struct, frozen=True, kw_only=True):
    """How to train; epochs and batch as in the edge paper.

    patience: epochs without a better validation loss after which to stop, 0 for never. warm_up: epochs with pool 4
    before a smaller pool takes over its weights.
    """

    epochs: Annotated[int, Meta(ge=1, le=100_000)] = 100
    batch: Annotated[int, Meta(ge=1, le=65_536)] = 25
    learning_rate: Annotated[float, Meta(gt=0, le=1)] = 1e-3
    patience: Annotated[int, Meta(ge=0)] = 25
    warm_up: Annotated[int, Meta(ge=0)] = 30
    seed: Annotated[int, Meta(ge=0)] = 0


class Examples(msgspec.Struct, frozen=True):
    """What a network takes and what it is to give, [n, ...]."""

    x: Any
    y: Any


class Fitter:
    """Trains one compiled Keras model; `progress.best` holds the best weights afterwards."""

    def __init__(self, model: Any, plan: TrainPlan, checkpoint: Path | None, fingerprint: str) -> None:
        # Keras makes the optimiser's variables at the first step; a checkpoint needs them here to be written into.
        model.optimizer.build(model.trainable_variables)
        self._model = model
        self._plan = plan
        self._checkpoint = checkpoint
        self._fingerprint = fingerprint
        found = None if checkpoint is None else load(checkpoint, fingerprint)
        self.progress = found or Progress()
        if found is not None:
            self._variables = found.variables

    def run(self, train: Examples, validation: Examples, report: Callable[[EpochReport], None]) -> Progress:
        """Train to the end of the plan or until nothing improves, and give the model its best weights."""
        for epoch in range(len(self.progress.history), self._plan.epochs):
            if self._is_stale(epoch):
                break
            report(self._epoch(epoch, train, validation))
        self._model.set_weights(self.progress.best)
        return self.progress

    def _is_stale(self, epoch: int) -> bool:
        return 0 < self._plan.patience <= epoch - 1 - self.progress.best_epoch and epoch > 0

    def _epoch(self, epoch: int, train: Examples, validation: Examples) -> EpochReport:
        started = time.monotonic()
        batch = min(self._plan.batch, len(train.x))
        order = np.random.default_rng([self._plan.seed, epoch]).permutation(len(train.x))
        # A tail of another size would be compiled once more; the order changes, so each epoch leaves out others.
        order = order[: len(order) // batch * batch]
        fitted = self._model.fit(
            train.x[order], train.y[order], batch_size=batch, epochs=1, shuffle=False, verbose=0
        ).history
        # Whole batches here too; where there is not even one, the few that there are.
        rows = max(len(validation.x) // batch * batch, min(batch, len(validation.x)))
        judged = self._model.evaluate(
            validation.x[:rows], validation.y[:rows], batch_size=batch, verbose=0, return_dict=True
        )
        return self._note(epoch, fitted["loss"][0], judged, time.monotonic() - started)

    def _note(self, epoch: int, loss: float, judged: dict[str, float], seconds: float) -> EpochReport:
        progress = self.progress
        # Before anything is noted or saved: the checkpoint keeps the last epoch that was sound.
        if not (np.isfinite(loss) and np.isfinite(judged["loss"])):
            hint = "Lower it with --learning-rate."
            raise ConfigError(f"The loss is no longer a number in epoch {epoch + 1}: the rate is too high.", hint)
        # The first epoch compiles: it says nothing of how long the others will take.
        spent = [entry.seconds for entry in progress.history[1:]] + [seconds]
        report = EpochReport(
            epoch=epoch + 1,
            epochs=self._plan.epochs,
            loss=float(loss),
            validation_loss=float(judged["loss"]),
            seconds=seconds,
            seconds_left=float(np.median(spent)) * (self._plan.epochs - epoch - 1),
            validation_accuracy=judged.get("accuracy"),
        )
        best = min((entry.validation_loss for entry in progress.history), default=np.inf)
        progress.history.append(report)
        if report.validation_loss < best or not progress.best:
            progress.best, progress.best_epoch = arrays(self._model.weights), epoch
        if self._checkpoint is not None:
            progress.variables = arrays(self._variables)
            save(self._checkpoint, self._fingerprint, progress)
        return report

    @property
    def _variables(self) -> list[Any]:
        # `variables` has the state of dropout's chance too, which `weights` has not: a run goes on with the same masks.
        return [*self._model.variables, *self._model.optimizer.variables]

    @_variables.setter
    def _variables(self, values: list[NDArray[Any]]) -> None:
        for variable, value in zip(self._variables, values, strict=True):
            variable.assign(value)
