"""The suite `paper-cloud`: Chawla et al., "Intelligent Monitoring of IoT Devices using Neural Networks", measured.

The paper shows one TV and prints no figure. Here each TV's network learns normal days and is tested on later ones.
"""

from __future__ import annotations

import time
from collections import defaultdict
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from kilowatch.core.device import Kind
from kilowatch.core.outputs_papers import PaperCloudOutput
from kilowatch.errors import ReadingError
from kilowatch.lab.bench.machine import machine
from kilowatch.lab.datasets import Family, meters
from kilowatch.lab.suites.breakdown import by_target
from kilowatch.lab.suites.papers.cloud_tasks import CloudTask, run_cloud
from kilowatch.lab.suites.papers.kept import KeptFindings
from kilowatch.lab.suites.papers.ledger import Ledger
from kilowatch.lab.suites.papers.recipes import BASELINE, QUICK_RECIPES, RECIPES
from kilowatch.lab.suites.papers.words import CLOUD_PROTOCOL
from kilowatch.lab.suites.pool import run_all
from kilowatch.lab.suites.rows import Summary, row_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from kilowatch.core.outputs_evaluate import EvaluateRow
    from kilowatch.lab.datasets import MeterFile
    from kilowatch.lab.suites.findings import Findings
    from kilowatch.lab.suites.pool import Progress

EPOCHS, SEEDS = 100, 5
_QUICK_EPOCHS = 2
_TEST_DAYS, _QUICK_DAYS = 14, 2


@dataclass(frozen=True, slots=True)
class CloudOptions:
    """How much of it to run. results: the file that an interrupted run goes on from."""

    seeds: int = SEEDS
    quick: bool = False
    epochs: int = EPOCHS
    workers: int = 1
    results: Path = Path(".run/paper-cloud.jsonl")


def evaluate_cloud(options: CloudOptions, progress: Progress) -> PaperCloudOutput:
    """Run the suite; `ReadingError` where the plugs are missing, `MissingExtraError` without the train extra."""
    if options.quick:
        with TemporaryDirectory() as folder:
            return _evaluated(replace(options, results=Path(folder) / "quick.jsonl"), progress)
    return _evaluated(options, progress)


def _evaluated(options: CloudOptions, progress: Progress) -> PaperCloudOutput:
    started = time.perf_counter()
    devices = televisions()
    tasks = cloud_tasks(devices, options)
    ledger = Ledger(options.results, KeptFindings)
    left = [task for task in tasks if task.key not in ledger.read()]
    run_all(run_cloud, left, options.workers, lambda done, _: progress(len(tasks) - len(left) + done, len(tasks)))
    known = ledger.read()
    rows, recall = rows_of(kept.findings() for task in tasks for kept in known[task.key])
    return PaperCloudOutput(
        quick=options.quick,
        machine=machine(),
        seconds=round(time.perf_counter() - started, 1),
        epochs=tasks[0].epochs,
        seeds=tuple(sorted({task.seed for task in tasks})),
        devices=len({task.meter.name for task in tasks}),
        protocol=list(CLOUD_PROTOCOL),
        rows=rows,
        recall_by_type=recall,
    )


def rows_of(found: Iterable[Findings]) -> tuple[list[EvaluateRow], dict[str, dict[str, float]]]:
    """Return one row for each detector, and event recall by detector and type."""
    by_detector: defaultdict[str, list[Findings]] = defaultdict(list)
    for one in found:
        by_detector[one.detector].append(one)
    rows = [row_of(of, Summary()) for of in by_detector.values()]
    return rows, recall_by_type(by_detector, rows)


def televisions() -> list[MeterFile]:
    """Return the plugs of televisions; `ReadingError` where there is none."""
    found = [meter for meter in meters(Family.TRACEBASE) if _is_television(meter)]
    if not found:
        raise ReadingError("None of the plugs is a TV's.", "Their files are named tv_*.parquet.")
    return found


def cloud_tasks(devices: Sequence[MeterFile], options: CloudOptions) -> list[CloudTask]:
    """Return one task for each device and recipe, and each seed of the baseline.

    The first of a device brings the rows that need no training.
    """
    if options.quick:
        return [CloudTask(devices[0], 0, QUICK_RECIPES[0], 0, _QUICK_EPOCHS, _QUICK_DAYS, options.results, first=False)]
    return [
        CloudTask(meter, number, recipe, seed, options.epochs, _TEST_DAYS, options.results, first=place == seed == 0)
        # Seeds outermost: a run that is cut off has every plug and recipe once before it has any twice.
        for seed in range(options.seeds)
        for place, recipe in enumerate(RECIPES)
        # How far seeds spread is asked of the paper's own recipe; the variants are its ablation, once each.
        if seed == 0 or recipe is BASELINE
        for number, meter in enumerate(devices)
    ]


def recall_by_type(by_detector: dict[str, list[Findings]], rows: Sequence[EvaluateRow]) -> dict[str, dict[str, float]]:
    """Return event recall by detector and type of injection, all doses together."""
    out: dict[str, dict[str, float]] = {}
    for row in rows:
        counts: defaultdict[str, list[float]] = defaultdict(lambda: [0.0, 0.0])
        for line in by_target(by_detector[row.detector], row.requested_per_device_week or 1.0, Summary()):
            counts[line.group][0] += (line.event_recall or 0.0) * line.events
            counts[line.group][1] += line.events
        out[row.detector] = {kind: round(hits / of, 3) for kind, (hits, of) in sorted(counts.items()) if of}
    return out


def _is_television(meter: MeterFile) -> bool:
    return meter.record.kind is Kind.TV or meter.record.device.startswith("tv_")
