from __future__ import annotations

import msgspec
import numpy as np
import pytest

from kilowatch.errors import ConfigError
from kilowatch.nets.artifact import artifact_of
from kilowatch.nets.build import arrays, build, compiled
from kilowatch.nets.card import Network
from kilowatch.nets.checkpoint import EpochReport, Progress
from kilowatch.nets.fit import Examples, Fitter, TrainPlan
from kilowatch.nets.shapes import EdgeClassifierShape
from kilowatch.nets.train import _warm_up, fitted
from nets.made import PLAN, SHAPES, WINDOW, parts, trained

CLASSIFIER = EdgeClassifierShape(window=WINDOW, filters=3, kernel=3, units=3)


def examples() -> Examples:
    rng = np.random.default_rng(0)
    label = (np.arange(32) % 2).astype(np.float32)[:, None]
    return Examples(rng.random((32, WINDOW, 1)).astype(np.float32) + label[:, :, None], label)


def loss_of(epoch: int, loss: float) -> EpochReport:
    return EpochReport(epoch, 100, loss, loss, 1.0, 0.0)


def fitter(plan: TrainPlan, losses: list[float]) -> Fitter:
    made = object.__new__(Fitter)
    made._plan = plan
    made.progress = Progress([loss_of(k + 1, loss) for k, loss in enumerate(losses)], int(np.argmin(losses)))
    return made


@pytest.mark.parametrize(
    ("losses", "patience", "stale"),
    [
        ([0.5], 1, False),
        ([0.5, 0.6], 1, True),
        ([0.5, 0.6], 2, False),
        ([0.5, 0.6, 0.7], 2, True),
        ([0.5, 0.6, 0.4], 2, False),
        ([0.5, 0.6, 0.7, 0.8], 0, False),
    ],
)
def test_a_run_is_stale_once_nothing_improved_for_long(losses: list[float], patience: int, stale: bool) -> None:
    assert fitter(TrainPlan(patience=patience), losses)._is_stale(len(losses)) is stale


def test_a_run_stops_early_and_keeps_its_best_weights() -> None:
    plan = TrainPlan(epochs=50, batch=16, patience=2, learning_rate=1e-12)
    model = compiled(build(CLASSIFIER, 0), CLASSIFIER, plan.learning_rate)
    progress = Fitter(model, plan, None, "").run(examples(), examples(), lambda _: None)
    assert len(progress.history) < 50
    assert len(progress.history) == progress.best_epoch + 1 + plan.patience
    for weight, best in zip(arrays(model.weights), progress.best, strict=True):
        np.testing.assert_array_equal(weight, best)


def test_a_small_pool_starts_from_weights_of_pool_4() -> None:
    small = msgspec.structs.replace(CLASSIFIER, pool=2)
    plan = TrainPlan(epochs=1, batch=16, warm_up=1)
    both = examples(), examples()
    model, untouched = build(small, 0), build(CLASSIFIER, 0)
    before = arrays(untouched.weights)
    _warm_up(untouched, CLASSIFIER, plan, both)
    for weight, first in zip(arrays(untouched.weights), before, strict=True):
        np.testing.assert_array_equal(weight, first)
    _warm_up(model, small, plan, both)
    twin = compiled(build(CLASSIFIER, 0), CLASSIFIER, plan.learning_rate)
    Fitter(twin, plan, None, "").run(*both, lambda _: None)
    for weight, other in zip(arrays(model.weights), arrays(twin.weights), strict=True):
        np.testing.assert_allclose(weight, other, atol=1e-6)


def test_a_rate_that_is_too_high_is_said() -> None:
    made = fitter(TrainPlan(), [0.5])
    with pytest.raises(ConfigError, match="no longer a number in epoch 2"):
        made._note(1, float("nan"), {"loss": 0.5}, 1.0)


def test_fine_tuning_starts_where_the_model_was_and_keeps_its_scaling() -> None:
    network = Network.FORECASTER
    start = artifact_of(trained(network).data)
    plan = msgspec.structs.replace(PLAN, epochs=1, learning_rate=1e-5)
    kept = start.card.scaler
    run = fitted(*parts(network), SHAPES[network], plan, scaler=kept, start=start)
    assert run.scaler is kept
    assert run.progress.history[0].validation_loss == pytest.approx(start.card.metrics.validation_loss, abs=0.05)
    scratch = trained(network).history[0]
    assert run.progress.history[0].loss < scratch.loss
