"""The suite `paper-edge`: Utomo & Hsiung, "Anomaly Detection at the IoT Edge using Deep Learning", done again."""

from __future__ import annotations

import time
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from kilowatch.core.outputs_papers import PaperEdgeOutput, Spread, WindowRow
from kilowatch.lab.bench.machine import machine
from kilowatch.lab.suites.papers.edge_tasks import EdgeTask, run_edge
from kilowatch.lab.suites.papers.injected import TYPES, Unseen
from kilowatch.lab.suites.papers.ledger import Ledger
from kilowatch.lab.suites.papers.meters import Split, pairs
from kilowatch.lab.suites.papers.phases import phases
from kilowatch.lab.suites.papers.words import EDGE_PROTOCOL, EDGE_PUBLISHED
from kilowatch.lab.suites.pool import run_all

if TYPE_CHECKING:
    from collections.abc import Sequence

    from kilowatch.lab.suites.pool import Progress

EPOCHS = 100
_QUICK_EPOCHS = 3


@dataclass(frozen=True, slots=True)
class EdgeOptions:
    """How much of it to run; pairs: None for all 66. results: the file that an interrupted run goes on from."""

    pairs: int | None = None
    seeds: int = 1
    quick: bool = False
    epochs: int = EPOCHS
    workers: int = 1
    results: Path = Path(".run/paper-edge.jsonl")


def evaluate_edge(options: EdgeOptions, progress: Progress) -> PaperEdgeOutput:
    """Run the suite; `ReadingError` where the meters are missing, `MissingExtraError` without the train extra."""
    started = time.perf_counter()
    epochs = _QUICK_EPOCHS if options.quick else options.epochs
    tasks = edge_tasks(options, epochs)
    known = Ledger(options.results, WindowRow).read()
    left = [task for task in tasks if task.key not in known]
    run_all(run_edge, left, options.workers, lambda done, _: progress(len(tasks) - len(left) + done, len(tasks)))
    found = Ledger(options.results, WindowRow).read()
    rows = [row for task in tasks for row in found[task.key]]
    return PaperEdgeOutput(
        quick=options.quick,
        machine=machine(),
        seconds=round(time.perf_counter() - started, 1),
        epochs=epochs,
        protocol=list(EDGE_PROTOCOL),
        published=list(EDGE_PUBLISHED),
        spreads=spreads(rows),
        rows=rows,
        phases=phases(rounds=2 if options.quick else 20),
    )


def edge_tasks(options: EdgeOptions, epochs: int) -> list[EdgeTask]:
    """Return what is to be trained: the paper's protocol first, what goes beyond it after."""
    if options.quick:
        return [EdgeTask(pairs(1)[0], Split.PAPER, 0, epochs, options.results)]
    tasks = []
    for seed in range(options.seeds):
        for split in (Split.PAPER, Split.BY_TIME):
            tasks += [EdgeTask(pair, split, seed, epochs, options.results) for pair in pairs(options.pairs)]
        tasks += [EdgeTask(Unseen(kind), None, seed, epochs, options.results) for kind in (None, *TYPES)]
        tasks += [EdgeTask(pair, Split.TRAIN_SCALING, seed, epochs, options.results) for pair in pairs(options.pairs)]
        tasks += [
            EdgeTask(pair, Split.PAPER, seed, epochs, options.results, improved=True) for pair in pairs(options.pairs)
        ]
    return tasks


def spreads(rows: Sequence[WindowRow]) -> list[Spread]:
    """Return median and worst of each protocol and model over subjects and seeds."""
    grouped: defaultdict[tuple[str, str], list[WindowRow]] = defaultdict(list)
    for row in rows:
        grouped[row.protocol, row.model].append(row)
    return [_spread(protocol, model, of) for (protocol, model), of in grouped.items()]


def _spread(protocol: str, model: str, rows: Sequence[WindowRow]) -> Spread:
    accuracy, tpr, fpr = (np.array([getattr(row, name) for row in rows]) for name in ("accuracy", "tpr", "fpr"))
    return Spread(
        protocol=protocol,
        model=model,
        subjects=len({row.subject for row in rows}),
        seeds=tuple(sorted({row.seed for row in rows})),
        accuracy_median=_figure(np.median(accuracy)),
        accuracy_worst=_figure(accuracy.min()),
        tpr_median=_figure(np.median(tpr)),
        tpr_worst=_figure(tpr.min()),
        fpr_median=_figure(np.median(fpr)),
        fpr_worst=_figure(fpr.max()),
    )


def _figure(value: np.floating) -> float:
    return round(float(value), 4)
