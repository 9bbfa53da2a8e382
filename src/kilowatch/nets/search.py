"""Hyperparameters by Optuna: a study in SQLite that goes on where it was interrupted, poor trials pruned early.

Every trial is judged by its validation loss. Data kept aside for a test are never handed in, so no trial sees them.
"""

from __future__ import annotations

from contextlib import closing
from hashlib import sha256
from typing import TYPE_CHECKING, Annotated, Any

import msgspec
import numpy as np
from msgspec import Meta

from kilowatch.errors import ConfigError, MissingExtraError, StateError
from kilowatch.nets.card import Network
from kilowatch.nets.fit import TrainPlan
from kilowatch.nets.locks import Together
from kilowatch.nets.shapes import AutoencoderShape, EdgeClassifierShape, ForecasterShape, Shape
from kilowatch.nets.train import fitted
from kilowatch.nets.windows import check_data

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from kilowatch.nets.windows import Windows

    Cut = Callable[[int], tuple[Windows, Windows]]
    """From a window's length to training and validation windows."""

_DATA = "data"


class SearchPlan(msgspec.Struct, frozen=True, kw_only=True):
    """How long to search, and which windows to try; epochs: at most, in each trial."""

    trials: Annotated[int, Meta(ge=1)] = 30
    epochs: Annotated[int, Meta(ge=1)] = 30
    windows: tuple[int, ...] = (120, 200, 300)
    batch: Annotated[int, Meta(ge=1)] = 25
    seed: Annotated[int, Meta(ge=0)] = 0


class TrialReport(msgspec.Struct, frozen=True):
    """One trial that ended: its validation loss, None where it was pruned, and the best one so far."""

    number: int
    trials: int
    loss: float | None
    best: float | None


class Found(msgspec.Struct, frozen=True):
    """The best trial."""

    shape: Shape
    learning_rate: float
    loss: float
    trials: int
    pruned: int


def search(
    network: Network, cut: Cut, plan: SearchPlan, path: Path, report: Callable[[TrialReport], None] = lambda _: None
) -> Found:
    """Search until the study at `path` holds as many trials as the plan says, and return the best one.

    Trials that were cut off are tried again; another search that is at the same study keeps its own.
    `StateError` where the study is of other data or another network; `ConfigError` where no trial ended well.
    """
    optuna = _optuna()
    parts = {window: cut(window) for window in plan.windows}
    # Before the study: data that cannot train must leave no file behind.
    for training, validation in parts.values():
        check_data(training, validation, labelled=network is Network.EDGE_CLASSIFIER)
    with closing(Together(path.with_name(path.name + ".lock"))) as others:
        study = _study(optuna, network, plan, path, _fingerprint(parts))
        if others.was_first:
            _give_up_running(optuna, study)
        others.share()
        _optimize(optuna, study, network, plan, parts, report)
    return _best(optuna, study, network, plan)


def _optimize(
    optuna: Any,
    study: Any,
    network: Network,
    plan: SearchPlan,
    parts: dict[int, tuple[Windows, Windows]],
    report: Callable[[TrialReport], None],
) -> None:
    def objective(trial: Any) -> float:
        shape, rate = propose(trial, network, plan.windows)
        return _loss(optuna, trial, shape, rate, plan, parts[shape.window])

    def told(study: Any, trial: Any) -> None:
        best = study.best_value if _complete(optuna, study) else None
        report(
            TrialReport(trial.number + 1, plan.trials, trial.value if trial.state.name == "COMPLETE" else None, best)
        )

    # Failed ones are those that were cut off: they count for nothing, so the plan is made up.
    over = sum(trial.state.is_finished() and trial.state.name != "FAIL" for trial in study.trials)
    study.optimize(objective, n_trials=max(0, plan.trials - over), callbacks=[told])


def propose(trial: Any, network: Network, windows: tuple[int, ...]) -> tuple[Shape, float]:
    """Return the shape and learning rate that a trial (or a fixed one) proposes."""
    window = trial.suggest_categorical("window", list(windows))
    rate = trial.suggest_float("learning_rate", 3e-4, 1e-2, log=True)
    filters = trial.suggest_categorical("filters", [8, 16, 32])
    kernel = trial.suggest_categorical("kernel", [3, 5, 9, 15] if network is not Network.FORECASTER else [2, 3, 4])
    if network is Network.FORECASTER:
        return ForecasterShape(window=window, filters=filters, kernel=kernel), rate
    pool = trial.suggest_categorical("pool", [2, 4, 8])
    units = trial.suggest_categorical("units", [16, 32, 64])
    if network is Network.EDGE_CLASSIFIER:
        return EdgeClassifierShape(window=window, filters=filters, kernel=kernel, pool=pool, units=units), rate
    latent, dropout = trial.suggest_categorical("latent", [8, 16, 32]), trial.suggest_float("dropout", 0, 0.4)
    sizes = {"filters": filters, "kernel": kernel, "pool": pool, "units": units, "latent": latent}
    return AutoencoderShape(window=window, dropout=dropout, **sizes), rate


def _loss(
    optuna: Any, trial: Any, shape: Shape, rate: float, plan: SearchPlan, parts: tuple[Windows, Windows]
) -> float:
    def prune(epoch: Any) -> None:
        trial.report(epoch.validation_loss, epoch.epoch)
        if trial.should_prune():
            raise optuna.TrialPruned

    training = TrainPlan(epochs=plan.epochs, batch=plan.batch, learning_rate=rate, seed=plan.seed, patience=10)
    try:
        progress = fitted(*parts, shape, training, report=prune).progress
    except ConfigError:
        # The data were checked before: these sizes do not go together, or the rate is too high.
        raise optuna.TrialPruned from None
    return progress.history[progress.best_epoch].validation_loss


def _optuna() -> Any:
    try:
        import optuna
    except ImportError:
        raise MissingExtraError("optuna", "train") from None
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    return optuna


def _study(optuna: Any, network: Network, plan: SearchPlan, path: Path, fingerprint: str) -> Any:
    """Return the study at path, new or gone on with."""
    known = path.exists()
    try:
        study = optuna.create_study(
            storage=f"sqlite:///{path}",
            study_name=network.value,
            load_if_exists=True,
            direction="minimize",
            # Not by the first epochs, and not before there is something to compare with: that would be by chance.
            pruner=optuna.pruners.MedianPruner(n_startup_trials=5, n_warmup_steps=3),
        )
    # A file that is no study of ours fails in Optuna, in SQLAlchemy or in SQLite, each in its own way.
    except Exception as error:
        hint = "Name another file with --study."
        raise StateError(f"The study {path} cannot be read: {type(error).__name__}.", hint) from None
    if known and study.user_attrs.get(_DATA, fingerprint) != fingerprint:
        raise StateError(f"The study {path} belongs to other data or windows.", "Name another file with --study.")
    study.set_user_attr(_DATA, fingerprint)
    # One seed for all trials would propose the same ones again after an interruption.
    study.sampler = optuna.samplers.TPESampler(seed=plan.seed + len(study.trials))
    return study


def _give_up_running(optuna: Any, study: Any) -> None:
    """Say of trials whose process is gone that they failed; call it where no other search is at the study."""
    for trial in study.trials:
        if not trial.state.is_finished():
            study.tell(trial.number, state=optuna.trial.TrialState.FAIL)


def _complete(optuna: Any, study: Any) -> list[Any]:
    found: list[Any] = study.get_trials(deepcopy=False, states=(optuna.trial.TrialState.COMPLETE,))
    return found


def _best(optuna: Any, study: Any, network: Network, plan: SearchPlan) -> Found:
    complete = _complete(optuna, study)
    if not complete:
        raise ConfigError("No trial ended.", "Allow more trials or epochs.")
    best = study.best_trial
    shape, rate = propose(optuna.trial.FixedTrial(best.params), network, plan.windows)
    pruned = sum(trial.state.name == "PRUNED" for trial in study.trials)
    return Found(shape, rate, float(best.value), len(study.trials), pruned)


def _fingerprint(parts: dict[int, tuple[Windows, Windows]]) -> str:
    digest = sha256()
    for window in sorted(parts):
        for part in parts[window]:
            digest.update(np.ascontiguousarray(part.power_w).tobytes())
            digest.update(part.label.tobytes())
    return digest.hexdigest()
