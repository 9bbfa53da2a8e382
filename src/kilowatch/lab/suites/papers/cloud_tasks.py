"""One TV and one recipe: train, set thresholds, watch the clean test and its injected copies."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from kilowatch.detectors.network import Looks, NetworkDetector
from kilowatch.detectors.network_models import Models
from kilowatch.detectors.registry import DetectorName, create
from kilowatch.lab.measure import Detection, detect
from kilowatch.lab.suites.findings import AtRate, Findings
from kilowatch.lab.suites.front import course_of, read_course
from kilowatch.lab.suites.injected import COPIES, DAY_MS, TRAINING_DAYS, Trial, pieces, prepared
from kilowatch.lab.suites.papers.kept import KeptFindings
from kilowatch.lab.suites.papers.ledger import Ledger
from kilowatch.lab.suites.papers.recipes import PATIENCE, Recipe, trained_model
from kilowatch.lab.suites.walk import CURVE, Watcher
from kilowatch.lab.suites.watchtime import alarms_on, open_on
from kilowatch.nets.card import Network
from kilowatch.nets.fit import TrainPlan
from kilowatch.nets.registry import ANY

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from kilowatch.core.detector import Detector
    from kilowatch.lab.datasets import MeterFile

BATCH = 64
_FITTED = 0.6
"""Of the history trains; the rest is what thresholds are set on."""
_STRIDE = 10
UNTRAINED = (DetectorName.DEFAULT, DetectorName.RANDOM)


@dataclass(frozen=True, slots=True)
class CloudTask:
    """number: the device's place, which deals out the strengths. first: also measure what needs no training."""

    meter: MeterFile
    number: int
    recipe: Recipe
    seed: int
    epochs: int
    most_test_days: int
    results: Path
    first: bool

    @property
    def key(self) -> str:
        """Everything that decides the result."""
        # `first` as well: results without the untrained rows must not pass for those with them.
        days = f"{self.most_test_days} days; {self.epochs} epochs"
        return f"{self.recipe.name}; {self.meter.name}; seed {self.seed}; {days}{'; untrained too' * self.first}"


def run_cloud(task: CloudTask) -> list[Findings]:
    """Return findings of one recipe, looked at in each way that goes with it, and keep them in the file of results."""
    trial = _trial(task)
    found = [_measured(trial, name, detector, task.seed) for name, detector in _detectors(task, trial)]
    if task.first:
        found += [_measured(trial, name, create(name), task.seed) for name in UNTRAINED]
    Ledger(task.results, KeptFindings).add(task.key, [KeptFindings.of(one) for one in found])
    return found


def _trial(task: CloudTask) -> Trial:
    course = read_course(task.meter)
    trace = pieces(course.trace, task.most_test_days)[0]
    limit = round((TRAINING_DAYS + task.most_test_days) * DAY_MS / trace.interval_ms)
    kept = course_of(course.record, trace).between(0, int(trace.ts_ms[min(limit, len(trace)) - 1]) + 1)
    return prepared(task.meter.name, kept, task.number, COPIES)


def _detectors(task: CloudTask, trial: Trial) -> Iterator[tuple[str, Detector]]:
    history = trial.history.series
    plan = TrainPlan(epochs=task.epochs, batch=BATCH, patience=PATIENCE, seed=task.seed)
    model = trained_model(history.part(slice(0, round(_FITTED * len(history)))), task.recipe, plan)
    for suffix, looks in _looks(task.recipe):
        yield task.recipe.name + suffix, NetworkDetector(task.recipe.shape.network, Models({ANY: model}), looks)


def _looks(recipe: Recipe) -> list[tuple[str, Looks]]:
    """The papers' own way first; what averaging and amplitude bring is measured on the baseline and on denoising."""
    plain = [("", Looks(_STRIDE))]
    if recipe.shape.network is not Network.AUTOENCODER or recipe.name not in ("autoencoder", "denoising"):
        return plain
    both = (" + overlap + amplitude", Looks(_STRIDE, overlap=True, amplitude=True))
    if recipe.name == "denoising":
        return [*plain, both]
    return [
        *plain,
        (" + overlap", Looks(_STRIDE, overlap=True)),
        (" + amplitude", Looks(_STRIDE, amplitude=True)),
        both,
    ]


def _measured(trial: Trial, name: str, detector: Detector, seed: int) -> Findings:
    watcher = Watcher(detector, trial.history.record)
    watcher.learn(trial.history)
    clean, watched = watcher.watch(trial.clean), [watcher.watch(copy.course) for copy in trial.copies]
    rankings = [copy.ranking(one) for copy, one in zip(trial.copies, watched, strict=True)]
    at = {}
    for rate in CURVE:
        found = Detection.pool(
            detect(one.incidents[rate], copy.injected.events, clean=clean.incidents[rate])
            for copy, one in zip(trial.copies, watched, strict=True)
        )
        none = np.zeros(0, dtype=np.bool_)
        quiet = clean.incidents[rate]
        at[rate] = AtRate(alarms_on(trial.clean, quiet), open_on(trial.clean, quiet), found, found, none)
    return Findings(
        detector=name,
        device=trial.name,
        seed=seed,
        rankings=tuple(ranking for ranking in rankings if ranking is not None),
        at=at,
        targets=tuple(target for copy in trial.copies for target in copy.targets),
        invisible=sum(len(copy.injected.invisible) for copy in trial.copies),
    )
